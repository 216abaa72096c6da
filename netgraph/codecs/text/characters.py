"""The "Characters" encoder and decoder."""

from typing import Any

import numpy as np

from netgraph.codecs.class_labels import unit_vectors
from netgraph.codecs.encoder import NetEncoder
from netgraph.codecs.text.character_table import CharacterTable, TableEntries
from netgraph.codecs.text.sequences import SequenceDecoder, SequenceLength, fitted_all, sequence_type
from netgraph.errors import NetValueError
from netgraph.spec.parameters import Flag, choice
from netgraph.types.port_type import PortType
from netgraph.types.symbols import All, Automatic


class CharactersEncoder(NetEncoder, kind="Characters"):
    """A string to the codes of its characters, from 0.

        NetEncoder("Characters")                                    tab, newline and printable ASCII: 97 codes
        NetEncoder(("Characters", table))                           form "Index": integers
        NetEncoder(("Characters", table, "UnitVector"))             for each character a vector, 1 at its code

    A table is a list of entries, read in turn; "the next code" is the lowest that no entry before has.

        "abc"                       each of these characters has the next code
        ("abc", 5)                  all of them have code 5
        ("abc", Automatic)          all of them have one code, the next
        slice(97, 123)              the characters of these character codes (a range will do), by itself or in a pair
        "LetterCharacter"           a-z and A-Z; also "DigitCharacter", "WordCharacter" (letters and digits), "PunctuationCharacter" (of
                                    ASCII), "WhitespaceCharacter" (space, tab, newline); Automatic: the default table
        "StartOfString", "EndOfString"    what is before the first and after the last character
        All                         any character that is in no other entry

    A group or range leaves out what an earlier entry has; a string with a character that is there already is an error. So a name, which has
    some letter twice, cannot be meant as its letters. "_" is the underscore.
    IgnoreCase: upper and lower case are one; the table is read in lower case, of the default one 71 codes remain. IncludeTerminalTokens:
    the codes of "StartOfString" and "EndOfString" are put at the ends. TargetLength: All, or so many codes, ends included: the first ones,
    padded with "EndOfString" if the table has it, else with the last code.
    `encoder["Alphabet"]` lists all that has a code. Output: integers, (Varying,) or (TargetLength,), or vectors of reals.
    Errors: NetValueError for a character without a code.
    Source: Wolfram's NetEncoder["Characters"], which counts from 1 and writes `_` for All. Groups and ranges that overlap with earlier
    entries, codes that are left free, and what a cut text loses are our choice.

    >>> NetEncoder("Characters")("abc").tolist()
    [67, 68, 69]
    >>> NetEncoder(("Characters", ["ab", ("xyz", Automatic), "c"]))("abzcx").tolist()
    [0, 1, 2, 3, 2]
    >>> NetEncoder(("Characters", ["LetterCharacter", All], {"TargetLength": 4}))(["a-c", "bcdef"]).tolist()
    [[0, 52, 2, 52], [1, 2, 3, 4]]
    """

    positional = ("Table", "Form")
    Table: TableEntries = Automatic
    Form: choice("Index", "UnitVector") = "Index"
    IgnoreCase: Flag = False
    IncludeTerminalTokens: Flag = False
    TargetLength: SequenceLength = All
    wants = "a string"
    computed = ("Alphabet",)

    def check(self) -> None:
        table = self._cache["table"] = CharacterTable(self.Table, self.IgnoreCase)
        if self.IncludeTerminalTokens and (table.start is None or table.end is None):
            fix = 'a table with "StartOfString" and "EndOfString"'
            raise NetValueError('NetEncoder "Characters": IncludeTerminalTokens puts codes at the ends which the table has not', fix=fix)
        self._cache["ends"] = (table.start, table.end) if self.IncludeTerminalTokens else None

    @property
    def alphabet(self) -> tuple:
        """All that has a code, in the order of the codes: characters, the names of the ends, All."""
        return self._cache["table"].alphabet

    def port_type(self) -> PortType:
        return sequence_type(self._cache["table"].count, self.Form, self.TargetLength)

    def is_raw(self, value) -> bool:
        return isinstance(value, str)

    def encode(self, value, source=None) -> Any:
        return self.encode_all([value])[0]

    def encode_all(self, values, source=None):
        table, ends, length = self._cache["table"], self._cache["ends"], self.TargetLength
        texts = values if length is All else [value[: length - (ends is not None)] for value in values]
        joined = table.codes("".join(texts))
        if len(joined) and joined.min() < 0:
            raise next(filter(None, map(self._missing, texts)))
        rows = fitted_all(joined, [len(text) for text in texts], length, table.padding, ends)
        if self.Form == "Index":
            return rows
        return unit_vectors(rows, table.count) if isinstance(rows, np.ndarray) else [unit_vectors(row, table.count) for row in rows]

    def _missing(self, text: str) -> NetValueError | None:
        """The error about the first character that has no code."""
        missing = self._cache["table"].codes(text) < 0
        if not missing.any():
            return None
        place = int(missing.argmax())
        around = text[max(place - 10, 0) : place + 10]
        headline = f"{self!r}: there is no code for {text[place]!r} (U+{ord(text[place]):04X}), character {place}, in {around!r}"
        return NetValueError(headline, fix="a table with All, the code of any other character")

    def partner(self, port=None) -> "CharactersDecoder":
        return CharactersDecoder(self.Table, IgnoreCase=self.IgnoreCase, IncludeTerminalTokens=self.IncludeTerminalTokens)


class CharactersDecoder(SequenceDecoder, kind="Characters"):
    """A vector of probabilities to the most probable character, a sequence of them to a string.

        NetDecoder("Characters")                 tab, newline and printable ASCII: vectors of 97
        NetDecoder(("Characters", table))        the table as of the encoder

    Of several characters with one code the first is given; "StartOfString", "EndOfString" and codes that no character has give nothing, a
    code of All alone the replacement character U+FFFD. IgnoreCase: the table is read in lower case. InputDepth: 1 for one vector, 2 for a
    sequence, which the net then takes its shape from; Automatic for both. IncludeTerminalTokens: of the encoder that belongs to it. That is
    "Characters" for a sequence, and "Class" of the characters for one vector.
    Errors: NetShapeError for vectors of another length.
    Source: Wolfram's NetDecoder["Characters"].

    >>> decoder = NetDecoder(("Characters", "abc"))
    >>> decoder([[0.1, 0.2, 0.7], [0.8, 0.1, 0.1], [0.3, 0.4, 0.3]]), decoder([0, 1, 0])
    ('cab', 'b')
    """

    positional = ("Table",)
    Table: TableEntries = Automatic
    IgnoreCase: Flag = False
    IncludeTerminalTokens: Flag = False

    def check(self) -> None:
        self._cache["table"] = CharacterTable(self.Table, self.IgnoreCase)

    @property
    def count(self) -> int:
        return self._cache["table"].count

    def labels(self) -> tuple:
        return self._cache["table"].labels

    def text(self, codes) -> str:
        texts = self._cache["table"].texts
        return "".join([texts[code] for code in codes])

    def sequence_encoder(self, length) -> NetEncoder:
        terminals = self.IncludeTerminalTokens
        return CharactersEncoder(self.Table, IgnoreCase=self.IgnoreCase, IncludeTerminalTokens=terminals, TargetLength=length)
