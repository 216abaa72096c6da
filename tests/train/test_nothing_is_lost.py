"""Whatever ends training, what was trained until then comes back, or stands in a checkpoint, and the report says what happened."""

import errno
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.formats import atomic
from netgraph.train.result import StopReason
from netgraph.train.runner import Runner

QUIET = {"TrainingProgressReporting": None, "Plan": "Reference"}
X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = X[:, 0]
NET = net_initialize(NetChain({"a": 4, "t": Tanh, "b": LinearLayer(())}, Input=3))
OPTIONS = {"BatchSize": 8, "MaxTrainingRounds": 4, **QUIET}


def bits(net):
    return {key: tensor.numpy().tobytes() for key, tensor in net.tensors.items()}


def trained_until(batches):
    """The net after so many updates."""
    found = []

    def look(progress):
        if progress.absolute_batch == batches:
            found.append(progress.net)

    net_train(NET, (X, Y), **OPTIONS, TrainingProgressFunction=(look, {"Interval": (1, "Batches")}))
    return found[0]


def failing(progress):
    if progress.absolute_batch == 5:
        raise RuntimeError("no such luck")


def test_an_exception_in_a_callback(tmp_path):
    options = {**OPTIONS, "TrainingProgressFunction": (failing, {"Interval": (1, "Batches")})}
    place = tmp_path / "a.safetensors"
    with pytest.raises(RuntimeError, match="no such luck") as caught:
        net_train(NET, (X, Y), **options, TrainingProgressCheckpointing=("File", place))
    result = caught.value.result
    said = "net_train: in TrainingProgressFunction after batch 5: RuntimeError: no such luck"
    assert result.report[-1] == said and result.reason_training_stopped is StopReason.FAILED
    assert caught.value.__notes__ == [
        f"{said}; what was trained until then is the .result of this exception; the last checkpoint is {place}"
    ]
    assert bits(result.trained_net) == bits(trained_until(5)) == bits(net_load(place))
    returned = net_train(NET, (X, Y), All, **options)
    assert bits(returned.trained_net) == bits(result.trained_net) and returned.report[-1] == said
    resumed = net_train(NET, (X, Y), **OPTIONS, Resume=place)
    assert bits(resumed) == bits(net_train(NET, (X, Y), **OPTIONS))


def test_an_exception_in_a_generator():
    def sample(info):
        if info.absolute_batch == 4:
            raise OSError("the disk is gone")
        return {"Input": X[:8], "Output": Y[:8]}

    result = net_train(NET, sample, All, **OPTIONS)
    assert result.report[-1] == "net_train: reading batch 4: OSError: the disk is gone"
    assert result.total_batches == 3 and result.reason_training_stopped is StopReason.FAILED
    with pytest.raises(OSError, match="the disk is gone") as caught:
        net_train(NET, sample, **OPTIONS)
    assert bits(caught.value.result.trained_net) == bits(result.trained_net)


def test_an_exception_in_validation_data_and_in_a_criterion():
    def check(info):
        if info.absolute_batch == 3:
            raise ValueError("no more")
        return {"Input": X[:8], "Output": Y[:8]}

    result = net_train(NET, (X, Y), All, **OPTIONS, ValidationSet=check)
    assert result.report[-1] == "net_train: validating: ValueError: no more"
    assert result.total_rounds == 3 and result.best_validation_round in (1, 2)
    result = net_train(NET, (X, Y), All, **OPTIONS, TrainingStoppingCriterion=lambda progress: 1 / 0)
    assert result.report[-1] == "net_train: in the function of TrainingStoppingCriterion: ZeroDivisionError: division by zero"


def test_an_exception_before_the_first_update_is_simply_raised():
    def sample(info):
        raise KeyError("x")

    with pytest.raises(KeyError) as caught:
        net_train(NET, sample, All, **OPTIONS)
    assert not hasattr(caught.value, "result")


