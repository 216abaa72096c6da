"""A piece cut out of a chain or graph, with the types that its surroundings gave it."""

from collections.abc import Iterable, Mapping

from netgraph.nets.chain import NetChain
from netgraph.nets.container import Container
from netgraph.spec.net import Net
from netgraph.spec.typing import Typing, infer, settled, typed
from netgraph.surgery.draft import Draft
from netgraph.surgery.window import known_types
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType

NEAR = 8
"""How many layers before a cut are asked, one by one, whether they say its type, before the whole piece is."""


def full(net: Net) -> Typing:
    """The types of everything inside a net, with what layers assume where nothing else is said; solved once and kept."""
    if "full" not in net._cache:
        net._cache["full"] = infer(net, full=True, close=True)
    return net._cache["full"]


def plain(kind: PortType) -> PortType:
    """A type as it is written: "Real" goes without saying."""
    return PortType(None if kind.kind == REAL else kind.kind, kind.shape)


def types_at(net: Net, *path: str) -> tuple[dict[str, PortType], dict[str, PortType]]:
    """The types of the inputs and outputs of a part, as its surroundings leave them."""
    solved = known_types(net).get(path[0]) if len(path) == 1 and isinstance(net, Container) else None
    found = None if solved is None else solved.types()
    if found is not None:
        return found
    terms, type_of = full(net).terms[path], full(net).type_of
    outputs = (*terms.outputs.items(), *terms.readable.items())
    return {n: type_of(term) for n, term in terms.inputs.items()}, {n: type_of(term) for n, term in outputs}


def chain_between(net: NetChain, start: int, stop: int) -> Draft:
    """The layers start, ..., stop - 1 of a chain, as a chain."""
    draft = Draft.of(net)
    names = list(draft.parts)
    kept = names[start:stop]
    draft.parts = {name: draft.parts[name] for name in kept}
    ends = {*(net.input_names if start == 0 else ()), *(net.output_names if stop >= len(names) else ())}
    draft.given = {name: kind for name, kind in draft.given.items() if name in ends}
    if kept and net.input_count is not None:
        inputs = {port: (kept[0], port) for port in net.children[kept[0]].input_ports()} if start else {}
        outputs = {port: (kept[-1], port) for port in net.children[kept[-1]].output_ports()} if stop < len(names) else {}
        keep_ends(draft, net, inputs, outputs)
    return draft


def keep_ends(draft: Draft, net: Container, inputs: Mapping[str, tuple[str, str]], outputs: Mapping[str, tuple[str, str]]) -> None:
    """Give the new ports of a draft, told as the part and port of `net` they are at, the types they had where nothing else does."""
    for name, (part, port) in inputs.items():
        kind = types_at(net, part)[0].get(port)
        if kind is not None and kind.closed and not kind.varies and not _is_asked(draft, net, part, port, kind):
            draft.given = {name: plain(kind), **draft.given}
    told = {name: types_at(net, part)[1].get(port) for name, (part, port) in outputs.items()}
    if all(is_told(draft, net, part) for part, _ in outputs.values()) or not typed(draft.unchecked()).open_places():
        return
    draft.given.update({name: plain(kind) for name, kind in told.items() if kind is not None and kind.closed and not kind.varies})


def _is_asked(draft: Draft, net: Container, name: str, port: str, kind: PortType) -> bool:
    """Whether a layer's input type certainly follows from the layer, or from what is right behind it in the draft."""
    after = {w.source: (w.part, w.part_port) for w in reversed(net.wires)}
    for _ in range(NEAR):
        part = draft.parts[name].net
        alone = settled(part)
        if alone.inputs[port].shape == kind.shape:
            return True
        outputs = {port: kind for port, kind in types_at(net, name)[1].items() if port in part.output_ports()}
        behind = after.get((name,))
        if behind is None or behind[0] not in draft.parts or len(outputs) != 1 or not _closed(outputs.values()):
            return False
        if settled(part.replaced(given={**outputs, **part.given})).inputs[port].shape != kind.shape:
            return False
        name, port = behind
        kind = types_at(net, name)[0][port]
    return False


def is_told(draft: Draft, net: Container, name: str) -> bool:
    """Whether a layer's output type certainly follows from what comes before it in the draft, by looking at few layers."""
    feeds, waiting, seen = net.feeds(), [name], set()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        if len(seen) > NEAR or any(len(source) > 1 for source, _ in feeds[part].values()):
            return False
        alone = draft.parts[part].net
        if _closed(settled(alone).outputs.values()):
            continue
        inputs = {port: kind for port, kind in types_at(net, part)[0].items() if port in alone.input_ports()}
        if not _closed(inputs.values()) or not _closed(infer(alone, data=inputs, close=True).outputs.values()):
            return False
        for own, (source, port) in feeds[part].items():
            if not source and port not in draft.given and not settled(alone).inputs[own].closed:
                return False
            waiting += [source[0]] if source and source[0] in draft.parts else []
    return True


def _closed(kinds: Iterable[PortType]) -> bool:
    return all(kind.closed for kind in kinds)
