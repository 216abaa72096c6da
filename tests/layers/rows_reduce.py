"""Rows of the layers that sum, aggregate, multiply and order."""

import numpy as np

from netgraph import AggregationLayer, All, Automatic, DotLayer, NetChain, OrderingLayer, SummationLayer
from tests.layers.harness import Row

STATISTICS = {
    "Mean": np.mean,
    "Min": np.min,
    "Max": np.max,
    "Total": np.sum,
    "Times": np.prod,
    "Median": np.median,
    "Variance": lambda x, axis: np.var(x, axis, ddof=1),
    "StandardDeviation": lambda x, axis: np.std(x, axis, ddof=1),
    "MeanDeviation": lambda x, axis: np.mean(np.abs(x - np.mean(x, axis, keepdims=True)), axis),
    "InterquartileRange": lambda x, axis: np.subtract(*np.quantile(x, [0.75, 0.25], axis, method="hazen")),
}
"""The functions of AggregationLayer, in NumPy."""

COMPUTED = {
    "Mean": 3.5, "Min": 1, "Max": 7, "Total": 14, "Times": 56, "Median": 3, "Variance": 7, "StandardDeviation": 2.6457513,
    "MeanDeviation": 2, "InterquartileRange": 4,
}  # fmt: skip
"""Of 1, 2, 4 and 7."""


def over(name, *axes):
    return lambda x: STATISTICS[name](x, axis=axes)


def of_each(name):
    """Rows of one function of AggregationLayer: over all levels but the first, over one that varies, over several that vary."""
    return [
        Row(
            AggregationLayer(name), {"Input": (3, 4, 5)}, (3,),
            reference=over(name, 1, 2),
            draw=lambda pick: (AggregationLayer(name), {"Input": tuple(pick(1, 4) for _ in range(pick(2, 4)))}),
            varying={"Input": ("Varying", "Varying", 3)},
            vectors=[([[1, 2, 4, 7], [7, 1, 2, 4]], [COMPUTED[name]] * 2)],
        ),
        Row(
            AggregationLayer(name, 0), {"Input": (5, 2)}, (2,),
            reference=over(name, 0),
            solves=[({"Output": (3,)}, {"Input": (Automatic, 3)})],
            varying={"Input": ("Varying", 2)},
            vectors=[([1, 2, 4, 7], COMPUTED[name])],
        ),
        Row(
            AggregationLayer(name, [0, -1]), {"Input": (3, 2, 4)}, (2,),
            reference=over(name, 0, 2),
            varying={"Input": ("Varying", 2, "Varying")},
        ),
        Row(
            AggregationLayer(name, All), {"Input": (2, 3)}, (),
            reference=over(name, 0, 1),
            varying={"Input": ("Varying", 2)},
            vectors=[([1, 2, 4, 7], COMPUTED[name])],
        ),
    ]  # fmt: skip


