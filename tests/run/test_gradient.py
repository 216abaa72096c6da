"""NetPortGradient and Jacobian: the worked examples of the reference, batches, arrays, imposed gradients, and what is refused."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.lower.forward import lower

SQUARE = ElementwiseLayer(lambda x: x**2, Input=3)
LINE = LinearLayer(2, Weights=[[1, 2, 3], [4, 5, 6]], Biases=[0, 0])


def test_the_derivative_of_a_square():
    assert SQUARE([1, 2, 3], NetPortGradient("Input")).tolist() == [2, 4, 6]
    assert SQUARE({"Input": [1, 2, 3], NetPortGradient("Output"): [1, 0, 10]}, NetPortGradient("Input")).tolist() == [2, 0, 60]


def test_the_rectifier_has_derivative_0_at_negative_inputs():
    assert ElementwiseLayer(Ramp)(-1.0, NetPortGradient("Input")) == 0.0


def test_every_example_has_its_own_input_gradient_and_arrays_get_the_sum():
    batch = [[1, 2, 3], [10, 20, 30]]
    assert LINE(batch, NetPortGradient("Input")).tolist() == [[5, 7, 9], [5, 7, 9]]
    assert LINE(batch[0], NetPortGradient("Weights")).tolist() == [[1, 2, 3], [1, 2, 3]]
    assert LINE(batch, NetPortGradient("Weights")).tolist() == [[11, 22, 33], [11, 22, 33]]
    assert LINE(batch, NetPortGradient("Biases")).tolist() == [2, 2]


def test_all_of_them_and_by_path():
    net = NetChain({"a": LINE, "b": SummationLike()})
    found = net([1, 0, 0], NetPortGradient(All))
    assert set(found) == {"Input", "a/Weights", "a/Biases", "b/Weights"}
    assert np.array_equal(net([1, 0, 0], NetPortGradient("a", "Weights")), found["a/Weights"])
    assert np.array_equal(net([1, 0, 0], NetPortGradient("a/Weights")), found["a/Weights"])


def SummationLike():
    return LinearLayer((), Weights=[[1, 1]], Biases=None)


@pytest.mark.parametrize(("p", "sign"), [(0.2, -1), (0.8, 1), (0.5, 0)])
def test_the_binary_cross_entropy_pulls_towards_its_target(p, sign):
    gradient = CrossEntropyLossLayer("Binary", Input=())({"Input": p, "Target": 0.5}, NetPortGradient("Input"))
    assert np.sign(round(gradient, 6)) == sign


def test_what_is_refused():
    with pytest.raises(NetNameError) as caught:
        LINE([1, 2, 3], NetPortGradient("Weigths"))
    assert str(caught.value) == "there is no input port or array 'Weigths', did you mean \"Weights\"?"
    with pytest.raises(NetTypeError) as caught:
        CrossEntropyLossLayer("Index", Input=2)({"Input": [0.5, 0.5], "Target": 1}, NetPortGradient("Target"))
    assert str(caught.value) == '"Target" takes integer below 2: there is no gradient with respect to it'
    with pytest.raises(NetTypeError) as caught:
        SQUARE({"Input": [1, 2, 3], NetPortGradient("Output"): [1, 0, 10]})
    assert str(caught.value) == "an output gradient is imposed, but no NetPortGradient is asked for"
    with pytest.raises(NetShapeError) as caught:
        SQUARE({"Input": [1, 2, 3], NetPortGradient("Output"): [1, 0]}, NetPortGradient("Input"))
    assert str(caught.value) == 'the gradient imposed at "Output" has shape (1, 2), the output (1, 3)'


def test_positions_from_either_end_and_shared_arrays():
    net = net_initialize(
        NetChain({"a": LinearLayer(2, Weights=NetArray("w")), "b": Tanh, "c": LinearLayer(2, Weights=NetArray("w"))}, Input=2)
    )
    x = [0.3, -0.2]
    found = net(x, NetPortGradient(All))
    assert list(found) == ["Input", "w", "a/Biases", "c/Biases"]
    for place in (NetPortGradient("w"), NetPortGradient(0, "Weights"), NetPortGradient("c/Weights"), NetPortGradient(-1, "Weights")):
        assert np.array_equal(net(x, place), found["w"])
    apart = NetChain({"a": LinearLayer(2, Weights=net["a/Weights"]), "b": Tanh, "c": LinearLayer(2, Weights=net["a/Weights"])}, Input=2)
    apart = net_initialize(apart)
    assert np.allclose(found["w"], apart(x, NetPortGradient("a/Weights")) + apart(x, NetPortGradient("c/Weights")))


SEQUENCE = net_initialize(NetMapOperator([2, Tanh], Input=("Varying", 3)))


def sentences():
    source = np.random.default_rng(0)
    return [source.normal(size=(length, 3)).astype(np.float32) for length in (2, 4, 1)]


def test_padding_has_no_part_in_gradients():
    together, x = SEQUENCE(sentences(), NetPortGradient(All)), sentences()
    alone = [SEQUENCE(one, NetPortGradient(All)) for one in x]
    for i in range(3):
        assert together["Input"][i].shape == x[i].shape and np.allclose(together["Input"][i], alone[i]["Input"], rtol=1e-6)
    assert np.allclose(together["Net/0/Biases"], sum(found["Net/0/Biases"] for found in alone), rtol=1e-6)
    imposed = [np.full((len(one), 2), i + 1.0) for i, one in enumerate(x)]
    weighted = SEQUENCE({"Input": x, NetPortGradient("Output"): imposed}, NetPortGradient("Input"))
    assert all(np.allclose(weighted[i], (i + 1) * alone[i]["Input"], rtol=1e-6) for i in range(3))
    with pytest.raises(NetShapeError) as caught:
        SEQUENCE({"Input": x, NetPortGradient("Output"): [np.ones((2, 2)), np.ones((3, 2)), np.ones((1, 2))]}, NetPortGradient("Input"))
    assert str(caught.value) == 'NetPortGradient("Output"): in example 1 the length is 3, 4 is wanted'


def test_gradients_of_each_example():
    x = sentences()
    found = SEQUENCE(x, NetPortGradient(All, PerExample=True))
    for i in range(3):
        alone = SEQUENCE(x[i], NetPortGradient(All))
        assert all(np.allclose(found[place][i], alone[place], rtol=1e-6) for place in alone)
        assert SEQUENCE(x[i], NetPortGradient("Net/0/Weights", PerExample=True)).shape == (2, 3)
    weighted = LINE(
        {"Input": [[1, 2, 3], [1, 0, 0]], NetPortGradient("Output"): [[1, 0], [0, 2]]}, NetPortGradient("Weights", PerExample=True)
    )
    assert weighted.tolist() == [[[1, 2, 3], [0, 0, 0]], [[0, 0, 0], [2, 0, 0]]]


DEEP = net_initialize(NetChain([4, Tanh, SoftmaxLayer()], Input=3))


def expected_jacobians(net, x):
    """By torch, example by example."""
    lowered = lower(net)
    arrays = tuple(net.tensors[name] for name in lowered.arrays)

    def function(x, *arrays):
        return lowered.forward((x.unsqueeze(0),), arrays, (), (), (), None)[0][0].squeeze(0)

    return [torch.autograd.functional.jacobian(function, (row, *arrays)) for row in torch.as_tensor(x)]


def test_the_jacobian_is_that_of_torch():
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    found = DEEP(x, Jacobian(All))
    assert {place: value.shape for place, value in found.items()} == {"Input": (5, 4, 3), "0/Weights": (5, 4, 4, 3), "0/Biases": (5, 4, 4)}
    for i, row in enumerate(expected_jacobians(DEEP, x)):
        for place, value in zip(found, row, strict=True):
            assert np.allclose(found[place][i], value, rtol=1e-6, atol=1e-8)
    assert np.allclose(DEEP(x[0], Jacobian("Input")), found["Input"][0], rtol=1e-6, atol=1e-8)
    exact = DEEP(x, Jacobian("Input"), WorkingPrecision="Real64")
    assert exact.dtype == np.float64 and np.allclose(exact.sum(1), 0, atol=1e-14)
    assert isinstance(DEEP(torch.from_numpy(x), Jacobian("Input")), torch.Tensor)


def test_the_jacobian_of_sequences_is_cut_to_their_lengths():
    x = sentences()
    found = SEQUENCE(x, Jacobian(All))
    for i, one in enumerate(x):
        n = len(one)
        assert found["Input"][i].shape == (n, 2, n, 3) and found["Net/0/Weights"][i].shape == (n, 2, 2, 3)
        assert np.allclose(found["Input"][i], SEQUENCE(one, Jacobian("Input")), rtol=1e-6, atol=1e-8)


def test_several_outputs_give_a_dict():
    net = NetGraph({"a": LINE, "b": FunctionLayer(lambda x: x.sum())}, ["x -> a -> y", "x -> b -> z"])
    found = net([1, 2, 3], Jacobian("x"))
    assert list(found) == ["y", "z"] and found["y"].tolist() == [[1, 2, 3], [4, 5, 6]] and found["z"].tolist() == [1, 1, 1]
    assert not net([1, 2, 3], Jacobian("a/Weights"))["z"].any()
    assert net([1, 2, 3], NetPortGradient("x")).tolist() == [6, 8, 10]
    both = {"x": [1, 2, 3], NetPortGradient("y"): [1, 0], NetPortGradient("z"): 10.0}
    assert net(both, NetPortGradient("x")).tolist() == [11, 12, 13]
    assert net({"x": [1, 2, 3], NetPortGradient("z"): 10.0}, NetPortGradient("x")).tolist() == [10, 10, 10]


def test_what_torch_cannot_map_over_examples_runs_one_by_one():
    layer = FunctionLayer(lambda x: x * len(torch.nonzero(x)), Input=2)
    assert layer([[1, 2], [3, 0]], Jacobian("Input")).tolist() == [[[2, 0], [0, 2]], [[1, 0], [0, 1]]]
    net = NetChain([LinearLayer(2, Weights=[[1, 0], [0, 1]], Biases=None), layer])
    assert net([[1, 2], [3, 0]], NetPortGradient("0/Weights", PerExample=True)).tolist() == [[[2, 4], [2, 4]], [[3, 0], [3, 0]]]
    assert net([[1, 2], [3, 0]], Jacobian("0/Weights")).tolist() == [
        [[[2, 4], [0, 0]], [[0, 0], [2, 4]]],
        [[[3, 0], [0, 0]], [[0, 0], [3, 0]]],
    ]


def test_the_noise_of_training_is_each_examples_own():
    net = net_initialize(NetMapOperator([DropoutLayer(), 2], Input=(4, 3)))
    x, options = np.ones((3, 4, 3), np.float32), {"NetEvaluationMode": "Train", "RandomSeeding": 7}
    whole = net(x, NetPortGradient("Net/1/Weights"), **options)
    each = net(x, NetPortGradient("Net/1/Weights", PerExample=True), **options)
    assert np.allclose(each.sum(0), whole, rtol=1e-6) and not np.allclose(each[0], each[1])


def test_examples_that_are_coupled_have_no_derivatives_of_their_own():
    net = net_initialize(NetChain([BatchNormalizationLayer(), 2], Input=3))
    assert net(np.ones((4, 3)), Jacobian("Input")).shape == (4, 2, 3)
    for what in (Jacobian("Input"), NetPortGradient("1/Weights", PerExample=True)):
        with pytest.raises(NetTypeError) as caught:
            net(np.ones((4, 3)), what, NetEvaluationMode="Train")
        assert str(caught.value) == (
            "0, BatchNormalizationLayer(), uses the statistics of the batch in Train mode: "
            "there are no derivatives for each example by itself"
        )
    for what in (Jacobian("0/MovingMean"), NetPortGradient("0/MovingMean")):
        with pytest.raises(NetTypeError) as caught:
            net(np.ones((4, 3)), what)
        assert str(caught.value) == '"0/MovingMean" is kept by the layer itself: there is no gradient with respect to it'
    with pytest.raises(NetTypeError) as caught:
        LINE({"Input": [1, 2, 3], NetPortGradient("Output"): [1, 0]}, Jacobian("Input"))
    assert str(caught.value) == "an output gradient is imposed, but no NetPortGradient is asked for"


def test_they_are_values():
    assert NetPortGradient("w", PerExample=True) != NetPortGradient("w") == NetPortGradient("w", per_example=False)
    assert Jacobian("w") != NetPort("w") and len({Jacobian("w"), Jacobian("w"), NetPortGradient("w")}) == 2
    assert eval(repr(NetPortGradient(0, "Weights", PerExample=True))) == NetPortGradient("0/Weights", PerExample=True)
    with pytest.raises(NetTypeError) as caught:
        NetPortGradient("w", PerExample=1)
    assert str(caught.value) == "NetPortGradient: PerExample wants True or False, got 1"
