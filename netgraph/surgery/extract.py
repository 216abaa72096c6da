"""net_extract: a part, array, port type or parameter by its place."""

from typing import Any

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.nets.chain import NetChain
from netgraph.spec.arrays import NetArray
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, array_key, is_position, part_name, part_of, parts_of, shared_names
from netgraph.spec.ports import path_of
from netgraph.spec.typing import Typing, infer, settled, short, typed
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType
from netgraph.types.symbols import All

__all__ = ["net_extract"]


def net_extract(net: Net, place, /) -> Any:
    """What stands at `place`: a part (with its arrays), an array, the type of a port, or a parameter.

        net_extract(net, "name")              a layer by name, or 0, 1, ..., -1 by position
        net_extract(net, ("a", "b", "Weights"))  or "a/b/Weights": into nested nets
        net_extract(layer, "Weights")         an array (read-only NumPy); Automatic while it has no value, None when it is left out
        net_extract(net, "Input")             a port's type: (3,), (), ("Varying", 3), Integer(5), "Boolean"
        net_extract(layer, "KernelSize")      a parameter
        net_extract(chain, slice(1, 3))       layers 1 and 2 as a chain, also chain[1:3]
        net_extract(net, NetArray("w"))       a shared array
        net_extract(net, [["a"], ["b"]])      several at once, a list of lists
        net_extract(net, All)                 all layers by name, or all parameters and arrays of a layer
        net_extract(obj, "States")            the states that a NetStateObject is in

    `net[place]` is the same. Sizes that the surroundings fixed stay on a part that would be open by itself.
    Errors: NetNameError with the nearest names; NetTypeError for a slice of what is no chain, or one with a step.
    Source: Wolfram's NetExtract.

    >>> chain = NetChain([3, Ramp], Input=2)
    >>> net_extract(chain, 0), net_extract(chain, "0/OutputDimensions"), chain["Output"]
    (LinearLayer(3, Input=2), (3,), (3,))
    >>> chain[1:]
    NetChain([ElementwiseLayer(Ramp)], Input=3)
    """
    if not isinstance(net, Net):
        if hasattr(net, "extracted"):
            return net.extracted(place)
        raise NetTypeError(f"net_extract wants a net, got {net!r}")
    if isinstance(place, list) and place and all(isinstance(entry, list) for entry in place):
        return [net_extract(net, entry) for entry in place]
    if isinstance(place, NetArray):
        if place.name in shared_names(net):
            return net.arrays[place.name]
        raise NetNameError(f"{short(net)} has no shared array {place.name!r}, {did_you_mean(place.name, sorted(shared_names(net)))}")
    return _at(net, path_of(place), place)


def _at(net: Net, path: tuple, place):
    walked: tuple[str, ...] = ()
    part = net
    for number, word in enumerate(path):
        last = number == len(path) - 1
        children = part.children
        if word is All:
            found = _all_parts(net, walked) if children else _everything(_typed_part(net, walked))
            return found if last else {name: _at(inner, path[number + 1 :], place) for name, inner in found.items()}
        if isinstance(word, slice):
            piece = _slice(net, walked, part, word)
            return piece if last else _at(piece, path[number + 1 :], place)
        if is_position(word) and children:
            word = part_name(part, word)
        if word in children:
            walked, part = (*walked, word), children[word]
            continue
        rest = path[number:]
        if not last and _array_setting(part, "/".join(map(str, rest))) is None:
            raise _unknown(part, walked, word, children)
        return _detail(net, walked, part, word if last else "/".join(map(str, rest)))
    return _typed_part(net, walked)


def _all_parts(net: Net, path: tuple[str, ...]) -> dict[str, Net]:
    """The parts of the part at `path` by name."""
    part = net
    for name in path:
        part = part_of(part, name)
    return {name: _settled_part(net, (*path, name), inner) for name, inner in parts_of(part).items()}


