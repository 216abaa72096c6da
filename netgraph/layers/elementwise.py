"""Elementwise layers: a function of each element, or of the corresponding elements of several arrays."""

from typing import Any

from netgraph.errors import NetTypeError
from netgraph.spec import symbols
from netgraph.spec.declare import InputPort, InputPorts, OutputPort, Rule
from netgraph.spec.functions import ElementwiseFunction, parameter_names, takes
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.spec.symbols import LogisticSigmoid, Symbol
from netgraph.types.sizes import Varying
from netgraph.types.symbols import Automatic

__all__ = ["ElementwiseLayer", "ThreadingLayer"]


class ElementwiseLayer(Layer):
    """A function of one number, applied to every element.

        output[i] = f(input[i])

    `f` is a symbol (`Ramp`, `Tanh`, `LogisticSigmoid`, ...), its name, the name of an activation ("GELU", "ELU", "Swish", ...), or a
    Python function of a tensor, traced once into elementwise operations. Any shape, varying axes too. Gradients of steps (Round, Sign)
    are 0. The same in training and in use.
    Errors: a function that is not elementwise, or uses `if`, `math` or NumPy, is refused with the torch spelling.
    Source: Wolfram's ElementwiseLayer.

    >>> ElementwiseLayer(Ramp)([-1, 2])
    array([0., 2.], dtype=float32)
    >>> ElementwiseLayer(lambda x: x ** 2 + 1)(3)
    10.0
    """

    positional = ("Function",)
    Function: ElementwiseFunction
    varying = "free"
    stepwise = True

    Input = InputPort("real: *shape", "the argument of the function")
    Output = OutputPort("real: *shape", "its value")

    def check(self):
        if not takes(self.Function, 1):
            raise NetTypeError(f"ElementwiseLayer: {self.Function!r} does not take one argument", fix="ThreadingLayer")

    def written(self, name, depth=0):
        # a named activation is no name of the package, so it is written as text
        named = isinstance(self.Function, Symbol) and self.Function.name not in symbols.__all__
        return f'"{self.Function.name}"' if named else super().written(name, depth)

    def activation(self, sizes) -> str | None:
        """What a binary cross-entropy behind it can be computed before."""
        return "sigmoid" if self.Function == LogisticSigmoid else None

    def forward(self, Input):
        return self.Function(Input)


def _broadcasting(value):
    if value is Automatic or value is None or is_integer(value):
        return value
    if isinstance(value, tuple) and all(entry is Automatic or entry is None or is_integer(entry) for entry in value):
        return value
    raise wants("None, Automatic, a level, or one of these for each input", value)


BroadcastingSpec: Any = parameter(_broadcasting, {"anyOf": [{"type": "null"}, {"type": "integer"}, {"type": "array"}, {"type": "object"}]})


