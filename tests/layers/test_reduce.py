"""What padding, ties and single elements do to sums, statistics, products and orderings."""

import math

import numpy as np
import pytest
import torch

from netgraph import AggregationLayer, All, DotLayer, Max, NetPortGradient, OrderingLayer, SummationLayer, Times
from netgraph.lower.forward import lower
from tests.layers.rows_reduce import STATISTICS

LAYERS = [
    SummationLayer(Input=("Varying", 2)),
    *(AggregationLayer(name, levels, Input=("Varying", 2)) for name in STATISTICS for levels in (0, All)),
]


@pytest.mark.parametrize("padding", [math.nan, math.inf, -math.inf, 0.0])
@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_nothing_of_the_padding_is_seen(layer, padding):
    forward = lower(layer).forward
    alone = torch.tensor([[[0.5, -1.0], [2.0, 3.0], [1.5, 0.25]]], dtype=torch.float64, requires_grad=True)
    padded = torch.cat([alone.detach(), torch.full((1, 2, 2), padding)], 1).requires_grad_()
    expected, found = (forward((x,), (), (), (), (torch.tensor([3]),), None)[0][0] for x in (alone, padded))
    assert torch.equal(expected, found)
    (own,), (whole,) = torch.autograd.grad(expected.sum(), alone), torch.autograd.grad(found.sum(), padded)
    assert torch.allclose(own, whole[:, :3], rtol=1e-12, atol=1e-12) and not whole[:, 3:].any()


@pytest.mark.parametrize("padding", [math.nan, math.inf])
def test_nothing_of_the_padding_is_seen_in_a_product(padding):
    forward = lower(DotLayer(InputPorts=["Varying", ("Varying", 2)])).forward
    a, b = (
        torch.tensor([[1.0, 2.0, padding]], requires_grad=True),
        torch.tensor([[[1.0, 0.0], [3.0, 1.0], [padding, padding]]], requires_grad=True),
    )
    result = forward((a, b), (), (), (), (torch.tensor([2]),), None)[0][0]
    assert result.tolist() == [[7, 2]]
    found = torch.autograd.grad(result.sum(), (a, b))
    assert [g.tolist() for g in found] == [[[1, 4, 0]], [[[1, 1], [2, 2], [0, 0]]]]


def test_gradients_at_equal_elements_do_not_depend_on_the_padding():
    layer = AggregationLayer("Median", 0, Input="Varying")
    alone = layer([[2.0, 1.0, 2.0, 2.0]], NetPortGradient("Input"))
    both = layer([[2.0, 1.0, 2.0, 2.0], [1.0] * 9], NetPortGradient("Input"))
    assert np.array_equal(alone[0], both[0])


def test_equal_elements_have_a_deviation_without_gradient():
    assert AggregationLayer("StandardDeviation", 0)([3, 3, 3], NetPortGradient("Input")).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", ["Variance", "StandardDeviation", "MeanDeviation", "InterquartileRange"])
def test_the_spread_of_one_element_is_nothing(name):
    assert AggregationLayer(name, 0)([7]) == 0.0
    assert AggregationLayer(name, 0, Input="Varying")([[7], [1, 2, 4, 7]])[0] == 0.0


def test_a_function_may_be_a_symbol():
    assert AggregationLayer(Max) == AggregationLayer("Max") and AggregationLayer(Times, 0)([2, 3]) == 6.0


def test_equal_elements_keep_their_order():
    assert OrderingLayer()([1, 0, 1, 0, 1]).tolist() == [1, 3, 0, 2, 4]
    assert OrderingLayer(-2)([1, 0, 1, 0, 1]).tolist() == [2, 4]
    assert OrderingLayer(Input="Varying")([[math.inf, 1, math.inf], [1, 2, 3, 4, 0]])[0].tolist() == [1, 0, 2]


def test_positions_that_an_example_does_not_have():
    least, greatest = OrderingLayer(3, Input="Varying"), OrderingLayer(-3, Input="Varying")
    data = [[5, 4], [3, 1, 2, 0], [9]]
    assert least(data).tolist() == [[1, 0, -1], [3, 1, 2], [0, -1, -1]]
    assert greatest(data).tolist() == [[1, 0, -1], [1, 2, 0], [0, -1, -1]]
    for layer in (least, greatest):
        assert [layer(x).tolist() for x in data] == layer(data).tolist()


def test_a_list_of_two_levels_says_where_they_go_and_a_pair_swaps():
    assert DotLayer([[1, 0], None]) == DotLayer([(0, 1), None])
    assert DotLayer([[0, 1], None]) == DotLayer([None, None])
