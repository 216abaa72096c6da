"""The store of unknowns of one net: sizes, runs of axes and kinds, made equal in both directions, and rules that fire to a fixed point.

Union-find over small nodes. A node that gets its value wakes the rules that watch it; nothing recurses, so a chain of any length is
solved in linear time. Conflicts are collected, each with the origin of both values, and the net goes on being solved: one call tells
all independent faults.
"""

from collections import deque
from collections.abc import Callable, Sequence

from netgraph.errors import NetError, NetShapeError, NetTypeError
from netgraph.types.sizes import OPEN, Affine, Varying


class Node:
    """One unknown: its value once known (an int or Varying, a tuple of size nodes, or a kind's name) and why it has that value."""

    __slots__ = ("parent", "value", "watchers", "why")

    def __init__(self, value=None, why: str = ""):
        self.parent = None
        self.value = value
        self.why = why
        self.watchers = None


def find(node: Node) -> Node:
    """The node that speaks for all those made equal to `node`."""
    root = node
    while root.parent is not None:
        root = root.parent
    while node.parent is not None:
        node.parent, node = root, node.parent
    return root


class KindNode(Node):
    """An unknown kind; for integers `count` is the size node of how many values there are."""

    __slots__ = ("count",)

    def __init__(self, value=None, why="", count=None):
        super().__init__(value, why)
        self.count = count


class Rule:
    """A relation that fires when something it watches gets known; `fire` answers True once nothing is left to do."""

    __slots__ = ("done", "fire", "queued")

    def __init__(self, fire: Callable[[], bool]):
        self.fire = fire
        self.done = False
        self.queued = False


