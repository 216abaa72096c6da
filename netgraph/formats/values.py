"""The values of parameters as plain data, and back: a closed set of forms, each told by its tag.

    null, true, 3, 0.5, "text"          themselves (NaN and the infinities are left to `strict_json.dumps`)
    [...]                               a tuple
    {"$list": [...]}, {"$dict": [[k, v], ...]}
    {"$word": "Automatic"}, {"$word": "All"}
    {"$span": [start, stop, step]}      a slice
    {"$scaled": 0.5}                    Scaled(0.5)
    {"$symbol": "Ramp"}
    {"$port": [...]}                    a NetPort
    {"$function": {...}}                a traced function; its captured arrays lie beside it, or in it as "$values"
    {"$array": {"dtype", "shape"}}      an array of a codec; its numbers lie beside it, or in it as "$values"
    {"$strings": n}                     a long tuple of n strings that lies beside, as the bytes of its JSON
    {"$codec": {"side", "kind", "parameters"}}  an encoder (side "input") or decoder

A net inside a parameter is no value: it is a part, listed by number.
"""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from netgraph.codecs.codec import Coder, find_kind
from netgraph.codecs.frozen import FrozenArray
from netgraph.errors import NetValueError
from netgraph.layers.module import HeldModule
from netgraph.spec.function_graph import FunctionGraph
from netgraph.spec.ports import NetPort
from netgraph.spec.symbols import Symbol, symbol
from netgraph.spec.trace import OpaqueFunction
from netgraph.types.symbols import All, Automatic, Scaled

_WORDS = {"Automatic": Automatic, "All": All}
_DEPTH = 16
"""How deep tuples may lie in each other: far more than any parameter has."""

_FEW = 256
"""A table of more strings than this lies beside the structure, where there is a beside."""

DTYPES = {
    name: getattr(torch, name) for name in ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
}
"""What captured arrays may hold."""

Keep = Callable[[torch.Tensor], None]
Take = Callable[[], torch.Tensor]


def encode(value: Any, where: str, keep: Keep | None = None) -> Any:
    """A parameter's value as plain data. `where` is its place for messages; `keep` takes captured arrays in order, None puts them inside.

    Errors: NetValueError for a value that a file cannot hold, with what to do.

    >>> encode((3, Automatic, slice(0, 2)), "0/Levels")
    [3, {'$word': 'Automatic'}, {'$span': [0, 2, None]}]
    """
    return _encode(value, where, keep, 0)


def _encode(value: Any, where: str, keep: Keep | None, depth: int) -> Any:
    if depth > _DEPTH:
        raise NetValueError(f"{where} cannot be saved: its tuples lie more than {_DEPTH} deep in each other")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, tuple):
        if keep is not None and len(value) > _FEW and all(isinstance(part, str) for part in value):
            keep(torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8))
            return {"$strings": len(value)}
        return [_encode(part, where, keep, depth + 1) for part in value]
    if isinstance(value, list):
        return {"$list": [_encode(part, where, keep, depth + 1) for part in value]}
    if isinstance(value, dict):
        return {"$dict": [[_encode(part, where, keep, depth + 1) for part in pair] for pair in value.items()]}
    if value is Automatic or value is All:
        return {"$word": repr(value)}
    if isinstance(value, slice):
        return {"$span": [_encode(part, where, keep, depth + 1) for part in (value.start, value.stop, value.step)]}
    if isinstance(value, Scaled):
        return {"$scaled": value.factor}
    if isinstance(value, NetPort) and type(value) is NetPort:
        return {"$port": [_encode(part, where, keep, depth + 1) for part in value.path]}
    if isinstance(value, Symbol):
        return {"$symbol": value.name}
    if isinstance(value, FunctionGraph):
        return _function(value, where, keep)
    if isinstance(value, Coder):
        return {"$codec": _codec(value, where, keep, depth)}
    if isinstance(value, FrozenArray):
        return _frozen(torch.from_numpy(np.array(value)), keep)
    if isinstance(value, OpaqueFunction):
        raise NetValueError(
            f"{where} cannot be saved: it is a Python function that could not be turned into operations",
            origins=[(getattr(value.function, "__name__", "the function"), value.reason)],
            fix="write it with torch operations of the closed list, or with symbols such as Ramp",
        )
    if isinstance(value, HeldModule):
        fix = "save its numbers with torch, and make the layer again"
        raise NetValueError(f"{where} cannot be saved: a torch module is code, and files hold none", fix=fix)
    raise NetValueError(f"{where} cannot be saved: a file has no form for {_short(value)}")


