"""Choosing a plan: by measuring the uncompiled candidates, and compiling only where that should pay.

What is measured on the user's own batch, in turn, within 5 % of the planned time: eager; with channels-last layout where an array has
four axes; traced, where there is time to trace; then one thread, where the step is short. A candidate must be 3 % faster than the best
before it.

Allocator thresholds are not timed but counted: the page faults of a step times what one costs, against 3 % of the step. (Timing them would
change the allocator for good, since glibc drops its own sliding rule at the first call.)

Whether compiling pays is foretold from the traced graph: the operations left to libraries are timed one by one, the rest of the step is
taken to shrink to three tenths. Measured: spiral 1.7 -> 1.1 ms (libraries 0.98), MLP 1.05 -> 0.83 (0.65). It must save more than twice
what it should cost, or more than it cost last time if its artefacts are on disk. Steps with convolutions gain nothing once traced (LeNet,
channels-last: traced 8.3 ms, compiled 8.7), so they are never compiled unasked.
"""

import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import torch

from netgraph.train.allocator import available
from netgraph.train.plan import Plan, _dtypes, _settings, parse_plan
from netgraph.train.runner import Runner, laid_out, laid_out_batch, signature
from netgraph.train.step import Batch, Step
from netgraph.train.trace import flat_batch

SHARE = 0.05
BETTER = 0.97
CROWDED = 0.4
REST_AFTER_COMPILING = 0.3
LEAST_SAVING = 5.0
SECONDS_A_FAULT = 1e-6
_chosen: dict[tuple, Plan] = {}


def forget_plans() -> None:
    """Forget the plans chosen in this process, so that the next ones are measured anew."""
    _chosen.clear()


def choose_plan(
    step: Step,
    arrays: Sequence[torch.Tensor],
    states: Sequence[torch.Tensor],
    batch: Batch,
    *,
    rate: float = 0.001,
    planned_seconds: float | None = None,
    planned_steps: int | None = None,
    key=None,
    compile: bool | None = None,
    plan=None,
    unrolls: bool = False,
) -> Plan:
    """The plan for a run of `planned_seconds` or `planned_steps`, the shorter.

    `compile` True compiles in any case, False never; `plan` is what the option `Plan=` says and is then only filled in. With `unrolls` a
    graph would have every step of a sequence written out, so none is made unasked. Nothing given is changed: candidates run on copies.
    Nothing measured here counts as training.

    >>> import torch
    >>> from netgraph.train.method import SGD
    >>> from netgraph.train.step import make_step
    >>> step = make_step(lambda inputs, arrays, states, noise, lengths, valid: (((inputs[0] * arrays[0]) ** 2,), ()), SGD(), 1)
    >>> choose_plan(step, [torch.ones(())], [], Batch((torch.ones(4),)), plan="Reference")
    Plan(reference)
    """
    given = parse_plan(plan)
    if given is not None:
        return replace(given, shapes=signature(batch))
    where = (key if key is not None else step, _settings(step), signature(batch), _dtypes(arrays), torch.get_num_threads(), compile)
    if where not in _chosen:
        _chosen[where] = _Choice(step, arrays, states, batch, rate, key, unrolls).choose(planned_seconds, planned_steps, compile)
    return _chosen[where]


