"""LearningRateMultipliers: one factor an array, the first matching rule wins."""

from collections.abc import Sequence

from netgraph.spec.net import Net, walk
from netgraph.train.parts import Parts, rules_of
from netgraph.types.symbols import Automatic

WHERE = "LearningRateMultipliers"


def multipliers(net: Net, keys: Sequence[str], setting=Automatic, *, beneath: str | None = None) -> list[float]:
    """The factor of each array of `keys` (running statistics have one too) in the training of `net`.

    `setting` is a number, or rules {part: factor} or [(part, factor), ...] in order; a part is a path of a layer, subnet or array ("a",
    ("a", "Weights"), 0, slice(0, 2)), a list of these, or All the rest. 0 or None freezes, negative factors go up the gradient. Where no
    rule matches, the layers' own LearningRateMultipliers count, each times those of the nets around it, else 1.
    Errors: NetTypeError for what is no rule, NetNameError for a part that does not exist.
    """
    own: dict[str, float] = {}
    key_at = {place: key for key, places in Parts(net).places.items() for place in places}
    for path, part in walk(net):
        given = getattr(part, "_multipliers", Automatic)
        if given is Automatic:
            continue
        inner = Parts(part)
        for key, factor in _factors(inner, given).items():
            outer = key_at[(*path, *inner.places[key][0])]
            own[outer] = own.get(outer, 1.0) * factor
    rules = {} if setting is Automatic else _factors(Parts(net, beneath), setting)
    return [rules.get(key, own.get(key, 1.0)) for key in keys]


def _factors(parts: Parts, setting) -> dict[str, float]:
    """The factor of every array that a rule covers."""
    found: dict[str, float] = {}
    for part, factor in rules_of(setting, WHERE):
        for key in parts.covered(part, WHERE):
            found.setdefault(key, factor)
    return found
