"""Characters, Tokens and UTF8, with the values of the reference (codes from 0)."""

import numpy as np

from netgraph import All, Automatic
from tests.codecs.harness import Decoded, Encoded

WORDS = ["the", "cat", "sat"]
LETTERS = ["abc", "StartOfString", "EndOfString", All]


def one_hot(codes, count):
    return np.eye(count)[np.array(codes, dtype=int)]


ENCODERS = [
    Encoded(
        "Characters",
        ["abc", "A 0", "a\tb\n", "~", ""],
        [np.array([67, 68, 69]), np.array([35, 2, 18]), np.array([67, 0, 68, 1]), np.array([96]), np.zeros(0)],
        wrong=[
            ("né", "there is no code for 'é' (U+00E9), character 1, in 'né'"),
            (5.5, 'NetEncoder("Characters") wants a string, or a list of these, got a float'),
            (["a", 2.5], "wants a string, or a list of these, got a float at [1]"),
            (["ab", "c", "dé"], "character 1, in 'dé'"),
        ],
    ),
    Encoded(("Characters", ["ab", ("xyz", Automatic), "c"]), ["abzcx"], [np.array([0, 1, 2, 3, 2])]),
    Encoded(("Characters", [slice(97, 100), ("xyz", 7)], "UnitVector"), ["bz", "c"], [one_hot([1, 7], 8), one_hot([2], 8)]),
    Encoded(
        ("Characters", LETTERS, {"IncludeTerminalTokens": True}),
        ["ab", "", "a?"],
        [np.array([3, 0, 1, 4]), np.array([3, 4]), np.array([3, 0, 5, 4])],
    ),
    Encoded(
        ("Characters", LETTERS, {"IncludeTerminalTokens": True, "TargetLength": 4}),
        ["ab", "", "abcabc", "abc"],
        [np.array([3, 0, 1, 4]), np.array([3, 4, 4, 4]), np.array([3, 0, 1, 2]), np.array([3, 0, 1, 2])],
    ),
    Encoded(("Characters", "abc", {"TargetLength": 2}), ["b", "cab"], [np.array([1, 2]), np.array([2, 0])]),
    Encoded(("Characters", "Ab", {"IgnoreCase": True}), ["aAbB"], [np.array([0, 0, 1, 1])]),
    Encoded(
        ("Tokens", WORDS),
        ["The cat sat", "the dog", "", "sat, cat!"],
        [np.array([0, 1, 2]), np.array([0, 3]), np.zeros(0), np.array([2, 3, 1, 3])],
        wrong=[(7.5, "wants a string, or a list of these, got a float")],
    ),
    Encoded(("Tokens", WORDS, {"TargetLength": 4}), ["the dog", "the cat sat the cat"], [np.array([0, 3, 3, 3]), np.array([0, 1, 2, 0])]),
    Encoded(
        ("Tokens", WORDS, {"SplitPattern": None, "IgnoreCase": False}),
        [["the", "The"], ["cat"], []],
        [np.array([0, 3]), np.array([1]), np.zeros(0)],
        wrong=[("the", "wants a list of tokens, or a list of these, got the string 'the'")],
    ),
    Encoded(("Tokens", ["new york", "rome"], {"SplitPattern": "(,|;)"}), ["Rome; New York ,rome"], [np.array([1, 0, 1])]),
    Encoded(
        "UTF8",
        ["hello", "é", "€", ""],
        [np.array([104, 101, 108, 108, 111]), np.array([195, 169]), np.array([226, 130, 172]), np.zeros(0)],
        wrong=[("a\ud800", "character 1, '\\ud800', is half of a surrogate pair")],
    ),
    Encoded(("UTF8", "UnitVector"), ["hi"], [one_hot([104, 105], 248)]),
]

DECODERS = [
    Decoded(
        "Characters",
        [one_hot([67, 0, 68], 97), one_hot([96], 97)],
        ["a\tb", "~"],
        properties=[("Decision", "a\tb")],
        wrong=[(np.zeros((2, 98)), "there are 97 codes, got shape (2, 98)"), (np.zeros((2, 2, 2, 97)), "wants an array of rank 1 or 2")],
    ),
    Decoded(("Characters", [*LETTERS, ("xyz", 9)]), [one_hot([3, 0, 5, 9, 7, 4], 10)], ["a\ufffdx"]),
    Decoded(("Characters", "AbB", {"IgnoreCase": True}), [one_hot([0, 1], 2)], ["ab"]),
    Decoded(
        ("Tokens", ["The", "cat"]),
        [one_hot([0, 2, 1], 3)],
        ["the \ufffd cat"],
        wrong=[(np.zeros((2, 2)), "there are 3 codes, got shape (2, 2)")],
    ),
    Decoded(("Tokens", ["The", "cat"], {"IgnoreCase": False}), [one_hot([0], 3)], ["The"]),
]
