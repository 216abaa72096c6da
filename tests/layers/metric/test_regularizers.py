"""Regularizers of rows that are alone, equal, zero, or no row at all: finite, and as a loss of their own."""

import pytest
import torch

from netgraph import *
from netgraph.lower.forward import lower
from tests.layers.harness import typed_as

REGULARIZERS = [
    LpRegularizer(), LpRegularizer(1, 2), LpRegularizer(3, 0.5), ZeroMeanRegularizer(), CenterInvariantRegularizer(),
    RegularFaceRegularizer(), SparseCentersRegularizer(2),
]  # fmt: skip


def costs(regularizer, x, real=None):
    """(costs, gradient of their sum)."""
    x = x.clone().requires_grad_()
    found = regularizer.costs(x, torch.ones(len(x), dtype=torch.bool) if real is None else real)
    return found.detach(), torch.autograd.grad(found.sum(), x)[0]


@pytest.mark.parametrize("regularizer", REGULARIZERS, ids=repr)
class TestEdges:
    def test_finite(self, regularizer):
        x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        for rows in (x, x[:1], x * 0, torch.ones_like(x), torch.cat((x[:3], -x[:3]))):
            assert all(value.isfinite().all() for value in costs(regularizer, rows))
            assert all(value.isfinite().all() for value in costs(regularizer, rows.float()))

    def test_rows_that_are_not_real_do_not_count(self, regularizer):
        x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        real = torch.arange(6) < 4
        there, alone = costs(regularizer, torch.where(real.unsqueeze(1), x, 0.0), real)[0][:4], costs(regularizer, x[:4])[0]
        scale = 6 / 4 if isinstance(regularizer, SparseCentersRegularizer) else 1
        torch.testing.assert_close(there, scale * alone)


def test_a_row_alone_has_no_other():
    assert costs(RegularFaceRegularizer(), torch.ones(1, 3))[0].item() == 0
    assert costs(CenterInvariantRegularizer(), torch.ones(1, 3))[0].item() == 0


@pytest.mark.parametrize("regularizer", REGULARIZERS[:-1], ids=repr)
def test_as_a_loss_and_as_an_option(regularizer):
    """An option of a loss that is 0 otherwise is the layer."""
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layer = typed_as(RegularizationLossLayer(regularizer), {"Input": 4})
    alone = lower(layer, "Train").forward((x,), (), (), (), (), None)[0][0]
    option = typed_as(SupConLossLayer(Regularizer=regularizer, RegularizerWeight=0.5), {"Input": 4})
    inside = lower(option, "Train").forward((x, torch.arange(5)), (), (), (), (), None)[0][0]
    torch.testing.assert_close(0.5 * alone, inside)


def test_a_loss_on_one_class_has_only_the_cost_of_its_vector():
    layer = typed_as(ArcFaceLossLayer(1, VectorRegularizer="LpRegularizer"), {"Input": 2})
    weights = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    forward = lower(layer, "Train", wanted=[((), "Loss")]).forward
    (losses,), _ = forward((torch.ones(3, 2, dtype=torch.float64), torch.zeros(3, dtype=torch.int64)), (weights,), (), (), (), None)
    assert losses.tolist() == [5.0] * 3


def test_the_number_of_classes_is_missing():
    data = {"Input": [[0.0, 1], [1, 0]], "Target": [0, 1]}
    with pytest.raises(NetError) as caught:
        net_train(NetChain([3], Input=2), data, LossFunction=CosFaceLossLayer(), TrainingProgressReporting=None)
    assert str(caught.value) == (
        "net_initialize cannot draw arrays: sizes are open: loss/Weights is (?, 3)\n  try: CosFaceLossLayer(Classes=<number>)"
    )
