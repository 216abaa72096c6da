"""From measurements to the values of a training net that they need, and from batches of these to what was measured."""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.layers.function import FunctionLayer
from netgraph.layers.loss import CrossEntropyLossLayer, MeanAbsoluteLossLayer, MeanSquaredLossLayer
from netgraph.layers.metric.distance import LpDistance
from netgraph.losses.attach import Training
from netgraph.losses.choose import feeder_path
from netgraph.losses.targets import class_names
from netgraph.lower.forward import Lowered
from netgraph.measure.collect import ClassCollector, Collector, NumberCollector, ValueCollector
from netgraph.measure.retrieval import EMBEDDINGS, RetrievalCollector
from netgraph.measure.spec import CLASSIFICATION, REGRESSION, Measurement
from netgraph.nets.container import input_names
from netgraph.run.outputs import asked_for, true_lengths
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions
from netgraph.spec.net import Net, array_key, array_slots
from netgraph.spec.ports import NetPort
from netgraph.spec.typing import short
from netgraph.types.port_type import PortType

Arrays = Callable[[], Mapping[str, torch.Tensor]]

Told = Mapping[str, Any]
"""Values by the keys of measurements."""

Place = tuple[tuple[str, ...], str]
"""A value of the training net: the path of a part, and its port."""

DRAWERS: dict[str, Callable] = {}
"""What draws "ConfusionMatrixPlot" and "ROCCurvePlot"; filled when the package is imported."""

PLOTS = {"ConfusionMatrixPlot": "ConfusionMatrix", "ROCCurvePlot": "ROCCurve"}


class Judged(NamedTuple):
    """A loss and what it judges: its layer, the output's name for users, and where prediction and target come in."""

    port: str
    layer: Net
    prediction: Place
    target: Place


class Family(NamedTuple):
    """Measurements of one sort: their names, the loss layers they go with, in words too, and what collects them."""

    names: tuple[str, ...]
    wants: str
    fits: Callable[[Net], bool]
    collector: Callable[[Any, list[Measurement], tuple], Collector]


def _of_classes(layer: Any, asked: list[Measurement], names: tuple) -> Collector:
    depths = frozenset(int(m.parameter or 1) for m in asked if m.what in ("Accuracy", "ErrorRate")) | {1}
    return ClassCollector(layer.TargetForm, depths, any("ROC" in str(m.what) for m in asked), names)


def _of_embeddings(layer: Any, asked: list[Measurement], names: tuple) -> Collector:
    collector = RetrievalCollector(getattr(layer, "Distance", None) or LpDistance(Normalized=False))
    collector.ask(asked)
    return collector


def _judges_embeddings(layer: Net) -> bool:
    return layer.coupled if isinstance(layer, Layer) else False


FAMILIES = (
    Family(CLASSIFICATION, "a cross-entropy", lambda layer: isinstance(layer, CrossEntropyLossLayer), _of_classes),
    Family(
        REGRESSION,
        "a mean squared or mean absolute loss",
        lambda layer: isinstance(layer, (MeanSquaredLossLayer, MeanAbsoluteLossLayer)),
        lambda layer, asked, names: NumberCollector(),
    ),
    Family(EMBEDDINGS, "a loss on the classes of embeddings", _judges_embeddings, _of_embeddings),
)


class Taken(NamedTuple):
    """A measurement, the collector that it reads, and where the collector's values come from; of an array its key in the training net."""

    measurement: Measurement
    collector: Collector | None
    places: tuple[Place, ...]
    function: FunctionLayer | None = None
    array: str | None = None


