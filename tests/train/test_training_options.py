"""What each option of training does, in numbers."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.train.result import StopReason

QUIET = {"TrainingProgressReporting": None, "Plan": "Reference"}
X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = (X @ np.array([1.0, -2.0, 0.5]) + 0.3).astype(np.float32)
CLASS = (X[:, 0] > X[:, 1]).astype(np.int64)
REGRESSION = net_initialize(NetChain({"a": 4, "t": Tanh, "b": LinearLayer(())}, Input=3))
CLASSIFIER = net_initialize(NetChain([4, Tanh, 2, SoftmaxLayer()], Input=3))
HALF = LinearLayer((), Weights=[[1.0]], Biases=None, Input=())
"""Its output, taken as a loss on the input 0.5, has the gradient 0.5 for its weight, which starts at 1."""


def bits(net):
    return {key: tensor.numpy().tobytes() for key, tensor in net.tensors.items()}


def nets_of(*arguments, **options):
    """The nets after each update."""
    nets = []
    net_train(*arguments, **{**QUIET, **options}, TrainingProgressFunction=(lambda p: nets.append(p.net), {"Interval": (1, "Batches")}))
    return nets


@pytest.mark.parametrize("kind", ["ADAM", "SGD", torch.optim.Adagrad])
def test_the_rate_may_stand_in_the_method(kind):
    options = {"MaxTrainingRounds": 2, **QUIET}
    inside = net_train(REGRESSION, (X, Y), All, Method=(kind, {"LearningRate": 0.1}), **options)
    beside = net_train(REGRESSION, (X, Y), All, Method=kind, LearningRate=0.1, **options)
    assert inside.initial_learning_rate == inside.final_learning_rate == 0.1
    assert bits(inside.trained_net) == bits(beside.trained_net) != bits(net_train(REGRESSION, (X, Y), Method=kind, **options))


NUMBERS = [
    ("SGD", 0.1, [0.95, 0.8535, 0.713755]),
    ("ADAM", 0.001, [0.9990006321, 0.9980010792, 0.9970014444]),
    ("RMSProp", 0.001, [0.9955279, 0.9923254, 0.9896775]),
    ("Lion", 0.1, [0.9, 0.8, 0.7]),
    ("SignSGD", 0.1, [0.9, 0.8, 0.7]),
    (("AdamW", {"WeightDecay": 0.01}), 0.1, [0.89906321, 0.79820885, 0.69744717]),
]


@pytest.mark.parametrize(("method", "rate", "wanted"), NUMBERS, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("plan", ["Reference", "Eager", "Traced"])
def test_the_worked_numbers(method, rate, wanted, plan):
    nets = nets_of(
        HALF, {"Input": [0.5]}, "Output", Method=method, LearningRate=rate, MaxTrainingRounds=3, WorkingPrecision="Real64", Plan=plan
    )
    assert [float(net.arrays["Weights"][0, 0]) for net in nets] == pytest.approx(wanted, abs=6e-8)


@pytest.mark.parametrize(
    ("method", "make"),
    [
        ((torch.optim.Adagrad, {"lr_decay": 0.1}), lambda p: torch.optim.Adagrad(p, lr=0.05, lr_decay=0.1)),
        ((torch.optim.NAdam, {"betas": (0.8, 0.9)}), lambda p: torch.optim.NAdam(p, lr=0.05, betas=(0.8, 0.9))),
        ((torch.optim.SGD, {"momentum": 0.9, "nesterov": True}), lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True)),
    ],
    ids=["Adagrad", "NAdam", "SGD"],
)
def test_classes_of_torch_optim(method, make):
    options = {"Method": method, "LearningRate": 0.05, "MaxTrainingRounds": 4, "BatchSize": 24, "WorkingPrecision": "Real64", **QUIET}
    result = net_train(REGRESSION, (X, Y), All, **options)
    module = REGRESSION.to_torch().double()
    optimizer = make(module.parameters())
    for _ in range(4):
        optimizer.zero_grad()
        (module(torch.from_numpy(X).double()) - torch.from_numpy(Y).double()).square().mean().backward()
        optimizer.step()
    for name, parameter in module.named_parameters():
        np.testing.assert_allclose(result.trained_net.arrays[name.replace(".", "/")], parameter.detach().numpy(), rtol=1e-9)
    assert result.optimization_method[0] == method[0].__name__


def test_a_class_of_torch_optim_takes_our_suboptions_and_refuses_others():
    both = (torch.optim.Adagrad, {"GradientClipping": 1e-3, "WeightClipping": 0.1})
    trained = net_train(REGRESSION, (X, Y), Method=both, MaxTrainingRounds=1, **QUIET)
    assert max(np.abs(array).max() for array in trained.arrays.values()) <= np.float32(0.1)
    cases = [
        ((torch.optim.Adagrad, {"lr": 0.1}), 'Method "Adagrad": the learning rate is an option of net_train\n  try: LearningRate=0.1'),
        (
            (torch.optim.Adagrad, {"lr_deca": 0.1}),
            'Method "Adagrad" has no suboption "lr_deca": did you mean "lr_decay" or "weight_decay"?',
        ),
        (torch.optim.LBFGS, 'Method "LBFGS" wants a function that it calls several times a step, which training here does not have'),
        ((torch.optim.Adagrad, {"lr_decay": -1}), 'Method "Adagrad": Invalid lr_decay value: -1'),
    ]
    for method, message in cases:
        with pytest.raises(NetError) as caught:
            net_train(REGRESSION, (X, Y), Method=method, MaxTrainingRounds=1, **QUIET)
        assert str(caught.value) == message


def test_accumulated_batches_are_one_big_batch():
    big = net_train(REGRESSION, (X, Y), All, BatchSize=24, MaxTrainingRounds=5, WorkingPrecision="Real64", **QUIET)
    parts = net_train(REGRESSION, (X, Y), All, BatchSize=6, GradientAccumulation=4, MaxTrainingRounds=5, WorkingPrecision="Real64", **QUIET)
    assert parts.total_batches == 5 and parts.batches_per_round == 1 and parts.batch_size == 6 and parts.examples_processed == 120
    for key, array in big.trained_net.arrays.items():
        np.testing.assert_allclose(parts.trained_net.arrays[key], array, rtol=1e-11)
    assert parts.batch_loss_list == pytest.approx(big.batch_loss_list, rel=1e-11)


def test_the_last_update_of_a_round_has_fewer_batches():
    result = net_train(REGRESSION, (X, Y), All, BatchSize=5, GradientAccumulation=3, MaxTrainingRounds=2, **QUIET)
    assert (result.total_batches, result.batches_per_round, result.round_positions) == (4, 2, [2, 4])
    compiled = net_train(REGRESSION, (X, Y), All, GradientAccumulation=2, Compile=True, MaxTrainingRounds=1, TrainingProgressReporting=None)
    assert "not compiled: updates are made of several batches" in compiled.report


def test_ema_is_the_mean_that_it_says():
    options = {"BatchSize": 8, "MaxTrainingRounds": 2, "WorkingPrecision": "Real64"}
    last = nets_of(REGRESSION, (X, Y), **options)
    averaged = net_train(REGRESSION, (X, Y), **options, EMA=0.7, **QUIET)
    shares = np.array([0.7 ** (len(last) - 1 - i) for i in range(len(last))])
    for key, array in averaged.arrays.items():
        wanted = sum(share * net.arrays[key] for share, net in zip(shares, last, strict=True)) / shares.sum()
        np.testing.assert_allclose(array, wanted, rtol=1e-12)


def test_ema_is_what_is_validated_and_frozen_arrays_stay():
    result = net_train(
        REGRESSION, (X, Y), All, EMA=0.9, ValidationSet=(X, Y), LearningRateMultipliers={"a": 0}, MaxTrainingRounds=3, **QUIET
    )
    assert np.mean((result.trained_net(X) - Y) ** 2) == pytest.approx(min(result.validation_loss_list), rel=1e-5)
    assert bits(result.trained_net["a"]) == bits(REGRESSION["a"])


def test_negative_multipliers_go_up_and_the_first_rule_counts():
    once = {"MaxTrainingRounds": 1, "Method": ("SGD", {"Momentum": None}), "WorkingPrecision": "Real64", **QUIET}

    def moved(setting):
        trained = net_train(REGRESSION, (X, Y), LearningRateMultipliers=setting, **once)
        return {key: trained.arrays[key] - REGRESSION.arrays[key] for key in trained.arrays}

    plain, ruled = moved(1), moved([(("a", "Biases"), 3), ("a", -2), (slice(1, None), None)])
    np.testing.assert_allclose(ruled["a/Biases"], 3 * plain["a/Biases"], rtol=1e-9)
    np.testing.assert_allclose(ruled["a/Weights"], -2 * plain["a/Weights"], rtol=1e-9)
    assert not ruled["b/Weights"].any() and not ruled["b/Biases"].any()
    listed = moved({All: 1}), moved([(["a", ("b", "Weights")], 1), (All, 0)])
    np.testing.assert_array_equal(listed[0]["a/Weights"], listed[1]["a/Weights"])
    assert not listed[1]["b/Biases"].any()


@pytest.mark.parametrize("setting", [{"n": 0}, {"n": None, All: 1}])
def test_a_multiplier_of_zero_keeps_running_statistics(setting):
    net = net_initialize(NetChain({"n": BatchNormalizationLayer(), "b": LinearLayer(())}, Input=3))
    kept = net_train(net, (X * 3 + 2, Y), LearningRateMultipliers=setting, MaxTrainingRounds=2, **QUIET)
    assert bits(kept["n"]) == bits(net["n"])
    moved = net_train(net, (X * 3 + 2, Y), LearningRateMultipliers={("n", "Scaling"): 0}, MaxTrainingRounds=2, **QUIET)
    assert moved.arrays["n/MovingMean"].tobytes() != net.arrays["n/MovingMean"].tobytes()


@pytest.mark.parametrize("plan", ["Reference", "Eager"])
def test_groups_take_turns(plan):
    nets = nets_of(REGRESSION, (X, Y), TrainingUpdateSchedule=[("a", 2), ("b", "Weights")], BatchSize=4, MaxTrainingRounds=1, Plan=plan)
    before, changed = REGRESSION, []
    for net in nets:
        changed.append("".join(name for name in ("a", "b") if bits(net[name]) != bits(before[name])))
        before = net
    assert changed == ["a", "a", "b", "a", "a", "b"]
    assert nets[-1].arrays["b/Biases"].tobytes() == REGRESSION.arrays["b/Biases"].tobytes()


def test_turns_count_the_updates_of_each_array():
    """ADAM's bias correction counts how often an array was moved, not how often others were."""
    net = NetGraph({"a": HALF, "b": HALF, "sum": TotalLayer()}, ["x -> a", "x -> b", (["a", "b"], "sum")], x=())
    options = {"LearningRate": 0.001, "WorkingPrecision": "Real64", "TrainingUpdateSchedule": ["a", {"b": 2}, "b"], "MaxTrainingRounds": 5}
    for plan in ("Reference", "Eager"):
        nets = nets_of(net, {"x": [0.5]}, "Output", **options, Plan=plan)
        wanted = [1.0, 0.9990006321, 0.9980010792, 0.9970014444]
        assert [float(n.arrays["a/Weights"][0, 0]) for n in nets] == pytest.approx([wanted[i] for i in (1, 1, 1, 1, 2)], abs=1e-9)
        assert [float(n.arrays["b/Weights"][0, 0]) for n in nets] == pytest.approx([wanted[i] for i in (0, 1, 2, 3, 3)], abs=1e-9)


