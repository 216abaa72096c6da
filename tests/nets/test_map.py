"""NetMapOperator."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError

SUM = LinearLayer((), Weights=[[1, 1]], Biases=None)


def test_worked_example():
    assert NetMapOperator(SUM)([[1, 2], [3, 4], [5, 6]]).tolist() == [3, 7, 11]


def test_types():
    assert NetMapOperator(3, Input=(4, 2)).outputs["Output"].shape == (4, 3)
    assert str(NetMapOperator(3, Input=("Varying", 2)).outputs["Output"]) == "real (Varying, 3)"
    assert NetMapOperator(3).outputs["Output"].shape == (None, 3)
    assert NetMapOperator(SUM, Input=(4, 2)).outputs["Output"].shape == (4,)
    assert NetMapOperator(LinearLayer(), Input=(4, 2), Output=(4, 7))["Net/Output"] == (7,)


def test_one_set_of_arrays_and_the_inner_net():
    net = net_initialize(NetMapOperator([3, Ramp], Input=(4, 2)))
    assert list(net.arrays) == ["Net/0/Weights", "Net/0/Biases"]
    x = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
    assert np.allclose(net(x), np.stack([net["Net"](row) for row in x]), atol=1e-6)
    assert np.allclose(net(np.stack([x, -x]))[1], net(-x), atol=1e-6)


def test_nested():
    net = NetMapOperator(NetMapOperator(SUM))
    assert net(np.ones((2, 3, 2))).tolist() == [[2, 2, 2], [2, 2, 2]]


def test_lengths_that_vary():
    net = NetMapOperator(SUM, Input=("Varying", 2))
    first, second = net([[[1, 2]], [[3, 4], [5, 6]]])
    assert np.asarray(first).tolist()[:1] == [3] and np.asarray(second).tolist() == [7, 11]


@pytest.mark.parametrize(
    "build, text",
    [
        (
            lambda: NetMapOperator(MeanSquaredLossLayer()),
            'NetMapOperator: Net, MeanSquaredLossLayer(), has 2 input ports ("Input", "Target") where exactly one is wanted',
        ),
        (
            lambda: NetMapOperator(3.5),
            "Net: 3.5 is no layer; a net, a size, a symbol such as Ramp, a list of layers or a function is wanted",
        ),
        (lambda: NetMapOperator(3, Inputs=2), 'NetMapOperator has no option "Inputs", did you mean "Input" or "Output"?'),
        (
            lambda: NetMapOperator(LinearLayer(3, Input=2), Input=(5, 4)),
            "Input: the length is 4 on one side and 2 on the other\n  4: NetMapOperator was given Input=(5, 4)\n  2: Net was given Input=2",
        ),
        (
            lambda: NetMapOperator(3, Input=()),
            None,
        ),
    ],
)
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert text is None or str(caught.value) == text
