"""What a value is, in words for messages."""

import numpy as np
from torch import Tensor


def sort_of(value) -> str:
    """What a value is, in a few words: `a string`, `a dict`, `an array of complex128`."""
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return f"a tensor of {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, np.ndarray):
        return "an array of strings" if value.dtype.kind in "US" else f"an array of {value.dtype.name}"
    if isinstance(value, str):
        return f"the string {value!r}" if len(value) <= 40 else f"a string of {len(value)} characters"
    if isinstance(value, complex):
        return f"the complex number {value!r}"
    name = value.__name__ if isinstance(value, type) else type(value).__name__
    if isinstance(value, type):
        return f"the class {name}"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
