"""What bad input gets: the whole message, told where it was written."""

import numpy as np
import pytest
import torch

from netgraph import *

QUIET = {"TrainingProgressReporting": None, "MaxTrainingRounds": 2, "Plan": "Reference"}
X = np.arange(20, dtype=np.float32).reshape(10, 2) / 10
Y = np.arange(10) % 2
NET = NetChain([3, Ramp, 2, SoftmaxLayer()], Input=2)
TWO = NetGraph({"a": [3], "b": [2]}, [(NetPort("Input"), "a"), (NetPort("Input"), "b")], Input=2)
TWO_OUTPUTS = NetGraph({"a": Tanh, "b": Ramp}, ["Input -> a -> x", "Input -> b -> y"])
FORMS = """
  {"Input": [...], "Output": [...]}: columns by port: lists, arrays or tensors
  (inputs, outputs): two columns, for a net with one input and one output port
  [(input, output), ...]: a list of pairs, for such a net
  [{"Input": ..., "Output": ...}, ...]: a list of dicts
  f or (f, {"RoundLength": n}): a function f(info) that gives a batch in one of the forms above
  an iterable: of such batches
  a torch Dataset or DataLoader: with examples, or batches, in these forms
  a pandas or Polars DataFrame, an Arrow or Hugging Face table: columns by port
  a path or File(path): of an HDF5 or .safetensors file: columns by port, which stay on disk
  Sampled(data, sampler): data in any of the forms that have rows, with batches composed by class"""


def wrong_later(info):
    return {"Input": X, "Output": Y} if info.absolute_batch < 2 else {"Input": X, "Outpt": Y}


def with_nan():
    x = X.copy()
    x[3, 1] = np.nan
    return x


DATA = [
    ({"Input": np.ones((10, 3)), "Output": Y}, NetShapeError,
     "Input: the length is 3 on one side and 2 on the other\n  3: the data\n  2: NetChain was given Input=2"),
    ({"Imput": X, "Output": Y}, NetNameError,
     'net_train: the data has a column "Imput" that feeds no port, did you mean "Input" or "Output"?'),
    ({"Input": X}, NetTypeError, 'net_train: the data has no column "Target" or "Output", only "Input"'),
    ({"Input": X, "Output": Y, "Target": Y}, NetTypeError,
     'net_train: the columns "Output" and "Target" both feed the target; give one of them'),
    ({"Input": X, "Output": Y[:5]}, NetValueError, 'net_train: column "Input" has 10 examples, column "Output" has 5 examples'),
    ({"Input": [[1, 2], [3]], "Output": [0, 1]}, NetShapeError,
     'net_train: column "Input": the examples differ in shape (integer (Varying,)), the port wants real (2,)'),
    ({"Input": X, "Output": Y + 1}, NetValueError, 'net_train: column "Output": wants integers from 0 to 1, got 2 at [1]'),
    ({"Input": X, "Output": Y + 0.5}, NetValueError, 'net_train: column "Output": wants whole numbers, got 0.5 at [0]'),
    ((with_nan(), Y), NetValueError, 'net_train: column "Input": wants finite numbers, got NaN at [3, 1]'),
    ({"Input": [], "Output": []}, NetValueError, "net_train: the data is empty, it has no example"),
    ([], NetValueError, "net_train: the data is empty, it has no example"),
    (lambda info: {"Input": X}, NetTypeError, 'net_train: the data has no column "Target" or "Output", only "Input"'),
    (wrong_later, NetNameError, 'net_train: call 2 of the generator: no port takes the column "Outpt", did you mean "Output"?'),
    (lambda info: None, NetTypeError,
     "net_train: call 1 of the generator gave None: a batch is a dict of columns, (inputs, outputs), a list of pairs or a list of dicts"),
    (iter([]), NetValueError, "net_train: the iterator of batches stopped before its first batch"),
    ("MNIST", NetTypeError, "net_train: 'MNIST' is a name, and no data set comes with netgraph" + FORMS),
    (3, NetTypeError, "net_train: the data is an int, which is no form of data" + FORMS),
]  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "message"), DATA)
def test_data(data, kind, message):
    with pytest.raises(NetError) as caught:
        net_train(NET, data, **QUIET)
    assert (type(caught.value), str(caught.value)) == (kind, message)


