"""The training loop: batches, rounds, and the reasons to stop. Reads top to bottom; every piece is handed in."""

import math
import time
from collections.abc import Mapping, Sequence

import torch

from netgraph.train.events import Observer, Progress
from netgraph.train.feed import Fed, Feed
from netgraph.train.interrupt import Interrupts
from netgraph.train.result import StopReason
from netgraph.train.runner import CHECK_EVERY, Runner
from netgraph.train.schedule import Schedule
from netgraph.train.validate import Validation


class Loop:
    """One run: what it is made of, and, once `run` is done, all that it saw.

    `losses` are the losses of the batches, `round_losses` their means by round, `round_positions` the batch at which each round ended;
    `best` is (loss, round, arrays, states) of the best check when there is a validation set.
    """

    def __init__(
        self, runner: Runner, feed: Feed, *, rate: float, schedule: Schedule, rounds: int | None, seconds: float | None,
        total: int | None, validation: Validation | None, interval: tuple[float, str], observers: Sequence[Observer], facts: Mapping,
    ):  # fmt: skip
        self.runner, self.feed, self.rate, self.schedule = runner, feed, rate, schedule
        self.rounds, self.seconds, self.total = rounds, seconds, total
        self.validation, self.interval, self.observers, self.facts = validation, interval, observers, facts
        self.losses: list[float] = []
        self.round_losses: list[float] = []
        self.round_positions: list[int] = []
        self.validation_losses: list[float] = []
        self.validation_positions: list[int] = []
        self.best: tuple[float, int, tuple, tuple] | None = None
        self.batch = self.round = self.examples = 0
        self.reason: StopReason | None = None
        self.failed: tuple[int, Fed] | None = None
        self.elapsed = 0.0
        self.half: tuple[float, int] | None = None
        self._pending: list[torch.Tensor] = []
        self._recent: list[Fed] = []
        self._host = feed.device.type == "cpu"
        self._checked_at = (0.0, 0.0)

    def run(self, interrupts: Interrupts) -> None:
        """Train until there is a reason to stop."""
        snapshot = Snapshot(self)
        for observer in self.observers:
            observer.start(Progress(snapshot))
        started = time.perf_counter()
        with self.runner:
            while self.reason is None:
                fed = self.feed.next()
                if fed is None:
                    self._end_round(whole=False)
                    self.reason = StopReason.DATA_ENDED
                    break
                self._step(fed)
                self.elapsed = time.perf_counter() - started
                if self.half is None and self.seconds is not None and self.elapsed >= self.seconds / 2:
                    self.half = (self.elapsed, self.batch)
                if self.reason is None and fed.ends_round:
                    self._end_round(whole=True)
                if self.reason is None:
                    self._validate_between()
                self._tell(snapshot, fed.ends_round)
                if self.reason is None:
                    self.reason = self._limit(interrupts, fed.ends_round)
        self._read()
        self.elapsed = time.perf_counter() - started
        for observer in self.observers:
            observer.close(Progress(snapshot), self.reason)

    def _step(self, fed: Fed) -> None:
        """One update; a loss or gradient that is not finite has changed nothing, and ends the run."""
        loss = self.runner.step(fed.batch, self.rate_now())
        self.batch += 1
        self.examples += fed.count
        if self._host:
            self.losses.append(loss.item())
            if not math.isfinite(self.losses[-1]) or not self.runner.check():
                self._fail(self.batch, fed)
            return
        self._pending.append(loss)
        self._recent.append(fed)
        if len(self._pending) >= CHECK_EVERY or fed.ends_round:
            self._read()

    def _read(self) -> None:
        """Bring the losses of the last steps to the host, and look whether all were finite."""
        if not self._pending:
            return
        self.losses += torch.stack(self._pending).tolist()
        self._pending.clear()
        recent, self._recent = self._recent, []
        if not self.runner.check() and self.runner.failed_at is not None:
            number = self.runner.failed_at
            self._fail(number, recent[number - (self.batch - len(recent)) - 1])

    def _fail(self, number: int, fed: Fed) -> None:
        self.reason, self.failed = StopReason.DIVERGED, (number, fed)

    def rate_now(self) -> float:
        """The learning rate of the next update."""
        return self.rate * self.schedule.factor(self.batch + 1, self.total)

    def _end_round(self, whole: bool) -> None:
        """Close a round: its loss is the mean of its batch losses as they were seen."""
        if not self._host:
            self._read()
        start = self.round_positions[-1] if self.round_positions else 0
        if self.reason is not None or len(self.losses) == start:
            return
        seen = self.losses[start:]
        self.round_losses.append(sum(seen) / len(seen))
        self.round_positions.append(len(self.losses))
        self.round += 1
        amount, unit = self.interval
        if unit == "Rounds" and (self.round % max(1, round(amount)) == 0 or not whole):
            self._validate()

    def _validate_between(self) -> None:
        amount, unit = self.interval
        if self.validation is None or unit == "Rounds":
            return
        now = self.batch if unit == "Batches" else self.elapsed
        if now - self._checked_at[unit == "Seconds"] >= amount:
            self._checked_at = (self.batch, self.elapsed)
            self._validate()

    def _validate(self) -> None:
        if self.validation is None:
            return
        arrays, states = self.runner.arrays(), self.runner.states()
        loss = self.validation.loss(arrays, states)
        self.validation_losses.append(loss)
        self.validation_positions.append(self.batch)
        if math.isfinite(loss) and (self.best is None or loss < self.best[0]):
            self.best = (loss, self.round, arrays, states)

    def _limit(self, interrupts: Interrupts, ended: bool) -> StopReason | None:
        if interrupts.stopped is not None:
            return StopReason.INTERRUPTED
        if self.seconds is not None and self.elapsed >= self.seconds:
            return StopReason.TIME_GOAL
        if ended and self.rounds is not None and self.round >= self.rounds:
            return StopReason.ROUNDS_DONE
        return None

    def _tell(self, snapshot: "Snapshot", ended: bool) -> None:
        for observer in self.observers:
            answers = [observer.batch(Progress(snapshot))]
            if ended:
                answers.append(observer.round(Progress(snapshot)))
            if "StopTraining" in answers and self.reason is None:
                self.reason = StopReason.CALLBACK


