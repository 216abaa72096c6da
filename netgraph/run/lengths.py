"""Sequences that are too short for a layer, told before anything runs: a generated forward cannot look at lengths."""

from collections.abc import Callable, Sequence

import torch

from netgraph.errors import NetShapeError
from netgraph.lower.forward import Lowered


class Shortest:
    """The shortest sequence that each layer along a net takes, worked out once for many batches.

    `columns` are the names that the input ports have in the data, if they have others; `around` is how many containers were put around
    what the user wrote.
    """

    def __init__(self, lowered: Lowered, columns: Sequence[str] | None = None, around: int = 0):
        self.lowered, self.columns, self.around = lowered, columns, around
        self.wants = []
        for step in lowered.plan.calls():
            for (port, axis), least in step.layer.shortest_lengths(step.sizes).items():
                found = step.lengths[port].get(axis)
                if found is not None:
                    self.wants.append((step, found, least))

    def refuse(self, lengths: Sequence[torch.Tensor], where: Callable[[], str] = str) -> None:
        """Hold the lengths of all examples, by variable, against what the layers take; what `where` gives starts the message.

        Errors: NetShapeError, for the first layer and example.
        """
        if not lengths or not self.wants:
            return
        least_of = [int(length.amin()) for length in lengths]
        for step, found, least in self.wants:
            shortest = least_of[found.variable]
            for form in found.steps:  # none of them turns a longer one into a shorter
                shortest = form(shortest)
            if shortest >= least:
                continue
            here = lengths[found.variable]
            for form in found.steps:
                here = (here * form.multiply + form.add).div(form.divide, rounding_mode="floor")
            example = int((here < least).nonzero()[0])
            sources = self.lowered.plan.length_sources
            port = next(name for name, _, variable, form in sources if variable == found.variable and not form.steps)
            name = port if self.columns is None else self.columns[self.lowered.inputs.index(port)]
            place, got = "/".join(step.path[self.around :]) or type(step.layer).__name__, int(here[example])
            wants = f"{least} element{'s' * (least != 1)}"
            raise NetShapeError(f"{where()}{place} wants at least {wants}, of example {example} of {name} it would get {got}")


def refuse_short(
    lowered: Lowered, lengths: Sequence[torch.Tensor], columns: Sequence[str] | None = None, where: str = "", around: int = 0
) -> None:
    """`Shortest` for lengths that are looked at once; `where` starts the message. Errors: those of `Shortest.refuse`."""
    if lengths:
        Shortest(lowered, columns, around).refuse(lengths, lambda: where)
