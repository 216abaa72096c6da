"""A traced function as the graph of its parts: one part an operation, and one a call of a net.

steps --those that give no real numbers go into what uses them--> parts --a layer where there is one, else a FunctionLayer--> NetGraph
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from netgraph.errors import NetValueError
from netgraph.layers.basic import SoftmaxLayer
from netgraph.layers.constants import NetArrayLayer
from netgraph.layers.elementwise import ElementwiseLayer, ThreadingLayer
from netgraph.layers.function import FunctionLayer
from netgraph.layers.rearrange import TransposeLayer
from netgraph.layers.reduce import AggregationLayer, DotLayer
from netgraph.layers.sequence import SequenceReverseLayer
from netgraph.layers.structure import CatenateLayer, FlattenLayer, ReshapeLayer
from netgraph.nets.graph import OPENED, NetGraph
from netgraph.spec.arrays import NetArray
from netgraph.spec.batched import array_shapes
from netgraph.spec.declare import State
from netgraph.spec.function_graph import FunctionGraph, Node
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, array_slots, walk
from netgraph.spec.operations import OPERATIONS, REQUIRED, Ref
from netgraph.spec.ports import NetPort
from netgraph.spec.program import Program
from netgraph.spec.replay import drawn, undisturbed
from netgraph.spec.symbols import SYMBOLS
from netgraph.spec.typing import settled, short
from netgraph.types.symbols import All, Automatic

_UNREAL = {"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "not", "logical_and", "logical_or", "logical_xor", "logical_not",
           "isnan", "isinf", "isfinite", "all", "any", "argmax", "argmin", "argsort", "argcummax", "argcummin",
           "count_nonzero", "one_hot", "lower_median_index"}  # fmt: skip
"""Operations that give no real numbers."""
_AGGREGATED = {"sum": "Total", "mean": "Mean", "amax": "Max", "amin": "Min", "prod": "Times", "StandardDeviation": "StandardDeviation",
               "MeanDeviation": "MeanDeviation", "Median": "Median", "InterquartileRange": "InterquartileRange"}  # fmt: skip


def program_net(program: Program, values: Mapping[str, torch.Tensor]) -> NetGraph:
    """The graph of a function that calls nets. Its arrays stay in the parts that use them; `values` are those that have one."""
    return _Parts(program.graph, program.ports, program, values, apart=False).net(program.output_names)


def function_net(layer: FunctionLayer) -> NetGraph | None:
    """The graph of the parts of a FunctionLayer, with its arrays in layers of their own; None for an opaque function, which has none."""
    function = layer.Function
    if isinstance(function, Net):
        return NetGraph(layer["Function"], **layer.given)
    if not isinstance(function, FunctionGraph):
        return None
    program = Program(function, function.ports, (), (), function.output_names)
    types = settled(layer).inputs
    known = [types[port].shape if types[port].closed and not types[port].varies else None for port in function.ports]
    parts = _Parts(function, function.ports, program, layer.tensors, apart=True)
    if None not in known:
        parts.ranks = _ranks(function, known)
    return parts.net(function.output_names, **layer.given)


def _ranks(graph: FunctionGraph, shapes: Sequence) -> dict[Ref, int]:
    """The rank of every value, for inputs of these shapes."""
    values = {Ref("input", i): array for i, array in enumerate(drawn((*shapes, *array_shapes(graph))))}
    values |= {Ref("constant", i): array for i, array in enumerate(graph.constants)}
    with undisturbed(seed=0):
        for i, node in enumerate(graph.nodes):
            values[Ref("node", i)] = OPERATIONS[node.operation].run(*_replaced(node.operands, values.__getitem__))
    return {ref: value.dim() for ref, value in values.items()}


def _replaced(operands: Any, value: Callable[[Ref], Any]) -> Any:
    if isinstance(operands, tuple):
        return tuple(_replaced(operand, value) for operand in operands)
    return value(operands) if isinstance(operands, Ref) else operands


class _Parts:
    """The parts and edges of a graph, made from what is needed backwards."""

    def __init__(self, graph: FunctionGraph, ports: Sequence[str], program: Program, values: Mapping[str, torch.Tensor], apart: bool):
        self.graph, self.ports, self.program, self.values, self.apart = graph, tuple(ports), program, values, apart
        self.ranks: dict[Ref, int] = {}
        self.parts: list[Net] = []
        self.edges: list[tuple] = []
        self.made: dict[Ref, NetPort] = {Ref("input", i): NetPort(name) for i, name in enumerate(self.ports)}
        self.first_array = len(graph.inputs) - len(graph.arrays)
        self.real: list[bool] = []
        for node in graph.nodes:
            self.real.append(self._is_real(node))
        self.counts = [sum(call.net == number for call in program.calls) for number in range(len(program.nets))]

    def net(self, output_names: Sequence[str] | None, **types) -> NetGraph:
        outputs, number = list(self.graph.outputs), len(self.ports)
        for call in self.program.calls:
            arguments, outputs = outputs[: len(call.inputs)], outputs[len(call.inputs) :]
            sources = [self.source(ref) for ref in arguments]
            name = self.add(self.called(call.net))
            self.edges += [(source, NetPort(name, port)) for source, port in zip(sources, call.inputs, strict=True)]
            for port in call.outputs:
                self.made[Ref("input", number)] = NetPort(name, port)
                number += 1
        self.edges += [(self.source(ref), NetPort(name)) for ref, name in zip(outputs, output_names or ("Output",), strict=True)]
        used = {source.path for source, *_ in self.edges}
        for place, part in enumerate(self.parts):
            self.edges += [(NetPort(place, port), None) for port in part.output_ports() if (place, port) not in used]
        for name in self.ports:
            if (name,) not in used:
                raise NetValueError(f'"{name}" is a parameter that the function does not use')
        return NetGraph(self.parts, self.edges, **types)

    def add(self, part: Net) -> int:
        self.parts.append(part)
        return len(self.parts) - 1

    def called(self, number: int) -> Net:
        """A net to be called; its arrays are shared by name where it is called several times."""
        net = self.program.nets[number]
        return tied(net) if self.counts[number] > 1 else net

    def source(self, ref: Ref) -> NetPort:
        """The port that gives a value; its part is made if it is not there yet."""
        if ref not in self.made:
            steps, inputs = self.inlined(ref)
            for inner in inputs:
                self.source(inner)
            layer, order = self.layer(ref, steps, inputs)
            name = self.add(layer)
            self.edges += [(self.made[inputs[place]], NetPort(name, port)) for place, port in zip(order, layer.input_ports(), strict=True)]
            self.made[ref] = NetPort(name, layer.output_ports()[0])
        return self.made[ref]

    def inlined(self, ref: Ref) -> tuple[list[Ref], list[Ref]]:
        """The steps that make up one part, in order, and the values that it takes from others."""
        steps: dict[Ref, None] = {}
        inputs: dict[Ref, None] = {}
        stack = [(ref, False)]
        while stack:
            here, done = stack.pop()
            if done:
                steps[here] = None
            elif here not in steps:
                stack.append((here, True))
                for used in reversed(list(self.graph.nodes[here.index].references() if here.kind == "node" else ())):
                    outer = used.kind == "input" and (used.index < self.first_array or self.is_apart(used.index))
                    if outer or (used.kind == "node" and self.real[used.index]):
                        inputs[used] = None
                    elif used.kind == "node":
                        stack.append((used, False))
        if ref.kind != "input" and not inputs:
            inputs[Ref("input", 0)] = None  # a constant: some port has to tell how many examples there are
        places = {used: place for place, used in enumerate(u for node in steps for u in self._uses(node))}
        return list(steps), sorted(inputs, key=lambda used: places.get(used, -1))

    def _uses(self, ref: Ref) -> list[Ref]:
        return list(self.graph.nodes[ref.index].references()) if ref.kind == "node" else []

    def is_apart(self, index: int) -> bool:
        """Whether an array has a layer of its own: all of them where that is wanted, else one without name that several parts use."""
        uses = sum(Ref("input", index) in node.references() for node in self.graph.nodes)
        return self.apart or (self.graph.arrays[index - self.first_array].name is Automatic and uses > 1)

    def layer(self, ref: Ref, steps: list[Ref], inputs: list[Ref]) -> tuple[Net, Sequence[int]]:
        """The layer of one part, and the numbers of the inputs that it takes, in order."""
        if ref.kind == "input":
            return self.array(ref), ()
        if ref.kind == "constant":
            return FunctionLayer(self.cut(ref, [], inputs)), (0,)
        node = self.graph.nodes[ref.index]
        known = _known_layer(node, [self.ranks.get(used) for used in node.references()]) if len(steps) == 1 else None
        if known is not None:
            return known, [inputs.index(used) for used in node.references()]
        graph = self.cut(ref, steps, inputs)
        if graph.is_elementwise and len(inputs) == 1 and not graph.arrays:
            return ElementwiseLayer(graph), (0,)
        if graph.is_elementwise and not graph.arrays and len({self.ranks.get(used) for used in inputs} - {None}) == 1 and self.ranks:
            return ThreadingLayer(graph), range(len(inputs))
        layer = FunctionLayer(graph)
        values = {name: self.values[name] for name in graph.array_names if name in self.values}
        return layer.replaced(arrays=values) if values else layer, range(len(inputs))

    def array(self, ref: Ref) -> NetArrayLayer:
        name, array = self.graph.inputs[ref.index], self.graph.arrays[ref.index - self.first_array]
        words: dict[str, Any] = {"Array": self.values[name]} if name in self.values else {}
        if array.name is not Automatic:
            words = {"Array": NetArray(array.name, **words)}
        return NetArrayLayer(**words, Output=array.dimensions)

    def cut(self, ref: Ref, steps: list[Ref], inputs: list[Ref]) -> FunctionGraph:
        """A graph of some of the steps alone."""
        new = {used: Ref("input", i) for i, used in enumerate(inputs)}
        learned = dict.fromkeys(u for step in steps for u in self._uses(step) if u.kind == "input" and u not in new)
        new |= {used: Ref("input", len(inputs) + i) for i, used in enumerate(learned)}
        new |= {step: Ref("node", i) for i, step in enumerate(steps)}
        nodes = [self.graph.nodes[step.index].renumbered(new) for step in steps if step.kind == "node"]
        names = ["Input"] if len(inputs) == 1 else [f"Input{i + 1}" for i in range(len(inputs))]
        arrays = [self.graph.arrays[used.index - self.first_array] for used in learned]
        labels = [self.graph.inputs[used.index] for used in learned]
        return FunctionGraph([*names, *labels], nodes, [new.get(ref, ref)], None, self.graph.constants, arrays)

    def _is_real(self, node: Node) -> bool:
        """Whether a step gives real numbers that depend on an input: others are done where they are used."""
        if node.operation in _UNREAL or (node.operation == "to" and "float" not in node.operands[1]):
            return False
        return any(used.kind == "input" or (used.kind == "node" and self.real[used.index]) for used in node.references())


def _known_layer(node: Node, ranks: Sequence[int | None]) -> Net | None:
    """The layer that does one step, None where there is none or the ranks that it asks for are not known."""
    name, parameters = node.operation, OPERATIONS[node.operation].parameters
    operands = dict(zip((parameter.name for parameter in parameters), node.operands, strict=True))
    plain = all(p.default is REQUIRED or operands[p.name] == p.default for p in parameters if p.name not in ("dim", "dims"))
    if name in SYMBOLS and plain and len(node.operands) == 1:
        return ElementwiseLayer(SYMBOLS[name])
    if not plain:
        return None
    dim = operands.get("dim", operands.get("dims"))
    if name in _AGGREGATED:
        return AggregationLayer(_AGGREGATED[name], All if dim in (None, ()) else dim)
    if name == "softmax":
        return SoftmaxLayer(dim)
    if name == "flip" and dim == (0,):
        return SequenceReverseLayer()
    if name == "transpose":
        return TransposeLayer((operands["dim0"], operands["dim1"]))
    if name == "reshape" and all(size > 0 for size in operands["shape"]):
        return ReshapeLayer(operands["shape"])
    if name == "flatten":
        return FlattenLayer()
    if name == "cat" and all(ref.kind != "constant" for ref in operands["tensors"]):
        return CatenateLayer(dim, InputPorts=len(operands["tensors"]))
    if name == "matmul" and all(rank in (1, 2) for rank in ranks) and all(ref.kind != "constant" for ref in node.references()):
        return DotLayer(InputPorts=2)
    return None


def tied(net: Net) -> Net:
    """The net with all its arrays shared by name. The names follow from the net, so equal nets get equal ones.

    Errors: NetValueError for running statistics, which cannot be shared.
    """
    digest = hashlib.sha256(json.dumps([net.text(100), sorted(net.tensors)]).encode()).hexdigest()[:6]
    names: dict[str, str] = {}
    settings: dict[tuple[str, ...], dict[str, NetArray]] = {}
    for path, part, name, declared, setting in array_slots(net):
        if isinstance(setting, NetArray) and setting.name is not Automatic:
            continue
        if isinstance(declared, State):
            where = "/".join(path) or type(part).__name__
            raise NetValueError(f"{short(net)} is called several times, but {where} has running statistics, which cannot be shared")
        shared = "_".join((*path, name, digest))
        names["/".join((*path, name))] = shared
        settings.setdefault(path, {})[name] = NetArray(shared)
    arrays = {names.get(key, key): tensor for key, tensor in net.tensors.items()}
    rebuilt: dict[tuple[str, ...], Net] = {}
    for path, part in reversed(list(walk(net.structure))):
        children = {name: rebuilt[(*path, name)] for name in part.children}
        changes: dict[str, Any] = {"children": children} if children else {}
        if path in settings and isinstance(part, Layer):
            changes["settings"] = {**part._settings, **settings[path]}
        rebuilt[path] = part.replaced(**changes) if changes else part
    return rebuilt[()].replaced(arrays=arrays)


OPENED[FunctionLayer] = function_net
