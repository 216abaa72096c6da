"""FunctionLayer with learned arrays and nets inside, and the graph of its parts."""

import json
import re

import jsonschema
import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.lower.forward import lower

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def affine():
    return FunctionLayer(lambda x: x @ NetArray("w", Dimensions=(3, 2)) + NetArray("b", Array=[1, 2]))


# -- arrays ----------------------------------------------------------------------------------------------------------------------------


def test_a_net_array_is_an_array_of_the_layer():
    layer = affine()
    assert dict(layer.arrays).keys() == {"w", "b"} and layer.arrays["w"] is Automatic and layer["b"].tolist() == [1, 2]
    net = net_initialize(layer)
    assert net["w"].shape == (3, 2) and np.allclose(net(X), X @ net["w"] + [1, 2], atol=1e-6)
    assert net(X[0]).shape == (2,) and net_extract(net, NetArray("w")) is net["w"]
    assert net_extract(net, All).keys() == {"Function", "w", "b"}
    assert repr(layer) == "FunctionLayer(x @ w + b)"


def test_its_gradients_and_training():
    net = net_initialize(affine())
    found = net(X, NetPortGradient(All))
    assert np.allclose(found["w"], np.repeat(X.sum(0)[:, None], 2, 1), atol=1e-5) and found["b"].tolist() == [5, 5]
    target = X @ np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    trained = net_train(net, (X, target), MaxTrainingRounds=3000, LearningRate=0.01, TrainingProgressReporting=None)
    assert np.abs(trained(X) - target).max() < 0.1 and not np.array_equal(trained["b"], net["b"])


def test_arrays_cost_no_more_than_those_of_a_linear_layer():
    source = lower(net_initialize(NetChain([affine()], Input=3))).source
    assert "expand" not in source and re.search(r"matmul = getitem\w* @ getitem", source)


def test_a_name_is_one_array_within_a_net():
    square = FunctionLayer(lambda x: NetArray("w", Dimensions=(3, 3)) @ x)
    tied = net_initialize(NetChain([LinearLayer(3, Weights=NetArray("w"), Biases=None), Tanh, square], Input=3))
    assert list(tied.arrays) == ["w"]
    assert np.allclose(tied(X[0]), tied.arrays["w"] @ np.tanh(tied.arrays["w"] @ X[0]), atol=1e-5)
    twice = FunctionLayer(lambda x: NetArray("w", Dimensions=(3, 3)) @ (NetArray("w") @ x))
    assert list(twice.arrays) == ["w"]
    with pytest.raises(NetError) as caught:
        NetGraph([FunctionLayer(lambda x: NetArray("w", Dimensions=(2, 3)) @ x), square])
    assert str(caught.value) == (
        "1/w: axis 0 is 2 on one side and 3 on the other\n  2: 0 is FunctionLayer(w @ x)\n  3: 1 is FunctionLayer(w @ x)"
    )


def test_arrays_without_a_name_are_the_layers_own():
    layer = FunctionLayer(lambda x: torch.tanh(NetArray(Dimensions=(2,))) * x.sum() + NetArray(Dimensions=()))
    chain = net_initialize(NetChain([layer, layer], Input=3))
    assert list(chain.arrays) == ["0/Array1", "0/Array2", "1/Array1", "1/Array2"]
    arrays = chain.arrays
    assert np.allclose(layer.replaced(arrays={k[2:]: t for k, t in chain.tensors.items() if k[0] == "0"})(X[0]),
                       np.tanh(arrays["0/Array1"]) * X[0].sum() + arrays["0/Array2"], atol=1e-6)  # fmt: skip
    scale = NetArray(Dimensions=())
    assert list(FunctionLayer(lambda x: x * scale - scale).arrays) == ["Array1"]


