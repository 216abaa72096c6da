"""Rows of the operators. What the table cannot say is in tests/nets."""

from itertools import pairwise

import numpy as np

from netgraph import (
    BatchNormalizationLayer,
    CatenateLayer,
    DropoutLayer,
    FunctionLayer,
    LinearLayer,
    NetBidirectionalOperator,
    NetChain,
    NetFoldOperator,
    NetGraph,
    NetMapOperator,
    NetMapThreadOperator,
    NetNestOperator,
    NetPairEmbeddingOperator,
    NetPort,
    PartLayer,
    Plus,
    SequenceLastLayer,
    SoftmaxLayer,
    SummationLayer,
    Tanh,
    Times,
)
from tests.layers.harness import Row

IN, STATE = NetPort("Input"), NetPort("State")
RUNNING = FunctionLayer(lambda Input, State: Input + State)


def cell(units, *between):
    """A recurrent cell: tanh(W (input, state) + b), with what stands before the tanh."""
    layers = {"cat": CatenateLayer(), "linear": LinearLayer(units), **{f"b{i}": layer for i, layer in enumerate(between)}, "tanh": Tanh}
    names = list(layers)
    return NetGraph(layers, [((IN, STATE), "cat"), *pairwise(names)])


def sums(x, **_):
    return np.cumsum(x, 0)


def recurrent(x, prefix="Net/linear", **arrays):
    weights, biases = arrays[f"{prefix}/Weights"], arrays[f"{prefix}/Biases"]
    state, states = np.zeros(len(biases)), []
    for row in x:
        state = np.tanh(weights @ np.concatenate((row, state)) + biases)
        states.append(state)
    return np.array(states)


def both_ways(x, **arrays):
    there, back = (recurrent(y, f"{name}/Net/linear", **arrays) for name, y in (("ForwardNet", x), ("BackwardNet", x[::-1])))
    return np.concatenate((there, back[::-1]), 1)


def normalised(x, **arrays):
    state, states = np.zeros(3), []
    for row in x:
        y = arrays["Net/linear/Weights"] @ np.concatenate((row, state)) + arrays["Net/linear/Biases"]
        mean, variance = arrays["Net/b0/MovingMean"], arrays["Net/b0/MovingVariance"]
        y = (y - mean) / np.sqrt(variance + 0.001) * arrays["Net/b0/Scaling"] + arrays["Net/b0/Biases"]
        state = np.tanh(y)
        states.append(state)
    return np.array(states)


def attended(x, **arrays):
    """The running sum of matrices, each through a softmax over its first level."""
    state, states = np.zeros_like(x[0]), []
    for matrix in x:
        e = np.exp(matrix + state)
        state = e / e.sum(0)
        states.append(state)
    return np.array(states)


LAST_SUM = {"fold": NetFoldOperator(RUNNING), "last": SequenceLastLayer(), "add": Plus}
NESTED = NetFoldOperator(NetGraph(LAST_SUM, ["Input -> fold -> last", (("last", STATE), "add")]))
SOFT = NetFoldOperator(NetGraph({"add": Plus, "soft": SoftmaxLayer(0)}, [((IN, STATE), "add"), "add -> soft"]))
PARTED = NetFoldOperator(
    NetGraph({"s": Plus, "c": Times}, [((IN, NetPort("sum")), "s"), (("s", NetPort("by")), "c"), ("s", NetPort("a")), ("c", NetPort("b"))]),
    [("a", "sum")],
    ["by"],
    ["b"],
)


def dense(x, prefix="Net/0", **arrays):
    return np.tanh(x @ arrays[f"{prefix}/Weights"].T + arrays[f"{prefix}/Biases"])


def distances(x, **arrays):
    a, b = dense(x, **arrays)
    return np.sqrt(((a - b) ** 2).sum())


DOT = FunctionLayer(lambda a, b: a @ b)

