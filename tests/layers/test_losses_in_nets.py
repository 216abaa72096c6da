"""Losses behind activations: the form on logits, its gradient, and what users read at the ports."""

import numpy as np
import pytest
import torch

from netgraph import (
    ContrastiveLossLayer,
    CrossEntropyLossLayer,
    FlattenLayer,
    LogisticSigmoid,
    NetGraph,
    NetMapOperator,
    ReshapeLayer,
    SoftmaxLayer,
)
from tests.layers.harness import Run


def behind(activation, form, *between, **types):
    names = [f"b{i}" for i in range(len(between))]
    net = {"p": activation, **dict(zip(names, between, strict=True)), "c": CrossEntropyLossLayer(form)}
    return NetGraph(net, [" -> ".join(["x", "p", *names, "c"])], **types)


SATURATED = torch.tensor([[200.0, 0.0, -3000.0]], dtype=torch.float64)


@pytest.mark.parametrize("between", [(), (FlattenLayer(),), (ReshapeLayer((1, 3)), ReshapeLayer((3,)))])
@pytest.mark.parametrize("form", ["Index", "Probabilities"])
def test_a_softmax_is_computed_with_its_cross_entropy(form, between):
    net = behind(SoftmaxLayer(), form, *between, x=3)
    run = Run(net, "Train")
    assert "log_softmax" in run.lowered.source and "torch.softmax" not in run.lowered.source
    target = torch.tensor([1]) if form == "Index" else torch.tensor([[0.0, 1.0, 0.0]], dtype=torch.float64)
    x = SATURATED.clone().requires_grad_()
    loss, _ = run(x, target)
    loss.sum().backward()
    assert loss.item() == pytest.approx(200.0, rel=1e-12)
    assert x.grad.tolist() == [[1.0, -1.0, 0.0]]


def test_a_logistic_sigmoid_is_computed_with_its_cross_entropy():
    run = Run(behind(LogisticSigmoid, "Binary", x=2), "Train")
    x = torch.tensor([[80.0, -80.0]], dtype=torch.float64, requires_grad=True)
    loss, _ = run(x, torch.tensor([[0.0, 1.0]], dtype=torch.float64))
    loss.sum().backward()
    assert loss.item() == pytest.approx(80.0) and np.allclose(x.grad, [[0.5, -0.5]])


@pytest.mark.parametrize(
    "activation, form, between",
    [
        (SoftmaxLayer(0), "Probabilities", ()),
        (SoftmaxLayer(), "Probabilities", (ReshapeLayer((6,)),)),
        (SoftmaxLayer(), "Probabilities", (FlattenLayer([[1], [0]]),)),
        (LogisticSigmoid, "Probabilities", ()),
        (SoftmaxLayer(), "Binary", ()),
    ],
)
def test_what_cannot_be_on_logits_is_computed_on_probabilities(activation, form, between):
    run = Run(behind(activation, form, *between, x=(2, 3)), "Train")
    assert "log_softmax" not in run.lowered.source and "with_logits" not in run.lowered.source
    assert "log()" in run.lowered.source


def test_a_mapped_softmax_is_computed_with_its_cross_entropy():
    net = behind(NetMapOperator(SoftmaxLayer()), "Index", x=(4, 3))
    run = Run(net, "Train")
    assert "log_softmax" in run.lowered.source
    x = torch.randn(2, 4, 3, dtype=torch.float64)
    target = torch.tensor([[0, 1, 2, 0], [1, 1, 0, 2]])
    expected = torch.nn.functional.cross_entropy(x.movedim(-1, 1), target, reduction="none").mean(1)
    assert torch.allclose(run(x, target)[0], expected)


@pytest.mark.parametrize("activation", [SoftmaxLayer(), NetMapOperator(SoftmaxLayer())])
def test_the_softmax_of_a_varying_sequence_is_computed_with_its_cross_entropy(activation):
    run = Run(behind(activation, "Index", x=("Varying", 3)), "Train")
    assert "log_softmax" in run.lowered.source and "torch.softmax" not in run.lowered.source
    x = torch.tensor([[[0.0, 3000.0, 0.0]] * 2] * 2, dtype=torch.float64, requires_grad=True)
    loss, _ = run(x, torch.tensor([[0, 1], [2, 0]]), lengths=(torch.tensor([2, 1]),))
    loss.sum().backward()
    assert loss.tolist() == [1500.0, 3000.0]
    assert x.grad.tolist() == [[[-0.5, 0.5, 0.0], [0.0, 0.0, 0.0]], [[0.0, 1.0, -1.0], [0.0, 0.0, 0.0]]]


def test_the_softmax_along_a_varying_axis_is_computed_by_itself():
    run = Run(behind(SoftmaxLayer(), "Probabilities", x=(2, "Varying")), "Train")
    assert "log_softmax" not in run.lowered.source


def test_cross_entropy_of_impossible_events_is_finite_with_a_finite_gradient():
    x = torch.tensor([[0.0, 1.0]], requires_grad=True)
    loss = CrossEntropyLossLayer("Probabilities", Input=2)({"Input": x, "Target": torch.tensor([[1.0, 0.0]])})
    loss.sum().backward()
    assert torch.isfinite(loss).all() and torch.isfinite(x.grad).all()


def test_the_contrastive_loss_pulls_and_pushes():
    d = torch.tensor([0.2, 0.7, 0.7], requires_grad=True)
    loss = ContrastiveLossLayer()({"Input": d, "Target": torch.tensor([True, True, False])})
    assert torch.allclose(loss, torch.tensor([0.3, 0.0, 0.7]))
    loss.sum().backward()
    assert d.grad.tolist() == [-1.0, 0.0, 1.0]
