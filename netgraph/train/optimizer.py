"""A class of torch.optim at work on the buffers of a run, and its state as tensors and plain data."""

from collections.abc import Sequence
from typing import Any

import torch

from netgraph.errors import NetTrainingError, NetTypeError
from netgraph.train.method import Coefficients, TorchMethod

TENSOR = "$tensor"


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

        def plain(value):
            if isinstance(value, torch.Tensor):
                tensors.append(value.detach().clone())
                return {TENSOR: len(tensors) - 1}
            if isinstance(value, dict):
                return [[key, plain(part)] for key, part in value.items()]
            if isinstance(value, (list, tuple)):
                return {type(value).__name__: [plain(part) for part in value]}
            if value is None or isinstance(value, (bool, int, float, str)):
                return value
            raise NetTrainingError(f'Method "{self.method.spelt}" keeps {value!r:.60}, which a checkpoint cannot hold')

        kept = self.torch.state_dict()
        return tensors, plain(kept["state"])

    def load(self, tensors: Sequence[torch.Tensor], told: Any) -> None:
        """Go on from what `state` gave."""

        def value(told):
            if isinstance(told, dict):
                ((sort, inside),) = told.items()
                if sort == TENSOR:
                    return tensors[inside].clone()
                parts = [value(part) for part in inside]
                return tuple(parts) if sort == "tuple" else parts
            if isinstance(told, list):
                return {key: value(part) for key, part in told}
            return told

        self.torch.load_state_dict({"state": value(told), "param_groups": self.torch.state_dict()["param_groups"]})
