"""Names of ports from outside a net: `NetPort`, `NetPortGradient` and `Jacobian`."""

from typing import Any

from netgraph.errors import NetTypeError
from netgraph.spec.names import spelled
from netgraph.types.symbols import All

__all__ = ["Jacobian", "NetPort", "NetPortGradient"]


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

        gradient[k] = d sum(output) / d place[k]        with imposed g: d sum(output * g) / d place[k]

    The place is an input port, an array by its path (`NetPortGradient("0/Weights")`, `NetPortGradient("a", 0, "Biases")`, the name of a
    shared array), or `All`, which gives a dict of all of them. Each example of a batch has its own gradient of its inputs; those of arrays
    are summed over the batch or, with PerExample=True, given for each example along a first axis. The elements of all outputs are added
    up. As a key of the data it imposes the gradient at an output: `net({"Input": x, NetPortGradient("Output"): g}, NetPortGradient(All))`.
    Errors: NetNameError for an unknown place; NetTypeError for an input of integers, and, with PerExample, where the net couples examples.
    Source: Wolfram's NetPortGradient; PerExample is ours.

    >>> net = LinearLayer((), Weights=[[1, 2]], Biases=[0])
    >>> net([[3, 4], [5, 6]], NetPortGradient("Input")).tolist(), net([[3, 4], [5, 6]], NetPortGradient("Weights")).tolist()
    ([[1.0, 2.0], [1.0, 2.0]], [[8.0, 10.0]])
    >>> net([[3, 4], [5, 6]], NetPortGradient("Weights", PerExample=True)).tolist()
    [[[3.0, 4.0]], [[5.0, 6.0]]]
    """

    __slots__ = ("per_example",)

    def __init__(self, *path, **options):
        super().__init__(*path)
        per_example = spelled(options, ["PerExample"], "NetPortGradient").get("PerExample", False)
        if not isinstance(per_example, bool):
            raise NetTypeError(f"NetPortGradient: PerExample wants True or False, got {per_example!r}")
        object.__setattr__(self, "per_example", per_example)

    def __eq__(self, other) -> bool:
        return super().__eq__(other) and self.per_example == other.per_example

    def __hash__(self) -> int:
        return hash((super().__hash__(), self.per_example))

    def __repr__(self) -> str:
        return super().__repr__() if not self.per_example else f"{super().__repr__()[:-1]}, PerExample=True)"


class Jacobian(NetPort):
    """All derivatives of each output element by each element of a port or array, as what to evaluate: `net(x, Jacobian("Input"))`.

        jacobian[i..., k...] = d output[i...] / d place[k...]

    The axes of the output come first, then those of the place: an input port, an array by its path (`Jacobian("0/Weights")`), or `All`,
    which gives a dict of all places. Each example of a batch has its own, also for arrays; a net with several outputs gives a dict of them.
    Errors: NetNameError for an unknown place; NetTypeError for an input of integers, and for a net that couples examples.
    Source: none.

    >>> ElementwiseLayer(lambda x: x ** 2)([1, 3], Jacobian("Input")).tolist()
    [[2.0, 0.0], [0.0, 6.0]]
    >>> LinearLayer(2, Weights=[[1, 2], [3, 4]], Biases=[0, 0])([[1, 0], [0, 1], [1, 1]], Jacobian("Weights")).shape
    (3, 2, 2, 2)
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
