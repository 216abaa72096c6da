"""Rows of the layers that put arrays together or lay them out anew."""

import numpy as np

from netgraph import All, Automatic, CatenateLayer, FlattenLayer, Integer, NetChain, ReshapeLayer, SoftmaxLayer
from tests.layers.harness import Row


def catenate(pick):
    rank, count = pick(1, 3), pick(1, 3)
    shape = [pick(1, 4) for _ in range(rank)]
    own = [pick(1, rank) for _ in range(count - 1)] + [rank]
    level = pick(-min(own), min(own) - 1)
    axis = level - min(own) if level >= 0 else level
    types = {}
    for i, r in enumerate(own):
        types[str(i + 1)] = tuple(pick(1, 4) if a == axis else shape[a] for a in range(-r, 0))
    return CatenateLayer(level, InputPorts=count), types


def flatten(pick):
    rank = pick(0, 4)
    spec = [All, pick(-4, 4)]
    if rank:
        levels = list(range(rank))
        first = levels.pop(pick(0, rank - 1))
        spec.append([[first, *levels[:1]]])
    return FlattenLayer(spec[pick(0, len(spec) - 1)]), {"Input": tuple(pick(1, 4) for _ in range(rank))}


def reshape(pick):
    a, b, c = pick(1, 4), pick(1, 4), pick(1, 4)
    specs = [(c, b, a), (Automatic, b), ("Inherited", Automatic), ("Inherited", Automatic, "Inherited"), (a, Automatic, All), (All, 1)]
    return ReshapeLayer(specs[pick(0, 5)]), {"Input": (a, b, c)}


def referred(pick):
    a, b, c = pick(1, 4), pick(1, 4), pick(1, 4)
    return ReshapeLayer("ReferenceShape"), {"Input": (a * b, c), "ReferenceShape": [(b, a, c), (a * b * c,), (c, 1, b, a)][pick(0, 2)]}


def laid(shape):
    return lambda x: x.reshape(shape)


