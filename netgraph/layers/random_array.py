"""Arrays of random numbers. No layer draws: noise comes in as tensors, uniform and normal, and is turned into the distribution asked for.

Shapes describe one example; the tensors of `forward` have the batch axis in front.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from netgraph.errors import did_you_mean
from netgraph.spec.declare import Noise, OutputPort, Rule
from netgraph.spec.function_graph import FunctionGraph
from netgraph.spec.own_ports import OwnPorts
from netgraph.spec.parameters import is_integer, is_number, parameter, wants
from netgraph.spec.replay import undisturbed
from netgraph.spec.trace import OpaqueFunction, input_names, trace_elementwise
from netgraph.spec.typing import Term
from netgraph.types.store import KindNode

__all__ = ["RandomArrayLayer"]

_GAMMA_TRIES, _COUNT_TRIES = 8, 16
"""Candidates an element; that none of them is accepted has a probability below 1e-10."""

_gamma_slope = torch._standard_gamma_grad  # pyright: ignore[reportPrivateImportUsage]
"""d x / d shape of a gamma variate at its quantile: what torch's own variates use, and no public function gives."""

_FEW = 64
"""Below a mean of 10 a count is looked up in a table of so many; greater ones have probability 1e-25."""


class _Draws:
    """The noise of each element, along the last axis of two tensors, used up piece by piece."""

    def __init__(self, normals, uniforms):
        self.noise = {"normals": normals, "uniforms": uniforms}
        self.used = {"normals": 0, "uniforms": 0}

    def take(self, sort: str, count: int):
        first = self.used[sort]
        self.used[sort] += count
        return self.noise[sort][..., first : first + count]

    def normal(self):
        return self.take("normals", 1).squeeze(-1)

    def uniform(self):
        return self.take("uniforms", 1).squeeze(-1)

    def exponential(self):
        # above 0, so that powers of it have gradients
        return (-torch.log1p(-self.uniform())).clamp_min(1e-30)

    def filled(self, value):
        """A parameter with one value an element, in the precision of the noise."""
        like = self.noise["uniforms"][..., 0]
        return torch.full_like(like, value) if is_number(value) else value.type_as(like)

    def log_gamma(self, shape):
        """The logarithm of a gamma variate of scale 1: Marsaglia and Tsang's for shape + 1, times a uniform variate to the 1 / shape.

        Which candidate is accepted jumps as the shape changes, so the gradient is the implicit one of the distribution function.
        """
        shape = self.filled(shape)
        candidate, chance = self.take("normals", _GAMMA_TRIES), self.take("uniforms", _GAMMA_TRIES)
        middle = (shape.detach() + 2 / 3).unsqueeze(-1)
        cube = (1 + candidate * (9 * middle).rsqrt()) ** 3
        positive = cube.clamp_min(1e-30)
        accepted = (cube > 0) & (torch.log1p(-chance) < candidate.square() / 2 + middle * (1 - cube + positive.log()))
        found = (middle * positive).gather(-1, accepted.int().argmax(-1, keepdim=True)).squeeze(-1)
        found = found + _gamma_slope(shape.detach() + 1, found) * (shape - shape.detach())
        return found.log() - self.exponential() / shape

    def poisson(self, mean):
        mean = self.filled(mean).detach().double().unsqueeze(-1)
        width = 0.931 + 2.53 * mean.sqrt()
        return self._count(
            lambda k: torch.xlogy(k, mean) - mean - torch.lgamma(k + 1),
            mean, mean + 0.43, width, 0.02483 * width - 0.059, (1.1239 + 1.1328 / (width - 3.4)).log(),
        )  # fmt: skip

    def binomial(self, count, probability):
        n, p = (self.filled(value).detach().double().unsqueeze(-1) for value in (count, probability))
        q = torch.minimum(p, 1 - p)
        deviation = (n * q * (1 - q)).sqrt()
        width = 1.15 + 2.53 * deviation

        def log_mass(k):
            ways = torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
            return ways + torch.xlogy(k, q) + torch.special.xlog1py(n - k, -q)

        height = ((2.83 + 5.1 / width) * deviation).log() + log_mass(torch.floor((n + 1) * q))
        found = self._count(log_mass, n * q, n * q + 0.5, width, 0.0248 * width + 0.01 * q - 0.0873, height)
        return torch.where(p.squeeze(-1) > 0.5, n.squeeze(-1).to(found.dtype) - found, found)

    def _count(self, log_mass: Callable, mean, centre, width, lean, height):
        """A whole number k from 0 of probability exp(log_mass(k)): looked up where the mean is below 10, else Hoermann's rejection.

        Rejection draws k under a curve of the given centre, width, lean and (logarithm of its) height. In double precision.
        """
        u, v = self.take("uniforms", _COUNT_TRIES).double() - 0.5, self.take("uniforms", _COUNT_TRIES).double()
        room = (0.5 - u.abs()).clamp_min(1e-9)
        k = torch.floor((2 * lean / room + width) * u + centre)
        accepted = (k >= 0) & (torch.log1p(-v) + height - (lean / room.square() + width).log() <= log_mass(k.clamp_min(0)))
        many = k.gather(-1, accepted.int().argmax(-1, keepdim=True))
        below = log_mass(torch.arange(_FEW, device=u.device)).exp().cumsum(-1)
        few = (below <= self.take("uniforms", 1).double()).sum(-1, keepdim=True)
        return torch.where(mean < 10, few, many).squeeze(-1).to(self.noise["uniforms"].dtype)


