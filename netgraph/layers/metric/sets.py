"""Losses on classes that weigh the set of positives of an item against the set of its negatives: multi-similarity, circle, lifted."""

import torch
from torch import Tensor

from netgraph.layers.metric.closed import ClosedForm, has_any
from netgraph.layers.metric.distance import METRIC, CosineSimilarity
from netgraph.layers.metric.frame import PairLoss
from netgraph.layers.metric.reduction import REDUCTION, Part, masked_lse, of_items, of_pairs
from netgraph.spec.definitions import soft_plus
from netgraph.spec.parameters import Flag, choice, number

__all__ = [
    "CircleLossLayer", "GeneralizedLiftedStructureLossLayer", "LiftedStructureLossLayer", "MultiSimilarityLossLayer",
]  # fmt: skip


class MultiSimilarityLossLayer(PairLoss):
    """The multi-similarity loss: near negatives and far positives weigh most.

        loss of i = log(1 + sum over positives of e^(-Alpha (s - Base))) / Alpha
                  + log(1 + sum over negatives of e^(Beta (s - Base))) / Beta

    "Input" is an embedding, "Target" its class from 0; s is the cosine, or another similarity, or a distance d, then s - Base becomes
    Base - d. Alpha 2, Beta 50, Base 0.5 unless given. A term is an item; the sum is divided by all items (Reduction "All"). An item
    without pairs has loss 0. Usually with Miner=MultiSimilarityMiner(0.1). TF Similarity's form is
    `MultiSimilarityLossLayer(2, 40, Distance="cosine", Miner=MultiSimilarityMiner(0.1), NeedsBoth=True)`: its lambda and centre shift
    the distance by 0.5 together, and an item counts only where positives and negatives survive the mining.
    Errors: an embedding that is no vector.
    Source: Wang et al. 2019 (arXiv 1904.06627); MultiSimilarityLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [1, 0], [0, 1]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in MultiSimilarityLossLayer()(data)["Loss"]]
    [0.1566, 0.1566, 0.0]
    """

    positional = ("Alpha", "Beta", "Base")
    Alpha: number(0, low_open=True) = 2.0
    Beta: number(0, low_open=True) = 50.0
    Base: number() = 0.5
    NeedsBoth: Flag = False
    Reduction: REDUCTION = "All"
    Distance: METRIC = CosineSimilarity()

    def form(self, block):
        return TwoSums, block.positive, block.negative, self.Alpha, self.Beta, self.Base * self.Distance.sign

    def part(self, found, block):
        return of_items(found, block.has_both if self.NeedsBoth else has_any(block.positive) | has_any(block.negative))


class TwoSums(ClosedForm):
    """log(1 + sum over positives of e^(alpha (d - base))) / alpha + log(1 + sum over negatives of e^(-beta (d - base))) / beta.

    The slope of a term is its share of its sum.
    """

    @staticmethod
    def forward(ctx, d: Tensor, positive: Tensor, negative: Tensor, alpha: float, beta: float, base: float) -> Tensor:
        far, log_far = _shares(d, positive, alpha, base)
        near, log_near = _shares(d, negative, -beta, base)
        ctx.save_for_backward(far.sub_(near))
        return log_far / alpha + log_near / beta

    @staticmethod
    def backward(ctx, gradient):
        (slope,) = ctx.saved_tensors
        return slope * gradient.unsqueeze(1), None, None, None, None, None


def _shares(d: Tensor, kept: Tensor, scale: float, base: float) -> tuple[Tensor, Tensor]:
    """The kept entries e^(scale (d - base)) as shares of 1 + their sum, and the logarithm of that."""
    t = torch.where(kept, (d - base).mul_(scale), -torch.inf)
    peak = t.amax(1, keepdim=True).clamp_min_(0)
    odds = t.sub_(peak).exp_()
    total = odds.sum(1, keepdim=True).add_(torch.exp(-peak))
    return odds.div_(total), (peak + total.log()).squeeze(1)


