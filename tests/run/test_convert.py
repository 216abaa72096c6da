"""Plain data to tensors and back."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from netgraph.errors import NetError, NetShapeError, NetTypeError, NetValueError
from netgraph.run.convert import pad, tensor_of, to_user
from netgraph.types.kinds import BOOLEAN, INTEGER, REAL, Integer
from netgraph.types.port_type import parse_type

SINGLES = st.floats(width=32, allow_nan=False)


def refused(error, message, *args, **keywords):
    with pytest.raises(NetError) as caught:
        tensor_of(*args, "Input", **keywords)
    assert str(caught.value) == message
    assert type(caught.value) is error


REALS = [
    (0.5, 0.5),
    (3, 3.0),
    (True, 1.0),
    (np.float32(0.5), 0.5),
    (np.int8(3), 3.0),
    ([0.5, 1], [0.5, 1.0]),
    (((1, 2), (3, 4)), [[1.0, 2.0], [3.0, 4.0]]),
    ([], []),
    ([[], []], [[], []]),
    (range(3), [0.0, 1.0, 2.0]),
    (10**30, 1e30),
    ([2**63], [2.0**63]),
    ([10**30, 1], [1e30, 1.0]),
    ([np.array([1.0, 2.0]), np.array([3.0, 4.0])], [[1.0, 2.0], [3.0, 4.0]]),
    ([torch.tensor([1, 2]), torch.tensor([3, 4])], [[1.0, 2.0], [3.0, 4.0]]),
    ([0.5, torch.tensor(2.0)], [0.5, 2.0]),
    ([torch.tensor(2.0), 0.5], [2.0, 0.5]),
    (torch.tensor([1, 2]), [1.0, 2.0]),
    (np.arange(3.0)[::-1], [2.0, 1.0, 0.0]),
    (np.ones(2, ">f4"), [1.0, 1.0]),
    (np.ones(2, np.longdouble), [1.0, 1.0]),
    (np.ones(2, np.float16), [1.0, 1.0]),
    (np.ones(2, np.uint64), [1.0, 1.0]),
    (np.ma.array([1.0, 2.0]), [1.0, 2.0]),
]


@pytest.mark.parametrize(("value", "expected"), REALS)
@pytest.mark.parametrize("kind", [None, REAL])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_real(value, expected, kind, dtype):
    tensor = tensor_of(value, kind, "Input", dtype=dtype)
    assert tensor.dtype is dtype
    assert torch.equal(tensor, torch.tensor(expected, dtype=dtype))


def test_what_is_right_is_not_copied():
    tensor = torch.zeros(3, requires_grad=True)
    assert tensor_of(tensor, REAL, "Input") is tensor
    array = np.zeros(3, np.float32)
    tensor_of(array, REAL, "Input")[0] = 1
    assert array[0] == 1


def test_read_only_array_is_copied_without_a_warning():
    array = np.zeros(3, np.float32)
    array.flags.writeable = False
    tensor_of(array, REAL, "Input")[0] = 1
    assert array[0] == 0


def test_a_graph_is_kept():
    leaf = torch.ones(2, dtype=torch.float64, requires_grad=True)
    tensor_of(leaf, REAL, "Input").sum().backward()
    assert leaf.grad.tolist() == [1, 1]
    leaf.grad = None
    tensor_of([leaf[0], leaf[1]], REAL, "Input").sum().backward()
    assert leaf.grad.tolist() == [1, 1]


def test_array_protocol():
    class Holder:
        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0])

    assert tensor_of(Holder(), REAL, "Input").tolist() == [1, 2]


@given(arrays.arrays(np.float32, arrays.array_shapes(max_dims=3, max_side=4), elements=SINGLES))
def test_lists_arrays_and_tensors_agree(array):
    expected = torch.from_numpy(array.copy())
    for form in (array, array.tolist(), torch.from_numpy(array), list(array), array.astype(np.float64)):
        assert torch.equal(tensor_of(form, REAL, "Input", finite=bool(np.isfinite(array).all())), expected)


WANTED = "Input: wants numbers or arrays of numbers, got "
NO_NUMBERS = [
    ("abc", "the string 'abc'"),
    ("a" * 50, "a string of 50 characters"),
    (None, "None"),
    ({}, "a dict"),
    ({1}, "a set"),
    (int, "the class int"),
    (object(), "an object"),
    (1 + 2j, "the complex number (1+2j)"),
    ([0.5, "3"], "the string '3' at [1]"),
    ([[1, 2], [1, None]], "None at [1, 1]"),
    ([0.3, 1 + 2j], "the complex number (1+2j) at [1]"),
    ([{}], "a dict at [0]"),
    ([b"a"], "a bytes at [0]"),
    (np.array(["a"]), "an array of strings"),
    (np.array([1j]), "an array of complex128"),
    (np.array([None]), "None at [0]"),
    (np.array([1, 2], dtype=object), "an array of object"),
    (np.array(["2020"], dtype="datetime64[Y]"), "an array of datetime64[Y]"),
    (torch.tensor(1j), "a tensor of complex64"),
]


@pytest.mark.parametrize(("value", "got"), NO_NUMBERS)
def test_no_number(value, got):
    refused(NetTypeError, WANTED + got, value, REAL)


@pytest.mark.parametrize(("kind", "words"), [(INTEGER, "whole numbers"), (BOOLEAN, "True and False (or 1 and 0)")])
def test_no_number_of_other_kinds(kind, words):
    refused(NetTypeError, f"Input: wants {words}, got the string 'a'", "a", kind)
    refused(NetTypeError, f"Input: wants {words}, got a tensor of complex64", torch.tensor(1j), kind)


RAGGED = [
    ([[1, 2], [3]], "[0] is 2 long, [1] is 1 long"),
    ([[1, 2], [3, 4], 5], "[0] is 2 long, [2] is a number"),
    ([0.3, [0.4]], "[0] is a number, [1] is 1 long"),
    ([[[1], [2]], [[3], [4, 5]]], "[0, 0] is 1 long, [1, 1] is 2 long"),
    ([np.zeros(2), np.zeros(3)], "[0] is 2 long, [1] is 3 long"),
    ([np.zeros((2, 4)), np.zeros((2, 3))], "[0, 0] is 4 long, [1, 0] is 3 long"),
    ([torch.zeros(2), torch.zeros(3)], "[0] is 2 long, [1] is 3 long"),
    ([[], [1]], "[0] is 0 long, [1] is 1 long"),
]


@pytest.mark.parametrize(("value", "where"), RAGGED)
def test_ragged(value, where):
    refused(NetShapeError, f"Input: the lists are ragged: {where}", value, REAL)


def test_masked():
    masked = np.ma.masked_equal([1, 2], 1)
    refused(NetValueError, WANTED + "a masked array with 1 missing entries", masked, REAL)


NOT_FINITE = [
    (math.nan, "wants finite numbers, got NaN"),
    ([[1.0, math.inf]], "wants finite numbers, got Infinity at [0, 1]"),
    (np.array([0, -np.inf]), "wants finite numbers, got -Infinity at [1]"),
    ([1e39], "1e+39 at [0] is too large for float32"),
]


@pytest.mark.parametrize(("value", "message"), NOT_FINITE)
def test_not_finite(value, message):
    refused(NetValueError, f"Input: {message}", value, REAL, finite=True)
    assert not torch.isfinite(tensor_of(value, REAL, "Input")).all()


def test_a_sum_that_overflows_is_finite():
    assert tensor_of([3e38, 3e38], REAL, "Input", finite=True).tolist() == [np.float32(3e38)] * 2


def test_too_large():
    refused(NetValueError, "Input: an integer of 1329 bits at [1] is too large", [0.3, 10**400], REAL)
    refused(NetValueError, "Input: 1000000000000000000000000000000 is too large", 10**30, INTEGER)
    refused(NetValueError, "Input: 9223372036854775808 at [0] is too large", [2**63], INTEGER)
    refused(NetValueError, "Input: 9.223372036854776e+18 at [1] is too large", [1, 2**63], INTEGER)


@pytest.mark.parametrize(
    "value", [[1, 0], [1.0, 0.0], [True, False], np.array([1, 0], np.uint8), np.array([1, 0], np.uint64), torch.tensor([1.0, 0.0])]
)
def test_integers_and_booleans(value):
    integer, boolean = tensor_of(value, Integer(2), "Input"), tensor_of(value, BOOLEAN, "Input")
    assert (integer.dtype, integer.tolist()) == (torch.int64, [1, 0])
    assert (boolean.dtype, boolean.tolist()) == (torch.bool, [True, False])


BAD_INTEGERS = [
    ([1.5, 2], "wants whole numbers, got 1.5 at [0]"),
    ([1, math.nan], "wants whole numbers, got NaN at [1]"),
    ([[1, 7]], "wants integers from 0 to 4, got 7 at [0, 1]"),
    (5.0, "wants integers from 0 to 4, got 5"),
    (-1, "wants integers from 0 to 4, got -1"),
    (torch.tensor([1, 9]), "wants integers from 0 to 4, got 9 at [1]"),
]


@pytest.mark.parametrize(("value", "message"), BAD_INTEGERS)
def test_bad_integers(value, message):
    refused(NetValueError, f"Input: {message}", value, Integer(5))


def test_integers_without_range():
    assert tensor_of([-7, 10**12], INTEGER, "Input").tolist() == [-7, 10**12]


@pytest.mark.parametrize(("value", "got"), [([0, 2], "2 at [1]"), (0.5, "0.5"), ([True, -1], "-1 at [1]")])
def test_bad_booleans(value, got):
    refused(NetValueError, f"Input: wants True and False (or 1 and 0), got {got}", value, BOOLEAN)


# -- padding --------------------------------------------------------------------------------------------------------------------------


def test_pad_one_axis():
    padded, lengths = pad([[[1, 2]], [], [[3, 4], [5, 6]]], parse_type(("Varying", 2), "Input"), "Input")
    assert padded.tolist() == [[[1, 2], [0, 0]], [[0, 0], [0, 0]], [[3, 4], [5, 6]]]
    assert [n.tolist() for n in lengths] == [[1, 0, 2]]
    assert lengths[0].dtype is torch.int64


def test_pad_two_axes_and_an_inner_one():
    padded, lengths = pad([np.ones((1, 2)), np.ones((2, 1))], parse_type(("Varying", "Varying"), "Input"), "Input")
    assert padded.tolist() == [[[1, 1], [0, 0]], [[1, 0], [1, 0]]]
    assert [n.tolist() for n in lengths] == [[1, 2], [2, 1]]
    padded, lengths = pad([np.ones((1, 2)), np.ones((1, 1))], parse_type((1, "Varying"), "Input"), "Input")
    assert padded.tolist() == [[[1, 1]], [[1, 0]]]
    assert [n.tolist() for n in lengths] == [[2, 1]]


def test_pad_what_is_alike():
    kind = parse_type(("Varying", Integer(9)), "Input")
    for form in ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]]), torch.tensor([[1, 2], [3, 4]])):
        padded, lengths = pad(form, kind, "Input")
        assert (padded.dtype, padded.tolist()) == (torch.int64, [[1, 2], [3, 4]])
        assert [n.tolist() for n in lengths] == [[2, 2]]
    assert pad([[1, 2], [3, 4]], parse_type(2, "Input"), "Input", torch.float64)[0].dtype is torch.float64


@given(st.lists(st.lists(SINGLES, max_size=5), min_size=1, max_size=6))
def test_pad_loses_nothing(examples):
    padded, (lengths,) = pad(examples, parse_type("Varying", "Input"), "Input")
    assert padded.shape == (len(examples), max(1, *map(len, examples)))
    for row, length, example in zip(padded, lengths, examples, strict=True):
        assert row[:length].tolist() == example
        assert not row[length:].any()


BAD_PADS = [
    ([], "Varying", NetValueError, "Input: there are no examples"),
    ([[1, 2], [3]], 2, NetShapeError, "Input: example 1 has shape (1,), the port wants (2,)"),
    ([[1], [[3]]], "Varying", NetShapeError, "Input: example 1 has shape (1, 1), the port wants (Varying,)"),
    (np.zeros((4, 3)), 2, NetShapeError, "Input: the examples have shape (3,), the port wants (2,)"),
    ([[1], ["a"]], "Varying", NetTypeError, "Input, example 1: wants numbers or arrays of numbers, got the string 'a' at [0]"),
]


@pytest.mark.parametrize(("examples", "port", "error", "message"), BAD_PADS)
def test_bad_pads(examples, port, error, message):
    with pytest.raises(NetError) as caught:
        pad(examples, parse_type(port, "Input"), "Input")
    assert str(caught.value) == message
    assert type(caught.value) is error


def test_pad_open_axes_agree():
    open_type = parse_type(("Varying", None), "Input")
    with pytest.raises(NetShapeError) as caught:
        pad([np.zeros((1, 2)), np.zeros((2, 3))], open_type, "Input")
    assert str(caught.value) == "Input: example 0 has shape (1, 2), example 1 has shape (2, 3)"


def test_pad_finite():
    with pytest.raises(NetValueError) as caught:
        pad([[1.0], [1.0, math.nan]], parse_type("Varying", "Input"), "Input", finite=True)
    assert str(caught.value) == "Input, example 1: wants finite numbers, got NaN at [1]"


# -- back -----------------------------------------------------------------------------------------------------------------------------


@given(SINGLES)
def test_shortest_decimal(value):
    shown = to_user(torch.tensor(value, dtype=torch.float32), False)
    assert type(shown) is float
    assert np.float32(shown) == np.float32(value)
    digits = len(repr(shown).split("e")[0].replace(".", "").replace("-", "").strip("0"))
    # nothing with one digit less is the same float32
    if digits > 1 and math.isfinite(shown):
        with np.errstate(over="ignore"):
            assert np.float32(f"{shown:.{digits - 2}e}") != np.float32(value)


def test_numbers():
    assert to_user(torch.tensor(0.4), False) == 0.4
    assert to_user(torch.tensor(0.4, dtype=torch.float64), False) == 0.4
    assert to_user(torch.tensor(0.4, dtype=torch.float16), False) == 0.4
    assert to_user(torch.tensor(0.5, dtype=torch.bfloat16), False) == 0.5
    assert math.isnan(to_user(torch.tensor(math.nan), False))
    assert to_user(torch.tensor(math.inf), False) == math.inf
    assert to_user(torch.tensor(3), False) == 3 and type(to_user(torch.tensor(3), False)) is int
    assert to_user(torch.tensor(True), False) is True


def test_arrays_and_tensors():
    tensor = torch.ones(2, requires_grad=True)
    assert to_user(tensor, True) is tensor
    array = to_user(tensor, False)
    assert (type(array), array.dtype, array.tolist()) == (np.ndarray, np.float32, [1, 1])
    assert to_user(torch.ones(2, dtype=torch.bfloat16), False).dtype == np.float32
