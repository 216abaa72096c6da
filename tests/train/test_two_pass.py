"""Losses that see the whole batch, on batches too large for one pass: the numbers of one pass over all."""

import numpy as np
import pytest

from netgraph import *

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
CLASS = np.arange(24) % 4
NET = net_initialize(NetChain([8, Tanh, 4], Input=3))
OPTIONS = {"MaxTrainingRounds": 3, "WorkingPrecision": "Real64", "TrainingProgressReporting": None, "Plan": "Reference"}
LOSSES = [TripletLossLayer(), SupConLossLayer(), MultiSimilarityLossLayer(), NTXentLossLayer(), MarginLossLayer(LearnBeta=True, Classes=4)]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 2, 24)], ids=["plain", "weighted"])
def test_accumulated_batches_are_seen_together(loss, weight):
    data = {"Input": X, "Target": CLASS, **({} if weight is None else {"Weight": weight})}
    one = net_train(NET, data, All, LossFunction=loss, BatchSize=24, **OPTIONS)
    parts = net_train(NET, data, All, LossFunction=loss, BatchSize=6, GradientAccumulation=4, **OPTIONS)
    assert parts.total_batches == one.total_batches == 3
    assert parts.batch_loss_list == pytest.approx(one.batch_loss_list, rel=1e-9)
    for key, array in one.training_net.arrays.items():
        np.testing.assert_allclose(parts.training_net.arrays[key], array, rtol=1e-7, atol=1e-10)


def test_with_noise_turns_and_a_loss_that_is_not_finite():
    net = net_initialize(NetChain({"a": 8, "d": DropoutLayer(0.3), "n": BatchNormalizationLayer(), "b": 4}, Input=3))
    options = {**OPTIONS, "BatchSize": 6, "GradientAccumulation": 2, "LossFunction": SupConLossLayer(), "ValidationSet": (X, CLASS)}
    result = net_train(net, (X, CLASS), All, **options, TrainingUpdateSchedule=["a", "b"])
    assert result.total_batches == 6 and len(result.validation_loss_list) == 3
    again = net_train(net, (X, CLASS), All, **options, TrainingUpdateSchedule=["a", "b"])
    assert again.training_net == result.training_net

    def sample(info):
        return {"Input": X[:6] * (np.inf if info.absolute_batch == 4 else 1), "Target": CLASS[:6]}

    options = {**options, "ValidationSet": None, "MaxTrainingRounds": 10}
    bad = net_train(net, (sample, {"RoundLength": 12}), All, **options)
    assert bad.report[-1] == 'net_train: the loss or its gradient was not finite at batch 2: the data at "Input" is not finite'


def test_a_loss_inside_the_net_cannot_be_taken_apart():
    net = NetGraph({"n": NET, "l": SupConLossLayer()}, [("n", NetPort("l", "Input"))])
    with pytest.raises(NetTypeError) as caught:
        net_train(net, {"Input": X, "Target": CLASS}, GradientAccumulation=2, **OPTIONS)
    assert str(caught.value) == (
        "net_train: GradientAccumulation with a loss that sees the whole batch wants this loss alone\n  try: LossFunction=the loss"
    )


def test_the_trainer_and_checkpoints_know_no_half_of_such_an_update(tmp_path):
    options = {"LossFunction": SupConLossLayer(), "GradientAccumulation": 2}
    trainer = Trainer(NET, **options)
    batches = [{"Input": X[i : i + 6], "Target": CLASS[i : i + 6]} for i in (0, 6, 12, 18)]
    first, second = trainer.step(batches[0]), trainer.step(batches[1])
    assert np.isnan(first) and np.isfinite(second) and trainer.batch == 1
    place = trainer.save(tmp_path / "a")
    trainer.step(batches[2])
    with pytest.raises(NetTrainingError) as caught:
        trainer.save(tmp_path / "b")
    assert str(caught.value) == "Trainer.save: in the middle of an update whose loss sees all its parts; save after it"
    again = Trainer(NET, **options, Resume=place)
    for batch in batches[2:]:
        again.step(batch)
    trainer.step(batches[3])
    assert again.net == trainer.net

    def sample(info):
        if info.absolute_batch == 4:
            raise OSError("gone")
        return batches[info.absolute_batch % 4]

    saving = {"TrainingProgressCheckpointing": ("File", tmp_path / "c", {"Interval": (1, "Batches")})}
    result = net_train(NET, (sample, {"RoundLength": 64 * 4}), All, **options, **OPTIONS, **saving)
    assert result.total_batches == 1 and net_load(tmp_path / "c") == result.trained_net
