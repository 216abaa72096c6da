"""NetFoldOperator: what the table of layers (tests/layers/rows_operators.py) does not say."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError
from netgraph.lower.forward import lower

ADD = FunctionLayer(lambda Input, State: Input + State)
SUMS = NetFoldOperator(ADD)
STATES = NetPort(All, "States")
TWO = FunctionLayer(lambda x, by, sum, product: {"sums": sum + x * by, "products": product + sum, "both": sum - product})
TWICE = [("sums", "sum"), ("products", "product")]


def test_several_states_constants_and_chosen_outputs():
    fold = NetFoldOperator(TWO, TWICE, ["by"])
    assert fold.input_ports() == ("x", "by") and fold.output_ports() == ("sums", "products", "both")
    assert fold.state_names() == ("sum", "product")
    found = fold({"x": [1, 2, 3], "by": 10})
    assert {name: value.tolist() for name, value in found.items()} == {"sums": [10, 30, 60], "products": [0, 10, 40], "both": [0, 10, 20]}
    one = NetFoldOperator(TWO, {"sums": "sum", "products": "product"}, "by", "products")
    assert one({"x": [1, 2, 3], "by": 10}).tolist() == [0, 10, 40]
    assert NetFoldOperator(TWO, ["sums -> sum", "products -> product"], ["by"], ["products"]) == one
    assert NetFoldOperator(ADD, "Output -> State") == NetFoldOperator(ADD, ("Output", "State")) == SUMS


def test_states_are_fed_read_and_kept():
    edges = [("f", NetPort("all")), (NetPort("start"), NetPort("f", "State")), (NetPort("f", "State"), NetPort("last"))]
    net = NetGraph({"f": SUMS}, edges, Input="Varying")
    assert net_from_json(net_to_json(net)) == net
    found = net({"Input": [[1, 2, 3], [4, 5]], "start": [10, 20]})
    assert [x.tolist() for x in found["all"]] == [[11, 13, 16], [24, 29]] and found["last"].tolist() == [16, 29]
    assert SUMS([1, 2, 3, 4], STATES) == {NetPort("State"): 10.0}
    assert SUMS({"Input": [1, 2, 3, 4], NetPort("State"): 10}).tolist() == [11, 13, 16, 20]
    kept = NetStateObject(NetFoldOperator(ADD, Input="Varying"))
    assert kept([1, 2, 3, 4]).tolist() == [1, 3, 6, 10] and kept([1, 2, 3, 4]).tolist() == [11, 13, 16, 20]
    states = NetFoldOperator(ADD, Input="Varying")([[1, 2, 3], [4]], STATES)
    assert states[NetPort("State")].tolist() == [6, 4]
    assert NetMapOperator(SUMS, Input=(2, 3))([[1, 2, 3], [4, 5, 6]], STATES)[NetPort("Net", "State")].tolist() == [6, 15]


def test_types():
    cell = NetGraph({"c": CatenateLayer(), "l": LinearLayer(4)}, [((NetPort("Input"), NetPort("State")), "c"), "c -> l"])
    fold = NetFoldOperator(cell, Input=("Varying", 3))
    assert fold["Output"] == ("Varying", 4) and fold["State"] == (4,) and fold["Net/Input"] == (3,) and fold["Net/l/Weights"] is Automatic
    assert NetFoldOperator(ADD, State=2)["Input"] is Automatic
    assert NetFoldOperator(ThreadingLayer(Plus, InputPorts=["Input", "State"]), State=2)["Output"] == (Automatic, 2)
    assert net_from_json(net_to_json(NetFoldOperator(cell, State=4))) == NetFoldOperator(cell, State=4)
    assert net_initialize(fold).arrays["Net/l/Weights"].shape == (4, 7)
    assert eval(repr(fold)) == fold
    assert (
        repr(NetFoldOperator(ADD, Constants=["by"][:0], Outputs=["Output"]))
        == "NetFoldOperator(FunctionLayer(Input + State), Outputs=['Output'])"
    )


def test_a_step_at_a_time_is_the_whole():
    cell = NetGraph({"c": CatenateLayer(), "l": [4, Tanh]}, [((NetPort("Input"), NetPort("State")), "c"), "c -> l"])
    fold = net_initialize(NetFoldOperator(cell, Input=("Varying", 3)))
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    whole, state = fold(x), np.zeros(4, np.float32)
    for row, expected in zip(x, whole, strict=True):
        state = fold["Net"]({"Input": row, "State": state})
        assert np.allclose(state, expected, atol=1e-6)
    assert np.array_equal(fold(x, NetPort("Net", "c"))[:, :3], x) and fold(x, NetPort("Net", "l", 0)).shape == (6, 4)
    assert np.allclose(np.tanh(fold(x, NetPort("Net", "l", 0))), whole, atol=1e-6)
    assert fold([x, x[:2]], NetPort("Net", "l", 0))[1].shape == (2, 4)


def test_inner_values_of_folds_in_folds():
    inner = NetGraph({"f": SUMS, "last": SequenceLastLayer(), "add": Plus}, ["Input -> f -> last", (("last", NetPort("State")), "add")])
    fold = NetFoldOperator(inner, Input=(3, 2))
    x = [[1, 2], [3, 4], [5, 6]]
    assert fold(x).tolist() == [3, 10, 21] and fold(x, NetPort("Net", "f")).tolist() == [[1, 3], [3, 7], [5, 11]]
    assert fold(x, NetPort("Net", "f", "Net", "Output")).tolist() == [[1, 3], [3, 7], [5, 11]]
    states = fold(x, STATES)
    assert states[NetPort("State")] == 21 and states[NetPort("Net", "f", "State")].tolist() == [3, 7, 11]
    started = fold({"Input": x, NetPort("Net", "f", "State"): [100, 0, 0]})
    assert started.tolist() == [103, 110, 121]


def test_inner_values_of_maps_in_folds_have_the_levels_in_their_order():
    inner = NetGraph({"m": NetMapOperator([lambda x: 2 * x, Tanh]), "s": Plus}, ["Input -> m", (("m", NetPort("State")), "s")])
    x = np.random.default_rng(0).normal(size=(5, 6, 4, 3, 2)).astype(np.float32)
    doubled = NetPort("Net", "m", "Net", 0)
    assert np.allclose(NetFoldOperator(inner, Input=(4, 3, 2))(x[0], doubled), 2 * x[0], atol=1e-5)
    mapped = NetMapOperator(NetFoldOperator(inner), Input=(6, 4, 3, 2))
    assert np.allclose(mapped(x, NetPort("Net", *doubled.path)), 2 * x, atol=1e-5)
    batch = [x[0, 0], x[0, 1, :2, :1]]
    for found, example in zip(NetFoldOperator(inner, Input=("Varying", "Varying", 2))(batch, doubled), batch, strict=True):
        assert np.allclose(found, 2 * example, atol=1e-5)


def test_padding_that_a_cell_cannot_take_does_no_harm():
    cell = NetGraph({"log": Log, "c": CatenateLayer(), "l": [3, Tanh]}, ["Input -> log", (("log", NetPort("State")), "c"), "c -> l"])
    net = net_initialize(NetFoldOperator(cell, Input=("Varying", 2)))
    long, short = np.full((4, 2), 0.5, np.float32), np.full((2, 2), 0.25, np.float32)
    together = net([long, short], NetPortGradient("Net/l/0/Weights"))
    apart = net(long, NetPortGradient("Net/l/0/Weights")) + net(short, NetPortGradient("Net/l/0/Weights"))
    assert np.allclose(together, apart, atol=1e-5)


@pytest.mark.parametrize("length", [3, "Varying"])
def test_a_loss_on_probabilities_of_a_cell_is_on_their_logits(length):
    parts = {"s": Plus, "c": [[SoftmaxLayer()], []]}
    cell = NetGraph(parts, [((NetPort("Input"), NetPort("State")), "s"), "s -> c", ("s", NetPort("h")), ("c", NetPort("p"))])
    fold = NetFoldOperator(cell, [("h", "State")], [], ["p"])
    net = NetGraph({"f": fold, "l": CrossEntropyLossLayer("Index")}, [("f", NetPort("l", "Input")), ("f", NetPort("p"))], Input=(length, 2))
    data = {"Input": [[200, -200], [0, 0], [0, 0]], "Target": [1, 1, 1]}
    found = net(data)
    assert found["Loss"] == 400 and found["p"].tolist() == [[1, 0]] * 3
    gradient = net({**data, NetPortGradient("Loss"): 1.0}, NetPortGradient("Input"))
    assert np.allclose(gradient, [[1, -1], [2 / 3, -2 / 3], [1 / 3, -1 / 3]], atol=1e-6)


def test_dropout_is_drawn_anew_in_each_step():
    cell = NetGraph({"d": DropoutLayer(0.5), "s": Plus}, ["Input -> d", (("d", NetPort("State")), "s")])
    fold = NetFoldOperator(cell, Input=(50, 20))
    increments = np.diff(fold(np.ones((50, 20)), NetEvaluationMode="Train"), axis=0)
    assert set(np.unique(increments)) == {0.0, 2.0} and len(np.unique(increments, axis=0)) > 40
    assert fold(np.ones((50, 20)))[-1].tolist() == [50] * 20


def test_running_statistics_see_each_step_and_no_padding():
    cell = NetGraph({"bn": BatchNormalizationLayer(Momentum=0.5), "s": Plus}, ["Input -> bn", (("bn", NetPort("State")), "s")])
    net = net_initialize(NetFoldOperator(cell, Input=("Varying", 3)))
    lowered = lower(net, "Train")
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 5, 3)))
    lengths = torch.tensor([5, 3, 1, 3])
    arrays, states = ([net.tensors[key].double() for key in keys] for keys in (lowered.arrays, lowered.states))
    zeros = torch.zeros(4, 3, dtype=torch.float64)

    def run(x, longest=5):
        return lowered.forward((x[:, :longest],), arrays, (*states, zeros), (), (lengths,), None)

    (_,), (mean, variance, _) = run(x)
    expected = [torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)]
    for step in range(5):
        rows = x[lengths > step, step]
        expected = [0.5 * old + 0.5 * new for old, new in zip(expected, (rows.mean(0), rows.var(0, correction=0)), strict=True)]
    assert torch.allclose(mean, expected[0], rtol=1e-12) and torch.allclose(variance, expected[1], rtol=1e-12)
    other = torch.cat((torch.where(torch.arange(5)[:, None] < lengths[:, None, None], x, 7.0), torch.ones(4, 2, 3)), 1)
    again = run(other, 7)
    assert torch.equal(again[1][0], mean) and torch.equal(again[1][2], run(x)[1][2])


def test_shared_arrays_and_whole_numbers():
    twice = LinearLayer(1, Weights=NetArray("w"), Biases=None)
    cell = NetGraph({"a": twice, "b": twice, "s": Plus}, ["Input -> a", "State -> b", (("a", "b"), "s")])
    net = NetFoldOperator(cell, Input=("Varying", 1))
    ready = net_initialize(net)
    assert list(ready.arrays) == ["w"]
    w = float(np.ravel(ready.arrays["w"])[0])
    assert np.allclose(ready([[1], [1]]), [[w], [w + w * w]], atol=1e-6)
    assert NetFoldOperator(ADD, Input=("Varying", "Integer"))([1, 2, 3]).tolist() == [1, 3, 6]


def test_as_a_module():
    cell = NetGraph({"c": CatenateLayer(), "l": [4, Tanh]}, [((NetPort("Input"), NetPort("State")), "c"), "c -> l"])
    net = net_initialize(NetFoldOperator(cell, Input=("Varying", 3)))
    module, x = net.to_torch("Test"), torch.randn(2, 5, 3)
    assert [name for name, _ in module.named_parameters()] == ["Net.l.0.Weights", "Net.l.0.Biases"]
    lengths = (torch.tensor([5, 2]),)
    found = module(x, lengths=lengths)
    assert torch.allclose(found[0], net(x[0]), atol=1e-6) and torch.allclose(found[1, :2], net(x[1, :2]), atol=1e-6)
    assert not found[1, 2:].any() and "def cell_net(" in module.source and "loop_net" in module.source
    assert torch.allclose(torch.compile(module, fullgraph=True, backend="eager")(x, lengths=lengths), found, atol=1e-6)
    exported = torch.export.export(module, (x,), {"lengths": lengths}).module()
    assert torch.allclose(exported(x, lengths=lengths), found, atol=1e-6)


@pytest.mark.parametrize(
    "build, text",
    [
        (
            lambda: NetFoldOperator(ADD, [("Out", "State")]),
            'NetFoldOperator: Feedback names "Out", which is no output of FunctionLayer(Input + State), did you mean "Output"?',
        ),
        (
            lambda: NetFoldOperator(ADD, [("Output", "Stat")]),
            'NetFoldOperator: Feedback names "Stat", which is no input of FunctionLayer(Input + State), did you mean "State"?',
        ),
        (
            lambda: NetFoldOperator(TWO, [("sums", "sum"), ("both", "sum")]),
            'NetFoldOperator: Feedback feeds "sum" twice',
        ),
        (
            lambda: NetFoldOperator(ADD, Constants=["State"]),
            'NetFoldOperator: "State" is fed back, so it is no constant',
        ),
        (
            lambda: NetFoldOperator(ADD, Constants=["Inptu"]),
            'NetFoldOperator: Constants names "Inptu", which is no input of FunctionLayer(Input + State), did you mean "Input"?',
        ),
        (
            lambda: NetFoldOperator(ADD, Outputs=["State"]),
            'NetFoldOperator: Outputs names "State", which is no output of FunctionLayer(Input + State), known: "Output"',
        ),
        (lambda: NetFoldOperator(ADD, Outputs=[]), "NetFoldOperator: Outputs names none\n  try: leave it out, for all outputs"),
        (
            lambda: NetFoldOperator(ADD, Constants=["Input"]),
            "NetFoldOperator: every input of FunctionLayer(Input + State) is fed back or constant, none is left to take elements from",
        ),
        (
            lambda: NetFoldOperator(ADD, 3),
            "NetFoldOperator: Feedback wants pairs of an output and the input that it feeds in the next step "
            '([("Output", "State")]), got 3',
        ),
        (lambda: NetFoldOperator(ADD, Constants=3), 'NetFoldOperator: Constants wants the names of ports (["Constant"]), got 3'),
        (lambda: NetFoldOperator(ADD, Stat=3), 'NetFoldOperator has no option "Stat", did you mean "State" or "Constants"?'),
        (
            lambda: NetFoldOperator(
                NetGraph({"c": CatenateLayer(), "l": 4}, [((NetPort("Input"), NetPort("State")), "c"), "c -> l"]), State=5
            ),
            "State: the length is 5 on one side and 4 on the other\n  5: NetFoldOperator was given State=5\n  4: Net/l is LinearLayer(4)",
        ),
        (
            lambda: NetFoldOperator(TWO, TWICE, Input=3),
            'NetFoldOperator has no option "Input", did you mean "product" or "Outputs" or "Net"?',
        ),
        (
            lambda: NetFoldOperator(FunctionLayer(lambda x, h: {"h": x + h}), [("h", "h")]),
            'NetFoldOperator: "h" is both a state and an output that is given\n  try: rename one of them',
        ),
        (
            lambda: NetFoldOperator(FunctionLayer(lambda a, b, s: a + b + s), [("Output", "s")])({"a": [1, 2, 3], "b": [1, 2]}),
            "b: axis 0 is 2 on one side and 3 on the other\n  2: the data\n  3: the data",
        ),
    ],
)
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == text
