"""Losses with several learned centres a class. "Weights" is an array classes x centres x size: one row of centres a class."""

import math

import torch
from torch import Tensor

from netgraph.layers.metric.class_vectors import MarginSoftmax, turned
from netgraph.layers.metric.closed import precisely
from netgraph.layers.metric.distance import unit
from netgraph.spec.declare import Array, ReadablePort
from netgraph.spec.initial import WEIGHT
from netgraph.spec.parameters import Count, number

__all__ = ["SoftTripleLossLayer", "SubCenterArcFaceLossLayer"]


class CenteredSoftmax(MarginSoftmax):
    """A cross-entropy over classes that have several centres. Abstract."""

    abstract = True
    Centers: Count

    CenterSimilarity = ReadablePort("real: Centers", "the cosine with each centre of the own class")
    Weights = Array("Classes Centers size", WEIGHT, meaning="a row of centres a class")

    def forward(self, *inputs, valid, **arrays):
        def of_own(x, target, weights):
            return _cosines(x.to(weights.dtype), weights)[torch.arange(len(x), device=x.device), target.long()]

        found = super().forward(*inputs, valid=valid, **arrays)
        return *found, precisely(f"{type(self).__name__}_centers", of_own, *inputs[:2], arrays["Weights"])


def _cosines(x: Tensor, weights: Tensor) -> Tensor:
    """The cosines of embeddings with all centres, items x classes x centres."""
    return (unit(x, 2.0) @ unit(weights, 2.0).flatten(0, 1).mT).unflatten(1, weights.shape[:2])


class SubCenterArcFaceLossLayer(CenteredSoftmax):
    """ArcFaceLossLayer with several centres a class, of which the nearest counts: what is noise in a class can have a centre of its own.

        cos(t[c]) = the largest cosine with a centre of class c;  then as in ArcFaceLossLayer

    "Input" is an embedding, "Target" its class from 0. "Weights" is an array classes x centres x size; 3 centres a class unless given, the
    margin 28.6 degrees and Scale 64. The readable port "CenterSimilarity" holds the cosines with the centres of the own class: an item that
    is far from the centre that most items of its class are nearest to (beyond 75 degrees, say) is an outlier. Classes, reduction and
    regularizers are those of NormalizedSoftmaxLossLayer.
    Errors: an embedding that is no vector; a class out of range, in the data.
    Source: Deng et al. 2020 (sub-center ArcFace, ECCV); SubCenterArcFaceLoss of pytorch-metric-learning.

    >>> loss = SubCenterArcFaceLossLayer(2, 2, 60, 1, Weights=[[[1, 0], [-1, 0]], [[0, 1], [0, 1]]])
    >>> loss({"Input": [2, 0], "Target": 0})
    0.474077
    >>> loss({"Input": [2, 0], "Target": 0}, "CenterSimilarity").tolist()
    [1.0, -1.0]
    """

    positional = ("Classes", "Centers", "Margin", "Scale")
    Centers: Count = 3
    Margin: number(0, 180) = 28.6
    Scale: number(0, low_open=True) = 64.0

    def similarity(self, x, weights):
        return _cosines(x, weights).amax(2)

    def lowered(self, own):
        return turned(own, math.radians(self.Margin))


class SoftTripleLossLayer(CenteredSoftmax):
    """A cross-entropy over classes with several centres, whose cosines count by their softmax.

        S[c] = sum over centres k of softmax over k(s[c, k] / Gamma)[k] s[c, k]
        loss = -log(e^(Scale (S[y] - Margin)) / (e^(Scale (S[y] - Margin)) + sum over other classes c of e^(Scale S[c])))

    "Input" is an embedding, "Target" its class y from 0, s[c, k] its cosine with a centre. "Weights" is an array classes x centres x size;
    10 centres a class, Scale 20, Gamma 0.1 and Margin 0.01 unless given. Usually with VectorRegularizer=SparseCentersRegularizer(10), which
    joins centres that are not needed. "CenterSimilarity" holds the cosines with the centres of the own class. Classes and reduction are
    those of NormalizedSoftmaxLossLayer.
    Errors: an embedding that is no vector; a class out of range, in the data.
    Source: Qian et al. 2019 (arXiv 1909.05235); SoftTripleLoss of pytorch-metric-learning.

    >>> loss = SoftTripleLossLayer(2, 1, Scale=1, Margin=0.5, Weights=[[[1, 0]], [[0, 1]]])
    >>> loss({"Input": [2, 0], "Target": 0})
    0.474077
    """

    positional = ("Classes", "Centers")
    Centers: Count = 10
    Margin: number() = 0.01
    Scale: number(0, low_open=True) = 20.0
    Gamma: number(0, low_open=True) = 0.1

    def similarity(self, x, weights):
        s = _cosines(x, weights)
        return (torch.softmax(s / self.Gamma, 2) * s).sum(2)

    def lowered(self, own):
        return own - self.Margin
