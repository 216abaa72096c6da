"""Sequences of different lengths taken in together: what comes out is what comes out one by one, and all else is left to the slow way."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netgraph.run.convert import pieces
from netgraph.run.sequences import joined, padded, spread
from netgraph.types.kinds import Integer
from netgraph.types.port_type import PortType, parse_type

LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=7)
FORMS = {
    "tensors": torch.from_numpy,
    "arrays": np.asarray,
    "whole numbers": lambda row: torch.from_numpy(row).round().to(torch.int32),
    "half": lambda row: torch.from_numpy(row).half(),
}


def one_by_one(examples, kind, dtype=torch.float32):
    """The padded batch and the lengths, an example at a time."""
    tensors = [pieces([example], kind, "x", dtype)[0][0] for example in examples]
    lengths = [len(example) for example in examples]
    whole = torch.zeros((len(examples), max(1, *lengths), *tensors[0].shape[1:]), dtype=tensors[0].dtype)
    for row, tensor, length in zip(whole, tensors, lengths, strict=True):
        row[:length] = tensor[:length]
    return whole, lengths


@pytest.mark.parametrize("form", FORMS)
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_the_same_as_one_by_one(form, lengths, seed):
    kind = parse_type(("Varying", 2), "Input")
    examples = [
        FORMS[form](3 * row) for row in np.split(np.random.default_rng(seed).normal(size=(sum(lengths), 2)), np.cumsum(lengths)[:-1])
    ]
    for dtype in (torch.float32, torch.float64):
        found = padded(examples, kind, dtype)
        assert found is not None
        whole, told = one_by_one(examples, kind, dtype)
        assert found[0].dtype is dtype and torch.equal(found[0], whole) and found[1].tolist() == told
        both = joined(examples, kind, dtype)
        assert both is not None and len(both[0]) == sum(lengths) + 1 and not both[0][-1].any()
        rows = torch.tensor([len(lengths) - 1, 0])
        again = spread(both[0], (both[1].cumsum(0) - both[1])[rows], both[1][rows])
        assert torch.equal(again, whole[rows][:, : again.shape[1]]) and again.shape[1] == max(1, lengths[0], lengths[-1])


@pytest.mark.parametrize("port", ["Real", "Integer", "Boolean"])
@given(examples=st.lists(st.lists(st.integers(0, 1), max_size=5), min_size=1, max_size=5))
def test_lists_of_numbers(port, examples):
    examples = [[bool(entry) if port == "Boolean" else entry for entry in row] for row in examples]
    kind = parse_type(("Varying", port), "Input")
    found = padded(examples, kind)
    if not any(examples):  # empty lists alone say nothing about what they are of
        assert found is None
        return
    assert found is not None
    assert found[0].dtype is {"Real": torch.float32, "Integer": torch.int64, "Boolean": torch.bool}[port]
    longest = max(1, *map(len, examples))
    assert found[0].tolist() == [row + [0] * (longest - len(row)) for row in examples]
    assert found[1].tolist() == [len(row) for row in examples]


@pytest.mark.parametrize(
    ("port", "examples"),
    [
        (("Varying", 2), [torch.ones(3, 2), torch.ones(3, 3)]),
        (("Varying", 2), [torch.ones(3, 3), torch.ones(1, 3)]),
        (("Varying", 2), [torch.ones(3, 2), torch.ones(2)]),
        (("Varying", 2), [torch.ones(3, 2), torch.ones(())]),
        (("Varying", 2), [torch.ones(3, 2), torch.ones(3, 2).double()]),
        (("Varying", 2), [torch.ones(3, 2), np.ones((3, 2))]),
        (("Varying", 2), [torch.ones(3, 2) * 1j]),
        (("Varying", 2), [np.ones((3, 2)) * 1j]),
        (("Varying", 2), [np.array([["a", "b"]])]),
        (("Varying", 2), [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]]),
        (("Varying", "Varying"), [torch.ones(3, 2), torch.ones(3, 2)]),
        ((2, "Varying"), [torch.ones(2, 3), torch.ones(2, 1)]),
        ("Varying", [[1, 2.0], [3]]),
        ("Varying", [[1, "2"], [3]]),
        ("Varying", [[1, None], [3]]),
        ("Varying", []),
        ("Varying", torch.ones(2, 3)),
        ("Varying", "text"),
        (("Varying", "Integer"), [[1.5], [2.0, 3.0]]),
        (("Varying", "Integer"), [[2**70], [1]]),
        (("Varying", "Integer"), [[2**63], [-1]]),
        (("Varying", "Integer"), [torch.ones(2, dtype=torch.uint64)]),
        (("Varying", "Boolean"), [[1, 0], [1]]),
    ],
)
def test_what_takes_a_look_at_each_example(port, examples):
    kind = parse_type(port, "Input")
    assert padded(examples, kind) is None and joined(examples, kind) is None


def test_numbers_that_the_port_does_not_have():
    kind = PortType(Integer(3), parse_type("Varying", "Input").shape)
    found = padded([torch.tensor([0, 2]), torch.tensor([1], dtype=torch.int64)], kind)
    assert found is not None and found[0].tolist() == [[0, 2], [1, 0]]
    assert padded([torch.tensor([0, 3]), torch.tensor([1])], kind) is None
    assert padded([torch.tensor([0, -1]), torch.tensor([1])], kind) is None


def test_what_is_not_finite_only_where_it_is_asked_for():
    kind = parse_type("Varying", "Input")
    for wrong in (math.nan, math.inf, 1e300):
        examples = [torch.tensor([1.0, wrong]).double(), torch.tensor([1.0]).double()]
        assert padded(examples, kind) is not None
        assert padded(examples, kind, finite=True) is None


def test_gradients_reach_the_examples():
    a, b = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    found = padded([a, b], parse_type("Varying", "Input"))
    assert found is not None
    (found[0] * torch.tensor([[1.0, 2.0, 9.0], [3.0, 4.0, 5.0]])).sum().backward()
    assert a.grad is not None and b.grad is not None
    assert a.grad.tolist() == [1, 2] and b.grad.tolist() == [3, 4, 5]


def test_zeros_that_are_kept_are_never_given_out():
    kind = parse_type("Varying", "Input")
    for _ in range(2):
        found = padded([torch.ones(1), torch.ones(4)], kind)
        assert found is not None and found[0].tolist() == [[1, 0, 0, 0], [1, 1, 1, 1]]
        found[0].fill_(7.0)
    with torch.inference_mode():
        padded([torch.ones(1), torch.ones(90)], kind)
    assert padded([torch.ones(1), torch.ones(90)], kind) is not None
