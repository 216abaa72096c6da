"""How a run's steps are executed: the plan, chosen before the first counted step and never changed within a run.

    execution          "reference"  the pure step as it stands
                       "eager"      autograd, then a fused update in place
                       "traced"     the gradient as one flat graph, rewritten, run operation by operation; the same update
                       "compiled"   the whole step as one graph, compiled
    layout             "contiguous" or "channels-last", of arrays and inputs with four axes
    large_thresholds   the allocator keeps freed memory in the process during the run
    threads            of one operation; None leaves the process's setting

Equal (key, shapes, dtypes, method, threads) get the first plan chosen in the process. A plan is data: it prints, compares, survives JSON.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import torch

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.train.interrupt import leave_to_caller
from netgraph.train.runner import Runner, laid_out, laid_out_batch, signature
from netgraph.train.step import Batch, Step

EXECUTIONS = ("reference", "eager", "traced", "compiled")
LAYOUTS = ("contiguous", "channels-last")

_built: dict[tuple, object] = {}


@dataclass(frozen=True)
class Plan:
    """One way of executing the steps of a run; see the module for its fields.

    `shapes` is the signature of the batches it was made for. What it cost and why it was chosen (`report`) take no part in equality.
    Errors: NetNameError for an unknown execution or layout, NetValueError for threads below 1.

    >>> Plan("eager", layout="channels-last")
    Plan(eager, channels-last)
    >>> Plan.from_json(Plan("compiled", threads=2).to_json()) == Plan("compiled", threads=2)
    True
    """

    execution: str = "eager"
    layout: str = "contiguous"
    large_thresholds: bool = False
    threads: int | None = None
    shapes: tuple = ()
    report: tuple[str, ...] = field(default=(), compare=False)
    measuring_seconds: float = field(default=0.0, compare=False)
    compiling_seconds: float = field(default=0.0, compare=False)

    def __post_init__(self):
        for name, value, known in (("execution", self.execution, EXECUTIONS), ("layout", self.layout, LAYOUTS)):
            if value not in known:
                raise NetNameError(f'Plan: {name} "{value}" is unknown: {did_you_mean(value, known)}')
        if self.threads is not None and (isinstance(self.threads, bool) or not isinstance(self.threads, int) or self.threads < 1):
            raise NetValueError(f"Plan: threads is {self.threads!r}, a number from 1 or None is wanted")

    def __repr__(self):
        words = [self.execution, *([self.layout] if self.layout != "contiguous" else [])]
        words += ["large allocator thresholds"] if self.large_thresholds else []
        words += [f"{self.threads} thread{'s' * (self.threads != 1)}"] if self.threads is not None else []
        return f"Plan({', '.join(words)})"

    def to_json(self) -> str:
        """The plan as strict JSON."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote. Errors: NetValueError for anything else."""
        try:
            data = json.loads(text)
            shapes = tuple((tuple(int(n) for n in shape), str(dtype)) for shape, dtype in data.pop("shapes"))
            return cls(**{**data, "shapes": shapes, "report": tuple(data.get("report", ()))})
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            raise NetValueError(f"this is no plan: {problem}") from None

    def start(
        self,
        step: Step,
        arrays: Sequence[torch.Tensor],
        states: Sequence[torch.Tensor],
        batch: Batch,
        *,
        key=None,
        turns=None,
        together=None,
    ) -> Runner:
        """A runner that owns copies of `arrays` and `states`; `batch` is an example of the planned shapes.

        `key` is the structure's key, under which traced and compiled steps are shared within the process (default: the step itself,
        thus its forward function); `turns` and `together` are
        those of `Runner`. A compiler that is missing or fails leaves the runner uncompiled, with one line more in its
        `plan.report`.
        """
        planned = laid_out_batch(batch, self.layout)
        plan = replace(self, shapes=signature(planned))
        extra = {}
        if plan.execution in ("traced", "compiled") and turns is None:
            plan, extra = _build(plan, step, arrays, states, planned, key)
        return Runner(plan, step, arrays, states, turns=turns, together=together, **extra)


def _build(plan: Plan, step: Step, arrays, states, batch: Batch, key) -> tuple[Plan, dict]:
    """The traced gradient or the compiled step of a plan, from this process's store or made now."""
    threads = plan.threads or torch.get_num_threads()
    where = (key if key is not None else step, _settings(step), plan.execution, plan.layout, plan.shapes, _dtypes(arrays), threads)
    name = "compiled" if plan.execution == "compiled" else "gradients"
    if where not in _built:
        try:
            # imported here: tracing and compiling bring in a second of imports that eager runs need not pay
            from netgraph.train.trace import compile_step, trace_gradients

            mine = [laid_out(a.detach(), plan.layout) for a in arrays]
            if name == "compiled":
                _built[where] = compile_step(step, mine, step.init(mine), tuple(states), batch)
            else:
                _built[where] = trace_gradients(step, mine, tuple(states), batch)
        except KeyboardInterrupt:
            leave_to_caller()
            raise
        except Exception as problem:
            # whatever a compiler of another vendor may raise; the run goes on without it and says so
            first = (str(problem).strip().splitlines() or [""])[0][:160]
            note = f"{plan.execution} step not available, eager instead: {type(problem).__name__}: {first}"
            return replace(plan, execution="eager", report=(*plan.report, note)), {}
    return plan, {name: _built[where], "planned": plan.shapes}


def _settings(step: Step) -> tuple:
    return (step.method, step.trained, step.multipliers, step.coefficients)


def _dtypes(arrays) -> tuple:
    return tuple((tuple(a.shape), str(a.dtype), str(a.device)) for a in arrays)


def parse_plan(value) -> Plan | None:
    """The plan that the option `Plan=` means: None where it is to be chosen, a Plan, "Reference" (never measured), or JSON.

    >>> parse_plan("Reference")
    Plan(reference)
    """
    if value is None or repr(value) == "Automatic":
        return None
    if isinstance(value, Plan):
        return value
    if isinstance(value, str):
        if value.lstrip().startswith("{"):
            return Plan.from_json(value)
        if value.lower() not in EXECUTIONS:
            raise NetNameError(f'Plan "{value}" is unknown: {did_you_mean(value, [e.capitalize() for e in EXECUTIONS])}')
        return Plan(value.lower())
    raise NetTypeError(f"Plan is {value!r}", origins=[("wanted", 'Automatic, "Reference", a Plan, or the JSON of one')])
