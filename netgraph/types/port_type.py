"""The type of a port: a kind and a shape, and the codec that sits there; how it is written by users and how it is shown."""

from collections.abc import Sequence
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, NetValueError
from netgraph.types.codec import NAMED, Codec
from netgraph.types.kinds import BOOLEAN, INTEGER, REAL, Integer, Kind
from netgraph.types.sizes import OPEN, Varying
from netgraph.types.symbols import Automatic


class PortType:
    """A kind (None: open) and a shape: a tuple of ints, "Varying" and None (open), or None while the rank itself is open.

    `codec` is the encoder or decoder at the port, where one was written there. What is solved has none: it says what arrays are.
    """

    __slots__ = ("_key", "codec", "kind", "shape")

    def __init__(self, kind: Kind | None, shape: Sequence | None, codec: Codec | None = None):
        sizes = None if shape is None else tuple(shape)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "shape", sizes)
        object.__setattr__(self, "codec", codec)
        # lengths that vary as text: which variable they are matters within one net only
        told = None if sizes is None else tuple([str(s) if isinstance(s, Varying) else s for s in sizes])
        object.__setattr__(self, "_key", (None if kind is None else (kind.name, kind.count), told, codec))

    def __setattr__(self, key, value):
        raise AttributeError("a port type cannot be changed")

    def __eq__(self, other) -> bool:
        return isinstance(other, PortType) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"PortType({self})"

    def __str__(self) -> str:
        return show_type(self.kind, self.shape)

    @property
    def closed(self) -> bool:
        """Whether nothing of the shape is open."""
        return self.shape is not None and None not in self.shape

    @property
    def varies(self) -> bool:
        """Whether any axis differs from example to example."""
        return self.shape is not None and any(isinstance(s, (str, Varying)) for s in self.shape)

    @property
    def bare(self) -> "PortType":
        """The type without its codec."""
        return self if self.codec is None else PortType(self.kind, self.shape)

    def several(self, count: int | str) -> "PortType":
        """The type of so many of these, one after another; the codec takes a list of what it took."""
        if self.shape is None:
            return self
        return PortType(self.kind, (count, *self.shape), None if self.codec is None else self.codec.several(count))

    def one(self) -> "PortType":
        """The type of one of several: the first level taken away."""
        if self.shape is None:
            return self
        return PortType(self.kind, self.shape[1:], None if self.codec is None else self.codec.one())

    def written(self):
        """The type as a user would write it: `(3,)`, `()`, `("Varying", 3)`, `Integer(5)`, `"Boolean"`, Automatic, or the codec."""
        if self.codec is not None:
            return self.codec
        shape = (
            None if self.shape is None else tuple(Automatic if s is None else s if isinstance(s, int) else "Varying" for s in self.shape)
        )
        if self.kind is None or self.kind == REAL:
            return Automatic if shape is None else shape
        kind = "Boolean" if self.kind == BOOLEAN else "Integer" if self.kind == INTEGER else self.kind
        return kind if not shape else (*shape, kind)

    def notation(self) -> str:
        """The type as text that `parse_type` reads back to an equal type: `2`, `(2, 3)`, `"Real"`, `("Varying", 3, Integer(5))`.

        >>> PortType(REAL, (2,)).notation(), PortType(None, (2, None)).notation()
        ('(2, "Real")', '(2, Automatic)')
        """
        if self.codec is not None:
            return repr(self.codec)
        if self.shape is None:
            return "Automatic"
        words = ["Automatic" if s is None else str(s) if isinstance(s, int) else '"Varying"' for s in self.shape]
        if self.kind is not None:
            words.append('"Integer"' if self.kind == INTEGER else repr(self.kind))
        if not words or (len(words) == 1 and words[0] == "Automatic"):
            return "()" if not words else "(Automatic,)"
        return words[0] if len(words) == 1 else f"({', '.join(words)})"

    def to_json(self):
        """Plain data, without the codec; `type_from_json` is its inverse."""
        kind = None if self.kind is None else [self.kind.name, self.kind.count]
        return {
            "kind": kind,
            "shape": None if self.shape is None else [s if s is None or isinstance(s, int) else "Varying" for s in self.shape],
        }


