"""Dropout and batch normalisation beyond their rows: statistics, single examples, padded batches, chains of both."""

import numpy as np
import torch

from netgraph import BatchNormalizationLayer, DropoutLayer, NetChain, NetMapOperator
from tests.layers.harness import Run, typed_as
from tests.layers.rows_training import FRESH, PUBLISHED


def test_dropout_keeps_the_mean_and_alpha_dropout_the_variance():
    x = torch.nn.functional.selu(torch.randn(200_000, generator=torch.Generator().manual_seed(3), dtype=torch.float64))
    x = (x - x.mean()) / x.std()
    for method in ("Dropout", "AlphaDropout"):
        run = Run(DropoutLayer(0.4, Method=method, Input=200_000), "Train", batch=1)
        y, _ = run(x[None])
        assert abs(y.mean().item()) < 0.01
        assert method == "Dropout" or abs(y.std().item() - 1) < 0.01


def test_dropout_of_nothing_asks_for_no_noise():
    assert Run(DropoutLayer(0, Input=3), "Train").lowered.noise == ()
    assert Run(DropoutLayer(Input=3), "Test").lowered.noise == ()


def test_each_dropout_has_noise_of_its_own():
    lowered = Run(NetChain([DropoutLayer(), NetMapOperator(DropoutLayer())], Input=(2, 3)), "Train", batch=6).lowered
    assert [(need.path, need.shape, len(need.folds)) for need in lowered.noise] == [("0/Draws", (2, 3), 0), ("1/Net/Draws", (3,), 1)]


def test_batch_normalization_as_published():
    layer = BatchNormalizationLayer(**FRESH, Input=3)
    trained = layer(PUBLISHED, NetEvaluationMode="Train")
    assert np.allclose(trained, [[0.878696, -0.973404, -0.979561], [-0.878696, 0.973404, 0.979561]], atol=2e-6)
    assert np.allclose(layer(PUBLISHED[0], NetEvaluationMode="Train"), 0, atol=1e-6)


def test_batch_normalization_with_momentum_one_stands_still():
    run = Run(BatchNormalizationLayer(Momentum=1, Input=3), "Train")
    _, states = run(torch.randn(4, 3, dtype=torch.float64))
    assert all(map(torch.equal, states, run.states))


def test_batch_normalization_counts_real_elements_alone():
    layer = typed_as(BatchNormalizationLayer(Interleaving=True), {"Input": ("Varying", 3)})
    run = Run(layer, "Train")
    examples = [torch.randn(n, 3, dtype=torch.float64) for n in (2, 5, 1)]
    padded = torch.full((3, 5, 3), 1e6, dtype=torch.float64)
    for i, example in enumerate(examples):
        padded[i, : len(example)] = example
    y, (mean, variance) = run(padded, lengths=(torch.tensor([2, 5, 1]),))
    joined = torch.cat(examples)
    assert torch.allclose(mean, 0.9 * run.arrays["MovingMean"] + 0.1 * joined.mean(0))
    assert torch.allclose(variance, 0.9 * run.arrays["MovingVariance"] + 0.1 * joined.var(0, correction=0))
    normal = (joined - joined.mean(0)) / (joined.var(0, correction=0) + 0.001).sqrt() * run.arrays["Scaling"] + run.arrays["Biases"]
    assert torch.allclose(torch.cat([row[:n] for row, n in zip(y, (2, 5, 1), strict=True)]), normal)


def test_the_mask_of_dropout_is_what_was_dropped():
    x = np.arange(1.0, 9.0)
    both = DropoutLayer(0.4, OutputPorts=["BinaryMask", "Output"])
    result = both(x, NetEvaluationMode="Train", RandomSeeding=1)
    assert list(result) == ["BinaryMask", "Output"] and set(result["BinaryMask"].tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(result["Output"], x * result["BinaryMask"] / 0.6, rtol=1e-6)
    alone = DropoutLayer(0.4, OutputPorts="BinaryMask")
    assert np.array_equal(alone(x, NetEvaluationMode="Train", RandomSeeding=1), result["BinaryMask"])
    assert both(x)["BinaryMask"].tolist() == [1.0] * 8 and np.array_equal(both(x)["Output"], x)
    masked = DropoutLayer(0.4, Method="AlphaDropout", OutputPorts=["Output", "BinaryMask"])(x, NetEvaluationMode="Train", RandomSeeding=1)
    assert len(np.unique(masked["Output"][masked["BinaryMask"] == 0])) == 1
    assert eval(repr(both)) == both and repr(alone) == 'DropoutLayer(0.4, OutputPorts="BinaryMask")'
