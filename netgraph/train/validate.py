"""The validation loss: the mean over all examples of the validation set, in evaluation mode."""

import math

import torch

from netgraph.data.stream import Stream
from netgraph.data.table import Table
from netgraph.train.feed import Feed
from netgraph.train.prepare import Prepared, loss_of

BATCH = 1024


class Validation:
    """Measures the loss of given arrays on the validation data. Every check sees the same examples in the same order.

    A stream gives one round a check, and a new one each time.
    """

    def __init__(self, prepared: Prepared, data: Table | Stream, seed, dtype, device):
        self.forward = loss_of(prepared.check.from_zeros, prepared.factors)
        train, test = prepared.forward, prepared.check
        self.arrays = [train.arrays.index(name) for name in test.arrays]
        self.states = [train.states.index(name) for name in test.states]
        self.columns = tuple(prepared.columns[train.inputs.index(name)] for name in test.inputs)
        self.count = data.count if isinstance(data, Table) else None
        size = prepared.batch_size if prepared.check.coupled or self.count is None else min(BATCH, self.count)
        self.feed = Feed(data, test, self.columns, size, seed, dtype, device)

    def loss(self, arrays, states) -> float:
        """The mean loss with these arrays and states, in the order of the training function."""
        arrays, states = tuple(arrays[i] for i in self.arrays), tuple(states[i] for i in self.states)
        total, seen = 0.0, 0
        if self.count is not None:
            self.feed.position = 0
        with torch.no_grad():
            while True:
                fed = self.feed.next()
                if fed is None:
                    break
                inputs, noise, lengths, valid = fed.batch
                (losses,), _ = self.forward(inputs, arrays, states, noise, lengths, valid)
                total += float(losses.double().sum())
                seen += fed.count
                if fed.ends_round:
                    break
        return total / seen if seen else math.nan
