"""`Record`: named values that answer by key and by attribute, in Wolfram's spelling and in Python's."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from netgraph.errors import NetError, NetNameError, did_you_mean
from netgraph.spec.names import snake


class Record:
    """Values by name, not to be changed. Abstract: `Progress` and `NetTrainResultsObject`.

    `record["RoundLoss"]`, `record["round_loss"]`, `record.RoundLoss` and `record.round_loss` are the same; iteration yields the names.
    Errors: NetNameError for a name that is not there, with the nearest ones; as an attribute it is an AttributeError too.
    """

    __slots__ = ("_values",)

    what: ClassVar[str] = "the record"
    aliases: ClassVar[Mapping[str, str]] = {}
    snakes: ClassVar[Mapping[str, str]] = {}

    def __init__(self, values: Mapping[str, object]):
        object.__setattr__(self, "_values", values)

    def __setattr__(self, name, value):
        raise AttributeError(f"{self.what} cannot be changed: {name} is read only")

    def __delattr__(self, name):
        raise AttributeError(f"{self.what} cannot be changed: {name} is read only")

    def full_name(self, name: object) -> str | None:
        """The name as it is kept, or None when there is no such value."""
        if name not in self._values and isinstance(name, str):
            name = self.snakes.get(name, name)
            name = self.aliases.get(name, name)
        return name if isinstance(name, str) and name in self._values else None

    def value(self, name: str):
        """The value kept under this very name."""
        return self._values[name]

    def missing(self, name: object) -> NetNameError:
        """The error for a name that is not there."""
        return NetNameError(f"{self.what} has no {name!r}, {did_you_mean(name, list(self))}")

    def __getitem__(self, name: str):
        full = self.full_name(name)
        if full is None:
            raise self.missing(name)
        return self.value(full)

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except NetNameError as error:
            raise _as_attribute(error) from None

    def get(self, name: str, default=None):
        """The value of that name, or `default` when it is not there."""
        full = self.full_name(name)
        return default if full is None else self.value(full)

    def keys(self) -> list[str]:
        """The names, in order."""
        return list(self)

    def items(self) -> Iterator[tuple[str, object]]:
        """(name, value) of everything that is there."""
        return ((name, self.value(name)) for name in self)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name) -> bool:
        return self.full_name(name) is not None

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __dir__(self):
        return [*object.__dir__(self), *map(snake, self)]


class NetAttributeError(NetNameError, AttributeError):
    """A name that is not there, asked for as an attribute: `hasattr` and `getattr` with a default must see an AttributeError."""


def _as_attribute(error: NetError) -> NetAttributeError:
    return NetAttributeError(error.headline, origins=error.origins, fix=error.fix)


def by_snake(names, aliases: Mapping[str, str]) -> dict[str, str]:
    """Python's spelling of each name and alias -> the name."""
    return {snake(name): name for name in (*aliases, *names)}
