"""The rows of the table: data, array shapes, and each net as a function of tensors in the lowered form.

spiral   pairs of points in the plane, one embedding of both, contrastive loss; 2-200-ReLU-100-ReLU-20-tanh-1, batch 512
mlp      784-256-ReLU-10, softmax cross-entropy, batch 128
lenet    1x28x28, convolutions 20 and 50 of 5x5, ReLU, 2x2 maximum; 500-ReLU-10, softmax cross-entropy, batch 64
attention  64 positions of 128, a block of a transformer (4 causal heads, 128-GELU-512-128, norms before, residuals), 10 classes a position,
         softmax cross-entropy, batch 32
lstm     50 steps of 32, an LSTM of 128, the last of its states, 10 classes, softmax cross-entropy, batch 64
gru      the same with a GRU
fold     the same with the GRU's cell in a NetFoldOperator, against torch's own GRU; the plan is the loop written by hand
varying  lstm on sequences of 10 to 50 steps, which come as lists and are padded in each step
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

__all__ = ["ROWS", "Row"]

POOL = 32


@dataclass(frozen=True)
class Row:
    """One row: its batches, the shapes of its arrays, and its loss per example."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    batches: Callable[[], list[tuple]]
    forward: Callable | None
    size: int
    ones: tuple[int, ...] = ()  # arrays that start at 1: the scaling of normalisations
    unrolls: bool = False  # whether a graph would have every step of a sequence written out

    def arrays(self) -> list[torch.Tensor]:
        """The same initial arrays for every contender."""
        generator = torch.Generator().manual_seed(1)
        drawn = [torch.randn(s, generator=generator) / math.sqrt(math.prod(s[1:])) if len(s) > 1 else torch.zeros(s) for s in self.shapes]
        return [torch.ones_like(a) if number in self.ones else a for number, a in enumerate(drawn)]


def _spiral_batches():
    generator = torch.Generator().manual_seed(2)
    out = []
    for _ in range(POOL):
        r = torch.rand(512, 2, generator=generator) * 6 * math.pi
        far = (r[:, 0] - r[:, 1]).abs() > math.pi
        radius = (r + 5.5 * torch.rand(512, 2, generator=generator)) / 15
        angle = r + 0.1 * torch.rand(512, 2, generator=generator)
        out.append((torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], -1), far))
    return out


def _image_batches(*shape):
    generator = torch.Generator().manual_seed(3)
    return [(torch.randn(shape, generator=generator), torch.randint(0, 10, shape[:1], generator=generator)) for _ in range(POOL)]


def _sequence_batches():
    generator = torch.Generator().manual_seed(4)
    return [(torch.randn(32, 64, 128, generator=generator), torch.randint(0, 10, (32, 64), generator=generator)) for _ in range(POOL)]


def _spiral(inputs, arrays, states, noise, lengths, valid):
    pairs, far = inputs
    w1, b1, w2, b2, w3, b3, w4, b4 = arrays
    h = pairs.reshape(-1, 2)
    h = torch.relu(F.linear(h, w1, b1))
    h = torch.relu(F.linear(h, w2, b2))
    h = F.linear(torch.tanh(F.linear(h, w3, b3)), w4, b4).reshape(-1, 2, 1)
    square = (h[:, 0] - h[:, 1]).square().sum(-1)
    apart = square > 0
    distance = torch.where(apart, torch.sqrt(torch.where(apart, square, 1.0)), 0.0)
    return (torch.where(far, torch.relu(0.5 - distance), distance),), ()


def _mlp(inputs, arrays, states, noise, lengths, valid):
    w1, b1, w2, b2 = arrays
    return (F.cross_entropy(F.linear(torch.relu(F.linear(inputs[0], w1, b1)), w2, b2), inputs[1], reduction="none"),), ()


def _lenet(inputs, arrays, states, noise, lengths, valid):
    w1, b1, w2, b2, w3, b3, w4, b4 = arrays
    h = F.max_pool2d(torch.relu(F.conv2d(inputs[0], w1, b1)), 2, 2)
    h = F.max_pool2d(torch.relu(F.conv2d(h, w2, b2)), 2, 2)
    h = F.linear(torch.relu(F.linear(h.flatten(1), w3, b3)), w4, b4)
    return (F.cross_entropy(h, inputs[1], reduction="none"),), ()


