"""The shorthands for layers: `200`, `Ramp`, `Plus`, `[...]`, a Python function."""

import inspect
from collections.abc import Callable, Mapping

import numpy as np

from netgraph.errors import NetTypeError
from netgraph.layers.basic import LinearLayer
from netgraph.layers.elementwise import ElementwiseLayer, ThreadingLayer
from netgraph.spec.net import Net, bind
from netgraph.spec.parameters import is_integer
from netgraph.spec.symbols import Symbol, symbol
from netgraph.types.symbols import Automatic

_CHAIN: list[Callable] = []


def chain_with(build: Callable) -> None:
    """Let lists and dicts of layers mean `build(...)`; NetChain names itself here."""
    _CHAIN[:] = [build]


def to_net(value, where: str) -> Net:
    """A net from its notation. `where` names the place in messages.

    A net is itself; n is LinearLayer(n); a symbol (or its name) is an ElementwiseLayer, or a ThreadingLayer when it takes several
    arguments; a list or dict is a NetChain; a function of one tensor is an ElementwiseLayer, of several a ThreadingLayer.
    Errors: NetTypeError for anything else.
    """
    if isinstance(value, Net):
        return value
    if value is Automatic or is_integer(value) or isinstance(value, np.integer):
        return LinearLayer(value)
    if isinstance(value, str):
        value = symbol(value)
    if isinstance(value, Symbol):
        return ElementwiseLayer(value) if value.least == 1 and value.most is not None else ThreadingLayer(value)
    if isinstance(value, type) and issubclass(value, Net):
        raise NetTypeError(f"{where}: {value.__name__} is a class, a layer is wanted", fix=f"{value.__name__}()")
    if isinstance(value, (list, tuple, Mapping)):
        return _CHAIN[0](value)
    if callable(value):
        return ElementwiseLayer(value) if _arguments(value) == 1 else ThreadingLayer(value)
    raise NetTypeError(f"{where}: {value!r} is no layer; a net, a size, a symbol such as Ramp, a list of layers or a function is wanted")


def _arguments(function: Callable) -> int:
    """How many tensors a function takes; one where Python cannot tell (`torch.tanh`)."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters) or 1


bind("to_net", to_net)