def test_dimensions_may_follow_from_the_input():
    layer = FunctionLayer(lambda x: x @ NetArray("w", Dimensions=(x.shape[-1], 2)))
    assert layer.arrays["w"] is Automatic
    for size in (3, 5):
        net = net_initialize(NetChain([layer, Tanh], Input=size))
        assert net["0/w"].shape == (size, 2) and net["Output"] == (2,)
        x = np.ones((4, size), np.float32)
        assert np.allclose(net(x), np.tanh(x @ net["0/w"]), atol=1e-6)
    known = FunctionLayer(lambda x: x @ NetArray("w", Dimensions=(x.shape[-1], 2)), Input=3)
    assert net_from_json(net_to_json(known)) == known


def test_every_way_to_compute_with_one():
    w = [[1.0, 2.0], [3.0, 4.0]]
    for f, expected in [
        (lambda x: NetArray("w", Array=w) * x, [[1, 4], [3, 8]]),
        (lambda x: 2 - NetArray("w", Array=w) + 0 * x, [[1, 0], [-1, -2]]),
        (lambda x: x / NetArray("w", Array=w), [[1, 1], [1 / 3, 0.5]]),
        (lambda x: NetArray("w", Array=w).T @ x, [7, 10]),
        (lambda x: NetArray("w", Array=w)[0] + x, [2, 4]),
        (lambda x: torch.nn.functional.linear(x, NetArray("w", Array=w), NetArray("b", Array=[1, 0])), [6, 11]),
        (lambda x: torch.cat([NetArray("b", Array=[5, 6]), x]), [5, 6, 1, 2]),
        (lambda x: torch.stack([x, NetArray("b", Array=[5, 6])]).sum(0), [6, 8]),
        (lambda x: Tanh(NetArray("b", Array=[0, 0])) + x, [1, 2]),
        (lambda x: -(abs(NetArray("b", Array=[-5, 6])) ** 2) + x, [-24, -34]),
        (lambda x: (NetArray("b", Array=[5, 6]) > 5) * x, [0, 2]),
        (lambda x: torch.einsum("ij,j->i", NetArray("w", Array=w), x), [5, 11]),
        (lambda x: NetArray("b", Array=[5, 6]).softmax(0).sum() * x, [1, 2]),
    ]:
        assert np.allclose(FunctionLayer(f)([1, 2]), expected, atol=1e-6)
        assert np.allclose(FunctionLayer(f, Input=2)([[1, 2], [1, 2]]), [expected, expected], atol=1e-6)


def test_files_hold_them(tmp_path):
    net = net_initialize(affine())
    net_save(net, tmp_path / "a.safetensors")
    assert net_load(tmp_path / "a.safetensors") == net
    again = net_from_json(net_to_json(net))
    assert again == net.structure and list(again.arrays) == ["w", "b"]
    assert affine() == affine() and hash(affine()) == hash(affine())
    assert affine().structure != FunctionLayer(lambda x: x @ NetArray("v", Dimensions=(3, 2)) + NetArray("b", Array=[1, 2])).structure


def test_as_a_module_and_compiled():
    net = net_initialize(NetChain([affine()], Input=3))
    module = net.to_torch()
    assert {name for name, _ in module.named_parameters()} == {"b", "w"}
    assert np.allclose(module(torch.from_numpy(X)).detach(), net(X), atol=1e-6)


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: FunctionLayer(lambda x: x @ NetArray("w")),
            'FunctionLayer: NetArray("w") in a function needs its dimensions\n  try: NetArray("w", Dimensions=<shape>)',
        ),
        (
            lambda: FunctionLayer(lambda x: torch.fft.fft(x * NetArray("w", Dimensions=())).real),
            "a function that has arrays of its own is made of listed operations alone; it uses torch.fft_fft",
        ),
        (
            lambda: FunctionLayer(lambda a, b: a * b * NetArray("a", Dimensions=())),
            'FunctionLayer: "a" is a NetArray and a parameter of the function\n  try: a=<shape>, b=<shape>',
        ),
        (
            lambda: FunctionLayer(lambda x: x * NetArray("sizes", Dimensions=())),
            'FunctionLayer: a NetArray cannot be called "sizes", which is a word of the layer',
        ),
        (
            lambda: FunctionLayer(lambda x: NetArray("w", Dimensions=2) * NetArray("w", Dimensions=3)),
            'FunctionLayer: the array "w" has dimensions (2,) and (3,) in one function\n  try: Input=<shape>',
        ),
        (
            lambda: ElementwiseLayer(lambda x: x * NetArray("w", Dimensions=())),
            "the function has arrays of its own\n  try: FunctionLayer(f), which holds them",
        ),
        (lambda: NetArray("w") + 1, 'NetArray("w") is an array only inside the function of a FunctionLayer'),
        (lambda: torch.tanh(NetArray("w")), "torch.tanh of a NetArray: it is an array only inside the function of a FunctionLayer"),
        (
            lambda: NetChain([affine()], Input=4),
            "0: the function fails on arrays of shape (4,): RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x4 and 3x2)\n"
            "  (4,): NetChain was given Input=4",
        ),
    ],
)
def test_what_is_wrong_with_an_array_is_said(make, message):
    with pytest.raises(NetError) as caught:
        make()
    assert str(caught.value) == message