def test_a_weight_column_weighs_examples():
    weight = np.linspace(0, 2, 24)
    net = NetGraph(
        {"net": REGRESSION, "loss": MeanSquaredLossLayer(), "times": ThreadingLayer(Times)},
        ["net -> loss", (["loss", NetPort("Weight")], "times"), ("times", NetPort("WeightedLoss"))],
    )
    by_graph = net_train(net, {"Input": X, "Target": Y, "Weight": weight}, LossFunction="WeightedLoss", MaxTrainingRounds=3, **QUIET)
    result = net_train(REGRESSION, {"Input": X, "Output": Y, "Weight": weight}, All, MaxTrainingRounds=3, ValidationSet=(X, Y), **QUIET)
    last = net_train(REGRESSION, {"Input": X, "Output": Y, "Weight": weight}, MaxTrainingRounds=3, **QUIET)
    for key, array in last.arrays.items():
        np.testing.assert_allclose(array, by_graph["net"].arrays[key], rtol=1e-5)
    assert result.validation_loss == pytest.approx(np.mean((last(X) - Y) ** 2), rel=1e-5)
    halves = {"Input": X, "Output": Y, "Weight": np.full(24, 0.5)}
    start = {"MaxTrainingRounds": 1, "BatchSize": 24, **QUIET}
    checked = net_train(REGRESSION, halves, All, ValidationSet=halves, **start)
    assert checked.round_loss == pytest.approx(0.5 * net_train(REGRESSION, (X, Y), "RoundLoss", **start))
    assert checked.validation_loss == pytest.approx(0.5 * np.mean((checked.trained_net(X) - Y) ** 2), rel=1e-5)


