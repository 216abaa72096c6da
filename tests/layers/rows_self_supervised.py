"""Rows of losses on two views of an example. Values and gradients against the packages are in metric/."""

import numpy as np

from netgraph import *
from tests.layers.harness import Row

VIEWS = {"Input": (2, 4)}
BOTH = {"Projection": (2, 4), "Prediction": (2, 4)}


def cosines(projection, prediction):
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (projection[::-1], prediction))
    return (a * b).sum(1)


def drawn(cls):
    return lambda pick: (cls(), {"Input": (2, pick(1, 5))})


ROWS = [
    Row(
        SimCLRLossLayer(), VIEWS, (),
        solves=[({"Input": (2, Automatic)}, {"Loss": (), "Negative": (2,)})],
        draw=drawn(SimCLRLossLayer),
        wrong=[(lambda: SimCLRLossLayer(TargetForm="Class"), "SimCLRLossLayer: TargetForm wants \"View\", got 'Class'")],
    ),
    Row(SimCLRLossLayer(0.5, Form="TFSimilarity", Weighted=True), {**VIEWS, "Weight": ()}, (), domain=(0.5, 2.0)),
    Row(
        SimSiamLossLayer(), BOTH, (),
        reference=lambda z, p: -cosines(z, p).mean(),
        solves=[({"Projection": (2, 3)}, {"Prediction": (2, 3), "Loss": ()})],
        differentiable=False,
        wrong=[
            (
                lambda: SimSiamLossLayer(Projection=(3, 4)),
                "Projection: axis 0 is 3 on one side and 2 on the other\n"
                "  3: SimSiamLossLayer was given Projection=(3, 4)\n"
                "  2: SimSiamLossLayer(Projection=(3, 4))",
            ),
        ],
    ),
    Row(SimSiamLossLayer("CosineDistance"), BOTH, (), reference=lambda z, p: 1 - cosines(z, p).mean(), differentiable=False),
    Row(SimSiamLossLayer("Angle"), BOTH, (), reference=lambda z, p: np.arccos(cosines(z, p)).mean() / np.pi, differentiable=False),
    Row(BarlowTwinsLossLayer(), VIEWS, (), solves=[({"Input": (Automatic, 3)}, {"Input": (2, 3)})], draw=drawn(BarlowTwinsLossLayer)),
    Row(VICRegLossLayer(), VIEWS, (), draw=drawn(VICRegLossLayer)),
    Row(VICRegLossLayer(10, 5, 2, Epsilon=0.1, Form="TFSimilarity"), VIEWS, ()),
]  # fmt: skip
