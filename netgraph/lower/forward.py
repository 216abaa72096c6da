"""The generated forward: the plan written out as one straight Python function that calls torch functions on tensors.

    forward(inputs, arrays, states, noise, lengths, valid) -> (outputs, states)

All arguments are tuples of plain tensors with the batch axis in front (`valid` a mask of the batch, or None): no module call, no
dictionary, no shape check. Each layer's `forward` is recorded once with torch.fx; what nothing needs is left out.

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
from netgraph.lower.plan import Apply, Call, Fold, Length, NoiseNeed, Plan, StateNeed, Unfold
from netgraph.spec.declare import Noise, State
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
    net: Net, mode: str = "Test", *, typing: Typing | None = None, wanted: Sequence[tuple[tuple[str, ...], str]] | None = None
) -> Lowered:
    """The lowered form of `net` in mode "Test" or "Train"; kept on the net, so asking again costs nothing.

    `typing` are full solved types (default: the net's own); `wanted` are outputs by part and port (default: those of the net).
    Errors: NetValueError for a varying axis where a layer takes none.
    """
    key = ("lowered", mode, None if wanted is None else tuple(wanted), None if typing is None else tuple(typing.inputs.items()))
    if key not in net._cache:
        net._cache[key] = _emit(Plan(typing or infer(net, full=True, close=True)).build(), mode, wanted)
    return net._cache[key]


def _emit(plan: Plan, mode: str, wanted) -> Lowered:
    graph = Graph()
    tracer = GraphAppendingTracer(graph)
    arguments: dict[str, Any] = {
        name: Proxy(graph.placeholder(name), tracer) for name in ("inputs", "arrays", "states", "noise", "lengths", "valid")
    }
    writer = _Writer(plan, mode == "Train", graph, arguments)
    writer.write()
    if wanted is None:
        wanted = [((), name) for name in plan.typing.terms[()].outputs]
    outputs = tuple(writer.output(plan.values[path, "out", port]).node for path, port in wanted)
    states = tuple(writer.new_states.get(key, writer.arrays[key]).node for key in (*plan.states, *(need.path for need in plan.recurrent)))
    graph.output((outputs, states))
    graph.eliminate_dead_code()
    kept = [need for need, node in writer.noise if node.users]
    _renumber_noise(graph, writer, kept)
    code = graph.python_code("")
    source = _with_places(_readable(code.src), graph, writer.places)
    scope = dict(code.globals)
    exec(compile(source, "<netgraph forward>", "exec"), scope)
    return Lowered(plan, scope["forward"], source, [port for _, port in wanted], bool(plan.coupled), kept)


def _renumber_noise(graph: Graph, writer: "_Writer", kept: list[NoiseNeed]) -> None:
    """Noise that nothing uses is not asked for: the tuple holds only what is kept."""
    numbers = {need: i for i, need in enumerate(kept)}
    for need, node in writer.noise:
        if need in numbers and node.users:
            node.args = (node.args[0], numbers[need])


class _Writer:
    """Records the steps of a plan into a graph."""

    def __init__(self, plan: Plan, training: bool, graph: Graph, arguments: Mapping[str, Any]):
        self.plan, self.training, self.graph, self.arguments = plan, training, graph, arguments
        self.values: dict[int, Any] = {}
        self.arrays: dict[str, Any] = {}
        self.new_states: dict[str, Any] = {}
        self.noise: list[tuple[NoiseNeed, torch.fx.Node]] = []
        self.places: dict[torch.fx.Node, str] = {}
        self.needs = {need.path: need for need in plan.noise}
        self._noise_number = 0
        self.discrete: set[int] = set()  # the values that hold integers or Booleans

    def write(self) -> None:
        for number, name in enumerate(self.plan.inputs):
            self.values[number] = self.arguments["inputs"][number]
            self._mark(number, self.plan.typing.terms[()].inputs[name])
        for number, key in enumerate(self.plan.arrays):
            self.arrays[key] = self.arguments["arrays"][number]
        for number, key in enumerate((*self.plan.states, *(need.path for need in self.plan.recurrent))):
            self.arrays[key] = self.arguments["states"][number]
        for step in fused(self.plan):
            last = next(reversed(self.graph.nodes))
            self._step(step)
            if isinstance(step, (Call, Apply)) and last.next.op != "root":
                place = "/".join(step.path) or "net"
                self.places[last.next] = f"{place}: {short(step.layer, 80) if isinstance(step, Call) else repr(step.function)}"

    def output(self, value: int) -> Any:
        """A value as it leaves the net: what operators folded into its batch is taken apart again."""
        result = self.values[value]
        for count, like in reversed(self.plan.folds_of.get(value, ())):
            result = result.unflatten(0, (-1, count if isinstance(count, int) else self.values[like].shape[1]))
        return result

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
        return torch.float32 if real is None else self.arguments["inputs"][real].dtype

    def _step(self, step) -> None:
        if isinstance(step, (Fold, Unfold)) and step.input in self.discrete:
            self.discrete.add(step.output)
        if isinstance(step, Fold):
            self.values[step.output] = self.values[step.input].flatten(0, 1)
        elif isinstance(step, Unfold):
            count = step.count if step.count is not None else self.values[step.like].shape[1]
            self.values[step.output] = self.values[step.input].unflatten(0, (-1, count))
        elif isinstance(step, Apply):
            self.values[step.output] = step.function(*(self.values[value] for value in step.inputs))
        else:
            self._call(step)

    def _call(self, call: Call) -> None:
        schema = call.layer.schema_of()
        asked = schema.forward
        words: dict[str, object] = {}
        for name, key in call.arrays.items():
            words[name] = self.new_states.get(key, self.arrays[key])
        for name, declared in schema.noise.items():
            words[name] = self._noise(call, name, declared) if self.training or not declared.only_in_training else None
        for name in schema.state_ports:
            words[name] = self.values[call.states[name]] if name in call.states else self.arrays["/".join((*call.path, name))]
        words.update({name: self.values[value] for name, value in call.beside.items()})
        for word, value in (("training", self.training), ("sizes", call.sizes), ("valid", self.arguments["valid"])):
            if word in asked:
                words[word] = value
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

    def _noise(self, call: Call, name: str, declared: Noise) -> Any:
        need = self.needs["/".join((*call.path, name))]
        value = self.arguments["noise"][self._noise_number]
        self._noise_number += 1
        self.noise.append((need, value.node))
        return value

    def _batch(self, call: Call) -> Any:
        """How many examples a layer sees: those of the net's inputs (one where it has none), with what operators folded into the batch."""
        folds = self.plan.folds_of.get(call.outputs[0], ())
        if folds:
            folded = self.values[folds[-1][1]]
            return folded.shape[0] * folded.shape[1]
        return self.values[0].shape[0] if self.plan.inputs else 1

    def _length(self, length: Length) -> Any:
        value = self.arguments["lengths"][length.variable]
        for folded in length.folds:
            value = value.repeat_interleave(self.values[folded].shape[1])
        for form in length.steps:
            value = value * form.multiply + form.add
            value = value if form.divide == 1 else torch.div(value, form.divide, rounding_mode="floor")
        return value


def _readable(source: str) -> str:
    """fx's source with torch's public names for its functions, and no `self`."""

    def public(match: re.Match) -> str:
        return f"torch.nn.functional.{match[1]}" if hasattr(torch.nn.functional, match[1]) else match[0]

    return re.sub(r"torch\._C\._nn\.(\w+)", public, source.replace("def forward(self, ", "def forward(", 1))


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