OPTIONS = [
    ({"BachSize": 3}, NetNameError, 'net_train has no option "BachSize", did you mean "BatchSize"?'),
    ({"BatchSize": 3, "batch_size": 3}, NetTypeError, "net_train: BatchSize is given twice, as BatchSize= and batch_size="),
    ({"BatchSize": "a"}, NetTypeError, "net_train: BatchSize is a whole number, \"Largest\" or Automatic, got 'a'"),
    ({"BatchSize": True}, NetTypeError, "net_train: BatchSize is a whole number or Automatic, got True"),
    ({"MaxTrainingRounds": 0}, NetValueError, "net_train: MaxTrainingRounds is at least 1, got 0"),
    ({"TimeGoal": -1}, NetValueError, "net_train: TimeGoal is above 0, got -1"),
    ({"TimeGoal": (1, "Days")}, NetTypeError,
     "net_train: TimeGoal is a number of seconds or (number, \"Seconds\" | \"Minutes\" | \"Hours\"), got (1, 'Days')"),
    ({"LearningRate": 0}, NetValueError, "net_train: LearningRate is above 0, got 0"),
    ({"Method": "Adma"}, NetNameError, 'Method "Adma" is unknown: did you mean "ADAM" or "AdamW"?'),
    ({"Compile": 1}, NetTypeError, "net_train: Compile is True, False or Automatic, got 1"),
    ({"WorkingPrecision": "Real16"}, NetValueError, "net_train: WorkingPrecision is \"Real32\", \"Real64\" or \"Mixed\", got 'Real16'"),
    ({"TargetDevice": "TPU"}, NetValueError, 'TargetDevice="TPU" is no device that nets run on: "CPU" or "CUDA"'),
    ({"RandomSeeding": 1.5}, NetTypeError, 'RandomSeeding wants a number, a text, Automatic or "Inherited", got 1.5'),
    ({"TrainingProgressFunction": 3}, NetTypeError, "net_train: TrainingProgressFunction wants a function of the progress, got 3"),
    ({"TrainingProgressReporting": "Pannel"}, NetNameError,
     'TrainingProgressReporting: there is no form "Pannel", did you mean "Panel"?'),
    ({"LearningRateMultipliers": {"x": 1}}, NetNameError,
     "LearningRateMultipliers: there is no 'x' in the net, known: \"0\", \"1\", \"2\", \"3\""),
    ({"LossFunction": 3.5}, NetTypeError, "LossFunction wants a loss layer, a port's name, or a list of terms, got 3.5"),
    ({"LossFunction": ("Outptu", MeanSquaredLossLayer())}, NetNameError,
     'LossFunction: NetChain([LinearLayer(3), ElementwiseLayer(Ramp), LinearL... has no output port \'Outptu\', did you mean "Output"?'),
    ({"LossFunction": TWO_OUTPUTS}, NetValueError,
     'LossFunction: NetGraph({"a": ElementwiseLayer(Tanh), "b": ElementwiseLa... has 2 outputs ("x", "y"), a loss has one, or one that is '
     'called "Loss"'),
    ({"ValidationSet": Scaled(2)}, NetValueError, "net_train: a fraction held back is above 0 and below 1, got 2"),
    ({"ValidationSet": (X[:, :1], Y)}, NetShapeError,
     'net_train: ValidationSet: column "Input": the examples have shape (1,), the port wants (2,)'),
]  # fmt: skip


@pytest.mark.parametrize(("options", "kind", "message"), OPTIONS)
def test_options(options, kind, message):
    with pytest.raises(NetError) as caught:
        net_train(NET, (X, Y), **{**QUIET, **options})
    assert (type(caught.value), str(caught.value)) == (kind, message)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device that the test wants absent")
def test_a_device_that_is_not_there():
    with pytest.raises(NetValueError) as caught:
        net_train(NET, (X, Y), TargetDevice="CUDA", **QUIET)
    assert str(caught.value) == "TargetDevice='CUDA': there is no CUDA device on this machine\n  try: TargetDevice=\"CPU\""


