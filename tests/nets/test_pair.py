"""NetPairEmbeddingOperator."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError


def test_worked_examples():
    assert NetPairEmbeddingOperator([])([[0, 0], [3, 4]]) == 5.0
    cosine = NetPairEmbeddingOperator([], DistanceFunction="CosineDistance")
    assert cosine([[1, 0], [0, 1]]) == 1.0 and cosine([[1, 1], [2, 2]]) == pytest.approx(0, abs=1e-6)
    assert NetPairEmbeddingOperator([], Input=2)([[[0, 0], [3, 4]], [[1, 1], [1, 1]]]).tolist() == [5, 0]


def test_input_is_the_shape_of_each_member():
    net = NetPairEmbeddingOperator([3, Ramp], Input=4)
    assert net["Input"] == (2, 4) and net["Output"] == () and net["Net/Input"] == (4,)
    assert NetPairEmbeddingOperator([FlattenLayer(), 3], Input=(4, 5))["Input"] == (2, 4, 5)
    assert NetPairEmbeddingOperator(Ramp, Input=())["Input"] == (2,)
    assert eval(repr(net)) == net


def test_it_is_the_distance_of_the_embeddings():
    net = net_initialize(NetPairEmbeddingOperator([3, Ramp], Input=4))
    a, b = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    inner = net["Net"]
    assert net([a, b]) == pytest.approx(float(np.linalg.norm(inner(a) - inner(b))), rel=1e-5)
    assert NetPairEmbeddingOperator(Ramp, Input=())([1, 4]) == 3.0
    assert NetPairEmbeddingOperator([], Input=(2, 2))(np.array([np.zeros((2, 2)), np.ones((2, 2))])) == 2.0


def test_in_a_chain():
    net = NetChain([NetPairEmbeddingOperator([]), lambda x: 2 * x], Input=(2, 3))
    assert net([[0, 0, 0], [2, 3, 6]]) == 14.0


@pytest.mark.parametrize(
    "build, text",
    [
        (
            lambda: NetPairEmbeddingOperator([], DistanceFunction="Manhattan"),
            'NetPairEmbeddingOperator: DistanceFunction wants "EuclideanDistance" or "CosineDistance", got \'Manhattan\'',
        ),
        (
            lambda: NetChain([NetPairEmbeddingOperator([])], Input=(3, 4)),
            "0/Input: axis 0 is 3 on one side and 2 on the other\n"
            "  3: NetChain was given Input=(3, 4)\n  2: 0 is NetPairEmbeddingOperator(NetChain[0])",
        ),
        (
            lambda: NetPairEmbeddingOperator(MeanSquaredLossLayer()),
            'NetPairEmbeddingOperator: Net, MeanSquaredLossLayer(), has 2 input ports ("Input", "Target") where exactly one is wanted',
        ),
        (lambda: NetPairEmbeddingOperator(), "NetPairEmbeddingOperator wants Net, its argument 0"),
    ],
)
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == text
