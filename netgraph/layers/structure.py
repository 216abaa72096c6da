"""Layers that put arrays together or lay them out anew: catenate, flatten, reshape. They compute nothing.

Shapes describe one example; the tensors of `forward` have the batch axis in front.
"""

import math
from typing import Any

import torch

from netgraph.errors import NetValueError
from netgraph.spec.declare import InputPort, InputPorts, OutputPort, Rule
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import LevelNumber, is_integer, parameter, wants
from netgraph.spec.step import same_ports, shortened
from netgraph.spec.typing import Term
from netgraph.types.sizes import Varying
from netgraph.types.store import KindNode
from netgraph.types.symbols import All, Automatic

__all__ = ["CatenateLayer", "FlattenLayer", "ReshapeLayer"]


class CatenateLayer(Layer):
    """Several arrays joined along one level.

        output = input1, then input2, ... along the level

    `CatenateLayer()` joins along the first level, `CatenateLayer(n)` along level n, counted from 0 (or, negative, from the end). Off that
    level the sizes agree. Arrays of lower rank are repeated over the leading levels they lack: n is a level of the array of lowest rank,
    so a matrix r x a and a vector b give r x (a + b). Input ports are "1", "2", ... unless InputPorts names them. The same in training
    and in use.
    Errors: sizes that differ off the level; a level that the array of lowest rank lacks; a varying level to join along (other levels may
    vary).
    Source: Wolfram's CatenateLayer (there levels count from 1).

    >>> CatenateLayer()([[1, 2], [3, 4, 5]])
    array([1., 2., 3., 4., 5.], dtype=float32)
    >>> CatenateLayer()([[[1, 2], [3, 4]], [9]]).tolist()
    [[1.0, 2.0, 9.0], [3.0, 4.0, 9.0]]
    """

    positional = ("Level",)
    costless = True
    Level: LevelNumber = 0
    varying = "free"

    Inputs = InputPorts(None, "{}", meaning="the arrays to join, in order")
    Output = OutputPort("real: *outputs", "the joined array")

    def relate(self):
        return (Rule(self._joins),) if self._ports else ()

    def step(self, steps, types):
        if any(name not in steps for name in self.input_ports()):
            raise ValueError("joins a sequence with an array that is none")
        least = min(len(types[name].shape) for name in steps)
        level = self.Level % least
        if level == 0:
            raise ValueError("joins along the steps")
        given = shortened(self.given, {*steps, "Output"})
        return same_ports(self.replaced(fields={"Level": self.Level if self.Level < 0 else level - 1}, given=given))

    def axis(self, ranks) -> int:
        """The axis joined along, negative, from the ranks of all inputs. Errors: ValueError when it is none of the lowest rank's."""
        least = min(ranks)
        if not -least <= self.Level < least:
            raise ValueError(f"there is no level {self.Level} in {'a number' if least == 0 else f'an array of rank {least}'}")
        return self.Level - least if self.Level >= 0 else self.Level

    def _joins(self, scope):
        store, output = scope.store, scope.run("outputs")
        runs = [scope.run(f"inputs{i}") for i in range(len(self._ports or ()))]
        # no input has a lower rank than this, none a higher one than the output
        lowest = self.Level + 1 if self.Level >= 0 else -self.Level

        def fire() -> bool:
            shapes = [store.axes(run) for run in runs]
            if None in shapes and store.axes(output) is not None and len(store.axes(output)) == lowest:
                for run in runs:
                    store.equate_runs(run, store.run([store.size() for _ in range(lowest)], scope.origin()), scope.where)
                shapes = [store.axes(run) for run in runs]
            if None in shapes:
                return False
            ranks = [len(axes) for axes in shapes]
            try:
                joined = self.axis(ranks)
            except ValueError as fault:
                store.conflict(scope.where, str(fault), runs)
                return True
            result = []
            for axis in range(-max(ranks), 0):
                column = [axes[axis] for axes in shapes if len(axes) >= -axis]
                result.append(column[0] if axis != joined else store.size())
                if axis == joined:
                    joined_size(scope, column, result[-1])
                    continue
                for size in column[1:]:
                    store.equate_sizes(column[0], size, scope.where, "an axis not joined along")
            store.equate_runs(output, store.run(result, scope.origin()), scope.where)
            return True

        store.rule([*runs, output], fire)

    def assume(self, scope):
        runs = [scope.run(f"inputs{i}") for i in range(len(self._ports or ()))]
        known = next((axes for axes in map(scope.store.axes, (*runs, scope.run("outputs"))) if axes is not None), None)
        for run in runs:
            if known is not None and scope.store.axes(run) is None:
                scope.store.equate_runs(run, scope.store.run([scope.store.size() for _ in known], scope.origin()), scope.where)

    def forward(self, *inputs, sizes):
        ranks = [len(sizes[f"inputs{i}"]) for i in range(len(inputs))]
        rank, tallest = max(ranks), inputs[ranks.index(max(ranks))]
        arrays = []
        for x, own in zip(inputs, ranks, strict=True):
            if own < rank:
                lead = tuple(tallest.shape[i + 1] for i in range(rank - own))
                x = x.unflatten(0, (-1, *(1,) * (rank - own))).expand(-1, *lead, *(-1,) * own)
            arrays.append(x)
        return torch.cat(arrays, self.axis(ranks))


