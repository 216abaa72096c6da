"""Recurrent layers: basic, gated (GRU) and long short-term memory (LSTM).

Shapes describe one example; the tensors of `forward` have the batch axis in front. Without dropout on what happens inside a step the whole
sequence is one call of torch's own function; else it is a loop of cell steps. Of what lies behind the end of a shorter example nothing
reaches outputs, states or gradients.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from netgraph.layers.part import PartLayer
from netgraph.layers.rearrange import ReplicateLayer
from netgraph.layers.uneven import cut, mended, parts_of
from netgraph.spec.declare import Array, InputPort, Noise, OutputPort, StatePort, unvarying
from netgraph.spec.initial import BIAS, WEIGHT
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions, zeros_behind
from netgraph.spec.parameters import Size as SizeSpec
from netgraph.spec.parameters import is_number, parameter, wants
from netgraph.spec.ports import NetPort
from netgraph.spec.step import Step, state_edges
from netgraph.types.symbols import Automatic

__all__ = ["BasicRecurrentLayer", "GatedRecurrentLayer", "LongShortTermMemoryLayer"]

METHODS = ("VariationalWeights", "VariationalInput", "VariationalState", "StateUpdate")
"""What dropout inside a recurrent layer can act on."""

_DRAWS = {"VariationalInput": "InputDraws", "VariationalState": "StateDraws", "StateUpdate": "UpdateDraws"}
"""The noise of the methods that act inside a step."""

_TOGETHER, _WAITING, _ONE_BY_ONE = 1e5, 1e6, 2.5e6
"""What a step costs beside the work of its rows, in multiplications of one forward pass: in a function of a library, and as operations."""

_SHUT = 3e4
"""What shuts or opens a gate for good: sigmoid(-_SHUT) is 0 and sigmoid(_SHUT) is 1 in every precision, and half precision holds it."""


def _dropout(value):
    """The option "Dropout" as pairs of method and probability, in the order of METHODS; None where nothing is dropped."""
    pairs: Any = [(METHODS[0], value)] if is_number(value) else value.items() if isinstance(value, Mapping) else value
    pairs = [pairs] if isinstance(pairs, (tuple, list)) and len(pairs) == 2 and isinstance(pairs[0], str) else pairs
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(pairs, Iterable) or not all(isinstance(p, (tuple, list)) and len(p) == 2 for p in pairs):
        raise wants("a probability, or a dict of probabilities by method", value)
    kept: dict[str, float] = {}
    for method, p in pairs:
        if method not in METHODS:
            raise wants(f"methods among {', '.join(METHODS)}", method)
        if not is_number(p) or not 0 <= p < 1:
            raise wants("probabilities from 0 to below 1", p)
        kept[method] = float(p)
    return tuple((method, kept[method]) for method in METHODS if kept.get(method)) or None


_PROBABILITY = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
_PAIR = {"type": "array", "prefixItems": [{"enum": list(METHODS)}, _PROBABILITY], "minItems": 2, "maxItems": 2}
DropoutSpec: Any = parameter(_dropout, {"anyOf": [{"type": "null"}, _PROBABILITY, {"type": "array", "items": _PAIR}]})


def _kept(noise: Tensor, p: float, values: Tensor) -> Tensor:
    """The values with those dropped whose noise is below p, the others scaled up."""
    return torch.where(noise >= p, values * (1 / (1 - p)), 0.0)


class RecurrentLayer(Layer):
    """What the recurrent layers share. Abstract: a layer names its gates in torch's order and its `kind`."""

    positional = ("Size",)
    Size: SizeSpec = Automatic
    Dropout: DropoutSpec = None
    varying = "masked"
    abstract = True

    kind: ClassVar[str] = ""
    gates: ClassVar[tuple[str, ...]] = ("",)

    Input = InputPort("real: steps inputs", "a sequence of vectors")
    Output = OutputPort("real: steps Size", "the state after each step")
    State = StatePort("real: Size", "the state before the first step where it is fed, after the last where it is read")
    relations = (
        unvarying("inputs", "the size of the vectors cannot vary"),
        unvarying("Size", "the size of the state cannot vary"),
    )

    def step(self, steps, types):
        """A sequence of one."""
        layer = self.replaced(given={name: kind for name, kind in self.given.items() if name not in ("Input", "Output")})
        edges = [(NetPort("Input"), "one", "layer", "last", NetPort("Output")), *state_edges("layer", self.state_names())]
        return Step({"one": ReplicateLayer(1), "layer": layer, "last": PartLayer(0)}, edges, self.state_names())

    def forward(self, Input, *, State, lengths, training, **words):
        output, state, *_ = self.run(Input, (State,), lengths["Input"].get(0), words, training)
        return output, state

    def run(self, x, states: tuple, length, words: Mapping[str, Any], training: bool):
        """The output and the final states; `words` are the arrays and the noise by name, `length` the true lengths if they vary."""
        dropout = dict(self.Dropout or ()) if training else {}
        input_weights, state_weights, biases = (
            torch.cat([words[gate + kind] for gate in self.gates]) if len(self.gates) > 1 else words[kind]
            for kind in ("InputWeights", "StateWeights", "Biases")
        )
        if "VariationalWeights" in dropout:
            state_weights = _kept(words["WeightDraws"].view_as(state_weights), dropout.pop("VariationalWeights"), state_weights)
        if dropout:
            x = x if length is None else torch.where(valid_positions(x, 1, length, 2), x, 0.0)
            draws = {method: words[name] for method, name in _DRAWS.items() if method in dropout}
            output, *finals = steps(self.kind, dropout, x, states, (input_weights, state_weights, biases), draws, length)
            return output, *finals[: len(states)]
        weights = (input_weights, state_weights, biases, torch.zeros_like(biases))
        output, *finals = sequence(self.kind, x, tuple([state.unsqueeze(0) for state in states]), weights, length)
        last = finals[0].squeeze(0) if length is None else _last(output, states[0], length)
        return output, last, *(final.squeeze(0) for final in finals[1:])


