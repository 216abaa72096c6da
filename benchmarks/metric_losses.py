"""`python -m benchmarks.metric_losses [--write docs/benchmarks.md]`: losses on the classes of a batch against pytorch-metric-learning.

Forward and backward with mining, dimension 128, four items a class, both in turn in one process, medians; then the peak memory of ours at
16,384 items, each loss in a process of its own; then MAP@R of 100,000 embeddings. What the package cannot allocate, or takes longer than
its share of time for, is told as "-".
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import time

import torch

from benchmarks.memory import peak
from netgraph import (
    MultiSimilarityLossLayer,
    MultiSimilarityMiner,
    NTXentLossLayer,
    PNLossLayer,
    SupConLossLayer,
    TripletLossLayer,
    TripletMarginMiner,
    embedding_measurements,
)
from netgraph.lower.forward import lower
from netgraph.types.port_type import parse_type

DIMENSION, PER_CLASS = 128, 4
SIZES = (128, 512, 2048)
LARGE = 16_384
PATIENCE = 20.0
"""Seconds that the runs of one loss at one size may take together, for each side."""

LAYERS = {
    "semi-hard triplets": TripletLossLayer(Miner=TripletMarginMiner("SemiHard")),
    "multi-similarity": MultiSimilarityLossLayer(Miner=MultiSimilarityMiner(0.1)),
    "NT-Xent": NTXentLossLayer(),
    "SupCon": SupConLossLayer(),
    "PN": PNLossLayer(),
}


def theirs(name: str):
    """(loss, miner or None) of the package; None for a loss that it does not have."""
    from pytorch_metric_learning import losses, miners

    return {
        "semi-hard triplets": (losses.TripletMarginLoss(), miners.TripletMarginMiner(type_of_triplets="semihard")),
        "multi-similarity": (losses.MultiSimilarityLoss(), miners.MultiSimilarityMiner(0.1)),
        "NT-Xent": (losses.NTXentLoss(), None),
        "SupCon": (losses.SupConLoss(), None),
    }.get(name)


def our_step(name: str):
    """One forward and backward pass of a layer as training runs it."""
    layer = LAYERS[name].replaced(given={"Input": parse_type(DIMENSION, "Input")})
    forward = lower(layer, "Train", wanted=[((), "Loss")]).forward

    def step(x, y):
        x = x.clone().requires_grad_()
        valid = torch.ones(len(x), dtype=torch.bool)
        torch.autograd.grad(forward((x, y), (), (), (), (), valid)[0][0].mean(), x)

    return step


def their_step(name: str):
    """The same with the package."""
    loss, miner = theirs(name)

    def step(x, y):
        x = x.clone().requires_grad_()
        torch.autograd.grad(loss(x, y, None if miner is None else miner(x, y)), x)

    return step


def items(size: int):
    """A batch of embeddings and classes."""
    source = torch.Generator().manual_seed(size)
    return torch.randn(size, DIMENSION, generator=source), torch.arange(size) // PER_CLASS


def paired(steps, size: int) -> list[float | None]:
    """Median milliseconds of each step, in turn; None for one that runs out of memory or of patience."""
    x, y = items(size)
    alive, times = [True] * len(steps), [[] for _ in steps]
    spent = [0.0] * len(steps)
    for _ in range(30):
        for number, step in enumerate(steps):
            if not alive[number] or spent[number] > PATIENCE:
                continue
            started = time.perf_counter()
            try:
                step(x, y)
            except (RuntimeError, MemoryError):  # torch cannot allocate
                alive[number] = False
                continue
            spent[number] += time.perf_counter() - started
            times[number].append(1e3 * (time.perf_counter() - started))
    return [statistics.median(found[1:] or found) if ok and found else None for ok, found in zip(alive, times, strict=True)]


def speed() -> list[str]:
    """Milliseconds of forward and backward, ours and the package's."""
    lines = ["| loss | " + " | ".join(f"{size} items" for size in SIZES) + " |", "|---|" + "---|" * len(SIZES)]
    for name in LAYERS:
        steps = [our_step(name), *([their_step(name)] if theirs(name) else [])]
        cells = []
        for size in SIZES:
            found = paired(steps, size)
            shown = [f"{ms:,.1f}" if ms is not None else "-" for ms in found]
            both = len(found) > 1 and None not in found
            ratio = f" ({found[0] / found[1]:.2f})" if both else ""
            cells.append((" / ".join(shown)) + ratio)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def memory() -> list[str]:
    """Peak memory and seconds of one pass over a large batch, a process each."""
    lines = [f"| loss, {LARGE:,} items | peak memory of the process | seconds |", "|---|---|---|"]
    for name in LAYERS:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.metric_losses", "--alone", name], capture_output=True, text=True, check=True
        )
        most, seconds = done.stdout.split()
        lines.append(f"| {name} | {float(most):.2f} GiB | {float(seconds):.1f} |")
    return lines


def alone(name: str) -> None:
    """One pass over the large batch, for `memory`."""
    step, (x, y) = our_step(name), items(LARGE)
    started = time.perf_counter()
    step(x, y)
    seconds = time.perf_counter() - started
    print(peak(), seconds)


def search(count: int = 100_000) -> list[str]:
    """MAP@R of embeddings against themselves."""
    source = torch.Generator().manual_seed(0)
    classes = torch.arange(count) // 20
    rows = torch.randn(count, DIMENSION, generator=source) + torch.randn(count // 20, DIMENSION, generator=source)[classes]
    started = time.perf_counter()
    value = embedding_measurements(rows, classes, "MAPAtR")
    seconds = time.perf_counter() - started
    return [f"MAP@R of {count:,} embeddings of dimension {DIMENSION} against themselves: {value:.4f} in {seconds:.0f} s, {peak():.2f} GiB."]


def main(arguments=None) -> None:
    """Measure, print, and append to a file when asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metric_losses", description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=pathlib.Path, help="append the tables to this Markdown file")
    parser.add_argument("--alone", choices=LAYERS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.alone:
        alone(options.alone)
        return
    found = search()  # first, so that its peak is its own
    parts = [speed(), memory(), found]
    text = "\n\n".join("\n".join(part) for part in parts)
    print(text)
    if options.write is not None:
        head = "## Losses on the classes of a batch\n\n    python -m benchmarks.metric_losses\n\n"
        note = 'Milliseconds of forward and backward with mining, netgraph / pytorch-metric-learning (ratio); "-" is out of memory.\n\n'
        old = options.write.read_text() if options.write.exists() else ""
        options.write.write_text(old.rstrip() + "\n\n" + head + note + text + "\n")


if __name__ == "__main__":
    main()
