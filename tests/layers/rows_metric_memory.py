"""Rows of losses that remember earlier batches, and of those on views of one example.

With Gradient "Rows" of a memory the gradient is not that of the value.
"""

import numpy as np

from netgraph import *
from tests.layers.harness import Row

PAIRS = {"Input": (4,), "Target": Integer(3)}
VIEWS = {"Input": (2, 4)}
STATES = {"MemoryEmbeddings": (12, 4), "MemoryClasses": (12,)}

ROWS = [
    Row(
        SupConLossLayer(0.5, Memory=CrossBatchMemory(12)), PAIRS, (), STATES,
        differentiable=False,
        wrong=[
            (
                lambda: SupConLossLayer(Memory="CrossBatchMemory", TargetForm="Relation"),
                "SupConLossLayer: a relation says nothing about earlier batches, it goes without Memory",
            ),
            (
                lambda: LiftedStructureLossLayer(Memory="CrossBatchMemory"),
                "LiftedStructureLossLayer compares a batch with itself alone, it takes no Memory",
            ),
            (
                lambda: PNLossLayer(Memory="CrossBatchMemory", Release="0.17"),
                "PNLossLayer compares a batch with itself alone, it takes no Memory",
            ),
            (lambda: CrossBatchMemory(0), "CrossBatchMemory: Size wants a whole number from 1, got 0"),
            (lambda: CrossBatchMemory(WarmUp=-1), "CrossBatchMemory: WarmUp wants a whole number from 0, got -1"),
            (lambda: SupConLossLayer(Memory=1024), "SupConLossLayer: Memory wants one of CrossBatchMemory, or None, got 1024"),
        ],
    ),
    Row(
        TripletLossLayer(0.3, Memory=CrossBatchMemory(12, Gradient="Both", EnqueueMask=True)),
        {**PAIRS, "EnqueueMask": "Boolean"}, (), STATES,
        wrong=[
            (
                lambda: SupConLossLayer(TargetForm="View", Memory=CrossBatchMemory(EnqueueMask=True)),
                "SupConLossLayer: the views of an example are stored together, none has a partner: EnqueueMask wants classes\n"
                "  try: Symmetric=False, which stores all views but the first",
            ),
            (
                lambda: TripletLossLayer(Miner="PackagedTripletsMiner", Memory=CrossBatchMemory(EnqueueMask=True)),
                "TripletLossLayer: PackagedTripletsMiner() takes its anchors by their places, EnqueueMask does not apply",
            ),
            (lambda: CrossBatchMemory(EnqueueMask=2), "CrossBatchMemory: EnqueueMask wants True or False, got 2"),
        ],
    ),
    Row(
        TripletLossLayer(0.3, Memory=CrossBatchMemory(12, 1, "Both"), Miner="MultiSimilarityMiner"),
        PAIRS, (), {**STATES, "MemorySteps": ()},
    ),
    Row(
        MarginLossLayer(LearnBeta=True, Classes=3, Memory=CrossBatchMemory(12)),
        PAIRS, (), {**STATES, "Boundary": (3,)},
        differentiable=False,
        wrong=[
            (
                lambda: MarginLossLayer(LearnBeta=True, Classes=3, TargetForm="View"),
                'MarginLossLayer wants classes: views have none, TargetForm="View" does not apply',
            ),
        ],
    ),
    Row(
        SupConLossLayer(0.5, TargetForm="View"), VIEWS, (),
        solves=[({"Input": (2, Automatic)}, {"Loss": (), "Positive": (2,)}), ({"Positive": (3,)}, {"Negative": (3,)})],
        vectors=[({"Input": [[[1, 0], [1, 0]], [[0, 1], [0, 1]]]}, [np.log(1 + 2 * np.exp(-2))] * 2)],
        wrong=[
            (
                lambda: ManifoldLossLayer(TargetForm="View"),
                'ManifoldLossLayer wants classes: views have none, TargetForm="View" does not apply',
            ),
        ],
    ),
    Row(NTXentLossLayer(TargetForm="View", Weighted=True), {**VIEWS, "Weight": ()}, (), domain=(0.5, 2.0)),
    Row(TripletLossLayer(TargetForm="View", Miner="HDCMiner"), {"Input": (3, 4)}, ()),
    Row(
        NTXentLossLayer(0.5, TargetForm="View", Symmetric=False), VIEWS, (),
        wrong=[
            (
                lambda: NTXentLossLayer(Symmetric=False),
                "NTXentLossLayer: Symmetric=False makes the first views the anchors, but there are no views\n"
                '  try: TargetForm="View"',
            ),
            (
                lambda: LiftedStructureLossLayer(TargetForm="View", Symmetric=False),
                "LiftedStructureLossLayer compares a batch with itself alone, Symmetric=False does not apply",
            ),
            (
                lambda: TripletLossLayer(TargetForm="View", Symmetric=False, Miner="PackagedTripletsMiner"),
                "TripletLossLayer: PackagedTripletsMiner() takes its anchors by their places, Symmetric=False does not apply",
            ),
        ],
    ),
    Row(SupConLossLayer(TargetForm="View", Symmetric=False, Weighted=True), {**VIEWS, "Weight": ()}, (), domain=(0.5, 2.0)),
    Row(DynamicSoftMarginLossLayer(TargetForm="View"), VIEWS, (), {"Histogram": (10,)}),
    Row(MultiSimilarityLossLayer(TargetForm="View", Memory=CrossBatchMemory(12, Gradient="Both")), VIEWS, (), STATES),
]  # fmt: skip
