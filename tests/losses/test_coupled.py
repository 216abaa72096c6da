"""Losses that see the whole batch, in training nets."""

import numpy as np
import pytest

from netgraph import *


def classes(count=60, seed=0):
    source = np.random.default_rng(seed)
    y = np.arange(count) % 3
    x = source.normal(size=(count, 4)).astype(np.float32) + 2 * np.eye(4, dtype=np.float32)[y]
    return x, y


@pytest.mark.parametrize("plan", ["Reference", "eager", "traced"])
@pytest.mark.parametrize("loss", [NTXentLossLayer(0.5), TripletLossLayer(0.5, Miner="BatchHardMiner"), SupConLossLayer()], ids=repr)
def test_an_embedding_net_trains_with_one_line(loss, plan):
    x, y = classes()
    options = {"BatchSize": 20, "MaxTrainingRounds": 20, "TrainingProgressReporting": None, "LearningRate": 0.05}
    net = NetChain([8, Ramp, 2], Input=4)
    result = net_train(net, {"Input": x, "Target": y}, All, LossFunction=loss, ValidationSet=Scaled(0.2), Plan=plan, **options)
    losses = result["RoundLossList"]
    assert losses[-1] < 0.8 * losses[0] and plan.lower() in str(result["Plan"])
    assert result["TrainedNet"](x[:5]).shape == (5, 2)


def test_a_net_with_its_own_coupled_loss_trains_as_it_is():
    x, y = classes()
    net = NetGraph({"net": NetChain([8, Ramp, 2]), "loss": SupConLossLayer()}, ["Input -> net -> loss", "Target -> loss/Target"], Input=4)
    data = {"Input": x, "Target": y}
    trained = net_train(net, data, MaxTrainingRounds=2, TrainingProgressReporting=None)
    assert set(trained(data)) == {"Loss", "Valid", "Active", "Positive", "Negative"}
    assert trained(data)["Valid"].mean() == 1


def test_what_was_mined_can_be_looked_at():
    found = TripletLossLayer(Miner="BatchHardMiner")({"Input": [[0, 1], [1, 1], [1, 0], [-1, 0.1]], "Target": [0, 0, 1, 1]})
    assert found["Positive"].tolist() == [1, 0, 3, 2] and found["Negative"].tolist() == [3, 2, 1, 0]
    assert found["Valid"].tolist() == [1, 1, 1, 1] and found["Active"].tolist() == [0, 1, 1, 1]
