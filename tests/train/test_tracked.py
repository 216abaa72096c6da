"""Measurements while training: of batches, rounds and checks; which net they choose, when they stop, what results and pictures tell."""

import math

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.train.tracked import number_of

SOURCE = np.random.default_rng(0)
X = SOURCE.normal(size=(200, 4)).astype("float32")
Y = (X[:, 0] > 0) + (X[:, 1] > 0.3).astype(int)
NET = NetChain([12, Tanh, 3, SoftmaxLayer()], Input=4)
HELD = (X[:60] + 0.1, Y[:60])


def train(net=NET, data=(X, Y), **options):
    words = {"MaxTrainingRounds": 4, "BatchSize": 32, "TrainingProgressReporting": None, "Plan": "Reference", **options}
    return net_train(net, data, All, **words)


def test_a_classifier_tells_its_error_rate_by_itself():
    result = train(ValidationSet=HELD)
    assert list(result["RoundMeasurementsLists"]) == ["ErrorRate"] and len(result["RoundMeasurementsLists"]["ErrorRate"]) == 4
    assert result["BatchMeasurementsLists"] == {}
    assert result["ValidationMeasurements"]["ErrorRate"] == result["ValidationMeasurementsLists"]["ErrorRate"][-1]
    assert train(LinearLayer(3, Input=4), (X, X[:, :3]))["RoundMeasurements"] == {}
    assert train(TrainingProgressMeasurements=None)["RoundMeasurements"] == {}


def test_validation_is_what_net_measurements_says_of_the_net():
    names = ["Accuracy", {"Measurement": "F1Score", "ClassAveraging": "Macro"}, "ConfusionMatrix", "Recall"]
    result = train(ValidationSet=HELD, TrainingProgressMeasurements=names, Method=("ADAM", {"LearningRateSchedule": lambda n, t: 1.0}))
    last = train(ValidationSet=HELD, TrainingProgressMeasurements=names, LearningRate=0.02, MaxTrainingRounds=1)
    assert result["ValidationMeasurementsLists"]["Accuracy"][0] is not None
    found = net_measurements(last["TrainedNet"], HELD, names)
    told = last["ValidationMeasurements"]
    assert math.isclose(told["Accuracy"], found[0]) and math.isclose(told["F1Score"], found[1])
    assert told["ConfusionMatrix"] == found[2].tolist() and told["Recall"] == found[3]


@pytest.mark.parametrize("options", [{}, {"Plan": "Eager"}, {"Plan": "Traced"}, {"GradientAccumulation": 2}, {"WorkingPrecision": "Mixed"}])
def test_batches_and_rounds_are_measured_as_they_were_seen(options):
    """The counts of a round are those of its batches together, whatever the plan."""
    result = train(TrainingProgressMeasurements=["Accuracy", "ConfusionMatrix", "Loss"], **options)
    batches, rounds = result["BatchMeasurementsLists"], result["RoundMeasurementsLists"]
    per_round = 7
    assert len(batches["Accuracy"]) == 4 * per_round and len(rounds["Accuracy"]) == 4
    for number in range(4):
        own = slice(number * per_round, (number + 1) * per_round)
        whole = np.sum(batches["ConfusionMatrix"][own], axis=0)
        assert whole.tolist() == rounds["ConfusionMatrix"][number] and whole.sum() == 200
        assert math.isclose(rounds["Accuracy"][number], np.trace(whole) / 200)
    assert rounds["Loss"] == result["RoundLossList"]
    if not options:
        assert batches["Loss"] == result["BatchLossList"]


def spread(Output):
    return Output.max() - Output.min()


