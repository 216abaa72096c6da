"""What higher-order operators share: parameters that are nets, and ports that follow from the ports of those."""

from netgraph.nets.notation import to_net
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import parameter

InnerNet = parameter(lambda value: to_net(value, "Net"), {"type": "object"})
"""A net, or anything a net can be written as: a list of layers, a size, a symbol."""


class Operator(Layer):
    """A layer made of a net. Abstract; an operator gives its ports, their types (`declare`) and how it runs (`unfold`)."""

    def unfold(self, plan, path: tuple[str, ...], inputs: dict[str, int]) -> dict[str, int]:
        """Add the operator's steps to the plan; the values at its outputs."""
        raise TypeError(f"{type(self).__name__} is abstract")

    @classmethod
    def port_words(cls, schema) -> tuple[str, ...]:
        return ("Input", "Output")
