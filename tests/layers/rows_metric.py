"""Rows of the losses that see the whole batch. Values and gradients against the packages are in metric/."""

import numpy as np

from netgraph import *
from tests.layers.harness import Row

PAIRS = {"Input": (4,), "Target": Integer(3)}
TRIPLET = ("Anchor", "Positive", "Negative")
FEW = {"Input": [[1, 0], [1, 0], [0, 1]], "Target": [0, 0, 1]}


def batches(cls):
    return lambda pick: (cls(), {"Input": (pick(1, 5),), "Target": Integer(3)})


ROWS = [
    Row(
        NTXentLossLayer(), PAIRS, (),
        solves=[({"Input": 3}, {"Target": (), "Loss": (), "Positive": ()})],
        draw=batches(NTXentLossLayer),
        vectors=[({**FEW, "Target": [0, 1, 2]}, [0, 0, 0]), ({**FEW, "Target": [0, 0, 0]}, [0, 0, 0])],
        wrong=[
            (lambda: NTXentLossLayer(0), "NTXentLossLayer: Temperature wants a number above 0, got 0"),
            (
                lambda: NTXentLossLayer(Input="Real"),
                "Input: no axis on one side and 1 axis on the other\n"
                '  (): NTXentLossLayer was given Input="Real"\n'
                '  (?,): NTXentLossLayer(Input="Real")',
            ),
        ],
    ),
    Row(NTXentLossLayer(Weighted=True), {**PAIRS, "Weight": ()}, (), domain=(0.5, 2.0)),
    Row(NTXentLossLayer(TargetForm="Relation"), {"Input": (4,), "Target": (8,)}, (), differentiable=False),
    Row(SupConLossLayer(0.5), PAIRS, (), draw=batches(SupConLossLayer)),
    Row(MultiSimilarityLossLayer(), PAIRS, (), draw=batches(MultiSimilarityLossLayer)),
    Row(MultiSimilarityLossLayer(Miner=MultiSimilarityMiner(0.3)), PAIRS, ()),
    Row(
        TripletLossLayer(0.3), PAIRS, (),
        draw=batches(TripletLossLayer),
        wrong=[
            (
                lambda: TripletLossLayer(Miner="BatchHardMiner", PositiveMining="Hard"),
                "TripletLossLayer: a miner chooses pairs by itself, PositiveMining and NegativeMining do not apply",
            ),
        ],
    ),
    Row(TripletLossLayer(Miner=TripletMarginMiner("SemiHard")), PAIRS, ()),
    Row(TripletLossLayer(0.5, Swap=True, SoftMargin=True), PAIRS, ()),
    Row(TripletLossLayer(1, PositiveMining="Hard", NegativeMining="SemiHard", Distance="cosine", Reduction="Valid"), PAIRS, ()),
    Row(
        PNLossLayer(), PAIRS, (),
        draw=batches(PNLossLayer),
        wrong=[
            (lambda: PNLossLayer(Release="0.15"), 'PNLossLayer: Release wants Automatic, "0.16" or "0.17", got \'0.15\''),
            (lambda: PNLossLayer(PositiveMining="SemiHard"), 'PNLossLayer: PositiveMining wants "Hard" or "Easy", got \'SemiHard\''),
        ],
    ),
    Row(PNLossLayer(PositiveMining="Easy", NegativeMining="Easy", SoftMargin=True, Distance="l2"), PAIRS, ()),
    Row(PNLossLayer(Release="0.17"), PAIRS, ()),
    Row(
        SquaredContrastiveLossLayer(), {"Input": (), "Target": ()}, (),
        reference=lambda d, y: (y * d**2 + (1 - y) * np.maximum(1.2 - d, 0) ** 2) / 2,
        solves=[({}, {"Input": (), "Target": (), "Loss": ()})],
        domain=(0.0, 2.0),
        wrong=[(lambda: SquaredContrastiveLossLayer(-1), "SquaredContrastiveLossLayer: Margin wants a number from 0, got -1")],
    ),
    Row(
        TripletMarginLossLayer(), dict.fromkeys(TRIPLET, (4,)), (),
        reference=lambda a, p, n: max(np.linalg.norm(a - p + 1e-6) - np.linalg.norm(a - n + 1e-6) + 1, 0),
        solves=[({"Anchor": (3, Automatic), "Negative": (Automatic, 2)}, {"Positive": (3, 2), "Loss": ()})],
        wrong=[
            (lambda: TripletMarginLossLayer(0), "TripletMarginLossLayer: Margin wants a number above 0, got 0"),
            (
                lambda: TripletMarginLossLayer(Reduction="max"),
                'TripletMarginLossLayer: Reduction wants "All" ("mean"), "Valid", "Active", "Sum" or "None", got \'max\'',
            ),
            (
                lambda: TripletMarginLossLayer(DistanceFunction="far"),
                "TripletMarginLossLayer: DistanceFunction wants a function of two arrays, a distance such as EuclideanDistance or "
                "LpDistance(), or its name, got 'far'",
            ),
        ],
    ),
    Row(
        TripletMarginLossLayer(0.5, Swap=True, Reduction="None", DistanceFunction="sql2"), dict.fromkeys(TRIPLET, (2, 4)), (2,),
        reference=lambda a, p, n: np.maximum(
            ((a - p) ** 2).sum(-1) - np.minimum(((a - n) ** 2).sum(-1), ((p - n) ** 2).sum(-1)) + 0.5, 0
        ),
        solves=[({"Anchor": (3, 2)}, {"Loss": (3,)})],
    ),
    Row(TripletMarginLossLayer(DistanceFunction=CosineSimilarity(), Reduction="Active"), dict.fromkeys(TRIPLET, (4,)), ()),
    *[
        Row(layer, PAIRS, (), draw=batches(type(layer)) if not isinstance(layer, RankedListLossLayer) else None)
        for layer in (
            PairContrastiveLossLayer(), SignalToNoiseRatioContrastiveLossLayer(), MarginLossLayer(), IntraPairVarianceLossLayer(),
            ThresholdConsistentMarginLossLayer(), LiftedStructureLossLayer(),
            GeneralizedLiftedStructureLossLayer(), NCALossLayer(), SoftNearestNeighborLossLayer(), TupletMarginLossLayer(5, 3),
            NPairsLossLayer(), InstanceLossLayer(2), AngularLossLayer(), FastAPLossLayer(), HistogramLossLayer(),
            SmoothAPLossLayer(0.5), PNPLossLayer("Ib", Anneal=0.5), RankedListLossLayer(0.4, 3),
        )
    ],
    Row(CircleLossLayer(0.3, 5, Form="TFSimilarity", Reduction="All"), PAIRS, ()),
    Row(MarginLossLayer(LearnBeta=True, Nu=0.1), PAIRS, (), {"Boundary": ()}),
    Row(
        MarginLossLayer(LearnBeta=True, Classes=3, Nu=0.1), PAIRS, (), {"Boundary": (3,)},
        wrong=[
            (lambda: MarginLossLayer(Nu=0.1), "MarginLossLayer: Classes and Nu are about a learned boundary\n  try: LearnBeta=True"),
        ],
    ),
    Row(
        MultipleNegativesRankingLossLayer(2), {"Anchor": (4,), "Positive": (4,)}, (),
        solves=[({"Anchor": 3}, {"Positive": (3,), "Loss": ()})],
    ),
    Row(MultipleNegativesRankingLossLayer(2, Symmetric=True, Form="TFSimilarity", Distance="ip"), {"Anchor": (4,), "Positive": (4,)}, ()),
    Row(
        CircleLossLayer(0.3, 5), PAIRS, (),
        draw=batches(CircleLossLayer),
        differentiable=False,
        wrong=[
            (
                lambda: CircleLossLayer(Distance="cosine"),
                "CircleLossLayer: Distance wants a similarity (large = close), CosineDistance is a distance (small = close)\n"
                '  try: Distance="CosineSimilarity"',
            ),
            (
                lambda: FastAPLossLayer(Distance="ip"),
                "FastAPLossLayer: Distance wants a distance (small = close), DotProductSimilarity(False) is a similarity (large = close)\n"
                '  try: Distance="CosineDistance"',
            ),
            (
                lambda: NPairsLossLayer(TargetForm="Relation"),
                'NPairsLossLayer wants classes: a relation has none, TargetForm="Relation" does not apply',
            ),
        ],
    ),
    Row(DynamicSoftMarginLossLayer(), PAIRS, (), {"Histogram": (10,)}, draw=batches(DynamicSoftMarginLossLayer), differentiable=False),
    Row(ManifoldLossLayer(3), PAIRS, (), {"Weights": (3, 4)}, solves=[({"Target": ()}, {"Loss": ()})]),
]  # fmt: skip
