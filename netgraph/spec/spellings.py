"""How the operations of the closed list are spelt in Python and torch: functions, tensor methods, operators, and their overloads.

`perform(emit, target, args, keywords)` takes a call as it was written and hands it to `emit(name, *operands)` as one operation (or a few:
`x.chunk(2)` is two slices). The tracer and the writer of code share it; they differ in `emit`. A call outside the list raises `Unlisted`.
"""

import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.fx import Proxy
from torch.fx.proxy import TracerBase
from torch.nn import functional

from netgraph.spec import derived
from netgraph.spec.operations import DTYPES, OPERATIONS, REQUIRED, Operation

Emit = Callable[..., Any]

# Torch takes NumPy's names for these.
_ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "repeats": "dims", "exponent": "other", "mat2": "other", "vec": "other"}

# Arguments that change nothing at these values.
_IDLE = {"out": (None,), "dtype": (None,), "inplace": (False,), "_stacklevel": (3,), "memory_format": (None,), "stable": (False, True),
         "return_indices": (False,), "ignore_index": (-100,)}  # fmt: skip


class Unlisted(Exception):
    """A call that is not in the closed list; the text says which."""


class Recording(TracerBase):
    """What receives the calls made on `Recorded` values; a subclass says in `emit` what becomes of one operation."""

    def emit(self, name: str, *operands: Any) -> Any:
        """One operation of the closed list, with one operand a parameter."""
        raise TypeError(f"{type(self).__name__} does not receive operations")

    def create_proxy(self, kind, target, args, kwargs, *rest, **options):
        return perform(self.emit, target, args, kwargs)


class Recorded(Proxy):
    """A stand-in for a tensor: whatever is called on it goes to its Recording (`tracer`). `node` is what that knows it by."""

    def __init__(self, node: Any, tracer: Any):
        self.node: Any = node
        self.tracer: Any = tracer

    def __getitem__(self, index: Any) -> Any:
        return perform(self.tracer.emit, operator.getitem, (self, index), {})

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tracer = next(part.tracer for part in _flat((args, tuple(kwargs.values()))) if isinstance(part, Recorded))
        name = getattr(function, "__name__", "")
        is_method = function not in _FUNCTIONS and getattr(torch.Tensor, name, None) is function
        return tracer.create_proxy("call_method" if is_method else "call_function", name if is_method else function, args, kwargs)


def _flat(parts: Any) -> Iterator[Any]:
    for part in parts:
        if isinstance(part, list | tuple):
            yield from _flat(part)
        else:
            yield part


def _indices(name: str) -> Callable:
    """What torch gives as values and indices, from two operations."""
    return lambda emit, input, dim: Pair(lambda: emit(name, input, dim), lambda: emit(f"arg{name}", input, dim))


def _slogdet(emit: Emit, A):
    return emit("sign_det", A), emit("logabsdet", A)


class Pair:
    """Values and indices, as `torch.max` and `torch.sort` give; each is recorded when it is asked for."""

    def __init__(self, values: Callable[[], Any], indices: Callable[[], Any]):
        self._parts = (values, indices)

    def __getitem__(self, k: int) -> Any:
        return self._parts[k]()

    def __len__(self) -> int:
        return 2

    @property
    def values(self) -> Any:
        return self[0]

    @property
    def indices(self) -> Any:
        return self[1]


def perform(emit: Emit, target: Callable | str, args: tuple, keywords: dict[str, Any]) -> Any:
    """Hand a call, as it was written, to `emit` as operations of the closed list.

    `target` is a function, or the name of a tensor method.
    """
    rule = _METHODS.get(target) if isinstance(target, str) else _FUNCTIONS.get(target)
    if rule is None:
        raise Unlisted(_describe(target))
    try:
        if callable(rule):
            return rule(emit, *args, **keywords)
        return emit(rule, *_bind(OPERATIONS[rule], args, keywords))
    except _Mismatch as mismatch:
        raise Unlisted(f"{_describe(target)} with {mismatch}") from None


