"""`Automatic` and `All`: the two words that stand for "find out" and "every one"."""

from netgraph.errors import NetTypeError

__all__ = ["All", "Automatic", "Scaled"]


class _Word:
    """A named singleton: equal only to itself, the same object after copying."""

    __slots__ = ("_name",)

    def __init__(self, name: str):
        object.__setattr__(self, "_name", name)

    def __repr__(self) -> str:
        return self._name

    def __setattr__(self, key, value):
        raise AttributeError(f"{self._name} has no attributes to set")

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return self._name

    def __bool__(self) -> bool:
        raise TypeError(f"{self._name} is neither true nor false: compare with `is {self._name}`")


Automatic = _Word("Automatic")
"""To be found out: by inference, from the data, or by the usual choice."""

All = _Word("All")
"""Every one: all levels, all layers, all outputs."""


class Scaled:
    """A factor or share: `Scaled(0.1)` of a loss, of the data, of a size.

    Errors: NetTypeError for what is no number.

    >>> Scaled(0.1)
    Scaled(0.1)
    """

    __slots__ = ("factor",)

    def __init__(self, factor: float):
        if isinstance(factor, bool) or not isinstance(factor, (int, float)):
            raise NetTypeError(f"Scaled wants a number, got {factor!r}")
        object.__setattr__(self, "factor", factor)

    def __setattr__(self, key, value):
        raise AttributeError("Scaled cannot be changed")

    def __eq__(self, other) -> bool:
        return isinstance(other, Scaled) and self.factor == other.factor

    def __hash__(self) -> int:
        return hash((Scaled, self.factor))

    def __repr__(self) -> str:
        return f"Scaled({self.factor})"
