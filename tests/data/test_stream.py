"""Streams: what a generator is told, the batches, the rounds, resuming, and what a wrong batch gets."""

import numpy as np
import pytest
import torch

from netgraph.data.forms import read_data
from netgraph.data.info import Info
from netgraph.data.sources import Called, Indexed
from netgraph.data.stream import Stream
from netgraph.errors import NetError, NetNameError, NetShapeError, NetTrainingError, NetTypeError, NetValueError
from netgraph.types.kinds import BOOLEAN, INTEGER, REAL, Integer
from netgraph.types.port_type import PortType

TYPES = {"Input": PortType(REAL, (2,)), "Target": PortType(Integer(3), ())}
X, Y = [[1.0, 2.0], [3.0, 4.0]], [0, 2]


def stream_of(data, types=TYPES, batch_size=2, seed=7, **options):
    return read_data(data, inputs=("Input",), outputs=("Target",)).bind(types, batch_size=batch_size, seed=seed, **options)


def message_of(error, action):
    with pytest.raises(NetError) as caught:
        action()
    assert type(caught.value) is error
    return str(caught.value)


# -- what a generator is told ---------------------------------------------------------------------------------------------------------


def test_info():
    info = Info(64, 2, 5, 7)
    assert info["BatchSize"] == info["batch_size"] == info.BatchSize == info.batch_size == info.get("BatchSize") == 64
    assert (info.round, info.absolute_batch, info.seed) == (2, 5, 7)
    assert list(info) == ["BatchSize", "Round", "AbsoluteBatch", "Seed", "Generator", "NumpyGenerator"]
    assert len(info) == 6 and "Round" in info and "round" in info and "Batch" not in info
    assert info.get("Batch", 3) == 3
    assert repr(info) == "Info(BatchSize=64, Round=2, AbsoluteBatch=5, Seed=7)"
    assert dict(info)["Generator"] is info.generator


def test_generators_are_functions_of_seed_and_batch():
    def drawn(batch, seed):
        info = Info(1, 1, batch, seed)
        return torch.rand(1, generator=info.Generator).item(), info.NumpyGenerator.random()

    state = torch.get_rng_state()
    assert drawn(1, 7) == drawn(1, 7)
    assert len({drawn(1, 7), drawn(2, 7), drawn(1, 8)}) == 3
    assert torch.equal(state, torch.get_rng_state())


def test_unknown_key():
    info = Info(1, 1, 1, 1)
    expected = 'a generator is told nothing named "BatchSise", did you mean "BatchSize"?'
    assert message_of(NetNameError, lambda: info["BatchSise"]) == expected
    with pytest.raises(AttributeError) as caught:
        _ = info.BatchSise
    assert str(caught.value) == expected


@pytest.mark.parametrize(("length", "rounds"), [(None, [1, 2, 3, 4, 5]), (5, [1, 1, 1, 2, 2]), (2, [1, 2, 3, 4, 5])])
def test_rounds_of_a_function(length, rounds):
    told = []

    def f(info):
        told.append((info.BatchSize, info.Round, info.AbsoluteBatch, info.Seed))
        return X, Y

    stream = stream_of(f if length is None else (f, {"RoundLength": length}))
    assert stream.batches_per_round == rounds.count(1)
    seen = []
    for _ in rounds:
        stream.next()
        seen.append(stream.round)
    assert seen == rounds
    assert told == [(2, round, batch + 1, 7) for batch, round in enumerate(rounds)]


# -- batches --------------------------------------------------------------------------------------------------------------------------

FORMS = [
    (X, Y),
    {"Input": X, "Target": Y},
    {"Input": np.array(X), "Target": np.array(Y)},
    {"Input": np.array(X, np.float32), "Target": np.array(Y, np.uint8)},
    {"Target": torch.tensor(Y), "Input": torch.tensor(X)},
    {"Input": np.asfortranarray(X), "Target": torch.tensor([0.0, 2.0])},
    {"Input": np.array(X)[::-1][::-1], "Target": tuple(Y)},
    list(zip(X, Y, strict=True)),
    [{"Input": x, "Target": y} for x, y in zip(X, Y, strict=True)],
    [torch.tensor(X), torch.tensor(Y)],
]


