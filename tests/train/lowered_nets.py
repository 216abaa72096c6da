"""Small lowered functions and batches for the tests of training steps and plans."""

import torch
from torch.nn import functional as F

from netgraph.train.step import Batch

__all__ = ["CONVOLUTIONS", "PAIRS", "STATES", "arrays_of", "batch_of"]


def _pairs(inputs, arrays, states, noise, lengths, valid):
    pairs, far = inputs
    w1, b1, w2, b2 = arrays
    h = F.linear(torch.relu(F.linear(pairs.reshape(-1, 2), w1, b1)), w2, b2).reshape(-1, 2, 1)
    square = (h[:, 0] - h[:, 1]).square().sum(-1)
    apart = square > 0
    distance = torch.where(apart, torch.sqrt(torch.where(apart, square, 1.0)), 0.0)
    return (torch.where(far, torch.relu(0.5 - distance), distance),), ()


def _convolutions(inputs, arrays, states, noise, lengths, valid):
    w1, b1, w2, b2, w3 = arrays
    h = F.max_pool2d(torch.relu(F.conv2d(inputs[0], w1, b1)), 2, 2)
    h = F.max_pool2d(torch.relu(F.conv2d(h, w2, b2)), 2, 2)
    return (F.cross_entropy(F.linear(h.flatten(1), w3), inputs[1], reduction="none"),), ()


def _states(inputs, arrays, states, noise, lengths, valid):
    """Batch normalisation by hand, dropout from given noise: a state and noise beside the arrays."""
    (w, scale, _), (mean,) = arrays, states
    h = F.linear(inputs[0], w)
    middle = h.mean(0)
    h = torch.where(noise[0] < 0.5, 0.0, (h - middle) * scale * 2)
    return ((h.sum(-1) - inputs[1]).square(),), (mean + 0.1 * (middle.detach() - mean),)


PAIRS = (_pairs, [(8, 2), (8,), (1, 8), (1,)], [])
CONVOLUTIONS = (_convolutions, [(3, 1, 3, 3), (3,), (4, 3, 3, 3), (4,), (5, 16)], [])
STATES = (_states, [(4, 3), (4,), (2,)], [(4,)])


def arrays_of(net, dtype=torch.float32):
    """Arrays and states of a net, drawn from a fixed seed."""
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(s, generator=generator, dtype=dtype) * 0.5 for s in net[1]], [torch.zeros(s, dtype=dtype) for s in net[2]]


def batch_of(net, size, seed, dtype=torch.float32):
    """A batch of `size` examples."""
    g = torch.Generator().manual_seed(seed)
    if net is PAIRS:
        return Batch((torch.randn(size, 2, 2, generator=g, dtype=dtype), torch.rand(size, generator=g) > 0.5))
    if net is CONVOLUTIONS:
        return Batch((torch.randn(size, 1, 14, 14, generator=g, dtype=dtype), torch.randint(0, 5, (size,), generator=g)))
    noise = (torch.rand(size, 4, generator=g, dtype=dtype),)
    return Batch((torch.randn(size, 3, generator=g, dtype=dtype), torch.randn(size, generator=g, dtype=dtype)), noise)
