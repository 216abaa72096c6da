"""What layers cost: every row of the layer table has a count, and layers that only move elements cost nothing."""

import pytest

from netgraph import *
from netgraph.lower.cost import costs
from netgraph.spec.typing import infer
from tests.layers.harness import typed_as
from tests.layers.test_layers import ROWS


@pytest.mark.parametrize("row", ROWS, ids=[f"{place}-{type(row.layer).__name__}" for place, row in enumerate(ROWS)])
def test_every_layer_has_a_count(row):
    found = costs(infer(typed_as(row.layer, row.inputs), full=True, close=True), 5)
    for cost in found.values():
        assert isinstance(cost.flops, int) and cost.flops >= 0 and isinstance(cost.activations, int) and cost.activations > 0
    if row.layer.costless:
        assert [cost.flops for cost in found.values()] == [0]


def test_a_varying_net_costs_as_much_as_one_of_that_length():
    def net(size):
        return NetChain([NetMapOperator([4, Ramp]), SequenceRestLayer(), GatedRecurrentLayer(3), SequenceLastLayer(), 2], Input=(size, 2))

    def cost(size, length):
        return costs(infer(net(size), full=True, close=True), length)

    assert cost("Varying", 7) == cost(7, 1)
    assert cost("Varying", 7) != cost("Varying", 8)
