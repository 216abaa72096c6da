"""Places for boxes joined by lines: in ranks from top to bottom, with few crossings and straight lines.

The method is the layered one of Sugiyama: a rank by the longest way from a source, a place on every rank that a line passes, an order
within the ranks by the mean place of the neighbours, and places that pull towards them.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

GAP_ACROSS, GAP_DOWN, BEND_WIDTH = 26.0, 40.0, 14.0
SWEEPS, PULLS = 8, 24


@dataclass
class Layout:
    """The centre of every box, the points each line goes through (from its source's bottom to its target's top), and the whole size."""

    centres: dict[Hashable, tuple[float, float]]
    routes: list[list[tuple[float, float]]]
    width: float
    height: float


def layered(sizes: Mapping[Any, tuple[float, float]], edges: Sequence[tuple[Hashable, Hashable]]) -> Layout:
    """Places for boxes of the given (width, height), every edge running downwards; edges must make no cycle.

    >>> found = layered({"a": (10, 10), "b": (10, 10)}, [("a", "b")])
    >>> found.centres, found.width, found.height
    ({'a': (5.0, 5.0), 'b': (5.0, 55.0)}, 10.0, 60.0)
    """
    if not sizes:
        return Layout({}, [], 0.0, 0.0)
    rank = _ranks(sizes, edges)
    rows: list[list] = [[] for _ in range(max(rank.values()) + 1)]
    for box in sizes:
        rows[rank[box]].append(box)
    width = {box: size[0] for box, size in sizes.items()}
    # A line over several ranks gets a narrow place on each between, so that it bends around the boxes there.
    steps, chains = [], []
    for number, (source, target) in enumerate(edges):
        chain = [source]
        for level in range(rank[source] + 1, rank[target]):
            bend = _Bend(number, level)
            width[bend] = BEND_WIDTH
            rows[level].append(bend)
            chain.append(bend)
        chain.append(target)
        chains.append(chain)
        steps += list(pairwise(chain))
    above: dict = {place: [] for row in rows for place in row}
    below: dict = {place: [] for row in rows for place in row}
    for source, target in steps:
        below[source].append(target)
        above[target].append(source)
    _order(rows, above, below)
    across = _pulled(rows, width, above, below)
    tops, heights, y = [], [], 0.0
    for row in rows:
        tall = max((sizes[place][1] for place in row if not isinstance(place, _Bend)), default=0.0)
        tops.append(y)
        heights.append(tall)
        y += tall + GAP_DOWN
    left = min(across[place] - width[place] / 2 for place in width)
    right = max(across[place] + width[place] / 2 for place in width)
    centres = {box: (across[box] - left, tops[rank[box]] + heights[rank[box]] / 2) for box in sizes}
    routes = []
    for chain in chains:
        first, last = centres[chain[0]], centres[chain[-1]]
        points = [(first[0], first[1] + sizes[chain[0]][1] / 2)]
        for bend in chain[1:-1]:
            x = across[bend] - left
            points += [(x, tops[bend.rank]), (x, tops[bend.rank] + heights[bend.rank])]
        points.append((last[0], last[1] - sizes[chain[-1]][1] / 2))
        routes.append(points)
    return Layout(centres, routes, right - left, y - GAP_DOWN)


@dataclass(frozen=True)
class _Bend:
    edge: int
    rank: int


def _ranks(boxes, edges) -> dict:
    after: dict = {box: [] for box in boxes}
    waiting = dict.fromkeys(boxes, 0)
    for source, target in edges:
        after[source].append(target)
        waiting[target] += 1
    rank = dict.fromkeys(boxes, 0)
    ready = [box for box in boxes if waiting[box] == 0]
    order = []
    while ready:
        box = ready.pop()
        order.append(box)
        for target in after[box]:
            rank[target] = max(rank[target], rank[box] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    sources = {target for _, target in edges}
    for box in reversed(order):  # what nothing feeds sits just above what it feeds
        if box not in sources and after[box]:
            rank[box] = min(rank[target] for target in after[box]) - 1
    return rank


def _order(rows, above, below) -> None:
    """Order each row by the mean place of the neighbours, downwards and upwards in turn, and keep the best order met."""
    place = {box: float(i) for row in rows for i, box in enumerate(row)}
    best, kept = _crossings(rows, below, place), [list(row) for row in rows]
    for sweep in range(SWEEPS):
        if best == 0:
            break
        down = sweep % 2 == 0
        near = above if down else below
        for row in rows if down else reversed(rows):
            row.sort(key=lambda box: sum(place[n] for n in near[box]) / len(near[box]) if near[box] else place[box])
            place.update((box, float(i)) for i, box in enumerate(row))
        found = _crossings(rows, below, place)
        if found < best:
            best, kept = found, [list(row) for row in rows]
    rows[:] = kept


def _crossings(rows, below, place) -> int:
    total = 0
    for row in rows:
        ends = [place[target] for box in row for target in sorted(below[box], key=place.__getitem__)]
        total += sum(1 for i, first in enumerate(ends) for second in ends[i + 1 :] if first > second)
    return total


def _pulled(rows, width, above, below) -> dict:
    """Places across: neighbours pull, boxes of a row keep apart, lines that pass pull hardest so that they run straight."""
    across: dict = {}
    for row in rows:
        x = 0.0
        for place in row:
            across[place] = x + width[place] / 2
            x += width[place] + GAP_ACROSS
        for place in row:  # every row around one axis
            across[place] -= (x - GAP_ACROSS) / 2
    for turn in range(PULLS):
        down = turn % 2 == 0
        for row in rows if down else reversed(rows):
            wishes = {}
            for place in row:
                near = (above if down else below)[place] or (below if down else above)[place]
                weights = [4.0 if isinstance(place, _Bend) and isinstance(n, _Bend) else 1.0 for n in near]
                wishes[place] = sum(across[n] * w for n, w in zip(near, weights, strict=True)) / sum(weights) if near else across[place]
            _keep_apart(row, wishes, width, across)
    return across


def _keep_apart(row, wishes, width, across) -> None:
    """The places nearest to the wishes (least squares) that leave the gaps: neighbours that collide move as one block."""
    blocks: list[list] = []  # [boxes, offsets from the first, sum of (wish - offset), count]
    for place in row:
        block = [[place], [0.0], wishes[place], 1]
        while blocks:
            last = blocks[-1]
            step = last[1][-1] + width[last[0][-1]] / 2 + GAP_ACROSS + width[block[0][0]] / 2
            if last[2] / last[3] + step <= block[2] / block[3]:
                break
            blocks.pop()
            block = [last[0] + block[0], last[1] + [step + o for o in block[1]], last[2] + block[2] - step * block[3], last[3] + block[3]]
        blocks.append(block)
    for boxes, offsets, total, count in blocks:
        for place, offset in zip(boxes, offsets, strict=True):
            across[place] = total / count + offset
