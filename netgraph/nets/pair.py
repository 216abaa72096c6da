"""NetPairEmbeddingOperator: one net on both members of a pair, and their distance."""

from netgraph.nets.container import input_names, one_port, output_names
from netgraph.nets.operator import InnerNet, Operator
from netgraph.spec.parameters import choice
from netgraph.spec.symbols import symbol
from netgraph.spec.typing import Term
from netgraph.types.store import KindNode

__all__ = ["NetPairEmbeddingOperator"]


Distance = choice("EuclideanDistance", "CosineDistance")


class NetPairEmbeddingOperator(Operator):
    """The distance between the embeddings of the two members of a pair, by one net with one set of arrays.

        output = distance(net(input[0]), net(input[1]))

    "Input" is a pair: an array whose first level is 2; the option `Input=` gives the shape of *each member*. "Output" is a real number.
    DistanceFunction is "EuclideanDistance" (sqrt(sum (a - b)^2), gradient 0 at zero distance) or "CosineDistance"
    (1 - a.b / (|a| |b|)). Both members run as one batch. net_train attaches a ContrastiveLossLayer by itself: True means that the pair
    should be far apart. `net_extract(op, "Net")` is the embedding net.
    Errors: a net with several inputs or outputs; another distance.
    Source: Wolfram's NetPairEmbeddingOperator.

    >>> NetPairEmbeddingOperator([], Input=2)([[0, 0], [3, 4]])
    5.0
    """

    positional = ("Net",)
    Net: InnerNet
    DistanceFunction: Distance = "EuclideanDistance"

    def check(self):
        one_port(input_names(self.Net), "input", "NetPairEmbeddingOperator: Net", self.Net)
        one_port(output_names(self.Net), "output", "NetPairEmbeddingOperator: Net", self.Net)

    def input_ports(self):
        return ("Input",)

    def output_ports(self):
        return ("Output",)

    def given_type(self, name, given):
        return given.several(2) if name == "Input" else given

    def written_type(self, name, given):
        return given.one() if name == "Input" else given

    def declare(self, scope):
        store, inner = scope.store, scope.children["Net"]
        (source,) = inner.inputs.values()
        whole = store.run()
        scope.terms.names["members"] = store.size(2, scope.origin())
        store.concatenation(whole, [scope.terms.names["members"]], source.run, [], scope.label("Input"))
        scope.terms.inputs["Input"] = Term(source.kind, whole)
        scope.terms.outputs["Output"] = Term(KindNode("real", scope.origin()), store.run([], scope.origin()))

    def unfold(self, plan, path, inputs):
        folded = plan.fold(inputs["Input"], plan.typing.terms[path].names["members"])
        (name,) = input_names(self.Net)
        (result,) = plan.inside((*path, "Net"), self.Net, {name: folded}).values()
        pair = plan.unfold(result)
        (embedding,) = plan.typing.terms[(*path, "Net")].outputs.values()
        rank = len(plan.typing.store.axes(embedding.run))
        return {"Output": plan.apply(path, _Distance(self.DistanceFunction, rank), pair)}


class _Distance:
    """The distance between the two members along axis 1 of a batch of pairs of embeddings of the given rank."""

    def __init__(self, name: str, rank: int):
        self.function, self.rank = symbol(name), rank

    def __call__(self, pair):
        vectors = pair.unsqueeze(2) if self.rank == 0 else pair if self.rank == 1 else pair.flatten(2)
        return self.function(vectors[:, 0], vectors[:, 1])

    def __repr__(self) -> str:
        return self.function.name