@pytest.mark.parametrize(
    ("net", "target", "weights", "by_hand"),
    [
        (CLASSIFIER, CLASS, {1: 3.0}, np.where(CLASS, 3.0, 1.0)),
        (CLASSIFIER, CLASS, [0.5, 2], np.where(CLASS, 2.0, 0.5)),
        (CLASSIFIER, np.eye(2)[CLASS], {0: 0}, np.where(CLASS, 1.0, 0.0)),
        (CLASSIFIER, CLASS, "Balanced", np.where(CLASS, 12 / CLASS.sum(), 12 / (24 - CLASS.sum()))),
        (NetChain([REGRESSION, LogisticSigmoid]), CLASS == 1, {True: 4}, np.where(CLASS, 4.0, 1.0)),
        (NetChain([REGRESSION, LogisticSigmoid]), CLASS.astype(float), {1: 4}, np.where(CLASS, 4.0, 1.0)),
    ],
    ids=["dict", "list", "probabilities", "balanced", "Boolean", "binary"],
)
def test_class_weights(net, target, weights, by_hand):
    options = {"MaxTrainingRounds": 2, "BatchSize": 8, **QUIET}
    for plan in ("Reference", "Traced"):
        by_class = net_train(net, {"Input": X, "Output": target}, ClassWeights=weights, **{**options, "Plan": plan})
        by_column = net_train(net, {"Input": X, "Output": target, "Weight": by_hand}, **options)
        for key, array in by_class.arrays.items():
            np.testing.assert_allclose(array, by_column.arrays[key], rtol=1e-4, atol=1e-7)