# -- nets ------------------------------------------------------------------------------------------------------------------------------


def test_a_net_inside_brings_its_arrays():
    linear = LinearLayer(3)
    layer = FunctionLayer(lambda x: x + linear(torch.tanh(x)))
    assert list(layer.arrays) == ["Function/1/Weights", "Function/1/Biases"]
    net = net_initialize(NetChain([layer], Input=3))
    weights = net["0/Function/1/Weights"]
    assert np.allclose(net(X), X + np.tanh(X) @ weights.T, atol=1e-6)
    part = net_extract(net, (0, "Function", 1))
    assert isinstance(part, LinearLayer) and np.allclose(part(np.tanh(X)), net(X) - X, atol=1e-5)


def test_a_net_with_values_keeps_them_and_is_trained():
    inner = LinearLayer(2, Weights=[[1, 0], [0, 2]], Biases=[0, 0])
    layer = FunctionLayer(lambda x: {"y": inner(x) * 2, "x": x})
    assert layer([1, 1])["y"].tolist() == [2, 4] and layer.outputs["y"].shape == (2,)
    net = NetChain([FunctionLayer(lambda x: inner(x).sum())])
    trained = net_train(net, (np.eye(2), [3.0, 5.0]), MaxTrainingRounds=2000, LearningRate=0.01, TrainingProgressReporting=None)
    assert np.allclose(trained(np.eye(2)), [3, 5], atol=0.1)
    assert inner.arrays["Weights"].tolist() == [[1, 0], [0, 2]]


def test_the_shape_of_a_net_is_tried_where_the_input_is_open():
    image = NetChain([ConvolutionLayer(2, 3), Ramp, AggregationLayer("Mean")], Input=(1, 8, 8))
    layer = FunctionLayer(lambda x: image(x) / 2)
    assert layer.inputs["Input"].shape == (1, 8, 8) and layer.outputs["Output"].shape == (2,)
    with pytest.raises(NetError) as caught:
        FunctionLayer(lambda a, b: image(a) + b[7], b=3)
    assert str(caught.value) == (
        "FunctionLayer: the function fails on arrays of shape (4,) and (3,): IndexError: "
        "index 7 is out of bounds for dimension 0 with size 3\n  try: a=<shape>"
    )


def test_a_net_called_several_times_is_one():
    encoder = NetChain([4, Tanh], Input=3)
    layer = FunctionLayer(lambda a, b: torch.sum((encoder(a) - encoder(b)) ** 2))
    assert len(layer.arrays) == 2
    net = net_initialize(layer)
    assert net({"a": X[0], "b": X[0]}) == 0 and net({"a": X[0], "b": X[1]}) > 0
    weights, biases = net.arrays.values()
    encoded = np.tanh(X[:2] @ weights.T + biases)
    assert np.allclose(net({"a": X[0], "b": X[1]}), ((encoded[0] - encoded[1]) ** 2).sum(), atol=1e-5)
    deep = FunctionLayer(lambda x: encoder3(encoder3(x)))
    assert len(deep.arrays) == 2 and net_from_json(net_to_json(deep)) == deep


