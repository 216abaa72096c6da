"""A net changed from the inside out, its arrays renamed along: what several kinds of surgery share. Nests have no limit of depth."""

from collections.abc import Callable, Mapping

import torch

from netgraph.spec.net import Net, array_key, array_slots


def remade(net: Net, change: Callable[[tuple[str, ...], Net], Net]) -> Net:
    """The structure of `net` in which every part, inner ones first, is what `change(path, part)` makes of it; the net itself too.

    `change` gets a part whose own parts are changed already, and gives it back as it is where nothing is to be done.
    """
    stack: list[tuple[tuple[str, ...], Net, bool]] = [((), net.structure, False)]
    made: dict[tuple[str, ...], Net] = {}
    while stack:
        path, part, inside = stack.pop()
        if part.children and not inside:
            stack.append((path, part, True))
            stack.extend(((*path, name), child, False) for name, child in part.children.items())
            continue
        found = {name: made.pop((*path, name)) for name in part.children}
        changed = {name: child for name, child in found.items() if child is not part.children[name]}
        if changed:
            part = part.replaced(children=changed)
            hash(part)  # from the inside out, so that it never recurses
        made[path] = change(path, part)
    return made[()]


def moved(before: Net, after: Net, arrays: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The arrays of `before` under the keys they have in `after`, a net with the same layers in the same order."""
    keys = {}
    for (path, _, name, _, setting), (new_path, _, _, _, new_setting) in zip(array_slots(before), array_slots(after), strict=True):
        keys[array_key(path, name, setting)] = array_key(new_path, name, new_setting)
    return {keys[key]: tensor for key, tensor in arrays.items()}
