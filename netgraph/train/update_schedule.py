"""TrainingUpdateSchedule: groups of arrays that take turns."""

from collections.abc import Mapping, Sequence

from netgraph.errors import NetTypeError, NetValueError
from netgraph.train.parts import Parts
from netgraph.train.turns import Turns
from netgraph.types.symbols import Automatic

WHERE = "TrainingUpdateSchedule"


def parse_turns(value: object, parts: Parts, trained: Sequence[str], always: Sequence[str] = ()) -> Turns | None:
    """The turns that the option means; None where every update moves all.

    `value` is a list of groups: update k moves group (k - 1) mod n. A group is a part, a list of parts, All, or (part, m): the same for m
    updates, also written {part: m}. `trained` are the keys of the trained arrays in order; those in no group never move, those in `always`
    in every update.
    Errors: NetTypeError for what is no schedule, NetValueError for one that moves nothing, NetNameError for a part that is not there.
    """
    if value is None or value is Automatic:
        return None
    if not isinstance(value, (list, tuple)) or not value:
        raise NetTypeError(f"{WHERE} wants a list of groups, got {value!r}", fix='TrainingUpdateSchedule=["a", "b"]')
    cycle: list[tuple[int, ...]] = []
    for group in value:
        part, times = _rule(group)
        covered = parts.covered(part, WHERE)
        places = tuple(place for place, key in enumerate(trained) if key in covered or key in always)
        if not places:
            raise NetValueError(f"{WHERE}: nothing in {part!r} is trained")
        cycle += [places] * times
    return Turns(tuple(cycle))


def _rule(group: object) -> tuple[object, int]:
    """(part, how many updates in a row)."""
    if isinstance(group, Mapping):
        if len(group) != 1:
            raise NetTypeError(f"{WHERE}: a group is a part or {{part: updates}}, got {group!r}")
        part, times = next(iter(group.items()))
    elif isinstance(group, tuple) and len(group) == 2 and isinstance(group[1], int) and not isinstance(group[1], bool):
        part, times = group
    else:
        return group, 1
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise NetValueError(f"{WHERE}: {part!r} is moved in a whole number of updates from 1, got {times!r}")
    return part, times
