"""Every form of data trains the same net."""

import itertools

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, StackDataset, TensorDataset, random_split

from netgraph import *

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = (X @ np.array([1.0, -2.0, 0.5])).astype(np.float32)
NET = net_initialize(LinearLayer((), Input=3))
OPTIONS = {"BatchSize": 12, "MaxTrainingRounds": 4, "TrainingProgressReporting": None, "Plan": "Reference"}
COLUMNS = {"Input": X, "Output": Y}


class Frame:
    """What is used of a pandas DataFrame."""

    iloc, columns = None, ["Input", "Output"]

    def __getitem__(self, name):
        held = np.empty(12, dtype=object) if name == "Input" else Y
        if name == "Input":
            held[:] = list(X)
        return type("Series", (), {"to_numpy": lambda self: held})()


class ArrowTable:
    """What is used of an Arrow table, whose columns are arrays of arrays."""

    column_names = ["Input", "Output"]

    def __len__(self):
        return 12

    def __getitem__(self, key):
        return self if isinstance(key, slice) else Frame()[key].to_numpy()


class HuggingFaceTable:
    """What is used of a Hugging Face table."""

    column_names, format = ["Input", "Output"], {"type": None}

    def __len__(self):
        return 12

    def with_format(self, kind):
        assert kind == "numpy"
        return self

    def __getitem__(self, rows):
        return {"Input": X[rows], "Output": Y[rows]}


class Examples(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, i):
        return {"Input": X[i], "Output": Y[i]}


class Streamed(IterableDataset):
    def __iter__(self):
        return iter(zip(X, Y, strict=True))


def mapped(folder):
    np.save(folder / "x.npy", X)
    np.save(folder / "y.npy", Y)
    return {name: np.load(folder / file, mmap_mode="r") for name, file in (("Input", "x.npy"), ("Output", "y.npy"))}


def in_hdf5(folder):
    with h5py.File(folder / "d.h5", "w") as file:
        file["Input"], file["Output"] = X, Y
    return File(folder / "d.h5")


FORMS = {
    "columns": lambda folder: COLUMNS,
    "lists": lambda folder: {"Input": X.tolist(), "Output": Y.tolist()},
    "tensors": lambda folder: (torch.tensor(X), torch.tensor(Y)),
    "pairs": lambda folder: list(zip(X, Y, strict=True)),
    "dicts": lambda folder: [{"Input": x, "Output": y} for x, y in zip(X, Y, strict=True)],
    "function": lambda folder: lambda info: COLUMNS,
    "function, long rounds": lambda folder: (lambda info: (X, Y), {"RoundLength": 12}),
    "iterator": lambda folder: itertools.repeat(COLUMNS),
    "iterable": lambda folder: OneBatch(),
    "tensor set": lambda folder: TensorDataset(torch.tensor(X), torch.tensor(Y)),
    "part of a set": lambda folder: random_split(StackDataset(Input=torch.tensor(X), Output=torch.tensor(Y)), [12, 0])[0],
    "data set": lambda folder: Examples(),
    "streamed set": lambda folder: Streamed(),
    "loader": lambda folder: DataLoader(Examples(), batch_size=12, shuffle=True),
    "loader with workers": lambda folder: DataLoader(Examples(), batch_size=12, num_workers=2),
    "pandas": lambda folder: Frame(),
    "arrow": lambda folder: ArrowTable(),
    "hugging face": lambda folder: HuggingFaceTable(),
    "memory-mapped": mapped,
    "hdf5": in_hdf5,
}


class OneBatch:
    """An iterable that is no iterator: each pass is a round of one batch."""

    def __iter__(self):
        return iter([COLUMNS])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_trains_the_same_net(form, tmp_path):
    expected = net_train(NET, COLUMNS, All, **OPTIONS)
    result = net_train(NET, FORMS[form](tmp_path), All, **OPTIONS)
    assert result.total_batches == result.total_rounds == 4
    assert result.round_loss_list == pytest.approx(expected.round_loss_list, rel=1e-5)
    for key, array in expected.trained_net.arrays.items():
        assert np.allclose(result.trained_net.arrays[key], array, rtol=1e-5)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "iterator"])
def test_every_form_is_validation_data_and_is_measured(form, tmp_path):
    data = FORMS[form](tmp_path)
    expected = net_train(NET, COLUMNS, All, ValidationSet=COLUMNS, **OPTIONS)
    result = net_train(NET, COLUMNS, All, ValidationSet=data, **OPTIONS)
    assert result.validation_loss_list == pytest.approx(expected.validation_loss_list, rel=1e-5)
    assert net_measurements(NET, data, "Loss") == pytest.approx(float(np.mean((NET(X) - Y) ** 2)), rel=1e-5)


def test_a_share_of_a_data_set_is_that_of_its_columns():
    options = {**OPTIONS, "ValidationSet": Scaled(0.25)}
    expected, result = (net_train(NET, data, All, **options) for data in (COLUMNS, Examples()))
    assert result.round_loss_list == pytest.approx(expected.round_loss_list, rel=1e-5)
    assert result.validation_loss_list == pytest.approx(expected.validation_loss_list, rel=1e-5)