def joined_size(scope, parts, total) -> None:
    """`total` is the sum of the sizes `parts`; the last unknown of them is solved."""
    store, rule = scope.store, None

    def fire() -> bool:
        values = [store.value(part) for part in parts]
        varying = next((part for part, value in zip(parts, values, strict=True) if isinstance(value, Varying)), None)
        if varying is not None:
            store.conflict(scope.where, "cannot join along a varying axis", (varying,))
            return True
        missing = [part for part, value in zip(parts, values, strict=True) if value is None]
        count, wanted = sum(value or 0 for value in values), store.value(total)
        if not missing:
            store.settle(total, count, scope.origin(), scope.where, "the joined size")
            return True
        if len(missing) == 1 and isinstance(wanted, int):
            if wanted <= count:
                store.conflict(scope.where, f"the inputs have {count} elements along the joined axis, {wanted} are wanted of all", (total,))
            else:
                store.settle(missing[0], wanted - count, store.why(total), scope.where)
            return True
        store.watch(rule, [*missing, total])
        return False

    rule = store.rule([*parts, total], fire)


def _flattening(value):
    if value is All or value == math.inf:
        return All
    if is_integer(value):
        return value
    if isinstance(value, tuple) and value and all(isinstance(group, tuple) and group and all(map(is_integer, group)) for group in value):
        return value
    raise wants("All, a number of merges, or a list of lists of levels", value)


Flattening: Any = parameter(_flattening, {"anyOf": [{"type": "integer"}, {"type": "array"}, {"const": {"$word": "All"}}]})


class FlattenLayer(Layer):
    """Levels merged into one, row by row.

        output = the elements of the input in their order, in fewer levels

    `FlattenLayer()` gives a vector. `FlattenLayer(i)` merges i times from the front: the first i + 1 levels become one;
    `FlattenLayer(-i)` the last i + 1; both stop at a vector. `FlattenLayer([[1, 2], [0]])` makes each level of the result from the listed
    levels of the input (from 0, or negative from the end), in that order, and levels not listed follow as they are. The output keeps the
    kind of the input. The same in training and in use.
    Errors: a level listed twice or not there; a varying level to merge (one that stays as it is may vary).
    Source: Wolfram's FlattenLayer; i counts merges, not levels, as there; listed levels count from 1 there.

    >>> FlattenLayer()([[1, 2], [3, 4]])
    array([1., 2., 3., 4.], dtype=float32)
    >>> FlattenLayer([[1], [0]])([[1, 2, 3], [4, 5, 6]]).tolist()
    [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    """

    positional = ("Levels",)
    costless = True
    Levels: Flattening = All
    varying = "free"

    Input = InputPort("any: *shape", "what is flattened")
    Output = OutputPort("any: *result", "its elements, in fewer levels")

    def check(self):
        if isinstance(self.Levels, tuple):
            levels = [level for group in self.Levels for level in group]
            twice = next((level for i, level in enumerate(levels) if level in levels[:i]), None)
            if twice is not None:
                raise NetValueError(f"FlattenLayer: Levels lists level {twice} twice, in {self.Levels!r}")

    def groups(self, rank: int) -> list[tuple[int, ...]]:
        """The levels of the input that make each level of the result. Errors: ValueError for a level that is not there."""
        levels = tuple(range(rank))
        if self.Levels is All:
            return [levels]
        if isinstance(self.Levels, tuple):
            listed = []
            for group in self.Levels:
                for level in group:
                    if not -rank <= level < rank:
                        raise ValueError(f"there is no level {level} in an array of rank {rank}")
                listed.append(tuple(level % rank for level in group))
            flat = [level for group in listed for level in group]
            if len(set(flat)) != len(flat):
                raise ValueError(f"a level is listed twice for rank {rank} in {self.Levels!r}")
            return listed + [(level,) for level in levels if level not in flat]
        if rank == 0:
            return []
        count = min(abs(self.Levels), rank - 1) + 1
        if self.Levels >= 0:
            return [levels[:count], *((level,) for level in levels[count:])]
        return [*((level,) for level in levels[: rank - count]), levels[rank - count :]]

    def relate(self):
        return (Rule(self._merges),)

    def _merges(self, scope):
        store, source, result = scope.store, scope.run("shape"), scope.run("result")
        if self.Levels is All:
            store.equate_runs(result, store.run([store.size()], scope.origin()), scope.where)

        def fire() -> bool:
            axes = store.axes(source)
            if axes is None:
                return False
            try:
                groups = self.groups(len(axes))
            except ValueError as fault:
                store.conflict(scope.where, str(fault), (source,))
                return True
            sizes = []
            for group in groups:
                if len(group) == 1:
                    sizes.append(axes[group[0]])
                    continue
                sizes.append(store.size())
                store.product(sizes[-1], store.run([axes[level] for level in group], store.why(source)), scope.where)
            store.equate_runs(result, store.run(sizes, store.why(source)), scope.where)
            return True

        store.rule([source], fire)

    def assume(self, scope):
        store, source, result = scope.store, scope.run("shape"), scope.run("result")
        if self.Levels is All and store.axes(source) is None and store.known(result) is not None:
            store.equate_runs(source, result, scope.where)

    def keeps_last(self, sizes) -> bool:
        """Whether the last axis is left as it is, so that what works along it may as well come after this layer."""
        rank = len(sizes["shape"])
        return rank > 0 and self.groups(rank)[-1] == (rank - 1,)

    def forward(self, Input, *, sizes):
        groups = self.groups(len(sizes["shape"]))
        if groups == [()]:
            return Input.unsqueeze(1)
        order = [level for group in groups for level in group]
        x = Input if order == sorted(order) else Input.permute(0, *(level + 1 for level in order))
        first = 1
        for group in groups:
            x = x.flatten(first, first + len(group) - 1) if len(group) > 1 else x
            first += 1
        return x


