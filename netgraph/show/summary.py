"""What `print(net)` and notebooks show: a table of the layers with their types and arrays."""

import html as markup
import math
from dataclasses import dataclass, field

from netgraph.nets.codecs import port_codecs
from netgraph.show.titles import cut, ports_text, size_text, title, type_text, typed_inside
from netgraph.spec.net import Net, array_key, array_slots, walk
from netgraph.train.amounts import counted

WIDTH = 80
DEPTH = 4
"""Nets nested deeper than this are told by one line."""

HEAD, TAIL = 24, 12
"""Of more parts side by side than these together, the first and the last are shown."""

MOST_ARRAYS = 4
COLUMNS = ("path", "layer", "output", "arrays", "elements")
LEAST = (("arrays", 27), ("layer", 22), ("arrays", 16), ("layer", 16), ("output", 12), ("path", 20))
"""Where the table is too wide, columns give way in this order, down to these widths."""


@dataclass
class Row:
    """One line: a part, a part with everything inside it, or a run of parts left out."""

    path: str = ""
    layer: str = ""
    output: str = ""
    depth: int = 0
    folds: bool = False
    inside: int = 0
    arrays: list[str] = field(default_factory=list)
    sizes: dict[str, int | None] = field(default_factory=dict)

    def cells(self) -> dict[str, str]:
        """The texts by column."""
        layer, arrays = self.layer, ", ".join(self.arrays)
        if self.inside:
            layer = f"{layer}, {counted(self.inside, 'part')} inside" if self.path else f"... {counted(self.inside, 'part')} more ..."
        if len(self.arrays) > MOST_ARRAYS or (self.inside and self.arrays):
            arrays = counted(len(self.sizes), "array")
        indent = "  " * self.depth
        return {
            "path": self.path, "layer": indent + layer, "output": self.output, "arrays": arrays, "elements": _elements(self.sizes) or "",
        }  # fmt: skip


@dataclass
class Table:
    """The summary of a net before it is text: its headline, its ports as (direction, name, type), its rows."""

    headline: str
    ports: list[tuple[str, str, str]]
    rows: list[dict[str, str]]


def table(net: Net) -> Table:
    """Everything the summary tells."""
    typing = typed_inside(net)
    rows, shown_by = _rows(net, typing)
    sizes: dict[str, int | None] = {}
    missing: set[str] = set()
    slots = [(path, name, array_key(path, name, setting)) for path, _, name, _, setting in array_slots(net)]
    for path, name, key in slots:
        run = typing.terms[path].arrays.get(name)
        shape = None if run is None else typing.store.sizes(run)
        sizes[key] = None if shape is None or None in shape else math.prod(shape)
        if key not in net.tensors:
            missing.add(key)
        shared = "" if key == "/".join((*path, name)) else f' = "{key}"'
        row = shown_by[path]
        row.sizes[key] = sizes[key]
        row.arrays.append(f"{name} {size_text(shape)}{'*' if key in missing else ''}{shared}")
    if len(missing) == len(sizes):  # the headline says it of all
        for row in rows:
            row.arrays = [text.replace("*", "", 1) for text in row.arrays]
    terms = typing.terms[()]
    codecs = port_codecs(net)
    ports = [
        (way, name, type_text(typing.type_of(term)) + _codec_text(codecs.at(f"{way}put", name)))
        for way, found in (("in", terms.inputs), ("out", terms.outputs))
        for name, term in found.items()
    ]
    return Table(f"{cut(title(net), WIDTH - 2)}\n{_total(sizes, missing)}", ports, [row.cells() for row in rows])


def _codec_text(codec) -> str:
    return "" if codec is None else f"  {codec.kind} {'encoder' if codec.side == 'input' else 'decoder'}"


def summary(net: Net) -> str:
    """The table of a net as text, 80 columns wide where that can be: paths, layers, output types, arrays with sizes, numbers of elements.

    Long rows of layers and deep nests are folded; a star marks an array without a value where others have one.

    >>> from netgraph.nets.chain import NetChain
    >>> print(summary(NetChain([200, "Ramp", 1], Input=2)))
    NetChain
    801 elements in 4 arrays, not initialised
    in   Input   (2,)
    out  Output  (1,)
    <BLANKLINE>
    path  layer                   output  arrays                     elements
    0     LinearLayer(200)        (200,)  Weights 200x2, Biases 200       600
    1     ElementwiseLayer(Ramp)  (200,)
    2     LinearLayer(1)          (1,)    Weights 1x200, Biases 1         201
    """
    found = table(net)
    lines = [*found.headline.split("\n")]
    name_width = max((len(name) for _, name, _ in found.ports), default=0)
    lines += [f"{way:3}  {name:{name_width}}  {kind}" for way, name, kind in found.ports]
    if found.rows:
        widths = _widths(found.rows)
        head = {column: column for column in widths}
        lines.append("")
        for row in (head, *found.rows):
            texts = [_aligned(cut(row[column], width), column, width) for column, width in widths.items()]
            lines.append("  ".join(texts).rstrip())
    return "\n".join(lines)


