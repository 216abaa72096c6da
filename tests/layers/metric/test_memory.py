"""Losses that remember earlier batches: against pytorch-metric-learning step by step, and by the definition."""

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses, miners

from netgraph import *
from netgraph.layers.metric import blocks, frame
from netgraph.layers.metric.frame import PairLoss
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as
from tests.layers.metric.peers import assert_equal, batch, ours
from tests.layers.rows_metric import ROWS

SIZE = 6


class Steps:
    """A loss and its states, batch after batch."""

    def __init__(self, layer, mode="Train", dtype=torch.float64):
        self.lowered = lower(typed_as(layer, {"Input": SIZE}), mode)
        count = layer.MemorySize
        start = (torch.zeros(count, SIZE, dtype=dtype), torch.full((count,), -1.0, dtype=dtype), torch.zeros((), dtype=dtype))
        self.states = start[: len(self.lowered.states)]
        self.arrays = (torch.full((), 1.2, dtype=dtype),) * len(self.lowered.arrays)

    def __call__(self, x, y, valid=None, *rest):
        x = x.clone().requires_grad_()
        outputs, self.states = self.lowered.forward((x, y, *rest), self.arrays, self.states, (), (), valid)
        loss = outputs[0].mean()
        return loss.detach(), torch.autograd.grad(loss, x, materialize_grads=True)[0]


def memory(size=20, **options):
    return CrossBatchMemory(size, **options)


PAIRS = [
    (NTXentLossLayer(0.5), losses.NTXentLoss(0.5), None),
    (SupConLossLayer(), losses.SupConLoss(), None),
    (MultiSimilarityLossLayer(), losses.MultiSimilarityLoss(), None),
    (
        MultiSimilarityLossLayer(Miner=MultiSimilarityMiner(0.1)),
        losses.MultiSimilarityLoss(),
        miners.MultiSimilarityMiner(0.1),
    ),
    (TripletLossLayer(), losses.TripletMarginLoss(), None),
    (TripletLossLayer(0.3, Miner="BatchHardMiner"), losses.TripletMarginLoss(0.3), miners.BatchHardMiner()),
    (
        TripletLossLayer(0.3, Miner=TripletMarginMiner("SemiHard", 0.1)),
        losses.TripletMarginLoss(0.3),
        miners.TripletMarginMiner(0.1, "semihard"),
    ),
    (PairContrastiveLossLayer(), losses.ContrastiveLoss(), None),
    (
        PairContrastiveLossLayer(Miner=PairMarginMiner(0.9, 1.3)),
        losses.ContrastiveLoss(),
        miners.PairMarginMiner(0.9, 1.3),
    ),
    (CircleLossLayer(), losses.CircleLoss(), None),
    (MarginLossLayer(Beta=1.25), losses.MarginLoss(beta=1.25), None),
    (IntraPairVarianceLossLayer(), losses.IntraPairVarianceLoss(), None),
    (SignalToNoiseRatioContrastiveLossLayer(), losses.SignalToNoiseRatioContrastiveLoss(), None),
    (TupletMarginLossLayer(), losses.TupletMarginLoss(), None),
    (AngularLossLayer(), losses.AngularLoss(), None),
]  # fmt: skip


@pytest.mark.parametrize("layer, loss, miner", PAIRS, ids=lambda value: repr(value) if hasattr(value, "Reduction") else "")
def test_steps_are_those_of_the_package(layer, loss, miner):
    """The memory is empty, half full, full, and overwritten. Of a batch that does not fit whole the package keeps the other end."""
    layer = layer.replaced(fields={"Memory": memory(24)})
    other, mine = losses.CrossBatchMemory(loss, SIZE, 24, miner), Steps(layer)
    for seed in range(6):
        x, y = batch(8, SIZE, 3, seed)
        free = x.clone().requires_grad_()
        value = other(free, y)
        expected = (value.detach(), torch.autograd.grad(value, free, materialize_grads=True)[0])
        assert_equal(mine(x, y), expected)


def mask_of(items, count, seed):
    """A mask with `count` items, drawn."""
    return torch.randperm(items, generator=torch.Generator().manual_seed(seed)) < count


