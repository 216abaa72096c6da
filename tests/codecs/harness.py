"""What every kind of codec is held to. One `Encoded` row an encoder, one `Decoded` row a decoder, in the file of its family."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Encoded:
    """An encoder with raw objects and the arrays they become; `wrong` are raw objects with a part of the message they get.

    `numbers`: whether numbers are raw objects, so that what is encoded cannot be told from them; `saved`: whether a file can hold it.
    """

    spec: Any
    raw: list[Any]
    arrays: list[Any]
    wrong: list[tuple[Any, str]] = field(default_factory=list)
    tolerance: float = 0.0
    numbers: bool = False
    saved: bool = True

    @property
    def id(self) -> str:
        return named(self.spec)


@dataclass(frozen=True)
class Decoded:
    """A decoder with arrays and the objects they become, and (property, of the first array) -> what it is."""

    spec: Any
    arrays: list[Any]
    decoded: list[Any]
    properties: list[tuple[Any, Any]] = field(default_factory=list)
    wrong: list[tuple[Any, str]] = field(default_factory=list)
    saved: bool = True

    @property
    def id(self) -> str:
        return named(self.spec)


def named(spec) -> str:
    text = repr(spec)
    return text if len(text) <= 60 else f"{text[:57]}..."


def same(got, want, tolerance: float = 0.0) -> bool:
    """Whether two values are equal: arrays by shape and numbers, everything else by ==."""
    if isinstance(want, (np.ndarray, float, int)) and not isinstance(want, bool):
        return np.shape(got) == np.shape(want) and np.allclose(np.asarray(got), np.asarray(want), rtol=tolerance, atol=tolerance)
    if isinstance(want, (list, tuple)) and isinstance(got, (list, tuple, np.ndarray)):
        return len(got) == len(want) and all(same(a, b, tolerance) for a, b in zip(got, want, strict=True))
    if isinstance(want, dict):
        return list(got) == list(want) and all(same(got[key], want[key], tolerance) for key in want)
    return got == want
