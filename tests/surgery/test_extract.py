"""net_extract: every form of its docstring."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError

NET = net_initialize(NetChain({"a": [4, Ramp], "b": LinearLayer(3, Biases=None), "c": SoftmaxLayer()}, Input=2))


def test_parts():
    assert net_extract(NET, "a") == NET["a"] == NET[0] == NET[-3] == net_extract(NET, ("a",)) == net_extract(NET, ["a"])
    assert NET["a", 0] == NET["a/0"] == NET[0, 0] == NET[NetPort("a", 0)] and NET["a/-1"] == NET["a", 1]
    assert list(NET["a"].arrays) == ["0/Weights", "0/Biases"]


def test_arrays_and_parameters():
    assert NET["b", "Weights"].shape == (3, 4) and NET["b/Weights"] is not None and NET["b/Biases"] is None and NET["b", "biases"] is None
    assert NET["a/0/Weights"].flags.writeable is False
    assert NET.structure["b/Weights"] is Automatic
    assert NET["b/OutputDimensions"] == NET["b", "output_dimensions"] == (3,) and NET["c/Level"] == -1


def test_port_types():
    assert NET["Input"] == (2,) and NET["Output"] == (3,) and NET["a/Output"] == (4,) and NET["a", 1, "Input"] == (4,)
    assert NetPairEmbeddingOperator([])["Output"] == () and NetMapOperator(3, Input=("Varying", 2))["Input"] == ("Varying", 2)
    assert CrossEntropyLossLayer("Index", Input=5)["Target"] == Integer(5) and Ramp is not None
    assert NetChain([Ramp])["Input"] is Automatic


def test_several_and_all():
    assert net_extract(NET, [["a"], ["b", "Weights"]])[0] == NET["a"]
    assert list(net_extract(NET, All)) == ["a", "b", "c"] and net_extract(NET, All)["b"] == NET["b"]
    assert list(NET["a", All]) == ["0", "1"] and net_extract(NET, ("a", All, "Output")) == {"0": (4,), "1": (4,)}
    everything = net_extract(LinearLayer(3, Biases=[1, 2, 3]), All)
    assert everything["OutputDimensions"] == (3,) and everything["Weights"] is Automatic and everything["Biases"].tolist() == [1, 2, 3]
    assert net_extract(NET, ("b", All))["OutputDimensions"] == (3,)


def test_operators():
    net = net_initialize(NetPairEmbeddingOperator([3, Ramp], Input=2))
    assert (
        net["Net"] == net_extract(net, "Net")
        and net["Net", 0, "Weights"].shape == (3, 2)
        and net["DistanceFunction"] == "EuclideanDistance"
    )
    assert np.array_equal(net["Net"].arrays["0/Weights"], net.arrays["Net/0/Weights"])


def test_sizes_of_the_surroundings_stay():
    net = NetChain([LinearLayer(), NetChain([3], Input=5)], Input=2)
    assert repr(net[0]) == "LinearLayer(Input=2, Output=5)" and repr(net[1]) == "NetChain([LinearLayer(3)], Input=5)"
    assert net_initialize(net)[0]([1, 2]).shape == (5,)


@pytest.mark.parametrize(
    "place, text",
    [
        ("encoder", 'NetChain has nothing called \'encoder\', known: "a", "b", "c", "Input", "Output"'),
        ("a/Imput", 'a has nothing called \'Imput\', did you mean "Input" or "Output"?'),
        ("b/Weigths", "b has nothing called 'Weigths', did you mean \"Weights\"?"),
        ("x/y/Weights", 'NetChain has nothing called \'x\', known: "a", "b", "c", "Input", "Output"'),
        (7, "NetChain has 3 parts, there is none at 7"),
        (NetArray("w"), None),
        (3.5, "a place in a net is a name, a position, a slice, a path or a NetPort, got 3.5"),
        (True, "a place in a net is a name, a position, a slice, a path or a NetPort, got True"),
    ],
    ids=str,
)
def test_refused(place, text):
    with pytest.raises(NetError) as caught:
        NET[place]
    assert text is None or str(caught.value) == text


def test_only_nets():
    with pytest.raises(NetError, match=r"^net_extract wants a net, got 3$"):
        net_extract(3, "a")
    assert NetExtract is net_extract