def type_from_json(data) -> PortType:
    """The type that `to_json` wrote. Errors: NetValueError, or NetTypeError, for anything else."""
    kind: Any
    shape: Any
    kind, shape = (data["kind"], data["shape"]) if isinstance(data, dict) and set(data) == {"kind", "shape"} else ((), ())
    fits = kind in (None, ["real", None], ["boolean", None]) or (isinstance(kind, list) and len(kind) == 2 and kind[0] == "integer")
    if isinstance(shape, list):
        fits = fits and all(size is None or size == "Varying" or type(size) is int for size in shape)
    else:
        fits = fits and shape is None
    if not fits:
        text = repr(data)
        raise NetValueError(f"no port type: {text if len(text) <= 60 else text[:57] + '...'}")
    made = None if kind is None else REAL if kind[0] == "real" else BOOLEAN if kind[0] == "boolean" else Integer(kind[1])
    return PortType(made, None if shape is None else parse_type(tuple(Automatic if s is None else s for s in shape), "a port").shape)


def show_type(kind: Kind | None, shape: Sequence | None) -> str:
    """A port type as text: `real (2, ?)`.

    >>> show_type(REAL, ("Varying", 3))
    'real (Varying, 3)'
    """
    if shape is None:
        text = "(...)"
    else:
        inner = ", ".join("?" if s is None else str(s) for s in shape)
        text = f"({inner},)" if len(shape) == 1 else f"({inner})"
    name = "" if kind is None else "integer" if kind == INTEGER else f"integer below {kind.count}" if kind.name == "integer" else kind.name
    if shape is not None and not shape:
        return name or "a number"
    return f"{name} {text}".strip()


_WORDS = {"Real": REAL, "Integer": INTEGER, "Boolean": BOOLEAN}


def parse_type(value, where: str, side: str | None = None) -> PortType:
    """A port type from its notation (DESIGN 5): "Real", "Integer", "Boolean", Integer(n), n, (n1, n2, ...), (), "Varying",
    ("Varying", n, ...), Automatic for any part; the last entry of a tuple may be a kind. On a side, "input" or "output", also an encoder or
    a decoder, or the name of one.

    `where` names the port in messages. Errors: NetTypeError for what is no notation, or a codec of the other side; NetValueError for a size
    below 1.

    >>> parse_type(("Varying", 3), "Input")
    PortType((Varying, 3))
    """
    if isinstance(value, PortType):
        return value
    if isinstance(value, Kind):
        return PortType(value, ())
    decoded = value == "Boolean" and side == "output"  # at an input the encoder would change nothing
    if isinstance(value, str) and side in NAMED and (decoded or value not in _WORDS) and value != "Varying":
        value = _named(value, side, where)
    if isinstance(value, Codec):
        if side is not None and value.side != side:
            wanted = "takes an encoder" if side == "input" else "gives what a decoder makes of it"
            raise NetTypeError(f"{where}: {value!r} is {_ARTICLE[value.side]}; an {side} port {wanted}")
        found = value.port_type()
        return PortType(found.kind, found.shape, value)
    if value is Automatic:
        return PortType(None, None)
    if isinstance(value, str) and value in _WORDS:
        return PortType(_WORDS[value], ())
    if isinstance(value, (list, tuple)):
        entries = list(value)
        kind = None
        if entries and (isinstance(entries[-1], Kind) or (isinstance(entries[-1], str) and entries[-1] in _WORDS)):
            last = entries.pop()
            kind = last if isinstance(last, Kind) else _WORDS[last]
        return PortType(kind, [_entry(entry, value, where) for entry in entries])
    return PortType(None, [_entry(value, value, where, side)])


_ARTICLE = {"input": "an encoder", "output": "a decoder"}


def _named(name: str, side: str, where: str) -> Any:
    """The codec of that name, or the name itself where there is none."""
    try:
        return NAMED[side](name)
    except NetNameError:
        return name
    except NetTypeError as error:
        raise NetTypeError(f"{where}: {error.headline}", fix=error.fix) from None


def _entry(entry, whole, where, side=None):
    if entry is Automatic or entry is None or entry is OPEN:
        return None
    if entry == "Varying" or isinstance(entry, Varying):
        return "Varying"
    if hasattr(entry, "__index__") and not isinstance(entry, bool):
        size = entry.__index__()
        if size < 1:
            raise NetValueError(f"{where}: a size is at least 1, got {size}" + ("" if entry is whole else f" in {whole!r}"))
        return size
    if isinstance(whole, (list, tuple)):
        raise NetTypeError(f'{where}: {entry!r} is no size (a shape is a tuple of sizes, "Varying" and Automatic)')
    others = {None: "Automatic", "input": "Automatic, or an encoder", "output": "Automatic, or a decoder"}[side]
    known = '"Real", "Integer", "Boolean", Integer(n), n, (n1, n2, ...), "Varying"'
    raise NetTypeError(f"{where}: {entry!r} is no port type", fix=f"{known}{' or' if side is None else ','} {others}")
