"""Rows of the layers that add to arrays, turn them round and take parts of them."""

import numpy as np

from netgraph import (
    All,
    AppendLayer,
    Automatic,
    ExtractLayer,
    Integer,
    PaddingLayer,
    PartLayer,
    PrependLayer,
    ReplicateLayer,
    TransposeLayer,
)
from tests.layers.harness import Row


def one_more(layer):
    def draw(pick):
        rest = tuple(pick(1, 4) for _ in range(pick(0, 3)))
        return layer(), {"Input": (pick(1, 4), *rest), "Element": rest}

    return draw


def replicate(pick):
    rank = pick(0, 3)
    copies = tuple(pick(1, 3) for _ in range(pick(1, 2)))
    return ReplicateLayer(copies, pick(-rank - 1, rank)), {"Input": tuple(pick(1, 4) for _ in range(rank))}


def padding(pick):
    rank = pick(1, 4)
    sides = tuple((pick(0, 5), pick(0, 5)) for _ in range(pick(1, rank)))
    return PaddingLayer(sides, Padding=(0, -1.5, "Fixed", "Reflected")[pick(0, 3)]), {"Input": tuple(pick(1, 4) for _ in range(rank))}


def part(pick):
    ends = ((1, None), (None, -1), (0, 2), (-2, None), (-3, 3), (None, None, 2), (1, -1, 2))
    parts = (0, -1, 1, All, *(slice(*span) for span in ends))
    spec = tuple(parts[pick(0, len(parts) - 1)] for _ in range(pick(1, 3)))
    return PartLayer(spec), {"Input": tuple(pick(3, 5) if i < len(spec) else 2 for i in range(len(spec) + pick(0, 1)))}


def transpose(pick):
    rank = pick(2, 4)
    swap = (pick(-rank, rank - 1), pick(0, rank - 1))
    spec = (swap, [swap, (0, 1)], [1, 0], [0, 1], [*range(1, rank), 0])[pick(0, 4)]
    return TransposeLayer(spec), {"Input": tuple(pick(1, 4) for _ in range(rank))}


def extract(pick):
    shape = tuple(pick(1, 4) for _ in range(pick(1, 4)))
    depth = pick(1, len(shape))
    lead = tuple(pick(1, 3) for _ in range(pick(0, 2)))
    return ExtractLayer(), {"Input": shape, "Position": (*lead, depth, Integer(min(shape)))}


def padded(sides, mode, **options):
    return lambda x: np.pad(x, [*sides, *[(0, 0)] * (x.ndim - len(sides))], mode, **options)


def extracted(x, p):
    p = p if p.ndim else p[None]
    return x[tuple(np.moveaxis(p, -1, 0))]


COPIES = "wants a number of copies from 1, Automatic, or a tuple of these"
TURNS = "wants a swap (m, n), a list of swaps, or a list with each of 0, ..., k - 1 once"
SIDES = "wants a list of pairs (before, after) of whole numbers from 0, one a level"
PARTS = "wants a position, a slice with a step from 1, All, or a tuple with one of these for each level"

