"""Losses on two views of one example, without classes: SimCLR, SimSiam, Barlow Twins, VICReg.

The views are the first level of "Input": a net is applied to both by NetMapOperator, as one batch.
"""

import math

import torch
from torch import Tensor

from netgraph.layers.metric.closed import precisely
from netgraph.layers.metric.distance import Root, unit
from netgraph.layers.metric.reduction import of_real
from netgraph.layers.metric.softmax import PairEntropyLoss
from netgraph.spec.declare import InputPort, OutputPort, ReadablePort
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import choice, number

__all__ = ["BarlowTwinsLossLayer", "SimCLRLossLayer", "SimSiamLossLayer", "VICRegLossLayer"]


class SimCLRLossLayer(PairEntropyLoss):
    """Each view should find the other view of its example among all views of the batch.

        loss of a view = log(sum over the other views v of the batch of e^(s(i,v)/T)) - s(i, its partner)/T

    "Input" holds the views of an example, one a row; s is the cosine, or another similarity, or a distance d, then s = -d.
    `SimCLRLossLayer(T)` has temperature T, 0.05 unless given. "Loss" is the mean of the losses of an example's views. With more than two
    views each pair of them is a term, and other partners are not in the sum: it is NTXentLossLayer with TargetForm="View". Form
    "TFSimilarity" adds the losses of both views instead: twice as much. With Symmetric=False first views search among the others alone.
    Errors: an example that is no list of vectors.
    Source: Chen et al. 2020 (arXiv 2002.05709); SimCLRLoss of TF Similarity.

    >>> data = [[[1, 0], [1, 0]], [[0, 1], [0, 1]]]
    >>> [round(float(loss), 4) for loss in SimCLRLossLayer(1)(data)["Loss"]]
    [0.5514, 0.5514]
    """

    Temperature: number(0, low_open=True) = 0.05
    Form: choice("Paper", "TFSimilarity") = "Paper"
    TargetForm: choice("View") = "View"

    def part(self, found, block):
        part = super().part(found, block)
        return part if self.Form == "Paper" else part._replace(total=2 * part.total)


class SimSiamLossLayer(Layer):
    """The prediction from each view should point where the projection of the other view points.

        loss = mean of f(cos(prediction[0], projection[1])) and f(cos(prediction[1], projection[0]))

    "Projection" holds the embeddings of the two views, "Prediction" what a small net makes of each; no gradient flows into the projection
    here, which keeps all from collapsing to one point. Form "NegativeCosine": f(c) = -c, "CosineDistance": 1 - c, "Angle": the angle over
    180 degrees. A loss of one example: the batch is not seen. Given as LossFunction, it is fed by the outputs "Projection" and
    "Prediction" of the net.
    Errors: other than two views; sizes that differ.
    Source: Chen and He 2020 (arXiv 2011.10566); TF Similarity, which halves f, adds a constant and leaves stopping the gradient to its
    training loop.

    >>> SimSiamLossLayer()({"Projection": [[1, 0], [0, 1]], "Prediction": [[0, 2], [1, 1]]})
    -0.8535534
    """

    positional = ("Form",)
    Form: choice("NegativeCosine", "CosineDistance", "Angle") = "NegativeCosine"

    Projection = InputPort("real: 2 size", "the embeddings of the two views")
    Prediction = InputPort("real: 2 size", "what is predicted from each")
    Loss = OutputPort("real:", "how far the predictions are from the other projection")

    def forward(self, Projection, Prediction):
        return precisely("SimSiamLossLayer", self._losses, Projection, Prediction)

    def _losses(self, projection: Tensor, prediction: Tensor) -> Tensor:
        aims, found = unit(widened(projection).detach().flip(1), 2.0), unit(widened(prediction), 2.0)
        cosine = (aims * found).sum(2)
        if self.Form == "Angle":
            sine = Root.of(1 - cosine.square(), 8 * torch.finfo(cosine.dtype).eps)
            return torch.atan2(sine, cosine).mean(1) / math.pi
        return -cosine.mean(1) if self.Form == "NegativeCosine" else 1 - cosine.mean(1)


def widened(x: Tensor) -> Tensor:
    """In a precision that sums can be taken in."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


class CoordinateLoss(Layer):
    """A loss on how the coordinates of two views vary over the batch. Abstract."""

    abstract = True
    coupled = True

    Input = InputPort("real: 2 size", "the embeddings of the two views")
    Loss = OutputPort("real:", "the example's part of the loss; its mean over the batch is the loss")

    def terms(self, x: Tensor, real: Tensor) -> tuple[Tensor, ...]:
        """The terms of the loss: each one number for all examples that are real, or one an example."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def parts(self, x: Tensor, valid: Tensor | None) -> tuple[Tensor, ...]:
        """The terms as parts of the examples."""
        x = widened(x)
        real = torch.ones(len(x), dtype=torch.bool, device=x.device) if valid is None else valid
        scale = of_real(real, x.dtype)
        return tuple(term * scale for term in self.terms(torch.where(real[:, None, None], x, 0.0), real.to(x.dtype)))


