"""What a drawing is made of: a few shapes, each of which writes itself as SVG."""

import base64
import html
import struct
import zlib
from dataclasses import dataclass

import numpy as np

LINE = "#8b95a5"


@dataclass(frozen=True)
class Rectangle:
    """A box with round corners."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    border: str
    radius: float

    def svg(self) -> str:
        return (
            f'<rect x="{self.x:.1f}" y="{self.y:.1f}" width="{self.width:.1f}" height="{self.height:.1f}" rx="{self.radius}" '
            f'fill="{self.fill}" stroke="{self.border}" stroke-width="1.2"/>'
        )


@dataclass(frozen=True)
class Dot:
    """A small disc around (x, y)."""

    x: float
    y: float
    radius: float
    fill: str

    def svg(self) -> str:
        return f'<circle cx="{self.x:.1f}" cy="{self.y:.1f}" r="{self.radius}" fill="{self.fill}"/>'


@dataclass(frozen=True)
class Course:
    """An arrow along `steps`: one point of a straight piece, or three (two handles and an end) of a bend."""

    start: tuple[float, float]
    steps: tuple[tuple[tuple[float, float], ...], ...]

    def svg(self) -> str:
        words = [f"M{self.start[0]:.1f},{self.start[1]:.1f}"]
        for step in self.steps:
            words.append(("L" if len(step) == 1 else "C") + " ".join(f"{x:.1f},{y:.1f}" for x, y in step))
        return f'<path d="{" ".join(words)}" fill="none" stroke="{LINE}" stroke-width="1.3" marker-end="url(#netgraph-arrow)"/>'


@dataclass(frozen=True)
class Words:
    """A line of text: `anchor` "start" or "middle" says what stands at x, the baseline is at y; a halo keeps lines off it."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: str = "middle"
    halo: bool = False

    def svg(self) -> str:
        around = ' stroke="#ffffff" stroke-width="3" paint-order="stroke" stroke-linejoin="round"' if self.halo else ""
        return (
            f'<text x="{self.x:.1f}" y="{self.y:.1f}" font-size="{self.size:g}" text-anchor="{self.anchor}" fill="{self.colour}"{around}>'
            f"{html.escape(self.text)}</text>"
        )


@dataclass(frozen=True, eq=False)
class Picture:
    """An array of pixels (height x width x 3, bytes), each drawn as a small square."""

    x: float
    y: float
    width: float
    height: float
    pixels: np.ndarray

    def svg(self) -> str:
        data = base64.b64encode(png_bytes(self.pixels)).decode()
        return (
            f'<image x="{self.x:.1f}" y="{self.y:.1f}" width="{self.width:.1f}" height="{self.height:.1f}" preserveAspectRatio="none" '
            f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
        )


Shape = Rectangle | Dot | Course | Words | Picture


def png_bytes(pixels: np.ndarray) -> bytes:
    """A PNG file of height x width x 3 bytes.

    >>> png_bytes(np.zeros((2, 3, 3), np.uint8))[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'
    """
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels, np.uint8))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
