"""Files that are wrong: each a NetFileError with its whole message, or a net that is as good as one written by hand."""

import copy
import json
import os
import random
import resource
import struct

import numpy as np
import pytest

from netgraph import *
from netgraph.formats import native
from tests.formats.test_native import FILLED, back, golden_net, same
from tests.formats.test_structure import SAMPLES


def taken_apart(path):
    """The header of a file, its structure, and its data."""
    raw = path.read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:end])
    return header, json.loads(header["__metadata__"]["netgraph"]), raw[end:]


def put_together(path, header, structure, data):
    header["__metadata__"]["netgraph"] = structure if isinstance(structure, str) else json.dumps(structure)
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def rename(a, b):
    def change(header, structure, data):
        header[b] = header.pop(a)
        return data

    return change


def swap(a, b):
    def change(header, structure, data):
        header[a], header[b] = header[b], header[a]
        return data

    return change


def change_entry(name, **entries):
    def change(header, structure, data):
        header[name].update(entries)
        return data

    return change


def extra(name, dtype="F32", shape=(1,), data=b"\0\0\0\0"):
    def change(header, structure, old):
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(old), len(old) + len(data)]}
        return old + data

    return change


def structural(function):
    def change(header, structure, data):
        function(structure)
        return data

    return change


def fill(value):
    def change(header, structure, data):
        begin = header["a/Weights"]["data_offsets"][0]
        return data[:begin] + struct.pack("<f", value) + data[begin + 4 :]

    return change


FIT = 'the array "a/{}" does not fit the net{}\n  {}: its shape in the file\n  {}: the shape that the net gives it'
CONSTANT = {
    "inputs": ["Input"], "nodes": [], "outputs": [{"constant": 0}], "output_names": None,
    "constants": [{"dtype": "float32", "shape": []}],
}  # fmt: skip
WRONG = {
    "unknown array": (rename("a/Weights", "a/Weight"), 'the net has no array "a/Weight", did you mean "a/Weights" or "c/Weights"?'),
    "path trick": (
        rename("a/Weights", "../../etc/passwd"),
        'the net has no array "../../etc/passwd", known: "a/Weights", "a/Biases", "c/Weights", "c/Biases"',
    ),
    "extra tensor": (extra("d/Weights"), 'the net has no array "d/Weights", did you mean "c/Weights" or "a/Weights"?'),
    "swapped arrays": (swap("a/Weights", "a/Biases"), FIT.format("Weights", ", and 1 more do not fit", "(3,)", "(3, 3)")),
    "wrong rank": (change_entry("a/Weights", shape=[9]), FIT.format("Weights", "", "(9,)", "(3, 3)")),
    "wrong shape": (change_entry("a/Weights", shape=[1, 9]), FIT.format("Weights", "", "(1, 9)", "(3, 3)")),
    "shape beyond its bytes": (change_entry("a/Weights", shape=[3, 2**61]), None),
    "integers": (change_entry("a/Weights", dtype="I32"), 'the array "a/Weights" has dtype I32; arrays of a net have F32 or F64'),
    "complex": (change_entry("a/Weights", dtype="C64", shape=[9, 1]), None),
    "empty array": (extra("c/Scaling", shape=(0,), data=b""), 'the array "c/Scaling" has shape (0,); arrays of size zero are not allowed'),
    "not a number": (fill(float("nan")), 'the array "a/Weights" holds NaN or an infinite value'),
    "infinite": (fill(float("-inf")), 'the array "a/Weights" holds NaN or an infinite value'),
    "no structure": (lambda h, s, d: h["__metadata__"].update(x="1") or d, None),
    "unknown type": (structural(lambda s: s["parts"][1].update(type="os.system")), None),
    "own ancestor": (
        structural(lambda s: s["parts"][0]["parts"].update(a=0)),
        'the net: its part "a" is part 0, which comes before it: a part cannot hold itself, or what holds it',
    ),
    "another size": (
        structural(lambda s: s["parts"][1]["parameters"].update(OutputDimensions=[4])),
        FIT.format("Weights", ", and 2 more do not fit", "(3, 3)", "(4, 3)"),
    ),
    "array switched off": (
        structural(lambda s: s["parts"][1].update(arrays={"Biases": None})),
        'the net has no array "a/Biases", did you mean "c/Biases"?',
    ),
    "a captured array that is not there": (
        structural(lambda s: s["parts"][2]["parameters"].update(Function={"$function": CONSTANT})),
        'the tensor "function/b/Function/0", which a function captured, is not there',
    ),
    "nested JSON": (
        structural(lambda s: s["parts"][1].update(parameters={"OutputDimensions": json.loads("[" * 20 + "]" * 20)})),
        "a: OutputDimensions: lists lie more than 16 deep in each other",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name, tmp_path):
    change, message = WRONG[name]
    path = net_save(FILLED, tmp_path / "net.safetensors")
    header, structure, data = taken_apart(path)
    data = change(header, structure, data)
    put_together(path, header, structure, data)
    if name == "no structure":
        assert net_load(path) == FILLED  # what others write into the metadata does not matter
        del header["__metadata__"]["netgraph"]
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data)
        message = 'is no net: its metadata have no entry "netgraph"'
    with pytest.raises(NetFileError) as error:
        net_load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message is None or str(error.value) == f"{path}: {message}"


