"""SubwordTokens: lists of tokens, pairs, files of models."""

from pathlib import Path

import numpy as np

from netgraph import All, File, NetEncoder
from tests.codecs.harness import Decoded, Encoded
from tests.codecs.rows_text import one_hot

DATA = Path(__file__).parent / "data"
LOWER = [All, " low", "er", "e", "r", " ", "l", "o", "w", " l", "ow", "EndOfString", "StartOfString"]
LOWER_DECODER = NetEncoder(("SubwordTokens", LOWER))


ENCODERS = [
    Encoded(
        ("SubwordTokens", LOWER),
        [" lower slow", "", "lowé"],
        [np.array([1, 2, 5, 0, 6, 10]), np.zeros(0), np.array([6, 10, 0])],
        wrong=[(3.5, "wants a string, or a list of these, got a float")],
    ),
    Encoded(
        ("SubwordTokens", LOWER, {"IncludeTerminalTokens": True, "TargetLength": 6}),
        [" low", " lower lower"],
        [np.array([12, 1, 11, 11, 11, 11]), np.array([12, 1, 2, 1, 2, 11])],
    ),
    Encoded(("SubwordTokens", LOWER, {"Method": "WordPiece", "IgnoreCase": True}), ["LOWER low, no"], [np.array([1, 2, 1, 0, 0])]),
    Encoded(
        (
            "SubwordTokens",
            LOWER,
            {"InputType": "StringPair", "OutputProperties": ["VocabularyIndex", "SegmentIndex"], "IncludeTerminalTokens": True},
        ),
        [[" low", " lower"], ("", "e")],
        [np.array([[12, 0], [1, 0], [11, 0], [1, 1], [2, 1], [11, 1]]), np.array([[12, 0], [11, 0], [3, 1], [11, 1]])],
        wrong=[("low", "wants a pair of strings, or a list of these, got the string 'low'")],
    ),
    Encoded(("SubwordTokens", File(DATA / "bpe.model")), ["hello", ""], [np.array([63, 6, 19, 65]), np.zeros(0)]),
]

DECODERS = [
    Decoded(LOWER_DECODER, [one_hot([12, 1, 2, 0, 11], 13)], [" lower\ufffd"]),
    Decoded(NetEncoder(("SubwordTokens", File(DATA / "bytes.model"))), [one_hot([313, 95, 200, 174, 3], 340)], ["Zé<sep>"]),
]
