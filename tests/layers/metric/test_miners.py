"""Miners that look at the whole batch or draw at random, and what every miner must do."""

import itertools

import pytest
import torch
from pytorch_metric_learning import losses, miners

from netgraph import *
from netgraph.layers.metric.batch import Block, Items, pair_masks
from netgraph.layers.metric.mining import Miner
from netgraph.lower.forward import lower
from netgraph.spec.setting import kinds
from tests.layers.harness import typed_as
from tests.layers.metric.peers import assert_equal, batch, ours, theirs

MINERS = [cls() for cls in kinds(Miner).values()]


@pytest.mark.parametrize("miner", MINERS, ids=repr)
@pytest.mark.parametrize("classes", [[0] * 6, list(range(6)), [0, 0, 1, 1, 2, 2], [0]], ids=["one", "singles", "pairs", "alone"])
def test_every_miner_survives_what_is_missing(miner, classes):
    x, _ = batch(len(classes))
    if len(classes) % 3 and isinstance(miner, PackagedTripletsMiner):
        return
    for loss in (TripletLossLayer(Miner=miner), SupConLossLayer(Miner=miner)):
        assert all(torch.isfinite(value).all() for value in ours(loss, x, torch.tensor(classes)))


@pytest.mark.parametrize("miner", MINERS, ids=repr)
def test_every_miner_compiles_and_ignores_padding(miner):
    x, y = batch(12, classes=3)
    forward = lower(typed_as(SupConLossLayer(Miner=miner), {"Input": 6}), "Test", wanted=[((), "Loss")]).forward
    torch._dynamo.reset()
    compiled = torch.compile(forward, fullgraph=True, backend="eager", dynamic=False)
    valid = torch.arange(12) < 9
    arguments = ((x, y), (), (), (), (), valid)
    (padded,), _ = forward(*arguments)
    torch.testing.assert_close(compiled(*arguments)[0][0], padded)
    if not miner.random:
        (alone,), _ = forward((x[:9], y[:9]), (), (), (), (), None)
        torch.testing.assert_close(padded.mean(), alone.mean())


def test_packaged_triplets_want_all_three():
    x, y = batch(8)
    with pytest.raises(NetError) as caught:
        ours(TripletLossLayer(Miner=PackagedTripletsMiner()), x, y)
    assert str(caught.value) == "PackagedTripletsMiner(): a batch of triplets wants a multiple of 3 items, got 8"
    x, y = batch(9)
    layer = TripletLossLayer(1, Miner=PackagedTripletsMiner())
    loss, gradient = ours(layer, x, y, valid=torch.arange(9) != 4)
    assert (gradient[3:6] == 0).all() and (gradient[[0, 1, 2, 6, 7, 8]] != 0).any(1).all()
    kept = torch.tensor([0, 1, 2, 6, 7, 8])
    assert_equal((loss, gradient[kept]), ours(layer, x[kept], y[kept]))


def test_the_hardest_share_of_all_pairs_is_that_of_the_package():
    x, _ = batch(16)
    y = torch.arange(16) // 2  # an even number of pairs is kept: the two orders of a pair are equally hard
    mine, other = HDCMiner(0.5), miners.HDCMiner(0.5)
    assert_equal(ours(PairContrastiveLossLayer(Miner=mine), x, y), theirs(losses.ContrastiveLoss(), x, y, other))


def pairs(miner, x, y, draws=None):
    """The masks that a miner keeps, through a loss that counts its pairs."""
    layer = typed_as(PairContrastiveLossLayer(-10, 10, Miner=miner), {"Input": x.shape[1]})
    low = lower(layer, "Train", wanted=[((), "Loss"), ((), "Positive"), ((), "Negative")])
    noise = tuple(draws for _ in low.noise)
    return low.forward((x, y), (), (), noise, (), None)[0]


