"""The kinds of parameter a layer may have: what is accepted, in the form it is kept in, and the words for what is not.

Each is a pydantic annotation with its JSON schema; its check raises ValueError or TypeError with "wants ..., got ..." and the layer
adds its own name and the parameter's.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from netgraph.types.symbols import All, Automatic, Scaled


def is_integer(value) -> bool:
    """Whether `value` is a whole number and not a Boolean; `3.0` and "3" are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value) -> bool:
    """Whether `value` is a real number and not a Boolean."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def parameter(check: Callable[[Any], Any], schema: dict) -> Any:
    """A field annotation from a check (value -> kept value, or ValueError) and its JSON schema."""
    return Annotated[Any, PlainValidator(check), PlainSerializer(plain), WithJsonSchema(schema)]


def plain(value):
    """A kept value as plain data, for JSON: Automatic and All by name in a tag, tuples as lists, slices by their parts."""
    if value is Automatic or value is All:
        return {"$word": repr(value)}
    if isinstance(value, Scaled):
        return {"$scaled": value.factor}
    if isinstance(value, slice):
        return {"$span": [value.start, value.stop, value.step]}
    if isinstance(value, (tuple, list)):
        return [plain(entry) for entry in value]
    if hasattr(value, "to_json"):
        return value.to_json()
    return value


def wants(what: str, value) -> ValueError:
    """The fault of a parameter, in the house's words."""
    return ValueError(f"wants {what}, got {value!r}")


def _size(value):
    if value is Automatic:
        return value
    if not is_integer(value) or value < 1:
        raise wants("a whole number from 1 or Automatic", value)
    return value


def _sizes(value):
    if value is Automatic:
        return value
    if is_integer(value) and value >= 1:
        return (value,)
    if isinstance(value, tuple) and all(entry is Automatic or (is_integer(entry) and entry >= 1) for entry in value):
        return value
    raise wants("a size, a tuple of sizes or Automatic", value)


def _count(value):
    if not is_integer(value) or value < 1:
        raise wants("a whole number from 1", value)
    return value


def _per_axis(least: int):
    def check(value):
        if is_integer(value) and value >= least:
            return value
        if isinstance(value, tuple) and value and all(is_integer(entry) and entry >= least for entry in value):
            return value
        raise wants(f"a whole number from {least}, or a tuple with one for each axis", value)

    return check


def _level(value):
    if not is_integer(value):
        raise wants("a level, counted from 0 or, negative, from the end", value)
    return value


def _flag(value):
    if not isinstance(value, bool):
        raise wants("True or False", value)
    return value


def choice(*names: str) -> Any:
    """One of several words; a symbol stands for its name (`Function=Max` and `Function="Max"`)."""

    def check(value):
        word = getattr(value, "name", value)
        if word not in names:
            raise wants(" or ".join(f'"{name}"' for name in names), value)
        return word

    return parameter(check, {"enum": list(names)})


def number(low: float | None = None, high: float | None = None, *, low_open: bool = False, high_open: bool = False) -> Any:
    """A real number within bounds, kept as a float."""
    bounds = []
    if low is not None:
        bounds.append(f"above {low:g}" if low_open else f"from {low:g}")
    if high is not None:
        bounds.append(f"below {high:g}" if high_open else f"to {high:g}")

    def check(value):
        fits = is_number(value) and value == value
        fits = fits and (low is None or (value > low if low_open else value >= low))
        fits = fits and (high is None or (value < high if high_open else value <= high))
        if not fits:
            raise wants(" ".join(["a number", *bounds]), value)
        return float(value)

    schema: dict[str, object] = {"type": "number"}
    if low is not None:
        schema["exclusiveMinimum" if low_open else "minimum"] = low
    if high is not None:
        schema["exclusiveMaximum" if high_open else "maximum"] = high
    return parameter(check, schema)


_SIZE_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 1}, {"const": {"$word": "Automatic"}}]}

Size = parameter(_size, _SIZE_SCHEMA)
"""A whole number from 1, or Automatic."""

Sizes = parameter(_sizes, {"anyOf": [{"type": "array", "items": _SIZE_SCHEMA}, {"const": {"$word": "Automatic"}}]})
"""A size n (kept as (n,)), a tuple of sizes, or Automatic."""

Count = parameter(_count, {"type": "integer", "minimum": 1})
"""A whole number from 1."""

PerAxis = parameter(
    _per_axis(1), {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "array", "items": {"type": "integer", "minimum": 1}}]}
)
"""A whole number from 1 for all spatial axes, or a tuple with one for each."""

LevelNumber = parameter(_level, {"type": "integer"})
"""A level (axis) of one example: from 0, or negative from the end."""

Flag = parameter(_flag, {"type": "boolean"})
"""True or False, nothing that merely looks like it."""


def per_axis(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """A `PerAxis` parameter for `rank` spatial axes. Errors: ValueError when a tuple has another length."""
    if isinstance(value, int):
        return (value,) * rank
    if len(value) != rank:
        raise ValueError(f"{value!r} has {len(value)} entries for {rank} spatial axes")
    return tuple(value)
