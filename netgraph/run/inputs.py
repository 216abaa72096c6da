"""What comes into an evaluation: data by port, as tensors; one example or a batch, and how long each example is."""

from collections.abc import Mapping
from typing import Any

import torch

from netgraph.errors import NetNameError, NetShapeError, NetTypeError, NetValueError, did_you_mean
from netgraph.lower.forward import Lowered
from netgraph.nets.container import input_names
from netgraph.run.convert import pad, tensor_of
from netgraph.run.device import device_of
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net
from netgraph.spec.typing import Typing, infer, settled, short
from netgraph.surgery.initialize import open_error
from netgraph.types.port_type import PortType
from netgraph.types.sizes import Varying
from netgraph.types.symbols import Automatic


def port_values(net: Net, data) -> tuple[Net, dict[str, Any]]:
    """The data by port. A list given to a layer of any number of unnamed inputs is the list of them."""
    names = input_names(net)
    variadic = takes_list(net)
    if net.input_count is None:
        if isinstance(data, (Mapping, list, tuple)):
            net = net.with_inputs(len(data))
        else:
            raise NetTypeError(f"{short(net)} takes any number of inputs: give it a list of them", fix="net([a, b])")
        names = input_names(net)
        variadic = True
    if not names:
        if data is not None and data != {}:
            raise NetTypeError(f"{short(net)} has no input port, got {type(data).__name__}", fix="net()")
        return net, {}
    if isinstance(data, Mapping):
        for name in data:
            if name not in names:
                raise NetNameError(f"{short(net)} has no input port {name!r}, {did_you_mean(name, list(names))}")
        for name in names:
            if name not in data:
                raise NetTypeError(f'{short(net)}: the data has no "{name}"', fix="{" + ", ".join(f'"{n}": ...' for n in names) + "}")
        return net, {name: data[name] for name in names}
    if data is None:
        shown = ", ".join(f'"{n}"' for n in names)
        raise NetTypeError(f"{short(net)} wants data for {shown}")
    if variadic and isinstance(data, (list, tuple)):
        if len(data) != len(names):
            raise NetTypeError(f"{short(net)} has {len(names)} inputs, the list has {len(data)} entries")
        return net, dict(zip(names, data, strict=True))
    if len(names) > 1:
        shown = ", ".join(f'"{n}": ...' for n in names)
        raise NetTypeError(f"{short(net)} has {len(names)} input ports, one value was given", fix="{" + shown + "}")
    return net, dict.fromkeys(names, data)


def takes_list(net: Net) -> bool:
    """Whether a list is the list of the net's inputs: for a layer of any number of unnamed inputs."""
    return isinstance(net, Layer) and net.schema_of().variadic is not None


def device_in(option, values: Mapping[str, Any]) -> torch.device:
    if option is Automatic:
        return next((value.device for value in values.values() if isinstance(value, torch.Tensor)), torch.device("cpu"))
    return device_of(option)


def read(value, kind: PortType, name: str, dtype) -> tuple[torch.Tensor, dict[int, torch.Tensor], bool | None]:
    """What is given at a port as a tensor, the lengths along each axis where the examples of a list differ, and whether it is a batch.

    None instead of the last where the rank of the port is open.
    """
    lengths: dict[int, torch.Tensor] = {}
    axes = [axis for axis, size in enumerate(kind.shape or ()) if isinstance(size, Varying)]
    if kind.varies and _is_list_of_examples(value, kind):
        tensor, found = pad(value, kind, name, dtype)
        lengths = dict(zip(axes, found, strict=True))
    else:
        tensor = tensor_of(value, kind.kind, name, dtype=dtype)
        if tensor.shape == (0,) and 0 in axes:
            # an empty list says nothing about its inner axes
            tensor = tensor.reshape([0 if isinstance(size, Varying) else size or 0 for size in kind.shape or ()])
        if tensor.numel() == 0 and not _is_empty_sequence(tensor, kind):
            raise NetValueError(f"{name}: arrays of size zero are not allowed, got shape {tuple(tensor.shape)}")
    batch = None if kind.shape is None else _is_batch(name, tensor, kind, len(kind.shape))
    for axis in axes:
        if tensor.shape[axis + bool(batch)] == 0:
            # one element of padding, so that there is always something to look at
            lengths[axis] = tensor.new_zeros(tensor.shape[0] if batch else 1, dtype=torch.int64)
            tensor = torch.nn.functional.pad(tensor, [0, 0] * (len(kind.shape or ()) - 1 - axis) + [0, 1])
    return tensor, lengths, batch


def _is_empty_sequence(tensor: torch.Tensor, kind: PortType) -> bool:
    """Whether what has no element has none because an axis that varies is empty: in one example, or in all of a batch."""
    shape, excess = kind.shape or (), tensor.dim() - len(kind.shape or ())
    empty = [axis for axis, size in enumerate(tensor.shape) if size == 0]
    return excess in (0, 1) and all(axis >= excess and isinstance(shape[axis - excess], Varying) for axis in empty)


def tensors_in(net: Net, values: Mapping[str, Any], dtype):
    """The data as tensors, whether it is a batch, and the lengths by (port, axis) where examples differ."""
    types = settled(net).inputs
    ready: dict[str, torch.Tensor] = {}
    lengths: dict[tuple[str, int], torch.Tensor] = {}
    votes: list[Given] = []
    for name, value in values.items():
        ready[name], found, vote = read(value, types[name], name, dtype)
        lengths.update({(name, axis): length for axis, length in found.items()})
        if vote is not None:
            votes.append((name, ready[name], types[name], vote))
    batch = bool(votes) and votes[0][3]
    for given in votes:
        hold_together(votes[0], given)
    for name, tensor in ready.items() if batch else ():
        _hold_counts(votes[0][0], votes[0][1], name, tensor)
    return ready, batch, lengths


