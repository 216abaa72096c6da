"""Wolfram's functions that torch does not have as one call, written with calls that it does have.

Each is an ordinary function of tensors. The same text is run on tensors, recorded, and written out as generated code, so a formula
stands here once and nowhere else. That is why they use only operations of the closed list, no shapes and no branches on values.

Gradients are finite wherever the value is. Where the true derivative is infinite or undefined (a square root at 0) the gradient is 0:
the value then comes from a detached copy, and the differentiated branch sees a harmless number instead (a `where` alone would still
multiply 0 by infinity).
"""

import math
from collections.abc import Callable

import torch

_HALF_PI = math.pi / 2


def _smooth_inside(function: Callable, x, inside, harmless: float):
    """function(x), differentiated only where `inside` holds."""
    return torch.where(inside, function(torch.where(inside, x, harmless)), function(x.detach()))


def sqrt(x):
    return _smooth_inside(torch.sqrt, x, x > 0, 1.0)


def cube_root(x):
    return torch.sign(x) * _smooth_inside(_cube_root_positive, torch.abs(x), x != 0, 1.0)


def _cube_root_positive(x):
    return torch.pow(x, 1 / 3)


def surd(x, n):
    """The real n-th root: of a negative number when n is odd, not a number when n is even."""
    if isinstance(n, int | float):
        if n % 2:
            return torch.sign(x) * _smooth_inside(lambda a: torch.pow(a, 1 / n), torch.abs(x), x != 0, 1.0)
        return _smooth_inside(lambda a: torch.pow(a, 1 / n), x, x > 0, 1.0)
    if isinstance(x, int | float):
        x = torch.full_like(n, x)
    size, inside = torch.abs(x), x != 0
    root = torch.where(inside, torch.pow(torch.where(inside, size, 1.0), 1 / n), torch.pow(size.detach(), 1 / n.detach()))
    odd = torch.remainder(n, 2) == 1
    return torch.where(odd, torch.sign(x) * root, torch.where(x < 0, math.nan, root))


def cot(x):
    return torch.cos(x) / torch.sin(x)


def sec(x):
    return 1 / torch.cos(x)


def csc(x):
    return 1 / torch.sin(x)


def arc_sin(x):
    return _smooth_inside(torch.asin, x, torch.abs(x) < 1, 0.0)


def arc_cos(x):
    return _smooth_inside(torch.acos, x, torch.abs(x) < 1, 0.0)


def arc_cot(x):
    # atan(1 / x), but with a derivative at 0 and digits for large x
    far = torch.abs(x) > 1
    tangent = torch.atan(x)
    near = torch.where(x < 0, -_HALF_PI - tangent, _HALF_PI - tangent)
    return torch.where(far, torch.atan(1 / torch.where(far, x, 1.0)), near)


def arc_sec(x):
    return _smooth_inside(lambda a: torch.acos(1 / a), x, torch.abs(x) > 1, 2.0)


def arc_csc(x):
    return _smooth_inside(lambda a: torch.asin(1 / a), x, torch.abs(x) > 1, 2.0)


def coth(x):
    return 1 / torch.tanh(x)


def sech(x):
    # 1 / cosh(x) whose gradient survives an overflow of cosh
    small = torch.exp(-torch.abs(x))
    return 2 * small / (1 + small * small)


def csch(x):
    size = torch.abs(x)
    value = -2 * torch.exp(-size) / torch.expm1(-2 * size)
    return torch.where(x < 0, -value, value)


def arc_cosh(x):
    return _smooth_inside(torch.acosh, x, x > 1, 2.0)


def arc_coth(x):
    return torch.atanh(1 / x)


def arc_sech(x):
    return _smooth_inside(lambda a: torch.acosh(1 / a), x, (x > 0) & (x < 1), 0.5)


def arc_csch(x):
    return torch.asinh(1 / x)


def haversine(x):
    half = torch.sin(x / 2)
    return half * half


def inverse_haversine(x):
    return _smooth_inside(lambda a: 2 * torch.asin(torch.sqrt(a)), x, (x > 0) & (x < 1), 0.5)


def gudermannian(x):
    return 2 * torch.atan(torch.tanh(x / 2))


def inverse_gudermannian(x):
    return 2 * torch.atanh(torch.tan(x / 2))


