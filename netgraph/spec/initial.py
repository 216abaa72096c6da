"""How arrays start: the rules that layers declare, and the methods of `net_initialize`.

A rule draws from a generator made of (seed, path) alone, so an array starts the same whatever else the net holds and in whichever order
things were inferred. Drawing is on the CPU; no global generator is touched.
"""

import hashlib
import math
from collections.abc import Mapping

import torch

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.spec.parameters import is_number
from netgraph.types.symbols import Automatic


def generator(seed, *labels: object) -> torch.Generator:
    """A private generator, a function of the seed and the labels (a path, a round) alone."""
    text = "\x1f".join(str(part) for part in (seed, *labels))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


class Weight:
    """Drawn by the method of `net_initialize`; the shape is outputs x inputs x kernel, as torch lays weights out."""

    def draw(self, shape, method: "Initialization", source: torch.Generator) -> torch.Tensor:
        return method.weights(tuple(shape), source)


class Bias:
    """Zero, unless the method says otherwise."""

    def draw(self, shape, method: "Initialization", source: torch.Generator) -> torch.Tensor:
        return method.biases(tuple(shape), source)


class Fixed:
    """Every element the same number: scalings 1, moving means 0, slopes 0.1."""

    def __init__(self, value: float):
        self.value = value

    def draw(self, shape, method: "Initialization", source: torch.Generator) -> torch.Tensor:
        return torch.full(tuple(shape), self.value, dtype=torch.float32)


WEIGHT, BIAS, ZEROS, ONES = Weight(), Bias(), Fixed(0.0), Fixed(1.0)

SUBOPTIONS = {
    "Kaiming": {"Distribution": "Normal"},
    "Xavier": {"Distribution": "Normal"},
    "Orthogonal": {},
    "Random": {"Weights": ("Normal", 0.0, 1.0), "Biases": None},
    "Identity": {"Distribution": ("Normal", 0.0, 0.01)},
}


def _distribution(value, where: str) -> tuple[float, float, str]:
    """(location, scale, family) of a univariate distribution, a uniform one by its ends; a number s is ("Normal", 0, s)."""
    spec = ("Normal", 0, value) if is_number(value) else value
    if isinstance(spec, (tuple, list)) and len(spec) == 3 and spec[0] == "Normal" and all(map(is_number, spec[1:])) and spec[2] >= 0:
        return float(spec[1]), float(spec[2]), "Normal"
    if isinstance(spec, (tuple, list)) and len(spec) == 2 and spec[0] == "Uniform" and isinstance(spec[1], (tuple, list)):
        ends = spec[1]
        if len(ends) == 2 and all(map(is_number, ends)) and ends[0] <= ends[1]:
            return float(ends[0]), float(ends[1]), "Uniform"
    raise NetTypeError(f'{where} wants a number, ("Normal", mean, deviation) or ("Uniform", (low, high)), got {value!r}')


def _draw(spec, shape, source):
    a, b, family = spec
    if family == "Normal":
        return torch.empty(shape, dtype=torch.float32).normal_(a, b, generator=source)
    return torch.empty(shape, dtype=torch.float32).uniform_(a, b, generator=source)


class Initialization:
    """A method of `net_initialize` with its suboptions: "Kaiming", ("Xavier", {"Distribution": "Uniform"}), ...

    fan_in = inputs x kernel, fan_out = outputs x kernel. Kaiming: deviation sqrt(2 / fan_in). Xavier: sqrt(2 / (fan_in + fan_out)).
    Uniform has the same deviation: bound sqrt(3) x deviation. Orthogonal: semi-orthogonal rows. Identity: the identity plus small noise.
    """

    def __init__(self, method=Automatic):
        name, options = method if isinstance(method, (tuple, list)) and len(method) == 2 else (method, {})
        name = "Kaiming" if name is Automatic else name
        if not isinstance(name, str) or name not in SUBOPTIONS:
            raise NetNameError(f"net_initialize has no Method {name!r}, {did_you_mean(name, list(SUBOPTIONS))}")
        if not isinstance(options, Mapping):
            raise NetTypeError(f"net_initialize: the suboptions of Method are a dict, got {options!r}")
        for word in options:
            if word not in SUBOPTIONS[name]:
                raise NetNameError(
                    f'net_initialize: Method "{name}" has no suboption "{word}", {did_you_mean(word, list(SUBOPTIONS[name]))}'
                )
        self.name = name
        self.options = {**SUBOPTIONS[name], **options}
        if name in ("Kaiming", "Xavier"):
            shape = self.options["Distribution"]
            if shape not in ("Normal", "Uniform"):
                raise NetTypeError(f'net_initialize: Distribution of "{name}" is "Normal" or "Uniform", got {shape!r}')
        elif name != "Orthogonal":
            key = "Weights" if name == "Random" else "Distribution"
            self._spec = _distribution(self.options[key], f"net_initialize: {key}")
            biases = self.options.get("Biases")
            self._bias_spec = None if biases is None else _distribution(biases, "net_initialize: Biases")

    def weights(self, shape: tuple[int, ...], source: torch.Generator) -> torch.Tensor:
        """Weights of the given shape."""
        rows = shape[0] if shape else 1
        columns = math.prod(shape[1:]) if len(shape) > 1 else (shape[0] if len(shape) == 1 else 1)
        if self.name in ("Kaiming", "Xavier"):
            kernel = math.prod(shape[2:])
            fans = columns if self.name == "Kaiming" else columns + rows * kernel
            deviation = math.sqrt(2 / fans)
            if self.options["Distribution"] == "Normal":
                return _draw((0.0, deviation, "Normal"), shape, source)
            return _draw((-math.sqrt(3) * deviation, math.sqrt(3) * deviation, "Uniform"), shape, source)
        if self.name == "Orthogonal":
            return _orthogonal(rows, columns, source).reshape(shape)
        drawn = _draw(self._spec, shape, source)
        if self.name == "Identity" and len(shape) >= 2:
            matrix = drawn.reshape(rows, shape[1], -1)
            for i in range(min(rows, shape[1])):
                matrix[i, i, matrix.shape[2] // 2] += 1.0
        return drawn

    def biases(self, shape: tuple[int, ...], source: torch.Generator) -> torch.Tensor:
        """Biases of the given shape: zero, unless Method "Random" names a distribution."""
        if self.name == "Random" and self._bias_spec is not None:
            return _draw(self._bias_spec, shape, source)
        return torch.zeros(shape, dtype=torch.float32)


def _orthogonal(rows: int, columns: int, source: torch.Generator) -> torch.Tensor:
    drawn = torch.empty(max(rows, columns), min(rows, columns), dtype=torch.float64).normal_(generator=source)
    q, r = torch.linalg.qr(drawn)
    q = q * torch.sign(torch.diagonal(r))
    return (q if rows >= columns else q.T).to(torch.float32).contiguous()
