"""`NetTrainResultsObject`: all that a training run leaves behind, as one value."""

import html
import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import numpy as np
import torch

from netgraph.errors import NetError, NetFileError, NetNameError, did_you_mean
from netgraph.formats import strict_json
from netgraph.train.amounts import counted, duration, loss_text, speed
from netgraph.train.plan import Plan
from netgraph.train.record import Record, by_snake

__all__ = ["NetTrainResultsObject", "StopReason"]


class StopReason(Enum):
    """Why training stopped; the value is a sentence.

    >>> print(StopReason.TIME_GOAL)
    The time goal was reached.
    """

    ROUNDS_DONE = "All rounds were done."
    TIME_GOAL = "The time goal was reached."
    INTERRUPTED = "Training was interrupted."
    DIVERGED = "The loss was no longer finite."
    DATA_ENDED = "The data ended."
    CALLBACK = "A progress function stopped training."
    CRITERION = "The stopping criterion was met."
    ABORTED = "A progress function aborted training."
    OUT_OF_MEMORY = "Memory ran out."
    FAILED = "An error ended training."

    def __str__(self) -> str:
        return self.value

    @property
    def clause(self) -> str:
        """The sentence without its full stop, to go on after."""
        return self.value.removesuffix(".")


NAMES = (
    "TrainedNet", "TrainingNet", "ReasonTrainingStopped", "TotalRounds", "TotalBatches", "BatchesPerRound", "BatchSize",
    "ExamplesProcessed", "TrainingExamples", "ValidationExamples", "RoundLoss", "RoundLossList", "RoundPositions", "BatchLossList",
    "ValidationLoss", "ValidationLossList", "ValidationPositions", "BestValidationRound", "BatchMeasurementsLists", "RoundMeasurements",
    "RoundMeasurementsLists", "ValidationMeasurements", "ValidationMeasurementsLists", "LossPlot", "FinalPlots", "TotalTrainingTime",
    "MeanBatchesPerSecond", "MeanExamplesPerSecond", "InitialLearningRate", "FinalLearningRate", "LearningRateCurve", "OptimizationMethod",
    "ArraysLearningRateMultipliers", "CheckpointingFiles", "TargetDevice", "Plan", "NetTrainInputForm", "Report", "Properties",
)  # fmt: skip
"""All properties, in the order of "Properties"."""

ALIASES = {
    "ErrorRateEvolutionPlot": "FinalPlots",
    "FinalRoundLoss": "RoundLoss",
    "FinalValidationLoss": "ValidationLoss",
    "LossEvolutionPlot": "LossPlot",
    "StoppingReason": "ReasonTrainingStopped",
    "TimeElapsed": "TotalTrainingTime",
    "WeightsLearningRateMultipliers": "ArraysLearningRateMultipliers",
}
"""Wolfram's older names."""


def _or_none(check: Callable) -> Callable:
    return lambda value: value is None or check(value)


def _is_whole(value) -> bool:
    return type(value) is int and value >= 0


def _is_number(value) -> bool:
    return type(value) in (int, float)


def _list_of(check: Callable) -> Callable:
    return lambda value: isinstance(value, list) and all(map(check, value))


_SORTS: tuple[tuple[Callable, str, tuple[str, ...]], ...] = (
    (_or_none(_is_whole), "a whole number", (
        "TotalRounds", "TotalBatches", "BatchesPerRound", "BatchSize", "ExamplesProcessed", "TrainingExamples", "ValidationExamples",
        "BestValidationRound",
    )),
    (_or_none(_is_number), "a number", (
        "RoundLoss", "ValidationLoss", "TotalTrainingTime", "MeanBatchesPerSecond", "MeanExamplesPerSecond", "InitialLearningRate",
        "FinalLearningRate",
    )),
    (_list_of(_is_number), "a list of numbers", ("RoundLossList", "BatchLossList", "ValidationLossList")),
    (_list_of(_is_whole), "a list of whole numbers", ("RoundPositions", "ValidationPositions")),
    (lambda value: isinstance(value, str) and value in StopReason.__members__, "a reason", ("ReasonTrainingStopped",)),
    (_list_of(lambda value: isinstance(value, str)), "a list of texts", ("Report", "CheckpointingFiles")),
    (_or_none(_list_of(lambda pair: isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair)))), "a list of pairs",
     ("LearningRateCurve",)),
    (lambda value: isinstance(value, dict) and all(isinstance(part, list) for part in value.values()), "lists by measurement", (
        "BatchMeasurementsLists", "RoundMeasurementsLists", "ValidationMeasurementsLists",
    )),
    (lambda value: isinstance(value, dict), "values by measurement", ("RoundMeasurements", "ValidationMeasurements")),
    (lambda value: True, "", ("OptimizationMethod", "ArraysLearningRateMultipliers", "TargetDevice", "Plan", "NetTrainInputForm")),
)  # fmt: skip
SORTS = {name: (check, text) for check, text, names in _SORTS for name in names}
"""What a property may be in JSON: a check, and its words."""


