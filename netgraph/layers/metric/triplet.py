"""Losses on triplets of a batch of classes: an anchor, a positive and a negative, all of them or mined ones."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from netgraph.errors import NetValueError
from netgraph.layers.metric.batch import Block, Items
from netgraph.layers.metric.closed import ClosedForm, has_any
from netgraph.layers.metric.frame import PairLoss, most_positives
from netgraph.layers.metric.mining import TripletMarginMiner, best, slots
from netgraph.layers.metric.reduction import REDUCTION, Part, of_items, of_pairs
from netgraph.spec.definitions import soft_plus
from netgraph.spec.parameters import Flag, choice, number

__all__ = ["TripletLossLayer"]

FEW = 8
"""Positives of a row up to which looking at each triplet is faster than sorting."""


class TripletLossLayer(PairLoss):
    """Triplets of a batch of classes: the negative should be farther from the anchor than the positive by a margin.

        loss of (a, p, n) = max(d(a,p) - d(a,n) + Margin, 0)

    "Input" is an embedding, "Target" its class from 0. `TripletLossLayer(m)` has margin m, 0.05 unless given. All triplets of the batch
    are meant, unless a miner chooses or the strategies do:
    PositiveMining "Hard" takes the farthest positive of each anchor, "Easy" the nearest; NegativeMining "Hard" the nearest negative, "Easy"
    the farthest, "SemiHard" the nearest of those farther than the farthest positive, and where there is none the farthest.
    Swap: d(a,n) becomes min(d(a,n), d(p,n)). SoftMargin: log(1 + e^t) takes the place of max(t, 0). `Distance` is Euclidean on normalised
    embeddings, or any distance or similarity s, then d = -s. A term is a triplet; the sum is divided by the triplets with a positive loss
    (Reduction "Active"). All triplets of a hinge are summed without listing them: time n^2 log n at most.
    `TripletLossLayer(1, PositiveMining="Hard", NegativeMining="SemiHard", Distance="cosine", Reduction="Valid")` is FaceNet's habit, and
    TF Similarity's TripletLoss on batches where each item has a positive and a negative.
    Errors: an embedding that is no vector; a miner together with strategies.
    Source: Schroff et al. 2015 (arXiv 1503.03832); TripletMarginLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in TripletLossLayer()(data)["Loss"]]
    [2.1963, 0.075, 0.0]
    """

    positional = ("Margin",)
    Margin: number() = 0.05
    PositiveMining: choice("All", "Hard", "Easy") = "All"
    NegativeMining: choice("All", "Hard", "SemiHard", "Easy") = "All"
    Swap: Flag = False
    SoftMargin: Flag = False
    Reduction: REDUCTION = "Active"

    def check(self):
        super().check()
        if self.Miner is not None and (self.PositiveMining, self.NegativeMining) != ("All", "All"):
            raise NetValueError(f"{type(self).__name__}: a miner chooses pairs by itself, PositiveMining and NegativeMining do not apply")

    def depth(self, items):
        return most_positives(items) if self._dense else 1

    @property
    def _window(self) -> tuple[float, float] | None:
        """The gaps of the triplets that are meant, where an interval says which."""
        if isinstance(self.Miner, TripletMarginMiner) and self.Miner.Distance == self.Distance:
            return self.Miner.window
        return None if hasattr(self.Miner, "triplets") else (-math.inf, math.inf)

    @property
    def _dense(self) -> bool:
        return self.Swap or self.SoftMargin or self._window is None

    def kept(self, d, block, items):
        if self._window is not None and self.Miner is not None and isinstance(self.Miner, TripletMarginMiner):
            return block
        block = super().kept(d, block, items)
        return block._replace(**strategies(d.detach(), block, self.PositiveMining, self.NegativeMining))

    def parts(self, items: Items):
        if self.PositiveMining != "All" and self.NegativeMining != "All":
            return [self._chosen(items)]
        return super().parts(items)

    def _chosen(self, items: Items) -> Part:
        """One triplet an anchor."""
        far, near, between, valid = mined_triplets(self, items)
        near = torch.minimum(near, between) if self.Swap else near
        return of_items(self._loss(far - near), valid)

    def _loss(self, gap):
        return soft_plus(gap + self.Margin) if self.SoftMargin else (gap + self.Margin).clamp_min(0)

    def rows(self, d, block):
        if self._dense:
            return self._listed(d, block)
        low, high = self._window or (-math.inf, math.inf)
        total, count, active = Hinges.of(d, block.positive, block.negative, self.Margin, low, high)
        return Part(total, count, count, active)

    def _listed(self, d: Tensor, block: Block) -> Part:
        """Each triplet by itself: rows x places of positives x columns."""
        place, there = slots(block.positive)
        near = d.unsqueeze(1)
        if self.Swap:
            positives = tuple(t[place].flatten(0, 1) for t in block.columns)
            between = self.Distance.between(positives, block.columns) * self.Distance.sign
            near = torch.minimum(near, between.unflatten(0, place.shape))
        kept = there.unsqueeze(2) & block.negative.unsqueeze(1)
        if block.triplets is not None:
            kept = kept & block.triplets(place)
        return of_pairs(self._loss(d.gather(1, place).unsqueeze(2) - near), kept)


def mined_triplets(loss: PairLoss, items: Items) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(d(anchor, positive), d(anchor, negative), d(positive, negative), valid) of one triplet an item, small where close.

    The triplets are mined without gradient; their distances are found anew from the three embeddings, without the matrix.
    """
    place, other = loss.mined(items)
    prepared = loss.Distance.prepare(items.x)
    anchors, keys = tuple(t[items.own] for t in prepared), items.keys(prepared)
    positives = tuple(t[place.clamp_min(0)] for t in keys)
    negatives = tuple(t[other.clamp_min(0)] for t in keys)
    pairs = ((anchors, positives), (anchors, negatives), (positives, negatives))
    far, near, between = (loss.Distance.paired(a, b) * loss.Distance.sign for a, b in pairs)
    return far, near, between, (place >= 0) & (other >= 0)


