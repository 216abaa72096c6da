"""The store of unknowns of one net: sizes, runs of axes and kinds, made equal in both directions, and rules that fire to a fixed point.

Union-find over small nodes. A node that gets its value wakes the rules that watch it; nothing recurses, so a chain of any length is
solved in linear time. Conflicts are collected, each with the origin of both values, and the net goes on being solved: one call tells
all independent faults.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from netgraph.errors import NetError, NetShapeError, NetTypeError
from netgraph.types.sizes import OPEN, Affine, Varying


class Node:
    """One unknown: its value once known (an int or Varying, a tuple of size nodes, or a kind's name) and why it has that value.

    A reason is text, or an object whose text is written out only when somebody asks.
    """

    __slots__ = ("parent", "value", "watchers", "why")

    def __init__(self, value: Any = None, why: object = ""):
        self.parent: Node | None = None
        self.value = value
        self.why = why
        self.watchers: list[Rule] | None = None


N = TypeVar("N", bound=Node)


def find(node: N) -> N:
    """The node that speaks for all those made equal to `node`."""
    root: Any = node
    while root.parent is not None:
        root = root.parent
    step: Any = node
    while step.parent is not None:
        step.parent, step = root, step.parent
    return root


def primary(node: Node) -> tuple[Node, tuple[Affine, ...]]:
    """The variable behind a varying size, and the forms that lead from its length to this one."""
    root, steps = find(node), ()
    while root.value.base is not None:
        steps = _composed(root.value.steps, steps)
        root = find(root.value.base)
    return root, steps


def _composed(first: tuple[Affine, ...], then: tuple[Affine, ...]) -> tuple[Affine, ...]:
    """The forms `first`, then `then`, as few as can be."""
    for form in then:
        merged = form.after(first[-1]) if first else form
        first = (*first, form) if merged is None else (*first[:-1], merged)
    return tuple(form for form in first if form != Affine())


class KindNode(Node):
    """An unknown kind; for integers `count` is the size node of how many values there are."""

    __slots__ = ("count",)

    def __init__(self, value: str | None = None, why: object = "", count: Node | None = None):
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
    """All unknowns of one net. `errors` holds what contradicts, in the order found, and `places` where."""

    def __init__(self):
        self.changes = 0  # how often something got known or equal
        self.errors: list[NetError] = []
        self.places: list[object] = []
        self.queue: deque[Rule] = deque()

    # -- making --------------------------------------------------------------------------------------------------------------------

    def size(self, value=None, why: object = "") -> Node:
        """A new size: an int, `Varying()`, or unknown."""
        return Node(value, why)

    def run(self, sizes: Sequence[Node] | None = None, why: object = "") -> Node:
        """A new run of axes: known by its sizes, or of unknown length."""
        return Node(None if sizes is None else tuple(sizes), why)

    def shape(self, shape: Sequence | None, why: object = "") -> Node:
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

    def equate_sizes(self, a: Node, b: Node, where: object, axis: str = "the size") -> bool:
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
        elif isinstance(a.value, Varying) and isinstance(b.value, Varying) and self._join_lengths(a, b):
            return True
        self.conflict(where, f"{axis} is {self.show(a)} on one side and {self.show(b)} on the other", (a, b))
        return False

    def _join_lengths(self, a: Node, b: Node) -> bool:
        """Make two varying lengths one, each seen from the variable behind it; False where no lengths of these could agree."""
        (base_a, steps_a), (base_b, steps_b) = primary(a), primary(b)
        if base_a is base_b:
            if steps_a != steps_b:
                return False
        elif not steps_a:
            self._derive(base_a, base_b, steps_b)
        elif not steps_b:
            self._derive(base_b, base_a, steps_a)
        elif steps_a == steps_b:
            self._join(base_a, base_b)
        elif (shift := _shift(steps_a, steps_b)) is not None:
            if shift.add > 0:
                self._derive(base_a, base_b, (shift,))
            else:
                self._derive(base_b, base_a, (Affine(1, -shift.add, 1),))
        else:
            return False
        a, b = find(a), find(b)
        if a is not b:
            self._join(b, a)
        return True

    def _derive(self, variable: Node, base: Node, steps: tuple[Affine, ...]) -> None:
        """A variable turns out to be derived from another."""
        if steps:
            variable.value = Varying(base, steps)
        else:
            self._join(variable, base)

    def equate_runs(self, a: Node, b: Node, where: object) -> bool:
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

    def equate_kinds(self, source: KindNode, target: KindNode, where: object) -> bool:
        """Join the kinds at the two ends of an edge. A real target takes anything; an integer or Boolean one wants its own kind."""
        a, b = find(source), find(target)
        if a is b:
            return True
        if a.value is None or b.value is None:
            if a.value is None:
                self._join(a, b)
            else:
                self._join(b, a)
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
        self.fault(where, NetTypeError(f"{where}: {text}", origins=[(node.value, str(node.why)) for node in (a, b) if node.why]))
        return False

    def _join(self, loose: Node, kept: Node):
        """`loose` becomes `kept`; whoever waited for a value that is now there is woken."""
        self.changes += 1
        loose.parent = kept
        waiting, loose.watchers = loose.watchers, None
        if not waiting:
            return
        if kept.value is not None:
            self.wake(waiting)
        elif kept.watchers is None:
            kept.watchers = waiting
        else:
            more, most = sorted((waiting, kept.watchers), key=len)
            most.extend(more)
            kept.watchers = most

    def fault(self, where: object, error: NetError):
        """Keep one error, with where it belongs."""
        self.places.append(where)
        self.errors.append(error)

    def conflict(self, where: object, text: str, nodes: Sequence[Node] = (), fix: str | None = None):
        """Keep one contradiction, with where each of its values came from, and what to write instead when it is sure."""
        origins = [(self.show(node), str(find(node).why)) for node in nodes if find(node).why]
        self.fault(where, NetShapeError(f"{where}: {text}", origins=origins, fix=fix))

    def settle(self, node: Node, value, why: object, where: object, axis: str = "the size") -> bool:
        """Give a size a value, or check it against the one it has."""
        root = find(node)
        if root.value is None:
            self.changes += 1
            root.value, root.why = value, why
            waiting, root.watchers = root.watchers, None
            self.wake(waiting or ())
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
            if root.value is not None:
                continue
            if root.watchers is None:
                root.watchers = []
            if not root.watchers or root.watchers[-1] is not rule:
                root.watchers.append(rule)

    def wake(self, rules: Iterable[Rule]):
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

    def concatenation(self, whole: Node, prefix: Sequence[Node], middle: Node, suffix: Sequence[Node], where: object):
        """`whole` is the axes `prefix`, then those of `middle`, then `suffix`; known from either side."""
        before, after = len(prefix), len(suffix)

        def fire() -> bool:
            axes = find(whole).value
            if axes is not None:
                if len(axes) < before + after:
                    least = f"{_rank((*prefix, *suffix))} {'is' if before + after == 1 else 'are'}"
                    self.conflict(where, f"{_rank(axes)} where at least {least} wanted", (whole,))
                    return True
                inner = axes[before : len(axes) - after]
                for number, wanted in [*enumerate(prefix), *enumerate(suffix, len(axes) - after)]:
                    self.equate_sizes(axes[number], wanted, where, f"axis {number}")
                self.equate_runs(self.run(inner, find(whole).why), middle, where)
                return True
            axes = find(middle).value
            if axes is None:
                return False
            self.equate_runs(whole, self.run((*prefix, *axes, *suffix), find(middle).why), where)
            return True

        self.rule([whole, middle], fire)

    def product(self, total: Node, run: Node, where: object):
        """`total` is the product of the sizes of `run`; the last unknown of them is solved."""

        def fire() -> bool:
            axes = find(run).value
            if axes is None:
                return False
            values = [find(axis).value for axis in axes]
            open_axes = [axis for axis, value in zip(axes, values, strict=True) if value is None]
            if any(isinstance(value, Varying) for value in values):
                text = f"cannot merge a varying axis of {self.show(run)} into one of fixed size"
                self.conflict(where, text, (run,), fix="NetMapOperator(layer), to apply the layer to each element")
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

    def form(self, target: Node, source: Node, form: Affine, where: object, axis: str = "the size"):
        """`target` is `form` of `source`: a number of a number, a derived length of a varying one; a shift is known from either side."""

        def fire() -> bool:
            root = find(source)
            if root.value is None:
                wanted = find(target).value
                if form.multiply != 1 or form.divide != 1 or not isinstance(wanted, int) or wanted <= form.add:
                    return False
                why = find(target).why
                self.settle(source, wanted - form.add, f"{form.show('n')} is {wanted}: {why}" if form.add else why, where, axis)
                return True
            if isinstance(root.value, Varying):
                if form == Affine():
                    self.equate_sizes(target, source, where, axis)
                else:
                    self.settle(target, root.value.derive(root, form), root.why, where, axis)
                return True
            result = form(root.value)
            if result < 1:
                self.conflict(where, f"{axis} would be {form.show(str(root.value))} = {result}", (source,))
                return True
            text = form.show(str(root.value))
            self.settle(target, result, root.why if text == str(result) else f"{text} = {result}, of {root.value}: {root.why}", where, axis)
            return True

        self.rule([source, target], fire)


def _shift(a: tuple[Affine, ...], b: tuple[Affine, ...]) -> Affine | None:
    """The form of the variable behind `b` that the variable behind `a` must be, when both sides merely add a number."""
    if len(a) == len(b) == 1 and all(form.multiply == form.divide == 1 for form in (*a, *b)):
        return Affine(1, b[0].add - a[0].add, 1)
    return None


def _rank(axes: tuple) -> str:
    return "no axis" if not axes else "1 axis" if len(axes) == 1 else f"{len(axes)} axes"
