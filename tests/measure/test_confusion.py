"""Measures of a confusion matrix: the known example, scikit-learn, and what is not defined."""

import doctest

import numpy as np
import pytest
from sklearn import metrics

from netgraph.measure import confusion, roc
from netgraph.measure.confusion import OF_CLASSES, accuracy, by_class, cohen_kappa, scott_pi
from netgraph.measure.roc import area_under, roc_curve

KNOWN = np.array([[5, 1, 0], [2, 3, 1], [0, 1, 7]])


@pytest.mark.parametrize("module", [confusion, roc])
def test_examples_run(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    "name, values, macro",
    [
        ("Precision", [0.7142857, 0.6, 0.875], 0.7297619),
        ("Recall", [0.8333333, 0.5, 0.875], 0.7361111),
        ("F1Score", [0.7692308, 0.5454545, 0.875], 0.7298951),
        ("Specificity", [0.8571429, 0.8571429, 0.9166667], None),
        ("Informedness", [0.6904762, 0.3571429, 0.7916667], None),
        ("Markedness", [0.6373626, 0.4, 0.7916667], None),
        ("MatthewsCorrelationCoefficient", [0.6634, 0.3780, 0.7917], None),
    ],
)
def test_the_known_example(name, values, macro):
    assert np.allclose(by_class(name, KNOWN), values, atol=5e-5 if name.startswith("Matthews") else 5e-8)
    if macro is not None:
        assert abs(by_class(name, KNOWN, "Macro") - macro) < 5e-8


def test_the_known_example_as_a_whole():
    assert accuracy(KNOWN) == 0.75
    assert abs(cohen_kappa(KNOWN) - 0.6212121) < 5e-8 and abs(scott_pi(KNOWN) - 0.6204934) < 5e-8
    assert np.allclose(by_class("FScore", KNOWN, beta=2), [0.8064516, 0.5172414, 0.875], atol=5e-8)
    assert by_class("Precision", KNOWN, "Micro") == by_class("Recall", KNOWN, "Micro") == 0.75


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed):
    source = np.random.default_rng(seed)
    right, chosen = source.integers(4, size=60), source.integers(4, size=60)
    table = metrics.confusion_matrix(right, chosen, labels=range(4))
    p, r, f, _ = metrics.precision_recall_fscore_support(right, chosen, beta=0.5, labels=range(4), zero_division=np.nan)
    assert np.allclose(by_class("Precision", table), p) and np.allclose(by_class("Recall", table), r)
    assert np.allclose(by_class("FScore", table, beta=0.5), f)
    assert abs(cohen_kappa(table) - metrics.cohen_kappa_score(right, chosen)) < 1e-12
    for k in range(4):
        assert abs(by_class("MatthewsCorrelationCoefficient", table)[k] - metrics.matthews_corrcoef(right == k, chosen == k)) < 1e-12
        balanced = metrics.balanced_accuracy_score(right == k, chosen == k, adjusted=True)
        assert abs(by_class("Informedness", table)[k] - balanced) < 1e-12
    for averaging in ("Macro", "Micro"):
        assert np.isclose(by_class("F1Score", table, averaging), metrics.f1_score(right, chosen, average=averaging.lower()))


def test_rates_complete_each_other():
    pairs = {"FalsePositiveRate": "Specificity", "FalseNegativeRate": "Recall", "FalseDiscoveryRate": "Precision"}
    pairs["FalseOmissionRate"] = "NegativePredictiveValue"
    for part, rest in pairs.items():
        assert np.allclose(by_class(part, KNOWN) + by_class(rest, KNOWN), 1)
    numbers = [by_class(name, KNOWN) for name in OF_CLASSES if name.endswith("Number")]
    assert len(numbers) == 4 and np.array_equal(sum(numbers), [20, 20, 20])


def test_what_is_not_defined_is_left_out_of_a_mean():
    table = np.array([[3, 1, 0], [1, 3, 0], [0, 0, 0]])
    assert np.isnan(by_class("Precision", table)[2]) and by_class("Precision", table, "Macro") == 0.75
    assert np.isnan(by_class("Precision", np.zeros((2, 2)), "Macro")) and np.isnan(accuracy(np.zeros((2, 2))))
    assert np.isnan(cohen_kappa(np.array([[4, 0], [0, 0]])))


@pytest.mark.parametrize("seed", range(4))
def test_roc_against_scikit_learn(seed):
    source = np.random.default_rng(seed)
    scores, hits = source.integers(8, size=50) / 8, source.random(50) < 0.4
    curve = roc_curve(scores, hits)
    alarms, found, _ = metrics.roc_curve(hits, scores, drop_intermediate=False)
    assert np.allclose(curve, np.stack([alarms, found], 1))
    assert abs(area_under(curve) - metrics.roc_auc_score(hits, scores)) < 1e-12


def test_no_positives():
    assert np.isnan(area_under(roc_curve(np.array([0.1, 0.2]), np.array([False, False]))))
