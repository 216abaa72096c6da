"""Rows of the elementwise layers; functions themselves are tested with the symbols."""

import numpy as np

from netgraph import Automatic, Clip, ElementwiseLayer, Plus, Ramp, Subtract, Tanh, ThreadingLayer, Times
from tests.layers.harness import Row

POINTS = [-2, -1, -0.5, 0, 0.5, 1, 2]
NAMED = {
    "ELU": [-0.8646647, -0.6321206, -0.3934693, 0, 0.5, 1, 2],
    "SELU": [-1.5201665, -1.1113307, -0.6917582, 0, 0.5253505, 1.0507010, 2.1014020],
    "GELU": [-0.0455003, -0.1586553, -0.1542688, 0, 0.3457312, 0.8413447, 1.9544997],
    "Swish": [-0.2384058, -0.2689414, -0.1887703, 0, 0.3112297, 0.7310586, 1.7615942],
    "HardSwish": [-0.3333333, -0.3333333, -0.2083333, 0, 0.2916667, 0.6666667, 1.6666667],
    "Mish": [-0.2525015, -0.3034015, -0.2207438, 0, 0.3752452, 0.8650984, 1.9439590],
    "SoftSign": [-0.6666667, -0.5, -0.3333333, 0, 0.3333333, 0.5, 0.6666667],
    "SoftPlus": [0.1269280, 0.3132617, 0.4740770, 0.6931472, 0.9740770, 1.3132617, 2.1269280],
    "HardSigmoid": [0, 0, 0.25, 0.5, 0.75, 1, 1],
    "HardTanh": [-1, -1, -0.5, 0, 0.5, 1, 1],
    "ReLU": [0, 0, 0, 0, 0.5, 1, 2],
}


def elementwise(pick):
    return ElementwiseLayer(Tanh), {"Input": tuple(pick(1, 4) for _ in range(pick(0, 4)))}


def threading(pick):
    shape = [pick(1, 4) for _ in range(pick(0, 3))]
    return ThreadingLayer(Plus, InputPorts=3), {f"Input{i}": tuple(s if pick(0, 1) else 1 for s in shape) for i in (1, 2, 3)}


def levelled(pick):
    a, b, c = pick(1, 4), pick(1, 4), pick(1, 4)
    return ThreadingLayer(Times, 1, InputPorts=2), {"Input1": (a, b, c), "Input2": (a, c)}


