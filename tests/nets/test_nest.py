"""NetNestOperator."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError


def test_worked_example():
    assert NetNestOperator(lambda x: 2 * x + 1, 3)(1) == 15
    assert NetNestOperator(LinearLayer(1, Weights=[[2]], Biases=[1]), 3)([1]).tolist() == [15]


def test_types():
    assert NetNestOperator(LinearLayer(), 2, Input=4)["Net/Output"] == (4,)
    assert NetNestOperator(LinearLayer(3), 2).inputs["Input"].shape == (3,)
    assert NetNestOperator([Ramp], 2, Input=("Varying", 2)).outputs["Output"].varies
    assert NetNestOperator(LinearLayer(3, Input=2), 1).outputs["Output"].shape == (3,)


def test_one_set_of_arrays():
    net = net_initialize(NetNestOperator([3, Tanh], 4, Input=3))
    assert list(net.arrays) == ["Net/0/Weights", "Net/0/Biases"]
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    y = x
    for _ in range(4):
        y = net["Net"](y)
    assert np.allclose(net(x), y, atol=1e-6)
    assert np.allclose(net(x)[2], net(x[2]), atol=1e-6)


def test_the_gradient_is_that_of_all_applications():
    net = NetNestOperator(LinearLayer(1, Weights=[[2]], Biases=[1]), 3)
    assert net([1], NetPortGradient("Input")).tolist() == [8]
    # w^3 x + w^2 b + w b + b at w = 2, b = 1, x = 1: 3 w^2 + 2 w + 1
    assert np.ravel(net([1], NetPortGradient("Net/Weights"))).tolist() == [17]
    assert np.ravel(net([1], NetPortGradient("Net/Biases"))).tolist() == [7]


def test_lengths_that_vary():
    net = NetNestOperator(NetMapOperator(FunctionLayer(lambda x: x.flip(0) * 2)), 3, Input=("Varying", 2))
    first, second = net([[[1, 2]], [[3, 4], [5, 6]]])
    assert np.asarray(first).tolist()[:1] == [[16, 8]] and np.asarray(second).tolist() == [[32, 24], [48, 40]]


def test_an_example_alone_is_the_example_padded():
    net = NetNestOperator([SoftmaxLayer(0), lambda x: x * x + 1], 3, Input=("Varying", 2))
    source = np.random.default_rng(3)
    batch = [source.normal(size=(n, 2)).astype(np.float32) for n in (1, 4, 2)]
    for together, gradient, x in zip(net(batch), net(batch, NetPortGradient("Input")), batch, strict=True):
        assert np.allclose(np.asarray(together)[: len(x)], net(x), atol=1e-6)
        padded = np.asarray(gradient)
        assert np.allclose(padded[: len(x)], net(x, NetPortGradient("Input")), atol=1e-6) and not padded[len(x) :].any()


def test_nested_mapped_saved_and_with_noise():
    net = NetMapOperator(NetNestOperator(NetNestOperator(lambda x: x + 1, 2), 3))
    assert net([1, 2]).tolist() == [7, 8]
    assert net_from_json(net_to_json(net)) == net
    assert eval(repr(NetNestOperator([Ramp, 3], 2))) == NetNestOperator([Ramp, 3], 2)
    dropped = NetNestOperator(DropoutLayer(0.5), 3, Input=1000)
    kept = dropped(np.ones(1000), NetEvaluationMode="Train")
    assert set(kept.tolist()) == {0.0, 8.0}


@pytest.mark.parametrize(
    "build, text",
    [
        (
            lambda: NetNestOperator(MeanSquaredLossLayer(), 2),
            'NetNestOperator: Net, MeanSquaredLossLayer(), has 2 input ports ("Input", "Target") where exactly one is wanted',
        ),
        (lambda: NetNestOperator(Ramp, 0), "NetNestOperator: Times wants a whole number from 1, got 0"),
        (lambda: NetNestOperator(Ramp), "NetNestOperator wants Times, its argument 1"),
        (
            lambda: NetNestOperator(LinearLayer(3, Input=2), 2, Input=2),
            "Net/Output -> Net/Input: the length is 3 on one side and 2 on the other\n"
            "  3: Net is LinearLayer(3, Input=2)\n  2: Net was given Input=2",
        ),
    ],
)
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == text
