"""net_replace: patterns, replacements, splicing, removal, and what it refuses."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError

CHAIN = NetChain([3, Ramp, 3, Tanh], Input=3)
SHOWN = "NetChain([LinearLayer(3), ElementwiseLayer(Ramp), LinearL..."
READY = net_initialize(CHAIN)


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


def test_patterns():
    selu = NetChain([3, "SELU", 3, "SELU"], Input=3)
    assert net_replace(CHAIN, (ElementwiseLayer, "SELU")) == selu == net_replace(CHAIN, [(Ramp, "SELU"), (Tanh, "SELU")])
    assert net_replace(CHAIN, (Ramp, Tanh)) == net_replace(CHAIN, (ElementwiseLayer(Ramp), Tanh)) == NetChain([3, Tanh, 3, Tanh], Input=3)
    assert net_replace(CHAIN, (lambda layer: isinstance(layer, ElementwiseLayer), "SELU")) == selu and NetReplace is net_replace
    assert net_replace(CHAIN, [(Ramp, Tanh), (ElementwiseLayer, "SELU")]) == NetChain([3, Tanh, 3, "SELU"], Input=3)


def test_a_value_matches_by_what_it_was_written_with():
    net = NetChain([3, 5, LinearLayer(3, Biases=None), 3], Input=3)
    assert net_replace(net, (LinearLayer(3), Ramp)) == NetChain([Ramp, 5, Ramp, Ramp], Input=3)
    assert net_replace(net, (LinearLayer(3, Biases=None), Ramp)) == NetChain([3, 5, Ramp, 3], Input=3)
    assert net_replace(net, (LinearLayer(), Ramp)) == NetChain([Ramp, Ramp, Ramp, Ramp], Input=3)
    ready = net_initialize(net)
    assert net_replace(ready, (3, Ramp)).structure == NetChain([Ramp, 5, Ramp, Ramp], Input=3)
    assert net_replace(ready, (ready[0], Ramp)).structure == NetChain([Ramp, 5, LinearLayer(3, Biases=None), 3], Input=3)


def test_replacements():
    assert net_replace(READY, (LinearLayer, lambda layer: layer)) == READY
    halved = net_replace(READY, (LinearLayer, lambda layer: net_replace_part(layer, ("Weights", layer["Weights"] / 2))))
    assert np.allclose(halved["2/Weights"], READY["2/Weights"] / 2)
    assert net_replace(READY, (Ramp, Tanh))["0/Weights"] is not Automatic
    assert net_replace(CHAIN, (LinearLayer, lambda layer: None)) == NetChain([Ramp, Tanh], Input=3)
    assert net_replace(LinearLayer(3), (3, 4)) == LinearLayer(4)


def test_chains_are_spliced():
    assert net_replace(CHAIN, (Ramp, [Tanh, 3, Tanh])) == NetChain([3, Tanh, 3, Tanh, 3, Tanh], Input=3)
    named = NetChain({"a": 3, "b": Ramp}, Input=3)
    assert net_replace(named, (Ramp, [Tanh, 3])) == NetChain({"a": 3, "b_0": Tanh, "b_1": 3}, Input=3)
    assert net_replace(named, (Ramp, {"x": Tanh, "a": 3})) == NetChain({"a": 3, "x": Tanh, "a_2": 3}, Input=3)
    graph = NetGraph({"a": Ramp}, ["x -> a -> y"])
    assert net_replace(graph, (Ramp, [Tanh, 3])) == NetGraph({"a": [Tanh, 3]}, ["x -> a -> y"])
    inner = net_replace(NetMapOperator([[3, Ramp], 2]), (lambda part: part == NetChain([3, Ramp]), [5, Tanh]))
    assert inner == NetMapOperator([5, Tanh, 2])


def test_removal():
    assert net_replace(READY, (Ramp, None)).structure == NetChain([3, 3, Tanh], Input=3)
    graph = NetGraph({"a": 3, "drop": DropoutLayer(), "b": 2}, ["x -> a -> drop -> b -> y"], x=4)
    assert net_replace(graph, (DropoutLayer, None)) == NetGraph({"a": 3, "b": 2}, ["x -> a -> b -> y"], x=4)


def test_at_any_depth():
    def net(act):
        graph = NetGraph({"b": act}, ["x -> b -> y"])
        return NetChain({"a": NetChain({"b": 3, "c": act}), "d": graph, "e": NetNestOperator([act], 2)}, Input=2)

    assert net_replace(net(Ramp), (Ramp, Tanh)) == net(Tanh)
    pair = net_initialize(NetPairEmbeddingOperator([3, Ramp], Input=2))
    changed = net_replace(pair, (Ramp, Tanh))
    assert changed["Net/1"] == ElementwiseLayer(Tanh, Input=3) and np.array_equal(changed["Net/0/Weights"], pair["Net/0/Weights"])
    assert net_replace(pair, (NetChain, 4)).structure == NetPairEmbeddingOperator(4, Input=2)


def test_a_rule_without_a_match_warns():
    with pytest.warns(UserWarning) as caught:
        assert net_replace(READY, (DropoutLayer(), None)) is READY
    assert str(caught[0].message) == f"net_replace: nothing in {SHOWN} matches DropoutLayer()"


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: net_replace(3, (Ramp, Tanh)), "net_replace wants a net, got 3"),
        (lambda: net_replace(CHAIN, Ramp), "net_replace wants a pair (pattern, replacement) or a list of them, got Ramp"),
        (lambda: net_replace(CHAIN, []), "net_replace wants a pair (pattern, replacement) or a list of them, got []"),
        (lambda: net_replace(CHAIN, (int, 3)), "net_replace: a pattern is a class of layers, a layer or a function, got <class 'int'>"),
        (lambda: net_replace(CHAIN, (NetChain, None)), f"net_replace: the net itself, {SHOWN}, cannot be removed"),
        (lambda: net_replace(NetMapOperator(3), (LinearLayer, None)), "net_replace: Net cannot be removed, NetMapOperator needs it"),
        (
            lambda: net_replace(NetGraph({"a": Ramp}, ["x -> a -> y"]), (Ramp, None)),
            "net_replace: nothing would be left of NetGraph({\"a\": ElementwiseLayer(Ramp)}, [(NetPort(\"x\"), \"...",
        ),
        (
            lambda: net_replace(READY, (Ramp, 4)),
            "2: the number of elements of (4,) is 3 on one side and 4 on the other\n"
            "  3: 2/Weights was given an array of shape (3, 3)\n"
            "  4: 1 is LinearLayer(4)",
        ),
    ],
)  # fmt: skip
def test_refused(build, text):
    assert message(build) == text
