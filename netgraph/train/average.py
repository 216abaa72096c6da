"""EMA: a running mean of the trained arrays in which older ones count less and less."""

from collections.abc import Sequence
from typing import Any

import torch

_OPS: Any = torch


class Average:
    """The exponential moving average of `arrays`, updated after every step.

        e_t = sum over i <= t of d^(t-i) w_i / sum of d^(t-i),    w_i the arrays after update i

    so the first is the arrays themselves, and where they started never counts. Written as e <- e + k (w - e), k = (1 - d) / (1 - d^t).

    >>> average = Average([torch.zeros(1)], 0.5)
    >>> for number, w in enumerate([1.0, 4.0], 1): average.update([torch.tensor([w])], number)
    >>> average.arrays[0].item()
    3.0
    """

    def __init__(self, arrays: Sequence[torch.Tensor], decay: float):
        self.decay = decay
        self.arrays = [array.detach().clone() for array in arrays]

    @torch.no_grad()
    def update(self, arrays: Sequence[torch.Tensor], count: int) -> None:
        """Take in the arrays after update number `count`, from 1."""
        if not self.arrays:
            return
        share = (1 - self.decay) / (1 - self.decay**count)
        if share >= 1:
            _OPS._foreach_copy_(self.arrays, list(arrays))
        else:
            _OPS._foreach_lerp_(self.arrays, list(arrays), share)

    @torch.no_grad()
    def load(self, arrays: Sequence[torch.Tensor]) -> None:
        """Go on from what an earlier one held."""
        for mine, given in zip(self.arrays, arrays, strict=True):
            mine.copy_(given)
