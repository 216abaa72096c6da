"""Rows of deconvolution, resizing and the layers that look at an image elsewhere, against plain loops in NumPy."""

import itertools
import math

import numpy as np

from netgraph import (
    All,
    Automatic,
    DeconvolutionLayer,
    ImageAugmentationLayer,
    NetChain,
    ResizeLayer,
    Scaled,
    SpatialTransformationLayer,
)
from tests.layers.harness import Row


def every(value, rank):
    return (value,) * rank if isinstance(value, int) else value


def deconvolution(stride=1, dilation=1, crops=0, groups=1, last=False):
    """Each kernel laid down where its element says; `crops` are pairs, below 0 where zeros are appended."""

    def reference(x, Weights, Biases=None):
        x = np.moveaxis(x, -1, 0) if last else x
        rank, (members, *kernel) = x.ndim - 1, Weights.shape[1:]
        steps, gaps = every(stride, rank), every(dilation, rank)
        pads = [(crop, crop) if isinstance(crop, int) else crop for crop in every(crops, rank)]
        full = [s * (n - 1) + d * (k - 1) + 1 for n, k, s, d in zip(x.shape[1:], kernel, steps, gaps, strict=True)]
        y = np.zeros((members * groups, *full))
        for c, *at in itertools.product(*map(range, x.shape)):
            group = c // (len(x) // groups)
            for o, *k in itertools.product(range(members), *map(range, kernel)):
                place = tuple(i * s + j * d for i, j, s, d in zip(at, k, steps, gaps, strict=True))
                y[(group * members + o, *place)] += Weights[(c, o, *k)] * x[(c, *at)]
        y = np.pad(y, [(0, 0), *((0, max(-end, 0)) for _, end in pads)])
        y = y[(slice(None), *(slice(begin, n - end if end > 0 else None) for n, (begin, end) in zip(full, pads, strict=True)))]
        y = y if Biases is None else y + Biases.reshape(-1, *[1] * rank)
        return np.moveaxis(y, 0, -1) if last else y

    return reference


def drawn(pick):
    rank, groups = pick(1, 3), pick(1, 2)
    per_axis = lambda low, high: tuple(pick(low, high) for _ in range(rank))  # noqa: E731
    kernel, last = per_axis(1, 3), bool(pick(0, 1))
    padding = [0, "Same", 1, tuple((pick(0, 2), pick(0, 2)) for _ in kernel)][pick(0, 3)]
    layer = DeconvolutionLayer(
        groups * pick(1, 2),
        kernel,
        Stride=per_axis(1, 3),
        Dilation=per_axis(1, 2),
        ChannelGroups=groups,
        PaddingSize=padding,
        Interleaving=last,
    )
    sizes, channels = tuple(pick(5, 6) for _ in range(rank)), groups * pick(1, 2)
    return layer, {"Input": (*sizes, channels) if last else (channels, *sizes)}


def resized(sizes, scheme="Point", last=False):
    """One axis after the other, by np.interp; None leaves an axis."""

    def reference(x):
        x = np.moveaxis(x, -1, 0) if last else x
        for axis, m in enumerate(sizes, 1):
            n = x.shape[axis]
            if m is not None:
                places = np.linspace(0, n - 1, m) if scheme == "Point" else (np.arange(m) + 0.5) * n / m - 0.5
                x = np.apply_along_axis(lambda line, places=places, n=n: np.interp(places, np.arange(n), line), axis, x)
        return np.moveaxis(x, 0, -1) if last else x

    return reference


def drawn_resize(pick):
    rank, last = pick(1, 3), bool(pick(0, 1))
    nearest = bool(pick(0, 1))
    entry = lambda: [All, Scaled(pick(1, 3)), Scaled(0.7), pick(1, 7)][pick(0, 1 if nearest else 3)]  # noqa: E731
    layer = ResizeLayer(
        [entry() for _ in range(rank)], Interleaving=last,
        Resampling="Nearest" if nearest else Automatic,
        Scheme="Bin" if nearest else ("Point", "Bin")[pick(0, 1)],
    )  # fmt: skip
    sizes = tuple(pick(2, 5) for _ in range(rank))
    return layer, {"Input": (*sizes, 2) if last else (2, *sizes)}


