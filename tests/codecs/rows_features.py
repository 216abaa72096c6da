"""FeatureExtractor, given and learned."""

import numpy as np
from sklearn.preprocessing import StandardScaler

from tests.codecs.harness import Decoded, Encoded

LABELLED = {"Labels": ("red", "green", "blue")}

ENCODERS = [
    Encoded(
        ("FeatureExtractor", lambda word: [len(word), word.count("a")], {"Dimensions": 2}),
        ["banana", "fig"],
        [np.array([6, 3]), np.array([3, 0])],
        numbers=True,
        saved=False,
    ),
    Encoded(
        ("FeatureExtractor", StandardScaler().fit([[0.0, 1.0], [2.0, 5.0]])),
        [np.array([2.0, 3.0]), [0.0, 5.0]],
        [np.array([1.0, 0.0]), np.array([-1.0, 1.0])],
        numbers=True,
        saved=False,
    ),
    Encoded(
        ("FeatureExtractor", "StandardizedVector", {"Mean": (1.0, 2.0), "Deviation": (2.0, 0.5)}),
        [[1.0, 2.0], np.array([3.0, 1.0])],
        [np.zeros(2), np.array([1.0, -2.0])],
        wrong=[([1.0, 2.0, 3.0], "there are 2 features, got shape (3,)"), ("a", "wants a number or a vector of numbers")],
        numbers=True,
    ),
    Encoded(
        ("FeatureExtractor", "IndicatorVector", LABELLED),
        ["green", "red", "violet"],
        [np.array([0, 1, 0]), np.array([1, 0, 0]), np.zeros(3)],
        wrong=[(None, "wants a label or a tuple of labels, or a list of these, got None")],
    ),
    Encoded(
        ("FeatureExtractor", "TFIDF", {"Vocabulary": ("a", "b"), "Weights": (1.0, 2.0)}),
        ["B, a a", "c"],
        [np.array([1.0, 1.0]) / np.sqrt(2), np.zeros(2)],
        wrong=[(3, "wants a text, or a list of these, got an int")],
        tolerance=1e-6,
    ),
]

DECODERS: list[Decoded] = []
