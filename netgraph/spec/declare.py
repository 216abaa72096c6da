"""The words a layer class is declared in: ports, arrays, states, noise, and the rules that tie their sizes.

A shape is written as text: `"real: *lead n"` is a kind, a run of axes and a size. A name that is also a parameter of the layer *is* that
parameter; the same name twice is the same size; `*name` is a run of axes, at most one in a shape. Ports describe one example: the batch
axis appears in lowering.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from netgraph.types.sizes import Affine, Varying

_SHAPE = re.compile(r"^(?:(real|boolean|any|integer)(?:\((\w+)\))?:)?((?:\s*\*?\w+)*)\s*$")


class Shape(NamedTuple):
    """A parsed declaration: kind word, name of the integer's count, and the axes before, in and after the run."""

    kind: str
    count: str | None
    prefix: tuple[str, ...]
    run: str | None
    suffix: tuple[str, ...]


@cache
def parse_shape(text: str) -> Shape:
    """The parts of a declared shape.

    >>> parse_shape("integer(classes): *lead n")
    Shape(kind='integer', count='classes', prefix=(), run='lead', suffix=('n',))
    """
    match = _SHAPE.match(text)
    if match is None:
        raise TypeError(f"not a declared shape: {text!r}")
    kind, count, axes = match.groups()
    words = axes.split()
    runs = [i for i, word in enumerate(words) if word.startswith("*")]
    if len(runs) > 1:
        raise TypeError(f"two runs of axes in one shape: {text!r}")
    cut = runs[0] if runs else len(words)
    run = words[cut][1:] if runs else None
    return Shape(kind or "real", count, tuple(words[:cut]), run, tuple(words[cut + 1 :]) if runs else ())


class Declaration:
    """A part of a layer's declaration; its name is the attribute it is assigned to."""

    name: str = ""

    def __set_name__(self, owner, name):
        if not self.name:
            self.name = name

    def __get__(self, layer, owner=None):
        """On the class the declaration, on a layer what stands there: its array, or the type of its port."""
        return self if layer is None else layer[self.name]


class InputPort(Declaration):
    """An input port of the given kind and shape. `meaning` is its line in the documentation."""

    def __init__(self, shape: str, meaning: str = "", name: str = ""):
        self.shape = parse_shape(shape)
        self.text = shape
        self.meaning = meaning
        self.name = name


class OutputPort(InputPort):
    """An output port of the given kind and shape."""


class ReadablePort(InputPort):
    """A value beside the outputs: it is computed where somebody reads it, by `NetPort` in evaluation or in an edge, and else nowhere.

    `forward` returns it behind the outputs.
    """


class InputPorts(Declaration):
    """As many input ports as are connected, all declared alike: `naming` makes a port's name from its number (from 1).

    With `shape` None a rule of the layer ties the shapes; each port has then a run of its own, called `inputs0`, `inputs1`, ...
    """

    def __init__(self, shape: str | None, naming: str = "Input{}", least: int = 1, meaning: str = ""):
        self.shape = None if shape is None else parse_shape(shape)
        self.text = shape or "real: *"
        self.naming = naming
        self.least = least
        self.meaning = meaning


class Array(Declaration):
    """A trained array: its shape, how it starts, and whether `None` may switch it off."""

    def __init__(self, shape: str, initial, *, optional: bool = False, meaning: str = ""):
        self.shape = parse_shape(shape)
        self.text = shape
        self.initial = initial
        self.optional = optional
        self.meaning = meaning


class State(Array):
    """An array that is not trained but updated by the layer itself in training (a running mean); returned beside the output."""


class Noise(Declaration):
    """Random numbers the layer uses: the runner draws them, `forward` never does. `distribution` is "uniform" (0 to 1) or "normal".

    Outside training `forward` gets None, unless `only_in_training` is False. Each example has its own numbers, unless they are `shared`:
    then there is one draw for the whole batch, with a first axis of 1.
    """

    def __init__(self, shape: str, distribution: str = "uniform", *, only_in_training: bool = True, shared: bool = False):
        self.only_in_training = only_in_training
        self.shared = shared
        self.shape = parse_shape(shape)
        self.text = shape
        self.distribution = distribution


