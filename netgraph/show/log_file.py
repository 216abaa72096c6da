"""The course of training in a file: a row a round, as .csv, .tsv or .json."""

import csv
import io
import json
import math
import os
from pathlib import Path

from netgraph.errors import NetFileError, NetNameError
from netgraph.formats.atomic import write_atomically
from netgraph.train.events import Observer, Progress
from netgraph.train.interval import EVERY_ROUND, Due, Timing
from netgraph.train.result import StopReason

WHERE = "TrainingProgressReporting"
COLUMNS = ("Round", "AbsoluteBatch", "TimeElapsed", "LearningRate", "RoundLoss", "ValidationLoss")
SEPARATORS = {".csv": ",", ".tsv": "\t"}


def measured(progress: Progress) -> dict[str, float | None]:
    """The numbers of a moment by name: counts, times, losses, and each measurement that is a number.

    >>> measured(Progress({"Round": 2, "RoundLoss": 0.5, "RoundMeasurements": {"ErrorRate": 0.25}}))["ErrorRate"]
    0.25
    """
    row: dict[str, float | None] = {name: progress.get(name) for name in COLUMNS}
    for prefix, name in (("", "RoundMeasurements"), ("Validation", "ValidationMeasurements")):
        for key, value in (progress.get(name) or {}).items():
            if isinstance(value, (int, float)):
                row[prefix + key] = value
    return row


class LogFile(Observer):
    """Writes `measured` into a file, a row whenever it is due. A new run starts a new file; a resumed one goes on with the old.

    Numbers that are not known yet are empty fields, null in JSON, and so is a loss that is not finite there.
    Errors: NetNameError for another kind of file; NetFileError where the file cannot be written, before the first batch.

    >>> LogFile("log.xls")
    Traceback (most recent call last):
    netgraph.errors.NetNameError: TrainingProgressReporting: log.xls is no .csv, .tsv or .json file
    """

    called = WHERE

    def __init__(self, path: str | os.PathLike[str], timing: Timing = EVERY_ROUND):
        self.path, self.due = Path(path), Due(timing)
        self.rows: list[dict[str, float | None]] = []
        self._names: list[str] = []
        if self.path.suffix.lower() not in (*SEPARATORS, ".json"):
            raise NetNameError(f"{WHERE}: {os.fspath(path)} is no .csv, .tsv or .json file")

    def start(self, progress: Progress) -> None:
        self.due.start(progress)
        try:
            if progress.get("AbsoluteBatch") and self.path.exists():
                self._go_on()
            else:
                self.path.write_text("")
        except OSError as error:
            raise NetFileError(f"{WHERE}: {self.path}: cannot be written: {error.strerror or error}") from error

    def batch(self, progress: Progress) -> None:
        if self.due.timing.interval.unit != "Rounds" and self.due.now(progress, ended=False):
            self._write(measured(progress))

    def round(self, progress: Progress) -> None:
        if self.due.timing.interval.unit == "Rounds" and self.due.now(progress, ended=True):
            self._write(measured(progress))

    def close(self, progress: Progress, reason: StopReason | None) -> None:
        if self.path.suffix.lower() == ".json" and not self.rows:
            self.path.write_text("[]")

    def _go_on(self) -> None:
        """Take up what an earlier run has written."""
        text = self.path.read_text(encoding="utf-8")
        if self.path.suffix.lower() == ".json":
            self.rows = json.loads(text or "[]")
        elif text:
            self._names = next(csv.reader(io.StringIO(text), delimiter=SEPARATORS[self.path.suffix.lower()]))

    def _write(self, row: dict[str, float | None]) -> None:
        if self.path.suffix.lower() == ".json":
            self.rows.append({name: value if value is None or math.isfinite(value) else None for name, value in row.items()})
            text = json.dumps(self.rows, indent=1, allow_nan=False).encode()
            write_atomically(self.path, lambda file: file.writelines([text]))
            return
        text = io.StringIO()
        writer = csv.writer(text, delimiter=SEPARATORS[self.path.suffix.lower()], lineterminator="\n")
        if not self._names:
            self._names = list(row)
            writer.writerow(self._names)
        writer.writerow(["" if row.get(name) is None else row[name] for name in self._names])
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(text.getvalue())
