"""NetTripletEmbeddingOperator, and training on triplets."""

import numpy as np
import pytest

from netgraph import *


def triplets(count=64):
    source = np.random.default_rng(0)
    directions = source.normal(size=(2, 4))
    side = source.integers(0, 2, count)
    near = [directions[side] + 0.5 * source.normal(size=(count, 4)) for _ in range(2)]
    return np.stack([*near, directions[1 - side] + 0.5 * source.normal(size=(count, 4))], 1).astype(np.float32)


def test_it_is_the_net_on_each_member():
    net = net_initialize(NetTripletEmbeddingOperator([3, Ramp], Input=4))
    assert net["Input"] == (3, 4) and net["Anchor"] == net["Negative"] == (3,) and eval(repr(net.structure)) == net.structure
    x = triplets(5)
    found = net(x)
    for number, member in enumerate(("Anchor", "Positive", "Negative")):
        np.testing.assert_allclose(found[member], net["Net"](x[:, number]), rtol=1e-6)
    named = NetTripletEmbeddingOperator(net["Net"], NamedPorts=True)
    again = named({"Anchor": x[:, 0], "Positive": x[:, 1], "Negative": x[:, 2]})
    assert all(np.array_equal(found[member], again[member]) for member in found)


@pytest.mark.parametrize(
    "loss",
    [Automatic, TripletMarginLossLayer(0.5, Swap=True), TripletMarginLossLayer(Reduction="Sum", DistanceFunction="cosine")],
    ids=repr,
)
def test_a_triplet_net_trains_with_one_line(loss):
    net = NetTripletEmbeddingOperator([8, Ramp, 2], Input=4)
    options = {"MaxTrainingRounds": 20, "LearningRate": 0.05, "TrainingProgressReporting": None, "LossFunction": loss}
    result = net_train(net, {"Input": triplets()}, All, **options)
    assert result["RoundLossList"][-1] < 0.7 * result["RoundLossList"][0]
    assert net_extract(result["TrainedNet"], "Net")(np.zeros(4)).shape == (2,)


def test_named_members_and_graphs_train_too():
    x = triplets()
    data = {"Anchor": x[:, 0], "Positive": x[:, 1], "Negative": x[:, 2]}
    options = {"MaxTrainingRounds": 2, "TrainingProgressReporting": None}
    assert isinstance(net_train(NetTripletEmbeddingOperator([2], NamedPorts=True, Anchor=4), data, **options), NetTripletEmbeddingOperator)
    embed = net_initialize(NetChain([2], Input=4))
    graph = NetGraph({"a": embed, "p": embed, "n": embed}, [f"{m} -> {m[0].lower()} -> {m}Out" for m in data])
    graph = NetGraph(
        {"net": graph, "loss": TripletMarginLossLayer()}, [f"{m} -> net/{m}" for m in data] + [f"net/{m}Out -> loss/{m}" for m in data]
    )
    assert net_train(graph, data, **options).output_ports() == ("Loss",)


def test_what_is_wrong_is_said():
    with pytest.raises(NetError) as caught:
        NetTripletEmbeddingOperator([3], Input=4, Swap=True)
    assert str(caught.value).startswith('NetTripletEmbeddingOperator has no option "Swap"')
