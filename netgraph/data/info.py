"""What a generator of batches is told: `f(info)`."""

from collections.abc import Mapping

import numpy as np

from netgraph.errors import NetNameError, did_you_mean
from netgraph.spec.initial import generator
from netgraph.spec.names import snake

_KEYS = ("BatchSize", "Round", "AbsoluteBatch", "Seed", "Generator", "NumpyGenerator")
_SPELLINGS = {**{key: key for key in _KEYS}, **{snake(key): key for key in _KEYS}}


class Info(Mapping):
    """What the batch is for, by key and by attribute, in Wolfram's spelling and in snake case.

    BatchSize      how many examples are asked for
    Round          the round, from 1
    AbsoluteBatch  the number of the batch, from 1, over all rounds
    Seed           the seed of the training
    Generator, NumpyGenerator
                   a torch.Generator and a numpy.random.Generator, functions of (Seed, AbsoluteBatch): a generator of data that draws from
                   these alone gives the same batches when training is resumed

    Errors: NetNameError for another key (AttributeError for another attribute), with the nearest ones.

    >>> info = Info(64, 1, 3, 1234)
    >>> info["BatchSize"], info.batch_size, info.AbsoluteBatch
    (64, 64, 3)
    """

    __slots__ = ("_values",)

    def __init__(self, batch_size: int, round: int, batch: int, seed):
        self._values: dict[str, object] = {"BatchSize": batch_size, "Round": round, "AbsoluteBatch": batch, "Seed": seed}

    def __getitem__(self, key):
        name = _SPELLINGS.get(key)
        if name is None:
            raise NetNameError(f'a generator is told nothing named "{key}", {did_you_mean(key, _KEYS)}')
        # making a generator costs more than a small batch, so only those asked for are made
        if name not in self._values:
            made = generator(self._values["Seed"], "batch", self._values["AbsoluteBatch"])
            self._values[name] = made if name == "Generator" else np.random.default_rng(made.initial_seed())
        return self._values[name]

    def __getattr__(self, name):
        try:
            return self[name]
        except NetNameError as error:
            raise AttributeError(str(error)) from None

    def __contains__(self, key) -> bool:
        return key in _SPELLINGS

    def get(self, key, default=None):
        """The value of `key`, or `default` for what a generator is not told."""
        return self[key] if key in _SPELLINGS else default

    def __iter__(self):
        return iter(_KEYS)

    def __len__(self) -> int:
        return len(_KEYS)

    def __repr__(self) -> str:
        return f"Info({', '.join(f'{key}={self._values[key]!r}' for key in _KEYS[:4])})"
