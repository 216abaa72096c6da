"""Which column of the data feeds which input port of a net with its losses, and what its shape says there."""

from collections.abc import Mapping

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.losses.attach import Training
from netgraph.nets.container import input_names
from netgraph.types.port_type import PortType
from netgraph.types.sizes import Varying

WEIGHT = "Weight"
"""The column that weighs the examples, where no port of that name takes it."""


def fed_columns(training: Training, observed: Mapping[str, PortType], where: str = "net_train") -> dict[str, str]:
    """The data's columns with the input port each one feeds. Errors: NetNameError for one too many, NetTypeError for one too few."""
    fed: dict[str, str] = {}
    for name in observed:
        port = training.names.get(name)
        if port is None and name == WEIGHT:
            continue
        if port is None:
            known = list(training.names)
            raise NetNameError(f'{where}: the data has a column "{name}" that feeds no port, {did_you_mean(name, known)}')
        other = next((column for column, taken in fed.items() if taken == port), None)
        if other is not None:
            raise NetTypeError(f'{where}: the columns "{other}" and "{name}" both feed the target; give one of them')
        fed[name] = port
    for port in input_names(training.net):
        if port not in fed.values():
            names = [name for name, known in training.names.items() if known == port]
            wanted, have = " or ".join(f'"{name}"' for name in names), ", ".join(f'"{name}"' for name in fed)
            raise NetTypeError(f"{where}: the data has no column {wanted}, only {have}")
    return fed


def shapes_said(types: Mapping[str, PortType], ports: Mapping[str, PortType]) -> dict[str, PortType]:
    """What the data says about the input ports: shapes only, since a number may stand for a Boolean or a class.

    Where a port varies the data says nothing: its examples may happen to have one length.
    """
    said = {}
    for port, kind in types.items():
        wanted, sizes = ports[port].shape or (), kind.shape or ()
        if any(isinstance(size, Varying) for size in wanted) and len(wanted) == len(sizes):
            kind = PortType(None, [None if isinstance(want, Varying) else size for want, size in zip(wanted, sizes, strict=True)])
        said[port] = PortType(None, kind.shape)
    return said
