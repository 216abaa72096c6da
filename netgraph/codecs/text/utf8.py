"""The "UTF8" encoder."""

from typing import Any

import numpy as np

from netgraph.codecs.class_labels import unit_vectors
from netgraph.codecs.encoder import NetEncoder
from netgraph.codecs.text.sequences import sequence_type
from netgraph.errors import NetValueError
from netgraph.spec.parameters import choice
from netgraph.types.port_type import PortType

COUNT = 248
"""The bytes of UTF-8 are below: 11111xxx begins no character."""


class UTF8Encoder(NetEncoder, kind="UTF8"):
    """A string to the bytes of its UTF-8 form, one to four a character.

        NetEncoder("UTF8")                      form "Index": the bytes, integers below 248
        NetEncoder(("UTF8", "UnitVector"))      for each byte a vector of 248, 1 at the byte

    No decoder belongs to it.
    Errors: NetValueError for half of a surrogate pair, which has no UTF-8 form.
    Source: Wolfram's NetEncoder["UTF8"]; its codes count from 1, so they are the bytes plus 1, ours are the bytes themselves.

    >>> NetEncoder("UTF8")("hello").tolist(), NetEncoder("UTF8")("€").tolist()
    ([104, 101, 108, 108, 111], [226, 130, 172])
    """

    positional = ("Form",)
    Form: choice("Index", "UnitVector") = "Index"
    wants = "a string"

    def port_type(self) -> PortType:
        return sequence_type(COUNT, self.Form)

    def is_raw(self, value) -> bool:
        return isinstance(value, str)

    def encode(self, value, source=None) -> Any:
        try:
            codes = np.frombuffer(value.encode(), dtype=np.uint8).astype(np.int64)
        except UnicodeEncodeError as fault:
            raise NetValueError(f"{self!r}: character {fault.start}, {value[fault.start]!r}, is half of a surrogate pair") from None
        return codes if self.Form == "Index" else unit_vectors(codes, COUNT)
