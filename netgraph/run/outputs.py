"""What comes out of an evaluation: which outputs are asked for, under which names, and padding taken away again."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.lower.plan import Length
from netgraph.nets.codecs import port_codecs
from netgraph.nets.container import input_names, output_names
from netgraph.run.convert import to_user
from netgraph.spec.net import Net
from netgraph.spec.ports import NetPort
from netgraph.spec.typing import short
from netgraph.types.symbols import All, Automatic

STATES = NetPort(All, "States")
"""All recurrent states that nothing in the net feeds: what to evaluate, or a key of the data."""


class Asked(NamedTuple):
    """What to evaluate: outputs by part and port, and the keys of the answer, None where it is the one value itself.

    `states` is the place among the keys of the dict of final recurrent states, None where these are not asked for. `decoded` tells what a
    decoder shall make of each output: Automatic for its decision, a property of it, or None for the array.
    """

    places: tuple[tuple[tuple[str, ...], str], ...]
    keys: tuple | None
    states: int | None = None
    decoded: tuple = ()


def asked_for(net: Net, what) -> Asked:
    """What the second argument of an evaluation asks for."""
    names = output_names(net)
    if what is None or what is Automatic or what is All:
        places = tuple(((), name) for name in names)
        return Asked(places, names if what is All or len(names) != 1 else None, None, (None if what is None else Automatic,) * len(names))
    prop = _property(net, what)
    if prop is not None:
        return Asked((((), prop[0]),), None, None, (prop[1],))
    if isinstance(what, (str, NetPort)):
        return Asked((), None, 0) if what == STATES else Asked((_place_of(net, what),), None, None, (_of_key(what),))
    if isinstance(what, Mapping) and what:
        for name in what:
            if name not in names:
                raise NetNameError(f"{short(net)} has no output port {name!r}, {did_you_mean(name, names)}")
        return Asked(tuple(((), name) for name in what), tuple(what), None, tuple(what.values()))
    if isinstance(what, Sequence):
        keys = tuple(dict.fromkeys(what))
        states = keys.index(STATES) if STATES in keys else None
        ports = [entry for entry in keys if entry != STATES]
        return Asked(tuple(_place_of(net, entry) for entry in ports), keys, states, tuple(map(_of_key, ports)))
    raise NetTypeError(f"what to evaluate is a port's name, NetPort(...), a list of these or All, got {what!r}")


def _of_key(key) -> Any:
    """What is made of a port that was asked for: a name gives what the net gives there, NetPort(...) the array."""
    return Automatic if isinstance(key, str) else None


def _property(net: Net, what) -> tuple[str, Any] | None:
    """The output port and property where a decoder's property is asked for: of the only output, or as a pair (port, property)."""
    names, codecs = output_names(net), port_codecs(net).decoders
    if not codecs or isinstance(what, NetPort) or (isinstance(what, str) and (what in names or what in net.children)):
        return None
    if len(names) == 1 and names[0] in codecs and codecs[names[0]].takes(what):
        return names[0], what
    if isinstance(what, tuple) and len(what) == 2 and what[0] in names:
        port, wanted = what
        if port in codecs and (wanted is None or codecs[port].takes(wanted)):
            return port, wanted
        if port in codecs and wanted not in names and wanted not in net.children:
            offered = did_you_mean(wanted, codecs[port].offered())
            raise NetNameError(f"{short(net)}: the decoder of {port} has no property {wanted!r}, {offered}")
        if any(decoder.takes(wanted) for decoder in codecs.values()):
            raise NetNameError(f"{short(net)}: {port} has no decoder that could give {wanted!r}")
    able = [name for name in names if name in codecs and codecs[name].takes(what)]
    if able:
        raise NetNameError(f"{short(net)}: {what!r} of which output?", fix=f'("{able[0]}", {what!r})'.replace("'", '"'))
    return None


def _place_of(net: Net, port) -> tuple[tuple[str, ...], str]:
    """The part and port that a name stands for: an output, or the final value of a recurrent state."""
    path = port.path if isinstance(port, NetPort) else (port,)
    walked: tuple[str, ...] = ()
    part = net
    for number, word in enumerate(path):
        children = list(part.children)
        if isinstance(word, int) and -len(children) <= word < len(children):
            word = children[word]
        if number == len(path) - 1 and word in (*output_names(part), *part.readable_ports(), *part.state_names()):
            return walked, word
        if word not in part.children:
            if word in input_names(part):
                raise NetTypeError(f"{word!r} is an input port: its value is what you give")
            known = [*output_names(part), *part.readable_ports(), *part.state_names(), *children]
            known += [name for decoder in port_codecs(part).decoders.values() for name in decoder.offered() if not walked]
            raise NetNameError(f"{short(part)} has no output port or part {word!r}, {did_you_mean(word, known)}")
        walked, part = (*walked, word), part.children[word]
    names = output_names(part)
    if len(names) != 1:
        raise NetTypeError(
            f"{'/'.join(walked)} has {len(names)} outputs: name one", fix=f"NetPort({', '.join(map(repr, (*walked, names[0])))})"
        )
    return walked, names[0]


def shown(result: torch.Tensor, axes: dict[int, Length], lengths: Sequence[torch.Tensor], batch: bool, like_tensor: bool):
    """A result as the user gets it: one example or a batch, cut to its true lengths; a list where the examples of a batch differ.

    `axes` are the varying axes of one example, `lengths` the lengths of each variable by example.
    """
    if not axes:
        return to_user(result if batch else result[0], like_tensor)
    true = {axis: true_lengths(length, lengths).tolist() for axis, length in axes.items()}
    if all(len(set(found)) == 1 for found in true.values()):
        result = result[(slice(None), *_cut(true, 0, result.dim() - 1))]
        return to_user(result if batch else result[0], like_tensor)
    return [to_user(example[_cut(true, i, example.dim())], like_tensor) for i, example in enumerate(result)]


def true_lengths(length: Length, lengths: Sequence[torch.Tensor] | Mapping[int, torch.Tensor]) -> torch.Tensor:
    """The length along an axis of each example, from the lengths of each variable."""
    found = lengths[length.variable]
    for form in length.steps:
        found = (found * form.multiply + form.add).div(form.divide, rounding_mode="floor")
    return found.clamp_min(0)


def _cut(true: dict[int, list[int]], example: int, rank: int) -> tuple[slice, ...]:
    return tuple(slice(true[axis][example]) if axis in true else slice(None) for axis in range(rank))
