"""Torch functions that are no operation of the closed list, but a few of them: losses, norms, stacks, products, ...

Each is written with torch's own arguments as an ordinary function of tensors, in listed operations; while a function is traced these are
what is recorded. `FORMULAS` is by torch function, `METHODS` by the name of a tensor method.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch.nn import functional


class Two(NamedTuple):
    """Values and indices, as torch gives them."""

    values: Any
    indices: Any


def _reduced(loss, reduction: str):
    if reduction == "none":
        return loss
    return loss.mean() if reduction == "mean" else loss.sum()


def _mse(input, target, *, reduction="mean"):
    return _reduced((input - target) ** 2, reduction)


def _l1(input, target, *, reduction="mean"):
    return _reduced(torch.abs(input - target), reduction)


def _smooth_l1(input, target, *, reduction="mean", beta=1.0):
    away = torch.abs(input - target)
    return _reduced(torch.where(away < beta, 0.5 * away * away / beta, away - 0.5 * beta), reduction)


def _huber(input, target, reduction="mean", delta=1.0):
    away = torch.abs(input - target)
    return _reduced(torch.where(away <= delta, 0.5 * away * away, delta * (away - 0.5 * delta)), reduction)


def _cross_entropy(input, target, *, reduction="mean"):
    # torch holds logarithms above -100, and so does this
    kept, lost = (torch.clamp(torch.log(part), min=-100.0) for part in (input, 1 - input))
    return _reduced(-(target * kept + (1 - target) * lost), reduction)


def _cross_entropy_on_logits(input, target, *, reduction="mean"):
    return _reduced(torch.nn.functional.softplus(input) - input * target, reduction)


def _negative_log(input, target, *, reduction="mean"):
    classes = 0 if input.dim() == 1 else 1
    return _reduced(-torch.gather(input, classes, target.unsqueeze(classes)).squeeze(classes), reduction)


def _cross_entropy_of_classes(input, target, *, reduction="mean", label_smoothing=0.0):
    classes = 0 if input.dim() == 1 else 1
    logs = torch.log_softmax(input, classes)
    if target.is_floating_point():
        target = target * (1 - label_smoothing) + label_smoothing / input.shape[classes]
        loss = -(target * logs).sum(classes)
        return loss.sum() / loss.numel() if reduction == "mean" else _reduced(loss, reduction)
    loss = _negative_log(logs, target, reduction="none")
    if label_smoothing:
        loss = (1 - label_smoothing) * loss - label_smoothing * logs.mean(classes)
    return _reduced(loss, reduction)


def _divergence(input, target, *, reduction="mean", log_target=False):
    each = torch.exp(target) * (target - input) if log_target else torch.xlogy(target, target) - target * input
    return each.sum() / input.shape[0] if reduction == "batchmean" else _reduced(each, reduction)


def _normalize(input, p=2.0, dim=1, eps=1e-12):
    return input / torch.clamp(torch.linalg.vector_norm(input, p, dim, keepdim=True), min=eps)


def _layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    dims = tuple(range(-len(normalized_shape), 0))
    away = input - input.mean(dims, keepdim=True)
    found = away * torch.rsqrt((away * away).mean(dims, keepdim=True) + eps)
    found = found if weight is None else found * weight
    return found if bias is None else found + bias


def _rms_norm(input, normalized_shape, weight=None, eps=None):
    dims = tuple(range(-len(normalized_shape), 0))
    eps = torch.finfo(input.dtype).eps if eps is None else eps
    found = input * torch.rsqrt((input * input).mean(dims, keepdim=True) + eps)
    return found if weight is None else found * weight


def _dropout(input, p=0.5, training=True, inplace=False):
    if training and p:
        raise TypeError("dropout in a function draws numbers: call DropoutLayer(p) on the array, or give training=False")
    return input


def _attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None):
    if dropout_p:
        raise TypeError("dropout in a function draws numbers: call an AttentionLayer")
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        scores = torch.where(torch.tril(torch.ones_like(scores)) > 0, scores, -math.inf)
    if attn_mask is not None:
        scores = torch.where(attn_mask, scores, -math.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    return torch.softmax(scores, -1) @ value


def _topk(input, k, dim=-1, largest=True, sorted=True):
    at = (slice(None),) * (dim % input.dim()) + (slice(None, k),)
    return Two(torch.sort(input, dim, largest)[0][at], torch.argsort(input, dim, largest)[at])


def _kthvalue(input, k, dim=-1, keepdim=False):
    at = (slice(None),) * (dim % input.dim()) + (slice(k - 1, k),)
    found = Two(torch.sort(input, dim)[0][at], torch.argsort(input, dim)[at])
    return found if keepdim else Two(*(part.squeeze(dim) for part in found))


def _tensordot(a, b, dims=2):
    if isinstance(dims, int):
        dims = (list(range(-dims, 0)), list(range(dims)))
    left, right = ([dims[k]] if isinstance(dims[k], int) else list(dims[k]) for k in (0, 1))
    left, right = [axis % a.dim() for axis in left], [axis % b.dim() for axis in right]
    letters = "abcdefghijklmnopqrstuvw"
    first, second = letters[: a.dim()], [*letters[a.dim() : a.dim() + b.dim()]]
    for axis, other in zip(left, right, strict=True):
        second[other] = first[axis]
    kept = [letter for k, letter in enumerate(first) if k not in left] + [letter for k, letter in enumerate(second) if k not in right]
    return torch.einsum(f"{first},{''.join(second)}->{''.join(kept)}", a, b)


def _inner(input, other):
    return input @ other.transpose(-2, -1) if input.dim() == other.dim() == 2 else (input * other).sum(-1)


def _kron(input, other):
    rank = max(input.dim(), other.dim())
    letters = "abcdefghijklmnop"
    a, b = letters[rank - input.dim() : rank], letters[2 * rank - other.dim() : 2 * rank]
    joined = "".join(x + y for x, y in zip(letters[:rank], letters[rank : 2 * rank], strict=True) if x in a or y in b)
    product = torch.einsum(f"{a},{b}->{''.join(letter for letter in joined if letter in a + b)}", input, other)
    sizes = [(1,) * (rank - array.dim()) + tuple(array.shape) for array in (input, other)]
    return product.reshape([m * n for m, n in zip(*sizes, strict=True)])


def _add_product(input, a, b, *, beta=1, alpha=1):
    return beta * input + alpha * (a @ b)


def _multi_dot(matrices):
    found = matrices[0]
    for matrix in matrices[1:]:
        found = found @ matrix
    return found


def _diff(input, n=1, dim=-1, prepend=None, append=None):
    joined = [part for part in (prepend, input, append) if part is not None]
    input = input if len(joined) == 1 else torch.cat(joined, dim)
    before = (slice(None),) * (dim % input.dim())
    for _ in range(n):
        input = input[(*before, slice(1, None))] - input[(*before, slice(None, -1))]
    return input


def _trapezoid(y, x=None, *, dx=1.0, dim=-1):
    before = (slice(None),) * (dim % y.dim())
    heights = (y[(*before, slice(1, None))] + y[(*before, slice(None, -1))]) / 2
    return (heights * (dx if x is None else _diff(x, dim=-1 if x.dim() == 1 else dim))).sum(dim)


def _cov(input, *, correction=1):
    rows = input if input.dim() > 1 else input.unsqueeze(0)
    away = rows - rows.mean(1, keepdim=True)
    found = away @ away.transpose(0, 1) / (rows.shape[1] - correction)
    return found if input.dim() > 1 else found.squeeze()


def _corrcoef(input):
    found = _cov(input)
    if input.dim() < 2:
        return found / found
    deviations = torch.sqrt(found.diagonal())
    return found / deviations[:, None] / deviations[None, :]


def _isclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    near = (input == other) | ((torch.abs(input - other) <= atol + rtol * torch.abs(other)) & torch.isfinite(input) & torch.isfinite(other))
    return near | (torch.isnan(input) & torch.isnan(other)) if equal_nan else near


def _matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    if dtype is not None or ord != "fro":
        raise NotListed(f"torch.linalg.matrix_norm with ord={ord!r}, dtype={dtype!r}")
    return torch.linalg.vector_norm(A, 2, tuple(dim), keepdim=keepdim)


class NotListed(Exception):
    """A formula does not have these arguments; the text says which."""


def _row(rank: int, dim: int) -> Callable:
    """Stacks with arrays of at least `rank` axes, along `dim`."""

    def stacked(tensors):
        laid = [_at_least(tensor, rank) for tensor in tensors]
        return torch.cat(laid, 0 if laid[0].dim() == 1 and dim == 1 else dim)

    return stacked


def _at_least(tensor, rank: int):
    while tensor.dim() < rank:
        tensor = tensor.unsqueeze(-1 if tensor.dim() == 2 else 0)
    return tensor


def _column_stack(tensors):
    return torch.cat([tensor.reshape(-1, 1) if tensor.dim() < 2 else tensor for tensor in tensors], 1)


def _tensor_split(input, sections, dim=0):
    size = input.shape[dim]
    if isinstance(sections, int):
        lengths = [size // sections + (k < size % sections) for k in range(sections)]
        ends = [sum(lengths[:k]) for k in range(sections + 1)]
    else:
        ends = [0, *sections, size]
    before = (slice(None),) * (dim % input.dim())
    return tuple(input[(*before, slice(start, stop))] for start, stop in pairwise(ends))


def _rot90(input, k=1, dims=(0, 1)):
    a, b = dims
    turned = {0: input, 1: input.flip(b).transpose(a, b), 2: input.flip((a, b)), 3: input.flip(a).transpose(a, b)}
    return turned[k % 4]


def _meshgrid(*tensors, indexing="ij"):
    arrays = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if indexing == "xy" and len(arrays) > 1:
        return tuple(_swapped(_meshgrid(*_swapped(arrays))))
    count = [array.shape[0] for array in arrays]
    shapes = [[-1 if i == k else 1 for i in range(len(arrays))] for k in range(len(arrays))]
    return tuple(torch.broadcast_to(array.reshape(shape), count) for array, shape in zip(arrays, shapes, strict=True))


def _swapped(parts: Sequence) -> list:
    return [parts[1], parts[0], *parts[2:]]


def _broadcast_tensors(*tensors):
    size = torch.broadcast_shapes(*(tuple(tensor.shape) for tensor in tensors))
    return tuple(torch.broadcast_to(tensor, size) for tensor in tensors)


def _embedding(input, weight, *rest, **words):
    return weight[input]


def _prelu(input, weight):
    many = weight.dim() == 1 and weight.shape[0] > 1 and input.dim() > 1
    slopes = weight.reshape([-1 if axis == input.dim() - 2 else 1 for axis in range(input.dim())]) if many and input.dim() < 3 else weight
    return torch.where(input >= 0, input, slopes * input)


def _glu(input, dim=-1):
    first, gate = torch.chunk(input, 2, dim)
    return first * torch.sigmoid(gate)


def _diag(input, diagonal=0):
    return torch.diag_embed(input, diagonal) if input.dim() == 1 else input.diagonal(diagonal)


def _new(value: float) -> Callable:
    """What `x.new_zeros(2, 3)` gives: a captured array."""

    def made(input, *size, **words):
        shape = size[0] if len(size) == 1 and isinstance(size[0], (list, tuple)) else size
        return torch.full(tuple(shape), value)

    return made


FORMULAS: dict[Callable, Callable] = {
    functional.mse_loss: _mse,
    functional.l1_loss: _l1,
    functional.smooth_l1_loss: _smooth_l1,
    functional.huber_loss: _huber,
    functional.binary_cross_entropy: _cross_entropy,
    functional.binary_cross_entropy_with_logits: _cross_entropy_on_logits,
    functional.kl_div: _divergence,
    functional.nll_loss: _negative_log,
    functional.cross_entropy: _cross_entropy_of_classes,
    functional.normalize: _normalize,
    functional.layer_norm: _layer_norm,
    functional.dropout: _dropout,
    functional.softmin: lambda input, dim: torch.softmax(-input, dim),
    functional.glu: _glu,
    functional.embedding: _embedding,
    functional.scaled_dot_product_attention: _attention,
    functional.prelu: _prelu,
    functional.rms_norm: _rms_norm,
    functional.pairwise_distance: lambda x1, x2, p=2.0, eps=1e-6, keepdim=False: torch.linalg.vector_norm(x1 - x2 + eps, p, -1, keepdim),
    functional.bilinear: lambda x, y, w, b=None: torch.einsum("...i,oij,...j->...o", x, w, y) + (0 if b is None else b),
    torch.addcmul: lambda input, a, b, *, value=1: input + value * a * b,
    torch.addcdiv: lambda input, a, b, *, value=1: input + value * a / b,
    torch.isclose: _isclose,
    torch.rsub: lambda input, other, *, alpha=1: other - alpha * input,
    torch.fliplr: lambda input: input.flip(1),
    torch.ldexp: lambda input, other: input * 2.0**other,
    torch.float_power: lambda input, exponent: input.double() ** exponent,
    torch.positive: lambda input: input,
    torch.sgn: torch.sign,
    torch.topk: _topk,
    torch.kthvalue: _kthvalue,
    torch.msort: lambda input: torch.sort(input, 0)[0],
    torch.tensordot: _tensordot,
    torch.inner: _inner,
    torch.kron: _kron,
    torch.diff: _diff,
    torch.ger: lambda input, vec2: torch.outer(input, vec2),
    torch.addmm: _add_product,
    torch.addmv: _add_product,
    torch.flipud: lambda x: x.flip(0),
    torch.baddbmm: _add_product,
    torch.linalg.multi_dot: _multi_dot,
    torch.chain_matmul: lambda *matrices: _multi_dot(matrices),
    torch.trapz: _trapezoid,
    torch.trapezoid: _trapezoid,
    torch.cov: _cov,
    torch.corrcoef: _corrcoef,
    torch.rot90: _rot90,
    torch.aminmax: lambda input, *, dim=None, keepdim=False: (
        torch.amin(input, () if dim is None else dim, keepdim),
        torch.amax(input, () if dim is None else dim, keepdim),
    ),
    torch.std_mean: lambda input, dim=None, *rest, **words: (torch.std(input, dim, *rest, **words), torch.mean(input, dim)),
    torch.var_mean: lambda input, dim=None, *rest, **words: (torch.var(input, dim, *rest, **words), torch.mean(input, dim)),
    torch.dist: lambda input, other, p=2: torch.linalg.vector_norm(input - other, p),
    torch.linalg.matrix_norm: _matrix_norm,
    torch.cross: lambda input, other, dim=-1: torch.linalg.cross(input, other, dim=dim),
    torch.diag: _diag,
    torch.logdet: lambda input: torch.log(torch.det(input)),
    torch.ravel: lambda input: input.flatten(),
    torch.swapdims: lambda input, a, b: input.transpose(a, b),
    torch.adjoint: lambda input: input.transpose(-2, -1),
    torch.hstack: _row(1, 1),
    torch.vstack: lambda tensors: torch.cat([t.unsqueeze(0) if t.dim() < 2 else t for t in tensors], 0),
    torch.row_stack: lambda tensors: torch.cat([t.unsqueeze(0) if t.dim() < 2 else t for t in tensors], 0),
    torch.dstack: lambda tensors: torch.cat([_at_least(t, 3) for t in tensors], 2),
    torch.column_stack: _column_stack,
    torch.atleast_1d: lambda tensor: _at_least(tensor, 1),
    torch.atleast_2d: lambda tensor: _at_least(tensor, 2),
    torch.atleast_3d: lambda tensor: _at_least(tensor, 3),
    torch.tensor_split: _tensor_split,
    torch.hsplit: lambda input, sections: _tensor_split(input, sections, 0 if input.dim() == 1 else 1),
    torch.vsplit: lambda input, sections: _tensor_split(input, sections, 0),
    torch.meshgrid: _meshgrid,
    torch.cartesian_prod: lambda *arrays: torch.stack([grid.flatten() for grid in _meshgrid(*arrays)], -1),
    torch.broadcast_tensors: _broadcast_tensors,
    torch.empty_like: lambda input, **words: torch.zeros_like(input),
    torch.cdist: lambda x1, x2, p=2.0, compute_mode=None: torch.linalg.vector_norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1),
    torch.take: lambda input, index: input.flatten()[index],
    torch.special.entr: lambda input: torch.where(input < 0, -math.inf, -torch.xlogy(input, input)),
    torch.special.log1p: torch.log1p,
    torch.special.softmax: lambda input, dim: torch.softmax(input, dim),
    torch.special.ndtr: lambda x: torch.erfc(-x / math.sqrt(2)) / 2,
    torch.special.log_softmax: lambda input, dim: torch.log_softmax(input, dim),
    torch.special.logsumexp: lambda input, dim, keepdim=False: torch.logsumexp(input, dim, keepdim),
    torch.special.round: torch.round,
    torch.special.xlog1py: lambda input, other: input * torch.log1p(other),
    torch.heaviside: lambda input, values: torch.where(input == 0, values, (input > 0) * 1.0),
    torch.fmax: lambda a, b: torch.where(torch.isnan(a), b, torch.where(torch.isnan(b), a, torch.maximum(a, b))),
    torch.fmin: lambda a, b: torch.where(torch.isnan(a), b, torch.where(torch.isnan(b), a, torch.minimum(a, b))),
    torch.logaddexp2: lambda a, b: torch.logaddexp(a * math.log(2), b * math.log(2)) / math.log(2),
}
"""Torch functions by formula."""

METHODS: dict[str, Callable] = {
    "new_zeros": _new(0.0),
    "new_ones": _new(1.0),
    "new_full": lambda input, size, value, **words: torch.full(tuple(size), value),
    "type": lambda input, dtype: input.to(dtype),
    "new_tensor": lambda input, data, **words: torch.tensor(data),
    "cpu": lambda input: input,
    "requires_grad_": lambda input, *rest: input,
}
"""Tensor methods that no torch function stands for."""
