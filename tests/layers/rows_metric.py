"""Rows of the losses that see the whole batch. Values and gradients against the packages are in metric/."""

from netgraph import (
    Integer,
    MultiSimilarityLossLayer,
    MultiSimilarityMiner,
    NTXentLossLayer,
    SupConLossLayer,
    TripletLossLayer,
    TripletMarginMiner,
)
from tests.layers.harness import Row

PAIRS = {"Input": (4,), "Target": Integer(3)}
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
]  # fmt: skip
