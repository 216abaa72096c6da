"""Columns, and the table made of them."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netgraph.data.columns import Columns
from netgraph.data.ragged import Ragged
from netgraph.data.table import Table
from netgraph.errors import NetError, NetNameError, NetShapeError, NetTypeError, NetValueError
from netgraph.types.kinds import BOOLEAN, INTEGER, REAL, Integer
from netgraph.types.port_type import PortType


def message_of(error, action):
    with pytest.raises(NetError) as caught:
        action()
    assert type(caught.value) is error
    return str(caught.value)


OBSERVED = [
    ([1.0, 2.0], PortType(REAL, ())),
    ([1, 2], PortType(INTEGER, ())),
    ([1, 2.5], PortType(REAL, ())),
    ([True, False], PortType(BOOLEAN, ())),
    (range(3), PortType(INTEGER, ())),
    (np.zeros((2, 3, 4), np.float16), PortType(REAL, (3, 4))),
    (torch.zeros(2, 3, dtype=torch.uint8), PortType(INTEGER, (3,))),
    ([[1, 2], [3, 4]], PortType(INTEGER, (2,))),
    ([[1], [2, 3.5]], PortType(REAL, ("Varying",))),
    ([[], [2, 3]], PortType(INTEGER, ("Varying",))),
    ([[], [[1.0, 2.0]]], PortType(REAL, ("Varying", 2))),
    ([np.zeros((2, 3)), np.zeros((2, 4))], PortType(REAL, (2, "Varying"))),
    ([torch.zeros(2, 3), torch.zeros(3, 3)], PortType(REAL, ("Varying", 3))),
    (np.array([1.5, 2.5], dtype=object), PortType(REAL, ())),
]


@pytest.mark.parametrize(("column", "expected"), OBSERVED)
def test_observed(column, expected):
    assert Columns({"x": column}).observed() == {"x": expected}


BAD_COLUMNS = [
    ({}, NetValueError, "net_train: the data is empty, it has no column"),
    ({"x": []}, NetValueError, "net_train: the data is empty, it has no example"),
    (
        {"x": [1, 2], "y": [1, 2], "z": [1]},
        NetValueError,
        'net_train: column "x" has 2 examples, column "z" has 1 example',
    ),
    (
        {"x": 3},
        NetTypeError,
        'net_train: column "x": a column is a list, an array or a tensor with one entry an example, got a single number',
    ),
    (
        {"x": np.array(3)},
        NetTypeError,
        'net_train: column "x": a column is a list, an array or a tensor with one entry an example, got a single number',
    ),
    (
        {"x": "abc"},
        NetTypeError,
        "net_train: column \"x\": a column is a list, an array or a tensor with one entry an example, got str 'abc'",
    ),
    (
        {"x": {1}},
        NetTypeError,
        'net_train: column "x": a column is a list, an array or a tensor with one entry an example, got set {1}',
    ),
]


@pytest.mark.parametrize(("columns", "error", "message"), BAD_COLUMNS)
def test_bad_columns(columns, error, message):
    assert message_of(error, lambda: Columns(columns)) == message


BAD_CONTENTS = [
    ([1, "b"], NetTypeError, "wants numbers or arrays of numbers, got the string 'b' at [1]"),
    ([[1], ["b"]], NetTypeError, "wants numbers or arrays of numbers, got the string 'b' at [1, 0]"),
    ([1, [2]], NetShapeError, "example 0 has shape (), example 1 has shape (1,)"),
    ([[], [1], [[2]]], NetShapeError, "example 1 has shape (1,), example 2 has shape (1, 1)"),
]


@pytest.mark.parametrize(("column", "error", "message"), BAD_CONTENTS)
def test_bad_contents(column, error, message):
    assert message_of(error, lambda: Columns({"x": column}).observed()) == f'net_train: column "x": {message}'


def test_ragged_within_an_example():
    bad = Columns({"x": [[[1, 2], [3]], [[1, 2], [3, 4]]]})
    assert message_of(NetShapeError, bad.observed) == 'net_train: column "x", example 0: the lists are ragged: [0] is 2 long, [1] is 1 long'


def test_table():
    data = Columns({"x": [[1, 2], [3, 4]], "y": [0, 1], "b": [True, False], "v": [[1.0], [2.0, 3.0]]})
    types = {
        "x": PortType(None, (2,)),
        "y": PortType(Integer(2), ()),
        "b": PortType(BOOLEAN, ()),
        "v": PortType(REAL, ("Varying",)),
    }
    table = data.table(types, dtype=torch.float64)
    assert (table.count, table.device) == (2, torch.device("cpu"))
    whole = table.batch(torch.tensor([0, 1]))
    assert {name: tensor.dtype for name, tensor in whole.tensors.items()} == {
        "x": torch.float64,
        "y": torch.int64,
        "b": torch.bool,
        "v": torch.float64,
    }
    assert whole.tensors["v"].tolist() == [[1, 0], [2, 3]]
    assert [n.tolist() for n in table.lengths["v"]] == [[1, 2]]
    assert set(table.lengths) == {"v"}
    assert all(tensor.is_contiguous() for tensor in whole.tensors.values())


def test_a_transposed_array_becomes_contiguous():
    table = Columns({"x": np.arange(6.0).reshape(2, 3).T}).table({"x": PortType(REAL, (2,))})
    assert table.tensors["x"].is_contiguous()
    assert table.tensors["x"].tolist() == [[0, 3], [1, 4], [2, 5]]


X2 = PortType(REAL, (2,))
BAD_TABLES = [
    ({"x": [[1, 2, 3]]}, {"x": X2}, NetShapeError, 'net_train: column "x": the examples have shape (3,), the port wants (2,)'),
    ({"x": [[1, 2], [1, 2, 3]]}, {"x": X2}, NetShapeError, 'net_train: column "x": example 1 has shape (3,), the port wants (2,)'),
    (
        {"x": [[1.0, 2.0], [3.0, math.nan]]},
        {"x": X2},
        NetValueError,
        'net_train: column "x": wants finite numbers, got NaN at [1, 1]',
    ),
    (
        {"x": [[1.0], [2.0, math.nan]]},
        {"x": PortType(REAL, ("Varying",))},
        NetValueError,
        'net_train: column "x", example 1: wants finite numbers, got NaN at [1]',
    ),
    (
        {"x": [0, 1, 5]},
        {"x": PortType(Integer(5), ())},
        NetValueError,
        'net_train: column "x": wants integers from 0 to 4, got 5 at [2]',
    ),
    (
        {"x": [0, 1, 2]},
        {"x": PortType(BOOLEAN, ())},
        NetValueError,
        'net_train: column "x": wants True and False (or 1 and 0), got 2 at [2]',
    ),
    (
        {"Imput": [1]},
        {"Input": PortType(REAL, ()), "Target": PortType(REAL, ())},
        NetNameError,
        'net_train: no port takes the column "Imput", did you mean "Input"?',
    ),
    (
        {"Input": [1]},
        {"Input": PortType(REAL, ()), "Target": PortType(REAL, ())},
        NetNameError,
        'net_train: there is no column for the port "Target", the data has "Input"',
    ),
]


@pytest.mark.parametrize(("columns", "types", "error", "message"), BAD_TABLES)
def test_bad_tables(columns, types, error, message):
    assert message_of(error, lambda: Columns(columns).table(types)) == message


def test_where_names_the_caller():
    assert message_of(NetValueError, lambda: Columns({}, "ValidationSet")) == "ValidationSet: the data is empty, it has no column"


# -- splitting ------------------------------------------------------------------------------------------------------------------------


@given(st.integers(2, 40), st.floats(0.01, 0.99), st.integers(0, 5))
def test_split_by_fraction(count, fraction, seed):
    data = Columns({"x": range(count), "l": [[i] * (1 + i % 2) for i in range(count)]})
    left, held = data.split(fraction, seed)
    rows = [columns.columns["x"].tolist() for columns in (left, held)]
    assert sorted(rows[0] + rows[1]) == list(range(count))
    assert all(part == sorted(part) and part for part in rows)
    assert [example[0] for example in held.columns["l"]] == rows[1]
    assert data.split(fraction, seed)[1].columns["x"].tolist() == rows[1]


def test_split_by_indices():
    data = Columns({"t": torch.arange(5), "a": np.arange(5)})
    left, held = data.split([-1, 0])
    assert held.columns["t"].tolist() == held.columns["a"].tolist() == [4, 0]
    assert left.columns["t"].tolist() == [1, 2, 3]


BAD_SPLITS = [
    (1.5, "net_train: a fraction held back is above 0 and below 1, got 1.5"),
    (0, "net_train: a fraction held back is above 0 and below 1, got 0"),
    ([3], "net_train: example 3 cannot be held back, there are 3"),
    ([-4], "net_train: example -4 cannot be held back, there are 3"),
    ([0, 1, 2], "net_train: of 3 examples, 3 cannot be held back: both parts need one"),
    ([], "net_train: of 3 examples, 0 cannot be held back: both parts need one"),
]


@pytest.mark.parametrize(("held", "message"), BAD_SPLITS)
def test_bad_splits(held, message):
    assert message_of(NetValueError, lambda: Columns({"x": [1, 2, 3]}).split(held)) == message


def test_one_example_cannot_be_split():
    message = message_of(NetValueError, lambda: Columns({"x": [1]}).split(0.5))
    assert message == "net_train: of 1 example, 0 cannot be held back: both parts need one"


# -- batches --------------------------------------------------------------------------------------------------------------------------


def table_of(count):
    x = torch.arange(count * 2.0).reshape(count, 2)
    return Table({"x": x, "y": torch.arange(count)}, {"x": (torch.arange(count) % 2 + 1,)})


@given(st.integers(1, 50), st.integers(1, 60))
def test_a_round_gives_every_example_once(count, batch_size):
    table = table_of(count)
    order = table.order(1234, 1)
    parts = order.split(batch_size)
    assert len(parts) == table.batches_per_round(batch_size)
    seen = torch.cat([table.batch(part).tensors["y"] for part in parts])
    assert torch.equal(seen, order)
    assert sorted(seen.tolist()) == list(range(count))


def test_order_is_a_function_of_seed_and_round():
    table = table_of(30)
    torch.rand(7)
    assert torch.equal(table.order(1, 2), table_of(30).order(1, 2))
    assert not torch.equal(table.order(1, 2), table.order(1, 3))
    assert not torch.equal(table.order(1, 2), table.order(2, 2))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.lists(st.integers(0, 29), min_size=1, max_size=8))
def test_sequences_are_kept_one_after_another_and_padded_by_the_batch(lengths, rows):
    rows = [row % len(lengths) for row in rows]
    sequences = [np.array([[i + 1.0, j] for j in range(n)]).reshape(n, 2) for i, n in enumerate(lengths)]
    table = Columns({"x": sequences}).table({"x": PortType(REAL, ("Varying", 2))})
    batch = table.batch(torch.tensor(rows))
    longest = max(1, *(lengths[row] for row in rows))
    assert batch.tensors["x"].shape == (len(rows), longest, 2) and batch.tensors["x"].is_contiguous()
    assert batch.lengths["x"][0].tolist() == [lengths[row] for row in rows]
    for found, row in zip(batch.tensors["x"], rows, strict=True):
        assert found[: lengths[row]].tolist() == sequences[row].tolist() and not found[lengths[row] :].any()
    held = table.tensors["x"]
    if isinstance(held, Ragged):
        assert held.values.numel() == 2 * (sum(lengths) + 1)  # and a row of zeros


def test_several_varying_axes_are_cut_to_the_batch():
    images = [torch.ones(n, m).tolist() for n, m in ((1, 2), (4, 1), (2, 3))]
    table = Columns({"x": images}).table({"x": PortType(REAL, ("Varying", "Varying"))})
    assert table.batch(torch.tensor([0, 2])).tensors["x"].shape == (2, 2, 3)
    assert [n.tolist() for n in table.batch(torch.tensor([1, 0])).lengths["x"]] == [[4, 1], [1, 2]]


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 3))
def test_batches_of_sequences_are_of_similar_length(count, batch_size, round):
    lengths = [(7 * i) % 40 + 1 for i in range(count)]
    table = Columns({"x": [[0.0] * n for n in lengths]}).table({"x": PortType(REAL, ("Varying",))})
    order = table.order(5, round, batch_size)
    assert sorted(order.tolist()) == list(range(count))
    assert torch.equal(order, table.order(5, round, batch_size))
    batches = [[lengths[row] for row in part] for part in order.split(batch_size)]
    whole = [part for part in batches if len(part) == batch_size]
    # fewer batches than a stretch holds: sorted, no two of them overlap
    ends = sorted((min(part), max(part)) for part in whole)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ends)) or len(whole) < 2


def test_the_batches_of_a_round_come_in_a_new_order():
    lengths = [i % 10 + 1 for i in range(100)]
    table = Columns({"x": [[0.0] * n for n in lengths]}).table({"x": PortType(REAL, ("Varying",))})
    first, second = (table.order(5, round, 10).split(10) for round in (1, 2))
    assert [lengths[part[0]] for part in first] != sorted(lengths[part[0]] for part in first)
    assert [part.tolist() for part in first] != [part.tolist() for part in second]


def test_batch_size_below_one():
    assert message_of(NetValueError, lambda: table_of(3).batches_per_round(0)) == "BatchSize is at least 1, got 0"