def short_of_memory(monkeypatch, most):
    step = Runner.step

    def stepped(self, batch, rate):
        if batch.inputs[0].shape[0] > most:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:119] . DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"
            )
        return step(self, batch, rate)

    monkeypatch.setattr(Runner, "step", stepped)


@pytest.mark.parametrize("plan", ["Reference", None])
def test_memory_that_runs_out(monkeypatch, plan):
    short_of_memory(monkeypatch, 5)
    result = net_train(NET, (X, Y), All, **{**OPTIONS, "BatchSize": 16, "Plan": plan})
    assert result.reason_training_stopped is StopReason.OUT_OF_MEMORY and result.total_batches == 0
    assert result.report[-1].startswith("net_train: in batch 1 of round 1 (examples ")
    assert result.report[-1].endswith("not enough memory: you tried to allocate 9 bytes; BatchSize=4 fits")
    assert result.trained_net == NET
    with pytest.raises(RuntimeError, match="not enough memory") as caught:
        net_train(NET, (X, Y), **{**OPTIONS, "BatchSize": 16, "Plan": plan})
    assert caught.value.result.total_batches == 0
    short_of_memory(monkeypatch, 0)
    assert net_train(NET, (X, Y), All, **OPTIONS).report[-1].endswith("; not even one example fits")


def full_disk(monkeypatch, after):
    """Make the disk full once so many checkpoints were written."""
    written = []
    real = os.fsync

    def fsync(handle):
        written.append(handle)
        if len(written) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle)

    monkeypatch.setattr(atomic.os, "fsync", fsync)


def test_a_full_disk_costs_checkpoints_only(tmp_path, monkeypatch):
    full_disk(monkeypatch, 4)
    result = net_train(NET, (X, Y), All, **OPTIONS, TrainingProgressCheckpointing=("Directory", tmp_path))
    assert result.reason_training_stopped is StopReason.ROUNDS_DONE and result.total_rounds == 4
    assert len(result.checkpointing_files) == 2 == len(list(tmp_path.iterdir()))
    (told,) = [line for line in result.report if "No space left" in line]
    assert told.startswith("TrainingProgressCheckpointing: batch 9: ") and told.endswith("cannot be written: No space left on device")
    monkeypatch.undo()
    resumed = net_train(NET, (X, Y), **OPTIONS, Resume=tmp_path)
    assert bits(resumed) == bits(result.trained_net)


