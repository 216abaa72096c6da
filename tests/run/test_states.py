"""Recurrent states in evaluation: given, read, carried from call to call."""

import numpy as np
import pytest
import torch

from netgraph import (
    All,
    LinearLayer,
    NetChain,
    NetError,
    NetGraph,
    NetMapOperator,
    NetNestOperator,
    NetPort,
    NetPortGradient,
    NetStateObject,
    net_extract,
    net_initialize,
)
from tests.lower.stubs import RecurrentStub

STATES = NetPort(All, "States")
X = np.random.default_rng(3).normal(size=(4, 6, 2)).astype(np.float32)


def chain(steps: int | str = "Varying"):
    return net_initialize(NetChain({"rnn": RecurrentStub(3), "top": RecurrentStub(2)}, Input=(steps, 2)))


def same(a, b, tolerance=1e-6):
    assert list(a) == list(b)
    assert all(np.shape(a[key]) == np.shape(b[key]) and np.allclose(a[key], b[key], atol=tolerance) for key in a)
    return True


def test_final_states_by_port():
    net = chain()
    states = net(X[0], STATES)
    assert list(states) == [NetPort("rnn", "State"), NetPort("top", "State")]
    assert np.array_equal(states[NetPort("top/State")], net(X[0])[-1])
    assert np.array_equal(net(X[0], NetPort("rnn", "State")), states[NetPort("rnn", "State")])
    assert np.array_equal(net(X[0], NetPort(0, "State")), net(X[0], NetPort("rnn", "Output"))[-1])
    both = net(X[0], ["Output", STATES, NetPort("rnn", "State")])
    assert list(both) == ["Output", STATES, NetPort("rnn", "State")] and same(both[STATES], states)
    unnamed = net_initialize(NetChain([RecurrentStub(3)], Input=(6, 2)))
    assert list(unnamed(X[0], STATES)) == [NetPort(0, "State")]
    layer = net_initialize(RecurrentStub(3, Input=(6, 2)))
    assert list(layer(X[0], STATES)) == [NetPort("State")] and np.array_equal(layer(X[0], "State"), layer(X[0])[-1])


def test_a_run_goes_on_from_given_states():
    net = chain()
    whole = net(X[0])
    half = net(X[0, :4], STATES)
    rest = net({"Input": X[0, 4:], STATES: half})
    assert np.allclose(rest, whole[4:], atol=1e-6)
    rnn, top = half.values()
    one_by_one = net({"Input": X[0, 4:], NetPort(0, "State"): rnn, NetPort(-1, "State"): top})
    assert np.array_equal(rest, one_by_one)
    part = net({"Input": X[0], STATES: {"rnn/State": [0.5, 0, 0]}})
    assert not np.allclose(part, whole) and np.array_equal(net({"Input": X[0], STATES: {}}), whole)


def test_a_batch_has_states_of_its_own():
    net = chain()
    rows = [X[0], X[1, :2], X[2, :5]]
    alone = [net(row, STATES) for row in rows]
    together = net(rows, STATES)
    same(together, {key: np.stack([states[key] for states in alone]) for key in together})
    going_on = net({"Input": [X[3]] * 3, STATES: together})
    for result, states in zip(going_on, alone, strict=True):
        assert np.allclose(result, net({"Input": X[3], STATES: states}), atol=1e-6)
    pieces = net({"Input": X[:3], STATES: together}, [STATES, "Output"], BatchSize=2)
    at_once = net({"Input": X[:3], STATES: together}, [STATES, "Output"])
    assert same(pieces[STATES], at_once[STATES]) and np.allclose(pieces["Output"], at_once["Output"], atol=1e-6)


def test_mapped_states_have_the_mapped_level_in_front():
    inner = NetChain([RecurrentStub(3)])
    net = net_initialize(NetMapOperator(inner, Input=(5, 6, 2)))
    x = np.random.default_rng(1).normal(size=(2, 5, 6, 2))
    states = net(x, STATES)
    key = NetPort("Net", 0, "State")
    assert list(states) == [key] and states[key].shape == (2, 5, 3)
    assert np.array_equal(net(x)[:, :, -1], states[key]) and np.array_equal(net(x, key), states[key])
    on = net({"Input": x, STATES: states})
    assert np.allclose(on[1], net({"Input": x[1], STATES: {key: states[key][1]}}), atol=1e-6)
    varying = net_initialize(NetMapOperator(inner, Input=("Varying", 6, 2)))
    rows = [x[0], x[1, :2]]
    states = varying(rows, STATES)
    assert [state.shape for state in states[key]] == [(5, 3), (2, 3)]
    on = varying({"Input": rows, STATES: states})
    assert np.allclose(on[1], varying({"Input": rows[1], STATES: {key: states[key][1]}}), atol=1e-6)
    with pytest.raises(NetError) as caught:
        varying({"Input": rows, STATES: {key: states[key][::-1]}})
    assert str(caught.value) == "Net/0/State: in example 0 the length is 2, 5 is wanted"


