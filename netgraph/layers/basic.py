"""Basic layers: a learned affine map, and the softmax.

Shapes describe one example; the tensors of `forward` have the batch axis in front.
"""

import torch
import torch.nn.functional as F

from netgraph.spec.declare import Array, InputPort, OutputPort, product, within
from netgraph.spec.initial import BIAS, WEIGHT
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions
from netgraph.spec.parameters import LevelNumber, Sizes
from netgraph.spec.step import same_ports
from netgraph.types.symbols import Automatic

__all__ = ["LinearLayer", "SoftmaxLayer"]


class LinearLayer(Layer):
    """A learned affine map of the whole input to an array of the given size.

        output = reshape(Weights . flatten(Input) + Biases)

    `LinearLayer(n)` gives a vector of n, `LinearLayer((n1, n2))` an array, `LinearLayer(())` a number; `LinearLayer()` takes its size
    from what consumes it. The input, of any rank, is one vector, row by row: to map the layer over a sequence, use NetMapOperator.
    "Weights" (outputs x inputs, as torch.nn.Linear has them) is drawn by net_initialize, "Biases" starts at 0; `Biases=None` leaves it
    out. The same in training and in use. A varying input is refused: the number of inputs must be fixed.
    Errors: a size below 1; a preset array that does not fit the sizes around it.
    Source: Wolfram's LinearLayer.

    >>> LinearLayer(2, Weights=[[1, 2], [3, 4]], Biases=[10, 20])([1, -1])
    array([ 9., 19.], dtype=float32)
    """

    positional = ("OutputDimensions",)
    OutputDimensions: Sizes = Automatic

    Input = InputPort("real: *inputs", "what is mapped, of any shape")
    Output = OutputPort("real: *OutputDimensions", "the result")
    Weights = Array("rows columns", WEIGHT, meaning="one row an output element, one column an input element")
    Biases = Array("rows", BIAS, optional=True, meaning="one an output element")
    relations = (product("rows", "OutputDimensions"), product("columns", "inputs"))

    def assume(self, scope):
        for run, size in (("OutputDimensions", "rows"), ("inputs", "columns")):
            if scope.store.axes(scope.run(run)) is None and scope.store.value(scope.size(size)) is not None:
                scope.store.equate_runs(scope.run(run), scope.store.run([scope.size(size)], scope.origin()), scope.where)

    def forward(self, Input, *, Weights, Biases=None, sizes):
        x = Input if len(sizes["inputs"]) == 1 else Input.reshape(-1, sizes["columns"])
        y = F.linear(x, Weights, Biases)
        outputs = sizes["OutputDimensions"]
        return y if len(outputs) == 1 else y.reshape(-1, *outputs)


class SoftmaxLayer(Layer):
    """Positive numbers that sum to 1 along one level.

        output_i = exp(x_i) / sum_j exp(x_j)

    `SoftmaxLayer()` works along the last level, `SoftmaxLayer(n)` along level n, counted from 0. The result are probabilities; a
    cross-entropy that follows is computed on the logits. Large inputs are safe. A varying level counts its real elements alone.
    Errors: a level that the input does not have.
    Source: Wolfram's SoftmaxLayer (there levels count from 1).

    >>> SoftmaxLayer()([1, 2, 3])
    array([0.09003057, 0.24472848, 0.66524094], dtype=float32)
    """

    positional = ("Level",)
    Level: LevelNumber = -1
    varying = "masked"

    Input = InputPort("real: *shape", "logits")
    Output = OutputPort("real: *shape", "probabilities")

    def relate(self):
        return (within("shape", self.Level),)

    def step(self, steps, types):
        level = self.Level % len(types["Input"].shape)
        if level == 0:
            raise ValueError("is along the steps")
        return same_ports(SoftmaxLayer(self.Level if self.Level < 0 else level - 1))

    def activation(self, sizes) -> str | None:
        """What a cross-entropy behind it can be computed before: "softmax" along the last axis, nothing along others or a varying one."""
        shape = sizes["shape"]
        return "softmax" if self.Level % len(shape) == len(shape) - 1 and isinstance(shape[-1], int) else None

    def forward(self, Input, *, lengths, sizes):
        axis = self.Level % len(sizes["shape"]) + 1
        if axis - 1 in lengths["Input"]:
            Input = Input.masked_fill(~valid_positions(Input, axis, lengths["Input"][axis - 1], len(sizes["shape"])), -torch.inf)
        return torch.softmax(Input, axis)
