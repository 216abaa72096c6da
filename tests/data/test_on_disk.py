"""Columns on disk: what is read, in which order, and how much of it is in memory."""

import numpy as np
import pytest
import torch

from netgraph.data import on_disk as module
from netgraph.data.columns import Columns
from netgraph.data.on_disk import DiskColumn, DiskTable, on_disk
from netgraph.errors import NetShapeError, NetValueError
from netgraph.types.kinds import BOOLEAN, INTEGER, REAL, Integer
from netgraph.types.port_type import PortType

ROWS = 103
X = np.random.default_rng(3).normal(size=(ROWS, 4)).astype(np.float32)
TYPES = {"x": PortType(REAL, (4,)), "n": PortType(Integer(ROWS), ())}


class Chunked:
    """What is used of a data set of HDF5 or an array of Zarr; it counts what is read."""

    def __init__(self, array, chunk):
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim
        self.chunks = (chunk, *array.shape[1:])
        self.read = []

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        if rows.stop:
            self.read.append((rows.start, rows.stop))
        return self.array[rows]


@pytest.fixture
def small(monkeypatch):
    """Blocks of eight rows, four of which may be held and two mixed."""
    monkeypatch.setattr(module, "BLOCK_BYTES", 8 * 24)
    monkeypatch.setattr(module, "HELD_BYTES", 4 * 8 * 24)


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "n.npy", np.arange(ROWS))
    return {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("x", "n")}


def table_of(columns, types=TYPES):
    return Columns(columns).table(types)


def test_what_stays_on_disk(mapped):
    x = mapped["x"]
    assert on_disk(x) and on_disk(x[10:]) and on_disk(Chunked(X, 5))
    assert not on_disk(x + 1) and not on_disk(X) and not on_disk(torch.tensor(X)) and not on_disk([1.0])
    data = Columns({**mapped, "b": Chunked(X[:, 0] > 0, 5)})
    assert data.observed() == {"x": PortType(REAL, (4,)), "n": PortType(INTEGER, ()), "b": PortType(BOOLEAN, ())}
    assert isinstance(data.table({**TYPES, "b": PortType(BOOLEAN, ())}), DiskTable)


@pytest.mark.parametrize("index", [[5, 0, 102, 5], list(range(ROWS)), [50]])
def test_rows(mapped, small, index):
    batch = table_of(mapped).batch(torch.tensor(index))
    assert torch.equal(batch.tensors["x"], torch.tensor(X[index]))
    assert batch.tensors["n"].tolist() == batch.indices.tolist() == index
    assert batch.tensors["n"].dtype is torch.int64


@pytest.mark.parametrize("kind", ["<f8", ">f4", "<f2", "<i2", "|u1", "|b1"])
def test_kinds_of_numbers(kind):
    values = (np.abs(X) * 2).astype(kind)
    batch = table_of({"x": Chunked(values, 7), "n": np.arange(ROWS)}).batch(torch.tensor([3, 1]))
    assert torch.equal(batch.tensors["x"], torch.tensor(values[[3, 1]].astype(np.float32)))


def test_what_fits_into_memory_has_the_order_of_data_in_memory(mapped):
    in_memory = table_of({name: np.array(column) for name, column in mapped.items()})
    for round in (1, 2):
        assert torch.equal(table_of(mapped).order(7, round), in_memory.order(7, round))


