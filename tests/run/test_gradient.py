"""NetPortGradient: the worked examples of the reference, batches, arrays, imposed gradients, and what is refused."""

import numpy as np
import pytest

from netgraph import *

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