def aggregate(pick):
    rank = pick(1, 4)
    level = pick(-rank, rank - 1)
    levels = [level, [level], [0, rank - 1] if rank > 1 else 0, slice(rank // 2, None), slice(None, None, 2), All]
    return AggregationLayer("Mean", levels[pick(0, 5)]), {"Input": tuple(pick(1, 4) for _ in range(rank))}


def dot(pick):
    a, b, c, d, e = (pick(1, 4) for _ in range(5))
    shapes = [((a,), (a,)), ((a, b), (b,)), ((a, b, c), (c, d)), ((a, b), (b, c, d)), ((a, b), (b, c), (c,)), ((a, b, c), (c, d, e), (e,))]
    chosen = shapes[pick(0, 5)]
    return DotLayer(InputPorts=len(chosen)), {str(i + 1): shape for i, shape in enumerate(chosen)}


def summed(*inputs):
    result = inputs[0]
    for x in inputs[1:]:
        result = np.tensordot(result, x, 1)
    return result


def ordered(pick):
    size = pick(1, 5)
    return OrderingLayer(pick(1, size) * (-1) ** pick(0, 1)), {"Input": (size,)}


ROWS = [
    Row(
        SummationLayer(), {"Input": (2, 3)}, (),
        reference=np.sum,
        draw=lambda pick: (SummationLayer(), {"Input": tuple(pick(1, 4) for _ in range(pick(0, 4)))}),
        varying={"Input": ("Varying", "Varying")},
        vectors=[([1, 2, 3, 4], 10)],
        wrong=[
            (
                lambda: SummationLayer(Input=3, Output=1),
                "Output: 1 axis on one side and no axis on the other\n"
                "  (1,): SummationLayer was given Output=1\n"
                "  (): SummationLayer(Input=3, Output=1)",
            ),
        ],
    ),
    Row(SummationLayer(), {"Input": ()}, (), reference=np.sum),
    Row(SummationLayer(), {"Input": (3,)}, (), reference=np.sum, varying={"Input": ("Varying", 3, "Varying")}),
    *(row for name in STATISTICS for row in of_each(name)),
    Row(
        AggregationLayer("Mean", slice(0, 2)), {"Input": (2, 3, 4)}, (4,),
        reference=over("Mean", 0, 1),
        draw=aggregate,
        varying={"Input": ("Varying", 3, 4)},
        wrong=[
            (
                lambda: AggregationLayer("Mode"),
                'AggregationLayer: Function wants "Mean" or "Min" or "Max" or "Total" or "Times" or "Median" or "Variance" or '
                '"StandardDeviation" or "MeanDeviation" or "InterquartileRange", got '
                "'Mode'",
            ),
            (lambda: AggregationLayer(), "AggregationLayer wants Function, its argument 0"),
            (
                lambda: AggregationLayer("Mean", 1.0),
                "AggregationLayer: Levels wants a level, a list of levels, a slice of levels or All, got 1.0",
            ),
            (
                lambda: AggregationLayer("Mean", Input=3),
                "AggregationLayer: Levels=slice(1, None, None) leaves no level to aggregate in an array of rank 1\n"
                "  (3,): AggregationLayer was given Input=3\n"
                '  try: AggregationLayer("Mean", All)',
            ),
            (
                lambda: AggregationLayer("Mean", 0, Input="Real"),
                "AggregationLayer: there is no level 0 in a number\n"
                '  (): AggregationLayer was given Input="Real"',
            ),
            (
                lambda: AggregationLayer("Mean", [0, 2], Input=(2, 3)),
                "AggregationLayer: there is no level 2 in an array of rank 2\n"
                "  (2, 3): AggregationLayer was given Input=(2, 3)",
            ),
            (
                lambda: AggregationLayer("Mean", [0, -2], Input=(2, 3)),
                "AggregationLayer: a level is listed twice for rank 2 in (0, -2)\n"
                "  (2, 3): AggregationLayer was given Input=(2, 3)",
            ),
            (
                lambda: NetChain([AggregationLayer("Max"), 3], Input="Varying"),
                "0: Levels=slice(1, None, None) leaves no level to aggregate in an array of rank 1\n"
                '  (Varying,): NetChain was given Input="Varying"\n'
                '  try: AggregationLayer("Max", All)',
            ),
        ],
    ),
    Row(AggregationLayer("Max", slice(None, None, -2)), {"Input": (2, 3, 4)}, (3,), reference=over("Max", 0, 2)),
    Row(AggregationLayer("Median", All), {"Input": ()}, (), reference=lambda x: x),
    Row(AggregationLayer("Variance", 0), {"Input": (1, 2)}, (2,), reference=lambda x: np.zeros(2), vectors=[([[3, 4]], [0, 0])]),
    Row(AggregationLayer("StandardDeviation", 0), {"Input": (1, 2)}, (2,), reference=lambda x: np.zeros(2)),
    Row(AggregationLayer("InterquartileRange", 0), {"Input": (1, 2)}, (2,), reference=lambda x: np.zeros(2)),
    Row(
        DotLayer(InputPorts=2), {"1": (2, 3, 4), "2": (4, 5)}, (2, 3, 5),
        reference=summed,
        solves=[
            ({"1": (2, Automatic), "2": (3, 4)}, {"1": (2, 3), "Output": (2, 4)}),
            ({"1": (2, 3), "Output": (2, 5)}, {"2": (3, 5)}),
            ({"2": (3, 5), "Output": (2, 5)}, {"1": (2, 3)}),
            ({"1": 3, "Output": ()}, {"2": 3}),
        ],
        draw=dot,
        vectors=[([[1, 2], [3, 4]], 11), ([[[1, 2], [3, 4]], [10, 1]], [12, 34]), ([[10, 1], [[1, 2], [3, 4]]], [13, 24])],
        wrong=[
            (
                lambda: DotLayer(InputPorts=[(2, 3), (2, 3)]),
                "DotLayer: the level joining input 2 is 3 on one side and 2 on the other\n"
                "  3: DotLayer was given 1=(2, 3)\n"
                "  2: DotLayer was given 2=(2, 3)",
            ),
            (
                lambda: DotLayer(InputPorts=["Real", 3]),
                "DotLayer: a number is no factor, arrays with a level to contract are wanted\n"
                '  (): DotLayer was given 1="Real"',
            ),
            (
                lambda: DotLayer(InputPorts=[3, 3, 3]),
                "DotLayer: the product of the first 2 inputs is a number, arrays with a level to contract are wanted\n"
                "  (3,): DotLayer was given 3=3",
            ),
            (lambda: DotLayer(InputPorts=1), "DotLayer: InputPorts=1 gives 1 inputs, at least 2 are wanted"),
            (lambda: DotLayer([(0, 1)]), "DotLayer: Transpositions=((0, 1),) is for one input, at least 2 are wanted"),
            (lambda: DotLayer([None], InputPorts=2), "DotLayer: Transpositions=(None,) has 1 entries for 2 inputs"),
            (
                lambda: DotLayer((0, 1)),
                "DotLayer: Transpositions wants a list with None, a pair of levels, a list of pairs or a permutation for each input, "
                "got (0, 1)",
            ),
            (
                lambda: DotLayer([[0, 2, 3], None], InputPorts=[(2, 3, 4), 4]),
                "DotLayer: there is no level 3 in an array of rank 3\n"
                "  (2, 3, 4): DotLayer was given 1=(2, 3, 4)",
            ),
            (
                lambda: DotLayer([(0, 2), None], InputPorts=[(2, 3), 3]),
                "DotLayer: there is no level 2 in an array of rank 2\n"
                "  (2, 3): DotLayer was given 1=(2, 3)",
            ),
        ],
    ),
    Row(DotLayer(InputPorts=2), {"1": (3,), "2": (3,)}, (), reference=summed, varying={"1": ("Varying",), "2": ("Varying",)}),
    Row(
        DotLayer(InputPorts=2), {"1": (2, 3), "2": (3, 4, 5)}, (2, 4, 5),
        reference=summed,
        varying={"1": ("Varying", "Varying"), "2": ("Varying", 4, "Varying")},
    ),
    Row(DotLayer(InputPorts=["a", "b", "c"]), {"a": (2, 3), "b": (3, 4), "c": (4,)}, (2,), reference=summed),
    Row(
        DotLayer(InputPorts=3), {"1": (2, 3), "2": (3,), "3": (2, 4)}, (4,),
        reference=summed,
        varying={"1": (2, 3), "2": (3,), "3": (2, "Varying")},
    ),
    Row(
        DotLayer([(0, 1), None]), {"1": (3, 2), "2": (3, 4)}, (2, 4),
        reference=lambda a, b: a.T @ b,
        solves=[({"1": (3, 2), "Output": (2, 5)}, {"2": (3, 5)}), ({"2": (3, 5), "Output": (2, 5)}, {"1": (3, 2)})],
        vectors=[([[[1, 2], [3, 4]], [10, 1]], [13, 24])],
    ),
    Row(
        DotLayer([None, [(0, 2), (0, 1)]], InputPorts=2), {"1": (2, 3), "2": (4, 3, 5)}, (2, 5, 4),
        reference=lambda a, b: np.tensordot(a, b.swapaxes(0, 2).swapaxes(0, 1), 1),
    ),
    Row(
        DotLayer([[1, 2, 0], [1, 0]], InputPorts=2), {"1": (2, 3, 4), "2": (5, 3)}, (4, 2, 5),
        reference=lambda a, b: np.tensordot(a.transpose(2, 0, 1), b.T, 1),
    ),
    Row(
        OrderingLayer(), {"Input": (4,)}, (4,),
        draw=ordered,
        reference=np.argsort,
        solves=[({"Output": 3}, {"Input": 3}), ({"Input": 3}, {"Output": 3})],
        varying={"Input": ("Varying",)},
        vectors=[([30, 10, 20], [1, 2, 0]), ([2, 1, 2, 1], [1, 3, 0, 2])],
        differentiable=False,
        wrong=[
            (lambda: OrderingLayer(0), "OrderingLayer: Count wants All, or a whole number that is not 0, got 0"),
            (lambda: OrderingLayer(1.0), "OrderingLayer: Count wants All, or a whole number that is not 0, got 1.0"),
            (
                lambda: OrderingLayer(3, Input=2),
                "OrderingLayer: 3 positions are wanted of 2 elements\n"
                "  2: OrderingLayer was given Input=2",
            ),
            (
                lambda: OrderingLayer(-3, Output=2),
                "Output: the length is 2 on one side and 3 on the other\n"
                "  2: OrderingLayer was given Output=2\n"
                "  3: OrderingLayer(-3, Output=2)",
            ),
            (
                lambda: OrderingLayer(Input=(2, 3)),
                "Input: 2 axes on one side and 1 axis on the other\n"
                "  (2, 3): OrderingLayer was given Input=(2, 3)\n"
                "  (?,): OrderingLayer(Input=(2, 3))",
            ),
        ],
    ),
    Row(
        OrderingLayer(2), {"Input": (4,)}, (2,),
        reference=lambda x: np.argsort(x)[:2],
        varying={"Input": ("Varying",)},
        vectors=[([30, 10, 20], [1, 2])],
        differentiable=False,
    ),
    Row(
        OrderingLayer(1), {"Input": (4,)}, (1,),
        reference=lambda x: np.argsort(x)[:1],
        vectors=[([30, 10, 20], [1])],
        differentiable=False,
    ),
    Row(
        OrderingLayer(-2), {"Input": (4,)}, (2,),
        reference=lambda x: np.argsort(x)[-2:],
        varying={"Input": ("Varying",)},
        vectors=[([30, 10, 20], [2, 0])],
        differentiable=False,
    ),
    Row(
        OrderingLayer(-5), {"Input": (6,)}, (5,),
        reference=lambda x: np.argsort(x)[-5:],
        varying={"Input": ("Varying",)},
        differentiable=False,
    ),
]  # fmt: skip
