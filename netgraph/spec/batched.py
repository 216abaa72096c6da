"""A traced function of one example as a function of a batch, by the axis rules of its operations.

    graph, shapes --each step by its rule--> graph of a batch --both run on drawn data--> that graph, or the loop over the examples

Axes are counted from the end, so that the batch axis in front does not move them; what cannot be said so has a rule of its own. Where a
step has none, or where the two graphs differ, the function runs once for each example: the same result, slower.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch

from netgraph.spec.function_graph import FunctionGraph, Node
from netgraph.spec.operations import OPERATIONS, Ref
from netgraph.spec.replay import RECORDED_SIZE, drawn, undisturbed
from netgraph.spec.trace import OpaqueFunction, trace

Function = FunctionGraph | OpaqueFunction
Sizes = tuple[tuple[int, ...], ...]

_SAME_ORDER = {"reshape", "reshape_as", "flatten", "unflatten", "unsqueeze", "squeeze"}
_UNCHANGED = {
    "inv": 2, "det": 2, "tril": 2, "triu": 2, "cdist": 2, "pad": 1, "one_hot": 0, "pinv": 2, "cholesky": 2, "eigvalsh": 2, "svdvals": 2,
    "solve": 2, "matrix_power": 2, "matrix_exp": 2, "logabsdet": 2, "sign_det": 2, "diag_embed": 1,
}  # fmt: skip
"""Operations on the last axes, whatever is in front of these, and how many axes they take."""
_SPATIAL = {f"{name}{rank}d": rank for name in ("conv", "max_pool", "avg_pool", "adaptive_avg_pool") for rank in (1, 2, 3)}
_MOST_DRAWN = 2**22  # elements
_AXES = ("dim", "dim0", "dim1", "dim2", "dims", "source", "destination")


class Result(NamedTuple):
    """An output of a function of one example: its name, its shape, and whether its elements are real numbers."""

    name: str
    shape: tuple[int, ...]
    real: bool


@lru_cache(1024)
def results(function: Function, shapes: Sizes) -> tuple[Result, ...]:
    """The outputs of a function of one example, for inputs of these shapes. Raises what the function raises.

    A graph is followed without memory, as far as its steps allow that: shapes may be large, and come from files.
    """
    function = sized(function, shapes) if function.array_names else function
    everything = shapes if isinstance(function, OpaqueFunction) else (*shapes, *array_shapes(function))
    found = _followed(function, everything) if isinstance(function, FunctionGraph) else None
    if found is None:
        with undisturbed(seed=0):
            found = function(*drawn(everything))
    named = found if isinstance(found, Mapping) else {"Output": found}
    arrays = {str(name): torch.as_tensor(value) for name, value in named.items()}
    return tuple(Result(name, tuple(array.shape), array.is_floating_point()) for name, array in arrays.items())


@lru_cache(256)
def sized(function: Function, shapes: Sizes) -> Function:
    """The function at these shapes: one that was opaque because its steps depend on rank or sizes is traced again."""
    return trace(function.function, function.inputs, shapes) if isinstance(function, OpaqueFunction) else function


def array_shapes(graph: FunctionGraph) -> tuple[tuple[int, ...], ...]:
    """The dimensions of the learned arrays of a graph."""
    return tuple(tuple(array.dimensions or ()) for array in graph.arrays)


def _followed(graph: FunctionGraph, shapes: Sizes):
    """The outputs of a graph on arrays without memory; None where a step needs values and small arrays can have them.

    Captured integers may be places in an array, and torch does not look whether they are there while it has no memory.
    """
    if sum(map(math.prod, shapes)) <= _MOST_DRAWN and any(array.ndim and not array.is_floating_point() for array in graph.constants):
        return None
    try:
        return graph(*(torch.empty(shape, device="meta") for shape in shapes))
    except Exception:  # a step that needs values, or what is wrong with the function, which is told for arrays that have some
        if sum(map(math.prod, shapes)) > _MOST_DRAWN:
            raise
        return None


def output_names(function: Function, shapes: Sequence[Any]) -> tuple[str, ...]:
    """The names of the outputs; an opaque function is run on the shapes, with ranks and sizes put in for what is not known of them."""
    if isinstance(function, FunctionGraph):
        return function.output_names or ("Output",)
    for rank in (1, 2, 3, 0):
        filled = [(RECORDED_SIZE,) * rank if shape is None else shape for shape in shapes]
        sizes = tuple(tuple(size if isinstance(size, int) else RECORDED_SIZE for size in shape) for shape in filled)
        try:
            return tuple(result.name for result in results(function, sizes))
        except Exception:  # whatever user code raises: it is tried at the next rank
            continue
    return ("Output",)


def sources(graph: FunctionGraph) -> list[frozenset[int]]:
    """For each output the numbers of the inputs (ports, and learned arrays behind them) that it depends on."""
    known: dict[Ref, frozenset[int]] = {Ref("input", i): frozenset((i,)) for i in range(len(graph.inputs))}
    for number, node in enumerate(graph.nodes):
        known[Ref("node", number)] = frozenset().union(*(known.get(ref, frozenset()) for ref in node.references()))
    return [known.get(ref, frozenset()) for ref in graph.outputs]


def is_pointwise(function: Function) -> bool:
    """Whether each element of each output depends on the elements of inputs at its place, and on one at least."""
    if not isinstance(function, FunctionGraph) or not function.is_elementwise:
        return False
    return all(any(number < len(function.ports) for number in used) for used in sources(function))


@lru_cache(256)
def batched(function: Function, shapes: Sizes) -> Callable:
    """The function of a batch: arrays of these shapes with the batch axis in front, then the learned arrays -> a tuple of the outputs."""
    function = sized(function, shapes)
    if isinstance(function, FunctionGraph):
        try:
            graph = _Batching(function, shapes).graph()
            if _agrees(graph, function, shapes):
                return _Tupled(graph)
        except (_NoRule, RuntimeError, IndexError, TypeError, ValueError):
            pass
    return _Loop(function, shapes)


class _Tupled:
    """A graph whose outputs come as a tuple."""

    def __init__(self, graph: FunctionGraph):
        self.graph = graph

    def __call__(self, *arrays):
        return in_order(self.graph(*arrays))


def in_order(result: Any) -> tuple:
    """What a function returned, as a tuple of its outputs."""
    return tuple(result.values()) if isinstance(result, dict) else (result,)


class _Each:
    """What runs a function once for each example, as one call in the generated code."""

    def __init__(self, function: Function, shapes: Sizes):
        self.function, self.shapes = function, shapes
        self.__name__ = "each_example"

    def __call__(self, *arrays):
        arrays, learned = arrays[: len(self.shapes)], arrays[len(self.shapes) :]
        rows = [in_order(self.function(*(array[i] for array in arrays), *learned)) for i in range(arrays[0].shape[0])]
        if not rows:
            return tuple(arrays[0].new_zeros((0, *result.shape)) for result in results(self.function, self.shapes))
        return tuple(torch.stack([torch.as_tensor(part) for part in parts]) for parts in zip(*rows, strict=True))


class _Loop:
    """The function of a batch that loops over the examples."""

    def __init__(self, function: Function, shapes: Sizes):
        self.each, self.count = _Each(function, shapes), len(results(function, shapes))

    def __call__(self, *arrays):
        if isinstance(arrays[0], torch.fx.Proxy):
            whole: Any = arrays[0].tracer.create_proxy("call_function", self.each, tuple(arrays), {})
            return tuple(whole[i] for i in range(self.count))
        return self.each(*arrays)


def _agrees(graph: FunctionGraph, function: FunctionGraph, shapes: Sizes) -> bool:
    """Whether the graph of a batch gives what the function gives for each example, for batches of two sizes."""
    for count in (3, 1):
        arrays = drawn([(count, *shape) for shape in shapes], seed=count)
        learned = drawn(array_shapes(function), seed=count + 7)
        with undisturbed(seed=0):
            together = in_order(graph(*(array.clone() for array in arrays), *learned))
            apart = [in_order(function(*(array[i].clone() for array in arrays), *learned)) for i in range(count)]
        for number, whole in enumerate(together):
            parts = torch.stack([row[number] for row in apart])
            if whole.shape != parts.shape or not torch.allclose(whole.double(), parts.double(), rtol=1e-4, atol=1e-5, equal_nan=True):
                return False
    return True


class _NoRule(Exception):
    """A step cannot be written for a batch."""


class _Batching:
    """The steps of a function, written anew for a batch."""

    def __init__(self, function: FunctionGraph, shapes: Sizes):
        self.function = function
        self.nodes: list[Node] = []
        self.old: dict[Ref, Ref] = {}  # a value of the function -> that of the batch
        self.shape: dict[Ref, tuple[int, ...]] = {}  # of one example; of a value that has no batch axis, its shape
        self.whole: set[Ref] = set()  # the values that have a batch axis
        self.values: dict[Ref, Any] = {Ref("input", i): array for i, array in enumerate(drawn((*shapes, *array_shapes(function))))}
        for i, array in enumerate(function.constants):
            self.values[Ref("constant", i)] = array.float() if array.is_floating_point() else array
        for ref, array in self.values.items():
            self.old[ref] = ref
            self.shape[ref] = tuple(array.shape)
        self.whole.update(Ref("input", i) for i in range(len(shapes)))

    def graph(self) -> FunctionGraph:
        """The whole, all outputs with a batch axis."""
        for number, node in enumerate(self.function.nodes):
            ref = Ref("node", number)
            with undisturbed(seed=0):
                value = OPERATIONS[node.operation].run(*map(self._value, node.operands))
            self.values[ref] = value
            if 0 in value.shape:
                raise _NoRule
            new = self._step(node, tuple(value.shape))
            self.old[ref] = new
            self.shape[new] = tuple(value.shape)
        ends = [self._widened(self.old[ref]) for ref in self.function.outputs]
        return FunctionGraph(
            self.function.inputs, self.nodes, ends, self.function.output_names, self.function.constants, self.function.arrays
        )

    def _value(self, operand: Any) -> Any:
        if isinstance(operand, tuple):
            return tuple(map(self._value, operand))
        return self.values[operand] if isinstance(operand, Ref) else operand

    def emit(self, name: str, *operands: Any, shape: tuple[int, ...] = (), whole: bool = True) -> Ref:
        """A new step."""
        self.nodes.append(Node(name, operands))
        ref = Ref("node", len(self.nodes) - 1)
        self.shape[ref] = shape
        if whole:
            self.whole.add(ref)
        return ref

    def shaped(self, ref: Ref, shape: tuple[int, ...]) -> Ref:
        """The value with its elements laid out in another shape."""
        whole = ref in self.whole
        return ref if self.shape[ref] == shape else self.emit("reshape", ref, (-1, *shape) if whole else shape, shape=shape, whole=whole)

    def aligned(self, refs: Sequence[Ref], least: int = 0) -> list[Ref]:
        """The values with axes of size 1 behind the batch, so that all have one rank; those without batch axis broadcast as they are."""
        rank = max([least, *(len(self.shape[ref]) for ref in refs)])
        return [self.shaped(r, (1,) * (rank - len(self.shape[r])) + self.shape[r]) if r in self.whole else r for r in refs]

    def _widened(self, ref: Ref) -> Ref:
        """The value with a batch axis."""
        if ref in self.whole:
            return ref
        first = Ref("input", 0)
        one = self.emit("index", first, (slice(None), *(0 for _ in self.shape[first])))
        zeros = self.shaped(self.emit("zeros_like", one), (1,) * len(self.shape[ref]))
        return self.emit("add", zeros, ref, shape=self.shape[ref])

    def _single(self, ref: Ref, rank: int) -> Ref:
        """A value that is the same for all examples, as a batch of one."""
        shape = (1,) * (rank - len(self.shape[ref])) + self.shape[ref]
        return self.emit("reshape", ref, (1, *shape), shape=shape)

    def _step(self, node: Node, shape: tuple[int, ...]) -> Ref:
        name, rule = node.operation, OPERATIONS[node.operation].axes
        moved = node.renumbered(self.old)
        refs = list(moved.references())
        if not any(ref in self.whole for ref in refs):
            return self.emit(name, *moved.operands, shape=shape, whole=False)
        if name in _SAME_ORDER:
            (first, *_) = refs
            return self.shaped(first, shape) if first in self.whole else self._none()
        own = getattr(self, f"_{name}", None)
        if own is not None:
            return own(*moved.operands, shape=shape)
        if name in _SPATIAL or name == "interpolate":
            return self._over_space(moved, refs, shape)
        if name in _UNCHANGED:
            if any(len(self.shape[ref]) < _UNCHANGED[name] for ref in refs):
                raise _NoRule
        elif rule != "elementwise":
            return self._along(moved, refs, shape)
        return self.emit(name, *self._replaced(moved, refs, self.aligned(refs)), shape=shape)

    def _over_space(self, node: Node, refs: Sequence[Ref], shape: tuple[int, ...]) -> Ref:
        """Convolution and pooling, of channels x space; an axis in front of these goes into the batch."""
        first, *rest = refs
        if any(ref in self.whole for ref in rest):
            raise _NoRule
        given = self.shape[first]
        channels = 1 + (len(given) - 2 if node.operation == "interpolate" else _SPATIAL[node.operation])
        folded = first if len(given) == channels else self.emit("reshape", first, (-1, *given[1:]), shape=given[1:])
        found = self.emit(node.operation, folded, *node.operands[1:], shape=shape)
        return found if folded is first else self.emit("reshape", found, (-1, *shape), shape=shape)

    def _none(self) -> Ref:
        raise _NoRule

    def _replaced(self, node: Node, refs: Sequence[Ref], new: Sequence[Ref]) -> tuple:
        return node.renumbered(dict(zip(refs, new, strict=True))).operands

    def _along(self, node: Node, refs: Sequence[Ref], shape: tuple[int, ...]) -> Ref:
        """A step along axes that its operands name, which are counted from the end."""
        parameters = OPERATIONS[node.operation].parameters
        rank = max(len(self.shape[ref]) for ref in refs)
        if not rank or not any(parameter.name in _AXES for parameter in parameters):
            raise _NoRule
        new = self.aligned(refs)
        if len(refs) > 1:
            new = [ref if ref in self.whole else self._single(ref, rank) for ref in new]
        operands = list(self._replaced(node, refs, new))
        for place, (parameter, operand) in enumerate(zip(parameters, operands, strict=True)):
            if parameter.name not in _AXES:
                continue
            if operand is None and parameter.kind == "integer":
                if len(refs) > 1:
                    raise _NoRule
                operands[0] = self.shaped(new[0], (math.prod(self.shape[refs[0]]),))
                operands[place] = -1
            elif operand is None or operand == ():
                operands[place] = tuple(range(-rank, 0))
            else:
                operands[place] = from_the_end(operand, rank)
        return self.emit(node.operation, *operands, shape=shape)

    # -- operations with a rule of their own; the shape is that of the result ------------------------------------------------------------

    def _index(self, array: Ref, index: tuple, *, shape) -> Ref:
        parts = [part for part in index if isinstance(part, Ref)]
        if array in self.whole and not any(part in self.whole for part in parts):
            return self.emit("index", array, (slice(None), *index), shape=shape)
        if array not in self.whole and len(index) == 1 and parts:
            return self.emit("index", array, index, shape=shape)
        raise _NoRule

    def _cat(self, arrays: tuple, dim: int, *, shape, name: str = "cat") -> Ref:
        rank = len(shape)
        return self.emit(name, tuple(self._widened(ref) for ref in arrays), from_the_end(dim, rank), shape=shape)

    def _stack(self, arrays: tuple, dim: int, *, shape) -> Ref:
        return self._cat(arrays, dim, shape=shape, name="stack")

    def _matmul(self, left: Ref, right: Ref, *, shape) -> Ref:
        if right not in self.whole and len(self.shape[right]) == 2:
            return self.emit("matmul", left, right, shape=shape)
        a, b = self.shape[left], self.shape[right]
        if len(a) == 1:
            left = self.shaped(left, (1, *a))
        if len(b) == 1:
            right = self.shaped(right, (*b, 1))
        left, right = self.aligned([left, right])
        inner = self.emit("matmul", left, right, shape=(*shape, *(1,) * ((len(a) == 1) + (len(b) == 1))))
        return self.emit("reshape", inner, (-1, *shape), shape=shape) if 1 in (len(a), len(b)) else inner

    def _outer(self, left: Ref, right: Ref, *, shape) -> Ref:
        return self.emit("mul", self.shaped(left, (shape[0], 1)), self.shaped(right, (1, shape[1])), shape=shape)

    def _trace(self, array: Ref, *, shape) -> Ref:
        return self.emit("sum", self.emit("diagonal", array, 0, -2, -1), (-1,), False, shape=shape)

    def _linear(self, array: Ref, weight: Ref, bias: Ref | None, *, shape) -> Ref:
        if weight in self.whole or bias in self.whole:
            raise _NoRule
        return self.emit("linear", array, weight, bias, shape=shape)

    def _tensordot(self, left: Ref, right: Ref, dims: int, *, shape) -> Ref:
        return self._none() if right in self.whole else self.emit("tensordot", left, right, dims, shape=shape)

    def _index_select(self, array: Ref, dim: int, index: Ref, *, shape) -> Ref:
        if index in self.whole:
            raise _NoRule
        return self.emit("index_select", array, from_the_end(dim, len(self.shape[array])), index, shape=shape)

    def _einsum(self, equation: str, arrays: tuple, *, shape) -> Ref:
        equation = equation.replace(" ", "")
        batch = next((letter for letter in "zyxwvutsrqponmlkjihgfedcba" if letter not in equation), "")
        if "..." in equation or not batch:
            raise _NoRule
        terms, arrow, result = equation.partition("->")
        letters = [letter for letter in terms if letter != ","]
        result = result if arrow else "".join(sorted(letter for letter in letters if letters.count(letter) == 1))
        whole = [(batch if ref in self.whole else "") + term for ref, term in zip(arrays, terms.split(","), strict=True)]
        return self.emit("einsum", f"{','.join(whole)}->{batch}{result}", arrays, shape=shape)

    def _permute(self, array: Ref, dims: tuple[int, ...], *, shape) -> Ref:
        return self.emit("permute", array, (0, *(dim % len(dims) + 1 for dim in dims)), shape=shape)

    def _roll(self, array: Ref, shifts: tuple[int, ...], dims: tuple[int, ...], *, shape) -> Ref:
        if dims:
            return self.emit("roll", array, shifts, from_the_end(dims, len(shape)), shape=shape)
        flat = (math.prod(shape),)
        return self.shaped(self.emit("roll", self.shaped(array, flat), shifts, (-1,), shape=flat), shape)

    def _tile(self, array: Ref, dims: tuple[int, ...], *, shape) -> Ref:
        (array,) = self.aligned([array], len(dims))
        return self.emit("tile", array, (1, *(1,) * (len(shape) - len(dims)), *dims), shape=shape)

    def _broadcast_to(self, array: Ref, size: tuple[int, ...], *, shape) -> Ref:
        (array,) = self.aligned([array], len(shape))
        return self.emit("broadcast_to", array, (-1, *shape), shape=shape)


def from_the_end(axes: Any, rank: int) -> Any:
    """Axes, counted from the end."""
    if isinstance(axes, tuple):
        return tuple(from_the_end(axis, rank) for axis in axes)
    return axes - rank if axes >= 0 else axes
