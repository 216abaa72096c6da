"""Layers that add to an array or turn it round: append, prepend, replicate, pad, transpose. They compute nothing.

Shapes describe one example; the tensors of `forward` have the batch axis in front.
"""

from typing import Any

import torch
import torch.nn.functional as F

from netgraph.errors import NetValueError
from netgraph.spec.declare import InputPort, OutputPort, Rule, unvarying
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions
from netgraph.spec.parameters import LevelNumber, is_integer, is_number, parameter, wants
from netgraph.types.sizes import Affine
from netgraph.types.symbols import Automatic

__all__ = ["AppendLayer", "PaddingLayer", "PrependLayer", "ReplicateLayer", "TransposeLayer"]


def _longer(scope, longer, shorter, more: int, axis: str) -> None:
    """The size `longer` is `shorter` and `more` elements; `axis` names it."""
    store = scope.store
    store.form(longer, shorter, Affine(1, more, 1), scope.where, axis)

    def fire() -> bool:
        value = store.value(longer)
        if isinstance(value, int) and value <= more and store.value(shorter) is None:
            store.conflict(scope.where, f"{axis} is {value}, the least it can be is {more + 1}", (longer,))
        return value is not None

    store.rule([longer], fire)


class OneMoreLayer(Layer):
    """What AppendLayer and PrependLayer have in common: an array with one element more along its first level."""

    varying = "free"
    costless = True

    Input = InputPort("any: n *rest", "the array that gets an element more")
    Element = InputPort("any: *rest", "the element: the input without its first level")
    Output = OutputPort("any: longer *rest", "the longer array")

    def relate(self):
        return (Rule(lambda scope: _longer(scope, scope.size("longer"), scope.size("n"), 1, "the first size of the output")),)


class AppendLayer(OneMoreLayer):
    """An array with one element more at its end.

        output = input[0], ..., input[n - 1], element

    "Input" has at least one level; "Element" has the shape of what stands along its first level (a number for a vector). Both are of one
    kind, and the output keeps it. All levels may vary: the element follows the last real one of each example. The same in training and in
    use.
    Errors: a number as input; an element of another shape.
    Source: Wolfram's AppendLayer.

    >>> AppendLayer()({"Input": [1, 2], "Element": 3})
    array([1., 2., 3.], dtype=float32)
    """

    def forward(self, Input, Element, *, sizes, lengths):
        element = Element.unsqueeze(1)
        longer = torch.cat([Input, element], 1)
        if 0 not in lengths["Input"]:
            return longer
        return torch.where(valid_positions(longer, 1, lengths["Input"][0], len(sizes["rest"]) + 1), longer, element)


class PrependLayer(OneMoreLayer):
    """An array with one element more at its start.

        output = element, input[0], ..., input[n - 1]

    "Input" has at least one level; "Element" has the shape of what stands along its first level (a number for a vector). Both are of one
    kind, and the output keeps it. All levels may vary. The same in training and in use.
    Errors: a number as input; an element of another shape.
    Source: Wolfram's PrependLayer.

    >>> PrependLayer()({"Input": [1, 2], "Element": 3})
    array([3., 1., 2.], dtype=float32)
    """

    def forward(self, Input, Element):
        return torch.cat([Element.unsqueeze(1), Input], 1)


def _copies(value):
    entries = value if isinstance(value, tuple) else (value,)
    if not entries or not all(entry is Automatic or (is_integer(entry) and entry >= 1) for entry in entries):
        raise wants("a number of copies from 1, Automatic, or a tuple of these", value)
    return entries


_COPIES = {"anyOf": [{"type": "integer", "minimum": 1}, {"const": {"$word": "Automatic"}}]}
Copies: Any = parameter(_copies, {"anyOf": [{"type": "array", "items": _COPIES, "minItems": 1}, *_COPIES["anyOf"]]})


