"""Characters, Tokens and UTF8 in depth: tables, splitting, partners, messages."""

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netgraph import All, Automatic, Integer, NetDecoder, NetEncoder, NetError
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType

PRINTABLE = "\t\n" + "".join(map(chr, range(32, 127)))


def table_of(*entries, **options):
    """The alphabet by code of a table: what encodes to each code."""
    encoder = NetEncoder(("Characters", list(entries), options))
    codes = {}
    for one in encoder["Alphabet"]:
        if isinstance(one, str) and len(one) == 1:
            codes.setdefault(int(encoder(one)[0]), []).append(one)
    return {code: "".join(some) for code, some in codes.items()}


def raised(make):
    with pytest.raises(NetError) as told:
        make()
    return str(told.value)


# -- characters ----------------------------------------------------------------------------------------------------------------------


def test_the_default_table_counts_as_ascii_less_thirty():
    encoder = NetEncoder("Characters")
    assert encoder(PRINTABLE).tolist() == list(range(97))
    assert all(int(encoder(chr(code))[0]) == code - 30 for code in range(32, 127))
    assert encoder.port_type() == PortType(Integer(97), ("Varying",))
    assert encoder["Alphabet"] == encoder["alphabet"] == encoder.alphabet == tuple(PRINTABLE)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        (Automatic, PRINTABLE),
        ("LetterCharacter", string.ascii_letters),
        ("DigitCharacter", string.digits),
        ("WordCharacter", string.ascii_letters + string.digits),
        ("PunctuationCharacter", string.punctuation),
        ("WhitespaceCharacter", " \t\n"),
        (slice(945, 950), "αβγδε"),
        (range(945, 950), "αβγδε"),
    ],
)
def test_groups_and_ranges(name, members):
    each, together, numbered = table_of(name), table_of((name, Automatic)), table_of((name, 3))
    assert each == dict(enumerate(members))
    assert together == {0: members}
    assert numbered == {3: members}


def test_a_group_leaves_out_what_is_there_already():
    assert table_of("aeiou", ("LetterCharacter", Automatic))[5] == "".join(one for one in string.ascii_letters if one not in "aeiou")


def test_the_next_code_is_one_that_no_entry_before_has():
    assert table_of(("x", 1), "abc") == {0: "a", 1: "x", 2: "b", 3: "c"}
    assert table_of("abc", ("x", 1)) == {0: "a", 1: "bx", 2: "c"}
    assert table_of("ab", ("x", 3), "cd") == {0: "a", 1: "b", 2: "c", 3: "x", 4: "d"}
    assert table_of(("xy", 1), ("z", 1), "a") == {0: "a", 1: "xyz"}


def test_codes_that_are_left_free_count():
    encoder = NetEncoder(("Characters", ["a", ("b", 5)]))
    assert encoder.port_type().kind == Integer(6)
    assert NetDecoder(encoder)(np.eye(6)) == "ab"


def test_the_names_of_groups_cannot_be_strings_of_characters():
    for name in ("LetterCharacter", "DigitCharacter", "WordCharacter", "PunctuationCharacter", "WhitespaceCharacter"):
        assert len(set(name)) < len(name)
    for name in ("StartOfString", "EndOfString"):
        assert len(set(name)) < len(name)
    assert NetEncoder(("Characters", "_a"))("a_").tolist() == [1, 0]


