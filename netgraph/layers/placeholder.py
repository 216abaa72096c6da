"""The layer that stands for an operation nobody has defined yet."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.own_ports import OwnPorts
from netgraph.spec.parameters import is_integer, is_number, parameter, wants
from netgraph.spec.typing import Scope, Term
from netgraph.types.kinds import Kind
from netgraph.types.store import KindNode
from netgraph.types.symbols import Automatic

__all__ = ["PlaceholderLayer"]

_TYPE_WORDS = ("Real", "Integer", "Boolean", "Varying")


def _tag(value):
    if value is None or (isinstance(value, str) and value and value.isprintable()):
        return value
    raise wants("a text or None", value)


def _is_plain(value) -> bool:
    return value is None or isinstance(value, (str, bool)) or is_number(value) or (isinstance(value, tuple) and all(map(_is_plain, value)))


def _parameters(value):
    pairs = tuple((name, _tupled(entry)) for name, entry in value.items()) if isinstance(value, Mapping) else value
    if _are_pairs(pairs) and all(_is_plain(entry) for _, entry in pairs):
        return pairs
    raise wants("a dict of numbers, texts, None and lists of these", value)


def _arrays(value):
    if value is None:
        return None
    if isinstance(value, Mapping):
        value = tuple((name, _shape(entry)) for name, entry in value.items())
    elif isinstance(value, tuple) and all(isinstance(name, str) for name in value):
        value = tuple((name, None) for name in value)
    if _are_pairs(value) and all(shape is None or (isinstance(shape, tuple) and all(map(is_integer, shape))) for _, shape in value):
        return value
    raise wants("None, a list of names, or a dict of arrays by name", value)


def _names(value):
    fits = isinstance(value, tuple) and all(isinstance(n, str) and n and n.isprintable() and "/" not in n for n in value)
    if fits and len(set(value)) == len(value):
        return value
    raise wants("a number, a list of names or of shapes, or a dict of both", value)


def _are_pairs(value) -> bool:
    fits = isinstance(value, tuple) and all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in value)
    return fits and len(dict(value)) == len(value)


def _tupled(value):
    return tuple(map(_tupled, value)) if isinstance(value, (list, tuple)) else value


def _shape(array) -> tuple[int, ...]:
    return tuple(array.shape) if isinstance(array, torch.Tensor) else np.shape(array)


TagText: Any = parameter(_tag, {"anyOf": [{"type": "string"}, {"type": "null"}]})
PlainParameters: Any = parameter(_parameters, {"type": "array"})
ArrayShapes: Any = parameter(_arrays, {"anyOf": [{"type": "array"}, {"type": "null"}]})
PortNames: Any = parameter(_names, {"type": "array", "items": {"type": "string"}})


class PlaceholderLayer(OwnPorts):
    """A layer that stands for an operation nobody has defined, such as one that an imported model has and we do not.

        PlaceholderLayer("tag", {"axis": 1}, Input=(2, 3), Output=3)

    It has any ports, of any types, and can stand in nets, be saved and be replaced; it cannot be evaluated or trained. `Tag` names the
    operation and `Parameters` tells what is known of it, both only for the reader; so does `Arrays`: None, names, or arrays by name, of
    which the shapes are kept. InputPorts and OutputPorts: a number, a list of names or of shapes, or a dict of both; by default one
    "Input" and one "Output". Nothing is inferred from one port to another. Training and use: an error.
    Errors: evaluating or training it.
    Source: Wolfram's PlaceholderLayer (which keeps the arrays too).

    >>> net = NetChain([PlaceholderLayer("TopK", {"k": 2}, Output=2), LinearLayer(3)], Input=5)
    >>> net["0/Output"], net["Output"]
    ((2,), (3,))
    """

    positional = ("Tag", "Parameters")
    Tag: TagText = None
    Parameters: PlainParameters = ()
    Arrays: ArrayShapes = None
    InputPorts: PortNames = ("Input",)
    OutputPorts: PortNames = ("Output",)
    varying = "free"

    def __init__(self, *args, **options):
        for word, alias, one in (("InputPorts", "input_ports", "Input"), ("OutputPorts", "output_ports", "Output")):
            if alias in options and word not in options:
                options[word] = options.pop(alias)
            if word in options:
                names, types = _named(options[word], one)
                options[word] = names
                for name in types.keys() & options.keys():
                    raise NetValueError(f"PlaceholderLayer: {name} is given twice, in {word} and as {name}=")
                options.update(types)
        super().__init__(*args, **options)

    def check(self):
        for name in {*self.InputPorts} & {*self.OutputPorts}:
            raise NetValueError(f'PlaceholderLayer: "{name}" is both an input and an output port')

    def input_ports(self) -> tuple[str, ...]:
        return self.InputPorts

    def output_ports(self) -> tuple[str, ...]:
        return self.OutputPorts

    def written(self, name, depth=0):
        if name == "Parameters":
            return repr(dict(self.Parameters))
        if name in ("InputPorts", "OutputPorts"):
            return repr(list(getattr(self, name)))
        return super().written(name, depth)

    def declare(self, scope: Scope) -> None:
        for ports, names in ((scope.terms.inputs, self.InputPorts), (scope.terms.outputs, self.OutputPorts)):
            ports.update({name: Term(KindNode(), scope.store.run()) for name in names})

    def forward(self, *inputs):
        what = f'PlaceholderLayer("{self.Tag}")' if self.Tag else "PlaceholderLayer()"
        raise NetTypeError(f"{what} stands for an operation that is not defined: it cannot be evaluated or trained")


def _named(ports, one: str) -> tuple[Any, dict[str, Any]]:
    """The names of ports, and the types of those that have one, from what InputPorts or OutputPorts says."""
    if ports is Automatic:
        return (one,), {}
    if isinstance(ports, Mapping):
        return tuple(ports), {name: kind for name, kind in ports.items() if kind is not Automatic}
    if is_integer(ports) and ports >= 1:
        return tuple(f"{one}{i + 1}" for i in range(ports)) if ports > 1 else (one,), {}
    if not isinstance(ports, Sequence) or isinstance(ports, str) or all(isinstance(p, str) and p not in _TYPE_WORDS for p in ports):
        return ports, {}
    if not all(is_integer(p) or isinstance(p, (str, tuple, list, Kind)) or p is Automatic for p in ports):
        return ports, {}
    names = tuple(f"{one}{i + 1}" for i in range(len(ports))) if len(ports) > 1 else (one,)
    return names, {name: kind for name, kind in zip(names, ports, strict=True) if kind is not Automatic}
