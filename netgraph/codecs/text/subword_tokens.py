"""The "SubwordTokens" encoder and decoder."""

import os
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from netgraph.codecs.encoder import NetEncoder
from netgraph.codecs.text import subword_library
from netgraph.codecs.text.sequences import SequenceDecoder, SequenceLength, fitted
from netgraph.codecs.text.subword_files import sentencepiece_model, token_list
from netgraph.codecs.text.subword_library import LibraryModel
from netgraph.codecs.text.subword_models import MODELS, TERMINALS, TokenTable
from netgraph.codecs.text.subword_parameters import (
    AcceptedTokens,
    Normalization,
    Preprocessing,
    PropertyNames,
    SubwordMethod,
    TokenEntries,
    Trimming,
    whitespace,
)
from netgraph.errors import NetFileError, NetTypeError, NetValueError
from netgraph.spec.described import sort_of
from netgraph.spec.names import snake
from netgraph.spec.parameters import Flag, choice
from netgraph.types.kinds import Integer
from netgraph.types.port_type import PortType
from netgraph.types.symbols import All, Automatic

CODING = ("Tokens", "Method", "IgnoreCase", "IncludeTerminalTokens", "TextPreprocessing", "UnicodeNormalization", "Vocabulary")


class SubwordTokensEncoder(NetEncoder, kind="SubwordTokens"):
    """A string to the codes of parts of its words: positions in a list of tokens, from 0.

        NetEncoder(("SubwordTokens", [All, " the", " ca", "t", "s", ...]))
        NetEncoder(("SubwordTokens", File("spiece.model")))                          a model of SentencePiece, BPE or unigram
        NetEncoder(("SubwordTokens", File("vocab.txt"), {"Method": "WordPiece"}))    a vocabulary of BERT's form
        NetEncoder(("SubwordTokens", File("tokenizer.json")))                        of the library `tokenizers`; a tokenizer itself too

    A token that starts a word begins with a space, one that goes on has none. All, which must be there, is the token of characters without
    one; "StartOfString" and "EndOfString" are the ends. (token, score) gives scores, all or none of the tokens; (token, "Control") is never
    found in a text, (token, "UserDefined") before all others; ("<0x00>", "Byte"), ... are all 256 bytes, which stand for characters without
    a token instead of All. Files are read once, here: a net keeps what they say.
    Method: "BPE" merges neighbours, those first whose token has the highest score or, without scores, stands first in the list; with
    suboptions ("BPE", {"CombineWhitespace": True, "WhitespacePadding": "Left"}): runs of white space ("Spaces": of spaces alone) become one
    space, and none at the ends, then a space is put at that end of a text that is not empty. "Unigram", with the same suboptions, finds the
    greatest sum of scores. "WordPiece" takes the longest token of the rest of a word; a word that no tokens make is All. With scores a run
    of unknown characters is one All.
    IgnoreCase: text and tokens are compared in lower case. UnicodeNormalization: "NFC", "NFD", "NFKC", "NFKD" or None. TextPreprocessing: a
    function of the string, called first; a net with one cannot be saved. Vocabulary: the tokens that may be given beside single characters,
    a list, or File("m.vocab") of SentencePiece, or (File("m.vocab"), least score); another one of BPE is taken apart again.
    IncludeTerminalTokens: codes of the ends are put around. TargetLength: All, or so many codes, ends included: the first ones, padded with
    "EndOfString" if it is there, else with the last code. InputType: "String", or "StringPair": one object is a pair of strings, put one
    behind the other, "EndOfString" behind each. OutputProperties: "VocabularyIndex"; "SegmentIndex", 0 in the first string and 1 in the
    second of a pair; a list gives both for each token.
    A model of SentencePiece says Method, UnicodeNormalization, IgnoreCase and Vocabulary itself; what is given here counts more. A
    tokenizer of the library does all by itself, but for TextPreprocessing, IncludeTerminalTokens (its special tokens) and TargetLength.
    Output: integers, (Varying,) or (TargetLength,), with another axis for a list of properties.
    Errors: NetFileError for a file that is none of these. NetValueError for a list without All, or with a token twice.
    Source: Wolfram's NetEncoder["SubwordTokens"], which counts from 1 and writes `_` for All. "Unigram", bytes, pairs and the library are
    ours.

    >>> encoder = NetEncoder(("SubwordTokens", [All, " low", "er", "e", "r", " ", "l", "o", "w", " l", "ow"]))
    >>> encoder(" lower slow").tolist()
    [1, 2, 5, 0, 6, 10]
    >>> NetEncoder(("SubwordTokens", [All, " low", "er"], {"Method": "WordPiece"}))("lower low, no").tolist()
    [1, 2, 1, 0, 0]
    """

    positional = ("Tokens",)
    Tokens: TokenEntries
    Method: SubwordMethod = "BPE"
    IgnoreCase: Flag = False
    IncludeTerminalTokens: Flag = False
    InputType: choice("String", "StringPair") = "String"
    OutputProperties: PropertyNames = "VocabularyIndex"
    TargetLength: SequenceLength = All
    TextPreprocessing: Preprocessing = None
    UnicodeNormalization: Normalization = None
    Vocabulary: AcceptedTokens = None
    wants = "a string"

    @classmethod
    def hint(cls, name: str) -> str:
        return 'the list of tokens, or the file of a model: ("SubwordTokens", File("spiece.model"))'

    @classmethod
    def _made(cls, args, options) -> Self:
        path = args[0] if args else options.get("Tokens", options.get("tokens"))
        if isinstance(path, os.PathLike):
            args, options = args[1:], {word: value for word, value in options.items() if snake(word) != "tokens"}
            options = _with_file(path, {word if word in cls.checks else _full(cls, word): value for word, value in options.items()})
        return super()._made(args, options)

    def check(self) -> None:
        where, cache = f'{self.family} "{self.kind}"', self._cache
        if isinstance(self.Tokens, str):
            for name in ("Method", "IgnoreCase", "UnicodeNormalization", "Vocabulary"):
                if self._values[name] != self._kept(name):
                    raise NetValueError(f"{where}: a tokenizer of the library has its own {name}")
            cache["library"] = LibraryModel(self.Tokens)
            cache["count"], cache["padding"] = cache["library"].count, cache["library"].padding
            return
        table = TokenTable(self.Tokens)
        if self.IncludeTerminalTokens and any(name not in table.special for name in TERMINALS):
            fix = 'a list with "StartOfString" and "EndOfString"'
            raise NetValueError(f"{where}: IncludeTerminalTokens puts tokens at the ends which the list has not", fix=fix)
        name = self.Method[0] if isinstance(self.Method, tuple) else self.Method
        if name == "Unigram" and not table.scored:
            raise NetValueError(f"{where}: Unigram wants scores", fix="(token, score) for each token")
        vocabulary = None if self.Vocabulary is None else frozenset(self.Vocabulary)
        cache["model"] = MODELS[name](table, vocabulary, self.IgnoreCase)
        cache["count"] = len(self.Tokens)
        cache["padding"] = table.special.get("EndOfString", cache["count"] - 1)

    def port_type(self) -> PortType:
        length = "Varying" if self.TargetLength is All else self.TargetLength
        both = (len(self.OutputProperties),) if isinstance(self.OutputProperties, tuple) else ()
        return PortType(Integer(max(self._cache["count"], 2)), (length, *both))

    def is_raw(self, value) -> bool:
        if self.InputType == "String":
            return isinstance(value, str)
        return isinstance(value, (list, tuple)) and len(value) == 2 and all(isinstance(text, str) for text in value)

    def refusal(self, value, place: str = "") -> NetTypeError:
        if self.InputType == "String":
            return super().refusal(value, place)
        return NetTypeError(f"{self!r} wants a pair of strings, or a list of these, got {sort_of(value)}{place}")

    def encode(self, value, source=None) -> Any:
        return self.encode_all([value])[0]

    def encode_all(self, values, source=None):
        texts = [tuple(map(self._prepared, (value,) if isinstance(value, str) else value)) for value in values]
        library = self._cache.get("library")
        if library is None:
            return [self._formed(*self._coded(several)) for several in texts]
        inputs = [several if len(several) == 2 else several[0] for several in texts]
        return [self._formed(*found) for found in library.encode(inputs, self.IncludeTerminalTokens)]

    def _prepared(self, text: str) -> str:
        function: Callable | None = self.TextPreprocessing
        if function is not None:
            text = function(text)
            if not isinstance(text, str):
                raise NetTypeError(f"{self!r}: TextPreprocessing gave {sort_of(text)}, no string")
        if self.UnicodeNormalization is not None:
            text = unicodedata.normalize(self.UnicodeNormalization, text)
        if self.IgnoreCase:
            text = text.lower()
        settings = whitespace(self.Method)
        if settings["CombineWhitespace"]:
            text = " ".join(text.split() if settings["CombineWhitespace"] is True else filter(None, text.split(" ")))
        if settings["WhitespacePadding"] and text:
            text = f" {text}" if settings["WhitespacePadding"] == "Left" else f"{text} "
        return text

    def _coded(self, texts: tuple[str, ...]) -> tuple[list[int], list[int]]:
        """The codes of one or two texts, and for each the number of its text."""
        model, ends = self._cache["model"], self.IncludeTerminalTokens
        codes = [model.table.special["StartOfString"]] if ends else []
        segments = [0] * len(codes)
        for number, text in enumerate(texts):
            codes += model.encode(text)
            if ends:
                codes.append(model.table.special["EndOfString"])
            segments += [number] * (len(codes) - len(segments))
        return codes, segments

    def _formed(self, codes: list[int], segments: list[int]) -> np.ndarray:
        made = {
            "VocabularyIndex": lambda: fitted(np.array(codes, dtype=np.int64), self.TargetLength, self._cache["padding"]),
            "SegmentIndex": lambda: fitted(np.array(segments, dtype=np.int64), self.TargetLength, 0),
        }
        wanted = self.OutputProperties
        return np.stack([made[name]() for name in wanted], -1) if isinstance(wanted, tuple) else made[wanted]()

    def partner(self, port=None) -> "SubwordTokensDecoder":
        return SubwordTokensDecoder(**{name: self._values[name] for name in CODING})


