"""What there is to draw of a net: boxes inside boxes and the lines between them, without places or colours."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from netgraph.errors import NetTypeError
from netgraph.nets.container import Container
from netgraph.show.titles import cut, title, type_text, typed_inside
from netgraph.spec.net import Net
from netgraph.spec.typing import Typing
from netgraph.train.amounts import counted

MOST_TITLE = 44
MOST_PARTS = 60
"""Of a longer chain the middle is drawn as one box."""
SHOWN = 8
"""How many boxes are drawn at each end of such a chain."""
MOST_DEPTH = 40
"""Nets are opened no deeper than this, whatever is asked for: no picture shows more."""
IN, OUT = "-> in", "-> out"
"""How the paths of ports begin: no layer can be called so."""

Path = tuple[str, ...]


@dataclass
class Box:
    """A part of the net, or a port of the net (`sort` "input" or "output"), with what is inside when that is drawn.

    `sort` of a part: "layer" (with arrays), "function" (without), "net" (its inside is drawn), "fold" (its inside is not).
    `text` of a port of a net inside is empty where it is the only one of its way.
    """

    path: Path
    name: str
    text: str
    sort: str
    inside: list["Box"] = field(default_factory=list)
    lines: list["Line"] = field(default_factory=list)

    def every(self) -> Iterator["Box"]:
        """This box and all inside it."""
        yield self
        for box in self.inside:
            yield from box.every()  # at most as deep as the drawing: `diagram` folds what is deeper


@dataclass
class Line:
    """A connection between two boxes side by side, with the type that flows, and the ports where they are not the only ones."""

    source: Path
    target: Path
    text: str
    start: str = ""
    end: str = ""
    inner: Path = ()
    """The part inside `source` that the value comes from, where that is not `source` itself."""


def diagram(net: Net, depth: int = 3) -> Box:
    """The picture of a net as data: nets inside each other are opened down to `depth`.

    Errors: NetTypeError for what is no net or no depth.
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"a net is drawn, got {net!r}")
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 0:
        raise NetTypeError(f"plot: depth is how many levels of nets are opened, 0 or more, got {depth!r}")
    typing = typed_inside(net)
    root = Box((), "", title(net), "net")
    if isinstance(net, Container):
        _open_container(root, net, typing, min(depth, MOST_DEPTH))
        return root
    terms = typing.terms[()]
    part = _part(net, (), "", typing, min(depth, MOST_DEPTH))
    part.path = (type(net).__name__,)
    root.inside = [part]
    for name, term in terms.inputs.items():
        root.lines.append(Line((IN, name), part.path, type_text(typing.type_of(term)), end=_named(name, terms.inputs)))
    for name, term in terms.outputs.items():
        root.lines.append(Line(part.path, (OUT, name), type_text(typing.type_of(term)), start=_named(name, terms.outputs)))
    _add_ports(root, typing)
    return root


def _part(part: Net, path: Path, name: str, typing: Typing, depth: int) -> Box:
    if not part.children:
        has_arrays = bool(typing.terms[path].arrays)
        return Box(path, name, cut(title(part), MOST_TITLE), "layer" if has_arrays else "function")
    if depth < 1:
        return Box(path, name, f"{cut(title(part), MOST_TITLE)}, {counted(len(part.children), 'part')}", "fold")
    box = Box(path, name, cut(title(part), MOST_TITLE), "net")
    if isinstance(part, Container):
        _open_container(box, part, typing, depth)
    else:
        box.inside = [_part(child, (*path, word), word, typing, depth - 1) for word, child in part.children.items()]
    return box


def _open_container(box: Box, net: Container, typing: Typing, depth: int) -> None:
    """Draw the parts of a chain or graph into `box`, its ports and what connects them."""
    path = box.path
    names = list(net.children)
    hidden = set(names[SHOWN:-SHOWN]) if len(names) > MOST_PARTS and _in_a_row(net, names) else set()
    gap = (*path, f"-> {names[SHOWN]}") if hidden else ()
    for name in names:
        if name not in hidden:
            box.inside.append(_part(net.children[name], (*path, name), name, typing, depth - 1))
        elif name == names[SHOWN]:
            box.inside.append(Box(gap, f"{name} ... {names[-SHOWN - 1]}", f"{counted(len(hidden), 'part')} more", "fold"))
    own = typing.terms[path]
    for wire in net.wires:
        if wire.part in hidden and wire.source and wire.source[0] in hidden:
            continue
        term = typing.terms[(*path, *wire.source)].source(wire.source_port) if wire.source else own.inputs[wire.source_port]
        line = _line(path, wire.source, wire.source_port, typing, gap if wire.part in hidden else (*path, wire.part), hidden, gap)
        line.text = type_text(typing.type_of(term)) if wire.source or path == () else ""
        line.end = "" if wire.part in hidden else _named(wire.part_port, typing.terms[(*path, wire.part)].inputs)
        box.lines.append(line)
    for name, (source, port) in net.output_sources.items():
        line = _line(path, source, port, typing, (OUT, *path, name), hidden, gap)
        line.text = type_text(typing.type_of(own.outputs[name])) if path == () else ""
        box.lines.append(line)
    _add_ports(box, typing)


def _line(path: Path, source: Path, port: str, typing: Typing, target: Path, hidden: set[str], gap: Path) -> Line:
    """A line from the output `port` of a part (by its path below `path`), or from the input of that name."""
    if not source:
        return Line((IN, *path, port), target, "")
    start = gap if source[0] in hidden else (*path, source[0])
    inner = (*path, *source) if len(source) > 1 else ()
    name = _named(port, typing.terms[(*path, *source)].outputs)
    return Line(start, target, "", start=f"{'/'.join(source[1:])}/{port}" if inner else name, inner=inner)


def _add_ports(box: Box, typing: Typing) -> None:
    terms, whole = typing.terms[box.path], box.path == ()
    for way, sort, names in ((IN, "input", terms.inputs), (OUT, "output", terms.outputs)):
        ports = [Box((way, *box.path, name), name, name if whole else _named(name, names), sort) for name in names]
        box.inside = [*ports, *box.inside] if way is IN else [*box.inside, *ports]


def _named(port: str, ports) -> str:
    """A port's name where it tells something: not when it is the only one among `ports`."""
    return port if len(ports) > 1 or port not in ports else ""


def _in_a_row(net: Container, names: list[str]) -> bool:
    """Whether each part feeds the next and nothing else."""
    inner = [(wire.source, wire.part) for wire in net.wires if wire.source]
    return inner == [((before,), name) for before, name in pairwise(names)]
