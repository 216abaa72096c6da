"""A traced function with a captured array inside generated code."""

import torch

from netgraph.lower.forward import lower
from netgraph.spec.declare import InputPort, OutputPort
from netgraph.spec.layer import LAYERS, Layer
from netgraph.spec.trace import trace

CAPTURED = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


class Mixed(Layer):
    """x -> x . m, for a matrix that the traced function captured."""

    Input = InputPort("real: 2")
    Output = OutputPort("real: 2")

    def forward(self, Input):
        return FUNCTION(Input)


LAYERS.pop("Mixed")
FUNCTION = trace(lambda x: x @ CAPTURED, shapes=[(5, 2)])


def test_it_follows_precision_and_compiles_whole():
    forward = lower(Mixed()).forward
    for dtype in (torch.float32, torch.float64):
        x = torch.randn(5, 2, dtype=dtype)
        expected = x @ CAPTURED.to(dtype)
        for function in (forward, torch.compile(forward, fullgraph=True, backend="eager")):
            (result,), states = function((x,), (), (), (), (), None)
            assert states == () and result.dtype is dtype
            torch.testing.assert_close(result, expected)
