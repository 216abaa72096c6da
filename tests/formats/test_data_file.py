"""Files of data, as columns that stay on disk."""

import pathlib
import sys

import h5py
import numpy as np
import pytest
import safetensors.torch
import torch

from netgraph import *
from netgraph.data import on_disk
from netgraph.data.on_disk import DiskColumn
from netgraph.formats.data_file import opened

QUIET = {"TrainingProgressReporting": None, "Plan": "Reference", "MaxTrainingRounds": 3, "BatchSize": 16}
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(200, 3)).astype(np.float32)
Y = (X @ np.array([1.0, -2.0, 0.5])).astype(np.float32)


def write_hdf5(path, x=X, y=Y, **options):
    with h5py.File(path, "w") as file:
        file.create_dataset("Input", data=x, **options)
        file.create_dataset("Output", data=y)
    return path


def write_safetensors(path, x=X, y=Y):
    safetensors.torch.save_file({"Input": torch.as_tensor(x), "Output": torch.as_tensor(y)}, path)
    return path


@pytest.fixture(params=["h5", "h5 chunks", "safetensors", "npy"])
def stored(request, tmp_path):
    """The data in a file, in each form that it may be given."""
    if request.param == "safetensors":
        return [write_safetensors(tmp_path / "d.safetensors")]
    if request.param == "npy":
        np.save(tmp_path / "x.npy", X)
        np.save(tmp_path / "y.npy", Y)
        return [tuple(np.load(tmp_path / name, mmap_mode="r") for name in ("x.npy", "y.npy"))]
    chunks = {"chunks": (7, 3), "compression": "gzip"} if request.param == "h5 chunks" else {}
    path = write_hdf5(tmp_path / "d.h5", **chunks)
    return [path, str(path), File(path), h5py.File(path, "r")]


def test_trains_as_data_in_memory(stored):
    expected = net_train(LinearLayer(()), (X, Y), All, ValidationSet=Scaled(0.2), **QUIET)
    for data in stored:
        result = net_train(LinearLayer(()), data, All, ValidationSet=Scaled(0.2), **QUIET)
        assert result.batch_loss_list == expected.batch_loss_list
        assert result.validation_loss_list == pytest.approx(expected.validation_loss_list, rel=1e-6)
        assert result.trained_net == expected.trained_net
        assert net_measurements(result.trained_net, data, "MeanSquare") == pytest.approx(
            net_measurements(result.trained_net, (X, Y), "MeanSquare"), rel=1e-6
        )
        assert result.training_examples == 160


def test_larger_than_what_is_held_trains_and_resumes(stored, monkeypatch, tmp_path):
    monkeypatch.setattr(on_disk, "BLOCK_BYTES", 16 * 10)
    monkeypatch.setattr(on_disk, "HELD_BYTES", 16 * 10 * 6)
    whole = net_train(LinearLayer(()), stored[0], All, **QUIET)
    assert whole.round_loss_list[-1] < whole.round_loss_list[0]
    cut = (lambda progress: "StopTraining" if progress.absolute_batch == 20 else None, {"Interval": (1, "Batches")})
    saving = ("Directory", str(tmp_path / "run"), {"Interval": (5, "Batches")})
    part = net_train(LinearLayer(()), stored[0], All, TrainingProgressFunction=cut, TrainingProgressCheckpointing=saving, **QUIET)
    assert part.total_batches == 20
    resumed = net_train(LinearLayer(()), stored[0], All, Resume=tmp_path / "run", **QUIET)
    assert resumed.batch_loss_list == whole.batch_loss_list
    assert resumed.trained_net == whole.trained_net


def test_classes_on_disk_are_counted(tmp_path):
    path = write_hdf5(tmp_path / "d.h5", y=np.array([0] * 150 + [1] * 50))
    net = net_initialize(NetChain([2, SoftmaxLayer()], Input=3))
    balanced = net_train(net, path, ClassWeights="Balanced", **QUIET)
    assert balanced == net_train(net, path, ClassWeights=[2 / 3, 2.0], **QUIET)


def test_batches_by_class_of_a_file_are_those_of_data_in_memory(tmp_path, monkeypatch):
    classes = np.arange(200) % 5
    options = {**QUIET, "LossFunction": TripletLossLayer()}
    net = net_initialize(NetChain([2], Input=3))
    expected = net_train(net, Sampled((X, classes), MPerClassSampler(4)), All, **options)
    path = write_hdf5(tmp_path / "d.h5", y=classes)
    monkeypatch.setattr(on_disk, "HELD_BYTES", 200)
    result = net_train(net, Sampled(path, MPerClassSampler(4)), All, **options)
    assert result.batch_loss_list == expected.batch_loss_list and result.trained_net == expected.trained_net