def html(net: Net) -> str:
    """The table of a net for notebooks."""
    found = table(net)
    headline = "<br>".join(markup.escape(line) for line in found.headline.split("\n"))
    ports = "".join(
        f'<div><span style="color:#6b7280">{way}</span> {markup.escape(name)} <code>{markup.escape(kind)}</code></div>'
        for way, name, kind in found.ports
    )
    rows = ""
    if found.rows:
        columns = [column for column in COLUMNS if any(row[column] for row in found.rows)]
        heads = [f'<th style="{_side(column)}">{column}</th>' for column in columns]
        rows = f"<table><tr>{''.join(heads)}</tr>"
        for row in found.rows:
            cells = [f'<td style="{_side(column)}">{markup.escape(cut(row[column], 100))}</td>' for column in columns]
            rows += f"<tr>{''.join(cells)}</tr>"
        rows += "</table>"
    return f"<div><div>{headline}</div>{ports}{rows}</div>"


def _side(column: str) -> str:
    return f"text-align:{'right' if column == 'elements' else 'left'};white-space:pre"


def _rows(net: Net, typing) -> tuple[list[Row], dict[tuple[str, ...], Row]]:
    """The rows, and for every part the row that shows it."""
    rows: list[Row] = []
    shown_by: dict[tuple[str, ...], Row] = {}
    gaps: dict[tuple[str, ...], Row] = {}
    hidden: set[tuple[str, ...]] = set()
    for path, part in walk(net):
        above = path[:-1]
        if part.children and len(part.children) > HEAD + TAIL + 1:
            hidden.update((*path, name) for name in list(part.children)[HEAD:-TAIL])
        if path and (shown_by[above].folds or path in hidden):
            row = shown_by[above] if shown_by[above].folds else gaps.get(above)
            if row is None:
                row = gaps[above] = Row(depth=len(above), folds=True)
                rows.append(row)
            row.inside += 1
            shown_by[path] = row
            continue
        row = Row("/".join(path), title(part), ports_text(typing, typing.terms[path].outputs), max(0, len(path) - 1))
        row.folds = bool(part.children) and len(path) >= DEPTH
        shown_by[path] = row
        if path or not part.children or _owns_arrays(part):
            rows.append(row)
    return rows, shown_by


def _owns_arrays(part: Net) -> bool:
    return any(True for _ in part.array_places()) if hasattr(part, "array_places") else False


def _elements(sizes: dict[str, int | None]) -> str:
    known = [size for size in sizes.values() if size is not None]
    if not sizes:
        return ""
    return "?" if not known else f"{sum(known):,}{'' if len(known) == len(sizes) else ' + ?'}"


def _total(sizes: dict[str, int | None], missing: set[str]) -> str:
    if not sizes:
        return "no arrays"
    state = ""
    if missing:
        state = ", not initialised" if len(missing) == len(sizes) else f", {len(missing)} of them (*) not initialised"
    total = _elements(sizes)
    total = f"at least {total.removesuffix(' + ?')}" if total.endswith(" + ?") else total
    return f"{total} {'element' if total == '1' else 'elements'} in {counted(len(sizes), 'array')}{state}"


def _widths(rows: list[dict[str, str]]) -> dict[str, int]:
    """The widths of the columns that hold anything, narrowed in turn until the table fits."""
    widths = {column: max(len(row[column]) for row in rows) for column in COLUMNS}
    widths = {column: max(width, len(column)) for column, width in widths.items() if width}
    for column, least in LEAST:
        over = sum(widths.values()) + 2 * (len(widths) - 1) - WIDTH
        if over > 0 and column in widths:
            widths[column] = max(min(least, widths[column]), widths[column] - over)
    return widths


def _aligned(text: str, column: str, width: int) -> str:
    return text.rjust(width) if column == "elements" else text.ljust(width)
