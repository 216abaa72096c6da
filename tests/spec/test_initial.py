"""How arrays start: statistics of each method, suboptions, what is refused."""

import math

import pytest
import torch

from netgraph import Automatic
from netgraph.errors import NetError
from netgraph.spec.initial import BIAS, ONES, WEIGHT, ZEROS, Initialization, generator

SHAPE = (300, 200)


def draw(method, shape=SHAPE):
    return Initialization(method).weights(shape, generator(1, "x"))


@pytest.mark.parametrize(
    "method, deviation",
    [
        (Automatic, math.sqrt(2 / 200)),
        ("Kaiming", math.sqrt(2 / 200)),
        (("Kaiming", {"Distribution": "Uniform"}), math.sqrt(2 / 200)),
        ("Xavier", math.sqrt(2 / 500)),
        (("Xavier", {"Distribution": "Uniform"}), math.sqrt(2 / 500)),
        ("Random", 1.0),
        (("Random", {"Weights": 0.3}), 0.3),
        (("Random", {"Weights": ("Uniform", (-0.5, 0.5))}), 1 / math.sqrt(12)),
    ],
    ids=str,
)
def test_statistics(method, deviation):
    weights = draw(method)
    assert weights.dtype == torch.float32
    assert abs(float(weights.std()) / deviation - 1) < 0.02 and abs(float(weights.mean())) < 0.02 * deviation
    if "Uniform" in str(method) and "Weights" not in str(method):
        assert float(weights.abs().max()) <= math.sqrt(3) * deviation + 1e-6


def test_a_kernel_counts_among_the_inputs():
    weights = draw("Kaiming", (64, 32, 3, 3))
    assert abs(float(weights.std()) / math.sqrt(2 / (32 * 9)) - 1) < 0.03
    weights = draw("Xavier", (64, 32, 3, 3))
    assert abs(float(weights.std()) / math.sqrt(2 / (32 * 9 + 64 * 9)) - 1) < 0.03


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (6, 6), (4, 2, 3)])
def test_orthogonal(shape):
    matrix = draw("Orthogonal", shape).reshape(shape[0], -1).double()
    rows, columns = matrix.shape
    product = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    assert torch.allclose(product, torch.eye(min(rows, columns), dtype=torch.float64), atol=1e-5)


def test_identity():
    matrix = draw("Identity", (4, 6))
    assert torch.allclose(matrix, torch.eye(4, 6), atol=0.1) and not torch.equal(matrix, torch.eye(4, 6))
    assert torch.equal(draw(("Identity", {"Distribution": 0}), (3, 3)), torch.eye(3))
    kernel = draw(("Identity", {"Distribution": 0}), (2, 2, 3, 3))
    assert float(kernel[0, 0, 1, 1]) == float(kernel[1, 1, 1, 1]) == 1 and float(kernel.sum()) == 2


def test_biases():
    assert torch.equal(BIAS.draw((3,), Initialization("Xavier"), generator(1)), torch.zeros(3))
    random = BIAS.draw((3000,), Initialization(("Random", {"Biases": ("Normal", 2, 0.5)})), generator(1))
    assert abs(float(random.mean()) - 2) < 0.05 and abs(float(random.std()) - 0.5) < 0.05
    assert torch.equal(ONES.draw((2,), Initialization(), generator(1)), torch.ones(2))
    assert torch.equal(ZEROS.draw((2,), Initialization(), generator(1)), torch.zeros(2))
    assert WEIGHT.draw((), Initialization(), generator(1)).shape == ()


def test_the_generator_is_a_function_of_seed_and_labels():
    numbers = [
        float(torch.rand((), generator=generator(*key))) for key in [(1, "a"), (1, "a"), (2, "a"), (1, "b"), ("1", "a"), (1, "a", "")]
    ]
    assert numbers[0] == numbers[1] == numbers[4] and len(set(numbers)) == 4
    before = torch.get_rng_state()
    draw("Kaiming")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "method, message",
    [
        ("Kaimng", "net_initialize has no Method 'Kaimng', did you mean \"Kaiming\"?"),
        (3, 'net_initialize has no Method 3, known: "Kaiming", "Xavier", "Orthogonal", "Random", "Identity"'),
        (["Kaiming"], "net_initialize has no Method ['Kaiming'], did you mean \"Kaiming\"?"),
        (("Kaiming", 3), "net_initialize: the suboptions of Method are a dict, got 3"),
        (("Kaiming", {"Weights": 1}), 'net_initialize: Method "Kaiming" has no suboption "Weights", known: "Distribution"'),
        (("Orthogonal", {"Gain": 1}), 'net_initialize: Method "Orthogonal" has no suboption "Gain", there are none'),
        (("Xavier", {"Distribution": 3}), 'net_initialize: Distribution of "Xavier" is "Normal" or "Uniform", got 3'),
        (
            ("Random", {"Weights": "Normal"}),
            'net_initialize: Weights wants a number, ("Normal", mean, deviation) or ("Uniform", (low, high)), got \'Normal\'',
        ),
        (
            ("Random", {"Weights": ("Uniform", 3)}),
            'net_initialize: Weights wants a number, ("Normal", mean, deviation) or ("Uniform", (low, high)), got (\'Uniform\', 3)',
        ),
        (
            ("Random", {"Weights": ("Normal", 0, -1)}),
            'net_initialize: Weights wants a number, ("Normal", mean, deviation) or ("Uniform", (low, high)), got (\'Normal\', 0, -1)',
        ),
    ],
    ids=str,
)
def test_refused(method, message):
    with pytest.raises(NetError) as caught:
        Initialization(method)
    assert str(caught.value) == message
