"""What a run is made of, from the data to the plan: everything before the first counted step."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch

from netgraph.errors import NetTypeError
from netgraph.spec.net import Net
from netgraph.train.average import Average
from netgraph.train.choose import choose_plan
from netgraph.train.feed import Feed
from netgraph.train.fitting import fitted
from netgraph.train.hard_negatives import mining_of
from netgraph.train.memory import is_out_of_memory
from netgraph.train.method import TorchMethod
from netgraph.train.options import Options
from netgraph.train.parts import Parts
from netgraph.train.plan import Plan, parse_plan
from netgraph.train.prepare import Prepared, prepare
from netgraph.train.probe import find_batch_size, find_rate
from netgraph.train.runner import Runner
from netgraph.train.schedule import Constant
from netgraph.train.step import Batch, Step, make_step
from netgraph.train.trace import batch_of_shapes
from netgraph.train.turns import Turns
from netgraph.train.two_pass import two_pass
from netgraph.train.update_schedule import parse_turns
from netgraph.train.validate import Validation


class Session(NamedTuple):
    """The pieces of a run. `rate` is the base learning rate, `total` what a schedule counts on, `curve` that of a found rate."""

    net: Net
    options: Options
    prepared: Prepared
    feed: Feed
    validation: Validation | None
    step: Step
    turns: Turns | None
    plan: Plan
    runner: Runner
    average: Average | None
    rate: float
    total: int | None
    curve: list[tuple[float, float]] | None

    @property
    def per_round(self) -> int | None:
        """How many updates a round has, or None where only its end tells."""
        batches = self.feed.per_round
        return None if batches is None else -(-batches // self.options.accumulation)

    def current(self) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
        """Copies of the arrays and running statistics that count: averaged ones where there is an EMA."""
        arrays = list(self.runner.arrays())
        if self.average is not None and self.runner.count:
            for place, mean in zip(self.step.trained, self.average.arrays, strict=True):
                arrays[place] = mean.detach().clone(memory_format=torch.contiguous_format)
        return tuple(arrays), self.runner.states()

    def named(self) -> dict[str, torch.Tensor]:
        """The arrays and running statistics that count, by key of the training net."""
        lowered, (arrays, states) = self.prepared.forward, self.current()
        return dict(zip((*lowered.arrays, *lowered.states), (*arrays, *states), strict=True))

    def whole(self, arrays, states) -> Net:
        """The training net with these arrays and states."""
        lowered, net = self.prepared.forward, self.prepared.net
        tensors = dict(zip((*lowered.arrays, *lowered.states), (*arrays, *states), strict=True))
        return net.replaced(arrays={name: tensors[name].cpu() if name in tensors else t for name, t in net.tensors.items()})

    def net_now(self) -> Net:
        """The user's net as trained so far."""
        return self.trained(self.whole(*self.current()))

    def trained(self, whole: Net) -> Net:
        """The user's net out of the training net; sizes that only the data told stay on it."""
        return self.prepared.trained(self.net, whole)


