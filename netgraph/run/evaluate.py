"""Evaluation: plain data in, plain data out; one example or a batch by rank."""

from collections.abc import Mapping
from typing import Any

import torch

from netgraph.errors import NetNameError, NetShapeError, NetTypeError, NetValueError, did_you_mean
from netgraph.lower.forward import Lowered, lower
from netgraph.lower.plan import StateNeed
from netgraph.nets.container import input_names
from netgraph.run.convert import pad, tensor_of, to_user
from netgraph.run.device import device_of
from netgraph.run.gradient import Point, derivative
from netgraph.run.lengths import refuse_short
from netgraph.run.noise import draw_noise
from netgraph.run.outputs import names_of, shown, wanted_outputs
from netgraph.spec.layer import Layer
from netgraph.spec.names import spelled
from netgraph.spec.net import Net
from netgraph.spec.ports import Jacobian, NetPortGradient
from netgraph.spec.typing import Typing, infer, settled, short
from netgraph.surgery.initialize import missing_arrays, open_error, seed_of
from netgraph.types.port_type import PortType
from netgraph.types.sizes import Varying
from netgraph.types.symbols import Automatic

OPTIONS = ("BatchSize", "NetEvaluationMode", "RandomSeeding", "TargetDevice", "WorkingPrecision")
PRECISIONS = {"Real32": torch.float32, "Real64": torch.float64}
LARGEST = 4096
"""Examples that run together when BatchSize is Automatic."""


def evaluate(net: Net, data=None, what=None, **options):
    """`net(data, what, **options)`, as Net.__call__ describes it."""
    if what is None and not options:
        ready = net._cache.get("ready")
        if ready is not None:
            result = ready(data)
            if result is not None:
                return result
    given: dict[str, Any] = spelled(options, OPTIONS, "evaluating a net")
    mode = given.get("NetEvaluationMode", "Test")
    if mode not in ("Test", "Train"):
        raise NetValueError(f'NetEvaluationMode is "Test" or "Train", got {mode!r}')
    precision = given.get("WorkingPrecision", "Real32")
    dtype = torch.float32 if precision is Automatic else PRECISIONS.get(precision)
    if dtype is None:
        raise NetValueError(f'WorkingPrecision is "Real32" or "Real64", got {precision!r}')
    imposed, data = _imposed(data)
    net, values = _port_values(net, data)
    like_tensor = any(isinstance(value, torch.Tensor) for value in values.values())
    device = _device(given.get("TargetDevice", Automatic), values)
    ready, batch, lengths = _inputs(net, values, dtype)
    typing = _closed_typing(net, ready, batch)
    missing = missing_arrays(net)
    if missing:
        raise _uninitialised(net, missing)
    _check_ranges(typing, ready)
    gradient = what if isinstance(what, (NetPortGradient, Jacobian)) else None
    if imposed and gradient is None:
        raise NetTypeError("an output gradient is imposed, but no NetPortGradient is asked for")
    what = what if gradient is None else None
    wanted, single = wanted_outputs(net, what)
    lowered = lower(net, mode, typing=typing, wanted=wanted)
    tensors = _batched(lowered, ready, batch, device)
    count = tensors[0].shape[0] if tensors else 1
    lengths = _lengths(lowered, lengths, tensors, count)
    refuse_short(lowered, lengths)
    lengths = tuple(length.to(device) for length in lengths)
    size = given.get("BatchSize", Automatic)
    size = count if lowered.coupled or mode == "Train" or gradient is not None else LARGEST if size is Automatic else size
    arrays, running = device_arrays(net, lowered, device, dtype)
    if what is None and not options and Ready.fits(net, lowered):
        net._cache.setdefault("ready", Ready(net, lowered))
    results = [[] for _ in wanted]
    seed = None if not lowered.noise else seed_of(given.get("RandomSeeding", Automatic))
    axes = [lowered.plan.lengths_at(path, port) for path, port in wanted]
    for start in range(0, max(count, 1), size):
        part = slice(start, start + size)
        inputs = tuple(t[part] for t in tensors) if count > size else tensors
        lasting = tuple(length[part] for length in lengths) if count > size else lengths
        rows = min(size, count - start)
        states = (*running, *(torch.zeros(_shape(lowered, need, inputs, rows), dtype=dtype, device=device) for need in lowered.recurrent))
        noise = () if not lowered.noise else _noise(lowered, inputs, seed, start, dtype, device)
        valid = torch.ones(rows, dtype=torch.bool, device=device) if lowered.coupled else None
        if gradient is not None:
            point = Point(lowered, inputs, arrays, running, states[len(running) :], noise, lasting, mode == "Train", batch, like_tensor)
            return derivative(net, point, gradient, imposed)
        with torch.set_grad_enabled(like_tensor and torch.is_grad_enabled()):
            outputs = lowered.forward(inputs, arrays, states, noise, lasting, valid)[0]
        for pieces, output in zip(results, outputs, strict=True):
            pieces.append(output)
    owned = {tensor.untyped_storage().data_ptr() for tensor in (*tensors, *arrays, *running)}
    whole = [_own(pieces[0] if len(pieces) == 1 else torch.cat(pieces), owned) for pieces in results]
    values = [shown(result, cut, lengths, batch, like_tensor) for result, cut in zip(whole, axes, strict=True)]
    return values[0] if single else dict(zip(names_of(lowered, what), values, strict=True))


