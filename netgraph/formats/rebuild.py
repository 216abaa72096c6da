"""A net from the plain data of its structure (see `structure`), every word of which may be wrong.

Layers are built by their ordinary constructors and containers under the ordinary rules, from the last part to the first, so depth costs
no stack. What is found wrong is a NetFileError that names the part by its path.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from graphlib import CycleError, TopologicalSorter
from typing import Any, NoReturn, TypeGuard

import torch

from netgraph.errors import NetError, NetFileError, NetValueError, did_you_mean
from netgraph.formats.strict_json import quoted
from netgraph.formats.values import decode
from netgraph.nets.chain import NetChain, row
from netgraph.nets.container import Wire, check_name, input_names, output_names
from netgraph.nets.graph import NetGraph
from netgraph.spec.arrays import NetArray
from netgraph.spec.layer import LAYERS
from netgraph.spec.net import Net
from netgraph.types.codec import Codec
from netgraph.types.port_type import PortType, type_from_json
from netgraph.types.symbols import Automatic

FORMAT = 1
"""The number of the format that is written. A change that older code would misread gets a new one, and an entry in `UPGRADES`."""

UPGRADES: dict[int, Callable[[dict], dict]] = {}
"""From a format to the next: what turns data of format n into data of format n + 1."""

CONTAINERS: dict[str, Any] = {"NetChain": NetChain, "NetGraph": NetGraph}

MOST_PATH_CHARACTERS = 20_000_000
"""How long the paths of all parts may be together: depth and long names cost memory as their product."""

_OF_ALL = {"type", "parts", "given", "multipliers"}
_OF_LAYERS = _OF_ALL | {"parameters", "arrays", "ports"}
_OF_CHAINS = _OF_ALL | {"named"}
_OF_GRAPHS = _OF_CHAINS | {"inputs", "wires", "outputs"}


@contextmanager
def faults(source: str, what: str) -> Iterator[None]:
    """Whatever goes wrong inside becomes a NetFileError of `source` that begins with `what`."""
    try:
        yield
    except NetFileError:
        raise
    except NetError as error:
        raise NetFileError(f"{source}: {what}: {error}") from error
    except Exception as error:  # rules are written for what people write; what else a file makes of them is the file's fault
        raise NetFileError(f"{source}: {what}: {type(error).__name__}: {error}") from error


def captured_name(path: tuple[str, ...], parameter: str, number: int, sort: str = "function") -> str:
    """The name of an array that a function captured, or of a table of a "codec". No array of a net is called so: their names do not end in
    a number.
    """
    return "/".join((sort, *path, parameter, str(number)))


def rebuilt(data: Any, source: str, captured: Callable[[str], torch.Tensor] | None = None) -> Net:
    """The net of some data, all checked but its types. `captured` gives the arrays that functions captured, by name.

    Errors: NetFileError.
    """
    return _Rebuild(_parts(data, source), source, captured).net()


def _parts(data: Any, source: str) -> list[dict[str, Any]]:
    """The parts, of the newest format."""
    if not isinstance(data, dict) or "format" not in data:
        raise NetFileError(f"{source}: is no structure of a net: it has no format number")
    number, written_by = data["format"], data.get("netgraph")
    if type(number) is not int or number < 1:
        raise NetFileError(f"{source}: a format is a number from 1, got {_short(number)}")
    if number > FORMAT:
        by = [(f"netgraph {quoted(written_by)}", "wrote it")] if isinstance(written_by, str) else []
        raise NetFileError(
            f"{source}: it has format {number}, this netgraph reads formats up to {FORMAT}", origins=by, fix="pip install -U netgraph"
        )
    for old in range(number, FORMAT):
        with faults(source, f"cannot be brought from format {old} to {old + 1}"):
            data = UPGRADES[old](data)
    if set(data) != {"format", "netgraph", "parts"} or not isinstance(data["netgraph"], str):
        raise NetFileError(f"{source}: a structure has format, netgraph (the version) and parts; got {_short(list(data))}")
    parts = data["parts"]
    if not isinstance(parts, list) or not parts:
        raise NetFileError(f"{source}: parts must be a list, the net itself first; got {_short(parts)}")
    return parts


class _Rebuild:
    """The parts of a file on their way to a net."""

    def __init__(self, parts: list[dict[str, Any]], source: str, captured: Callable[[str], torch.Tensor] | None):
        self.parts, self.source, self.captured = parts, source, captured
        self.owner: list[tuple[int, str] | None] = [None] * len(parts)
        self.made: list[Net | None] = [None] * len(parts)

    def net(self) -> Net:
        for number, part in enumerate(self.parts):
            self.shape_of(number, part)
        self.check_owners()
        for number in range(len(self.parts) - 1, -1, -1):
            self.made[number] = self.build(number)
        net = self.made[0]
        assert net is not None
        return net

    # -- where a part is, for messages -------------------------------------------------------------------------------------------------

    def path(self, number: int) -> tuple[str, ...]:
        names = []
        while (owner := self.owner[number]) is not None:
            number, name = owner
            names.append(name)
        return tuple(reversed(names))

    def where(self, number: int) -> str:
        path = self.path(number)
        shown = f"{path[0]}/.../{path[-1]}" if len(path) > 20 else "/".join(path)
        return (quoted(shown) if not shown.isprintable() else shown) or "the net"

    def fail(self, number: int, text: str) -> NoReturn:
        raise NetFileError(f"{self.source}: {self.where(number)}: {text}")

    # -- the list of parts as a tree ---------------------------------------------------------------------------------------------------

    def shape_of(self, number: int, part: Any) -> None:
        """Check the form of one part, and take note of those it lists."""
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise NetFileError(f"{self.source}: part {number} must be an object with a type; got {_short(part)}")
        name = part["type"]
        if name not in LAYERS and name not in CONTAINERS:
            self.fail(number, f"there is no layer {quoted(name)}; {did_you_mean(name[:60], [*LAYERS, *CONTAINERS])}")
        allowed = _OF_GRAPHS if name == "NetGraph" else _OF_CHAINS if name == "NetChain" else _OF_LAYERS
        for key in part:
            if key not in allowed:
                self.fail(number, f"{name} has the unknown entry {quoted(key)}; {did_you_mean(key[:60], sorted(allowed))}")
        for key in ("parts", "given", "parameters", "arrays", "outputs"):
            if not isinstance(part.get(key, {}), dict):
                self.fail(number, f"{key} must be an object; got {_short(part[key])}")
        for child_name, child in part.get("parts", {}).items():
            shown = f"its part {quoted(child_name)}"
            if type(child) is not int or not 0 <= child < len(self.parts):
                self.fail(number, f"{shown} is part {_short(child)}, there are parts 0 to {len(self.parts) - 1}")
            if child <= number:
                self.fail(number, f"{shown} is part {child}, which comes before it: a part cannot hold itself, or what holds it")
            if self.owner[child] is not None:
                self.fail(number, f"{shown} is part {child}, which is {self.where(child)} already")
            self.owner[child] = (number, child_name)

    def check_owners(self) -> None:
        lengths, total = [0] * len(self.parts), 0
        for number in range(1, len(self.parts)):
            owner = self.owner[number]
            if owner is None:
                raise NetFileError(f"{self.source}: part {number}, {self.parts[number]['type']}, belongs to no other part")
            lengths[number] = lengths[owner[0]] + len(owner[1]) + 1
            total += lengths[number]
        if total > MOST_PATH_CHARACTERS:
            most = MOST_PATH_CHARACTERS
            raise NetFileError(f"{self.source}: the paths of the parts may have {most} characters together; they have {total}")

    # -- one part ------------------------------------------------------------------------------------------------------------------------

    def build(self, number: int) -> Net:
        part = self.parts[number]
        children = {name: self.made[child] for name, child in part.get("parts", {}).items()}
        given = {name: self.attempt(number, quoted(name), self.given, number, name, kind) for name, kind in part.get("given", {}).items()}
        multipliers = self.attempt(number, "multipliers", decode, part["multipliers"]) if "multipliers" in part else Automatic
        build = self.container if part["type"] in CONTAINERS else self.layer
        net = build(number, part, children, given, multipliers)
        for name, kind in net.given.items():
            if kind.codec is not None and kind.codec.side != net.side(name):
                self.fail(number, f"{quoted(name)} is an {net.side(name)} port, its codec is for an {kind.codec.side}")
            if kind.codec is not None:
                self.hold_type(number, name, kind, kind.codec.port_type())
        return net

    def given(self, number: int, name: str, data: Any) -> PortType:
        """A port's type, with its codec if there is one."""
        if not isinstance(data, dict) or "codec" not in data:
            return type_from_json(data)
        found = type_from_json({word: value for word, value in data.items() if word != "codec"})
        codec = decode(data["codec"], self.taker(number, name, "codec"))
        if not isinstance(codec, Codec):
            raise NetValueError(f"no codec: {_short(data['codec'])}")
        return PortType(found.kind, found.shape, codec)

    def hold_type(self, number: int, name: str, said: PortType, told: PortType) -> None:
        """The type of a port with a codec is one of those that the codec is of."""
        sizes = zip(told.shape or (), said.shape or (), strict=False)
        fits = told.kind is None or said.kind is None or told.kind == said.kind
        if told.shape is not None and said.shape is not None:
            fits = fits and len(told.shape) == len(said.shape)
        if not fits or any(want is not None and have is not None and want != have for want, have in sizes):
            self.fail(number, f"{quoted(name)} is {said}, its codec is of type {told}")

    def attempt(self, number: int, what: str, function: Callable, *arguments, **words) -> Any:
        """The result of `function`, whose errors are told at the part. (A `with` around every call would cost more than the calls.)"""
        try:
            return function(*arguments, **words)
        except Exception as error:
            with faults(self.source, f"{self.where(number)}: {what}"):
                raise error

    def layer(self, number: int, part: dict, children: dict, given: dict[str, PortType], multipliers) -> Net:
        cls = LAYERS[part["type"]]
        schema = cls.schema_of()
        parameters = part.get("parameters", {})
        for name in (*parameters, *children):
            if name not in schema.fields:
                self.fail(number, f"{part['type']} has no parameter {quoted(name)}, {did_you_mean(name[:60], schema.fields)}")
            if name in parameters and name in children:
                self.fail(number, f"{name} is a value and a part")
        words = {name: self.attempt(number, name, decode, value, self.taker(number, name)) for name, value in parameters.items()}
        settings = {name: self.attempt(number, name, _array, array) for name, array in part.get("arrays", {}).items()}
        words.update({name: setting for name, setting in settings.items() if name in schema.arrays})
        names = part.get("ports")
        if names is not None:
            if schema.variadic is None or not _are_names(names):
                self.fail(number, f"ports must be names, of a layer that takes any number of them; got {_short(names)}")
            words["InputPorts"] = dict.fromkeys(names, Automatic)
        if multipliers is not Automatic:
            words["LearningRateMultipliers"] = multipliers
        layer = self.attempt(number, f"no {part['type']}", cls, **words, **children)
        # arrays that follow from the parameters, as those of a function do
        own = {name: setting for name, setting in settings.items() if name not in schema.arrays}
        known = [name for name, _, _ in layer.array_places()] if own else []
        for name in own:
            if name not in known:
                self.fail(number, f"{part['type']} has no array {quoted(name)}, {did_you_mean(name[:60], list(schema.arrays) or known)}")
        layer = layer.replaced(settings={**layer._settings, **own}) if own else layer
        for name in given:
            ports = (*cls.port_words(schema), *(names or ()), *layer.input_ports(), *layer.output_ports(), *layer.state_names())
            if name not in ports:
                self.fail(number, f"{part['type']} has no port {quoted(name)}, {did_you_mean(name[:60], ports)}")
        return layer.replaced(given=given) if given else layer

    def taker(self, number: int, name: str, sort: str = "function") -> Callable[[], torch.Tensor] | None:
        """What hands out the arrays that the functions of one parameter captured, or the tables of one "codec", in order."""
        read, count = self.captured, 0
        if read is None:
            return None

        def take() -> torch.Tensor:
            nonlocal count
            count += 1
            return read(captured_name(self.path(number), name, count - 1, sort))

        return take

    def container(self, number: int, part: dict, parts: dict, given: dict[str, PortType], multipliers) -> Net:
        kind = CONTAINERS[part["type"]]
        named = part.get("named")
        if not isinstance(named, bool):
            self.fail(number, f"named must be true or false; got {_short(named)}")
        for place, name in enumerate(parts):
            if named:
                self.attempt(number, "its parts", check_name, name, part["type"])
            elif name != str(place):
                self.fail(number, f"its parts have no names, so part {place} must be called {quoted(str(place))}; got {quoted(name)}")
        if kind is NetChain:
            parts, inputs, wires, outputs = self.attempt(number, "its parts do not fit in a row", row, parts)
        else:
            inputs, wires, outputs = self.graph(number, part, parts)
        net = kind.assembled(parts, inputs, wires, outputs, given=given, multipliers=multipliers, named=named)
        for name in given:
            known = (*net.input_names, *net.output_names)
            if name not in known and net.input_count is not None:
                self.fail(number, f"{part['type']} has no port {quoted(name)}, {did_you_mean(name[:60], known)}")
        return net

    # -- the wiring of a graph -----------------------------------------------------------------------------------------------------------

    def graph(self, number: int, part: dict, parts: dict[str, Net]):
        """Inputs, wires and outputs of a graph, checked."""
        inputs, rows, ends = part.get("inputs"), part.get("wires"), part.get("outputs")
        if not _are_names(inputs):
            self.fail(number, f"inputs must be a list of different names; got {_short(inputs)}")
        if not isinstance(rows, list) or not ends or not _are_names(list(ends)):
            self.fail(number, "a graph has a list of wires, and at least one output")
        known = _Ports(inputs, parts)
        wires = [self.wire(number, entry, known) for entry in rows]
        fed: set[tuple[str, str]] = set()
        for wire in wires:
            if (wire.part, wire.part_port) in fed:
                self.fail(number, f"{wire.part}/{wire.part_port} is fed twice")
            fed.add((wire.part, wire.part_port))
        for name in parts:
            if parts[name].input_count is None:
                self.fail(number, f"{name} takes any number of inputs and none is connected")
            for port in known.into(name):
                if (name, port) not in fed:
                    self.fail(number, f"{name}/{port} is not connected")
        try:
            sorter = TopologicalSorter({name: set() for name in parts})
            for wire in wires:
                if wire.source:
                    sorter.add(wire.part, wire.source[0])
            sorter.prepare()
        except CycleError as error:
            self.fail(number, f"the graph has a cycle: {' -> '.join(reversed(error.args[1]))}")
        outputs: dict[str, tuple[tuple[str, ...], str]] = {}
        for name, end in ends.items():
            if not isinstance(end, list) or len(end) != 2 or not known.has_source(*end):
                self.fail(number, f"output {quoted(name)} comes from {_short(end)}, which is no port of a part")
            outputs[name] = (tuple(end[0]), end[1])
        return tuple(inputs), wires, outputs

    def wire(self, number: int, entry: Any, known: "_Ports") -> Wire:
        if not isinstance(entry, list) or len(entry) != 4:
            self.fail(number, f"a wire is [source path, port, part, port]; got {_short(entry)}")
        source, source_port, target, target_port = entry
        if not known.has_source(source, source_port):
            self.fail(number, f"a wire comes from {_short([source, source_port])}, which is no port of a part")
        if not isinstance(target, str) or target not in known.parts:
            self.fail(number, f"a wire goes to {_short(target)}, which is no part")
        if not isinstance(target_port, str) or not known.takes(target, target_port):
            inputs = ", ".join(known.into(target)) or "none yet"
            self.fail(number, f"a wire goes to {_short([target, target_port])}, the inputs of {target} are {inputs}")
        return Wire(tuple(source), source_port, target, target_port)


