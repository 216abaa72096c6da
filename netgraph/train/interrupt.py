"""Ctrl-C and SIGTERM during training: the first ends it after the current step, the second raises KeyboardInterrupt at once."""

import signal
import threading
from typing import Any


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

    def __exit__(self, *problem) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _caught(self, number: int, frame) -> None:
        if self.stopped is not None:
            raise KeyboardInterrupt
        self.stopped = signal.Signals(number).name
