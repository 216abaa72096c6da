"""NetEncoder: raw objects to arrays."""

import os
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from netgraph.codecs.codec import Coder, named
from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.described import sort_of

__all__ = ["NetEncoder"]


class NetEncoder(Coder):
    """What turns raw objects (text, labels, images, sound) into arrays, by itself or at an input port of a net.

        NetEncoder("Characters")                                       a kind by its name
        NetEncoder(("Class", ["cat", "dog"], "IndicatorVector"))       with arguments
        NetEncoder(("Image", (28, 28), {"ColorSpace": "Grayscale"}))   and parameters by name; also as keywords
        NetEncoder(decoder)                                            the encoder that belongs to a decoder

    `encoder(x)` encodes one object, `encoder([x, y, ...])` several: one array with an axis more where all are of one shape, else a list of
    arrays. What has the encoded form already passes through unchanged. As a port's type, `Input=NetEncoder(...)` or just its name,
    `Input="Characters"`; codes count from 0.
    Errors: NetTypeError and NetValueError for what the kind cannot take; NetNameError for a kind or parameter that does not exist.
    Source: Wolfram's NetEncoder, whose codes count from 1.

    >>> NetEncoder(("Class", ["a", "b", "c"]))(["b", "c"]).tolist()
    [1, 2]
    """

    family = "NetEncoder"
    side = "input"
    old_names: ClassVar[dict[str, tuple[str, dict[str, Any]]]] = {"BPESubwordTokens": ("SubwordTokens", {"Method": "BPE"})}
    wants: ClassVar[str] = ""
    """What one raw object is, for messages: "a string"."""

    @property
    def random(self) -> bool:
        """Whether its parameters ask for a random change in training (augmentation)."""
        return False

    files: ClassVar[bool] = False
    """Whether text names a file, so that an object is better read when it is needed than kept."""

    def __call__(self, value, source: np.random.Generator | None = None) -> Any:
        if self.is_raw(value):
            return self.encode(value, source)
        examples = listed(value)
        if examples is not None and not len(examples):
            if isinstance(value, np.ndarray) and self.is_encoded(value):
                return value
            raise NetValueError(f"{self!r}: the list of examples is empty")
        if examples is not None and all(self.is_raw(entry) for entry in examples):
            return stacked(self.encode_all(examples, source))
        if self.is_encoded(value):
            return value
        if examples is None:
            raise self.refusal(value)
        for number, entry in enumerate(examples):
            if not self.is_raw(entry) and not self.is_encoded(entry, batch=False):
                raise self.refusal(entry, f" at [{number}]")
        return stacked([self.encode(entry, source) if self.is_raw(entry) else np.asarray(entry) for entry in examples])

    @abstractmethod
    def is_raw(self, value) -> bool:
        """Whether it is one raw object, as far as its sort tells; what else is wrong with it, `encode` says."""

    @abstractmethod
    def encode(self, value, source: np.random.Generator | None = None) -> Any:
        """The array of one raw object, of the type that `port_type` says; a Python number for rank 0.

        `source` is there in training only, for kinds that augment. Errors: NetValueError that shows the object and what is known.
        """

    def encode_all(self, values: Sequence[Any], source: np.random.Generator | None = None) -> Sequence[Any]:
        """The arrays of several raw objects; one by one unless the kind knows something faster."""
        return [self.encode(value, source) for value in values]

    def is_encoded(self, value, batch: bool = True) -> bool:
        """Whether it has the form of what `encode` gives already, or, with `batch`, of several of them in one array."""
        if isinstance(value, (str, bytes)) or value is None:
            return False
        try:
            array = value if isinstance(value, Tensor) else np.asarray(value)
        except (ValueError, TypeError, RuntimeError):
            return False
        shape, sort = tuple(array.shape), "f" if isinstance(array, Tensor) else array.dtype.kind
        kind, wanted = self.port_type().kind, self.port_type().shape
        if sort not in "fiub" or wanted is None or len(shape) not in ((len(wanted), len(wanted) + 1) if batch else (len(wanted),)):
            return False
        if kind is not None and kind.name == "integer" and sort == "f" and bool((array % 1 != 0).any()):
            return False
        own = shape[len(shape) - len(wanted) :]
        return all(not isinstance(want, int) or want == have for want, have in zip(wanted, own, strict=True))

    @property
    def is_fitted(self) -> bool:
        """Whether it can be used: nothing has to be learned from examples first."""
        return True

    def fitted(self, examples) -> "NetEncoder":
        """The encoder that has learned from examples what it has to."""
        return self

    def later(self, value) -> bool:
        """Whether training shall encode this object when it is needed, each time anew, rather than once and keep it."""
        return self.random or isinstance(value, os.PathLike) or (self.files and isinstance(value, str))

    def takes(self, value) -> bool:
        """Whether a column with this entry is for the encoder: it is a raw object, or neither raw nor encoded, which is refused there."""
        return self.is_raw(value) or not self.is_encoded(value, batch=False)

    def refusal(self, value, place: str = "") -> NetTypeError:
        """The error about a value that is neither raw nor encoded."""
        return NetTypeError(f"{self!r} wants {self.wants}, or a list of these, got {sort_of(value)}{place}")


def listed(value) -> Any:
    """The examples of a list, tuple, array or column; None for what is no list."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return None if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if hasattr(value, "to_numpy") and hasattr(value, "__len__"):
        return value.to_numpy()
    return None


def stacked(arrays: Sequence[Any]) -> Any:
    """Arrays of one shape as one with an axis more, others as a list."""
    if isinstance(arrays, np.ndarray):
        return arrays
    shapes = {np.shape(array) for array in arrays}
    return np.stack([np.asarray(array) for array in arrays]) if len(shapes) == 1 else list(arrays)


named(NetEncoder, "input")
