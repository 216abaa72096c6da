"""NetGraph: layers joined by edges."""

from collections import Counter
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.nets.container import Container, Wire, check_name, input_names, multipliers_of, one_port, output_names
from netgraph.nets.edges import MUTED, Link, links
from netgraph.nets.notation import to_net
from netgraph.spec.net import Net, part_of
from netgraph.spec.ports import NetPort
from netgraph.spec.typing import short
from netgraph.types.symbols import Automatic

__all__ = ["NetGraph"]

OPENED: dict[type[Net], Callable[[Any], "NetGraph | None"]] = {}
"""For a class of layers that are graphs inside, what gives that graph, or None for a layer that has no parts."""


class NetGraph(Container):
    """Layers joined by edges, without cycles.

        NetGraph([layer1, layer2, ...], [(0, 1), ...])
        NetGraph({"a": layer1, "b": layer2}, [("a", "b"), "b -> y", (("a", NetPort("x")), "b")])
        NetGraph(layer)                              the smallest graph of a layer or chain; that of the parts of a FunctionLayer

    An edge is `(a, b)`, a run `(a, b, c)`, text `"a -> b"` or `NetPort("a") >> "b"`; several sources `(("a", "b"), "c")` arrive in that
    order; `NetPort("x")` on the left is an input of the graph, on the right an output; `NetPort("a", "port")` is a port of a layer, at any
    depth on the left; `(NetPort("a", "port"), None)` mutes an output. What is not connected becomes a port of the graph under its own
    name, numbered ("Output1", "Output2") when several share it. Shorthands as in NetChain, and `Plus`, `Times`, ... for ThreadingLayer.
    Errors: cycles, double connections, unknown names, contradicting sizes, each told with the edge.
    Source: Wolfram's NetGraph.

    >>> net = NetGraph({"f": [4, Ramp, 4], "add": Plus}, ["Input -> f", (("f", NetPort("Input")), "add")])
    >>> net.inputs, net.outputs
    ({'Input': PortType(real (4,))}, {'Output': PortType(real (4,))})
    """

    def __init__(self, layers, edges=None, **options):
        edges = [] if edges is None else edges
        multipliers = multipliers_of(options)
        if isinstance(layers, Net) and not edges:
            parts, edges, types = _opened(layers)
            options = {**types, **options}
            named = isinstance(layers, Container) and layers.named
            multipliers = (
                getattr(layers, "_multipliers", Automatic) if multipliers is Automatic and isinstance(layers, Container) else multipliers
            )
        elif isinstance(layers, Mapping):
            parts = {check_name(name, "NetGraph"): to_net(layer, name) for name, layer in layers.items()}
            named = True
        elif isinstance(layers, (list, tuple)):
            parts = {str(i): to_net(layer, str(i)) for i, layer in enumerate(layers)}
            named = False
        else:
            raise NetTypeError(f"NetGraph wants a list of layers or a dict of them by name, and a list of edges, got {layers!r}")
        found = links(edges, parts, lambda net, direction: input_names(net) if direction == "input" else output_names(net))
        self._build(named, *_wired(parts, found), options, multipliers)

    def text(self, depth: int) -> str:
        edges = f"[{', '.join(self._edges())}]"
        return f"NetGraph({', '.join([self.layers_text(depth), edges, *self.options_text()])})"

    def _edges(self) -> list[str]:
        """The edges that give this graph: those from its inputs first, in their order, then the others, its outputs, what is muted."""
        plain = [(w.source, w.source_port, self._place((w.part,), w.part_port, input_names(self.children[w.part]))) for w in self.wires]
        ends = [(path, port, f'NetPort("{name}")') for name, (path, port) in self.output_sources.items()]
        inputs = [edge for name in self.input_ports() for edge in (*plain, *ends) if not edge[0] and edge[1] == name]
        used = {(path, port) for path, port, _ in (*plain, *ends)}
        edges = [*inputs, *(edge for edge in (*plain, *ends) if edge[0])]
        edges += [
            ((name,), port, "None") for name, part in self.children.items() for port in output_names(part) if ((name,), port) not in used
        ]
        return [f"({self._place(path, port, None)}, {target})" for path, port, target in edges]

    def _place(self, path: tuple[str, ...], port: str, ports: tuple[str, ...] | None) -> str:
        """One end of an edge: the layer alone where it has just one such port."""
        if not path:
            return f'NetPort("{port}")'
        part: Net = self
        for name in path:
            part = part.children[name]
        words = [name if name.lstrip("-").isdigit() else f'"{name}"' for name in path]
        if len(path) == 1 and (output_names(part) if ports is None else ports) == (port,):
            return words[0]
        return f'NetPort({", ".join(words)}, "{port}")'


def _opened(net: Net):
    """Parts, edges and port types of the smallest graph of a layer or chain (a graph is itself)."""
    inner = OPENED[type(net)](net) if type(net) in OPENED else None
    net = net if inner is None else inner
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
    if not port:
        port = one_port(output_names(part), "output", f"edge {link.text}: {'/'.join(link.source.path)}", part)
    return (link.source.path, port)


def _fed(name: str, part: Net, found: list[Link], parts, taken: dict) -> list[tuple[Link, Wire]]:
    """The wires into one part: named ports first, the others to its free ports in order."""
    ports = input_names(part)
    named = [link.target.port for link in found if link.target.port]
    free = [port for port in ports if port not in named]
    wires = []
    for link in found:
        port = link.target.port
        if port and port not in ports and port not in part.state_names():
            raise NetNameError(f'edge {link.text}: {name} has no input port "{port}", {did_you_mean(port, list(ports))}')
        if not port:
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
        cycle = error.args[1]
        raise NetValueError(f"NetGraph has a cycle: {' -> '.join(cycle)}; a graph has none, recurrence is a NetFoldOperator") from None
