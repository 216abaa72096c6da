"""`python -m benchmarks.figures [--write docs/benchmarks.md]`: what is not a training step, each figure against its alternative.

evaluation   the spiral MLP on one dict, against the equivalent nn.Module on ready tensors; a net of one small layer likewise
build        a chain of 1,000 layers, built and inferred; one of 10,000
surgery      every call on 1,000 layers, as a chain and as a graph
files        a net of one GiB saved and loaded, beside the disk's own speed
import       `import netgraph` after `import torch`, in processes of its own
watching     training the spiral with progress shown, measurements and history, against training it in silence
sequences    an LSTM on sequences of different lengths in memory, against the loop by hand that pads each batch
memory       the peak of a process that trains LeNet, against the loop written by hand
"""

import argparse
import contextlib
import io
import itertools
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch

from benchmarks.by_hand import fused
from benchmarks.rows import ROWS
from netgraph import (
    All,
    ContrastiveLossLayer,
    LinearLayer,
    LongShortTermMemoryLayer,
    NetChain,
    NetGraph,
    NetPairEmbeddingOperator,
    NetPort,
    Ramp,
    SequenceLastLayer,
    SoftmaxLayer,
    Tanh,
    net_append,
    net_delete,
    net_drop,
    net_extract,
    net_flatten,
    net_initialize,
    net_insert,
    net_insert_shared_arrays,
    net_load,
    net_prepend,
    net_rename,
    net_replace,
    net_replace_part,
    net_save,
    net_take,
    net_train,
)

IMPORT = "import time, torch; t = time.perf_counter(); import netgraph; print(time.perf_counter() - t)"


def paired(first, second, calls: int, rounds: int = 15) -> tuple[float, float]:
    """Seconds of a call of each, measured in turn; medians over the rounds."""
    times = ([], [])
    for _ in range(rounds):
        for function, found in zip((first, second), times, strict=True):
            started = time.perf_counter()
            for _ in range(calls):
                function()
            found.append((time.perf_counter() - started) / calls)
    return statistics.median(times[0]), statistics.median(times[1])


def evaluation() -> list[tuple[str, str, str]]:
    """Evaluating on one dict against the module on ready tensors."""
    mlp = net_initialize(NetChain([200, Ramp, 100, Ramp, 20, Tanh, 1], Input=2))
    small = net_initialize(NetChain([LinearLayer(3)], Input=2))
    linear = torch.nn.Linear
    sizes = (linear(2, 200), torch.nn.ReLU(), linear(200, 100), torch.nn.ReLU(), linear(100, 20), torch.nn.Tanh(), linear(20, 1))
    rows = []
    for name, net, module in (("spiral MLP", mlp, torch.nn.Sequential(*sizes).eval()), ("one small layer", small, linear(2, 3).eval())):
        data, ready = {"Input": [0.3, 0.4]}, torch.tensor([[0.3, 0.4]])

        def by_module(module=module, ready=ready):
            with torch.inference_mode():
                return module(ready)

        ours, theirs = paired(lambda net=net, data=data: net(data), by_module, 500)
        rows.append((f"evaluation, {name}, one dict", f"{ours * 1e6:.1f} us", f"{theirs * 1e6:.1f} us, nn.Module on a ready tensor"))
    return rows


