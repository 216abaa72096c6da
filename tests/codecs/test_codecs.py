"""Every kind of encoder and decoder, through the same checks."""

import copy
import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from netgraph import NetDecoder, NetEncoder, NetError
from netgraph.codecs.codec import all_kinds
from netgraph.codecs.text.tokens import repeats_in_repeats
from tests.codecs.harness import Decoded, Encoded, same

ROWS = [importlib.import_module(f"tests.codecs.{path.stem}") for path in sorted(Path(__file__).parent.glob("rows_*.py"))]
ENCODERS: list[Encoded] = [row for rows in ROWS for row in rows.ENCODERS]
DECODERS: list[Decoded] = [row for rows in ROWS for row in rows.DECODERS]

encoders = pytest.mark.parametrize("row", ENCODERS, ids=[row.id for row in ENCODERS])
decoders = pytest.mark.parametrize("row", DECODERS, ids=[row.id for row in DECODERS])


def rank(encoder):
    return len(encoder.port_type().shape)


def test_every_kind_has_a_row():
    assert {NetEncoder(row.spec).kind for row in ENCODERS} == set(all_kinds("input"))
    assert {NetDecoder(row.spec).kind for row in DECODERS} == set(all_kinds("output"))


@encoders
def test_encoding_one(row):
    encoder = NetEncoder(row.spec)
    for raw, array in zip(row.raw, row.arrays, strict=True):
        assert same(encoder(raw), array, row.tolerance)


@encoders
def test_encoding_several_is_encoding_each(row):
    encoder = NetEncoder(row.spec)
    together = encoder(list(row.raw))
    assert len(together) == len(row.raw)
    for got, raw in zip(together, row.raw, strict=True):
        assert same(got, encoder(raw))


@encoders
def test_arrays_have_the_stated_type(row):
    encoder = NetEncoder(row.spec)
    kind, shape = encoder.port_type().kind, encoder.port_type().shape
    for raw in row.raw:
        array = np.asarray(encoder(raw))
        assert len(array.shape) == len(shape)
        assert all(want in ("Varying", None) or want == have for want, have in zip(shape, array.shape, strict=True))
        if kind is not None and kind.name == "integer":
            assert array.dtype.kind in "iu"
            assert array.size == 0 or (array.min() >= 0 and (kind.count is None or array.max() < kind.count))


@encoders
def test_what_is_encoded_passes(row):
    encoder = NetEncoder(row.spec)
    if row.numbers:
        return
    for raw in row.raw:
        array = encoder(raw)
        assert same(encoder(array), array)
    tensor = torch.as_tensor(np.asarray(encoder(row.raw[0])))
    assert encoder(tensor) is tensor


@encoders
def test_wrong_objects_are_refused(row):
    for raw, message in row.wrong:
        with pytest.raises(NetError) as told:
            NetEncoder(row.spec)(raw)
        assert message in str(told.value)
    if not NetEncoder(row.spec).is_raw([]):
        with pytest.raises(NetError, match="the list of examples is empty"):
            NetEncoder(row.spec)([])


@encoders
def test_an_encoder_is_a_value(row):
    encoder, again = NetEncoder(row.spec), NetEncoder(row.spec)
    assert encoder == again
    assert hash(encoder) == hash(again)
    assert copy.deepcopy(encoder) is encoder
    assert encoder.replaced() == encoder
    assert NetEncoder(encoder) is encoder
    assert repr(encoder).startswith("NetEncoder(")
    with pytest.raises(AttributeError):
        encoder.anything = 1


@decoders
def test_decoding_one(row):
    decoder = NetDecoder(row.spec)
    for array, value in zip(row.arrays, row.decoded, strict=True):
        assert same(decoder(array), value)
        assert decoder(array, None) is array


@decoders
def test_decoding_several_is_decoding_each(row):
    decoder = NetDecoder(row.spec)
    if decoder.kind == "Function" and decoder["InputDepth"] is None:
        assert same(decoder.decode_all(row.arrays, True), row.decoded)  # what one array is, only a net says
        return
    assert same(decoder(list(row.arrays)), [decoder(array) for array in row.arrays])


