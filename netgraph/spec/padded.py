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
from typing import Any

import torch

from netgraph.spec import definitions
from netgraph.spec.batched import batched, results
from netgraph.spec.function_graph import FunctionGraph, Node
from netgraph.spec.lengths import NoRule, Running, Solving, Value
from netgraph.spec.operations import OPERATIONS, Ref
from netgraph.types.sizes import Affine

_LOW = -1e30
"""Below all that is real, where an infinity would give NaN to a sequence of length 0."""

_FILLS: dict[str, Any] = {
    "sum": 0, "nansum": 0, "prod": 1, "amax": -math.inf, "amin": math.inf, "all": True, "any": False, "count_nonzero": 0,
    "logsumexp": _LOW, "argmax": -math.inf, "argmin": math.inf, "norm": 0,
}  # fmt: skip
"""What padding counts as in a reduction."""
_TWO = {"cosine_similarity", "EuclideanDistance", "SquaredEuclideanDistance", "ManhattanDistance", "CosineDistance"}
_ALONG = {"cumsum", "cumprod", "logcumsumexp"}


def padded(graph: FunctionGraph, inputs: Sequence[Value], arrays: Sequence[Any], lengths: Solving | Running) -> list[Value]:
    """The outputs of a function for a padded batch. Raises NoRule."""
    return _Walk(graph, inputs, arrays, lengths).outputs()


