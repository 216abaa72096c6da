"""A net changed from the inside out, its arrays renamed along: what several kinds of surgery share. Nests have no limit of depth."""

from collections.abc import Callable, Mapping

from netgraph.spec.net import Net


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


def renamed(arrays: Mapping, names: Mapping[str, str]) -> dict:
    """Arrays under other keys."""
    return {names.get(key, key): tensor for key, tensor in arrays.items()}
