"""`Trainer`: training step by step, for loops of one's own."""

import math
import os
from pathlib import Path
from typing import Any

from netgraph.data.sources import Source
from netgraph.data.stream import Stream
from netgraph.errors import NetTrainingError, NetTypeError, NetValueError
from netgraph.formats.native import net_load
from netgraph.formats.training_file import write_training
from netgraph.losses.targets import column_encoders
from netgraph.nets.container import input_names, output_names
from netgraph.spec.names import spelled
from netgraph.spec.net import Net
from netgraph.train.loop import Loop
from netgraph.train.options import read_options
from netgraph.train.outcome import divergence
from netgraph.train.plan import Plan
from netgraph.train.prepare import further
from netgraph.train.resume import Resumed, compare, identity, merged, read_checkpoint
from netgraph.train.session import Session, begin
from netgraph.train.state import captured, restore
from netgraph.train.validate import Validation
from netgraph.types.symbols import Automatic

__all__ = ["Trainer"]

NAMES = (
    "ClassWeights", "Compile", "EMA", "GradientAccumulation", "LearningRate", "LearningRateMultipliers", "LossFunction", "Method", "Plan",
    "RandomSeeding", "Resume", "TargetDevice", "TotalBatches", "TrainingUpdateSchedule", "WorkingPrecision",
)  # fmt: skip


class _Pushed(Source):
    """One raw batch, put here before each step."""

    def __init__(self):
        self.raw: Any = None

    def called(self, number: int) -> str:
        return f"batch {number}"

    def batches_per_round(self, batch_size: int) -> int:
        return 1

    def read(self, number: int, batch_size: int, seed):
        return self.raw, number


