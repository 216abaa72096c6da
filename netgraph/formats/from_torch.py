"""net_from_torch: a torch module as a net. Layers of ours where there are some, with the same numbers; else the module as it is."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.layers.basic import LinearLayer, SoftmaxLayer
from netgraph.layers.constants import ParametricRampLayer
from netgraph.layers.convolution import ConvolutionLayer, PoolingLayer
from netgraph.layers.elementwise import ElementwiseLayer
from netgraph.layers.module import HeldModule, ModuleLayer, outputs_of
from netgraph.layers.normalization import LocalResponseNormalizationLayer, NormalizationLayer
from netgraph.layers.recurrent import BasicRecurrentLayer, GatedRecurrentLayer, LongShortTermMemoryLayer
from netgraph.layers.reduce import AggregationLayer
from netgraph.layers.resampling import DeconvolutionLayer, ResizeLayer
from netgraph.layers.sequence import EmbeddingLayer
from netgraph.layers.structure import FlattenLayer, ReshapeLayer
from netgraph.layers.training import BatchNormalizationLayer, DropoutLayer
from netgraph.lower.module import NetModule
from netgraph.nets.chain import NetChain
from netgraph.nets.container import output_names
from netgraph.nets.map import NetMapOperator
from netgraph.spec.net import Net
from netgraph.spec.typing import typed
from netgraph.types.port_type import PortType, parse_type
from netgraph.types.symbols import Automatic, Scaled

__all__ = ["net_from_torch"]

Found = Net | list[Net] | None
"""What stands for a module: a net, several in a row, or None where none of ours computes the same."""


def net_from_torch(module: nn.Module, /, **types) -> Net:
    """The net that computes what a torch module computes, with the same numbers.

        net_from_torch(module)                       a module of one input
        net_from_torch(module, Input=(3, 32, 32))    the same, its shapes solved
        net_from_torch(module, x=2, y=3)             several inputs, by the names of the module's arguments

    A `Sequential` becomes a NetChain with the names it has, and a module that has a layer of ours that layer: linear, convolution and
    transposed convolution, pooling, normalisation, embedding, recurrence, dropout, flattening, activations and others. Whatever else
    stays itself, as a ModuleLayer, whose shapes are found by a run without memory. `print(net)` tells what was found.
    A module that `net_to_torch` made gives its net, with the numbers that it has now.
    Types are those of one example, without the batch axis; where they are known, `nn.Linear` on an array is mapped over its vectors, and
    the module is held against the net on random numbers.
    Training differs where torch's does from ours: moving variances are biased here.
    Errors: NetTypeError for what is no module; NetNameError for a port it does not have; NetValueError where a module does not treat the
    examples of a batch apart.
    Source: ours.

    >>> net = net_from_torch(torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)))
    >>> [type(layer).__name__ for layer in net], net["Output"]
    (['LinearLayer', 'ElementwiseLayer', 'LinearLayer'], (1,))
    """
    if not isinstance(module, nn.Module):
        raise NetTypeError(f"net_from_torch wants a torch.nn.Module, got {module!r}")
    if isinstance(module, NetModule):
        if types:
            raise NetTypeError("net_from_torch: a module made of a net has its types already", fix="net_from_torch(module)")
        return module.net
    held = HeldModule(module)
    for word in types:
        if word not in held.inputs:
            raise NetNameError(f"net_from_torch: {held.name} has no input {word!r}, {did_you_mean(word, held.inputs)}")
    given = {name: parse_type(value, f"net_from_torch: {name}", "input") for name, value in types.items()}
    known = len(given) == len(held.inputs) and all(kind.closed and not kind.varies for kind in given.values())
    net = _Conversion(module, _traced(module, list(given.values())) if known else {}).net(given)
    if known:
        _compare(module, net, given)
    return net


class _Conversion:
    """A module on its way to a net. `shapes` are the shapes of one example at the input of each module inside, where they are known."""

    def __init__(self, module: nn.Module, shapes: Mapping[nn.Module, tuple[int, ...]]):
        self.module, self.shapes = module, shapes

    def net(self, given: Mapping[str, PortType]) -> Net:
        found = self.converted(self.module)
        if found is None:
            return ModuleLayer(HeldModule(self.module), **{name: kind.written() for name, kind in given.items()})
        net = NetChain(found) if isinstance(found, list) else found
        net = net.replaced(given={**net.given, **given})
        typed(net)
        return net

    def converted(self, module: nn.Module) -> Found:
        if type(module) is nn.Sequential:
            return self.chain(module)
        convert = KNOWN.get(type(module))
        return None if convert is None else convert(module, self.shapes.get(module))

    def chain(self, module: nn.Sequential) -> Net:
        parts: dict[str, Net | list[Net]] = {}
        for name, child in module.named_children():
            found = self.converted(child)
            parts[name] = ModuleLayer(HeldModule(child)) if found is None else found
        numbered = list(parts) == [str(number) for number in range(len(parts))]
        return NetChain(list(parts.values())) if numbered else NetChain(parts)


def _traced(module: nn.Module, types: list[PortType]) -> dict[nn.Module, tuple[int, ...]]:
    """The shape of one example at the input of each module inside, from a run of two examples."""
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def note(part, inputs):
        if inputs and isinstance(inputs[0], torch.Tensor):
            shapes.setdefault(part, tuple(inputs[0].shape[1:]))

    hooks = [part.register_forward_pre_hook(note) for part in module.modules()]
    try:
        _run(module, [_drawn(kind, 2) for kind in types])
    except Exception:  # whatever user code raises: it is told where the layer's types are solved
        return {}
    finally:
        for hook in hooks:
            hook.remove()
    return shapes


def _compare(module: nn.Module, net: Net, given: Mapping[str, PortType]) -> None:
    """Hold the net against the module, and the module's batches against its examples."""
    inputs = [_drawn(kind, 3) for kind in given.values()]
    together = outputs_of(_run(module, inputs))
    apart = [outputs_of(_run(module, [x[i : i + 1] for x in inputs])) for i in range(3)]
    for name, whole in list(together.items())[: len(output_names(net))]:  # torch's recurrent modules give states too
        if not all(_close(whole[i : i + 1], one[name]) for i, one in enumerate(apart)):
            what = f"{type(module).__name__} gives for an example in a batch what it does not give for it alone"
            raise NetValueError(f"net_from_torch: {what}; a net treats examples apart")
    found = net(dict(zip(given, inputs, strict=True)))
    found = {"Output": found} if isinstance(found, torch.Tensor) else found
    for (name, ours), theirs in zip(found.items(), together.values(), strict=False):
        if not _close(ours, theirs):
            raise AssertionError(f"net_from_torch: {name} of the net is not that of {type(module).__name__}")


