"""Losses on classes that take the items of a batch as each other's neighbours: NCA, soft nearest neighbour, N-pairs, tuplets, angles."""

import math

import torch
from torch import Tensor

from netgraph.layers.metric.closed import has_any
from netgraph.layers.metric.distance import METRIC, CosineSimilarity, DotProductSimilarity, LpDistance, unit
from netgraph.layers.metric.frame import PairLoss, most_positives, refuse_relation
from netgraph.layers.metric.mining import slots
from netgraph.layers.metric.reduction import REDUCTION, Part, masked_lse, of_items, of_pairs
from netgraph.spec.definitions import soft_plus
from netgraph.spec.parameters import number

__all__ = [
    "AngularLossLayer", "InstanceLossLayer", "NCALossLayer", "NPairsLossLayer", "SoftNearestNeighborLossLayer", "TupletMarginLossLayer",
]  # fmt: skip


def _neighbours(d: Tensor, block, scale: float) -> Part:
    """-log of the share of the positives among all others, by e^(-scale d)."""
    t = -scale * d
    has = has_any(block.positive)
    losses = masked_lse(t, block.positive | block.negative) - masked_lse(t, block.positive)
    return of_items(torch.where(has, losses, 0.0), has)


class NCALossLayer(PairLoss):
    """Neighbourhood components analysis: the chance that a neighbour drawn by distance is of another class, as a logarithm.

        loss of i = -log(sum over positives of e^(-Scale d) / sum over all others of e^(-Scale d))

    "Input" is an embedding, "Target" its class from 0. `NCALossLayer(scale)` has scale 1 unless given; `Distance` is the squared Euclidean
    distance of normalised embeddings, or a similarity s, then d = -s. A term is an item with a positive, others have loss 0; the sum is
    divided by these (Reduction "Valid").
    Errors: an embedding that is no vector.
    Source: Goldberger et al. 2004; NCALoss of pytorch-metric-learning, which gives NaN where no item has a positive.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in NCALossLayer()(data)["Loss"]]
    [3.1904, 1.0397, 0.0]
    """

    positional = ("Scale",)
    Scale: number(0, low_open=True) = 1.0
    Distance: METRIC = LpDistance(2, 2)

    def rows(self, d, block):
        return _neighbours(d, block, self.Scale)


class SoftNearestNeighborLossLayer(PairLoss):
    """How entangled the classes are: the chance that a neighbour drawn by distance is of another class, as a logarithm.

        loss of i = -log(sum over positives of e^(-d/T) / sum over all others of e^(-d/T))

    "Input" is an embedding, "Target" its class from 0. `SoftNearestNeighborLossLayer(T)` has temperature T, 1 unless given; `Distance` is
    the squared Euclidean distance, not normalised. An item without a positive has loss 0; the sum is divided by all items (Reduction
    "All").
    Errors: an embedding that is no vector.
    Source: Frosst et al. 2019 (arXiv 1902.01889); TF Similarity, which adds 1e-9 to the quotient and gives NaN where all terms underflow.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in SoftNearestNeighborLossLayer()(data)["Loss"]]
    [2.1269, 0.6931, 0.0]
    """

    positional = ("Temperature",)
    Temperature: number(0, low_open=True) = 1.0
    Reduction: REDUCTION = "All"
    Distance: METRIC = LpDistance(2, 2, False)

    def rows(self, d, block):
        return _neighbours(d, block, 1 / self.Temperature)


class TupletMarginLossLayer(PairLoss):
    """Each positive pair against all negatives of its anchor, after its angle is taken as smaller by a margin.

        loss of (a, p) = log(1 + sum over negatives of e^(Scale (cos(a,n) - cos(angle(a,p) - Margin))))

    "Input" is an embedding, "Target" its class from 0. Margin is in degrees, 5.73 unless given, Scale 64. A term is a positive pair, in
    both orders; the sum is divided by their number (Reduction "Valid").
    Errors: a distance in place of a similarity.
    Source: Yu and Tao 2019 (ICCV); TupletMarginLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]], "Target": [0, 0, 1, 1]}
    >>> [round(float(loss), 4) for loss in TupletMarginLossLayer()(data)["Loss"]]
    [0.0, 6.6632, 0.0, 6.6632]
    """

    positional = ("Margin", "Scale")
    Margin: number(0, 180) = 5.73
    Scale: number(0, low_open=True) = 64.0
    Distance: METRIC = CosineSimilarity()
    takes = "similarity"
    oriented = False

    def rows(self, d, block):
        angle = math.radians(self.Margin)
        near = (1 - d.square()).clamp_min(1e-12).sqrt()
        positive = self.Scale * (math.cos(angle) * d + math.sin(angle) * near)
        negatives = masked_lse(self.Scale * d, block.negative).unsqueeze(1)
        some = has_any(block.negative).unsqueeze(1)
        gap = torch.where(block.positive & some, negatives - positive, -torch.inf)
        return of_pairs(soft_plus(gap), block.positive, block.strength)


