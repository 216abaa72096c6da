"""Cross-entropy on logits: where probabilities come straight from a softmax or a logistic sigmoid, the loss is computed before it.

-log(softmax(x)) loses its gradient when the softmax saturates; log_softmax does not. The loss layer's input is traced back through steps
that only reshape, folds of operators among them, to the activation; the probability itself stays readable at its port.
"""

from netgraph.lower.plan import Call, Fold, Plan, Unfold


def fused(plan: Plan) -> list:
    """The steps of the plan, each cross-entropy that can be on logits being so."""
    steps = list(plan.steps)
    makers = {output: step for step in steps for output in (step.outputs if isinstance(step, Call) else (step.output,))}
    result = []
    for step in steps:
        form = getattr(step.layer, "logits_of", None) if isinstance(step, Call) else None
        if form is not None:
            extra, logits = _logits(plan, step.inputs[0], form, makers)
            if logits is not None:
                result.extend(extra)
                step = step._replace(inputs=(logits, *step.inputs[1:]), function="forward_logits")
        result.append(step)
    return result


def _logits(plan: Plan, value: int, form: str, makers):
    """The steps that give the logits behind `value`, and their value; None when it comes from something else."""
    path = []
    while True:
        step = makers.get(value)
        if isinstance(step, Call) and getattr(step.layer, "activation", lambda sizes: None)(step.sizes) == form:
            break
        if isinstance(step, (Fold, Unfold)):
            path.append(step)
            value = step.input
        elif isinstance(step, Call) and getattr(step.layer, "keeps_last", lambda sizes: False)(step.sizes):
            path.append(step)
            value = step.inputs[0]
        else:
            return [], None
    value = step.inputs[0]
    extra = []
    for step in reversed(path):
        output = plan.new()
        extra.append(
            step._replace(inputs=(value,), outputs=(output,)) if isinstance(step, Call) else step._replace(input=value, output=output)
        )
        value = output
    return extra, value
