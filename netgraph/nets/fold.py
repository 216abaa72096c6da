"""NetFoldOperator: a net applied to each element of a sequence, with what it gave for the element before."""

from collections.abc import Mapping
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.nets.container import input_names, output_names
from netgraph.nets.operator import InnerNet, Operator
from netgraph.spec.net import part_of
from netgraph.spec.own_ports import OwnPorts
from netgraph.spec.parameters import parameter, wants
from netgraph.spec.ports import NetPort
from netgraph.spec.step import Step
from netgraph.spec.typing import Term, short

__all__ = ["NetFoldOperator"]


def _is_name(value) -> bool:
    return isinstance(value, str) and value != "" and "->" not in value


def _pair(value) -> tuple[str, str] | None:
    words = [word.strip() for word in value.split("->")] if isinstance(value, str) and "->" in value else value
    if not isinstance(words, (tuple, list)) or len(words) != 2 or not all(_is_name(word) for word in words):
        return None
    return words[0], words[1]


def _feedback(value):
    pairs = [value] if _pair(value) is not None else value.items() if isinstance(value, Mapping) else value
    found = tuple([_pair(entry) for entry in pairs]) if isinstance(pairs, (tuple, list)) or pairs is not value else ()
    if not found or None in found:
        raise wants('pairs of an output and the input that it feeds in the next step ([("Output", "State")])', value)
    return found


def _names(value):
    if value is None:
        return None
    found = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (tuple, list)) else None
    if found is None or not all(isinstance(name, str) for name in found) or len(set(found)) != len(found):
        raise wants('the names of ports (["Constant"])', value)
    return found


_TEXTS = {"type": "array", "items": {"type": "string"}}
FeedbackSpec: Any = parameter(_feedback, {"type": "array", "items": _TEXTS})
NamesSpec: Any = parameter(_names, {"anyOf": [{"type": "null"}, _TEXTS]})