class ReplicateLayer(Layer):
    """Copies of an array, side by side along new levels.

        output[i, ...] = input[...]

    `ReplicateLayer(n)` gives n copies along a new first level, `ReplicateLayer((n1, n2))` n1 x n2 of them; `ReplicateLayer(n, p)` puts the
    new levels at position p of the output, from 0 (or, negative, from the end: with -1 they come last). A number of copies that is
    Automatic is taken from what consumes the output. The output keeps the kind of the input. The levels of the input may vary. The same in
    training and in use.
    Errors: a position that the output does not have; a number of copies that varies.
    Source: Wolfram's ReplicateLayer (there positions count from 1).

    >>> ReplicateLayer(3)([1, 2]).tolist()
    [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]
    >>> ReplicateLayer(3, 1)([1, 2]).tolist()
    [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]
    """

    positional = ("Dimensions", "Position")
    costless = True
    Dimensions: Copies
    Position: LevelNumber = 0
    varying = "free"

    Input = InputPort("any: *shape", "what is copied")
    Output = OutputPort("any: *result", "its copies")

    def relate(self):
        return (Rule(self._lays),)

    def _lays(self, scope):
        store, rest = scope.store, scope.store.run()
        copies = store.axes(scope.run("Dimensions"))
        before = [store.size() for _ in range(self.Position)]
        after = [store.size() for _ in range(-self.Position - 1)]
        store.concatenation(scope.run("shape"), before, rest, after, scope.label("Input"))
        whole = ([*before, *copies], after) if self.Position >= 0 else (before, [*copies, *after])
        store.concatenation(scope.run("result"), whole[0], rest, whole[1], scope.label("Output"))
        for size in copies:
            unvarying(size, "the number of copies cannot vary").apply(scope)

    def forward(self, Input, *, sizes):
        rank, copies = len(sizes["shape"]), sizes["Dimensions"]
        position = self.Position if self.Position >= 0 else rank + 1 + self.Position
        x = Input
        for _ in copies:
            x = x.unsqueeze(position + 1)
        # copies that can be written to one by one
        return x.expand(*(-1,) * (position + 1), *copies, *(-1,) * (rank - position)).contiguous()


def _sides(value):
    if isinstance(value, tuple) and value and all(_is_side(side) for side in value):
        return value
    raise wants("a list of pairs (before, after) of whole numbers from 0, one a level", value)


def _is_side(side) -> bool:
    return isinstance(side, tuple) and len(side) == 2 and all(is_integer(count) and count >= 0 for count in side)


def _filling(value):
    if isinstance(value, str) and value in ("Fixed", "Reflected"):
        return value
    if not is_number(value) or value != value:
        raise wants('a number, "Fixed" or "Reflected"', value)
    return float(value)


_PAIR = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "maxItems": 2}
Sides: Any = parameter(_sides, {"type": "array", "items": _PAIR, "minItems": 1})
Filling: Any = parameter(_filling, {"anyOf": [{"type": "number"}, {"enum": ["Fixed", "Reflected"]}]})


