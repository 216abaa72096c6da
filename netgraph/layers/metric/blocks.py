"""A computation on rows against all items, block by block, in memory that grows with one block.

Where the matrix is small, blocks are kept for the backward pass. Where it would be large, the forward pass keeps nothing and the backward
pass computes each block anew; results are written into tensors made beforehand, since small tensors made between large ones that come
and go would leave the allocator with holes that fit nothing.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from netgraph.layers.metric.closed import once
from netgraph.spec.whole import is_traced

BLOCK = 2**19
"""Elements of a block of rows: what fits a cache, so that many small operations on it are cheap."""

KEPT = 2**23
"""Elements of a matrix up to which the backward pass keeps what it needs; above, it computes each block anew."""

Tensors = tuple[Tensor, ...]
Run = Callable[[int, Tensors, Tensors, Tensors], Tensors]
"""(start, rows, all items, shared) -> results, one tensor over the rows each, or over the first axis of any other number."""


def block_size(count: int, depth: int) -> int:
    """How many rows of `count` columns a block has, where each pair needs `depth` numbers at once."""
    return max(1, min(count, max(64, BLOCK // count) // depth))


def over_blocks(run: Run, size: int, everything: Tensors, shared: Tensors, depth: int, count: int | None = None) -> list[Tensor]:
    """The results of all blocks, joined along the first axis. `everything` holds tensors with one row an item; the first `count` items, or
    all, are taken as rows."""
    columns = everything[0].shape[0]
    count = columns if count is None else count
    large = count * columns * depth > KEPT
    if count == columns <= size and not large:
        return list(run(0, everything, everything, shared))
    wanted = torch.is_grad_enabled() and any(t.requires_grad for t in (*everything, *shared))
    if count > size and not is_traced() and (large or not wanted):
        return list(_Recomputed.apply(run, (count, size), len(everything), *everything, *shared))
    pieces = []
    for start, *rows in zip(range(0, count, size), *(t[:count].split(size) for t in everything), strict=True):
        if large and wanted:
            pieces.append(checkpoint(run, start, tuple(rows), everything, shared, use_reentrant=False, preserve_rng_state=False))
        else:
            pieces.append(run(start, tuple(rows), everything, shared))
    return list(pieces[0]) if len(pieces) == 1 else [torch.cat(column) for column in zip(*pieces, strict=True)]


class _Recomputed(torch.autograd.Function):
    """All blocks of a computation, without their graphs."""

    @staticmethod
    def forward(ctx, run: Run, sizes: tuple[int, int], parts: int, *tensors: Tensor):
        everything, shared = tensors[:parts], tensors[parts:]
        results: list[Tensor] = []
        count, size = sizes
        starts = range(0, count, size)
        for number, start in enumerate(starts):
            rows = tuple(t[start : min(start + size, count)] for t in everything)
            found = run(start, rows, everything, shared)
            if not results:
                results = [_room(piece, len(rows[0]), count, len(starts)) for piece in found]
            for piece, result in zip(found, results, strict=True):
                place = slice(start, start + size) if len(result) == count else slice(number, number + 1)
                result[place] = piece
        ctx.save_for_backward(*tensors)
        ctx.run, ctx.sizes, ctx.parts = run, sizes, parts
        ctx.mark_non_differentiable(*(result for result in results if not result.is_floating_point()))
        return tuple(results)

    @staticmethod
    @once
    def backward(ctx, *gradients: Tensor):
        tensors: Sequence[Tensor] = ctx.saved_tensors
        everything = [t.detach().requires_grad_(t.is_floating_point()) for t in tensors[: ctx.parts]]
        shared = [t.detach().requires_grad_(t.is_floating_point()) for t in tensors[ctx.parts :]]
        totals = [torch.zeros_like(t) if t.requires_grad else None for t in (*everything, *shared)]
        count, size = ctx.sizes
        for number, start in enumerate(range(0, count, size)):
            here = slice(start, min(start + size, count))
            rows = [t.detach()[here].requires_grad_(t.requires_grad) for t in everything]
            with torch.enable_grad():
                found = ctx.run(start, tuple(rows), tuple(everything), tuple(shared))
            pairs = [
                (piece, gradient[here] if len(gradient) == count else gradient[number : number + 1])
                for piece, gradient in zip(found, gradients, strict=True)
                if piece.requires_grad
            ]
            if not pairs:
                continue
            leaves = [leaf for leaf in (*everything, *shared, *rows) if leaf.requires_grad]
            outputs, given = zip(*pairs, strict=True)
            slopes = iter(torch.autograd.grad(outputs, leaves, given, allow_unused=True))
            for leaf, total in zip((*everything, *shared), totals, strict=True):
                if leaf.requires_grad and total is not None and (slope := next(slopes)) is not None:
                    total += slope
            for row, total in zip(rows, totals[: ctx.parts], strict=True):
                if row.requires_grad and total is not None and (slope := next(slopes)) is not None:
                    total[here] += slope
        return None, None, None, *totals


def _room(piece: Tensor, rows: int, count: int, blocks: int) -> Tensor:
    """An empty tensor for the results of all blocks: a row an item, or one a block."""
    return piece.new_empty((count if len(piece) == rows else blocks, *piece.shape[1:]))
