"""A part of a draft replaced by another: its wires find the ports of the new part."""

from collections.abc import Sequence

from netgraph.errors import NetTypeError
from netgraph.nets.graph import NetGraph
from netgraph.spec.net import Net
from netgraph.spec.typing import short
from netgraph.surgery.draft import Draft
from netgraph.surgery.piece import instead, piece


def swap(draft: Draft, name: str, new: Net, where: str) -> None:
    """Put `new` in the place of the part `name`; its ports are those of the old part by name, else one by one in order.

    Errors: NetTypeError for another number of ports than are connected.
    """
    old, fitted = draft.parts[name].part, instead(draft.parts[name], new)
    if draft.kind is not NetGraph or (fitted.source is not None and not new.children):
        draft.parts[name] = fitted
        return
    into = [w for w in draft.wires if w.part == name and w.part_port not in old.state_names()]
    if new.input_count is None:
        new = new.with_inputs(len(into))
    draft.parts[name] = piece(new)
    inputs = _matched(old, old.input_ports(), new, new.input_ports(), "input", where, all_fed=True)
    sources = [(w.source, w.source_port) for w in draft.wires if w.source == (name,)]
    sources += [end for end in draft.outputs.values() if end[0] == (name,)]
    used = [port for port in old.output_ports() if ((name,), port) in sources]
    outputs = _matched(old, used, new, new.output_ports(), "output", where, all_fed=False)
    states = dict.fromkeys(new.state_names())
    wires = []
    for wire in draft.wires:
        if wire.part == name:
            port = wire.part_port if wire.part_port in states else inputs.get(wire.part_port)
            if port is None:
                raise NetTypeError(f'{where}: {short(new)} has no state port "{wire.part_port}", which is fed')
            wire = wire._replace(part_port=port)
        if wire.source[:1] == (name,):
            wire = wire._replace(source_port=_end(new, wire.source, wire.source_port, outputs, where))
        wires.append(wire)
    draft.wires = wires
    draft.outputs = {
        out: (path, _end(new, path, port, outputs, where)) if path[:1] == (name,) else (path, port)
        for out, (path, port) in draft.outputs.items()
    }


def _matched(old: Net, before: Sequence[str], new: Net, after: Sequence[str], what: str, where: str, *, all_fed: bool) -> dict[str, str]:
    if set(before) <= set(after) and (not all_fed or len(before) == len(after)):
        return {port: port for port in before}
    if len(before) != len(after):
        shown = [", ".join(f'"{port}"' for port in ports) or "none" for ports in (after, before)]
        raise NetTypeError(f"{where}: {short(new)} has the {what} ports {shown[0]}, {short(old)} had {shown[1]}")
    return dict(zip(before, after, strict=True))


def _end(new: Net, path: tuple[str, ...], port: str, outputs: dict[str, str], where: str) -> str:
    """The port that a wire starts at, which may be inside the new part or a state of it."""
    part = new
    for word in path[1:]:
        if word not in part.children:
            raise NetTypeError(f"{where}: {short(new)} has no {'/'.join(path[1:])}, whose output is used")
        part = part.children[word]
    if len(path) == 1 and port in outputs:
        return outputs[port]
    if port not in (*part.output_ports(), *part.readable_ports(), *part.state_names(), *part.input_ports()):
        raise NetTypeError(f'{where}: {short(part)} has no port "{port}", which is used')
    return port
