"""Values and shapes that Wolfram's documentation states or implies, layer by layer; indices count from 0 here."""

import math

import numpy as np
import pytest

from netgraph import (
    AggregationLayer,
    All,
    BatchNormalizationLayer,
    CatenateLayer,
    ContrastiveLossLayer,
    ConvolutionLayer,
    CrossEntropyLossLayer,
    CTCLossLayer,
    DeconvolutionLayer,
    ElementwiseLayer,
    ExtractLayer,
    FlattenLayer,
    FunctionLayer,
    LinearLayer,
    LocalResponseNormalizationLayer,
    Max,
    Mean,
    MeanAbsoluteLossLayer,
    MeanSquaredLossLayer,
    NormalizationLayer,
    OrderingLayer,
    PaddingLayer,
    ParametricRampLayer,
    PartLayer,
    Plus,
    PoolingLayer,
    ReplicateLayer,
    ResizeLayer,
    Scaled,
    SequenceIndicesLayer,
    SoftmaxLayer,
    StandardDeviation,
    SummationLayer,
    ThreadingLayer,
    Total,
    TransposeLayer,
    UnitVectorLayer,
    net_initialize,
)

POINTS = [-2, -1, -0.5, 0, 0.5, 1, 2]
ACTIVATIONS = {
    "ELU": [-0.8646647, -0.6321206, -0.3934693, 0, 0.5, 1, 2],
    "SELU": [-1.5201665, -1.1113307, -0.6917582, 0, 0.5253505, 1.0507010, 2.1014020],
    "GELU": [-0.0455003, -0.1586553, -0.1542688, 0, 0.3457312, 0.8413447, 1.9544997],
    "Swish": [-0.2384058, -0.2689414, -0.1887703, 0, 0.3112297, 0.7310586, 1.7615942],
    "HardSwish": [-0.3333333, -0.3333333, -0.2083333, 0, 0.2916667, 0.6666667, 1.6666667],
    "Mish": [-0.2525015, -0.3034015, -0.2207438, 0, 0.3752452, 0.8650984, 1.9439590],
    "SoftSign": [-0.6666667, -0.5, -0.3333333, 0, 0.3333333, 0.5, 0.6666667],
    "SoftPlus": [0.1269280, 0.3132617, 0.4740770, 0.6931472, 0.9740770, 1.3132617, 2.1269280],
    "HardSigmoid": [0, 0, 0.25, 0.5, 0.75, 1, 1],
}
STATISTICS = {
    "Mean": 3.5, "Min": 1, "Max": 7, "Total": 14, "Times": 56, "Median": 3, "Variance": 7, "StandardDeviation": 2.6457513,
    "MeanDeviation": 2,
}  # fmt: skip
MATRIX = [[1, 2, 3], [4, 5, 6]]
BATCH = [[0.90044, 0.177369, 0.356773], [0.784026, 0.446095, 0.664769]]
ROWS = [[1, 2, 3], [2, 4, 9]]
KERNEL = {"Weights": [[[1, 10, 100]]], "Biases": None}
NORMAL = {"Scaling": [1, 1], "Biases": [0, 0]}


def batch_normalization():
    return net_initialize(BatchNormalizationLayer(Input=3))


def loss(layer, x, target):
    return layer({"Input": x, "Target": target})


