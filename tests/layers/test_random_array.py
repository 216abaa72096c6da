"""The distributions of RandomArrayLayer, held against their distribution functions, and the gradients of their parameters."""

import math

import numpy as np
import pytest
import torch

from netgraph import NetChain, NetGraph, NetPort, NetPortGradient, Plus, RandomArrayLayer, net_to_torch

COUNT = 20_000


def gamma(x, shape):
    return torch.special.gammainc(torch.tensor(float(shape), dtype=torch.float64), x)


def normal(x):
    return torch.special.ndtr(x)


CONTINUOUS = [
    (("Normal", 1, 2), lambda x: normal((x - 1) / 2)),
    (("Uniform", (-1, 3)), lambda x: (x + 1) / 4),
    (("Gamma", 2.5, 3), lambda x: gamma(x / 3, 2.5)),
    (("Gamma", 0.2, 1), lambda x: gamma(x, 0.2)),
    (("Gamma", 2, 3, 4, 1), lambda x: gamma(((x - 1) / 3) ** 4, 2)),
    (("Exponential", 2), lambda x: 1 - torch.exp(-2 * x)),
    (("Maxwell", 2), lambda x: gamma((x / 2) ** 2 / 2, 1.5)),
    (("Rayleigh", 2), lambda x: 1 - torch.exp(-((x / 2) ** 2) / 2)),
    (("Chi", 3), lambda x: gamma(x**2 / 2, 1.5)),
    (("HalfNormal", 2), lambda x: torch.erf(2 * x / math.sqrt(math.pi))),
    (("Weibull", 2, 3), lambda x: 1 - torch.exp(-((x / 3) ** 2))),
    (("Weibull", 2, 3, 1), lambda x: 1 - torch.exp(-(((x - 1) / 3) ** 2))),
    (("Nakagami", 2, 3), lambda x: gamma(2 * x**2 / 3, 2)),
    (("ChiSquare", 4), lambda x: gamma(x / 2, 2)),
    (("Erlang", 3, 2), lambda x: gamma(2 * x, 3)),
    (("LogGamma", 2, 0.5, 1), lambda x: gamma(torch.log(x) / 0.5, 2)),
    (("ExpGamma", 2, 3, 1), lambda x: gamma(torch.exp((x - 1) / 3), 2)),
    (("InverseGamma", 2, 3), lambda x: 1 - gamma(3 / x, 2)),
    (("InverseGamma", 2, 3, 2, 1), lambda x: 1 - gamma((3 / (x - 1)) ** 2, 2)),
]


def choose(n, k):
    return math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1))


DISCRETE = [
    (("Bernoulli", 0.3), lambda k: (0.7, 0.3)[k] if k < 2 else 0),
    (("Poisson", 3.5), lambda k: math.exp(k * math.log(3.5) - 3.5 - math.lgamma(k + 1))),
    (("Poisson", 40), lambda k: math.exp(k * math.log(40) - 40 - math.lgamma(k + 1))),
    (("Binomial", 6, 0.3), lambda k: choose(6, k) * 0.3**k * 0.7 ** (6 - k) if k <= 6 else 0),
    (("Binomial", 90, 0.7), lambda k: choose(90, k) * 0.7**k * 0.3 ** (90 - k) if k <= 90 else 0),
    (("Binomial", 5, 1), lambda k: float(k == 5)),
    (("NegativeBinomial", 3, 0.4), lambda k: choose(k + 2, k) * 0.4**3 * 0.6**k),
    (("DiscreteUniform", (2, 5)), lambda k: 0.25 if 2 <= k <= 5 else 0),
]


def name(case):
    return str(case) if isinstance(case, tuple) else ""


@pytest.mark.parametrize("distribution, below", CONTINUOUS, ids=name)
def test_continuous_numbers_have_the_distribution(distribution, below):
    drawn = RandomArrayLayer(distribution, Output=COUNT)(RandomSeeding=1)
    shares = np.sort(below(torch.from_numpy(drawn).double()).numpy())
    # Kolmogorov and Smirnov: above 2 with probability 7e-4
    assert np.abs(shares - (np.arange(COUNT) + 0.5) / COUNT).max() * math.sqrt(COUNT) < 2


