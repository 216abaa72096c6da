"""Array operations: sums and statistics over levels, products of arrays, positions by size.

Shapes describe one example; the tensors of `forward` have the batch axis in front.
"""

import math
from functools import reduce
from typing import Any

import torch

from netgraph.errors import NetTypeError
from netgraph.spec import definitions
from netgraph.spec.declare import InputPort, InputPorts, OutputPort, Rule
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions
from netgraph.spec.parameters import choice, is_integer, parameter, wants
from netgraph.types.symbols import All, Automatic

__all__ = ["AggregationLayer", "DotLayer", "OrderingLayer", "SummationLayer"]


def _levels(value):
    if value is All or is_integer(value) or (isinstance(value, tuple) and all(map(is_integer, value))):
        return value
    if isinstance(value, slice) and all(part is None or is_integer(part) for part in (value.start, value.stop, value.step)):
        return value
    raise wants("a level, a list of levels, a slice of levels or All", value)


LevelSet: Any = parameter(_levels, {"anyOf": [{"type": "integer"}, {"type": "array"}, {"type": "object"}]})
"""Levels of one example: a number, a list (exactly those), a slice (a half-open span) or All."""


def levels_of(levels, rank: int) -> tuple[int, ...]:
    """The levels of an array of rank `rank` that a `LevelSet` names, ascending. Errors: ValueError for one not there or listed twice."""
    if levels is All:
        return tuple(range(rank))
    if isinstance(levels, slice):
        return tuple(sorted(range(rank)[levels]))
    listed = (levels,) if isinstance(levels, int) else levels
    for level in listed:
        if not -rank <= level < rank:
            raise ValueError(f"there is no level {level} in {'a number' if rank == 0 else f'an array of rank {rank}'}")
    found = tuple(sorted(level % rank for level in listed))
    if len(set(found)) != len(found):
        raise ValueError(f"a level is listed twice for rank {rank} in {levels!r}")
    return found