class NPairsLossLayer(PairLoss):
    """One pair a class: each anchor should know its positive among those of all classes.

        loss of class c = -log(e^(s(a_c, p_c)) / sum over classes k of e^(s(a_c, p_k)))

    "Input" is an embedding, "Target" its class from 0. The anchor of a class is its first item in the batch, the positive its second;
    other items take no part. s is the product of normalised embeddings, or another similarity, or a distance d, then s = -d. A term is a
    class with two items or more; the sum is divided by their number (Reduction "Valid").
    Errors: a relation, since there are no classes in it.
    Source: Sohn 2016; NPairsLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [1, 0], [0, 1], [0, 1]], "Target": [0, 0, 1, 1]}
    >>> [round(float(loss), 4) for loss in NPairsLossLayer()(data)["Loss"]]
    [0.6265, 0.0, 0.6265, 0.0]
    """

    Distance: METRIC = DotProductSimilarity()
    remembers = False

    def check(self):
        super().check()
        refuse_relation(self)

    def parts(self, items):
        def places(d, block):
            earlier = torch.arange(d.shape[1], device=d.device) < block.start + torch.arange(len(d), device=d.device).unsqueeze(1)
            return ((block.positive & earlier).sum(1), has_any(block.positive))

        place, some = self.over_blocks(items, places)
        first, second = (place == 0) & some, (place == 1) & some

        def rows(d, block):
            own = torch.where(block.positive & second, -d, 0.0).sum(1)
            valid = first[block.start : block.start + len(d)]
            losses = torch.where(valid, masked_lse(-d, second.expand_as(d)) - own, 0.0)
            return tuple(of_items(losses, valid))

        return [Part(*self.over_blocks(items, rows))]


class InstanceLossLayer(PairLoss):
    """Each item should be most similar to the item of the batch whose place is the rank of its class.

        loss of i = log(sum over all j of e^(Gamma s(i,j))) - Gamma s(i, rank of i's class among the classes of the batch)

    "Input" is an embedding, "Target" its class from 0; s is the cosine, the item itself is among all j. `InstanceLossLayer(gamma)` has 64
    unless given. Meant for batches in which the first items are one of each class, in order. A term is an item; the sum is divided by all
    (Reduction "All").
    Errors: a distance in place of a similarity; a relation, since there are no classes in it.
    Source: Zheng et al. 2017 (arXiv 1711.05535); InstanceLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0, 1], [1, 0], [0, 1]], "Target": [0, 1, 0, 1]}
    >>> [round(float(loss), 4) for loss in InstanceLossLayer()(data)["Loss"]]
    [0.6931, 0.6931, 0.6931, 0.6931]
    """

    positional = ("Gamma",)
    Gamma: number(0, low_open=True) = 64.0
    Reduction: REDUCTION = "All"
    Distance: METRIC = CosineSimilarity()
    takes = "similarity"
    oriented = False
    remembers = False

    def check(self):
        super().check()
        refuse_relation(self)

    def parts(self, items):
        real = torch.ones_like(items.target, dtype=torch.bool) if items.valid is None else items.valid
        ranks = _ranks(items.target, real)
        places = torch.where(real, torch.cumsum(real, 0) - 1, -1)

        def rows(d, block):
            here = slice(block.start, block.start + len(d))
            chosen = places == ranks[here].unsqueeze(1)
            t = self.Gamma * d
            losses = masked_lse(t, real.expand_as(d)) - torch.where(chosen, t, 0.0).sum(1)
            return tuple(of_items(losses, real[here]))

        return [Part(*self.over_blocks(items, rows))]


def _ranks(classes: Tensor, real: Tensor) -> Tensor:
    """The rank of each item's class among the classes of the real items, from 0."""
    value, order = torch.where(real, classes, torch.iinfo(classes.dtype).max).sort()
    steps = torch.cat((torch.zeros_like(value[:1]), (value[1:] != value[:-1]).to(value.dtype)))
    return torch.empty_like(classes).scatter_(0, order, steps.cumsum(0))


class AngularLossLayer(PairLoss):
    """The angle at a negative over a positive pair should be below Angle.

        loss of (a, p) = log(1 + sum over negatives n of a of e^(4 t (a + p).n - 2 (1 + t) a.p)),  t = tan(Angle)^2

    "Input" is an embedding, "Target" its class from 0; a and p are normalised, n is not. `AngularLossLayer(angle)` is in degrees, 40 unless
    given. A term is a positive pair, in both orders; the sum is divided by their number (Reduction "Valid"). It looks at all triplets: its
    time grows with their number.
    Errors: an embedding that is no vector.
    Source: Wang et al. 2017 (arXiv 1708.01682); AngularLoss of pytorch-metric-learning.

    >>> data = {"Input": [[1, 0], [0.8, 0.6], [0, 1]], "Target": [0, 0, 1]}
    >>> [round(float(loss), 4) for loss in AngularLossLayer()(data)["Loss"]]
    [0.4553, 0.4553, 0.0]
    """

    positional = ("Angle",)
    Angle: number(0, 90, high_open=True) = 40.0
    takes = "distance"

    def depth(self, items):
        return most_positives(items)

    def rows(self, d, block):
        t = math.tan(math.radians(self.Angle)) ** 2
        place, there = slots(block.positive)
        keys = unit(block.keys, 2.0)
        own = unit(block.x, 2.0).unsqueeze(1)
        positives = keys[place]
        near = (own * positives).sum(2, keepdim=True)
        terms = 4 * t * ((own + positives) @ block.keys.mT) - 2 * (1 + t) * near
        kept = (there.unsqueeze(2) & block.negative.unsqueeze(1)).flatten(0, 1)
        return of_pairs(masked_lse(terms.flatten(0, 1), kept, one=True).unflatten(0, place.shape), there)