ROWS = [
    Row(
        ElementwiseLayer(Ramp), {"Input": (2, 3)}, (2, 3),
        reference=lambda x: np.maximum(x, 0),
        solves=[({"Output": (2, 3)}, {"Input": (2, 3)})],
        draw=elementwise,
        varying={"Input": ("Varying", 2)},
        vectors=[([-1, 2], [0, 2])],
        wrong=[
            (
                lambda: ElementwiseLayer("Tahn"),
                'there is no function "Tahn"; did you mean "Tan" or "Tanh" or "ArcTan"?',
            ),
            (lambda: ElementwiseLayer(Subtract), "ElementwiseLayer: Subtract does not take one argument\n  try: ThreadingLayer"),
            (
                lambda: ElementwiseLayer(3),
                "ElementwiseLayer: Function wants a symbol such as Ramp, its name, or a function of tensors, got 3",
            ),
            (lambda: ElementwiseLayer(), "ElementwiseLayer wants Function, its argument 0"),
        ],
    ),
    *(
        Row(ElementwiseLayer(name), {"Input": (7,)}, (7,), reference=None, vectors=[(POINTS, expected)])
        for name, expected in NAMED.items()
    ),
    Row(ElementwiseLayer(lambda x: x**2 + 1), {"Input": ()}, (), reference=lambda x: x**2 + 1, vectors=[(3, 10)], evaluable=False),
    Row(
        ThreadingLayer(Plus, InputPorts=2), {"Input1": (2, 3), "Input2": (2, 1)}, (2, 3),
        reference=lambda a, b: a + b,
        solves=[
            ({"Input1": (2, 3), "Input2": (2, 3)}, {"Output": (2, 3)}),
            ({"Input1": (2, 3), "Input2": (1, 1)}, {"Output": (2, 3)}),
        ],
        draw=threading,
        varying={"Input1": ("Varying", 3), "Input2": ("Varying", 1)},
        vectors=[([[1, 2], [10, 20]], [11, 22])],
        wrong=[
            (
                lambda: ThreadingLayer(Plus, InputPorts=[(2, 3), 3]),
                "ThreadingLayer: arrays of 2 and 1 axes are threaded\n"
                "  (2, 3): ThreadingLayer was given Input1=(2, 3)\n"
                "  (3,): ThreadingLayer was given Input2=3",
            ),
            (
                lambda: ThreadingLayer(Plus, InputPorts=[2, 3]),
                "ThreadingLayer: an axis is 2 on one side and 3 on the other\n"
                "  2: ThreadingLayer was given Input1=2\n"
                "  3: ThreadingLayer was given Input2=3",
            ),
            (lambda: ThreadingLayer(Ramp, InputPorts=2), "ThreadingLayer: Ramp does not take 2 inputs"),
            (
                lambda: ThreadingLayer(Plus, (0, 1, 2), InputPorts=2),
                "ThreadingLayer: Broadcasting=(0, 1, 2) has 3 entries for 2 inputs",
            ),
        ],
    ),
    Row(
        ThreadingLayer(Plus, -1, InputPorts=2), {"Input1": (2,), "Input2": (2, 3)}, (2, 3),
        reference=lambda a, b: a[:, None] + b,
        varying={"Input1": ("Varying",), "Input2": ("Varying", 3)},
        vectors=[([[10, 20], [[1, 2, 3], [4, 5, 6]]], [[11, 12, 13], [24, 25, 26]])],
    ),
    Row(
        ThreadingLayer(Plus, 0, InputPorts=2), {"Input1": (3,), "Input2": (2, 3)}, (2, 3),
        reference=lambda a, b: a + b,
        vectors=[([[10, 20, 30], [[1, 2, 3], [4, 5, 6]]], [[11, 22, 33], [14, 25, 36]])],
    ),
    Row(
        ThreadingLayer(Times, 1, InputPorts=2), {"Input1": (2, 3, 4), "Input2": (2, 4)}, (2, 3, 4),
        reference=lambda a, b: a * b[:, None],
        draw=levelled,
    ),
    Row(
        ThreadingLayer(Subtract, None, InputPorts=["x", "y"]), {"x": (3,), "y": (3,)}, (3,),
        reference=lambda x, y: x - y,
        solves=[({"Output": 3}, {"x": 3, "y": 3})],
        wrong=[
            (
                lambda: ThreadingLayer(Subtract, None, InputPorts={"x": 3, "y": 1}),
                "y: the length is 1 on one side and 3 on the other\n"
                "  1: ThreadingLayer was given y=1\n"
                "  3: ThreadingLayer was given x=3",
            )
        ],
    ),
    Row(
        ThreadingLayer(lambda a, b: a * b - a), {"a": (2,), "b": (2,)}, (2,),
        reference=lambda a, b: a * b - a,
        solves=[({"a": 2, "b": (Automatic,)}, {"b": 2, "Output": 2})],
        vectors=[({"a": [1, 2], "b": [3, 4]}, [2, 6])],
        evaluable=False,
    ),
    Row(
        ThreadingLayer(Clip, InputPorts=3), {"Input1": (4,), "Input2": (4,), "Input3": (4,)}, (4,),
        vectors=[([[1, 5, 2], [2, 2, 2], [3, 3, 3]], [2, 3, 2])],
        wrong=[
            (
                lambda: ThreadingLayer(Clip)([[1], [2]]),
                "Clip takes both ends of an interval, or none\n  try: Clip(x, (a, b)), or Clip(x, a, b) for arrays",
            ),
        ],
    ),
]  # fmt: skip
