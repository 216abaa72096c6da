"""net_information: what there is to know of a net, property by property, and a report of the most of it."""

import hashlib
import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from netgraph.errors import NetError, NetNameError, NetTypeError, did_you_mean
from netgraph.formats.native import net_load
from netgraph.formats.structure import net_to_json
from netgraph.lower.cost import Cost, costs
from netgraph.nets.container import Container
from netgraph.show.drawing import plot
from netgraph.show.node_graph import node_graph, node_graph_plot
from netgraph.show.titles import cut, title, type_text, typed_inside
from netgraph.spec.declare import State
from netgraph.spec.names import snake
from netgraph.spec.net import Net, array_key, shared_names, walk
from netgraph.spec.ports import NetPort
from netgraph.surgery.cut import full
from netgraph.surgery.extract import net_extract
from netgraph.surgery.flatten import layer_edges
from netgraph.train.multipliers import multipliers
from netgraph.types.symbols import Automatic

__all__ = ["net_information"]

UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def net_information(net, prop=None, /) -> Any:
    """What there is to know of a net: a report, or one property by its name.

        net_information(net)                    a report; report["ArraysCount"], report.arrays_count are properties
        net_information(net, "LayerTypeCounts") one property; a list of names gives a dict of them
        net_information([net1, net2], prop)     of each net, as a list
        net_information("net.safetensors")      of a net in a file

    Arrays and layers are told by path ("body/0/Weights"); arrays that are shared count once; running statistics count too. What depends on
    sizes that are open is Automatic. Beside Wolfram's properties: "FLOPs" (operations for one example, a multiplication and an addition
    counting as two; what varies counts as one element), "ActivationMemory" (bytes of all outputs of layers for one example),
    "LayersFLOPs", "LayersActivationMemory", "ArraysTrainable" and "ArraysLearningRateMultipliers". "Properties" lists all.
    Errors: NetTypeError for what is no net; NetNameError for an unknown property, with the nearest.
    Source: Wolfram's Information of nets. Its "MXNetNodeGraph" is here the graph of the steps that the net is lowered to.

    >>> net_information(NetChain([2, Ramp, 1], Input=3), "ArraysTotalElementCount")
    11
    >>> net_information(NetChain([2, Ramp, 1], Input=3), "LayerTypeCounts")
    {'LinearLayer': 2, 'ElementwiseLayer': 1}
    """
    if isinstance(net, (list, tuple)):
        return [net_information(one, prop) for one in net]
    if isinstance(net, (str, os.PathLike)):
        net = net_load(net)
    if not isinstance(net, Net):
        raise NetTypeError(f"net_information wants a net, a list of nets or a file, got {net!r}")
    report = Information(net)
    if prop is None:
        return report
    return {name: report[name] for name in prop} if isinstance(prop, list) else report[prop]


class Information:
    """The report about one net: properties by name, `report["LayersCount"]` or `report.layers_count`; printed, the most of it."""

    def __init__(self, net: Net):
        self.net = net
        self._facts = _Facts(net)

    def __getitem__(self, name: str) -> Any:
        if name not in PROPERTIES:
            known = {snake(word): word for word in PROPERTIES}
            if name not in known:
                raise NetNameError(f"net_information: there is no property {name!r}, {did_you_mean(name, list(PROPERTIES))}")
            name = known[name]
        return PROPERTIES[name](self._facts)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except NetNameError as error:
            raise AttributeError(str(error)) from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *map(snake, PROPERTIES)]

    def __repr__(self) -> str:
        rows = [("inputs", _ports(self["InputPorts"])), ("outputs", _ports(self["OutputPorts"]))]
        kinds = ", ".join(f"{count} {name}" for name, count in self["LayerTypeCounts"].items())
        rows += [("layers", f"{self['LayersCount']} ({kinds})" if kinds else "0")]
        elements, missing = self["ArraysTotalElementCount"], self._facts.missing
        arrays = f"{self['ArraysCount']}, {_count(elements)} elements, {_shown(self['ArraysTotalSize'])}"
        arrays += f", {self['SharedArraysCount']} shared" * bool(self["SharedArraysCount"])
        frozen = sum(not trained for trained in self["ArraysTrainable"].values())
        arrays += f", {frozen} not trained" * bool(frozen) + f", {missing} without a value" * bool(missing)
        rows += [("arrays", arrays if self["ArraysCount"] else "0")]
        if self["RecurrentStatesCount"]:
            rows.append(("states", str(self["RecurrentStatesCount"])))
        rows += [
            ("FLOPs", f"{_count(self['FLOPs'])} for one example"),
            ("activations", f"{_shown(_size(self['ActivationMemory']))} for one example"),
        ]
        return "\n".join([cut(title(self.net), 78), *(f"  {name:11}  {text}" for name, text in rows)])


