"""net_transfer: the arrays of a net, of a dict or of a torch state_dict, loaded where they fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.arrays import owned
from netgraph.spec.names import spelled
from netgraph.spec.net import Net, array_key, array_slots
from netgraph.spec.typing import typed
from netgraph.surgery.cut import full
from netgraph.types.symbols import Automatic

__all__ = ["TransferResult", "net_transfer"]

WORDS = {
    "weight": ("Weights", "Scaling", "Slope"),
    "bias": ("Biases",),
    "running_mean": ("MovingMean",),
    "running_var": ("MovingVariance",),
}
"""What torch's modules call arrays, and what they are called here."""

SKIPPED = ("num_batches_tracked",)
"""What torch's modules count and no net has."""


@dataclass(frozen=True, repr=False)
class TransferResult:
    """What net_transfer did: the `net`, and by name which arrays of it were `loaded` and from what, which are `missing`, which of the
    source are `unused`, and which were `mismatched`: (name in the source, its shape, the shape that is wanted).
    """

    net: Net
    loaded: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    mismatched: Mapping[str, tuple[str, tuple[int, ...], tuple]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every array of the net was loaded."""
        return not self.missing and not self.mismatched

    def __repr__(self) -> str:
        total = len(self.loaded) + len(self.missing) + len(self.mismatched)
        lines = [f"TransferResult: {len(self.loaded)} of {total} arrays loaded"]
        rows = [("loaded", name, f"from {source}" if source != name else "") for name, source in self.loaded.items()]
        rows += [
            ("mismatched", name, f"{source} has {shape}, {_shape_text(wanted)} is wanted")
            for name, (source, shape, wanted) in self.mismatched.items()
        ]
        rows += [("missing", name, "") for name in self.missing] + [("unused", name, "") for name in self.unused]
        width = max((len(name) for _, name, _ in rows), default=0)
        return "\n".join([*lines, *(f"  {state:10}  {name:{width}}  {text}".rstrip() for state, name, text in rows)])


def net_transfer(net: Net, source, /, **options) -> TransferResult:
    """The net with the arrays of another net, of a dict, or of a torch module or state_dict, where they fit; and a table of what did not.

        net_transfer(net, trained).net                       by path, else by order
        net_transfer(net, module.state_dict(), By="Order")   the first array for the first, and so on

    By: "Path" takes an array for the place of the same name ("0/Weights"; torch's "0.weight", "0.running_mean" stand for the arrays here);
    "Order" takes them one by one; Automatic: by path if any name fits, else in order. An array of another shape is left out and told. What
    is not loaded keeps its value. The result has `net`, `loaded`, `missing`, `unused`, `mismatched`.
    Errors: NetTypeError for a source without arrays, NetValueError for another way.
    Source: ours.

    >>> net_transfer(NetChain([2, Ramp, 1], Input=2), {"0.weight": torch.ones(2, 2), "0.bias": torch.zeros(2), "3.bias": torch.ones(1)})
    TransferResult: 2 of 4 arrays loaded
      loaded      0/Weights  from 0.weight
      loaded      0/Biases   from 0.bias
      missing     2/Weights
      missing     2/Biases
      unused      3.bias
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"net_transfer wants a net, got {net!r}")
    given = _arrays_of(source)
    way = spelled(options, ["By"], "net_transfer").get("By", Automatic)
    if way not in (Automatic, "Path", "Order"):
        raise NetValueError(f'net_transfer: By is "Path", "Order" or Automatic, got {way!r}')
    shapes = _shapes(net)
    pairs = _by_path(shapes, given) if way != "Order" else {}
    if way == "Order" or (way is Automatic and not pairs):
        pairs = dict(zip(shapes, given, strict=False))
    arrays, loaded, mismatched = dict(net.tensors), {}, {}
    for name, key in pairs.items():
        found = tuple(np.shape(given[key]))
        if not _fits(found, shapes[name]):
            mismatched[name] = (key, found, shapes[name])
            continue
        arrays[name] = owned(given[key], f"net_transfer: {key}")
        loaded[name] = key
    result = net.replaced(arrays=arrays)
    typed(result)
    used = {*loaded.values(), *(key for key, _, _ in mismatched.values())}
    missing = tuple(name for name in shapes if name not in loaded and name not in mismatched)
    return TransferResult(result, loaded, missing, tuple(key for key in given if key not in used), mismatched)


def _arrays_of(source) -> dict[str, Any]:
    """The arrays of a source by name, without what counts batches."""
    arrays = source.tensors if isinstance(source, Net) else source.state_dict() if isinstance(source, torch.nn.Module) else source
    if not isinstance(arrays, Mapping) or not all(isinstance(name, str) for name in arrays):
        raise NetTypeError(f"net_transfer takes arrays from a net, a dict by name, a torch module or its state_dict, got {source!r}")
    return {name: array for name, array in arrays.items() if name.rpartition(".")[2] not in SKIPPED and array is not Automatic}


def _shapes(net: Net) -> dict[str, tuple | None]:
    """The arrays of a net by key with their shapes, None for a size that is open."""
    typing, found = full(net), {}
    for path, _, name, _, setting in array_slots(net):
        sizes = typing.store.sizes(typing.terms[path].arrays[name])
        found.setdefault(array_key(path, name, setting), None if sizes is None else tuple(s if isinstance(s, int) else None for s in sizes))
    return found


def _fits(shape: tuple[int, ...], wanted: tuple | None) -> bool:
    return wanted is None or (len(shape) == len(wanted) and all(own in (None, size) for size, own in zip(shape, wanted, strict=True)))


def _by_path(shapes: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """For each array of the net the name in the source that means it."""
    meant: dict[str, str] = {}
    for key in given:
        *path, word = key.replace(".", "/").split("/")
        for name in (key, *("/".join((*path, own)) for own in (word, *WORDS.get(word, ())))):
            if name in shapes:
                meant.setdefault(name, key)
                break
    return {name: meant[name] for name in shapes if name in meant}


def _shape_text(shape: tuple | None) -> str:
    if shape is None:
        return "another shape"
    sizes = ", ".join("?" if size is None else str(size) for size in shape)
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"
