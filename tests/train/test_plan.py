"""Plans: what they are, how they are chosen, and that runs of one plan give the same bits. No time is asserted anywhere."""

import importlib.util
import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import pytest
import torch

from netgraph.errors import NetNameError, NetTrainingError, NetTypeError, NetValueError
from netgraph.train import plan as plan_module
from netgraph.train.allocator import large_thresholds
from netgraph.train.choose import choose_plan, forget_plans
from netgraph.train.method import parse_method
from netgraph.train.plan import Plan, parse_plan
from netgraph.train.step import Batch, make_step

_where = importlib.util.spec_from_file_location("lowered_nets", pathlib.Path(__file__).with_name("lowered_nets.py"))
nets = importlib.util.module_from_spec(_where)
_where.loader.exec_module(nets)

PLANS = [
    Plan("reference"),
    Plan("eager"),
    Plan("traced"),
    Plan("eager", layout="channels-last", large_thresholds=True),
    Plan("traced", layout="channels-last", threads=1),
    pytest.param(Plan("compiled"), marks=pytest.mark.slow),
    pytest.param(Plan("compiled", layout="channels-last"), marks=pytest.mark.slow),
]
NETS = [nets.PAIRS, nets.CONVOLUTIONS, nets.STATES]
IDS = ["pairs", "convolutions", "states"]


@pytest.fixture(autouse=True)
def no_plans_kept():
    forget_plans()
    yield
    forget_plans()


def begun(net, plan, method="ADAM", **options):
    arrays, states = nets.arrays_of(net)
    step = make_step(net[0], parse_method(method), len(arrays), **options)
    return plan.start(step, arrays, states, nets.batch_of(net, 10, 0))


def batches(net, count):
    """Batches of ten, every fourth a short last one."""
    return [nets.batch_of(net, 3 if t % 4 == 3 else 10, t) for t in range(count)]


def everything(runner):
    return [*runner.arrays(), *runner.optimizer_state(), *runner.states()]


@pytest.mark.parametrize("net", NETS, ids=IDS)
@pytest.mark.parametrize("plan", PLANS, ids=repr)
def test_resuming_gives_the_same_bits(net, plan):
    work = batches(net, 10)
    with begun(net, plan) as whole:
        losses = [whole.step(b, 0.01).clone() for b in work]
    with begun(net, plan) as first:
        again = [first.step(b, 0.01).clone() for b in work[:5]]
    with begun(net, plan) as second:
        second.load(arrays=first.arrays(), optimizer_state=first.optimizer_state(), states=first.states(), count=first.count)
        again += [second.step(b, 0.01).clone() for b in work[5:]]
    assert whole.plan.report == ()
    assert whole.plan == first.plan
    assert torch.equal(torch.stack(losses), torch.stack(again))
    assert all(torch.equal(a, b) for a, b in zip(everything(whole), everything(second), strict=True))
    assert second.count == whole.count == 10


