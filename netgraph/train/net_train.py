"""net_train: from a net and data to a trained net. This file only wires the pieces together."""

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from netgraph.errors import NetNameError, NetTrainingError, NetTypeError, did_you_mean
from netgraph.nets.container import output_names
from netgraph.spec.net import Net, part_of
from netgraph.spec.ports import path_of
from netgraph.spec.typing import typed
from netgraph.train.choose import choose_plan
from netgraph.train.diagnose import first_bad
from netgraph.train.events import Observer
from netgraph.train.feed import Feed
from netgraph.train.interrupt import Interrupts
from netgraph.train.loop import Loop
from netgraph.train.multipliers import multipliers
from netgraph.train.options import Options, read_options
from netgraph.train.prepare import Prepared, loss_of, prepare
from netgraph.train.result import NAMES, NetTrainResultsObject, StopReason, is_property
from netgraph.train.runner import Runner
from netgraph.train.schedule import Constant
from netgraph.train.step import Batch, make_step
from netgraph.train.validate import Validation
from netgraph.types.symbols import All, Automatic

__all__ = ["net_train"]

REPORTERS: list[Callable] = []
"""What turns TrainingProgressReporting into an observer (or None); handed in when the package is imported."""


def net_train(net: Net, data, third=None, /, **options):
    """Train `net` on `data`: the trained net, a new value.

        net_train(net, data)                          the trained net
        net_train(net, data, loss)                    the same, with that loss (or LossFunction=loss)
        net_train(net, data, All)                     a NetTrainResultsObject
        net_train(net, data, "RoundLossList")         one property of it; a list of names gives a list

    Data: a dict of columns by port, (inputs, outputs), a list of pairs, a list of dicts, a function f(info) or an iterable that gives
    batches in these forms, torch data sets and loaders, data frames. A column bears the name of an input port, of an output port (its
    target), or of the loss's port ("Target"). Open sizes of the net are taken from the data; missing arrays are initialised.

    Options, in either spelling: BatchSize (64), MaxTrainingRounds, TimeGoal in seconds (the shorter of both ends training; without
    either about 20 seconds), LossFunction (chosen by the last layer), LearningRate (0.001), Method ("ADAM", ("SGD", {"Momentum": 0.9}),
    ...), LearningRateMultipliers, ValidationSet (data, Scaled(0.1), or (data, {"Interval": n})), RandomSeeding (1234), TargetDevice
    (CUDA if there is one), WorkingPrecision ("Real32", "Real64"), TrainingProgressReporting (None is silent), TrainingProgressFunction,
    Plan ("Reference" is eager and never measured), Compile (True, False).

    With a validation set the net of the lowest validation loss comes back, else the last. Ctrl-C ends after the current step and returns
    the net trained so far; a second one raises KeyboardInterrupt. A loss that is not finite ends training: with `All` the result says so
    and holds the last good net; otherwise a NetTrainingError does, which holds the result as `.result`.
    Equal (net, data, seed, plan, torch, threads) give equal bits.
    Errors: NetTypeError, NetValueError, NetNameError for what does not fit, each where it was written.
    Source: Wolfram's NetTrain.

    >>> data = ([0.0, 1.0, 2.0], [1.0, 3.0, 5.0])
    >>> net = net_train(LinearLayer(()), data, LearningRate=0.1, MaxTrainingRounds=500, TrainingProgressReporting=None)
    >>> round(net(3.0), 1)
    7.0
    """
    third_loss, wanted = _third(net, third)
    settings = read_options(options, third_loss)
    result = _train(net, data, settings)
    if wanted is All:
        return result
    if result.value("ReasonTrainingStopped") is StopReason.DIVERGED:
        fix = "data of mean 0 and deviation 1, a lower LearningRate, or GradientClipping"
        raise NetTrainingError(str(result.value("Report")[-1]), fix=fix, result=result)
    if wanted is None:
        return result.value("TrainedNet")
    return result[wanted] if isinstance(wanted, str) else [result[name] for name in wanted]


