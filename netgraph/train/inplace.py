"""The fastest update outside a compiler: in place, on buffers that the run owns.

The formulas are those of `method.py`; the bits may differ from its pure form by rounding, since fused kernels contract differently.
"""

from collections.abc import Sequence
from typing import Any

import torch

from netgraph.train.method import ADAM, SGD, Coefficients, Method

# what torch.optim itself calls, under names that torch does not declare
_OPS: Any = torch


@torch.no_grad()
def update_(
    method: Method,
    arrays: Sequence[torch.Tensor],
    grads: Sequence[torch.Tensor],
    state: Sequence[torch.Tensor],
    count: int | Sequence[int],
    rate: float,
    multipliers: Sequence[float],
    coefficients: Coefficients | None = None,
) -> None:
    """Update number `count` (from 1; or one number an array) of `arrays` and `state`, in place; `grads` may be overwritten.

    >>> import torch
    >>> from netgraph.train.method import ADAM
    >>> w, state = [torch.ones(1, dtype=torch.float64)], [torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)]
    >>> update_(ADAM(), w, [torch.full((1,), 0.5, dtype=torch.float64)], state, 1, 0.001, [1.0])
    >>> round(w[0].item(), 10)
    0.9990006321
    """
    if not arrays:
        return
    fused = isinstance(method, ADAM) and all(a.device.type == "cpu" and a.is_floating_point() for a in arrays)
    if not fused and not isinstance(method, SGD):
        corrected = [rate * method.correction(n) for n in _each(count, len(arrays))]
        new, slots = method.apply(arrays, grads, state, rate, corrected, multipliers=multipliers, coefficients=coefficients)
        for old, value in zip((*arrays, *state), (*new, *slots), strict=True):
            old.copy_(value)
        return
    grads = method.prepared(arrays, grads, coefficients)
    if method.weight_decay:
        _OPS._foreach_mul_(list(arrays), [1 - rate * m * method.weight_decay for m in multipliers])
    if fused:
        _adam(method, arrays, grads, state, count, rate, multipliers)
    else:
        _sgd(method, arrays, grads, state, rate, multipliers)
    if coefficients is not None:
        for array, limit in zip(arrays, coefficients.weight_clipping, strict=True):
            if limit is not None:
                array.clamp_(-limit, limit)


def _each(count: int | Sequence[int], arrays: int) -> Sequence[int]:
    return [count] * arrays if isinstance(count, int) else count


def _alike(count: int | Sequence[int], multipliers: Sequence[float]) -> dict[tuple[float, int], Sequence[int]]:
    """The arrays by multiplier and number of their update: what one call can move."""
    if isinstance(count, int) and all(factor == multipliers[0] for factor in multipliers):
        return {(multipliers[0], count): range(len(multipliers))}
    found: dict[tuple[float, int], list[int]] = {}
    for place, kind in enumerate(zip(multipliers, _each(count, len(multipliers)), strict=True)):
        found.setdefault(kind, []).append(place)
    return dict(found)


def _adam(method, arrays, grads, state, count, rate, multipliers):
    n = len(arrays)
    for (factor, number), mine in _alike(count, multipliers).items():
        _OPS._fused_adam_(
            [arrays[i] for i in mine],
            [_like(grads[i], arrays[i]) for i in mine],
            [state[i] for i in mine],
            [state[n + i] for i in mine],
            [],
            [torch.tensor(float(number))] * len(mine),
            lr=rate * factor,
            beta1=method.beta1,
            beta2=method.beta2,
            weight_decay=0.0,
            # torch divides sqrt(v) by sqrt(1 - b2^t) before it adds epsilon; ours stands beside sqrt(v) itself, so it is divided alike
            eps=method.epsilon / (1 - method.beta2**number) ** 0.5,
            amsgrad=False,
            maximize=False,
        )


def _like(grad, array):
    # the kernel walks raw memory, so all four tensors must be laid out alike
    return grad if grad.stride() == array.stride() else torch.empty_like(array).copy_(grad)


def _sgd(method, arrays, grads, state, rate, multipliers):
    arrays, grads = list(arrays), list(grads)
    steps = grads if all(m == 1.0 for m in multipliers) else _OPS._foreach_mul(grads, list(multipliers))
    if not method.slots:
        _OPS._foreach_add_(arrays, steps, alpha=-rate)
        return
    moves = list(state)
    _OPS._foreach_mul_(moves, method.momentum)
    _OPS._foreach_add_(moves, steps, alpha=-rate)
    _OPS._foreach_add_(arrays, moves)