class SubwordTokensDecoder(SequenceDecoder, kind="SubwordTokens"):
    """A vector of probabilities to the most probable token, a sequence of them to the tokens one behind the other: they bring their spaces.

        NetDecoder(NetEncoder(("SubwordTokens", ...)))

    The ends and tokens of "Control" give nothing, All the replacement character U+FFFD, bytes the characters that they make.
    WhitespaceTrimming: "Left" or "Right": one white space at that end goes; None; Automatic, what the encoder's "WhitespacePadding" says. A
    tokenizer of the library decodes in its own way. InputDepth: 1 for one vector, 2 for a sequence, which the net then takes its shape
    from; Automatic for both. All else is the encoder's, and makes the encoder that belongs to it; that is "Class" of the tokens for one
    vector.
    Errors: NetShapeError for vectors of another length.
    Source: Wolfram's NetDecoder["SubwordTokens"].

    >>> decoder = NetDecoder(NetEncoder(("SubwordTokens", [All, " low", "er"])))
    >>> decoder([[0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    ' lower'
    """

    positional = ("Tokens",)
    Tokens: TokenEntries
    Method: SubwordMethod = "BPE"
    IgnoreCase: Flag = False
    IncludeTerminalTokens: Flag = False
    TextPreprocessing: Preprocessing = None
    UnicodeNormalization: Normalization = None
    Vocabulary: AcceptedTokens = None
    WhitespaceTrimming: Trimming = Automatic

    @classmethod
    def hint(cls, name: str) -> str:
        return 'the encoder that it belongs to: NetDecoder(NetEncoder(("SubwordTokens", ...)))'

    def check(self) -> None:
        own = isinstance(self.Tokens, str)
        self._cache["table"] = LibraryModel(self.Tokens) if own else TokenTable(self.Tokens)

    @property
    def count(self) -> int:
        return self._cache["table"].count if isinstance(self.Tokens, str) else len(self.Tokens)

    def labels(self) -> tuple:
        return self._cache["table"].labels() if isinstance(self.Tokens, str) else tuple(self._cache["table"].texts)

    def text(self, codes) -> str:
        text = self._cache["table"].text(codes)
        trimming = whitespace(self.Method)["WhitespacePadding"] if self.WhitespaceTrimming is Automatic else self.WhitespaceTrimming
        if trimming == "Left":
            return text[1:] if text[:1].isspace() else text
        return text[:-1] if trimming == "Right" and text[-1:].isspace() else text

    def sequence_encoder(self, length) -> NetEncoder:
        return SubwordTokensEncoder(**{name: self._values[name] for name in CODING}, TargetLength=length)


def _full(cls, word: str) -> str:
    return {snake(name): name for name in cls.checks}.get(word, word)


def _with_file(path, options: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a file says, and over them those that are given."""
    given = dict(options)
    if given.get("Method") == "WordPiece":
        return {"Tokens": token_list(path), **given}
    if os.fspath(path).endswith(".json"):
        return {"Tokens": subword_library.read(path), **given}
    found = sentencepiece_model(path)
    own = found.pop("own_normalization", None)
    if own is not None and "UnicodeNormalization" not in given:
        fix = '{"UnicodeNormalization": "NFKC"}, or whatever comes nearest'
        raise NetFileError(f"{os.fspath(path)} normalizes text by a table of its own, {own!r}, which cannot be read", fix=fix)
    if given.get("Method") == found["Method"][0]:
        del given["Method"]
    return {**found, **given}
