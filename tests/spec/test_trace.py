"""Tracing: what is recorded, what is refused in which words, what stays opaque, and the replay."""

import math
import random
from math import exp as plain_exp

import numpy as np
import pytest
import torch

from netgraph.errors import NetNameError, NetTypeError, NetValueError
from netgraph.spec.function_graph import FunctionGraph
from netgraph.spec.symbols import *
from netgraph.spec.symbols import SYMBOLS, symbol
from netgraph.spec.trace import OpaqueFunction, trace, trace_elementwise

_W = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
_A = np.array([1.0, 2.0, 3.0], dtype=np.float32)

RECORDED = [
    (lambda x: x.sum(1, keepdim=True), "sum(x, dim=(1,), keepdim=True)"),
    (lambda x: torch.sum(x, axis=-1), "sum(x, dim=(-1,))"),
    (lambda x: x.max(), "amax(x)"),
    (lambda x: x.max(1).values + x.min(dim=1)[0], "amax(x, dim=(1,)) + amin(x, dim=(1,))"),
    (lambda x: torch.max(x, x.flip(0)), "maximum(x, flip(x, (0,)))"),
    (lambda x: torch.std(x, 0, False), "std(x, dim=(0,), correction=0)"),
    (lambda x: x.norm(dim=-1), "norm(x, dim=(-1,))"),
    (lambda x: x.permute(1, 0).reshape(-1), "reshape(permute(x, (1, 0)), (-1,))"),
    (lambda x: x.T @ x, "permute(x, (1, 0)) @ x"),
    (lambda x: x.mT.transpose(0, 1), "transpose(transpose(x, -2, -1), 0, 1)"),
    (lambda x: torch.stack([x, x], dim=-1), "stack((x, x), dim=-1)"),
    (lambda x: torch.einsum("ij,kj->ik", x, x), "einsum('ij,kj->ik', (x, x))"),
    (lambda x: x.sort(descending=True).values, "sort(x, descending=True)"),
    (lambda x: x.masked_fill(x > 0, 0.0), "where(x > 0, 0.0, x)"),
    (lambda x: x.clamp(0, 1) + torch.clamp_min(x, 0.5), "clamp(x, min=0, max=1) + clamp(x, min=0.5)"),
    (lambda x: torch.sub(x, x.sin(), alpha=2), "x - Sin(x) * 2"),
    (lambda x: (x > 0).float(), "to(x > 0, 'float32')"),
    (lambda x: abs(-x) // 2 % 3, "Mod(Abs(-x) // 2, 3)"),
    (lambda x: torch.nn.functional.gelu(x, approximate="tanh"), "GELU(x, approximate='tanh')"),
    (lambda x: x.squeeze().unsqueeze(-1)[:, 0], "unsqueeze(squeeze(x), -1)[:, 0]"),
    (lambda x: x[torch.tensor([0, 1])], "x[array0]"),
    (lambda x: 1 - x, "1 - x"),
    (lambda x: torch.ones(()) * 2 - x, "2.0 - x"),
    (lambda x: np.float64(2.0) * x, "2.0 * x"),
    (lambda x: x.div(2).mul(3).add(1).pow(2), "(x / 2 * 3 + 1) ** 2"),
]


@pytest.mark.parametrize(("f", "text"), RECORDED)
def test_spellings_are_recorded(f, text):
    graph = trace(f, shapes=[(None, 3)])
    assert isinstance(graph, FunctionGraph), graph.reason
    assert repr(graph) == text


def test_iteration_and_length_of_known_axes():
    assert repr(trace(lambda x: sum(v * k for k, v in enumerate(x)), shapes=[(3,)])) == "0 + x[0] * 0 + x[1] * 1 + x[2] * 2"
    assert repr(trace(lambda x: x.sum(1) / len(x), shapes=[(3, None)])) == "sum(x, dim=(1,)) / 3"

    def swapped(x):
        a, b = x
        return torch.stack([b, a])

    assert repr(trace(swapped, shapes=[(2, None)])) == "stack((x[1], x[0]))"
    assert repr(trace(lambda x: torch.cat(x.chunk(2, -1)[::-1], -1), shapes=[(None, 4)])) == "cat((x[..., 2:4], x[..., 0:2]), dim=-1)"
    assert repr(trace(lambda x: x.unbind(1)[1], shapes=[(None, 2)])) == "x[:, 1]"


def test_ports():
    assert trace(lambda anything: -anything).inputs == ("Input",)
    assert trace(lambda key, value: key * value).inputs == ("key", "value")
    assert trace(lambda a, b: a * b, names=["p", "q"]).inputs == ("p", "q")
    assert trace(lambda *xs: xs[0] + xs[1], names=["p", "q"]).inputs == ("p", "q")
    assert repr(trace(lambda x, factor=3: x * factor)) == "x * 3"
    assert trace(lambda a, *, b: a - b).inputs == ("a", "b")
    assert repr(trace(lambda a, *, b: a - b)) == "a - b"
    assert trace(torch.sin).inputs == ("Input",) and trace(torch.nn.ReLU()) == trace(Ramp)


def test_closures():
    factor, flag = 2.5, True
    assert repr(trace(lambda x: x * factor if flag else x)) == "x * 2.5"
    graph = trace(lambda x: x @ _W, shapes=[(None, 3)])
    assert repr(graph) == "x @ array0" and torch.equal(graph.constants[0], _W)
    for f in (lambda x: x * _A, lambda x: _A * x):
        graph = trace(f, shapes=[(None, 3)])
        assert graph.constants[0].tolist() == [1, 2, 3] and graph(torch.ones(3)).tolist() == [1, 2, 3]


# These take truth values or lists, or are made of several comparisons.
_NOT_BARE = {"And", "Or", "Not", "If", "Which", "Piecewise"}


@pytest.mark.parametrize("name", sorted(SYMBOLS.keys() - _NOT_BARE))
def test_a_bare_symbol_is_one_node(name):
    found = SYMBOLS[name]
    names = ["a", "b"] if found.least == 0 else None
    graph = trace(found, names)
    assert len(graph.nodes) == 1
    arrays = [torch.tensor([0.3, 0.6]) for _ in graph.inputs]
    torch.testing.assert_close(graph(*arrays), found(*arrays), equal_nan=True)
    assert trace(lambda *xs: found(*xs), names=graph.inputs, shapes=[(2,)] * len(arrays)) == graph


def test_symbols_inside_functions():
    graph = trace(lambda a, b: Which(And(a > 0, b > 0), Min(a, b, 1), Or(a < -1, Not(b > 0)), Clip(a), True, ArcTan(a, 2.0)))
    assert graph.is_elementwise
    a, b = torch.tensor([0.5, 2.0, -3.0, -0.5]), torch.tensor([0.7, 3.0, 1.0, 1.0])
    assert graph(a, b).tolist() == pytest.approx([0.5, 1.0, -1.0, math.atan2(2.0, -0.5)])
    assert repr(trace(lambda x: symbol("ELU")(x) + Erf(0, x))) == "ELU(x) + (Erf(x) - 0.0)"
    assert repr(trace(StandardDeviation, shapes=[(3,)])) == "StandardDeviation(x, dim=(0,))"


def _here(f):
    return f"  here: {f.__code__.co_name}, line {f.__code__.co_firstlineno} of test_trace.py"


VALUE = " cannot be traced: it needs the value of an array, and a traced function has none"
BRANCH = "`if`, `while`, `and`, `or` or a chain of comparisons"
WHERE = "torch.where(c, a, b) instead of if, & | ~ instead of and, or, not"
REFUSED = [
    (lambda x: math.exp(x), "math.exp", "torch.exp(x) instead of math.exp(x)"),
    (lambda x: plain_exp(x), "math.exp", "torch.exp(x) instead of math.exp(x)"),
    (lambda x: x + math.pow(math.sin(2.0) * x, math.pi), "math.pow", "x ** y instead of math.pow"),
    (lambda x: math.floor(x), "math.floor", "torch.floor(x) instead of math.floor(x)"),
    (lambda x: max(x, 0), "max", "Max(x, y), torch.maximum(x, y) or x.amax() instead of max"),
    (lambda x: min(0, x + 1), "min", "Min(x, y), torch.minimum(x, y) or x.amin() instead of min"),
    (lambda x: float(x), "float", "x.float() instead of float"),
    (lambda x: int(x), "int", "torch.trunc(x) instead of int"),
    (lambda x: round(x), "round", "torch.round(x) instead of round"),
    (lambda x: bool(x), "bool", "a comparison such as x != 0 instead of bool"),
    (lambda x: sorted([x, -x]), "sorted", "torch.sort(x).values instead of sorted"),
    (lambda x: x if x > 0 else -x, BRANCH, WHERE),
    (lambda x: x > 0 and x < 1, BRANCH, WHERE),
    (lambda x: 0 < x < 1, BRANCH, WHERE),
    (lambda x: not x, "`not`", "~c or torch.logical_not(c)"),
]


@pytest.mark.parametrize(("f", "what", "fix"), REFUSED)
def test_what_needs_a_value_is_refused_with_the_torch_spelling(f, what, fix):
    with pytest.raises(NetTypeError) as raised:
        trace(f)
    assert str(raised.value) == f"{what}{VALUE}\n{_here(f)}\n  try: {fix}"


@pytest.mark.parametrize(
    ("f", "what", "fix"),
    [
        (lambda x: np.exp(x), "numpy.exp", "torch.exp(x) instead of numpy.exp(x)"),
        (lambda x: np.sum(x), "numpy.sum", "torch.sum(x) instead of numpy.sum(x)"),
        (lambda x: np.concatenate([x, x]), "numpy.concatenate", "torch.cat instead of numpy.concatenate"),
        (lambda x: np.asarray(x), "numpy.array", "torch.stack instead of numpy.array"),
    ],
)
def test_numpy_is_refused(f, what, fix):
    with pytest.raises(NetTypeError) as raised:
        trace(f)
    assert str(raised.value) == f"{what}{VALUE}\n  try: {fix}"


def test_other_messages():
    def message(kind, *args, call=trace, **keywords):
        with pytest.raises(kind) as raised:
            call(*args, **keywords)
        return str(raised.value)

    assert message(NetTypeError, 3) == "3 is no function\n  try: a Python function of arrays, a symbol such as Tanh, or its name"
    assert message(NetNameError, "Tahn") == 'there is no function "Tahn"; did you mean "Tan" or "Tanh" or "ArcTan"?'
    assert message(NetTypeError, lambda: 1) == (
        "the function cannot be traced: it has no parameter\n  try: a function with one named parameter for each input"
    )
    assert message(NetTypeError, lambda *x: x[0]) == (
        "the function cannot be traced: its inputs have no names\n  try: a function with one named parameter for each input"
    )
    assert message(NetTypeError, lambda a, b: a, names=["p"]) == "the function takes 2 arguments, but there are 1 inputs (p)"
    assert message(NetTypeError, Plus) == 'Plus takes any number of arrays: name the inputs\n  try: names=["Input1", "Input2"]'
    assert message(NetTypeError, Divide, names=["a"]) == "Divide cannot take 1 inputs (a)\n  Divide: Divide(a, b) = a / b"
    assert message(NetTypeError, lambda x: (x, x)) == (
        'a function with several outputs returns a dict, which names them\n  try: return {"a": ..., "b": ...}'
    )
    assert message(NetTypeError, lambda x: None) == "a function used in a net returns an array, or a dict of arrays, not NoneType"
    assert message(NetTypeError, torch.nn.Linear(2, 3)) == (
        "Linear has arrays of its own, which a traced function would freeze\n  try: net_from_torch(module)"
    )
    assert message(NetValueError, lambda x: x @ torch.ones(7), shapes=[(3,)]) == (
        "the function fails on arrays of shape (3,): RuntimeError: "
        "inconsistent tensor size, expected tensor [3] and src [7] to have the same number of elements, "
        "but got 3 and 7 elements respectively"
    )
    assert message(NetValueError, lambda a: a, shapes=[(3,), (4,)]) == "the function has 1 inputs (Input), 2 shapes given"
    assert message(NetTypeError, lambda x: x.sum() * x, call=trace_elementwise) == (
        "the function is not elementwise: sum looks at more than one place of an array\n"
        "  sum(x) * x: the function as traced\n  try: FunctionLayer(f), which sees the whole array"
    )


def test_shape_dependent_steps_stay_opaque():
    for f in (lambda x: x / x.shape[0], lambda x: x / len(x), lambda x: sum(x), lambda x: x * x.shape[0] ** 2):
        opaque = trace(f, shapes=[(None,)])
        assert isinstance(opaque, OpaqueFunction)
        assert opaque.reason == "it does other steps on shape (7,) than on the recorded one"
        x = torch.tensor([1.0, 2.0])
        torch.testing.assert_close(opaque(x), f(x))
    opaque = trace(lambda x: x * torch.arange(len(x)), shapes=[(None,)])
    assert opaque.reason.startswith("recorded steps fail on shape (7,): The size of tensor a (7) must match")
    assert isinstance(trace(lambda x: x / x.shape[0], shapes=[(5,)]), FunctionGraph)
    assert isinstance(trace(lambda x: x / x.shape[1], shapes=[(None, 5)]), FunctionGraph)
    opaque = trace(lambda x: x / x.shape[1], shapes=[(None, None)])
    assert isinstance(opaque, OpaqueFunction)
    branches = trace(lambda x: x if x.ndim < 2 else -x)
    assert branches.reason == "it does other steps on shape (4, 4) than on the recorded one"


def test_what_leaves_the_list_stays_opaque():
    def spectrum(x):
        return torch.fft.fft(x).real

    def written(x):
        y = x.clone()
        y[0] = 1.0
        return y

    opaque = trace(spectrum, shapes=[(None,)])
    assert opaque.reason == "it uses torch.fft_fft, which is not in the list of operations"
    assert repr(opaque) == "<opaque function spectrum: it uses torch.fft_fft, which is not in the list of operations>"
    assert opaque == trace(spectrum, shapes=[(None,)]) != trace(written, shapes=[(None,)]) and not opaque.is_elementwise
    assert trace(written, shapes=[(3,)]).reason == "it uses assignment to elements of an array, which is not in the list of operations"
    assert trace(lambda x: x[x > 0], shapes=[(3,)]).reason.startswith("it uses an index that is a mask")
    assert isinstance(trace(lambda x: x * x.sum().item(), shapes=[(3,)]), OpaqueFunction)
    assert isinstance(trace_elementwise(lambda x: torch.special.bessel_j0(x)), OpaqueFunction)
    with pytest.raises(
        NetTypeError, match="spectrum is not elementwise: an element of its result is another when the element is given alone"
    ):
        trace_elementwise(spectrum)


def test_noise_is_found_and_no_global_generator_moves():
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    assert isinstance(trace(lambda x: x + torch.rand(3), shapes=[(3,)]), OpaqueFunction)
    assert isinstance(trace(lambda x: x * random.random(), shapes=[(3,)]), OpaqueFunction)
    assert isinstance(trace(lambda x: x * float(np.random.rand()), shapes=[(3,)]), OpaqueFunction)  # noqa: NPY002
    assert isinstance(trace(lambda x: torch.rand_like(x), shapes=[(3,)]), OpaqueFunction)
    trace(lambda x: x + 1)
    assert torch.equal(states[0], torch.get_rng_state()) and states[1] == random.getstate()
    assert np.array_equal(states[2][1], np.random.get_state()[1])  # noqa: NPY002


def test_elementwise_functions():
    graph = trace_elementwise(lambda x: If(x > 0, x, 0.1 * x))
    assert repr(graph) == "where(x > 0, x, 0.1 * x)"
    assert trace_elementwise(Plus, 3).inputs == ("Input1", "Input2", "Input3") and len(trace_elementwise(Plus, 3).nodes) == 2
    assert trace_elementwise("GELU") == trace(symbol("GaussianErrorLinearUnit"))
    filled = trace_elementwise(lambda x: 3)
    assert repr(filled) == "full_like(x, 3.0)" and filled(torch.zeros(2, 2)).tolist() == [[3, 3], [3, 3]]


def test_unknown_shapes_try_ranks():
    assert repr(trace(lambda x: x.transpose(-1, -2).softmax(-1))) == "softmax(transpose(x, -1, -2), -1)"
    assert repr(trace(lambda a, b: a @ b, shapes=[None, (4,)])) == "a @ b"