def test_a_nest_starts_each_time_from_the_same_state():
    net = net_initialize(NetNestOperator(NetChain([RecurrentStub(2)]), 2, Input=(6, 2)))
    states = net(X[0], STATES)
    assert list(states) == [NetPort("Net", 0, "State")] and np.array_equal(net(X[0])[-1], states[NetPort("Net", 0, "State")])
    assert net.to_torch("Test")(torch.from_numpy(X)).shape == (4, 6, 2)


def test_states_in_graphs():
    edges = [(NetPort("x"), 0), (NetPort("start"), NetPort(0, "State")), (NetPort(0, "State"), NetPort("end")), (0, 1)]
    net = net_initialize(NetGraph([RecurrentStub(3), RecurrentStub(2)], edges, x=("Varying", 2)))
    data = {"x": X[0], "start": [0.1, 0.2, 0.3]}
    assert list(net(data, STATES)) == [NetPort(1, "State")]
    assert np.array_equal(net(data)["end"], net(data, NetPort(0, "State")))
    two = {"x": [X[0], X[1, :2]], "start": [[0.1, 0.2, 0.3], [0, 0, 0]]}
    assert np.allclose(net(two)["end"][0], net(data)["end"], atol=1e-6)
    nested = NetGraph({"net": net, "l": LinearLayer(1)}, [("net/0/State", "l")])
    assert net_initialize(nested)({"x": X[0], "start": [0, 0, 0]}, NetPort("net", 0, "State")).shape == (3,)


def test_tensors_and_gradients():
    net = chain(6)
    x, start = torch.from_numpy(X), torch.ones(4, 3, requires_grad=True)
    out = net({"Input": x, STATES: {NetPort("rnn", "State"): start}}, STATES)
    assert all(isinstance(state, torch.Tensor) for state in out.values())
    out[NetPort("top", "State")].sum().backward()
    assert start.grad is not None and start.grad.shape == (4, 3) and bool((start.grad != 0).any())
    data = {"Input": X[0], STATES: {NetPort("rnn", "State"): [1, 1, 1]}}
    assert not np.allclose(net(data, NetPortGradient("Input")), net(X[0], NetPortGradient("Input")))
    double = net({"Input": X[0], STATES: net(X[0], STATES, WorkingPrecision="Real64")}, STATES, WorkingPrecision="Real64")
    assert double[NetPort("rnn", "State")].dtype == np.float64


def test_states_are_the_callers_own():
    net = chain()
    given = {NetPort("rnn", "State"): np.zeros(3, np.float32)}
    found = net({"Input": X[0], STATES: given}, STATES)
    found[NetPort("rnn", "State")][:] = 9
    assert not given[NetPort("rnn", "State")].any() and not np.allclose(net(X[0], STATES)[NetPort("rnn", "State")], 9)


@pytest.mark.parametrize(
    "data, message",
    [
        ({"Input": X[0], STATES: [0, 0]}, "NetPort(All, 'States') wants a dict of states by NetPort, got list"),
        (
            {"Input": X[0], NetPort("rnn", "Stat"): [0, 0, 0]},
            'NetChain({"rnn": RecurrentStub(3), "top": RecurrentStub(2... has no state "rnn/Stat", did you mean "rnn/State" or'
            ' "top/State"?',
        ),
        ({"Input": X[0], NetPort("rn", "State"): [0, 0, 0]}, 'NetChain has no part "rn", did you mean "rnn"?'),
        ({"Input": X[0], NetPort("rnn", "State"): [0, 0]}, "rnn/State wants real (3,), the data has shape (2,)"),
        (
            {"Input": X[0], NetPort("rnn", "State"): [[0, 0, 0]]},
            "Input is one example, rnn/State is a batch\n"
            "  (6, 2): the data at Input, real (Varying, 2)\n  (1, 3): the data at rnn/State, real (3,)",
        ),
        ({"Input": X[:2], NetPort("rnn", "State"): np.zeros((3, 3))}, "Input has 2 examples, rnn/State has 3"),
        ({STATES: {}}, 'NetChain({"rnn": RecurrentStub(3), "top": RecurrentStub(2...: the data has no "Input"\n  try: {"Input": ...}'),
    ],
)
def test_wrong_states_are_told(data, message):
    with pytest.raises(NetError) as caught:
        chain()(data)
    assert str(caught.value) == message


