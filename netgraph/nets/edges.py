"""The edge grammar: from what the user wrote to single connections between places.

An edge is a run `(a, b, c)`, `"a -> b -> c"` or `NetPort("a") >> "b"`; a nested list or tuple in a run is several sources; `None` at its
end mutes an output. In a tuple a text is a layer's name or a path "a/port"; `NetPort("x")` is a port of the net unless a layer has that
name. In a text edge a word that is no layer is a port of the net, at the ends of the run only.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from netgraph.errors import NetNameError, NetTypeError, did_you_mean, nearest
from netgraph.spec.net import Net
from netgraph.spec.ports import NetPort, Run, path_of


class Stop(NamedTuple):
    """One end of a connection: a port of the net (path ()), or a part by its path with a port or "" for its only one."""

    path: tuple[str, ...]
    port: str


MUTED = Stop((), "")


class Link(NamedTuple):
    """One connection as written: where from, where to, and its text for messages."""

    source: Stop
    target: Stop
    text: str


def links(edges: Sequence, parts: Mapping[str, Net], ports_of) -> list[Link]:
    """Every single connection of the edge list, in order. `ports_of(net, direction)` gives the port names of a part.

    Errors: NetTypeError for what is no edge, NetNameError for a name that no layer or port has.
    """
    if isinstance(edges, (str, tuple, Run)) or not isinstance(edges, Sequence):
        raise NetTypeError(
            f"NetGraph wants a list of edges, got {edges!r}", fix=f"[{edges!r}]" if isinstance(edges, (str, tuple, Run)) else None
        )
    found: list[Link] = []
    for edge in edges:
        stops, text = _stops(edge)
        reader = _Reader(parts, ports_of, text, isinstance(edge, str))
        for place, (a, b) in enumerate(pairwise(stops)):
            first, last = place == 0, place == len(stops) - 2
            if isinstance(b, (list, tuple)) and not last:
                raise NetTypeError(f"edge {text}: several layers in the middle of a run")
            sources = list(a) if isinstance(a, (list, tuple)) and not isinstance(edge, str) else [a]
            targets = list(b) if isinstance(b, (list, tuple)) and not isinstance(edge, str) else [b]
            if len(targets) > 1 and len(sources) > 1:
                raise NetTypeError(f"edge {text}: several layers on both sides")
            for source in sources:
                for target in targets:
                    found.append(Link(reader.source(source, first), reader.target(target, last), text))
    return found


def _stops(edge) -> tuple[list, str]:
    if isinstance(edge, str):
        words = [word.strip() for word in edge.split("->")]
        if len(words) < 2 or not all(words):
            raise NetTypeError(f'edge {edge!r}: wants two or more names joined by "->"', fix='"a -> b"')
        return words, f'"{edge}"'
    stops = list(edge.stops) if isinstance(edge, Run) else list(edge) if isinstance(edge, (tuple, list)) else None
    if stops is None or len(stops) < 2:
        raise NetTypeError(f"{edge!r} is no edge", fix='("a", "b"), "a -> b" or NetPort("a") >> "b"')
    return stops, repr(edge)


class _Reader:
    """Reads the stops of one edge."""

    def __init__(self, parts: Mapping[str, Net], ports_of, text: str, in_text: bool):
        self.parts, self.ports_of, self.text, self.in_text = parts, ports_of, text, in_text
        self.names = list(parts)

    def source(self, stop, at_end: bool) -> Stop:
        if stop is None:
            raise NetTypeError(f"edge {self.text}: None is no source")
        return self._read(stop, at_end, "output")

    def target(self, stop, at_end: bool) -> Stop:
        if stop is None:
            if not at_end:
                raise NetTypeError(f"edge {self.text}: None mutes an output at the end of a run only")
            return MUTED
        return self._read(stop, at_end, "input")

    def _read(self, stop, at_end: bool, direction: str) -> Stop:
        path = path_of(stop)
        name = self._layer(path[0])
        if name is None:
            single = len(path) == 1 and isinstance(path[0], str)
            if single and (isinstance(stop, NetPort) or (self.in_text and at_end)):
                if not isinstance(stop, NetPort):
                    close = [n for n in nearest(path[0], self.names, 1) if _near(n, path[0])]
                    if close:
                        raise NetNameError(
                            f'edge {self.text}: no layer is called "{path[0]}", did you mean "{close[0]}"?',
                            fix=f'NetPort("{path[0]}") for a port of the net',
                        )
                return Stop((), path[0])
            fix = f'NetPort("{path[0]}") for a port of the net' if single and not self.in_text else None
            raise NetNameError(f"edge {self.text}: there is no layer {path[0]!r}, {did_you_mean(path[0], self.names)}", fix=fix)
        return self._inside(name, path[1:], direction)

    def _layer(self, name) -> str | None:
        if isinstance(name, str):
            if name in self.parts:
                return name
            name = int(name) if name.lstrip("-").isdigit() else None
        if isinstance(name, int) and -len(self.names) <= name < len(self.names):
            return self.names[name]
        return None

    def _inside(self, name: str, rest: tuple, direction: str) -> Stop:
        path, part = (name,), self.parts[name]
        for place, word in enumerate(rest):
            ports = self.ports_of(part, direction)
            inner = dict(part.children)
            read = part.readable_ports() if direction == "output" else ()
            if place == len(rest) - 1 and (word in part.state_names() or word in read):
                return Stop(path, word)
            if place == len(rest) - 1 and (word in ports or not inner):
                if word not in ports and (ports or part.input_count is not None or direction == "output"):
                    raise NetNameError(
                        f'edge {self.text}: {"/".join(path)} has no {direction} port "{word}", {did_you_mean(word, list(ports))}'
                    )
                return Stop(path, word)
            names = list(inner)
            if isinstance(word, int) and -len(names) <= word < len(names):
                word = names[word]
            if word not in inner:
                known = [*ports, *inner]
                raise NetNameError(
                    f'edge {self.text}: {"/".join(path)} has no part or {direction} port "{word}", {did_you_mean(word, known)}'
                )
            if direction == "input":
                raise NetTypeError(f"edge {self.text}: the inside of {'/'.join(path)} cannot be fed from outside; feed an input port of it")
            path, part = (*path, word), inner[word]
        return Stop(path, "")


def _near(a: str, b: str) -> bool:
    """Whether one name looks like a slip for the other: the same but for case, or one letter."""
    a, b = a.lower(), b.lower()
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1 or min(len(a), len(b)) < 3:
        return False
    short, long = sorted((a, b), key=len)
    for i in range(len(long)):
        if short == long[:i] + long[i + 1 :] or (len(a) == len(b) and short[:i] + short[i + 1 :] == long[:i] + long[i + 1 :]):
            return True
    return False