class _Sample:
    """Elements along the last axis of `x`: `count` of them, the real ones where `valid` says so (None: all are).

    `count` is a number, or a tensor with one an example that broadcasts over `x`. Each method is a function of AggregationLayer.
    """

    def __init__(self, x, valid, count):
        self.x: Any = x
        self.valid: Any = valid
        self.count: Any = count

    def filled(self, x, value: float):
        """`x` with `value` in place of what is padding."""
        return x if self.valid is None else torch.where(self.valid, x, value)

    def fewest(self, count, least: int):
        """A count of elements, at least `least`."""
        return max(count, least) if isinstance(count, int) else count.clamp_min(least)

    def average(self, x):
        return self.filled(x, 0.0).sum(-1, keepdim=True) / self.fewest(self.count, 1)

    def mean(self):
        return self.average(self.x).squeeze(-1)

    def total(self):
        return self.filled(self.x, 0.0).sum(-1)

    def times(self):
        return self.filled(self.x, 1.0).prod(-1)

    def least(self):
        return self.filled(self.x, math.inf).amin(-1)

    def greatest(self):
        return self.filled(self.x, -math.inf).amax(-1)

    def variance(self):
        squares = self.filled(self.x - self.average(self.x), 0.0).square().sum(-1, keepdim=True)
        return (squares / self.fewest(self.count - 1, 1)).squeeze(-1)

    def standard_deviation(self):
        return definitions.sqrt(self.variance())

    def mean_deviation(self):
        return self.average(self.filled(self.x - self.average(self.x), 0.0).abs()).squeeze(-1)

    def ascending(self):
        # stable, so that the gradients at equal elements do not depend on how much is padded
        return torch.sort(self.filled(self.x, math.inf), dim=-1, stable=True)[0]

    def at(self, ordered, position):
        """The elements at a position, or, given by a tensor, at one position an example."""
        if isinstance(position, int):
            return ordered.select(-1, position)
        return torch.take_along_dim(ordered, position.clamp_min(0), -1).squeeze(-1)

    def median(self):
        ordered = self.ascending()
        return (self.at(ordered, self.fewest(self.count - 1, 0) // 2) + self.at(ordered, self.count // 2)) / 2

    def quartile(self, ordered, number: int):
        """Linear between the elements around position number / 4 * count + 1 / 2, counted from 1, within the first and the last."""
        fourfold: Any = self.fewest(self.count * number - 2, 0)
        below, share = fourfold // 4, fourfold % 4 / 4
        if isinstance(self.count, int):
            above = min(below + 1, self.count - 1)
        else:
            above, share = torch.minimum(below + 1, self.count - 1), share.squeeze(-1).to(ordered.dtype)
        low, high = self.at(ordered, below), self.at(ordered, above)
        return low + share * (high - low)

    def interquartile_range(self):
        ordered = self.ascending()
        return self.quartile(ordered, 3) - self.quartile(ordered, 1)


_STATISTICS = {
    "Mean": _Sample.mean, "Min": _Sample.least, "Max": _Sample.greatest, "Total": _Sample.total, "Times": _Sample.times,
    "Median": _Sample.median, "Variance": _Sample.variance, "StandardDeviation": _Sample.standard_deviation,
    "MeanDeviation": _Sample.mean_deviation, "InterquartileRange": _Sample.interquartile_range,
}  # fmt: skip


def _sample(x, axes: tuple[int, ...], rank: int, lengths) -> tuple[Any, Any, Any]:
    """(elements, where they are real, numbers of the real) with the levels `axes` merged into the last axis. `lengths` by level."""
    kept = [axis for axis in range(rank) if axis not in axes]
    order = [0, *(axis + 1 for axis in (*kept, *axes))]

    def laid(tensor):
        tensor = tensor if order == sorted(order) else tensor.permute(order)
        return tensor.flatten(len(kept) + 1) if axes else tensor.unsqueeze(-1)

    varying = [axis for axis in axes if axis in lengths]
    if not varying:
        return laid(x), None, None
    valid = reduce(torch.logical_and, [valid_positions(x, axis + 1, lengths[axis], rank) for axis in varying])
    valid = valid.expand(-1, *(x.shape[axis + 1] if axis in axes else 1 for axis in range(rank)))
    return laid(x), laid(valid), reduce(torch.mul, [lengths[axis] for axis in varying]).reshape(-1, *[1] * (len(kept) + 1))


class SummationLayer(Layer):
    """The sum of all elements.

        output = sum of input[i, j, ...] over all i, j, ...

    The input has any shape, the output is a number; the same as `AggregationLayer("Total", All)`. Of varying levels the real elements
    alone are added. The same in training and in use.
    Errors: none of its own.
    Source: Wolfram's SummationLayer.

    >>> SummationLayer()([1, 2, 3, 4])
    10.0
    >>> NetMapOperator(SummationLayer())([[1, 2], [3, 4], [5, 6]])
    array([ 3.,  7., 11.], dtype=float32)
    """

    varying = "masked"

    Input = InputPort("real: *shape", "what is summed")
    Output = OutputPort("real:", "the sum of its elements")

    def flops(self, inputs, outputs, arrays):
        return math.prod(inputs["Input"])

    def forward(self, Input, *, sizes, lengths):
        rank = len(sizes["shape"])
        return _Sample(*_sample(Input, tuple(range(rank)), rank, lengths["Input"])).total()


class AggregationLayer(Layer):
    """One number in place of all elements of some levels: their mean, greatest, median, ...

        output[kept levels] = f(all elements of the aggregated levels)

    `f` is "Mean", "Min", "Max", "Total", "Times", "Median", "Variance", "StandardDeviation", "MeanDeviation" or "InterquartileRange".
    `AggregationLayer(f)` aggregates all levels but the first (one number a channel); `AggregationLayer(f, levels)` those given: a level
    (from 0, or negative from the end), a list of levels, a slice, or All. They disappear from the result. Variance and standard deviation
    divide by n - 1, and are 0 for a single element; the median averages the two middle elements; the mean deviation is the mean of
    |x - mean|; quartiles are linear between elements at position q n + 1/2 (counted from 1). The gradient of the standard deviation of
    equal elements is 0. Of varying levels the real elements alone count. The same in training and in use.
    Errors: a level that is not there; no level to aggregate.
    Source: Wolfram's AggregationLayer (there levels count from 1, and spans are inclusive).

    >>> AggregationLayer("Mean")([[1, 2], [3, 5]])
    array([1.5, 4. ], dtype=float32)
    >>> AggregationLayer("StandardDeviation", All)([1, 2, 4, 7])
    2.6457512
    """

    positional = ("Function", "Levels")
    Function: choice(*_STATISTICS)
    Levels: LevelSet = slice(1, None)
    varying = "masked"

    Input = InputPort("real: *shape", "what is aggregated")
    Output = OutputPort("real: *kept", "one number for each place on the other levels")

    def levels(self, rank: int) -> tuple[int, ...]:
        """The levels aggregated in an array of rank `rank`. Errors: ValueError for a level not there, or none at all."""
        found = levels_of(self.Levels, rank)
        if not found and self.Levels is not All:
            shown = "a number" if rank == 0 else f"an array of rank {rank}"
            raise ValueError(f"Levels={self.Levels!r} leaves no level to aggregate in {shown}")
        return found

    def relate(self):
        return (Rule(self._aggregates),)

    def _aggregates(self, scope):
        store, source, kept = scope.store, scope.run("shape"), scope.run("kept")
        if self.Levels is All:
            store.equate_runs(kept, store.run([], scope.origin()), scope.where)
        count = 1 if is_integer(self.Levels) else len(self.Levels) if isinstance(self.Levels, tuple) else None

        def fire() -> bool:
            axes = store.axes(source)
            if axes is None:
                if count is None or store.axes(kept) is None:
                    return False
                axes = tuple(store.size() for _ in range(len(store.axes(kept)) + count))
                store.equate_runs(source, store.run(axes, store.why(kept)), scope.where)
            try:
                levels = self.levels(len(axes))
            except ValueError as fault:
                fix = None if self.Levels != slice(1, None) else f'AggregationLayer("{self.Function}", All)'
                store.conflict(scope.where, str(fault), (source,), fix)
                return True
            rest = [size for axis, size in enumerate(axes) if axis not in levels]
            store.equate_runs(kept, store.run(rest, store.why(source)), scope.where)
            return True

        store.rule([source, kept], fire)

    def flops(self, inputs, outputs, arrays):
        return math.prod(inputs["Input"])

    def forward(self, Input, *, sizes, lengths):
        shape = sizes["shape"]
        levels = self.levels(len(shape))
        x, valid, count = _sample(Input, levels, len(shape), lengths["Input"])
        fixed = math.prod(shape[level] for level in levels if isinstance(shape[level], int))
        return _STATISTICS[self.Function](_Sample(x, valid, fixed if count is None else count * fixed))


def _is_pair(value) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(is_integer, value))


def _is_transposition(value) -> bool:
    if value is None or _is_pair(value):
        return True
    return isinstance(value, tuple) and bool(value) and (all(map(_is_pair, value)) or all(map(is_integer, value)))


def _transpositions(value):
    if value is Automatic or (isinstance(value, tuple) and value and all(map(_is_transposition, value))):
        return value
    raise wants("a list with None, a pair of levels, a list of pairs or a permutation for each input", value)


TranspositionList: Any = parameter(_transpositions, {"anyOf": [{"type": "array"}, {"type": "object"}]})


def _as_swaps(specs):
    """The transpositions of DotLayer with each list of the levels 0 and 1, a permutation, as the swap that does it, or None."""
    if not isinstance(specs, (list, tuple)):
        return specs
    swaps = {(0, 1): None, (1, 0): (0, 1)}
    return [swaps.get(tuple(spec), spec) if isinstance(spec, list) and all(map(is_integer, spec)) else spec for spec in specs]


def transposed(spec, rank: int) -> list[int]:
    """The levels of an array of rank `rank` in the order that a transposition puts them in. Errors: ValueError for levels not there.

    >>> transposed(((0, 2), (0, 3)), 4), transposed((1, 2, 0), 3)
    ([3, 1, 0, 2], [2, 0, 1])
    """
    order = list(range(rank))
    swaps = () if spec is None else (spec,) if _is_pair(spec) else spec
    for level in swaps:
        for number in level if isinstance(level, tuple) else (level,):
            if not -rank <= number < rank:
                raise ValueError(f"there is no level {number} in {'a number' if rank == 0 else f'an array of rank {rank}'}")
    if swaps and is_integer(swaps[0]):
        places = [level % rank for level in swaps]
        if sorted(places) != list(range(len(places))):
            raise ValueError(f"{spec!r} is no permutation of the first {len(places)} levels")
        for level, place in enumerate(places):
            order[place] = level
        return order
    for a, b in swaps:
        order[a], order[b] = order[b], order[a]
    return order


class DotLayer(Layer):
    """The product of several arrays, each joined to the next by its last level.

        output = input1 . input2 . ...,   (a . b)[i, ..., k, ...] = sum over j of a[i, ..., j] b[j, k, ...]

    From the left to the right the last level of what there is so far is contracted with the first of the next array: a x b x c and c x d
    give a x b x d, two vectors a number. It is no batched matrix product. `DotLayer([spec1, spec2, ...])` transposes each input before:
    None leaves it, `(m, n)` swaps two levels, a list of pairs swaps in turn, and a list `[n0, n1, ...]` says where levels go: level k
    becomes level n_k; levels beyond the list stay. Levels count from 0, or negative from the end. Any number of inputs from 2; their ports
    are "1", "2", ... unless InputPorts names them. Along a varying level that is contracted the real elements alone count; other levels
    may vary too. The same in training and in use.
    Errors: contracted levels that differ; a number as input; a level to transpose that is not there.
    Source: Wolfram's DotLayer (there levels count from 1).

    >>> DotLayer()([[[1, 2], [3, 4]], [10, 1]])
    array([12., 34.], dtype=float32)
    >>> DotLayer([(0, 1), None])([[[1, 2], [3, 4]], [10, 1]])
    array([13., 24.], dtype=float32)
    """

    positional = ("Transpositions",)
    Transpositions: TranspositionList = Automatic
    varying = "masked"

    Inputs = InputPorts(None, "{}", least=2, meaning="the factors, in order")
    Output = OutputPort("real: *outputs", "their product")

    def __init__(self, *args, **options):
        # lists and tuples are one thing elsewhere, but here a list of two levels says where each goes, a tuple swaps
        words = ("Transpositions", "transpositions")
        options = {word: _as_swaps(value) if word in words else value for word, value in options.items()}
        super().__init__(*map(_as_swaps, args), **options)

    def default_ports(self):
        return None if self.Transpositions is Automatic else tuple(str(i + 1) for i in range(len(self.Transpositions)))

    def check(self):
        if self._ports is not None and len(self._ports) < 2:
            raise NetTypeError(f"DotLayer: Transpositions={self.Transpositions!r} is for one input, at least 2 are wanted")
        if isinstance(self.Transpositions, tuple) and self._ports is not None and len(self.Transpositions) != len(self._ports):
            counts = f"{len(self.Transpositions)} entries for {len(self._ports)} inputs"
            raise NetTypeError(f"DotLayer: Transpositions={self.Transpositions!r} has {counts}")

    def order(self, number: int, rank: int) -> list[int]:
        """The levels of one input in the order that they are multiplied in. Errors: ValueError."""
        if not isinstance(self.Transpositions, tuple):
            return list(range(rank))
        if number >= len(self.Transpositions):
            raise ValueError(f"Transpositions={self.Transpositions!r} has no entry for input {number + 1}")
        return transposed(self.Transpositions[number], rank)

    def relate(self):
        return (Rule(self._multiplies),) if self._ports else ()

    def _multiplies(self, scope):
        store, output = scope.store, scope.run("outputs")
        runs = [scope.run(f"inputs{i}") for i in range(len(self._ports or ()))]

        def fire() -> bool:
            shapes = [store.axes(run) for run in runs]
            missing = [run for run, axes in zip(runs, shapes, strict=True) if axes is None]
            if len(missing) == 1 and store.axes(output) is not None:
                rank = len(store.axes(output)) + 2 * (len(runs) - 1) - sum(len(axes) for axes in shapes if axes is not None)
                if rank > 0:
                    store.equate_runs(missing[0], store.run([store.size() for _ in range(rank)], scope.origin()), scope.where)
                    shapes = [store.axes(run) for run in runs]
            if None in shapes:
                return False
            result = None
            for number, (run, axes) in enumerate(zip(runs, shapes, strict=True)):
                try:
                    axes = [axes[level] for level in self.order(number, len(axes))]
                except ValueError as fault:
                    store.conflict(scope.where, str(fault), (run,))
                    return True
                if not axes or result == []:
                    text = "a number is no factor" if not axes else f"the product of the first {number} inputs is a number"
                    store.conflict(scope.where, f"{text}, arrays with a level to contract are wanted", (run,))
                    return True
                if result is not None and not store.equate_sizes(result[-1], axes[0], scope.where, f"the level joining input {number + 1}"):
                    return True
                result = axes if result is None else [*result[:-1], *axes[1:]]
            store.equate_runs(output, store.run(result or [], scope.origin()), scope.where)
            return True

        store.rule([*runs, output], fire)

    def flops(self, inputs, outputs, arrays):
        # with a sum over k of (m, k) and (k, n) for (m, n): k is the root of mk * kn / mn
        elements = math.prod(outputs["Output"])
        contracted = math.isqrt(math.prod(map(math.prod, inputs.values())) // elements)
        return 2 * elements * contracted

    def forward(self, *inputs, sizes, lengths):
        left, shape, ends = None, [], []
        for number, (x, own) in enumerate(zip(inputs, lengths.values(), strict=True)):
            declared = sizes[f"inputs{number}"]
            order = self.order(number, len(declared))
            x = x if order == sorted(order) else x.permute(0, *(level + 1 for level in order))
            extent = [size if isinstance(size := declared[level], int) else x.shape[place + 1] for place, level in enumerate(order)]
            own = [own.get(level) for level in order]
            if left is None:
                left, shape, ends = x, extent, own
                continue
            if own[0] is not None:
                left = torch.where(valid_positions(left, len(ends), own[0], len(ends)), left, 0.0)
                x = torch.where(valid_positions(x, 1, own[0], len(own)), x, 0.0)
            left = _product(left, x, shape[:-1], extent[1:])
            shape, ends = [*shape[:-1], *extent[1:]], [*ends[:-1], *own[1:]]
        return left


def _product(a, b, lead, trail):
    """The last axis of `a` contracted with the first of `b` behind the batch; `lead` and `trail` are the sizes that remain."""
    a = a.flatten(1, len(lead)) if lead else a.unsqueeze(1)
    b = b.flatten(2) if trail else b.unsqueeze(2)
    product = torch.bmm(a, b)
    product = product.squeeze(2) if not trail else product.unflatten(2, tuple(trail)) if len(trail) > 1 else product
    return product.squeeze(1) if not lead else product.unflatten(1, tuple(lead)) if len(lead) > 1 else product


def _count(value):
    if value is All or (is_integer(value) and value != 0):
        return value
    raise wants("All, or a whole number that is not 0", value)


PositionCount: Any = parameter(_count, {"anyOf": [{"type": "integer"}, {"const": {"$word": "All"}}]})


class OrderingLayer(Layer):
    """The positions of the elements of a vector, from the least to the greatest.

        input[output[0]] <= input[output[1]] <= ...

    `OrderingLayer()` gives all positions, `OrderingLayer(n)` those of the n least elements, `OrderingLayer(-n)` those of the n greatest,
    both ascending by element. Positions count from 0; equal elements keep their order. The input may vary: its real elements alone are
    ordered, and where an example has fewer than n of them, the positions that are missing are -1, at the end. The output is a vector of
    integers, without gradient. The same in training and in use.
    Errors: n = 0; more positions than elements.
    Source: Wolfram's OrderingLayer (there positions count from 1).

    >>> OrderingLayer()([30, 10, 20]).tolist(), OrderingLayer(-2)([30, 10, 20]).tolist()
    ([1, 2, 0], [2, 0])
    """

    positional = ("Count",)
    costless = True
    Count: PositionCount = All
    varying = "masked"

    Input = InputPort("real: n", "a vector")
    Output = OutputPort("integer(n): m", "positions in it, from 0")

    def relate(self):
        return (Rule(self._orders),)

    def _orders(self, scope):
        store, elements, positions = scope.store, scope.size("n"), scope.size("m")
        if self.Count is All:
            store.equate_sizes(positions, elements, scope.where)
            return
        wanted = abs(self.Count)
        store.settle(positions, wanted, scope.origin(), scope.where, "the number of positions")

        def fire() -> bool:
            value = store.value(elements)
            if isinstance(value, int) and value < wanted:
                store.conflict(scope.where, f"{wanted} positions are wanted of {value} element{'s' * (value != 1)}", (elements,))
            return value is not None

        store.rule([elements], fire)

    def forward(self, Input, *, sizes, lengths):
        length = lengths["Input"].get(0)
        if length is None:
            order = torch.sort(Input, dim=-1, stable=True)[1]
            if self.Count is All:
                return order
            return order[:, : self.Count] if self.Count > 0 else order[:, self.Count :]
        # NaN sorts behind everything, so the padding does, behind what is NaN itself
        order = torch.sort(torch.where(valid_positions(Input, 1, length, 1), Input, math.nan), dim=-1, stable=True)[1]
        if self.Count is All:
            return order
        wanted = torch.ones_like(length).unsqueeze(1).expand(-1, abs(self.Count)).cumsum(1) - 1
        if self.Count < 0:
            wanted = wanted + (length + self.Count).clamp_min(0).unsqueeze(1)
        there = wanted < length.unsqueeze(1)
        return torch.where(there, torch.gather(order, 1, torch.where(there, wanted, 0)), -1)
