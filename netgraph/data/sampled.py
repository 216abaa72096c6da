"""`Sampled(data, sampler)`: data with rows whose batches a sampler composes by class."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netgraph.data.columns import Columns, listed
from netgraph.data.groups import Groups
from netgraph.data.on_disk import DiskColumn
from netgraph.data.samplers import FixedTripletSampler, Sampler, sampler_of
from netgraph.data.table import Batch, Table
from netgraph.errors import NetNameError, NetShapeError, NetTypeError, NetValueError, did_you_mean
from netgraph.nets.triplet import MEMBERS
from netgraph.spec.described import sort_of
from netgraph.spec.initial import generator
from netgraph.spec.names import spelled
from netgraph.types.port_type import PortType
from netgraph.types.symbols import Automatic

__all__ = ["Sampled"]

TARGET, WEIGHT = "Target", "Weight"


class Sampled:
    """Data whose batches are composed by class, for net_train: `Sampled(data, sampler)`.

        Sampled((inputs, classes), MPerClassSampler(4))              4 examples of each of some classes
        Sampled(data, HierarchicalSampler(4), SuperClasses="Kind")   classes of a few super classes
        Sampled(data, FixedTripletSampler(1000))                     triplets drawn once
        Sampled(data, HardNegativeSampler(Refresh=100))              negatives that are hard in the whole data

    `data` is any form of data in memory or on disk, but no stream of batches. `Classes` and `SuperClasses` are the name of a column or a
    list with one class an example; Automatic is the column that is no input of the net. A column that only samples is not fed to the net.
    Triplets become what the net takes: for a NetTripletEmbeddingOperator (and any net with inputs or outputs "Anchor", "Positive",
    "Negative") one example is a triplet, without a target; for other nets, which are trained by a loss on classes, the three stand one
    after another in the batch. Triplets=True or False says so for other nets.
    BatchSize counts examples of the net, and must hold what the sampler wants; unless given it is the largest that does, up to the usual.
    A round has as many batches as hold all examples once (all triplets once), or RoundLength examples. Batches are a function of the seed
    and the round, of HardNegativeSampler also of the net.
    Errors: NetTypeError for data that is a stream and for classes that are no classes; NetNameError for a column that is not there;
    NetValueError for what cannot be sampled.
    Source: the samplers of pytorch-metric-learning.

    >>> data = Sampled(([[0.0], [0.1], [1.0], [1.1]], [0, 0, 1, 1]), MPerClassSampler(2))
    >>> net_train(LinearLayer(2), data, "TotalBatches", LossFunction=TripletLossLayer(), BatchSize=4, MaxTrainingRounds=3,
    ...           TrainingProgressReporting=None)
    3
    """

    __slots__ = ("classes", "data", "length", "sampler", "supers", "triplets")

    def __init__(self, data: Any, sampler: Any, /, **options):
        words = spelled(options, ["Classes", "RoundLength", "SuperClasses", "Triplets"], "Sampled")
        self.data, self.sampler = data, sampler_of(sampler, "Sampled")
        self.classes, self.supers = words.get("Classes", Automatic), words.get("SuperClasses")
        self.length, self.triplets = words.get("RoundLength", Automatic), words.get("Triplets", Automatic)
        if self.length is not Automatic and (isinstance(self.length, bool) or not isinstance(self.length, int) or self.length < 1):
            raise NetValueError(f"Sampled: RoundLength is a whole number of examples from 1, got {self.length!r}")
        if self.length is not Automatic and isinstance(self.sampler, FixedTripletSampler):
            raise NetValueError("Sampled: RoundLength says nothing here, a round has all triplets once", fix=f"{self.sampler!r}")
        if self.triplets is not Automatic and not (isinstance(self.triplets, bool) and self.sampler.gives_triplets):
            raise NetValueError(
                f"Sampled: Triplets is True or False, for a sampler of triplets, got {self.triplets!r} with {self.sampler!r}"
            )
        if self.sampler.wants_supers and self.supers is None:
            raise NetTypeError(f"Sampled: {self.sampler!r} wants SuperClasses", fix='SuperClasses="..."')
        if not self.sampler.wants_supers and self.supers is not None:
            raise NetTypeError(f"Sampled: {self.sampler!r} has no use for SuperClasses", fix="HierarchicalSampler()")

    def on(self, data: Any) -> "Sampled":
        """The same sampling of other data."""
        other = copy(self)
        other.data = data
        return other

    def __repr__(self) -> str:
        return f"<Sampled {sort_of(self.data)} by {self.sampler!r}>"

    def joined(self, inputs: Sequence[str], outputs: Sequence[str]) -> bool:
        """Whether the net takes a triplet as one example."""
        if not self.sampler.gives_triplets or self.triplets is not Automatic:
            return self.sampler.gives_triplets and bool(self.triplets)
        return set(MEMBERS) in (set(inputs), set(outputs))


def sampled_columns(given: Sampled, columns: Columns, inputs: Sequence[str], outputs: Sequence[str], where: str) -> "SampledColumns":
    """The columns of `Sampled` for a net with these ports. Errors: those of `Sampled`."""
    kept = dict(columns.columns)
    joined = given.joined(inputs, outputs)
    targets = [name for name in kept if name not in (*inputs, WEIGHT)] if not joined else [TARGET] if TARGET in kept else []
    if given.classes is Automatic and isinstance(given.supers, str):
        targets = [name for name in targets if name != given.supers]
    if given.classes is Automatic and len(targets) != 1:
        have = f"{listed(targets)} are no inputs" if targets else f"there is no column but {listed(kept)}"
        raise NetTypeError(f"{where}: {given.sampler!r} wants to know the classes, and {have}", fix='Sampled(..., Classes="...")')
    found = []
    for option, said in (("Classes", targets[0] if given.classes is Automatic else given.classes), ("SuperClasses", given.supers)):
        found.append(None if said is None else _classes(said, columns, f"{where}: {option}"))
        if isinstance(said, str) and (joined or said not in (*inputs, *outputs, TARGET)):
            kept.pop(said, None)
    classes, supers = found
    named = joined and set(inputs) == set(MEMBERS)
    if named and len(set(kept) - {WEIGHT}) != 1:
        raise NetTypeError(f"{where}: the members of triplets are the rows of one column, the data has {listed(kept)}")
    length = None if given.length is Automatic else given.length
    return SampledColumns(kept, where, given.sampler, length, classes, supers, joined, named)


def _classes(said: Any, columns: Columns, where: str) -> np.ndarray:
    """One class an example, from a column or a list."""
    if isinstance(said, str):
        if said not in columns.columns:
            raise NetNameError(f'{where}: there is no column "{said}", {did_you_mean(said, list(columns.names))}')
        column = columns.columns[said]
        said = columns.native(said) if isinstance(column, DiskColumn) else column
    found = said.detach().cpu().numpy() if isinstance(said, Tensor) else np.asarray(said)
    if found.dtype.kind == "O" and all(isinstance(label, str) for label in found.flat):
        found = found.astype(str)
    if found.ndim != 1 or found.dtype.kind not in "iubUS":
        raise NetTypeError(f"{where}: one class an example is wanted, got {sort_of(said)} of shape {found.shape} and type {found.dtype}")
    if len(found) != columns.count:
        raise NetValueError(f"{where}: there are {len(found)} classes for {columns.count} examples")
    return found


class SampledColumns(Columns):
    """Columns with the classes of their rows. `joined`: one example is a triplet of rows; `named`: its members are columns."""

    def __init__(
        self, columns: Mapping[str, object], where: str, sampler: Sampler, length: int | None, classes: np.ndarray,
        supers: np.ndarray | None, joined: bool, named: bool,
    ):  # fmt: skip
        super().__init__(columns, where)
        self.sampler, self.length, self.classes, self.supers = sampler, length, classes, supers
        self.joined, self.named = joined, named

    def observed(self):
        found = super().observed()
        if not self.joined:
            return found
        members = {name: kind for name, kind in found.items() if name != WEIGHT}
        for name, kind in members.items():
            if kind.varies:
                raise NetShapeError(f'{self.where}: column "{name}": the examples of a triplet have one shape, these differ ({kind})')
        made = {name: PortType(kind.kind, (3, *(kind.shape or ()))) for name, kind in members.items()}
        if self.named:
            made = dict.fromkeys(MEMBERS, next(iter(members.values())))
        return made | {name: found[name] for name in found if name == WEIGHT}

    def table(self, types, *, dtype=torch.float32, device=None) -> "SampledTable":
        groups = Groups(self.classes, self.supers)
        self.sampler.check_groups(groups, self.where)
        if not self.joined:
            return SampledTable(super().table(types, dtype=dtype, device=device), self.sampler, groups, self.where, self.length)
        column = next(name for name in self.names if name != WEIGHT)
        rows = {name: PortType(kind.kind, kind.shape[1:]) for name, kind in types.items() if name not in (*MEMBERS, WEIGHT)}
        rows = {column: types[MEMBERS[0]]} if self.named else rows
        rows |= {WEIGHT: types[WEIGHT]} if WEIGHT in types else {}
        flat = super().table(rows, dtype=dtype, device=device)
        return TripletTable(flat, self.sampler, groups, self.where, self.length, column if self.named else None)

    def split(self, held, seed=1234):
        """Both parts: what is held back is plain, or, where examples are triplets, has fixed triplets of its own rows.

        Of fixed triplets each part gets the share of its rows.
        """
        left, other = Columns({**self.columns, _ROWS: np.arange(self.count)}, self.where).split(held, seed)
        if not self.joined:
            return self._part(left, self.sampler), Columns(_without_rows(other), self.where)
        number = other.count
        sampler = self.sampler
        if isinstance(sampler, FixedTripletSampler):
            number = min(max(1, round(sampler.Triplets * other.count / self.count)), sampler.Triplets - 1)
            sampler = FixedTripletSampler(sampler.Triplets - number, sampler.Seed)
        return self._part(left, sampler), self._part(other, FixedTripletSampler(number))

    def _part(self, part: Columns, sampler: Sampler) -> "SampledColumns":
        rows = np.asarray(part.columns[_ROWS])
        supers = None if self.supers is None else self.supers[rows]
        return SampledColumns(_without_rows(part), self.where, sampler, self.length, self.classes[rows], supers, self.joined, self.named)


_ROWS = " rows"


def _without_rows(part: Columns) -> dict[str, object]:
    return {name: column for name, column in part.columns.items() if name != _ROWS}


class SampledTable(Table):
    """A table whose batches a sampler composes of the rows of another."""

    def __init__(self, flat: Table, sampler: Sampler, groups: Groups, where: str, length: int | None):
        self.flat, self.tensors, self.lengths, self.axes, self.count = flat, flat.tensors, flat.lengths, flat.axes, flat.count
        self.sampler, self.groups, self.where = sampler, groups, where
        flat.scattered()
        self.rows_a_round = length if length is not None else sampler.length(groups)

    @property
    def device(self):
        return self.flat.device

    @property
    def names(self):
        return self.flat.names

    def column(self, name):
        return self.flat.column(name)

    @property
    def lengths_known(self):
        return self.flat.lengths_known

    def expect(self, batches, draw=None):
        self.flat.expect(batches, draw)

    def give_up(self):
        self.flat.give_up()

    def batch(self, index, draw=None):
        return self.flat.batch(index, draw)

    @property
    def rows_an_example(self) -> int:
        """How many rows one example of the net is made of."""
        return 1

    def fitting(self, batch_size: int, given: bool) -> int:
        """The largest batch size up to `batch_size` that the sampler can fill.

        Errors: NetValueError where it is another one than the user has given, or not even the smallest.
        """
        unit, most = self.sampler.unit(), self.sampler.most(self.groups)
        unit = max(1, unit // self.rows_an_example)
        size = batch_size // unit * unit if most is None else min(batch_size // unit * unit, most)
        if size < 1 or (given and size != batch_size):
            wants = f"is {batch_size}, {self.sampler!r} wants a multiple of {unit}"
            wants += "" if most is None or batch_size <= most else f", and the classes fill {most} at most"
            raise NetValueError(f"{self.where}: BatchSize {wants}", fix=f"BatchSize={size or unit}")
        return size

    def only_training(self) -> NetTypeError:
        """The error of a sampler that looks at the net, where none is trained."""
        return NetTypeError(f"{self.where}: {self.sampler!r} follows the net that is trained: it gives training data alone")

    def batches_per_round(self, batch_size):
        super().batches_per_round(batch_size)
        return -(-self.rows_a_round // (batch_size * self.rows_an_example))

    def batches(self, seed, round, batch_size, near=None):
        """The rows of each batch of a round, which are a function of (seed, round) and of the nearest rows of other classes."""
        if near is None and self.sampler.follows_net:
            raise self.only_training()
        count, rows = self.batches_per_round(batch_size), batch_size * self.rows_an_example
        return self.sampler.batches(self.groups, rows, count, generator(seed, "order", round), near)


class TripletTable(SampledTable):
    """A sampled table in which an example of the net is three rows, stacked, or side by side as "Anchor", "Positive" and "Negative"."""

    def __init__(self, flat: Table, sampler: Sampler, groups: Groups, where: str, length: int | None, column: str | None):
        super().__init__(flat, sampler, groups, where, None if length is None else 3 * length)
        self.members = column
        if isinstance(sampler, FixedTripletSampler):
            self.count = sampler.Triplets

    @property
    def rows_an_example(self):
        return 3

    def batch(self, index: Tensor, draw: Any = None) -> Batch:
        """The triplets of the rows `index`, three after another."""
        flat = super().batch(index, draw).tensors
        tensors = {}
        for name, tensor in flat.items():
            whole = tensor.reshape(-1, 3, *tensor.shape[1:])
            if name == WEIGHT:
                tensors[name] = whole[:, 0].contiguous()
            elif name == self.members:
                tensors |= {member: whole[:, place].contiguous() for place, member in enumerate(MEMBERS)}
            else:
                tensors[name] = whole
        return Batch(tensors, {}, index)

    def in_order(self, batch_size):
        if not isinstance(self.sampler, FixedTripletSampler):
            raise self.only_training()
        return self.sampler.fixed(self.groups).reshape(-1).split(3 * batch_size)
