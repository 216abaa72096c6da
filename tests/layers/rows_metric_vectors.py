"""Rows of the losses with learned class vectors, and of regularisers. Values and gradients against the package are in metric/."""

import numpy as np

from netgraph import *
from tests.layers.harness import Row

DATA = {"Input": (4,), "Target": Integer(3)}
TYPES = {"Weights": (3, 4)}


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def entropy(logits, y):
    return np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[y]


def lowered(cosines, y, margin):
    return np.where(np.arange(len(cosines)) == y, cosines - margin, cosines)


def times(cosine, m):
    angle = np.arccos(cosine)
    k = np.floor(angle * m / np.pi)
    return (-1) ** k * np.cos(m * angle) - 2 * k


def large_margin(x, y, Weights):
    c = unit(Weights) @ unit(x)
    c[y] = times(c[y], 4)
    return entropy(c * np.linalg.norm(x) * np.linalg.norm(Weights, axis=1), y)


def arc(x, y, Weights):
    c = unit(Weights) @ unit(x)
    t, m = np.arccos(c[y]), np.radians(28.6)
    c[y] = np.cos(t + m) if t <= np.pi - m else np.cos(t) - m * np.sin(m)
    return entropy(64 * c, y)


def drawn(cls):
    return lambda pick: (cls(Automatic), {"Input": (pick(1, 5),), "Target": Integer(pick(1, 4))})


ROWS = [
    Row(
        NormalizedSoftmaxLossLayer(), DATA, (), TYPES,
        reference=lambda x, y, Weights: entropy(unit(Weights) @ unit(x) / 0.05, y),
        solves=[
            ({"Input": 4, "Target": Integer(7)}, {"Input": (4,), "Loss": ()}),
            ({"Input": 4}, {"Target": ()}),
        ],
        draw=drawn(NormalizedSoftmaxLossLayer),
        wrong=[
            (lambda: NormalizedSoftmaxLossLayer(0), "NormalizedSoftmaxLossLayer: Classes wants a whole number from 1 or Automatic, got 0"),
            (
                lambda: NormalizedSoftmaxLossLayer(3, Target=Integer(4)),
                "Target: the number of classes is 4 on one side and 3 on the other\n"
                "  4: NormalizedSoftmaxLossLayer was given Target=Integer(4)\n"
                "  3: NormalizedSoftmaxLossLayer(3, Target=Integer(4))",
            ),
            (
                lambda: ArcFaceLossLayer(3, VectorRegularizer=SparseCentersRegularizer(3)),
                "ArcFaceLossLayer: SparseCentersRegularizer(3) is about 3 centers a class, there are 1",
            ),
            (lambda: CosFaceLossLayer(3)({"Input": [1, 2], "Target": 3}), "Target: wants integers from 0 to 2, got 3"),
        ],
    ),
    Row(
        ArcFaceLossLayer(3), DATA, (), TYPES,
        reference=arc,
        draw=drawn(ArcFaceLossLayer),
    ),
    Row(
        CosFaceLossLayer(3), DATA, (), TYPES,
        reference=lambda x, y, Weights: entropy(64 * lowered(unit(Weights) @ unit(x), y, 0.35), y),
        draw=drawn(CosFaceLossLayer),
    ),
    Row(LargeMarginSoftmaxLossLayer(3), DATA, (), TYPES, reference=large_margin, draw=drawn(LargeMarginSoftmaxLossLayer)),
    Row(
        SphereFaceLossLayer(3), DATA, (), TYPES,
        reference=lambda x, y, Weights: large_margin(x, y, unit(Weights)),
        draw=drawn(SphereFaceLossLayer),
        wrong=[(lambda: SphereFaceLossLayer(3, 2.5), "SphereFaceLossLayer: Margin wants a whole number from 1, got 2.5")],
    ),
    Row(
        ProxyNCALossLayer(3, 2), DATA, (), TYPES,
        reference=lambda x, y, Weights: entropy(-2 * ((unit(Weights) - unit(x)) ** 2).sum(1), y),
        draw=drawn(ProxyNCALossLayer),
    ),
    Row(
        P2SGradLossLayer(3), DATA, (), TYPES,
        reference=lambda x, y, Weights: ((unit(Weights) @ unit(x) - (np.arange(3) == y)) ** 2).mean(),
        draw=drawn(P2SGradLossLayer),
    ),
    Row(
        SubCenterArcFaceLossLayer(3, 2), DATA, (), {"Weights": (3, 2, 4)},
        draw=drawn(SubCenterArcFaceLossLayer),
    ),
    Row(
        SoftTripleLossLayer(3, 2, VectorRegularizer=SparseCentersRegularizer(), VectorRegularizerWeight=0.2),
        DATA, (), {"Weights": (3, 2, 4)},
        draw=drawn(SoftTripleLossLayer),
    ),
    Row(ProxyAnchorLossLayer(3), DATA, (), TYPES, draw=drawn(ProxyAnchorLossLayer)),
    Row(ProxyAnchorLossLayer(3, 0.2, 4, Weighted=True, Reduction="All"), {**DATA, "Weight": ()}, (), TYPES, domain=(0.5, 2.0)),
    Row(
        ArcFaceLossLayer(3, Weighted=True, VectorRegularizer=LpRegularizer(2, 2), Regularizer="ZeroMeanRegularizer"),
        {**DATA, "Weight": ()}, (), TYPES,
        domain=(0.5, 2.0),
    ),
    Row(NormalizedSoftmaxLossLayer(3, Distance="l2", Reduction="Active", VectorRegularizer="RegularFaceRegularizer"), DATA, (), TYPES),
    Row(
        RegularizationLossLayer(LpRegularizer(2, 2)), {"Input": (4,)}, (),
        reference=lambda x: (x**2).sum(),
        wrong=[
            (
                lambda: RegularizationLossLayer("SparseCentersRegularizer"),
                "RegularizationLossLayer: SparseCentersRegularizer() is about class vectors, embeddings have no centers\n"
                "  try: SoftTripleLossLayer(10, 2, VectorRegularizer=SparseCentersRegularizer())",
            ),
            (
                lambda: RegularizationLossLayer("L2"),
                "RegularizationLossLayer: Regularizer wants one of CenterInvariantRegularizer, LpRegularizer, RegularFaceRegularizer, "
                "SparseCentersRegularizer, ZeroMeanRegularizer, got 'L2'",
            ),
        ],
    ),
    Row(RegularizationLossLayer(("LpRegularizer", 1)), {"Input": (4,)}, (), reference=lambda x: np.abs(x).sum()),
    Row(RegularizationLossLayer(ZeroMeanRegularizer()), {"Input": (4,)}, (), reference=lambda x: abs(x.sum())),
    Row(RegularizationLossLayer("CenterInvariantRegularizer"), {"Input": (4,)}, ()),
    Row(RegularizationLossLayer("RegularFaceRegularizer"), {"Input": (4,)}, ()),
]  # fmt: skip
