"""FunctionLayer on sequences: each operation with an axis rule gives an example in a padded batch what it gives alone, gradients too."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.lower.forward import lower

F = torch.nn.functional
ROWS = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
VECTOR = torch.tensor([0.5, -1.0, 2.0])

# functions of a sequence of vectors of 3
RULES = {
    "sum": lambda x: x.sum(0), "sum of all": lambda x: x.sum(), "keepdim": lambda x: x.sum((0, 1), keepdim=True),
    "inner": lambda x: x.sum(1), "mean": lambda x: x - x.mean(0), "mean of all": lambda x: x.mean(), "nanmean": lambda x: x.nanmean(0),
    "nansum": lambda x: x.nansum(0), "amax": lambda x: x.amax(0), "amin": lambda x: x.amin((0, 1)), "max": lambda x: x.max(0).values,
    "prod": lambda x: x.prod(0), "argmax": lambda x: x.argmax(0), "argmin": lambda x: x.argmin(0),
    "count": lambda x: torch.count_nonzero(x, 0), "all": lambda x: (x > -1).all(0), "any": lambda x: (x > 1).any(0),
    "logsumexp": lambda x: x.logsumexp(0), "norm": lambda x: x.norm(dim=0), "norm 1": lambda x: torch.linalg.vector_norm(x, 1),
    "norm inf": lambda x: torch.linalg.vector_norm(x, float("inf"), 0), "var": lambda x: x.var(0),
    "std": lambda x: torch.std(x, 0, keepdim=True) + x, "var of all": lambda x: x.var(correction=0),
    "StandardDeviation": lambda x: StandardDeviation(x[:, 0]), "Mean": lambda x: Mean(x), "Median": lambda x: Median(x[:, 1]),
    "median": lambda x: x[:, 1].median(), "quantile": lambda x: torch.quantile(x, 0.3, 0),
    "MeanDeviation": lambda x: MeanDeviation(x[:, 1]), "InterquartileRange": lambda x: InterquartileRange(x[:, 1]),
    "softmax": lambda x: torch.softmax(x, 0), "attention": lambda x: torch.softmax(x @ x.T, -1) @ x,
    "softmax of rows": lambda x: x.softmax(-1), "log_softmax": lambda x: torch.log_softmax(x, 0), "cumsum": lambda x: x.cumsum(0),
    "cummax": lambda x: x.cummax(0)[0],
    "cumprod": lambda x: x.cumprod(0), "logcumsumexp": lambda x: x.logcumsumexp(0), "sort": lambda x: x.sort(0).values,
    "descending": lambda x: x.sort(0, descending=True)[0], "argsort": lambda x: x.argsort(0), "weights": lambda x: x @ ROWS.T,
    "vector": lambda x: x @ VECTOR, "gram": lambda x: x.T @ x, "scores": lambda x: x[:, 0] @ x,
    "outer": lambda x: torch.outer(x[:, 0], x[:, 1]), "dot": lambda x: x[:, 0] @ x[:, 1],
    "einsum": lambda x: torch.einsum("ni,nj->ij", x, x), "trace": lambda x: torch.einsum("ni,ni", x, x),
    "linear": lambda x: F.linear(x, ROWS), "flip": lambda x: x.flip(0), "flip both": lambda x: x.flip(0, 1),
    "roll": lambda x: x.roll(1, 0), "roll back": lambda x: x.roll(-2, 0), "transpose": lambda x: x.T,
    "permute": lambda x: x.permute(1, 0), "movedim": lambda x: x.unsqueeze(0).movedim(0, 2),
    "squeeze": lambda x: x.unsqueeze(1).squeeze(1) + x[:, None, 0], "flatten": lambda x: x.flatten(),
    "repeat": lambda x: x.repeat_interleave(2, 0), "pad": lambda x: F.pad(x, (1, 0, 2, 1), value=3.0),
    "pad rows": lambda x: F.pad(x, (1, 1)), "tril": lambda x: (x @ x.T).tril(), "triu": lambda x: (x @ x.T).triu(1),
    "stack": lambda x: torch.stack([x, 2 * x], 1), "append": lambda x: torch.cat([x, ROWS]), "prepend": lambda x: torch.cat([ROWS, x]),
    "around": lambda x: torch.cat([ROWS, x, ROWS]), "twice": lambda x: torch.cat([x, x * 2]),
    "columns": lambda x: torch.cat([x, x[:, :1]], 1), "first": lambda x: x[0], "last": lambda x: x[-1], "second last": lambda x: x[-2, 1],
    "rest": lambda x: x[1:], "most": lambda x: x[:-1], "middle": lambda x: x[1:-1], "every second": lambda x: x[::2],
    "last two": lambda x: x[-2:], "differences": lambda x: x[1:] - x[:-1], "column": lambda x: x[..., 1],
    "where": lambda x: torch.where(x > x.mean(0), x, 0.0), "cosine": lambda x: torch.cosine_similarity(x, x.flip(0), dim=0),
    "distance": lambda x: EuclideanDistance(x[:, 0], x[:, 1]), "CosineDistance": lambda x: CosineDistance(x[:, 0], x[:, 1]),
    "one hot": lambda x: F.one_hot((x[:, 0] > 0).long(), 2) * 1.0, "constant": lambda x: VECTOR * 2, "broadcast": lambda x: x + VECTOR,
    "of an example": lambda x: x.sum(0) @ ROWS.T + x.amax(), "normalised": lambda x: (x - x.mean(0)) / x.std(0, correction=0),
    "learned": lambda x: x @ NetArray("w", Array=ROWS.T) + x.sum(0)[0],
}  # fmt: skip
DISCRETE = {"argmax", "argmin", "count", "all", "any", "argsort", "one hot", "constant"}


def sequences(dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(length, 3, generator=generator, dtype=dtype) for length in (3, 6, 4)]


@pytest.mark.parametrize("name", RULES)
def test_an_example_alone_is_the_example_padded(name):
    layer = FunctionLayer(RULES[name], Input=("Varying", 3))
    lowered = lower(layer)
    arrays = tuple(layer.tensors[key].double().requires_grad_() for key in lowered.arrays)
    x = [row.requires_grad_() for row in sequences()]
    whole = 9 * torch.randn(3, 8, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    whole = torch.stack([torch.cat([row, rest[len(row) :]]) for row, rest in zip(x, whole, strict=True)])
    lengths = torch.tensor([len(row) for row in x])
    (together,), _ = lowered.forward((whole,), arrays, (), (), (lengths,), None)
    axes = lowered.plan.lengths_at((), "Output")
    total, apart = 0.0, 0.0
    for i, row in enumerate(x):
        alone = layer.Function(row, *arrays)
        piece = together[(i, *(slice(size) for size in alone.shape))]
        assert piece.shape == alone.shape == tuple(layer(row.detach().float().numpy(), "Output").shape if alone.dim() else ())
        assert len(axes) == sum(not isinstance(size, int) for size in layer.outputs["Output"].shape)
        assert torch.allclose(piece, alone.to(piece.dtype), rtol=1e-12, atol=1e-12)
        total, apart = total + piece.sin().sum(), apart + alone.to(piece.dtype).sin().sum()
    if name in DISCRETE:
        return
    found, expected = (torch.autograd.grad(value, [*x, *arrays], materialize_grads=True) for value in (total, apart))
    assert all(torch.allclose(a, b, rtol=1e-11, atol=1e-11) for a, b in zip(found, expected, strict=True))


def test_in_evaluation_and_training():
    layer = FunctionLayer(lambda x: torch.softmax(x @ NetArray("w", Dimensions=3), 0) @ x, Input=("Varying", 3))
    net = net_initialize(NetChain([layer, LinearLayer(2)]))
    x = [row.numpy() for row in sequences(torch.float32)]
    assert np.allclose(net(x), [net(row) for row in x], atol=1e-6)
    trained = net_train(net, (x, np.eye(3, 2)), MaxTrainingRounds=3, TrainingProgressReporting=None)
    assert not np.array_equal(trained.arrays["w"], net.arrays["w"])


def test_several_inputs_share_or_have_their_own_length():
    scores = FunctionLayer(lambda q, k: torch.softmax(q @ k.T, -1) @ k, q=("Varying", 3), k=("Varying", 3))
    x = [row.float().numpy() for row in sequences()]
    y = x[::-1]
    assert [row.shape for row in scores({"q": x, "k": y})] == [(3, 3), (6, 3), (4, 3)]
    assert all(np.allclose(a, scores({"q": q, "k": k}), atol=1e-6) for a, q, k in zip(scores({"q": x, "k": y}), x, y, strict=True))
    same = FunctionLayer(lambda a, b: a * b.cumsum(0), a=("Varying", 3), b=("Varying", 3))
    with pytest.raises(NetShapeError) as caught:
        same({"a": x, "b": y})
    assert str(caught.value) == "a and b share a length; in example 0 they are 3 and 4 long"
    assert NetChain([FunctionLayer(lambda x: x[2:]), SequenceLastLayer()], Input=("Varying", 3))(x).shape == (3, 3)


def test_it_compiles_and_exports():
    layer = FunctionLayer(lambda x: torch.softmax(x.flip(0), 0)[1:].sum(0) + x[-1], Input=("Varying", 3))
    lowered = lower(layer)
    arguments = ((torch.randn(2, 5, 3),), (), (), (), (torch.tensor([3, 5]),), None)
    compiled = torch.compile(lowered.forward, fullgraph=True, backend="eager", dynamic=False)
    assert torch.equal(compiled(*arguments)[0][0], lowered.forward(*arguments)[0][0])


@pytest.mark.parametrize(
    "f, message",
    [
        (
            lambda x: x[:2],
            "FunctionLayer: the slice 0:2 has no rule for a varying axis, the input is (Varying, 3)\n"
            '  (Varying, 3): FunctionLayer was given Input=("Varying", 3)\n'
            "  try: NetMapOperator, for what is done to each element by itself",
        ),
        (
            lambda x: torch.linalg.inv(x @ x.T),
            "FunctionLayer: inv has no rule for a varying axis, the input is (Varying, 3)\n"
            '  (Varying, 3): FunctionLayer was given Input=("Varying", 3)\n'
            "  try: NetMapOperator, for what is done to each element by itself",
        ),
        (
            lambda x: x + torch.ones(4, 3),
            "FunctionLayer: an axis of size 4 against a varying one has no rule for a varying axis, the input is (Varying, 3)\n"
            '  (Varying, 3): FunctionLayer was given Input=("Varying", 3)\n'
            "  try: NetMapOperator, for what is done to each element by itself",
        ),
        (
            lambda x: x.sum(0) / len(x),
            "FunctionLayer: an opaque function takes no varying axis (it does other steps on shape (7, 3) than on the recorded one): "
            '(Varying, 3)\n  (Varying, 3): FunctionLayer was given Input=("Varying", 3)',
        ),
        (
            lambda x: torch.fft.fft(x, dim=0).real,
            "FunctionLayer: an opaque function takes no varying axis (it uses torch.fft_fft, which is not in the list of operations): "
            '(Varying, 3)\n  (Varying, 3): FunctionLayer was given Input=("Varying", 3)',
        ),
    ],
)
def test_what_has_no_rule_is_refused(f, message):
    with pytest.raises(NetError) as caught:
        FunctionLayer(f, Input=("Varying", 3))
    assert str(caught.value) == message


def test_sequences_that_are_too_short_are_told():
    net = NetChain(
        [FunctionLayer(lambda x: x[1:][-2] + x[::3][1]), LinearLayer(2, Weights=np.ones((2, 3)), Biases=None)], Input=("Varying", 3)
    )
    assert net([np.ones((4, 3)), np.ones((6, 3))]).shape == (2, 2)
    with pytest.raises(NetShapeError) as caught:
        net([np.ones((6, 3)), np.ones((3, 3))])
    assert str(caught.value) == "0 wants at least 4 elements, of example 1 of Input it would get 3"
