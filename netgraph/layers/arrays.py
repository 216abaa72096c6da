"""Array operations: sums of arrays.

Shapes describe one example; the tensors of `forward` have the batch axis in front.
"""

from netgraph.spec.declare import InputPorts, OutputPort
from netgraph.spec.layer import Layer

__all__ = ["TotalLayer"]


class TotalLayer(Layer):
    """The sum of several arrays of one shape, element by element.

        output[i] = input1[i] + input2[i] + ...

    Any number of inputs, of any shape, varying axes too; nothing is broadcast, and the shape of one port fixes all. Input ports are "1",
    "2", ... unless InputPorts names them. The same in training and in use.
    Errors: shapes that differ.
    Source: Wolfram's TotalLayer.

    >>> TotalLayer()([[1, 2], [10, 20], [100, 200]])
    array([111., 222.], dtype=float32)
    """

    varying = "free"
    stepwise = True

    Inputs = InputPorts("real: *shape", "{}", meaning="the summands")
    Output = OutputPort("real: *shape", "their sum")

    def forward(self, *inputs):
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return total
