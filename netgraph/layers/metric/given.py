"""Losses on pairs and triplets that the data gives: squared contrastive, triplet margin with distance."""

from typing import Any

import torch

from netgraph.layers.metric.distance import ALIASES, Metric
from netgraph.layers.metric.reduction import of_pairs, reduced
from netgraph.spec.batched import batched, results
from netgraph.spec.declare import InputPort, OutputPort, Rule, whole
from netgraph.spec.function_graph import FunctionGraph
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import Flag, number, parameter, wants
from netgraph.spec.setting import built, kinds
from netgraph.spec.symbols import SYMBOLS, Symbol
from netgraph.spec.trace import OpaqueFunction, trace
from netgraph.spec.whole import whole as whole_call
from netgraph.types.symbols import Automatic

__all__ = ["SquaredContrastiveLossLayer", "TripletMarginLossLayer"]


class SquaredContrastiveLossLayer(Layer):
    """Pulls equal pairs together and pushes different ones apart, by the square of their distance.

        loss = (target d^2 + (1 - target) max(Margin - d, 0)^2) / 2

    "Input" is the distance d, a real number from 0; "Target" is 1 or True where the pair is the *same*, 0 or False where it is different
    (the opposite of ContrastiveLossLayer). "Loss" is one number an example, from 0: half of the square of the pair.
    `SquaredContrastiveLossLayer()` has margin 1.2, `SquaredContrastiveLossLayer(m)` margin m. The same in training and in use.
    Errors: an input that is a vector.
    Source: Hadsell, Chopra, LeCun 2006; the siamese loss of many tutorials. sentence-transformers' form has margin 0.5 on cosine distances.

    >>> loss = SquaredContrastiveLossLayer()
    >>> [round(float(loss), 4) for loss in loss({"Input": [1.0, 1.0, 2.0], "Target": [1, 0, 0]})]
    [0.5, 0.02, 0.0]
    >>> SquaredContrastiveLossLayer(2)({"Input": 1, "Target": False})
    0.5
    """

    positional = ("Margin",)
    Margin: number(0) = 1.2

    Input = InputPort("real:", "the distance of the pair, from 0")
    Target = InputPort("real:", "1 or True: the pair is the same")
    Loss = OutputPort("real:", "the loss")

    def forward(self, Input, Target):
        return (Target * Input.square() + (1 - Target) * (self.Margin - Input).clamp_min(0).square()) / 2


def _distance(value):
    if value is Automatic or isinstance(value, (FunctionGraph, OpaqueFunction, Metric)):
        return value
    if isinstance(value, tuple):
        return built(Metric, ALIASES, False, value)
    name = getattr(value, "name", value)
    if isinstance(name, str):
        found = SYMBOLS.get(name)
        if found is not None and found.arity == 2 and name.endswith("Distance"):
            return found
        if name in ALIASES or name in kinds(Metric):
            return built(Metric, ALIASES, False, name)
    if isinstance(value, (str, Symbol)) or not callable(value):
        raise wants("a function of two arrays, a distance such as EuclideanDistance or LpDistance(), or its name", value)
    return trace(value)


DistanceFunctionSpec: Any = parameter(_distance, {"anyOf": [{"type": "object"}, {"type": "string"}, {"type": "array"}]})

_REDUCTIONS = {"mean": "All", "sum": "Sum", "none": "None"}


def _reduction(value):
    word = _REDUCTIONS.get(value, value) if isinstance(value, str) else "None" if value is None else value
    if word not in ("All", "Valid", "Active", "Sum", "None"):
        raise wants('"All" ("mean"), "Valid", "Active", "Sum" or "None"', value)
    return word


