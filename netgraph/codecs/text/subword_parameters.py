"""The parameters of "SubwordTokens": what is accepted, and the form it is kept in."""

import math
import os
import re
from collections.abc import Mapping
from typing import Any

from netgraph.codecs.text import subword_library
from netgraph.codecs.text.subword_files import accepted_tokens
from netgraph.codecs.text.subword_library import LibraryModel
from netgraph.codecs.text.subword_models import KINDS, MODELS, TokenTable
from netgraph.spec.parameters import is_number, parameter, wants
from netgraph.types.symbols import All, Automatic

WHITESPACE: dict[str, Any] = {"CombineWhitespace": False, "WhitespacePadding": None}
SETTINGS: dict[str, tuple] = {"CombineWhitespace": (False, True, "Spaces"), "WhitespacePadding": (None, "Left", "Right")}
PROPERTIES = ("VocabularyIndex", "SegmentIndex")


def _entry(value):
    token, note = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
    if note is None and token is All:
        return value
    if not isinstance(token, str) or not token:
        raise wants("tokens that are strings, (token, score) or All", value)
    fits = note in KINDS if isinstance(note, str) else is_number(note) and -math.inf < float(note or 0) < math.inf
    if isinstance(value, tuple) and not fits:
        raise wants('(token, score), (token, "Control"), (token, "UserDefined") or (token, "Byte")', value)
    if note == "Byte" and not re.fullmatch("<0x[0-9A-F]{2}>", token):
        raise wants('a byte as "<0x0A>"', token)
    return value


def _tokens(value):
    if isinstance(value, str):
        try:
            return LibraryModel(value).source
        except ValueError:
            raise wants("a list of tokens, File(path) or a tokenizer", value[:60]) from None
    text = subword_library.written(value)
    if text is not None:
        return text
    if not isinstance(value, tuple) or not value:
        raise wants("a list of tokens, File(path) or a tokenizer", value)
    entries = tuple(_entry(entry) for entry in value)
    TokenTable(entries)
    return entries


def _method(value):
    name, given = value if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Mapping) else (value, {})
    name = getattr(name, "name", name)
    if not isinstance(name, str) or name not in MODELS or (name == "WordPiece" and given):
        raise wants('"BPE", "WordPiece", "Unigram" or ("BPE", {"WhitespacePadding": "Left"})', value)
    changed = {}
    for word, setting in given.items():
        if word not in SETTINGS:
            raise wants(f'"CombineWhitespace" and "WhitespacePadding" for "{name}"', word)
        setting = getattr(setting, "name", setting)
        if not any(setting is known or (isinstance(setting, str) and setting == known) for known in SETTINGS[word]):
            raise wants(f"{word} {' or '.join(map(repr, SETTINGS[word]))}", setting)
        if setting != WHITESPACE[word]:
            changed[word] = setting
    return (name, changed) if changed else name


def _normalization(value):
    if value not in (None, "NFC", "NFD", "NFKC", "NFKD"):
        raise wants('"NFC", "NFD", "NFKC", "NFKD" or None', value)
    return value


def _function(value):
    if value is not None and not callable(value):
        raise wants("a function of a string, or None", value)
    return value


def _accepted(value):
    if value is None:
        return value
    path, threshold = value if isinstance(value, tuple) and len(value) == 2 and is_number(value[1]) else (value, None)
    if isinstance(path, os.PathLike):
        return accepted_tokens(path, threshold)
    if not isinstance(value, tuple) or not all(isinstance(token, str) for token in value):
        raise wants("a list of tokens, File(path), (File(path), threshold) or None", value)
    return value


def _properties(value):
    several = value if isinstance(value, tuple) else (value,)
    if not several or any(name not in PROPERTIES for name in several) or len(set(several)) < len(several):
        raise wants('"VocabularyIndex", "SegmentIndex" or a list of both', value)
    return value


def _trimming(value):
    if value is Automatic:
        return value
    word = getattr(value, "name", value)
    if word not in (None, "Left", "Right"):
        raise wants('"Left", "Right", None or Automatic', value)
    return word


TokenEntries = parameter(_tokens, {"type": ["array", "string"]})
SubwordMethod = parameter(_method, {"anyOf": [{"enum": list(MODELS)}, {"type": "array"}]})
Normalization = parameter(_normalization, {"enum": [None, "NFC", "NFD", "NFKC", "NFKD"]})
Preprocessing = parameter(_function, {"type": ["object", "null"]})
AcceptedTokens = parameter(_accepted, {"type": ["array", "null"]})
PropertyNames = parameter(_properties, {"type": ["string", "array"]})
Trimming = parameter(_trimming, {"enum": [None, "Left", "Right", {"$word": "Automatic"}]})


def whitespace(method) -> dict[str, Any]:
    """The suboptions of a Method."""
    return {**WHITESPACE, **(method[1] if isinstance(method, tuple) else {})}