@pytest.mark.parametrize("layer, loss, miner", PAIRS, ids=lambda value: repr(value) if hasattr(value, "Reduction") else "")
def test_steps_with_a_mask_are_those_of_the_package(layer, loss, miner):
    """Some items are queued, the others anchors; the memory fills and is overwritten. The package takes it for full where none is queued
    before it is, and of a batch that does not fit whole it keeps the other end."""
    layer = layer.replaced(fields={"Memory": memory(12, EnqueueMask=True)})
    other, mine, stored = losses.CrossBatchMemory(loss, SIZE, 12, miner), Steps(layer), 0
    for seed, count in enumerate((4, 4, 4, 4, 0, 4, 8, 4, 0)):
        x, y = batch(12, SIZE, 3, seed)
        mask = mask_of(12, count, seed)
        free = x.clone().requires_grad_()
        value = other(free, y, enqueue_mask=mask)
        expected = (value.detach(), torch.autograd.grad(value, free, materialize_grads=True)[0])
        found = mine(x, y, None, mask)
        assert_equal(found, expected)
        stored += int(mask.sum())
        assert not found[1][mask].any() and (mine.states[1] >= 0).sum() == min(stored, 12)


@pytest.mark.parametrize("layer", [NTXentLossLayer(0.5), TripletLossLayer(Miner="HDCMiner")], ids=repr)
def test_blocks_of_anchors_are_the_whole(layer, monkeypatch):
    layer = layer.replaced(fields={"Memory": memory(Gradient="Both", EnqueueMask=True)})
    whole, blocked = Steps(layer), Steps(layer)
    given = [(*batch(9, SIZE, 3, seed), None, mask_of(9, 4, seed)) for seed in range(2)]
    expected = [whole(*step) for step in given]
    assert all(step[3].any() and wanted[1][step[3]].any() for step, wanted in zip(given, expected, strict=True))
    monkeypatch.setattr(frame, "block_size", lambda count, depth: 4)
    for step, wanted in zip(given, expected, strict=True):
        assert_equal(blocked(*step), wanted, 1e-12)


def test_masked_items_are_stored_newest_first_but_not_padded_ones():
    mine, (x, y) = Steps(SupConLossLayer(Memory=memory(6, EnqueueMask=True))), batch(8, SIZE, 3)
    mask = torch.tensor([True, False, True, True, False, True, False, True])
    valid = torch.tensor([True, True, False, True, True, True, True, True])
    mine(x, y, valid, mask)
    assert torch.equal(mine.states[0][:4], x[mask & valid]) and mine.states[1].tolist() == [*y[mask & valid], -1, -1]
    mine(x + 1, y, None, mask)
    assert torch.equal(mine.states[0], torch.cat((x[mask] + 1, x[:1])))


def test_in_use_anchors_meet_the_masked_items_of_the_batch():
    (x, y), mask = batch(10, SIZE, 2), torch.arange(10) % 2 == 0
    mine = Steps(NTXentLossLayer(0.5, Memory=memory(EnqueueMask=True)), "Test")
    free = x.clone().requires_grad_()
    value = losses.NTXentLoss(0.5)(free[~mask], y[~mask], ref_emb=free[mask], ref_labels=y[mask])
    assert_equal(mine(x, y, None, mask), (value.detach(), torch.autograd.grad(value, free)[0]))
    assert not mine.states[0].any()


LAYERS = [row.layer for row in ROWS if isinstance(row.layer, PairLoss) and row.layer.TargetForm == "Class" and not row.layer.Weighted]
REMEMBERING = [
    layer for layer in dict.fromkeys(LAYERS) if layer.remembers and not (layer.Miner and layer.Miner.random) and not hasattr(layer, "Beta")
]


@pytest.mark.parametrize("layer", REMEMBERING, ids=repr)
def test_the_first_batch_is_that_without_memory(layer):
    """With the gradient of both sides, and for any loss; later ones and the states stay finite."""
    x, y = batch(9, SIZE, 3)
    mine = Steps(layer.replaced(fields={"Memory": memory(Gradient="Both")}))
    assert_equal(mine(x, y), ours(layer, x, y))
    for seed in range(1, 4):
        assert all(value.isfinite().all() for value in (*mine(*batch(9, SIZE, 3, seed)), *mine.states))


@pytest.mark.parametrize("gradient", ["Rows", "Both"])
@pytest.mark.parametrize("kept", [0, 2**23], ids=["anew", "kept"])
@pytest.mark.parametrize("layer", REMEMBERING, ids=repr)
def test_blocks_are_the_whole(layer, kept, gradient, monkeypatch):
    batches = [batch(9, SIZE, 3, seed) for seed in range(2)]
    layer = layer.replaced(fields={"Memory": memory(Gradient=gradient)})
    whole, blocked = Steps(layer), Steps(layer)
    expected = [whole(*given) for given in batches]
    monkeypatch.setattr(frame, "block_size", lambda count, depth: 4)
    monkeypatch.setattr(blocks, "KEPT", kept)
    for given, wanted in zip(batches, expected, strict=True):
        assert_equal(blocked(*given), wanted, 1e-12)


