"""The header of a .safetensors file: hand-made bad files with their whole messages, round trips, and mutated files."""

import doctest
import json
import os
import random
import struct

import numpy
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from netgraph.errors import NetFileError
from netgraph.formats import header as header_module
from netgraph.formats.header import ITEM_SIZES, HeaderLimits, TensorEntry, read_header

NAME = "spiral.safetensors"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to be in, so that messages show the file's bare name."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pack(header, data: bytes = b"", length: int | None = None) -> bytes:
    """A file's bytes; `header` as a value, JSON text or bytes, `length` what the first 8 bytes say when it is not the truth."""
    text = header if isinstance(header, str | bytes) else json.dumps(header)
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def message(content: bytes, limits: HeaderLimits | None = None) -> str:
    with open(NAME, "wb") as file:
        file.write(content)
    with pytest.raises(NetFileError) as caught:
        read_header(NAME, limits=limits or HeaderLimits())
    return str(caught.value)


ONE = entry([1], 0, 4)
DATA = bytes(4)

FAULTS = {
    # the frame
    "empty file": (b"", "a .safetensors file begins with 8 bytes of header length; this one has 0 bytes"),
    "seven bytes": (bytes(7), "a .safetensors file begins with 8 bytes of header length; this one has 7 bytes"),
    "no header": (bytes(8), "character 0: expecting value; got the end"),
    "length of 2**63": (pack({}, length=2**63), "the header may be 67108864 bytes long; its first 8 bytes say 9223372036854775808"),
    "length of all ones": (b"\xff" * 8, "the header may be 67108864 bytes long; its first 8 bytes say 18446744073709551615"),
    "cut off": (pack({"a": ONE})[:-1], "the header is cut off: its first 8 bytes say 61 bytes, 60 follow"),
    "another format": (b"PK\x03\x04" + bytes(30), "the header may be 67108864 bytes long; its first 8 bytes say 67324752"),
    # the JSON
    "not UTF-8": (pack(b'{"a\xff": 1}'), "byte 3 is not UTF-8 (invalid start byte)"),
    "not JSON": (pack("{"), "character 1: expecting property name enclosed in double quotes; got the end"),
    "zeros": (pack(bytes(4)), 'character 0: wanted a value; got "\\u0000"'),
    "deep": (pack('{"a":' * 50_000), "nested at most 4 deep; got more at character 20"),
    "NaN": (pack('{"a": NaN}'), 'character 6: wanted a value; got "NaN"'),
    "a list": (pack([]), "the header must be an object of tensors; got a list"),
    # keys given twice
    "tensor twice": (pack(f'{{"0/W":{json.dumps(ONE)},"0/W":{json.dumps(ONE)}}}', DATA), '"0/W" is given twice'),
    "tensor twice, escaped": (pack(f'{{"a":{json.dumps(ONE)},"\\u0061":{json.dumps(ONE)}}}', DATA), "a is given twice"),
    "dtype twice": (pack('{"a":{"dtype":"F32","dtype":"U8","shape":[1],"data_offsets":[0,4]}}', DATA), "a/dtype is given twice"),
    "metadata twice": (pack('{"__metadata__":{},"__metadata__":{}}'), "__metadata__ is given twice"),
    "metadata key twice": (pack('{"__metadata__":{"k":"1","k":"2"}}'), "__metadata__/k is given twice"),
    # metadata
    "metadata null": (pack({"__metadata__": None}), "__metadata__ must be an object of strings; got null"),
    "metadata number": (pack({"__metadata__": {"k": 1}}), '__metadata__ "k" must be a string; got the number 1'),
    "metadata nested": (pack({"__metadata__": {"k": {"l": "m"}}}), '__metadata__ "k" must be a string; got an object'),
    "metadata key empty": (pack({"__metadata__": {"": "m"}}), "a key of __metadata__ is empty"),
    "metadata crowd": (pack({"__metadata__": {str(i): "" for i in range(1025)}}), "__metadata__ may have 1024 entries; got 1025"),
    # names
    "name empty": (pack({"": ONE}, DATA), "a tensor's name is empty"),
    "name long": (
        pack({"ab" * 600: ONE}, DATA),
        f'a tensor\'s name may be 1024 characters long; got "{"ab" * 30}..." (1200 characters)',
    ),
    "name with NUL": (pack({"a\0b": ONE}, DATA), 'a tensor\'s name holds the control character U+0000: "a\\u0000b"'),
    "name with ESC": (pack({"\x1b[2J": ONE}, DATA), 'a tensor\'s name holds the control character U+001B: "\\u001b[2J"'),
    "name with C1": (pack({"\x9b2J": ONE}, DATA), 'a tensor\'s name holds the control character U+009B: "\\u009b2J"'),
    "name of two lines": (pack({"a\u2028b": ONE}, DATA), 'a tensor\'s name holds the control character U+2028: "a\\u2028b"'),
    # one tensor's entry
    "no object": (pack({"a": 3}), 'tensor "a" must be an object; got the number 3'),
    "no dtype": (pack({"a": {"shape": [], "data_offsets": [0, 4]}}, DATA), 'tensor "a" has no dtype'),
    "no shape": (pack({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, DATA), 'tensor "a" has no shape'),
    "no offsets": (pack({"a": {"dtype": "F32", "shape": [1]}}, DATA), 'tensor "a" has no data_offsets'),
    "more": (pack({"a": {**ONE, "file": "/etc/x"}}, DATA), 'tensor "a" has the unknown key "file"; wanted dtype, shape, data_offsets'),
    "dtype null": (pack({"a": entry([1], 0, 4, None)}, DATA), 'tensor "a": dtype must be a string; got null'),
    "dtype F23": (
        pack({"a": entry([1], 0, 4, "F23")}, DATA),
        'tensor "a" has the unknown dtype "F23"; did you mean "F32"?',
    ),
    "dtype pickle": (
        pack({"a": entry([1], 0, 4, "object")}, DATA),
        'tensor "a" has the unknown dtype "object"; known: '
        '"BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "U16", "I16", "F16", "BF16", "U32", "I32", "F32" and 4 more',
    ),
    "shape string": (pack({"a": entry("1", 0, 4)}, DATA), 'tensor "a": shape must be a list of integers; got the string "1"'),
    "shape true": (pack({"a": entry([True], 0, 4)}, DATA), 'tensor "a": shape must be a list of integers; got true in it'),
    "shape float": (pack({"a": entry([1.0], 0, 4)}, DATA), 'tensor "a": shape must be a list of integers; got the number 1.0 in it'),
    "shape negative": (pack({"a": entry([-1, -1], 0, 4)}, DATA), 'tensor "a": shape must not have negative numbers; got -1'),
    "shape minus zero": (
        pack('{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'),
        'character 28: wanted a number; got "-0"',
    ),
    "shape digits": (pack({"a": entry([10**50], 0, 4)}, DATA), "character 33: a number may be 40 digits long; got 51"),
    "shape huge": (
        pack({"a": entry([2**62, 4], 0, 0)}),
        'tensor "a" declares shape [4611686018427387904, 4] of F32: 73786976294838206464 bytes, above the budget of 68719476736',
    ),
    "shape huge, empty": (
        pack({"a": entry([0, 2**62], 0, 0)}),
        'tensor "a" declares shape [0, 4611686018427387904] of F32: '
        "18446744073709551616 bytes without its empty axes, above the budget of 68719476736",
    ),
    "shape overflow": (
        pack({"a": entry([2**32, 2**32], 0, 0, "U8")}),
        'tensor "a" declares shape [4294967296, 4294967296] of U8: 18446744073709551616 bytes, above the budget of 68719476736',
    ),
    "rank": (pack({"a": entry([1] * 33, 0, 4)}, DATA), 'tensor "a": a shape may have 32 axes; got 33'),
    "offsets null": (pack({"a": {**ONE, "data_offsets": None}}), 'tensor "a": data_offsets must be a list of integers; got null'),
    "offsets negative": (pack({"a": entry([1], -4, 0)}), 'tensor "a": data_offsets must not have negative numbers; got -4'),
    "offsets of three": (
        pack({"a": {**ONE, "data_offsets": [0, 4, 4]}}, DATA),
        'tensor "a": data_offsets must be [begin, end] with begin <= end; got [0, 4, 4]',
    ),
    "offsets turned": (pack({"a": entry([1], 4, 0)}, DATA), 'tensor "a": data_offsets must be [begin, end] with begin <= end; got [4, 0]'),
    "bytes too few": (
        pack({"0/Weights": entry([200, 2], 0, 1200)}, bytes(1200)),
        'tensor "0/Weights" declares shape [200, 2] of F32 (1600 bytes) but holds 1200 bytes',
    ),
    "bytes of a scalar": (pack({"a": entry([], 0, 8)}, bytes(8)), 'tensor "a" declares shape [] of F32 (4 bytes) but holds 8 bytes'),
    "bytes of nothing": (pack({"a": entry([0, 3], 0, 4)}, DATA), 'tensor "a" declares shape [0, 3] of F32 (0 bytes) but holds 4 bytes'),
    # how tensors cover the data
    "truncated": (pack({"a": ONE}, bytes(3)), 'tensor "a" ends at byte 4 of the data, which has 3 bytes'),
    "trailing": (pack({"a": ONE}, bytes(5)), "the tensors end at byte 4 of the data, which has 5 bytes"),
    "no tensor but data": (pack({}, b"x"), "the tensors end at byte 0 of the data, which has 1 bytes"),
    "hole before": (pack({"a": entry([1], 4, 8)}, bytes(8)), 'bytes 0 to 4 of the data belong to no tensor; tensor "a" comes next'),
    "hole between": (
        pack({"a": ONE, "b": entry([1], 8, 12)}, bytes(12)),
        'bytes 4 to 8 of the data belong to no tensor; tensor "b" comes next',
    ),
    "overlap": (
        pack({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)),
        'tensor "b" begins at byte 4, inside tensor "a", which ends at 8',
    ),
    "the same bytes": (pack({"a": ONE, "b": ONE}, DATA), 'tensor "b" begins at byte 0, inside tensor "a", which ends at 4'),
    "empty inside": (
        pack({"a": ONE, "b": entry([0], 2, 2)}, DATA),
        'tensor "b" begins at byte 2, inside tensor "a", which ends at 4',
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refuses(here, fault):
    content, words = FAULTS[fault]
    assert message(content) == f"{NAME}: {words}"


@pytest.mark.parametrize(
    "limits, content, words",
    [
        (HeaderLimits(header=1), pack({}), "the header may be 1 bytes long; its first 8 bytes say 2"),
        (HeaderLimits(tensors=1), pack({"a": ONE, "b": entry([1], 4, 8)}, bytes(8)), "a file may hold 1 tensors; this one declares 2"),
        (HeaderLimits(rank=1), pack({"a": entry([1, 1], 0, 4)}, DATA), 'tensor "a": a shape may have 1 axes; got 2'),
        (HeaderLimits(name=2), pack({"abc": ONE}, DATA), 'a tensor\'s name may be 2 characters long; got "abc"'),
        (HeaderLimits(entries=0), pack({"__metadata__": {"k": "v"}}), "__metadata__ may have 0 entries; got 1"),
        (HeaderLimits(items=9), pack({"a": ONE}, DATA), "at most 9 values and keys are read; got more at character 53"),
        (
            HeaderLimits(budget=7),
            pack({"a": ONE, "b": entry([1], 4, 8)}, bytes(8)),
            "the tensors need 8 bytes, more than the budget of 7",
        ),
        (HeaderLimits(budget=3), pack({"a": ONE}, DATA), 'tensor "a" declares shape [1] of F32: 4 bytes, above the budget of 3'),
    ],
)
def test_limits(here, limits, content, words):
    assert message(content, limits) == f"{NAME}: {words}"
    read_header(NAME)


def test_what_is_no_file(here):
    def fault(path):
        with pytest.raises(NetFileError) as caught:
            read_header(path)
        return str(caught.value)

    os.mkdir("folder")
    os.mkfifo("pipe")
    assert fault("absent") == "absent: there is no such file"
    assert fault("folder") == "folder: wanted a file; got a directory"
    assert fault("pipe") == "pipe: wanted a file; got a device, pipe or socket"
    assert fault(here / "absent") == f"{here}/absent: there is no such file"
    assert fault("a\0b") == '"a\\u0000b" is no file name: embedded null byte'
    assert fault("x" * 1000) == f"{'x' * 1000}: cannot be read: File name too long"


def test_reads_what_it_should(here):
    content = pack(
        {
            "__metadata__": {"format": "1"},
            "b": entry([2, 1], 0, 4, "BF16"),
            "none": entry([0, 7], 0, 0),
            "\u00e9/../x y": entry([], 4, 5, "BOOL"),
            "last": entry([0], 5, 5),
        },
        bytes(5),
    )
    (here / NAME).write_bytes(content)
    header = read_header(NAME)
    assert header.tensors == {
        "b": TensorEntry("b", "BF16", (2, 1), 0, 4),
        "none": TensorEntry("none", "F32", (0, 7), 0, 0),
        "\u00e9/../x y": TensorEntry("\u00e9/../x y", "BOOL", (), 4, 5),
        "last": TensorEntry("last", "F32", (0,), 5, 5),
    }
    assert list(header.tensors) == ["b", "none", "\u00e9/../x y", "last"]
    assert header.metadata == {"format": "1"}
    assert (header.data_start, header.file_size) == (len(content) - 5, len(content))
    (here / NAME).write_bytes(pack("{}   "))
    assert read_header(NAME).tensors == {}


def accepted(content: bytes) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """The tensors that the safetensors library finds in a file's bytes."""
    found = safetensors.deserialize(content)
    return {name: (t["dtype"], tuple(t["shape"]), bytes(t["data"])) for name, t in found}


def ours(header, content: bytes) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    data = content[header.data_start :]
    return {name: (t.dtype, t.shape, data[t.begin : t.end]) for name, t in header.tensors.items()}


TORCH_KINDS = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
    torch.uint16: "U16", torch.int16: "I16", torch.float16: "F16", torch.bfloat16: "BF16", torch.uint32: "U32", torch.int32: "I32",
    torch.float32: "F32", torch.uint64: "U64", torch.int64: "I64", torch.float64: "F64", torch.complex64: "C64",
}  # fmt: skip


def test_every_kind_has_its_size():
    assert {kind: dtype.itemsize for dtype, kind in TORCH_KINDS.items()} == dict(ITEM_SIZES)


names = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40).filter(lambda n: n != "__metadata__")
tensors = st.builds(
    lambda dtype, shape: torch.zeros(shape, dtype=torch.uint8).to(dtype),
    st.sampled_from(list(TORCH_KINDS)),
    st.lists(st.integers(0, 4), max_size=4),
)


@given(st.dictionaries(names, tensors, max_size=6), st.none() | st.dictionaries(names, st.text(st.characters(exclude_categories=("Cs",)))))
def test_what_safetensors_writes_is_read(tmp_path_factory, arrays, metadata):
    assume(arrays or metadata != {})  # safetensors 0.8.0 writes this one as `{},"__metadata__":{}}`, which it cannot read itself
    path = tmp_path_factory.getbasetemp() / "round_trip.safetensors"
    safetensors.torch.save_file(arrays, path, metadata)
    header = read_header(path)
    content = path.read_bytes()
    declared = {name: (t.dtype, t.shape) for name, t in header.tensors.items()}
    assert declared == {name: (TORCH_KINDS[array.dtype], tuple(array.shape)) for name, array in arrays.items()}
    assert header.metadata == (metadata or {})
    assert ours(header, content) == accepted(content)


def seed_files() -> list[bytes]:
    arrays = {"0/Weights": torch.ones(3, 2), "0/Biases": torch.zeros(3, dtype=torch.float64), "2/Steps": torch.tensor(7)}
    several = safetensors.torch.save(arrays, {"format": "1", "net": '{"type":"LinearLayer"}'})
    return [several, pack({"a": entry([0, 3], 0, 0), "b": entry([3, 1], 0, 6, "F16")}, bytes(6)), pack({})]


SPLICES = [*b'"{}[],:-019 \0\xff', b"1e3", b"\\u0061", b"\\ud800", b"null"]


def mutated(content: bytes, draw: random.Random) -> bytes:
    """The bytes after one to three small changes, mostly of the header; at times with a length that fits it again."""
    raw = bytearray(content)
    length = int.from_bytes(raw[:8], "little")
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(8, 8 + length) if draw.random() < 0.9 else draw.randrange(len(raw))
        at = min(at, len(raw) - 1)
        match draw.randrange(6):
            case 0:
                raw[at] ^= 1 << draw.randrange(8)
            case 1:
                raw[at : at + draw.randint(1, 8)] = b""
            case 2:
                splice = draw.choice(SPLICES)
                raw[at:at] = splice if isinstance(splice, bytes) else bytes([splice])
            case 3:
                start = draw.randrange(8, max(9, len(raw)))
                raw[at:at] = raw[start : start + draw.randint(1, 40)]
            case 4:
                digits = [i for i, byte in enumerate(raw) if 48 <= byte <= 57] or [0]
                raw[draw.choice(digits)] = draw.randrange(48, 58)
            case 5:
                raw = raw[:at] if draw.random() < 0.3 else raw + bytes(draw.randint(1, 8))
        if len(raw) < 9:
            return bytes(raw)
    if draw.random() < 0.8:
        raw[:8] = struct.pack("<Q", max(0, length + len(raw) - len(content)))
    return bytes(raw)


def test_mutated_files_are_refused_or_read_as_safetensors_reads_them(here):
    draw = random.Random(0)
    seeds = seed_files()
    read = 0
    for _ in range(2000):
        content = mutated(draw.choice(seeds), draw)
        (here / NAME).write_bytes(content)
        try:
            header = read_header(NAME)
        except NetFileError as error:
            assert str(error).startswith(f"{NAME}: ")
            assert "\n" not in str(error) and len(str(error)) < 400
            continue
        read += 1
        assert ours(header, content) == accepted(content)
        with safetensors.safe_open(NAME, "numpy") as file:
            assert (file.metadata() or {}) == header.metadata
    assert 20 < read < 1000  # both ends are met


def test_many_tensors_are_read(here):
    many = {f"{i}/Weights": entry([0, 3], 0, 0) for i in range(5000)}
    (here / NAME).write_bytes(pack(many))
    assert len(read_header(NAME).tensors) == 5000


def test_only_the_header_is_read(here):
    """The data may be a hole in a sparse file, larger than memory."""
    size = 2**35
    with open(NAME, "wb") as file:
        file.write(pack({"a": entry([size], 0, size, "U8")}))
        file.truncate(file.tell() + size)
    assert read_header(NAME).tensors["a"].shape == (size,)


def test_numpy_files_are_read(here):
    safetensors.numpy.save_file({"a": numpy.arange(6.0).reshape(2, 3)}, NAME)
    assert read_header(NAME).tensors == {"a": TensorEntry("a", "F64", (2, 3), 0, 48)}


def test_the_examples_run():
    assert doctest.testmod(header_module).failed == 0
