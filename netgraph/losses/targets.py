"""What encodes the columns of the data: the encoders of the inputs, and for targets those that belong to the outputs' decoders."""

from collections.abc import Mapping
from typing import Any

from netgraph.codecs.class_labels import ClassDecoder
from netgraph.codecs.text.sequences import SequenceDecoder
from netgraph.errors import NetError
from netgraph.losses.attach import attach
from netgraph.nets.codecs import port_codecs
from netgraph.nets.container import output_names
from netgraph.spec.net import Net
from netgraph.spec.typing import settled
from netgraph.types.symbols import Automatic

TARGET = "Target"


def column_encoders(net: Net, loss: Any = Automatic) -> dict[str, Any]:
    """The encoder of each column that may hold raw objects, by the name of the column; `loss` as for `attach`.

    A target bears its output's name, or "Target" where there is one output. Encoders at the ports of a loss come before those that belong
    to decoders. A decoder without an encoder of its own says nothing.

    >>> from netgraph import NetChain, NetDecoder, SoftmaxLayer
    >>> column_encoders(NetChain([2, SoftmaxLayer()], Output=NetDecoder(("Class", ["a", "b"]))))["Target"]
    NetEncoder(("Class", ("a", "b")))
    """
    (encoders, decoders), outputs = port_codecs(net), output_names(net)
    found = {**_of_losses(net, loss), **encoders}
    for name in outputs:
        encoder = _target(decoders[name], net, name) if name in decoders and name not in found else None
        if encoder is not None:
            found[name] = encoder
            if len(outputs) == 1:
                found.setdefault(TARGET, encoder)
    return found


def _of_losses(net: Net, loss: Any) -> dict[str, Any]:
    """The encoders at the ports of the losses that were given as layers, by column."""
    if not _encodes(loss):
        return {}
    try:
        training = attach(net, loss)
    except NetError:  # which is told where the losses are attached
        return {}
    encoders = port_codecs(training.net).encoders
    return {name: encoders[port] for name, port in training.names.items() if port in encoders}


def _encodes(loss: Any) -> bool:
    if isinstance(loss, (list, tuple)):
        return any(map(_encodes, loss))
    return isinstance(loss, Net) and bool(port_codecs(loss).encoders)


def _target(decoder: Any, net: Net, port: str) -> Any:
    try:
        return decoder.partner(settled(net).outputs[port])
    except NetError:
        return None


def class_names(net: Net) -> Mapping[str, tuple]:
    """The labels of each output with a decoder of classes, or what the codes of one of text stand for, by port."""
    found = {}
    for name in output_names(net):
        decoder = port_codecs(net).decoders.get(name)
        count = (settled(net).outputs[name].shape or (None,))[-1:]
        if isinstance(decoder, ClassDecoder) and isinstance(count[0] if count else None, int):
            found[name] = decoder.labels(count[0])
        elif isinstance(decoder, SequenceDecoder):
            found[name] = decoder.labels()
    return found
