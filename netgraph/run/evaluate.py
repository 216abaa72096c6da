"""Evaluation: plain data in, plain data out; one example or a batch by rank."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch

from netgraph.errors import NetTypeError, NetValueError
from netgraph.lower.forward import Lowered, lower
from netgraph.nets.codecs import has_codecs, port_codecs
from netgraph.run.coding import decoded, encoded
from netgraph.run.convert import tensor_of, to_user
from netgraph.run.gradient import Point, derivative
from netgraph.run.inputs import check_ranges, closed_typing, device_in, lengths_in, port_values, takes_list, tensors_in
from netgraph.run.lengths import refuse_short
from netgraph.run.noise import draw_noise
from netgraph.run.outputs import Asked, asked_for, shown
from netgraph.run.recorded import recorded, recorder_among
from netgraph.run.states import final_states, given_states, start, states_among
from netgraph.spec.arrays import TRACING
from netgraph.spec.names import spelled
from netgraph.spec.net import Net
from netgraph.spec.ports import Jacobian, NetPortGradient
from netgraph.spec.typing import settled, short
from netgraph.surgery.initialize import missing_arrays, seed_of
from netgraph.types.symbols import Automatic

OPTIONS = ("BatchSize", "NetEvaluationMode", "RandomSeeding", "TargetDevice", "WorkingPrecision")
PRECISIONS = {"Real32": torch.float32, "Real64": torch.float64}
LARGEST = 4096
"""Examples that run together when BatchSize is Automatic."""


def evaluate(net: Net, data=None, what=Automatic, **options):
    """`net(data, what, **options)`, as Net.__call__ describes it."""
    if TRACING:
        recorder = recorder_among(data)
        if recorder is not None:
            return recorded(recorder, net, data, what, options)
    if what is Automatic and not options:
        ready = net._cache.get("ready")
        if ready is not None:
            result = ready(data)
            if result is not None:
                return result
    given: dict[str, Any] = spelled(options, OPTIONS, "evaluating a net")
    imposed, data = _imposed(data)
    gradient = what if isinstance(what, (NetPortGradient, Jacobian)) else None
    if imposed and gradient is None:
        raise NetTypeError("an output gradient is imposed, but no NetPortGradient is asked for")
    states, data = states_among(data)
    net, values = port_values(net, data)
    asked = asked_for(net, None if gradient is not None else what)
    if port_codecs(net).encoders:
        values = encoded(net, values, given)
    task = _task(net, values, states, asked, given, whole=gradient is not None)
    if gradient is not None:
        return _derivative(net, task, gradient, imposed)
    if what is Automatic and not options and Ready.fits(net, task.lowered):
        net._cache.setdefault("ready", Ready(net, task.lowered))
    return _answer(net, task, asked, given.get("RandomSeeding", Automatic))


class _Task(NamedTuple):
    """An evaluation made ready: the lowered function and what it is called with, all examples together."""

    lowered: Lowered
    training: bool
    batch: bool
    count: int
    piece: int
    inputs: tuple[torch.Tensor, ...]
    lengths: tuple[torch.Tensor, ...]
    arrays: tuple[torch.Tensor, ...]
    running: tuple[torch.Tensor, ...]
    given: Mapping[str, torch.Tensor]
    seed: Any
    dtype: torch.dtype
    device: torch.device
    like_tensor: bool

    def calls(self) -> Iterator[tuple]:
        """The arguments of the lowered function, for `piece` examples at a time."""
        for first in range(0, max(self.count, 1), self.piece):
            part, rows = slice(first, first + self.piece), min(self.piece, self.count - first)
            inputs, lengths = (tuple([t[part] for t in ts]) if self.count > self.piece else ts for ts in (self.inputs, self.lengths))
            given = {key: state[part] for key, state in self.given.items()}
            recurrent = [
                start(self.lowered, need, inputs, rows, given.get(need.path), self.dtype, self.device) for need in self.lowered.recurrent
            ]
            noise = () if not self.lowered.noise else _noise(self.lowered, inputs, self.seed, first, self.dtype, self.device)
            valid = torch.ones(rows, dtype=torch.bool, device=self.device) if self.lowered.coupled else None
            yield inputs, self.arrays, (*self.running, *recurrent), noise, lengths, valid


def _task(net: Net, values: Mapping[str, Any], states: Mapping[Any, Any], asked: Asked, given: Mapping[str, Any], whole: bool) -> _Task:
    """The evaluation of `asked` on the values and states given; `whole` if no batch may be cut into pieces."""
    mode, dtype = _mode(given), _precision(given)
    device = device_in(given.get("TargetDevice", Automatic), values)
    ready, batch, known = tensors_in(net, values, dtype)
    typing = closed_typing(net, ready, batch)
    missing = missing_arrays(net)
    if missing:
        raise _uninitialised(net, missing)
    check_ranges(typing, ready)
    lowered = lower(net, mode, typing=typing, wanted=asked.places, final=asked.states is not None)
    inputs = tuple([(ready[name] if batch else ready[name].unsqueeze(0)).to(device) for name in lowered.inputs])
    count = inputs[0].shape[0] if inputs else 1
    lengths = lengths_in(lowered, known, inputs, count)
    refuse_short(lowered, lengths)
    first = next(((name, ready[name], typing.inputs[name], batch) for name in lowered.inputs), None)
    started = given_states(net, lowered, states, first, lengths, dtype, device)
    size = given.get("BatchSize", Automatic)
    arrays, running = device_arrays(net, lowered, device, dtype)
    return _Task(
        lowered,
        mode == "Train",
        batch,
        count,
        piece=count if lowered.coupled or mode == "Train" or whole else LARGEST if size is Automatic else size,
        inputs=inputs,
        lengths=tuple([length.to(device) for length in lengths]),
        arrays=arrays,
        running=running,
        given=started,
        seed=None if not lowered.noise else seed_of(given.get("RandomSeeding", Automatic)),
        dtype=dtype,
        device=device,
        like_tensor=any(isinstance(value, torch.Tensor) for value in (*values.values(), *states.values())),
    )


def _mode(given: Mapping[str, Any]) -> str:
    mode = given.get("NetEvaluationMode", "Test")
    if mode not in ("Test", "Train"):
        raise NetValueError(f'NetEvaluationMode is "Test" or "Train", got {mode!r}')
    return mode


def _precision(given: Mapping[str, Any]) -> torch.dtype:
    precision = given.get("WorkingPrecision", "Real32")
    dtype = torch.float32 if precision is Automatic else PRECISIONS.get(precision)
    if dtype is None:
        raise NetValueError(f'WorkingPrecision is "Real32" or "Real64", got {precision!r}')
    return dtype


def _answer(net: Net, task: _Task, asked: Asked, seed):
    """What was asked for, as the user gets it."""
    lowered, lengths = task.lowered, task.lengths
    results, states = [[] for _ in asked.places], []
    for call in task.calls():
        with torch.set_grad_enabled(task.like_tensor and torch.is_grad_enabled()):
            outputs, updated = lowered.forward(*call)
        states.append(updated[len(task.running) :])
        for pieces, output in zip(results, outputs, strict=True):
            pieces.append(output)
    owned = {tensor.untyped_storage().data_ptr() for tensor in (*task.inputs, *task.arrays, *task.running, *task.given.values())}
    values: list[Any] = []
    for (path, port), how, pieces in zip(asked.places, asked.decoded, results, strict=True):
        whole = _own(pieces[0] if len(pieces) == 1 else torch.cat(pieces), owned)
        value = shown(whole, lowered.plan.lengths_at(path, port), lengths, task.batch, task.like_tensor)
        values.append(value if path or how is None else decoded(net, port, value, task.batch, how, seed))
    if asked.states is not None:
        values.insert(asked.states, final_states(lowered, states, task.inputs, lengths, task.batch, task.like_tensor))
    return values[0] if asked.keys is None else dict(zip(asked.keys, values, strict=True))


def _derivative(net: Net, task: _Task, wanted: NetPortGradient | Jacobian, imposed: Mapping[str, Any]):
    """The gradients or Jacobians with respect to ports or arrays, as the user gets them."""
    inputs, arrays, states, noise, lengths, _ = next(task.calls())
    recurrent = states[len(task.running) :]
    point = Point(task.lowered, inputs, arrays, task.running, recurrent, noise, lengths, task.training, task.batch, task.like_tensor)
    return derivative(net, point, wanted, imposed)


def _imposed(data) -> tuple[dict[str, Any], Any]:
    """The output gradients among the data, by port, and the rest of the data."""
    if not isinstance(data, Mapping):
        return {}, data
    gradients_given = {str(key.path[0]): value for key, value in data.items() if isinstance(key, NetPortGradient)}
    return gradients_given, {key: value for key, value in data.items() if not isinstance(key, NetPortGradient)} if gradients_given else data


def _own(result: torch.Tensor, owned: set[int]) -> torch.Tensor:
    """A result with memory of its own: the caller may write to it without changing the net or the data."""
    return result.clone() if result.untyped_storage().data_ptr() in owned else result


class Ready:
    """The short way for the common call: a net of one output and fixed shapes, on the CPU, on one example or a batch that fits at once.

    Calling it gives the result, or None for anything out of the ordinary, which the long way then does or refuses.
    """

    __slots__ = ("arrays", "forward", "owned", "ports", "single", "states")

    @staticmethod
    def fits(net: Net, lowered: Lowered) -> bool:
        """Whether the net is of the common sort."""
        plain = not (lowered.length_count or lowered.noise or lowered.recurrent or lowered.coupled or has_codecs(net))
        return plain and settled(net).closed and len(lowered.outputs) == 1 and bool(lowered.inputs)

    def __init__(self, net: Net, lowered: Lowered):
        types = settled(net).inputs
        self.ports = tuple((name, types[name].kind, types[name].shape, len(types[name].shape)) for name in lowered.inputs)
        self.single = self.ports[0][0] if len(self.ports) == 1 and not takes_list(net) else None
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
