"""Losses on classes that add up pairs of a batch: contrastive, margin, intra-pair variance, threshold-consistent."""

import torch
from torch import Tensor

from netgraph.errors import NetValueError
from netgraph.layers.metric.batch import Block
from netgraph.layers.metric.distance import METRIC, CosineSimilarity, SNRDistance
from netgraph.layers.metric.frame import PairLoss, refuse_relation, refuse_views
from netgraph.layers.metric.mining import slots
from netgraph.layers.metric.reduction import REDUCTION, Part, of_pairs, together
from netgraph.spec.declare import Array, Rule
from netgraph.spec.initial import Fixed
from netgraph.spec.parameters import Flag, Size, number
from netgraph.types.symbols import Automatic

__all__ = [
    "IntraPairVarianceLossLayer", "MarginLossLayer", "PairContrastiveLossLayer", "SignalToNoiseRatioContrastiveLossLayer",
    "ThresholdConsistentMarginLossLayer",
]  # fmt: skip


class _Contrastive(PairLoss):
    """What both contrastive losses on classes do. Abstract."""

    abstract = True
    positional = ("PositiveMargin", "NegativeMargin")
    PositiveMargin: number() = 0.0
    NegativeMargin: number() = 1.0
    Reduction: REDUCTION = "Active"

    def rows(self, d, block):
        sign = self.Distance.sign
        pull = of_pairs((d - sign * self.PositiveMargin).clamp_min(0), block.positive, block.strength)
        return pull, of_pairs((sign * self.NegativeMargin - d).clamp_min(0), block.negative)


class PairContrastiveLossLayer(_Contrastive):
    """Pulls all pairs of one class together and pushes those of different classes apart, linearly.

        positive pair: max(d - PositiveMargin, 0)        negative pair: max(NegativeMargin - d, 0)

    "Input" is an embedding, "Target" its class from 0; every pair of items, in both orders, is a term. The margins are 0 and 1 unless
    given; with a similarity the signs turn, and margins like 1 and 0 make sense. `Distance` is Euclidean on normalised embeddings. The two
    sums are divided each by its own number of pairs with a positive loss (Reduction "Active") and added. In a relation a positive number is
    how much a pair counts.
    Errors: an embedding that is no vector.
    Source: Hadsell, Chopra, LeCun 2006, linear; ContrastiveLoss of pytorch-metric-learning. ContrastiveLossLayer takes given pairs.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in PairContrastiveLossLayer()(data)["Loss"]]
    [3.6213, 2.1213, 1.5]
    """


class SignalToNoiseRatioContrastiveLossLayer(_Contrastive):
    """PairContrastiveLossLayer on the signal-to-noise distance, the variance of a - b over that of a.

        positive pair: max(d - PositiveMargin, 0)        negative pair: max(NegativeMargin - d, 0)

    Ports, margins and divisor are those of PairContrastiveLossLayer; the distance is not symmetric, the anchor is the signal.
    Errors: an embedding that is no vector.
    Source: Yuan et al. 2019 (arXiv 1904.02616); pytorch-metric-learning.

    >>> data = {"Input": [[1, 0, 0], [0, 1, 0], [1, 0, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in SignalToNoiseRatioContrastiveLossLayer()(data)["Loss"]]
    [6.0, 4.5, 1.5]
    """

    Distance: METRIC = SNRDistance()


class MarginLossLayer(PairLoss):
    """Positives should be nearer than a boundary by a margin, negatives farther, over all triplets.

        triplet (a, p, n): max(d(a,p) - b + Margin, 0) + max(b - d(a,n) + Margin, 0)

    "Input" is an embedding, "Target" its class from 0. Margin 0.2; the boundary b is Beta, 1.2 unless given. With LearnBeta=True it is the
    trained array "Boundary", which starts at Beta; `Classes=n` learns one a class. Nu adds Nu * b to the loss of a learned boundary, for
    each triplet where it is one a class. A term is a half of a triplet; the sum is divided by the positive halves (Reduction "Active").
    Usually with Miner=DistanceWeightedMiner().
    Errors: Classes or Nu where nothing is learned.
    Source: Wu et al. 2017 (arXiv 1706.07567); MarginLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in MarginLossLayer()(data)["Loss"]]
    [1.8142, 0.4142, 0.0]
    """

    positional = ("Margin",)
    Margin: number() = 0.2
    Beta: number() = 1.2
    Nu: number(0) = 0.0
    LearnBeta: Flag = False
    Classes: Size = Automatic
    Reduction: REDUCTION = "Active"

    Boundary = Array("*boundary", Fixed(1.2), meaning="the learned boundary, one number or one a class")

    def check(self):
        super().check()
        if not self.LearnBeta and (self.Nu or self.Classes is not Automatic):
            raise NetValueError("MarginLossLayer: Classes and Nu are about a learned boundary", fix="LearnBeta=True")
        if self.Classes is not Automatic:
            refuse_relation(self)
            refuse_views(self)

    def has_array(self, name):
        return super().has_array(name) if name != "Boundary" else self.LearnBeta

    def array_places(self):
        for name, declared, setting in super().array_places():
            if name == "Boundary":
                declared = Array(declared.text, Fixed(self.Beta), meaning=declared.meaning)
                declared.name = name
            yield name, declared, setting

    def relate(self):
        if not self.LearnBeta:
            return ()

        def shape(scope):
            sizes = [] if self.Classes is Automatic else [scope.size("Classes")]
            scope.store.equate_runs(scope.run("boundary"), scope.store.run(sizes, scope.origin()), scope.where)

        return (Rule(shape),)

    def parts(self, items, **arrays):
        boundary = arrays.get("Boundary")
        if boundary is not None and self.Classes is not Automatic:
            boundary = boundary[items.target]

        def rows(d, block, boundary=None):
            positives, negatives = triplet_counts(block)
            b: Tensor | float = self.Beta
            if boundary is not None:
                b = boundary if boundary.dim() == 0 else boundary[block.start : block.start + len(d)].unsqueeze(1)
            b = self.Distance.sign * b
            pull = of_pairs((d - b + self.Margin).clamp_min(0), positives > 0, positives)
            push = of_pairs((b - d + self.Margin).clamp_min(0), negatives > 0, negatives)
            halves = together(pull, push)
            if self.Nu and boundary is not None and boundary.dim():
                own = boundary[block.start : block.start + len(d)]
                halves = halves._replace(total=halves.total + self.Nu * own * pull.all)
            return (*halves, block.has_both.to(d.dtype))

        *halves, some = self.over_blocks(items, rows, *(() if boundary is None else (boundary,)))
        if boundary is None or boundary.dim():
            return [Part(*halves)]
        return [Part(*halves), Part(self.Nu * boundary * some, some, some, some)]


