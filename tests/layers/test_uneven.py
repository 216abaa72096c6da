"""A batch of sequences run in parts of similar length: the same results, gradients and states as in one piece."""

from typing import Any

import numpy as np
import pytest
import torch

from netgraph import (
    All,
    BasicRecurrentLayer,
    GatedRecurrentLayer,
    LongShortTermMemoryLayer,
    NetChain,
    SequenceLastLayer,
    SoftmaxLayer,
    net_initialize,
    net_train,
)
from netgraph.layers import recurrent, uneven
from netgraph.layers.uneven import cut, mended, parts_of

LENGTHS = torch.tensor([3, 40, 1, 7, 38, 0, 12, 40])
each = pytest.mark.parametrize("cls", [BasicRecurrentLayer, GatedRecurrentLayer, LongShortTermMemoryLayer])


@pytest.fixture
def eager_to_cut(monkeypatch):
    monkeypatch.setattr(uneven, "PART", 0.0)
    monkeypatch.setattr(recurrent, "_step", lambda kind, x: 0.0)


def parts():
    found = parts_of(torch.zeros(8, 40, 2), LENGTHS, row=1e6, step=0.0)
    assert found is not None
    return found


def test_parts_hold_every_row_once_and_all_its_steps():
    found = parts()
    assert sorted(torch.cat([part.rows for part in found]).tolist()) == list(range(8)) and len(found) > 1
    for part in found:
        assert part.steps == max(1, int(LENGTHS[part.rows].max()))


def test_a_batch_stays_whole_where_parts_would_cost_more():
    x = torch.zeros(8, 40, 2)
    assert parts_of(x, LENGTHS, row=10.0, step=1.0) is None
    assert parts_of(x, LENGTHS, row=1e6, step=1e9) is None
    assert parts_of(x, torch.full((8,), 40), row=1e9, step=0.0) is None


def test_what_records_or_transforms_sees_one_piece():
    x = torch.zeros(8, 40, 2)
    seen = []

    def look(x):
        seen.append(parts_of(x, LENGTHS, row=1e6, step=0.0))
        return x.sum()

    torch.func.grad(look)(x)
    torch.func.vmap(look)(x.unsqueeze(0))
    with torch.autograd.forward_ad.dual_level():
        look(x)
    with torch._subclasses.FakeTensorMode():
        look(torch.zeros(8, 40, 2))
    assert seen == [None] * 4


def test_cut_and_mended_are_each_others_gradient():
    x = torch.randn(8, 40, 2, dtype=torch.float64, requires_grad=True)
    whole = mended(cut(x, parts()), parts(), 40)
    for row, given, length in zip(whole, x, LENGTHS.tolist(), strict=True):
        assert torch.equal(row[:length], given[:length])
    assert torch.autograd.gradcheck(lambda x: mended([p.sin() for p in cut(x, parts())], parts(), 40), (x,))
    assert torch.autograd.gradgradcheck(lambda x: mended([p.sin() for p in cut(x, parts())], parts(), 40), (x,))


@each
@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize("learns", [True, False])
def test_parts_give_what_the_whole_gives(cls, hold, learns, eager_to_cut, monkeypatch):
    kind, gates = cls.kind, len(cls.gates)
    x = torch.randn(8, 40, 2, dtype=torch.float64)
    weights = [torch.randn(3 * gates, n, dtype=torch.float64, requires_grad=True) for n in (2, 3)]
    weights += [torch.randn(3 * gates, dtype=torch.float64, requires_grad=True), torch.zeros(3 * gates, dtype=torch.float64)]
    states = tuple(torch.randn(1, 8, 3, dtype=torch.float64, requires_grad=True) for _ in range(2 if gates == 4 else 1))
    inside = torch.arange(40) < LENGTHS[:, None]
    x[~inside] = torch.nan
    x.requires_grad_(learns)

    def run():
        output, *finals = recurrent.sequence(kind, x, states, tuple(weights), LENGTHS, hold)
        told = [torch.where(inside[..., None], output, 0.0), *(finals[1:] if hold else [])]
        wanted = [*([x] if learns else []), *weights[:3], *states]
        return told, torch.autograd.grad(told, wanted, [value.detach().cos() for value in told])

    counted = []
    monkeypatch.setattr(recurrent, "cut", lambda *given: counted.append(1) or cut(*given))
    (values, gradients), was_cut = run(), bool(counted)
    monkeypatch.setattr(recurrent, "parts_of", lambda *given: None)
    whole, expected = run()
    assert was_cut and len(counted) == 1
    for found, wanted in zip((*values, *gradients), (*whole, *expected), strict=True):
        assert torch.allclose(found, wanted, rtol=1e-10, atol=1e-12)


@each
def test_an_example_gives_what_it_gives_alone(cls, eager_to_cut):
    net = net_initialize(NetChain([cls(5), SequenceLastLayer()], Input=("Varying", 2)))
    rows = [torch.randn(max(1, n), 2).numpy() for n in LENGTHS.tolist()]
    for row, found in zip(rows, net(rows), strict=True):
        assert np.allclose(found, net(row), rtol=1e-6, atol=1e-6)


def test_training_in_parts_goes_on_bit_for_bit(tmp_path, eager_to_cut):
    def data(info):
        lengths = torch.randint(1, 30, (8,), generator=info.Generator).tolist()
        rows = [torch.randn(n, 2, generator=info.Generator) for n in lengths]
        return {"Input": rows, "Output": torch.randint(0, 3, (8,), generator=info.Generator)}

    net = NetChain([LongShortTermMemoryLayer(4), SequenceLastLayer(), 3, SoftmaxLayer()], Input=("Varying", 2))
    words = {"BatchSize": 8, "TrainingProgressReporting": None, "Plan": "Eager"}
    train: Any = net_train
    whole = train(net, data, All, MaxTrainingRounds=9, **words)
    every = ("Directory", tmp_path, {"Interval": (1, "Batches")})
    train(net, data, All, MaxTrainingRounds=5, TrainingProgressCheckpointing=every, **words)
    resumed = train(net, data, All, MaxTrainingRounds=9, Resume=tmp_path, TrainingProgressReporting=None)
    assert whole["BatchLossList"] == resumed["BatchLossList"] and whole["TrainedNet"] == resumed["TrainedNet"]
