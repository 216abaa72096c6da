"""Wolfram's symbols: values of the specification, references in double precision, gradients, and the value class itself."""

import copy
import math
import pickle

import numpy
import pytest
import torch

import netgraph.spec.symbols as symbols
from netgraph.errors import NetNameError, NetTypeError
from netgraph.spec.symbols import *
from netgraph.spec.symbols import SYMBOLS, symbol

POINTS = torch.tensor([-2, -1, -0.5, 0, 0.5, 1, 2], dtype=torch.float64)

COMPUTED = {
    "ELU": [-0.8646647, -0.6321206, -0.3934693, 0, 0.5, 1, 2],
    "SELU": [-1.5201665, -1.1113307, -0.6917582, 0, 0.5253505, 1.0507010, 2.1014020],
    "GELU": [-0.0455003, -0.1586553, -0.1542688, 0, 0.3457312, 0.8413447, 1.9544997],
    "Swish": [-0.2384058, -0.2689414, -0.1887703, 0, 0.3112297, 0.7310586, 1.7615942],
    "HardSwish": [-0.3333333, -0.3333333, -0.2083333, 0, 0.2916667, 0.6666667, 1.6666667],
    "Mish": [-0.2525015, -0.3034015, -0.2207438, 0, 0.3752452, 0.8650984, 1.9439590],
    "SoftSign": [-0.6666667, -0.5, -0.3333333, 0, 0.3333333, 0.5, 0.6666667],
    "SoftPlus": [0.1269280, 0.3132617, 0.4740770, 0.6931472, 0.9740770, 1.3132617, 2.1269280],
    "HardSigmoid": [0, 0, 0.25, 0.5, 0.75, 1, 1],
    "HardTanh": [-1, -1, -0.5, 0, 0.5, 1, 1],
    "ReLU": [0, 0, 0, 0, 0.5, 1, 2],
}


@pytest.mark.parametrize("name", COMPUTED)
def test_named_activations_give_the_computed_values(name):
    expected = torch.tensor(COMPUTED[name], dtype=torch.float64)
    torch.testing.assert_close(symbol(name)(POINTS), expected, rtol=0, atol=6e-8)


def test_long_names_are_the_same_symbols():
    pairs = [("RectifiedLinearUnit", "ReLU"), ("ExponentialLinearUnit", "ELU"), ("ScaledExponentialLinearUnit", "SELU"),
             ("GaussianErrorLinearUnit", "GELU"), ("Sigmoid", "LogisticSigmoid"), ("ReLU", "Ramp")]  # fmt: skip
    assert all(symbol(a) is symbol(b) for a, b in pairs)


# name: (reference on one number, points inside the domain and away from kinks)
REAL = [-2.3, -0.7, 0.4, 1.9]
UNIT = [-0.8, -0.3, 0.2, 0.9]
BEYOND = [-3.1, -1.4, 1.2, 5.0]
BETWEEN = [0.1, 0.35, 0.6, 0.95]
POSITIVE = [0.2, 0.7, 1.6, 4.3]
REFERENCES = {
    "Ramp": (lambda x: max(x, 0), REAL),
    "LogisticSigmoid": (lambda x: 1 / (1 + math.exp(-x)), REAL),
    "Sin": (math.sin, REAL), "Cos": (math.cos, REAL), "Tan": (math.tan, REAL),
    "Cot": (lambda x: 1 / math.tan(x), REAL), "Sec": (lambda x: 1 / math.cos(x), REAL), "Csc": (lambda x: 1 / math.sin(x), REAL),
    "ArcSin": (math.asin, UNIT), "ArcCos": (math.acos, UNIT), "ArcTan": (math.atan, REAL),
    "ArcCot": (lambda x: math.atan(1 / x), [*REAL, 1e9, -1e9]),
    "ArcSec": (lambda x: math.acos(1 / x), BEYOND), "ArcCsc": (lambda x: math.asin(1 / x), BEYOND),
    "Sinh": (math.sinh, REAL), "Cosh": (math.cosh, REAL), "Tanh": (math.tanh, REAL),
    "Coth": (lambda x: 1 / math.tanh(x), REAL), "Sech": (lambda x: 1 / math.cosh(x), REAL), "Csch": (lambda x: 1 / math.sinh(x), REAL),
    "ArcSinh": (math.asinh, REAL), "ArcCosh": (math.acosh, [1.1, 2.0, 7.5]), "ArcTanh": (math.atanh, UNIT),
    "ArcCoth": (lambda x: math.atanh(1 / x), BEYOND), "ArcSech": (lambda x: math.acosh(1 / x), BETWEEN),
    "ArcCsch": (lambda x: math.asinh(1 / x), REAL),
    "Haversine": (lambda x: (1 - math.cos(x)) / 2, REAL),
    "InverseHaversine": (lambda x: 2 * math.asin(math.sqrt(x)), BETWEEN),
    "Gudermannian": (lambda x: 2 * math.atan(math.tanh(x / 2)), REAL),
    "InverseGudermannian": (lambda x: 2 * math.atanh(math.tan(x / 2)), [-1.2, -0.3, 0.4, 1.3]),
    "Log": (math.log, POSITIVE), "Exp": (math.exp, REAL), "Sqrt": (math.sqrt, POSITIVE),
    "CubeRoot": (lambda x: math.copysign(abs(x) ** (1 / 3), x), REAL), "Abs": (abs, REAL),
    "Gamma": (math.gamma, [*POSITIVE, -0.5, -1.3, -2.6]), "LogGamma": (math.lgamma, [*POSITIVE, -0.5, -1.3]),
    "Erf": (math.erf, REAL), "Erfc": (math.erfc, REAL),
    "Round": (round, REAL), "Floor": (math.floor, REAL), "Ceiling": (math.ceil, REAL), "Sign": (lambda x: math.copysign(1, x), REAL),
    "FractionalPart": (lambda x: math.modf(x)[0], REAL), "IntegerPart": (math.trunc, REAL),
    "Unitize": (lambda x: 1, REAL), "KroneckerDelta": (lambda x: 0, REAL),
}  # fmt: skip
INVERSES = {"InverseErf": ("Erf", UNIT), "InverseErfc": ("Erfc", [1e-9, 0.3, 1.0, 1.7])}


