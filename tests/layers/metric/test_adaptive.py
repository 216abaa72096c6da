"""Losses that adapt: the running histogram of triplets, and the walk on the manifold of a batch."""

import pytest
import torch
from pytorch_metric_learning import losses

from netgraph import *
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as
from tests.layers.metric.peers import batch, ours, theirs


def step(x, y, histogram, mode="Train"):
    forward = lower(typed_as(DynamicSoftMarginLossLayer(), {"Input": 6}), mode, wanted=[((), "Loss")]).forward
    (loss,), (state,) = forward((x, y), (), (histogram,), (), (), None)
    return loss.mean(), state


def test_the_running_histogram_is_that_of_the_package():
    other, state = losses.DynamicSoftMarginLoss(), torch.zeros(10, dtype=torch.float64)
    for seed in range(3):
        x, y = batch(16, seed=seed)
        loss, state = step(x, y, state)
        torch.testing.assert_close(loss, other(x, y), rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(state, other.hist_, rtol=1e-9, atol=1e-9)
    # in use it weighs and stays
    used, same = step(x, y, state, "Test")
    assert torch.equal(same, state) and torch.isfinite(used)


def test_weights_have_no_gradient():
    x, y = batch(10)
    x.requires_grad_()
    loss, state = step(x, y, torch.zeros(10, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(loss, x)
    unit = torch.nn.functional.normalize(x)
    d = torch.cdist(unit, unit)
    gaps = [d[a, p] - d[a, n] for a in range(10) for p in range(10) for n in range(10) if a != p and y[a] == y[p] and y[a] != y[n]]
    weights = state.cumsum(0)
    total = sum(weights[int((t.detach() + 2) / 0.4)] * t for t in gaps) / len(gaps)
    torch.testing.assert_close(gradient, torch.autograd.grad(total, x)[0], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("classes", [[0] * 5, list(range(5))])
def test_without_a_triplet_nothing_is_learned(classes):
    x, _ = batch(5)
    old = torch.full((10,), 0.1, dtype=torch.float64)
    loss, state = step(x, torch.tensor(classes), old)
    assert loss == 0 and torch.equal(state, old)


@pytest.mark.parametrize("weight", [0.0, 1.0, 0.3])
def test_the_manifold_is_that_of_the_package(weight):
    x, y = batch(12, classes=5)
    other = losses.ManifoldLoss(l=6, K=5, lambdaC=weight).double()
    layer = ManifoldLossLayer(5, ContextWeight=weight)
    mine = ours(layer, x, y, arrays=(other.proxies.detach(),))
    # the package inverts in float32
    for a, b in zip(mine, theirs(lambda x, y, mined: other(x, indices_tuple=y), x, y), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-4, atol=1e-6)
