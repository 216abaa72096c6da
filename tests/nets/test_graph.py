"""NetGraph: which ports it exposes, what it is made of."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


def ports(net):
    return list(net.inputs), list(net.outputs)


def test_unconnected_ports_are_exposed():
    assert ports(NetGraph([Ramp], [])) == (["Input"], ["Output"])
    assert ports(NetGraph([Ramp, Tanh], [])) == (["Input1", "Input2"], ["Output1", "Output2"])
    assert ports(NetGraph([Ramp, Tanh], [(NetPort("x"), 0), (NetPort("x"), 1)])) == (["x"], ["Output1", "Output2"])
    assert ports(NetGraph([Ramp, Tanh], [(NetPort("x"), 0), (NetPort("x"), 1), (NetPort(1, "Output"), None)])) == (["x"], ["Output"])
    assert ports(NetGraph([Ramp, Tanh], [(1, None)])) == (["Input1", "Input2"], ["Output"])
    assert ports(NetGraph([Ramp, Tanh], [(0, NetPort("Output"))])) == (["Input1", "Input2"], ["Output", "Output1"])
    assert ports(NetGraph([3, MeanSquaredLossLayer()], [(0, NetPort(1, "Input"))])) == (["Input", "Target"], ["Loss"])
    assert ports(NetGraph([TotalLayer(InputPorts=["a", "b"]), Ramp], [])) == (["a", "b", "Input"], ["Output1", "Output2"])


def test_a_residual_block():
    net = net_initialize(NetGraph({"f": [3, Ramp, 3], "add": Plus}, [(NetPort("Input"), "f"), (("f", NetPort("Input")), "add")], Input=3))
    assert ports(net) == (["Input"], ["Output"])
    x = np.array([1, 2, 3], dtype=np.float32)
    assert np.allclose(net(x), net["f"](x) + x, atol=1e-6)


def test_shorthands():
    net = NetGraph(
        {"a": 3, "b": "Ramp", "c": Plus, "d": [Ramp], "e": {"x": 2}, "f": lambda x, y: x - y}, [(("a", "b"), "c"), (("d", "e"), "f")]
    )
    assert [type(layer).__name__ for layer in net] == [
        "LinearLayer", "ElementwiseLayer", "ThreadingLayer", "NetChain", "NetChain", "ThreadingLayer",
    ]  # fmt: skip


def test_the_graph_of_a_layer_and_of_a_chain():
    layer = LinearLayer(2, Weights=[[1, 2], [3, 4]])
    graph = NetGraph(layer)
    assert ports(graph) == (["Input"], ["Output"]) and list(graph.arrays) == ["0/Weights", "0/Biases"]
    chain = net_initialize(NetChain({"a": 3, "b": Ramp}, Input=2))
    graph = NetGraph(chain)
    assert list(graph.children) == ["a", "b"] and graph.tensors.keys() == chain.tensors.keys() and graph["Input"] == (2,)
    assert np.array_equal(graph([1, 2]), chain([1, 2]))
    assert NetGraph(graph) == graph and NetGraph(NetChain([])) == NetGraph([], [(NetPort("Input"), NetPort("Output"))])
    assert NetGraph(MeanSquaredLossLayer()).inputs.keys() == {"Input", "Target"}
    assert message(lambda: NetGraph(TotalLayer())) == "NetGraph(TotalLayer()): how many inputs it has is open\n  try: give InputPorts="


def test_sizes_are_solved_in_both_directions():
    net = NetGraph({"a": LinearLayer(), "b": LinearLayer(), "add": Plus}, [(("a", "b"), "add")], Input1=2, Input2=3, Output=5)
    assert net["a/Weights"] is Automatic and net_initialize(net).arrays["a/Weights"].shape == (5, 2)
    assert net_initialize(net).arrays["b/Weights"].shape == (5, 3)


def test_edges_and_layers_may_be_written_in_any_order():
    net = NetGraph({"last": Tanh, "first": Ramp}, [("first", "last")])
    assert net([-1, 1]).tolist() == pytest.approx([0, np.tanh(1)], abs=1e-6)


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: NetGraph(3), "NetGraph wants a list of layers or a dict of them by name, and a list of edges, got 3"),
        (
            lambda: NetGraph([TotalLayer()], []),
            "0, TotalLayer(), takes any number of inputs and none is connected\n  try: give it InputPorts=",
        ),
        (
            lambda: NetGraph({"x": Ramp}, [(NetPort("a"), "x"), ("x", NetPort("x"))]),
            "NetGraph has a cycle: x -> x; a graph has none, recurrence is a NetFoldOperator",
        ),
        (lambda: NetGraph({"Input": Ramp}, []), 'NetGraph: "Input" is both a layer and a port of the net\n  try: rename one of them'),
        (lambda: NetGraph({"a": Ramp}, [], b=3), 'NetGraph has no port or option "b", known: "Input", "Output", "LearningRateMultipliers"'),
        (
            lambda: NetGraph([3, LinearLayer(2, Input=4)], [(0, 1)]),
            "0/Output -> 1/Input: the length is 3 on one side and 4 on the other\n  3: 0 is LinearLayer(3)\n  4: 1 was given Input=4",
        ),
    ],
)
def test_refused(build, text):
    found = message(build)
    assert text is None or found == text