def _attention(inputs, arrays, states, noise, lengths, valid):
    g1, c1, wk, bk, wv, bv, wq, bq, wm, bm, g2, c2, w1, b1, w2, b2, w3, b3 = arrays
    x, t = inputs
    h = F.layer_norm(x, (128,), g1, c1, 0.001)
    q, k, v = (F.linear(h, w, b).unflatten(2, (4, 32)).transpose(1, 2) for w, b in ((wq, bq), (wk, bk), (wv, bv)))
    x = x + F.linear(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2), wm, bm)
    h = F.linear(F.gelu(F.linear(F.layer_norm(x, (128,), g2, c2, 0.001), w1, b1)), w2, b2)
    logits = F.linear(x + h, w3, b3)
    return (F.cross_entropy(logits.transpose(1, 2), t, reduction="none").mean(1),), ()


def _steps_batches():
    generator = torch.Generator().manual_seed(5)
    return [(torch.randn(64, 50, 32, generator=generator), torch.randint(0, 10, (64,), generator=generator)) for _ in range(POOL)]


def _list_batches():
    generator = torch.Generator().manual_seed(6)
    lengths = torch.randint(10, 51, (POOL, 64), generator=generator).tolist()
    return [([row[:n] for row, n in zip(x, ns, strict=True)], t) for (x, t), ns in zip(_steps_batches(), lengths, strict=True)]


def _recurrent(function, states):
    def forward(inputs, arrays, running, noise, lengths, valid):
        *weights, w, b = arrays
        start = inputs[0].new_zeros(1, len(inputs[0]), 128)
        output = function(inputs[0], (start, start) if states == 2 else start, weights, True, 1, 0.0, True, False, True)[0]
        return (F.cross_entropy(F.linear(output[:, -1], w, b), inputs[1], reduction="none"),), ()

    return forward


def _fold(inputs, arrays, states, noise, lengths, valid):
    wx, ws, bx, bs, w, b = arrays
    state = inputs[0].new_zeros(len(inputs[0]), 128)
    for given in inputs[0].unbind(1):
        (ar, az, am), (br, bz, bm) = F.linear(given, wx, bx).chunk(3, 1), F.linear(state, ws, bs).chunk(3, 1)
        gate = torch.sigmoid(az + bz)
        state = (1 - gate) * torch.tanh(am + torch.sigmoid(ar + br) * bm) + gate * state
    return (F.cross_entropy(F.linear(state, w, b), inputs[1], reduction="none"),), ()


def _gates(count: int):
    return ((count * 128, 32), (count * 128, 128), (count * 128,), (count * 128,), (10, 128), (10,))


_VECTOR, _SQUARE = (128,), (128, 128)
_BLOCK = (_VECTOR, _VECTOR, *(_SQUARE, _VECTOR) * 4, _VECTOR, _VECTOR, (512, 128), (512,), (128, 512), _VECTOR)

ROWS = {
    row.name: row
    for row in (
        Row("spiral", ((200, 2), (200,), (100, 200), (100,), (20, 100), (20,), (1, 20), (1,)), _spiral_batches, _spiral, 512),
        Row("mlp", ((256, 784), (256,), (10, 256), (10,)), lambda: _image_batches(128, 784), _mlp, 128),
        Row(
            "lenet",
            ((20, 1, 5, 5), (20,), (50, 20, 5, 5), (50,), (500, 800), (500,), (10, 500), (10,)),
            lambda: _image_batches(64, 1, 28, 28),
            _lenet,
            64,
        ),
        Row("attention", (*_BLOCK, (10, 128), (10,)), _sequence_batches, _attention, 32, ones=(0, 10)),
        Row("lstm", _gates(4), _steps_batches, _recurrent(torch.lstm, 2), 64, unrolls=True),
        Row("gru", _gates(3), _steps_batches, _recurrent(torch.gru, 1), 64, unrolls=True),
        Row("fold", _gates(3), _steps_batches, _fold, 64, unrolls=True),
        Row("varying", _gates(4), _list_batches, None, 64, unrolls=True),
    )
}
