"""The pure step, its gradients written out as a graph, and the rewrites of that graph."""

import importlib.util
import pathlib
import subprocess
import sys

import pytest
import torch

from netgraph.errors import NetTrainingError, NetValueError
from netgraph.train.method import ADAM, SGD, parse_method
from netgraph.train.step import Batch, make_step
from netgraph.train.trace import trace_gradients, trace_step

_where = importlib.util.spec_from_file_location("lowered_nets", pathlib.Path(__file__).with_name("lowered_nets.py"))
nets = importlib.util.module_from_spec(_where)
_where.loader.exec_module(nets)
NETS = [nets.PAIRS, nets.CONVOLUTIONS, nets.STATES]
YES = torch.tensor(True)


def start(net, method=None, dtype=torch.float64, **options):
    arrays, states = nets.arrays_of(net, dtype)
    step = make_step(net[0], method or ADAM(), len(arrays), **options)
    return step, arrays, states


@pytest.mark.parametrize("net", NETS, ids=["pairs", "convolutions", "states"])
def test_equals_a_loop_by_hand(net):
    step, arrays, states = start(net, SGD(momentum=0.9))
    mine, state, counter, alive, kept = tuple(arrays), step.init(arrays), torch.tensor(0), YES, tuple(states)
    theirs = [torch.nn.Parameter(a.clone()) for a in arrays]
    optimizer = torch.optim.SGD(theirs, lr=0.05, momentum=0.9)
    running = tuple(states)
    for t in range(4):
        batch = nets.batch_of(net, 6, t, torch.float64)
        mine, state, counter, alive, kept, loss, _ = step(mine, state, counter, alive, kept, batch, 0.05)
        optimizer.zero_grad()
        outputs, running = net[0](batch.inputs, tuple(theirs), running, batch.noise, (), None)
        outputs[0].mean().backward()
        optimizer.step()
        torch.testing.assert_close(loss, outputs[0].mean().detach())
    for a, b in zip((*mine, *kept), (*theirs, *running), strict=True):
        torch.testing.assert_close(a, b.detach(), rtol=1e-10, atol=1e-12)
    assert counter.item() == 4
    assert alive.item()


def test_is_pure():
    step, arrays, states = start(nets.STATES)
    before = [a.clone() for a in (*arrays, *states)]
    step(tuple(arrays), step.init(arrays), torch.tensor(0), YES, tuple(states), nets.batch_of(nets.STATES, 6, 0, torch.float64), 0.1)
    assert all(torch.equal(a, b) for a, b in zip((*arrays, *states), before, strict=True))
    assert not any(a.requires_grad for a in arrays)


def test_a_frozen_array_gets_no_gradient_and_keeps_its_bits():
    step, arrays, _ = start(nets.PAIRS, multipliers=[1, 0, 0.5, None])
    assert step.trained == (0, 2, 3)
    assert len(step.init(arrays)) == 6
    _, grads, *_ = step.gradients(arrays, (), nets.batch_of(nets.PAIRS, 6, 0, torch.float64))
    assert len(grads) == 3
    out = step(tuple(arrays), step.init(arrays), torch.tensor(0), YES, (), nets.batch_of(nets.PAIRS, 6, 0, torch.float64), 0.1)
    assert out.arrays[1] is arrays[1]
    assert not torch.equal(out.arrays[0], arrays[0])


def test_a_bad_batch_changes_nothing_and_the_flag_sticks():
    step, arrays, states = start(nets.STATES)
    good, bad = (nets.batch_of(nets.STATES, 6, t, torch.float64) for t in (0, 1))
    bad.inputs[0][2, 1] = float("inf")
    first = step(tuple(arrays), step.init(arrays), torch.tensor(0), YES, tuple(states), good, 0.1)
    second = step(*first[:5], bad, 0.1)
    third = step(*second[:5], good, 0.1)
    assert not second.alive.item()
    assert not torch.isfinite(second.loss)
    for later in (second, third):
        assert later.counter.item() == 1
        for old, new in zip((*first.arrays, *first.state, *first.states), (*later.arrays, *later.state, *later.states), strict=True):
            assert torch.equal(old, new)