Given = tuple[str, torch.Tensor, PortType, bool]
"""What is given at a port: its name, the tensor, the type that is wanted, and whether it is a batch."""


def hold_together(first: Given, other: Given) -> None:
    """Both are one example, or batches of as many. Errors: NetShapeError."""
    if first[3] != other[3]:
        a, b = ("a batch", "one example") if first[3] else ("one example", "a batch")
        origins = [(tuple(tensor.shape), f"the data at {name}, {kind}") for name, tensor, kind, _ in (first, other)]
        raise NetShapeError(f"{first[0]} is {a}, {other[0]} is {b}", origins=origins)
    if first[3]:
        _hold_counts(first[0], first[1], other[0], other[1])


def _hold_counts(first: str, a: torch.Tensor, other: str, b: torch.Tensor) -> None:
    if a.shape[0] != b.shape[0]:
        raise NetShapeError(f"{first} has {a.shape[0]} examples, {other} has {b.shape[0]}")


def _is_batch(name: str, tensor: torch.Tensor, kind: PortType, rank: int) -> bool:
    if tensor.dim() not in (rank, rank + 1):
        raise NetShapeError(
            f"{name} wants {kind}, or a batch of these; the data has shape {tuple(tensor.shape)}",
        )
    batch = tensor.dim() == rank + 1
    got = tuple(tensor.shape[1:] if batch else tensor.shape)
    if any(isinstance(want, int) and want != have for want, have in zip(kind.shape, got, strict=True)):
        what = "each example of the data" if batch else "the data"
        raise NetShapeError(f"{name} wants {kind}, {what} has shape {got}")
    return batch


def _is_list_of_examples(value, kind: PortType) -> bool:
    """Whether a list for a port with varying axes is a batch, judged by how deep it is nested."""
    if not isinstance(value, (list, tuple)) or not value:
        return False
    depth, inner = 0, value
    while isinstance(inner, (list, tuple)) and inner:
        depth, inner = depth + 1, next((entry for entry in inner if not isinstance(entry, (list, tuple)) or entry), inner[0])
    if isinstance(inner, (list, tuple)):
        # nothing but empty lists: examples, unless they can be the rows of one
        return depth == 1 and (len(kind.shape) == 1 or not isinstance(kind.shape[1], Varying))
    depth += getattr(inner, "ndim", 0)
    return depth == len(kind.shape) + 1


def closed_typing(net: Net, ready: Mapping[str, torch.Tensor], batch: bool) -> Typing:
    """Full types of the net, with the data's shapes where the net alone leaves them open."""
    key = ("data typing", None) if settled(net).closed else ("data typing", tuple((n, tuple(t.shape)) for n, t in ready.items()), batch)
    if key not in net._cache:
        data = None
        if key[1] is not None:
            types = settled(net).inputs
            shapes = {name: tuple(t.shape[1:] if batch else t.shape) for name, t in ready.items()}
            data = {name: PortType(None, shape) for name, shape in shapes.items() if not types[name].varies}
        typing = infer(net, data=data, full=True, close=True)
        if not typing.closed:
            raise open_error(net, typing, f"{short(net)} cannot be evaluated")
        net._cache[key] = typing
    return net._cache[key]


def lengths_in(lowered: Lowered, known: Mapping[tuple[str, int], torch.Tensor], tensors, count: int) -> list[torch.Tensor]:
    """The lengths of each variable; ports that share one must agree for every example."""
    found: dict[int, tuple[str, torch.Tensor]] = {}
    for name, axis, variable, size in lowered.plan.length_sources:
        place = lowered.inputs.index(name)
        length = known.get((name, axis))
        if length is None:
            length = torch.full((count,), tensors[place].shape[axis + 1], dtype=torch.int64)
        if size.steps:
            continue
        if variable in found and not torch.equal(found[variable][1], length):
            other, first = found[variable]
            wrong = int((first != length).nonzero()[0])
            raise NetShapeError(
                f"{other} and {name} share a length; in example {wrong} they are {int(first[wrong])} and {int(length[wrong])} long"
            )
        found.setdefault(variable, (name, length))
    for name, axis, variable, size in lowered.plan.length_sources:
        if size.steps and variable in found:
            expected = found[variable][1]
            for form in size.steps:
                expected = (expected * form.multiply + form.add).div(form.divide, rounding_mode="floor")
            length = known.get((name, axis), torch.full((count,), tensors[lowered.inputs.index(name)].shape[axis + 1]))
            if not torch.equal(expected, length):
                wrong = int((expected != length).nonzero()[0])
                raise NetShapeError(f"{name}: in example {wrong} the length is {int(length[wrong])}, {int(expected[wrong])} is wanted")
    return [found[variable][1] for variable in sorted(found)]


def check_ranges(typing: Typing, ready: Mapping[str, torch.Tensor]) -> None:
    """Hold integers against a number of classes that only the other ports' data told."""
    for name, tensor in ready.items():
        kind = typing.inputs[name].kind
        if kind is not None and kind.name == "integer" and kind.count is not None:
            tensor_of(tensor, kind, name)
