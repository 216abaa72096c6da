"""SubwordTokens: the ways of cutting against slow ones, files of SentencePiece against its own results, the library, messages."""

import itertools
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from netgraph import All, File, Integer, NetDecoder, NetEncoder, NetError, NetFileError
from netgraph.codecs.text.subword_models import CACHED, LONGEST
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType

DATA = Path(__file__).parent / "data"


def subwords(tokens, **options):
    return NetEncoder(("SubwordTokens", tokens, options))


def pieces(encoder, text):
    return [encoder["Tokens"][code] for code in encoder(text).tolist()]


def raised(make):
    with pytest.raises(NetError) as told:
        make()
    return str(told.value)


# -- ways of cutting -----------------------------------------------------------------------------------------------------------------

MERGED = [All, "ab", "a", "b", " ", "c", "bc", " a", "abab", "cc", " ab", "  ", "abc", "cab"]


def merged_slowly(tokens, text):
    """Byte-pair encoding as it is told: find the best pair of neighbours, merge it, look again."""
    parts = list(text)
    while True:
        pairs = [(tokens.index(a + b), place) for place, (a, b) in enumerate(itertools.pairwise(parts)) if a + b in tokens]
        if not pairs:
            return [part if part in tokens else All for part in parts]
        place = min(pairs)[1]
        parts[place : place + 2] = [parts[place] + parts[place + 1]]


@given(st.text(alphabet="abc x", max_size=14))
def test_merging_is_what_the_slow_way_gives(text):
    assert pieces(subwords(MERGED), text) == merged_slowly(MERGED, text)


@given(st.text(alphabet="abc ", max_size=14))
def test_merging_where_tokens_reach_over_spaces(text):
    tokens = [*MERGED, "c a", "b b", "b "]
    assert pieces(subwords(tokens), text) == merged_slowly(tokens, text)


@given(st.text(alphabet="abc ", max_size=14), st.sets(st.sampled_from(["ab", "bc", " a", "abab", "cc", " ab", "abc", "cab"])))
def test_a_vocabulary_takes_tokens_apart(text, vocabulary):
    tokens = [token for token in MERGED if token != "  "]
    got = pieces(subwords(tokens, Vocabulary=sorted(vocabulary)), text)
    assert "".join(got) == text
    assert all(len(piece) == 1 or piece in vocabulary for piece in got)
    if vocabulary == {token for token in tokens if token is not All and len(token) > 1}:
        assert got == merged_slowly(tokens, text)


def test_a_token_is_taken_apart_as_it_was_merged():
    tokens = [All, "bc", "abc", "a", "b", "c", "ab"]
    assert pieces(subwords(tokens), "abc") == ["abc"]
    assert pieces(subwords(tokens, Vocabulary=["ab", "bc"]), "abc") == ["a", "bc"]
    assert pieces(subwords(tokens, Vocabulary=[]), "abc") == ["a", "b", "c"]


def test_scores_decide_over_the_order():
    tokens = ["ab", "bc", "a", "b", "c"]
    assert pieces(subwords([All, *tokens]), "abc") == ["ab", "c"]
    scored = [All, *((token, 1.0 if token == "bc" else -place) for place, token in enumerate(tokens))]
    assert [piece[0] for piece in pieces(subwords(scored), "abc")] == ["a", "bc"]


UNIGRAM = [All, ("a", -2.0), ("b", -2.5), ("ab", -3.0), ("ba", -4.25), ("aba", -4.875), ("bb", -9.0), (" ", -1.0), (" a", -2.25)]


def best_slowly(text):
    """The greatest sum of scores over all cuts; an unknown character counts 10 less than the least score."""
    scores = dict(entry for entry in UNIGRAM if entry is not All)
    worst = min(scores.values()) - 10
    best = -np.inf
    for cuts in itertools.product([False, True], repeat=max(len(text) - 1, 0)):
        ends = [0, *[place + 1 for place, cut in enumerate(cuts) if cut], len(text)]
        parts = [text[a:b] for a, b in itertools.pairwise(ends) if b > a]
        values = [scores.get(part, worst if len(part) == 1 else -np.inf) for part in parts]
        best = max(best, sum(values))
    return best


