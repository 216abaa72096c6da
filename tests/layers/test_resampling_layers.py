"""What the rows cannot say: how a deconvolution's weights are drawn, that crops are drawn from all places, what files keep."""

import numpy as np
import torch

from netgraph import (
    All,
    ConvolutionLayer,
    DeconvolutionLayer,
    ImageAugmentationLayer,
    ResizeLayer,
    Scaled,
    net_from_json,
    net_initialize,
    net_to_json,
)
from tests.layers.harness import Run


def test_weights_are_drawn_for_their_inputs():
    """Kaiming counts what one output element sums, and the inputs are the first axis here, the second in a convolution."""
    down = net_initialize(ConvolutionLayer(4, (3,), Input=(64, 5))).arrays["Weights"]
    up = net_initialize(DeconvolutionLayer(4, (3,), Input=(64, 5))).arrays["Weights"]
    assert up.shape == (64, 4, 3) and np.array_equal(np.swapaxes(up, 0, 1), down)


def test_every_place_of_a_crop_is_as_likely():
    run = Run(ImageAugmentationLayer((1, 1), Input=(1, 2, 3)), "Train", batch=6000)
    image = torch.arange(6.0, dtype=torch.float64).reshape(1, 1, 2, 3).expand(6000, -1, -1, -1)
    counts = torch.bincount(run(image)[0].flatten().long(), minlength=6)
    assert (counts - 1000).abs().max() < 120


def test_a_draw_of_one_stays_within():
    run = Run(ImageAugmentationLayer((2, 2), Input=(1, 3, 3)), "Train", batch=1)
    run.noise = (torch.ones(1, 4, dtype=torch.float64),)
    image = torch.arange(9.0, dtype=torch.float64).reshape(1, 1, 3, 3)
    assert run(image)[0].tolist() == [[[[4.0, 5.0], [7.0, 8.0]]]]


def test_a_scaled_size_is_kept():
    layer = ResizeLayer((Scaled(0.5), All, 3))
    assert net_from_json(net_to_json(layer)) == layer
    assert ResizeLayer((Scaled(1 / 3),), Input=(1, 9), Scheme="Bin")([[1, 2, 3, 4, 5, 6, 7, 8, 9]]).tolist() == [[2.0, 5.0, 8.0]]
