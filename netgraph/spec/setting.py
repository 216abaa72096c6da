"""Settings: frozen values with a name and numbers of their own, such as a miner or a distance, as parameters of layers.

A setting is a tuple of its name and its numbers, so it compares, hashes and is saved like any tuple. Its class names the numbers, with
their checks and defaults, as a layer's fields are written.
"""

import inspect
from typing import Any, ClassVar

from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.arguments import unknown_option
from netgraph.spec.names import snake
from netgraph.spec.parameters import parameter, wants


class Setting(tuple):
    """A frozen value with a name and numbers. Abstract; each subclass with numbers, or marked `final`, can be built.

    Its numbers come in order or by name, in either spelling: `MultiSimilarityMiner(0.1)`, `MultiSimilarityMiner(Epsilon=0.1)`.
    Errors: NetTypeError, NetNameError and NetValueError that name the setting and the number.
    """

    __slots__ = ()

    options: ClassVar[tuple[str, ...]] = ()
    aliases: ClassVar[dict[str, str]] = {}
    checks: ClassVar[dict[str, Any]] = {}
    defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **words):
        super().__init_subclass__(**words)
        own = {name: note for name, note in inspect.get_annotations(cls).items() if name in vars(cls) and name[0].isupper()}
        for number, (name, note) in enumerate(own.items()):
            cls.checks = {**cls.checks, name: note.__metadata__[0].func}
            cls.defaults = {**cls.defaults, name: cls.checks[name](vars(cls)[name])}
            setattr(cls, name, _Number(len(cls.options) + number + 1))
        cls.options = (*cls.options, *own)
        cls.aliases = {snake(name): name for name in cls.options}

    def __new__(cls, *args, **named):
        name = cls.__name__
        if len(args) > len(cls.options):
            raise NetTypeError(f"{name} takes {len(cls.options) or 'no'} numbers, got {len(args)}")
        given = dict(zip(cls.options, args, strict=False))
        for word, value in named.items():
            full = word if word in cls.options else cls.aliases.get(word)
            if full is None:
                raise unknown_option(name, word, cls, ())
            if full in given:
                raise NetTypeError(f"{name}: {full} is given twice")
            given[full] = value
        kept = [name]
        for option in cls.options:
            try:
                kept.append(cls.checks[option](given.get(option, cls.defaults[option])))
            except ValueError as fault:
                raise NetValueError(f"{name}: {option} {fault}") from None
        made = super().__new__(cls, kept)
        made.check()
        return made

    def check(self) -> None:
        """What the numbers must fulfil together; raises a NetError. Nothing by default."""

    def __repr__(self) -> str:
        parts, by_position = [], True
        for option, value in zip(self.options, self[1:], strict=True):
            if value == self.defaults[option]:
                by_position = False
            else:
                parts.append(repr(value) if by_position else f"{option}={value!r}")
        return f"{self[0]}({', '.join(parts)})".replace("'", '"')

    def __reduce__(self):
        return (type(self), tuple(self[1:]))


class _Number:
    """Reads one number of a setting."""

    def __init__(self, place: int):
        self.place = place

    def __get__(self, value, owner=None):
        return self if value is None else tuple.__getitem__(value, self.place)


def built(family: type[Setting], aliases: dict[str, Setting], none: bool, value) -> Setting | None:
    """A value of a family of settings from what a user writes: itself, its name, an alias, or a tuple of name and numbers."""
    if value is None and none:
        return None
    if isinstance(value, family):
        return value
    word, numbers = (value[0], value[1:]) if isinstance(value, tuple) and value else (getattr(value, "name", value), ())
    if isinstance(word, str):
        if word in aliases and not numbers:
            return aliases[word]
        cls = kinds(family).get(word)
        if cls is not None:
            return cls(*numbers)
    known = ", ".join(sorted(kinds(family)))
    raise wants(f"one of {known}" + (", or None" if none else ""), value)


def kinds(family: type[Setting]) -> dict[str, type[Setting]]:
    """The classes of a family that can be built, by name."""
    found: dict[str, type[Setting]] = {}
    for cls in family.__subclasses__():
        if not vars(cls).get("abstract", False):
            found[cls.__name__] = cls
        found.update(kinds(cls))
    return found


def setting(family: type[Setting], aliases: dict[str, Setting] | None = None, none: bool = False) -> Any:
    """A field annotation: a setting of the family, or with `none` None. `aliases` are other names for settings."""
    return parameter(
        lambda value: built(family, aliases or {}, none, value), {"type": ["string", "array", "null"] if none else ["string", "array"]}
    )