class NetFoldOperator(OwnPorts, Operator):
    """A net applied to the elements of a sequence in turn, fed with some of its own outputs of the step before.

        state[0] = 0,   output[i], state[i + 1] = net(input[i], state[i])

    NetFoldOperator(net, [("Output", "State"), ...], ["Constant", ...], ["Output", ...]): each pair is an output and the input that it
    feeds in the next step ([("Output", "State")] when left out); the inputs named next are the same in every step; the outputs named last
    are given, each as the sequence of what it was in all steps (all outputs when left out). The inputs that are neither fed back nor
    constant are sequences, of one length, fixed or varying.
    The inputs fed back are the operator's state ports, under their names: each starts at zero, or from what is connected to it, and read
    it is the state after the last element, in a padded batch after each example's own last. Where nothing else tells a state's shape it
    is that of an element of the first sequence. Noise inside (dropout) is drawn anew in each step; running statistics see one step after
    the other; recurrent layers inside start anew in each step.
    `net_extract(op, "Net")` is the inner net; the ports have its names.
    Errors: a name that the net does not have; a port fed twice, or fed back and constant; an output called like a state; nothing to take
    elements from; a state of another shape than what feeds it.
    Source: Wolfram's NetFoldOperator.

    >>> sums = NetFoldOperator(FunctionLayer(lambda Input, State: Input + State))
    >>> sums([1, 2, 3, 4])
    array([ 1.,  3.,  6., 10.], dtype=float32)
    """

    positional = ("Net", "Feedback", "Constants", "Outputs")
    Net: InnerNet
    Feedback: FeedbackSpec = (("Output", "State"),)
    Constants: NamesSpec = ()
    Outputs: NamesSpec = None
    varying = "free"

    def check(self):
        inputs, outputs = input_names(self.Net), output_names(self.Net)

        def known(name, names, what, option):
            if name not in names:
                text = f'NetFoldOperator: {option} names "{name}", which is no {what} of {short(self.Net)}'
                raise NetNameError(f"{text}, {did_you_mean(name, list(names))}")

        for source, target in self.Feedback:
            known(source, outputs, "output", "Feedback")
            known(target, inputs, "input", "Feedback")
        fed = [target for _, target in self.Feedback]
        for name in fed:
            if fed.count(name) > 1:
                raise NetValueError(f'NetFoldOperator: Feedback feeds "{name}" twice')
        for name in self.Constants or ():
            known(name, inputs, "input", "Constants")
            if name in fed:
                raise NetValueError(f'NetFoldOperator: "{name}" is fed back, so it is no constant')
        for name in self.Outputs or ():
            known(name, outputs, "output", "Outputs")
        if self.Outputs == ():
            raise NetValueError("NetFoldOperator: Outputs names none", fix="leave it out, for all outputs")
        for name in fed:
            if name in self.output_ports():
                raise NetValueError(f'NetFoldOperator: "{name}" is both a state and an output that is given', fix="rename one of them")
        if not self._mapped():
            raise NetTypeError(
                f"NetFoldOperator: every input of {short(self.Net)} is fed back or constant, none is left to take elements from"
            )

    def _mapped(self) -> tuple[str, ...]:
        """The inputs that are sequences."""
        apart = {*(self.Constants or ()), *self.state_names()}
        return tuple(name for name in input_names(self.Net) if name not in apart)

    def written(self, name, depth=0):
        value = getattr(self, name)
        return repr([*value]) if name != "Net" and value is not None else super().written(name, depth)

    def input_ports(self):
        states = self.state_names()
        return tuple(name for name in input_names(self.Net) if name not in states)

    def output_ports(self):
        return output_names(self.Net) if self.Outputs is None else self.Outputs

    def state_names(self):
        return tuple(target for _, target in self.Feedback)

    def declare(self, scope):
        store, inner, terms = scope.store, scope.children["Net"], scope.terms
        for source, target in self.Feedback:
            scope.link(inner.outputs[source], inner.inputs[target], f"{scope.label('Net', source)} -> {scope.label('Net', target)}")
            terms.state_ports[target] = inner.inputs[target]
        terms.names["count"] = count = store.size()
        sequences = [(terms.inputs, name, inner.inputs[name]) for name in self._mapped()]
        sequences += [(terms.outputs, name, inner.outputs[name]) for name in self.output_ports()]
        for ports, name, term in sequences:
            whole = store.run()
            store.concatenation(whole, [count], term.run, [], scope.label(name))
            ports[name] = Term(term.kind, whole)
        for name in self.Constants or ():
            terms.inputs[name] = inner.inputs[name]
        terms.inputs = {name: terms.inputs[name] for name in self.input_ports()}

    def assume(self, scope):
        store, inner = scope.store, scope.children["Net"]
        axes = store.axes(inner.inputs[self._mapped()[0]].run)
        for name in self.state_names() if axes is not None else ():
            run = inner.inputs[name].run
            if store.axes(run) is None:
                store.equate_runs(run, store.run(axes, store.why(inner.inputs[self._mapped()[0]].run)), scope.label("Net", name))

    def step(self, steps, types):
        if steps != set(self._mapped()):
            raise ValueError("has a constant that is a sequence" if steps - set(self._mapped()) else "runs along another sequence too")
        names = self.state_names()
        edges = [(NetPort(name), NetPort("net", name)) for name in (*self.input_ports(), *names)]
        edges += [(NetPort("net", name), NetPort(name)) for name in self.output_ports()]
        edges += [(NetPort("net", source), NetPort(target)) for source, target in self.Feedback]
        used = {*self.output_ports(), *(source for source, _ in self.Feedback)}
        edges += [(NetPort("net", name), None) for name in output_names(self.Net) if name not in used]
        return Step({"net": part_of(self, "Net")}, edges, names)

    def unfold(self, plan, path, inputs):
        loop = plan.loop(path, plan.typing.terms[path].names["count"])
        fed = dict(inputs)
        fed.update({name: plan.element(inputs[name]) for name in self._mapped()})
        fed.update({name: plan.new() for name in self.state_names()})
        results = plan.inside((*path, "Net"), self.Net, fed)
        states = {target: (fed[target], results[source]) for source, target in self.Feedback}
        return plan.close(loop, {name: results[name] for name in self.output_ports()}, states)
