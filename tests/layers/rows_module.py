"""Rows of the layer that is a torch module."""

import torch
from torch import nn

from netgraph import *
from tests.layers.harness import Row


class Scaled(nn.Module):
    """A parameter two deep, a buffer that training moves, a constant of whole numbers, and two outputs."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Module()
        self.inner.factor = nn.Parameter(torch.tensor([1.0, 2.0]))
        self.register_buffer("seen", torch.zeros(2))
        self.register_buffer("order", torch.tensor([1, 0]))

    def forward(self, x):
        result = (x * self.inner.factor + self.seen)[:, self.order]
        if self.training:
            self.seen = 0.5 * self.seen + 0.5 * x.detach().sum(0)
        return result


def trained(x, **arrays):
    seen = arrays["seen"]
    return (x * arrays["inner/factor"] + seen)[:, [1, 0]], 0.5 * seen + 0.5 * x.sum(0)


def fails(x):
    raise ValueError("no such thing")


class Fails(nn.Module):
    def forward(self, x):
        return fails(x)


class Flat(nn.Module):
    def forward(self, x):
        return x.flatten()


class Pair(nn.Module):
    def forward(self, x):
        return x, {"a": 1}


ROWS = [
    Row(
        ModuleLayer(nn.Linear(2, 3)), {"Input": 2}, (3,), {"weight": (3, 2), "bias": (3,)},
        reference=lambda x, weight, bias: weight @ x + bias, evaluable=False, savable=False,
        wrong=[
            (lambda: ModuleLayer(3), "ModuleLayer: Module wants a torch.nn.Module, got 3"),
            (
                lambda: ModuleLayer(Fails(), Input=4),
                "ModuleLayer: the module fails on inputs of shape (4,): ValueError: no such thing\n  (4,): ModuleLayer was given Input=4",
            ),
            (
                lambda: ModuleLayer(Flat(), Input=4),
                "ModuleLayer: of a batch of 2 the module gives Output of shape (8,): the batch axis must stay in front\n"
                "  (4,): ModuleLayer was given Input=4",
            ),
            (
                lambda: ModuleLayer(Pair(), Input=4),
                "ModuleLayer: the module fails on inputs of shape (4,): TypeError: it returns dict, not tensors\n"
                "  (4,): ModuleLayer was given Input=4",
            ),
            (
                lambda: ModuleLayer(nn.Linear(2, 3), Input=("Varying", 2)),
                "ModuleLayer: a torch module takes no varying axis\n  (Varying, 2): ModuleLayer was given Input=(\"Varying\", 2)",
            ),
            (
                lambda: ModuleLayer(nn.Linear(2, 3), x=2),
                'ModuleLayer has no option "x", known: "Module", "OutputPorts", "LearningRateMultipliers", "Input", "Output"',
            ),
            (
                lambda: ModuleLayer(nn.Linear(2, 3), OutputPorts=["a", "b"], Input=2),
                "ModuleLayer: the module gives the outputs Output, not a, b\n  (2,): ModuleLayer was given Input=2",
            ),
            (
                lambda: net_to_json(ModuleLayer(nn.Linear(2, 3))),
                "ModuleLayer: Module cannot be saved: a torch module is code, and files hold none\n"
                "  try: save its numbers with torch, and make the layer again",
            ),
        ],
    ),
    Row(
        ModuleLayer(Scaled()), {"Input": 2}, (2,), {"inner/factor": (2,), "seen": (2,)},
        reference=lambda x, **arrays: (x * arrays["inner/factor"] + arrays["seen"])[[1, 0]], trains=trained, evaluable=False, savable=False,
    ),
    Row(
        ModuleLayer(nn.Bilinear(2, 3, 4)), {"input1": 2, "input2": 3}, (4,), {"weight": (4, 2, 3), "bias": (4,)},
        reference=lambda a, b, weight, bias: (weight @ b) @ a + bias, evaluable=False, savable=False,
    ),
]  # fmt: skip
