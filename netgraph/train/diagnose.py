"""Naming the first bad layer: the batch whose loss or gradient was not finite, run once more and looked at layer by layer."""

import torch

from netgraph.lower.forward import lower
from netgraph.nets.container import Container
from netgraph.spec.net import walk
from netgraph.spec.typing import short
from netgraph.train.prepare import Prepared
from netgraph.train.step import Batch

ALL_FINITE = "every layer and gradient is finite when run again"


def _label(prepared: Prepared, key: str) -> str:
    """A place in the training net as the user knows it: without the name that the net has beside its losses."""
    return key.removeprefix("net/") if prepared.training.attached else key


def first_bad(prepared: Prepared, arrays, states, batch: Batch) -> str:
    """A clause that says where a batch first goes wrong: in the data, in an array, in a layer's output, or in an array's gradient.

    `arrays` and `states` are those before the update that failed, in the order of the training function.
    """
    lowered = prepared.forward
    for name, tensor in zip(lowered.inputs, batch.inputs, strict=False):
        if _bad(tensor):
            return f'the data at "{name}" is not finite'
    for name, tensor in (*zip(lowered.arrays, arrays, strict=True), *zip(lowered.states, states, strict=True)):
        if _bad(tensor):
            return f"the array {_label(prepared, name)} is not finite"
    places = [
        (path, port)
        for path, part in walk(prepared.net)
        if path and not isinstance(part, Container)
        for port in prepared.typing.terms[path].outputs
    ]
    places.sort(key=lambda place: lowered.plan.values[place[0], "out", place[1]])
    every = lower(prepared.net, "Train", typing=prepared.typing, wanted=tuple(places))
    keep = [lowered.arrays.index(name) for name in every.arrays]
    noise = dict(zip([need.path for need in lowered.noise], batch.noise, strict=True))
    noises = tuple(noise[need.path] for need in every.noise if need.path in noise)
    taken = batch.inputs[: len(lowered.inputs)]
    outputs, _ = every.from_zeros(taken, tuple(arrays[i] for i in keep), tuple(states), noises, batch.lengths, batch.valid)
    for (path, port), output in zip(places, outputs, strict=True):
        if _bad(output):
            part = prepared.net
            for name in path:
                part = part.children[name]
            return f"{_label(prepared, '/'.join((*path, port)))}, of {short(part)}, is the first that is not finite"
    leaves = [tensor.detach().requires_grad_() for tensor in arrays]
    (losses, *_), _ = prepared.objective.of(lowered)(batch.inputs, tuple(leaves), tuple(states), batch.noise, batch.lengths, batch.valid)
    grads = torch.autograd.grad(losses.mean(), leaves, allow_unused=True)
    bad = [name for name, grad in zip(lowered.arrays, grads, strict=True) if grad is not None and _bad(grad)]
    if not bool(torch.isfinite(losses.mean())):
        return "the losses of the examples are finite, their mean is not: they are too large to be added up"
    if bad:
        return f"every layer is finite, the gradient of {_label(prepared, bad[-1])} is not"
    return ALL_FINITE


def _bad(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
