"""What makes vectors of objects, for the "FeatureExtractor" encoder: an extractor that is given, and methods that learn from examples."""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from netgraph.errors import NetShapeError, NetTypeError, NetValueError
from netgraph.spec.described import sort_of

LABEL = (str, int, float, np.bool_, np.integer, np.floating)
ROW = (tuple, list, np.ndarray)
WORD = re.compile(r"\w+")


class Features(ABC):
    """What makes a vector of one object. Abstract. A class with `learned` is made from these parameters, all None before it has learned."""

    wants: ClassVar[str] = "an object"
    learned: ClassVar[tuple[str, ...]] = ()
    width: int | None = None
    """The length of the vectors, None while it is not known."""

    @classmethod
    def learn(cls, examples: Sequence[Any]) -> dict[str, Any]:
        """The parameters that examples give. Errors: NetTypeError, NetValueError for examples of another sort."""
        return {}

    def is_raw(self, value) -> bool:
        """Whether it is one object; anything but a list, unless the class knows better."""
        return is_no_list(value)

    @abstractmethod
    def vectors(self, values: Sequence[Any]) -> np.ndarray:
        """The vectors of several objects, as rows. Errors: NetShapeError, NetTypeError."""


class GivenFeatures(Features):
    """A function of one object, or an object with `transform` of several. Its width is stated, or asked for where it can be."""

    def __init__(self, extractor: Any, width: int | None = None):
        self.extractor = extractor
        self.inputs = getattr(extractor, "n_features_in_", None)
        self.width = self._asked() if width is None else width

    def _asked(self) -> int | None:
        try:
            return len(self.extractor.get_feature_names_out())
        except Exception:  # there is no such method, or it wants names that it was not fitted with
            pass
        if self.inputs is None:
            return None
        shape = np.shape(self.extractor.transform(np.zeros((1, self.inputs))))
        return shape[1] if len(shape) == 2 else None

    def is_raw(self, value) -> bool:
        return is_no_list(value) if self.inputs is None else np.ndim(value) == 1

    def vectors(self, values: Sequence[Any]) -> np.ndarray:
        if hasattr(self.extractor, "transform"):
            given = self.extractor.transform(list(values) if self.inputs is None else np.stack(values))
            rows = given.toarray() if hasattr(given, "toarray") else np.asarray(given)
        else:
            given = [self.extractor(value) for value in values]
            rows = [row.numpy(force=True) if isinstance(row, Tensor) else np.asarray(row) for row in given]
        shapes = list(dict.fromkeys(np.shape(row) for row in rows))
        if len(rows) != len(values) or len(shapes) != 1 or len(shapes[0]) != 1:
            raise NetShapeError(
                f"the extractor gave {len(rows)} arrays of shape {' and '.join(map(str, shapes[:3]))} for {len(values)} objects, "
                "not a vector for each"
            )
        if self.width not in (None, shapes[0][0]):
            raise NetShapeError(f"the extractor gave {shapes[0][0]} features, there should be {self.width}")
        made = np.asarray(rows)
        if made.dtype.kind not in "fiub":
            raise NetTypeError(f"the extractor gave {sort_of(made)}, no numbers")
        return made.astype(np.float32)


class StandardizedVector(Features):
    """Numbers, minus their means and divided by their standard deviations: a number, or vectors of one length."""

    wants = "a number or a vector of numbers"
    learned = ("Mean", "Deviation")

    def __init__(self, Mean: Any = None, Deviation: Any = None):
        self.mean = self.deviation = np.zeros(0)
        shapes = [None if learned is None else np.shape(learned) for learned in (Mean, Deviation)]
        if shapes[0] != shapes[1]:
            raise NetValueError(f"Mean and Deviation have one entry for each feature, got shapes {shapes[0]} and {shapes[1]}")
        if Mean is not None:
            self.mean, self.deviation = np.asarray(Mean), np.asarray(Deviation)
            self.width = self.mean.size
            if not (self.deviation > 0).all():
                raise NetValueError("Deviation is above 0")

    @classmethod
    def learn(cls, examples) -> dict[str, Any]:
        shape = shape_of_numbers(examples)
        if shape is None or len(shape) > 2 or 0 in shape:
            raise NetTypeError('"StandardizedVector" learns from numbers, or from vectors of one length')
        numbers = np.asarray(examples, dtype=np.float64)
        if not np.isfinite(numbers).all():
            raise NetValueError(f"{int((~np.isfinite(numbers)).sum())} of the {numbers.size} numbers of the examples are not finite")
        deviation = numbers.std(0, ddof=min(1, len(numbers) - 1))
        constant = (numbers == numbers[0]).all(0) | (deviation == 0)
        return {"Mean": numbers.mean(0), "Deviation": np.where(constant, 1.0, deviation)}

    def is_raw(self, value) -> bool:
        shape = shape_of_numbers(value)
        return shape is not None and (len(shape) < 2 if self.width is None else len(shape) == self.mean.ndim)

    def vectors(self, values) -> np.ndarray:
        rows = [np.asarray(value.numpy(force=True) if isinstance(value, Tensor) else value, dtype=np.float64) for value in values]
        for row in rows:
            if row.shape != self.mean.shape:
                raise NetShapeError(f"there are {self.width} features, got shape {row.shape}")
        return ((np.stack(rows) - self.mean) / self.deviation).reshape(len(rows), self.mean.size).astype(np.float32)


