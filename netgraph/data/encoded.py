"""Columns of raw objects at a port with an encoder: encoded at once where that fits, or when their batch is near, by several threads."""

import os
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any
from weakref import finalize

import numpy as np
import torch
from torch import Tensor

from netgraph.codecs.encoder import NetEncoder, listed, stacked
from netgraph.data.ragged import Ragged
from netgraph.data.table import Batch, Table
from netgraph.errors import NetError
from netgraph.run.convert import pad, varying_axes
from netgraph.spec.initial import generator
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType

HELD_BYTES = 2**30
"""What is encoded once and kept, if all of the column is not more; else objects are encoded anew in each round."""

AHEAD_BYTES = 2**28
"""How much of the batches to come may be ready, of those that were announced; the next one always."""

PIECE = 8
"""Objects that a thread encodes at a time: enough that handing them over costs nothing, few enough that all threads have work."""


def encoded(column: Any, encoder: NetEncoder, where: str) -> Any:
    """What an encoder makes of a column: arrays, or an `EncodedColumn` of what is read when it is needed. Encoded columns stay.

    Errors: those of the encoder, with the column and the example.
    """
    examples = column if hasattr(column, "__getitem__") and hasattr(column, "__len__") else listed(column)
    if isinstance(column, EncodedColumn) or examples is None or not len(examples) or not encoder.takes(examples[0]):
        return column
    if encoder.later(examples[0]) or _bytes(encoder, examples, where) > HELD_BYTES:
        return EncodedColumn(examples, encoder, where)
    return _all(encoder, examples, where)


def _bytes(encoder: NetEncoder, examples: Any, where: str) -> int:
    return np.asarray(_one(encoder, examples[0], where, 0)).nbytes * len(examples)


def _all(encoder: NetEncoder, examples: Any, where: str) -> Any:
    whole = listed(examples)
    try:
        return encoder(examples if whole is None else whole)
    except NetError:
        # each by itself, to say which one it was
        return stacked([_one(encoder, example, where, number) for number, example in enumerate(examples)])


def _one(encoder: NetEncoder, example: Any, where: str, number: int, source: np.random.Generator | None = None) -> Any:
    try:
        if not encoder.is_raw(example) and not encoder.is_encoded(example, batch=False):
            raise encoder.refusal(example)  # several objects are no example
        return encoder(example, source)
    except NetError as error:
        raise error.at(f"{where}, example {number}") from error.__cause__
    except Exception as error:  # of a user's function
        error.add_note(f"{where}, example {number}")
        raise


class EncodedColumn:
    """Raw objects and their encoder; `rows` selects some, in their order. Nothing is kept of what was encoded.

    >>> column = EncodedColumn([True, False], NetEncoder("Boolean"), "x")
    >>> len(column), column.row(1), len(column.take(np.array([0])))
    (2, 0, 1)
    """

    def __init__(self, examples: Any, encoder: NetEncoder, where: str, rows: np.ndarray | None = None):
        self.examples, self.encoder, self.where, self.rows = examples, encoder, where, rows
        found = encoder.port_type()
        self.type = PortType(found.kind or REAL, found.shape)

    def __len__(self) -> int:
        return len(self.examples) if self.rows is None else len(self.rows)

    def take(self, rows: np.ndarray) -> "EncodedColumn":
        """Some of the rows; nothing is encoded."""
        return EncodedColumn(self.examples, self.encoder, self.where, rows if self.rows is None else self.rows[rows])

    def row(self, number: int, source: np.random.Generator | None = None) -> Any:
        """One row, encoded. Errors: those of the encoder, with the column and the row."""
        place = number if self.rows is None else int(self.rows[number])
        return _one(self.encoder, self.examples[place], self.where, place, source)

    def read(self, start: int, stop: int, draw: Any = None) -> list[Tensor]:
        """The rows from `start` to before `stop`, encoded by several threads; with `draw`, a seed and a number, changed at random."""
        return [torch.as_tensor(np.asarray(row)) for row in _results(_submitted(self, range(start, stop), draw))]


