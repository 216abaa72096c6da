"""Rows of the loss layers."""

import numpy as np

from netgraph import (
    Automatic,
    ContrastiveLossLayer,
    CrossEntropyLossLayer,
    Integer,
    MeanAbsoluteLossLayer,
    MeanSquaredLossLayer,
    NetGraph,
)
from tests.layers.harness import Row


def equal_shapes(cls):
    def draw(pick):
        shape = tuple(pick(1, 4) for _ in range(pick(0, 3)))
        return cls(), {"Input": shape, "Target": shape}

    return draw


def index(pick):
    lead, classes = tuple(pick(1, 4) for _ in range(pick(0, 2))), pick(1, 5)
    return CrossEntropyLossLayer("Index"), {"Input": (*lead, classes)}


def index_reference(x, t):
    return -np.log(np.take_along_axis(x, t[..., None], -1)).mean()


def binary_reference(x, t):
    return -(t * np.log(x) + (1 - t) * np.log(1 - x)).mean()


INSIDE = (0.05, 0.95)

ROWS = [
    Row(
        MeanSquaredLossLayer(), {"Input": (2, 3), "Target": (2, 3)}, (),
        reference=lambda x, t: ((x - t) ** 2).mean(),
        solves=[({"Input": (2, 3)}, {"Target": (2, 3), "Loss": ()}), ({"Target": ()}, {"Input": ()})],
        draw=equal_shapes(MeanSquaredLossLayer),
        varying={"Input": ("Varying", 2), "Target": ("Varying", 2)},
        vectors=[({"Input": [1, 2, 3], "Target": [1, 0, 6]}, 4.3333333), ({"Input": [1, 2], "Target": [1, 4]}, 2)],
        wrong=[
            (
                lambda: MeanSquaredLossLayer(Input=3, Target=4),
                "Target: the length is 4 on one side and 3 on the other\n"
                "  4: MeanSquaredLossLayer was given Target=4\n"
                "  3: MeanSquaredLossLayer was given Input=3",
            ),
            (lambda: MeanSquaredLossLayer(1), "MeanSquaredLossLayer takes no positional arguments, got 1"),
        ],
    ),
    Row(MeanSquaredLossLayer(), {"Input": (), "Target": ()}, (), reference=lambda x, t: (x - t) ** 2),
    Row(
        MeanAbsoluteLossLayer(), {"Input": (4,), "Target": (4,)}, (),
        reference=lambda x, t: abs(x - t).mean(),
        solves=[({"Target": (Automatic, 3), "Input": (2, Automatic)}, {"Input": (2, 3), "Target": (2, 3)})],
        draw=equal_shapes(MeanAbsoluteLossLayer),
        varying={"Input": ("Varying", "Varying"), "Target": ("Varying", "Varying")},
        vectors=[({"Input": [1, 2, 3], "Target": [1, 0, 6]}, 1.6666667)],
        wrong=[
            (
                lambda: MeanAbsoluteLossLayer(Input=3, Target="Real"),
                "Target: no axis on one side and 1 axis on the other\n"
                '  (): MeanAbsoluteLossLayer was given Target="Real"\n'
                "  (3,): MeanAbsoluteLossLayer was given Input=3",
            )
        ],
    ),
    Row(
        CrossEntropyLossLayer("Index"), {"Input": (3,), "Target": Integer(3)}, (),
        reference=index_reference,
        solves=[
            ({"Input": (2, 5)}, {"Target": (2,)}),
            ({"Target": (2, Integer(5))}, {"Input": (2, 5)}),
            ({"Target": Integer(5)}, {"Input": (5,)}),
        ],
        draw=index,
        domain=INSIDE,
        vectors=[
            ({"Input": [0.2, 0.5, 0.3], "Target": 1}, 0.6931472),
            ({"Input": [0.0, 1.0], "Target": 0}, 69.07755),
            ({"Input": [[0.2, 0.5, 0.3], [1, 0, 0]], "Target": [1, 0]}, 0.6931472 / 2),
        ],
        wrong=[
            (lambda: CrossEntropyLossLayer(), "CrossEntropyLossLayer wants TargetForm, its argument 0"),
            (
                lambda: CrossEntropyLossLayer("Indices"),
                'CrossEntropyLossLayer: TargetForm wants "Index" or "Probabilities" or "Binary", got \'Indices\'',
            ),
            (
                lambda: CrossEntropyLossLayer("Index", Input="Real"),
                "CrossEntropyLossLayer: no axis where at least 1 axis is wanted\n"
                '  (): CrossEntropyLossLayer was given Input="Real"',
            ),
            (
                lambda: CrossEntropyLossLayer("Index", Target="Boolean"),
                "Target: boolean values on one side and integer values on the other\n"
                '  boolean: CrossEntropyLossLayer was given Target="Boolean"\n'
                "  integer: CrossEntropyLossLayer(\"Index\", Target=\"Boolean\")",
            ),
            (
                lambda: CrossEntropyLossLayer("Index", Input=3, Target=Integer(4)),
                "CrossEntropyLossLayer: axis 0 is 3 on one side and 4 on the other\n"
                "  3: CrossEntropyLossLayer was given Input=3\n"
                "  4: CrossEntropyLossLayer was given Target=Integer(4)",
            ),
        ],
    ),
    Row(
        CrossEntropyLossLayer("Index"), {"Input": (2, 2, 3), "Target": (2, 2, Integer(3))}, (),
        reference=index_reference,
        domain=INSIDE,
        varying={"Input": ("Varying", 2, 3), "Target": ("Varying", 2, Integer(3))},
    ),
    Row(
        CrossEntropyLossLayer("Index", Input=3), {"Input": (3,), "Target": Integer(3)}, (),
        reference=index_reference,
        domain=INSIDE,
        vectors=[({"Input": [[0.2, 0.5, 0.3], [1, 0, 0]], "Target": [1, 0]}, [0.6931472, 0])],
    ),
    Row(
        CrossEntropyLossLayer("Probabilities"), {"Input": (2, 3), "Target": (2, 3)}, (),
        reference=lambda x, t: -(t * np.log(x)).sum(-1).mean(),
        solves=[({"Target": (2, 5)}, {"Input": (2, 5)})],
        domain=INSIDE,
        varying={"Input": ("Varying", 3), "Target": ("Varying", 3)},
        vectors=[({"Input": [0.2, 0.5, 0.3], "Target": [0.1, 0.7, 0.2]}, 0.8869414)],
    ),
    Row(
        CrossEntropyLossLayer("Binary"), {"Input": (2, 3), "Target": (2, 3)}, (),
        reference=binary_reference,
        solves=[({"Input": ()}, {"Target": ()})],
        domain=INSIDE,
        varying={"Input": ("Varying", 3), "Target": ("Varying", 3)},
        vectors=[({"Input": [0.8, 0.8, 0.8], "Target": [1, 0, 0.3]}, (0.2231436 + 1.6094379 + 1.1935496) / 3)],
    ),
    Row(
        CrossEntropyLossLayer("Binary", Input="Real"), {"Input": (), "Target": ()}, (),
        reference=binary_reference,
        domain=INSIDE,
        vectors=[
            ({"Input": 0.8, "Target": 1}, 0.2231436),
            ({"Input": 0.8, "Target": False}, 1.6094379),
            ({"Input": 0.8, "Target": 0.3}, 1.1935496),
            ({"Input": [0.8, 1.0], "Target": [True, True]}, [0.2231436, 0]),
        ],
    ),
    Row(
        ContrastiveLossLayer(1.5), {"Input": (), "Target": "Boolean"}, (),
        reference=lambda d, t: np.maximum(1.5 - d, 0) if t else d,
        solves=[({}, {"Input": (), "Target": (), "Loss": ()})],
        draw=lambda pick: (ContrastiveLossLayer(), {}),
        domain=(0.0, 2.0),
        vectors=[
            ({"Input": 0.1, "Target": True}, 1.4),
            ({"Input": 1.1, "Target": True}, 0.4),
            ({"Input": 1.6, "Target": True}, 0),
            ({"Input": 0.1, "Target": False}, 0.1),
            ({"Input": [1.1, 1.6, 0.1], "Target": [True, True, False]}, [0.4, 0, 0.1]),
        ],
        wrong=[
            (
                lambda: ContrastiveLossLayer(Input=1),
                "Input: 1 axis on one side and no axis on the other\n"
                "  (1,): ContrastiveLossLayer was given Input=1\n"
                "  (): ContrastiveLossLayer(Input=1)",
            ),
            (lambda: ContrastiveLossLayer(-1), "ContrastiveLossLayer: Margin wants a number from 0, got -1"),
            (
                lambda: NetGraph({"l": ContrastiveLossLayer()}, ["t -> l/Target"], t="Real"),
                "t: real values on one side and boolean values on the other\n"
                '  real: NetGraph was given t="Real"\n'
                "  boolean: l is ContrastiveLossLayer()",
            ),
        ],
    ),
    Row(
        ContrastiveLossLayer(), {"Input": (), "Target": "Boolean"}, (),
        reference=lambda d, t: np.maximum(0.5 - d, 0) if t else d,
        vectors=[
            ({"Input": 0.1, "Target": True}, 0.4),
            ({"Input": 0.6, "Target": True}, 0),
            ({"Input": 0.1, "Target": False}, 0.1),
            ({"Input": 0.2, "Target": True}, 0.3),
            ({"Input": 0.7, "Target": False}, 0.7),
        ],
    ),
]  # fmt: skip
