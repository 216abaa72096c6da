"""Losses in blocks of rows, kept or computed anew, are the losses of the whole matrix."""

import pytest
import torch

from netgraph import MarginLossLayer, MultipleNegativesRankingLossLayer
from netgraph.layers.metric import blocks, frame, views
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as
from tests.layers.metric.peers import assert_equal, batch, ours
from tests.layers.metric.test_edges import LAYERS, run


@pytest.mark.parametrize("kept", [0, 2**23], ids=["anew", "kept"])
@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_blocks_are_the_whole(layer, kept, monkeypatch):
    x, y = batch(11, classes=3)
    whole = run(layer, x, y)
    monkeypatch.setattr(frame, "block_size", lambda count, depth: 4)
    monkeypatch.setattr(blocks, "KEPT", kept)
    assert_equal(run(layer, x, y), whole, 1e-12)
    forward = lower(typed_as(layer, {"Input": 6}), "Test", wanted=[((), "Positive"), ((), "Negative")]).forward
    mined = forward((x, y), (), (), (), (), None)[0] if not layer.schema_of().arrays else ()
    monkeypatch.undo()
    again = forward((x, y), (), (), (), (), None)[0] if mined else ()
    assert all(map(torch.equal, mined, again))


@pytest.mark.parametrize("kept", [0, 2**23], ids=["anew", "kept"])
@pytest.mark.parametrize("distance", ["CosineSimilarity", "SNRDistance", "LpDistance"])
@pytest.mark.parametrize("symmetric", [False, True])
def test_blocks_of_anchors_are_the_whole(symmetric, distance, kept, monkeypatch):
    layer = MultipleNegativesRankingLossLayer(3, Symmetric=symmetric, Distance=distance)
    forward = lower(typed_as(layer, {"Anchor": 6}), "Train", wanted=[((), "Loss")]).forward

    def found():
        anchor, positive = (batch(11, seed=seed)[0].requires_grad_() for seed in (1, 2))
        loss = forward((anchor, positive), (), (), (), (), torch.arange(11) != 5)[0][0]
        return loss.detach(), *torch.autograd.grad(loss.mean(), (anchor, positive))

    whole = found()
    monkeypatch.setattr(views, "block_size", lambda count, depth: 4)
    monkeypatch.setattr(blocks, "KEPT", kept)
    assert_equal(found(), whole, 1e-12)


def test_shared_arrays_get_their_gradient(monkeypatch):
    layer = next(layer for layer in LAYERS if isinstance(layer, MarginLossLayer) and layer.Classes == 3)
    x, y = batch(11, classes=3)
    forward = lower(typed_as(layer, {"Input": 6}), "Train", wanted=[((), "Loss")]).forward
    found = []
    for kept in (2**23, 0):
        monkeypatch.setattr(blocks, "KEPT", kept)
        monkeypatch.setattr(frame, "block_size", lambda count, depth: 4)
        boundary = torch.full((3,), 1.2, dtype=torch.float64, requires_grad=True)
        loss = forward((x, y), (boundary,), (), (), (), None)[0][0].mean()
        found.append(torch.autograd.grad(loss, boundary)[0])
    assert found[0].any()
    torch.testing.assert_close(*found)


# dynamo's own, where it traces such a function inside a checkpoint
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_blocks_compile_whole(monkeypatch):
    monkeypatch.setattr(frame, "block_size", lambda count, depth: 4)
    monkeypatch.setattr(blocks, "KEPT", 0)
    layer = next(layer for layer in LAYERS if type(layer).__name__ == "SupConLossLayer")
    x, y = batch(10)
    forward = lower(typed_as(layer, {"Input": 6}), "Train", wanted=[((), "Loss")]).forward
    torch._dynamo.reset()
    compiled = torch.compile(forward, fullgraph=True, backend="aot_eager", dynamic=False)
    x.requires_grad_()
    loss = compiled((x, y), (), (), (), (), None)[0][0].mean()
    assert_equal((loss.detach(), torch.autograd.grad(loss, x)[0]), ours(layer, x.detach(), y))