class EncodedTable(Table):
    """A table some of whose columns are encoded when a batch is taken; batches that are announced are made ready meanwhile.

    `rest` are the other columns, if any. A row is changed at random only for training, as its encoder says: a function of the seed, the
    round and the row. Errors: those of the encoders; NetValueError for what does not fit the type of the port.
    """

    def __init__(
        self,
        columns: Mapping[str, EncodedColumn],
        types: Mapping[str, PortType],
        rest: Table | None,
        where: str,
        dtype: torch.dtype,
        device,
    ):
        self.columns, self.types, self.rest, self.where, self.dtype = dict(columns), types, rest, where, dtype
        self.count = len(next(iter(self.columns.values())))
        self.place = torch.device("cpu" if device is None else device)
        self.tensors = {} if rest is None else rest.tensors
        self.axes: dict[str, tuple[int, ...]] = {}
        self.lengths = {} if rest is None else rest.lengths
        self.waiting: deque[tuple[Any, dict[str, list[Future]]]] = deque()
        self.bytes = 0
        finalize(self, _drop, self.waiting)

    @property
    def device(self) -> torch.device:
        return self.place

    @property
    def names(self) -> tuple[str, ...]:
        return (*(() if self.rest is None else self.rest.names), *self.columns)

    @property
    def lengths_known(self) -> bool:
        return not any(varying_axes(self.types[name]) for name in self.columns)

    def column(self, name: str) -> Tensor | Ragged:
        if name not in self.columns:
            assert self.rest is not None
            return self.rest.column(name)
        return self._made(name, _results(_submitted(self.columns[name], range(self.count), None)))[0]

    def scattered(self):
        if self.rest is not None:
            self.rest.scattered()

    def _shuffled(self, source):
        return super()._shuffled(source) if self.rest is None else self.rest._shuffled(source)

    def expect(self, batches: Sequence[Tensor], draw: Any = None):
        known = [key for key, _ in self.waiting]
        for number, index in enumerate(batches):
            key = _key(index, draw)
            if key in known:
                continue
            if number and self.bytes * (len(self.waiting) + 1) > AHEAD_BYTES:
                return
            self.waiting.append((key, self._started(index, draw)))

    def give_up(self):
        _drop(self.waiting)

    def batch(self, index: Tensor, draw: Any = None) -> Batch:
        key = _key(index, draw)
        while self.waiting and self.waiting[0][0] != key and any(other == key for other, _ in self.waiting):
            _cancel(self.waiting.popleft()[1])
        if self.waiting and self.waiting[0][0] == key:
            started = self.waiting.popleft()[1]
        else:
            started = self._started(index, draw)
        tensors, lengths = {}, {}
        for name, futures in started.items():
            tensors[name], axes = self._made(name, _results(futures))
            if axes:
                lengths[name] = tuple(axes)
        self.bytes = max(self.bytes, sum(tensor.nbytes for tensor in tensors.values()))
        if self.rest is not None:
            beside = self.rest.batch(index, draw)
            tensors |= beside.tensors
            lengths |= beside.lengths
        return Batch(tensors, lengths, index)

    def _started(self, index: Tensor, draw: Any) -> dict[str, list[Future]]:
        return {name: _submitted(column, index.tolist(), draw) for name, column in self.columns.items()}

    def _made(self, name: str, rows: list[Any]) -> tuple[Tensor, list[Tensor]]:
        tensor, lengths = pad(stacked(rows), self.types[name], f'{self.where}: column "{name}"', self.dtype, finite=True)
        return tensor.to(self.place), [length.to(self.place) for length in lengths]


@cache
def _pool() -> ThreadPoolExecutor:
    """The threads that encode, one a core: what they do is mostly in libraries that let the others run meanwhile."""
    return ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="netgraph-encode")


if hasattr(os, "register_at_fork"):  # a process that was forked has none of the threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _submitted(column: EncodedColumn, rows: Sequence[int], draw: Any) -> list[Future]:
    """Some rows on their way, in pieces."""
    return [_pool().submit(_encode, column, rows[start : start + PIECE], draw) for start in range(0, len(rows), PIECE)]


def _results(futures: list[Future]) -> list[Any]:
    return [row for future in futures for row in future.result()]


def _cancel(started: dict[str, list[Future]]):
    for futures in started.values():
        for future in futures:
            future.cancel()


def _drop(waiting: deque):
    """Cancel what nobody will ask for any more."""
    while waiting:
        _cancel(waiting.popleft()[1])


def _key(index: Tensor, draw: Any) -> tuple:
    return (draw, *index.tolist())


def _encode(column: EncodedColumn, rows: Sequence[int], draw: Any) -> list[Any]:
    """Some rows; with `draw`, a seed and a round, encoders that augment do."""
    if draw is None or not column.encoder.random:
        return [column.row(row) for row in rows]
    seed, round = draw
    return [column.row(row, np.random.default_rng(generator(seed, "encode", round, row).initial_seed())) for row in rows]
