"""What higher-order operators share: parameters that are nets, and ports that follow from the ports of those."""

import inspect
from typing import ClassVar

from netgraph.errors import NetTypeError
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


class PairOperator(Operator):
    """An operator made of two nets, written as a list of both: `Operator([first, second], ...)`. Abstract.

    `positional` begins with the names of the two; they are accepted by keyword too. With `copies` one net stands for two copies of it.
    """

    copies: ClassVar[bool] = False

    def __init__(self, *args, **options):
        if args:
            name, (first, second) = type(self).__name__, self.positional[:2]
            nets, *rest = args
            if not isinstance(nets, (list, tuple)):
                nets = [nets, nets] if self.copies else nets
            if not isinstance(nets, (list, tuple)) or len(nets) != 2:
                wanted = "a net or a list of two" if self.copies else "a list of two nets"
                raise NetTypeError(f"{name} wants {wanted}, [{first}, {second}], got {nets!r}")
            if first in options or second in options:
                raise NetTypeError(f"{name}: its nets are given twice, by position and by name")
            args = (*nets, *rest)
        super().__init__(*args, **options)

    def text(self, depth):
        name, nets = type(self).__name__, ", ".join(self.written(word, depth) for word in self.positional[:2])
        return super().text(depth).replace(f"{name}({nets}", f"{name}([{nets}]", 1)

    @classmethod
    def signature(cls):
        own = super().signature()
        nets = inspect.Parameter("nets", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return own.replace(parameters=[nets, *list(own.parameters.values())[2:]])
