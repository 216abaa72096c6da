"""net_train from outside: what comes back, for each form of data, loss and option; equal bits; reasons to stop."""

import os
import signal
import threading
import time

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.train.result import StopReason

QUIET = {"TrainingProgressReporting": None, "Plan": "Reference"}
X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
CLASS = (X[:, 0] > X[:, 1]).astype(np.int64)
CLASSIFIER = NetChain([8, Ramp, 2, SoftmaxLayer()], Input=2)
LINE = ([0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 5.0, 7.0])


def bits(net):
    return {key: tensor.numpy().tobytes() for key, tensor in net.tensors.items()}


def test_a_line_is_learned_and_shapes_come_from_the_data():
    net = net_train(LinearLayer(), LINE, LearningRate=0.1, MaxTrainingRounds=300, **QUIET)
    assert type(net) is LinearLayer
    assert net.inputs["Input"].shape == () and net.outputs["Output"].shape == ()
    assert net(10.0) == pytest.approx(21.0, abs=0.05)


@pytest.mark.parametrize(
    "data",
    [
        {"Input": X, "Output": CLASS},
        {"Input": X, "Target": CLASS},
        {"Input": torch.from_numpy(X), "Output": torch.from_numpy(CLASS)},
        {"Input": X.tolist(), "Output": CLASS.tolist()},
        (X, CLASS),
        list(zip(X.tolist(), CLASS.tolist(), strict=True)),
        [{"Input": x, "Output": c} for x, c in zip(X.tolist(), CLASS.tolist(), strict=True)],
        torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(CLASS)),
    ],
    ids=["columns", "loss port", "tensors", "lists", "two columns", "pairs", "dicts", "torch data set"],
)
def test_every_form_of_data_in_memory_gives_the_same_net(data):
    net = net_train(CLASSIFIER, data, MaxTrainingRounds=3, BatchSize=8, **QUIET)
    expected = net_train(CLASSIFIER, (X, CLASS), MaxTrainingRounds=3, BatchSize=8, **QUIET)
    assert bits(net) == bits(expected)


def test_a_generator_is_told_what_is_asked_for_and_gives_the_same_bits_again():
    told = []

    def sample(info):
        told.append((info["BatchSize"], info.batch_size, info["Round"], info.round))
        rows = info.numpy_generator.integers(20, size=info.batch_size)
        return {"Input": X[rows], "Output": CLASS[rows]}

    first = net_train(CLASSIFIER, sample, MaxTrainingRounds=4, BatchSize=5, **QUIET)
    assert told == [(5, 5, i, i) for i in (1, 2, 3, 4)]
    assert bits(first) == bits(net_train(CLASSIFIER, sample, MaxTrainingRounds=4, BatchSize=5, **QUIET))


def test_an_iterable_of_batches_starts_over_each_round_and_an_iterator_ends_training():
    batches = [(X[:10], CLASS[:10]), (X[10:], CLASS[10:])]
    again = net_train(CLASSIFIER, _Again(batches), All, MaxTrainingRounds=3, **QUIET)
    assert (again.total_rounds, again.total_batches) == (3, 6)
    ended = net_train(CLASSIFIER, iter(batches), All, MaxTrainingRounds=30, **QUIET)
    assert ended.reason_training_stopped is StopReason.DATA_ENDED
    assert ended.total_batches == 2


