"""How losses compute: functions that know their own slope, fast small ones, and the precision of all."""

from collections.abc import Callable
from typing import Any

import torch

from netgraph.spec.whole import whole


class ClosedForm(torch.autograd.Function):
    """A function with its backward pass in closed form: `forward` finds the slope too and keeps it. Abstract; called by `of`."""

    @classmethod
    def of(cls, *args):
        """The function; where nobody asks for a gradient of its first argument nothing is kept."""
        if torch.is_grad_enabled() and args[0].requires_grad:
            return cls.apply(*args)
        return cls.forward(_Forgetful(), *args)


class _Forgetful:
    """A context that keeps nothing."""

    def save_for_backward(self, *tensors):
        pass

    def mark_non_differentiable(self, *tensors):
        pass


def has_any(mask: torch.Tensor) -> torch.Tensor:
    """Which rows of a mask have a True entry, ten times as fast as `any`."""
    return mask.view(torch.uint8).amax(1) > 0


def precisely(name: str, function: Callable, *args: Any) -> Any:
    """`function(*args)` recorded whole, its products in the precision of its tensors also where a net is trained in mixed precision.

    Similarities in bfloat16 have two or three digits, which scales and temperatures blow up.
    """

    def run(*args):
        device = next(arg for arg in args if isinstance(arg, torch.Tensor)).device.type
        if not torch.is_autocast_enabled(device):
            return function(*args)
        with torch.autocast(device, enabled=False):
            return function(*args)

    return whole(name, run, *args)
