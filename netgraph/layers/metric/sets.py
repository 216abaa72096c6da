"""Losses on classes that weigh the set of positives of an item against the set of its negatives: multi-similarity, circle."""

import torch
from torch import Tensor

from netgraph.layers.metric.closed import ClosedForm
from netgraph.layers.metric.distance import METRIC, CosineSimilarity
from netgraph.layers.metric.frame import PairLoss
from netgraph.layers.metric.reduction import REDUCTION, of_items
from netgraph.spec.parameters import number

__all__ = ["MultiSimilarityLossLayer"]


class MultiSimilarityLossLayer(PairLoss):
    """The multi-similarity loss: near negatives and far positives weigh most.

        loss of i = log(1 + sum over positives of e^(-Alpha (s - Base))) / Alpha
                  + log(1 + sum over negatives of e^(Beta (s - Base))) / Beta

    "Input" is an embedding, "Target" its class from 0; s is the cosine, or another similarity, or a distance d, then s - Base becomes
    Base - d. Alpha 2, Beta 50, Base 0.5 unless given. A term is an item; the sum is divided by all items (Reduction "All"). An item
    without pairs has loss 0. Usually with Miner=MultiSimilarityMiner(0.1).
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
    Reduction: REDUCTION = "All"
    Distance: METRIC = CosineSimilarity()

    def rows(self, d, block):
        base = self.Base * self.Distance.sign
        losses = TwoSums.of(d, block.positive, block.negative, self.Alpha, self.Beta, base)
        return of_items(losses, block.positive.any(1) | block.negative.any(1))


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