def test_a_place_that_cannot_be_written_to_is_told_before_training(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cases = [
        (("Directory", tmp_path / "file"), f"TrainingProgressCheckpointing: {tmp_path}/file: File exists"),
        (("File", tmp_path / "no" / "a"), f"TrainingProgressCheckpointing: {tmp_path}/no/a: there is no directory {tmp_path}/no"),
    ]
    for saving, message in cases:
        with pytest.raises(NetFileError) as caught:
            net_train(NET, (X, Y), **OPTIONS, TrainingProgressCheckpointing=saving)
        assert str(caught.value) == message


def test_a_net_that_no_file_can_hold_is_told_before_training(tmp_path):
    net = NetChain([FunctionLayer(lambda x: torch.fft.fft(x).real, Input=3), LinearLayer(())])
    with pytest.raises(NetValueError, match=r"^TrainingProgressCheckpointing: "):
        net_train(net, (X, Y), **OPTIONS, TrainingProgressCheckpointing=("Directory", tmp_path))


def test_a_loss_that_is_not_finite_leaves_the_last_good_checkpoint(tmp_path):
    def sample(info):
        x = X[:8] * (1 if info.absolute_batch < 7 else np.inf)
        return {"Input": x, "Output": Y[:8]}

    every = ("Directory", tmp_path, {"Interval": (2, "Batches")})
    result = net_train(NET, sample, All, **{**OPTIONS, "MaxTrainingRounds": 20}, TrainingProgressCheckpointing=every)
    assert result.reason_training_stopped is StopReason.DIVERGED and result.total_batches == 7
    assert result.report[-1] == 'net_train: the loss or its gradient was not finite at batch 7: the data at "Input" is not finite'
    assert len(result.checkpointing_files) == 3 and Path(result.checkpointing_files[-1]).name.split("_")[3] == "6"
    assert bits(net_load(result.checkpointing_files[-1])) == bits(result.trained_net)


def test_inside_an_accumulation_the_bad_batch_is_named():
    def sample(info):
        x = X[:8] * (1 if info.absolute_batch != 6 else np.inf)
        return {"Input": x, "Output": Y[:8]}

    options = {**OPTIONS, "MaxTrainingRounds": 5, "GradientAccumulation": 4}
    result = net_train(NET, (sample, {"RoundLength": 64}), All, **options)
    assert result.reason_training_stopped is StopReason.DIVERGED and result.total_batches == 1
    assert result.report[-1] == 'net_train: the loss or its gradient was not finite at batch 2: the data at "Input" is not finite'


def test_sigterm_ends_after_the_batch_and_is_saved(tmp_path):
    def end(progress):
        if progress.absolute_batch == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    result = net_train(
        NET, (X, Y), All, **OPTIONS, TrainingProgressFunction=(end, {"Interval": (1, "Batches")}),
        TrainingProgressCheckpointing=("File", tmp_path / "a.safetensors"),
    )  # fmt: skip
    assert result.reason_training_stopped is StopReason.INTERRUPTED and result.total_batches == 4
    assert bits(net_load(tmp_path / "a.safetensors")) == bits(result.trained_net) == bits(trained_until(4))


def test_a_reporter_that_fails_to_close_costs_nothing():
    class Stream:
        def write(self, text):
            if "All rounds" in text:
                raise OSError("the terminal is gone")

        def flush(self):
            pass

    from netgraph.show.progress import ProgressLine

    result = net_train(NET, (X, Y), All, **{**OPTIONS, "TrainingProgressReporting": ProgressLine(stream=Stream())})
    assert result.report[-1] == "TrainingProgressReporting could not be closed: OSError: the terminal is gone"
    assert result.total_rounds == 4


def test_a_recurrent_net_trains_on_sequences_of_all_lengths():
    rng = np.random.default_rng(2)
    lengths = rng.integers(1, 12, size=40)
    data = ([rng.normal(size=(n, 2)) for n in lengths], lengths / 10)
    net = NetChain([LongShortTermMemoryLayer(6), SequenceLastLayer(), LinearLayer(())], Input=("Varying", 2))
    losses = net_train(net, data, "RoundLossList", LearningRate=0.02, MaxTrainingRounds=30, **QUIET)
    assert losses[-1] < 0.2 * losses[0]
    exact = {"BatchSize": 40, "MaxTrainingRounds": 1, "WorkingPrecision": "Real64", **QUIET}
    whole = net_train(net, data, "RoundLoss", **exact)
    started = net_initialize(net)
    alone = np.mean([(float(started(x, WorkingPrecision="Real64")) - y) ** 2 for x, y in zip(*data, strict=True)])
    assert whole == pytest.approx(alone, rel=1e-6)
    assert torch.get_default_dtype() is torch.float32


@pytest.mark.parametrize("plan", ["Traced", None])
def test_a_recurrence_that_cannot_be_traced_runs_eagerly(plan):
    net = net_initialize(NetChain([LongShortTermMemoryLayer(4), SequenceLastLayer(), LinearLayer(())], Input=(5, 3)))
    data = (np.stack([X[:20]] * 5, 1), Y[:20])
    options = {"TrainingProgressReporting": None, "MaxTrainingRounds": 5}
    planned = net_train(net, data, All, **options, Plan=plan, TimeGoal=200)
    eager = net_train(net, data, **options, Plan="Eager")
    assert bits(planned.trained_net) == bits(eager)
    why = "NetTrainingError: the recurrence of the processor's library has no gradient in a traced step"
    assert (f"traced step not available, eager instead: {why}" in planned.report) is (plan == "Traced")