def _close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a.double(), b.double(), rtol=1e-4, atol=1e-4 * max(1.0, float(b.abs().max())), equal_nan=True)


def _run(module: nn.Module, inputs: list[torch.Tensor]) -> Any:
    """The module in use, on a batch, left as it was."""
    modes = {part: part.training for part in module.modules()}
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            return module.eval()(*inputs)
    finally:
        for part, training in modes.items():
            part.training = training


def _drawn(kind: PortType, batch: int) -> torch.Tensor:
    """A batch of random examples of a closed type."""
    source, shape = torch.Generator().manual_seed(1), (batch, *(kind.shape or ()))
    if kind.kind is not None and kind.kind.name == "integer":
        return torch.randint(kind.kind.count or 2, shape, generator=source)
    return torch.randn(shape, generator=source)


# -- one module ---------------------------------------------------------------------------------------------------------------------------


def _linear(module: nn.Linear, shape) -> Found:
    net: Net = LinearLayer(module.out_features, Weights=module.weight, Biases=module.bias)
    for _ in range(max(0, len(shape or ()) - 1)):
        net = NetMapOperator(net)
    return net


def _convolution(module, shape) -> Found:
    transposed = isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d))
    if module.padding_mode != "zeros" or (transposed and (any(module.output_padding) or set(module.dilation) != {1})):
        return None
    padding = {"same": "Same", "valid": 0}.get(module.padding, module.padding) if isinstance(module.padding, str) else module.padding
    options = {"Stride": module.stride, "PaddingSize": padding, "ChannelGroups": module.groups, "Weights": module.weight}
    if transposed:
        if module.groups != 1:
            return None
        return DeconvolutionLayer(module.out_channels, module.kernel_size, Biases=module.bias, **options)
    return ConvolutionLayer(module.out_channels, module.kernel_size, Dilation=module.dilation, Biases=module.bias, **options)


def _rank(module: nn.Module) -> int:
    return int(type(module).__name__[-2])


def _pooling(module, shape) -> Found:
    rank, function = _rank(module), "Max" if "Max" in type(module).__name__ else "Mean"
    numbers = [(n,) * rank if isinstance(n, int) else tuple(n) for n in (module.kernel_size, module.stride, module.padding)]
    plain = not module.ceil_mode and not getattr(module, "return_indices", False) and getattr(module, "divisor_override", None) is None
    one = all(n in (1, (1,) * rank) for n in [getattr(module, "dilation", 1)])
    counted = getattr(module, "count_include_pad", True) or not any(numbers[2])
    if not (plain and one and counted):
        return None
    return PoolingLayer(numbers[0], numbers[1], PaddingSize=numbers[2], Function=function)