class Measuring:
    """What is measured of one training net: `places` are the values to lower beside the losses; add batches of them, ask for `values`.

    `net` is the net of the user, around which `training` may have put a graph. Errors: NetTypeError for a measurement that no loss of the
    net fits, NetValueError where several do, NetNameError for a port that is not there.
    """

    def __init__(self, net: Net, training: Training, measurements: Sequence[Measurement], where: str):
        self.net, self.training, self.where = net, training, where
        self.judged = _judged(training)
        self.measurements = tuple(measurements)
        _distinct(self.measurements, where)
        self.places: list[Place] = []
        self.shared: dict[tuple, Collector] = {}
        self._empty = [self._taken(measurement) for measurement in self.measurements]
        for taken in self._empty:
            self.places += [place for place in taken.places if place not in self.places]
        self._start()

    def fresh(self) -> "Measuring":
        """The same measurements, of nothing yet."""
        made = copy.copy(self)
        made._start()
        return made

    def _start(self) -> None:
        self.totals, self.count = [0.0] * len(self.training.losses), 0
        copied = {id(taken.collector): taken.collector.copied() for taken in self._empty if taken.collector is not None}
        self.taken = [taken._replace(collector=copied.get(id(taken.collector))) for taken in self._empty]

    @property
    def reads_arrays(self) -> bool:
        """Whether a measurement is one of the net's arrays."""
        return any(taken.array is not None for taken in self._empty)

    def wanted(self) -> tuple[Place, ...]:
        """The values to lower: the losses, then `places`."""
        return (*(((), name) for name, _ in self.training.losses), *self.places)

    def add_losses(self, losses: Sequence[torch.Tensor]) -> None:
        """The losses of the examples of one batch, term by term."""
        self.count += len(losses[0]) if losses else 0
        for number, loss in enumerate(losses):
            self.totals[number] += float(loss.detach().double().sum())

    def add(self, lowered: Lowered, values: Sequence[torch.Tensor], lengths: Sequence[torch.Tensor]) -> None:
        """The values at `places` of one batch, with the lengths of each variable."""
        for collector, given in self._given(lowered, values, lengths):
            collector.add(*given)

    def _given(self, lowered: Lowered, values: Sequence[torch.Tensor], lengths: Sequence[torch.Tensor], stack: int = 1):
        """What each collector takes of the values at `places`: pairs (collector, its columns).

        Of a stack of several batches, one behind the other, a function sees one after the other.
        """
        rest = dict(zip(self.places, values, strict=True))
        real = {place: _real(lowered, place, value, lengths) for place, value in rest.items()}
        added: list[Collector] = []
        for taken in self.taken:
            if taken.collector is None or any(taken.collector is other for other in added):
                continue
            added.append(taken.collector)
            columns = [rest[place] for place in taken.places]
            masks = [real[place] for place in taken.places]
            if taken.function is not None and stack > 1:
                parts = zip(*(column.chunk(stack) for column in columns), strict=True)
                yield taken.collector, (torch.cat([_applied(taken.function, part, masks) for part in parts]),)
            elif taken.function is not None:
                yield taken.collector, (_applied(taken.function, columns, masks),)
            elif isinstance(taken.collector, ClassCollector):
                yield taken.collector, _decisions(taken.collector.form, columns[0], columns[1], masks[0])
            elif isinstance(taken.collector, RetrievalCollector):
                yield taken.collector, (columns[0], columns[1])
            elif isinstance(taken.collector, ValueCollector):
                yield taken.collector, (columns[0] if masks[0] is None else columns[0][masks[0]],)
            else:
                yield taken.collector, tuple(column if mask is None else column[mask] for column, mask in zip(columns, masks, strict=True))

    @np.errstate(all="ignore")
    def each(self, lowered: Lowered, values: Sequence[torch.Tensor], losses: Sequence[float], told: Sequence[Told]) -> dict[str, list[Any]]:
        """What each of several batches of one shape shows by itself: a list a measurement, of exactly what `values` would tell of it alone.

        `values` hold the batches one behind the other, B N x ..., `losses` the loss of each, and `told` what `of_arrays` told when it was
        seen; no length may vary. What can be is measured in one pass over all of them, the rest batch by batch. What this measuring has
        seen does not count, nor is it changed.
        """
        made, count = self.fresh(), len(losses)
        pictures = any(taken.measurement.what in PLOTS for taken in made.taken)
        stacked: dict[int, Collector] = {}
        single: dict[int, list[Collector]] = {}
        for collector, given in made._given(lowered, values, (), count):
            columns = [column.unflatten(0, (count, -1)) for column in given]
            together = None if pictures else collector.each(*columns)
            if together is not None:
                stacked[id(collector)] = together
                continue
            single[id(collector)] = [collector.copied() for _ in losses]
            for alone, *one in zip(single[id(collector)], *columns, strict=True):
                alone.add(*one)
        found: dict[str, list[Any]] = {}
        for taken in made.taken:
            key, collector = taken.measurement.key, taken.collector
            if id(collector) in stacked:
                found[key] = _apart(stacked[id(collector)].value(taken.measurement), count)
            elif collector is not None:
                found[key] = [_value(taken.measurement, one) for one in single[id(collector)]]
            else:
                found[key] = list(losses) if taken.array is None else [one[key] for one in told]
        return found

    def loss(self) -> float:
        """The mean of the whole loss over the examples."""
        factors = [factor for _, factor in self.training.losses]
        return sum(total * factor for total, factor in zip(self.totals, factors, strict=True)) / self.count if self.count else float("nan")

    def of_arrays(self, arrays: Arrays) -> Told:
        """What is measured of arrays, as they are now; `arrays` gives those of the training net, and is asked only where that is wanted."""
        wanted = [taken for taken in self.taken if taken.array is not None]
        now = arrays() if wanted else {}
        return {taken.measurement.key: _of_array(taken.measurement, now[str(taken.array)]) for taken in wanted}

    def values(self, arrays: Arrays, loss: float | None = None, told: Told | None = None) -> dict[str, Any]:
        """What was measured, by key.

        `arrays` gives those of the training net, `loss` its loss where no losses were added, `told` what `of_arrays` told before.
        """
        told = self.of_arrays(arrays) if told is None else told
        found = {}
        for taken in self.taken:
            key = taken.measurement.key
            if taken.collector is not None:
                found[key] = _value(taken.measurement, taken.collector)
            elif taken.array is not None:
                found[key] = told[key]
            else:
                found[key] = self.loss() if loss is None else loss
        return found

    # -- which values a measurement needs -----------------------------------------------------------------------------------------------

    def _taken(self, measurement: Measurement) -> Taken:
        what = measurement.what
        if what == "Loss":
            return Taken(measurement, None, ())
        if isinstance(what, str) and what in dict(self.training.losses):
            return Taken(measurement, ValueCollector("Mean"), (((), what),))
        if isinstance(what, str):
            return self._of_loss(measurement)
        if isinstance(what, NetPort):
            array = self._array_key(what)
            if array is not None:
                return Taken(measurement, None, (), array=array)
            return Taken(measurement, ValueCollector(measurement.aggregation), (self._place(what),))
        names = list(inspect.signature(what).parameters)
        places = tuple(self._place(NetPort(name)) for name in names)
        return Taken(measurement, ValueCollector(measurement.aggregation or "Mean"), places, FunctionLayer(what))

    def _of_loss(self, measurement: Measurement) -> Taken:
        name = str(measurement.what)
        family = next(family for family in FAMILIES if name in family.names)
        fitting = [j for j in self.judged if family.fits(j.layer) and measurement.port in (None, j.port)]
        if not fitting:
            have = ", ".join(f"{j.port}: {short(j.layer)}" for j in self.judged) or "no loss layer"
            raise NetTypeError(f'{self.where}: "{name}" is measured of an output with {family.wants}; the net has {have}')
        if len(fitting) > 1:
            ports = ", ".join(f'"{j.port}"' for j in fitting)
            fix = f'{{"Measurement": "{name}", "Port": "{fitting[0].port}"}}'
            raise NetValueError(f'{self.where}: "{name}" fits several outputs: {ports}', fix=fix)
        judged = fitting[0]
        key = (judged.port, family.names)
        if key not in self.shared:
            asked = [m for m in self.measurements if m.what in family.names and m.port in (None, judged.port)]
            self.shared[key] = family.collector(judged.layer, asked, class_names(self.net).get(judged.port, ()))
        return Taken(measurement, self.shared[key], (judged.prediction, judged.target))

    def _place(self, port: NetPort) -> Place:
        """Where the value of an input, an output or an inner port of the net, or else of a column of the data, is found."""
        around = ("net",) if self.training.attached else ()
        name = str(port.path[0]) if len(port.path) == 1 else None
        if name in input_names(self.net):
            return (), self.training.names[name]
        try:
            (path, word), *_ = asked_for(self.net, port).places
        except NetNameError as error:
            if name in self.training.names:
                return (), self.training.names[name]
            known = [*self.training.names, *(name for name in self.net.children)]
            shown = "/".join(map(str, port.path))
            raise NetNameError(f"{self.where}: {short(self.net)} has no {shown!r} to measure, {did_you_mean(shown, known)}") from error
        return (*around, *path), word

    def _array_key(self, port: NetPort) -> str | None:
        """The key in the training net of the array that a port names."""
        wanted = "/".join(map(str, port.path))
        around = "net/" if self.training.attached else ""
        for path, _, name, _, setting in array_slots(self.training.net):
            if "/".join((*path, name)) == f"{around}{wanted}":
                return array_key(path, name, setting)
        return None


