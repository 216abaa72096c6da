"""What training tells while it runs: each value of a `Progress` is worked out from the loop when somebody looks."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from netgraph.train.loop import Loop


class Snapshot(Mapping):
    """A loop as the values of a `Progress`."""

    def __init__(self, loop: "Loop"):
        self.loop = loop

    def __getitem__(self, name: str):
        return VALUES[name](self.loop)

    def __iter__(self):
        return iter(VALUES)

    def __len__(self) -> int:
        return len(VALUES)

    def __contains__(self, name) -> bool:
        return name in VALUES


def _last(values: list):
    return values[-1] if values else None


def _fraction(loop: "Loop") -> float | None:
    parts = []
    if loop.seconds is not None:
        parts.append(loop.elapsed / loop.seconds)
    total = _total(loop)
    if total is not None:
        parts.append(loop.batch / total)
    return min(1.0, max(parts)) if parts else None


def _total(loop: "Loop") -> int | None:
    per_round = loop.session.per_round
    return None if loop.rounds is None or per_round is None else loop.rounds * per_round


def _remaining(loop: "Loop") -> float | None:
    fraction = _fraction(loop)
    return None if not fraction else loop.elapsed * (1 - fraction) / fraction


def _mean_speed(loop: "Loop", amount: int) -> float:
    return amount / loop.elapsed if loop.elapsed else 0.0


def _speed(loop: "Loop", which: int) -> float:
    """Updates (1) or examples (2) a second during the last second or two."""
    mark, now = loop.marks[0], (loop.elapsed, loop.batch, loop.examples)
    seconds = now[0] - mark[0]
    return (now[which] - mark[which]) / seconds if seconds > 0 else 0.0


def _round(loop: "Loop") -> int:
    return max(1, loop.round if loop.round_positions[-1:] == [loop.batch] else loop.round + 1)


def _batch(loop: "Loop") -> int:
    return loop.batch - (loop.round_positions[-1] if loop.round_positions else 0) or loop.session.per_round or 0


def _data(loop: "Loop") -> dict[str, Any] | None:
    if loop.fed is None:
        return None
    return dict(zip(loop.feed.columns, loop.fed.batch.inputs, strict=True))


def _indices(loop: "Loop") -> list[int] | None:
    return None if loop.fed is None or loop.fed.indices is None else loop.fed.indices.tolist()


def _example_losses(loop: "Loop") -> torch.Tensor | None:
    """The losses of the last batch's examples, at the present arrays."""
    if loop.fed is None:
        return None
    batch, runner = loop.fed.batch, loop.runner
    with torch.no_grad():
        outputs, _ = loop.session.step.forward(batch.inputs, runner.arrays(), runner.states(), batch.noise, batch.lengths, batch.valid)
    return outputs[0]


def _weights(loop: "Loop") -> dict[str, torch.Tensor]:
    return {_key(loop, key): array.cpu() for key, array in zip(loop.session.prepared.forward.arrays, loop.runner.arrays(), strict=True)}


def _gradients(loop: "Loop") -> dict[str, torch.Tensor] | None:
    """The gradients of the last batch, at the present arrays."""
    if loop.fed is None:
        return None
    step = loop.session.step
    grads = step.gradients(loop.runner.arrays(), loop.runner.states(), loop.fed.batch).gradients
    names = [_key(loop, loop.session.prepared.forward.arrays[place]) for place in step.trained]
    return {name: grad.cpu() for name, grad in zip(names, grads, strict=True)}


def _key(loop: "Loop", key: str) -> str:
    return key.removeprefix("net/") if loop.session.prepared.training.attached else key


def _rms(arrays: Mapping[str, torch.Tensor] | None) -> dict[str, float] | None:
    return None if arrays is None else {name: float(array.double().square().mean().sqrt()) for name, array in arrays.items()}


def _vector(arrays: Mapping[str, torch.Tensor] | None) -> torch.Tensor | None:
    return None if not arrays else torch.cat([array.flatten() for array in arrays.values()])


def _net(loop: "Loop"):
    return loop.session.trained(loop.session.whole(*loop.session.current()))


def method_of(loop: "Loop") -> tuple[str, dict]:
    """The method as an option would say it, with all suboptions filled in."""
    method = loop.session.options.method
    return method.spelt, method.suboptions()


def _latest(lists: dict[str, list]) -> dict[str, Any]:
    return {name: values[-1] for name, values in lists.items() if values}


def _batch_lists(loop: "Loop") -> dict[str, list]:
    loop.tracked.look()
    return {name: list(values) for name, values in loop.tracked.batches.items()}


def _lists(lists: dict[str, list]) -> dict[str, list]:
    return {name: list(values) for name, values in lists.items()}


VALUES: dict[str, Callable[["Loop"], Any]] = {
    "AbsoluteBatch": lambda loop: loop.batch,
    "Batch": _batch,
    "BatchesPerRound": lambda loop: loop.session.per_round,
    "BatchData": _data,
    "BatchIndices": _indices,
    "BatchLoss": lambda loop: _last(loop.losses),
    "BatchLossList": lambda loop: list(loop.losses),
    "BatchMeasurements": lambda loop: _latest(_batch_lists(loop)),
    "BatchMeasurementsLists": _batch_lists,
    "BatchSize": lambda loop: loop.feed.batch_size,
    "BatchesPerSecond": lambda loop: _speed(loop, 1),
    "ExamplesPerSecond": lambda loop: _speed(loop, 2),
    "MeanBatchesPerSecond": lambda loop: _mean_speed(loop, loop.batch),
    "MeanExamplesPerSecond": lambda loop: _mean_speed(loop, loop.examples),
    "ExamplesProcessed": lambda loop: loop.examples,
    "ExampleLosses": _example_losses,
    "BestValidationRound": lambda loop: None if loop.best is None else loop.best[1],
    "CheckpointingFiles": lambda loop: list(loop.files),
    "Event": lambda loop: loop.event,
    "Gradients": _gradients,
    "GradientsRMS": lambda loop: _rms(_gradients(loop)),
    "GradientsVector": lambda loop: _vector(_gradients(loop)),
    "Weights": _weights,
    "WeightsRMS": lambda loop: _rms(_weights(loop)),
    "WeightsVector": lambda loop: _vector(_weights(loop)),
    "InitialLearningRate": lambda loop: loop.session.rate,
    "LearningRate": lambda loop: loop.rate_now(),
    "OptimizationMethod": method_of,
    "TargetDevice": lambda loop: str(loop.session.options.device),
    "Net": _net,
    "ProgressFraction": _fraction,
    "TimeElapsed": lambda loop: loop.elapsed,
    "TimeRemaining": _remaining,
    "Round": _round,
    "RoundLoss": lambda loop: _last(loop.round_losses),
    "RoundLossList": lambda loop: list(loop.round_losses),
    "RoundMeasurements": lambda loop: _latest(loop.tracked.rounds),
    "RoundMeasurementsLists": lambda loop: _lists(loop.tracked.rounds),
    "TotalBatches": _total,
    "TotalRounds": lambda loop: loop.rounds,
    "ValidationLoss": lambda loop: _last(loop.validation_losses),
    "ValidationLossList": lambda loop: list(loop.validation_losses),
    "ValidationMeasurements": lambda loop: _latest(loop.tracked.checks),
    "ValidationMeasurementsLists": lambda loop: _lists(loop.tracked.checks),
}
