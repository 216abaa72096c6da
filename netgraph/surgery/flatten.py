"""net_flatten: nets in nets dissolved into one row or graph of layers."""

import math
from collections.abc import Mapping
from typing import Any

from netgraph.errors import NetTypeError
from netgraph.nets.chain import NetChain
from netgraph.nets.container import Container, Wire
from netgraph.nets.graph import NetGraph
from netgraph.spec.net import Net, array_key, array_slots, is_position, walk
from netgraph.surgery.draft import Draft, free, narrower, rules_of
from netgraph.surgery.piece import piece
from netgraph.surgery.tree import remade
from netgraph.types.port_type import PortType
from netgraph.types.symbols import All, Automatic

__all__ = ["net_flatten"]

Path = tuple[str, ...]


def net_flatten(net: Net, levels: Any = All, /) -> Net:
    """The net with the chains and graphs in it dissolved, inside operators too; what it computes is the same, bit for bit.

        net_flatten(net)       at every depth
        net_flatten(net, n)    down to n levels of nesting

    The kind follows the content: a graph that is a row of layers becomes a chain, a chain with a graph in it a graph. In a net with names
    a layer is called by its path ("outer:inner"), in one with numbers it is numbered. The types that were given to dissolved nets go to the
    layers at their ports, learning-rate multipliers to the arrays.
    Errors: NetTypeError for what is no net or no number of levels.
    Source: Wolfram's NetFlatten.

    >>> net_flatten(NetChain([3, [Ramp, [2]]], Input=4))
    NetChain([LinearLayer(3), ElementwiseLayer(Ramp), LinearLayer(2)], Input=4)
    >>> net_flatten(NetGraph({"a": 3, "b": {"c": Ramp}}, ["a -> b"], Input=2))
    NetChain({"a": LinearLayer(3), "b:c": ElementwiseLayer(Ramp)}, Input=2)
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"net_flatten wants a net, got {net!r}")
    if levels is not All and not (is_position(levels) and levels >= 0):
        raise NetTypeError(f"net_flatten: levels are a number from 0 or All, got {levels!r}")
    deepest: float = math.inf if levels is All else levels
    nets = dict(walk(net))
    inner = [path for path, part in nets.items() if path and len(path) <= deepest and isinstance(part, Container)]
    dissolved = {path for path in inner if isinstance(nets[path[:-1]], Container)}
    names: dict[Path, dict[Path, str]] = {}

    def change(path: Path, part: Net) -> Net:
        if not isinstance(part, Container) or path in dissolved:
            return part
        flat, names[path] = _Flat(part, {inner[len(path) :] for inner in dissolved if inner[: len(path)] == path}).net()
        return flat

    structure = remade(net, change)
    return structure.replaced(arrays=_moved(net, names, dissolved)) if net.tensors else structure


def layer_edges(net: Net) -> list[tuple[str, str]]:
    """(layer, layer) of each connection, by path; chains and graphs dissolved, an operator beside the layers in it."""
    nets = dict(walk(net))
    dissolved = {path for path, part in nets.items() if path and isinstance(part, Container) and isinstance(nets[path[:-1]], Container)}
    edges = []
    for path, part in nets.items():
        if isinstance(part, Container) and path not in dissolved:
            flat = _Flat(part, {inner[len(path) :] for inner in dissolved if inner[: len(path)] == path})
            flat.names = {leaf: "/".join((*path, *leaf)) for leaf in flat.leaves}
            edges += [(w.source[0], w.part) for w in flat.wires() if w.source]
    return edges


def _moved(net: Net, names: Mapping[Path, Mapping[Path, str]], dissolved: set[Path]) -> dict:
    """The arrays of the net at the new places of their layers."""
    top: dict[Path, Path] = {(): ()}
    new: dict[Path, Path] = {(): ()}
    for path, _ in walk(net):
        if not path:
            continue
        above = top.get(path[:-1])
        if path in dissolved:
            top[path] = path[:-1] if above is None else above
        elif above is not None and above in names:
            new[path] = (*new[above], names[above][path[len(above) :]])
            top[path] = path
        else:
            new[path] = (*new[path[:-1]], path[-1])
            top[path] = path
    arrays = {}
    for path, _, word, _, setting in array_slots(net):
        key = array_key(path, word, setting)
        if key in net.tensors:
            arrays[array_key(new[path], word, setting)] = net.tensors[key]
    return arrays


class _Flat:
    """A container on its way to a flat one; `dissolved` are the nets in it that go, by path."""

    def __init__(self, root: Container, dissolved: set[Path]):
        self.root = root
        self.nets: dict[Path, Net] = {(): root}
        self.leaves: list[Path] = []
        waiting: list[Path] = [(name,) for name in reversed(list(root.children))]
        while waiting:
            path = waiting.pop()
            self.nets[path] = part = self.nets[path[:-1]].children[path[-1]]
            if path in dissolved:
                waiting += [(*path, name) for name in reversed(list(part.children))]
            else:
                self.leaves.append(path)
        self.given: dict[Path, dict[str, PortType]] = {}
        self.root_given = dict(root.given)
        self.names: dict[Path, str] = {}
        taken: set[str] = set()
        for path in self.leaves:
            self.names[path] = free(":".join(path), taken) if root.named else ":".join(path)
            taken.add(self.names[path])

    def wires(self) -> list[Wire]:
        """The wires into all layers, by the names of layers."""
        known, wires = set(self.leaves), []
        for path in self.leaves:
            for port, (source, source_port) in self.container(path[:-1]).feeds()[path[-1]].items():
                end, end_port = self.source(path[:-1], source, source_port, (path, port), known)
                wires.append(Wire(end, end_port, self.names[path], port))
        return wires

    def net(self) -> tuple[Container, dict[Path, str]]:
        """The flat net, and the name of each layer in it by its old path."""
        root, known, wires = self.root, set(self.leaves), self.wires()
        outputs = {name: self.source((), source, port, None, known) for name, (source, port) in root.output_sources.items()}
        for path, part in self.nets.items():
            for port in part.given if path and path not in known else ():
                if port in part.output_ports():
                    self.source(path[:-1], (path[-1],), port, None, known)
        parts = {self.names[path]: piece(self.part(path)) for path in self.leaves}
        draft = Draft(NetGraph, parts, root.named, self.root_given, root._multipliers)
        draft.inputs, draft.wires, draft.outputs = list(root.input_names), wires, outputs
        rules = rules_of(root)
        if rules is not None:
            draft.rules, draft.multipliers = [rule for place, factor in rules for rule in self.rules(place, factor)], None
        order = list(draft.parts)
        if _is_row(draft):
            draft.kind = NetChain
            order = list(draft.parts)
        numbers = {name: str(place) for place, name in enumerate(order)}
        flat = draft.unchecked()
        return flat, self.names if root.named else {path: numbers[name] for path, name in self.names.items()}

    def container(self, path: Path) -> Container:
        net = self.nets[path]
        assert isinstance(net, Container)
        return net

    def source(self, place: Path, source: Path, port: str, target: tuple[Path, str] | None, known: set[Path]) -> tuple[Path, str]:
        """Where a wire in the net at `place` starts in the flat net; the types it passes are given to the layers at its ends."""
        passed: list[PortType] = []
        while True:
            if not source and not place:
                for kind in passed if port in self.root.input_names else ():
                    self.root_given[port] = narrower(self.root_given[port], kind) if port in self.root_given else kind
                return (), port
            if not source:
                kind = self.nets[place].given.get(port)
                if kind is not None and target is not None:
                    self.give(target, kind)
                source, port = self.container(place[:-1]).feeds()[place[-1]][port]
                place = place[:-1]
                continue
            whole = (*place, *source)
            leaf = next((whole[:n] for n in range(len(place) + 1, len(whole) + 1) if whole[:n] in known), None)
            if leaf is not None:
                for kind in passed if leaf == whole else ():
                    self.give((leaf, port), kind)
                return (self.names[leaf], *whole[len(leaf) :]), port
            kind = self.nets[whole].given.get(port)
            passed += [] if kind is None else [kind]
            place, (source, port) = whole, self.container(whole).output_sources[port]

    def give(self, end: tuple[Path, str], kind: PortType) -> None:
        """Let a port of a layer have a type beside those it has."""
        types = self.given.setdefault(end[0], dict(self.nets[end[0]].given))
        types[end[1]] = narrower(types[end[1]], kind) if end[1] in types else kind

    def part(self, path: Path) -> Net:
        """A layer with the types and multipliers of the nets around it that go."""
        part = self.nets[path]
        if path in self.given:
            part = part.replaced(given=self.given[path])
            hash(part)
        around = [path[:n] for n in range(1, len(path)) if self.nets[path[:n]]._multipliers is not Automatic]
        return part if not around else self.slowed(part, path, around)

    def slowed(self, part: Net, path: Path, around: list[Path]) -> Net:
        """A layer with the learning-rate multipliers of the nets at `around` in its own."""
        factors: dict[Path, float] = {}
        for inner, _, word, _, _ in array_slots(part):
            slot = (*inner, word)
            factors[slot] = _factor(part, slot) * math.prod(_factor(self.nets[place], (*path[len(place) :], *slot)) for place in around)
        values = set(factors.values())
        if not values or (values == {1.0} and part._multipliers is Automatic):
            return part
        part = part.replaced(multipliers=values.pop() if len(values) == 1 else tuple(factors.items()))
        hash(part)
        return part

    def rules(self, place: tuple, factor: Any) -> list[tuple[tuple, Any]]:
        """A rule of the root about a path, as rules about layers of the flat net."""
        if not place:
            return [((), factor)]
        path, part = [], self.root
        for word in place:
            names = list(part.children)
            word = names[word] if is_position(word) and -len(names) <= word < len(names) else word
            path.append(word)
            part = part.children.get(word, part)
        leaf = next((tuple(path[:n]) for n in range(1, len(path) + 1) if tuple(path[:n]) in self.names), None)
        if leaf is not None:
            return [((self.names[leaf], *path[len(leaf) :]), factor)]
        return [((name,), factor) for inner, name in self.names.items() if inner[: len(path)] == tuple(path)]


def _factor(net: Net, slot: tuple) -> float:
    """The learning-rate multiplier that a net's own setting gives an array inside it: that of the first rule which matches."""
    rules, setting = rules_of(net), net._multipliers
    if rules is None:
        return 1.0 if setting is Automatic else float(setting or 0)
    for place, factor in rules:
        names = [list(net.children)[w] if is_position(w) and net.children else w for w in place]
        if list(slot[: len(names)]) == names:
            return float(factor or 0)
    return 1.0