@pytest.mark.parametrize("distribution, probability", DISCRETE, ids=name)
def test_counts_have_the_distribution(distribution, probability):
    drawn = RandomArrayLayer(distribution, Output=COUNT)(RandomSeeding=1)
    assert np.array_equal(drawn, np.round(drawn))
    for k in range(120):
        p = probability(k)
        assert abs((drawn == k).mean() - p) <= 4.5 * math.sqrt(p * (1 - p) / COUNT)


def test_numbers_follow_the_seed_and_each_example_has_its_own():
    layer = RandomArrayLayer("Normal", Output=3)
    assert np.array_equal(layer(RandomSeeding=1), layer(RandomSeeding=1))
    assert not np.array_equal(layer(RandomSeeding=1), layer(RandomSeeding=2))
    noisy = NetGraph([layer, Plus], [((NetPort("x"), 0), 1)])
    rows = noisy(np.zeros((4, 3)), RandomSeeding=1)
    assert rows.shape == (4, 3) and len(np.unique(rows)) == 12
    assert np.array_equal(rows, noisy(np.zeros((4, 3)), RandomSeeding=1, NetEvaluationMode="Train"))


def test_the_shape_is_that_of_what_takes_it():
    assert NetGraph({"r": RandomArrayLayer("Uniform"), "s": Plus}, [((NetPort("x"), "r"), "s")], x=(2, 3))["r/Output"] == (2, 3)


def test_parameters_from_data_of_varying_length():
    layer = RandomArrayLayer(lambda mean: ("Normal", mean, 1e-6), Input="Varying")
    assert [row.round(3).tolist() for row in layer([[1, 2, 3], [4]])] == [[1, 2, 3], [4]]


MEANS = {
    "Gamma": lambda shape: shape,
    "ChiSquare": lambda nu: nu,
    "Nakagami": lambda shape: math.exp(math.lgamma(shape + 0.5) - math.lgamma(shape)) / math.sqrt(shape),
    "Chi": lambda nu: math.sqrt(2) * math.exp(math.lgamma(nu / 2 + 0.5) - math.lgamma(nu / 2)),
}


@pytest.mark.parametrize("distribution", MEANS)
def test_gradients_of_shapes_are_on_average_those_of_the_mean(distribution):
    count, shape, mean = 100_000, 1.7, MEANS[distribution]
    layer = RandomArrayLayer(lambda x: (distribution, x, 1) if distribution in ("Gamma", "Nakagami") else (distribution, x))
    found = layer(np.full(count, shape), NetPortGradient("Input"), RandomSeeding=1)
    assert found.mean() == pytest.approx((mean(shape + 1e-4) - mean(shape - 1e-4)) / 2e-4, abs=5 * float(found.std()) / math.sqrt(count))


def test_a_module_draws_its_own_noise_or_takes_it():
    module = net_to_torch(NetChain([RandomArrayLayer(lambda rate: ("Exponential", rate))], Input=2))
    assert tuple(module(torch.ones(5, 2)).shape) == (5, 2)
    assert module(torch.full((1, 2), 2.0), noise=(torch.full((1, 2, 1), 0.5),)).tolist() == [[pytest.approx(math.log(2) / 2)] * 2]


@pytest.mark.parametrize("distribution", ["Gamma", "Nakagami", "InverseGamma"])
def test_parameters_of_half_precision(distribution):
    module = net_to_torch(NetChain([RandomArrayLayer(lambda x: (distribution, x, 0.5))], Input=3))
    x = torch.rand(4, 3).bfloat16().requires_grad_()
    noise = (torch.rand(4, 3, 8), torch.rand(4, 3, 9))
    module(x, noise=noise).sum().backward()
    assert x.grad.isfinite().all()
