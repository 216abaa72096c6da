"""net_unfold: the net of one step of a net on sequences, its states as ports."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from netgraph.errors import NetTypeError
from netgraph.nets.chain import NetChain
from netgraph.nets.container import Container
from netgraph.nets.graph import NetGraph
from netgraph.nets.nest import NetNestOperator
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, parts_of
from netgraph.spec.ports import NetPort
from netgraph.spec.step import shortened
from netgraph.spec.typing import Typing, infer, settled, short
from netgraph.types.port_type import PortType
from netgraph.types.sizes import Varying
from netgraph.types.store import Node, find, primary

__all__ = ["net_unfold", "unfold_states"]


def net_unfold(net: Net, /) -> Net:
    """The net of one step: it takes one element of the sequence, and the states of the step before, and gives those after it.

    What runs along the first level of the net's input is unfolded: recurrent layers and NetFoldOperator ("State", "CellState", the names
    of the inputs fed back), AttentionLayer with a causal mask ("Keys" and "Values", the sequences of those so far, each step's own
    appended), SequenceIndicesLayer ("Index", the position, from 0). NetMapOperator becomes its net, NetNestOperator applies the step of its
    net, and layers that do the same with every element, normalisations of each element among them, run on one; a SequenceLastLayer goes.
    Through chains, graphs and whole models.
    States are ports of one name on both sides, "State1", "State2", ... where several share it; `unfold_states` gives what they start
    from. Element for element the outputs are those of the net, and a step costs the same however long the sequence is (attention looks at
    what is kept), so a text is written in linear time. Arrays come along.
    Errors: NetTypeError for what mixes steps otherwise (a layer that looks ahead, attention without a mask), with its place.
    Source: Wolfram's NetUnfold. Its names of ports are not documented.

    >>> sums = NetFoldOperator(FunctionLayer(lambda Input, State: Input + State), Input="Varying")
    >>> step = net_unfold(sums)
    >>> step({"Input": 3.0, "State": 4.0})
    {'Output': 7.0, 'State': 7.0}
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"net_unfold wants a net, got {net!r}")
    typing = infer(net, full=True, close=True)
    sequences = _sequences(net, typing)
    stepped = _Unfolding(typing).part((), net, sequences)
    graph = NetGraph(NetChain([]) if stepped.net is None else stepped.net)
    types = {name: _plain(kind) for name, kind in shortened(typing.inputs, sequences).items() if kind.shape is not None}
    given = {**graph.given, **{name: kind for name, kind in types.items() if name in graph.input_ports()}}
    return graph.replaced(given=given)


def unfold_states(step: Net, count: int | None = None, /) -> dict[str, Any]:
    """The states that an unfolded net starts from, by port: zeros, and empty sequences; with `count` those of a batch of so many examples.

    States are the ports that are inputs and outputs: `found = step({"Input": x, **states})`, then
    `states = {name: found[name] for name in states}`.
    Errors: NetTypeError for what is no net, or has no states.

    >>> unfold_states(net_unfold(GatedRecurrentLayer(2, Input=("Varying", 3))))
    {'State': array([0., 0.], dtype=float32)}
    """
    if not isinstance(step, Net):
        raise NetTypeError(f"unfold_states wants a net, got {step!r}")
    types = settled(step).inputs
    names = [name for name in step.input_ports() if name in step.output_ports()]
    if not names:
        raise NetTypeError(f"unfold_states: {short(step)} has no port that is input and output, so it has no states", fix="net_unfold(net)")
    return {name: _start(types[name], count) for name in names}


def _start(kind: PortType, count: int | None):
    shape = [0 if isinstance(size, Varying) or size is None else size for size in kind.shape or ()]
    whole = kind.kind is not None and kind.kind.name == "integer"
    one = np.zeros(shape, np.int64 if whole else np.float32)
    if count is not None:
        return np.zeros((count, *shape), one.dtype)
    return one if shape else one.item()


def _plain(kind: PortType) -> PortType:
    """A type whose varying levels are lengths of their own."""
    return PortType(kind.kind, None if kind.shape is None else ["Varying" if isinstance(size, Varying) else size for size in kind.shape])


def _sequences(net: Net, typing: Typing) -> frozenset[str]:
    """The inputs that are sequences: the first of one level or more, and those whose first level is the same length."""
    axes = {name: typing.store.axes(term.run) for name, term in typing.terms[()].inputs.items()}
    first = next((sizes[0] for sizes in axes.values() if sizes), None)
    if first is None:
        raise NetTypeError(f"net_unfold: no input of {short(net)} is known to be a sequence", fix='Input=("Varying", ...)')
    return frozenset(name for name, sizes in axes.items() if sizes and _same(sizes[0], first))


def _same(a: Node, b: Node) -> bool:
    a, b = find(a), find(b)
    if isinstance(a.value, Varying) and isinstance(b.value, Varying):
        return primary(a) == primary(b)
    return a is b


class _Stepped(NamedTuple):
    """One step of a part: its net (None: what comes in goes out), its states, and its outputs that are elements of sequences."""

    net: Net | None
    states: tuple[str, ...]
    sequences: frozenset[str]