def _of_array(measurement: Measurement, array: torch.Tensor) -> Any:
    if measurement.aggregation is None:
        return array.detach().cpu().numpy().copy()
    collector = ValueCollector(measurement.aggregation)
    collector.add(array)
    return collector.value(measurement)


def _distinct(measurements: Sequence[Measurement], where: str) -> None:
    seen: set[str] = set()
    for measurement in measurements:
        if measurement.key in seen:
            fix = f'{{"Measurement": ..., "Key": "{measurement.key}2"}}'
            raise NetValueError(f'{where}: two measurements are stored under "{measurement.key}"', fix=fix)
        seen.add(measurement.key)


def _judged(training: Training) -> list[Judged]:
    """Every loss that is a layer with a prediction and a target."""
    found = []
    for port, _ in training.losses:
        path = feeder_path(training.net, port)
        layer = training.net
        for name in path or ():
            layer = layer.children[name]
        if path is None or not {"Input", "Target"} <= set(input_names(layer)):
            continue
        found.append(Judged(_output_of(training, path, port), layer, (path, "Input"), (path, "Target")))
    return found


def _output_of(training: Training, path: tuple[str, ...], port: str) -> str:
    """The output of the user's net that an attached loss judges; of a loss of the net's own its port."""
    if not training.attached:
        return port
    wire = next(w for w in training.net.wires if w.part == path[0] and w.part_port == "Input")  # type: ignore[attr-defined]
    return wire.source_port


