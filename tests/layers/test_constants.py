"""Arrays without an input inside nets: batches, operators, gradients, training, files; and the starting values of slopes and constants."""

import numpy as np
import pytest
import torch

from netgraph import (
    LinearLayer,
    NetArray,
    NetArrayLayer,
    NetChain,
    NetGraph,
    NetMapOperator,
    NetPairEmbeddingOperator,
    NetPort,
    NetPortGradient,
    ParametricRampLayer,
    Plus,
    Times,
    net_initialize,
)


def added(function=Plus, **options):
    """A graph that joins its input with a constant."""
    return NetGraph({"c": NetArrayLayer(**options), "f": function}, [((NetPort("Input"), "c"), "f")])


def test_a_net_without_inputs_gives_one_example():
    assert np.array_equal(NetArrayLayer(Array=[[1, 2], [3, 4]])(), [[1, 2], [3, 4]])
    assert NetArrayLayer(Array=3)() == 3.0
    chain = NetChain([NetArrayLayer(Array=[1, 2]), LinearLayer(2, Weights=[[1, 1], [0, 1]], Biases=None)])
    assert chain().tolist() == [3, 2]
    module = chain.to_torch()
    assert module().tolist() == [[3, 2]]


def test_the_result_is_not_the_array_itself():
    layer = NetArrayLayer(Array=[1, 2])
    layer()[0] = 9
    assert layer().tolist() == [1, 2]


def test_every_example_of_a_batch_gets_the_array():
    net = added(Array=[1, 2])
    assert net([10, 20]).tolist() == [11, 22]
    assert net([[10, 20]]).tolist() == [[11, 22]]
    assert net([[10, 20], [30, 40], [50, 60]], BatchSize=2).tolist() == [[11, 22], [31, 42], [51, 62]]
    assert net([[10, 20], [30, 40]])[1].tolist() == net([30, 40]).tolist()


def test_a_constant_at_an_output_has_the_batch_of_the_inputs():
    net = NetGraph({"c": NetArrayLayer(Array=[1, 2]), "s": LinearLayer((), Weights=[[1]], Biases=None)}, ["x -> s -> y", "c -> z"], x=())
    found = net({"x": [5, 6, 7]})
    assert found["y"].tolist() == [5, 6, 7] and found["z"].tolist() == [[1, 2]] * 3
    assert net({"x": 5})["z"].tolist() == [1, 2]


def test_the_dimensions_follow_from_the_graph():
    net = net_initialize(NetGraph({"c": NetArrayLayer(), "f": Plus}, [((NetPort("Input"), "c"), "f")], Input=(2, 3)))
    assert net.arrays["c/Array"].shape == (2, 3)
    assert net.arrays["c/Array"].any()


@pytest.mark.parametrize("batch", [1, 3])
def test_inside_operators(batch):
    twice = NetMapOperator(NetMapOperator(added(Times, Array=[1, 2])))
    x = np.arange(batch * 24.0).reshape(batch, 3, 4, 2)
    assert np.array_equal(twice(x), x * [1, 2])


def test_inside_a_pair():
    pair = NetPairEmbeddingOperator(added(Times, Array=[3, 4]))
    assert pair([[[1, 1], [0, 0]], [[2, 0], [0, 0]]]).tolist() == [5, 6]


def test_inside_a_map_over_lengths_that_vary():
    net = NetMapOperator(added(Array=[1, 2]), Input=("Varying", 2))
    found = net([[[1, 1]], [[2, 2], [3, 3]]])
    assert [x.tolist() for x in found] == [[[2, 3]], [[3, 4], [4, 5]]]


def test_its_gradient_is_summed_over_uses():
    net = added(Times, Array=[1, 2])
    x = [[1, 2], [3, 4], [5, 6]]
    assert net(x, NetPortGradient("c", "Array")).tolist() == [9, 12]
    shared = NetGraph(
        {"a": NetArrayLayer(Array=NetArray("w", Array=[1, 2])), "b": NetArrayLayer(Array=NetArray("w")), "f": Plus},
        [((NetPort("Input"), "a", "b"), "f")],
    )
    assert shared([0, 0]).tolist() == [2, 4] and list(shared.arrays) == ["w"]


def test_it_exports_with_any_batch():
    module = added(Array=[1.0, 2.0]).to_torch()
    batch = torch.export.Dim("batch", min=2)
    exported = torch.export.export(module, (torch.zeros(4, 2),), dynamic_shapes=(({0: batch},),))
    assert exported.module()(torch.zeros(7, 2)).tolist() == [[1, 2]] * 7


def test_how_it_starts():
    assert net_initialize(NetArrayLayer(Initial=0.5, Output=2)).arrays["Array"].tolist() == [0.5, 0.5]
    assert NetArrayLayer(Initial=1) == NetArrayLayer(Initial=1.0) and NetArrayLayer(Initial=1) != NetArrayLayer()
    assert net_initialize(ParametricRampLayer(Input=(2, 3))).arrays["Slope"].tolist() == [np.float32(0.1)] * 2
    assert net_initialize(ParametricRampLayer((), Input=(2, 3))).arrays["Slope"] == np.float32(0.1)


def test_a_number_as_slope_is_one_slope_for_all():
    for slope in (0.5, np.float32(0.5), np.array(0.5), torch.tensor(0.5)):
        layer = ParametricRampLayer(Slope=slope)
        assert layer == ParametricRampLayer((), slope=0.5) and layer([[-2, 2]]).tolist() == [[-1, 2]]
