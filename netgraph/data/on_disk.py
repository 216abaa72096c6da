"""Columns that stay on disk: memory-mapped arrays, HDF5 data sets, mapped tensors. Their rows are read in blocks, never all at once.

A round is shuffled in blocks. Rows drawn one by one from anywhere cost a seek each, and from a compressed HDF5 file the unpacking of a
whole chunk each; so neighbouring rows are read together as a block, blocks come in random order, and the rows of as many blocks as may be
held are mixed. What fits into that is shuffled by rows, in the order of data in memory.
"""

from collections import OrderedDict
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netgraph.data.ragged import Ragged
from netgraph.data.table import Batch, Table
from netgraph.run.convert import native, pad, tensor_of
from netgraph.types.kinds import BOOLEAN, INTEGER, REAL, Kind
from netgraph.types.port_type import PortType

BLOCK_BYTES = 256 * 2**10
HELD_BYTES = 256 * 2**20
"""How much of the columns on disk may be in memory; half of it is mixed at a time, so that the next half can come."""

SPREAD = 4
"""Of rows that were selected, the stretch that holds them is read whole if it is at most so many times as long."""


def kind_of(dtype: torch.dtype) -> Kind:
    """What numbers of a kind of torch are to a port."""
    return BOOLEAN if dtype is torch.bool else REAL if dtype.is_floating_point else INTEGER


class DiskColumn:
    """An array on disk with one row an example: anything with `shape`, `dtype` and rows by slice. `rows` selects some, in their order.

    >>> column = DiskColumn(np.arange(6.0).reshape(3, 2))
    >>> len(column), column.read(1, 3).tolist(), len(column.take(np.array([2])))
    (3, [[2.0, 3.0], [4.0, 5.0]], 1)
    """

    def __init__(self, array: Any, rows: np.ndarray | None = None):
        self.array, self.rows = array, rows
        self.shape = (array.shape[0] if rows is None else len(rows), *array.shape[1:])
        sample = array[:0]
        self.dtype = sample.dtype if isinstance(sample, Tensor) else native(np.asarray(sample), None, "").dtype
        self.type = PortType(kind_of(self.dtype), self.shape[1:])
        self.row_bytes = prod(self.shape[1:]) * self.dtype.itemsize
        chunks = getattr(array, "chunks", None)
        first = chunks[0] if chunks else 1
        self.chunk: int = max(first) if isinstance(first, tuple) else first

    def __len__(self) -> int:
        return self.shape[0]

    def take(self, rows: np.ndarray) -> "DiskColumn":
        """Some of the rows; nothing is read."""
        return DiskColumn(self.array, rows if self.rows is None else self.rows[rows])

    def read(self, start: int, stop: int) -> Tensor:
        """The rows from `start` to before `stop`, in memory of their own."""
        if self.rows is None:
            return self._slice(start, stop)
        rows = self.rows[start:stop]
        if not len(rows):
            return self._slice(0, 0)
        first, last = int(rows.min()), int(rows.max()) + 1
        if last - first <= SPREAD * len(rows):
            return self._slice(first, last)[torch.from_numpy(rows - first)]
        return torch.cat([self._slice(row, row + 1) for row in rows.tolist()])

    def _slice(self, start: int, stop: int) -> Tensor:
        part = self.array[start:stop]
        return part.clone() if isinstance(part, Tensor) else native(np.array(part), None, "")


def on_disk(column: Any) -> bool:
    """Whether a column is a memory-mapped array, or an array of numbers in chunks, as of HDF5 and Zarr (by duck type)."""
    if isinstance(column, np.memmap):
        # what was computed from a map is one no longer, though NumPy keeps its class
        mapped = getattr(column, "_mmap", None) is not None
    else:
        mapped = hasattr(column, "chunks") and hasattr(column, "__getitem__")
    shape, dtype = getattr(column, "shape", ()), getattr(column, "dtype", None)
    return mapped and len(shape) > 0 and getattr(dtype, "kind", "") in ("f", "i", "u", "b")


