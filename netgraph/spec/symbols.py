"""Wolfram's symbols as values: `Ramp`, `Tanh`, `Plus`, `Mean`, ... and the named activations ("GELU", "Swish", ...).

A symbol can be handed to a layer (`ElementwiseLayer(Ramp)`), written in a chain, and called: on a tensor it gives a tensor, on a Python
number a number, on NumPy arrays NumPy arrays, and inside a traced function it is recorded as one operation.
Formulas are Wolfram's: `Round` ties to even, `Mod` has the sign of its second argument, `CubeRoot` and `Surd` are real odd roots,
`ArcTan(x, y)` is the angle of the point (x, y), `Variance` divides by n - 1.
"""

import math
from collections.abc import Callable, Iterable
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy
import torch
from torch.fx import Proxy

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.spec.arrays import NetArray
from netgraph.spec.operations import OPERATIONS, is_number

__all__ = [
    "Abs", "And", "ArcCos", "ArcCosh", "ArcCot", "ArcCoth", "ArcCsc", "ArcCsch", "ArcSec", "ArcSech", "ArcSin", "ArcSinh", "ArcTan",
    "ArcTanh", "Ceiling", "Chop", "Clip", "Cos", "Cosh", "CosineDistance", "Cot", "Coth", "Csc", "Csch", "CubeRoot", "Divide", "Equal",
    "Erf", "Erfc", "EuclideanDistance", "Exp", "Floor", "FractionalPart", "Gamma", "Greater", "GreaterEqual", "Gudermannian",
    "Haversine", "If", "IntegerPart", "InterquartileRange", "InverseErf", "InverseErfc", "InverseGudermannian", "InverseHaversine",
    "KroneckerDelta", "Less", "LessEqual", "Log", "LogGamma", "LogisticSigmoid", "ManhattanDistance", "Max", "Mean", "MeanDeviation",
    "Median", "Min", "Mod", "Negative", "NonNegative", "NonPositive", "Not", "Or", "Piecewise", "Plus", "Positive", "PossibleZeroQ",
    "Power", "Ramp", "Round", "Sec", "Sech", "Sign", "Sin", "Sinh", "Sqrt", "SquaredEuclideanDistance", "StandardDeviation", "Subtract",
    "Surd", "Tan", "Tanh", "Threshold", "Times", "Total", "Unequal", "Unitize", "Variance", "Which",
]  # fmt: skip

SYMBOLS: dict[str, "Symbol"] = {}

_ALIASES: dict[str, str] = {}