class _Again:
    """Can be iterated again and again, and does not tell how long it is."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


@pytest.mark.parametrize(
    ("net", "target", "loss"),
    [
        (CLASSIFIER, CLASS, 'CrossEntropyLossLayer("Index"'),
        (CLASSIFIER, np.eye(2)[CLASS], 'CrossEntropyLossLayer("Probabilities"'),
        (NetChain([CLASSIFIER, ReshapeLayer((1, 2)), FlattenLayer()]), np.eye(2)[CLASS], 'CrossEntropyLossLayer("Probabilities"'),
        (NetChain([3, LinearLayer(()), LogisticSigmoid], Input=2), CLASS, 'CrossEntropyLossLayer("Binary"'),
        (NetChain([3, LinearLayer(()), LogisticSigmoid], Input=2), CLASS == 1, 'CrossEntropyLossLayer("Binary"'),
        (NetChain([3, LinearLayer(())], Input=2), X[:, 0], "MeanSquaredLossLayer("),
        (NetPairEmbeddingOperator([3], Input=()), CLASS, "ContrastiveLossLayer("),
    ],
    ids=["index", "probabilities", "through reshapes", "binary", "Boolean", "squares", "contrastive"],
)
def test_the_loss_is_chosen_by_the_last_layer(net, target, loss):
    result = net_train(net, (X, target), All, MaxTrainingRounds=1, **QUIET)
    assert repr(result.training_net["loss"].structure).startswith(loss)
    assert type(result.trained_net) is type(net)
    assert set(result.trained_net.arrays) == set(net.arrays)


def test_losses_as_third_argument_as_option_and_in_a_list():
    data = ([0.0, 1.0], [1.0, 1.0])
    start = LinearLayer((), Weights=[[2.0]], Biases=[0.0])
    by_position = net_train(start, data, MeanAbsoluteLossLayer(), MaxTrainingRounds=2, **QUIET)
    by_option = net_train(start, data, LossFunction=MeanAbsoluteLossLayer(), MaxTrainingRounds=2, **QUIET)
    assert bits(by_position) == bits(by_option)
    plain = net_train(start, data, "RoundLoss", LossFunction=MeanAbsoluteLossLayer(), MaxTrainingRounds=1, **QUIET)
    assert plain == pytest.approx(1.0)
    scaled = net_train(
        start, data, "RoundLoss", LossFunction=("Output", MeanAbsoluteLossLayer(), Scaled(0.5)), MaxTrainingRounds=1, **QUIET
    )
    assert scaled == pytest.approx(0.5)


def test_several_outputs_are_trained_on_their_own_targets():
    net = NetGraph({"a": LinearLayer(()), "b": LinearLayer(())}, ["x -> a -> y1", "x -> b -> y2"], x=())
    data = {"x": LINE[0], "y1": LINE[1], "y2": [-v for v in LINE[1]]}
    losses = [("y1", MeanSquaredLossLayer()), ("y2", MeanSquaredLossLayer(), Scaled(0.5))]
    trained = net_train(net, data, LossFunction=losses, LearningRate=0.1, MaxTrainingRounds=800, **QUIET)
    assert trained(10.0) == {"y1": pytest.approx(21.0, abs=0.1), "y2": pytest.approx(-21.0, abs=0.1)}
    automatic = net_train(net, data, LearningRate=0.1, MaxTrainingRounds=2, **QUIET)
    assert set(automatic.outputs) == {"y1", "y2"}


def test_a_net_with_its_own_loss_is_trained_and_returned_as_it_is():
    net = NetGraph({"net": LinearLayer(()), "loss": MeanSquaredLossLayer()}, [("net", NetPort("loss", "Input"))], Input=())
    trained = net_train(net, {"Input": LINE[0], "Target": LINE[1]}, LearningRate=0.1, MaxTrainingRounds=300, **QUIET)
    assert set(trained.children) == {"net", "loss"}
    assert trained["net"](10.0) == pytest.approx(21.0, abs=0.1)


def test_an_array_valued_loss_is_summed():
    net = LinearLayer(2, Weights=[[0.0], [0.0]], Biases=[0.0, 0.0], Input=())
    loss = ThreadingLayer(lambda Input, Target: (Input - Target) ** 2)
    value = net_train(net, ([1.0, 1.0], [[1.0, 2.0], [1.0, 2.0]]), "RoundLoss", LossFunction=loss, MaxTrainingRounds=1, **QUIET)
    assert value == pytest.approx(5.0)


def test_what_the_third_argument_asks_for():
    result = net_train(CLASSIFIER, (X, CLASS), All, MaxTrainingRounds=2, BatchSize=8, **QUIET)
    assert isinstance(result, NetTrainResultsObject)
    assert result["TotalBatches"] == result.total_batches == 6
    assert result.batches_per_round == 3 and result.total_rounds == 2 and result.examples_processed == 40
    assert len(result.batch_loss_list) == 6 and result.round_positions == [3, 6]
    assert result.round_loss_list[0] == pytest.approx(np.mean(result.batch_loss_list[:3]))
    assert result.reason_training_stopped is StopReason.ROUNDS_DONE
    assert result["OptimizationMethod"][0] == "ADAM" and result.initial_learning_rate == 0.001
    assert net_train(CLASSIFIER, (X, CLASS), "TotalBatches", MaxTrainingRounds=2, BatchSize=8, **QUIET) == 6
    both = net_train(CLASSIFIER, (X, CLASS), ["TotalRounds", "BatchSize"], MaxTrainingRounds=2, BatchSize=8, **QUIET)
    assert both == [2, 8]
    assert result.plot().axes


def test_the_same_call_gives_the_same_bits_and_another_seed_does_not():
    options = {"MaxTrainingRounds": 3, "BatchSize": 8, **QUIET}
    net = NetChain([8, Ramp, DropoutLayer(0.3), 2, SoftmaxLayer()], Input=2)
    torch.manual_seed(1)
    first = net_train(net, (X, CLASS), **options)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert bits(first) == bits(net_train(net, (X, CLASS), **options))
    assert torch.equal(before, torch.get_rng_state())
    assert bits(first) != bits(net_train(net, (X, CLASS), RandomSeeding=7, **options))


def test_batch_normalisation_moves_its_statistics_and_test_mode_uses_them():
    net = NetChain([BatchNormalizationLayer(), LinearLayer(())], Input=2)
    trained = net_train(net, (X * 3 + 5, X[:, 0]), MaxTrainingRounds=200, BatchSize=20, **QUIET)
    assert trained.arrays["0/MovingMean"] == pytest.approx((X * 3 + 5).mean(0), abs=0.05)
    assert trained.arrays["0/MovingVariance"] == pytest.approx((X * 3 + 5).var(0), rel=0.05)


def test_preset_arrays_are_the_start_and_training_goes_on_from_there():
    start = LinearLayer((), Weights=[[2.0]], Biases=[1.0], Input=())
    assert bits(net_train(start, LINE, MaxTrainingRounds=1, **QUIET)).keys() == {"Weights", "Biases"}
    assert net_train(start, LINE, "RoundLoss", MaxTrainingRounds=1, **QUIET) == 0.0


def test_a_multiplier_of_zero_freezes_bit_for_bit():
    net = net_initialize(NetChain({"a": 4, "r": Ramp, "b": LinearLayer(())}, Input=2))
    trained = net_train(net, (X, X[:, 0]), LearningRateMultipliers={"b": 1, All: None}, MaxTrainingRounds=3, **QUIET)
    assert trained.arrays["a/Weights"].tobytes() == net.arrays["a/Weights"].tobytes()
    assert trained.arrays["b/Weights"].tobytes() != net.arrays["b/Weights"].tobytes()
    frozen = net_initialize(NetChain({"a": LinearLayer(4, LearningRateMultipliers=0), "b": LinearLayer(())}, Input=2))
    kept = net_train(frozen, (X, X[:, 0]), MaxTrainingRounds=3, **QUIET)
    assert kept.arrays["a/Biases"].tobytes() == frozen.arrays["a/Biases"].tobytes()


def test_a_loss_with_arrays_has_a_rate_of_its_own():
    net, labels = net_initialize(NetChain({"a": 4, "b": 3}, Input=2)), (X[:, 0] > 0).astype(int)
    trained = net_train(
        net, {"Input": X, "Target": labels}, "TrainingNet", LossFunction=ArcFaceLossLayer(2),
        LearningRateMultipliers={"loss": 0, "a": 0}, MaxTrainingRounds=2, **QUIET,
    )  # fmt: skip
    start = net_train(
        net, {"Input": X, "Target": labels}, "TrainingNet", LossFunction=ArcFaceLossLayer(2),
        LearningRateMultipliers={"loss": 0}, MaxTrainingRounds=1, **QUIET,
    )  # fmt: skip
    assert trained.arrays["net/a/Weights"].tobytes() == net.arrays["a/Weights"].tobytes()
    assert trained.arrays["net/b/Weights"].tobytes() != net.arrays["b/Weights"].tobytes()
    moved = net_train(
        net, {"Input": X, "Target": labels}, "TrainingNet", LossFunction=ArcFaceLossLayer(2),
        LearningRateMultipliers={("loss", "Weights"): 10, All: 0}, MaxTrainingRounds=2, **QUIET,
    )  # fmt: skip
    assert moved.arrays["net/b/Weights"].tobytes() == net.arrays["b/Weights"].tobytes()
    assert trained.arrays["loss/Weights"].tobytes() == start.arrays["loss/Weights"].tobytes() != moved.arrays["loss/Weights"].tobytes()


def test_training_starts_where_net_initialize_does():
    net = NetChain({"a": 4, "r": Ramp, "b": LinearLayer(())}, Input=2)
    trained = net_train(net, (X, X[:, 0]), LearningRateMultipliers={"a": 0}, MaxTrainingRounds=1, **QUIET)
    assert trained.arrays["a/Weights"].tobytes() == net_initialize(net).arrays["a/Weights"].tobytes()


def test_shared_arrays_stay_one_array():
    net = NetChain([LinearLayer(2, Weights=NetArray("w"), Biases=None), Tanh, LinearLayer(2, Weights=NetArray("w"), Biases=None)], Input=2)
    trained = net_train(net, (X, X), MaxTrainingRounds=3, **QUIET)
    assert set(trained.arrays) == {"w"}


def test_validation_keeps_the_best_net():
    result = net_train(CLASSIFIER, (X, CLASS), All, ValidationSet=Scaled(0.25), MaxTrainingRounds=5, BatchSize=5, **QUIET)
    assert result.training_examples == 15 and result.validation_examples == 5
    assert len(result.validation_loss_list) == 5 and result.validation_positions == [3, 6, 9, 12, 15]
    assert result.best_validation_round == int(np.argmin(result.validation_loss_list)) + 1
    given = net_train(CLASSIFIER, (X, CLASS), All, ValidationSet=((X, CLASS), {"Interval": 2}), MaxTrainingRounds=6, **QUIET)
    assert len(given.validation_loss_list) == 3
    own = NetGraph({"n": given.trained_net, "l": CrossEntropyLossLayer("Index")}, [("n", NetPort("l", "Input"))])
    assert np.mean(own({"Input": X, "Target": CLASS})) == pytest.approx(min(given.validation_loss_list), rel=1e-5)


def test_validation_by_batches_for_a_generator():
    result = net_train(
        CLASSIFIER, lambda info: (X, CLASS), All, ValidationSet=((X, CLASS), {"Interval": (4, "Batches")}), MaxTrainingRounds=10, **QUIET
    )
    assert result.validation_positions == [4, 8]


@pytest.mark.parametrize(
    "method", ["ADAM", "SGD", ("SGD", {"Momentum": 0.9}), "RMSProp", ("AdamW", {"WeightDecay": 0.01}), ("ADAM", {"GradientClipping": 1})]
)
def test_every_method_learns(method):
    losses = net_train(CLASSIFIER, (X, CLASS), "RoundLossList", Method=method, LearningRate=0.02, MaxTrainingRounds=30, **QUIET)
    assert losses[-1] < 0.8 * losses[0]


def test_a_schedule_sees_the_total():
    seen = []

    def halve(batch, total):
        seen.append((batch, total))
        return 0.5

    result = net_train(
        CLASSIFIER, (X, CLASS), All, Method=("ADAM", {"LearningRateSchedule": halve}), BatchSize=10, MaxTrainingRounds=2, **QUIET
    )
    assert {total for _, total in seen} == {4} and result.final_learning_rate == 0.0005


def test_the_time_goal_ends_training_and_the_shorter_wins():
    result = net_train(CLASSIFIER, (X, CLASS), All, TimeGoal=0.2, MaxTrainingRounds=10**9, **QUIET)
    assert result.reason_training_stopped is StopReason.TIME_GOAL
    short = net_train(CLASSIFIER, (X, CLASS), All, TimeGoal=(1, "Hours"), MaxTrainingRounds=2, **QUIET)
    assert short.reason_training_stopped is StopReason.ROUNDS_DONE


def test_a_progress_function_sees_rounds_and_can_stop():
    seen = []

    def stop(progress):
        seen.append((progress.round, progress["RoundLoss"], progress.net(X[0]).shape))
        return "StopTraining" if len(seen) == 3 else None

    result = net_train(CLASSIFIER, (X, CLASS), All, TrainingProgressFunction=stop, MaxTrainingRounds=10, **QUIET)
    assert [number for number, *_ in seen] == [1, 2, 3]
    assert result.reason_training_stopped is StopReason.CALLBACK and result.total_rounds == 3


def test_ctrl_c_returns_the_net_trained_so_far():
    def interrupt():
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=interrupt)
    thread.start()
    result = net_train(CLASSIFIER, (X, CLASS), All, TimeGoal=60, **QUIET)
    thread.join()
    assert result.reason_training_stopped is StopReason.INTERRUPTED
    assert result.total_batches > 0 and result.trained_net(X).shape == (20, 2)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_raises_inside_the_users_generator():
    def sample(info):
        if info.round == 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        return X, CLASS

    with pytest.raises(KeyboardInterrupt):
        net_train(CLASSIFIER, sample, MaxTrainingRounds=5, **QUIET)


def test_training_in_a_thread_leaves_signals_alone():
    results = []
    thread = threading.Thread(target=lambda: results.append(net_train(CLASSIFIER, (X, CLASS), "TotalRounds", MaxTrainingRounds=2, **QUIET)))
    thread.start()
    thread.join()
    assert results == [2]


def test_the_precision_is_that_of_the_option_and_the_net_stays_as_it_was_saved():
    net = net_train(LinearLayer(), LINE, LearningRate=0.1, MaxTrainingRounds=300, WorkingPrecision="Real64", **QUIET)
    assert net.tensors["Weights"].dtype is torch.float64
    assert net(10.0) == pytest.approx(21.0, abs=0.05)


def test_a_trained_net_keeps_the_image_shape_that_the_data_told():
    net = net_train(LinearLayer(()), (np.ones((4, 2, 3)), [1.0, 1.0, 1.0, 1.0]), MaxTrainingRounds=1, **QUIET)
    assert net.inputs["Input"].shape == (2, 3)


@pytest.mark.parametrize("plan", [None, "Reference"])
def test_a_last_short_batch_is_trained_on_too(plan):
    result = net_train(CLASSIFIER, (X, CLASS), All, BatchSize=16, MaxTrainingRounds=2, TrainingProgressReporting=None, Plan=plan)
    assert result.examples_processed == 40 and result.total_batches == 4


def test_compiling_when_asked_gives_the_same_net_but_for_rounding():
    options = {"MaxTrainingRounds": 5, "BatchSize": 8, "TrainingProgressReporting": None}
    compiled = net_train(CLASSIFIER, (X, CLASS), All, Compile=True, **options)
    plain = net_train(CLASSIFIER, (X, CLASS), Plan="Reference", **options)
    assert compiled.plan.execution in ("compiled", "eager", "traced")
    for key, tensor in plain.tensors.items():
        torch.testing.assert_close(compiled.trained_net.tensors[key], tensor, rtol=1e-4, atol=1e-5)