def _third(net: Net, third):
    """(loss, property) that the third argument stands for."""
    if third is None or third is All:
        return Automatic, third
    if isinstance(third, str):
        port = isinstance(net, Net) and third in output_names(net)
        if is_property(third) and port:
            raise NetTypeError(f'net_train: "{third}" is a property of the results and an output port', fix=f'LossFunction="{third}"')
        if not is_property(third) and isinstance(net, Net) and not port:
            hint = did_you_mean(third, [*output_names(net), *NAMES])
            raise NetNameError(f'net_train: "{third}" is neither a property of the results nor an output port, {hint}')
        return (third, None) if not is_property(third) else (Automatic, third)
    if isinstance(third, list) and third and all(isinstance(name, str) and is_property(name) for name in third):
        return Automatic, third
    return third, None


def _train(net: Net, data, options: Options) -> NetTrainResultsObject:
    report: list[str] = []
    observers = _observers(options)
    with Interrupts() as interrupts:
        started = time.perf_counter()
        prepared = prepare(net, data, options)
        feed = Feed(prepared.data, prepared.forward, prepared.columns, prepared.batch_size, options.seed, options.dtype, options.device)
        validation = _validation(prepared, options)
        arrays, states = _on_device(prepared, options)
        factors = multipliers(prepared.net, prepared.forward.arrays, _for_training(prepared, options.multipliers))
        coefficients = options.method.coefficients(prepared.forward.arrays)
        step = make_step(
            loss_of(prepared.forward.from_zeros, prepared.factors),
            options.method,
            len(arrays),
            multipliers=factors,
            coefficients=coefficients,
        )
        first = feed.peek()
        planned = None if options.rounds is None or feed.per_round is None else options.rounds * feed.per_round
        key = (prepared.net.structure, prepared.factors)
        plan = choose_plan(
            step, arrays, states, first.batch, rate=options.rate, planned_seconds=options.seconds, planned_steps=planned, key=key,
            compile=options.compile, plan=options.plan,
        )  # fmt: skip
        report += plan.report
        runner = plan.start(step, arrays, states, first.batch, key=key)
        scratch = partial(plan.start, step, arrays, states, first.batch, key=key)
        loop = Loop(
            runner, feed, rate=options.rate, schedule=options.method.schedule, rounds=options.rounds, seconds=options.seconds,
            total=_total(options, feed, lambda: _step_seconds(scratch(), first.batch, options.rate)),
            validation=validation, interval=options.validation_interval, observers=observers,
            facts={
                "Net": lambda: _trained(net, prepared, _whole(prepared, runner.arrays(), runner.states())),
                "TargetDevice": str(options.device), "OptimizationMethod": _method(options),
            },
        )  # fmt: skip
        report.append(f"prepared in {time.perf_counter() - started:.3g} s")
        loop.run(interrupts)
    return _result(net, prepared, options, loop, plan, report, factors)


def _validation(prepared: Prepared, options: Options) -> Validation | None:
    data = prepared.validation
    return None if data is None else Validation(prepared, data, options.seed, options.dtype, options.device)


def _observers(options: Options) -> list[Observer]:
    observers = [observer for make in REPORTERS if (observer := make(options.reporting)) is not None]
    if options.function is not None:
        observers.append(_Called(options.function))
    return observers


class _Called(Observer):
    """A TrainingProgressFunction: called after every round."""

    def __init__(self, function: Callable):
        self.function = function

    def round(self, progress):
        return self.function(progress)


def _on_device(prepared: Prepared, options: Options):
    lowered, tensors = prepared.forward, prepared.net.tensors
    arrays = [tensors[name].to(options.device, options.dtype) for name in lowered.arrays]
    return arrays, [tensors[name].to(options.device, options.dtype) for name in lowered.states]


def _for_training(prepared: Prepared, setting):
    """The user's multipliers as rules of the training net, in which the user's net is the part "net"."""
    if setting is Automatic or not prepared.training.attached or not isinstance(setting, (dict, list, tuple)):
        return setting
    pairs = setting.items() if isinstance(setting, dict) else setting
    return [(("net",) if part is All else ("net", *path_of(part)), factor) for part, factor in pairs]


