"""net_initialize: values for the arrays that have none."""

import secrets

import torch

from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.initial import Initialization, generator
from netgraph.spec.names import spelled
from netgraph.spec.net import Net, array_key, array_slots
from netgraph.spec.typing import Typing, infer
from netgraph.surgery.window import Solved
from netgraph.types.sizes import Varying
from netgraph.types.symbols import All, Automatic

__all__ = ["net_initialize"]

SEED = 1234
"""The seed of net_initialize and net_train when none is given: the same net always starts the same."""


def net_initialize(net: Net, which=None, /, **options) -> Net:
    """The net with values for its missing arrays; `net_initialize(net, All)` draws all anew.

    Method: "Kaiming" (the default; deviation sqrt(2 / fan_in)), "Xavier", "Orthogonal", "Random", "Identity", or ("Kaiming",
    {"Distribution": "Uniform"}) with suboptions. Biases start at 0, scalings at 1, moving means at 0, moving variances at 1.
    RandomSeeding: 1234 by default, so two calls give the same net; a number or text; Automatic for a new seed; "Inherited" draws the
    seed from torch's own generator. What an array starts as depends on (seed, path) alone.
    Errors: NetValueError for a net with open sizes, which names them; NetNameError for an unknown method.
    Source: Wolfram's NetInitialize.

    >>> net = net_initialize(LinearLayer(2, Input=3))
    >>> net.arrays["Biases"].tolist(), net == net_initialize(LinearLayer(2, Input=3))
    ([0.0, 0.0], True)
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"net_initialize wants a net, got {net!r}")
    options = spelled(options, ["Method", "RandomSeeding"], "net_initialize")
    if which is not None and which is not All:
        raise NetTypeError(f"net_initialize(net, All) draws every array anew; got {which!r}")
    method = Initialization(options.get("Method", Automatic))
    return initialized(net, infer(net, full=True, close=True), method, seed_of(options.get("RandomSeeding", SEED)), anew=which is All)


def initialized(net: Net, typing: Typing, method: Initialization, seed, *, anew: bool = False, inside: str = "") -> Net:
    """`net` with its missing arrays (with `anew`: all) drawn for the given types."""
    arrays: dict[str, torch.Tensor] = {} if anew else dict(net.tensors)
    for path, _, name, declared, setting in array_slots(net):
        key = array_key(path, name, setting)
        if key in arrays:
            continue
        shape = typing.store.known(typing.terms[path].arrays[name])
        if shape is None or any(isinstance(size, Varying) for size in shape):
            raise open_error(net, typing, "net_initialize cannot draw arrays")
        arrays[key] = declared.initial.draw(shape, method, generator(seed, key.removeprefix(inside)))
    ready = net.replaced(arrays=arrays)
    ready._cache["known"] = {name: Solved(typing, (name,)) for name in net.children}
    return ready


def missing_arrays(net: Net) -> list[str]:
    """The keys of the arrays that have no value yet, in order."""
    if "missing" not in net._cache:
        keys = dict.fromkeys(array_key(path, name, setting) for path, _, name, _, setting in array_slots(net))
        net._cache["missing"] = [key for key in keys if key not in net.tensors]
    return net._cache["missing"]


def open_error(net: Net, typing: Typing, what: str) -> NetValueError:
    """The error about a net whose sizes are not all known: which, and how to give them."""
    places = typing.open_places()
    shown = ", ".join(f"{place} is {kind}" for place, kind in places[:4]) + (f" and {len(places) - 4} more" if len(places) > 4 else "")
    first = next((name for name, kind in typing.inputs.items() if not kind.closed), None)
    fix = f"give the net {first}=<shape>" if first else _size_to_state(net, typing)
    return NetValueError(f"{what}: sizes are open: {shown}", fix=fix)


def _size_to_state(net: Net, typing: Typing) -> str | None:
    """How to state a size of an array that the net says nothing about, where it is a parameter of its layer."""
    for path, part, name, declared, _ in array_slots(net):
        if typing.store.known(typing.terms[path].arrays[name]) is None:
            for size in declared.text.split():
                if getattr(part, size, None) is Automatic:
                    return f"{type(part).__name__}({size}=<number>)"
    return None


def seed_of(seeding) -> int | str:
    """The seed that a RandomSeeding option stands for. Errors: NetTypeError for what is none."""
    if seeding is Automatic:
        return secrets.randbits(48)
    if seeding == "Inherited":
        return int(torch.randint(2**48, ()))
    if isinstance(seeding, (int, str)) and not isinstance(seeding, bool):
        return seeding
    raise NetTypeError(f'RandomSeeding wants a number, a text, Automatic or "Inherited", got {seeding!r}')
