"""What NetChain and NetGraph share: named parts, wires between their ports, and the types that follow."""

from collections.abc import Mapping
from graphlib import TopologicalSorter
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import torch

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.spec.arrays import same_bits
from netgraph.spec.layer import hashable
from netgraph.spec.net import Net, shared_names
from netgraph.spec.typing import Scope, Term, infer, short
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

    if TYPE_CHECKING:
        _parts: Mapping[str, Net]
        _inputs: tuple[str, ...]
        _wires: tuple[Wire, ...]
        _outputs: Mapping[str, tuple[tuple[str, ...], str]]
        _multipliers: object
        opened: frozenset[str]
        named: bool

    def _build(self, named: bool, parts: Mapping[str, Net], inputs, wires, outputs, given, multipliers) -> None:
        """Take over parts (with their arrays) and wiring; `given` are the port types as written. Raises what inference finds wrong."""
        tensors = gathered({name: (part, part.tensors) for name, part in parts.items()})
        self._wire(named, {name: part.structure for name, part in parts.items()}, inputs, wires, outputs, multipliers)
        for name in parts if named else ():
            if name in self._inputs or name in self._outputs:
                raise NetValueError(f'{type(self).__name__}: "{name}" is both a layer and a port of the net', fix="rename one of them")
        types: dict[str, PortType] = {}
        for name, value in given.items():
            if name not in self._inputs and name not in self._outputs and self.input_count is not None:
                known = [*self._inputs, *self._outputs, "LearningRateMultipliers"]
                raise NetNameError(f'{type(self).__name__} has no port or option "{name}", {did_you_mean(name, known)}')
            types[name] = parse_type(value, f"{type(self).__name__}: {name}", "output" if name in self._outputs else "input")
        self._hold(tensors, types)
        hash(self)
        if types or len(parts) != 1:
            known = {name: part._cache["typing"] for name, part in parts.items() if "typing" in part._cache}
            self._cache["typing"] = infer(self, known=known)

    @classmethod
    def assembled(cls, parts, inputs, wires, outputs, *, given, multipliers, named: bool, arrays=None) -> "Container":
        """A net of structures and all their `arrays`, its wiring checked by the caller; types are inferred when they are asked for."""
        net = object.__new__(cls)
        net._wire(named, parts, inputs, wires, outputs, multipliers)
        net._hold(arrays or {}, given)
        hash(net)
        return net

    def _wire(self, named: bool, parts, inputs, wires, outputs, multipliers) -> None:
        places: dict[tuple[str, str], int] = {}
        for name, part in parts.items():
            for port in (*part.input_ports(), *part.state_names()):
                places[name, port] = len(places)
        self.__dict__.update(
            named=named,
            _parts=MappingProxyType(dict(parts)),
            _inputs=tuple(inputs),
            _wires=tuple(sorted(wires, key=lambda wire: places[wire.part, wire.part_port])),
            _outputs=MappingProxyType(dict(outputs)),
            _multipliers=multipliers,
            opened=frozenset(
                [w.source[0] for w in wires if len(w.source) > 1] + [path[0] for path, _ in outputs.values() if len(path) > 1]
            ),
        )

    @property
    def children(self) -> Mapping[str, Net]:
        return self._parts

    @property
    def wires(self) -> tuple[Wire, ...]:
        """The connections between the parts, and from the net's inputs to them."""
        return self._wires

    def input_ports(self) -> tuple[str, ...]:
        return self._inputs

    def output_ports(self) -> tuple[str, ...]:
        return tuple(self._outputs)

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
        return len(self._inputs)

    def __len__(self) -> int:
        return len(self._parts)

    def own_key(self) -> tuple:
        if "key" not in self._cache:
            self._cache["key"] = (
                type(self).__name__, self._inputs, self._wires, tuple(self._outputs.items()), tuple(sorted(self._given.items())),
                hashable(self._multipliers), self.named,
            )  # fmt: skip
        return self._cache["key"]

    def replaced(self, *, children=None, given=None, arrays=None, multipliers=None) -> "Container":
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        if children is not None:
            twin.__dict__["_parts"] = MappingProxyType({**self._parts, **children})
        if multipliers is not None:
            twin.__dict__["_multipliers"] = multipliers
        twin._hold(self._arrays if arrays is None else arrays, self._given if given is None else given)
        if children is None and given is None and multipliers is None:
            twin._cache.update({word: self._cache[word] for word in ("key", "hash", "order", "feeds") if word in self._cache})
            if arrays is None or _shapes(arrays) == _shapes(self._arrays):
                twin._cache.update({word: self._cache[word] for word in ("typing", "known") if word in self._cache})
        return twin

    def order(self) -> list[str]:
        if "order" not in self._cache:
            names = list(self._parts)
            place = {name: i for i, name in enumerate(names)}
            order = names
            if not all(not w.source or place[w.source[0]] < place[w.part] for w in self._wires):
                sorter = TopologicalSorter({name: [] for name in names})
                for wire in self._wires:
                    if wire.source:
                        sorter.add(wire.part, wire.source[0])
                sorter.prepare()
                order = []
                while sorter.is_active():
                    ready = sorted(sorter.get_ready(), key=place.__getitem__)
                    order.extend(ready)
                    sorter.done(*ready)
            self._cache["order"] = order
        return self._cache["order"]

    def feeds(self) -> dict[str, dict[str, tuple[tuple[str, ...], str]]]:
        """For each part, what feeds each of its input ports."""
        if "feeds" not in self._cache:
            feeds: dict[str, dict[str, tuple[tuple[str, ...], str]]] = {name: {} for name in self._parts}
            for wire in self._wires:
                feeds[wire.part][wire.part_port] = (wire.source, wire.source_port)
            self._cache["feeds"] = feeds
        return self._cache["feeds"]

    def layers_text(self, depth: int) -> str:
        """The parts as a list or dict, for `repr`."""
        shown = [
            part.text(depth - 1) if depth > 0 or not part.children else f"{type(part).__name__}[{len(part.children)}]"
            for part in self._parts.values()
        ]
        if not self.named:
            return f"[{', '.join(shown)}]"
        return "{" + ", ".join(f'"{name}": {text}' for name, text in zip(self._parts, shown, strict=True)) + "}"

    def options_text(self) -> list[str]:
        """The port types and options as they were written, for `repr`."""
        options = [f"{name}={kind.notation()}" for name, kind in self._given.items() if name.isidentifier()]
        rest = [f'"{name}": {kind.notation()}' for name, kind in self._given.items() if not name.isidentifier()]
        if self._multipliers is not Automatic:
            options.append(f"LearningRateMultipliers={self._multipliers!r}")
        return [*options, *([f"**{{{', '.join(rest)}}}"] if rest else [])]

    def declare(self, scope: Scope) -> None:
        terms = scope.terms
        for name in self._inputs:
            terms.inputs[name] = Term(KindNode(), scope.store.run())
        for wire in sorted(self._wires, key=lambda w: _is_real(scope, w)) if self._fans_out() else self._wires:
            source = terms.inputs[wire.source_port] if not wire.source else _output(scope, wire.source, wire.source_port)
            part = scope.children[wire.part]
            target = (part.inputs if wire.part_port in part.inputs else part.state_ports)[wire.part_port]
            scope.link(source, target, _Place(scope.path, wire))
        for name, (path, port) in self._outputs.items():
            terms.outputs[name] = terms.inputs[port] if not path else _output(scope, path, port)

    def _fans_out(self) -> bool:
        """Whether something feeds several ports: then the pickiest kind speaks first."""
        fed = [(wire.source, wire.source_port) for wire in self._wires]
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
    term = scope.children[wire.part].inputs.get(wire.part_port)
    return term is not None and term.kind.value == "real"