class _Ports:
    """The ports that wires of one graph may name, each part asked once."""

    def __init__(self, inputs: list[str], parts: dict[str, Net]):
        self.inputs, self.parts = frozenset(inputs), parts
        self._into: dict[str, dict[str, None]] = {}
        self._out: dict[tuple[str, ...], frozenset[str]] = {}

    def into(self, name: str) -> dict[str, None]:
        """The input ports of a part."""
        if name not in self._into:
            self._into[name] = dict.fromkeys(input_names(self.parts[name]))
        return self._into[name]

    def takes(self, name: str, port: str) -> bool:
        """Whether a part has such an input or state port."""
        return port in self.into(name) or port in self.parts[name].state_names()

    def has_source(self, path: Any, port: Any) -> bool:
        """Whether an input of the graph, or an output of a part at any depth, is what `path` and `port` say."""
        if not isinstance(path, list) or not all(isinstance(name, str) for name in path) or not isinstance(port, str):
            return False
        if not path:
            return port in self.inputs
        key = tuple(path)
        if key not in self._out:
            part = self.parts.get(path[0])
            for name in path[1:]:
                part = None if part is None else part.children.get(name)
            self._out[key] = frozenset() if part is None else frozenset((*output_names(part), *part.readable_ports(), *part.state_names()))
        return port in self._out[key]


def _are_names(value: Any) -> TypeGuard[list[str]]:
    """Whether it is a list of different names of ports."""
    return isinstance(value, list) and all(isinstance(n, str) and n and n.isprintable() for n in value) and len(set(value)) == len(value)


def _array(data: Any) -> NetArray | None:
    """The setting of an array: left out, or a NetArray."""
    if data is None:
        return None
    if not isinstance(data, dict) or set(data) != {"name", "dimensions"} or not isinstance(data["name"], (str, type(None))):
        raise NetValueError(f"an array is null or has name and dimensions; got {_short(data)}")
    words: dict[str, Any] = {} if data["name"] is None else {"Name": data["name"]}
    if data["dimensions"] is not None:
        words["Dimensions"] = type_from_json({"kind": None, "shape": data["dimensions"]})
    return NetArray(**words)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