@pytest.mark.parametrize("raw", FORMS)
def test_batch_forms(raw):
    stream = stream_of(lambda info: raw)
    for number in (1, 2):
        batch = stream.next()
        assert batch.tensors["Input"].dtype is torch.float32 and batch.tensors["Target"].dtype is torch.int64
        assert batch.tensors["Input"].tolist() == X
        assert batch.tensors["Target"].tolist() == Y
        assert (batch.count, batch.lengths, batch.indices, stream.position) == (2, {}, None, number)


def test_float64_and_booleans():
    types = {"Input": PortType(None, (2,)), "Target": PortType(BOOLEAN, ())}
    for target in (np.array([True, False]), [True, False], np.array([1, 0])):
        batch = stream_of(lambda info, target=target: {"Input": np.array(X), "Target": target}, types, dtype=torch.float64).next()
        assert batch.tensors["Input"].dtype is torch.float64
        assert batch.tensors["Target"].tolist() == [True, False]


def test_varying():
    types = {"Input": PortType(INTEGER, ("Varying",)), "Target": PortType(REAL, ())}
    batch = stream_of(lambda info: ([[1], [2, 3]], [0, 1]), types).next()
    assert batch.tensors["Input"].tolist() == [[1, 0], [2, 3]]
    assert [n.tolist() for n in batch.lengths["Input"]] == [[1, 2]]


def test_another_length_than_asked_is_tolerated():
    assert stream_of(lambda info: (X * 3, Y * 3)).next().count == 6


def test_nothing_is_asked_for_early():
    calls = []

    def f(info):
        calls.append(info.AbsoluteBatch)
        return X, Y

    stream = stream_of(f)
    assert calls == []
    stream.next()
    assert calls == [1]


def test_the_first_batch_that_was_looked_at_is_kept():
    source = iter([(X, Y), (X[:1], Y[:1])])
    stream = read_data(source, inputs=("Input",), outputs=("Target",))
    for _ in range(2):
        assert stream.observed(batch_size=2, seed=7) == {"Input": PortType(REAL, (2,)), "Target": PortType(INTEGER, ())}
    stream.bind(TYPES, batch_size=2, seed=7)
    assert [stream.next().count, stream.next().count, stream.next()] == [2, 1, None]
    assert stream.position == 2


def test_a_function_is_asked_again_when_the_batch_size_changed():
    sizes = []

    def f(info):
        sizes.append(info.BatchSize)
        return X, Y

    stream = read_data(f, inputs=("Input",), outputs=("Target",))
    stream.observed(batch_size=1, seed=7)
    stream.bind(TYPES, batch_size=2, seed=7).next()
    assert sizes == [1, 2]


class Again:
    """Batches that can be iterated again."""

    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return iter([(X, Y)] * self.count)


class Sized(Again):
    def __len__(self):
        return self.count


def test_rounds_of_iterables():
    stream = stream_of(Sized(2))
    assert stream.batches_per_round == 2
    rounds = [(stream.next().count, stream.round)[1] for _ in range(5)]
    assert rounds == [1, 1, 2, 2, 3]
    assert stream_of(Again(2)).batches_per_round is None
    stream = stream_of((iter([(X, Y)] * 4), {"RoundLength": 4}))
    assert [(stream.next().count, stream.round)[1] for _ in range(4)] == [1, 1, 2, 2]
    assert stream.next() is None


def test_an_error_of_the_function_passes_through():
    def f(info):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        stream_of(f).next()


# -- wrong batches --------------------------------------------------------------------------------------------------------------------