def test_the_gradient_of_both_sides():
    layer = SupConLossLayer(0.5, Memory=memory(Gradient="Both"))
    mine = Steps(layer)
    first, second = batch(8, SIZE, 3, 0), batch(8, SIZE, 3, 1)
    mine(*first)
    x = second[0].clone().requires_grad_()
    keys, labels = torch.cat((x, first[0])), torch.cat((second[1], first[1]))
    unit = torch.nn.functional.normalize
    s = (unit(x) @ unit(keys).T / 0.5).masked_fill(torch.eye(8, 16, dtype=torch.bool), -torch.inf)
    same = (second[1].unsqueeze(1) == labels) & ~torch.eye(8, 16, dtype=torch.bool)
    log = torch.where(same, s.log_softmax(1), 0.0)
    each = -log.sum(1) / same.sum(1)
    loss = each.sum() / (each > 0).sum()
    assert_equal(mine(*second), (loss.detach(), torch.autograd.grad(loss, x)[0]))


def test_newest_first_and_the_oldest_go():
    mine = Steps(SupConLossLayer(Memory=memory()))
    batches = [batch(8, SIZE, 3, seed) for seed in range(3)]
    for x, y in batches:
        mine(x, y)
    newest = torch.cat([x for x, _ in reversed(batches)])[:20], torch.cat([y for _, y in reversed(batches)])[:20]
    assert torch.equal(mine.states[0], newest[0]) and torch.equal(mine.states[1], newest[1].double())


def test_a_batch_larger_than_the_memory():
    x, y = batch(30, SIZE, 3)
    mine = Steps(SupConLossLayer(Memory=memory(Gradient="Both")))
    for _ in range(2):
        assert_equal(mine(x, y), ours(SupConLossLayer(), x, y))
    assert torch.equal(mine.states[1], y[:20].double())


def test_nothing_is_stored_while_warming_up():
    mine = Steps(SupConLossLayer(Memory=memory(WarmUp=2, Gradient="Both")))
    for seed in range(3):
        x, y = batch(8, SIZE, 3, seed)
        assert_equal(mine(x, y), ours(SupConLossLayer(), x, y))
        assert (mine.states[1] >= 0).sum() == (8 if seed == 2 else 0) and mine.states[2] == min(seed + 1, 2)


def test_padded_items_are_not_stored():
    x, y = batch(8, SIZE, 3)
    valid = torch.tensor([True, False, True, True, False, True, True, True])
    padded, plain = Steps(SupConLossLayer(Memory=memory())), Steps(SupConLossLayer(Memory=memory()))
    for _ in range(3):
        a, b = padded(torch.where(valid.unsqueeze(1), x, 1e3), y, valid), plain(x[valid], y[valid])
        assert_equal((a[0], a[1][valid]), b)
    assert all(map(torch.equal, padded.states, plain.states))


def test_in_use_the_batch_is_alone_and_the_memory_stays():
    x, y = batch(8, SIZE, 3)
    mine = Steps(SupConLossLayer(Memory=memory()), "Test")
    mine.states = (torch.randn(20, SIZE, dtype=torch.float64), torch.zeros(20, dtype=torch.float64))
    before = mine.states
    assert_equal(mine(x, y), ours(SupConLossLayer(), x, y))
    assert all(map(torch.equal, before, mine.states))


def test_places_beyond_the_batch_are_in_the_memory():
    layer = TripletLossLayer(Memory=memory(), Distance="EuclideanDistance")
    lowered = lower(typed_as(layer, {"Input": 2}), "Train", wanted=[((), "Positive"), ((), "Negative")])
    old = torch.zeros(20, 2).index_copy(0, torch.tensor([0, 1]), torch.tensor([[5.0, 0], [0.2, 0]]))
    classes = torch.full((20,), -1.0).index_copy(0, torch.tensor([0, 1]), torch.tensor([0.0, 1.0]))
    (positive, negative), _ = lowered.forward((torch.tensor([[0.0, 0], [1, 0]]), torch.tensor([0, 0])), (), (old, classes), (), (), None)
    assert positive.tolist() == [2, 2] and negative.tolist() == [3, 3]


