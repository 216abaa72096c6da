"""Parts of a net as options name them: "a", 0, ("a", "Weights"), "a/Weights", slices, lists of these, All."""

from collections.abc import Mapping, Sequence

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.spec.net import Net, array_key, array_slots, is_position
from netgraph.spec.ports import path_of
from netgraph.types.symbols import All

Rules = list[tuple[object, float]]


class Parts:
    """The arrays of a net by the parts that hold them; a shared array is in all parts that it is used in.

    Inside a training net the user's net is the part `beneath`; names are those of the user's net, and those beside it, such as a loss with
    arrays of its own, where the user's net has no such part.

    >>> from netgraph import NetChain, Ramp
    >>> parts = Parts(NetChain({"a": 2, "r": Ramp, "b": 1}, Input=2))
    >>> sorted(parts.covered("a", "here")), sorted(parts.covered(slice(1, None), "here"))
    (['a/Biases', 'a/Weights'], ['b/Biases', 'b/Weights'])
    """

    def __init__(self, net: Net, beneath: str | None = None):
        self.head = () if beneath is None else (beneath,)
        self.net = net if beneath is None else net.children[beneath]
        self.beside = {} if beneath is None else {name: part for name, part in net.children.items() if name != beneath}
        self.places: dict[str, list[tuple[str, ...]]] = {}
        for path, _, name, _, setting in array_slots(net):
            self.places.setdefault(array_key(path, name, setting), []).append((*path, name))

    def covered(self, part: object, where: str) -> frozenset[str]:
        """The keys of all arrays in a part. Errors: NetNameError for one that is not there, NetTypeError for what is no part."""
        if isinstance(part, list):
            return frozenset().union(*(self.covered(one, where) for one in part))
        rules = self._paths(part, where)
        return frozenset(
            key for key, places in self.places.items() if any(place[: len(rule)] == rule for place in places for rule in rules)
        )

    def _paths(self, part: object, where: str) -> list[tuple[str, ...]]:
        """The paths, in names, that a spelling stands for; a slice stands for several."""
        try:
            words = path_of(part)
        except NetTypeError:
            raise NetTypeError(f"{where}: a part is a name, a position, a slice, a path or All, got {part!r}") from None
        found: list[tuple[tuple[str, ...], Net]] = [(self.head, self.net)]
        if words and isinstance(words[0], str) and words[0] in self.beside and words[0] not in self.net.children:
            found, words = [((words[0],), self.beside[words[0]])], words[1:]
        for place, word in enumerate(words):
            if word is All:
                continue
            found = [step for path, here in found for step in self._step(path, here, word, place == len(words) - 1, where)]
        return [path for path, _ in found]

    def _step(self, path: tuple[str, ...], here: Net, word: object, last: bool, where: str) -> list[tuple[tuple[str, ...], Net]]:
        names = list(here.children)
        if isinstance(word, slice):
            if (word.start is not None and not is_position(word.start)) or (word.stop is not None and not is_position(word.stop)):
                raise NetTypeError(f"{where}: a slice of parts counts positions, got {word!r}")
            return [((*path, name), here.children[name]) for name in names[word]]
        if is_position(word) and -len(names) <= word < len(names):  # type: ignore[operator]
            word = names[word]  # type: ignore[index]
        name = str(word)
        if name in here.children:
            return [((*path, name), here.children[name])]
        arrays = [array for array, _, _ in here.array_places()]
        if last and name in arrays:
            return [((*path, name), here)]
        shown = "/".join(path[len(self.head) :]) or "the net"
        raise NetNameError(f"{where}: there is no {name!r} in {shown}, {did_you_mean(name, [*names, *arrays])}")


def rules_of(setting: object, where: str) -> Rules:
    """(part, number) of each rule: from {part: number}, [(part, number), ...], or one number for all parts. None is 0.

    Errors: NetTypeError for what is no rule.

    >>> rules_of({"a": None, All: 2}, "here")
    [('a', 0.0), (All, 2.0)]
    """
    if setting is None or _is_number(setting):
        return [(All, float(setting or 0))]  # type: ignore[arg-type]
    pairs = list(setting.items()) if isinstance(setting, Mapping) else setting
    if not isinstance(pairs, Sequence) or not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
        raise NetTypeError(f"{where} wants a number, a dict or a list of (part, factor), got {setting!r}")
    for part, number in pairs:
        if number is not None and not _is_number(number):
            raise NetTypeError(f"{where}: the factor of {part!r} is a number or None, got {number!r}")
    return [(part, float(number or 0)) for part, number in pairs]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
