"""The PN loss of TF Similarity: one mined triplet an item, its negative measured from anchor and positive."""

from collections.abc import Callable

import torch
from torch import Tensor

from netgraph.layers.metric.batch import Items, pair_masks
from netgraph.layers.metric.closed import has_any
from netgraph.layers.metric.distance import METRIC, CosineDistance
from netgraph.layers.metric.frame import PairLoss
from netgraph.layers.metric.reduction import Part, of_items
from netgraph.layers.metric.triplet import mined_triplets, strategies
from netgraph.spec.definitions import soft_plus
from netgraph.spec.parameters import Flag, choice, number, parameter, wants
from netgraph.types.symbols import Automatic

__all__ = ["PNLossLayer"]


def _release(value):
    if value is Automatic or value in ("0.16", "0.17"):
        return value
    raise wants('Automatic, "0.16" or "0.17"', value)


class PNLossLayer(PairLoss):
    """One mined triplet an item; its negative counts from the anchor or from the positive, whichever is nearer.

        loss of i = max(p - min(d(i,b), d(a,b)) + Margin, 0),   p = d(i,a), a the positive and b the negative mined for i

    "Input" is an embedding, "Target" its class from 0. PositiveMining "Hard" takes the farthest positive, "Easy" the nearest.
    NegativeMining "Hard" takes the nearest negative, "Easy" the farthest, "SemiHard" the nearest of those farther than the farthest
    positive (the margin does not bound them), and where there is none the farthest. `PNLossLayer(m)` has margin m, 1 unless given.
    SoftMargin: log(1 + e^(p - q)) without margin. `Distance` is the cosine distance, any other distance, or a similarity s, then d = -s.
    An item without a positive or without a negative has loss 0 and no gradient; the sum is divided by the others (Reduction "Valid").
    The first of equal candidates is taken. `Release` gives what TF Similarity released instead, with its habits where an item lacks a
    positive or a negative: "0.16" (0.13 to 0.16: without a semi-hard candidate item 0 plays the negative, whatever its class; the soft
    form is one log-sum-exp of the batch) or "0.17" (0.17 and later). Then the divisor is the number of items, equal candidates share
    the gradient, cosine distances do not normalise, and the matrix of all distances is kept.
    Errors: an embedding that is no vector.
    Source: PNLoss of TF Similarity; Balntas et al. 2016 (arXiv 1601.05030), Szubert et al. 2019; soft margin: Hermans et al. 2017.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0], [0, 1]], "Target": [0, 0, 1, 1]}
    >>> PNLossLayer()(data)["Loss"]
    array([2., 2., 2., 2.], dtype=float32)
    """

    positional = ("Margin",)
    Margin: number() = 1.0
    PositiveMining: choice("Hard", "Easy") = "Hard"
    NegativeMining: choice("SemiHard", "Hard", "Easy") = "SemiHard"
    SoftMargin: Flag = False
    Release: parameter(_release, {"enum": [{"$word": "Automatic"}, "0.16", "0.17"]}) = Automatic
    Distance: METRIC = CosineDistance()

    @property
    def remembers(self) -> bool:
        """Whether the loss makes sense between a batch and a memory: what was released of it does not know one."""
        return self.Release is Automatic

    def kept(self, d, block, items):
        block = super().kept(d, block, items)
        return block._replace(**strategies(d.detach(), block, self.PositiveMining, self.NegativeMining))

    def parts(self, items):
        if self.Release is not Automatic:
            return [self._released(items)]
        far, near, between, valid = mined_triplets(self, items)
        return [of_items(self._loss(far - torch.minimum(near, between)), valid)]

    def _loss(self, gap: Tensor) -> Tensor:
        return soft_plus(gap) if self.SoftMargin else (gap + self.Margin).clamp_min(0)

    def _released(self, items: Items) -> Part:
        metric = CosineDistance(False) if isinstance(self.Distance, CosineDistance) else self.Distance
        prepared = metric.prepare(items.x)
        d = metric.between(prepared, prepared)
        positive, negative, _ = pair_masks(items, 0, len(d))
        real = torch.ones(len(d), dtype=torch.bool, device=d.device) if items.valid is None else items.valid
        farthest, nearest = _Extreme(d, real, torch.amax, -1e-6), _Extreme(d, real, torch.amin, 1e-6)
        far, a = (farthest if self.PositiveMining == "Hard" else nearest)(positive)
        near, b = self._negative(d, positive, negative, farthest, nearest)
        gap = far - torch.minimum(near, d[a, b])
        if self.SoftMargin and self.Release == "0.16":
            gap = torch.where(real, gap, -torch.inf).logsumexp(0).expand(len(d))
            return of_items(gap, real)
        return of_items(self._loss(gap), real)

    def _negative(self, d, positive, negative, farthest, nearest):
        if self.NegativeMining != "SemiHard":
            return (nearest if self.NegativeMining == "Hard" else farthest)(negative)
        beyond = d > farthest(positive)[0].unsqueeze(1)
        semihard = negative & beyond
        if self.Release == "0.17":
            instead = torch.zeros_like(semihard).scatter_(1, farthest(negative & ~beyond)[1].unsqueeze(1), True) & ~beyond
            semihard = torch.where(has_any(semihard).unsqueeze(1), semihard, instead)
        return nearest(semihard)


class _Extreme:
    """TF Similarity's masked maximum or minimum of rows: of an empty mask it is the row's other extreme, beyond by 1e-6, at item 0."""

    def __init__(self, d: Tensor, real: Tensor, extreme: Callable, step: float):
        self.extreme = extreme
        fill = torch.inf if extreme is torch.amax else -torch.inf
        opposite = torch.amin if extreme is torch.amax else torch.amax
        self.base = opposite(torch.where(real, d, fill), 1, keepdim=True) + step
        self.d = d

    def __call__(self, mask: Tensor) -> tuple[Tensor, Tensor]:
        shifted = torch.where(mask, self.d - self.base, 0.0)
        exact = torch.where(mask, self.d.detach().double() - self.base.detach().double(), 0.0)
        place = exact.argmax(1) if self.extreme is torch.amax else exact.argmin(1)
        return (self.extreme(shifted, 1, keepdim=True) + self.base).squeeze(1), place
