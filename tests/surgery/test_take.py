"""net_take and net_drop: every form, the ports of the piece, and what they refuse."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError

CHAIN = NetChain([3, Ramp, 2, Tanh], Input=4)
READY = net_initialize(CHAIN)
HEADS = NetGraph(
    {"body": [8, Ramp], "mean": 1, "class": [3, SoftmaxLayer()]}, ["body -> mean -> m", "body -> class -> p"], Input=4
)  # fmt: skip
PAIR = NetGraph({"a": 3, "b": Ramp, "sum": Plus, "end": 2}, ["x -> a", "y -> b", (("a", "b"), "sum"), "sum -> end"], x=2, y=3)


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


def test_chains():
    assert net_take(CHAIN, 1) == net_take(CHAIN, -3) == net_take(CHAIN, slice(2)) == CHAIN[:2] == NetChain([3, Ramp], Input=4)
    assert net_take(CHAIN, (1, 3)) == net_take(CHAIN, (1, All)) == CHAIN[1:] == NetChain([Ramp, 2, Tanh], Input=3)
    assert net_take(CHAIN, (0, -1)) == net_take(CHAIN, All) == net_take(CHAIN, NetPort("Output")) == CHAIN
    assert net_take(CHAIN, (NetPort("Input"), NetPort("1"))) == CHAIN[:2]
    named = NetChain({"a": 3, "b": Ramp, "c": 2}, Input=4)
    assert net_take(named, ("b", "c")) == NetChain({"b": Ramp, "c": 2}, Input=3)
    assert NetTake is net_take and NetDrop is net_drop


def test_arrays_come_along():
    piece = net_take(READY, (2, 3))
    assert np.array_equal(piece[0, "Weights"], READY[2, "Weights"]) and repr(piece) == repr(NetChain([2, Tanh]))
    assert np.array_equal(piece(READY[:2]([1, 2, 3, 4])), READY([1, 2, 3, 4]))


def test_open_sizes_of_the_surroundings_stay():
    net = NetChain([LinearLayer(), Ramp, LinearLayer(3, Weights=np.ones((3, 5)))], Input=2)
    assert net_take(net, 1) == NetChain([LinearLayer(), Ramp], Input=2, Output=5)
    assert net_take(net, (1, 1)) == NetChain([Ramp], Input=5)
    assert net_take(NetChain([ConvolutionLayer(4, 3), Ramp], Input=(1, 8, 8)), (1, 1)).inputs["Input"].shape == (4, 6, 6)


def test_graphs():
    assert net_take(HEADS, NetPort("m")) == net_take(HEADS, "mean") == net_take(HEADS, NetPort("mean", "Output"))
    assert net_take(HEADS, NetPort("m")) == NetGraph({"body": [8, Ramp], "mean": 1}, ["body -> mean -> m"], Input=4)
    assert net_take(HEADS, ("mean", All)) == NetGraph({"mean": 1}, ["mean -> m"], Input=8)
    both = NetGraph({"mean": 1, "class": [3, SoftmaxLayer()]}, ["Input -> mean -> m", "Input -> class -> p"], Input=8)
    assert net_take(HEADS, (["mean", "class"], All)) == net_take(HEADS, (NetPort("body", "Output"), All)) == both
    assert net_take(HEADS, [NetPort("m"), NetPort("p")]) == net_take(HEADS, All) == HEADS
    assert net_take(HEADS, "body").outputs.keys() == {"Output"} and list(net_take(HEADS, ["body", "mean"]).outputs) == ["Output", "m"]


def test_what_lies_on_the_ways():
    assert list(net_take(PAIR, (NetPort("x"), All)).children) == ["a", "sum", "end"]
    assert {name: kind.shape for name, kind in net_take(PAIR, (NetPort("x"), "sum")).inputs.items()} == {"x": (2,), "Input2": (3,)}
    piece = net_take(PAIR, (NetPort("sum", "Input1"), "sum"))
    assert list(piece.inputs) == ["Input1", "Input2"] and list(piece.children) == ["sum"]
    assert list(net_take(PAIR, ("sum", "sum")).outputs) == ["Output"]


def test_other_types():
    assert net_take(CHAIN, 1, Input=7) == NetChain([3, Ramp], Input=7)
    assert net_take(HEADS, NetPort("m"), Input=5).inputs["Input"].shape == (5,)
    assert net_drop(CHAIN, -2, Input=7) == NetChain([3, Ramp], Input=7)


def test_drop():
    assert net_drop(CHAIN, 1) == NetChain([Ramp, 2, Tanh], Input=3) and net_drop(CHAIN, -1) == NetChain([3, Ramp, 2], Input=4)
    assert net_drop(CHAIN, 0) == CHAIN and net_drop(CHAIN, 4) == NetChain([])
    assert net_drop(CHAIN, (1, 1)) == net_drop(CHAIN, slice(1, 2)) == NetChain([3, 2, Tanh], Input=4)
    assert net_drop(NetChain({"a": 3, "b": Ramp, "c": Tanh}, Input=2), ("b", "c")) == NetChain({"a": 3}, Input=2)


def test_multipliers_stay_with_their_layers():
    net = NetChain([3, Ramp, 2], Input=4, LearningRateMultipliers={0: 2, (2, "Weights"): 0})
    assert net_drop(net, 1) == NetChain([Ramp, 2], Input=3, LearningRateMultipliers=(((1, "Weights"), 0),))
    assert net_take(net, 1) == NetChain([3, Ramp], Input=4, LearningRateMultipliers=((0, 2),))
    assert net_take(net, (1, 1)) == NetChain([Ramp], Input=3)


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: net_take(3, 1), "net_take wants a NetChain or NetGraph, got 3"),
        (lambda: net_take(LinearLayer(2), 1), "net_take wants a NetChain or NetGraph, got LinearLayer(2)"),
        (lambda: net_take(CHAIN, "b"), 'NetChain has no part "b", known: "0", "1", "2", "3"'),
        (lambda: net_take(CHAIN, 9), "NetChain has 4 parts, there is none at 9"),
        (lambda: net_take(HEADS, NetPort("body", "Loss")), 'net_take: body has no output port "Loss", known: "Output"'),
        (lambda: net_take(HEADS, (NetPort("body", "Loss"), All)), 'net_take: body has no port "Loss", known: "Input", "Output"'),
        (lambda: net_take(HEADS, 3.5), "net_take: an end is a layer's name or position, a NetPort, All, or a list of them, got 3.5"),
        (lambda: net_take(CHAIN, slice(0, 4, 2)), "net_take: a slice of a chain has no step, got 2"),
        (lambda: net_take(CHAIN, 1, Inputs=3), 'net_take: the result has no port "Inputs", did you mean "Input" or "Output"?'),
        (lambda: net_drop(CHAIN, "a"), "net_drop wants a number of layers, a pair (start, end) or a slice, got 'a'"),
    ],
)
def test_refused(build, text):
    assert message(build) == text


def test_refused_with_the_net_in_the_message():
    shown = "NetChain([LinearLayer(3), ElementwiseLayer(Ramp), LinearL..."
    assert message(lambda: net_take(CHAIN, (2, 1))) == f"net_take: 1 comes before 2 in {shown}"
    assert message(lambda: net_drop(CHAIN, 5)) == f"net_drop: {shown} has 4 layers, 5 cannot be dropped"
    graph = 'NetGraph({"body": NetChain[2], "mean": LinearLayer(1), "c...'
    assert message(lambda: net_drop(HEADS, 1)) == f"net_drop wants a NetChain, got {graph}"
    assert message(lambda: net_take(HEADS, slice(1))) == f"net_take with a slice wants a NetChain, got {graph}"
    assert message(lambda: net_take(HEADS, ("mean", "class"))) == f"net_take: no way leads from 'mean' to 'class' in {graph}"
    known = 'known: "body", "mean", "class", "Input", "m", "p"'
    assert message(lambda: net_take(HEADS, NetPort("q"))) == f'net_take: {graph} has no layer or port "q", {known}'
    deep = "net_take: NetPort('body', 0, 'Output') is inside a layer; take that layer first\n  try: net['body']"
    assert message(lambda: net_take(HEADS, NetPort("body", 0, "Output"))) == deep


def test_what_is_left_must_fit():
    net = net_initialize(NetChain([3, Ramp, 2, Tanh, 2], Input=4))
    assert message(lambda: net_drop(net, (1, 2))) == (
        "2: the number of elements of (3,) is 2 on one side and 3 on the other\n"
        "  2: 2/Weights was given an array of shape (2, 2)\n"
        "  3: 0 is LinearLayer(3)"
    )
