"""TrainingProgressCheckpointing: where and how often the state of training is saved."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.train.interval import EVERY_ROUND, Timing, parse_timing

WHERE = "TrainingProgressCheckpointing"
FORMS = ("Directory", "File")
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Saving:
    """One place that is saved to: a directory that gets a new file each time, or a file that is written over."""

    form: str
    path: str
    timing: Timing = EVERY_ROUND


def parse_saving(value: Any) -> tuple[Saving, ...]:
    """The places that the option means: None, ("Directory", path), ("File", path), either with {"Interval": ...}, or a list of these.

    Errors: NetNameError for another form, NetTypeError for what is none; those of intervals.

    >>> parse_saving(("File", "run.safetensors", {"Interval": (100, "Batches")}))[0].timing.interval
    Interval(amount=100, unit='Batches')
    """
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(saving for one in value for saving in parse_saving(one))
    fits = isinstance(value, tuple) and 2 <= len(value) <= 3 and isinstance(value[0], str) and isinstance(value[1], (str, os.PathLike))
    if not fits or (len(value) == 3 and not isinstance(value[2], Mapping)):
        raise NetTypeError(
            f"net_train: {WHERE} is {value!r}", origins=[("wanted", '("Directory", path) or ("File", path), or a list of these')]
        )
    if value[0] not in FORMS:
        raise NetNameError(f'net_train: {WHERE}: there is no form "{value[0]}", {did_you_mean(value[0], FORMS)}')
    timing = parse_timing(value[2], f"net_train: {WHERE}") if len(value) == 3 else EVERY_ROUND
    return (Saving(value[0], os.fspath(value[1]), timing),)
