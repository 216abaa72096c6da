"""The trainer: the same steps as net_train, one at a time, with the same state."""

import doctest

import numpy as np
import pytest
import torch

import netgraph
from netgraph import *
from netgraph.train import trainer as module

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = X[:, 0]
NET = net_initialize(NetChain({"a": 4, "d": DropoutLayer(0.2), "n": BatchNormalizationLayer(), "b": LinearLayer(())}, Input=3))
BATCHES = [(X[i % 3 * 8 : i % 3 * 8 + 8], Y[i % 3 * 8 : i % 3 * 8 + 8]) for i in range(9)]


def bits(net):
    return {key: tensor.numpy().tobytes() for key, tensor in net.tensors.items()}


def test_examples_run():
    assert doctest.testmod(module, extraglobs={name: getattr(netgraph, name) for name in netgraph.__all__}).failed == 0


@pytest.mark.parametrize("options", [{}, {"EMA": 0.9, "Method": "RMSProp"}, {"GradientAccumulation": 3}])
def test_the_steps_are_those_of_net_train(options):
    data = iter(BATCHES)
    if "GradientAccumulation" in options:
        data = (data, {"RoundLength": 64 * 9})  # rounds end accumulations
    whole = net_train(NET, data, All, **options, MaxTrainingRounds=9, Plan="Eager", TrainingProgressReporting=None)
    trainer = Trainer(NET, **options)
    losses = [trainer.step(batch) for batch in BATCHES]
    assert bits(trainer.net) == bits(whole.trained_net)
    assert trainer.losses == whole.batch_loss_list and trainer.batch == whole.total_batches
    if not options:
        assert losses == whole.batch_loss_list


@pytest.mark.parametrize("at", [4, 5])
@pytest.mark.parametrize(
    "options", [{"EMA": 0.9}, {"GradientAccumulation": 2}, {"Method": (torch.optim.Adagrad, {}), "TrainingUpdateSchedule": ["a", All]}]
)
def test_it_goes_on_from_a_checkpoint(tmp_path, at, options):
    whole, first = Trainer(NET, **options), Trainer(NET, **options)
    for batch in BATCHES:
        whole.step(batch)
    for batch in BATCHES[:at]:
        first.step(batch)
    place = first.save(tmp_path / "a.safetensors")
    assert bits(net_load(place)) == bits(first.net)
    second = Trainer(NET, Resume=place, **{name: value for name, value in options.items() if name == "Method"})
    assert second.batch == first.batch and bits(second.net) == bits(first.net)
    for batch in BATCHES[at:]:
        second.step(batch)
    assert bits(second.net) == bits(whole.net) and second.losses == whole.losses


def test_the_loss_on_other_data():
    trainer = Trainer(NET)
    for batch in BATCHES:
        trainer.step(batch)
    wanted = np.mean((trainer.net(X) - Y) ** 2)
    assert trainer.loss((X, Y)) == pytest.approx(wanted, rel=1e-5)
    assert trainer.loss({"Input": X, "Output": Y}) == pytest.approx(wanted, rel=1e-5)


def test_open_sizes_come_from_the_first_batch_and_schedules_from_the_total():
    trainer = Trainer(
        LinearLayer(()), Method=("SGD", {"LearningRateSchedule": "Cosine", "Momentum": None}), LearningRate=1.0, TotalBatches=4
    )
    for _ in range(4):
        trainer.step(([[1.0, 2.0]], [3.0]))
    assert trainer.net.inputs["Input"].shape == (2,)
    before = trainer.net
    trainer.step(([[1.0, 2.0]], [9.0]))
    assert bits(trainer.net) == bits(before)


def test_what_goes_wrong():
    net = NetChain({"log": ElementwiseLayer(lambda x: torch.log(x)), "line": LinearLayer(())}, Input=2)
    trainer = Trainer(net)
    trainer.step(([[1.0, 2.0]], [1.0]))
    kept = trainer.net
    with pytest.raises(NetTrainingError) as caught:
        trainer.step(([[-1.0, 2.0]], [1.0]))
    assert str(caught.value) == (
        "Trainer: the loss or its gradient was not finite at batch 2: "
        "log/Output, of ElementwiseLayer(Log(x)), is the first that is not finite"
    )
    assert bits(trainer.net) == bits(kept)
    cases = [
        (lambda: Trainer(NET, BatchSize=3), NetNameError, 'Trainer has no option "BatchSize", did you mean "TotalBatches"?'),
        (lambda: Trainer([3]), NetTypeError, "Trainer wants a net, got [3]"),
        (lambda: Trainer(NET).save("x"), NetTrainingError, "Trainer.save: no step was made yet, so the sizes of the net are not settled"),
        (lambda: Trainer(NET, TotalBatches=0), NetValueError, "Trainer: TotalBatches is a whole number from 1, got 0"),
        (lambda: Trainer(NET, LearningRate="Find"), NetValueError,
         'Trainer: LearningRate="Find" needs the data of a whole run; net_train has it'),
        (lambda: Trainer(NET).step({"Input": X, "Outpt": Y}), NetNameError,
         'net_train: the data has a column "Outpt" that feeds no port, did you mean "Output"?'),
    ]  # fmt: skip
    for call, kind, message in cases:
        with pytest.raises(NetError) as caught:
            call()
        assert (type(caught.value), str(caught.value)) == (kind, message)
