"""The loops that people write in PyTorch: a module, an optimiser, the loss read by .item() each step. Each gives a function of a batch."""

import torch
from torch import nn

__all__ = ["channels_last", "compiled", "eager", "fused"]


class _Block(nn.Module):
    """A block of a transformer, normalised before, with torch's fused attention."""

    def __init__(self, size: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(size, eps=0.001)
        self.key, self.value, self.query, self.merge = (nn.Linear(size, size) for _ in range(4))
        self.between = nn.LayerNorm(size, eps=0.001)
        self.think = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))

    def forward(self, x):
        batch, length, size = x.shape
        h = self.before(x)
        parts = (each(h).view(batch, length, self.heads, size // self.heads).transpose(1, 2) for each in (self.query, self.key, self.value))
        h = nn.functional.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).reshape(batch, length, size)
        x = x + self.merge(h)
        return x + self.think(self.between(x))


class _Recurrent(nn.Module):
    """The output at the last step of each sequence; a list of sequences is padded first."""

    def __init__(self, kind, inputs: int, size: int, classes: int):
        super().__init__()
        self.recurrent = kind(inputs, size, batch_first=True)
        self.classes = nn.Linear(size, classes)

    def forward(self, x):
        if not isinstance(x, list):
            return self.classes(self.recurrent(x)[0][:, -1])
        last = torch.tensor([len(row) for row in x]) - 1
        output, _ = self.recurrent(nn.utils.rnn.pad_sequence(x, batch_first=True))
        return self.classes(output[torch.arange(len(x)), last])


def _net(row) -> nn.Sequential:
    if row.name == "spiral":
        layers = [nn.Linear(2, 200), nn.ReLU(), nn.Linear(200, 100), nn.ReLU(), nn.Linear(100, 20), nn.Tanh(), nn.Linear(20, 1)]
    elif row.name == "mlp":
        layers = [nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)]
    elif row.name == "attention":
        layers = [_Block(128, 4), nn.Linear(128, 10)]
    elif row.name in ("lstm", "gru", "fold", "varying"):
        layers = [_Recurrent(nn.GRU if row.name in ("gru", "fold") else nn.LSTM, 32, 128, 10)]
    else:
        layers = [nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2, 2)]
        layers += [nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)]
    net = nn.Sequential(*layers)
    with torch.no_grad():
        for parameter, start in zip(net.parameters(), row.arrays(), strict=True):
            parameter.copy_(start)
    return net


def _loss(row, net):
    if row.name != "spiral":
        cross = nn.CrossEntropyLoss()
        return lambda x, t: cross(net(x).flatten(0, -2), t.flatten())

    def contrastive(pairs, far):
        distance = torch.linalg.vector_norm(net(pairs[:, 0]) - net(pairs[:, 1]), dim=-1)
        return torch.where(far, torch.relu(0.5 - distance), distance).mean()

    return contrastive


def _loop(row, net, loss_of, fused):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001, **({"fused": True} if fused else {}))

    def step(batch):
        optimizer.zero_grad()
        loss = loss_of(*batch)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def eager(row, seconds):
    """As people write it: default Adam, two forward calls for a pair."""
    net = _net(row)
    return _loop(row, net, _loss(row, net), fused=False)


def fused(row, seconds):
    """The same with Adam(fused=True)."""
    net = _net(row)
    return _loop(row, net, _loss(row, net), fused=True)


def compiled(row, seconds):
    """Forward and loss under torch.compile, Adam(fused=True)."""
    net = _net(row)
    return _loop(row, net, torch.compile(_loss(row, net), dynamic=False), fused=True)


def channels_last(row, seconds):
    """Weights and images in channels-last layout, Adam(fused=True); its process has larger allocator thresholds."""
    net = _net(row).to(memory_format=torch.channels_last)
    step = _loop(row, net, _loss(row, net), fused=True)
    return lambda batch: step((batch[0].contiguous(memory_format=torch.channels_last), batch[1]))