def test_gradients_alone_can_be_bad():
    step = make_step(lambda inputs, arrays, *_: ((torch.sqrt(arrays[0]).expand(2),), ()), SGD(), 1)
    out = step((torch.zeros(()),), step.init([torch.zeros(())]), torch.tensor(0), YES, (), Batch((torch.zeros(2),)), 0.1)
    assert out.loss.item() == 0
    assert not out.alive.item()


def test_wrong_numbers_of_multipliers():
    with pytest.raises(NetValueError, match="there are 2 learning rate multipliers for 3 arrays"):
        make_step(nets.STATES[0], SGD(), 3, multipliers=[1, 2])


def test_a_loss_without_arrays():
    step = make_step(lambda inputs, arrays, *_: ((inputs[0],), ()), SGD(), 1)
    with pytest.raises(NetTrainingError, match="does not depend on any array"):
        step.gradients([torch.ones(1)], (), Batch((torch.ones(2),)))


@pytest.mark.parametrize("net", NETS, ids=["pairs", "convolutions", "states"])
def test_the_traced_gradient_is_the_gradient(net):
    step, arrays, states = start(net)
    example = nets.batch_of(net, 80, 0, torch.float64)
    traced = trace_gradients(step, arrays, tuple(states), example)
    batch = nets.batch_of(net, 80, 1, torch.float64)
    loss, grads, new, _ = step.gradients(arrays, tuple(states), batch)
    its_loss, its_grads, its_new, _ = traced(arrays, tuple(states), batch)
    for mine, theirs in zip((its_loss, *its_grads, *its_new), (loss, *grads, *new), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)


def test_pooling_comes_before_relu_and_keeps_every_bit():
    step, arrays, _ = start(nets.CONVOLUTIONS, dtype=torch.float32)
    batch = nets.batch_of(nets.CONVOLUTIONS, 9, 3)
    # whole numbers, so that many entries of a window tie
    batch = Batch((batch.inputs[0].round(), batch.inputs[1]))
    arrays = [a.mul(2).round() for a in arrays]
    traced = trace_gradients(step, arrays, (), batch)
    order = [str(n.target).split(".")[1] for n in traced.graph.graph.nodes if n.op == "call_function" and "aten" in str(n.target)]
    assert order.index("max_pool2d_with_indices") < order.index("relu")
    for mine, theirs in zip(traced(arrays, (), batch)[1], step.gradients(arrays, (), batch)[1], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("net", NETS, ids=["pairs", "convolutions", "states"])
@pytest.mark.parametrize(
    "method", ["ADAM", ("RMSProp", {"Momentum": 0.5, "GradientNormClipping": 1.0, "WeightClipping": 0.9})], ids=["adam", "rmsprop"]
)
def test_the_traced_step_is_the_step(net, method):
    step, arrays, states = start(net, parse_method(method))
    example = nets.batch_of(net, 80, 0, torch.float64)
    graph, _ = trace_step(step, arrays, step.init(arrays), tuple(states), example)
    mine = [a.clone() for a in (*arrays, *step.init(arrays), *states)]
    counter, alive = torch.tensor(0), torch.tensor(True)
    rate, corrected = torch.tensor(0.01, dtype=torch.float64), torch.tensor(0.01 * step.method.correction(1), dtype=torch.float64)
    batch = nets.batch_of(net, 80, 1, torch.float64)
    with torch.no_grad():
        (loss,) = graph(*mine, counter, alive, rate, corrected, *batch.inputs, *batch.noise)
    out = step(tuple(arrays), step.init(arrays), torch.tensor(0), YES, tuple(states), batch, 0.01)
    for a, b in zip((loss, *mine), (out.loss, *out.arrays, *out.state, *out.states), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
    assert counter.item() == 1


def test_importing_training_brings_in_no_compiler():
    code = (
        "import sys, netgraph.train.choose, netgraph.train.foretell; print(*(f'torch._{m}' in sys.modules for m in ('dynamo', 'inductor')))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
