"""The plan of a net: containers and operators flattened into one list of typed steps, in the order they run. No torch here.

A value is a number; a step takes values and gives values. `Fold` merges the axis behind the batch into the batch (the members of a pair,
the elements of a sequence), `Unfold` takes it apart again, so a mapped net runs once for all of them. `Loop` holds the steps of a cell
that runs once for each element, one after the other.
"""

from collections.abc import Callable, Iterator, Mapping
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
    """A plain function of tensors, such as a pair's distance, and of the true lengths `lengths`, which come last."""

    path: tuple[str, ...]
    function: Callable
    inputs: tuple[int, ...]
    output: int
    lengths: tuple[Length, ...] = ()


class Start(NamedTuple):
    """A recurrent state of an operator as the caller gives it."""

    key: str
    output: int


class Finish(NamedTuple):
    """The value that a recurrent state of an operator, given by the caller, has in the end."""

    key: str
    input: int


class Carried(NamedTuple):
    """A state that a loop hands from step to step: where it starts, its value inside the loop, the value that a step makes of it, and
    what it is after the last step."""

    start: int
    value: int
    then: int
    last: int
    port: str


class Loop:
    """Steps that run once for each element along the axis behind the batch: in the loop an element has no such axis.

    `elements` are pairs (whole value, value inside), `states` what is handed on, `results` pairs (value inside, all of them as one
    sequence). `count` is the number of elements: beyond its own length an example's states stand still.
    """

    def __init__(self, path: tuple[str, ...], count: int | Length, length: Length | None):
        self.path, self.count, self.length = path, count, length
        self.steps: list = []
        self.elements: list[tuple[int, int]] = []
        self.states: list[Carried] = []
        self.results: list[tuple[int, int]] = []


class StateNeed(NamedTuple):
    """A recurrent state that starts from what the caller gives, usually zeros: its key, kind, shape for one example, and folds.

    In a loop each step has states of its own: their numbers of steps are in front of the shape.
    """

    path: str
    kind: str
    shape: tuple[int | Length, ...]
    folds: tuple[int | Length, ...]


