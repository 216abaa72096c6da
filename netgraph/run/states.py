"""Recurrent states in evaluation: what a call starts from and the final states that it gives, each by its `NetPort`."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from netgraph.errors import NetNameError, NetShapeError, NetTypeError, did_you_mean
from netgraph.lower.forward import DISCRETE, Lowered
from netgraph.lower.plan import Length, StateNeed
from netgraph.nets.container import Container
from netgraph.run.convert import to_user
from netgraph.run.inputs import Given, hold_together, read
from netgraph.run.outputs import STATES, shown, true_lengths
from netgraph.spec.net import Net, part_name
from netgraph.spec.ports import NetPort, path_of
from netgraph.spec.typing import short
from netgraph.types.kinds import BOOLEAN, INTEGER, REAL
from netgraph.types.port_type import PortType
from netgraph.types.sizes import Varying
from netgraph.types.symbols import Automatic

_KINDS = {"real": REAL, "integer": INTEGER, "boolean": BOOLEAN}


def states_among(data) -> tuple[dict[Any, Any], Any]:
    """The states among the data, by port as they were written, and the rest of the data."""
    if not isinstance(data, Mapping) or not any(type(key) is NetPort for key in data):
        return {}, data
    given: dict[Any, Any] = {}
    for port, value in data.items():
        if port != STATES:
            given.update({port: value} if type(port) is NetPort else {})
        elif isinstance(value, Mapping):
            given.update(value)
        else:
            raise NetTypeError(f"{STATES!r} wants a dict of states by NetPort, got {type(value).__name__}")
    return given, {key: value for key, value in data.items() if type(key) is not NetPort}


def port_of(need: StateNeed) -> NetPort:
    """The name of a state for users."""
    return NetPort(need.path)


def type_of(need: StateNeed) -> PortType:
    """The type of a state for users: what operators map comes first."""
    return PortType(_KINDS[need.kind], [Varying() if isinstance(size, Length) else size for size in (*need.folds, *need.shape)])


def zeros_of(kind: PortType):
    """The zeros that a state of one example starts from, for the user; Automatic where its shape is open or varies."""
    if not kind.closed or kind.varies:
        return Automatic
    return to_user(torch.zeros(kind.shape, dtype=None if kind.kind is None else DISCRETE.get(kind.kind.name)), False)


def given_states(
    net: Net, lowered: Lowered, given: Mapping[Any, Any], first: Given | None, lengths: Sequence[torch.Tensor], dtype, device
) -> dict[str, torch.Tensor]:
    """The states to start from by key, as tensors with a batch axis; `first` is one of the inputs, whose examples they go with.

    Errors: NetNameError for a port that is no state, NetTypeError for one that is fed inside the net, NetShapeError.
    """
    needs = {need.path: need for need in lowered.recurrent}
    tensors = {}
    for port, value in given.items():
        need = needs[_key(net, port, needs)]
        kind = type_of(need)
        tensor, found, batch = read(value, kind, need.path, dtype)
        hold_together(first or (need.path, tensor, kind, False), (need.path, tensor, kind, bool(batch)))
        tensor = tensor if batch else tensor.unsqueeze(0)
        for axis, size in enumerate((*need.folds, *need.shape)):
            if isinstance(size, Length):
                true = true_lengths(size, lengths)
                _hold_length(need.path, true, found.get(axis, torch.full_like(true, tensor.shape[axis + 1])))
        tensors[need.path] = tensor.to(device)
    return tensors


def _key(net: Net, port, needs: Mapping[str, StateNeed]) -> str:
    """The key of the state that a port names."""
    *path, word = path_of(port)
    part, names = net, []
    for step in path:
        names.append(part_name(part, step))
        inside, part = part, part.children[names[-1]]
        if isinstance(inside, Container) and word in inside.feeds()[names[-1]] and word in part.state_names():
            raise NetTypeError(f"{'/'.join((*names, word))} is fed by an edge inside the net, it cannot be given")
    key = "/".join((*names, str(word)))
    if key not in needs:
        raise NetNameError(f'{short(net)} has no state "{key}", {did_you_mean(key, list(needs))}')
    return key


def _hold_length(name: str, wanted: torch.Tensor, found: torch.Tensor) -> None:
    if not torch.equal(wanted, found):
        wrong = int((wanted != found).nonzero()[0])
        raise NetShapeError(f"{name}: in example {wrong} the length is {int(found[wrong])}, {int(wanted[wrong])} is wanted")


def start(lowered: Lowered, need: StateNeed, inputs: Sequence[torch.Tensor], rows: int, given: torch.Tensor | None, dtype, device):
    """A state as the lowered function takes it for `rows` examples: what is given for them, else zeros."""
    return lowered.zeros(need, inputs, rows, dtype, device) if given is None else given.flatten(0, len(need.folds))


def final_states(
    lowered: Lowered, pieces: Sequence[Sequence[torch.Tensor]], inputs, lengths: Sequence[torch.Tensor], batch: bool, like_tensor: bool
) -> dict[NetPort, Any]:
    """The states after a run as the user gets them; `pieces` are those of each part of the batch."""
    values = {}
    for need, parts in zip(lowered.recurrent, zip(*pieces, strict=True), strict=True):
        counts = [lowered.padded(count, inputs) for count in need.folds]
        whole = torch.cat(parts).unflatten(0, (-1, *counts))
        axes = {axis: size for axis, size in enumerate((*need.folds, *need.shape)) if isinstance(size, Length)}
        values[port_of(need)] = shown(whole, axes, lengths, batch, like_tensor)
    return values
