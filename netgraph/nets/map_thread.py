"""NetMapThreadOperator: a net applied to corresponding elements of several arrays."""

from collections.abc import Mapping
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.nets.container import input_names, output_names
from netgraph.nets.operator import InnerNet, Operator
from netgraph.spec.net import part_of
from netgraph.spec.own_ports import OwnPorts
from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.spec.step import same_ports
from netgraph.spec.typing import Term, short

__all__ = ["NetMapThreadOperator"]


def _levels(value):
    if is_integer(value) and value >= 1:
        return value
    pairs = tuple(value.items()) if isinstance(value, Mapping) else value
    if isinstance(pairs, tuple) and pairs and all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        counts = dict(pairs)
        if (
            all(isinstance(name, str) and is_integer(n) and n >= 0 for name, n in pairs)
            and len(counts) == len(pairs)
            and any(counts.values())
        ):
            return tuple(sorted(pairs))
    raise wants('a number of levels from 1, or a dict of them by input port ({"a": 1, "b": 0}), not all 0', value)


MappedLevels: Any = parameter(_levels, {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "array"}]})


class NetMapThreadOperator(OwnPorts, Operator):
    """A net of any inputs and outputs, applied to the corresponding elements of its inputs, with one set of arrays.

        output[i] = net(a[i], b[i], ...)

    NetMapThreadOperator(net) threads over the first level of all inputs, `(net, n)` over the first n levels: every port has n levels more
    than the net's. `(net, {"a": 2, "b": 1})` says for each input how many levels are mapped; the outputs have as many as the most, N.
    An input with fewer is taken at the outermost of the N levels, and one that is not listed, or listed with 0, is whole in every
    application. Levels that are mapped together have one length, fixed or varying. All applications of all examples run as one batch.
    `net_extract(op, "Net")` is the inner net; the ports have its names. Of a layer that takes any number of inputs it takes as many.
    Errors: an input that the net does not have; lengths that differ.
    Source: Wolfram's NetMapThreadOperator.

    >>> dot = FunctionLayer(lambda a, b: a @ b)
    >>> NetMapThreadOperator(dot, {"a": 1, "b": 0})({"a": [[1, 2], [3, 4]], "b": [5, 6]})
    array([17., 39.], dtype=float32)
    """

    positional = ("Net", "Levels")
    Net: InnerNet
    Levels: MappedLevels = 1
    varying = "free"

    def check(self):
        names = input_names(self.Net)
        if not names and (self.Net.input_count is not None or isinstance(self.Levels, tuple)):
            fix = "InputPorts=2 in the layer" if self.Net.input_count is None else None
            raise NetTypeError(f"NetMapThreadOperator: Net, {short(self.Net)}, has no input ports to map over", fix=fix)
        for name, _ in self.Levels if isinstance(self.Levels, tuple) else ():
            if name not in names:
                text = f'NetMapThreadOperator: Levels names "{name}", which is no input of {short(self.Net)}'
                raise NetNameError(f"{text}, {did_you_mean(name, list(names))}")

    @property
    def input_count(self) -> int | None:
        return self.Net.input_count

    def with_inputs(self, count: int) -> "NetMapThreadOperator":
        """The operator with `count` inputs, where its net takes any number."""
        return self if self.Net.input_count is not None else self.replaced(children={"Net": self.Net.with_inputs(count)})  # type: ignore[return-value]

    def levels(self) -> dict[str, int]:
        """How many levels are mapped of each input."""
        names = input_names(self.Net)
        if isinstance(self.Levels, tuple):
            counts = dict(self.Levels)
            return {name: counts.get(name, 0) for name in names}
        every: int = self.Levels
        return dict.fromkeys(names, every)

    def written(self, name, depth=0):
        return repr(dict(self.Levels)) if name == "Levels" and isinstance(self.Levels, tuple) else super().written(name, depth)

    def input_ports(self):
        return input_names(self.Net)

    def output_ports(self):
        return output_names(self.Net)

    def declare(self, scope):
        store, inner, levels = scope.store, scope.children["Net"], self.levels()
        counts = [store.size() for _ in range(max(levels.values(), default=1))]
        scope.terms.names.update({f"count{level}": count for level, count in enumerate(counts)})
        mapped = [(scope.terms.inputs, name, term, levels[name]) for name, term in inner.inputs.items()]
        mapped += [(scope.terms.outputs, name, term, len(counts)) for name, term in inner.outputs.items()]
        for ports, name, term, depth in mapped:
            if not depth:
                ports[name] = term
                continue
            whole = store.run()
            store.concatenation(whole, counts[:depth], term.run, [], scope.label(name))
            ports[name] = Term(term.kind, whole)

    def step(self, steps, types):
        levels, net = self.levels(), part_of(self, "Net")
        if steps != {name for name, depth in levels.items() if depth}:
            raise ValueError("is mapped over sequences and over arrays that are none")
        fewer = {name: depth - 1 for name, depth in levels.items() if depth > 1}
        return same_ports(NetMapThreadOperator(net, fewer) if fewer else net)

    def unfold(self, plan, path, inputs):
        levels, values = self.levels(), dict(inputs)
        deepest = max(levels, key=levels.__getitem__)
        folded = []
        for level in range(levels[deepest]):
            count, like = plan.typing.terms[path].names[f"count{level}"], values[deepest]
            size = plan.typing.store.value(count)
            folded.append((size if isinstance(size, int) else None, like))
            values[deepest] = plan.fold(like, count)
            for name, depth in levels.items():
                if name == deepest:
                    continue
                if depth > level:
                    values[name] = plan.apply(path, _Merge(), values[name])
                else:
                    values[name] = plan.apply(path, _Repeat(folded[-1][0]), values[name], like)
        results = plan.inside((*path, "Net"), self.Net, values)
        for count, like in reversed(folded):
            first, *others = results
            results[first] = plan.unfold(results[first])
            for name in others:
                results[name] = plan.apply(path, _Split(count), results[name], like)
        return results


class _Merge:
    """(batch, n, ...) -> (batch * n, ...), of an input beside the one that is folded."""

    def __call__(self, x):
        return x.flatten(0, 1)

    def __repr__(self) -> str:
        return "a level of another input"


class _Repeat:
    """An array that is the same for all n elements of each example: (batch, ...) -> (batch * n, ...)."""

    def __init__(self, count: int | None):
        self.count = count

    def __call__(self, x, like):
        return x.repeat_interleave(like.shape[1] if self.count is None else self.count, 0)

    def __repr__(self) -> str:
        return "an input that is the same for all elements"


class _Split:
    """(batch * n, ...) -> (batch, n, ...), of an output beside the first."""

    def __init__(self, count: int | None):
        self.count = count

    def __call__(self, x, like):
        return x.unflatten(0, (-1, like.shape[1] if self.count is None else self.count))

    def __repr__(self) -> str:
        return "a level of another output"
