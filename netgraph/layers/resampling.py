"""Layers that give an image or a sequence another size: deconvolution, resizing, an affine map of the plane, random crops.

Shapes describe one example; the tensors of `forward` have the batch axis in front. Where positions along an axis are spread over the
whole of it, that axis cannot vary.
"""

import math
from fractions import Fraction
from typing import Any

import torch
import torch.nn.functional as F

from netgraph.errors import NetValueError
from netgraph.layers.convolution import KernelLayer
from netgraph.spec.declare import Array, InputPort, Noise, OutputPort, Rule, unvarying
from netgraph.spec.initial import BIAS, Weight
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import Flag, is_integer, is_number, parameter, per_axis, wants
from netgraph.types.sizes import Affine
from netgraph.types.symbols import All, Automatic, Scaled

__all__ = ["DeconvolutionLayer", "ImageAugmentationLayer", "ResizeLayer", "SpatialTransformationLayer"]


class _TransposedWeight(Weight):
    """Drawn as weights of outputs x inputs x kernel; the shape is inputs x outputs x kernel."""

    def draw(self, shape, method, source):
        inputs, outputs, *kernel = shape
        return super().draw((outputs, inputs, *kernel), method, source).transpose(0, 1).contiguous()


class DeconvolutionLayer(KernelLayer):
    """Learned kernels laid down once for each element, scaled by it, and summed where they overlap: a transposed convolution.

        output[o, j] = Biases[o] + sum over c, i, k with i * Stride + k * Dilation - crop = j of Weights[c, o, k] * input[c, i]

    `DeconvolutionLayer(n, s)` has n output channels and kernels of size s along each spatial axis, `DeconvolutionLayer(n, (h, w))`
    kernels of h x w; there may be 1 to 3 spatial axes. The input is channels, then spatial axes; with Interleaving=True the channels come
    last, in the output too. "Weights" (channels x n / ChannelGroups x kernel, as torch has them) is drawn by net_initialize, "Biases"
    starts at 0; `Biases=None` leaves it out. Stride, Dilation: a number or one for each axis. **PaddingSize crops the output**: elements
    taken off both ends, a number, one for each axis, or a pair (begin, end) for each; "Same" takes off (or, where the kernel is below the
    stride, appends) what makes the output Stride times as long as the input, the smaller half at the front. ChannelGroups=g: group i of
    the output channels sees group i of the input channels alone. The same in training and in use.
    Each spatial size d becomes Stride * (d - 1) + Dilation * (s - 1) + 1 - begin - end. A spatial axis may vary: an example gives what it
    gives alone.
    Errors: an input without a channel axis; channels that do not divide into the groups; nothing left after cropping.
    Source: Wolfram's DeconvolutionLayer, which has 1 or 2 spatial axes and no Dimensionality.

    >>> DeconvolutionLayer(1, 3, Stride=2, Weights=[[[1, 10, 100]]], Biases=None)([[1, 2, 3]]).tolist()
    [[1.0, 10.0, 102.0, 20.0, 203.0, 30.0, 300.0]]
    """

    Input = InputPort("real: *source", "channels x spatial axes (channels last with Interleaving)")
    Output = OutputPort("real: *result", "output channels x spatial axes (channels last with Interleaving)")
    Weights = Array("channels members *kernel", _TransposedWeight(), meaning="input channels x output channels of a group x kernel")
    Biases = Array("OutputChannels", BIAS, optional=True, meaning="one an output channel")

    divided = "OutputChannels"

    def crops(self, rank: int) -> tuple[tuple[int, int], ...]:
        """The elements taken off before and after each axis; a negative number after it: so many appended."""
        sides = self.sides(rank)
        if sides is not None:
            return sides
        totals = [reach - stride for reach, stride in zip(self.reach(rank), per_axis(self.Stride, rank), strict=True)]
        return tuple((max(total, 0) // 2, total - max(total, 0) // 2) for total in totals)

    def forms(self, rank):
        spans = zip(self.reach(rank), per_axis(self.Stride, rank), self.crops(rank), strict=True)
        return [Affine(stride, reach - stride - begin - end, 1) for reach, stride, (begin, end) in spans]

    def flops(self, inputs, outputs, arrays):
        positions = math.prod(inputs["Input"]) // arrays["Weights"][0]
        return math.prod(outputs["Output"]) + 2 * math.prod(arrays["Weights"]) * positions

    def forward(self, Input, *, Weights, Biases=None, sizes, lengths):
        x = self.masked(Input, lengths, 0.0, sizes)
        x = x.movedim(-1, 1) if self.Interleaving else x
        rank = len(sizes["spatial"])
        crops, stride, dilation = self.crops(rank), per_axis(self.Stride, rank), per_axis(self.Dilation, rank)
        both = tuple(min(begin, max(end, 0), reach - 1) for (begin, end), reach in zip(crops, self.reach(rank), strict=True))
        more = tuple(max(-end, 0) for _, end in crops)
        deconvolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[rank - 1]
        y = deconvolve(x, Weights, Biases, stride, both, more, self.ChannelGroups, dilation)
        for axis, ((begin, end), done) in enumerate(zip(crops, both, strict=True)):
            if begin > done or end > done:
                y = y[(*[slice(None)] * (axis + 2), slice(begin - done, done - end if end > done else None))]
        return y.movedim(1, -1) if self.Interleaving else y


def _is_factor(entry) -> bool:
    return isinstance(entry, Scaled) and 0 < entry.factor < math.inf


def _resizes(value):
    entries = value if isinstance(value, tuple) else (value,)
    if not 1 <= len(entries) <= 3 or not all(entry is All or _is_factor(entry) or (is_integer(entry) and entry >= 1) for entry in entries):
        raise wants("a size, a Scaled above 0 or All for each of 1 to 3 spatial axes", value)
    return entries


ResizedDimensions: Any = parameter(_resizes, {"type": "array", "minItems": 1, "maxItems": 3})


def _resampling(value):
    if value is not Automatic and value not in ("Linear", "Nearest"):
        raise wants('"Linear", "Nearest" or Automatic', value)
    return value


def _scheme(value):
    if value is not Automatic and value not in ("Point", "Bin"):
        raise wants('"Point", "Bin" or Automatic', value)
    return value


ResamplingSpec: Any = parameter(_resampling, {"anyOf": [{"enum": ["Linear", "Nearest"]}, {"const": {"$word": "Automatic"}}]})
SchemeSpec: Any = parameter(_scheme, {"anyOf": [{"enum": ["Point", "Bin"]}, {"const": {"$word": "Automatic"}}]})


class ResizeLayer(Layer):
    """The spatial axes brought to other sizes, by interpolation or repetition.

        output[c, j] = input[c, position of j], read between its two neighbours

    `ResizeLayer((d1, ...))` has an entry for each of 1 to 3 spatial axes: a size, `Scaled(r)` for floor(r * size), or All to leave the
    axis as it is. The input is channels, then spatial axes; with Interleaving=True the channels come last. Resampling is "Linear" (which
    Automatic means), linear along each axis without smoothing, or "Nearest", which repeats elements and wants Scaled of whole numbers.
    Scheme "Point" (Automatic for "Linear") puts the first and last element of the output on those of the input, position = j * (n - 1) /
    (m - 1) for n elements made m; a single element is the first. Scheme "Bin" (Automatic for "Nearest") takes elements for cells of equal
    width, position = (j + 1/2) * n / m - 1/2, held within the input. The same in training and in use. An axis under All may vary, with
    "Nearest" any.
    Errors: an input of another rank; "Nearest" with anything but Scaled of a whole number and All, or with "Point"; a varying axis that is
    resized linearly.
    Source: Wolfram's ResizeLayer. That it rounds down under Scaled is not said there.

    >>> ResizeLayer((5,))([[1, 2, 3]])
    array([[1. , 1.5, 2. , 2.5, 3. ]], dtype=float32)
    >>> ResizeLayer((Scaled(2),), Resampling="Nearest")([[1, 2, 3]])
    array([[1., 1., 2., 2., 3., 3.]], dtype=float32)
    """

    positional = ("Dimensions",)
    Dimensions: ResizedDimensions
    Interleaving: Flag = False
    Resampling: ResamplingSpec = Automatic
    Scheme: SchemeSpec = Automatic
    varying = "free"

    Input = InputPort("real: *source", "channels x spatial axes (channels last with Interleaving)")
    Output = OutputPort("real: *result", "channels x resized axes (channels last with Interleaving)")

    def check(self):
        if not self.nearest:
            return
        if self.Scheme == "Point":
            raise NetValueError('ResizeLayer: Resampling="Nearest" is for Scheme="Bin"')
        if not all(entry is All or (isinstance(entry, Scaled) and float(entry.factor).is_integer()) for entry in self.Dimensions):
            raise NetValueError(f'ResizeLayer: Resampling="Nearest" wants Scaled of a whole number or All, got {self.Dimensions!r}')

    def written(self, name, depth=0):
        return repr(self.Dimensions) if name == "Dimensions" else super().written(name, depth)

    @property
    def nearest(self) -> bool:
        """Whether elements are repeated rather than interpolated."""
        return self.Resampling == "Nearest"

    def relate(self):
        return (Rule(self._sizes),)

    def _sizes(self, scope):
        store = scope.store
        before, after = ([store.size() for _ in self.Dimensions] for _ in range(2))
        for run, spatial, sizes in (("source", "spatial", before), ("result", "resized", after)):
            whole = [*sizes, scope.size("channels")] if self.Interleaving else [scope.size("channels"), *sizes]
            store.equate_runs(scope.run(run), store.run(whole, scope.origin()), scope.where)
            store.equate_runs(scope.run(spatial), store.run(sizes, scope.origin()), scope.where)
        for axis, (entry, old, new) in enumerate(zip(self.Dimensions, before, after, strict=True)):
            if entry is All:
                store.equate_sizes(old, new, scope.where, f"size {axis}, which stays,")
                continue
            if isinstance(entry, Scaled):
                ratio = Fraction(entry.factor).limit_denominator(10**6)
                store.form(new, old, Affine(ratio.numerator, 0, ratio.denominator), scope.where, f"output size {axis}")
            else:
                store.settle(new, entry, scope.origin(), scope.where, f"output size {axis}")
            if not self.nearest:
                unvarying(old, f"spatial axis {axis} is resized linearly and cannot vary").apply(scope)

    def forward(self, Input, *, sizes):
        x = Input.movedim(-1, 1) if self.Interleaving else Input
        if self.nearest:
            for axis, entry in enumerate(self.Dimensions):
                x = x if entry is All else x.repeat_interleave(int(entry.factor), axis + 2)
        elif not all(entry is All for entry in self.Dimensions):
            shape = [x.shape[axis + 2] if entry is All else sizes["resized"][axis] for axis, entry in enumerate(self.Dimensions)]
            mode = ("linear", "bilinear", "trilinear")[len(shape) - 1]
            x = F.interpolate(x, size=shape, mode=mode, align_corners=self.Scheme != "Bin")
        return x.movedim(1, -1) if self.Interleaving else x


def _plane(value):
    if isinstance(value, tuple) and len(value) == 2 and all(is_integer(entry) and entry >= 1 for entry in value):
        return value
    raise wants("a pair (height, width) of whole numbers from 1", value)


PlaneSize: Any = parameter(_plane, {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2})


class SpatialTransformationLayer(Layer):
    """An image seen through an affine map of the plane that comes in as data.

        output[c, i, j] = input[c] at (zh * x + sh * y + th, sv * x + zv * y + tv)

    `SpatialTransformationLayer((h, w))` gives images of h x w. "Parameters" is (zh, sh, th, sv, zv, tv): zoom, skew and translation,
    horizontal, then vertical; (1, 0, 0, 0, 1, 0) is the identity, and a zoom below 1 magnifies. x and y run from -1 (the first column, the
    first row) to 1 (the last), in the output and in the input alike; between pixels the input is read bilinearly, outside it is 0. A
    single row or column of the output lies at 0. Both inputs have gradients. The same in training and in use. Nothing may vary.
    Errors: an input that is not of rank 3; Parameters that are not 6.
    Source: Wolfram's SpatialTransformationLayer, whose sampling is not documented; Jaderberg et al. 2015.

    >>> image = [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]
    >>> SpatialTransformationLayer((2, 2))({"Input": image, "Parameters": [0.5, 0, 0, 0, 0.5, 0]}).tolist()
    [[[3.0, 4.0], [6.0, 7.0]]]
    """

    positional = ("Dimensions",)
    Dimensions: PlaneSize

    Input = InputPort("real: channels height width", "channels x height x width")
    Parameters = InputPort(
        "real: 6", "the affine map: zoom, skew and translation along the width, skew, zoom and translation along the height"
    )
    Output = OutputPort("real: channels *Dimensions", "the image seen, of the given size")

    def forward(self, Input, Parameters, *, sizes):
        shape = [Input.shape[0], sizes["channels"], *self.Dimensions]
        # torch.affine_grid_generator, not F.affine_grid: that one warns of a single row
        grid = torch.affine_grid_generator(Parameters.reshape(-1, 2, 3), shape, True)
        return F.grid_sample(Input, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def _probabilities(value):
    if isinstance(value, tuple) and len(value) == 2 and all(is_number(entry) and 0 <= entry <= 1 for entry in value):
        return tuple(map(float, value))
    raise wants("a pair (vertical, horizontal) of numbers from 0 to 1", value)


PairOfProbabilities: Any = parameter(_probabilities, {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}})


class ImageAugmentationLayer(Layer):
    """In training a random crop of each image, reflected at random; in use the crop at the centre.

        output[c, i, j] = input[c, top + i, left + j]

    `ImageAugmentationLayer((h, w))` gives images of h x w, at most as large as the input; nothing is resampled. In training top and left
    are drawn for each example, all places alike, and ReflectionProbabilities=(v, h) are the probabilities of turning the crop upside down
    and of swapping left and right. In use (NetEvaluationMode "Test") top and left are half of what is left over, rounded down, and nothing
    is reflected. The numbers are functions of seed, step and place, so runs repeat. Nothing may vary.
    Errors: an input that is not of rank 3 or is smaller than the crop; a probability outside 0 to 1.
    Source: Wolfram's ImageAugmentationLayer, where draws do not follow a seed.

    >>> ImageAugmentationLayer((2, 1))([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]).tolist()
    [[[2.0], [5.0]]]
    """

    positional = ("Dimensions",)
    Dimensions: PlaneSize
    ReflectionProbabilities: PairOfProbabilities = (0.0, 0.0)

    Input = InputPort("real: channels height width", "channels x height x width")
    Output = OutputPort("real: channels *Dimensions", "the crop")
    Draws = Noise("4", "uniform")

    def relate(self):
        return (Rule(self._fits),)

    def _fits(self, scope):
        store = scope.store
        for name, least in zip(("height", "width"), self.Dimensions, strict=True):
            size = scope.size(name)

            def fire(name=name, size=size, least=least) -> bool:
                value = store.value(size)
                if isinstance(value, int) and value < least:
                    store.conflict(scope.where, f"the {name} is {value}, a crop wants at least {least}", (size,))
                return value is not None

            store.rule([size], fire)

    def forward(self, Input, *, Draws, training, sizes):
        (height, width), (rows, columns) = self.Dimensions, (sizes["height"], sizes["width"])
        if not training:
            top, left = (rows - height) // 2, (columns - width) // 2
            return Input[:, :, top : top + height, left : left + width]
        down = _window(Draws[:, 0:1], Draws[:, 2:3], rows, height, self.ReflectionProbabilities[0])
        across = _window(Draws[:, 1:2], Draws[:, 3:4], columns, width, self.ReflectionProbabilities[1])
        x = Input.gather(2, down[:, None, :, None].expand(-1, sizes["channels"], -1, columns))
        return x.gather(3, across[:, None, None, :].expand(-1, sizes["channels"], height, -1))


def _window(place, turn, whole: int, part: int, probability: float):
    """The indices of `part` neighbours of `whole`, for each example: at a drawn place, backwards if `turn` is below the probability."""
    start = (place * (whole - part + 1)).long().clamp_max(whole - part)
    steps = torch.arange(part, device=place.device)
    return start + torch.where(turn < probability, part - 1 - steps, steps)
