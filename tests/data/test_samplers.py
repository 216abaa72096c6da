"""Samplers: what their batches are made of, and what each wrong use is told."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.data.forms import read_data
from netgraph.data.groups import Deck, Groups, Walk
from netgraph.data.sampled import SampledTable, TripletTable
from netgraph.data.samplers import Sampler
from netgraph.spec.initial import generator
from netgraph.spec.parameters import Count
from netgraph.types.kinds import INTEGER, REAL
from netgraph.types.port_type import PortType

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 6, 90)
CLASSES[:2] = 9, 9  # a class of two
X = np.arange(180, dtype=np.float32).reshape(90, 2)
ONE = {"inputs": ("Input",), "outputs": ("Output",)}
TRIPLET = {"inputs": ("Input",), "outputs": ("Anchor", "Positive", "Negative")}
TYPES = {"Input": PortType(REAL, (2,)), "Output": PortType(INTEGER, ())}
JOINED = {"Input": PortType(REAL, (3, 2))}


def table_of(given, ports=ONE, types=TYPES):
    return read_data(given, **ports).table(types)


def classes_of(rows):
    return CLASSES[rows.numpy()]


def test_m_per_class():
    table = table_of(Sampled((X, CLASSES), MPerClassSampler(4)))
    assert isinstance(table, SampledTable) and table.count == 90
    batches = table.batches(1234, 1, 12)
    assert len(batches) == table.batches_per_round(12) == 8
    for rows in batches:
        groups = classes_of(rows).reshape(3, 4)
        assert (groups == groups[:, :1]).all() and len(set(groups[:, 0])) == 3
        for own, name in zip(rows.reshape(3, 4), groups[:, 0], strict=True):
            assert len(set(own.tolist())) == min(4, (name == CLASSES).sum())
    again, other = table.batches(1234, 1, 12), table.batches(1234, 2, 12)
    assert all(torch.equal(a, b) for a, b in zip(batches, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(batches, other, strict=True))
    batch = table.batch(batches[0])
    assert np.array_equal(batch.tensors["Output"].numpy(), classes_of(batches[0]))
    assert np.array_equal(batch.tensors["Input"].numpy(), X[batches[0].numpy()])


def test_classes_and_examples_come_evenly():
    table = table_of(Sampled((X, CLASSES), MPerClassSampler(3), RoundLength=630))
    batches = table.batches(0, 1, 9)
    assert len(batches) == 70
    drawn = np.bincount(classes_of(torch.cat(list(batches))[::3]), minlength=10)
    assert drawn[[*range(6), 9]].tolist() == [30] * 7
    counts = np.bincount(torch.cat(list(batches)).numpy(), minlength=90)
    for name in range(6):
        own = counts[name == CLASSES]
        assert own.max() - own.min() <= 1


def test_hierarchical():
    supers = np.where(CLASSES == 9, 0, CLASSES % 3)
    table = table_of(Sampled((X, CLASSES), HierarchicalSampler(2), SuperClasses=supers))
    pairs = set()
    for rows in table.batches(7, 1, 8):
        names, above = classes_of(rows), supers[rows.numpy()]
        assert above[:4].min() == above[:4].max() != above[4:].max() == above[4:].min()
        assert len(set(names)) == 4 and all(list(names).count(name) == 2 for name in names)
        pairs.add(frozenset(above.tolist()))
    assert pairs == {frozenset(pair) for pair in ((0, 1), (0, 2), (1, 2))}


def test_super_classes_from_a_column_that_only_samples():
    data = {"Input": X, "Output": CLASSES, "Kind": CLASSES % 2}
    columns = read_data(Sampled(data, HierarchicalSampler(), SuperClasses="Kind"), **ONE)
    assert columns.names == ("Input", "Output")
    named = read_data(Sampled({"Input": X, "Output": CLASSES, "Breed": CLASSES.astype(str)}, MPerClassSampler(), Classes="Breed"), **ONE)
    assert named.names == ("Input", "Output") and named.classes.dtype.kind == "U"


@pytest.mark.parametrize("ports", [TRIPLET, {"inputs": TRIPLET["outputs"], "outputs": ("Loss",)}], ids=["stacked", "named"])
def test_fixed_triplets(ports):
    named = ports is not TRIPLET
    types = dict.fromkeys(TRIPLET["outputs"], TYPES["Input"]) if named else JOINED
    table = table_of(Sampled({"Input": X, "Target": CLASSES}, FixedTripletSampler(200)), ports, types)
    assert isinstance(table, TripletTable) and table.count == 200
    rounds = [torch.cat(list(table.batches(5, number, 32))).reshape(-1, 3) for number in (1, 2)]
    assert rounds[0].shape == (200, 3) and not torch.equal(*rounds)
    assert sorted(rounds[0].tolist()) == sorted(rounds[1].tolist())
    a, p, n = classes_of(rounds[0]).T
    assert (a == p).all() and (a != n).all() and (rounds[0][:, 0] != rounds[0][:, 1]).all()
    assert set(a) == set(n) == set(CLASSES)
    rows = table.batches(5, 1, 32)[0]
    tensors = table.batch(rows).tensors
    whole = torch.stack([tensors[name] for name in TRIPLET["outputs"]], 1) if named else tensors["Input"]
    assert np.array_equal(whole.numpy(), X[rows.reshape(-1, 3).numpy()])
    assert sum(len(part) for part in table.in_order(64)) == 600


def test_fixed_triplets_in_a_row_for_losses_on_classes():
    table = table_of(Sampled((X, CLASSES), FixedTripletSampler(50)))
    batches = table.batches(0, 1, 30)
    assert [len(rows) for rows in batches] == [30] * 5
    a, p, n = classes_of(torch.cat(list(batches)).reshape(-1, 3)).T
    assert (a == p).all() and (a != n).all()


def test_weights_of_triplets_are_those_of_the_anchors():
    data = Sampled({"Input": X, "Target": CLASSES, "Weight": np.arange(90.0)}, FixedTripletSampler(10))
    table = table_of(data, TRIPLET, {**JOINED, "Weight": PortType(REAL, ())})
    rows = table.batches(0, 1, 10)[0]
    assert table.batch(rows).tensors["Weight"].tolist() == rows[::3].tolist()


def test_hard_negatives_are_drawn_from_the_nearest():
    table = table_of(Sampled((X, CLASSES), HardNegativeSampler(2)))
    near = torch.full((90, 2), -1)
    for row in range(90):
        others = np.flatnonzero(CLASSES[row] != CLASSES)
        near[row, 0] = int(others[0])
        near[row, 1] = int(others[1]) if row % 2 else -1
    batches = table.batches(0, 1, 30, near=near)
    assert len(batches) == 3 and all(len(rows) == 30 for rows in batches)
    triplets = torch.cat(batches).reshape(-1, 3)
    assert len(set(triplets[:, 0].tolist())) == 30
    assert (classes_of(triplets[:, 0]) == classes_of(triplets[:, 1])).all() and (triplets[:, 0] != triplets[:, 1]).all()
    assert all(int(n) in near[a].tolist() and n >= 0 for a, _, n in triplets)


def test_a_share_held_back_keeps_its_classes():
    left, held = read_data(Sampled((X, CLASSES), MPerClassSampler(2)), **ONE).split(0.3)
    assert (left.count, held.count) == (63, 27) and type(held).__name__ == "Columns"
    assert np.array_equal(left.classes, left.columns["Output"])
    left, held = read_data(Sampled({"Input": X, "Target": CLASSES}, HardNegativeSampler()), **TRIPLET).split(0.3)
    assert (len(left.classes), len(held.classes)) == (63, 27)
    assert left.sampler == HardNegativeSampler() and held.sampler == FixedTripletSampler(27)
    assert np.array_equal(CLASSES[held.columns["Input"][:, 0].astype(int) // 2], held.classes)
    left, held = read_data(Sampled({"Input": X, "Target": CLASSES}, FixedTripletSampler(100)), **TRIPLET).split([1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert (left.sampler, held.sampler) == (FixedTripletSampler(90), FixedTripletSampler(10))


def test_sequences_are_padded_to_the_longest_of_a_batch():
    data = Sampled(([[1.0], [2.0, 3.0], [4.0], [5.0, 6.0, 7.0]], [0, 0, 1, 1]), MPerClassSampler(2))
    columns = read_data(data, **ONE)
    table = columns.table(columns.observed() | {"Input": PortType(REAL, ("Varying",))})
    batch = table.batch(table.batches(0, 1, 2)[0])
    assert batch.tensors["Input"].shape[1] == int(batch.lengths["Input"][0].max())


def test_decks_and_walks():
    source = generator(0)
    deck = Deck(torch.arange(5), source)
    drawn = [deck.draw(2).tolist() for _ in range(2)]
    third = deck.draw(2).tolist()
    assert {*drawn[0], *drawn[1], third[0]} == set(range(5)) and third[0] != third[1]
    assert sorted((*third[1:], *deck.draw(4).tolist())) == [0, 1, 2, 3, 4] and len(deck.draw(9)) == 5
    walk = Walk(Groups(np.array([0, 1, 0, 0])), source)
    first = walk.take(torch.tensor([0, 1]), 2).tolist()
    assert set(first[:2]) < {0, 2, 3} and first[2:] == [1, 1]
    assert walk.take(torch.tensor([0]), 1).item() not in first[:2]


WRONG = [
    (lambda: Sampled((X, CLASSES), 4), NetTypeError,
     "Sampled: the sampler wants one of FixedTripletSampler, HardNegativeSampler, HierarchicalSampler, MPerClassSampler, got 4\n"
     "  try: MPerClassSampler(4)"),
    (lambda: MPerClassSampler(0), NetValueError, "MPerClassSampler: PerClass wants a whole number from 1, got 0"),
    (lambda: Sampled((X, CLASSES), MPerClassSampler(), RoundLength=0), NetValueError,
     "Sampled: RoundLength is a whole number of examples from 1, got 0"),
    (lambda: Sampled((X, CLASSES), FixedTripletSampler(9), RoundLength=5), NetValueError,
     "Sampled: RoundLength says nothing here, a round has all triplets once\n  try: FixedTripletSampler(9)"),
    (lambda: Sampled((X, CLASSES), MPerClassSampler(), Triplets=True), NetValueError,
     "Sampled: Triplets is True or False, for a sampler of triplets, got True with MPerClassSampler()"),
    (lambda: Sampled((X, CLASSES), HierarchicalSampler()), NetTypeError,
     'Sampled: HierarchicalSampler() wants SuperClasses\n  try: SuperClasses="..."'),
    (lambda: Sampled((X, CLASSES), MPerClassSampler(), SuperClasses="Kind"), NetTypeError,
     "Sampled: MPerClassSampler() has no use for SuperClasses\n  try: HierarchicalSampler()"),
    (lambda: table_of(Sampled(lambda info: 0, MPerClassSampler())), NetTypeError,
     "net_train: Sampled wants data with rows to choose from, this is a stream of batches"),
    (lambda: table_of(Sampled({"Input": X}, MPerClassSampler())), NetTypeError,
     'net_train: MPerClassSampler() wants to know the classes, and there is no column but "Input"\n  try: Sampled(..., Classes="...")'),
    (lambda: table_of(Sampled({"Input": X, "a": CLASSES, "b": CLASSES}, MPerClassSampler())), NetTypeError,
     'net_train: MPerClassSampler() wants to know the classes, and "a", "b" are no inputs\n  try: Sampled(..., Classes="...")'),
    (lambda: table_of(Sampled((X, CLASSES), MPerClassSampler(), Classes="Outptu")), NetNameError,
     'net_train: Classes: there is no column "Outptu", did you mean "Output"?'),
    (lambda: table_of(Sampled((X, X), MPerClassSampler())), NetTypeError,
     "net_train: Classes: one class an example is wanted, got an array of float32 of shape (90, 2) and type float32"),
    (lambda: table_of(Sampled((X, CLASSES), MPerClassSampler(), Classes=[0, 1])), NetValueError,
     "net_train: Classes: there are 2 classes for 90 examples"),
    (lambda: table_of(Sampled((X, CLASSES * 0 + 3), MPerClassSampler())), NetValueError,
     "net_train: MPerClassSampler() samples by class, and all examples are of class 3"),
    (lambda: table_of(Sampled((X, np.arange(90)), FixedTripletSampler(5))), NetValueError,
     "net_train: FixedTripletSampler(5) wants an anchor and a positive of one class, and every class has one example"),
    (lambda: table_of(Sampled((X, CLASSES), HierarchicalSampler(2, 3), SuperClasses=CLASSES % 2)), NetValueError,
     "net_train: HierarchicalSampler(2, 3) wants 3 super classes in a batch, the data has 2"),
    (lambda: table_of(Sampled((X, CLASSES), HardNegativeSampler())).batches(0, 1, 9), NetTypeError,
     "net_train: HardNegativeSampler() follows the net that is trained: it gives training data alone"),
    (lambda: table_of(Sampled({"Input": X, "Target": CLASSES}, HardNegativeSampler()), TRIPLET, JOINED).in_order(9), NetTypeError,
     "net_train: HardNegativeSampler() follows the net that is trained: it gives training data alone"),
    (lambda: read_data(Sampled(([[1.0], [1.0, 2.0]], [0, 1]), FixedTripletSampler(5)), **TRIPLET).observed(), NetShapeError,
     'net_train: column "Input": the examples of a triplet have one shape, these differ (real (Varying,))'),
    (lambda: read_data(Sampled({"a": X, "b": X, "Target": CLASSES}, FixedTripletSampler(5)),
                       inputs=TRIPLET["outputs"], outputs=("Loss",)), NetTypeError,
     'net_train: the members of triplets are the rows of one column, the data has "a", "b"'),
]  # fmt: skip


@pytest.mark.parametrize(("use", "error", "message"), WRONG)
def test_what_a_wrong_use_is_told(use, error, message):
    with pytest.raises(error) as found:
        use()
    assert str(found.value) == message


FITS = [
    (MPerClassSampler(4), 64, 28), (MPerClassSampler(4), 27, 24), (MPerClassSampler(5), 64, 35), (FixedTripletSampler(9), 64, 63),
    (HardNegativeSampler(), 5, 3),
]  # fmt: skip


@pytest.mark.parametrize(("sampler", "wanted", "found"), FITS)
def test_the_largest_batch_that_can_be_filled(sampler, wanted, found):
    assert table_of(Sampled((X, CLASSES), sampler)).fitting(wanted, given=False) == found


UNFIT = [
    (MPerClassSampler(4), 3, "BatchSize is 3, MPerClassSampler() wants a multiple of 4\n  try: BatchSize=4"),
    (MPerClassSampler(4), 30, "BatchSize is 30, MPerClassSampler() wants a multiple of 4, and the classes fill 28 at most\n"
     "  try: BatchSize=28"),
    (MPerClassSampler(4), 26, "BatchSize is 26, MPerClassSampler() wants a multiple of 4\n  try: BatchSize=24"),
    (FixedTripletSampler(5), 64, "BatchSize is 64, FixedTripletSampler(5) wants a multiple of 3\n  try: BatchSize=63"),
]  # fmt: skip


@pytest.mark.parametrize(("sampler", "size", "message"), UNFIT)
def test_a_batch_size_that_cannot_be_filled(sampler, size, message):
    with pytest.raises(NetValueError) as found:
        table_of(Sampled((X, CLASSES), sampler)).fitting(size, given=True)
    assert str(found.value) == f"net_train: {message}"


def test_sampled_prints():
    assert repr(Sampled((X, CLASSES), ("MPerClassSampler", 2))) == "<Sampled a tuple by MPerClassSampler(2)>"


def test_a_sampler_of_ones_own():
    class FirstRowsSampler(Sampler):
        """The first rows, in turn."""

        Rows: Count = 10

        def unit(self):
            return 1

        def batches(self, groups, size, count, source, near):
            return [torch.randint(self.Rows, (size,), generator=source) for _ in range(count)]

    table = table_of(Sampled((X, CLASSES), ("FirstRowsSampler", 5)))
    assert len(table.batches(0, 1, 8)) == 12 and max(int(rows.max()) for rows in table.batches(0, 1, 8)) == 4
