"""The drawing of a net: layers as boxes, shapes on the lines between them, nets around what is inside."""

import html
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from netgraph.errors import NetValueError
from netgraph.show.activations import Shown, activations
from netgraph.show.diagram import Box, Line, Path, diagram
from netgraph.show.diagram_text import dot, mermaid
from netgraph.show.layout import Layout, layered
from netgraph.show.raster import painted
from netgraph.show.shapes import LINE, Course, Dot, Picture, Rectangle, Shape, Words
from netgraph.show.titles import typed_inside
from netgraph.spec.net import Net

FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
TEXT, SMALL = 12.0, 9.5
MARGIN, PADDING, HEADING = 12.0, 14.0, 24.0
DOT = 6.0
SPACE = 5.0  # between a value and what is around it
PORT_STEP = 22.0

# sort of box -> fill, border
COLOURS = {
    "layer": ("#e6effb", "#7aa6d8"),
    "function": ("#f3f4f6", "#c0c6d0"),
    "fold": ("#f3f4f6", "#c0c6d0"),
    "net": ("#ffffff", "#c0c6d0"),
    "input": ("#e8f5eb", "#84c097"),
    "output": ("#fdf0e5", "#e0a573"),
}
INK, QUIET, VALUE = "#1f2937", "#6b7280", "#9a3412"


@dataclass(frozen=True)
class Drawing:
    """A drawn net. Notebooks show it; `svg` is its text, `save(path)` writes it as what the name ends in.

    `mermaid` and `dot` are the same picture as text for Markdown pages and for Graphviz, `png` its pixels (the extra `plot`).

    >>> from netgraph.nets.chain import NetChain
    >>> plot(NetChain([2, "Ramp"], Input=3))
    <Drawing of NetChain, 198 x 268: save("net.svg"), .png, .mmd or .dot>
    """

    net: Net
    depth: int
    shapes: tuple[Shape, ...]
    width: float
    height: float

    @property
    def svg(self) -> str:
        """The picture as SVG text."""
        size = f'width="{self.width:.0f}" height="{self.height:.0f}" viewBox="0 0 {self.width:.0f} {self.height:.0f}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}"><title>{html.escape(type(self.net).__name__)}'
            f'</title><defs><marker id="netgraph-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0,0.8 L7.5,4 L0,7.2 Z" fill="{LINE}"/></marker></defs>'
            f'<rect width="100%" height="100%" rx="6" fill="#ffffff"/>'
        )
        return f"{head}{''.join(shape.svg() for shape in self.shapes)}</svg>"

    @property
    def png(self) -> bytes:
        """The picture as a PNG file, two pixels a unit. Errors: NetError where matplotlib is missing."""
        return painted(self.shapes, self.width, self.height)

    @property
    def mermaid(self) -> str:
        """The picture as a Mermaid flow chart, which Markdown pages show."""
        return mermaid(self.net, depth=self.depth)

    @property
    def dot(self) -> str:
        """The picture in Graphviz's DOT language."""
        return dot(self.net, depth=self.depth)

    def save(self, path) -> None:
        """Write the drawing to a file, by the end of its name: .svg, .png, .mmd (Mermaid), .dot or .gv.

        Errors: NetValueError for another end; NetError for a PNG where matplotlib is missing; the system's own for the rest.
        """
        forms = {".svg": "svg", ".png": "png", ".mmd": "mermaid", ".dot": "dot", ".gv": "dot"}
        form = forms.get(FilePath(path).suffix.lower())
        if form is None:
            raise NetValueError(f'a drawing is saved as {", ".join(forms)}, got "{path}"', fix=f'"{FilePath(path).with_suffix(".svg")}"')
        content = getattr(self, form)
        FilePath(path).write_bytes(content if isinstance(content, bytes) else content.encode())

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        name = type(self.net).__name__
        return f'<Drawing of {name}, {self.width:.0f} x {self.height:.0f}: save("net.svg"), .png, .mmd or .dot>'