class NoiseNeed(NamedTuple):
    """Random numbers that one layer wants: where, of which shape for one example, how often the batch is folded, from what.

    A varying size is the `Length` of its padded axis. `shared` ones are drawn once for the whole batch, with a first axis of 1. In loops
    the numbers of steps are in front of the shape.
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
        self.depths: dict[int, int] = {}  # of each value that was folded, in how many loops
        self._loops: list[tuple[Loop, list]] = []
        self.loops_of: dict[int, tuple[Loop, ...]] = {}

    def new(self) -> int:
        """A fresh value."""
        self._count += 1
        if self._folds:
            self.folds_of[self._count - 1] = tuple(self._folds)
        if self._loops:
            self.loops_of[self._count - 1] = tuple(loop for loop, _ in self._loops)
        return self._count - 1

    def like(self, value: int) -> int:
        """A fresh value that stands in the folds and loops of `value`."""
        fresh = self.new()
        if value in self.folds_of:
            self.folds_of[fresh] = self.folds_of[value]
        if value in self.loops_of:
            self.loops_of[fresh] = self.loops_of[value]
        return fresh

    # -- what operators call -------------------------------------------------------------------------------------------------------

    def fold(self, value: int, count: Node) -> int:
        """`value` with the axis behind the batch, of size `count`, merged into it; until `unfold`, layers see `count` times the batch."""
        self._folds.append((self._size(count), value))
        self.depths[value] = len(self._loops)
        folded = self.new()
        self.steps.append(Fold(value, folded))
        return folded

    def unfold(self, value: int) -> int:
        """The inverse of the last `fold`, on another value."""
        count, like = self._folds.pop()
        unfolded = self.new()
        self.steps.append(Unfold(value, unfolded, count if isinstance(count, int) else None, like))
        return unfolded

    def apply(self, path: tuple[str, ...], function, *inputs: int, lengths: tuple[Length, ...] = ()) -> int:
        """The value of a plain function of tensors, and of true lengths."""
        output = self.new()
        self.steps.append(Apply(path, function, inputs, output, lengths))
        return output

    def length(self, count: Node) -> Length | None:
        """The true length that a size is for each example that layers see here; None for a fixed one."""
        size = self._size(count)
        return size._replace(folds=tuple(value for _, value in self._folds)) if isinstance(size, Length) else None

    def loop(self, path: tuple[str, ...], count: Node) -> Loop:
        """Open a loop of `count` steps: until `close`, what is added runs in it, once a step."""
        loop = Loop(path, self._size(count), self.length(count))
        self._loops.append((loop, self.steps))
        self.steps = loop.steps
        return loop

    def element(self, value: int) -> int:
        """In the open loop, the element of `value` that a step sees."""
        loop, _ = self._loops[-1]
        loop.elements.append((value, self.new()))
        return loop.elements[-1][1]

    def close(self, loop: Loop, results: Mapping[str, int], states: Mapping[str, tuple[int, int]]) -> dict[str, int]:
        """Close the loop: the values after it of `results`, as sequences, and of `states`, each (value inside, what a step makes of it).

        A state is that of the port of its name at the loop's path.
        """
        _, self.steps = self._loops.pop()
        starts = {name: self.begin(loop.path, name) for name in states}
        self.steps.append(loop)
        outputs = {name: self.surfaced(value, loop) for name, value in results.items()}
        for name, (value, then) in states.items():
            outputs[name] = self.new()
            loop.states.append(Carried(starts[name], value, then, outputs[name], name))
            self.finish(loop.path, name, outputs[name])
        return outputs

    def begin(self, path: tuple[str, ...], name: str) -> int:
        """Where a state port of the operator at `path` starts: the value that feeds it, or what the caller gives."""
        if (path, "in", name) in self.values:
            return self.values[path, "in", name]
        self._need_state(path, name)
        value = self.new()
        self.steps.append(Start("/".join((*path, name)), value))
        return value

    def finish(self, path: tuple[str, ...], name: str, value: int) -> None:
        """The value of a state port of the operator at `path` in the end."""
        if (path, "in", name) not in self.values:
            self.steps.append(Finish("/".join((*path, name)), value))

    def surfaced(self, value: int, loop: Loop) -> int:
        """The sequence of what `value`, inside the loop, is in each of its steps."""
        for inner, outer in loop.results:
            if inner == value:
                return outer
        outer = self.new()
        around = self.loops_of.get(value, ())
        if loop in around and around.index(loop):
            self.loops_of[outer] = around[: around.index(loop)]
        if value in self.folds_of:
            self.folds_of[outer] = self.folds_of[value]
        loop.results.append((value, outer))
        return outer

    def visible(self, value: int) -> int:
        """What `value` is outside all loops: the sequences of what it is in their steps."""
        for loop in reversed(self.loops_of.get(value, ())):
            value = self.surfaced(value, loop)
        return value

    def around(self, value: int) -> list[tuple[int, int | Length]]:
        """The levels that operators put around a value: where each stands once it is unfolded, and its size, from the outermost.

        A tensor in a fold and in a loop has the levels of its folds in front of those of its loops.
        """
        folds, loops = self.folds_of.get(value, ()), self.loops_of.get(value, ())
        levels = [(self.depths[like], 0, place, count) for place, (count, like) in enumerate(folds)]
        levels += [(depth, 1, len(folds) + depth, loop.count) for depth, loop in enumerate(loops)]
        return [(place, count) for _, _, place, count in sorted(levels, key=lambda level: level[:3])]

    def calls(self, steps: list | None = None) -> Iterator[Call]:
        """Every layer at work in the plan or in these steps of it, those in loops too, in order."""
        stack = [iter(self.steps if steps is None else steps)]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
            elif isinstance(step, Loop):
                stack.append(iter(step.steps))
            elif isinstance(step, Call):
                yield step

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
            if self._folds or self._loops:
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
            declared = layer.schema_of().noise[name]
            shape = (*self._steps(), *(self._size(size) for size in find(run).value))
            self.noise.append(NoiseNeed("/".join((*place, name)), shape, folds, declared.distribution, declared.shared))
        states = {name: self.values[place, "in", name] for name in terms.state_ports if (place, "in", name) in self.values}
        for name in terms.state_ports:
            if name not in states:
                self._need_state(place, name)
        outputs = {name: self.new() for name in (*terms.outputs, *terms.readable, *terms.state_ports)}
        sizes = {name: self._solved(node) for name, node in terms.names.items()}
        values = (tuple(inputs.values()), tuple(outputs.values()))
        self.steps.append(Call(place, layer, *values, keys, tuple(terms.noise), states, sizes, lengths, beside=beside))
        return outputs

    def _need_state(self, place: tuple[str, ...], name: str) -> None:
        """A recurrent state that nothing feeds; one that a net applied several times has starts the same each time."""
        key, term = "/".join((*place, name)), self.typing.terms[place].state_ports[name]
        if key not in self._seen:
            self._seen.add(key)
            shape = tuple(self._size(size) for size in find(term.run).value)
            folds = tuple(count for count, _ in self._folds)
            self.recurrent.append(StateNeed(key, find(term.kind).value or "real", (*self._steps(), *shape), folds))

    def _steps(self) -> tuple[int | Length, ...]:
        """The numbers of steps of the open loops."""
        return tuple(loop.count for loop, _ in self._loops)

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

    def value_at(self, path: tuple[str, ...], port: str) -> int:
        """The value at a port of a part: what leaves it there, or else what comes in."""
        found = self.values.get((path, "out", port))
        return self.values[path, "in", port] if found is None else found

    def lengths_at(self, path: tuple[str, ...], port: str) -> dict[int, Length]:
        """The true length along each varying axis of a value, as it leaves the net: axes of operators around it come first."""
        counts = [count for _, count in self.around(self.value_at(path, port))]
        axes = {axis: count for axis, count in enumerate(counts) if isinstance(count, Length)}
        terms = self.typing.terms[path]
        for axis, base, steps in varying_of(terms.source(port)):
            axes[axis + len(counts)] = Length(self.variable(base), steps)
        return axes

    def build(self) -> "Plan":
        """Flatten the whole net."""
        for name, term in self.typing.terms[()].inputs.items():
            for axis, base, steps in varying_of(term):
                self.length_sources.append((name, axis, self.variable(base), Varying(base if steps else None, steps)))
        self.inside((), self.net, {name: self.new() for name in self.inputs})
        return self
