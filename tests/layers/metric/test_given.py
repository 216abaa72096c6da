"""Losses on given pairs and triplets, against torch."""

import pytest
import torch

from netgraph import *
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as


def triplets(shape=(5, 3), seed=0):
    source = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=source, dtype=torch.float64).requires_grad_() for _ in range(3)]


def run(layer, members):
    forward = lower(typed_as(layer, {"Anchor": tuple(members[0].shape[1:])}), "Train").forward
    return forward(tuple(members), (), (), (), (), None)[0][0]


def cityblock(a, b):
    return (a - b).abs().sum(-1)


FUNCTIONS = [
    (Automatic, None),
    ("EuclideanDistance", lambda a, b: (a - b).norm(dim=-1)),
    (CosineDistance, lambda a, b: 1 - torch.cosine_similarity(a, b, dim=-1)),
    ("sql2", lambda a, b: (a - b).square().sum(-1)),
    (CosineSimilarity(), lambda a, b: -torch.cosine_similarity(a, b, dim=-1)),
    (cityblock, cityblock),
]


@pytest.mark.parametrize("ours, theirs", FUNCTIONS, ids=lambda value: getattr(value, "__name__", repr(value)))
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("margin", [1, 0.3])
def test_triplets_are_those_of_torch(ours, theirs, swap, margin):
    members = triplets()
    layer = TripletMarginLossLayer(margin, DistanceFunction=ours, Swap=swap, Reduction="none")
    expected = torch.nn.TripletMarginWithDistanceLoss(distance_function=theirs, margin=margin, swap=swap, reduction="none")(*members)
    found = run(layer, members)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    for a, b in zip(torch.autograd.grad(found.sum(), members), torch.autograd.grad(expected.sum(), members), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_reductions():
    members = triplets((4, 6, 3))
    torchs = {word: torch.nn.TripletMarginWithDistanceLoss(reduction=word)(*members) for word in ("mean", "sum", "none")}
    torch.testing.assert_close(run(TripletMarginLossLayer(Reduction="mean"), members).mean(), torchs["mean"])
    torch.testing.assert_close(run(TripletMarginLossLayer(Reduction="Sum"), members).sum(), torchs["sum"])
    torch.testing.assert_close(run(TripletMarginLossLayer(Reduction="None"), members), torchs["none"])
    positive = torchs["none"][torchs["none"] > 0]
    assert 0 < len(positive) < 24
    torch.testing.assert_close(run(TripletMarginLossLayer(Reduction="Active"), members).mean(), positive.mean())
    assert TripletMarginLossLayer(Reduction="mean") == TripletMarginLossLayer(Reduction="All") == TripletMarginLossLayer()


def test_the_1e6_of_torch_is_there():
    x = [[1.0, 2.0, 3.0]] * 3
    data = dict(zip(("Anchor", "Positive", "Negative"), x, strict=True))
    assert TripletMarginLossLayer()(data) == 1.0
    members = [torch.zeros(1, 4, dtype=torch.float64), torch.zeros(1, 4, dtype=torch.float64), torch.ones(1, 4, dtype=torch.float64) / 4]
    # the norms of 4 coordinates of 1e-6, and of 4 of 1e-6 - 1/4
    assert float(run(TripletMarginLossLayer(1), members)) == pytest.approx(1 + 2e-6 - (0.5 - 2e-6), abs=1e-12)


def test_squared_contrastive_through_a_coincident_pair():
    a = torch.tensor([[1.0, 2.0], [0.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
    b = torch.tensor([[1.0, 2.0], [0.6, 0.8], [0.0, 3.0]], dtype=torch.float64)
    graph = NetGraph(
        {"d": NetPairEmbeddingOperator([], Input=2), "loss": SquaredContrastiveLossLayer()}, ["Input -> d -> loss", "Target -> loss/Target"]
    )
    pairs = torch.stack((a, b), 1).requires_grad_()
    target = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    (loss,), _ = lower(graph, "Train").forward((pairs, target), (), (), (), (), None)
    torch.testing.assert_close(loss, torch.tensor([0, 0.5, 0.72], dtype=torch.float64))
    (gradient,) = torch.autograd.grad(loss.sum(), pairs)
    torch.testing.assert_close(gradient[:, 0], torch.tensor([[0, 0], [-0.6, -0.8], [0, 0]], dtype=torch.float64))


@pytest.mark.parametrize("target", [True, 1, 1.0])
def test_target_is_one_or_true_for_the_same(target):
    assert SquaredContrastiveLossLayer()({"Input": 0.5, "Target": target}) == 0.125
