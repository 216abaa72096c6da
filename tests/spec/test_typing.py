"""Inference over whole nets: both directions, all conflicts at once, reasons, cost."""

import pytest

from netgraph import *
from netgraph.errors import NetError
from netgraph.spec.layer import Layer
from netgraph.spec.typing import infer
from netgraph.types.store import Store


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


def test_everything_follows_from_the_input():
    net = NetChain([200, Ramp, 100, Ramp, 20, Tanh, 1], Input=2)
    assert [net[i, "Input"] for i in range(7)] == [(2,), (200,), (200,), (100,), (100,), (20,), (20,)]
    assert net["Output"] == (1,) and not infer(net, full=True).open_places()


def test_without_input_it_stays_open_and_says_so():
    net = NetChain([2, Ramp, 1])
    assert net["Input"] is Automatic and net["0/Weights"] is Automatic and net["Output"] == (1,)
    assert message(lambda: net_initialize(net)) == (
        "net_initialize cannot draw arrays: sizes are open: 0/Input is real (...), 0/Weights is (2, ?), Input is real (...)\n"
        "  try: give the net Input=<shape>"
    )
    assert (
        message(lambda: net([1, 2])).splitlines()[-1] == "  try: net_initialize of the net with Input=<shape>, or train it with net_train"
    )


def test_a_size_follows_from_what_consumes_it():
    net = NetChain([LinearLayer(), NetChain([3], Input=5)], Input=2)
    assert net["0/OutputDimensions"] is Automatic and net[0, "Output"] == (5,)
    assert net_initialize(net).arrays["0/Weights"].shape == (5, 2)
    assert net.why("0/Output") == "0/Output is (5,): axis 0 is 5 since 1 was given Input=5"
    assert NetChain([LinearLayer(), Ramp], Input=2, Output=7)[0, "Output"] == (7,)
    assert NetChain([LinearLayer(), LinearLayer(1, Weights=[[1, 2, 3]])], Input=2)["0/Output"] == (3,)


def test_all_conflicts_at_once_most_upstream_first():
    chain = [LinearLayer(2, Input=3), LinearLayer(3, Input=4), Ramp, LinearLayer(3, Weights=[[1, 2]] * 3)]
    expected = (
        "Input: the length is 7 on one side and 3 on the other\n"
        "  7: NetChain was given Input=7\n"
        "  3: 0 was given Input=3\n"
        "0/Output -> 1/Input: the length is 2 on one side and 4 on the other\n"
        "  2: 0 is LinearLayer(2, Input=3)\n"
        "  4: 1 was given Input=4\n"
        "3: the number of elements of (3,) is 2 on one side and 3 on the other\n"
        "  2: 3/Weights was given an array of shape (3, 2)\n"
        "  3: 1 is LinearLayer(3, Input=4)\n"
        "Output: the length is 8 on one side and 3 on the other\n"
        "  8: NetChain was given Output=8\n"
        "  3: 3 is LinearLayer(3)"
    )
    assert message(lambda: NetChain(chain, Input=7, Output=8)) == expected


def test_upstream_is_by_edges_not_by_the_order_of_writing():
    layers = {"b": LinearLayer(3, Input=9), "a": LinearLayer(2, Input=5)}
    text = message(lambda: NetGraph(layers, [("a", "b")], Input=4, Output=1))
    assert [line.split(":")[0] for line in text.splitlines() if not line.startswith(" ")] == ["Input", "a/Output -> b/Input", "Output"]


def test_a_conflict_inside_nested_nets_is_told_by_its_path():
    assert message(lambda: NetChain({"enc": {"l": LinearLayer(3, Input=2), "r": Ramp}}, Input=4)) == (
        "Input: the length is 4 on one side and 2 on the other\n  4: NetChain was given Input=4\n  2: enc/l was given Input=2"
    )
    assert message(lambda: NetChain({"a": {"x": 3, "y": LinearLayer(2, Weights=[[1], [2]])}})) == (
        "y: the number of elements of (3,) is 1 on one side and 3 on the other\n"
        "  1: y/Weights was given an array of shape (2, 1)\n"
        "  3: x is LinearLayer(3)"
    )


