"""net_take and net_drop: a piece of a chain or graph."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.nets.chain import NetChain
from netgraph.nets.container import Container
from netgraph.spec.net import Net, is_position, part_name
from netgraph.spec.ports import NetPort
from netgraph.spec.typing import short
from netgraph.surgery.cut import chain_between, keep_ends
from netgraph.surgery.draft import Draft, Source, only_chains, retyped
from netgraph.surgery.places import position, span_of
from netgraph.types.symbols import All

__all__ = ["net_drop", "net_take"]


def net_take(net: Net, what, /, **types) -> Net:
    """A piece of a chain or graph: up to a layer, or from one to another, both included.

        net_take(net, end)                   everything that `end` needs: a layer by name or position, or a NetPort
        net_take(net, (start, end))          what lies on the ways from start to end
        net_take(chain, slice(1, 3))         layers 1 and 2; also chain[1:3]
        net_take(graph, NetPort("Out1"))     what that output of the graph needs
        net_take(graph, (["a", "b"], All))   a list is a union, All are all inputs, or all outputs
        net_take(net, end, Output=3)         the piece with other port types

    A NetPort names a port of the whole net, or of a layer: `NetPort("a", "Output")`. Positions count from 0, negative ones from the end, so
    `net_take(chain, 1)` has two layers. Arrays come along. Ports that survive keep their names and types; where the piece was cut it has
    new ports, with the sizes that the rest of the net gave them where they would be open.
    Errors: NetNameError for an unknown layer or port; NetValueError when no way leads from start to end.
    Source: Wolfram's NetTake (there positions count from 1).

    >>> net_take(NetChain([3, Ramp, 2, Tanh], Input=4), 1)
    NetChain([LinearLayer(3), ElementwiseLayer(Ramp)], Input=4)
    >>> net_take(NetChain([3, Ramp, 2, Tanh], Input=4), (1, 2))
    NetChain([ElementwiseLayer(Ramp), LinearLayer(2)], Input=3)
    """
    if not isinstance(net, Container):
        raise NetTypeError(f"net_take wants a NetChain or NetGraph, got {short(net) if isinstance(net, Net) else repr(net)}")
    if isinstance(what, slice):
        chain = only_chains(net, "net_take with a slice")
        return _chain(chain, *span_of(chain, what, "net_take"), types)
    start, end = what if isinstance(what, tuple) and len(what) == 2 else (All, what)
    if isinstance(net, NetChain):
        first, last = _in_row(net, start, 0), _in_row(net, end, len(net.children) - 1)
        if first is not None and last is not None:
            if first > last:
                raise NetValueError(f"net_take: {end!r} comes before {start!r} in {short(net)}")
            return _chain(net, first, last + 1, types)
    return _between(net, start, end, types)


def net_drop(chain: Net, what, /, **types) -> Net:
    """A chain without some of its layers.

        net_drop(chain, n)              without the first n
        net_drop(chain, -n)             without the last n
        net_drop(chain, (start, end))   without a range of names or positions (from 0), both included; or a slice, half-open
        net_drop(chain, n, Input=3)     the rest with other port types

    Layers inside can go when what enters the first of them is shaped like what leaves the last.
    Errors: NetTypeError for what is no chain; NetValueError for more layers than there are; NetShapeError where the rest does not fit.
    Source: Wolfram's NetDrop (there positions count from 1).

    >>> net_drop(NetChain([3, Ramp, 2, Tanh], Input=4), -2)
    NetChain([LinearLayer(3), ElementwiseLayer(Ramp)], Input=4)
    """
    chain = only_chains(chain, "net_drop")
    count = len(chain.children)
    if is_position(what):
        if not -count <= what <= count:
            raise NetValueError(f"net_drop: {short(chain)} has {count} layers, {abs(what)} cannot be dropped")
        start, stop = (0, what) if what >= 0 else (count + what, count)
    elif isinstance(what, slice) or (isinstance(what, tuple) and len(what) == 2):
        start, stop = span_of(chain, what, "net_drop")
    else:
        raise NetTypeError(f"net_drop wants a number of layers, a pair (start, end) or a slice, got {what!r}")
    if start == 0 or stop == count:
        return _chain(chain, stop if start == 0 else 0, count if start == 0 else start, types)
    draft = Draft.of(chain)
    for name in list(draft.parts)[start:stop]:
        del draft.parts[name]
    return retyped(draft, types, "net_drop").net()


def _chain(net: NetChain, start: int, stop: int, types) -> Net:
    draft = chain_between(net, start, stop)
    return retyped(draft, types, "net_take").net() if types else draft.unchecked()


def _in_row(net: NetChain, word, whole: int) -> int | None:
    """The position of an end that cuts between whole layers of a chain; None for one that does not."""
    if word is All:
        return whole
    if isinstance(word, NetPort):
        if len(word.path) != 1:
            return None
        (word,) = word.path
        if word in (*net.input_names, *net.output_names):
            ports = net.input_names if whole == 0 else net.output_names
            return whole if ports == (word,) else None
    return position(net, word, "net_take") if isinstance(word, str) or is_position(word) else None


def _between(net: Container, start, end, types) -> Net:
    """The part of a graph on the ways from `start` to `end`."""
    draft = Draft.of(net)
    draft.to_graph()
    ways = _Ways(net, draft)
    ends = ways.ends(end)
    below, needed = ways.below(start), _reached([path[0] for path, _ in ends if path], ways.into)
    kept = below & needed
    if not kept:
        raise NetValueError(f"net_take: no way leads from {start!r} to {end!r} in {short(net)}")
    shown = {source: name for name, source in reversed(draft.outputs.items())}
    outputs = _distinct({source: shown.get(source, source[1]) for source in ends if source[0] and source[0][0] in kept})
    inputs: dict[Source, str] = {}
    cut: dict[Source, tuple[str, str]] = {}
    for wire in draft.wires:
        source = (wire.source, wire.source_port)
        if wire.part in kept and (not wire.source or wire.source[0] not in kept):
            inputs.setdefault(source, wire.part_port if wire.source else wire.source_port)
            if wire.source:
                cut.setdefault(source, (wire.part, wire.part_port))
    inputs = _distinct(inputs)
    old = {*(name for source, name in inputs.items() if not source[0]), *(name for source, name in outputs.items() if source in shown)}
    draft.parts = {name: p for name, p in draft.parts.items() if name in kept}
    draft.inputs = list(inputs.values())
    draft.wires = [
        wire._replace(source=(), source_port=inputs[wire.source, wire.source_port]) if (wire.source, wire.source_port) in inputs else wire
        for wire in draft.wires
        if wire.part in kept
    ]
    draft.outputs = {name: source for source, name in outputs.items()}
    draft.given = {name: kind for name, kind in draft.given.items() if name in old}
    new = {name: (path[0], port) for (path, port), name in outputs.items() if len(path) == 1 and name not in old}
    keep_ends(draft, net, {inputs[source]: place for source, place in cut.items()}, new)
    return retyped(draft, types, "net_take").net() if types else draft.unchecked()


def _distinct(wanted: dict[Source, str]) -> dict[Source, str]:
    """Each port with the name it wants, numbered where several want one."""
    count = Counter(wanted.values())
    taken = {name for name, times in count.items() if times == 1}
    found = {}
    for key, name in wanted.items():
        if count[name] > 1:
            name = next(f"{name}{number}" for number in range(1, len(wanted) + len(taken) + 2) if f"{name}{number}" not in taken)
        taken.add(name)
        found[key] = name
    return found


class _Ways:
    """What feeds what in a graph, and the ends that users tell."""

    def __init__(self, net: Container, draft: Draft):
        self.net, self.draft = net, draft
        self.into: dict[str, set[str]] = {name: set() for name in draft.parts}
        self.out_of: dict[str, set[str]] = {name: set() for name in draft.parts}
        for wire in draft.wires:
            if wire.source:
                self.into[wire.part].add(wire.source[0])
                self.out_of[wire.source[0]].add(wire.part)

    def ends(self, end) -> list[Source]:
        """The output ports that an end names."""
        if isinstance(end, list):
            return [source for one in end for source in self.ends(one)]
        if end is All:
            return list(self.draft.outputs.values())
        path = self._path(end)
        if len(path) == 1 and path[0] in self.draft.outputs and (isinstance(end, NetPort) or path[0] not in self.draft.parts):
            return [self.draft.outputs[path[0]]]
        name, port = self._layer(path)
        part = self.draft.parts[name].part
        if port is None:
            return [((name,), p) for p in part.output_ports()]
        ports = (*part.output_ports(), *part.readable_ports(), *part.state_names())
        if port not in ports:
            raise NetNameError(f'net_take: {name} has no output port "{port}", {did_you_mean(port, ports)}')
        return [((name,), port)]

    def below(self, start) -> set[str]:
        """The layers that lie behind a start; a layer or an input port of it is itself among them."""
        if isinstance(start, list):
            return set().union(*(self.below(one) for one in start))
        if start is All:
            return set(self.draft.parts)
        path = self._path(start)
        if len(path) == 1 and path[0] in self.draft.inputs and (isinstance(start, NetPort) or path[0] not in self.draft.parts):
            return _reached([w.part for w in self.draft.wires if not w.source and w.source_port == path[0]], self.out_of)
        name, port = self._layer(path)
        part = self.draft.parts[name].part
        if port is None or port in part.input_ports():
            return _reached([name], self.out_of)
        if port not in part.output_ports():
            known = [*part.input_ports(), *part.output_ports()]
            raise NetNameError(f'net_take: {name} has no port "{port}", {did_you_mean(port, known)}')
        return _reached([w.part for w in self.draft.wires if w.source[:1] == (name,) and w.source_port == port], self.out_of)

    def _path(self, word) -> Sequence[Any]:
        if isinstance(word, NetPort):
            return word.path
        if is_position(word) or isinstance(word, str):
            return (word,)
        raise NetTypeError(f"net_take: an end is a layer's name or position, a NetPort, All, or a list of them, got {word!r}")

    def _layer(self, path: Sequence[Any]) -> tuple[str, str | None]:
        if len(path) > 2:
            raise NetTypeError(f"net_take: {NetPort(*path)!r} is inside a layer; take that layer first", fix=f"net[{path[0]!r}]")
        word, port = path[0], path[1] if len(path) == 2 else None
        if isinstance(word, str) and word not in self.draft.parts:
            known = [*self.draft.parts, *self.draft.inputs, *self.draft.outputs]
            raise NetNameError(f'net_take: {short(self.net)} has no layer or port "{word}", {did_you_mean(word, known)}')
        return part_name(self.net, word), port


def _reached(names: Iterable[str], ways: dict[str, set[str]]) -> set[str]:
    waiting, found = list(names), set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += ways[name]
    return found
