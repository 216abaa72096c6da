"""The two spellings of every name."""

import pytest

from netgraph.errors import NetError
from netgraph.spec.names import ACRONYMS, snake, spelled

PAIRS = {
    "BatchSize": "batch_size",
    "MaxTrainingRounds": "max_training_rounds",
    "LearningRateMultipliers": "learning_rate_multipliers",
    "CTCLossLayer": "ctc_loss_layer",
    "EMA": "ema",
    "ROCCurve": "roc_curve",
    "InputPorts": "input_ports",
    "Beta1": "beta1",
    "GANLoss": "gan_loss",
    "RMSProp": "rms_prop",
    "ONNXModel": "onnx_model",
    "AreaUnderROCCurve": "area_under_roc_curve",
    "TargetDevice": "target_device",
    "L2Regularization": "l2_regularization",
}


@pytest.mark.parametrize("name", PAIRS)
def test_snake(name):
    assert snake(name) == PAIRS[name]
    assert snake(PAIRS[name]) == PAIRS[name]


def test_acronyms_are_sorted():
    assert list(ACRONYMS) == sorted(ACRONYMS)


def test_both_spellings():
    names = ["BatchSize", "EMA"]
    assert spelled({"batch_size": 1, "EMA": 2}, names, "f") == {"BatchSize": 1, "EMA": 2}
    assert spelled({"BatchSize": 1}, names, "f", aliased=["EMA"]) == {"BatchSize": 1}


@pytest.mark.parametrize(
    "given, message",
    [
        ({"BatchSize": 1, "batch_size": 1}, "f: BatchSize is given twice, as BatchSize= and batch_size="),
        ({"batchsize": 1}, 'f has no option "batchsize", did you mean "BatchSize"?'),
        ({"xyz": 1}, 'f has no option "xyz", known: "BatchSize", "EMA"'),
    ],
)
def test_refused(given, message):
    with pytest.raises(NetError) as caught:
        spelled(given, ["BatchSize", "EMA"], "f")
    assert str(caught.value) == message
