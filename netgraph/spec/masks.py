"""Masks of padded batches: which positions of a varying axis are real."""

import torch


def valid_positions(x: torch.Tensor, axis: int, lengths: torch.Tensor, rank: int) -> torch.Tensor:
    """A Boolean mask that broadcasts over `x`: True where the position along `axis` is below the example's length.

    `rank` is the number of axes of one example: while a layer is recorded a tensor does not know its own.
    """
    positions = torch.arange(x.shape[axis], device=x.device)
    shape = [1] * (rank + 1)
    shape[axis] = -1
    return positions.reshape(shape) < lengths.reshape(-1, *[1] * rank)
