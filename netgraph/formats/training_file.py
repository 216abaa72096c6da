"""A checkpoint: one .safetensors file that is a net as `net_load` reads it, with the state of its training beside.

    metadata   "netgraph"    the structure of the net, as in any net file
               "training"    the state of training that is no tensor, strict JSON
               "manifest"    the SHA-256 of both texts and of every tensor's bytes, strict JSON
    tensors    the net's arrays under their keys; those of the training state under "->training/", which no array of a net is called

It is written beside, flushed and put in place by one rename, so it is there whole or not at all; what the disk did to it later, the
manifest tells.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from netgraph.errors import NetFileError
from netgraph.formats.atomic import write_atomically
from netgraph.formats.header import read_header
from netgraph.formats.native import ENTRY, LIMITS, TEXT_LIMITS, TRAINING, TRAINING_TENSORS
from netgraph.formats.strict_json import dumps, loads, quoted, untag
from netgraph.formats.structure import structure_to_json, without_code
from netgraph.formats.tensor_file import read_tensor, tensor_bytes, write_tensors
from netgraph.spec.net import Net

MANIFEST = "manifest"


class TrainingFile(NamedTuple):
    """What a checkpoint holds: the text of the net's structure, the net's arrays, and the state of training."""

    structure: str
    arrays: dict[str, torch.Tensor]
    told: Any
    tensors: dict[str, torch.Tensor]


def write_training(path: str | os.PathLike[str], net: Net, told: object, tensors: Mapping[str, torch.Tensor]) -> Path:
    """Write a checkpoint: `net` and the state of training, plain data `told` and `tensors`.

    Encoders and decoders that hold code are left out, since files hold none; whoever goes on has the net itself.
    Errors: NetValueError for a net with a function that could not be turned into operations; NetFileError for a place that cannot be
    written.

    >>> import tempfile
    >>> from netgraph import LinearLayer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_training(f"{folder}/a.safetensors", LinearLayer(2), {"Batch": 3}, {"losses": torch.ones(3)})
    ...     read_training(path).told
    {'Batch': 3}
    """
    shown = os.fsdecode(path)
    captured: dict[str, torch.Tensor] = {}
    structure = dumps(structure_to_json(without_code(net), captured), limits=TEXT_LIMITS, source=shown)
    text = dumps(told, limits=TEXT_LIMITS, source=shown)
    every = {**net.tensors, **captured, **{TRAINING_TENSORS + name: tensor for name, tensor in tensors.items()}}
    every = {name: tensor.detach().cpu().contiguous() for name, tensor in every.items()}
    manifest = {ENTRY: _hash(structure), TRAINING: _hash(text), "tensors": {name: _hash(tensor_bytes(t)) for name, t in every.items()}}
    metadata = {ENTRY: structure, TRAINING: text, MANIFEST: dumps(manifest, limits=TEXT_LIMITS, source=shown)}
    return write_atomically(path, lambda file: write_tensors(file, every, metadata))


def read_training(path: str | os.PathLike[str]) -> TrainingFile:
    """What a checkpoint holds, every byte of it checked against its manifest.

    Errors: NetFileError for a file that is none, or is not what was written.
    """
    shown = os.fsdecode(path)
    header = read_header(shown, limits=LIMITS)
    for entry in (ENTRY, TRAINING, MANIFEST):
        if entry not in header.metadata:
            raise NetFileError(f'{shown}: is no checkpoint: its metadata have no entry "{entry}"')
    manifest = loads(header.metadata[MANIFEST], limits=TEXT_LIMITS, source=shown)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("tensors"), dict):
        raise NetFileError(f"{shown}: its manifest is an object of hashes, got another")
    for entry in (ENTRY, TRAINING):
        _compare(shown, f'the entry "{entry}"', _hash(header.metadata[entry]), manifest.get(entry))
    if header.tensors.keys() != manifest["tensors"].keys():
        raise NetFileError(f"{shown}: its tensors are not those of its manifest")
    arrays, tensors = {}, {}
    with open(shown, "rb") as file:
        for name, entry in header.tensors.items():
            tensor = read_tensor(file, header, entry, shown)
            _compare(shown, f"the tensor {quoted(name)}", _hash(tensor_bytes(tensor)), manifest["tensors"][name])
            if name.startswith(TRAINING_TENSORS):
                tensors[name.removeprefix(TRAINING_TENSORS)] = tensor
            else:
                arrays[name] = tensor
    told = untag(loads(header.metadata[TRAINING], limits=TEXT_LIMITS, source=shown), source=shown)
    return TrainingFile(header.metadata[ENTRY], arrays, told, tensors)


def _hash(content: str | memoryview) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _compare(shown: str, what: str, found: str, wanted: object) -> None:
    if found != wanted:
        raise NetFileError(f"{shown}: {what} is not what was written: its bytes have another hash than the manifest says")
