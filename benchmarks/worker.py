"""One contender in its own process: `python -m benchmarks.worker row contender seconds`.

It prepares, prints one line of JSON, and then answers each line `seconds` on its input with one line: steps made and the seconds they took.
"""

import json
import sys
import time
import warnings

from benchmarks.rows import ROWS


def contender_of(name: str):
    """What prepares a contender by its name: called with a row and seconds, it gives the step."""
    if name == "jax":
        from benchmarks.in_jax import step_in_jax

        return step_in_jax
    if name in ("netgraph", "plan"):
        from benchmarks import ours

        return ours.NetTrain if name == "netgraph" else ours.plan
    from benchmarks import by_hand

    return getattr(by_hand, name.replace("-", "_"))


def _block(step, batches, seconds: float) -> tuple[int, float]:
    count, start = 0, time.perf_counter()
    while True:
        step(batches[count % len(batches)])
        count += 1
        now = time.perf_counter()
        if now - start >= seconds:
            return count, now - start


def steps_of(step, batches, seconds: float) -> tuple[int, float]:
    """Steps made in about so many seconds, and the seconds they took."""
    return step.block(seconds) if hasattr(step, "block") else _block(step, batches, seconds)


def main(row_name: str, contender: str, seconds: str) -> None:
    warnings.filterwarnings("ignore")
    row = ROWS[row_name]
    batches = row.batches()
    start = time.perf_counter()
    step = contender_of(contender)(row, float(seconds))
    if not hasattr(step, "block"):
        step(batches[0])
    ready = time.perf_counter() - start
    if not hasattr(step, "block"):
        _block(step, batches, 0.3)
    print(json.dumps({"ready": ready, "note": getattr(step, "note", "")}), flush=True)
    for line in sys.stdin:
        count, took = steps_of(step, batches, float(line))
        print(json.dumps({"steps": count, "seconds": took}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
