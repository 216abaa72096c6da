"""Rows of the array operations."""

from netgraph import NetGraph, TotalLayer
from tests.layers.harness import Row


def total(pick):
    shape = tuple(pick(1, 4) for _ in range(pick(0, 3)))
    count = pick(1, 3)
    return TotalLayer(InputPorts=count), {str(i + 1): shape for i in range(count)}


ROWS = [
    Row(
        TotalLayer(InputPorts=2), {"1": (2, 3), "2": (2, 3)}, (2, 3),
        reference=lambda a, b: a + b,
        solves=[({"Output": (2, 3)}, {"1": (2, 3), "2": (2, 3)}), ({"1": 4}, {"2": 4, "Output": 4})],
        draw=total,
        varying={"1": ("Varying", 2), "2": ("Varying", 2)},
        vectors=[([[1, 2], [10, 20]], [11, 22])],
        wrong=[
            (
                lambda: TotalLayer(InputPorts=[2, 3]),
                "2: the length is 3 on one side and 2 on the other\n"
                "  3: TotalLayer was given 2=3\n"
                "  2: TotalLayer was given 1=2",
            ),
            (lambda: TotalLayer(InputPorts=0), "TotalLayer: InputPorts=0 gives 0 inputs, at least 1 are wanted"),
            (lambda: TotalLayer(3), "TotalLayer takes no positional arguments, got 1"),
            (
                lambda: NetGraph({"t": TotalLayer()}, ["a -> t", "b -> t"], a=2, b=(2, 2)),
                "b: 2 axes on one side and 1 axis on the other\n"
                "  (2, 2): NetGraph was given b=(2, 2)\n"
                "  (2,): NetGraph was given a=2",
            ),
        ],
    ),
    Row(TotalLayer(InputPorts=["a", "b", "c"]), {"a": (), "b": (), "c": ()}, (), reference=lambda a, b, c: a + b + c),
]  # fmt: skip
