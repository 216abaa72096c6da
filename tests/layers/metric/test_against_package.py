"""Losses and miners against pytorch-metric-learning, in value and gradient, float64 to 1e-9."""

import numpy as np
import pytest
import torch
from pytorch_metric_learning import distances, losses, miners, reducers

from netgraph import *
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as
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
    (PairContrastiveLossLayer(), losses.ContrastiveLoss()),
    (PairContrastiveLossLayer(1, 0, Distance="CosineSimilarity"), losses.ContrastiveLoss(1, 0, distance=distances.CosineSimilarity())),
    (SignalToNoiseRatioContrastiveLossLayer(), losses.SignalToNoiseRatioContrastiveLoss()),
    (MarginLossLayer(Beta=1.25), losses.MarginLoss(beta=1.25)),
    (IntraPairVarianceLossLayer(), losses.IntraPairVarianceLoss()),
    (IntraPairVarianceLossLayer(0.1, 0.2, Distance=LpDistance()), losses.IntraPairVarianceLoss(0.1, 0.2, distance=distances.LpDistance())),
    (ThresholdConsistentMarginLossLayer(), losses.ThresholdConsistentMarginLoss()),
    (CircleLossLayer(), losses.CircleLoss()),
    (LiftedStructureLossLayer(), losses.LiftedStructureLoss()),
    (
        LiftedStructureLossLayer(0.3, 0.1, Distance="CosineSimilarity"),
        losses.LiftedStructureLoss(0.3, 0.1, distance=distances.CosineSimilarity()),
    ),
    (NCALossLayer(2), losses.NCALoss(2)),
    (TupletMarginLossLayer(), losses.TupletMarginLoss()),
    (NPairsLossLayer(), losses.NPairsLoss()),
    (InstanceLossLayer(), losses.InstanceLoss()),
    (AngularLossLayer(), losses.AngularLoss()),
    (FastAPLossLayer(), losses.FastAPLoss()),
    (FastAPLossLayer(7, Distance=LpDistance()), losses.FastAPLoss(7, distance=distances.LpDistance())),
    (RankedListLossLayer(0.4, 5, PositiveTemperature=2), losses.RankedListLoss(0.4, 5, Tp=2)),
    *[(PNPLossLayer(v, Anneal=0.1), losses.PNPLoss(variant=v, anneal=0.1)) for v in ("O", "Ds", "Dq", "Iu", "Ib")],
]


@pytest.mark.parametrize("layer, loss", PLAIN, ids=lambda value: repr(value) if hasattr(value, "Reduction") else "")
@pytest.mark.parametrize("items, classes", [(8, 3), (40, 5)])
def test_a_loss_is_that_of_the_package(layer, loss, items, classes):
    x, y = batch(items, classes=classes)
    assert_equal(ours(layer, x, y), theirs(loss, x, y))


def test_losses_where_every_item_has_both_sides():
    x, _ = batch(16)
    y = torch.arange(16) % 4
    assert_equal(ours(GeneralizedLiftedStructureLossLayer(), x, y), theirs(losses.GeneralizedLiftedStructureLoss(), x, y))
    # the package keeps average precisions in float32, and is right only for as many classes as members, sorted
    y = torch.arange(16) // 4
    assert_equal(ours(SmoothAPLossLayer(0.1), x, y), theirs(lambda *given: losses.SmoothAPLoss(0.1)(*given).double(), x, y), 1e-7)


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
def test_histograms_to_the_precision_of_the_package():
    # it multiplies places of bins in float32
    x, y = batch(24)
    assert_equal(ours(HistogramLossLayer(), x, y), theirs(losses.HistogramLoss(), x, y), 1e-6)


def test_smooth_average_precision_of_classes_of_any_size():
    x, y = batch(11, classes=3)
    unit = torch.nn.functional.normalize(x)
    s = unit @ unit.T
    losses_ = []
    for i in range(11):
        members = [j for j in range(11) if y[j] == y[i]]
        rank = lambda p, among: 1 + sum(torch.sigmoid((s[i, j] - s[i, p]) / 0.1) for j in among if j != p)  # noqa: B023, E731
        losses_.append(1 - sum(rank(p, members) / rank(p, range(11)) for p in members) / len(members))
    torch.testing.assert_close(ours(SmoothAPLossLayer(0.1), x, y)[0], sum(losses_) / 11, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("classes", [None, 4])
def test_a_learned_boundary(classes):
    x, y = batch(20)
    other = losses.MarginLoss(nu=0.3, beta=1.25, learn_beta=True, num_classes=classes).double()
    layer = MarginLossLayer(Beta=1.25, Nu=0.3, LearnBeta=True, Classes=classes or Automatic)
    boundary = torch.from_numpy(np.array(net_initialize(layer).arrays["Boundary"])).double().requires_grad_()
    assert boundary.shape == (() if classes is None else (classes,)) and (boundary == 1.25).all()
    assert_equal(ours(layer, x, y, arrays=(boundary,)), theirs(other, x, y))
    forward = lower(typed_as(layer, {"Input": 6}), "Train", wanted=[((), "Loss")]).forward
    loss = forward((x, y), (boundary,), (), (), (), None)[0][0].mean()
    torch.testing.assert_close(
        *torch.autograd.grad(loss, boundary), torch.autograd.grad(other(x, y), other.beta)[0].reshape(boundary.shape)
    )


def test_a_margin_counts_the_triplets_of_its_miner():
    x, y = batch(24)
    for kind in ("SemiHard", "All"):
        mine, other = MarginLossLayer(Beta=1.25, Miner=TripletMarginMiner(kind)), miners.TripletMarginMiner(type_of_triplets=kind.lower())
        assert_equal(ours(mine, x, y), theirs(losses.MarginLoss(beta=1.25), x, y, other))


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
    (PackagedTripletsMiner(), miners.EmbeddingsAlreadyPackagedAsTriplets()),
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
