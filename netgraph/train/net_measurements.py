"""net_measurements: what is measured of a net on any data. This file only wires the pieces together."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from netgraph.data.columns import Columns
from netgraph.data.stream import Stream
from netgraph.data.table import Table
from netgraph.errors import NetTypeError, NetValueError
from netgraph.losses.attach import Training, attach
from netgraph.losses.columns import WEIGHT, fed_columns, shapes_said
from netgraph.lower.forward import Lowered, lower
from netgraph.measure.measuring import Measuring
from netgraph.measure.spec import parse_measurement
from netgraph.nets.container import input_names, output_names
from netgraph.run.device import device_of
from netgraph.spec.names import spelled
from netgraph.spec.net import Net
from netgraph.spec.typing import infer, settled, short
from netgraph.surgery.initialize import missing_arrays, open_error, seed_of
from netgraph.train.feed import AHEAD, Feed
from netgraph.train.options import PRECISIONS
from netgraph.train.read import read_for
from netgraph.train.step import Batch
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType
from netgraph.types.symbols import Automatic

__all__ = ["net_measurements"]

OPTIONS = ("BatchSize", "LossFunction", "RandomSeeding", "TargetDevice", "WorkingPrecision")
USUAL_BATCH = 256
WHERE = "net_measurements"


def net_measurements(net: Net, data, measurements: Any, /, **options) -> Any:
    """What is measured of `net` on `data`: one value, or a list of them for a list of measurements.

        net_measurements(net, data, "Accuracy")
        net_measurements(net, data, ["Loss", ("Accuracy", 3), {"Measurement": "F1Score", "ClassAveraging": "Macro"}])

    Data is what net_train takes, in memory or a stream of one round; all of it counts, batch by batch, in evaluation mode, and nothing is
    averaged over batches. A measurement is a name, a name with its parameter, NetPort(...) of a value inside (one an example), an array or
    a column, a function of ports by name (its mean over the examples), or a dict with "Measurement" and suboptions: "Key",
    "ClassAveraging" ("Macro", "Micro"), "Aggregation" ("Mean", "Sum", "RMS", "StandardDeviation", "Min", "Max", "L1Norm", "L2Norm"),
    "Port" (the output, where several fit). Names, by the loss of an output:

        cross-entropy          "Accuracy", ("Accuracy", n), "ErrorRate", "ConfusionMatrix", "ConfusionMatrixPlot", "CohenKappa", "ScottPi",
                               "Entropy", "Perplexity"; of each class "Precision", "Recall", "Specificity", "F1Score", ("FScore", beta),
                               "FalsePositiveRate", "FalseNegativeRate", "FalseDiscoveryRate", "FalseOmissionRate",
                               "NegativePredictiveValue", "TruePositiveNumber", "TrueNegativeNumber", "FalsePositiveNumber",
                               "FalseNegativeNumber", "Informedness", "Markedness", "MatthewsCorrelationCoefficient", "ROCCurve",
                               "AreaUnderROCCurve"; "ROCCurvePlot"
        squared or absolute    "MeanSquare", "MeanDeviation", "StandardDeviation", "FractionVarianceUnexplained", "RSquared",
                               "IntersectionOverUnion" (of boxes: left, top, right, bottom)
        classes of embeddings  the names of embedding_measurements
        any                    "Loss", and each term of it by its port

    What each class has is a dict by class; "Macro" is the mean over the classes where it is defined, "Micro" that of summed counts.
    Options: BatchSize, LossFunction, RandomSeeding, TargetDevice, WorkingPrecision ("Real32", "Real64"), as in net_train.
    Errors: NetTypeError for what no loss of the net fits; NetValueError for a net without arrays; those of the data.
    Source: Wolfram's NetMeasurements.

    >>> net = NetChain([LinearLayer(2, Weights=[[1], [-1]], Biases=[0, 0]), SoftmaxLayer()])
    >>> net_measurements(net, ([[1], [2], [-1], [3]], [0, 0, 1, 1]), ["Accuracy", "Recall"])
    [0.75, {0: 1.0, 1: 0.5}]
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"{WHERE} wants a net, got {net!r}")
    words = spelled(options, OPTIONS, WHERE)
    listed = isinstance(measurements, list)
    missing = missing_arrays(net)
    if missing:
        raise NetValueError(f"{WHERE}: {short(net)} is not initialised: {', '.join(missing[:4])} missing", fix="net_initialize(net)")
    size, seed = _batch_size(words.get("BatchSize", Automatic)), seed_of(words.get("RandomSeeding", 1234))
    device, dtype = device_of(words.get("TargetDevice", Automatic), default="best"), _precision(words.get("WorkingPrecision", Automatic))
    source = read_for(net, data, WHERE)
    observed = source.observed() if isinstance(source, Columns) else source.observed(batch_size=size, seed=seed)
    training, columns = _with_losses(net, words.get("LossFunction", Automatic), observed)
    losses = [name for name, _ in training.losses]
    asked = [parse_measurement(entry, WHERE, losses) for entry in (measurements if listed else [measurements])]
    if not losses and any(measurement.what == "Loss" for measurement in asked):
        columns_there = ", ".join(f'"{name}"' for name in observed)
        raise NetTypeError(f'{WHERE}: "Loss" wants targets: the data has the columns {columns_there} alone')
    measuring = Measuring(net, training, asked, WHERE)
    lowered, table = _bound(net, training, columns, observed, source, measuring, size, seed, device, dtype)
    arrays, states = (tuple(training.net.tensors[name].to(device, dtype) for name in names) for names in (lowered.arrays, lowered.states))
    order = [next(name for name, port in columns.items() if port == wanted) for wanted in lowered.inputs]
    feed = Feed(
        table, lowered, order, min(size, table.count) if isinstance(table, Table) else size, seed, dtype, device, int(training.attached)
    )
    with torch.inference_mode():
        for inputs, noise, lengths, valid in _batches(feed):
            values, _ = lowered.from_zeros(inputs, arrays, states, noise, lengths, valid)
            count = len(training.losses)
            measuring.add_losses(values[:count])
            measuring.add(lowered, values[count:], lengths)
    found = measuring.values(lambda: training.net.tensors)
    values = [found[measurement.key] for measurement in asked]
    return values if listed else values[0]


