"""Words and values that stand for something: `Automatic` ("find out"), `All` ("every one"), `Scaled`, `File`."""

import os

from netgraph.errors import NetTypeError

__all__ = ["All", "Automatic", "File", "Scaled"]


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

    def __reduce__(self):
        return Scaled, (self.factor,)

    def __eq__(self, other) -> bool:
        return isinstance(other, Scaled) and self.factor == other.factor

    def __hash__(self) -> int:
        return hash((Scaled, self.factor))

    def __repr__(self) -> str:
        return f"Scaled({self.factor})"


class File(os.PathLike):
    """A file, where its contents are meant and not its name: `net_train(net, File("digits.h5"))`. A `pathlib.Path` says the same.

    Errors: NetTypeError for what is no path.

    >>> File("digits.h5")
    File('digits.h5')
    """

    __slots__ = ("path",)

    def __init__(self, path: str | os.PathLike[str]):
        if not isinstance(path, (str, os.PathLike)):
            raise NetTypeError(f"File wants a path, got {path!r}")
        object.__setattr__(self, "path", os.fsdecode(path))

    def __setattr__(self, key, value):
        raise AttributeError("File cannot be changed")

    def __reduce__(self):
        return File, (self.path,)

    def __fspath__(self) -> str:
        return self.path

    def __eq__(self, other) -> bool:
        return isinstance(other, File) and self.path == other.path

    def __hash__(self) -> int:
        return hash((File, self.path))

    def __repr__(self) -> str:
        return f"File({self.path!r})"
