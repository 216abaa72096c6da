"""The closed list of operations that a traced function may contain.

A traced function is data: it may be printed, hashed, stored in a file and run by somebody else. So it consists of names of this list and
nothing besides. An operation is either one call of torch (`call` says which) or *composite*: a formula of `definitions` made of such
calls. Its axis rule says what it does to the axes of its arrays, from which batching and masks follow:

    elementwise   each element of the result depends on the elements at the same place
    reduces       some axes are summed up and disappear
    moves         elements are rearranged, none is changed
    mixes         elements along some axes are combined

Operations that are also a symbol of the Wolfram Language bear that symbol's name ("Tanh"), the others torch's ("logsumexp").
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from netgraph.errors import NetNameError, did_you_mean
from netgraph.spec import definitions

AxisRule = Literal["elementwise", "reduces", "moves", "mixes"]

REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "required"})()

DTYPES = {name: getattr(torch, name) for name in ("bool", "int32", "int64", "bfloat16", "float16", "float32", "float64")}


@dataclass(frozen=True, slots=True)
class Ref:
    """What an operand refers to: an "input" of the function, the result of a "node", or a "constant" array, by index.

    While a function is recorded, also a learned "array" or the "result" of a net that it calls; both become inputs.
    """

    kind: Literal["input", "node", "constant", "array", "result"]
    index: int


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_index_part(value: object) -> bool:
    if isinstance(value, slice):
        return all(part is None or _is_integer(part) for part in (value.start, value.stop, value.step))
    return value is None or value is Ellipsis or _is_integer(value) or isinstance(value, Ref)


_KINDS: dict[str, Callable[[object], bool]] = {
    "array": lambda value: isinstance(value, Ref),
    "value": lambda value: isinstance(value, Ref | bool | int | float),
    "arrays": lambda value: isinstance(value, tuple) and len(value) > 0 and all(isinstance(part, Ref) for part in value),
    "integer": _is_integer,
    "integers": lambda value: isinstance(value, tuple) and all(map(_is_integer, value)),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "text": lambda value: isinstance(value, str),
    "dtype": lambda value: isinstance(value, str) and value in DTYPES,
    "index": lambda value: isinstance(value, tuple) and all(map(_is_index_part, value)),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an operation: its name, its kind (a key of the table above) and its default, if it has one."""

    name: str
    kind: str
    default: Any = REQUIRED

    def accepts(self, value: object) -> bool:
        """Whether a value is of this parameter's kind; None is if it is the default."""
        return (value is None and self.default is None) or _KINDS[self.kind](value)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the closed list.

    `name` is stable, it stands in files. `function` computes it from torch tensors. `call` is the text with which generated code calls
    it: "torch.exp", a method (".to"), an operator ("+"), "[]" for an index, or "" for a composite, whose `function` is written out.
    `part` is the field to take where torch returns several ("values").

    >>> operation("Tanh").call, operation("Gudermannian").is_composite
    ('torch.tanh', True)
    """

    name: str
    function: Callable
    parameters: tuple[Parameter, ...]
    axes: AxisRule
    call: str
    part: str = ""

    @property
    def is_composite(self) -> bool:
        return not self.call

    @property
    def is_infix(self) -> bool:
        return bool(self.call) and not self.call[0].isalpha() and self.call[0] not in ".["

    def run(self, *operands: Any) -> Any:
        """The result on tensors; one operand a parameter."""
        required, optional = self.arguments(operands)
        return self.function(*required, **optional)

    def arguments(self, operands: tuple) -> tuple[list, dict[str, Any]]:
        """The operands as positional and keyword arguments of `function`; defaults are left out."""
        required, optional = [], {}
        for parameter, operand in zip(self.parameters, operands, strict=True):
            if parameter.default is REQUIRED:
                required.append(operand)
            elif type(operand) is not type(parameter.default) or operand != parameter.default:
                if parameter.name == "keepdim":
                    # torch has no overload with keepdim alone
                    optional["dim"] = operands[[p.name for p in self.parameters].index("dim")]
                optional[parameter.name] = operand
        return required, optional


def operation(name: str) -> Operation:
    """The operation of that name; NetNameError, with the nearest names, if there is none.

    >>> operation("logsumexp").axes
    'reduces'
    """
    found = OPERATIONS.get(name)
    if found is None:
        raise NetNameError(f'there is no operation "{name}"; {did_you_mean(name, list(OPERATIONS))}')
    return found


def _dtype_cast(input, dtype):
    return input.to(DTYPES[dtype])


def _index(input, index):
    return input[index]


def _torch_function(path: str) -> Callable:
    found: Any = torch
    for part in path.removeprefix("torch.").split("."):
        found = getattr(found, part)
    return found


def _parameter(text: str) -> tuple[str, str]:
    name, _, kind = text.partition(":")
    return name, kind or "array"


def _make(name: str, call: str | Callable, axes: AxisRule, required: str, optional: dict[str, tuple[str, Any]] | None = None) -> Operation:
    function = call if callable(call) else _SPECIAL[call] if call in _SPECIAL else _torch_function(call)
    parameters = [Parameter(*_parameter(word)) for word in required.split()]
    parameters += [Parameter(word, kind, default) for word, (kind, default) in (optional or {}).items()]
    return Operation(name, function, tuple(parameters), axes, "" if callable(call) else call)


def _part(
    name: str, call: str, axes: AxisRule, required: str, optional: dict[str, tuple[str, Any]] | None = None, part: str = "values"
) -> Operation:
    whole = _make(name, call, axes, required, optional)
    function = whole.function

    def one(*args, **keywords):
        return getattr(function(*args, **keywords), part)

    return replace(whole, function=one, part=part)


_SPECIAL: dict[str, Callable] = {
    ".to": _dtype_cast,
    ".detach": torch.Tensor.detach,
    ".reshape_as": torch.Tensor.reshape_as,
    "[]": _index,
}


def _operators() -> list[Operation]:
    symbols = {
        "add": ("+", operator.add), "sub": ("-", operator.sub), "mul": ("*", operator.mul), "div": ("/", operator.truediv),
        "pow": ("**", operator.pow), "floor_divide": ("//", operator.floordiv), "eq": ("==", operator.eq), "ne": ("!=", operator.ne),
        "lt": ("<", operator.lt), "le": ("<=", operator.le), "gt": (">", operator.gt), "ge": (">=", operator.ge),
        "and": ("&", operator.and_), "or": ("|", operator.or_), "xor": ("^", operator.xor),
    }  # fmt: skip
    both = (Parameter("input", "value"), Parameter("other", "value"))
    found = [Operation(name, function, both, "elementwise", sign) for name, (sign, function) in symbols.items()]
    one = (Parameter("input", "array"),)
    found.append(Operation("neg", operator.neg, one, "elementwise", "-"))
    found.append(Operation("not", operator.invert, one, "elementwise", "~"))
    found.append(Operation("matmul", operator.matmul, (one[0], Parameter("other", "array")), "mixes", "@"))
    return found


def _elementwise() -> list[Operation]:
    symbols = (
        "Ramp=relu LogisticSigmoid=sigmoid Sin=sin Cos=cos Tan=tan Sinh=sinh Cosh=cosh Tanh=tanh ArcTan=atan ArcSinh=asinh "
        "ArcTanh=atanh Log=log Exp=exp Abs=abs LogGamma=lgamma Erf=erf Erfc=erfc InverseErf=erfinv Round=round Floor=floor "
        "Ceiling=ceil Sign=sign FractionalPart=frac IntegerPart=trunc SELU=nn.functional.selu Swish=nn.functional.silu "
        "Mish=nn.functional.mish HardSwish=nn.functional.hardswish SoftSign=nn.functional.softsign"
    )
    plain = (
        "sqrt rsqrt reciprocal square asin acos acosh log2 log10 log1p exp2 expm1 digamma sinc deg2rad rad2deg logical_not isnan isinf "
        "isfinite zeros_like ones_like special.ndtri special.i0 special.log_ndtr "
        "nn.functional.logsigmoid nn.functional.relu6 nn.functional.hardsigmoid "
        "nn.functional.tanhshrink"
    )
    pairs = "maximum minimum hypot logaddexp atan2 copysign logical_and logical_or logical_xor"
    found = [_make(name, f"torch.{path}", "elementwise", "input") for name, path in (word.split("=") for word in symbols.split())]
    found += [_make(path.rpartition(".")[2], f"torch.{path}", "elementwise", "input") for path in plain.split()]
    found += [_make(name, f"torch.{name}", "elementwise", "input other") for name in pairs.split()]
    number = "number"
    one = "input"
    functional = "torch.nn.functional."
    found += [
        _make("detach", ".detach", "elementwise", one),
        _make("to", ".to", "elementwise", "input dtype:dtype"),
        _make("Mod", "torch.remainder", "elementwise", "input:value other:value"),
        _make("fmod", "torch.fmod", "elementwise", "input other:value"),
        _make("xlogy", "torch.xlogy", "elementwise", "input:value other:value"),
        _make("where", "torch.where", "elementwise", "condition input:value other:value"),
        _make("lerp", "torch.lerp", "elementwise", "input end weight:value"),
        _make("clamp", "torch.clamp", "elementwise", one, {"min": ("value", None), "max": ("value", None)}),
        _make("full_like", "torch.full_like", "elementwise", "input fill_value:number"),
        _make("nan_to_num", "torch.nan_to_num", "elementwise", one, dict.fromkeys(("nan", "posinf", "neginf"), (number, None))),
        _make("logit", "torch.logit", "elementwise", one, {"eps": (number, None)}),
        _make("GELU", functional + "gelu", "elementwise", one, {"approximate": ("text", "none")}),
        _make("ELU", functional + "elu", "elementwise", one, {"alpha": (number, 1.0)}),
        _make("celu", functional + "celu", "elementwise", one, {"alpha": (number, 1.0)}),
        _make("leaky_relu", functional + "leaky_relu", "elementwise", one, {"negative_slope": (number, 0.01)}),
        _make("softshrink", functional + "softshrink", "elementwise", one, {"lambd": (number, 0.5)}),
        _make("hardshrink", functional + "hardshrink", "elementwise", one, {"lambd": (number, 0.5)}),
        _make("threshold", functional + "threshold", "elementwise", "input threshold:number value:number"),
        _make("softplus", functional + "softplus", "elementwise", one, {"beta": (number, 1.0), "threshold": (number, 20.0)}),
        _make("HardTanh", functional + "hardtanh", "elementwise", one, {"min_val": (number, -1.0), "max_val": (number, 1.0)}),
    ]
    composite = {
        "Sqrt": definitions.sqrt, "CubeRoot": definitions.cube_root, "Cot": definitions.cot, "Sec": definitions.sec,
        "Csc": definitions.csc, "ArcSin": definitions.arc_sin, "ArcCos": definitions.arc_cos, "ArcCot": definitions.arc_cot,
        "ArcSec": definitions.arc_sec, "ArcCsc": definitions.arc_csc, "Coth": definitions.coth, "Sech": definitions.sech,
        "Csch": definitions.csch, "ArcCosh": definitions.arc_cosh, "ArcCoth": definitions.arc_coth, "ArcSech": definitions.arc_sech,
        "ArcCsch": definitions.arc_csch, "Haversine": definitions.haversine, "InverseHaversine": definitions.inverse_haversine,
        "Gudermannian": definitions.gudermannian, "InverseGudermannian": definitions.inverse_gudermannian, "Gamma": definitions.gamma,
        "InverseErfc": definitions.inverse_erfc, "Unitize": definitions.unitize, "KroneckerDelta": definitions.kronecker_delta,
        "HardSigmoid": definitions.hard_sigmoid, "SoftPlus": definitions.soft_plus,
    }  # fmt: skip
    found += [_make(name, function, "elementwise", one) for name, function in composite.items()]
    found += [
        _make("Max", definitions.larger, "elementwise", "input:value other:value"),
        _make("Min", definitions.smaller, "elementwise", "input:value other:value"),
        _make("Surd", definitions.surd, "elementwise", "input:value n:value"),
        _make("Angle", definitions.angle, "elementwise", "x:value y:value"),
        _make("Clip", definitions.clip, "elementwise", "input low:value high:value below:value above:value"),
        _make("HardThreshold", definitions.threshold_hard, "elementwise", "input size:value"),
        _make("SoftThreshold", definitions.threshold_soft, "elementwise", "input size:value"),
        _make("Chop", definitions.chop, "elementwise", "input size:value"),
    ]
    return found


def _over_axes() -> list[Operation]:
    dims, dim, keep = {"dim": ("integers", None)}, {"dim": ("integer", None)}, {"keepdim": ("boolean", False)}
    one, last = {"dim": ("integer", -1)}, {"dim": ("integers", (-1,))}
    found = [_make(name, f"torch.{name}", "reduces", "input", dims | keep) for name in ("sum", "mean", "nanmean", "nansum", "all", "any")]
    found += [_make(name, f"torch.{name}", "reduces", "input", {"dim": ("integers", ())} | keep) for name in ("amax", "amin")]
    found += [_make(name, f"torch.{name}", "reduces", "input", dims | {"correction": ("number", 1)} | keep) for name in ("var", "std")]
    found += [_make(name, f"torch.{name}", "reduces", "input", dim | keep) for name in ("argmax", "argmin")]
    found += [
        _make("prod", "torch.prod", "reduces", "input", dim | keep),
        _make("count_nonzero", "torch.count_nonzero", "reduces", "input", dims),
        _make("logsumexp", "torch.logsumexp", "reduces", "input dim:integers", keep),
        _make("norm", "torch.linalg.vector_norm", "reduces", "input", {"ord": ("number", 2)} | dims | keep),
        _make("quantile", "torch.quantile", "reduces", "input q:number", dim | keep),
        _make("nanquantile", "torch.nanquantile", "reduces", "input q:number", dim | keep),
        _make("cosine_similarity", "torch.nn.functional.cosine_similarity", "reduces", "input other", {"dim": ("integer", 1)}),
        _make("trace", "torch.trace", "reduces", "input"),
        _make("det", "torch.linalg.det", "reduces", "input"),
        _part("lower_median", "torch.median", "reduces", "input dim:integer", keep),
        _part("lower_median_index", "torch.median", "reduces", "input dim:integer", keep, part="indices"),
        _make("Median", definitions.median, "reduces", "input", dims),
        _make("MeanDeviation", definitions.mean_deviation, "reduces", "input", dims),
        _make("StandardDeviation", definitions.standard_deviation, "reduces", "input", dims),
        _make("InterquartileRange", definitions.interquartile_range, "reduces", "input", dims),
        _make("EuclideanDistance", definitions.euclidean_distance, "reduces", "input other", last),
        _make("SquaredEuclideanDistance", definitions.squared_euclidean_distance, "reduces", "input other", last),
        _make("ManhattanDistance", definitions.manhattan_distance, "reduces", "input other", last),
        _make("CosineDistance", definitions.cosine_distance, "reduces", "input other", last),
    ]
    found += [_make(name, f"torch.{name}", "mixes", "input dim:integer") for name in ("cumsum", "cumprod", "logcumsumexp")]
    found += [_make(name, f"torch.{name}", "mixes", "input dim:integer") for name in ("softmax", "log_softmax")]
    found += [
        _part("sort", "torch.sort", "mixes", "input", one | {"descending": ("boolean", False)}),
        _make("argsort", "torch.argsort", "mixes", "input", one | {"descending": ("boolean", False)}),
        _make("einsum", "torch.einsum", "mixes", "equation:text operands:arrays"),
        _make("tensordot", "torch.tensordot", "mixes", "input other", {"dims": ("integer", 2)}),
        _make("outer", "torch.outer", "mixes", "input other"),
        _make("linear", "torch.nn.functional.linear", "mixes", "input weight", {"bias": ("array", None)}),
        _make("inv", "torch.linalg.inv", "mixes", "input"),
        _make("cross", "torch.linalg.cross", "mixes", "input other", one),
        _make("cdist", "torch.cdist", "mixes", "x1 x2", {"p": ("number", 2.0)}),
        _make("take_along_dim", "torch.take_along_dim", "mixes", "input indices", dim),
        _make("index_select", "torch.index_select", "mixes", "input dim:integer index"),
        *(_part(name, f"torch.{name}", "mixes", "input dim:integer") for name in ("cummax", "cummin")),
        *(_part(f"arg{name}", f"torch.{name}", "mixes", "input dim:integer", part="indices") for name in ("cummax", "cummin")),
        _make("gather", "torch.gather", "mixes", "input dim:integer index"),
        _make("scatter", "torch.scatter", "mixes", "input dim:integer index src"),
        _make("scatter_add", "torch.scatter_add", "mixes", "input dim:integer index src"),
        _make("index_add", "torch.index_add", "mixes", "input dim:integer index source"),
        *(_make(name, f"torch.linalg.{name}", "mixes", "input") for name in ("pinv", "cholesky", "eigvalsh", "svdvals")),
        _make("solve", "torch.linalg.solve", "mixes", "input other"),
        _make("matrix_power", "torch.linalg.matrix_power", "mixes", "input n:integer"),
        _make("matrix_exp", "torch.linalg.matrix_exp", "mixes", "input"),
        _part("logabsdet", "torch.linalg.slogdet", "reduces", "input", part="logabsdet"),
        _part("sign_det", "torch.linalg.slogdet", "reduces", "input", part="sign"),
        _make("one_hot", "torch.nn.functional.one_hot", "mixes", "input num_classes:integer"),
    ]
    return found


def _moves() -> list[Operation]:
    rows = [
        ("reshape", "input shape:integers", {}),
        ("broadcast_to", "input size:integers", {}),
        ("tile", "input dims:integers", {}),
        ("transpose", "input dim0:integer dim1:integer", {}),
        ("permute", "input dims:integers", {}),
        ("movedim", "input source:integers destination:integers", {}),
        ("flip", "input dims:integers", {}),
        ("roll", "input shifts:integers", {"dims": ("integers", ())}),
        ("flatten", "input", {"start_dim": ("integer", 0), "end_dim": ("integer", -1)}),
        ("unflatten", "input dim:integer sizes:integers", {}),
        ("unsqueeze", "input dim:integer", {}),
        ("squeeze", "input", {"dim": ("integers", None)}),
        ("repeat_interleave", "input repeats:integer", {"dim": ("integer", None)}),
        ("cat", "tensors:arrays", {"dim": ("integer", 0)}),
        ("stack", "tensors:arrays", {"dim": ("integer", 0)}),
        ("diagonal", "input", {"offset": ("integer", 0), "dim1": ("integer", 0), "dim2": ("integer", 1)}),
        ("diag_embed", "input", {"offset": ("integer", 0), "dim1": ("integer", -2), "dim2": ("integer", -1)}),
        ("tril", "input", {"diagonal": ("integer", 0)}),
        ("triu", "input", {"diagonal": ("integer", 0)}),
    ]
    found = [_make(name, f"torch.{name}", "moves", required, optional) for name, required, optional in rows]
    padding = {"mode": ("text", "constant"), "value": ("number", None)}
    found += [
        _make("index", "[]", "moves", "input index:index"),
        _make("reshape_as", ".reshape_as", "moves", "input other"),
        _make("pad", "torch.nn.functional.pad", "moves", "input pad:integers", padding),
        _make(
            "interpolate", "torch.nn.functional.interpolate", "mixes", "input",
            {"size": ("integers", None), "mode": ("text", "nearest"), "align_corners": ("boolean", None)},
        ),
    ]  # fmt: skip
    return found


def _spatial() -> list[Operation]:
    integers, functional = "integers", "torch.nn.functional."
    one, nothing = (integers, (1,)), (integers, (0,))
    convolution = {"bias": ("array", None), "stride": one, "padding": nothing, "dilation": one, "groups": ("integer", 1)}
    ends = {"stride": (integers, None), "padding": nothing}
    greatest = {"dilation": one, "ceil_mode": ("boolean", False)}
    average = {"ceil_mode": ("boolean", False), "count_include_pad": ("boolean", True)}
    found = []
    for rank in (1, 2, 3):
        found += [
            _make(f"conv{rank}d", f"{functional}conv{rank}d", "mixes", "input weight", convolution),
            _make(f"max_pool{rank}d", f"{functional}max_pool{rank}d", "mixes", "input kernel_size:integers", ends | greatest),
            _make(f"avg_pool{rank}d", f"{functional}avg_pool{rank}d", "mixes", "input kernel_size:integers", ends | average),
            _make(f"adaptive_avg_pool{rank}d", f"{functional}adaptive_avg_pool{rank}d", "mixes", "input output_size:integers"),
        ]
    return found


OPERATIONS: dict[str, Operation] = {
    found.name: found for part in (_operators, _elementwise, _over_axes, _moves, _spatial) for found in part()
}


def is_number(value: object) -> bool:
    """Whether a value is a plain number or truth value, as an operand may be."""
    return isinstance(value, bool | int | float)
