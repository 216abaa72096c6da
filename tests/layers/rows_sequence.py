"""Rows of the layers for sequences and classes."""

import math

import numpy as np

from netgraph import (
    Automatic,
    EmbeddingLayer,
    Integer,
    NetChain,
    PositionLayer,
    SequenceIndicesLayer,
    SequenceLastLayer,
    SequenceMostLayer,
    SequenceRestLayer,
    SequenceReverseLayer,
    UnitVectorLayer,
)
from tests.layers.harness import Row


def unit_vectors(pick):
    n = pick(1, 5)
    return UnitVectorLayer(n), {"Input": (*(pick(1, 4) for _ in range(pick(0, 3))), Integer(n))}


def embedding(pick):
    n = pick(1, 5)
    return EmbeddingLayer(pick(1, 4), n if pick(0, 1) else Automatic), {"Input": (*(pick(1, 4) for _ in range(pick(0, 3))), Integer(n))}


def sequence(cls, least=1):
    return lambda pick: (cls(), {"Input": (pick(least, 5), *(pick(1, 3) for _ in range(pick(0, 2))))})


def indices(pick):
    return SequenceIndicesLayer(Maximum=pick(1, 6) if pick(0, 1) else Automatic), {"Input": (pick(1, 5), 2)}


def position(pick):
    return PositionLayer(pick(0, 2), Maximum=pick(1, 5)), {"Input": (*(pick(1, 3) for _ in range(pick(0, 2))), Integer(9))}


def looked_up(x, Weights):
    return Weights[x]


PAIRS = [[1, 2], [3, 4], [5, 6]]