class Trainer:
    """The level below `net_train`: it makes updates from batches that one's own loop brings, and holds the same state.

        trainer = Trainer(net, LossFunction=..., Method=..., ...)
        loss = trainer.step(batch)       one update (with GradientAccumulation=n a part of one); the loss as a number
        trainer.net                      the net as trained so far, a value; averaged where EMA says so
        trainer.loss(data)               the mean loss on other data, in evaluation mode
        trainer.save(path)               the whole state as a checkpoint, which `Trainer(net, Resume=path, ...)` goes on from, bit for bit

    A batch is a dict of columns, (inputs, outputs), a list of pairs or a list of dicts, of raw objects where a port has a codec. The first
    one settles what sizes the net left open.
    Options are those of `net_train` that speak of single updates, and TotalBatches: how many updates a learning-rate schedule counts on.
    Errors: those of `net_train`; NetTrainingError for a loss or gradient that is not finite, which has changed nothing.
    Source: ours.

    >>> trainer = Trainer(LinearLayer(()), Method="SGD", LearningRate=0.1)
    >>> for _ in range(300):
    ...     loss = trainer.step(([0.0, 1.0, 2.0], [1.0, 3.0, 5.0]))
    >>> trainer.batch, round(trainer.net(3.0), 1)
    (300, 7.0)
    """

    def __init__(self, net: Net, **options):
        if not isinstance(net, Net):
            raise NetTypeError(f"Trainer wants a net, got {net!r}")
        self.report: list[str] = []
        words = dict(spelled(options, NAMES, "Trainer"))
        place, total = words.pop("Resume", None), words.pop("TotalBatches", None)
        if total is not None and (isinstance(total, bool) or not isinstance(total, int) or total < 1):
            raise NetValueError(f"Trainer: TotalBatches is a whole number from 1, got {total!r}")
        self._resumed: Resumed | None = None if place is None else read_checkpoint(place, self.report)
        if self._resumed is not None:
            words = {name: value for name, value in merged(words, self._resumed).items() if name in NAMES}
        words.setdefault("Plan", Automatic)
        if words["Plan"] is Automatic and words.get("Compile") is not True:
            # what is to come is not known, so there is nothing to measure against
            words["Plan"] = Plan("eager")
        self._net, self._total = net, total
        self._options = read_options(words, names=NAMES, where="Trainer")
        if self._options.rate is None:
            raise NetValueError('Trainer: LearningRate="Find" needs the data of a whole run; net_train has it')
        self._pushed = _Pushed()
        self._loop: Loop | None = None

    def step(self, batch) -> float:
        """One update by a batch, or, with GradientAccumulation, one part of an update; the loss of the batch.

        A loss that sees all parts of an update is not known before the last of them: NaN.
        Errors: NetTrainingError, with the first layer that is bad, for a loss or gradient that is not finite.
        """
        self._pushed.raw = batch
        loop = self._begun()
        fed = loop.feed.next()
        if fed is None:
            raise NetTrainingError("Trainer: there is no batch")
        # a loop of one's own has no rounds that would end an accumulation
        loop.fed = fed._replace(ends_round=False)
        loop.take(loop.fed)
        loop.read()
        if loop.failed is not None:
            raise NetTrainingError(f"Trainer: {divergence(loop.session, *loop.failed)}")
        if loop.runner.kept:
            return math.nan
        added = loop.runner.added
        return float(added.losses[-1][0]) if added is not None else loop.losses[-1]

    @property
    def net(self) -> Net:
        """The net as trained so far; before the first step as it was given, or as it is in the checkpoint."""
        if self._loop is None:
            return self._net if self._resumed is None else net_load(self._resumed.path)
        session = self._loop.session
        return session.trained(session.whole(*session.current()))

    @property
    def batch(self) -> int:
        """How many updates were made."""
        if self._loop is None:
            return 0 if self._resumed is None else self._resumed.told["Batch"]
        return self._loop.batch

    @property
    def losses(self) -> list[float]:
        """The losses of all updates."""
        return [] if self._loop is None else list(self._loop.losses)

    def loss(self, data) -> float:
        """The mean loss on data in any form that net_train takes, in evaluation mode; of a stream, one round."""
        session = self._session("loss")
        held = further(session.prepared, data, self._net, session.options, "Trainer")
        return Validation(session.prepared._replace(validation=held), session.options).check(*session.current())[0]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the whole state as a checkpoint; `net_load` reads the net out of it. Errors: NetFileError, NetValueError."""
        session = self._session("save")
        if self._loop is None:
            raise NetTrainingError("Trainer.save: no step was made yet")
        if self._loop.runner.kept:
            raise NetTrainingError("Trainer.save: in the middle of an update whose loss sees all its parts; save after it")
        net, told, tensors = captured(self._loop)
        return write_training(path, net, {**told, "Run": identity(session)}, tensors)

    def _session(self, word: str) -> Session:
        if self._loop is None:
            raise NetTrainingError(f"Trainer.{word}: no step was made yet, so the sizes of the net are not settled")
        return self._loop.session

    def _begun(self) -> Loop:
        """The run, begun by the first batch."""
        if self._loop is None:
            net, told = self._net, None if self._resumed is None else self._resumed.told
            encoders = column_encoders(net, self._options.loss)
            stream = Stream(self._pushed, inputs=input_names(net), outputs=output_names(net), where="Trainer", encoders=encoders)
            session = begin(net, stream, self._options, self.report, told)
            if told is None:
                session = session._replace(total=self._total)
            loop = Loop(session, [], self.report)
            if self._resumed is not None:
                compare(identity(session), self._resumed, self.report)
                restore(loop, self._resumed.told, self._resumed.file.arrays, self._resumed.file.tensors)
            session.runner.__enter__()
            self._loop = loop
        return self._loop

    def close(self) -> None:
        """Give back what the plan changed in the process; `with Trainer(...) as trainer` does so too."""
        if self._loop is not None:
            self._loop.runner.close()

    def __enter__(self) -> "Trainer":
        return self

    def __exit__(self, *problem) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Trainer of {self._net!r:.60}: {self.batch} updates>"
