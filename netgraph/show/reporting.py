"""TrainingProgressReporting: what shows, calls or writes the course of training."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.show.log_file import LogFile
from netgraph.show.progress import ProgressLine
from netgraph.show.tensorboard import TensorBoard
from netgraph.train.callbacks import Called
from netgraph.train.events import Observer, Progress
from netgraph.train.interval import EVERY_ROUND, Due, Timing, parse_timing
from netgraph.train.result import StopReason
from netgraph.types.symbols import Automatic

WHERE = "TrainingProgressReporting"
FORMS = ("Panel", "Print", "ProgressIndicator")
PLACES = {"File": LogFile, "TensorBoard": TensorBoard}
LEAST_INTERVAL = 0.05
ACCEPTED = (
    'Automatic, None, "Panel", "Print", "ProgressIndicator", ("File", "log.csv"), ("TensorBoard", "folder"), a function of the progress'
)


class Silent(Observer):
    """Shows nothing: TrainingProgressReporting=None."""


class Report(Called):
    """Calls a function of one's own with the progress after every round; what it answers is passed on ("StopTraining" ends training)."""

    called = WHERE


class Several(Observer):
    """Reports in several ways; what ends training for one of them does for all."""

    called = WHERE

    def __init__(self, observers: Sequence[Observer]):
        self.observers = list(observers)

    def start(self, progress: Progress) -> None:
        for observer in self.observers:
            observer.start(progress)

    def batch(self, progress: Progress):
        return _strongest([observer.batch(progress) for observer in self.observers])

    def round(self, progress: Progress):
        return _strongest([observer.round(progress) for observer in self.observers])

    def close(self, progress: Progress, reason: StopReason | None) -> None:
        for observer in self.observers:
            observer.close(progress, reason)


def _strongest(answers: Sequence[object]):
    return next((answer for answer in ("AbortTraining", "StopTraining") if answer in answers), None)


def reporter(spec=Automatic, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> Observer:
    """The observer that TrainingProgressReporting asks for.

        Automatic                     a live line in terminals, a panel in notebooks, plain lines elsewhere
        None                          silence
        "Panel", "Print" (plain lines), "ProgressIndicator" (bar and times alone)
        f                             a function, called with the `Progress` after every round
        ("File", "log.csv")           a row a round into a file: .csv, .tsv or .json
        ("TensorBoard", "folder")     the same for TensorBoard
        a list of these

    Each may come with how often, `("Print", {"Interval": 10})` in seconds or (n, "Rounds" | "Batches" | "Seconds" | ...), and
    "MinimumInterval" in seconds. An `Observer` of one's own is taken as it is.
    Errors: NetNameError for an unknown form, NetTypeError for anything else, NetValueError for an interval below 0.05 s.

    >>> reporter("Pannel")
    Traceback (most recent call last):
    netgraph.errors.NetNameError: TrainingProgressReporting: there is no form "Pannel", did you mean "Panel"?
    """
    if isinstance(spec, list):
        return Several([reporter(one, stream=stream, clock=clock) for one in spec])
    options: Mapping | None = None
    if isinstance(spec, tuple) and len(spec) >= 2 and isinstance(spec[-1], Mapping):
        spec, options = (spec[0] if len(spec) == 2 else spec[:-1]), spec[-1]
    if spec is None:
        return Silent()
    if spec is Automatic or isinstance(spec, str):
        if isinstance(spec, str) and spec not in FORMS:
            raise NetNameError(f'{WHERE}: there is no form "{spec}", {did_you_mean(spec, [*FORMS, *PLACES])}')
        form = spec if isinstance(spec, str) else "Line"
        interval, due = (None, None) if options is None else _seconds_or_due(options)
        return ProgressLine(form, stream=stream, clock=clock, interval=interval, due=due)
    if isinstance(spec, tuple) and len(spec) == 2 and spec[0] in PLACES and isinstance(spec[1], (str, os.PathLike)):
        timing = EVERY_ROUND if options is None else parse_timing(options, WHERE)
        return PLACES[spec[0]](spec[1], timing)
    if isinstance(spec, Observer) and not isinstance(spec, type):
        return spec
    if callable(spec):
        usual = Timing(EVERY_ROUND.interval, LEAST_INTERVAL)
        return Report(spec, usual if options is None else parse_timing(options, WHERE, usual=usual))
    raise NetTypeError(f"{WHERE}: {spec!r} is not understood", fix=ACCEPTED)


def _seconds_or_due(options: Mapping) -> tuple[float | None, Due | None]:
    """A plain interval in seconds, which costs one look at the clock a batch, or what else tells when it is time."""
    timing = parse_timing(options, WHERE, plain="Seconds")
    if timing.interval.unit == "Seconds" and not timing.least:
        if timing.interval.amount < LEAST_INTERVAL:
            raise NetValueError(f"{WHERE}: Interval is at least {LEAST_INTERVAL} s, got {timing.interval.amount!r}")
        return timing.interval.amount, None
    return None, Due(timing)
