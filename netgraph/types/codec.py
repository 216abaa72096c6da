"""What a port may carry beside its kind and shape: an encoder or decoder, as far as types have to know of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netgraph.types.port_type import PortType

NAMED: dict[str, Callable[[str], Any]] = {}
"""For each side, what makes the codec of a name; handed in by the package itself, since codecs are on a later floor."""


class Codec(ABC):
    """An encoder (side "input": raw objects to arrays) or a decoder (side "output": arrays to objects). A frozen, hashable value."""

    side: str

    @abstractmethod
    def port_type(self) -> "PortType":
        """The kind and shape of the array of one example, open where the codec does not say."""

    @abstractmethod
    def several(self, count: int | str) -> "Codec":
        """The codec of lists of so many ("Varying": any number) of what this one takes."""

    def one(self) -> "Codec | None":
        """The codec of one of several, the inverse of `several`; None for one that is not of several."""
        return None

    def accepts(self, shape: tuple) -> str | None:
        """What is wrong with a shape that is solved (entries None are open), or None. By default the types say all."""
        return None
