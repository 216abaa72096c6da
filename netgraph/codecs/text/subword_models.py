"""How a text is cut into subword tokens: by merging (BPE), by the longest match (WordPiece), by the best sum of scores (Unigram)."""

import functools
import heapq
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from netgraph.codecs.text.sequences import UNKNOWN
from netgraph.types.symbols import All

TERMINALS = ("StartOfString", "EndOfString")
KINDS = ("Control", "UserDefined", "Byte")
CACHED, LONGEST = 1 << 16, 64  # how many words are remembered, and of what length at most
BEHIND = 10.0  # how far below the least score an unknown character counts, as in SentencePiece


class TokenTable:
    """What a list of tokens says: the code and score of each, and those with a part of their own.

    Entries are tokens, "StartOfString", "EndOfString", All, (token, score), (token, "Control"): never found in a text,
    (token, "UserDefined"): found before all others, and ("<0x0A>", "Byte"). Errors: ValueError, in the words of a parameter.
    """

    def __init__(self, entries: tuple):
        self.texts: list[Any] = []
        self.codes: dict[str, int] = {}
        self.scores: dict[int, float] = {}
        self.defined: dict[str, int] = {}
        self.control: set[int] = set()
        self.special: dict[Any, int] = {}
        self.bytes: dict[int, int] = {}
        seen = set()
        for code, entry in enumerate(entries):
            token, note = entry if isinstance(entry, tuple) else (entry, None)
            special = note is None and (token is All or token in TERMINALS)
            if (token, special) in seen:
                raise ValueError(f"has {token!r} twice")
            seen.add((token, special))
            self.texts.append(token)
            if special:
                self.special[token] = code
            else:
                self._add(code, token, note)
        if All not in self.special:
            raise ValueError("must have All, the token of characters that have none")
        self.scored = bool(self.scores)
        if self.scored and len(self.scores) != len(self.codes):
            raise ValueError("gives scores to some tokens and not to others")
        if self.bytes and len(self.bytes) != 256:
            raise ValueError(f"has {len(self.bytes)} of the 256 bytes")

    def _add(self, code: int, token, note) -> None:
        if note == "Byte":
            self.bytes[int(token[3:5], 16)] = code
        elif note == "Control":
            self.control.add(code)
        elif note == "UserDefined":
            self.defined[token] = code
        else:
            self.codes[token] = code
            if note is not None:
                self.scores[code] = float(note)

    def text(self, codes: Iterable[int]) -> str:
        """The tokens one behind the other: bytes by UTF-8, nothing for what no text has."""
        byte_of = {code: byte for byte, code in self.bytes.items()}
        silent = self.control.union([code for token, code in self.special.items() if token is not All])
        parts, pending = [], bytearray()
        for code in [*codes, None]:
            if code in byte_of:
                pending.append(byte_of[code])
                continue
            if pending:
                parts.append(pending.decode(errors="replace"))
                pending.clear()
            if code is None or code in silent:
                continue
            parts.append(UNKNOWN if self.texts[code] is All else self.texts[code])
        return "".join(parts)


class SubwordModel(ABC):
    """A way to cut text into tokens of a table."""

    def __init__(self, table: TokenTable, vocabulary: frozenset[str] | None, ignoring_case: bool):
        self.table = table
        self.unknown = table.special[All]
        self.codes: dict[str, int] = {}
        for token, code in table.codes.items():
            self.codes.setdefault(token.lower() if ignoring_case else token, code)
        if vocabulary is not None and ignoring_case:
            vocabulary = frozenset(token.lower() for token in vocabulary)
        self.vocabulary = vocabulary
        defined = {token.lower() if ignoring_case else token: code for token, code in table.defined.items()}
        self.defined = defined
        longest_first = sorted(map(re.escape, defined), key=len, reverse=True)
        self._defined = re.compile("|".join(longest_first)) if defined else None
        self._known: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str) -> list[int]:
        """The codes of a text."""
        codes: list[int] = []
        last = 0
        for match in self._defined.finditer(text) if self._defined else ():
            self._extend(codes, text[last : match.start()])
            codes.append(self.defined[match[0]])
            last = match.end()
        self._extend(codes, text[last:])
        return self.together(codes) if self.table.scored and self.unknown in codes else codes

    def together(self, codes: list[int]) -> list[int]:
        """One unknown for a run of them, as in SentencePiece."""
        return [code for place, code in enumerate(codes) if not place or code != self.unknown or codes[place - 1] != self.unknown]

    def _extend(self, codes: list[int], text: str) -> None:
        for word in self.words(text):
            found = self._known.get(word)
            if found is None:
                found = tuple(self.cut(word))
                if len(word) <= LONGEST:
                    if len(self._known) >= CACHED:
                        self._known = {}
                    self._known[word] = found
            codes.extend(found)

    @abstractmethod
    def words(self, text: str) -> Iterable[str]:
        """The parts of a text that are cut each by itself."""

    @abstractmethod
    def cut(self, word: str) -> list[int]:
        """The codes of a word."""

    def lone(self, character: str) -> list[int]:
        """The codes of a character without a token."""
        code = self.codes.get(character)
        if code is not None:
            return [code]
        if self.table.bytes:
            return [self.table.bytes[byte] for byte in character.encode("utf-8", "replace")]
        return [self.unknown]

    def allowed(self, token: str) -> bool:
        """Whether the vocabulary has it; it cannot keep out single characters."""
        return self.vocabulary is None or len(token) == 1 or token in self.vocabulary


