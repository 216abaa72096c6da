"""The "Tokens" encoder and decoder."""

import re
from typing import Any

import numpy as np

from netgraph.codecs.class_labels import as_list
from netgraph.codecs.encoder import NetEncoder
from netgraph.codecs.text.sequences import UNKNOWN, SequenceDecoder, SequenceLength, fitted, sequence_type
from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.described import sort_of
from netgraph.spec.parameters import Flag, parameter, wants
from netgraph.types.port_type import PortType
from netgraph.types.symbols import All

WORDS = re.compile(r"\w+|[^\w\s]+")

LONGEST_PATTERN = 1000

REPEAT = re.compile(r"[*+][?+]?|\{\d*,\}[?+]?|\{\d*,\d{3,}\}[?+]?|\{\d{3,}\}[?+]?")
"""A repeat without a bound, or with one that is as good as none."""


def _vocabulary(value):
    value = as_list(value)
    if isinstance(value, str):
        raise wants("a list of tokens (no language's list of words comes with netgraph)", value)
    if not isinstance(value, tuple) or not value:
        raise wants("a list of tokens", value)
    seen = set()
    for token in value:
        if not isinstance(token, str) or not token:
            raise wants("tokens that are strings", token)
        if token in seen:
            raise wants("different tokens", token)
        seen.add(token)
    return value


def _pattern(value):
    if value is None or value == "WordBoundary":
        return value
    if not isinstance(value, str):
        raise wants('a regular expression, "WordBoundary" or None', value)
    if len(value) > LONGEST_PATTERN:
        raise ValueError(f"wants a regular expression of at most {LONGEST_PATTERN} characters, got {len(value)}")
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as fault:
        raise wants(f"a regular expression ({fault})", value) from None
    if repeats_in_repeats(value):
        raise wants("a regular expression without a repeat in a repeat, which can take time without bound", value)
    return value


def repeats_in_repeats(pattern: str) -> bool:
    """Whether some part that may be repeated without bound, as in (a+)+, holds another one.

    Such a pattern can take a time that doubles with each character, and it may come from a file.

    >>> repeats_in_repeats("(a+|b)*"), repeats_in_repeats("a+(b|c)*")
    (True, False)
    """
    kept = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)  # escapes and sets say nothing
    inside = [False]  # for each open group, whether it holds a repeat
    place = 0
    while place < len(kept):
        one, place = kept[place], place + 1
        if one == "(":
            inside.append(False)
            place += place < len(kept) and kept[place] == "?"  # what follows tells the sort of the group
            continue
        held = inside.pop() if one == ")" and len(inside) > 1 else False
        repeat = REPEAT.match(kept, place) if one not in "|^" else None
        if repeat is not None:
            place = repeat.end()
            if held:
                return True
            held = True
        inside[-1] = inside[-1] or held
    return False


TokenList = parameter(_vocabulary, {"type": "array", "items": {"type": "string"}})


