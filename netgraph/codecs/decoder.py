"""NetDecoder: arrays to objects."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from netgraph.codecs.codec import Coder, named
from netgraph.errors import NetNameError, NetShapeError, NetTypeError, did_you_mean
from netgraph.types.symbols import Automatic

__all__ = ["NetDecoder"]


class NetDecoder(Coder):
    """What turns arrays into objects (labels, text, images), by itself or at an output port of a net.

        NetDecoder(("Class", ["cat", "dog"]))     a kind with arguments, as of NetEncoder
        NetDecoder(encoder)                       the decoder that belongs to an encoder

    `decoder(array)` decodes one array, or a batch of them (judged by rank). `decoder(array, property)` gives something else than the
    decision: a property's name, `("TopDecisions", 2)` for one with an argument, "Properties" for what there is, None for the array itself.
    At a port, `Output=NetDecoder(...)`: then `net(x)` is decoded, `net(x, None)` is not, and `net(x, property)` asks for a property.
    RandomSeeding is the seed of "RandomSample".
    Errors: NetShapeError for an array that does not fit; NetNameError for a kind, parameter or property that does not exist.
    Source: Wolfram's NetDecoder.

    >>> NetDecoder(("Class", ["cat", "dog"]))([0.2, 0.8])
    'dog'
    >>> NetDecoder(("Class", ["cat", "dog"]))([0.2, 0.8], "Probabilities")
    {'cat': 0.2, 'dog': 0.8}
    """

    family = "NetDecoder"
    side = "output"
    old_names: ClassVar[dict[str, tuple[str, dict[str, Any]]]] = {"BPESubwordTokens": ("SubwordTokens", {"Method": "BPE"})}
    properties: ClassVar[tuple[str, ...]] = ()
    """The properties beside None, the default first."""

    def __call__(self, value, what=Automatic, /, *, RandomSeeding=Automatic) -> Any:
        if what == "Properties":
            return (*self.offered(), None)
        if what is None:
            return value
        examples, batch = self.examples(value)
        return self.decode_all(examples, batch, what, RandomSeeding)

    def decode_all(self, examples, batch: bool, what=Automatic, seed=Automatic) -> Any:
        """What is asked for of some arrays; of the only one, by itself, where it is no batch."""
        if what is None:
            return examples if batch else examples[0]
        name, argument = self.asked(what)
        source = np.random.default_rng(None if seed is Automatic else seed if isinstance(seed, int) else abs(hash(seed)))
        arrays = [numbers(example) for example in examples]
        for array in arrays:
            self.fits(array)
        decoded = [self.decode(array, name, argument, source) for array in arrays]
        return decoded if batch else decoded[0]

    @abstractmethod
    def ranks(self) -> tuple[int, ...]:
        """The ranks that one array may have."""

    @abstractmethod
    def decode(self, array: np.ndarray, what: str, argument: Any, source: np.random.Generator) -> Any:
        """The property `what` of one array; `argument` is None where the property was asked for by its name alone."""

    def offered(self) -> tuple[str, ...]:
        """The properties that these parameters allow, the default first."""
        return self.properties

    def takes(self, what) -> bool:
        """Whether it is a property of this decoder, with its argument if it has one."""
        if isinstance(what, tuple) and len(what) == 2:
            what = what[0]
        return isinstance(what, str) and what in (*self.offered(), "Properties")

    def asked(self, what) -> tuple[str, Any]:
        """A property's name and argument. Errors: NetNameError for one that does not exist."""
        if what is Automatic:
            return self.offered()[0], None
        pair = next(iter(what.items())) if isinstance(what, Mapping) and len(what) == 1 else what
        name, argument = pair if isinstance(pair, (tuple, list)) and len(pair) == 2 else (pair, None)
        if name not in self.offered():
            raise NetNameError(f"{self!r} has no property {name!r}, {did_you_mean(name, self.offered())}")
        return name, argument

    def examples(self, value) -> tuple[Any, bool]:
        """The arrays, and whether they are a batch: judged by rank; a list of arrays of different shapes is one."""
        ranks = self.ranks()
        try:
            array = value if isinstance(value, Tensor) else np.asarray(value)
        except ValueError:
            return list(value), True
        if array.ndim in ranks:
            return [array], False
        if array.ndim - 1 in ranks:
            return list(array), True
        wanted = " or ".join(map(str, ranks))
        raise NetShapeError(f"{self!r} wants an array of rank {wanted}, or a batch of these; got shape {tuple(array.shape)}")

    def fits(self, array: np.ndarray) -> None:
        """Hold one array against what the decoder takes. Errors: NetShapeError."""
        fault = self.accepts(array.shape)
        if array.ndim not in self.ranks() or fault:
            raise NetShapeError(f"{self!r}: {fault or f'an array of rank {array.ndim}'}, got shape {array.shape}")


def numbers(value) -> np.ndarray:
    """An array, tensor or number as an array of NumPy."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise NetTypeError(f"a decoder wants numbers, got an array of {array.dtype}")
    return array


named(NetDecoder, "output")