def _value(measurement: Measurement, collector: Collector) -> Any:
    """A measurement of what was collected; of a picture its figure."""
    what = measurement.what
    if what not in PLOTS:
        return collector.value(measurement)
    return DRAWERS[what](collector.value(_renamed(measurement, PLOTS[what])), getattr(collector, "labels", None))


def _apart(value: Any, count: int) -> list[Any]:
    """The values of a stack of batches, one a batch: of each class they are lists by label, else the first axis of an array."""
    if isinstance(value, float):
        return [value] * count
    if isinstance(value, dict):
        return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    return value.tolist()


def _renamed(measurement: Measurement, name: str) -> Measurement:
    return Measurement(name, measurement.parameter, measurement.key, measurement.port, measurement.averaging)


# -- the real part of padded values


def _real(lowered: Lowered, place: Place, value: torch.Tensor, lengths: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """Which entries along the batch and the varying axes are real (None: all), over all axes up to the last that varies."""
    axes = lowered.plan.lengths_at(*place)
    if not axes:
        return None
    last = max(axes)
    mask = torch.ones(value.shape[: last + 2], dtype=torch.bool, device=value.device)
    for axis, length in axes.items():
        mask = mask & valid_positions(mask, axis + 1, true_lengths(length, lengths).to(value.device), last + 1)
    return mask


def _decisions(form: str, probabilities: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor | None):
    """One row a decision: every real position of every example."""
    if mask is not None:
        probabilities, targets = probabilities[mask], targets[mask]
    if form == "Binary":
        return probabilities.reshape(-1), targets.reshape(-1)
    classes = probabilities.shape[-1]
    return probabilities.reshape(-1, classes), targets.reshape(-1, classes) if form == "Probabilities" else targets.reshape(-1)


def _applied(function: FunctionLayer, columns: Sequence[torch.Tensor], masks: Sequence[torch.Tensor | None]) -> torch.Tensor:
    """The function of every example, on its real part alone."""
    names = function.input_ports()
    if all(mask is None for mask in masks):
        fitting = _fitting(function, tuple(tuple(column.shape[1:]) for column in columns))
        return torch.as_tensor(fitting(dict(zip(names, columns, strict=True))))
    results = []
    for number in range(len(columns[0])):
        one = {}
        for name, column, mask in zip(names, columns, masks, strict=True):
            one[name] = column[number] if mask is None else _cut(column[number], mask[number])
        results.append(torch.as_tensor(function(one)).reshape(-1))
    return torch.cat(results)


@lru_cache(64)
def _fitting(function: FunctionLayer, shapes: tuple[tuple[int, ...], ...]) -> FunctionLayer:
    """The function for examples of these shapes, so that a batch is told from one of them."""
    given = {name: PortType(None, shape) for name, shape in zip(function.input_ports(), shapes, strict=True)}
    return function.replaced(given=given)  # type: ignore[return-value]


def _cut(value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The real part of one example, whose real entries fill a corner."""
    sizes = [
        int(mask.any(dim=[d for d in range(mask.dim()) if d != axis]).sum()) if mask.dim() > 1 else int(mask.sum())
        for axis in range(mask.dim())
    ]
    return value[tuple(slice(size) for size in sizes)]