@pytest.mark.parametrize("name", REFERENCES)
def test_symbols_equal_their_references_in_double_precision(name):
    reference, points = REFERENCES[name]
    expected = torch.tensor([float(reference(x)) for x in points], dtype=torch.float64)
    found = symbol(name)(torch.tensor(points, dtype=torch.float64))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    assert symbol(name)(points[0]) == pytest.approx(float(reference(points[0])), rel=1e-12)


@pytest.mark.parametrize("name", INVERSES)
def test_inverses_are_undone(name):
    straight, points = INVERSES[name]
    x = torch.tensor(points, dtype=torch.float64)
    torch.testing.assert_close(symbol(straight)(symbol(name)(x)), x, rtol=1e-9, atol=1e-14)


def _unary_points():
    for name, (_, points) in REFERENCES.items():
        yield name, points
    for name, (_, points) in INVERSES.items():
        yield name, points[1:]
    yield from ((name, REAL) for name in symbols._ALIASES)
    yield from ((row[0], [-2.3, -0.7, 0.4, 0.9]) for row in symbols._ACTIVATIONS)


@pytest.mark.parametrize(("name", "points"), list(_unary_points()))
def test_gradients_are_those_of_finite_differences(name, points):
    x = torch.tensor([p for p in points if abs(p) < 1e6], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(symbol(name), (x,))


EDGES = {
    "Sqrt": [0.0], "CubeRoot": [0.0, -8.0], "ArcSin": [-1.0, 1.0], "ArcCos": [-1.0, 1.0], "ArcCot": [0.0, 1e8], "ArcSec": [1.0, -1.0],
    "ArcCsc": [1.0, -1.0], "ArcCosh": [1.0], "ArcSech": [1.0], "InverseHaversine": [0.0, 1.0], "Gudermannian": [0.0, 400.0],
    "Sech": [0.0, 300.0, -300.0], "Csch": [300.0, -300.0], "ELU": [1e3, -1e3], "SELU": [1e3, -1e3], "SoftPlus": [1e3, -1e3],
    "Mish": [1e3, -1e3], "GELU": [1e3, -1e3], "Swish": [1e3, -1e3], "LogisticSigmoid": [1e3, -1e3], "Abs": [0.0], "Gamma": [3.0, -0.5],
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_where_values_are(name, dtype):
    x = torch.tensor(EDGES[name], dtype=dtype, requires_grad=True)
    value = symbol(name)(x)
    assert value.isfinite().all() and value.dtype == dtype
    (gradient,) = torch.autograd.grad(value.sum(), x)
    assert gradient.isfinite().all()


def test_masked_square_root_has_no_nan_in_its_gradient():
    x = torch.tensor([-1.0, 0.0, 4.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(If(x > 0, Sqrt(x), 0.0).sum(), x)
    assert gradient.tolist() == [0, 0, 0.25]


@pytest.mark.parametrize("name", ["Round", "Floor", "Ceiling", "Sign", "IntegerPart", "Unitize", "KroneckerDelta"])
def test_step_functions_have_gradient_zero(name):
    x = torch.tensor([-1.5, 0.0, 2.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(symbol(name)(x).sum(), x)
    assert gradient.tolist() == [0, 0, 0]


def test_values_at_special_places():
    assert [Round(x) for x in (0.5, 1.5, 2.5, -0.5, -1.5)] == [0, 2, 2, 0, -2]
    assert [IntegerPart(-2.7), FractionalPart(-2.5), Unitize(0), Unitize(-3), KroneckerDelta(0), KroneckerDelta(2)] == [
        -2,
        -0.5,
        0,
        1,
        1,
        0,
    ]
    assert ArcCot(0) == pytest.approx(math.pi / 2)
    assert math.isnan(Sqrt(-1)) and math.isnan(Surd(-4, 2))
    assert Gamma(5) == pytest.approx(24)


def test_arithmetic_symbols():
    a, b = torch.tensor([-7.0, 5.0]), torch.tensor([3.0, -3.0])
    assert Plus(a, b, 1).tolist() == [-3, 3] and Times(a, b, 2).tolist() == [-42, -30]
    assert Subtract(a, b).tolist() == [-10, 8] and Divide(a, 2).tolist() == [-3.5, 2.5] and Power(b, 2).tolist() == [9, 9]
    assert Mod(a, b).tolist() == [2, -1] and Mod(7, 3, 1) == 1 and Mod(6, 3, 1) == 3
    assert Surd(torch.tensor([-8.0, 27.0]), 3).tolist() == pytest.approx([-2, 3])
    assert Surd(torch.tensor([-8.0, 16.0]), torch.tensor([3.0, 4.0])).tolist() == pytest.approx([-2, 2])
    assert Surd(16.0, torch.tensor([2.0, 4.0])).tolist() == pytest.approx([4, 2])
    assert Min(a, b, -1).tolist() == [-7, -3] and Max(0, a, 1).tolist() == [1, 5] and Max() == -math.inf
    assert Clip(a).tolist() == [-1, 1] and Clip(a, (-2, 3)).tolist() == [-2, 3] and Clip(a, (-2, 5), (-9, 9)).tolist() == [-9, 5]
    assert Clip(a, (b, 4)).tolist() == [3, 4]
    x = torch.tensor([-0.3, 1e-11, 0.2])
    assert Threshold(x, 0.25).tolist() == pytest.approx([-0.3, 0, 0]) and Threshold(x).tolist()[1] == 0
    assert Threshold(x, ("Soft", 0.1)).tolist() == pytest.approx([-0.2, 0, 0.1]) and Chop(x).tolist() == pytest.approx([-0.3, 0, 0.2])
    assert ArcTan(1, 2) == pytest.approx(math.atan2(2, 1)) and ArcTan(a, -1.0).tolist() == pytest.approx(
        [math.atan2(-1, -7), math.atan2(-1, 5)]
    )
    assert Erf(0.5, torch.tensor([1.0])).tolist() == pytest.approx([math.erf(1) - math.erf(0.5)])


def test_gradients_of_two_arguments():
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.rand(5, generator=generator, dtype=torch.float64).add(0.3).requires_grad_() for _ in range(2))
    for f in (Plus, Subtract, Times, Divide, Power, Min, Max, ArcTan, Erf):
        assert torch.autograd.gradcheck(f, (a, b)), f
    roots = torch.full_like(b, 3.0)
    assert torch.autograd.gradcheck(lambda x: Surd(x, roots), (a,)) and torch.autograd.gradcheck(lambda x: Surd(-x, 5), (a,))
    for f in (Power, ArcTan, Surd):
        zero = torch.zeros(2, requires_grad=True)
        other = torch.tensor([3.0, 5.0]) if f is not ArcTan else torch.zeros(2)
        assert torch.autograd.grad(f(zero, other).sum(), zero)[0].isfinite().all()


def test_logic():
    x = torch.tensor([-1.0, 0.0, 2.0])
    assert If(x > 0, x, -x).tolist() == [1, 0, 2] and If(True, 1, 2) == 1
    assert Which(x < 0, 10.0, x > 1, 20.0, True, x).tolist() == [10, 0, 20] and math.isnan(Which(x < 0, 10.0, x > 1, 20.0)[1])
    assert Piecewise([(x, x > 0), (5.0, x < 0)]).tolist() == [5, 0, 2] and Piecewise([(1.0, x > 0)], 7.0).tolist() == [7, 7, 1]
    assert And(x > -2, x < 1, True).tolist() == [True, True, False] and Or(x < 0, x > 1).tolist() == [True, False, True]
    assert And(False, x > 0) is False and And() is True and Or() is False and Not(x > 0).tolist() == [True, True, False]
    assert Less(-1, x, 2).tolist() == [False, True, False] and Equal(x, 0).tolist() == [False, True, False]
    assert Unequal(x, 0, 2).tolist() == [True, False, False] and GreaterEqual(x, 0).tolist() == [False, True, True]
    assert Greater(2, 1) is True and LessEqual(3, 2) is False
    assert [f(0.0) for f in (Negative, NonNegative, Positive, NonPositive, PossibleZeroQ)] == [False, True, False, True, True]


def test_aggregations():
    data = [1, 2, 4, 7]
    assert [Mean(data), Total(data), Median(data), Variance(data), MeanDeviation(data)] == [3.5, 14, 3, 7, 2]
    assert StandardDeviation(data) == pytest.approx(2.6457513)
    matrix = torch.arange(24.0, dtype=torch.float64).reshape(2, 3, 4).sin()
    for f, reference in [
        (Mean, numpy.mean),
        (Total, numpy.sum),
        (Median, numpy.median),
        (Variance, lambda a, axis: numpy.var(a, axis, ddof=1)),
    ]:
        for axis in (0, -1, (0, 2), None):
            numpy.testing.assert_allclose(f(matrix, axis=axis), reference(matrix.numpy(), axis), rtol=1e-12)
    for axis in (0, 1, 2, (1, 2), None):
        low, high = (numpy.quantile(matrix.numpy(), q, axis, method="hazen") for q in (0.25, 0.75))
        numpy.testing.assert_allclose(InterquartileRange(matrix, axis=axis), high - low, rtol=1e-12)
    same = torch.ones(3, requires_grad=True)
    assert torch.autograd.grad(StandardDeviation(same), same)[0].tolist() == [0, 0, 0]


def test_distances():
    u, v = torch.tensor([[1.0, 0.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert EuclideanDistance(u, v).tolist() == [0, 5] and SquaredEuclideanDistance(u, v).tolist() == [0, 25]
    assert ManhattanDistance(u, v).tolist() == [0, 7] and CosineDistance(u, v).tolist() == [0, 0]
    assert CosineDistance([1, 0], [1, 1]) == pytest.approx(1 - math.sqrt(0.5))
    for f in (EuclideanDistance, SquaredEuclideanDistance, ManhattanDistance, CosineDistance):
        w = v.clone().requires_grad_()
        assert torch.autograd.grad(f(w, v).sum(), w)[0].tolist() == [[0, 0], [0, 0]]


def test_a_symbol_is_a_value():
    assert repr(Ramp) == "Ramp" and Ramp == symbol("Ramp") and Ramp != Tanh and Ramp != "Ramp" and len({Ramp, symbol("ReLU")}) == 1
    assert pickle.loads(pickle.dumps(Tanh)) is Tanh and copy.deepcopy(Tanh) is Tanh
    assert Tanh.arity == 1 and Divide.arity == 2 and Plus.arity is None and Plus.takes(5) and not Divide.takes(3)
    assert Haversine.__doc__ == "Haversine(x) = (1 - Cos(x)) / 2"
    with pytest.raises(AttributeError, match="Ramp is a symbol, it cannot be changed"):
        Ramp.name = "Other"
    assert all(SYMBOLS[name].name == name and getattr(symbols, name, SYMBOLS[name]) is SYMBOLS[name] for name in SYMBOLS)
    assert isinstance(Ramp(-1), float) and isinstance(Positive(1), bool) and isinstance(Ramp(numpy.ones(2)), numpy.ndarray)


def test_messages():
    with pytest.raises(NetNameError) as raised:
        symbol("Gudermanian")
    assert (
        str(raised.value)
        == 'there is no function "Gudermanian"; did you mean "Gudermannian" or "InverseGudermannian" or "EuclideanDistance"?'
    )
    with pytest.raises(NetTypeError) as raised:
        Divide(1)
    assert str(raised.value) == "Divide takes 2 arguments, 1 given\n  Divide: Divide(a, b) = a / b"
    with pytest.raises(NetTypeError) as raised:
        Clip(1, 2, 3, 4)
    assert str(raised.value).splitlines()[0] == "Clip takes 1 to 3 arguments, 4 given"
    with pytest.raises(NetTypeError) as raised:
        Threshold(1.0, ("Firm", 1))
    assert str(raised.value) == 'Threshold: \'Firm\' is no threshold function; it is "Hard" or "Soft"'


def test_every_symbol_with_a_python_name_is_exported():
    activations = {row[0] for row in symbols._ACTIVATIONS}
    assert set(symbols.__all__) == SYMBOLS.keys() - activations