def test_arrays_that_contradict_each_other(tmp_path):
    net = LinearLayer(Weights=np.ones((3, 2)), Biases=np.ones(3))
    path = net_save(net, tmp_path / "net.safetensors")
    header, structure, data = taken_apart(path)
    header["Weights"]["shape"] = [2, 3]
    put_together(path, header, structure, data)
    with pytest.raises(NetFileError) as error:
        net_load(path)
    assert str(error.value) == (
        f"{path}: its arrays do not fit together: Biases: the length is 2 on one side and 3 on the other\n"
        "  2: Weights was given an array of shape (2, 3)\n  3: Biases was given an array of shape (3,)"
    )


def test_duplicate_keys(tmp_path):
    path = net_save(FILLED, tmp_path / "net.safetensors")
    header, structure, data = taken_apart(path)
    text = json.dumps(structure)
    put_together(path, header, text.replace('"type": "LinearLayer"', '"type": "LinearLayer", "type": "LinearLayer"', 1), data)
    with pytest.raises(NetFileError) as error:
        net_load(path)
    assert str(error.value) == f"{path}: parts/1/type is given twice"


@pytest.mark.parametrize("text", ["", "[1", "[]", "null", "3", '{"format": NaN}', "[" * 100 + "]" * 100, '{"a": {"$float": "x"}}'])
def test_structures_that_are_no_structure(text, tmp_path):
    path = net_save(FILLED, tmp_path / "net.safetensors")
    header, _, data = taken_apart(path)
    put_together(path, header, text, data)
    with pytest.raises(NetFileError, match=r"net\.safetensors: "):
        net_load(path)


def test_truncated_files(tmp_path):
    raw = net_save(FILLED, tmp_path / "net.safetensors").read_bytes()
    path = tmp_path / "short.safetensors"
    for length in [*range(40), *range(40, len(raw), 37), len(raw) - 1]:
        path.write_bytes(raw[:length])
        with pytest.raises(NetFileError):
            net_load(path)


def test_what_is_no_file(tmp_path):
    for place in (tmp_path, tmp_path / "none", "a\0b", "/dev/null"):
        with pytest.raises(NetFileError):
            net_load(place)
    with pytest.raises(NetTypeError, match=r"^net_load wants a path, got 3$"):
        net_load(3)


def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    path = net_save(FILLED, tmp_path / "net.safetensors")
    real = native.rebuilt

    def rebuilt(*arguments):
        os.utime(path, ns=(1, 1))
        return real(*arguments)

    monkeypatch.setattr(native, "rebuilt", rebuilt)
    with pytest.raises(NetFileError) as error:
        net_load(path)
    assert str(error.value) == f"{path}: the file changed while it was read"


def test_names_cannot_become_code(tmp_path):
    """A name goes into the source that is generated to evaluate a net, as a comment."""
    for name in ("a\n    raise SystemExit", "a\r    raise SystemExit"):
        with pytest.raises(NetValueError):
            NetChain({name: Ramp})
        with pytest.raises(NetValueError):
            TotalLayer(InputPorts={name: 3})
        with pytest.raises(NetValueError):
            NetArray(name)
        path = net_save(NetChain({"name": Ramp}, Input=1), tmp_path / "net.safetensors")
        header, structure, data = taken_apart(path)
        structure["parts"][0]["parts"] = {name: 1}
        put_together(path, header, structure, data)
        with pytest.raises(NetFileError):
            net_load(path)


