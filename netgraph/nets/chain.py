"""NetChain: layers in a row."""

from collections.abc import Mapping

from netgraph.errors import NetTypeError
from netgraph.nets.container import Container, Wire, check_name, input_names, multipliers_of, one_port, output_names
from netgraph.nets.notation import chain_with, to_net
from netgraph.spec.net import Net, part_of
from netgraph.types.symbols import Automatic

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

    def __init__(self, layers, **options):
        multipliers = multipliers_of(options)
        if isinstance(layers, Mapping):
            parts = {check_name(name, "NetChain"): to_net(layer, name) for name, layer in layers.items()}
            self.named = True
        elif isinstance(layers, (list, tuple)):
            parts = {str(i): to_net(layer, str(i)) for i, layer in enumerate(layers)}
            self.named = False
        else:
            raise NetTypeError(f"NetChain wants a list of layers or a dict of them by name, got {layers!r}")
        self._build(*_row(parts), options, multipliers)

    @property
    def input_count(self) -> int | None:
        first = next(iter(self.children.values()), None)
        return 1 if first is None else first.input_count

    def with_inputs(self, count: int) -> "NetChain":
        """The chain with `count` inputs, when its first layer takes any number of them."""
        if self.input_count is not None:
            return self
        parts = {name: part_of(self, name) for name in self.children}
        first = next(iter(parts))
        parts[first] = parts[first].with_inputs(count)
        options = {name: kind for name, kind in self.given.items()}
        layers = parts if self.named else list(parts.values())
        return NetChain(layers, LearningRateMultipliers=self._multipliers, **options)

    def own_key(self) -> tuple:
        return (*Container.own_key(self), self.named)

    def replaced(self, **changes) -> "NetChain":
        twin = Container.replaced(self, **changes)
        object.__setattr__(twin, "named", self.named)
        return twin

    def __repr__(self) -> str:
        parts = [repr(part) if not isinstance(part, Container) else f"{type(part).__name__}[{len(part)}]" for part in self.children.values()]
        names = list(self.children)
        inner = ", ".join(f'"{n}": {p}' for n, p in zip(names, parts, strict=True)) if self.named else ", ".join(parts)
        options = [f"{name}={kind.written()!r}" for name, kind in self.given.items()]
        if self._multipliers is not Automatic:
            options.append(f"LearningRateMultipliers={self._multipliers!r}")
        return f"NetChain({', '.join([f'{{{inner}}}' if self.named else f'[{inner}]', *options])})"


def _row(parts: dict[str, Net]):
    """Parts, inputs, wires and outputs of a row of layers."""
    names = list(parts)
    if not names:
        return parts, ("Input",), (), {"Output": ((), "Input")}
    for name in names[1:]:
        if parts[name].input_count is None:
            parts[name] = parts[name].with_inputs(1)
    outs = {name: output_names(part) for name, part in parts.items()}
    wires = [
        Wire((before,), one_port(outs[before], "output", before, parts[before]), name, one_port(input_names(parts[name]), "input", name, parts[name]))
        for before, name in zip(names, names[1:], strict=False)
    ]
    first, last = names[0], names[-1]
    inputs = input_names(parts[first])
    feeds = [Wire((), port, first, port) for port in inputs]
    return parts, inputs, (*feeds, *wires), {port: ((last,), port) for port in outs[last]}


chain_with(NetChain)
