"""Inference over a whole net: every port, array and size of every part in one store, solved to a fixed point.

The walk keeps its own stack, so nesting has no limit. A part that is itself a container and closed is taken by its ports alone, unless
everything inside is asked for (`full`).
"""

from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from netgraph.errors import NetError, NetShapeError, join_errors
from netgraph.spec.net import Net, array_key, shared_names
from netgraph.types.kinds import BOOLEAN, INTEGER, REAL, Kind
from netgraph.types.port_type import PortType
from netgraph.types.sizes import Affine, Varying
from netgraph.types.store import KindNode, Node, Store, find, primary

_NONE: Mapping = MappingProxyType({})


class Term(NamedTuple):
    """A port in the store: its kind and its run of axes."""

    kind: KindNode
    run: Node


class Origin:
    """Where a value came from, written out only when somebody asks."""

    __slots__ = ("net", "path", "text")

    def __init__(self, path: tuple[str, ...], net: Net, text: str = "is"):
        self.path, self.net, self.text = path, net, text

    def __str__(self) -> str:
        subject = "/".join(self.path)
        if self.text == "is":
            return f"{subject} is {short(self.net)}" if subject else short(self.net)
        return f"{subject or type(self.net).__name__} was {self.text}"

    def __bool__(self) -> bool:
        return True


def short(net: Net, most: int = 60) -> str:
    """The net as text, inner nets abbreviated (`NetChain[3]`), cut to a readable length."""
    text = net.text(0)
    return text if len(text) <= most else f"{text[: most - 3]}..."


class Terms:
    """What one part of a net declared: ports, arrays, states, noise and named sizes, as nodes of the store."""

    __slots__ = ("arrays", "inputs", "kind", "names", "noise", "outputs", "readable", "state_ports")

    def __init__(self):
        self.inputs: dict[str, Term] = {}
        self.outputs: dict[str, Term] = {}
        self.readable: dict[str, Term] = {}
        self.arrays: dict[str, Node] = {}
        self.noise: dict[str, Node] = {}
        self.names: dict[str, Node] = {}
        self.state_ports: dict[str, Term] = {}
        self.kind: KindNode | None = None  # the one kind of the ports declared "any"

    def source(self, port: str) -> Term:
        """A port that something can be read from: an output, a readable port, a state, or what comes in."""
        return next(ports for ports in (self.outputs, self.readable, self.state_ports, self.inputs) if port in ports)[port]


