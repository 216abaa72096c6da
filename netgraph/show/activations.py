"""Values of a net as small pictures: what `net.plot(data)` puts on the boxes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from netgraph.errors import NetTypeError
from netgraph.nets.codecs import port_codecs
from netgraph.run.evaluate import evaluate
from netgraph.show.diagram import IN, OUT, Box, Path
from netgraph.spec.net import Net
from netgraph.spec.ports import NetPort
from netgraph.spec.typing import Typing

MOST_TILES, MOST_SIDE, ROW = 8, 96, 64
LOW, MIDDLE, HIGH = np.array([33, 102, 172.0]), np.array([247, 247, 247.0]), np.array([178, 24, 43.0])
"""The colours of the most negative value, of zero, and of the most positive one."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A value as it is drawn: pixels of a width and height in the drawing, or, for one number, text."""

    text: str = ""
    pixels: Any = None
    width: float = 0.0
    height: float = 0.0


def activations(net: Net, data: Any, root: Box, typing: Typing) -> dict[Path, Shown]:
    """The values of one example at the boxes of a diagram: those of inputs, outputs, and every layer that is drawn.

    Errors: those of evaluating the net; NetTypeError for a batch.
    """
    found: dict[Path, Shown] = {}
    names = list(typing.terms[()].inputs)
    given = data if isinstance(data, dict) else {names[0]: data} if len(names) == 1 else {}
    layers = [(box.path, port) for box in root.every() for port in _ports(box, typing)]
    if not net.children:
        layers = [((), next(iter(typing.terms[()].outputs)))]
    keys = [NetPort(*path, port) for path, port in layers]
    values: dict[Any, Any] = evaluate(net, data, keys) if keys else {}
    for (path, _), key in zip(layers, keys, strict=True):
        found[path or (type(net).__name__,)] = shown(_one(values[key]))
    for name in names:
        if name in given:
            encoder = port_codecs(net).encoders.get(name)
            found[IN, name] = shown(_one(given[name] if encoder is None else encoder(given[name])))
    outputs = evaluate(net, data, dict.fromkeys(typing.terms[()].outputs))
    for name, term in typing.terms[()].outputs.items():
        shape = typing.type_of(term).shape
        if shape is not None and np.ndim(_one(outputs[name])) > len(shape):
            raise NetTypeError(f"plot: the values of one example are drawn, got a batch of {len(outputs[name])}")
        found[OUT, name] = shown(_one(outputs[name]))
    return found


def _ports(box: Box, typing: Typing) -> list[str]:
    """The output whose value a box shows: the first of a layer."""
    return list(typing.terms[box.path].outputs)[:1] if box.sort in ("layer", "function") and box.path in typing.terms else []


def _one(value: Any) -> np.ndarray:
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=float)


def shown(value: np.ndarray) -> Shown:
    """A number as text, a vector as a strip (a long one as rows), a matrix as a map, more axes as tiles side by side.

    >>> shown(np.array(0.25)).text, shown(np.zeros((3, 20))).pixels.shape
    ('0.25', (3, 20, 3))
    """
    if value.ndim == 0:
        return Shown(text=f"{float(value):.4g}")
    if value.size == 0:
        return Shown(text="empty")
    if value.ndim == 1:
        length = len(value)
        rows = -(-length // ROW)
        whole = np.full(rows * min(length, ROW) if rows == 1 else rows * ROW, np.nan)
        whole[:length] = value
        value = whole.reshape(rows, -1)
    scale = np.nanmax(np.abs(np.where(np.isfinite(value), value, np.nan)), initial=0.0) or 1.0
    tiles = [value] if value.ndim == 2 else list(value.reshape(-1, *value.shape[-2:]))[:MOST_TILES]
    tiles = [_coloured(_thinned(tile) / scale) for tile in tiles]
    gap = np.full((tiles[0].shape[0], 1, 3), 255, np.uint8)
    pixels = np.concatenate([part for tile in tiles for part in (gap, tile)][1:], axis=1)
    side = max(1.0, min(8.0, MOST_SIDE / max(tiles[0].shape[:2])))
    return Shown(pixels=pixels, width=pixels.shape[1] * side, height=pixels.shape[0] * side)


def _thinned(tile: np.ndarray) -> np.ndarray:
    """Not more rows and columns than are drawn."""
    steps = [math.ceil(size / MOST_SIDE) for size in tile.shape]
    return tile[:: steps[0], :: steps[1]]


def _coloured(values: np.ndarray) -> np.ndarray:
    """Values from -1 to 1 as colours; what is no number is grey."""
    part = np.clip(np.nan_to_num(values, posinf=1.0, neginf=-1.0), -1, 1)[..., None]
    colours = MIDDLE + np.where(part < 0, (LOW - MIDDLE) * -part, (HIGH - MIDDLE) * part)
    colours[np.isnan(values)] = 225
    return colours.round().astype(np.uint8)