class IndicatorVector(Features):
    """A label, or a row of several, as ones at the places of the labels among those that are known."""

    wants = "a label or a tuple of labels"
    learned = ("Labels",)

    def __init__(self, Labels: Any = None):
        self.places: list[dict[Any, int]] = []
        self.in_rows = Labels is not None and isinstance(Labels[0], tuple)
        self.numbers = Labels is None
        if Labels is not None:
            self.width = 0
            for group in Labels if self.in_rows else (Labels,):
                self.places.append({label: self.width + place for place, label in enumerate(group)})
                self.width += len(group)
                self.numbers = self.numbers or any(not isinstance(label, str) for label in group)

    @classmethod
    def learn(cls, examples) -> dict[str, Any]:
        in_rows = isinstance(examples[0], ROW)
        rows = [example if isinstance(example, ROW) else (example,) for example in examples]
        if any(isinstance(example, ROW) != in_rows for example in examples) or len({len(row) for row in rows}) != 1 or not len(rows[0]):
            raise NetTypeError('"IndicatorVector" learns from labels, or from rows with equally many of them')
        for label in (label for row in rows for label in row):
            if not isinstance(label, LABEL):
                raise NetTypeError(f"a label is a string, a number or a Boolean, got {sort_of(label)}")
        columns = tuple(tuple(dict.fromkeys(_plain(label) for label in column)) for column in zip(*rows, strict=True))
        return {"Labels": columns if in_rows else columns[0]}

    def is_raw(self, value) -> bool:
        in_row = isinstance(value, ROW) and len(value) > 0 and all(self._is_label(label) for label in value)
        if self.width is None:
            return self._is_label(value) or (in_row and isinstance(value, tuple))
        return in_row if self.in_rows else self._is_label(value)

    def _is_label(self, value) -> bool:
        # where no known label is a number, numbers are what is encoded already
        return isinstance(value, str) or (self.numbers and isinstance(value, LABEL))

    def vectors(self, values) -> np.ndarray:
        made = np.zeros((len(values), self.width or 0), dtype=np.float32)
        for vector, value in zip(made, values, strict=True):
            labels = value if self.in_rows else (value,)
            if len(labels) != len(self.places):
                raise NetShapeError(f"a row has {len(self.places)} labels, got {len(labels)}")
            places = [known.get(_plain(label)) for known, label in zip(self.places, labels, strict=True)]
            vector[[place for place in places if place is not None]] = 1
        return made


class TermFrequencies(Features):
    """A text as the numbers of its words, rare ones weighing more; vectors of length 1."""

    wants = "a text"
    learned = ("Vocabulary", "Weights")

    def __init__(self, Vocabulary: Any = None, Weights: Any = None):
        shapes = [None if learned is None else np.shape(learned) for learned in (Vocabulary, Weights)]
        if shapes[0] != shapes[1]:
            raise NetValueError(f"Vocabulary and Weights have one entry for each word, got shapes {shapes[0]} and {shapes[1]}")
        self.places = {word: place for place, word in enumerate(Vocabulary or ())}
        self.weights = np.asarray(Weights)
        self.width = None if Vocabulary is None else len(Vocabulary)

    @classmethod
    def learn(cls, examples) -> dict[str, Any]:
        for place, example in enumerate(examples):
            if not isinstance(example, str):
                raise NetTypeError(f'"TFIDF" learns from texts, got {sort_of(example)} at [{place}]')
        having = Counter(word for text in examples for word in set(words_of(text)))
        if not having:
            raise NetValueError("there is no word in the examples")
        vocabulary = tuple(sorted(having))
        counts = np.array([having[word] for word in vocabulary], dtype=np.float64)
        return {"Vocabulary": vocabulary, "Weights": np.log((1 + len(examples)) / (1 + counts)) + 1}

    def is_raw(self, value) -> bool:
        return isinstance(value, str)

    def vectors(self, values) -> np.ndarray:
        made = np.zeros((len(values), len(self.places)))
        for vector, text in zip(made, values, strict=True):
            for word, count in Counter(words_of(text)).items():
                if word in self.places:
                    vector[self.places[word]] = count
        made *= self.weights
        lengths = np.sqrt((made * made).sum(-1, keepdims=True))
        return (made / np.where(lengths > 0, lengths, 1)).astype(np.float32)


METHODS: dict[str, type[Features]] = {
    "StandardizedVector": StandardizedVector, "IndicatorVector": IndicatorVector, "TFIDF": TermFrequencies,
}  # fmt: skip


def method_for(examples: Sequence[Any]) -> str:
    """The method that suits examples: texts of several words, numbers, or labels.

    >>> method_for(["a text", "another"]), method_for(["red", "blue"]), method_for([[1, 2], [3, 4]])
    ('TFIDF', 'IndicatorVector', 'StandardizedVector')
    """
    if all(isinstance(example, str) for example in examples):
        return "TFIDF" if any(len(words_of(example)) > 1 for example in examples) else "IndicatorVector"
    return "IndicatorVector" if shape_of_numbers(examples) is None else "StandardizedVector"


def is_no_list(value) -> bool:
    """Whether it is anything but a list, or an array of objects."""
    return not isinstance(value, list) and not (isinstance(value, np.ndarray) and value.dtype == object)


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case.

    >>> words_of("It's 5 o'clock.")
    ['it', 's', '5', 'o', 'clock']
    """
    return WORD.findall(text.lower())


def shape_of_numbers(value) -> tuple[int, ...] | None:
    """The shape of what can be read as real numbers, None for what cannot."""
    try:
        array = np.asarray(value.numpy(force=True) if isinstance(value, Tensor) else value)
    except (ValueError, TypeError):
        return None
    return array.shape if array.dtype.kind in "fiu" else None


def _plain(label) -> Any:
    return label.item() if isinstance(label, np.generic) else label