CALL = "net_train: call 2 of the generator"
IS = ": a batch is a dict of columns, (inputs, outputs), a list of pairs or a list of dicts"
GOOD = {"Input": np.array(X), "Target": np.array(Y)}
WRONG = [
    (None, NetTypeError, f"{CALL} gave None{IS}"),
    (3, NetTypeError, f"{CALL} gave an int{IS}"),
    (np.zeros((2, 2)), NetTypeError, f"{CALL} gave an array of float64{IS}"),
    (
        iter([]),
        NetTypeError,
        f"{CALL} gave a list_iterator{IS}\n  try: give what the function returns, an iterator of batches, as the data",
    ),
    ({"Imput": X, "Target": Y}, NetNameError, f'{CALL}: no port takes the column "Imput", did you mean "Input"?'),
    ({"Input": X}, NetNameError, f'{CALL}: there is no column for the port "Target", the data has "Input"'),
    ({**GOOD, "Weight": Y}, NetNameError, f'{CALL}: no port takes the column "Weight", known: "Input", "Target"'),
    ({}, NetValueError, f"{CALL}: the data is empty, it has no column"),
    ([], NetValueError, f"{CALL}: the data is empty, it has no example"),
    ({"Input": np.zeros((0, 2)), "Target": np.zeros(0, int)}, NetValueError, f"{CALL}: the data is empty, it has no example"),
    ({**GOOD, "Target": np.array([1])}, NetValueError, f'{CALL}: column "Input" has 2 examples, column "Target" has 1 example'),
    (
        {**GOOD, "Input": np.zeros((2, 3))},
        NetShapeError,
        f'{CALL}: column "Input": the examples have shape (3,), the port wants (2,)',
    ),
    ({**GOOD, "Target": np.array([0, 3])}, NetValueError, f'{CALL}: column "Target": wants integers from 0 to 2, got 3 at [1]'),
    ({**GOOD, "Target": [0.5, 1]}, NetValueError, f'{CALL}: column "Target": wants whole numbers, got 0.5 at [0]'),
    (
        {**GOOD, "Input": [["a", 1], [1, 1]]},
        NetTypeError,
        f"{CALL}: column \"Input\": wants numbers or arrays of numbers, got the string 'a' at [0, 0]",
    ),
    ({**GOOD, "Input": np.zeros((2, 2), complex)}, NetTypeError, None),
]


@pytest.mark.parametrize(("wrong", "error", "message"), WRONG)
def test_wrong_batches(wrong, error, message):
    stream = stream_of(lambda info: GOOD if info.AbsoluteBatch == 1 else wrong)
    stream.next()
    message = message or f'{CALL}: column "Input": wants numbers or arrays of numbers, got an array of complex128'
    assert message_of(error, stream.next) == message


def test_wrong_batches_of_iterables_are_counted_too():
    assert message_of(NetTypeError, stream_of(iter([3])).next) == f"net_train: batch 1 of the iterator gave an int{IS}"
    assert message_of(NetTypeError, stream_of(dict.fromkeys([3]).keys()).next) == f"net_train: batch 1 of the iterable gave an int{IS}"


def test_stopped_before_the_first_batch():
    message = "net_train: the iterator of batches stopped before its first batch"
    assert message_of(NetValueError, stream_of(iter([])).next) == message
    assert message_of(NetValueError, stream_of(Again(0)).next) == message
    empty = read_data(iter([]), inputs=("Input",), outputs=("Target",))
    assert message_of(NetValueError, lambda: empty.observed(batch_size=2, seed=1)) == message


# -- resuming -------------------------------------------------------------------------------------------------------------------------


def drawn(info):
    return {"Input": info.NumpyGenerator.random((info.BatchSize, 2)), "Target": torch.randint(3, (2,), generator=info.Generator)}


def counted(count=10, offset=0):
    return [{"Input": np.full((2, 2), i + offset, np.float32), "Target": np.array(Y)} for i in range(count)]


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, i):
        return {"Input": np.full(2, i, np.float32), "Target": 0}


class Passes(Again):
    def __iter__(self):
        return iter(counted(self.count))


@pytest.mark.parametrize("make", [lambda: drawn, lambda: (drawn, {"RoundLength": 5}), lambda: iter(counted()), lambda: Passes(3), Rows])
@pytest.mark.parametrize("before", [0, 1, 4])
def test_resumed_batches_are_the_same(make, before):
    whole, first, second = (stream_of(make()) for _ in range(3))
    expected = [(whole.next().tensors, whole.round) for _ in range(8)]
    for _ in range(before):
        first.next()
    second.load_state_dict(first.state_dict())
    assert (second.position, second.round) == (first.position, first.round)
    for tensors, round in expected[before:]:
        batch = second.next()
        assert second.round == round
        assert all(torch.equal(batch.tensors[name], tensors[name]) for name in tensors)