VALUES = {
    "linear": (lambda: LinearLayer(2, Weights=[[1, 2], [3, 4]], Biases=[10, 20])([1, -1]), [9, 19]),
    "softmax": (lambda: SoftmaxLayer()([1, 2, 3]), [0.0900306, 0.2447285, 0.6652410]),
    "softmax of columns": (lambda: SoftmaxLayer(0)([[1, 2], [3, 5]]), [[0.1192029, 0.0474259], [0.8807971, 0.9525741]]),
    "function": (lambda: FunctionLayer(StandardDeviation)([1, 2, 4, 7]), 2.6457513),
    **{name: (lambda name=name: ElementwiseLayer(name)(POINTS), values) for name, values in ACTIVATIONS.items()},
    "threading innermost": (lambda: ThreadingLayer(Plus, -1)([[10, 20], MATRIX]), [[11, 12, 13], [24, 25, 26]]),
    "threading outermost": (lambda: ThreadingLayer(Plus, 0)([[10, 20, 30], MATRIX]), [[11, 22, 33], [14, 25, 36]]),
    "parametric ramp": (lambda: ParametricRampLayer(Slope=0.1)([-3, 0, 2]), [-0.3, 0, 2]),
    "catenate": (lambda: CatenateLayer(InputPorts=[(2,), (3,)])([[1, 2], [3, 4, 5]]), [1, 2, 3, 4, 5]),
    "replicate within": (lambda: ReplicateLayer(3, 1)([1, 2]), [[1, 1, 1], [2, 2, 2]]),
    "replicate": (lambda: ReplicateLayer(3)([1, 2]), [[1, 2], [1, 2], [1, 2]]),
    "padding": (lambda: PaddingLayer([(2, 2)])([1, 2, 3]), [0, 0, 1, 2, 3, 0, 0]),
    "padding, fixed": (lambda: PaddingLayer([(2, 2)], Padding="Fixed")([1, 2, 3]), [1, 1, 1, 2, 3, 3, 3]),
    "padding, reflected": (lambda: PaddingLayer([(2, 2)], Padding="Reflected")([1, 2, 3]), [3, 2, 1, 2, 3, 2, 1]),
    "padding, a constant": (lambda: PaddingLayer([(2, 2)], Padding=-999)([1, 2, 3]), [-999, -999, 1, 2, 3, -999, -999]),
    "part": (lambda: PartLayer(-2)([1, 2, 3]), 2),
    "part, every second": (lambda: PartLayer(slice(0, None, 2))([1, 2, 3, 4, 5]), [1, 3, 5]),
    "extract": (lambda: ExtractLayer()({"Input": [10, 20, 30], "Position": [[2], [0]]}), [30, 10]),
    "extract from the end": (lambda: ExtractLayer()({"Input": [10, 20, 30], "Position": [-1]}), 30),
    "summation": (lambda: SummationLayer()([1, 2, 3, 4]), 10),
    **{name: (lambda name=name: AggregationLayer(name, All)([1, 2, 4, 7]), value) for name, value in STATISTICS.items()},
    "ordering": (lambda: OrderingLayer()([30, 10, 20]), [1, 2, 0]),
    "ordering, the least": (lambda: OrderingLayer(1)([30, 10, 20]), [1]),
    "ordering, the two greatest": (lambda: OrderingLayer(-2)([30, 10, 20]), [2, 0]),
    "convolution": (
        lambda: ConvolutionLayer(1, (2, 2), Weights=[[[[1, 0], [2, -1]]]], Biases=[0.5])([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]),
        [[[4.5, 6.5], [10.5, 12.5]]],
    ),
    "deconvolution": (lambda: DeconvolutionLayer(1, (3,), Stride=2, **KERNEL)([[1, 2, 3]]), [[1, 10, 102, 20, 203, 30, 300]]),
    "deconvolution, cropped": (
        lambda: DeconvolutionLayer(1, (3,), Stride=2, PaddingSize=1, **KERNEL)([[1, 2, 3]]), [[10, 102, 20, 203, 30]]
    ),
    "pooling": (lambda: PoolingLayer((2,))([[1, 2, 3, 4]]), [[2, 3, 4]]),
    "pooling with a stride": (lambda: PoolingLayer((2,), (2,))([[1, 2, 3, 4]]), [[2, 4]]),
    "pooling, mean": (lambda: PoolingLayer((2,), Function=Mean)([[1, 2, 3, 4]]), [[1.5, 2.5, 3.5]]),
    "pooling, total": (lambda: PoolingLayer((2,), Function=Total)([[1, 2, 3, 4]]), [[3, 5, 7]]),
    "pooling of negative numbers": (lambda: PoolingLayer((2,), Function=Max, PaddingSize=1)([[-1, -2]]), [[-1, -1, -2]]),
    "resize": (lambda: ResizeLayer((5,))([[1, 2, 3]]), [[1, 1.5, 2, 2.5, 3]]),
    "resize, nearest": (lambda: ResizeLayer((Scaled(2),), Resampling="Nearest")([[1, 2, 3]]), [[1, 1, 2, 2, 3, 3]]),
    "resize, bins": (lambda: ResizeLayer((6,), Scheme="Bin")([[1, 2, 3]]), [[1, 1.25, 1.75, 2.25, 2.75, 3]]),
    "unit vector": (lambda: UnitVectorLayer(3)(1), [0, 1, 0]),
    "sequence indices": (lambda: SequenceIndicesLayer(Maximum=3)([7, 7, 7, 7, 7]), [0, 1, 2, 2, 2]),
    "batch normalisation in use": (lambda: batch_normalization()(BATCH), [[0.89999, 0.177281, 0.356595], [0.783635, 0.445872, 0.664437]]),
    "batch normalisation in training": (
        lambda: batch_normalization()(BATCH, NetEvaluationMode="Train"),
        [[0.878696, -0.973404, -0.979561], [-0.878696, 0.973404, 0.979561]],
    ),
    "batch normalisation of one": (lambda: batch_normalization()(BATCH[0], NetEvaluationMode="Train"), [0, 0, 0]),
    "normalisation": (lambda: NormalizationLayer(**NORMAL)(ROWS), [[-1.2238273, 0, 1.2238273], [-1.0189905, -0.3396635, 1.3586541]]),
    "normalisation, unbiased": (
        lambda: NormalizationLayer(Unbiased=True, **NORMAL)(ROWS), [[-0.9995004, 0, 0.9995004], [-0.8320183, -0.2773394, 1.1093577]]
    ),
    "normalisation, root mean square": (
        lambda: NormalizationLayer(Method="RMS", **NORMAL)(ROWS), [[0.4628605, 0.9257209, 1.3885814], [0.3446859, 0.6893717, 1.5510864]]
    ),
    "local response normalisation": (
        lambda: LocalResponseNormalizationLayer()([[[1]], [[2]], [[3]], [[4]], [[5]]]),
        [[[0.5129892]], [[0.7559289]], [[0.8660254]], [[1.1644450]], [[1.5075567]]],
    ),
    "squared loss": (lambda: loss(MeanSquaredLossLayer(), [1, 2, 3], [1, 0, 6]), 4.3333333),
    "absolute loss": (lambda: loss(MeanAbsoluteLossLayer(), [1, 2, 3], [1, 0, 6]), 1.6666667),
    "cross-entropy of a class": (lambda: loss(CrossEntropyLossLayer("Index"), [0.2, 0.5, 0.3], 1), 0.6931472),
    "cross-entropy": (lambda: loss(CrossEntropyLossLayer("Probabilities"), [0.2, 0.5, 0.3], [0.1, 0.7, 0.2]), 0.8869414),
    "binary cross-entropy of 1": (lambda: loss(CrossEntropyLossLayer("Binary"), 0.8, 1), 0.2231436),
    "binary cross-entropy of 0": (lambda: loss(CrossEntropyLossLayer("Binary"), 0.8, 0), 1.6094379),
    "binary cross-entropy of 0.3": (lambda: loss(CrossEntropyLossLayer("Binary"), 0.8, 0.3), 1.1935496),
    "contrastive, different and near": (lambda: loss(ContrastiveLossLayer(), 0.2, True), 0.3),
    "contrastive, different and far": (lambda: loss(ContrastiveLossLayer(), 0.7, True), 0),
    "contrastive, same": (lambda: loss(ContrastiveLossLayer(), 0.7, False), 0.7),
    "temporal classification": (lambda: loss(CTCLossLayer(), [[0.6, 0.4], [0.5, 0.5]], [0]), -math.log(0.8)),
}  # fmt: skip