def gamma(x):
    # exp(log|gamma|) with the sign that alternates between the poles
    odd = torch.remainder(torch.floor(x), 2) == 1
    value = torch.exp(torch.lgamma(x))
    return torch.where((x < 0) & odd, -value, value)


def inverse_erfc(x):
    # erfinv(1 - x) would lose every digit of a small x
    return torch.special.ndtri(x / 2) * -math.sqrt(0.5)


def unitize(x):
    # through sign, not a comparison: the gradient is then 0 rather than absent
    return torch.abs(torch.sign(x))


def kronecker_delta(x):
    return 1 - torch.abs(torch.sign(x))


def hard_sigmoid(x):
    return torch.clamp((x + 1) / 2, min=0.0, max=1.0)


def soft_plus(x):
    # torch's default threshold of 20 is too early for float64
    return torch.nn.functional.softplus(x, threshold=40.0)


def larger(a, b):
    if isinstance(a, int | float):
        return torch.clamp(b, min=a)
    return torch.clamp(a, min=b) if isinstance(b, int | float) else torch.maximum(a, b)


def smaller(a, b):
    if isinstance(a, int | float):
        return torch.clamp(b, max=a)
    return torch.clamp(a, max=b) if isinstance(b, int | float) else torch.minimum(a, b)


def clip(x, low, high, below, above):
    return torch.where(x < low, below, torch.where(x > high, above, x))


def threshold_hard(x, size):
    return torch.where(torch.abs(x) > size, x, 0.0)


def threshold_soft(x, size):
    return torch.sign(x) * torch.relu(torch.abs(x) - size)


def chop(x, size):
    return torch.where(torch.abs(x) < size, 0.0, x)


def angle(x, y):
    """The angle of the point (x, y); 0 with gradient 0 at the origin."""
    if isinstance(x, int | float):
        x = torch.full_like(y, x)
    if isinstance(y, int | float):
        y = torch.full_like(x, y)
    origin = (x == 0) & (y == 0)
    return torch.atan2(torch.where(origin, 0.0, y), torch.where(origin, 1.0, x))


def _axes_last(x, dim: tuple[int, ...] | None):
    """The axes to reduce, merged into one at the end."""
    if dim is None:
        return torch.flatten(x)
    ends = tuple(range(-len(dim), 0))
    return torch.flatten(torch.movedim(x, dim, ends), start_dim=-len(dim))


def median(x, dim=None):
    """The middle value, or the mean of the two middle values."""
    return torch.quantile(_axes_last(x, dim), 0.5, dim=-1)


def mean_deviation(x, dim=None):
    return torch.mean(torch.abs(x - torch.mean(x, dim=dim, keepdim=True)), dim=dim)


def standard_deviation(x, dim=None):
    spread = torch.var(x, dim=dim, correction=1)
    return sqrt(spread)


def interquartile_range(x, dim=None):
    # Wolfram's quartiles lie at position n q + 1/2 of the sorted values: these are the centres of two pixels to which n pixels are
    # resized linearly, so no size is needed
    ordered = torch.sort(_axes_last(x, dim), dim=-1).values
    rows = torch.flatten(torch.unsqueeze(torch.unsqueeze(ordered, 0), 0), start_dim=1, end_dim=-2)
    quartiles = torch.nn.functional.interpolate(rows, size=2, mode="linear", align_corners=False)
    return (quartiles[0, :, 1] - quartiles[0, :, 0]).reshape_as(ordered[..., 0])


def squared_euclidean_distance(u, v, dim=(-1,)):
    difference = u - v
    return torch.sum(difference * difference, dim=dim)


def euclidean_distance(u, v, dim=(-1,)):
    return sqrt(squared_euclidean_distance(u, v, dim))


def manhattan_distance(u, v, dim=(-1,)):
    return torch.sum(torch.abs(u - v), dim=dim)


def cosine_distance(u, v, dim=(-1,)):
    lengths = torch.sum(u * u, dim=dim) * torch.sum(v * v, dim=dim)
    zero = lengths == 0
    return torch.where(zero, 0.0, 1 - torch.sum(u * v, dim=dim) / torch.sqrt(torch.where(zero, 1.0, lengths)))
