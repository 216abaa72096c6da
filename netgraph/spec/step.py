"""What a layer does in one step of a sequence: how it takes part when a whole net is unfolded."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from netgraph.spec.net import Net
from netgraph.spec.ports import NetPort
from netgraph.types.port_type import PortType


class Step(NamedTuple):
    """One step of a layer, as parts and edges of a graph with the layer's ports; edges are written as in NetGraph.

    `states` are ports of the graph that are both inputs and outputs: what the step before left, and what this one leaves. `sequence` tells
    whether the outputs are elements of sequences again. Without parts the step hands its input on as it is.
    """

    parts: Mapping[str, Net]
    edges: Sequence = ()
    states: tuple[str, ...] = ()
    sequence: bool = True


def same_ports(net: Net, *, sequence: bool = True) -> Step:
    """The step that is `net`, whose ports are those of the layer."""
    return Step({"net": net}, (), (), sequence)


def state_edges(part: str, names: Sequence[str]) -> list:
    """The edges that make the state ports of a part those of the graph."""
    return [edge for name in names for edge in ((NetPort(name), NetPort(part, name)), (NetPort(part, name), NetPort(name)))]


def shortened(given: Mapping[str, PortType], ports) -> dict[str, PortType]:
    """Port types with the first level of `ports` taken away."""
    return {name: kind.one() if name in ports else kind for name, kind in given.items()}
