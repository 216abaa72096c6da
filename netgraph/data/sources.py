"""Where a stream's batches come from: a function, an iterable of batches, a data set read by index, an iterable of examples.

A source gives the raw batch of a number (from 1, asked for in order) and the round it belongs to, or None when it has ended. `called`
names that batch in messages.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import islice
from typing import Any

import torch

from netgraph.data.info import Info
from netgraph.errors import NetTrainingError
from netgraph.spec.initial import generator

_ENDED = object()


class Source(ABC):
    """Raw batches by number; `exact` where any number can be asked for, which makes resuming free."""

    exact = True
    columns = False
    """Whether a list of two is two columns, and never two examples."""

    @abstractmethod
    def called(self, number: int) -> str:
        """The name of a batch in messages."""

    @abstractmethod
    def batches_per_round(self, batch_size: int) -> int | None:
        """How many batches a round has, or None where only its end tells."""

    @abstractmethod
    def read(self, number: int, batch_size: int, seed) -> tuple[Any, int] | None:
        """The raw batch and its round, or None after the end."""

    def state_of(self) -> Any:
        """What keeps the position by itself, through `state_dict` and `load_state_dict`; or None."""
        return None

    def restore(self, state, round: int):
        """Give back what `state_of().state_dict()` told, in the round that it was told in; NetTrainingError where nothing takes it."""
        raise TypeError(f"{type(self).__name__} keeps no state of its own")


class Called(Source):
    """A function `f(info)`, called once a batch; a round is one call, or as many as `round_length` examples need."""

    def __init__(self, function: Callable, round_length: int | None = None):
        self.function, self.round_length = function, round_length

    def called(self, number: int) -> str:
        return f"call {number} of the generator"

    def batches_per_round(self, batch_size: int) -> int:
        return 1 if self.round_length is None else -(-self.round_length // batch_size)

    def read(self, number: int, batch_size: int, seed):
        round = (number - 1) // self.batches_per_round(batch_size) + 1
        return self.function(Info(batch_size, round, number, seed)), round


class Indexed(Source):
    """A data set read example by example, `data[i]`, or a batch at once by `__getitems__`, in an order of (seed, round)."""

    def __init__(self, data):
        self.data = data
        self._order: tuple[Any, list[int]] = (None, [])

    def called(self, number: int) -> str:
        return f"batch {number} of the data set"

    def batches_per_round(self, batch_size: int) -> int:
        return -(-len(self.data) // batch_size)

    def read(self, number: int, batch_size: int, seed):
        before, position = divmod(number - 1, self.batches_per_round(batch_size))
        key = (seed, before + 1)
        if self._order[0] != key:
            self._order = (key, torch.randperm(len(self.data), generator=generator(seed, "order", before + 1)).tolist())
        rows = self._order[1][position * batch_size : (position + 1) * batch_size]
        # as torch's own loaders do, all examples of a batch at once where the data set can
        together = getattr(self.data, "__getitems__", None)
        return together(rows) if callable(together) else [self.data[i] for i in rows], before + 1


class Passed(Source):
    """An iterable of batches, or of examples that are put together to batches.

    What can be iterated again starts over when it ends, and each pass is a round; an iterator ends the stream, and its round is one batch,
    or as many as `round_length` examples need.
    """

    exact = False

    def __init__(self, iterable: Any, *, examples: bool = False, columns: bool = False, round_length: int | None = None):
        self.iterable, self.examples, self.columns, self.round_length = iterable, examples, columns, round_length
        self.again = not hasattr(iterable, "__next__")
        self.passes = 0
        self.iterator: Any = None

    def called(self, number: int) -> str:
        return f"batch {number} of the {'iterable' if self.again else 'iterator'}"

    def batches_per_round(self, batch_size: int) -> int | None:
        if not self.again:
            return self._iterator_round(batch_size)
        try:
            count = len(self.iterable)
        except TypeError:
            # a DataLoader has a length only if its data set has one
            return None
        return -(-count // batch_size) if self.examples else count

    def _iterator_round(self, batch_size: int) -> int:
        return 1 if self.round_length is None else -(-self.round_length // batch_size)

    def read(self, number: int, batch_size: int, seed):
        for _ in range(2):
            if self.iterator is None:
                self.iterator = iter(self.iterable)
                self.passes += 1
            if self.examples:
                batch = list(islice(self.iterator, batch_size)) or _ENDED
            else:
                batch = next(self.iterator, _ENDED)
            if batch is not _ENDED:
                return batch, self.passes if self.again else (number - 1) // self._iterator_round(batch_size) + 1
            if not self.again:
                return None
            self.iterator = None
        return None

    def state_of(self) -> Any:
        for holder in (self.iterable, self.iterator):
            if hasattr(holder, "state_dict") and hasattr(holder, "load_state_dict"):
                return holder
        return None

    def restore(self, state, round: int):
        self.passes = round - 1
        self.iterator = None
        if hasattr(self.iterable, "load_state_dict"):
            self.iterable.load_state_dict(state)
            return
        self.iterator = iter(self.iterable)
        self.passes = round
        if not hasattr(self.iterator, "load_state_dict"):
            raise NetTrainingError("cannot resume: the data kept its own position, and what is given now has no load_state_dict")
        self.iterator.load_state_dict(state)
