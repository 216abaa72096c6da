"""The "Class" encoder and decoder."""

from collections.abc import KeysView
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netgraph.codecs.decoder import NetDecoder
from netgraph.codecs.encoder import NetEncoder, listed
from netgraph.codecs.nested import NestedShape, nested_type
from netgraph.codecs.probabilities import drawn, entropy, sampling, shortest
from netgraph.errors import NetTypeError, NetValueError, did_you_mean
from netgraph.spec.described import sort_of
from netgraph.spec.parameters import Flag, choice, is_integer, parameter, wants
from netgraph.types.kinds import REAL, Integer
from netgraph.types.port_type import PortType
from netgraph.types.symbols import Automatic


def as_list(value) -> Any:
    """The entries of an array of labels, as `np.unique` gives it, of a range or of the keys of a dict; everything else as it is."""
    if isinstance(value, (range, KeysView)):
        return tuple(value)
    if not isinstance(value, str) and callable(getattr(value, "tolist", None)) and getattr(value, "ndim", 0) == 1:
        return tuple(value.tolist())
    return value


def _labels(value):
    value = as_list(value)
    if not isinstance(value, tuple) or not value:
        raise wants("a list of labels", value)
    seen = {}
    for label in value:
        try:
            again = label in seen
        except TypeError:
            raise wants("labels that can be compared and hashed", label) from None
        if again:
            raise wants("different labels", label)
        seen[label] = None
    return value


Labels = parameter(_labels, {"type": "array"})

Depth = parameter(lambda value: _depth(value), {"type": "integer", "minimum": 1, "maximum": 64})
"""The rank of an array of vectors."""


def _depth(value):
    if not is_integer(value) or not 1 <= value <= 64:
        raise wants("a rank from 1 to 64", value)
    return value


def unit_vectors(codes: np.ndarray, count: int) -> np.ndarray:
    """For each code a vector of `count` numbers, 1 at the code and 0 elsewhere."""
    vectors = np.zeros((*codes.shape, count), dtype=np.float32)
    np.put_along_axis(vectors, codes[..., None], 1, -1)
    return vectors


