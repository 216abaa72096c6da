"""What the table of rows cannot say of the layers that rearrange: ragged data, places that are not there, notation, nets around them."""

import math

import numpy as np
import pytest
import torch

from netgraph import (
    All,
    AppendLayer,
    Automatic,
    CrossEntropyLossLayer,
    ExtractLayer,
    Integer,
    LinearLayer,
    NetChain,
    NetGraph,
    NetMapOperator,
    NetPort,
    PaddingLayer,
    PartLayer,
    PrependLayer,
    Ramp,
    ReplicateLayer,
    SoftmaxLayer,
    TotalLayer,
    TransposeLayer,
    net_load,
    net_save,
    net_train,
)
from netgraph.lower.forward import lower


def lists(result):
    return [np.asarray(example).tolist() for example in result]


def test_elements_join_each_example_at_its_own_end():
    data = {"Input": [[1, 2, 3], [4]], "Element": [8, 9]}
    assert lists(AppendLayer(Input="Varying")(data)) == [[1, 2, 3, 8], [4, 9]]
    assert lists(PrependLayer(Input="Varying")(data)) == [[8, 1, 2, 3], [9, 4]]


@pytest.mark.parametrize(
    "padding, expected",
    [
        (0, [[0, 1, 2, 3, 0, 0], [0, 4, 0, 0]]),
        ("Fixed", [[1, 1, 2, 3, 3, 3], [4, 4, 4, 4]]),
        ("Reflected", [[2, 1, 2, 3, 2, 1], [4, 4, 4, 4]]),
    ],
)
def test_padding_follows_the_true_end(padding, expected):
    assert lists(PaddingLayer([(1, 2)], Padding=padding, Input="Varying")([[1, 2, 3], [4]])) == expected


def test_parts_counted_from_the_true_end():
    data = [[1, 2, 3, 4], [5, 6, 7]]
    assert PartLayer(-1, Input="Varying")(data).tolist() == [4, 7]
    assert PartLayer(slice(-1, None), Input="Varying")(data).tolist() == [[4], [7]]
    assert lists(PartLayer(slice(1, -1), Input="Varying")(data)) == [[2, 3], [6]]


def test_negative_places_are_counted_from_the_true_end():
    layer = ExtractLayer(Input="Varying", Position=("Varying", 1))
    assert lists(layer({"Input": [[1, 2, 3], [4, 5]], "Position": [[[-1], [0], [-3]], [[-1], [-2]]]})) == [[3, 1, 1], [5, 4]]


@pytest.mark.parametrize("position", [3, -4, 2**40])
def test_a_place_that_is_not_there_is_nan(position):
    assert math.isnan(ExtractLayer()({"Input": [1, 2, 3], "Position": [position]}))
    found = ExtractLayer()({"Input": [[1, 2], [3, 4], [5, 6]], "Position": [[0], [position]]})
    assert found[0].tolist() == [1, 2] and np.isnan(found[1]).all()


def test_a_place_behind_the_end_of_a_shorter_example_is_nan():
    layer = ExtractLayer(Input="Varying", Position="Integer")
    found = layer({"Input": [[1, 2, 3], [4, 5]], "Position": [2, 2]})
    assert found[0] == 3 and math.isnan(found[1])


def test_what_is_not_there_has_no_gradient():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    found = ExtractLayer()({"Input": x, "Position": torch.tensor([[1], [5]])})
    found[0].backward()
    assert x.grad.tolist() == [0.0, 1.0]


def test_lists_and_tuples_of_two_levels():
    x = [[1, 2, 3], [4, 5, 6]]
    assert TransposeLayer([0, 1])(x).tolist() == x
    assert TransposeLayer([1, 0])(x).tolist() == TransposeLayer((0, 1))(x).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert TransposeLayer(np.array([0, 1]).tolist()) == TransposeLayer(specification=[0, 1]) == TransposeLayer(())