class TripletMarginLossLayer(Layer):
    """Triplets that the data gives: the negative should be farther from the anchor than the positive by a margin.

        loss = max(d(anchor, positive) - d(anchor, negative) + Margin, 0)

    "Anchor", "Positive" and "Negative" are arrays of one shape. `TripletMarginLossLayer()` has margin 1, `TripletMarginLossLayer(m)`
    margin m. `DistanceFunction`: Automatic is torch's pairwise distance, the norm of a - b + 1e-6 along the last level (1e-6 is added to
    every coordinate, so d(a, a) is not 0); a distance or similarity by name (EuclideanDistance, "cosine", LpDistance()), or a function of
    two arrays of one example. Swap: d(anchor, negative) becomes min(d(anchor, negative), d(positive, negative)).
    A distance of matrices gives one loss a row. Reduction "All" (or "mean") is the mean of the losses of an example, "Sum" their sum,
    "None" leaves them as they are, so that "Loss" has their shape; the batch is averaged by net_train, or by you. "Active" divides the
    total of the *batch* by the number of positive losses in it: "Loss" is then the example's part, whose mean over the batch is that.
    "Valid" is "All": every triplet of the data is one. At the hinge the gradient is that of the active side.
    Errors: shapes that differ; a margin of 0 or below.
    Source: PyTorch's TripletMarginWithDistanceLoss, R torch's nn_triplet_margin_with_distance_loss; Schroff et al. 2015; swap: Balntas et
    al. 2016. TripletLossLayer finds the triplets of a batch of classes.

    >>> loss = TripletMarginLossLayer(DistanceFunction="EuclideanDistance")
    >>> loss({"Anchor": [0, 0], "Positive": [0, 1], "Negative": [1.5, 0]})
    0.5
    >>> loss = TripletMarginLossLayer(2, DistanceFunction=lambda a, b: (a - b).abs().sum())
    >>> loss({"Anchor": [0, 0], "Positive": [1, 1], "Negative": [3, 0]})
    1.0
    """

    positional = ("Margin",)
    Margin: number(0, low_open=True) = 1.0
    DistanceFunction: DistanceFunctionSpec = Automatic
    Swap: Flag = False
    Reduction: parameter(_reduction, {"type": "string"}) = "All"

    Anchor = InputPort("real: *shape", "the embedding that the others are compared with")
    Positive = InputPort("real: *shape", "one that should be near")
    Negative = InputPort("real: *shape", "one that should be far")
    Loss = OutputPort("real: *losses", "the loss")

    @property
    def coupled(self) -> bool:
        """Whether the batch is seen: where the divisor is its number of positive losses."""
        return self.Reduction == "Active"

    def relate(self):
        if self.Reduction == "None":
            return (whole("losses", ["shape"], self._shape, "the shape of the distance"),)
        return (Rule(lambda scope: scope.store.equate_runs(scope.run("losses"), scope.store.run([], scope.origin()), scope.where)),)

    def _shape(self, shape):
        if not isinstance(self.DistanceFunction, (FunctionGraph, OpaqueFunction)):
            if not shape:
                raise ValueError("a distance wants at least one level, the inputs are numbers")
            return shape[:-1]
        return results(self.DistanceFunction, (shape, shape))[0].shape

    def forward(self, Anchor, Positive, Negative, *, sizes, valid):
        far, near, other = self._distances(Anchor, Positive, Negative, sizes["shape"])
        losses = (far - (torch.minimum(near, other) if self.Swap else near) + self.Margin).clamp_min(0)
        if self.Reduction == "None":
            return losses
        rows = losses.reshape(Anchor.shape[0], -1)
        if self.Reduction == "Sum":
            return rows.sum(1)
        if self.Reduction != "Active":
            return rows.mean(1)
        return whole_call("TripletMarginLossLayer", _over_active, rows, valid)

    def _distances(self, a, p, n, shape):
        function = self.DistanceFunction
        if isinstance(function, Metric):
            found = whole_call(f"{function[0]}_of_triplets", lambda *members: _by_metric(function, members), a, p, n)
            return [found[0], found[1], found[2]]
        if function is Automatic:
            between = _pairwise
        elif isinstance(function, Symbol):
            between = function
        else:
            steps = batched(function, (shape, shape))
            return [steps(x, y)[0] for x, y in ((a, p), (a, n), (p, n))]
        return [between(x, y) for x, y in ((a, p), (a, n), (p, n))]


def _by_metric(metric: Metric, members):
    """The values of a metric, small where close, between anchor and positive, anchor and negative, positive and negative."""
    # prepared together: what is subtracted from one is subtracted from all
    prepared = [part.unbind(0) for part in metric.prepare(torch.stack(members))]
    a, p, n = (tuple(part[member] for part in prepared) for member in range(3))
    return tuple(metric.paired(x, y) * metric.sign for x, y in ((a, p), (a, n), (p, n)))


def _over_active(rows, valid):
    return reduced([of_pairs(rows, torch.ones_like(rows, dtype=torch.bool))], "Active", valid, None)[0]


def _pairwise(x, y):
    return torch.linalg.vector_norm(x - y + 1e-6, 2, -1)
