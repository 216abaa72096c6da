"""Regularizers: what is added to a loss for the embeddings, or for class vectors, themselves. Settings, one number a row."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from netgraph.layers.metric.distance import unit
from netgraph.spec.parameters import Count, number
from netgraph.spec.setting import Setting, setting

__all__ = ["CenterInvariantRegularizer", "LpRegularizer", "RegularFaceRegularizer", "SparseCentersRegularizer", "ZeroMeanRegularizer"]


class Regularizer(Setting):
    """A cost of rows of numbers. Abstract."""

    abstract: ClassVar[bool] = True
    coupled: ClassVar[bool] = False
    """Whether the cost of a row depends on other rows."""

    def costs(self, rows: Tensor, real: Tensor) -> Tensor:
        """The cost of each row of n x d, those that are not `real` being none; their mean is added to the loss."""
        raise TypeError(f"{type(self).__name__} is abstract")


REGULARIZER: Any = setting(Regularizer, none=True)
"""A field annotation: a regularizer by value or name, a tuple of name and numbers, or None."""


class LpRegularizer(Regularizer):
    """The norm of each row, to a power. A zero row has no gradient.

    >>> LpRegularizer(1)
    LpRegularizer(1.0)
    """

    P: number(1) = 2
    Power: number(0, low_open=True) = 1

    def costs(self, rows, real):
        size = torch.linalg.vector_norm(rows, self.P, 1)
        if self.Power == 1:
            return size
        some = size > 0
        return torch.where(some, torch.where(some, size, 1.0) ** self.Power, 0.0)


class ZeroMeanRegularizer(Regularizer):
    """The absolute value of the sum of each row.

    >>> ZeroMeanRegularizer()
    ZeroMeanRegularizer()
    """

    def costs(self, rows, real):
        return rows.sum(1).abs()


class CenterInvariantRegularizer(Regularizer):
    """Rows should be of equal length: a quarter of the square of each squared norm less their mean.

    Source: Wu et al. 2017 (deep face recognition with center invariant loss).

    >>> CenterInvariantRegularizer()
    CenterInvariantRegularizer()
    """

    coupled = True

    def costs(self, rows, real):
        squares = rows.square().sum(1)
        mean = torch.where(real, squares, 0.0).sum() / real.sum().clamp_min(1)
        return (squares - mean).square() / 4


class RegularFaceRegularizer(Regularizer):
    """Rows should point apart: the largest cosine of each row to another one, 0 where there is no other.

    Source: Zhao et al. 2019 (RegularFace, CVPR).

    >>> RegularFaceRegularizer()
    RegularFaceRegularizer()
    """

    coupled = True

    def costs(self, rows, real):
        directions = unit(rows, 2.0)
        cosines = directions @ directions.mT
        others = real.unsqueeze(0) & ~torch.eye(len(rows), dtype=torch.bool, device=rows.device)
        nearest = torch.where(others, cosines.detach(), -torch.inf).argmax(1)
        return torch.where(others.any(1), cosines.gather(1, nearest.unsqueeze(1)).squeeze(1), 0.0)


class SparseCentersRegularizer(Regularizer):
    """Centres of one class, CentersPerClass rows in turn, should fall together: the mean of sqrt(2 - 2 cosine) over their pairs, over two.

    Made for class vectors with several centres. The cost of a row is what makes the mean over rows that number.
    Source: Qian et al. 2019 (SoftTriple, arXiv 1909.05235).

    >>> SparseCentersRegularizer(3)
    SparseCentersRegularizer(3)
    """

    coupled = True
    CentersPerClass: Count = 2

    def costs(self, rows, real):
        directions = unit(rows, 2.0)
        group = torch.arange(len(rows), device=rows.device) // self.CentersPerClass
        pairs = (group.unsqueeze(1) == group).triu(1) & real & real.unsqueeze(1)
        gaps = (2 - 2 * directions @ directions.mT).clamp_min(torch.finfo(rows.dtype).tiny)
        spread = torch.where(pairs, torch.where(pairs, gaps, 1.0).sqrt(), 0.0)
        return spread.sum(1) * len(rows) / (2 * pairs.sum().clamp_min(1))
