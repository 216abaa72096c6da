"""The tensors of a .safetensors file: written one after the other, and read one by one once the header is checked.

A tensor that is read is its own, contiguous, on the CPU. One that is mapped stays in the file until it is touched.
"""

import json
import math
import mmap
import os
from collections.abc import Mapping
from io import BufferedReader
from typing import BinaryIO

import torch

from netgraph.errors import NetFileError, NetValueError
from netgraph.formats.header import METADATA, Header, TensorEntry
from netgraph.formats.strict_json import quoted

_TORCH = {
    "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16, "I32": torch.int32, "I64": torch.int64,
    "F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64,
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _TORCH.items()}


def write_tensors(file: BinaryIO, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write a whole .safetensors file. Equal contents give equal bytes: wide elements first, then by name, as safetensors has them.

    Errors: NetValueError for a name or kind that the format does not know; OSError from the file.

    >>> import io
    >>> file = io.BytesIO()
    >>> write_tensors(file, {"a": torch.zeros(2)}, {"k": "v"})
    >>> len(file.getvalue()) % 8
    0
    """
    header: dict[str, object] = {METADATA: dict(metadata)}
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    begin = 0
    for name, tensor in ordered:
        if name == METADATA or tensor.dtype not in _NAMES:
            what = f"the name {name}" if name == METADATA else f"{quoted(name)}, an array of {tensor.dtype}"
            raise NetValueError(f"a .safetensors file cannot hold {what}")
        end = begin + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the data are aligned
    file.write(len(text).to_bytes(8, "little") + text)
    for _, tensor in ordered:
        if tensor.numel():
            file.write(tensor_bytes(tensor.contiguous()))


def dtype_of(entry: TensorEntry, source: str) -> torch.dtype:
    """What torch calls the kind of a tensor. Errors: NetFileError for a kind that torch has no use for."""
    if entry.dtype not in _TORCH:
        raise NetFileError(f"{source}: tensor {quoted(entry.name)} has dtype {entry.dtype}, which is not read; known: {', '.join(_TORCH)}")
    return _TORCH[entry.dtype]


def read_tensor(file: BufferedReader, header: Header, entry: TensorEntry, source: str) -> torch.Tensor:
    """One tensor of a file whose header was checked. `source` names the file in messages.

    Errors: NetFileError for a kind that torch has no use for, and a file that ends early.
    """
    tensor = torch.empty(entry.shape, dtype=dtype_of(entry, source))
    if not math.prod(entry.shape):
        return tensor
    buffer = tensor_bytes(tensor)
    try:
        file.seek(header.data_start + entry.begin)
        read = file.readinto(buffer)
    except OSError as error:
        raise NetFileError(f"{source}: cannot be read: {error.strerror or error}") from error
    if read != len(buffer):
        raise NetFileError(f"{source}: the file shrank while it was read: tensor {quoted(entry.name)} has {len(buffer)} bytes, {read} came")
    if entry.dtype == "BOOL" and int(tensor.view(torch.uint8).max()) > 1:
        raise NetFileError(f"{source}: tensor {quoted(entry.name)} has truth values that are neither 0 nor 1")
    return tensor


def map_file(file: BufferedReader, source: str) -> mmap.mmap:
    """The bytes of a file without reading them. What is written to them stays in memory: the file is never changed.

    Errors: NetFileError where the system cannot map the file.
    """
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (OSError, ValueError) as error:
        raise NetFileError(f"{source}: cannot be mapped into memory: {error}") from error


def mapped_tensor(mapped: mmap.mmap, header: Header, entry: TensorEntry) -> torch.Tensor:
    """One tensor, not empty, of a mapped file whose header was checked; it holds on to the map."""
    begin, dtype = header.data_start + entry.begin, _TORCH[entry.dtype]
    return torch.frombuffer(mapped, dtype=dtype, count=math.prod(entry.shape), offset=begin).reshape(entry.shape)


def tensor_bytes(tensor: torch.Tensor) -> memoryview:
    """The memory of a contiguous tensor, to read from or to write to."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def file_state(file: BinaryIO | str) -> tuple[int, ...]:
    """What tells one state of a file from another: device, number, size and time of change."""
    found = os.stat(file) if isinstance(file, str) else os.fstat(file.fileno())
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
