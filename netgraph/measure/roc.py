"""ROC curves: how many are found at the price of how many false alarms, over all thresholds of a score."""

import numpy as np


def roc_curve(scores: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """The points (false positive rate, true positive rate) from (0, 0) to (1, 1), one for each threshold; equal scores are one point.

    Not a number where there are no positives, or no negatives.

    >>> roc_curve(np.array([0.9, 0.8, 0.3]), np.array([True, False, True])).tolist()
    [[0.0, 0.0], [0.0, 0.5], [1.0, 0.5], [1.0, 1.0]]
    """
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], hits[order].astype(float)
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    found, alarms = np.cumsum(hits)[ends], np.cumsum(1 - hits)[ends]
    with np.errstate(invalid="ignore"):
        return np.concatenate([[[0.0, 0.0]], np.stack([alarms / alarms[-1], found / found[-1]], axis=1)])


def area_under(curve: np.ndarray) -> float:
    """The area under such a curve: the chance that a positive scores above a negative, ties counting half.

    >>> area_under(np.array([[0.0, 0.0], [0.0, 0.5], [1.0, 0.5], [1.0, 1.0]]))
    0.5
    """
    return float(np.trapezoid(curve[:, 1], curve[:, 0]))