class _Walk:
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

    def widened(self, value: Value) -> Value:
        """The value with a batch axis."""
        if value.whole:
            return value
        return value._replace(tensor=value.tensor.unsqueeze(0).expand(self.like.shape[0], *[-1] * value.rank), whole=True)

    def raised(self, value: Value, rank: int) -> Value:
        """The value with axes of size 1 in front, up to that rank."""
        tensor = value.tensor
        for _ in range(rank - value.rank):
            tensor = tensor.unsqueeze(1 if value.whole else 0)
        return value._replace(tensor=tensor, axes=(1,) * (rank - value.rank) + value.axes)

    def joined(self, columns: Sequence[Any]) -> Any:
        """The common size of one axis of several arrays that are threaded."""
        wide = [size for size in columns if not (isinstance(size, int) and size == 1)]
        lengths = [size for size in wide if not isinstance(size, int)]
        if lengths and len(lengths) < len(wide):
            raise NoRule(f"an axis of size {next(size for size in wide if isinstance(size, int))} against a varying one")
        for length in lengths[1:]:
            self.lengths.agree(lengths[0], length)
        return (wide or list(columns))[0]

    def elementwise(self, name: str, operands: Sequence[Any]) -> Value:
        rank = max(operand.rank for operand in operands if isinstance(operand, Value))
        ready = [self.raised(operand, rank) if isinstance(operand, Value) else operand for operand in operands]
        axes = tuple(self.joined(column) for column in zip(*(v.axes for v in ready if isinstance(v, Value)), strict=True))
        return Value(OPERATIONS[name].run(*(v.tensor if isinstance(v, Value) else v for v in ready)), axes)

    # -- masks -----------------------------------------------------------------------------------------------------------------------------

    def valid(self, value: Value, axis: int) -> Any:
        """Where the positions along a varying axis are real; it broadcasts over the value."""
        positions = torch.arange(value.tensor.shape[axis + 1], device=value.tensor.device)
        shape = [1] * (value.rank + 1)
        shape[axis + 1] = -1
        return positions.reshape(shape) < self.lengths.tensor(value.axes[axis]).reshape(-1, *[1] * value.rank)

    def filled(self, value: Value, dims: Sequence[int], fill: Any) -> Value:
        """The value with `fill` in place of padding along the axes."""
        tensor = value.tensor
        for axis in dims:
            if value.varies(axis):
                tensor = torch.where(self.valid(value, axis), tensor, fill)
        return value._replace(tensor=tensor)

    def count(self, value: Value, dims: Sequence[int]) -> Any:
        """How many elements the axes have: a number, or a tensor that broadcasts over a result with these axes kept."""
        known = math.prod(value.axes[axis] for axis in dims if not value.varies(axis))
        for axis in dims:
            if value.varies(axis):
                known = self.lengths.tensor(value.axes[axis]).reshape(-1, *[1] * value.rank) * known
        return known

    def dims(self, value: Value, dim: Any) -> tuple[int, ...]:
        listed = range(value.rank) if dim is None or dim == () else (dim,) if isinstance(dim, int) else dim
        return tuple(sorted(axis % value.rank for axis in listed))

    def reduced(self, value: Value, dims: Sequence[int], keepdim: bool) -> tuple[Any, ...]:
        if keepdim:
            return tuple(1 if axis in dims else size for axis, size in enumerate(value.axes))
        return tuple(size for axis, size in enumerate(value.axes) if axis not in dims)

    def squeezed(self, tensor: Any, value: Value, dims: Sequence[int], keepdim: bool) -> Value:
        """A result whose reduced axes are still there, as asked for."""
        for axis in () if keepdim else sorted(dims, reverse=True):
            tensor = tensor.squeeze(axis + 1)
        return Value(tensor, self.reduced(value, dims, keepdim))

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

    # -- moves -----------------------------------------------------------------------------------------------------------------------------

    def at(self, value: Value, axis: int, places: Any) -> Any:
        """The elements at places (example x place) along an axis."""
        shape = [-1 if k in (0, axis + 1) else 1 for k in range(value.rank + 1)]
        sizes = [-1 if k in (0, axis + 1) else value.tensor.shape[k] for k in range(value.rank + 1)]
        # the places have as many rows as there are examples, so both open sizes are told
        laid = places.reshape(value.tensor.shape[0], *shape[1:])
        return value.tensor.gather(axis + 1, laid.expand(*sizes))

    def _flip(self, input: Value, dims: tuple[int, ...]) -> Value:
        for dim in dims:
            axis = dim % input.rank
            if not input.varies(axis):
                input = input._replace(tensor=input.tensor.flip(axis + 1))
                continue
            here = torch.arange(input.tensor.shape[axis + 1], device=input.tensor.device)
            places = self.lengths.tensor(input.axes[axis]).unsqueeze(1) - 1 - here
            input = input._replace(tensor=self.at(input, axis, torch.where(places < 0, here, places)))
        return input

    def _roll(self, input: Value, shifts: tuple[int, ...], dims: tuple[int, ...]) -> Value:
        if not dims:
            if input.rank > 1:
                raise NoRule("roll without an axis")
            dims = (0,)
        for shift, dim in zip(shifts, dims, strict=True):
            axis = dim % input.rank
            if not input.varies(axis):
                input = input._replace(tensor=input.tensor.roll(shift, axis + 1))
                continue
            here = torch.arange(input.tensor.shape[axis + 1], device=input.tensor.device)
            length = self.lengths.tensor(input.axes[axis]).unsqueeze(1)
            places = torch.where(here < length, torch.remainder(here - shift, length.clamp_min(1)), here)
            input = input._replace(tensor=self.at(input, axis, places))
        return input

    def _unsqueeze(self, input: Value, dim: int) -> Value:
        dim %= input.rank + 1
        return Value(input.tensor.unsqueeze(dim + 1), (*input.axes[:dim], 1, *input.axes[dim:]))

    def _squeeze(self, input: Value, dim: Any) -> Value:
        listed = range(input.rank) if dim is None else [axis % input.rank for axis in dim]
        ones = [axis for axis in listed if input.axes[axis] == 1 and not input.varies(axis)]
        return self.squeezed(input.tensor, input, ones, False)

    def _permute(self, input: Value, dims: tuple[int, ...]) -> Value:
        order = [axis % input.rank for axis in dims]
        return Value(input.tensor.permute(0, *(axis + 1 for axis in order)), tuple(input.axes[axis] for axis in order))

    def _transpose(self, input: Value, dim0: int, dim1: int) -> Value:
        order = list(range(input.rank))
        order[dim0], order[dim1] = order[dim1], order[dim0]
        return self._permute(input, tuple(order))

    def _movedim(self, input: Value, source: tuple[int, ...], destination: tuple[int, ...]) -> Value:
        moved = {to % input.rank: axis % input.rank for axis, to in zip(source, destination, strict=True)}
        rest = iter(axis for axis in range(input.rank) if axis not in moved.values())
        return self._permute(input, tuple(moved[place] if place in moved else next(rest) for place in range(input.rank)))

    def _flatten(self, input: Value, start_dim: int, end_dim: int) -> Value:
        if not input.rank:
            return self._unsqueeze(input, 0)
        first, last = start_dim % input.rank, end_dim % input.rank
        merged = input.axes[first : last + 1]
        if any(not isinstance(size, int) for size in merged[1:]):
            raise NoRule("flatten of a varying axis behind another")
        count = math.prod(merged[1:])
        size = merged[0] * count if isinstance(merged[0], int) else self.lengths.derive(merged[0], Affine(count, 0, 1))
        return Value(input.tensor.flatten(first + 1, last + 1), (*input.axes[:first], size, *input.axes[last + 1 :]))

    def _repeat_interleave(self, input: Value, repeats: int, dim: int | None) -> Value:
        if dim is None:
            return self._repeat_interleave(self._flatten(input, 0, -1), repeats, 0)
        dim %= input.rank
        old = input.axes[dim]
        size = old * repeats if isinstance(old, int) else self.lengths.derive(old, Affine(repeats, 0, 1))
        return Value(input.tensor.repeat_interleave(repeats, dim + 1), (*input.axes[:dim], size, *input.axes[dim + 1 :]))

    def _pad(self, input: Value, pad: tuple[int, ...], mode: str, value: float | None) -> Value:
        ends = [(0, 0)] * (input.rank - len(pad) // 2) + [pad[k : k + 2] for k in range(0, len(pad), 2)][::-1]
        touched = [axis for axis in range(input.rank) if any(ends[axis])]
        if any(input.varies(axis) for axis in touched) and (mode != "constant" or min(pad) < 0):
            raise NoRule(f"pad with mode={mode!r} or negative sizes")
        filled = self.filled(input, touched, 0.0 if value is None else value)
        axes = [
            size + sum(end) if isinstance(size, int) else self.lengths.derive(size, Affine(1, sum(end), 1)) if any(end) else size
            for size, end in zip(input.axes, ends, strict=True)
        ]
        return Value(torch.nn.functional.pad(filled.tensor, pad, mode, value), tuple(axes))

    def _tril(self, input: Value, diagonal: int) -> Value:
        return input._replace(tensor=input.tensor.tril(diagonal))

    def _triu(self, input: Value, diagonal: int) -> Value:
        return input._replace(tensor=input.tensor.triu(diagonal))

    def _stack(self, tensors: tuple[Value, ...], dim: int) -> Value:
        dim %= tensors[0].rank + 1
        axes = [self.joined(column) for column in zip(*(value.axes for value in tensors), strict=True)]
        found = torch.stack([self.widened(value).tensor for value in tensors], dim + 1)
        return Value(found, (*axes[:dim], len(tensors), *axes[dim:]))

    def _cat(self, tensors: tuple[Value, ...], dim: int) -> Value:
        dim %= tensors[0].rank
        wide = [self.widened(value) for value in tensors]
        columns = list(zip(*(value.axes for value in wide), strict=True))
        axes = [self.joined(column) if axis != dim else None for axis, column in enumerate(columns)]
        sizes = list(columns[dim])
        tensor = torch.cat([value.tensor for value in wide], dim + 1)
        if all(isinstance(size, int) for size in sizes):
            axes[dim] = sum(sizes)
            return Value(tensor, tuple(axes))
        axes[dim] = self.lengths.total(sizes, "cat")
        here = torch.arange(tensor.shape[dim + 1], device=tensor.device).unsqueeze(0)
        end, places = 0, here
        for value, size in zip(wide, sizes, strict=True):
            true = size if isinstance(size, int) else self.lengths.tensor(size).unsqueeze(1)
            end = true + end
            if not isinstance(size, int):
                places = places + torch.where(here >= end, value.tensor.shape[dim + 1] - true, 0)
        joined = Value(tensor, tuple(axes))
        return joined._replace(tensor=self.at(joined, dim, torch.where(places < tensor.shape[dim + 1], places, here)))

    # -- parts -----------------------------------------------------------------------------------------------------------------------------

    def _index(self, input: Value, index: tuple) -> Value:
        if any(isinstance(part, Value) for part in index):
            if not input.whole and len(index) == 1 and not any(input.varying):
                (rows,) = index
                return Value(input.tensor[rows.tensor], (*rows.axes, *input.axes[1:]))
            raise NoRule("an index that is an array")
        used = sum(part is not None and part is not Ellipsis for part in index)
        rest = [slice(None)] * (input.rank - used)
        cut = index.index(Ellipsis) if Ellipsis in index else len(index)
        parts = [*index[:cut], *rest, *index[cut + 1 :]]
        axis = 0
        for part in parts:
            if part is None:
                input = self._unsqueeze(input, axis)
                axis += 1
            elif isinstance(part, int):
                input = self.picked(input, axis, part)
            else:
                input = self.sliced(input, axis, part)
                axis += 1
        return input

    def picked(self, value: Value, axis: int, place: int) -> Value:
        axes = (*value.axes[:axis], *value.axes[axis + 1 :])
        if place >= 0 or not value.varies(axis):
            return Value(value.tensor.select(axis + 1, place), axes)
        places = (self.lengths.tensor(value.axes[axis]) + place).clamp_min(0).unsqueeze(1)
        return Value(self.at(value, axis, places).squeeze(axis + 1), axes)

    def sliced(self, value: Value, axis: int, part: slice) -> Value:
        size = value.axes[axis]
        if part == slice(None):
            return value
        if isinstance(size, int):
            found = value.tensor[(slice(None),) * (axis + 1) + (part,)]
            return Value(found, (*value.axes[:axis], len(range(*part.indices(size))), *value.axes[axis + 1 :]))
        start, stop, step = part.start or 0, part.stop, part.step or 1
        if start < 0 and stop is None and step == 1:
            last = self.lengths.tensor(size).unsqueeze(1) + start
            places = (last + torch.arange(-start, device=value.tensor.device)).clamp_min(0)
            return Value(self.at(value, axis, places), (*value.axes[:axis], -start, *value.axes[axis + 1 :]))
        if start < 0 or step < 1 or (stop is not None and (stop >= 0 or step > 1)):
            raise NoRule(f"the slice {start}:{'' if stop is None else stop}{'' if step == 1 else f':{step}'}")
        form = Affine(1, step - 1 - start, step) if stop is None else Affine(1, stop - start, 1)
        found = value.tensor[(slice(None),) * (axis + 1) + (slice(start, stop, step),)]
        return Value(found, (*value.axes[:axis], self.lengths.derive(size, form), *value.axes[axis + 1 :]))
