"""Layers that take something out of an array: parts that the layer names, and places that come as data. They compute nothing.

Shapes describe one example; the tensors of `forward` have the batch axis in front.
"""

import math
import operator
from functools import reduce
from typing import Any

import torch

from netgraph.spec.declare import InputPort, OutputPort, Rule, unvarying
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.spec.step import Step, same_ports, shortened
from netgraph.types.sizes import Affine, Varying
from netgraph.types.symbols import All

__all__ = ["ExtractLayer", "PartLayer"]


def _parts(value):
    entries = value if isinstance(value, tuple) else (value,)
    if not entries:
        raise wants(_PARTS, value)
    return tuple(_part(entry, value) for entry in entries)


_PARTS = "a position, a slice with a step from 1, All, or a tuple with one of these for each level"


def _part(entry, value):
    if entry is All or is_integer(entry):
        return entry
    if not isinstance(entry, slice):
        raise wants(_PARTS, value)
    try:
        span = slice(*(None if end is None else operator.index(end) for end in (entry.start, entry.stop, entry.step)))
    except TypeError:
        raise wants(_PARTS, value) from None
    if any(isinstance(end, bool) for end in (entry.start, entry.stop, entry.step)) or (span.step is not None and span.step < 1):
        raise wants(_PARTS, value)
    if span.step == 1:
        span = slice(span.start, span.stop)
    if span == slice(None):
        return All
    if (count := _count(span)) is not None and count < 1:
        raise wants("slices that take something", value)
    return span


