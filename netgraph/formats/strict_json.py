"""JSON read strictly, for text that nobody vouches for, and written so that strict readers take it.

What Python's own decoder lets pass is refused: the same key twice, NaN and Infinity (also spelt 1e999), lone surrogates, `-0`, nesting
without end, numbers without end. Limits are checked by one linear scan before anything is decoded.
"""

import json
import math
import re
from dataclasses import dataclass, field
from typing import NoReturn

from netgraph.errors import NetFileError

FLOAT_TAG = "$float"
_TAGGED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

# Possessive (`*+`), so that a string that never ends costs one pass and no memory.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?[0-9][0-9.eE+-]*+|[\[\]{}]|-?[A-Za-z_]++|[^\s,:]', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(\.[0-9]++)?([eE][+-]?[0-9]++)?")
_PLAIN = re.compile(r"[\w$.-]{1,60}")


@dataclass(frozen=True)
class JsonLimits:
    """How much JSON text may ask for. The scan refuses more before anything is decoded.

    `size` counts bytes of the text, `depth` open lists and objects, `string` characters of one string as written (a key too), `digits`
    characters of one number as written, `items` values and keys together.

    >>> JsonLimits(depth=3).depth
    3
    """

    size: int = 64 * 2**20
    depth: int = 64
    string: int = 16 * 2**20
    digits: int = 40
    items: int = 2_000_000


def loads(text: bytes | str, *, limits: JsonLimits = JsonLimits(), source: str = "JSON") -> object:
    """The value that strict JSON text says: dicts, lists, strings, ints, floats, booleans and None.

    `source` is what messages call the text, as the user knows it. Numbers beyond JSON stay tagged; see `untag`.

    Errors: NetFileError, for text that is not UTF-8, not JSON, says a key twice, or goes beyond a limit.

    >>> loads('{"size": [3, 2.5, null]}')
    {'size': [3, 2.5, None]}
    >>> loads('{"a": {"b": 1, "b": 2}}', source="net.json")
    Traceback (most recent call last):
    netgraph.errors.NetFileError: net.json: a/b is given twice
    """
    reader = _Reader(source, limits)
    text = reader.check_text(text)
    reader.scan(text)
    try:
        value = json.loads(text, object_pairs_hook=reader.collect)
    except json.JSONDecodeError as error:
        wanted = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
        raise NetFileError(f"{source}: character {error.pos}: {wanted}; got {_near(text, error.pos)}") from None
    except RecursionError:
        raise NetFileError(f"{source}: nested deeper than Python can read from here") from None
    if reader.twice:
        raise NetFileError(f"{source}: {_place(_first_twice(value))} is given twice")
    return value


