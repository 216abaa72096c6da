"""Finding options by trying: the largest batch that fits, and a learning rate. Trials run on copies and leave nothing behind."""

import math
from collections.abc import Callable

from netgraph.data.sampled import SampledTable
from netgraph.data.table import Table
from netgraph.errors import NetTrainingError
from netgraph.train.feed import Fed, Feed
from netgraph.train.memory import available_bytes, is_out_of_memory, release, repeated, step_bytes
from netgraph.train.options import Options
from netgraph.train.prepare import Prepared
from netgraph.train.runner import Runner
from netgraph.train.step import Batch

SHARE = 0.6
"""How much of the free memory a step on the CPU may take: there nothing says no before the system kills."""
MOST_EXAMPLES = 65_536
FIRST_RATE, LAST_RATE, TRIALS = 1e-7, 10.0, 100
SMOOTHING = 0.9
BLOWN_UP = 4.0


def find_batch_size(
    prepared: Prepared, options: Options, feed_of: Callable[[int], Feed], start: Callable[[Batch], Runner], report: list[str]
) -> Prepared:
    """`prepared` with the largest batch size, doubling from the usual one, of which a step fits into memory.

    Real steps are made, on copies of the arrays, with the examples of the first batch again and again.
    Errors: NetTrainingError where not even the first fits.
    """
    size = first = prepared.batch_size
    example = feed_of(first).peek().batch
    most = prepared.examples if prepared.examples is not None else MOST_EXAMPLES
    found: int | None = None
    while True:
        try:
            took = _trial(start, repeated(example, size // first))
        except Exception as problem:
            if not is_out_of_memory(problem):
                raise
            release(options.device)
            break
        found = size
        release(options.device)
        tight = options.device.type == "cpu" and 2 * took > SHARE * available_bytes(options.device)
        if tight or size >= most:
            break
        size *= 2
    if found is None:
        raise NetTrainingError(f'net_train: BatchSize="Largest": not even {first} examples fit into memory')
    chosen = min(found, most)
    if isinstance(prepared.data, SampledTable):
        chosen = prepared.data.fitting(chosen, given=False)
    report.append(f'BatchSize="Largest": {chosen}')
    if not isinstance(prepared.data, Table):
        data = prepared.data
        data.bind(prepared.types, batch_size=chosen, seed=options.seed, dtype=options.dtype, device=options.device)
    return prepared._replace(batch_size=chosen)


def _trial(start: Callable[[Batch], Runner], batch: Batch) -> int:
    """Make a step that moves nothing; about the bytes it took."""
    with start(batch) as runner:
        return step_bytes(lambda: runner.step(batch, 0.0).item())


def find_rate(runner: Runner, feed: Feed, first: Fed, report: list[str]) -> tuple[float, list[tuple[float, float]]]:
    """A learning rate, and the curve of (rate, loss) that it was read off: a tenth of the rate at which the loss was lowest (Smith, 2017).

    The rate grows from step to step by one factor; losses are smoothed. The trial ends where they have blown up.
    Errors: NetTrainingError where the loss is not finite from the start.
    """
    factor = (LAST_RATE / FIRST_RATE) ** (1 / (TRIALS - 1))
    curve: list[tuple[float, float]] = []
    mean = 0.0
    with runner:
        for number in range(1, TRIALS + 1):
            rate = FIRST_RATE * factor ** (number - 1)
            fed = feed.next() if isinstance(feed.source, Table) else first
            loss = runner.step((fed or first).batch, rate).item()
            if not math.isfinite(loss) or not runner.check():
                break
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            curve.append((rate, mean / (1 - SMOOTHING**number)))
            if curve[-1][1] > BLOWN_UP * min(value for _, value in curve):
                break
    if not curve:
        raise NetTrainingError('net_train: LearningRate="Find": the loss is not finite at the smallest rate')
    rate = min(curve, key=lambda point: point[1])[0] / 10
    report.append(f'LearningRate="Find": {rate:.3g}, after {len(curve)} trials')
    return rate, curve