class _Facts:
    """What the properties of one net are made of, each worked out when it is first asked for."""

    def __init__(self, net: Net):
        self.net = net
        self._known: dict[str, Any] = {}

    def _once(self, name: str, work: Callable[[], Any]) -> Any:
        if name not in self._known:
            self._known[name] = work()
        return self._known[name]

    @property
    def slots(self) -> dict[str, tuple[tuple[str, ...], str, Any]]:
        """Each array by key: the path of its first layer, its name there, and its declaration; by name within a layer."""

        def work():
            found: dict[str, tuple] = {}
            for path, part in walk(self.net):
                for name, declared, setting in sorted(part.array_places(), key=lambda place: place[0]):
                    found.setdefault(array_key(path, name, setting), (path, name, declared))
            return found

        return self._once("slots", work)

    @property
    def shapes(self) -> dict[str, Any]:
        """The dimensions of each array, Automatic where one is open."""

        def work():
            typing = typed_inside(self.net)
            shapes = {key: typing.store.sizes(typing.terms[path].arrays[name]) for key, (path, name, _) in self.slots.items()}
            return {k: Automatic if s is None or not all(isinstance(n, int) for n in s) else tuple(s) for k, s in shapes.items()}

        return self._once("shapes", work)

    @property
    def counts(self) -> dict[str, Any]:
        """The number of elements of each array."""
        return {key: shape if shape is Automatic else math.prod(shape) for key, shape in self.shapes.items()}

    @property
    def bytes(self) -> dict[str, Any]:
        """The bytes of each array; one without a value will have four an element."""
        tensors = self.net.tensors
        return {
            key: tensors[key].nbytes if key in tensors else count if count is Automatic else 4 * count for key, count in self.counts.items()
        }

    @property
    def missing(self) -> int:
        return sum(key not in self.net.tensors for key in self.slots)

    @property
    def layers(self) -> dict[str, Net]:
        """The layers at the ends of all paths: those that are no containers and hold no nets."""
        return self._once("layers", lambda: {"/".join(path): part for path, part in walk(self.net) if _is_leaf(part)})

    @property
    def costs(self) -> dict[tuple[str, ...], Cost] | None:
        """The cost of each layer; None while a size is open."""

        def work():
            typing = full(self.net)
            return None if typing.open_places() else costs(typing)

        return self._once("costs", work)

    @property
    def states(self) -> list[tuple[str, ...]]:
        """The recurrent states that nothing in the net feeds."""

        def work():
            found = []
            for path, part in walk(self.net):
                if isinstance(part, Container):
                    fed = {(*path, wire.part, wire.part_port) for wire in part.wires}
                    self._known.setdefault("fed", set()).update(fed)
                found += [(*path, name) for name in part.state_names()]
            fed = self._known.get("fed", set())
            return [place for place in found if place not in fed]

        return self._once("states", work)

    def summed(self, values: dict[str, Any]) -> Any:
        return Automatic if Automatic in list(values.values()) else sum(values.values())

    def factors(self) -> dict[str, float]:
        keys = list(self.slots)
        return dict(zip(keys, multipliers(self.net, keys), strict=True))

    def each(self, word: str) -> Any:
        found = self.costs
        return Automatic if found is None else {"/".join(path): getattr(cost, word) for path, cost in found.items()}

    def total(self, word: str) -> Any:
        found = self.costs
        return Automatic if found is None else sum(getattr(cost, word) for cost in found.values())


