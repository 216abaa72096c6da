"""net_measurements: on whole nets and all forms of data, equal to scikit-learn whatever the batch; what does not fit is said."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from netgraph import *

SOURCE = np.random.default_rng(0)
X = SOURCE.normal(size=(70, 4)).astype("float32")
Y = SOURCE.integers(3, size=70)
NET = net_initialize(NetChain({"a": 8, "b": Tanh, "c": 3, "d": SoftmaxLayer()}, Input=4))
P = NET(X)


@pytest.mark.parametrize("size", [70, 16, 1])
def test_classes(size):
    names = ["Accuracy", ("Accuracy", 2), "Entropy", "ConfusionMatrix", {"Measurement": "F1Score", "ClassAveraging": "Macro"}, "Loss"]
    found = net_measurements(NET, (X, Y), names, BatchSize=size)
    assert found[0] == metrics.accuracy_score(Y, P.argmax(1))
    assert math.isclose(found[1], metrics.top_k_accuracy_score(Y, P, k=2))
    assert math.isclose(found[2], metrics.log_loss(Y, P), rel_tol=1e-6) and math.isclose(found[5], found[2], rel_tol=1e-6)
    assert np.array_equal(found[3], metrics.confusion_matrix(Y, P.argmax(1)))
    assert math.isclose(found[4], metrics.f1_score(Y, P.argmax(1), average="macro"))


def batches(count):
    for begin in range(0, count, 20):
        yield {"Input": X[begin : begin + 20], "Output": Y[begin : begin + 20]}


FORMS = {
    "columns": {"Input": X, "Output": Y},
    "target": {"Input": X, "Target": Y},
    "dicts": [{"Input": x, "Output": y} for x, y in zip(X, Y, strict=True)],
    "weighed": {"Input": X, "Output": Y, "Weight": np.arange(70.0)},
    "a list of batches": type("Batches", (), {"__iter__": lambda self: batches(70), "__len__": lambda self: 4})(),
    "a data set": torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_data(form):
    assert net_measurements(NET, FORMS[form], "Accuracy") == metrics.accuracy_score(Y, P.argmax(1))


def test_values_inside_come_in_the_order_of_the_data():
    found = net_measurements(NET, (X, Y), [NetPort("Output"), NetPort("b"), NetPort("Input"), NetPort("a", "Weights")], BatchSize=9)
    assert np.allclose(found[0], P, atol=1e-6) and np.allclose(found[1], NET(X, NetPort("b")), atol=1e-6)
    assert np.array_equal(found[2], X) and np.array_equal(found[3], NET.arrays["a/Weights"])
    spec = {"Measurement": NetPort("a", "Weights"), "Aggregation": "L2Norm"}
    assert math.isclose(net_measurements(NET, (X, Y), spec), np.linalg.norm(NET.arrays["a/Weights"]), rel_tol=1e-6)


def test_without_targets_only_values_are_measured():
    assert np.allclose(net_measurements(NET, {"Input": X}, NetPort("Output")), P, atol=1e-6)
    with pytest.raises(NetTypeError) as error:
        net_measurements(NET, {"Input": X}, "Accuracy")
    assert str(error.value) == ('net_measurements: "Accuracy" is measured of an output with a cross-entropy; the net has no loss layer')


def test_a_function_of_ports():
    def sure(Output):
        return Output.max()

    assert math.isclose(net_measurements(NET, (X, Y), sure), P.max(1).mean(), rel_tol=1e-6)
    found = net_measurements(NET, (X, Y), [{"Measurement": lambda Input, Output: Input.sum() * Output[0], "Key": "a"}])
    assert math.isclose(found[0], (X.sum(1) * P[:, 0]).mean(), rel_tol=1e-5)


def test_numbers():
    net = net_initialize(NetChain([5, Tanh, 2], Input=4))
    t = SOURCE.normal(size=(70, 2)).astype("float32")
    found = net_measurements(net, (X, t), ["MeanSquare", "RSquared", "Loss"])
    assert math.isclose(found[0], ((net(X) - t) ** 2).mean(), rel_tol=1e-6) and math.isclose(found[2], found[0], rel_tol=1e-6)
    assert math.isclose(found[1], metrics.r2_score(t.ravel(), net(X).ravel()), rel_tol=1e-6)
    absolute = net_measurements(net, (X, t), ["Loss", "MeanDeviation"], LossFunction=MeanAbsoluteLossLayer())
    assert math.isclose(absolute[0], absolute[1], rel_tol=1e-6)


def test_two_classes():
    net = net_initialize(NetChain([1, LogisticSigmoid, PartLayer(0)], Input=4))
    t = Y > 1
    found = net_measurements(net, (X, t), ["Accuracy", "AreaUnderROCCurve", "ConfusionMatrix"])
    assert found[0] == ((net(X) >= 0.5) == t).mean() and math.isclose(found[1][True], metrics.roc_auc_score(t, net(X)))


def test_every_position_of_a_sequence_is_a_decision():
    net = net_initialize(NetChain([LongShortTermMemoryLayer(4), NetMapOperator(NetChain([3, SoftmaxLayer()]))], Input=("Varying", 2)))
    xs = [SOURCE.normal(size=(n, 2)).astype("float32") for n in (3, 5, 1, 7, 2)]
    ys = [SOURCE.integers(3, size=len(x)) for x in xs]
    chosen = np.concatenate([net(x).argmax(-1) for x in xs])
    found = net_measurements(net, {"Input": xs, "Output": ys}, ["ConfusionMatrix", "Accuracy"], BatchSize=2)
    assert np.array_equal(found[0], metrics.confusion_matrix(np.concatenate(ys), chosen, labels=range(3)))
    assert found[1] == (np.concatenate(ys) == chosen).mean()
    sizes = {"Measurement": lambda Input: Input.abs().sum(), "Key": "size"}
    assert math.isclose(net_measurements(net, {"Input": xs, "Output": ys}, sizes), np.mean([abs(x).sum() for x in xs]), rel_tol=1e-5)


def test_embeddings_with_a_loss_on_classes():
    net = net_initialize(NetChain([8, Tanh, 3], Input=4))
    names = ["MAPAtR", ("RecallAt", 2), {"Measurement": "MAPAtR", "ClassAveraging": "Macro", "Key": "macro"}]
    found = net_measurements(net, (X, Y), names, LossFunction=TripletLossLayer(), BatchSize=32)
    assert np.allclose(found, embedding_measurements(net(X), Y, names, Distance=TripletLossLayer().Distance))


def test_a_net_with_a_loss_of_its_own():
    whole = NetGraph(
        {"net": NET, "loss": CrossEntropyLossLayer("Index")},
        ["Input -> net -> loss", (NetPort("Target"), NetPort("loss", "Target"))],
    )
    found = net_measurements(whole, {"Input": X, "Target": Y}, ["Accuracy", "Loss"])
    assert found[0] == metrics.accuracy_score(Y, P.argmax(1)) and math.isclose(found[1], metrics.log_loss(Y, P), rel_tol=1e-6)


def test_a_loss_of_data_without_targets_is_refused():
    with pytest.raises(NetTypeError, match=r'^net_measurements: "Loss" wants targets: the data has the columns "Input" alone$'):
        net_measurements(NET, {"Input": X}, "Loss")


def test_several_outputs():
    net = NetGraph({"a": [3, SoftmaxLayer()], "b": [2, SoftmaxLayer()]}, ["x -> a -> u", "x -> b -> v"], x=4)
    net = net_initialize(net)
    data = {"x": X, "u": Y, "v": Y % 2}
    spec = {"Measurement": "Accuracy", "Port": "v"}
    found = net_measurements(net, data, [spec, "Loss", "Loss1", "Loss2"])
    assert found[0] == (net(X)["v"].argmax(1) == Y % 2).mean() and math.isclose(found[1], found[2] + found[3])
    with pytest.raises(NetValueError) as error:
        net_measurements(net, data, "Accuracy")
    assert str(error.value) == (
        'net_measurements: "Accuracy" fits several outputs: "u", "v"\n  try: {"Measurement": "Accuracy", "Port": "u"}'
    )


def test_pictures():
    assert net_measurements(NET, (X, Y), "ConfusionMatrixPlot").axes[0].get_ylabel() == "is"
    assert len(net_measurements(NET, (X, Y), "ROCCurvePlot").axes[0].lines) == 4


def test_float64():
    net = net_initialize(NetChain([3, SoftmaxLayer()], Input=4))
    assert net_measurements(net, (X, Y), NetPort("Output"), WorkingPrecision="Real64").dtype == np.float64


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: net_measurements(3, (X, Y), "Loss"), "net_measurements wants a net, got 3"),
        (
            lambda: net_measurements(NET.structure, (X, Y), "Loss"),
            'net_measurements: NetChain({"a": LinearLayer(8), "b": ElementwiseLayer(Tanh... is not initialised: a/Weights, a/Biases, '
            "c/Weights, c/Biases missing\n  try: net_initialize(net)",
        ),
        (
            lambda: net_measurements(NET, (X, Y), "Loss", BatchSize=0),
            "net_measurements: BatchSize is a whole number from 1 or Automatic, got 0",
        ),
        (
            lambda: net_measurements(NET, (X, Y), "Loss", WorkingPrecision="Mixed"),
            'net_measurements: WorkingPrecision is "Real32" or "Real64", got \'Mixed\'',
        ),
        (
            lambda: net_measurements(NET, (X, Y), ["Loss", "Loss"]),
            'net_measurements: two measurements are stored under "Loss"\n  try: {"Measurement": ..., "Key": "Loss2"}',
        ),
        (
            lambda: net_measurements(NET, (X, Y), NetPort("e")),
            'net_measurements: NetChain({"a": LinearLayer(8), "b": ElementwiseLayer(Tanh... has no \'e\' to measure, known: '
            '"Input", "Target", "Output", "a", "b", "c", "d"',
        ),
        (lambda: net_measurements(NET, (X, Y), "MeanSquare"), None),
        (lambda: net_measurements(NET, (X, Y), "Loss", TimeGoal=3), None),
    ],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(NetError) as error:
        call()
    assert message is None or str(error.value).startswith(message)
