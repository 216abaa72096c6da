"""Amounts that may be random: a number, a pair of bounds, a distribution."""

from collections.abc import Callable
from typing import Any

import numpy as np

from netgraph.errors import did_you_mean
from netgraph.spec.parameters import is_number, wants

_DISTRIBUTIONS: dict[str, tuple[tuple[str, ...], Callable[..., float]]] = {
    "Normal": (("mean", "deviation"), lambda source, mean, deviation: source.normal(mean, deviation)),
    "LogNormal": (("mean", "deviation"), lambda source, mean, deviation: source.lognormal(mean, deviation)),
    "Exponential": (("rate",), lambda source, rate: source.exponential(1 / rate)),
    "Gamma": (("shape", "scale"), lambda source, shape, scale: source.gamma(shape, scale)),
}
"""Names of the parameters, in Wolfram's order, all but a mean above 0; and how one number is drawn."""


def check_amount(value) -> Any:
    """A number, (low, high), ("Uniform", (low, high)), or another distribution by its name, in the form it is kept in."""
    if _is_finite(value):
        return float(value)
    if isinstance(value, tuple) and len(value) == 2 and value[0] == "Uniform" and isinstance(value[1], tuple):
        return ("Uniform", _bounds(value[1]))
    if isinstance(value, tuple) and len(value) == 2 and all(map(is_number, value)):
        return _bounds(value)
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        names, _ = _DISTRIBUTIONS.get(value[0], (None, None))
        if names is None:
            raise ValueError(f'knows no distribution "{value[0]}", {did_you_mean(value[0], ["Uniform", *_DISTRIBUTIONS])}')
        given = value[1:]
        if len(given) == len(names) and all(_is_finite(v) and (v > 0 or name == "mean") for v, name in zip(given, names, strict=True)):
            return (value[0], *map(float, given))
        raise wants(f'("{value[0]}", {", ".join(names)})', value)
    raise wants('a number, bounds (low, high) or a distribution such as ("Normal", mean, deviation)', value)


def draw_amount(amount, source: np.random.Generator) -> float:
    """A number that is one, or drawn."""
    if not isinstance(amount, tuple):
        return amount
    if amount[0] == "Uniform":
        return source.uniform(*amount[1])
    if isinstance(amount[0], str):
        return float(_DISTRIBUTIONS[amount[0]][1](source, *amount[1:]))
    return source.uniform(*amount)


def _is_finite(value) -> bool:
    return is_number(value) and abs(value) < float("inf")


def _bounds(value: tuple) -> tuple[float, float]:
    if len(value) != 2 or not all(map(_is_finite, value)) or value[0] > value[1]:
        raise wants("bounds (low, high)", value)
    return float(value[0]), float(value[1])