def is_property(name: str) -> bool:
    """Whether a results object has a property of that name, in either spelling or under one of Wolfram's older names."""
    return name in NAMES or name in ALIASES or name in NetTrainResultsObject.snakes


DERIVED = ("Properties", "LossPlot", "FinalPlots")
"""What is made when it is asked for."""

MEASURED = {
    "BatchMeasurementsLists",
    "RoundMeasurements",
    "RoundMeasurementsLists",
    "ValidationMeasurements",
    "ValidationMeasurementsLists",
}

DRAWN: dict[str, Callable] = {}
"""What draws a result: "plot" gives a matplotlib figure, "svg" the same as text. Filled by `bind` when the package is imported."""

FORMAT, VERSION = "netgraph training results", 1


def bind(name: str, function: Callable) -> None:
    """Let `name` ("plot" or "svg") of every result be `function(result, **options)`."""
    DRAWN[name] = function


class NetTrainResultsObject(Record):
    """What `net_train(net, data, All)` gives: the trained net, the losses, why training stopped, how fast it was.

    `result["TotalBatches"]` and `result.total_batches` are the same; `result["Properties"]` lists the names there are, a list of names
    gives a list of values. Losses are per update ("BatchLossList"), per round ("RoundLossList", the mean of the batch losses as seen) and
    per check ("ValidationLossList"); the positions are numbers of batches, from 1. Times are in seconds, without preparation and compiling.
    `result.plot()` draws the losses, `result.plot(name)` a measurement, `result.to_json()` keeps everything but the nets. Measurements are
    lists by name, and, of each class, dicts by class; "FinalPlots" are all pictures by name.
    It is built from a mapping of Wolfram's names to values; "RoundLoss", "ValidationLoss", "TotalRounds", "TotalBatches" and the mean
    speeds follow from the others where they are not given. "Plan" (how the step was executed) and "Report" (what happened, a list of
    lines) are ours.
    Errors: NetNameError for an unknown property, with the nearest ones.
    Source: Wolfram's NetTrainResultsObject.

    >>> result = NetTrainResultsObject({"RoundLossList": [0.5, 0.25], "TotalBatches": 20, "TotalTrainingTime": 2.0})
    >>> result["RoundLoss"], result.final_round_loss, result.mean_batches_per_second
    (0.25, 0.25, 10.0)
    >>> result["RoundLosses"]
    Traceback (most recent call last):
    netgraph.errors.NetNameError: the training result has no 'RoundLosses', did you mean "RoundLoss" or "RoundLossList" or "TotalRounds"?
    """

    __slots__ = ("left_out",)

    what = "the training result"
    aliases = ALIASES
    snakes = by_snake(NAMES, ALIASES)

    def __init__(self, values: Mapping[str, object], *, left_out: tuple[str, ...] = ()):
        given = {}
        for name, value in values.items():
            full = ALIASES.get(name, name)
            if full not in NAMES or full in DERIVED:
                raise NetNameError(f'NetTrainResultsObject takes no property "{name}", {did_you_mean(name, NAMES)}')
            given[full] = _taken(value)
        _derive(given)
        object.__setattr__(self, "_values", {name: given[name] for name in NAMES if name in given})
        object.__setattr__(self, "left_out", left_out)

    def full_name(self, name: object) -> str | None:
        full = _wolfram(name)
        return full if full in DERIVED or full in self._values else None

    def value(self, name: str):
        if name == "Properties":
            return list(self)
        if name == "LossPlot":
            return self.plot()
        if name == "FinalPlots":
            tracked = {**(self._values.get("RoundMeasurements") or {}), **(self._values.get("ValidationMeasurements") or {})}
            return {what: self.plot(what) for what in ("Loss", *tracked)}
        return _handed_out(self._values[name])

    def missing(self, name: object) -> NetNameError:
        full = _wolfram(name)
        if full in self.left_out:
            return NetNameError(f'"{full}" was left out when the results were written as JSON', fix="net_save(result.trained_net, path)")
        if full in NAMES:
            return NetNameError(f'this training run has no "{full}"; result["Properties"] lists what there is')
        return NetNameError(f"{self.what} has no {name!r}, {did_you_mean(name, list(self))}")

    def __getitem__(self, name):
        if isinstance(name, (list, tuple)):
            return [self[each] for each in name]
        return Record.__getitem__(self, name)

    def __iter__(self):
        return (name for name in NAMES if name in self._values or name in DERIVED)

    def __eq__(self, other) -> bool:
        if not isinstance(other, NetTrainResultsObject):
            return NotImplemented
        return self._values.keys() == other._values.keys() and all(_same(v, other._values[k]) for k, v in self._values.items())

    __hash__ = None  # type: ignore[assignment] - it holds lists

    def plot(self, what: str = "Loss", /, **options):
        """The losses over the batches as a matplotlib figure: each batch faint, their smoothed course, rounds, validation.

        `what` may be a measurement: its course over the rounds and checks, or of "ConfusionMatrix" and "ROCCurve" the last picture;
        "LearningRateCurve" is that of LearningRate="Find". Options: those of `netgraph.show.curves.figure`. Errors: NetError where
        matplotlib is missing, NetNameError for what was not measured.
        """
        if "plot" not in DRAWN:
            raise NetError("nothing here draws results", fix="import netgraph")
        return DRAWN["plot"](self, what, **options)

    def to_json(self) -> str:
        """Everything but the nets, as strict JSON; the names of what JSON cannot say stand under "LeftOut".

        >>> NetTrainResultsObject({"TotalBatches": 20}).to_json()
        '{"Format":"netgraph training results","Version":1,"Values":{"TotalBatches":20},"LeftOut":[]}'
        """
        values, left_out = {}, list(self.left_out)
        for name, value in self._values.items():
            if isinstance(value, StopReason):
                value = value.name
            elif isinstance(value, Plan):
                value = strict_json.loads(value.to_json(), source="Plan")
            if name in MEASURED:
                value = {key: [paired(v) for v in part] if name.endswith("Lists") else paired(part) for key, part in value.items()}
            try:
                # Each by itself: one that JSON has no form for must not cost the others.
                strict_json.dumps(value)
            except NetFileError:
                left_out.append(name)
            else:
                values[name] = value
        return strict_json.dumps({"Format": FORMAT, "Version": VERSION, "Values": values, "LeftOut": left_out})

    @classmethod
    def from_json(cls, text: str) -> "NetTrainResultsObject":
        """The results that `to_json` wrote, without the nets. Errors: NetFileError for any other text.

        >>> NetTrainResultsObject.from_json(NetTrainResultsObject({"TotalBatches": 20}).to_json()).total_batches
        20
        """
        data = strict_json.untag(strict_json.loads(text, source="results"), source="results")
        if not isinstance(data, dict) or data.get("Format") != FORMAT:
            raise NetFileError(f'results: no training results: the text lacks "Format": "{FORMAT}"')
        if data.get("Version") != VERSION:
            raise NetFileError(f"results: version {data.get('Version')!r} is not known here, only {VERSION}")
        values, left_out = data.get("Values"), data.get("LeftOut")
        if not isinstance(values, dict) or not isinstance(left_out, list) or not all(name in NAMES for name in left_out):
            raise NetFileError('results: "Values" is an object and "LeftOut" a list of properties')
        for name, value in values.items():
            if name not in SORTS:
                raise NetFileError(f"results: {strict_json.quoted(name)} is no property of a training result")
            check, wanted = SORTS[name]
            if not check(value):
                raise NetFileError(f"results: {name}: wanted {wanted}")
        for name in MEASURED & values.keys():
            lists = name.endswith("Lists")
            values[name] = {key: [unpaired(v) for v in part] if lists else unpaired(part) for key, part in values[name].items()}
        if "Plan" in values:
            try:
                values["Plan"] = Plan.from_json(strict_json.dumps(values["Plan"]))
            except NetError as error:
                raise NetFileError(f"results: Plan: {error.headline}") from None
        reason = values.get("ReasonTrainingStopped")
        if reason is not None:
            values["ReasonTrainingStopped"] = StopReason[reason]
        return cls(values, left_out=tuple(left_out))

    def summary(self) -> list[tuple[str, str]]:
        """(what, amount) of what one wants to know first."""
        value = self._values.get
        lines = [("stopped", value("ReasonTrainingStopped").clause)] if value("ReasonTrainingStopped") else []
        if value("TotalBatches") is not None:
            done = counted(value("TotalBatches"), "batch") + (f" of {value('BatchSize'):,}" if value("BatchSize") else "")
            lines.append(("done", f"{counted(value('TotalRounds'), 'round')}, {done}" if value("TotalRounds") is not None else done))
        if value("RoundLoss") is not None:
            lines.append(("loss", loss_text(value("RoundLoss"))))
        if value("ValidationLoss") is not None:
            best = f", best in round {value('BestValidationRound')}" if value("BestValidationRound") is not None else ""
            lines.append(("validation loss", loss_text(value("ValidationLoss")) + best))
        for what, name in (("", "RoundMeasurements"), ("validation ", "ValidationMeasurements")):
            numbers = {key: v for key, v in (value(name) or {}).items() if isinstance(v, float)}
            if numbers:
                lines.append((f"{what}measurements", ", ".join(f"{key} {loss_text(v)}" for key, v in numbers.items())))
        if value("TotalTrainingTime") is not None:
            lines.append(("time", duration(value("TotalTrainingTime"))))
        speeds = [(value("MeanBatchesPerSecond"), "batches/s"), (value("MeanExamplesPerSecond"), "examples/s")]
        if any(amount is not None for amount, _ in speeds):
            lines.append(("speed", ", ".join(f"{speed(amount)} {unit}" for amount, unit in speeds if amount is not None)))
        device, method = value("TargetDevice"), value("OptimizationMethod")
        if device is not None or method is not None:
            name = method[0] if isinstance(method, (tuple, list)) and method else method
            words = [name and str(name).partition("(")[0], device and f"on {device}"]  # its suboptions would drown the rest
            lines.append(("method", " ".join(str(word) for word in words if word)))
        return lines

    def __repr__(self) -> str:
        lines = dict(self.summary())
        words = [lines.get("stopped"), lines.get("done"), lines.get("loss") and f"loss {lines['loss']}"]
        words += [lines.get("validation loss") and f"validation loss {lines['validation loss']}", lines.get("time"), lines.get("speed")]
        return f"<NetTrainResultsObject: {'; '.join(word for word in words if word) or 'empty'}>"

    def __str__(self) -> str:
        lines = self.summary()
        width = max((len(what) for what, _ in lines), default=0)
        return "\n".join(["NetTrainResultsObject", *(f"  {what:{width}}  {amount}" for what, amount in lines)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:left;color:#6b7280">{what}</td><td style="text-align:left">{html.escape(amount)}</td></tr>'
            for what, amount in self.summary()
        )
        table = f"<table>{rows}</table>"
        try:
            curve = DRAWN["svg"](self) if "svg" in DRAWN else ""
        except NetError:  # no matplotlib: the table alone is still worth showing
            curve = ""
        return f'<div style="display:flex;gap:1em;align-items:center;flex-wrap:wrap">{table}{curve}</div>'


def paired(value: Any) -> Any:
    """A dict by class as data that JSON can say; anything else as it is."""
    return {"$by_class": [[label, entry] for label, entry in value.items()]} if isinstance(value, dict) else value


def unpaired(value: Any) -> Any:
    """What `paired` was given."""
    return dict(value["$by_class"]) if isinstance(value, dict) else value


def _wolfram(name: object) -> str | None:
    """Wolfram's present name of a property, whatever spelling it was asked by."""
    if not isinstance(name, str):
        return None
    name = NetTrainResultsObject.snakes.get(name, name)
    return ALIASES.get(name, name)


def _derive(given: dict[str, Any]) -> None:
    """Fill in what follows from the rest."""
    for last, every in (("RoundLoss", "RoundLossList"), ("ValidationLoss", "ValidationLossList")):
        if given.get(last) is None and given.get(every):
            given[last] = given[every][-1]
    for last, every in (("RoundMeasurements", "RoundMeasurementsLists"), ("ValidationMeasurements", "ValidationMeasurementsLists")):
        if last not in given and every in given:
            given[last] = {key: values[-1] for key, values in given[every].items() if values}
    for total, every in (("TotalRounds", "RoundLossList"), ("TotalBatches", "BatchLossList")):
        if total not in given and every in given:
            given[total] = len(given[every])
    seconds = given.get("TotalTrainingTime")
    for mean, total in (("MeanBatchesPerSecond", "TotalBatches"), ("MeanExamplesPerSecond", "ExamplesProcessed")):
        if mean not in given and seconds and given.get(total) is not None:
            given[mean] = given[total] / seconds


def _taken(value):
    """Plain Python data of a value: arrays as lists, lists copied, so that nobody can change it from outside."""
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)([v if type(v) in (float, int) else _taken(v) for v in value])
    if isinstance(value, Mapping):
        return {key: _taken(part) for key, part in value.items()}
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().tolist()
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value


_handed_out = _taken


def _same(a, b) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(part, b[key]) for key, part in a.items())
    return a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))
