"""Rows of the layers around arrays of their own."""

import numpy as np

from netgraph import All, NetArrayLayer, NetChain, NetGraph, NetPort, ParametricRampLayer, Plus, ThreadingLayer
from tests.layers.harness import Row


def ramp(pick):
    rank = pick(1, 4)
    level = pick(-rank, rank - 1)
    levels = [(), level, [level], slice(1, None), slice(None, None, 2), All]
    return ParametricRampLayer(levels[pick(0, 5)]), {"Input": tuple(pick(1, 4) for _ in range(rank))}


def leaky(*shape):
    return lambda x, Slope: np.where(x >= 0, x, Slope.reshape(shape) * x)


ROWS = [
    Row(
        NetArrayLayer(Output=(2, 3)), {}, (2, 3), {"Array": (2, 3)},
        reference=lambda Array: Array,
        draw=lambda pick: (NetArrayLayer(Output=tuple(pick(1, 4) for _ in range(pick(0, 3)))), {}),
        wrong=[
            (lambda: NetArrayLayer(Array=None), "NetArrayLayer: Array cannot be left out, it has no None"),
            (
                lambda: NetArrayLayer(Array=[1, 2], Output=3),
                "Output: the length is 3 on one side and 2 on the other\n"
                "  3: NetArrayLayer was given Output=3\n"
                "  2: Array was given an array of shape (2,)",
            ),
            (
                lambda: NetArrayLayer(Output="Varying"),
                "NetArrayLayer: the array has one shape for all examples, it cannot vary\n"
                '  Varying: NetArrayLayer was given Output="Varying"',
            ),
            (
                lambda: NetGraph([NetArrayLayer(), ThreadingLayer(Plus, None)], [((NetPort("Input"), 0), 1)], Input=("Varying", 2)),
                "0: the array has one shape for all examples, it cannot vary\n"
                '  Varying: NetGraph was given Input=("Varying", 2)',
            ),
            (
                lambda: NetArrayLayer(Output=3)([1, 2, 3]),
                "NetArrayLayer(Output=3) has no input port, got list\n"
                "  try: net()",
            ),
            (
                lambda: NetArrayLayer()(),
                "NetArrayLayer() cannot be evaluated: sizes are open: Output is real (...), Array is ?",
            ),
            (
                lambda: NetArrayLayer(Output=3)(),
                "NetArrayLayer(Output=3) is not initialised: Array has no value\n"
                "  try: net_initialize(net), or train it with net_train",
            ),
            (lambda: NetArrayLayer(Initial="0"), "NetArrayLayer: Initial wants Automatic or a number, got '0'"),
        ],
    ),
    Row(NetArrayLayer(Initial=1.0, Output=()), {}, (), {"Array": ()}, reference=lambda Array: Array),
    Row(
        ParametricRampLayer(), {"Input": (3, 2, 2)}, (3, 2, 2), {"Slope": (3,)},
        reference=leaky(3, 1, 1),
        solves=[({"Output": (2, 3)}, {"Input": (2, 3)})],
        draw=ramp,
        varying={"Input": (3, "Varying", 2)},
        wrong=[
            (
                lambda: ParametricRampLayer(Input="Real"),
                "ParametricRampLayer: there is no level 0 in a number\n"
                '  (): ParametricRampLayer was given Input="Real"',
            ),
            (
                lambda: ParametricRampLayer(1, Input=3),
                "ParametricRampLayer: there is no level 1 in an array of rank 1\n"
                "  (3,): ParametricRampLayer was given Input=3",
            ),
            (
                lambda: ParametricRampLayer([0, -2], Input=(2, 3)),
                "ParametricRampLayer: a level is listed twice for rank 2 in (0, -2)\n"
                "  (2, 3): ParametricRampLayer was given Input=(2, 3)",
            ),
            (
                lambda: ParametricRampLayer(Input=("Varying", 3)),
                "ParametricRampLayer: a varying level cannot have slopes of its own\n"
                '  Varying: ParametricRampLayer was given Input=("Varying", 3)',
            ),
            (
                lambda: ParametricRampLayer(Slope=[0.1, 0.2], Input=(3, 4)),
                "ParametricRampLayer: the length is 2 on one side and 3 on the other\n"
                "  2: Slope was given an array of shape (2,)\n"
                "  3: ParametricRampLayer was given Input=(3, 4)",
            ),
            (
                lambda: ParametricRampLayer("0"),
                "ParametricRampLayer: Levels wants a level, a list of levels, a slice of levels or All, got '0'",
            ),
            (lambda: ParametricRampLayer(Slope=None), "ParametricRampLayer: Slope cannot be left out, it has no None"),
            (
                lambda: NetChain([ParametricRampLayer(0, Slope=0.1)], Input=3),
                "0: no axis on one side and 1 axis on the other\n"
                "  (): 0/Slope was given an array of shape ()\n"
                "  (3,): NetChain was given Input=3",
            ),
        ],
    ),
    Row(ParametricRampLayer(()), {"Input": (3, 2)}, (3, 2), {"Slope": ()}, reference=leaky(1), varying={"Input": ("Varying", "Varying")}),
    Row(ParametricRampLayer([]), {"Input": ()}, (), {"Slope": ()}, reference=leaky()),
    Row(ParametricRampLayer(-1), {"Input": (2, 3)}, (2, 3), {"Slope": (3,)}, reference=leaky(1, 3), varying={"Input": ("Varying", 3)}),
    Row(
        ParametricRampLayer([2, 0]), {"Input": (2, 3, 4)}, (2, 3, 4), {"Slope": (2, 4)},
        reference=leaky(2, 1, 4),
        varying={"Input": (2, "Varying", 4)},
    ),
    Row(
        ParametricRampLayer(slice(1, 3)), {"Input": (2, 3, 4)}, (2, 3, 4), {"Slope": (3, 4)},
        reference=leaky(1, 3, 4),
        varying={"Input": ("Varying", 3, 4)},
    ),
    Row(ParametricRampLayer(All), {"Input": (2, 3)}, (2, 3), {"Slope": (2, 3)}, reference=leaky(2, 3)),
    Row(
        ParametricRampLayer(Slope=0.1, LearningRateMultipliers=0), {"Input": (3,)}, (3,), {"Slope": ()},
        vectors=[([-3, 0, 2], [-0.3, 0, 2])],
        evaluable=False,
    ),
    Row(
        ParametricRampLayer(Slope=[0.1, 0.5]), {"Input": (2, 2)}, (2, 2), {"Slope": (2,)},
        vectors=[([[-1, 1], [-1, 1]], [[-0.1, 1], [-0.5, 1]]), ([-3, 2], [-0.3, 2])],
        evaluable=False,
    ),
]  # fmt: skip
