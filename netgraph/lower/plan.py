"""The plan of a net: containers and operators flattened into one list of typed steps, in the order they run. No torch here.

A value is a number; a step takes values and gives values. `Fold` merges the axis behind the batch into the batch (the members of a pair,
the elements of a sequence), `Unfold` takes it apart again, so a mapped net runs once for all of them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from netgraph.errors import NetTypeError, NetValueError
from netgraph.nets.container import Container, input_names
from netgraph.spec.declare import State
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, array_key
from netgraph.spec.typing import Terms, Typing, short, varying_of
from netgraph.types.sizes import Affine, Varying
from netgraph.types.store import Node, find, primary

_NOTHING: Mapping[str, int] = MappingProxyType({})


class Length(NamedTuple):
    """The true length along an axis: forms applied in turn to the lengths of one variable, repeated for each fold it was seen through."""

    variable: int
    steps: tuple[Affine, ...]
    folds: tuple[int, ...] = ()


class Call(NamedTuple):
    """A layer at work: its input and output values, the keys of its arrays, its sizes, and the true lengths of its varying axes.

    `states` are the recurrent states that something in the net feeds; `outputs` are those of its output ports, its readable ports, and the
    new values of all its recurrent states. `beside` are values that `forward` takes by keyword, such as what an inner net gave.
    """

    path: tuple[str, ...]
    layer: Layer
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    arrays: Mapping[str, str]
    noise: tuple[str, ...]
    states: Mapping[str, int]
    sizes: Mapping[str, object]
    lengths: Mapping[str, Mapping[int, Length]]
    function: str = "forward"
    beside: Mapping[str, int] = _NOTHING


class Fold(NamedTuple):
    """(batch, n, ...) -> (batch * n, ...)."""

    input: int
    output: int


class Unfold(NamedTuple):
    """(batch * n, ...) -> (batch, n, ...); `like` is the value that was folded, from which a varying n is read."""

    input: int
    output: int
    count: int | None
    like: int


class Apply(NamedTuple):
    """A plain function of tensors, such as a pair's distance."""

    path: tuple[str, ...]
    function: Callable
    inputs: tuple[int, ...]
    output: int


class StateNeed(NamedTuple):
    """A recurrent state that starts from what the caller gives, usually zeros: its key, kind, shape for one example, and folds."""

    path: str
    kind: str
    shape: tuple[int | Length, ...]
    folds: tuple[int | Length, ...]


class NoiseNeed(NamedTuple):
    """Random numbers that one layer wants: where, of which shape for one example, how often the batch is folded, from what.

    A varying size is the `Length` of its padded axis. `shared` ones are drawn once for the whole batch, with a first axis of 1.
    """

    path: str
    shape: tuple[int | Length, ...]
    folds: tuple[int | Length, ...]
    distribution: str
    shared: bool = False


