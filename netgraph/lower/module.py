"""A net as a torch.nn.Module: the generated forward, around parameters with readable names."""

import torch
from torch import nn

from netgraph.errors import NetTypeError, NetValueError
from netgraph.lower.forward import Lowered, lower
from netgraph.spec.net import Net
from netgraph.spec.typing import infer, short
from netgraph.surgery.initialize import missing_arrays, open_error

__all__ = ["net_to_torch"]


def net_to_torch(net: Net, mode: str = "Train") -> nn.Module:
    """The net as a `torch.nn.Module` that owns copies of its arrays.

    `module(*inputs)` takes tensors with a batch axis, in the order of the net's input ports, and gives a tensor, or a dict by port name
    for several outputs. `lengths=` are the true lengths of varying axes, `noise=` the random numbers of layers such as DropoutLayer, drawn
    by torch when left out. Parameters are named by path with "." ("0.Weights"), running statistics are buffers. `module.train()` and
    `module.eval()` switch between the two modes; `mode` is the one it starts in. `module.source` is the generated code.
    Compiles with `torch.compile(fullgraph=True)` and exports with `torch.export`.
    Errors: NetValueError for a net with open sizes or missing arrays.

    >>> module = net_to_torch(NetChain([2], Input=3).__class__([LinearLayer(1, Weights=[[1, 2, 3]], Biases=[0])]))
    >>> list(module.state_dict()), module(torch.ones(1, 3)).tolist()
    (['0.Weights', '0.Biases'], [[6.0]])
    """
    if mode not in ("Train", "Test"):
        raise NetValueError(f'net_to_torch: mode is "Train" or "Test", got {mode!r}')
    if not isinstance(net, Net):
        raise NetTypeError(f"net_to_torch wants a net, got {net!r}")
    typing = infer(net, full=True, close=True)
    if not typing.closed:
        raise open_error(net, typing, f"{short(net)} cannot become a module")
    missing = missing_arrays(net)
    if missing:
        raise NetValueError(f"{short(net)} is not initialised: {', '.join(missing[:4])} missing", fix="net_initialize(net).to_torch()")
    module = NetModule(lower(net, "Train", typing=typing), lower(net, "Test", typing=typing), net)
    return module.train(mode == "Train")


class NetModule(nn.Module):
    """The module that `net_to_torch` makes."""

    def __init__(self, training: Lowered, testing: Lowered, net: Net):
        super().__init__()
        self.source = testing.source
        self._forwards = {True: training.forward, False: testing.forward}
        self._noise = training.noise
        self._inputs, self._outputs = training.inputs, training.outputs
        self._arrays = [self._own(name, nn.Parameter(net.tensors[name].clone())) for name in training.arrays]
        self._states = [self._own(name, net.tensors[name].clone()) for name in training.states]
        test_arrays = [training.arrays.index(name) for name in testing.arrays]
        test_states = [training.states.index(name) for name in testing.states]
        self._orders = {True: (range(len(self._arrays)), range(len(self._states))), False: (test_arrays, test_states)}

    def _own(self, name: str, tensor) -> tuple[nn.Module, str]:
        """Register an array under its path, "a/b/Weights" in modules a and b."""
        *path, last = name.split("/")
        place: nn.Module = self
        for word in path:
            if word not in place._modules:
                place.add_module(word, nn.Module())
            place = place._modules[word]
        if isinstance(tensor, nn.Parameter):
            place.register_parameter(last, tensor)
        else:
            place.register_buffer(last, tensor)
        return place, last

    def forward(self, *inputs, lengths=(), noise=None):
        """The net on a batch: tensors in the order of the input ports."""
        if len(inputs) != len(self._inputs):
            raise NetTypeError(f"the module takes {len(self._inputs)} inputs ({', '.join(self._inputs)}), got {len(inputs)}")
        arrays = tuple([getattr(place, name) for place, name in self._arrays])
        states = tuple([getattr(place, name) for place, name in self._states])
        order, state_order = self._orders[self.training]
        if self.training and noise is None:
            noise = tuple([_drawn(need, inputs) for need in self._noise])
        outputs, updated = self._forwards[self.training](
            inputs, tuple([arrays[i] for i in order]), tuple([states[i] for i in state_order]), noise or (), tuple(lengths), None
        )
        if self.training:
            for (place, name), value in zip(self._states, updated, strict=True):
                getattr(place, name).copy_(value.detach())
        return outputs[0] if len(outputs) == 1 else dict(zip(self._outputs, outputs, strict=True))


def _drawn(need, inputs):
    rows = inputs[0].shape[0]
    for count in need.folds:
        rows = rows * count
    draw = torch.randn if need.distribution == "normal" else torch.rand
    return draw((rows, *need.shape), dtype=inputs[0].dtype if inputs[0].is_floating_point() else torch.float32, device=inputs[0].device)
