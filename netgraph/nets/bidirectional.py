"""NetBidirectionalOperator: one net on a sequence, another on it backwards, their results side by side."""

from typing import ClassVar

import torch

from netgraph.layers.sequence import SequenceReverseLayer
from netgraph.layers.structure import joined_size
from netgraph.nets.container import input_names, one_port, output_names
from netgraph.nets.operator import InnerNet, PairOperator
from netgraph.spec.parameters import choice
from netgraph.spec.typing import Term
from netgraph.types.sizes import Varying
from netgraph.types.store import KindNode, find, primary

__all__ = ["NetBidirectionalOperator"]


class NetBidirectionalOperator(PairOperator):
    """A net on a sequence and a net on the sequence backwards, their results put together element by element.

        forward = fnet(input),   backward = reverse(bnet(reverse(input))),   output[i] = forward[i] and backward[i] together

    NetBidirectionalOperator([fnet, bnet]); one net is *copied*: the copies are trained apart, they share only arrays that have a name.
    Aggregation is "Catenate" (elements joined along their last level, numbers to pairs), "Total" (their sum) or "Mean". So element i of
    both is about element i of the input; in a padded batch each example is reversed by its own length. A result that is no sequence, such
    as the last state, is not reversed back: a sequence is what has several levels, or the first level of the input.
    State ports are those of the nets with "Forward" and "Backward" in front. `net_extract(op, "ForwardNet")` and "BackwardNet" are the
    nets.
    Errors: a net with several inputs or outputs; nets that do not fit together; an input that is no sequence.
    Source: Wolfram's NetBidirectionalOperator.

    >>> sums = NetFoldOperator(FunctionLayer(lambda Input, State: Input + State))
    >>> NetBidirectionalOperator(sums)([[1], [2], [3]]).tolist()
    [[1.0, 6.0], [3.0, 5.0], [6.0, 3.0]]
    """

    positional = ("ForwardNet", "BackwardNet", "Aggregation")
    copies: ClassVar[bool] = True
    opened: ClassVar[frozenset[str]] = frozenset({"ForwardNet", "BackwardNet"})
    ForwardNet: InnerNet
    BackwardNet: InnerNet
    Aggregation: choice("Catenate", "Total", "Mean") = "Catenate"
    varying = "free"

    def check(self):
        for name, net in self.children.items():
            one_port(input_names(net), "input", f"NetBidirectionalOperator: {name}", net)
            one_port(output_names(net), "output", f"NetBidirectionalOperator: {name}", net)

    @property
    def input_count(self) -> int | None:
        return 1

    def input_ports(self):
        return ("Input",)

    def output_ports(self):
        return ("Output",)

    def state_names(self):
        return tuple(self._inner_states())

    def _inner_states(self) -> dict[str, tuple[str, str]]:
        """The state ports, each with the net and the port of it that it is."""
        sides = (("Forward", "ForwardNet"), ("Backward", "BackwardNet"))
        return {f"{side}{state}": (part, state) for side, part in sides for state in self.children[part].state_names()}

    def declare(self, scope):
        store, terms = scope.store, scope.terms
        (there,), (back,) = scope.children["ForwardNet"].inputs.values(), scope.children["BackwardNet"].inputs.values()
        scope.link(there, back, scope.label("Input"))
        terms.names["count"] = store.size()
        store.concatenation(there.run, [terms.names["count"]], store.run(), [], scope.label("Input"))
        terms.inputs["Input"] = there
        terms.outputs["Output"] = Term(KindNode("real", scope.origin()), store.run())
        for name, (part, state) in self._inner_states().items():
            terms.state_ports[name] = scope.children[part].state_ports[state]
        self._aggregated(scope, terms.outputs["Output"].run)

    def _aggregated(self, scope, output) -> None:
        store = scope.store
        runs = [term.run for part in ("ForwardNet", "BackwardNet") for term in scope.children[part].outputs.values()]
        if self.Aggregation != "Catenate":
            store.equate_runs(*runs, scope.where)
            store.equate_runs(output, runs[0], scope.where)
            return

        def fire() -> bool:
            first, second = (store.axes(run) for run in runs)
            if first is None or second is None:
                return False
            if len(first) != len(second):
                store.equate_runs(*runs, scope.where)
                return True
            pairs = not first or (len(first) == 1 and self._is_sequence(scope.terms.names["count"], first))
            apart = len(first) if pairs else len(first) - 1
            for a, b in zip(first[:apart], second[:apart], strict=True):
                store.equate_sizes(a, b, scope.where)
            joined = store.size(2, scope.origin()) if pairs else store.size()
            if not pairs:
                joined_size(scope, [first[-1], second[-1]], joined)
            store.equate_runs(output, store.run([*first[:apart], joined], scope.origin()), scope.where)
            return True

        store.rule(runs, fire)

    @staticmethod
    def _is_sequence(count, axes) -> bool:
        """Whether a result with these axes is a sequence along the first."""
        if not axes:
            return False
        size, whole = find(axes[0]), find(count)
        if isinstance(size.value, Varying) and isinstance(whole.value, Varying):
            return primary(size)[0] is primary(whole)[0]
        return len(axes) > 1 or size is whole

    def unfold(self, plan, path, inputs):
        terms = plan.typing.terms[path]
        count, results, ranks = terms.names["count"], [], []
        outputs = {}
        for name, part in self.children.items():
            place, backward = (*path, name), name == "BackwardNet"
            (term,), (result,) = plan.typing.terms[place].inputs.values(), plan.typing.terms[place].outputs.values()
            value = inputs["Input"]
            if backward:
                value = self._reversed(plan, path, value, plan.typing.store.axes(term.run))
            states = {outer: inner for outer, (owner, inner) in self._inner_states().items() if owner == name}
            plan.values.update({(place, "in", inner): plan.begin(path, outer) for outer, inner in states.items()})
            (value,) = plan.inside(place, part, {input_names(part)[0]: value}).values()
            axes = plan.typing.store.axes(result.run)
            if backward and self._is_sequence(count, axes):
                value = self._reversed(plan, path, value, axes)
            results.append(value)
            ranks.append(len(axes))
            for outer, inner in states.items():
                outputs[outer] = plan.values[place, "out", inner]
                plan.finish(path, outer, outputs[outer])
        outer_rank = len(plan.typing.store.axes(terms.outputs["Output"].run))
        return {"Output": plan.apply(path, _Together(self.Aggregation, outer_rank > ranks[0]), *results), **outputs}

    def _reversed(self, plan, path, value: int, axes) -> int:
        length = plan.length(axes[0])
        return plan.apply(path, _Reverse(len(axes) - 1), value, lengths=() if length is None else (length,))


class _Reverse:
    """A sequence backwards, of elements of the given rank; by its true length, where it varies."""

    def __init__(self, rank: int):
        self.rank = rank

    def __call__(self, x, *length):
        return SequenceReverseLayer().forward(x, lengths={"Input": dict(enumerate(length))}, sizes={"rest": (None,) * self.rank})

    def __repr__(self) -> str:
        return "the sequence backwards"


class _Together:
    """The two results joined along the last level (numbers as pairs), summed, or averaged."""

    def __init__(self, name: str, pairs: bool):
        self.name, self.pairs = name, pairs

    def __call__(self, a, b):
        if self.name == "Catenate":
            return torch.stack((a, b), -1) if self.pairs else torch.cat((a, b), -1)
        return a + b if self.name == "Total" else (a + b) / 2

    def __repr__(self) -> str:
        return self.name
