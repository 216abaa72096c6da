"""FunctionLayer: several outputs, functions outside the list of operations, shapes before data, files."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError
from netgraph.lower.forward import lower
from netgraph.spec.batched import _Loop, _Tupled, batched
from netgraph.spec.operations import OPERATIONS
from netgraph.spec.trace import trace


def test_named_outputs():
    layer = FunctionLayer(lambda x: {"Foo": torch.sin(x), "Bar": x, "Both": x.sum()}, Input=2)
    assert {name: kind.shape for name, kind in layer.outputs.items()} == {"Foo": (2,), "Bar": (2,), "Both": ()}
    result = layer([1, 2])
    assert list(result) == ["Foo", "Bar", "Both"] and result["Both"] == 3 and result["Bar"].tolist() == [1, 2]
    assert layer([[1, 2], [3, 4], [5, 6]], "Both").tolist() == [3, 7, 11]


def test_named_inputs_give_the_ports():
    layer = FunctionLayer(lambda Foo, Bar: Foo + Bar)
    assert layer.input_ports() == ("Foo", "Bar") and layer.output_ports() == ("Output",)
    assert layer({"Foo": [1, 2], "Bar": [10, 20]}).tolist() == [11, 22]
    assert FunctionLayer(lambda a, b: a - b, a=3, b=3).outputs["Output"].shape == (3,)


def test_shapes_are_known_before_data():
    chain = NetChain([FunctionLayer(lambda x: x.reshape(-1)[:4]), LinearLayer(2)], Input=(2, 3))
    assert chain["1/Input"] == (4,) and chain["Output"] == (2,)


def test_shapes_need_no_memory():
    """They are told of shapes that no memory holds, as a file may name them."""
    huge = (10**6, 10**6)
    net = NetChain([FunctionLayer(lambda x: x.sort(0).values.mean(-1)), FunctionLayer("StandardDeviation")], Input=huge)
    assert net["1/Input"] == (10**6,) and net["Output"] == ()
    with pytest.raises(NetError) as caught:
        NetChain([FunctionLayer(lambda x: x.reshape(2, 2))], Input=huge)
    assert str(caught.value) == (
        "0: the function fails on arrays of shape (1000000, 1000000): RuntimeError: shape '[2, 2]' is invalid for input of size "
        "1000000000000\n  (1000000, 1000000): NetChain was given Input=(1000000, 1000000)"
    )


def test_a_function_that_unpacks_is_tried_on_the_shapes_given():
    layer = FunctionLayer(lambda x: sum(part * k for k, part in enumerate(x)), Input=(3, 2))
    assert layer([[1, 1], [2, 2], [3, 3]]).tolist() == [8, 8]
    assert net_from_json(net_to_json(layer)) == layer


def test_a_function_that_depends_on_rank_is_traced_again_when_it_is_known():
    layer = FunctionLayer(lambda x: x.T)
    assert isinstance(batched(layer.Function, ((2, 3),)), _Tupled)
    net = NetMapOperator(layer, Input=(4, 2, 3))
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    assert net.outputs["Output"].shape == (4, 3, 2) and np.array_equal(net(x), x.transpose(0, 2, 1))
    assert "each_example" not in lower(net, "Test").source


def test_the_batch_is_never_looked_at():
    """A batch of one, of several and of as many as there are features give each example what it gives alone."""
    layer = FunctionLayer(lambda x: x - x.mean(0) + x.flip(0).cumsum(0), Input=4)
    x = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    for count in (1, 2, 4):
        assert np.allclose(layer(x[:count]) if count > 1 else [layer(x[0])], [layer(row) for row in x[:count]], atol=1e-6)


def test_outputs_are_real_numbers():
    layer = FunctionLayer(lambda x: {"above": x > 1, "where": x.argmax(), "any": (x > 1).any()}, Input=3)
    result = layer([1, 2, 3])
    assert result["above"].tolist() == [0, 1, 1] and result["above"].dtype == np.float32 and result["where"] == 2 and result["any"] == 1
    assert FunctionLayer(lambda x: x > 1, Input="Varying")([[1, 2], [3]])[1].dtype == np.float32
    assert NetChain([FunctionLayer(lambda x: x > 1), LinearLayer(1, Weights=[[1, 1]], Biases=[0])])([1, 2]).tolist() == [1]


def test_as_a_module_and_trained():
    net = NetGraph({"f": FunctionLayer(lambda a, b: (a * b).sum()), "l": LinearLayer(2)}, ["a -> f/a", "b -> l", "l -> f/b"], a=2, b=3)
    net = net_initialize(net)
    data = {"a": np.eye(2, dtype=np.float32), "b": np.ones((2, 3), np.float32)}
    module = net.to_torch("Test")
    expected = net(data)
    assert np.allclose(module(*(torch.from_numpy(data[name]) for name in net.input_ports())).detach(), expected, atol=1e-6)
    trained = net_train(net, {**data, "Output": [1.0, -1.0]}, MaxTrainingRounds=300)
    assert np.abs(trained(data) - [1, -1]).max() < np.abs(expected - [1, -1]).max()


def test_files_and_equality():
    layer = FunctionLayer(lambda a, b: {"dot": a @ b, "sum": a + b}, a=3, b=3)
    again = net_from_json(net_to_json(layer))
    assert again == layer and again({"a": [1, 2, 3], "b": [4, 5, 6]})["dot"] == 32
    assert layer == FunctionLayer(lambda a, b: {"dot": a @ b, "sum": a + b}, a=3, b=3)
    assert repr(FunctionLayer(lambda x: x.sum(0))) == "FunctionLayer(sum(x, dim=(0,)))"


@pytest.mark.parametrize(
    "f, shape",
    [
        (lambda x: torch.fft.fft(x).real, (4,)),
        (lambda x: {"a": torch.fft.fft(x).real, "b": torch.fft.fft(x).imag}, (4,)),
    ],
)
def test_an_opaque_function_works_in_memory(f, shape):
    layer = FunctionLayer(f, Input=shape)
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    found, expected = layer(x), [f(torch.from_numpy(row)) for row in x]
    for name in layer.output_ports():
        ours = found if name == "Output" else found[name]
        theirs = [row if name == "Output" else row[name] for row in expected]
        assert np.allclose(ours, np.stack(theirs), atol=1e-5)
    with pytest.raises(NetError) as caught:
        net_to_json(layer)
    assert str(caught.value).startswith("FunctionLayer: Function cannot be saved: it is a Python function that could not be turned into op")
    with pytest.raises(NetError) as caught:
        FunctionLayer(f, Input="Varying")
    assert str(caught.value) == (
        "FunctionLayer: an opaque function takes no varying axis "
        "(it uses torch.fft_fft, which is not in the list of operations): (Varying,)\n"
        '  (Varying,): FunctionLayer was given Input="Varying"'
    )


def test_an_opaque_function_has_gradients_and_an_empty_batch():
    layer = FunctionLayer(lambda x: torch.special.bessel_j0(x.detach()) * x, Input=3)
    assert layer([1, 2, 3], NetPortGradient("Input")).shape == (3,)
    assert batched(layer.Function, ((3,),))(torch.zeros(0, 3))[0].shape == (0, 3)


def test_where_no_rule_holds_the_examples_run_one_by_one():
    table = torch.arange(12.0).reshape(4, 3)
    f = trace(lambda x: x[x.argmax()] * table[0, 0] + x.argsort()[0], shapes=[(5,)])
    run = batched(f, ((5,),))
    assert isinstance(run, _Loop)
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(run(x)[0], torch.stack([f(row) for row in x]))
    assert NetChain([FunctionLayer(f)], Input=5)(x).shape == (6,)


BOTH = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
EVERY = {
    "sum": lambda x: x.sum((0, 1)), "nansum": lambda x: x.nansum(1), "var": lambda x: x.var(0), "amin": lambda x: x.amin(0),
    "argmin": lambda x: x.argmin(1), "count": lambda x: torch.count_nonzero(x, 0), "logsumexp": lambda x: x.logsumexp(0),
    "norm": lambda x: torch.linalg.vector_norm(x), "quantile": lambda x: torch.quantile(x, 0.3, 1), "nanmean": lambda x: x.nanmean(0),
    "cosine": lambda x: torch.cosine_similarity(x, BOTH, dim=1), "all": lambda x: (x > 0).all(0), "cumprod": lambda x: x.cumprod(1),
    "logcumsumexp": lambda x: x.logcumsumexp(0), "log_softmax": lambda x: torch.log_softmax(x, 1), "argsort": lambda x: x.argsort(1),
    "tensordot": lambda x: torch.tensordot(x, BOTH.T, dims=1), "linear": lambda x: torch.nn.functional.linear(x, BOTH),
    "inverse": lambda x: torch.linalg.inv(x @ x.T), "cross": lambda x: torch.linalg.cross(x, BOTH),
    "select": lambda x: torch.index_select(x, 1, torch.tensor([2, 0])), "unflatten": lambda x: x.unflatten(1, (3, 1)),
    "squeeze": lambda x: x.unsqueeze(1).squeeze(1), "repeat": lambda x: x.repeat_interleave(2, 0), "flat": lambda x: x.repeat_interleave(2),
    "movedim": lambda x: x.movedim(0, 1), "diagonal": lambda x: x.diagonal(), "triu": lambda x: x.triu(), "tril": lambda x: x.tril(-1),
    "pad": lambda x: torch.nn.functional.pad(x, (1, 2)), "broadcast": lambda x: torch.broadcast_to(x, (2, 2, 3)),
    "vector": lambda x: x[0] @ x[1], "rows": lambda x: x @ x[0], "rowsleft": lambda x: x[:, 0] @ x, "none": lambda x: x[None, :, 1],
    "constant": lambda x: BOTH * 2, "aligned": lambda x: x + x[0], "mean deviation": lambda x: (x - x.mean(0)).abs().mean(0),
    "stacked": lambda x: torch.stack([x, BOTH]), "transposed": lambda x: x.transpose(-1, 0), "rolled": lambda x: x.roll(1, 1),
    "einsum": lambda x: torch.einsum("ij,ij", x, BOTH), "where": lambda x: torch.where(x > 0, x, BOTH),
}  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_axis_rules(name):
    """Operations on axes act on those of the example, in one run for the whole batch."""
    f = trace(EVERY[name], shapes=[(2, 3)])
    run = batched(f, ((2, 3),))
    assert isinstance(run, _Tupled)
    x = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = torch.stack([f(row) for row in x])
    assert run(x)[0].shape == expected.shape and torch.allclose(run(x)[0], expected)


def test_every_operation_on_axes_is_batched_or_looped():
    """Each operation of the list acts on the examples of a batch as on one alone."""
    assert {rule.axes for rule in OPERATIONS.values()} == {"elementwise", "reduces", "moves", "mixes"}
    net = NetChain([FunctionLayer(lambda x: torch.nn.functional.pad(x, (1, 1), mode="reflect")), SummationLayer()], Input=(2, 3))
    x = np.arange(12.0).reshape(2, 2, 3)
    assert np.allclose(net(x), [net(row) for row in x])


def test_the_generated_code_has_no_vmap_and_no_call_of_the_function():
    source = lower(FunctionLayer(lambda x: torch.softmax(x.T, 0), Input=(2, 3)), "Test").source
    assert "vmap" not in source and "torch.softmax" in source


def test_inside_operators():
    net = NetMapOperator(FunctionLayer(lambda x: x.max() - x.min()), Input=("Varying", 2))
    first, second = net([[[1, 3]], [[5, 4], [0, 9]]])
    assert np.asarray(first).tolist()[:1] == [2] and np.asarray(second).tolist() == [1, 9]
