"""Convolution and pooling in one to three dimensions: a window moved over the spatial axes.

Shapes describe one example; the tensors of `forward` have the batch axis in front. The number of dimensions is not spelt but solved: from
a kernel, stride, dilation or padding given as a tuple, from preset weights, or from what is connected.
"""

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from netgraph.errors import NetShapeError, NetValueError
from netgraph.spec.declare import Array, InputPort, OutputPort, Rule, unvarying
from netgraph.spec.initial import BIAS, WEIGHT
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions
from netgraph.spec.parameters import Count, Flag, PerAxis, Size, choice, is_integer, parameter, per_axis, wants
from netgraph.types.sizes import Affine
from netgraph.types.symbols import Automatic

__all__ = ["ConvolutionLayer", "PoolingLayer"]


def _padding(value):
    if value == "Same":
        return value
    if is_integer(value) and value >= 0:
        return value
    if isinstance(value, tuple) and value:
        if all(is_integer(entry) and entry >= 0 for entry in value):
            return value
        pairs = all(isinstance(entry, tuple) and len(entry) == 2 for entry in value)
        if pairs and all(is_integer(size) and size >= 0 for entry in value for size in entry):
            return value
    raise wants('a whole number from 0, a tuple with one or with a pair (begin, end) for each axis, or "Same"', value)


PaddingSpec: Any = parameter(_padding, {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "array"}, {"const": "Same"}]})
"""How far a window may reach beyond the input."""


def _dimensionality(value):
    if value is Automatic or (is_integer(value) and 1 <= value <= 3):
        return value
    raise wants("1, 2, 3 or Automatic", value)


DimensionalitySpec: Any = parameter(_dimensionality, {"anyOf": [{"enum": [1, 2, 3]}, {"const": {"$word": "Automatic"}}]})

_AXES = {1: "a length", 2: "height and width", 3: "three spatial axes"}


