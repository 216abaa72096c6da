"""net_join, net_append, net_prepend, net_insert: nets put together."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from netgraph.errors import NetTypeError, NetValueError
from netgraph.nets.chain import NetChain
from netgraph.nets.container import Container, check_name, one_port
from netgraph.nets.graph import NetGraph
from netgraph.nets.notation import to_net
from netgraph.spec.names import snake
from netgraph.spec.net import Net
from netgraph.spec.typing import settled, short
from netgraph.surgery.cut import is_told, types_at
from netgraph.surgery.draft import Draft, only_chains, retyped
from netgraph.surgery.piece import piece
from netgraph.surgery.places import position
from netgraph.types.symbols import Automatic

__all__ = ["net_append", "net_insert", "net_join", "net_prepend"]


def net_join(*nets, **types) -> Net:
    """Nets one behind the other, as one chain; as one graph where any of them is a graph.

        net_join(net1, net2, ...)             also net1 | net2 | ...
        net_join(net1, net2, Output=3)        with other port types

    All but the first have one input, all but the last one output. A layer, or what a layer can be written as, stands for itself. Types that
    were given at the inner joints go, those at the two ends stay. Layers whose names are taken get the next free one ("a", "a_2");
    numbered layers joined to named ones are called by their kind.
    Errors: NetTypeError for other numbers of ports; NetShapeError where shapes differ.
    Source: Wolfram's NetJoin.

    >>> net_join(NetChain([3, Ramp], Input=2), NetChain([1]))
    NetChain([LinearLayer(3), ElementwiseLayer(Ramp), LinearLayer(1)], Input=2)
    >>> NetChain([3], Input=2) | Ramp
    NetChain([LinearLayer(3), ElementwiseLayer(Ramp)], Input=2)
    """
    if not nets:
        raise NetTypeError("net_join wants at least one net")
    return _joined({f"net {place}": to_net(net, f"net_join: net {place}") for place, net in enumerate(nets)}, types, "net_join")


def net_append(net, what, /, **types) -> Net:
    """The net with a layer behind it, or several in a row.

        net_append(net, layer)               or what a layer can be written as: 10, Ramp
        net_append(net, ("name", layer))     with a name, for a net with named layers; {"a": layer, "b": layer} for several
        net_append(net, [layer1, layer2])    several

    The net is a chain, a graph with one output, or a layer, which becomes a chain. A type that was given at its output goes; Output= gives
    the result another. Without a name a layer among named ones is called by its kind ("softmax"). The output of a graph keeps its name.
    Errors: NetTypeError for several outputs, or a layer with several inputs; NetShapeError where shapes differ.
    Source: Wolfram's NetAppend.

    >>> net_append(NetChain([3], Input=2), [Ramp, 1])
    NetChain([LinearLayer(3), ElementwiseLayer(Ramp), LinearLayer(1)], Input=2)
    """
    net = to_net(net, "net_append")
    added = _layers(net, what, "net_append")
    if not added.children:
        return net
    shown = net.output_ports()
    joined = _joined({"the net": net, "what is appended": added}, types if not isinstance(net, NetGraph) else {}, "net_append")
    if not isinstance(net, NetGraph):
        return joined
    draft = Draft.of(joined)
    if len(draft.outputs) == 1:
        draft.outputs = dict(zip(shown, draft.outputs.values(), strict=True))
    return retyped(draft, types, "net_append").net()


def net_prepend(net, what, /, **types) -> Net:
    """The net with a layer before it, or several in a row; forms and rules are those of net_append.

    The net has one input; a type that was given there goes, Input= gives the result another. The input of a graph keeps its name.
    Errors: NetTypeError for several inputs, or a layer with several outputs; NetShapeError where shapes differ.
    Source: Wolfram's NetPrepend.

    >>> net_prepend(NetChain([3], Input=2), [2, Ramp], Input=5)
    NetChain([LinearLayer(2), ElementwiseLayer(Ramp), LinearLayer(3)], Input=5)
    """
    net = to_net(net, "net_prepend")
    added = _layers(net, what, "net_prepend")
    if not added.children:
        return net
    shown = list(net.input_ports())
    joined = _joined({"what is prepended": added, "the net": net}, types if not isinstance(net, NetGraph) else {}, "net_prepend")
    if not isinstance(net, NetGraph):
        return joined
    draft = Draft.of(joined)
    if len(draft.inputs) == 1 and shown != draft.inputs:
        draft.wires = [w if w.source else w._replace(source_port=shown[0]) for w in draft.wires]
        draft.outputs = {name: end if end[0] else ((), shown[0]) for name, end in draft.outputs.items()}
        draft.inputs = shown
    return retyped(draft, types, "net_prepend").net()


def net_insert(chain: Net, what, place, /) -> Net:
    """A chain with a layer more, before the layer at `place`: a position (from 0, negative from the end) or a name.

        net_insert(chain, layer, 2)               a chain with numbered layers
        net_insert(chain, ("name", layer), "b")   a chain with named ones

    The number of layers is the place behind the last. A list of layers is one layer, a chain in the chain.
    Errors: NetTypeError for a name where layers are numbered, or none where they are named; NetValueError for a name that is taken;
    NetShapeError where the layer does not fit its neighbours.
    Source: Wolfram's NetInsert (there positions count from 1).

    >>> net_insert(NetChain([3, Tanh], Input=2), Ramp, 1)
    NetChain([LinearLayer(3), ElementwiseLayer(Ramp), ElementwiseLayer(Tanh)], Input=2)
    """
    chain = only_chains(chain, "net_insert")
    count = len(chain.children)
    index = count if place == count and not isinstance(place, (bool, str)) else position(chain, place, "net_insert")
    name, layer = what if _is_named(what) else (None, what)
    if (name is None) == chain.named:
        wanted = 'have names: give one, ("name", layer)' if chain.named else "are numbered: a name cannot be given to one"
        raise NetTypeError(f"net_insert: the layers of {short(chain)} {wanted}")
    if name in chain.children:
        raise NetValueError(f'net_insert: {short(chain)} has a layer "{name}" already')
    name = "new" if name is None else check_name(name, "net_insert")
    draft = Draft.of(chain)
    entries = list(draft.parts.items())
    draft.parts = dict([*entries[:index], (name, piece(to_net(layer, f"net_insert: {name}"))), *entries[index:]])
    return draft.net()


def _is_named(what) -> bool:
    return isinstance(what, tuple) and len(what) == 2 and isinstance(what[0], str)


def _layers(net: Net, what, where: str) -> NetChain:
    """What is appended, as a chain of it. Errors: NetTypeError for names where layers are numbered."""
    named = isinstance(what, Mapping) or _is_named(what)
    if named and isinstance(net, Container) and len(net.children) > 0 and not net.named:
        raise NetTypeError(f"{where}: the layers of {short(net)} are numbered: a name cannot be given to one")
    if named:
        return NetChain(dict(what) if isinstance(what, Mapping) else dict([what]))
    if isinstance(what, (list, tuple)):
        return NetChain(list(what))
    return NetChain([to_net(what, where)])


def _joined(nets: Mapping[str, Net], types: Mapping[str, Any], what: str) -> Container:
    """Nets in a row; messages call them by their keys. Errors: NetTypeError for other numbers of ports."""
    pairs = list(nets.items())
    for place, net in pairs[1:]:
        if net.input_count is not None:
            one_port(net.input_ports(), "input", f"{what}: {place}", net)
    for place, net in pairs[:-1]:
        one_port(net.output_ports(), "output", f"{what}: {place}", net)
    drafts = [Draft.of(net) for net in nets.values()]
    for (left, before), (right, behind) in pairwise(zip(nets.values(), drafts, strict=True)):
        _meet(left, before, right, behind)
    result = drafts[0]
    for draft in drafts[1:]:
        _put_behind(result, draft)
    return retyped(result, types, what).net()


def _meet(left: Net, before: Draft, right: Net, behind: Draft) -> None:
    """Take away the types that were given at the joint of two nets; where nothing else tells the type, the layer there keeps it."""
    (end,), start = left.output_ports(), next(iter(right.input_ports()), None)
    kinds = [before.given.pop(end, None), None if start is None else behind.given.pop(start, None)]
    kind = next((kind for kind in kinds if kind is not None), None)
    if kind is None:
        return
    (path, port), *_ = left.output_sources.values() if isinstance(left, Container) else ((("0",), end),)
    told = settled(left).outputs[end] if not isinstance(left, Container) else types_at(left, path[0])[1][port] if len(path) == 1 else None
    if told is not None and told.shape == kind.shape and (not isinstance(left, Container) or is_told(before, left, path[0])):
        return
    places = [(w.part, w.part_port) for w in right.wires if not w.source and w.source_port == start] if isinstance(right, Container) else []
    if any(settled(behind.parts[part].net).inputs[name].shape == kind.shape for part, name in places):
        return
    if len(path) == 1 and (kinds[0] is not None or not places):
        before.give(path[0], port, kind)
    elif places:
        behind.give(*places[0], kind)


def _put_behind(left: Draft, right: Draft) -> None:
    """Let the one output of `left` feed the one input of `right`; parts get other names where theirs are taken."""
    if NetGraph in (left.kind, right.kind):
        left.to_graph()
        right.to_graph()
    if right.named and not left.named:
        left.rename({name: left.free(_kind(p.part)) for name, p in left.parts.items()})
    left.named = left.named or right.named
    names = {}
    for name, p in right.parts.items():
        names[name] = left.free((name if right.named else _kind(p.part)) if left.named else f"+{name}")
        left.parts[names[name]] = p
    right.rename(names)
    behind = {*names.values()}
    rules = [*_all_rules(left, [name for name in left.parts if name not in behind]), *_all_rules(right, names.values())]
    if rules:
        left.rules, left.multipliers = rules, None
    left.given.update(right.given)
    if left.kind is NetChain:
        return
    ((_, feed),) = left.outputs.items()
    (entry,) = right.inputs
    left.wires += [w if w.source or w.source_port != entry else w._replace(source=feed[0], source_port=feed[1]) for w in right.wires]
    left.outputs = {name: end if end[0] else feed for name, end in right.outputs.items()}


def _all_rules(draft: Draft, names: Iterable[str]) -> list[tuple[tuple, Any]]:
    """The LearningRateMultipliers of a draft as rules about its parts."""
    if draft.rules is None:
        return [] if draft.multipliers is Automatic else [((name,), draft.multipliers) for name in names]
    found = []
    for path, factor in draft.rules:
        found += [(path, factor)] if path else [((name,), factor) for name in names]
    return found


def _kind(part: Net) -> str:
    """What a part without a name is called among named ones: "linear", "chain"."""
    return snake(type(part).__name__).removesuffix("_layer").removeprefix("net_")
