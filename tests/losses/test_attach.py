"""Losses attached to nets: the training graph, and what the data's names mean."""

import numpy as np
import pytest

from netgraph import *
from netgraph.losses.attach import attach
from netgraph.losses.choose import chosen_loss, feeder

NET = NetChain([3, SoftmaxLayer()], Input=2)
TWO = NetGraph({"a": [3, SoftmaxLayer()], "b": [LinearLayer(()), LogisticSigmoid]}, ["x -> a -> y1", "x -> b -> y2"], x=2)


FOLDED = NetGraph(
    {"add": Plus, "t": Tanh, "s": SoftmaxLayer()},
    [((NetPort("Input"), NetPort("State")), "add"), "add -> t", "t -> s", ("t", NetPort("h")), ("s", NetPort("p"))],
)


def test_one_loss_takes_the_target_under_two_names():
    training = attach(NET)
    assert set(training.net.children) == {"net", "loss"}
    assert training.net.input_names == ("Input", "Target") and training.net.output_names == ("Loss",)
    assert dict(training.names) == {"Input": "Input", "Target": "Target", "Output": "Target"}
    assert training.losses == (("Loss", 1.0),) and training.attached


def test_several_losses_take_targets_by_the_names_of_the_outputs():
    training = attach(TWO)
    assert [repr(training.net.children[name]) for name in ("loss1", "loss2")] == [
        'CrossEntropyLossLayer("Index")',
        'CrossEntropyLossLayer("Binary")',
    ]
    assert dict(training.names) == {"x": "x", "y1": "y1Target", "y2": "y2Target"}
    assert training.losses == (("Loss1", 1.0), ("Loss2", 1.0))


def test_only_the_outputs_named_are_trained():
    training = attach(TWO, [("y2", MeanAbsoluteLossLayer(), Scaled(0.5))])
    assert training.net.output_names == ("Loss",) and training.losses == (("Loss", 0.5),)
    assert dict(training.names) == {"x": "x", "Target": "Target", "y2": "Target"}


def test_an_output_may_be_a_loss_itself():
    net = NetGraph({"n": LinearLayer(()), "l": MeanSquaredLossLayer()}, [("n", NetPort("l", "Input"))], Input=2)
    for loss in (Automatic, "Loss", ["Loss"], ("Loss", Scaled(2))):
        training = attach(net, loss)
        assert training.net is net and not training.attached
    assert attach(net, ("Loss", Scaled(2))).losses == (("Loss", 2.0),)


def test_a_loss_may_have_more_inputs_which_are_columns_of_the_data():
    weighted = NetGraph(
        {"loss": MeanSquaredLossLayer(), "times": Times},
        [
            (NetPort("Input"), NetPort("loss", "Input")),
            (NetPort("Target"), NetPort("loss", "Target")),
            (("loss", NetPort("Weight")), "times", NetPort("Loss")),
        ],
    )
    training = attach(NetChain([LinearLayer(())], Input=2), weighted)
    assert dict(training.names) == {"Input": "Input", "Target": "Target", "Output": "Target", "Weight": "Weight"}


def test_inputs_named_like_the_parts_of_the_graph_are_told_apart():
    net = NetGraph({"f": LinearLayer(())}, [(NetPort("net"), "f", NetPort("loss"))])
    training = attach(net)
    assert training.names["net"] in training.net.input_names


@pytest.mark.parametrize(
    ("net", "port", "layer"),
    [
        (NET, "Output", SoftmaxLayer()),
        (NetFoldOperator(FOLDED, [("h", "State")], [], ["p"]), "p", SoftmaxLayer()),
        (NetChain([NET, [], ReshapeLayer((1, 3)), FlattenLayer()]), "Output", SoftmaxLayer()),
        (NetMapOperator(NET), "Output", SoftmaxLayer()),
        (NetChain([[ReshapeLayer((4,))], FlattenLayer()]), "Output", None),
        (TWO, "y2", ElementwiseLayer(LogisticSigmoid)),
        (NetChain([]), "Output", None),
    ],
)
def test_the_layer_that_feeds_an_output_is_found_through_nesting_and_reshaping(net, port, layer):
    assert feeder(net, port) == layer


