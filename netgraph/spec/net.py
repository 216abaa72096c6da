"""The value class of all nets: what a net *is*, and the verbs that later floors bind to it.

A net is a structure (immutable, hashable, comparable) plus a flat map from path to array. A container keeps its parts as structures and
the arrays of all of them in one map, so surgery moves structure and paths together. What a net *does* (evaluate, draw, export) lives on
later floors: `bind` fills the slot table, nothing here reaches upwards.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from netgraph.errors import NetNameError, did_you_mean
from netgraph.spec.arrays import NetArray, same_bits
from netgraph.types.port_type import PortType
from netgraph.types.symbols import Automatic

VERBS: dict[str, Callable] = {}
"""What each verb of a net does; filled by `bind` when the package is imported."""


def bind(name: str, function: Callable) -> None:
    """Let the verb `name` of every net be `function(net, ...)`."""
    VERBS[name] = function


class Net:
    """A neural net as a value: a layer, a chain, a graph or an operator. Abstract: write a layer, or NetChain, NetGraph.

    Nothing is changed in place: training, initialising and surgery give new nets. `==` compares structure and arrays (bit for bit),
    `hash` the structure; `net.structure` compares alone. A net is always true; iteration yields its layers.
    """

    # -- what each kind of net says about itself -----------------------------------------------------------------------------------

    @property
    def children(self) -> Mapping[str, "Net"]:
        """The parts by name, as structures without arrays; empty for a layer."""
        return _NOTHING

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
        return self if not self._arrays else self.replaced(arrays={})

    # -- as a value ------------------------------------------------------------------------------------------------------------------

    def __eq__(self, other) -> bool:
        if self is other:
            return True
        if not isinstance(other, Net) or hash(self) != hash(other):
            return NotImplemented if not isinstance(other, Net) else False
        pairs = [(self, other)]
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
            parts = tuple((name, hash(part)) for name, part in self.children.items())
            self._cache["hash"] = hash((self.own_key(), parts))
        return self._cache["hash"]

    def __bool__(self) -> bool:
        return True

    def __copy__(self) -> "Net":
        return self

    def __deepcopy__(self, memo) -> "Net":
        return self

    def __iter__(self) -> Iterator["Net"]:
        return iter([self[name] for name in self.children])

    def __contains__(self, name) -> bool:
        return name in self.children or (isinstance(name, int) and -len(self.children) <= name < len(self.children))

    # -- verbs, bound by later floors ------------------------------------------------------------------------------------------------

    def __call__(self, data=None, what=None, /, **options):
        """Evaluate the net on one example or a batch.

        `data` is the value of the one input, or a dict by port name; `what` picks outputs: a port's name, All, `NetPort(...)` of an inner
        layer, or a list of them. Options: NetEvaluationMode "Test" or "Train", TargetDevice, WorkingPrecision, BatchSize, RandomSeeding.
        A torch tensor gives a tensor on its device, anything else NumPy; a scalar port gives a Python number.
        """
        return VERBS["evaluate"](self, data, what, **options)

    def __getitem__(self, path):
        """The part, array or port type at `path`, as `net_extract(net, path)` gives it; arrays come along."""
        return VERBS["extract"](self, path)

    def __str__(self) -> str:
        return VERBS["summary"](self) if "summary" in VERBS else repr(self)

    def to_torch(self, mode: str = "Train"):
        """The net as a `torch.nn.Module` with readable parameter names; see `net_to_torch`."""
        return VERBS["to_torch"](self, mode)

    def plot(self, **options):
        """The net drawn as a picture (SVG): layers as boxes, shapes on the edges."""
        return VERBS["plot"](self, **options)

    def why(self, place: str) -> str:
        """Where the type at `place` ("3/Input", "Output", "0/Weights") came from, in a sentence."""
        return VERBS["why"](self, place)

    @property
    def inputs(self) -> Mapping[str, PortType]:
        """The input ports and their types, as far as they are known."""
        return VERBS["typed"](self).inputs

    @property
    def outputs(self) -> Mapping[str, PortType]:
        """The output ports and their types, as far as they are known."""
        return VERBS["typed"](self).outputs

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
        for name, declared, setting in part.array_places() if hasattr(part, "array_places") else ():
            yield path, part, name, declared, setting


def array_key(path: tuple[str, ...], name: str, setting=Automatic) -> str:
    """The key of an array in a net's map: its path, or its name when it is shared by name."""
    if isinstance(setting, NetArray) and setting.name is not Automatic:
        return setting.name
    return "/".join((*path, name))


def shared_names(net: Net) -> set[str]:
    """The names of all arrays that are shared by name inside `net`."""
    return {s.name for *_, s in array_slots(net) if isinstance(s, NetArray) and s.name is not Automatic}


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


def part_of(net: Net, name) -> Net:
    """The part called `name`, or at that position, with its arrays. Errors: NetNameError with the nearest names."""
    children = net.children
    if isinstance(name, int) and not isinstance(name, bool):
        names = list(children)
        if not -len(names) <= name < len(names):
            raise NetNameError(f"{type(net).__name__} has {len(names)} parts, there is none at {name}")
        name = names[name]
    if name not in children:
        raise NetNameError(f'{type(net).__name__} has no part "{name}", {did_you_mean(name, list(children))}')
    part = children[name]
    arrays = beneath(name, part, net._arrays)
    return part.replaced(arrays=arrays) if arrays else part