def _total(options: Options, feed: Feed, measured: Callable[[], float]) -> int | None:
    """How many updates a schedule counts on: those of the rounds, or as many as the time goal should hold, whichever is less.

    `measured` gives the seconds of a step; it is asked only by a schedule that needs a total.
    """
    if isinstance(options.method.schedule, Constant):
        return None
    totals = [] if options.rounds is None or feed.per_round is None else [options.rounds * feed.per_round]
    if options.seconds is not None:
        totals.append(max(1, int(options.seconds / measured())))
    return min(totals) if totals else None


def _step_seconds(runner: Runner, batch: Batch, rate: float) -> float:
    """The seconds of one step, measured on a runner that is thrown away."""
    with runner:
        times = []
        for _ in range(8):
            started = time.perf_counter()
            runner.step(batch, rate).item()
            times.append(time.perf_counter() - started)
    return statistics.median(times[2:])


def _result(net: Net, prepared: Prepared, options: Options, loop: Loop, plan, report: list[str], factors) -> NetTrainResultsObject:
    lowered = prepared.forward
    if loop.best is not None:
        arrays, states = loop.best[2], loop.best[3]
    else:
        arrays, states = loop.runner.arrays(), loop.runner.states()
    if loop.failed is not None:
        number, fed = loop.failed
        where = first_bad(prepared, loop.runner.arrays(), loop.runner.states(), fed.batch)
        rows = "" if fed.indices is None else f" ({_examples(fed.indices.tolist())})"
        if loop.best is None and not all(bool(torch.isfinite(array).all()) for array in arrays):
            tensors = prepared.net.tensors
            arrays, states = [tensors[name] for name in lowered.arrays], [tensors[name] for name in lowered.states]
            report.append("the update before had already made an array infinite: the net before training is returned")
        report.append(f"net_train: the loss or its gradient was not finite at batch {number}{rows}: {where}")
    whole = _whole(prepared, arrays, states)
    trained = _trained(net, prepared, whole)
    return NetTrainResultsObject({
        "TrainedNet": trained,
        "TrainingNet": whole,
        "ReasonTrainingStopped": loop.reason,
        "TotalRounds": loop.round,
        "TotalBatches": loop.batch,
        "BatchesPerRound": loop.feed.per_round,
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
        "TotalTrainingTime": loop.elapsed,
        "InitialLearningRate": options.rate,
        "FinalLearningRate": options.rate * loop.schedule.factor(max(1, loop.batch), loop.total),
        "OptimizationMethod": _method(options),
        "ArraysLearningRateMultipliers": dict(zip(lowered.arrays, factors, strict=True)),
        "TargetDevice": str(options.device),
        "Plan": plan,
        "NetTrainInputForm": f"net_train(net, data{', ' if options.form else ''}{options.form})",
        "Report": report,
    })  # fmt: skip


def _examples(rows: list[int]) -> str:
    return f"examples {', '.join(map(str, rows[:8]))}{', ...' if len(rows) > 8 else ''}"


def _method(options: Options) -> tuple[str, dict]:
    """The method as an option would say it, with all suboptions filled in."""
    return type(options.method).__name__, options.method.suboptions()


def _whole(prepared: Prepared, arrays, states) -> Net:
    """The training net with these arrays and states."""
    lowered = prepared.forward
    tensors = dict(zip((*lowered.arrays, *lowered.states), (*arrays, *states), strict=True))
    return prepared.net.replaced(arrays={name: tensors[name].cpu() if name in tensors else t for name, t in prepared.net.tensors.items()})


def _trained(net: Net, prepared: Prepared, whole: Net) -> Net:
    """The user's net out of the trained one; sizes that only the data told stay on it."""
    attached = prepared.training.attached
    terms = prepared.typing.terms[("net",) if attached else ()]
    told = {}
    for types, ports in ((typed(net).inputs, terms.inputs), (typed(net).outputs, terms.outputs)):
        for name, kind in types.items():
            if not kind.closed and not prepared.typing.type_of(ports[name]).varies:
                told[name] = prepared.typing.type_of(ports[name])
    trained = part_of(whole, "net") if attached else whole
    return trained.replaced(given={**trained.given, **told}) if told else trained
