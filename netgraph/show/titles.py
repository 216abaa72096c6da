"""How parts of a net are called where they are listed or drawn."""

from collections.abc import Mapping

from netgraph.errors import NetError
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net
from netgraph.spec.typing import Term, Typing, infer
from netgraph.types.port_type import PortType


def title(part: Net) -> str:
    """A layer as it is written; of a net made of nets only its own options, since what is inside is shown by itself."""
    if not part.children:
        return repr(part.structure)
    if not isinstance(part, Layer):
        return type(part).__name__
    fields = type(part).model_fields
    own = [name for name in part.schema_of().fields if not isinstance(getattr(part, name), Net)]
    options = [f"{name}={part.written(name, 0)}" for name in own if getattr(part, name) != fields[name].default]
    return type(part).__name__ + (f"({', '.join(options)})" if options else "")


def cut(text: str, most: int) -> str:
    """The text, shortened to `most` characters.

    >>> cut("LinearLayer(200)", 10)
    'LinearL...'
    """
    return text if len(text) <= most else f"{text[: max(0, most - 3)]}..."[:most]


def type_text(kind: PortType) -> str:
    """A port's type; that an array is real goes without saying.

    >>> from netgraph.types.kinds import REAL, Integer
    >>> type_text(PortType(REAL, (200,))), type_text(PortType(REAL, ())), type_text(PortType(Integer(5), ("Varying",)))
    ('(200,)', 'real', 'integer below 5 (Varying,)')
    """
    return str(kind).removeprefix("real ")


def ports_text(typing: Typing, terms: Mapping[str, Term]) -> str:
    """The types of some ports, with their names when they are several."""
    types = {name: type_text(typing.type_of(term)) for name, term in terms.items()}
    return ", ".join(types.values() if len(types) == 1 else (f"{name} {text}" for name, text in types.items()))


def typed_inside(net: Net) -> Typing:
    """The types of everything inside `net`, with what layers assume where nothing else is said."""
    if "typed inside" not in net._cache:
        try:
            net._cache["typed inside"] = infer(net, full=True, close=True)
        except NetError:  # an assumption that does not hold is the evaluation's to report: showing a net never fails
            net._cache["typed inside"] = infer(net, full=True)
    return net._cache["typed inside"]


def size_text(sizes: tuple | None) -> str:
    """The size of an array.

    >>> size_text((200, 2)), size_text((None, 2)), size_text(()), size_text(None)
    ('200x2', '?x2', 'number', '?')
    """
    if sizes is None:
        return "?"
    return "x".join("?" if size is None else str(size) for size in sizes) or "number"
