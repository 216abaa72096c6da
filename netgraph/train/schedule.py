"""How the learning rate moves during training: factors of the base rate, from 0 to 1, by update.

    rate of update `batch` = base rate * factor(batch, total)        batch = 1, 2, ..., total

    Constant           1
    Cosine             (1 + cos(pi batch / total)) / 2
    OneCycle           up by a half cosine from 1/25 to 1 in the first 30 %, then down by a half cosine to 1/250000
    WarmUp(n)          min(1, batch / n)
    Plateau            times 0.1 each time that more than 10 checks in a row brought no improvement
    Custom(f)          f(batch, total)
    InTurn((a, b))     a for its own length, then b, which counts its batches from 1 again

"Checks" are the validation losses so far, one a check, or the losses of the rounds where nothing is validated.
`total` may be None where a run has no planned end; Cosine and OneCycle then say that they need one.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.spec.names import spelled


@dataclass(frozen=True)
class Schedule:
    """A factor of the base rate for each update. Abstract: use one of its children, or `parse_schedule`."""

    @property
    def length(self) -> int | None:
        """The updates it takes for itself where it stands in a list; None where it takes what is left."""
        return None

    @property
    def follows(self) -> bool:
        """Whether it looks at the losses."""
        return False

    def factor(self, batch: int, total: int | None, checks: Sequence[float] = ()) -> float:
        """The factor of update `batch` (from 1) out of `total`, after the losses of `checks`."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def spelling(self):
        """The form in which a user writes it."""
        return type(self).__name__

    def _known(self, total: int | None) -> int:
        if total is None:
            raise NetValueError(
                f'LearningRateSchedule "{type(self).__name__}" needs the number of updates, and this run has no planned end',
                fix="MaxTrainingRounds=... or TimeGoal=...",
            )
        return max(1, total)


@dataclass(frozen=True)
class Constant(Schedule):
    """The base rate throughout.

    >>> Constant().factor(3, None)
    1.0
    """

    def factor(self, batch, total, checks=()):
        return 1.0

    def spelling(self):
        return None