@given(st.text(alphabet="ab x", max_size=9))
def test_unigram_finds_the_greatest_sum(text):
    encoder = subwords(UNIGRAM, Method="Unigram")
    got = pieces(encoder, text)
    runs = len(text) - sum(len(piece[0]) for piece in got if piece is not All)  # a run of unknown characters is one All
    worst = min(score for _, score in UNIGRAM[1:]) - 10
    total = sum(piece[1] for piece in got if piece is not All) + runs * worst
    assert total == pytest.approx(best_slowly(text))


def test_unknown_characters():
    tokens = ["a", "b"]
    assert pieces(subwords([All, *tokens]), "axxb") == ["a", All, All, "b"]
    scored = subwords([All, *((token, 0.0) for token in tokens)])
    assert scored("axxbx").tolist() == [1, 0, 2, 0]


def test_wordpiece_is_what_the_library_gives():
    words = ["un", "aff", "able", "want", "runn", "low", "l", "o", "w", "e", "r", ",", "!", "don", "t", "'", "中", "€"]
    parts = ["aff", "able", "ed", "ing", "ning", "er", "est", "w", "o"]
    entries = ["[UNK]", *words, *("##" + part for part in parts)]
    theirs = tokenizers.Tokenizer(tokenizers.models.WordPiece(dict(zip(entries, range(99), strict=False)), unk_token="[UNK]"))
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    ours = subwords([All, *(" " + word for word in words), *parts], Method="WordPiece")
    source = random.Random(0)
    for _ in range(300):
        text = "".join(source.choice([*words, *parts, " ", " ", "_", "\t", "x"]) for _ in range(source.randint(0, 12))).replace(
            "中", " 中 "
        )
        assert ours(text).tolist() == theirs.encode(text).ids


def test_ideographs_are_words():
    assert subwords([All, " 中", " 文", "文"], Method="WordPiece")("中文").tolist() == [1, 2]


def test_ignoring_case():
    assert subwords([All, "Ab", "a", "b"], IgnoreCase=True)("AB ab aB").tolist() == [1, 0, 1, 0, 1]
    assert subwords([All, " A", "b"], IgnoreCase=True, Method="WordPiece")("aB Ab").tolist() == [1, 2, 1, 2]


def test_white_space():
    tokens = [All, " ", "a"]
    assert subwords(tokens)("  a ").tolist() == [1, 1, 2, 1]
    assert subwords(tokens, Method=("BPE", {"WhitespacePadding": "Left"}))("a").tolist() == [1, 2]
    assert subwords(tokens, Method=("BPE", {"WhitespacePadding": "Right"}))(["a", ""])[0].tolist() == [2, 1]
    both = {"WhitespacePadding": "Left", "CombineWhitespace": True}
    assert subwords(tokens, Method=("BPE", both))(" a\t\n a ").tolist() == [1, 2, 1, 2]
    assert subwords(tokens, Method=("BPE", {**both, "CombineWhitespace": "Spaces"}))("a\t  a").tolist() == [1, 2, 0, 1, 2]
    assert subwords(tokens, Method=("BPE", {"CombineWhitespace": False})) == subwords(tokens)


def test_text_may_be_prepared():
    assert subwords([All, "é", "e"], UnicodeNormalization="NFC")("e\u0301").tolist() == [1]
    assert subwords([All, "a", "b"], TextPreprocessing=lambda text: text[::-1])("ab").tolist() == [2, 1]
    assert "TextPreprocessing gave None, no string" in raised(lambda: subwords([All], TextPreprocessing=lambda text: None)("a"))


def test_more_words_than_are_remembered():
    encoder = subwords([All, "a", " "])
    text = " ".join(map(str, range(CACHED + 10))) + " " + "a" * (LONGEST + 1)
    codes = encoder(text)
    assert codes.tolist() == encoder(text).tolist()
    assert (codes == 1).sum() == LONGEST + 1


# -- files of SentencePiece ----------------------------------------------------------------------------------------------------------