def _describe(target: Callable | str) -> str:
    if isinstance(target, str):
        return f"Tensor.{target}"
    module, name = getattr(target, "__module__", None) or "torch", getattr(target, "__qualname__", repr(target))
    if module.startswith("torch._C") or module == "torch._VariableFunctionsClass" or name.startswith("_VariableFunctionsClass."):
        module, name = "torch", name.rpartition(".")[2]
    return f"{module}.{name}"


class _Mismatch(Exception):
    """Arguments that the operation of the list does not have."""


def _bind(found: Operation, args: tuple, keywords: dict[str, Any]) -> list[Any]:
    """One operand a parameter, from positional and keyword arguments as torch takes them."""
    parameters = found.parameters
    values: dict[str, Any] = {}
    for position, parameter in enumerate(parameters):
        if position >= len(args):
            break
        rest = args[position:]
        if parameter.kind == "integers" and len(rest) > 1 and all(isinstance(part, int) for part in rest) and position == 1:
            spread = len(parameters) == 2 or (
                parameters[position].default is REQUIRED and parameters[position].name in ("dims", "shape", "size")
            )
            if spread:
                values[parameter.name], args = tuple(rest), args[:position]
                break
        values[parameter.name] = args[position]
    if len(args) > len(parameters):
        raise _Mismatch(f"{len(args)} arguments")
    names = {parameter.name for parameter in parameters}
    for word, value in keywords.items():
        name = word if word in names else _ALIASES.get(word, word)
        if name not in names:
            if word in _IDLE and value in _IDLE[word]:
                continue
            raise _Mismatch(f"{word}={value!r}")
        values[name] = value
    operands = []
    for parameter in parameters:
        value = values.get(parameter.name, parameter.default)
        if value is REQUIRED:
            raise _Mismatch(f"no {parameter.name}")
        operands.append(_plain(value, parameter.kind))
    return operands


def _plain(value: Any, kind: str) -> Any:
    if kind in ("integers", "arrays") and isinstance(value, list | tuple | torch.Size):
        return tuple(value)
    if kind == "integers" and isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    return value


def _swapped(name: str) -> Callable:
    return lambda emit, other, input: emit(name, input, other)


def _extremum(binary: str, whole: str, arg: str) -> Callable:
    def rule(emit: Emit, input, dim=None, keepdim=False, *, other=None, axis=None):
        dim = axis if dim is None else dim
        if dim is None and other is None:
            return emit(whole, input, (), False)
        if other is not None or not isinstance(dim, int):
            return emit(binary, input, dim if other is None else other)
        return Pair(lambda: emit(whole, input, (dim,), keepdim), lambda: emit(arg, input, dim, keepdim))

    return rule


def _median(emit: Emit, input, dim=None, keepdim=False):
    if dim is None:
        return emit("lower_median", emit("flatten", input, 0, -1), -1, False)
    return Pair(lambda: emit("lower_median", input, dim, keepdim), lambda: emit("lower_median_index", input, dim, keepdim))


def _sort(emit: Emit, input, dim=-1, descending=False, *, stable=None):
    return Pair(lambda: emit("sort", input, dim, descending), lambda: emit("argsort", input, dim, descending))


def _spread(name: str) -> Callable:
    def rule(emit: Emit, input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None):
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        dim = axis if dim is None else dim
        given = 1 if correction is None else correction
        return emit(name, input, _plain(dim, "integers"), (1 if unbiased else 0) if unbiased is not None else given, keepdim)

    return rule


def _norm(emit: Emit, input, p=2, dim=None, keepdim=False, dtype=None):
    if dtype is not None or (not isinstance(p, int | float) and p != "fro"):
        raise Unlisted(f"torch.norm with p={p!r}, dtype={dtype!r}")
    return emit("norm", input, 2 if p == "fro" else p, _plain(dim, "integers"), keepdim)