def dumps(value: object, *, limits: JsonLimits = JsonLimits(), source: str = "JSON") -> str:
    """A value as canonical JSON: no spaces, keys in their order, NaN and the infinities as `{"$float": "NaN"}`.

    Tuples become lists. What is written is read back by `untag(loads(...))` under the same limits.

    Errors: NetFileError, for a key that is no string, the key "$float", a lone surrogate, a value that JSON has no form for, or one beyond
    a limit.

    >>> dumps({"Stride": (2, 2), "Epsilon": 1e-05, "Mean": float("nan")})
    '{"Stride":[2,2],"Epsilon":1e-05,"Mean":{"$float":"NaN"}}'
    """
    text = json.dumps(_tagged(value, (), limits, source), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # What the writer lets through and the reader refuses (a lone surrogate, a limit) must fail now, not when the file is needed.
    reader = _Reader(source, limits)
    reader.scan(reader.check_text(text))
    return text


def untag(value: object, *, source: str = "JSON") -> object:
    """The value with each `{"$float": "NaN" | "Infinity" | "-Infinity"}` turned back into that number; nothing else changes.

    Errors: NetFileError, for an object with the key "$float" and anything but one of these three.

    >>> untag(loads('[1, {"$float": "-Infinity"}]'))
    [1, -inf]
    """
    return _untagged(value, (), source)


def quoted(text: str, most: int = 60) -> str:
    """A string from a file as it may stand in a message: quoted, control characters escaped, cut when long.

    >>> quoted("0/Weights")
    '"0/Weights"'
    """
    shown = json.dumps(text[:most], ensure_ascii=not text.isprintable())
    return shown[:-1] + f'..." ({len(text)} characters)' if len(text) > most else shown


@dataclass(frozen=True)
class _Twice:
    """Stands for an object with a key given twice, until it is known where that object lies."""

    key: str


@dataclass
class _Reader:
    source: str
    limits: JsonLimits
    twice: bool = field(default=False, init=False)

    def fail(self, text: str) -> NoReturn:
        raise NetFileError(f"{self.source}: {text}")

    def check_text(self, text: bytes | str) -> str:
        """The text as a string that UTF-8 can say, within the limit on bytes."""
        self.check_size(len(text))  # characters are at most as many as bytes: nothing is encoded that is too long anyway
        try:
            if isinstance(text, bytes):
                return text.decode()
            self.check_size(len(text.encode()))
        except UnicodeDecodeError as error:
            self.fail(f"byte {error.start} is not UTF-8 ({error.reason})")
        except UnicodeEncodeError as error:
            self.fail(f"character {error.start}: a lone surrogate, which is no character")
        return text

    def check_size(self, size: int) -> None:
        if size > self.limits.size:
            self.fail(f"the text may be {self.limits.size} bytes long; got {size}")

    def scan(self, text: str) -> None:
        """Check everything that must hold before decoding, in one pass that knows what is inside a string."""
        depth = items = 0
        for match in _TOKEN.finditer(text):
            token = match.group()
            first = token[0]
            if first in "]}":
                depth -= 1
                continue
            items += 1
            if items > self.limits.items:
                self.fail(f"at most {self.limits.items} values and keys are read; got more at character {match.start()}")
            if first in "[{":
                depth += 1
                if depth > self.limits.depth:
                    self.fail(f"nested at most {self.limits.depth} deep; got more at character {match.start()}")
            elif first == '"':
                self.check_string(token, match.start())
            elif "0" <= first <= "9" or (first == "-" and "0" <= token[1:2] <= "9"):
                self.check_number(token, match.start())
            elif token not in ("true", "false", "null"):
                self.fail(f"character {match.start()}: wanted a value; got {quoted(token, 20)}")

    def check_string(self, token: str, start: int) -> None:
        if token == '"':
            self.fail(f"character {start}: a string that never ends")
        if len(token) - 2 > self.limits.string:
            self.fail(f"character {start}: a string may be {self.limits.string} characters long; got {len(token) - 2}")
        if "\\u" in token:
            try:
                json.loads(token).encode()
            except UnicodeEncodeError:
                self.fail(f"character {start}: {quoted(token[1:-1], 20)} holds a lone surrogate, which is no character")
            except json.JSONDecodeError:
                self.fail(f"character {start}: {quoted(token[1:-1], 20)} holds a \\u without four hexadecimal digits")

    def check_number(self, token: str, start: int) -> None:
        if len(token) > self.limits.digits:
            self.fail(f"character {start}: a number may be {self.limits.digits} digits long; got {len(token)}")
        number = _NUMBER.fullmatch(token)
        if number is None or token == "-0":  # readers disagree on whether -0 is an integer
            self.fail(f"character {start}: wanted a number; got {quoted(token, 40)}")
        if number.lastindex is not None and math.isinf(float(token)):
            self.fail(f"character {start}: wanted a number of double precision; got {token}")

    def collect(self, pairs: list[tuple[str, object]]) -> object:
        """The object of some pairs. A key given twice is only marked: the decoder does not know where it is, its result shows it."""
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        self.twice = True
        seen = set()
        return _Twice(next(key for key, _ in pairs if key in seen or seen.add(key)))


def _first_twice(value: object) -> tuple[str | int, ...]:
    """Where the first key given twice is. Marks inside another mark's object are gone, so an outer one is found first."""
    waiting: list[tuple[object, tuple[str | int, ...]]] = [(value, ())]
    while True:
        value, path = waiting.pop()
        if isinstance(value, _Twice):
            return (*path, value.key)
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting.extend(reversed([(part, (*path, key)) for key, part in parts]))


def _place(path: tuple[str | int, ...]) -> str:
    """A path inside JSON, as messages show it; a key that is not plain is quoted."""
    shown = [str(key) if isinstance(key, int) or _PLAIN.fullmatch(key) else quoted(key) for key in path]
    return "/".join(shown) or "the top"


def _near(text: str, start: int) -> str:
    return quoted(text[start : start + 20]) if start < len(text) else "the end"


def _tagged(value: object, path: tuple[str | int, ...], limits: JsonLimits, source: str) -> object:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) >= 10**limits.digits:  # before str(), which raises of its own beyond 4,300 digits
            raise NetFileError(f"{source}: {_place(path)}: an integer may be {limits.digits} digits long; got a longer one")
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return {FLOAT_TAG: "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if len(path) >= limits.depth:
        raise NetFileError(f"{source}: {_place(path[:3])}/...: nested at most {limits.depth} deep; got more")
    if isinstance(value, list | tuple):
        return [_tagged(part, (*path, index), limits, source) for index, part in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise NetFileError(f"{source}: {_place(path)}: a key must be a string; got {key!r}")
            if key == FLOAT_TAG:
                raise NetFileError(f'{source}: {_place(path)}: the key "{FLOAT_TAG}" is kept for numbers that JSON cannot say')
        return {key: _tagged(part, (*path, key), limits, source) for key, part in value.items()}
    raise NetFileError(f"{source}: {_place(path)}: JSON has no form for a {type(value).__name__}")


def _untagged(value: object, path: tuple[str | int, ...], source: str) -> object:
    if isinstance(value, list):
        return [_untagged(part, (*path, index), source) for index, part in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if FLOAT_TAG not in value:
        return {key: _untagged(part, (*path, key), source) for key, part in value.items()}
    tag = value[FLOAT_TAG]
    if len(value) > 1 or not isinstance(tag, str) or tag not in _TAGGED:
        known = ", ".join(f'"{name}"' for name in _TAGGED)
        raise NetFileError(f'{source}: {_place(path)}: "{FLOAT_TAG}" stands alone and is one of {known}; got {quoted(json.dumps(value))}')
    return _TAGGED[tag]
