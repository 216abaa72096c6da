"""NetGraph: layers joined by edges."""

from collections import Counter
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.nets.chain import NetChain
from netgraph.nets.container import Container, Wire, check_name, input_names, multipliers_of, one_port, output_names
from netgraph.nets.edges import MUTED, Link, links
from netgraph.nets.notation import to_net
from netgraph.spec.net import Net, part_of
from netgraph.spec.typing import short
from netgraph.types.symbols import Automatic

__all__ = ["NetGraph"]


class NetGraph(Container):
    """Layers joined by edges, without cycles.

        NetGraph([layer1, layer2, ...], [(0, 1), ...])
        NetGraph({"a": layer1, "b": layer2}, [("a", "b"), "b -> y", (("a", NetPort("x")), "b")])
        NetGraph(layer)                              the smallest graph of a layer or chain

    An edge is `(a, b)`, a run `(a, b, c)`, text `"a -> b"` or `NetPort("a") >> "b"`; several sources `(("a", "b"), "c")` arrive in that
    order; `NetPort("x")` on the left is an input of the graph, on the right an output; `NetPort("a", "port")` is a port of a layer, at any
    depth on the left; `(NetPort("a", "port"), None)` mutes an output. What is not connected becomes a port of the graph under its own
    name, numbered ("Output1", "Output2") when several share it. Shorthands as in NetChain, and `Plus`, `Times`, ... for ThreadingLayer.
    Errors: cycles, double connections, unknown names, contradicting sizes, each told with the edge.
    Source: Wolfram's NetGraph.

    >>> net = NetGraph({"f": [4, Ramp, 4], "add": Plus}, ["Input -> f", (("f", NetPort("Input")), "add")])
    >>> net.inputs, net.outputs
    (mappingproxy({'Input': PortType(real (4,))}), mappingproxy({'Output': PortType(real (4,))}))
    """

    def __init__(self, layers, edges=(), **options):
        multipliers = multipliers_of(options)
        if isinstance(layers, Net) and not edges:
            parts, edges, types = _opened(layers)
            options = {**types, **options}
            self.named = isinstance(layers, Container) and getattr(layers, "named", True)
            multipliers = getattr(layers, "_multipliers", Automatic) if multipliers is Automatic and isinstance(layers, Container) else multipliers
        elif isinstance(layers, Mapping):
            parts = {check_name(name, "NetGraph"): to_net(layer, name) for name, layer in layers.items()}
            self.named = True
        elif isinstance(layers, (list, tuple)):
            parts = {str(i): to_net(layer, str(i)) for i, layer in enumerate(layers)}
            self.named = False
        else:
            raise NetTypeError(f"NetGraph wants a list of layers or a dict of them by name, and a list of edges, got {layers!r}")
        found = links(edges, parts, lambda net, direction: input_names(net) if direction == "input" else output_names(net))
        self._build(*_wired(parts, found), options, multipliers)

    def own_key(self) -> tuple:
        return (*Container.own_key(self), self.named)

    def replaced(self, **changes) -> "NetGraph":
        twin = Container.replaced(self, **changes)
        object.__setattr__(twin, "named", self.named)
        return twin

    def __repr__(self) -> str:
        parts = {n: repr(p) if not isinstance(p, Container) else f"{type(p).__name__}[{len(p)}]" for n, p in self.children.items()}
        inner = ", ".join(f'"{n}": {p}' for n, p in parts.items()) if self.named else ", ".join(parts.values())
        edges = [(_stop(self, w.source, w.source_port), f'NetPort("{w.part}", "{w.part_port}")') for w in self.wires]
        edges += [(_stop(self, path, port), f'NetPort("{name}")') for name, (path, port) in self.output_sources.items()]
        text = ", ".join(f"({a}, {b})" for a, b in edges)
        options = [f"{name}={kind.written()!r}" for name, kind in self.given.items()]
        return f"NetGraph({', '.join([f'{{{inner}}}' if self.named else f'[{inner}]', f'[{text}]', *options])})"


def _stop(net: NetGraph, path, port) -> str:
    return f'NetPort("{port}")' if not path else f"NetPort({', '.join(repr(p) for p in (*path, port))})"


def _opened(net: Net):
    """Parts, edges and port types of the smallest graph of a layer or chain (a graph is itself)."""
    from netgraph.spec.ports import NetPort

    if not isinstance(net, Container):
        if net.input_count is None:
            raise NetTypeError(f"NetGraph({short(net)}): how many inputs it has is open", fix="give InputPorts=")
        edges = [(NetPort(name), NetPort("0", name)) for name in net.input_ports()]
        edges += [(NetPort("0", name), NetPort(name)) for name in net.output_ports()]
        return {"0": net}, edges, {}
    parts = {name: part_of(net, name) for name in net.children}
    edges = [(NetPort(*w.source, w.source_port), NetPort(w.part, w.part_port)) for w in net.wires]
    edges += [(NetPort(*path, port), NetPort(name)) for name, (path, port) in net.output_sources.items()]
    return parts, edges, dict(net.given)


