"""The value class of all nets: what a net *is*, and the verbs that later floors bind to it.

A net is a structure (immutable, hashable, comparable) plus a flat map from path to array. A container keeps its parts as structures and
the arrays of all of them in one map, so surgery moves structure and paths together. What a net *does* (evaluate, draw, export) lives on
later floors: `bind` fills the slot table, nothing here reaches upwards.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.spec.arrays import NetArray, same_bits
from netgraph.types.port_type import PortType
from netgraph.types.symbols import All, Automatic

DEEPEST = 100
"""How deeply nested a net's repr still writes out."""

FILLERS: list[Callable[[], object]] = []
"""What fills `VERBS` when the first verb is asked for; handed in by the package itself."""


class _Verbs(dict[str, Callable]):
    def __missing__(self, name: str) -> Callable:
        for fill in FILLERS:
            fill()
        if name not in self:
            raise KeyError(name)
        return self[name]


VERBS = _Verbs()
"""What each verb of a net does; filled by `bind`, which later floors call when they are imported."""


def bind(name: str, function: Callable) -> None:
    """Let the verb `name` of every net be `function(net, ...)`."""
    VERBS[name] = function


class Net:
    """A neural net as a value: a layer, a chain, a graph or an operator. Abstract: write a layer, or NetChain, NetGraph.

    Nothing is changed in place: training, initialising and surgery give new nets. `==` compares structure and arrays (bit for bit),
    `hash` the structure; `net.structure` compares alone. A net is always true; iteration yields its layers.
    """

    if TYPE_CHECKING:
        _arrays: dict[str, torch.Tensor]
        _given: dict[str, PortType]
        _multipliers: Any
        _cache: dict[Any, Any]

    # -- what each kind of net says about itself -----------------------------------------------------------------------------------

    @property
    def children(self) -> Mapping[str, "Net"]:
        """The parts by name, as structures without arrays; empty for a layer."""
        return _NOTHING

    def order(self) -> list[str]:
        """The names of the parts in an order in which each comes after what feeds it."""
        return list(self.children)

    @property
    def input_count(self) -> int | None:
        """How many inputs the net has; None while it takes any number and nothing is connected."""
        raise TypeError(f"{type(self).__name__} has no inputs")

    def input_ports(self) -> tuple[str, ...]:
        """The names of the input ports, in order; empty while a layer with any number of them is not connected yet."""
        raise TypeError(f"{type(self).__name__} has no inputs")

    def output_ports(self) -> tuple[str, ...]:
        """The names of the output ports, in order."""
        raise TypeError(f"{type(self).__name__} has no outputs")

    def side(self, port: str) -> str:
        """Whether a port is an "input" or an "output"; a layer may have one word for both sides, which is an output then."""
        return "output" if port in self.output_ports() else "input"

    def state_names(self) -> tuple[str, ...]:
        """The names of the recurrent state ports, which are fed and read only where somebody connects them."""
        return ()

    def readable_ports(self) -> tuple[str, ...]:
        """The names of the values beside the outputs that are computed where somebody reads them."""
        return ()

    def with_inputs(self, count: int) -> "Net":
        """The net with `count` inputs, for one that takes any number."""
        return self

    def array_places(self) -> Iterator[tuple[str, Any, Any]]:
        """(name, declaration, setting) of each array that the net itself has, apart from its parts."""
        return iter(())

    def assume(self, scope) -> None:
        """What is taken for granted when a net is closed and nothing said otherwise; nothing by default.

        It is asked again while anything changes, so it says nothing where all is known.
        """

    def written_type(self, name: str, given: PortType) -> PortType:
        """The type of a port as its option writes it; the same unless an operator means something else by it."""
        return given

    def text(self, depth: int) -> str:
        """The net as it would be written, nets nested deeper than `depth` abbreviated: `NetChain[3]`."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def declare(self, scope) -> None:
        """State ports, arrays and relations in the scope's store; the parts' terms are already there."""
        raise TypeError(f"{type(self).__name__} declares no ports")

    def own_key(self) -> tuple:
        """All that makes this net itself, apart from its parts and arrays; hashable."""
        raise TypeError(f"{type(self).__name__} has no key")

    def replaced(self, **changes) -> "Net":
        """A copy with other `children`, `given` types or `arrays`; used by surgery and inference, nothing is checked here."""
        raise TypeError(f"{type(self).__name__} cannot be copied")

    # -- its own state: `_arrays`, `_given`, `_cache` are set once, when it is built ---------------------------------------------------

    def _hold(self, arrays: Mapping[str, torch.Tensor], given: Mapping[str, PortType]) -> None:
        object.__setattr__(self, "_arrays", dict(arrays))
        object.__setattr__(self, "_given", dict(given))
        object.__setattr__(self, "_cache", {})

    @property
    def given(self) -> Mapping[str, PortType]:
        """The port types that were written where the net was built."""
        return MappingProxyType(self._given)

    @property
    def tensors(self) -> Mapping[str, torch.Tensor]:
        """The arrays that have values, as the tensors the net owns: do not write to them."""
        return MappingProxyType(self._arrays)

    @property
    def arrays(self) -> Mapping[str, Any]:
        """The arrays by path: read-only NumPy views, `Automatic` for one that is still missing.

        >>> from netgraph import LinearLayer
        >>> LinearLayer(2, Weights=[[1, 2], [3, 4]]).arrays["Weights"].tolist()
        [[1.0, 2.0], [3.0, 4.0]]
        """
        if "arrays" not in self._cache:
            views: dict[str, Any] = {}
            for path, _layer, name, _declared, setting in array_slots(self):
                key = array_key(path, name, setting)
                tensor = self._arrays.get(key)
                views[key] = Automatic if tensor is None else _view(tensor)
            self._cache["arrays"] = MappingProxyType(views)
        return self._cache["arrays"]

    @property
    def structure(self) -> "Net":
        """The net without its arrays: compares and hashes by structure alone."""
        if not self._arrays:
            return self
        if "structure" not in self._cache:
            self._cache["structure"] = self.replaced(arrays={})
        return self._cache["structure"]

    # -- as a value ------------------------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value) -> None:
        raise AttributeError(f"a net is a value: {name} cannot be set, make a new net")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a net is a value: {name} cannot be deleted, make a new net")

    def __eq__(self, other) -> bool:
        if self is other:
            return True
        if not isinstance(other, Net):
            return NotImplemented
        if hash(self) != hash(other):
            return False
        pairs: list[tuple[Net, Net]] = [(self, other)]
        while pairs:
            a, b = pairs.pop()
            if a is b:
                continue
            if a.own_key() != b.own_key() or list(a.children) != list(b.children):
                return False
            pairs.extend(zip(a.children.values(), b.children.values(), strict=True))
        return same_bits(self._arrays, other._arrays)

    def __hash__(self) -> int:
        if "hash" not in self._cache:
            stack: list[Net] = [self]
            while stack:
                net = stack[-1]
                unknown = [part for part in net.children.values() if "hash" not in part._cache]
                if unknown:
                    stack.extend(unknown)
                    continue
                stack.pop()
                parts = tuple((name, part._cache["hash"]) for name, part in net.children.items())
                net._cache["hash"] = hash((net.own_key(), parts))
        return self._cache["hash"]

    def __repr__(self) -> str:
        return self.text(DEEPEST)

    def __bool__(self) -> bool:
        return True

    def __copy__(self) -> "Net":
        return self

    def __deepcopy__(self, memo) -> "Net":
        return self

    def __iter__(self) -> Iterator["Net"]:
        return iter(VERBS["extract"](self, All).values()) if self.children else iter(())

    def __contains__(self, name) -> bool:
        if isinstance(name, int) and not isinstance(name, bool):
            return -len(self.children) <= name < len(self.children)
        return isinstance(name, str) and name in self.children

    # -- verbs, bound by later floors ------------------------------------------------------------------------------------------------

    def __call__(self, data=None, what=Automatic, /, **options):
        """Evaluate the net on one example or a batch.

        `data` is the value of the one input, or a dict by port name; `what` picks outputs: a port's name, All, `NetPort(...)` of an inner
        layer, or a list of them. A port with an encoder takes what that takes, an output with a decoder gives what that gives; `what` may
        be a property of the decoder, and None and NetPort(...) ask for arrays. Options: NetEvaluationMode "Test" or "Train", TargetDevice,
        WorkingPrecision, BatchSize, RandomSeeding.
        A torch tensor gives a tensor on its device, anything else NumPy; a scalar port gives a Python number.
        """
        return VERBS["evaluate"](self, data, what, **options)

    def __getitem__(self, path):
        """The part, array or port type at `path`, as `net_extract(net, path)` gives it; arrays come along."""
        return VERBS["extract"](self, path)

    def __or__(self, other) -> "Net":
        """This net, and what comes behind it: `net_join(net, other)`. `other` may be written shortly: `net | Ramp | 10`."""
        return VERBS["join"](self, other)

    def __ror__(self, other) -> "Net":
        return VERBS["join"](other, self)

    def __str__(self) -> str:
        return VERBS["summary"](self)

    def to_torch(self, mode: str = "Train"):
        """The net as a `torch.nn.Module` with readable parameter names; see `net_to_torch`."""
        return VERBS["to_torch"](self, mode)

    def to_json(self) -> str:
        """The structure of the net as JSON text, as `net_to_json(net)` gives it; `net_from_json` reads it."""
        return VERBS["to_json"](self)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Net":
        """The net in JSON text, as `net_from_json(text)` gives it. Errors: NetTypeError when it is a net of another class."""
        net = VERBS["from_json"](text)
        if not isinstance(net, cls):
            raise NetTypeError(f"{cls.__name__}.from_json: the text holds a {type(net).__name__}", fix="net_from_json(text)")
        return net

    def plot(self, data=None, /, **options):
        """The net drawn as a picture: layers as boxes, shapes on the edges; with one example as `data`, every layer with its value.

        The picture shows itself in notebooks; `.save("net.svg")` writes it, also as .png, .mmd (Mermaid) and .dot. Option: depth, how far
        nets inside are opened (3).
        """
        return VERBS["plot"](self, data, **options)

    def why(self, place: str) -> str:
        """Where the type at `place` ("3/Input", "Output", "0/Weights") came from, in a sentence."""
        return VERBS["why"](self, place)

    @property
    def inputs(self) -> Mapping[str, PortType]:
        """The input ports and their types, as far as they are known."""
        return dict(VERBS["typed"](self).inputs)

    @property
    def outputs(self) -> Mapping[str, PortType]:
        """The output ports and their types, as far as they are known."""
        return dict(VERBS["typed"](self).outputs)

    @property
    def layers(self) -> Mapping[str, "Net"]:
        """All layers that hold no other nets, at any depth, by path."""
        return VERBS["information"](self, "Layers")

    @property
    def information(self):
        """The report of `net_information(net)`: properties as `net.information["FLOPs"]` or `net.information.flops`."""
        return VERBS["information"](self)

    def _repr_html_(self) -> str:
        return VERBS["html"](self)


_NOTHING: Mapping[str, Net] = MappingProxyType({})


def _view(tensor: torch.Tensor) -> np.ndarray:
    view = tensor.numpy().view()
    view.flags.writeable = False
    return view


def walk(net: Net) -> Iterator[tuple[tuple[str, ...], Net]]:
    """Every net inside `net`, itself first at path (), parts in order; however deeply they are nested."""
    stack: list[tuple[tuple[str, ...], Net]] = [((), net)]
    while stack:
        path, part = stack.pop()
        yield path, part
        stack.extend(((*path, name), child) for name, child in reversed(list(part.children.items())))


def array_slots(net: Net):
    """Every array place inside `net`: (path, layer, name, declaration, setting). One that is switched off is left out."""
    for path, part in walk(net):
        for name, declared, setting in part.array_places():
            yield path, part, name, declared, setting


def array_key(path: tuple[str, ...], name: str, setting=Automatic) -> str:
    """The key of an array in a net's map: its path, or its name when it is shared by name."""
    if isinstance(setting, NetArray) and setting.name is not Automatic:
        return setting.name
    return "/".join((*path, name))