def test_one_entry_is_the_first_level():
    assert PartLayer(1) == PartLayer((1,)) and repr(PartLayer((1,))) == "PartLayer(1)"
    assert repr(PartLayer(slice(np.int64(1), None))) == "PartLayer(slice(1, None, None))"
    assert PartLayer(slice(1, 2, 1)) == PartLayer(slice(1, 2)) and PartLayer(slice(None)) == PartLayer(All)
    assert repr(ReplicateLayer((3,))) == "ReplicateLayer(3)"
    assert repr(PaddingLayer([[1, 2]], Padding=1)) == "PaddingLayer(((1, 2),), Padding=1.0)"


@pytest.mark.parametrize(
    "layer",
    [
        PartLayer((slice(1, -1), All, -1)),
        TransposeLayer([0, 1]),
        TransposeLayer((0, 2)),
        TransposeLayer([(0, 1), (1, 2)]),
        TransposeLayer([1, 2, 0]),
        PaddingLayer(((1, 2),), Padding="Fixed"),
        PaddingLayer(((1, 2),), Padding=-math.inf),
        ReplicateLayer((2, Automatic), -1),
        ExtractLayer(Position="Integer"),
    ],
    ids=str,
)
def test_comes_back_from_a_file(layer, tmp_path):
    assert net_load(net_save(layer, tmp_path / "net.safetensors")) == layer


def test_an_example_too_short_for_a_part_gives_nothing():
    assert lists(PartLayer(slice(2, None), Input="Varying")([[1, 2, 3, 4], [5]])) == [[3, 4], []]


def test_a_part_in_a_net_that_is_trained_on_lists():
    net = NetChain([NetMapOperator(LinearLayer(2)), PartLayer(-1), SoftmaxLayer()], Input=("Varying", 3))
    data = {"Input": [[[1, 0, 0]], [[0, 0, 1], [0, 1, 0]], [[1, 1, 1], [0, 0, 1], [1, 0, 0]]], "Output": [[1, 0], [0, 1], [1, 0]]}
    trained = net_train(net, data, MaxTrainingRounds=200, TrainingProgressReporting=None, RandomSeeding=1)
    assert np.allclose(trained(data["Input"]), data["Output"], atol=0.4)


def test_copies_can_be_written_to_one_by_one():
    copies = NetChain([Ramp, ReplicateLayer(2)])([1, 2])
    copies[0, 0] = 9
    assert copies.tolist() == [[9, 2], [1, 2]]


def test_integers_stay_integers():
    net = NetChain([PartLayer(slice(1, None)), TransposeLayer(), ReplicateLayer(2)], Input=(3, 2, Integer(5)))
    assert net([[0, 1], [2, 3], [4, 0]]).tolist() == [[[2, 4], [3, 0]]] * 2
    kind = AppendLayer(Input=("Varying", Integer(5)))
    assert kind({"Input": [1, 2], "Element": 4}).dtype == np.int64


def test_the_number_of_copies_comes_from_what_is_around():
    net = NetGraph({"r": ReplicateLayer(Automatic), "t": TotalLayer()}, ["a -> r -> t", "b -> t"], a=2, b=(3, 2))
    assert net({"a": [1, 2], "b": [[0, 0], [10, 10], [20, 20]]}).tolist() == [[1, 2], [11, 12], [21, 22]]


@pytest.mark.parametrize("layer", [TransposeLayer((0, 1)), PartLayer((slice(0, 2), -1))], ids=["transpose", "part"])
def test_cross_entropy_on_logits_through_layers_that_keep_the_last_level(layer):
    parts = {"s": SoftmaxLayer(), "p": layer, "l": CrossEntropyLossLayer("Index")}
    net = NetGraph(parts, ["x -> s -> p -> l", (NetPort("t"), NetPort("l", "Target"))], x=(3, 3, 4))
    assert "log_softmax" in lower(net).source or "cross_entropy" in lower(net).source
