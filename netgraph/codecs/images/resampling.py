"""How pixels of one size become pixels of another: what is cut out, how it is resampled, where it is put."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from netgraph.codecs.images.raster import FILTERS, raster_of_floats
from netgraph.spec.parameters import choice, is_integer, is_number, parameter, wants
from netgraph.types.symbols import Automatic

SYNONYMS = {"Linear": "Bilinear", "Cubic": "Bicubic"}

ACROSS, UP, DEEP = {"Left": -1, "Right": 1}, {"Bottom": -1, "Top": 1}, {"Front": -1, "Back": 1}
ENDS = {2: (ACROSS, UP), 3: (ACROSS, DEEP, UP)}
"""The words of Alignment for each axis, in the order of the size."""

Conforming = choice("Stretch", "Fit", "Fill")
"""How a size is made to conform."""


class Fit(NamedTuple):
    """One axis: the part of the source from `start` to `stop` becomes `length` pixels from `offset` on in the target."""

    start: float
    stop: float
    offset: int
    length: int


def fits(have: Sequence[int], want: Sequence[int], method: str, shares: Sequence[float]) -> list[Fit]:
    """How each axis is made to fit; `shares` says which part of what is left over lies before the object, or of what is cut off.

    >>> fits((200, 100), (50, 50), "Fit", (0.5, 0.5))
    [Fit(start=0, stop=200, offset=0, length=50), Fit(start=0, stop=100, offset=12, length=25)]
    """
    if method == "Stretch":
        return [Fit(0, size, 0, target) for size, target in zip(have, want, strict=True)]
    ratios = [target / size for size, target in zip(have, want, strict=True)]
    found = []
    for size, target, ratio, share in zip(have, want, ratios, shares, strict=True):
        if method == "Fit":
            length = target if ratio == min(ratios) else min(target, max(1, round(size * min(ratios))))
            found.append(Fit(0, size, round((target - length) * share), length))
        else:
            seen = size if ratio == max(ratios) else target / max(ratios)
            start = (size - seen) * share
            found.append(Fit(start, min(size, start + seen), 0, target))
    return found


def resampled(pixels: np.ndarray, axes: Sequence[Fit], resampling: str) -> np.ndarray:
    """Numbers of shape (..., height, width, channels) with two or three spatial axes, cut out and resampled, not yet put into place."""
    *above, rows, columns = axes
    if above:
        return along_first(np.stack([resampled(plane, (rows, columns), resampling) for plane in pixels]), above[0], resampling)
    box = (columns.start, rows.start, columns.stop, rows.stop)
    return raster_of_floats(pixels, "").resized((columns.length, rows.length), resampling, box)


def along_first(pixels: np.ndarray, axis: Fit, resampling: str) -> np.ndarray:
    """Numbers of any shape, cut out and resampled along their first axis."""
    wide = pixels[0].size
    made = raster_of_floats(pixels.reshape(len(pixels), wide, 1), "")
    return made.resized((wide, axis.length), resampling, (0, axis.start, wide, axis.stop)).reshape(axis.length, *pixels.shape[1:])


def _resampling(value):
    word = SYNONYMS.get(value, value) if isinstance(value, str) else value
    if word is not Automatic and word not in FILTERS:
        raise wants(f"Automatic or one of {', '.join((*FILTERS, *SYNONYMS))}", value)
    return word


Filter = parameter(_resampling, {"type": ["string", "object"]})
"""The name of a filter of Pillow, or Automatic."""


def filter_of(value) -> str:
    """The filter that a `Filter` parameter means. All of them average over what they shrink, but "Nearest"."""
    return "Bilinear" if value is Automatic else value


def size(count: int):
    """A size of `count` axes; one number stands for all."""

    def check(value):
        sizes = (value,) * count if is_integer(value) else value
        if not isinstance(sizes, tuple) or len(sizes) != count or not all(is_integer(entry) and entry >= 1 for entry in sizes):
            raise wants(f"a size in pixels or a tuple of {count}", value)
        return sizes

    return parameter(check, {"type": "array", "items": {"type": "integer", "minimum": 1}})


def alignment(count: int):
    """Where an object lies along `count` axes: a word, or for each axis a word or a number from -1 (left, front, bottom) to 1."""

    def check(value):
        shares(value, count)
        return value

    return parameter(check, {"type": ["string", "array"]})


def shares(value, count: int) -> tuple[float, ...]:
    """The part of what is left over that lies before the object, for each axis in the order of the size. Rows and slices count from above
    and from behind. Errors: ValueError for what is no alignment.

    >>> shares("Top", 2), shares((-1, "Bottom"), 2)
    ((0.5, 0.0), (0.0, 1.0))
    """
    if isinstance(value, str) and any(value in ends for ends in ENDS[count]):
        value = tuple(value if value in ends else "Center" for ends in ENDS[count])
    entries = ("Center",) * count if value == "Center" else value
    if isinstance(entries, tuple) and len(entries) == count:
        ends = [{**words, "Center": 0}.get(entry, entry) for words, entry in zip(ENDS[count], entries, strict=True)]
        if all(is_number(end) and -1 <= end <= 1 for end in ends):
            return ((1 + ends[0]) / 2, *((1 - end) / 2 for end in ends[1:]))
    words = ", ".join(f'"{word}"' for word in ("Center", *(word for ends in ENDS[count] for word in ends)))
    raise wants(f"one of {words}, or {count} of them or of numbers from -1 to 1", value)
