"""Attaching losses: the training net is an ordinary graph of the net and its losses, taken apart again after training."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.losses.choose import chosen_for_all, chosen_loss, feeder
from netgraph.nets.container import input_names, output_names
from netgraph.nets.gan import NetGANOperator
from netgraph.nets.graph import NetGraph
from netgraph.nets.notation import to_net
from netgraph.spec.net import Net, part_name
from netgraph.spec.ports import NetPort, path_of
from netgraph.spec.typing import short
from netgraph.types.port_type import PortType
from netgraph.types.symbols import Automatic, Scaled


class Term(NamedTuple):
    """One term of the loss: a port of the net, the loss layer on it (None: the port is a loss itself), and its factor.

    The port is an output of the net, or an inner one by its path, "body/0/Output".
    """

    port: str
    layer: Net | None
    factor: float


class Training(NamedTuple):
    """A net with its losses: the graph that is trained, its loss ports with their factors, and what the data's names mean.

    `names` maps every name that a data column may have to the input port of the graph that it feeds.
    """

    net: Net
    losses: tuple[tuple[str, float], ...]
    names: Mapping[str, str]
    attached: bool


def attach(net: Net, loss=Automatic, observed: Mapping[str, PortType] | None = None) -> Training:
    """`net` with the losses that `loss` says.

        Automatic                      the outputs that are losses; without any, one chosen for each output
        "port"                         an output taken as a loss as it is
        layer                          a loss layer (or net) on the only output
        ("port", layer), ("port", Automatic), (..., Scaled(0.1)), or a list of such terms, whose sum is minimised

    A port may be an inner one, NetPort("body", 0, "Output") or "body/0/Output"; its targets are the column of that name.
    `observed` are the types of the data's columns; they decide between forms of the cross-entropy.
    Errors: NetNameError for an unknown port, NetTypeError for what is no loss specification, NetValueError for a loss of several outputs.
    Source: Wolfram's LossFunction.
    """
    if not output_names(net):
        raise NetTypeError(f"{short(net)} has no output to train")
    terms = _terms(net, loss, observed or {})
    if all(term.layer is None and "/" not in term.port for term in terms):
        names = {name: name for name in input_names(net)}
        return Training(net, tuple((term.port, term.factor) for term in terms), names, attached=False)
    return _graph(net, terms)


def _terms(net: Net, loss, observed: Mapping[str, PortType]) -> list[Term]:
    outputs = output_names(net)
    if loss is Automatic or loss is None:
        ready = [port for port in outputs if _is_loss(net, port)]
        if ready:
            return [Term(port, None, 1.0) for port in ready]
        whole = chosen_for_all(net)
        return [Term(outputs[0], whole, 1.0)] if whole is not None else [_automatic(net, port, observed) for port in outputs]
    if isinstance(loss, list):
        if not loss:
            raise NetTypeError("LossFunction is an empty list: nothing to minimise")
        return [_term(net, entry, observed) for entry in loss]
    return [_term(net, loss, observed)]


def _term(net: Net, spec, observed) -> Term:
    factor = 1.0
    if isinstance(spec, tuple) and spec and isinstance(spec[-1], Scaled):
        factor, spec = float(spec[-1].factor), spec[:-1]
        spec = spec[0] if len(spec) == 1 else spec
    outputs = output_names(net)
    if isinstance(spec, (str, NetPort)):
        return Term(_port(net, spec), None, factor)
    if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[0], (str, NetPort)):
        port = _port(net, spec[0])
        if spec[1] is Automatic:
            return _automatic(net, port, observed)._replace(factor=factor)
        return Term(port, _checked(spec[1], outputs), factor)
    if len(outputs) != 1 and not _fed_by_name(outputs, to_net(spec, "LossFunction") if isinstance(spec, Net) else None):
        shown = ", ".join(f'"{name}"' for name in outputs)
        raise NetTypeError(f"LossFunction: {short(net)} has {len(outputs)} outputs ({shown})", fix=f'LossFunction=("{outputs[0]}", loss)')
    return Term(outputs[0], _checked(spec, outputs), factor)


def _port(net: Net, place: str | NetPort) -> str:
    """The name of an output of the net, or the path of an inner port; a layer stands for its only output.

    Errors: NetNameError for a port that is not there.
    """
    outputs, words = output_names(net), path_of(place)
    if len(words) == 1 and (words[0] in outputs or isinstance(place, str)):
        if words[0] not in outputs:
            raise NetNameError(f"LossFunction: {short(net)} has no output port {place!r}, {did_you_mean(place, list(outputs))}")
        return str(words[0])
    part, path = net, []
    for number, word in enumerate(words):
        if number == len(words) - 1 and word in output_names(part):
            return "/".join((*path, str(word)))
        try:
            path.append(part_name(part, word))
        except NetNameError:
            known = [*part.children, *output_names(part)]
            where = "/".join(path) or short(net)
            raise NetNameError(f"LossFunction: {where} has no layer or output port {word!r}, {did_you_mean(word, known)}") from None
        part = part.children[path[-1]]
    ports = output_names(part)
    if len(ports) != 1:
        shown = ", ".join(f'"{name}"' for name in ports)
        raise NetTypeError(f"LossFunction: {'/'.join(path)} has {len(ports)} outputs ({shown})")
    return "/".join((*path, ports[0]))


def _fed_by_name(outputs: Sequence[str], layer: Net | None) -> list[str]:
    """The ports of a loss without an "Input" that bear the names of outputs: several of them are fed at once."""
    ports = () if layer is None or "Input" in input_names(layer) else input_names(layer)
    return [port for port in ports if port in outputs]


def _checked(layer, outputs: Sequence[str]) -> Net:
    if not isinstance(layer, Net) and not callable(layer) and not isinstance(layer, Sequence):
        raise NetTypeError(f"LossFunction wants a loss layer, a port's name, or a list of terms, got {layer!r}")
    layer = to_net(layer, "LossFunction")
    results, named = output_names(layer), _fed_by_name(outputs, layer)
    if len(results) != 1 and "Loss" not in results:
        shown = ", ".join(f'"{name}"' for name in results)
        text = f'has {len(results)} outputs ({shown}), a loss has one, or one that is called "Loss"'
        raise NetValueError(f"LossFunction: {short(layer)} {text}")
    if "Input" not in input_names(layer) and len(input_names(layer)) != 1 and not named:
        raise NetValueError(f'LossFunction: {short(layer)} has no port "Input" for the net\'s output')
    return layer


def _is_loss(net: Net, port: str) -> bool:
    layer = feeder(net, port)
    if isinstance(layer, NetGANOperator):
        return port in ("LossReal", "LossFake")
    return port == "Loss" or (layer is not None and output_names(layer) == ("Loss",))


def _loss_port(layer: Net) -> str:
    outputs = output_names(layer)
    return outputs[0] if len(outputs) == 1 else "Loss"


def _automatic(net: Net, port: str, observed: Mapping[str, PortType]) -> Term:
    target = observed.get(port) or (observed.get("Target") if len(output_names(net)) == 1 else None)
    *path, own = port.split("/")
    part = net
    for name in path:
        part = part.children[name]
    return Term(port, chosen_loss(part, own, target), 1.0)


def _graph(net: Net, terms: list[Term]) -> Training:
    """The graph of the net and its losses. A target bears the name of its output, "Target" too when there is one output with losses.

    Losses on one output share its target, and all losses what else they take under one name.
    """
    parts: dict[str, Net] = {"net": net}
    inputs, outputs = input_names(net), output_names(net)
    edges: list[tuple] = [(NetPort(_free(name, parts)), NetPort("net", name)) for name in inputs]
    names = {name: _free(name, parts) for name in inputs}
    losses: list[tuple[str, float]] = []
    attached = [term for term in terms if term.layer is not None]
    one, columns = len({term.port for term in attached}) == 1, dict[str, str]()
    used = {term.port for term in terms if term.layer is None}
    for number, term in enumerate(terms):
        exposed = "Loss" if len(terms) == 1 else f"Loss{number + 1}"
        if term.layer is None:
            edges.append((NetPort("net", *term.port.split("/")), NetPort(exposed)))
        else:
            part = "loss" if len(attached) == 1 else f"loss{number + 1}"
            parts[part] = term.layer
            ports = input_names(term.layer)
            fed = _fed_by_name(outputs, term.layer)
            sources = dict(zip(fed, fed, strict=True)) or {"Input" if "Input" in ports else ports[0]: term.port}
            edges += [(NetPort("net", *source.split("/")), NetPort(part, port)) for port, source in sources.items()]
            used.update(sources.values())
            for port in ports:
                if port in sources:
                    continue
                target = port == "Target"
                column = term.port if target else port
                if column not in columns:
                    name = port if one or not target else f"{term.port.replace('/', '_')}Target"
                    while name in names.values():
                        name = f"{name}_"
                    columns[column] = name
                    if target and one:
                        names.setdefault("Target", name)
                    names.setdefault(column, name)
                edges.append((NetPort(columns[column]), NetPort(part, port)))
            reported = _loss_port(term.layer)
            edges.append((NetPort(part, reported), NetPort(exposed)))
            edges += [(NetPort(part, name), None) for name in output_names(term.layer) if name != reported]
        losses.append((exposed, term.factor))
    edges += [(NetPort("net", name), None) for name in outputs if name not in used]
    return Training(NetGraph(parts, edges), tuple(losses), names, attached=True)


def _free(name: str, parts: Mapping[str, Net]) -> str:
    """A graph port's name that is no part's."""
    while name in ("net", "loss", *parts):
        name = f"{name}_"
    return name
