"""The "Boolean" encoder and decoder."""

from typing import Any

import numpy as np

from netgraph.codecs.decoder import NetDecoder
from netgraph.codecs.encoder import NetEncoder
from netgraph.codecs.nested import NestedShape, nested_type
from netgraph.codecs.probabilities import entropy, shortest, tempered
from netgraph.errors import NetValueError
from netgraph.spec.parameters import parameter, wants
from netgraph.types.kinds import BOOLEAN, REAL
from netgraph.types.port_type import PortType


class BooleanEncoder(NetEncoder, kind="Boolean"):
    """True to 1, False to 0.

    Dimensions: the encoder is applied to each element of arrays of this shape.
    Errors: NetTypeError for what is neither True nor False; 0 and 1 pass, being encoded already.
    Source: Wolfram's NetEncoder["Boolean"].

    >>> NetEncoder("Boolean")([True, False]).tolist()
    [1, 0]
    """

    Dimensions: NestedShape = ()
    wants = "True or False"

    def port_type(self) -> PortType:
        return nested_type(BOOLEAN, self.Dimensions)

    def is_raw(self, value) -> bool:
        array = np.asarray(value) if isinstance(value, (list, tuple, np.ndarray, bool, np.bool_)) else None
        return array is not None and array.dtype.kind == "b" and _fits(array.shape, self.Dimensions)

    def encode(self, value, source=None) -> Any:
        array = np.asarray(value, dtype=np.int64)
        return array if array.ndim else int(array)

    def partner(self, port=None) -> NetDecoder:
        return BooleanDecoder(InputDepth=len(self.Dimensions))


class BooleanDecoder(NetDecoder, kind="Boolean"):
    """A probability of True to False below 0.5, True otherwise; arrays of them elementwise.

    InputDepth: the rank of the array (0, a number). Properties: "Decision"; "Probability", of True; "Entropy", in nats;
    "RandomSample", also with a temperature, ("RandomSample", 0.5).
    Source: Wolfram's NetDecoder["Boolean"].

    >>> NetDecoder("Boolean")([0.2, 0.5])
    [False, True]
    >>> round(NetDecoder("Boolean")(0.5, "Entropy"), 6)
    0.693147
    """

    InputDepth: parameter(lambda value: _depth(value), {"type": "integer", "minimum": 0, "maximum": 64}) = 0
    properties = ("Decision", "Probability", "Entropy", "RandomSample")

    def port_type(self) -> PortType:
        return PortType(REAL, (None,) * self.InputDepth)

    def ranks(self) -> tuple[int, ...]:
        return (self.InputDepth,)

    def decode(self, array, what, argument, source) -> Any:
        if what == "Decision":
            return (array >= 0.5).tolist()
        if what == "Probability":
            return shortest(array)
        both = np.stack([1 - array, array], -1).astype(np.float64)
        if what == "Entropy":
            return entropy(both).tolist()
        if argument is not None:
            both = tempered(both, argument)
        return (source.random(array.shape) < both[..., 1]).tolist()

    def partner(self, port=None) -> NetEncoder:
        sizes = None if port is None else port.shape
        if self.InputDepth and sizes is None:
            raise NetValueError(f"{self!r} does not say the dimensions of its encoder", fix='NetEncoder(("Boolean", {"Dimensions": ...}))')
        return BooleanEncoder(Dimensions=tuple(size if isinstance(size, int) else "Varying" for size in sizes or ()))


def _depth(value):
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 64:
        raise wants("a rank from 0 to 64", value)
    return value


def _fits(shape: tuple[int, ...], wanted: tuple) -> bool:
    return len(shape) == len(wanted) and all(want in ("Varying", have) for want, have in zip(wanted, shape, strict=True))
