"""Runs killed at random moments and gone on with, until they end: are all their bits those of a run that was never killed?

    python -m benchmarks.kill_and_resume [runs=100] [kills=3] [seed=1]

Each run is one of `KINDS` (dropout, batch normalisation, EMA, validation, accumulation, generators, iterators, traced steps, torch.optim).
It is killed by SIGKILL one to `kills` times, each time after a random part of the time that such a run takes, so the kill comes while data
is read, in a step, while a checkpoint is written, or before the first one. What is compared: every array, every loss, every count. The
processes are forked from one that has everything imported, which makes a run take about a second.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from netgraph import *

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
CLASS = (X[:, 0] > X[:, 1]).astype(np.int64)
NET = NetChain([16, Ramp, DropoutLayer(0.3), BatchNormalizationLayer(), 2, SoftmaxLayer()], Input=3)
COMMON = {"MaxTrainingRounds": 12, "BatchSize": 8, "TrainingProgressReporting": None, "Plan": "Eager"}


def sampler(info):
    """Batches drawn from the seed that a generator is told."""
    rows = info.numpy_generator.integers(60, size=info.batch_size)
    return {"Input": X[rows], "Output": CLASS[rows]}


class Iterator:
    """Batches with a position of their own."""

    def __init__(self):
        self.position = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.position += 1
        if self.position > 90:
            raise StopIteration
        rows = np.random.default_rng(self.position).integers(60, size=8)
        return {"Input": X[rows], "Output": CLASS[rows]}

    def state_dict(self):
        return {"position": self.position}

    def load_state_dict(self, state):
        self.position = state["position"]


def batches():
    """The same without telling where it stands."""
    iterator = Iterator()
    return (next(iterator) for _ in range(90))


KINDS = {
    "plain": (lambda: (X, CLASS), {}),
    "EMA, validation, best net": (lambda: (X, CLASS), {"EMA": 0.9, "ValidationSet": Scaled(0.2)}),
    "accumulation": (lambda: (X, CLASS), {"GradientAccumulation": 3, "ValidationSet": (Scaled(0.2), {"Interval": (4, "Batches")})}),
    "generator": (lambda: (sampler, {"RoundLength": 64}), {"Method": ("AdamW", {"LearningRateSchedule": [("WarmUp", 9), "Cosine"]})}),
    "iterator with a state": (Iterator, {"MaxTrainingRounds": 90}),
    "iterator replayed": (batches, {"MaxTrainingRounds": 90, "Method": "RMSProp"}),
    "traced": (lambda: (X, CLASS), {"Plan": "Traced", "Method": "Lion"}),
    "torch.optim": (lambda: (X, CLASS), {"Method": (torch.optim.NAdam, {})}),
    "turns": (
        lambda: (X, CLASS),
        {"TrainingUpdateSchedule": [{0: 2}, All], "Method": ("SGD", {"LearningRateSchedule": ("Plateau", {"Patience": 1})})},
    ),
}


def trained(kind: str, folder: Path, every: int) -> dict:
    """Train, from the newest checkpoint in a folder if there is one, saving every so many batches; what came out, in bits."""
    data, options = KINDS[kind]
    resume = {"Resume": folder} if any(folder.glob("*.safetensors")) else {}
    saving = ("Directory", folder, {"Interval": (every, "Batches")})
    result = net_train(NET, data(), All, **{**COMMON, **options}, **resume, TrainingProgressCheckpointing=saving)
    return {
        "arrays": {key: tensor.numpy().tobytes().hex() for key, tensor in result.training_net.tensors.items()},
        "losses": [float(loss).hex() for loss in (*result.batch_loss_list, *result.round_loss_list, *result.validation_loss_list)],
        "counts": [result.total_batches, result.total_rounds, result.examples_processed, result.best_validation_round],
    }


def child(kind: str, folder: Path, every: int, out: Path) -> None:
    """One process: train and write what came out."""
    torch.set_num_threads(1)
    told = json.dumps(trained(kind, folder, every))
    beside = out.with_suffix(".tmp")
    beside.write_text(told)
    beside.rename(out)


def run_once(kind: str, folder: Path, every: int, kill_after: float | None) -> tuple[dict | None, float]:
    """One process, killed after so many seconds or left alone; what came out, or None, and how long it ran."""
    out = folder / "out.json"
    process = multiprocessing.get_context("fork").Process(target=child, args=(kind, folder, every, out))
    started = time.perf_counter()
    process.start()
    process.join(kill_after)
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    return (json.loads(out.read_text()) if out.exists() else None), time.perf_counter() - started


def main(runs: int = 100, kills: int = 3, seed: int = 1) -> int:
    """Run all and print what was seen; 0 where every run ended with the bits of the one that was not killed."""
    torch.set_num_threads(1)
    draw = random.Random(seed)
    whole, seconds = {}, {}
    killed = resumed = equal = inside = 0
    with tempfile.TemporaryDirectory() as place:
        for kind in KINDS:
            folder = Path(place, f"whole {kind}")
            folder.mkdir()
            whole[kind], seconds[kind] = run_once(kind, folder, 1, None)
        for number in range(runs):
            kind, every, came, here = list(KINDS)[number % len(KINDS)], draw.choice((1, 2, 5)), None, 0
            folder = Path(place, str(number))
            while not here:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                for _ in range(draw.randint(1, kills)):
                    came, took = run_once(kind, folder, every, draw.uniform(0.02, seconds[kind]))
                    if came is not None:
                        seconds[kind] = took
                        break
                    here += 1
                    inside += any(folder.glob("*.tmp"))
                    resumed += any(folder.glob("*.safetensors"))
            killed += here
            if came is None:
                came, _ = run_once(kind, folder, every, None)
            equal += came == whole[kind]
            if came != whole[kind]:
                print(f"run {number} ({kind}): not the bits of the whole run")
    print(f"{runs} runs of {len(KINDS)} kinds, {killed} kills, {resumed} after a checkpoint, {inside} while one was written: {equal} equal")
    return 0 if equal == runs else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
