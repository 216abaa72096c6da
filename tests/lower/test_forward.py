"""The generated forward: one signature for every sort of layer, compiled whole and exported."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.lower.forward import lower
from tests.lower.stubs import CoupledStub, NoisyStub, RecurrentStub


def drawn(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def arguments(net, lowered, batch=4, lengths=()):
    """Inputs, arrays, states, noise, lengths and the mask of a full batch, for a net of fixed or padded shapes."""
    types = lowered.typing.inputs
    inputs = tuple(drawn(batch, *(s if isinstance(s, int) else 5 for s in types[name].shape)) for name in lowered.inputs)
    arrays = tuple(net.tensors[name] for name in lowered.arrays)
    rows = [(need, batch * int(np.prod([lowered.padded(f, inputs) for f in need.folds]))) for need in (*lowered.recurrent, *lowered.noise)]
    shapes = [(n, *(lowered.padded(size, inputs) for size in need.shape)) for need, n in rows]
    recurrent = tuple(torch.zeros(shape) for shape in shapes[: len(lowered.recurrent)])
    noise = tuple(drawn(*shape, seed=1) if need.distribution == "normal" else torch.rand(shape)
                  for (need, _), shape in list(zip(rows, shapes, strict=True))[len(lowered.recurrent) :])  # fmt: skip
    states = (*(net.tensors[name] for name in lowered.states), *recurrent)
    valid = torch.ones(batch, dtype=torch.bool) if lowered.coupled else None
    return inputs, arrays, states, noise, lengths, valid


NETS = {
    "linear": lambda: NetChain([3, Ramp, 2], Input=4),
    "dropout": lambda: NetChain([3, DropoutLayer(0.5), 2], Input=4),
    "batch normalization": lambda: NetChain([3, BatchNormalizationLayer(), 2], Input=4),
    "recurrent": lambda: NetChain([RecurrentStub(3), RecurrentStub(2)], Input=(5, 4)),
    "coupled": lambda: NetChain([3, CoupledStub()], Input=4),
    "pair": lambda: NetPairEmbeddingOperator([3, BatchNormalizationLayer(), DropoutLayer(0.5), 2], Input=4),
    "map": lambda: NetMapOperator([3, NoisyStub()], Input=(5, 4)),
    "residual": lambda: NetGraph({"f": [4, Ramp, 4], "add": Plus}, [(NetPort("Input"), "f"), (("f", NetPort("Input")), "add")], Input=4),
}


class Around(torch.nn.Module):
    """The forward as a module, for torch.export."""

    def __init__(self, forward):
        super().__init__()
        self.function = forward

    def forward(self, inputs, arrays, states, noise, lengths, valid):
        return self.function(inputs, arrays, states, noise, lengths, valid)


def same(a, b):
    assert len(a[0]) == len(b[0]) and len(a[1]) == len(b[1])
    for x, y in zip((*a[0], *a[1]), (*b[0], *b[1]), strict=True):
        assert torch.allclose(x, y, atol=1e-6), (x, y)


@pytest.mark.parametrize("mode", ["Train", "Test"])
@pytest.mark.parametrize("name", NETS)
def test_compiled_whole_and_exported(name, mode):
    net = net_initialize(NETS[name]())
    lowered = lower(net, mode)
    given = arguments(net, lowered)
    expected = lowered.forward(*given)
    torch._dynamo.reset()
    same(torch.compile(lowered.forward, fullgraph=True, backend="eager", dynamic=False)(*given), expected)
    same(torch.export.export(Around(lowered.forward), given).module()(*given), expected)


@pytest.mark.slow
def test_inductor():
    net = net_initialize(NETS["pair"]())
    lowered = lower(net, "Train")
    given = arguments(net, lowered)
    same(torch.compile(lowered.forward, fullgraph=True, dynamic=False)(*given), lowered.forward(*given))


def test_the_source_is_straight():
    source = lower(NetPairEmbeddingOperator([3, Ramp], Input=2)).source
    assert source.startswith("def forward(inputs, arrays, states, noise, lengths, valid):")
    assert "# Net/0: LinearLayer(3)" in source and "torch.nn.functional.linear" in source and "self" not in source and "if " not in source


def test_lowering_is_kept_on_the_net():
    net = net_initialize(NETS["linear"]())
    assert lower(net) is lower(net) and lower(net, "Train") is not lower(net)


def test_running_statistics_are_states():
    net = net_initialize(NETS["batch normalization"]())
    train, test = lower(net, "Train"), lower(net, "Test")
    assert train.states == ("1/MovingMean", "1/MovingVariance") and not set(train.states) & set(train.arrays)
    given = arguments(net, train)
    assert not torch.equal(train.forward(*given)[1][0], given[2][0]) and test.forward(*given)[1][0] is given[2][0]


def test_batch_normalization_in_a_pair_sees_both_members_once():
    net = net_initialize(NetPairEmbeddingOperator([BatchNormalizationLayer()], Input=3))
    flat = net_initialize(NetChain([BatchNormalizationLayer()], Input=3))
    pair, plain = lower(net, "Train"), lower(flat, "Train")
    x = drawn(4, 2, 3)
    arrays = tuple(net.tensors[name] for name in pair.arrays)
    states = tuple(net.tensors[name] for name in pair.states)
    _, updated = pair.forward((x,), arrays, states, (), (), None)
    _, expected = plain.forward((x.flatten(0, 1),), arrays, states, (), (), None)
    for a, b in zip(updated, expected, strict=True):
        assert torch.allclose(a, b)


def test_noise_is_asked_for_where_it_is_used():
    net = net_initialize(NETS["dropout"]())
    assert next(need.path for need in lower(net, "Train").noise).startswith("1/") and lower(net, "Test").noise == ()
    graph = NetGraph([NoisyStub(), NoisyStub()], [(NetPort("x"), 0), (NetPort("x"), 1)], x=3)
    lowered = lower(graph, "Train", wanted=[((), "Output2")])
    assert [need.path for need in lowered.noise] == ["1/Normal"]
    x, noise = drawn(2, 3), drawn(2, 3, seed=5)
    assert torch.allclose(lowered.forward((x,), (), (), (noise,), (), None)[0][0], x + noise)


def test_noise_in_a_fold_is_drawn_for_each_member():
    lowered = lower(NetPairEmbeddingOperator([NoisyStub()], Input=3), "Train")
    assert lowered.noise[0].folds == (2,)
    x, noise = drawn(4, 2, 3), drawn(8, 3, seed=7)
    (distance,), _ = lowered.forward((x,), (), (), (noise,), (), None)
    moved = x + noise.reshape(4, 2, 3)
    assert torch.allclose(distance, (moved[:, 0] - moved[:, 1]).norm(dim=-1), atol=1e-6)


def test_unused_arrays_stay_in_their_places():
    net = net_initialize(NetChain([3, Ramp, 2], Input=4))
    lowered = lower(net, wanted=[(("0",), "Output")])
    assert lowered.arrays == tuple(net.arrays)
    x = drawn(2, 4)
    (y,), _ = lowered.forward((x,), tuple(net.tensors.values()), (), (), (), None)
    assert torch.allclose(y, torch.nn.functional.linear(x, net.tensors["0/Weights"], net.tensors["0/Biases"]))


def test_inner_ports_as_outputs_inside_operators():
    net = net_initialize(NetPairEmbeddingOperator({"l": 3, "r": Ramp}, Input=2))
    lowered = lower(net, wanted=[(("Net", "l"), "Output"), ((), "Output")])
    x = drawn(5, 2, 2)
    (inner, distance), _ = lowered.forward((x,), tuple(net.tensors.values()), (), (), (), None)
    assert inner.shape == (5, 2, 3) and distance.shape == (5,)
    nested = net_initialize(NetMapOperator(NetMapOperator([3, Ramp]), Input=(4, 6, 2)))
    lowered = lower(nested, wanted=[(("Net", "Net", "0"), "Output")])
    assert lowered.forward((drawn(5, 4, 6, 2),), tuple(nested.tensors.values()), (), (), (), None)[0][0].shape == (5, 4, 6, 3)
    assert nested(drawn(4, 6, 2), NetPort("Net", "Net", 0, "Output")).shape == (4, 6, 3)


def test_a_recurrent_layer_carries_its_state_on():
    net = net_initialize(NetChain([RecurrentStub(3)], Input=(6, 2)))
    lowered = lower(net)
    inputs, arrays, states, *rest = arguments(net, lowered)
    (whole,), (last,) = lowered.forward(inputs, arrays, states, *rest)
    assert torch.equal(whole[:, -1], last)
    half = NetChain([RecurrentStub(3)], Input=(3, 2))
    piece = lower(half).forward
    (first,), state = piece((inputs[0][:, :3],), arrays, states, *rest)
    (second,), end = piece((inputs[0][:, 3:],), arrays, state, *rest)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-6) and torch.allclose(end[0], last, atol=1e-6)


def test_a_recurrent_state_is_fed_and_read_by_edges():
    edges = [(NetPort("x"), 0), (NetPort("start"), NetPort(0, "State")), (NetPort(0, "State"), NetPort("end"))]
    net = net_initialize(NetGraph([RecurrentStub(3)], edges, x=(4, 2)))
    assert net["start"] == (3,) and net["end"] == (3,) and set(net.outputs) == {"end", "Output"}
    lowered = lower(net)
    assert lowered.recurrent == () and lowered.inputs == ("x", "start")
    inputs, arrays, *rest = arguments(net, lowered)
    outputs, _ = lowered.forward(inputs, arrays, *rest)
    found = dict(zip(lowered.outputs, outputs, strict=True))
    assert torch.equal(found["Output"][:, -1], found["end"])
    chained = NetGraph(
        [RecurrentStub(3), RecurrentStub(3)], [(NetPort("x"), 0), (NetPort(0, "State"), NetPort(1, "State")), (0, 1)], x=(4, 2)
    )
    assert [need.path for need in lower(chained).recurrent] == ["0/State"]
    assert eval(repr(chained)) == chained


def test_a_padded_batch_gives_what_each_example_gives_alone():
    net = net_initialize(NetChain([NetMapOperator([3, Tanh]), SoftmaxLayer(0)], Input=("Varying", 2)))
    lowered = lower(net)
    arrays = tuple(net.tensors.values())
    long, short = drawn(5, 2), drawn(3, 2, seed=2)
    batch = torch.zeros(2, 5, 2)
    batch[0], batch[1, :3] = long, short
    (together,), _ = lowered.forward((batch,), arrays, (), (), (torch.tensor([5, 3]),), None)
    for row, alone in ((together[0], long), (together[1, :3], short)):
        (expected,), _ = lowered.forward((alone.unsqueeze(0),), arrays, (), (), (torch.tensor([len(alone)]),), None)
        assert torch.allclose(row, expected[0], atol=1e-6)


def test_a_coupled_loss_sees_valid_examples_alone():
    net = net_initialize(NetChain([CoupledStub()], Input=2))
    lowered = lower(net, "Train")
    assert lowered.coupled
    x = drawn(5, 2)
    valid = torch.tensor([True, True, True, False, False])
    (padded,), _ = lowered.forward((x,), (), (), (), (), valid)
    (alone,), _ = lowered.forward((x[:3],), (), (), (), (), torch.ones(3, dtype=torch.bool))
    assert torch.allclose(padded[:3], alone) and not padded[3:].any()


FUSED = {
    "plain": lambda: NetGraph({"s": [SoftmaxLayer()], "loss": CrossEntropyLossLayer("Index")}, [("s", NetPort("loss", "Input"))], Input=3),
    "reshaped": lambda: NetGraph(
        {"s": [SoftmaxLayer(), ReshapeLayer((1, 3))], "loss": CrossEntropyLossLayer("Probabilities")},
        [("s", NetPort("loss", "Input"))],
        Input=3,
    ),
    "mapped": lambda: NetGraph(
        {"s": NetMapOperator([[SoftmaxLayer()]]), "loss": CrossEntropyLossLayer("Index")}, [("s", NetPort("loss", "Input"))], Input=(4, 3)
    ),
    "binary": lambda: NetGraph(
        {"s": [[LogisticSigmoid]], "loss": CrossEntropyLossLayer("Binary")},
        [("s", NetPort("loss", "Input")), ("s", NetPort("p"))],
        Input=(),
    ),
}


@pytest.mark.parametrize("name", FUSED)
def test_cross_entropy_is_on_logits(name):
    net = FUSED[name]()
    lowered = lower(net, "Train")
    logits = torch.full((2, *net["Input"]), -200.0)
    if name != "binary":
        logits[..., 0] = 200.0
    logits.requires_grad_()
    target = torch.ones(2)
    if name == "reshaped":
        target = torch.zeros(2, 1, 3)
        target[..., 1] = 1.0
    elif name != "binary":
        target = torch.ones((2, 4) if name == "mapped" else (2,), dtype=torch.int64)
    tensors = {"Input": logits, "Target": target}
    outputs, _ = lowered.forward(tuple(tensors[n] for n in lowered.inputs), (), (), (), (), None)
    loss = dict(zip(lowered.outputs, outputs, strict=True))["Loss"]
    loss.sum().backward()
    assert torch.isfinite(loss).all() and float(loss.detach().sum()) >= 390
    assert logits.grad.abs().max() > 0.1


def test_the_probability_stays_readable():
    net = FUSED["plain"]()
    results = net({"Input": [1, 2, 3], "Target": 0}, [NetPort("s", "Output"), "Loss"])
    probabilities = np.asarray(results[NetPort("s", "Output")])
    assert probabilities.sum() == pytest.approx(1) and results["Loss"] == pytest.approx(-np.log(probabilities[0]), rel=1e-5)
    binary = FUSED["binary"]()({"Input": 0.0, "Target": True})
    assert binary["p"] == 0.5 and binary["Loss"] == pytest.approx(np.log(2), rel=1e-6)