class Store:
    """All unknowns of one net. `errors` holds what contradicts, in the order found."""

    def __init__(self):
        self.errors: list[NetError] = []
        self.queue: deque[Rule] = deque()

    # -- making --------------------------------------------------------------------------------------------------------------------

    def size(self, value=None, why: str = "") -> Node:
        """A new size: an int, `Varying()`, or unknown."""
        return Node(value, why)

    def run(self, sizes: Sequence[Node] | None = None, why: str = "") -> Node:
        """A new run of axes: known by its sizes, or of unknown length."""
        return Node(None if sizes is None else tuple(sizes), why)

    def shape(self, shape: Sequence | None, why: str = "") -> Node:
        """A run from a shape of ints, `Varying` values, "Varying" and OPEN or None for what is unknown."""
        if shape is None:
            return Node(None, why)
        return Node(tuple(self._entry(entry, why) for entry in shape), why)

    def _entry(self, entry, why):
        if entry is None or entry is OPEN:
            return Node(None, why)
        return Node(Varying() if entry == "Varying" else entry, why)

    # -- reading -------------------------------------------------------------------------------------------------------------------

    def value(self, node: Node):
        """The value of a size, None while unknown."""
        return find(node).value

    def sizes(self, run: Node) -> tuple | None:
        """The values of a run's sizes (None in place of an unknown one), or None while its rank is unknown."""
        value = find(run).value
        return None if value is None else tuple(find(size).value for size in value)

    def known(self, run: Node) -> tuple | None:
        """The values of a run, or None while any of it is unknown."""
        sizes = self.sizes(run)
        return None if sizes is None or None in sizes else sizes

    def axes(self, run: Node) -> tuple[Node, ...] | None:
        """The size nodes of a run, or None while its rank is unknown."""
        return find(run).value

    def why(self, node: Node):
        """Where the value of a node came from; empty while it is unknown."""
        return find(node).why

    def show(self, node: Node) -> str:
        """A size or run as text."""
        value = find(node).value
        if isinstance(value, tuple):
            inner = ", ".join(self.show(size) for size in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        return "?" if value is None else str(value)

    # -- equating ------------------------------------------------------------------------------------------------------------------

    def equate_sizes(self, a: Node, b: Node, where: str, axis: str = "the size") -> bool:
        """Make two sizes one; False, and an error kept, when they differ."""
        a, b = find(a), find(b)
        if a is b:
            return True
        if a.value is None:
            self._join(a, b)
            return True
        if b.value is None:
            self._join(b, a)
            return True
        if isinstance(a.value, int) and isinstance(b.value, int):
            if a.value == b.value:
                self._join(b, a)
                return True
        elif isinstance(a.value, Varying) and isinstance(b.value, Varying):
            if self._join_lengths(a, b):
                return True
        self.conflict(where, f"{axis} is {self.show(a)} on one side and {self.show(b)} on the other", (a, b))
        return False

    def _join_lengths(self, a: Node, b: Node) -> bool:
        if a.value.base is None and not self._depends(b, a):
            self._join(a, b)
        elif b.value.base is None and not self._depends(a, b):
            self._join(b, a)
        elif a.value.base is None or b.value.base is None or a.value.steps != b.value.steps:
            return False
        else:
            base_a, base_b = find(a.value.base), find(b.value.base)
            if base_a is not base_b and not self._join_lengths(base_a, base_b):
                return False
            self._join(b, a)
        return True

    @staticmethod
    def _depends(node: Node, on: Node) -> bool:
        base = node.value.base
        while base is not None:
            base = find(base)
            if base is on:
                return True
            base = base.value.base
        return False

    def equate_runs(self, a: Node, b: Node, where: str) -> bool:
        """Make two runs of axes one: equal ranks, and each pair of sizes equal."""
        a, b = find(a), find(b)
        if a is b:
            return True
        if a.value is None:
            self._join(a, b)
            return True
        if b.value is None:
            self._join(b, a)
            return True
        if len(a.value) != len(b.value):
            self.conflict(where, f"{_rank(a.value)} on one side and {_rank(b.value)} on the other", (a, b))
            return False
        rank = len(a.value)
        fits = [
            self.equate_sizes(x, y, where, "the length" if rank == 1 else f"axis {i}")
            for i, (x, y) in enumerate(zip(a.value, b.value, strict=True))
        ]
        if all(fits):
            self._join(b, a)
        return all(fits)

    def equate_kinds(self, source: KindNode, target: KindNode, where: str) -> bool:
        """Join the kinds at the two ends of an edge. A real target takes anything; an integer or Boolean one wants its own kind."""
        a, b = find(source), find(target)
        if a is b:
            return True
        if a.value is None or b.value is None:
            self._join(a, b) if a.value is None else self._join(b, a)
            return True
        if a.value == b.value:
            if a.count is not None and b.count is not None:
                return self.equate_sizes(a.count, b.count, where, "the number of classes")
            if a.value == "integer" and b.count is None:
                self._join(b, a)
            return True
        if b.value == "real":
            return True
        text = f"{a.value} values on one side and {b.value} values on the other"
        self.errors.append(NetTypeError(f"{where}: {text}", origins=[(a.value, a.why), (b.value, b.why)]))
        return False

    def _join(self, loose: Node, kept: Node):
        """`loose` becomes `kept`; whoever waited for a value that is now there is woken."""
        loose.parent = kept
        if loose.watchers:
            if kept.value is not None and loose.value is None:
                self.wake(loose.watchers)
            kept.watchers = loose.watchers if kept.watchers is None else kept.watchers + loose.watchers

    def conflict(self, where: str, text: str, nodes: Sequence[Node] = ()):
        """Keep one contradiction, with where each of its values came from."""
        origins = [(self.show(node), find(node).why) for node in nodes if find(node).why]
        self.errors.append(NetShapeError(f"{where}: {text}", origins=origins))

    def settle(self, node: Node, value, why: str, where: str, axis: str = "the size") -> bool:
        """Give a size a value, or check it against the one it has."""
        root = find(node)
        if root.value is None:
            root.value, root.why = value, why
            if root.watchers:
                self.wake(root.watchers)
            return True
        return self.equate_sizes(node, Node(value, why), where, axis)

    # -- rules ---------------------------------------------------------------------------------------------------------------------

    def rule(self, watched: Sequence[Node], fire: Callable[[], bool]) -> Rule:
        """Have `fire` called now and whenever one of `watched` gets known, until it answers True."""
        rule = Rule(fire)
        self.watch(rule, watched)
        self.wake([rule])
        return rule

    def watch(self, rule: Rule, nodes: Sequence[Node]):
        """Let `rule` also wait for these."""
        for node in nodes:
            root = find(node)
            if root.value is None:
                root.watchers = [rule] if root.watchers is None else [*root.watchers, rule]

    def wake(self, rules):
        for rule in rules:
            if not rule.done and not rule.queued:
                rule.queued = True
                self.queue.append(rule)

    def solve(self):
        """Fire rules until none has anything left to say."""
        while self.queue:
            rule = self.queue.popleft()
            rule.queued = False
            if not rule.done and rule.fire():
                rule.done = True

    # -- the relations that layers are written in ------------------------------------------------------------------------------------

    def concatenation(self, whole: Node, prefix: Sequence[Node], middle: Node, suffix: Sequence[Node], where: str):
        """`whole` is the axes `prefix`, then those of `middle`, then `suffix`; known from either side."""
        before, after = len(prefix), len(suffix)

        def fire() -> bool:
            axes = find(whole).value
            if axes is not None:
                if len(axes) < before + after:
                    self.conflict(where, f"{_rank(axes)} where at least {before + after} axes are wanted", (whole,))
                    return True
                inner = axes[before : len(axes) - after]
                for wanted, got in zip((*prefix, *suffix), (*axes[:before], *axes[len(axes) - after :]), strict=True):
                    self.equate_sizes(got, wanted, where)
                self.equate_runs(self.run(inner, find(whole).why), middle, where)
                return True
            axes = find(middle).value
            if axes is None:
                return False
            self.equate_runs(whole, self.run((*prefix, *axes, *suffix), find(middle).why), where)
            return True

        self.rule([whole, middle], fire)

    def product(self, total: Node, run: Node, where: str):
        """`total` is the product of the sizes of `run`; the last unknown of them is solved."""
        rule = None

        def fire() -> bool:
            axes = find(run).value
            if axes is None:
                return False
            values = [find(axis).value for axis in axes]
            open_axes = [axis for axis, value in zip(axes, values, strict=True) if value is None]
            if any(isinstance(value, Varying) for value in values):
                self.conflict(where, f"cannot merge a varying axis of {self.show(run)} into one of fixed size", (run,))
                return True
            count = 1
            for value in values:
                count *= 1 if value is None else value
            if not open_axes:
                text = self.show(run)
                why = find(run).why or next((find(a).why for a in axes if find(a).why), "")
                self.settle(total, count, why, where, f"the number of elements of {text}")
                return True
            wanted = find(total).value
            if len(open_axes) == 1 and isinstance(wanted, int):
                if wanted % count:
                    self.conflict(where, f"{wanted} elements do not divide into {self.show(run)}", (total, run))
                else:
                    self.settle(open_axes[0], wanted // count, find(total).why, where)
                return True
            self.watch(rule, [*open_axes, total])
            return False

        rule = Rule(fire)
        self.watch(rule, [run])
        self.wake([rule])

    def form(self, target: Node, source: Node, form: Affine, where: str, axis: str = "the size"):
        """`target` is `form` of `source`: a number from a number, a derived length from a varying one."""

        def fire() -> bool:
            root = find(source)
            if root.value is None:
                return False
            if isinstance(root.value, Varying):
                self.settle(target, root.value.derive(root, form), root.why, where, axis)
                return True
            result = form(root.value)
            if result < 1:
                self.conflict(where, f"{axis} would be {form.show(str(root.value))} = {result}", (source,))
                return True
            text = form.show(str(root.value))
            self.settle(target, result, root.why if text == str(result) else f"{text} = {result}, of {root.value}: {root.why}", where, axis)
            return True

        self.rule([source], fire)


def _rank(axes: tuple) -> str:
    return "no axis" if not axes else "1 axis" if len(axes) == 1 else f"{len(axes)} axes"
