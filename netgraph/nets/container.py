"""What NetChain and NetGraph share: named parts, wires between their ports, and the types that follow."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.spec.layer import _hashable
from netgraph.spec.net import Net, under
from netgraph.spec.typing import Scope, Term, short, typed
from netgraph.types.port_type import PortType, parse_type
from netgraph.types.store import KindNode
from netgraph.types.symbols import Automatic


class Wire(NamedTuple):
    """A connection: from a source (the path of a part and its output port; path () is an input of the net) to a part's input port."""

    source: tuple[str, ...]
    source_port: str
    part: str
    part_port: str

    def __str__(self) -> str:
        return f"{'/'.join((*self.source, self.source_port))} -> {self.part}/{self.part_port}"


class Container(Net):
    """Named parts joined by wires. Abstract: NetChain and NetGraph."""

    def _build(self, parts: Mapping[str, Net], inputs, wires, outputs, given, multipliers) -> None:
        """Take over parts (with their arrays) and wiring; `given` are the port types as written. Raises what inference finds wrong."""
        tensors = {}
        for name, part in parts.items():
            tensors.update(under(name, part))
        self._wire({name: part.structure for name, part in parts.items()}, inputs, wires, outputs, multipliers)
        types: dict[str, PortType] = {}
        for name, value in given.items():
            if name not in self._inputs and name not in self._outputs and self.input_count is not None:
                known = [*self._inputs, *self._outputs, "LearningRateMultipliers"]
                raise NetNameError(f'{type(self).__name__} has no port or option "{name}", {did_you_mean(name, known)}')
            types[name] = parse_type(value, f"{type(self).__name__}: {name}")
        self._hold(tensors, types)
        hash(self)
        if types or len(parts) != 1:
            typed(self)

    def _wire(self, parts, inputs, wires, outputs, multipliers) -> None:
        self._parts = MappingProxyType(dict(parts))
        self._inputs = tuple(inputs)
        self._wires = tuple(wires)
        self._outputs = MappingProxyType(dict(outputs))
        self._multipliers = multipliers
        self.opened = frozenset(
            [w.source[0] for w in self._wires if len(w.source) > 1] + [path[0] for path, _ in self._outputs.values() if len(path) > 1]
        )

    def __setattr__(self, name, value):
        if "_cache" in self.__dict__:
            raise AttributeError(f"a net is a value: {name} cannot be set, make a new net (net_replace_part)")
        object.__setattr__(self, name, value)

    @property
    def children(self) -> Mapping[str, Net]:
        return self._parts

    @property
    def wires(self) -> tuple[Wire, ...]:
        """The connections between the parts, and from the net's inputs to them."""
        return self._wires

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the input ports."""
        return self._inputs

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the output ports."""
        return tuple(self._outputs)

    @property
    def output_sources(self) -> Mapping[str, tuple[tuple[str, ...], str]]:
        """Each output port with the part (by path) and port that feed it."""
        return self._outputs

    @property
    def input_count(self) -> int | None:
        """How many inputs the net has; None while its first layer takes any number and nothing is connected."""
        return len(self._inputs)

    def __len__(self) -> int:
        return len(self._parts)

    def own_key(self) -> tuple:
        if "key" not in self._cache:
            self._cache["key"] = (
                type(self).__name__, self._inputs, self._wires, tuple(self._outputs.items()), tuple(sorted(self._given.items())),
                _hashable(self._multipliers),
            )  # fmt: skip
        return self._cache["key"]

    def replaced(self, *, children=None, given=None, arrays=None, multipliers=None) -> "Container":
        twin = object.__new__(type(self))
        parts = self._parts if children is None else {**self._parts, **children}
        chosen = self._multipliers if multipliers is None else multipliers
        twin._wire(parts, self._inputs, self._wires, self._outputs, chosen)
        twin._hold(self._arrays if arrays is None else arrays, self._given if given is None else given)
        if children is None and given is None and "typing" in self._cache:
            twin._cache["typing"] = self._cache["typing"]
        return twin

    def declare(self, scope: Scope) -> None:
        terms = scope.terms
        for name in self._inputs:
            terms.inputs[name] = Term(KindNode(), scope.store.run())
        for wire in sorted(self._wires, key=lambda w: _is_real(scope, w)) if len(self._inputs) > 0 and self._fans_out() else self._wires:
            source = terms.inputs[wire.source_port] if not wire.source else _output(scope, wire.source, wire.source_port)
            target = scope.children[wire.part].inputs[wire.part_port]
            scope.link(source, target, _Place(scope.path, wire))
        for name, (path, port) in self._outputs.items():
            terms.outputs[name] = terms.inputs[port] if not path else _output(scope, path, port)

    def _fans_out(self) -> bool:
        """Whether an input of the net feeds several ports: then the pickiest kind speaks first."""
        fed = [wire.source_port for wire in self._wires if not wire.source]
        return len(fed) > len(set(fed))


class _Place:
    """The text of a wire for messages, `2/Output -> 3/Input`, written out only when it is shown."""

    __slots__ = ("path", "wire")

    def __init__(self, path: tuple[str, ...], wire: Wire):
        self.path, self.wire = path, wire

    def __str__(self) -> str:
        wire = self.wire
        source = "/".join((*self.path, *wire.source, wire.source_port))
        return f"{source} -> {'/'.join((*self.path, wire.part, wire.part_port))}"


def _is_real(scope: Scope, wire: Wire) -> bool:
    return scope.children[wire.part].inputs[wire.part_port].kind.value == "real"


def _output(scope: Scope, path: tuple[str, ...], port: str) -> Term:
    if len(path) == 1:
        return scope.children[path[0]].outputs[port]
    return scope.everything[(*scope.path, *path)].outputs[port]


def input_names(net: Net) -> tuple[str, ...]:
    """The input ports of any net, in order; empty for a layer of any number of inputs that is not connected yet."""
    return net.input_names if isinstance(net, Container) else net.input_ports()


def output_names(net: Net) -> tuple[str, ...]:
    """The output ports of any net, in order."""
    return net.output_names if isinstance(net, Container) else net.output_ports()


def one_port(names: tuple[str, ...], what: str, name: str, part: Net) -> str:
    """The only port of `names`. Errors: NetTypeError that tells the part and its ports."""
    if len(names) != 1:
        shown = "none" if not names else ", ".join(f'"{n}"' for n in names)
        raise NetTypeError(f"{name}, {short(part)}, has {len(names)} {what} ports ({shown}) where exactly one is wanted")
    return names[0]


def check_name(name, container: str) -> str:
    """A layer's name, checked. Errors: NetTypeError, NetValueError for one that a path could not hold."""
    if not isinstance(name, str):
        raise NetTypeError(f"{container}: the name of a layer is a text, got {name!r}")
    if not name or "/" in name or "." in name or "->" in name or name.lstrip("-").isdigit():
        raise NetValueError(f'{container}: a layer cannot be called "{name}": no "/", ".", "->", no number, not empty')
    return name


def multipliers_of(options: dict):
    """Take the LearningRateMultipliers option out of `options`, in either spelling."""
    if "LearningRateMultipliers" in options and "learning_rate_multipliers" in options:
        raise NetTypeError("LearningRateMultipliers is given twice, as LearningRateMultipliers= and learning_rate_multipliers=")
    return options.pop("LearningRateMultipliers", options.pop("learning_rate_multipliers", Automatic))
