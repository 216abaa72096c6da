"""The course of training as event files of TensorBoard. The format is simple enough to need no package of its own.

A file is a run of records: the length (8 bytes), its masked CRC-32C, the content, its masked CRC-32C. The content is a protocol buffer:

    Event    1: time in seconds (double)   2: step (integer)   3: the version (text, first event only)   5: Summary
    Summary  1: Value, for each number     Value  1: tag (text)   2: number (float)
"""

import math
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from netgraph.errors import NetFileError
from netgraph.show.log_file import WHERE, measured
from netgraph.train.events import Observer, Progress
from netgraph.train.interval import EVERY_ROUND, Due, Timing

_POLYNOMIAL = 0x82F63B78
_TABLE = []
for _number in range(256):
    for _ in range(8):
        _number = (_number >> 1) ^ (_POLYNOMIAL if _number & 1 else 0)
    _TABLE.append(_number)
SKIPPED = ("AbsoluteBatch",)


def crc32c(data: bytes) -> int:
    """The CRC-32C (Castagnoli) of some bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def record(content: bytes) -> bytes:
    """The content as a record of an event file."""
    length = struct.pack("<Q", len(content))
    return length + _masked(length) + content + _masked(content)


def event(seconds: float, step: int = 0, values: Mapping[str, float] | None = None, version: str = "") -> bytes:
    """One event: the version of the format, or numbers by tag."""
    content = _key(1, 1) + struct.pack("<d", seconds) + _key(2, 0) + _varint(step)
    if version:
        content += _text(3, version.encode())
    if values:
        summary = b"".join(_text(1, _text(1, tag.encode()) + _key(2, 5) + _single(value)) for tag, value in values.items())
        content += _text(5, summary)
    return content


def _single(value: float) -> bytes:
    """A number in 32 bits: one that is too large for them is infinite."""
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", math.copysign(math.inf, value))


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _text(field: int, content: bytes) -> bytes:
    return _key(field, 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


class TensorBoard(Observer):
    """Writes losses, rate and measurements into an event file in a folder, a point whenever it is due; the step is the batch.

    Where it is due by batches or by seconds, the loss of the batch is told too.
    """

    called = WHERE

    def __init__(self, folder: str | os.PathLike[str], timing: Timing = EVERY_ROUND, clock: Callable[[], float] = time.time):
        self.folder, self.due, self.clock = Path(folder), Due(timing), clock
        self.path: Path | None = None

    def start(self, progress: Progress) -> None:
        self.due.start(progress)
        now = self.clock()
        self.path = self.folder / f"events.out.tfevents.{int(now)}.{socket.gethostname()}.{os.getpid()}.{id(self):x}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(record(event(now, version="brain.Event:2")))
        except OSError as error:
            raise NetFileError(f"{WHERE}: {self.folder}: cannot be written: {error.strerror or error}") from error

    def batch(self, progress: Progress) -> None:
        if self.due.timing.interval.unit != "Rounds" and self.due.now(progress, ended=False):
            self._write(progress)

    def round(self, progress: Progress) -> None:
        if self.due.timing.interval.unit == "Rounds" and self.due.now(progress, ended=True):
            self._write(progress)

    def _write(self, progress: Progress) -> None:
        told = measured(progress)
        if self.due.timing.interval.unit != "Rounds":
            told["BatchLoss"] = progress.get("BatchLoss")
        numbers = {name: float(value) for name, value in told.items() if value is not None and name not in SKIPPED}
        if self.path is not None:
            with open(self.path, "ab") as file:
                file.write(record(event(self.clock(), int(progress["AbsoluteBatch"]), numbers)))
