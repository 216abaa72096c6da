"""net.why: where the type at a place came from, in a sentence."""

from netgraph.errors import NetNameError, did_you_mean
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, part_name
from netgraph.spec.ports import path_of
from netgraph.spec.typing import Terms, Typing, infer, short
from netgraph.types.port_type import PortType
from netgraph.types.sizes import Varying
from netgraph.types.store import Node


def why(net: Net, place) -> str:
    """Where the type of a port or the shape of an array came from: `3/Input is (200,): axis 0 is 200 since 2 is LinearLayer(200)`.

    Errors: NetNameError for a place that the net does not have.

    >>> from netgraph.nets.chain import NetChain
    >>> print(why(NetChain([200, "Ramp", 1], Input=2), "2/Input"))
    2/Input is (200,): axis 0 is 200 since 0 is LinearLayer(200)
    """
    typing = infer(net, full=True, close=True)
    part, path = net, ()
    *inside, name = path_of(place)
    for word in inside:
        word = part_name(part, word)
        part, path = part.children[word], (*path, word)
    terms = typing.terms[path]
    term = terms.inputs.get(name) or terms.outputs.get(name) or terms.readable.get(name) or terms.state_ports.get(name)
    if term is None and name not in terms.arrays:
        known = [*terms.inputs, *terms.outputs, *terms.readable, *terms.state_ports, *terms.arrays]
        raise NetNameError(f"{'/'.join(path) or type(part).__name__} has no port or array {name!r}, {did_you_mean(name, known)}")
    run = terms.arrays[name] if term is None else term.run
    shown = str(PortType(None if term is None else typing.kind_of(term.kind), typing.store.sizes(run))).removeprefix("real ")
    text = f"{'/'.join((*path, name))} is {shown}"
    return "; ".join([f"{text}: {_reasons(typing, run)}", *_treatment(part, path, name, terms, typing)])


def _reasons(typing: Typing, run: Node) -> str:
    store, axes = typing.store, typing.store.axes(run)
    if axes is None:
        return "nothing says how many axes it has"
    if not axes:
        return f"one number{_since(str(store.why(run)))}"
    found: dict[str, list[str]] = {}
    for number, axis in enumerate(axes):
        value, reason = store.value(axis), str(store.why(axis) or store.why(run))
        if value is None:
            found.setdefault("", []).append(f"axis {number} is open")
        else:
            verb = "varies" if isinstance(value, Varying) and not value.steps else f"is {value}"
            found.setdefault(reason, []).append(f"axis {number} {verb}")
    return "; ".join(" and ".join(facts) + (_since(reason) if reason else "") for reason, facts in found.items())


def _since(reason: str) -> str:
    return f" since {reason}" if reason else ""


def _treatment(part: Net, path: tuple[str, ...], name: str, terms: Terms, typing: Typing) -> list[str]:
    """What a layer does about the varying axes of an input, where that costs something."""
    if (
        not isinstance(part, Layer)
        or name not in terms.inputs
        or part.varying != "by length"
        or not typing.type_of(terms.inputs[name]).varies
    ):
        return []
    return [f"{'/'.join(path) or 'the layer'}, {short(part)}, runs once for each length in a batch"]
