"""A padded batch of sequences in a few parts of similar length, each padded to its own longest: fewer steps behind the ends are computed.

rows by length   |####      |        |####|
                 |######    |   ->   |######|
                 |#########_|        |#########_|
                 |##########|        |##########|
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch._C._functorch import peek_interpreter_stack as _peek
from torch.autograd import forward_ad
from torch.utils._python_dispatch import _get_current_dispatch_mode

COUNTS = (1, 2, 3, 4, 6, 8)
"""Into how many parts a batch may be cut."""

PART = 4e6
"""What a part costs beside its steps, in multiplications of one forward pass."""


class Part(NamedTuple):
    """Some rows of a batch, and how many steps they are cut to."""

    rows: Tensor
    steps: int


def parts_of(x: Tensor, length: Tensor, row: float, step: float) -> list[Part] | None:
    """How to cut a padded batch (examples x steps x ...) of these lengths; None where it had better stay whole.

    A step of a part costs `step`, and `row` for each of its rows, in multiplications of one forward pass; threads share the rows, each
    step begins and ends for all of them. A function of the lengths, which have to be on the host, and of the number of threads; None on
    other devices, and while operations are recorded or transformed.
    """
    if x.device.type != "cpu" or length.device.type != "cpu" or _recorded(x, length):
        return None
    ordered, order = torch.sort(length, stable=True)
    ends: list[int] = ordered.tolist()
    count, whole, row = len(ends), x.shape[1], row / torch.get_num_threads()
    best, least = 1, whole * (step + count * row) + PART
    for parts in COUNTS[1:]:
        places = _places(count, parts)
        cost = sum(max(1, ends[b - 1]) * (step + (b - a) * row) + PART for a, b in pairwise(places) if b > a)
        if cost < least:
            best, least = parts, cost
    if best == 1:
        return None
    places = _places(count, best)
    return [Part(order[a:b], max(1, ends[b - 1])) for a, b in pairwise(places) if b > a]


def _recorded(x: Tensor, length: Tensor) -> bool:
    """Whether somebody looks on who wants the same operations whatever the lengths are."""
    if type(length) is not Tensor or type(x) is not Tensor or torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return True
    transformed = _peek() is not None or forward_ad._current_level >= 0
    return transformed or _get_current_dispatch_mode() is not None


def _places(count: int, parts: int) -> list[int]:
    return [count * number // parts for number in range(parts + 1)]


def cut(x: Tensor, parts: Sequence[Part]) -> tuple[Tensor, ...]:
    """The parts of a batch, each of its rows and steps. What is cut off gets no gradient."""
    return _Cut.apply(x, parts)  # type: ignore[return-value]


def mended(pieces: Sequence[Tensor], parts: Sequence[Part], steps: int) -> Tensor:
    """The batch of the pieces of its parts, with zeros where none of them is."""
    return _Mended.apply(parts, steps, *pieces)  # type: ignore[return-value]


class _Cut(torch.autograd.Function):
    """`cut`, whose gradient is `mended`; torch's own would fill the whole batch once for each part, and add up."""

    @staticmethod
    def forward(ctx, x, parts):
        ctx.parts, ctx.steps = parts, x.shape[1]
        return tuple([x[:, : part.steps].index_select(0, part.rows) for part in parts])

    @staticmethod
    def backward(ctx, *grads):
        return mended(grads, ctx.parts, ctx.steps), None


class _Mended(torch.autograd.Function):
    """`mended`, whose gradient is `cut`."""

    @staticmethod
    def forward(ctx, parts, steps, *pieces):
        ctx.parts = parts
        whole = pieces[0].new_zeros((sum(len(part.rows) for part in parts), steps, *pieces[0].shape[2:]))
        for part, piece in zip(parts, pieces, strict=True):
            whole[:, : part.steps].index_copy_(0, part.rows, piece)
        return whole

    @staticmethod
    def backward(ctx, grad):
        return None, None, *cut(grad, ctx.parts)