def _dimensions(value):
    if is_integer(value) and value >= 1:
        return (value,)
    if value == _REFERENCE:
        return value
    if not isinstance(value, tuple) or not all(_is_entry(entry) for entry in value):
        raise wants('a tuple of sizes, "Inherited", Automatic and All, or "ReferenceShape"', value)
    for word in (Automatic, All):
        if sum(entry is word for entry in value) > 1:
            raise wants(f"{word} at most once", value)
    after_all = next((value[i + 1 :] for i, entry in enumerate(value) if entry is All), ())
    if "Inherited" in [entry for entry in after_all if isinstance(entry, str)]:
        raise wants('"Inherited" before All', value)
    return value


def _is_entry(entry) -> bool:
    return entry is Automatic or entry is All or entry == "Inherited" or (isinstance(entry, int) and is_integer(entry) and entry >= 1)


_REFERENCE = "ReferenceShape"

ReshapedDimensions: Any = parameter(_dimensions, {"anyOf": [{"type": "array"}, {"const": _REFERENCE}]})


class ReshapeLayer(Layer):
    """The same elements, row by row, in an array of other dimensions.

        output = the elements of the input in their order, in the given shape

    Each entry of `ReshapeLayer((d1, d2, ...))` is a size; "Inherited", the input's size at the same position; Automatic (at most one),
    what the number of elements leaves; or All (at most one), all input sizes from this position on. `ReshapeLayer(())` makes a number of
    a vector of length 1. `ReshapeLayer("ReferenceShape")` has a second input of that name, and the output has the dimensions of the array
    there, whose values make no difference. The output keeps the kind of the input. The same in training and in use.
    Errors: numbers of elements that differ; a varying level that is merged or split (one under "Inherited" or All stays, and may vary, as
    may the first levels that the input has in common with a reference).
    Source: Wolfram's ReshapeLayer (there Inherited is a symbol).

    >>> ReshapeLayer((2, Automatic))([1, 2, 3, 4, 5, 6]).tolist()
    [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    >>> ReshapeLayer("ReferenceShape")({"Input": [1, 2, 3, 4], "ReferenceShape": [[0, 0], [0, 0]]}).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """

    positional = ("Dimensions",)
    costless = True
    Dimensions: ReshapedDimensions
    varying = "free"

    Input = InputPort("any: *shape", "what is reshaped")
    Output = OutputPort("any: *result", "its elements in the given shape")

    @classmethod
    def port_words(cls, schema) -> tuple[str, ...]:
        return (*super().port_words(schema), _REFERENCE)

    @property
    def has_reference(self) -> bool:
        """Whether the dimensions are those of a second input."""
        return self.Dimensions == _REFERENCE

    @property
    def input_count(self) -> int | None:
        return 1 + self.has_reference

    def input_ports(self) -> tuple[str, ...]:
        return ("Input", _REFERENCE) if self.has_reference else ("Input",)

    def check(self):
        if _REFERENCE in self._given and not self.has_reference:
            raise NetValueError(f'ReshapeLayer: {_REFERENCE}= is for ReshapeLayer("{_REFERENCE}"), Dimensions are {self.Dimensions!r}')

    def declare(self, scope):
        super().declare(scope)
        if self.has_reference:
            scope.terms.inputs[_REFERENCE] = Term(KindNode(), scope.run("result"))

    def relate(self):
        return (Rule(self._follows if self.has_reference else self._reshapes),)

    def _follows(self, scope):
        store, source, result = scope.store, scope.run("shape"), scope.run("result")

        def fire() -> bool:
            before, after = store.axes(source), store.axes(result)
            if before is None or after is None:
                return False
            common = 0
            for old, new in zip(before, after, strict=False):
                sizes = store.value(old), store.value(new)
                if all(isinstance(size, Varying) for size in sizes):
                    store.equate_sizes(old, new, scope.where, f"level {common} of the input and the reference")
                elif None in sizes or sizes[0] != sizes[1]:
                    break
                common += 1
            total = store.size()
            store.product(total, store.run(before[common:], store.why(source)), scope.where)
            store.product(total, store.run(after[common:], store.why(result)), scope.where)
            return True

        store.rule([source, result], fire)

    def _taken(self, rank: int) -> list:
        """For each axis of the result the axis of the input that it is, or the entry itself (a size or Automatic)."""
        taken = []
        for position, entry in enumerate(self.Dimensions):
            if entry is All:
                taken += [("axis", axis) for axis in range(position, rank)]
            elif isinstance(entry, str):
                if position >= rank:
                    raise ValueError(f'"Inherited" at position {position} of {self.Dimensions!r}, the input has rank {rank}')
                taken.append(("axis", position))
            else:
                taken.append(("size", entry))
        return taken

    def _reshapes(self, scope):
        store, source, result = scope.store, scope.run("shape"), scope.run("result")
        if All not in [entry for entry in self.Dimensions if not isinstance(entry, str)]:
            entries = [entry if is_integer(entry) else None for entry in self.Dimensions]
            store.equate_runs(result, store.shape(entries, scope.origin()), scope.where)

        def fire() -> bool:
            axes = store.axes(source)
            if axes is None:
                return False
            try:
                taken = self._taken(len(axes))
            except ValueError as fault:
                store.conflict(scope.where, str(fault), (source,))
                return True
            kept = {entry for sort, entry in taken if sort == "axis"}
            new = [store.size(entry if is_integer(entry) else None, scope.origin()) for sort, entry in taken if sort == "size"]
            left = [axis for i, axis in enumerate(axes) if i not in kept]
            fresh = iter(new)
            made = store.run([axes[entry] if sort == "axis" else next(fresh) for sort, entry in taken], scope.origin())
            before, after = ([store.value(size) for size in sizes] for sizes in (left, new))
            if all(isinstance(size, int) for size in (*before, *after)) and math.prod(before) != math.prod(after):
                text = f"{store.show(source)} cannot be reshaped to {store.show(made)}, the numbers of elements differ"
                store.conflict(scope.where, text, (source,))
                return True
            if store.equate_runs(result, made, scope.where):
                total = store.size()
                store.product(total, store.run(left, store.why(source)), scope.where)
                store.product(total, store.run(new, scope.origin()), scope.where)
            return True

        store.rule([source], fire)

    def keeps_last(self, sizes) -> bool:
        """Whether the last axis is left as it is: row by row, an equal last size says so."""
        before, after = sizes["shape"], sizes["result"]
        return bool(before) and bool(after) and before[-1] == after[-1]

    def forward(self, Input, ReferenceShape=None, *, sizes):
        if ReferenceShape is not None:
            return Input.reshape(-1, *(size if isinstance(size, int) else Input.shape[i + 1] for i, size in enumerate(sizes["result"])))
        shape = []
        for size, (_, entry) in zip(sizes["result"], self._taken(len(sizes["shape"])), strict=True):
            shape.append(size if isinstance(size, int) else Input.shape[entry + 1])
        return Input.reshape(-1, *shape)
