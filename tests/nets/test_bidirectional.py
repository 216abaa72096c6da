"""NetBidirectionalOperator: what the table of layers (tests/layers/rows_operators.py) does not say."""

import numpy as np
import pytest

from netgraph import *
from netgraph.errors import NetError

SUMS = NetFoldOperator(FunctionLayer(lambda Input, State: Input + State))
X = [[1], [2], [3]]


def cell(units):
    layers = {"c": CatenateLayer(), "l": [units, Tanh]}
    return NetGraph(layers, [((NetPort("Input"), NetPort("State")), "c"), "c -> l"])


def test_worked_example():
    assert NetBidirectionalOperator(SUMS)(X).tolist() == [[1, 6], [3, 5], [6, 3]]
    assert NetBidirectionalOperator(SUMS, Total)(X).tolist() == [[7], [8], [9]]
    assert NetBidirectionalOperator(SUMS, "Mean")(X).tolist() == [[3.5], [4], [4.5]]


def test_it_is_the_documented_graph():
    net = net_initialize(NetBidirectionalOperator([NetFoldOperator(cell(3)), NetFoldOperator(cell(2))], Input=("Varying", 4)))
    parts = {
        "f": net["ForwardNet"], "r": SequenceReverseLayer(), "b": net["BackwardNet"], "back": SequenceReverseLayer(), "c": CatenateLayer(1),
    }  # fmt: skip
    graph = NetGraph(parts, ["Input -> f", "Input -> r -> b -> back", (("f", "back"), "c")], Input=("Varying", 4))
    batch = [np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32) for n in (5, 1, 3)]
    for a, b in zip(net(batch), graph(batch), strict=True):
        assert a.shape[1] == 5 and np.allclose(a, b, atol=1e-6)


def test_the_two_nets_are_copies():
    net = net_initialize(NetBidirectionalOperator(NetFoldOperator(cell(3)), Input=(6, 4)))
    a, b = net.arrays["ForwardNet/Net/l/0/Weights"], net.arrays["BackwardNet/Net/l/0/Weights"]
    assert a.shape == b.shape and not np.array_equal(a, b)
    ready = NetBidirectionalOperator(net["ForwardNet"])
    assert np.array_equal(ready.arrays["ForwardNet/Net/l/0/Weights"], ready.arrays["BackwardNet/Net/l/0/Weights"])
    shared = net_initialize(NetBidirectionalOperator(net_insert_shared_arrays(NetFoldOperator(cell(3))), Input=(6, 4)))
    assert len(shared.arrays) == 2
    assert net["ForwardNet"] != net["BackwardNet"] and net["ForwardNet/Net/l/0/Weights"] is not Automatic


def test_states():
    net = NetBidirectionalOperator(SUMS, Input=("Varying", 1))
    assert net.state_names() == ("ForwardState", "BackwardState") and net["BackwardState"] == (1,)
    states = net([X, X[:2]], NetPort(All, "States"))
    assert {port: value.tolist() for port, value in states.items()} == {
        NetPort("ForwardState"): [[6], [3]],
        NetPort("BackwardState"): [[6], [3]],
    }
    assert net({"Input": X, NetPort("BackwardState"): [10]}).tolist() == [[1, 16], [3, 15], [6, 13]]
    edges = [("b", NetPort("o")), (NetPort("s"), NetPort("b", "BackwardState")), (NetPort("b", "ForwardState"), NetPort("last"))]
    found = NetGraph({"b": NetBidirectionalOperator(SUMS)}, edges, Input=("Varying", 1))({"Input": [X, X[:2]], "s": [[10], [20]]})
    assert found["o"][1].tolist() == [[1, 23], [3, 22]] and found["last"].tolist() == [[6], [3]]


def test_results_that_are_no_sequences():
    last = NetChain([SUMS, SequenceLastLayer()])
    net = NetBidirectionalOperator([last, PartLayer(0)], Input=(3, 1))
    assert net.outputs["Output"].shape == (2,) and net(X).tolist() == [6, 3]
    most = NetBidirectionalOperator([SequenceMostLayer(), SequenceRestLayer()], Input=("Varying", 1))
    first, second = most([X, X[:2]])
    assert first.tolist() == [[1, 1], [2, 2]] and second.tolist() == [[1, 1]]


def test_mapped_nested_and_saved():
    inner = NetBidirectionalOperator(SUMS, Total)
    assert inner([[3], [2], [1]]).tolist() == [[9], [8], [7]]
    assert NetBidirectionalOperator(inner, Total)(X).tolist() == [[14], [16], [18]]
    built = NetBidirectionalOperator([NetFoldOperator(cell(3)), NetFoldOperator(cell(2))], Input=(5, 4))
    assert net_from_json(net_to_json(built)) == built and eval(repr(built)) == built
    assert repr(NetBidirectionalOperator([[Ramp], [Tanh]], "Total")) == (
        'NetBidirectionalOperator([NetChain([ElementwiseLayer(Ramp)]), NetChain([ElementwiseLayer(Tanh)])], "Total")'
    )
    assert NetMapOperator(built)["Output"] == (Automatic, 5, 5) and built["Output"] == (5, 5)


@pytest.mark.parametrize(
    "build, text",
    [
        (
            lambda: NetBidirectionalOperator([SUMS, SUMS], "Max"),
            'NetBidirectionalOperator: Aggregation wants "Catenate" or "Total" or "Mean", got \'Max\'',
        ),
        (
            lambda: NetBidirectionalOperator([Ramp]),
            "NetBidirectionalOperator wants a net or a list of two, [ForwardNet, BackwardNet], got [Ramp]",
        ),
        (
            lambda: NetBidirectionalOperator(MeanSquaredLossLayer()),
            'NetBidirectionalOperator: ForwardNet, MeanSquaredLossLayer(), has 2 input ports ("Input", "Target") '
            "where exactly one is wanted",
        ),
        (
            lambda: NetBidirectionalOperator([LinearLayer(3, Input=5), LinearLayer(4, Input=3)], Input=5),
            "Input: the length is 5 on one side and 3 on the other\n  5: ForwardNet was given Input=5\n  3: BackwardNet was given Input=3",
        ),
        (
            lambda: NetBidirectionalOperator([NetMapOperator(3), [NetMapOperator(3), SequenceLastLayer()]], Input=("Varying", 2)),
            "NetBidirectionalOperator: 2 axes on one side and 1 axis on the other\n"
            "  (Varying, 3): ForwardNet/Net is LinearLayer(3)\n  (3,): BackwardNet/0/Net is LinearLayer(3)",
        ),
        (
            lambda: NetBidirectionalOperator([NetMapOperator(3), NetMapOperator(4)], Total, Input=(2, 2)),
            "BackwardNet/Output: the length is 3 on one side and 4 on the other\n"
            "  3: ForwardNet/Net is LinearLayer(3)\n  4: BackwardNet/Net is LinearLayer(4)",
        ),
        (
            lambda: NetBidirectionalOperator(SUMS, ForwardNet=SUMS),
            "NetBidirectionalOperator: its nets are given twice, by position and by name",
        ),
        (lambda: NetBidirectionalOperator([[Ramp], [Ramp]])(1), "Input: no axis where at least 1 axis is wanted\n  (): the data"),
    ],
)
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == text
