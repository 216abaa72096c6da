"""net_replace_part: layers, arrays, parameters and port types put in the place of others."""

from collections.abc import Mapping
from functools import reduce
from typing import Any

from netgraph.codecs.codec import Coder
from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.nets.codecs import port_codecs, without_codec
from netgraph.nets.container import Container
from netgraph.nets.notation import to_net
from netgraph.spec.arrays import NetArray, owned
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, array_key, is_position, part_name, part_of, shared_names
from netgraph.spec.ports import path_of
from netgraph.spec.typing import short, typed
from netgraph.surgery.draft import Draft
from netgraph.surgery.extract import array_setting, unknown
from netgraph.surgery.layer import fitting, with_array, with_words
from netgraph.surgery.swap import swap
from netgraph.types.port_type import parse_type
from netgraph.types.symbols import Automatic

__all__ = ["net_replace_part"]


def net_replace_part(net: Net, rules=None, /, **ports) -> Net:
    """The net with something else at a place, or at several at once.

        net_replace_part(net, ("a", layer))                    a layer, or what a layer can be written as
        net_replace_part(net, (("a", "Weights"), array))       an array; Automatic for no value yet, None to leave it out
        net_replace_part(net, ("a/Weights", NetArray("w")))    an array shared by name from now on, with the value of that name
        net_replace_part(net, (NetArray("w"), array))          the value of a shared array, wherever it is used
        net_replace_part(net, ("0/KernelSize", (3, 3)))        a parameter of a layer
        net_replace_part(net, Input=3, Output=(2, 3))          types of ports; Automatic to have them inferred
        net_replace_part(net, {"a": layer, "Output": 5})       several, in a dict or a list of pairs
        net_replace_part(encoder, {"TargetLength": 20})        a parameter of an encoder or decoder

    A place is told as to net_extract. All rules apply at once, so two changes that are right only together are possible. A new array has
    the dimensions of the old one. Ports of a new layer are wired as those of the old one, by name, or in order where names differ. None for
    a port takes off its encoder or decoder and leaves the type.
    Errors: NetNameError for a place that is not there; NetShapeError for other dimensions, or sizes that contradict; NetValueError for a
    place inside one that is replaced too.
    Source: Wolfram's NetReplacePart.

    >>> net_replace_part(NetChain([3, Ramp, 2], Input=4), {0: 5, "Input": 6})
    NetChain([LinearLayer(5), ElementwiseLayer(Ramp), LinearLayer(2)], Input=6)
    >>> net_replace_part(LinearLayer(1, Weights=[[1, 2]]), ("Weights", [[3, 4]]))["Weights"].tolist()
    [[3.0, 4.0]]
    """
    if isinstance(net, Coder):
        return net.replaced(**{str(name): value for name, value in [*_pairs(rules), *ports.items()]})
    if not isinstance(net, Net):
        raise NetTypeError(f"net_replace_part wants a net, got {net!r}")
    edits = _Edits(net)
    for place, value in [*_pairs(rules), *ports.items()]:
        edits.add(place, value)
    result = edits.applied()
    if not isinstance(result, Container):
        typed(result)
    return result


def _pairs(rules) -> list[tuple[Any, Any]]:
    """The rules of a call, in one of their forms."""
    if rules is None:
        return []
    pairs = list(rules.items()) if isinstance(rules, Mapping) else [rules] if isinstance(rules, tuple) else rules
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise NetTypeError(f"net_replace_part wants a pair (place, value), a list of them, or a dict, got {rules!r}")
    return pairs