def _is_row(draft: Draft) -> bool:
    """Whether a draft of a graph is a chain with the same ports; its parts are then put in order."""
    if not draft.parts:
        return draft.inputs == ["Input"] and list(draft.outputs) == ["Output"]
    into: dict[str, list[Wire]] = {name: [] for name in draft.parts}
    after: dict[str, Wire] = {}
    for wire in draft.wires:
        into[wire.part].append(wire)
        if len(wire.source) > 1 or (wire.source and wire.source[0] in after):
            return False
        if wire.source:
            after[wire.source[0]] = wire
    firsts = [name for name, wires in into.items() if all(not w.source for w in wires)]
    if len(firsts) != 1:
        return False
    name, row = firsts[0], firsts[:]
    if [(w.source_port, w.part_port) for w in into[name]] != [(port, port) for port in draft.parts[name].part.input_ports()]:
        return False
    if draft.inputs != list(draft.parts[name].part.input_ports()):
        return False
    while name in after:
        name = after[name].part
        part = draft.parts[name].part
        if len(into[name]) != 1 or part.input_ports() != (into[name][0].part_port,) or len(draft.parts[row[-1]].part.output_ports()) != 1:
            return False
        row.append(name)
    last = draft.parts[name].part
    if len(row) != len(draft.parts) or draft.outputs != {port: ((name,), port) for port in last.output_ports()}:
        return False
    draft.parts = {word: draft.parts[word] for word in row}
    return True
