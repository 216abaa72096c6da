"""Recurrent layers beyond their rows: states, padded batches, dropout, training."""

import numpy as np
import pytest
import torch

from netgraph import (
    All,
    BasicRecurrentLayer,
    GatedRecurrentLayer,
    LinearLayer,
    LongShortTermMemoryLayer,
    NetChain,
    NetGraph,
    NetMapOperator,
    NetPort,
    NetPortGradient,
    NetStateObject,
    SequenceLastLayer,
    net_initialize,
    net_load,
    net_save,
    net_train,
)
from netgraph.layers.recurrent import in_one_piece
from netgraph.lower.forward import lower
from tests.layers.harness import Run, typed_as
from tests.layers.rows_recurrent import CELL, DATA, GUARDED, basic, every_gate, gated, guarded

STATES = NetPort(All, "States")
FAMILY = [(BasicRecurrentLayer, basic), (GatedRecurrentLayer, gated), (LongShortTermMemoryLayer, guarded)]
each = pytest.mark.parametrize("cls, formula", FAMILY, ids=[cls.__name__ for cls, _ in FAMILY])


def varying(cls, size=3, **options):
    return typed_as(cls(size, **options), {"Input": ("Varying", 2)})


def drawn(*shape, seed=4):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def test_the_final_cell_as_computed():
    layer = LongShortTermMemoryLayer(2, **every_gate(*GUARDED))
    states = layer(DATA, STATES)
    assert np.allclose(states[NetPort("State")], [0.2029738, 0.2679364], atol=6e-7)
    assert np.allclose(states[NetPort("CellState")], [0.3291611, 0.4070143], atol=6e-7)


@each
@pytest.mark.parametrize("dropout", [None, ("StateUpdate", 0.4)])
def test_states_from_any_start_to_the_true_end(cls, formula, dropout):
    """Also of length 1 and 0, and in whatever way padding is filled."""
    run = Run(varying(cls))
    lowered = lower(varying(cls, Dropout=dropout), "Train")
    lengths, x = [4, 1, 0, 3], drawn(4, 4, 2)
    starts = [drawn(4, 3, seed=number) for number, _ in enumerate(lowered.recurrent)]
    noise = (drawn(4, 4, 3).abs(),) if dropout else ()
    for i, length in enumerate(lengths):
        x[i, length:] = torch.nan
    x.requires_grad_()
    (output,), finals = lowered.forward((x,), run.own_arrays, tuple(starts), noise, (torch.tensor(lengths),), None)
    arrays = {name: array.numpy() for name, array in run.arrays.items()}
    for i, length in enumerate(lengths):
        if length == 0:
            assert all(torch.equal(final[i], start[i]) for final, start in zip(finals, starts, strict=True))
            continue
        masks = None if dropout is None else [*[np.ones((4, 1))] * 3, (noise[0][i].numpy() >= 0.4) / 0.6]
        expected, *ends = formula(x[i, :length].detach().numpy(), *(start[i].numpy() for start in starts), masks=masks, **arrays)
        assert np.allclose(output[i, :length].detach(), expected, atol=1e-12)
        assert all(np.allclose(final[i].detach(), end, atol=1e-12) for final, end in zip(finals, ends, strict=True))
    whole = sum(output[i, :length].sum() for i, length in enumerate(lengths)) + sum(final.sum() for final in finals)
    (gradient,) = torch.autograd.grad(whole, [x])
    for i, length in enumerate(lengths):
        assert bool(torch.isfinite(gradient[i]).all()) and not gradient[i, length:].any() and (length == 0 or gradient[i, 0].all())


@each
def test_a_cell_is_held_to_the_last_bit(cls, formula):
    net = net_initialize(varying(cls, 8))
    x = drawn(2, 40, 2).float().numpy()
    alone, together = net(x[0, :5], STATES), net([x[0, :5], x[1]], STATES)
    for port, state in alone.items():
        assert np.allclose(together[port][0], state, rtol=1e-6, atol=1e-7)
        assert together[port].shape == (2, 8)


def test_a_cell_is_held_only_where_it_is_read():
    layer = varying(LongShortTermMemoryLayer)
    assert "hold = False" not in lower(layer).source
    assert "hold = False" in lower(layer, final=False).source
    assert "hold = False" not in lower(layer, final=False, wanted=(((), "CellState"),)).source
    both = NetGraph([layer, LinearLayer(1)], [("0/CellState", 1), (0, NetPort("y"))])
    assert "hold = False" not in lower(both, final=False).source
    net, x = net_initialize(layer), drawn(2, 5, 2).float().numpy()
    rows = [x[0, :2], x[1]]
    assert np.allclose(net(rows)[0], net(rows, ["Output", STATES])["Output"][0], atol=1e-6)


