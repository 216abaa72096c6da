"""Saving the state of training while it runs."""

import itertools
import os
import time
from pathlib import Path
from typing import Any

from netgraph.errors import NetFileError
from netgraph.formats.training_file import write_training
from netgraph.train.events import Observer, Progress
from netgraph.train.interval import Due
from netgraph.train.loop import Loop
from netgraph.train.result import StopReason
from netgraph.train.saving import SUFFIX, WHERE, Saving
from netgraph.train.state import captured

_calls = itertools.count(1)


class Checkpoints(Observer):
    """Writes the state of a run to one place whenever it is due, and once more when training ends.

    Files of a directory are called starttime_call_round_batch_loss, with the validation loss behind where there is one. A place that
    cannot be written to is an error before the first batch; later it costs the checkpoint alone, and is reported.
    `identity` is what a run must be to go on from here.
    """

    called = WHERE

    def __init__(self, saving: Saving, loop: Loop, identity: dict[str, Any]):
        self.saving, self.loop, self.identity = saving, loop, identity
        self.due = Due(saving.timing)
        self.stamp = f"{time.strftime('%Y-%m-%dT%H-%M-%S')}_{next(_calls)}"
        self._saved: tuple[int, int] | None = None
        self._told: set[str] = set()

    def start(self, progress: Progress) -> None:
        self.due.start(progress)
        folder = Path(self.saving.path) if self.saving.form == "Directory" else Path(self.saving.path).absolute().parent
        try:
            if self.saving.form == "Directory":
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NetFileError(f"{WHERE}: {self.saving.path}: {error.strerror or error}") from error
        if not folder.is_dir():
            raise NetFileError(f"{WHERE}: {self.saving.path}: there is no directory {folder}")
        if not os.access(folder, os.W_OK):
            raise NetFileError(f"{WHERE}: {self.saving.path}: the directory {folder} cannot be written to")

    def batch(self, progress: Progress) -> None:
        if self.due.timing.interval.unit != "Rounds" and self.due.now(progress, ended=False):
            self.save()

    def round(self, progress: Progress) -> None:
        if self.due.timing.interval.unit == "Rounds" and self.due.now(progress, ended=True):
            self.save()

    def close(self, progress: Progress, reason: StopReason | None) -> None:
        if reason not in (None, StopReason.DIVERGED) and self.loop.batch and self._saved != (self.loop.batch, self.loop.parts):
            self.save()

    def save(self) -> None:
        """Write a checkpoint now. Errors are reported, not raised."""
        loop = self.loop
        loop.read()
        if loop.reason is StopReason.DIVERGED or loop.runner.kept:  # parts that are only kept have left nothing to save
            return
        path = str(self.path())
        try:
            net, told, tensors = captured(loop)
            told["Files"] = [*(file for file in loop.files if file != path), path]
            write_training(path, net, {**told, "Run": self.identity}, tensors)
        except NetFileError as error:
            cause = error.headline.rpartition(": ")[2]
            if cause not in self._told:
                self._told.add(cause)
                loop.report.append(f"{WHERE}: batch {loop.batch}: {error.headline}")
            return
        self._saved = (loop.batch, loop.parts)
        loop.files[:] = told["Files"]
        loop.event = "Checkpoint"

    def path(self) -> Path:
        """Where the next checkpoint goes."""
        loop = self.loop
        if self.saving.form == "File":
            return Path(self.saving.path)
        losses = [loop.round_losses[-1:] or loop.losses[-1:], loop.validation_losses[-1:]]
        words = [str(loop.round), str(loop.batch), *(f"{loss[0]:.6g}" for loss in losses if loss)]
        return Path(self.saving.path, "_".join([self.stamp, *words]) + SUFFIX)
