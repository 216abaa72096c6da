"""Miners: which pairs or triplets of a batch a loss uses, as frozen values that mask pairs.

A miner is written with its numbers, `Miner=MultiSimilarityMiner(0.1)`, or by its name. It compares embeddings by its own `Distance`, as
the packages' miners do, without gradient. How to write one: subclass `Miner`, write its numbers as a layer's parameters are written, and
give `pairs(d, block, items)`, which gets the values of its metric (always small where close), a block of rows against all items with its
masks `positive` and `negative`, and the batch; it gives the two masks of what it keeps. Where a loss is about triplets, those of the kept
positives and negatives of each anchor are meant; a miner of single triplets also gives `triplets`.
"""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from netgraph.errors import NetValueError
from netgraph.layers.metric.closed import has_any
from netgraph.layers.metric.distance import METRIC, CosineSimilarity, LpDistance, unit
from netgraph.spec.parameters import choice, number
from netgraph.spec.setting import Setting, setting
from netgraph.spec.whole import is_traced

__all__ = ["AngularMiner", "BatchEasyHardMiner", "BatchHardMiner", "MultiSimilarityMiner", "PairMarginMiner", "TripletMarginMiner"]


class Miner(Setting):
    """Chooses pairs of a batch. Abstract; `triplets(d, place, block, items)`, where a miner has it, says which triplets it keeps.

    `place` are columns of positives (rows x slots); the mask that comes back is rows x slots x columns.
    """

    abstract: ClassVar[bool] = True
    random: ClassVar[bool] = False
    """Whether it needs the random numbers of the batch, one from 0 to 1 for each item (`items.draws`)."""
    by_place: ClassVar[bool] = False
    """Whether it chooses by the places in the batch, whatever the masks say."""
    facts: ClassVar[Any] = None
    """`facts(d, block, items)` of the whole matrix as one block, where a miner needs that: `pairs` finds the result as `items.facts`."""

    Distance: METRIC

    def pairs(self, d: Tensor, block: Any, items: Any) -> tuple[Tensor, Tensor]:
        """The positive and the negative pairs of a block that are kept."""
        raise TypeError(f"{type(self).__name__} is abstract")


MINER: Any = setting(Miner, none=True)
"""A field annotation: a miner by value or name, a tuple of name and numbers, or None for all pairs."""


class MultiSimilarityMiner(Miner):
    """Positives not closer than the nearest negative by Epsilon, and negatives not farther than the farthest positive by Epsilon.

        positive kept: d < nearest negative is not enough, d + Epsilon > nearest negative
        negative kept: d - Epsilon < farthest positive

    Source: Wang et al. 2019 (arXiv 1904.06627); the miner of pytorch-metric-learning.

    >>> MultiSimilarityMiner(0.2)
    MultiSimilarityMiner(0.2)
    """

    Epsilon: number() = 0.1
    Distance: METRIC = CosineSimilarity()

    def pairs(self, d, block, items):
        nearest = torch.where(block.negative, d, torch.inf).amin(1, keepdim=True)
        farthest = torch.where(block.positive, d, -torch.inf).amax(1, keepdim=True)
        return block.positive & (d > nearest - self.Epsilon), block.negative & (d < farthest + self.Epsilon)


class PairMarginMiner(Miner):
    """Positives farther than PositiveMargin and negatives nearer than NegativeMargin, both in the values of the metric.

    Source: pytorch-metric-learning.

    >>> PairMarginMiner(NegativeMargin=1)
    PairMarginMiner(NegativeMargin=1.0)
    """

    PositiveMargin: number() = 0.2
    NegativeMargin: number() = 0.8
    Distance: METRIC = LpDistance()

    def pairs(self, d, block, items):
        sign = self.Distance.sign
        return block.positive & (d > sign * self.PositiveMargin), block.negative & (d < sign * self.NegativeMargin)


class BatchHardMiner(Miner):
    """The farthest positive and the nearest negative of each item that has both.

    Source: Hermans et al. 2017 (arXiv 1703.07737).

    >>> BatchHardMiner()
    BatchHardMiner()
    """

    Distance: METRIC = LpDistance()

    def pairs(self, d, block, items):
        both = block.has_both.unsqueeze(1)
        return best(d, block.positive, far=True) & both, best(d, block.negative, far=False) & both


class BatchEasyHardMiner(Miner):
    """One positive and one negative of each item, by a strategy for each side; "All" keeps a whole side.

    Positives: "Hard" the farthest, "Easy" the nearest, "SemiHard" the farthest of those nearer than the chosen negative. Negatives: "Hard"
    the nearest, "Easy" the farthest, "SemiHard" the nearest of those farther than the chosen positive, strictly. An item without a
    candidate on a chosen side keeps nothing.
    Errors: "SemiHard" on both sides, or with "All" on the other.
    Source: Xuan et al. 2020 (arXiv 1904.04370); pytorch-metric-learning.

    >>> BatchEasyHardMiner("Hard", "SemiHard")
    BatchEasyHardMiner("Hard")
    """

    PositiveMining: choice("Hard", "SemiHard", "Easy", "All") = "Easy"
    NegativeMining: choice("Hard", "SemiHard", "Easy", "All") = "SemiHard"
    Distance: METRIC = LpDistance()

    def check(self):
        sides = {self.PositiveMining, self.NegativeMining}
        if "SemiHard" in sides and not sides & {"Hard", "Easy"}:
            raise NetValueError(f'{self!r}: "SemiHard" is measured from a "Hard" or "Easy" choice on the other side')

    def pairs(self, d, block, items):
        positive, negative = block.positive, block.negative
        if self.PositiveMining in ("Hard", "Easy"):
            positive = best(d, positive, far=self.PositiveMining == "Hard")
        if self.NegativeMining in ("Hard", "Easy"):
            negative = best(d, negative, far=self.NegativeMining == "Easy")
        if self.NegativeMining == "SemiHard":
            beyond = torch.where(positive, d, -torch.inf).amax(1, keepdim=True)
            negative = best(d, negative & (d > beyond), far=False)
        if self.PositiveMining == "SemiHard":
            before = torch.where(negative, d, torch.inf).amin(1, keepdim=True)
            positive = best(d, positive & (d < before), far=True)
        if "All" in (self.PositiveMining, self.NegativeMining):
            return positive, negative
        both = (has_any(positive) & has_any(negative)).unsqueeze(1)
        return positive & both, negative & both