class Rule(NamedTuple):
    """A relation between names of a declaration; `apply(scope)` states it in the store of the net."""

    apply: Callable


def product(total: str, run: str) -> Rule:
    """The size `total` is the product of the sizes of the run `run`."""
    return Rule(lambda scope: scope.store.product(scope.size(total), scope.run(run), scope.where))


def within(run: str, level: int) -> Rule:
    """The run has the level `level` (from 0, or negative from the end)."""

    def apply(scope):
        node = scope.run(run)

        def fire() -> bool:
            axes = scope.store.axes(node)
            if axes is None:
                return False
            if not -len(axes) <= level < len(axes):
                scope.store.conflict(scope.where, f"there is no level {level} in {scope.store.show(node)}", (node,))
            return True

        scope.store.rule([node], fire)

    return Rule(apply)


def layout(run: str, shape: str) -> Rule:
    """The axes of the run `run` are those of `shape`, written as in a port: for ports whose order of axes depends on a parameter."""

    def apply(scope):
        laid = scope.shaped(parse_shape(f"real: {shape}"), scope.where)
        scope.store.equate_runs(scope.run(run), laid, scope.where)

    return Rule(apply)


def unvarying(size, text: str) -> Rule:
    """The size (a name, or a node of the store) is the same for all examples; `text` says so where it is not."""

    def apply(scope):
        store, node = scope.store, scope.size(size) if isinstance(size, str) else size

        def fire() -> bool:
            if isinstance(store.value(node), Varying):
                store.conflict(scope.where, text, (node,))
            return store.value(node) is not None

        store.rule([node], fire)

    return Rule(apply)


def each(target: str, source: str, forms: Callable[[int], Sequence[Affine]], reads: str) -> Rule:
    """Axis by axis `target` is a form of `source`: `forms(rank)` gives one a spatial axis. The runs have one rank.

    `reads` is the formula as text, for the documentation.
    """

    def apply(scope):
        store, source_run, target_run = scope.store, scope.run(source), scope.run(target)

        def fire() -> bool:
            axes = store.axes(source_run)
            if axes is None:
                known = store.axes(target_run)
                if known is None:
                    return False
                axes = tuple(store.size() for _ in known)
                store.equate_runs(source_run, store.run(axes, store.why(target_run)), scope.where)
            sizes = [store.size() for _ in axes]
            if not store.equate_runs(target_run, store.run(sizes, store.why(source_run)), scope.where):
                return True
            for number, (size, axis, form) in enumerate(zip(sizes, axes, forms(len(axes)), strict=True)):
                store.form(size, axis, form, scope.where, f"size {number} of {target}")
            return True

        store.rule([source_run, target_run], fire)

    return Rule(apply)


def whole(target: str, sources: Sequence[str], function: Callable, reads: str) -> Rule:
    """The run `target` is `function` of the shapes of the runs `sources`, once they are known.

    `function` gets shapes of ints and lengths and gives one; a ValueError it raises is told at the layer. `reads` is the formula as text.
    """

    def apply(scope):
        store, runs, rule = scope.store, [scope.run(name) for name in sources], None

        def fire() -> bool:
            shapes = [store.known(run) for run in runs]
            if None in shapes:
                store.watch(rule, [node for run in runs for node in (run, *(store.axes(run) or ()))])
                return False
            try:
                result = function(*shapes)
            except ValueError as error:
                store.conflict(scope.where, str(error), runs)
                return True
            store.equate_runs(scope.run(target), store.shape(result, store.why(runs[0])), scope.where)
            return True

        rule = store.rule(runs, fire)

    return Rule(apply)


class StatePort(Declaration):
    """A recurrent state: starts from zeros or from what is connected, and its last value is returned beside the output."""

    def __init__(self, shape: str, meaning: str = ""):
        self.shape = parse_shape(shape)
        self.text = shape
        self.meaning = meaning
