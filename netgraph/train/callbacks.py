"""TrainingProgressFunction: functions of one's own, called while training runs."""

from collections.abc import Callable, Mapping

from netgraph.errors import NetTypeError
from netgraph.train.events import Observer, Progress
from netgraph.train.interval import EVERY_ROUND, Due, Timing, parse_timing

WHERE = "TrainingProgressFunction"


class Called(Observer):
    """One function, called with the progress whenever it is due; its answer is passed on."""

    called = WHERE

    def __init__(self, function: Callable[[Progress], object], timing: Timing = EVERY_ROUND):
        self.function, self.due = function, Due(timing)

    def start(self, progress: Progress) -> None:
        self.due.start(progress)

    def batch(self, progress: Progress):
        if self.due.timing.interval.unit == "Rounds":
            return None
        return self.function(progress) if self.due.now(progress, ended=False) else None

    def round(self, progress: Progress):
        if self.due.timing.interval.unit != "Rounds":
            return None
        return self.function(progress) if self.due.now(progress, ended=True) else None


def parse_functions(value: object) -> list[Called]:
    """The observers that the option means: None, f, (f, {"Interval": (100, "Batches")}), or a list of these.

    Errors: NetTypeError for what is no function; those of intervals.

    >>> len(parse_functions([print, (print, {"Interval": (10, "Percent")})]))
    2
    """
    if value is None:
        return []
    if isinstance(value, list):
        return [called for one in value for called in parse_functions(one)]
    if isinstance(value, tuple) and len(value) == 2 and callable(value[0]) and isinstance(value[1], Mapping):
        return [Called(value[0], parse_timing(value[1], WHERE, percent=True))]
    if callable(value):
        return [Called(value)]
    raise NetTypeError(f"net_train: {WHERE} wants a function of the progress, got {value!r}")
