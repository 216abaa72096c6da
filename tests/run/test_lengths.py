"""Sequences that are empty, and those that are too short for a layer, which is told before it runs."""

import numpy as np
import pytest
import torch

from netgraph import (
    AppendLayer,
    ElementwiseLayer,
    NetChain,
    NetError,
    NetMapOperator,
    NetShapeError,
    SequenceLastLayer,
    SequenceMostLayer,
    SequenceReverseLayer,
    SummationLayer,
    Tanh,
)
from netgraph.lower.forward import lower
from netgraph.run.lengths import refuse_short


def test_lengths_are_held_against_what_each_layer_takes():
    lowered = lower(NetChain([SequenceReverseLayer(), SequenceMostLayer(), SequenceMostLayer()], Input="Varying"))
    refuse_short(lowered, [torch.tensor([3, 4])])
    with pytest.raises(NetShapeError) as caught:
        refuse_short(lowered, [torch.tensor([5, 3, 2])])
    assert str(caught.value) == "2 wants at least 2 elements, of example 2 of Input it would get 1"
    with pytest.raises(NetShapeError) as caught:
        refuse_short(lowered, [torch.tensor([1])], ["x"], "net_train: ")
    assert str(caught.value) == "net_train: 1 wants at least 2 elements, of example 0 of x it would get 1"


def test_where_nothing_varies_nothing_is_looked_at():
    refuse_short(lower(SequenceMostLayer(Input=2)), [])


@pytest.mark.parametrize("empty", [[], np.zeros((0, 2)), torch.zeros(0, 2)], ids=["list", "array", "tensor"])
def test_an_example_may_be_empty(empty):
    append = AppendLayer(Input=("Varying", 2))
    assert np.array_equal(append({"Input": empty, "Element": [1, 2]}), [[1, 2]])
    assert np.shape(ElementwiseLayer(Tanh, Input=("Varying", 2))(empty)) == (0, 2)


@pytest.mark.parametrize("batch", [[[], []], np.zeros((2, 0, 2)), [np.zeros((0, 2)), []]], ids=["lists", "array", "both"])
def test_all_examples_of_a_batch_may_be_empty(batch):
    append = AppendLayer(Input=("Varying", 2))
    assert np.array_equal(append({"Input": batch, "Element": [[1, 2], [3, 4]]}), [[[1, 2]], [[3, 4]]])
    found = append({"Input": [[], [[5, 6]]], "Element": [[1, 2], [3, 4]]})
    assert [rows.tolist() for rows in found] == [[[1, 2]], [[5, 6], [3, 4]]]


def test_rows_that_vary_may_be_empty_in_one_example():
    totals = NetMapOperator(SummationLayer(), Input=("Varying", "Varying"))
    assert totals([[], []]).tolist() == [0, 0] and totals([[1, 2], [3, 4]]).tolist() == [3, 7]


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: SequenceLastLayer(Input="Varying")([]),
            "SequenceLastLayer wants at least 1 element, of example 0 of Input it would get 0",
        ),
        (lambda: ElementwiseLayer(Tanh, Input=3)([]), "Input: arrays of size zero are not allowed, got shape (0,)"),
        (
            lambda: ElementwiseLayer(Tanh, Input=("Varying", 2))(np.zeros((0, 3, 2))),
            "Input: arrays of size zero are not allowed, got shape (0, 3, 2)",
        ),
        (
            lambda: ElementwiseLayer(Tanh, Input=("Varying", 2))(np.zeros((0, 3))),
            "Input wants real (Varying, 2), the data has shape (0, 3)",
        ),
    ],
)
def test_where_nothing_may_be_empty(call, message):
    with pytest.raises(NetError) as caught:
        call()
    assert str(caught.value) == message
