"""NetTripletEmbeddingOperator: one net on the three members of a triplet."""

import torch

from netgraph.nets.container import input_names, one_port, output_names
from netgraph.nets.operator import InnerNet, Operator
from netgraph.spec.parameters import Flag
from netgraph.spec.typing import Term

__all__ = ["NetTripletEmbeddingOperator"]

MEMBERS = ("Anchor", "Positive", "Negative")


class NetTripletEmbeddingOperator(Operator):
    """The embeddings of the three members of a triplet, by one net with one set of arrays.

        anchor, positive, negative = net(input[0]), net(input[1]), net(input[2])

    "Input" is a triplet (anchor, positive, negative): an array whose first level is 3; `Input=` gives the shape of *each member*.
    With NamedPorts=True the inputs are "Anchor", "Positive" and "Negative" instead. The outputs have these names, too. All members run as
    one batch. net_train attaches a TripletMarginLossLayer by itself; with another one, LossFunction=TripletMarginLossLayer(...), its ports
    are fed by name. `net_extract(op, "Net")` is the embedding net.
    Errors: a net with several inputs or outputs.
    Source: ours, after NetPairEmbeddingOperator.

    >>> NetTripletEmbeddingOperator(LinearLayer((), Weights=[[1, 2]], Biases=None))([[0, 0], [1, 0], [1, 1]])
    {'Anchor': 0.0, 'Positive': 1.0, 'Negative': 3.0}
    """

    positional = ("Net",)
    Net: InnerNet
    NamedPorts: Flag = False

    @classmethod
    def port_words(cls, schema):
        return ("Input", *MEMBERS)

    def check(self):
        one_port(input_names(self.Net), "input", "NetTripletEmbeddingOperator: Net", self.Net)
        one_port(output_names(self.Net), "output", "NetTripletEmbeddingOperator: Net", self.Net)

    def input_ports(self):
        return MEMBERS if self.NamedPorts else ("Input",)

    def output_ports(self):
        return MEMBERS

    def given_type(self, name, given):
        return given.several(3) if name == "Input" else given

    def written_type(self, name, given):
        return given.one() if name == "Input" else given

    def declare(self, scope):
        store, inner = scope.store, scope.children["Net"]
        (source,), (result,) = inner.inputs.values(), inner.outputs.values()
        scope.terms.names["members"] = store.size(3, scope.origin())
        if self.NamedPorts:
            scope.terms.inputs.update(dict.fromkeys(MEMBERS, source))
        else:
            whole = store.run()
            store.concatenation(whole, [scope.terms.names["members"]], source.run, [], scope.label("Input"))
            scope.terms.inputs["Input"] = Term(source.kind, whole)
        scope.terms.outputs.update(dict.fromkeys(MEMBERS, result))

    def unfold(self, plan, path, inputs):
        triplet = plan.apply(path, _stacked, *inputs.values()) if self.NamedPorts else inputs["Input"]
        folded = plan.fold(triplet, plan.typing.terms[path].names["members"])
        (name,) = input_names(self.Net)
        (result,) = plan.inside((*path, "Net"), self.Net, {name: folded}).values()
        members = plan.unfold(result)
        return {member: plan.apply(path, _Member(number), members) for number, member in enumerate(MEMBERS)}


def _stacked(*members):
    return torch.stack(members, 1)


class _Member:
    """One member of a batch of triplets."""

    def __init__(self, number: int):
        self.number = number

    def __call__(self, triplets):
        return triplets[:, self.number]

    def __repr__(self) -> str:
        return MEMBERS[self.number]
