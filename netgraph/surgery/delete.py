"""net_delete: a net without some of its layers or ports."""

from collections.abc import Iterable
from typing import NamedTuple

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.nets.chain import NetChain
from netgraph.nets.container import Container, Wire
from netgraph.spec.net import Net
from netgraph.spec.ports import NetPort
from netgraph.spec.typing import short
from netgraph.surgery.cut import chain_between, keep_ends
from netgraph.surgery.draft import Draft
from netgraph.surgery.places import position

__all__ = ["net_delete"]


def net_delete(net: Net, what, /) -> Net:
    """A chain or graph without a layer, or without several.

        net_delete(net, 2), net_delete(net, "name")    a layer by position (from 0, negative from the end) or name
        net_delete(net, ["a", "b"])                    several
        net_delete(graph, NetPort("y"))                an output of a graph, or an input that is only a state; a list of them too

    A layer inside goes when it has one input and one output: its neighbours are joined, and must fit. A layer at the border can always
    go: what fed it alone becomes an output of the net, or what it fed an input, with the type that it had there.
    Errors: NetNameError for an unknown layer or port; NetShapeError where neighbours do not fit; NetValueError for a layer inside with
    several inputs or outputs, or when nothing would be left.
    Source: Wolfram's NetDelete (there positions count from 1).

    >>> net_delete(NetChain([3, Ramp, Tanh], Input=2), 1)
    NetChain([LinearLayer(3), ElementwiseLayer(Tanh)], Input=2)
    """
    if not isinstance(net, Container):
        raise NetTypeError(f"net_delete wants a NetChain or NetGraph, got {short(net) if isinstance(net, Net) else repr(net)}")
    places = what if isinstance(what, list) else [what]
    ports = [word for word in places if isinstance(word, NetPort) and len(word.path) == 1 and word.path[0] not in net.children]
    gone = {position(net, word, "net_delete"): None for word in places if word not in ports}
    if isinstance(net, NetChain) and ports:
        raise NetTypeError(f"net_delete: a port is taken from a NetGraph, not from {short(net)}")
    if isinstance(net, NetChain):
        return _from_row(net, set(gone))
    names, draft = list(net.children), Draft.of(net)
    for port in ports:
        _remove_port(draft, net, str(port.path[0]))
    remove(draft, net, [names[place] for place in gone], "net_delete")
    return draft.net()


def remove(draft: Draft, net: Container, names: Iterable[str], what: str) -> None:
    """Take layers out of the draft of the graph `net`; `what` is the function that messages name."""
    cut = _Cut({}, {})
    for name in names:
        _remove(draft, name, cut, what)
    if not draft.parts or not draft.outputs:
        raise NetValueError(f"{what}: nothing would be left of {short(net)}")
    inputs = {port: end for port, end in cut.inputs.items() if end[0] in draft.parts and port in draft.inputs}
    keep_ends(draft, net, inputs, {port: end for port, end in cut.outputs.items() if end[0] in draft.parts and port in draft.outputs})


class _Cut(NamedTuple):
    """The new ports of a graph, with the part and port that each is at."""

    inputs: dict[str, tuple[str, str]]
    outputs: dict[str, tuple[str, str]]


def _from_row(chain: NetChain, gone: set[int]) -> Net:
    """A chain without the layers at some positions."""
    kept = [place for place in range(len(chain.children)) if place not in gone]
    if not kept:
        return NetChain({} if chain.named else [])
    draft = chain_between(chain, kept[0], kept[-1] + 1)
    if len(kept) == len(draft.parts):
        return draft.unchecked()
    draft.parts = {name: p for place, (name, p) in enumerate(draft.parts.items(), kept[0]) if place not in gone}
    return draft.net()


