"""Arrays of their own: a learned constant, and a ramp with learned slopes.

Shapes describe one example; the tensors of `forward` have the batch axis in front.
"""

from typing import Any

import torch

from netgraph.layers.reduce import LevelSet, levels_of
from netgraph.spec import declare
from netgraph.spec.declare import InputPort, OutputPort, Rule, unvarying
from netgraph.spec.initial import WEIGHT, Fixed
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import is_number, parameter, wants
from netgraph.types.symbols import Automatic

__all__ = ["NetArrayLayer", "ParametricRampLayer"]


def _start(value):
    if value is Automatic:
        return value
    if is_number(value) and abs(value) < float("inf"):
        return float(value)
    raise wants("Automatic or a number", value)


StartingValue: Any = parameter(_start, {"anyOf": [{"type": "number"}, {"const": {"$word": "Automatic"}}]})


class NetArrayLayer(Layer):
    """A learned array that depends on no input.

        output = Array

    There is no input port: `layer()` gives the array, and in a graph every example of a batch gets the same one; its gradient is the sum
    over all uses. `Array=a` presets it, `Output=(d1, d2, ...)` fixes its dimensions, which otherwise follow from what it is connected
    to. It is drawn by net_initialize as weights are, or, with Initial=x, starts with every element x. LearningRateMultipliers=0 makes it
    a constant. The same in training and in use.
    Errors: a varying axis where the array goes, since an array has one shape for all examples.
    Source: Wolfram's NetArrayLayer; Initial is ours.

    >>> NetArrayLayer(Array=[1, 2])()
    array([1., 2.], dtype=float32)
    >>> NetGraph([NetArrayLayer(Array=[1, 2]), Plus], [((NetPort("Input"), 0), 1)])([[10, 20], [30, 40]]).tolist()
    [[11.0, 22.0], [31.0, 42.0]]
    """

    Initial: StartingValue = Automatic
    varying = "free"
    costless = True

    Output = OutputPort("real: *shape", "the array")
    Array = declare.Array("*shape", WEIGHT, meaning="what the layer gives")

    def array_places(self):
        for name, declared, setting in super().array_places():
            if self.Initial is not Automatic:
                declared = declare.Array(declared.text, Fixed(self.Initial), meaning=declared.meaning)
            yield name, declared, setting

    def relate(self):
        return (Rule(self._stays),)

    def _stays(self, scope):
        store, run = scope.store, scope.run("shape")

        def fire() -> bool:
            for axis in store.axes(run) or ():
                unvarying(axis, "the array has one shape for all examples, it cannot vary").apply(scope)
            return store.axes(run) is not None

        store.rule([run], fire)

    def forward(self, *, Array, batch, sizes):
        return Array.unsqueeze(0).expand(batch, *[-1] * len(sizes["shape"]))


class ParametricRampLayer(Layer):
    """A ramp whose slope below zero is learned.

        output = x where x >= 0, else Slope * x

    `ParametricRampLayer()` has a slope for each place along the first level (a channel), `ParametricRampLayer(levels)` along the levels
    given: a level (from 0, or negative from the end), a list of levels, a slice or All; `ParametricRampLayer([])` has one slope for all
    elements. The array "Slope" has the dimensions of these levels, in their order in the input, and starts at 0.1. A number as preset
    Slope means one slope for all, so `ParametricRampLayer(Slope=0.2, LearningRateMultipliers=0)` is a fixed leaky ramp. Any shape; levels
    without slopes of their own may vary. The same in training and in use.
    Errors: a level that is not there; a varying level with slopes of its own.
    Source: Wolfram's ParametricRampLayer (there levels count from 1).

    >>> ParametricRampLayer(Slope=0.1)([-3, 0, 2])
    array([-0.3,  0. ,  2. ], dtype=float32)
    >>> ParametricRampLayer(Slope=[0.5, 2])([[-1, 1], [-1, 1]]).tolist()
    [[-0.5, 1.0], [-2.0, 1.0]]
    """

    positional = ("Levels",)
    Levels: LevelSet = 0
    varying = "free"

    Input = InputPort("real: *shape", "the argument of the ramp")
    Output = OutputPort("real: *shape", "its value")
    Slope = declare.Array("*slopes", Fixed(0.1), meaning="what elements below zero are multiplied by")

    def __init__(self, *args, **options):
        slope = options.get("Slope", options.get("slope", Automatic))
        if not args and not {"Levels", "levels"} & set(options) and (is_number(slope) or getattr(slope, "shape", None) == ()):
            options["Levels"] = ()
        super().__init__(*args, **options)

    def relate(self):
        return (Rule(self._slopes),)

    def _slopes(self, scope):
        store, shape, slopes = scope.store, scope.run("shape"), scope.run("slopes")
        if self.Levels == ():
            store.equate_runs(slopes, store.run([], scope.origin()), scope.where)
            return

        def fire() -> bool:
            axes = store.axes(shape)
            if axes is None:
                return False
            try:
                own = [axes[level] for level in levels_of(self.Levels, len(axes))]
            except ValueError as fault:
                store.conflict(scope.where, str(fault), (shape,))
                return True
            for size in own:
                unvarying(size, "a varying level cannot have slopes of its own").apply(scope)
            store.equate_runs(slopes, store.run(own, store.why(shape)), scope.where)
            return True

        store.rule([shape], fire)

    def forward(self, Input, *, Slope, sizes):
        shape = sizes["shape"]
        levels = levels_of(self.Levels, len(shape))
        slope = Slope.reshape([size if axis in levels else 1 for axis, size in enumerate(shape)])
        return torch.where(Input >= 0, Input, slope * Input)
