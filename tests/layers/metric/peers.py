"""A coupled loss and a loss of a package on the same batch: the reduced value and its gradient."""

import torch

from netgraph.lower.forward import lower
from netgraph.spec.layer import Layer
from tests.layers.harness import typed_as


def batch(items: int, size: int = 6, classes: int = 4, seed: int = 0, dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Random embeddings and classes."""
    source = torch.Generator().manual_seed(seed)
    return torch.randn(items, size, generator=source, dtype=dtype), torch.randint(0, classes, (items,), generator=source)


def ours(layer: Layer, x: torch.Tensor, target: torch.Tensor, *rest: torch.Tensor, arrays=(), valid=None):
    """(reduced loss, gradient of the embeddings) of a layer."""
    lowered = lower(typed_as(layer, {"Input": x.shape[1]}), "Train", wanted=[((), "Loss")])
    x = x.detach().clone().requires_grad_()
    noise = tuple(torch.rand(len(x), generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(x.dtype) for _ in lowered.noise)
    loss = lowered.forward((x, target, *rest), tuple(arrays), (), noise, (), valid)[0][0].mean()
    (gradient,) = torch.autograd.grad(loss, x, materialize_grads=True)
    return loss.detach(), gradient


def theirs(loss, x: torch.Tensor, target: torch.Tensor, miner=None):
    """(loss, gradient of the embeddings) of a function (embeddings, classes, mined indices)."""
    x = x.detach().clone().requires_grad_()
    value = loss(x, target, None if miner is None else miner(x, target))
    (gradient,) = torch.autograd.grad(value, x, allow_unused=True, materialize_grads=True)
    return value.detach(), gradient


def assert_equal(a, b, tolerance: float = 1e-9) -> None:
    """That two pairs of value and gradient agree."""
    for mine, other in zip(a, b, strict=True):
        torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance)
