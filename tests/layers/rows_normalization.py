"""Rows of the normalisations, against plain NumPy on one example."""

import itertools

import numpy as np

from netgraph import All, InstanceNormalizationLayer, LocalResponseNormalizationLayer, NormalizationLayer
from tests.layers.harness import Row


def normalised(levels, scaled=(), groups=None, epsilon=0.001, unbiased=False, rms=False):
    """Group by group, by plain means."""

    def reference(x, Scaling=None, Biases=None):
        cuts = [
            np.array_split(np.arange(n), (dict(zip(levels, groups, strict=True)) if groups else {}).get(axis, 1) if axis in levels else n)
            for axis, n in enumerate(x.shape)
        ]
        y = np.empty_like(x)
        for places in itertools.product(*cuts):
            part = x[np.ix_(*places)]
            if rms:
                y[np.ix_(*places)] = part / np.sqrt((part**2).mean() + epsilon)
            else:
                variance = part.var(ddof=int(unbiased)) if part.size > 1 else 0.0
                y[np.ix_(*places)] = (part - part.mean()) / np.sqrt(variance + epsilon)
        shape = [n if axis in scaled else 1 for axis, n in enumerate(x.shape)]
        y = y if Scaling is None else y * Scaling.reshape(shape)
        return y if Biases is None else y + Biases.reshape(shape)

    return reference


def pair(*shape):
    return {"Scaling": shape, "Biases": shape}


def local(alpha=1.0, beta=0.5, bias=1.0, c=2):
    def reference(x):
        sums = [(x[max(0, i - c) : i + c + 1] ** 2).sum(0) for i in range(len(x))]
        return x / (alpha / (2 * c + 1) * np.array(sums) + bias) ** beta

    return reference


def drawn(pick):
    rank = pick(2, 4)
    shape = tuple(pick(1, 2) * 2 for _ in range(rank))
    aggregated = [level for level in range(rank) if pick(0, 1)] or [rank - 1]
    scaling = ["Complement", "Same", 0, slice(pick(0, rank - 1), None), All, [-1, 0]][pick(0, 5)]
    groups = None if pick(0, 1) else [pick(1, 2) for _ in aggregated]
    method = ("Standardize", "RMS")[pick(0, 1)]
    options = {"Scaling": None, "Biases": None} if pick(0, 1) else {}
    unbiased = method == "Standardize" and bool(pick(0, 1))
    return NormalizationLayer(aggregated, scaling, GroupNumber=groups, Method=method, Unbiased=unbiased, **options), {"Input": shape}


def drawn_local(pick):
    c = pick(1, 2)
    return LocalResponseNormalizationLayer(ChannelWindowSize=c), {"Input": (2 * c + pick(1, 3), pick(1, 4), pick(1, 4))}


ROWS_OF_TWO = [[1, 2, 3], [2, 4, 9]]
PLAIN = {"Scaling": None, "Biases": None}

