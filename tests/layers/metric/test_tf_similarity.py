"""The forms of TF Similarity and sentence-transformers, against their formulas written out."""

import pytest
import torch
import torch.nn.functional as F

from netgraph import *
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as
from tests.layers.metric.peers import assert_equal, batch, ours


def unit_batch(items=12, classes=4, seed=0):
    x, y = batch(items, classes=classes, seed=seed)
    return F.normalize(x), y


def masks(y):
    same = y.unsqueeze(1) == y
    return same & ~torch.eye(len(y), dtype=torch.bool), ~same


def reference(function, x):
    x = x.clone().requires_grad_()
    value = function(x)
    return value.detach(), torch.autograd.grad(value, x)[0]


def cosine(x):
    unit = F.normalize(x)
    return (1 - unit @ unit.T).clamp_min(0)


@pytest.mark.parametrize("seed", range(3))
def test_multi_similarity(seed):
    x, y = unit_batch(seed=seed)
    positive, negative = masks(y)

    def formula(x, alpha=2, beta=40, epsilon=0.1, shift=0.5, center=1):
        d = cosine(x)
        nearest = d.masked_fill(~negative, torch.inf).amin(1, keepdim=True)
        farthest = d.masked_fill(~positive, -torch.inf).amax(1, keepdim=True)
        near, far = negative & (d < farthest + epsilon), positive & (d > nearest - epsilon)
        pull = torch.log1p((torch.exp(alpha * (d + shift - center)) * far).sum(1)) / alpha
        push = torch.log1p((torch.exp(-beta * (d + shift - center)) * near).sum(1)) / beta
        return ((pull + push) * (near.any(1) & far.any(1))).mean()

    layer = MultiSimilarityLossLayer(2, 40, Distance="cosine", Miner=MultiSimilarityMiner(0.1), NeedsBoth=True)
    assert_equal(ours(layer, x, y), reference(formula, x))


def test_circle():
    x, y = unit_batch()
    positive, negative = masks(y)

    def formula(x, gamma=80, m=0.4):
        d = cosine(x)
        pull = torch.log1p((torch.exp(gamma * (m + d).clamp_min(0) * (d - m)) * positive).sum(1))
        push = torch.log1p((torch.exp(gamma * (1 + m - d).clamp_min(0) * (1 - m - d)) * negative).sum(1))
        return ((pull + push) * (positive.any(1) & negative.any(1))).mean()

    assert_equal(ours(CircleLossLayer(Form="TFSimilarity", Reduction="All"), x, y), reference(formula, x))


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_soft_nearest_neighbours(temperature):
    x, y = batch(12, classes=8)
    positive, _ = masks(y)

    def formula(x):
        odds = torch.exp(-(x.unsqueeze(1) - x).square().sum(2) / temperature) * (1 - torch.eye(12, dtype=x.dtype))
        share = (odds * positive).sum(1) / odds.sum(1)
        return torch.where(positive.any(1), -torch.log(torch.where(positive.any(1), share, 1.0)), 0.0).mean()

    assert not positive.any(1).all()
    assert_equal(ours(SoftNearestNeighborLossLayer(temperature), x, y), reference(formula, x))


def test_triplets():
    x, _ = unit_batch()
    y = torch.arange(12) % 3

    def formula(x):
        d = cosine(x)
        positive, negative = masks(y)
        far = d.masked_fill(~positive, -torch.inf).amax(1)
        beyond = negative & (d > far.unsqueeze(1))
        near = torch.where(beyond.any(1), d.masked_fill(~beyond, torch.inf).amin(1), d.masked_fill(~negative, -torch.inf).amax(1))
        return (far - near + 1).clamp_min(0).mean()

    layer = TripletLossLayer(1, PositiveMining="Hard", NegativeMining="SemiHard", Distance="cosine", Reduction="All")
    assert_equal(ours(layer, x, y), reference(formula, x))


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("form", ["Paper", "TFSimilarity"])
def test_multiple_negatives(form, symmetric):
    a, p = batch(6, seed=1)[0], batch(6, seed=2)[0]
    distance = "ip" if form == "TFSimilarity" else "CosineSimilarity"
    layer = typed_as(MultipleNegativesRankingLossLayer(3, Symmetric=symmetric, Form=form, Distance=distance), {"Anchor": 6})
    found = lower(layer, "Train").forward((a, p), (), (), (), (), None)[0][0]
    s = 3 * (a @ p.T if form == "TFSimilarity" else F.normalize(a) @ F.normalize(p).T)
    sides = [s, s.T] if symmetric else [s]
    if form == "Paper":
        expected = sum(F.cross_entropy(side, torch.arange(6), reduction="none") for side in sides) / len(sides)
    else:
        expected = sum(-side.diagonal() + torch.log1p(side.exp().sum(1)) for side in sides) / len(sides)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
