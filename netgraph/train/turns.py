"""Which arrays an update moves, where a TrainingUpdateSchedule says that they take turns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Turns:
    """A cycle of groups, one an update; a group holds places among the trained arrays.

    >>> turns = Turns(((0,), (0,), (1, 2)))
    >>> [turns.places(update) for update in (1, 2, 3, 4)], turns.counts(4)
    ([(0,), (0,), (1, 2), (0,)], [3])
    """

    cycle: tuple[tuple[int, ...], ...]

    def places(self, update: int) -> tuple[int, ...]:
        """The places that update number `update` (from 1) moves."""
        return self.cycle[(update - 1) % len(self.cycle)]

    def counts(self, update: int) -> list[int]:
        """For each of these places, how often it will have been moved, this update included: what bias corrections count."""
        whole, rest = divmod(update, len(self.cycle))
        return [
            whole * sum(place in group for group in self.cycle) + sum(place in group for group in self.cycle[:rest])
            for place in self.places(update)
        ]