TEXTS = [
    "", "  two  spaces ", "hello", "Zebra é x", "<sep>the fox<sep>", "the quick\tbrown\nfox", "quick☃☃fox ☃",
    "she sells sea shells by the seashore",
]  # fmt: skip
# what the library sentencepiece 0.2.0 gives for these texts with the models in data/
CODES = {
    "bpe": [
        [], [4, 71, 65, 3, 77, 69, 75, 16], [63, 6, 19, 65], [63, 0, 64, 82, 74, 69, 63, 0, 63, 88],
        [63, 0, 66, 64, 77, 0, 68, 6, 63, 83, 65, 88, 0, 66, 64, 77, 0], [11, 50, 31, 0, 82, 74, 12, 73, 0, 83, 65, 88],
        [50, 31, 0, 83, 65, 88, 63, 0], [58, 33, 44, 57, 58, 44, 21, 81, 11, 57, 66, 70, 65, 74, 64],
    ],
    "bytes": [
        [], [4, 262, 321, 315, 4, 316, 327, 319, 325, 274, 313], [313, 264, 277, 315],
        [313, 95, 314, 332, 324, 319, 313, 200, 174, 313, 338], [313, 3, 318, 264, 313, 333, 315, 338, 3],
        [269, 308, 289, 14, 332, 324, 270, 323, 15, 333, 315, 338],
        [308, 289, 231, 157, 136, 231, 157, 136, 333, 315, 338, 313, 231, 157, 136],
        [261, 264, 291, 302, 291, 319, 261, 264, 302, 279, 331, 269, 291, 319, 316, 320, 315, 324, 314],
    ],
    "unigram": [
        [], [31, 69, 9, 50, 25, 23, 68, 4, 6], [5, 52, 4, 21, 9], [5, 0, 4, 67, 12, 23, 5, 0, 5, 62],
        [5, 0, 6, 4, 25, 0, 24, 52, 4, 5, 26, 9, 62, 0, 6, 4, 25, 0], [7, 4, 37, 64, 0, 67, 12, 42, 13, 0, 26, 9, 62],
        [37, 64, 0, 26, 9, 62, 5, 0], [45, 30, 21, 6, 30, 23, 45, 21, 6, 18, 14, 7, 4, 30, 23, 6, 52, 47, 4],
    ],
    "suffix": [
        [], [68, 13, 63, 66, 77, 69, 75, 64, 9], [70, 64, 21, 40], [0, 64, 82, 74, 15, 0, 63, 88, 63],
        [0, 30, 77, 0, 10, 83, 65, 88, 0, 30, 77, 0, 63], [10, 41, 72, 8, 0, 82, 74, 11, 73, 0, 83, 65, 88, 63],
        [41, 72, 8, 0, 83, 65, 88, 63, 0, 63], [31, 3, 30, 57, 60, 31, 64, 57, 82, 22, 10, 30, 69, 31, 39, 3],
    ],
}  # fmt: skip
LEAST_20 = [
    [], [4, 71, 65, 3, 77, 69, 75, 16], [63, 6, 19, 65], [63, 0, 64, 82, 74, 69, 63, 0, 63, 88],
    [63, 0, 66, 64, 77, 0, 68, 6, 63, 83, 65, 88, 0, 66, 64, 77, 0], [11, 63, 85, 78, 72, 8, 0, 82, 74, 12, 73, 0, 83, 65, 88],
    [63, 85, 78, 72, 8, 0, 83, 65, 88, 63, 0],
    [3, 6, 3, 64, 19, 66, 3, 64, 69, 3, 6, 19, 66, 21, 81, 11, 3, 64, 69, 66, 70, 65, 74, 64],
]  # fmt: skip


@pytest.mark.parametrize("name", CODES)
def test_models_give_what_sentencepiece_gives(name):
    encoder = subwords(File(DATA / f"{name}.model"))
    assert [encoder(text).tolist() for text in TEXTS] == CODES[name]


def test_a_vocabulary_file_gives_what_sentencepiece_gives():
    encoder = subwords(DATA / "bpe.model", Vocabulary=(File(DATA / "bpe.vocab"), -20))
    assert [encoder(text).tolist() for text in TEXTS] == LEAST_20
    everything = subwords(DATA / "bpe.model", Vocabulary=File(DATA / "bpe.vocab"))
    assert [everything(text).tolist() for text in TEXTS] == CODES["bpe"]


