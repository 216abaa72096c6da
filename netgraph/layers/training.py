"""Layers that work otherwise in training than in use: dropout and batch normalisation.

Shapes describe one example; the tensors of `forward` have the batch axis in front. Neither draws numbers nor keeps any: noise comes in as
a tensor, and the moving statistics go out beside the output.
"""

import math
from functools import reduce
from typing import Any

import torch

from netgraph.errors import NetValueError
from netgraph.spec.declare import Array, InputPort, Noise, OutputPort, State, layout, unvarying
from netgraph.spec.initial import ONES, ZEROS
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions
from netgraph.spec.parameters import Flag, choice, number, parameter, wants
from netgraph.spec.step import same_ports, shortened

__all__ = ["BatchNormalizationLayer", "DropoutLayer"]

_ALPHA = -1.0507009873554805 * 1.6732632423543772
"""The value that SELU goes to at minus infinity."""


def _dropout_outputs(value):
    names = (value,) if isinstance(value, str) else value
    known = ("Output", "BinaryMask")
    if not isinstance(names, tuple) or not names or not set(names) <= set(known) or len(set(names)) != len(names):
        raise wants('"Output", "BinaryMask" or a list of both', value)
    return names


DropoutOutputs: Any = parameter(_dropout_outputs, {"type": "array", "items": {"enum": ["Output", "BinaryMask"]}, "minItems": 1})


class DropoutLayer(Layer):
    """In training each element is dropped with probability p; in use nothing happens.

        output[i] = 0 with probability p, else input[i] / (1 - p)        mask[i] = 0 where it is dropped, else 1

    `DropoutLayer()` has p = 0.5, `DropoutLayer(p)` any p from 0 to below 1. Each element is drawn by itself, in any shape. Method
    "AlphaDropout" keeps mean and variance behind "SELU": dropped elements become SELU's lowest value, and the whole is scaled and shifted
    by a = ((1 - p) (1 + p alpha^2))^(-1/2) and -a p alpha, alpha = -1.7581. OutputPorts names the ports there are: "Output" (the default),
    "BinaryMask" or a list of both. The numbers are functions of seed, step and place, so runs repeat. In use (NetEvaluationMode "Test") the
    output is the input, and the mask 1 everywhere.
    Errors: a probability outside 0 to below 1.
    Source: Wolfram's DropoutLayer; AlphaDropout: Klambauer et al. 2017.

    >>> DropoutLayer(0.3)([1, 2])
    array([1., 2.], dtype=float32)
    >>> both = DropoutLayer(OutputPorts=["Output", "BinaryMask"])([1, 2, 3, 4], NetEvaluationMode="Train", RandomSeeding=1)
    >>> both["Output"].tolist(), both["BinaryMask"].tolist()
    ([0.0, 0.0, 6.0, 8.0], [0.0, 0.0, 1.0, 1.0])
    """

    positional = ("DropoutProbability",)
    DropoutProbability: number(0, 1, high_open=True) = 0.5
    Method: choice("Dropout", "AlphaDropout") = "Dropout"
    OutputPorts: DropoutOutputs = ("Output",)
    varying = "free"
    stepwise = True

    Input = InputPort("real: *shape", "what elements are dropped of")
    Output = OutputPort("real: *shape", "what is left, scaled")
    BinaryMask = OutputPort("real: *shape", "0 where an element is dropped, 1 where not (with OutputPorts)")
    Draws = Noise("*shape", "uniform")

    def check(self):
        for name in self._given:
            if name in self.schema_of().outputs and name not in self.OutputPorts:
                raise NetValueError(f"DropoutLayer: {name}= is for a layer with that port", fix='OutputPorts=["Output", "BinaryMask"]')

    def written(self, name, depth=0):
        if name != "OutputPorts":
            return super().written(name, depth)
        shown = [f'"{port}"' for port in self.OutputPorts]
        return shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"

    def output_ports(self) -> tuple[str, ...]:
        return self.OutputPorts

    def declare(self, scope):
        super().declare(scope)
        scope.terms.outputs = {name: scope.terms.outputs[name] for name in self.OutputPorts}

    def forward(self, Input, *, Draws, training):
        kept = Draws >= self.DropoutProbability if training and self.DropoutProbability else None
        mask = torch.ones_like(Input) if kept is None else kept.type_as(Input)
        results = {"Output": Input if kept is None else self._dropped(Input, kept), "BinaryMask": mask}
        return tuple(results[name] for name in self.OutputPorts)

    def _dropped(self, x, kept):
        p = self.DropoutProbability
        if self.Method == "Dropout":
            return torch.where(kept, x * (1 / (1 - p)), 0.0)
        scale = ((1 - p) * (1 + p * _ALPHA**2)) ** -0.5
        shift = -scale * p * _ALPHA
        return torch.where(kept, x * scale + shift, _ALPHA * scale + shift)