class _Choice:
    """One choice: what is being measured, and what was found out so far."""

    def __init__(self, step, arrays, states, batch, rate, key, unrolls):
        self.step, self.arrays, self.states, self.batch, self.rate, self.key = step, arrays, states, batch, rate, key
        self.unrolls = unrolls
        self.report: list[str] = []
        self.faults = 0.0
        self.mark: str | None = None

    def choose(self, seconds, steps, compile) -> Plan:
        started = time.perf_counter()
        if not self.arrays or self.arrays[0].device.type != "cpu" or not self.step.trained:
            return self._ready(Plan("eager"), started, "not measured: the candidates are for training on the CPU")
        plan = Plan("eager", layout="channels-last" if self._images() else "contiguous")
        base = self._runner(plan)
        plan, base, first = self._uncrowded(plan, base, self._first(base))
        planned = min(s for s in (seconds, None if steps is None else steps * first, 1e9) if s is not None)
        budget = SHARE * planned
        if budget < 4 * first:
            plan = self._thresholds(plan, first)
            if compile is not True:
                return self._ready(plan, started, f"not measured: {planned:.3g} s are planned, a step takes about {first * 1e3:.3g} ms")
        else:
            plan, first = self._measure(plan, base, budget, planned, started)
        if self.unrolls:
            self.report.append("neither traced nor compiled: a graph would have every step of a sequence written out")
        if compile is False or (compile is None and (self.unrolls or not self._compiling_pays(plan, first, planned))):
            return self._ready(plan, started)
        return self._compiled(plan, first, started)

    def _uncrowded(self, plan: Plan, base: Runner, first: float) -> tuple[Plan, Runner, float]:
        """The plan on one thread where several get in each other's way: beside other work on the cores, every operation waits for a core.

        Measured: two threads beside one busy process 100 to 230 ms a step of the spiral, one thread 3 ms.
        """
        if torch.get_num_threads() < 2:
            return plan, base, first
        single = replace(plan, threads=1)
        runner = self._runner(single)
        one = self._first(runner)
        if one < CROWDED * first:
            first = min(first, self._first(base))
        if one >= CROWDED * first:
            return plan, base, first
        self.report.append(f"one thread: {one * 1e3:.3g} ms a step against {first * 1e3:.3g}, other work keeps the cores busy")
        return single, runner, one

    def _first(self, base: Runner) -> float:
        """Seconds of a step, about: the best of a few, since the first ones also load code and wake threads."""
        times, start = self._times(base, 3), time.perf_counter()
        while len(times) < 12 and time.perf_counter() - start < 0.3:
            times += self._times(base, 1)
        return min(times[1:])

    def _images(self) -> bool:
        return any(a.dim() == 4 and a.is_floating_point() for a in self.arrays)

    def _runner(self, plan: Plan) -> Runner:
        return plan.start(self.step, self.arrays, self.states, self.batch, key=self.key)

    def _times(self, runner: Runner, count: int) -> list[float]:
        """Seconds of each of `count` steps; the arrays start anew each time, since a rate that diverges would make steps of NaN."""
        out = []
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        with runner:
            for _ in range(count):
                start = time.perf_counter()
                runner.step(self.batch, self.rate)
                out.append(time.perf_counter() - start)
        self.faults = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / count
        return out

    def _measure(self, plan, base, budget, planned, started) -> tuple[Plan, float]:
        """The fastest uncompiled plan and the seconds of its step."""
        runners = {plan: base}
        if self._images():
            other = replace(plan, layout="contiguous")
            runners[other] = self._runner(other)
        tracing = 0.3 if "torch._dynamo" in sys.modules else 1.2
        if tracing < budget and not self.unrolls:
            traced = self._runner(replace(plan, execution="traced"))
            if traced.plan.execution == "traced":
                runners[replace(plan, execution="traced")] = traced
        times = {candidate: [] for candidate in runners}
        faults = {candidate: [] for candidate in runners}
        slowest = max(min(self._times(runner, 3)) for runner in runners.values())
        share = max(1, min(30, int(0.01 / slowest)))
        deadline = max(started + budget, time.perf_counter() + 0.3 * budget)
        for _ in range(12):
            for candidate, runner in runners.items():
                times[candidate] += self._times(runner, share)
                faults[candidate].append(self.faults)
            if time.perf_counter() + share * slowest * len(runners) > deadline:
                break
        middle = {candidate: _low(values) for candidate, values in times.items()}
        best = plan
        for candidate in runners:
            if middle[candidate] < BETTER * middle[best]:
                best = candidate
        self.report.append("measured: " + ", ".join(f"{_words(c)} {middle[c] * 1e3:.3g} ms" for c in runners))
        self.faults = statistics.median(faults[best])
        found = self._thresholds(best, middle[best])
        if plan.threads is None and middle[best] < 0.001 and torch.get_num_threads() > 1 and time.perf_counter() < deadline:
            found = self._one_thread(found, runners[best], middle[best])
        return found, middle[best]

    def _thresholds(self, plan: Plan, seconds: float) -> Plan:
        cost = self.faults * SECONDS_A_FAULT
        if cost < (1 - BETTER) * seconds or not available():
            return plan
        self.report.append(f"allocator thresholds raised during the run: {self.faults:.0f} page faults a step; afterwards 32 and 64 MiB")
        return replace(plan, large_thresholds=True)

    def _one_thread(self, plan: Plan, runner: Runner, seconds: float) -> Plan:
        single = self._runner(replace(plan, threads=1))
        many, one = self._pair(runner, single, 10)
        self.report.append(f"one thread: {one * 1e3:.3g} ms against {many * 1e3:.3g}")
        return replace(plan, threads=1) if one < BETTER * many else plan

    def _pair(self, one: Runner, other: Runner, count: int) -> tuple[float, float]:
        """Seconds of a step of two runners, taken in turn."""
        rounds = [(self._times(one, count), self._times(other, count)) for _ in range(5)]
        return _low([t for first, _ in rounds for t in first]), _low([t for _, second in rounds for t in second])

    def _compiling_pays(self, plan: Plan, seconds: float, planned: float) -> bool:
        """Whether what compiling should save in the planned time is more than twice what it should cost."""
        if planned * (1 - REST_AFTER_COMPILING) < LEAST_SAVING:
            # not even a step without libraries would repay, so the tracer's imports are spared too
            return False
        traced = self._runner(replace(plan, execution="traced"))
        graph = traced.graph
        if graph is None:
            self.report.append(traced.plan.report[-1])
            return False
        # foretelling needs the tracer's imports, which the runner above has brought in
        from netgraph.train.foretell import compile_cost, has_convolutions, library_seconds, mark_of

        if has_convolutions(graph):
            self.report.append("not compiled: convolutions are the libraries' own, compiling was never faster")
            return False
        flat = [
            *(laid_out(a.detach(), plan.layout) for a in self.arrays),
            *self.states,
            *flat_batch(laid_out_batch(self.batch, plan.layout)),
        ]
        # in turn, so that what else the machine does weighs on both alike
        here = self._runner(plan)
        rounds = [(library_seconds(graph, flat), _low(self._times(here, 10))) for _ in range(5)]
        libraries = seconds * min(1.0, min(library for library, _ in rounds) / min(step for _, step in rounds))
        after = libraries + REST_AFTER_COMPILING * (seconds - libraries)
        saving = planned * (seconds - after) / seconds
        self.mark = mark_of(graph, self.step.method)
        cost, known = compile_cost(graph, len(self.step.trained), self.mark)
        pays = saving > (1 if known else 2) * cost
        self.report.append(
            f"{'compiled' if pays else 'not compiled'}: it should save {saving:.3g} s of {planned:.3g} s "
            f"({seconds * 1e3:.3g} -> {after * 1e3:.3g} ms a step) and cost {cost:.3g} s{', as last time' if known else ''}"
        )
        return pays

    def _compiled(self, plan: Plan, seconds: float, started: float) -> Plan:
        """The compiled plan if it compiles and is faster than `plan`, else `plan`."""
        start = time.perf_counter()
        wanted = replace(plan, execution="compiled")
        runner = self._runner(wanted)
        took = time.perf_counter() - start
        if runner.plan.execution != "compiled":
            self.report.append(runner.plan.report[-1])
            return self._ready(plan, started + took, compiling=took)
        if self.mark is not None:
            from netgraph.train.foretell import record_compile

            record_compile(self.mark, took)
        other = self._runner(plan)
        self._times(runner, 3)
        self._times(other, 1)
        count = max(2, min(20, int(0.03 / seconds)))
        new, old = self._pair(runner, other, count)
        self.report.append(f"compiled in {took:.3g} s: {new * 1e3:.3g} ms a step against {old * 1e3:.3g}")
        return self._ready(wanted if new < old else plan, started + took, compiling=took)

    def _ready(self, plan: Plan, started: float, *notes: str, compiling: float = 0.0) -> Plan:
        return replace(
            plan,
            shapes=signature(self.batch),
            report=(*self.report, *notes),
            measuring_seconds=round(time.perf_counter() - started, 3),
            compiling_seconds=round(compiling, 3),
        )


def _low(times: list[float]) -> float:
    """The lower quartile: what a step takes where nothing else wants the processor, without trusting a single lucky one."""
    return sorted(times)[(len(times) - 1) // 4]


def _words(plan: Plan) -> str:
    return repr(plan)[5:-1]
