"""How losses compute: functions that know their own slope, fast small ones, and the precision of all."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

import torch

from netgraph.errors import NetValueError
from netgraph.spec.whole import is_traced, whole


def once(backward: Callable) -> Callable:
    """The backward pass of a function, which is an error where its own derivative is asked for, and nothing where no gradient comes."""

    @wraps(backward)
    def checked(ctx, *gradients):
        if torch.is_grad_enabled() and not is_traced():
            raise NetValueError("A loss on a batch knows its gradient, not the derivative of that: create_graph=True does not apply")
        if all(gradient is None for gradient in gradients):
            return (None,) * len(ctx.needs_input_grad)
        return backward(ctx, *gradients)

    return checked


class ClosedForm(torch.autograd.Function):
    """A function with its backward pass in closed form: `forward` finds the slope too and keeps it. Abstract; called by `of`.

    The slope is a constant to autograd, so a second derivative is refused.
    """

    pull: ClassVar[Callable]
    """`backward` as it is written, without that check."""

    def __init_subclass__(cls, **words):
        super().__init_subclass__(**words)
        cls.pull = staticmethod(cls.backward)
        cls.backward = staticmethod(once(cls.backward))  # pyright: ignore[reportAttributeAccessIssue]

    @classmethod
    def of(cls, *args):
        """The function; where nobody asks for a gradient of its first argument nothing is kept."""
        if torch.is_grad_enabled() and args[0].requires_grad:
            return cls.apply(*args)
        return cls.forward(_Forgetful(), *args)


class Composed(ClosedForm):
    """Closed forms in turn, each of the first result of the one before, as one function: a step of autograd takes as long as a small
    product. A step is (form, *its arguments behind the first)."""

    @staticmethod
    def forward(ctx, x, *steps):
        ctx.set_materialize_grads(False)
        ctx.steps, saved, found = [], [], (x,)
        for form, *args in steps:
            own = _Step(saved)
            found = form.forward(own, found[0] if isinstance(found, tuple) else found, *args)
            ctx.steps.append((form, own))
        ctx.save_for_backward(*saved)
        ctx.saved = saved
        saved.clear()
        ctx.mark_non_differentiable(*own.constant)
        return found

    @staticmethod
    def backward(ctx, *gradients):
        ctx.saved += ctx.saved_tensors
        for form, own in reversed(ctx.steps):
            found = form.pull(own, *gradients)
            gradients = found[:1] if isinstance(found, tuple) else (found,)
        ctx.saved.clear()
        return *gradients, *(None for _ in ctx.steps)


class _Forgetful:
    """A context that keeps nothing."""

    def save_for_backward(self, *tensors):
        pass

    def mark_non_differentiable(self, *tensors):
        pass

    def set_materialize_grads(self, value):
        pass


class _Step(_Forgetful):
    """The context of a step of Composed: what it saves stands in a list of all steps, which is filled only while they run."""

    constant: tuple[torch.Tensor, ...] = ()

    def __init__(self, saved: list[torch.Tensor]):
        self.saved = saved

    def save_for_backward(self, *tensors):
        self.place = slice(len(self.saved), len(self.saved) + len(tensors))
        self.saved += tensors

    @property
    def saved_tensors(self):
        return self.saved[self.place]

    def mark_non_differentiable(self, *tensors):
        self.constant = tensors


def has_any(mask: torch.Tensor) -> torch.Tensor:
    """Which rows of a mask have a True entry, ten times as fast as `any`."""
    return mask.view(torch.uint8).amax(1) > 0


def as_numbers(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """1 where a mask is True, else 0; three times as fast as `to`."""
    return mask.view(torch.uint8).to(dtype)


def precisely(name: str, function: Callable, *args: Any) -> Any:
    """`function(*args)` recorded whole, its products in the precision of its tensors also where a net is trained in mixed precision.

    Similarities in bfloat16 have two or three digits, which scales and temperatures blow up.
    """

    def run(*args):
        device = next(filter(torch.is_tensor, args)).device.type
        if not torch.is_autocast_enabled(device):
            return function(*args)
        with torch.autocast(device, enabled=False):
            return function(*args)

    return whole(name, run, *args)
