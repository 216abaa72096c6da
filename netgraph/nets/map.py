"""NetMapOperator: a net applied to each element."""

from netgraph.nets.container import input_names, one_port, output_names
from netgraph.nets.operator import InnerNet, Operator
from netgraph.spec.net import part_of
from netgraph.spec.ports import NetPort
from netgraph.spec.step import Step
from netgraph.spec.typing import Term

__all__ = ["NetMapOperator"]


class NetMapOperator(Operator):
    """A net with one input and one output, applied to every element of the first level, with one set of arrays.

        output[i] = net(input[i])

    "Input" has a level more than the net's input, of fixed or varying length; "Output" likewise. All elements of all examples run as one
    batch. `net_extract(op, "Net")` is the inner net.
    Errors: a net with several inputs or outputs.
    Source: Wolfram's NetMapOperator.

    >>> NetMapOperator(TotalOfPair := LinearLayer((), Weights=[[1, 1]], Biases=None))([[1, 2], [3, 4]])
    array([3., 7.], dtype=float32)
    """

    positional = ("Net",)
    Net: InnerNet
    varying = "free"

    def check(self):
        one_port(input_names(self.Net), "input", "NetMapOperator: Net", self.Net)
        one_port(output_names(self.Net), "output", "NetMapOperator: Net", self.Net)

    def input_ports(self):
        return ("Input",)

    def output_ports(self):
        return ("Output",)

    def declare(self, scope):
        store, inner = scope.store, scope.children["Net"]
        (source,), (result,) = inner.inputs.values(), inner.outputs.values()
        count = store.size()
        scope.terms.names["count"] = count
        for ports, name, term in ((scope.terms.inputs, "Input", source), (scope.terms.outputs, "Output", result)):
            whole = store.run()
            store.concatenation(whole, [count], term.run, [], scope.label(name))
            ports[name] = Term(term.kind, whole)

    def step(self, steps, types):
        net = part_of(self, "Net")
        edges = [(NetPort("Input"), NetPort("net", *input_names(net))), (NetPort("net", *output_names(net)), NetPort("Output"))]
        return Step({"net": net}, () if (input_names(net), output_names(net)) == (("Input",), ("Output",)) else edges)

    def unfold(self, plan, path, inputs):
        folded = plan.fold(inputs["Input"], plan.typing.terms[path].names["count"])
        (name,) = input_names(self.Net)
        (result,) = plan.inside((*path, "Net"), self.Net, {name: folded}).values()
        return {"Output": plan.unfold(result)}