def test_any_other_character():
    encoder = NetEncoder(("Characters", ["ab", All, "c"]))
    assert encoder("axbéc\U0001f600").tolist() == [0, 2, 1, 2, 3, 2]
    assert encoder["Alphabet"] == ("a", "b", All, "c")
    shared = NetEncoder(("Characters", ["ab", (All, 1)]))
    assert shared("aqb").tolist() == [0, 1, 1]
    assert NetDecoder(shared)(np.eye(2)) == "ab"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("aba", "wants different characters, or the name of a group, got \"'a' twice in 'aba'\""),
        (["ab", "cb"], "has 'b' twice"),
        ([All, ("x", 1), (All, 2)], "has All twice"),
        (["EndOfString", "EndOfString"], "has 'EndOfString' twice"),
        (["LetterCharacter", "a"], "has 'a' twice"),
        ([], "wants a table with characters, got ()"),
        ([("a", -1)], "wants a code from 0 to 1114111, or Automatic, got -1"),
        ([("a", True)], "wants a code from 0 to 1114111, or Automatic, got True"),
        ([("a", 1, 2)], "wants (characters, code) or (characters, Automatic), got ('a', 1, 2)"),
        ([slice(9, 3)], "wants character codes from 0, the end at most 1114112, got slice(9, 3, None)"),
        (
            [3.5],
            "wants a string of characters, the name of a group, a slice or range of character codes, Automatic or All, got 3.5",
        ),
    ],
)
def test_tables_that_are_none(table, message):
    assert raised(lambda: NetEncoder(("Characters", table))) == f'NetEncoder "Characters": Table {message}'


def test_messages_of_characters():
    assert raised(lambda: NetEncoder(("Characters", "ab"))("abxa" + "b" * 30)) == (
        "NetEncoder((\"Characters\", (\"ab\",))): there is no code for 'x' (U+0078), character 2, in 'abxabbbbbbbb'\n"
        "  try: a table with All, the code of any other character"
    )
    assert raised(lambda: NetEncoder(("Characters", "ab", {"IncludeTerminalTokens": True}))) == (
        'NetEncoder "Characters": IncludeTerminalTokens puts codes at the ends which the table has not\n'
        '  try: a table with "StartOfString" and "EndOfString"'
    )
    assert raised(lambda: NetEncoder(("Characters", "ab", {"TargetLength": 0}))) == (
        'NetEncoder "Characters": TargetLength wants a whole number from 1, or All, got 0'
    )


def test_ignoring_case():
    encoder = NetEncoder(("Characters", Automatic, {"IgnoreCase": True}))
    assert encoder.port_type().kind == Integer(71)
    assert encoder("Hello").tolist() == encoder("hELLO").tolist()
    assert NetDecoder(encoder)(np.eye(71)[encoder("Hello, World!")]) == "hello, world!"
    greek = NetEncoder(("Characters", ["αΒ", All], {"IgnoreCase": True}))
    assert greek("ΑαβΒxİ").tolist() == [0, 0, 1, 1, 2, 2]  # the lower case of İ is two characters


def test_what_is_cut_off_needs_no_code():
    assert NetEncoder(("Characters", "ab", {"TargetLength": 2}))("ba?").tolist() == [1, 0]


texts = st.text(alphabet=PRINTABLE, max_size=30)


@given(st.lists(texts, min_size=1, max_size=6), st.sampled_from(["Index", "UnitVector"]), st.sampled_from([All, 1, 5]), st.booleans())
def test_many_texts_are_encoded_as_each_is(many, form, length, ends):
    table = [Automatic, "StartOfString", "EndOfString"]
    encoder = NetEncoder(("Characters", table, form, {"TargetLength": length, "IncludeTerminalTokens": ends}))
    for text, got in zip(many, encoder(many), strict=True):
        codes = [PRINTABLE.index(one) for one in text]
        codes = [97, *codes, 98] if ends else codes
        if length is not All:
            codes = (codes + [98] * length)[:length]
        want = np.array(codes, dtype=int) if form == "Index" else np.eye(99)[np.array(codes, dtype=int)]
        assert np.array_equal(got, want)
        assert np.array_equal(encoder(text), want)


@given(st.text(alphabet=st.characters(max_codepoint=0xFFFF), max_size=30))
def test_characters_come_back(text):
    printable = NetEncoder(("Characters", [Automatic, "StartOfString", "EndOfString", All], {"IncludeTerminalTokens": True}))
    back = NetDecoder(printable).text(printable(text).tolist())
    assert back == "".join(one if one in PRINTABLE else "\ufffd" for one in text)


