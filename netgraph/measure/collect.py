"""Collectors: what is kept of batch after batch, so that a measure of the whole set comes out, never a mean of batches.

A collector may also take a stack of batches in one pass and tell each of them by itself: all that it keeps is then an array, with one
entry a batch, and every formula is written once, over the last axes.
"""

import copy
import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch

from netgraph.measure import confusion
from netgraph.measure.roc import area_under, roc_curve
from netgraph.measure.spec import Measurement

SMALL = 2**14
"""So many entries of one batch are few: a pass over a stack of such batches gives the very bits of one after the other, as torch shares
longer sums among its threads in parts; and of larger ones each costs more than what is said to torch about it."""

TABLES = 2**20
"""So many entries of confusion matrices are kept at once for a stack of batches."""


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

    @np.errstate(all="ignore")
    def each(self, *values: torch.Tensor) -> "Collector | None":
        """What is made like this one and tells each of a stack of batches by itself, exactly as if it were alone; None where it cannot.

        `values` are B x N x ..., N what `add` takes of one batch; a value then has B entries: an array's first axis, a list a class.
        """
        few = all(0 < value[0].numel() <= SMALL for value in values)
        return self._stacked(*values) if few else None

    def _stacked(self, *values: torch.Tensor) -> "Collector | None":
        """A stack of batches, none of them empty or large."""
        return None

    @abstractmethod
    def value(self, measurement: Measurement) -> Any:
        """The value over all batches so far."""


