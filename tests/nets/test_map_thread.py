"""NetMapThreadOperator."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError
from netgraph.lower.forward import lower

DOT = FunctionLayer(lambda a, b: a @ b)
BOTH_OF_5 = FunctionLayer(lambda a, b: {"sum": a + b, "dot": a @ b}, a=5, b=5)
BOTH = FunctionLayer(lambda a, b: {"sum": a + b, "dot": a @ b})


def test_worked_example():
    assert NetMapThreadOperator(DOT, {"a": 1, "b": 0})({"a": [[1, 2], [3, 4]], "b": [5, 6]}).tolist() == [17, 39]
    assert NetMapThreadOperator(DOT, {"a": 1})({"a": [[1, 2], [3, 4]], "b": [5, 6]}).tolist() == [17, 39]


def test_all_inputs_at_once():
    data = {"a": [[1, 2], [3, 4]], "b": [[5, 6], [7, 8]]}
    assert NetMapThreadOperator(DOT)(data).tolist() == NetMapThreadOperator(DOT, 1)(data).tolist() == [17, 53]


def test_several_levels():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    assert NetMapThreadOperator(DOT, 2)({"a": a, "b": b}).shape == (3, 4)
    assert np.allclose(NetMapThreadOperator(DOT, 2)({"a": a, "b": b}), (a * b).sum(-1), atol=1e-5)
    net = NetMapThreadOperator(DOT, 2, a=(3, Automatic, 5), b=(Automatic, 4, 5))
    assert net.inputs["b"].shape == (3, 4, 5) and net.outputs["Output"].shape == (3, 4)


@pytest.mark.parametrize("depths", [(2, 1), (1, 2), (2, 0), (0, 2), (2, 2), (0, 1), (3, 1)])
def test_levels_by_input(depths):
    """An input with fewer levels is taken at the outermost ones."""
    source, sizes = np.random.default_rng(1), (2, 3, 4)
    a, b = (source.normal(size=(6, *sizes[:depth], 5)).astype(np.float32) for depth in depths)
    net = NetMapThreadOperator(BOTH_OF_5, dict(zip("ab", depths, strict=True)))
    full = [x.reshape(*x.shape[:-1], *(1,) * (max(depths) - depth), 5) for x, depth in zip((a, b), depths, strict=True)]
    found = net({"a": a, "b": b})
    assert np.allclose(found["dot"], (full[0] * full[1]).sum(-1), atol=1e-5)
    assert np.allclose(found["sum"], full[0] + full[1], atol=1e-6)
    alone = net({"a": a[4], "b": b[4]})
    assert np.allclose(alone["dot"], found["dot"][4], atol=1e-6)


def test_several_outputs_and_one_set_of_arrays():
    inner = NetGraph({"l": 3, "t": Plus}, ["x -> l", (["l", NetPort("y")], "t"), ("l", NetPort("raw"))], x=2, y=3)
    net = net_initialize(NetMapThreadOperator(inner, {"x": 1, "y": 0}))
    assert list(net.arrays) == ["Net/l/Weights", "Net/l/Biases"]
    assert net.input_ports() == ("x", "y") and set(net.output_ports()) == {"Output", "raw"}
    x, y = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32), np.ones(3, np.float32)
    found, rows = net({"x": x, "y": y}), [net["Net"]({"x": row, "y": y}) for row in x]
    for name in ("Output", "raw"):
        assert np.allclose(found[name], [row[name] for row in rows], atol=1e-6)


def test_an_example_alone_is_the_example_padded():
    net = NetMapThreadOperator(BOTH, {"a": 1, "b": 0}, a=("Varying", 3), b=3)
    forward = lower(net, "Test").forward
    source = np.random.default_rng(2)
    a = torch.from_numpy(source.normal(size=(2, 5, 3))).requires_grad_()
    b = torch.from_numpy(source.normal(size=(2, 3))).requires_grad_()
    lengths = torch.tensor([2, 5])
    together, _ = forward((a, b), (), (), (), (lengths,), None)
    total, apart = 0.0, 0.0
    singles = []
    for i in range(2):
        n = int(lengths[i])
        single = (a[i : i + 1, :n].detach().requires_grad_(), b[i : i + 1].detach().requires_grad_())
        singles.append(single)
        alone, _ = forward(single, (), (), (), (lengths[i : i + 1],), None)
        for whole, part in zip(together, alone, strict=True):
            assert torch.allclose(whole[i, :n], part[0], rtol=1e-12)
            total, apart = total + whole[i, :n].sin().sum(), apart + part.sin().sum()
    of_a, of_b = torch.autograd.grad(total, (a, b))
    alone = torch.autograd.grad(apart, [x for single in singles for x in single])
    for i in range(2):
        n = int(lengths[i])
        assert torch.allclose(of_a[i, :n], alone[2 * i][0]) and not of_a[i, n:].any()
        assert torch.allclose(of_b[i], alone[2 * i + 1][0])


def test_as_a_module_and_parts():
    net = NetMapThreadOperator(BOTH, {"a": 2, "b": 1}, a=(2, 3, 4), b=(2, 4))
    assert net["a"] == (2, 3, 4) and net["Net"] == BOTH.replaced(given=net["Net"].given) and net["Net/a"] == (4,)
    data = {"a": np.random.default_rng(0).normal(size=(5, 2, 3, 4)).astype(np.float32), "b": np.ones((5, 2, 4), np.float32)}
    module, expected = net.to_torch("Test"), net(data)
    for name, found in module(*(torch.from_numpy(data[port]) for port in net.input_ports())).items():
        assert np.allclose(found, expected[name], atol=1e-6)
    arguments = tuple(torch.from_numpy(data[port]) for port in net.input_ports())
    exported = torch.export.export(module, arguments).module()
    assert np.allclose(exported(*arguments)["dot"], expected["dot"], atol=1e-6)


def test_lengths_that_vary():
    net = NetMapThreadOperator(Plus_of_two := ThreadingLayer(Plus, InputPorts=2), Input1="Varying")
    assert net.inputs["Input2"].varies and Plus_of_two.input_count == 2
    first, second = net({"Input1": [[1], [2, 3]], "Input2": [[10], [20, 30]]})
    assert np.asarray(first).tolist()[:1] == [11] and np.asarray(second).tolist() == [22, 33]


def test_a_value_saved_nested_and_compiled():
    net = NetMapThreadOperator(BOTH, {"a": 2, "b": 1}, a=(2, 3, 4), b=(2, 4))
    assert net_from_json(net_to_json(net)) == net and net.outputs["dot"].shape == (2, 3)
    assert repr(NetMapThreadOperator([Ramp], {"Input": 2})) == "NetMapThreadOperator(NetChain([ElementwiseLayer(Ramp)]), {'Input': 2})"
    assert NetMapThreadOperator(NetMapThreadOperator(DOT))({"a": np.ones((2, 3, 4)), "b": np.ones((2, 3, 4))}).tolist() == [[4, 4, 4]] * 2
    forward = lower(net, "Test").forward
    inputs = (torch.randn(2, 2, 3, 4), torch.randn(2, 2, 4))
    compiled = torch.compile(forward, fullgraph=True, backend="eager", dynamic=False)
    for ours, plain in zip(compiled(inputs, (), (), (), (), None)[0], forward(inputs, (), (), (), (), None)[0], strict=True):
        assert torch.equal(ours, plain)


@pytest.mark.parametrize(
    "build, text",
    [
        (
            lambda: NetMapThreadOperator(DOT, {"c": 1}),
            'NetMapThreadOperator: Levels names "c", which is no input of FunctionLayer(a @ b), known: "a", "b"',
        ),
        (
            lambda: NetMapThreadOperator(DOT, {"a": 0}),
            "NetMapThreadOperator: Levels wants a number of levels from 1, or a dict of them by input port "
            '({"a": 1, "b": 0}), not all 0, got {\'a\': 0}',
        ),
        (
            lambda: NetMapThreadOperator(DOT, 0),
            "NetMapThreadOperator: Levels wants a number of levels from 1, or a dict of them by input port "
            '({"a": 1, "b": 0}), not all 0, got 0',
        ),
        (
            lambda: NetMapThreadOperator(Plus, {"a": 1}),
            "NetMapThreadOperator: Net, ThreadingLayer(Plus), has no input ports to map over\n  try: InputPorts=2 in the layer",
        ),
        (lambda: NetMapThreadOperator(DOT, aa=3), 'NetMapThreadOperator has no option "aa", did you mean "a"?'),
        (
            lambda: NetMapThreadOperator(ThreadingLayer(Plus, None, InputPorts=2), Input1=(2, 3), Input2=(4, 3)),
            "Input2: axis 0 is 4 on one side and 2 on the other\n"
            "  4: NetMapThreadOperator was given Input2=(4, 3)\n  2: NetMapThreadOperator was given Input1=(2, 3)",
        ),
        (
            lambda: NetMapThreadOperator(DOT)({"a": [[1, 2], [3, 4]], "b": [[1, 2]]}),
            "b: axis 0 is 1 on one side and 2 on the other\n  1: the data\n  2: the data",
        ),
    ],
)
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == text


def test_a_layer_of_any_number_of_inputs():
    dot = NetMapThreadOperator(DotLayer())
    assert dot.input_count is None and dot([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]).tolist() == [17, 53]
    net = NetGraph({"a": Ramp, "b": Tanh, "dot": dot}, [(("a", "b"), "dot"), "Input -> a", "Input -> b"], Input=("Varying", 3))
    assert net["Output"] == ("Varying",)
    x = np.arange(6.0).reshape(2, 3)
    assert np.allclose(net(x), (x * np.tanh(x)).sum(1))
    assert net_from_json(net_to_json(net)) == net
    assert NetMapThreadOperator(Plus, 2)([[[1, 2]], [[10, 20]], [[100, 200]]]).tolist() == [[111, 222]]