class ClassEncoder(NetEncoder, kind="Class"):
    """A label to its position in a list, from 0, or to a vector with 1 there.

        NetEncoder(("Class", labels))                      form "Index": an integer
        NetEncoder(("Class", labels, "IndicatorVector"))   a vector as long as the list

    Dimensions: nested lists of labels of this shape, "Varying" among its sizes. Multilabel: one object is a list of any number of labels,
    with ones at all of them ("IndicatorVector" only).
    Errors: NetValueError for a label that is not in the list.
    Source: Wolfram's NetEncoder["Class"], which counts from 1.

    >>> NetEncoder(("Class", ["a", "b", "c"]))("b")
    1
    >>> NetEncoder(("Class", ["a", "b", "c"], "IndicatorVector", {"Multilabel": True}))(["a", "c"]).tolist()
    [1.0, 0.0, 1.0]
    """

    positional = ("Classes", "Form")
    Classes: Labels
    Form: choice("Index", "IndicatorVector") = "Index"
    Dimensions: NestedShape = ()
    Multilabel: Flag = False
    wants = "a label of its list"

    @classmethod
    def hint(cls, name: str) -> str:
        return 'the list of labels: ("Class", ["cat", "dog"])'

    def check(self) -> None:
        if self.Multilabel and self.Form == "Index":
            fix = '("Class", labels, "IndicatorVector", {"Multilabel": True})'
            raise NetValueError('NetEncoder "Class": Multilabel gives vectors', fix=fix)
        if self.Multilabel and self.Dimensions:
            raise NetValueError('NetEncoder "Class": Multilabel has no Dimensions')
        self._cache["places"] = {label: place for place, label in enumerate(self.Classes)}

    def port_type(self) -> PortType:
        if self.Form == "Index":
            return nested_type(Integer(len(self.Classes)), self.Dimensions)
        return nested_type(REAL, self.Dimensions, len(self.Classes))

    @property
    def ambiguous(self) -> bool:
        """Whether a number may be a label and a position."""
        return any(isinstance(label, (int, float)) for label in self.Classes) and self.Classes != tuple(range(len(self.Classes)))

    def __call__(self, value, source=None) -> Any:
        if not self.ambiguous or self.Multilabel or self.Dimensions:
            return super().__call__(value, source)
        # a tensor of whole numbers holds labels, as an array does
        if isinstance(value, Tensor) and not value.is_floating_point() and not value.is_complex():
            return torch.as_tensor(self(value.numpy(force=True), source), device=value.device)
        entries = listed(value)
        if entries is not None and any(map(self._is_label, entries)):
            for entry in entries:  # a number beside labels is no position
                if not np.ndim(entry):
                    self.place(entry)
        return super().__call__(value, source)

    def takes(self, value) -> bool:
        return (self.ambiguous and not np.ndim(value)) or super().takes(value)

    def is_raw(self, value) -> bool:
        if self.Multilabel:
            entries = listed(value)
            return entries is not None and all(self._is_label(entry) for entry in entries) and not self.is_encoded(value)
        return self._is_nested(value, len(self.Dimensions))

    def _is_nested(self, value, depth: int) -> bool:
        if not depth:
            return self._is_label(value)
        entries = listed(value)
        return entries is not None and all(self._is_nested(entry, depth - 1) for entry in entries)

    def _is_label(self, value) -> bool:
        try:
            known = _plain(value) in self._cache["places"]
        except TypeError:
            return False
        # text can be nothing but a label, though perhaps an unknown one
        return known or isinstance(value, (str, bytes))

    def encode(self, value, source=None) -> Any:
        if self.Multilabel:
            vector = np.zeros(len(self.Classes), dtype=np.float32)
            vector[[self.place(label) for label in value]] = 1
            return vector
        places = self._places(value, len(self.Dimensions))
        for want, have in zip(self.Dimensions, np.shape(places), strict=False):
            if want not in ("Varying", have):
                raise NetValueError(f"{self!r}: the labels have shape {np.shape(places)}")
        if self.Form == "Index":
            return np.asarray(places, dtype=np.int64) if self.Dimensions else places
        return unit_vectors(np.asarray(places, dtype=np.int64), len(self.Classes))

    def encode_all(self, values, source=None):
        if self.Multilabel or self.Dimensions:
            return super().encode_all(values, source)
        places = np.array([self.place(label) for label in values], dtype=np.int64)
        return places if self.Form == "Index" else unit_vectors(places, len(self.Classes))

    def _places(self, value, depth: int) -> Any:
        return self.place(value) if not depth else [self._places(entry, depth - 1) for entry in value]

    def place(self, label) -> int:
        """The position of a label. Errors: NetValueError."""
        place = self._cache["places"].get(_plain(label))
        if place is None:
            raise NetValueError(f"{self!r}: there is no class {_plain(label)!r}, {did_you_mean(label, self.Classes)}")
        return place

    def refusal(self, value, place: str = "") -> NetTypeError | NetValueError:
        if self.Dimensions and isinstance(value, (str, bytes)):
            return NetTypeError(
                f"{self!r} wants lists of labels, got {sort_of(value)}{place}", fix="list(text), where characters are labels"
            )
        if not isinstance(value, (list, tuple, np.ndarray, dict)):
            return NetValueError(f"{self!r}: there is no class {value!r}{place}, {did_you_mean(value, self.Classes)}")
        return super().refusal(value, place)

    def partner(self, port=None) -> NetDecoder:
        return ClassDecoder(self.Classes, InputDepth=len(self.Dimensions) + 1, Multilabel=self.Multilabel)


