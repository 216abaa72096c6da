"""Losses with learned class vectors: against pytorch-metric-learning, and where vectors are equal, opposite, zero or huge."""

import numpy as np
import pytest
import torch
from pytorch_metric_learning import distances, losses, regularizers

from netgraph import *
from netgraph.layers.metric.class_vectors import ClassVectorLoss
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as
from tests.layers.metric.peers import assert_equal, batch
from tests.layers.rows_metric_vectors import ROWS

CLASSES, SIZE = 4, 6
LAYERS = [row.layer for row in ROWS if isinstance(row.layer, ClassVectorLoss) and not row.layer.Weighted]


def vectors(layer, seed=5):
    """Random class vectors in the layer's shape."""
    centers = (layer.Centers,) if hasattr(layer, "Centers") else ()
    return torch.randn(CLASSES, *centers, SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ours(layer, x, y, weights, *rest, valid=None):
    """(reduced loss, gradient of the embeddings, gradient of the class vectors)."""
    typed = typed_as(layer.replaced(fields={"Classes": CLASSES}), {"Input": x.shape[1]})
    forward = lower(typed, "Train", wanted=[((), "Loss")]).forward
    x, weights = x.detach().clone().requires_grad_(), weights.detach().clone().requires_grad_()
    loss = forward((x, y, *rest), (weights,), (), (), (), valid)[0][0].mean()
    return (loss.detach(), *torch.autograd.grad(loss, (x, weights)))


def theirs(loss, x, y, weights):
    """The same of a package's loss, whose class vectors are columns of `W`, `fc` or `weight`, or the rows `proxies`."""
    (array,) = loss.parameters()
    columns = not hasattr(loss, "proxies")
    rows = weights.flatten(0, -2)
    array.data = rows.T.contiguous() if columns else rows.clone()
    x = x.detach().clone().requires_grad_()
    value = loss(x, y)
    gradients = torch.autograd.grad(value, (x, array))
    return value.detach(), gradients[0], (gradients[1].T if columns else gradients[1]).reshape(weights.shape)


SIZES = {"num_classes": CLASSES, "embedding_size": SIZE}
LP, COSINE = distances.LpDistance, distances.CosineSimilarity
PAIRS = [
    (NormalizedSoftmaxLossLayer(), losses.NormalizedSoftmaxLoss, {}),
    (NormalizedSoftmaxLossLayer(Automatic, 0.5, Distance="LpDistance"), losses.NormalizedSoftmaxLoss, {"temperature": 0.5, "distance": LP}),
    (ArcFaceLossLayer(), losses.ArcFaceLoss, {}),
    (ArcFaceLossLayer(Automatic, 100, 3), losses.ArcFaceLoss, {"margin": 100, "scale": 3}),
    (SubCenterArcFaceLossLayer(), losses.SubCenterArcFaceLoss, {}),
    (CosFaceLossLayer(), losses.CosFaceLoss, {}),
    (LargeMarginSoftmaxLossLayer(), losses.LargeMarginSoftmaxLoss, {}),
    (LargeMarginSoftmaxLossLayer(Automatic, 3, 0.5), losses.LargeMarginSoftmaxLoss, {"margin": 3, "scale": 0.5}),
    (LargeMarginSoftmaxLossLayer(Automatic, 1), losses.LargeMarginSoftmaxLoss, {"margin": 1}),
    (SphereFaceLossLayer(), losses.SphereFaceLoss, {}),
    (ProxyNCALossLayer(), losses.ProxyNCALoss, {}),
    (ProxyNCALossLayer(Automatic, 3, Distance="CosineSimilarity"), losses.ProxyNCALoss, {"softmax_scale": 3, "distance": COSINE}),
    (ProxyAnchorLossLayer(), losses.ProxyAnchorLoss, {}),
    (ProxyAnchorLossLayer(Automatic, 0.3, 4, Distance="LpDistance"), losses.ProxyAnchorLoss, {"margin": 0.3, "alpha": 4, "distance": LP}),
    (SoftTripleLossLayer(), losses.SoftTripleLoss, {}),
    (
        SoftTripleLossLayer(Automatic, 3, Margin=0.2, Scale=5, Gamma=0.5),
        losses.SoftTripleLoss,
        {"centers_per_class": 3, "margin": 0.2, "la": 5, "gamma": 0.5},
    ),
    *[
        (
            CosFaceLossLayer(VectorRegularizer=mine, VectorRegularizerWeight=0.3),
            losses.CosFaceLoss,
            {"weight_regularizer": other, "weight_reg_weight": 0.3},
        )
        for mine, other in (
            (LpRegularizer(), regularizers.LpRegularizer),
            (LpRegularizer(3, 2), lambda: regularizers.LpRegularizer(3, 2)),
            (ZeroMeanRegularizer(), regularizers.ZeroMeanRegularizer),
            (CenterInvariantRegularizer(), regularizers.CenterInvariantRegularizer),
            (RegularFaceRegularizer(), regularizers.RegularFaceRegularizer),
        )
    ],
    (
        SoftTripleLossLayer(Automatic, 3, VectorRegularizer=SparseCentersRegularizer(3), VectorRegularizerWeight=0.3),
        losses.SoftTripleLoss,
        {
            "centers_per_class": 3, "weight_reg_weight": 0.3,
            "weight_regularizer": lambda: regularizers.SparseCentersRegularizer(CLASSES, 3),
        },
    ),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning")
@pytest.mark.parametrize("layer, kind, options", PAIRS, ids=lambda value: repr(value) if hasattr(value, "Reduction") else "")
def test_a_loss_is_that_of_the_package(layer, kind, options):
    other = kind(**SIZES, **{name: value() if callable(value) else value for name, value in options.items()})
    for items in (1, 24):
        x, y = batch(items, SIZE, CLASSES)
        weights = vectors(layer)
        assert_equal(ours(layer, x, y, weights), theirs(other, x, y, weights))


def test_p2s_grad_on_class_vectors_of_length_one():
    x, y = batch(24, SIZE, CLASSES)
    weights = torch.nn.functional.normalize(vectors(P2SGradLossLayer()))
    mine, other = ours(P2SGradLossLayer(), x, y, weights), theirs(losses.P2SGradLoss(SIZE, CLASSES), x, y, weights)
    along = (other[2] * weights).sum(1, keepdim=True) * weights
    # the package scales by 1e5 and back in float32's epsilon
    assert_equal(mine, (*other[:2], other[2] - along), 1e-7)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
class TestEdges:
    def test_vectors_equal_to_class_vectors_and_opposite_ones(self, layer):
        weights = vectors(layer)
        first = weights.flatten(1, -2)[:, 0] if weights.dim() == 3 else weights
        x, y = torch.cat((first, -3 * first)), torch.arange(CLASSES).repeat(2)
        assert all(value.isfinite().all() for value in ours(layer, x, y, weights))

    def test_zero_vectors(self, layer):
        x, y = batch(8, SIZE, CLASSES)
        weights = vectors(layer)
        for embeddings, array in ((x * 0, weights), (x, weights * 0), (x * 0, weights * 0)):
            assert all(value.isfinite().all() for value in ours(layer, embeddings, y, array))

    def test_half_precision(self, layer):
        x, y = batch(12, SIZE, CLASSES)
        weights = vectors(layer)
        exact, half = ours(layer, x.half().double(), y, weights.float().double()), ours(layer, x.half(), y, weights.float())
        torch.testing.assert_close(half[0].double(), exact[0], rtol=1e-4, atol=1e-4)
        huge = ours(layer, (x * 15000).clamp(-65504, 65504).half(), y, weights.float())
        assert half[0].dtype == torch.float32 and all(value.isfinite().all() for value in huge)

    def test_the_order_of_the_batch_does_not_matter(self, layer):
        x, y = batch(10, SIZE, CLASSES)
        order = torch.randperm(10, generator=torch.Generator().manual_seed(1))
        loss, gradient, other = ours(layer, x, y, vectors(layer))
        assert_equal((loss, gradient[order], other), ours(layer, x[order], y[order], vectors(layer)))

    @pytest.mark.parametrize("reduction", ["All", "Valid", "Active"])
    def test_a_whole_weight_is_a_repeated_item(self, layer, reduction):
        x, y = batch(6, SIZE, CLASSES)
        counts = torch.tensor([1, 3, 0, 1, 2, 1])
        weighted = layer.replaced(fields={"Weighted": True, "Reduction": reduction})
        plain = layer.replaced(fields={"Reduction": reduction})
        loss, gradient, other = ours(weighted, x, y, vectors(layer), counts.double())
        again = torch.repeat_interleave(torch.arange(6), counts)
        repeated = ours(plain, x[again], y[again], vectors(layer))
        together = torch.zeros_like(x).index_add(0, again, repeated[1])
        assert_equal((loss, gradient, other), (repeated[0], together, repeated[2]))


def test_each_item_has_a_loss_of_its_own():
    x, y = batch(8, SIZE, CLASSES)
    layer = typed_as(ArcFaceLossLayer(CLASSES), {"Input": SIZE})
    lowered = lower(layer, "Train", wanted=[((), "Loss")])
    weights = vectors(layer)
    together = lowered.forward((x, y), (weights,), (), (), (), None)[0][0]
    alone = torch.cat([lowered.forward((x[i : i + 1], y[i : i + 1]), (weights,), (), (), (), None)[0][0] for i in range(8)])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)
    assert not lowered.coupled and lower(typed_as(ProxyAnchorLossLayer(CLASSES), {"Input": SIZE}), "Train").coupled


def test_outliers_of_a_class_by_its_dominant_center():
    x, y = batch(60, SIZE, CLASSES)
    other = losses.SubCenterArcFaceLoss(**SIZES)
    layer = SubCenterArcFaceLossLayer(CLASSES)
    weights = vectors(layer)
    other.W.data = weights.flatten(0, 1).T.contiguous()
    expected, _ = other.get_outliers(x, y)
    layer = SubCenterArcFaceLossLayer(CLASSES, Weights=weights)
    near = layer({"Input": x, "Target": y}, "CenterSimilarity", WorkingPrecision="Real64")
    found = []
    for c in range(CLASSES):
        rows = np.flatnonzero(y.numpy() == c)
        centre = np.bincount(near[rows].argmax(1)).argmax()
        found += [int(i) for i in rows if near[i, centre] < np.cos(np.radians(75))]
    assert 0 < len(found) < 60 and found == expected.tolist()


def digits_like(items=48):
    """Three classes around directions of their own."""
    source = np.random.default_rng(0)
    y = np.arange(items) % 3
    return (np.eye(3, 5)[y] + source.normal(0, 0.3, (items, 5))).astype(np.float32), y


@pytest.mark.parametrize(
    "layer", [ArcFaceLossLayer(3, 10, 8), ProxyAnchorLossLayer(3), SoftTripleLossLayer(3, 2), P2SGradLossLayer(3)], ids=repr
)
def test_class_vectors_are_trained_with_the_net(layer):
    x, y = digits_like()
    start = net_initialize(NetChain([LinearLayer(4)], Input=5), RandomSeeding=1)
    method = ("ADAM", {"LearningRate": 0.05})
    options = {"Method": method, "MaxTrainingRounds": 25, "BatchSize": 12, "RandomSeeding": 2, "TrainingProgressReporting": None}
    result = net_train(start, {"Input": x, "Target": y}, All, LossFunction=layer, **options)
    trained = result["TrainingNet"]
    assert result["TrainedNet"].structure == start.structure and set(trained.arrays) >= {"net/0/Weights", "loss/Weights"}
    own = net_extract(trained, "loss")
    near = own({"Input": result["TrainedNet"](x), "Target": y}, "Similarity")
    assert (near.argmax(1) == y).mean() > 0.9