class _Unfolding:
    """The walk through a net."""

    def __init__(self, typing: Typing):
        self.typing = typing

    def part(self, path: tuple[str, ...], net: Net, sequences: frozenset[str]) -> _Stepped:
        """One step of the part at `path`, where the inputs `sequences` are elements of sequences."""
        if not sequences:
            return _Stepped(net, (), frozenset())
        if isinstance(net, Container):
            return self._container(path, net, sequences)
        terms = self.typing.terms[path]
        types = {name: self.typing.type_of(term) for name, term in (*terms.inputs.items(), *terms.outputs.items())}
        if isinstance(net, NetNestOperator):
            return self._nest(path, net)
        where = f"net_unfold: {'/'.join(path)}, {short(net)}," if path else f"net_unfold: {short(net)}"
        if not isinstance(net, Layer):
            raise NetTypeError(f"{where} has no step")
        try:
            step = net.step(sequences, types)
        except ValueError as fault:
            raise NetTypeError(f"{where} {fault}, it has no step") from None
        outputs = frozenset(net.output_ports() if step.sequence else ())
        if not step.parts:
            return _Stepped(None, (), outputs)
        if not step.edges:
            return _Stepped(next(iter(step.parts.values())), step.states, outputs)
        made = NetGraph(dict(step.parts), list(step.edges))
        states = {name: _plain(self.typing.type_of(term)) for name, term in terms.state_ports.items() if name in step.states}
        given = {**made.given, **{name: kind for name, kind in states.items() if kind.shape is not None}}
        return _Stepped(made.replaced(given=given), step.states, outputs)

    def _nest(self, path: tuple[str, ...], net: NetNestOperator) -> _Stepped:
        """One step of a net that is applied several times: its own step, as often."""
        inner = parts_of(net)["Net"]
        step = self.part((*path, "Net"), inner, frozenset(inner.input_ports()))
        if step.states:
            where = f"net_unfold: {'/'.join((*path, 'Net'))}, {short(inner)},"
            raise NetTypeError(f"{where} keeps states, which each of its {net.Times} applications would have of its own")
        outputs = frozenset(net.output_ports() if step.sequences else ())
        if step.net is None:
            return _Stepped(None, (), outputs)
        given = shortened(net.given, {*net.input_ports(), *outputs})
        return _Stepped(NetNestOperator(step.net, net.Times, **given), (), outputs)

    def _container(self, path: tuple[str, ...], net: Container, sequences: frozenset[str]) -> _Stepped:
        steps: dict[str, _Stepped] = {}
        parts, feeds = parts_of(net), net.feeds()

        def is_sequence(source: tuple[str, ...], port: str) -> bool:
            if not source:
                return port in sequences
            step = steps[source[0]]
            return port in step.sequences if len(source) == 1 else bool(step.sequences)

        for name in net.order():
            fed = feeds[name]
            for port in parts[name].state_names():
                if port in fed:
                    raise NetTypeError(f"net_unfold: {'/'.join((*path, name, port))} is fed inside the net, it cannot be a port of a step")
            steps[name] = self.part((*path, name), parts[name], frozenset(p for p, source in fed.items() if is_sequence(*source)))
        outputs = frozenset(name for name, source in net.output_sources.items() if is_sequence(*source))
        return _assembled(net, steps, sequences, outputs)


def _assembled(net: Container, steps: Mapping[str, _Stepped], sequences: frozenset[str], outputs: frozenset[str]) -> _Stepped:
    """The graph of the steps of a container's parts, wired as they were, with all their states as ports."""
    feeds = net.feeds()
    nets = {name: part for name in net.children if (part := steps[name].net) is not None}
    place: dict[str, Any] = {name: name if net.named else number for number, name in enumerate(nets)}

    def end(source: tuple[str, ...], port: str) -> NetPort:
        while source and source[0] not in place:
            ((source, port),) = feeds[source[0]].values()
        return NetPort(place[source[0]], *source[1:], port) if source else NetPort(port)

    # a part whose step does without an input, such as a position, is not fed with it
    fed = [(end(w.source, w.source_port), w) for w in net.wires if w.part in place and w.part_port in nets[w.part].input_ports()]
    fed.sort(key=lambda pair: len(pair[0].path) > 1)  # edges from the net's inputs come first, so that these keep their order
    edges: list[tuple] = [(source, NetPort(place[wire.part], wire.part_port)) for source, wire in fed]
    used = {(wire.source, wire.source_port) for wire in net.wires} | {*net.output_sources.values()}
    edges += [(end(*source), NetPort(name)) for name, source in net.output_sources.items()]
    owners = [(name, state) for name in nets for state in steps[name].states]
    names = _names(owners, {*net.input_ports(), *net.output_ports(), *(nets if net.named else ())})
    for (name, state), shown in zip(owners, names, strict=True):
        edges += [(NetPort(shown), NetPort(place[name], state)), (NetPort(place[name], state), NetPort(shown))]
    for name, part in nets.items():
        loose = [port for port in part.output_ports() if port not in steps[name].states and ((name,), port) not in used]
        edges += [(NetPort(place[name], port), None) for port in loose]
    if not nets:
        return _Stepped(None, (), outputs)
    graph = NetGraph(nets if net.named else list(nets.values()), edges, LearningRateMultipliers=net._multipliers)
    ports = {*graph.input_ports(), *graph.output_ports()}
    given = {name: _plain(kind) for name, kind in shortened(net.given, {*sequences, *outputs}).items() if name in ports}
    return _Stepped(graph.replaced(given=given), tuple(names), outputs)


def _names(owners: list[tuple[str, str]], taken: set[str]) -> list[str]:
    """A name for each state: its own, or numbered where several share it or it is taken."""
    bases = [re.sub(r"\d+$", "", state) for _, state in owners]
    count, number, names = Counter(bases), Counter(), []
    for base in bases:
        name = base
        if count[base] > 1 or base in taken:
            number[base] += 1
            while f"{base}{number[base]}" in taken:
                number[base] += 1
            name = f"{base}{number[base]}"
        names.append(name)
    return names
