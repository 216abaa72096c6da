"""Lengths in time: a number of steps, or a duration such as (2.0, "Seconds")."""

from typing import Any

from netgraph.spec.parameters import is_integer, is_number, parameter, wants
from netgraph.types.symbols import All, Automatic

UNITS = {"Milliseconds": 1e-3, "Seconds": 1.0, "Minutes": 60.0, "Hours": 3600.0}


def length(word: Any = None) -> Any:
    """The annotation of a whole number from 1 or a duration, or of the word (All, Automatic) that is accepted beside them."""
    also = "" if word is None else f", or {word!r}"

    def check(value):
        if value is word and word is not None:
            return value
        if is_integer(value) and value >= 1:
            return value
        if is_duration(value):
            return (float(value[0]), value[1])
        raise wants(f'a whole number from 1, a duration such as (2.0, "Seconds"){also}', value)

    return parameter(check, {"type": ["integer", "array", "object"]})


def is_duration(value) -> bool:
    """Whether it is (number, unit), above 0."""
    if not isinstance(value, tuple) or len(value) != 2 or not is_number(value[0]) or value[1] not in UNITS:
        return False
    return 0 < value[0] < float("inf")


def seconds(value: Any) -> float:
    """A duration, or a number of seconds, in seconds."""
    return value[0] * UNITS[value[1]] if isinstance(value, tuple) else float(value)


def _duration(value):
    if is_number(value) and 0 < value < float("inf"):
        return float(value)
    if is_duration(value):
        return (float(value[0]), value[1])
    raise wants('a number of seconds above 0, or a duration such as (2, "Minutes")', value)


TargetSize = length(All)
"""A whole number from 1, a duration, or All."""

WindowLength = length(Automatic)
"""A whole number from 1, a duration, or Automatic."""

Duration = parameter(_duration, {"type": ["number", "array"]})
"""A number of seconds, or a duration."""