class Scope:
    """The place where one part declares itself: the store, its path, and the terms of its own parts."""

    __slots__ = ("children", "everything", "net", "path", "shared", "store", "tensors", "terms", "where")

    def __init__(self, store: Store, path: tuple[str, ...], net: Net, everything: Mapping[tuple[str, ...], Terms], tensors, shared):
        self.store, self.path, self.net, self.everything = store, path, net, everything
        self.children = {name: everything[(*path, name)] for name in net.children}
        self.tensors, self.shared = tensors, shared
        self.terms = Terms()
        self.where = "/".join(path) or type(net).__name__

    def label(self, *rest: str) -> str:
        """The path of something inside this part, for messages."""
        return "/".join((*self.path, *rest))

    def origin(self, text: str = "is") -> Origin:
        return Origin(self.path, self.net, text)

    def size(self, name: str) -> Node:
        """The size called `name`: a parameter of the layer, a number, or an unknown of this layer."""
        if name.isdigit():
            return self.store.size(int(name), self.origin())
        if name not in self.terms.names:
            value = getattr(self.net, name, None) if name[0].isupper() else None
            known = isinstance(value, int)
            self.terms.names[name] = self.store.size(value if known else None, self.origin() if known else "")
        return self.terms.names[name]

    def run(self, name: str) -> Node:
        """The run of axes called `name`, likewise."""
        if name not in self.terms.names:
            value = getattr(self.net, name, None) if name[0].isupper() else None
            if isinstance(value, tuple):
                entries = [None if not isinstance(entry, int) else entry for entry in value]
                self.terms.names[name] = self.store.shape(entries, self.origin())
            else:
                self.terms.names[name] = self.store.run()
        return self.terms.names[name]

    def shaped(self, shape, where: str) -> Node:
        """The run of a declared shape."""
        prefix = [self.size(name) for name in shape.prefix]
        suffix = [self.size(name) for name in shape.suffix]
        if shape.run is None:
            return self.store.run(prefix, self.origin())
        middle = self.run(shape.run)
        if not prefix and not suffix:
            return middle
        whole = self.store.run()
        self.store.concatenation(whole, prefix, middle, suffix, where)
        return whole

    def kinded(self, shape) -> KindNode:
        """The kind of a declared shape; "any" is one unknown of the layer."""
        if shape.kind == "any":
            if self.terms.kind is None:
                self.terms.kind = KindNode()
            return self.terms.kind
        count = None if shape.count is None else self.size(shape.count)
        return KindNode(shape.kind, self.origin(), count)

    def port(self, declared_shape, name: str) -> Term:
        return Term(self.kinded(declared_shape), self.shaped(declared_shape, self.label(name)))

    def array(self, name: str, declared_shape, setting) -> None:
        """Declare an array; one shared by name has one shape wherever it is used."""
        run = self.shaped(declared_shape, self.label(name))
        self.terms.arrays[name] = run
        key = array_key(self.path, name, setting)
        if key != self.label(name) or getattr(setting, "name", None) == key:
            known = self.shared.setdefault(key, (run, self.label(name)))
            if known[0] is not run:
                self.store.equate_runs(known[0], run, f'{self.label(name)} and {known[1]} share the array "{key}"')
        if getattr(setting, "dimensions", None) is not None:
            self.store.equate_runs(run, self.store.shape(setting.dimensions, Origin(self.path, self.net)), self.label(name))
        tensor = self.tensors.get(key)
        if tensor is not None:
            shape = tuple(tensor.shape)
            why = Origin((*self.path, name), self.net, f"given an array of shape {shape}")
            self.store.equate_runs(run, self.store.shape(shape, why), self.label(name))

    def link(self, source: Term, target: Term, where: object) -> None:
        """An edge: what leaves `source` enters `target`."""
        self.store.equate_kinds(source.kind, target.kind, where)
        self.store.equate_runs(source.run, target.run, where)

    def constrain(self, term: Term, given: PortType, where: str, why) -> None:
        """Hold a port to a type that was given."""
        if given.kind is not None:
            count = None if given.kind.count is None else self.store.size(given.kind.count, why)
            self.store.equate_kinds(KindNode(given.kind.name, why, count), term.kind, where)
        if given.shape is not None:
            self.store.equate_runs(self.store.shape(given.shape, why), term.run, where)


class Typing:
    """The solved types of a net: the terms of every part by path, and the root's ports as types."""

    def __init__(self, net: Net, store: Store, terms: dict[tuple[str, ...], Terms]):
        self.net, self.store, self.terms = net, store, terms
        root = terms[()]
        self.inputs = MappingProxyType({name: self.type_of(term) for name, term in root.inputs.items()})
        self.outputs = MappingProxyType({name: self.type_of(term) for name, term in root.outputs.items()})
        self.state_ports = MappingProxyType({name: self.type_of(term) for name, term in root.state_ports.items()})

    @property
    def closed(self) -> bool:
        """Whether every port of the net has a known shape."""
        return all(t.closed for t in (*self.inputs.values(), *self.outputs.values()))

    @property
    def varies(self) -> bool:
        """Whether a port of the net has a varying axis."""
        return any(t.varies for t in (*self.inputs.values(), *self.outputs.values()))

    def kind_of(self, node: KindNode) -> Kind | None:
        root = find(node)
        if root.value is None:
            return None
        if root.value == "integer":
            count = None if root.count is None else find(root.count).value
            return Kind("integer", count) if isinstance(count, int) else INTEGER
        return BOOLEAN if root.value == "boolean" else REAL

    def type_of(self, term: Term) -> PortType:
        """The type of a port as far as it is solved."""
        return PortType(self.kind_of(term.kind), self.store.sizes(term.run))

    def open_places(self) -> list[tuple[str, str]]:
        """(place, type so far) of every port and array whose shape is not known, in order."""
        found = []
        for path, terms in self.terms.items():
            for name, term in (*terms.inputs.items(), *terms.outputs.items()):
                if not self.type_of(term).closed:
                    found.append(("/".join((*path, name)), str(self.type_of(term))))
            for name, run in terms.arrays.items():
                if self.store.known(run) is None:
                    found.append(("/".join((*path, name)), self.store.show(run)))
        return found