def centred(x: Tensor, real: Tensor) -> Tensor:
    """The coordinates of each view less their means over the real examples, 0 for the others."""
    weights = real[:, None, None]
    return (x - (x * weights).sum(0) / real.sum().clamp_min(1)) * weights


class BarlowTwinsLossLayer(CoordinateLoss):
    """The coordinates of both views should agree, and each say something that the others do not.

        C = correlations between the coordinates of one view (rows) and of the other (columns), over the batch
        loss = sum over k of (1 - C[k,k])^2 + Lambda * sum over k and l != k of C[k,l]^2

    "Input" holds the embeddings of the two views of an example. `BarlowTwinsLossLayer(lambda)` has 0.005 unless given. A coordinate that
    does not vary correlates with nothing (C = 0) and gets no gradient. The batch is seen, and "Loss" is the same number for all of its
    examples. The readable ports "Invariance" and "Redundancy" hold the two sums.
    Errors: other than two views.
    Source: Zbontar et al. 2021 (arXiv 2103.03230); Barlow of TF Similarity, which adds 1e-12.

    >>> data = [[[1, 0], [1, 1]], [[0, 1], [0, 1]], [[-1, -1], [-1, -2]]]
    >>> [round(float(loss), 4) for loss in BarlowTwinsLossLayer()(data)]
    [0.0229, 0.0229, 0.0229]
    """

    positional = ("Lambda",)
    Lambda: number(0) = 5e-3

    Invariance = ReadablePort("real:", "how far the correlations of equal coordinates are from 1")
    Redundancy = ReadablePort("real:", "the squared correlations of different coordinates")

    def forward(self, Input, *, valid):
        found = precisely("BarlowTwinsLossLayer", self.parts, Input, valid)
        return found[0] + self.Lambda * found[1], found[0], found[1]

    def terms(self, x, real):
        count = real.sum().clamp_min(1)
        steps = centred(x, real)
        variance, size = steps.square().sum(0) / count, x.detach().square().sum(0) / count
        varies = variance > 16 * torch.finfo(x.dtype).eps ** 2 * size
        first, second = (steps * torch.where(varies, torch.where(varies, variance, 1.0).rsqrt(), 0.0)).unbind(1)
        correlation = first.mT @ second / count
        own = correlation.diagonal()
        return (1 - own).square().sum(), correlation.square().sum() - own.square().sum()


class VICRegLossLayer(CoordinateLoss):
    """The views of an example should agree, each coordinate vary over the batch, and no two vary together.

        loss = InvarianceWeight * mean over k of (a[k] - b[k])^2
             + VarianceWeight * mean over views and k of max(1 - sqrt(variance[k] + Epsilon), 0)
             + CovarianceWeight * sum over views, k and l != k of covariance[k,l]^2 / size

    "Input" holds the embeddings a and b of the two views of an example. The weights are 25, 25 and 1, Epsilon 0.0001 unless given.
    Variance and covariance are over the batch, divided by n - 1; Form "TFSimilarity" divides the variance by n. "Loss" is the example's
    part: its own first term and the other two, which are the same for all. The readable ports "Invariance", "Variance" and "Covariance"
    hold the terms without their weights.
    Errors: other than two views.
    Source: Bardes et al. 2021 (arXiv 2105.04906); VICRegLoss of pytorch-metric-learning, VicReg of TF Similarity.

    >>> data = [[[2, 0], [2, 1]], [[0, 2], [0, 2]], [[-2, -2], [-2, -3]]]
    >>> [round(float(loss), 4) for loss in VICRegLossLayer()(data)]
    [32.5, 20.0, 32.5]
    """

    positional = ("InvarianceWeight", "VarianceWeight", "CovarianceWeight")
    InvarianceWeight: number(0) = 25.0
    VarianceWeight: number(0) = 25.0
    CovarianceWeight: number(0) = 1.0
    Epsilon: number(0, low_open=True) = 1e-4
    Form: choice("Paper", "TFSimilarity") = "Paper"

    Invariance = ReadablePort("real:", "the mean squared difference of the views")
    Variance = ReadablePort("real:", "how much the deviations fall short of 1")
    Covariance = ReadablePort("real:", "the squared covariances")

    def forward(self, Input, *, valid):
        found = precisely("VICRegLossLayer", self.parts, Input, valid)
        loss = self.InvarianceWeight * found[0] + self.VarianceWeight * found[1] + self.CovarianceWeight * found[2]
        return loss, found[0], found[1], found[2]

    def terms(self, x, real):
        count = real.sum()
        steps = centred(x, real)
        variance = steps.square().sum(0) / (count if self.Form == "TFSimilarity" else count - 1).clamp_min(1)
        short = (1 - (variance + self.Epsilon).sqrt()).clamp_min(0)
        views = steps.movedim(1, 0)
        covariance = views.mT @ views / (count - 1).clamp_min(1)
        off = covariance.square().sum() - covariance.diagonal(dim1=1, dim2=2).square().sum()
        return (x[:, 0] - x[:, 1]).square().mean(1), short.mean(), off / x.shape[2]
