"""Miners that look at the whole batch at once, or draw at random, or are told by the order of the batch.

Those that look or draw keep the matrix of all distances, or of all triplets.
"""

import math

import torch
from torch import Tensor

from netgraph.errors import NetShapeError
from netgraph.layers.metric.closed import has_any
from netgraph.layers.metric.distance import METRIC, LpDistance
from netgraph.layers.metric.mining import Miner, slots
from netgraph.spec.parameters import Count, number

__all__ = ["DistanceWeightedMiner", "HDCMiner", "PackagedTripletsMiner", "UniformHistogramMiner"]

_GOLDEN = (math.sqrt(5) - 1) / 2
"""Multiples of it modulo 1 are spread evenly, and from a random start each of them is uniform."""


class HDCMiner(Miner):
    """The hardest share of all positive pairs of the batch, and of all its negative pairs.

    Fraction is 0.5 unless given; pairs as hard as the last one are kept, too. It keeps the matrix of all distances.
    Source: Yuan et al. 2017 (hard-aware deeply cascaded embedding, arXiv 1611.05720); pytorch-metric-learning.

    >>> HDCMiner(0.25)
    HDCMiner(0.25)
    """

    Fraction: number(0, 1, low_open=True) = 0.5
    Distance: METRIC = LpDistance()

    def facts(self, d, block, items):
        return self._last(d, block.positive), -self._last(-d, block.negative)

    def _last(self, d: Tensor, kept: Tensor) -> Tensor:
        """The least of the share of the largest kept values."""
        ordered = torch.where(kept, d, -torch.inf).flatten().sort(descending=True).values
        place = (kept.sum() * self.Fraction).ceil().long().sub(1).clamp_min(0)
        return ordered.gather(0, place.unsqueeze(0))

    def pairs(self, d, block, items):
        far, near = items.facts
        return block.positive & (d >= far), block.negative & (d <= near)


class UniformHistogramMiner(Miner):
    """Pairs of all distances alike: at most so many positive, and so many negative, pairs of each bin, drawn at random.

    Bins 100, PositivesPerBin and NegativesPerBin 10 unless given. The bins part the distances of the positive, and of the negative, pairs
    of the batch evenly. Drawn anew each training step, without replacement (the package draws with it); in use always the same. It keeps
    the matrix of all distances.
    Source: pytorch-metric-learning.

    >>> UniformHistogramMiner(10)
    UniformHistogramMiner(10)
    """

    random = True

    Bins: Count = 100
    PositivesPerBin: Count = 10
    NegativesPerBin: Count = 10
    Distance: METRIC = LpDistance()

    def facts(self, d, block, items):
        lots = _draws(items)
        # the lot of a pair from those of its two items: uniform, and different for the two orders
        pair = (lots.unsqueeze(1) + torch.arange(len(lots), device=lots.device) * _GOLDEN + 7 * lots * _GOLDEN).frac()
        return self._drawn(d, block.positive, pair, self.PositivesPerBin), self._drawn(d, block.negative, pair, self.NegativesPerBin)

    def _drawn(self, d: Tensor, kept: Tensor, lots: Tensor, most: int) -> Tensor:
        low, high = torch.where(kept, d, torch.inf).amin(), torch.where(kept, d, -torch.inf).amax()
        place = ((d - low) / (high - low).clamp_min(torch.finfo(d.dtype).tiny) * self.Bins).floor().clamp(0, self.Bins - 1)
        key = torch.where(kept, place + lots.clamp_max(0.999), torch.inf).double().flatten()
        ordered, order = key.sort()
        first = torch.searchsorted(ordered, ordered.floor())
        rank = torch.arange(len(ordered), device=d.device) - first
        chosen = (rank < most) & torch.isfinite(ordered)
        return torch.zeros_like(kept.flatten()).scatter_(0, order, chosen).unflatten(0, kept.shape)

    def pairs(self, d, block, items):
        here = slice(block.start, block.start + len(d))
        return tuple(mask[here] for mask in items.facts)


