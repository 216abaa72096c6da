"""Pairs told apart by a threshold: of one class where the value of the metric is on the near side, of two beyond it."""

import math
from typing import Any

import numpy as np
import torch

from netgraph.layers.metric.distance import Metric
from netgraph.measure.roc import area_under
from netgraph.measure.spec import Measurement

EXACT = 2**24
"""Up to so many pairs each distinct value is a threshold of its own; beyond, values are counted in equal bins."""
BINS = 2**20
BLOCK = 2**24


def pair_scores(rows: torch.Tensor, classes: torch.Tensor, measurement: Measurement, metric: Metric) -> Any:
    """A verification score over all pairs of examples."""
    name = measurement.what
    values, same, different = _levels(rows, classes, metric)
    if not same.sum() or not different.sum():
        return math.nan
    found, alarms = np.cumsum(same), np.cumsum(different)
    if name in ("VerificationROCCurve", "VerificationAreaUnderROCCurve"):
        curve = np.concatenate([[[0.0, 0.0]], np.stack([alarms / alarms[-1], found / found[-1]], axis=1)])
        return curve if name == "VerificationROCCurve" else area_under(curve)
    right = found + (alarms[-1] - alarms)
    if name == "VerificationThreshold":
        best = int(right.argmax())
        if alarms[-1] > right[best]:  # nothing beats telling all apart
            return float(metric.sign * np.nextafter(values[0], -math.inf))
        after = values[min(best + 1, len(values) - 1)]
        return float(metric.sign * (values[best] + after) / 2)  # halfway to the next value, so that neither is on the edge
    place = np.searchsorted(values, metric.sign * float(measurement.parameter or 0.0), side="right") - 1
    hits, wrong = (float(found[place]), float(alarms[place])) if place >= 0 else (0.0, 0.0)
    missed, left_out = float(found[-1]) - hits, float(alarms[-1]) - wrong
    if name == "VerificationF1Score":
        return 2 * hits / (2 * hits + missed + wrong) if hits + missed + wrong else math.nan
    return (hits + left_out) / (hits + wrong + missed + left_out)


def _levels(rows: torch.Tensor, classes: torch.Tensor, metric: Metric) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The values of the metric that occur (small is close), and how many pairs of one class and of two have each."""
    count = len(rows)
    if count * (count - 1) // 2 <= EXACT:
        pieces = list(_pairs(rows, classes, metric))
        values, same = np.concatenate([v for v, _ in pieces]), np.concatenate([s for _, s in pieces])
        levels, places = np.unique(values, return_inverse=True)
        return levels, np.bincount(places[same], minlength=len(levels)), np.bincount(places[~same], minlength=len(levels))
    low, high = math.inf, -math.inf
    for values, _ in _pairs(rows, classes, metric):
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    width = (high - low) / BINS or 1.0
    counts = np.zeros((2, BINS), dtype=np.int64)
    for values, same in _pairs(rows, classes, metric):
        bins = ((values - low) / width).astype(np.int64).clip(max=BINS - 1)
        counts[0] += np.bincount(bins[same], minlength=BINS)
        counts[1] += np.bincount(bins[~same], minlength=BINS)
    return low + width * (np.arange(BINS) + 1), counts[0], counts[1]


def _pairs(rows: torch.Tensor, classes: torch.Tensor, metric: Metric):
    """(values, of one class) of every pair once, block by block."""
    prepared = metric.prepare(rows)
    step = max(1, BLOCK // max(1, len(rows)))
    for begin in range(0, len(rows) - 1, step):
        own = torch.arange(begin, min(begin + step, len(rows)))
        after = torch.arange(begin + 1, len(rows))
        values = metric.sign * metric.between(tuple(part[own] for part in prepared), tuple(part[after] for part in prepared))
        once = after > own[:, None]
        same = classes[own][:, None] == classes[after]
        yield values[once].double().numpy(), same[once].numpy()
