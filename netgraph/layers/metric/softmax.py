"""Losses on classes that are cross-entropies over the items of a batch: NT-Xent, supervised contrastive, neighbourhood components."""

from typing import ClassVar

import torch
from torch import Tensor

from netgraph.layers.metric.closed import ClosedForm, as_numbers
from netgraph.layers.metric.distance import METRIC, CosineSimilarity
from netgraph.layers.metric.frame import PairLoss
from netgraph.layers.metric.reduction import REDUCTION, Part
from netgraph.spec.definitions import soft_plus
from netgraph.spec.parameters import number

__all__ = ["NTXentLossLayer", "SupConLossLayer"]


class PairEntropyLoss(PairLoss):
    """A loss whose terms are positive pairs, each a cross-entropy of the pair against the negatives of its anchor. Abstract."""

    abstract: ClassVar[bool] = True
    positional = ("Temperature",)
    Temperature: number(0, low_open=True) = 1.0
    Distance: METRIC = CosineSimilarity()

    @property
    def factor(self):
        return -1 / self.Temperature

    def form(self, block):
        return PairEntropy, block.positive, block.negative, block.strength

    def part(self, found, block):
        total, count, active = found
        return Part(total, count, count, active)


class NTXentLossLayer(PairEntropyLoss):
    """The normalised temperature-scaled cross-entropy: each positive pair against all negatives of its anchor.

        loss of (a, p) = -log(e^(s(a,p)/T) / (e^(s(a,p)/T) + sum over negatives n of a of e^(s(a,n)/T)))

    "Input" is an embedding, "Target" its class from 0; every pair of items of one class, in both orders, is a term. Other positives are not
    in the denominator. `NTXentLossLayer(T)` has temperature T, 0.07 unless given. `Distance` is a similarity, or a distance d, then
    s = -d. With views as classes of two items this is SimCLR's loss. "Loss" is one number an example; its mean over the batch is the mean
    over the terms (Reduction "Valid"). An item without a positive has loss 0; without negatives its terms are 0.
    Errors: an embedding that is no vector.
    Source: Sohn 2016, Chen et al. 2020 (arXiv 2002.05709); NTXentLoss of pytorch-metric-learning, which saturates near 87 in float32.

    >>> data = {"Input": [[1, 0], [1, 0], [0, 1]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in NTXentLossLayer(1)(data)["Loss"]]
    [0.4699, 0.4699, 0.0]
    """

    Temperature: number(0, low_open=True) = 0.07


class SupConLossLayer(PairLoss):
    """The supervised contrastive loss: the mean over the positives of an item of their cross-entropy among all others.

        loss of i = -mean over positives p of (s(i,p)/T - log(sum over all j but i of e^(s(i,j)/T)))

    "Input" is an embedding, "Target" its class from 0. `SupConLossLayer(T)` has temperature T, 0.1 unless given. `Distance` is a
    similarity, or a distance d, then s = -d. A term is an item; the sum is divided by the items with a positive loss (Reduction "Active").
    An item without a positive has loss 0. With a miner the denominator holds the kept pairs alone. In a relation a positive number is how
    much a pair counts in the mean.
    Errors: an embedding that is no vector.
    Source: Khosla et al. 2020 (arXiv 2004.11362); SupConLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [1, 0], [0, 1]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in SupConLossLayer(1)(data)["Loss"]]
    [0.4699, 0.4699, 0.0]
    """

    positional = ("Temperature",)
    Temperature: number(0, low_open=True) = 0.1
    Reduction: REDUCTION = "Active"
    Distance: METRIC = CosineSimilarity()

    @property
    def factor(self):
        return -1 / self.Temperature

    def form(self, block):
        return SetEntropy, block.positive, None if block.complete else block.negative, block.strength, block.start

    def part(self, found, block):
        losses, valid, active = found
        return Part(losses, torch.ones_like(valid), valid, active)


class SetEntropy(ClosedForm):
    """(losses, valid, active): lse over all kept pairs of s, minus the (weighted) mean of s over the positives, 0 for rows without a
    positive; 1 for rows that have one; 1 for losses that are positive.

    Its slope is softmax - share of the positives. Where `negative` is None all pairs are kept but those of an item with itself, from column
    `start` on; these entries of s are overwritten.
    """

    @staticmethod
    def forward(ctx, s: Tensor, positive: Tensor, negative: Tensor | None, strength: Tensor | None, start: int):
        ctx.set_materialize_grads(False)
        weight = as_numbers(positive, s.dtype) if strength is None else torch.where(positive, strength, 0.0)
        total = weight.sum(1)
        divisor = total.clamp_min(torch.finfo(s.dtype).tiny)
        least = torch.finfo(s.dtype).min / 2  # what is left out still has a finite logarithm
        if negative is None:
            s.diagonal(start).fill_(least)
        else:
            s = torch.where(positive | negative, s, least)
        logs = torch.log_softmax(s, 1)
        losses = torch.linalg.vecdot(weight, logs).div_(divisor).abs_()  # no logarithm is positive
        valid, active = total.sign_(), losses.sign()
        ctx.save_for_backward(logs.exp_().addcdiv_(weight, divisor.unsqueeze(1), value=-1), valid)
        ctx.mark_non_differentiable(valid, active)
        return losses, valid, active

    @staticmethod
    def backward(ctx, gradient, _valid, _active):
        slope, valid = ctx.saved_tensors
        return slope * (gradient * valid).unsqueeze(1), None, None, None, None


class PairEntropy(ClosedForm):
    """(total, count, active) of log(1 + e^(lse over negatives of s - s(p))) over the positives p of each row."""

    @staticmethod
    def forward(ctx, s: Tensor, positive: Tensor, negative: Tensor, strength: Tensor | None):
        ctx.set_materialize_grads(False)
        others = torch.where(negative, s, -torch.inf)
        peak = others.amax(1, keepdim=True).clamp_min(torch.finfo(s.dtype).min)
        odds = others.sub_(peak).exp_()
        sums = odds.sum(1, keepdim=True)
        some = sums > 0
        log = torch.log(torch.where(some, sums, 1.0)) + peak
        # the share of the negatives against one positive: sigmoid(log - s)
        gap = torch.where(positive & some, log - s, -torch.inf)
        losses = soft_plus(gap)
        share = gap.sigmoid_()
        active = (losses > 0).sum(1).to(s.dtype)
        count = positive.sum(1).to(s.dtype)
        if strength is not None:
            weight = torch.where(positive, strength, 0.0)
            losses, share, active, count = losses * weight, share * weight, (weight * (losses > 0)).sum(1), weight.sum(1)
        odds *= share.sum(1, keepdim=True) / torch.where(some, sums, 1.0)
        ctx.save_for_backward(odds.sub_(share))
        ctx.mark_non_differentiable(count, active)
        return losses.sum(1), count, active

    @staticmethod
    def backward(ctx, gradient, _count, _active):
        (slope,) = ctx.saved_tensors
        return slope * gradient.unsqueeze(1), None, None, None