def test_larger_data_is_shuffled_in_blocks(mapped, small):
    table = table_of(mapped)
    assert (table.blocks.size, table.blocks.count, table.blocks.mixed, table.blocks.capacity) == (8, 13, 2, 4)
    order = table.order(7, 1, 10)
    assert sorted(order.tolist()) == list(range(ROWS))
    assert torch.equal(order, table_of(mapped).order(7, 1, 10))
    assert not torch.equal(order, table.order(7, 2, 10)) and not torch.equal(order, table.order(8, 1, 10))
    assert len(set((order[:15] // 8).tolist())) == len(set((order[:8] // 8).tolist())) == 2, "two blocks first, their rows mixed"


def test_a_round_reads_each_block_once_and_holds_few(small):
    x = Chunked(X, 8)
    table = table_of({"x": x, "n": Chunked(np.arange(ROWS), 8)})
    x.read.clear()
    seen = torch.cat([table.batch(rows).tensors["n"] for rows in table.order(1, 1).split(5)])
    assert sorted(seen.tolist()) == list(range(ROWS))
    assert sorted(x.read) == [(start, min(start + 8, ROWS)) for start in range(0, ROWS, 8)]
    assert table.blocks.held["x"].shape == (32, 4)


def test_a_batch_of_more_blocks_than_are_held(small):
    table = table_of({"x": Chunked(X, 8), "n": Chunked(np.arange(ROWS), 8)})
    index = torch.arange(ROWS).flip(0)
    assert torch.equal(table.batch(index).tensors["n"], index)
    assert table.blocks.held["x"].shape == (32, 4)


def test_blocks_are_whole_chunks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 10 * 16)
    table = Columns({"x": Chunked(X, 7)}).table({"x": TYPES["x"]})
    assert table.blocks.size == 14


def test_columns_beside_those_on_disk(mapped, small):
    lists = [[float(i)] * (i % 3 + 1) for i in range(ROWS)]
    types = {**TYPES, "v": PortType(REAL, ("Varying",))}
    table = table_of({**mapped, "v": lists}, types)
    batch = table.batch(torch.tensor([2, 0, 60]))
    assert batch.tensors["v"].tolist() == [[2, 2, 2], [0, 0, 0], [60, 0, 0]]
    assert [n.tolist() for n in batch.lengths["v"]] == [[3, 1, 1]]
    assert batch.tensors["n"].tolist() == [2, 0, 60]
    assert (table.names, table.device, table.column("n").tolist()) == (("v", "x", "n"), torch.device("cpu"), list(range(ROWS)))


def test_a_varying_port_gets_the_lengths(mapped):
    table = table_of(mapped, {**TYPES, "x": PortType(REAL, ("Varying",))})
    assert [n.tolist() for n in table.batch(torch.tensor([2, 0])).lengths["x"]] == [[4, 4]]


@pytest.mark.parametrize("held", [0.1, 0.9, [5, -1, 0]])
def test_split(mapped, small, held):
    left, kept = Columns(mapped).split(held, 3)
    assert all(isinstance(column, DiskColumn) for part in (left, kept) for column in part.columns.values())
    rows = [part.table(TYPES).column("n").tolist() for part in (left, kept)]
    assert sorted(rows[0] + rows[1]) == list(range(ROWS))
    expected = Columns({"n": np.arange(ROWS)}).split(held, 3)[1].columns["n"].tolist()
    assert rows[1] == expected
    batch = kept.table(TYPES).batch(torch.tensor([1, 0]))
    assert torch.equal(batch.tensors["x"], torch.tensor(X[[expected[1], expected[0]]]))


def test_contents_are_checked_when_a_block_is_read(small):
    values = X.copy()
    values[20, 1] = np.nan
    table = table_of({"x": Chunked(values, 8), "n": Chunked(np.arange(ROWS), 8)})
    table.batch(torch.tensor([3, 40]))
    with pytest.raises(NetValueError) as caught:
        table.batch(torch.tensor([3, 17]))
    assert str(caught.value) == 'net_train: column "x", from example 16 on: wants finite numbers, got NaN at [4, 1]'
    with pytest.raises(NetValueError) as caught:
        table_of({"x": Chunked(X, 8), "n": Chunked(np.arange(ROWS) + 1, 8)}).batch(torch.tensor([100]))
    assert str(caught.value) == f'net_train: column "n", from example 96 on: wants integers from 0 to 102, got {ROWS} at [6]'


def test_the_shape_is_checked_at_once(mapped):
    with pytest.raises(NetShapeError) as caught:
        table_of(mapped, {**TYPES, "x": PortType(REAL, (3,))})
    assert str(caught.value) == 'net_train: column "x": the examples have shape (4,), the port wants (3,)'


def test_batches_from_all_over_read_single_rows(small):
    x = Chunked(X, 1)
    table = table_of({"x": x, "n": Chunked(np.arange(ROWS), 1)})
    table.scattered()
    x.read.clear()
    assert table.batch(torch.tensor([100, 3, 50])).tensors["n"].tolist() == [100, 3, 50]
    assert table.batch(torch.tensor([3, 7])).tensors["n"].tolist() == [3, 7]
    assert sorted(x.read) == [(3, 4), (7, 8), (50, 51), (100, 101)]
    assert table.blocks.held["x"].shape == (32, 4)


def test_batches_from_all_over_of_little_data_read_blocks(small):
    table = table_of({"x": Chunked(X[:30], 1), "n": Chunked(np.arange(30), 1)})
    table.scattered()
    assert (table.blocks.size, table.blocks.count) == (8, 4)
