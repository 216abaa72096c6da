"""Names of ports from outside a net: `NetPort` and `NetPortGradient`."""

from typing import Any

from netgraph.errors import NetTypeError
from netgraph.types.symbols import All

__all__ = ["NetPort", "NetPortGradient"]


class NetPort:
    """A port by its path, for edges, evaluation and surgery.

        NetPort("x")                 a port of the whole net (or the layer called "x")
        NetPort("a", "port")         port of the layer "a"; also NetPort(["a", "port"]) and NetPort("a/port")
        NetPort(All, "States")       all recurrent states

    Names and positions (from 0, negative from the end) may be mixed. `NetPort("a") >> "b" >> NetPort("y")` is an edge.
    Source: Wolfram's NetPort.

    >>> NetPort("a", "Output") == NetPort(["a", "Output"]) == NetPort("a/Output")
    True
    """

    __slots__ = ("path",)

    def __init__(self, *path):
        if len(path) == 1 and isinstance(path[0], (list, tuple)):
            path = tuple(path[0])
        if len(path) == 1 and isinstance(path[0], str) and "/" in path[0]:
            path = tuple(int(p) if p.lstrip("-").isdigit() else p for p in path[0].split("/"))
        if len(path) == 2 and isinstance(path[0], (list, tuple)):
            path = (*path[0], path[1])
        for entry in path:
            if entry is not All and (isinstance(entry, bool) or not isinstance(entry, (str, int))):
                raise NetTypeError(f"{type(self).__name__} wants names and positions, got {entry!r}")
        if not path:
            raise NetTypeError(f"{type(self).__name__} wants the name of a port")
        object.__setattr__(self, "path", path)

    def __setattr__(self, key, value):
        raise AttributeError("a port's name cannot be changed")

    def __eq__(self, other) -> bool:
        return type(other) is type(self) and self.path == other.path

    def __hash__(self) -> int:
        return hash((type(self), self.path))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(repr(p) for p in self.path)})"

    def __rshift__(self, other) -> "Run":
        return Run((self,)) >> other

    def __rrshift__(self, other) -> "Run":
        return Run((other,)) >> self


class NetPortGradient(NetPort):
    """The gradient of a net's output with respect to a port or array, as what to evaluate: `net(x, NetPortGradient("Input"))`.

    As a key of the data it imposes the gradient at an output: `net({"Input": x, NetPortGradient("Output"): g}, NetPortGradient("Input"))`.
    Source: Wolfram's NetPortGradient.
    """

    __slots__ = ()


class Run:
    """An edge, or several in a row, written with `>>`."""

    __slots__ = ("stops",)

    def __init__(self, stops):
        self.stops = tuple(stops)

    def __rshift__(self, other) -> "Run":
        return Run((*self.stops, *(other.stops if isinstance(other, Run) else (other,))))

    def __rrshift__(self, other) -> "Run":
        return Run((other, *self.stops))

    def __repr__(self) -> str:
        return " >> ".join(repr(stop) for stop in self.stops)


def path_of(place) -> tuple[Any, ...]:
    """A place as a tuple of names and positions: from "a/b", a name, a number, a tuple or a NetPort."""
    if isinstance(place, NetPort):
        return place.path
    if isinstance(place, str):
        return tuple(int(p) if p.lstrip("-").isdigit() else p for p in place.split("/")) if "/" in place else (place,)
    if isinstance(place, (list, tuple)):
        return tuple(place)
    if (isinstance(place, int) and not isinstance(place, bool)) or place is All or isinstance(place, slice):
        return (place,)
    raise NetTypeError(f"a place in a net is a name, a position, a slice, a path or a NetPort, got {place!r}")
