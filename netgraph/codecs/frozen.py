"""Arrays as parameters of codecs: compared and hashed by their contents."""

from typing import Any

import numpy as np
from torch import Tensor


class FrozenArray:
    """A read-only array that is a value. Anything that NumPy can read as numbers will do.

    >>> FrozenArray([1.0, 2.0]) == FrozenArray(np.array([1.0, 2.0]))
    True
    """

    __slots__ = ("_key", "array")

    def __init__(self, array: Any):
        made = np.array(array.numpy(force=True) if isinstance(array, Tensor) else array)
        made.flags.writeable = False
        object.__setattr__(self, "array", made)
        object.__setattr__(self, "_key", (made.shape, made.dtype.str, made.tobytes()))

    def __setattr__(self, name, value):
        raise AttributeError("a frozen array cannot be changed")

    def __eq__(self, other) -> bool:
        return isinstance(other, FrozenArray) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"<array of shape {self.array.shape}>"

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype) if copy or (dtype is not None and dtype != self.array.dtype) else self.array
