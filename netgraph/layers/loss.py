"""Losses of one example: squares, absolute values, cross-entropies, the contrastive loss. net_train averages them over the batch.

Shapes describe one example; the tensors of `forward` have the batch axis in front, and "Loss" has no other.
"""

import math

import torch
import torch.nn.functional as F

from netgraph.spec.declare import InputPort, OutputPort, Rule, layout
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions
from netgraph.spec.parameters import choice, number
from netgraph.types.store import KindNode

__all__ = ["ContrastiveLossLayer", "CrossEntropyLossLayer", "MeanAbsoluteLossLayer", "MeanSquaredLossLayer"]

_FLOOR = 1e-30
"""Probabilities count as at least this in a logarithm: the loss stays below 70, the gradient finite."""


def _mean(losses, shape, lengths):
    """The mean over the real elements of each example; `shape` and `lengths` are those of `losses` without the batch axis."""
    if not shape:
        return losses
    if not lengths:
        return losses.flatten(1).mean(1)
    count = math.prod(size for axis, size in enumerate(shape) if axis not in lengths)
    for axis, length in lengths.items():
        losses = torch.where(valid_positions(losses, axis + 1, length, len(shape)), losses, 0.0)
        count = count * length.clamp_min(1)
    return losses.flatten(1).sum(1) / count


class MeanSquaredLossLayer(Layer):
    """The mean of the squared differences.

        loss = mean over i of (input[i] - target[i])^2

    "Input" and "Target" are real, of one shape, any rank; of a varying axis the real elements alone are counted. "Loss" is one number an
    example, from 0. The same in training and in use.
    Errors: shapes that differ.
    Source: Wolfram's MeanSquaredLossLayer.

    >>> MeanSquaredLossLayer()({"Input": [1, 2, 3], "Target": [1, 0, 6]})
    4.3333335
    """

    varying = "masked"

    Input = InputPort("real: *shape", "what the net says")
    Target = InputPort("real: *shape", "what it should say")
    Loss = OutputPort("real:", "the mean squared difference")

    def forward(self, Input, Target, *, sizes, lengths):
        return _mean((Input - Target).square(), sizes["shape"], lengths["Input"])


class MeanAbsoluteLossLayer(Layer):
    """The mean of the absolute differences.

        loss = mean over i of |input[i] - target[i]|

    "Input" and "Target" are real, of one shape, any rank; of a varying axis the real elements alone are counted. "Loss" is one number an
    example, from 0; its gradient is 0 where both are equal. The same in training and in use.
    Errors: shapes that differ.
    Source: Wolfram's MeanAbsoluteLossLayer.

    >>> MeanAbsoluteLossLayer()({"Input": [1, 2, 3], "Target": [1, 0, 6]})
    1.6666666
    """

    varying = "masked"

    Input = InputPort("real: *shape", "what the net says")
    Target = InputPort("real: *shape", "what it should say")
    Loss = OutputPort("real:", "the mean absolute difference")

    def forward(self, Input, Target, *, sizes, lengths):
        return _mean((Input - Target).abs(), sizes["shape"], lengths["Input"])


