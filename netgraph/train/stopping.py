"""TrainingStoppingCriterion: ending training once what is watched no longer improves."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.spec.names import spelled
from netgraph.types.symbols import Automatic

OPTIONS = ("Criterion", "Patience", "InitialPatience", "AbsoluteChange", "RelativeChange")
WHERE = "TrainingStoppingCriterion"


@dataclass(frozen=True)
class Criterion:
    """When to stop: a function of the values seen so far alone, so that a resumed run decides as the uninterrupted one.

    measurement       "Loss" or the name of a tracked measurement; None where `function` decides
    function          f(progress), True stops
    patience          how many checks in a row may bring no improvement
    initial_patience  the first so many checks never stop training
    absolute_change, relative_change   improvements below that, or below that times the best so far, do not count

    >>> losses = [1, 0.8, 0.7, 0.75, 0.72, 0.71, 0.69]
    >>> [Criterion(patience=p).stops_at(losses) for p in (0, 3, 4)], Criterion(absolute_change=0.15).stops_at(losses)
    ([4, 6, None], 3)
    """

    measurement: str | None = "Loss"
    function: Callable | None = None
    patience: int = 0
    initial_patience: int = 0
    absolute_change: float = 0.0
    relative_change: float = 0.0

    def stops_at(self, values: Sequence[float], *, rising: bool = False) -> int | None:
        """The number of the check, from 1, that ends training; None where it goes on. `rising` values are better the larger they are."""
        watch = Watch(self, rising)
        return next((watch.checks for value in values if watch.add(value)), None)


class Watch:
    """A criterion at work: it takes one value a check, and tells whether that ends training."""

    def __init__(self, criterion: Criterion, rising: bool = False):
        self.criterion, self.rising = criterion, rising
        self.best: float | None = None
        self.checks = self.barren = 0

    def add(self, value: float) -> bool:
        """Take in the next check; True when training is to end."""
        value = -value if self.rising else value
        self.checks += 1
        if self.best is None or self._improves(value, self.best):
            self.best, self.barren = value, 0
        else:
            self.barren += 1
        return self.barren >= max(1, self.criterion.patience) and self.checks > self.criterion.initial_patience

    def _improves(self, value: float, best: float) -> bool:
        if math.isnan(value):
            return False
        if math.isnan(best):
            return True
        gain = best - value
        return gain > 0 and gain >= self.criterion.absolute_change and gain >= self.criterion.relative_change * abs(best)


def parse_criterion(value: object) -> Criterion | None:
    """The criterion that the option means: None, Automatic ("Loss"), a measurement's name, a function of the progress, or a dict.

    Errors: NetNameError for an unknown key of the dict, NetTypeError and NetValueError for values that do not fit.

    >>> parse_criterion({"Criterion": "Loss", "Patience": 3}).patience
    3
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return _criterion(value, {})
    words = spelled(value, OPTIONS, WHERE)
    return _criterion(words.pop("Criterion", Automatic), words)


def _criterion(what: object, words: Mapping[str, Any]) -> Criterion:
    chosen: dict[str, Any] = {
        "patience": _count(words.get("Patience", 0), "Patience"),
        "initial_patience": _count(words.get("InitialPatience", 0), "InitialPatience"),
        "absolute_change": _change(words.get("AbsoluteChange", 0), "AbsoluteChange"),
        "relative_change": _change(words.get("RelativeChange", 0), "RelativeChange"),
    }
    if what is Automatic:
        return Criterion("Loss", None, **chosen)
    if isinstance(what, str):
        return Criterion(what, None, **chosen)
    if callable(what):
        told = [name for name in words if name not in ("InitialPatience",)]
        if told:
            raise NetTypeError(f"{WHERE}: {told[0]} is for a measurement; a function decides by itself")
        return Criterion(None, what, **chosen)
    raise NetTypeError(
        f"{WHERE} is {what!r}",
        origins=[("wanted", 'None, Automatic, "Loss", a measurement, a function, or {"Criterion": ..., "Patience": n}')],
    )


def _count(value, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise NetTypeError(f"{WHERE}: {name} is a whole number, got {value!r}")
    if value < 0:
        raise NetValueError(f"{WHERE}: {name} is at least 0, got {value}")
    return value


def _change(value, name: str) -> float:
    share = name == "RelativeChange" and isinstance(value, (tuple, list)) and len(value) == 2 and value[1] == "Percent"
    number = value[0] / 100 if share else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        fix = '{"RelativeChange": (1, "Percent")}' if name == "RelativeChange" else None
        raise NetTypeError(f"{WHERE}: {name} is a number, got {value!r}", fix=fix)
    if not 0 <= number < math.inf:
        raise NetValueError(f"{WHERE}: {name} is at least 0, got {value!r}")
    return float(number)


def unknown_measurement(name: str, known: Sequence[str]) -> NetNameError:
    """The error for a criterion that nothing tracks."""
    return NetNameError(f'{WHERE}: no measurement "{name}" is tracked, {did_you_mean(name, known)}')
