"""net_rename: layers, ports, levels, functions, paths that name what is renamed, and what it refuses."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError

NESTED = NetChain({"a": NetChain({"b": 3, "c": Ramp}), "d": NetGraph({"b": Ramp}, ["x -> b -> y"])}, Input=2)


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


def test_layers():
    net = NetChain({"a": 3, "b": Ramp}, Input=2)
    wanted = NetChain({"x": 3, "b": Ramp}, Input=2)
    assert (
        net_rename(net, ("a", "x")) == net_rename(net, {"a": "x"}) == net_rename(net, [("a", "x")]) == net_rename(net, {0: "x"}) == wanted
    )
    assert net_rename(net, {"a": "b", "b": "a"}) == NetChain({"b": 3, "a": Ramp}, Input=2)
    assert net_rename(net, str.upper) == NetChain({"A": 3, "B": Ramp}, Input=2) and NetRename is net_rename


def test_numbered_layers_get_names():
    net = net_initialize(NetChain([3, Ramp], Input=2))
    named = net_rename(net, lambda place: f"layer{place}")
    assert list(named.arrays) == ["layer0/Weights", "layer0/Biases"] and np.array_equal(named([1, 2]), net([1, 2]))
    assert net_rename(net, {0: "x", 1: "y"}).structure == NetChain({"x": 3, "y": Ramp}, Input=2)


def test_levels():
    assert list(net_rename(NESTED, ("a", "z"))["z"].children) == ["b", "c"]
    both = net_rename(NESTED, ("b", "z"), 1)
    assert both == net_rename(NESTED, ("b", "z"), All) == net_rename(NESTED, ("b", "z"), [1]) == net_rename(NESTED, ("b", "z"), slice(1, 2))
    assert list(both["a"].children) == ["z", "c"] and list(both["d"].children) == ["z"] and net_rename(both, ("z", "b"), 1) == NESTED
    operator = NetMapOperator(NetChain({"a": 3}), Input=(4, 2))
    assert net_rename(operator, ("a", "z"), All) == NetMapOperator(NetChain({"z": 3}), Input=(4, 2))


def test_ports():
    graph = NetGraph({"f": 3}, ["x -> f -> y"], x=2)
    assert net_rename(graph, {NetPort("x"): NetPort("in"), NetPort("y"): "out"}) == NetGraph({"f": 3}, ["in -> f -> out"], **{"in": 2})
    renamed = net_rename(NetChain([3], Input=2), (NetPort("Input"), NetPort("x")))
    assert renamed == NetGraph([3], ["x -> 0 -> Output"], x=2)


def test_what_is_told_by_path_follows():
    deep = NetGraph({"s": NetChain({"a": 3, "b": Ramp}), "t": 2}, ["s -> t", (NetPort("s", "a", "Output"), NetPort("mid"))], Input=2)
    renamed = net_rename(deep, {"a": "A", "s": "S"}, 1)
    assert renamed == NetGraph(
        {"S": NetChain({"A": 3, "b": Ramp}), "t": 2}, ["S -> t", (NetPort("S", "A", "Output"), NetPort("mid"))], Input=2
    )
    slow = NetChain({"s": NetChain({"a": 3})}, LearningRateMultipliers={("s", "a", "Weights"): 2})
    assert net_rename(slow, {"a": "A", "s": "S"}, 1) == NetChain(
        {"S": NetChain({"A": 3})}, LearningRateMultipliers=((("S", "A", "Weights"), 2),)
    )


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: net_rename(3, ("a", "b")), "net_rename wants a net, got 3"),
        (lambda: net_rename(NESTED, 3), "net_rename wants a pair (old, new), several, a dict of them, or a function of names, got 3"),
        (lambda: net_rename(NESTED, ("q", "z")), 'net_rename: {net} has no layer \'q\', known: "a", "d"'),
        (lambda: net_rename(NESTED, ("a", "d")), "net_rename: two layers of {net} would have one name"),
        (lambda: net_rename(NESTED, ("a", "x/y")), 'net_rename: a layer cannot be called "x/y": no "/", ".", "->", no number, not empty'),
        (lambda: net_rename(NESTED, ("a", "x"), -1), "net_rename: levels are a number from 0, a list of numbers, a slice or All, got -1"),
        (
            lambda: net_rename(NetChain([3, Ramp]), {0: "a"}),
            "net_rename: the layers of NetChain([LinearLayer(3), ElementwiseLayer(Ramp)]) are numbered: all of them get a name, or none",
        ),
        (lambda: net_rename(NESTED, ("a", "Input")), 'NetChain: "Input" is both a layer and a port of the net\n  try: rename one of them'),
        (
            lambda: net_rename(NetGraph({"a": 3, "b": 3}, ["x -> a", "y -> b"]), (NetPort("x"), NetPort("y"))),
            'net_rename: two ports of the net would be called "y"',
        ),
    ],
)
def test_refused(build, text):
    assert message(build) == text.format(net='NetChain({"a": NetChain[2], "d": NetGraph[1]}, Input=2)')


def test_an_unknown_port():
    graph = 'NetGraph({"a": NetChain[2], "d": NetGraph[1]}, [(NetPort(...'
    assert message(lambda: net_rename(NESTED, (NetPort("q"), "z"))) == f'net_rename: {graph} has no port \'q\', known: "Input", "y"'