class _Bound(NamedTuple):
    """A parameter of a distribution: its name, what it may be, and its default if it has one."""

    name: str
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = True
    whole: bool = False
    default: float | None = None

    def check(self, value):
        """The value as it is kept. Errors: ValueError."""
        if isinstance(value, (FunctionGraph, OpaqueFunction)):
            return value
        fits = is_integer(value) if self.whole else is_number(value)
        if not fits or not (self.low < value if self.low_open else self.low <= value) or not value <= self.high or abs(value) == math.inf:
            limits = [f"{'above' if self.low_open else 'from'} {self.low:g}"] if self.low > -math.inf else []
            limits += [f"to {self.high:g}"] if self.high < math.inf else []
            raise wants(" ".join(["a whole" if self.whole else "a", self.name, *limits]), value)
        return value if self.whole else float(value)


def _positive(name: str, default: float | None = None) -> _Bound:
    return _Bound(name, low=0, default=default)


_PROBABILITY = _Bound("probability", 0, 1, low_open=False)
_LOCATION = _Bound("location", default=0.0)
_GAMMA, _COUNT = (_GAMMA_TRIES, _GAMMA_TRIES + 1), (0, 2 * _COUNT_TRIES + 1)


class _Family(NamedTuple):
    """A distribution: how it is drawn, its parameters in Wolfram's order, and how many normal and uniform numbers an element takes.

    `ends`: the two parameters are the ends of an interval, and are written as one pair.
    """

    draw: Callable
    parameters: tuple[_Bound, ...]
    needs: tuple[int, int]
    ends: bool = False


