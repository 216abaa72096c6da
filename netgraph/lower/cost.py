"""What a net costs for one example, from its types alone: operations, and the memory of what its layers give."""

import math
from typing import NamedTuple

from netgraph.lower.plan import Call, Length, Loop, Plan
from netgraph.spec.typing import Term, Typing
from netgraph.types.sizes import Varying
from netgraph.types.store import Node, primary

BYTES = 4
"""Of one element, as nets compute."""


class Cost(NamedTuple):
    """Floating-point operations, and bytes of outputs, for one example."""

    flops: int
    activations: int


def costs(typing: Typing, length: int = 1) -> dict[tuple[str, ...], Cost]:
    """The cost of each layer by path, whatever varies taken to be `length` long; an operator's inner layers count as often as they run.

    The types must be full and closed.
    """
    plan = Plan(typing).build()
    found: dict[tuple[str, ...], Cost] = {}
    waiting = [(step, 1) for step in reversed(plan.steps)]
    while waiting:
        step, times = waiting.pop()
        if isinstance(step, Loop):
            waiting += [(inner, times * _size(step.count, length)) for inner in reversed(step.steps)]
        elif isinstance(step, Call):
            folds = plan.folds_of.get(step.outputs[0], ()) if step.outputs else ()
            often = times * math.prod(_size(count, length) for count, _ in folds)
            before, one = found.get(step.path, Cost(0, 0)), _cost(typing, step, length)
            found[step.path] = Cost(before.flops + often * one.flops, before.activations + often * one.activations)
    return found


def _cost(typing: Typing, call: Call, length: int) -> Cost:
    terms, store = typing.terms[call.path], typing.store

    def shape(run: Node) -> tuple[int, ...]:
        return tuple(_axis(store.value(axis), axis, length) for axis in store.axes(run) or ())

    def shapes(ports: dict[str, Term]) -> dict[str, tuple[int, ...]]:
        return {name: shape(term.run) for name, term in ports.items()}

    outputs = shapes(terms.outputs)
    flops = call.layer.flops(shapes(terms.inputs), outputs, {name: shape(run) for name, run in terms.arrays.items()})
    return Cost(flops, BYTES * sum(map(math.prod, outputs.values())))


def _axis(value, axis: Node, length: int) -> int:
    return _size(Length(0, primary(axis)[1]), length) if isinstance(value, Varying) else value


def _size(count: int | Length, length: int) -> int:
    """A size, a varying one for the given length of its variable."""
    if isinstance(count, int):
        return count
    for form in count.steps:
        length = form(length)
    return max(0, length)