@pytest.mark.parametrize("miner", [miner for miner in MINERS if miner.random], ids=repr)
def test_random_miners_use_the_numbers_of_the_step(miner):
    x, y = batch(40, size=3, classes=4)
    source = torch.Generator().manual_seed(0)
    lots = [torch.rand(40, generator=source, dtype=torch.float64) for _ in range(2)]
    first, again, other = (pairs(miner, x, y, lot) for lot in (lots[0], lots[0], lots[1]))
    assert all(map(torch.equal, first, again)) and not all(map(torch.equal, first, other))
    layer = TripletLossLayer(Miner=miner)
    data = {"Input": x.float().numpy(), "Target": y.numpy()}
    assert (layer(data)["Negative"] == layer(data)["Negative"]).all()


def test_negatives_are_drawn_by_their_weights():
    """Over many draws the share of each negative is its weight's."""
    source = torch.Generator().manual_seed(0)
    x = torch.nn.functional.normalize(torch.randn(12, 4, generator=source, dtype=torch.float64))
    y = torch.tensor([0, 0, *range(1, 11)])
    d = torch.cdist(x[:1], x)[0].clamp_min(0.5)
    weights = torch.where((y != 0) & (d < 1.4), d**-2 * (1 - d**2 / 4) ** -0.5, 0.0)
    counts = torch.zeros(12)
    low = lower(typed_as(TripletLossLayer(Miner=DistanceWeightedMiner()), {"Input": 4}), "Train", wanted=[((), "Negative")])
    for number in range(400):
        lots = torch.full((12,), (number + 0.5) / 400, dtype=torch.float64)
        counts[low.forward((x, y), (), (), (lots,), (), None)[0][0][0]] += 1
    torch.testing.assert_close(counts / 400, (weights / weights.sum()).float(), atol=0.006, rtol=0)


def test_a_histogram_takes_as_many_from_each_bin():
    x, y = batch(60, classes=3)
    columns = LpDistance().prepare(x)
    d = LpDistance().between(columns, columns)
    items = Items(x, y, None)
    positive, negative, _ = pair_masks(items, 0, 60)
    block = Block(0, x, x, columns, columns, positive, negative, None, None)
    for mask, kept, most in zip((positive, negative), UniformHistogramMiner(5, 4, 3).facts(d, block, items), (4, 3), strict=True):
        assert not (kept & ~mask).any()
        edges = torch.linspace(float(d[mask].min()), float(d[mask].max()), 6, dtype=torch.float64)
        for low, high in itertools.pairwise(edges):
            inside = (d >= low) & (d < high) if high < edges[-1] else (d >= low)
            assert (kept & inside).sum() == min(most, (mask & inside).sum())


REGULARIZERS = [
    (LpRegularizer(), "LpRegularizer", {}),
    (LpRegularizer(1, 2), "LpRegularizer", {"p": 1, "power": 2}),
    (ZeroMeanRegularizer(), "ZeroMeanRegularizer", {}),
    (CenterInvariantRegularizer(), "CenterInvariantRegularizer", {}),
    (RegularFaceRegularizer(), "RegularFaceRegularizer", {}),
]


@pytest.mark.parametrize("mine, name, options", REGULARIZERS, ids=lambda value: repr(value) if isinstance(value, tuple) else "")
def test_regularizers_are_those_of_the_package(mine, name, options):
    from pytorch_metric_learning import regularizers

    x, y = batch(12)
    other = losses.SupConLoss(embedding_regularizer=getattr(regularizers, name)(**options), embedding_reg_weight=0.3)
    assert_equal(ours(SupConLossLayer(Regularizer=mine, RegularizerWeight=0.3), x, y), theirs(other, x, y))
    padded = torch.cat((x, x + 1)), torch.cat((y, y))
    loss = ours(SupConLossLayer(Regularizer=mine), *padded, valid=torch.arange(24) < 12)[0]
    torch.testing.assert_close(loss, ours(SupConLossLayer(Regularizer=mine), x, y)[0])


def test_centres_of_a_class_fall_together():
    from pytorch_metric_learning import regularizers

    rows = batch(12)[0]
    other = regularizers.SparseCentersRegularizer(4, 3)(rows)
    mine = SparseCentersRegularizer(3).costs(rows, torch.ones(12, dtype=torch.bool)).mean()
    torch.testing.assert_close(mine, other, rtol=1e-7, atol=1e-7)
