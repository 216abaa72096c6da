"""Strict JSON: what is read, what is refused and in which words, and that what is written is read back."""

import doctest
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netgraph.errors import NetFileError
from netgraph.formats import strict_json
from netgraph.formats.strict_json import JsonLimits, dumps, loads, quoted, untag


def message(call, *args, **kw) -> str:
    with pytest.raises(NetFileError) as caught:
        call(*args, **kw)
    return str(caught.value)


@pytest.mark.parametrize(
    "text, value",
    [
        ("null", None),
        (' {"a": [1, -2.5, "x", true, false, null, {}]} ', {"a": [1, -2.5, "x", True, False, None, {}]}),
        (b'{"\xc3\xa9": "\\u00e9\\ud83d\\ude00"}', {"\u00e9": "\u00e9\U0001f600"}),
        ('"a\\\\ud800 \\" ]{["', 'a\\ud800 " ]{['),
        ("[-0.0, 1e5, 0, 1E-400]", [-0.0, 1e5, 0, 0.0]),
        ("12345678901234567890", 12345678901234567890),
        ('{"$float": "NaN"}', {"$float": "NaN"}),
        ('[{"a": 1}, {"a": 1}]', [{"a": 1}, {"a": 1}]),
    ],
)
def test_reads(text, value):
    assert loads(text) == value


@pytest.mark.parametrize(
    "text, words",
    [
        # not JSON
        ("", "net.json: character 0: expecting value; got the end"),
        ("{} 1", 'net.json: character 3: extra data; got "1"'),
        ("[1 2]", "net.json: character 3: expecting ',' delimiter; got \"2]\""),
        ("[1", "net.json: character 2: expecting ',' delimiter; got the end"),
        ("]", 'net.json: character 0: expecting value; got "]"'),
        ("[1,\u00a02]", 'net.json: character 3: expecting value; got "\\u00a02]"'),
        ("\ufeff{}", 'net.json: character 0: wanted a value; got "\\ufeff"'),
        ("{'a': 1}", 'net.json: character 1: wanted a value; got "\'"'),
        ('["a', "net.json: character 1: a string that never ends"),
        ('["a\\"', "net.json: character 1: a string that never ends"),
        ('"a\nb"', 'net.json: character 2: invalid control character; got "\\nb\\""'),
        ('"\\u12"', 'net.json: character 0: "\\\\u12" holds a \\u without four hexadecimal digits'),
        # not UTF-8
        (b'{"a": "\xff"}', "net.json: byte 7 is not UTF-8 (invalid start byte)"),
        ('"\ud800"', "net.json: character 1: a lone surrogate, which is no character"),
        ('["\\ud800"]', 'net.json: character 1: "\\\\ud800" holds a lone surrogate, which is no character'),
        # a key given twice
        ('{"a": 1, "a": 2}', "net.json: a is given twice"),
        ('{"a": 1, "\\u0061": 1}', "net.json: a is given twice"),
        ('{"a": [0, {"0/Weights": {"b": 1, "c": 2, "b": 3}}]}', 'net.json: a/1/"0/Weights"/b is given twice'),
        ('{"a": {"x": 1, "x": 1}, "a": 2}', "net.json: a is given twice"),
        ('[{"x": 1, "x": 1}, {"y": 1, "y": 1}]', "net.json: 0/x is given twice"),
        # numbers
        ("NaN", 'net.json: character 0: wanted a value; got "NaN"'),
        ("[Infinity]", 'net.json: character 1: wanted a value; got "Infinity"'),
        ("[-Infinity]", 'net.json: character 1: wanted a value; got "-Infinity"'),
        ("[1e999]", "net.json: character 1: wanted a number of double precision; got 1e999"),
        ("[-1.5e309]", "net.json: character 1: wanted a number of double precision; got -1.5e309"),
        ("[-0]", 'net.json: character 1: wanted a number; got "-0"'),
        ("[01]", 'net.json: character 1: wanted a number; got "01"'),
        ("[1.]", 'net.json: character 1: wanted a number; got "1."'),
        ("[1e]", 'net.json: character 1: wanted a number; got "1e"'),
        ("[-]", 'net.json: character 1: wanted a value; got "-"'),
        ("[\u0661]", 'net.json: character 1: wanted a value; got "\u0661"'),
        ("1" * 41, "net.json: character 0: a number may be 40 digits long; got 41"),
        ("1" * 5000, "net.json: character 0: a number may be 40 digits long; got 5000"),
    ],
)
def test_refuses(text, words):
    assert message(loads, text, source="net.json") == words


@pytest.mark.parametrize(
    "limits, good, bad, words",
    [
        (JsonLimits(size=4), '"\u00e9"', '"a\u00e9"', "JSON: the text may be 4 bytes long; got 5"),
        (JsonLimits(size=4), b"1234", b"12345", "JSON: the text may be 4 bytes long; got 5"),
        (JsonLimits(depth=2), '[["[["], {"a": "{"}]', "[1, [{}]]", "JSON: nested at most 2 deep; got more at character 5"),
        (JsonLimits(string=3), '{"abc": 1}', '{"abcd": 1}', "JSON: character 1: a string may be 3 characters long; got 4"),
        (JsonLimits(digits=3), "[123, -12, 1.5]", "[1234]", "JSON: character 1: a number may be 3 digits long; got 4"),
        (JsonLimits(items=3), '{"a": null}', '{"a": 1, "b": 2}', "JSON: at most 3 values and keys are read; got more at character 9"),
    ],
)
def test_limits(limits, good, bad, words):
    loads(good, limits=limits)
    assert message(loads, bad, limits=limits) == words


