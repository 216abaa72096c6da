"""Functions as parameters of layers: a symbol, its name, or a Python function traced into the closed list of operations."""

from typing import Any

from netgraph.spec.function_graph import FunctionGraph
from netgraph.spec.parameters import parameter, wants
from netgraph.spec.symbols import Symbol, symbol
from netgraph.spec.trace import OpaqueFunction, trace_elementwise


def _elementwise(value):
    if isinstance(value, str):
        value = symbol(value)
    if isinstance(value, FunctionGraph) and not value.is_elementwise:
        raise wants("a function of each element", value)
    if isinstance(value, (Symbol, FunctionGraph, OpaqueFunction)):
        return value
    if not callable(value):
        raise wants("a symbol such as Ramp, its name, or a function of tensors", value)
    return trace_elementwise(value)


ElementwiseFunction: Any = parameter(_elementwise, {"anyOf": [{"type": "object"}, {"type": "string"}]})
"""A symbol, its name, or a Python function built of elementwise operations."""


def takes(function, count: int) -> bool:
    """Whether a function can be called with `count` inputs."""
    return function.takes(count) if isinstance(function, Symbol) else len(function.inputs) == count


def parameter_names(function) -> tuple[str, ...] | None:
    """The port names that a function asks for: those of its parameters; None for a symbol that takes several numbers of inputs."""
    if isinstance(function, Symbol):
        return None if function.arity is None else tuple(f"Input{i + 1}" for i in range(function.arity))
    return tuple(function.inputs)
