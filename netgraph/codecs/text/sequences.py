"""What the encoders and decoders of text share: lengths of sequences of codes, their forms, and reading the most probable codes."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from netgraph.codecs.class_labels import ClassEncoder
from netgraph.codecs.decoder import NetDecoder
from netgraph.codecs.encoder import NetEncoder
from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.types.kinds import REAL, Integer
from netgraph.types.port_type import PortType
from netgraph.types.symbols import All, Automatic

UNKNOWN = "\ufffd"
"""What a code that stands for anything unknown is decoded to: Unicode's replacement character."""


def _length(value):
    if value is All or (is_integer(value) and value >= 1):
        return value
    raise wants("a whole number from 1, or All", value)


def _rank(value):
    if value is Automatic or (is_integer(value) and value in (1, 2)):
        return value
    raise wants("1 (one vector), 2 (a sequence of vectors) or Automatic", value)


SequenceLength = parameter(_length, {"anyOf": [{"type": "integer", "minimum": 1}, {"const": {"$word": "All"}}]})
"""How many codes a sequence has: so many, cut or padded, or All."""

InputRank = parameter(_rank, {"anyOf": [{"enum": [1, 2]}, {"const": {"$word": "Automatic"}}]})
"""Whether a decoder reads one vector or a sequence of them; Automatic for both."""


def sequence_type(count: int, form: str, length: Any = All) -> PortType:
    """The type of a sequence of codes below `count`, or of their unit vectors."""
    size = "Varying" if length is All else length
    return PortType(Integer(count), (size,)) if form == "Index" else PortType(REAL, (size, count))


def fitted(codes: np.ndarray, length: Any, padding: int) -> np.ndarray:
    """The first `length` codes, with padding behind them where there are fewer."""
    if length is All or len(codes) == length:
        return codes
    if len(codes) > length:
        return codes[:length]
    return np.concatenate([codes, np.full((length - len(codes), *codes.shape[1:]), padding, dtype=codes.dtype)])


def fitted_all(joined: np.ndarray, counts: Sequence[int], length: Any, padding: int, ends: tuple[int, int] | None = None) -> Any:
    """Several sequences, whose codes stand in `joined` one behind the other, each between the `ends` and then `fitted`.

    One array with a row each where all are of one length, else a list. None is longer than what it will be cut to, less the first end.
    """
    before = 0 if ends is None else 1
    if length is All and len(set(counts)) > 1:
        stops = np.cumsum(counts).tolist()
        rows = [joined[stop - count : stop] for stop, count in zip(stops, counts, strict=True)]
        return rows if ends is None else [np.concatenate([ends[:1], row, ends[1:]]) for row in rows]
    have = np.asarray(counts)[:, None]
    width = int(have[0, 0]) + 2 * before if length is All else length
    rows = np.full((len(have), width), padding, dtype=np.int64)
    place = np.arange(width)
    rows[(place >= before) & (place < have + before)] = joined
    if ends is not None:
        rows[:, 0] = ends[0]
        rows[place == have + 1] = ends[1]
    return rows


class SequenceDecoder(NetDecoder):
    """A vector of probabilities, or a sequence of them, to the text of the most probable codes. Abstract."""

    InputDepth: InputRank = Automatic
    properties = ("Decision",)

    @abstractmethod
    def labels(self) -> tuple:
        """For each code what it stands for, all different."""

    @abstractmethod
    def text(self, codes: list[int]) -> str:
        """The text of some codes."""

    @abstractmethod
    def sequence_encoder(self, length: Any) -> NetEncoder:
        """The encoder of whole texts, `length` codes or All."""

    @property
    def count(self) -> int:
        """How many codes there are."""
        return len(self.labels())

    def port_type(self) -> PortType:
        rank = self.InputDepth
        return PortType(REAL, None) if rank is Automatic else PortType(REAL, (*(None,) * (rank - 1), self.count))

    def ranks(self) -> tuple[int, ...]:
        return (1, 2) if self.InputDepth is Automatic else (self.InputDepth,)

    def accepts(self, shape) -> str | None:
        if len(shape) not in self.ranks():
            return "it reads one vector or a sequence of vectors" if self.InputDepth is Automatic else None
        return f"there are {self.count} codes" if shape[-1] not in (None, self.count) else None

    def decode(self, array, what, argument, source) -> str:
        return self.text(np.atleast_1d(array.argmax(-1)).tolist())

    def partner(self, port=None) -> NetEncoder:
        shape = None if port is None else port.shape
        if self.InputDepth == 1 or (shape is not None and len(shape) == 1):
            return ClassEncoder(self.labels())
        steps = shape[0] if shape else None
        return self.sequence_encoder(steps if isinstance(steps, int) else All)
