"""The "FeatureExtractor" encoder."""

from typing import Any, Self

import numpy as np
from torch import Tensor

from netgraph.codecs.encoder import NetEncoder, listed
from netgraph.codecs.features.features import METHODS, Features, GivenFeatures, is_no_list, method_for
from netgraph.codecs.frozen import FrozenArray
from netgraph.errors import NetError, NetTypeError, NetValueError, did_you_mean
from netgraph.spec.described import sort_of
from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType
from netgraph.types.symbols import Automatic

LEARNED = ("Mean", "Deviation", "Labels", "Vocabulary", "Weights")


def _extractor(value):
    if isinstance(value, str) and value not in METHODS:
        raise ValueError(f"has no method {value!r}, {did_you_mean(value, list(METHODS))}")
    if value is Automatic or isinstance(value, str) or callable(value) or callable(getattr(value, "transform", None)):
        return value
    raise wants("a function, an object with transform, the name of a method, or Automatic", value)


def _width(value):
    size: Any = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    if value is not Automatic and (not is_integer(size) or size < 1):
        raise wants("the length of the vectors, or Automatic", value)
    return size


def _numbers(value):
    if value is None:
        return None
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise wants("a number or a vector of finite numbers", value) from None
    if array.ndim > 1 or not array.size or not np.isfinite(array).all():
        raise wants("a number or a vector of finite numbers", value)
    return FrozenArray(array)


def _words(value):
    if value is not None and (not isinstance(value, tuple) or not value):
        raise wants("a list", value)
    return value


Numbers = parameter(_numbers, {"type": ["array", "null"]})
Words = parameter(_words, {"type": ["array", "null"]})


class FeatureExtractorEncoder(NetEncoder, kind="FeatureExtractor"):
    """One object to a vector of its features.

        NetEncoder(("FeatureExtractor", f))          f(object) is a vector
        NetEncoder(("FeatureExtractor", fitted))     an object with transform, such as those of scikit-learn, fitted already
        NetEncoder(("FeatureExtractor", "TFIDF"))    a method that learns from examples, `encoder.fitted(examples)`
        NetEncoder("FeatureExtractor")               the method that suits the examples: texts, numbers or labels

    "StandardizedVector": numbers, or vectors of them, minus their means and divided by their standard deviations (those of a sample, with
    n - 1; 1 where a feature is constant). "IndicatorVector": a label, or a row of several, as ones at the places of the labels among those
    of the examples, in the order of their first appearance; zeros for a label that was not there. "TFIDF": a text as the numbers of its
    words (in lower case, sorted) times log((1 + n) / (1 + n_w)) + 1, where n_w of n texts have the word; vectors of length 1.

    `encoder.fitted(examples)` is a new encoder with what was learned among its parameters: Mean and Deviation; Labels; Vocabulary and
    Weights. `encoder.is_fitted` says whether it can be used.
    Dimensions: the length of the vectors. Objects of scikit-learn are asked for it; that of a function is open until a net solves it.
    An extractor that is given is code, so a net with one cannot be saved; what a method has learned can.
    Errors: NetValueError before it is fitted; NetShapeError for vectors of another length; the extractor's own errors pass.
    Source: Wolfram's NetEncoder["FeatureExtractor"]; the formula of "TFIDF" is scikit-learn's.

    >>> encoder = NetEncoder(("FeatureExtractor", "StandardizedVector")).fitted([[1.0, 5.0], [3.0, 5.0]])
    >>> encoder([2.0, 6.0]).tolist()
    [0.0, 1.0]
    """

    positional = ("Extractor",)
    Extractor: parameter(_extractor, {"type": ["string", "object"]}) = Automatic
    Dimensions: parameter(_width, {"type": ["integer", "object"]}) = Automatic
    Mean: Numbers = None
    Deviation: Numbers = None
    Labels: Words = None
    Vocabulary: Words = None
    Weights: Numbers = None

    def check(self) -> None:
        extractor: Any = self.Extractor
        features: Features | None = None
        method = METHODS.get(extractor) if isinstance(extractor, str) else None
        extra = [name for name in LEARNED if self[name] is not None and (method is None or name not in method.learned)]
        if extra:
            raise NetValueError(f'NetEncoder "{self.kind}": {extractor!r} has no {" and no ".join(extra)}')
        if method is not None:
            features = self._located(lambda: method(**{name: self[name] for name in method.learned}))
        elif extractor is not Automatic:
            features = GivenFeatures(extractor, None if self.Dimensions is Automatic else self.Dimensions)
        width = None if features is None else features.width
        if self.Dimensions is not Automatic and width not in (None, self.Dimensions):
            raise NetValueError(f'NetEncoder "{self.kind}": Dimensions is {self.Dimensions}, there are {width} features')
        self._cache["features"] = features
        self._cache["width"] = self.Dimensions if width is None and self.Dimensions is not Automatic else width

    @property
    def is_fitted(self) -> bool:
        """Whether it can be used: the extractor was given, or the method has learned."""
        features = self._cache["features"]
        return features is not None and (not features.learned or features.width is not None)

    def fitted(self, examples) -> Self:
        """A new encoder that has learned from examples: a list, an array, a tensor or a column; the same where the extractor was given.

        Errors: NetTypeError and NetValueError for examples that the method does not take.
        """
        extractor: Any = self.Extractor
        if extractor is not Automatic and not isinstance(extractor, str):
            return self
        values: Any = examples.numpy(force=True) if isinstance(examples, Tensor) else listed(examples)
        if values is None or not len(values):
            raise NetTypeError(f"{self!r} learns from a list of examples, got {sort_of(examples) if values is None else 'none'}")
        method = method_for(values) if extractor is Automatic else extractor
        return self.replaced(**{**dict.fromkeys(LEARNED), "Extractor": method, **self._located(lambda: METHODS[method].learn(values))})

    def port_type(self) -> PortType:
        return PortType(REAL, (self._cache["width"],))

    def is_raw(self, value) -> bool:
        features = self._cache["features"]
        return is_no_list(value) if features is None else features.is_raw(value)

    def encode(self, value, source=None) -> Any:
        return self.encode_all([value], source)[0]

    def encode_all(self, values, source=None) -> Any:
        if not self.is_fitted:
            raise NetValueError(f"{self!r} has learned nothing yet", fix="encoder.fitted(examples)")
        return self._located(lambda: self._cache["features"].vectors(values))

    def _located(self, action) -> Any:
        try:
            return action()
        except NetError as fault:
            raise fault.at(f'NetEncoder "{self.kind}"') from None

    def refusal(self, value, place: str = "") -> NetTypeError:
        features = self._cache["features"]
        wanted = "an object" if features is None else features.wants
        return NetTypeError(f"{self!r} wants {wanted}, or a list of these, got {sort_of(value)}{place}")
