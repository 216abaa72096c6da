"""NetChain: shorthands, ports, nesting, what does not fit in a row."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


def test_shorthands():
    net = NetChain([3, Ramp, "Tanh", "GELU", [2, Ramp], {"a": 4}, LinearLayer(1), lambda x: x**2, np.int64(7), Automatic], Output=2)
    assert [type(layer).__name__ for layer in net] == [
        *("LinearLayer", "ElementwiseLayer", "ElementwiseLayer", "ElementwiseLayer", "NetChain", "NetChain"),
        *("LinearLayer", "ElementwiseLayer", "LinearLayer", "LinearLayer"),
    ]
    assert net[4] == NetChain([2, Ramp], Input=3)
    assert net[-1, "Output"] == (2,)


def test_names_and_numbers():
    net = NetChain({"a": 3, "b": Ramp, "c": 1}, Input=2)
    assert net["a"] == net[0] == net[-3] and net["c", "Output"] == (1,) and net["b/Input"] == (3,)
    assert NetChain([3, Ramp])["0"] == NetChain([3, Ramp])[0]


def test_the_empty_chain_is_the_identity():
    net = NetChain([])
    assert net([1, 2]).tolist() == [1, 2] and net(3) == 3.0
    assert NetChain([3, [], Ramp], Input=2)["1/Output"] == (3,)


def test_all_ports_of_the_ends():
    net = NetChain([ThreadingLayer(Plus, InputPorts=["a", "b"]), Ramp])
    assert list(net.inputs) == ["a", "b"] and net({"a": [1, -5], "b": [1, 1]}).tolist() == [2, 0]
    ends = NetChain([Ramp, NetGraph([Ramp, Tanh], [(NetPort("x"), 0), (NetPort("x"), 1)])])
    assert list(ends.inputs) == ["Input"] and list(ends.outputs) == ["Output1", "Output2"]
    assert list(MeanSquaredLossLayer().inputs) == ["Input", "Target"]
    assert list(NetChain([MeanSquaredLossLayer(), Ramp]).inputs) == ["Input", "Target"]


def test_a_first_layer_of_any_number_of_inputs():
    net = NetChain([TotalLayer(), Ramp])
    assert net.input_count is None and net.with_inputs(2).inputs.keys() == {"1", "2"}
    assert net([[1, 2], [3, -9]]).tolist() == [4, 0]
    assert NetChain([Ramp, TotalLayer(), Tanh])[1].inputs.keys() == {"1"}


def test_a_layer_used_twice_is_two_copies():
    layer = LinearLayer(3)
    net = net_initialize(NetChain([layer, layer], Input=3))
    assert list(net.arrays) == ["0/Weights", "0/Biases", "1/Weights", "1/Biases"]
    assert not np.array_equal(net["0/Weights"], net["1/Weights"])


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: NetChain(3), "NetChain wants a list of layers or a dict of them by name, got 3"),
        (lambda: NetChain([3.5]), "0: 3.5 is no layer; a net, a size, a symbol such as Ramp, a list of layers or a function is wanted"),
        (lambda: NetChain([True]), "0: True is no layer; a net, a size, a symbol such as Ramp, a list of layers or a function is wanted"),
        (lambda: NetChain([None]), "0: None is no layer; a net, a size, a symbol such as Ramp, a list of layers or a function is wanted"),
        (lambda: NetChain([LinearLayer]), "0: LinearLayer is a class, a layer is wanted\n  try: LinearLayer()"),
        (lambda: NetChain([3], Inptu=2), 'NetChain has no port or option "Inptu", did you mean "Input"?'),
        (lambda: NetChain({"a/b": 3}), 'NetChain: a layer cannot be called "a/b": no "/", ".", "->", no number, not empty'),
        (lambda: NetChain({"3": 3}), 'NetChain: a layer cannot be called "3": no "/", ".", "->", no number, not empty'),
        (lambda: NetChain({3: 3}), "NetChain: the name of a layer is a text, got 3"),
        (lambda: NetChain({"Input": 3}), 'NetChain: "Input" is both a layer and a port of the net\n  try: rename one of them'),
        (
            lambda: NetChain([Ramp, MeanSquaredLossLayer()]),
            '1, MeanSquaredLossLayer(), has 2 input ports ("Input", "Target") where exactly one is wanted',
        ),
        (
            lambda: NetChain([NetGraph([Ramp, Tanh], [(NetPort("x"), 0), (NetPort("x"), 1)]), 3]),
            "0, NetGraph([ElementwiseLayer(Ramp), ElementwiseLayer(Tanh)]..., "
            'has 2 output ports ("Output1", "Output2") where exactly one is wanted',
        ),
        (
            lambda: NetChain([Ramp], LearningRateMultipliers=1, learning_rate_multipliers=2),
            "LearningRateMultipliers is given twice, as LearningRateMultipliers= and learning_rate_multipliers=",
        ),
        (lambda: NetChain([3])[5], "NetChain has 1 part, there is none at 5"),
        (lambda: NetChain({"enc": 3})["encoder"], "NetChain has nothing called 'encoder', did you mean \"enc\"?"),
    ],
)
def test_refused(build, text):
    assert message(build) == text


def test_slices():
    net = net_initialize(NetChain([4, Ramp, 3, Tanh, 2], Input=5))
    middle = net[1:3]
    assert list(middle.arrays) == ["1/Weights", "1/Biases"] and middle.structure == NetChain([Ramp, 3])
    assert np.array_equal(middle[-1, "Weights"], net["2/Weights"])
    assert net[:].tensors.keys() == net.tensors.keys()
    x = np.ones(5, dtype=np.float32)
    assert np.allclose(net[3:](net[:3](x)), net(x))
    assert net[5:] == NetChain([]) and len(net[-2:]) == 2
    named = NetChain({"a": 4, "b": Ramp, "c": LinearLayer()}, Input=2, Output=6)
    assert repr(named[1:]) == 'NetChain({"b": ElementwiseLayer(Ramp), "c": LinearLayer()}, Input=4, Output=6)'
    nested = NetChain({"x": [4, Ramp, 3]}, Input=2)
    assert repr(nested["x", 1:]) == "NetChain([ElementwiseLayer(Ramp), LinearLayer(3)], Input=4)"
    assert message(lambda: net[::2]).endswith(": a slice of a chain has no step, got 2")
    assert message(lambda: LinearLayer(3)[0:1]) == "LinearLayer(3): only a NetChain is cut by a slice"