def _vector_norm(emit: Emit, x, ord=2, dim=None, keepdim=False, *, dtype=None):
    return _norm(emit, x, ord, dim, keepdim, dtype)


def _clamp_min(emit: Emit, input, min):
    return emit("clamp", input, min, None)


def _clamp_max(emit: Emit, input, max):
    return emit("clamp", input, None, max)


def _masked_fill(emit: Emit, input, mask, value):
    return emit("where", mask, value, input)


def _where_method(emit: Emit, input, condition, other):
    return emit("where", condition, input, other)


def _where(emit: Emit, condition, input, other):
    return emit("where", condition, input, other)


def _index(emit: Emit, input, index):
    return emit("index", input, tuple(index) if isinstance(index, tuple) else (index,))


def _select(emit: Emit, input, dim, index):
    return emit("index", input, _at(input, dim, index))


def _narrow(emit: Emit, input, dim, start, length):
    return emit("index", input, _at(input, dim, slice(start, start + length)))


def _at(input, dim: int, part: int | slice) -> tuple:
    if dim < 0:
        return (Ellipsis, part, *(slice(None),) * (-dim - 1))
    return (*(slice(None),) * dim, part)


def _split(emit: Emit, tensor, split_size_or_sections, dim=0):
    total = tensor.shape[dim]
    sizes = split_size_or_sections
    if isinstance(sizes, int):
        sizes = [min(sizes, total - start) for start in range(0, total, sizes)]
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return tuple(_narrow(emit, tensor, dim, start, size) for start, size in zip(starts, sizes, strict=True))


