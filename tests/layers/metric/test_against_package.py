"""Losses and miners against pytorch-metric-learning, in value and gradient, float64 to 1e-9."""

import pytest
import torch
from pytorch_metric_learning import distances, losses, miners, reducers

from netgraph import (
    AngularMiner,
    BatchEasyHardMiner,
    BatchHardMiner,
    LpDistance,
    MultiSimilarityLossLayer,
    MultiSimilarityMiner,
    NTXentLossLayer,
    PairMarginMiner,
    SNRDistance,
    SupConLossLayer,
    TripletLossLayer,
    TripletMarginMiner,
)
from tests.layers.metric.peers import assert_equal, batch, ours, theirs

PLAIN = [
    (NTXentLossLayer(0.5), losses.NTXentLoss(0.5)),
    (NTXentLossLayer(0.5, Distance=LpDistance()), losses.NTXentLoss(0.5, distance=distances.LpDistance())),
    (SupConLossLayer(), losses.SupConLoss()),
    (SupConLossLayer(0.3, Distance="SNRDistance"), losses.SupConLoss(0.3, distance=distances.SNRDistance())),
    (MultiSimilarityLossLayer(), losses.MultiSimilarityLoss()),
    (
        MultiSimilarityLossLayer(3, 20, 0.4, Reduction="Active"),
        losses.MultiSimilarityLoss(3, 20, 0.4, reducer=reducers.AvgNonZeroReducer()),
    ),
    (MultiSimilarityLossLayer(Distance=SNRDistance()), losses.MultiSimilarityLoss(distance=distances.SNRDistance())),
    (TripletLossLayer(), losses.TripletMarginLoss()),
    (TripletLossLayer(0.3, Swap=True), losses.TripletMarginLoss(0.3, swap=True)),
    (TripletLossLayer(SoftMargin=True), losses.TripletMarginLoss(smooth_loss=True)),
    (TripletLossLayer(0.2, Distance="CosineSimilarity"), losses.TripletMarginLoss(0.2, distance=distances.CosineSimilarity())),
    (TripletLossLayer(Distance="manhattan"), losses.TripletMarginLoss(distance=distances.LpDistance(p=1, normalize_embeddings=False))),
    (TripletLossLayer(Distance="sql2"), losses.TripletMarginLoss(distance=distances.LpDistance(power=2, normalize_embeddings=False))),
    (TripletLossLayer(Distance=LpDistance(3, 2)), losses.TripletMarginLoss(distance=distances.LpDistance(p=3, power=2))),
    (TripletLossLayer(Reduction="Valid"), losses.TripletMarginLoss(reducer=reducers.MeanReducer())),
]


@pytest.mark.parametrize("layer, loss", PLAIN, ids=lambda value: repr(value) if hasattr(value, "Reduction") else "")
@pytest.mark.parametrize("items, classes", [(8, 3), (40, 5)])
def test_a_loss_is_that_of_the_package(layer, loss, items, classes):
    x, y = batch(items, classes=classes)
    assert_equal(ours(layer, x, y), theirs(loss, x, y), 2e-9 if "NTXent" in repr(layer) else 1e-9)


MINED = [
    (MultiSimilarityMiner(0.1), miners.MultiSimilarityMiner(0.1)),
    (PairMarginMiner(0.9, 1.3), miners.PairMarginMiner(0.9, 1.3)),
    (PairMarginMiner(0.5, 0.1, "CosineSimilarity"), miners.PairMarginMiner(0.5, 0.1, distance=distances.CosineSimilarity())),
    (BatchHardMiner(), miners.BatchHardMiner()),
    *[
        (BatchEasyHardMiner(p, n), miners.BatchEasyHardMiner(p.lower(), n.lower()))
        for p, n in [("Hard", "Hard"), ("Easy", "SemiHard"), ("Hard", "SemiHard"), ("SemiHard", "Hard"), ("Easy", "Easy"), ("All", "Hard")]
    ],
    *[(TripletMarginMiner(kind, 0.1), miners.TripletMarginMiner(0.1, kind.lower())) for kind in ("All", "Hard", "SemiHard", "Easy")],
    (AngularMiner(35), miners.AngularMiner(35)),
]


@pytest.mark.parametrize("miner, other", MINED, ids=lambda value: repr(value) if isinstance(value, tuple) else "")
def test_a_miner_is_that_of_the_package(miner, other):
    x, y = batch(30)
    x = torch.nn.functional.normalize(x)
    assert_equal(ours(TripletLossLayer(0.4, Miner=miner), x, y), theirs(losses.TripletMarginLoss(0.4), x, y, other))
    cosine = TripletLossLayer(0.4, Miner=miner, Distance="CosineSimilarity")
    assert_equal(ours(cosine, x, y), theirs(losses.TripletMarginLoss(0.4, distance=distances.CosineSimilarity()), x, y, other))
    # the masks of pairs, through losses on sets
    assert_equal(ours(MultiSimilarityLossLayer(Miner=miner), x, y), theirs(losses.MultiSimilarityLoss(), x, y, other))
    assert_equal(ours(SupConLossLayer(Miner=miner), x, y), theirs(losses.SupConLoss(), x, y, other))
