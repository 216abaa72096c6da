"""net_extract: a part, array, port type or parameter by its place."""

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.spec.arrays import NetArray
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, array_key, part_of
from netgraph.spec.ports import path_of
from netgraph.spec.typing import Typing, infer, settled, short
from netgraph.types.symbols import All, Automatic

__all__ = ["net_extract"]


def net_extract(net: Net, place, /):
    """What stands at `place`: a part (with its arrays), an array, the type of a port, or a parameter.

        net_extract(net, "name")              a layer by name, or 0, 1, ..., -1 by position
        net_extract(net, ("a", "b", "Weights"))  or "a/b/Weights": into nested nets
        net_extract(layer, "Weights")         an array (read-only NumPy); Automatic while it has no value, None when it is left out
        net_extract(net, "Input")             a port's type: (3,), (), ("Varying", 3), Integer(5), "Boolean"
        net_extract(layer, "KernelSize")      a parameter
        net_extract(net, NetArray("w"))       a shared array
        net_extract(net, [["a"], ["b"]])      several at once, a list of lists
        net_extract(net, All)                 all layers by name, or all parameters and arrays of a layer

    `net[place]` is the same. Sizes that the surroundings fixed stay on a part that would be open by itself.
    Errors: NetNameError with the nearest names.
    Source: Wolfram's NetExtract.

    >>> chain = NetChain([3, Ramp], Input=2)
    >>> net_extract(chain, 0), net_extract(chain, "0/OutputDimensions"), chain["Output"]
    (LinearLayer(3, Input=(2,)), (3,), (3,))
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"net_extract wants a net, got {net!r}")
    if isinstance(place, list) and place and all(isinstance(entry, list) for entry in place):
        return [net_extract(net, entry) for entry in place]
    if isinstance(place, NetArray):
        if place.name in net.arrays:
            return net.arrays[place.name]
        raise NetNameError(f"{short(net)} has no shared array {place.name!r}, {did_you_mean(place.name, list(net.arrays))}")
    return _at(net, path_of(place), place)


def _at(net: Net, path: tuple, place):
    walked: tuple[str, ...] = ()
    part = net
    for number, word in enumerate(path):
        last = number == len(path) - 1
        children = part.children
        if word is All:
            found = {name: _typed_part(net, (*walked, name)) for name in children} if children else _everything(_typed_part(net, walked))
            return found if last else {name: _at(inner, path[number + 1 :], place) for name, inner in found.items()}
        if isinstance(word, int) and not isinstance(word, bool) and children:
            part_of(part, word)
            word = list(children)[word]
        if word in children:
            walked, part = (*walked, word), children[word]
            continue
        if not last:
            raise _unknown(part, walked, word, children)
        return _detail(net, walked, part, word)
    return _typed_part(net, walked)


def _full(net: Net) -> Typing:
    if "full" not in net._cache:
        net._cache["full"] = infer(net, full=True)
    return net._cache["full"]


def _typed_part(net: Net, path: tuple[str, ...]) -> Net:
    """The part at `path` with its arrays, and, where it would be open by itself, the types that its surroundings gave it."""
    part = net
    for name in path:
        part = part_of(part, name)
    if not path or not settled(part).open_places():
        return part
    typing = _full(net)
    terms = typing.terms[path]
    given = dict(part.given)
    for ports in (terms.inputs, terms.outputs):
        for name, term in ports.items():
            kind = typing.type_of(term)
            if kind.shape is not None and not kind.varies:
                given[name] = kind
        part = part.replaced(given=given)
        if not settled(part).open_places():
            break
    return part


def _detail(net: Net, path: tuple[str, ...], part: Net, word):
    """An array, port type or parameter of the part at `path`."""
    if isinstance(part, Layer):
        schema = part.schema_of()
        name = schema.aliases.get(word, word)
        if name in schema.arrays:
            setting = part._settings.get(name, Automatic)
            if setting is None or not part.has_array(name):
                return None
            return net.arrays[array_key(path, name, setting)]
        if name in schema.fields:
            return getattr(part, name)
    types = settled(net) if not path else None
    if types is not None and (word in types.inputs or word in types.outputs):
        return (types.inputs.get(word) or types.outputs[word]).written()
    terms = _full(net).terms[path]
    term = terms.inputs.get(word) or terms.outputs.get(word) or terms.state_ports.get(word)
    if term is not None:
        return _full(net).type_of(term).written()
    raise _unknown(part, path, word, part.children)


def _everything(layer: Net) -> dict:
    """All parameters and arrays of a layer by name."""
    if not isinstance(layer, Layer):
        return {}
    schema = layer.schema_of()
    return {**{name: getattr(layer, name) for name in schema.fields}, **{name: _detail(layer, (), layer, name) for name in schema.arrays}}


def _unknown(part: Net, path: tuple[str, ...], word, children) -> NetNameError:
    known = [*children]
    if isinstance(part, Layer):
        schema = part.schema_of()
        known += [*schema.arrays, *schema.fields, *schema.inputs, *schema.outputs]
    types = settled(part)
    known += [name for name in (*types.inputs, *types.outputs) if name not in known]
    where = "/".join(path) or type(part).__name__
    return NetNameError(f"{where} has nothing called {word!r}, {did_you_mean(word, known)}")


