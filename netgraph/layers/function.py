"""Layers written as a function: ordinary Python on the arrays of one example."""

from collections.abc import Mapping
from typing import Any

import torch

from netgraph.errors import NetValueError
from netgraph.spec.arrays import NetArray, owned
from netgraph.spec.batched import array_shapes, batched, in_order, is_pointwise, output_names, results, sized
from netgraph.spec.declare import Array
from netgraph.spec.function_graph import FunctionGraph
from netgraph.spec.initial import WEIGHT
from netgraph.spec.lengths import NoRule, Running, Solving, Value
from netgraph.spec.net import VERBS, Net
from netgraph.spec.own_ports import OwnPorts
from netgraph.spec.padded import LONG, least_lengths, padded, sample
from netgraph.spec.parameters import parameter, wants
from netgraph.spec.program import Program
from netgraph.spec.trace import OpaqueFunction, input_names, trace_layer
from netgraph.spec.typing import Scope, Term
from netgraph.types.port_type import parse_type
from netgraph.types.sizes import Varying
from netgraph.types.store import KindNode, Node

__all__ = ["FunctionLayer"]


def _function(value):
    if isinstance(value, (FunctionGraph, OpaqueFunction, Net)):
        return value
    raise wants("a function of tensors, a symbol such as Tanh, or its name", value)


TracedFunction: Any = parameter(_function, {"anyOf": [{"type": "object"}, {"type": "string"}]})
"""A function of arrays: a Python function, a symbol, or its name, kept as the graph of its steps; the net of its parts if it calls nets."""

_WORDS = ("sizes", "lengths")
"""What `forward` asks for beside its arrays."""


