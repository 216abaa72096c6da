"""Batches for the step, in order, from data in memory or from a stream: what comes next is a function of (seed, position) alone."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch

from netgraph.data.stream import Stream, digest
from netgraph.data.table import Batch, Table
from netgraph.errors import NetShapeError, NetTrainingError, NetValueError
from netgraph.lower.forward import Lowered
from netgraph.lower.plan import Length
from netgraph.run.lengths import Shortest
from netgraph.run.noise import draw_noise
from netgraph.run.outputs import true_lengths
from netgraph.train.step import Batch as StepBatch

AHEAD = 8
"""How many batches to come a table is told of."""


class Fed(NamedTuple):
    """One batch on its way: what the step takes, how many examples it has, whether it is the last of its round, and its rows if any."""

    batch: StepBatch
    count: int
    ends_round: bool
    indices: torch.Tensor | None


class Mining(Protocol):
    """Gives the rows of other classes that are nearest to each row now; it is asked before every so many batches."""

    every: int

    def __call__(self) -> torch.Tensor: ...


class Feed:
    """Batches of a run, one after another. `columns` are the names of the data for the inputs of the step, in order.

    `around` is how many containers were put around what the user wrote, for messages. `mining` is there where a sampler looks at the
    net; `near` is what it gave last. In `training`, encoders may change examples at random.
    """

    def __init__(
        self, source: Table | Stream, lowered: Lowered, columns: Sequence[str], batch_size: int, seed, dtype, device, around: int = 0,
        mining: Mining | None = None, training: bool = False,
    ):  # fmt: skip
        self.source, self.lowered, self.columns = source, lowered, tuple(columns)
        self.batch_size, self.seed, self.dtype, self.device = batch_size, seed, dtype, device
        self.position = 0
        self.per_round: int | None = source.batches_per_round(batch_size) if isinstance(source, Table) else source.batches_per_round
        self.mining, self.near, self.training = mining, torch.empty(0), training
        if isinstance(source, Stream):
            source.draws = training
        self._order: tuple[int, Sequence[torch.Tensor]] | None = None
        self._ahead: tuple[Batch | None, int] | None = None
        self._variables = variable_columns(lowered, self.columns)
        self._shortest = Shortest(lowered, self.columns, around)
        self._peeked: Fed | None = None

    def next(self) -> Fed | None:
        """The next batch, or None when the data has ended."""
        if self._peeked is not None:
            fed, self._peeked = self._peeked, None
            return fed
        ends = False
        if isinstance(self.source, Table):
            if self.mining is not None and self.position % self.mining.every == 0:
                self.near, self._order = self.mining(), None
            batch = self._row_batch(self.source, self.position)
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
        if self._peeked is None:
            self._peeked = self.next()
        if self._peeked is None:
            raise NetValueError("net_train: the data has no batch")
        return self._peeked

    def _row_batch(self, table: Table, position: int) -> Batch:
        """The batch of a table at a position, from 0."""
        round, place = divmod(position, table.batches_per_round(self.batch_size))
        if self._order is None or self._order[0] != round:
            near = {"near": self.near} if self.mining is not None else {}
            self._order = (round, table.batches(self.seed, round + 1, self.batch_size, **near))
        draw = (self.seed, round + 1) if self.training else None
        batch = table.batch(self._order[1][place], draw)
        table.expect(self._order[1][place + 1 : place + 1 + AHEAD], draw)
        return batch

    def _from_stream(self, stream: Stream) -> tuple[Batch | None, bool]:
        """The next batch and, for a stream that does not tell how long a round is, whether the round has ended: then one is read ahead."""
        if self.per_round is not None:
            return stream.next(), False
        current, round = self._ahead or (stream.next(), stream.round)
        self._ahead = (stream.next(), stream.round) if current is not None else (None, round)
        return current, self._ahead[0] is None or self._ahead[1] != round

    def made(self, batch: Batch, step: int) -> StepBatch:
        """A batch of data as the step takes it, with the noise of that step.

        Errors: NetShapeError for a sequence of a stream that is too short; data in memory was looked at before.
        """
        inputs = tuple([batch.tensors[name] for name in self.columns])
        valid = torch.ones(batch.count, dtype=torch.bool, device=self.device) if self.lowered.coupled else None
        if not self._variables and not self.lowered.noise:
            return StepBatch(inputs, valid=valid)
        lengths = tuple(batch.lengths[name][place] for name, place, _ in self._variables)
        if isinstance(self.source, Stream) or not self.source.lengths_known:
            self._shortest.refuse(lengths, lambda: self._where(step))
            if len(self.lowered.plan.length_sources) > 1:
                hold_lengths(self.lowered, self.columns, batch.lengths, self._where(step))
        padded = [batch.tensors[name].shape[axis + 1] for name, _, axis in self._variables]
        noise = draw_noise(self.lowered.noise, batch.count, padded, self.seed, step, dtype=self.dtype, device=self.device)
        return StepBatch(inputs, noise, lengths, valid)

    def _where(self, step: int) -> str:
        """The beginning of a message about the batch of a step."""
        called = f"{self.source.source.called(step)}: " if isinstance(self.source, Stream) else ""
        return f"{getattr(self.source, 'where', 'net_train')}: {called}"

    def close(self) -> None:
        """No batch will be asked for any more: what is read ahead is given up."""
        if isinstance(self.source, Table):
            self.source.give_up()

    # -- where it stands ---------------------------------------------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Where the feed stands after the last batch given, as plain data, and the tensors of a batch that was read ahead."""
        told: dict[str, Any] = {"Position": self.position, "Digest": None, "Stream": None, "Ahead": None}
        tensors: dict[str, torch.Tensor] = {}
        if isinstance(self.source, Table):
            if self.position:
                told["Digest"] = digest(self._row_batch(self.source, self.position - 1))
            return told, tensors if self.mining is None else {"near": self.near}
        told["Stream"] = self.source.state_dict()
        if self._ahead is not None:
            batch, round = self._ahead
            told["Ahead"] = {"Round": round, "Ended": batch is None, "Axes": {}}
            if batch is not None:
                told["Ahead"]["Axes"] = {name: len(axes) for name, axes in batch.lengths.items()}
                tensors = {f"tensors/{name}": tensor for name, tensor in batch.tensors.items()}
                tensors |= {f"lengths/{i}/{name}": axis for name, axes in batch.lengths.items() for i, axis in enumerate(axes)}
        return told, tensors

    def load(self, told: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on where `state` was taken.

        Errors: NetTrainingError where the last batch is not what it was, or an iterator cannot be brought back there.
        """
        self._peeked = self._ahead = None
        if isinstance(self.source, Table):
            if self.mining is not None and told["Position"]:
                self.near = tensors["near"]
            if told["Position"] and digest(self._row_batch(self.source, told["Position"] - 1)) != told["Digest"]:
                raise NetTrainingError("net_train: cannot resume: the data is not what it was when the checkpoint was written")
        else:
            if told["Stream"] is None:
                raise NetTrainingError("net_train: cannot resume: the checkpoint is of data in memory, this is a stream")
            self.source.load_state_dict(told["Stream"])
            if told["Ahead"] is not None:
                self._ahead = (self._kept(told["Ahead"], tensors), told["Ahead"]["Round"])
        self.position = told["Position"]

    def _kept(self, ahead: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Batch | None:
        if ahead["Ended"]:
            return None
        whole = {name.removeprefix("tensors/"): t.to(self.device) for name, t in tensors.items() if name.startswith("tensors/")}
        lengths = {name: tuple(tensors[f"lengths/{i}/{name}"].to(self.device) for i in range(n)) for name, n in ahead["Axes"].items()}
        return Batch(whole, lengths)


def hold_lengths(lowered: Lowered, columns: Sequence[str], told: Mapping[str, Sequence[torch.Tensor]], where: str) -> None:
    """Columns whose lengths are one variable, such as sequences and their targets, agree for each example. Errors: NetShapeError."""
    found: dict[int, tuple[str, torch.Tensor]] = {}
    counted: dict[str, int] = {}
    sources = []
    for name, _, variable, size in lowered.plan.length_sources:
        place = counted.get(name, 0)
        counted[name] = place + 1
        column = columns[lowered.inputs.index(name)]
        sources.append((column, told[column][place], Length(variable, size.steps)))
        if not size.steps:
            found.setdefault(variable, (column, told[column][place]))
    for column, have, length in sources:
        if length.variable not in found:
            continue
        first, base = found[length.variable]
        wanted = true_lengths(length, {length.variable: base})
        if not torch.equal(wanted, have):
            row = int((wanted != have).nonzero()[0])
            beside = f'as column "{first}" is {int(base[row])} long' if first != column else "as its other axis tells"
            text = f'column "{column}", example {row}: the length is {int(have[row])}, {int(wanted[row])} is wanted, {beside}'
            raise NetShapeError(f"{where}{text}")


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
