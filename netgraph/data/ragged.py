"""Sequences of different lengths, one after another in one tensor: no longer than all of them together, however long the longest is."""

import torch
from torch import Tensor

from netgraph.run.sequences import spread


class Ragged:
    """Sequences, alike but for axis 0; rows of them are padded with zeros to the longest of these rows, and to 1 at least.

    `values` are those of all, one after another, and a row of zeros behind; `lengths` is how many each sequence has.

    >>> ragged = Ragged(torch.tensor([1.0, 2.0, 3.0, 4.0, 0.0]), torch.tensor([3, 1]))
    >>> ragged.index_select(0, torch.tensor([1, 1])).tolist(), ragged.shape
    ([[4.0], [4.0]], (2, 3))
    """

    def __init__(self, values: Tensor, lengths: Tensor):
        self.values, self.lengths = values, lengths
        self.starts = lengths.cumsum(0) - lengths

    def to(self, device) -> "Ragged":
        """The sequences on a device; their lengths stay with the host, which has to know how long a batch is."""
        return Ragged(self.values.to(device), self.lengths)

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
        return spread(self.values, self.starts[rows], self.lengths[rows])
