"""Losses on classes that rank the items of a batch: average precision made smooth, histograms, ranked lists."""

import torch
from torch import Tensor

from netgraph.layers.metric.batch import Block
from netgraph.layers.metric.closed import has_any
from netgraph.layers.metric.distance import METRIC, CosineSimilarity, LpDistance
from netgraph.layers.metric.frame import PairLoss, most_positives
from netgraph.layers.metric.mining import slots
from netgraph.layers.metric.reduction import REDUCTION, of_items
from netgraph.spec.parameters import Count, choice, number, parameter, wants
from netgraph.types.symbols import Automatic

__all__ = ["FastAPLossLayer", "HistogramLossLayer", "PNPLossLayer", "RankedListLossLayer", "SmoothAPLossLayer"]


class FastAPLossLayer(PairLoss):
    """One minus the average precision, from soft histograms of distances.

        loss of i = 1 - sum over bins of h+ H+ / H / number of positives

    h+ counts the positives of a bin, H+ those up to it, H all items up to it. "Input" is an embedding, "Target" its class from 0.
    `Distance` is the squared Euclidean distance of normalised embeddings, from 0 to 4; `FastAPLossLayer(bins)` has 10 bins unless given. A
    term is an item with a positive, others have loss 0; the sum is divided by these (Reduction "Valid").
    Errors: a similarity in place of a distance.
    Source: Cakir et al. 2019 (CVPR); FastAPLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in FastAPLossLayer()(data)["Loss"]]
    [0.75, 0.75, 0.0]
    """

    positional = ("Bins",)
    Bins: Count = 10
    Distance: METRIC = LpDistance(2, 2)
    takes = "distance"

    def rows(self, d, block):
        most = 2.0 ** getattr(self.Distance, "Power", 1.0)
        step = most / self.Bins
        positives, others, total = 0.0, 0.0, 0.0
        for number_ in range(self.Bins + 1):
            pulse = (1 - (d - number_ * step).abs() / step).clamp_min(0)
            here = torch.where(block.positive, pulse, 0.0).sum(1)
            positives = positives + here
            others = others + torch.where(block.negative, pulse, 0.0).sum(1)
            product, all_ = here * positives, positives + others
            some = product > 0
            total = total + torch.where(some, product / torch.where(some, all_, 1.0), 0.0)
        count = block.positive.sum(1)
        return of_items(1 - total / count.clamp_min(1), count > 0)


class HistogramLossLayer(PairLoss):
    """The chance that a negative pair is more similar than a positive one, from soft histograms of similarities.

        loss = sum over bins of h-(bin) * (sum of h+ up to bin)

    h+ and h- are the shares of the positive and of the negative pairs of the batch in a bin. "Input" is an embedding, "Target" its class
    from 0; the cosine is cut into `HistogramLossLayer(bins)` bins from -1 to 1, 100 unless given. The loss is one number for the batch:
    "Loss" is that for every item of a batch that has positive and negative pairs, 0 otherwise. Pairs of an item without a positive or
    without a negative count only where the other item has both.
    Errors: a distance in place of a similarity.
    Source: Ustinova and Lempitsky 2016 (arXiv 1611.00822); HistogramLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in HistogramLossLayer()(data)["Loss"]]
    [1.0, 1.0, 1.0]
    """

    positional = ("Bins",)
    Bins: Count = 100
    Distance: METRIC = CosineSimilarity()
    takes = "similarity"
    oriented = False
    remembers = False

    def parts(self, items):
        (has,) = self.over_blocks(items, lambda d, block: (block.has_both,))

        def densities(d, block):
            here = has[block.start : block.start + len(d)].unsqueeze(1) | has
            return tuple(self._density(d, mask & here).unsqueeze(0) for mask in (block.positive, block.negative))

        near, far = (counts.sum(0) for counts in self.over_blocks(items, densities))
        some = (near.sum() > 0) & (far.sum() > 0)
        near, far = (counts / torch.where(some, counts.sum(), 1.0) for counts in (near, far))
        loss = torch.where(some, (far * near.cumsum(0)).sum(), 0.0)
        count = len(items.x)
        valid = some.expand(count) if items.valid is None else items.valid & some
        return [of_items(loss.expand(count), valid)]

    def _density(self, s: Tensor, kept: Tensor) -> Tensor:
        """How many kept values are at each border between bins: a value counts for both borders of its bin, the more the nearer."""
        place = (s + 1) * (self.Bins / 2)
        low = place.detach().floor().clamp(0, self.Bins - 1)
        above = torch.where(kept, place - low, 0.0)
        below = torch.where(kept, low + 1 - place, 0.0)
        index = low.long().flatten()
        empty = torch.zeros(self.Bins + 1, dtype=s.dtype, device=s.device)
        return empty.index_add(0, index, below.flatten()).index_add(0, index + 1, above.flatten())


