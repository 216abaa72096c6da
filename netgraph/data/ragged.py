"""Sequences of different lengths, one after another in one tensor: no longer than all of them together, however long the longest is."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Ragged:
    """Sequences, alike but for axis 0; rows of them are padded with zeros to the longest of these rows, and to 1 at least.

    >>> ragged = Ragged([torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0])])
    >>> ragged.index_select(0, torch.tensor([1, 1])).tolist(), ragged.shape
    ([[4.0], [4.0]], (2, 3))
    """

    def __init__(self, sequences: Sequence[Tensor]):
        self.lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64)
        self.values = torch.cat(list(sequences))
        self.starts = self.lengths.cumsum(0) - self.lengths

    def to(self, device) -> "Ragged":
        """The sequences on a device; their lengths stay with the host, which has to know how long a batch is."""
        moved = object.__new__(Ragged)
        moved.lengths, moved.starts, moved.values = self.lengths, self.starts, self.values.to(device)
        return moved

    def contiguous(self) -> "Ragged":
        """Itself: it is."""
        return self

    @property
    def device(self) -> torch.device:
        """Where the elements are."""
        return self.values.device

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that all would have as one padded tensor."""
        return (len(self.lengths), max(1, int(self.lengths.max())), *self.values.shape[1:])

    def index_select(self, axis: int, rows: Tensor) -> Tensor:
        """The sequences `rows`, padded; `axis` is 0, as of a tensor."""
        rows = rows.to("cpu")
        lengths = self.lengths[rows]
        steps = torch.arange(max(1, int(lengths.max()))).expand(len(rows), -1)
        beyond = steps >= lengths[:, None]
        places = torch.where(beyond, 0, self.starts[rows][:, None] + steps).to(self.device)
        if not len(self.values):
            return self.values.new_zeros((*places.shape, *self.values.shape[1:]))
        taken = self.values[places]
        taken[beyond.to(self.device)] = 0
        return taken
