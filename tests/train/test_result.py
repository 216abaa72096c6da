"""The training result: its names, what follows from what, its text, and its JSON."""

import doctest
import json
import math

import numpy as np
import pytest
import torch

from netgraph import errors
from netgraph.formats import strict_json
from netgraph.train import amounts, record, result
from netgraph.train.plan import Plan
from netgraph.train.result import ALIASES, DERIVED, NAMES, SORTS, NetTrainResultsObject, StopReason

WHOLE = {
    "ReasonTrainingStopped": StopReason.TIME_GOAL, "TotalRounds": 3, "TotalBatches": 30, "BatchesPerRound": 10, "BatchSize": 64,
    "ExamplesProcessed": 1920, "TrainingExamples": 640, "ValidationExamples": 100, "RoundLossList": [0.5, 0.25, 0.125],
    "RoundPositions": [10, 20, 30], "BatchLossList": [0.5, math.nan, 0.125], "ValidationLossList": [0.6, 0.3, 0.4],
    "ValidationPositions": [10, 20, 30], "BestValidationRound": 2, "TotalTrainingTime": 2.0, "InitialLearningRate": 0.001,
    "FinalLearningRate": 0.001, "OptimizationMethod": ("ADAM", {"Beta1": 0.9}), "ArraysLearningRateMultipliers": {"0/Weights": 1},
    "TargetDevice": "CPU", "Plan": Plan("compiled", threads=2, shapes=(((64, 2), "torch.float32"),), report=("fast",)),
    "NetTrainInputForm": "net_train(...)", "Report": ["compiled in 4.1 s"],
}  # fmt: skip


class FakeNet:
    """JSON has no form for it, as for a net."""


def message(call, *args) -> str:
    with pytest.raises(errors.NetError) as caught:
        call(*args)
    return f"{type(caught.value).__name__}: {caught.value}"


