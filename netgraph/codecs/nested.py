"""The parameter "Dimensions": raw objects in nested lists of a shape, each encoded by itself."""

from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.types.kinds import Kind
from netgraph.types.port_type import PortType


def _dimensions(value):
    sizes = value if isinstance(value, tuple) else (value,)
    if not all(size == "Varying" or (is_integer(size) and size >= 1) for size in sizes):
        raise wants('a tuple of sizes and "Varying"', value)
    return sizes


NestedShape = parameter(_dimensions, {"type": "array"})
"""The shape of the nested lists of raw objects; () for one."""


def nested_type(kind: Kind | None, dimensions: tuple, *inner: int) -> PortType:
    """The type of what is encoded: the dimensions, and the axes of one encoded object."""
    return PortType(kind, (*dimensions, *inner))