class DistanceWeightedMiner(Miner):
    """For each positive pair one negative of its anchor, drawn with weights against the density of distances on the sphere.

        weight = (d^(n - 2) (1 - d^2/4)^((n - 3)/2))^-1 for Cutoff < d < UpperCutoff, n the size of the embeddings

    Nearer negatives count as at Cutoff, farther ones than UpperCutoff are not drawn; 0.5 and 1.4 unless given. Embeddings are normalised.
    An anchor without a candidate keeps nothing. Drawn anew each training step; in use always the same.
    Source: Wu et al. 2017 (arXiv 1706.07567); pytorch-metric-learning.

    >>> DistanceWeightedMiner()
    DistanceWeightedMiner()
    """

    random = True

    Cutoff: number(0, 2) = 0.5
    UpperCutoff: number(0, 2) = 1.4

    @property
    def Distance(self):
        return LpDistance()

    def triplets(self, d, place, block, items):
        size = items.x.shape[1]
        near = d.clamp_min(self.Cutoff)
        log = (2.0 - size) * near.log() - (size - 3) / 2 * (1 - near.square() / 4).clamp_min(torch.finfo(d.dtype).tiny).log()
        kept = block.negative & (near < self.UpperCutoff)
        log = torch.where(kept, log, -torch.inf)
        weights = torch.exp(log - log.amax(1, keepdim=True).clamp_min(torch.finfo(d.dtype).min))
        shares = weights.cumsum(1)
        lots = _draws(items)[block.start : block.start + len(d)].unsqueeze(1) + torch.arange(place.shape[1], device=d.device) * _GOLDEN
        drawn = torch.searchsorted(shares, (lots.frac() * shares[:, -1:]).contiguous(), right=True).clamp_max(d.shape[1] - 1)
        taken = torch.zeros((*place.shape, d.shape[1]), dtype=torch.bool, device=d.device).scatter_(2, drawn.unsqueeze(2), True)
        return taken & kept.unsqueeze(1)

    def pairs(self, d, block, items):
        place, there = slots(block.positive)
        kept = self.triplets(d, place, block, items) & there.unsqueeze(2)
        positive = torch.zeros_like(block.positive).scatter_(1, place, has_any(kept.flatten(0, 1)).unflatten(0, place.shape))
        return positive & block.positive, kept.any(1)


def _draws(items) -> Tensor:
    """A number from 0 to 1 for each item: drawn in training, evenly spread in use."""
    if items.draws is not None:
        return items.draws
    return (torch.arange(len(items.x), device=items.x.device, dtype=items.x.dtype) * _GOLDEN).frac()


class PackagedTripletsMiner(Miner):
    """The batch is a list of triplets: items 3 k, 3 k + 1, 3 k + 2 are an anchor, its positive, its negative, whatever their classes.

    For batches that come as they are, from a generator or a function, since data in memory is shuffled. A triplet with a padded item is
    left out.
    Errors: a batch whose number of items is no multiple of 3.
    Source: EmbeddingsAlreadyPackagedAsTriplets of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in TripletLossLayer(Miner=PackagedTripletsMiner())(data)["Loss"]]
    [4.3926, 0.0, 0.0]
    """

    by_place = True

    @property
    def Distance(self):
        return LpDistance()

    def pairs(self, d, block, items):
        count = len(items.x[items.own])
        if count % 3:
            raise NetShapeError(f"{self!r}: a batch of triplets wants a multiple of 3 items, got {count}")
        columns = torch.arange(len(items.x), device=d.device)
        rows = columns[block.start : block.start + len(block.x)].unsqueeze(1)
        anchor = rows % 3 == 0
        if block.real is not None:
            anchor = anchor & block.real[:count].view(-1, 3).all(1).repeat_interleave(3)[rows]
        return anchor & (columns == rows + 1), anchor & (columns == rows + 2)