@dataclass(frozen=True)
class Cosine(Schedule):
    """(1 + cos(pi batch / total)) / 2: from 1 down to 0.

    >>> Cosine().factor(5, 10)
    0.5
    """

    def factor(self, batch, total, checks=()):
        # rounded so that the middle is 0.5 and the end 0, which cos(pi / 2) and cos(pi) miss by an ulp
        return round((1 + math.cos(math.pi * min(1.0, batch / self._known(total)))) / 2, 15)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to the base rate and down again (Smith and Topin, 2017), by half cosines; the numbers are those of torch's OneCycleLR.

    With s = (batch - 1) and the peak at p = 0.3 total - 1: up from 1/25 at s = 0 to 1 at s = p, down to 1/250000 at s = total - 1.

    >>> round(OneCycle().factor(1, 100), 6), round(OneCycle().factor(30, 100), 6), round(OneCycle().factor(100, 100), 6)
    (0.04, 1.0, 4e-06)
    """

    rising: float = 0.3
    first: float = 1 / 25
    last: float = 1 / 250000

    def factor(self, batch, total, checks=()):
        total = self._known(total)
        step, peak, end = min(batch, total) - 1, self.rising * total - 1, total - 1
        if step <= peak and peak > 0:
            start, stop, share = self.first, 1.0, step / peak
        else:
            start, stop, share = 1.0, self.last, (step - peak) / max(end - peak, 1e-12)
        return stop + (start - stop) * (1 + math.cos(math.pi * min(1.0, max(0.0, share)))) / 2


@dataclass(frozen=True)
class WarmUp(Schedule):
    """min(1, batch / updates): straight up to the base rate.

    >>> WarmUp(500).factor(250, None)
    0.5
    """

    updates: int = 500

    @property
    def length(self):
        return self.updates

    def factor(self, batch, total, checks=()):
        return min(1.0, batch / self.updates)

    def spelling(self):
        return ("WarmUp", self.updates)


@dataclass(frozen=True)
class Plateau(Schedule):
    """`reduction` to the power of how often the losses stood still: over `patience` checks in a row not below (1 - change) of the best.

    As torch's ReduceLROnPlateau, but a function of all losses so far, so that a resumed run goes on alike.

    >>> [Plateau(patience=1).factor(1, None, [1, 0.5, 0.5, 0.5, 0.6, 0.6][:n]) for n in (2, 3, 4, 5, 6)]
    [1.0, 1.0, 0.1, 0.1, 0.01]
    """

    reduction: float = 0.1
    patience: int = 10
    change: float = 1e-4

    @property
    def follows(self):
        return True

    def factor(self, batch, total, checks=()):
        best, barren, times = math.inf, 0, 0
        for loss in checks:
            if loss < best * (1 - self.change) or math.isinf(best):
                best, barren = loss, 0
            else:
                barren += 1
            if barren > self.patience:
                barren, times = 0, times + 1
        return round(self.reduction**times, 15) if times else 1.0

    def spelling(self):
        return ("Plateau", {"Factor": self.reduction, "Patience": self.patience, "RelativeChange": self.change})


@dataclass(frozen=True)
class Custom(Schedule):
    """A callable f(batch, total) that gives the factor.

    >>> Custom(lambda batch, total: 1 if batch < 0.5 * total else 0.1).factor(8, 10)
    0.1
    """

    function: Callable

    def factor(self, batch, total, checks=()):
        value = float(self.function(batch, total))
        if not math.isfinite(value):
            raise NetValueError(f"LearningRateSchedule gave {value} for batch {batch} of {total}; a finite factor is wanted")
        return value

    def spelling(self):
        return self.function


@dataclass(frozen=True)
class InTurn(Schedule):
    """Schedules one after another; all but the last must have a length of their own, the last takes the rest.

    >>> s = InTurn((WarmUp(100), Cosine()))
    >>> s.factor(50, 1100), s.factor(600, 1100), s.factor(1100, 1100)
    (0.5, 0.5, 0.0)
    """

    parts: tuple[Schedule, ...]

    @property
    def length(self):
        total = 0
        for part in self.parts:
            if part.length is None:
                return None
            total += part.length
        return total

    @property
    def follows(self):
        return any(part.follows for part in self.parts)

    def factor(self, batch, total, checks=()):
        done = 0
        for part in self.parts[:-1]:
            own = part.length or 0
            if batch - done <= own:
                return part.factor(batch - done, own)
            done += own
        return self.parts[-1].factor(batch - done, None if total is None else max(1, total - done), checks)

    def spelling(self):
        return [part.spelling() for part in self.parts]


_NAMED = {"Constant": Constant, "Cosine": Cosine, "OneCycle": OneCycle, "Plateau": Plateau, "WarmUp": WarmUp}


def parse_schedule(value) -> Schedule:
    """The schedule that a user's spelling means.

    None is Constant; a name, ("WarmUp", n), ("Plateau", {"Factor": 0.1, "Patience": 10, "RelativeChange": 0.0001}), a callable
    f(batch, total), a list of these in turn, or a Schedule.
    Errors: NetNameError for an unknown name, NetValueError for a length below 1, NetTypeError for anything else.

    >>> parse_schedule([("WarmUp", 500), "Cosine"])
    InTurn(parts=(WarmUp(updates=500), Cosine()))
    """
    if isinstance(value, Schedule):
        return value
    if value is None or repr(value) == "Automatic":
        return Constant()
    if isinstance(value, str):
        return _named(value)()
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str) and not isinstance(value[1], str | tuple):
        kind = _named(value[0])
        if kind is Plateau and isinstance(value[1], Mapping):
            return _plateau(value[1])
        if kind is not WarmUp:
            raise NetValueError(f'LearningRateSchedule "{value[0]}" takes no number', fix=f'"LearningRateSchedule": "{value[0]}"')
        if isinstance(value[1], bool) or not isinstance(value[1], int) or value[1] < 1:
            raise NetValueError(f'LearningRateSchedule ("WarmUp", n): n is {value[1]!r}, a number of updates from 1 is wanted')
        return WarmUp(value[1])
    if isinstance(value, list | tuple) and value:
        parts = tuple(parse_schedule(part) for part in value)
        for place, part in enumerate(parts[:-1]):
            if part.length is None:
                raise NetValueError(
                    f"LearningRateSchedule: entry {place} of the list has no length of its own, so entry {place + 1} would never start",
                    origins=[(part.spelling() or "None", f"entry {place} of {len(parts)}")],
                )
        return parts[0] if len(parts) == 1 else InTurn(parts)
    if callable(value):
        return Custom(value)
    raise NetTypeError(
        f"LearningRateSchedule is {value!r}",
        origins=[("wanted", 'a name, ("WarmUp", n), a callable f(batch, total), or a list of these in turn')],
    )


def _plateau(options: Mapping) -> Plateau:
    words = spelled(options, ["Factor", "Patience", "RelativeChange"], 'LearningRateSchedule "Plateau"')
    for name, least, most in (("Factor", 0, 1), ("Patience", 1, math.inf), ("RelativeChange", 0, 1)):
        number = words.get(name, least)
        whole = isinstance(number, int) or name != "Patience"
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not least <= number < most or not whole:
            what = "a whole number from 1" if name == "Patience" else "a number from 0 to 1"
            raise NetValueError(f'LearningRateSchedule "Plateau": {name} is {number!r}, {what} is wanted')
    names = {"Factor": "reduction", "Patience": "patience", "RelativeChange": "change"}
    return Plateau(**{names[name]: value for name, value in words.items()})


def _named(name: str):
    try:
        return _NAMED[name]
    except KeyError:
        raise NetNameError(f'LearningRateSchedule "{name}" is unknown: {did_you_mean(name, sorted(_NAMED))}') from None
