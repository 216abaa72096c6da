"""Ctrl-C and SIGTERM during training: the first ends it after the current step, the second raises KeyboardInterrupt at once."""

import signal
import threading
from collections import namedtuple
from typing import Any


def leave_to_caller() -> None:
    """Let a KeyboardInterrupt that is on its way be the caller's to handle.

    One that leaves an `exec` of a text, as compilers and dataclasses use it, counts for CPython as one that nobody handled: the process
    would end by the signal when it is done, though the caller had handled it. The next text that is run clears that mark, and a named
    tuple is made by running one; an interrupt that really reaches the top sets it again.
    Source: `run_eval_code_obj` of CPython's pythonrun.c.
    """
    namedtuple("Cleared", ())


class Interrupts:
    """Watches for SIGINT and SIGTERM while used as a context; `stopped` tells. Only the main thread can: elsewhere it watches nothing."""

    def __init__(self):
        self.stopped: str | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(self, kind=None, *problem) -> None:
        if kind is KeyboardInterrupt:
            leave_to_caller()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _caught(self, number: int, frame) -> None:
        if self.stopped is not None:
            raise KeyboardInterrupt
        self.stopped = signal.Signals(number).name