class ThreadingLayer(Layer):
    """A function of several numbers, applied to the corresponding elements of several arrays.

        output[i] = f(input1[i], input2[i], ...)

    `f` is `Plus`, `Times`, `Subtract`, `Divide`, `Power`, `Min`, `Max`, ... or a Python function whose parameters name the ports.
    Broadcasting: None, all shapes are equal; Automatic, equal ranks and each axis equal or 1; a level n, an array of lower rank gets the
    missing axes at level n (0 in front, -1 at the end); a tuple, one for each input. No rank is promoted unasked.
    Errors: shapes that do not broadcast; a function that is not elementwise.
    Source: Wolfram's ThreadingLayer (there levels count from 1).

    >>> ThreadingLayer(Plus)([[1, 2], [10, 20]])
    array([11., 22.], dtype=float32)
    >>> ThreadingLayer(Plus, -1)([[10, 20], [[1, 2, 3], [4, 5, 6]]]).tolist()
    [[11.0, 12.0, 13.0], [24.0, 25.0, 26.0]]
    """

    positional = ("Function", "Broadcasting")
    Function: ElementwiseFunction
    Broadcasting: BroadcastingSpec = Automatic
    varying = "free"
    stepwise = True

    Inputs = InputPorts(None, "Input{}", meaning="arguments of the function, in order")
    Output = OutputPort("real: *outputs", "its value")

    def default_ports(self):
        return parameter_names(self.Function)

    def check(self):
        if self._ports is not None and not takes(self.Function, len(self._ports)):
            count = len(self._ports)
            raise NetTypeError(f"ThreadingLayer: {self.Function!r} does not take {count} input{'s' * (count != 1)}")
        if isinstance(self.Broadcasting, tuple) and self._ports is not None and len(self.Broadcasting) != len(self._ports):
            counts = f"{len(self.Broadcasting)} entries for {len(self._ports)} inputs"
            raise NetTypeError(f"ThreadingLayer: Broadcasting={self.Broadcasting!r} has {counts}")

    def level(self, number: int):
        """The broadcasting rule of one input."""
        return self.Broadcasting[number] if isinstance(self.Broadcasting, tuple) else self.Broadcasting

    def relate(self):
        return (Rule(self._threads),) if self._ports else ()

    def _threads(self, scope):
        store, runs, output = scope.store, [scope.run(f"inputs{i}") for i in range(len(self._ports or ()))], scope.run("outputs")
        levels = [self.level(i) for i in range(len(runs))]
        rule = None
        if all(level is None for level in levels):
            for run in runs:
                store.equate_runs(run, output, scope.where)
            return

        def fire() -> bool:
            ranks = [store.axes(run) for run in (*runs, output)]
            if all(not is_integer(level) for level in levels):
                known = next((axes for axes in ranks if axes is not None), None)
                if known is None:
                    return False
                for run, axes in zip((*runs, output), ranks, strict=True):
                    if axes is None:
                        store.equate_runs(run, store.run([store.size() for _ in known], scope.origin()), scope.where)
                    elif len(axes) != len(known):
                        first = next(r for r, a in zip((*runs, output), ranks, strict=True) if a is known)
                        store.conflict(scope.where, f"arrays of {len(known)} and {len(axes)} axes are threaded", (first, run))
                        return True
            elif any(axes is None for axes in ranks[:-1]):
                return False
            rank = max(len(store.axes(run)) for run in runs)
            if store.axes(output) is None:
                store.equate_runs(output, store.run([store.size() for _ in range(rank)], scope.origin()), scope.where)
            columns = [[] for _ in range(rank)]
            for run, level in zip(runs, levels, strict=True):
                axes = store.axes(run)
                missing = rank - len(axes)
                at = inserted_at(level, rank, missing)
                for position, axis in enumerate(axes):
                    columns[position if position < at else position + missing].append(axis)
            if len(store.axes(output)) != rank:
                store.conflict(scope.where, f"the result has {rank} axes, {len(store.axes(output))} are wanted", (output,))
                return True
            for column, result in zip(columns, store.axes(output), strict=True):
                _one_axis(scope, column, result)
            return True

        rule = store.rule([*runs, output], fire)
        return rule

    def assume(self, scope):
        store, output = scope.store, scope.run("outputs")
        runs = [scope.run(f"inputs{i}") for i in range(len(self._ports or ()))]
        known = next((axes for axes in map(store.axes, (*runs, output)) if axes is not None), None)
        if known is None or isinstance(self.Broadcasting, tuple) or is_integer(self.Broadcasting):
            return
        for run in runs:
            for axis, peers in zip(store.axes(run), zip(*map(store.axes, (*runs, output)), strict=True), strict=True):
                sizes = [peer for peer in peers if store.value(peer) not in (None, 1)] or [peer for peer in peers if store.value(peer) == 1]
                if store.value(axis) is None and sizes:
                    store.equate_sizes(axis, sizes[0], scope.where)

    def forward(self, *inputs, sizes):
        rank = max(len(sizes[f"inputs{i}"]) for i in range(len(inputs)))
        arguments = []
        for number, x in enumerate(inputs):
            missing = rank - len(sizes[f"inputs{number}"])
            at = inserted_at(self.level(number), rank, missing)
            for _ in range(missing):
                x = x.unsqueeze(at + 1)
            arguments.append(x)
        return self.Function(*arguments)


def inserted_at(level, rank: int, missing: int) -> int:
    """The position in the result of the first of `missing` axes that an array of lower rank gets at `level`."""
    if not missing or not is_integer(level):
        return 0
    return level if level >= 0 else rank + 1 + level - missing


def _one_axis(scope, column, result) -> None:
    """One axis of the result: the common size of those that are not 1."""
    store, rule = scope.store, None

    def fire() -> bool:
        values = [store.value(axis) for axis in column]
        if None in values:
            if store.value(result) == 1:
                for axis in column:
                    store.equate_sizes(axis, result, scope.where)
                return True
            store.watch(rule, [axis for axis, value in zip(column, values, strict=True) if value is None])
            return False
        wide = [axis for axis, value in zip(column, values, strict=True) if isinstance(value, Varying) or value != 1]
        for axis in wide[1:]:
            if not store.equate_sizes(wide[0], axis, scope.where, "an axis"):
                return True
        store.equate_sizes((wide or column)[0], result, scope.where, "an axis of the result")
        return True

    rule = store.rule([*column, result], fire)