@each
def test_compiled_whole_and_exported_with_lengths(cls, formula):
    for dropout in (None, {"VariationalWeights": 0.1, "VariationalState": 0.2}):
        lowered = lower(varying(cls, Dropout=dropout), "Train")
        run = Run(varying(cls, Dropout=dropout), "Train", batch=2)
        x = drawn(2, 4, 2)
        given = ((x,), run.own_arrays, run.started(x), run.noise, (torch.tensor([4, 2]),), None)
        torch._dynamo.reset()
        compiled = torch.compile(lowered.forward, fullgraph=True, backend="eager", dynamic=False)
        exported = torch.export.export(Whole(lowered.forward), given).module()
        for function in (compiled, exported):
            for found, expected in zip(function(*given), lowered.forward(*given), strict=True):
                assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(found, expected, strict=True))


@each
def test_exported_with_free_length(cls, formula):
    module = net_initialize(NetChain([cls(4), cls(3), SequenceLastLayer()], Input=("Varying", 2))).to_torch("Test")
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    shapes = {"inputs": ({0: batch, 1: length},), "lengths": ({0: batch},)}
    given = (drawn(2, 4, 2).float(),), {"lengths": (torch.tensor([4, 2]),)}
    exported = torch.export.export(module, *given, dynamic_shapes=shapes).module()
    for size, lengths in ((4, [4, 2]), (7, [3, 7, 1])):
        x = drawn(len(lengths), size, 2).float()
        words = {"lengths": (torch.tensor(lengths),)}
        assert torch.allclose(exported(x, **words), module(x, **words), atol=1e-6)


def test_weights_in_one_piece():
    weights = tuple(drawn(*shape).requires_grad_() for shape in ((6, 2), (6, 3), (6,), (6,)))
    parts = in_one_piece(weights)
    assert all(map(torch.equal, parts, weights)) and len({part.untyped_storage().data_ptr() for part in parts}) == 1
    assert [part.storage_offset() for part in parts] == [0, 12, 30, 36] and parts[0].untyped_storage().nbytes() == 8 * 42
    gradients = torch.autograd.grad(sum((part * part).sum() for part in parts), weights)
    assert all(torch.equal(gradient, 2 * weight) for gradient, weight in zip(gradients, weights, strict=True))


class Whole(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *given):
        return self.function(*given)


@each
def test_an_object_feeds_a_sequence_bit_by_bit(cls, formula):
    net = net_initialize(NetChain([cls(4), cls(3), SequenceLastLayer()], Input=("Varying", 2)))
    x = drawn(6, 2).numpy()
    obj = NetStateObject(net, x[:1])
    for step in x[1:-1]:
        obj([step])
    assert np.allclose(obj(x[-1:]), net(x), atol=1e-6)
    assert len(obj["States"]) == (4 if cls is LongShortTermMemoryLayer else 2)


@each
def test_a_module_takes_lengths_and_states(cls, formula):
    net = net_initialize(varying(cls))
    x, lengths = drawn(3, 5, 2).float(), torch.tensor([5, 2, 1])
    states = net(x, STATES)
    module = net.to_torch("Test")
    rows = [row[:n] for row, n in zip(x, lengths, strict=True)]
    expected = net({"Input": rows, STATES: states})
    found = module(x, lengths=(lengths,), states=states)
    assert all(torch.allclose(a[: len(b)], b, atol=1e-6) for a, b in zip(found, expected, strict=True))


@each
def test_mapped_over_sequences_of_sequences(cls, formula):
    net = net_initialize(NetMapOperator(cls(3), Input=("Varying", "Varying", 2)))
    x = drawn(2, 4, 5, 2).float().numpy()
    rows = [x[0, :, :5], x[1, :2, :3]]
    together, alone = net(rows, STATES), [net(row, STATES) for row in rows]
    for port, state in together.items():
        assert [s.shape for s in state] == [(4, 3), (2, 3)]
        assert all(np.allclose(a, b[port], atol=1e-6) for a, b in zip(state, alone, strict=True))


