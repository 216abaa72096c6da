"""Files of subword tokens: SentencePiece's models and vocabularies, and lists of tokens with one a line."""

import os
import struct
from collections.abc import Iterator
from typing import Any

from netgraph.errors import NetFileError
from netgraph.types.symbols import All

MOST_BYTES = 256 << 20
SPACE = "\u2581"
"""What SentencePiece writes for a space."""

METHODS = {1: "Unigram", 2: "BPE"}
NORMALIZATIONS = {"": None, "identity": None, "nfkc": "NFKC", "nmt_nfkc": "NFKC", "nfkc_cf": "NFKC", "nmt_nfkc_cf": "NFKC"}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
LISTED = {"[CLS]": "StartOfString", "[SEP]": "EndOfString", "[UNK]": All}


def contents(path) -> bytes:
    """A file's bytes. Errors: NetFileError."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as fault:
        raise NetFileError(f"{os.fspath(path)}: {fault.strerror or fault}") from None
    if len(data) > MOST_BYTES:
        raise NetFileError(f"{os.fspath(path)} has more than {MOST_BYTES >> 20} MiB, too much for a list of tokens")
    return data


def lines(path) -> list[str]:
    """A text file's lines. Errors: NetFileError."""
    try:
        return contents(path).decode().splitlines()
    except UnicodeDecodeError as fault:
        raise NetFileError(f"{os.fspath(path)} is no text: byte {fault.start} is not UTF-8") from None


def token_list(path) -> tuple:
    """The tokens of a vocabulary of BERT's form, one a line, in our form: a space in front of what starts a word."""
    words = lines(path)
    while words and not words[-1]:
        words.pop()
    entries: list[Any] = []
    for word in words:
        if word in LISTED:
            entries.append(LISTED[word])
        elif word.startswith("[") and word.endswith("]") and len(word) > 2:
            entries.append((word, "Control"))
        else:
            entries.append(word[2:] if word.startswith("##") and len(word) > 2 else f" {word}")
    if not entries or All not in entries:
        raise NetFileError(f'{os.fspath(path)} is no list of tokens, one a line: there is no "[UNK]"')
    return tuple(entries)


def accepted_tokens(path, threshold: float | None) -> tuple[str, ...]:
    """The tokens of a `.vocab` file, a token and its score a line, whose score is at least the threshold."""
    tokens = []
    for number, line in enumerate(lines(path), 1):
        token, tab, score = line.partition("\t")
        if not line:
            continue
        try:
            value = float(score) if tab else None
        except ValueError:
            value = None
        if value is None:
            raise NetFileError(f"{os.fspath(path)}, line {number}: wants a token, a tab and a score, got {line!r:.60}")
        if threshold is None or value >= threshold:
            tokens.append(token.replace(SPACE, " "))
    return tuple(dict.fromkeys(tokens))


def sentencepiece_model(path) -> dict[str, Any]:
    """The parameters that a SentencePiece model says, by their names: Tokens, Method, UnicodeNormalization, IgnoreCase, Vocabulary.

    Errors: NetFileError for a file that is none, and for models of whole words or characters.
    """
    where, data = os.fspath(path), contents(path)
    pieces, trainer, normalizer = [], {}, {}
    try:
        for field, value in fields(data):
            if field == 1:
                pieces.append(_piece(dict(fields(value))))
            elif field == 2:
                trainer = dict(fields(value))
            elif field == 3:
                normalizer = dict(fields(value))
        name = _text(normalizer.get(1, b""))
        starts, stops = _text(trainer.get(46, b"<s>")), _text(trainer.get(47, b"</s>"))
    except (ValueError, TypeError, struct.error) as fault:
        raise NetFileError(f"{where} is no model of SentencePiece: {fault}") from None
    if not pieces or UNKNOWN not in (kind for _, _, kind in pieces):
        raise NetFileError(f"{where} is no model of SentencePiece: it has no token for what is unknown")
    method = METHODS.get(trainer.get(3, 1))
    if method is None:
        raise NetFileError(f"{where}: SentencePiece's BPE and unigram models are read, not those of words or characters")
    entries, unused = [], set()
    for token, score, kind in pieces:
        special = {starts: "StartOfString", stops: "EndOfString"}.get(token) if kind == CONTROL else All if kind == UNKNOWN else None
        if kind == USER_DEFINED and " " in token:
            kind = CONTROL  # no text has a space where it is looked for
        token = token if kind == BYTE else token.replace(SPACE, " ")
        note = {CONTROL: "Control", USER_DEFINED: "UserDefined", BYTE: "Byte"}.get(kind, score)
        entries.append(special if special is not None else (token, note))
        if kind == UNUSED:
            unused.add(token)
    padding = None if not normalizer.get(3, 1) else "Right" if trainer.get(24, 0) else "Left"
    # its table of "nmt" makes spaces of tabs, newlines and the like
    combine = bool(normalizer.get(4, 1)) and (name.startswith("nmt") or "Spaces")
    whitespace = {"CombineWhitespace": combine, "WhitespacePadding": padding}
    found: dict[str, Any] = {"Tokens": tuple(entries), "Method": (method, whitespace)}
    if name in NORMALIZATIONS:
        found.update(UnicodeNormalization=NORMALIZATIONS[name], IgnoreCase=name.endswith("_cf"))
    elif normalizer.get(2):
        found["own_normalization"] = name
    if unused:
        found["Vocabulary"] = tuple(entry[0] for entry in entries if isinstance(entry, tuple) and entry[0] not in unused)
    return found


def _piece(message: dict[int, Any]) -> tuple[str, float, int]:
    kind = message.get(3, NORMAL)
    if kind not in range(NORMAL, BYTE + 1):
        raise ValueError(f"a token of kind {kind}")
    score = struct.unpack("<f", message.get(2, b"\0\0\0\0"))[0]
    token = _text(message.get(1, b""))
    if not token or score != score or abs(score) == float("inf"):
        raise ValueError(f"the token {token!r} with the score {score}")
    if kind == BYTE and not (len(token) == 6 and token[:3] == "<0x" and token[5] == ">"):
        raise ValueError(f"the byte {token!r}")
    return token, score, kind


def _text(value) -> str:
    if not isinstance(value, bytes):
        raise ValueError("a number in place of a text")
    return value.decode()


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a message of protocol buffers: (number, integer or bytes). Errors: ValueError."""
    if not isinstance(data, bytes):
        raise ValueError("a number in place of a message")
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        form = key & 7
        if form == 0:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if form == 2:
            size, place = _varint(data, place)
        elif form in (1, 5):
            size = 8 if form == 1 else 4
        else:
            raise ValueError(f"byte {place} starts no field")
        if place + size > len(data):
            raise ValueError(f"it ends within a field of {size} bytes")
        yield key >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise ValueError("it ends within a number")
        value |= (data[place] & 127) << shift
        place += 1
        if data[place - 1] < 128:
            return value, place
    raise ValueError(f"the number at byte {place - 10} has no end")