def _chunk(emit: Emit, input, chunks, dim=0):
    return _split(emit, input, -(-input.shape[dim] // chunks), dim)


def _unbind(emit: Emit, input, dim=0):
    return tuple(_select(emit, input, dim, k) for k in range(input.shape[dim]))


def _shape_of(name: str) -> Callable:
    def rule(emit: Emit, input, *shape):
        sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        return emit(name, input, tuple(sizes))

    return rule


def _expand_as(emit: Emit, input, other):
    return emit("broadcast_to", input, tuple(other.shape))


def _cast(dtype: str) -> Callable:
    return lambda emit, input: emit("to", input, dtype)


def _to(emit: Emit, input, dtype, **keywords):
    if isinstance(dtype, (str, torch.device)):  # another device: a net runs where its data is
        return input
    dtype = dtype if isinstance(dtype, torch.dtype) else getattr(dtype, "dtype", dtype)
    name = next((name for name, known in DTYPES.items() if known is dtype), None)
    if name is None or keywords:
        raise Unlisted(f"Tensor.to({dtype!r})")
    return emit("to", input, name)


def _to_keyword(emit: Emit, input, dtype=None, **keywords):
    return _to(emit, input, dtype, **{word: value for word, value in keywords.items() if value})


def _matrix_transpose(emit: Emit, input):
    return emit("transpose", input, -2, -1)


def _t(emit: Emit, input):
    return emit("transpose", input, 0, 1) if input.dim() > 1 else input


def _reverse_axes(emit: Emit, input):
    return emit("permute", input, tuple(range(input.dim()))[::-1])


def _same(emit: Emit, input):
    return input


def _einsum(emit: Emit, equation, *operands):
    arrays = operands[0] if len(operands) == 1 and isinstance(operands[0], list | tuple) else operands
    return emit("einsum", equation, tuple(arrays))


def _logsumexp(emit: Emit, input, dim, keepdim=False):
    return emit("logsumexp", input, _plain(dim, "integers"), keepdim)


def _softmax(name: str) -> Callable:
    def rule(emit: Emit, input, dim, *, dtype=None, _stacklevel=3):
        if dtype is not None or dim is None:
            raise Unlisted(f"torch.{name} with dim={dim!r}, dtype={dtype!r}")
        return emit(name, input, dim)

    return rule


def _interpolate(emit: Emit, input, size=None, scale_factor=None, mode="nearest", align_corners=None, **keywords):
    if any(keywords.values()):
        raise Unlisted("torch.nn.functional.interpolate with these options")
    if size is None:
        axes = tuple(input.shape)[2:]
        factors = scale_factor if isinstance(scale_factor, (list, tuple)) else [scale_factor] * len(axes)
        size = [int(axis * factor) for axis, factor in zip(axes, factors, strict=True)]
    elif isinstance(size, int):
        size = [size] * (1 if mode == "linear" else input.dim() - 2)
    return emit("interpolate", input, tuple(size), mode, align_corners)


def _floor_divide(emit: Emit, input, other, *, rounding_mode=None):
    if rounding_mode == "trunc":
        return emit("IntegerPart", emit("div", input, other))
    return emit("floor_divide" if rounding_mode else "div", input, other)


def _scaled(name: str) -> Callable:
    def rule(emit: Emit, input, other, *, alpha=1):
        return emit(name, input, other if alpha == 1 else emit("mul", other, alpha))

    return rule


def _formula(function: Callable) -> Callable:
    """A rule that runs a formula of listed operations on the stand-ins, which record them."""
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # a function of torch itself
        parameters = {}
    takes_all = not parameters or any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())

    def rule(emit: Emit, *args, **keywords):
        known = {word: value for word, value in keywords.items() if takes_all or word in parameters}
        for word, value in keywords.items():
            if word not in known and value is not None and value not in _IDLE.get(word, ()):
                raise _Mismatch(f"{word}={value!r}")
        try:
            return function(*args, **known)
        except derived.NotListed as error:
            raise _Mismatch(str(error)) from None

    return rule


def _function_table() -> dict[Callable, str | Callable]:
    table: dict[Callable, str | Callable] = {}
    for name, found in OPERATIONS.items():
        if found.call.startswith("torch."):
            target: Any = torch
            for part in found.call.split(".")[1:]:
                target = getattr(target, part)
            table[target] = name
        elif found.is_infix:
            table[found.function] = name
    table |= {getattr(torch.special, name): name for name in ("expm1", "exp2", "sinc", "xlogy")}
    table |= {
        torch.special.expit: "LogisticSigmoid",
        torch.special.erf: "Erf",
        torch.special.erfc: "Erfc",
        torch.special.erfinv: "InverseErf",
    }
    table |= {torch.special.gammaln: "LogGamma", torch.special.digamma: "digamma", torch.special.logit: "logit"}
    table |= {torch.absolute: "Abs", torch.fix: "IntegerPart", torch.arctan: "ArcTan", torch.arctan2: "atan2", torch.arcsin: "asin"}
    table |= {torch.arccos: "acos", torch.arcsinh: "ArcSinh", torch.arccosh: "acosh", torch.arctanh: "ArcTanh"}
    table |= {torch.negative: "neg", torch.neg: "neg", torch.mul: "mul", torch.multiply: "mul", torch.pow: "pow", torch.true_divide: "div"}
    table |= {torch.floor_divide: "floor_divide", torch.matmul: "matmul", torch.mm: "matmul", torch.bmm: "matmul", torch.mv: "matmul"}
    table |= {torch.dot: "matmul", torch.bitwise_and: "and", torch.bitwise_or: "or", torch.bitwise_xor: "xor", torch.bitwise_not: "not"}
    table |= {getattr(torch, name): name for name in ("eq", "ne", "lt", "le", "gt", "ge")}
    table |= {torch.greater: "gt", torch.less: "lt", torch.greater_equal: "ge", torch.less_equal: "le", torch.not_equal: "ne"}
    table |= {torch.concat: "cat", torch.concatenate: "cat", torch.swapaxes: "transpose", torch.moveaxis: "movedim", torch.det: "det"}
    table |= {torch.inverse: "inv", functional.relu: "Ramp", functional.sigmoid: "LogisticSigmoid", functional.tanh: "Tanh"}
    table |= {operator.abs: "Abs", operator.getitem: _index, operator.pos: _same, torch.clip: "clamp", torch.detach: "detach"}
    table |= {torch.add: _scaled("add"), torch.sub: _scaled("sub"), torch.subtract: _scaled("sub"), torch.div: _floor_divide}
    table |= {torch.max: _extremum("maximum", "amax", "argmax"), torch.min: _extremum("minimum", "amin", "argmin")}
    table |= {torch.median: _median, torch.sort: _sort, torch.std: _spread("std"), torch.var: _spread("var"), torch.norm: _norm}
    table |= {torch.linalg.norm: _vector_norm, torch.linalg.vector_norm: _vector_norm, torch.clamp_min: _clamp_min, torch.where: _where}
    table |= {torch.clamp_max: _clamp_max, torch.masked_fill: _masked_fill, torch.select: _select, torch.narrow: _narrow}
    table |= {torch.split: _split, torch.chunk: _chunk, torch.unbind: _unbind, torch.t: _t, torch.einsum: _einsum}
    table |= {torch.softmax: _softmax("softmax"), functional.softmax: _softmax("softmax"), functional.interpolate: _interpolate}
    table |= {torch.log_softmax: _softmax("log_softmax"), functional.log_softmax: _softmax("log_softmax"), torch.logsumexp: _logsumexp}
    table |= {torch.cummax: _indices("cummax"), torch.cummin: _indices("cummin"), torch.linalg.slogdet: _slogdet, torch.slogdet: _slogdet}
    table |= {
        torch.i0: "i0",
        torch.pinverse: "pinv",
        torch.cholesky: "cholesky",
        torch.matrix_power: "matrix_power",
        torch.matrix_exp: "matrix_exp",
    }
    formulas = {target: _formula(function) for target, function in derived.FORMULAS.items()}
    return {**table, **formulas}


def _method_table() -> dict[str, str | Callable]:
    table: dict[str, str | Callable] = {}
    for function, rule in _function_table().items():
        name = getattr(function, "__name__", "")
        if name and hasattr(torch.Tensor, name) and getattr(torch, name, None) is function:
            table[name] = rule
    signs = {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow", "floordiv": "floor_divide", "mod": "Mod",
             "matmul": "matmul", "and": "and", "or": "or", "xor": "xor"}  # fmt: skip
    for word, name in signs.items():
        table[f"__{word}__"], table[f"__r{word}__"] = name, _swapped(name)
    table |= {f"__{name}__": name for name in ("eq", "ne", "lt", "le", "gt", "ge", "neg")}
    table |= {"__abs__": "Abs", "__invert__": "not", "__getitem__": _index, "__rdiv__": _swapped("div"), "rsub": _swapped("sub")}
    table |= {"view": _shape_of("reshape"), "reshape": _shape_of("reshape"), "expand": _shape_of("broadcast_to"), "repeat": "tile"}
    table |= {"view_as": "reshape_as", "reshape_as": "reshape_as", "expand_as": _expand_as, "where": _where_method, "norm": _norm}
    table |= {"float": _cast("float32"), "double": _cast("float64"), "half": _cast("float16"), "bfloat16": _cast("bfloat16")}
    table |= {"bool": _cast("bool"), "int": _cast("int32"), "long": _cast("int64"), "to": _to_keyword, "type_as": _to}
    table |= {name: _formula(function) for name, function in derived.METHODS.items()}
    table |= {"mT": _matrix_transpose, "T": _reverse_axes, "t": _t, "clone": _same, "contiguous": _same, "relu": "Ramp"}
    table |= {"sigmoid": "LogisticSigmoid", "det": "det", "inverse": "inv", "unflatten": "unflatten", "detach": "detach"}
    return table


_FUNCTIONS = _function_table()
_METHODS = _method_table()
_FUNCTIONS[operator.mod] = "Mod"
