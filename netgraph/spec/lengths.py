"""The lengths of varying axes while a function is walked through: as sizes of a store, or as tensors; and the arrays that have them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from netgraph.types.sizes import Affine
from netgraph.types.store import Node as Size
from netgraph.types.store import Store, find


class NoRule(Exception):
    """A step that no rule covers where an axis varies; the text says which."""


class Solving:
    """Lengths as sizes of a store: what must agree is made one."""

    def __init__(self, store: Store, where: object):
        self.store, self.where = store, where
        self.sources: dict[Size, tuple[Size, Affine]] = {}
        self.least: dict[Size, int] = {}

    def need(self, length: Size, count: int) -> None:
        """Take down that a length is at least `count`, as a demand on the length that it comes from."""
        while length in self.sources:
            length, form = self.sources[length]
            count = -((form.add - count * form.divide) // form.multiply)
        self.least[length] = max(count, self.least.get(length, 0))

    def derive(self, length: Size, form: Affine) -> Size:
        size = self.store.size()
        self.sources[size] = (length, form)
        self.store.form(size, length, form, self.where, "a length")
        return size

    def agree(self, a: Size, b: Size) -> None:
        self.store.equate_sizes(a, b, self.where, "the length")

    def total(self, lengths: Sequence[Any], name: str) -> Size:
        """The length of several arrays in a row: numbers, and varying lengths that are all the same."""
        varying = [length for length in lengths if not isinstance(length, int)]
        if any(find(length) is not find(varying[0]) for length in varying[1:]):
            raise NoRule(f"{name} of sequences whose lengths are independent")
        return self.derive(varying[0], Affine(len(varying), sum(length for length in lengths if isinstance(length, int)), 1))

    def tensor(self, length: Size) -> Any:
        return torch.empty(2, dtype=torch.int64, device="meta")


class Running:
    """Lengths as tensors, one number an example."""

    def need(self, length: Any, count: int) -> None:
        """The data has been held against it."""

    def derive(self, length: Any, form: Affine) -> Any:
        scaled = length * form.multiply + form.add
        return (scaled if form.divide == 1 else torch.div(scaled, form.divide, rounding_mode="floor")).clamp_min(0)

    def agree(self, a: Any, b: Any) -> None:
        """Types have seen to it."""

    def total(self, lengths: Sequence[Any], name: str) -> Any:
        varying = [length for length in lengths if not isinstance(length, int)]
        found = sum(length for length in lengths if isinstance(length, int))
        for length in varying:
            found = length + found
        return found

    def tensor(self, length: Any) -> Any:
        return length


class Value(NamedTuple):
    """An array on its way: the tensor, the sizes of the axes of one example (a number, or a length), and whether it has a batch axis."""

    tensor: Any
    axes: tuple[Any, ...]
    whole: bool = True

    @property
    def rank(self) -> int:
        return len(self.axes)

    def varies(self, axis: int) -> bool:
        return not isinstance(self.axes[axis], int)

    @property
    def varying(self) -> tuple[int, ...]:
        return tuple(axis for axis in range(self.rank) if self.varies(axis))