def begin(net: Net, data, options: Options, report: list[str], resumed: Mapping[str, Any] | None = None) -> Session:
    """Make everything that a run needs; `resumed` holds the "Plan", "Total", "Rate" and "BatchSize" of a run that is gone on with.

    What was measured on the way is told in `report`.
    """
    if resumed is not None:
        size = options.batch_size if isinstance(options.batch_size, int) else resumed["BatchSize"]
        options = replace(options, batch_size=size, rate=resumed["Rate"] if options.rate is None else options.rate)
    if not isinstance(net, Net):
        raise NetTypeError(f"net_train wants a net, got {net!r}")
    net = fitted(net, data)
    prepared = prepare(net, data, options)
    lowered = prepared.forward
    around = int(prepared.training.attached)
    tensors = prepared.net.tensors
    arrays, states = ([tensors[name].to(options.device, options.dtype) for name in names] for names in (lowered.arrays, lowered.states))
    step, turns = _step(prepared, options)
    mining = mining_of(net, prepared, options)
    feed_of = partial(
        Feed, prepared.data, lowered, prepared.columns, seed=options.seed, dtype=options.dtype, device=options.device, around=around,
        mining=mining, training=True,
    )  # fmt: skip
    key = (prepared.net.structure, prepared.objective)
    if options.batch_size == "Largest":
        prepared = find_batch_size(
            prepared, options, feed_of, lambda batch: Plan("eager").start(step, arrays, states, batch, key=key), report
        )
    feed = feed_of(prepared.batch_size)
    rate: float = options.rate or 0.0
    curve = None
    if resumed is not None:
        plan = Plan.from_json(resumed["Plan"])
        plan = plan if options.plan is None else replace(parse_plan(options.plan) or plan, shapes=plan.shapes)
        example = batch_of_shapes(plan.shapes, lowered, len(prepared.columns), options.device)
    else:
        example = feed.peek().batch
        if options.rate is None:
            runner = Plan("eager").start(step, arrays, states, example, key=key, turns=turns)
            rate, curve = find_rate(runner, feed_of(prepared.batch_size), feed.peek(), report)
        planned = None if options.rounds is None or feed.per_round is None else options.rounds * feed.per_round
        plan = _chosen(
            options, turns, report,
            partial(choose_plan, step, arrays, states, example, rate=rate, planned_seconds=options.seconds, planned_steps=planned, key=key,
                    unrolls=lowered.unrolls),
        )  # fmt: skip
        report += plan.report
    start = partial(plan.start, step, arrays, states, example, key=key, turns=turns)
    runner = start(together=two_pass(prepared).gradients if lowered.coupled and options.accumulation > 1 else None)
    if runner.plan.report != plan.report:
        report += runner.plan.report[len(plan.report) :]
    total = resumed["Total"] if resumed is not None else _total(options, feed, lambda: _step_seconds(start(), example, rate))
    session = Session(
        net, options, prepared, feed, None if prepared.validation is None else Validation(prepared, options), step, turns, plan, runner,
        None if options.average is None else Average(runner.trained, options.average), rate, total, curve,
    )  # fmt: skip
    if mining is not None:
        mining.now = session.net_now
    return session


def _step(prepared: Prepared, options: Options) -> tuple[Step, Turns | None]:
    lowered, method = prepared.forward, options.method
    parts = Parts(prepared.net, prepared.beneath)
    coefficients = method.coefficients(lowered.arrays, lambda left, key: key in parts.covered(left, f'Method "{method.spelt}"'))
    forward = prepared.objective.of(lowered)
    step = make_step(forward, method, len(lowered.arrays), multipliers=prepared.multipliers, coefficients=coefficients)
    trained = [lowered.arrays[place] for place in step.trained]
    own = [key for key in trained if prepared.beneath is not None and not key.startswith("net/") and key in parts.places]
    of_the_losses = [key for key in own if not any(place[0] == "net" for place in parts.places[key])]
    return step, parse_turns(options.updates, parts, trained, of_the_losses)


def _chosen(options: Options, turns: Turns | None, report: list[str], choose: Callable[..., Plan]) -> Plan:
    """The plan of a new run; where memory does not even suffice to measure, the plain one, so that the loop meets and tells it."""
    try:
        plan = choose(compile=_compiling(options, turns, report), plan=options.plan)
    except Exception as problem:
        if not is_out_of_memory(problem):
            raise
        return Plan("eager", report=("not measured: memory ran out",))
    return plan if turns is None or plan.execution != "traced" else replace(plan, execution="eager")


def _compiling(options: Options, turns: Turns | None, report: list[str]) -> bool | None:
    """Whether the whole step may be compiled: not where an update is more than one step, or is made by torch.optim."""
    reasons = {
        "the arrays take turns": turns is not None,
        "updates are made of several batches": options.accumulation > 1,
        "a class of torch.optim makes the updates": isinstance(options.method, TorchMethod),
    }
    reason = next((words for words, holds in reasons.items() if holds), None)
    if reason is None:
        return options.compile
    if options.compile:
        report.append(f"not compiled: {reason}")
    return False


def _total(options: Options, feed: Feed, measured) -> int | None:
    """How many updates a schedule counts on: those of the rounds, or as many as the time goal should hold, whichever is less.

    `measured` gives the seconds of a step; it is asked only by a schedule that needs a total.
    """
    if isinstance(options.method.schedule, Constant):
        return None
    totals = [] if options.rounds is None or feed.per_round is None else [options.rounds * -(-feed.per_round // options.accumulation)]
    if options.seconds is not None:
        totals.append(max(1, int(options.seconds / (measured() * options.accumulation))))
    return min(totals) if totals else None


def _step_seconds(runner: Runner, batch: Batch, rate: float) -> float:
    """The seconds of one step, measured on a runner that is thrown away."""
    with runner:
        times = []
        for _ in range(8):
            started = time.perf_counter()
            runner.step(batch, rate).item()
            times.append(time.perf_counter() - started)
    return statistics.median(times[2:])