class TokensEncoder(NetEncoder, kind="Tokens"):
    """A string to the codes of its words: the position in the vocabulary from 0, and d, one more, for any other of d tokens.

        NetEncoder(("Tokens", vocabulary))

    IgnoreCase: text and vocabulary are compared in lower case; the default. SplitPattern: a regular expression, at whose matches the text
    is cut; what is between them, less white space at its ends, are the tokens. "WordBoundary", the default, gives words and runs of
    punctuation. None: one object is a list of tokens. TargetLength: All, or so many codes: the first ones, padded with d.
    Output: integers up to d, (Varying,) or (TargetLength,).
    Errors: NetValueError for a vocabulary with one token twice, also but for case where case is ignored, and for a language: no list of
    words is part of netgraph.
    Source: Wolfram's NetEncoder["Tokens"], which counts from 1.

    >>> NetEncoder(("Tokens", ["the", "cat", "sat"]))(["The cat sat", "the dog"])[1].tolist()
    [0, 3]
    >>> NetEncoder(("Tokens", ["New York", "Rome"], {"SplitPattern": ", "}))("Rome, New York").tolist()
    [1, 0]
    """

    positional = ("Vocabulary",)
    Vocabulary: TokenList
    IgnoreCase: Flag = True
    SplitPattern: parameter(_pattern, {"type": ["string", "null"]}) = "WordBoundary"
    TargetLength: SequenceLength = All
    wants = "a string"

    @classmethod
    def hint(cls, name: str) -> str:
        return 'the list of tokens: ("Tokens", ["the", "cat"]); no language\'s list of words comes with netgraph'

    def check(self) -> None:
        codes = self._cache["codes"] = coded(self.Vocabulary, self.IgnoreCase, f'{self.family} "Tokens"')
        self._cache["unknown"] = len(codes)
        if self.SplitPattern not in (None, "WordBoundary"):
            self._cache["pattern"] = re.compile(self.SplitPattern)

    def port_type(self) -> PortType:
        return sequence_type(len(self.Vocabulary) + 1, "Index", self.TargetLength)

    def is_raw(self, value) -> bool:
        if self.SplitPattern is not None:
            return isinstance(value, str)
        if isinstance(value, np.ndarray):
            return value.ndim == 1 and value.dtype.kind in "UO" and all(isinstance(entry, str) for entry in value)
        return isinstance(value, (list, tuple)) and all(isinstance(entry, str) for entry in value)

    def refusal(self, value, place: str = "") -> NetTypeError:
        if self.SplitPattern is not None:
            return super().refusal(value, place)
        return NetTypeError(f"{self!r} wants a list of tokens, or a list of these, got {sort_of(value)}{place}")

    def encode(self, value, source=None) -> Any:
        codes, unknown = self._cache["codes"], self._cache["unknown"]
        return fitted(np.array([codes.get(token, unknown) for token in self._split(value)], dtype=np.int64), self.TargetLength, unknown)

    def _split(self, value) -> list[str]:
        if self.SplitPattern is None:
            return [token.lower() for token in value] if self.IgnoreCase else value
        text = value.lower() if self.IgnoreCase else value
        if self.SplitPattern == "WordBoundary":
            return WORDS.findall(text)
        pieces, last = [], 0
        for match in self._cache["pattern"].finditer(text):  # not its split, which gives the groups of the pattern too
            pieces.append(text[last : match.start()])
            last = match.end()
        return list(filter(None, map(str.strip, [*pieces, text[last:]])))

    def partner(self, port=None) -> "TokensDecoder":
        return TokensDecoder(self.Vocabulary, IgnoreCase=self.IgnoreCase)


class TokensDecoder(SequenceDecoder, kind="Tokens"):
    """A vector of probabilities to the most probable token, a sequence of them to the tokens with spaces between them.

        NetDecoder(("Tokens", vocabulary))      vectors of d + 1 for d tokens: the last number is that of any other token

    Any other token is given as the replacement character U+FFFD. IgnoreCase: the result is in lower case; the default. InputDepth: 1 for
    one vector, 2 for a sequence, which the net then takes its shape from; Automatic for both. The encoder belonging to it is "Tokens" for
    a sequence, "Class" of the tokens for one vector.
    Errors: NetShapeError for vectors of another length; those of the encoder for vocabularies.
    Source: Wolfram's NetDecoder["Tokens"]; that the unknown has a number in every vector, as in the encoder, is our choice.

    >>> NetDecoder(("Tokens", ["the", "cat"]))([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2]])
    'the cat'
    """

    positional = ("Vocabulary",)
    Vocabulary: TokenList
    IgnoreCase: Flag = True

    @classmethod
    def hint(cls, name: str) -> str:
        return 'the list of tokens: ("Tokens", ["the", "cat"]); no language\'s list of words comes with netgraph'

    def check(self) -> None:
        tokens = coded(self.Vocabulary, self.IgnoreCase, f'{self.family} "Tokens"')
        self._cache["tokens"] = [*tokens, UNKNOWN]

    def labels(self) -> tuple:
        return (*self._cache["tokens"][:-1], All)

    def text(self, codes) -> str:
        tokens = self._cache["tokens"]
        return " ".join([tokens[code] for code in codes])

    def sequence_encoder(self, length) -> NetEncoder:
        return TokensEncoder(self.Vocabulary, IgnoreCase=self.IgnoreCase, TargetLength=length)


def coded(vocabulary: tuple[str, ...], ignoring_case: bool, where: str) -> dict[str, int]:
    """The codes of the tokens as they are compared. Errors: NetValueError for two that are the same then."""
    codes: dict[str, int] = {}
    for code, token in enumerate(vocabulary):
        form = token.lower() if ignoring_case else token
        if form in codes:
            headline = f"{where}: Vocabulary has {vocabulary[codes[form]]!r} and {token!r}, which are one where case is ignored"
            raise NetValueError(headline, fix='{"IgnoreCase": False}')
        codes[form] = code
    return codes