WRONG = [
    (CLASSIFIER, CLASS, {"ClassWeights": {2: 1}}, "net_train: ClassWeights: there is no class 2, they are 0 to 1"),
    (CLASSIFIER, CLASS, {"ClassWeights": [1]}, "net_train: ClassWeights: there are 1 weights for 2 classes"),
    (CLASSIFIER, CLASS, {"ClassWeights": {0: -1}}, "net_train: ClassWeights: the weight of class 0 is a number from 0, got -1"),
    (REGRESSION, Y, {"ClassWeights": [1, 2]}, "net_train: ClassWeights wants a cross-entropy, the loss is MeanSquaredLossLayer()"),
    (REGRESSION, Y, {"GradientAccumulation": 0}, "net_train: GradientAccumulation is at least 1, got 0"),
    (REGRESSION, Y, {"EMA": 1}, "net_train: EMA is the share of the old mean that is kept, above 0 and below 1, got 1"),
    (REGRESSION, Y, {"EMA": "yes"}, "net_train: EMA is a number such as 0.999, or None, got 'yes'"),
    (REGRESSION, Y, {"TrainingUpdateSchedule": "a"},
     'TrainingUpdateSchedule wants a list of groups, got \'a\'\n  try: TrainingUpdateSchedule=["a", "b"]'),
    (REGRESSION, Y, {"TrainingUpdateSchedule": ["c"]}, "TrainingUpdateSchedule: there is no 'c' in the net, known: \"a\", \"t\", \"b\""),
    (REGRESSION, Y, {"TrainingUpdateSchedule": ["t"]}, "TrainingUpdateSchedule: nothing in 't' is trained"),
    (REGRESSION, Y, {"TrainingUpdateSchedule": [("a", 0)]},
     "TrainingUpdateSchedule: 'a' is moved in a whole number of updates from 1, got 0"),
    (REGRESSION, Y, {"LearningRate": "find"}, "net_train: LearningRate is a number, \"Find\" or Automatic, got 'find'"),
    (REGRESSION, Y, {"LearningRate": 1, "Method": ("SGD", {"LearningRate": 1})},
     'net_train: the learning rate is given twice, as LearningRate= and as "LearningRate" of Method'),
    (REGRESSION, Y, {"LearningRate": "Find", "Method": ("SGD", {"LearningRate": 1})},
     'net_train: the learning rate is given twice, as LearningRate= and as "LearningRate" of Method'),
    (REGRESSION, Y, {"Method": ("SGD", {"LearningRate": 0})},
     'Method "SGD": "LearningRate" is 0, a finite number above 0 is wanted'),
    (REGRESSION, Y, {"TrainingStoppingCriterion": "Accuracy"},
     'TrainingStoppingCriterion: no measurement "Accuracy" is tracked, known: "Loss"'),
    (REGRESSION, Y, {"TrainingStoppingCriterion": {"Criterion": "Loss", "Patiense": 3}},
     'TrainingStoppingCriterion has no option "Patiense", did you mean "Patience" or "InitialPatience" or "RelativeChange"?'),
    (REGRESSION, Y, {"TrainingProgressFunction": (print, {"Interval": (3, "Batch")})},
     'TrainingProgressFunction: Interval is in "Rounds", "Batches", "Seconds", "Minutes", "Hours" or "Percent", got \'Batch\''),
    (REGRESSION, Y, {"TrainingProgressCheckpointing": ("Folder", "x")},
     'net_train: TrainingProgressCheckpointing: there is no form "Folder", did you mean "File"?'),
    (REGRESSION, Y, {"TrainingProgressCheckpointing": "x"},
     'net_train: TrainingProgressCheckpointing is \'x\'\n  wanted: ("Directory", path) or ("File", path), or a list of these'),
    (REGRESSION, Y, {"Method": ("ADAM", {"L2Regularization": {"c": 1}})},
     'Method "ADAM": there is no \'c\' in the net, known: "a", "t", "b"'),
]  # fmt: skip


