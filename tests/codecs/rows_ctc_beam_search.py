"""CTCBeamSearch, with the values of the reference."""

import math

import numpy as np

from tests.codecs.harness import Decoded, Encoded

ENCODERS: list[Encoded] = []

DECODERS = [
    Decoded(
        ("CTCBeamSearch", ["a", "b"]),
        [np.array([[0.6, 0, 0.4], [0.6, 0, 0.4]]), np.array([[0.4, 0, 0.6], [0.4, 0, 0.6]])],
        [["a"], ["a"]],
        properties=[
            ("Decoding", ["a"]),
            ("Decodings", [["a"], []]),
            (("TopDecodings", 1), [["a"]]),
            ("NegativeLogLikelihoods", [(["a"], -math.log(0.84)), ([], -math.log(0.16))]),
            (("TopNegativeLogLikelihoods", 1), [(["a"], -math.log(0.84))]),
        ],
        wrong=[
            (np.zeros((2, 2)), "there are 2 elements and the blank, got shape (2, 2)"),
            (np.zeros(3), "wants an array of rank 2"),
            (np.full((1, 3), -0.5), "wants probabilities, got -0.5"),
            (np.zeros((1, 3)), "no sequence has a probability above 0: at step 0 all are 0"),
        ],
    ),
    Decoded(("CTCBeamSearch", ["a", "b"], {"BeamSize": 1}), [np.array([[0.4, 0, 0.6], [0.4, 0, 0.6]])], [[]]),
]
