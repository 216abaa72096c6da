"""Distances and similarities between embeddings, as settings that know whether small or large means close.

A metric prepares all embeddings once (`prepare`) and then compares blocks of rows with all of them (`between`), or rows with rows
(`paired`). All comparisons are finite and have finite gradients: a zero vector stays zero when it is normalised and gets no gradient, and
the gradient of a distance that is 0 is 0. A Euclidean distance is found from products, which is fast and leaves noise of the size of the
rounding of the squared norms: what lies below it counts as 0.
"""

from typing import Any

import torch

from netgraph.layers.metric.closed import ClosedForm
from netgraph.spec.parameters import Flag, number
from netgraph.spec.setting import Setting, setting

__all__ = ["CosineSimilarity", "DotProductSimilarity", "LpDistance", "SNRDistance"]

Tensors = tuple[torch.Tensor, ...]


class Metric(Setting):
    """How far apart, or how similar, two embeddings are. Abstract."""

    abstract = True
    small_is_close = True

    def prepare(self, x: torch.Tensor) -> Tensors:
        """What is needed of each embedding (rows of n x d), found once for all."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def between(self, rows: Tensors, keys: Tensors) -> torch.Tensor:
        """The value for each row (along axis 0) and each key (along axis 1)."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def ranking(self, rows: Tensors, keys: Tensors) -> torch.Tensor:
        """What orders the keys of a row as the value does, small for close; cheaper where it can be."""
        return self.sign * self.between(rows, keys)

    def steps(self, factor: float) -> tuple[tuple, ...] | None:
        """The closed forms that lead from embeddings to `oriented` of all with all, where there are such."""
        return None

    def paired(self, a: Tensors, b: Tensors) -> torch.Tensor:
        """The value for each row of `a` and the row of `b` at the same place; leading axes are kept."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def oriented(self, rows: Tensors, keys: Tensors, factor: float = 1.0) -> torch.Tensor:
        """`factor` times `between` made small where close."""
        d, factor = self.between(rows, keys), factor * self.sign
        return d if factor == 1 else d * factor

    @property
    def sign(self) -> float:
        """1 for a distance, -1 for a similarity: the value times it is small where close."""
        return 1.0 if self.small_is_close else -1.0


class LpDistance(Metric):
    """The distance (sum over k of |a[k] - b[k]|^P)^(Power/P), of normalised embeddings unless told otherwise. Small is close.

    P from 1 is also the norm that embeddings are normalised by. `LpDistance(Normalized=False)` is "EuclideanDistance" ("euclidean",
    "l2", "pythagorean"), `LpDistance(2, 2, False)` "SquaredEuclideanDistance" ("squared_euclidean", "sql2", "sqeuclidean"),
    `LpDistance(1, 1, False)` "ManhattanDistance" ("manhattan", "l1", "taxicab").
    Source: the default of pytorch-metric-learning.

    >>> LpDistance(), LpDistance(2, 2, False)
    (LpDistance(), LpDistance(Power=2.0, Normalized=False))
    """

    P: number(1) = 2.0
    Power: number(0, low_open=True) = 1.0
    Normalized: Flag = True

    def prepare(self, x):
        x = unit(x, self.P) if self.Normalized else x
        if self.P != 2:
            return (x,)
        # a shift changes no distance, and near 0 the products have the most digits
        x = x if self.Normalized else x - x.detach().mean(0)
        return x, x.square().sum(-1)

    def between(self, rows, keys):
        if self.P != 2:
            return self._raised(torch.cdist(rows[0], keys[0], self.P))
        squares = torch.addmm(keys[1], rows[0], keys[0].mT, alpha=-2) + rows[1].unsqueeze(-1)
        return self._of_squares(squares, 8 * torch.finfo(squares.dtype).eps * rows[1].detach().unsqueeze(-1))

    def ranking(self, rows, keys):
        return self.between(rows, keys) if self.P != 2 else torch.addmm(keys[1], rows[0], keys[0].mT, alpha=-2)

    def paired(self, a, b):
        difference = a[0] - b[0]
        if self.P != 2:
            return self._raised(torch.linalg.vector_norm(difference, self.P, -1))
        return self._of_squares(difference.square().sum(-1), 0.0)

    def _of_squares(self, squares, floor):
        if self.Power == 2:
            return squares.clamp_min(0)
        return self._raised(Root.of(squares, floor))

    def _raised(self, distance):
        if self.Power == 1:
            return distance
        near = distance <= 0
        return torch.where(near, 0.0, torch.where(near, 1.0, distance) ** self.Power)


class SNRDistance(Metric):
    """The variance of a - b over that of a, along the coordinates: noise over signal. Small is close; not symmetric.

    Embeddings are normalised unless told otherwise. Where a has no variance its own counts as the smallest positive number.
    "snr" is `SNRDistance(False)`.
    Source: Yuan et al. 2019 (arXiv 1904.02616).

    >>> SNRDistance()
    SNRDistance()
    """

    Normalized: Flag = True

    def prepare(self, x):
        x = unit(x, 2.0) if self.Normalized else x
        x = x - x.mean(-1, keepdim=True)
        return x, x.square().sum(-1)

    def between(self, rows, keys):
        squares = torch.addmm(keys[1], rows[0], keys[0].mT, alpha=-2) + rows[1].unsqueeze(-1)
        return squares.clamp_min(0) / self._signal(rows[1]).unsqueeze(-1)

    def paired(self, a, b):
        return (a[0] - b[0]).square().sum(-1) / self._signal(a[1])

    @staticmethod
    def _signal(squares):
        return squares.clamp_min(torch.finfo(squares.dtype).eps)


class CosineDistance(Metric):
    """1 - a.b of normalised embeddings, from 0 to 2. Small is close."""

    Normalized: Flag = True

    def __repr__(self):
        return "CosineDistance" if self.Normalized else '("CosineDistance", False)'

    def prepare(self, x):
        return (unit(x, 2.0) if self.Normalized else x,)

    def between(self, rows, keys):
        return (1 + product(rows[0], keys[0], -1.0)).clamp_min(0)

    def paired(self, a, b):
        return (1 - (a[0] * b[0]).sum(-1)).clamp_min(0)


class _Product(Metric):
    """A similarity that is a product of rows and keys. Abstract."""

    abstract = True
    small_is_close = False
    Normalized = True

    def prepare(self, x):
        return (unit(x, 2.0) if self.Normalized else x,)

    def steps(self, factor):
        return (*(((Unit,),) if self.Normalized else ()), (Gram, -factor))

    def between(self, rows, keys):
        return product(rows[0], keys[0])

    def oriented(self, rows, keys, factor=1.0):
        return product(rows[0], keys[0], -factor)

    def paired(self, a, b):
        return (a[0] * b[0]).sum(-1)


class DotProductSimilarity(_Product):
    """The product a.b, of normalised embeddings unless told otherwise. Large is close.

    "inner_product", "ip" and "dot" are `DotProductSimilarity(False)`.

    >>> DotProductSimilarity(False)
    DotProductSimilarity(False)
    """

    Normalized: Flag = True


class CosineSimilarity(_Product):
    """The cosine of the angle between a and b, from -1 to 1. Large is close.

    >>> CosineSimilarity()
    CosineSimilarity()
    """


ALIASES: dict[str, Setting] = {
    **dict.fromkeys(("EuclideanDistance", "euclidean", "l2", "pythagorean"), LpDistance(Normalized=False)),
    **dict.fromkeys(("SquaredEuclideanDistance", "squared_euclidean", "sql2", "sqeuclidean"), LpDistance(2, 2, False)),
    **dict.fromkeys(("ManhattanDistance", "manhattan", "l1", "taxicab"), LpDistance(1, 1, False)),
    "cosine": CosineDistance(),
    "snr": SNRDistance(False),
    **dict.fromkeys(("inner_product", "ip", "dot"), DotProductSimilarity(False)),
}
"""The other names of distances: Wolfram's, and TF Similarity's."""

METRIC: Any = setting(Metric, ALIASES)
"""A field annotation: a metric by value, name, alias or symbol, or a tuple of name and numbers."""


def product(rows: torch.Tensor, keys: torch.Tensor, factor: float = 1.0) -> torch.Tensor:
    """`factor` times the products of rows and keys; where both are the same tensor its gradient takes one product, not two."""
    if rows is keys:
        return Gram.of(rows, factor)
    return scaled_product(rows, keys, factor)


def scaled_product(rows: torch.Tensor, keys: torch.Tensor, factor: float) -> torch.Tensor:
    """The product, whose last pass takes the factor along."""
    return rows @ keys.mT if factor == 1 else torch.addmm(rows.new_zeros(1), rows, keys.mT, beta=0, alpha=factor)


class Gram(ClosedForm):
    """`factor` times the products of all rows with each other."""

    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return scaled_product(x, x, factor)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return torch.addmm(x, gradient + gradient.mT, x, beta=0, alpha=ctx.factor), None


class Root(ClosedForm):
    """The square root of squares above a floor; below it 0, with gradient 0."""

    @staticmethod
    def forward(ctx, squares, floor):
        root = torch.where(squares > floor, squares, 0.0).sqrt_()
        ctx.save_for_backward(root)
        return root

    @staticmethod
    def backward(ctx, gradient):
        (root,) = ctx.saved_tensors
        # nothing is near 0 but 0 itself: a root above the floor is far above the smallest number
        return torch.where(root > 0, gradient / (2 * root), 0.0), None


def unit(x: torch.Tensor, p: float) -> torch.Tensor:
    """Rows of norm 1; a zero row stays zero and gets no gradient."""
    if p == 2:
        return Unit.of(x)
    size = torch.linalg.vector_norm(x, p, -1, keepdim=True)
    return torch.where(size > 0, x / size.clamp_min(1e-12), 0.0)


class Unit(ClosedForm):
    """Rows of Euclidean norm 1."""

    @staticmethod
    def forward(ctx, x):
        size = torch.linalg.vector_norm(x, 2, -1, keepdim=True)
        scale = size.sign() / size.clamp_min(1e-12)
        result = x * scale
        ctx.save_for_backward(result, scale)
        return result

    @staticmethod
    def backward(ctx, gradient):
        result, scale = ctx.saved_tensors
        along = (result * gradient).sum(-1, keepdim=True)
        return torch.addcmul(gradient, result, along, value=-1).mul_(scale)
