"""Encoders and decoders in an evaluation: raw objects to data for the ports, outputs to objects."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from netgraph.errors import NetError, NetTypeError
from netgraph.nets.codecs import port_codecs
from netgraph.spec.net import Net
from netgraph.spec.typing import short
from netgraph.surgery.initialize import seed_of
from netgraph.types.symbols import Automatic


def encoded(net: Net, values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The data by port, with what the ports' encoders make of it; those that augment draw only in Train mode.

    Errors: those of the encoders, with the port.
    """
    codecs, found = port_codecs(net).encoders, dict(values)
    for name, value in values.items():
        if name in codecs:
            draws = codecs[name].random and given.get("NetEvaluationMode") == "Train"
            source = np.random.default_rng(_entropy(given)) if draws else None
            found[name] = encode_at(codecs[name], value, name, source)
    return found


def _entropy(given: Mapping[str, Any]) -> Any:
    seed = given.get("RandomSeeding", Automatic)
    return None if seed is Automatic else abs(hash(seed_of(seed)))


def encode_at(encoder, value, where: str, source: np.random.Generator | None = None) -> Any:
    """What an encoder makes of a value; its errors begin with `where`."""
    try:
        return encoder(value, source)
    except NetError as error:
        raise error.at(where) from error.__cause__


def decoded(net: Net, port: str, value, batch: bool, what, seed) -> Any:
    """What the decoder of an output makes of its value; the value itself where there is none.

    Errors: NetTypeError for a property where there is no decoder.
    """
    decoder = port_codecs(net).decoders.get(port)
    if decoder is None:
        if what is not Automatic:
            raise NetTypeError(f"{short(net)}: {port} has no decoder that could give {what!r}")
        return value
    if what == "Properties":
        return decoder(value, "Properties")
    return decoder.decode_all(value if batch else [value], batch, what, seed)
