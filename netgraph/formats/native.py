"""net_save and net_load: a net as one .safetensors file.

The tensors are the net's arrays under their keys (one shared by name once), the metadata entry "netgraph" is the structure as JSON.
"""

import contextlib
import os
from io import BufferedReader
from pathlib import Path

import numpy as np
import torch

from netgraph.errors import NetFileError, NetTypeError, NetValueError, did_you_mean
from netgraph.formats.atomic import write_atomically
from netgraph.formats.header import Header, HeaderLimits, TensorEntry, read_header
from netgraph.formats.rebuild import faults, rebuilt
from netgraph.formats.strict_json import JsonLimits, dumps, loads, quoted, untag
from netgraph.formats.structure import structure_to_json
from netgraph.formats.tensor_file import file_state, map_file, mapped_tensor, read_tensor, write_tensors
from netgraph.spec.names import spelled
from netgraph.spec.net import Net, array_key, array_slots
from netgraph.spec.typing import infer, typed
from netgraph.types.symbols import Automatic

__all__ = ["net_load", "net_save"]

ENTRY = "netgraph"
"""The entry of the metadata that holds the structure."""

TRAINING, TRAINING_TENSORS = "training", "->training/"
"""The entry that a checkpoint of training has beside, and how the tensors of it are named; `net_load` passes over both."""

LIMITS = HeaderLimits(name=2**20)
"""What a file may ask for. A key is a path, so nets nested thousands deep have long ones."""

TEXT_LIMITS = JsonLimits(size=LIMITS.header)
"""What the structure's text may ask for."""

MAPPED_FROM = 64 * 2**20
"""Bytes of arrays above which a file is mapped unless the user says otherwise."""

_FLOATS = {"F32": torch.float32, "F64": torch.float64}