ROWS = [
    Row(
        NormalizationLayer(), {"Input": (2, 3)}, (2, 3), pair(2),
        reference=normalised([1], [0]),
        solves=[({"Output": (2, 3)}, {"Input": (2, 3)})],
        draw=drawn,
        varying={"Input": (2, "Varying")},
        wrong=[
            (
                lambda: NormalizationLayer(Input=3),
                "NormalizationLayer: AggregationLevels=slice(1, None, None) is no level of an array of rank 1\n"
                "  (3,): NormalizationLayer was given Input=3",
            ),
            (
                lambda: NormalizationLayer(2, Input=(2, 3)),
                "NormalizationLayer: there is no level 2 in an array of rank 2\n"
                "  (2, 3): NormalizationLayer was given Input=(2, 3)",
            ),
            (
                lambda: NormalizationLayer([1, -1], Input=(2, 3)),
                "NormalizationLayer: a level is listed twice for rank 2 in (1, -1)\n"
                "  (2, 3): NormalizationLayer was given Input=(2, 3)",
            ),
            (
                lambda: NormalizationLayer(All, 0, GroupNumber=2, Input=(4, 3)),
                "NormalizationLayer: GroupNumber=(2,) is for 1 levels, AggregationLevels are 2\n"
                "  (4, 3): NormalizationLayer was given Input=(4, 3)",
            ),
            (
                lambda: NormalizationLayer(All, 0, GroupNumber=(3, 1), Input=(4, 3)),
                "NormalizationLayer: level 0 of size 4 does not divide into 3 groups\n"
                "  4: NormalizationLayer was given Input=(4, 3)",
            ),
            (
                lambda: NormalizationLayer(Input=("Varying", 3)),
                "NormalizationLayer: level 0 has Scaling and Biases along it and cannot vary\n"
                '  Varying: NormalizationLayer was given Input=("Varying", 3)',
            ),
            (
                lambda: NormalizationLayer(0, 1, GroupNumber=2, Input=("Varying", 3)),
                "NormalizationLayer: level 0 is split into 2 groups and cannot vary\n"
                '  Varying: NormalizationLayer was given Input=("Varying", 3)',
            ),
            (
                lambda: NormalizationLayer(Scaling=[1, 1], Input=(3, 4)),
                "NormalizationLayer: the length is 2 on one side and 3 on the other\n"
                "  2: Scaling was given an array of shape (2,)\n"
                "  3: NormalizationLayer was given Input=(3, 4)",
            ),
            (
                lambda: NormalizationLayer("Same"),
                "NormalizationLayer: AggregationLevels wants a level, a list of levels, a slice or All, got 'Same'",
            ),
            (
                lambda: NormalizationLayer(0, "Other"),
                'NormalizationLayer: ScalingLevels wants "Complement", "Same", a level, a list of levels, a slice or All, got \'Other\'',
            ),
            (lambda: NormalizationLayer(Epsilon=0), "NormalizationLayer: Epsilon wants a number above 0, got 0"),
            (
                lambda: NormalizationLayer(GroupNumber=0),
                "NormalizationLayer: GroupNumber wants None or a tuple with a whole number from 1 for each level of AggregationLevels, "
                "got 0",
            ),
            (lambda: NormalizationLayer(Method="Rms"), 'NormalizationLayer: Method wants "Standardize" or "RMS", got \'Rms\''),
            (
                lambda: NormalizationLayer(Unbiased=True, Method="RMS"),
                'NormalizationLayer: Unbiased=True is for Method="Standardize", "RMS" takes no variance',
            ),
        ],
    ),
    Row(
        NormalizationLayer(**PLAIN), {"Input": (2, 3)}, (2, 3),
        reference=normalised([1]),
        varying={"Input": ("Varying", "Varying")},
        vectors=[(ROWS_OF_TWO, [[-1.2238273, 0, 1.2238273], [-1.0189905, -0.3396635, 1.3586541]])],
    ),
    Row(
        NormalizationLayer(Unbiased=True, **PLAIN), {"Input": (2, 3)}, (2, 3),
        reference=normalised([1], unbiased=True),
        varying={"Input": (2, "Varying")},
        vectors=[(ROWS_OF_TWO, [[-0.9995004, 0, 0.9995004], [-0.8320183, -0.2773394, 1.1093577]]), ([[3], [4]], [[0], [0]])],
    ),
    Row(
        NormalizationLayer(Method="RMS", **PLAIN), {"Input": (2, 3)}, (2, 3),
        reference=normalised([1], rms=True),
        varying={"Input": (2, "Varying")},
        vectors=[(ROWS_OF_TWO, [[0.4628605, 0.9257209, 1.3885814], [0.3446859, 0.6893717, 1.5510864]])],
    ),
    Row(
        NormalizationLayer(Scaling=[1, 1], Biases=[0, 0]), {"Input": (2, 3)}, (2, 3), pair(2),
        reference=normalised([1], [0]),
        vectors=[(ROWS_OF_TWO, [[-1.2238273, 0, 1.2238273], [-1.0189905, -0.3396635, 1.3586541]])],
        evaluable=False,
    ),
    Row(
        InstanceNormalizationLayer(), {"Input": (2, 3, 2)}, (2, 3, 2), pair(2),
        reference=normalised([1, 2], [0]),
        varying={"Input": (2, "Varying", "Varying")},
    ),
    # one statistic for the example, per-channel affine
    Row(
        NormalizationLayer(All, 0), {"Input": (2, 3, 2)}, (2, 3, 2), pair(2),
        reference=normalised([0, 1, 2], [0]),
        varying={"Input": (2, "Varying", 3)},
    ),
    # layer norm, and its form without means
    Row(
        NormalizationLayer(1, "Same"), {"Input": (3, 4)}, (3, 4), pair(4),
        reference=normalised([1], [1]),
        varying={"Input": ("Varying", 4)},
    ),
    Row(
        NormalizationLayer(-1, "Same", Method="RMS", Biases=None), {"Input": (3, 4)}, (3, 4), {"Scaling": (4,)},
        reference=normalised([1], [1], rms=True),
        varying={"Input": ("Varying", 4)},
    ),
    Row(
        NormalizationLayer(-1, "Same", Method="RMS", Scaling=None), {"Input": 4}, 4, {"Biases": (4,)},
        reference=normalised([0], [0], rms=True),
    ),
    Row(NormalizationLayer(All, "Same"), {"Input": (3, 4)}, (3, 4), pair(3, 4), reference=normalised([0, 1], [0, 1])),
    # group norm, by the function of torch and by hand
    Row(
        NormalizationLayer(All, 0, GroupNumber=(2, 1, 1)), {"Input": (4, 3, 2)}, (4, 3, 2), pair(4),
        reference=normalised([0, 1, 2], [0], (2, 1, 1)),
        varying={"Input": (4, "Varying", 2)},
    ),
    Row(
        NormalizationLayer([-1, 0], [2, 0], GroupNumber=(3, 2), Epsilon=0.1), {"Input": (2, 3, 6)}, (2, 3, 6), pair(2, 6),
        reference=normalised([2, 0], [0, 2], (3, 2), 0.1),
        varying={"Input": (2, "Varying", 6)},
    ),
    Row(
        NormalizationLayer(0, All, GroupNumber=2, Unbiased=True), {"Input": (4, 2)}, (4, 2), pair(4, 2),
        reference=normalised([0], [0, 1], (2,), unbiased=True),
    ),
    Row(
        NormalizationLayer([0, 2], 2, Method="RMS"), {"Input": (3, 2, 4)}, (3, 2, 4), pair(4),
        reference=normalised([0, 2], [2], rms=True),
        varying={"Input": ("Varying", 2, 4)},
    ),
    Row(
        NormalizationLayer(slice(0, 1), slice(1, None)), {"Input": (3, 4)}, (3, 4), pair(4),
        reference=normalised([0], [1]),
        varying={"Input": ("Varying", 4)},
    ),
    Row(NormalizationLayer(All), {"Input": (3, 4)}, (3, 4), pair(), reference=normalised([0, 1])),
    Row(
        LocalResponseNormalizationLayer(), {"Input": (5, 2, 3)}, (5, 2, 3),
        reference=local(),
        solves=[({"Output": (5, 2, 3)}, {"Input": (5, 2, 3)})],
        draw=drawn_local,
        varying={"Input": (5, "Varying", "Varying")},
        vectors=[([[[1]], [[2]], [[3]], [[4]], [[5]]], [[[0.5129892]], [[0.7559289]], [[0.8660254]], [[1.1644450]], [[1.5075567]]])],
        wrong=[
            (
                lambda: LocalResponseNormalizationLayer(Input=(4, 2, 2)),
                "LocalResponseNormalizationLayer: 4 channels, ChannelWindowSize=2 wants at least 5\n"
                "  4: LocalResponseNormalizationLayer was given Input=(4, 2, 2)",
            ),
            (
                lambda: LocalResponseNormalizationLayer(Input=("Varying", 2, 2)),
                "LocalResponseNormalizationLayer: the channels cannot vary\n"
                '  Varying: LocalResponseNormalizationLayer was given Input=("Varying", 2, 2)',
            ),
            (
                lambda: LocalResponseNormalizationLayer(Input=(5, 2)),
                "Input: 2 axes on one side and 3 axes on the other\n"
                "  (5, 2): LocalResponseNormalizationLayer was given Input=(5, 2)\n"
                "  (?, ?, ?): LocalResponseNormalizationLayer(Input=(5, 2))",
            ),
            (lambda: LocalResponseNormalizationLayer(Bias=0), "LocalResponseNormalizationLayer: Bias wants a number above 0, got 0"),
            (lambda: LocalResponseNormalizationLayer(Alpha=-1), "LocalResponseNormalizationLayer: Alpha wants a number from 0, got -1"),
        ],
    ),
    Row(
        LocalResponseNormalizationLayer(Alpha=0.3, Beta=0.75, Bias=2, ChannelWindowSize=1), {"Input": (4, 2, 1)}, (4, 2, 1),
        reference=local(0.3, 0.75, 2.0, 1),
    ),
]  # fmt: skip
