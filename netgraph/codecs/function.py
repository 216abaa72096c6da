"""The "Function" encoder and decoder: any Python function."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from netgraph.codecs.decoder import NetDecoder
from netgraph.codecs.encoder import NetEncoder
from netgraph.errors import NetError, NetShapeError, NetTypeError, NetValueError
from netgraph.spec.described import sort_of
from netgraph.spec.parameters import Flag, is_integer, parameter, wants
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType, parse_type


def _function(value):
    if not callable(value):
        raise wants("a function", value)
    return value


def _type(value):
    try:
        found = parse_type(value, "the type")
    except NetError as fault:
        raise wants(f"the dimensions of the array, or a port's type ({fault.headline})", value) from None
    if found.shape is None or None in found.shape:
        raise wants('dimensions that are all known or "Varying"', value)
    return found if found.kind is not None else PortType(REAL, found.shape)


def _pattern(value):
    if value is None or callable(value) or (isinstance(value, tuple) and all(isinstance(entry, type) for entry in value)):
        return value
    raise wants("a type, a tuple of types, a function that says True or False, or None", value)


AnyFunction = parameter(_function, {"type": "object"})


class FunctionEncoder(NetEncoder, kind="Function"):
    """Any function of one raw object that gives an array of the dimensions stated.

        NetEncoder(("Function", f, (2,)))
        NetEncoder(("Function", f, ("Varying", Integer(10))))    any type of a port whose sizes are known

    Pattern: what a raw object is: a type, a tuple of types, or a function that says so; with None, everything is one but lists, whose
    entries are. Batched: `f` is called once, with the list of objects. Threads may call `f` where training reads ahead.
    A function is code, so a net with one cannot be saved.
    Errors: NetShapeError where the function gives another shape, NetTypeError where it gives no numbers. Its own errors pass.
    Source: Wolfram's NetEncoder["Function"].

    >>> NetEncoder(("Function", lambda x: [x, x * x], (2,)))(3.0).tolist()
    [3.0, 9.0]
    """

    positional = ("Function", "Type")
    Function: AnyFunction
    Type: parameter(_type, {"type": "object"})
    Pattern: parameter(_pattern, {"type": "object"}) = None
    Batched: Flag = False
    wants = "an object that fits its Pattern"

    @classmethod
    def hint(cls, name: str) -> str:
        return '("Function", f, dimensions)'

    def port_type(self) -> PortType:
        return self.Type

    def is_raw(self, value) -> bool:
        pattern: Any = self.Pattern
        if isinstance(pattern, (type, tuple)):
            return isinstance(value, pattern)
        if pattern is not None:
            return bool(pattern(value))
        return not isinstance(value, list) and not (isinstance(value, np.ndarray) and value.dtype == object)

    def encode(self, value, source=None) -> Any:
        function: Callable = self.Function
        if self.Batched:
            return self._checked(function([value])[0])
        return self._checked(function(value))

    def encode_all(self, values, source=None):
        if not self.Batched:
            return super().encode_all(values, source)
        function: Callable = self.Function
        given = function(list(values))
        if len(given) != len(values):
            raise NetShapeError(f"{self!r}: the function was given {len(values)} objects and gave {len(given)} arrays")
        return [self._checked(entry) for entry in given]

    def _checked(self, value) -> Any:
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise NetTypeError(f"{self!r}: the function gave {sort_of(value)}, no array of numbers")
        wanted = self.Type.shape
        if len(array.shape) != len(wanted) or any(
            isinstance(want, int) and want != have for want, have in zip(wanted, array.shape, strict=True)
        ):
            raise NetShapeError(f"{self!r}: the function gave an array of shape {array.shape}, {self.Type} is stated")
        return array if array.ndim else array.item()


def _properties(value):
    if not isinstance(value, tuple) or not all(isinstance(name, str) for name in value):
        raise wants("a list of names", value)
    return value


def _rank(value):
    if value is not None and (not is_integer(value) or not 0 <= value <= 64):
        raise wants("a rank from 0 to 64, or None", value)
    return value


class FunctionDecoder(NetDecoder, kind="Function"):
    """Any function of an array of NumPy.

        NetDecoder(("Function", f))

    Properties: names; then `f(array, name)` gets the one that is asked for, the first of them when none is. InputDepth: the rank of one
    array; None, the default, takes what comes as one array, where no net says what one is. A function is code, so a net with one cannot
    be saved.
    Source: Wolfram's NetDecoder["Function"].

    >>> NetDecoder(("Function", lambda array: array.argmax().item()))([0.1, 0.9])
    1
    """

    positional = ("Function",)
    Function: AnyFunction
    Properties: parameter(_properties, {"type": "array"}) = ()
    InputDepth: parameter(_rank, {"type": ["integer", "null"]}) = None

    @classmethod
    def hint(cls, name: str) -> str:
        return '("Function", f)'

    def port_type(self) -> PortType:
        return PortType(None, None if self.InputDepth is None else (None,) * self.InputDepth)

    def ranks(self) -> tuple[int, ...]:
        return (self.InputDepth,) if self.InputDepth is not None else tuple(range(65))

    def offered(self) -> tuple[str, ...]:
        return self.Properties or ("Decision",)

    def decode(self, array, what, argument, source) -> Any:
        function: Callable = self.Function
        if argument is not None:
            raise NetValueError(f"{self!r}: {what!r} takes no argument")
        return function(array, what) if self.Properties else function(array)