ROWS = [
    Row(
        CatenateLayer(InputPorts=2), {"1": (2,), "2": (3,)}, (5,),
        reference=lambda a, b: np.concatenate([a, b]),
        solves=[
            ({"1": 2, "Output": 5}, {"2": 3}),
            ({"2": 4, "Output": 5}, {"1": 1}),
            ({"1": (Automatic, 3), "2": (4, Automatic), "Output": (7, Automatic)}, {"1": (3, 3), "2": (4, 3), "Output": (7, 3)}),
            ({"1": 2, "2": 3}, {"Output": 5}),
        ],
        draw=catenate,
        vectors=[([[1, 2], [3, 4, 5]], [1, 2, 3, 4, 5])],
        wrong=[
            (
                lambda: CatenateLayer(1, InputPorts=[(2, 3), (3, 3)]),
                "CatenateLayer: an axis not joined along is 2 on one side and 3 on the other\n"
                "  2: CatenateLayer was given 1=(2, 3)\n"
                "  3: CatenateLayer was given 2=(3, 3)",
            ),
            (
                lambda: CatenateLayer(InputPorts=["Real", 3]),
                "CatenateLayer: there is no level 0 in a number\n"
                '  (): CatenateLayer was given 1="Real"\n'
                "  (3,): CatenateLayer was given 2=3",
            ),
            (
                lambda: CatenateLayer(2, InputPorts=[(2, 3)]),
                "CatenateLayer: there is no level 2 in an array of rank 2\n"
                "  (2, 3): CatenateLayer was given 1=(2, 3)",
            ),
            (
                lambda: CatenateLayer(InputPorts=["Varying", 3]),
                "CatenateLayer: cannot join along a varying axis\n"
                '  Varying: CatenateLayer was given 1="Varying"',
            ),
            (
                lambda: CatenateLayer(InputPorts=[4, 3, Automatic], Output=7),
                "CatenateLayer: the inputs have 7 elements along the joined axis, 7 are wanted of all\n"
                "  7: CatenateLayer was given Output=7",
            ),
            (lambda: CatenateLayer("1"), "CatenateLayer: Level wants a level, counted from 0 or, negative, from the end, got '1'"),
        ],
    ),
    Row(
        CatenateLayer(InputPorts=2), {"1": (4, 2), "2": (3,)}, (4, 5),
        reference=lambda a, b: np.concatenate([a, np.tile(b, (4, 1))], 1),
        varying={"1": ("Varying", 2), "2": (3,)},
        vectors=[([[[1, 2], [3, 4]], [9]], [[1, 2, 9], [3, 4, 9]])],
    ),
    Row(
        CatenateLayer(1, InputPorts=["a", "b", "c"]), {"a": (2, 1), "b": (3, 2, 2), "c": (2, 3)}, (3, 2, 6),
        reference=lambda a, b, c: np.concatenate([np.tile(a, (3, 1, 1)), b, np.tile(c, (3, 1, 1))], 2),
        varying={"a": ("Varying", 1), "b": ("Varying", "Varying", 2), "c": ("Varying", 3)},
    ),
    Row(CatenateLayer(-2, InputPorts=2), {"1": (2, 3), "2": (1, 3)}, (3, 3), reference=lambda a, b: np.concatenate([a, b], 0)),
    Row(
        FlattenLayer(), {"Input": (2, 3, 4)}, (24,),
        reference=laid(24),
        solves=[({"Input": (2, Automatic, 4), "Output": 24}, {"Input": (2, 3, 4)}), ({"Output": 5}, {"Input": 5})],
        draw=flatten,
        varying={"Input": ("Varying",)},
        vectors=[([[1, 2], [3, 4]], [1, 2, 3, 4])],
        wrong=[
            (
                lambda: FlattenLayer(Input=("Varying", 3)),
                "FlattenLayer: cannot merge a varying axis of (Varying, 3) into one of fixed size\n"
                '  (Varying, 3): FlattenLayer was given Input=("Varying", 3)\n'
                "  try: NetMapOperator(layer), to apply the layer to each element",
            ),
            (
                lambda: FlattenLayer(Input=(2, Automatic), Output=5),
                "FlattenLayer: 5 elements do not divide into (2, ?)\n"
                "  5: FlattenLayer was given Output=5\n"
                "  (2, ?): FlattenLayer was given Input=(2, Automatic)",
            ),
            (lambda: FlattenLayer([[0, 0]]), "FlattenLayer: Levels lists level 0 twice, in ((0, 0),)"),
            (
                lambda: FlattenLayer([[0, -2]], Input=(2, 3)),
                "FlattenLayer: a level is listed twice for rank 2 in ((0, -2),)\n"
                "  (2, 3): FlattenLayer was given Input=(2, 3)",
            ),
            (
                lambda: FlattenLayer([[3]], Input=(2, 3)),
                "FlattenLayer: there is no level 3 in an array of rank 2\n"
                "  (2, 3): FlattenLayer was given Input=(2, 3)",
            ),
            (lambda: FlattenLayer(1.0), "FlattenLayer: Levels wants All, a number of merges, or a list of lists of levels, got 1.0"),
        ],
    ),
    Row(FlattenLayer(), {"Input": ()}, (1,), reference=laid(1)),
    Row(FlattenLayer(2), {"Input": (2, 3, 4, 5)}, (24, 5), reference=laid((24, 5)), varying={"Input": (2, 3, 4, "Varying")}),
    Row(FlattenLayer(-2), {"Input": (2, 3, 4, 5)}, (2, 60), reference=laid((2, 60)), varying={"Input": ("Varying", 3, 4, 5)}),
    Row(FlattenLayer(0), {"Input": (2, 3)}, (2, 3), reference=laid((2, 3)), varying={"Input": ("Varying", "Varying")}),
    Row(FlattenLayer(9), {"Input": (2, 3)}, (6,), reference=laid(6)),
    Row(
        FlattenLayer([[1, 2], [0]]), {"Input": (2, 3, 4)}, (12, 2),
        reference=lambda x: x.transpose(1, 2, 0).reshape(12, 2),
        solves=[({"Input": (2, Automatic, 4), "Output": (12, 2)}, {"Input": (2, 3, 4)})],
        varying={"Input": ("Varying", 3, 4)},
    ),
    Row(
        FlattenLayer([[-1, 0]]), {"Input": (2, 3, 4)}, (8, 3),
        reference=lambda x: x.transpose(2, 0, 1).reshape(8, 3),
        varying={"Input": (2, "Varying", 4)},
    ),
    Row(
        ReshapeLayer("ReferenceShape"), {"Input": (2, 3), "ReferenceShape": (3, 2, Integer(5))}, (3, 2),
        reference=lambda x, like: x.reshape(like.shape),
        solves=[
            ({"Input": (2, Automatic), "ReferenceShape": (3, 4)}, {"Input": (2, 6), "Output": (3, 4)}),
            ({"Input": 6, "Output": (2, Automatic)}, {"ReferenceShape": (2, 3)}),
        ],
        draw=referred,
        varying={"Input": ("Varying", 6), "ReferenceShape": ("Varying", 2, 3, Integer(5))},
    ),
    Row(
        ReshapeLayer((2, 3)), {"Input": (6,)}, (2, 3),
        reference=laid((2, 3)),
        solves=[({"Input": (Automatic,)}, {"Input": (6,), "Output": (2, 3)}), ({"Input": (3, Automatic)}, {"Input": (3, 2)})],
        draw=reshape,
        vectors=[([1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]])],
        wrong=[
            (
                lambda: ReshapeLayer((2, 3), Input=7),
                "ReshapeLayer: (7,) cannot be reshaped to (2, 3), the numbers of elements differ\n"
                "  (7,): ReshapeLayer was given Input=7",
            ),
            (
                lambda: NetChain([ReshapeLayer((2, Automatic)), SoftmaxLayer()], Input=7),
                "0: 7 elements do not divide into (2, ?)\n"
                "  7: NetChain was given Input=7\n"
                "  (2, ?): 0 is ReshapeLayer((2, Automatic))",
            ),
            (
                lambda: ReshapeLayer((2, "Inherited"), Input=2),
                "ReshapeLayer: \"Inherited\" at position 1 of (2, 'Inherited'), the input has rank 1\n"
                "  (2,): ReshapeLayer was given Input=2",
            ),
            (
                lambda: ReshapeLayer((6,), Input=("Varying", 2)),
                "ReshapeLayer: cannot merge a varying axis of (Varying, 2) into one of fixed size\n"
                '  (Varying, 2): ReshapeLayer was given Input=("Varying", 2)\n'
                "  try: NetMapOperator(layer), to apply the layer to each element",
            ),
            (
                lambda: ReshapeLayer((0,)),
                'ReshapeLayer: Dimensions wants a tuple of sizes, "Inherited", Automatic and All, or "ReferenceShape", got (0,)',
            ),
            (
                lambda: ReshapeLayer((2, 3), ReferenceShape=3),
                'ReshapeLayer: ReferenceShape= is for ReshapeLayer("ReferenceShape"), Dimensions are (2, 3)',
            ),
            (
                lambda: ReshapeLayer("ReferenceShape", Input=(2, 3), ReferenceShape=(4, 2)),
                "ReshapeLayer: the number of elements of (4, 2) is 6 on one side and 8 on the other\n"
                "  6: ReshapeLayer was given Input=(2, 3)\n"
                "  8: ReshapeLayer was given ReferenceShape=(4, 2)",
            ),
            (
                lambda: ReshapeLayer((Automatic, Automatic)),
                "ReshapeLayer: Dimensions wants Automatic at most once, got (Automatic, Automatic)",
            ),
            (lambda: ReshapeLayer((All, "Inherited")), "ReshapeLayer: Dimensions wants \"Inherited\" before All, got (All, 'Inherited')"),
            (lambda: ReshapeLayer(), "ReshapeLayer wants Dimensions, its argument 0"),
        ],
    ),
    Row(ReshapeLayer(()), {"Input": (1,)}, (), reference=laid(()), solves=[({"Output": ()}, {"Output": ()})]),
    Row(ReshapeLayer((1, 1)), {"Input": ()}, (1, 1), reference=laid((1, 1))),
    Row(
        ReshapeLayer(("Inherited", Automatic)), {"Input": (2, 3, 4)}, (2, 12),
        reference=laid((2, 12)),
        varying={"Input": ("Varying", 3, 4)},
    ),
    Row(ReshapeLayer((All, 1)), {"Input": (2, 3)}, (2, 3, 1), reference=laid((2, 3, 1)), varying={"Input": ("Varying", "Varying")}),
    Row(ReshapeLayer((6, All)), {"Input": (6, 4)}, (6, 4), reference=laid((6, 4)), varying={"Input": (6, "Varying")}),
    Row(
        FlattenLayer(), {"Input": (2, 3, Integer(4))}, (6, Integer(4)), reference=lambda x: x.reshape(-1), differentiable=False,
    ),
    Row(
        ReshapeLayer((3, 2)), {"Input": (6, Integer(4))}, (3, 2, Integer(4)), reference=lambda x: x.reshape(3, 2), differentiable=False,
    ),
]  # fmt: skip
