"""The steps that a net is lowered to, as a graph and as a picture."""

from netgraph.lower.plan import Apply, Call, Fold, Loop, Plan, Unfold
from netgraph.show.diagram import Box, Line
from netgraph.show.drawing import Drawing, drawn
from netgraph.spec.net import Net
from netgraph.surgery.cut import full


def node_graph(net: Net) -> list[tuple[str, str]]:
    """(step, step) for each value that the lowered net hands on, in the order in which it runs; inputs by name, steps by number.

    >>> from netgraph.nets.chain import NetChain
    >>> node_graph(NetChain([2, "Ramp"], Input=3))
    [('Input', '0: LinearLayer 0'), ('0: LinearLayer 0', '1: ElementwiseLayer 1')]
    """
    plan = Plan(full(net)).build()
    makers = {plan.values[(), "in", name]: name for name in plan.inputs}
    edges: list[tuple[str, str]] = []
    waiting = list(reversed(plan.steps))
    number = 0
    while waiting:
        step = waiting.pop()
        if isinstance(step, Loop):
            makers.update({inside: makers[whole] for whole, inside in step.elements if whole in makers})
            makers.update({state.value: makers[state.start] for state in step.states if state.start in makers})
            waiting += [_Leave(step), *reversed(step.steps)]
            continue
        if isinstance(step, _Leave):
            makers.update({whole: makers[inside] for inside, whole in step.loop.results if inside in makers})
            makers.update({state.last: makers[state.then] for state in step.loop.states if state.then in makers})
            continue
        label = f"{number}: {_label(step)}"
        number += 1
        inputs = (*step.inputs, *step.states.values(), *step.beside.values()) if isinstance(step, Call) else _inputs(step)
        edges += [(makers[value], label) for value in inputs if value in makers]
        outputs = step.outputs if isinstance(step, Call) else (getattr(step, "output", None),)
        makers.update({value: label for value in outputs if value is not None})
    return edges


def node_graph_plot(net: Net) -> Drawing:
    """The same as a picture."""
    edges = node_graph(net)
    root = Box((), "", type(net).__name__, "net")
    names = dict.fromkeys(end for edge in edges for end in edge)
    inputs = set(net.input_ports())
    root.inside = [Box((name,), "", name, "input" if name in inputs else "function") for name in names]
    root.lines = [Line((source,), (target,), "") for source, target in dict.fromkeys(edges)]
    return drawn(net, root, 0, {})


class _Leave:
    """The end of a loop, on the list of what is still to be looked at."""

    def __init__(self, loop: Loop):
        self.loop = loop


def _inputs(step) -> tuple:
    return step.inputs if isinstance(step, Apply) else (step.input,) if hasattr(step, "input") else ()


def _label(step) -> str:
    if isinstance(step, Call):
        return f"{type(step.layer).__name__} {'/'.join(step.path)}".rstrip()
    if isinstance(step, Apply):
        return f"{step.function!r} {'/'.join(step.path)}".rstrip()
    return {Fold: "fold", Unfold: "unfold"}.get(type(step), type(step).__name__.lower())
