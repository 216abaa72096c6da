"""A net as a torch.nn.Module: the generated forward, around parameters with readable names."""

import torch
from torch import nn

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.lower.forward import Lowered, lower
from netgraph.lower.plan import NoiseNeed, StateNeed
from netgraph.spec.net import Net
from netgraph.spec.ports import path_of
from netgraph.spec.typing import infer, short
from netgraph.surgery.initialize import missing_arrays, open_error

__all__ = ["net_to_torch"]

DEEPEST = 200
"""How deeply torch's own methods on modules, which call themselves, can be nested safely."""


def net_to_torch(net: Net, mode: str = "Train") -> nn.Module:
    """The net as a `torch.nn.Module` that owns copies of its arrays.

    `module(*inputs)` takes tensors with a batch axis, in the order of the net's input ports, and gives a tensor, or a dict by port name
    for several outputs. `lengths=` are the true lengths of varying axes, one tensor a length variable; `states=` the recurrent states to
    start from, by path ("rnn/State") or NetPort, zeros when left out (final ones are read where a graph makes them outputs); `noise=` the
    random numbers of layers such as DropoutLayer, drawn by torch when left out.
    Parameters are named by path with "." ("0.Weights"), running statistics are buffers. `module.train()` and `module.eval()` switch
    between the two modes; `mode` is the one it starts in. `module.source` is the generated code of the mode it is in.
    Compiles with `torch.compile(fullgraph=True)` and exports with `torch.export`.
    Errors: NetValueError for a net with open sizes or missing arrays.

    >>> module = net_to_torch(NetChain([LinearLayer(1, Weights=[[1, 2, 3]], Biases=[0])]))
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
    training, testing = (lower(net, word, typing=typing, final=False) for word in ("Train", "Test"))
    module = NetModule(training, testing, net)
    return module.train(mode == "Train")


class NetModule(nn.Module):
    """The module that `net_to_torch` makes."""

    def __init__(self, training: Lowered, testing: Lowered, net: Net):
        super().__init__()
        self._lowered = {True: training, False: testing}
        self._structure = net.structure
        self._arrays = {name: self._own(name, nn.Parameter(net.tensors[name].clone())) for name in training.arrays}
        self._states = {name: self._own(name, net.tensors[name].clone()) for name in training.states}

    @property
    def source(self) -> str:
        """The generated code of `forward`, in the mode the module is in."""
        return self._lowered[self.training].source

    @property
    def net(self) -> Net:
        """The net with the numbers that the module has now; `net_from_torch` gives it too."""
        places = {**self._arrays, **self._states}
        return self._structure.replaced(arrays={name: getattr(*place).detach().to("cpu", copy=True) for name, place in places.items()})

    def _own(self, name: str, tensor) -> tuple[nn.Module, str]:
        """Register an array under its path, "a/b/Weights" in modules a and b."""
        *path, last = name.split("/")
        if len(path) > DEEPEST:
            raise NetValueError(f"{name} is nested {len(path)} deep, torch's modules can be nested {DEEPEST} deep")
        place: nn.Module = self
        for word in path:
            if word not in place._modules:
                place.add_module(word, nn.Module())
            place = place.get_submodule(word)
        if isinstance(tensor, nn.Parameter):
            place.register_parameter(last, tensor)
        else:
            place.register_buffer(last, tensor)
        return place, last

    def forward(self, *inputs, lengths=None, states=None, noise=None):
        """The net on a batch: tensors in the order of the input ports."""
        lowered = self._lowered[self.training]
        if len(inputs) != len(lowered.inputs):
            count = len(lowered.inputs)
            raise NetTypeError(f"the module takes {count} input{'s' * (count != 1)} ({', '.join(lowered.inputs)}), got {len(inputs)}")
        lengths = () if lengths is None else tuple(lengths)
        if len(lengths) != lowered.length_count:
            count = lowered.length_count
            raise NetTypeError(f"the module takes {count} tensor{'s' * (count != 1)} of lengths, got {len(lengths)}")
        arrays = tuple([getattr(*self._arrays[name]) for name in lowered.arrays])
        running = [getattr(*self._states[name]) for name in lowered.states]
        given = {"/".join(map(str, path_of(port))): state for port, state in (states or {}).items()}
        known = [need.path for need in lowered.recurrent]
        for key in given:
            if key not in known:
                raise NetNameError(f'the module has no state "{key}", {did_you_mean(key, known)}')
        recurrent = [given[n.path].flatten(0, len(n.folds)) if n.path in given else self._zeros(n, inputs) for n in lowered.recurrent]
        if noise is None:
            noise = tuple([self._drawn(need, inputs) for need in lowered.noise])
        valid = torch.ones(inputs[0].shape[0], dtype=torch.bool, device=inputs[0].device) if lowered.coupled else None
        outputs, updated = lowered.forward(inputs, arrays, (*running, *recurrent), tuple(noise), lengths, valid)
        if self.training:
            for buffer, value in zip(running, updated, strict=False):
                buffer.copy_(value.detach())
        return outputs[0] if len(outputs) == 1 else dict(zip(lowered.outputs, outputs, strict=True))

    def _zeros(self, need: StateNeed, inputs):
        """The state that this batch starts from."""
        like = self._like(inputs)
        device = inputs[0].device if inputs else like.device
        return self._lowered[self.training].zeros(need, inputs, inputs[0].shape[0] if inputs else 1, like.dtype, device)

    def _drawn(self, need: NoiseNeed, inputs):
        """Random numbers of the shape that a layer needs, for this batch."""
        lowered = self._lowered[self.training]
        rows = inputs[0].shape[0] if inputs and not need.shared else 1
        for count in () if need.shared else need.folds:
            rows = rows * lowered.padded(count, inputs)
        shape = (rows, *(lowered.padded(size, inputs) for size in need.shape))
        like, make = self._like(inputs), torch.randn if need.distribution == "normal" else torch.rand
        return make(shape, dtype=like.dtype, device=inputs[0].device if inputs else like.device)

    def _like(self, inputs) -> torch.Tensor:
        """A tensor of the module's real numbers."""
        return next((x for x in (*inputs, *self.parameters()) if x.is_floating_point()), torch.empty(0))
