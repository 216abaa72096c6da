"""net_train: from a net and data to a trained net. This file only wires the pieces together."""

import time
from collections.abc import Callable, Mapping

from netgraph.errors import NetNameError, NetTrainingError, NetTypeError, did_you_mean
from netgraph.nets.container import output_names
from netgraph.spec.names import spelled
from netgraph.spec.net import Net
from netgraph.train.checkpoint import Checkpoints
from netgraph.train.interrupt import Interrupts
from netgraph.train.loop import Loop
from netgraph.train.options import NAMES, read_options
from netgraph.train.outcome import outcome, stopped_by_fault
from netgraph.train.result import NAMES as PROPERTIES
from netgraph.train.result import NetTrainResultsObject, StopReason, is_property
from netgraph.train.resume import compare, identity, merged, read_checkpoint
from netgraph.train.session import begin
from netgraph.train.state import restore
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
    batches in these forms, Sampled(data, sampler), torch data sets and loaders, data frames. A column bears the name of an input port, of
    an output port (its target), or of the loss's port ("Target"). Where that port has an encoder, or the output a decoder, it holds raw
    objects: texts, labels, images, paths of files. Open sizes of the net are taken from the data; missing arrays are initialised.

    Options, in either spelling:

        MaxTrainingRounds, TimeGoal    rounds; seconds or (5, "Minutes"); the shorter ends training, without either about 20 seconds
        BatchSize                      64, or "Largest": what fits into memory
        LossFunction                   chosen by the last layer
        Method                         "ADAM", ("SGD", {"Momentum": 0.9}), "AdamW", "Lion", a class of torch.optim, ...; schedules,
                                       decay and clipping are suboptions
        LearningRate                   of the method, or "Find"
        LearningRateMultipliers        {part: factor}, 0 or None freezes; the first rule that fits counts
        TrainingUpdateSchedule         groups of parts that take turns
        GradientAccumulation, EMA      batches an update; the decay of a mean of the arrays, which is what is then validated and returned
        ClassWeights                   {class: weight}, a list, or "Balanced"; a column "Weight" weighs single examples
        ValidationSet                  data, Scaled(0.1), or (data, {"Interval": (100, "Batches")})
        TrainingStoppingCriterion      "Loss", {"Criterion": "Loss", "Patience": 5}, or a function
        RandomSeeding, TargetDevice, WorkingPrecision    1234; CUDA if there is one; "Real32", "Real64" or "Mixed" (bfloat16)
        TrainingProgressMeasurements   "Accuracy", NetPort(...), ..., as in net_measurements; a classifier tells its error rate
        TrainingProgressReporting      None is silent
        TrainingProgressFunction       f(progress), or (f, {"Interval": (100, "Batches")}); "StopTraining" and "AbortTraining" end training
        TrainingProgressCheckpointing  ("Directory", path), ("File", path), with {"Interval": (10, "Minutes")}
        Resume                         the path of a checkpoint, or of a directory of them, to go on from
        Plan, Compile                  "Reference" is eager and never measured; True, False

    With a validation set the net of the lowest validation loss comes back, else the last. Ctrl-C or SIGTERM ends after the current batch
    and returns the net trained so far; a second one raises KeyboardInterrupt. Whatever else ends training (a loss that is not finite,
    memory that runs out, an exception of a callback or of the data), nothing is lost: with `All` the result says so and holds the last
    good net; otherwise an exception does, whose `.result` holds it.
    Equal (net, data, seed, plan, torch, threads) give equal bits, in one run or in several that go on from each other's checkpoints.
    Errors: NetTypeError, NetValueError, NetNameError for what does not fit, each where it was written.
    Source: Wolfram's NetTrain.

    >>> data = ([0.0, 1.0, 2.0], [1.0, 3.0, 5.0])
    >>> net = net_train(LinearLayer(()), data, LearningRate=0.1, MaxTrainingRounds=500, TrainingProgressReporting=None)
    >>> round(net(3.0), 1)
    7.0
    """
    third_loss, wanted = _third(net, third)
    result, error = _train(net, data, options, third_loss)
    if wanted is All:
        return result
    if error is not None:
        raise _with_result(error, result)
    if stopped_by_fault(result.value("ReasonTrainingStopped")):
        diverged = result.value("ReasonTrainingStopped") is StopReason.DIVERGED
        fix = "data of mean 0 and deviation 1, a lower LearningRate, or GradientClipping" if diverged else None
        raise NetTrainingError(str(result.value("Report")[-1]), fix=fix, result=result)
    if wanted is None:
        return result.value("TrainedNet")
    return result[wanted] if isinstance(wanted, str) else [result[name] for name in wanted]


def _with_result(error: Exception, result: NetTrainResultsObject) -> Exception:
    """The exception that ended training, holding what was reached till then."""
    error.result = result  # type: ignore[attr-defined]
    files = result.value("CheckpointingFiles")
    where = f"; the last checkpoint is {files[-1]}" if files else ""
    error.add_note(f"{result.value('Report')[-1]}; what was trained until then is the .result of this exception{where}")
    return error


def _third(net: Net, third):
    """(loss, property) that the third argument stands for."""
    if third is None or third is All:
        return Automatic, third
    if isinstance(third, str):
        port = isinstance(net, Net) and third in output_names(net)
        if is_property(third) and port:
            raise NetTypeError(f'net_train: "{third}" is a property of the results and an output port', fix=f'LossFunction="{third}"')
        if not is_property(third) and isinstance(net, Net) and not port:
            hint = did_you_mean(third, [*output_names(net), *PROPERTIES])
            raise NetNameError(f'net_train: "{third}" is neither a property of the results nor an output port, {hint}')
        return (third, None) if not is_property(third) else (Automatic, third)
    if isinstance(third, list) and third and all(isinstance(name, str) and is_property(name) for name in third):
        return Automatic, third
    return third, None


def _train(net: Net, data, given: Mapping[str, object], third_loss) -> tuple[NetTrainResultsObject, Exception | None]:
    """The results of a run, and the exception that ended it, if one did."""
    report: list[str] = []
    words = dict(spelled(given, NAMES, "net_train"))
    place = words.pop("Resume", None)
    resumed = None if place is None else read_checkpoint(place, report)
    options = read_options(words if resumed is None else merged(words, resumed), third_loss)
    with Interrupts() as interrupts:
        started = time.perf_counter()
        session = begin(net, data, options, report, None if resumed is None else resumed.told)
        loop = Loop(session, [*options.functions, *(made for make in REPORTERS if (made := make(options.reporting)) is not None)], report)
        run = identity(session) if options.saving or resumed is not None else {}
        if resumed is not None:
            compare(run, resumed, report)
            restore(loop, resumed.told, resumed.file.arrays, resumed.file.tensors)
            report.append(f"resumed from {resumed.path} after batch {loop.batch}")
        loop.observers += [Checkpoints(saving, loop, run) for saving in options.saving]
        report.append(f"prepared in {time.perf_counter() - started:.3g} s")
        loop.run(interrupts)
        return outcome(session, loop, report), loop.error
