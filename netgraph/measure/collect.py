"""Collectors: what is kept of batch after batch, so that a measure of the whole set comes out, never a mean of batches."""

import copy
import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch

from netgraph.measure import confusion
from netgraph.measure.roc import area_under, roc_curve
from netgraph.measure.spec import Measurement


class Collector(ABC):
    """Takes batches of what it measures, and tells values when asked; asked again after more batches, it tells those of all."""

    def copied(self) -> "Collector":
        """Another one, which has seen the same; what either sees from now on the other does not."""
        made = copy.copy(self)
        vars(made).update((name, copy.copy(value)) for name, value in vars(self).items() if isinstance(value, (list, dict, np.ndarray)))
        return made

    @abstractmethod
    def add(self, *values: torch.Tensor) -> None:
        """One more batch."""

    @abstractmethod
    def value(self, measurement: Measurement) -> Any:
        """The value over all batches so far."""


class ClassCollector(Collector):
    """Decisions between classes: rows of probabilities and the class, or the probabilities, that are right.

    `form` is that of the cross-entropy; of "Binary" the two classes are False and True, one number is the probability of True, and a
    target of at least 1/2 counts as True. `depths` are the n of "Accuracy" among the n most probable, `curves` whether scores are kept for
    ROC curves (4 bytes a class and example).
    """

    def __init__(self, form: str, depths: frozenset[int], curves: bool):
        self.form, self.depths, self.curves = form, depths, curves
        self.confusion: np.ndarray | None = None
        self.count = 0
        self.surprise = 0.0
        self.hits = dict.fromkeys(depths - {1}, 0)
        self.scores: list[np.ndarray] = []
        self.classes: list[np.ndarray] = []

    @property
    def labels(self) -> list[Any]:
        """What the classes are called."""
        assert self.confusion is not None
        return [False, True] if self.form == "Binary" else list(range(len(self.confusion)))

    def add(self, probabilities: torch.Tensor, targets: torch.Tensor) -> None:
        """Decisions (N x classes, of "Binary" N) and what is right (N, or N x classes for "Probabilities")."""
        p = probabilities.detach().double().cpu()
        if self.form == "Binary":
            t = targets.detach().double().cpu()
            surprise = -(torch.xlogy(t, p) + torch.xlogy(1 - t, 1 - p))
            right, p = (t >= 0.5).long(), torch.stack([1 - p, p], 1)
            chosen = (p[:, 1] >= 0.5).long()
        elif self.form == "Probabilities":
            t = targets.detach().double().cpu()
            surprise, right, chosen = -torch.xlogy(t, p).sum(1), t.argmax(1), p.argmax(1)
        else:
            right, chosen = targets.detach().long().cpu(), p.argmax(1)
            surprise = -torch.log(p.gather(1, right[:, None])[:, 0])
        classes = p.shape[1]
        if self.confusion is None:
            self.confusion = np.zeros((classes, classes), dtype=np.int64)
        self.confusion += torch.bincount(right * classes + chosen, minlength=classes**2).reshape(classes, classes).numpy()
        self.count += len(right)
        self.surprise += float(surprise.sum())
        for n in self.depths - {1}:
            # ties go to the first class, as in the choice of one
            best = torch.sort(p, dim=1, descending=True, stable=True).indices[:, :n]
            self.hits[n] += int((best == right[:, None]).any(1).sum())
        if self.curves:
            self.scores.append(p.float().numpy())
            self.classes.append(right.numpy())

    def value(self, measurement: Measurement) -> Any:
        name, averaging = measurement.what, measurement.averaging
        table = self.confusion if self.confusion is not None else np.zeros((0, 0), dtype=np.int64)
        if name in ("Accuracy", "ErrorRate"):
            n = int(measurement.parameter or 1)
            share = confusion.accuracy(table) if n == 1 else self.hits[n] / self.count if self.count else math.nan
            return share if name == "Accuracy" else 1 - share
        if name == "ConfusionMatrix":
            return table.copy()
        if name in ("CohenKappa", "ScottPi"):
            return confusion.cohen_kappa(table) if name == "CohenKappa" else confusion.scott_pi(table)
        if name in ("Entropy", "Perplexity"):
            entropy = self.surprise / self.count if self.count else math.nan
            return entropy if name == "Entropy" else math.exp(entropy)
        if name in ("ROCCurve", "AreaUnderROCCurve"):
            return self._curves(name, averaging)
        found = confusion.by_class(name, table, averaging, measurement.parameter or 1.0)
        return found if averaging else dict(zip(self.labels, np.asarray(found).tolist(), strict=True))

    def _curves(self, name: str, averaging: str | None) -> Any:
        scores, right = np.concatenate(self.scores), np.concatenate(self.classes)
        hits = right[:, None] == np.arange(scores.shape[1])
        if averaging == "Micro":
            curve = roc_curve(scores.ravel(), hits.ravel())
            return curve if name == "ROCCurve" else area_under(curve)
        curves = {label: roc_curve(scores[:, k], hits[:, k]) for k, label in enumerate(self.labels)}
        if name == "ROCCurve":
            return curves if averaging is None else _mean_curve(list(curves.values()))
        areas = {label: area_under(curve) for label, curve in curves.items()}
        return areas if averaging is None else float(np.nanmean(list(areas.values())))


