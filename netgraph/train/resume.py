"""Going on from a checkpoint: which file, whether the run is the same, and what the options were."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from netgraph.errors import NetFileError, NetTrainingError, NetTypeError, NetValueError
from netgraph.formats.structure import net_to_json, without_code
from netgraph.formats.training_file import TrainingFile, read_training
from netgraph.spec.net import Net
from netgraph.train.saving import SUFFIX, WHERE
from netgraph.train.session import Session
from netgraph.train.state import VERSION
from netgraph.types.symbols import All, Automatic, Scaled

CARRIED = (
    "BatchSize", "ClassWeights", "EMA", "GradientAccumulation", "LearningRate", "LearningRateMultipliers", "LossFunction",
    "MaxTrainingRounds", "Method", "RandomSeeding", "TimeGoal", "TrainingProgressMeasurements", "TrainingStoppingCriterion",
    "TrainingUpdateSchedule", "ValidationSet", "WorkingPrecision",
)  # fmt: skip
"""The options that a checkpoint remembers. Those that are no plain data must be given again."""


class Resumed(NamedTuple):
    """A checkpoint to go on from, and where it was found."""

    path: str
    file: TrainingFile

    @property
    def told(self) -> Mapping[str, Any]:
        """The state that is no tensor."""
        return self.file.told


def read_checkpoint(place: object, report: list[str]) -> Resumed:
    """The checkpoint at a path; of a directory the newest one that is whole. What was passed over is told in `report`.

    Errors: NetTypeError for what is no path, NetFileError where there is no checkpoint, or none that is whole.
    """
    if not isinstance(place, (str, os.PathLike)):
        raise NetTypeError(f"net_train: Resume is the path of a checkpoint or of a directory of them, got {place!r}")
    path = Path(place)
    if not path.is_dir():
        return _checked(str(path))
    found = sorted(path.glob(f"*{SUFFIX}"), key=_age, reverse=True)
    if not found:
        raise NetFileError(f"Resume: {path}: there is no checkpoint in it")
    for candidate in found:
        try:
            return _checked(str(candidate))
        except NetFileError as error:
            report.append(f"Resume: passed over: {error.headline}")
    raise NetFileError(f"Resume: {path}: none of the {len(found)} checkpoints in it is whole: {report[-1]}")


def _checked(path: str) -> Resumed:
    file = read_training(path)
    version = file.told.get("Version") if isinstance(file.told, dict) else None
    if version != VERSION:
        raise NetFileError(f"{path}: is a checkpoint of version {version!r}, only {VERSION} is known here")
    return Resumed(path, file)


def _age(path: Path) -> tuple:
    """What sorts checkpoints by when they were written: start of the run, its number, the batch; then the time of the file."""
    words = path.stem.split("_")
    numbers = [int(word) if word.isdigit() else 0 for word in words[1:4]]
    return (words[0], numbers, path.stat().st_mtime_ns)


def merged(given: Mapping[str, Any], resumed: Resumed) -> dict[str, Any]:
    """The options of a resuming call: those given, else those of the checkpoint.

    Errors: NetTrainingError for one that the checkpoint could not remember and that is not given again.
    """
    options = dict(given)
    run = resumed.told["Run"]
    for name, value in run["Options"].items():
        options.setdefault(name, _value(value))
    for name in run["Again"]:
        if name not in options:
            raise NetTrainingError(f"Resume: {name} was given to the run of {resumed.path}, and cannot be read from it", fix=f"{name}=...")
    return options


def identity(session: Session) -> dict[str, Any]:
    """What makes a run itself, and the options that it was given, as plain data.

    Errors: NetValueError for a net that no file can hold.
    """
    options, prepared = session.options, session.prepared
    lowered = prepared.forward
    plain: dict[str, Any] = {}
    again = []
    for name in CARRIED:
        if name not in options.given:
            continue
        try:
            plain[name] = _plain(options.given[name])
        except TypeError:
            again.append(name)
    plain["RandomSeeding"] = _plain(options.seed)
    return {
        "Options": plain,
        "Again": again,
        "Torch": str(torch.__version__),
        "Threads": torch.get_num_threads(),
        "Same": {
            "net": hashlib.sha256(_text(session.net).encode()).hexdigest(),
            "arrays": [[key, list(prepared.net.tensors[key].shape)] for key in (*lowered.arrays, *lowered.states)],
            "columns": list(prepared.columns),
            "TrainingExamples": prepared.examples,
            "BatchSize": prepared.batch_size,
            "GradientAccumulation": options.accumulation,
            "EMA": options.average,
            "LearningRate": session.rate,
            "Method": options.method.spelt,
            "Suboptions": {name: _word(value) for name, value in options.method.suboptions().items()},
            "LearningRateMultipliers": list(prepared.multipliers),
            "TrainingUpdateSchedule": None if session.turns is None else [list(group) for group in session.turns.cycle],
            "LossFunction": list(prepared.objective.factors),
            "ClassWeights": _word(prepared.objective.class_weights),
            "WorkingPrecision": "Mixed" if options.mixed else str(options.dtype),
            "RandomSeeding": options.seed,
            "ValidationSet": session.validation is not None,
            "TrainingProgressMeasurements": [measurement.key for measurement in prepared.measuring.measurements],
        },
    }


def _text(net: Net) -> str:
    try:
        return net_to_json(without_code(net))
    except NetValueError as error:
        raise NetValueError(f"{WHERE}: {error.headline}", origins=error.origins, fix=error.fix) from None


def compare(now: Mapping[str, Any], resumed: Resumed, report: list[str]) -> None:
    """Hold a run against the one of a checkpoint; what may change the bits without being another run is told in `report`.

    Errors: NetTrainingError naming what is not as it was, with both values.
    """
    then = resumed.told["Run"]
    for name, value in now["Same"].items():
        was = then["Same"].get(name)
        if was != value:
            values = [(_shown(was), f"in {resumed.path}"), (_shown(value), "now")]
            raise NetTrainingError(f"Resume: {name} is not as it was", origins=values if name not in ("net", "arrays") else ())
    for name, what in (("Torch", "torch"), ("Threads", "threads")):
        if then[name] != now[name]:
            report.append(f"Resume: the checkpoint was written with {what} {then[name]}, here {what} {now[name]}: bits may differ")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _word(value: object) -> object:
    """A value as it can be compared after it was in a file; functions and the like all alike."""
    try:
        return _plain(value)
    except TypeError:
        return "a function"


_WORDS = {"Automatic": Automatic, "All": All}


def _plain(value: object) -> Any:
    """A value as JSON data that `_value` turns back. TypeError for what is none."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if value is Automatic or value is All:
        return {"word": repr(value)}
    if isinstance(value, Scaled):
        return {"scaled": value.factor}
    if isinstance(value, (list, tuple)):
        return {"list" if isinstance(value, list) else "tuple": [_plain(part) for part in value]}
    if isinstance(value, Mapping):
        return {"dict": [[_plain(key), _plain(part)] for key, part in value.items()]}
    raise TypeError(f"{value!r} is no plain data")


def _value(told: Any) -> Any:
    if not isinstance(told, dict):
        return told
    ((sort, inside),) = told.items()
    if sort == "word":
        return _WORDS[inside]
    if sort == "scaled":
        return Scaled(inside)
    if sort == "dict":
        return {_value(key): _value(part) for key, part in inside}
    parts = [_value(part) for part in inside]
    return parts if sort == "list" else tuple(parts)
