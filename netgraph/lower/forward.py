"""The generated forward: the plan written out as one straight Python function that calls torch functions on tensors.

    forward(inputs, arrays, states, noise, lengths, valid) -> (outputs, states)

All arguments are tuples of plain tensors with the batch axis in front (`valid` a mask of the batch, or None): no module call, no
dictionary, no shape check. Each layer's `forward` is recorded once with torch.fx; what nothing needs is left out. A loop's cell is a
function of its own, written in front.

Beside its arrays and noise a layer's `forward` may ask by keyword for `training`, `sizes` (its named sizes, solved), `lengths` (the true
lengths along varying axes, by port), `valid`, `batch` (the number of examples that it sees) and `dtype` (of its real numbers).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.fx import Graph, Proxy
from torch.fx.proxy import GraphAppendingTracer

from netgraph.lower.fuse import fused
from netgraph.lower.loop import looped
from netgraph.lower.plan import Apply, Call, Finish, Fold, Length, Loop, NoiseNeed, Plan, Start, StateNeed, Unfold
from netgraph.spec.declare import State
from netgraph.spec.net import Net
from netgraph.spec.typing import Term, Typing, infer, short
from netgraph.types.store import find

DISCRETE = {"integer": torch.int64, "boolean": torch.bool}
"""The dtypes of kinds that are not real."""


class Lowered:
    """A net as one function of tensors: `forward`, its `source`, and what its tuples hold, in order.

    The tuple of states, given and returned, holds the running statistics `states` and then the recurrent states `recurrent`.
    """

    def __init__(self, plan: Plan, forward: Callable, source: str, outputs: Sequence[str], coupled: bool, noise: Sequence[NoiseNeed]):
        self.plan = plan
        self.forward = forward
        self.source = source
        self.inputs: tuple[str, ...] = tuple(plan.inputs)
        self.arrays: tuple[str, ...] = tuple(plan.arrays)
        self.states: tuple[str, ...] = tuple(plan.states)
        self.recurrent: tuple[StateNeed, ...] = tuple(plan.recurrent)
        self.noise: tuple[NoiseNeed, ...] = tuple(noise)
        self.outputs: tuple[str, ...] = tuple(outputs)
        self.coupled = coupled

    def __deepcopy__(self, memo) -> "Lowered":
        return self

    @property
    def typing(self) -> Typing:
        """The solved types the function was made for."""
        return self.plan.typing

    @property
    def length_count(self) -> int:
        """How many length variables the function takes."""
        return len(self.plan.variables)

    @property
    def unrolls(self) -> bool:
        """Whether a layer or loop runs step by step along a sequence, each of whose steps a tracer would write out."""
        looped = any(isinstance(step, Loop) for step in self.plan.steps)
        return looped or any(call.layer.schema_of().state_ports for call in self.plan.calls())

    def padded(self, size: int | Length, inputs: Sequence[torch.Tensor]) -> int:
        """A size of a noise or state need, for these padded inputs."""
        if isinstance(size, int):
            return size
        sources = self.plan.length_sources
        length = next(
            inputs[self.inputs.index(name)].shape[axis + 1] for name, axis, n, form in sources if n == size.variable and not form.steps
        )
        for form in size.steps:
            length = form(length)
        return length

    def zeros(self, need: StateNeed, inputs: Sequence[torch.Tensor], rows: int, dtype, device) -> torch.Tensor:
        """The recurrent state that `rows` examples start from when none is given."""
        for count in need.folds:
            rows = rows * self.padded(count, inputs)
        shape = (rows, *(self.padded(size, inputs) for size in need.shape))
        return torch.zeros(shape, dtype=DISCRETE.get(need.kind, dtype), device=device)

    def from_zeros(self, inputs, arrays, running, noise, lengths, valid):
        """`forward` with recurrent states that start from zeros and end unread: it takes and gives the running statistics alone."""
        if not self.recurrent:
            return self.forward(inputs, arrays, running, noise, lengths, valid)
        like = next((tensor for tensor in (*arrays, *inputs) if tensor.is_floating_point()), None)
        dtype, device = (torch.float32, None) if like is None else (like.dtype, like.device)
        rows = inputs[0].shape[0] if inputs else 1
        zeros = [self.zeros(need, inputs, rows, dtype, device) for need in self.recurrent]
        outputs, states = self.forward(inputs, arrays, (*running, *zeros), noise, lengths, valid)
        return outputs, states[: len(running)]


def lower(
    net: Net,
    mode: str = "Test",
    *,
    typing: Typing | None = None,
    wanted: Sequence[tuple[tuple[str, ...], str]] | None = None,
    final: bool = True,
) -> Lowered:
    """The lowered form of `net` in mode "Test" or "Train"; kept on the net, so asking again costs nothing.

    `typing` are full solved types (default: the net's own); `wanted` are values by part and port (default: the outputs of the net), also
    what comes in at a part; without `final` the function gives the running statistics alone, not the recurrent states.
    Errors: NetValueError for a varying axis where a layer takes none.
    """
    key = ("lowered", mode, None if wanted is None else tuple(wanted), None if typing is None else tuple(typing.inputs.items()), final)
    if key not in net._cache:
        net._cache[key] = _emit(Plan(typing or infer(net, full=True, close=True)).build(), mode, wanted, final)
    return net._cache[key]


def _emit(plan: Plan, mode: str, wanted, final: bool) -> Lowered:
    if wanted is None:
        wanted = [((), name) for name in plan.typing.terms[()].outputs]
    inner = [plan.value_at(path, port) for path, port in wanted]
    for value in inner:
        for _, like in plan.folds_of.get(value, ()):
            plan.visible(like)  # from which the length of a fold inside a loop is read
    shown = [(value, plan.visible(value)) for value in inner]
    writer = _Writer(plan, mode == "Train", ("inputs", "arrays", "states", "noise", "lengths", "valid"))
    writer.write(plan.steps)
    outputs = tuple(writer.output(*pair).node for pair in shown)
    states = tuple(writer.state(key).node for key in (*plan.states, *(need.path for need in plan.recurrent if final)))
    kept = writer.end((outputs, states))
    forward, source = writer.compiled("forward")
    return Lowered(plan, forward, source, [port for _, port in wanted], bool(plan.coupled), kept)


class _Values(dict):
    """The values of a function by number; one that is not its own is asked of `find`."""

    def __init__(self, find: Callable[[int], Any]):
        super().__init__()
        self.find = find

    def __missing__(self, value: int) -> Any:
        self[value] = self.find(value)
        return self[value]


class _Writer:
    """Records steps of a plan into the graph of a function with the arguments `names`."""

    def __init__(self, plan: Plan, training: bool, names: Sequence[str]):
        self.plan, self.training, self.graph = plan, training, Graph()
        self.tracer = GraphAppendingTracer(self.graph)
        self.arguments: dict[str, Any] = {name: Proxy(self.graph.placeholder(name), self.tracer) for name in names}
        self.values: dict[int, Any] = _Values(self.own_value)
        if "inputs" in names:
            self.values.update({number: self.own_value(number) for number in range(len(plan.inputs))})
        self.arrays = {key: self.arguments["arrays"][number] for number, key in enumerate(plan.arrays)}
        self.new_states: dict[str, Any] = {}
        self.noise: list[tuple[NoiseNeed, torch.fx.Node]] = []
        self.places: dict[torch.fx.Node, str] = {}
        self.needs = {need.path: need for need in plan.noise}
        self.given_states = {key: number for number, key in enumerate((*plan.states, *(need.path for need in plan.recurrent)))}
        self.discrete: set[int] = set()  # the values that hold integers or Booleans
        self.cells: list[str] = []  # the sources of the cells of loops
        self.rows: Any = None  # which rows of the batch are no padding; None where none is
        self.outer_folds: Sequence[tuple[int | Length, int]] = ()  # the folds that `rows` has gone through
        for number, name in enumerate(plan.inputs):
            self._mark(number, plan.typing.terms[()].inputs[name])

    # -- what a function takes from outside; a cell takes it from the function around it ----------------------------------------------

    def own_value(self, value: int) -> Any:
        """A value that no step of this function made."""
        return self.arguments["inputs"][value]

    def start(self, key: str) -> Any:
        """A running statistic or recurrent state as it is given."""
        return self.arguments["states"][self.given_states[key]]

    def state(self, key: str) -> Any:
        """A running statistic or recurrent state as it is now."""
        if key not in self.new_states:
            self.new_states[key] = self.start(key)
        return self.new_states[key]

    def drawn(self, need: NoiseNeed) -> Any:
        """The random numbers of a need."""
        value = self.arguments["noise"][len(self.noise)]
        self.noise.append((need, value.node))
        return value

    # -- writing -------------------------------------------------------------------------------------------------------------------

    def write(self, steps: list) -> None:
        for step in fused(self.plan, steps):
            last = next(reversed(self.graph.nodes))
            self._step(step)
            if isinstance(step, (Call, Apply)) and last.next.op != "root":
                place = "/".join(step.path) or "net"
                self.places[last.next] = f"{place}: {short(step.layer, 80) if isinstance(step, Call) else repr(step.function)}"

    def end(self, results) -> list[NoiseNeed]:
        """Return `results`; what nothing needs goes, and the noise that is left, which is given back, is numbered anew."""
        self.graph.output(results)
        self.graph.eliminate_dead_code()
        for node in self.graph.nodes:
            if hasattr(node.target, "unread"):  # an operation that is cheaper where some of its results are not wanted
                node.target.unread(node)
        kept = [(need, node) for need, node in self.noise if node.users]
        for number, (_, node) in enumerate(kept):
            node.args = (node.args[0], number)
        return [need for need, _ in kept]

    def compiled(self, name: str) -> tuple[Callable, str]:
        """The function, and its source behind those of the cells of its loops."""
        code = self.graph.python_code("")
        source = _with_places(_readable(code.src, name), self.graph, self.places)
        scope = dict(code.globals)
        exec(compile(source, f"<netgraph {name}>", "exec"), scope)
        return scope[name], "\n\n".join([*self.cells, source])

    def output(self, inner: int, value: int) -> Any:
        """A value as it leaves the net: what operators folded into its batch is taken apart again. `inner` is what it is inside loops."""
        result = self.values[value]
        for count, like in reversed(self.plan.folds_of.get(inner, ())):
            size = (
                count if isinstance(count, int) else self.values[self.plan.visible(like)].shape[1 + len(self.plan.loops_of.get(like, ()))]
            )
            result = result.unflatten(0, (-1, size))
        places = [place for place, _ in self.plan.around(inner)]
        return result if places == sorted(places) else result.movedim([place + 1 for place in places], [*range(1, len(places) + 1)])

    def _mark(self, value: int, term: Term) -> None:
        if find(term.kind).value in ("integer", "boolean"):
            self.discrete.add(value)

    def _taken(self, value: int, term: Term) -> Any:
        """A value as the port of a layer takes it: integers and Booleans as numbers where it wants reals."""
        real = value in self.discrete and find(term.kind).value == "real"
        return self.values[value].to(self._dtype()) if real else self.values[value]

    def _dtype(self) -> Any:
        """The dtype of real numbers: that of the arrays or, where there is none, of the first real input."""
        if self.plan.arrays:
            return self.arguments["arrays"][0].dtype
        real = next((number for number in range(len(self.plan.inputs)) if number not in self.discrete), None)
        return torch.float32 if real is None else self.values[real].dtype

    def _step(self, step) -> None:
        if isinstance(step, (Fold, Unfold)) and step.input in self.discrete:
            self.discrete.add(step.output)
        if isinstance(step, Fold):
            self.values[step.output] = self.values[step.input].flatten(0, 1)
        elif isinstance(step, Unfold):
            count = step.count if step.count is not None else self.values[step.like].shape[1]
            self.values[step.output] = self.values[step.input].unflatten(0, (-1, count))
        elif isinstance(step, Apply):
            self.values[step.output] = step.function(
                *(self.values[value] for value in step.inputs), *(self._length(length) for length in step.lengths)
            )
        elif isinstance(step, Loop):
            self._loop(step)
        elif isinstance(step, Start):
            self.values[step.output] = self.start(step.key)
        elif isinstance(step, Finish):
            self.new_states[step.key] = self.values[step.input]
        else:
            self._call(step)

    def _call(self, call: Call) -> None:
        schema = call.layer.schema_of()
        asked = schema.forward
        words: dict[str, object] = {}
        for name, key in call.arrays.items():
            words[name] = self.state(key) if key in self.given_states else self.arrays[key]
        for name, declared in schema.noise.items():
            wanted = self.training or not declared.only_in_training
            words[name] = self.drawn(self.needs["/".join((*call.path, name))]) if wanted else None
        for name in schema.state_ports:
            words[name] = self.values[call.states[name]] if name in call.states else self.start("/".join((*call.path, name)))
        words.update({name: self.values[value] for name, value in call.beside.items()})
        for word, value in (("training", self.training), ("sizes", call.sizes)):
            if word in asked:
                words[word] = value
        if "valid" in asked:
            words["valid"] = self.arguments["valid"]
        if "rows" in asked:
            words["rows"] = self._rows(self.plan.folds_of.get(call.outputs[0], ()))
        if "batch" in asked:
            words["batch"] = self._batch(call)
        if "lengths" in asked:
            words["lengths"] = {name: {axis: self._length(length) for axis, length in axes.items()} for name, axes in call.lengths.items()}
        if "dtype" in asked:
            words["dtype"] = self._dtype()
        function, terms = getattr(call.layer, call.function), self.plan.typing.terms[call.path]
        results = function(*(self._taken(value, term) for value, term in zip(call.inputs, terms.inputs.values(), strict=True)), **words)
        results = results if isinstance(results, tuple) else (results,)
        # what forward returns: outputs, readable values, running statistics, recurrent states
        plain = len(call.outputs) - len(schema.state_ports)
        running = [name for name, declared, _ in call.layer.array_places() if isinstance(declared, State)]
        for name, result in zip(running, results[plain : plain + len(running)], strict=True):
            self.new_states[call.arrays[name]] = result
        for value, result in zip(call.outputs, (*results[:plain], *results[plain + len(running) :]), strict=True):
            self.values[value] = result
        for value, term in zip(call.outputs, terms.outputs.values(), strict=False):
            self._mark(value, term)
        for name, value in zip(schema.state_ports, call.outputs[plain:], strict=True):
            if name not in call.states:
                self.new_states["/".join((*call.path, name))] = self.values[value]

    def _batch(self, call: Call) -> Any:
        """How many examples a layer sees: those of the net's inputs (one where it has none), with what operators folded into the batch."""
        folds = self.plan.folds_of.get(call.outputs[0], ())
        if folds:
            folded = self.values[folds[-1][1]]
            return folded.shape[0] * folded.shape[1]
        return self.values[0].shape[0] if self.plan.inputs else 1

    def _rows(self, folds: Sequence[tuple[int | Length, int]]) -> Any:
        """Which rows of a batch with these folds are no padding; None where none is."""
        rows, seen = self.rows, len(self.outer_folds)
        for number, (count, like) in enumerate(folds[seen:], seen):
            if isinstance(count, Length):
                value = self.values[like]
                true = self._length(count._replace(folds=tuple(folded for _, folded in folds[:number])))
                real = (torch.arange(value.shape[1], device=true.device) < true.unsqueeze(1)).flatten()
                rows = real if rows is None else rows.repeat_interleave(value.shape[1]) & real
            elif rows is not None:
                rows = rows.repeat_interleave(count)
        return rows

    def _loop(self, loop: Loop) -> None:
        cell = _Cell(self, loop)
        noise = cell.written()
        name = re.sub(r"\W", "_", "_".join(loop.path) or "net")
        function, source = cell.compiled(f"cell_{name}")
        self.cells.append(source)
        carried = [self.values[state.start] for state in loop.states]
        carried += [self.state(key) for key in cell.running]
        length = None if loop.length is None else self._length(loop.length)
        arguments = (
            tuple(cell.elements), tuple([self.drawn(need) for need in noise]), tuple(carried), tuple(cell.captured),
            self.arguments["arrays"], self.arguments["lengths"], cell.rows_around, length,
        )  # fmt: skip
        both: Any = self.tracer.create_proxy("call_function", looped(function, len(loop.states), name), arguments, {})
        sequences, last = both[0], both[1]
        for number, (inner, outer) in enumerate(loop.results):
            self.values[outer] = sequences[number]
            if inner in self.discrete:
                self.discrete.add(outer)
        for number, key in enumerate(cell.own_states, len(loop.results)):
            self.new_states[key] = sequences[number]
        for number, state in enumerate(loop.states):
            self.values[state.last] = last[number]
            if state.value in self.discrete:
                self.discrete.add(state.last)
        for number, key in enumerate(cell.running, len(loop.states)):
            self.new_states[key] = last[number]

    def _length(self, length: Length) -> Any:
        value = self.arguments["lengths"][length.variable]
        for folded in length.folds:
            value = value.repeat_interleave(self.values[folded].shape[1])
        for form in length.steps:
            value = value * form.multiply + form.add
            value = value if form.divide == 1 else torch.div(value, form.divide, rounding_mode="floor")
        return value


class _Cell(_Writer):
    """Records the cell of a loop: one step of it."""

    def __init__(self, around: _Writer, loop: Loop):
        super().__init__(around.plan, around.training, ("elements", "noise", "carried", "captured", "arrays", "lengths", "rows"))
        self.around, self.loop = around, loop
        self.discrete = around.discrete
        self.elements = [around.values[outer] for outer, _ in loop.elements]
        self.captured: list[Any] = []
        self.own_states: list[str] = []  # the recurrent states that each step has of its own
        keys = [key for call in self.plan.calls(loop.steps) for key in call.arrays.values() if key in self.given_states]
        self.running = list(dict.fromkeys(keys))
        for number, (outer, inner) in enumerate(loop.elements):
            self.values[inner] = self.arguments["elements"][number]
            if outer in self.discrete:
                self.discrete.add(inner)
        for number, state in enumerate(loop.states):
            self.values[state.value] = self.arguments["carried"][number]
            self._mark(state.value, self.plan.typing.terms[loop.path].state_ports[state.port])
        for number, key in enumerate(self.running, len(loop.states)):
            self.new_states[key] = self.arguments["carried"][number]
        self.outer_folds = self.plan.folds_of.get(loop.elements[0][0], ())
        self.rows_around = around._rows(self.outer_folds)
        if self.rows_around is not None or loop.length is not None:
            self.rows = self.arguments["rows"]

    def own_value(self, value: int) -> Any:
        self.captured.append(self.around.values[value])
        return self.arguments["captured"][len(self.captured) - 1]

    def start(self, key: str) -> Any:
        self.elements.append(self.around.start(key))
        self.own_states.append(key)
        return self.arguments["elements"][len(self.elements) - 1]

    def written(self) -> list[NoiseNeed]:
        """Write the cell; the noise that it needs."""
        self.write(self.loop.steps)
        results = [self.values[inner].node for inner, _ in self.loop.results] + [self.new_states[key].node for key in self.own_states]
        carried = [self.values[state.then].node for state in self.loop.states] + [self.new_states[key].node for key in self.running]
        return self.end((tuple(results), tuple(carried)))


def _readable(source: str, name: str) -> str:
    """fx's source of the function `name`, with torch's public names for its functions, and no `self`."""

    def public(match: re.Match) -> str:
        return f"torch.nn.functional.{match[1]}" if hasattr(torch.nn.functional, match[1]) else match[0]

    return re.sub(r"torch\._C\._nn\.(\w+)", public, source.replace("def forward(self, ", f"def {name}(", 1))


def _with_places(source: str, graph: Graph, places: Mapping[torch.fx.Node, str]) -> str:
    """The source with a comment before the first line of each layer."""
    present = set(graph.nodes)
    named = {node.name: text for node, text in places.items() if node in present}
    lines = []
    for line in source.splitlines():
        word = line.strip().split(" ", 1)[0]
        if word in named and line.startswith("    ") and " = " in line:
            # names come from users and files: one with a line break in it must not become a statement
            text = "".join(character if character.isprintable() else " " for character in named[word])
            lines.append(f"    # {text}")
        lines.append(line)
    return "\n".join(lines).strip() + "\n"