@pytest.mark.parametrize(("net", "target", "options", "message"), WRONG)
def test_what_does_not_fit(net, target, options, message):
    with pytest.raises(NetError) as caught:
        net_train(net, (X, target), MaxTrainingRounds=1, **{**QUIET, **options})
    assert str(caught.value) == message


def test_regularisation_and_clipping_of_parts():
    once = {"MaxTrainingRounds": 1, "BatchSize": 24, "LearningRate": 0.1, "WorkingPrecision": "Real64", **QUIET}

    def weights(**suboptions):
        return net_train(REGRESSION, (X, Y), Method=("SGD", {"Momentum": None, **suboptions}), **once).arrays

    plain = weights()
    decayed = weights(L2Regularization={("b", "Weights"): 0.5, All: 0})
    np.testing.assert_allclose(decayed["b/Weights"], plain["b/Weights"] - 0.05 * REGRESSION.arrays["b/Weights"], rtol=1e-9)
    assert decayed["a/Weights"].tobytes() == plain["a/Weights"].tobytes()
    clipped = weights(GradientClipping={"a": 1e-3})
    assert np.abs(clipped["a/Weights"] - REGRESSION.arrays["a/Weights"]).max() == pytest.approx(1e-4, rel=1e-6)
    assert np.abs(weights(WeightClipping={"b": 0.2})["b/Weights"]).max() <= 0.2
    normed = weights(GradientNormClipping=1e-3)
    assert np.sqrt(sum(((normed[k] - REGRESSION.arrays[k]) ** 2).sum() for k in normed)) == pytest.approx(1e-4, rel=1e-2)


def test_mixed_precision_keeps_masters_in_real32():
    result = net_train(REGRESSION, (X, Y), All, WorkingPrecision="Mixed", LearningRate=0.02, MaxTrainingRounds=150, **QUIET)
    exact = net_train(REGRESSION, (X, Y), All, LearningRate=0.02, MaxTrainingRounds=150, **QUIET)
    assert {tensor.dtype for tensor in result.trained_net.tensors.values()} == {torch.float32}
    assert result.round_loss < 0.1 * result.round_loss_list[0]
    assert result.batch_loss_list[0] == pytest.approx(exact.batch_loss_list[0], rel=0.02)
    assert result.batch_loss_list[0] != exact.batch_loss_list[0]


