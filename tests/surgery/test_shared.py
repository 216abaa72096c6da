"""net_insert_shared_arrays: names, values, what stays, and that one set of arrays is left of two uses."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError


def test_names_are_places():
    net = NetChain({"body": [3, Ramp], "head": LinearLayer(2, Biases=None)}, Input=2)
    assert list(net_insert_shared_arrays(net).arrays) == ["body:0:Weights", "body:0:Biases", "head:Weights"]
    assert list(net_insert_shared_arrays(net, "enc").arrays) == ["enc:body:0:Weights", "enc:body:0:Biases", "enc:head:Weights"]
    assert list(net_insert_shared_arrays(LinearLayer(2)).arrays) == ["Weights", "Biases"]
    assert NetInsertSharedArrays is net_insert_shared_arrays


def test_values_come_along():
    net = net_initialize(NetChain({"body": [3, Ramp], "head": 2}, Input=2))
    shared = net_insert_shared_arrays(net)
    assert np.array_equal(shared["body", 0, "Weights"], net["body", 0, "Weights"])
    assert np.array_equal(shared[NetArray("body:0:Weights")], net["body", 0, "Weights"])
    assert np.array_equal(shared([1, -2]), net([1, -2])) and shared.outputs == net.outputs


def test_used_twice_it_is_one_set():
    net = net_insert_shared_arrays(net_initialize(NetChain([4, Tanh, 4], Input=4)), "t")
    twice = NetGraph({"a": net, "b": net, "add": Plus}, ["x -> a", "a -> b", (("a", "b"), "add")])
    assert list(twice.arrays) == list(net.arrays) and np.allclose(twice([1, 2, 3, 4]), net([1, 2, 3, 4]) + net(net([1, 2, 3, 4])))
    first, second = net.arrays["t:0:Weights"], net_initialize(twice, All, RandomSeeding=5)
    assert not np.array_equal(second["a", 0, "Weights"], first)
    assert np.array_equal(second["a", 0, "Weights"], second["b", 0, "Weights"])


def test_inside_operators():
    net = net_initialize(NetPairEmbeddingOperator([3, Ramp], Input=2))
    shared = net_insert_shared_arrays(net)
    assert list(shared.arrays) == ["Net:0:Weights", "Net:0:Biases"] and shared([[1, 2], [3, 5]]) == net([[1, 2], [3, 5]])
    assert NetChain([shared["Net"], Tanh]).arrays.keys() == shared.arrays.keys()


def test_what_stays():
    net = NetChain([LinearLayer(2, Weights=NetArray("w")), BatchNormalizationLayer()], Input=2)
    assert list(net_insert_shared_arrays(net).arrays) == [
        "w", "0:Biases", "1:Scaling", "1:Biases", "1/MovingMean", "1/MovingVariance",
    ]  # fmt: skip
    assert net_insert_shared_arrays(net_insert_shared_arrays(net)) == net_insert_shared_arrays(net)
    assert net_insert_shared_arrays(NetChain([Ramp])) == NetChain([Ramp])
    sized = net_insert_shared_arrays(LinearLayer(2, Weights=NetArray(Dimensions=(2, 3))))
    assert sized.inputs["Input"].shape == (3,)
    assert repr(sized) == 'LinearLayer(2, Weights=NetArray("Weights", Dimensions=(2, 3)), Biases=NetArray("Biases"))'


def test_places_that_read_alike():
    net = NetChain({"a:b": 2, "a": NetChain({"b": 3})}, Input=2)
    names = list(net_insert_shared_arrays(net).arrays)
    assert names == ["a:b:Weights", "a:b:Biases", "a:b:Weights:2", "a:b:Biases:2"]


def test_a_deep_nest():
    net = LinearLayer(2, Input=2)
    for _ in range(1500):
        net = NetChain([net])
    assert len(next(iter(net_insert_shared_arrays(net).arrays))) > 3000


@pytest.mark.parametrize(
    "arguments, text",
    [
        ((3,), "net_insert_shared_arrays wants a net, got 3"),
        ((LinearLayer(2), 3), "net_insert_shared_arrays: a prefix is a text, got 3"),
        ((LinearLayer(2), "a/"), 'NetArray: Name \'a/:Weights\' may not be empty or contain "/", "." or "->"'),
    ],
)
def test_refused(arguments, text):
    with pytest.raises(NetError) as caught:
        net_insert_shared_arrays(*arguments)
    assert str(caught.value) == text