_FAMILIES: dict[str, _Family] = {
    "Normal": _Family(lambda d, m, s: m + s * d.normal(), (_Bound("mean", default=0.0), _positive("deviation", 1.0)), (1, 0)),
    "Uniform": _Family(
        lambda d, a, b: a + (b - a) * d.uniform(), (_Bound("lower end", default=0.0), _Bound("upper end", default=1.0)), (0, 1), True
    ),
    "Gamma": _Family(
        lambda d, shape, scale, power, place: place + scale * (d.log_gamma(shape) / power).exp(),
        (_positive("shape"), _positive("scale"), _positive("power", 1.0), _LOCATION), _GAMMA,
    ),
    "Exponential": _Family(lambda d, rate: d.exponential() / rate, (_positive("rate"),), (0, 1)),
    "Poisson": _Family(lambda d, mean: d.poisson(mean), (_positive("mean"),), _COUNT),
    "Maxwell": _Family(lambda d, scale: scale * d.take("normals", 3).square().sum(-1).sqrt(), (_positive("scale"),), (3, 0)),
    "Rayleigh": _Family(lambda d, scale: scale * (2 * d.exponential()).sqrt(), (_positive("scale"),), (0, 1)),
    "Chi": _Family(lambda d, nu: math.sqrt(2) * (d.log_gamma(nu / 2) / 2).exp(), (_positive("number of degrees of freedom"),), _GAMMA),
    "HalfNormal": _Family(lambda d, theta: d.normal().abs() * math.sqrt(math.pi / 2) / theta, (_positive("inverse mean"),), (1, 0)),
    "Weibull": _Family(
        lambda d, shape, scale, place: place + scale * d.exponential() ** (1 / shape),
        (_positive("shape"), _positive("scale"), _LOCATION), (0, 1),
    ),
    "Nakagami": _Family(
        lambda d, shape, spread: (spread / shape) ** 0.5 * (d.log_gamma(shape) / 2).exp(), (_positive("shape"), _positive("spread")), _GAMMA
    ),
    "ChiSquare": _Family(lambda d, nu: 2 * d.log_gamma(nu / 2).exp(), (_positive("number of degrees of freedom"),), _GAMMA),
    "Erlang": _Family(
        lambda d, k, rate: d.log_gamma(k).exp() / rate, (_Bound("shape", 1, low_open=False, whole=True), _positive("rate")), _GAMMA
    ),
    "LogGamma": _Family(
        lambda d, shape, scale, place: place - 1 + (scale * d.log_gamma(shape).exp()).exp(),
        (_positive("shape"), _positive("scale"), _Bound("location")), _GAMMA,
    ),
    "ExpGamma": _Family(
        lambda d, shape, scale, place: place + scale * d.log_gamma(shape),
        (_positive("shape"), _positive("scale"), _Bound("location")), _GAMMA,
    ),
    "InverseGamma": _Family(
        lambda d, shape, scale, power, place: place + scale * (-d.log_gamma(shape) / power).exp(),
        (_positive("shape"), _positive("scale"), _positive("power", 1.0), _LOCATION), _GAMMA,
    ),
    "Bernoulli": _Family(lambda d, p: (d.uniform() < p).type_as(d.noise["uniforms"]), (_PROBABILITY,), (0, 1)),
    "Binomial": _Family(
        lambda d, n, p: d.binomial(n, p), (_Bound("number of trials", 0, low_open=False, whole=True), _PROBABILITY), _COUNT
    ),
    "NegativeBinomial": _Family(
        lambda d, n, p: d.poisson(d.log_gamma(n).exp() * (1 - p) / p),
        (_positive("number of successes"), _PROBABILITY._replace(low_open=True)), (_GAMMA[0], _GAMMA[1] + _COUNT[1]),
    ),
    "DiscreteUniform": _Family(
        lambda d, a, b: a + torch.floor(d.uniform() * (b - a + 1)).clamp_max(b - a),
        (_Bound("lower end", whole=True), _Bound("upper end", whole=True)), (0, 1), True,
    ),
}  # fmt: skip


def _distribution(value):
    if isinstance(value, str):
        value = (value,)
    if callable(value):
        value = _traced(value)
    if not isinstance(value, tuple) or not value or not isinstance(value[0], str):
        raise wants('a distribution such as ("Normal", 0, 1), or a function that gives one', value)
    name = value[0]
    if name not in _FAMILIES:
        raise ValueError(f'knows no "{name}", {did_you_mean(name, list(_FAMILIES))}')
    family, given = _FAMILIES[name], _entries(value)
    least = sum(bound.default is None for bound in family.parameters)
    if not least <= len(given) <= len(family.parameters) or (family.ends and len(value) > 1 and len(value[1:]) != 1):
        names = ", ".join(bound.name for bound in family.parameters)
        raise wants(f'("{name}", ({names}))' if family.ends else f'("{name}", {names})', value)
    kept = tuple(bound.check(entry) for bound, entry in zip(family.parameters, given, strict=False))
    ends: list[Any] = [entry for entry in kept if is_number(entry)] if family.ends else []
    if len(ends) == 2 and ends[1] - ends[0] < (0 if family.parameters[0].whole else 1e-300):
        raise wants(f'the lower end of "{name}" below the upper', value)
    return (name, kept) if family.ends and kept else (name, *kept)


def _entries(value: tuple) -> tuple:
    """The parameters of a distribution, ends of an interval one by one."""
    return tuple(part for entry in value[1:] for part in (entry if isinstance(entry, (tuple, list)) else (entry,)))


def _traced(function: Callable) -> tuple:
    """The distribution that a function of arrays gives, each parameter a number or a traced function of the arrays."""
    names = input_names(function)
    try:
        with undisturbed(seed=0):
            found = function(*(torch.tensor(0.5) for _ in names))
    except Exception as error:  # whatever user code raises
        text = (str(error).splitlines() or [""])[0]
        raise ValueError(f"is a function that fails on a number for each of {', '.join(names)}: {type(error).__name__}: {text}") from error
    if not isinstance(found, (tuple, list)) or not found or not isinstance(found[0], str):
        raise wants('a function that gives a distribution such as ("Normal", mean, deviation)', found)

    def part(number: int):
        return trace_elementwise(lambda *arrays: _entries(tuple(function(*arrays)))[number], names)

    parts = tuple(entry if is_number(entry) else part(number) for number, entry in enumerate(_entries(tuple(found))))
    ends = found[0] in _FAMILIES and _FAMILIES[found[0]].ends
    return (found[0], parts) if ends else (found[0], *parts)