SHAPES = {
    "flatten the first three": (FlattenLayer(2, Input=(2, 3, 4, 5)), (24, 5)),
    "flatten the last three": (FlattenLayer(-2, Input=(2, 3, 4, 5)), (2, 60)),
    "flatten as listed": (FlattenLayer([[1, 2], [0]], Input=(2, 3, 4)), (12, 2)),
    "swap": (TransposeLayer((0, 2), Input=(1, 2, 3)), (3, 2, 1)),
    "swap twice": (TransposeLayer([(0, 2), (1, 3)], Input=(3, 4, 5, 6)), (5, 6, 3, 4)),
    "swap in turn": (TransposeLayer([(0, 2), (0, 3)], Input=(3, 4, 5, 6)), (6, 4, 3, 5)),
    "convolution, same": (ConvolutionLayer(3, 5, PaddingSize="Same", Stride=2, Input=(1, 7, 8)), (3, 4, 4)),
    "deconvolution, same": (DeconvolutionLayer(3, 3, PaddingSize="Same", Stride=2, Input=(1, 7, 8)), (3, 14, 16)),
    "pooling, stride 1": (PoolingLayer(3, Input=(2, 7, 8)), (2, 5, 6)),
}


@pytest.mark.parametrize("make, expected", VALUES.values(), ids=VALUES)
def test_values(make, expected):
    result = make()
    assert np.shape(result) == np.shape(expected)
    np.testing.assert_allclose(result, expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("layer, shape", SHAPES.values(), ids=SHAPES)
def test_shapes(layer, shape):
    assert layer["Output"] == shape