ROWS = [
    Row(
        AppendLayer(), {"Input": (3, 2), "Element": (2,)}, (4, 2),
        reference=lambda x, e: np.concatenate([x, e[None]]),
        solves=[
            ({"Output": (4, 2)}, {"Input": (3, 2), "Element": (2,)}),
            ({"Input": (3, Automatic), "Element": 2}, {"Input": (3, 2), "Output": (4, 2)}),
        ],
        draw=one_more(AppendLayer),
        varying={"Input": ("Varying", 2), "Element": (2,)},
        vectors=[({"Input": [1, 2], "Element": 3}, [1, 2, 3]), ({"Input": [[1, 2], [3, 4]], "Element": [5, 6]}, [[1, 2], [3, 4], [5, 6]])],
        wrong=[
            (
                lambda: AppendLayer(Input=(3, 2), Element=3),
                "Input: the length is 2 on one side and 3 on the other\n"
                "  2: AppendLayer was given Input=(3, 2)\n"
                "  3: AppendLayer was given Element=3",
            ),
            (lambda: AppendLayer(Input=()), "Input: no axis where at least 1 axis is wanted\n  (): AppendLayer was given Input=()"),
            (
                lambda: AppendLayer(Output=1),
                "AppendLayer: the first size of the output is 1, the least it can be is 2\n  1: AppendLayer was given Output=1",
            ),
        ],
    ),
    Row(AppendLayer(), {"Input": (3,), "Element": ()}, (4,), reference=np.append, varying={"Input": ("Varying",), "Element": ()}),
    Row(
        AppendLayer(), {"Input": (3, 2, 2), "Element": (2, 2)}, (4, 2, 2),
        reference=lambda x, e: np.concatenate([x, e[None]]),
        varying={"Input": ("Varying", "Varying", 2), "Element": ("Varying", 2)},
    ),
    Row(
        AppendLayer(), {"Input": (3, Integer(4)), "Element": Integer(4)}, (4, Integer(4)),
        reference=np.append,
        varying={"Input": ("Varying", Integer(4)), "Element": Integer(4)},
        differentiable=False,
    ),
    Row(
        PrependLayer(), {"Input": (3, 2), "Element": (2,)}, (4, 2),
        reference=lambda x, e: np.concatenate([e[None], x]),
        solves=[({"Output": (4, 2)}, {"Input": (3, 2), "Element": (2,)})],
        draw=one_more(PrependLayer),
        varying={"Input": ("Varying", 2), "Element": (2,)},
        vectors=[({"Input": [1, 2], "Element": 3}, [3, 1, 2]), ({"Input": [[1, 2], [3, 4]], "Element": [5, 6]}, [[5, 6], [1, 2], [3, 4]])],
        wrong=[(lambda: PrependLayer(2), "PrependLayer takes no positional arguments, got 1")],
    ),
    Row(
        PrependLayer(), {"Input": (3, 2), "Element": (2,)}, (4, 2),
        reference=lambda x, e: np.concatenate([e[None], x]),
        varying={"Input": ("Varying", "Varying"), "Element": ("Varying",)},
    ),
    Row(
        ReplicateLayer(3), {"Input": (2,)}, (3, 2),
        reference=lambda x: np.stack([x] * 3),
        solves=[({"Output": (Automatic, 4)}, {"Input": (4,), "Output": (3, 4)})],
        draw=replicate,
        varying={"Input": ("Varying",)},
        vectors=[([7, 8], [[7, 8], [7, 8], [7, 8]]), (5, [5, 5, 5])],
        wrong=[
            (lambda: ReplicateLayer(0), f"ReplicateLayer: Dimensions {COPIES}, got 0"),
            (lambda: ReplicateLayer(()), f"ReplicateLayer: Dimensions {COPIES}, got ()"),
            (
                lambda: ReplicateLayer(2, 2, Input=3),
                "Input: 1 axis where at least 2 axes are wanted\n  (3,): ReplicateLayer was given Input=3",
            ),
            (
                lambda: ReplicateLayer(2, -3, Input=3),
                "Input: 1 axis where at least 2 axes are wanted\n  (3,): ReplicateLayer was given Input=3",
            ),
            (
                lambda: ReplicateLayer(Automatic, Output=("Varying", 3)),
                "ReplicateLayer: the number of copies cannot vary\n"
                '  Varying: ReplicateLayer was given Output=("Varying", 3)',
            ),
            (lambda: ReplicateLayer(), "ReplicateLayer wants Dimensions, its argument 0"),
        ],
    ),
    Row(
        ReplicateLayer(3, 1), {"Input": (2,)}, (2, 3),
        reference=lambda x: np.stack([x] * 3, 1),
        varying={"Input": ("Varying",)},
        vectors=[([7, 8], [[7, 7, 7], [8, 8, 8]])],
    ),
    Row(ReplicateLayer((2, 3)), {"Input": (4,)}, (2, 3, 4), reference=lambda x: np.broadcast_to(x, (2, 3, 4))),
    Row(ReplicateLayer((2, 3), -2), {"Input": (4, 5)}, (4, 2, 3, 5), reference=lambda x: np.broadcast_to(x[:, None, None], (4, 2, 3, 5))),
    Row(ReplicateLayer(2), {"Input": (3, Integer(4))}, (2, 3, Integer(4)), reference=lambda x: np.stack([x] * 2), differentiable=False),
    Row(
        ReplicateLayer((Automatic, 2), -1, Output=(4, 3, 2)), {"Input": (4,)}, (4, 3, 2),
        reference=lambda x: np.broadcast_to(x[:, None, None], (4, 3, 2)),
    ),
    Row(
        PaddingLayer(((2, 2),)), {"Input": (3,)}, (7,),
        reference=padded([(2, 2)], "constant"),
        solves=[({"Output": 7}, {"Input": 3}), ({"Output": (5, 2)}, {"Input": (1, 2)})],
        draw=padding,
        varying={"Input": ("Varying",)},
        vectors=[([1, 2, 3], [0, 0, 1, 2, 3, 0, 0])],
        wrong=[
            (
                lambda: PaddingLayer(2),
                f"PaddingLayer: PaddingSize {SIDES}, got 2",
            ),
            (
                lambda: PaddingLayer((1, 1)),
                f"PaddingLayer: PaddingSize {SIDES}, got (1, 1)",
            ),
            (
                lambda: PaddingLayer(((0, -1),)),
                f"PaddingLayer: PaddingSize {SIDES}, got ((0, -1),)",
            ),
            (
                lambda: PaddingLayer(((1, 1),), Padding="Periodic"),
                "PaddingLayer: Padding wants a number, \"Fixed\" or \"Reflected\", got 'Periodic'",
            ),
            (
                lambda: PaddingLayer(((1, 1), (0, 2)), Input=3),
                "Input: 1 axis where at least 2 axes are wanted\n  (3,): PaddingLayer was given Input=3",
            ),
            (
                lambda: PaddingLayer(((1, 1),), Output=2),
                "PaddingLayer: size 0 of the output is 2, the least it can be is 3\n"
                "  2: PaddingLayer was given Output=2",
            ),
        ],
    ),
    Row(
        PaddingLayer(((2, 2),), Padding="Fixed"), {"Input": (3,)}, (7,),
        reference=padded([(2, 2)], "edge"),
        varying={"Input": ("Varying",)},
        vectors=[([1, 2, 3], [1, 1, 1, 2, 3, 3, 3])],
    ),
    Row(
        PaddingLayer(((2, 2),), Padding="Reflected"), {"Input": (3,)}, (7,),
        reference=padded([(2, 2)], "reflect"),
        varying={"Input": ("Varying",)},
        vectors=[([1, 2, 3], [3, 2, 1, 2, 3, 2, 1]), ([4], [4] * 5)],
    ),
    Row(
        PaddingLayer(((0, 1),), Padding=-999), {"Input": (3,)}, (4,),
        varying={"Input": ("Varying",)},
        vectors=[([1, 2, 3], [1, 2, 3, -999])],
    ),
    Row(
        PaddingLayer(((1, 1), (0, 2)), Padding="Fixed"), {"Input": (2, 3, 2)}, (4, 5, 2),
        reference=padded([(1, 1), (0, 2)], "edge"),
        varying={"Input": ("Varying", "Varying", "Varying")},
        vectors=[([[1, 2], [3, 4]], [[1, 2, 2, 2], [1, 2, 2, 2], [3, 4, 4, 4], [3, 4, 4, 4]])],
    ),
    Row(
        PaddingLayer(((7, 8), (0, 0), (1, 9)), Padding="Reflected"), {"Input": (3, 2, 2)}, (18, 2, 12),
        reference=padded([(7, 8), (0, 0), (1, 9)], "reflect"),
        varying={"Input": ("Varying", 2, "Varying")},
    ),
    Row(
        PaddingLayer(((1, 2), (3, 0)), Padding=2.5), {"Input": (2, 3, 2)}, (5, 6, 2),
        reference=padded([(1, 2), (3, 0)], "constant", constant_values=2.5),
        varying={"Input": ("Varying", "Varying", "Varying")},
    ),
    Row(
        PartLayer(1), {"Input": (3, 2)}, (2,),
        reference=lambda x: x[1],
        draw=part,
        varying={"Input": (3, "Varying")},
        solves=[({"Output": 4}, {"Output": 4})],
        wrong=[
            (
                lambda: PartLayer(3, Input=(3, 2)),
                "PartLayer: there is no position 3 in level 0, which has 3 elements\n  3: PartLayer was given Input=(3, 2)",
            ),
            (
                lambda: PartLayer((All, -3), Input=(3, 1)),
                "PartLayer: there is no position -3 in level 1, which has 1 element\n  1: PartLayer was given Input=(3, 1)",
            ),
            (
                lambda: PartLayer(slice(1, 4), Input=3),
                "PartLayer: there is no slice(1, 4, None) in level 0, which has 3 elements\n  3: PartLayer was given Input=3",
            ),
            (
                lambda: PartLayer(slice(3, None), Input=3),
                "PartLayer: what slice(3, None, None) takes of level 0 would be 3 - 3 = 0\n  3: PartLayer was given Input=3",
            ),
            (
                lambda: PartLayer(slice(-3, 2), Input=5),
                "PartLayer: there is no slice(-3, 2, None) in level 0, which has 5 elements\n  5: PartLayer was given Input=5",
            ),
            (
                lambda: PartLayer(slice(-3, 2), Input="Varying"),
                "PartLayer: slice(-3, 2, None) of level 0, which varies, has ends counted from both sides\n"
                '  Varying: PartLayer was given Input="Varying"',
            ),
            (
                lambda: PartLayer(1, Input="Varying"),
                "PartLayer: there is no position 1 in level 0 of every example: it varies\n"
                '  Varying: PartLayer was given Input="Varying"',
            ),
            (
                lambda: PartLayer((0, 1), Input=3),
                "Input: 1 axis where at least 2 axes are wanted\n  (3,): PartLayer was given Input=3",
            ),
            (lambda: PartLayer(slice(2, 2)), "PartLayer: Specification wants slices that take something, got slice(2, 2, None)"),
            (
                lambda: PartLayer(slice(None, None, -1)),
                f"PartLayer: Specification {PARTS}, got slice(None, None, -1)",
            ),
            (
                lambda: PartLayer(1.0),
                f"PartLayer: Specification {PARTS}, got 1.0",
            ),
            (
                lambda: PartLayer(slice(0, True)),
                f"PartLayer: Specification {PARTS}, got slice(0, True, None)",
            ),
        ],
    ),
    Row(PartLayer(-2), {"Input": (3,)}, (), reference=lambda x: x[-2], vectors=[([1, 2, 3], 2)]),
    Row(PartLayer(-1), {"Input": (3, 2)}, (2,), reference=lambda x: x[-1], varying={"Input": ("Varying", "Varying")}),
    Row(PartLayer(0), {"Input": (3,)}, (), reference=lambda x: x[0], varying={"Input": ("Varying",)}),
    Row(
        PartLayer(slice(0, None, 2)), {"Input": (5,)}, (3,),
        reference=lambda x: x[::2],
        varying={"Input": ("Varying",)},
        vectors=[([1, 2, 3, 4, 5], [1, 3, 5])],
    ),
    Row(
        PartLayer(slice(1, None)), {"Input": (4,)}, (3,),
        reference=lambda x: x[1:],
        solves=[({"Output": 3}, {"Input": 4})],
        varying={"Input": ("Varying",)},
    ),
    Row(
        PartLayer((slice(1, -1), slice(-1, None), slice(None, None, 2))), {"Input": (4, 3, 4)}, (2, 1, 2),
        reference=lambda x: x[1:-1, -1:, ::2],
        varying={"Input": ("Varying", "Varying", "Varying")},
    ),
    Row(
        PartLayer((slice(0, -1, 2), All, -1)), {"Input": (4, 3, 4)}, (2, 3),
        reference=lambda x: x[:-1:2, :, -1],
        varying={"Input": ("Varying", "Varying", "Varying")},
    ),
    Row(
        PartLayer((slice(0, 1), -1, All)), {"Input": (4, 3, 4)}, (1, 4),
        reference=lambda x: x[:1, -1],
        varying={"Input": ("Varying", "Varying", "Varying")},
    ),
    Row(PartLayer((All, 0)), {"Input": (3, 2)}, (3,), vectors=[([[1, 2], [3, 4]], [1, 3])], varying={"Input": ("Varying", 2)}),
    Row(PartLayer((slice(-3, 3), slice(-3, -1))), {"Input": (5, 4)}, (1, 2), reference=lambda x: x[-3:3, -3:-1]),
    Row(
        PartLayer(slice(1, None)), {"Input": (4, Integer(5))}, (3, Integer(5)),
        reference=lambda x: x[1:],
        varying={"Input": ("Varying", Integer(5))},
        differentiable=False,
    ),
    Row(PartLayer(All), {"Input": (3,)}, (3,), reference=lambda x: x, varying={"Input": ("Varying",)}),
    Row(
        TransposeLayer(), {"Input": (2, 3)}, (3, 2),
        reference=np.transpose,
        solves=[({"Output": (2, Automatic, 4), "Input": (3, 2, Automatic)}, {"Input": (3, 2, 4)}), ({"Output": (2, 3)}, {"Input": (3, 2)})],
        draw=transpose,
        varying={"Input": ("Varying", 3)},
        vectors=[([[1, 2], [3, 4]], [[1, 3], [2, 4]])],
        wrong=[
            (
                lambda: TransposeLayer(Input=3),
                "TransposeLayer: there is no level 1 in an array of rank 1\n  (3,): TransposeLayer was given Input=3",
            ),
            (
                lambda: TransposeLayer([(0, 1), (0, -4)], Output=(3, 2, 2)),
                "TransposeLayer: there is no level -4 in an array of rank 3\n  (3, 2, 2): TransposeLayer was given Output=(3, 2, 2)",
            ),
            (
                lambda: TransposeLayer([0, 0, 1]),
                f"TransposeLayer: Specification {TURNS}, got (0, 0, 1)",
            ),
            (
                lambda: TransposeLayer([0, 2]),
                f"TransposeLayer: Specification {TURNS}, got [0, 2]\n"
                "  try: TransposeLayer((0, 2)) to swap two levels",
            ),
            (
                lambda: TransposeLayer((0, 1), Input=(2, 3), Output=(3, 4)),
                "TransposeLayer: axis 1 is 4 on one side and 2 on the other\n"
                "  4: TransposeLayer was given Output=(3, 4)\n"
                "  2: TransposeLayer was given Input=(2, 3)",
            ),
        ],
    ),
    Row(TransposeLayer((0, 2)), {"Input": (1, 2, 3)}, (3, 2, 1), reference=np.transpose, varying={"Input": ("Varying", 2, "Varying")}),
    Row(TransposeLayer((0, -1)), {"Input": (1, 2, 3)}, (3, 2, 1), reference=np.transpose),
    Row(TransposeLayer([(0, 2), (1, 3)]), {"Input": (3, 4, 5, 6)}, (5, 6, 3, 4), reference=lambda x: x.transpose(2, 3, 0, 1)),
    Row(TransposeLayer([(0, 2), (0, 3)]), {"Input": (3, 4, 5, 6)}, (6, 4, 3, 5), reference=lambda x: x.transpose(3, 1, 0, 2)),
    Row(TransposeLayer([1, 2, 0]), {"Input": (2, 3, 4, 5)}, (4, 2, 3, 5), reference=lambda x: x.transpose(2, 0, 1, 3)),
    Row(TransposeLayer([0, 1]), {"Input": (2, 3)}, (2, 3), reference=lambda x: x, varying={"Input": ("Varying", "Varying")}),
    Row(TransposeLayer(Specification=[1, 0]), {"Input": (2, 3)}, (3, 2), reference=np.transpose),
    Row(TransposeLayer(), {"Input": (2, 3, Integer(4))}, (3, 2, Integer(4)), reference=np.transpose, differentiable=False),
    Row(
        ExtractLayer(), {"Input": (3,), "Position": (2, 1, Integer(3))}, (2,),
        reference=extracted,
        solves=[
            ({"Input": (4, 5, 6), "Position": (3, 2)}, {"Output": (3, 6)}),
            ({"Output": (3, 6), "Position": (3, 2)}, {"Position": (3, 2), "Output": (3, 6)}),
        ],
        draw=extract,
        varying={"Input": (3,), "Position": ("Varying", 1, Integer(3))},
        vectors=[
            ({"Input": [10, 20, 30], "Position": [[2], [0]]}, [30, 10]),
            ({"Input": [10, 20, 30], "Position": [-1]}, 30),
            ({"Input": [[1, 2], [3, 4]], "Position": [[-1, 0], [0, -1]]}, [3, 2]),
            ({"Input": [[1, 2], [3, 4]], "Position": [1]}, [3, 4]),
        ],
        wrong=[
            (
                lambda: ExtractLayer(Input=3, Position=(4, 2)),
                "Input: 1 axis where at least 2 axes are wanted\n  (3,): ExtractLayer was given Input=3",
            ),
            (
                lambda: ExtractLayer(Position=(4, "Varying")),
                "ExtractLayer: the number of positions in a place cannot vary\n"
                '  Varying: ExtractLayer was given Position=(4, "Varying")',
            ),
            (lambda: ExtractLayer(2), "ExtractLayer takes no positional arguments, got 1"),
        ],
    ),
    Row(
        ExtractLayer(), {"Input": (3, 2), "Position": Integer(3)}, (2,),
        reference=extracted,
        varying={"Input": ("Varying", "Varying"), "Position": Integer(3)}, shortest=3,
    ),
    Row(
        ExtractLayer(), {"Input": (3, 4, 2), "Position": (2, 2, 2, Integer(3))}, (2, 2, 2),
        reference=extracted,
        varying={"Input": ("Varying", "Varying", "Varying"), "Position": ("Varying", 2, 2, Integer(3))}, shortest=3,
    ),
    Row(ExtractLayer(Position="Integer"), {"Input": (3,), "Position": Integer(3)}, (), vectors=[({"Input": [5, 6, 7], "Position": -2}, 6)]),
]  # fmt: skip
