"""Arrays as values: how a user gives one, how a net keeps it, and `NetArray`, an array shared by name."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch

from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.names import spelled
from netgraph.types.port_type import parse_type
from netgraph.types.symbols import All, Automatic

__all__ = ["NetArray"]


class NetArray:
    """An array shared by name: every use of the name within a net is one array.

        NetArray("w")                       the array called "w"
        NetArray(Name="w", Array=a)         the same, starting from `a`
        NetArray(Dimensions=(2, 3))         of known dimensions; without a name it is the layer's own
        NetArray(All)                       all shared arrays of a net, in net_extract

    It is given where an array is: `LinearLayer(3, Weights=NetArray("w"))`. The dimensions of all uses must agree. Inside the function of a
    FunctionLayer it is a learned array of that layer, with which one computes as with a tensor; there it says its Dimensions or its Array.
    Errors: NetTypeError for a name that is no text, NetValueError for a name with "/" or "." in it.
    Source: Wolfram's NetArray.

    >>> NetArray("w")
    NetArray("w")
    >>> FunctionLayer(lambda x: NetArray("w", Array=[[1, 2], [3, 4]]) @ x)([1, 1])
    array([3., 7.], dtype=float32)
    """

    __slots__ = ("array", "dimensions", "name")

    def __init__(self, *args, **options):
        options = spelled(options, ["Name", "Array", "Dimensions"], "NetArray")
        if len(args) > 1 or (args and "Name" in options):
            raise NetTypeError("NetArray wants one name: NetArray(name, Array=..., Dimensions=...)")
        name = args[0] if args else options.get("Name", Automatic)
        if name is not Automatic and name is not All and not isinstance(name, str):
            raise NetTypeError(f"NetArray: Name wants a text, got {name!r}")
        if isinstance(name, str) and (not name or any(c in name for c in "/.") or "->" in name):
            raise NetValueError(f'NetArray: Name {name!r} may not be empty or contain "/", "." or "->"')
        if isinstance(name, str) and not name.isprintable():
            raise NetValueError(f"NetArray: Name {name!r} may hold only printable characters")
        array = options.get("Array", Automatic)
        dimensions = options.get("Dimensions", Automatic)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "array", array if array is Automatic else owned(array, "NetArray: Array"))
        shape = None if dimensions is Automatic else parse_type(dimensions, "NetArray: Dimensions").shape
        object.__setattr__(self, "dimensions", shape)
        if TRACING:
            TRACING[-1].note(self)

    def __setattr__(self, key, value):
        raise AttributeError("a NetArray cannot be changed")

    def __eq__(self, other) -> bool:
        return isinstance(other, NetArray) and (self.name, self.dimensions) == (other.name, other.dimensions)

    def __hash__(self) -> int:
        return hash((self.name, self.dimensions))

    def __getattr__(self, name: str) -> Any:
        # while a function is traced it has all that a tensor has
        if TRACING and not name.startswith("__"):
            return getattr(TRACING[-1].array(self), name)
        raise AttributeError(f"a NetArray has no attribute {name!r}: it is an array only inside the function of a FunctionLayer")

    @classmethod
    def __torch_function__(cls, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if not TRACING:
            raise NetTypeError(f"torch.{function.__name__} of a NetArray: it is an array only inside the function of a FunctionLayer")
        traced = TRACING[-1].array

        def taken(part: Any) -> Any:
            if isinstance(part, (list, tuple)):
                return type(part)(map(taken, part))
            return traced(part) if isinstance(part, NetArray) else part

        return function(*map(taken, args), **{word: taken(part) for word, part in (kwargs or {}).items()})

    def __repr__(self) -> str:
        parts = [] if self.name is Automatic else ["All"] if self.name is All else [f'"{self.name}"']
        if self.dimensions is not None:
            parts.append(f"Dimensions={self.dimensions}")
        return f"NetArray({', '.join(parts)})"


class Tracing(Protocol):
    """What records a function, as far as arrays are concerned."""

    def array(self, array: NetArray) -> Any:
        """The stand-in of an array."""

    def note(self, array: NetArray) -> None:
        """An array has come into being inside the function."""


TRACING: list[Tracing] = []
"""What records each function that is being traced, the innermost last."""


def _operator(name: str) -> Callable:
    def method(self: NetArray, *operands: Any) -> Any:
        if not TRACING:
            raise NetTypeError(f"{self!r} is an array only inside the function of a FunctionLayer")
        return getattr(TRACING[-1].array(self), name)(*operands)

    return method


_SIGNS = ("add", "sub", "mul", "truediv", "pow", "floordiv", "mod", "matmul")
for _name in (*_SIGNS, *(f"r{sign}" for sign in _SIGNS), "neg", "abs", "getitem", "lt", "le", "gt", "ge"):
    setattr(NetArray, f"__{_name}__", _operator(f"__{_name}__"))


def owned(value, where: str) -> torch.Tensor:
    """`value` as a contiguous CPU tensor of its own: floats stay as wide as float32, Booleans and integers become float32.

    Errors: NetTypeError for what is no array of numbers, NetValueError for an empty one or one that is not finite.
    """
    try:
        if isinstance(value, torch.Tensor):
            tensor = value.detach().to("cpu", copy=True)
        else:
            tensor = torch.from_numpy(np.array(value, dtype=None, order="C"))
    except (TypeError, ValueError) as error:
        raise NetTypeError(f"{where} wants an array of numbers, got {_short(value)}") from error
    if tensor.is_complex():
        raise NetTypeError(f"{where} wants real numbers, got {tensor.dtype}")
    if tensor.dtype not in (torch.float32, torch.float64) or not isinstance(value, torch.Tensor):
        tensor = tensor.to(torch.float32)
    if tensor.numel() == 0:
        raise NetValueError(f"{where}: arrays of size zero are not allowed, got shape {tuple(tensor.shape)}")
    if not bool(torch.isfinite(tensor).all()):
        raise NetValueError(f"{where} holds NaN or an infinite value")
    return tensor.contiguous()


def same_bits(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> bool:
    """Whether two maps hold the same arrays, bit for bit."""
    if a.keys() != b.keys():
        return False
    for name, x in a.items():
        y = b[name]
        if x is y:
            continue
        if x.dtype != y.dtype or x.shape != y.shape or not torch.equal(x.reshape(-1).view(torch.uint8), y.reshape(-1).view(torch.uint8)):
            return False
    return True


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
