"""Rows by class, and what is drawn of them: classes without repetition until all were there, members of each class in turn."""

import numpy as np
import torch
from torch import Tensor


class Groups:
    """The rows of some classes. `rows` are sorted by class, `starts` and `counts` tell where each class lies; `supers` groups the classes.

    >>> groups = Groups(np.array([5, 7, 5, 5]))
    >>> groups.rows.tolist(), groups.counts.tolist()
    ([0, 2, 3, 1], [3, 1])
    """

    def __init__(self, classes: np.ndarray, supers: np.ndarray | None = None):
        self.names, places = np.unique(classes, return_inverse=True)
        self.places = torch.from_numpy(places.reshape(-1))
        self.rows = torch.sort(self.places, stable=True).indices
        self.counts = torch.bincount(self.places, minlength=len(self.names))
        self.starts = self.counts.cumsum(0) - self.counts
        self.supers: list[Tensor] = []
        if supers is not None:
            found = np.unique(supers, return_inverse=True)[1].reshape(-1)
            # the same class under two super classes is two classes, as in a tree
            self.supers = [torch.from_numpy(np.unique(places[found == place])) for place in range(found.max() + 1)]

    @property
    def count(self) -> int:
        """How many classes there are."""
        return len(self.names)

    def members(self, classes: Tensor, places: Tensor) -> Tensor:
        """The rows at places within classes, one a pair of them."""
        return self.rows[self.starts[classes] + places]


class Walk:
    """The rows of every class in a drawn order: each class goes on where it stopped, and starts over when all of it was taken."""

    def __init__(self, groups: Groups, source: torch.Generator):
        mixed = torch.randperm(len(groups.rows), generator=source)
        self.groups, self.rows = groups, mixed[torch.sort(groups.places[mixed], stable=True).indices]
        self.taken = torch.zeros_like(groups.counts)

    def take(self, classes: Tensor, count: int) -> Tensor:
        """`count` rows of each class, side by side; the classes are different ones. Of a smaller class rows come again."""
        places = self.taken[classes].unsqueeze(1) + torch.arange(count)
        self.taken[classes] += count
        return self.rows[(self.groups.starts[classes].unsqueeze(1) + places % self.groups.counts[classes].unsqueeze(1)).reshape(-1)]


class Deck:
    """Cards drawn without repetition until all were there, and then anew; the cards of one draw are different ones."""

    def __init__(self, cards: Tensor, source: torch.Generator):
        self.cards, self.source, self.drawn = cards, source, len(cards)

    def draw(self, count: int) -> Tensor:
        """`count` cards, or all there are."""
        count = min(count, len(self.cards))
        left = self.cards[self.drawn :]
        if len(left) >= count:
            self.drawn += count
            return self.cards[self.drawn - count : self.drawn]
        mixed = self._mixed(self.cards)
        fresh = mixed[~torch.isin(mixed, left)]
        self.drawn = count - len(left)
        self.cards = torch.cat((fresh[: self.drawn], self._mixed(torch.cat((fresh[self.drawn :], left)))))
        return torch.cat((left, self.cards[: self.drawn]))

    def _mixed(self, cards: Tensor) -> Tensor:
        return cards[torch.randperm(len(cards), generator=self.source)]


def below(counts: Tensor, source: torch.Generator) -> Tensor:
    """For each count a whole number from 0 and below it, drawn."""
    return (torch.rand(counts.shape, generator=source, dtype=torch.float64) * counts).long().minimum(counts - 1)