def test_characters_of_every_plane():
    encoder = NetEncoder(("Characters", [slice(0, 256), "€", slice(0x1F600, 0x1F610), slice(0xD800, 0xD801), slice(0x10FFFF, 0x110000)]))
    assert encoder("aé€\U0001f601\ud800\U0010ffff").tolist() == [97, 233, 256, 258, 273, 274]


def test_a_million_characters_at_once():
    text = "0123456789 hello\n" * 60_000
    codes = NetEncoder("Characters")(text)
    assert codes.dtype == np.int64
    assert codes.shape == (len(text),)
    assert codes[:17].tolist() == codes[-17:].tolist()


def test_partners_of_characters():
    options = {"IgnoreCase": True, "IncludeTerminalTokens": True}
    encoder = NetEncoder(("Characters", ["abc", "StartOfString", "EndOfString", All], options))
    decoder = NetDecoder(encoder)
    assert decoder == NetDecoder(("Characters", ["abc", "StartOfString", "EndOfString", All], options))
    assert decoder == NetDecoder(
        ("Characters", ["abc", "StartOfString", "EndOfString", All], {"IgnoreCase": True, "IncludeTerminalTokens": True})
    )
    assert NetEncoder(decoder) == encoder
    assert decoder.partner(PortType(REAL, (7, 6))) == encoder.replaced(TargetLength=7)
    assert decoder.partner(PortType(REAL, ("Varying", 6))) == encoder
    assert decoder.partner(PortType(REAL, (6,))) == NetEncoder(("Class", ["a", "b", "c", "StartOfString", "EndOfString", All]))


def test_one_vector_or_a_sequence():
    decoder = NetDecoder(("Characters", "abc"))
    assert decoder([0.1, 0.6, 0.3]) == "b"
    assert decoder(np.eye(3)[[2, 0]]) == "ca"
    assert decoder(np.eye(3)[[[2, 0], [1, 1]]]) == ["ca", "bb"]
    assert decoder(np.zeros((0, 3))) == ""
    one = decoder.replaced(InputDepth=1)
    assert one.port_type() == PortType(REAL, (3,))
    assert one(np.eye(3)) == ["a", "b", "c"]
    assert decoder.replaced(InputDepth=2).port_type() == PortType(REAL, (None, 3))
    assert decoder.port_type() == PortType(REAL, None)
    assert decoder.accepts((2, 4)) == "there are 3 codes"
    assert decoder.accepts((None, None)) is None
    assert decoder.accepts((2, 2, 3)) == "it reads one vector or a sequence of vectors"
    assert raised(lambda: decoder.replaced(InputDepth=3)) == (
        'NetDecoder "Characters": InputDepth wants 1 (one vector), 2 (a sequence of vectors) or Automatic, got 3'
    )


# -- tokens --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "text", "tokens"),
    [
        ("WordBoundary", "It's 9:30, ok?  Yes... (no)", ["it", "'", "s", "9", ":", "30", ",", "ok", "?", "yes", "...", "(", "no", ")"]),
        (r"\s+", "It's 9:30,  ok?", ["it's", "9:30,", "ok?"]),
        (r"\b", "one, two", ["one", ",", "two"]),
        ("", "ab c", ["a", "b", "c"]),
        ("x", "axxb", ["a", "b"]),
    ],
)
def test_splitting(pattern, text, tokens):
    vocabulary = list(dict.fromkeys(tokens))
    encoder = NetEncoder(("Tokens", vocabulary, {"SplitPattern": pattern}))
    assert [vocabulary[code] for code in encoder(text).tolist()] == tokens


