"""A stack of batches in one pass: each tells bit for bit what it tells alone, whatever is measured; what cannot be stacked says so."""

import numpy as np
import pytest
import torch

from netgraph.measure import confusion
from netgraph.measure.collect import SMALL, ClassCollector, Collector, NumberCollector, ValueCollector
from netgraph.measure.confusion import OF_CLASSES
from netgraph.measure.measuring import _apart
from netgraph.measure.spec import AGGREGATIONS, AVERAGED, CLASSIFICATION, REGRESSION, parse_measurement

SOURCE = np.random.default_rng(4)
NAMES = [name for name in CLASSIFICATION if "ROC" not in name and not name.endswith("Plot")]
SPECS = [
    *NAMES, ("Accuracy", 2), ("ErrorRate", 3), ("FScore", 0.5),
    *({"Measurement": name, "ClassAveraging": how} for name in NAMES if name in AVERAGED for how in ("Macro", "Micro")),
]  # fmt: skip


def told(value):
    """A value as text that shows every bit of it."""
    return repr(value.tolist() if isinstance(value, np.ndarray) else value)


@np.errstate(all="ignore")
def hold(collector: Collector, specs, *stack: torch.Tensor) -> None:
    """Each batch of a stack against the same batch alone."""
    together = collector.each(*stack)
    assert together is not None
    alone = []
    for batch in zip(*stack, strict=True):
        alone.append(collector.copied())
        alone[-1].add(*batch)
    for spec in specs:
        measurement = parse_measurement(spec, "here")
        found = _apart(together.value(measurement), len(alone))
        assert [told(value) for value in found] == [told(one.value(measurement)) for one in alone], spec


def drawn(*shape, dtype=torch.float32):
    return torch.from_numpy(SOURCE.normal(size=shape)).to(dtype)


@pytest.mark.parametrize("size", [1, 2, 33, 512])
@pytest.mark.parametrize("form", ["Index", "Probabilities", "Binary"])
def test_classes(form, size):
    p = torch.softmax(3 * drawn(7, size, 4), -1)
    right = torch.from_numpy(SOURCE.integers(4, size=(7, size)))
    collector = ClassCollector(form, frozenset((1, 2, 3)), False)
    columns = {"Index": (p, right), "Probabilities": (p, torch.softmax(drawn(7, size, 4), -1)), "Binary": (p[..., 0], right > 1)}[form]
    hold(collector, SPECS, *columns)


@pytest.mark.parametrize("size", [1, 5, 512])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_numbers(shape, size):
    hold(NumberCollector(), REGRESSION, drawn(6, size, *shape), drawn(6, size, *shape))
    # all targets alike: no variance to explain
    hold(NumberCollector(), REGRESSION, drawn(2, size, *shape), torch.zeros(2, size, *shape))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool])
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_values(aggregation, dtype):
    for shape in ((5, 1), (50, 512), (3, 17, 2, 5), (3, SMALL)):
        hold(ValueCollector(aggregation), ["Loss"], (3 * drawn(*shape)).to(dtype))


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_values_that_are_not_finite(aggregation):
    values = drawn(5, 9)
    values[1, 3], values[2, 4], values[3] = np.nan, np.inf, -np.inf
    values[3, 2] = np.inf
    hold(ValueCollector(aggregation), ["Loss"], values)


def test_a_layout_of_another_order_changes_no_bit():
    """The batches behind each other lie in another order than each alone does."""
    values, right = drawn(4, 11, 3, 5).transpose(2, 3), torch.from_numpy(SOURCE.integers(11, size=(4, 3)))
    hold(ValueCollector("StandardDeviation"), ["Loss"], values)
    hold(NumberCollector(), REGRESSION, values, values.flip(1))
    hold(ClassCollector("Index", frozenset((1,)), False), SPECS[:8], drawn(4, 11, 3).softmax(1).transpose(1, 2), right)


def test_what_cannot_be_stacked_says_so():
    p, right = torch.softmax(drawn(2, 5, 4), -1), torch.zeros(2, 5, dtype=torch.long)
    assert ClassCollector("Index", frozenset((1,)), True).each(p, right) is None, "curves keep all scores"
    many = torch.full((2, 5, 1000), 0.001)
    assert ClassCollector("Index", frozenset((1,)), False).each(many, right) is None, "the tables of many classes are large"
    assert ValueCollector(None).each(p) is None, "values stay as they are"
    assert ValueCollector("Mean").each(torch.zeros(2, SMALL + 1)) is None, "large batches"
    assert NumberCollector().each(torch.zeros(2, 0), torch.zeros(2, 0)) is None, "empty batches"


@pytest.mark.parametrize("averaging", [None, "Macro", "Micro"])
@pytest.mark.parametrize("name", OF_CLASSES)
def test_a_stack_of_confusion_matrices(name, averaging):
    tables = SOURCE.integers(5, size=(6, 3, 3))
    tables[0], tables[1, 1], tables[2, :, 2] = 0, 0, 0
    found = confusion.by_class(name, tables, averaging)
    assert [told(value) for value in np.asarray(found).tolist()] == [told(confusion.by_class(name, table, averaging)) for table in tables]
    for whole in (confusion.accuracy, confusion.cohen_kappa, confusion.scott_pi):
        assert told(whole(tables)) == repr([whole(table) for table in tables])