def transformed(h, w):
    def read(plane, y, x):
        total, (rows, columns) = 0.0, plane.shape
        for i, j in itertools.product((math.floor(y), math.floor(y) + 1), (math.floor(x), math.floor(x) + 1)):
            if 0 <= i < rows and 0 <= j < columns:
                total += plane[i, j] * (1 - abs(y - i)) * (1 - abs(x - j))
        return total

    def reference(x, p):
        result, (_, rows, columns) = np.zeros((len(x), h, w)), x.shape
        across, down = (np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in (w, h))
        for c, i, j in itertools.product(range(len(x)), range(h), range(w)):
            u, v = p.reshape(2, 3) @ [across[j], down[i], 1]
            result[c, i, j] = read(x[c], (v + 1) * (rows - 1) / 2, (u + 1) * (columns - 1) / 2)
        return result

    return reference


def cropped(h, w):
    def reference(x):
        top, left = (x.shape[1] - h) // 2, (x.shape[2] - w) // 2
        return x[:, top : top + h, left : left + w]

    return reference


def augmented(h, w, probabilities):
    def trains(x, draws):
        result = np.zeros((*x.shape[:2], h, w))
        for i, (y, z, v, a) in enumerate(draws):
            top, left = int(y * (x.shape[2] - h + 1)), int(z * (x.shape[3] - w + 1))
            part = x[i, :, top : top + h, left : left + w]
            part = part[:, ::-1] if v < probabilities[0] else part
            result[i] = part[:, :, ::-1] if a < probabilities[1] else part
        return (result,)

    return trains


IMAGE = [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]
KERNEL = {"Weights": [[[1, 10, 100]]], "Biases": None}