@pytest.mark.parametrize("method", ["ADAM", ("SGD", {"WeightClipping": 0.6}), "RMSProp", ("AdamW", {"GradientClipping": 0.01})], ids=str)
@pytest.mark.parametrize("net", NETS, ids=IDS)
@pytest.mark.parametrize("plan", PLANS[1:5], ids=repr)
def test_every_plan_computes_the_step(net, plan, method):
    work = batches(net, 6)
    factors = [1.0, 0.0, *([0.5] * (len(net[1]) - 2))]
    with begun(net, Plan("reference"), method, multipliers=factors) as reference, begun(net, plan, method, multipliers=factors) as runner:
        for batch in work:
            torch.testing.assert_close(runner.step(batch, 0.01), reference.step(batch, 0.01), rtol=1e-4, atol=1e-5)
    for a, b in zip(runner.arrays(), reference.arrays(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
        assert a.is_contiguous()
    assert torch.equal(runner.arrays()[1], nets.arrays_of(net)[0][1])


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS, ids=IDS)
def test_the_compiled_plan_computes_the_step(net):
    with begun(net, Plan("reference")) as reference, begun(net, Plan("compiled")) as runner:
        for batch in batches(net, 6):
            torch.testing.assert_close(runner.step(batch, 0.01), reference.step(batch, 0.01), rtol=1e-4, atol=1e-5)
    assert runner.plan.execution == "compiled"
    for a, b in zip(everything(runner), everything(reference), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("plan", PLANS, ids=repr)
def test_a_bad_batch_stops_the_updates_and_is_named(plan):
    work = batches(nets.STATES, 60)
    work[12].inputs[0][0, 0] = float("nan")
    with begun(nets.STATES, plan) as runner, begun(nets.STATES, plan) as good:
        for batch in work[:12]:
            good.step(batch, 0.01)
        for number, batch in enumerate(work, 1):
            runner.step(batch, 0.01)
            assert (runner.failed_at is None) == (number < 50)
    assert runner.failed_at == 13
    assert not runner.check()
    assert good.check()
    assert all(torch.equal(a, b) for a, b in zip(everything(runner), everything(good), strict=True))
    with pytest.raises(NetTrainingError, match="failed at update 13"):
        runner.load(count=0)


def test_the_run_owns_its_buffers():
    arrays, _ = nets.arrays_of(nets.PAIRS)
    before = [a.clone() for a in arrays]
    runner = Plan("eager").start(make_step(nets.PAIRS[0], parse_method(), 4), arrays, [], nets.batch_of(nets.PAIRS, 10, 0))
    first, loss = runner.arrays(), runner.step(nets.batch_of(nets.PAIRS, 10, 1), 0.1)
    kept = loss.clone()
    runner.step(nets.batch_of(nets.PAIRS, 10, 2), 0.1)
    assert all(torch.equal(a, b) for a, b in zip(arrays, before, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, before, strict=True))
    assert torch.equal(loss, kept)


def test_threads_are_given_back():
    before = torch.get_num_threads()
    runner = begun(nets.PAIRS, Plan("eager", threads=1))
    with runner:
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    with large_thresholds(), large_thresholds():
        torch.randn(100_000)


def test_shapes_that_do_not_fit():
    with pytest.raises(NetValueError, match="arrays: the shapes to load do not fit this run"):
        begun(nets.PAIRS, Plan("eager")).load(arrays=[torch.zeros(1)])


def choose(net, **options):
    arrays, states = nets.arrays_of(net)
    step = make_step(net[0], parse_method(), len(arrays))
    return choose_plan(step, arrays, states, nets.batch_of(net, 10, 0), **options)


@pytest.mark.parametrize("net", NETS, ids=IDS)
def test_choosing_measures_and_reports(net):
    arrays, states = nets.arrays_of(net)
    before = [a.clone() for a in (*arrays, *states)]
    chosen = choose(net, planned_seconds=80, compile=False)
    assert chosen.execution in ("eager", "traced")
    assert sum(line.startswith("measured: ") for line in chosen.report) == 1
    assert chosen.shapes[0][0][0] == 10
    assert chosen.compiling_seconds == 0
    assert all(torch.equal(a, b) for a, b in zip((*arrays, *states), before, strict=True))


def test_a_recurrence_is_never_written_out_unasked():
    chosen = choose(nets.PAIRS, planned_seconds=80, unrolls=True)
    assert chosen.execution == "eager" and not any("traced 0" in line or "it should save" in line for line in chosen.report)
    assert "neither traced nor compiled: a graph would have every step of a sequence written out" in chosen.report


@pytest.mark.parametrize(("single", "threads"), [(0.003, 1), (0.009, None)])
def test_one_thread_is_taken_where_several_get_in_each_others_way(monkeypatch, single, threads):
    monkeypatch.setattr("netgraph.train.choose._Choice._first", lambda self, runner: single if runner.plan.threads == 1 else 0.01)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    chosen = choose(nets.PAIRS, planned_steps=3)
    assert chosen.threads == threads
    assert any(line == "one thread: 3 ms a step against 10, other work keeps the cores busy" for line in chosen.report) is (threads == 1)


def test_short_runs_are_not_measured():
    chosen = choose(nets.CONVOLUTIONS, planned_steps=20)
    assert chosen.execution == "eager"
    assert chosen.layout == "channels-last"
    assert chosen.report[-1].startswith("not measured: ")


def test_equal_nets_get_the_first_plan(monkeypatch):
    first = choose(nets.PAIRS, planned_steps=20, key="structure")
    monkeypatch.setattr("netgraph.train.choose._Choice", None)
    assert choose(nets.PAIRS, planned_seconds=100, key="structure") is first


@pytest.mark.slow
def test_compiling_on_demand(monkeypatch):
    monkeypatch.setattr(plan_module, "_built", {})
    chosen = choose(nets.PAIRS, planned_steps=20, compile=True)
    assert chosen.compiling_seconds > 0
    assert any(line.startswith("compiled in ") for line in chosen.report)


def test_no_compiler_is_one_line_in_the_report(monkeypatch):
    import netgraph.train.trace

    def broken(*args):
        raise RuntimeError("no compiler found\nand more")

    monkeypatch.setattr(netgraph.train.trace, "compile_step", broken)
    monkeypatch.setattr(plan_module, "_built", {})
    runner = begun(nets.PAIRS, Plan("compiled"))
    assert runner.plan.execution == "eager"
    assert runner.plan.report == ("compiled step not available, eager instead: RuntimeError: no compiler found",)
    assert choose(nets.PAIRS, planned_steps=20, compile=True).execution == "eager"


def test_a_step_that_cannot_be_traced_runs_eagerly():
    def forward(inputs, arrays, states, noise, lengths, valid):
        scale = 2.0 if inputs[0].sum().item() > 0 else 1.0
        return (((inputs[0] * arrays[0]) * scale,), ())

    step = make_step(forward, parse_method(), 1)
    runner = Plan("traced").start(step, [torch.ones(())], [], Batch((torch.ones(4),)))
    assert runner.plan.execution == "eager"
    assert runner.plan.report[0].startswith("traced step not available, eager instead: ")


def test_plans_are_data():
    plan = Plan("traced", "channels-last", True, 2, (((10, 2), "float32"),), ("why",), 0.5, 0.0)
    assert repr(plan) == "Plan(traced, channels-last, large allocator thresholds, 2 threads)"
    assert Plan.from_json(plan.to_json()) == plan
    assert Plan.from_json(plan.to_json()).report == ("why",)
    assert parse_plan(plan.to_json()) == plan
    assert parse_plan("Reference") == Plan("reference")
    assert parse_plan(None) is None
    assert isinstance(hash(plan), int)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: Plan("compild"), NetNameError, 'Plan: execution "compild" is unknown: did you mean "compiled"?'),
        (lambda: Plan(threads=0), NetValueError, "Plan: threads is 0, a number from 1 or None is wanted"),
        (lambda: parse_plan("Referenc"), NetNameError, 'Plan "Referenc" is unknown: did you mean "Reference"?'),
        (lambda: parse_plan(3), NetTypeError, 'Plan is 3\n  wanted: Automatic, "Reference", a Plan, or the JSON of one'),
        (lambda: Plan.from_json("{}"), NetValueError, "this is no plan: 'shapes'"),
    ],
)
def test_wrong_plans(make, kind, message):
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.5, 2.0, 3.5])
def test_leaving_while_compiling_is_quiet(tmp_path, wait):
    """A first Ctrl-C inside the compiler reaches the caller as KeyboardInterrupt, and the process ends without another word."""
    code = textwrap.dedent(f"""
        import runpy, signal, sys, torch
        nets = runpy.run_path({str(pathlib.Path(__file__).with_name("lowered_nets.py"))!r})
        from netgraph.train.method import parse_method
        from netgraph.train.plan import Plan
        from netgraph.train.step import make_step
        net = nets["PAIRS"]
        arrays, states = nets["arrays_of"](net)
        print("compiling", flush=True)
        try:
            Plan("compiled").start(make_step(net[0], parse_method(), 4), arrays, states, nets["batch_of"](net, 10, 0))
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is compiled: an interrupt that comes too late is none
        except KeyboardInterrupt:
            print("stopped")
        else:
            print("done")
    """)
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    assert process.stdout.readline() == "compiling\n"
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert out in ("stopped\n", "done\n")
    assert err == ""
    assert process.returncode == 0
