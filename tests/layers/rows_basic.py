"""Rows of the basic layers."""

import numpy as np

from netgraph import Automatic, LinearLayer, NetArray, NetChain, SoftmaxLayer
from tests.layers.harness import Row


def linear(pick):
    inputs, outputs = (tuple(pick(1, 4) for _ in range(pick(0, 3))) for _ in range(2))
    biases = {"Biases": None} if pick(0, 1) else {}
    return LinearLayer(outputs, **biases), {"Input": inputs}


def softmax(pick):
    rank = pick(1, 4)
    return SoftmaxLayer(pick(-rank, rank - 1)), {"Input": tuple(pick(1, 4) for _ in range(rank))}


def normalised(axis):
    def reference(x):
        e = np.exp(x - x.max(axis, keepdims=True))
        return e / e.sum(axis, keepdims=True)

    return reference


def mapped(shape):
    return lambda x, Weights, Biases=0.0: (Weights @ x.reshape(-1) + Biases).reshape(shape)


W, B = [[1, 2], [3, 4]], [10, 20]

ROWS = [
    Row(
        LinearLayer(4), {"Input": (3,)}, (4,), {"Weights": (4, 3), "Biases": (4,)},
        reference=mapped(4),
        solves=[({"Input": 3}, {"Output": 4}), ({}, {"Output": 4})],
        draw=linear,
        wrong=[
            (lambda: LinearLayer(0), "LinearLayer: OutputDimensions wants a size, a tuple of sizes or Automatic, got 0"),
            (lambda: LinearLayer(2.0), "LinearLayer: OutputDimensions wants a size, a tuple of sizes or Automatic, got 2.0"),
            (lambda: LinearLayer(True), "LinearLayer: OutputDimensions wants a size, a tuple of sizes or Automatic, got True"),
            (lambda: LinearLayer(2, Weights=None), "LinearLayer: Weights cannot be left out, it has no None"),
            (
                lambda: LinearLayer(2, Weights=W, Input=3),
                "LinearLayer: the number of elements of (3,) is 2 on one side and 3 on the other\n"
                "  2: Weights was given an array of shape (2, 2)\n"
                "  3: LinearLayer was given Input=3",
            ),
            (
                lambda: NetChain([LinearLayer(3), LinearLayer(4, Input=5)]),
                "0/Output -> 1/Input: the length is 3 on one side and 5 on the other\n"
                "  3: 0 is LinearLayer(3)\n"
                "  5: 1 was given Input=5",
            ),
        ],
    ),
    Row(
        LinearLayer(2, Weights=W, Biases=B), {"Input": (2,)}, (2,), {"Weights": (2, 2), "Biases": (2,)},
        solves=[({}, {"Input": 2})],
        vectors=[([1, -1], [9, 19])],
        evaluable=False,
    ),
    Row(LinearLayer(Output=2), {"Input": (3,)}, (2,), {"Weights": (2, 3), "Biases": (2,)}, reference=mapped(2)),
    Row(LinearLayer((2, 3)), {"Input": (4, 2)}, (2, 3), {"Weights": (6, 8), "Biases": (6,)}, reference=mapped((2, 3))),
    Row(LinearLayer(()), {"Input": (4,)}, (), {"Weights": (1, 4), "Biases": (1,)}, reference=mapped(())),
    Row(LinearLayer(3, Biases=None), {"Input": ()}, (3,), {"Weights": (3, 1)}, reference=mapped(3)),
    Row(
        LinearLayer(3, Weights=NetArray("w")), {"Input": (2,)}, (3,), {"Weights": (3, 2), "Biases": (3,)},
        solves=[({"Input": (Automatic,)}, {"Output": 3})],
    ),
    Row(
        SoftmaxLayer(), {"Input": (2, 3)}, (2, 3),
        reference=normalised(-1),
        solves=[({"Output": (2, 3)}, {"Input": (2, 3)})],
        draw=softmax,
        varying={"Input": ("Varying", "Varying")},
        vectors=[([1, 2, 3], [0.0900306, 0.2447285, 0.6652410]), ([1000, 1000], [0.5, 0.5])],
        wrong=[
            (
                lambda: SoftmaxLayer(2, Input=(3, 4)),
                "SoftmaxLayer: there is no level 2 in (3, 4)\n"
                "  (3, 4): SoftmaxLayer was given Input=(3, 4)",
            ),
            (lambda: SoftmaxLayer(Input="Real"), "SoftmaxLayer: there is no level -1 in ()\n"
                '  (): SoftmaxLayer was given Input="Real"'),
            (lambda: SoftmaxLayer(None), "SoftmaxLayer: Level wants a level, counted from 0 or, negative, from the end, got None"),
        ],
    ),
    Row(
        SoftmaxLayer(0), {"Input": (2, 2)}, (2, 2),
        reference=normalised(0),
        varying={"Input": ("Varying", 2)},
        vectors=[([[1, 2], [3, 5]], [[0.1192029, 0.0474259], [0.8807971, 0.9525741]])],
    ),
]  # fmt: skip
