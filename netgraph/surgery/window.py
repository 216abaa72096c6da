"""The types of a net that surgery made, checked where it differs from the nets it was made of.

Parts that come from a net whose types are solved keep those types; they fit each other where they were wired to each other before. So
it is enough to solve what is new, between neighbours whose ports are known: a *window*. If that fails, or something there is not known,
the whole net is solved, which gives the answer and its message. The cost is that of what changed, not of the net.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from netgraph.errors import NetError
from netgraph.nets.container import Container, Wire, gathered
from netgraph.nets.graph import NetGraph
from netgraph.spec.net import Net, shared_names
from netgraph.spec.typing import Scope, Term, Typing, infer, typed
from netgraph.surgery.piece import Piece
from netgraph.types.port_type import PortType
from netgraph.types.store import KindNode
from netgraph.types.symbols import Automatic

ROUNDS = 16
"""How often a window grows by neighbours whose types are open, before the whole net is solved."""


class Solved(NamedTuple):
    """Where the types of a part stand: in the solved types of some net, at a path."""

    typing: Typing
    path: tuple[str, ...]

    def types(self) -> tuple[dict[str, PortType], dict[str, PortType]] | None:
        """The types of its inputs (states among them) and of what can be read; None unless all are known and none varies."""
        terms, type_of = self.typing.terms[self.path], self.typing.type_of
        inputs = {name: type_of(term) for name, term in (*terms.inputs.items(), *terms.state_ports.items())}
        outputs = {name: type_of(term) for name, term in (*terms.outputs.items(), *terms.readable.items())}
        shapes = [kind.shape for kind in (*inputs.values(), *outputs.values())]
        fits = all(shape is not None and {*map(type, shape)} <= {int} for shape in shapes)
        return (inputs, outputs) if fits else None


def known_types(net: Container) -> Mapping[str, Solved]:
    """What is known of the types of each part without solving anything: types under which the whole net fits together."""
    if "known" not in net._cache and "typing" in net._cache:
        net._cache["known"] = {name: Solved(net._cache["typing"], (name,)) for name in net.children}
    return net._cache.get("known", {})


def keep_types(net: Container, pieces: Mapping[str, Piece]) -> dict[str, Solved]:
    """Let `net` know what was known of its pieces, for a net that cannot contradict itself."""
    known: dict[str, Solved] = {}
    for name, p in pieces.items():
        found = None if p.source is None or not p.same else known_types(p.source).get(p.name)
        if found is not None:
            known[name] = found
    net._cache["known"] = known
    return known


def check_types(net: Container, pieces: Mapping[str, Piece]) -> None:
    """Make sure that the types of `net`, put together from `pieces`, do not contradict each other. Errors: those of inference."""
    known = keep_types(net, pieces)
    fit: dict[Any, bool] = {}
    for name, p in pieces.items():
        found = None if p.same or p.source is None else known_types(p.source).get(p.name)
        if found is not None and _fits(p, found, fit):
            known[name] = found
    sources = {id(p.source) for p in pieces.values()}
    shared = shared_names(net) and (len(sources) > 1 or any(name not in known or not pieces[name].same for name in pieces))
    if shared or net.opened or not all(path for path, _ in net.output_sources.values()):
        _solve_whole(net)
        return
    for _ in range(ROUNDS):
        fresh = [name for name in pieces if name not in known]
        before = {name: pieces[name] for name in known}
        wires, inputs = _new_wires(net, before)
        ends = {name: net.output_sources[name] for name in _new_outputs(net, before)}
        touched = {*fresh, *(end for wire in wires for end in (wire.part, *wire.source)), *(path[0] for path, _ in ends.values())}
        if 2 * len(touched) > len(pieces):
            break
        types = {name: known[name].types() for name in touched if name in known}
        if None not in types.values():
            parts: dict[str, Net] = {name: pieces[name].part for name in fresh}
            arrays = gathered({name: (pieces[name].part, pieces[name].arrays) for name in fresh})
            parts.update({name: _Known(*found, net.children[name].state_names()) for name, found in types.items() if found is not None})
            given = {name: net.given[name] for name in (*inputs, *ends) if name in net.given}
            window = NetGraph.assembled(parts, inputs, wires, ends, given=given, multipliers=Automatic, named=True, arrays=arrays)
            if _solve(window, fresh, known):
                return
            break
        for name in [name for name, found in types.items() if found is None]:
            del known[name]
    _solve_whole(net)


def _solve_whole(net: Container) -> None:
    net._cache.pop("known", None)
    typed(net)


def _solve(window: Container, fresh: list[str], known: dict[str, Solved]) -> bool:
    """Solve a window, and take note of the types of what is new in it; False for one that contradicts itself."""
    try:
        typing = infer(window)
    except NetError:
        return False
    known.update({name: found for name in fresh if (found := Solved(typing, (name,))).types() is not None})
    return True


def _fits(p: Piece, place: Solved, seen: dict[Any, bool]) -> bool:
    """Whether a new part can have the types of the part whose place it takes; parts that are alike are asked once."""
    types = place.types()
    if types is None or p.part.children or p.part.state_names() or p.part.readable_ports():
        return False
    inputs, outputs = types
    key = (p.part.own_key(), tuple((name, tensor.shape) for name, tensor in p.arrays.items()), *(tuple(found.items()) for found in types))
    if key not in seen:
        try:
            seen[key] = dict(infer(p.net, data=inputs).outputs) == outputs
        except NetError:
            seen[key] = False
    return seen[key]


def _new_wires(net: Container, before: Mapping[str, Piece]) -> tuple[list[Wire], list[str]]:
    """The wires that were not there in the nets the parts come from, and the inputs of the net that they start at."""
    wires: list[Wire] = []
    fed: dict[str, list[Wire]] = {name: [] for name in net.input_names}
    feeds: dict[int, dict] = {}
    for wire in net.wires:
        if not wire.source:
            fed[wire.source_port].append(wire)
            continue
        source, target = before.get(wire.source[0]), before.get(wire.part)
        if source is None or target is None or target.source is None or source.source is not target.source:
            wires.append(wire)
            continue
        ways = feeds.setdefault(id(target.source), target.source.feeds())
        if ways[target.name].get(wire.part_port) != ((source.name,), wire.source_port):
            wires.append(wire)
    inputs = [name for name, found in fed.items() if not _as_before(net, name, found, before)]
    return [*wires, *(wire for name in inputs for wire in fed[name])], inputs


def _as_before(net: Container, name: str, wires: list[Wire], before: Mapping[str, Piece]) -> bool:
    """Whether all that an input feeds was fed by one input before, of the same given type."""
    places: set[tuple[int, str]] = set()
    for wire in wires:
        target = before.get(wire.part)
        if target is None or target.source is None:
            return False
        source, port = target.source.feeds()[target.name].get(wire.part_port, (("",), ""))
        if source or target.source.given.get(port) != net.given.get(name):
            return len(wires) == 1 and name not in net.given
        places.add((id(target.source), port))
    return len(places) <= 1


def _new_outputs(net: Container, before: Mapping[str, Piece]) -> list[str]:
    """The outputs whose given type did not hold of the same port before."""
    found = []
    for name, (path, port) in net.output_sources.items():
        source = before.get(path[0])
        if name not in net.given or (
            source is not None
            and source.source is not None
            and any(
                end == ((source.name,), port) and source.source.given.get(old) == net.given[name]
                for old, end in source.source.output_sources.items()
            )
        ):
            continue
        found.append(name)
    return found


class _Known(Net):
    """A part of a net seen from outside: ports of known types, and nothing else."""

    if TYPE_CHECKING:
        _inputs: Mapping[str, PortType]
        _outputs: Mapping[str, PortType]
        _states: tuple[str, ...]

    def __init__(self, inputs: Mapping[str, PortType], outputs: Mapping[str, PortType], states: tuple[str, ...]):
        self.__dict__.update(_inputs=inputs, _outputs=outputs, _states=states)
        self._hold({}, {})

    def input_ports(self) -> tuple[str, ...]:
        return tuple(name for name in self._inputs if name not in self._states)

    def output_ports(self) -> tuple[str, ...]:
        return tuple(self._outputs)

    def state_names(self) -> tuple[str, ...]:
        return self._states

    def own_key(self) -> tuple:
        return (type(self).__name__, tuple(self._inputs.items()), tuple(self._outputs.items()))

    def text(self, depth: int) -> str:
        return f"{type(self).__name__}({dict(self._inputs)}, {dict(self._outputs)})"

    def declare(self, scope: Scope) -> None:
        for types, terms in ((self._inputs, scope.terms.inputs), (self._outputs, scope.terms.outputs)):
            for name, kind in types.items():
                ports = scope.terms.state_ports if name in self._states else terms
                ports[name] = Term(KindNode(), scope.store.run())
                scope.constrain(ports[name], kind, name, "")
