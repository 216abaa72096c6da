"""The layer that makes a loss of a regularizer of embeddings."""

from typing import Any

import torch
from torch import Tensor

from netgraph.errors import NetValueError
from netgraph.layers.metric.closed import precisely
from netgraph.layers.metric.reduction import of_real
from netgraph.layers.metric.regularizers import LpRegularizer, Regularizer, SparseCentersRegularizer
from netgraph.spec.declare import InputPort, OutputPort
from netgraph.spec.layer import Layer
from netgraph.spec.setting import setting

__all__ = ["RegularizationLossLayer"]

_REGULARIZER: Any = setting(Regularizer)


class RegularizationLossLayer(Layer):
    """What a regularizer costs, as a loss to be added to another one.

    "Input" is an embedding. `RegularizationLossLayer(LpRegularizer(2, 2))`, or by name: "LpRegularizer", "ZeroMeanRegularizer",
    "CenterInvariantRegularizer", "RegularFaceRegularizer"; the last two see the whole batch. "Loss" is one number an example, and the
    reduced loss their mean. How much it counts says the list of losses: LossFunction=[("Output", loss), ("Output",
    RegularizationLossLayer(), Scaled(0.01))]. Losses on classes have it as their option `Regularizer`, too.
    Errors: SparseCentersRegularizer, which is about class vectors.
    Source: the embedding regularizers of pytorch-metric-learning.

    >>> RegularizationLossLayer()([[3, 4], [0, 0]]).tolist()
    [5.0, 0.0]
    >>> RegularizationLossLayer("CenterInvariantRegularizer")([[1, 0], [0, 2]]).tolist()
    [0.5625, 0.5625]
    """

    positional = ("Regularizer",)
    Regularizer: _REGULARIZER = LpRegularizer()

    Input = InputPort("real: size", "the embedding")
    Loss = OutputPort("real:", "its cost")

    @property
    def coupled(self) -> bool:
        """Whether the batch is seen."""
        return self.Regularizer.coupled

    def check(self):
        if isinstance(self.Regularizer, SparseCentersRegularizer):
            raise NetValueError(
                f"RegularizationLossLayer: {self.Regularizer!r} is about class vectors, embeddings have no centers",
                fix=f"SoftTripleLossLayer(10, {self.Regularizer.CentersPerClass}, VectorRegularizer={self.Regularizer!r})",
            )

    def forward(self, Input, *, valid):
        return precisely("RegularizationLossLayer", self._losses, Input, valid)

    def _losses(self, x: Tensor, valid: Tensor | None) -> Tensor:
        x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        if valid is None:
            return self.Regularizer.costs(x, torch.ones(len(x), dtype=torch.bool, device=x.device))
        return self.Regularizer.costs(torch.where(valid.unsqueeze(1), x, 0.0), valid) * of_real(valid, x.dtype)
