"""The places that surgery is told: positions and names of layers, spans, and what a part's ends say of their types."""

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.spec.net import Net, is_position, part_name
from netgraph.spec.ports import NetPort
from netgraph.spec.typing import short


def position(net: Net, word, what: str) -> int:
    """The position of a layer that is told by name, position or NetPort. Errors: NetNameError, NetTypeError for another thing."""
    if isinstance(word, NetPort) and len(word.path) == 1:
        word = word.path[0]
    if not is_position(word) and not isinstance(word, str):
        raise NetTypeError(f"{what}: a layer is told by its name or position, got {word!r}")
    return list(net.children).index(part_name(net, word))


def span_of(net: Net, span, what: str) -> tuple[int, int]:
    """A span of the layers of a chain as (first, behind the last): `(start, end)` is inclusive, a slice half-open.

    Errors: NetNameError, NetTypeError, NetValueError for a slice with a step.
    """
    if isinstance(span, slice):
        if span.step not in (None, 1):
            raise NetTypeError(f"{what}: a slice of a chain has no step, got {span.step!r}")
        ends = [position(net, word, what) if isinstance(word, str) else word for word in (span.start, span.stop)]
        start, stop, _ = slice(ends[0], ends[1]).indices(len(net.children))
        return start, max(start, stop)
    start, end = span
    first, last = position(net, start, what), position(net, end, what)
    if first > last:
        raise NetTypeError(f"{what}: {end!r} comes before {start!r} in {short(net)}")
    return first, last + 1


def port_or_part(net: Net, word: str, what: str) -> None:
    """Refuse a name that neither a layer nor a port of `net` has."""
    known = [*net.children, *net.input_ports(), *net.output_ports()]
    raise NetNameError(f'{what}: {short(net)} has no layer or port "{word}", {did_you_mean(word, known)}')
