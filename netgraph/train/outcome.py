"""From a loop that has ended to the results object."""

import torch

from netgraph.train.diagnose import ALL_FINITE, first_bad
from netgraph.train.feed import Fed
from netgraph.train.loop import Loop
from netgraph.train.memory import is_out_of_memory, release, shortened
from netgraph.train.plan import Plan
from netgraph.train.result import NetTrainResultsObject, StopReason
from netgraph.train.session import Session
from netgraph.train.snapshot import method_of


def outcome(session: Session, loop: Loop, report: list[str]) -> NetTrainResultsObject:
    """The results of a run: of the best check if there were any, else of the last update that was finite."""
    prepared, options, lowered = session.prepared, session.options, session.prepared.forward
    arrays, states = loop.best[2:] if loop.best is not None else session.current()
    if loop.failed is not None:
        arrays, states = _after_divergence(session, loop, arrays, states, report)
    if loop.error is not None:
        report.append(told(session, loop))
    if loop.reason is StopReason.ABORTED:
        report.append(f"net_train: a progress function aborted training after batch {loop.batch}")
    whole = session.whole(arrays, states)
    return NetTrainResultsObject({
        "TrainedNet": session.trained(whole),
        "TrainingNet": whole,
        "ReasonTrainingStopped": loop.reason,
        "TotalRounds": loop.round,
        "TotalBatches": loop.batch,
        "BatchesPerRound": session.per_round,
        "BatchSize": prepared.batch_size,
        "ExamplesProcessed": loop.examples,
        "TrainingExamples": prepared.examples,
        "ValidationExamples": None if prepared.validation is None else getattr(prepared.validation, "count", None),
        "RoundLossList": loop.round_losses,
        "RoundPositions": loop.round_positions,
        "BatchLossList": loop.losses,
        "ValidationLossList": loop.validation_losses,
        "ValidationPositions": loop.validation_positions,
        "BestValidationRound": None if loop.best is None else loop.best[1],
        "BatchMeasurementsLists": _batches_measured(session, loop),
        "RoundMeasurementsLists": loop.tracked.rounds,
        "ValidationMeasurementsLists": {} if session.validation is None else loop.tracked.checks,
        "TotalTrainingTime": loop.elapsed,
        "InitialLearningRate": session.rate,
        "FinalLearningRate": loop.rate_of(max(1, loop.batch)),
        "LearningRateCurve": session.curve,
        "OptimizationMethod": method_of(loop),
        "ArraysLearningRateMultipliers": dict(zip(lowered.arrays, prepared.multipliers, strict=True)),
        "CheckpointingFiles": list(loop.files),
        "TargetDevice": str(options.device),
        "Plan": session.plan,
        "NetTrainInputForm": f"net_train(net, data{', ' if options.form else ''}{options.form})",
        "Report": report,
    })  # fmt: skip


def _batches_measured(session: Session, loop: Loop) -> dict[str, list]:
    """The measurements of every batch, the last ones too where nothing went wrong."""
    if loop.error is None and loop.failed is None:
        loop.tracked.look()
    return loop.tracked.batches


def told(session: Session, loop: Loop) -> str:
    """What happened, where an exception ended training: which batch, which examples, and what would fit where memory ran out."""
    error = loop.error
    if error is None:
        return ""
    where = f"in batch {loop.batch + 1} of round {loop.round + 1}" if loop.at is None else loop.at
    rows = "" if loop.fed is None or loop.fed.indices is None or loop.at is not None else f" ({examples(loop.fed.indices.tolist())})"
    first = (str(error).strip().splitlines() or [""])[0]
    text = f"net_train: {where}{rows}: {type(error).__name__}: {first}" if first else f"net_train: {where}{rows}: {type(error).__name__}"
    if is_out_of_memory(error) and loop.fed is not None and loop.at is None:
        size = _fitting(session, loop)
        text += "; not even one example fits" if size is None else f"; BatchSize={size} fits"
    return text


def _fitting(session: Session, loop: Loop) -> int | None:
    """The largest half, quarter, ... of the batch that memory ran out for of which a step fits; tried on copies."""
    if loop.fed is None:
        return None
    size = loop.fed.count
    while size > 1:
        size //= 2
        release(session.options.device)
        try:
            small = shortened(loop.fed.batch, size)
            with Plan("eager").start(session.step, *session.current(), small, turns=session.turns) as runner:
                runner.step(small, session.rate).item()
        except Exception as problem:
            if not is_out_of_memory(problem):
                raise
        else:
            return size
    return None


def _after_divergence(session: Session, loop: Loop, arrays, states, report: list[str]):
    """The arrays to return where a loss was not finite, and what is told about it."""
    if loop.failed is None:
        return arrays, states
    prepared = session.prepared
    if loop.best is None and not all(bool(torch.isfinite(array).all()) for array in arrays):
        tensors, lowered = prepared.net.tensors, prepared.forward
        arrays, states = [tensors[name] for name in lowered.arrays], [tensors[name] for name in lowered.states]
        report.append("the update before had already made an array infinite: the net before training is returned")
    report.append(f"net_train: {divergence(session, *loop.failed)}")
    return arrays, states


def divergence(session: Session, number: int, group: list[Fed]) -> str:
    """What was not finite in update `number`: of the batches that made it the first that is bad, its examples, and where."""
    arrays, states = session.runner.arrays(), session.runner.states()
    told = [(fed, first_bad(session.prepared, arrays, states, fed.batch)) for fed in group]
    if not told:
        return f"the loss or its gradient was not finite at batch {number}, before this run went on"
    fed, where = next(((fed, where) for fed, where in told if where != ALL_FINITE), told[0])
    rows = "" if fed.indices is None else f" ({examples(fed.indices.tolist())})"
    return f"the loss or its gradient was not finite at batch {number}{rows}: {where}"


def examples(rows: list[int]) -> str:
    """Which examples, the first eight of them."""
    return f"examples {', '.join(map(str, rows[:8]))}{', ...' if len(rows) > 8 else ''}"


def stopped_by_fault(reason: object) -> bool:
    """Whether training ended because something went wrong."""
    return reason in (StopReason.DIVERGED, StopReason.OUT_OF_MEMORY, StopReason.FAILED, StopReason.ABORTED)
