"""Losses that adapt to the data: margins from the running distribution of triplets, and similarities along the manifold of a batch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from netgraph.layers.metric.batch import Items
from netgraph.layers.metric.closed import precisely
from netgraph.layers.metric.distance import METRIC, CosineSimilarity, unit
from netgraph.layers.metric.frame import CoupledLoss, PairLoss, most_positives, refuse_relation, refuse_views
from netgraph.layers.metric.mining import slots
from netgraph.layers.metric.reduction import REDUCTION, of_items, of_pairs
from netgraph.spec.declare import Array, State
from netgraph.spec.initial import WEIGHT, ZEROS
from netgraph.spec.parameters import Count, number

__all__ = ["DynamicSoftMarginLossLayer", "ManifoldLossLayer"]


class DynamicSoftMarginLossLayer(PairLoss):
    """Triplets weighed by how hard they are among all that were seen lately.

        loss of (a, p, n) = w(t) t,  t = d(a,p) - d(a,n),  w(t) = the share of seen triplets whose t is in its bin or below

    "Input" is an embedding, "Target" its class from 0. The shares come from the state "Histogram", of Bins bins of width 2 |Lowest| / Bins
    from Lowest on: 10 from -2 unless given. In training it becomes (1 - Momentum) times itself plus Momentum times the batch's soft counts,
    scaled to sum 1 (the counts alone the first time); Momentum 0.01 unless given. In use it stays. Weights have no gradient. A term is a
    triplet; the sum is divided by their number (Reduction "Valid"); it can be negative. It looks at all triplets: its time grows with
    their number.
    Errors: an embedding that is no vector.
    Source: Zhang and Rusinkiewicz 2019 (ICCV); DynamicSoftMarginLoss of pytorch-metric-learning, whose gradient also flows through the
    histogram, and which fails where t is in the last bin.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0.1]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in net_initialize(DynamicSoftMarginLossLayer())(data)["Loss"]]
    [1.6894, 0.0444, 0.0]
    """

    positional = ("Lowest", "Bins")
    Lowest: number(high=0, high_open=True) = -2.0
    Bins: Count = 10
    Momentum: number(0, 1) = 0.01
    remembers = False

    Histogram = State("Bins", ZEROS, meaning="the shares of the triplets seen lately, by bin")

    def depth(self, items):
        return most_positives(items)

    def forward(self, *inputs, valid, Histogram, training, Draws=None):
        drawn = self.drawn(Draws)

        def evaluate(valid, histogram, *given):
            items, rest = self.batch(valid, *given)
            items = items._replace(draws=self.spread(rest[0] if rest else None, items))
            shares, kept = self._shares(items, histogram.detach().to(items.x.dtype), training)
            loss, *terms = self.evaluate(items, Histogram=shares)
            return *self.averaged((loss,), len(given[0])), *terms, kept.to(histogram.dtype)

        found = precisely(type(self).__name__, evaluate, valid, Histogram, *inputs, *drawn)
        mined = precisely(f"{type(self).__name__}_mined", self.mined_places, valid, len(drawn), *inputs, *drawn)
        return found[0], *self.shown(found, inputs[0]), mined[0], mined[1], found[3]

    @torch.no_grad()
    def _shares(self, items: Items, old: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        """(the shares that weigh this batch, the histogram that is kept)."""

        def counts(d, block):
            gaps, kept = self._gaps(d, block)
            place = (gaps - self.Lowest) / self._width
            low = place.floor().clamp(0, self.Bins - 1)
            above = torch.where(kept, (place - low).clamp(0, 1), 0.0).flatten()
            index = low.long().flatten()
            empty = torch.zeros(self.Bins, dtype=d.dtype, device=d.device)
            here = empty.index_add(0, index, torch.where(kept.flatten(), 1 - above, 0.0))
            return (here.index_add(0, (index + 1).clamp_max(self.Bins - 1), above).unsqueeze(0),)

        seen = self.over_blocks(items, counts)[0].sum(0)
        fresh = old.sum() <= 0
        mixed = torch.where(fresh, seen, (1 - self.Momentum) * old + self.Momentum * seen)
        mixed = mixed / mixed.sum().clamp_min(torch.finfo(seen.dtype).tiny)
        if training:
            mixed = torch.where(seen.sum() > 0, mixed, old)
            return mixed, mixed
        return torch.where(fresh, mixed, old), old

    @property
    def _width(self) -> float:
        return 2 * abs(self.Lowest) / self.Bins

    def _gaps(self, d, block) -> tuple[Tensor, Tensor]:
        place, there = slots(block.positive)
        kept = there.unsqueeze(2) & block.negative.unsqueeze(1)
        if block.triplets is not None:
            kept = kept & block.triplets(place)
        return d.gather(1, place).unsqueeze(2) - d.unsqueeze(1), kept

    def rows(self, d, block, *, Histogram):
        gaps, kept = self._gaps(d, block)
        place = ((gaps.detach() - self.Lowest) / self._width).floor().clamp(0, self.Bins - 1).long()
        return of_pairs(Histogram.cumsum(0)[place] * gaps, kept)


class ManifoldLossLayer(CoupledLoss):
    """Items and proxies as a graph: a random walk from an item should end at its own proxy, and see the graph as that proxy does.

        F = (1 - Alpha) (1 - Alpha S)^-1,  S = D^-1/2 e^(2 max(cos, 0)) D^-1/2 without its diagonal
        loss of i = log(1 + sum over other proxies q of e^(F(i,q) - F(i,own) + Margin))        of those terms with an exponent from 0
                  + ContextWeight * the same with the cosine between the rows F(i) and F(q) in place of F(i,q)

    "Input" is an embedding, "Target" the number of its proxy, from 0 (its class, where there is a proxy a class). Array: "Weights",
    ProxyCount rows, 50 unless given. Alpha 0.8, Margin 0.0005, ContextWeight 1 unless given. A term is an item; the sum is divided by all
    (Reduction "All"). The matrix of all items and proxies is kept and inverted.
    Errors: a relation, since it names no proxies.
    Source: Aziere and Todorovic 2019 (CVPR); ManifoldLoss of pytorch-metric-learning, which assigns proxies at random where none are given
    and inverts in float32.

    >>> data = {"Input": [[1, 0], [0, 1]], "Target": [0, 1]}
    >>> [round(float(loss), 4) for loss in ManifoldLossLayer(2, Weights=[[1, 0], [0, 1]])(data)["Loss"]]
    [0.0, 0.0]
    """

    positional = ("ProxyCount",)
    ProxyCount: Count = 50
    Alpha: number(0, 1, low_open=True, high_open=True) = 0.8
    Margin: number(0) = 5e-4
    ContextWeight: number(0) = 1.0
    Reduction: REDUCTION = "All"
    Distance: METRIC = CosineSimilarity()

    Weights = Array("ProxyCount size", WEIGHT, meaning="the proxies, one a row")

    def check(self):
        refuse_relation(self)
        refuse_views(self)

    def parts(self, items, *, Weights):
        count = len(items.x)
        own = F.one_hot(items.target, self.ProxyCount).bool()
        real = torch.ones(count, dtype=torch.bool, device=own.device) if items.valid is None else items.valid
        walk = self._walk(unit(torch.cat((items.x, Weights.to(items.x.dtype))), 2.0), torch.cat((real, own.new_ones(self.ProxyCount))))
        directions = unit(walk, 2.0)
        losses = self._against_own(walk[:count, count:], own)
        if self.ContextWeight:
            losses = losses + self.ContextWeight * self._against_own(directions[:count] @ directions[count:].mT, own)
        return [of_items(losses, real)]

    def _walk(self, directions: Tensor, real: Tensor) -> Tensor:
        """Where random walks end, from each item and proxy."""
        itself = torch.eye(len(directions), dtype=directions.dtype, device=directions.device)
        edges = torch.exp(2 * (directions @ directions.mT).clamp_min(0)) * (1 - itself) * real * real.unsqueeze(1)
        degree = edges.sum(1)
        scale = torch.where(degree > 0, torch.where(degree > 0, degree, 1.0).rsqrt(), 0.0)
        return (1 - self.Alpha) * torch.linalg.inv(itself - self.Alpha * edges * scale * scale.unsqueeze(1))

    def _against_own(self, score: Tensor, own: Tensor) -> Tensor:
        gap = score - torch.where(own, score, 0.0).sum(1, keepdim=True) + self.Margin
        return torch.log1p(torch.where(~own & (gap >= 0), torch.exp(gap), 0.0).sum(1))
