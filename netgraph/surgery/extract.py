"""net_extract: a part, array, port type or parameter by its place."""

from collections.abc import Mapping
from typing import Any

from netgraph.codecs.codec import Coder
from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.nets.chain import NetChain
from netgraph.nets.codecs import port_codecs
from netgraph.spec.arrays import NetArray
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, array_key, is_position, part_name, part_of, parts_of, shared_names
from netgraph.spec.ports import path_of
from netgraph.spec.typing import settled, short, typed
from netgraph.surgery.cut import chain_between, full, plain, types_at
from netgraph.surgery.places import span_of
from netgraph.types.port_type import PortType
from netgraph.types.symbols import All

__all__ = ["net_extract"]


def net_extract(net: Net, place, /) -> Any:
    """What stands at `place`: a part (with its arrays), an array, the type of a port, or a parameter.

        net_extract(net, "name")              a layer by name, or 0, 1, ..., -1 by position
        net_extract(net, ("a", "b", "Weights"))  or "a/b/Weights": into nested nets
        net_extract(layer, "Weights")         an array (read-only NumPy); Automatic while it has no value, None when it is left out
        net_extract(net, "Input")             a port's encoder or decoder, or its type: (3,), ("Varying", 3), Integer(5), "Boolean"
        net_extract(encoder, "TargetLength")  a parameter of an encoder or decoder; net_extract(net, "Input/TargetLength")
        net_extract(layer, "KernelSize")      a parameter
        net_extract(chain, slice(1, 3))       layers 1 and 2 as a chain, also chain[1:3]
        net_extract(net, NetArray("w"))       a shared array; NetArray(All) all of them by name
        net_extract(net, [["a"], ["b"]])      several at once, a list of lists
        net_extract(net, All)                 all layers by name, or all parameters and arrays of a layer
        net_extract(net, (All, "Weights"))    of each layer that has it
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
        if isinstance(net, Coder):
            return net[place]
        if hasattr(net, "extracted"):
            return net.extracted(place)
        raise NetTypeError(f"net_extract wants a net, got {net!r}")
    if isinstance(place, list) and place and all(isinstance(entry, list) for entry in place):
        return [net_extract(net, entry) for entry in place]
    if isinstance(place, NetArray):
        if place.name is All:
            return {name: net.arrays[name] for name in net.arrays if name in shared_names(net)}
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
            return found if last else _in_each(found, path[number + 1 :], place)
        if isinstance(word, slice):
            piece = _slice(net, walked, part, word)
            return piece if last else _at(piece, path[number + 1 :], place)
        if is_position(word) and children:
            word = part_name(part, word)
        if word in children:
            walked, part = (*walked, word), children[word]
            continue
        rest = "/".join(map(str, path[number:]))
        if not last and array_setting(part, rest) is None:
            codecs = port_codecs(part)
            codec = codecs.encoders.get(word) or codecs.decoders.get(word)
            if codec is not None and number == len(path) - 2:
                return codec[path[-1]]
            raise unknown(part, walked, word)
        return _detail(net, walked, part, word if last else rest)
    return _typed_part(net, walked)


def _in_each(parts: dict, path: tuple, place) -> dict:
    """What stands at a path in each of several parts; those that have nothing there are left out, unless none has."""
    found, faults = {}, []
    for name, inner in parts.items():
        try:
            found[name] = _at(inner, path, place) if isinstance(inner, Net) else inner
        except NetNameError as error:
            faults.append(error)
    if faults and not found:
        raise faults[0]
    return found


def _all_parts(net: Net, path: tuple[str, ...]) -> dict[str, Net]:
    """The parts of the part at `path` by name."""
    part = net
    for name in path:
        part = part_of(part, name)
    seen: dict[Any, dict[str, PortType] | None] = {}
    return {name: _settled_part(net, (*path, name), inner, seen) for name, inner in parts_of(part).items()}


def _slice(net: Net, path: tuple[str, ...], part: Net, span: slice) -> Net:
    """The layers of a half-open span of a chain, as a chain."""
    if not isinstance(part, NetChain):
        raise NetTypeError(f"{'/'.join(path) or short(part)}: only a NetChain is cut by a slice")
    whole = _typed_part(net, path)
    assert isinstance(whole, NetChain)
    return chain_between(whole, *span_of(whole, span, "net_extract")).unchecked()


def _typed_part(net: Net, path: tuple[str, ...]) -> Net:
    """The part at `path` with its arrays, and, where it would be open by itself, the types that its surroundings gave it."""
    part = net
    for name in path:
        part = part_of(part, name)
    return _settled_part(net, path, part, {})


def _settled_part(net: Net, path: tuple[str, ...], part: Net, seen: dict[Any, dict[str, PortType] | None]) -> Net:
    """A part with the types that its surroundings gave it, if it needs them; parts that are alike are asked once."""
    if not path or part.input_count is None:
        return part
    inputs, outputs = types_at(net, *path)
    shapes = tuple([(name, tensor.shape) for name, tensor in part.tensors.items()])
    structure = part.structure if part.children else part.own_key()  # of a layer alone its key says as much, and compares faster
    key = (structure, shapes, tuple(inputs.items()), tuple(outputs.items()))
    if key not in seen:
        seen[key] = _needed(part, inputs, outputs)
    given = seen[key]
    return part if given is None else part.replaced(given=given)


def _needed(part: Net, inputs: Mapping[str, PortType], outputs: Mapping[str, PortType]) -> dict[str, PortType] | None:
    """The port types that close a part which would be open by itself; None for one that needs none."""
    if not typed(part).open_places():
        return None
    alone = settled(part)
    ports = [(kind, inputs[name]) for name, kind in alone.inputs.items()] + [(kind, outputs[name]) for name, kind in alone.outputs.items()]
    if not alone.open_places() and all(kind.shape == there.shape for kind, there in ports):
        return None
    given = dict(part.given)
    for ports, own in ((inputs, alone.inputs), (outputs, alone.outputs)):
        told = {n: kind for n, kind in ports.items() if n in own and kind.shape not in (None, own[n].shape) and not kind.varies}
        given.update({n: plain(kind) for n, kind in told.items()})
        if not typed(part.replaced(given=given)).open_places():
            break
    return given


def _detail(net: Net, path: tuple[str, ...], part: Net, word: Any):
    """An array, port type or parameter of the part at `path`."""
    if isinstance(part, Layer):
        schema = part.schema_of()
        name = schema.aliases.get(word) or word
        setting = array_setting(part, name)
        if setting is not None:
            return net.arrays[array_key(path, name, setting)]
        if name in schema.arrays:
            return None
        if name in schema.fields:
            return getattr(part, name)
    codec = port_codecs(part).at(part.side(word), word) if isinstance(word, str) else None
    if codec is not None:
        return codec
    types = settled(net) if not path else None
    if types is not None and (word in types.inputs or word in types.outputs):
        return (types.inputs.get(word) or types.outputs[word]).written()
    terms = full(net).terms[path]
    term = terms.inputs.get(word) or terms.outputs.get(word) or terms.readable.get(word) or terms.state_ports.get(word)
    if term is not None:
        return full(net).type_of(term).written()
    raise unknown(part, path, word)


def array_setting(part: Net, name: str):
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


def unknown(part: Net, path: tuple[str, ...], word) -> NetNameError:
    """The error about a word that is no part, array, parameter or port of the part at `path`."""
    known = [*part.children]
    if isinstance(part, Layer):
        schema = part.schema_of()
        known += [*_array_names(part), *schema.fields, *schema.inputs, *schema.outputs]
    types = settled(part)
    known += [name for name in (*types.inputs, *types.outputs) if name not in known]
    where = "/".join(path) or type(part).__name__
    return NetNameError(f"{where} has nothing called {word!r}, {did_you_mean(word, known)}")