class PaddingLayer(Layer):
    """An array with elements added before and after it along its levels.

        output[i, ...] = input[i - before, ...]     and the padding elsewhere

    `PaddingLayer(((b1, a1), (b2, a2), ...))` adds b1 elements before and a1 after along the first level, and so on; levels that are not
    listed stay as they are. Padding is a number (0 when not given); "Fixed", the element at the border again and again; or "Reflected",
    the elements mirrored at the border, which is not repeated itself (and mirrored back where there are too few). "Fixed" and "Reflected"
    go level by level, so corners are filled too. A varying level is padded after the last real element of each example. The same in
    training and in use.
    Errors: an input of fewer levels than are listed.
    Source: Wolfram's PaddingLayer and ArrayPad.

    >>> PaddingLayer(((2, 1),))([1, 2, 3])
    array([0., 0., 1., 2., 3., 0.], dtype=float32)
    >>> PaddingLayer(((2, 2),), Padding="Reflected")([1, 2, 3])
    array([3., 2., 1., 2., 3., 2., 1.], dtype=float32)
    """

    positional = ("PaddingSize",)
    costless = True
    PaddingSize: Sides
    Padding: Filling = 0.0
    varying = "masked"

    Input = InputPort("real: *shape", "what is padded")
    Output = OutputPort("real: *result", "the input with its padding")

    def written(self, name, depth=0):
        return super().written(name, depth) if name == "Padding" else repr(getattr(self, name))

    def relate(self):
        return (Rule(self._grows),)

    def _grows(self, scope):
        store, rest = scope.store, scope.store.run()
        before = [store.size() for _ in self.PaddingSize]
        after = [store.size() if any(sides) else size for size, sides in zip(before, self.PaddingSize, strict=True)]
        store.concatenation(scope.run("shape"), before, rest, (), scope.label("Input"))
        store.concatenation(scope.run("result"), after, rest, (), scope.label("Output"))
        for level, sides in enumerate(self.PaddingSize):
            if any(sides):
                _longer(scope, after[level], before[level], sum(sides), f"size {level} of the output")

    def forward(self, Input, *, sizes, lengths):
        shape, lasting = sizes["shape"], lengths["Input"]
        if not isinstance(self.Padding, str):
            return self._constant(Input, len(shape), lasting)
        x = Input
        for level, (before, after) in enumerate(self.PaddingSize):
            if before or after:
                if level in lasting:
                    x = self._by_length(x, level, len(shape), before, after, lasting[level])
                else:
                    x = self._by_size(x, level, len(shape), before, after, shape[level])
        return x

    def _constant(self, x, rank: int, lengths):
        listed = (*self.PaddingSize, *((0, 0),) * (rank - len(self.PaddingSize)))
        x = F.pad(x, [count for sides in reversed(listed) for count in sides], value=self.Padding)
        for level, length in lengths.items():
            before, after = listed[level]
            if after:
                x = x.masked_fill(~valid_positions(x, level + 1, length + before, rank), self.Padding)
        return x

    def _by_size(self, x, level: int, rank: int, before: int, after: int, size: int):
        """`x` padded by its own elements along a level of known size."""
        parts = [*_taken(x, level + 1, rank, [self._source(p, size) for p in range(-before, 0)]), x]
        parts += _taken(x, level + 1, rank, [self._source(p, size) for p in range(size, size + after)])
        return torch.cat(parts, level + 1)

    def _source(self, position: int, size: int) -> int:
        """The position of the element that stands at `position`, outside an array of the given size."""
        if self.Padding == "Fixed":
            return min(max(position, 0), size - 1)
        there_and_back = max(2 * (size - 1), 1)
        return min(position % there_and_back, 2 * (size - 1) - position % there_and_back)

    def _by_length(self, x, level: int, rank: int, before: int, after: int, length):
        """`x` padded by its own elements along a level whose size is that of each example."""
        last = (length - 1).clamp_min(0).unsqueeze(1)
        position = torch.arange(x.shape[level + 1] + (before + after), device=x.device) - before
        if self.Padding == "Fixed":
            index = torch.minimum(position.clamp_min(0), last)
        else:
            position = torch.remainder(position, (2 * last).clamp_min(1))
            index = torch.minimum(position, 2 * last - position)
        index = index[(slice(None), *(None,) * level, slice(None), *(None,) * (rank - level - 1))]
        return torch.take_along_dim(x, index, level + 1)


def _taken(x, axis: int, rank: int, places: list[int]) -> list:
    """The elements of `x` at `places` along an axis, in as few pieces as can be: runs forwards, backwards, and of one element."""
    pieces, first = [], 0
    while first < len(places):
        step = places[first + 1] - places[first] if first + 1 < len(places) else 1
        end = first + 1
        while end < len(places) and places[end] - places[end - 1] == step:
            end += 1
        piece = x.narrow(axis, min(places[first], places[end - 1]), end - first if step else 1)
        if step == 0:
            piece = piece.expand(*(end - first if i == axis else -1 for i in range(rank + 1)))
        pieces.append(piece.flip(axis) if step == -1 and end - first > 1 else piece)
        first = end
    return pieces


_TURNINGS = "a swap (m, n), a list of swaps, or a list with each of 0, ..., k - 1 once"


def _turning(value):
    if isinstance(value, tuple) and len(value) == 2 and all(map(is_integer, value)):
        return value
    if isinstance(value, tuple) and all(isinstance(pair, tuple) and len(pair) == 2 and all(map(is_integer, pair)) for pair in value):
        return value
    if isinstance(value, tuple) and all(map(is_integer, value)) and sorted(value) == list(range(len(value))):
        return value
    raise wants(_TURNINGS, value)


