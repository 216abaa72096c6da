"""Arrays as values, and NetArray: one array wherever its name is used."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError
from netgraph.spec.arrays import owned, same_bits


def tied(n=3, **options):
    return LinearLayer(n, Weights=NetArray("w"), **options)


def test_forms_of_net_array():
    assert NetArray("w") == NetArray(Name="w") == NetArray(name="w") and repr(NetArray("w")) == 'NetArray("w")'
    assert NetArray("w", Dimensions=(2, 3)).dimensions == (2, 3)
    assert eval(repr(NetArray("w", Dimensions=[2, 3]))) == NetArray("w", Dimensions=(2, 3))
    assert NetArray(Name="w", Array=[[1]]).array.tolist() == [[1.0]]
    with pytest.raises(AttributeError):
        NetArray("w").name = "v"


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: NetArray(3), "NetArray: Name wants a text, got 3"),
        (lambda: NetArray("a/b"), 'NetArray: Name \'a/b\' may not be empty or contain "/", "." or "->"'),
        (lambda: NetArray(""), 'NetArray: Name \'\' may not be empty or contain "/", "." or "->"'),
        (lambda: NetArray("a", "b"), "NetArray wants one name: NetArray(name, Array=..., Dimensions=...)"),
        (lambda: NetArray("a", Foo=1), 'NetArray has no option "Foo", known: "Name", "Array", "Dimensions"'),
        (lambda: NetArray("a", Array="x"), "NetArray: Array wants an array of numbers, got 'x'"),
    ],
)
def test_refused(build, message):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == message


def test_two_uses_are_one_array():
    net = net_initialize(NetChain([tied(), Ramp, tied()], Input=3))
    assert list(net.arrays) == ["w", "0/Biases", "2/Biases"]
    assert list(net[0].arrays) == ["w", "Biases"] and np.array_equal(net[0]["Weights"], net.arrays["w"])
    assert np.array_equal(net["0/Weights"], net["2/Weights"]) and np.array_equal(net[NetArray("w")], net["2/Weights"])
    module = net.to_torch()
    assert [name for name, _ in module.named_parameters()] == ["w", "0.Biases", "2.Biases"]


def test_sharing_reaches_into_nested_nets_and_operators():
    net = net_initialize(NetGraph([[tied()], NetMapOperator([tied(Biases=None)])], [], Input1=3, Input2=(4, 3)))
    assert list(net.arrays) == ["w", "0/0/Biases"]
    assert np.array_equal(net["0/0/Weights"], net["1/Net/0/Weights"])
    part = net[1]
    assert list(part.arrays) == ["w"] and part.arrays["w"] is not Automatic
    again = NetChain([net[0], net[0]])
    assert list(again.arrays) == ["w", "0/0/Biases", "1/0/Biases"]


def test_dimensions_of_all_uses_agree():
    with pytest.raises(NetError) as caught:
        NetChain([tied(), tied()], Input=4)
    assert str(caught.value).splitlines()[0] == "1: the number of elements of (3,) is 4 on one side and 3 on the other"
    closed = [NetChain([tied()], Input=3), NetChain([tied()], Input=4)]
    with pytest.raises(NetError) as caught:
        NetGraph(closed, [])
    assert str(caught.value) == (
        "1/0: the number of elements of (4,) is 3 on one side and 4 on the other\n  3: 0 was given Input=3\n  4: 1 was given Input=4"
    )


def test_a_shared_array_has_one_value():
    one, other = LinearLayer(1, Weights=NetArray(Name="w", Array=[[1]])), LinearLayer(1, Weights=NetArray(Name="w", Array=[[2]]))
    assert NetChain([one, one]).arrays["w"].tolist() == [[1]]
    assert NetChain([one, LinearLayer(1, Weights=NetArray("w"))])["1/Weights"].tolist() == [[1]]
    with pytest.raises(NetError) as caught:
        NetChain([one, other])
    assert str(caught.value) == '1, LinearLayer(1, Weights=NetArray("w")): the shared array "w" has other values in a layer before it'


def test_a_shared_array_starts_as_its_name_says():
    a = net_initialize(NetChain([tied(), tied()], Input=3))
    b = net_initialize(NetChain({"x": [3, tied()]}, Input=3))
    assert np.array_equal(a.arrays["w"], b.arrays["w"])


def test_dimensions_without_a_name():
    layer = LinearLayer(3, Weights=NetArray(Dimensions=(3, 5)))
    assert net_initialize(layer).arrays["Weights"].shape == (3, 5)


def test_owned():
    assert owned([True, False], "x").dtype == torch.float32 and owned(np.arange(3), "x").dtype == torch.float32
    assert owned(torch.ones(2, dtype=torch.float64), "x").dtype == torch.float64
    assert owned(3, "x").shape == ()


def test_same_bits():
    zero, minus = torch.tensor(0.0), torch.tensor(-0.0)
    assert same_bits({"a": zero}, {"a": zero.clone()}) and not same_bits({"a": zero}, {"a": minus})
    assert not same_bits({"a": zero}, {"b": zero}) and not same_bits({"a": zero}, {"a": zero.reshape(1)})