def test_a_found_rate_and_its_curve():
    result = net_train(REGRESSION, (X, Y), All, LearningRate="Find", BatchSize=8, MaxTrainingRounds=40, **QUIET)
    rates = [rate for rate, _ in result.learning_rate_curve]
    assert rates == sorted(rates) and rates[0] == 1e-7
    assert 1e-4 < result.initial_learning_rate < 1
    assert result.round_loss < 0.2 * result.round_loss_list[0]
    assert any(line.startswith('LearningRate="Find": ') for line in result.report)
    assert NetTrainResultsObject.from_json(result.to_json()).learning_rate_curve[3] == list(result.learning_rate_curve[3])
    given = net_train(REGRESSION, (X, Y), All, BatchSize=8, LearningRate=result.initial_learning_rate, MaxTrainingRounds=40, **QUIET)
    assert bits(given.trained_net) == bits(result.trained_net)


def test_the_largest_batch(monkeypatch):
    x = np.random.default_rng(1).normal(size=(1000, 3))
    whole = net_train(REGRESSION, (x, x[:, 0]), "BatchSize", BatchSize="Largest", MaxTrainingRounds=1, **QUIET)
    assert whole == 1000
    step = netgraph_runner().step

    def little(self, batch, rate):
        if batch.inputs[0].shape[0] > 300:
            raise torch.OutOfMemoryError("too much")
        return step(self, batch, rate)

    monkeypatch.setattr(netgraph_runner(), "step", little)
    result = net_train(REGRESSION, (x, x[:, 0]), All, BatchSize="Largest", MaxTrainingRounds=1, **QUIET)
    assert result.batch_size == 256 and result.report[0] == 'BatchSize="Largest": 256'
    asked = []

    def sample(info):
        asked.append(info.batch_size)
        return {"Input": x[: info.batch_size], "Output": x[: info.batch_size, 0]}

    assert net_train(REGRESSION, sample, "BatchSize", BatchSize="Largest", MaxTrainingRounds=2, **QUIET) == 256
    assert asked[-1] == 256


def netgraph_runner():
    from netgraph.train.runner import Runner

    return Runner


def test_a_criterion_ends_training():
    checks = iter([1, 0.8, 0.7, 0.75, 0.72, 0.71, 0.69, 0.6])
    nets = []

    class Scripted:
        def check(self, arrays, states):
            return next(checks), {}

        def state(self):
            return None

    def run(criterion, monkeypatch):
        nonlocal checks
        checks = iter([1, 0.8, 0.7, 0.75, 0.72, 0.71, 0.69, 0.6])
        monkeypatch.setattr("netgraph.train.session.Validation", lambda prepared, options: Scripted())
        nets.clear()
        return net_train(
            REGRESSION, (X, Y), All, TrainingStoppingCriterion=criterion, ValidationSet=(X, Y), MaxTrainingRounds=7,
            TrainingProgressFunction=lambda p: nets.append(p.net), **QUIET,
        )  # fmt: skip

    with pytest.MonkeyPatch.context() as patch:
        result = run({"Criterion": "Loss", "Patience": 3}, patch)
        assert (result.total_rounds, result.best_validation_round, result.reason_training_stopped) == (6, 3, StopReason.CRITERION)
        assert bits(result.trained_net) == bits(nets[2])
        assert run("Loss", patch).total_rounds == 4
        assert run(Automatic, patch).total_rounds == 4
        assert run({"Patience": 4}, patch).total_rounds == 7
        assert run({"AbsoluteChange": 0.15}, patch).total_rounds == 3
        assert run({"RelativeChange": (15, "Percent")}, patch).total_rounds == 3
        assert run({"InitialPatience": 5}, patch).total_rounds == 6
        assert run(lambda p: p.validation_loss < 0.73, patch).total_rounds == 3


def test_a_criterion_without_validation_looks_at_the_rounds():
    result = net_train(
        REGRESSION, (X, Y), All, TrainingStoppingCriterion={"AbsoluteChange": 1e9}, MaxTrainingRounds=5, BatchSize=8, **QUIET
    )
    assert result.total_rounds == 2
    assert "TrainingStoppingCriterion without a ValidationSet: it looks at the loss of the training data" in result.report


