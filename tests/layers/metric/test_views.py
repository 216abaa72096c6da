"""Losses on classes where the views of one example are a class: against pytorch-metric-learning, and trained through one net."""

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses, regularizers

from netgraph import *
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as
from tests.layers.metric.peers import assert_equal, batch

PAIRS = [
    (NTXentLossLayer(0.5), losses.NTXentLoss(0.5)),
    (SupConLossLayer(), losses.SupConLoss()),
    (TripletLossLayer(), losses.TripletMarginLoss()),
    (PairContrastiveLossLayer(), losses.ContrastiveLoss()),
    (MultiSimilarityLossLayer(), losses.MultiSimilarityLoss()),
    (LiftedStructureLossLayer(), losses.LiftedStructureLoss()),
]


def ours(layer, views):
    """(reduced loss, gradient of the views)."""
    forward = lower(typed_as(layer, {"Input": views.shape[1:]}), "Train", wanted=[((), "Loss")]).forward
    x = views.clone().requires_grad_()
    loss = forward((x,), (), (), (), (), None)[0][0].mean()
    return loss.detach(), torch.autograd.grad(loss, x)[0]


@pytest.mark.parametrize("layer, loss", PAIRS, ids=lambda value: repr(value) if hasattr(value, "Reduction") else "")
def test_two_views_are_the_package_self_supervised(layer, loss):
    x = batch(20)[0].unflatten(0, (10, 2))
    first, second = (x[:, i].clone().requires_grad_() for i in (0, 1))
    value = losses.SelfSupervisedLoss(loss)(first, second)
    gradient = torch.stack(torch.autograd.grad(value, (first, second)), 1)
    assert_equal(ours(layer.replaced(fields={"TargetForm": "View"}), x), (value.detach(), gradient))


ONE_SIDED = [
    *PAIRS[:5],
    (CircleLossLayer(), losses.CircleLoss()),
    (AngularLossLayer(), losses.AngularLoss()),
    (GeneralizedLiftedStructureLossLayer(), losses.GeneralizedLiftedStructureLoss()),
    (IntraPairVarianceLossLayer(), losses.IntraPairVarianceLoss()),
    (SignalToNoiseRatioContrastiveLossLayer(), losses.SignalToNoiseRatioContrastiveLoss()),
    (NCALossLayer(2), losses.NCALoss(2)),
    (TupletMarginLossLayer(), losses.TupletMarginLoss()),
    (TripletLossLayer(0.3, SoftMargin=True), losses.TripletMarginLoss(0.3, smooth_loss=True)),
    (
        SupConLossLayer(Regularizer=LpRegularizer(), RegularizerWeight=0.3),
        losses.SupConLoss(embedding_regularizer=regularizers.LpRegularizer(), embedding_reg_weight=0.3),
    ),
]


@pytest.mark.parametrize("layer, loss", ONE_SIDED, ids=lambda value: repr(value) if hasattr(value, "Reduction") else "")
def test_the_first_views_as_anchors_are_the_package_without_symmetry(layer, loss):
    x = batch(20)[0].unflatten(0, (10, 2))
    first, second = (x[:, i].clone().requires_grad_() for i in (0, 1))
    value = losses.SelfSupervisedLoss(loss, symmetric=False)(first, second)
    gradient = torch.stack(torch.autograd.grad(value, (first, second)), 1)
    one, both = (ours(layer.replaced(fields={"TargetForm": "View", "Symmetric": symmetric}), x) for symmetric in (False, True))
    assert_equal(one, (value.detach(), gradient))
    assert not torch.allclose(one[1], both[1], rtol=1e-3)


def test_the_first_of_three_views_against_all_others():
    """By the definition of NT-Xent, with references in place of the batch."""
    x = batch(12)[0].unflatten(0, (4, 3)).requires_grad_()
    unit = torch.nn.functional.normalize(x, dim=2)
    s = torch.einsum("id,jvd->ijv", unit[:, 0], unit[:, 1:]) / 0.5
    own = torch.eye(4, dtype=torch.bool)
    others = s.masked_fill(own.unsqueeze(2), -torch.inf).flatten(1).logsumexp(1)
    value = torch.nn.functional.softplus(others.unsqueeze(1) - s[own]).mean()
    wanted = (value.detach(), torch.autograd.grad(value, x)[0])
    assert_equal(ours(NTXentLossLayer(0.5, TargetForm="View", Symmetric=False), x.detach()), wanted)


@pytest.mark.parametrize("miner", [None, "BatchHardMiner", "MultiSimilarityMiner"])
def test_what_is_mined_for_the_first_views(miner):
    layer = typed_as(TripletLossLayer(TargetForm="View", Symmetric=False, Miner=miner), {"Input": (2, 6)})
    x = batch(10)[0].unflatten(0, (5, 2))
    _, valid, active, positive, negative = lower(layer, "Train").forward((x,), (), (), (), (), None)[0]
    d = torch.cdist(*(torch.nn.functional.normalize(view, dim=1) for view in x.unbind(1))).fill_diagonal_(torch.inf)
    if miner is None:
        assert valid.tolist() == [1] * 5 and ((active > 0) & (active <= 1)).any()
    kept = valid > 0
    assert kept.any() and torch.equal(positive[kept, 0], (2 * torch.arange(5) + 1)[kept])
    assert torch.equal(negative[kept, 0], (2 * d.argmin(1) + 1)[kept]) and (positive[:, 1] == -1).all() and (negative[:, 1] == -1).all()