def _codec(codec: Coder, where: str, keep: Keep | None, depth: int) -> dict[str, Any]:
    held = codec.code()
    if held is not None:
        raise NetValueError(
            f'{where} cannot be saved: {codec.family} "{codec.kind}" holds a Python object as its {held}, and files hold no code',
            fix="take it off, net_replace_part(net, {port: None}), and put it on again after loading",
        )
    parameters = {name: _encode(value, where, keep, depth + 1) for name, value in codec.parameters.items()}
    return {"side": codec.side, "kind": codec.kind, "parameters": parameters}


def _frozen(array: torch.Tensor, keep: Keep | None) -> dict[str, Any]:
    data: dict[str, Any] = {"$array": {"dtype": str(array.dtype).removeprefix("torch."), "shape": list(array.shape)}}
    if keep is not None:
        keep(array.contiguous())
    else:
        data["$values"] = array.reshape(-1).tolist()
    return data


def _function(graph: FunctionGraph, where: str, keep: Keep | None) -> dict:
    for array in graph.constants:
        if str(array.dtype).removeprefix("torch.") not in DTYPES:
            raise NetValueError(f"{where} cannot be saved: it captured an array of {array.dtype}; known: {', '.join(DTYPES)}")
    data: dict[str, Any] = {"$function": graph.to_json()}
    if keep is not None:
        for array in graph.constants:
            keep(array.detach().cpu().contiguous())
    elif graph.constants:
        data["$values"] = [array.detach().cpu().reshape(-1).tolist() for array in graph.constants]
    return data


def decode(data: Any, take: Take | None = None) -> Any:
    """The value that `encode` wrote; `take` gives the captured arrays in order, None expects them inside.

    Errors: NetValueError for anything else, NetNameError for an unknown symbol.

    >>> decode([3, {"$word": "Automatic"}, {"$span": [0, 2, None]}])
    (3, Automatic, slice(0, 2, None))
    """
    return _decode(data, take, 0)


def _decode(data: Any, take: Take | None, depth: int) -> Any:
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    if depth > _DEPTH:
        raise NetValueError(f"lists lie more than {_DEPTH} deep in each other")
    if isinstance(data, list):
        return tuple(_decode(part, take, depth + 1) for part in data)
    tag, value = next(iter(data.items())) if isinstance(data, dict) and data else ("", None)
    if tag == "$function" and set(data) <= {"$function", "$values"}:
        return _graph(value, data.get("$values"), take)
    if tag == "$array" and set(data) <= {"$array", "$values"}:
        return FrozenArray(_array(value, data.get("$values")) if take is None else _kept(value, take()))
    if isinstance(data, dict) and len(data) == 1:
        if tag == "$codec":
            return _codec_of(value, take, depth)
        if tag == "$strings" and take is not None:
            return _strings(value, take())
        if tag == "$word" and isinstance(value, str) and value in _WORDS:
            return _WORDS[value]
        if tag == "$scaled" and isinstance(value, (int, float)) and not isinstance(value, bool):
            return Scaled(value)
        if tag == "$symbol" and isinstance(value, str):
            return symbol(value)
        if tag in ("$list", "$dict", "$span", "$port") and isinstance(value, list):
            parts = [_decode(part, take, depth + 1) for part in value]
            if tag == "$list":
                return parts
            if tag == "$port" and parts:
                return NetPort(*parts)
            if tag == "$span" and len(parts) == 3:
                return slice(*parts)
            if tag == "$dict" and all(isinstance(pair, tuple) and len(pair) == 2 and _is_key(pair[0]) for pair in parts):
                return dict(parts)
    raise NetValueError(f"no value of a parameter: {_short(data)}")


