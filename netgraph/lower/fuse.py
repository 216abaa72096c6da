"""Cross-entropy on logits: where probabilities come straight from a softmax or a logistic sigmoid, the loss is computed before it.

-log(softmax(x)) loses its gradient when the softmax saturates; log_softmax does not. The loss layer's input is traced back through steps
that only reshape, folds of operators among them, and into loops, to the activation; the probability itself stays readable at its port.
"""

from netgraph.lower.plan import Apply, Call, Finish, Fold, Loop, Plan, Start, Unfold


def fused(plan: Plan, steps: list) -> list:
    """These steps of the plan, each cross-entropy that can be on logits being so."""
    makers, result = _makers(steps), []
    for step in steps:
        owner = step.layer if isinstance(step, Call) else step.function if isinstance(step, Apply) else None
        form = getattr(owner, "logits_of", None)
        if form is not None:
            extra, logits = _logits(plan, step.inputs[0], form, makers)
            if logits is not None:
                result.extend(extra)
                function = "forward_logits" if isinstance(step, Call) else step.function.forward_logits
                step = step._replace(inputs=(logits, *step.inputs[1:]), function=function)
        result.append(step)
    return result


def _makers(steps: list) -> dict:
    """Which step makes each value."""
    makers = {}
    for step in steps:
        if isinstance(step, Loop):
            makers.update(dict.fromkeys((outer for _, outer in step.results), step))
        elif not isinstance(step, (Start, Finish)):
            makers.update(dict.fromkeys(step.outputs if isinstance(step, Call) else (step.output,), step))
    return makers


def _logits(plan: Plan, value: int, form: str, makers):
    """The steps that give the logits behind `value`, and their value; None when it comes from something else."""
    path = []
    while True:
        step = makers.get(value)
        if isinstance(step, Call) and getattr(step.layer, "activation", lambda sizes: None)(step.sizes) == form:
            value = step.inputs[0]
            break
        if isinstance(step, Loop):
            inner = next(inner for inner, outer in step.results if outer == value)
            more, logits = _logits(plan, inner, form, _makers(step.steps))
            if logits is None:
                return [], None
            step.steps.extend(more)
            value = plan.surfaced(logits, step)
            break
        if isinstance(step, (Fold, Unfold)):
            path.append(step)
            value = step.input
        elif isinstance(step, Call) and getattr(step.layer, "keeps_last", lambda sizes: False)(step.sizes):
            path.append(step)
            value = step.inputs[0]
        else:
            return [], None
    extra = []
    for step in reversed(path):
        output = plan.like(value)
        extra.append(
            step._replace(inputs=(value,), outputs=(output,)) if isinstance(step, Call) else step._replace(input=value, output=output)
        )
        value = output
    return extra, value