def _imposed(data) -> tuple[dict[str, Any], Any]:
    """The output gradients among the data, by port, and the rest of the data."""
    if not isinstance(data, Mapping):
        return {}, data
    gradients_given = {str(key.path[0]): value for key, value in data.items() if isinstance(key, NetPortGradient)}
    return gradients_given, {key: value for key, value in data.items() if not isinstance(key, NetPortGradient)} if gradients_given else data


def _own(result: torch.Tensor, owned: set[int]) -> torch.Tensor:
    """A result with memory of its own: the caller may write to it without changing the net or the data."""
    return result.clone() if result.untyped_storage().data_ptr() in owned else result


def _shape(lowered: Lowered, need: StateNeed, inputs, rows: int) -> tuple[int, ...]:
    for count in need.folds:
        rows *= lowered.padded(count, inputs)
    return (rows, *(lowered.padded(size, inputs) for size in need.shape))


class Ready:
    """The short way for the common call: a net of one output and fixed shapes, on the CPU, on one example or a batch that fits at once.

    Calling it gives the result, or None for anything out of the ordinary, which the long way then does or refuses.
    """

    __slots__ = ("arrays", "forward", "owned", "ports", "single", "states")

    @staticmethod
    def fits(net: Net, lowered: Lowered) -> bool:
        """Whether the net is of the common sort."""
        plain = not (lowered.length_count or lowered.noise or lowered.recurrent or lowered.coupled)
        return plain and settled(net).closed and len(lowered.outputs) == 1 and bool(lowered.inputs)

    def __init__(self, net: Net, lowered: Lowered):
        types = settled(net).inputs
        self.ports = tuple((name, types[name].kind, types[name].shape, len(types[name].shape)) for name in lowered.inputs)
        self.single = self.ports[0][0] if len(self.ports) == 1 and not _takes_list(net) else None
        self.forward = lowered.forward
        self.arrays, self.states = device_arrays(net, lowered, torch.device("cpu"), torch.float32)
        self.owned = {tensor.untyped_storage().data_ptr() for tensor in (*self.arrays, *self.states)}

    def __call__(self, data):
        if type(data) is not dict:
            if self.single is None or data is None or isinstance(data, Mapping):
                return None
            data = {self.single: data}
        if len(data) != len(self.ports):
            return None
        tensors, batch = [], None
        for name, kind, shape, rank in self.ports:
            value = data.get(name)
            if value is None or isinstance(value, torch.Tensor):
                return None
            tensor = tensor_of(value, kind, name)
            dims = tensor.dim()
            if dims == rank and batch is not True and tuple(tensor.shape) == shape:
                tensors.append(tensor.unsqueeze(0))
                batch = False
            elif dims == rank + 1 and batch is not False and tuple(tensor.shape[1:]) == shape and 0 < tensor.shape[0] <= LARGEST:
                tensors.append(tensor)
                batch = True
            else:
                return None
        if batch and len({t.shape[0] for t in tensors}) > 1:
            return None
        with torch.inference_mode():
            result = self.forward(tuple(tensors), self.arrays, self.states, (), (), None)[0][0]
            place = result.untyped_storage().data_ptr()
            if place in self.owned or any(place == tensor.untyped_storage().data_ptr() for tensor in tensors):
                result = result.clone()
            return to_user(result if batch else result[0], False)


def _uninitialised(net: Net, missing: list[str]) -> NetValueError:
    shown = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
    fix = "net_initialize(net), or train it with net_train"
    first = next((name for name, kind in settled(net).inputs.items() if not kind.closed), None)
    if first is not None:
        fix = f"net_initialize of the net with {first}=<shape>, or train it with net_train"
    return NetValueError(f"{short(net)} is not initialised: {shown} ha{'s' if len(missing) == 1 else 've'} no value", fix=fix)