def _codec_of(data: Any, take: Take | None, depth: int) -> Coder:
    """The codec, of a closed list of kinds, its parameters checked as if they were written by hand."""
    if not isinstance(data, dict) or set(data) != {"side", "kind", "parameters"} or data["side"] not in ("input", "output"):
        raise NetValueError(f"no codec: {_short(data)}")
    if not isinstance(data["kind"], str) or not isinstance(data["parameters"], dict):
        raise NetValueError(f"no codec: {_short(data)}")
    parameters = {name: _decode(part, take, depth + 1) for name, part in data["parameters"].items()}
    return find_kind(data["side"], data["kind"]).of(parameters)


def _kept(declared: Any, array: torch.Tensor) -> torch.Tensor:
    """An array that lies beside, held against what was said of it."""
    told = {"dtype": str(array.dtype).removeprefix("torch."), "shape": list(array.shape)}
    if declared != told:
        raise NetValueError(f"an array of a codec is {told}, the structure says {_short(declared)}")
    return array


def _strings(count: Any, array: torch.Tensor) -> tuple[str, ...]:
    try:
        found = json.loads(bytes(array.numpy())) if array.dtype is torch.uint8 else None
    except ValueError:
        found = None
    if not isinstance(found, list) or len(found) != count or not all(isinstance(entry, str) for entry in found):
        raise NetValueError(f"a table of {_short(count)} strings is not what lies beside it")
    return tuple(found)


def _is_key(value: Any) -> bool:
    return isinstance(value, (str, int, NetPort)) or (isinstance(value, tuple) and all(map(_is_key, value))) or value in (Automatic, All)


def _graph(data: Any, values: Any, take: Take | None) -> FunctionGraph:
    declared = data.get("constants") if isinstance(data, dict) else None
    if not isinstance(declared, list):
        raise NetValueError(f"no function: {_short(data)}")
    if take is not None and values is None:
        return FunctionGraph.from_json(data, [take() for _ in declared])
    given = values if values is not None else []
    if take is not None or not isinstance(given, list) or len(given) != len(declared):
        raise NetValueError("a function's captured arrays are not where they belong")
    return FunctionGraph.from_json(data, [_array(entry, numbers) for entry, numbers in zip(declared, given, strict=True)])


def _array(declared: Any, numbers: Any) -> torch.Tensor:
    """A captured array from its numbers. The count is judged before anything is allocated."""
    name, shape = (declared.get("dtype"), declared.get("shape")) if isinstance(declared, dict) else (None, None)
    dtype = DTYPES.get(name) if isinstance(name, str) else None
    if dtype is None or not isinstance(shape, list) or not isinstance(numbers, list) or not all(map(_is_size, shape)):
        raise NetValueError(f"no captured array: {_short(declared)}")
    if len(numbers) != math.prod(shape):
        raise NetValueError(f"a captured array of shape {tuple(shape)} has {math.prod(shape)} elements, not {len(numbers)}")
    sort = bool if dtype is torch.bool else (int, float) if dtype.is_floating_point else int
    if not all(isinstance(number, sort) and (dtype is torch.bool or not isinstance(number, bool)) for number in numbers):
        raise NetValueError(f"a captured array of {declared['dtype']} holds something else: {_short(numbers)}")
    try:
        return torch.tensor(numbers, dtype=dtype).reshape(shape)
    except (RuntimeError, OverflowError, ValueError) as error:
        raise NetValueError(f"a captured array of {declared['dtype']} holds something else: {_short(numbers)}") from error


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
