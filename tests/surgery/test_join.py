"""net_join, net_append, net_prepend, net_insert and `|`: names, ports, types at the joints, and what they refuse."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError

CHAIN = NetChain([3, Ramp], Input=2)
NAMED = NetChain({"a": 3, "b": Ramp}, Input=2)
HEADS = NetGraph({"body": 4, "m": 1, "c": 3}, ["x -> body -> m -> mean", "body -> c -> class"], x=2)
GRAPH = NetGraph({"f": [3, Ramp, 3], "add": Plus}, ["x -> f", (("f", NetPort("x")), "add"), "add -> y"], x=3)


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


def test_append():
    assert net_append(CHAIN, 1) == net_append(CHAIN, [1]) == NetChain([3, Ramp, 1], Input=2)
    assert net_append(CHAIN, [Tanh, 1]) == NetChain([3, Ramp, Tanh, 1], Input=2)
    assert net_append(NAMED, ("c", 1)) == net_append(NAMED, {"c": 1}) == NetChain({"a": 3, "b": Ramp, "c": 1}, Input=2)
    assert list(net_append(NAMED, [5, SoftmaxLayer(), 5]).children) == ["a", "b", "linear", "softmax", "linear_2"]
    assert net_append(LinearLayer(3), Ramp) == NetChain([3, Ramp]) == net_append(3, Ramp) and net_append(CHAIN, []) == CHAIN
    assert NetAppend is net_append and NetPrepend is net_prepend and NetJoin is net_join and NetInsert is net_insert


def test_prepend():
    assert net_prepend(NetChain([3, Ramp]), [4, Tanh]) == NetChain([4, Tanh, 3, Ramp])
    assert net_prepend(CHAIN, 2, Input=5) == NetChain([2, 3, Ramp], Input=5)
    assert net_prepend(NetChain({"a": 3}), ("new", 4)) == NetChain({"new": 4, "a": 3})
    assert net_prepend(CHAIN, Tanh) == NetChain([Tanh, LinearLayer(3, Input=2), Ramp])


def test_graphs_keep_the_names_of_their_ports():
    longer = net_append(GRAPH, ("end", Tanh))
    assert isinstance(longer, NetGraph) and list(longer.outputs) == ["y"] and list(longer.inputs) == ["x"]
    assert np.allclose(net_append(net_initialize(GRAPH), ("end", Tanh))([1, 2, 3]), np.tanh(net_initialize(GRAPH)([1, 2, 3])))
    earlier = net_prepend(GRAPH, [3, Ramp])
    assert list(earlier.inputs) == ["x"] and list(earlier.children) == ["linear", "elementwise", "f", "add"]
    assert net_prepend(HEADS, ("in", 2), x=7).inputs["x"].shape == (7,)


def test_types_at_the_ends():
    typed = NetChain([3, Ramp], Input=2, Output=3)
    assert net_append(typed, 1) == NetChain([3, Ramp, 1], Input=2)
    assert net_append(typed, 1, Input=4) == NetChain([3, Ramp, 1], Input=4)
    assert net_append(NetChain([Ramp], Output=3), Tanh) == NetChain([ElementwiseLayer(Ramp, Output=3), Tanh])
    assert net_join(NetChain([LinearLayer()], Input=2), NetChain([Ramp], Input=5)).outputs["Output"].shape == (5,)


def test_join():
    parts = [NetChain([3], Input=2), NetChain([Ramp]), NetChain([2, Tanh], Output=2)]
    assert net_join(*parts) == NetChain([3, Ramp, 2, Tanh], Input=2, Output=2) and net_join(CHAIN) == CHAIN
    assert net_join(CHAIN, NetChain([])) == CHAIN and net_join(NetChain([]), NetChain([3])) == NetChain([3])
    assert list(net_join(NAMED, LinearLayer(3) | Ramp, NetChain({"a": 3})).children) == ["a", "b", "linear", "elementwise", "a_2"]
    joined = net_join(CHAIN, NetGraph({"f": Tanh}, ["u -> f -> v"]))
    assert isinstance(joined, NetGraph) and list(joined.inputs) == ["Input"] and list(joined.outputs) == ["v"]
    trained = [net_initialize(NetChain([3, Ramp], Input=2)), net_initialize(NetChain([2], Input=3))]
    assert np.array_equal(net_join(*trained)([1, 2]), trained[1](trained[0]([1, 2])))


def test_bars():
    assert CHAIN | 1 | [Tanh, 2] == NetChain([3, Ramp, 1, Tanh, 2], Input=2)
    assert 4 | NetChain([Ramp]) == NetChain([4, Ramp]) and [4, Tanh] | NetChain([Ramp]) == NetChain([4, Tanh, Ramp])
    assert LinearLayer(3) | Ramp == NetChain([3, Ramp])


def test_multipliers_come_along():
    slow, fast = NetChain([3, 2], Input=2, LearningRateMultipliers=0.1), NetChain([4, 5], LearningRateMultipliers={1: 2})
    assert net_join(slow, fast) == NetChain([3, 2, 4, 5], Input=2, LearningRateMultipliers=((0, 0.1), (1, 0.1), (3, 2)))
    assert net_append(fast, 1) == NetChain([4, 5, 1], LearningRateMultipliers=((1, 2),))


def test_shared_arrays():
    tied = net_insert_shared_arrays(net_initialize(NetChain([2], Input=2)), "t")
    assert list((tied | Ramp | tied).arrays) == ["t:0:Weights", "t:0:Biases"]
    other = net_replace_part(tied, (NetArray("t:0:Weights"), [[1, 2], [3, 4]]))
    assert message(lambda: tied | other) == '1, LinearLayer(2, Weights=NetArray("t:0:Weights"), Biases=Ne...: ' + (
        'the shared array "t:0:Weights" has other values in a layer before it'
    )


def test_insert():
    assert net_insert(CHAIN, Tanh, 1) == net_insert(CHAIN, Tanh, -1) == NetChain([3, Tanh, Ramp], Input=2)
    assert net_insert(CHAIN, Tanh, 0) == NetChain([Tanh, 3, Ramp], Input=2) and net_insert(CHAIN, 5, 2) == NetChain([3, Ramp, 5], Input=2)
    assert net_insert(NAMED, ("c", Tanh), "b") == NetChain({"a": 3, "c": Tanh, "b": Ramp}, Input=2)
    assert net_insert(CHAIN, [3, Tanh], 1) == NetChain([3, [3, Tanh], Ramp], Input=2)


@pytest.mark.parametrize(
    "build, text",
    [
        (net_join, "net_join wants at least one net"),
        (lambda: net_append(CHAIN, ("c", 1)), "net_append: the layers of {chain} are numbered: a name cannot be given to one"),
        (lambda: net_insert(CHAIN, ("c", 1), 0), "net_insert: the layers of {chain} are numbered: a name cannot be given to one"),
        (lambda: net_insert(NAMED, 1, 0), 'net_insert: the layers of {named} have names: give one, ("name", layer)'),
        (lambda: net_insert(NAMED, ("b", 1), 0), 'net_insert: {named} has a layer "b" already'),
        (lambda: net_insert(NAMED, ("c", 1), "z"), 'NetChain has no part "z", known: "a", "b"'),
        (lambda: net_insert(LinearLayer(2), 1, 0), "net_insert wants a NetChain, got LinearLayer(2)"),
        (lambda: net_insert(CHAIN, 1, None), "net_insert: a layer is told by its name or position, got None"),
        (lambda: net_append(CHAIN, 1, Outptu=2), 'net_append: the result has no port "Outptu", did you mean "Output"?'),
    ],
)
def test_refused(build, text):
    shown = {"chain": "NetChain([LinearLayer(3), ElementwiseLayer(Ramp)], Input=2)"}
    shown["named"] = 'NetChain({"a": LinearLayer(3), "b": ElementwiseLayer(Ramp...'
    assert message(build) == text.format(**shown)


def test_ports_that_do_not_fit_in_a_row():
    graph = 'NetGraph({"body": LinearLayer(4), "m": LinearLayer(1), "c...'
    two = 'has 2 output ports ("mean", "class") where exactly one is wanted'
    assert message(lambda: net_append(HEADS, 1)) == f"net_append: the net, {graph}, {two}"
    assert message(lambda: net_prepend(CHAIN, HEADS)) == f"net_prepend: what is prepended, NetChain([NetGraph[3]]), {two}"
    loss = 'has 2 input ports ("Input", "Target") where exactly one is wanted'
    assert message(lambda: net_append(CHAIN, MeanSquaredLossLayer())) == (
        f"net_append: what is appended, NetChain([MeanSquaredLossLayer()]), {loss}"
    )
    assert message(lambda: net_join(CHAIN, MeanSquaredLossLayer())) == f"net_join: net 1, MeanSquaredLossLayer(), {loss}"


def test_sizes_that_contradict():
    assert message(lambda: net_append(net_initialize(CHAIN), LinearLayer(1, Input=4))) == (
        "1/Output -> 2/Input: the length is 3 on one side and 4 on the other\n  3: 0 is LinearLayer(3)\n  4: 2 was given Input=4"
    )
