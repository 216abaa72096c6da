"""Files of data: HDF5 and .safetensors, as columns that stay on disk."""

import os
from typing import Any

import torch

from netgraph.data.on_disk import DiskColumn
from netgraph.errors import NetError, NetFileError, NetTypeError
from netgraph.formats.header import HeaderLimits, read_header
from netgraph.formats.tensor_file import dtype_of, map_file, mapped_tensor

HDF5, SAFETENSORS = (".h5", ".hdf5", ".hdf"), (".safetensors",)
LIMITS = HeaderLimits(budget=2**50)
"""Nothing is read beyond what batches need, so a file may be larger than memory."""


def opened(data: Any, where: str) -> Any:
    """What a path stands for, by how it ends: the columns of the file. All that is no path stays what it is.

    A data set of an HDF5 file is the column of its name ("a/b" in a group "a"), as is a tensor of a .safetensors file.
    Errors: NetTypeError for another ending; NetFileError for a file that is missing or broken; NetError where h5py is not installed.
    """
    if not isinstance(data, (str, os.PathLike)):
        return data
    path = os.fsdecode(data)
    ending = os.path.splitext(path)[1].lower()
    if ending in HDF5:
        return _hdf5(path, where)
    if ending in SAFETENSORS:
        return _safetensors(path)
    if isinstance(data, str):
        # a name of data, which is refused where the forms of data are known
        return data
    raise NetTypeError(f"{where}: {path}: a file of data ends in {', '.join((*HDF5, *SAFETENSORS))}")


def _hdf5(path: str, where: str) -> Any:
    try:
        import h5py
    except ImportError:
        raise NetError(f"{where}: {path}: HDF5 is read by h5py, which is not installed", fix="pip install netgraph[data]") from None
    try:
        return h5py.File(path, "r")
    except FileNotFoundError:
        raise NetFileError(f"{path}: there is no such file") from None
    except OSError as error:
        raise NetFileError(f"{path}: cannot be read as HDF5: {error}") from None


def _safetensors(path: str) -> dict[str, Any]:
    header = read_header(path, limits=LIMITS)
    kinds = {entry.name: dtype_of(entry, path) for entry in header.tensors.values()}
    filled = [entry for entry in header.tensors.values() if entry.shape and entry.end > entry.begin]
    columns: dict[str, Any] = {name: torch.empty(header.tensors[name].shape, dtype=kind) for name, kind in kinds.items()}
    if filled:
        with open(path, "rb") as file:
            mapped = map_file(file, path)
        columns |= {entry.name: DiskColumn(mapped_tensor(mapped, header, entry)) for entry in filled}
    return columns
