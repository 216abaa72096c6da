"""How often something happens during training: `{"Interval": (100, "Batches"), "MinimumInterval": 5}`."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.names import spelled
from netgraph.train.events import Progress

SECONDS = {"Seconds": 1.0, "Minutes": 60.0, "Hours": 3600.0}
UNITS = ("Rounds", "Batches", *SECONDS)


class Interval(NamedTuple):
    """An amount of "Rounds", "Batches", "Seconds" or "Percent" of the planned run."""

    amount: float
    unit: str


EACH_ROUND = Interval(1, "Rounds")


def parse_interval(value: object, where: str, *, plain: str = "Rounds", percent: bool = False) -> Interval:
    """The interval that (n, unit) means; a number alone counts in `plain`. Minutes and hours become seconds.

    Errors: NetTypeError for what is no interval, NetValueError for an amount that is not above 0 or an unknown unit.

    >>> parse_interval((2, "Minutes"), "here")
    Interval(amount=120.0, unit='Seconds')
    """
    units = (*UNITS, "Percent") if percent else UNITS
    amount, unit = value if isinstance(value, (tuple, list)) and len(value) == 2 else (value, plain)
    if isinstance(amount, bool) or not isinstance(amount, (int, float)):
        raise NetTypeError(f"{where}: Interval is a number or (number, unit), got {value!r}", fix='{"Interval": (100, "Batches")}')
    if unit not in units:
        words = ", ".join(f'"{name}"' for name in units[:-1])
        raise NetValueError(f'{where}: Interval is in {words} or "{units[-1]}", got {unit!r}')
    if not 0 < amount < math.inf:
        raise NetValueError(f"{where}: Interval is above 0, got {amount!r}")
    if unit in ("Rounds", "Batches") and amount != int(amount):
        raise NetValueError(f"{where}: Interval is a whole number of {unit.lower()}, got {amount!r}")
    return Interval(amount * SECONDS[unit], "Seconds") if unit in SECONDS else Interval(amount, str(unit))


class Timing(NamedTuple):
    """When something is due: an interval, and the least seconds between two times."""

    interval: Interval = EACH_ROUND
    least: float = 0.0


EVERY_ROUND = Timing()


def parse_timing(options: object, where: str, *, usual: Timing = EVERY_ROUND, plain: str = "Rounds", percent: bool = False) -> Timing:
    """The timing that a dict of "Interval" and "MinimumInterval" means.

    Errors: NetNameError for another option, NetTypeError and NetValueError for values that do not fit.
    """
    if not isinstance(options, Mapping):
        raise NetTypeError(f"{where}: wants a dict of options, got {options!r}", fix='{"Interval": (100, "Batches")}')
    words = spelled(options, ["Interval", "MinimumInterval"], where)
    interval = parse_interval(words["Interval"], where, plain=plain, percent=percent) if "Interval" in words else usual.interval
    least = words.get("MinimumInterval", usual.least)
    least = least[0] if isinstance(least, (tuple, list)) and len(least) == 2 and least[1] == "Seconds" else least
    if isinstance(least, bool) or not isinstance(least, (int, float)) or least < 0:
        raise NetTypeError(f"{where}: MinimumInterval is a number of seconds from 0, got {least!r}")
    return Timing(interval, float(least))


class Due:
    """Tells when something is due. Counts of rounds and batches need no memory, so a resumed run keeps their beat.

    >>> due = Due(Timing(Interval(2, "Batches")))
    >>> [due.now(Progress({"AbsoluteBatch": n, "TimeElapsed": 0.0}), ended=False) for n in (1, 2, 3, 4)]
    [False, True, False, True]
    """

    def __init__(self, timing: Timing):
        self.timing = timing
        self._last = 0.0
        self._told: float | None = None

    def start(self, progress: Progress) -> None:
        """From here on seconds and shares are counted."""
        self._last = self._amount(progress)

    def now(self, progress: Progress, *, ended: bool) -> bool:
        """Whether it is due after this batch; `ended` says that a round ended with it."""
        amount, unit = self.timing.interval
        if unit == "Rounds":
            due = ended and progress["Round"] % int(amount) == 0
        elif unit == "Batches":
            due = progress["AbsoluteBatch"] % int(amount) == 0
        else:
            reached = self._amount(progress)
            due = reached - self._last >= amount
            if due:
                self._last = reached if unit == "Seconds" else reached - reached % amount
        if due and self.timing.least:
            elapsed = progress["TimeElapsed"]
            if self._told is not None and elapsed - self._told < self.timing.least:
                return False
            self._told = elapsed
        return due

    def _amount(self, progress: Progress) -> float:
        unit = self.timing.interval.unit
        if unit == "Percent":
            return 100 * (progress.get("ProgressFraction") or 0.0)
        return (progress.get("TimeElapsed") or 0.0) if unit == "Seconds" else 0.0
