"""Data that comes batch by batch."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset

from netgraph.codecs.encoder import NetEncoder
from netgraph.data.columns import Columns, check_names, split_rows
from netgraph.data.examples import columns_of
from netgraph.data.sources import Called, Indexed, Source
from netgraph.data.table import Batch
from netgraph.errors import NetTrainingError, NetTypeError, NetValueError
from netgraph.run.convert import pad
from netgraph.run.sequences import padded
from netgraph.spec.described import sort_of
from netgraph.types.port_type import PortType

BATCH_FORMS = "a batch is a dict of columns, (inputs, outputs), a list of pairs or a list of dicts"


class Stream:
    """Batches from a source, converted to the types of the ports; one batch is in memory at a time, and none is asked for early.

    Where `draws` is set, for training, encoders change examples at random as a function of the seed, the batch and the row.
    Only `observed` looks at the first batch; it is then kept, and given as the first. `position` counts the batches given, `round` is that
    of the last one, from 1.

    >>> from netgraph.types.port_type import parse_type
    >>> def ones(info):
    ...     return {"x": [1.0] * info.batch_size}
    >>> stream = Stream(Called(ones), inputs=("x",), outputs=())
    >>> stream.bind({"x": parse_type((), "x")}, batch_size=3, seed=1234).next().tensors["x"]
    tensor([1., 1., 1.])
    """

    def __init__(
        self, source: Source, *, inputs: tuple[str, ...], outputs: tuple[str, ...], where: str = "net_train",
        encoders: Mapping[str, NetEncoder] | None = None,
    ):  # fmt: skip
        self.source, self.inputs, self.outputs, self.where, self.encoders = source, inputs, outputs, where, encoders or {}
        self.position = 0
        self.round = 0
        self.draws = False
        self._peeked: tuple[int, Any, Any] | None = None
        self._last: Batch | None = None

    def observed(self, *, batch_size: int, seed) -> dict[str, PortType]:
        """What one example of each column of the first batch is; the batch is kept for `next`.

        Errors: those of `next`, but for what only the types of the ports can tell.
        """
        if self._peeked is None:
            self._peeked = (batch_size, seed, self._read(1, batch_size, seed))
        where = f"{self.where}: {self.source.called(1)}"
        return Columns(self._columns(self._peeked[2][0], 1), where, self.encoders).observed()

    def bind(self, types: Mapping[str, PortType], *, batch_size: int, seed, dtype: torch.dtype = torch.float32, device=None) -> "Stream":
        """Fix what batches are asked for and converted to; the same stream."""
        self.types, self.batch_size, self.seed, self.dtype = dict(types), batch_size, seed, dtype
        self.device = torch.device("cpu" if device is None else device)
        self._ports = []
        for name, type in self.types.items():
            kind = "real" if type.kind is None else type.kind.name
            want = {"real": dtype, "integer": torch.int64, "boolean": torch.bool}[kind]
            tail = type.shape if type.closed and not type.varies else None
            self._ports.append((name, want, tail, type.kind.count if kind == "integer" else None))
        return self

    def split(self, held: float | Sequence[int], seed: int | str = 1234) -> tuple["Stream", "Stream"]:
        """(what is left, what is held back) of a data set read by index, as `Columns.split` does it.

        Errors: those of `Columns.split`; NetTypeError for any other source, which has no examples to choose from.
        """
        if not isinstance(self.source, Indexed):
            raise NetTypeError(f"{self.where}: a share can be held back of data with examples; a stream of batches has none to choose from")
        data = self.source.data
        left, kept = (
            Stream(Indexed(Subset(data, rows.tolist())), inputs=self.inputs, outputs=self.outputs, where=self.where, encoders=self.encoders)
            for rows in split_rows(len(data), held, seed, self.where)
        )
        return left, kept

    @property
    def batches_per_round(self) -> int | None:
        """How many batches a round has, or None where only its end tells."""
        return self.source.batches_per_round(self.batch_size)

    def next(self) -> Batch | None:
        """The next batch, or None when an iterator has stopped.

        Errors, all naming the call or the batch by number: NetTypeError for what is no batch, NetNameError for columns that are not the
        ports, NetValueError for an empty batch, columns of different lengths, wrong shapes and integers out of range, and for an iterator
        that stops before its first batch. An error of the user's own function passes through.
        """
        number = self.position + 1
        read = self._take(number)
        if read is None:
            return None
        raw, self.round = read
        self.position = number
        ready = self._ready(raw)
        tensors, lengths = self._convert(raw, number) if ready is None else ready
        if self.device.type != "cpu":
            tensors = {name: tensor.to(self.device, non_blocking=True) for name, tensor in tensors.items()}
            lengths = {name: tuple(n.to(self.device, non_blocking=True) for n in axes) for name, axes in lengths.items()}
        self._last = Batch(tensors, lengths)
        return self._last

    def _take(self, number: int):
        if self._peeked is not None:
            batch_size, seed, read = self._peeked
            self._peeked = None
            # a function can be asked again, so it is told the batch size and the seed that hold now
            if number == 1 and (not self.source.exact or (batch_size, seed) == (self.batch_size, self.seed)):
                return read
        return self._read(number, self.batch_size, self.seed)

    def _read(self, number: int, batch_size: int, seed):
        read = self.source.read(number, batch_size, seed)
        if read is None and number == 1:
            raise NetValueError(f"{self.where}: the iterator of batches stopped before its first batch")
        return read

    def _columns(self, raw, number: int) -> dict[str, object]:
        where = f"{self.where}: {self.source.called(number)}"
        raw = tuple(raw) if self.source.columns and isinstance(raw, list) and len(raw) == 2 else raw
        columns = columns_of(raw, self.inputs, self.outputs, where, batch=True)
        if columns is None:
            yields = isinstance(self.source, Called) and hasattr(raw, "__next__")
            raise NetTypeError(
                f"{where} gave {sort_of(raw)}: {BATCH_FORMS}",
                fix="give what the function returns, an iterator of batches, as the data" if yields else None,
            )
        return columns

    def _ready(self, raw) -> tuple[dict[str, Tensor], dict[str, tuple[Tensor, ...]]] | None:
        """The tensors and lengths of a dict of arrays, tensors and lists of sequences that need no more than a cast or to be padded.

        None for every other batch, and for each wrong one.
        """
        if type(raw) is not dict or len(raw) != len(self._ports) or self.encoders:
            return None
        tensors, lengths = {}, {}
        count = 0
        for name, want, tail, below in self._ports:
            value = raw.get(name)
            if tail is None:
                together = padded(value, self.types[name], self.dtype)
                if together is None:
                    return None
                value, length = together
                lengths[name] = (length,)
            else:
                value = _cast(value, want, tail, below)
                if value is None:
                    return None
            count = count or value.shape[0]
            if value.shape[0] != count or not count:
                return None
            tensors[name] = value
        return tensors, lengths

    def _convert(self, raw, number: int) -> tuple[dict[str, Tensor], dict[str, tuple[Tensor, ...]]]:
        where = f"{self.where}: {self.source.called(number)}"
        held = Columns(self._columns(raw, number), where, self.encoders)
        check_names(held.columns, self.types, where)
        draw = (self.seed, number) if self.draws else None
        tensors, lengths = {}, {}
        for name, type in self.types.items():
            tensors[name], axes = pad(held.native(name, draw), type, f'{where}: column "{name}"', self.dtype)
            if axes:
                lengths[name] = tuple(axes)
        return tensors, lengths

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands, as plain data: enough to go on after the last batch given."""
        holder = None if self.source.exact or self._peeked is not None else self.source.state_of()
        return {
            "Batches": self.position,
            "Round": self.round,
            "Digest": None if self._last is None else digest(self._last),
            "Source": None if holder is None else holder.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]):
        """Go on where `state_dict` was taken; the stream is bound, with the same batch size and seed.

        A function and a data set read by index need nothing else. An iterable with a `state_dict` of its own is given it back; any other is
        read again from its start, and the last batch must be the one it was.

        Errors: NetTrainingError where it is not, where the source ends before, or where an iterator has moved already.
        """
        if not self.source.exact:
            if self.position:
                raise NetTrainingError(f"{self.where}: cannot resume from an iterator that has given {self.position} batches already")
            if state["Source"] is not None:
                self._peeked = None
                self.source.restore(state["Source"], state["Round"])
            else:
                self._replay(state)
        self._peeked = None if state["Batches"] else self._peeked
        self.position, self.round = state["Batches"], state["Round"]

    def _replay(self, state: Mapping[str, Any]):
        for number in range(1, state["Batches"] + 1):
            if self.next() is None:
                raise NetTrainingError(
                    f"{self.where}: cannot resume after batch {state['Batches']}: the data ended after batch {number - 1}"
                )
        if self._last is not None and digest(self._last) != state["Digest"]:
            raise NetTrainingError(
                f"{self.where}: cannot resume: {self.source.called(state['Batches'])} is not what it was",
                fix="an iterable that gives the same batches again, or one with state_dict and load_state_dict",
            )


def _cast(value, want: torch.dtype, tail: tuple[int, ...], below: int | None) -> Tensor | None:
    """An array or tensor of examples of shape `tail` as a tensor of the dtype `want`; None where that takes more than a cast."""
    if type(value) is np.ndarray:
        if value.dtype.kind not in "fiub" or not value.flags.c_contiguous or not value.flags.writeable:
            return None
        try:
            value = torch.from_numpy(value)
        except TypeError:
            return None
    elif not isinstance(value, Tensor):
        return None
    if value.shape[1:] != tail or value.ndim == 0:
        return None
    if value.dtype is not want:
        if not want.is_floating_point or value.is_complex():
            return None
        value = value.float() if want is torch.float32 else value.to(want)
    if below is not None and value.numel():
        low, high = torch.aminmax(value)
        if int(low) < 0 or int(high) >= below:
            return None
    return value


def digest(batch: Batch) -> str:
    """A fingerprint of the tensors and lengths of a batch."""
    made = hashlib.blake2b(digest_size=16)
    for name in sorted(batch.tensors):
        for tensor in (batch.tensors[name], *batch.lengths.get(name, ())):
            made.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
            made.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return made.hexdigest()