def _members(d: Tensor, block: Block) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of the positives of each row and the row itself, side by side: which places are taken, their values, and for each the steps
    d(place) - d(column) towards all columns; last the mask of the columns that are members."""
    own = block.positive | block.itself
    place, there = slots(own)
    values = d.gather(1, place)
    return there, values, d.unsqueeze(1) - values.unsqueeze(2), own


class SmoothAPLossLayer(PairLoss):
    """One minus the average precision, ranks being counted by steep sigmoids.

        loss of i = 1 - mean over members p of i's class of (rank of p among the members / rank of p among all)
        rank of p = 1 + sum over j but p of sigmoid((s(i,j) - s(i,p)) / Temperature)

    "Input" is an embedding, "Target" its class from 0; s is the cosine, the item is a member of its own class. `SmoothAPLossLayer(T)` has
    temperature 0.01 unless given. Classes may have different sizes and come in any order. A term is an item; the sum is divided by all
    (Reduction "All"). It looks at all triplets: its time grows with their number.
    Errors: a distance in place of a similarity.
    Source: Brown et al. 2020 (arXiv 2007.12163); SmoothAPLoss of pytorch-metric-learning wants sorted classes of one size, and is right
    only where there are as many classes as members.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0.1]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in SmoothAPLossLayer()(data)["Loss"]]
    [0.3039, 0.1667, 0.2745]
    """

    positional = ("Temperature",)
    Temperature: number(0, low_open=True) = 0.01
    Reduction: REDUCTION = "All"
    Distance: METRIC = CosineSimilarity()
    takes = "similarity"
    oriented = False

    def depth(self, items):
        return most_positives(items)

    def rows(self, d, block):
        there, _, steps, own = _members(d, block)
        real = (own | block.negative).unsqueeze(1)
        before = torch.sigmoid(steps / self.Temperature)
        # the member itself is half a rank before itself
        among = torch.where(own.unsqueeze(1), before, 0.0).sum(2) + 0.5
        among_all = torch.where(real, before, 0.0).sum(2) + 0.5
        share = torch.where(there, among / torch.where(there, among_all, 1.0), 0.0)
        valid = has_any(own) if block.real is None else block.real[block.start : block.start + len(d)]
        return of_items(1 - share.sum(1) / there.sum(1).clamp_min(1), valid)


class PNPLossLayer(PairLoss):
    """How many negatives are ranked before the members of an item's class.

        loss of i = mean over members p of i's class of f(r),  r = sum over negatives n of sigmoid((s(i,n) - s(i,p)) / Anneal)

    Variant "O" is f(r) = r, "Ds" log(1 + r), "Dq" 1 - (1 + r)^(-Alpha), "Iu" (1 + r) log(1 + r), "Ib" (B r - log(1 + B r)) / B^2. "Input"
    is an embedding, "Target" its class from 0; s is the cosine, the item is a member of its own class. B 2, Alpha 1, Anneal 0.01 unless
    given. A term is an item; the sum is divided by all (Reduction "All"). It looks at all triplets: its time grows with their number.
    Errors: a distance in place of a similarity.
    Source: Li et al. 2022 (arXiv 2102.04640); PNPLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0.1]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in PNPLossLayer()(data)["Loss"]]
    [0.6892, 0.5, 0.3784]
    """

    positional = ("Variant",)
    Variant: choice("O", "Ds", "Dq", "Iu", "Ib") = "O"
    B: number(0, low_open=True) = 2.0
    Alpha: number(0, low_open=True) = 1.0
    Anneal: number(0, low_open=True) = 0.01
    Reduction: REDUCTION = "All"
    Distance: METRIC = CosineSimilarity()
    takes = "similarity"
    oriented = False

    def depth(self, items):
        return most_positives(items)

    def rows(self, d, block):
        there, _, steps, own = _members(d, block)
        before = torch.sigmoid((steps / self.Anneal).clamp(-50, 50))
        ranks = torch.where(block.negative.unsqueeze(1), before, 0.0).sum(2)
        losses = torch.where(there, self._cost(ranks), 0.0).sum(1) / there.sum(1).clamp_min(1)
        valid = has_any(own) if block.real is None else block.real[block.start : block.start + len(d)]
        return of_items(losses, valid)

    def _cost(self, r: Tensor) -> Tensor:
        if self.Variant == "Ds":
            return torch.log1p(r)
        if self.Variant == "Dq":
            return 1 - (1 + r) ** -self.Alpha
        if self.Variant == "Iu":
            return (1 + r) * torch.log1p(r)
        return (self.B * r - torch.log1p(self.B * r)) / self.B**2 if self.Variant == "Ib" else r


def _alpha(value):
    if value is Automatic or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value if value is Automatic else float(value)
    raise wants("a number or Automatic", value)


class RankedListLossLayer(PairLoss):
    """Positives within a ball of radius Alpha - Margin, negatives outside Alpha, both weighed by how far they are off.

        loss of i = (1 - Imbalance) * weighted mean over positives with d > Alpha - Margin of d - (Alpha - Margin)
                  + Imbalance * weighted mean over negatives with d < Alpha of Alpha - d
        weights e^(PositiveTemperature * violation), e^(NegativeTemperature * violation)

    "Input" is an embedding, "Target" its class from 0. `RankedListLossLayer(margin, temperature)` gives Margin and NegativeTemperature;
    PositiveTemperature 0, Imbalance 0.5, Alpha 1 + Margin/2 unless given. `Distance` is Euclidean on normalised embeddings. To the sum of
    the weights 1e-5 is added for each item. A term is an item; the sum is divided by all (Reduction "All").
    Errors: a similarity in place of a distance.
    Source: Wang et al. 2019 (arXiv 1903.03238); RankedListLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0.1]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in RankedListLossLayer(0.4, 10)(data)["Loss"]]
    [0.8573, 0.3071, 0.5502]
    """

    positional = ("Margin", "NegativeTemperature")
    Margin: number()
    NegativeTemperature: number(0)
    PositiveTemperature: number(0) = 0.0
    Imbalance: number(0, 1) = 0.5
    Alpha: parameter(_alpha, {"anyOf": [{"type": "number"}, {"const": {"$word": "Automatic"}}]}) = Automatic
    Reduction: REDUCTION = "All"
    takes = "distance"

    def rows(self, d, block):
        alpha = 1 + self.Margin / 2 if self.Alpha is Automatic else self.Alpha
        count = d.shape[1] if block.real is None else block.real.sum()
        pull = _weighted(d - (alpha - self.Margin), block.positive, self.PositiveTemperature, count)
        push = _weighted(alpha - d, block.negative, self.NegativeTemperature, count)
        valid = has_any(block.positive) | has_any(block.negative)
        return of_items((1 - self.Imbalance) * pull + self.Imbalance * push, valid)


def _weighted(violation: Tensor, kept: Tensor, temperature: float, count) -> Tensor:
    """The mean of the positive violations of each row by weights e^(temperature * violation), without overflow."""
    kept = kept & (violation > 0)
    grown = torch.where(kept, temperature * violation, -torch.inf)
    peak = grown.detach().amax(1, keepdim=True).clamp_min(0)
    weights = torch.exp(grown - peak)
    return (weights * torch.where(kept, violation, 0.0)).sum(1) / (weights.sum(1) + 1e-5 * count * torch.exp(-peak.squeeze(1)))