def strategies(d: Tensor, block: Block, positive: str, negative: str) -> dict[str, Tensor]:
    """The masks that PositiveMining and NegativeMining choose; "All" leaves a side as it is."""
    pairs, others = block.positive, block.negative
    if negative == "SemiHard":
        beyond = others & (d > torch.where(pairs, d, -torch.inf).amax(1, keepdim=True))
        some = has_any(beyond).unsqueeze(1)
        others = torch.where(some, best(d, beyond, far=False), best(d, others, far=True))
    elif negative != "All":
        others = best(d, others, far=negative == "Easy")
    if positive != "All":
        pairs = best(d, pairs, far=positive == "Hard")
    return {"positive": pairs, "others": others}


class Hinges(ClosedForm):
    """(total, count, active) of max(d(p) - d(n) + margin, 0) over the positives p and negatives n of each row whose gap
    d(n) - d(p) is above `low` and up to `high`.

    Where a row has few positives each triplet is looked at. Else the negatives of a row are sorted: those that go with a positive are an
    interval, its sum is a difference of two running sums, and the slope of each negative the number of intervals that it lies in.
    """

    @staticmethod
    def forward(ctx, d: Tensor, positive: Tensor, negative: Tensor, margin: float, low: float, high: float):
        place, there = slots(positive)
        own = torch.where(there, d.gather(1, place), 0.0)
        of = Hinges._each if place.shape[1] <= FEW else Hinges._sorted
        total, count, here, slope = of(d, own, there, negative, margin, low, high)
        ctx.save_for_backward(slope.scatter_add_(1, place, here))
        active = here.sum(1)
        ctx.mark_non_differentiable(count, active)
        return total, count, active

    @staticmethod
    def _each(d: Tensor, own: Tensor, there: Tensor, negative: Tensor, margin: float, low: float, high: float):
        """(total, count, hinges that bend at each positive, slope at the negatives), triplet by triplet."""
        far, own = d.unsqueeze(1), own.unsqueeze(2)
        meant = negative.unsqueeze(1) & there.unsqueeze(2)
        if low > -math.inf:
            meant = meant & (far > own + low)
        if high < math.inf:
            meant = meant & (far <= own + high)
        gap = torch.where(meant, own + margin - far, 0.0).clamp_min_(0)
        bent = (gap > 0).to(d.dtype)
        return gap.sum((1, 2)), meant.to(d.dtype).sum((1, 2)), bent.sum(2), bent.sum(1).neg_()

    @staticmethod
    def _sorted(d: Tensor, own: Tensor, there: Tensor, negative: Tensor, margin: float, low: float, high: float):
        """The same, by sorting."""
        beyond, order = torch.where(negative, d, torch.inf).sort(1)
        most = negative.sum(1, keepdim=True)
        running = F.pad(torch.where(torch.isfinite(beyond), beyond, 0.0).double().cumsum_(1), (1, 0))
        first = torch.searchsorted(beyond, own + low, right=True)
        last = torch.searchsorted(beyond, own + high, right=True).minimum(most).maximum(first)
        end = torch.searchsorted(beyond, own + margin).minimum(last).maximum(first)
        count = torch.where(there, last - first, 0).sum(1).to(d.dtype)
        here = torch.where(there, end - first, 0).to(d.dtype)
        total = here * (own + margin) - (running.gather(1, end) - running.gather(1, first)).mul_(there).to(d.dtype)
        step = there.to(d.dtype)
        edges = torch.zeros_like(running, dtype=d.dtype).scatter_add_(1, first, -step).scatter_add_(1, end, step)
        slope = torch.empty_like(d).scatter_(1, order, edges.cumsum_(1)[:, :-1])
        return total.sum(1), count, here, slope

    @staticmethod
    def backward(ctx, gradient, _count, _active):
        (slope,) = ctx.saved_tensors
        return slope * gradient.unsqueeze(1), None, None, None, None, None