def _check_ranges(typing: Typing, ready: Mapping[str, torch.Tensor]) -> None:
    """Hold integers against a number of classes that only the other ports' data told."""
    for name, tensor in ready.items():
        kind = typing.inputs[name].kind
        if kind is not None and kind.name == "integer" and kind.count is not None:
            tensor_of(tensor, kind, name)


# -- what comes in --------------------------------------------------------------------------------------------------------------------


def _port_values(net: Net, data) -> tuple[Net, dict[str, Any]]:
    """The data by port. A list given to a layer of any number of unnamed inputs is the list of them."""
    names = input_names(net)
    variadic = _takes_list(net)
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


def _takes_list(net: Net) -> bool:
    """Whether a list is the list of the net's inputs: for a layer of any number of unnamed inputs."""
    return isinstance(net, Layer) and net.schema_of().variadic is not None


def _device(option, values: Mapping[str, Any]) -> torch.device:
    if option is Automatic:
        return next((value.device for value in values.values() if isinstance(value, torch.Tensor)), torch.device("cpu"))
    return device_of(option)


def _inputs(net: Net, values: Mapping[str, Any], dtype):
    """The data as tensors, whether it is a batch, and the lengths by (port, axis) where examples differ."""
    types = settled(net).inputs
    ready: dict[str, torch.Tensor] = {}
    lengths: dict[tuple[str, int], torch.Tensor] = {}
    votes: dict[str, bool] = {}
    for name, value in values.items():
        kind = types[name]
        rank = None if kind.shape is None else len(kind.shape)
        if kind.varies and _is_list_of_examples(value, kind):
            tensor, found = pad(value, kind, name, dtype)
            axes = [axis for axis, size in enumerate(kind.shape) if isinstance(size, Varying)]
            lengths.update({(name, axis): length for axis, length in zip(axes, found, strict=True)})
        else:
            tensor = tensor_of(value, kind.kind, name, dtype=dtype)
            if tensor.numel() == 0:
                raise NetValueError(f"{name}: arrays of size zero are not allowed, got shape {tuple(tensor.shape)}")
        ready[name] = tensor
        if rank is not None:
            votes[name] = _is_batch(name, tensor, kind, rank)
    batch = next(iter(votes.values()), False)
    for name, vote in votes.items():
        if vote != batch:
            first = next(iter(votes))
            a, b = ("a batch", "one example") if batch else ("one example", "a batch")
            raise NetShapeError(
                f"{first} is {a}, {name} is {b}", origins=[(tuple(ready[n].shape), f"the data at {n}, {types[n]}") for n in (first, name)]
            )
    if batch:
        counts = {name: tensor.shape[0] for name, tensor in ready.items()}
        first = next(iter(counts))
        for name, count in counts.items():
            if count != counts[first]:
                raise NetShapeError(f"{first} has {counts[first]} examples, {name} has {count}")
    return ready, batch, lengths


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
        depth, inner = depth + 1, inner[0]
    depth += getattr(inner, "ndim", 0)
    return depth == len(kind.shape) + 1


def _closed_typing(net: Net, ready: Mapping[str, torch.Tensor], batch: bool) -> Typing:
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


def _batched(lowered: Lowered, ready: Mapping[str, torch.Tensor], batch: bool, device) -> tuple[torch.Tensor, ...]:
    """The inputs in order, with a batch axis, on the device, in the kinds that the solved types say."""
    tensors = []
    for name in lowered.inputs:
        tensor = ready[name]
        tensors.append((tensor if batch else tensor.unsqueeze(0)).to(device))
    return tuple(tensors)


def _lengths(lowered: Lowered, known: Mapping[tuple[str, int], torch.Tensor], tensors, count: int) -> list[torch.Tensor]:
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


def _noise(lowered: Lowered, inputs, seed, step: int, dtype, device):
    padded = [0] * lowered.length_count
    for name, axis, variable, size in lowered.plan.length_sources:
        if not size.steps:
            padded[variable] = inputs[lowered.inputs.index(name)].shape[axis + 1]
    return draw_noise(lowered.noise, inputs[0].shape[0] if inputs else 1, padded, seed, step, dtype=dtype, device=device)


def device_arrays(net: Net, lowered: Lowered, device: torch.device, dtype) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
    """The arrays and states in the order of the lowered function, on a device; copies are kept on the net."""
    key = ("arrays", lowered.arrays, lowered.states, str(device), dtype)
    if key not in net._cache:
        place = [tuple(net.tensors[name].to(device, dtype) for name in names) for names in (lowered.arrays, lowered.states)]
        net._cache[key] = (place[0], place[1])
    return net._cache[key]
