"""Rows of RandomArrayLayer; the distributions themselves are in test_random_array.py."""

import math

from netgraph import NetChain, RandomArrayLayer
from tests.layers.harness import Row


def drawn(pick):
    shape = tuple(pick(1, 3) for _ in range(pick(0, 3)))
    return RandomArrayLayer(lambda mean, rate: ("Gamma", mean, rate)), {"mean": shape, "rate": shape}


def constant(pick):
    return RandomArrayLayer(("NegativeBinomial", 3, 0.5)), {"Output": tuple(pick(1, 3) for _ in range(pick(0, 3)))}


def data(function, names, **more):
    """A row of a layer whose parameters are data, which no repr can write back."""
    return Row(RandomArrayLayer(function), dict.fromkeys(names, (2, 3)), (2, 3), evaluable=False, domain=(0.1, 0.9), **more)


def wants(text, got):
    return f"RandomArrayLayer: Distribution wants {text}, got {got}"


ROWS = [
    Row(
        RandomArrayLayer(("Normal", 1, 2)), {}, (),
        trains=lambda noise: (1 + 2 * noise[..., 0],),
        solves=[({"Output": (2, 3)}, {"Output": (2, 3)})],
        draw=constant,
        differentiable=False,
        wrong=[
            (lambda: RandomArrayLayer(), "RandomArrayLayer wants Distribution, its argument 0"),
            (lambda: RandomArrayLayer(3), wants('a distribution such as ("Normal", 0, 1), or a function that gives one', 3)),
            (
                lambda: RandomArrayLayer("Nomal"),
                'RandomArrayLayer: Distribution knows no "Nomal", did you mean "Normal" or "Binomial" or "HalfNormal"?',
            ),
            (lambda: RandomArrayLayer(("Gamma", 1)), wants('("Gamma", shape, scale, power, location)', "('Gamma', 1)")),
            (lambda: RandomArrayLayer(("Normal", 0, 0)), wants("a deviation above 0", 0)),
            (lambda: RandomArrayLayer(("Erlang", 1.5, 1)), wants("a whole shape from 1", 1.5)),
            (lambda: RandomArrayLayer(("Bernoulli", 1.5)), wants("a probability from 0 to 1", 1.5)),
            (lambda: RandomArrayLayer(("Uniform", 0, 1)), wants('("Uniform", (lower end, upper end))', "('Uniform', 0, 1)")),
            (lambda: RandomArrayLayer(("Uniform", (1, 1))), wants('the lower end of "Uniform" below the upper', "('Uniform', (1, 1))")),
            (
                lambda: RandomArrayLayer(lambda x: x),
                wants('a function that gives a distribution such as ("Normal", mean, deviation)', "tensor(0.5000)"),
            ),
            (
                lambda: RandomArrayLayer(lambda mean, rate: ("Normal", mean, 1 / 0)),
                "RandomArrayLayer: Distribution is a function that fails on a number for each of mean, rate: "
                "ZeroDivisionError: division by zero",
            ),
            (
                lambda: RandomArrayLayer(lambda x: ("Normal", x.sum(), 1)),
                "the function is not elementwise: sum looks at more than one place of an array\n"
                "  sum(x): the function as traced\n"
                "  try: FunctionLayer(f), which sees the whole array",
            ),
            (
                lambda: RandomArrayLayer(lambda a, b: ("Normal", a, b), a=3, b=4),
                "b: the length is 4 on one side and 3 on the other\n"
                "  4: RandomArrayLayer was given b=4\n"
                "  3: RandomArrayLayer was given a=3",
            ),
            (
                lambda: NetChain([3, RandomArrayLayer("Normal")]),
                '1, RandomArrayLayer(("Normal",)), has 0 input ports (none) where exactly one is wanted',
            ),
        ],
    ),
    Row(RandomArrayLayer("Uniform"), {}, (), trains=lambda noise: (noise[..., 0],), differentiable=False),
    Row(RandomArrayLayer(("Uniform", (2, 5)), Output=(2, 3)), {}, (2, 3), trains=lambda u: (2 + 3 * u[..., 0],), differentiable=False),
    Row(RandomArrayLayer(("DiscreteUniform", (-1, 2))), {}, (), trains=lambda u: ((4 * u[..., 0]) // 1 - 1,), differentiable=False),
    Row(RandomArrayLayer(("Binomial", 5, 0.3), Output=4), {}, (4,), differentiable=False),
    data(lambda m, s: ("Normal", m, s), "ms", trains=lambda m, s, noise: (m + s * noise[..., 0],), draw=drawn),
    data(lambda a, b: ("Uniform", (a, b + 1)), "ab", trains=lambda a, b, u: (a + (b + 1 - a) * u[..., 0],)),
    data(lambda rate: ("Exponential", rate), ["Input"]),
    data(lambda a, b: ("Weibull", a, b), "ab"),
    data(lambda scale: ("Maxwell", scale), ["Input"]),
    data(lambda theta: ("HalfNormal", theta), ["Input"], trains=lambda t, noise: (abs(noise[..., 0]) * math.sqrt(math.pi / 2) / t,)),
    data(lambda a, b: ("ExpGamma", 2, a, b), "ab"),
    data(lambda a, b: ("Gamma", a, b), "ab", differentiable=False),
    data(lambda p: ("Bernoulli", p), ["Input"], differentiable=False, trains=lambda p, u: (u[..., 0] < p,)),
    data(lambda p: ("Poisson", 30 * p), ["Input"], differentiable=False),
    data(lambda n, p: ("Binomial", (40 * n).round(), p), "np", differentiable=False),
]  # fmt: skip
