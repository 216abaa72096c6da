"""What decoders compute of distributions: along the last axis, in float64."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from netgraph.errors import NetNameError, NetValueError, did_you_mean
from netgraph.spec.parameters import is_integer, is_number

SAMPLING = ("Temperature", "TotalProbabilityCutoff", "TopProbabilities")


def entropy(p: np.ndarray) -> np.ndarray:
    """-sum p log p, in nats; 0 log 0 is 0."""
    return -np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0), -1)


def tempered(p: np.ndarray, temperature: float) -> np.ndarray:
    """p^(1/t), normalised again. Errors: NetValueError for a temperature that is not above 0."""
    if not is_number(temperature) or not temperature > 0:
        raise NetValueError(f"a temperature is a number above 0, got {temperature!r}")
    with np.errstate(divide="ignore"):
        logits = np.log(p) / temperature
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def sampling(p: np.ndarray, argument) -> np.ndarray:
    """The distribution that "RandomSample" draws from: `argument` is None, a temperature, or a dict of "Temperature",
    "TotalProbabilityCutoff" (the most probable classes whose probability together is at least this) and "TopProbabilities" (so many).
    """
    p = p / p.sum(-1, keepdims=True)
    settings = argument if isinstance(argument, Mapping) else {} if argument is None else {"Temperature": argument}
    for word in settings:
        if word not in SAMPLING:
            raise NetNameError(f'"RandomSample" has no setting {word!r}, {did_you_mean(word, SAMPLING)}')
    if "Temperature" in settings:
        p = tempered(p, settings["Temperature"])
    order = np.argsort(-p, -1, kind="stable")
    ranked = np.take_along_axis(p, order, -1)
    kept = np.ones(ranked.shape, dtype=bool)
    if "TopProbabilities" in settings:
        most = settings["TopProbabilities"]
        if not is_integer(most) or most < 1:
            raise NetValueError(f'"TopProbabilities" is how many classes may be drawn, from 1, got {most!r}')
        kept[..., most:] = False
    if "TotalProbabilityCutoff" in settings:
        cut = settings["TotalProbabilityCutoff"]
        if not is_number(cut) or not 0 < cut <= 1:
            raise NetValueError(f'"TotalProbabilityCutoff" is a probability above 0, got {cut!r}')
        kept &= np.cumsum(ranked, -1) - ranked < cut - 1e-12
    left = np.zeros_like(p)
    np.put_along_axis(left, order, np.where(kept, ranked, 0.0), -1)
    return left / left.sum(-1, keepdims=True)


def drawn(p: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """A class for each distribution."""
    return np.minimum((np.cumsum(p, -1) <= source.random((*p.shape[:-1], 1))).sum(-1), p.shape[-1] - 1)


def shortest(values) -> Any:
    """Numbers, nested as their array is, each with the shortest decimal of its precision: 0.2, not 0.20000000298023224."""
    if np.ndim(values):
        return [shortest(value) for value in values]
    value = values[()] if isinstance(values, np.ndarray) else values
    return float(str(value)) if isinstance(value, np.floating) else float(value)