def test_models_are_decoded():
    assert NetDecoder(subwords(DATA / "bpe.model")).text(CODES["bpe"][7]) == TEXTS[7]
    assert NetDecoder(subwords(DATA / "bytes.model")).text(CODES["bytes"][6]) == TEXTS[6]
    assert NetDecoder(subwords(DATA / "bytes.model")).text(CODES["bytes"][5]) == TEXTS[5]
    assert NetDecoder(subwords(DATA / "suffix.model")).text(CODES["suffix"][7]) == TEXTS[7]
    assert NetDecoder(subwords(DATA / "bpe.model")).text(CODES["bpe"][3]) == "\ufffdebra \ufffd x"


def test_what_a_model_says():
    encoder = subwords(File(DATA / "bpe.model"))
    assert encoder["Method"] == ("BPE", {"CombineWhitespace": "Spaces", "WhitespacePadding": "Left"})
    assert encoder["Tokens"][:4] == (All, "StartOfString", "EndOfString", (" s", 0.0))
    assert encoder.port_type() == PortType(Integer(90), ("Varying",))
    assert encoder == subwords(File(DATA / "bpe.model"), Method="BPE")
    assert encoder == NetEncoder("BPESubwordTokens", File(DATA / "bpe.model"))
    assert encoder == NetEncoder("SubwordTokens", tokens=File(DATA / "bpe.model"))
    assert encoder.replaced() == encoder
    plain = subwords(File(DATA / "bpe.model"), method=("BPE", {"CombineWhitespace": True}))
    assert plain["Method"] == ("BPE", {"CombineWhitespace": True})
    ends = subwords(File(DATA / "bpe.model"), IncludeTerminalTokens=True)
    assert ends("hello").tolist() == [1, 63, 6, 19, 65, 2]


def test_files_that_are_none(tmp_path):
    path = tmp_path / "x.model"
    assert raised(lambda: subwords(path)) == f"{path}: No such file or directory"
    path.write_bytes(b"")
    assert raised(lambda: subwords(path)) == f"{path} is no model of SentencePiece: it has no token for what is unknown"
    path.write_bytes(b"\x0a\x7fabc")
    assert raised(lambda: subwords(path)) == f"{path} is no model of SentencePiece: it ends within a field of 127 bytes"
    path.write_bytes(b"\x0b")
    assert raised(lambda: subwords(path)) == f"{path} is no model of SentencePiece: byte 1 starts no field"
    path.write_bytes(b"\xff" * 20)
    assert raised(lambda: subwords(path)) == f"{path} is no model of SentencePiece: the number at byte 0 has no end"
    # a model of whole words: field 3 of the trainer's settings
    path.write_bytes(b"\x0a\x09\x0a\x05<unk>\x18\x02\x12\x02\x18\x03")
    assert raised(lambda: subwords(path)) == f"{path}: SentencePiece's BPE and unigram models are read, not those of words or characters"
    # a table of its own: name "mine" and two bytes
    path.write_bytes(b"\x0a\x09\x0a\x05<unk>\x18\x02\x12\x02\x18\x02\x1a\x0a\x0a\x04mine\x12\x02ab")
    assert raised(lambda: subwords(path)) == (
        f"{path} normalizes text by a table of its own, 'mine', which cannot be read\n"
        '  try: {"UnicodeNormalization": "NFKC"}, or whatever comes nearest'
    )
    assert subwords(path, UnicodeNormalization="NFC")["Tokens"] == (All,)
    path.write_bytes(b"a\t0\nb\n")
    assert raised(lambda: subwords([All], Vocabulary=path)) == f"{path}, line 2: wants a token, a tab and a score, got 'b'"
    path.write_bytes(b"\xff\xfe")
    assert raised(lambda: subwords([All], Vocabulary=path)) == f"{path} is no text: byte 0 is not UTF-8"
    path.write_text("a\nb\n")
    assert raised(lambda: subwords(path, Method="WordPiece")) == f'{path} is no list of tokens, one a line: there is no "[UNK]"'


