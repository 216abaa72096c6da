"""The "FeatureExtractor" encoder against scikit-learn."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from netgraph import NetDecoder, NetEncoder, NetError
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType

VECTORS = np.random.default_rng(2).normal(3, 2, (20, 4))
TEXTS = ["The cat sat on the mat.", "A dog; a cat!", "it's 5 dogs", "", "the THE the"]
ROWS = [("red", 1), ("blue", 2), ("red", 3)]


def extractor(*spec, **options):
    return NetEncoder(("FeatureExtractor", *spec), **options)


def told(action):
    with pytest.raises(NetError) as fault:
        action()
    return str(fault.value)


# -- learned from examples -----------------------------------------------------------------------------------------------------------


def test_standardized_vectors():
    encoder = extractor("StandardizedVector").fitted(VECTORS)
    want = StandardScaler().fit_transform(VECTORS) * np.sqrt(19 / 20)  # scikit-learn divides by n
    assert encoder.port_type() == PortType(REAL, (4,))
    assert encoder(VECTORS).dtype == np.float32
    assert np.allclose(encoder(VECTORS), want, atol=1e-6)
    assert np.allclose(encoder(list(VECTORS[0])), want[0], atol=1e-6)
    assert np.allclose(encoder(torch.from_numpy(VECTORS[1])), want[1], atol=1e-6)
    assert (
        encoder == extractor("StandardizedVector").fitted(torch.from_numpy(VECTORS)) == extractor("StandardizedVector").fitted([*VECTORS])
    )


@given(arrays(np.float64, st.tuples(st.integers(2, 9), st.integers(1, 4)), elements=st.integers(-50, 50)))
def test_what_is_standardized_has_mean_0_and_deviation_1(numbers):
    made = extractor("StandardizedVector").fitted(numbers)(numbers)
    constant = (numbers == numbers[0]).all(0)
    assert np.allclose(made.mean(0), 0, atol=1e-5)
    assert np.allclose(made.std(0, ddof=1), np.where(constant, 0, 1), atol=1e-5)


def test_numbers_by_themselves():
    encoder = extractor("StandardizedVector").fitted([1.0, 2.0, 3.0])
    assert encoder(4).tolist() == [2.0]
    assert encoder([1.0, 2.0]).tolist() == [[-1.0], [0.0]]
    assert extractor("StandardizedVector").fitted([7.0])(9.0).tolist() == [2.0]


def test_indicators_of_labels():
    encoder = extractor("IndicatorVector").fitted(["red", "blue", "red", "green"])
    assert encoder["Labels"] == ("red", "blue", "green")
    assert encoder(["green", "red", "black"]).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]
    assert extractor("IndicatorVector").fitted(np.array([3, 5, 3]))(5).tolist() == [0, 1]


def test_indicators_of_rows():
    encoder = extractor("IndicatorVector").fitted(ROWS)
    assert encoder["Labels"] == (("red", "blue"), (1, 2, 3))
    theirs = OneHotEncoder(categories=[["red", "blue"], [1, 2, 3]], handle_unknown="ignore").fit(np.array(ROWS, dtype=object))
    others = [*ROWS, ("blue", 4)]
    assert np.array_equal(encoder(others), theirs.transform(np.array(others, dtype=object)).toarray())
    assert encoder(("blue", 1)).tolist() == [0, 1, 1, 0, 0]


def test_frequencies_of_terms():
    encoder = extractor("TFIDF").fitted(TEXTS)
    theirs = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b").fit(TEXTS)
    assert encoder["Vocabulary"] == tuple(theirs.get_feature_names_out())
    others = [*TEXTS, "an unknown cat", "nothing known here"]
    assert np.allclose(encoder(others), theirs.transform(others).toarray(), atol=1e-6)
    assert encoder.port_type().shape == (len(encoder["Vocabulary"]),)


@pytest.mark.parametrize(
    "examples, method",
    [(TEXTS, "TFIDF"), (["red", "blue"], "IndicatorVector"), (ROWS, "IndicatorVector"), (VECTORS, "StandardizedVector"), ([1, 2], None)],
)
def test_the_method_that_suits_the_examples(examples, method):
    method = method or "StandardizedVector"
    assert NetEncoder("FeatureExtractor").fitted(examples) == extractor(method).fitted(examples)


@pytest.mark.parametrize("method, examples", [("StandardizedVector", VECTORS), ("IndicatorVector", ROWS), ("TFIDF", TEXTS)])
def test_what_is_learned_is_parameters(method, examples):
    open_, encoder = extractor(method), extractor(method).fitted(examples)
    assert not open_.is_fitted
    assert encoder.is_fitted
    assert open_.port_type() == PortType(REAL, (None,))
    again = NetEncoder((encoder.kind, dict(encoder.parameters)))
    assert again == encoder != open_
    assert hash(again) == hash(encoder)
    assert np.array_equal(again(list(examples)), encoder(list(examples)))
    assert encoder.fitted(examples[:2]) == open_.fitted(examples[:2])


# -- given ---------------------------------------------------------------------------------------------------------------------------


def test_a_function():
    encoder = extractor(lambda word: torch.tensor([len(word), word.count("a")]))
    assert encoder.port_type() == PortType(REAL, (None,))
    assert encoder("banana").tolist() == [6.0, 3.0]
    assert encoder(["banana", "fig"]).tolist() == [[6.0, 3.0], [3.0, 0.0]]
    assert encoder.is_fitted
    assert encoder.fitted(["x"]) is encoder
    assert extractor(len, Dimensions=(3,)) == extractor(len, Dimensions=3)


@pytest.mark.parametrize(
    "given_", [PCA(2).fit(VECTORS), StandardScaler().fit(VECTORS), FunctionTransformer(lambda x: x[:, :3]).fit(VECTORS)]
)
def test_objects_of_scikit_learn_on_vectors(given_):
    encoder = extractor(given_)
    want = given_.transform(VECTORS)
    assert encoder.port_type().shape == (want.shape[1],)
    assert np.allclose(encoder(VECTORS), want, atol=1e-6)
    assert np.allclose(encoder(VECTORS[0].tolist()), want[0], atol=1e-6)


def test_objects_of_scikit_learn_on_texts():
    counter = CountVectorizer().fit(TEXTS)
    encoder = extractor(counter)
    assert encoder.port_type().shape == (len(counter.vocabulary_),)
    assert np.array_equal(encoder(TEXTS), counter.transform(TEXTS).toarray())
    assert np.array_equal(encoder(TEXTS[0]), counter.transform(TEXTS[:1]).toarray()[0])


class Doubling:
    """Whatever has transform, without any of the other methods of scikit-learn."""

    def transform(self, values):
        return [[2 * value, 3 * value] for value in values]


def test_any_object_with_transform():
    assert extractor(Doubling()).port_type().shape == (None,)
    assert extractor(Doubling(), Dimensions=2)([1, 5]).tolist() == [[2, 3], [10, 15]]


# -- errors --------------------------------------------------------------------------------------------------------------------------


def test_what_has_learned_nothing():
    for spec in ("TFIDF", "IndicatorVector"):
        message = f'NetEncoder(("FeatureExtractor", "{spec}")) has learned nothing yet\n  try: encoder.fitted(examples)'
        assert told(lambda: extractor(spec)("a text")) == message  # noqa: B023
    assert told(lambda: NetEncoder("FeatureExtractor")([1.0])) == (
        'NetEncoder("FeatureExtractor") has learned nothing yet\n  try: encoder.fitted(examples)'
    )


@pytest.mark.parametrize(
    "method, examples, message",
    [
        ("StandardizedVector", ["a"], '"StandardizedVector" learns from numbers, or from vectors of one length'),
        ("StandardizedVector", [[1], [1, 2]], '"StandardizedVector" learns from numbers, or from vectors of one length'),
        ("StandardizedVector", [1, float("nan")], "1 of the 2 numbers of the examples are not finite"),
        ("IndicatorVector", ["a", ("b",)], '"IndicatorVector" learns from labels, or from rows with equally many of them'),
        ("IndicatorVector", [("a", "b"), ("b",)], '"IndicatorVector" learns from labels, or from rows with equally many of them'),
        ("IndicatorVector", ["a", None], "a label is a string, a number or a Boolean, got None"),
        ("TFIDF", ["a", 3], '"TFIDF" learns from texts, got an int at [1]'),
        ("TFIDF", ["", "!"], "there is no word in the examples"),
    ],
)
def test_wrong_examples(method, examples, message):
    assert told(lambda: extractor(method).fitted(examples)) == f'NetEncoder "FeatureExtractor": {message}'


def test_no_examples():
    assert told(lambda: extractor("TFIDF").fitted("text")).endswith("learns from a list of examples, got the string 'text'")
    assert told(lambda: extractor("TFIDF").fitted([])).endswith("learns from a list of examples, got none")


@pytest.mark.parametrize(
    "spec, options, message",
    [
        ("ImageFeatures", {}, "Extractor has no method 'ImageFeatures', known: \"StandardizedVector\", \"IndicatorVector\", \"TFIDF\""),
        ("TFIDFs", {}, "Extractor has no method 'TFIDFs', did you mean \"TFIDF\"?"),
        (3, {}, "Extractor wants a function, an object with transform, the name of a method, or Automatic, got 3"),
        ("TFIDF", {"Dimensions": 0}, "Dimensions wants the length of the vectors, or Automatic, got 0"),
        ("TFIDF", {"Vocabulary": ("a",), "Weights": (1.0,), "Dimensions": 3}, "Dimensions is 3, there are 1 features"),
        ("TFIDF", {"Vocabulary": ("a",)}, "Vocabulary and Weights have one entry for each word, got shapes (1,) and None"),
        ("TFIDF", {"Mean": 3.0}, "'TFIDF' has no Mean"),
        ("StandardizedVector", {"Mean": (1.0, 2.0), "Deviation": 1.0},
         "Mean and Deviation have one entry for each feature, got shapes (2,) and ()"),
        ("StandardizedVector", {"Mean": 1.0, "Deviation": 0.0}, "Deviation is above 0"),
        ("StandardizedVector", {"Mean": float("inf")}, "Mean wants a number or a vector of finite numbers, got inf"),
        ("IndicatorVector", {"Labels": ()}, "Labels wants a list, got ()"),
    ],
)  # fmt: skip
def test_wrong_parameters(spec, options, message):
    assert told(lambda: extractor(spec, **options)) == f'NetEncoder "FeatureExtractor": {message}'


def test_wrong_vectors():
    where = 'NetEncoder "FeatureExtractor": the extractor gave '
    assert told(lambda: extractor(lambda x: [1, 2], Dimensions=3)("a")) == where + "2 features, there should be 3"
    assert told(lambda: extractor(lambda x: [[1, 2]])("a")) == where + "1 arrays of shape (1, 2) for 1 objects, not a vector for each"
    assert told(lambda: extractor(lambda x: list(x))(["ab", "abc"])) == (
        where + "2 arrays of shape (2,) and (3,) for 2 objects, not a vector for each"
    )
    assert told(lambda: extractor(lambda x: ["b"])("a")) == where + "an array of strings, no numbers"
    rows = extractor("IndicatorVector").fitted(ROWS)
    assert told(lambda: rows(("red", 1, 2))) == 'NetEncoder "FeatureExtractor": a row has 2 labels, got 3'
    assert "wants a label or a tuple of labels, or a list of these, got None at [0]" in told(lambda: rows([None]))


def test_there_is_no_decoder():
    assert told(lambda: NetDecoder(extractor(len))) == 'there is no decoder that belongs to NetEncoder "FeatureExtractor"'