class ClassCollector(Collector):
    """Decisions between classes: rows of probabilities and the class, or the probabilities, that are right.

    `form` is that of the cross-entropy; of "Binary" the two classes are False and True, one number is the probability of True, and a
    target of at least 1/2 counts as True. `depths` are the n of "Accuracy" among the n most probable, `curves` whether scores are kept for
    ROC curves (4 bytes a class and example). `names` are what the classes are called, where the net says so.
    """

    def __init__(self, form: str, depths: frozenset[int], curves: bool, names: tuple = ()):
        self.form, self.depths, self.curves, self.names = form, depths, curves, names
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
        if self.form == "Binary":
            return [False, True]
        return list(self.names) or list(range(self.confusion.shape[-1]))

    def add(self, probabilities: torch.Tensor, targets: torch.Tensor) -> None:
        """Decisions (N x classes, of "Binary" N) and what is right (N, or N x classes for "Probabilities")."""
        right, p = self._take(probabilities, targets)
        if self.curves:
            self.scores.append(p.float().numpy())
            self.classes.append(right.numpy())

    def _stacked(self, probabilities: torch.Tensor, targets: torch.Tensor) -> "ClassCollector | None":
        classes = 2 if self.form == "Binary" else probabilities.shape[-1]
        if self.curves or len(probabilities) * classes**2 > TABLES:
            return None
        made = ClassCollector(self.form, self.depths, False, self.names)
        made._take(probabilities, targets)
        return made

    def _take(self, probabilities: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Count the decisions of a batch, or of each of a stack; the classes that are right, and the probabilities of all classes."""
        p = _doubles(probabilities)
        if self.form == "Binary":
            t = _doubles(targets)
            surprise = -(torch.xlogy(t, p) + torch.xlogy(1 - t, 1 - p))
            right, p = (t >= 0.5).long(), torch.stack([1 - p, p], -1)
            chosen = (p[..., 1] >= 0.5).long()
        elif self.form == "Probabilities":
            t = _doubles(targets)
            surprise, right, chosen = -torch.xlogy(t, p).sum(-1), t.argmax(-1), p.argmax(-1)
        else:
            right, chosen = targets.detach().long().cpu(), p.argmax(-1)
            surprise = -torch.log(p.gather(-1, right[..., None])[..., 0])
        table = _tables(right, chosen, p.shape[-1])
        self.confusion = table if self.confusion is None else self.confusion + table
        self.count += right.shape[-1]
        self.surprise = self.surprise + _told(surprise.sum(-1))
        for n in self.depths - {1}:
            # ties go to the first class, as in the choice of one
            best = torch.sort(p, dim=-1, descending=True, stable=True).indices[..., :n]
            self.hits[n] = self.hits[n] + _told((best == right[..., None]).any(-1).sum(-1))
        return right, p

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
            return entropy if name == "Entropy" else _exp(entropy)
        if name in ("ROCCurve", "AreaUnderROCCurve"):
            return self._curves(name, averaging)
        found = confusion.by_class(name, table, averaging, measurement.parameter or 1.0)
        return found if averaging else dict(zip(self.labels, np.moveaxis(np.asarray(found), -1, 0).tolist(), strict=True))

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


def _doubles(values: torch.Tensor) -> torch.Tensor:
    """Values in float64, laid out in the order of their entries, which is the one that they are summed in."""
    return values.detach().double().cpu().contiguous()


def _tables(right: torch.Tensor, chosen: torch.Tensor, classes: int) -> np.ndarray:
    """The confusion matrix of a batch of N decisions (C x C), or those of a stack of batches, B x N (B x C x C)."""
    places = right * classes + chosen
    stack = places.shape[:-1]
    if stack:
        places = places + classes**2 * torch.arange(stack[0])[:, None]
    count = math.prod((*stack, classes, classes))
    return torch.bincount(places.reshape(-1), minlength=count).reshape(*stack, classes, classes).numpy()


def _told(number: torch.Tensor) -> Any:
    """A lone number as Python's, those of a stack as an array."""
    return number.numpy() if number.dim() else number.item()


def _exp(value: Any) -> Any:
    return np.array([math.exp(entry) for entry in value]) if isinstance(value, np.ndarray) else math.exp(value)


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
        self._take(predictions, targets, 1)

    def _stacked(self, predictions: torch.Tensor, targets: torch.Tensor) -> "NumberCollector":
        made = NumberCollector()
        made._take(predictions, targets, 2)
        return made

    def _take(self, predictions: torch.Tensor, targets: torch.Tensor, lead: int) -> None:
        """The sums over a batch, whose examples have one axis before them, or over each of a stack, where they have two."""
        p, t = _doubles(predictions), _doubles(targets)
        if p.shape[lead:] == (4,):
            self.overlaps.append(_overlap(p, t))
        errors, t = (p - t).flatten(lead - 1), t.flatten(lead - 1)
        self.squares = self.squares + _told(errors.square().sum(-1))
        self.sizes = self.sizes + _told(errors.abs().sum(-1))
        count = t.shape[-1]
        together = self.count + count
        if together:
            mean = t.mean(-1, keepdim=True) if count else torch.zeros(1, dtype=torch.float64)
            apart = _told(mean[..., 0]) - self.mean
            self.spread = self.spread + _told((t - mean).square().sum(-1)) + apart * apart * self.count * count / together
            self.mean = self.mean + apart * count / together
        self.count = together

    def value(self, measurement: Measurement) -> Any:
        if not self.count:
            return math.nan
        if measurement.what == "IntersectionOverUnion":
            return _told(torch.cat(self.overlaps, -1).mean(-1)) if self.overlaps else math.nan
        square = self.squares / self.count
        if measurement.what in ("FractionVarianceUnexplained", "RSquared"):
            unexplained = confusion.plain(confusion.ratio(square, self.spread / self.count))
            return unexplained if measurement.what == "FractionVarianceUnexplained" else 1 - unexplained
        if measurement.what == "StandardDeviation":
            return confusion.plain(np.sqrt(square))
        return square if measurement.what == "MeanSquare" else self.sizes / self.count


def _overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The area that two boxes share, divided by the area that they cover together."""
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp_min(0).prod(-1)
    whole = sum((box[..., 2:] - box[..., :2]).clamp_min(0).prod(-1) for box in (a, b)) - shared
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
        self._take(values.reshape(-1))

    def _stacked(self, values: torch.Tensor) -> "ValueCollector | None":
        if self.aggregation is None:
            return None
        made = ValueCollector(self.aggregation)
        made._take(values.detach().cpu().flatten(1))
        return made

    def _take(self, values: torch.Tensor) -> None:
        """The entries of a batch in a row, or one row for each of a stack."""
        self.count += values.shape[-1]
        if self.aggregation in ("Mean", "Sum", "StandardDeviation"):
            self.total = self.total + _told(values.sum(-1, dtype=torch.float64))
        if self.aggregation in ("RMS", "StandardDeviation", "L2Norm"):
            self.squares = self.squares + _told(values.double().square().sum(-1))
        if self.aggregation == "L1Norm":
            self.sizes = self.sizes + _told(values.double().abs().sum(-1))
        if self.aggregation in ("Min", "Max") and values.numel():
            ends = values.double()
            self.least = confusion.plain(np.fmin(self.least, _told(ends.amin(-1))))
            self.most = confusion.plain(np.fmax(self.most, _told(ends.amax(-1))))

    def value(self, measurement: Measurement) -> Any:
        if self.aggregation is None:
            return torch.cat(self.values).numpy() if self.values else np.zeros(0)
        if not self.count:
            return math.nan
        mean, square = self.total / self.count, self.squares / self.count
        if self.aggregation == "StandardDeviation":
            return confusion.plain(np.sqrt(np.fmax(0.0, square - mean * mean)))
        if self.aggregation in ("RMS", "L2Norm"):
            return confusion.plain(np.sqrt(square if self.aggregation == "RMS" else self.squares))
        return {"Mean": mean, "Sum": self.total, "Min": self.least, "Max": self.most, "L1Norm": self.sizes}[self.aggregation]