ROWS = [
    Row(
        NetMapOperator([3, Tanh]),
        {"Input": (4, 2)},
        (4, 3),
        reference=dense,
        solves=[({"Input": (4, 2)}, {"Output": (4, 3)}), ({"Output": (5, 3)}, {"Output": (5, 3)})],
        draw=lambda pick: (NetMapOperator([pick(1, 4), Tanh]), {"Input": (pick(1, 5), pick(1, 4))}),
        varying={"Input": ("Varying", 2)},
    ),
    Row(
        NetMapOperator(NetMapOperator([3, Tanh])),
        {"Input": (4, 2, 2)},
        (4, 2, 3),
        reference=lambda x, **a: dense(x, "Net/Net/0", **a),
        varying={"Input": ("Varying", "Varying", 2)},
    ),
    Row(
        NetMapOperator(SoftmaxLayer()),
        {"Input": (4, 3)},
        (4, 3),
        reference=lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True),
        varying={"Input": ("Varying", "Varying")},
    ),
    Row(
        NetMapThreadOperator(DOT, {"a": 1, "b": 0}),
        {"a": (4, 3), "b": (3,)},
        (4,),
        reference=lambda a, b: a @ b,
        draw=lambda pick: (NetMapThreadOperator(DOT), dict.fromkeys("ab", (pick(1, 4), pick(1, 4)))),
        varying={"a": ("Varying", 3), "b": (3,)},
        vectors=[({"a": [[1, 2], [3, 4]], "b": [5, 6]}, [17, 39])],
        evaluable=False,
    ),
    Row(
        NetNestOperator([2, Tanh], 3),
        {"Input": (2,)},
        (2,),
        reference=lambda x, **a: dense(dense(dense(x, **a), **a), **a),
        solves=[({"Input": (2,)}, {"Output": (2,)}), ({"Output": (2,)}, {"Input": (2,)})],
        draw=lambda pick: ((n := pick(1, 4)) and NetNestOperator([n, Tanh], pick(1, 3)), {"Input": (n,)}),
    ),
    Row(
        NetPairEmbeddingOperator([3, Tanh]),
        {"Input": (2, 4)},
        (),
        reference=distances,
        draw=lambda pick: (NetPairEmbeddingOperator([pick(1, 4), Tanh]), {"Input": (2, pick(1, 4))}),
    ),
    Row(
        NetPairEmbeddingOperator([3, Tanh, SummationLayer()], DistanceFunction="EuclideanDistance"),
        {"Input": (2, 4)},
        (),
        reference=lambda x, **a: abs(np.subtract(*dense(x, **a).sum(1))),
    ),
    Row(
        NetFoldOperator(RUNNING),
        {"Input": (4, 2)},
        (4, 2),
        reference=sums,
        varying={"Input": ("Varying", 2)},
        vectors=[([1, 2, 3, 4], [1, 3, 6, 10]), ([[1, 2], [3, 4]], [[1, 2], [4, 6]])],
        evaluable=False,
    ),
    Row(
        NetFoldOperator(cell(3)),
        {"Input": (4, 2)},
        (4, 3),
        reference=recurrent,
        solves=[({"Input": (4, 2)}, {"Output": (4, 3)}), ({"Output": (5, 3)}, {"Output": (5, 3)})],
        draw=lambda pick: (NetFoldOperator(cell(pick(1, 4))), {"Input": (pick(1, 5), pick(1, 4))}),
        varying={"Input": ("Varying", 2)},
    ),
    Row(NetFoldOperator(cell(3, BatchNormalizationLayer())), {"Input": (4, 2)}, (4, 3), reference=normalised),
    Row(NetFoldOperator(cell(3, DropoutLayer(0.5))), {"Input": (4, 2)}, (4, 3), reference=recurrent, varying={"Input": ("Varying", 2)}),
    Row(
        PARTED,
        {"Input": (4, 2), "by": (2,)},
        (4, 2),
        reference=lambda x, by, **_: np.cumsum(x, 0) * by,
        varying={"Input": ("Varying", 2), "by": (2,)},
    ),
    Row(NESTED, {"Input": (4, 3)}, (4,), reference=lambda x, **_: np.cumsum(x.sum(1)), varying={"Input": ("Varying", 3)}, evaluable=False),
    Row(NESTED, {"Input": (4, 3, 2)}, (4, 2), reference=lambda x, **_: np.cumsum(x.sum(1), 0), evaluable=False),
    Row(SOFT, {"Input": (4, 3)}, (4, 3), reference=attended, varying={"Input": ("Varying", 3)}),
    Row(SOFT, {"Input": (2, 4, 2)}, (2, 4, 2), reference=attended, varying={"Input": ("Varying", "Varying", 2)}),
    Row(
        NetFoldOperator(NetGraph({"m": NetMapOperator([2, Tanh]), "add": Plus}, ["Input -> m", (("m", STATE), "add")])),
        {"Input": (4, 3, 2)},
        (4, 3, 2),
        reference=lambda x, **a: np.cumsum(np.tanh(x @ a["Net/m/Net/0/Weights"].T + a["Net/m/Net/0/Biases"]), 0),
        varying={"Input": ("Varying", "Varying", 2)},
    ),
    Row(
        NetBidirectionalOperator(NetFoldOperator(cell(3))),
        {"Input": (4, 2)},
        (4, 6),
        reference=both_ways,
        draw=lambda pick: (
            NetBidirectionalOperator([NetFoldOperator(cell(pick(1, 4))), NetFoldOperator(cell(pick(1, 4)))]),
            {"Input": (pick(1, 5), pick(1, 4))},
        ),
        varying={"Input": ("Varying", 2)},
    ),
    Row(
        NetBidirectionalOperator(NetFoldOperator(RUNNING), "Total"),
        {"Input": (4, 2)},
        (4, 2),
        reference=lambda x, **_: np.cumsum(x, 0) + np.cumsum(x[::-1], 0)[::-1],
        varying={"Input": ("Varying", 2)},
        vectors=[([[1], [2], [3]], [[7], [8], [9]])],
        evaluable=False,
    ),
    Row(
        NetBidirectionalOperator(NetFoldOperator(RUNNING), "Mean"),
        {"Input": (4,)},
        (4,),
        reference=lambda x, **_: (np.cumsum(x, 0) + np.cumsum(x[::-1], 0)[::-1]) / 2,
        varying={"Input": ("Varying",)},
        vectors=[([[1], [2], [3]], [[3.5], [4], [4.5]])],
        evaluable=False,
    ),
    Row(
        NetBidirectionalOperator(NetFoldOperator(RUNNING)),
        {"Input": (4,)},
        (4, 2),
        reference=lambda x, **_: np.stack((np.cumsum(x, 0), np.cumsum(x[::-1], 0)[::-1]), 1),
        varying={"Input": ("Varying",)},
        vectors=[([[1], [2], [3]], [[1, 6], [3, 5], [6, 3]])],
        evaluable=False,
    ),
    Row(
        NetBidirectionalOperator([NetChain([NetFoldOperator(RUNNING), SequenceLastLayer()]), PartLayer(0)]),
        {"Input": (4, 2)},
        (4,),
        reference=lambda x, **_: np.concatenate((x.sum(0), x[-1])),
        evaluable=False,
    ),
]
