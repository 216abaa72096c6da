"""What training tells while it runs: `Progress`, a snapshot, and `Observer`, whoever wants to see it."""

from collections.abc import Mapping
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Protocol, runtime_checkable

from netgraph.train.record import Record, by_snake
from netgraph.train.result import StopReason

NAMES = (
    "AbsoluteBatch", "Batch", "BatchesPerRound", "BatchData", "BatchIndices", "BatchLoss", "BatchLossList", "BatchMeasurements",
    "BatchMeasurementsLists", "BatchSize", "BatchesPerSecond", "ExamplesPerSecond", "MeanBatchesPerSecond", "MeanExamplesPerSecond",
    "ExamplesProcessed", "ExampleLosses", "BestValidationRound", "CheckpointingFiles", "Event", "Gradients", "GradientsRMS",
    "GradientsVector", "Weights", "WeightsRMS", "WeightsVector", "InitialLearningRate", "LearningRate", "OptimizationMethod",
    "TargetDevice", "Net", "ProgressFraction", "TimeElapsed", "TimeRemaining", "Round", "RoundLoss", "RoundLossList",
    "RoundMeasurements", "RoundMeasurementsLists", "TotalBatches", "TotalRounds", "ValidationLoss", "ValidationLossList",
    "ValidationMeasurements", "ValidationMeasurementsLists",
)  # fmt: skip
"""All that training may tell, under the names of Wolfram's TrainingProgressFunction."""

# Nets and classes can be called too, but are values here.
_LAZY = (FunctionType, MethodType, BuiltinFunctionType, partial)


class Progress(Record):
    """Where training stands: a value that answers `progress["RoundLoss"]` and `progress.round_loss` alike.

    It is built from a mapping of names to values; a value that is a function without arguments is called when somebody looks, once a
    snapshot. So a snapshot costs nothing that nobody asks for. Look while the call lasts that handed it over: later, what was not looked
    at tells the later state. Rounds and batches count from 1, times are in seconds, fractions run from 0 to 1; what is not known (yet) is
    None.
    Errors: NetNameError for a name that training does not tell, with the nearest ones.
    Source: the association of Wolfram's TrainingProgressFunction.

    >>> progress = Progress({"Round": 3, "RoundLoss": lambda: 0.25})
    >>> progress["Round"], progress.round, progress.RoundLoss, progress["round_loss"]
    (3, 3, 0.25, 0.25)
    >>> progress["RoundLost"]
    Traceback (most recent call last):
    netgraph.errors.NetNameError: the progress of training has no 'RoundLost', did you mean "RoundLoss" or "Round"?
    """

    __slots__ = ("_looked",)

    what = "the progress of training"
    snakes = by_snake(NAMES, {})

    def __init__(self, values: Mapping[str, object]):
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_looked", {})

    def value(self, name: str):
        if name in self._looked:
            return self._looked[name]
        value = self._values[name]
        if isinstance(value, _LAZY):
            value = value()
        self._looked[name] = value
        return value

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={'...' if self._unseen(name) else _short(self.value(name))}" for name in self)
        return f"Progress({shown})"

    def _unseen(self, name: str) -> bool:
        return name not in self._looked and isinstance(self._values[name], _LAZY)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


@runtime_checkable
class Observer(Protocol):
    """Whoever wants to see training run: progress lines, callbacks, checkpoints, early stopping.

    Training calls `start` once before the first batch, `batch` after every update, `round` after every round (after `batch`, validation
    included), and `close` once at the end, whatever the end was. Answering "StopTraining" from `batch` or `round` ends training as a
    progress function may; any other answer is ignored. A subclass defines what it needs, the rest does nothing.

    >>> class Losses(Observer):
    ...     def __init__(self):
    ...         self.seen = []
    ...     def round(self, progress):
    ...         self.seen.append(progress.round_loss)
    >>> losses = Losses()
    >>> losses.start(Progress({})); losses.round(Progress({"RoundLoss": 0.5})); losses.seen
    [0.5]
    """

    called = "an observer"
    """What messages call it: the option that it belongs to."""

    def start(self, progress: Progress) -> None:
        """Training is about to begin: totals are known, nothing is done yet."""

    def batch(self, progress: Progress) -> str | None:
        """One update is done. Called often: be quick."""

    def round(self, progress: Progress) -> str | None:
        """One round is done, its validation too."""

    def close(self, progress: Progress, reason: StopReason | None) -> None:
        """Training ended, for this reason; None when an exception ended it."""
