"""Hinges of triplets: looking at each and sorting give the same."""

import math

import pytest
import torch

from netgraph.layers.metric import triplet
from netgraph.layers.metric.triplet import Hinges


@pytest.mark.parametrize("window", [(-math.inf, math.inf), (0.0, 0.3), (-math.inf, 0.0), (0.3, math.inf)])
@pytest.mark.parametrize("classes", [2, 5, 12, 40])
def test_each_and_sorted(window, classes, monkeypatch):
    source = torch.Generator().manual_seed(classes)
    d = torch.rand(40, 40, generator=source, dtype=torch.float64)
    target = torch.arange(40) % classes
    same = target.unsqueeze(1) == target
    masks = (same & ~torch.eye(40, dtype=torch.bool), ~same)
    found = []
    for few in (0, 40):
        monkeypatch.setattr(triplet, "FEW", few)
        leaf = d.clone().requires_grad_()
        total, count, active = Hinges.of(leaf, *masks, 0.3, *window)
        found.append((total.detach(), count, active, *torch.autograd.grad((total * torch.arange(40)).sum(), leaf)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
    assert classes == 40 or found[0][1].sum() > 0
