"""A class of torch.optim at work on the buffers of a run, and its state as tensors and plain data."""

from collections.abc import Sequence
from typing import Any

import torch

from netgraph.errors import NetTrainingError, NetTypeError
from netgraph.train.method import Coefficients, TorchMethod
from netgraph.train.packed import packed, unpacked


class Optimizer:
    """One optimiser over `arrays`; each has a group of its own, so that its rate is its own.

    Errors: NetTypeError for arguments that the class does not take.
    """

    def __init__(self, method: TorchMethod, arrays: Sequence[torch.Tensor], rate: float = 0.001):
        self.method, self.arrays = method, list(arrays)
        try:
            self.torch = method.kind([{"params": [array]} for array in self.arrays], lr=rate, **dict(method.arguments))
        except (TypeError, ValueError) as problem:
            raise NetTypeError(f'Method "{method.spelt}": {problem}') from None

    @torch.no_grad()
    def update(
        self, places: Sequence[int], grads: Sequence[torch.Tensor], rate: float, factors: Sequence[float], limits: Coefficients | None
    ) -> None:
        """One update, in place, of the arrays at `places`; the others are left as they are."""
        mine = [self.arrays[place] for place in places]
        grads = self.method.prepared(mine, grads, limits)
        for place, grad, factor in zip(places, grads, factors, strict=True):
            array, group = self.arrays[place], self.torch.param_groups[place]
            # a negative rate, which most classes refuse, is the positive one up the gradient
            array.grad = -grad if factor < 0 else grad
            group["lr"] = rate * abs(factor)
        self.torch.step()
        for array in self.arrays:
            array.grad = None
        if limits is not None:
            for array, limit in zip(mine, limits.weight_clipping, strict=True):
                if limit is not None:
                    array.clamp_(-limit, limit)

    def state(self) -> tuple[list[torch.Tensor], Any]:
        """Copies of its tensors, and the rest as plain data in which tensors are numbers.

        Errors: NetTrainingError for an optimiser that keeps what is neither.
        """
        tensors: list[torch.Tensor] = []
        try:
            return tensors, packed(dict(self.torch.state_dict()["state"]), tensors)
        except TypeError as problem:
            raise NetTrainingError(f'Method "{self.method.spelt}" keeps what a checkpoint cannot hold: {problem}') from None

    def load(self, tensors: Sequence[torch.Tensor], told: Any) -> None:
        """Go on from what `state` gave."""
        self.torch.load_state_dict({"state": unpacked(told, list(tensors)), "param_groups": self.torch.state_dict()["param_groups"]})