def test_padded_examples_are_no_references():
    x = batch(16)[0].unflatten(0, (8, 2))
    valid = torch.tensor([True] * 5 + [False, True, False])
    layer = typed_as(SupConLossLayer(TargetForm="View", Symmetric=False), {"Input": (2, 6)})
    forward = lower(layer, "Train").forward
    padded, plain = (forward((given,), (), (), (), (), mask)[0] for given, mask in ((x, valid), (x[valid], None)))
    torch.testing.assert_close(padded[0][valid] * 6 / 8, plain[0])
    assert not padded[0][~valid].any()


def test_three_views_are_classes_of_three():
    x = batch(12)[0]
    y = torch.arange(4).repeat_interleave(3)
    forward = lower(typed_as(SupConLossLayer(), {"Input": 6}), "Train").forward
    plain, views = forward((x, y), (), (), (), (), None)[0], x.unflatten(0, (4, 3))
    found = lower(typed_as(SupConLossLayer(TargetForm="View"), {"Input": (3, 6)}), "Train").forward((views,), (), (), (), (), None)[0]
    for mine, other in zip(found[:3], plain[:3], strict=True):
        torch.testing.assert_close(mine, other.unflatten(0, (4, 3)).mean(1))
    assert all(torch.equal(mine.flatten(), other) for mine, other in zip(found[3:], plain[3:], strict=True))


def test_random_miners_draw_for_each_view():
    layer = typed_as(TripletLossLayer(TargetForm="View", Miner="DistanceWeightedMiner"), {"Input": (2, 6)})
    forward = lower(layer, "Train").forward
    x = batch(16)[0].unflatten(0, (8, 2))
    first, second = (forward((x,), (), (), (torch.full((8,), lot, dtype=torch.float64),), (), None)[0] for lot in (0.1, 0.6))
    assert first[0].isfinite().all() and not torch.equal(first[4], second[4])


def test_random_views_of_an_example_are_trained_through_one_net():
    """Replicated, each copy dropped in its own way, embedded by one net."""
    source = np.random.default_rng(0)
    kinds = np.repeat(np.eye(4, 16), 8, axis=0)
    x = (2 * kinds + source.normal(0, 0.1, (32, 16))).astype(np.float32)
    embed = NetChain([DropoutLayer(0.3), 8, Ramp, 3])
    net = net_initialize(NetChain([ReplicateLayer(2), NetMapOperator(embed)], Input=16), RandomSeeding=1)
    loss = NTXentLossLayer(0.5, TargetForm="View")
    options = {"BatchSize": 16, "RandomSeeding": 2, "TrainingProgressReporting": None, "Method": ("ADAM", {"LearningRate": 0.02})}
    result = net_train(net, {"Input": x}, All, LossFunction=loss, MaxTrainingRounds=30, **options)
    assert result["RoundLossList"][-1] < 0.9 * result["RoundLossList"][0]
    assert result["TrainedNet"].structure == net.structure
    twice = result["TrainedNet"](x)
    assert twice.shape == (32, 2, 3) and np.array_equal(twice[:, 0], twice[:, 1])


def test_simclr_is_the_cross_entropy_of_the_paper():
    x = batch(20)[0].unflatten(0, (10, 2))
    flat = torch.nn.functional.normalize(x.flatten(0, 1).clone().requires_grad_())
    s = (flat @ flat.T / 0.3).fill_diagonal_(-torch.inf)
    value = torch.nn.functional.cross_entropy(s, torch.arange(20) ^ 1)
    assert_equal(ours(SimCLRLossLayer(0.3), x)[:1], (value.detach(),))
    assert_equal(ours(SimCLRLossLayer(0.3), x), ours(NTXentLossLayer(0.3, TargetForm="View"), x))
    assert_equal([2 * part for part in ours(SimCLRLossLayer(0.3), x)], ours(SimCLRLossLayer(0.3, Form="TFSimilarity"), x))


def test_vicreg_is_the_package():
    x = batch(20)[0].unflatten(0, (10, 2)) * 0.5
    for weights in ((25, 25, 1), (3, 40, 7)):
        first, second = (x[:, i].clone().requires_grad_() for i in (0, 1))
        value = losses.VICRegLoss(*weights)(first, ref_emb=second)
        gradient = torch.stack(torch.autograd.grad(value, (first, second)), 1)
        assert_equal(ours(VICRegLossLayer(*weights), x), (value.detach(), gradient))


