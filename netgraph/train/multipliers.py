"""LearningRateMultipliers: one factor an array, the first matching rule wins."""

from collections.abc import Mapping, Sequence

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.spec.net import Net, array_key, array_slots, walk
from netgraph.spec.ports import path_of
from netgraph.types.symbols import All, Automatic


def multipliers(net: Net, keys: Sequence[str], setting=Automatic) -> list[float]:
    """The factor of each array of `keys` in the training of `net`.

    `setting` is a number, or rules {part: factor} or [(part, factor), ...] in order; a part is a path of a layer, subnet or array ("a",
    ("a", "Weights"), 0), All the rest. 0 or None freezes. Where no rule matches, the layer's own LearningRateMultipliers count, else 1.
    Errors: NetTypeError for what is no rule, NetNameError for a part that does not exist.
    """
    places: dict[str, list[tuple[str, ...]]] = {}
    own: dict[str, float] = {}
    for path, _, name, _, array_setting in array_slots(net):
        key = array_key(path, name, array_setting)
        places.setdefault(key, []).append((*path, name))
    for path, part in walk(net):
        for rule, factor in _rules(getattr(part, "_multipliers", Automatic), part):
            for key, found in places.items():
                if any(_matches((*path, *rule), place) for place in found):
                    own[key] = own.get(key, 1.0) * factor
    given = _rules(setting, net)
    factors = []
    for key in keys:
        rule = next((factor for rule, factor in given if any(_matches(rule, place) for place in places[key])), None)
        factors.append(own.get(key, 1.0) if rule is None else rule)
    return factors


def _rules(setting, net: Net) -> list[tuple[tuple[str, ...], float]]:
    """(path, factor) of each rule, positions turned into names; the empty path matches everything."""
    if setting is Automatic:
        return []
    if setting is None or (isinstance(setting, (int, float)) and not isinstance(setting, bool)):
        return [((), float(setting or 0))]
    pairs = list(setting.items()) if isinstance(setting, Mapping) else setting
    if not isinstance(pairs, (list, tuple)) or not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
        raise NetTypeError(f"LearningRateMultipliers wants a number, a dict or a list of (part, factor), got {setting!r}")
    rules = []
    for part, factor in pairs:
        if factor is not None and (isinstance(factor, bool) or not isinstance(factor, (int, float))):
            raise NetTypeError(f"LearningRateMultipliers: the factor of {part!r} is a number or None, got {factor!r}")
        rules.append((() if part is All else _named(net, path_of(part)), float(factor or 0)))
    return rules


def _named(net: Net, path: tuple) -> tuple[str, ...]:
    walked: list[str] = []
    part = net
    for place, word in enumerate(path):
        names = list(part.children)
        if isinstance(word, int) and -len(names) <= word < len(names):
            word = names[word]
        word = str(word)
        if word in part.children:
            part = part.children[word]
        else:
            arrays = [name for name, _, _ in part.array_places()] if hasattr(part, "array_places") else []
            if word not in arrays or place != len(path) - 1:
                hint = did_you_mean(word, [*names, *arrays])
                raise NetNameError(f"LearningRateMultipliers: there is no {word!r} in {'/'.join(walked) or 'the net'}, {hint}")
        walked.append(word)
    return tuple(walked)


def _matches(rule: tuple[str, ...], place: tuple[str, ...]) -> bool:
    return place[: len(rule)] == rule