class Snapshot(Mapping):
    """The loop as the values of a `Progress`: each is worked out when it is looked at."""

    def __init__(self, loop: Loop):
        self.loop = loop

    def __getitem__(self, name: str):
        if name in VALUES:
            return VALUES[name](self.loop)
        return self.loop.facts[name]

    def __iter__(self):
        return iter((*VALUES, *self.loop.facts))

    def __len__(self) -> int:
        return len(VALUES) + len(self.loop.facts)

    def __contains__(self, name) -> bool:
        return name in VALUES or name in self.loop.facts


def _last(values: list):
    return values[-1] if values else None


def _fraction(loop: Loop) -> float | None:
    parts = []
    if loop.seconds is not None:
        parts.append(loop.elapsed / loop.seconds)
    if loop.rounds is not None and loop.feed.per_round is not None:
        parts.append(loop.batch / (loop.rounds * loop.feed.per_round))
    return min(1.0, max(parts)) if parts else None


def _remaining(loop: Loop) -> float | None:
    fraction = _fraction(loop)
    return None if not fraction else loop.elapsed * (1 - fraction) / fraction


def _speed(loop: Loop, amount: int) -> float:
    return amount / loop.elapsed if loop.elapsed else 0.0


VALUES = {
    "AbsoluteBatch": lambda loop: loop.batch,
    "Batch": lambda loop: loop.batch - (loop.round_positions[-1] if loop.round_positions else 0) or loop.feed.per_round or 0,
    "BatchesPerRound": lambda loop: loop.feed.per_round,
    "BatchLoss": lambda loop: _last(loop.losses),
    "BatchLossList": lambda loop: list(loop.losses),
    "BatchSize": lambda loop: loop.feed.batch_size,
    "BatchesPerSecond": lambda loop: _speed(loop, loop.batch),
    "ExamplesPerSecond": lambda loop: _speed(loop, loop.examples),
    "MeanBatchesPerSecond": lambda loop: _speed(loop, loop.batch),
    "MeanExamplesPerSecond": lambda loop: _speed(loop, loop.examples),
    "ExamplesProcessed": lambda loop: loop.examples,
    "LearningRate": lambda loop: loop.rate_now(),
    "InitialLearningRate": lambda loop: loop.rate,
    "ProgressFraction": _fraction,
    "TimeElapsed": lambda loop: loop.elapsed,
    "TimeRemaining": _remaining,
    "Round": lambda loop: max(1, loop.round if loop.round_positions[-1:] == [loop.batch] else loop.round + 1),
    "RoundLoss": lambda loop: _last(loop.round_losses),
    "RoundLossList": lambda loop: list(loop.round_losses),
    "TotalBatches": lambda loop: None if loop.rounds is None or loop.feed.per_round is None else loop.rounds * loop.feed.per_round,
    "TotalRounds": lambda loop: loop.rounds,
    "ValidationLoss": lambda loop: _last(loop.validation_losses),
    "ValidationLossList": lambda loop: list(loop.validation_losses),
    "BestValidationRound": lambda loop: None if loop.best is None else loop.best[1],
}
