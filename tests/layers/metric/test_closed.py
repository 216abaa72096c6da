"""Losses that are closed forms: in one step or in several the same, and not to be differentiated twice."""

import pytest
import torch

from netgraph import *
from netgraph.layers.metric import blocks, frame
from netgraph.layers.metric.closed import ClosedForm, Composed
from netgraph.layers.metric.distance import Gram, Unit
from netgraph.layers.metric.frame import PairLoss
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as
from tests.layers.metric.peers import assert_equal, batch, ours

LAYERS = [
    SupConLossLayer(),
    SupConLossLayer(0.3, Distance="inner_product", Reduction="All"),
    NTXentLossLayer(),
    NTXentLossLayer(Distance="DotProductSimilarity", Weighted=True),
    MultiSimilarityLossLayer(),
    SupConLossLayer(TargetForm="Relation"),
    NTXentLossLayer(TargetForm="Relation"),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("padded", [False, True])
def test_a_batch_at_once_is_that_in_steps(layer, padded, monkeypatch):
    x, y = batch(12)
    x[3] = 0
    target = (y.unsqueeze(1) == y) * torch.rand(12, 12, dtype=x.dtype) if layer.TargetForm == "Relation" else y
    weight = (torch.arange(12, dtype=x.dtype),) if layer.Weighted else ()
    valid = torch.arange(12) < 10 if padded else None
    calls = []
    monkeypatch.setattr(Composed, "apply", lambda *args, apply=Composed.apply: calls.append(args) or apply(*args))
    found = ours(layer, x, target, *weight, valid=valid)
    assert len(calls) == 1
    monkeypatch.setattr(PairLoss, "at_once", lambda self, items: None)
    assert_equal(found, ours(layer, x, target, *weight, valid=valid), 1e-12)
    assert len(calls) == 1


def test_what_depends_on_values_goes_in_steps(monkeypatch):
    monkeypatch.setattr(Composed, "apply", None)
    x, y = batch(12)
    for layer in (
        SupConLossLayer(Miner=MultiSimilarityMiner(0.1)),
        SupConLossLayer(Distance=LpDistance()),
        TripletLossLayer(Distance="CosineSimilarity"),
    ):
        loss, _ = ours(layer, x, y)
        assert torch.isfinite(loss)


def test_steps_keep_nothing_after_the_backward_pass():
    x = batch(5)[0].requires_grad_()
    result = Composed.of(x, (Unit,), (Gram, 2.0))
    torch.testing.assert_close(result, 2 * torch.nn.functional.normalize(x) @ torch.nn.functional.normalize(x).mT)
    for _ in range(2):
        (gradient,) = torch.autograd.grad(result.sum(), x, retain_graph=True)
        assert result.grad_fn.saved == []
    (other,) = torch.autograd.grad(Gram.of(Unit.of(x), 2.0).sum(), x)
    torch.testing.assert_close(gradient, other)


@pytest.mark.parametrize("kept", [0, blocks.KEPT])
@pytest.mark.parametrize("layer", [SupConLossLayer(), SupConLossLayer(Distance=LpDistance()), TripletLossLayer()], ids=repr)
def test_a_second_derivative_is_refused(layer, kept, monkeypatch):
    monkeypatch.setattr(blocks, "KEPT", kept)
    monkeypatch.setattr(frame, "block_size", lambda count, depth: 3 if kept == 0 else count)
    x, y = batch(8)
    x.requires_grad_()
    forward = lower(typed_as(layer, {"Input": 6}), "Train", wanted=[((), "Loss")]).forward
    loss = forward((x, y), (), (), (), (), None)[0][0].mean()
    with pytest.raises(NetError) as caught:
        torch.autograd.grad(loss, x, create_graph=True)
    wanted = "A loss on a batch knows its gradient, not the derivative of that: create_graph=True does not apply"
    assert str(caught.value) == wanted


def test_every_closed_form_refuses_a_second_derivative():
    for form in ClosedForm.__subclasses__():
        assert form.backward.__wrapped__ is form.pull
