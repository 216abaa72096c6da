"""Columns: data in memory, one column a port, before its ports are known."""

from collections.abc import Mapping, Sequence, Sized
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netgraph.codecs.encoder import NetEncoder
from netgraph.data.encoded import EncodedColumn, EncodedTable, encoded
from netgraph.data.labels import refuse_labels
from netgraph.data.on_disk import DiskColumn, DiskTable, kind_of, on_disk
from netgraph.data.ragged import Ragged
from netgraph.data.table import Table
from netgraph.errors import NetNameError, NetShapeError, NetTypeError, NetValueError, did_you_mean
from netgraph.run.convert import native, pad, pieces, varying_axes
from netgraph.run.sequences import joined
from netgraph.spec.initial import generator
from netgraph.types.port_type import PortType


class Columns:
    """Equally long columns by name: arrays, tensors, or lists with one entry an example. Memory-mapped arrays and the like stay on disk.

    `where` starts every message; `encoders` are those of columns of raw objects. Errors: NetTypeError for a column that is none,
    NetValueError without columns or examples or where two columns differ in length.

    >>> data = Columns({"Input": [[1.0, 2.0], [3.0, 4.0]], "Target": [True, False]})
    >>> data.names, data.count
    (('Input', 'Target'), 2)
    >>> data.observed()
    {'Input': PortType(real (2,)), 'Target': PortType(boolean)}
    """

    def __init__(self, columns: Mapping[str, object], where: str = "net_train", encoders: Mapping[str, NetEncoder] | None = None):
        self.where = where
        self.columns: dict[str, Any] = {}
        for name, column in columns.items():
            called, encoder = f'{where}: column "{name}"', (encoders or {}).get(str(name))
            self.columns[str(name)] = _column(column if encoder is None else encoded(_text(column), encoder, called), called)
        if not self.columns:
            raise NetValueError(f"{where}: the data is empty, it has no column")
        self.count = check_lengths(self.columns, where)
        if self.count == 0:
            raise NetValueError(f"{where}: the data is empty, it has no example")
        self._natives: dict[str, Tensor | list[Tensor]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the order they were given."""
        return tuple(self.columns)

    def observed(self) -> dict[str, PortType]:
        """What one example of each column is: its kind, and its shape with "Varying" where examples differ.

        Errors: NetTypeError for what is no number, NetShapeError where examples differ in rank.
        """
        stored = {name: column.type for name, column in self.columns.items() if isinstance(column, (DiskColumn, EncodedColumn))}
        return {name: stored[name] if name in stored else _observe(self.native(name)) for name in self.columns}

    def table(self, types: Mapping[str, PortType], *, dtype: torch.dtype = torch.float32, device=None) -> Table:
        """The columns as tensors of the ports' types, checked once and moved to `device`; those on disk are checked when they are read.

        Errors: NetNameError for a column without a port or a port without a column; NetShapeError where an example does not have the
        port's shape; NetValueError for NaN and Infinity and for integers out of range, with the row first in the position.

        >>> Columns({"x": [[1, 2]]}).table({"x": PortType(None, (3,))})
        Traceback (most recent call last):
        netgraph.errors.NetShapeError: net_train: column "x": the examples have shape (2,), the port wants (3,)
        """
        check_names(self.columns, types, self.where)
        later = {name: column for name in types if isinstance(column := self.columns[name], EncodedColumn)}
        if later:
            rest = {name: kind for name, kind in types.items() if name not in later}
            beside = Columns({name: self.columns[name] for name in rest}, self.where) if rest else None
            held = None if beside is None else beside.table(rest, dtype=dtype, device=device)
            return EncodedTable(later, types, held, self.where, dtype, device)
        stored = {name: column for name in types if isinstance(column := self.columns[name], DiskColumn)}
        tensors: dict[str, Tensor | Ragged] = {}
        lengths, places = {}, {}
        for name, type in types.items():
            if name in stored:
                continue
            where, axes = f'{self.where}: column "{name}"', varying_axes(type)
            found, told = _held(self.native(name), type, where, dtype)
            tensors[name] = found.to(device)
            if axes:
                lengths[name] = tuple(n.to(device) for n in told)
                places[name] = () if isinstance(found, Ragged) else axes
        held = Table(tensors, lengths, places) if tensors else None
        return held if held is not None and not stored else DiskTable(stored, types, held, self.where, dtype, device)

    def split(self, held: float | Sequence[int], seed: int | str = 1234) -> tuple["Columns", "Columns"]:
        """(what is left, what is held back): `held` is a fraction of the examples, drawn by `seed`, or which examples.

        Errors: NetValueError for a fraction outside 0 to 1, for an example that is not there, and where one side would be empty.

        >>> left, held = Columns({"x": [10, 11, 12, 13]}).split([1, -1])
        >>> left.columns["x"].tolist(), held.columns["x"].tolist()
        ([10, 12], [11, 13])
        """
        left, chosen = split_rows(self.count, held, seed, self.where)
        return self._take(left), self._take(chosen)

    def _take(self, rows: np.ndarray) -> "Columns":
        taken = {}
        for name, column in self.columns.items():
            if isinstance(column, (DiskColumn, EncodedColumn)):
                taken[name] = column.take(rows)
            else:
                taken[name] = [column[i] for i in rows] if isinstance(column, list) else column[rows]
        return Columns(taken, self.where)

    def native(self, name: str, draw: Any = None) -> Tensor | list[Tensor]:
        """The column as one tensor of its own dtype, or one an example where they differ in length; read and converted once.

        With `draw`, a seed and a number, encoders that change examples at random do, and nothing is kept.
        """
        column = self.columns[name]
        if draw is not None and isinstance(column, EncodedColumn) and column.encoder.random:
            return column.read(0, self.count, draw)
        if name not in self._natives:
            read = isinstance(column, (DiskColumn, EncodedColumn))
            self._natives[name] = column.read(0, self.count) if read else native_column(column, f'{self.where}: column "{name}"')
        return self._natives[name]


def _column(column: Any, where: str) -> np.ndarray | Tensor | DiskColumn | EncodedColumn | list:
    """A column as an array, a tensor, a list, or what stays on disk."""
    if isinstance(column, EncodedColumn):
        return column
    if isinstance(column, DiskColumn) or on_disk(column):
        return column if isinstance(column, DiskColumn) else DiskColumn(column)
    if isinstance(column, (list, tuple, range)):
        column = list(column)
        # numbers are kept as an array: a list of them takes eight times the memory
        if column and all(type(entry) in (float, int, bool) for entry in column):
            array = np.array(column)
            return column if array.dtype.kind == "O" else array
        return column
    if not isinstance(column, Tensor) and hasattr(column, "__array__") and not isinstance(column, type):
        column = np.asarray(column)
        column = _nested(column) if column.dtype.kind == "O" else column
    if isinstance(column, (Tensor, np.ndarray)):
        if column.ndim:
            return column
    elif hasattr(column, "__getitem__") and hasattr(column, "__len__") and not isinstance(column, (str, bytes, type, Mapping)):
        return [column[i] for i in range(len(column))]
    what = "a single number" if hasattr(column, "ndim") or isinstance(column, (int, float)) else f"{type(column).__name__} {column!r:.60}"
    raise NetTypeError(f"{where}: a column is a list, an array or a tensor with one entry an example, got {what}")


def _text(column: Any) -> Any:
    """The strings of a data set of HDF5 that holds text, which would give bytes; every other column as it is."""
    if not hasattr(column, "asstr") or getattr(column.dtype, "kind", "") not in "OS":
        return column
    try:
        return column.asstr()[()]
    except TypeError:  # arrays of different lengths
        return column


def _held(column: Tensor | list[Tensor], type: PortType, where: str, dtype: torch.dtype) -> tuple[Tensor | Ragged, list[Tensor]]:
    """A column as it is kept, and the lengths along its varying axes: sequences one after another, all else padded. Errors: of `pieces`."""
    together = joined(column, type, dtype, finite=True)
    if together is None:
        found, lengths = pieces(column, type, where, dtype, finite=True)
        together = joined(found, type, dtype)  # the examples may have had several dtypes
        if together is None:
            return found if isinstance(found, Tensor) else pad(found, type, where, dtype)[0], lengths
    return Ragged(*together), [together[1]]


def split_rows(count: int, held: float | Sequence[int], seed: int | str, where: str) -> tuple[np.ndarray, np.ndarray]:
    """(the rows that are left, those held back) of `count`; `held` and the errors are those of `Columns.split`."""
    if isinstance(held, (int, float)):
        if not 0 < held < 1:
            raise NetValueError(f"{where}: a fraction held back is above 0 and below 1, got {held!r}")
        number = min(max(round(held * count), 1), count - 1)
        chosen = torch.randperm(count, generator=generator(seed, "split"))[:number].sort().values.numpy()
    else:
        chosen = np.asarray(held, dtype=np.int64)
        wrong = chosen[(chosen < -count) | (chosen >= count)]
        if len(wrong):
            raise NetValueError(f"{where}: example {wrong[0]} cannot be held back, there are {count}")
        chosen = chosen % count
    left = np.setdiff1d(np.arange(count), chosen)
    if not len(left) or not len(chosen):
        raise NetValueError(f"{where}: of {_examples(count)}, {len(chosen)} cannot be held back: both parts need one")
    return left, chosen


def _nested(entry: Any) -> Any:
    """Arrays of arrays, which Arrow has for lists of lists, as lists of arrays."""
    if isinstance(entry, np.ndarray) and entry.dtype.kind == "O":
        return [_nested(part) for part in entry.tolist()]
    return entry


def native_column(column, where: str) -> Tensor | list[Tensor]:
    """One tensor of the dtype that the column has by itself, or, where examples differ in length, a list of them.

    Errors: NetTypeError for what is no number, NetShapeError where examples differ in rank or are ragged within.
    """
    if isinstance(column, Tensor):
        return column
    refuse_labels(column, where)
    try:
        return native(column, None, where)
    except NetShapeError:
        examples = [e if isinstance(e, Tensor) else native(e, None, f"{where}, example {i}") for i, e in enumerate(column)]
    full = next((i for i, example in enumerate(examples) if example.numel()), 0)
    for i, example in enumerate(examples):
        if example.ndim != examples[full].ndim and example.shape != (0,):
            first, other = (f"example {k} has shape {tuple(examples[k].shape)}" for k in sorted((full, i)))
            raise NetShapeError(f"{where}: {first}, {other}")
    return examples


def _observe(column: Tensor | list[Tensor]) -> PortType:
    if isinstance(column, Tensor):
        return PortType(kind_of(column.dtype), column.shape[1:])
    # an empty list says nothing about its kind and its inner axes
    kind = kind_of(reduce(torch.promote_types, {e.dtype for e in column if e.numel()} or {torch.float32}))
    shapes = {tuple(e.shape) for e in column if e.shape != (0,)} or {(0,)}
    rank = len(next(iter(shapes)))
    empty = any(example.shape == (0,) for example in column)
    sizes = [{shape[axis] for shape in shapes} | ({0} if empty and axis == 0 else set()) for axis in range(rank)]
    return PortType(kind, [next(iter(found)) if len(found) == 1 else "Varying" for found in sizes])


def check_lengths(columns: Mapping[str, Sized], where: str) -> int:
    """How many examples all columns have. Errors: NetValueError naming two that differ."""
    counts = {name: len(column) for name, column in columns.items()}
    first, count = next(iter(counts.items()))
    for name, other in counts.items():
        if other != count:
            raise NetValueError(f'{where}: column "{first}" has {_examples(count)}, column "{name}" has {_examples(other)}')
    return count


def _examples(count: int) -> str:
    return "1 example" if count == 1 else f"{count} examples"


def check_names(got: Mapping[str, object], wanted: Mapping[str, object], where: str):
    """Columns and ports are the same names. Errors: NetNameError naming what is too much or missing."""
    for name in got:
        if name not in wanted:
            raise NetNameError(f'{where}: no port takes the column "{name}", {did_you_mean(name, list(wanted))}')
    for name in wanted:
        if name not in got:
            raise NetNameError(f'{where}: there is no column for the port "{name}", the data has {listed(got)}')


def listed(names) -> str:
    """Names in quotes, with commas."""
    return ", ".join(f'"{name}"' for name in names)
