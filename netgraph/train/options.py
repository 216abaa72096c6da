"""The options of net_train: read once, checked where they were written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from netgraph.errors import NetTypeError, NetValueError
from netgraph.run.device import device_of
from netgraph.spec.names import spelled
from netgraph.surgery.initialize import SEED, seed_of
from netgraph.train.callbacks import Called, parse_functions
from netgraph.train.interval import EACH_ROUND, SECONDS, Interval, parse_interval
from netgraph.train.method import Method, parse_method
from netgraph.train.saving import Saving, parse_saving
from netgraph.train.stopping import Criterion, parse_criterion
from netgraph.types.symbols import Automatic

NAMES = (
    "BatchSize", "ClassWeights", "Compile", "EMA", "GradientAccumulation", "LearningRate", "LearningRateMultipliers", "LossFunction",
    "MaxTrainingRounds", "Method", "Plan", "RandomSeeding", "Resume", "TargetDevice", "TimeGoal", "TrainingProgressCheckpointing",
    "TrainingProgressFunction", "TrainingProgressMeasurements", "TrainingProgressReporting", "TrainingStoppingCriterion",
    "TrainingUpdateSchedule", "ValidationSet", "WorkingPrecision",
)  # fmt: skip

TYPICAL_SECONDS = 20.0
MOST_ROUNDS = 10_000
PRECISIONS = {"Real32": torch.float32, "Real64": torch.float64, "Mixed": torch.float32}


@dataclass(frozen=True)
class Options:
    """What net_train was told, with the defaults filled in.

    `batch_size` None is chosen from the data, `rate` None is found; `given` are the options as they were written, by name.
    """

    batch_size: int | str | None
    rounds: int | None
    seconds: float | None
    rate: float | None
    method: Method
    seed: int | str
    device: torch.device
    dtype: torch.dtype
    mixed: bool
    loss: Any
    class_weights: Any
    multipliers: Any
    updates: Any
    accumulation: int
    average: float | None
    validation: Any
    validation_interval: Interval
    stopping: Criterion | None
    saving: tuple[Saving, ...]
    reporting: Any
    functions: tuple[Called, ...]
    measurements: Any
    plan: Any
    compile: bool | None
    given: Mapping[str, Any]

    @property
    def form(self) -> str:
        """The options as they were written."""
        return ", ".join(f"{name}={_short(value)}" for name, value in self.given.items())


def read_options(given: Mapping[str, object], third_loss=Automatic, *, names: tuple[str, ...] = NAMES, where: str = "net_train") -> Options:
    """The options of a call. Errors: NetNameError for an unknown one, NetTypeError and NetValueError for a value that does not fit.

    >>> read_options({"batch_size": 512}).batch_size
    512
    """
    words = spelled(given, names, where)
    if third_loss is not Automatic:
        if "LossFunction" in words:
            raise NetTypeError("net_train: the loss is given twice, as third argument and as LossFunction=")
        words["LossFunction"] = third_loss
    get = words.get
    method = parse_method(get("Method", Automatic))
    rounds, seconds = _whole(get("MaxTrainingRounds", Automatic), "MaxTrainingRounds"), _seconds(get("TimeGoal", Automatic))
    if rounds is None and seconds is None:
        rounds, seconds = MOST_ROUNDS, TYPICAL_SECONDS
    compile = get("Compile", Automatic)
    if compile is not Automatic and not isinstance(compile, bool):
        raise NetTypeError(f"net_train: Compile is True, False or Automatic, got {compile!r}")
    precision = get("WorkingPrecision", Automatic)
    precision = "Real32" if precision is Automatic else precision
    if precision not in PRECISIONS:
        raise NetValueError(f'net_train: WorkingPrecision is "Real32", "Real64" or "Mixed", got {precision!r}')
    validation, interval = _validation(get("ValidationSet", None))
    return Options(
        batch_size=_word_or_whole(get("BatchSize", Automatic), "BatchSize", "Largest"),
        rounds=rounds,
        seconds=seconds,
        rate=_rate(get("LearningRate", Automatic), method),
        method=method,
        seed=seed_of(get("RandomSeeding", SEED)),
        device=device_of(get("TargetDevice", Automatic), default="best"),
        dtype=PRECISIONS[precision],
        mixed=precision == "Mixed",
        loss=get("LossFunction", Automatic),
        class_weights=get("ClassWeights", None),
        multipliers=get("LearningRateMultipliers", Automatic),
        updates=get("TrainingUpdateSchedule", Automatic),
        accumulation=_whole(get("GradientAccumulation", 1), "GradientAccumulation") or 1,
        average=_decay(get("EMA", None)),
        validation=validation,
        validation_interval=interval,
        stopping=parse_criterion(get("TrainingStoppingCriterion", None)),
        saving=parse_saving(get("TrainingProgressCheckpointing", None)),
        reporting=get("TrainingProgressReporting", Automatic),
        functions=tuple(parse_functions(get("TrainingProgressFunction", None))),
        measurements=get("TrainingProgressMeasurements", Automatic),
        plan=get("Plan", None),
        compile=None if compile is Automatic else compile,
        given=words,
    )


def _whole(value, name: str) -> int | None:
    if value is Automatic:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise NetTypeError(f"net_train: {name} is a whole number or Automatic, got {value!r}")
    if value < 1:
        raise NetValueError(f"net_train: {name} is at least 1, got {value}")
    return value


def _word_or_whole(value, name: str, word: str) -> int | str | None:
    if isinstance(value, str) and value != word:
        raise NetTypeError(f'net_train: {name} is a whole number, "{word}" or Automatic, got {value!r}')
    return value if value == word else _whole(value, name)


def _rate(value, method: Method) -> float | None:
    if value is Automatic:
        return method.rate
    if isinstance(value, str) and value != "Find":
        raise NetTypeError(f'net_train: LearningRate is a number, "Find" or Automatic, got {value!r}')
    if method.learning_rate is not None:
        raise NetTypeError('net_train: the learning rate is given twice, as LearningRate= and as "LearningRate" of Method')
    return None if value == "Find" else _positive(value, "LearningRate")


def _positive(value, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NetTypeError(f"net_train: {name} is a number or Automatic, got {value!r}")
    if not 0 < value < float("inf"):
        raise NetValueError(f"net_train: {name} is above 0, got {value!r}")
    return float(value)


def _decay(value) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NetTypeError(f"net_train: EMA is a number such as 0.999, or None, got {value!r}")
    if not 0 < value < 1:
        raise NetValueError(f"net_train: EMA is the share of the old mean that is kept, above 0 and below 1, got {value!r}")
    return float(value)


def _seconds(value) -> float | None:
    if value is Automatic:
        return None
    if isinstance(value, (tuple, list)) and len(value) == 2 and value[1] in SECONDS:
        return _positive(value[0], "TimeGoal") * SECONDS[value[1]]
    if isinstance(value, (tuple, list)):
        raise NetTypeError(f'net_train: TimeGoal is a number of seconds or (number, "Seconds" | "Minutes" | "Hours"), got {value!r}')
    return _positive(value, "TimeGoal")


def _validation(value) -> tuple[Any, Interval]:
    """A validation set and how often it is looked at: (data, {"Interval": n rounds | (n, "Rounds" | "Batches" | "Seconds" | ...)})."""
    if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Mapping) and set(value[1]) == {"Interval"}):
        return value, EACH_ROUND
    return value[0], parse_interval(value[1]["Interval"], "net_train: ValidationSet")


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
