"""Samplers: which examples a batch has, by their classes, as frozen values for `Sampled(data, sampler)`.

A sampler gives the batches of a round as rows of the data, drawn from a generator that is a function of (seed, round). How to write one:
subclass `Sampler`, write its numbers as a layer's parameters are written, and give `batches`; where they differ also `unit`, `most`,
`length` and `check_groups`.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor

from netgraph.data.groups import Deck, Groups, Walk, below
from netgraph.errors import NetTypeError, NetValueError
from netgraph.layers.metric.distance import METRIC, LpDistance
from netgraph.spec.initial import generator
from netgraph.spec.parameters import Count
from netgraph.spec.setting import Setting, built

__all__ = ["FixedTripletSampler", "HardNegativeSampler", "HierarchicalSampler", "MPerClassSampler"]


class Sampler(Setting):
    """Chooses the examples of batches by their classes. Abstract."""

    abstract: ClassVar[bool] = True
    wants_supers: ClassVar[bool] = False
    gives_triplets: ClassVar[bool] = False
    """Whether its batches are made of triplets (anchor, positive, negative)."""
    follows_net: ClassVar[bool] = False
    """Whether it must be told the nearest rows of other classes."""

    def check_groups(self, groups: Groups, where: str) -> None:
        """Raise a NetValueError for classes that it cannot sample from."""
        if groups.count < 2:
            raise NetValueError(f"{where}: {self!r} samples by class, and all examples are of class {groups.names[0]}")

    def unit(self) -> int:
        """How many rows belong together: a batch has a multiple of them."""
        return 3 if self.gives_triplets else 1

    def most(self, groups: Groups) -> int | None:
        """How many rows a batch can have at most; None for any number."""
        return None

    def length(self, groups: Groups) -> int:
        """How many rows make a round, unless told."""
        return len(groups.rows)

    def batches(self, groups: Groups, size: int, count: int, source: torch.Generator, near: Tensor | None) -> list[Tensor]:
        """`count` batches of about `size` rows; `near` are the rows of other classes nearest to each row, where it looks at the net."""
        raise TypeError(f"{type(self).__name__} is abstract")


def sampler_of(value: Any, where: str) -> Sampler:
    """A sampler from its value, its name, or a tuple of name and numbers. Errors: NetTypeError for anything else."""
    try:
        found = built(Sampler, {}, False, value)
    except ValueError as fault:
        raise NetTypeError(f"{where}: the sampler {fault}", fix="MPerClassSampler(4)") from None
    assert isinstance(found, Sampler)
    return found


class MPerClassSampler(Sampler):
    """Batches of PerClass examples of each of some classes: BatchSize / PerClass classes, drawn without repetition until all were there.

    Within a class examples are drawn without repetition until all were there; a class that is smaller than PerClass gives some again.
    The examples of a class stand side by side. 4 unless given.
    Source: MPerClassSampler of pytorch-metric-learning, which draws classes and examples anew for each batch.

    >>> MPerClassSampler(8)
    MPerClassSampler(8)
    """

    PerClass: Count = 4

    def unit(self):
        return self.PerClass

    def most(self, groups):
        return groups.count * self.PerClass

    def batches(self, groups, size, count, source, near):
        walk, deck = Walk(groups, source), Deck(torch.arange(groups.count), source)
        return [walk.take(deck.draw(size // self.PerClass), self.PerClass) for _ in range(count)]


class HierarchicalSampler(Sampler):
    """Batches of SuperPerBatch super classes, an equal part of the batch each, with PerClass examples of each of some of its classes.

    Near classes (breeds of one animal) then meet in a batch. A super class of too few classes makes the batch smaller. PerClass is 4,
    SuperPerBatch 2 unless given; `Sampled(..., SuperClasses=...)` says what the super classes are.
    Source: HierarchicalSampler of pytorch-metric-learning, where a round is every combination of super classes four times.

    >>> HierarchicalSampler(4, SuperPerBatch=3)
    HierarchicalSampler(SuperPerBatch=3)
    """

    wants_supers = True
    PerClass: Count = 4
    SuperPerBatch: Count = 2

    def check_groups(self, groups, where):
        super().check_groups(groups, where)
        if len(groups.supers) < self.SuperPerBatch:
            raise NetValueError(f"{where}: {self!r} wants {self.SuperPerBatch} super classes in a batch, the data has {len(groups.supers)}")

    def unit(self):
        return self.PerClass * self.SuperPerBatch

    def most(self, groups):
        return self.unit() * max(len(classes) for classes in groups.supers)

    def batches(self, groups, size, count, source, near):
        walk, deck = Walk(groups, source), Deck(torch.arange(len(groups.supers)), source)
        decks = [Deck(classes, source) for classes in groups.supers]
        share = size // self.unit()

        def batch():
            chosen = deck.draw(self.SuperPerBatch).tolist()
            return torch.cat([walk.take(decks[place].draw(share), self.PerClass) for place in chosen])

        return [batch() for _ in range(count)]


class FixedTripletSampler(Sampler):
    """Triplets (anchor, positive, negative) that are drawn once and stay: in each round every one comes once, in a new order.

        anchor and positive: two examples of a class that is drawn; negative: an example of another class that is drawn

    Triplets is how many there are, Seed what they are drawn from (1234 unless given), so that several runs have the same ones.
    Source: FixedSetOfTriplets of pytorch-metric-learning, where the anchor of a class of one is its own positive.

    >>> FixedTripletSampler(1000)
    FixedTripletSampler(1000)
    """

    gives_triplets = True
    Triplets: Count = 10_000
    Seed: Count = 1234

    def check_groups(self, groups, where):
        super().check_groups(groups, where)
        _check_positives(self, groups, where)

    def length(self, groups):
        return self.Triplets * 3

    def fixed(self, groups: Groups) -> Tensor:
        """The triplets, Triplets x 3."""
        source = generator(self.Seed, "triplets")
        own = (groups.counts > 1).nonzero()[:, 0]
        anchors = own[below(torch.full((self.Triplets,), len(own)), source)]
        others = (anchors + 1 + below(torch.full_like(anchors, groups.count - 1), source)) % groups.count
        first, counts = below(groups.counts[anchors], source), groups.counts[anchors]
        second = (first + 1 + below(counts - 1, source)) % counts
        third = below(groups.counts[others], source)
        members = (groups.members(anchors, first), groups.members(anchors, second), groups.members(others, third))
        return torch.stack(members, 1)

    def batches(self, groups, size, count, source, near):
        triplets = self.fixed(groups)[torch.randperm(self.Triplets, generator=source)]
        return [part.reshape(-1) for part in triplets.split(size // 3)][:count]


class HardNegativeSampler(Sampler):
    """Triplets whose negative is hard in the *whole* data: one of the Nearest rows of other classes that are nearest to the anchor.

    Every Refresh batches all examples are embedded by the net as it stands, and the nearest ones of other classes are found anew; in
    between the choice stays. The anchors of a round are different examples, the positive is another one of the class, the negative is
    drawn from the Nearest (5 unless given: with 1 it is the very hardest, which often is a wrong label). `Distance` is Euclidean on
    normalised embeddings. Refresh is 100 unless given. Looking takes time by the square of the number of examples, about 5 s for 20,000 of
    128 numbers on one core. For triplets the net is a NetTripletEmbeddingOperator, of which the net inside embeds.
    Source: Xiong et al. 2020 (arXiv 2007.00808); mining from the corpus as in sentence-transformers.

    >>> HardNegativeSampler(Refresh=50)
    HardNegativeSampler(Refresh=50)
    """

    gives_triplets = True
    follows_net = True
    Nearest: Count = 5
    Refresh: Count = 100
    Distance: METRIC = LpDistance()

    def check_groups(self, groups, where):
        super().check_groups(groups, where)
        _check_positives(self, groups, where)

    def batches(self, groups, size, count, source, near):
        assert near is not None
        able = (groups.counts[groups.places] > 1).nonzero()[:, 0]
        deck, walk = Deck(able, source), Walk(groups, source)
        position = torch.empty_like(walk.rows)
        position[walk.rows] = torch.arange(len(walk.rows)) - groups.starts[groups.places[walk.rows]]

        def batch():
            anchors = deck.draw(size // 3)
            classes = groups.places[anchors]
            counts = groups.counts[classes]
            following = (position[anchors] + 1 + below(counts - 1, source)) % counts
            positives = walk.rows[groups.starts[classes] + following]
            known = (near[anchors] >= 0).sum(1)
            negatives = near[anchors, below(known, source)]
            return torch.stack((anchors, positives, negatives), 1).reshape(-1)

        return [batch() for _ in range(count)]


def _check_positives(sampler: Sampler, groups: Groups, where: str) -> None:
    if int(groups.counts.max()) < 2:
        raise NetValueError(f"{where}: {sampler!r} wants an anchor and a positive of one class, and every class has one example")
