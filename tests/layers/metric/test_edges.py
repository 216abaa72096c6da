"""Every loss on classes where something is missing, equal, zero or huge: finite, and 0 where nothing can be said."""

import math

import pytest
import torch

from netgraph import *
from netgraph.layers.metric.frame import PairLoss
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as
from tests.layers.metric.peers import assert_equal, batch, ours
from tests.layers.rows_metric import ROWS

# a layer with a state of its own is in test_adaptive.py
COUPLED = [row.layer for row in ROWS if isinstance(row.layer, PairLoss) and not isinstance(row.layer, DynamicSoftMarginLossLayer)]
LAYERS = list(dict.fromkeys(layer for layer in COUPLED if layer.TargetForm == "Class" and not layer.Weighted))
PLAIN = [layer for layer in LAYERS if not (isinstance(layer, PNLossLayer) and layer.Release is not Automatic)]


def arrays_of(layer):
    if not (isinstance(layer, MarginLossLayer) and layer.LearnBeta):
        return ()
    return (torch.full((3,) if layer.Classes == 3 else (), 1.2, dtype=torch.float64),)


def run(layer, x, y):
    return ours(layer, x, y, arrays=arrays_of(layer))


def finite(pair):
    return all(torch.isfinite(value).all() for value in pair)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
class TestEdges:
    def test_one_class(self, layer):
        x, _ = batch(6)
        assert finite(run(layer, x, torch.zeros(6, dtype=torch.int64)))

    def test_all_singletons(self, layer):
        x, _ = batch(3)
        assert finite(run(layer, x, torch.arange(3)))

    def test_one_item(self, layer):
        x, y = batch(1)
        assert finite(run(layer, x, y * 0))

    def test_equal_items(self, layer):
        x = torch.ones(8, 6, dtype=torch.float64)
        assert finite(run(layer, x, torch.arange(8) % 3))

    def test_zero_vectors(self, layer):
        x, y = batch(8, classes=3)
        x[:4] = 0
        assert finite(run(layer, x, y)) and finite(run(layer, x * 0, y))

    def test_opposite_vectors(self, layer):
        x = torch.tensor([[1.0, 0], [-1, 0], [1, 0], [0, 1], [0, -1], [0, 1]], dtype=torch.float64)
        assert finite(run(layer, x, torch.tensor([0, 0, 1, 1, 2, 2])))

    def test_half_precision(self, layer):
        x, y = batch(12, classes=3)
        x = torch.nn.functional.normalize(x)
        exact, half = run(layer, x.half().double(), y), ours(layer, x.half(), y, arrays=tuple(a.float() for a in arrays_of(layer)))
        torch.testing.assert_close(half[0].double(), exact[0], rtol=1e-4, atol=1e-5)
        assert finite(half) and half[0].dtype == torch.float32

    def test_large_values_of_half_precision(self, layer):
        x, y = batch(12, classes=3)
        large = (x * 15000).clamp(-65504, 65504).half()
        assert finite(ours(layer, large, y, arrays=tuple(a.float() for a in arrays_of(layer))))


@pytest.mark.parametrize("layer", [layer for layer in PLAIN if not isinstance(layer, InstanceLossLayer)], ids=repr)
def test_without_positives_and_negatives_the_loss_is_zero(layer):
    x, _ = batch(1)
    loss, gradient = run(layer, x, torch.zeros(1, dtype=torch.int64))
    assert (loss == 0 or (isinstance(layer, MarginLossLayer) and layer.Nu)) and not gradient.any()


@pytest.mark.parametrize("layer", PLAIN, ids=repr)
def test_the_order_of_the_batch_does_not_matter(layer):
    if isinstance(layer, (NPairsLossLayer, InstanceLossLayer)):
        return  # what an item is for depends on its place
    x, y = batch(10, classes=3)
    order = torch.randperm(10, generator=torch.Generator().manual_seed(1))
    loss, gradient = run(layer, x, y)
    assert_equal((loss, gradient[order]), run(layer, x[order], y[order]))


RELATED = [layer for layer in PLAIN if not isinstance(layer, (NPairsLossLayer, InstanceLossLayer, MarginLossLayer))]


@pytest.mark.parametrize("layer", RELATED, ids=repr)
def test_a_relation_that_says_what_classes_say(layer):
    x, y = batch(10, classes=3)
    relation = (y.unsqueeze(1) == y).double()
    related = type(layer)(
        **{name: getattr(layer, name) for name in layer.schema_of().fields if name != "TargetForm"}, TargetForm="Relation"
    )
    assert_equal(run(layer, x, y), ours(related, x, relation))


def test_ignored_pairs_are_neither():
    x, y = batch(10, classes=3)
    relation = (y.unsqueeze(1) == y).double()
    relation[:, 9] = relation[9, :] = -1
    loss, gradient = ours(SupConLossLayer(TargetForm="Relation"), x, relation)
    alone, own = ours(SupConLossLayer(), x[:9], y[:9])
    assert_equal((loss, gradient[:9]), (alone, own))
    assert not gradient[9].any()


def test_a_positive_number_is_how_much_a_pair_counts():
    x = batch(4)[0]
    relation = torch.tensor([[0, 2.0, 1, 0], [2, 0, 0, 1], [1, 0, 0, 3], [0, 1, 3, 0]], dtype=torch.float64)
    unit = torch.nn.functional.normalize(x)
    s = (unit @ unit.T / 0.5).fill_diagonal_(-math.inf)
    log = s.log_softmax(1).masked_fill(torch.eye(4, dtype=torch.bool), 0)
    expected = -(relation * log).sum(1) / relation.sum(1)
    torch.testing.assert_close(ours(SupConLossLayer(0.5, TargetForm="Relation"), x, relation)[0], expected.mean())


def test_a_relation_has_a_number_for_each_item():
    forward = lower(typed_as(NTXentLossLayer(TargetForm="Relation"), {"Input": 2, "Target": 3}), "Test").forward
    with pytest.raises(NetError) as caught:
        forward((torch.zeros(4, 2), torch.zeros(4, 3)), (), (), (), (), None)
    assert str(caught.value) == "NTXentLossLayer: Target wants a row of 4 numbers, one for each item of the batch, got 3"


@pytest.mark.parametrize("layer", [TripletLossLayer, SupConLossLayer, NTXentLossLayer, PairContrastiveLossLayer])
@pytest.mark.parametrize("reduction", ["All", "Valid", "Active"])
def test_whole_weights_are_repeated_terms(layer, reduction):
    """A weight multiplies the losses of an item as anchor, and the divisor counts it."""
    x, y = batch(9, classes=3)
    weight = torch.tensor([1.0, 2, 0, 1, 3, 1, 1, 0, 1], dtype=torch.float64)
    plain = layer(Reduction=reduction)
    forward = lower(typed_as(plain, {"Input": 6}), "Train", wanted=[((), "Loss")]).forward
    losses = forward((x, y), (), (), (), (), None)[0][0]
    weighted = ours(layer(Reduction=reduction, Weighted=True), x, y, weight)[0]
    if layer is SupConLossLayer:
        partnered = (y.unsqueeze(1) == y).sum(1) > 1
        counted = {"All": torch.ones(9), "Valid": partnered, "Active": losses > 0}[reduction].double()
        torch.testing.assert_close(weighted, (losses * weight).sum() / 9 * counted.sum() / (weight * counted).sum())
    assert torch.isfinite(weighted) and weighted != losses.mean()
    torch.testing.assert_close(ours(layer(Reduction=reduction, Weighted=True), x, y, torch.ones(9, dtype=torch.float64))[0], losses.mean())