def plot(net: Net, data: Any = None, /, *, depth: int = 3) -> Drawing:
    """The net drawn from its inputs down to its outputs: layers as boxes with name and kind, the type on every line.

    Layers with arrays are blue, those without grey. Nets inside the net and operators are boxes around their inside, opened down to
    `depth`; the middle of a very long chain is one box. With `data`, one example, every layer shows its value: a number as text, a vector
    as a strip, a matrix as a map, images as tiles; blue is negative, white zero, red positive. No package is needed.
    Errors: NetTypeError for what is no net or no depth, and for a batch; with data those of evaluating the net.

    >>> from netgraph.nets.chain import NetChain
    >>> plot(NetChain([200, "Ramp", 1], Input=2)).svg[:42]
    '<svg xmlns="http://www.w3.org/2000/svg" wi'
    """
    root = diagram(net, depth)
    return drawn(net, root, depth, {} if data is None else activations(net, data, root, typed_inside(net)))


def drawn(net: Net, root: Box, depth: int, values: Mapping[Path, Shown]) -> Drawing:
    """A picture of `net` from its boxes and lines, with the values of some boxes."""
    placed = _Placed(root, values)
    shapes: list[Shape] = []
    right = placed.emit_inside(shapes, MARGIN, MARGIN)
    width, height = max(placed.width, right - MARGIN) + 2 * MARGIN, placed.height + 2 * MARGIN
    return Drawing(net, depth, tuple(shapes), round(width), round(height))


class _Placed:
    """A box with the places of everything inside it."""

    def __init__(self, box: Box, values: Mapping[Path, Shown]):
        self.box, self.value = box, values.get(box.path, Shown())
        self.inside = {part.path: _Placed(part, values) for part in box.inside}
        self.layout = Layout({}, [], 0.0, 0.0)
        if box.sort == "net":
            sizes = {path: (part.width, part.height) for path, part in self.inside.items()}
            self.layout = layered(sizes, [(line.source, line.target) for line in box.lines])
            self.width, self.height = self.layout.width, self.layout.height
            if box.path:
                heading = _text_width(_heading(box), TEXT)
                self.width = max(self.width, heading) + 2 * PADDING
                self.height += HEADING + PADDING
        elif box.sort in ("input", "output") and not box.text:
            self.width = self.height = DOT
        elif box.sort in ("input", "output"):
            self.width, self.height = _text_width(box.text, TEXT) + 24, 24.0
        else:
            name = _text_width(box.name, SMALL)
            self.width = max(_text_width(box.text, TEXT), name) + 24
            self.height = 38.0 if box.name else 28.0
        self.above = self.height  # where the value begins
        if self.value.text:
            self.height += TEXT + SPACE
        elif self.value.pixels is not None:
            self.width = max(self.width, self.value.width + 2 * SPACE)
            self.height += self.value.height + SPACE

    def emit(self, parts: list[Shape], x: float, y: float) -> float:
        """Add the box with its top left corner at (x, y); how far right anything reaches."""
        box = self.box
        fill, border = COLOURS[box.sort]
        if box.sort in ("input", "output") and not box.text:
            parts.append(Dot(x + DOT / 2, y + DOT / 2, DOT / 2, border))
            return x + DOT
        if box.sort == "fold":
            parts.append(Rectangle(x + 4, y + 4, self.width, self.height, fill, border, 7))
        parts.append(Rectangle(x, y, self.width, self.height, fill, border, 12 if box.sort in ("input", "output") else 7))
        middle = x + self.width / 2
        if box.sort == "net":
            parts.append(Words(x + PADDING, y + 16, _heading(box), TEXT, QUIET, "start"))
            left = x + (self.width - self.layout.width) / 2
            return max(x + self.width, self.emit_inside(parts, left, y + HEADING))
        if box.name and box.sort not in ("input", "output"):
            parts.append(Words(middle, y + 14, box.name, SMALL, QUIET))
            parts.append(Words(middle, y + 29, box.text, TEXT, INK))
        else:
            parts.append(Words(middle, y + self.above / 2 + 4.2, box.text, TEXT, INK))
        if self.value.text:
            parts.append(Words(middle, y + self.above + TEXT - SPACE, self.value.text, TEXT, VALUE))
        elif self.value.pixels is not None:
            left = middle - self.value.width / 2
            parts.append(Picture(left, y + self.above, self.value.width, self.value.height, self.value.pixels))
        return x + self.width

    def emit_inside(self, parts: list[Shape], x: float, y: float) -> float:
        """Add everything inside, moved by (x, y); how far right anything reaches."""
        right = 0.0
        for path, part in self.inside.items():
            across, down = self.layout.centres[path]
            right = max(right, part.emit(parts, x + across - part.width / 2, y + down - part.height / 2))
        labels: list[Shape] = []
        for line, points in zip(self.box.lines, _spread(self.box.lines, self.layout.routes, self.inside), strict=True):
            moved = [(x + a, y + b) for a, b in points]
            parts.append(_course(moved))
            right = max(right, _label(labels, line, moved))
        parts.extend(labels)
        return right