def test_data_sets_in_groups(tmp_path):
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.create_dataset("Input", data=X)
        file.create_dataset("body/Output", data=Y)
    net = NetChain({"body": LinearLayer(()), "head": Tanh})
    losses = [("body/Output", MeanSquaredLossLayer())]
    assert net_train(net, tmp_path / "d.h5", "TrainingExamples", LossFunction=losses, **QUIET) == 200


def test_rows_of_differing_length(tmp_path):
    with h5py.File(tmp_path / "d.h5", "w") as file:
        column = file.create_dataset("Input", (4,), dtype=h5py.vlen_dtype(np.float32))
        for i in range(4):
            column[i] = np.arange(i + 1)
        file.create_dataset("Output", data=[0.0, 1.0, 2.0, 3.0])
    net = NetChain([AggregationLayer(Mean, All), LinearLayer(())], Input="Varying")
    assert net_train(net, tmp_path / "d.h5", "TrainingExamples", **QUIET) == 4


def test_a_mapped_file_is_not_read(tmp_path):
    columns = opened(write_safetensors(tmp_path / "d.safetensors"), "net_train")
    assert all(isinstance(column, DiskColumn) for column in columns.values())
    safetensors.torch.save_file({"Input": torch.zeros(0, 2), "Output": torch.tensor(1.0)}, tmp_path / "e.safetensors")
    assert [type(column) for column in opened(tmp_path / "e.safetensors", "net_train").values()] == [torch.Tensor] * 2


def message_of(action):
    with pytest.raises(NetError) as caught:
        action()
    return type(caught.value), str(caught.value)


def test_broken_files(tmp_path, monkeypatch):
    def train(path):
        return lambda: net_train(LinearLayer(()), path, **QUIET)

    monkeypatch.chdir(tmp_path)
    pathlib.Path("bad.h5").write_bytes(b"no such thing")
    pathlib.Path("bad.safetensors").write_bytes(b"no")
    safetensors.torch.save_file({"Input": torch.zeros(2, dtype=torch.uint16)}, "kind.safetensors")
    endings = "a file of data ends in .h5, .hdf5, .hdf, .safetensors"
    known = "BOOL, U8, I8, I16, I32, I64, F16, BF16, F32, F64"
    assert message_of(train(File("data.csv"))) == (NetTypeError, f"net_train: data.csv: {endings}")
    assert message_of(train("gone.h5")) == (NetFileError, "gone.h5: there is no such file")
    assert message_of(train("gone.safetensors")) == (NetFileError, "gone.safetensors: there is no such file")
    assert message_of(train("bad.safetensors")) == (
        NetFileError,
        "bad.safetensors: a .safetensors file begins with 8 bytes of header length; this one has 2 bytes",
    )
    assert message_of(train("kind.safetensors")) == (
        NetFileError,
        f'kind.safetensors: tensor "Input" has dtype U16, which is not read; known: {known}',
    )
    error, message = message_of(train("bad.h5"))
    assert error is NetFileError and message.startswith("bad.h5: cannot be read as HDF5: ")
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert message_of(train("bad.h5")) == (
        NetError,
        "net_train: bad.h5: HDF5 is read by h5py, which is not installed\n  try: pip install netgraph[data]",
    )


def test_the_contents_are_checked_while_training(tmp_path):
    wrong = X.copy()
    wrong[150, 2] = np.inf
    path = write_hdf5(tmp_path / "d.h5", x=wrong)
    message = 'net_train: column "Input", from example 0 on: wants finite numbers, got Infinity at [150, 2]'
    assert message_of(lambda: net_train(LinearLayer(()), path, **QUIET)) == (NetValueError, message)


def test_names_and_shapes_are_those_of_the_ports(tmp_path):
    path = write_hdf5(tmp_path / "d.h5", x=X[:, :2])
    assert message_of(lambda: net_train(LinearLayer((), Input=3), path, **QUIET)) == (
        NetShapeError,
        message_of(lambda: net_train(LinearLayer((), Input=3), (X[:, :2], Y), **QUIET))[1],
    )