class WindowLayer(Layer):
    """A window moved over the spatial axes. Abstract: KernelLayer, PoolingLayer."""

    Dimensionality: DimensionalitySpec = Automatic
    Interleaving: Flag = False
    PaddingSize: PaddingSpec = 0
    varying = "masked"

    # the parameters with one entry a spatial axis; the names of the input's and the output's number of channels
    per_axis_words: ClassVar[tuple[str, ...]] = ("KernelSize", "Stride")
    channels: ClassVar[tuple[str, str]] = ("channels", "channels")

    def written(self, name, depth=0):
        return repr(getattr(self, name))

    @property
    def rank(self) -> int | None:
        """The number of spatial axes that the parameters tell; None when none does."""
        return next(iter(self._ranks().values()), None)

    def _ranks(self) -> dict[str, int]:
        ranks = {word: len(getattr(self, word)) for word in (*self.per_axis_words, "PaddingSize") if isinstance(getattr(self, word), tuple)}
        return ranks if self.Dimensionality is Automatic else {**ranks, "Dimensionality": self.Dimensionality}

    def check(self):
        name, ranks = type(self).__name__, self._ranks()
        if len(set(ranks.values())) > 1:
            told = ", ".join(f"{word}={getattr(self, word)!r}" for word in ranks)
            raise NetValueError(f"{name}: {told} are for different numbers of spatial axes")
        if (self.rank or 1) > 3:
            word = next(iter(ranks))
            raise NetValueError(f"{name}: {word}={getattr(self, word)!r} is for {self.rank} spatial axes, at most 3 are possible")

    def reach(self, rank: int) -> tuple[int, ...]:
        """How many input elements the window spans along each axis."""
        return per_axis(self.KernelSize, rank)

    def sides(self, rank: int) -> tuple[tuple[int, int], ...] | None:
        """The padding before and after each axis; None for "Same", which depends on the input."""
        if self.PaddingSize == "Same":
            return None
        if is_integer(self.PaddingSize):
            return ((self.PaddingSize, self.PaddingSize),) * rank
        return tuple((side, side) if is_integer(side) else side for side in self.PaddingSize)

    def forms(self, rank: int) -> list[Affine]:
        """The output's size along each axis, as a form of the input's."""
        sides = self.sides(rank)
        if sides is None:
            return [Affine(1, stride - 1, stride) for stride in per_axis(self.Stride, rank)]
        spans = zip(self.reach(rank), per_axis(self.Stride, rank), sides, strict=True)
        return [Affine(1, begin + end - reach + stride, stride) for reach, stride, (begin, end) in spans]

    def paddings(self, sizes) -> list[tuple[int, int]]:
        """The padding before and after each axis for an input whose spatial sizes are known."""
        sides = self.sides(len(sizes))
        if sides is not None:
            return list(sides)
        result = []
        for size, reach, stride in zip(sizes, self.reach(len(sizes)), per_axis(self.Stride, len(sizes)), strict=True):
            # along a varying axis the stride is 1, and the total does not depend on the size
            total = max((-(-size // stride) - 1) * stride + reach - size, 0) if isinstance(size, int) else reach - 1
            result.append((total // 2, total - total // 2))
        return result

    # -- sizes ---------------------------------------------------------------------------------------------------------------------

    def relate(self):
        return (Rule(self._geometry), unvarying("channels", "the channels cannot vary"))

    def known_rank(self, scope) -> int | None:
        """The number of spatial axes, from parameters, arrays or ports."""
        if self.rank is not None:
            return self.rank
        known = [axes for run in ("source", "result") if (axes := scope.store.axes(scope.run(run))) is not None]
        return len(known[0]) - 1 if known else None

    def watched(self, scope) -> list:
        """The runs from which the number of spatial axes may get known."""
        return [scope.run("source"), scope.run("result")]

    def _geometry(self, scope):
        store, source, result = scope.store, scope.run("source"), scope.run("result")

        def fire() -> bool:
            rank = self.known_rank(scope)
            if rank is None:
                return False
            for run, port in ((source, "Input"), (result, "Output")):
                axes = store.axes(run)
                if axes is not None and (len(axes) != rank + 1 or not 1 <= rank <= 3):
                    store.fault(scope.where, self._misfit(scope, port, axes, rank))
                    return True
            for run, channels, spatial in ((source, self.channels[0], "spatial"), (result, self.channels[1], "windows")):
                sizes = [store.size() for _ in range(rank)]
                whole = [*sizes, scope.size(channels)] if self.Interleaving else [scope.size(channels), *sizes]
                store.equate_runs(run, store.run(whole, scope.origin()), scope.where)
                store.equate_runs(scope.run(spatial), store.run(sizes, scope.origin()), scope.where)
            pairs = zip(store.axes(scope.run("spatial")), store.axes(scope.run("windows")), self.forms(rank), strict=True)
            for axis, (before, after, form) in enumerate(pairs):
                store.form(after, before, form, scope.where, f"output size {axis}")
                if self.PaddingSize == "Same" and form.divide > 1:
                    text = 'the padding of PaddingSize="Same" with a Stride above 1 depends on the size, which cannot vary'
                    unvarying(before, text).apply(scope)
            self.kernel(scope, rank)
            return True

        store.rule(self.watched(scope), fire)

    def kernel(self, scope, rank: int) -> None:
        """What the number of spatial axes says of the arrays; nothing by default."""

    def _misfit(self, scope, port: str, axes, rank: int) -> NetShapeError:
        store, run = scope.store, scope.run("source" if port == "Input" else "result")
        shape, count = store.show(run), len(axes)
        have = "no axis" if count == 0 else f"{count} ax{'is' if count == 1 else 'es'}"
        if not 1 <= rank <= 3:
            wanted, fix = "channels and 1 to 3 spatial axes are wanted", None
        else:
            order = f"{_AXES[rank]}, then channels" if self.Interleaving else f"channels, then {_AXES[rank]}"
            wanted, fix = f"{rank + 1} are wanted: {order}", None
            sizes = [store.value(axis) for axis in axes]
            if port == "Input" and count == rank and all(isinstance(size, int) for size in sizes):
                fix = f"ReshapeLayer({tuple((*sizes, 1) if self.Interleaving else (1, *sizes))!r}) before it"
        origins = [(shape, str(store.why(run)))] if store.why(run) else []
        return NetShapeError(f"{scope.label(port)}: {shape} has {have}, {wanted}", origins=origins, fix=fix)

    # -- tensors -------------------------------------------------------------------------------------------------------------------

    def masked(self, x, lengths, fill: float, sizes):
        """`x` with `fill` behind the true end of each varying axis."""
        for axis, length in lengths["Input"].items():
            x = x.masked_fill(~valid_positions(x, axis + 1, length, len(sizes["source"])), fill)
        return x


class KernelLayer(WindowLayer):
    """A window of learned weights, which tell the number of spatial axes too. Abstract: ConvolutionLayer, DeconvolutionLayer."""

    positional = ("OutputChannels", "KernelSize")
    OutputChannels: Size
    KernelSize: PerAxis
    Stride: PerAxis = 1
    Dilation: PerAxis = 1
    ChannelGroups: Count = 1

    per_axis_words = ("KernelSize", "Stride", "Dilation")
    channels = ("channels", "OutputChannels")
    divided: ClassVar[str] = "channels"
    """The channels that "Weights" has those of one group of."""

    def reach(self, rank):
        return tuple(d * (k - 1) + 1 for k, d in zip(per_axis(self.KernelSize, rank), per_axis(self.Dilation, rank), strict=True))

    def relate(self):
        return (*super().relate(), Rule(self._grouping))

    def known_rank(self, scope):
        kernel = scope.store.axes(scope.run("kernel"))
        return len(kernel) if kernel is not None and self.rank is None else super().known_rank(scope)

    def watched(self, scope):
        return [*super().watched(scope), scope.run("kernel")]

    def kernel(self, scope, rank):
        sizes = scope.store.shape(per_axis(self.KernelSize, rank), scope.origin())
        scope.store.equate_runs(scope.run("kernel"), sizes, scope.label("Weights"))

    def _grouping(self, scope):
        """The divided channels are ChannelGroups * members, in both directions; the others divide likewise."""
        store, groups = scope.store, self.ChannelGroups
        if groups == 1:
            store.equate_sizes(scope.size(self.divided), scope.size("members"), scope.where)
            return
        what = {"channels": "input", "OutputChannels": "output"}
        text = f"the number of {what[self.divided]} channels"
        store.form(scope.size(self.divided), scope.size("members"), Affine(groups), scope.where, text)
        for name, side in what.items():
            _divides(scope, scope.size(name), groups, side, scope.size("members") if name == self.divided else None)


class ConvolutionLayer(KernelLayer):
    """Learned kernels moved over the spatial axes.

        output[o, i] = Biases[o] + sum over c, k of Weights[o, c, k] * input[c, i * Stride + k * Dilation - padding]

    `ConvolutionLayer(n, s)` has n output channels and kernels of size s along each spatial axis, `ConvolutionLayer(n, (h, w))` kernels of
    h x w; there may be 1 to 3 spatial axes. The input is channels, then spatial axes; with Interleaving=True the channels come last, in the
    output too. "Weights" (n x channels / ChannelGroups x kernel) is drawn by net_initialize, "Biases" starts at 0; `Biases=None` leaves it
    out. The kernel is not flipped. Stride, Dilation: a number or one for each axis. PaddingSize: zeros at both ends, a number, one for
    each axis, or a pair (begin, end) for each; "Same" gives ceil(size / Stride) positions, the smaller half of the padding in front.
    ChannelGroups=g: group i of the output channels sees group i of the input channels alone. The same in training and in use.
    Each spatial size d becomes (d + begin + end - Dilation * (s - 1) - 1) // Stride + 1. A spatial axis may vary: an example gives what it
    gives alone ("Same" then wants Stride=1).
    Errors: an input without a channel axis; channels that do not divide into the groups; a kernel larger than the padded input.
    Source: Wolfram's ConvolutionLayer.

    >>> ConvolutionLayer(1, (2, 2), Weights=[[[[1, 0], [2, -1]]]], Biases=[0.5])([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]).tolist()
    [[[4.5, 6.5], [10.5, 12.5]]]
    """

    Input = InputPort("real: *source", "channels x spatial axes (channels last with Interleaving)")
    Output = OutputPort("real: *result", "output channels x positions of the kernel (channels last with Interleaving)")
    Weights = Array("OutputChannels members *kernel", WEIGHT, meaning="output channels x input channels of a group x kernel")
    Biases = Array("OutputChannels", BIAS, optional=True, meaning="one an output channel")

    def forward(self, Input, *, Weights, Biases=None, sizes, lengths):
        x = self.masked(Input, lengths, 0.0, sizes)
        x = x.movedim(-1, 1) if self.Interleaving else x
        rank, sides = len(sizes["spatial"]), self.paddings(sizes["spatial"])
        symmetric = all(begin == end for begin, end in sides)
        if not symmetric:
            x = F.pad(x, _torch_order(sides))
        convolve = (F.conv1d, F.conv2d, F.conv3d)[rank - 1]
        padding = tuple(begin for begin, _ in sides) if symmetric else 0
        y = convolve(x, Weights, Biases, per_axis(self.Stride, rank), padding, per_axis(self.Dilation, rank), self.ChannelGroups)
        return y.movedim(1, -1) if self.Interleaving else y


def _divides(scope, size, groups: int, what: str, part) -> None:
    store = scope.store

    def fire() -> bool:
        value = store.value(size)
        if not isinstance(value, int):
            return value is not None
        if value % groups:
            store.conflict(scope.where, f"{value} {what} channels do not divide into ChannelGroups={groups}", (size,))
        elif part is not None:
            store.settle(part, value // groups, store.why(size), scope.where, "the number of channels of a group")
        return True

    store.rule([size], fire)


class PoolingLayer(WindowLayer):
    """The largest element, the mean or the sum of each window, channel by channel.

        output[c, i] = f over k of input[c, i * Stride + k - padding]

    `PoolingLayer(s)` has windows of size s along each of 1 to 3 spatial axes, `PoolingLayer((h, w))` of h x w; `PoolingLayer(s, stride)`
    moves them by `stride`. **The default stride is 1**, not the window's size. Function is Max, Mean or Total. The input is channels, then
    spatial axes; with Interleaving=True the channels come last. PaddingSize is as in ConvolutionLayer, and smaller than the window: padded
    elements count as -infinity for Max, as 0 for Total, and for Mean as 0 with the whole window as divisor. The same in training and in
    use. Each spatial size d becomes (d + begin + end - s) // Stride + 1. A spatial axis may vary ("Same" then wants Stride=1).
    Errors: an input without a channel axis; a window larger than the padded input.
    Source: Wolfram's PoolingLayer.

    >>> PoolingLayer((2,))([[1, 2, 3, 4]])
    array([[2., 3., 4.]], dtype=float32)
    >>> PoolingLayer((2,), 2, Function=Mean)([[1, 2, 3, 4]])
    array([[1.5, 3.5]], dtype=float32)
    """

    positional = ("KernelSize", "Stride")
    KernelSize: PerAxis
    Stride: PerAxis = 1
    Function: choice("Max", "Mean", "Total") = "Max"

    Input = InputPort("real: *source", "channels x spatial axes (channels last with Interleaving)")
    Output = OutputPort("real: *result", "channels x positions of the window (channels last with Interleaving)")

    def check(self):
        super().check()
        rank = self.rank or 1
        for (begin, end), window in zip(self.sides(rank) or (), per_axis(self.KernelSize, rank), strict=False):
            if max(begin, end) >= window:
                sizes = f"PaddingSize={self.PaddingSize!r} is not below KernelSize={self.KernelSize!r}"
                raise NetValueError(f"PoolingLayer: {sizes}, windows would hold padding alone")

    def flops(self, inputs, outputs, arrays):
        return math.prod(outputs["Output"]) * math.prod(per_axis(self.KernelSize, len(inputs["Input"]) - 1))

    def forward(self, Input, *, sizes, lengths):
        rank, sides = len(sizes["spatial"]), self.paddings(sizes["spatial"])
        fill = -torch.inf if self.Function == "Max" else 0.0
        x = self.masked(Input, lengths, fill, sizes)
        x = x.movedim(-1, 1) if self.Interleaving else x
        kernel, stride = per_axis(self.KernelSize, rank), per_axis(self.Stride, rank)
        # torch pads by at most half a window, and by the same at both ends
        within = all(begin == end <= size // 2 for (begin, end), size in zip(sides, kernel, strict=True))
        if not within:
            x = F.pad(x, _torch_order(sides), value=fill)
        padding = tuple(begin for begin, _ in sides) if within else 0
        if self.Function == "Max":
            y = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[rank - 1](x, kernel, stride, padding)
        else:
            y = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[rank - 1](x, kernel, stride, padding)
            y = y * float(math.prod(kernel)) if self.Function == "Total" else y
        y = y.movedim(1, -1) if self.Interleaving else y
        if self.Function == "Max" and lengths["Input"]:
            # behind the end of an example a window may hold nothing but -infinity, which would turn gradients into NaN later on
            for axis, length in lengths["Input"].items():
                form = self.forms(rank)[axis - (not self.Interleaving)]
                after = torch.div(length * form.multiply + form.add, form.divide, rounding_mode="floor")
                y = y.masked_fill(~valid_positions(y, axis + 1, after, rank + 1), 0.0)
        return y


def _torch_order(sides) -> list[int]:
    """Paddings as F.pad wants them: the last axis first."""
    return [side for pair in reversed(sides) for side in pair]