ROWS = [
    Row(
        UnitVectorLayer(3), {"Input": (4, Integer(3))}, (4, 3, "Real"),
        reference=lambda x: np.eye(3)[x],
        solves=[({"Output": (Automatic, 3)}, {"Input": (Automatic,)}), ({"Input": Integer(3)}, {"Output": 3})],
        draw=unit_vectors,
        varying={"Input": ("Varying", Integer(3))},
        vectors=[(1, [0, 1, 0]), ([[0, 2], [1, 1]], [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 1, 0]]])],
        differentiable=False,
        wrong=[
            (lambda: UnitVectorLayer(0), "UnitVectorLayer: ClassCount wants a whole number from 1 or Automatic, got 0"),
            (lambda: UnitVectorLayer(3)(3), "Input: wants integers from 0 to 2, got 3"),
            (lambda: UnitVectorLayer(3)([0.5]), "Input: wants whole numbers, got 0.5 at [0]"),
            (
                lambda: UnitVectorLayer(3, Input=Integer(4)),
                "Input: the number of classes is 4 on one side and 3 on the other\n"
                "  4: UnitVectorLayer was given Input=Integer(4)\n"
                "  3: UnitVectorLayer(3, Input=Integer(4))",
            ),
            (
                lambda: UnitVectorLayer(Input=(2, "Real")),
                "Input: real values on one side and integer values on the other\n"
                '  real: UnitVectorLayer was given Input=(2, "Real")\n'
                '  integer: UnitVectorLayer(Input=(2, "Real"))',
            ),
        ],
    ),
    Row(
        UnitVectorLayer(), {"Input": (2, 2, Integer(5))}, (2, 2, 5, "Real"),
        reference=lambda x: np.eye(5)[x],
        solves=[({"Output": (2, 7)}, {"Input": 2})],
        varying={"Input": ("Varying", "Varying", Integer(5))},
        differentiable=False,
    ),
    Row(UnitVectorLayer(2), {"Input": Integer(2)}, (2, "Real"), reference=lambda x: np.eye(2)[x], differentiable=False),
    Row(
        EmbeddingLayer(2, 3), {"Input": (4, Integer(3))}, (4, 2, "Real"), {"Weights": (3, 2)},
        reference=looked_up,
        solves=[({"Output": (6, 2)}, {"Input": 6}), ({"Input": Integer(3)}, {"Output": 2})],
        draw=embedding,
        varying={"Input": ("Varying", Integer(3))},
        wrong=[
            (lambda: EmbeddingLayer(0), "EmbeddingLayer: Size wants a whole number from 1 or Automatic, got 0"),
            (lambda: EmbeddingLayer(2, 3.0), "EmbeddingLayer: ClassCount wants a whole number from 1 or Automatic, got 3.0"),
            (lambda: EmbeddingLayer(2, Weights=PAIRS)([1, 3]), "Input: wants integers from 0 to 2, got 3 at [1]"),
            (lambda: EmbeddingLayer(2, Weights=PAIRS)(-1), "Input: wants integers from 0 to 2, got -1"),
            (
                lambda: EmbeddingLayer(3, Weights=PAIRS),
                "Weights: axis 1 is 3 on one side and 2 on the other\n"
                "  3: EmbeddingLayer(3, Weights=<array of shape (3, 2)>)\n"
                "  2: Weights was given an array of shape (3, 2)",
            ),
            (
                lambda: EmbeddingLayer(Output=("Varying", "Varying")),
                "EmbeddingLayer: the size of the vectors cannot vary\n"
                '  Varying: EmbeddingLayer was given Output=("Varying", "Varying")',
            ),
            (
                lambda: NetChain([EmbeddingLayer(2, 3), EmbeddingLayer(2, 3)]),
                "0/Output -> 1/Input: real values on one side and integer values on the other\n"
                "  real: 0 is EmbeddingLayer(2, 3)\n"
                "  integer: 1 is EmbeddingLayer(2, 3)",
            ),
            (
                lambda: NetChain([SequenceIndicesLayer(Maximum=4), EmbeddingLayer(2, 3)]),
                "0/Output -> 1/Input: the number of classes is 4 on one side and 3 on the other\n"
                "  4: 0 is SequenceIndicesLayer(Maximum=4)\n"
                "  3: 1 is EmbeddingLayer(2, 3)",
            ),
        ],
    ),
    Row(
        EmbeddingLayer(2, Weights=PAIRS), {"Input": Integer(3)}, (2, "Real"), {"Weights": (3, 2)},
        reference=looked_up,
        vectors=[(1, [3, 4]), ([2, 0], [[5, 6], [1, 2]]), ([[1], [1]], [[[3, 4]], [[3, 4]]])],
        evaluable=False,
    ),
    Row(
        EmbeddingLayer(2), {"Input": (2, 2, Integer(5))}, (2, 2, 2, "Real"), {"Weights": (5, 2)},
        reference=looked_up,
        varying={"Input": ("Varying", "Varying", Integer(5))},
    ),
    Row(
        SequenceLastLayer(), {"Input": (3, 2)}, (2,),
        reference=lambda x: x[-1],
        solves=[({"Output": (4, 2)}, {"Input": (Automatic, 4, 2)}), ({"Input": (3, Automatic), "Output": 5}, {"Input": (3, 5)})],
        draw=sequence(SequenceLastLayer),
        varying={"Input": ("Varying", 2)},
        vectors=[(PAIRS, [5, 6])],
        wrong=[
            (
                lambda: SequenceLastLayer(Input="Real"),
                'Input: no axis where at least 1 axis is wanted\n  (): SequenceLastLayer was given Input="Real"',
            ),
            (lambda: SequenceLastLayer(1), "SequenceLastLayer takes no positional arguments, got 1"),
            (
                lambda: SequenceLastLayer(Input="Varying")([[1, 2], []]),
                "SequenceLastLayer wants at least 1 element, of example 1 of Input it would get 0",
            ),
        ],
    ),
    Row(SequenceLastLayer(), {"Input": (3,)}, (), reference=lambda x: x[-1], varying={"Input": ("Varying",)}),
    Row(SequenceLastLayer(), {"Input": (3, 2, 4)}, (2, 4), reference=lambda x: x[-1], varying={"Input": ("Varying", "Varying", 4)}),
    Row(
        SequenceLastLayer(), {"Input": (3, Integer(4))}, Integer(4),
        reference=lambda x: x[-1],
        varying={"Input": ("Varying", Integer(4))},
        differentiable=False,
    ),
    Row(
        SequenceMostLayer(), {"Input": (3, 2)}, (2, 2),
        reference=lambda x: x[:-1],
        solves=[({"Output": (3, 2)}, {"Input": (4, 2)})],
        draw=sequence(SequenceMostLayer, 2),
        varying={"Input": ("Varying", 2)},
        vectors=[(PAIRS, PAIRS[:2])],
        wrong=[
            (
                lambda: SequenceMostLayer(Input=(1, 2)),
                "SequenceMostLayer: the length would be 1 - 1 = 0\n  1: SequenceMostLayer was given Input=(1, 2)",
            ),
            (
                lambda: NetChain([SequenceMostLayer(), SequenceMostLayer()], Input="Varying")([[1, 2, 3], [4, 5]]),
                "1 wants at least 2 elements, of example 1 of Input it would get 1",
            ),
        ],
    ),
    Row(
        SequenceMostLayer(), {"Input": (3, Integer(4))}, (2, Integer(4)),
        reference=lambda x: x[:-1],
        varying={"Input": ("Varying", "Varying", Integer(4))},
        differentiable=False,
    ),
    Row(
        SequenceRestLayer(), {"Input": (3, 2)}, (2, 2),
        reference=lambda x: x[1:],
        solves=[({"Output": (3, 2)}, {"Input": (4, 2)})],
        draw=sequence(SequenceRestLayer, 2),
        varying={"Input": ("Varying", "Varying")},
        vectors=[(PAIRS, PAIRS[1:])],
        wrong=[
            (
                lambda: SequenceRestLayer(Input=1),
                "SequenceRestLayer: the length would be 1 - 1 = 0\n  1: SequenceRestLayer was given Input=1",
            ),
            (
                lambda: SequenceRestLayer(Input="Varying")([1]),
                "SequenceRestLayer wants at least 2 elements, of example 0 of Input it would get 1",
            ),
        ],
    ),
    Row(SequenceRestLayer(), {"Input": (4,)}, (3,), reference=lambda x: x[1:], varying={"Input": ("Varying",)}),
    Row(
        SequenceReverseLayer(), {"Input": (3, 2)}, (3, 2),
        reference=lambda x: x[::-1],
        solves=[({"Output": (3, 2)}, {"Input": (3, 2)}), ({"Input": (3, Automatic), "Output": (Automatic, 2)}, {"Output": (3, 2)})],
        draw=sequence(SequenceReverseLayer),
        varying={"Input": ("Varying", 2)},
        vectors=[(PAIRS, PAIRS[::-1])],
        wrong=[
            (
                lambda: SequenceReverseLayer(Input="Real"),
                'Input: no axis where at least 1 axis is wanted\n  (): SequenceReverseLayer was given Input="Real"',
            )
        ],
    ),
    Row(SequenceReverseLayer(), {"Input": (3,)}, (3,), reference=lambda x: x[::-1], varying={"Input": ("Varying",)}),
    Row(
        SequenceReverseLayer(), {"Input": (3, 2, Integer(4))}, (3, 2, Integer(4)),
        reference=lambda x: x[::-1],
        varying={"Input": ("Varying", "Varying", Integer(4))},
        differentiable=False,
    ),
    Row(
        SequenceIndicesLayer(), {"Input": (5,)}, (5, Integer(5)),
        reference=lambda x: np.arange(5),
        solves=[({"Output": 5, "Input": (Automatic, 3)}, {"Input": (5, 3)}), ({"Input": (5, 2)}, {"Output": 5})],
        draw=indices,
        varying={"Input": ("Varying",)},
        vectors=[([9, 9, 9], [0, 1, 2])],
        differentiable=False,
        wrong=[
            (
                lambda: SequenceIndicesLayer(Maximum=0),
                "SequenceIndicesLayer: Maximum wants a whole number from 1, math.inf or Automatic, got 0",
            ),
            (lambda: SequenceIndicesLayer(3), "SequenceIndicesLayer takes no positional arguments, got 1"),
        ],
    ),
    Row(
        PositionLayer(2), {"Input": (4, Integer(9))}, (4, "Integer"),
        reference=lambda x: x + 2,
        varying={"Input": ("Varying", Integer(9))},
        vectors=[(3, 5), ([0, 7], [2, 9])],
        differentiable=False,
        wrong=[
            (lambda: PositionLayer(-1), "PositionLayer: Steps wants a whole number from 0, got -1"),
            (lambda: PositionLayer(Maximum=0), "PositionLayer: Maximum wants a whole number from 1, math.inf or Automatic, got 0"),
        ],
    ),
    Row(
        PositionLayer(Maximum=5), {"Input": Integer(9)}, Integer(5),
        reference=lambda x: np.minimum(x, 4),
        draw=position,
        vectors=[(7, 4), ([2, 5], [2, 4])],
        differentiable=False,
    ),
    Row(
        SequenceIndicesLayer(Maximum=3), {"Input": (5, 2)}, (5, Integer(3)),
        reference=lambda x: np.minimum(np.arange(5), 2),
        varying={"Input": ("Varying", 2)},
        vectors=[([0.5] * 5, [0, 1, 2, 2, 2])],
        differentiable=False,
    ),
    Row(SequenceIndicesLayer(Maximum=math.inf), {"Input": (2, 3)}, (2, Integer(2)), reference=lambda x: np.arange(2), differentiable=False),
]  # fmt: skip
