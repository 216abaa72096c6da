"""Sequences that are too short for a layer, told before anything runs: a generated forward cannot look at lengths."""

from collections.abc import Sequence

import torch

from netgraph.errors import NetShapeError
from netgraph.lower.forward import Lowered


def refuse_short(
    lowered: Lowered, lengths: Sequence[torch.Tensor], columns: Sequence[str] | None = None, where: str = "", around: int = 0
) -> None:
    """Hold the lengths of all examples, by variable, against the shortest sequence that each layer along the net takes.

    `columns` are the names that the input ports have in the data, if they have others; `where` starts the message; `around` is how many
    containers were put around what the user wrote. Errors: NetShapeError, for the first layer and example.
    """
    if not lengths:
        return
    for step in lowered.plan.calls():
        for (port, axis), least in step.layer.shortest_lengths(step.sizes).items():
            found = step.lengths[port].get(axis)
            if found is None:
                continue
            here = lengths[found.variable]
            for form in found.steps:
                here = (here * form.multiply + form.add).div(form.divide, rounding_mode="floor")
            short = here < least
            if bool(short.any()):
                example = int(short.nonzero()[0])
                port = next(
                    name for name, _, variable, form in lowered.plan.length_sources if variable == found.variable and not form.steps
                )
                name = port if columns is None else columns[lowered.inputs.index(port)]
                place, got = "/".join(step.path[around:]) or type(step.layer).__name__, int(here[example])
                wants = f"{least} element{'s' * (least != 1)}"
                raise NetShapeError(f"{where}{place} wants at least {wants}, of example {example} of {name} it would get {got}")