Turning: Any = parameter(_turning, {"type": "array"})


class TransposeLayer(Layer):
    """The levels of an array in another order.

        output[..., j, ..., i, ...] = input[..., i, ..., j, ...]

    `TransposeLayer()` swaps the first two levels, `TransposeLayer((m, n))` the levels m and n (from 0, or negative from the end),
    `TransposeLayer([(m1, n1), (m2, n2), ...])` one pair after another. A list of integers, `TransposeLayer([n0, n1, ...])`, says where each
    level goes: level k of the input becomes level n_k of the output; levels beyond the list stay. The output keeps the kind of the input.
    All levels may vary. The same in training and in use.
    Errors: a level that the input does not have; a list that names a level twice.
    Source: Wolfram's TransposeLayer (there levels count from 1). A list says where levels go, which is the inverse of numpy.transpose.

    >>> TransposeLayer()([[1, 2], [3, 4]]).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    >>> TransposeLayer([1, 2, 0])([[[1, 2, 3]]]).tolist()
    [[[1.0]], [[2.0]], [[3.0]]]
    """

    positional = ("Specification",)
    costless = True
    Specification: Turning = (0, 1)
    varying = "free"

    Input = InputPort("any: *shape", "what is turned")
    Output = OutputPort("any: *result", "the input with its levels in another order")

    def __init__(self, *args, **options):
        # lists and tuples are one thing in all layers but here: [0, 1] leaves all as it is, (0, 1) swaps
        words = ("Specification", "specification")
        options = {word: _as_swaps(value) if word in words else value for word, value in options.items()}
        super().__init__(*map(_as_swaps, args), **options)

    def order(self, rank: int) -> list[int]:
        """For each level of the output the level of the input that it is. Errors: ValueError for a level that is not there."""
        order, listed = list(range(rank)), self.Specification
        swaps: Any = (listed,) if len(listed) == 2 and is_integer(listed[0]) else listed
        for entry in (level for pair in swaps for level in (pair if isinstance(pair, tuple) else (pair,))):
            if not -rank <= entry < rank:
                raise ValueError(f"there is no level {entry} in {'a number' if rank == 0 else f'an array of rank {rank}'}")
        if swaps and is_integer(swaps[0]):
            for source, target in enumerate(swaps):
                order[target] = source
            return order
        for m, n in swaps:
            order[m], order[n] = order[n], order[m]
        return order

    def relate(self):
        return (Rule(self._turns),)

    def _turns(self, scope):
        store, source, result = scope.store, scope.run("shape"), scope.run("result")

        def fire() -> bool:
            known = next((run for run in (source, result) if store.axes(run) is not None), None)
            if known is None:
                return False
            try:
                order = self.order(len(store.axes(known)))
            except ValueError as fault:
                store.conflict(scope.where, str(fault), (known,))
                return True
            axes = [store.size() for _ in order]
            if store.equate_runs(source, store.run(axes, store.why(known)), scope.where):
                store.equate_runs(result, store.run([axes[level] for level in order], store.why(known)), scope.where)
            return True

        store.rule([source, result], fire)

    def keeps_last(self, sizes) -> bool:
        """Whether the last axis is left as it is, so that what works along it may as well come after this layer."""
        rank = len(sizes["shape"])
        return rank > 0 and self.order(rank)[-1] == rank - 1

    def forward(self, Input, *, sizes):
        order = self.order(len(sizes["shape"]))
        return Input if order == sorted(order) else Input.permute(0, *(level + 1 for level in order))


def _as_swaps(value):
    """A list of two levels, which says where each goes, as the swaps that do it; anything else as it is."""
    if not isinstance(value, list) or len(value) != 2 or not all(hasattr(entry, "__index__") for entry in value):
        return value
    if sorted(value) != [0, 1]:
        raise NetValueError(
            f"TransposeLayer: Specification {wants(_TURNINGS, value)}", fix=f"TransposeLayer(({value[0]}, {value[1]})) to swap two levels"
        )
    return () if value[0] == 0 else ((0, 1),)
