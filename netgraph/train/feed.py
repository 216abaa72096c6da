"""Batches for the step, in order, from data in memory or from a stream: what comes next is a function of (seed, position) alone."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from netgraph.data.stream import Stream
from netgraph.data.table import Batch, Table
from netgraph.errors import NetValueError
from netgraph.lower.forward import Lowered
from netgraph.run.noise import draw_noise
from netgraph.train.step import Batch as StepBatch


class Fed(NamedTuple):
    """One batch on its way: what the step takes, how many examples it has, whether it is the last of its round, and its rows if any."""

    batch: StepBatch
    count: int
    ends_round: bool
    indices: torch.Tensor | None


class Feed:
    """Batches of a run, one after another. `columns` are the names of the data for the inputs of the lowered net, in order."""

    def __init__(self, source: Table | Stream, lowered: Lowered, columns: Sequence[str], batch_size: int, seed, dtype, device):
        self.source, self.lowered, self.columns = source, lowered, tuple(columns)
        self.batch_size, self.seed, self.dtype, self.device = batch_size, seed, dtype, device
        self.position = 0
        self.per_round: int | None = source.batches_per_round(batch_size) if isinstance(source, Table) else source.batches_per_round
        self._order: tuple[int, torch.Tensor] | None = None
        self._ahead: tuple[Batch | None, int] | None = None
        self._variables = variable_columns(lowered, self.columns)
        self._peeked: Fed | None = None

    def next(self) -> Fed | None:
        """The next batch, or None when the data has ended."""
        if self._peeked is not None:
            fed, self._peeked = self._peeked, None
            return fed
        if isinstance(self.source, Table):
            batch = self._from_table(self.source)
        else:
            batch, ends = self._from_stream(self.source)
        if batch is None:
            return None
        self.position += 1
        if self.per_round is not None:
            ends = self.position % self.per_round == 0
        return Fed(self.made(batch, self.position), batch.count, ends, batch.indices)

    def peek(self) -> Fed:
        """The next batch, which `next` will give again. Errors: NetValueError when there is none."""
        self._peeked = self.next()
        if self._peeked is None:
            raise NetValueError("net_train: the data has no batch")
        return self._peeked

    def _from_table(self, table: Table) -> Batch:
        round, place = divmod(self.position, table.batches_per_round(self.batch_size))
        if self._order is None or self._order[0] != round:
            self._order = (round, table.order(self.seed, round + 1))
        return table.batch(self._order[1][place * self.batch_size : (place + 1) * self.batch_size])

    def _from_stream(self, stream: Stream) -> tuple[Batch | None, bool]:
        """The next batch and, for a stream that does not tell how long a round is, whether the round has ended: then one is read ahead."""
        if self.per_round is not None:
            return stream.next(), False
        current, round = self._ahead or (stream.next(), stream.round)
        self._ahead = (stream.next(), stream.round) if current is not None else (None, round)
        return current, self._ahead[0] is None or self._ahead[1] != round

    def made(self, batch: Batch, step: int) -> StepBatch:
        """A batch of data as the step takes it, with the noise of that step."""
        inputs = tuple([batch.tensors[name] for name in self.columns])
        if not self._variables and not self.lowered.noise:
            return StepBatch(inputs)
        lengths = tuple(batch.lengths[name][place] for name, place, _ in self._variables)
        padded = [batch.tensors[name].shape[axis + 1] for name, _, axis in self._variables]
        noise = draw_noise(self.lowered.noise, batch.count, padded, self.seed, step, dtype=self.dtype, device=self.device)
        return StepBatch(inputs, noise, lengths)


def variable_columns(lowered: Lowered, columns: Sequence[str]) -> list[tuple[str, int, int]]:
    """For each length variable: the column that tells it, which of the column's varying axes it is, and which axis that is."""
    found: dict[int, tuple[str, int, int]] = {}
    counted: dict[str, int] = {}
    for name, axis, variable, size in lowered.plan.length_sources:
        place = counted.get(name, 0)
        counted[name] = place + 1
        if not size.steps:
            found.setdefault(variable, (columns[lowered.inputs.index(name)], place, axis))
    return [found[variable] for variable in sorted(found)]
