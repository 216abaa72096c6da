"""One row a case of a layer, and what every row is put through: building, types, values, gradients, batches, places in nets.

The tables are rows_<family>.py; test_layers.py runs them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from netgraph.lower.forward import lower
from netgraph.spec.declare import State
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, array_slots
from netgraph.spec.typing import infer
from netgraph.types.port_type import PortType, parse_type


class Row(NamedTuple):
    """A case of a layer.

    `inputs` and `output` are types in users' notation, `arrays` the shapes of its arrays and states. `reference(*inputs, **arrays)` is
    NumPy in float64 on one example, or None where `trains` says all. `trains(inputs, arrays, states, noise)` is the same on a batch in
    Train mode and gives (output, *new states). `solves` are pairs (types given, types that follow), `draw(pick)` gives (layer, inputs) of
    drawn sizes, `varying` are input types with varying axes, none below `shortest` (positions may ask for it), `vectors` are pairs (data,
    result) for `layer(data)` (its "Loss" where it has several outputs), `wrong` pairs (function, whole message). `domain` is where real
    inputs are drawn from. `runs` is False for a layer that cannot be evaluated, `savable` for one that holds code.
    """

    layer: Layer
    inputs: Mapping[str, Any]
    output: Any
    arrays: Mapping[str, tuple[int, ...]] = {}
    reference: Callable | None = None
    trains: Callable | None = None
    solves: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]] = ()
    draw: Callable | None = None
    varying: Mapping[str, Any] | None = None
    vectors: Sequence[tuple[Any, Any]] = ()
    wrong: Sequence[tuple[Callable, str]] = ()
    shortest: int = 1
    domain: tuple[float, float] = (-2.0, 2.0)
    differentiable: bool = True
    evaluable: bool = True
    savable: bool = True
    runs: bool = True

    @property
    def types(self) -> dict[str, PortType]:
        """The input types, parsed."""
        return {name: parse_type(value, name) for name, value in self.inputs.items()}

    def __str__(self) -> str:
        return f"{self.layer!r} on {', '.join(str(value) for value in self.inputs.values())}".replace("/", "|")


def typed_as(layer: Layer, types: Mapping[str, Any]) -> Layer:
    """The layer with these port types, and those it was given at other ports."""
    return layer.replaced(given={**layer.given, **{name: parse_type(value, name) for name, value in types.items()}})


def values(type: PortType, batch: Sequence[int], source: np.random.Generator, domain=(-2.0, 2.0), dtype=torch.float64) -> torch.Tensor:
    """Random values of a closed type, with the axes `batch` in front."""
    shape = (*batch, *type.shape)
    if type.kind is not None and type.kind.name == "integer":
        return torch.from_numpy(source.integers(0, type.kind.count, shape))
    if type.kind is not None and type.kind.name == "boolean":
        return torch.from_numpy(np.asarray(source.random(shape) < 0.5))
    return torch.from_numpy(np.asarray(source.uniform(*domain, shape))).to(dtype)


class Run:
    """A net lowered in one mode with random arrays, states and noise, to be run on tensors."""

    def __init__(self, net: Net, mode: str = "Test", *, seed: int = 1, batch: int = 3, dtype=torch.float64, arrays: Mapping | None = None):
        self.lowered = lower(net, mode)
        source = np.random.default_rng(seed)
        typing = self.lowered.typing
        shapes: dict[str, tuple] = {}
        for path, _layer, name, declared, setting in array_slots(net):
            key = getattr(setting, "name", None) or "/".join((*path, name))
            shapes[key] = (name, typing.store.known(typing.terms[path].arrays[name]), isinstance(declared, State))
        # an array is drawn by its own name and shape, so that it is the same wherever its layer stands
        drawn = {(name, shape): source.uniform(0.5, 1.5, shape) for name, shape, _ in sorted(set(shapes.values()))}
        self.arrays = {key: torch.from_numpy(np.asarray(drawn[name, shape])).to(dtype) for key, (name, shape, _) in shapes.items()}
        self.arrays.update(arrays or {})
        self.shapes = {key: shape for key, (_, shape, _) in shapes.items()}
        rows = batch if self.lowered.inputs else 1
        sizes = [(1 if need.shared else rows * math.prod(need.folds), *need.shape) for need in self.lowered.noise]
        self.noise = tuple(torch.from_numpy(source.random(size)).to(dtype) for size in sizes)
        self.dtype = dtype

    @property
    def own_arrays(self) -> tuple[torch.Tensor, ...]:
        return tuple(self.arrays[key] for key in self.lowered.arrays)

    @property
    def states(self) -> tuple[torch.Tensor, ...]:
        """The running statistics."""
        return tuple(self.arrays[key] for key in self.lowered.states)

    def started(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The running statistics, and the recurrent states of zeros for these inputs."""
        rows = inputs[0].shape[0] if inputs else 1
        zeros = [self.lowered.zeros(need, inputs, rows, self.dtype, None) for need in self.lowered.recurrent]
        return (*self.states, *zeros)

    def __call__(self, *inputs, lengths=(), rows=slice(None)):
        """The first output, and the new states. `rows` are the examples that the inputs are, of those that noise was drawn for."""
        noise = tuple(x if need.shared else x[rows] for need, x in zip(self.lowered.noise, self.noise, strict=True))
        outputs, states = self.lowered.forward(tuple(inputs), self.own_arrays, self.started(*inputs), noise, tuple(lengths), None)
        return outputs[0], states


def batch_of(row: Row, batch: Sequence[int] | None = None, seed: int = 2, dtype=torch.float64) -> list[torch.Tensor]:
    """Random inputs of a row; of a layer that sees the whole batch enough of them for its classes to meet."""
    source = np.random.default_rng(seed)
    batch = batch or ((8,) if row.layer.coupled else (3,))
    return [values(type, batch, source, row.domain, dtype) for type in row.types.values()]


def shape_of(type: PortType) -> tuple:
    return tuple(size if isinstance(size, int) else "Varying" for size in type.shape)


def solved(layer: Layer, types: Mapping[str, Any]) -> dict[str, PortType]:
    """The types of all ports of a layer when some are given."""
    typing = infer(typed_as(layer, types), close=True)
    return {**typing.inputs, **typing.outputs}


class Forward(torch.nn.Module):
    """A lowered function as a module, for torch.export."""

    def __init__(self, forward):
        super().__init__()
        self.lowered = forward

    def forward(self, inputs, arrays, states, noise, lengths):
        return self.lowered(inputs, arrays, states, noise, lengths, None)
