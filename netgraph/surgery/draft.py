"""A container taken apart, to be changed freely and closed again: what all surgery on chains and graphs works on."""

from collections.abc import Collection, Mapping
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.nets.chain import NetChain, row
from netgraph.nets.container import Container, Wire, gathered, input_names, output_names
from netgraph.nets.graph import NetGraph
from netgraph.spec.net import Net, is_position
from netgraph.spec.ports import path_of
from netgraph.spec.typing import short
from netgraph.surgery.piece import Piece, piece, pieces
from netgraph.surgery.window import check_types, keep_types
from netgraph.types.port_type import PortType, parse_type
from netgraph.types.symbols import All, Automatic

Source = tuple[tuple[str, ...], str]


class Draft:
    """Pieces by name, and, for a graph, its inputs, wires and outputs; those of a chain follow from its pieces.

    `rules` are LearningRateMultipliers with the first word of each path turned into the name of a piece. Parts of a draft that is not
    `named` have any different names; `net` numbers them.
    """

    def __init__(self, kind: type[Container], parts: Mapping[str, Piece], named: bool, given: Mapping[str, PortType], multipliers: Any):
        self.kind, self.named = kind, named
        self.parts = dict(parts)
        self.given = dict(given)
        self.multipliers = multipliers
        self.rules: list[tuple[tuple, Any]] | None = None
        self.inputs: list[str] = []
        self.wires: list[Wire] = []
        self.outputs: dict[str, Source] = {}

    @classmethod
    def of(cls, net: Net) -> "Draft":
        """A chain or graph taken apart; a layer or operator is a chain of itself."""
        if not isinstance(net, Container):
            return cls(NetChain, {"0": piece(net)}, False, {}, Automatic)
        draft = cls(type(net), pieces(net), net.named, net.given, net._multipliers)
        draft.rules = rules_of(net)
        if isinstance(net, NetGraph):
            draft.inputs, draft.wires, draft.outputs = list(net.input_names), list(net.wires), dict(net.output_sources)
        return draft

    def to_graph(self) -> None:
        """Let a chain be a graph with the same ports."""
        if self.kind is NetGraph:
            return
        parts = {name: p.part for name, p in self.parts.items()}
        fitted, inputs, wires, outputs = row(dict(parts))
        self.parts = {name: p if fitted[name] is p.part else p._replace(part=fitted[name], source=None) for name, p in self.parts.items()}
        self.kind, self.inputs, self.wires, self.outputs = NetGraph, list(inputs), list(wires), dict(outputs)

    def free(self, name: str) -> str:
        """`name`, or one like it that no piece and no port has."""
        return free(name, {*self.parts, *self.inputs, *self.outputs})

    def give(self, name: str, port: str, kind: PortType) -> None:
        """Give a port of a part a type of its own, beside what it has."""
        part = self.parts[name].part
        before = part.given.get(port)
        part = part.replaced(given={**part.given, port: kind if before is None else narrower(before, kind)})
        hash(part)
        self.parts[name] = Piece(part, self.parts[name].arrays)

    def rename(self, names: Mapping[str, str]) -> None:
        """Give pieces other names, everywhere."""
        if all(old == new for old, new in names.items()):
            return
        self.parts = {names.get(name, name): p for name, p in self.parts.items()}
        self.wires = [
            Wire(_renamed(w.source, names), w.source_port, names.get(w.part, w.part), w.part_port) for w in self.wires
        ]  # fmt: skip
        self.outputs = {name: (_renamed(path, names), port) for name, (path, port) in self.outputs.items()}
        if self.rules is not None:
            self.rules = [(_renamed(path, names), factor) for path, factor in self.rules]
            self.multipliers = None

    def ports(self, outputs: bool = True) -> list[str]:
        """The ports that the net will have, or its inputs alone."""
        if self.kind is NetGraph:
            return [*self.inputs, *(self.outputs if outputs else ())]
        if not self.parts:
            return ["Input", "Output"] if outputs else ["Input"]
        first, *_, last = (*self.parts.values(), *self.parts.values())
        return [*input_names(first.part), *(output_names(last.part) if outputs else ())]

    def net(self) -> Container:
        """The draft as a net, its types checked where it is new. Errors: parts that do not fit in a row; types that contradict."""
        net = self._closed()
        check_types(net, self.parts)
        return net

    def unchecked(self) -> Container:
        """The draft as a net whose types cannot contradict each other, since they did not before."""
        net = self._closed()
        keep_types(net, self.parts)
        return net

    def _closed(self) -> Container:
        if self.rules is not None and any(path and path[0] not in self.parts for path, _ in self.rules):
            self.rules, self.multipliers = [(path, factor) for path, factor in self.rules if not path or path[0] in self.parts], None
        if not self.named:
            self.rename({name: str(place) for place, name in enumerate(self.parts)})
        parts = {name: p.part for name, p in self.parts.items()}
        if self.kind is NetChain:
            parts, inputs, wires, outputs = row(parts)
            self.parts = {name: p if parts[name] is p.part else p._replace(part=parts[name], source=None) for name, p in self.parts.items()}
        else:
            inputs, wires, outputs = self.inputs, self.wires, self.outputs
        for name in parts if self.named else ():
            if name in inputs or name in outputs:
                raise NetValueError(f'{self.kind.__name__}: "{name}" is both a layer and a port of the net', fix="rename one of them")
        open_ports = self.kind is NetChain and bool(parts) and not inputs
        given = {name: kind for name, kind in self.given.items() if name in inputs or name in outputs or open_ports}
        arrays = gathered({name: (p.part, p.arrays) for name, p in self.parts.items()})
        return self.kind.assembled(
            parts, inputs, wires, outputs, given=given, multipliers=self._setting(), named=self.named, arrays=arrays
        )  # fmt: skip

    def _setting(self) -> Any:
        """LearningRateMultipliers as they are written: as before, or the rules about parts that are there."""
        if self.rules is None or self.multipliers is not None:
            return self.multipliers
        return tuple((_place(path), factor) for path, factor in self.rules) or Automatic


