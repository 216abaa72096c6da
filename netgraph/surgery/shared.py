"""net_insert_shared_arrays: the arrays of a net shared by name, so that the net can be used twice with one set of them."""

from netgraph.errors import NetTypeError
from netgraph.spec.arrays import NetArray
from netgraph.spec.declare import State
from netgraph.spec.layer import Layer
from netgraph.spec.net import Net, array_slots, shared_names
from netgraph.surgery.tree import moved, remade
from netgraph.types.symbols import Automatic

__all__ = ["net_insert_shared_arrays"]


def net_insert_shared_arrays(net: Net, prefix: str = "", /) -> Net:
    """The net with every array shared by name: wherever such a net stands in a larger one, it is the same arrays.

    An array is named after its place, `prefix` in front: "body:0:Weights", or "enc:body:0:Weights". Values come along. Arrays that are
    shared already keep their names; running statistics ("MovingMean", "MovingVariance") cannot be shared and stay as they are. The net
    computes and trains as before; used twice it has one set of arrays, whose gradients add up.
    Errors: NetTypeError for what is no net or a prefix that is no text; NetValueError for a prefix with "/", "." or "->" in it.
    Source: Wolfram's NetInsertSharedArrays.

    >>> tied = net_insert_shared_arrays(LinearLayer(2, Input=2), "w")
    >>> list(NetChain([tied, Ramp, tied]).arrays)
    ['w:Weights', 'w:Biases']
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"net_insert_shared_arrays wants a net, got {net!r}")
    if not isinstance(prefix, str):
        raise NetTypeError(f"net_insert_shared_arrays: a prefix is a text, got {prefix!r}")
    taken = set(shared_names(net))
    settings: dict[tuple[str, ...], dict[str, NetArray]] = {}
    for path, _, word, declared, setting in array_slots(net):
        if isinstance(declared, State) or (isinstance(setting, NetArray) and setting.name is not Automatic):
            continue
        name = _free(":".join((*([prefix] if prefix else []), *path, *word.split("/"))), taken)
        taken.add(name)
        sizes = {} if not isinstance(setting, NetArray) or setting.dimensions is None else {"Dimensions": setting.dimensions}
        settings.setdefault(path, {})[word] = NetArray(name, **sizes)

    def share(path: tuple[str, ...], part: Net) -> Net:
        if path not in settings:
            return part
        assert isinstance(part, Layer)
        return part.replaced(settings={**part._settings, **settings[path]})

    shared = remade(net, share)
    return shared.replaced(arrays=moved(net, shared, net.tensors))


def _free(name: str, taken: set[str]) -> str:
    """`name`, or the next like it that is not taken: the paths ("a:b",) and ("a", "b") read alike."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}:{number}", number + 1
    return found
