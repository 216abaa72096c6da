"""Rows of the layers written as functions; what is not a matter of one output is in test_function_layer.py."""

import numpy as np
import torch

from netgraph import FunctionLayer, NetArray, NetChain, PlaceholderLayer, Tanh
from tests.layers.harness import Row

KERNEL = torch.tensor([[1.0, -2.0, 0.5], [0.25, 3.0, 1.0]])


def row(f, inputs, output, reference, **more):
    """A row of a FunctionLayer of Python code, which no repr can write back."""
    return Row(FunctionLayer(f, **more.pop("options", {})), inputs, output, reference=reference, evaluable=False, **more)


def moved(pick):
    a, b, c = pick(1, 4), pick(1, 4), pick(1, 4)
    return FunctionLayer(lambda x: x.permute(2, 0, 1).flip(0).flatten(1)), {"Input": (a, b, c)}


def reduced(pick):
    a, b = pick(1, 4), pick(1, 4)
    return FunctionLayer(lambda x: x.amax(0) - x.mean(1).sum()), {"Input": (a, b)}


def mixed(pick):
    a, b, c = pick(1, 4), pick(1, 4), pick(1, 4)
    return FunctionLayer(lambda u, v: torch.softmax(u @ v, dim=0)), {"u": (a, b), "v": (b, c)}


def broadcast(pick):
    a, b = pick(1, 4), pick(1, 4)
    return FunctionLayer(lambda u, v: u * v + u), {"u": (a, b), "v": (b,)}


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