@decoders
def test_properties(row):
    decoder = NetDecoder(row.spec)
    offered = decoder(row.arrays[0], "Properties")
    assert offered[-1] is None
    for what, value in row.properties:
        assert (what[0] if isinstance(what, tuple) else what) in offered
        assert decoder.takes(what)
        assert same(decoder(row.arrays[0], what, RandomSeeding=1), value, 1e-9)
    with pytest.raises(NetError, match="has no property"):
        decoder(row.arrays[0], "Nothing")


@decoders
def test_wrong_arrays_are_refused(row):
    for array, message in row.wrong:
        with pytest.raises(NetError) as told:
            NetDecoder(row.spec)(array)
        assert message in str(told.value)


@decoders
def test_a_decoder_is_a_value(row):
    decoder, again = NetDecoder(row.spec), NetDecoder(row.spec)
    assert decoder == again
    assert hash(decoder) == hash(again)
    assert copy.deepcopy(decoder) is decoder
    assert NetDecoder(decoder) is decoder
    assert repr(decoder).startswith("NetDecoder(")


@pytest.mark.parametrize(
    "labels", [np.unique(["b", "a"]), {"a": 1, "b": 2}.keys(), pytest.param(np.array(["a", "b"], dtype=object), id="objects")], ids=str
)
def test_labels_and_tokens_are_taken_from_arrays_and_keys(labels):
    assert NetDecoder(("Class", labels)) == NetDecoder(("Class", ["a", "b"]))
    assert NetDecoder(("CTCBeamSearch", labels)) == NetDecoder(("CTCBeamSearch", ["a", "b"]))
    assert NetEncoder(("Tokens", labels)) == NetEncoder(("Tokens", ["a", "b"]))


def test_labels_are_taken_from_a_range_and_not_from_a_set():
    assert NetDecoder(("Class", range(2, 5))) == NetDecoder(("Class", [2, 3, 4]))
    with pytest.raises(NetError, match="Classes wants a list of labels"):
        NetDecoder(("Class", {"a", "b"}))


def test_indicator_vectors_of_many_classes_take_no_square():
    # a matrix of all unit vectors would be 160 GB
    encoder = NetEncoder(("Class", range(200_000), "IndicatorVector"))
    assert encoder(7).nonzero()[0].tolist() == [7]
    assert [row.nonzero()[0].tolist() for row in encoder([7, 199_999])] == [[7], [199_999]]


def test_tensors_of_whole_numbers_are_labels_where_these_are_numbers():
    encoder = NetEncoder(("Class", [1, 2, 3]))
    found = encoder(torch.tensor([1, 3]))
    assert isinstance(found, torch.Tensor) and found.tolist() == [0, 2] == encoder(np.array([1, 3])).tolist()
    for mixed in (torch.tensor([1, 0]), np.array([1, 0]), [1, 0]):  # 0 may be a position, but not beside labels
        with pytest.raises(NetError, match="there is no class 0"):
            encoder(mixed)
    assert NetEncoder(("Class", [10, 20]))([1, 0]) == [1, 0]
    assert NetEncoder(("Class", ["a", "b"]))(torch.tensor([1, 0])).tolist() == [1, 0]


def test_a_text_is_no_list_of_labels():
    with pytest.raises(NetError) as told:
        NetEncoder(("Class", ["a", "b"], {"Dimensions": ("Varying",)}))("ab")
    assert str(told.value) == (
        'NetEncoder(("Class", ("a", "b"), {"Dimensions": ("Varying",)})) wants lists of labels, got the string \'ab\'\n'
        "  try: list(text), where characters are labels"
    )


@pytest.mark.parametrize(
    "pattern, found",
    [
        ("(a+)+", True), (r"(?:\s+|,)*", True), ("(a{2,})+", True), ("((a+)b)+", True), ("(a{999}){999}", True), ("(?P<x>a*?)+?", True),
        (r"\s*,\s*", False), ("(ab)+", False), ("(a+)?", False), ("[(+*)]+", False), (r"\(a+\)+", False), ("(a+){2}", False),
        ("[]+]+", False),
    ],
)  # fmt: skip
def test_repeats_in_repeats_are_found(pattern, found):
    assert repeats_in_repeats(pattern) is found
