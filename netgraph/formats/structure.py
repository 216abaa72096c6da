"""The structure of a net as plain data, and back: what it is made of, without its arrays.

    {"format": 1, "netgraph": version, "parts": [part, part, ...]}

Part 0 is the net itself. Each part names those it is made of by number, and comes before them: so nets nested however deeply are a flat
list, and no part can hold itself. A part is an object with

    type           the name of a layer, operator or container; a closed list, nothing is looked up by a file's words
    parameters     (layers) every parameter by name, in the forms of `values`
    parts          the parts by name: of a container all, in order; of an operator its parameters that are nets
    given          the port types that were written, by port: kind, shape, and the codec if there is one
    arrays         (layers) null for an array left out, {"name": ..., "dimensions": ...} for a NetArray
    ports          (layers with any number of inputs) the names of the inputs
    multipliers    LearningRateMultipliers
    named          (containers) whether the parts have names or numbers
    inputs, outputs, wires   (graphs) the ports; [source path, port, part, port]. Those of a chain follow from its parts.

Those that say nothing are left out.
"""

from collections.abc import Callable, MutableMapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from netgraph.errors import NetTypeError
from netgraph.formats.rebuild import FORMAT, captured_name, faults, rebuilt
from netgraph.formats.strict_json import dumps, loads, untag
from netgraph.formats.values import encode
from netgraph.nets.container import Container
from netgraph.nets.graph import NetGraph
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, walk
from netgraph.spec.typing import typed
from netgraph.types.port_type import PortType
from netgraph.types.symbols import Automatic

__all__ = ["net_from_json", "net_to_json"]


def net_to_json(net: Net, /) -> str:
    """The structure of a net as JSON text: layers, parameters, wiring and port types; no arrays, but what functions captured.

    Errors: NetTypeError for what is no net; NetValueError for a function that could not be turned into operations.
    Source: ours; the text form of what a netgraph file says about the net.

    >>> text = net_to_json(NetChain([3, Ramp], Input=2))
    >>> net_from_json(text) == NetChain([3, Ramp], Input=2)
    True
    """
    return dumps(structure_to_json(net), source="the net")


def net_from_json(text: str | bytes, /) -> Net:
    """The net that `net_to_json` wrote, its arrays open. Nothing in the text is run or looked up beyond a closed list of names.

    Errors: NetFileError that names the part and what is wrong with it.
    Source: ours.

    >>> net_from_json(net_to_json(LinearLayer(3, Input=2)))
    LinearLayer(3, Input=2)
    """
    if not isinstance(text, (str, bytes)):
        raise NetTypeError(f"net_from_json wants text, got {text!r}")
    return structure_from_json(untag(loads(text)))


def structure_to_json(net: Net, captured: MutableMapping[str, torch.Tensor] | None = None) -> dict[str, Any]:
    """The structure of `net` as plain data. Arrays that functions captured go to `captured` under their names, or, without it, inside.

    Errors: NetTypeError for what is no net, NetValueError for a value that has no form in a file.

    >>> structure_to_json(LinearLayer(3))["parts"]
    [{'type': 'LinearLayer', 'parameters': {'OutputDimensions': [3]}}]
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"only a net can be saved, got {net!r}")
    parts, number = [], 0
    for path, part in walk(net):
        parts.append(_part(path, part, captured))
    # `walk` goes down before it goes on, so the parts of a part are found by counting the ends of their subtrees
    sizes = [1] * len(parts)
    for number in range(len(parts) - 1, -1, -1):
        names, child = parts[number].get("parts", {}), number + 1
        for name in names:
            names[name] = child
            child += sizes[child]
        sizes[number] = child - number
    return {"format": FORMAT, "netgraph": _version(), "parts": parts}


def structure_from_json(data: Any, *, source: str = "JSON") -> Net:
    """The net whose structure `structure_to_json` wrote, checked like one that is written by hand. `source` names the data in messages.

    Errors: NetFileError, with the part by path.

    >>> structure_from_json(structure_to_json(LinearLayer(3)))
    LinearLayer(3)
    """
    net = rebuilt(data, source)
    with faults(source, "its types contradict each other"):
        typed(net)
    return net


def without_code(net: Net) -> Net:
    """The net without the encoders and decoders that hold a Python function or object, which no file can.

    >>> without_code(NetChain([3], Input=NetEncoder(("Function", len, ()))))["Input"]
    ()
    """
    if not any(kind.codec is not None and kind.codec.code() for _, part in walk(net) for kind in part.given.values()):
        return net
    children = {name: without_code(part) for name, part in net.children.items()}
    given = {name: kind.bare if kind.codec is not None and kind.codec.code() else kind for name, kind in net.given.items()}
    return net.replaced(given=given, children=children) if children else net.replaced(given=given)


def _part(path: tuple[str, ...], part: Any, captured: MutableMapping[str, torch.Tensor] | None) -> dict[str, Any]:
    where = "/".join(path) or type(part).__name__
    data: dict[str, Any] = {"type": type(part).__name__}
    if isinstance(part, Layer):
        data["parameters"] = {}
        for name in part.schema_of().fields:
            if name not in part.children:
                keep = None if captured is None else _keeper(captured, path, name)
                data["parameters"][name] = encode(getattr(part, name), f"{where}: {name}", keep)
        if part._settings:
            data["arrays"] = {name: None if array is None else _shared(array) for name, array in part._settings.items()}
        if part._ports is not None:
            data["ports"] = list(part._ports)
    elif isinstance(part, Container):
        data["named"] = part.named
        if isinstance(part, NetGraph):
            data["inputs"] = list(part.input_names)
            data["wires"] = [[list(w.source), w.source_port, w.part, w.part_port] for w in part.wires]
            data["outputs"] = {name: [list(source), port] for name, (source, port) in part.output_sources.items()}
    if part.children:
        data["parts"] = dict.fromkeys(part.children, 0)
    if part.given:
        data["given"] = {name: _given(name, kind, where, path, captured) for name, kind in part.given.items()}
    if part._multipliers is not Automatic:
        data["multipliers"] = encode(part._multipliers, f"{where}: LearningRateMultipliers")
    return data


def _given(
    name: str, kind: PortType, where: str, path: tuple[str, ...], captured: MutableMapping[str, torch.Tensor] | None
) -> dict[str, Any]:
    """A port's type, with its codec if there is one."""
    if kind.codec is None:
        return kind.to_json()
    keep = None if captured is None else _keeper(captured, path, name, "codec")
    return {**kind.to_json(), "codec": encode(kind.codec, f"{where}: {name}", keep)}


def _keeper(
    captured: MutableMapping[str, torch.Tensor], path: tuple[str, ...], name: str, sort: str = "function"
) -> Callable[[torch.Tensor], None]:
    count = 0

    def keep(array: torch.Tensor) -> None:
        nonlocal count
        captured[captured_name(path, name, count, sort)] = array
        count += 1

    return keep


def _shared(array) -> dict[str, Any]:
    sizes = None if array.dimensions is None else [s if s is None or isinstance(s, int) else "Varying" for s in array.dimensions]
    return {"name": None if array.name is Automatic else array.name, "dimensions": sizes}


def _version() -> str:
    try:
        return version("netgraph")
    except PackageNotFoundError:  # run from its sources
        return "unknown"