class Loader:
    """An iterable that keeps its own position, as a StatefulDataLoader does."""

    def __init__(self):
        self.at = 0

    def __iter__(self):
        while self.at < 3:
            self.at += 1
            yield counted()[self.at]
        self.at = 0

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]


class Iterator:
    """An iterator that keeps its own position."""

    def __init__(self):
        self.at = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.at += 1
        return counted()[self.at]

    state_dict = Loader.state_dict
    load_state_dict = Loader.load_state_dict


@pytest.mark.parametrize("make", [Loader, Iterator])
def test_a_state_of_its_own_is_used(make):
    first, second = stream_of(make()), stream_of(make())
    for _ in range(2):
        first.next()
    state = first.state_dict()
    assert state["Source"] == {"at": 2}
    second.load_state_dict(state)
    for _ in range(3):
        a, b = first.next(), second.next()
        assert torch.equal(a.tensors["Input"], b.tensors["Input"])
        assert (first.round, first.position) == (second.round, second.position)


def test_resuming_is_refused_where_the_data_changed():
    first = stream_of(iter(counted()))
    first.next(), first.next()
    state = first.state_dict()
    assert message_of(NetTrainingError, lambda: stream_of(iter(counted(offset=1))).load_state_dict(state)) == (
        "net_train: cannot resume: batch 2 of the iterator is not what it was\n"
        "  try: an iterable that gives the same batches again, or one with state_dict and load_state_dict"
    )
    assert message_of(NetTrainingError, lambda: stream_of(iter(counted(1))).load_state_dict(state)) == (
        "net_train: cannot resume after batch 2: the data ended after batch 1"
    )
    assert message_of(NetTrainingError, lambda: first.load_state_dict(state)) == (
        "net_train: cannot resume from an iterator that has given 2 batches already"
    )


def test_resuming_is_refused_where_nothing_takes_the_state():
    first = stream_of(Loader())
    first.next()
    assert message_of(NetTrainingError, lambda: stream_of(iter(counted())).load_state_dict(first.state_dict())) == (
        "cannot resume: the data kept its own position, and what is given now has no load_state_dict"
    )


def test_only_a_data_set_read_by_index_can_be_split():
    with pytest.raises(NetTypeError) as caught:
        Stream(Called(lambda info: {}), inputs=("x",), outputs=()).split(0.5)
    assert str(caught.value) == "net_train: a share can be held back of data with examples; a stream of batches has none to choose from"
    left, held = Stream(Indexed([{"x": float(i)} for i in range(4)]), inputs=("x",), outputs=()).split([1, -1])
    for part, expected in ((left, [0, 2]), (held, [1, 3])):
        batch = part.bind({"x": PortType(REAL, ())}, batch_size=4, seed=1).next()
        assert sorted(batch.tensors["x"].tolist()) == expected


# -- lists of sequences ---------------------------------------------------------------------------------------------------------------

VARYING = {"Input": PortType(REAL, ("Varying", 2)), "Target": PortType(Integer(3), ())}


@pytest.mark.parametrize("form", [torch.tensor, np.array, list])
def test_sequences_are_padded_to_the_longest_of_their_batch(form):
    rows = [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]]
    batch = stream_of(lambda info: {"Input": [form(row) for row in rows], "Target": np.array([0, 2])}, VARYING).next()
    assert batch.tensors["Input"].tolist() == [[[1, 2], [0, 0]], [[3, 4], [5, 6]]] and batch.tensors["Target"].tolist() == [0, 2]
    assert [n.tolist() for n in batch.lengths["Input"]] == [[1, 2]] and batch.count == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([torch.ones(1, 2), torch.ones(2, 3)], 'column "Input": example 1 has shape (2, 3), the port wants (Varying, 2)'),
        ([torch.ones(1, 2)], 'column "Input" has 1 example, column "Target" has 2 examples'),
    ],
)
def test_wrong_sequences(given, message):
    stream = stream_of(lambda info: {"Input": given, "Target": torch.tensor([0, 2])}, VARYING)
    with pytest.raises(NetError) as caught:
        stream.next()
    assert message in str(caught.value)