def _last(output: Tensor, state: Tensor, length: Tensor) -> Tensor:
    """The output at the true end of each example; the state it started from where its length is 0."""
    place = (length - 1).clamp_min(0).reshape(-1, 1, 1).expand(-1, 1, output.shape[2])
    return torch.where(length.unsqueeze(1) > 0, output.gather(1, place).squeeze(1), state)


def sequence(
    kind: str, x: Tensor, states: tuple[Tensor, ...], weights: tuple[Tensor, ...], length: Tensor | None = None, hold: bool = True
) -> tuple[Tensor, ...]:
    """A whole sequence through torch's own function: the output and the final states; these and `states` have an axis in front.

    `length` tells what is no padding: of the rest the output is anything, as the final states are, but for the final cell, which is that
    at the true end if it is to `hold`. On the CPU a batch of sequences of very different lengths is run in parts, each no longer than its
    longest. One operation when recorded. While an export leaves the length free, it is one operation of ours: torch would fix the length.
    """
    if has_torch_function_unary(x):
        found = handle_torch_function(sequence, (x,), kind, x, states, weights, length)
        return tuple([found[number] for number in range(1 + len(states))])
    parts = None
    if length is not None:
        work = weights[0].numel() + weights[1].numel()
        inside = valid_positions(x, 1, length, 2)
        if hold and kind == "long short-term":
            x, weights = _held(x, weights, inside)
        else:
            x = zeros_behind(x, inside)
        parts = parts_of(x, length, work, _step(kind, x))
    if isinstance(x.shape[1], torch.SymInt):
        return tuple(_of_free_length(kind, x, list(states), list(weights)))
    if x.is_cuda:
        weights = in_one_piece(weights)
    if parts is None:
        return _run(kind, x, states, weights)
    begun = [tuple([state.index_select(1, part.rows) for state in states]) for part in parts]
    ran = [_run(kind, piece, start, weights) for piece, start in zip(cut(x, parts), begun, strict=True)]
    outputs, *finals = zip(*ran, strict=True)
    back = torch.argsort(torch.cat([part.rows for part in parts]))
    return mended(outputs, parts, x.shape[1]), *[torch.cat(final, 1).index_select(1, back) for final in finals]


def _step(kind: str, x: Tensor) -> float:
    """What a step costs on the CPU beside the work of its rows: little where one function of a library has them all."""
    together = kind == "long short-term" and x.dtype is torch.float32 and torch.backends.mkldnn.is_available()
    if not together:
        return _ONE_BY_ONE
    return _TOGETHER if torch.get_num_threads() == 1 else _WAITING


