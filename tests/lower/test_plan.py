"""Plans: nested nets and operators as one list of steps, with what they need."""

import pytest

from netgraph import *
from netgraph.errors import NetError
from netgraph.lower.plan import Apply, Call, Fold, Length, Plan, Unfold
from netgraph.spec.layer import LAYERS
from netgraph.spec.typing import infer
from tests.lower.stubs import CoupledStub, NoisyStub, RecurrentStub


def plan(net):
    return Plan(infer(net, full=True, close=True)).build()


def test_nested_nets_are_flat():
    found = plan(NetChain([[3, Ramp], {"x": {"y": 2}}, Tanh], Input=4))
    assert ["/".join(step.path) for step in found.steps] == ["0/0", "0/1", "1/x/y", "2"]
    assert all(isinstance(step, Call) for step in found.steps)
    assert found.arrays == ["0/0/Weights", "0/0/Biases", "1/x/y/Weights", "1/x/y/Biases"]
    assert [step.inputs + step.outputs for step in found.steps] == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_a_graph_runs_in_an_order_of_its_edges():
    found = plan(NetGraph({"late": Tanh, "mid": Ramp, "early": 3}, [("early", "mid", "late")], Input=2))
    assert [step.path for step in found.steps] == [("early",), ("mid",), ("late",)]


def test_operators_fold_into_the_batch():
    kinds = [type(step) for step in plan(NetPairEmbeddingOperator([3, Ramp], Input=2)).steps]
    assert kinds == [Fold, Call, Call, Unfold, Apply]
    kinds = [type(step) for step in plan(NetMapOperator(NetMapOperator(3, Input=(4, 2)), Input=(5, 4, 2))).steps]
    assert kinds == [Fold, Fold, Call, Unfold, Unfold]


def test_noise_inside_folds():
    (need,) = plan(NetMapOperator([3, NoisyStub()], Input=(5, 2))).noise
    assert (need.path, need.shape, need.folds, need.distribution) == ("Net/1/Normal", (3,), (5,), "normal")
    (need,) = plan(NetPairEmbeddingOperator(NetMapOperator(NoisyStub()), Input=(7, 2))).noise
    assert (need.shape, need.folds) == ((2,), (2, 7))
    (need,) = plan(NetMapOperator(NoisyStub(), Input=("Varying", 2))).noise
    assert (need.shape, need.folds) == ((2,), (Length(0, ()),))
    (need,) = plan(NetChain([NoisyStub()], Input=("Varying", 2))).noise
    assert need.shape == (Length(0, ()), 2)


def test_recurrent_states():
    found = plan(NetChain([RecurrentStub(3)], Input=(4, 2)))
    assert [(need.path, need.shape, need.folds) for need in found.recurrent] == [("0/State", (3,), ())]
    found = plan(NetMapOperator(RecurrentStub(3), Input=(6, 4, 2)))
    assert [(need.path, need.shape, need.folds) for need in found.recurrent] == [("Net/State", (3,), (6,))]


def test_lengths_of_varying_axes():
    found = plan(NetChain([SoftmaxLayer(0), Ramp], Input=("Varying", 2)))
    assert found.steps[0].lengths == {"Input": {0: Length(0, ())}} and len(found.variables) == 1
    assert [(name, axis, number) for name, axis, number, _ in found.length_sources] == [("Input", 0, 0)]
    pooled = plan(NetChain([NetMapOperator(3), NetMapOperator(SoftmaxLayer())], Input=("Varying", 2)))
    assert len(pooled.variables) == 1


@pytest.mark.parametrize(
    "build, text",
    [
        (
            lambda: NetMapOperator(CoupledStub(), Input=(4, 2)),
            "Net, CoupledStub(), sees the whole batch and cannot stand inside an operator",
        ),
        (
            lambda: NetPairEmbeddingOperator({"l": 3, "c": CoupledStub()}, Input=2),
            "Net/c, CoupledStub(), sees the whole batch and cannot stand inside an operator",
        ),
    ],
)
def test_a_coupled_layer_cannot_stand_inside_an_operator(build, text):
    with pytest.raises(NetError) as caught:
        plan(build())
    assert str(caught.value) == text


def test_a_coupled_layer_is_noted():
    assert plan(NetChain([3, CoupledStub()], Input=2)).coupled == [("1",)]


def test_a_varying_axis_where_none_is_taken():
    class Refusing(RecurrentStub):
        varying = "refused"

    LAYERS.pop("Refusing", None)
    with pytest.raises(NetError) as caught:
        plan(NetChain([Refusing(3)], Input=("Varying", 2)))
    assert str(caught.value) == (
        "0/Input: Refusing takes no varying axis, the input is real (Varying, 2)\n"
        "  try: NetMapOperator(Refusing(3)) to apply it to each element"
    )
