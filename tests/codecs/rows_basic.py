"""Boolean, Class and Function, with the values of the reference (positions from 0)."""

import numpy as np

from netgraph import Integer
from tests.codecs.harness import Decoded, Encoded

ABC = ["a", "b", "c"]
CLASSES = ("Class", ABC)

ENCODERS = [
    Encoded("Boolean", [True, False], [1, 0], wrong=[("yes", "wants True or False, or a list of these, got the string 'yes'")]),
    Encoded(("Boolean", {"Dimensions": (2,)}), [[True, False], [False, False]], [np.array([1, 0]), np.array([0, 0])]),
    Encoded(
        CLASSES,
        ["b", "c", "a"],
        [1, 2, 0],
        wrong=[("q", 'there is no class \'q\', known: "a", "b", "c"'), (3.5, "there is no class 3.5"), ([[1.5]], "got a list at [0]")],
    ),
    Encoded((*CLASSES, "IndicatorVector"), ["b", "a"], [np.array([0.0, 1, 0]), np.array([1.0, 0, 0])]),
    Encoded(
        (*CLASSES, "IndicatorVector", {"Multilabel": True}),
        [["a", "c"], [], ["b"]],
        [np.array([1.0, 0, 1]), np.zeros(3), np.array([0.0, 1, 0])],
        wrong=[(["a", "d"], "there is no class 'd'")],
    ),
    Encoded((*CLASSES, {"Dimensions": (2,)}), [["c", "a"], ["b", "b"]], [np.array([2, 0]), np.array([1, 1])]),
    Encoded((*CLASSES, {"Dimensions": ("Varying",)}), [["c", "a"], ["b"]], [np.array([2, 0]), np.array([1])]),
    Encoded((*CLASSES, "IndicatorVector", {"Dimensions": (1,)}), [["c"], ["a"]], [np.array([[0.0, 0, 1]]), np.array([[1.0, 0, 0]])]),
    Encoded(("Class", [3, 5, (1, 2)]), [5, (1, 2)], [1, 2], numbers=True),
    Encoded(("Function", lambda x: [x, x], (2,)), [3.0, 4.0], [np.array([3.0, 3.0]), np.array([4.0, 4.0])], numbers=True, saved=False),
    Encoded(
        ("Function", lambda x: np.arange(x), ("Varying", Integer(9)), {"Pattern": int}),
        [2, 3],
        [np.arange(2), np.arange(3)],
        numbers=True,
        saved=False,
    ),
    Encoded(
        ("Function", lambda many: [[len(x)] for x in many], (1,), {"Batched": True}),
        ["ab", "c"],
        [np.array([2]), np.array([1])],
        numbers=True,
        saved=False,
    ),
]

ENCODERS += [
    Encoded(
        ("Each", "Boolean", 2), [[True, False], [False, False]], [np.array([1, 0]), np.array([0, 0])], wrong=[(["x"], "got the string 'x'")]
    ),
    Encoded(("Each", CLASSES), [["b", "c"], ["a"]], [np.array([1, 2]), np.array([0])]),
    Encoded(
        ("Each", ("Class", ABC, {"Dimensions": ("Varying",)}), 2),
        [[["a"], ["b"]], [["c"], ["c"]]],
        [np.array([[0], [1]]), np.array([[2], [2]])],
        wrong=[([["a"], ["a", "b"]], "the objects of one list become arrays of shapes (1,), (2,)")],
    ),
]

P = np.array([0.1, 0.7, 0.2])

DECODERS = [
    Decoded(
        "Boolean",
        [0.2, 0.5, 0.9],
        [False, True, True],
        properties=[("Probability", 0.2), (("RandomSample", 1e-3), False), ("Entropy", 0.5004024235381879)],
        wrong=[(np.zeros(2).reshape(1, 2), "wants an array of rank 0")],
    ),
    Decoded(("Boolean", {"InputDepth": 1}), [np.array([0.1, 0.5]), np.array([0.9, 0.9])], [[False, True], [True, True]]),
    Decoded(
        CLASSES,
        [P, np.array([0.4, 0.4, 0.2])],
        ["b", "a"],
        properties=[
            (("TopDecisions", 2), ["b", "c"]),
            (("TopProbabilities", 2), [("b", 0.7), ("c", 0.2)]),
            ("TopProbabilities", [("b", 0.7), ("c", 0.2), ("a", 0.1)]),
            ("Probabilities", {"a": 0.1, "b": 0.7, "c": 0.2}),
            (("Probability", "a"), 0.1),
            ("Entropy", 0.8018185525433373),
            (("RandomSample", {"TopProbabilities": 1}), "b"),
            (("RandomSample", 1e-3), "b"),
        ],
        wrong=[(np.zeros(4), "there are 3 classes, got shape (4,)")],
    ),
    Decoded("Class", [P], [1]),
    Decoded(
        (*CLASSES, {"Multilabel": True}),
        [np.array([0.9, 0.5, 0.6]), np.zeros(3)],
        [["a", "c"], []],
        properties=[("Probabilities", {"a": 0.9, "b": 0.5, "c": 0.6})],
    ),
    Decoded(("Class", ["x", "y"], {"InputDepth": 2}), [np.array([[0.9, 0.1], [0.2, 0.8]])], [["x", "y"]]),
    Decoded(
        ("Each", CLASSES, 2),
        [np.array([P, P]), np.array([[1.0, 0, 0], [0, 0, 1]])],
        [["b", "b"], ["a", "c"]],
        properties=[(("Probability", "a"), [0.1, 0.1])],
        wrong=[(np.zeros((3, 3)), "2 elements are wanted, got shape (3, 3)")],
    ),
    Decoded(("Function", lambda array: float(array.sum())), [P], [float(P.sum())], saved=False),
    Decoded(
        ("Function", lambda array, what: (what, len(array)), {"Properties": ["one", "two"], "InputDepth": 1}),
        [P],
        [("one", 3)],
        properties=[("two", ("two", 3))],
        saved=False,
    ),
]