def _slice(net: Net, path: tuple[str, ...], part: Net, span: slice) -> NetChain:
    """The layers of a half-open span of a chain, as a chain."""
    if not isinstance(part, NetChain):
        raise NetTypeError(f"{'/'.join(path) or short(part)}: only a NetChain is cut by a slice")
    if span.step not in (None, 1):
        raise NetTypeError(f"{'/'.join(path) or short(part)}: a slice of a chain has no step, got {span.step!r}")
    whole = net
    for name in path:
        whole = part_of(whole, name)
    parts = parts_of(whole)
    names = list(parts)[slice(*span.indices(len(parts)))]
    chosen = {name: parts[name] for name in names}
    layers = chosen if part.named else list(chosen.values())
    chain = NetChain(layers)
    if chosen and chain.input_count is not None:
        terms, given = _full(net).terms, {}
        for ports in (terms[(*path, names[0])].inputs, terms[(*path, names[-1])].outputs):
            if not settled(chain).open_places():
                break
            given.update({name: _plain(_full(net).type_of(term)) for name, term in ports.items()})
            chain = NetChain(layers, **{name: kind for name, kind in given.items() if kind.closed and not kind.varies})
    return chain


def _plain(kind: PortType) -> PortType:
    """A type as it is written: "Real" goes without saying."""
    return PortType(None if kind.kind == REAL else kind.kind, kind.shape)


def _full(net: Net) -> Typing:
    if "full" not in net._cache:
        net._cache["full"] = infer(net, full=True, close=True)
    return net._cache["full"]


def _typed_part(net: Net, path: tuple[str, ...]) -> Net:
    """The part at `path` with its arrays, and, where it would be open by itself, the types that its surroundings gave it."""
    part = net
    for name in path:
        part = part_of(part, name)
    return _settled_part(net, path, part)


def _settled_part(net: Net, path: tuple[str, ...], part: Net) -> Net:
    if not path or part.input_count is None or not typed(part).open_places():
        return part
    typing = _full(net)
    terms = typing.terms[path]
    alone = settled(part)
    ports = [
        *zip(alone.inputs.values(), terms.inputs.values(), strict=True),
        *zip(alone.outputs.values(), terms.outputs.values(), strict=True),
    ]
    if not alone.open_places() and all(kind.shape == typing.type_of(term).shape for kind, term in ports):
        return part
    given = dict(part.given)
    for ports in (terms.inputs, terms.outputs):
        for name, term in ports.items():
            kind = typing.type_of(term)
            if kind.shape is not None and not kind.varies:
                given[name] = _plain(kind)
        part = part.replaced(given=given)
        if not typed(part).open_places():
            break
    return part


def _detail(net: Net, path: tuple[str, ...], part: Net, word):
    """An array, port type or parameter of the part at `path`."""
    if isinstance(part, Layer):
        schema = part.schema_of()
        name = schema.aliases.get(word, word)
        setting = _array_setting(part, name)
        if setting is not None:
            return net.arrays[array_key(path, name, setting)]
        if name in schema.arrays:
            return None
        if name in schema.fields:
            return getattr(part, name)
    types = settled(net) if not path else None
    if types is not None and (word in types.inputs or word in types.outputs):
        return (types.inputs.get(word) or types.outputs[word]).written()
    terms = _full(net).terms[path]
    term = terms.inputs.get(word) or terms.outputs.get(word) or terms.readable.get(word) or terms.state_ports.get(word)
    if term is not None:
        return _full(net).type_of(term).written()
    raise _unknown(part, path, word, part.children)


def _array_setting(part: Net, name: str):
    """How the array called `name` of a layer was given, Automatic for as usual; None where it has none. Names may hold "/"."""
    return next((setting for array, _, setting in part.array_places() if array == name), None)


def _everything(layer: Net) -> dict:
    """All parameters and arrays of a layer by name."""
    if not isinstance(layer, Layer):
        return {}
    fields = layer.schema_of().fields
    return {**{name: getattr(layer, name) for name in fields}, **{name: _detail(layer, (), layer, name) for name in _array_names(layer)}}


def _array_names(layer: Layer) -> list[str]:
    """The arrays that a layer declares, whether or not it is without one, and those that follow from its parameters."""
    return list(dict.fromkeys((*layer.schema_of().arrays, *(name for name, _, _ in layer.array_places()))))


def _unknown(part: Net, path: tuple[str, ...], word, children) -> NetNameError:
    known = [*children]
    if isinstance(part, Layer):
        schema = part.schema_of()
        known += [*_array_names(part), *schema.fields, *schema.inputs, *schema.outputs]
    types = settled(part)
    known += [name for name in (*types.inputs, *types.outputs) if name not in known]
    where = "/".join(path) or type(part).__name__
    return NetNameError(f"{where} has nothing called {word!r}, {did_you_mean(word, known)}")
