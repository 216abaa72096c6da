"""net_rename: layers and ports under other names."""

from collections.abc import Callable, Mapping
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.nets.container import Container, check_name
from netgraph.nets.graph import NetGraph
from netgraph.spec.net import Net, is_position, part_name
from netgraph.spec.ports import NetPort
from netgraph.spec.typing import short
from netgraph.surgery.draft import Draft
from netgraph.surgery.tree import moved, remade
from netgraph.types.symbols import All

__all__ = ["net_rename"]


def net_rename(net: Net, rules, levels=0, /) -> Net:
    """The net with other names for its layers or ports, arrays moved along.

        net_rename(net, ("old", "new"))                  also {"old": "new", ...}, or a list of pairs; old may be a position
        net_rename(graph, (NetPort("x"), NetPort("y")))  a port of the net; a chain becomes a graph by it
        net_rename(net, function)                        every layer by a function of its name (of its position where it has none)
        net_rename(net, rules, 1)                        in the net and in the nets that are its layers; All at every depth

    Level 0 are the layers of the net itself; levels n reaches from 0 to n, a list [n] is exactly those levels, a slice a span. In
    numbered nets all layers get a name or none.
    Errors: NetNameError for a name that is nowhere; NetValueError for one that is taken or not allowed.
    Source: Wolfram's NetRename (there levels count from 1).

    >>> net_rename(NetChain({"a": 3, "b": Ramp}, Input=2), {"a": "linear"})
    NetChain({"linear": LinearLayer(3), "b": ElementwiseLayer(Ramp)}, Input=2)
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"net_rename wants a net, got {net!r}")
    renaming = _Renaming(rules, _levels(levels))
    if renaming.ports and not isinstance(net, NetGraph):
        net = NetGraph(net)
    structure = remade(net, renaming.change)
    for old in renaming.pairs:
        if old not in renaming.found:
            port = isinstance(old, NetPort)
            word: Any = old.path[0] if isinstance(old, NetPort) else old
            known = [*net.input_ports(), *net.output_ports()] if port else list(net.children)
            raise NetNameError(f"net_rename: {short(net)} has no {'port' if port else 'layer'} {word!r}, {did_you_mean(word, known)}")
    return structure.replaced(arrays=moved(net, structure, net.tensors)) if net.tensors else structure


def _levels(levels) -> Callable[[int], bool]:
    """Whether a level is meant."""
    if levels is All:
        return lambda level: True
    if is_position(levels) and levels >= 0:
        return lambda level: level <= levels
    if isinstance(levels, list) and all(map(is_position, levels)):
        return lambda level: level in levels
    if isinstance(levels, slice) and levels.step in (None, 1):
        return lambda level: (levels.start or 0) <= level and (levels.stop is None or level < levels.stop)
    raise NetTypeError(f"net_rename: levels are a number from 0, a list of numbers, a slice or All, got {levels!r}")


class _Renaming:
    """The rules of one call, and the names that they gave so far, from the inside out."""

    def __init__(self, rules, chosen: Callable[[int], bool]):
        self.chosen = chosen
        self.function = rules if callable(rules) else None
        pairs = list(rules.items()) if isinstance(rules, Mapping) else [rules] if isinstance(rules, tuple) else rules
        if self.function is not None:
            pairs = []
        if not isinstance(pairs, list) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
            raise NetTypeError(f"net_rename wants a pair (old, new), several, a dict of them, or a function of names, got {rules!r}")
        self.pairs: dict[Any, Any] = dict(pairs)
        self.ports = {old.path[0]: new for old, new in pairs if isinstance(old, NetPort)}
        self.found: set[Any] = set()
        self.names: dict[tuple[str, ...], dict[str, str]] = {}

    def change(self, path: tuple[str, ...], part: Net) -> Net:
        """A part whose own parts are renamed already, with new names for them, and for what is told by path."""
        deeper = any(known[: len(path)] == path for known in self.names)
        here = isinstance(part, Container) and self.chosen(len(path))
        if not isinstance(part, Container) or not (deeper or here):
            return part
        draft = Draft.of(part)
        draft.wires = [w._replace(source=self._told(path, w.source)) for w in draft.wires]
        draft.outputs = {name: (self._told(path, source), port) for name, (source, port) in draft.outputs.items()}
        if draft.rules is not None and deeper:
            draft.rules, draft.multipliers = [(self._told(path, rule), factor) for rule, factor in draft.rules], None
        if here:
            names = self._new_names(part)
            if names:
                self.names[path] = names
                draft.rename(names)
                draft.named = True
                _check(part, list(draft.parts))
        if not path and self.ports:
            self._rename_ports(draft)
        return draft.unchecked()

    def _told(self, path: tuple[str, ...], words: tuple) -> tuple:
        """A path that starts in the net at `path`, its words behind the first under their new names."""
        return (*words[:1], *(self.names.get((*path, *words[:n]), {}).get(word, word) for n, word in enumerate(words) if n))

    def _new_names(self, part: Container) -> dict[str, str]:
        """The parts that get other names."""
        if self.function is not None:
            return {old: str(self.function(old if part.named else place)) for place, old in enumerate(part.children)}
        names: dict[str, str] = {}
        for old, new in self.pairs.items():
            if isinstance(old, NetPort) or old not in part:
                continue
            self.found.add(old)
            names[part_name(part, old)] = new
        return names

    def _rename_ports(self, draft: Draft) -> None:
        ports = [*draft.inputs, *draft.outputs]
        for old, new in self.ports.items():
            if old in ports:
                self.found.add(NetPort(old))
            self.ports[old] = new.path[0] if isinstance(new, NetPort) else new

        def name(port: str) -> str:
            return self.ports.get(port, port)

        for side in (draft.inputs, list(draft.outputs)):
            renamed = [name(port) for port in side]
            twice = next((port for port in renamed if renamed.count(port) > 1), None)
            if twice is not None:
                raise NetValueError(f'net_rename: two ports of the net would be called "{twice}"')
        draft.wires = [w if w.source else w._replace(source_port=name(w.source_port)) for w in draft.wires]
        draft.outputs = {name(out): (path, port if path else name(port)) for out, (path, port) in draft.outputs.items()}
        draft.inputs = [name(port) for port in draft.inputs]
        draft.given = {name(port): kind for port, kind in draft.given.items()}


def _check(part: Container, names: list) -> None:
    """Refuse names that are not allowed, taken, or missing beside others."""
    if not part.named and any(str(name).isdigit() for name in names):
        raise NetValueError(f"net_rename: the layers of {short(part)} are numbered: all of them get a name, or none")
    for name in names:
        check_name(name, "net_rename")
    if len(names) < len(part.children):
        raise NetValueError(f"net_rename: two layers of {short(part)} would have one name")
