"""Data in memory, converted once: tensors by name with one row an example, and the batches taken from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netgraph.data.ragged import Ragged
from netgraph.errors import NetValueError
from netgraph.spec.initial import generator

STRETCH = 50
"""How many batches of sequences are sorted by length together: enough for little padding, few enough for chance."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some examples: tensors by port, lengths by port for varying ports (one tensor a varying axis), and which rows of the data they are.

    `indices` is None where the data has no rows to count, as a stream has none.
    """

    tensors: dict[str, Tensor]
    lengths: dict[str, tuple[Tensor, ...]]
    indices: Tensor | None = None

    @property
    def count(self) -> int:
        """How many examples there are."""
        return next(iter(self.tensors.values())).shape[0]


class Table:
    """Contiguous tensors of shape (examples, ...) by name, all on one device, and the lengths of varying columns.

    `lengths` has one tensor a varying axis of a column; `axes` says which axes of an example a padded column is to be cut along, a `Ragged`
    one is not padded. A batch of sequences is
    as long as its longest one, whatever else the table holds.

    >>> table = Table({"Input": torch.tensor([[1.0], [2.0], [3.0]])})
    >>> table.batch(torch.tensor([2, 0])).tensors["Input"].tolist()
    [[3.0], [1.0]]
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor | Ragged],
        lengths: dict[str, tuple[Tensor, ...]] | None = None,
        axes: dict[str, tuple[int, ...]] | None = None,
    ):
        self.tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
        self.lengths = lengths or {}
        self.axes = axes or {}
        self.count = next(iter(self.tensors.values())).shape[0]

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return next(iter(self.tensors.values())).device

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.tensors)

    def column(self, name: str) -> Tensor | Ragged:
        """All rows of a column."""
        return self.tensors[name]

    def order(self, seed, round: int, batch_size: int | None = None) -> Tensor:
        """The rows in the order of one round (from 1): a permutation that is a function of (seed, round) and the data alone.

        Where sequences differ in length and the batch size is given, those of a batch are of similar length: a shuffled order is cut into
        stretches of some batches, each sorted by length, and the batches are shuffled again. The short last batch stays last.
        """
        source = generator(seed, "order", round)
        order = self._shuffled(source)
        size = self._size_of_examples()
        whole = 0 if batch_size is None else self.count // batch_size
        if size is None or batch_size is None or whole < 2:
            return order
        mixed, rest = order[: whole * batch_size], order[whole * batch_size :]
        batches = []
        for stretch in mixed.split(STRETCH * batch_size):
            ordered = stretch[torch.sort(size[stretch], stable=True).indices]
            batches += ordered.split(batch_size)
        batches = [batches[i] for i in torch.randperm(whole, generator=source).tolist()]
        return torch.cat([*batches, rest])

    @property
    def lengths_known(self) -> bool:
        """Whether the lengths of all rows are known before they are read."""
        return True

    def expect(self, batches: Sequence[Tensor], draw: Any = None):
        """Told which batches will be asked for next, with what; where reading takes time, it begins now."""

    def give_up(self):
        """Told that none of the batches that were announced will be asked for; what has begun ends."""

    def scattered(self):
        """Told before batches are taken from all over the table, and not in the order of a round."""

    def _shuffled(self, source: torch.Generator) -> Tensor:
        return torch.randperm(self.count, generator=source)

    def _size_of_examples(self) -> Tensor | None:
        """How long each example is, all its varying axes together; None where all are alike."""
        lengths = [length for axes in self.lengths.values() for length in axes]
        if not lengths:
            return None
        total = torch.stack(lengths).sum(0).cpu()
        return None if bool((total == total[0]).all()) else total

    def batches_per_round(self, batch_size: int) -> int:
        """How many batches see every example once; the last may be shorter, and a batch is never larger than the data."""
        if batch_size < 1:
            raise NetValueError(f"BatchSize is at least 1, got {batch_size}")
        return -(-self.count // batch_size)

    def batches(self, seed, round: int, batch_size: int) -> Sequence[Tensor]:
        """The rows of each batch of one round (from 1)."""
        return self.order(seed, round, batch_size).split(batch_size)

    def in_order(self, batch_size: int) -> Sequence[Tensor]:
        """The rows of each batch where all examples are wanted once, as they stand."""
        return torch.arange(self.count).split(batch_size)

    def batch(self, index: Tensor, draw: Any = None) -> Batch:
        """The rows `index`, copied into new contiguous tensors. Rows outside the table are an error of torch.

        `draw`, a seed and a round, is there in training: rows that are changed at random then are a function of it.
        """
        place = index if index.device == self.device else index.to(self.device)
        tensors = {name: tensor.index_select(0, place) for name, tensor in self.tensors.items()}
        lengths = {name: tuple(n.index_select(0, place) for n in axes) for name, axes in self.lengths.items()}
        for name, axes in self.axes.items():
            for axis, length in zip(axes, lengths.get(name, ()), strict=False):
                tensors[name] = tensors[name].narrow(axis + 1, 0, max(1, int(length.max())))
            tensors[name] = tensors[name].contiguous()
        return Batch(tensors, lengths, index)
