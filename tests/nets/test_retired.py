"""The retired names give the present forms."""

import pytest

from netgraph import (
    ConstantArrayLayer,
    ConstantPlusLayer,
    ConstantTimesLayer,
    DotPlusLayer,
    LinearLayer,
    NetArrayLayer,
    NetChain,
    NetError,
    NetGraph,
    net_initialize,
)


def test_names_of_layers():
    assert DotPlusLayer(3, Biases=None) == LinearLayer(3, Biases=None)
    assert ConstantArrayLayer(Array=[1, 2]) == NetArrayLayer(Array=[1, 2])


def test_an_array_added():
    net = ConstantPlusLayer(Biases=[1, 2])
    assert isinstance(net, NetGraph) and list(net.arrays) == ["Biases/Array"]
    assert net([10, 20]).tolist() == [11, 22]
    assert net([[10, 20], [30, 40]]).tolist() == [[11, 22], [31, 42]]


def test_an_array_multiplied():
    net = ConstantTimesLayer(Scaling=[1, 2])
    assert list(net.arrays) == ["Scaling/Array"]
    assert net([[10, 20], [30, 40]]).tolist() == [[10, 40], [30, 80]]


def test_they_start_as_the_identity():
    net = net_initialize(NetChain([ConstantPlusLayer(), ConstantTimesLayer()], Input=(2, 3)))
    x = [[1, -2, 3], [4, 5, 6]]
    assert net(x).tolist() == x
    assert net.arrays["0/Biases/Array"].tolist() == [[0] * 3] * 2 and net.arrays["1/Scaling/Array"].tolist() == [[1] * 3] * 2


def test_what_they_take():
    net = ConstantPlusLayer(biases=[1, 2], LearningRateMultipliers=0, Input=2)
    assert net.inputs["Input"].shape == (2,) and net.children["Biases"]._multipliers == 0
    with pytest.raises(NetError) as caught:
        ConstantTimesLayer(Biases=[1])
    known = '"Scaling", "LearningRateMultipliers", "Input", "Output"'
    assert str(caught.value) == f'ConstantTimesLayer has no option "Biases", known: {known}'
    with pytest.raises(NetError) as caught:
        ConstantPlusLayer(Input=("Varying", 2))
    assert str(caught.value) == (
        'Biases: the array has one shape for all examples, it cannot vary\n  Varying: NetGraph was given Input=("Varying", 2)'
    )
