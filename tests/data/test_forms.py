"""Every form of data, and what is none."""

from collections import UserDict

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, StackDataset, Subset, TensorDataset

from netgraph.data.columns import Columns
from netgraph.data.forms import read_data
from netgraph.data.stream import Stream
from netgraph.errors import NetError, NetNameError, NetTypeError, NetValueError
from netgraph.types.kinds import INTEGER, REAL
from netgraph.types.port_type import PortType

ONE = {"inputs": ("Input",), "outputs": ("Output",)}
TWO = {"inputs": ("A", "B"), "outputs": ("Output",)}
REALS = {"Input": PortType(REAL, (2,)), "Output": PortType(REAL, ())}
X = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
Y = [0.5, 1.5, 2.5]


class Frame:
    """What is used of a pandas DataFrame."""

    iloc = None

    def __init__(self, columns):
        self.held = columns
        self.columns = list(columns)

    def __getitem__(self, name):
        held = self.held[name]

        class Series:
            def to_numpy(self):
                return held

        return Series()


class PolarsFrame:
    """What is used of a Polars DataFrame."""

    get_columns = None
    __init__, __getitem__ = Frame.__init__, Frame.__getitem__


class Table:
    """What is used of a Hugging Face table."""

    column_names = ["Input", "Output"]

    def __len__(self):
        return 3

    def __getitem__(self, rows):
        return {"Input": X[rows], "Output": Y[rows]}


class Formatted(Table):
    """A Hugging Face table, which gives Python objects until arrays are asked for."""

    def __init__(self, kind=None):
        self.format = {"type": kind}

    def with_format(self, kind):
        return Formatted(kind)

    def __getitem__(self, rows):
        assert self.format["type"] == "numpy"
        return {"Input": np.array(X[rows]), "Output": np.array(Y[rows])}


class Arrow(Table):
    """An Arrow table: its columns give arrays of arrays for lists."""

    def __getitem__(self, key):
        if isinstance(key, slice):
            return self
        nested = np.empty(3, dtype=object)
        nested[:] = [np.array(x) for x in X]
        return {"Input": nested, "Output": np.array(Y)}[key]