def _wired(parts: dict[str, Net], found: list[Link]):
    """Parts, input names, wires and outputs from the links: arities, free ports, exposure, all checks that need no types."""
    _check_cycles(parts, found)
    into: dict[str, list[Link]] = {name: [] for name in parts}
    for link in found:
        if link.target.path:
            into[link.target.path[0]].append(link)
    for name, part in parts.items():
        if part.input_count is None:
            if not into[name]:
                raise NetTypeError(f"{name}, {short(part)}, takes any number of inputs and none is connected", fix="give it InputPorts=")
            parts[name] = part.with_inputs(len(into[name]))
    wires, taken = [], {}
    for name, part in parts.items():
        wires += _fed(name, part, into[name], parts, taken)
    order = {id(link): i for i, link in enumerate(found)}
    wires.sort(key=lambda pair: order[id(pair[0])])
    explicit: dict[str, None] = {}
    outputs: dict[str, tuple[tuple[str, ...], str]] = {}
    used: set[tuple[tuple[str, ...], str]] = set()
    for link in found:
        if not link.source.path:
            explicit[link.source.port] = None
        source = _source(link, parts)
        used.add(source)
        if link.target is MUTED or link.target.path:
            continue
        if link.target.port in outputs:
            raise NetValueError(f'edge {link.text}: the output "{link.target.port}" of the graph is fed twice')
        outputs[link.target.port] = source
    for name in (*explicit, *outputs):
        if name in parts:
            raise NetValueError(f'"{name}" is both a layer and a port of the graph', fix="rename one of them")
    inputs = list(explicit)
    free = [(name, port) for name, part in parts.items() for port in input_names(part) if (name, port) not in taken]
    plain = [wire for _, wire in wires]
    for (name, port), exposed in _exposed(free, inputs):
        inputs.append(exposed)
        plain.append(Wire((), exposed, name, port))
    loose = [((name,), port) for name, part in parts.items() for port in output_names(part) if ((name,), port) not in used]
    for (path, port), exposed in _exposed(loose, list(outputs)):
        outputs[exposed] = (path, port)
    if not outputs:
        raise NetValueError("NetGraph has no output: every output is connected or muted")
    return parts, inputs, plain, outputs


def _source(link: Link, parts) -> tuple[tuple[str, ...], str]:
    if not link.source.path:
        return ((), link.source.port)
    part = parts[link.source.path[0]]
    for name in link.source.path[1:]:
        part = part.children[name]
    port = link.source.port
    if port is None:
        port = one_port(output_names(part), "output", f"edge {link.text}: {'/'.join(link.source.path)}", part)
    return (link.source.path, port)


def _fed(name: str, part: Net, found: list[Link], parts, taken: dict) -> list[tuple[Link, Wire]]:
    """The wires into one part: named ports first, the others to its free ports in order."""
    ports = input_names(part)
    named = [link.target.port for link in found if link.target.port is not None]
    free = [port for port in ports if port not in named]
    wires = []
    for link in found:
        port = link.target.port
        if port is not None and port not in ports:
            raise NetNameError(f'edge {link.text}: {name} has no input port "{port}", {did_you_mean(port, list(ports))}')
        if port is None:
            if not free:
                shown = ", ".join(f'"{p}"' for p in ports) or "none"
                raise NetValueError(f"edge {link.text}: {name}, {short(part)}, has no free input port left ({shown})")
            port = free.pop(0)
        if (name, port) in taken:
            raise NetValueError(f"edge {link.text}: {name}/{port} is already fed by {taken[name, port]}")
        taken[name, port] = link.text
        path, source = _source(link, parts)
        wires.append((link, Wire(path, source, name, port)))
    return wires


def _exposed(loose: list, taken: list[str]):
    """Each unconnected port with the name the graph shows it by: its own, or numbered when several share it or it is taken."""
    count = Counter(port for _, port in loose)
    number: Counter = Counter()
    for place, port in loose:
        if count[port] == 1 and port not in taken:
            yield (place, port), port
            continue
        number[port] += 1
        while f"{port}{number[port]}" in taken:
            number[port] += 1
        yield (place, port), f"{port}{number[port]}"


def _order(parts: Mapping[str, Net], found: list[Link]) -> list[str]:
    sorter = TopologicalSorter({name: set() for name in parts})
    for link in found:
        if link.source.path and link.target.path:
            sorter.add(link.target.path[0], link.source.path[0])
    return list(sorter.static_order())


def _check_cycles(parts: Mapping[str, Net], found: list[Link]) -> None:
    try:
        _order(parts, found)
    except CycleError as error:
        cycle = list(reversed(error.args[1]))
        raise NetValueError(f"NetGraph has a cycle: {' -> '.join(cycle)}; a graph has none, recurrence is a NetFoldOperator") from None
