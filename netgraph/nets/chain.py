"""NetChain: layers in a row."""

from collections.abc import Mapping
from itertools import pairwise

from netgraph.errors import NetTypeError
from netgraph.nets.container import Container, Wire, check_name, input_names, multipliers_of, one_port, output_names
from netgraph.nets.notation import chain_with, to_net
from netgraph.spec.net import Net, part_of

__all__ = ["NetChain"]


class NetChain(Container):
    """Layers in a row: the output of each is the input of the next.

        NetChain([layer1, layer2, ...])                     addressed by number, from 0
        NetChain({"name1": layer1, "name2": layer2, ...})   addressed by name, or number
        NetChain(..., Input=shape, Output=shape)

    n is short for LinearLayer(n), `Ramp` for ElementwiseLayer(Ramp), a list for a nested chain. The chain has the inputs of its first
    layer and the outputs of its last; each layer between has one of either. Sizes are inferred in both directions; what stays open may
    be. `NetChain([])` is the identity.
    Errors: NetShapeError with both origins when sizes contradict; NetTypeError for what is no layer or does not fit in a row.
    Source: Wolfram's NetChain.

    >>> NetChain([200, Ramp, 1], Input=2).outputs["Output"]
    PortType(real (1,))
    """

    def __init__(self, layers, *more, **options):
        if more:
            raise NetTypeError("NetChain wants one list of layers, several arguments were given", fix="NetChain([layer1, layer2, ...])")
        multipliers = multipliers_of(options)
        if isinstance(layers, Mapping):
            parts = {check_name(name, "NetChain"): to_net(layer, name) for name, layer in layers.items()}
            named = True
        elif isinstance(layers, (list, tuple)):
            parts = {str(i): to_net(layer, str(i)) for i, layer in enumerate(layers)}
            named = False
        else:
            raise NetTypeError(f"NetChain wants a list of layers or a dict of them by name, got {layers!r}")
        self._build(named, *row(parts), options, multipliers)

    @property
    def input_count(self) -> int | None:
        first: Net = self
        while isinstance(first, NetChain):
            if not first.children:
                return 1
            first = next(iter(first.children.values()))
        return first.input_count

    def with_inputs(self, count: int) -> "NetChain":
        """The chain with `count` inputs, when its first layer takes any number of them."""
        if self.input_count is not None:
            return self
        parts = {name: part_of(self, name) for name in self.children}
        first = next(iter(parts))
        parts[first] = parts[first].with_inputs(count)
        options = dict(self.given)
        layers = parts if self.named else list(parts.values())
        return NetChain(layers, LearningRateMultipliers=self._multipliers, **options)

    def text(self, depth: int) -> str:
        return f"NetChain({', '.join([self.layers_text(depth), *self.options_text()])})"


def row(parts: dict[str, Net]):
    """Parts, inputs, wires and outputs of a row of layers. Errors: NetTypeError for one that does not fit in a row."""
    names = list(parts)
    if not names:
        return parts, ("Input",), (), {"Output": ((), "Input")}
    for name in names[1:]:
        if parts[name].input_count is None:
            parts[name] = parts[name].with_inputs(1)
    outs = {name: output_names(part) for name, part in parts.items()}
    wires = [
        Wire(
            (before,),
            one_port(outs[before], "output", before, parts[before]),
            name,
            one_port(input_names(parts[name]), "input", name, parts[name]),
        )
        for before, name in pairwise(names)
    ]
    first, last = names[0], names[-1]
    inputs = input_names(parts[first])
    feeds = [Wire((), port, first, port) for port in inputs]
    return parts, inputs, (*feeds, *wires), {port: ((last,), port) for port in outs[last]}


chain_with(NetChain)