CALLS = [
    (lambda: net_train([3], (X, Y)), NetTypeError, "net_train wants a net, got [3]"),
    (lambda: net_train(NET, (X, Y), "RoundLos"), NetNameError,
     'net_train: "RoundLos" is neither a property of the results nor an output port, '
     'did you mean "RoundLoss" or "RoundLossList" or "RoundPositions"?'),
    (lambda: net_train(NET, (X, Y), MeanSquaredLossLayer(), LossFunction=MeanSquaredLossLayer()), NetTypeError,
     "net_train: the loss is given twice, as third argument and as LossFunction="),
    (lambda: net_train(TWO, {"Input": X, "Output1": X, "Output2": X}, MeanSquaredLossLayer(), **QUIET), NetTypeError,
     'LossFunction: NetGraph({"a": NetChain[1], "b": NetChain[1]}, [(NetPort(... has 2 outputs ("Output1", "Output2")\n'
     '  try: LossFunction=("Output1", loss)'),
    (lambda: net_train(TWO, (X, Y), **QUIET), NetTypeError,
     'net_train: two columns need a net with one input and one output port, this one has the input "Input" and the outputs "Output1", '
     '"Output2"\n  try: {"Input": [...], "Output1": [...], "Output2": [...]}'),
    (lambda: net_train(NetChain([3, 1], Input=2), (X, X[:, 0]), **QUIET), NetShapeError,
     "net_train: the targets are numbers, Output is real (1,)\n  try: LinearLayer(()) as the last layer, or targets of shape (1,)"),
    (lambda: net_train(lambda x: x, (X, Y)), NetTypeError, None),
    (lambda: net_train(NET, lambda info: (X, Y), ValidationSet=Scaled(0.5), **QUIET), NetTypeError,
     "net_train: a share can be held back of data with examples; a stream of batches has none to choose from"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), CALLS)
def test_calls(call, kind, message):
    with pytest.raises(NetError) as caught:
        call()
    assert type(caught.value) is kind
    if message is not None:
        assert str(caught.value) == message
    else:
        assert str(caught.value).startswith("net_train wants a net, got <function")


def test_a_loss_that_is_not_finite_names_the_batch_and_the_first_bad_layer():
    net = NetChain({"log": ElementwiseLayer(lambda x: torch.log(x)), "line": LinearLayer(())}, Input=2)
    data = (np.array([[1.0, 2.0], [-1.0, 2.0]]), [1.0, 2.0])
    with pytest.raises(NetTrainingError) as caught:
        net_train(net, data, BatchSize=1, **QUIET)
    number = 1 if "batch 1" in str(caught.value) else 2
    assert str(caught.value) == (
        f"net_train: the loss or its gradient was not finite at batch {number} (examples 1): "
        "log/Output, of ElementwiseLayer(Log(x)), is the first that is not finite\n"
        "  try: data of mean 0 and deviation 1, a lower LearningRate, or GradientClipping"
    )
    result = net_train(net, data, All, BatchSize=1, **QUIET)
    assert result.reason_training_stopped.name == "DIVERGED"
    assert all(np.isfinite(array).all() for array in result.trained_net.arrays.values())
    assert result["Report"][-1] == caught.value.headline
    assert caught.value.result.total_batches == result.total_batches


def test_an_array_that_became_infinite_gives_the_net_before_training():
    net = net_initialize(NetChain([3, 1], Input=2))
    result = net_train(
        net, (X * 1e18, X[:, :1] * 1e18), All, LearningRate=1e18, TrainingProgressReporting=None, MaxTrainingRounds=50, Plan="Reference"
    )
    assert result.reason_training_stopped.name == "DIVERGED"
    assert result.trained_net == net
    assert "the net before training is returned" in result["Report"][-2]


def test_a_sequence_of_a_stream_that_is_too_short():
    net = NetChain([SequenceMostLayer(), SequenceLastLayer(), LinearLayer(())], Input=("Varying", 2))

    def sample(info):
        lengths = (3, 2) if info.absolute_batch < 3 else (3, 1)
        return {"Input": [np.ones((n, 2)) for n in lengths], "Output": [1.0, 2.0]}

    with pytest.raises(NetShapeError) as caught:
        net_train(net, sample, **{**QUIET, "MaxTrainingRounds": 5})
    assert str(caught.value) == ("net_train: call 3 of the generator: 0 wants at least 2 elements, of example 1 of Input it would get 1")