def test_vicreg_of_tf_similarity_and_its_terms():
    x = batch(20)[0].unflatten(0, (10, 2)) * 0.5
    a, b = x.unbind(1)
    each = 25 * (a - b).square().mean(1)
    for view in (a, b):
        each = each + 25 / 2 * (1 - (view.var(0, correction=0) + 1e-4).sqrt()).clamp_min(0).mean()
        covariance = torch.cov(view.T)
        each = each + (covariance.square().sum() - covariance.diagonal().square().sum()) / 6
    layer = typed_as(VICRegLossLayer(Form="TFSimilarity"), {"Input": (2, 6)})
    torch.testing.assert_close(lower(layer, "Train").forward((x,), (), (), (), (), None)[0][0], each)
    parts = [layer(x.numpy(), NetPort(name), WorkingPrecision="Real64") for name in ("Invariance", "Variance", "Covariance")]
    np.testing.assert_allclose(25 * parts[0] + 25 * parts[1] + parts[2], each, rtol=1e-12)


def test_barlow_twins_by_its_definition():
    x = batch(20)[0].unflatten(0, (10, 2)).clone().requires_grad_()
    a, b = ((view - view.mean(0)) / view.std(0, correction=0) for view in x.unbind(1))
    c = a.T @ b / 10
    off = c.square().sum() - c.diagonal().square().sum()
    value = (1 - c.diagonal()).square().sum() + 0.02 * off
    (gradient,) = torch.autograd.grad(value, x)
    assert_equal(ours(BarlowTwinsLossLayer(0.02), x.detach()), (value.detach(), gradient))
    layer = typed_as(BarlowTwinsLossLayer(0.02), {"Input": (2, 6)})
    np.testing.assert_allclose(layer(x.detach().numpy(), NetPort("Redundancy"), WorkingPrecision="Real64"), off.item(), rtol=1e-12)


def test_simsiam_stops_the_gradient_of_projections():
    z, p = (batch(8, seed=seed)[0].unflatten(0, (4, 2)).requires_grad_() for seed in (0, 1))
    cosine = torch.nn.functional.cosine_similarity
    wanted = -(cosine(p[:, 0], z[:, 1].detach()) + cosine(p[:, 1], z[:, 0].detach())).mean() / 2
    forward = lower(typed_as(SimSiamLossLayer(), {"Projection": (2, 6)}), "Train").forward
    loss = forward((z, p), (), (), (), (), None)[0][0].mean()
    found = torch.autograd.grad(loss, (z, p), materialize_grads=True)
    assert_equal((loss, found[1]), (wanted, torch.autograd.grad(wanted, p)[0]))
    assert not found[0].any()


@pytest.mark.parametrize(
    "layer", [SimCLRLossLayer(), BarlowTwinsLossLayer(), VICRegLossLayer(), VICRegLossLayer(Form="TFSimilarity")], ids=repr
)
def test_views_without_variance(layer):
    x = batch(16)[0].unflatten(0, (8, 2))
    x[:, :, 0] = 0.3
    for views in (x, x * 0, x[:1], torch.ones_like(x)):
        assert all(value.isfinite().all() for value in ours(layer, views))
    half = ours(layer, x.half())
    assert half[0].dtype == torch.float32 and half[0].isfinite()
    torch.testing.assert_close(half[0].double(), ours(layer, x.half().double())[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["NegativeCosine", "CosineDistance", "Angle"])
def test_simsiam_on_equal_opposite_and_zero_vectors(form):
    z = torch.tensor([[[1.0, 0], [0, 2]], [[1, 0], [0, 1]], [[0, 0], [1, 1]]], dtype=torch.float64)
    p = torch.tensor([[[0.0, 1], [3, 0]], [[0, -1], [-1, 0]], [[1, 1], [0, 0]]], dtype=torch.float64, requires_grad=True)
    forward = lower(typed_as(SimSiamLossLayer(form), {"Projection": (2, 2)}), "Train").forward
    loss = forward((z, p), (), (), (), (), None)[0][0]
    at = {"NegativeCosine": (-1, 1), "CosineDistance": (0, 2), "Angle": (0, 1)}[form]
    assert loss[:2].tolist() == pytest.approx(at, abs=1e-12) and torch.autograd.grad(loss.sum(), p)[0].isfinite().all()


def test_simsiam_is_fed_by_name():
    source = np.random.default_rng(0)
    x = source.normal(size=(24, 2, 5)).astype(np.float32)
    parts = {"embed": NetMapOperator(NetChain([6, Tanh, 3])), "predict": NetMapOperator(NetChain([3, Tanh, 3]))}
    net = NetGraph(parts, ["embed -> predict -> Prediction", "embed -> Projection"], Input=(2, 5))
    options = {"MaxTrainingRounds": 20, "BatchSize": 8, "RandomSeeding": 2, "TrainingProgressReporting": None}
    result = net_train(net, {"Input": x}, All, LossFunction=SimSiamLossLayer(), **options)
    assert result["RoundLossList"][-1] < result["RoundLossList"][0]