@pytest.mark.parametrize("module", [amounts, record, result])
def test_examples_run(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", ["TotalTrainingTime", "total_training_time", "TimeElapsed", "time_elapsed"])
def test_every_spelling_is_the_same(name):
    made = NetTrainResultsObject(WHOLE)
    assert made[name] == getattr(made, name) == made.get(name) == 2.0
    assert name in made


def test_every_alias_names_a_property():
    assert set(ALIASES.values()) <= set(NAMES)
    assert NetTrainResultsObject({"TimeElapsed": 3.0}).total_training_time == 3.0


def test_what_follows():
    made = NetTrainResultsObject({"RoundLossList": [2, 1], "BatchLossList": [3, 2, 1, 0], "TotalTrainingTime": 2, "ExamplesProcessed": 8})
    assert {name: made[name] for name in made if name not in DERIVED} == {
        "TotalRounds": 2, "TotalBatches": 4, "ExamplesProcessed": 8, "RoundLoss": 1, "RoundLossList": [2, 1],
        "BatchLossList": [3, 2, 1, 0], "TotalTrainingTime": 2, "MeanBatchesPerSecond": 2.0, "MeanExamplesPerSecond": 4.0,
    }  # fmt: skip
    assert NetTrainResultsObject({"RoundLossList": [], "TotalTrainingTime": 0.0, "TotalBatches": 0}).keys() == [
        "TotalRounds", "TotalBatches", "RoundLossList", "LossPlot", "FinalPlots", "TotalTrainingTime", "Properties",
    ]  # fmt: skip


def test_properties_and_lists_of_them():
    made = NetTrainResultsObject({"TotalBatches": 30, "TrainedNet": "net"})
    assert made["Properties"] == list(made) == ["TrainedNet", "TotalBatches", "LossPlot", "FinalPlots", "Properties"]
    assert made[["TotalBatches", "TrainedNet"]] == [30, "net"]
    assert len(made) == 5


def test_arrays_are_taken_as_lists():
    made = NetTrainResultsObject(
        {"RoundLossList": np.array([0.5, 0.25]), "BatchLossList": torch.tensor([0.5]), "RoundLoss": np.float32(0.5)}
    )
    assert (made.round_loss_list, made.batch_loss_list, type(made.round_loss)) == ([0.5, 0.25], [0.5], float)


def test_it_cannot_be_changed():
    losses = [0.5]
    made = NetTrainResultsObject({"RoundLossList": losses, "ArraysLearningRateMultipliers": {"w": [1]}})
    losses.append(1.0)
    made.round_loss_list.append(1.0)
    made.arrays_learning_rate_multipliers["w"].append(2)
    assert (made.round_loss_list, made.arrays_learning_rate_multipliers) == ([0.5], {"w": [1]})
    with pytest.raises(AttributeError, match=r"^the training result cannot be changed: round_loss is read only$"):
        made.round_loss = 1.0
    with pytest.raises(AttributeError, match="read only"):
        del made.round_loss


def test_unknown_names():
    made = NetTrainResultsObject({"TotalBatches": 30, "TotalRounds": 3})
    assert message(lambda: made["TotalBatch"]) == (
        """NetNameError: the training result has no 'TotalBatch', did you mean "TotalBatches"?"""
    )
    assert message(lambda: made["ValidationLoss"]) == (
        """NetNameError: this training run has no "ValidationLoss"; result["Properties"] lists what there is"""
    )
    assert message(lambda: made[3]) == (
        'NetNameError: the training result has no 3, known: "TotalRounds", "TotalBatches", "LossPlot", "FinalPlots", "Properties"'
    )
    assert message(NetTrainResultsObject, {"TotalBatch": 1}) == (
        'NetNameError: NetTrainResultsObject takes no property "TotalBatch", did you mean "TotalBatches" or "BatchSize"?'
    )
    assert not hasattr(made, "validation_loss") and getattr(made, "x", 5) == 5 and "ValidationLoss" not in made and 3 not in made


def test_texts():
    made = NetTrainResultsObject(WHOLE)
    assert repr(made) == (
        "<NetTrainResultsObject: The time goal was reached; 3 rounds, 30 batches of 64; loss 0.125; "
        "validation loss 0.400, best in round 2; 2.0 s; 15 batches/s, 960 examples/s>"
    )
    assert str(made) == (
        "NetTrainResultsObject\n"
        "  stopped          The time goal was reached\n"
        "  done             3 rounds, 30 batches of 64\n"
        "  loss             0.125\n"
        "  validation loss  0.400, best in round 2\n"
        "  time             2.0 s\n"
        "  speed            15 batches/s, 960 examples/s\n"
        "  method           ADAM on CPU"
    )
    assert repr(NetTrainResultsObject({})) == "<NetTrainResultsObject: empty>"
    assert str(NetTrainResultsObject({})) == "NetTrainResultsObject"


def test_html_with_and_without_a_curve(monkeypatch):
    made = NetTrainResultsObject({"TotalBatches": 30, "TargetDevice": "<b>"})
    monkeypatch.setattr(result, "DRAWN", {})
    table = (
        '<div style="display:flex;gap:1em;align-items:center;flex-wrap:wrap"><table>'
        '<tr><td style="text-align:left;color:#6b7280">done</td><td style="text-align:left">30 batches</td></tr>'
        '<tr><td style="text-align:left;color:#6b7280">method</td><td style="text-align:left">on &lt;b&gt;</td></tr></table>'
    )
    assert made._repr_html_() == table + "</div>"
    result.bind("svg", lambda results: f"<svg>{results.total_batches}</svg>")
    assert made._repr_html_() == table + "<svg>30</svg></div>"

    def no_matplotlib(results):
        raise errors.NetError("no matplotlib")

    result.bind("svg", no_matplotlib)
    assert made._repr_html_() == table + "</div>"


def test_plot_is_handed_in(monkeypatch):
    made = NetTrainResultsObject({"TotalBatches": 30})
    monkeypatch.setattr(result, "DRAWN", {})
    assert message(made.plot) == "NetError: nothing here draws results\n  try: import netgraph"
    result.bind("plot", lambda results, what, **options: (results, what, options))
    assert made.plot(scale="log") == (made, "Loss", {"scale": "log"})
    assert made["LossPlot"] == made.loss_evolution_plot == (made, "Loss", {}) and made["FinalPlots"] == {"Loss": (made, "Loss", {})}


def test_json_there_and_back():
    made = NetTrainResultsObject({**WHOLE, "TrainedNet": FakeNet(), "TrainingNet": FakeNet()})
    text = made.to_json()
    data = json.loads(text, parse_constant=lambda word: pytest.fail(word))
    assert data["LeftOut"] == ["TrainedNet", "TrainingNet"]
    assert data["Values"]["ReasonTrainingStopped"] == "TIME_GOAL"
    assert data["Values"]["BatchLossList"] == [0.5, {"$float": "NaN"}, 0.125]
    back = NetTrainResultsObject.from_json(text)
    assert back == NetTrainResultsObject(WHOLE) != made
    assert back.to_json() == text
    assert back.plan.report == ("fast",)
    assert message(lambda: back["TrainedNet"]) == (
        'NetNameError: "TrainedNet" was left out when the results were written as JSON\n  try: net_save(result.trained_net, path)'
    )


def test_every_property_has_a_sort_in_json():
    assert set(SORTS) == set(NAMES) - {"TrainedNet", "TrainingNet", *DERIVED}


SLOW = 'results: Plan: Plan: execution "slow" is unknown: known: "reference", "eager", "traced", "compiled"'
HEAD = {"Format": "netgraph training results", "Version": 1}


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", 'results: character 1: expecting property name enclosed in double quotes; got "the end"'),
        ("[]", 'results: no training results: the text lacks "Format": "netgraph training results"'),
        ({"Format": HEAD["Format"], "Version": 2}, "results: version 2 is not known here, only 1"),
        (HEAD, 'results: "Values" is an object and "LeftOut" a list of properties'),
        ({**HEAD, "Values": {}, "LeftOut": [[]]}, 'results: "Values" is an object and "LeftOut" a list of properties'),
        ({**HEAD, "Values": {"Loss": 1}, "LeftOut": []}, 'results: "Loss" is no property of a training result'),
        ({**HEAD, "Values": {"TrainedNet": 1}, "LeftOut": []}, 'results: "TrainedNet" is no property of a training result'),
        ({**HEAD, "Values": {"TotalBatches": True}, "LeftOut": []}, "results: TotalBatches: wanted a whole number"),
        ({**HEAD, "Values": {"RoundLossList": [1, "x"]}, "LeftOut": []}, "results: RoundLossList: wanted a list of numbers"),
        ({**HEAD, "Values": {"ReasonTrainingStopped": ["x"]}, "LeftOut": []}, "results: ReasonTrainingStopped: wanted a reason"),
        (
            {**HEAD, "Values": {"Plan": {}}, "LeftOut": []},
            "results: Plan: this is no plan: 'shapes'",
        ),
        ({**HEAD, "Values": {"Plan": {"execution": "slow", "shapes": []}}, "LeftOut": []}, SLOW),
        ({**HEAD, "Values": {"OptimizationMethod": []}, "LeftOut": []}, None),
    ],
)
def test_json_that_is_no_result(text, words):
    text = text if isinstance(text, str) else strict_json.dumps(text)
    if words is None:
        assert str(NetTrainResultsObject.from_json(text)).startswith("NetTrainResultsObject")
        return
    with pytest.raises(errors.NetFileError) as caught:
        NetTrainResultsObject.from_json(text)
    assert str(caught.value).replace("got the end", 'got "the end"') == words


def test_reasons_are_sentences():
    assert all(str(reason).endswith(".") and str(reason)[0].isupper() for reason in StopReason)
    assert StopReason.CRITERION.clause == "The stopping criterion was met"
