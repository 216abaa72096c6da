"""NetNestOperator: a net applied several times in a row."""

from netgraph.nets.container import input_names, one_port, output_names
from netgraph.nets.operator import InnerNet, Operator
from netgraph.spec.parameters import Count

__all__ = ["NetNestOperator"]


class NetNestOperator(Operator):
    """A net with one input and one output, applied n times in a row, with one set of arrays.

        s[0] = input,   s[i] = net(s[i - 1]),   output = s[n]

    The net's input and output have one shape, which is that of "Input" and "Output". Its gradient is that of all n applications. Noise
    inside (dropout) is drawn once and used in every application; running statistics see them one after the other.
    `net_extract(op, "Net")` is the inner net.
    Errors: a net with several inputs or outputs, or whose output has another shape than its input; n below 1.
    Source: Wolfram's NetNestOperator.

    >>> NetNestOperator(lambda x: 2 * x + 1, 3)(1)
    15.0
    """

    positional = ("Net", "Times")
    Net: InnerNet
    Times: Count
    varying = "free"

    def check(self):
        one_port(input_names(self.Net), "input", "NetNestOperator: Net", self.Net)
        one_port(output_names(self.Net), "output", "NetNestOperator: Net", self.Net)

    @property
    def input_count(self) -> int | None:
        return 1

    def input_ports(self):
        return ("Input",)

    def output_ports(self):
        return ("Output",)

    def declare(self, scope):
        inner = scope.children["Net"]
        (source,), (result,) = inner.inputs.values(), inner.outputs.values()
        (start,), (end,) = inner.inputs, inner.outputs
        if self.Times > 1:
            scope.link(result, source, f"{scope.label('Net', end)} -> {scope.label('Net', start)}")
        scope.terms.inputs["Input"] = source
        scope.terms.outputs["Output"] = result

    def unfold(self, plan, path, inputs):
        value = inputs["Input"]
        (name,) = input_names(self.Net)
        for _ in range(self.Times):
            (value,) = plan.inside((*path, "Net"), self.Net, {name: value}).values()
        return {"Output": value}