class SpacedModel(SubwordModel):
    """A model whose tokens carry their spaces: text is cut before spaces, unless some token goes on behind its spaces' end. Abstract."""

    def __init__(self, table, vocabulary, ignoring_case):
        super().__init__(table, vocabulary, ignoring_case)
        self._whole = any(re.search("[^ ] ", token) for token in self.codes)

    def words(self, text):
        if self._whole:
            return (text,) if text else ()
        return re.findall(" *[^ ]+| +", text)


class MergingModel(SpacedModel):
    """Byte-pair encoding: of all neighbours that are a token together those of the best score merge first, then the leftmost.

    Source: Sennrich et al. 2016 (arXiv 1508.07909), as in SentencePiece: the order of merges is that of the tokens.
    """

    def cut(self, word):
        table, codes = self.table, self.codes
        scores = table.scores
        parts: list[Any] = list(word)  # None where a part was merged into the one before
        after = [*range(1, len(parts)), -1]
        before = list(range(-1, len(parts) - 1))
        halves: dict[str, tuple[str, str]] = {}
        queue: list[tuple[float, int, str]] = []

        def offer(left: int, right: int) -> None:
            if left >= 0 and right >= 0:
                merged = parts[left] + parts[right]
                code = codes.get(merged)
                if code is not None:
                    halves[merged] = (parts[left], parts[right])
                    heapq.heappush(queue, (-scores[code] if scores else code, left, merged))

        for left in range(len(parts) - 1):
            offer(left, left + 1)
        while queue:
            _, left, merged = heapq.heappop(queue)
            right = after[left]
            if parts[left] is None or right < 0 or parts[left] + parts[right] != merged:
                continue  # one of the two has merged with another since
            parts[left], parts[right] = merged, None
            after[left] = after[right]
            if after[right] >= 0:
                before[after[right]] = left
            offer(before[left], left)
            offer(left, after[left])
        found: list[int] = []
        for part in parts:
            if part is not None:
                self._undone(part, halves, found)
        return found

    def _undone(self, part: str, halves: dict[str, tuple[str, str]], found: list[int]) -> None:
        """The code of a part, or those of what it was merged from where the vocabulary has it not."""
        stack = [part]
        while stack:
            piece = stack.pop()
            code = self.codes.get(piece)
            if code is not None and self.allowed(piece):
                found.append(code)
            elif piece in halves:
                stack.extend(reversed(halves[piece]))
            else:
                found.extend(self.lone(piece))


class UnigramModel(SpacedModel):
    """The cut whose scores, logarithms of probabilities, have the greatest sum.

    Source: Kudo 2018 (arXiv 1804.10959), as in SentencePiece.
    """

    def __init__(self, table, vocabulary, ignoring_case):
        super().__init__(table, vocabulary, ignoring_case)
        self.codes = {token: code for token, code in self.codes.items() if self.allowed(token)}
        self._longest = max(map(len, self.codes), default=1)
        self._worst = min(table.scores.values(), default=0.0) - BEHIND

    def cut(self, word):
        codes, scores = self.codes, self.table.scores
        best: list[tuple[float, int, int]] = [(0.0, 0, -1)]  # the greatest sum up to here, where its last token starts, and its code
        for end in range(1, len(word) + 1):
            choice = (best[end - 1][0] + self._worst, end - 1, -1)
            for start in range(max(end - self._longest, 0), end):
                code = codes.get(word[start:end])
                if code is not None and best[start][0] + scores[code] > choice[0]:
                    choice = (best[start][0] + scores[code], start, code)
            best.append(choice)
        found: list[list[int]] = []
        end = len(word)
        while end:
            _, start, code = best[end]
            found.append([code] if code >= 0 else self.lone(word[start:end]))
            end = start
        return [code for some in reversed(found) for code in some]


class LongestMatchModel(SubwordModel):
    """WordPiece: in each word the longest token from the left, again and again; a word that cannot be covered is unknown as a whole.

    Words are what is between white space; each punctuation mark and each ideograph is one by itself. A token that starts a word has a space
    in front. Source: Wu et al. 2016 (arXiv 1609.08144), as in BERT.
    """

    def __init__(self, table, vocabulary, ignoring_case):
        super().__init__(table, vocabulary, ignoring_case)
        self.codes = {token: code for token, code in self.codes.items() if self.allowed(token)}
        self._longest = max(map(len, self.codes), default=1)

    def words(self, text):
        return word_pattern().findall(text)

    def together(self, codes):
        return codes

    def cut(self, word):
        found, rest = [], " " + word
        while rest:
            for end in range(min(len(rest), self._longest), 0, -1):
                code = self.codes.get(rest[:end])
                if code is not None and rest[:end] != " ":
                    break
            else:
                return [self.unknown]
            found.append(code)
            rest = rest[end:]
        return found


@functools.cache
def word_pattern() -> re.Pattern[str]:
    """A word as WordPiece has it: a mark, an ideograph, or a run of anything else but white space.

    Marks are all of Unicode's punctuation and what else ASCII has beside letters and digits.
    """
    marks = [chr(p) for p in range(33, 0x20000) if unicodedata.category(chr(p))[0] == "P" or (p < 127 and not chr(p).isalnum())]
    ideographs = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f"
    alone = re.escape("".join(marks)) + ideographs
    return re.compile(f"[{alone}]|[^\\s{alone}]+")


MODELS = {"BPE": MergingModel, "WordPiece": LongestMatchModel, "Unigram": UnigramModel}
