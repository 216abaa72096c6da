"""What a confusion matrix tells: rows are the classes that examples have, columns those they were put into.

Every function takes a whole stack of matrices (... x C x C) as well, and tells each of them by itself (...).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Counts(NamedTuple):
    """For each class (or summed over all): examples in it and put there, wrongly put there, missed, and rightly left out."""

    true_positive: np.ndarray
    false_positive: np.ndarray
    false_negative: np.ndarray
    true_negative: np.ndarray


def counts(confusion: np.ndarray) -> Counts:
    """The four counts of each class (... x C).

    >>> counts(np.array([[5, 1], [2, 3]])).false_positive
    array([2., 1.])
    """
    confusion = np.asarray(confusion, dtype=float)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    missed, wrong = confusion.sum(-1) - hits, confusion.sum(-2) - hits
    return Counts(hits, wrong, missed, confusion.sum((-2, -1))[..., None] - hits - wrong - missed)


def ratio(part, whole):
    """part / whole, not a number where both are 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, dtype=float), np.asarray(whole, dtype=float))
    with np.errstate(all="ignore"):
        return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)


def precision(c: Counts, beta: float = 1.0):
    """TP / (TP + FP): how many of those put into the class belong there."""
    return ratio(c.true_positive, c.true_positive + c.false_positive)


def recall(c: Counts, beta: float = 1.0):
    """TP / (TP + FN): how many of the class were found."""
    return ratio(c.true_positive, c.true_positive + c.false_negative)


def specificity(c: Counts, beta: float = 1.0):
    """TN / (TN + FP): how many of the others were left out."""
    return ratio(c.true_negative, c.true_negative + c.false_positive)


def negative_predictive_value(c: Counts, beta: float = 1.0):
    """TN / (TN + FN): how many of those left out do not belong there."""
    return ratio(c.true_negative, c.true_negative + c.false_negative)


def f_score(c: Counts, beta: float = 1.0):
    """(1 + beta^2) P R / (beta^2 P + R), from counts: defined wherever the class occurs or was chosen."""
    weighed = (1 + beta**2) * c.true_positive
    return ratio(weighed, weighed + beta**2 * c.false_negative + c.false_positive)


def matthews(c: Counts, beta: float = 1.0):
    """The correlation of being in the class with being put there."""
    tp, fp, fn, tn = c
    return ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


OF_CLASSES: dict[str, Callable[..., np.ndarray]] = {
    "Precision": precision,
    "Recall": recall,
    "Specificity": specificity,
    "F1Score": f_score,
    "FScore": f_score,
    "FalsePositiveRate": lambda c, beta=1.0: ratio(c.false_positive, c.false_positive + c.true_negative),
    "FalseNegativeRate": lambda c, beta=1.0: ratio(c.false_negative, c.false_negative + c.true_positive),
    "FalseDiscoveryRate": lambda c, beta=1.0: ratio(c.false_positive, c.false_positive + c.true_positive),
    "FalseOmissionRate": lambda c, beta=1.0: ratio(c.false_negative, c.false_negative + c.true_negative),
    "NegativePredictiveValue": negative_predictive_value,
    "TruePositiveNumber": lambda c, beta=1.0: c.true_positive,
    "TrueNegativeNumber": lambda c, beta=1.0: c.true_negative,
    "FalsePositiveNumber": lambda c, beta=1.0: c.false_positive,
    "FalseNegativeNumber": lambda c, beta=1.0: c.false_negative,
    "Informedness": lambda c, beta=1.0: recall(c) + specificity(c) - 1,
    "Markedness": lambda c, beta=1.0: precision(c) + negative_predictive_value(c) - 1,
    "MatthewsCorrelationCoefficient": matthews,
}
"""Measures of each class from its four counts."""


def by_class(name: str, confusion: np.ndarray, averaging: str | None = None, beta: float = 1.0):
    """A measure of every class; or its plain mean over the classes where it is defined ("Macro"), or that of summed counts ("Micro").

    >>> by_class("Precision", np.array([[5, 1, 0], [2, 3, 1], [0, 1, 7]])).round(3)
    array([0.714, 0.6  , 0.875])
    """
    own = counts(confusion)
    if averaging == "Micro":
        return plain(OF_CLASSES[name](Counts(*(part.sum(-1) for part in own)), beta=beta))
    values = OF_CLASSES[name](own, beta=beta)
    if averaging == "Macro":
        defined = ~np.isnan(values)
        return plain(ratio(np.where(defined, values, 0.0).sum(-1), defined.sum(-1)))
    return values


def plain(value):
    """A lone number as Python's, an array as it is."""
    return value if isinstance(value, np.ndarray) and value.ndim else float(value)


def accuracy(confusion: np.ndarray):
    """The share of examples that were put into their class."""
    return plain(ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1))))


def cohen_kappa(confusion: np.ndarray):
    """(po - pe) / (1 - pe): agreement beyond chance, po the accuracy, pe = sum over classes of row x column / N^2."""
    return _beyond_chance(confusion, lambda rows, columns: (rows * columns).sum(-1))


def scott_pi(confusion: np.ndarray):
    """The same with one distribution for both: pe = sum over classes of ((row + column) / 2N)^2."""
    return _beyond_chance(confusion, lambda rows, columns: (((rows + columns) / 2) ** 2).sum(-1))


def _beyond_chance(confusion: np.ndarray, agreeing: Callable):
    rows, columns, total = confusion.sum(-1), confusion.sum(-2), confusion.sum((-2, -1))
    chance = ratio(agreeing(rows.astype(float), columns.astype(float)), np.square(total, dtype=float))
    return plain(ratio(accuracy(confusion) - chance, 1 - chance))
