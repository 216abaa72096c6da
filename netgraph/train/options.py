"""The options of net_train: read once, checked where they were written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from netgraph.errors import NetTypeError, NetValueError
from netgraph.run.device import device_of
from netgraph.spec.names import spelled
from netgraph.surgery.initialize import SEED, seed_of
from netgraph.train.method import Method, parse_method
from netgraph.types.symbols import Automatic

NAMES = (
    "BatchSize", "Compile", "LearningRate", "LearningRateMultipliers", "LossFunction", "MaxTrainingRounds", "Method", "Plan",
    "RandomSeeding", "TargetDevice", "TimeGoal", "TrainingProgressFunction", "TrainingProgressReporting", "ValidationSet",
    "WorkingPrecision",
)  # fmt: skip

SECONDS = {"Seconds": 1.0, "Minutes": 60.0, "Hours": 3600.0}
TYPICAL_SECONDS = 20.0
MOST_ROUNDS = 10_000
RATES = {"ADAM": 0.001, "AdamW": 0.001, "RMSProp": 0.001, "SignSGD": 0.001, "SGD": 0.01}


@dataclass(frozen=True)
class Options:
    """What net_train was told, with the defaults filled in. `batch_size` None is chosen from the data."""

    batch_size: int | None
    rounds: int | None
    seconds: float | None
    rate: float
    method: Method
    seed: int | str
    device: torch.device
    dtype: torch.dtype
    loss: Any
    multipliers: Any
    validation: Any
    validation_interval: tuple[float, str]
    reporting: Any
    function: Any
    plan: Any
    compile: bool | None
    form: str


def read_options(given: Mapping[str, object], third_loss=Automatic) -> Options:
    """The options of a call. Errors: NetNameError for an unknown one, NetTypeError and NetValueError for a value that does not fit.

    >>> read_options({"batch_size": 512}).batch_size
    512
    """
    words = spelled(given, NAMES, "net_train")
    if third_loss is not Automatic:
        if "LossFunction" in words:
            raise NetTypeError("net_train: the loss is given twice, as third argument and as LossFunction=")
        words["LossFunction"] = third_loss
    get = words.get
    method = parse_method(get("Method", Automatic))
    rate = get("LearningRate", Automatic)
    rounds, seconds = _whole(get("MaxTrainingRounds", Automatic), "MaxTrainingRounds"), _seconds(get("TimeGoal", Automatic))
    if rounds is None and seconds is None:
        rounds, seconds = MOST_ROUNDS, TYPICAL_SECONDS
    compile = get("Compile", Automatic)
    if compile is not Automatic and not isinstance(compile, bool):
        raise NetTypeError(f"net_train: Compile is True, False or Automatic, got {compile!r}")
    precision = get("WorkingPrecision", Automatic)
    dtype = {"Real32": torch.float32, "Real64": torch.float64}.get("Real32" if precision is Automatic else precision)
    if dtype is None:
        raise NetValueError(f'net_train: WorkingPrecision is "Real32" or "Real64", got {precision!r}')
    function = get("TrainingProgressFunction", None)
    if function is not None and not callable(function):
        raise NetTypeError(f"net_train: TrainingProgressFunction wants a function of the progress, got {function!r}")
    validation, interval = _interval(get("ValidationSet", None))
    return Options(
        batch_size=_whole(get("BatchSize", Automatic), "BatchSize"),
        rounds=rounds,
        seconds=seconds,
        rate=RATES.get(type(method).__name__, 0.001) if rate is Automatic else _positive(rate, "LearningRate"),
        method=method,
        seed=seed_of(get("RandomSeeding", SEED)),
        device=device_of(get("TargetDevice", Automatic), default="best"),
        dtype=dtype,
        loss=get("LossFunction", Automatic),
        multipliers=get("LearningRateMultipliers", Automatic),
        validation=validation,
        validation_interval=interval,
        reporting=get("TrainingProgressReporting", Automatic),
        function=function,
        plan=get("Plan", None),
        compile=None if compile is Automatic else compile,
        form=", ".join(f"{name}={_short(value)}" for name, value in words.items()),
    )


def _whole(value, name: str) -> int | None:
    if value is Automatic:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise NetTypeError(f"net_train: {name} is a whole number or Automatic, got {value!r}")
    if value < 1:
        raise NetValueError(f"net_train: {name} is at least 1, got {value}")
    return value


def _positive(value, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NetTypeError(f"net_train: {name} is a number or Automatic, got {value!r}")
    if not 0 < value < float("inf"):
        raise NetValueError(f"net_train: {name} is above 0, got {value!r}")
    return float(value)


def _seconds(value) -> float | None:
    if value is Automatic:
        return None
    if isinstance(value, (tuple, list)) and len(value) == 2 and value[1] in SECONDS:
        return _positive(value[0], "TimeGoal") * SECONDS[value[1]]
    if isinstance(value, (tuple, list)):
        raise NetTypeError(f'net_train: TimeGoal is a number of seconds or (number, "Seconds" | "Minutes" | "Hours"), got {value!r}')
    return _positive(value, "TimeGoal")


def _interval(value) -> tuple[Any, tuple[float, str]]:
    """A validation set and how often it is looked at: (data, {"Interval": n rounds | (n, "Rounds" | "Batches" | "Seconds" | ...)})."""
    if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Mapping) and set(value[1]) == {"Interval"}):
        return value, (1, "Rounds")
    every = value[1]["Interval"]
    amount, unit = every if isinstance(every, (tuple, list)) and len(every) == 2 else (every, "Rounds")
    if unit not in ("Rounds", "Batches", *SECONDS):
        raise NetValueError(
            f'net_train: the Interval of ValidationSet is in "Rounds", "Batches", "Seconds", "Minutes" or "Hours", got {unit!r}'
        )
    amount = _positive(amount, "the Interval of ValidationSet")
    return value[0], (amount * SECONDS[unit], "Seconds") if unit in SECONDS else (amount, unit)


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