class TripletMarginMiner(Miner):
    """Triplets by their gap, d(anchor, negative) - d(anchor, positive).

        "All"       gap <= Margin
        "Hard"      gap <= 0 (and gap <= Margin)
        "SemiHard"  0 < gap <= Margin
        "Easy"      gap > Margin

    All such triplets count, not one an item. In a loss on pairs, the pairs that are in such a triplet, each once (pytorch-metric-learning
    counts a pair once for each of its triplets).
    Source: Schroff et al. 2015 (arXiv 1503.03832); pytorch-metric-learning.

    >>> TripletMarginMiner("SemiHard")
    TripletMarginMiner("SemiHard")
    """

    TripletType: choice("All", "Hard", "SemiHard", "Easy") = "All"
    Margin: number() = 0.2
    Distance: METRIC = LpDistance()

    @property
    def window(self) -> tuple[float, float]:
        """The gaps that are kept: above the first number, up to the second."""
        return {
            "All": (-math.inf, self.Margin),
            "Hard": (-math.inf, min(0.0, self.Margin)),
            "SemiHard": (0.0, self.Margin),
            "Easy": (self.Margin, math.inf),
        }[self.TripletType]

    def pairs(self, d, block, items):
        low, high = self.window
        # the gap of a pair's triplets is an interval of the sorted other side: a pair is kept where that is not empty
        return _in_window(d, block.positive, block.negative, low, high), _in_window(-d, block.negative, block.positive, low, high)

    def triplets(self, d, place, block, items):
        low, high = self.window
        gap = d.unsqueeze(1) - d.gather(1, place).unsqueeze(2)
        return (gap > low) & (gap <= high)


class AngularMiner(Miner):
    """Triplets whose angle at the negative is above Angle (in degrees).

        angle = atan(d(a, p) / (2 d(n, (a + p) / 2)))

    Embeddings are normalised. In a loss on pairs, the pairs that are in such a triplet. It looks at all triplets: its time grows with
    their number.
    Source: Wang et al. 2017 (arXiv 1708.01682); pytorch-metric-learning.

    >>> AngularMiner()
    AngularMiner()
    """

    Angle: number(0, 90) = 20.0

    @property
    def Distance(self):
        return LpDistance()

    def triplets(self, d, place, block, items):
        x = unit(items.x.detach(), 2.0)
        squares = x.square().sum(1)
        centre = (x[block.start : block.start + len(block.x)].unsqueeze(1) + x[place]) / 2
        # the squared distances of all items from the centres, from products
        far = (centre.square().sum(2, keepdim=True) + squares - 2 * centre @ x.mT).clamp_min(0)
        near = d.gather(1, place).unsqueeze(2).square()
        return near > 4 * far * math.tan(math.radians(self.Angle)) ** 2

    def pairs(self, d, block, items):
        place, there = slots(block.positive)
        kept = self.triplets(d, place, block, items) & there.unsqueeze(2) & block.negative.unsqueeze(1)
        positive = torch.zeros_like(block.positive).scatter_(1, place, kept.any(2))
        return positive & block.positive, has_any(kept)


def slots(kept: Tensor) -> tuple[Tensor, Tensor]:
    """The columns of the kept entries of each row, side by side, and which of these places are taken.

    There are as many places as the fullest row needs or, while values must not be looked at, as there are columns.
    """
    count = kept.sum(1, keepdim=True)
    most = kept.shape[1] if is_traced() else max(1, int(count.max()))
    place = kept.to(torch.uint8).topk(most, 1).indices
    return place, torch.arange(most, device=kept.device) < count


def best(d: Tensor, kept: Tensor, *, far: bool) -> Tensor:
    """The mask with the one kept entry of each row that is the farthest (or nearest), the first of equal ones."""
    filled = torch.where(kept, d if far else -d, -torch.inf)
    place = filled.argmax(1, keepdim=True)
    return torch.zeros_like(kept).scatter_(1, place, True) & kept


def _in_window(d: Tensor, own: Tensor, other: Tensor, low: float, high: float) -> Tensor:
    """Which `own` entries have an `other` entry of their row at a distance above `low` and up to `high` beyond them."""
    beyond = torch.where(other, d, torch.inf).sort(1).values
    above = torch.searchsorted(beyond, (d + low).contiguous(), right=True)
    to = torch.searchsorted(beyond, (d + high).contiguous(), right=True).minimum(other.sum(1, keepdim=True))
    return own & (to > above)