class BatchNormalizationLayer(Layer):
    """Each channel normalised to mean 0 and variance 1, then scaled and shifted by learned numbers.

        output = Scaling * (input - mean) / sqrt(variance + Epsilon) + Biases

    The channels are the first level of the input, or the last with Interleaving=True; all other levels, and the batch, are averaged over.
    A vector has one channel an element. Arrays: "Scaling" starts at 1, "Biases" at 0. In training mean and variance (divided by n) are
    those of the batch, and the states follow them: "MovingMean" (from 0) and "MovingVariance" (from 1) become Momentum * state +
    (1 - Momentum) * batch. In use the states are taken, so an example gives the same alone and in a batch. Of a varying axis the real
    elements alone are counted, and inside an operator the real elements of its sequences.
    Errors: a number as input; a varying channel axis.
    Source: Wolfram's BatchNormalizationLayer. Its Momentum 0.9 is torch's 0.1, its Epsilon 0.001 is not torch's, and the variance followed
    is not torch's unbiased one.

    >>> BatchNormalizationLayer(Scaling=[1, 2], Biases=[0, 1], MovingMean=[0, 1], MovingVariance=[1, 4], Epsilon=0)([3, 5])
    array([3., 5.], dtype=float32)
    """

    Epsilon: number(0) = 0.001
    Momentum: number(0, 1) = 0.9
    Interleaving: Flag = False
    varying = "masked"

    Input = InputPort("real: *shape", "channels x anything (channels last with Interleaving)")
    Output = OutputPort("real: *shape", "the normalised input")
    Scaling = Array("channels", ONES, meaning="one factor a channel")
    Biases = Array("channels", ZEROS, meaning="one summand a channel")
    MovingMean = State("channels", ZEROS, meaning="the running mean of each channel")
    MovingVariance = State("channels", ONES, meaning="the running variance of each channel, divided by n")

    def step(self, steps, types):
        if not self.Interleaving or len(types["Input"].shape) == 1:
            raise ValueError("has a channel for each step")
        return same_ports(self.replaced(given=shortened(self.given, {"Input", "Output"})))

    def relate(self):
        order = "*others channels" if self.Interleaving else "channels *others"
        return (layout("shape", order), unvarying("channels", "the channels cannot vary"))

    def forward(self, Input, *, Scaling, Biases, MovingMean, MovingVariance, training, sizes, lengths, rows):
        rank = len(sizes["shape"])
        if training and (lengths["Input"] or rows is not None):
            return self._masked(Input, Scaling, Biases, MovingMean, MovingVariance, sizes, lengths["Input"], rows)
        x = Input.movedim(-1, 1) if self.Interleaving and rank > 1 else Input
        mean, variance = MovingMean, MovingVariance
        if training:
            # torch.batch_norm, not F.batch_norm: that one refuses a batch of one vector
            y = torch.batch_norm(x, Scaling, Biases, None, None, True, 0.0, self.Epsilon, True)
            others = [axis for axis in range(rank + 1) if axis != 1]
            variance, mean = torch.var_mean(x.detach(), others, correction=0)
        else:
            y = torch.batch_norm(x, Scaling, Biases, mean, variance, False, 0.0, self.Epsilon, True)
        y = y.movedim(1, -1) if self.Interleaving and rank > 1 else y
        return (y, self._moved(MovingMean, mean), self._moved(MovingVariance, variance)) if training else (y, mean, variance)

    def _moved(self, state, value):
        return self.Momentum * state + (1 - self.Momentum) * value

    def _masked(self, x, scaling, biases, moving_mean, moving_variance, sizes, lengths, rows):
        rank = len(sizes["shape"])
        channel = rank if self.Interleaving else 1
        masks = [valid_positions(x, axis + 1, length, rank) for axis, length in lengths.items()]
        counts = list(lengths.values())
        if rows is not None:
            masks.append(rows.reshape(-1, *[1] * rank))
            counts.append(rows)
        valid, count = reduce(torch.logical_and, masks), reduce(torch.mul, counts)
        fixed = math.prod(size for axis, size in enumerate(sizes["shape"]) if axis + 1 != channel and axis not in lengths)
        total = (count * fixed).sum().clamp_min(1)
        others = [axis for axis in range(rank + 1) if axis != channel]
        shape = [-1 if axis == channel else 1 for axis in range(rank + 1)]
        mean = torch.where(valid, x, 0.0).sum(others) / total
        centred = torch.where(valid, x - mean.reshape(shape), 0.0)
        variance = centred.square().sum(others) / total
        y = centred * (torch.rsqrt(variance + self.Epsilon) * scaling).reshape(shape) + biases.reshape(shape)
        return y, self._moved(moving_mean, mean.detach()), self._moved(moving_variance, variance.detach())
