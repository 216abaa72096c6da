"""The "Each" encoder and decoder: a codec applied to every element of a list."""

from typing import Any

import numpy as np

from netgraph.codecs.codec import Coder
from netgraph.codecs.decoder import NetDecoder
from netgraph.codecs.encoder import NetEncoder, listed
from netgraph.errors import NetError, NetShapeError
from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.types.port_type import PortType


def _codec(family: type[Coder]):
    def check(value):
        try:
            return family(value)
        except NetError as fault:
            raise wants(f"a {family.family} ({fault.headline})", value) from None

    return parameter(check, {"type": "object"})


def _count(value):
    if value != "Varying" and (not is_integer(value) or value < 1):
        raise wants('how many, or "Varying"', value)
    return value


HowMany = parameter(_count, {"type": ["integer", "string"]})


class EachEncoder(NetEncoder, kind="Each"):
    """A list of raw objects to one array, the level of the list first.

        NetEncoder(("Each", encoder, 2))            lists of two, such as the pairs of NetPairEmbeddingOperator
        NetEncoder(("Each", encoder, "Varying"))    lists of any length

    `NetPairEmbeddingOperator(net, Input=encoder)` makes one of these by itself, as do the triplet and map operators of a net with an
    encoder. A list of several lists is a batch.
    Errors: NetShapeError for a list of another length, or whose objects become arrays of different lengths.
    Source: ours.

    >>> NetEncoder(("Each", "Boolean", 2))([[True, False], [False, False]]).tolist()
    [[1, 0], [0, 0]]
    """

    positional = ("Encoder", "Count")
    Encoder: _codec(NetEncoder)
    Count: HowMany = "Varying"
    wants = "a list"

    def port_type(self) -> PortType:
        inner = self.Encoder.port_type()
        return PortType(inner.kind, None if inner.shape is None else (self.Count, *inner.shape))

    def is_raw(self, value) -> bool:
        entries = listed(value)
        if entries is None or not len(entries) or self.Count not in ("Varying", len(entries)):
            return False
        return all(self._member(entry) for entry in entries) and any(self.Encoder.is_raw(entry) for entry in entries)

    def _member(self, value) -> bool:
        return self.Encoder.is_raw(value) or self.Encoder.is_encoded(value, batch=False)

    def encode(self, value, source=None) -> Any:
        arrays = self.Encoder(value, source)
        if isinstance(arrays, list):
            raise NetShapeError(f"{self!r}: the objects of one list become arrays of shapes {', '.join(str(np.shape(a)) for a in arrays)}")
        return np.asarray(arrays)

    def encode_all(self, values, source=None):
        counts = {len(value) for value in values}
        if len(counts) > 1:
            return super().encode_all(values, source)
        together = self.Encoder([entry for value in values for entry in value], source)
        (count,) = counts
        if isinstance(together, list):
            return super().encode_all(values, source)
        return np.asarray(together).reshape(len(values), count, *np.shape(together)[1:])

    @property
    def random(self) -> bool:
        return self.Encoder.random

    def later(self, value) -> bool:
        return self.Encoder.random or any(self.Encoder.later(entry) for entry in value)

    def partner(self, port=None) -> NetDecoder:
        return EachDecoder(self.Encoder.partner(None if port is None else port.one()), self.Count)

    def one(self) -> NetEncoder:
        return self.Encoder


class EachDecoder(NetDecoder, kind="Each"):
    """An array to a list, one entry for each element of the first level; a property is that of each.

        NetDecoder(("Each", decoder, "Varying"))

    Errors: those of the decoder; NetShapeError for another number of elements.
    Source: ours.

    >>> NetDecoder(("Each", ("Class", ["a", "b"])))([[0.9, 0.1], [0.2, 0.8]])
    ['a', 'b']
    """

    positional = ("Decoder", "Count")
    Decoder: _codec(NetDecoder)
    Count: HowMany = "Varying"

    def port_type(self) -> PortType:
        inner = self.Decoder.port_type()
        return PortType(inner.kind, None if inner.shape is None else (None if self.Count == "Varying" else self.Count, *inner.shape))

    def ranks(self) -> tuple[int, ...]:
        return tuple(rank + 1 for rank in self.Decoder.ranks())

    def accepts(self, shape) -> str | None:
        if shape and self.Count != "Varying" and shape[0] not in (None, self.Count):
            return f"{self.Count} elements are wanted"
        return self.Decoder.accepts(shape[1:])

    def offered(self) -> tuple[str, ...]:
        return self.Decoder.offered()

    def decode(self, array, what, argument, source) -> Any:
        return [self.Decoder.decode(part, what, argument, source) for part in array]

    def partner(self, port=None) -> NetEncoder:
        return EachEncoder(self.Decoder.partner(None if port is None else port.one()), self.Count)

    def one(self) -> NetDecoder:
        return self.Decoder
