"""The validation loss: the mean over all examples of the validation set, in evaluation mode."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from netgraph.data.table import Table
from netgraph.losses.columns import WEIGHT
from netgraph.train.feed import Feed
from netgraph.train.options import Options
from netgraph.train.prepare import Prepared

BATCH = 1024


class Validation:
    """Measures the loss of given arrays on the validation data. Every check sees the same examples in the same order.

    A stream gives one round a check, and a new one each time. Reals are computed in full precision also where training mixes.
    """

    def __init__(self, prepared: Prepared, options: Options):
        data = prepared.validation
        if data is None:
            raise ValueError("there is no validation data")
        train, test = prepared.forward, prepared.check
        columns = [prepared.columns[train.inputs.index(name)] for name in test.inputs]
        weighted = prepared.objective.weighted and (not isinstance(data, Table) or WEIGHT in data.names)
        self.forward = replace(prepared.objective, mixed=False, weighted=weighted).of(test)
        self.arrays = [train.arrays.index(name) for name in test.arrays]
        self.states = [train.states.index(name) for name in test.states]
        self.measuring, self.lowered, self.names = prepared.measuring, test, (train.arrays, train.states)
        self.count = data.count if isinstance(data, Table) else None
        together = prepared.batch_size * options.accumulation if test.coupled else prepared.batch_size
        size = together if test.coupled or self.count is None else min(BATCH, self.count)
        columns += [WEIGHT] if weighted else []
        self.feed = Feed(data, test, columns, size, options.seed, options.dtype, options.device, int(prepared.training.attached))

    def check(self, arrays, states) -> tuple[float, dict[str, Any]]:
        """The mean loss with these arrays and states, in the order of the training function, and what is measured."""
        measuring, lowered = self.measuring.fresh(), self.lowered
        named = partial(dict, zip((*self.names[0], *self.names[1]), (*arrays, *states), strict=True))
        arrays, states = tuple(arrays[i] for i in self.arrays), tuple(states[i] for i in self.states)
        total, count = 0.0, 0
        if self.count is not None:
            self.feed.position = 0
        with torch.no_grad():
            while True:
                fed = self.feed.next()
                if fed is None:
                    break
                inputs, noise, lengths, valid = fed.batch
                (losses, *seen), _ = self.forward(inputs, arrays, states, noise, lengths, valid)
                if seen:
                    measuring.add(lowered, seen, lengths)
                total += float(losses.double().sum())
                count += fed.count
                if fed.ends_round:
                    break
        loss = total / count if count else math.nan
        return loss, measuring.values(named, loss)

    def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
        """Where a stream of validation data stands; None for data in memory, of which every check sees all."""
        return None if self.count is not None else self.feed.state()

    def load(self, told: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on where `state` was taken."""
        self.feed.load(told, tensors)
