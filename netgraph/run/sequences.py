"""Sequences of different lengths in one piece: many become tensors by a handful of operations, not by some for each of them."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netgraph.types.port_type import PortType

_WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
"""The dtypes of integers that int64 holds."""

_KEPT = 1 << 20
"""The elements of zeros that are kept for the next batches, whose cutting up would cost more than all the copying."""


def joined(examples: Any, type: PortType, dtype: torch.dtype = torch.float32, *, finite: bool = False) -> tuple[Tensor, Tensor] | None:
    """Sequences one after another in one tensor of the port's kind with a row of zeros at its end, and how long each of them is.

    None for all that takes a look at each example: what is no list of tensors, of arrays, or of lists of numbers, all of one dtype; ports
    of which not the first axis alone is open; and whatever is wrong. `finite` is that of `tensor_of`.

    >>> from netgraph.types.port_type import parse_type
    >>> joined([[1, 2, 3], [4]], parse_type("Varying", "Input"))
    (tensor([1., 2., 3., 4., 0.]), tensor([3, 1]))
    >>> joined([[1, 2, 3], ["4"]], parse_type("Varying", "Input"))
    """
    lengths = _lengths(examples, type)
    if lengths is None:
        return None
    whole = _whole(examples, [*[0] * (len(lengths) - 1), 1], type, dtype, finite)
    return None if whole is None else (whole, torch.tensor(lengths))


def padded(examples: Any, type: PortType, dtype: torch.dtype = torch.float32, *, finite: bool = False) -> tuple[Tensor, Tensor] | None:
    """Sequences filled up with zeros to the longest of them, and to 1 at least, and how long each is; None where `joined` gives None.

    >>> from netgraph.types.port_type import parse_type
    >>> padded([[1, 2, 3], [4]], parse_type("Varying", "Input"))
    (tensor([[1., 2., 3.],
            [4., 0., 0.]]), tensor([3, 1]))
    """
    lengths = _lengths(examples, type)
    if lengths is None:
        return None
    longest = max(1, *lengths)
    whole = _whole(examples, [longest - length for length in lengths], type, dtype, finite)
    return None if whole is None else (whole.view(len(lengths), longest, *whole.shape[1:]), torch.tensor(lengths))


def spread(whole: Tensor, starts: Tensor, lengths: Tensor) -> Tensor:
    """Rows of what `joined` gave as examples: those from each of `starts` on, padded as by `padded`.

    `starts` and `lengths` are on the host, where the places are counted; `whole` may be anywhere.

    >>> spread(torch.tensor([1.0, 2.0, 3.0, 4.0, 0.0]), torch.tensor([0, 3]), torch.tensor([3, 1])).tolist()
    [[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]]
    """
    steps = torch.arange(max(1, int(lengths.max())))
    places = torch.where(steps < lengths.unsqueeze(1), starts.unsqueeze(1) + steps, len(whole) - 1)
    return whole.index_select(0, places.flatten().to(whole.device)).unflatten(0, places.shape)


def _lengths(examples: Any, type: PortType) -> list[int] | None:
    """The length of each example, None where they are no list of sequences for a port that varies along its first axis alone."""
    shape = type.shape
    if not isinstance(examples, (list, tuple)) or not examples or not shape or shape[0] is None or isinstance(shape[0], int):
        return None
    if not all(isinstance(size, int) for size in shape[1:]):
        return None
    try:
        return [len(example) for example in examples] if isinstance(examples[0], list) else [example.shape[0] for example in examples]
    except (AttributeError, IndexError, TypeError):
        return None


def _whole(examples: Sequence, blanks: Sequence[int], type: PortType, dtype: torch.dtype, finite: bool) -> Tensor | None:
    """The examples one after another, each with as many rows of zeros behind it as `blanks` says, in a tensor of the port's kind."""
    try:
        whole = _end_to_end(examples, blanks, tuple(type.shape or ())[1:])
    except (RuntimeError, TypeError, ValueError):
        return None
    whole = None if whole is None else _of_kind(whole, type, dtype)
    if whole is None or (finite and whole.is_floating_point() and not math.isfinite(whole.sum().item())):
        return None
    return whole


def _end_to_end(examples: Sequence, blanks: Sequence[int], tail: tuple) -> Tensor | None:
    """The same in a tensor of their own dtype. Errors: those of torch and NumPy for what does not fit together."""
    sorts = set(map(type, examples))
    if sorts == {Tensor}:
        if len({example.dtype for example in examples}) > 1:
            return None
        return torch.cat(_between(examples, blanks, _zeros(examples[0], max(blanks), tail)))
    if sorts == {np.ndarray}:
        dtype = examples[0].dtype
        if dtype.kind not in "fiub" or any(example.dtype != dtype for example in examples):
            return None
        zeros = np.zeros((max(blanks), *tail), dtype)
        return torch.from_numpy(np.concatenate(_between(examples, blanks, {count: zeros[:count] for count in set(blanks)})))
    if sorts == {list} and not tail:
        sorts = set(map(type, chain.from_iterable(examples)))
        if len(sorts) != 1 or not sorts <= {int, float, bool}:
            return None
        zero = sorts.pop()()
        array = np.array(list(chain.from_iterable(_between(examples, blanks, {count: [zero] * count for count in set(blanks)}))))
        # NumPy makes floats, objects or other integers of integers above 63 bits
        return torch.from_numpy(array) if array.dtype.kind in "fb" or array.dtype == np.int64 else None
    return None


def _zeros(like: Tensor, most: int, tail: tuple[int, ...]) -> Sequence[Tensor]:
    """Up to `most` rows of zeros, by their number."""
    size = 1 << most.bit_length()
    if size * math.prod(tail) > _KEPT:
        return _slices(like.dtype, like.device, most, tail)
    return _kept_slices(like.dtype, like.device, size, tail)


def _slices(dtype: torch.dtype, device: torch.device, most: int, tail: tuple[int, ...]) -> list[Tensor]:
    with torch.inference_mode(False):
        zeros = torch.zeros((most, *tail), dtype=dtype, device=device)
        return [zeros[:count] for count in range(most + 1)]


_kept_slices = lru_cache(8)(_slices)


def _between(examples: Sequence, blanks: Sequence[int], zeros: Sequence | dict) -> list:
    """The examples, each followed by as many zeros as its blanks say."""
    return [part for example, count in zip(examples, blanks, strict=True) for part in ((example, zeros[count]) if count else (example,))]


def _of_kind(whole: Tensor, type: PortType, dtype: torch.dtype) -> Tensor | None:
    """The numbers as the port takes them; None where it may not."""
    kind = type.kind
    if kind is None or kind.name == "real":
        return None if whole.is_complex() else whole.to(dtype)
    if kind.name == "boolean":
        return whole if whole.dtype is torch.bool else None
    if whole.dtype not in _WHOLE:
        return None
    if kind.count is not None and whole.numel():
        low, high = torch.aminmax(whole)
        if int(low) < 0 or int(high) >= kind.count:
            return None
    return whole.to(torch.int64)
