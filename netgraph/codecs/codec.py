"""What encoders and decoders share: a kind by name, parameters that are checked where they are written, and being a value.

A kind is one class, in the file of its name; kinds of one family share a folder. Its fields are its parameters, written like those of a
layer:

    class CharactersEncoder(NetEncoder, kind="Characters"):
        positional = ("Table", "Form")
        Table: Parameter = DEFAULT
        Form: choice("Index", "UnitVector") = "Index"

Nothing lists the kinds: all modules of this folder are imported when a kind is first asked for.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from netgraph.codecs.frozen import FrozenArray
from netgraph.errors import NetError, NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.spec.layer import hashable
from netgraph.spec.names import snake
from netgraph.spec.symbols import Symbol
from netgraph.types.codec import NAMED, Codec
from netgraph.types.symbols import All, Automatic

KINDS: dict[str, dict[str, type["Coder"]]] = {"input": {}, "output": {}}
"""The kinds of encoders ("input") and decoders ("output") by name."""

REQUIRED = object()
"""In place of the default of a parameter that has none."""


class Coder(Codec):
    """An encoder or decoder of some kind, with its parameters. Abstract.

    Frozen, equal and hashed by kind and parameters. A parameter is read as `codec["TargetLength"]` or as an attribute, in either spelling.
    """

    family: ClassVar[str]
    kind: ClassVar[str] = ""
    positional: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[dict[str, Any]] = {}
    defaults: ClassVar[dict[str, Any]] = {}
    old_names: ClassVar[dict[str, tuple[str, dict[str, Any]]]] = {}
    aliases: ClassVar[dict[str, str]] = {}
    """Each parameter's name under its snake-case spelling."""
    computed: ClassVar[tuple[str, ...]] = ()
    """What `codec["Name"]` gives beside the parameters; each is a property of the class under its snake-case name."""

    _values: Mapping[str, Any]
    _cache: dict[str, Any]

    def __init_subclass__(cls, kind: str = "", **words):
        super().__init_subclass__(**words)
        notes = {name: note for name, note in inspect.get_annotations(cls).items() if name[0].isupper()}
        if notes:
            cls.checks = {**cls.checks, **{name: note.__metadata__[0].func for name, note in notes.items()}}
            cls.defaults = {**cls.defaults, **{name: vars(cls).get(name, REQUIRED) for name in notes}}
            cls.aliases = {snake(name): name for name in cls.checks}
            for name in notes:
                if name in vars(cls):
                    delattr(cls, name)
        if kind:
            cls.kind = kind
            KINDS[cls.side][kind] = cls

    def __new__(cls, spec=None, *args, **options) -> Any:
        if cls.kind:
            # a class of one kind is called with the arguments of its kind
            return cls._made((spec, *args) if spec is not None or args else (), options)
        if isinstance(spec, cls) and not args and not options:
            return spec
        if isinstance(spec, Coder) and not args and not options:
            made = spec.partner()
            assert isinstance(made, cls)
            return made
        words = spec if isinstance(spec, (tuple, list)) else (spec,)
        name, args = (words[0], (*words[1:], *args)) if words else (None, args)
        if args and isinstance(args[-1], Mapping):
            options = {**args[-1], **options}
            args = args[:-1]
        if not isinstance(name, str):
            raise NetTypeError(
                f'{cls.family} wants the name of a kind, or a tuple of name, arguments and a dict, such as "Boolean", got {spec!r}'
            )
        name, preset = cls.old_names.get(name, (name, {}))
        return find_kind(cls.side, name)._made(args, {**preset, **options})

    @classmethod
    def _made(cls, args: tuple, options: Mapping[str, Any]) -> Self:
        where = f'{cls.family} "{cls.kind}"'
        if len(args) > len(cls.positional):
            raise NetTypeError(f"{where} takes {len(cls.positional) or 'no'} arguments after its name, got {len(args)}: {args!r:.80}")
        given = dict(zip(cls.positional, args, strict=False))
        for word, value in options.items():
            name = word if word in cls.checks else cls.aliases.get(word)
            if name is None:
                raise NetNameError(f'{where} has no parameter "{word}", {did_you_mean(word, list(cls.checks))}')
            if name in given:
                raise NetTypeError(f"{where}: {name} is given twice")
            given[name] = value
        values = {}
        for name, check in cls.checks.items():
            value = given.get(name, cls.defaults[name])
            if value is REQUIRED:
                raise NetTypeError(f"{where} wants {name}, {cls.hint(name)}" if cls.hint(name) else f"{where} wants {name}")
            try:
                values[name] = check(tidy(value))
            except NetError:  # about a file: it says where by itself
                raise
            except ValueError as fault:
                raise NetValueError(f"{where}: {name} {fault}") from None
        made = object.__new__(cls)
        object.__setattr__(made, "_values", MappingProxyType(values))
        object.__setattr__(made, "_cache", {})
        made.check()
        return made

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """The codec with these parameters. Errors: as for what is written by hand."""
        return cls._made((), parameters)

    def __init__(self, spec=None, *args, **options):
        pass

    @classmethod
    def hint(cls, name: str) -> str:
        """What a parameter without default is, for the message when it is missing."""
        return ""

    def check(self) -> None:
        """What the parameters must fulfil together; raises a NetError. Nothing by default."""

    def code(self) -> str | None:
        """The parameter that is a Python function or object, which no file can hold; None where there is none."""
        return next((name for name, value in self._values.items() if not _is_data(value)), None)

    def partner(self, port=None) -> "Coder":
        """The decoder for an encoder, the encoder for a decoder, with the same coding; `port` is the type of the port where it is known.

        Errors: NetTypeError for a kind that has none.
        """
        other = "decoder" if self.side == "input" else "encoder"
        raise NetTypeError(f'there is no {other} that belongs to {self.family} "{self.kind}"')

    def several(self, count: int | str) -> "Coder":
        return find_kind(self.side, "Each")(self, count)

    # -- as a value ------------------------------------------------------------------------------------------------------------------

    @property
    def parameters(self) -> Mapping[str, Any]:
        """All parameters by name."""
        return self._values

    def replaced(self, **changes) -> Self:
        """The same with other parameters, in either spelling."""
        return self._made((), {**self._values, **{self.aliases.get(word, word): value for word, value in changes.items()}})

    def __getitem__(self, name: str) -> Any:
        known = (*self._values, *self.computed)
        full = name if name in known else {snake(word): word for word in known}.get(name)
        if full is None:
            raise NetNameError(f'{self.family} "{self.kind}" has no parameter {name!r}, {did_you_mean(name, known)}')
        return getattr(self, snake(full)) if full in self.computed else self._values[full]

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        full = self.aliases.get(name, name)
        if full in values:
            return values[full]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __setattr__(self, name: str, value) -> None:
        raise AttributeError(f"a codec is a value: {name} cannot be set, make a new one")

    def __eq__(self, other) -> bool:
        return self is other or (isinstance(other, Coder) and type(self) is type(other) and self._key == other._key)

    def __hash__(self) -> int:
        if "hash" not in self._cache:
            self._cache["hash"] = hash((type(self).__name__, self._key))
        return self._cache["hash"]

    @property
    def _key(self) -> tuple:
        if "key" not in self._cache:
            self._cache["key"] = tuple((name, hashable(value)) for name, value in self._values.items())
        return self._cache["key"]

    def __repr__(self) -> str:
        changed = {name: value for name, value in self._values.items() if self.defaults[name] is REQUIRED or value != self._kept(name)}
        args, rest = [], dict(changed)
        for name in self.positional:
            if name not in rest:
                break
            args.append(_short(rest.pop(name)))
        words = [f'"{self.kind}"', *args]
        if rest:
            words.append("{" + ", ".join(f'"{name}": {_short(value)}' for name, value in rest.items()) + "}")
        return f"{self.family}({words[0]})" if len(words) == 1 else f"{self.family}(({', '.join(words)}))"

    @classmethod
    def _kept(cls, name: str) -> Any:
        """A default in the form in which it is kept."""
        return cls.checks[name](tidy(cls.defaults[name]))

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


