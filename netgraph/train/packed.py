"""Values as plain data and tensors, and back: what a checkpoint keeps of things that are not tensors all through."""

from typing import Any

import numpy as np
import torch


def packed(value: Any, tensors: list[torch.Tensor]) -> Any:
    """A value as JSON data; tensors and arrays in it are put into `tensors`, and stand as their numbers.

    Errors: TypeError for what is no number, text, list, tuple, dict, tensor or array.

    >>> held = []
    >>> told = packed({"a": (1, torch.ones(2))}, held)
    >>> unpacked(told, held)
    {'a': (1, tensor([1., 1.]))}
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, torch.Tensor):
        tensors.append(value.detach().clone())
        return {"tensor": len(tensors) - 1}
    if isinstance(value, np.ndarray):
        tensors.append(torch.from_numpy(value.copy()))
        return {"array": len(tensors) - 1}
    if isinstance(value, dict):
        return {"dict": [[packed(key, tensors), packed(part, tensors)] for key, part in value.items()]}
    if type(value) in (list, tuple):
        return {type(value).__name__: [packed(part, tensors) for part in value]}
    raise TypeError(f"{value!r:.60} is neither plain data nor a tensor")


def unpacked(told: Any, tensors: list[torch.Tensor], device: torch.device | None = None) -> Any:
    """The value that `packed` was given, its tensors on `device`."""
    if not isinstance(told, dict):
        return told
    ((sort, inside),) = told.items()
    if sort == "tensor":
        return tensors[inside].to(device, copy=True)
    if sort == "array":
        return tensors[inside].numpy().copy()
    if sort == "dict":
        return {unpacked(key, tensors, device): unpacked(part, tensors, device) for key, part in inside}
    parts = [unpacked(part, tensors, device) for part in inside]
    return parts if sort == "list" else tuple(parts)