class Plan:
    """The steps of a net, and what they need: inputs, arrays, states, noise and lengths by number, outputs by name."""

    def __init__(self, typing: Typing):
        self.typing = typing
        self.net = typing.net
        self.steps: list = []
        self.inputs: list[str] = list(input_names(typing.net))
        self.arrays: list[str] = []
        self.states: list[str] = []
        self.recurrent: list[StateNeed] = []
        self.noise: list[NoiseNeed] = []
        self.variables: list[Node] = []
        self.length_sources: list[tuple[str, int, int, Varying]] = []
        self._seen: set[str] = set()
        self.values: dict[tuple[tuple[str, ...], str, str], int] = {}
        self.coupled: list[tuple[str, ...]] = []
        self._count = 0
        self._folds: list[tuple[int | Length, int]] = []
        self.folds_of: dict[int, tuple[tuple[int | Length, int], ...]] = {}

    def new(self) -> int:
        """A fresh value."""
        self._count += 1
        if self._folds:
            self.folds_of[self._count - 1] = tuple(self._folds)
        return self._count - 1

    # -- what operators call -------------------------------------------------------------------------------------------------------

    def fold(self, value: int, count: Node) -> int:
        """`value` with the axis behind the batch, of size `count`, merged into it; until `unfold`, layers see `count` times the batch."""
        self._folds.append((self._size(count), value))
        folded = self.new()
        self.steps.append(Fold(value, folded))
        return folded

    def unfold(self, value: int) -> int:
        """The inverse of the last `fold`, on another value."""
        count, like = self._folds.pop()
        unfolded = self.new()
        self.steps.append(Unfold(value, unfolded, count if isinstance(count, int) else None, like))
        return unfolded

    def apply(self, path: tuple[str, ...], function, *inputs: int) -> int:
        """The value of a plain function of tensors."""
        output = self.new()
        self.steps.append(Apply(path, function, inputs, output))
        return output

    def inside(self, path: tuple[str, ...], net: Net, inputs: Mapping[str, int]) -> dict[str, int]:
        """Flatten the net at `path`, fed with `inputs`; the values at its output ports."""
        for name, value in inputs.items():
            self.values[path, "in", name] = value
        stack: list[tuple[tuple[str, ...], Net, Container | None, bool]] = [(path, net, None, False)]
        while stack:
            place, part, container, leaving = stack.pop()
            if leaving:
                self._leave(place, part)
                continue
            if container is not None:
                self._enter(place, container)
            if isinstance(part, Container):
                stack.append((place, part, None, True))
                stack.extend(((*place, name), part.children[name], part, False) for name in reversed(part.order()))
            elif isinstance(part, Layer):
                self._layer(place, part)
        outputs = self.typing.terms[path].outputs
        return {name: self.values[path, "out", name] for name in outputs}

    # -- the walk --------------------------------------------------------------------------------------------------------------------

    def _enter(self, place, container: Container) -> None:
        """The values at the inputs of a part: what its container wires into them."""
        for name, (source, port) in container.feeds()[place[-1]].items():
            self.values[place, "in", name] = (
                self.values[place[:-1], "in", port] if not source else self.values[(*place[:-1], *source), "out", port]
            )

    def _leave(self, place, part) -> None:
        for name, (source, port) in part.output_sources.items():
            self.values[place, "out", name] = self.values[place, "in", port] if not source else self.values[(*place, *source), "out", port]

    def _layer(self, place, layer: Layer) -> None:
        terms = self.typing.terms[place]
        inputs = {name: self.values[place, "in", name] for name in terms.inputs}
        unfold = getattr(layer, "unfold", None)
        if unfold is not None:
            for name, value in unfold(self, place, inputs).items():
                self.values[place, "out", name] = value
            return
        for name, value in self.call(place, layer, inputs).items():
            self.values[place, "out", name] = value

    def call(self, place: tuple[str, ...], layer: Layer, inputs: Mapping[str, int], beside: Mapping[str, int] = _NOTHING) -> dict[str, int]:
        """The values at the ports of a layer whose `forward` gets `inputs` and, by keyword, `beside`."""
        terms = self.typing.terms[place]
        lengths = self._lengths(place, layer, terms)
        if layer.coupled:
            if self._folds:
                raise NetTypeError(f"{'/'.join(place)}, {short(layer)}, sees the whole batch and cannot stand inside an operator")
            self.coupled.append(place)
        keys = {}
        for name, declared, setting in layer.array_places():
            key = array_key(place, name, setting)
            known = self.states if isinstance(declared, State) else self.arrays
            if key not in self._seen:
                self._seen.add(key)
                known.append(key)
            keys[name] = key
        folds = tuple(count for count, _ in self._folds)
        for name, run in terms.noise.items():
            shape = tuple(self._size(size) for size in find(run).value)
            declared = layer.schema_of().noise[name]
            self.noise.append(NoiseNeed("/".join((*place, name)), shape, folds, declared.distribution, declared.shared))
        states = {name: self.values[place, "in", name] for name in terms.state_ports if (place, "in", name) in self.values}
        for name, term in terms.state_ports.items():
            key = "/".join((*place, name))
            if name not in states and key not in self._seen:  # one that a net applied several times has starts the same each time
                self._seen.add(key)
                shape = tuple(self._size(size) for size in find(term.run).value)
                self.recurrent.append(StateNeed(key, find(term.kind).value or "real", shape, folds))
        outputs = {name: self.new() for name in (*terms.outputs, *terms.readable, *terms.state_ports)}
        sizes = {name: self._solved(node) for name, node in terms.names.items()}
        values = (tuple(inputs.values()), tuple(outputs.values()))
        self.steps.append(Call(place, layer, *values, keys, tuple(terms.noise), states, sizes, lengths, beside=beside))
        return outputs

    def _size(self, node: Node) -> int | Length:
        """A size, a varying one as the length it is."""
        value = find(node).value
        if not isinstance(value, Varying):
            return value
        base, steps = primary(node)
        return Length(self.variable(base), steps)

    def _solved(self, node: Node):
        value = find(node).value
        return tuple(find(size).value for size in value) if isinstance(value, tuple) else value

    def _lengths(self, place, layer: Layer, terms: Terms) -> dict[str, dict[int, Length]]:
        found: dict[str, dict[int, Length]] = {}
        for name, term in terms.inputs.items():
            axes = {}
            for axis, base, steps in varying_of(term):
                axes[axis] = Length(self.variable(base), steps, tuple(value for _, value in self._folds))
            found[name] = axes
            if axes and layer.varying == "refused":
                label = "/".join((*place, name))
                kind = self.typing.type_of(term)
                raise NetValueError(
                    f"{label}: {type(layer).__name__} takes no varying axis, the input is {kind}",
                    fix=f"NetMapOperator({short(layer)}) to apply it to each element",
                )
        return found

    def variable(self, base: Node) -> int:
        """The number of a length variable."""
        base = find(base)
        for number, known in enumerate(self.variables):
            if find(known) is base:
                return number
        self.variables.append(base)
        return len(self.variables) - 1

    def lengths_at(self, path: tuple[str, ...], port: str) -> dict[int, Length]:
        """The true length along each varying axis of an output, as it leaves the net: axes that operators folded come first."""
        folds = self.folds_of.get(self.values[path, "out", port], ())
        axes = {axis: count for axis, (count, _) in enumerate(folds) if isinstance(count, Length)}
        terms = self.typing.terms[path]
        for axis, base, steps in varying_of(terms.source(port)):
            axes[axis + len(folds)] = Length(self.variable(base), steps)
        return axes

    def build(self) -> "Plan":
        """Flatten the whole net."""
        for name, term in self.typing.terms[()].inputs.items():
            for axis, base, steps in varying_of(term):
                self.length_sources.append((name, axis, self.variable(base), Varying(base if steps else None, steps)))
        self.inside((), self.net, {name: self.new() for name in self.inputs})
        return self