def find_kind(side: str, name: str) -> type[Coder]:
    """The class of a kind. Errors: NetNameError with the nearest names."""
    kinds = all_kinds(side)
    if name not in kinds:
        raise NetNameError(f'there is no {"encoder" if side == "input" else "decoder"} "{name}", {did_you_mean(name, list(kinds))}')
    return kinds[name]


def all_kinds(side: str) -> Mapping[str, type[Coder]]:
    """All kinds of a side by name."""
    _import_kinds()
    return KINDS[side]


@cache
def _import_kinds() -> None:
    """Import all modules of this folder, once: what is a kind then has told so."""
    package = importlib.import_module(__name__.rpartition(".")[0])
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def tidy(value):
    """Lists as tuples and NumPy's numbers as Python's, at any depth; everything else as it is."""
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return tuple(tidy(part) for part in value)
    return value.item() if isinstance(value, np.generic) else value


def _is_data(value) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_data, value))
    if isinstance(value, dict):
        return all(map(_is_data, value.values()))
    if isinstance(value, Coder):
        return value.code() is None
    return value is None or value is Automatic or value is All or isinstance(value, (bool, int, float, str, slice, Symbol, FrozenArray))


def _short(value) -> str:
    text = repr(value).replace("'", '"')
    return text if len(text) <= 60 else f"{text[:57]}..."


def named(family: type[Coder], side: str) -> None:
    """Let a name at a port of this side stand for the codec of that name."""
    NAMED[side] = family
