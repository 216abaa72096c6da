"""Tables of characters: which character has which code."""

import functools
import string
from typing import Any

import numpy as np

from netgraph.codecs.text.sequences import UNKNOWN
from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.types.symbols import All, Automatic

LARGEST = 0x110000
"""How many code points there are, and more codes than characters no table can have."""

PRINTABLE = "\t\n" + "".join(map(chr, range(32, 127)))

GROUPS = {
    "LetterCharacter": string.ascii_letters,
    "DigitCharacter": string.digits,
    "WordCharacter": string.ascii_letters + string.digits,
    "PunctuationCharacter": string.punctuation,
    "WhitespaceCharacter": " \t\n",
}
TERMINALS = ("StartOfString", "EndOfString")
# Every name has some letter twice, which a string of different characters never has: so no table can mean its letters.


def _characters(value) -> Any:
    """The left side of an entry in the form in which it is kept."""
    if value is Automatic or value is All:
        return value
    if isinstance(value, str) and value:
        if value not in GROUPS and value not in TERMINALS:
            twice = next((one for place, one in enumerate(value) if one in value[:place]), None) if len(set(value)) < len(value) else None
            if twice is not None:
                raise wants("different characters, or the name of a group", f"{twice!r} twice in {value!r:.60}")
        return value
    if isinstance(value, range) and value.step == 1:
        value = slice(value.start, value.stop)
    if isinstance(value, slice) and value.step is None and is_integer(value.start) and is_integer(value.stop):
        if 0 <= value.start < value.stop <= LARGEST:
            return value
        raise wants(f"character codes from 0, the end at most {LARGEST}", value)
    raise wants("a string of characters, the name of a group, a slice or range of character codes, Automatic or All", value)


def _size(characters) -> int:
    """How many characters an entry may speak of."""
    return characters.stop - characters.start if isinstance(characters, slice) else len(characters) if isinstance(characters, str) else 1


def _table(value):
    entries = value if isinstance(value, tuple) else (value,)
    if not entries:
        raise wants("a table with characters", value)
    kept = []
    for entry in entries:
        if not isinstance(entry, tuple):
            kept.append(_characters(entry))
            continue
        if len(entry) != 2:
            raise wants("(characters, code) or (characters, Automatic)", entry)
        code = entry[1]
        if code is not Automatic and not (is_integer(code) and 0 <= code < LARGEST):
            raise wants(f"a code from 0 to {LARGEST - 1}, or Automatic", code)
        kept.append((_characters(entry[0]), code))
    total = sum(_size(entry[0] if isinstance(entry, tuple) else entry) for entry in kept)
    if total > LARGEST:
        raise ValueError(f"has {total} characters, there are {LARGEST}")
    table = CharacterTable(tuple(kept), False)  # finds characters that are given twice
    if not table.count:
        raise wants("a table with characters", value)
    return tuple(kept)


TableEntries = parameter(_table, {"type": "array"})
"""Entries of a table of characters, as `CharactersEncoder` describes them."""


class CharacterTable:
    """The codes of a table. With `ignoring_case` the table is read in lower case, and a character that comes again keeps its first code.

    >>> table = CharacterTable(("ab", ("xyz", Automatic), "c"), False)
    >>> table.codes("abzcx").tolist(), table.count
    ([0, 1, 2, 3, 2], 4)
    """

    def __init__(self, entries: tuple, ignoring_case: bool):
        self.ignoring_case = ignoring_case
        self.of: dict[Any, int] = {}
        self._used: set[int] = set()
        self._next = 0
        seen: set = set()
        for entry in entries:
            what, code = entry if isinstance(entry, tuple) else (entry, None)
            self._add(what, code, seen)
        self.count = max(self.of.values(), default=-1) + 1
        self.unknown = self.of.get(All)
        self.start, self.end = (self.of.get(name) for name in TERMINALS)
        self.padding = self.count - 1 if self.end is None else self.end
        self._lookup = self._looked_up()

    def _add(self, what, code, seen: set) -> None:
        strict = isinstance(what, str) and what not in GROUPS
        members = _members(what)
        if strict:
            again = next((one for one in members if one in seen), None)
            if again is not None:
                raise ValueError(f"has {again!r} twice")
        elif what is All and All in seen:
            raise ValueError("has All twice")
        seen.update(members)
        if self.ignoring_case:
            members = [_lower(one) for one in members]
        new = [one for one in dict.fromkeys(members) if one not in self.of]
        if code is Automatic and new:
            code = self._free()
        for one in new:
            self.of[one] = self._free() if code is None else code
        if code is not None:
            self._used.add(code)

    def _free(self) -> int:
        while self._next in self._used:
            self._next += 1
        self._next += 1
        return self._next - 1

    def _looked_up(self) -> np.ndarray:
        """The code for each code point, and behind them the code of all others; -1 where there is none."""
        points = np.array([ord(one) for one in self.of if _is_character(one)], dtype=np.int64)
        codes = np.array([code for one, code in self.of.items() if _is_character(one)], dtype=np.int64)
        lowered = lower_case() if self.ignoring_case else None
        size = max(int(points.max(initial=-1)) + 1, 0 if lowered is None else len(lowered))
        found = np.full(size + 1, -1 if self.unknown is None else self.unknown, dtype=np.int64)
        found[points] = codes
        if lowered is not None:
            found[: len(lowered)] = found[lowered]
        return found

    def codes(self, text: str) -> np.ndarray:
        """The codes of a text; -1 for a character that has none."""
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        return np.take(self._lookup, points, mode="clip")

    @functools.cached_property
    def texts(self) -> list[str]:
        """What each code is decoded to: the first of its characters, nothing for the ends, and for any other character the sign of such."""
        texts: dict[int, str] = {}
        for one, code in self.of.items():
            if _is_character(one):
                texts.setdefault(code, one)
        if self.unknown is not None:
            texts.setdefault(self.unknown, UNKNOWN)
        return [texts.get(code, "") for code in range(self.count)]

    @functools.cached_property
    def labels(self) -> tuple:
        """For each code the first that it stands for, a character, the name of an end or All; else the code itself."""
        first: dict[int, Any] = {}
        for one, code in self.of.items():
            first.setdefault(code, one)
        return tuple(first.get(code, code) for code in range(self.count))

    @functools.cached_property
    def alphabet(self) -> tuple:
        """All that has a code, in the order of the codes."""
        return tuple(sorted(self.of, key=lambda one: self.of[one]))


def _members(what) -> list:
    if what is All or what in TERMINALS:
        return [what]
    if isinstance(what, slice):
        return list(map(chr, range(what.start, what.stop)))
    return list(PRINTABLE) if what is Automatic else list(GROUPS.get(what) or what)


def _is_character(one) -> bool:
    return isinstance(one, str) and len(one) == 1


def _lower(one) -> Any:
    return chr(lower_case()[ord(one)]) if _is_character(one) and ord(one) < len(lower_case()) else one


@functools.cache
def lower_case() -> np.ndarray:
    """For each code point of the planes that have cases, that of its lower case; those whose lower case is longer are left alone."""
    lowered = [chr(point).lower() for point in range(0x20000)]
    return np.array([ord(one) if len(one) == 1 else point for point, one in enumerate(lowered)], dtype=np.int64)