class ClassDecoder(NetDecoder, kind="Class"):
    """A vector of probabilities to a label, the most probable one; the first of equals.

        NetDecoder("Class")              labels 0, 1, 2, ...
        NetDecoder(("Class", labels))

    InputDepth: the rank of the array, 1; above it, one decision for each vector along the last axis. Multilabel: the list of all labels
    whose value is above 0.5. Properties: "Decision"; ("TopDecisions", n); ("TopProbabilities", n) as pairs, by its name alone those of at
    least 0.01; "Probabilities", a dict; ("Probability", label); "Entropy", -sum p log p in nats; "RandomSample", with a temperature or a
    dict of "Temperature", "TotalProbabilityCutoff" and "TopProbabilities" as its argument.
    Errors: NetShapeError for a vector of another length.
    Source: Wolfram's NetDecoder["Class"]. The cut-off at 0.01 is ours.

    >>> decoder = NetDecoder(("Class", ["a", "b", "c"]))
    >>> decoder([0.1, 0.7, 0.2]), decoder([0.1, 0.7, 0.2], ("TopProbabilities", 2))
    ('b', [('b', 0.7), ('c', 0.2)])
    """

    positional = ("Classes",)
    Classes: parameter(lambda value: Automatic if value is Automatic else _labels(value), {"type": ["array", "object"]}) = Automatic
    InputDepth: Depth = 1
    Multilabel: Flag = False
    properties = (
        "Decision", "TopDecisions", "TopProbabilities", "Probabilities", "Probability", "Entropy", "RandomSample",
    )  # fmt: skip

    def port_type(self) -> PortType:
        count = None if self.Classes is Automatic else len(self.Classes)
        return PortType(REAL, (*(None,) * (self.InputDepth - 1), count))

    def ranks(self) -> tuple[int, ...]:
        return (self.InputDepth,)

    def accepts(self, shape) -> str | None:
        wanted = None if self.Classes is Automatic else len(self.Classes)
        return f"there are {wanted} classes" if wanted is not None and shape and shape[-1] not in (None, wanted) else None

    def labels(self, count: int) -> tuple:
        """The labels of `count` classes."""
        return tuple(range(count)) if self.Classes is Automatic else self.Classes

    def offered(self) -> tuple[str, ...]:
        return tuple(name for name in self.properties if not self.Multilabel or name not in ("Entropy", "RandomSample"))

    def decode(self, array, what, argument, source) -> Any:
        labels, p = self.labels(array.shape[-1]), array.astype(np.float64)
        if what == "Entropy":
            return entropy(p).tolist()
        if what == "RandomSample":
            return _named(drawn(sampling(p, argument), source).tolist(), labels)
        if what == "Decision" and not self.Multilabel:
            return _named(array.argmax(-1).tolist(), labels)
        if what == "Probability":
            return shortest(array[..., ClassEncoder(labels).place(argument)])
        if what in ("TopDecisions", "TopProbabilities") and argument is not None and (not is_integer(argument) or argument < 1):
            raise NetValueError(f'("{what}", n): n is how many, from 1, got {argument!r}')
        if what == "TopDecisions" and argument is None:
            raise NetValueError(f'{self!r}: how many "TopDecisions"?', fix='("TopDecisions", 3)')
        return self._rows(array, lambda row: self._of_row(row, labels, what, argument))

    def _rows(self, array: np.ndarray, function) -> Any:
        return function(array) if array.ndim == 1 else [self._rows(part, function) for part in array]

    def _of_row(self, row: np.ndarray, labels: tuple, what: str, argument) -> Any:
        values = [shortest(value) for value in row]
        if what == "Decision":
            return [label for label, value in zip(labels, values, strict=True) if value > 0.5]
        if what == "Probabilities":
            return dict(zip(labels, values, strict=True))
        order = np.argsort(-row, kind="stable").tolist()[:argument]
        if what == "TopDecisions":
            return [labels[place] for place in order]
        least = 0.01 if argument is None else -np.inf
        return [(labels[place], values[place]) for place in order if values[place] >= least]

    def partner(self, port=None) -> NetEncoder:
        classes = self.Classes
        if classes is Automatic:
            count = None if port is None or not port.shape else port.shape[-1]
            if not isinstance(count, int):
                raise NetValueError(f"{self!r} does not say how many classes there are", fix='NetDecoder(("Class", labels))')
            classes = tuple(range(count))
        leading = () if port is None or port.shape is None else port.shape[:-1]
        sizes = tuple(size if isinstance(size, int) else "Varying" for size in leading) or ("Varying",) * (self.InputDepth - 1)
        form = "IndicatorVector" if self.Multilabel else "Index"
        return ClassEncoder(classes, form, Dimensions=() if self.Multilabel else sizes, Multilabel=self.Multilabel)


def _named(places: Any, labels: tuple) -> Any:
    return [_named(place, labels) for place in places] if isinstance(places, list) else labels[places]


def _plain(value) -> Any:
    if isinstance(value, np.generic) or (isinstance(value, (np.ndarray, Tensor)) and not value.ndim):
        return value.item()
    return tuple(value) if isinstance(value, list) else value
