"""The arguments of a layer, sorted and checked: parameters, port types, arrays and InputPorts, in either spelling."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from netgraph.errors import NetError, NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.spec.parameters import is_integer
from netgraph.types.port_type import PortType, parse_type
from netgraph.types.symbols import Automatic


def _tidy(value):
    """Lists as tuples and NumPy's whole numbers as Python's, at any depth; everything else as it is."""
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return tuple(_tidy(v) for v in value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return float(value)
    return value


def sort_arguments(cls, schema, args, options):
    """The arguments of a layer as (parameters, port types, array settings and options, InputPorts)."""
    name = cls.__name__
    if len(args) > len(schema.positional):
        most = len(schema.positional)
        raise NetTypeError(f"{name} takes {most or 'no'} positional argument{'s' * (most != 1)}, got {len(args)}")
    fields = {word: _tidy(value) for word, value in zip(schema.positional, args, strict=False)}
    given: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    words = cls.port_words(schema)
    written = dict.fromkeys(fields, "by position")
    for word, value in options.items():
        full = word if word in schema.options else schema.aliases.get(word)
        if word in words or (full is None and schema.variadic is not None):
            given[word] = value
            continue
        if full is None:
            raise unknown_option(name, word, schema, words)
        if full in written:
            raise NetTypeError(f"{name}: {full} is given twice, {written[full]} and as {word}=")
        written[full] = f"as {word}="
        if full in schema.fields:
            fields[full] = _tidy(value)
        else:
            settings[full] = value
    return fields, given, settings, settings.pop("InputPorts", Automatic)


def unknown_option(name: str, word: str, schema, words) -> NetNameError:
    """The error about an option that a layer does not have."""
    return NetNameError(f'{name} has no option "{word}", {did_you_mean(word, [*schema.options, *words])}')


def port_names(schema, ports, layer: str) -> tuple[str, ...] | None:
    variadic = schema.variadic
    if variadic is None or ports is Automatic:
        return None
    if is_integer(ports):
        count = ports
    elif isinstance(ports, Mapping) or (
        isinstance(ports, (list, tuple)) and ports and all(isinstance(p, str) and p not in _TYPE_WORDS for p in ports)
    ):
        names = tuple(ports)
        if len(set(names)) != len(names):
            raise NetValueError(f"{layer}: InputPorts names a port twice: {list(names)!r}")
        for port in names:
            if (
                not isinstance(port, str)
                or not port
                or not port.isprintable()
                or "/" in port
                or port in schema.options
                or port in schema.outputs
            ):
                raise NetValueError(f'{layer}: an input port cannot be called {port!r}: a text without "/", no option and no other port')
        if len(names) < variadic.least:
            raise NetValueError(f"{layer}: InputPorts={list(names)!r} gives {len(names)} inputs, at least {variadic.least} are wanted")
        return names
    elif isinstance(ports, (list, tuple)) and ports:
        count = len(ports)
    else:
        raise NetTypeError(f"{layer}: InputPorts wants a number, a list of names or of shapes, or a dict of both, got {ports!r}")
    if count < variadic.least:
        raise NetValueError(f"{layer}: InputPorts={ports!r} gives {count} inputs, at least {variadic.least} are wanted")
    return tuple(variadic.naming.format(i + 1) for i in range(count))


_TYPE_WORDS = ("Real", "Integer", "Boolean", "Varying")


def port_types(ports, names: tuple[str, ...], layer: str) -> dict[str, PortType]:
    if is_integer(ports):
        return {}
    if isinstance(ports, Mapping):
        return {name: parse_type(value, f"{layer}: {name}", "input") for name, value in ports.items()}
    if all(isinstance(p, str) and p not in _TYPE_WORDS for p in ports):
        return {}
    return {name: parse_type(value, f"{layer}: {name}", "input") for name, value in zip(names, ports, strict=True)}


def located(cls, error: ValidationError) -> NetError:
    """pydantic's complaint as ours: the layer, the parameter, what is wanted and what was got; all faults at once."""
    lines, kind = [], NetValueError
    for fault in error.errors():
        word = str(fault["loc"][0]) if fault["loc"] else ""
        cause = fault.get("ctx", {}).get("error")
        if fault["type"] == "missing":
            lines.append(
                f"{cls.__name__} wants {word}, its argument {cls.positional.index(word) if word in cls.positional else ''}".rstrip()
            )
            kind = NetTypeError
        elif isinstance(cause, NetError):
            return cause
        else:
            text = str(cause) if cause is not None else f"{fault['msg'][0].lower()}{fault['msg'][1:]}, got {fault['input']!r}"
            lines.append(f"{cls.__name__}: {word} {text}")
    return kind("\n".join(lines))