NUMBERS = NetChain([5, Tanh, 2], Input=4)
SEQUENCES = [SOURCE.normal(size=(n, 1)).astype("float32") for n in (3, 5, 4, 2, 6, 1, 2, 2, 4)]
KINDS = {
    "classes": (NET, (X, Y), ["Loss", "Accuracy", ("Accuracy", 2), "Recall", "ConfusionMatrix", "Entropy", "Perplexity", "CohenKappa"], {}),
    "averages": (NET, (X, Y), [{"Measurement": "F1Score", "ClassAveraging": how, "Key": how} for how in ("Macro", "Micro")], {}),
    "curves": (NET, (X, Y), ["AreaUnderROCCurve", "Accuracy", NetPort("Output"), NetPort(0)], {}),
    "functions": (NET, (X, Y), [spread, {"Measurement": NetPort(1), "Aggregation": "Max"}, "ErrorRate"], {}),
    "numbers": (NUMBERS, (X, X[:, :2]), ["MeanSquare", "RSquared", "StandardDeviation", "Loss"], {}),
    "embeddings": (NUMBERS, (X, Y), [("RecallAt", 1), NetPort("Output")], {"LossFunction": TripletLossLayer()}),
    "sequences": (
        NetChain([LongShortTermMemoryLayer(4), NetMapOperator(NetChain([2, SoftmaxLayer()]))], Input=("Varying", 1)),
        {"Input": SEQUENCES, "Output": [(x[:, 0] > 0).astype(int) for x in SEQUENCES]},
        ["Accuracy", "ConfusionMatrix", "Loss"],
        {"BatchSize": 2},
    ),
    "parts": (NET, (X, Y), ["Accuracy", "Loss"], {"GradientAccumulation": 2}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_batches_looked_at_together_tell_what_each_tells_alone(kind, monkeypatch):
    """Bit for bit, whether an observer looks after every batch or nobody before the round ends; the last batch of a round is short."""
    net, data, specs, options = KINDS[kind]
    alone, together = [], train(net, data, TrainingProgressMeasurements=specs, **options)

    def look(progress):
        alone.append(progress["BatchMeasurements"])

    every = (look, {"Interval": (1, "Batches")})
    looked = train(net, data, TrainingProgressMeasurements=specs, TrainingProgressFunction=every, **options)
    assert repr(looked["BatchMeasurementsLists"]) == repr(together["BatchMeasurementsLists"])
    if not options.get("GradientAccumulation"):
        assert len(alone) == together["TotalBatches"]
        for name, values in together["BatchMeasurementsLists"].items():
            assert repr([one[name] for one in alone]) == repr(values)
    for name, values in looked["RoundMeasurementsLists"].items():
        assert np.allclose([number_of(value) for value in values], [number_of(v) for v in together["RoundMeasurementsLists"][name]])
    asked = []

    def each(self, *given):
        asked.append(self)

    monkeypatch.setattr("netgraph.measure.collect.Collector.each", each)
    apart = train(net, data, TrainingProgressMeasurements=specs, **options)
    for name in ("BatchMeasurementsLists", "RoundMeasurementsLists"):
        assert repr(apart[name]) == repr(together[name])
    assert bool(asked) == (kind != "sequences")


def batches(info):
    rows = torch.randint(0, 200, (16,), generator=info.Generator).numpy()
    return {"Input": X[rows], "Output": Y[rows]}


def test_rounds_of_single_batches_are_told_whenever_somebody_asks():
    """They are looked at together; asked after each of them, in the middle, at the end, or after a checkpoint they are the same."""
    words = {"RandomSeeding": 3, "MaxTrainingRounds": 123}
    whole = train(data=batches, **words)["RoundMeasurementsLists"]["ErrorRate"]
    seen = []
    train(data=batches, TrainingProgressFunction=lambda info: seen.append(info["RoundMeasurements"]["ErrorRate"]), **words)
    assert len(whole) == 123 and seen == whole and len(set(whole)) > 5
    asked = train(data=batches, TrainingProgressMeasurements="ErrorRate", **words)
    assert asked["RoundMeasurementsLists"]["ErrorRate"] == asked["BatchMeasurementsLists"]["ErrorRate"] == whole


def test_rounds_that_nobody_has_looked_at_outlive_a_checkpoint(tmp_path):
    words = {"RandomSeeding": 3, "TrainingProgressCheckpointing": ("Directory", tmp_path, {"Interval": (1, "Batches")})}
    whole = train(data=batches, RandomSeeding=3, MaxTrainingRounds=70)["RoundMeasurementsLists"]
    train(data=batches, MaxTrainingRounds=31, **words)
    resumed = train(data=batches, MaxTrainingRounds=70, Resume=tmp_path)
    assert resumed["RoundMeasurementsLists"] == whole


def test_measuring_changes_no_bit_of_training():
    for plan in ("Reference", "Traced"):
        plain, measured = (train(TrainingProgressMeasurements=m, Plan=plan)["TrainedNet"] for m in (None, ["Accuracy", NetPort(0)]))
        assert plain == measured


def test_values_inside_arrays_and_functions():
    def size(Input):
        return Input.abs().sum()

    specs = [NetPort(0, "Weights"), {"Measurement": NetPort(1), "Aggregation": "Max", "Key": "most"}, size]
    result = train(TrainingProgressMeasurements=specs, ValidationSet=HELD)
    assert list(result["RoundMeasurements"]) == ["0/Weights", "most", "size"]
    last = train(TrainingProgressMeasurements=specs, ValidationSet=HELD, MaxTrainingRounds=1)
    told = last["ValidationMeasurements"]
    assert math.isclose(told["0/Weights"], last["TrainedNet"].arrays["0/Weights"].mean(), abs_tol=1e-7)
    assert math.isclose(told["most"], last["TrainedNet"](HELD[0], NetPort(1)).max(), rel_tol=1e-6)
    assert math.isclose(told["size"], np.abs(HELD[0]).sum(1).mean(), rel_tol=1e-5)


@pytest.mark.parametrize("size", [32, 150])
def test_an_array_is_told_as_it_was_after_each_batch(size):
    """Though batches are looked at together, and later."""
    seen = []

    def look(progress):
        seen.append(float(progress["Weights"]["0/Weights"].double().mean()))

    specs = [NetPort(0, "Weights"), {"Measurement": NetPort(0, "Weights"), "Aggregation": "L2Norm", "Key": "norm"}, "Accuracy"]
    every = (look, {"Interval": (1, "Batches")})
    result = train(TrainingProgressMeasurements=specs, TrainingProgressFunction=every, BatchSize=size, MaxTrainingRounds=2)
    lists = result["BatchMeasurementsLists"]
    assert np.allclose(lists["0/Weights"], seen, rtol=1e-12) and len(set(lists["norm"])) == len(seen) == result["TotalBatches"]
    assert result["RoundMeasurementsLists"]["0/Weights"] == lists["0/Weights"][len(seen) // 2 - 1 :: len(seen) // 2]


def test_sequences():
    net = NetChain([LongShortTermMemoryLayer(4), NetMapOperator(NetChain([2, SoftmaxLayer()]))], Input=("Varying", 1))
    xs = [SOURCE.normal(size=(n, 1)).astype("float32") for n in (3, 5, 4, 2, 6, 1)]
    ys = [(x[:, 0] > 0).astype(int) for x in xs]
    result = train(net, {"Input": xs, "Output": ys}, BatchSize=2, TrainingProgressMeasurements=["ConfusionMatrix"])
    assert np.sum(result["RoundMeasurements"]["ConfusionMatrix"]) == 21


def test_embeddings():
    result = train(
        NetChain([8, Tanh, 3], Input=4), (X, Y), LossFunction=TripletLossLayer(), ValidationSet=HELD,
        TrainingProgressMeasurements=["MAPAtR", ("RecallAt", 1)], MaxTrainingRounds=1,
    )  # fmt: skip
    found = net_measurements(result["TrainedNet"], HELD, ["MAPAtR", ("RecallAt", 1)], LossFunction=TripletLossLayer())
    assert np.allclose(list(result["ValidationMeasurements"].values()), found)


def test_a_classifier_is_judged_by_its_error_and_then_by_its_loss():
    result = train(ValidationSet=HELD, MaxTrainingRounds=12, LearningRate=0.05)
    errors, losses = result["ValidationMeasurementsLists"]["ErrorRate"], result["ValidationLossList"]
    best = min(range(12), key=lambda i: (errors[i], losses[i]))
    assert result["BestValidationRound"] == best + 1
    assert math.isclose(net_measurements(result["TrainedNet"], HELD, "ErrorRate"), errors[best])


def test_a_measurement_stops_training_and_chooses_the_net():
    options = {"ValidationSet": HELD, "TrainingProgressMeasurements": "Accuracy", "MaxTrainingRounds": 60, "LearningRate": 0.05}
    result = train(TrainingStoppingCriterion={"Criterion": "Accuracy", "Patience": 2}, **options)
    found = result["ValidationMeasurementsLists"]["Accuracy"]
    assert result["ReasonTrainingStopped"] is StopReason.CRITERION and len(found) < 60
    assert max(found) == found[-3] and found[result["BestValidationRound"] - 1] == max(found)
    with pytest.raises(NetNameError) as error:
        train(TrainingStoppingCriterion="Recall", **options)
    assert str(error.value) == 'TrainingStoppingCriterion: no measurement "Recall" is tracked, known: "Loss", "Accuracy"'


def test_progress_tells_them():
    seen = []

    def look(progress):
        seen.append((progress.round_measurements, progress["BatchMeasurements"], progress["ValidationMeasurementsLists"]))

    train(TrainingProgressMeasurements="Accuracy", ValidationSet=HELD, TrainingProgressFunction=look, MaxTrainingRounds=2)
    assert [len(lists["Accuracy"]) for _, _, lists in seen] == [1, 2] and 0 <= seen[0][1]["Accuracy"] <= 1


def test_json_keeps_them():
    result = train(TrainingProgressMeasurements=["Recall", "ConfusionMatrix", "Accuracy"], ValidationSet=HELD, LearningRate=0.05)
    back = NetTrainResultsObject.from_json(result.to_json())
    for name in ("RoundMeasurementsLists", "BatchMeasurementsLists", "ValidationMeasurements"):
        assert repr(back[name]) == repr(result[name])


def test_pictures():
    result = train(TrainingProgressMeasurements=["Recall", "ConfusionMatrix", "ROCCurve"], ValidationSet=HELD)
    plots = result["FinalPlots"]
    assert list(plots) == ["Loss", "Recall", "ConfusionMatrix", "ROCCurve"]
    assert plots["Recall"].axes[0].get_ylabel() == "Recall" and plots["ConfusionMatrix"].axes[0].get_ylabel() == "is"
    with pytest.raises(NetNameError) as error:
        result.plot("Accuracy")
    assert str(error.value).startswith("this result has no picture of 'Accuracy', did you mean")


def test_a_resumed_run_has_the_same_lists(tmp_path):
    options = {"TrainingProgressMeasurements": ["Accuracy", "Recall"], "ValidationSet": HELD, "RandomSeeding": 5}
    whole = train(**options)
    train(**{**options, "MaxTrainingRounds": 2}, TrainingProgressCheckpointing=("Directory", tmp_path))
    rest = train(**options, Resume=tmp_path)
    for name in ("RoundMeasurementsLists", "BatchMeasurementsLists", "ValidationMeasurementsLists"):
        assert repr(rest[name]) == repr(whole[name])
    assert rest["TrainedNet"] == whole["TrainedNet"]


@pytest.mark.parametrize(
    "spec, message",
    [
        ("Acuracy", "net_train: TrainingProgressMeasurements: there is no measurement 'Acuracy', did you mean"),
        (
            "MeanSquare",
            'net_train: TrainingProgressMeasurements: "MeanSquare" is measured of an output with a mean squared or mean absolute loss',
        ),
        ("ROCCurvePlot", 'net_train: TrainingProgressMeasurements: "ROCCurvePlot" is a picture\n  try: result.plot("ROCCurve")'),
    ],
)
def test_what_is_wrong_is_said(spec, message):
    with pytest.raises(NetError) as error:
        train(TrainingProgressMeasurements=spec)
    assert str(error.value).startswith(message)
