"""The forms of data in memory, as columns: a dict of columns, (inputs, outputs), a list of pairs, a list of dicts, tables by duck type."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from torch import Tensor

from netgraph.data.columns import listed
from netgraph.errors import NetNameError, NetTypeError, NetValueError
from netgraph.spec.described import sort_of


def columns_of(data, inputs: tuple[str, ...], outputs: tuple[str, ...], where: str, *, batch: bool = False) -> dict[str, object] | None:
    """The columns by name, or None for what is no form of data in memory; their lengths and contents are not looked at.

    A tuple is two columns, a list is examples; in a `batch` a list of two arrays or lists is two columns as well, which is what a
    DataLoader gives.
    Errors: NetTypeError for pairs where the net has not one input and one output, and for examples that are not alike; NetNameError for
    dicts with different keys; NetValueError for an empty list.

    >>> columns_of([(1, 2), (3, 4)], ("Input",), ("Output",), "net_train")
    {'Input': [1, 3], 'Output': [2, 4]}
    """
    if hasattr(data, "visititems") and hasattr(data, "items"):
        return dict(_in_groups(data))
    if isinstance(data, Mapping):
        return dict(data)
    if (hasattr(data, "iloc") or hasattr(data, "get_columns")) and hasattr(data, "columns"):
        return {str(name): data[name].to_numpy() for name in data.columns}
    if hasattr(data, "column_names") and hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        numbers = getattr(data, "with_format", None)
        if numbers is not None and not (getattr(data, "format", None) or {}).get("type"):
            # Hugging Face would make a Python object of each number
            data = numbers("numpy")
        table = data[:]
        return {str(name): table[name] for name in data.column_names}
    if isinstance(data, tuple):
        return dict(zip(_pair_of_ports(inputs, outputs, "two columns", where), data, strict=True)) if len(data) == 2 else None
    if not isinstance(data, list):
        return None
    if not data:
        raise NetValueError(f"{where}: the data is empty, it has no example")
    if isinstance(data[0], Mapping):
        return _from_dicts(data, where)
    if isinstance(data[0], (list, tuple)) and len(data[0]) == 2:
        names = _pair_of_ports(inputs, outputs, "pairs", where)
        for i, pair in enumerate(data):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                what = f"{len(pair)} long" if isinstance(pair, (list, tuple)) else sort_of(pair)
                raise NetTypeError(f"{where}: example {i} is {what}, example 0 is a pair (input, output)")
        return {names[0]: [pair[0] for pair in data], names[1]: [pair[1] for pair in data]}
    if batch and len(data) == 2 and all(isinstance(part, (Tensor, np.ndarray, list, tuple)) for part in data):
        return dict(zip(_pair_of_ports(inputs, outputs, "two columns", where), data, strict=True))
    return None


def _from_dicts(examples: Sequence[Mapping], where: str) -> dict[str, object]:
    keys = examples[0].keys()
    for i, example in enumerate(examples):
        if not isinstance(example, Mapping):
            raise NetTypeError(f"{where}: example {i} is {sort_of(example)}, example 0 is a dict")
        if example.keys() != keys:
            raise NetNameError(f"{where}: example {i} has the keys {_keys(example)}, example 0 has {_keys(keys)}")
    return {str(key): [example[key] for example in examples] for key in keys}


def _in_groups(group, prefix: str = "") -> Iterator[tuple[str, object]]:
    """The data sets of an HDF5 file by their paths."""
    for name, item in group.items():
        if hasattr(item, "visititems"):
            yield from _in_groups(item, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", item


def _keys(keys) -> str:
    return listed(keys) if len(keys) else "none"


def _pair_of_ports(inputs: tuple[str, ...], outputs: tuple[str, ...], form: str, where: str) -> tuple[str, str]:
    if len(inputs) == 1 and len(outputs) == 1:
        return (inputs[0], outputs[0])
    ports = f"{_ports('input', inputs)} and {_ports('output', outputs)}"
    raise NetTypeError(
        f"{where}: {form} need a net with one input and one output port, this one has {ports}",
        fix="{" + ", ".join(f'"{name}": [...]' for name in (*inputs, *outputs)) + "}",
    )


def _ports(sort: str, names: tuple[str, ...]) -> str:
    return f"no {sort}" if not names else f"the {sort}{'s' if len(names) > 1 else ''} {listed(names)}"
