"""The memory of a process, and `python -m benchmarks.memory row contender seconds`: the peak of one that trains a row."""

import pathlib
import sys

__all__ = ["peak"]


def peak() -> float:
    """The peak memory of this process in GiB; `getrusage` would tell that of the process it was started from, where that is more."""
    line = next(line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**20


def main(row_name: str, contender: str, seconds: str) -> None:
    """Train, then print the peak."""
    from benchmarks.rows import ROWS
    from benchmarks.worker import contender_of, steps_of

    row = ROWS[row_name]
    step = contender_of(contender)(row, float(seconds))
    steps_of(step, row.batches(), float(seconds))
    print(peak())


if __name__ == "__main__":
    main(*sys.argv[1:])