class CrossEntropyLossLayer(Layer):
    """The cross-entropy of probabilities, in nats.

        "Index":          loss = -log input[target]
        "Probabilities":  loss = -sum over c of target[c] * log input[c]
        "Binary":         loss = -(target * log input + (1 - target) * log(1 - input))

    "Input" holds probabilities, not logits. "Index": its last level has one entry a class, "Target" is the class, from 0, an integer of the
    shape without that level. "Probabilities": "Target" has the input's shape. "Binary": any shape, "Target" from 0 to 1 (True and False
    count as 1 and 0). The mean is taken over the other levels (over all for "Binary"), of a varying one over its real elements. "Loss"
    is one number an example, from 0. Where the input comes from a SoftmaxLayer (from a LogisticSigmoid for "Binary"), also through
    reshapes, the loss is computed from the logits before it, with a gradient that does not vanish; else a probability counts as at
    least 1e-30.
    The same in training and in use.
    Errors: shapes that do not fit; a target that is no integer for "Index"; a class out of range, in the data.
    Source: Wolfram's CrossEntropyLossLayer (there classes count from 1).

    >>> CrossEntropyLossLayer("Index")({"Input": [0.2, 0.5, 0.3], "Target": 1})
    0.6931472
    >>> CrossEntropyLossLayer("Binary")({"Input": 0.8, "Target": 1})
    0.22314353
    """

    positional = ("TargetForm",)
    TargetForm: choice("Index", "Probabilities", "Binary")
    varying = "masked"

    Input = InputPort("real: *shape", "probabilities; classes along the last level (not for Binary)")
    Target = InputPort("any: *target", "the class from 0 (Index), the probability of each class (Probabilities), or 0 to 1 (Binary)")
    Loss = OutputPort("real:", "the cross-entropy in nats")

    def relate(self):
        classes = () if self.TargetForm == "Binary" else (layout("shape", "*lead classes"),)
        return (*classes, layout("target", "*lead" if self.TargetForm == "Index" else "*shape"), Rule(self._kinds))

    def _kinds(self, scope):
        index = self.TargetForm == "Index"
        kind = KindNode("integer" if index else "real", scope.origin(), scope.size("classes") if index else None)
        scope.store.equate_kinds(scope.terms.inputs["Target"].kind, kind, scope.label("Target"))

    @property
    def logits_of(self) -> str:
        """The activation before which `forward_logits` may be computed instead."""
        return "sigmoid" if self.TargetForm == "Binary" else "softmax"

    def _reduced(self, losses, sizes, lengths):
        if self.TargetForm == "Binary":
            return _mean(losses, sizes["shape"], lengths["Input"])
        lead = sizes["shape"][:-1]
        return _mean(losses, lead, {axis: length for axis, length in lengths["Input"].items() if axis < len(lead)})

    def forward(self, Input, Target, *, sizes, lengths):
        if self.TargetForm == "Index":
            losses = -Input.gather(-1, Target.unsqueeze(-1)).squeeze(-1).clamp_min(_FLOOR).log()
        elif self.TargetForm == "Probabilities":
            losses = -(Target * Input.clamp_min(_FLOOR).log()).sum(-1)
        else:
            losses = -(Target * Input.clamp_min(_FLOOR).log() + (1 - Target) * (1 - Input).clamp_min(_FLOOR).log())
        return self._reduced(losses, sizes, lengths)

    def forward_logits(self, Input, Target, *, sizes, lengths):
        """The loss from logits: `forward` of their softmax or logistic sigmoid."""
        if self.TargetForm == "Index":
            losses = -F.log_softmax(Input, -1).gather(-1, Target.unsqueeze(-1)).squeeze(-1)
        elif self.TargetForm == "Probabilities":
            losses = -(Target * F.log_softmax(Input, -1)).sum(-1)
        else:
            losses = F.binary_cross_entropy_with_logits(Input, Target, reduction="none")
        return self._reduced(losses, sizes, lengths)


class ContrastiveLossLayer(Layer):
    """Pulls equal pairs together and pushes different ones apart, by their distance.

        loss = max(Margin - d, 0) if the pair is different, else d

    "Input" is the distance d, a real number from 0; "Target" is True where the pair is *different* (its distance should grow up to the
    margin) and False where it is the same. Linear, not squared. "Loss" is one number an example, from 0. `ContrastiveLossLayer()` has
    margin 0.5, `ContrastiveLossLayer(m)` margin m. The same in training and in use.
    Errors: an input that is a vector, also one of length 1.
    Source: Wolfram's ContrastiveLossLayer.

    >>> loss = ContrastiveLossLayer()
    >>> loss({"Input": 0.1, "Target": True})
    0.4
    >>> loss({"Input": 0.6, "Target": True})
    0.0
    >>> loss({"Input": 0.1, "Target": False})
    0.1
    >>> loss({"Input": [0.1, 0.6, 0.1], "Target": [True, True, False]})
    array([0.4, 0. , 0.1], dtype=float32)
    >>> ContrastiveLossLayer(1.5)({"Input": 0.1, "Target": True})
    1.4
    >>> ContrastiveLossLayer(1.5)({"Input": [0.1, 0.6, 0.1], "Target": [True, True, False]})
    array([1.4, 0.9, 0.1], dtype=float32)
    >>> import torch
    >>> loss({"Input": torch.tensor([0.1, 0.6]), "Target": torch.tensor([False, True])})
    tensor([0.1000, 0.0000])
    """

    positional = ("Margin",)
    Margin: number(0) = 0.5

    Input = InputPort("real:", "the distance of the pair, from 0")
    Target = InputPort("boolean:", "True: the pair is different")
    Loss = OutputPort("real:", "the loss")

    def forward(self, Input, Target):
        return torch.where(Target, (self.Margin - Input).clamp_min(0.0), Input)
