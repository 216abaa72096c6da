"""Derivatives of a net's outputs with respect to its inputs and arrays: `net(x, NetPortGradient("Input"))`, `net(x, Jacobian(All))`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from netgraph.errors import NetNameError, NetShapeError, NetTypeError, did_you_mean
from netgraph.lower.forward import Lowered
from netgraph.lower.plan import Call, Length
from netgraph.run.convert import pad, tensor_of, to_user
from netgraph.run.outputs import shown, true_lengths
from netgraph.spec.declare import State
from netgraph.spec.masks import valid_positions
from netgraph.spec.net import Net, array_key, array_slots, is_position
from netgraph.spec.ports import Jacobian, NetPortGradient
from netgraph.spec.typing import short
from netgraph.types.symbols import All


class Point(NamedTuple):
    """Where a derivative is taken: a lowered net with all that its forward takes.

    `batch` tells whether the data was a batch, `like_tensor` whether it was tensors. All tensors but the arrays and the `running`
    statistics have the examples along their first axis.
    """

    lowered: Lowered
    inputs: tuple[torch.Tensor, ...]
    arrays: tuple[torch.Tensor, ...]
    running: tuple[torch.Tensor, ...]
    states: tuple[torch.Tensor, ...]
    noise: tuple[torch.Tensor, ...]
    lengths: tuple[torch.Tensor, ...]
    training: bool
    batch: bool
    like_tensor: bool

    @property
    def count(self) -> int:
        """The number of examples."""
        return self.inputs[0].shape[0] if self.inputs else 1

    @property
    def outputs(self) -> dict[str, dict[int, Length]]:
        """The outputs, with their varying axes."""
        return {name: self.lowered.plan.lengths_at((), name) for name in self.lowered.outputs}

    def varying(self, place: str) -> dict[int, Length]:
        """The varying axes of an input; an array has none."""
        return {axis: Length(variable, size.steps) for name, axis, variable, size in self.lowered.plan.length_sources if name == place}


def derivative(net: Net, point: Point, wanted: NetPortGradient | Jacobian, imposed: Mapping[str, Any]):
    """What `net(data, wanted)` gives. `imposed` are gradients at outputs by port, as they were written."""
    places = _places(net, point.lowered, wanted)
    if isinstance(wanted, Jacobian):
        if imposed:
            raise NetTypeError("an output gradient is imposed, but no NetPortGradient is asked for")
        found = _jacobians(net, point, places)
    else:
        weights = {name: _weight(point, name, value) for name, value in imposed.items()}
        found = _gradients(net, point, places, weights, wanted.per_example)
    return found if wanted.path == (All,) else found[places[0]]


# -- of what ---------------------------------------------------------------------------------------------------------------------------


def _places(net: Net, lowered: Lowered, wanted: NetPortGradient | Jacobian) -> list[str]:
    """Input ports of real kind and arrays by key; `All` is every one of them.

    Errors: NetNameError for neither a port nor an array, NetTypeError for an input of whole numbers or Booleans.
    """
    inputs = [name for name in lowered.inputs if _is_real(lowered, name)]
    if wanted.path == (All,):
        return [*inputs, *lowered.arrays]
    path, part = [], net
    for word in wanted.path:
        names = list(part.children)
        if is_position(word) and -len(names) <= word < len(names):
            word = names[word]
        path.append(str(word))
        part = part.children.get(path[-1], part)
    name = "/".join(path)
    if name in lowered.inputs:
        if name not in inputs:
            raise NetTypeError(f'"{name}" takes {lowered.typing.inputs[name]}: there is no gradient with respect to it')
        return [name]
    keys = {"/".join((*path, array)): array_key(path, array, setting) for path, _, array, _, setting in array_slots(net)}
    key = keys.get(name, name)
    if key in lowered.states:
        raise NetTypeError(f'"{name}" is kept by the layer itself: there is no gradient with respect to it')
    if key not in lowered.arrays:
        raise NetNameError(f"there is no input port or array {name!r}, {did_you_mean(name, [*inputs, *keys])}")
    return [key]


def _is_real(lowered: Lowered, name: str) -> bool:
    kind = lowered.typing.inputs[name].kind
    return kind is None or kind.name == "real"


# -- gradients -------------------------------------------------------------------------------------------------------------------------


def _weight(point: Point, name: str, value) -> torch.Tensor:
    """A gradient imposed at an output, padded as the output is."""
    lowered, like = point.lowered, (point.inputs or point.arrays)[0]
    if name not in lowered.outputs:
        raise NetNameError(f"NetPortGradient: there is no output port {name!r}, {did_you_mean(name, list(lowered.outputs))}")
    where, axes, dtype = f'NetPortGradient("{name}")', point.outputs[name], _dtype(point)
    if not (axes and point.batch):
        tensor = tensor_of(value, None, where, dtype=dtype).to(like.device)
        return tensor if point.batch else tensor.unsqueeze(0)
    tensor, lengths = pad(value, lowered.typing.outputs[name], where, dtype)
    for axis, found in zip(sorted(axes), lengths, strict=True):
        true = true_lengths(axes[axis], point.lengths).cpu()
        if found.shape != true.shape or not torch.equal(found, true):
            wrong = next((i for i, (a, b) in enumerate(zip(found, true, strict=False)) if a != b), min(len(found), len(true)))
            lengths_told = [len(f) if len(f) <= wrong else int(f[wrong]) for f in (found, true)]
            raise NetShapeError(f"{where}: in example {wrong} the length is {lengths_told[0]}, {lengths_told[1]} is wanted")
    return tensor.to(like.device)


def _dtype(point: Point) -> torch.dtype:
    return next((t.dtype for t in (*point.arrays, *point.inputs) if t.is_floating_point()), torch.float32)


def _total(point: Point, outputs: Sequence[torch.Tensor], weights: Mapping[str, torch.Tensor], lengths: Sequence[torch.Tensor]):
    """The sum of all output elements that are no padding, or of the products with the imposed gradients."""
    total = torch.zeros((), dtype=_dtype(point), device=outputs[0].device)
    for (name, axes), output in zip(point.outputs.items(), outputs, strict=True):
        weight = weights.get(name)
        if weights and weight is None:
            continue
        weight = None if weight is None else _fitted(weight, output, name, axes)
        product = output if weight is None else output * weight
        for axis, length in axes.items():
            product = torch.where(valid_positions(output, axis + 1, true_lengths(length, lengths), output.dim() - 1), product, 0.0)
        total = total + product.sum()
    return total


def _fitted(weight: torch.Tensor, output: torch.Tensor, name: str, axes: Mapping[int, Length]) -> torch.Tensor:
    """An imposed gradient with zeros where the output is padded further."""
    alike = weight.dim() == output.dim()
    more = [whole - own for own, whole in zip(weight.shape, output.shape, strict=True)] if alike else []
    if not alike or any(size and (size < 0 or place - 1 not in axes) for place, size in enumerate(more)):
        raise NetShapeError(f'the gradient imposed at "{name}" has shape {tuple(weight.shape)}, the output {tuple(output.shape)}')
    return torch.nn.functional.pad(weight, [end for size in reversed(more) for end in (0, size)]) if any(more) else weight


def _gradients(net: Net, point: Point, places: list[str], weights: Mapping[str, torch.Tensor], per_example: bool) -> dict[str, Any]:
    lowered = point.lowered
    if per_example:
        _refuse_coupling(net, point)
        found = _each(point, places, lambda outputs, weights, lengths: (_total(point, outputs, weights, lengths),), weights)[0]
        rows = dict(zip(places, found, strict=True))
        return {place: shown(row, point.varying(place), point.lengths, point.batch, point.like_tensor) for place, row in rows.items()}
    leaves = {
        name: tensor.detach().requires_grad_()
        for name, tensor in (*zip(lowered.inputs, point.inputs, strict=True), *zip(lowered.arrays, point.arrays, strict=True))
        if name in places
    }
    fed = tuple(leaves.get(name, tensor) for name, tensor in zip(lowered.inputs, point.inputs, strict=True))
    held = tuple(leaves.get(name, tensor) for name, tensor in zip(lowered.arrays, point.arrays, strict=True))
    valid = torch.ones(point.count, dtype=torch.bool, device=fed[0].device) if lowered.coupled else None
    with torch.enable_grad():
        outputs, _ = lowered.forward(fed, held, (*point.running, *point.states), point.noise, point.lengths, valid)
        total = _total(point, outputs, weights, point.lengths)
    if total.requires_grad:
        found = torch.autograd.grad(total, [leaves[name] for name in places], materialize_grads=True)
    else:
        found = [torch.zeros_like(leaves[name]) for name in places]
    return {place: _told(point, place, gradient) for place, gradient in zip(places, found, strict=True)}


def _told(point: Point, place: str, gradient: torch.Tensor):
    """A gradient as the user gets it: that of an input by example, that of an array over all."""
    if place not in point.lowered.inputs:
        return to_user(gradient, point.like_tensor)
    return shown(gradient, point.varying(place), point.lengths, point.batch, point.like_tensor)


# -- one example at a time ---------------------------------------------------------------------------------------------------------------


def _jacobians(net: Net, point: Point, places: list[str]) -> dict[str, Any]:
    """The Jacobians by place; where the net has several outputs, dicts of them by output."""
    _refuse_coupling(net, point)
    found = _each(point, places, lambda outputs, weights, lengths: tuple(output.squeeze(0) for output in outputs), {})
    told: dict[str, Any] = {}
    for number, place in enumerate(places):
        by_output = {}
        for (name, axes), rows in zip(point.outputs.items(), found, strict=True):
            whole = rows[number]
            leaf = dict(zip((*point.lowered.inputs, *point.lowered.arrays), (*point.inputs, *point.arrays), strict=True))[place]
            first = whole.dim() - 1 - (leaf.dim() - (place in point.lowered.inputs))
            behind = {axis + first: length for axis, length in point.varying(place).items()}
            by_output[name] = shown(whole, {**axes, **behind}, point.lengths, point.batch, point.like_tensor)
        told[place] = by_output if len(by_output) > 1 else next(iter(by_output.values()))
    return told


def _refuse_coupling(net: Net, point: Point) -> None:
    """An error where examples are no matter of their own."""
    for step in point.lowered.plan.steps:
        if not isinstance(step, Call):
            continue
        keeps = point.training and any(isinstance(declared, State) for _, declared, _ in step.layer.array_places())
        if step.layer.coupled or keeps:
            why = "uses the statistics of the batch in Train mode" if keeps else "sees the whole batch"
            subject = f"{'/'.join(step.path)}, {short(step.layer)}," if step.path else short(net)
            raise NetTypeError(f"{subject} {why}: there are no derivatives for each example by itself")


def _each(point: Point, places: list[str], value: Callable, weights: Mapping[str, torch.Tensor]) -> list[list[torch.Tensor]]:
    """The derivatives of each tensor of `value(outputs, weights, lengths)` by each place, for one example after the other, stacked.

    All examples run at once where torch can do that (vmap), else each by itself.
    """
    lowered, count = point.lowered, point.count
    names = (*lowered.inputs, *lowered.arrays)
    own = [name for name in lowered.inputs if name in places]
    shared = {name: tensor for name, tensor in zip(lowered.arrays, point.arrays, strict=True) if name in places}

    def one(leaves: dict[str, torch.Tensor], inputs, states, noise, lengths, weight):
        everything = {**dict(zip(names, (*(x.unsqueeze(0) for x in inputs), *point.arrays), strict=True)), **leaves}
        everything |= {name: leaves[name].unsqueeze(0) for name in own}
        fed, held = (tuple(everything[name] for name in group) for group in (lowered.inputs, lowered.arrays))
        lengths = tuple(length.unsqueeze(0) for length in lengths)
        outputs, _ = lowered.forward(fed, held, (*point.running, *states), noise, lengths, None)
        weight = {name: w.unsqueeze(0) for name, w in weight.items()}
        return value(tuple(output.to(_dtype(point)) for output in outputs), weight, lengths)

    def rows(tensors):
        """What operators folded into the batch, apart by example."""
        return tuple(tensor.unflatten(0, (count, -1)) for tensor in tensors)

    inputs = tuple(x.detach() for x in point.inputs)
    given = {name: x for name, x in zip(lowered.inputs, inputs, strict=True) if name in places}
    noise = tuple(
        x.expand(count, *x.shape) if need.shared else x.unflatten(0, (count, -1))
        for need, x in zip(lowered.noise, point.noise, strict=True)
    )
    columns = (inputs, rows(point.states), noise, tuple(point.lengths), dict(weights))  # the weights last

    def derived(leaves, *column):
        found = torch.func.jacrev(lambda leaves: one(leaves, *column))(leaves)
        return tuple(tuple(by_place[place] for place in places) for by_place in found)

    def alone(i: int):
        leaves = {name: x[i].requires_grad_() for name, x in given.items()} | {n: a.detach().requires_grad_() for n, a in shared.items()}
        with torch.enable_grad():
            *groups, weight = columns
            fed, states, noise, lengths = (tuple(x[i] for x in group) for group in groups)
            values = one(leaves, fed, states, noise, lengths, {name: w[i] for name, w in weight.items()})
        return [_row_by_row(whole, [leaves[place] for place in places]) for whole in values]

    try:
        axes: dict[str, int | None] = {**dict.fromkeys(given, 0), **dict.fromkeys(shared)}
        mapped = torch.func.vmap(derived, in_dims=(axes, *(0 for _ in columns)), randomness="error")
        with sdpa_kernel(SDPBackend.MATH):  # the fused kernels of attention cannot be mapped
            return [list(found) for found in mapped({**given, **shared}, *columns)]
    except (RuntimeError, TypeError, ValueError):  # a step that torch cannot map over examples
        every = [alone(i) for i in range(count)]
        return [[torch.stack(parts) for parts in zip(*found, strict=True)] for found in zip(*every, strict=True)]


def _row_by_row(whole: torch.Tensor, leaves: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The derivatives of each element of `whole` by each leaf, one backward pass an element."""
    if not whole.requires_grad:
        return [leaf.new_zeros((*whole.shape, *leaf.shape)) for leaf in leaves]
    rows = [torch.autograd.grad(x, leaves, retain_graph=True, materialize_grads=True) for x in whole.reshape(-1)]
    return [torch.stack(parts).reshape(*whole.shape, *parts[0].shape) for parts in zip(*rows, strict=True)]