def build() -> list[tuple[str, str, str]]:
    """Building and inferring long chains."""
    rows = []
    for count in (1_000, 10_000):
        times = []
        for _ in range(5):
            started = time.perf_counter()
            NetChain([50, Ramp] * (count // 2), Input=3)
            times.append(time.perf_counter() - started)
        rows.append(
            (
                f"build, {count:,} layers",
                f"{statistics.median(times):.3f} s",
                "at most 0.5 s for 1,000" if count == 1_000 else "ten times that",
            )
        )
    return rows


def surgery(count: int = 1_000) -> list[tuple[str, str, str]]:
    """Each call of surgery on an initialised chain of 1,000 layers, and on the same as a graph; medians of 15 on fresh copies."""
    chain = net_initialize(NetChain([50, Ramp] * (count // 2), Input=3))
    middle = count // 2
    calls = {
        "net_extract": lambda net: net[middle],
        "net_extract, All": lambda net: net_extract(net, All),
        "a slice": lambda net: net[1:-1],
        "net_take": lambda net: net_take(net, (middle, middle + 200)),
        "net_drop": lambda net: net_drop(net, (middle + 1, middle + 2)),
        "net_append": lambda net: net_append(net, [Tanh, 3]),
        "net_prepend": lambda net: net_prepend(net, [3, Ramp]),
        "net_join": lambda net: net | NetChain([Tanh, 3]),
        "net_insert": lambda net: net_insert(net, Tanh, middle),
        "net_delete": lambda net: net_delete(net, middle + 1),
        "net_replace_part": lambda net: net_replace_part(net, {middle + 1: Tanh, (middle, "Biases"): [0.0] * 50}),
        "net_replace": lambda net: net_replace(net, (Ramp, Tanh)),
        "net_rename": lambda net: net_rename(net, lambda place: f"layer{place}"),
        "net_flatten": net_flatten,
        "net_insert_shared_arrays": net_insert_shared_arrays,
    }
    rows = []
    graphs = ("a slice", "net_drop", "net_insert")
    for kind, net in (("chain", chain), ("graph", NetGraph(chain))):
        found = {name: _median(call, net) for name, call in calls.items() if kind == "chain" or name not in graphs}
        shown = ", ".join(f"{name.removeprefix('net_')} {1e3 * seconds:.1f}" for name, seconds in found.items())
        rows.append((f"surgery on a {kind} of {count:,} layers", f"{1e3 * max(found.values()):.1f} ms at most", f"in ms: {shown}"))
    return rows


def files(gibibytes: float = 1.0) -> list[tuple[str, str, str]]:
    """Saving and loading a large net, beside the disk's own speed."""
    side = int((gibibytes * 2**30 / 4 / 4) ** 0.5)
    net = net_initialize(NetChain([side] * 4, Input=side))
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/net.safetensors"
        plain = timed(lambda: write_plainly(f"{folder}/plain", sum(array.nbytes for array in net.arrays.values())))
        saving = timed(lambda: net_save(net, path))
        mapping = statistics.median(timed(lambda: net_load(path)) for _ in range(9))
        reading = statistics.median(timed(lambda: net_load(path, Mapped=False)) for _ in range(3))
    return [
        (f"saving {gibibytes:g} GiB", f"{saving:.2f} s", f"{plain:.2f} s, writing and flushing as many bytes"),
        (f"loading {gibibytes:g} GiB", f"{1e3 * mapping:.1f} ms, mapped", f"{reading:.2f} s, read and checked whole"),
    ]


def timed(call) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def write_plainly(path: str, count: int) -> None:
    """So many bytes to a file, flushed."""
    with open(path, "wb") as file:
        file.write(bytes(count))
        file.flush()
        os.fsync(file.fileno())


def _median(call, net, rounds: int = 15) -> float:
    """Seconds of a call on a net that has just been made."""
    times = []
    for _ in range(rounds):
        fresh = net.replaced()
        started = time.perf_counter()
        call(fresh)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def short_training(seconds: float = 5.0) -> list[tuple[str, str, str]]:
    """Steps that a short time goal holds, with the plan chosen and with the uncompiled plans given; in turn, medians of three."""
    row = ROWS["spiral"]
    batches = itertools.cycle([dict(zip(("Input", "Target"), batch, strict=True)) for batch in row.batches()])
    net = NetPairEmbeddingOperator(NetChain([200, Ramp, 100, Ramp, 20, Tanh, 1], Input=2))
    options = {"LossFunction": ContrastiveLossLayer(), "BatchSize": row.size, "TrainingProgressReporting": None, "TimeGoal": seconds}
    plans = {"chosen": None, "eager": "Eager", "traced": "Traced"}
    found: dict[str, list[int]] = {name: [] for name in plans}
    for _ in range(3):
        for name, plan in plans.items():
            found[name].append(net_train(net, lambda info: next(batches), "TotalBatches", Plan=plan, **options))
    steps = {name: statistics.median(counts) for name, counts in found.items()}
    given = ", ".join(f"{steps[name]:,.0f} with the plan {name} given" for name in ("eager", "traced"))
    return [(f"steps of the spiral in a {seconds:g} s goal", f"{steps['chosen']:,.0f}", given)]


def watching(seconds: float = 2.0, rounds: int = 24) -> list[tuple[str, str, str]]:
    """Steps in a time goal with progress, measurements and history, over those in silence; one plan, in turn, the median of the ratios.

    Many short pairs, each beginning with the other one: what else the machine does changes within seconds, by more than is measured.
    """
    row = ROWS["spiral"]
    pairs, far = (torch.cat(columns) for columns in zip(*row.batches(), strict=True))
    data = {"Input": pairs, "Target": far}
    net = NetPairEmbeddingOperator(NetChain([200, Ramp, 100, Ramp, 20, Tanh, 1], Input=2))
    options = {"LossFunction": ContrastiveLossLayer(), "BatchSize": row.size, "TimeGoal": seconds, "Plan": "Traced"}
    watched = {"TrainingProgressReporting": "Print", "TrainingProgressMeasurements": ["Loss", NetPort("Output")]}
    ways = [{"TrainingProgressReporting": None}, watched]
    ratios = []
    for number in range(rounds):
        counts = [0, 0]
        for way in (number % 2, 1 - number % 2):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                counts[way] = net_train(net, data, "TotalBatches", **options, **ways[way])
        ratios.append(counts[0] / counts[1])
    low, ratio, high = statistics.quantiles(ratios, n=4)
    told = f"at most 1.03: progress, measurements and history; quartiles of {rounds} pairs {low:.3f} and {high:.3f}"
    return [("a step that is watched, over one in silence", f"{ratio:.3f}", told)]


def sequences(seconds: float = 2.0, rounds: int = 9) -> list[tuple[str, str, str]]:
    """A step of an LSTM on sequences of 10 to 50 steps held in memory as lists, beside the loop by hand that pads each batch; in turn."""
    row = ROWS["varying"]
    batches = row.batches()
    data = {"Input": [one for lists, _ in batches for one in lists], "Output": torch.cat([targets for _, targets in batches])}
    net = NetChain([LongShortTermMemoryLayer(128), SequenceLastLayer(), 10, SoftmaxLayer()], Input=("Varying", 32))
    options = {"BatchSize": row.size, "TimeGoal": seconds, "TrainingProgressReporting": None}
    by_hand, pairs = fused(row, seconds), []
    net_train(net, data, **options)
    for _ in range(rounds):
        result = net_train(net, data, All, **options)
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            by_hand(batches[count % len(batches)])
            count += 1
        pairs.append((result["TotalTrainingTime"] / result["TotalBatches"], (time.perf_counter() - began) / count))
    mine, other = (1e3 * statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    told = f"{other:.2f} ms, the fused loop by hand over nn.LSTM, which pads each batch; ratio {ratio:.2f}, at most 1.03"
    return [("a step of an LSTM on lists of 10 to 50 steps in memory", f"{mine:.2f} ms", told)]


def memory(seconds: float = 5.0) -> list[tuple[str, str, str]]:
    """The peaks of processes that train LeNet."""

    def peak(contender: str) -> float:
        command = [sys.executable, "-m", "benchmarks.memory", "lenet", contender, str(seconds)]
        return statistics.median(1024 * float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3))

    ours, theirs = peak("netgraph"), peak("fused")
    against = f"{theirs:.0f} MiB, the loop by hand; ratio {ours / theirs:.2f}, at most 1.05"
    return [("peak memory, training LeNet", f"{ours:.0f} MiB", against)]


def importing() -> list[tuple[str, str, str]]:
    """Importing netgraph where torch is imported already; with bytecode in place, as pip leaves it, and without."""
    with tempfile.TemporaryDirectory() as folder:
        plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        compiled = {**plain, "PYTHONPYCACHEPREFIX": folder}
        bare = {**plain, "PYTHONPYCACHEPREFIX": f"{folder}/none", "PYTHONDONTWRITEBYTECODE": "1"}

        def took(environment: dict[str, str]) -> float:
            command = [sys.executable, "-c", IMPORT]
            return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)

        took(compiled)
        times = [(took(compiled), took(bare)) for _ in range(9)]
    ours, source = (statistics.median(column) for column in zip(*times, strict=True))
    return [("import, after torch", f"{ours:.3f} s", f"at most 0.15 s; {source:.3f} s where every file is compiled from its source")]


def main(arguments=None) -> None:
    """Measure, print, and append to a file when asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=pathlib.Path, help="append the table to this Markdown file")
    options = parser.parse_args(arguments)
    rows = [*evaluation(), *build(), *surgery(), *files(), *importing(), *short_training(), *watching(), *sequences(), *memory()]
    lines = ["| what | netgraph | against |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    print("\n".join(lines))
    if options.write is not None:
        text = options.write.read_text() if options.write.exists() else ""
        with options.write.open("w") as file:
            file.write(text.rstrip() + "\n\n## Other figures\n\n    python -m benchmarks.figures\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
