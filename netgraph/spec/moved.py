"""The rules for padded batches of operations that move elements: what counts from the end counts from each example's own."""

import math
from typing import Any

import torch

from netgraph.spec.lengths import NoRule, Value
from netgraph.spec.masked import Masks
from netgraph.types.sizes import Affine


class Moves(Masks):
    """A method for each operation that moves elements, called by the names of its operands. Abstract."""

    def _flip(self, input: Value, dims: tuple[int, ...]) -> Value:
        for dim in dims:
            axis = dim % input.rank
            if not input.varies(axis):
                input = input._replace(tensor=input.tensor.flip(axis + 1))
                continue
            here = torch.arange(input.tensor.shape[axis + 1], device=input.tensor.device)
            places = self.lengths.tensor(input.axes[axis]).unsqueeze(1) - 1 - here
            input = input._replace(tensor=self.at(input, axis, torch.where(places < 0, here, places)))
        return input

    def _roll(self, input: Value, shifts: tuple[int, ...], dims: tuple[int, ...]) -> Value:
        if not dims:
            if input.rank > 1:
                raise NoRule("roll without an axis")
            dims = (0,)
        for shift, dim in zip(shifts, dims, strict=True):
            axis = dim % input.rank
            if not input.varies(axis):
                input = input._replace(tensor=input.tensor.roll(shift, axis + 1))
                continue
            here = torch.arange(input.tensor.shape[axis + 1], device=input.tensor.device)
            length = self.lengths.tensor(input.axes[axis]).unsqueeze(1)
            places = torch.where(here < length, torch.remainder(here - shift, length.clamp_min(1)), here)
            input = input._replace(tensor=self.at(input, axis, places))
        return input

    def _unsqueeze(self, input: Value, dim: int) -> Value:
        dim %= input.rank + 1
        return Value(input.tensor.unsqueeze(dim + 1), (*input.axes[:dim], 1, *input.axes[dim:]))

    def _squeeze(self, input: Value, dim: Any) -> Value:
        listed = range(input.rank) if dim is None else [axis % input.rank for axis in dim]
        ones = [axis for axis in listed if input.axes[axis] == 1 and not input.varies(axis)]
        return self.squeezed(input.tensor, input, ones, False)

    def _permute(self, input: Value, dims: tuple[int, ...]) -> Value:
        order = [axis % input.rank for axis in dims]
        return Value(input.tensor.permute(0, *(axis + 1 for axis in order)), tuple(input.axes[axis] for axis in order))

    def _transpose(self, input: Value, dim0: int, dim1: int) -> Value:
        order = list(range(input.rank))
        order[dim0], order[dim1] = order[dim1], order[dim0]
        return self._permute(input, tuple(order))

    def _movedim(self, input: Value, source: tuple[int, ...], destination: tuple[int, ...]) -> Value:
        moved = {to % input.rank: axis % input.rank for axis, to in zip(source, destination, strict=True)}
        rest = iter(axis for axis in range(input.rank) if axis not in moved.values())
        return self._permute(input, tuple(moved[place] if place in moved else next(rest) for place in range(input.rank)))

    def _flatten(self, input: Value, start_dim: int, end_dim: int) -> Value:
        if not input.rank:
            return self._unsqueeze(input, 0)
        first, last = start_dim % input.rank, end_dim % input.rank
        merged = input.axes[first : last + 1]
        if any(not isinstance(size, int) for size in merged[1:]):
            raise NoRule("flatten of a varying axis behind another")
        count = math.prod(merged[1:])
        size = merged[0] * count if isinstance(merged[0], int) else self.lengths.derive(merged[0], Affine(count, 0, 1))
        return Value(input.tensor.flatten(first + 1, last + 1), (*input.axes[:first], size, *input.axes[last + 1 :]))

    def _repeat_interleave(self, input: Value, repeats: int, dim: int | None) -> Value:
        if dim is None:
            return self._repeat_interleave(self._flatten(input, 0, -1), repeats, 0)
        dim %= input.rank
        old = input.axes[dim]
        size = old * repeats if isinstance(old, int) else self.lengths.derive(old, Affine(repeats, 0, 1))
        return Value(input.tensor.repeat_interleave(repeats, dim + 1), (*input.axes[:dim], size, *input.axes[dim + 1 :]))

    def _pad(self, input: Value, pad: tuple[int, ...], mode: str, value: float | None) -> Value:
        ends = [(0, 0)] * (input.rank - len(pad) // 2) + [pad[k : k + 2] for k in range(0, len(pad), 2)][::-1]
        touched = [axis for axis in range(input.rank) if any(ends[axis])]
        if any(input.varies(axis) for axis in touched) and (mode != "constant" or min(pad) < 0):
            raise NoRule(f"pad with mode={mode!r} or negative sizes")
        filled = self.filled(input, touched, 0.0 if value is None else value)
        axes = [
            size + sum(end) if isinstance(size, int) else self.lengths.derive(size, Affine(1, sum(end), 1)) if any(end) else size
            for size, end in zip(input.axes, ends, strict=True)
        ]
        return Value(torch.nn.functional.pad(filled.tensor, pad, mode, value), tuple(axes))

    def _tril(self, input: Value, diagonal: int) -> Value:
        return input._replace(tensor=input.tensor.tril(diagonal))

    def _triu(self, input: Value, diagonal: int) -> Value:
        return input._replace(tensor=input.tensor.triu(diagonal))

    def _stack(self, tensors: tuple[Value, ...], dim: int) -> Value:
        dim %= tensors[0].rank + 1
        axes = [self.joined(column) for column in zip(*(value.axes for value in tensors), strict=True)]
        found = torch.stack([self.widened(value).tensor for value in tensors], dim + 1)
        return Value(found, (*axes[:dim], len(tensors), *axes[dim:]))

    def _cat(self, tensors: tuple[Value, ...], dim: int) -> Value:
        dim %= tensors[0].rank
        wide = [self.widened(value) for value in tensors]
        columns = list(zip(*(value.axes for value in wide), strict=True))
        axes = [self.joined(column) if axis != dim else None for axis, column in enumerate(columns)]
        sizes = list(columns[dim])
        tensor = torch.cat([value.tensor for value in wide], dim + 1)
        if all(isinstance(size, int) for size in sizes):
            axes[dim] = sum(sizes)
            return Value(tensor, tuple(axes))
        axes[dim] = self.lengths.total(sizes, "cat")
        here = torch.arange(tensor.shape[dim + 1], device=tensor.device).unsqueeze(0)
        end, places = 0, here
        for value, size in zip(wide, sizes, strict=True):
            true = size if isinstance(size, int) else self.lengths.tensor(size).unsqueeze(1)
            end = true + end
            if not isinstance(size, int):
                places = places + torch.where(here >= end, value.tensor.shape[dim + 1] - true, 0)
        joined = Value(tensor, tuple(axes))
        return joined._replace(tensor=self.at(joined, dim, torch.where(places < tensor.shape[dim + 1], places, here)))

    def _index(self, input: Value, index: tuple) -> Value:
        if any(isinstance(part, Value) for part in index):
            if not input.whole and len(index) == 1 and not any(input.varying):
                (rows,) = index
                return Value(input.tensor[rows.tensor], (*rows.axes, *input.axes[1:]))
            raise NoRule("an index that is an array")
        used = sum(part is not None and part is not Ellipsis for part in index)
        rest = [slice(None)] * (input.rank - used)
        cut = index.index(Ellipsis) if Ellipsis in index else len(index)
        parts = [*index[:cut], *rest, *index[cut + 1 :]]
        axis = 0
        for part in parts:
            if part is None:
                input = self._unsqueeze(input, axis)
                axis += 1
            elif isinstance(part, int):
                input = self.picked(input, axis, part)
            else:
                input = self.sliced(input, axis, part)
                axis += 1
        return input

    def picked(self, value: Value, axis: int, place: int) -> Value:
        axes = (*value.axes[:axis], *value.axes[axis + 1 :])
        if value.varies(axis):
            self.lengths.need(value.axes[axis], place + 1 if place >= 0 else -place)
        if place >= 0 or not value.varies(axis):
            return Value(value.tensor.select(axis + 1, place), axes)
        places = (self.lengths.tensor(value.axes[axis]) + place).clamp_min(0).unsqueeze(1)
        return Value(self.at(value, axis, places).squeeze(axis + 1), axes)

    def sliced(self, value: Value, axis: int, part: slice) -> Value:
        size = value.axes[axis]
        if part == slice(None):
            return value
        if isinstance(size, int):
            found = value.tensor[(slice(None),) * (axis + 1) + (part,)]
            return Value(found, (*value.axes[:axis], len(range(*part.indices(size))), *value.axes[axis + 1 :]))
        start, stop, step = part.start or 0, part.stop, part.step or 1
        if start < 0 and stop is None and step == 1:
            self.lengths.need(size, -start)
            last = self.lengths.tensor(size).unsqueeze(1) + start
            places = (last + torch.arange(-start, device=value.tensor.device)).clamp_min(0)
            return Value(self.at(value, axis, places), (*value.axes[:axis], -start, *value.axes[axis + 1 :]))
        if start < 0 or step < 1 or (stop is not None and (stop >= 0 or step > 1)):
            raise NoRule(f"the slice {start}:{'' if stop is None else stop}{'' if step == 1 else f':{step}'}")
        form = Affine(1, step - 1 - start, step) if stop is None else Affine(1, stop - start, 1)
        found = value.tensor[(slice(None),) * (axis + 1) + (slice(start, stop, step),)]
        return Value(found, (*value.axes[:axis], self.lengths.derive(size, form), *value.axes[axis + 1 :]))
