"""A batch as losses on classes see it: its items, blocks of its pairs, and the masks that say which are positive and which negative."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from netgraph.layers.metric.closed import has_any
from netgraph.layers.metric.distance import Tensors


class Block(NamedTuple):
    """Some items of the batch, as rows, against all of them, as columns.

    `x` and `keys` are the embeddings, `rows` and `columns` what the metric prepared of them; the masks are rows x columns. `strength` is
    how much a positive pair counts, None for once; `others` are the negatives, None for all that are neither positive nor the item itself.
    """

    start: int
    x: Tensor
    keys: Tensor
    rows: Tensors
    columns: Tensors
    positive: Tensor
    others: Tensor | None
    strength: Tensor | None
    real: Tensor | None
    complete: bool = False
    """Whether every pair but that of an item with itself is in one of the masks."""
    triplets: Callable[[Tensor], Tensor] | None = None
    """Of a miner of triplets: the mask, rows x places x columns, of those it keeps among the positives at some places."""

    @property
    def negative(self) -> Tensor:
        """The mask of the negative pairs."""
        return rest(self.positive, self.start) if self.others is None else self.others

    @property
    def itself(self) -> Tensor:
        """The mask of the pair of each row with itself."""
        mask = torch.zeros_like(self.positive)
        mask.diagonal(self.start).fill_(True)
        return mask

    @property
    def has_both(self) -> Tensor:
        """The rows that have a positive and a negative."""
        return has_any(self.positive) & has_any(self.negative)


class Items(NamedTuple):
    """A batch as a coupled loss sees it: embeddings, classes or relation, which items are real, weights, and what a miner wants.

    The first `count` items, or all, are the batch; the others are remembered: the batch is compared with them, too. With `constant_keys`
    the gradient flows through the items that are compared, not through those they are compared with. Where `references` is a mask, the
    items in it are only compared with, and the others, the anchors, only with them.
    """

    x: Tensor
    target: Tensor
    valid: Tensor | None
    weight: Tensor | None = None
    draws: Tensor | None = None
    facts: Any = None
    count: int | None = None
    constant_keys: bool = False
    references: Tensor | None = None

    @property
    def own(self) -> slice:
        """The places of the batch itself."""
        return slice(self.count)

    @property
    def complete(self) -> bool:
        """Whether every pair but that of an item with itself is one of classes."""
        return self.valid is None and self.references is None and self.target.dim() == 1

    @property
    def anchors(self) -> Tensor | None:
        """The mask of the items of the batch that have a loss, None for all."""
        real = None if self.valid is None else self.valid[self.own]
        if self.references is None:
            return real
        anchors = ~self.references[self.own]
        return anchors if real is None else anchors & real

    def comparable(self, start: int, count: int) -> Tensor | None:
        """The mask of the pairs of some rows with all items that may be compared; None where all may."""
        columns, rows = self.valid, self.valid
        if self.references is not None:
            columns, rows = self.references, ~self.references
            if self.valid is not None:
                columns, rows = columns & self.valid, rows & self.valid
        return None if columns is None or rows is None else columns & rows[start : start + count].unsqueeze(1)

    def keys(self, prepared: Tensors) -> Tensors:
        """What is compared with, of what a metric prepared."""
        return tuple(t.detach() for t in prepared) if self.constant_keys else prepared


def pair_masks(items: Items, start: int, count: int) -> tuple[Tensor, Tensor, Any]:
    """(positive, negative, strength) of some rows against all items. Nothing is paired with itself or with a padded item."""
    positive, others, strength = related(items, start, count)
    return positive, rest(positive, start) if others is None else others, strength


def related(items: Items, start: int, count: int) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """`pair_masks`, with None for the negatives that are all but the positives and the item itself."""
    target, real, strength, negative = items.target, items.comparable(start, count), None, None
    rows = target if count == len(target) else target[start : start + count]
    if target.dim() == 1:
        positive = rows.unsqueeze(1) == target
    else:
        strength, positive, negative = rows, rows > 0, rows == 0
        negative.diagonal(start).fill_(False)
    positive.diagonal(start).fill_(False)
    if real is not None:
        negative = (rest(positive, start) if negative is None else negative) & real
        positive = positive & real
    return positive, negative, strength


def rest(positive: Tensor, start: int) -> Tensor:
    """The mask of the pairs that are not positive, but for those of an item with itself."""
    negative = ~positive
    negative.diagonal(start).fill_(False)
    return negative