def _is_leaf(part: Net) -> bool:
    return not part.children and not isinstance(part, Container)


def _topology_hash(facts: _Facts) -> str:
    """A hash of the structure: equal for nets that differ in the values of arrays only, the same in every process."""
    try:
        text = net_to_json(facts.net.structure)
    except NetError:  # a function that has no text form
        text = repr(facts.net.structure)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _ports(ports: dict[str, Any]) -> str:
    return ", ".join(f"{name} {type_text(kind)}" for name, kind in ports.items()) or "none"


def _shown(value: Any) -> Any:
    return "?" if value is Automatic else value


def _count(number: Any) -> str:
    return "?" if number is Automatic else f"{number:,}"


def _size(count: Any) -> Any:
    """Bytes with a unit.

    >>> _size(2_600_000), _size(812)
    ('2.6 MB', '812 B')
    """
    if count is Automatic:
        return Automatic
    return next((f"{count / size:.3g} {unit}" for size, unit in UNITS if count >= size), f"{count} B")


def _positions(keys: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(key.split("/")) for key in keys]


PROPERTIES: dict[str, Callable[[_Facts], Any]] = {
    "ActivationMemory": lambda f: f.total("activations"),
    "Arrays": lambda f: {key: f.net.arrays[key] for key in f.slots},
    "ArraysByteCounts": lambda f: f.bytes,
    "ArraysCount": lambda f: len(f.slots),
    "ArraysDimensions": lambda f: f.shapes,
    "ArraysElementCounts": lambda f: f.counts,
    "ArraysLearningRateMultipliers": lambda f: f.factors(),
    "ArraysList": lambda f: [f.net.arrays[key] for key in f.slots],
    "ArraysPositionList": lambda f: _positions(list(f.slots)),
    "ArraysSizes": lambda f: {key: _size(count) for key, count in f.bytes.items()},
    "ArraysTotalByteCount": lambda f: f.summed(f.bytes),
    "ArraysTotalElementCount": lambda f: f.summed(f.counts),
    "ArraysTotalSize": lambda f: _size(f.summed(f.bytes)),
    "ArraysTrainable": lambda f: {k: not isinstance(f.slots[k][2], State) and factor > 0 for k, factor in f.factors().items()},
    "FLOPs": lambda f: f.total("flops"),
    "FullSummaryGraphic": lambda f: plot(f.net, depth=40),
    "InputForm": lambda f: repr(f.net),
    "InputPortNames": lambda f: list(f.net.input_ports()),
    "InputPorts": lambda f: dict(f.net.inputs),
    "LayerTypeCounts": lambda f: dict(Counter(type(layer).__name__ for layer in f.layers.values())),
    "Layers": lambda f: {path: net_extract(f.net, tuple(path.split("/"))) if path else f.net for path in f.layers},
    "LayersActivationMemory": lambda f: f.each("activations"),
    "LayersCount": lambda f: len(f.layers),
    "LayersFLOPs": lambda f: f.each("flops"),
    "LayersGraph": lambda f: layer_edges(f.net),
    "LayersList": lambda f: list(PROPERTIES["Layers"](f).values()),
    "MXNetNodeGraph": lambda f: node_graph(f.net),
    "MXNetNodeGraphPlot": lambda f: node_graph_plot(f.net),
    "OutputPortNames": lambda f: list(f.net.output_ports()),
    "OutputPorts": lambda f: dict(f.net.outputs),
    "Properties": lambda f: list(PROPERTIES),
    "RecurrentStatesCount": lambda f: len(f.states),
    "RecurrentStatesPositionList": lambda f: [NetPort(*place) for place in f.states],
    "SharedArraysCount": lambda f: len(shared_names(f.net)),
    "SummaryGraphic": lambda f: plot(f.net),
    "TopologyHash": _topology_hash,
}
"""What each property is, by Wolfram's name."""
