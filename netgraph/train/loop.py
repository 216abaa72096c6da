"""The training loop: batches, updates, rounds, and the reasons to stop. Reads top to bottom; every piece is handed in."""

import math
import time
from collections.abc import Sequence
from typing import Any

import torch

from netgraph.train.events import Observer, Progress
from netgraph.train.feed import Fed
from netgraph.train.interrupt import Interrupts
from netgraph.train.memory import is_out_of_memory
from netgraph.train.result import StopReason
from netgraph.train.runner import CHECK_EVERY, waits_for_nothing
from netgraph.train.session import Session
from netgraph.train.snapshot import Snapshot
from netgraph.train.stopping import Watch, unknown_measurement
from netgraph.train.tracked import Tracked, number_of
from netgraph.types.symbols import Automatic


class Loop:
    """One run: what it is made of, and, once `run` is done, all that it saw.

    `losses` are the losses of the updates, `round_losses` their means by round, `round_positions` the update at which each round ended;
    `best` is (score, round, arrays, states) of the best check when there is a validation set. `batch` counts updates, `parts` the batches
    of the next one that were added up. `fed` is the last batch; `error` what ended training where that was an exception, `at` the place
    of it where that was not a step; `marks` are (seconds, updates, examples) of the last two whole seconds, for present speeds.
    """

    def __init__(self, session: Session, observers: Sequence[Observer], report: list[str]):
        self.session, self.runner, self.feed = session, session.runner, session.feed
        self.observers, self.report = list(observers), report
        options = session.options
        self.schedule, self.accumulation = options.method.schedule, options.accumulation
        self.rounds, self.seconds, self.interval = options.rounds, options.seconds, options.validation_interval
        self.losses: list[float] = []
        self.round_losses: list[float] = []
        self.round_positions: list[int] = []
        self.validation_losses: list[float] = []
        self.validation_positions: list[int] = []
        self.best: tuple[tuple[float, ...], int, tuple, tuple] | None = None
        self.batch = self.round = self.examples = self.parts = 0
        self.elapsed = 0.0
        self.reason: StopReason | None = None
        self.failed: tuple[int, list[Fed]] | None = None
        self.fed: Fed | None = None
        self.error: Exception | None = None
        self.at: str | None = None
        self.event = "Start"
        self.files: list[str] = []
        self.checked_at = (0.0, 0.0)
        self.marks: list[tuple[float, int, int]] = [(0.0, 0, 0)]
        self.tracked = Tracked(session.prepared.measuring, session.prepared.forward, options.measurements is not Automatic)
        self._pending: list[torch.Tensor] = []
        self._recent: list[list[Fed]] = []
        self._group: list[Fed] = []
        self._host = waits_for_nothing(self.feed.device)
        self._snapshot = Snapshot(self)
        self._watch = self._watching()

    def run(self, interrupts: Interrupts) -> None:
        """Train until there is a reason to stop. What a batch, a callback or the data raise ends training and is kept in `error`."""
        began = time.perf_counter() - self.elapsed
        try:
            for observer in self.observers:
                observer.start(self.progress())
            if self.batch:
                self.reason = self._reached()
            with self.runner:
                while self.reason is None:
                    self._next(began)
                    if self.reason is None:
                        self.reason = self._limit(interrupts)
            self.read()
        except Exception as problem:
            if not self.batch and not is_out_of_memory(problem):
                self._close(None)
                raise
            self.error = problem
            self.reason = StopReason.OUT_OF_MEMORY if is_out_of_memory(problem) else StopReason.FAILED
        except BaseException:
            self._close(None)
            raise
        self.elapsed = time.perf_counter() - began
        self._close(self.reason)

    def _next(self, began: float) -> None:
        """One batch and all that is due after it."""
        self.at = self.feed_place()
        fed = self.feed.next()
        self.at = None
        if fed is None:
            self._finish()
            self._end_round(whole=False)
            self.reason = StopReason.DATA_ENDED
            return
        self.fed = fed
        updated = self.take(fed)
        self.elapsed = time.perf_counter() - began
        if self.elapsed - self.marks[-1][0] >= 1.0:
            self.marks = [self.marks[-1], (self.elapsed, self.batch, self.examples)]
        if self.reason is None and fed.ends_round:
            self._end_round(whole=True)
        if self.reason is None and updated:
            self._validate_between()
        if updated:
            self._tell(fed.ends_round)

    def progress(self) -> Progress:
        """Where training stands, for observers."""
        return Progress(self._snapshot)

    def feed_place(self) -> str:
        """Where the next batch comes from, in words."""
        return f"reading batch {self.feed.position + 1}"

    # -- updates -----------------------------------------------------------------------------------------------------------------------

    def take(self, fed: Fed) -> bool:
        """One batch, and whether it made an update; a loss or gradient that is not finite has changed nothing, and ends the run."""
        if self.accumulation == 1:
            loss = self.runner.step(fed.batch, self.rate_now())
            self.examples += fed.count
            self._track(fed, loss)
            self._updated(loss, [fed])
            return True
        self._track(fed, self.runner.add(fed.batch))
        self.parts += 1
        self._group.append(fed)
        self.examples += fed.count
        if self._host and not self.runner.check():
            self._fail(self.batch + 1, [fed])
            return False
        if self.parts < self.accumulation and not fed.ends_round:
            return False
        self._finish()
        return True

    def _track(self, fed: Fed, loss: torch.Tensor) -> None:
        """Let what is measured see a batch."""
        if self.tracked:
            self.tracked.add(self.runner.seen, fed.batch.lengths, loss, self.session.named)

    def _finish(self) -> None:
        """The update by the batches that were added up, if there are any."""
        if self.parts:
            group, self._group, self.parts = self._group, [], 0
            self._updated(self.runner.update(self.rate_now()), group)

    def _updated(self, loss: torch.Tensor, group: list[Fed]) -> None:
        self.batch += 1
        self.event = "Batch"
        if self.session.average is not None and self.runner.failed_at is None:
            self.session.average.update(self.runner.trained, self.batch)
        if self._host:
            self.losses.append(loss.item())
            if not math.isfinite(self.losses[-1]) or not self.runner.check():
                self._fail(self.batch, group)
            return
        self._pending.append(loss)
        self._recent.append(group)
        if len(self._pending) >= CHECK_EVERY or (group[-1:] and group[-1].ends_round):
            self.read()

    def read(self) -> None:
        """Bring the losses of the last steps to the host, and look whether all were finite."""
        if not self._pending:
            return
        self.losses += torch.stack(self._pending).tolist()
        self._pending.clear()
        recent, self._recent = self._recent, []
        if not self.runner.check() and self.runner.failed_at is not None:
            number = self.runner.failed_at
            self._fail(number, recent[number - (self.batch - len(recent)) - 1])

    def _fail(self, number: int, group: list[Fed]) -> None:
        self.reason, self.failed = StopReason.DIVERGED, (number, group)

    def rate_now(self) -> float:
        """The learning rate of the next update."""
        return self.rate_of(self.batch + 1)

    def rate_of(self, batch: int) -> float:
        """The learning rate of an update, seen from now."""
        checks = self.checks if self.schedule.follows else ()
        return self.session.rate * self.schedule.factor(batch, self.session.total, checks)

    @property
    def checks(self) -> list[float]:
        """What schedules and criteria look at: the validation losses, or those of the rounds where nothing is validated."""
        return self.round_losses if self.session.validation is None else self.validation_losses

    # -- rounds and checks -------------------------------------------------------------------------------------------------------------

    def _end_round(self, whole: bool) -> None:
        """Close a round: its loss is the mean of its batch losses as they were seen."""
        if not self._host:
            self.read()
        start = self.round_positions[-1] if self.round_positions else 0
        if self.reason is not None or len(self.losses) == start:
            return
        seen = self.losses[start:]
        self.round_losses.append(sum(seen) / len(seen))
        self.round_positions.append(len(self.losses))
        if self.tracked:
            self.tracked.end_round(self.round_losses[-1], self.session.named)
        self.round += 1
        self.event = "Round"
        if self.session.validation is None:
            self._judge(self.watched[-1])
        amount, unit = self.interval
        if unit == "Rounds" and (self.round % max(1, round(amount)) == 0 or not whole):
            self._validate()

    def _validate_between(self) -> None:
        amount, unit = self.interval
        if self.session.validation is None or unit == "Rounds":
            return
        now = self.batch if unit == "Batches" else self.elapsed
        if now - self.checked_at[unit == "Seconds"] >= amount:
            self.checked_at = (self.batch, self.elapsed)
            self._validate()

    def _validate(self) -> None:
        if self.session.validation is None:
            return
        self.at = "validating"
        arrays, states = self.session.current()
        loss, measured = self.session.validation.check(arrays, states)
        self.at = None
        self.tracked.check(measured)
        self.validation_losses.append(loss)
        self.validation_positions.append(self.batch)
        self.event = "Validation"
        criterion = self.session.options.stopping
        score = self.tracked.score(None if criterion is None else criterion.measurement, loss)
        if all(map(math.isfinite, score)) and (self.best is None or score < self.best[0]):
            self.best = (score, self.round, arrays, states)
        self._judge(self.watched[-1])

    # -- reasons to stop ---------------------------------------------------------------------------------------------------------------

    def _watching(self) -> Watch | None:
        criterion = self.session.options.stopping
        if criterion is None or criterion.function is not None:
            return None
        name = criterion.measurement
        if name is not None and name != "Loss" and name not in self.tracked.names:
            raise unknown_measurement(name, ["Loss", *self.tracked.names])
        if self.session.validation is None:
            self.report.append("TrainingStoppingCriterion without a ValidationSet: it looks at the loss of the training data")
        return Watch(criterion, name in self.tracked.names and self.tracked.rises(str(name)))

    @property
    def watched(self) -> list[float]:
        """What the stopping criterion looks at, one number a check."""
        criterion = self.session.options.stopping
        name = None if criterion is None else criterion.measurement
        if name is None or name not in self.tracked.names:
            return self.checks
        return [number_of(value) for value in (self.tracked.rounds if self.session.validation is None else self.tracked.checks)[name]]

    def watch_again(self) -> None:
        """Let the stopping criterion see all checks of a run that is gone on with; the last of them may end it at once."""
        if self._watch is not None:
            for value in self.watched:
                self._judge(value)

    def _judge(self, value: float) -> None:
        """Let the stopping criterion see a check."""
        criterion = self.session.options.stopping
        if self._watch is not None:
            met = self._watch.add(value)
        else:
            decide = None if criterion is None else criterion.function
            if criterion is None or decide is None or len(self.checks) <= criterion.initial_patience:
                return
            self.at = "in the function of TrainingStoppingCriterion"
            met = decide(self.progress()) is True
            self.at = None
        if met and self.reason is None:
            self.reason = StopReason.CRITERION

    def _limit(self, interrupts: Interrupts) -> StopReason | None:
        if self.runner.kept:  # these parts have no gradient yet that could be saved
            return None
        return StopReason.INTERRUPTED if interrupts.stopped is not None else self._reached()

    def _reached(self) -> StopReason | None:
        if self.reason is not None:
            return self.reason
        if self.seconds is not None and self.elapsed >= self.seconds:
            return StopReason.TIME_GOAL
        if self.rounds is not None and self.round >= self.rounds and self.round_positions[-1:] == [self.batch] and not self.parts:
            return StopReason.ROUNDS_DONE
        return None

    # -- observers ---------------------------------------------------------------------------------------------------------------------

    def _tell(self, ended: bool) -> None:
        for observer in self.observers:
            self.at = f"in {observer.called} after batch {self.batch}"
            answers: list[Any] = [observer.batch(self.progress())]
            if ended:
                answers.append(observer.round(self.progress()))
            self.at = None
            for answer, reason in (("AbortTraining", StopReason.ABORTED), ("StopTraining", StopReason.CALLBACK)):
                if answer in answers and self.reason is None:
                    self.reason = reason

    def _close(self, reason: StopReason | None) -> None:
        """Tell all observers that training has ended; what one of them raises is reported, and the others are still told."""
        self.feed.close()
        for observer in self.observers:
            try:
                observer.close(self.progress(), reason)
            except Exception as problem:
                self.report.append(f"{observer.called} could not be closed: {type(problem).__name__}: {problem}")
