"""Inference over a whole net: every port, array and size of every part in one store, solved to a fixed point.

The walk keeps its own stack, so nesting has no limit. A part that is itself a container and closed is taken by its ports alone, unless
everything inside is asked for (`full`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch

from netgraph.errors import join_errors
from netgraph.spec.net import Net, array_key
from netgraph.types.kinds import BOOLEAN, INTEGER, REAL, Kind
from netgraph.types.port_type import PortType
from netgraph.types.sizes import Varying
from netgraph.types.store import KindNode, Node, Store, find


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
        return f"{subject or 'the net'} was {self.text}"

    def __bool__(self) -> bool:
        return True


def short(net: Net, most: int = 60) -> str:
    """The net's repr, cut to a readable length."""
    text = repr(net)
    return text if len(text) <= most else f"{text[: most - 3]}..."


class Terms:
    """What one part of a net declared: ports, arrays, states, noise and named sizes, as nodes of the store."""

    __slots__ = ("arrays", "inputs", "names", "noise", "outputs", "state_ports")

    def __init__(self):
        self.inputs: dict[str, Term] = {}
        self.outputs: dict[str, Term] = {}
        self.arrays: dict[str, Node] = {}
        self.noise: dict[str, Node] = {}
        self.names: dict[str, Node] = {}
        self.state_ports: dict[str, Term] = {}


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
            node = self.terms.names.get("any kind")
            if node is None:
                node = self.terms.names["any kind"] = KindNode()
            return node
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

    def link(self, source: Term, target: Term, where: str) -> None:
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


def infer(net: Net, *, data: Mapping[str, PortType] | None = None, full: bool = False, close: bool = False) -> Typing:
    """Solve the types of `net`, with the types of `data` at its input ports if there is any.

    `full` also looks inside closed parts; `close` applies what layers assume when nothing else is said (a preset weight's input is a
    vector). Errors: one NetError that tells all independent conflicts.
    """
    store = Store()
    terms: dict[tuple[str, ...], Terms] = {}
    shared: dict[str, tuple[Node, str]] = {}
    assumptions: list = []
    tensors: Mapping[str, torch.Tensor] = net.tensors
    stack: list[tuple[tuple[str, ...], Net, bool, bool]] = [((), net, False, True)]
    while stack:
        path, part, entered, inside = stack.pop()
        children = part.children
        if not entered and children:
            if not inside and _closed(part):
                terms[path] = _ports_alone(store, path, part)
                continue
            stack.append((path, part, True, inside))
            opened = getattr(part, "opened", ())
            deeper = inside and path != ()
            stack.extend(
                ((*path, name), child, False, full or deeper or name in opened) for name, child in reversed(list(children.items()))
            )
            continue
        scope = Scope(store, path, part, terms, tensors, shared)
        part.declare(scope)
        terms[path] = scope.terms
        for name, given in part.given.items():
            ports = scope.terms.inputs if name in scope.terms.inputs else scope.terms.outputs
            if name not in ports and name in scope.terms.state_ports:
                ports = scope.terms.state_ports
            if name in ports:
                scope.constrain(ports[name], given, scope.label(name), Origin(path, part, f"given {name}={given.written()!r}"))
        if close:
            assumptions.append((part, scope))
        if path == () and data:
            for name, kind in data.items():
                scope.constrain(scope.terms.inputs[name], kind, name, "the data")
    store.solve()
    for part, scope in assumptions:
        if hasattr(part, "assume"):
            part.assume(scope)
            store.solve()
    if store.errors:
        raise join_errors(store.errors)
    return Typing(net, store, terms)


def typed(net: Net) -> Typing:
    """The types of a net as it stands, solved once and kept."""
    if "typing" not in net._cache:
        net._cache["typing"] = infer(net)
    return net._cache["typing"]


def settled(net: Net) -> Typing:
    """The types of a net with what layers assume where nothing else is said; the same as `typed` when that leaves nothing open."""
    typing = typed(net)
    if not typing.open_places():
        return typing
    if "settled" not in net._cache:
        net._cache["settled"] = infer(net, close=True)
    return net._cache["settled"]


def _closed(part: Net) -> bool:
    typing = part._cache.get("typing")
    return typing is not None and typing.closed and not typing.varies


def _ports_alone(store: Store, path: tuple[str, ...], part: Net) -> Terms:
    typing, terms, why = part._cache["typing"], Terms(), Origin(path, part)
    for ports, types in ((terms.inputs, typing.inputs), (terms.outputs, typing.outputs)):
        for name, kind in types.items():
            count = None if kind.kind is None or kind.kind.count is None else store.size(kind.kind.count, why)
            node = KindNode(None if kind.kind is None else kind.kind.name, why, count)
            ports[name] = Term(node, store.shape(kind.shape, why))
    return terms


def varying_of(typing: Typing, term: Term) -> list[tuple[int, Node, Varying]]:
    """(axis, primary length, varying size) of each varying axis of a port."""
    found = []
    for axis, size in enumerate(find(term.run).value or ()):
        value = find(size).value
        if isinstance(value, Varying):
            base = find(size if value.base is None else value.base)
            found.append((axis, base, value))
    return found