def _adaptive(module, shape) -> Found:
    sizes = module.output_size if isinstance(module.output_size, tuple) else (module.output_size,) * _rank(module)
    if any(size != 1 for size in sizes):
        return None
    function = "Max" if "Max" in type(module).__name__ else "Mean"
    # one number a channel, at an axis of length 1 for each axis that there was
    return [AggregationLayer(function), ReshapeLayer((Automatic, *sizes))]


def _batch_normalization(module, shape) -> Found:
    if not module.track_running_stats or module.momentum is None:
        return None
    if not module.affine:
        return None
    return BatchNormalizationLayer(
        Epsilon=module.eps, Momentum=1 - module.momentum, Scaling=module.weight, Biases=module.bias,
        MovingMean=module.running_mean, MovingVariance=module.running_var,
    )  # fmt: skip


def _layer_normalization(module: nn.LayerNorm, shape) -> Found:
    levels = list(range(-len(module.normalized_shape), 0))
    return NormalizationLayer(levels, "Same", Epsilon=module.eps, Scaling=module.weight, Biases=module.bias)


def _rms_normalization(module: nn.RMSNorm, shape) -> Found:
    if module.eps is None:
        return None
    levels = list(range(-len(module.normalized_shape), 0))
    return NormalizationLayer(levels, "Same", Epsilon=module.eps, Method="RMS", Scaling=module.weight, Biases=None)


def _group_normalization(module: nn.GroupNorm, shape) -> Found:
    if shape is None or len(shape) < 2:
        return None
    groups = (module.num_groups, *(1 for _ in shape[1:]))
    levels = list(range(len(shape)))
    return NormalizationLayer(levels, 0, GroupNumber=groups, Epsilon=module.eps, Scaling=module.weight, Biases=module.bias)


def _instance_normalization(module, shape) -> Found:
    if module.track_running_stats:
        return None
    return NormalizationLayer(Epsilon=module.eps, Scaling=module.weight, Biases=module.bias)


def _local_response(module: nn.LocalResponseNorm, shape) -> Found:
    if module.size % 2 == 0 or module.size < 3:
        return None
    return LocalResponseNormalizationLayer(Alpha=module.alpha, Beta=module.beta, Bias=module.k, ChannelWindowSize=module.size // 2)


def _flatten(module: nn.Flatten, shape) -> Found:
    if module.start_dim == 1 and module.end_dim == -1:
        return FlattenLayer()
    if module.start_dim < 1 or shape is None:
        return None
    end = module.end_dim - 1 if module.end_dim > 0 else len(shape) + module.end_dim
    merged = 1
    for size in shape[module.start_dim - 1 : end + 1]:
        merged *= size
    return ReshapeLayer((*shape[: module.start_dim - 1], merged, *shape[end + 1 :]))


def _softmax(module: nn.Softmax, shape) -> Found:
    level = module.dim
    return None if level is None or level == 0 else SoftmaxLayer(level - 1 if level > 0 else level)


def _embedding(module: nn.Embedding, shape) -> Found:
    if module.max_norm is not None or module.scale_grad_by_freq or module.padding_idx is not None:
        return None
    return EmbeddingLayer(module.embedding_dim, module.num_embeddings, Weights=module.weight)


def _upsample(module: nn.Upsample, shape) -> Found:
    if module.mode != "nearest" or module.scale_factor is None or shape is None:
        return None
    rank = len(shape) - 1
    factors = module.scale_factor if isinstance(module.scale_factor, tuple) else (module.scale_factor,) * rank
    if any(factor != int(factor) for factor in factors):
        return None
    return ResizeLayer(tuple(Scaled(int(factor)) for factor in factors), Resampling="Nearest")


def _prelu(module: nn.PReLU, shape) -> Found:
    slopes = module.weight.detach()
    return ParametricRampLayer([], Slope=slopes[0]) if slopes.numel() == 1 else ParametricRampLayer(0, Slope=slopes)


def _unflatten(module: nn.Unflatten, shape) -> Found:
    return ReshapeLayer(tuple(module.unflattened_size)) if module.dim in (1, -1) and shape is not None and len(shape) == 1 else None


_GATES = {
    nn.RNN: ("",),
    nn.GRU: ("ResetGate", "InputGate", "MemoryGate"),
    nn.LSTM: ("InputGate", "ForgetGate", "MemoryGate", "OutputGate"),
}
"""The gates in the order in which torch lays out their numbers."""


def _recurrent(module: nn.RNNBase, shape) -> Found:
    """A layer for each of torch's, its output the sequence: final states are at the ports of the layers.

    What is bidirectional, projected or not tanh stays itself, and so does a gated one whose reset gate acts on a bias, as ours does not.
    """
    if not module.batch_first:
        raise NetValueError(f"net_from_torch: {type(module).__name__} wants the batch axis in front", fix="batch_first=True")
    if module.bidirectional or module.proj_size or getattr(module, "nonlinearity", "tanh") != "tanh":
        return ModuleLayer(HeldModule(_Sequence(module)))
    layers: list[Net] = []
    for number in range(module.num_layers):
        wanted = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if module.bias else ()))
        numbers = [getattr(module, f"{name}_l{number}").detach().split(module.hidden_size) for name in wanted]
        if isinstance(module, nn.GRU) and module.bias and bool(numbers[3][2].any()):
            return ModuleLayer(HeldModule(_Sequence(module)))
        arrays: dict[str, Any] = {}
        for place, gate in enumerate(_GATES[type(module)]):
            arrays[f"{gate}InputWeights"], arrays[f"{gate}StateWeights"] = numbers[0][place], numbers[1][place]
            if module.bias:
                arrays[f"{gate}Biases"] = numbers[2][place] + numbers[3][place]
            else:
                arrays[f"{gate}Biases"] = torch.zeros(module.hidden_size)
        if number and module.dropout:
            layers.append(DropoutLayer(module.dropout))
        layers.append(_RECURRENT[type(module)](module.hidden_size, **arrays))
    return layers[0] if len(layers) == 1 else NetChain(layers)


