"""What an element is: a real number, an integer (in a range), or a Boolean."""

from netgraph.errors import NetTypeError, NetValueError

__all__ = ["Integer"]


class Kind:
    """One sort of element. `REAL`, `BOOLEAN` and `Integer(n)` are the values there are; equal when they mean the same."""

    __slots__ = ("count", "name")

    def __init__(self, name: str, count: int | None = None):
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "count", count)

    def __setattr__(self, key, value):
        raise AttributeError("a kind cannot be changed")

    def __eq__(self, other) -> bool:
        return isinstance(other, Kind) and (self.name, self.count) == (other.name, other.count)

    def __hash__(self) -> int:
        return hash((self.name, self.count))

    def __repr__(self) -> str:
        if self.name == "integer":
            return "Integer()" if self.count is None else f"Integer({self.count})"
        return f'"{self.name.capitalize()}"'

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return (Kind, (self.name, self.count))


REAL = Kind("real")
BOOLEAN = Kind("boolean")
INTEGER = Kind("integer")


def Integer(n: int | None = None) -> Kind:
    """The kind of an integer from 0 to n - 1, or of any integer when `n` is left out.

    Wolfram's `Restricted["Integer", n]` counts from 1; this counts from 0, as Python does.
    Errors: NetTypeError for what is no integer, NetValueError below 1.

    >>> Integer(5)
    Integer(5)
    """
    if n is None:
        return INTEGER
    if isinstance(n, bool) or not isinstance(n, int):
        raise NetTypeError(f"Integer(n) wants how many values there are, a whole number, got {n!r}")
    if n < 1:
        raise NetValueError(f"Integer({n}) would have no value: n is at least 1")
    return Kind("integer", n)