class DiskTable(Table):
    """A table some of whose columns are on disk. Their rows are checked whenever a block is read.

    `memory` are the columns in memory, if any; `types` are those of the columns on disk.
    Errors: NetShapeError for rows that do not have the shape of their port; while reading, those of the contents, with the example that the
    block starts from.
    """

    def __init__(
        self, columns: Mapping[str, DiskColumn], types: Mapping[str, PortType], memory: Table | None, where: str, dtype: torch.dtype, device
    ):
        self.columns, self.types, self.memory, self.where, self.dtype = dict(columns), types, memory, where, dtype
        self.count = len(next(iter(self.columns.values())))
        self.place = torch.device("cpu" if device is None else device)
        self.tensors = {} if memory is None else memory.tensors
        self.axes: dict[str, tuple[int, ...]] = {}
        self.alike: dict[str, tuple[Tensor, ...]] = {}
        for name, column in self.columns.items():
            _, lengths = pad(column.read(0, 1), types[name], f'{where}: column "{name}"', dtype)
            if lengths:
                self.alike[name] = tuple(torch.full((self.count,), int(n), dtype=torch.int64, device=self.place) for n in lengths)
        self.lengths = self.alike | ({} if memory is None else memory.lengths)
        self.blocks = _Blocks(self.columns, self.count, self._check, BLOCK_BYTES)

    @property
    def device(self) -> torch.device:
        """Where batches are put."""
        return self.place

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.tensors, *self.columns)

    def column(self, name: str) -> Tensor | Ragged:
        if name in self.tensors:
            return self.tensors[name]
        return self._converted(name, self.columns[name].read(0, self.count))

    def scattered(self):
        if self.blocks.count > self.blocks.capacity:
            # neighbours of a row will hardly be asked for while they are held
            self.blocks = _Blocks(self.columns, self.count, self._check, 0)

    def _shuffled(self, source: torch.Generator) -> Tensor:
        blocks = self.blocks
        if blocks.count <= blocks.mixed:
            return super()._shuffled(source)
        order = []
        for some in torch.randperm(blocks.count, generator=source).split(blocks.mixed):
            rows = (some[:, None] * blocks.size + torch.arange(blocks.size)).flatten()
            rows = rows[rows < self.count]
            order.append(rows[torch.randperm(len(rows), generator=source)])
        return torch.cat(order)

    def _size_of_examples(self) -> Tensor | None:
        # sorted by length, the rows of a batch would lie all over the disk
        return None

    def batch(self, index: Tensor, draw: Any = None) -> Batch:
        tensors = {name: self._converted(name, rows) for name, rows in self.blocks.rows(index.cpu()).items()}
        lengths = {name: tuple(n.index_select(0, index.to(n.device)) for n in self.alike[name]) for name in self.alike}
        if self.memory is not None:
            beside = self.memory.batch(index, draw)
            tensors |= beside.tensors
            lengths |= beside.lengths
        return Batch(tensors, lengths, index)

    def _converted(self, name: str, rows: Tensor) -> Tensor:
        return tensor_of(rows, self.types[name].kind, f'{self.where}: column "{name}"', dtype=self.dtype).to(self.place)

    def _check(self, name: str, rows: Tensor, start: int):
        where = f'{self.where}: column "{name}", from example {start} on'
        tensor_of(rows, self.types[name].kind, where, dtype=self.dtype, finite=True)


class _Blocks:
    """The blocks that were used last, in memory: `size` rows each, `count` in all, of which `mixed` are shuffled together.

    A block has about `block_bytes`, and whole chunks.
    """

    def __init__(self, columns: Mapping[str, DiskColumn], rows: int, check, block_bytes: int):
        self.columns, self.total, self.check = columns, rows, check
        row_bytes = max(1, sum(column.row_bytes for column in columns.values()))
        chunk = max(column.chunk for column in columns.values())
        self.size = min(rows, -(-max(1, block_bytes // row_bytes) // chunk) * chunk)
        self.count = -(-rows // self.size)
        self.mixed = max(1, HELD_BYTES // 2 // (self.size * row_bytes))
        self.capacity = min(2 * self.mixed, self.count)
        self.slots = torch.full((self.count,), -1)
        self.used: OrderedDict[int, int] = OrderedDict()
        self.held: dict[str, Tensor] = {}

    def rows(self, index: Tensor) -> dict[str, Tensor]:
        """The rows, of every column."""
        blocks = index // self.size
        wanted = torch.unique(blocks).tolist()
        if len(wanted) > self.capacity:
            parts = [self.rows(part) for part in index.split(self.capacity)]
            return {name: torch.cat([part[name] for part in parts]) for name in self.columns}
        missing = [block for block in wanted if block not in self.used]
        for block in wanted:
            if block in self.used:
                self.used.move_to_end(block)
        for block in missing:
            self._bring(block)
        places = self.slots[blocks] * self.size + index % self.size
        return {name: tensor.index_select(0, places) for name, tensor in self.held.items()}

    def _bring(self, block: int):
        start = block * self.size
        stop = min(start + self.size, self.total)
        read = {name: column.read(start, stop) for name, column in self.columns.items()}
        for name, rows in read.items():
            self.check(name, rows, start)
        if not self.held:
            self.held = {name: rows.new_empty((self.capacity * self.size, *rows.shape[1:])) for name, rows in read.items()}
        if len(self.used) < self.capacity:
            slot = len(self.used)
        else:
            oldest, slot = self.used.popitem(last=False)
            self.slots[oldest] = -1
        for name, rows in read.items():
            self.held[name][slot * self.size : slot * self.size + len(rows)] = rows
        self.used[block], self.slots[block] = slot, slot