def test_the_choice_looks_at_the_target():
    from netgraph.types.port_type import parse_type

    assert repr(chosen_loss(NET, "Output", parse_type(3, "t"))) == 'CrossEntropyLossLayer("Probabilities")'
    assert repr(chosen_loss(NET, "Output", parse_type((), "t"))) == 'CrossEntropyLossLayer("Index")'
    assert chosen_loss(NetPairEmbeddingOperator(NET), "Output", None) == ContrastiveLossLayer()
    assert chosen_loss(NetChain([]), "Output", None) == MeanSquaredLossLayer()


def test_losses_on_one_output_share_its_target():
    embed = NetChain([3], Input=2)
    training = attach(embed, [("Output", SupConLossLayer(Weighted=True)), ("Output", NTXentLossLayer(Weighted=True), Scaled(0.5))])
    assert training.net.input_names == ("Input", "Target", "Weight")
    assert dict(training.names) == {"Input": "Input", "Target": "Target", "Output": "Target", "Weight": "Weight"}
    both = attach(TWO, [("y1", MeanSquaredLossLayer()), ("y1", MeanAbsoluteLossLayer()), ("y2", MeanSquaredLossLayer())])
    assert dict(both.names) == {"x": "x", "y1": "y1Target", "y2": "y2Target"}


DEEP = net_initialize(NetChain({"body": [4, Tanh], "head": [LinearLayer(()), LogisticSigmoid]}, Input=2))


def test_a_loss_on_an_inner_port():
    terms = [(NetPort("body", 1, "Output"), MeanSquaredLossLayer(), Scaled(0.1)), ("Output", Automatic)]
    training = attach(DEEP, terms)
    assert dict(training.names) == {"Input": "Input", "body/1/Output": "body_1_OutputTarget", "Output": "OutputTarget"}
    assert training.losses == (("Loss1", 0.1), ("Loss2", 1.0))
    data = {"Input": [[1.0, 2.0], [0.0, 1.0]], "body/1/Output": [[0.0] * 4] * 2, "Output": [1, 0]}
    result = net_train(DEEP, data, All, LossFunction=terms, MaxTrainingRounds=1, TrainingProgressReporting=None, Plan="Reference")
    inner, outer = DEEP(data["Input"], NetPort("body", "Output")), DEEP(data["Input"])
    wanted = 0.1 * (inner**2).mean() - (np.log(outer[0]) + np.log(1 - outer[1])) / 2
    assert result.round_loss == pytest.approx(wanted, rel=1e-5)
    assert type(result.trained_net) is NetChain and set(result.trained_net.arrays) == set(DEEP.arrays)


@pytest.mark.parametrize(
    "place", ["body/1/Output", NetPort("body", "Output"), NetPort("body", 1), NetPort(["body", 1, "Output"]), NetPort("body")]
)
def test_the_ways_to_name_an_inner_port(place):
    assert dict(attach(DEEP, (place, MeanSquaredLossLayer())).names)["Target"] == "Target"


def test_the_loss_of_an_inner_port_is_chosen_and_an_inner_port_may_be_a_loss():
    training = attach(DEEP, ("head/Output", Automatic))
    assert repr(training.net.children["loss"]) == 'CrossEntropyLossLayer("Binary")'
    net = NetGraph({"n": LinearLayer(()), "l": MeanSquaredLossLayer(), "r": Ramp}, [("n", NetPort("l", "Input")), ("n", "r")], Input=2)
    inner = attach(NetGraph({"a": net}, [(NetPort("a", "Loss"), None)]), "a/Loss")
    assert inner.attached and inner.losses == (("Loss", 1.0),)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (
            "bodi/1",
            'LossFunction: NetChain({"body": NetChain[2], "head": NetChain[2]}, Inpu... has no layer or output port \'bodi\', '
            'did you mean "body"?',
        ),
        (NetPort("body", "Outptu"), "LossFunction: body has no layer or output port 'Outptu', did you mean \"Output\"?"),
    ],
)  # fmt: skip
def test_inner_ports_that_are_not_there(place, message):
    with pytest.raises(NetNameError) as caught:
        attach(DEEP, (place, MeanSquaredLossLayer()))
    assert str(caught.value) == message
