"""The drawing of a net as SVG: layers as boxes, shapes on the lines between them, nets around what is inside."""

import html
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path as FilePath

from netgraph.errors import NetValueError
from netgraph.show.diagram import Box, Line, Path, diagram
from netgraph.show.layout import Layout, layered
from netgraph.spec.net import Net

FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
TEXT, SMALL = 12.0, 9.5
MARGIN, PADDING, HEADING = 12.0, 14.0, 24.0
DOT = 6.0
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
INK, QUIET, LINE = "#1f2937", "#6b7280", "#8b95a5"


@dataclass(frozen=True)
class Drawing:
    """A drawn net. Notebooks show it; `svg` is its text, `save(path)` writes it.

    >>> from netgraph.nets.chain import NetChain
    >>> plot(NetChain([2, "Ramp"], Input=3))
    <Drawing of NetChain, 198 x 268: save(path) writes it as SVG>
    """

    svg: str
    name: str
    width: float
    height: float

    def save(self, path) -> None:
        """Write the drawing to a file. Errors: NetValueError unless the name ends in .svg; the system's own for the rest."""
        if FilePath(path).suffix.lower() != ".svg":
            raise NetValueError(f'a drawing is saved as SVG, got "{path}"', fix=f'"{FilePath(path).with_suffix(".svg")}"')
        FilePath(path).write_text(self.svg, encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Drawing of {self.name}, {self.width:.0f} x {self.height:.0f}: save(path) writes it as SVG>"


def plot(net: Net, *, depth: int = 3) -> Drawing:
    """The net drawn from its inputs down to its outputs: layers as boxes with name and kind, the type on every line.

    Layers with arrays are blue, those without grey. Nets inside the net and operators are boxes around their inside, opened down to
    `depth`; the middle of a very long chain is one box. No package is needed.
    Errors: NetTypeError for what is no net or no depth.

    >>> from netgraph.nets.chain import NetChain
    >>> plot(NetChain([200, "Ramp", 1], Input=2)).svg[:42]
    '<svg xmlns="http://www.w3.org/2000/svg" wi'
    """
    root = diagram(net, depth)
    placed = _Placed(root)
    parts: list[str] = []
    right = placed.emit_inside(parts, MARGIN, MARGIN)
    width, height = max(placed.width, right - MARGIN) + 2 * MARGIN, placed.height + 2 * MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'role="img" font-family="{FONT}"><title>{html.escape(root.text)}</title><defs><marker id="netgraph-arrow" viewBox="0 0 8 8" '
        f'refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0.8 L7.5,4 L0,7.2 Z" fill="{LINE}"/></marker></defs>'
        f'<rect width="100%" height="100%" rx="6" fill="#ffffff"/>'
    )
    return Drawing(f"{head}{''.join(parts)}</svg>", type(net).__name__, round(width), round(height))


class _Placed:
    """A box with the places of everything inside it."""

    def __init__(self, box: Box):
        self.box = box
        self.inside = {part.path: _Placed(part) for part in box.inside}
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

    def emit(self, parts: list[str], x: float, y: float) -> float:
        """Add the box with its top left corner at (x, y); how far right anything reaches."""
        box = self.box
        fill, border = COLOURS[box.sort]
        if box.sort in ("input", "output") and not box.text:
            parts.append(f'<circle cx="{x + DOT / 2:.1f}" cy="{y + DOT / 2:.1f}" r="{DOT / 2}" fill="{border}"/>')
            return x + DOT
        if box.sort == "fold":
            parts.append(_rectangle(x + 4, y + 4, self.width, self.height, fill, border, 7))
        parts.append(_rectangle(x, y, self.width, self.height, fill, border, 12 if box.sort in ("input", "output") else 7))
        middle = x + self.width / 2
        if box.sort == "net":
            parts.append(_words(x + PADDING, y + 16, _heading(box), TEXT, QUIET, "start"))
            left = x + (self.width - self.layout.width) / 2
            return max(x + self.width, self.emit_inside(parts, left, y + HEADING))
        if box.name and box.sort not in ("input", "output"):
            parts.append(_words(middle, y + 14, box.name, SMALL, QUIET))
            parts.append(_words(middle, y + 29, box.text, TEXT, INK))
        else:
            parts.append(_words(middle, y + self.height / 2 + 4.2, box.text, TEXT, INK))
        return x + self.width

    def emit_inside(self, parts: list[str], x: float, y: float) -> float:
        """Add everything inside, moved by (x, y); how far right anything reaches."""
        right = 0.0
        for path, part in self.inside.items():
            across, down = self.layout.centres[path]
            right = max(right, part.emit(parts, x + across - part.width / 2, y + down - part.height / 2))
        labels: list[str] = []
        for line, points in zip(self.box.lines, _spread(self.box.lines, self.layout.routes, self.inside), strict=True):
            moved = [(x + a, y + b) for a, b in points]
            parts.append(f'<path d="{_course(moved)}" fill="none" stroke="{LINE}" stroke-width="1.3" marker-end="url(#netgraph-arrow)"/>')
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


def _course(points) -> str:
    """The line through the points: straight down beside boxes, an even bend between ranks."""
    (x, y), rest = points[0], points[1:]
    text = f"M{x:.1f},{y:.1f}"
    for place, (a, b) in enumerate(rest):
        if abs(a - x) < 0.5 or place % 2 == 1:
            text += f" L{a:.1f},{b:.1f}"
        else:
            half = (y + b) / 2
            text += f" C{x:.1f},{half:.1f} {a:.1f},{half:.1f} {a:.1f},{b:.1f}"
        x, y = a, b
    return text


def _label(parts: list[str], line: Line, points) -> float:
    """The type beside the last bend of the line, port names at its ends; how far right they reach."""
    (x0, y0), (x1, y1) = points[-2], points[-1]
    right = max(x for x, _ in points)
    if line.text:
        slanted = abs(x1 - x0) > 12  # beside a line that runs down, on one that does not
        x, y = (x0 + x1) / 2 + (0 if slanted else 5), (y0 + y1) / 2 + 3
        parts.append(_words(x, y, line.text, SMALL, QUIET, "middle" if slanted else "start", halo=True))
        right = max(right, x + _text_width(line.text, SMALL) / (2 if slanted else 1))
    for name, (x, y) in ((line.end, (x1 + 4, y1 - 6)), (line.start, (points[0][0] + 4, points[0][1] + 10))):
        if name:
            parts.append(_words(x, y, name, SMALL - 1, LINE, "start", halo=True))
            right = max(right, x + _text_width(name, SMALL))
    return right


def _rectangle(x, y, width, height, fill, border, radius) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius}" fill="{fill}" '
        f'stroke="{border}" stroke-width="1.2"/>'
    )


def _words(x, y, text, size, colour, anchor="middle", halo=False) -> str:
    around = ' stroke="#ffffff" stroke-width="3" paint-order="stroke" stroke-linejoin="round"' if halo else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}" fill="{colour}"{around}>{html.escape(text)}</text>'


_NARROW, _WIDE = set("iljtfrI.,:;'|!()[]{} "), set("mwMW@%")


def _text_width(text: str, size: float) -> float:
    """How wide the text will be: no font is at hand, so by sorts of letters, a little generous."""
    units = sum(0.33 if c in _NARROW else 0.88 if c in _WIDE else 0.68 if c.isupper() else 0.58 for c in text)
    return units * size
