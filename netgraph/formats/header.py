"""The header of a .safetensors file, read and checked whole before any other code sees the file.

A file is 8 bytes (the header's length N, little-endian), N bytes of JSON, then the tensors' bytes. The safetensors library accepts keys
given twice (the last one wins, so two readers may see two files) and shapes like [0, 2**62]; here both are faults, and so is whatever
that library refuses.
"""

import math
import os
import stat
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

from netgraph.errors import NetFileError, did_you_mean
from netgraph.formats.strict_json import JsonLimits, loads, quoted

METADATA = "__metadata__"

_KINDS = {1: "BOOL U8 I8 F8_E4M3 F8_E5M2", 2: "U16 I16 F16 BF16", 4: "U32 I32 F32", 8: "U64 I64 F64 C64"}
ITEM_SIZES = MappingProxyType({kind: size for size, kinds in _KINDS.items() for kind in kinds.split()})


@dataclass(frozen=True)
class HeaderLimits:
    """How much a file may ask for.

    `header` counts bytes of the header, `tensors` their number, `rank` the axes of one, `name` characters of a tensor's name or a
    metadata key, `entries` of metadata, `items` JSON values in the header, and `budget` bytes of all tensors together: what loading
    them may allocate.

    >>> HeaderLimits(budget=2**20).budget
    1048576
    """

    header: int = 64 * 2**20
    tensors: int = 100_000
    rank: int = 32
    name: int = 1024
    entries: int = 1024
    items: int = 2_000_000
    budget: int = 64 * 2**30


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor as the header declares it: bytes `begin` to `end` (not included), counted from the header's `data_start`.

    >>> TensorEntry("0/Weights", "F32", (2, 3), 0, 24).shape
    (2, 3)
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """A checked header: the tensors by name, in the file's order, the metadata, where data begins, and the whole file's size.

    >>> Header({}, {}, 10, 10).data_start
    10
    """

    tensors: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]
    data_start: int
    file_size: int


def read_header(path: str | os.PathLike[str], *, limits: HeaderLimits = HeaderLimits()) -> Header:
    """The header of a .safetensors file, after every check that needs no tensor's bytes.

    Holds on return: the header is strict JSON without a key given twice; each tensor has a known kind, a shape of sizes within the budget
    and exactly the bytes that they need; the tensors cover the file's data once and whole; metadata are strings.

    Reads the header only, so what it costs does not grow with the tensors.

    Errors: NetFileError, naming the file, the tensor, what was wanted and what it got.

    >>> import safetensors.numpy, numpy, tempfile, pathlib
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "spiral.safetensors")
    >>> safetensors.numpy.save_file({"0/Weights": numpy.zeros((2, 3), "float32")}, path, {"format": "1"})
    >>> header = read_header(path)
    >>> header.tensors["0/Weights"]
    TensorEntry(name='0/Weights', dtype='F32', shape=(2, 3), begin=0, end=24)
    >>> dict(header.metadata)
    {'format': '1'}
    >>> folder.cleanup()
    """
    source = os.fsdecode(path)
    text, file_size = _read_text(source, limits)
    data_start = 8 + len(text)
    json_limits = JsonLimits(size=limits.header, depth=4, string=limits.header, items=limits.items)
    return _Checks(source, limits).header(loads(text, limits=json_limits, source=source), data_start, file_size)