def _run(kind: str, x: Tensor, states: tuple[Tensor, ...], weights: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    # biases, one layer, no dropout between layers, whether a gradient may follow, one direction, the batch in front
    options = (True, 1, 0.0, torch.is_grad_enabled(), False, True)
    if kind == "long short-term":
        return torch.lstm(x, states, weights, *options)
    return (torch.gru if kind == "gated" else torch.rnn_tanh)(x, states[0], weights, *options)


def _held(x: Tensor, weights: tuple[Tensor, ...], inside: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One more input, which is 1 behind the end and there shuts the input gate and opens the forget gate: the cell stays bit for bit.

    So no sorting and packing, which would need the lengths on the host.
    """
    behind = F.pad(x.new_zeros(x.shape[2]), (0, 1), value=1.0)
    size = weights[0].shape[0] // 4
    column = torch.cat([x.new_full((size, 1), value) for value in (-_SHUT, _SHUT, 0.0, 0.0)])
    return torch.where(inside, F.pad(x, (0, 1)), behind), (torch.cat([weights[0], column], 1), *weights[1:])


def _unheld(node: torch.fx.Node) -> None:
    """A cell that nobody reads need not be held."""
    if all(user.args[1] != 2 for user in node.users):
        node.kwargs = {**node.kwargs, "hold": False}


sequence.__dict__["unread"] = _unheld


def in_one_piece(weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The weights as parts of one flat tensor, in their order: CUDA's library would copy them with a warning."""
    flat = torch.cat([weight.reshape(-1) for weight in weights])
    parts = flat.split([weight.numel() for weight in weights])
    return tuple([part.view_as(weight) for part, weight in zip(parts, weights, strict=True)])


@torch.library.custom_op("netgraph::recurrent", mutates_args=())
def _of_free_length(kind: str, x: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor]) -> list[Tensor]:
    """`sequence` as a registered operator, whose results have memory of their own."""
    return [result.clone() for result in sequence(kind, x, tuple(states), tuple(weights))]


@_of_free_length.register_fake
def _(kind, x, states, weights):
    return [x.new_empty(x.shape[0], x.shape[1], states[0].shape[2]), *[torch.empty_like(state) for state in states]]


def steps(kind: str, dropout: Mapping[str, float], x: Tensor, states: tuple[Tensor, ...], weights, draws, length) -> tuple[Tensor, ...]:
    """A sequence as a loop of cell steps, with dropout inside them: output and final states, always two. One operation when recorded."""
    if has_torch_function_unary(x):
        output, first, second = handle_torch_function(steps, (x,), kind, dict(dropout), x, states, weights, draws, length)
        return output, first, second
    input_weights, state_weights, biases = weights
    inputs = F.linear(x, input_weights)
    if "VariationalInput" in dropout:
        inputs = _kept(draws["VariationalInput"].flatten(1).unsqueeze(1), dropout["VariationalInput"], inputs)
    inputs, outputs = inputs + biases, []
    for step in range(x.shape[1]):
        recurrent = F.linear(states[0], state_weights)
        if "VariationalState" in dropout:
            recurrent = _kept(draws["VariationalState"].flatten(1), dropout["VariationalState"], recurrent)
        update = None
        if "StateUpdate" in dropout:
            update = _kept(draws["StateUpdate"][:, step], dropout["StateUpdate"], torch.ones_like(states[0]))
        new = _CELLS[kind](inputs[:, step], recurrent, states, update)
        outputs.append(new[0])
        inside = None if length is None else (step < length).unsqueeze(1)
        states = new if inside is None else tuple([torch.where(inside, a, b) for a, b in zip(new, states, strict=True)])
    return torch.stack(outputs, 1), states[0], states[-1]


def _basic_cell(a: Tensor, b: Tensor, states: tuple[Tensor, ...], update) -> tuple[Tensor, ...]:
    """One step: `a` is what the gates get from the input, `b` from the state, `update` a factor of what changes the state, or None."""
    new = torch.tanh(a + b)
    return (new if update is None else new * update,)


def _gated_cell(a: Tensor, b: Tensor, states: tuple[Tensor, ...], update) -> tuple[Tensor, ...]:
    (state,), (ar, ai, am), (br, bi, bm) = states, a.chunk(3, 1), b.chunk(3, 1)
    gate, memory = torch.sigmoid(ai + bi), torch.tanh(am + torch.sigmoid(ar + br) * bm)
    return ((1 - gate) * (memory if update is None else memory * update) + gate * state,)


def _long_short_term_cell(a: Tensor, b: Tensor, states: tuple[Tensor, ...], update) -> tuple[Tensor, ...]:
    i, f, m, o = (a + b).chunk(4, 1)
    memory = torch.tanh(m) if update is None else torch.tanh(m) * update
    cell = torch.sigmoid(f) * states[1] + torch.sigmoid(i) * memory
    return torch.sigmoid(o) * torch.tanh(cell), cell


_CELLS = {"basic": _basic_cell, "gated": _gated_cell, "long short-term": _long_short_term_cell}


class BasicRecurrentLayer(RecurrentLayer):
    """A sequence through a state that each step makes anew.

        s[t] = tanh(InputWeights . x[t] + StateWeights . s[t-1] + Biases),    output[t] = s[t]

    `BasicRecurrentLayer(n)` has a state of n numbers; without n it is taken from what consumes the output. "Input" is a sequence of
    vectors, of fixed or varying length; "Output" is the whole sequence of states (SequenceLastLayer takes the last). The state port
    "State" starts from zeros in every evaluation, unless an edge or the data feeds it; its final value, that at the example's own end in
    a padded batch, is read by an edge, by `NetPort(All, "States")`, or kept by a NetStateObject.

    Dropout acts in training only: a probability p means {"VariationalWeights": p}; a dict gives one or several methods. Each drops with
    its probability and scales up what it keeps by 1/(1 - p):

    * "VariationalWeights": elements of the state weights, one draw for the whole batch and all steps (Merity et al. 2017)
    * "VariationalInput": elements of what the gates get from the input, one draw an example for all steps (Gal and Ghahramani 2016)
    * "VariationalState": elements of what the gates get from the state, likewise
    * "StateUpdate": elements of what each step adds to the state, drawn anew each step (Semeniuta et al. 2016); here, where nothing is
      added, of the new state itself

    Errors: an input that is no sequence of vectors; a varying size of the vectors; an unknown method of dropout, a probability outside 0
    to below 1.
    Source: Wolfram's BasicRecurrentLayer. Its page leaves open what exactly each dropout method drops.

    >>> layer = BasicRecurrentLayer(1, InputWeights=[[1]], StateWeights=[[1]], Biases=[0])
    >>> [round(float(state), 3) for state in layer([[1], [0], [0]])[:, 0]]
    [0.762, 0.642, 0.566]
    """

    kind = "basic"

    InputWeights = Array("Size inputs", WEIGHT, meaning="from the input to the state")
    StateWeights = Array("Size Size", WEIGHT, meaning="from the state to the next one")
    Biases = Array("Size", BIAS, meaning="added before the tanh")
    WeightDraws = Noise("Size Size", shared=True)
    InputDraws = Noise("Size")
    StateDraws = Noise("Size")
    UpdateDraws = Noise("steps Size")


class GatedRecurrentLayer(RecurrentLayer):
    """A sequence through a state that two gates renew (a gated recurrent unit, GRU).

        i = sigmoid(InputGateInputWeights . x[t] + InputGateStateWeights . s[t-1] + InputGateBiases)
        r = sigmoid(ResetGateInputWeights . x[t] + ResetGateStateWeights . s[t-1] + ResetGateBiases)
        m = tanh(MemoryGateInputWeights . x[t] + r * (MemoryGateStateWeights . s[t-1]) + MemoryGateBiases)
        s[t] = (1 - i) * m + i * s[t-1],    output[t] = s[t]

    The gate i weighs the old state, and the reset gate multiplies the product with the state, the bias outside it (as in torch.nn.GRU with
    "MemoryGateBiases" in bias_ih and zeros in bias_hh). `GatedRecurrentLayer(n)` has a state of n numbers; without n it is taken from what
    consumes the output. "Input" is a sequence of vectors, of fixed or varying length; "Output" is the whole sequence of states. The state
    port "State" starts from zeros unless it is fed; states and the option Dropout are told at BasicRecurrentLayer ("StateUpdate" drops
    elements of m).
    Errors: an input that is no sequence of vectors; a varying size of the vectors; an unknown method of dropout, a probability outside 0
    to below 1.
    Source: Wolfram's GatedRecurrentLayer; Chung et al. 2014.

    >>> net_initialize(GatedRecurrentLayer(3, Input=("Varying", 2)))([[1, 2], [3, 4], [5, 6]]).shape
    (3, 3)
    >>> NetChain([GatedRecurrentLayer(3), SequenceLastLayer()], Input=("Varying", 2))["0/ResetGateStateWeights"]
    Automatic
    """

    kind = "gated"
    gates = ("ResetGate", "InputGate", "MemoryGate")

    InputGateInputWeights = Array("Size inputs", WEIGHT, meaning="from the input to the gate that keeps the old state")
    InputGateStateWeights = Array("Size Size", WEIGHT, meaning="from the state to it")
    InputGateBiases = Array("Size", BIAS, meaning="added to it")
    ResetGateInputWeights = Array("Size inputs", WEIGHT, meaning="from the input to the gate of the state's share in the memory")
    ResetGateStateWeights = Array("Size Size", WEIGHT, meaning="from the state to it")
    ResetGateBiases = Array("Size", BIAS, meaning="added to it")
    MemoryGateInputWeights = Array("Size inputs", WEIGHT, meaning="from the input to what the state becomes")
    MemoryGateStateWeights = Array("Size Size", WEIGHT, meaning="from the state to it")
    MemoryGateBiases = Array("Size", BIAS, meaning="added to it")
    WeightDraws = Noise("3 Size Size", shared=True)
    InputDraws = Noise("3 Size")
    StateDraws = Noise("3 Size")
    UpdateDraws = Noise("steps Size")


class LongShortTermMemoryLayer(RecurrentLayer):
    """A sequence through a state and a cell that three gates guard (long short-term memory, LSTM).

        i = sigmoid(InputGateInputWeights . x[t] + InputGateStateWeights . s[t-1] + InputGateBiases)
        o = sigmoid(OutputGateInputWeights . x[t] + OutputGateStateWeights . s[t-1] + OutputGateBiases)
        f = sigmoid(ForgetGateInputWeights . x[t] + ForgetGateStateWeights . s[t-1] + ForgetGateBiases)
        m = tanh(MemoryGateInputWeights . x[t] + MemoryGateStateWeights . s[t-1] + MemoryGateBiases)
        c[t] = f * c[t-1] + i * m,    s[t] = o * tanh(c[t]),    output[t] = s[t]

    `LongShortTermMemoryLayer(n)` has a state and a cell of n numbers; without n it is taken from what consumes the output. "Input" is a
    sequence of vectors, of fixed or varying length; "Output" is the whole sequence of states. The state ports "State" and "CellState"
    start from zeros unless they are fed; states and the option Dropout are told at BasicRecurrentLayer ("StateUpdate" drops elements of
    i * m). All biases start at zero.
    Errors: an input that is no sequence of vectors; a varying size of the vectors; an unknown method of dropout, a probability outside 0
    to below 1.
    Source: Wolfram's LongShortTermMemoryLayer; Hochreiter and Schmidhuber 1997.

    >>> lstm = net_initialize(LongShortTermMemoryLayer(2, Input=("Varying", 3)))
    >>> lstm([[[1, 2, 3], [4, 5, 6]], [[1, 2, 3]]])[1].shape
    (1, 2)
    >>> list(lstm([[1, 2, 3]], NetPort(All, "States")))
    [NetPort('State'), NetPort('CellState')]
    """

    kind = "long short-term"
    gates = ("InputGate", "ForgetGate", "MemoryGate", "OutputGate")

    CellState = StatePort("real: Size", "the cell, likewise")
    InputGateInputWeights = Array("Size inputs", WEIGHT, meaning="from the input to the gate of what is new")
    InputGateStateWeights = Array("Size Size", WEIGHT, meaning="from the state to it")
    InputGateBiases = Array("Size", BIAS, meaning="added to it")
    OutputGateInputWeights = Array("Size inputs", WEIGHT, meaning="from the input to the gate of what the cell shows")
    OutputGateStateWeights = Array("Size Size", WEIGHT, meaning="from the state to it")
    OutputGateBiases = Array("Size", BIAS, meaning="added to it")
    ForgetGateInputWeights = Array("Size inputs", WEIGHT, meaning="from the input to the gate of what the cell keeps")
    ForgetGateStateWeights = Array("Size Size", WEIGHT, meaning="from the state to it")
    ForgetGateBiases = Array("Size", BIAS, meaning="added to it")
    MemoryGateInputWeights = Array("Size inputs", WEIGHT, meaning="from the input to what is new")
    MemoryGateStateWeights = Array("Size Size", WEIGHT, meaning="from the state to it")
    MemoryGateBiases = Array("Size", BIAS, meaning="added to it")
    WeightDraws = Noise("4 Size Size", shared=True)
    InputDraws = Noise("4 Size")
    StateDraws = Noise("4 Size")
    UpdateDraws = Noise("steps Size")

    def forward(self, Input, *, State, CellState, lengths, training, **words):
        output, state, cell = self.run(Input, (State, CellState), lengths["Input"].get(0), words, training)
        return output, state, cell