def _mean_curve(curves: list[np.ndarray]) -> np.ndarray:
    """The mean true positive rate at every false positive rate that occurs."""
    curves = [curve for curve in curves if np.isfinite(curve).all()]
    places = np.unique(np.concatenate([curve[:, 0] for curve in curves]))
    heights = np.mean([np.interp(places, curve[:, 0], curve[:, 1]) for curve in curves], axis=0)
    return np.stack([places, heights], axis=1)


class NumberCollector(Collector):
    """Numbers against numbers, e = prediction - target over all entries; sums in float64, the variance without cancellation."""

    def __init__(self):
        self.count = 0
        self.squares = self.sizes = self.mean = self.spread = 0.0
        self.overlaps: list[torch.Tensor] = []

    def add(self, predictions: torch.Tensor, targets: torch.Tensor) -> None:
        """Two arrays of one shape, the batch first; where examples are boxes (left, top, right, bottom) their overlap is kept too."""
        p, t = predictions.detach().double().cpu(), targets.detach().double().cpu()
        if p.dim() == 2 and p.shape[1] == 4:
            self.overlaps.append(_overlap(p, t))
        errors, t = (p - t).reshape(-1), t.reshape(-1)
        self.squares += float(errors.square().sum())
        self.sizes += float(errors.abs().sum())
        count, mean = len(t), float(t.mean()) if len(t) else 0.0
        together = self.count + count
        if together:
            apart = mean - self.mean
            self.spread += float((t - mean).square().sum()) + apart**2 * self.count * count / together
            self.mean += apart * count / together
        self.count = together

    def value(self, measurement: Measurement) -> Any:
        if not self.count:
            return math.nan
        square = self.squares / self.count
        variance = self.spread / self.count
        unexplained = square / variance if variance > 0 else math.nan
        if measurement.what == "IntersectionOverUnion":
            return float(torch.cat(self.overlaps).mean()) if self.overlaps else math.nan
        return {
            "MeanSquare": square,
            "MeanDeviation": self.sizes / self.count,
            "StandardDeviation": math.sqrt(square),
            "FractionVarianceUnexplained": unexplained,
            "RSquared": 1 - unexplained,
        }[measurement.what]


def _overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The area that two boxes share, divided by the area that they cover together."""
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp_min(0).prod(1)
    whole = sum((box[:, 2:] - box[:, :2]).clamp_min(0).prod(1) for box in (a, b)) - shared
    return torch.where(whole > 0, shared / whole, 0.0)


class ValueCollector(Collector):
    """Values as they are: those of every example, or, with an aggregation, one number over all entries."""

    def __init__(self, aggregation: str | None):
        self.aggregation = aggregation
        self.values: list[torch.Tensor] = []
        self.count, self.least, self.most = 0, math.inf, -math.inf
        self.total = self.sizes = self.squares = 0.0

    def add(self, values: torch.Tensor) -> None:
        """The values of a batch, one row an example."""
        values = values.detach().cpu()
        if self.aggregation is None:
            self.values.append(values)
            return
        self.count += values.numel()
        if self.aggregation in ("Mean", "Sum", "StandardDeviation"):
            self.total += float(values.sum(dtype=torch.float64))
        if self.aggregation in ("RMS", "StandardDeviation", "L2Norm"):
            self.squares += float(values.double().square().sum())
        if self.aggregation == "L1Norm":
            self.sizes += float(values.double().abs().sum())
        if self.aggregation in ("Min", "Max") and values.numel():
            self.least, self.most = min(self.least, float(values.min())), max(self.most, float(values.max()))

    def value(self, measurement: Measurement) -> Any:
        if self.aggregation is None:
            return torch.cat(self.values).numpy() if self.values else np.zeros(0)
        if not self.count:
            return math.nan
        mean, square = self.total / self.count, self.squares / self.count
        return {
            "Mean": mean,
            "Sum": self.total,
            "RMS": math.sqrt(square),
            "StandardDeviation": math.sqrt(max(0.0, square - mean**2)),
            "Min": self.least,
            "Max": self.most,
            "L1Norm": self.sizes,
            "L2Norm": math.sqrt(self.squares),
        }[self.aggregation]
