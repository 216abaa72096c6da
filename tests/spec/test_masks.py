"""Zeros behind the ends of sequences."""

import pytest
import torch

from netgraph.spec.masks import valid_positions, zeros_behind


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("wrong", [1.0, float("nan"), float("-inf")])
@pytest.mark.parametrize("learns", [True, False])
def test_whatever_stood_there(dtype, wrong, learns):
    x = torch.randn(3, 4, 2, dtype=dtype)
    x[0, 0, 0] = -0.0
    inside = valid_positions(x, 1, torch.tensor([4, 1, 0]), 2)
    expected = torch.where(inside, x, 0.0)
    given = torch.where(inside, x, wrong).requires_grad_(learns)
    found = zeros_behind(given, inside)
    assert found.dtype is dtype and torch.equal(found, expected) and torch.equal(found.signbit(), expected.signbit())
    if learns:
        (gradient,) = torch.autograd.grad(found.sum(), [given])
        assert torch.equal(gradient, inside.expand_as(x).to(dtype))
