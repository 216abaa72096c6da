"""Losses on classes where the views of one example are a class: against pytorch-metric-learning, and trained through one net."""

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses

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
    assert_equal(ours(layer.replaced(fields={"TargetForm": "View"}), x), (value.detach(), gradient), 2e-9)


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
