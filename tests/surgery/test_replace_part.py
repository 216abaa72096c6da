"""net_replace_part: every kind of place, several at once, and what it refuses."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError

CHAIN = NetChain([3, Ramp, 2, Tanh], Input=4)
READY = net_initialize(CHAIN)
PAIR = net_initialize(NetPairEmbeddingOperator({"lin": 3, "act": Ramp}, Input=2))


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


def test_layers():
    assert net_replace_part(CHAIN, (1, Tanh)) == net_replace_part(CHAIN, {1: Tanh}) == net_replace_part(CHAIN, [("1", Tanh)])
    assert net_replace_part(CHAIN, (1, Tanh)) == NetChain([3, Tanh, 2, Tanh], Input=4) and NetReplacePart is net_replace_part
    changed = net_replace_part(READY, (1, Tanh))
    assert np.array_equal(changed["0/Weights"], READY["0/Weights"]) and changed.arrays.keys() == READY.arrays.keys()
    assert net_replace_part(READY, (0, READY[0])) == READY and net_replace_part(READY, (0, 3))["0/Weights"] is Automatic
    assert net_replace_part(NetChain([[3, Ramp]], Input=2), ("0/1", Tanh)) == NetChain([[3, Tanh]], Input=2)


def test_arrays():
    ones = np.ones((3, 4))
    assert net_replace_part(READY, ((0, "Weights"), ones))["0/Weights"].tolist() == ones.tolist()
    assert net_replace_part(READY, ("0/Weights", Automatic))["0/Weights"] is Automatic
    assert net_replace_part(CHAIN, ("0/Weights", ones))["0/Weights"].tolist() == ones.tolist()
    assert net_replace_part(READY, ("0/biases", None))["0/Biases"] is None
    without = NetChain([LinearLayer(3, Biases=None)], Input=2)
    assert net_replace_part(without, ("0/Biases", [1, 2, 3]))["0/Biases"].tolist() == [1, 2, 3]
    assert net_replace_part(without, ("0/Biases", Automatic)) == NetChain([3], Input=2)
    assert net_replace_part(LinearLayer(1, Weights=[[1, 2]], Biases=[5]), ("Weights", [[3, 4]]))([1, 1]).tolist() == [12]


def test_shared_arrays():
    tied = net_replace_part(READY, {"0/Biases": NetArray("b", Array=[1, 2, 3])})
    assert tied[NetArray("b")].tolist() == [1, 2, 3] and list(net_extract(tied, NetArray(All))) == ["b"]
    twice = NetChain([tied[0], NetChain([LinearLayer(3, Biases=NetArray("b"))])])
    assert net_replace_part(twice, (NetArray("b"), [4, 5, 6]))["1/0/Biases"].tolist() == [4, 5, 6]
    assert net_replace_part(twice, ("0/Biases", [4, 5, 6]))["1/0/Biases"].tolist() == [4, 5, 6]
    assert net_replace_part(twice, (NetArray("b"), Automatic))["0/Biases"] is Automatic
    layer = LinearLayer(2, Weights=NetArray("w", Array=[[1, 2], [3, 4]]))
    assert net_replace_part(layer, (NetArray("w"), [[0, 0], [0, 0]]))["Weights"].tolist() == [[0, 0], [0, 0]]


def test_parameters():
    conv = NetChain([ConvolutionLayer(4, 3)], Input=(1, 8, 8))
    assert net_replace_part(conv, ("0/KernelSize", (5, 5))) == NetChain([ConvolutionLayer(4, (5, 5))], Input=(1, 8, 8))
    assert net_replace_part(DropoutLayer(0.5), ("DropoutProbability", 0.1)) == DropoutLayer(0.1)
    slow = net_replace_part(CHAIN, (("0", "LearningRateMultipliers"), 0))
    assert slow == NetChain([LinearLayer(3, LearningRateMultipliers=0), Ramp, 2, Tanh], Input=4)
    assert net_replace_part(CHAIN, LearningRateMultipliers=0.5) == NetChain([3, Ramp, 2, Tanh], Input=4, LearningRateMultipliers=0.5)


def test_ports():
    assert net_replace_part(CHAIN, Input=5) == net_replace_part(CHAIN, ("Input", 5)) == NetChain([3, Ramp, 2, Tanh], Input=5)
    assert net_replace_part(CHAIN, Input=Automatic) == NetChain([3, Ramp, 2, Tanh]) and net_replace_part(CHAIN, Input=None) == CHAIN
    assert net_replace_part(NetChain([Ramp]), Input=("Varying", 2)).outputs["Output"].written() == ("Varying", 2)
    assert net_replace_part(PAIR.structure, Input=5) == NetPairEmbeddingOperator({"lin": 3, "act": Ramp}, Input=5)
    assert net_replace_part(LinearLayer(3), Input=2) == LinearLayer(3, Input=2)


def test_at_once():
    assert net_replace_part(CHAIN, {2: 5, "Output": 5}) == NetChain([3, Ramp, 5, Tanh], Input=4, Output=5)
    wider = net_replace_part(READY, {0: 7, 2: 2})
    assert wider.outputs["Output"].shape == (2,) and wider["0/OutputDimensions"] == (7,)
    assert "the number of elements of (7,) is 3 on one side and 7 on the other" in message(lambda: net_replace_part(READY, {0: 7}))


def test_inside_operators():
    changed = net_replace_part(PAIR, {("Net", "act"): Tanh, "DistanceFunction": "CosineDistance"})
    assert changed.structure == NetPairEmbeddingOperator({"lin": 3, "act": Tanh}, DistanceFunction="CosineDistance", Input=2)
    assert np.array_equal(changed["Net/lin/Weights"], PAIR["Net/lin/Weights"])
    assert net_replace_part(PAIR, ("Net", [5, Tanh])).structure == NetPairEmbeddingOperator([5, Tanh], Input=2)
    assert net_replace_part(PAIR, ("Net/lin/Biases", [1, 2, 3]))["Net/lin/Biases"].tolist() == [1, 2, 3]


def test_wires_find_the_ports_of_the_new_layer():
    graph = NetGraph({"a": 3, "b": Ramp, "t": TotalLayer()}, ["x -> a", "x -> b", (("a", "b"), "t")], x=3)
    times = net_replace_part(graph, ("t", Times))
    assert times == NetGraph({"a": 3, "b": Ramp, "t": Times}, ["x -> a", "x -> b", (("a", "b"), "t")], x=3)
    inner = net_replace_part(graph, ("a", NetGraph({"q": 3}, ["u -> q -> v"])))
    assert inner.outputs == graph.outputs and list(inner["a"].inputs) == ["u"]


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: net_replace_part(3, ("a", 2)), "net_replace_part wants a net, got 3"),
        (lambda: net_replace_part(CHAIN, 3), "net_replace_part wants a pair (place, value), a list of them, or a dict, got 3"),
        (lambda: net_replace_part(CHAIN, ("a", 3)), 'NetChain has nothing called \'a\', known: "0", "1", "2", "3", "Input", "Output"'),
        (lambda: net_replace_part(CHAIN, (9, 3)), "NetChain has 4 parts, there is none at 9"),
        (lambda: net_replace_part(CHAIN, ("0/Weigths", 3)), "0 has nothing called 'Weigths', did you mean \"Weights\"?"),
        (lambda: net_replace_part(CHAIN, Inptu=3), "NetChain has nothing called 'Inptu', did you mean \"Input\"?"),
        (lambda: net_replace_part(CHAIN, ((), 3)), "net_replace_part: an empty path is the net itself"),
        (
            lambda: net_replace_part(CHAIN, ((All, "Weights"), 3)),
            "net_replace_part: a place is made of names and positions, got All in (All, 'Weights')",
        ),
        (lambda: net_replace_part(CHAIN, {0: 3, "0/Biases": None}), "net_replace_part: 0 is replaced, and so is something in it"),
        (lambda: net_replace_part(CHAIN, [("0/Biases", None), ("0/Biases", None)]), "net_replace_part: 0/Biases is told twice"),
        (
            lambda: net_replace_part(READY, ("0/Weights", np.ones((3, 5)))),
            "0/Weights: the new array has shape (3, 5), the array there has (3, 4)",
        ),
        (lambda: net_replace_part(CHAIN, ("0/Weights", "x")), "0/Weights wants an array of numbers, got 'x'"),
        (lambda: net_replace_part(CHAIN, ("0/Weights", None)), "LinearLayer: Weights cannot be left out, it has no None"),
        (
            lambda: net_replace_part(CHAIN, ("0/OutputDimensions", 0)),
            "LinearLayer: OutputDimensions wants a size, a tuple of sizes or Automatic, got 0",
        ),
        (lambda: net_replace_part(CHAIN, (NetArray("w"), 3)), 'net_replace_part: {chain} has no shared array "w", there are none'),
        (lambda: net_replace_part(CHAIN, Input=0), "Input: a size is at least 1, got 0"),
        (lambda: LinearLayer(2, Weights=NetArray(All)), "LinearLayer: Weights wants one shared array, NetArray(All) is all of them"),
        (
            lambda: net_replace_part(NetGraph({"a": Ramp}, ["x -> a -> y"]), ("a", MeanSquaredLossLayer())),
            'a: MeanSquaredLossLayer() has the input ports "Input", "Target", ElementwiseLayer(Ramp) had "Input"',
        ),
        (
            lambda: net_replace_part(CHAIN, ("0/Weights", np.ones((3, 5)))),
            "0: the number of elements of (4,) is 5 on one side and 4 on the other\n"
            "  5: 0/Weights was given an array of shape (3, 5)\n"
            "  4: NetChain was given Input=4",
        ),
    ],
)
def test_refused(build, text):
    assert message(build) == text.format(chain="NetChain([LinearLayer(3), ElementwiseLayer(Ramp), LinearL...")