def infer(
    net: Net, *, data: Mapping[str, PortType] | None = None, full: bool = False, close: bool = False, known: Mapping[str, "Typing"] = _NONE
) -> Typing:
    """Solve the types of `net`, with the types of `data` at its input ports if there is any.

    `known` are solved types of parts, with their arrays; `full` also looks inside closed parts; `close` applies what layers assume when
    nothing else is said (a preset weight's input is a vector). Errors: one NetError that tells all independent conflicts.

    A part that was solved before is first taken by its ports alone, an open one too: if its surroundings say nothing new at its ports, its
    inside has nothing to add. Else the open parts are opened. So nests of open nets, built from the inside, cost the same at each level.
    """
    typing = _inferred(net, data, full, close, known)
    for name, given in net.given.items():
        fault = None if given.codec is None else _misfit(typing, name, given.codec)
        if fault is not None:
            raise NetShapeError(f"{name}: {fault}", origins=[((typing.inputs | typing.outputs)[name], f"what {name} is")])
    return typing


def _misfit(typing: "Typing", name: str, codec) -> str | None:
    """What is wrong with the shape of a port for the codec there, beyond what types say."""
    kind = typing.outputs.get(name) or typing.inputs.get(name)
    fault = None if kind is None or kind.shape is None else codec.accepts(kind.shape)
    return None if fault is None else f"{codec!r}: {fault}"


def _inferred(net: Net, data, full: bool, close: bool, known: Mapping[str, "Typing"]) -> "Typing":
    guess = not (data or full or close)
    store, terms, guessed = _solved(net, data, full, close, known, guess)
    if guessed:
        typing = None if store.errors else Typing(net, store, terms)
        if typing is not None and all(_says_nothing_new(typing, terms[path], solved) for path, solved in guessed.items()):
            return typing
        store, terms, _ = _solved(net, data, full, close, known, False)
    if store.errors:
        raise join_errors(_upstream_first(net, store, terms))
    return Typing(net, store, terms)


def _solved(net: Net, data, full: bool, close: bool, known: Mapping[str, Typing], guess: bool):
    """The store and terms of a net, solved; and the open parts that were taken by their ports alone, with their types."""
    store = Store()
    terms: dict[tuple[str, ...], Terms] = {}
    guessed: dict[tuple[str, ...], Typing] = {}
    shared: dict[str, tuple[Node, str]] = {}
    assumptions: list[tuple[Net, Scope]] = []
    stack: list[tuple[tuple[str, ...], Net, bool, bool]] = [((), net, False, True)]
    while stack:
        path, part, entered, inside = stack.pop()
        children = part.children
        if not entered and children:
            solved = None if inside else (known.get(path[0]) if len(path) == 1 else None) or part._cache.get("typing")
            if solved is not None and (solved.closed or guess) and not solved.varies and not shared_names(part):
                terms[path] = _ports_alone(store, path, part, solved)
                if not solved.closed:
                    guessed[path] = solved
                continue
            stack.append((path, part, True, inside))
            opened = getattr(part, "opened", ())
            deeper = inside and path != ()
            stack.extend(
                ((*path, name), child, False, full or deeper or name in opened) for name, child in reversed(list(children.items()))
            )
            continue
        scope = Scope(store, path, part, terms, net.tensors, shared)
        part.declare(scope)
        terms[path] = scope.terms
        for name, given in part.given.items():
            ports = next((p for p in (scope.terms.inputs, scope.terms.outputs, scope.terms.state_ports) if name in p), {})
            if name in ports:
                why = Origin(path, part, f"given {name}={part.written_type(name, given).notation()}")
                scope.constrain(ports[name], given, scope.label(name), why)
        if close:
            assumptions.append((part, scope))
        if path == () and data:
            for name, kind in data.items():
                scope.constrain(scope.terms.inputs[name], kind, name, "the data")
    store.solve()
    before = -1
    while store.changes > before:  # what one layer assumes may be what another waits for, on either side of it
        before = store.changes
        for part, scope in assumptions:
            part.assume(scope)
            store.solve()
        assumptions.reverse()
    return store, terms, guessed