ROWS = [
    row(
        lambda x: x**2 + 1, {"Input": (2, 3)}, (2, 3), lambda x: x**2 + 1,
        solves=[({"Output": (2, 3)}, {"Input": (2, 3)})],
        varying={"Input": ("Varying", 2)},
        vectors=[([1, 2], [2, 5]), (3.0, 10.0)],
        wrong=[
            (lambda: FunctionLayer(), "FunctionLayer wants Function, its argument 0"),
            (
                lambda: FunctionLayer(3),
                "FunctionLayer: Function wants a function of tensors, a symbol such as Tanh, or its name, got 3",
            ),
            (
                lambda: FunctionLayer(lambda x: x + 1, Inptu=3),
                'FunctionLayer has no option "Inptu", did you mean "Input"?',
            ),
            (
                lambda: FunctionLayer(lambda function: function + 1, lambda x: x),
                "FunctionLayer takes 1 positional argument, got 2",
            ),
            (
                lambda: FunctionLayer(lambda x, Function: x + Function),
                'FunctionLayer: a port cannot be called "Function", which is an option',
            ),
            (
                lambda: FunctionLayer(lambda x: x @ KERNEL.T, Input=2),
                "FunctionLayer: the function fails on arrays of shape (2,): RuntimeError: "
                "mat1 and mat2 shapes cannot be multiplied (1x2 and 3x2)",
            ),
            (
                lambda: FunctionLayer(lambda a, b: a[5] + b, b=2),
                "FunctionLayer: the function fails on arrays of shape (4,) and (2,): IndexError: index 5 is out of bounds for dimension 0 "
                "with size 4\n  try: a=<shape>",
            ),
            (
                lambda: NetChain([FunctionLayer(lambda x: x[2])], Input=2),
                "0: the function fails on arrays of shape (2,): IndexError: index 2 is out of bounds for dimension 0 with size 2\n"
                "  (2,): NetChain was given Input=2",
            ),
            (
                lambda: NetChain([FunctionLayer(lambda x: x[..., [0, 0, 2]])], Input=2),
                "0: the function fails on arrays of shape (2,): IndexError: index 2 is out of bounds for dimension 0 with size 2\n"
                "  (2,): NetChain was given Input=2",
            ),
            (
                lambda: FunctionLayer(lambda x: x[..., [0, 0, 2]])([1, 2]),
                "FunctionLayer: the function fails on arrays of shape (2,): IndexError: index 2 is out of bounds for dimension 0 with size "
                "2\n  (2,): the data",
            ),
            (
                lambda: NetChain([FunctionLayer(lambda x: x[3:])], Input=3),
                "0: the function gives an array without elements, of shape (0,)\n  (3,): NetChain was given Input=3",
            ),
            (
                lambda: FunctionLayer(lambda x: (x, x)),
                "a function with several outputs returns a dict, which names them\n  try: return {\"a\": ..., \"b\": ...}",
            ),
        ],
    ),
    row(
        lambda x: torch.std(x), {"Input": (4,)}, (), lambda x: x.std(ddof=1),
        vectors=[([1, 2, 4, 7], 2.6457513)],
    ),
    Row(
        FunctionLayer("StandardDeviation"), {"Input": (4,)}, (),
        reference=lambda x: x.std(ddof=1),
        vectors=[([1, 2, 4, 7], 2.6457513)],
        evaluable=False,
    ),
    Row(FunctionLayer(Tanh), {"Input": (2, 3)}, (2, 3), reference=np.tanh, varying={"Input": ("Varying",)}, evaluable=False),
    row(lambda x: x.sum(), {"Input": (2, 3)}, (), lambda x: x.sum()),
    row(lambda x: x.sum(0), {"Input": (2, 3)}, (3,), lambda x: x.sum(0)),
    row(lambda x: x.mean(-1, keepdim=True) - x[0, 0], {"Input": (2, 3)}, (2, 1), lambda x: x.mean(-1, keepdims=True) - x[0, 0]),
    row(lambda x: x.amax(0) - x.mean(1).sum(), {"Input": (2, 3)}, (3,), lambda x: x.max(0) - x.mean(1).sum(), draw=reduced),
    row(lambda x: x.prod(), {"Input": (2, 3)}, (), lambda x: x.prod()),
    row(lambda x: x.argmax(), {"Input": (2, 3)}, (), lambda x: x.argmax(), differentiable=False),
    row(lambda x: x[1:, ::2], {"Input": (3, 4)}, (2, 2), lambda x: x[1:, ::2]),
    row(lambda x: x[..., [0, 0, 2]], {"Input": (2, 3)}, (2, 3), lambda x: x[..., [0, 0, 2]]),
    row(lambda x: x.T.reshape(-1), {"Input": (2, 3)}, (6,), lambda x: x.T.reshape(-1), options={"Input": (2, 3)}),
    row(
        lambda x: x.permute(2, 0, 1).flip(0).flatten(1), {"Input": (2, 3, 4)}, (4, 6),
        lambda x: x.transpose(2, 0, 1)[::-1].reshape(4, 6),
        draw=moved,
    ),
    row(lambda x: torch.roll(x, 1), {"Input": (2, 3)}, (2, 3), lambda x: np.roll(x, 1)),
    row(lambda x: torch.cat([x, x * 2, torch.ones(1, 3)]), {"Input": (2, 3)}, (5, 3),
        lambda x: np.concatenate([x, x * 2, np.ones((1, 3))]), options={"Input": (2, 3)}),
    row(lambda x: torch.stack([x, x.cumsum(0)], -1), {"Input": (3,)}, (3, 2), lambda x: np.stack([x, x.cumsum(0)], -1)),
    row(lambda x: torch.tile(x, (2, 2)), {"Input": (3,)}, (2, 6), lambda x: np.tile(x, (2, 2))),
    row(lambda x: x.sort(0, descending=True).values, {"Input": (3, 2)}, (3, 2), lambda x: -np.sort(-x, 0)),
    row(
        lambda x: torch.softmax(x, 0), {"Input": (3, 2)}, (3, 2), lambda x: softmax(x, 0),
        varying={"Input": ("Varying", 2)},
    ),
    row(
        lambda x: x[1:] @ x.amax(0), {"Input": (4, 3)}, (3,), lambda x: x[1:] @ x.max(0),
        varying={"Input": ("Varying", 3)},
    ),
    row(
        lambda x: x @ NetArray("w", Dimensions=(3, 2)) - x.mean(), {"Input": (4, 3)}, (4, 2), lambda x, w: x @ w - x.mean(),
        arrays={"w": (3, 2)},
        varying={"Input": ("Varying", 3)},
    ),
    row(lambda x: x @ KERNEL, {"Input": (2,)}, (3,), lambda x: x @ KERNEL.double().numpy(), options={"Input": 2}),
    row(lambda x: KERNEL @ x, {"Input": (3,)}, (2,), lambda x: KERNEL.double().numpy() @ x, options={"Input": 3}),
    row(lambda x: torch.einsum("ij,kj->ik", x, x), {"Input": (2, 3)}, (2, 2), lambda x: x @ x.T),
    row(lambda x: torch.outer(x, x), {"Input": (3,)}, (3, 3), lambda x: np.outer(x, x)),
    row(lambda x: torch.trace(x) * torch.linalg.det(x), {"Input": (3, 3)}, (), lambda x: np.trace(x) * np.linalg.det(x)),
    row(lambda x: torch.stack(list(x)[::-1]), {"Input": (3, 2)}, (3, 2), lambda x: x[::-1], options={"Input": (3, 2)}),
    row(lambda u, v: u @ v, {"u": (3,), "v": (3,)}, (), lambda u, v: u @ v),
    row(
        lambda u, v: torch.softmax(u @ v, dim=0), {"u": (2, 3), "v": (3, 4)}, (2, 4), lambda u, v: softmax(u @ v, 0),
        draw=mixed,
    ),
    row(
        lambda u, v: u * v + u, {"u": (2, 3), "v": (3,)}, (2, 3), lambda u, v: u * v + u,
        draw=broadcast,
        varying={"u": ("Varying", 3), "v": (3,)},
    ),
    row(
        lambda u, v: u * v + u, {"u": (4, 3), "v": (1, 3)}, (4, 3), lambda u, v: u * v + u,
        varying={"u": ("Varying", 3), "v": (1, 3)},
    ),
    Row(
        PlaceholderLayer(), {"Input": (2,)}, None, runs=False,
        wrong=[
            (
                lambda: PlaceholderLayer("TopK", {"k": 2}, Input=3, Output=2)([1, 2, 3]),
                'PlaceholderLayer("TopK") stands for an operation that is not defined: it cannot be evaluated or trained',
            ),
            (lambda: PlaceholderLayer(3), "PlaceholderLayer: Tag wants a text or None, got 3"),
            (
                lambda: PlaceholderLayer("a", {"f": print}),
                f"PlaceholderLayer: Parameters wants a dict of numbers, texts, None and lists of these, got {{'f': {print!r}}}",
            ),
            (
                lambda: PlaceholderLayer("a", Arrays=3),
                "PlaceholderLayer: Arrays wants None, a list of names, or a dict of arrays by name, got 3",
            ),
            (
                lambda: PlaceholderLayer("a", InputPorts=0),
                "PlaceholderLayer: InputPorts wants a number, a list of names or of shapes, or a dict of both, got 0",
            ),
            (
                lambda: PlaceholderLayer("a", InputPorts={"x": 2}, x=3),
                "PlaceholderLayer: x is given twice, in InputPorts and as x=",
            ),
            (
                lambda: PlaceholderLayer("a", InputPorts=["x"], OutputPorts=["x"]),
                'PlaceholderLayer: "x" is both an input and an output port',
            ),
        ],
    ),
]  # fmt: skip
