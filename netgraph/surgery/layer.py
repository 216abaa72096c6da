"""A layer changed: a parameter, an array, an inner net. It is built anew by its own constructor, so everything is checked."""

from collections.abc import Mapping
from typing import Any

import torch

from netgraph.errors import NetShapeError, NetValueError
from netgraph.spec.arrays import NetArray, owned
from netgraph.spec.layer import Layer
from netgraph.spec.net import array_key, part_of
from netgraph.types.symbols import All, Automatic


def with_words(layer: Layer, words: Mapping[str, Any]) -> Layer:
    """`layer` with other parameters, inner nets or array settings, by name. Its own arrays and port types stay where it still has them.

    Errors: those of the constructor.
    """
    schema = layer.schema_of()
    options: dict[str, Any] = {name: part_of(layer, name) if name in layer.children else getattr(layer, name) for name in schema.fields}
    options.update({name: setting for name, setting in layer._settings.items() if name in schema.arrays})
    if layer._ports is not None and schema.variadic is not None:
        options["InputPorts"] = dict.fromkeys(layer._ports, Automatic)
    options["LearningRateMultipliers"] = layer._multipliers
    changed: Layer = type(layer)(**{**options, **words})
    ports = (*changed.input_ports(), *changed.output_ports(), *changed.state_names())
    given = {name: kind for name, kind in layer.given.items() if name in ports}
    places = {name for name, _, _ in changed.array_places()}
    others = {name: setting for name, setting in layer._settings.items() if name not in schema.arrays and name in places}
    if others:
        changed = changed.replaced(settings={**changed._settings, **others})
    keys = {array_key((), name, setting) for name, _, setting in changed.array_places()}
    arrays = {key: tensor for key, tensor in layer.tensors.items() if key in keys}
    return changed.replaced(given={**given, **changed.given}, arrays={**arrays, **changed.tensors})


def with_array(layer: Layer, name: str, value, where: str) -> Layer:
    """`layer` with another array: an array of the dimensions of the old one, Automatic for none yet, None to leave it out, a NetArray.

    Errors: NetShapeError for other dimensions; NetValueError for an array that cannot be left out or that the layer does not have.
    """
    setting = layer._settings.get(name, Automatic)
    if setting is not None and name not in {place for place, _, _ in layer.array_places()}:
        raise NetValueError(f"{where}: {type(layer).__name__} has no {name} with its parameters")
    key = array_key((), name, setting)
    arrays = {other: tensor for other, tensor in layer.tensors.items() if other != key}
    if value is None or isinstance(value, NetArray):
        return _set(layer.replaced(arrays=arrays), name, value, where)
    settings = {word: kept for word, kept in layer._settings.items() if word != name or kept is not None}
    if value is not Automatic:
        arrays[key] = fitting(owned(value, where), layer.tensors.get(key), where)
    return layer.replaced(arrays=arrays, settings=settings)


def _set(layer: Layer, name: str, value: NetArray | None, where: str) -> Layer:
    """`layer` with an array left out or shared by name."""
    if name in layer.schema_of().arrays:
        return with_words(layer, {name: value})
    if value is None or value.name is Automatic or value.name is All:
        raise NetValueError(f"{where}: it wants an array, or a NetArray with a name, got {value!r}")
    arrays = dict(layer.tensors) if value.array is Automatic else {**layer.tensors, value.name: value.array}
    return layer.replaced(settings={**layer._settings, name: NetArray(value.name)}, arrays=arrays)


def fitting(new: torch.Tensor, old: torch.Tensor | None, where: str) -> torch.Tensor:
    """`new`, of the dimensions of the array it replaces. Errors: NetShapeError."""
    if old is not None and new.shape != old.shape:
        raise NetShapeError(f"{where}: the new array has shape {tuple(new.shape)}, the array there has {tuple(old.shape)}")
    return new