def _read_text(source: str, limits: HeaderLimits) -> tuple[bytes, int]:
    """The header's bytes and the file's size. The declared length is judged before that much is read."""
    try:
        if not stat.S_ISREG(os.stat(source).st_mode):  # opening a pipe would wait for ever
            raise NetFileError(f"{source}: wanted a file; got a {'directory' if os.path.isdir(source) else 'device, pipe or socket'}")
        with open(source, "rb") as file:
            file_size = os.fstat(file.fileno()).st_size
            prefix = file.read(8)
            if len(prefix) < 8:
                raise NetFileError(f"{source}: a .safetensors file begins with 8 bytes of header length; this one has {len(prefix)} bytes")
            length = int.from_bytes(prefix, "little")
            if length > limits.header:
                raise NetFileError(f"{source}: the header may be {limits.header} bytes long; its first 8 bytes say {length}")
            if length > file_size - 8:
                raise NetFileError(f"{source}: the header is cut off: its first 8 bytes say {length} bytes, {file_size - 8} follow")
            text = file.read(length)
    except NetFileError:
        raise
    except FileNotFoundError:
        raise NetFileError(f"{source}: there is no such file") from None
    except OSError as error:
        raise NetFileError(f"{source}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise NetFileError(f"{quoted(source)} is no file name: {error}") from None
    if len(text) < length:
        raise NetFileError(f"{source}: the file shrank while it was read: the header has {length} bytes, {len(text)} came")
    return text, file_size


@dataclass(frozen=True)
class _Checks:
    source: str
    limits: HeaderLimits

    def fail(self, text: str) -> NoReturn:
        raise NetFileError(f"{self.source}: {text}")

    def header(self, value: object, data_start: int, file_size: int) -> Header:
        if not isinstance(value, dict):
            self.fail(f"the header must be an object of tensors; got {_sort(value)}")
        metadata = self.metadata(value.pop(METADATA, {}))
        if len(value) > self.limits.tensors:
            self.fail(f"a file may hold {self.limits.tensors} tensors; this one declares {len(value)}")
        tensors = {name: self.tensor(name, entry) for name, entry in value.items()}
        total = sum(t.end - t.begin for t in tensors.values())
        if total > self.limits.budget:
            self.fail(f"the tensors need {total} bytes, more than the budget of {self.limits.budget}")
        self.cover(tensors, file_size - data_start)
        return Header(MappingProxyType(tensors), MappingProxyType(metadata), data_start, file_size)

    def metadata(self, value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            self.fail(f"{METADATA} must be an object of strings; got {_sort(value)}")
        if len(value) > self.limits.entries:
            self.fail(f"{METADATA} may have {self.limits.entries} entries; got {len(value)}")
        for key, text in value.items():
            self.name(key, "a key of " + METADATA)
            if not isinstance(text, str):
                self.fail(f"{METADATA} {quoted(key)} must be a string; got {_sort(text)}")
        return value

    def name(self, name: str, what: str) -> None:
        if not name:
            self.fail(f"{what} is empty")
        if len(name) > self.limits.name:
            self.fail(f"{what} may be {self.limits.name} characters long; got {quoted(name)}")
        for character in () if name.isprintable() else name:
            # also the separators of lines and paragraphs, which break a message in two
            if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
                self.fail(f"{what} holds the control character U+{ord(character):04X}: {quoted(name)}")

    def tensor(self, name: str, value: object) -> TensorEntry:
        self.name(name, "a tensor's name")
        what = f"tensor {quoted(name)}"
        if not isinstance(value, dict):
            self.fail(f"{what} must be an object; got {_sort(value)}")
        wanted = ("dtype", "shape", "data_offsets")
        for key in wanted:
            if key not in value:
                self.fail(f"{what} has no {key}")
        for key in value:
            if key not in wanted:
                self.fail(f"{what} has the unknown key {quoted(key)}; wanted {', '.join(wanted)}")
        dtype, shape, offsets = (value[key] for key in wanted)
        if not isinstance(dtype, str):
            self.fail(f"{what}: dtype must be a string; got {_sort(dtype)}")
        if dtype not in ITEM_SIZES:
            self.fail(f"{what} has the unknown dtype {quoted(dtype)}; {did_you_mean(dtype[:20], list(ITEM_SIZES))}")
        sizes = self.integers(shape, f"{what}: shape")
        if len(sizes) > self.limits.rank:
            self.fail(f"{what}: a shape may have {self.limits.rank} axes; got {len(sizes)}")
        bounds = self.integers(offsets, f"{what}: data_offsets")
        if len(bounds) != 2 or bounds[0] > bounds[1]:
            self.fail(f"{what}: data_offsets must be [begin, end] with begin <= end; got {list(bounds)[:4]}")
        self.bytes(what, dtype, sizes, *bounds)
        return TensorEntry(name, dtype, sizes, *bounds)

    def integers(self, value: object, what: str) -> tuple[int, ...]:
        if not isinstance(value, list):
            self.fail(f"{what} must be a list of integers; got {_sort(value)}")
        for number in value:
            if type(number) is not int:  # True is an int too
                self.fail(f"{what} must be a list of integers; got {_sort(number)} in it")
            if number < 0:
                self.fail(f"{what} must not have negative numbers; got {number}")
        return tuple(value)

    def bytes(self, what: str, dtype: str, shape: tuple[int, ...], begin: int, end: int) -> None:
        item = ITEM_SIZES[dtype]
        # An axis of size 0 hides the others from the count of bytes, and code that multiplies strides from being safe.
        spread = math.prod(size for size in shape if size) * item
        if spread > self.limits.budget:
            without = " without its empty axes" if 0 in shape else ""
            self.fail(f"{what} declares shape {list(shape)} of {dtype}: {spread} bytes{without}, above the budget of {self.limits.budget}")
        needed = 0 if 0 in shape else spread
        if needed != end - begin:
            self.fail(f"{what} declares shape {list(shape)} of {dtype} ({needed} bytes) but holds {end - begin} bytes")

    def cover(self, tensors: dict[str, TensorEntry], size: int) -> None:
        """Check that the tensors cover the data once and whole. Empty ones come first where several begin, as safetensors has them."""
        covered, before = 0, ""
        for tensor in sorted(tensors.values(), key=lambda t: (t.begin, t.end)):
            what = f"tensor {quoted(tensor.name)}"
            if tensor.begin < covered:
                self.fail(f"{what} begins at byte {tensor.begin}, inside tensor {before}, which ends at {covered}")
            if tensor.begin > covered:
                self.fail(f"bytes {covered} to {tensor.begin} of the data belong to no tensor; {what} comes next")
            if tensor.end > size:
                self.fail(f"{what} ends at byte {tensor.end} of the data, which has {size} bytes")
            covered, before = tensor.end, quoted(tensor.name)
        if covered < size:
            self.fail(f"the tensors end at byte {covered} of the data, which has {size} bytes")


def _sort(value: object) -> str:
    """What sort of JSON a value is, for the end of a message."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"the number {value}"
    return f"the string {quoted(value)}" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"