class CircleLossLayer(PairLoss):
    """Each pair is pulled or pushed the more, the farther it is from its optimum.

        loss of i = log(1 + sum over positives and negatives of e^(Gamma a(n) (s(n) - Margin)) e^(-Gamma a(p) (s(p) - 1 + Margin)))
        a(p) = max(1 + Margin - s(p), 0),  a(n) = max(s(n) + Margin, 0), both without gradient

    "Input" is an embedding, "Target" its class from 0; s is the cosine. Margin 0.4, Gamma 80 unless given. A term is an item that has a
    positive and a negative, others have loss 0; the sum is divided by the items with a positive loss (Reduction "Active").
    Form "TFSimilarity": the gradient flows through the weights, and the loss is the sum of one logarithm for the positives and one for the
    negatives; its divisor is the number of items (give Reduction="All").
    Errors: a distance in place of a similarity.
    Source: Sun et al. 2020 (arXiv 2002.10857); CircleLoss of pytorch-metric-learning, and of TF Similarity.

    >>> data = {"Input": [[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]], "Target": [0, 0, 1, 1]}
    >>> [round(float(loss), 4) for loss in CircleLossLayer()(data)["Loss"]]
    [6.4017, 51.328, 6.4017, 51.328]
    """

    positional = ("Margin", "Gamma")
    Margin: number() = 0.4
    Gamma: number(0, low_open=True) = 80.0
    Form: choice("Paper", "TFSimilarity") = "Paper"
    Reduction: REDUCTION = "Active"
    Distance: METRIC = CosineSimilarity()
    takes = "similarity"
    oriented = False

    def rows(self, d, block):
        m, paper = self.Margin, self.Form == "Paper"
        weight = d.detach() if paper else d
        near = -self.Gamma * (1 + m - weight).clamp_min(0) * (d - 1 + m)
        far = self.Gamma * (weight + m).clamp_min(0) * (d - m)
        if paper:
            losses = soft_plus(masked_lse(near, block.positive) + masked_lse(far, block.negative))
        else:
            losses = masked_lse(near, block.positive, one=True) + masked_lse(far, block.negative, one=True)
        return of_items(losses, block.has_both)


class GeneralizedLiftedStructureLossLayer(PairLoss):
    """All positives of an item against all its negatives, both as soft extremes.

        loss of i = max(lse over positives of (d - PositiveMargin) + lse over negatives of (NegativeMargin - d), 0)

    "Input" is an embedding, "Target" its class from 0. The margins are 0 and 1 unless given; with a similarity the signs turn. A term is an
    item that has a positive and a negative, others have loss 0; the sum is divided by these (Reduction "Valid").
    Errors: an embedding that is no vector.
    Source: Hermans et al. 2017 (arXiv 1703.07737); pytorch-metric-learning, which also counts items that lack one side.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in GeneralizedLiftedStructureLossLayer()(data)["Loss"]]
    [3.6213, 1.5, 0.0]
    """

    positional = ("NegativeMargin", "PositiveMargin")
    NegativeMargin: number() = 1.0
    PositiveMargin: number() = 0.0

    def rows(self, d, block):
        sign = self.Distance.sign
        far = masked_lse(d - sign * self.PositiveMargin, block.positive)
        near = masked_lse(sign * self.NegativeMargin - d, block.negative)
        both = block.has_both
        return of_items(torch.where(both, far + near, 0.0).clamp_min(0), both)


class LiftedStructureLossLayer(PairLoss):
    """Each positive pair against the negatives of both its members.

        loss of (a, p) = max(lse over negatives n of a and of p of (NegativeMargin - d(.,n)) + d(a,p) - PositiveMargin, 0)^2 / 2

    "Input" is an embedding, "Target" its class from 0. The margins are 1 and 0 unless given; with a similarity the signs turn. A term is
    a positive pair, in both orders, whose members have a negative; the sum is divided by their number (Reduction "Valid"). TF Similarity's
    form of 0.18.dev gathers the negatives of the positive along the wrong axis; this is the paper's.
    Errors: an embedding that is no vector.
    Source: Song et al. 2016 (arXiv 1511.06452); LiftedStructureLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in LiftedStructureLossLayer()(data)["Loss"]]
    [5.1949, 5.1949, 0.0]
    """

    positional = ("NegativeMargin", "PositiveMargin")
    NegativeMargin: number() = 1.0
    PositiveMargin: number() = 0.0
    remembers = False

    def parts(self, items):
        sign = self.Distance.sign

        def nearest(d, block):
            return masked_lse(sign * self.NegativeMargin - d, block.negative), has_any(block.negative)

        near, some = self.over_blocks(items, nearest)

        def rows(d, block, near):
            here = slice(block.start, block.start + len(d))
            both = torch.logaddexp(near[here].unsqueeze(1), near)
            kept = block.positive & (some[here].unsqueeze(1) | some)
            losses = torch.where(kept, both + d - sign * self.PositiveMargin, 0.0).clamp_min(0).square() / 2
            return tuple(of_pairs(losses, kept, block.strength))

        return [Part(*self.over_blocks(items, rows, near))]
