"""What the rules for padded batches share: axes brought together, masks, true counts, places counted from each example's own end."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from netgraph.spec.lengths import NoRule, Running, Solving, Value


class Masks:
    """Work on arrays with varying axes. Abstract: the rules of operations are written in subclasses."""

    lengths: Solving | Running
    like: Any
    """The first input, whose batch axis all share."""

    def widened(self, value: Value) -> Value:
        """The value with a batch axis."""
        if value.whole:
            return value
        return value._replace(tensor=value.tensor.unsqueeze(0).expand(self.like.shape[0], *[-1] * value.rank), whole=True)

    def raised(self, value: Value, rank: int) -> Value:
        """The value with axes of size 1 in front, up to that rank."""
        tensor = value.tensor
        for _ in range(rank - value.rank):
            tensor = tensor.unsqueeze(1 if value.whole else 0)
        return value._replace(tensor=tensor, axes=(1,) * (rank - value.rank) + value.axes)

    def joined(self, columns: Sequence[Any]) -> Any:
        """The common size of one axis of several arrays that are threaded."""
        wide = [size for size in columns if not (isinstance(size, int) and size == 1)]
        lengths = [size for size in wide if not isinstance(size, int)]
        if lengths and len(lengths) < len(wide):
            raise NoRule(f"an axis of size {next(size for size in wide if isinstance(size, int))} against a varying one")
        for length in lengths[1:]:
            self.lengths.agree(lengths[0], length)
        return (wide or list(columns))[0]

    def valid(self, value: Value, axis: int) -> Any:
        """Where the positions along a varying axis are real; it broadcasts over the value."""
        positions = torch.arange(value.tensor.shape[axis + 1], device=value.tensor.device)
        shape = [1] * (value.rank + 1)
        shape[axis + 1] = -1
        return positions.reshape(shape) < self.lengths.tensor(value.axes[axis]).reshape(-1, *[1] * value.rank)

    def filled(self, value: Value, dims: Sequence[int], fill: Any) -> Value:
        """The value with `fill` in place of padding along the axes."""
        tensor = value.tensor
        for axis in dims:
            if value.varies(axis):
                tensor = torch.where(self.valid(value, axis), tensor, fill)
        return value._replace(tensor=tensor)

    def count(self, value: Value, dims: Sequence[int]) -> Any:
        """How many elements the axes have: a number, or a tensor that broadcasts over a result with these axes kept."""
        known = math.prod(value.axes[axis] for axis in dims if not value.varies(axis))
        for axis in dims:
            if value.varies(axis):
                known = self.lengths.tensor(value.axes[axis]).reshape(-1, *[1] * value.rank) * known
        return known

    def dims(self, value: Value, dim: Any) -> tuple[int, ...]:
        listed = range(value.rank) if dim is None or dim == () else (dim,) if isinstance(dim, int) else dim
        return tuple(sorted(axis % value.rank for axis in listed))

    def reduced(self, value: Value, dims: Sequence[int], keepdim: bool) -> tuple[Any, ...]:
        if keepdim:
            return tuple(1 if axis in dims else size for axis, size in enumerate(value.axes))
        return tuple(size for axis, size in enumerate(value.axes) if axis not in dims)

    def squeezed(self, tensor: Any, value: Value, dims: Sequence[int], keepdim: bool) -> Value:
        """A result whose reduced axes are still there, as asked for."""
        for axis in () if keepdim else sorted(dims, reverse=True):
            tensor = tensor.squeeze(axis + 1)
        return Value(tensor, self.reduced(value, dims, keepdim))

    def at(self, value: Value, axis: int, places: Any) -> Any:
        """The elements at places (example x place) along an axis."""
        shape = [-1 if k in (0, axis + 1) else 1 for k in range(value.rank + 1)]
        sizes = [-1 if k in (0, axis + 1) else value.tensor.shape[k] for k in range(value.rank + 1)]
        # the places have as many rows as there are examples, so both open sizes are told
        laid = places.reshape(value.tensor.shape[0], *shape[1:])
        return value.tensor.gather(axis + 1, laid.expand(*sizes))