DistributionSpec: Any = parameter(_distribution, {"type": "array"})


class RandomArrayLayer(OwnPorts):
    """An array of independent random numbers of one distribution.

        output[i] ~ distribution        or        output[i] ~ f(input1[i], input2[i], ...)

    `RandomArrayLayer(("Normal", 0, 1), Output=(2, 3))` has no input; without Output the array has the dimensions that what it feeds wants,
    or is a number. `RandomArrayLayer(f)` takes the parameters from data: `f` gives a distribution, its parameters name the input ports
    (one is "Input"), all of one shape, varying ones too. Distributions, with their parameters: Normal (mean, deviation), Uniform ((low,
    high)), Gamma (shape, scale), Exponential (rate), Poisson (mean), Maxwell (scale), Rayleigh (scale), Chi (degrees of freedom),
    HalfNormal (inverse mean), Weibull (shape, scale), Nakagami (shape, spread), ChiSquare (degrees of freedom), Erlang (whole shape, rate),
    LogGamma, ExpGamma (shape, scale, location), InverseGamma (shape, scale), Bernoulli (probability), Binomial (trials, probability),
    NegativeBinomial (successes, probability; it counts failures), DiscreteUniform ((low, high), both included); Gamma and InverseGamma
    also a power and a location, Weibull a location. Each example has numbers of its own, in training and in use alike: a function of seed,
    step and place. The parameters of continuous distributions have gradients, those of discrete ones none.
    Errors: an unknown distribution; a parameter out of its range (not checked where data gives it, which leads to NaN); a function that is
    not elementwise.
    Source: Wolfram's RandomArrayLayer. Kingma and Welling 2013; Marsaglia and Tsang 2000; Hoermann 1993; Figurnov et al. 2018.

    >>> RandomArrayLayer(("Uniform", (2, 3)), Output=(2, 3))().shape
    (2, 3)
    >>> layer = RandomArrayLayer(lambda mean, deviation: ("Normal", mean, deviation))
    >>> layer({"mean": [1, 2], "deviation": [1e-9, 1e-9]}).round(3).tolist()
    [1.0, 2.0]
    """

    positional = ("Distribution",)
    Distribution: DistributionSpec
    varying = "free"

    Output = OutputPort("real: *shape", "the random numbers")
    Normals = Noise("*shape normals", "normal", only_in_training=False)
    Uniforms = Noise("*shape uniforms", "uniform", only_in_training=False)

    @property
    def functions(self) -> tuple[FunctionGraph | OpaqueFunction, ...]:
        """The parameters that come from data."""
        return tuple(entry for entry in _entries(self.Distribution) if not is_number(entry))

    def input_ports(self) -> tuple[str, ...]:
        return tuple(self.functions[0].inputs) if self.functions else ()

    def written(self, name, depth=0):
        return repr(self.Distribution).replace("'", '"')

    def declare(self, scope):
        super().declare(scope)
        for name in self.input_ports():
            scope.terms.inputs[name] = Term(KindNode("real", scope.origin()), scope.run("shape"))

    def relate(self):
        return (Rule(self._needs),)

    def _needs(self, scope):
        for name, count in zip(("normals", "uniforms"), _FAMILIES[self.Distribution[0]].needs, strict=True):
            scope.store.settle(scope.size(name), max(count, 1), scope.origin(), scope.where)

    def assume(self, scope):
        if scope.store.axes(scope.run("shape")) is None:
            scope.store.equate_runs(scope.run("shape"), scope.store.run([], scope.origin()), scope.where)

    def forward(self, *inputs, Normals, Uniforms):
        family, given = _FAMILIES[self.Distribution[0]], _entries(self.Distribution)
        values = [entry if is_number(entry) else entry(*inputs) for entry in given]
        values += [bound.default for bound in family.parameters[len(given) :]]
        return family.draw(_Draws(Normals, Uniforms), *values)
