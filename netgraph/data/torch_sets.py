"""Data sets of torch that are tensors in memory, taken as columns, so that no example of them is fetched alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, StackDataset, Subset, TensorDataset

Held = tuple[Any, ...] | dict[str, Any]


def held_columns(data: Any) -> Held | None:
    """The columns of a TensorDataset or StackDataset of arrays, of parts of one (as of `random_split`), and of several in a row.

    None for any other data set, and for classes derived of these that change how an example is made.

    >>> held_columns(Subset(TensorDataset(torch.arange(4), torch.arange(4) * 10), [3, 1]))
    (tensor([3, 1]), tensor([30, 10]))
    """
    if _plain(data, TensorDataset):
        return tuple(data.tensors)
    if _plain(data, StackDataset):
        parts = data.datasets
        whole = all(isinstance(part, (Tensor, np.ndarray)) for part in (parts.values() if isinstance(parts, dict) else parts))
        return parts if whole else None
    if _plain(data, Subset):
        inner, rows = held_columns(data.dataset), torch.as_tensor(list(data.indices), dtype=torch.int64)
        return None if inner is None else _mapped(lambda column: column[rows if isinstance(column, Tensor) else rows.numpy()], inner)
    if _plain(data, ConcatDataset):
        inner = [held_columns(part) for part in data.datasets]
        first = inner[0]
        if isinstance(first, tuple) and all(isinstance(part, tuple) and len(part) == len(first) for part in inner):
            return tuple(torch.cat([torch.as_tensor(column) for column in columns]) for columns in zip(*inner, strict=True))
        named = [part for part in inner if isinstance(part, dict) and isinstance(first, dict) and part.keys() == first.keys()]
        if len(named) == len(inner):
            return {name: torch.cat([torch.as_tensor(part[name]) for part in named]) for name in named[0]}
    return None


def _plain(data: Any, kind: type[Dataset]) -> bool:
    return isinstance(data, kind) and type(data).__getitem__ is kind.__getitem__


def _mapped(change: Callable[[Any], Any], columns: Held) -> Held:
    if isinstance(columns, dict):
        return {name: change(column) for name, column in columns.items()}
    return tuple(change(column) for column in columns)
