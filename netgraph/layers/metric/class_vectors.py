"""Losses with learned class vectors: what they share, and those that are a cross-entropy over the classes.

Shapes describe one example. The class vectors are the array "Weights" of the layer, one row a class (for several centres a class one row
of centres): they are found, trained, saved and shared like any array of a net.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from netgraph.errors import NetValueError
from netgraph.layers.metric.batch import Items
from netgraph.layers.metric.closed import precisely
from netgraph.layers.metric.distance import METRIC, CosineSimilarity, LpDistance, Metric, Root, unit
from netgraph.layers.metric.frame import CoupledLoss
from netgraph.layers.metric.reduction import REDUCTION, of_items, of_real
from netgraph.layers.metric.regularizers import REGULARIZER, SparseCentersRegularizer
from netgraph.spec.declare import Array, InputPort, ReadablePort
from netgraph.spec.initial import WEIGHT
from netgraph.spec.parameters import Count, Size, choice, number
from netgraph.types.symbols import Automatic

__all__ = [
    "ArcFaceLossLayer", "CosFaceLossLayer", "LargeMarginSoftmaxLossLayer", "NormalizedSoftmaxLossLayer", "P2SGradLossLayer",
    "ProxyNCALossLayer", "SphereFaceLossLayer",
]  # fmt: skip


class ClassVectorLoss(CoupledLoss):
    """A loss on embeddings and learned class vectors. Abstract.

    `losses(x, target, weights)` gives one number an item; examples see each other only where the divisor depends on them.
    """

    abstract = True
    positional = ("Classes",)
    Classes: Size = Automatic
    VectorRegularizer: REGULARIZER = None
    VectorRegularizerWeight: number(0) = 1.0
    Reduction: REDUCTION = "All"
    TargetForm: choice("Class") = "Class"

    Target = InputPort("integer(Classes):", "the class, from 0")
    Similarity = ReadablePort("real: Classes", "how near the embedding is to each class, large for near, without margin and scale")
    Weights = Array("Classes size", WEIGHT, meaning="one vector a class")

    @property
    def coupled(self) -> bool:
        """Whether the batch is seen: where the divisor counts weights or positive losses, or embeddings are regularized."""
        return self.Weighted or self.Reduction == "Active" or self.Regularizer is not None

    def check(self):
        wanted = self.VectorRegularizer.CentersPerClass if isinstance(self.VectorRegularizer, SparseCentersRegularizer) else None
        there = getattr(self, "Centers", 1)
        if wanted is not None and wanted != there:
            raise NetValueError(f"{type(self).__name__}: {self.VectorRegularizer!r} is about {wanted} centers a class, there are {there}")

    def output_ports(self):
        return ("Loss",)

    def declare(self, scope):
        super().declare(scope)
        scope.terms.outputs = {"Loss": scope.terms.outputs["Loss"]}

    def forward(self, *inputs, valid, **arrays):
        loss, *_ = super().forward(*inputs, valid=valid, **arrays)
        name = f"{type(self).__name__}_similarity"
        return loss, precisely(name, lambda x, weights: self.similarity(x.to(weights.dtype), weights), inputs[0], arrays["Weights"])

    def evaluate(self, items: Items, **arrays: Tensor):
        weights = arrays["Weights"].to(items.x.dtype)
        losses, valid, active = self.reduced(items, weights)
        return losses + self._vector_cost(weights, items.valid), valid, active

    def reduced(self, items: Items, weights: Tensor) -> tuple[Tensor, ...]:
        """(losses, valid, active) of a batch, without the cost of the class vectors."""
        return super().evaluate(items, Weights=weights)

    def parts(self, items: Items, **arrays: Tensor):
        losses = self.losses(items.x, items.target.long(), arrays["Weights"])
        return [of_items(losses, torch.ones_like(losses, dtype=torch.bool))]

    def _vector_cost(self, weights: Tensor, valid: Tensor | None) -> Tensor | float:
        """What the regularizer of the class vectors adds for each embedding."""
        if self.VectorRegularizer is None:
            return 0.0
        rows = weights.flatten(0, -2)
        real = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        cost = self.VectorRegularizerWeight * self.VectorRegularizer.costs(rows, real).mean()
        return cost if valid is None else cost * of_real(valid, cost.dtype)

    def similarity(self, x: Tensor, weights: Tensor) -> Tensor:
        """How near embeddings are to classes, items x classes."""
        return alike(CosineSimilarity(), x, weights)

    def losses(self, x: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """The loss of each item."""
        raise TypeError(f"{type(self).__name__} is abstract")


def alike(metric: Metric, x: Tensor, weights: Tensor) -> Tensor:
    """What the metric says of embeddings and class vectors, large where near."""
    prepared = [part.split((len(x), len(weights))) for part in metric.prepare(torch.cat((x, weights)))]
    found = metric.between(tuple(part[0] for part in prepared), tuple(part[1] for part in prepared))
    return -found if metric.small_is_close else found


class MarginSoftmax(ClassVectorLoss):
    """A cross-entropy whose own class gets a lower logit. Abstract."""

    abstract = True

    def losses(self, x, target, weights):
        s, place = self.similarity(x, weights), target.unsqueeze(1)
        own = s.gather(1, place)
        logits = self.scaled(s.scatter(1, place, self.lowered(own)), x, weights)
        return F.cross_entropy(logits, target, reduction="none")

    def lowered(self, own: Tensor) -> Tensor:
        """The similarity to the own class with its margin."""
        return own

    def scaled(self, s: Tensor, x: Tensor, weights: Tensor) -> Tensor:
        """Similarities as logits."""
        return s * self.Scale


class NormalizedSoftmaxLossLayer(MarginSoftmax):
    """The cross-entropy of the cosines with learned class vectors, over a temperature.

        loss = -log(e^(s(x, w[y])/T) / sum over classes c of e^(s(x, w[c])/T))

    "Input" is an embedding x, "Target" its class y from 0; "Weights" holds one vector w[c] a class. `NormalizedSoftmaxLossLayer(n)` has n
    classes, which may be left out where the target's type tells them; temperature 0.05 unless given. Class vectors are normalised, and
    s is the cosine, or another similarity, or a distance d, then s = -d. Each item has a loss of its own, the batch is not seen unless
    Weighted=True or Reduction="Active" make the divisor depend on it. `VectorRegularizer` adds a cost of the
    class vectors, times VectorRegularizerWeight.
    Errors: an embedding that is no vector; a class out of range, in the data.
    Source: Zhai and Wu 2018 (arXiv 1811.12649); NormalizedSoftmaxLoss of pytorch-metric-learning.

    >>> loss = NormalizedSoftmaxLossLayer(2, 1, Weights=[[1, 0], [0, 1]])
    >>> loss({"Input": [2, 0], "Target": 1})
    1.3132616
    >>> loss({"Input": [2, 0], "Target": 1}, "Similarity").tolist()
    [1.0, 0.0]
    """

    positional = ("Classes", "Temperature")
    Temperature: number(0, low_open=True) = 0.05
    Distance: METRIC = CosineSimilarity()

    def similarity(self, x, weights):
        return alike(self.Distance, x, unit(weights, 2.0))

    def scaled(self, s, x, weights):
        return s / self.Temperature


class ArcFaceLossLayer(MarginSoftmax):
    """A cross-entropy of cosines in which the angle to the own class is made larger by a margin.

        logit of c = Scale cos(t[c]);  of the own class Scale cos(t + Margin), beyond t = 180 - Margin Scale (cos t - m sin m)

    "Input" is an embedding, "Target" its class from 0, t[c] the angle to the class vector "Weights"[c]. Margin is in degrees, 28.6 (half
    a radian, m) unless given, Scale 64. The angle is never computed, so equal and opposite vectors have finite gradients. Classes,
    reduction and regularizers are those of NormalizedSoftmaxLossLayer.
    Errors: an embedding that is no vector; a class out of range, in the data.
    Source: Deng et al. 2019 (arXiv 1801.07698); ArcFaceLoss of pytorch-metric-learning.

    >>> loss = ArcFaceLossLayer(2, 60, 1, Weights=[[1, 0], [0, 1]])
    >>> loss({"Input": [2, 0], "Target": 0})
    0.474077
    """

    positional = ("Classes", "Margin", "Scale")
    Margin: number(0, 180) = 28.6
    Scale: number(0, low_open=True) = 64.0

    def lowered(self, own):
        return turned(own, math.radians(self.Margin))


def turned(cosine: Tensor, margin: float) -> Tensor:
    """cos(t + margin) from cos(t), and beyond t = pi - margin the line that goes on falling."""
    sine = Root.of(1 - cosine.square(), 8 * torch.finfo(cosine.dtype).eps)
    further = cosine * math.cos(margin) - sine * math.sin(margin)
    return torch.where(cosine >= -math.cos(margin), further, cosine - margin * math.sin(margin))


class CosFaceLossLayer(MarginSoftmax):
    """A cross-entropy of cosines in which the one of the own class is lowered by a margin.

        logit of c = Scale cos(t[c]);  of the own class Scale (cos(t) - Margin)

    "Input" is an embedding, "Target" its class from 0, t[c] the angle to the class vector "Weights"[c]. Margin 0.35 and Scale 64 unless
    given. Classes, reduction and regularizers are those of NormalizedSoftmaxLossLayer.
    Errors: an embedding that is no vector; a class out of range, in the data.
    Source: Wang et al. 2018 (arXiv 1801.09414); CosFaceLoss of pytorch-metric-learning.

    >>> loss = CosFaceLossLayer(2, 0.5, 1, Weights=[[1, 0], [0, 1]])
    >>> loss({"Input": [2, 0], "Target": 0})
    0.474077
    """

    positional = ("Classes", "Margin", "Scale")
    Margin: number() = 0.35
    Scale: number(0, low_open=True) = 64.0

    def lowered(self, own):
        return own - self.Margin


class MultipleAngle(MarginSoftmax):
    """A cross-entropy in which the angle to the own class counts several times. Abstract."""

    abstract = True
    positional = ("Classes", "Margin", "Scale")
    Margin: Count = 4
    Scale: number(0, low_open=True) = 1.0

    def lowered(self, own):
        m = self.Margin
        with torch.no_grad():
            ends = torch.tensor([math.cos(j * math.pi / m) for j in range(1, m)], dtype=own.dtype, device=own.device)
            k = (own <= ends).sum(1, keepdim=True)
        # cos(m t) as a polynomial in cos(t), which has a slope at equal and opposite vectors too
        before, multiple = torch.ones_like(own), own
        for _ in range(m - 1):
            before, multiple = multiple, 2 * own * multiple - before
        return (1 - 2 * (k % 2)) * multiple - 2 * k


class LargeMarginSoftmaxLossLayer(MultipleAngle):
    """The cross-entropy of products with class vectors, in which the angle to the own class counts Margin times.

        logit of c = Scale |x| |w[c]| cos(t[c]);  of the own class Scale |x| |w| ((-1)^k cos(Margin t) - 2k),
        k = floor(Margin t / 180 degrees)

    "Input" is an embedding x, "Target" its class from 0, "Weights" holds one vector w[c] a class, t[c] is the angle between them. Margin is
    a whole number from 1, 4 unless given, and Scale 1. Classes, reduction and regularizers are those of NormalizedSoftmaxLossLayer.
    Errors: an embedding that is no vector; a class out of range, in the data.
    Source: Liu et al. 2016 (arXiv 1612.02295); LargeMarginSoftmaxLoss of pytorch-metric-learning.

    >>> loss = LargeMarginSoftmaxLossLayer(2, 2, Weights=[[1, 0], [0, 3]])
    >>> loss({"Input": [2, 0], "Target": 1})
    8.000336
    """

    def scaled(self, s, x, weights):
        sizes = torch.linalg.vector_norm(x, 2, 1, keepdim=True) * torch.linalg.vector_norm(weights, 2, 1)
        return s * sizes * self.Scale


class SphereFaceLossLayer(MultipleAngle):
    """LargeMarginSoftmaxLossLayer with class vectors of length 1.

        logit of c = Scale |x| cos(t[c]);  of the own class Scale |x| ((-1)^k cos(Margin t) - 2k), k = floor(Margin t / 180 degrees)

    "Input" is an embedding x, "Target" its class from 0, t[c] the angle to the class vector "Weights"[c]. Margin is a whole number from 1,
    4 unless given, and Scale 1. Classes, reduction and regularizers are those of NormalizedSoftmaxLossLayer.
    Errors: an embedding that is no vector; a class out of range, in the data.
    Source: Liu et al. 2017 (arXiv 1704.08063); SphereFaceLoss of pytorch-metric-learning.

    >>> loss = SphereFaceLossLayer(2, 2, Weights=[[1, 0], [0, 3]])
    >>> loss({"Input": [2, 0], "Target": 1})
    4.01815
    """

    def scaled(self, s, x, weights):
        return s * torch.linalg.vector_norm(x, 2, 1, keepdim=True) * self.Scale


class ProxyNCALossLayer(MarginSoftmax):
    """Neighbourhood components against one learned proxy a class.

        loss = -log(e^(-Scale d(x, w[y])) / sum over classes c of e^(-Scale d(x, w[c])))

    "Input" is an embedding x, "Target" its class y from 0; the proxies w are the rows of "Weights". d is the squared Euclidean distance of
    normalised vectors, or another distance, or a similarity s, then d = -s; Scale 1 unless given. The own proxy is in the denominator, as
    in the package and not as in the paper. Classes, reduction and regularizers are those of NormalizedSoftmaxLossLayer.
    Errors: an embedding that is no vector; a class out of range, in the data.
    Source: Movshovitz-Attias et al. 2017 (arXiv 1703.07464); ProxyNCALoss of pytorch-metric-learning, which drops an item whose share
    underflows.

    >>> loss = ProxyNCALossLayer(2, Weights=[[1, 0], [0, 1]])
    >>> loss({"Input": [2, 0], "Target": 1})
    2.126928
    """

    positional = ("Classes", "Scale")
    Scale: number(0, low_open=True) = 1.0
    Distance: METRIC = LpDistance(2, 2)

    def similarity(self, x, weights):
        return alike(self.Distance, x, weights)


class P2SGradLossLayer(ClassVectorLoss):
    """The mean over the classes of the squared difference of the cosine from 1 for the own class and 0 for the others.

        loss = mean over classes c of (cos(x, w[c]) - [c = y])^2

    "Input" is an embedding x, "Target" its class y from 0, "Weights" holds one vector w[c] a class, taken at length 1. Classes, reduction
    and regularizers are those of NormalizedSoftmaxLossLayer.
    Errors: an embedding that is no vector; a class out of range, in the data.
    Source: Zhang et al. 2019 (arXiv 1905.02479); P2SGradLoss of pytorch-metric-learning, which sets the class vectors to length 1 before
    each step; here the length is no part of the loss, so their gradient has no part along them.

    >>> loss = P2SGradLossLayer(2, Weights=[[1, 0], [0, 2]])
    >>> loss({"Input": [2, 0], "Target": 1})
    1.0
    """

    def losses(self, x, target, weights):
        cosine = self.similarity(x, weights)
        return (cosine - F.one_hot(target, cosine.shape[1])).square().mean(1)