ROWS = [
    Row(
        DeconvolutionLayer(4, (2, 3)), {"Input": (3, 2, 3)}, (4, 3, 5), {"Weights": (3, 4, 2, 3), "Biases": (4,)},
        reference=deconvolution(),
        solves=[
            ({}, {"Input": (Automatic, Automatic, Automatic), "Output": (4, Automatic, Automatic)}),
            ({"Input": (3, Automatic, 6)}, {"Output": (4, Automatic, 8)}),
            ({"Output": (4, 5, 6)}, {"Input": (Automatic, 4, 4)}),
        ],
        draw=drawn,
        varying={"Input": (3, "Varying", "Varying")},
        wrong=[
            (
                lambda: NetChain([DeconvolutionLayer(4, (5, 5))], Input=(28, 28)),
                "0/Input: (28, 28) has 2 axes, 3 are wanted: channels, then height and width\n"
                "  (28, 28): NetChain was given Input=(28, 28)\n"
                "  try: ReshapeLayer((1, 28, 28)) before it",
            ),
            (
                lambda: DeconvolutionLayer(4, 2, PaddingSize=2, Input=(3, 3)),
                "DeconvolutionLayer: output size 0 would be 3 - 3 = 0\n"
                "  3: DeconvolutionLayer was given Input=(3, 3)",
            ),
            (
                lambda: DeconvolutionLayer(4, 3, ChannelGroups=2, Input=(3, 8)),
                "DeconvolutionLayer: 3 input channels do not divide into ChannelGroups=2\n"
                "  3: DeconvolutionLayer was given Input=(3, 8)",
            ),
            (
                lambda: DeconvolutionLayer(3, 3, ChannelGroups=2, Input=(4, 8)),
                "DeconvolutionLayer: 3 output channels do not divide into ChannelGroups=2\n"
                "  3: DeconvolutionLayer(3, 3, ChannelGroups=2, Input=(4, 8))",
            ),
            (
                lambda: DeconvolutionLayer(3, 2, Input=("Varying", 5)),
                "DeconvolutionLayer: the channels cannot vary\n"
                '  Varying: DeconvolutionLayer was given Input=("Varying", 5)',
            ),
            (
                lambda: DeconvolutionLayer(3, (3, 3), Stride=(1,)),
                "DeconvolutionLayer: KernelSize=(3, 3), Stride=(1,) are for different numbers of spatial axes",
            ),
            (lambda: DeconvolutionLayer(3), "DeconvolutionLayer wants KernelSize, its argument 1"),
        ],
    ),
    Row(
        DeconvolutionLayer(1, 3, Stride=2, **KERNEL), {"Input": (1, 3)}, (1, 7), {"Weights": (1, 1, 3)},
        reference=deconvolution(2),
        vectors=[([[1, 2, 3]], [[1, 10, 102, 20, 203, 30, 300]])],
        evaluable=False,
    ),
    Row(
        DeconvolutionLayer(1, 3, Stride=2, PaddingSize=1, **KERNEL), {"Input": (1, 3)}, (1, 5), {"Weights": (1, 1, 3)},
        reference=deconvolution(2, 1, 1),
        vectors=[([[1, 2, 3]], [[10, 102, 20, 203, 30]])],
        evaluable=False,
    ),
    Row(
        DeconvolutionLayer(4, 3, Stride=2, PaddingSize=((0, 1),), Biases=None, ChannelGroups=2),
        {"Input": (6, 4)}, (4, 8), {"Weights": (6, 2, 3)},
        reference=deconvolution(2, 1, [(0, 1)], groups=2),
        varying={"Input": (6, "Varying")},
        solves=[({}, {"Output": (4, Automatic)})],
    ),
    Row(
        DeconvolutionLayer(4, (3,), PaddingSize="Same", Dilation=2, Interleaving=True),
        {"Input": (5, 2)}, (5, 4), {"Weights": (2, 4, 3), "Biases": (4,)},
        reference=deconvolution(1, 2, [(2, 2)], last=True),
        varying={"Input": ("Varying", 2)},
    ),
    Row(
        DeconvolutionLayer(2, (4, 3), Stride=2, PaddingSize="Same"),
        {"Input": (2, 3, 2)}, (2, 6, 4), {"Weights": (2, 2, 4, 3), "Biases": (2,)},
        reference=deconvolution(2, 1, [(1, 1), (0, 1)]),
        varying={"Input": (2, 3, "Varying")},
    ),
    Row(
        DeconvolutionLayer(2, 1, Stride=3, PaddingSize="Same"), {"Input": (2, 3)}, (2, 9), {"Weights": (2, 2, 1), "Biases": (2,)},
        reference=deconvolution(3, 1, [(0, -2)]),
        varying={"Input": (2, "Varying")},
    ),
    Row(
        DeconvolutionLayer(2, (2, 2), PaddingSize=((2, 0), (0, 3))),
        {"Input": (2, 4, 5)}, (2, 3, 3), {"Weights": (2, 2, 2, 2), "Biases": (2,)},
        reference=deconvolution(1, 1, [(2, 0), (0, 3)]),
    ),
    Row(
        DeconvolutionLayer(2, 2, Dimensionality=3, Stride=(1, 2, 1)),
        {"Input": (2, 2, 2, 3)}, (2, 3, 4, 4), {"Weights": (2, 2, 2, 2, 2), "Biases": (2,)},
        reference=deconvolution((1, 2, 1)),
    ),
    Row(
        ResizeLayer((5,)), {"Input": (2, 3)}, (2, 5),
        reference=resized([5]),
        solves=[({}, {"Output": (Automatic, 5)}), ({"Output": (2, 5)}, {"Input": (2, Automatic)})],
        draw=drawn_resize,
        vectors=[([[1, 2, 3]], [[1, 1.5, 2, 2.5, 3]])],
        wrong=[
            (
                lambda: ResizeLayer((5,), Input=(2, "Varying")),
                "ResizeLayer: spatial axis 0 is resized linearly and cannot vary\n"
                '  Varying: ResizeLayer was given Input=(2, "Varying")',
            ),
            (
                lambda: ResizeLayer((5,), Input=(2, 3, 4)),
                "Input: 3 axes on one side and 2 axes on the other\n"
                "  (2, 3, 4): ResizeLayer was given Input=(2, 3, 4)\n"
                "  (?, ?): ResizeLayer((5,), Input=(2, 3, 4))",
            ),
            (
                lambda: ResizeLayer((Scaled(0.2),), Input=(1, 4)),
                "ResizeLayer: output size 0 would be (4) // 5 = 0\n"
                "  4: ResizeLayer was given Input=(1, 4)",
            ),
            (
                lambda: ResizeLayer((0,)),
                "ResizeLayer: Dimensions wants a size, a Scaled above 0 or All for each of 1 to 3 spatial axes, got (0,)",
            ),
            (
                lambda: ResizeLayer((Scaled(2), 6), Resampling="Nearest"),
                'ResizeLayer: Resampling="Nearest" wants Scaled of a whole number or All, got (Scaled(2), 6)',
            ),
            (
                lambda: ResizeLayer((Scaled(2),), Resampling="Nearest", Scheme="Point"),
                'ResizeLayer: Resampling="Nearest" is for Scheme="Bin"',
            ),
            (lambda: ResizeLayer((2,), Scheme="Cell"), 'ResizeLayer: Scheme wants "Point", "Bin" or Automatic, got \'Cell\''),
            (lambda: ResizeLayer((2,), Resampling=1), 'ResizeLayer: Resampling wants "Linear", "Nearest" or Automatic, got 1'),
        ],
    ),
    Row(
        ResizeLayer((Scaled(2),), Resampling="Nearest"), {"Input": (2, 3)}, (2, 6),
        reference=lambda x: x.repeat(2, axis=1),
        varying={"Input": (2, "Varying")},
        vectors=[([[1, 2, 3]], [[1, 1, 2, 2, 3, 3]])],
    ),
    Row(
        ResizeLayer((All, Scaled(3)), Resampling="Nearest", Interleaving=True), {"Input": (2, 3, 2)}, (2, 9, 2),
        reference=lambda x: x.repeat(3, axis=1),
        varying={"Input": ("Varying", "Varying", 2)},
    ),
    Row(
        ResizeLayer((6,), Scheme="Bin"), {"Input": (1, 3)}, (1, 6),
        reference=resized([6], "Bin"),
        vectors=[([[1, 2, 3]], [[1, 1.25, 1.75, 2.25, 2.75, 3]])],
    ),
    Row(
        ResizeLayer((All, Scaled(0.5))), {"Input": (2, 3, 7)}, (2, 3, 3),
        reference=resized([None, 3]),
        varying={"Input": (2, "Varying", 7)},
        solves=[({"Output": (2, 3, Automatic)}, {"Input": (2, 3, Automatic)})],
    ),
    Row(
        ResizeLayer((2, 5), Scheme="Bin", Interleaving=True), {"Input": (4, 3, 2)}, (2, 5, 2),
        reference=resized([2, 5], "Bin", last=True),
    ),
    Row(ResizeLayer((3, 2, Scaled(2))), {"Input": (2, 2, 3, 2)}, (2, 3, 2, 4), reference=resized([3, 2, 4])),
    Row(ResizeLayer((All,)), {"Input": (2, 3)}, (2, 3), reference=lambda x: x, varying={"Input": (2, "Varying")}),
    Row(
        SpatialTransformationLayer((2, 4)), {"Input": (2, 5, 3), "Parameters": 6}, (2, 2, 4),
        reference=transformed(2, 4),
        solves=[({"Output": (3, Automatic, Automatic)}, {"Input": (3, Automatic, Automatic), "Parameters": 6, "Output": (3, 2, 4)})],
        draw=lambda pick: (
            SpatialTransformationLayer((pick(1, 4), pick(1, 4))), {"Input": (pick(1, 2), pick(1, 4), pick(1, 4)), "Parameters": 6},
        ),
        vectors=[
            ({"Input": IMAGE, "Parameters": [0.5, 0, 0, 0, 0.5, 0]}, [[[3, 3.3333333, 3.6666667, 4], [6, 6.3333333, 6.6666667, 7]]]),
        ],
        domain=(-0.9, 0.9),
        wrong=[
            (
                lambda: SpatialTransformationLayer((2, 4), Parameters=5),
                "Parameters: the length is 5 on one side and 6 on the other\n"
                "  5: SpatialTransformationLayer was given Parameters=5\n"
                "  6: SpatialTransformationLayer((2, 4), Parameters=5)",
            ),
            (
                lambda: SpatialTransformationLayer(3),
                "SpatialTransformationLayer: Dimensions wants a pair (height, width) of whole numbers from 1, got 3",
            ),
        ],
    ),
    Row(
        SpatialTransformationLayer((3, 3)), {"Input": (1, 3, 3), "Parameters": 6}, (1, 3, 3),
        reference=transformed(3, 3),
        vectors=[
            ({"Input": IMAGE, "Parameters": [1, 0, 0, 0, 1, 0]}, IMAGE),
            ({"Input": IMAGE, "Parameters": [1, 0, 1, 0, 1, 0]}, [[[2, 3, 0], [5, 6, 0], [8, 9, 0]]]),
            ({"Input": IMAGE, "Parameters": [0, 1, 0, 1, 0, 0]}, [[[1, 4, 7], [2, 5, 8], [3, 6, 9]]]),
        ],
        domain=(-0.9, 0.9),
    ),
    Row(
        ImageAugmentationLayer((2, 3)), {"Input": (2, 5, 4)}, (2, 2, 3),
        reference=cropped(2, 3),
        trains=augmented(2, 3, (0, 0)),
        solves=[({"Output": (2, Automatic, Automatic)}, {"Input": (2, Automatic, Automatic), "Output": (2, 2, 3)})],
        draw=lambda pick: (ImageAugmentationLayer((pick(1, 3), pick(1, 3))), {"Input": (pick(1, 2), pick(3, 5), pick(3, 5))}),
        vectors=[(IMAGE, [[[1, 2, 3], [4, 5, 6]]])],
        wrong=[
            (
                lambda: ImageAugmentationLayer((2, 3), Input=(1, 1, 2)),
                "ImageAugmentationLayer: the height is 1, a crop wants at least 2\n"
                "  1: ImageAugmentationLayer was given Input=(1, 1, 2)\n"
                "ImageAugmentationLayer: the width is 2, a crop wants at least 3\n"
                "  2: ImageAugmentationLayer was given Input=(1, 1, 2)",
            ),
            (
                lambda: ImageAugmentationLayer((2, 3), ReflectionProbabilities=(0, 2)),
                "ImageAugmentationLayer: ReflectionProbabilities wants a pair (vertical, horizontal) of numbers from 0 to 1, got (0, 2)",
            ),
        ],
    ),
    Row(
        ImageAugmentationLayer((2, 3), ReflectionProbabilities=(0.6, 0.4)), {"Input": (2, 3, 5)}, (2, 2, 3),
        reference=cropped(2, 3),
        trains=augmented(2, 3, (0.6, 0.4)),
    ),
    Row(
        ImageAugmentationLayer((3, 5), ReflectionProbabilities=(1, 1)), {"Input": (2, 3, 5)}, (2, 3, 5),
        reference=lambda x: x,
        trains=lambda x, draws: (x[:, :, ::-1, ::-1],),
    ),
]  # fmt: skip