def test_reasons_in_a_sentence():
    net = NetChain([200, Ramp, 100], Input=2)
    assert net.why("1/Input") == "1/Input is (200,): axis 0 is 200 since 0 is LinearLayer(200)"
    assert net.why((2, "Weights")) == (
        "2/Weights is (100, 200): axis 0 is 100 since 2 is LinearLayer(100); axis 1 is 200 since 0 is LinearLayer(200)"
    )
    assert net.why("Input") == "Input is (2,): axis 0 is 2 since NetChain was given Input=2"
    assert NetChain([Ramp]).why("Input") == "Input is (...): nothing says how many axes it has"
    assert NetMapOperator(3, Input=("Varying", 2)).why("Output") == (
        'Output is (Varying, 3): axis 0 varies since NetMapOperator was given Input=("Varying", 2); axis 1 is 3 since Net is LinearLayer(3)'
    )
    assert NetChain([PoolingLayer(2, 2)], Input=(1, 28, 28)).why("Output").startswith("Output is (1, 14, 14): axis 0 is 1")
    assert LinearLayer((), Input=3).why("Output") == "Output is real: one number since LinearLayer((), Input=3)"
    assert message(lambda: net.why("1/Inptu")) == "1 has no port or array 'Inptu', did you mean \"Input\"?"
    assert message(lambda: net.why("9/Input")) == "NetChain has 3 parts, there is none at 9"


class Counted:
    """How often rules fire and parts declare themselves while a net is built."""

    def __init__(self, monkeypatch):
        self.fired = self.declared = 0
        rule, declare = Store.wake, Layer.declare

        def wake(store, rules):
            rules = list(rules)
            self.fired += len(rules)
            rule(store, rules)

        def counted(layer, scope):
            self.declared += 1
            declare(layer, scope)

        monkeypatch.setattr(Store, "wake", wake)
        monkeypatch.setattr(Layer, "declare", counted)

    def during(self, build):
        self.fired = self.declared = 0
        build()
        return self.fired, self.declared


def test_a_chain_of_ten_thousand_layers_is_linear(monkeypatch):
    counted = Counted(monkeypatch)
    for layers in ([5, Ramp], [Ramp, SoftmaxLayer()]):
        (a, b), (c, d) = (counted.during(lambda n=n, layers=layers: NetChain(layers * n, Input=5)) for n in (500, 5000))
        assert d == 10 * b == 10_000 and c <= 10.5 * a


def test_an_open_chain_of_ten_thousand_layers_waits_linearly(monkeypatch):
    counted = Counted(monkeypatch)
    (a, b), (c, d) = (counted.during(lambda n=n: NetChain([Ramp, SoftmaxLayer()] * n)) for n in (500, 5000))
    assert d == 10 * b and c <= 10.5 * a


def test_a_wide_graph_is_linear(monkeypatch):
    counted = Counted(monkeypatch)

    def wide(n):
        return NetGraph([5] * n + [TotalLayer()], [(tuple(range(n)), n)], **{f"Input{i + 1}": 3 for i in range(n)})

    (a, b), (c, d) = (counted.during(lambda n=n: wide(n)) for n in (100, 1000))
    assert d <= 10 * b and c <= 10.5 * a


def test_closed_nested_nets_are_taken_by_their_ports(monkeypatch):
    counted = Counted(monkeypatch)
    net = NetChain([3], Input=3)
    for _ in range(10):
        net = NetChain([net, Ramp])
    assert counted.during(lambda: NetChain([net, Ramp])) == (0, 1)


@pytest.mark.parametrize(
    "core, layer", [(Ramp, Ramp), (3, Ramp), (LinearLayer(), SoftmaxLayer()), (TotalLayer(InputPorts=2), Tanh)], ids=str
)
def test_open_nets_nested_a_thousand_deep(monkeypatch, core, layer):
    counted = Counted(monkeypatch)

    def nest(depth):
        net = NetChain([core, layer])
        for _ in range(depth):
            net = NetChain([net, layer])
        return net

    assert counted.during(lambda: nest(1000))[1] <= 4 * 1001
    assert nest(1000) == nest(1000)


def test_what_flows_into_an_open_net_is_seen():
    """An open net is taken by its ports alone only while nothing new is said at them."""
    reshape = NetChain([Ramp, ReshapeLayer((2, 3))])
    assert NetChain([6, reshape])["1/0/Input"] == (6,)
    assert message(lambda: NetChain({"a": 5, "r": reshape})).startswith("r/1: ")
    same = NetGraph([Ramp, Tanh, Plus], [(NetPort("x"), 0), (NetPort("x"), 1), ((0, 1), 2)])
    assert NetChain([same, same])["x"] is Automatic and NetChain([3, same, same])["Output"] == (3,)
    assert NetChain([same, same, LinearLayer(1, Input=4)])["x"] == (4,)


def test_kinds_reach_through_a_graph():
    net = NetGraph([Ramp, CrossEntropyLossLayer("Index")], [(0, NetPort(1, "Input"))], Input=5)
    assert net["Target"] == Integer(5)