class _Sequence(nn.Module):
    """The sequence that a recurrent module gives, without its final states."""

    def __init__(self, module: nn.RNNBase):
        super().__init__()
        self.recurrence = module

    def forward(self, x):
        return self.recurrence(x)[0]


_RECURRENT = {nn.RNN: BasicRecurrentLayer, nn.GRU: GatedRecurrentLayer, nn.LSTM: LongShortTermMemoryLayer}


def _elementwise(function: Any) -> Callable[[nn.Module, Any], Found]:
    return lambda module, shape: ElementwiseLayer(function)


KNOWN: dict[type, Callable[[Any, Any], Found]] = {
    nn.Linear: _linear,
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), _convolution),
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d), _pooling),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d), _adaptive),
    **dict.fromkeys((nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d), _adaptive),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d), _batch_normalization),
    **dict.fromkeys((nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), _instance_normalization),
    nn.LayerNorm: _layer_normalization,
    nn.RMSNorm: _rms_normalization,
    nn.GroupNorm: _group_normalization,
    nn.LocalResponseNorm: _local_response,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.Softmax: _softmax,
    nn.Softmax2d: lambda module, shape: SoftmaxLayer(0),
    nn.Embedding: _embedding,
    **dict.fromkeys(_GATES, _recurrent),
    nn.Upsample: _upsample,
    nn.PReLU: _prelu,
    nn.Identity: lambda module, shape: [],
    nn.Dropout: lambda module, shape: DropoutLayer(module.p),
    nn.AlphaDropout: lambda module, shape: DropoutLayer(module.p, Method="AlphaDropout"),
    nn.ReLU: _elementwise("ReLU"),
    nn.ReLU6: _elementwise(lambda x: x.clamp(0, 6)),
    nn.Tanh: _elementwise("Tanh"),
    nn.Sigmoid: _elementwise("Sigmoid"),
    nn.SiLU: _elementwise("Swish"),
    nn.Mish: _elementwise("Mish"),
    nn.SELU: _elementwise("SELU"),
    nn.Hardswish: _elementwise("HardSwish"),
    nn.Hardsigmoid: _elementwise(lambda x: (x / 6 + 0.5).clamp(0, 1)),
    nn.Softsign: _elementwise("SoftSign"),
    nn.ELU: lambda module, shape: ElementwiseLayer(lambda x: nn.functional.elu(x, module.alpha)),
    nn.GELU: lambda module, shape: ElementwiseLayer("GELU" if module.approximate == "none" else _tanh_gelu),
    nn.LeakyReLU: lambda module, shape: ElementwiseLayer(lambda x: nn.functional.leaky_relu(x, module.negative_slope)),
    nn.Softplus: lambda module, shape: ElementwiseLayer("SoftPlus") if module.beta == 1 else None,
    nn.Hardtanh: lambda module, shape: ElementwiseLayer(lambda x: x.clamp(module.min_val, module.max_val)),
}
"""What stands for each module; one that is not here, or for which this gives None, stays itself."""


def _tanh_gelu(x):
    return nn.functional.gelu(x, approximate="tanh")
