"""A traced function on a padded batch: each step by the axis rule of its operation, so that padding is seen nowhere.

    elementwise   as it is; what it makes of padding is padding
    reduces       padding counts as what changes nothing (0 for a sum, -inf for a maximum), numbers of elements are the true ones
    moves         what counts from the end counts from each example's own
    mixes         padding gets weight 0, or is sorted behind everything

The same walk serves twice: on tensors without memory, where `Solving` ties the lengths of axes in the store of a net, and on what is
recorded for the generated code, where `Running` computes lengths. A step without a rule is refused by name.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch

from netgraph.spec import definitions
from netgraph.spec.batched import array_shapes, batched, results
from netgraph.spec.function_graph import FunctionGraph, Node
from netgraph.spec.lengths import NoRule, Running, Solving, Value
from netgraph.spec.moved import Moves
from netgraph.spec.operations import OPERATIONS, Ref
from netgraph.types.sizes import Varying
from netgraph.types.store import Store, find

LONG = 1009
"""What a varying axis is taken to be where shapes are tried."""

_LOW = -1e30
"""Below all that is real, where an infinity would give NaN to a sequence of length 0."""

_FILLS: dict[str, Any] = {
    "sum": 0, "nansum": 0, "prod": 1, "amax": -math.inf, "amin": math.inf, "all": True, "any": False, "count_nonzero": 0,
    "logsumexp": _LOW, "argmax": -math.inf, "argmin": math.inf, "norm": 0,
}  # fmt: skip
"""What padding counts as in a reduction."""
_TWO = {"cosine_similarity", "EuclideanDistance", "SquaredEuclideanDistance", "ManhattanDistance", "CosineDistance"}
_ALONG = {"cumsum", "cumprod", "logcumsumexp", "cummax", "cummin", "argcummax", "argcummin"}


def padded(graph: FunctionGraph, inputs: Sequence[Value], arrays: Sequence[Any], lengths: Solving | Running) -> list[Value]:
    """The outputs of a function for a padded batch. Raises NoRule."""
    return _Walk(graph, inputs, arrays, lengths).outputs()


@lru_cache(256)
def least_lengths(graph: FunctionGraph, shapes: tuple[tuple[int | None, ...], ...]) -> dict[tuple[int, int], int]:
    """How long varying axes (None in a shape) must be at least, by number of the input and axis: `x[-2]` wants 2."""
    store = Store()
    axes = [tuple(store.size(Varying()) if size is None else size for size in shape) for shape in shapes]
    inputs = [sample(own) for own in axes]
    arrays = [torch.empty(shape, device="meta") for shape in array_shapes(graph)]
    lengths = Solving(store, "")
    padded(graph, inputs, arrays, lengths)
    found = {}
    for number, own in enumerate(axes):
        for axis, size in enumerate(own):
            least = max(
                (count for node, count in lengths.least.items() if not isinstance(size, int) and find(node) is find(size)), default=0
            )
            if least:
                found[number, axis] = least
    return found


def sample(axes: Sequence[Any]) -> Value:
    """An array without memory, of two examples, for axes that are numbers or sizes of a store."""
    return Value(torch.empty((2, *(size if isinstance(size, int) else LONG for size in axes)), device="meta"), tuple(axes))


class _Walk(Moves):
    """A function on its way through the steps: what moves elements is inherited, the other rules stand here."""

    def __init__(self, graph: FunctionGraph, inputs: Sequence[Value], arrays: Sequence[Any], lengths: Solving | Running):
        self.graph, self.lengths, self.like = graph, lengths, inputs[0].tensor
        self.values: dict[Ref, Value] = {Ref("input", i): value for i, value in enumerate(inputs)}
        for i, (tensor, array) in enumerate(zip(arrays, graph.arrays, strict=True)):
            self.values[Ref("input", len(inputs) + i)] = Value(tensor, tuple(array.dimensions or ()), False)
        for i, array in enumerate(graph.constants):
            self.values[Ref("constant", i)] = Value(self._captured(array), tuple(array.shape), False)

    def _captured(self, array: torch.Tensor) -> Any:
        """A captured array, on the device and in the precision of the inputs."""
        graph = FunctionGraph(["Input"], [], [Ref("constant", 0)], None, [array])
        return graph(self.like)

    def outputs(self) -> list[Value]:
        for number, node in enumerate(self.graph.nodes):
            self.values[Ref("node", number)] = self.step(node)
        return [self.widened(self.values[ref]) for ref in self.graph.outputs]

    # -- one step --------------------------------------------------------------------------------------------------------------------------

    def step(self, node: Node) -> Value:
        operands = [self._value(operand) for operand in node.operands]
        values = [self.values[ref] for ref in node.references()]
        if not any(value.varying for value in values):
            return self.even(node, values)
        own = getattr(self, f"_{node.operation}", None)
        named = dict(zip((p.name for p in OPERATIONS[node.operation].parameters), operands, strict=True))
        if own is not None:
            return own(**named)
        if node.operation in _FILLS:
            return self.filled_up(node.operation, **named)
        if node.operation in _TWO:
            return self.compared(node.operation, **named)
        if node.operation in _ALONG:
            return self.along(node.operation, **named)
        if OPERATIONS[node.operation].axes == "elementwise":
            return self.elementwise(node.operation, operands)
        raise NoRule(node.operation)

    def _value(self, operand: Any) -> Any:
        if isinstance(operand, tuple):
            return tuple(map(self._value, operand))
        return self.values[operand] if isinstance(operand, Ref) else operand

    def even(self, node: Node, values: Sequence[Value]) -> Value:
        """A step on arrays of known shapes: as in any batch."""
        refs = list(dict.fromkeys(node.references()))
        new = {ref: Ref("input", i) for i, ref in enumerate(refs)}
        graph = FunctionGraph([f"x{i}" for i in range(len(refs))], [node.renumbered(new)], [Ref("node", 0)])
        shapes = tuple(self.values[ref].axes for ref in refs)
        shape = results(graph, shapes)[0].shape
        if not any(value.whole for value in values):
            return Value(graph(*(self.values[ref].tensor for ref in refs)), shape, False)
        (tensor,) = batched(graph, shapes)(*(self.widened(self.values[ref]).tensor for ref in refs))
        return Value(tensor, shape)

    def elementwise(self, name: str, operands: Sequence[Any]) -> Value:
        rank = max(operand.rank for operand in operands if isinstance(operand, Value))
        ready = [self.raised(operand, rank) if isinstance(operand, Value) else operand for operand in operands]
        axes = tuple(self.joined(column) for column in zip(*(v.axes for v in ready if isinstance(v, Value)), strict=True))
        return Value(OPERATIONS[name].run(*(v.tensor if isinstance(v, Value) else v for v in ready)), axes)

    # -- reductions ------------------------------------------------------------------------------------------------------------------------

    def filled_up(self, name: str, input: Value, dim: Any = None, keepdim: bool = False, **rest: Any) -> Value:
        dims = self.dims(input, dim)
        if name in ("argmax", "argmin", "prod") and len(dims) > 1:
            raise NoRule(f"{name} over several axes")
        if name == "norm" and rest["ord"] < 0:
            raise NoRule(f"norm with ord={rest['ord']}")
        parameters = [p.name for p in OPERATIONS[name].parameters]
        one = next(p.kind for p in OPERATIONS[name].parameters if p.name == "dim") == "integer"
        shifted = tuple(axis + 1 for axis in dims)
        filled = self.filled(input, dims, _FILLS[name])
        words = {"input": filled.tensor, "dim": shifted[0] if one else shifted, "keepdim": keepdim, **rest}
        return Value(OPERATIONS[name].run(*(words[p] for p in parameters)), self.reduced(input, dims, keepdim))

    def compared(self, name: str, input: Value, other: Value, dim: Any) -> Value:
        rank = max(input.rank, other.rank)
        input, other = self.raised(self.widened(input), rank), self.raised(self.widened(other), rank)
        axes = tuple(self.joined(column) for column in zip(input.axes, other.axes, strict=True))
        dims = self.dims(Value(None, axes), dim)
        u, v = (self.filled(value, [axis for axis in dims if value.varies(axis)], 0.0) for value in (input, other))
        shifted = tuple(axis + 1 for axis in dims)
        found = OPERATIONS[name].run(u.tensor, v.tensor, shifted[0] if isinstance(dim, int) else shifted)
        return Value(found, self.reduced(Value(None, axes), dims, False))

    def average(self, value: Value, dims: Sequence[int]) -> Any:
        """The mean along the axes, which are kept."""
        return self.filled(value, dims, 0.0).tensor.sum(tuple(axis + 1 for axis in dims), keepdim=True) / self.count(value, dims)

    def _mean(self, input: Value, dim: Any, keepdim: bool) -> Value:
        dims = self.dims(input, dim)
        return self.squeezed(self.average(input, dims), input, dims, keepdim)

    def _nanmean(self, input: Value, dim: Any, keepdim: bool) -> Value:
        dims, shifted = self.dims(input, dim), tuple(axis + 1 for axis in self.dims(input, dim))
        filled = self.filled(input, dims, math.nan).tensor
        return self.squeezed(torch.nanmean(filled, shifted, keepdim=True), input, dims, keepdim)

    def variance(self, value: Value, dims: Sequence[int], correction: float) -> Any:
        away = value._replace(tensor=value.tensor - self.average(value, dims))
        squares = self.filled(away, dims, 0.0).tensor.square().sum(tuple(axis + 1 for axis in dims), keepdim=True)
        count = self.count(value, dims)
        return squares / (max(count - correction, 0) if isinstance(count, int) else (count - correction).clamp_min(0))

    def _var(self, input: Value, dim: Any, correction: float, keepdim: bool) -> Value:
        dims = self.dims(input, dim)
        return self.squeezed(self.variance(input, dims, correction), input, dims, keepdim)

    def _std(self, input: Value, dim: Any, correction: float, keepdim: bool) -> Value:
        dims = self.dims(input, dim)
        return self.squeezed(definitions.sqrt(self.variance(input, dims, correction)), input, dims, keepdim)

    def _StandardDeviation(self, input: Value, dim: Any) -> Value:
        return self._std(input, dim, 1, False)

    def _MeanDeviation(self, input: Value, dim: Any) -> Value:
        dims = self.dims(input, dim)
        away = input._replace(tensor=(input.tensor - self.average(input, dims)).abs())
        return self.squeezed(self.average(away, dims), input, dims, False)

    def ranked(self, name: str, input: Value, dim: Any, keepdim: bool, places: Callable[[Any], Sequence[Any]]) -> list[Value]:
        """The values at some places, which may lie between elements, of what is sorted along one varying axis."""
        dims = self.dims(input, dim)
        if len(dims) != 1 or not input.varies(dims[0]):
            raise NoRule(f"{name} over several axes")
        axis = dims[0] + 1
        ordered = torch.sort(self.filled(input, dims, math.inf).tensor, dim=axis, stable=True)[0]
        count, found = self.count(input, dims), []
        behind = [ordered.shape[k + 1] if k + 1 != axis else 1 for k in range(input.rank)]
        for place in places(count):
            ends = [end.long().clamp_min(0).expand(-1, *behind) for end in (torch.floor(place), torch.ceil(place))]
            low, high = (ordered.gather(axis, end) for end in ends)
            # an infinite neighbour that has no weight must not count
            share = (place - torch.floor(place)).to(ordered.dtype)
            mixed = torch.where(share > 0, low + share * (high - low), low)
            found.append(self.squeezed(mixed, input, dims, keepdim))
        return found

    def _quantile(self, input: Value, q: float, dim: Any, keepdim: bool) -> Value:
        return self.ranked("quantile", input, dim, keepdim, lambda n: [(n - 1).double() * q])[0]

    def _Median(self, input: Value, dim: Any) -> Value:
        return self.ranked("Median", input, dim, False, lambda n: [(n - 1).double() / 2])[0]

    def _lower_median(self, input: Value, dim: Any, keepdim: bool) -> Value:
        return self.ranked("median", input, dim, keepdim, lambda n: [torch.floor((n - 1).double() / 2)])[0]

    def _InterquartileRange(self, input: Value, dim: Any) -> Value:
        def places(n):
            return [torch.minimum((n.double() * q - 0.5).clamp_min(0), (n - 1).double()) for q in (0.75, 0.25)]

        high, low = self.ranked("InterquartileRange", input, dim, False, places)
        return high._replace(tensor=high.tensor - low.tensor)

    # -- along an axis ---------------------------------------------------------------------------------------------------------------------

    def along(self, name: str, input: Value, dim: int) -> Value:
        """What looks back alone: padding is behind everything."""
        return input._replace(tensor=OPERATIONS[name].run(input.tensor, dim % input.rank + 1))

    def _softmax(self, input: Value, dim: int, name: str = "softmax") -> Value:
        dim %= input.rank
        return input._replace(tensor=OPERATIONS[name].run(self.filled(input, (dim,), _LOW).tensor, dim + 1))

    def _log_softmax(self, input: Value, dim: int) -> Value:
        return self._softmax(input, dim, "log_softmax")

    def _sort(self, input: Value, dim: int, descending: bool, name: str = "sort") -> Value:
        dim %= input.rank
        filled = self.filled(input, (dim,), -math.inf if descending else math.inf)
        return input._replace(tensor=OPERATIONS[name].run(filled.tensor, dim + 1, descending))

    def _argsort(self, input: Value, dim: int, descending: bool) -> Value:
        return self._sort(input, dim, descending, "argsort")

    # -- products --------------------------------------------------------------------------------------------------------------------------

    def _matmul(self, input: Value, other: Value) -> Value:
        letters = "abcdefghijklmnopqrstuv"
        if min(input.rank, other.rank) == 0 or max(input.rank, other.rank) > 2:
            if not other.whole and other.rank == 2 and not input.varies(-1):
                return Value(torch.matmul(input.tensor, other.tensor), (*input.axes[:-1], other.axes[1]))
            raise NoRule("matmul of arrays of more than two axes")
        left = letters[: input.rank - 1] + "x"
        right = "x" + letters[input.rank - 1 : input.rank + other.rank - 2]
        return self._einsum(f"{left},{right}->{(left + right).replace('x', '')}", (input, other))

    def _outer(self, input: Value, vec2: Any = None, other: Any = None) -> Value:
        return self._einsum("a,b->ab", (input, other if vec2 is None else vec2))

    def _einsum(self, equation: str, operands: tuple[Value, ...]) -> Value:
        equation = equation.replace(" ", "")
        batch = next((letter for letter in "zyxwvutsrqponmlkjihgfedcba" if letter not in equation), "")
        if "..." in equation or not batch:
            raise NoRule("einsum with these letters")
        terms, arrow, result = equation.partition("->")
        terms = terms.split(",")
        letters = "".join(terms)
        result = result if arrow else "".join(sorted(letter for letter in letters if letters.count(letter) == 1))
        sizes = {}
        for letter in dict.fromkeys(letters):
            columns = [value.axes[term.index(letter)] for term, value in zip(terms, operands, strict=True) if letter in term]
            sizes[letter] = self.joined(columns)
        tensors = []
        for term, value in zip(terms, operands, strict=True):
            summed = [axis for axis, letter in enumerate(term) if letter not in result]
            tensors.append(self.filled(value, summed, 0.0).tensor if value.whole else value.tensor)
        whole = [(batch if value.whole else "") + term for term, value in zip(terms, operands, strict=True)]
        return Value(torch.einsum(f"{','.join(whole)}->{batch}{result}", *tensors), tuple(sizes[letter] for letter in result))

    def _linear(self, input: Value, weight: Value, bias: Value | None) -> Value:
        if input.varies(-1) or weight.whole or (bias is not None and bias.whole):
            raise NoRule("linear")
        found = torch.nn.functional.linear(input.tensor, weight.tensor, None if bias is None else bias.tensor)
        return Value(found, (*input.axes[:-1], weight.axes[0]))

    def _one_hot(self, input: Value, num_classes: int) -> Value:
        return Value(OPERATIONS["one_hot"].run(input.tensor, num_classes), (*input.axes, num_classes))
