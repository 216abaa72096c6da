"""Collectors: the same value however the examples come in batches, equal to what scikit-learn or NumPy say of all at once."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from netgraph.measure.collect import ClassCollector, NumberCollector, ValueCollector
from netgraph.measure.spec import AGGREGATIONS, parse_measurement

SOURCE = np.random.default_rng(0)
P = torch.from_numpy(SOURCE.dirichlet(np.ones(4), size=101))
T = torch.from_numpy(SOURCE.integers(4, size=101))


def value(collector, spec):
    return collector.value(parse_measurement(spec, "here"))


def filled(collector, *columns, size=101):
    for begin in range(0, len(columns[0]), size):
        collector.add(*(column[begin : begin + size] for column in columns))
    return collector


@pytest.mark.parametrize("size", [101, 10, 1])
def test_classes_by_index(size):
    found = filled(ClassCollector("Index", frozenset((1, 2)), True), P, T, size=size)
    assert np.array_equal(value(found, "ConfusionMatrix"), metrics.confusion_matrix(T, P.argmax(1)))
    assert value(found, "Accuracy") == metrics.accuracy_score(T, P.argmax(1)) == 1 - value(found, "ErrorRate")
    assert math.isclose(value(found, ("Accuracy", 2)), metrics.top_k_accuracy_score(T, P, k=2))
    assert math.isclose(value(found, "Entropy"), metrics.log_loss(T, P))
    assert math.isclose(value(found, "Perplexity"), math.exp(metrics.log_loss(T, P)))
    areas = metrics.roc_auc_score(np.eye(4)[T], P.float(), average=None)
    assert np.allclose(list(value(found, "AreaUnderROCCurve").values()), areas)
    for averaging in ("Macro", "Micro"):
        spec = {"Measurement": "AreaUnderROCCurve", "ClassAveraging": averaging}
        assert math.isclose(value(found, spec), metrics.roc_auc_score(np.eye(4)[T], P.float(), average=averaging.lower()))
    assert list(value(found, "Precision")) == [0, 1, 2, 3]
    curve = value(found, {"Measurement": "ROCCurve", "ClassAveraging": "Macro"})
    assert curve[0].tolist() == [0, 0] and curve[-1].tolist() == [1, 1] and (np.diff(curve, axis=0) >= 0).all()


def test_the_known_probabilities():
    rows = torch.tensor([[0.9, 0.1, 0], [0.3, 0.6, 0.1], [0.5, 0.25, 0.25]], dtype=torch.float64)
    found = filled(ClassCollector("Index", frozenset((1,)), False), rows, torch.tensor([0, 1, 2]))
    assert abs(value(found, "Entropy") - 0.6674935) < 5e-8 and abs(value(found, "Perplexity") - 1.9493452) < 5e-8


def test_classes_by_probabilities():
    found = filled(ClassCollector("Probabilities", frozenset((1,)), False), P, torch.eye(4, dtype=torch.float64)[T], size=7)
    assert math.isclose(value(found, "Entropy"), metrics.log_loss(T, P))
    assert value(found, "Accuracy") == metrics.accuracy_score(T, P.argmax(1))


def test_two_classes():
    p, t = torch.from_numpy(SOURCE.random(80)), torch.from_numpy(SOURCE.random(80) < 0.5)
    found = filled(ClassCollector("Binary", frozenset((1,)), True), p, t, size=9)
    assert np.array_equal(value(found, "ConfusionMatrix"), metrics.confusion_matrix(t, p >= 0.5))
    assert math.isclose(value(found, "Entropy"), metrics.log_loss(t, p))
    assert math.isclose(value(found, "AreaUnderROCCurve")[True], metrics.roc_auc_score(t, p.float()))
    assert list(value(found, "Recall")) == [False, True]
    # a probability of one half chooses True
    assert value(filled(ClassCollector("Binary", frozenset((1,)), False), torch.tensor([0.5]), torch.tensor([1.0])), "Accuracy") == 1


def test_ties_go_to_the_first_class():
    found = filled(ClassCollector("Index", frozenset((1, 2)), False), torch.full((3, 3), 1 / 3), torch.tensor([0, 1, 2]))
    assert value(found, "ConfusionMatrix").tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 0]]
    assert value(found, ("Accuracy", 2)) == 2 / 3


@pytest.mark.parametrize("size", [50, 7])
def test_numbers(size):
    p, t = torch.from_numpy(SOURCE.normal(size=(50, 3))), torch.from_numpy(SOURCE.normal(size=(50, 3)) + 1e6)
    p = p + 1e6
    found = filled(NumberCollector(), p, t, size=size)
    assert math.isclose(value(found, "MeanSquare"), metrics.mean_squared_error(t.ravel(), p.ravel()), rel_tol=1e-9)
    assert math.isclose(value(found, "MeanDeviation"), metrics.mean_absolute_error(t.ravel(), p.ravel()), rel_tol=1e-9)
    assert math.isclose(value(found, "RSquared"), metrics.r2_score(t.ravel(), p.ravel()), rel_tol=1e-6)


def test_the_known_numbers():
    found = filled(NumberCollector(), torch.tensor([1.1, 1.9, 3.5, 3.7]), torch.tensor([1.0, 2, 3, 4]), size=3)
    expected = {
        "MeanSquare": 0.09,
        "MeanDeviation": 0.25,
        "StandardDeviation": 0.3,
        "FractionVarianceUnexplained": 0.072,
        "RSquared": 0.928,
    }
    for name, number in expected.items():
        assert abs(value(found, name) - number) < 1e-7
    assert math.isnan(value(found, "IntersectionOverUnion"))


def test_boxes():
    a = torch.tensor([[0.0, 0, 2, 2], [0, 0, 1, 1], [0, 0, 0, 0]])
    b = torch.tensor([[1.0, 1, 3, 3], [0, 0, 1, 1], [0, 0, 0, 0]])
    assert math.isclose(value(filled(NumberCollector(), a, b), "IntersectionOverUnion"), (1 / 7 + 1 + 0) / 3)


def test_nothing_seen():
    assert math.isnan(value(NumberCollector(), "MeanSquare"))
    assert math.isnan(value(ClassCollector("Index", frozenset((1,)), False), "Accuracy"))
    assert math.isnan(value(ValueCollector("Mean"), "Loss")) and value(ValueCollector(None), "Loss").shape == (0,)


def test_values():
    x = torch.from_numpy(SOURCE.normal(size=(20, 3)))
    flat = x.numpy().ravel()
    expected = (
        flat.mean(), flat.sum(), np.sqrt((flat**2).mean()), flat.std(), flat.min(), flat.max(), abs(flat).sum(), np.sqrt((flat**2).sum()),
    )  # fmt: skip
    for name, number in zip(AGGREGATIONS, expected, strict=True):
        assert math.isclose(value(filled(ValueCollector(name), x, size=6), "Loss"), number)
    assert np.array_equal(value(filled(ValueCollector(None), x, size=6), "Loss"), x)