class Pairs(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return np.array(X[i]), Y[i]


class Dicts(Pairs):
    def __getitem__(self, i):
        return {"Input": torch.tensor(X[i]), "Output": Y[i]}


class Endless(IterableDataset):
    def __iter__(self):
        return iter(zip(X, Y, strict=True))


class Streamed:
    """What is used of a Hugging Face table that is streamed."""

    column_names = ["Input", "Output"]

    def __iter__(self):
        return iter([{"Input": x, "Output": y} for x, y in zip(X, Y, strict=True)])


COLUMNS = [
    {"Input": X, "Output": Y},
    {"Input": np.array(X), "Output": torch.tensor(Y)},
    UserDict({"Input": X, "Output": Y}),
    (X, Y),
    (np.array(X), np.array(Y)),
    list(zip(X, Y, strict=True)),
    [[x, y] for x, y in zip(X, Y, strict=True)],
    [{"Input": x, "Output": y} for x, y in zip(X, Y, strict=True)],
    [{"Output": y, "Input": np.array(x)} for x, y in zip(X, Y, strict=True)],
    Frame({"Input": np.array([*X, None], dtype=object)[:3], "Output": np.array(Y)}),
    PolarsFrame({"Input": np.array(X), "Output": np.array(Y)}),
    Table(),
    Formatted(),
    Formatted("numpy"),
    Arrow(),
    TensorDataset(torch.tensor(X), torch.tensor(Y)),
    Subset(TensorDataset(torch.tensor([[0.0, 0.0], *X]), torch.tensor([0.0, *Y])), range(1, 4)),
    Subset(StackDataset(Input=np.array([*X, *X]), Output=torch.tensor([*Y, *Y])), [0, 4, 2]),
    ConcatDataset([TensorDataset(torch.tensor(X[:1]), torch.tensor(Y[:1])), StackDataset(torch.tensor(X[1:]), np.array(Y[1:], "f"))]),
    ConcatDataset([StackDataset(Output=torch.tensor(Y[i:j]), Input=torch.tensor(X[i:j])) for i, j in ((0, 2), (2, 3))]),
]


@pytest.mark.parametrize("data", COLUMNS)
def test_columns(data):
    read = read_data(data, **ONE)
    assert isinstance(read, Columns)
    table = read.table(REALS)
    assert table.tensors["Input"].tolist() == X
    assert table.tensors["Output"].tolist() == Y


def test_a_list_of_lists_of_two_is_pairs_and_a_tuple_is_columns():
    assert read_data([[1, 2], [3, 4]], **ONE).table({"Input": PortType(REAL, ()), "Output": PortType(REAL, ())}).tensors[
        "Input"
    ].tolist() == [1, 3]
    assert read_data(([1, 2], [3, 4]), **ONE).table({"Input": PortType(REAL, ()), "Output": PortType(REAL, ())}).tensors[
        "Input"
    ].tolist() == [1, 2]


STREAMS = [
    lambda: lambda info: (X, Y),
    lambda: (lambda info: {"Input": X, "Output": Y}, {"RoundLength": 10}),
    lambda: iter([(X, Y)]),
    lambda: (iter([(X, Y)]), {"round_length": 10}),
    lambda: ((X, Y) for _ in range(1)),
    lambda: DataLoader(Pairs(), batch_size=3),
    lambda: DataLoader(Dicts(), batch_size=3),
    lambda: DataLoader(Dicts(), batch_size=None),
    lambda: DataLoader(Pairs(), batch_sampler=[[0, 1, 2]]),
    Endless,
    Streamed,
]


@pytest.mark.parametrize("make", STREAMS)
def test_streams(make):
    read = read_data(make(), **ONE)
    assert isinstance(read, Stream)
    batch = read.bind(REALS, batch_size=3, seed=1).next()
    assert batch.tensors["Input"].tolist() == X
    assert batch.tensors["Output"].tolist() == Y
    assert batch.indices is None


@pytest.mark.parametrize("data", [Pairs(), Dicts()])
def test_a_data_set_is_read_in_a_new_order_each_round(data):
    stream = read_data(data, **ONE).bind(REALS, batch_size=2, seed=1)
    assert stream.batches_per_round == 2
    rounds = {1: [], 2: [], 3: []}
    sizes = []
    for _ in range(6):
        batch = stream.next()
        sizes.append(batch.count)
        rounds[stream.round] += batch.tensors["Output"].tolist()
    assert sizes == [2, 1] * 3
    assert all(sorted(seen) == Y for seen in rounds.values())
    assert len({tuple(seen) for seen in rounds.values()}) > 1


ACCEPTED = """
  {"Input": [...], "Output": [...]}: columns by port: lists, arrays or tensors
  (inputs, outputs): two columns, for a net with one input and one output port
  [(input, output), ...]: a list of pairs, for such a net
  [{"Input": ..., "Output": ...}, ...]: a list of dicts
  f or (f, {"RoundLength": n}): a function f(info) that gives a batch in one of the forms above
  an iterable: of such batches
  a torch Dataset or DataLoader: with examples, or batches, in these forms
  a pandas or Polars DataFrame, an Arrow or Hugging Face table: columns by port
  a path or File(path): of an HDF5 or .safetensors file: columns by port, which stay on disk
  Sampled(data, sampler): data in any of the forms that have rows, with batches composed by class"""


class Unsized(Dataset):
    def __getitem__(self, i):
        return X[i], Y[i]


class Empty(Pairs):
    def __len__(self):
        return 0


PAIR_PORTS = 'need a net with one input and one output port, this one has the inputs "A", "B" and the output "Output"'
BAD = [
    ("MNIST", ONE, NetTypeError, "net_train: 'MNIST' is a name, and no data set comes with netgraph" + ACCEPTED),
    (3, ONE, NetTypeError, "net_train: the data is an int, which is no form of data" + ACCEPTED),
    (None, ONE, NetTypeError, "net_train: the data is None, which is no form of data" + ACCEPTED),
    (np.zeros((3, 2)), ONE, NetTypeError, "net_train: the data is an array of float64, which is no form of data" + ACCEPTED),
    (torch.zeros(3, 2), ONE, NetTypeError, "net_train: the data is a tensor of float32, which is no form of data" + ACCEPTED),
    ({1, 2}, ONE, NetTypeError, "net_train: the data is a set, which is no form of data" + ACCEPTED),
    ((X, Y, Y), ONE, NetTypeError, "net_train: the data is a tuple, which is no form of data" + ACCEPTED),
    ([1, 2], ONE, NetTypeError, "net_train: the data is a list, which is no form of data" + ACCEPTED),
    (dict, ONE, NetTypeError, "net_train: the data is the class dict, which is no form of data" + ACCEPTED),
    ([], ONE, NetValueError, "net_train: the data is empty, it has no example"),
    ({}, ONE, NetValueError, "net_train: the data is empty, it has no column"),
    (([], []), ONE, NetValueError, "net_train: the data is empty, it has no example"),
    (Empty(), ONE, NetValueError, "net_train: the data is empty, it has no example"),
    (Unsized(), ONE, NetTypeError, "net_train: Unsized has no length: a Dataset needs __len__ and __getitem__, or is an IterableDataset"),
    ((X, [1]), ONE, NetValueError, 'net_train: column "Input" has 3 examples, column "Output" has 1 example'),
    ((X, Y), TWO, NetTypeError, f'net_train: two columns {PAIR_PORTS}\n  try: {{"A": [...], "B": [...], "Output": [...]}}'),
    ([(1, 2)], TWO, NetTypeError, f'net_train: pairs {PAIR_PORTS}\n  try: {{"A": [...], "B": [...], "Output": [...]}}'),
    (
        [(1, 2)],
        {"inputs": ("A",), "outputs": ()},
        NetTypeError,
        'net_train: pairs need a net with one input and one output port, this one has the input "A" and no output\n  try: {"A": [...]}',
    ),
    ([(1, 2), (1, 2, 3)], ONE, NetTypeError, "net_train: example 1 is 3 long, example 0 is a pair (input, output)"),
    ([(1, 2), 5], ONE, NetTypeError, "net_train: example 1 is an int, example 0 is a pair (input, output)"),
    ([{"Input": 1}, 5], ONE, NetTypeError, "net_train: example 1 is an int, example 0 is a dict"),
    (
        [{"Input": 1, "Output": 2}, {"Input": 1}],
        ONE,
        NetNameError,
        'net_train: example 1 has the keys "Input", example 0 has "Input", "Output"',
    ),
    ([{"Input": 1}, {}], ONE, NetNameError, 'net_train: example 1 has the keys none, example 0 has "Input"'),
    ([{}], ONE, NetValueError, "net_train: the data is empty, it has no column"),
    (
        TensorDataset(torch.zeros(2)),
        ONE,
        NetTypeError,
        'net_train: a data set of 1 tensors has no names for them\n  try: {"Input": ..., "Output": ...}',
    ),
    (
        (print, {"RoundLength": 1.5}),
        ONE,
        NetTypeError,
        "net_train: RoundLength is how many examples a round has, a whole number, got 1.5",
    ),
    ((print, {"RoundLength": 0}), ONE, NetValueError, "net_train: RoundLength is at least 1, got 0"),
    (
        (print, {"RoundLenght": 5}),
        ONE,
        NetNameError,
        'net_train: a generator has no option "RoundLenght", did you mean "RoundLength"?',
    ),
]


@pytest.mark.parametrize(("data", "ports", "error", "message"), BAD)
def test_bad(data, ports, error, message):
    with pytest.raises(NetError) as caught:
        read_data(data, **ports)
    assert str(caught.value) == message
    assert type(caught.value) is error


def test_integer_columns_are_seen_as_integers():
    assert read_data([([1, 2], 3)], **ONE).observed() == {"Input": PortType(INTEGER, (2,)), "Output": PortType(INTEGER, ())}


def test_arrays_of_arrays_of_arrays():
    inner = np.empty(2, dtype=object)
    inner[:] = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    column = np.empty(3, dtype=object)
    column[:] = [inner, inner, inner]
    assert Columns({"x": column}).observed() == {"x": PortType(REAL, (2, 2))}


def test_a_loader_with_workers_gives_the_same_batches():
    alone, helped = (
        read_data(DataLoader(Pairs(), batch_size=2, num_workers=workers), **ONE).bind(REALS, batch_size=2, seed=1) for workers in (0, 2)
    )
    assert alone.batches_per_round == helped.batches_per_round == 2
    for _ in range(4):
        expected, found = alone.next(), helped.next()
        assert torch.equal(expected.tensors["Input"], found.tensors["Input"]) and alone.round == helped.round


class Doubled(TensorDataset):
    """A data set that makes its examples in its own way."""

    def __getitem__(self, i):
        return tuple(2 * part for part in super().__getitem__(i))


class Together(Pairs):
    """A data set that fetches the examples of a batch at once."""

    asked = []

    def __getitems__(self, rows):
        self.asked.append(rows)
        return [Pairs.__getitem__(self, i) for i in rows]


def test_data_sets_that_make_their_examples_are_asked_for_them():
    whole = Doubled(torch.tensor(X), torch.tensor(Y))
    for data in (whole, Subset(whole, [0, 1, 2]), StackDataset(Pairs(), Pairs()), ConcatDataset([Pairs(), Pairs()])):
        assert isinstance(read_data(data, **ONE), Stream)
    batch = read_data(whole, **ONE).bind(REALS, batch_size=3, seed=1).next()
    assert sorted(batch.tensors["Output"].tolist()) == [2 * y for y in Y]


def test_examples_of_a_batch_are_fetched_at_once():
    data = Together()
    stream = read_data(data, **ONE).bind(REALS, batch_size=2, seed=1)
    found = [stream.next().tensors["Output"].tolist() for _ in range(2)]
    assert [[Y[i] for i in rows] for rows in data.asked] == found