def mutated_bytes(raw, pick):
    raw = bytearray(raw)
    for _ in range(pick.choice((1, 1, 2, 5))):
        place = pick.randrange(len(raw))
        sort = pick.randrange(5)
        if sort == 0:
            raw[place] ^= 1 << pick.randrange(8)
        elif sort == 1:
            raw[place] = pick.choice(b'0123456789[]{}",:-eNtf\\ \n\xff')
        elif sort == 2:
            del raw[place : place + pick.randrange(1, 9)]
        elif sort == 3:
            raw[place:place] = raw[(start := pick.randrange(len(raw))) : start + pick.randrange(1, 40)]
        else:
            del raw[place:]
        if not raw:
            break
    return bytes(raw)


def mutated_value(value, others, pick):
    """The value with one place of it made something else."""
    if isinstance(value, (dict, list)) and value and pick.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = pick.choice(keys)
        sort = pick.random()
        if sort < 0.1:
            del value[key]
        elif sort < 0.2 and isinstance(value, dict):
            value[pick.choice(("../x", "Input", "Output", "0", "type", "Weights", "Net", "$symbol"))] = value.pop(key)
        elif sort < 0.3 and isinstance(value, list):
            value.insert(key, copy.deepcopy(value[pick.choice(keys)]))
        else:
            value[key] = mutated_value(value[key], others, pick)
        return value
    return copy.deepcopy(pick.choice(others))


OTHERS = [
    None,
    True,
    0,
    1,
    2,
    -1,
    3.5,
    10**30,
    "",
    "a",
    "../x",
    "Input",
    "Output",
    "NetChain",
    "NetMapOperator",
    "LinearLayer",
    "TotalLayer",
    [],
    {},
    [[]],
    [1, 2],
    ["a"],
    [0, "a"],
    {"a": 1},
    {"$word": "Automatic"},
    {"$word": "All"},
    {"$span": [0, 1, None]},
    {"$symbol": "Plus"},
    {"$float": "NaN"},
    {"kind": None, "shape": [3]},
    {"kind": ["integer", 3], "shape": []},
    {"name": "w", "dimensions": None},
    "F64",
    "BOOL",
    2**61,
]


def mutants(path, count):
    raw = path.read_bytes()
    for number in range(count):
        pick = random.Random(f"{path.name} {number}")
        sort = number % 3
        if sort == 0:
            path.write_bytes(mutated_bytes(raw, pick))
        else:
            path.write_bytes(raw)
            header, structure, data = taken_apart(path)
            target = structure if sort == 1 else {k: v for k, v in header.items() if k != "__metadata__"}
            for _ in range(pick.choice((1, 1, 2))):
                target = mutated_value(target, OTHERS, pick)
            if sort == 1:
                structure = target
            else:
                header = {"__metadata__": header["__metadata__"], **target} if isinstance(target, dict) else header
            put_together(path, header, structure, data)
        yield number


def check_mutants(count, folder):
    nets = {
        "golden": golden_net(),
        "chain": FILLED,
        "pair": net_initialize(SAMPLES["pair"]),
        "graph": net_initialize(NetChain([SAMPLES["graph"], 2], Input=4)),
    }
    before, loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    for name, net in nets.items():
        path = net_save(net, folder / name)
        for number in mutants(path, count // len(nets)):
            try:
                found = net_load(path)
            except NetError as error:
                cause = error.__cause__
                assert cause is None or isinstance(cause, (NetError, OSError)), f"{name} {number}: {cause!r}"
                continue
            loaded += 1
            assert same(back(found, folder), found), f"{name} {number}"
    assert 0 < loaded < count
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 200 * 2**20, f"{grown} bytes"


def test_mutated_files(tmp_path):
    check_mutants(2000, tmp_path)


@pytest.mark.slow
def test_many_mutated_files(tmp_path):
    check_mutants(10_000, tmp_path)