encoder3 = NetChain([3, Tanh], Input=3)


def test_nets_with_several_ports_operators_and_noise():
    both = NetGraph({"p": Plus, "t": Tanh}, ["a -> p", "b -> p", "p -> s", "a -> t -> u"])
    layer = FunctionLayer(lambda x: both({"a": x, "b": 2 * x})["s"] + both({"a": x, "b": x}, "u"))
    assert np.allclose(layer(X), 3 * X + np.tanh(X), atol=1e-6)
    mapped = net_initialize(FunctionLayer(lambda x: torch.tanh(NetMapOperator(LinearLayer(2))(x)), Input=("Varying", 3)))
    together = mapped([X[:2], X])
    assert np.allclose(together[0], mapped(X[:2]), atol=1e-6) and together[1].shape == (5, 2)
    dropped = FunctionLayer(lambda x: DropoutLayer(0.5)(x) * 2)
    assert dropped([1, 1]).tolist() == [2, 2]
    assert set(dropped(np.ones(50), NetEvaluationMode="Train", RandomSeeding=1)) == {0, 4}
    assert isinstance(FunctionLayer(lambda x: Plus_([x, x]))([1, 2]), np.ndarray)


Plus_ = ThreadingLayer(Plus)


def test_nets_and_arrays_together_in_files_and_modules(tmp_path):
    linear = LinearLayer(3)
    layer = FunctionLayer(lambda x: linear(x) * NetArray("scale", Array=[1, 2, 3]) + NetArray(Dimensions=()), Input=3)
    net = net_initialize(layer)
    assert sorted(net.arrays) == ["Function/0/Biases", "Function/0/Weights", "Function/2/Array1", "scale"]
    net_save(net, tmp_path / "a.safetensors")
    assert net_load(tmp_path / "a.safetensors") == net
    expected = (X @ net["Function/0/Weights"].T) * [1, 2, 3] + net["Function/2/Array1"]
    assert np.allclose(net(X), expected, atol=1e-5)
    assert np.allclose(net.to_torch("Test")(torch.from_numpy(X)).detach(), expected, atol=1e-5)


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: FunctionLayer(lambda x: LinearLayer(2, Input=3)(x[:2])),
            "FunctionLayer: the function: Input of LinearLayer(2, Input=3) wants real (3,), the function gives (2,)\n  try: Input=<shape>",
        ),
        (
            lambda: FunctionLayer(lambda x: torch.fft.fft(encoder3(x)).real, Input=3),
            "a function that calls a net is made of listed operations alone; it uses torch.fft_fft",
        ),
        (
            lambda: FunctionLayer(lambda x: encoder3(x, "Outputs"), Input=3),
            "NetChain([LinearLayer(3), ElementwiseLayer(Tanh)], Input=3) has no output port 'Outputs', did you mean \"Output\"?",
        ),
        (
            lambda: FunctionLayer(lambda x: encoder3(x, NetEvaluationMode="Train"), Input=3),
            "NetChain([LinearLayer(3), ElementwiseLayer(Tanh)], Input=3) is called in a function that is traced: it gives its outputs, "
            "without options",
        ),
        (
            lambda: FunctionLayer(lambda x: normal(normal(x)), Input=3),
            "BatchNormalizationLayer() is called several times, but BatchNormalizationLayer has running statistics, which cannot be shared",
        ),
        (
            lambda: FunctionLayer(lambda x: LinearLayer(2)(x) * x.shape[0]),
            "FunctionLayer: the function calls a net, and does other steps on shape (7,) than on the recorded one\n  try: Input=<shape>",
        ),
        (lambda: ElementwiseLayer(lambda x: LinearLayer(2)(x)), "the function calls a net\n  try: FunctionLayer(f), which holds them"),
    ],
)
def test_what_is_wrong_with_a_net_is_said(make, message):
    with pytest.raises(NetError) as caught:
        make()
    assert str(caught.value) == message


normal = BatchNormalizationLayer()