def _output(scope: Scope, path: tuple[str, ...], port: str) -> Term:
    part = scope.children[path[0]] if len(path) == 1 else scope.everything[(*scope.path, *path)]
    return part.source(port)


def gathered(parts: Mapping[str, tuple[Net, Mapping[str, torch.Tensor]]]) -> dict[str, torch.Tensor]:
    """The arrays of all parts as a container keeps them. Errors: NetValueError for one shared by name that has two values."""
    tensors: dict[str, torch.Tensor] = {}
    for name, (part, arrays) in parts.items():
        shared = shared_names(part) if arrays else ()
        for key, tensor in arrays.items():
            if key not in shared:
                tensors[f"{name}/{key}"] = tensor
                continue
            if key in tensors and not same_bits({key: tensors[key]}, {key: tensor}):
                raise NetValueError(f'{name}, {short(part)}: the shared array "{key}" has other values in a layer before it')
            tensors[key] = tensor
    return tensors


def _shapes(arrays: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in arrays.items()}


def input_names(net: Net) -> tuple[str, ...]:
    """The input ports of any net, in order; empty for a layer of any number of inputs that is not connected yet."""
    return net.input_ports()


def output_names(net: Net) -> tuple[str, ...]:
    """The output ports of any net, in order."""
    return net.output_ports()


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
    if not name.isprintable():
        raise NetValueError(f"{container}: a layer cannot be called {name!r}: only printable characters")
    return name


def multipliers_of(options: dict):
    """Take the LearningRateMultipliers option out of `options`, in either spelling."""
    if "LearningRateMultipliers" in options and "learning_rate_multipliers" in options:
        raise NetTypeError("LearningRateMultipliers is given twice, as LearningRateMultipliers= and learning_rate_multipliers=")
    return options.pop("LearningRateMultipliers", options.pop("learning_rate_multipliers", Automatic))
