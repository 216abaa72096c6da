"""net_delete: inside, at the border, ports, and what it refuses."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError

CHAIN = NetChain([3, Ramp, 2, Tanh], Input=4)
HEADS = NetGraph(
    {"body": [8, Ramp], "mean": 1, "class": [3, SoftmaxLayer()]}, ["body -> mean -> m", "body -> class -> p"], Input=4
)  # fmt: skip
LOSS = NetGraph({"net": [3, Ramp], "loss": MeanSquaredLossLayer()}, ["x -> net -> loss"], x=4)


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


def test_chains():
    assert net_delete(CHAIN, 1) == net_delete(CHAIN, -3) == NetChain([3, 2, Tanh], Input=4)
    assert net_delete(CHAIN, 0) == CHAIN[1:] and net_delete(CHAIN, -1) == CHAIN[:3]
    assert net_delete(CHAIN, [0, 2]) == NetChain([Ramp, Tanh], Input=3) and net_delete(CHAIN, [0, 1, 2, 3]) == NetChain([])
    assert net_delete(NetChain({"a": 3, "b": Ramp}, Input=2), "b") == NetChain({"a": 3}, Input=2)
    assert NetDelete is net_delete


def test_arrays_come_along():
    ready = net_initialize(CHAIN)
    shorter = net_delete(ready, 1)
    assert list(shorter.arrays) == ["0/Weights", "0/Biases", "1/Weights", "1/Biases"]
    assert np.array_equal(shorter[1, "Weights"], ready[2, "Weights"])


def test_inside_a_graph():
    graph = NetGraph({"a": 3, "b": Ramp, "c": 2, "d": Tanh}, ["x -> a -> b -> c -> y", "b -> d -> z"], x=4)
    shorter = net_delete(graph, "b")
    assert shorter == NetGraph({"a": 3, "c": 2, "d": Tanh}, ["x -> a -> c -> y", "a -> d -> z"], x=4)


def test_at_the_border_of_a_graph():
    assert net_delete(HEADS, "mean") == NetGraph(
        {"body": [8, Ramp], "class": [3, SoftmaxLayer()]}, ["body -> class -> p"], Input=4
    )  # fmt: skip
    assert net_delete(HEADS, "body") == NetGraph(
        {"mean": 1, "class": [3, SoftmaxLayer()]}, ["Input -> mean -> m", "Input -> class -> p"], Input=8
    )  # fmt: skip
    assert net_delete(LOSS, "loss") == NetGraph({"net": [3, Ramp]}, ["x -> net"], x=4)
    two = NetGraph({"add": Plus, "end": Tanh}, ["x -> add", "y -> add", "add -> end"], x=3)
    assert net_delete(two, "add") == NetGraph({"end": Tanh}, ["Input -> end"], Input=3)


def test_ports():
    quiet = net_delete(HEADS, NetPort("m"))
    assert list(quiet.outputs) == ["p"] and list(quiet.children) == ["body", "mean", "class"]
    assert net_delete(HEADS, [NetPort("m"), "mean"]) == net_delete(HEADS, "mean")


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: net_delete(LinearLayer(2), 0), "net_delete wants a NetChain or NetGraph, got LinearLayer(2)"),
        (lambda: net_delete(CHAIN, "b"), 'NetChain has no part "b", known: "0", "1", "2", "3"'),
        (lambda: net_delete(CHAIN, NetPort("Output")), "net_delete: a port is taken from a NetGraph, not from {chain}"),
        (lambda: net_delete(HEADS, NetPort("Input")), 'net_delete: the input "Input" feeds body/Input, which needs it'),
        (lambda: net_delete(HEADS, NetPort("q")), 'net_delete: {heads} has no layer or port "q", known: {ports}'),
        (lambda: net_delete(HEADS, [NetPort("m"), NetPort("p")]), "net_delete: nothing would be left of {heads}"),
        (
            lambda: net_delete(NetGraph({"a": 3, "b": 3, "add": Plus, "c": 3}, ["a -> add", "b -> add", "add -> c"]), "add"),
            "net_delete: add, ThreadingLayer(Plus, InputPorts=2), is inside the graph and has 2 inputs and 1 output, one of each is wanted",
        ),
    ],
)
def test_refused(build, text):
    shown = {"chain": "NetChain([LinearLayer(3), ElementwiseLayer(Ramp), LinearL..."}
    shown["heads"] = 'NetGraph({"body": NetChain[2], "mean": LinearLayer(1), "c...'
    shown["ports"] = '"body", "mean", "class", "Input", "m", "p"'
    assert message(build) == text.format(**shown)


def test_neighbours_must_fit():
    ready = net_initialize(NetChain([3, Ramp, 2, Tanh, 2], Input=4))
    assert message(lambda: net_delete(ready, 2)) == (
        "3: the number of elements of (3,) is 2 on one side and 3 on the other\n"
        "  2: 3/Weights was given an array of shape (2, 2)\n"
        "  3: 0 is LinearLayer(3)"
    )