def triplet_counts(block: Block) -> tuple[Tensor, Tensor]:
    """In how many kept triplets each pair is: as the anchor's positive, and as its negative."""
    dtype = block.x.dtype
    if block.triplets is None:
        positives = block.positive * block.negative.sum(1, keepdim=True)
        negatives = block.negative * block.positive.sum(1, keepdim=True)
        return positives.to(dtype), negatives.to(dtype)
    place, there = slots(block.positive)
    kept = block.triplets(place) & there.unsqueeze(2) & block.negative.unsqueeze(1)
    positives = torch.zeros(block.positive.shape, dtype=dtype, device=kept.device).scatter_add_(1, place, kept.sum(2).to(dtype))
    return positives, kept.sum(1).to(dtype)


class IntraPairVarianceLossLayer(PairLoss):
    """Holds the similarities of positive pairs together, and those of negative pairs.

        positive pair: max((1 - PositiveEpsilon) mean - s, 0)^2        negative pair: max(s - (1 + NegativeEpsilon) mean, 0)^2

    where mean is that of all positive, or all negative, pairs of the batch. "Input" is an embedding, "Target" its class from 0. Both
    epsilons are 0.01 unless given; s is the cosine, or another similarity, or a distance d with the signs turned. The two sums are divided
    each by its number of pairs (Reduction "Valid") and added. Made to be added to another loss.
    Errors: an embedding that is no vector.
    Source: Yu and Tao 2019 (tuplet margin loss, ICCV); pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]], "Target": [0, 0, 1, 1]}
    >>> [round(float(loss), 4) for loss in IntraPairVarianceLossLayer()(data)["Loss"]]
    [0.0015, 0.0874, 0.0015, 0.0874]
    """

    positional = ("PositiveEpsilon", "NegativeEpsilon")
    PositiveEpsilon: number(0) = 0.01
    NegativeEpsilon: number(0) = 0.01
    Distance: METRIC = CosineSimilarity()

    def parts(self, items):
        def sums(d, block):
            return tuple(
                column
                for mask in (block.positive, block.negative)
                for column in (torch.where(mask, d, 0.0).sum(1), mask.sum(1).to(d.dtype))
            )

        totals = [column.sum() for column in self.over_blocks(items, sums)]
        near, far = (total / count.clamp_min(1) for total, count in (totals[:2], totals[2:]))
        sign = self.Distance.sign

        def rows(d, block, near, far):
            pull = (d - (1 + sign * self.PositiveEpsilon) * near).clamp_min(0).square()
            push = ((1 - sign * self.NegativeEpsilon) * far - d).clamp_min(0).square()
            return *of_pairs(pull, block.positive), *of_pairs(push, block.negative)

        columns = self.over_blocks(items, rows, near, far)
        return [Part(*columns[:4]), Part(*columns[4:])]


class ThresholdConsistentMarginLossLayer(PairLoss):
    """Hard pairs of all classes are held against the same two thresholds.

        loss = PositiveWeight * mean over positives with s <= PositiveMargin of (PositiveMargin - s)
             + NegativeWeight * mean over negatives with s >= NegativeMargin of (s - NegativeMargin)

    "Input" is an embedding, "Target" its class from 0; s is the cosine. The margins are 0.9 and 0.5, the weights 1 and 1 unless given.
    Reduction "Valid" is the formula; "All" divides by all positive and by all negative pairs. Made to be added to another loss.
    Errors: a distance in place of a similarity.
    Source: Zhang et al. 2023 (arXiv 2307.04047); pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]], "Target": [0, 0, 1, 1]}
    >>> [round(float(loss), 4) for loss in ThresholdConsistentMarginLossLayer()(data)["Loss"]]
    [0.1667, 0.4733, 0.1667, 0.4733]
    """

    positional = ("PositiveMargin", "NegativeMargin")
    PositiveMargin: number() = 0.9
    NegativeMargin: number() = 0.5
    PositiveWeight: number(0) = 1.0
    NegativeWeight: number(0) = 1.0
    Distance: METRIC = CosineSimilarity()
    takes = "similarity"

    def rows(self, d, block):
        return tuple(
            part._replace(total=weight * part.total, all=mask.sum(1).to(d.dtype))
            for weight, mask, hard, losses in (
                (self.PositiveWeight, block.positive, d >= -self.PositiveMargin, d + self.PositiveMargin),
                (self.NegativeWeight, block.negative, d <= -self.NegativeMargin, -self.NegativeMargin - d),
            )
            for part in [of_pairs(losses, mask & hard)]
        )