def test_a_fed_state_cannot_be_given():
    edges = [(NetPort("x"), 0), (NetPort("start"), NetPort(0, "State"))]
    net = net_initialize(NetGraph([RecurrentStub(3)], edges, x=(6, 2)))
    with pytest.raises(NetError) as caught:
        net({"x": X[0], "start": [0, 0, 0], NetPort(0, "State"): [0, 0, 0]})
    assert str(caught.value) == "0/State is fed by an edge inside the net, it cannot be given"


def test_an_object_keeps_its_states():
    net = chain()
    obj = NetStateObject(net)
    assert same(net_extract(obj, "States"), {NetPort("rnn", "State"): np.zeros(3), NetPort("top", "State"): np.zeros(2)})
    first, second = obj(X[0, :2]), obj({"Input": X[0, 2:]})
    assert np.allclose(np.concatenate([first, second]), net(X[0]), atol=1e-6)
    assert same(obj["States"], net(X[0], STATES)) and obj["Net"] is net and obj.net is net
    assert net_extract(obj, "rnn") == net["rnn"] and net_extract(obj, ("Net", "rnn")) == net["rnn"]
    before = obj["States"]
    obj(X[0], NetPortGradient("Input"))
    with pytest.raises(NetError):
        obj([[1, 2, 3]])
    assert same(obj["States"], before, 0)
    assert list(obj(X[0], All)) == ["Output"] and list(obj(X[0], [NetPort("rnn", "State")])) == [NetPort("rnn", "State")]
    assert same(obj(X[0], STATES), obj["States"], 0)


def test_an_object_starts_where_it_is_told():
    net = chain()
    states = net(X[0], STATES)
    for obj in (NetStateObject(net, states), NetStateObject(net, X[0]), NetStateObject(net, {"Input": X[0]})):
        assert same(obj["States"], states, 0) and np.array_equal(obj(X[1]), net({"Input": X[1], STATES: states}))
    part = NetStateObject(net, {NetPort("top", "State"): [1, 2]})
    assert part["States"][NetPort("top", "State")] == [1, 2] and not part["States"][NetPort("rnn", "State")].any()


def test_an_object_of_a_batch_and_of_tensors():
    net = chain()
    obj = NetStateObject(net)
    rows = [X[0], X[1, :2]]
    obj(rows)
    assert np.allclose(obj(rows)[1], net({"Input": X[1, :2], STATES: net(X[1, :2], STATES)}), atol=1e-6)
    x = torch.from_numpy(X[0]).requires_grad_()
    obj = NetStateObject(net, x)
    assert obj(x).requires_grad and not any(state.requires_grad for state in obj["States"].values())


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: NetStateObject(3), "NetStateObject wants a net, got 3"),
        (lambda: NetStateObject(LinearLayer(2)), "NetStateObject: LinearLayer(2) has no recurrent state that is not fed by an edge"),
        (
            lambda: NetStateObject(NetGraph([RecurrentStub(3)], [(NetPort("start"), NetPort(0, "State"))])),
            'NetStateObject: NetGraph([RecurrentStub(3)], [(NetPort("start"), NetPort(... has no recurrent state that is not fed'
            " by an edge",
        ),
    ],
)
def test_what_has_no_states_to_keep(make, message):
    with pytest.raises(NetError) as caught:
        make()
    assert str(caught.value) == message


def test_states_of_a_module():
    net = chain(6)
    module = net.to_torch("Test")
    x = torch.from_numpy(X)
    states = net(x, STATES)
    assert torch.allclose(module(x, states=states), net({"Input": x, STATES: states}), atol=1e-6)
    with pytest.raises(NetError) as caught:
        module(x, states={"rn/State": torch.zeros(4, 3)})
    assert str(caught.value) == 'the module has no state "rn/State", did you mean "rnn/State" or "top/State"?'
    mapped = net_initialize(NetMapOperator([RecurrentStub(3)], Input=(5, 6, 2)))
    states = {NetPort("Net", 0, "State"): torch.ones(4, 5, 3)}
    x = torch.ones(4, 5, 6, 2)
    assert torch.allclose(mapped.to_torch("Test")(x, states=states), mapped({"Input": x, STATES: states}), atol=1e-6)