def _heading(box: Box) -> str:
    return f"{box.name}: {box.text}" if box.name else box.text


def _spread(lines: list[Line], routes, inside: dict[Path, _Placed]):
    """The routes with their ends side by side where several lines enter one box, or leave it by different ports."""
    routes = [list(points) for points in routes]
    entering: dict = defaultdict(list)
    leaving: dict = defaultdict(lambda: defaultdict(list))
    for number, line in enumerate(lines):
        entering[line.target].append(number)
        leaving[line.source][line.start].append(number)
    for target, numbers in entering.items():
        numbers.sort(key=lambda n: routes[n][-2][0])
        names = [lines[number].end for number in numbers]
        for number, shift in zip(numbers, _shifts(names, inside[target].width), strict=True):
            across, down = routes[number][-1]
            routes[number][-1] = (across + shift, down)
    for source, ports in leaving.items():
        groups = sorted(ports.values(), key=lambda group: min(routes[n][1][0] for n in group))
        names = [lines[group[0]].start for group in groups]
        for group, shift in zip(groups, _shifts(names, inside[source].width), strict=True):
            for number in group:
                across, down = routes[number][0]
                routes[number][0] = (across + shift, down)
    return routes


def _shifts(names: list[str], width: float) -> list[float]:
    """How far from the middle each of several ends lies: room for the names, within the box where that can be."""
    room = max(PORT_STEP, *(_text_width(name, SMALL) + 10 for name in names))
    step = min(room, width / len(names))
    return [(place - (len(names) - 1) / 2) * step for place in range(len(names))]


def _course(points) -> Course:
    """The line through the points: straight down beside boxes, an even bend between ranks."""
    (x, y), rest = points[0], points[1:]
    steps: list[tuple[tuple[float, float], ...]] = []
    for place, (a, b) in enumerate(rest):
        half = (y + b) / 2
        straight = abs(a - x) < 0.5 or place % 2 == 1
        steps.append(((a, b),) if straight else ((x, half), (a, half), (a, b)))
        x, y = a, b
    return Course(points[0], tuple(steps))


def _label(parts: list[Shape], line: Line, points) -> float:
    """The type beside the last bend of the line, port names at its ends; how far right they reach."""
    (x0, y0), (x1, y1) = points[-2], points[-1]
    right = max(x for x, _ in points)
    if line.text:
        slanted = abs(x1 - x0) > 12  # beside a line that runs down, on one that does not
        x, y = (x0 + x1) / 2 + (0 if slanted else 5), (y0 + y1) / 2 + 3
        parts.append(Words(x, y, line.text, SMALL, QUIET, "middle" if slanted else "start", halo=True))
        right = max(right, x + _text_width(line.text, SMALL) / (2 if slanted else 1))
    for name, (x, y) in ((line.end, (x1 + 4, y1 - 6)), (line.start, (points[0][0] + 4, points[0][1] + 10))):
        if name:
            parts.append(Words(x, y, name, SMALL - 1, LINE, "start", halo=True))
            right = max(right, x + _text_width(name, SMALL))
    return right


_NARROW, _WIDE = set("iljtfrI.,:;'|!()[]{} "), set("mwMW@%")


def _text_width(text: str, size: float) -> float:
    """How wide the text will be: no font is at hand, so by sorts of letters, a little generous."""
    units = sum(0.33 if c in _NARROW else 0.88 if c in _WIDE else 0.68 if c.isupper() else 0.58 for c in text)
    return units * size
