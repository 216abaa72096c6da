"""CTC against torch's, in values and gradients; in nets, behind a softmax, where nothing fits."""

import math

import numpy as np
import pytest
import torch

from netgraph import CTCLossLayer, Integer, NetGraph, NetMapOperator, NetPort, NetPortGradient, SoftmaxLayer, net_initialize, net_train
from netgraph.layers.ctc import negative_log_likelihood


@pytest.mark.parametrize("steps, places, symbols", [(7, 3, 4), (9, 5, 2), (5, 0, 3), (1, 1, 1), (6, 6, 5)])
def test_values_and_gradients_are_torchs(steps, places, symbols):
    source = torch.Generator().manual_seed(steps)
    x = torch.randn(8, steps, symbols + 1, dtype=torch.float64, generator=source, requires_grad=True)
    target = torch.randint(0, symbols, (8, places), generator=source)
    lengths, sizes = torch.randint(max(places, 1), steps + 1, (8,), generator=source), torch.randint(0, places + 1, (8,), generator=source)
    logs = torch.log_softmax(x, 2)
    ours = negative_log_likelihood(logs, target, lengths, sizes)
    theirs = torch.nn.functional.ctc_loss(logs.transpose(0, 1), target, lengths, sizes, blank=symbols, reduction="none")
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    fits = torch.isfinite(theirs)
    mine, other = (torch.autograd.grad(loss[fits].sum(), x, retain_graph=True)[0] for loss in (ours, theirs))
    torch.testing.assert_close(mine[fits], other[fits], rtol=1e-10, atol=1e-14)
    assert not mine[~fits].any()


def test_where_nothing_fits_the_loss_is_infinite_and_the_gradient_0():
    data = {"Input": [[0.6, 0.4], [0.5, 0.5]], "Target": [0, 0]}
    assert CTCLossLayer()(data) == math.inf
    assert CTCLossLayer()(data, NetPortGradient("Input")).tolist() == [[0, 0], [0, 0]]


def test_half_precision_is_summed_in_single():
    logs = torch.log_softmax(torch.randn(2, 30, 4, generator=torch.Generator().manual_seed(1)), 2).bfloat16()
    target = torch.tensor([[0, 1, 2], [1, 1, 0]])
    found = negative_log_likelihood(logs, target)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, negative_log_likelihood(logs.double(), target).float())


def test_both_vary_each_by_itself_and_targets_may_be_empty():
    layer = CTCLossLayer(Input=("Varying", 3), Target=("Varying", Integer(2)))
    inputs = [np.full((n, 3), 1 / 3) for n in (1, 4, 2, 3)]
    targets = [[0], [0, 1, 1], [], [1]]
    together = layer({"Input": inputs, "Target": targets})
    np.testing.assert_allclose(together, [-math.log(1 / 3), -math.log(1 / 81), -math.log(1 / 9), -math.log(6 / 27)], rtol=1e-6)
    np.testing.assert_allclose(layer({"Input": inputs[:1], "Target": [[]]}), [-math.log(1 / 3)], rtol=1e-6)
    np.testing.assert_allclose(layer({"Input": inputs[:2], "Target": [[], [0]]}), [-math.log(1 / 3), -math.log(10 / 81)], rtol=1e-6)


def test_behind_a_softmax_it_is_computed_from_the_logits():
    net = NetGraph(
        {"s": SoftmaxLayer(), "l": CTCLossLayer()},
        ["x -> s", ("s", NetPort("l", "Input")), (NetPort("t"), NetPort("l", "Target"))],
        x=("Varying", 2), t=("Varying", Integer(1)),
    )  # fmt: skip
    data = {"x": [[[-300, 300], [-300, 300]]], "t": [[0]]}
    assert net(data).tolist() == [600 - np.float32(math.log(2))]
    assert net(data, NetPortGradient("x")).round(3).tolist() == [[[-0.5, 0.5], [-0.5, 0.5]]]


def test_a_net_learns_sequences():
    rng = np.random.default_rng(1)
    targets = [rng.integers(0, 2, rng.integers(1, 4)).tolist() for _ in range(40)]
    # each symbol stands for two steps that are a bit noisy, and a step of neither follows
    inputs = [np.concatenate([rng.normal([[s, 1 - s], [s, 1 - s], [0, 0]], 0.1) for s in target]).astype("f") for target in targets]
    net = NetGraph(
        {"f": NetMapOperator([3, SoftmaxLayer()]), "l": CTCLossLayer()},
        ["x -> f", ("f", NetPort("l", "Input")), (NetPort("t"), NetPort("l", "Target"))],
        x=("Varying", 2), t=("Varying", Integer(2)),
    )  # fmt: skip
    net = net_initialize(net)
    quiet = {"TrainingProgressReporting": None, "Plan": "Reference", "BatchSize": 20, "RandomSeeding": 1}
    trained = net_train(net, {"x": inputs, "t": targets}, MaxTrainingRounds=80, LearningRate=0.1, **quiet)
    data = {"x": inputs, "t": targets}
    assert np.mean(trained(data)) < 0.2 < 1 < np.mean(net(data))
