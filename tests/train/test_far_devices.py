"""Devices that the host does not wait for: here the CPU is treated as one, so that what GPUs run is run by every test."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.train import loop as loop_module
from netgraph.train import runner as runner_module
from netgraph.train.result import StopReason

X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
CLASS = (X[:, 0] > X[:, 1]).astype(np.int64)
NET = NetChain([8, Ramp, DropoutLayer(0.3), BatchNormalizationLayer(), 2, SoftmaxLayer()], Input=3)
OPTIONS = {"BatchSize": 8, "MaxTrainingRounds": 20, "TrainingProgressReporting": None, "Plan": "Reference"}
VARIANTS = {
    "plain": {},
    "accumulation": {"GradientAccumulation": 3},
    "turns": {"TrainingUpdateSchedule": [{0: 2}, All]},
    "EMA and validation": {"EMA": 0.9, "ValidationSet": (X, CLASS)},
    "a torch optimiser": {"Method": (torch.optim.Adagrad, {})},
    "several": {"Method": ("SGD", {"WeightClipping": 1, "GradientNormClipping": 1}), "LearningRateMultipliers": {0: -1, All: 2}},
}


@pytest.fixture
def far(monkeypatch):
    def turn(on):
        for module in (loop_module, runner_module):
            monkeypatch.setattr(module, "waits_for_nothing", lambda device: not on)

    return turn


def bits(net):
    return {key: tensor.numpy().tobytes() for key, tensor in net.tensors.items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_waits_and_the_bits_are_those_of_the_host(far, tmp_path, name):
    options = {**OPTIONS, **VARIANTS[name]}
    near = net_train(NET, (X, CLASS), All, **options)
    far(True)
    result = net_train(
        NET, (X, CLASS), All, **options, TrainingProgressCheckpointing=("File", tmp_path / "a", {"Interval": (5, "Batches")})
    )
    assert bits(result.training_net) == bits(near.training_net)
    for name in ("BatchLossList", "RoundLossList", "ValidationLossList", "TotalBatches", "ExamplesProcessed"):
        assert result[name] == near[name]
    assert net_load(tmp_path / "a") == (result.trained_net if near.best_validation_round is None else net_load(tmp_path / "a"))


@pytest.mark.parametrize("options", [{}, {"GradientAccumulation": 2}], ids=["plain", "accumulation"])
def test_a_bad_batch_is_named_though_it_is_seen_later(far, options):
    def sample(info):
        x = X[:8] * (1 if info.absolute_batch != 25 else np.inf)
        return {"Input": x, "Output": CLASS[:8]}

    def run():
        return net_train(NET, (sample, {"RoundLength": 8 * 200}), All, **{**OPTIONS, "MaxTrainingRounds": 1, **options})

    near = run()
    far(True)
    result = run()
    assert near.reason_training_stopped is result.reason_training_stopped is StopReason.DIVERGED
    assert bits(result.trained_net) == bits(near.trained_net)
    number = 13 if options else 25
    wanted = f'net_train: the loss or its gradient was not finite at batch {number}: the data at "Input" is not finite'
    assert result.report[-1] == near.report[-1] == wanted
