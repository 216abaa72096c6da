"""Convolutions, pooling and what follows them: sizes solved through a whole net, in both directions."""

import math

import numpy as np
import pytest

from netgraph import (
    AggregationLayer,
    Automatic,
    CatenateLayer,
    ConvolutionLayer,
    DropoutLayer,
    FlattenLayer,
    LinearLayer,
    Mean,
    NetChain,
    NetGraph,
    NetShapeError,
    PoolingLayer,
    Ramp,
    SoftmaxLayer,
    net_initialize,
)
from netgraph.spec.typing import infer

LENET = [
    ConvolutionLayer(20, 5), Ramp, PoolingLayer(2, 2), ConvolutionLayer(50, 5), Ramp, PoolingLayer(2, 2), FlattenLayer(), 500, Ramp, 10,
    SoftmaxLayer(),
]  # fmt: skip


def shapes(net, full=True):
    typing = infer(net, full=full)
    return {"/".join((*path, name)): typing.store.known(run) for path, terms in typing.terms.items() for name, run in terms.arrays.items()}


def fire(squeezed, expanded):
    """A module of SqueezeNet: few channels, from which two convolutions make more, side by side."""
    parts = {
        "squeeze": [ConvolutionLayer(squeezed, (1, 1)), Ramp],
        "narrow": [ConvolutionLayer(expanded, (1, 1)), Ramp],
        "wide": [ConvolutionLayer(expanded, (3, 3), PaddingSize=1), Ramp],
        "both": CatenateLayer(),
    }
    return NetGraph(parts, ["squeeze -> narrow -> both", "squeeze -> wide -> both"])


def squeezenet():
    """SqueezeNet 1.1: Iandola et al. 2016, as torchvision has it."""
    pool = PoolingLayer(3, 2)
    layers = [
        ConvolutionLayer(64, (3, 3), Stride=2), Ramp, pool, fire(16, 64), fire(16, 64), pool, fire(32, 128), fire(32, 128), pool,
        fire(48, 192), fire(48, 192), fire(64, 256), fire(64, 256), DropoutLayer(), ConvolutionLayer(1000, (1, 1)), Ramp,
        AggregationLayer(Mean), SoftmaxLayer(),
    ]  # fmt: skip
    return NetChain(layers, Input=(3, 224, 224))


def vgg11():
    """VGG-11: Simonyan and Zisserman 2014."""
    layers = []
    for channels, count in ((64, 1), (128, 1), (256, 2), (512, 2), (512, 2)):
        layers += [ConvolutionLayer(channels, (3, 3), PaddingSize=1), Ramp] * count + [PoolingLayer(2, 2)]
    return NetChain(
        [*layers, FlattenLayer(), 4096, Ramp, DropoutLayer(), 4096, Ramp, DropoutLayer(), 1000, SoftmaxLayer()], Input=(3, 224, 224)
    )


@pytest.mark.parametrize(
    "net, arrays, elements",
    [(NetChain(LENET, Input=(1, 28, 28)), 8, 431_080), (squeezenet(), 52, 1_235_496), (vgg11(), 22, 132_863_336)],
    ids=["LeNet", "SqueezeNet 1.1", "VGG-11"],
)
def test_known_nets_have_the_known_numbers_of_elements(net, arrays, elements):
    assert sum(math.prod(shape) for shape in shapes(net).values()) == elements
    assert f"{elements:,} elements in {arrays} arrays" in str(net)
    assert not net.tensors  # none of them was made to count them


def test_squeezenet_sees_an_image():
    image = np.random.default_rng(1).random((3, 224, 224), dtype=np.float32)
    probabilities = net_initialize(squeezenet())(image)
    assert probabilities.shape == (1000,) and probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_lenet_is_solved_from_its_input():
    found = shapes(NetChain(LENET, Input=(1, 28, 28)))
    assert found["0/Weights"] == (20, 1, 5, 5) and found["3/Weights"] == (50, 20, 5, 5) and found["7/Weights"] == (500, 800)


def test_channels_are_solved_from_what_consumes_them():
    net = NetChain([ConvolutionLayer(Automatic, (3, 3)), Ramp, ConvolutionLayer(8, (3, 3), Weights=np.ones((8, 4, 3, 3)))])
    assert shapes(net)["0/Biases"] == (4,)


def test_the_number_of_spatial_axes_is_solved_from_what_follows():
    net = NetChain([ConvolutionLayer(4, 3), PoolingLayer(2), ConvolutionLayer(5, (3, 3))], Input=(3, Automatic, Automatic))
    assert shapes(net)["0/Weights"] == (4, 3, 3, 3)
    assert infer(NetChain([PoolingLayer(2), PoolingLayer((2, 2))])).inputs["Input"].shape == (None, None, None)


def test_flattened_images_must_fit_their_weights():
    with pytest.raises(NetShapeError) as caught:
        NetChain([ConvolutionLayer(2, (3, 3)), FlattenLayer(), LinearLayer(1, Input=10)], Input=(1, 5, 5))
    assert str(caught.value).splitlines()[0] == "1: the number of elements of (2, 3, 3) is 10 on one side and 18 on the other"