def _batches(feed: Feed) -> Iterator[Batch]:
    """The batches of one round, those of data in memory in its own order."""
    if isinstance(feed.source, Table):
        parts = feed.source.in_order(feed.batch_size)
        for number, part in enumerate(parts):
            batch = feed.source.batch(part)
            feed.source.expect(parts[number + 1 : number + 1 + AHEAD])
            yield feed.made(batch, number + 1)
        return
    while (fed := feed.next()) is not None:
        yield fed.batch
        if fed.ends_round:
            return


def _with_losses(net: Net, loss: Any, observed: Mapping[str, PortType]) -> tuple[Training, dict[str, str]]:
    """The net with its losses, and the columns that feed it; without losses where the data has no targets and none was asked for."""
    if loss is Automatic and set(observed) - {WEIGHT} == set(input_names(net)) and "Loss" not in output_names(net):
        training = Training(net, (), {name: name for name in input_names(net)}, attached=False)
    else:
        training = attach(net, loss, observed)
    return training, fed_columns(training, observed, WHERE)


def _bound(net, training, columns, observed, source, measuring, size, seed, device, dtype) -> tuple[Lowered, Table | Stream]:
    """The lowered net that gives what is measured, and the data as its inputs take it."""
    types = {port: observed[name] for name, port in columns.items()}
    typing = infer(training.net, data=shapes_said(types, settled(training.net).inputs), full=True, close=True)
    if not typing.closed:
        raise open_error(training.net, typing, f"{short(net)} cannot be measured")
    lowered = lower(training.net, "Test", typing=typing, wanted=measuring.wanted(), final=False)
    by_column = {name: typing.inputs[port] for name, port in columns.items()}
    if WEIGHT in observed and WEIGHT not in columns:  # measures count every example alike
        by_column[WEIGHT] = PortType(REAL, ())
    if isinstance(source, Columns):
        return lowered, source.table(by_column, dtype=dtype, device=device)
    return lowered, source.bind(by_column, batch_size=size, seed=seed, dtype=dtype, device=device)


def _batch_size(value: Any) -> int:
    if value is Automatic:
        return USUAL_BATCH
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise NetValueError(f"{WHERE}: BatchSize is a whole number from 1 or Automatic, got {value!r}")
    return value


def _precision(value: Any) -> torch.dtype:
    if value is Automatic:
        return torch.float32
    if value not in ("Real32", "Real64"):
        raise NetValueError(f'{WHERE}: WorkingPrecision is "Real32" or "Real64", got {value!r}')
    return PRECISIONS[value]