def _remove(draft: Draft, name: str, cut: _Cut, what: str) -> None:
    """Take one layer out of a graph."""
    part = draft.parts[name].part
    into = [w for w in draft.wires if w.part == name and w.part_port in part.input_ports()]
    after = [w for w in draft.wires if w.source[:1] == (name,)]
    if len(into) == 1 and len(part.output_ports()) == 1:
        _bypass(draft, into[0], name, after, cut)
    elif not after:
        _uncover(draft, into, name, cut)
    elif all(not w.source for w in into):
        _open(draft, name, after, cut)
    else:
        counts = [_counted(len(into), "input"), _counted(len(part.output_ports()), "output")]
        raise NetValueError(f"{what}: {name}, {short(part)}, is inside the graph and has {' and '.join(counts)}, one of each is wanted")
    draft.wires = [w for w in draft.wires if w.part != name and w.source[:1] != (name,)]
    draft.outputs = {port: end for port, end in draft.outputs.items() if end[0][:1] != (name,)}
    del draft.parts[name]
    _tidy(draft)


def _bypass(draft: Draft, feed: Wire, name: str, after: list[Wire], cut: _Cut) -> None:
    """Join the neighbours of a layer; a port of the net that was at it only is now at a neighbour, with the type there."""
    source, port = feed.source, feed.source_port
    draft.wires = [w._replace(source=source, source_port=port) if w in after else w for w in draft.wires]
    shown = [out for out, (path, _) in draft.outputs.items() if path == (name,)]
    used = any((w.source, w.source_port) == (source, port) and w.part != name for w in draft.wires)
    if not after and (used or (source, port) in draft.outputs.values()):
        return
    for out in shown:
        draft.outputs[out] = (source, port)
        if not after:
            draft.given.pop(out, None)
            if len(source) == 1:
                cut.outputs[out] = (source[0], port)
    fed = [w for w in draft.wires if (w.source, w.source_port) == (source, port) and w.part != name]
    if not source and after and len(fed) == len(after):
        draft.given.pop(port, None)
        cut.inputs[port] = (after[0].part, after[0].part_port)


def _uncover(draft: Draft, into: list[Wire], name: str, cut: _Cut) -> None:
    """What fed a last layer, and nothing else, becomes outputs of the net."""
    for wire in into:
        end = (wire.source, wire.source_port)
        used = any((w.source, w.source_port) == end and w.part != name for w in draft.wires)
        if wire.source and not used and end not in draft.outputs.values():
            out = draft.free(wire.source_port)
            draft.outputs[out] = end
            if len(wire.source) == 1:
                cut.outputs[out] = (wire.source[0], wire.source_port)


def _open(draft: Draft, name: str, after: list[Wire], cut: _Cut) -> None:
    """What a first layer fed becomes inputs of the net, one for each of its outputs."""
    fed: dict[tuple, list[Wire]] = {}
    for wire in after:
        fed.setdefault((wire.source, wire.source_port), []).append(wire)
    for wires in fed.values():
        port = draft.free(wires[0].part_port)
        draft.inputs.append(port)
        draft.wires = [w._replace(source=(), source_port=port) if w in wires else w for w in draft.wires]
        cut.inputs[port] = (wires[0].part, wires[0].part_port)


def _remove_port(draft: Draft, net: Container, port: str) -> None:
    """Take an output, or an input that is only a state, off a graph."""
    if port in draft.outputs:
        del draft.outputs[port]
    elif port in draft.inputs:
        wires = [w for w in draft.wires if not w.source and w.source_port == port]
        needed = [w for w in wires if w.part_port not in draft.parts[w.part].part.state_names()]
        if needed:
            raise NetTypeError(f'net_delete: the input "{port}" feeds {needed[0].part}/{needed[0].part_port}, which needs it')
        draft.wires = [w for w in draft.wires if w not in wires]
    else:
        raise NetNameError(f'net_delete: {short(net)} has no layer or port "{port}", {did_you_mean(port, [*net.children, *draft.ports()])}')
    _tidy(draft)


def _tidy(draft: Draft) -> None:
    """Forget the inputs that feed nothing any more, and the types of ports that are gone."""
    fed = {w.source_port for w in draft.wires if not w.source} | {port for path, port in draft.outputs.values() if not path}
    draft.inputs = [port for port in draft.inputs if port in fed]
    draft.given = {port: kind for port, kind in draft.given.items() if port in draft.inputs or port in draft.outputs}


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
