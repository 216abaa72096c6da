"""Layers that stress the protocol of lowering: a recurrent one, one that sees the whole batch, and one with normal noise."""

import torch
from torch.overrides import handle_torch_function, has_torch_function_unary

from netgraph.spec.declare import Array, InputPort, Noise, OutputPort, StatePort
from netgraph.spec.initial import BIAS, WEIGHT
from netgraph.spec.layer import LAYERS, Layer
from netgraph.spec.parameters import Size
from netgraph.types.symbols import Automatic


def _cells(x, input_weights, state_weights, biases, state, lengths):
    """The loop; one step of the generated function, since the padded length is known when it runs."""
    if has_torch_function_unary(x):
        return handle_torch_function(_cells, (x,), x, input_weights, state_weights, biases, state, lengths)
    outputs = []
    for step in range(x.shape[1]):
        new = torch.tanh(x[:, step] @ input_weights.T + state @ state_weights.T + biases)
        state = new if lengths is None else torch.where((step < lengths).unsqueeze(-1), new, state)
        outputs.append(state)
    return torch.stack(outputs, 1), state


class RecurrentStub(Layer):
    """state[t] = tanh(W . (input[t], state[t-1]) + b): a loop of cell steps over the padded length."""

    positional = ("Units",)
    Units: Size = Automatic
    varying = "masked"

    Input = InputPort("real: steps inputs")
    Output = OutputPort("real: steps Units")
    State = StatePort("real: Units")
    InputWeights = Array("Units inputs", WEIGHT)
    StateWeights = Array("Units Units", WEIGHT)
    Biases = Array("Units", BIAS)

    def forward(self, Input, *, InputWeights, StateWeights, Biases, State, lengths):
        outputs, state = _cells(Input, InputWeights, StateWeights, Biases, State, lengths["Input"].get(0))
        return outputs, state


class CoupledStub(Layer):
    """The squared distance of each embedding from the mean of the batch's valid ones."""

    coupled = True

    Input = InputPort("real: n")
    Loss = OutputPort("real:")

    def forward(self, Input, *, valid):
        weight = valid.to(Input.dtype).unsqueeze(-1)
        mean = (Input * weight).sum(0) / weight.sum()
        return ((Input - mean) ** 2).sum(-1) * valid


class NoisyStub(Layer):
    """Normal noise added, in training only, to arrays of any shape."""

    varying = "free"

    Input = InputPort("real: *shape")
    Output = OutputPort("real: *shape")
    Normal = Noise("*shape", "normal")

    def forward(self, Input, *, Normal):
        return Input if Normal is None else Input + Normal


for cls in (RecurrentStub, CoupledStub, NoisyStub):
    LAYERS.pop(cls.__name__)  # the tables of all layers are about netgraph's own
