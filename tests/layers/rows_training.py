"""Rows of the layers that work otherwise in training."""

import numpy as np

from netgraph import Automatic, BatchNormalizationLayer, DropoutLayer, NetArray
from tests.layers.harness import Row


def any_shape(make, least):
    def draw(pick):
        return make(), {"Input": tuple(pick(1, 4) for _ in range(pick(least, 4)))}

    return draw


def dropped(p):
    return lambda x, draws: (np.where(draws >= p, x / (1 - p), 0.0),)


def alpha_dropped(p):
    def trains(x, draws):
        low = -1.7580993408473766
        a = ((1 - p) + low**2 * (1 - p) * p) ** -0.5
        return (np.where(draws >= p, x, low) * a - a * p * low,)

    return trains


def normalised(epsilon=0.001, momentum=0.9, axis=1):
    def trains(x, Scaling, Biases, MovingMean, MovingVariance):
        others = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
        shape = [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]
        mean, variance = x.mean(others), x.var(others)
        y = (x - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + epsilon) * Scaling.reshape(shape) + Biases.reshape(shape)
        return y, momentum * MovingMean + (1 - momentum) * mean, momentum * MovingVariance + (1 - momentum) * variance

    return trains


def fixed(epsilon=0.001, axis=0):
    def reference(x, Scaling, Biases, MovingMean, MovingVariance):
        s = [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]
        normal = (x - MovingMean.reshape(s)) / np.sqrt(MovingVariance.reshape(s) + epsilon)
        return normal * Scaling.reshape(s) + Biases.reshape(s)

    return reference


def channels(n):
    return dict.fromkeys(("Scaling", "Biases", "MovingMean", "MovingVariance"), (n,))


FRESH = {"Scaling": [1, 1, 1], "Biases": [0, 0, 0], "MovingMean": [0, 0, 0], "MovingVariance": [1, 1, 1]}
PUBLISHED = [[0.90044, 0.177369, 0.356773], [0.784026, 0.446095, 0.664769]]

ROWS = [
    Row(
        DropoutLayer(), {"Input": (2, 3)}, (2, 3),
        reference=lambda x: x,
        trains=dropped(0.5),
        solves=[({"Output": (2, 3)}, {"Input": (2, 3)})],
        draw=any_shape(lambda: DropoutLayer(0.2), 0),
        varying={"Input": ("Varying", 2)},
        vectors=[([1, 2], [1, 2])],
        wrong=[
            (lambda: DropoutLayer(1), "DropoutLayer: DropoutProbability wants a number from 0 below 1, got 1"),
            (lambda: DropoutLayer(-0.1), "DropoutLayer: DropoutProbability wants a number from 0 below 1, got -0.1"),
            (lambda: DropoutLayer(True), "DropoutLayer: DropoutProbability wants a number from 0 below 1, got True"),
            (lambda: DropoutLayer(Method="Alpha"), 'DropoutLayer: Method wants "Dropout" or "AlphaDropout", got \'Alpha\''),
        ],
    ),
    Row(DropoutLayer(0), {"Input": ()}, (), reference=lambda x: x, trains=lambda x: (x,)),
    Row(DropoutLayer(0.3, Method="AlphaDropout"), {"Input": (40,)}, (40,), reference=lambda x: x, trains=alpha_dropped(0.3)),
    Row(
        BatchNormalizationLayer(), {"Input": (2, 3)}, (2, 3), channels(2),
        reference=fixed(),
        trains=normalised(),
        solves=[({"Output": (2, 3)}, {"Input": (2, 3)})],
        draw=any_shape(BatchNormalizationLayer, 1),
        varying={"Input": (2, "Varying")},
        wrong=[
            (
                lambda: BatchNormalizationLayer(Input="Real"),
                "BatchNormalizationLayer: no axis where at least 1 axis is wanted\n"
                '  (): BatchNormalizationLayer was given Input="Real"',
            ),
            (lambda: BatchNormalizationLayer(3), "BatchNormalizationLayer takes no positional arguments, got 1"),
            (lambda: BatchNormalizationLayer(Momentum=2), "BatchNormalizationLayer: Momentum wants a number from 0 to 1, got 2"),
            (lambda: BatchNormalizationLayer(Interleaving=1), "BatchNormalizationLayer: Interleaving wants True or False, got 1"),
            (
                lambda: BatchNormalizationLayer(MovingMean=NetArray("m")),
                "BatchNormalizationLayer: MovingMean cannot be shared: it is updated by the layer itself",
            ),
            (
                lambda: BatchNormalizationLayer(Scaling=[1, 2], Input=3),
                "BatchNormalizationLayer: axis 0 is 3 on one side and 2 on the other\n"
                "  3: BatchNormalizationLayer was given Input=3\n"
                "  2: Scaling was given an array of shape (2,)",
            ),
            (
                lambda: BatchNormalizationLayer(Input=("Varying", 2)),
                "BatchNormalizationLayer: the channels cannot vary\n"
                '  Varying: BatchNormalizationLayer was given Input=("Varying", 2)',
            ),
        ],
    ),
    Row(
        BatchNormalizationLayer(**FRESH, Input=3), {"Input": (3,)}, (3,), channels(3),
        reference=fixed(),
        trains=normalised(),
        vectors=[(PUBLISHED, [[0.89999, 0.177281, 0.356595], [0.783635, 0.445872, 0.664437]])],
        solves=[({}, {"Output": 3})],
        evaluable=False,
    ),
    Row(
        BatchNormalizationLayer(Epsilon=0.1, Momentum=0.5, Interleaving=True), {"Input": (2, 4, 3)}, (2, 4, 3), channels(3),
        reference=fixed(0.1, -1),
        trains=normalised(0.1, 0.5, -1),
        solves=[({"Input": (Automatic, 4, 3), "Output": (2, 4, Automatic)}, {"Input": (2, 4, 3)})],
        varying={"Input": ("Varying", 4, 3)},
    ),
    Row(BatchNormalizationLayer(Interleaving=True, Momentum=1), {"Input": (3,)}, (3,), channels(3), fixed(), normalised(momentum=1.0)),
]  # fmt: skip