def free(name: str, taken: Collection[str]) -> str:
    """`name`, or the next like it that is not taken: "a", "a_2", "a_3"."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def narrower(a: PortType, b: PortType) -> PortType:
    """The type that says what both say, of two that do not contradict each other."""
    kind = b.kind if a.kind is None else a.kind
    if a.shape is None or b.shape is None:
        return PortType(kind, a.shape if b.shape is None else b.shape, a.codec or b.codec)
    return PortType(kind, [y if x is None else x for x, y in zip(a.shape, b.shape, strict=True)], a.codec or b.codec)


def _renamed(path: tuple, names: Mapping[str, str]) -> tuple:
    return (names.get(path[0], path[0]), *path[1:]) if path else path


def _place(path: tuple) -> Any:
    """A path as it is written: All, a name or position, or a tuple of them."""
    words = tuple(int(word) if isinstance(word, str) and word.isdigit() else word for word in path)
    return All if not words else words[0] if len(words) == 1 else words


def rules_of(net: Net) -> list[tuple[tuple, Any]] | None:
    """The LearningRateMultipliers of a net with positions as names; None where they say nothing of single parts."""
    setting = net._multipliers
    pairs = list(setting.items()) if isinstance(setting, Mapping) else setting
    if not isinstance(pairs, (list, tuple)):
        return None
    names, found = list(net.children), []
    for place, factor in pairs:
        path = () if place is All else path_of(place)
        if path and is_position(path[0]) and -len(names) <= path[0] < len(names):
            path = (names[path[0]], *path[1:])
        found.append((path, factor))
    return found


def only_chains(net: Net, what: str) -> NetChain:
    """`net`, which must be a chain. Errors: NetTypeError."""
    if not isinstance(net, Net):
        raise NetTypeError(f"{what} wants a net, got {net!r}")
    if not isinstance(net, NetChain):
        raise NetTypeError(f"{what} wants a NetChain, got {short(net)}")
    return net


def opened(net: Container) -> Draft:
    """A net taken apart so that its parts can stand elsewhere: the types of its ports are given to the parts that are there."""
    draft = Draft.of(net)
    for port, kind in draft.given.items():
        ends = [(w.part, w.part_port) for w in net.wires if not w.source and w.source_port == port]
        ends += [(path[0], end) for out, (path, end) in net.output_sources.items() if out == port and len(path) == 1]
        for part, end in ends:
            draft.give(part, end, kind)
    return draft


def retyped(draft: Draft, types: Mapping[str, Any], what: str) -> Draft:
    """The draft with other types at the ports of its net, given as options. Errors: NetNameError for what is no port of it."""
    if types:
        ports = draft.ports()
        for name, value in types.items():
            if name not in ports:
                raise NetNameError(f'{what}: the result has no port "{name}", {did_you_mean(name, ports)}')
            draft.given[name] = parse_type(value, f"{what}: {name}", "input" if name in draft.ports(outputs=False) else "output")
    return draft