def net_save(net: Net, path: str | os.PathLike[str], /) -> Path:
    """The net, structure and arrays, written to one .safetensors file; the path it has.

    Arrays without values stay so. The file is written beside, flushed and read back before it takes its place: a failure leaves the old
    file as it was and nothing else, and what is saved can be loaded. Equal nets give equal bytes. Nothing is pickled.
    Errors: NetValueError for a function that could not be turned into operations, naming its layer; NetFileError, naming the path, for
    a place that cannot be written.
    Source: Wolfram's Export to WLNet; our format, see DESIGN 9.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net_load(net_save(LinearLayer(2, Weights=[[1, 2], [3, 4]]), folder + "/net.safetensors")).arrays["Weights"].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    if not isinstance(net, Net):
        raise NetTypeError(f"net_save wants a net, got {net!r}")
    if not isinstance(path, (str, os.PathLike)):
        raise NetTypeError(f"net_save wants a path, got {path!r}")
    shown = os.fsdecode(path)
    captured: dict[str, torch.Tensor] = {}
    data = structure_to_json(net, captured)
    tensors = {**net.tensors, **captured}

    def check(temporary: Path) -> None:
        if _Loader(str(temporary), shown).checked().structure != net.structure:
            raise NetValueError(f"{shown}: the net is not saved: it would come back as another one")

    try:
        text = dumps(data, limits=TEXT_LIMITS, source=shown)
        return write_atomically(path, lambda file: write_tensors(file, tensors, {ENTRY: text}), check)
    except UnicodeEncodeError as error:
        raise NetValueError(f"{shown}: a name holds a character that no file can: {error}") from error


def net_load(path: str | os.PathLike[str], /, **options) -> Net:
    """The net in a file that `net_save` wrote, equal to the one that was saved; of a checkpoint, the net as it was trained till then.

    Mapped: whether arrays stay in the file until they are touched, which makes loading fast however large they are. Automatic, the
    default, maps files of more than 64 MiB of arrays and reads smaller ones. What is read is checked to be finite; what is mapped is not
    looked at. A mapped file can be deleted or replaced (as `net_save` does), but must not be written into while the net is in use.

    No code of the file is run, nothing is imported, no other path is opened, and not more is allocated than the file is long (at most
    64 GiB). The structure is checked first, then names, shapes and kinds of the arrays against it, then arrays are read.
    Errors: NetFileError with the file, the part and what is wrong, for anything that `net_save` would not have written.
    Source: Wolfram's Import of WLNet; our format, see DESIGN 9.

    >>> import tempfile
    >>> net = net_initialize(NetChain([3, Ramp], Input=2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net_load(net_save(net, folder + "/net.safetensors")) == net
    True
    """
    if not isinstance(path, (str, os.PathLike)):
        raise NetTypeError(f"net_load wants a path, got {path!r}")
    shown = os.fsdecode(path)
    mapped = spelled(options, ["Mapped"], "net_load").get("Mapped", Automatic)
    if mapped is not Automatic and not isinstance(mapped, bool):
        raise NetTypeError(f"net_load: Mapped wants True, False or Automatic, got {mapped!r}")
    return _Loader(shown, shown).loaded(mapped)


class _Loader:
    """One file on its way to a net. `source` is what messages call it."""

    def __init__(self, path: str, source: str):
        self.path, self.source = path, source
        self.state: tuple[int, ...] = ()
        self.used: set[str] = set()

    def loaded(self, mapped: object) -> Net:
        """The net with its arrays, read or mapped."""
        net = self.checked()
        if mapped is Automatic:
            mapped = sum(entry.end - entry.begin for entry in self.arrays) > MAPPED_FROM
        with self.reading() as file:
            if mapped and self.arrays:
                data = map_file(file, self.source)
                arrays = {entry.name: mapped_tensor(data, self.header, entry) for entry in self.arrays}
            else:
                arrays = {entry.name: self.array(file, entry) for entry in self.arrays}
        return net.replaced(arrays=arrays)

    def checked(self) -> Net:
        """The net with stand-ins for its arrays, everything checked but the arrays' values."""
        self.header: Header = self.read_header()
        text = self.header.metadata.get(ENTRY)
        if text is None:
            raise NetFileError(f'{self.source}: is no net: its metadata have no entry "{ENTRY}"')
        data = untag(loads(text, limits=TEXT_LIMITS, source=self.source), source=self.source)
        structure = rebuilt(data, self.source, self.captured)
        for entry in self.entries().values():
            self.check_kind(entry)
        self.arrays = self.check_names(structure)
        # without memory: only their shapes matter here
        arrays = {entry.name: torch.empty(entry.shape, dtype=_FLOATS[entry.dtype], device="meta") for entry in self.arrays}
        net = structure.replaced(arrays=arrays)
        try:
            typed(net)
        except Exception:
            self.explain(structure)
            with faults(self.source, "its arrays do not fit together"):
                raise
        return net

    def read_header(self) -> Header:
        with contextlib.suppress(OSError, ValueError):  # `read_header` says what is wrong
            self.state = file_state(self.path)
        try:
            return read_header(self.path, limits=LIMITS)
        except NetFileError as error:
            if self.path == self.source:
                raise
            raise NetFileError(str(error).replace(self.path, self.source)) from None

    def reading(self) -> BufferedReader:
        """The file open for reading, the same that the header was read from."""
        try:
            file = open(self.path, "rb")  # noqa: SIM115 - the caller's `with` closes it
        except OSError as error:
            raise NetFileError(f"{self.source}: cannot be read: {error.strerror or error}") from error
        if file_state(file) != self.state:
            file.close()
            raise NetFileError(f"{self.source}: the file changed while it was read")
        return file

    def captured(self, name: str) -> torch.Tensor:
        """An array that a function captured, or a table of a codec; those are needed to rebuild the structure."""
        entry = self.header.tensors.get(name)
        if entry is None:
            why = "which a codec holds" if name.startswith("codec/") else "which a function captured"
            raise NetFileError(f"{self.source}: the tensor {quoted(name)}, {why}, is not there")
        self.used.add(name)
        with self.reading() as file:
            return read_tensor(file, self.header, entry, self.source)

    def entries(self) -> dict[str, TensorEntry]:
        """The tensors that must be arrays of the net."""
        beside = TRAINING_TENSORS if TRAINING in self.header.metadata else None
        return {
            name: entry for name, entry in self.header.tensors.items() if name not in self.used and not (beside and name.startswith(beside))
        }

    def check_kind(self, entry: TensorEntry) -> None:
        if entry.dtype not in _FLOATS:
            raise NetFileError(f"{self.source}: the array {quoted(entry.name)} has dtype {entry.dtype}; arrays of a net have F32 or F64")
        if 0 in entry.shape:
            what = f"the array {quoted(entry.name)} has shape {entry.shape}"
            raise NetFileError(f"{self.source}: {what}; arrays of size zero are not allowed")

    def check_names(self, structure: Net) -> list[TensorEntry]:
        """The arrays in the net's own order."""
        entries = self.entries()
        known = dict.fromkeys(array_key(path, name, setting) for path, _, name, _, setting in array_slots(structure))
        for name in entries:
            if name not in known:
                raise NetFileError(f"{self.source}: the net has no array {quoted(name)}, {did_you_mean(name[:60], list(known)[:1000])}")
        return [entries[name] for name in known if name in entries]

    def explain(self, structure: Net) -> None:
        """Raise what is wrong with the structure alone, or the arrays whose shape is not the one that it wants."""
        with faults(self.source, "its types contradict each other"):
            typing = infer(structure, full=True)
        entries, wrong = self.entries(), {}
        for path, _, name, _, setting in array_slots(structure):
            key = array_key(path, name, setting)
            wanted = typing.store.known(typing.terms[path].arrays[name])
            if key in entries and wanted is not None and tuple(wanted) != entries[key].shape:
                wrong.setdefault(key, tuple(wanted))
        for key, wanted in wrong.items():
            more = f", and {len(wrong) - 1} more do not fit" if len(wrong) > 1 else ""
            raise NetFileError(
                f"{self.source}: the array {quoted(key)} does not fit the net{more}",
                origins=[(entries[key].shape, "its shape in the file"), (wanted, "the shape that the net gives it")],
            )

    def array(self, file: BufferedReader, entry: TensorEntry) -> torch.Tensor:
        tensor = read_tensor(file, self.header, entry, self.source)
        if not np.isfinite(tensor.numpy()).all():
            raise NetFileError(f"{self.source}: the array {quoted(entry.name)} holds NaN or an infinite value")
        return tensor