def test_depth_is_checked_before_decoding():
    for text in ("[" * 1_000_000, '{"a":' * 1_000_000):
        assert message(loads, text).startswith("JSON: nested at most 64 deep; got more at character ")


def test_limits_too_generous_for_python_still_end_clearly():
    text = "[" * 100_000 + "]" * 100_000
    assert message(loads, text, limits=JsonLimits(depth=100_000)) == "JSON: nested deeper than Python can read from here"


def test_strings_without_end_cost_one_pass():
    assert message(loads, '"' + "\\" * 5_000_001) == "JSON: character 0: a string that never ends"


@pytest.mark.parametrize(
    "value, text",
    [
        ({"b": 1, "a": (1, 2)}, '{"b":1,"a":[1,2]}'),
        ([math.nan, math.inf, -math.inf], '[{"$float":"NaN"},{"$float":"Infinity"},{"$float":"-Infinity"}]'),
        ([0.1, -0.0, 1.0, 1, True, None], "[0.1,-0.0,1.0,1,true,null]"),
        ("\u00e9\n\u2028", '"\u00e9\\n\u2028"'),
    ],
)
def test_writes(value, text):
    assert dumps(value) == text


@pytest.mark.parametrize(
    "value, words",
    [
        ({1: 2}, "JSON: the top: a key must be a string; got 1"),
        ({"a": [{None: 2}]}, "JSON: a/0: a key must be a string; got None"),
        ({"a": {"$float": 1.0}}, 'JSON: a: the key "$float" is kept for numbers that JSON cannot say'),
        ({"a": {1, 2}}, "JSON: a: JSON has no form for a set"),
        ([b""], "JSON: 0: JSON has no form for a bytes"),
        (["\ud800"], "JSON: character 2: a lone surrogate, which is no character"),
        ([10**40], "JSON: 0: an integer may be 40 digits long; got a longer one"),
        ([-(10**5000)], "JSON: 0: an integer may be 40 digits long; got a longer one"),
        ([-(10**40) + 1], "JSON: character 1: a number may be 40 digits long; got 41"),
    ],
)
def test_refuses_to_write(value, words):
    assert message(dumps, value) == words


def test_refuses_to_write_what_is_too_deep():
    value = []
    for _ in range(63):
        value = [value]
    assert dumps(value) == "[" * 64 + "]" * 64
    assert message(dumps, [value]) == "JSON: 0/0/0/...: nested at most 64 deep; got more"
    value.append(value)
    assert message(dumps, value) == "JSON: 1/0/0/...: nested at most 64 deep; got more"


@pytest.mark.parametrize(
    "text, shown",
    [
        ('{"a": [{"$float": "nan"}]}', '"{\\"$float\\": \\"nan\\"}"'),
        ('{"a": [{"$float": "NaN", "b": 1}]}', '"{\\"$float\\": \\"NaN\\", \\"b\\": 1}"'),
        ('{"a": [{"$float": ["NaN"]}]}', '"{\\"$float\\": [\\"NaN\\"]}"'),
    ],
)
def test_untag_refuses(text, shown):
    wanted = f'net.json: a/0: "$float" stands alone and is one of "NaN", "Infinity", "-Infinity"; got {shown}'
    assert message(untag, loads(text), source="net.json") == wanted


def test_quoted_is_one_short_line():
    assert quoted("x" * 100) == '"' + "x" * 60 + '..." (100 characters)'
    assert quoted('a"\n\x1b[2J\u2028') == '"a\\"\\n\\u001b[2J\\u2028"'


text = st.text(st.characters(exclude_categories=("Cs",)))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**39) + 1, 10**39 - 1) | st.floats() | text,
    lambda parts: st.lists(parts) | st.dictionaries(text.filter(lambda key: key != "$float"), parts),
    max_leaves=20,
)


def bits(value):
    """A value in which equal floats are equal bits: NaN equals NaN, 0.0 is not -0.0, 1 is not 1.0."""
    if isinstance(value, float):
        return "float", "NaN" if math.isnan(value) else struct.pack("<d", value)
    if isinstance(value, list):
        return [bits(part) for part in value]
    return {key: bits(part) for key, part in value.items()} if isinstance(value, dict) else (type(value), value)


@given(values)
def test_what_is_written_is_read_back(value):
    written = dumps(value)
    read = untag(loads(written))
    assert bits(read) == bits(value)
    assert dumps(read) == written
    assert bits(untag(loads(written.encode()))) == bits(value)


@given(st.binary() | text | st.text('[]{}",:\\u0019.eE-+ntrfalsu \n'))
def test_any_text_is_read_or_refused(data):
    try:
        value = loads(data)
    except NetFileError:
        return
    assert bits(loads(dumps(value))) == bits(value)


def test_the_examples_run():
    assert doctest.testmod(strict_json).failed == 0