def _count(span: slice) -> int | None:
    """How many elements a slice takes of any level that is long enough; None where that depends on the size."""
    start, stop = span.start or 0, span.stop
    fixed = (stop is not None and stop >= 0) if start >= 0 else (stop is None or stop < 0)
    return -((start - (stop or 0)) // (span.step or 1)) if fixed else None


def _least(span: slice, count: int) -> int:
    """The size a level needs for a slice that takes a fixed number of elements, `count`."""
    start, step = span.start or 0, span.step or 1
    return -start if start < 0 else start + (count - 1) * step + 1


Parts: Any = parameter(_parts, {"type": "array", "minItems": 1})


class PartLayer(Layer):
    """A part of an array: positions and spans of its levels.

        output = input[Specification]

    `PartLayer(i)` takes the element at position i along the first level, which is gone then; `PartLayer(slice(i, j))` those from i to
    before j, `PartLayer(slice(i, j, k))` every k-th of them. A tuple has one entry for each level, All where everything stays:
    `PartLayer((All, 0))` is the first column. Positions count from 0, or, negative, from the end. The output keeps the kind of the input.
    Of a varying level what every example has can be taken: position 0 or -1, `slice(0, 1)`, `slice(-1, None)`, and spans that leave out a
    given number of elements at the ends, `slice(i, None)` or `slice(i, -j)`. The same in training and in use.
    Errors: a position that the level does not have; a span that takes nothing or reaches past the end (a Python slice would be cut).
    Source: Wolfram's PartLayer (there positions count from 1, and spans include their end).

    >>> PartLayer(-2)([1, 2, 3])
    2.0
    >>> PartLayer((slice(1, None), 0))([[1, 2], [3, 4], [5, 6]]).tolist()
    [3.0, 5.0]
    """

    positional = ("Specification",)
    costless = True
    Specification: Parts
    varying = "masked"

    Input = InputPort("any: *shape", "what a part is taken of")
    Output = OutputPort("any: *result", "the part")

    def written(self, name, depth=0):
        value = self.Specification
        return repr(value[0] if len(value) == 1 else value)

    def step(self, steps, types):
        first, rest = self.Specification[0], self.Specification[1:]
        if first != -1 and first is not All:
            raise ValueError("takes other steps than the last")
        if not rest:
            return Step({}, sequence=first is All)
        part = self.replaced(fields={"Specification": rest}, given=shortened(self.given, {"Input", *(["Output"] if first is All else [])}))
        return same_ports(part, sequence=first is All)

    def relate(self):
        return (Rule(self._takes),)

    def _takes(self, scope):
        store, rest = scope.store, scope.store.run()
        sources = [store.size() for _ in self.Specification]
        kept = []
        for level, (part, source) in enumerate(zip(self.Specification, sources, strict=True)):
            if part is All:
                kept.append(source)
            elif is_integer(part):
                text = f"there is no position {part} in level {level}"
                _has(scope, source, part + 1 if part >= 0 else -part, text)
            else:
                kept.append(_spanned(scope, source, part, level))
        store.concatenation(scope.run("shape"), sources, rest, (), scope.label("Input"))
        store.concatenation(scope.run("result"), kept, rest, (), scope.label("Output"))

    def keeps_last(self, sizes) -> bool:
        """Whether the last axis is left as it is, so that what works along it may as well come after this layer."""
        rank = len(sizes["shape"])
        return rank > len(self.Specification) or (rank > 0 and self.Specification[-1] is All)

    def forward(self, Input, *, sizes, lengths):
        rank, x = len(sizes["shape"]), Input
        parts: list = [slice(None) if part is All else part for part in self.Specification]
        for level, part in enumerate(parts):
            last = part == -1 if is_integer(part) else part == slice(-1, None, part.step)
            if last and level in lengths["Input"]:
                at = (lengths["Input"][level] - 1).clamp_min(0)
                x = torch.take_along_dim(x, at[(slice(None), *(None,) * rank)], level + 1)
                parts[level] = 0 if is_integer(part) else slice(None)
        return x[(slice(None), *parts)]


def _has(scope, size, least: int, text: str) -> None:
    """A level has at least `least` elements; of a varying one only the first is sure to be there."""
    store = scope.store

    def fire() -> bool:
        value = store.value(size)
        if isinstance(value, int) and value < least:
            store.conflict(scope.where, f"{text}, which has {value} element{'s' * (value != 1)}", (size,))
        elif isinstance(value, Varying) and least > 1:
            store.conflict(scope.where, f"{text} of every example: it varies", (size,))
        return value is not None

    store.rule([size], fire)


def _spanned(scope, source, span: slice, level: int):
    """The size of what a slice takes of a level."""
    store, target = scope.store, scope.store.size()
    start, stop, step = span.start or 0, span.stop, span.step or 1
    count, text = _count(span), f"there is no {span!r} in level {level}"
    if count is not None:
        _has(scope, source, _least(span, count), text)
        store.settle(target, count, scope.origin(), scope.where)
        return target
    if start >= 0:
        store.form(target, source, Affine(1, (stop or 0) - start + step - 1, step), scope.where, f"what {span!r} takes of level {level}")
        return target

    def fire() -> bool:
        value = store.value(source)
        if isinstance(value, Varying):
            store.conflict(scope.where, f"{span!r} of level {level}, which varies, has ends counted from both sides", (source,))
        elif value is not None:
            taken = len(range(value + start, min(stop, value), step))
            if value + start < 0 or stop > value or taken < 1:
                store.conflict(scope.where, f"{text}, which has {value} element{'s' * (value != 1)}", (source,))
            else:
                store.settle(target, taken, store.why(source), scope.where)
        return value is not None

    store.rule([source], fire)
    return target


class ExtractLayer(Layer):
    """The elements of an array at places that come as data.

        output[i, ...] = input[position[i, 0], ..., position[i, s - 1], ...]

    The last level of "Position", of size s, is one place: a position along each of the first s levels of "Input", from 0, or, negative,
    from the end. The output has the other levels of "Position", then those of "Input" beyond s. So a position that is a vector names one
    place; to take several rows give [[i], [j], ...]. A position that is a single integer is along the first level. All levels may vary but
    the last of "Position"; negative positions count from each example's own end. A place that is not there gives NaN. The same in training
    and in use; positions have no gradient.
    Errors: places of more positions than the input has levels; a number as input; a varying number of positions in a place.
    Source: Wolfram's ExtractLayer (there positions count from 1).

    >>> ExtractLayer()({"Input": [10, 20, 30], "Position": [[2], [0]]})
    array([30., 10.], dtype=float32)
    >>> ExtractLayer()({"Input": [10, 20, 30], "Position": [-1]})
    30.0
    """

    varying = "masked"

    Input = InputPort("real: *shape", "what is taken from")
    Position = InputPort("integer: *places", "where: the positions of a place along the last level")
    Output = OutputPort("real: *result", "what stands there")

    def relate(self):
        return (Rule(self._extracts),)

    def _extracts(self, scope):
        store, places, rule = scope.store, scope.run("places"), None

        def fire() -> bool:
            axes = store.axes(places)
            if axes is None:
                return False
            count = store.value(axes[-1]) if axes else 1
            if count is None:
                store.watch(rule, [axes[-1]])
                return False
            if isinstance(count, Varying):
                unvarying(axes[-1], "the number of positions in a place cannot vary").apply(scope)
                return True
            rest = store.run()
            store.concatenation(scope.run("shape"), [store.size() for _ in range(count)], rest, (), scope.label("Input"))
            store.concatenation(scope.run("result"), axes[:-1], rest, (), scope.label("Output"))
            return True

        rule = store.rule([places], fire)

    def forward(self, Input, Position, *, sizes, lengths):
        shape, lead = sizes["shape"], max(len(sizes["places"]) - 1, 0)
        count = sizes["places"][-1] if sizes["places"] else 1
        alone = (slice(None), *(None,) * lead)
        index, there = [torch.arange(Input.shape[0], device=Input.device)[alone]], []
        for level in range(count):
            at = Position[..., level] if sizes["places"] else Position
            size = lengths["Input"][level][alone] if level in lengths["Input"] else shape[level]
            at = torch.where(at < 0, at + size, at)
            inside = (at >= 0) & (at < size)
            there.append(inside)
            index.append(torch.where(inside, at, 0))
        found = reduce(torch.logical_and, there)[(..., *(None,) * (len(shape) - count))]
        return torch.where(found, Input[tuple(index)], math.nan)