def shared_names(net: Net) -> frozenset[str]:
    """The names of all arrays that are shared by name inside `net`."""
    stack = [net]
    while "shared" not in net._cache:
        part = stack[-1]
        unknown = [child for child in part.children.values() if "shared" not in child._cache]
        if unknown:
            stack.extend(unknown)
            continue
        own = {s.name for _, _, s in part.array_places() if isinstance(s, NetArray) and s.name is not Automatic}
        part._cache["shared"] = frozenset(own.union(*(child._cache["shared"] for child in part.children.values())))
        stack.pop()
    return net._cache["shared"]


def is_position(word: object) -> bool:
    """Whether a word of a path is a position among parts."""
    return isinstance(word, int) and not isinstance(word, bool)


def under(prefix: str, part: Net) -> dict[str, torch.Tensor]:
    """The arrays of `part` as a container keeps them: under `prefix`, except those shared by name."""
    if not part._arrays:
        return {}
    shared = shared_names(part)
    return {name if name in shared else f"{prefix}/{name}": tensor for name, tensor in part._arrays.items()}


def beneath(prefix: str, part: Net, arrays: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The inverse of `under`: the arrays of `part` out of those of its container."""
    head = f"{prefix}/"
    found = {key[len(head) :]: tensor for key, tensor in arrays.items() if key.startswith(head)}
    for name in shared_names(part):
        if name in arrays:
            found[name] = arrays[name]
    return found


def part_name(net: Net, word) -> str:
    """The name of the part called `word`, or at that position. Errors: NetNameError with the nearest names."""
    children = net.children
    if is_position(word):
        names = list(children)
        if not -len(names) <= word < len(names):
            raise NetNameError(f"{type(net).__name__} has {len(names)} part{'s' * (len(names) != 1)}, there is none at {word}")
        return names[word]
    if word not in children:
        raise NetNameError(f'{type(net).__name__} has no part "{word}", {did_you_mean(word, list(children))}')
    return word


def part_of(net: Net, word) -> Net:
    """The part called `word`, or at that position, with its arrays. Errors: NetNameError with the nearest names."""
    name = part_name(net, word)
    part = net.children[name]
    arrays = beneath(name, part, net._arrays)
    return part.replaced(arrays=arrays) if arrays else part


def parts_of(net: Net) -> dict[str, Net]:
    """All parts by name, with their arrays; the map of arrays is gone through once."""
    own: dict[str, dict[str, torch.Tensor]] = {name: {} for name in net.children}
    shared: dict[str, torch.Tensor] = {}
    for key, tensor in net._arrays.items():
        head, slash, rest = key.partition("/")
        if slash:
            own[head][rest] = tensor
        else:
            shared[key] = tensor
    parts = {}
    for name, part in net.children.items():
        arrays = own[name]
        if shared:
            arrays.update({key: shared[key] for key in shared_names(part) if key in shared})
        parts[name] = part.replaced(arrays=arrays) if arrays else part
    return parts
