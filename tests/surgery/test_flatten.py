"""net_flatten: kinds, names, levels, given types, multipliers and operators."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError


def test_chains():
    assert net_flatten(NetChain([3, [Ramp, [2]]], Input=4)) == NetChain([3, Ramp, 2], Input=4) and NetFlatten is net_flatten
    named = NetChain({"a": NetChain([3, Ramp]), "b": NetChain({"c": 2}), "d": Tanh}, Input=4)
    assert net_flatten(named) == NetChain({"a:0": 3, "a:1": Ramp, "b:c": 2, "d": Tanh}, Input=4)
    assert net_flatten(NetChain({"a:b": Ramp, "a": NetChain({"b": Tanh})})) == NetChain({"a:b": Ramp, "a:b_2": Tanh})
    assert net_flatten(LinearLayer(3)) == LinearLayer(3) and net_flatten(NetChain([[], Ramp, []])) == NetChain([Ramp])
    assert net_flatten(NetChain([[[]]])) == NetChain([])


def test_the_kind_follows_the_content():
    assert net_flatten(NetGraph([3, Ramp], [(0, 1)], Input=2)) == NetChain([3, Ramp], Input=2)
    assert net_flatten(NetGraph({"b": Ramp, "a": 3}, ["a -> b"], Input=2)) == NetChain({"a": 3, "b": Ramp}, Input=2)
    assert isinstance(net_flatten(NetGraph([3, Ramp], [(NetPort("x"), 0, 1)], x=2)), NetGraph)
    residual = NetGraph({"f": [3, Ramp], "add": Plus}, ["Input -> f", (("f", NetPort("Input")), "add")], Input=3)
    flat = net_flatten(NetChain({"r": residual, "end": 2}))
    assert isinstance(flat, NetGraph) and list(flat.children) == ["r:f:0", "r:f:1", "r:add", "end"]
    ready = net_initialize(NetChain({"r": residual, "end": 2}))
    assert np.array_equal(net_flatten(ready)([1, 2, 3]), ready([1, 2, 3]))


def test_levels():
    net = NetChain([3, [Ramp, [2, [Tanh]]]], Input=4)
    assert net_flatten(net, 0) == net and net_flatten(net, 1) == NetChain([3, Ramp, [2, [Tanh]]], Input=4)
    assert net_flatten(net, 2) == NetChain([3, Ramp, 2, [Tanh]], Input=4) and net_flatten(net, 3) == net_flatten(net)


def test_operators():
    ready = net_initialize(NetMapOperator([[3, [Ramp]], 2], Input=(2, 4)))
    flat = net_flatten(ready)
    assert flat.structure == NetMapOperator([3, Ramp, 2], Input=(2, 4)) and np.array_equal(flat["Net/2/Weights"], ready["Net/1/Weights"])
    inside = NetChain([[NetMapOperator([[3]]), Ramp]], Input=(2, 4))
    assert net_flatten(inside) == NetChain([NetMapOperator([3]), Ramp], Input=(2, 4))


def test_types_go_to_the_layers():
    net = NetChain([NetChain([3], Input=5), NetChain([LinearLayer(), Ramp], Output=2)])
    assert net_flatten(net) == NetChain([LinearLayer(3, Input=5), LinearLayer(), ElementwiseLayer(Ramp, Output=2)])
    assert net_flatten(NetChain([NetChain([], Input=4), 3])).inputs["Input"].shape == (4,)


def test_multipliers_go_to_the_arrays():
    net = NetChain([NetChain([3, 4], LearningRateMultipliers={0: 2}), 2], LearningRateMultipliers={(0, 1, "Weights"): 5, 0: 3})
    assert net_flatten(net) == NetChain(
        [LinearLayer(3, LearningRateMultipliers=2.0), 4, 2], LearningRateMultipliers=(((1, "Weights"), 5), (0, 3), (1, 3))
    )
    half = NetChain([NetChain([LinearLayer(3, LearningRateMultipliers={"Weights": 0})], LearningRateMultipliers=0.5)])
    assert net_flatten(half)[0] == LinearLayer(3, LearningRateMultipliers=((("Weights",), 0.0), (("Biases",), 0.5)))


def test_inner_outputs_stay():
    inner = (NetPort("s", "a", "Output"), NetPort("mid"))
    deep = NetGraph({"s": NetChain({"a": [3, Ramp], "b": Ramp}), "t": 2}, ["s -> t", inner], Input=2)
    ready = net_initialize(deep)
    flat = net_flatten(ready)
    assert list(flat.outputs) == ["mid", "Output"]
    assert all(np.array_equal(flat([1, 2])[name], ready([1, 2])[name]) for name in flat.outputs)


def test_a_deep_nest():
    net = LinearLayer(2, Input=2)
    for _ in range(1000):
        net = NetChain([net])
    assert net_flatten(net_initialize(net)).structure == NetChain([LinearLayer(2, Input=2)])


@pytest.mark.parametrize(
    "arguments, text",
    [((3,), "net_flatten wants a net, got 3"), ((NetChain([]), -1), "net_flatten: levels are a number from 0 or All, got -1")],
)
def test_refused(arguments, text):
    with pytest.raises(NetError) as caught:
        net_flatten(*arguments)
    assert str(caught.value) == text
