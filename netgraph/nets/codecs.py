"""Which encoders and decoders the ports of a net have: those written there, or at the parts behind them."""

from typing import Any, NamedTuple

from netgraph.nets.container import Container
from netgraph.nets.map import NetMapOperator
from netgraph.nets.pair import NetPairEmbeddingOperator
from netgraph.nets.triplet import NetTripletEmbeddingOperator
from netgraph.spec.net import Net

_CODECS = "codecs"


class PortCodecs(NamedTuple):
    """The encoders of the input ports and the decoders of the output ports that have one, by port."""

    encoders: dict[str, Any]
    decoders: dict[str, Any]

    def at(self, side: str, port: str) -> Any:
        """The codec of a port, or None."""
        return (self.encoders if side == "input" else self.decoders).get(port)


def port_codecs(net: Net) -> PortCodecs:
    """The codecs of a net's ports.

    A container's port has the codec of the part behind it unless one is written at the net itself; a map has its net's for each element,
    pairs and triplets for each member. Codecs at ports inside, between parts, are passed over.

    >>> from netgraph import LinearLayer, NetChain, NetEncoder
    >>> port_codecs(NetChain([LinearLayer(3, Input=NetEncoder(("Class", ["a", "b"], "IndicatorVector")))])).encoders
    {'Input': NetEncoder(("Class", ("a", "b"), "IndicatorVector"))}
    """
    stack = [net]
    while _CODECS not in net._cache:
        part = stack[-1]
        unknown = [child for child in part.children.values() if _CODECS not in child._cache]
        if unknown:
            stack.extend(unknown)
            continue
        found = _behind(part)
        for name, kind in part.given.items():
            if kind.codec is not None:
                (found.encoders if kind.codec.side == "input" else found.decoders)[name] = kind.codec
        part._cache[_CODECS] = found
        stack.pop()
    return net._cache[_CODECS]


def has_codecs(net: Net) -> bool:
    """Whether any port has a codec."""
    return any(port_codecs(net))


def _behind(net: Net) -> PortCodecs:
    """The codecs that the ports of a net have from its parts."""
    found = PortCodecs({}, {})
    if isinstance(net, Container):
        for wire in net.wires:
            encoder = None if wire.source else _known(net.children[wire.part]).encoders.get(wire.part_port)
            if encoder is not None:
                found.encoders.setdefault(wire.source_port, encoder)
        for name, (path, port) in net.output_sources.items():
            decoder = _known(net.children[path[0]]).decoders.get(port) if len(path) == 1 else None
            if decoder is not None:
                found.decoders[name] = decoder
    elif isinstance(net, (NetMapOperator, NetPairEmbeddingOperator, NetTripletEmbeddingOperator)):
        inner = _known(net.children["Net"])
        count = "Varying" if isinstance(net, NetMapOperator) else 2 if isinstance(net, NetPairEmbeddingOperator) else 3
        ports = net.input_ports()
        for encoder in inner.encoders.values():
            found.encoders.update(dict.fromkeys(ports, encoder if len(ports) > 1 else encoder.several(count)))
        if isinstance(net, NetMapOperator):
            for decoder in inner.decoders.values():
                found.decoders["Output"] = decoder.several(count)
    return found


def _known(part: Net) -> PortCodecs:
    return part._cache[_CODECS]


def without_codec(net: Net, port: str) -> Net:
    """The net without the encoder or decoder of a port, also where a part behind it has it; the port's type stays."""
    given = {name: kind.bare if name == port else kind for name, kind in net.given.items()}
    children: dict[str, Net] = {}
    if isinstance(net, Container):
        ends = [(wire.part, wire.part_port) for wire in net.wires if not wire.source and wire.source_port == port]
        ends += [(path[0], own) for name, (path, own) in net.output_sources.items() if name == port and len(path) == 1]
        for part, own in ends:
            children[part] = without_codec(children.get(part, net.children[part]), own)
    elif "Net" in net.children:
        inner = net.children["Net"]
        ports = inner.input_ports() if net.side(port) == "input" else inner.output_ports()
        children["Net"] = without_codec(inner, ports[0])
    return net.replaced(given=given, children=children) if children else net.replaced(given=given)
