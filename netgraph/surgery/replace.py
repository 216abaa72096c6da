"""net_replace: every layer that matches a pattern replaced, at any depth."""

import warnings
from collections.abc import Callable, Collection, Mapping
from types import FunctionType, MethodType
from typing import Any

import torch

from netgraph.errors import NetTypeError, NetValueError
from netgraph.nets.chain import NetChain
from netgraph.nets.container import Container
from netgraph.nets.graph import NetGraph
from netgraph.nets.notation import to_net
from netgraph.spec.arrays import same_bits
from netgraph.spec.layer import Layer, hashable
from netgraph.spec.net import Net
from netgraph.spec.typing import short, typed
from netgraph.surgery.delete import remove
from netgraph.surgery.draft import Draft, free, opened
from netgraph.surgery.layer import with_words
from netgraph.surgery.piece import Piece, pieces
from netgraph.surgery.swap import swap
from netgraph.types.symbols import Automatic

__all__ = ["net_replace"]

Path = tuple[str, ...]


def net_replace(net: Net, rules, /) -> Net:
    """The net with every layer that matches replaced, at any depth.

        net_replace(net, (ElementwiseLayer, Tanh))          by the class of the layer
        net_replace(net, (Ramp, "GELU"))                    by value: a layer, or what a layer can be written as
        net_replace(net, (lambda layer: ..., layer))        by what a function of the layer says
        net_replace(net, (LinearLayer, lambda layer: ...))  by what a function makes of the layer that matched
        net_replace(net, (DropoutLayer, None))              removed
        net_replace(net, [rule1, rule2])                    several; the first that matches a layer counts

    A layer given as a value matches where all parameters and arrays that it was written with are the same, whatever the shapes of its
    ports: `LinearLayer(3)` matches every linear layer of size 3, `LinearLayer()` every one. A class or a function matches nets and
    operators too; what replaces one is not looked into. A chain that replaces a layer of a chain is spliced into it. Where nothing
    matches, a warning says so and the net is returned as it is.
    Errors: NetShapeError where a replacement does not fit; NetValueError for a layer that cannot be removed.
    Source: Wolfram's NetReplace.

    >>> net_replace(NetChain([3, Ramp, 3, Tanh], Input=2), (ElementwiseLayer, "SELU"))
    NetChain([LinearLayer(3), ElementwiseLayer("SELU"), LinearLayer(3), ElementwiseLayer("SELU")], Input=2)
    >>> net_replace(NetChain([3, Ramp], Input=2), (Ramp, [2, Tanh]))
    NetChain([LinearLayer(3), LinearLayer(2), ElementwiseLayer(Tanh)], Input=2)
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"net_replace wants a net, got {net!r}")
    pairs = [rules] if isinstance(rules, tuple) else list(rules.items()) if isinstance(rules, Mapping) else rules
    if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise NetTypeError(f"net_replace wants a pair (pattern, replacement) or a list of them, got {rules!r}")
    patterns = [(_pattern(old), _maker(new)) for old, new in pairs]
    nodes, found = _matches(net, patterns)
    if not found:
        warnings.warn(f"net_replace: nothing in {short(net)} matches {', '.join(repr(old) for old, _ in pairs)}", stacklevel=2)
        return net
    made: dict[Path, Net | None] = {path: make(nodes[path]) for path, make in found.items()}
    above = {path[:n] for path in found for n in range(len(path))}
    for path in sorted(above, key=len, reverse=True):
        inside = {name: made[*path, name] for name in nodes[path].children if (*path, name) in made}
        made[path] = _changed(nodes, path, inside, found.keys())
    result = made[()]
    if result is None:
        raise NetValueError(f"net_replace: the net itself, {short(net)}, cannot be removed")
    if not isinstance(result, Container) or () in found:
        typed(result)
    return result


def _matches(net: Net, patterns: list[tuple[Callable[[Net], bool], Any]]) -> tuple[dict[Path, Net], dict[Path, Any]]:
    """Every part that was looked at, and what replaces those that match, by path."""
    nodes: dict[Path, Net] = {}
    found: dict[Path, Any] = {}
    waiting: list[tuple[Path, Net]] = [((), net)]
    while waiting:
        path, part = waiting.pop()
        nodes[path] = part
        number = next((n for n, (matches, _) in enumerate(patterns) if matches(part)), None)
        if number is not None:
            found[path] = patterns[number][1]
        elif part.children:
            waiting += [((*path, name), inner.net) for name, inner in pieces(part).items()]
    return nodes, found


def _pattern(old) -> Callable[[Net], bool]:
    """Whether a part matches a pattern."""
    if isinstance(old, type):
        if not issubclass(old, Net):
            raise NetTypeError(f"net_replace: a pattern is a class of layers, a layer or a function, got {old!r}")
        return lambda part: isinstance(part, old)
    if isinstance(old, (FunctionType, MethodType)):
        return lambda part: bool(old(part))
    literal = to_net(old, "net_replace: pattern")
    return lambda part: _is_like(literal, part)


def _is_like(literal: Net, part: Net) -> bool:
    """Whether all that a net was written with is the same in `part`, apart from the types of its ports."""
    if type(literal) is not type(part) or any(not _same(tensor, part.tensors.get(key)) for key, tensor in literal.tensors.items()):
        return False
    if not isinstance(literal, Layer) or not isinstance(part, Layer):
        return literal.replaced(given={}, arrays={}) == part.replaced(given={}, arrays={})
    written = literal.__pydantic_fields_set__
    return (
        all(hashable(getattr(literal, name)) == hashable(getattr(part, name)) for name in written)
        and all(part._settings.get(name, Automatic) == setting for name, setting in literal._settings.items())
        and (literal._ports in (None, literal.default_ports()) or literal._ports == part._ports)
    )


def _same(a: torch.Tensor, b: torch.Tensor | None) -> bool:
    return b is not None and same_bits({"": a}, {"": b})


def _maker(new) -> Callable[[Net], Net | None]:
    """What comes in the place of a part that matched; None for nothing."""
    if isinstance(new, (FunctionType, MethodType)):
        return lambda part: None if (made := new(part)) is None else to_net(made, "net_replace: replacement")
    net = None if new is None else to_net(new, "net_replace: replacement")
    return lambda part: net


def _changed(nodes: Mapping[Path, Net], path: Path, inside: Mapping[str, Net | None], matched: Collection[Path]) -> Net:
    """A net some of whose parts are replaced, or removed, or changed inside; the types of the outermost are checked."""
    net = nodes[path]
    if not isinstance(net, Container):
        gone = next((name for name, new in inside.items() if new is None), None)
        if gone is not None:
            raise NetValueError(f"net_replace: {'/'.join((*path, gone))} cannot be removed, {type(net).__name__} needs it")
        assert isinstance(net, Layer)
        return with_words(net, inside)
    draft = Draft.of(net)
    for name, new in inside.items():
        place, old = (*path, name), nodes[*path, name]
        if new is None and draft.kind is NetGraph:
            remove(draft, net, [name], "net_replace")
        elif draft.kind is NetChain and (new is None or (isinstance(new, NetChain) and place in matched and new != old)):
            _splice(draft, name, new)
        elif new is not None:
            swap(draft, name, new, "/".join(place))
    return draft.unchecked() if path else draft.net()


def _splice(draft: Draft, name: str, chain: NetChain | None) -> None:
    """Put the layers of a chain, or nothing, in the place of a part of a chain."""
    inner = None if chain is None else opened(chain)
    entries: dict[str, Piece] = {}
    for old, p in draft.parts.items():
        if old != name:
            entries[old] = p
            continue
        for word, new in () if inner is None else inner.parts.items():
            wanted = word if inner is not None and inner.named else f"{name}_{word}"
            entries[free(wanted, {*draft.parts, *entries})] = new
    draft.parts = entries
