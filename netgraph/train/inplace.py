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
    count: int,
    rate: float,
    multipliers: Sequence[float],
    coefficients: Coefficients | None = None,
) -> None:
    """Update number `count` (from 1) of `arrays` and `state`, in place; `grads` may be overwritten.

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
        new, slots = method.update(arrays, grads, state, count, rate, multipliers=multipliers, coefficients=coefficients)
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


def _adam(method, arrays, grads, state, count, rate, multipliers):
    n = len(arrays)
    # torch divides sqrt(v) by sqrt(1 - b2^t) before it adds epsilon; ours stands beside sqrt(v) itself, so it is divided alike
    epsilon = method.epsilon / (1 - method.beta2**count) ** 0.5
    steps = torch.tensor(float(count))
    for factor in dict.fromkeys(multipliers):
        mine = range(n) if all(m == factor for m in multipliers) else [i for i, m in enumerate(multipliers) if m == factor]
        _OPS._fused_adam_(
            [arrays[i] for i in mine],
            [_like(grads[i], arrays[i]) for i in mine],
            [state[i] for i in mine],
            [state[n + i] for i in mine],
            [],
            [steps] * len(mine),
            lr=rate * factor,
            beta1=method.beta1,
            beta2=method.beta2,
            weight_decay=0.0,
            eps=epsilon,
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