class FunctionLayer(OwnPorts):
    """A layer written as a Python function of tensors, which sees the arrays of one example.

        output = f(input)        {"a": ..., "b": ...} = f(first, second, ...)

    One parameter of `f` is the port "Input"; several name the ports. A dict that `f` returns names the outputs, else there is one,
    "Output". `f` knows of no batch: axis 0 is the first axis of an example, and what sums, sorts or moves stays within it. It is traced
    once into operations of a closed list, so the layer prints, compares, saves and exports; its shapes are known where those of its
    inputs are, and are tried with the options `port=shape`, which a function that unpacks or needs certain sizes asks for. Captured arrays
    are constants. A `NetArray` inside is an array of the layer: trained, saved, one with all others of its name. Layers and nets can be
    called inside; they and their arrays become parts, a net called several times is one. `NetGraph(layer)` is the graph of the parts of
    any function, one an operation. A function that leaves the list (torch.fft) works in memory, one example at a time, but cannot be
    saved. Varying axes: sums, means, maxima, softmax, sorting and what else looks along one count its true elements alone; `x[-1]` is each
    example's own last. The same in training and in use.
    Errors: a function that uses `if`, `math` or NumPy on arrays, or fails on the shapes; a varying axis where an operation has no rule for
    it, or the function does other steps at other sizes.
    Source: Wolfram's FunctionLayer (there levels count from 1).

    >>> FunctionLayer(lambda x: x - x.mean())([1, 2, 6])
    array([-2., -1.,  3.], dtype=float32)
    >>> FunctionLayer(lambda a, b: {"dot": a @ b, "sum": a + b})({"a": [1, 2], "b": [3, 4]})
    {'dot': 11.0, 'sum': array([4., 6.], dtype=float32)}
    >>> FunctionLayer(lambda x: x @ NetArray("w", Array=[[1, 2], [3, 4]]))([1, 1])
    array([4., 6.], dtype=float32)
    >>> linear = LinearLayer(2)
    >>> FunctionLayer(lambda x: x + linear(torch.tanh(x)), Input=2).arrays.keys()
    dict_keys(['Function/1/Weights', 'Function/1/Biases'])
    """

    positional = ("Function",)
    Function: TracedFunction
    varying = "free"
    names_arrays = True
    stepwise = True

    def __init__(self, *args, **options):
        words = [word for word in ("Function", "function") if word in options]
        values = {}
        if args and not words:
            function, values = _traced(args[0], options)
            args = (function, *args[1:])
        elif len(words) == 1 and not args:
            options[words[0]], values = _traced(options[words[0]], options)
        super().__init__(*args, **options)
        if values:
            self._hold({**self._arrays, **{name: owned(value, f"FunctionLayer: {name}") for name, value in values.items()}}, self._given)

    def check(self):
        if not isinstance(self.Function, Net):
            for name in self.Function.array_names:
                if name in (*_WORDS, *self.output_ports(), "Function"):
                    raise NetValueError(f'FunctionLayer: a NetArray cannot be called "{name}", which is a word of the layer')

    def step(self, steps, types):
        if not is_pointwise(self.Function):
            raise ValueError("is no function of single elements")
        return super().step(steps, types)

    def input_ports(self) -> tuple[str, ...]:
        return self.Function.input_ports() if isinstance(self.Function, Net) else tuple(self.Function.ports)

    def output_ports(self) -> tuple[str, ...]:
        if isinstance(self.Function, Net):
            return self.Function.output_ports()
        given = [self._given.get(name) if "_given" in self.__dict__ else None for name in self.Function.ports]
        return output_names(self.Function, [None if kind is None else kind.shape for kind in given])

    def array_places(self):
        if isinstance(self.Function, Net):
            return
        for number, (name, array) in enumerate(zip(self.Function.array_names, self._learned(), strict=True)):
            yield name, Array(f"*array{number}", WEIGHT), self._settings.get(name, array)

    def _learned(self) -> tuple[NetArray, ...]:
        """The arrays of the function, as it names them."""
        return tuple(self.Function.arrays if isinstance(self.Function, FunctionGraph) else self.Function.arrays.values())

    @property
    def unfold(self):
        """The steps of the net that the function is where it calls nets; None elsewhere, where `forward` runs it."""
        return self._parts if isinstance(self.Function, Net) else None

    def _parts(self, plan, path, inputs):
        return plan.inside((*path, "Function"), self.Function, inputs)

    def declare(self, scope: Scope) -> None:
        if isinstance(self.Function, Net):
            inner = scope.children["Function"]
            scope.terms.inputs.update(inner.inputs)
            scope.terms.outputs.update(inner.outputs)
            return
        store = scope.store
        for (name, declared, setting), array in zip(self.array_places(), self._learned(), strict=True):
            scope.array(name, declared.shape, setting)
            if array.dimensions is not None:
                store.equate_runs(scope.terms.arrays[name], store.shape(array.dimensions, scope.origin()), scope.label(name))
        runs = [scope.run(f"inputs{number}") for number in range(len(self.Function.ports))]
        for name, run in zip(self.Function.ports, runs, strict=True):
            scope.terms.inputs[name] = Term(KindNode("real", scope.origin()), run)
        ends = [store.run() for _ in self.output_ports()]
        for name, run in zip(self.output_ports(), ends, strict=True):
            scope.terms.outputs[name] = Term(KindNode("real", scope.origin()), run)
        if len(runs) == 1 and is_pointwise(self.Function):
            for run in ends:
                store.equate_runs(runs[0], run, scope.where)
            return
        rule: Any = None

        def fire() -> bool:
            shapes = [store.known(run) for run in runs]
            if None in shapes:
                store.watch(rule, [node for run in runs for node in (run, *(store.axes(run) or ()))])
                return False
            if any(isinstance(size, Varying) for shape in shapes for size in shape or ()):
                self._varies(scope, runs, ends)
                return True
            try:
                found = [result.shape for result in results(self.Function, tuple(shapes))]
                if isinstance(self.Function, OpaqueFunction):
                    self._dimensions(scope, tuple(shapes))
            except Exception as error:  # whatever user code raises
                shown = " and ".join(map(str, shapes))
                text = (str(error).splitlines() or [""])[0]
                store.conflict(scope.where, f"the function fails on arrays of shape {shown}: {type(error).__name__}: {text}", runs)
                return True
            for shape, end in zip(found, ends, strict=True):
                if 0 in shape:
                    store.conflict(scope.where, f"the function gives an array without elements, of shape {shape}", runs)
                else:
                    store.equate_runs(end, store.shape(shape, scope.origin()), scope.where)
            return True

        rule = store.rule(runs, fire)

    def _dimensions(self, scope: Scope, shapes) -> None:
        """The dimensions of the arrays of a function whose steps depend on sizes, now that these are known."""
        graph = sized(self.Function, shapes)
        if isinstance(graph, FunctionGraph):
            for name, dimensions in zip(graph.array_names, array_shapes(graph), strict=True):
                scope.store.equate_runs(scope.terms.arrays[name], scope.store.shape(dimensions, scope.origin()), scope.label(name))

    def _varies(self, scope: Scope, runs: list[Node], ends: list[Node]) -> None:
        """The outputs where an axis of an input varies, by the rules of the operations."""
        store, function = scope.store, self.Function
        varies = [run for run in runs if any(isinstance(size, Varying) for size in store.sizes(run) or ())]
        shown = " and ".join(store.show(run) for run in varies)
        if isinstance(function, OpaqueFunction):
            store.conflict(scope.where, f"an opaque function takes no varying axis ({function.reason}): {shown}", varies)
            return
        values = []
        for run in runs:
            axes = tuple(size if isinstance(store.value(size), Varying) else store.value(size) for size in store.axes(run) or ())
            values.append(sample(axes))
        arrays = [torch.empty(shape, device="meta") for shape in array_shapes(function)]
        try:
            found = padded(function, values, arrays, Solving(store, scope.where))
        except NoRule as refused:
            text = f"{refused} has no rule for a varying axis, the input is {shown}"
            store.conflict(scope.where, text, varies, fix="NetMapOperator, for what is done to each element by itself")
            return
        except Exception as error:  # what operations say of shapes that do not fit
            text = (str(error).splitlines() or [""])[0]
            store.conflict(scope.where, f"the function fails on arrays of shape {shown}: {type(error).__name__}: {text}", runs)
            return
        for value, end in zip(found, ends, strict=True):
            sizes = [store.size(size, scope.origin()) if isinstance(size, int) else size for size in value.axes]
            store.equate_runs(end, store.run(sizes, scope.origin()), scope.where)

    def shortest_lengths(self, sizes):
        function = self.Function
        if not isinstance(function, FunctionGraph) or is_pointwise(function):
            return {}
        shapes = [sizes[f"inputs{number}"] for number in range(len(function.ports))]
        pattern = tuple(tuple(size if isinstance(size, int) else None for size in shape) for shape in shapes)
        if not any(None in shape for shape in pattern):
            return {}
        return {(function.ports[number], axis): least for (number, axis), least in least_lengths(function, pattern).items()}

    def forward(self, *inputs, sizes, lengths, **arrays):
        function = self.Function
        shapes = tuple(sizes[f"inputs{number}"] for number in range(len(inputs)))
        known = tuple(tuple(size if isinstance(size, int) else LONG for size in shape) for shape in shapes)
        learned = [arrays[name] for name in function.array_names]
        if is_pointwise(function) and len({len(shape) for shape in shapes}) == 1:
            found = in_order(function(*inputs, *learned))
        elif isinstance(function, FunctionGraph) and any(lengths.values()):
            given = zip(self.input_ports(), inputs, shapes, strict=True)
            values = [Value(x, tuple(lengths[name].get(axis, size) for axis, size in enumerate(shape))) for name, x, shape in given]
            found = [value.tensor for value in padded(function, values, learned, Running())]
        else:
            found = batched(function, known)(*inputs, *learned)
        real = [result.real for result in results(function, known)]
        return tuple(value if own else value.type_as(inputs[0]) for value, own in zip(found, real, strict=True))


def _traced(function: Any, options: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """A Python function, traced on the shapes that the options give its ports, and the values of its arrays; anything else as it is."""
    if isinstance(function, (FunctionGraph, OpaqueFunction, Net)) or not (isinstance(function, str) or callable(function)):
        return function, {}
    names = input_names(function)
    types = {name: parse_type(options[name], f"FunctionLayer: {name}", "input") for name in names if name in options}
    known = [types[name].shape if name in types else None for name in names]
    shapes = [None if shape is None else tuple(size if isinstance(size, int) else None for size in shape) for shape in known]
    try:
        found = trace_layer(function, shapes=shapes)
    except NetValueError as error:
        open_ports = [f"{name}=<shape>" for name, shape in zip(names, shapes, strict=True) if shape is None]
        raise NetValueError(f"FunctionLayer: {error.headline}", fix=error.fix or ", ".join(open_ports) or None) from None
    if isinstance(found.function, Program):
        return VERBS["program"](found.function, found.values), {}
    return found.function, found.values