def test_plateau_is_torchs():
    from netgraph.train.schedule import Plateau

    losses = [float(v) for v in np.random.default_rng(5).random(60) + 1 / np.arange(1, 61)]
    parameter = torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3, eps=0)
    for number, loss in enumerate(losses, 1):
        theirs.step(loss)
        assert Plateau(0.5, 3).factor(1, None, losses[:number]) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)


def test_a_plateau_lowers_the_rate_of_a_run():
    schedule = ("SGD", {"LearningRateSchedule": ("Plateau", {"Patience": 1, "Factor": 0.5, "RelativeChange": 0.5})})
    rates = []
    net_train(
        REGRESSION, (X, Y), Method=schedule, MaxTrainingRounds=8, LearningRate=0.01,
        TrainingProgressFunction=lambda p: rates.append(p.learning_rate),
        **QUIET,
    )  # fmt: skip
    assert rates[0] == 0.01 and rates[-1] < 0.01 and rates == sorted(rates, reverse=True)


def test_everything_a_progress_function_is_told():
    seen = {}

    def look(progress):
        seen.update(dict(progress))

    result = net_train(
        REGRESSION, (X, Y), All, BatchSize=10, MaxTrainingRounds=2, ValidationSet=(X, Y), **QUIET,
        TrainingProgressFunction=[look, (look, {"Interval": (1, "Batches")}),
                                  (look, {"Interval": (50, "Percent"), "MinimumInterval": 0.01})],
    )  # fmt: skip
    assert (seen["AbsoluteBatch"], seen["Batch"], seen["BatchesPerRound"], seen["TotalBatches"], seen["Round"]) == (6, 3, 3, 6, 2)
    assert seen["BatchLossList"] == result.batch_loss_list and seen["ValidationLossList"] == result.validation_loss_list
    rows = seen["BatchIndices"]
    assert len(rows) == 4 and torch.equal(seen["BatchData"]["Input"], torch.from_numpy(X[rows]))
    net = seen["Net"]
    np.testing.assert_allclose(seen["ExampleLosses"], (net(X[rows]) - Y[rows]) ** 2, rtol=1e-4, atol=1e-6)
    assert seen["Weights"]["a/Weights"].numpy().tobytes() == net.arrays["a/Weights"].tobytes()
    assert seen["WeightsRMS"]["b/Biases"] == pytest.approx(np.abs(net.arrays["b/Biases"]))
    assert seen["WeightsVector"].shape == (21,) == seen["GradientsVector"].shape
    gradient = 2 * np.mean(net(X[rows]) - Y[rows])
    assert float(seen["Gradients"]["b/Biases"]) == pytest.approx(gradient, rel=1e-4)
    assert seen["GradientsRMS"]["b/Biases"] == pytest.approx(abs(gradient), rel=1e-4)
    assert seen["OptimizationMethod"][0] == "ADAM" and seen["TargetDevice"] == "cpu" and seen["Event"] in ("Round", "Validation")
    assert seen["ProgressFraction"] == 1.0 and seen["CheckpointingFiles"] == []


def test_intervals_of_progress_functions():
    def count(interval):
        calls = []
        net_train(
            REGRESSION, (X, Y), BatchSize=6, MaxTrainingRounds=6, **QUIET,
            TrainingProgressFunction=(lambda p: calls.append(p.absolute_batch), {"Interval": interval}),
        )  # fmt: skip
        return calls

    assert count((9, "Batches")) == [9, 18]
    assert count((2, "Rounds")) == count(2) == [8, 16, 24]
    assert count((25, "Percent")) == [6, 12, 18, 24]
    assert count((1, "Hours")) == []


def test_aborting_is_an_error_that_holds_the_result():
    with pytest.raises(NetTrainingError) as caught:
        net_train(REGRESSION, (X, Y), MaxTrainingRounds=5, TrainingProgressFunction=lambda p: "AbortTraining", **QUIET)
    assert str(caught.value) == "net_train: a progress function aborted training after batch 1"
    assert caught.value.result.total_rounds == 1
    result = net_train(REGRESSION, (X, Y), All, MaxTrainingRounds=5, TrainingProgressFunction=lambda p: "AbortTraining", **QUIET)
    assert result.reason_training_stopped is StopReason.ABORTED
