"""Codecs in files and in JSON: equal after loading, tables beside the structure, nothing trusted."""

import importlib
import json
from pathlib import Path

import pytest

from netgraph import (
    NetChain,
    NetDecoder,
    NetEncoder,
    NetError,
    NetFileError,
    net_from_json,
    net_load,
    net_replace_part,
    net_save,
    net_to_json,
)
from netgraph.formats.header import read_header
from netgraph.formats.values import decode, encode

TABLES = [importlib.import_module(f"tests.codecs.{path.stem}") for path in sorted(Path(__file__).parent.parent.glob("codecs/rows_*.py"))]
CODECS = [NetEncoder(row.spec) for rows in TABLES for row in rows.ENCODERS if row.saved]
CODECS += [NetDecoder(row.spec) for rows in TABLES for row in rows.DECODERS if row.saved]
CODE = [NetEncoder(row.spec) for rows in TABLES for row in rows.ENCODERS if not row.saved]
CODE += [NetDecoder(row.spec) for rows in TABLES for row in rows.DECODERS if not row.saved]

WORDS = [f"word{i}" for i in range(3000)]


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_every_codec_comes_back(codec):
    assert decode(json.loads(json.dumps(encode(codec, "here")))) == codec
    kept = []
    data = json.loads(json.dumps(encode(codec, "here", kept.append)))
    tensors = iter(kept)
    assert decode(data, lambda: next(tensors)) == codec


@pytest.mark.parametrize("codec", CODE, ids=repr)
def test_code_is_not_saved(codec):
    with pytest.raises(NetError, match="and files hold no code"):
        encode(codec, "here")


def net():
    encoder = NetEncoder(("Class", WORDS))
    return NetChain([[]], Input=encoder)


def test_long_tables_lie_beside(tmp_path):
    saved = net_save(net(), tmp_path / "net.safetensors")
    header = read_header(saved)
    assert header.tensors["codec/Input/0"].dtype == "U8"
    assert "word77" not in header.metadata["netgraph"]
    loaded = net_load(saved)
    assert loaded == net()
    assert loaded("word77") == 77


def test_json_holds_all():
    text = net_to_json(net())
    assert net_from_json(text) == net()
    assert "word77" in text


@pytest.mark.parametrize(
    "change, message",
    [
        ({"side": "output"}, 'there is no decoder "UTF8"'),
        ({"kind": "Nothing"}, 'there is no encoder "Nothing"'),
        ({"parameters": {"Formm": "Index"}}, 'NetEncoder "UTF8" has no parameter "Formm"'),
        ({"parameters": {"Form": 3}}, 'NetEncoder "UTF8": Form wants'),
        ({"parameters": []}, "no codec"),
        ({"more": 1}, "no codec"),
    ],
)
def test_wrong_codecs_in_json(change, message):
    data = json.loads(net_to_json(NetChain([[]], Input=NetEncoder("UTF8"))))
    given = data["parts"][0]["given"]["Input"]
    given["codec"]["$codec"].update(change)
    with pytest.raises(NetFileError) as told:
        net_from_json(json.dumps(data))
    assert message in str(told.value)


def test_a_codec_on_the_wrong_side():
    data = json.loads(net_to_json(NetChain([[]], Input=NetEncoder("Boolean"))))
    decoder = json.loads(net_to_json(NetChain([[]], Output=NetDecoder("Boolean"))))["parts"][0]["given"]["Output"]
    data["parts"][0]["given"]["Input"]["codec"] = decoder["codec"]
    with pytest.raises(NetFileError, match='"Input" is an input port, its codec is for an output'):
        net_from_json(json.dumps(data))


def test_taken_off_for_saving(tmp_path):
    with_code = NetChain([[]], Input=NetEncoder(("Function", len, ())))
    with pytest.raises(NetError, match="holds a Python object as its Function"):
        net_save(with_code, tmp_path / "x.safetensors")
    assert net_load(net_save(net_replace_part(with_code, {"Input": None}), tmp_path / "x.safetensors"))["Input"] == ()


def changed(encoder, layers=None, **parameters):
    """The net of a file whose encoder has other parameters than those that its port's type is of."""
    data = json.loads(net_to_json(NetChain(layers or [[]], Input=encoder)))
    data["parts"][0]["given"]["Input"]["codec"]["$codec"]["parameters"].update(parameters)
    return net_from_json(json.dumps(data))


SPAN = {"$span": [0, 0x110000, None]}


@pytest.mark.parametrize(
    "encoder, parameters, message",
    [
        ("Characters", {"Table": [SPAN, [SPAN, 5]]}, "Table has 2228224 characters, there are 1114112"),
        ("Characters", {"TargetLength": 10**12}, "its codec is of type integer below 97 (1000000000000,)"),
        (("Image", 4), {"ImageSize": [10**9, 10**9]}, '"Input" is real (3, 4, 4), its codec is of type real (3, 1000000000, 1000000000)'),
        ("AudioSpectrogram", {"SampleRate": 10**12}, "SampleRate wants a whole number from 1 to 10000000"),
        (("Tokens", ["a"]), {"SplitPattern": "(a+)+$"}, "SplitPattern wants a regular expression without a repeat in a repeat"),
        (("Tokens", ["a"]), {"SplitPattern": "a|" * 600}, "SplitPattern wants a regular expression of at most 1000 characters, got 1200"),
        (("Class", ["a", "b"]), {"Classes": ["a", "b", "c"]}, '"Input" is integer below 2, its codec is of type integer below 3'),
        ("FeatureExtractor", {"Extractor": "StandardizedVector", "Mean": {"$symbol": "Ramp"}}, "Mean wants a number or a vector"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_parameters_from_a_file_are_bounded_and_fit_the_port(encoder, parameters, message):
    with pytest.raises(NetFileError) as told:
        changed(NetEncoder(encoder), **parameters)
    assert message in str(told.value)


@pytest.mark.parametrize("kind", ["Boolean", ("Class", ["a", "b"])], ids=str)
def test_the_rank_of_a_decoder_is_bounded(kind):
    data = json.loads(net_to_json(NetChain([[]], Output=NetDecoder(kind))))
    data["parts"][0]["given"]["Output"]["codec"]["$codec"]["parameters"]["InputDepth"] = 10**9
    with pytest.raises(NetFileError, match=r"InputDepth wants a rank from . to 64"):
        net_from_json(json.dumps(data))


WRONG = [
    None, True, -1, 10**30, 1.5, "x", "", [], [[]], [None], [1, 2, 3], ["a", "b"], [["a", 1]], {"$dict": []}, {"$list": []},
    {"$word": "All"}, {"$span": [0, 1, None]}, {"$symbol": "Ramp"}, {"$scaled": 2}, {"$port": ["a"]},
    {"$codec": {"side": "input", "kind": "Boolean", "parameters": {}}},
    {"$array": {"dtype": "float32", "shape": [0]}, "$values": []},
]  # fmt: skip


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_a_parameter_of_another_sort_is_refused_or_is_a_codec(codec):
    data = encode(codec, "here")
    for name in data["$codec"]["parameters"]:
        for wrong in WRONG:
            parameters = {**data["$codec"]["parameters"], name: wrong}
            try:
                made = decode({"$codec": {**data["$codec"], "parameters": parameters}})
            except NetError:
                continue
            assert decode(encode(made, "here")) == made
            assert made.port_type() == made.port_type()
