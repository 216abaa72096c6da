"""A part on its way from one net to another: its structure, its arrays, and where it was."""

from collections.abc import Mapping
from typing import NamedTuple

import torch

from netgraph.nets.container import Container
from netgraph.spec.net import Net, shared_names


class Piece(NamedTuple):
    """A structure and its arrays, by the keys that it has by itself; the net it was taken from, if any, and its name there.

    One that is not the `same` is new, and stands where that part stood, with the same ports.
    """

    part: Net
    arrays: Mapping[str, torch.Tensor]
    source: Container | None = None
    name: str = ""
    same: bool = True

    @property
    def net(self) -> Net:
        """The part with its arrays."""
        return self.part.replaced(arrays=self.arrays) if self.arrays else self.part


def piece(net: Net) -> Piece:
    """A net as a new part."""
    return Piece(net.structure, net.tensors)


def instead(old: Piece, new: Net) -> Piece:
    """A net in the place of a piece."""
    before = old.part
    ports = (new.input_ports(), new.output_ports(), new.state_names(), new.readable_ports())
    if ports == (before.input_ports(), before.output_ports(), before.state_names(), before.readable_ports()):
        return Piece(new.structure, new.tensors, old.source, old.name, False)
    return piece(new)


def pieces(net: Net) -> dict[str, Piece]:
    """The parts of a net by name; its map of arrays is gone through once."""
    own: dict[str, dict[str, torch.Tensor]] = {name: {} for name in net.children}
    shared: dict[str, torch.Tensor] = {}
    for key, tensor in net.tensors.items():
        head, slash, rest = key.partition("/")
        if slash:
            own[head][rest] = tensor
        else:
            shared[key] = tensor
    for name, part in net.children.items() if shared else ():
        own[name].update({key: shared[key] for key in shared_names(part) if key in shared})
    source = net if isinstance(net, Container) else None
    return {name: Piece(part, own[name], source, name) for name, part in net.children.items()}