# -- the graph of the parts ------------------------------------------------------------------------------------------------------------


def layers_of(graph):
    return [type(layer).__name__ for layer in graph]


def test_the_graph_of_a_function_has_layers_for_its_operations():
    layer = FunctionLayer(lambda x: {"a": torch.softmax(x, 0), "b": torch.relu(x).sum(), "c": x.argmax(), "d": x.flip(0).mean(0)})
    graph = NetGraph(layer)
    assert sorted(layers_of(graph)) == [
        "AggregationLayer", "AggregationLayer", "ElementwiseLayer", "FunctionLayer", "SequenceReverseLayer", "SoftmaxLayer",
    ]  # fmt: skip
    expected, found = layer(X), graph(X)
    assert list(found) == ["a", "b", "c", "d"] and all(np.allclose(found[name], expected[name], atol=1e-6) for name in found)


def test_arrays_become_layers_and_masks_stay_where_they_are_used():
    layer = net_initialize(FunctionLayer(lambda x: torch.where(x > 0, x, 0.1 * x) @ NetArray("w", Dimensions=(3, 2)), Input=3))
    graph = NetGraph(layer)
    assert layers_of(graph) == ["ElementwiseLayer", "ThreadingLayer", "NetArrayLayer", "DotLayer"]
    assert list(graph.arrays) == ["w"] and np.array_equal(graph.arrays["w"], layer["w"]) and np.allclose(graph(X), layer(X), atol=1e-6)
    own = net_initialize(NetGraph(FunctionLayer(lambda x: x * NetArray(Dimensions=3), Input=3)))
    assert list(own.arrays) == ["0/Array"]


@pytest.mark.parametrize(
    "f, shape",
    [
        (lambda x: x.reshape(3, 2) @ x.reshape(2, 3), (6,)),
        (lambda x: torch.cat([x, x * 2]).T, (2, 3)),
        (lambda x: torch.flatten(x).cumsum(0), (2, 3)),
        (lambda x: x.transpose(0, 1).amax(1) - x.std(0) + torch.ones(3), (2, 3)),
        (lambda x: x, (2,)),
        (lambda x: torch.tensor([1.0, 2.0]) + 0, (2,)),
        (lambda x: (x > 0) & (x < 1), (3,)),
        (lambda x: StandardDeviation(x) + x.prod(0) * Ramp(x).amin(), (3,)),
        (lambda x: EuclideanDistance(x, 2 * x) * x.to(torch.int64), (3,)),
    ],
)
def test_the_graph_computes_what_the_function_does(f, shape):
    layer = FunctionLayer(f, Input=shape)
    x = np.random.default_rng(1).normal(size=(4, *shape)).astype(np.float32)
    graph = NetGraph(layer)
    assert graph.outputs["Output"].shape == layer.outputs["Output"].shape and np.allclose(graph(x), layer(x), atol=1e-5)
    open_layer = NetGraph(FunctionLayer(f, Input=shape)).replaced(given={})
    assert np.allclose(open_layer(x[0]), layer(x[0]), atol=1e-5)


def test_the_graph_of_a_function_with_nets_is_what_it_holds():
    linear = LinearLayer(3)
    layer = net_initialize(FunctionLayer(lambda x: x + linear(x), Input=3))
    graph = NetGraph(layer)
    assert graph[0] == layer["Function", 0] and np.allclose(graph(X), layer(X))
    opaque = FunctionLayer(lambda x: torch.fft.fft(x).real, Input=3)
    assert layers_of(NetGraph(opaque)) == ["FunctionLayer"]


def test_arrays_are_shared_as_those_of_any_layer():
    net = net_insert_shared_arrays(net_initialize(NetChain([affine(), FunctionLayer(lambda x: x * NetArray(Dimensions=()))], Input=3)))
    assert sorted(net.arrays) == ["1:Array1", "b", "w"]
    jsonschema.Draft202012Validator(net_json_schema()).validate(json.loads(net_to_json(net)))
    assert net_from_json(net_to_json(net)) == net.structure
