"""Gradients of a net's outputs with respect to its inputs and arrays: `net(x, NetPortGradient("Input"))`."""

from collections.abc import Mapping

import torch

from netgraph.errors import NetNameError, NetShapeError, NetTypeError, did_you_mean
from netgraph.lower.forward import Lowered
from netgraph.spec.net import Net, array_key, array_slots
from netgraph.spec.ports import NetPortGradient
from netgraph.types.symbols import All


def gradient_places(net: Net, lowered: Lowered, wanted: NetPortGradient) -> list[str]:
    """The names of what a gradient is asked for: input ports of real kind and arrays by key; `All` is every one of them.

    Errors: NetNameError for neither a port nor an array, NetTypeError for an input of whole numbers or Booleans.
    """
    inputs = [name for name in lowered.inputs if _is_real(lowered, name)]
    if wanted.path == (All,):
        return [*inputs, *lowered.arrays]
    name = "/".join(str(part) for part in wanted.path)
    if name in lowered.inputs:
        if name not in inputs:
            raise NetTypeError(f'"{name}" takes {lowered.typing.inputs[name]}: there is no gradient with respect to it')
        return [name]
    keys = {"/".join((*path, array)): array_key(path, array, setting) for path, _, array, _, setting in array_slots(net)}
    key = keys.get(name, name)
    if key not in lowered.arrays:
        raise NetNameError(f"there is no input port or array {name!r}, {did_you_mean(name, [*inputs, *keys])}")
    return [key]


def _is_real(lowered: Lowered, name: str) -> bool:
    kind = lowered.typing.inputs[name].kind
    return kind is None or kind.name == "real"


def gradients(
    lowered: Lowered, places: list[str], inputs, arrays, states, noise, lengths, valid, imposed: Mapping[str, torch.Tensor]
) -> list[torch.Tensor]:
    """The gradients of the sum of all output elements, or of the products with the imposed output gradients.

    For an input each example has its own; for an array they are summed over the batch.
    """
    leaves = {
        name: tensor.detach().requires_grad_()
        for name, tensor in (*zip(lowered.inputs, inputs, strict=True), *zip(lowered.arrays, arrays, strict=True))
        if name in places
    }
    fed = tuple(leaves.get(name, tensor) for name, tensor in zip(lowered.inputs, inputs, strict=True))
    held = tuple(leaves.get(name, tensor) for name, tensor in zip(lowered.arrays, arrays, strict=True))
    with torch.enable_grad():
        outputs, _ = lowered.forward(fed, held, states, noise, lengths, valid)
        total = torch.zeros((), dtype=arrays[0].dtype if arrays else torch.float32, device=inputs[0].device if inputs else None)
        for name, output in zip(lowered.outputs, outputs, strict=True):
            if name in imposed and imposed[name].shape != output.shape:
                given = tuple(imposed[name].shape)
                raise NetShapeError(f'the gradient imposed at "{name}" has shape {given}, the output {tuple(output.shape)}')
            if not imposed:
                total = total + output.sum()
            elif name in imposed:
                total = total + (output * imposed[name]).sum()
    if not total.requires_grad:
        return [torch.zeros_like(leaves[name]) for name in places]
    return list(torch.autograd.grad(total, [leaves[name] for name in places], materialize_grads=True))
