"""Computations that are recorded whole: one call in the generated forward, inside which tensors are real and have sizes.

What a layer does to tensors is recorded operation by operation, with no size known. A computation in blocks needs sizes: it loops over
them. Recorded whole it is a plain Python function that eager runs call, and that compiling and exporting look into.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.fx import Proxy
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack


class Whole:
    """A function under a name that the generated source can show."""

    def __init__(self, function: Callable, name: str):
        self.function = function
        self.__name__ = name
        self.__module__ = "netgraph"

    def __call__(self, *args):
        return self.function(*args)


def whole(name: str, function: Callable, *args: Any) -> Any:
    """`function(*args)` on tensors; while a layer is recorded, one call of it."""
    tracer = next((arg.tracer for arg in args if isinstance(arg, Proxy)), None)
    if tracer is None:
        return function(*args)
    return tracer.create_proxy("call_function", Whole(function, name), args, {})


def is_traced() -> bool:
    """Whether values must not be looked at: while compiling, exporting, or tracing a step."""
    return torch.compiler.is_compiling() or bool(_get_current_dispatch_mode_stack())
