"""Checkpoints: a run that was cut anywhere and gone on with ends with the bits of one that never was."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.formats.training_file import read_training
from netgraph.train.result import StopReason

QUIET = {"TrainingProgressReporting": None, "Plan": "Reference"}
X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
CLASS = (X[:, 0] > X[:, 1]).astype(np.int64)
NET = NetChain([8, Ramp, DropoutLayer(0.3), BatchNormalizationLayer(), 2, SoftmaxLayer()], Input=3)
COMMON = {"BatchSize": 8, "MaxTrainingRounds": 4, **QUIET}
LISTS = (
    "BatchLossList", "RoundLossList", "RoundPositions", "ValidationLossList", "ValidationPositions", "BatchMeasurementsLists",
    "RoundMeasurementsLists", "ValidationMeasurementsLists", "BestValidationRound", "TotalRounds", "TotalBatches", "ExamplesProcessed",
    "FinalLearningRate", "ReasonTrainingStopped",
)  # fmt: skip


def bits(net):
    return {key: tensor.numpy().tobytes() for key, tensor in net.tensors.items()}


def same(resumed, whole):
    """Whether two results are equal, bit for bit."""
    assert bits(resumed.training_net) == bits(whole.training_net)
    for name in LISTS:
        # as text, since a measurement of nothing is NaN
        assert repr(resumed[name]) == repr(whole[name]), name


class Cut(Exception):
    """What ends a run in these tests."""


def cut_at(batch, raises=Cut):
    """A progress function that ends training after an update."""

    def function(progress):
        if progress.absolute_batch == batch:
            raise raises

    return (function, {"Interval": (1, "Batches")})


def cut_and_resumed(tmp_path, data, at, options, net=NET, every=(1, "Batches"), again=None):
    """A run that is cut after update `at` and gone on with from its last checkpoint, and one that is not cut."""
    saving = {"TrainingProgressCheckpointing": ("Directory", tmp_path / "a", {"Interval": every})}
    data = data if callable(data) and getattr(data, "made_anew", False) else lambda data=data: data
    with pytest.raises(Cut):
        net_train(net, data(), **options, **saving, TrainingProgressFunction=cut_at(at))
    resumed = net_train(net, (again or data)(), All, **options, Resume=tmp_path / "a")
    whole = net_train(net, data(), All, **options)
    return resumed, whole


VARIANTS = {
    "plain": {},
    "EMA and validation": {"EMA": 0.9, "ValidationSet": Scaled(0.2)},
    "a schedule": {"Method": ("AdamW", {"LearningRateSchedule": [("WarmUp", 3), "Cosine"], "GradientNormClipping": 0.5})},
    "plateau and stopping": {
        "Method": ("SGD", {"LearningRateSchedule": ("Plateau", {"Patience": 1})}),
        "ValidationSet": (Scaled(0.2), {"Interval": (3, "Batches")}),
        "TrainingStoppingCriterion": {"Criterion": "Loss", "Patience": 4},
    },
    "RMSProp": {"Method": ("RMSProp", {"Momentum": 0.5})},
    "Lion": {"Method": "Lion"},
    "a torch optimiser": {"Method": (torch.optim.Adagrad, {"lr_decay": 0.1})},
    "accumulation": {"GradientAccumulation": 3},
    "measured": {
        "TrainingProgressMeasurements": [
            "Accuracy", "Entropy", "F1Score", "ConfusionMatrix", "AreaUnderROCCurve", NetPort([0, "Output"]), NetPort(0, "Weights"),
        ],
        "TrainingStoppingCriterion": {"Criterion": "Entropy", "Patience": 2}, "EMA": 0.9,
    },
    "turns": {"TrainingUpdateSchedule": [{0: 2}, All], "LearningRateMultipliers": {3: None}},
    "double": {"WorkingPrecision": "Real64"},
    "mixed": {"WorkingPrecision": "Mixed"},
    "eager": {"Plan": "Eager"},
    "traced": {"Plan": "Traced"},
    "a seed of its own": {"RandomSeeding": 7},
    "a seed that is drawn": {"RandomSeeding": Automatic},
}  # fmt: skip


@pytest.mark.slow
def test_a_compiled_run_goes_on_bit_for_bit(tmp_path):
    resumed, whole = cut_and_resumed(tmp_path, (X, CLASS), 7, {**COMMON, "Plan": "Compiled", "EMA": 0.9})
    assert whole.plan.execution == resumed.plan.execution
    same(resumed, whole)


@pytest.mark.parametrize("at", [3, 7], ids=["inside a round", "at its end"])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_run_goes_on_bit_for_bit(tmp_path, name, at):
    options = {**COMMON, **VARIANTS[name]}
    if name == "a seed that is drawn":
        result = net_train(NET, (X, CLASS), All, **options, TrainingProgressCheckpointing=("File", tmp_path / "a.safetensors"))
        seed = read_training(tmp_path / "a.safetensors").told["Run"]["Options"]["RandomSeeding"]
        same(net_train(NET, (X, CLASS), All, **{**options, "RandomSeeding": seed}), result)
        return
    resumed, whole = cut_and_resumed(tmp_path, (X, CLASS), at, options)
    same(resumed, whole)
    assert resumed.report[-1].startswith("prepared in ") and any(line.startswith("resumed from ") for line in resumed.report)


def test_inside_an_accumulation(tmp_path):
    """Ctrl-C comes while gradients are being added up; the sum so far is in the checkpoint."""
    calls = []

    def sample(info):
        calls.append(info.absolute_batch)
        if info.absolute_batch == 8 and 8 not in calls[:-1]:
            os.kill(os.getpid(), signal.SIGINT)
        rows = info.numpy_generator.integers(50, size=info.batch_size)
        return {"Input": X[rows], "Output": CLASS[rows]}

    options = {"GradientAccumulation": 3, "BatchSize": 8, "MaxTrainingRounds": 3, **QUIET}
    data = (sample, {"RoundLength": 48})
    first = net_train(NET, data, All, **options, TrainingProgressCheckpointing=("File", tmp_path / "a.safetensors"))
    assert first.reason_training_stopped is StopReason.INTERRUPTED
    assert first.total_batches == 2 and first.examples_processed == 64
    assert read_training(tmp_path / "a.safetensors").told["Parts"] == 2
    resumed = net_train(NET, data, All, **options, Resume=tmp_path / "a.safetensors")
    same(resumed, net_train(NET, data, All, **options))


def test_a_generator_that_draws_from_its_seed(tmp_path):
    def sample(info):
        rows = info.numpy_generator.integers(50, size=info.batch_size)
        return {"Input": X[rows], "Output": CLASS[rows]}

    same(*cut_and_resumed(tmp_path, (sample, {"RoundLength": 32}), 6, COMMON))


class Counting:
    """An iterator with a position of its own, which it tells."""

    def __init__(self):
        self.position = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.position += 1
        rows = np.random.default_rng(self.position).integers(50, size=8)
        return {"Input": X[rows], "Output": CLASS[rows]}

    def state_dict(self):
        return {"position": self.position}

    def load_state_dict(self, state):
        self.position = state["position"]


def anew(make):
    make.made_anew = True
    return make


def plain_batches():
    return (next(counting) for counting in [Counting()] for _ in range(40))


def rounds_without_length():
    batches = list(plain_batches())[:5]

    class Again:
        def __iter__(self):
            return iter(batches)

    return Again()


@pytest.mark.parametrize("make", [Counting, plain_batches, rounds_without_length], ids=["with a state", "replayed", "read ahead"])
def test_iterators(tmp_path, make):
    options = {**COMMON, "MaxTrainingRounds": 12}
    resumed, whole = cut_and_resumed(tmp_path, anew(lambda: make()), 7, options)
    same(resumed, whole)


def test_an_iterator_that_gives_other_batches_is_refused(tmp_path):
    options = {**COMMON, "MaxTrainingRounds": 12}

    def other():
        return ({"Input": X[:8] + i, "Output": CLASS[:8]} for i in range(40))

    with pytest.raises(NetTrainingError) as caught:
        cut_and_resumed(tmp_path, anew(lambda: plain_batches()), 7, options, again=other)
    assert str(caught.value) == (
        "net_train: cannot resume: batch 7 of the iterator is not what it was\n"
        "  try: an iterable that gives the same batches again, or one with state_dict and load_state_dict"
    )


def test_validation_on_a_stream(tmp_path):
    def sample(info):
        rows = info.numpy_generator.integers(50, size=8)
        return {"Input": X[rows], "Output": CLASS[rows]}

    same(*cut_and_resumed(tmp_path, (X, CLASS), 9, {**COMMON, "ValidationSet": sample, "EMA": 0.8}))


def test_varying_lengths(tmp_path):
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 9, size=40)
    data = ([rng.normal(size=(n, 2)).tolist() for n in lengths], [float(n) for n in lengths])
    net = NetChain([NetMapOperator(LinearLayer(3)), AggregationLayer(Mean, 0), LinearLayer(())], Input=("Varying", 2))
    same(*cut_and_resumed(tmp_path, data, 4, COMMON, net=net))


def test_more_rounds_than_before(tmp_path):
    place = tmp_path / "a.safetensors"
    net_train(NET, (X, CLASS), **COMMON, TrainingProgressCheckpointing=("File", place))
    longer = net_train(NET, (X, CLASS), All, **{**COMMON, "MaxTrainingRounds": 6}, Resume=place)
    same(longer, net_train(NET, (X, CLASS), All, **{**COMMON, "MaxTrainingRounds": 6}))
    done = net_train(NET, (X, CLASS), All, **COMMON, Resume=place)
    assert done.total_rounds == 4 and done.reason_training_stopped is StopReason.ROUNDS_DONE


def test_the_options_are_remembered(tmp_path):
    place = tmp_path / "a.safetensors"
    options = {"LearningRate": 0.01, "Method": ("SGD", {"Momentum": 0.5}), "EMA": 0.9, "ValidationSet": Scaled(0.2),
               "LearningRateMultipliers": {0: 0, All: 2}}  # fmt: skip
    with pytest.raises(Cut):
        net_train(NET, (X, CLASS), **COMMON, **options, TrainingProgressFunction=cut_at(9), TrainingProgressCheckpointing=("File", place))
    resumed = net_train(NET, (X, CLASS), All, Resume=place, TrainingProgressReporting=None)
    same(resumed, net_train(NET, (X, CLASS), All, **COMMON, **options))


def test_a_checkpoint_is_a_net(tmp_path):
    place = tmp_path / "a.safetensors"
    result = net_train(NET, (X, CLASS), All, **COMMON, TrainingProgressCheckpointing=("File", place))
    assert net_load(place) == result.trained_net
    averaged = net_train(NET, (X, CLASS), All, **COMMON, EMA=0.9, TrainingProgressCheckpointing=("File", place))
    assert net_load(place) == averaged.trained_net
    assert result.checkpointing_files == [str(place)]


def test_files_of_a_directory_say_what_they_are(tmp_path):
    result = net_train(
        NET, (X, CLASS), All, **COMMON, ValidationSet=Scaled(0.2), TrainingProgressCheckpointing=("Directory", tmp_path / "deep" / "er")
    )
    names = sorted(path.name for path in (tmp_path / "deep" / "er").iterdir())
    assert len(names) == 4 and [str(tmp_path / "deep" / "er" / name) for name in names] == result.checkpointing_files
    start, call, round, batch, loss, checked = names[-1].removesuffix(".safetensors").split("_")
    assert start[:2] == "20" and int(call) > 0 and (round, batch) == ("4", "20")
    assert float(loss) == pytest.approx(result.round_loss, rel=1e-5) and float(checked) == pytest.approx(result.validation_loss, rel=1e-5)


def test_intervals(tmp_path):
    def count(every):
        folder = tmp_path / str(every)
        net_train(NET, (X, CLASS), **COMMON, TrainingProgressCheckpointing=("Directory", folder, {"Interval": every}))
        return len(list(folder.iterdir()))

    assert [count(every) for every in ((10, "Batches"), (2, "Rounds"), 4, (1, "Hours"))] == [3, 2, 1, 1]


def test_a_broken_checkpoint_is_passed_over(tmp_path):
    folder = tmp_path / "a"
    with pytest.raises(Cut):
        net_train(
            NET, (X, CLASS), **COMMON, TrainingProgressFunction=cut_at(9),
            TrainingProgressCheckpointing=("Directory", folder, {"Interval": (1, "Batches")}),
        )  # fmt: skip
    newest = sorted(folder.iterdir(), key=lambda path: int(path.name.split("_")[3]))[-1]
    content = bytearray(newest.read_bytes())
    content[-3] ^= 1
    newest.write_bytes(content)
    resumed = net_train(NET, (X, CLASS), All, **COMMON, Resume=folder)
    assert any(line.startswith(f"Resume: passed over: {newest}: the tensor ") for line in resumed.report)
    same(resumed, net_train(NET, (X, CLASS), All, **COMMON))
    with pytest.raises(NetFileError) as caught:
        net_train(NET, (X, CLASS), **COMMON, Resume=newest)
    assert str(caught.value).endswith("is not what was written: its bytes have another hash than the manifest says")


WRONG = [
    ({"BatchSize": 16}, "Resume: BatchSize is not as it was\n  8: in {path}\n  16: now"),
    ({"Method": "SGD", "LearningRate": 0.001}, "Resume: Method is not as it was\n  'ADAM': in {path}\n  'SGD': now"),
    ({"RandomSeeding": 3}, "Resume: RandomSeeding is not as it was\n  1234: in {path}\n  3: now"),
    (
        {"TrainingProgressMeasurements": "Accuracy"},
        "Resume: TrainingProgressMeasurements is not as it was\n  ['ErrorRate']: in {path}\n  ['Accuracy']: now",
    ),
    ({"EMA": 0.5}, "Resume: EMA is not as it was\n  None: in {path}\n  0.5: now"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_another_run_is_refused(tmp_path, options, message):
    place = tmp_path / "a.safetensors"
    net_train(NET, (X, CLASS), **COMMON, TrainingProgressCheckpointing=("File", place))
    with pytest.raises(NetTrainingError) as caught:
        net_train(NET, (X, CLASS), **{**COMMON, **options}, Resume=place)
    assert str(caught.value) == message.format(path=place)


def test_other_data_another_net_and_options_that_no_file_holds(tmp_path):
    place = tmp_path / "a.safetensors"
    schedule = {"Method": ("ADAM", {"LearningRateSchedule": lambda batch, total: 1.0})}
    net_train(NET, (X, CLASS), **COMMON, **schedule, TrainingProgressCheckpointing=("File", place))
    cases = [
        ((NET, (X + 1, CLASS)), schedule, "net_train: cannot resume: the data is not what it was when the checkpoint was written"),
        ((NET, (X[:40], CLASS[:40])), schedule, f"Resume: TrainingExamples is not as it was\n  50: in {place}\n  40: now"),
        ((NetChain([2, SoftmaxLayer()], Input=3), (X, CLASS)), schedule, "Resume: net is not as it was"),
        ((NET, (X, CLASS)), {}, f"Resume: Method was given to the run of {place}, and cannot be read from it\n  try: Method=..."),
    ]
    for call, options, message in cases:
        with pytest.raises(NetTrainingError) as caught:
            net_train(*call, **COMMON, **options, Resume=place)
        assert str(caught.value) == message


def test_what_is_no_checkpoint(tmp_path):
    net_save(net_initialize(NET), tmp_path / "net.safetensors")
    (tmp_path / "empty").mkdir()
    cases = [
        (
            tmp_path / "net.safetensors",
            NetFileError,
            f'{tmp_path}/net.safetensors: is no checkpoint: its metadata have no entry "training"',
        ),
        (tmp_path / "none.safetensors", NetFileError, f"{tmp_path}/none.safetensors: there is no such file"),
        (tmp_path / "empty", NetFileError, f"Resume: {tmp_path}/empty: there is no checkpoint in it"),
        (3, NetTypeError, "net_train: Resume is the path of a checkpoint or of a directory of them, got 3"),
    ]
    for place, kind, message in cases:
        with pytest.raises(NetError) as caught:
            net_train(NET, (X, CLASS), **COMMON, Resume=place)
        assert (type(caught.value), str(caught.value)) == (kind, message)


PROGRAM = """
    import json, os, signal, sys
    import numpy as np
    from netgraph import *
    X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    CLASS = (X[:, 0] > X[:, 1]).astype(np.int64)
    NET = NetChain([8, Ramp, DropoutLayer(0.3), BatchNormalizationLayer(), 2, SoftmaxLayer()], Input=3)
    kill, place = sys.argv[1], sys.argv[2]
    def end(progress):
        if kill != "none" and progress.absolute_batch == 8:
            os.kill(os.getpid(), getattr(signal, kill))
    options = dict(BatchSize=8, MaxTrainingRounds=4, TrainingProgressReporting=None, Plan="Reference", EMA=0.9, ValidationSet=Scaled(0.2))
    resume = {"Resume": place} if os.path.isdir(place) and os.listdir(place) else {}
    result = net_train(NET, (X, CLASS), All, **options, **resume, TrainingProgressFunction=(end, {"Interval": (1, "Batches")}),
                       TrainingProgressCheckpointing=("Directory", place, {"Interval": (3, "Batches")}))
    print(json.dumps([result.reason_training_stopped.name, result.batch_loss_list,
                      [t.numpy().tobytes().hex() for t in result.training_net.tensors.values()]]))
"""


@pytest.mark.parametrize(("kill", "batch"), [("SIGKILL", 6), ("SIGTERM", 8), ("SIGINT", 8)])
def test_killed_processes(tmp_path, kill, batch):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    root = Path(__file__).resolve().parents[2]

    def run(*arguments):
        return subprocess.run(
            [sys.executable, str(program), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )

    first = run(kill, tmp_path / "a")
    if kill == "SIGKILL":
        assert first.returncode == -signal.SIGKILL
    else:
        assert json.loads(first.stdout)[0] == "INTERRUPTED" and len(json.loads(first.stdout)[1]) == batch
    newest = max((tmp_path / "a").iterdir(), key=lambda path: int(path.name.split("_")[3]))
    assert read_training(newest).told["Batch"] == batch
    assert run("none", tmp_path / "a").stdout == run("none", tmp_path / "b").stdout