def _says_nothing_new(typing: Typing, terms: Terms, solved: Typing) -> bool:
    """Whether the ports of a part are as they were when it was solved by itself."""
    ports = ((terms.inputs, solved.inputs), (terms.outputs, solved.outputs), (terms.state_ports, solved.state_ports))
    return all(typing.type_of(term) == own[name] for found, own in ports for name, term in found.items())


def _upstream_first(net: Net, store: Store, terms: Mapping[tuple[str, ...], Terms]) -> list[NetError]:
    """The errors of a store in the order in which data would meet them, equal ones once."""

    def position(place: object) -> tuple[float, ...]:
        """The place of each part on the path in the order that parts run; inputs come before what is inside, outputs after."""
        part, walked, found = net, (), []
        for word in str(place).split(" -> ")[-1].split("/"):
            if word not in part.children:
                return (*found, -1 if word in terms[walked].inputs else inf if word in terms[walked].outputs else -0.5)
            found.append(part.order().index(word))
            part, walked = part.children[word], (*walked, word)
        return (*found, -0.5)

    pairs = sorted(zip(store.places, store.errors, strict=True), key=lambda pair: position(pair[0]))
    return list({str(error): error for _, error in pairs}.values())


def typed(net: Net) -> Typing:
    """The types of a net as it stands, solved once and kept."""
    if "typing" not in net._cache:
        net._cache["typing"] = infer(net)
    return net._cache["typing"]


def settled(net: Net) -> Typing:
    """The types of a net with what layers assume where nothing else is said; the same as `typed` when that leaves nothing open."""
    if "settled" not in net._cache:
        typing = typed(net)
        net._cache["settled"] = infer(net, close=True) if typing.open_places() else typing
    return net._cache["settled"]


def _ports_alone(store: Store, path: tuple[str, ...], part: Net, typing: Typing) -> Terms:
    """The terms of a part that was solved by itself: the sizes of its ports, and where each came from inside it."""
    terms, own = Terms(), Origin(path, part)

    def reason(node: Node) -> object:
        why = find(node).why
        return Origin((*path, *why.path), why.net, why.text) if isinstance(why, Origin) else own if why else ""

    root = typing.terms[()]
    words = ("inputs", "outputs", "readable", "state_ports")
    for ports, solved in ((getattr(terms, word), getattr(root, word)) for word in words):
        for name, term in solved.items():
            kind = find(term.kind)
            count = None if kind.count is None else store.size(store.value(kind.count), reason(kind.count))
            axes = store.axes(term.run)
            sizes = None if axes is None else [store.size(store.value(size), reason(size)) for size in axes]
            ports[name] = Term(KindNode(kind.value, reason(kind), count), store.run(sizes, reason(term.run)))
    return terms


def varying_of(term: Term) -> list[tuple[int, Node, tuple[Affine, ...]]]:
    """(axis, variable, forms applied to its length) of each varying axis of a port."""
    sizes = enumerate(find(term.run).value or ())
    return [(axis, *primary(size)) for axis, size in sizes if isinstance(find(size).value, Varying)]