class _Edits:
    """What changes inside a net, by part; of each part itself: what replaces it, or its arrays, parameters and port types."""

    def __init__(self, net: Net, path: tuple[str, ...] = ()):
        self.net, self.path = net, path
        self.inside: dict[str, _Edits] = {}
        self.whole: dict[str, Any] = {}
        self.details: dict[str, Any] = {}
        self.shared: dict[str, Any] = {}

    def add(self, place, value) -> None:
        """Take one more rule. Errors: NetNameError for a place that is not there, NetValueError for one that is told twice."""
        if isinstance(place, NetArray):
            self._share(str(place.name), value)
            return
        words = path_of(place)
        if not words:
            raise NetTypeError("net_replace_part: an empty path is the net itself")
        edits, part = self, self.net
        for number, word in enumerate(words):
            last = number == len(words) - 1
            if is_position(word) and part.children:
                word = part_name(part, word)
            if not isinstance(word, str):
                raise NetTypeError(f"net_replace_part: a place is made of names and positions, got {word!r} in {place!r}")
            if word not in part.children:
                rest = "/".join(map(str, words[number:]))
                if not last and array_setting(part, rest) is None:
                    raise unknown(part, edits.path, word)
                edits._detail(word if last else rest, value, self)
                return
            if word in edits.whole or (last and word in edits.inside):
                raise NetValueError(f"net_replace_part: {'/'.join((*edits.path, word))} is replaced, and so is something in it")
            if last:
                edits.whole[word] = value
                return
            if word not in edits.inside:
                edits.inside[word] = _Edits(part_of(edits.net, word), (*edits.path, word))
            edits = edits.inside[word]
            part = edits.net

    def _detail(self, word: str, value, root: "_Edits") -> None:
        """An array, parameter or port of the net itself."""
        net = self.net
        schema = net.schema_of() if isinstance(net, Layer) else None
        word = word if schema is None else schema.aliases.get(word, word)
        setting = array_setting(net, word)
        if setting is not None:
            key = array_key(self.path, word, setting)
            if key in shared_names(net) and not isinstance(value, NetArray) and value is not None:
                root._share(key, value)
                return
        known = (*net.input_ports(), *net.output_ports(), *net.state_names(), "LearningRateMultipliers")
        if word not in known and setting is None and (schema is None or (word not in schema.arrays and word not in schema.fields)):
            raise unknown(net, self.path, word)
        if word in self.details:
            raise NetValueError(f"net_replace_part: {'/'.join((*self.path, word))} is told twice")
        self.details[word] = value

    def _share(self, name: str, value) -> None:
        names = sorted(shared_names(self.net))
        if name not in names:
            raise NetNameError(f'net_replace_part: {short(self.net)} has no shared array "{name}", {did_you_mean(name, names)}')
        if name in self.shared:
            raise NetValueError(f'net_replace_part: the shared array "{name}" is told twice')
        where = f'NetArray("{name}")'
        self.shared[name] = value if value is Automatic else fitting(owned(value, where), self.net.tensors.get(name), where)

    # -- applied, from the inside out --------------------------------------------------------------------------------------------------

    def applied(self, outermost: bool = True) -> Net:
        """The net with all changes; the types of the outermost are checked."""
        made = {word: edits.applied(False) for word, edits in self.inside.items()}
        return self._container(made, outermost) if isinstance(self.net, Container) else self._layer(made)

    def _container(self, made: dict[str, Net], outermost: bool) -> Net:
        draft = Draft.of(self.net)
        for word, value in (*self.whole.items(), *made.items()):
            where = "/".join((*self.path, word))
            swap(draft, word, to_net(value, where), where)
        if self.shared:
            for name, p in draft.parts.items():
                touched = self.shared.keys() & shared_names(p.part)
                if touched:
                    arrays = {**p.arrays, **{key: self.shared[key] for key in touched}}
                    draft.parts[name] = p._replace(arrays={k: v for k, v in arrays.items() if v is not Automatic}, source=None)
        for word, value in self.details.items():
            if word == "LearningRateMultipliers":
                draft.multipliers, draft.rules = value, None
            elif value is Automatic:
                draft.given.pop(word, None)
            elif value is not None:
                draft.given[word] = parse_type(value, "/".join((*self.path, word)), self.net.side(word))
        net = draft.net() if outermost else draft.unchecked()
        return reduce(without_codec, self.uncoded(), net)

    def _layer(self, made: dict[str, Net]) -> Net:
        layer = self.net
        assert isinstance(layer, Layer)
        schema = layer.schema_of()
        words = {**self.whole, **made}
        words.update({w: v for w, v in self.details.items() if w in schema.fields or w == "LearningRateMultipliers"})
        result = with_words(layer, words) if words else layer
        for word, value in self.details.items():
            if word in schema.arrays or array_setting(layer, word) is not None:
                result = with_array(result, word, value, "/".join((*self.path, word)))
        arrays = {**result.tensors, **self.shared}
        given = dict(result.given)
        for word, value in self.details.items():
            if word in words or word in schema.arrays or array_setting(layer, word) is not None or value is None:
                continue
            given.pop(word, None)
            if value is not Automatic:
                given[word] = layer.given_type(word, parse_type(value, "/".join((*self.path, word)), layer.side(word)))
        result = result.replaced(arrays={key: tensor for key, tensor in arrays.items() if tensor is not Automatic}, given=given)
        return reduce(without_codec, self.uncoded(), result)

    def uncoded(self) -> list[str]:
        """The ports whose codec is taken off."""
        found = port_codecs(self.net)
        return [word for word, value in self.details.items() if value is None and found.at(self.net.side(word), word) is not None]
