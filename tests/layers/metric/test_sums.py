"""Weighted sums of losses on one embedding, trained together."""

import numpy as np
import pytest

from netgraph import *

QUICK = {"MaxTrainingRounds": 2, "BatchSize": 8, "RandomSeeding": 3, "TrainingProgressReporting": None}


def data():
    source = np.random.default_rng(0)
    return {"Input": source.normal(size=(24, 4)).astype(np.float32), "Target": np.arange(24) % 3}


def test_the_loss_is_the_scaled_sum():
    net = net_initialize(NetChain([3], Input=4), RandomSeeding=1)
    parts = [SupConLossLayer(0.5), CosFaceLossLayer(3, Scale=4), RegularizationLossLayer(LpRegularizer(2, 2))]
    factors = [0.5, 2.0, 0.25]
    terms = [("Output", part, Scaled(factor)) for part, factor in zip(parts, factors, strict=True)]
    still = {**QUICK, "MaxTrainingRounds": 1, "BatchSize": 24, "LearningRate": 1e-12}
    whole = net_train(net, data(), All, LossFunction=terms, **still)
    trained, columns = whole["TrainingNet"], data()
    embedded = net(columns["Input"])
    expected = 0.0
    for number, factor in enumerate(factors, 1):
        layer = net_extract(trained, f"loss{number}")
        found = layer(embedded if number == 3 else {"Input": embedded, "Target": columns["Target"]})
        expected += factor * float(np.mean(found["Loss"] if isinstance(found, dict) else found))
    assert whole["RoundLoss"] == pytest.approx(expected, rel=1e-5)


def test_the_terms_train_together_and_are_taken_off():
    net = net_initialize(NetChain([3], Input=4), RandomSeeding=1)
    terms = [
        ("Output", ProxyAnchorLossLayer(3)),
        ("Output", TripletLossLayer(), Scaled(0.5)),
        ("Output", RegularizationLossLayer(), Scaled(0.1)),
    ]
    result = net_train(net, data(), All, LossFunction=terms, **QUICK)
    assert result["TrainedNet"].structure == net.structure and "loss1/Weights" in result["TrainingNet"].arrays
    heavy = net_train(
        net, data(), LossFunction=[*terms[:2], ("Output", RegularizationLossLayer(), Scaled(50.0))], **QUICK, LearningRate=0.05
    )
    size = lambda net: np.linalg.norm(net(data()["Input"]), axis=1).mean()  # noqa: E731
    assert size(heavy) < size(result["TrainedNet"])