class Symbol:
    """A function of the Wolfram Language, known by its name.

    `name` is Wolfram's, `formula` a line of text (it is also the docstring), `arity` the number of arguments, or None where it varies
    (`takes(n)` answers for a given n). Equal and hashed by name, immutable, printed as the bare name. A wrong number of arguments is a
    NetTypeError. Made only by this module.

    >>> Ramp, Ramp(-2.0), Gudermannian(0)
    (Ramp, 0.0, 0.0)
    >>> Ramp(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    __slots__ = ("__dict__",)

    name: str
    formula: str
    least: int
    most: int | None
    takes_arrays: bool
    _apply: Callable

    def __init__(self, name: str, formula: str, apply: Callable, least: int = 1, most: int | None = 1, takes_arrays: bool = False):
        self.__dict__.update(name=name, formula=formula, least=least, most=most, takes_arrays=takes_arrays, _apply=apply)
        self.__dict__["__doc__"] = formula
        SYMBOLS[name] = self

    @property
    def arity(self) -> int | None:
        """The number of arguments, or None where several numbers are possible."""
        return self.least if self.least == self.most else None

    def takes(self, count: int) -> bool:
        """Whether the symbol can be called with that many arguments."""
        return self.least <= count and (self.most is None or count <= self.most)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if not self.takes(len(args)):
            raise NetTypeError(f"{self.name} takes {self._count()}, {len(args)} given", origins=[(self.name, self.formula)])
        if any(isinstance(arg, torch.Tensor | Proxy | NetArray) for arg in _parts(args)):
            return self._apply(*args, **keywords)
        if self.takes_arrays:
            args = tuple(numpy.asarray(arg, dtype=float) if isinstance(arg, list | tuple) else arg for arg in args)
        result = self._apply(*map(_as_tensor, args), **keywords)
        if not isinstance(result, torch.Tensor):
            return result
        numeric = not any(isinstance(arg, numpy.ndarray) for arg in _parts(args)) or (self.takes_arrays and result.ndim == 0)
        return result.item() if numeric else result.numpy()

    def _count(self) -> str:
        if self.least == self.most:
            return f"{self.least} argument" + "s" * (self.least != 1)
        return f"{self.least} or more arguments" if self.most is None else f"{self.least} to {self.most} arguments"

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return self.name == other.name if isinstance(other, Symbol) else NotImplemented

    def __hash__(self) -> int:
        return hash((Symbol, self.name))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self.name} is a symbol, it cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{self.name} is a symbol, it cannot be changed")

    def __copy__(self) -> "Symbol":
        return self

    def __deepcopy__(self, memo: dict) -> "Symbol":
        return self

    def __reduce__(self):
        return (symbol, (self.name,))


def symbol(name: str) -> Symbol:
    """The symbol or named activation of that name; both spellings of an activation give the same symbol.

    An unknown name is a NetNameError that lists the nearest names.

    >>> symbol("ReLU") is Ramp, symbol("ExponentialLinearUnit")
    (True, ELU)
    """
    found = SYMBOLS.get(_ALIASES.get(name, name)) if isinstance(name, str) else None
    if found is None:
        raise NetNameError(f"there is no function {name!r}; {did_you_mean(name, [*SYMBOLS, *_ALIASES])}".replace("'", '"'))
    return found


def _parts(args: Iterable[Any]) -> Iterable[Any]:
    for arg in args:
        if isinstance(arg, list | tuple):
            yield from _parts(arg)
        else:
            yield arg


def _as_tensor(arg: Any) -> Any:
    if isinstance(arg, bool | numpy.bool_):
        return torch.tensor(bool(arg))
    if isinstance(arg, int | float | numpy.number):
        return torch.tensor(float(arg), dtype=torch.float64)
    return torch.from_numpy(arg) if isinstance(arg, numpy.ndarray) else arg


def _do(name: str, *operands: Any) -> Any:
    """One operation of the closed list, done on tensors or recorded from proxies."""
    for operand in operands:
        emit = getattr(operand.tracer, "emit", None) if isinstance(operand, Proxy) else None
        if emit is not None:
            return emit(name, *operands)
    return OPERATIONS[name].run(*operands)


def _operation_symbol(name: str, formula: str, optional: tuple = (), operation: str | None = None) -> Symbol:
    return Symbol(name, formula, lambda x: _do(operation or name, x, *optional))


def _both_numbers(*args: Any) -> bool:
    return all(map(is_number, args))


def _two_by_two(name: str) -> Callable:
    def apply(*args):
        if not args:
            return -math.inf if name == "Max" else math.inf
        return reduce(lambda a, b: (max if name == "Max" else min)(a, b) if _both_numbers(a, b) else _do(name, a, b), args)

    return apply


def _arithmetic(name: str, empty: float | None = None) -> Callable:
    combine = OPERATIONS[name].function

    def apply(*args):
        return reduce(combine, args) if args else empty

    return apply


def _surd(x, n):
    return _do("Surd", x, n)


def _mod(m, n, d=0):
    return _do("Mod", m, n) if is_number(d) and d == 0 else d + _do("Mod", m - d, n)


def _clip(x, bounds=(-1.0, 1.0), outside=None):
    if not isinstance(bounds, tuple | list):
        if outside is None:
            raise NetTypeError("Clip takes both ends of an interval, or none", fix="Clip(x, (a, b)), or Clip(x, a, b) for arrays")
        bounds, outside = (bounds, outside), None
    low, high = bounds
    if outside is None:
        # bounds that are both numbers, or both arrays, are one clamp
        if is_number(low) == is_number(high):
            return _do("clamp", x, low, high)
        return Max(low, Min(x, high))
    below, above = outside
    return _do("Clip", x, low, high, below, above)


def _threshold(x, spec=1e-10):
    kind, size = spec if isinstance(spec, tuple | list) else ("Hard", spec)
    if kind not in ("Hard", "Soft"):
        raise NetTypeError(f'Threshold: {kind!r} is no threshold function; it is "Hard" or "Soft"')
    return _do(f"{kind}Threshold", x, size)


def _chop(x, size=1e-10):
    return _do("Chop", x, size)


def _arc_tan(x, y=None):
    return _do("ArcTan", x) if y is None else _do("Angle", x, y)


def _erf(a, b=None):
    if b is None:
        return math.erf(a) if is_number(a) else _do("Erf", a)
    return _erf(b) - _erf(a)


def _if(condition, yes, no):
    if isinstance(condition, bool):
        return yes if condition else no
    return _do("where", condition, yes, no)


def _which(*args):
    if len(args) % 2:
        raise NetTypeError("Which takes pairs of a condition and a value", fix="Which(x < 0, a, True, b)")
    return _piecewise([(args[k + 1], args[k]) for k in range(0, len(args), 2)], math.nan)


def _piecewise(pieces, default=0.0):
    result = default
    for value, condition in reversed(list(pieces)):
        result = _if(condition, value, result)
    return result


def _logic(name: str, empty: bool) -> Callable:
    combine = OPERATIONS[name].function

    def apply(*args):
        # Python's own truth values are decided here, so that And(True, c) is c
        open_ones = [arg for arg in args if not isinstance(arg, bool)]
        if any(arg is not empty for arg in args if isinstance(arg, bool)):
            return not empty
        return reduce(combine, open_ones) if open_ones else empty

    return apply


def _comparison(name: str) -> Callable:
    compare = OPERATIONS[name].function

    def apply(*args):
        return reduce(OPERATIONS["and"].function, [compare(a, b) for a, b in pairwise(args)])

    return apply


def _unequal(*args):
    pairs = [args[i] != args[j] for i in range(len(args)) for j in range(i + 1, len(args))]
    return reduce(OPERATIONS["and"].function, pairs)


def _axes(axis: int | Iterable[int] | None) -> tuple[int, ...] | None:
    return (axis,) if isinstance(axis, int) else None if axis is None else tuple(axis)


def _aggregation(name: str, formula: str, operation: str, tail: tuple = ()) -> Symbol:
    return Symbol(name, formula, lambda x, axis=0: _do(operation, x, _axes(axis), *tail), takes_arrays=True)


def _distance(name: str, formula: str) -> Symbol:
    return Symbol(name, formula, lambda u, v, axis=-1: _do(name, u, v, _axes(axis)), 2, 2, takes_arrays=True)


Ramp = _operation_symbol("Ramp", "Ramp(x) = max(x, 0)")
LogisticSigmoid = _operation_symbol("LogisticSigmoid", "LogisticSigmoid(x) = 1 / (1 + exp(-x))")
Sin = _operation_symbol("Sin", "Sin(x), x in radians")
Cos = _operation_symbol("Cos", "Cos(x), x in radians")
Tan = _operation_symbol("Tan", "Tan(x) = Sin(x) / Cos(x)")
Cot = _operation_symbol("Cot", "Cot(x) = Cos(x) / Sin(x)")
Sec = _operation_symbol("Sec", "Sec(x) = 1 / Cos(x)")
Csc = _operation_symbol("Csc", "Csc(x) = 1 / Sin(x)")
ArcSin = _operation_symbol("ArcSin", "ArcSin(x), the angle in [-pi/2, pi/2] with sine x, for -1 <= x <= 1")
ArcCos = _operation_symbol("ArcCos", "ArcCos(x), the angle in [0, pi] with cosine x, for -1 <= x <= 1")
ArcTan = Symbol("ArcTan", "ArcTan(x), the angle with tangent x; ArcTan(x, y) = atan2(y, x), the angle of the point (x, y)", _arc_tan, 1, 2)
ArcCot = _operation_symbol("ArcCot", "ArcCot(x) = ArcTan(1 / x), in (-pi/2, pi/2]")
ArcSec = _operation_symbol("ArcSec", "ArcSec(x) = ArcCos(1 / x), for abs(x) >= 1")
ArcCsc = _operation_symbol("ArcCsc", "ArcCsc(x) = ArcSin(1 / x), for abs(x) >= 1")
Sinh = _operation_symbol("Sinh", "Sinh(x) = (exp(x) - exp(-x)) / 2")
Cosh = _operation_symbol("Cosh", "Cosh(x) = (exp(x) + exp(-x)) / 2")
Tanh = _operation_symbol("Tanh", "Tanh(x) = Sinh(x) / Cosh(x)")
Coth = _operation_symbol("Coth", "Coth(x) = 1 / Tanh(x)")
Sech = _operation_symbol("Sech", "Sech(x) = 1 / Cosh(x)")
Csch = _operation_symbol("Csch", "Csch(x) = 1 / Sinh(x)")
ArcSinh = _operation_symbol("ArcSinh", "ArcSinh(x) = Log(x + Sqrt(x^2 + 1))")
ArcCosh = _operation_symbol("ArcCosh", "ArcCosh(x) = Log(x + Sqrt(x^2 - 1)), for x >= 1")
ArcTanh = _operation_symbol("ArcTanh", "ArcTanh(x) = Log((1 + x) / (1 - x)) / 2, for -1 < x < 1")
ArcCoth = _operation_symbol("ArcCoth", "ArcCoth(x) = ArcTanh(1 / x), for abs(x) > 1")
ArcSech = _operation_symbol("ArcSech", "ArcSech(x) = ArcCosh(1 / x), for 0 < x <= 1")
ArcCsch = _operation_symbol("ArcCsch", "ArcCsch(x) = ArcSinh(1 / x)")
Haversine = _operation_symbol("Haversine", "Haversine(x) = (1 - Cos(x)) / 2")
InverseHaversine = _operation_symbol("InverseHaversine", "InverseHaversine(z) = 2 ArcSin(Sqrt(z)), for 0 <= z <= 1")
Gudermannian = _operation_symbol("Gudermannian", "Gudermannian(x) = 2 ArcTan(Tanh(x / 2))")
InverseGudermannian = _operation_symbol("InverseGudermannian", "InverseGudermannian(z) = 2 ArcTanh(Tan(z / 2))")
Log = _operation_symbol("Log", "Log(x), the natural logarithm")
Exp = _operation_symbol("Exp", "Exp(x) = e^x")
Sqrt = _operation_symbol("Sqrt", "Sqrt(x); its gradient at 0 is 0")
CubeRoot = _operation_symbol("CubeRoot", "CubeRoot(x), the real cube root, also of negative x; its gradient at 0 is 0")
Abs = _operation_symbol("Abs", "Abs(x); its gradient at 0 is 0")
Gamma = _operation_symbol("Gamma", "Gamma(x), the gamma function: Gamma(n) = (n - 1)!")
LogGamma = _operation_symbol("LogGamma", "LogGamma(x) = Log(Abs(Gamma(x)))")
Erf = Symbol("Erf", "Erf(x) = 2 / Sqrt(pi) times the integral of exp(-t^2) from 0 to x; Erf(a, b) = Erf(b) - Erf(a)", _erf, 1, 2)
InverseErf = _operation_symbol("InverseErf", "InverseErf(x), the number with Erf x, for -1 < x < 1")
Erfc = _operation_symbol("Erfc", "Erfc(x) = 1 - Erf(x)")
InverseErfc = _operation_symbol("InverseErfc", "InverseErfc(x), the number with Erfc x, for 0 < x < 2")
Round = _operation_symbol("Round", "Round(x), the nearest integer, halves to the even one; its gradient is 0")
Floor = _operation_symbol("Floor", "Floor(x), the greatest integer that is at most x; its gradient is 0")
Ceiling = _operation_symbol("Ceiling", "Ceiling(x), the least integer that is at least x; its gradient is 0")
Sign = _operation_symbol("Sign", "Sign(x) = -1, 0 or 1; its gradient is 0")
FractionalPart = _operation_symbol("FractionalPart", "FractionalPart(x) = x - IntegerPart(x), with the sign of x; its gradient is 1")
IntegerPart = _operation_symbol("IntegerPart", "IntegerPart(x), x without its fraction; its gradient is 0")
Unitize = _operation_symbol("Unitize", "Unitize(x) = 0 if x is 0, else 1; its gradient is 0")
KroneckerDelta = _operation_symbol("KroneckerDelta", "KroneckerDelta(x) = 1 if x is 0, else 0; its gradient is 0")

Plus = Symbol("Plus", "Plus(a, b, ...) = a + b + ...", _arithmetic("add", 0), 0, None)
Subtract = Symbol("Subtract", "Subtract(a, b) = a - b", _arithmetic("sub"), 2, 2)
Times = Symbol("Times", "Times(a, b, ...) = a b ...", _arithmetic("mul", 1), 0, None)
Divide = Symbol("Divide", "Divide(a, b) = a / b", _arithmetic("div"), 2, 2)
Power = Symbol("Power", "Power(a, b) = a^b", _arithmetic("pow"), 2, 2)
Surd = Symbol("Surd", "Surd(x, n), the real n-th root; of a negative x for odd n; its gradient at x = 0 is 0", _surd, 2, 2)
Min = Symbol("Min", "Min(a, b, ...), the least", _two_by_two("Min"), 0, None)
Max = Symbol("Max", "Max(a, b, ...), the greatest", _two_by_two("Max"), 0, None)
Clip = Symbol(
    "Clip",
    "Clip(x), x kept in [-1, 1]; Clip(x, (a, b)) or Clip(x, a, b), in [a, b]; Clip(x, (a, b), (va, vb)), va below a, vb above b",
    _clip,
    1,
    3,
)
Mod = Symbol("Mod", "Mod(m, n), the remainder with the sign of n; Mod(m, n, d), the one in [d, d + n)", _mod, 2, 3)
Threshold = Symbol(
    "Threshold", 'Threshold(x, d) = x if Abs(x) > d, else 0; Threshold(x, ("Soft", d)) also shrinks x by d', _threshold, 1, 2
)
Chop = Symbol("Chop", "Chop(x, d) = 0 if Abs(x) < d, else x; d is 1e-10 unless given", _chop, 1, 2)

If = Symbol("If", "If(c, a, b) = a where c, else b", _if, 3, 3)
And = Symbol("And", "And(a, b, ...), true where all are", _logic("and", True), 0, None)
Or = Symbol("Or", "Or(a, b, ...), true where one is", _logic("or", False), 0, None)
Not = Symbol("Not", "Not(a), true where a is not", lambda a: (not a) if isinstance(a, bool) else _do("logical_not", a))
Which = Symbol("Which", "Which(c1, v1, c2, v2, ...), the value of the first true condition; NaN where none is", _which, 2, None)
Piecewise = Symbol("Piecewise", "Piecewise([(v1, c1), ...], d = 0), the value of the first true condition, else d", _piecewise, 1, 2)
Equal = Symbol("Equal", "Equal(a, b, ...) = (a == b == ...)", _comparison("eq"), 2, None)
Unequal = Symbol("Unequal", "Unequal(a, b, ...), no two are equal", _unequal, 2, None)
Greater = Symbol("Greater", "Greater(a, b, ...) = (a > b > ...)", _comparison("gt"), 2, None)
GreaterEqual = Symbol("GreaterEqual", "GreaterEqual(a, b, ...) = (a >= b >= ...)", _comparison("ge"), 2, None)
Less = Symbol("Less", "Less(a, b, ...) = (a < b < ...)", _comparison("lt"), 2, None)
LessEqual = Symbol("LessEqual", "LessEqual(a, b, ...) = (a <= b <= ...)", _comparison("le"), 2, None)
Negative = Symbol("Negative", "Negative(x) = (x < 0)", lambda x: x < 0)
NonNegative = Symbol("NonNegative", "NonNegative(x) = (x >= 0)", lambda x: x >= 0)
Positive = Symbol("Positive", "Positive(x) = (x > 0)", lambda x: x > 0)
NonPositive = Symbol("NonPositive", "NonPositive(x) = (x <= 0)", lambda x: x <= 0)
PossibleZeroQ = Symbol("PossibleZeroQ", "PossibleZeroQ(x) = (x == 0)", lambda x: x == 0)

Mean = _aggregation("Mean", "Mean(x), along axis 0 unless axis= says otherwise (None: all)", "mean", (False,))
Total = _aggregation("Total", "Total(x), the sum along axis 0 unless axis= says otherwise", "sum", (False,))
Median = _aggregation("Median", "Median(x), the middle value, or the mean of the two middle ones, along an axis", "Median")
Variance = _aggregation("Variance", "Variance(x), the sum of squared deviations over n - 1, along an axis", "var", (1, False))
StandardDeviation = _aggregation("StandardDeviation", "StandardDeviation(x) = Sqrt(Variance(x))", "StandardDeviation")
MeanDeviation = _aggregation("MeanDeviation", "MeanDeviation(x) = Mean(Abs(x - Mean(x)))", "MeanDeviation")
InterquartileRange = _aggregation("InterquartileRange", "InterquartileRange(x) = Q3 - Q1, quartiles at n q + 1/2", "InterquartileRange")

EuclideanDistance = _distance("EuclideanDistance", "Sqrt(Total((u - v)^2)) along the last axis; its gradient at 0 is 0")
SquaredEuclideanDistance = _distance("SquaredEuclideanDistance", "Total((u - v)^2) along the last axis")
ManhattanDistance = _distance("ManhattanDistance", "Total(Abs(u - v)) along the last axis")
CosineDistance = _distance("CosineDistance", "1 - u.v / (|u| |v|) along the last axis; 0 where u or v is zero")

_ACTIVATIONS = (
    ("ELU", "ExponentialLinearUnit", "ELU(x) = x if x >= 0, else exp(x) - 1", (1.0,)),
    ("SELU", "ScaledExponentialLinearUnit", "SELU(x) = 1.0507 x if x >= 0, else 1.758099340847161 (exp(x) - 1)", ()),
    ("GELU", "GaussianErrorLinearUnit", "GELU(x) = 0.5 x (1 + Erf(x / Sqrt(2)))", ("none",)),
    ("Swish", None, "Swish(x) = x LogisticSigmoid(x)", ()),
    ("HardSwish", None, "HardSwish(x) = x min(max(x + 3, 0), 6) / 6", ()),
    ("Mish", None, "Mish(x) = x Tanh(Log(1 + exp(x)))", ()),
    ("SoftSign", None, "SoftSign(x) = x / (1 + Abs(x))", ()),
    ("SoftPlus", None, "SoftPlus(x) = Log(1 + exp(x))", ()),
    ("HardTanh", None, "HardTanh(x), x kept in [-1, 1]", (-1.0, 1.0)),
    ("HardSigmoid", None, "HardSigmoid(x) = (x + 1) / 2 kept in [0, 1]", ()),
)
for _name, _long_name, _formula, _optional in _ACTIVATIONS:
    _operation_symbol(_name, _formula, _optional)
    if _long_name:
        _ALIASES[_long_name] = _name
_ALIASES |= {"ReLU": "Ramp", "RectifiedLinearUnit": "Ramp", "Sigmoid": "LogisticSigmoid"}