def test_messages_of_tokens():
    wanted = 'the list of tokens: ("Tokens", ["the", "cat"]); no language\'s list of words comes with netgraph'
    assert raised(lambda: NetEncoder("Tokens")) == f'NetEncoder "Tokens" wants Vocabulary, {wanted}'
    assert raised(lambda: NetDecoder("Tokens")) == f'NetDecoder "Tokens" wants Vocabulary, {wanted}'
    start = 'NetEncoder "Tokens": '
    assert raised(lambda: NetEncoder(("Tokens", "English"))) == (
        f"{start}Vocabulary wants a list of tokens (no language's list of words comes with netgraph), got 'English'"
    )
    assert raised(lambda: NetEncoder(("Tokens", ["a", "b", "a"]))) == f"{start}Vocabulary wants different tokens, got 'a'"
    assert raised(lambda: NetEncoder(("Tokens", ["a", ""]))) == f"{start}Vocabulary wants tokens that are strings, got ''"
    assert raised(lambda: NetEncoder(("Tokens", ["a", "A"]))) == (
        f"{start}Vocabulary has 'a' and 'A', which are one where case is ignored\n  try: {{\"IgnoreCase\": False}}"
    )
    assert raised(lambda: NetEncoder(("Tokens", ["a"], {"SplitPattern": "("}))) == (
        f"{start}SplitPattern wants a regular expression (missing ), unterminated subpattern at position 0), got '('"
    )
    assert raised(lambda: NetEncoder(("Tokens", ["a"], {"SplitPattern": 3}))) == (
        f'{start}SplitPattern wants a regular expression, "WordBoundary" or None, got 3'
    )


def test_the_unknown_token_is_one_more():
    encoder = NetEncoder(("Tokens", ["the", "cat", "sat"]))
    assert encoder.port_type() == PortType(Integer(4), ("Varying",))
    assert encoder.replaced(TargetLength=9).port_type() == PortType(Integer(4), (9,))
    assert encoder("dog").tolist() == [3]


def test_partners_of_tokens():
    encoder = NetEncoder(("Tokens", ["The", "cat"]))
    decoder = NetDecoder(encoder)
    assert decoder == NetDecoder(("Tokens", ["The", "cat"]))
    assert NetEncoder(decoder) == encoder
    assert decoder.partner(PortType(REAL, (3,))) == NetEncoder(("Class", ["the", "cat", All]))
    assert decoder.partner(PortType(REAL, (5, 3))) == encoder.replaced(TargetLength=5)
    assert decoder([0, 1, 0]) == "cat"


@given(st.lists(st.sampled_from(["the", "cat", "sat", "on", "mats"]), max_size=12))
def test_tokens_come_back(words):
    encoder = NetEncoder(("Tokens", ["the", "cat", "sat", "on", "mats"]))
    text = " ".join(words)
    assert NetDecoder(encoder).text(encoder(text).tolist()) == text


def test_arrays_of_tokens():
    encoder = NetEncoder(("Tokens", ["the", "cat"], {"SplitPattern": None}))
    assert encoder(np.array(["Cat", "dog"])).tolist() == [1, 2]
    assert encoder([["cat"], ["the"]]).tolist() == [[1], [0]]


# -- bytes ---------------------------------------------------------------------------------------------------------------------------


@given(st.text(max_size=30))
def test_codes_of_utf8_are_its_bytes(text):
    codes = NetEncoder("UTF8")(text)
    assert bytes(codes.tolist()).decode() == text
    assert codes.max(initial=0) < 248


def test_utf8_has_no_decoder():
    assert NetEncoder("UTF8").port_type() == PortType(Integer(248), ("Varying",))
    assert raised(lambda: NetDecoder(NetEncoder("UTF8"))) == 'there is no decoder that belongs to NetEncoder "UTF8"'


def test_an_empty_array_is_encoded_already():
    empty = NetEncoder("UTF8")("")
    assert NetEncoder("UTF8")(empty) is empty
    assert raised(lambda: NetEncoder("UTF8")(np.zeros((0, 2, 2), dtype=int))) == 'NetEncoder("UTF8"): the list of examples is empty'
