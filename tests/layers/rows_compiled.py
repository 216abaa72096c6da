"""Rows of CompiledLayer; how it trains and compiles is in test_compiled_layer.py."""

import numpy as np
import torch

from netgraph import CompiledLayer, NetChain, net_to_json
from tests.layers.harness import Row


def square(x):
    return np.square(np.asarray(x))


def slope_of_square(x, slope):
    return 2 * x * slope


def slope_of_exponential(x, slope, y):
    return y * slope


def times(x):
    return x.prod(0)


def shifted(pick):
    a, b = pick(1, 4), pick(1, 4)
    return CompiledLayer(lambda x: np.concatenate([x, x])), {"Input": (a, b)}


def row(layer, inputs, output, **more):
    """A row of a layer whose functions neither repr nor file can write."""
    return Row(layer, inputs, output, evaluable=False, savable=False, **more)


ROWS = [
    row(CompiledLayer(times), {"Input": (3, 2)}, (2,), reference=lambda x: x.prod(0), draw=shifted, vectors=[([[1, 2], [3, 4]], [3, 8])]),
    row(CompiledLayer(square, slope_of_square), {"Input": (3, 2)}, (3, 2), reference=np.square),
    row(CompiledLayer(square, slope_of_square, Rank=3), {"Input": (3, 2)}, (3, 2), reference=np.square),
    row(CompiledLayer(lambda x: x.sum((1, 2)), Rank=3), {"Input": (3, 2)}, (), reference=np.sum),
    row(CompiledLayer(lambda x: np.exp(x.numpy()), slope_of_exponential), {"Input": (2,)}, (2,), reference=np.exp),
    row(CompiledLayer(lambda x: float(x) ** 2, slope_of_square), {"Input": ()}, (), reference=np.square, vectors=[(3, 9)]),
    row(
        CompiledLayer(square, None), {"Input": (2,)}, (2,),
        reference=np.square,
        solves=[({"Input": (3,)}, {"Output": (3,)})],
        differentiable=False,
        wrong=[
            (lambda: CompiledLayer(), "CompiledLayer wants Function, its argument 0"),
            (lambda: CompiledLayer(3), "CompiledLayer: Function wants a Python function of an array, got 3"),
            (
                lambda: CompiledLayer(square, 3),
                "CompiledLayer: Gradient wants a function of (input, output gradient) or of (input, output gradient, output), None or "
                "Automatic, got 3",
            ),
            (
                lambda: CompiledLayer(square, square),
                "CompiledLayer: Gradient wants a function of (input, output gradient) or of (input, output gradient, output), "
                f"got {square!r}",
            ),
            (lambda: CompiledLayer(square, Rank=-1), "CompiledLayer: Rank wants a rank from 0 or Automatic, got -1"),
            (
                lambda: CompiledLayer(square, Rank=1, Input=(2, 3)),
                "CompiledLayer: Rank=1, but an example has 2 axes, a batch 3\n"
                "  (2, 3): CompiledLayer was given Input=(2, 3)",
            ),
            (
                lambda: NetChain([CompiledLayer(lambda x: x[5])], Input=3),
                "0: the function fails on an array of shape (3,): IndexError: index 5 is out of bounds for dimension 0 with size 3\n"
                "  (3,): NetChain was given Input=3",
            ),
            (
                lambda: CompiledLayer(lambda x: x[:0], Input=3),
                "CompiledLayer: the function gives an array without elements, of shape (0,)\n"
                "  (3,): CompiledLayer was given Input=3",
            ),
            (
                lambda: CompiledLayer(lambda x: x.sum(), Rank=2, Input=3),
                "CompiledLayer: the function gives an array of shape () for a batch of 2 examples\n"
                "  (3,): CompiledLayer was given Input=3",
            ),
            (
                lambda: CompiledLayer(square, Input=3, Output=2)([1, 2, 3]),
                "CompiledLayer: the function gives shape (1, 3) for 1 examples, (1, 2) is wanted",
            ),
            (
                lambda: CompiledLayer(square, Input="Varying"),
                "CompiledLayer: the function takes no varying axis, the input is (Varying,)\n"
                '  (Varying,): CompiledLayer was given Input="Varying"\n'
                "  try: NetMapOperator, to apply the layer to each element",
            ),
            (
                lambda: net_to_json(CompiledLayer(torch.sin)),
                "CompiledLayer: Function cannot be saved: it is a Python function that could not be turned into operations\n"
                "  sin: a CompiledLayer keeps its functions as they are, a FunctionLayer turns them into operations\n"
                "  try: write it with torch operations of the closed list, or with symbols such as Ramp",
            ),
        ],
    ),
]  # fmt: skip