def test_views_have_a_memory_of_negatives():
    mine = lower(typed_as(SupConLossLayer(0.5, TargetForm="View", Memory=memory(Gradient="Both")), {"Input": (2, SIZE)}), "Train")
    states = (torch.zeros(20, SIZE, dtype=torch.float64), torch.full((20,), -1.0, dtype=torch.float64))
    first, second = (batch(8, SIZE, seed=seed)[0].unflatten(0, (4, 2)) for seed in (0, 1))
    _, states = mine.forward((first,), (), states, (), (), None)
    (losses_, *_), _ = mine.forward((second,), (), states, (), (), None)
    relation = torch.zeros(16, 16, dtype=torch.float64)
    for i in range(8):
        relation[i, i ^ 1] = 1
    keys = torch.cat((second.flatten(0, 1), first.flatten(0, 1)))
    forward = lower(typed_as(SupConLossLayer(0.5, TargetForm="Relation"), {"Input": SIZE}), "Train").forward
    wanted = forward((keys, relation), (), (), (), (), None)[0][0][:8] * 8 / 16
    torch.testing.assert_close(losses_, wanted.unflatten(0, (4, 2)).mean(1))


def test_the_memory_of_references():
    """With the first views as anchors the other views alone are stored, and stand beside those of the batch."""
    layer = typed_as(SupConLossLayer(0.5, TargetForm="View", Symmetric=False, Memory=memory(6)), {"Input": (2, SIZE)})
    mine = lower(layer, "Train")
    states = (torch.zeros(6, SIZE, dtype=torch.float64), torch.full((6,), -1.0, dtype=torch.float64))
    first, second = (batch(8, SIZE, seed=seed)[0].unflatten(0, (4, 2)) for seed in (0, 1))
    _, states = mine.forward((first,), (), states, (), (), None)
    assert torch.equal(states[0][:4], first[:, 1]) and states[1].tolist() == [0, 1, 2, 3, -1, -1]
    x = second.clone().requires_grad_()
    (found, *_), states = mine.forward((x,), (), states, (), (), None)
    assert torch.equal(states[0], torch.cat((second[:, 1], first[:2, 1])))
    free = second[:, 0].clone().requires_grad_()
    unit = torch.nn.functional.normalize
    s = unit(free) @ unit(torch.cat((second[:, 1], first[:2, 1]))).T / 0.5
    wanted = torch.nn.functional.cross_entropy(s, torch.arange(4), reduction="none")
    torch.testing.assert_close(found, wanted)
    (gradient,) = torch.autograd.grad(found.mean(), x)
    torch.testing.assert_close(gradient[:, 0], torch.autograd.grad(wanted.mean(), free)[0])
    assert not gradient[:, 1].any()


def data(items=64):
    source = np.random.default_rng(0)
    y = np.arange(items) % 8
    return {"Input": (np.eye(8, 5)[y] + source.normal(0, 0.3, (items, 5))).astype(np.float32), "Target": y}


def test_the_mask_is_a_column_of_the_data():
    """Half of the items are queued: of a round of 64 32 are remembered, the anchors are not."""
    net = net_initialize(NetChain([LinearLayer(3)], Input=5), RandomSeeding=1)
    mask = np.arange(64) // 8 % 2 == 0
    loss = SupConLossLayer(Memory=CrossBatchMemory(48, EnqueueMask=True))
    result = net_train(net, {**data(), "EnqueueMask": mask}, All, MaxTrainingRounds=1, **{**OPTIONS, "LossFunction": loss})
    assert (result["TrainingNet"].arrays["loss/MemoryClasses"] >= 0).sum() == 32 and result["TrainedNet"] != net


LOSS = SupConLossLayer(Memory=CrossBatchMemory(32))
OPTIONS = {"LossFunction": LOSS, "BatchSize": 8, "RandomSeeding": 2, "TrainingProgressReporting": None}


def test_training_fills_the_memory_and_goes_on_from_a_checkpoint(tmp_path):
    net = net_initialize(NetChain([LinearLayer(3)], Input=5), RandomSeeding=1)
    whole = net_train(net, data(), All, MaxTrainingRounds=4, **OPTIONS)
    states = whole["TrainingNet"].arrays
    assert (states["loss/MemoryClasses"] >= 0).all() and states["loss/MemoryEmbeddings"].any()
    file = tmp_path / "half.safetensors"
    net_train(net, data(), MaxTrainingRounds=2, TrainingProgressCheckpointing=("File", file), **OPTIONS)
    resumed = net_train(net, data(), All, MaxTrainingRounds=4, Resume=file, **OPTIONS)
    assert resumed["TrainingNet"] == whole["TrainingNet"] and resumed["TrainedNet"] == whole["TrainedNet"]
    assert net_train(net, data(), MaxTrainingRounds=4, **{**OPTIONS, "LossFunction": SupConLossLayer()}) != whole["TrainedNet"]
