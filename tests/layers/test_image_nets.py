"""Convolutions, pooling and what follows them: sizes solved through a whole net, in both directions."""

import numpy as np
import pytest

from netgraph import Automatic, ConvolutionLayer, FlattenLayer, LinearLayer, NetChain, NetShapeError, PoolingLayer, Ramp, SoftmaxLayer
from netgraph.spec.typing import infer

LENET = [
    ConvolutionLayer(20, 5), Ramp, PoolingLayer(2, 2), ConvolutionLayer(50, 5), Ramp, PoolingLayer(2, 2), FlattenLayer(), 500, Ramp, 10,
    SoftmaxLayer(),
]  # fmt: skip


def shapes(net, full=True):
    typing = infer(net, full=full)
    return {"/".join((*path, name)): typing.store.known(run) for path, terms in typing.terms.items() for name, run in terms.arrays.items()}


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