@each
def test_variational_weights_are_one_draw_for_the_batch(cls, formula):
    net = net_initialize(cls(3, Dropout=0.5, Input=(4, 2)))
    x = drawn(4, 2).numpy()
    twice = net(np.stack([x, x]), NetEvaluationMode="Train", RandomSeeding=3)
    assert np.array_equal(twice[0], twice[1]) and not np.allclose(twice[0], net(x))
    assert np.allclose(net(x, NetEvaluationMode="Train", RandomSeeding=3), twice[0], atol=1e-6)
    whole = net(np.stack([x, x]), NetPortGradient(All), NetEvaluationMode="Train", RandomSeeding=3)
    single = net(x, NetPortGradient(All), NetEvaluationMode="Train", RandomSeeding=3)
    name = next(name for name in whole if name.endswith("StateWeights"))
    assert np.allclose(whole[name], 2 * single[name], atol=1e-5)
    shared = Run(NetMapOperator(cls(3, Dropout=0.5), Input=(6, 4, 2)), "Train").lowered.noise
    assert [need.shared for need in shared] == [True]
    assert net.to_torch("Train")(torch.from_numpy(x).float().unsqueeze(0)).shape == (1, 4, 3)


@each
def test_gradients_of_each_example_in_train_mode(cls, formula):
    net = net_initialize(cls(2, Dropout={"VariationalWeights": 0.3, "VariationalInput": 0.3}, Input=(3, 2)))
    x = drawn(2, 3, 2).numpy()
    options = {"NetEvaluationMode": "Train", "RandomSeeding": 5}
    name = next(name for name in net.arrays if name.endswith("StateWeights"))
    summed = net(x, NetPortGradient(name), **options)
    apart = net(x, NetPortGradient(name, PerExample=True), **options)
    assert apart.shape == (2, 2, 2) and np.allclose(apart.sum(0), summed, atol=1e-6)


@each
def test_training_on_sequences_of_differing_length(cls, formula):
    """Whether a sequence of numbers holds one above 1 somewhere: the state has to carry it to the end."""
    source = np.random.default_rng(0)
    rows = [source.normal(size=(source.integers(1, 9), 1)).astype(np.float32) for _ in range(200)]
    targets = [bool((row > 1).any()) for row in rows]
    net = NetChain([cls(8, Dropout=0.05), SequenceLastLayer(), LinearLayer(()), "LogisticSigmoid"], Input=("Varying", 1))
    options = {"MaxTrainingRounds": 30, "LearningRate": 0.02, "TrainingProgressReporting": None}
    result = net_train(net, {"Input": rows, "Output": targets}, All, ValidationSet=(rows[:50], targets[:50]), **options)
    losses = result["RoundLossList"]
    assert result["Plan"].execution == "eager" and lower(net).unrolls
    assert losses[-1] < 0.8 * losses[0] and result["ValidationLoss"] < 0.75 * losses[0]


def test_dropout_is_kept_as_pairs_and_saved(tmp_path):
    layer = LongShortTermMemoryLayer(3, Dropout={"StateUpdate": 0.2, "VariationalInput": 0.1, "VariationalState": 0})
    assert layer.Dropout == (("VariationalInput", 0.1), ("StateUpdate", 0.2))
    assert BasicRecurrentLayer(3, Dropout=0.25).Dropout == (("VariationalWeights", 0.25),)
    assert BasicRecurrentLayer(3, Dropout=0) == BasicRecurrentLayer(3, Dropout={}) == BasicRecurrentLayer(3)
    assert BasicRecurrentLayer(3, dropout=("StateUpdate", 0.5)) == BasicRecurrentLayer(3, Dropout=[("StateUpdate", 0.5)])
    net = net_initialize(NetChain([layer], Input=("Varying", 2)))
    net_save(net, tmp_path / "net.safetensors")
    assert net_load(tmp_path / "net.safetensors") == net


def test_torch_modules_hold_the_same_arrays():
    """GRU: the memory gate's bias stands outside the reset product, so it is torch's bias_ih and bias_hh is zero."""
    layer = GatedRecurrentLayer(2, **every_gate("InputGate", "ResetGate", "MemoryGate"), Input=(2, 2))
    gru = torch.nn.GRU(2, 2, batch_first=True)
    with torch.no_grad():
        gru.weight_ih_l0.copy_(torch.tensor(CELL["InputWeights"]).repeat(3, 1))
        gru.weight_hh_l0.copy_(torch.tensor(CELL["StateWeights"]).repeat(3, 1))
        gru.bias_ih_l0.copy_(torch.tensor(CELL["Biases"]).repeat(3))
        gru.bias_hh_l0.zero_()
    assert np.allclose(layer(DATA), gru(torch.tensor([DATA], dtype=torch.float32))[0][0].detach(), atol=1e-6)