def test_broken_models_are_refused_or_read(tmp_path):
    source, path = random.Random(0), tmp_path / "x.model"
    whole = (DATA / "unigram.model").read_bytes()
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        if source.random() < 0.3:
            del data[source.randrange(len(data)) :]
        for _ in range(source.randint(1, 4)):
            if data:
                data[source.randrange(len(data))] = source.randrange(256)
        path.write_bytes(data)
        try:
            assert subwords(path)("the quick brown fox").dtype == np.int64
        except NetError:
            refused += 1
    assert 0 < refused < 400


def test_vocabularies_of_berts_form(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nlow\n##er\n,\n")
    encoder = subwords(File(path), Method="WordPiece", IncludeTerminalTokens=True)
    assert encoder["Tokens"] == (("[PAD]", "Control"), All, "StartOfString", "EndOfString", ("[MASK]", "Control"), " low", "er", " ,")
    assert encoder("lower, low [MASK]").tolist() == [2, 5, 6, 7, 5, 1, 1, 1, 3]
    assert NetDecoder(encoder).text([2, 5, 6, 7, 4, 3]) == " lower ,"


# -- the library ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tokenizer():
    words = {word: code for code, word in enumerate(["[UNK]", "[CLS]", "[SEP]", "low", "##er", "no", "[PAD]", "last"])}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    made.decoder = tokenizers.decoders.WordPiece()
    return made


def test_tokenizers_of_the_library(tokenizer, tmp_path):
    encoder = subwords(tokenizer)
    assert encoder(["lower no", "low"])[0].tolist() == [3, 4, 5]
    assert encoder.port_type() == PortType(Integer(8), ("Varying",))
    assert subwords(tokenizer, IncludeTerminalTokens=True, TargetLength=4)("low").tolist() == [1, 3, 2, 7]
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert subwords(File(tmp_path / "tokenizer.json")) == encoder
    assert encoder.replaced() == encoder
    decoder = NetDecoder(encoder)
    assert decoder(np.eye(8)[[3, 4, 5]]) == "lower no"
    assert NetEncoder(decoder) == encoder
    assert decoder.partner(PortType(REAL, (8,)))("no") == 5
    tokenizer.enable_padding(pad_id=6, pad_token="[PAD]", length=9)
    assert subwords(tokenizer, TargetLength=2)("low").tolist() == [3, 6]
    both = subwords(tokenizer, InputType="StringPair", IncludeTerminalTokens=True, OutputProperties=["VocabularyIndex", "SegmentIndex"])
    assert both(("low", "no")).tolist() == [[1, 0], [3, 0], [2, 0], [5, 1], [2, 1]]


def test_what_the_library_refuses(tokenizer, tmp_path, monkeypatch):
    assert raised(lambda: subwords(tokenizer, IgnoreCase=True)) == (
        'NetEncoder "SubwordTokens": a tokenizer of the library has its own IgnoreCase'
    )
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(NetFileError, match="is no file of the library `tokenizers`"):
        subwords(File(tmp_path / "x.json"))
    assert raised(lambda: subwords("hello")) == (
        "NetEncoder \"SubwordTokens\": Tokens wants a list of tokens, File(path) or a tokenizer, got 'hello'"
    )
    text = tokenizer.to_str()
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert raised(lambda: subwords(text)) == "the library `tokenizers` is not installed\n  try: pip install netgraph[text]"


# -- the codec -----------------------------------------------------------------------------------------------------------------------


def test_messages():
    start = 'NetEncoder "SubwordTokens": '
    assert raised(lambda: NetEncoder("SubwordTokens")) == (
        'NetEncoder "SubwordTokens" wants Tokens, the list of tokens, or the file of a model: ("SubwordTokens", File("spiece.model"))'
    )
    assert raised(lambda: NetDecoder("SubwordTokens")) == (
        'NetDecoder "SubwordTokens" wants Tokens, the encoder that it belongs to: NetDecoder(NetEncoder(("SubwordTokens", ...)))'
    )
    assert raised(lambda: subwords(["a"])) == f"{start}Tokens must have All, the token of characters that have none"
    assert raised(lambda: subwords([All, "a", "a"])) == f"{start}Tokens has 'a' twice"
    assert raised(lambda: subwords([All, "a", ("b", 1.0)])) == f"{start}Tokens gives scores to some tokens and not to others"
    assert raised(lambda: subwords([All, ("<0x00>", "Byte")])) == f"{start}Tokens has 1 of the 256 bytes"
    assert raised(lambda: subwords([All, ("x", "Byte")])) == f"{start}Tokens wants a byte as \"<0x0A>\", got 'x'"
    assert raised(lambda: subwords([All, 3])) == f"{start}Tokens wants tokens that are strings, (token, score) or All, got 3"
    assert raised(lambda: subwords([All, ("a", "b")])) == (
        f'{start}Tokens wants (token, score), (token, "Control"), (token, "UserDefined") or (token, "Byte"), got (\'a\', \'b\')'
    )
    assert raised(lambda: subwords([All], Method="Words")) == (
        f'{start}Method wants "BPE", "WordPiece", "Unigram" or ("BPE", {{"WhitespacePadding": "Left"}}), got \'Words\''
    )
    assert raised(lambda: subwords([All], Method=("BPE", {"Padding": 1}))) == (
        f'{start}Method wants "CombineWhitespace" and "WhitespacePadding" for "BPE", got \'Padding\''
    )
    assert raised(lambda: subwords([All], Method=("BPE", {"WhitespacePadding": "Top"}))) == (
        f"{start}Method wants WhitespacePadding None or 'Left' or 'Right', got 'Top'"
    )
    assert raised(lambda: subwords([All], Method=("BPE", {"CombineWhitespace": 1}))) == (
        f"{start}Method wants CombineWhitespace False or True or 'Spaces', got 1"
    )
    assert raised(lambda: subwords([All, "a"], Method="Unigram")) == f"{start}Unigram wants scores\n  try: (token, score) for each token"
    assert raised(lambda: subwords([All], IncludeTerminalTokens=True)) == (
        f'{start}IncludeTerminalTokens puts tokens at the ends which the list has not\n  try: a list with "StartOfString" and "EndOfString"'
    )
    assert raised(lambda: subwords([All], OutputProperties=["Words"])) == (
        f'{start}OutputProperties wants "VocabularyIndex", "SegmentIndex" or a list of both, got (\'Words\',)'
    )
    assert raised(lambda: subwords([All], Vocabulary=3)) == (
        f"{start}Vocabulary wants a list of tokens, File(path), (File(path), threshold) or None, got 3"
    )


def test_the_names_of_the_ends_may_be_text_with_a_score():
    encoder = subwords([All, "EndOfString", ("EndOfString", 0.0), ("x", "UserDefined")])
    assert encoder["Tokens"][2] == ("EndOfString", 0.0)
    assert encoder("x!").tolist() == [3, 0]
    assert NetDecoder(encoder).text([2, 1, 3]) == "EndOfStringx"


def test_several_strings_of_a_target_length():
    encoder = subwords([All, "a", "b", "EndOfString"], TargetLength=3)
    assert encoder(["a", "abab", ""]).tolist() == [[1, 3, 3], [1, 2, 1], [3, 3, 3]]
    assert encoder.replaced(OutputProperties="SegmentIndex")("a").tolist() == [0, 0, 0]
    assert encoder.replaced(OutputProperties=["VocabularyIndex"]).port_type() == PortType(Integer(4), (3, 1))


@given(st.text(alphabet="lower w", max_size=20))
def test_text_comes_back(text):
    encoder = subwords([All, *dict.fromkeys("lower w"), " low", "er", "we"])
    assert NetDecoder(encoder).text(encoder(text).tolist()) == text


def test_partners():
    tokens = [All, " low", "er", "StartOfString", "EndOfString"]
    encoder = subwords(tokens, Method=("BPE", {"WhitespacePadding": "Left"}), IgnoreCase=True, IncludeTerminalTokens=True)
    decoder = NetDecoder(encoder)
    assert decoder(np.eye(5)[[3, 1, 2, 1, 4]]) == "lower low"
    assert decoder.replaced(WhitespaceTrimming=None)(np.eye(5)[[1]]) == " low"
    assert decoder.replaced(WhitespaceTrimming="Right").text([1]) == " low"
    assert NetEncoder(decoder) == encoder
    assert decoder.partner(PortType(REAL, (6, 5))) == encoder.replaced(TargetLength=6)
    assert decoder.partner(PortType(REAL, (5,))) == NetEncoder(("Class", tokens))
