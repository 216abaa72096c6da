"""Rows of convolution and pooling, against plain loops in NumPy."""

import itertools

import numpy as np

from netgraph import Automatic, ConvolutionLayer, Max, Mean, NetChain, PoolingLayer, Ramp
from tests.layers.harness import Row


def windows(x, kernel, stride, dilation, sides, fill):
    """(position, window) for each place of the window over channels x spatial axes; the output's spatial shape."""
    sides = [(0, 0), *sides]
    x = np.pad(x, sides, constant_values=fill)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    shape = tuple((n - span) // s + 1 for n, span, s in zip(x.shape[1:], spans, stride, strict=True))
    for at in itertools.product(*map(range, shape)):
        cut = tuple(slice(i * s, i * s + span, d) for i, s, span, d in zip(at, stride, spans, dilation, strict=True))
        yield at, x[(slice(None), *cut)], shape


def convolution(stride=1, dilation=1, sides=0, groups=1, last=False):
    def reference(x, Weights, Biases=None):
        x = np.moveaxis(x, -1, 0) if last else x
        rank, n = x.ndim - 1, Weights.shape[0]
        every = lambda value: (value,) * rank if isinstance(value, int) else value  # noqa: E731
        pads = [(s, s) if isinstance(s, int) else s for s in every(sides)]
        result = None
        for at, window, shape in windows(x, Weights.shape[2:], every(stride), every(dilation), pads, 0.0):
            result = np.zeros((n, *shape)) if result is None else result
            for o in range(n):
                group = o // (n // groups)
                members = window[group * Weights.shape[1] : (group + 1) * Weights.shape[1]]
                result[(o, *at)] = (members * Weights[o]).sum() + (0.0 if Biases is None else Biases[o])
        return np.moveaxis(result, 0, -1) if last else result

    return reference


def pooling(kernel, stride=1, sides=0, function=np.max, last=False):
    def reference(x):
        x = np.moveaxis(x, -1, 0) if last else x
        rank, result = x.ndim - 1, None
        every = lambda value: (value,) * rank if isinstance(value, int) else value  # noqa: E731
        pads = [(s, s) if isinstance(s, int) else s for s in every(sides)]
        fill = -np.inf if function is np.max else 0.0
        for at, window, shape in windows(x, every(kernel), every(stride), every(1), pads, fill):
            result = np.zeros((x.shape[0], *shape)) if result is None else result
            result[(slice(None), *at)] = function(window.reshape(x.shape[0], -1), axis=1)
        return np.moveaxis(result, 0, -1) if last else result

    return reference


def drawn(make):
    def draw(pick):
        rank = pick(1, 3)
        per_axis = lambda low, high: tuple(pick(low, high) for _ in range(rank))  # noqa: E731
        kernel, stride, last = per_axis(1, 3), per_axis(1, 3), bool(pick(0, 1))
        padding = [0, "Same", 0 if min(kernel) == 1 else 1, tuple((pick(0, k - 1), pick(0, k - 1)) for k in kernel)][pick(0, 3)]
        options = {"Stride": stride, "PaddingSize": padding, "Interleaving": last}
        layer, channels = make(pick, kernel, options, rank)
        sizes = tuple(pick(6, 8) for _ in range(rank))
        return layer, {"Input": (*sizes, channels) if last else (channels, *sizes)}

    return draw


def convolving(pick, kernel, options, rank):
    groups = pick(1, 2)
    dilation = tuple(pick(1, 2) for _ in range(rank))
    return ConvolutionLayer(groups * pick(1, 2), kernel, ChannelGroups=groups, Dilation=dilation, **options), groups * pick(1, 2)


def pooled(pick, kernel, options, rank):
    return PoolingLayer(kernel, Function=("Max", "Mean", "Total")[pick(0, 2)], **options), pick(1, 3)


IMAGE = [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]

ROWS = [
    Row(
        ConvolutionLayer(4, (2, 3)), {"Input": (3, 5, 6)}, (4, 4, 4), {"Weights": (4, 3, 2, 3), "Biases": (4,)},
        reference=convolution(),
        solves=[
            ({}, {"Input": (Automatic, Automatic, Automatic), "Output": (4, Automatic, Automatic)}),
            ({"Input": (3, Automatic, 6)}, {"Output": (4, Automatic, 4)}),
        ],
        draw=drawn(convolving),
        wrong=[
            (
                lambda: ConvolutionLayer(4, (5, 5), Input=(28, 28)),
                "Input: (28, 28) has 2 axes, 3 are wanted: channels, then height and width\n"
                "  (28, 28): ConvolutionLayer was given Input=(28, 28)\n"
                "  try: ReshapeLayer((1, 28, 28)) before it",
            ),
            (
                lambda: NetChain([ConvolutionLayer(4, (5, 5)), Ramp], Input=(28, 28)),
                "0/Input: (28, 28) has 2 axes, 3 are wanted: channels, then height and width\n"
                "  (28, 28): NetChain was given Input=(28, 28)\n"
                "  try: ReshapeLayer((1, 28, 28)) before it",
            ),
            (
                lambda: ConvolutionLayer(4, (5,), Input=7, Interleaving=True),
                "Input: (7,) has 1 axis, 2 are wanted: a length, then channels\n"
                "  (7,): ConvolutionLayer was given Input=7\n"
                "  try: ReshapeLayer((7, 1)) before it",
            ),
            (
                lambda: ConvolutionLayer(4, 3, Input=()),
                "Input: () has no axis, channels and 1 to 3 spatial axes are wanted\n"
                "  (): ConvolutionLayer was given Input=()",
            ),
            (
                lambda: ConvolutionLayer(4, 5, Input=(3, 28, 3)),
                "ConvolutionLayer: output size 1 would be 3 - 4 = -1\n"
                "  3: ConvolutionLayer was given Input=(3, 28, 3)",
            ),
            (
                lambda: ConvolutionLayer(4, 3, ChannelGroups=2, Input=(3, 8)),
                "ConvolutionLayer: 3 input channels do not divide into ChannelGroups=2\n"
                "  3: ConvolutionLayer was given Input=(3, 8)",
            ),
            (
                lambda: ConvolutionLayer(3, 3, ChannelGroups=2, Input=(4, 8)),
                "ConvolutionLayer: 3 output channels do not divide into ChannelGroups=2\n"
                "  3: ConvolutionLayer(3, 3, ChannelGroups=2, Input=(4, 8))",
            ),
            (
                lambda: ConvolutionLayer(3, (3, 3), Stride=(1,)),
                "ConvolutionLayer: KernelSize=(3, 3), Stride=(1,) are for different numbers of spatial axes",
            ),
            (
                lambda: ConvolutionLayer(3, (3, 3, 3, 3)),
                "ConvolutionLayer: KernelSize=(3, 3, 3, 3) is for 4 spatial axes, at most 3 are possible",
            ),
            (
                lambda: ConvolutionLayer(3, 0, PaddingSize=-1),
                "ConvolutionLayer: PaddingSize wants a whole number from 0, a tuple with one or with a pair (begin, end) for each axis, "
                'or "Same", got -1\n'
                "ConvolutionLayer: KernelSize wants a whole number from 1, or a tuple with one for each axis, got 0",
            ),
            (lambda: ConvolutionLayer(3, 3, Dimensionality=4), "ConvolutionLayer: Dimensionality wants 1, 2, 3 or Automatic, got 4"),
            (lambda: ConvolutionLayer(3), "ConvolutionLayer wants KernelSize, its argument 1"),
            (lambda: ConvolutionLayer(3, 2, ChannelGroups=(2,)), "ConvolutionLayer: ChannelGroups wants a whole number from 1, got (2,)"),
            (
                lambda: ConvolutionLayer(3, 2, Input=("Varying", 5)),
                "ConvolutionLayer: the channels cannot vary\n"
                '  Varying: ConvolutionLayer was given Input=("Varying", 5)',
            ),
            (
                lambda: ConvolutionLayer(3, 2, Stride=2, PaddingSize="Same", Input=(5, "Varying")),
                'ConvolutionLayer: the padding of PaddingSize="Same" with a Stride above 1 depends on the size, which cannot vary\n'
                '  Varying: ConvolutionLayer was given Input=(5, "Varying")',
            ),
            (
                lambda: ConvolutionLayer(2, (2, 2), Weights=[[[1, 2]]]),
                "Weights: axis 0 is 1 on one side and 2 on the other\n"
                "  1: Weights was given an array of shape (1, 1, 2)\n"
                "  2: ConvolutionLayer(2, (2, 2), Weights=<array of shape (1, 1...\n"
                "Weights: 1 axis on one side and 2 axes on the other\n"
                "  (2,): Weights was given an array of shape (1, 1, 2)\n"
                "  (2, 2): ConvolutionLayer(2, (2, 2), Weights=<array of shape (1, 1...",
            ),
        ],
    ),
    Row(
        ConvolutionLayer(1, (2, 2), Weights=[[[[1, 0], [2, -1]]]], Biases=[0.5]),
        {"Input": (1, 3, 3)}, (1, 2, 2), {"Weights": (1, 1, 2, 2), "Biases": (1,)},
        reference=convolution(),
        vectors=[(IMAGE, [[[4.5, 6.5], [10.5, 12.5]]]), ([IMAGE, IMAGE], [[[[4.5, 6.5], [10.5, 12.5]]]] * 2)],
        solves=[({}, {"Input": (1, Automatic, Automatic), "Output": (1, Automatic, Automatic)})],
        evaluable=False,
    ),
    Row(
        ConvolutionLayer(4, 3, Stride=2, PaddingSize=1, Biases=None), {"Input": (2, 7)}, (4, 4), {"Weights": (4, 2, 3)},
        reference=convolution(2, 1, 1),
        varying={"Input": (2, "Varying")},
        solves=[({"Output": (4, Automatic)}, {"Input": (Automatic, Automatic)})],
    ),
    Row(
        ConvolutionLayer(4, (3,), PaddingSize="Same", Dilation=2, Interleaving=True),
        {"Input": (7, 2)}, (7, 4), {"Weights": (4, 2, 3), "Biases": (4,)},
        reference=convolution(1, 2, 2, last=True),
        varying={"Input": ("Varying", 2)},
    ),
    Row(
        ConvolutionLayer(4, 2, Stride=(1, 2), PaddingSize=((1, 0), (0, 2)), ChannelGroups=2),
        {"Input": (2, 3, 4)}, (4, 3, 3), {"Weights": (4, 1, 2, 2), "Biases": (4,)},
        reference=convolution((1, 2), 1, ((1, 0), (0, 2)), groups=2),
        varying={"Input": (2, "Varying", "Varying")},
    ),
    Row(
        ConvolutionLayer(2, 2, Dimensionality=3, PaddingSize=(0, 1, 0)),
        {"Input": (2, 3, 2, 3)}, (2, 2, 3, 2), {"Weights": (2, 2, 2, 2, 2), "Biases": (2,)},
        reference=convolution(1, 1, (0, 1, 0)),
    ),
    Row(
        ConvolutionLayer(1, (2, 3), Stride=2, PaddingSize="Same"),
        {"Input": (1, 4, 5)}, (1, 2, 3), {"Weights": (1, 1, 2, 3), "Biases": (1,)},
        reference=convolution(2, 1, ((0, 0), (1, 1))),
    ),
    Row(
        PoolingLayer((2,)), {"Input": (2, 5)}, (2, 4),
        reference=pooling(2),
        solves=[({"Output": (3, Automatic)}, {"Input": (3, Automatic)}), ({"Input": (3, 4)}, {"Output": (3, 3)})],
        draw=drawn(pooled),
        varying={"Input": (2, "Varying")},
        vectors=[([[1, 2, 3, 4]], [[2, 3, 4]])],
        wrong=[
            (
                lambda: PoolingLayer((5, 5), Input=(28, 28)),
                "Input: (28, 28) has 2 axes, 3 are wanted: channels, then height and width\n"
                "  (28, 28): PoolingLayer was given Input=(28, 28)\n"
                "  try: ReshapeLayer((1, 28, 28)) before it",
            ),
            (
                lambda: PoolingLayer(2, PaddingSize=2),
                "PoolingLayer: PaddingSize=2 is not below KernelSize=2, windows would hold padding alone",
            ),
            (
                lambda: PoolingLayer(4, Input=(1, 3)),
                "PoolingLayer: output size 0 would be 3 - 3 = 0\n"
                "  3: PoolingLayer was given Input=(1, 3)",
            ),
            (lambda: PoolingLayer(2, Function="Min"), 'PoolingLayer: Function wants "Max" or "Mean" or "Total", got \'Min\''),
            (
                lambda: PoolingLayer(2, 0),
                "PoolingLayer: Stride wants a whole number from 1, or a tuple with one for each axis, got 0",
            ),
        ],
    ),
    Row(PoolingLayer((2,), 2), {"Input": (1, 4)}, (1, 2), reference=pooling(2, 2), vectors=[([[1, 2, 3, 4]], [[2, 4]])]),
    Row(
        PoolingLayer((2,), Function=Mean), {"Input": (1, 4)}, (1, 3),
        reference=pooling(2, function=np.mean),
        vectors=[([[1, 2, 3, 4]], [[1.5, 2.5, 3.5]])],
    ),
    Row(
        PoolingLayer((2,), Function="Total"), {"Input": (1, 4)}, (1, 3),
        reference=pooling(2, function=np.sum),
        vectors=[([[1, 2, 3, 4]], [[3, 5, 7]])],
        varying={"Input": (1, "Varying")},
    ),
    Row(
        PoolingLayer(3, 2, Function=Max, PaddingSize=2), {"Input": (2, 5, 6)}, (2, 4, 4),
        reference=pooling(3, 2, 2),
        vectors=[([[[-1, -2], [-3, -4]]], [[[-1, -1], [-1, -1]]])],
        domain=(-3, -1),
    ),
    Row(
        PoolingLayer((2, 3), 1, Function="Mean", PaddingSize=((1, 0), (1, 2)), Interleaving=True), {"Input": (3, 4, 2)}, (3, 5, 2),
        reference=pooling((2, 3), 1, ((1, 0), (1, 2)), np.mean, last=True),
        varying={"Input": ("Varying", 4, 2)},
    ),
    Row(
        PoolingLayer(3, (2, 1), PaddingSize="Same", Interleaving=True), {"Input": (4, 3, 2)}, (2, 3, 2),
        reference=pooling(3, (2, 1), ((0, 1), (1, 1)), last=True),
        varying={"Input": (4, "Varying", 2)},
    ),
    Row(PoolingLayer(2, Dimensionality=3), {"Input": (2, 3, 2, 3)}, (2, 2, 1, 2), reference=pooling(2)),
    Row(
        PoolingLayer(2, PaddingSize=1), {"Input": (2, 4)}, (2, 5),
        reference=pooling(2, 1, 1),
        varying={"Input": (2, "Varying")},
    ),
]  # fmt: skip
