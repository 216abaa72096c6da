"""The canonical graph of a function: equality, text, JSON, generated code."""

import contextlib
import copy
import json
import pickle

import pytest
import torch

from netgraph.errors import NetError, NetNameError, NetTypeError, NetValueError
from netgraph.spec.function_graph import FunctionGraph, Node, Ref
from netgraph.spec.symbols import Gudermannian, If, Sqrt, Tanh
from netgraph.spec.trace import trace


def _run_lines(graph, *arrays):
    arguments = [f"a{k}" for k in range(len(arrays))]
    constants = [f"c{k}" for k in range(len(graph.constants))]
    lines, results = graph.lines(arguments, "v", constants)
    scope = dict(zip([*arguments, *constants], [*arrays, *graph.constants], strict=True)) | {"torch": torch}
    exec("\n".join(lines), scope)
    return [scope[name] for name in results]


def test_equal_functions_are_equal_whatever_they_are_called():
    def one(value):
        unused = value.exp()
        half = value * 0.5
        return half + torch.tanh(half), unused

    def other(y):
        return y * 0.5 + Tanh(y * 0.5)

    first, second = trace(lambda value: one(value)[0]), trace(other)
    assert first == second and hash(first) == hash(second) and len(first.nodes) == 3
    assert repr(first) == "x * 0.5 + Tanh(x * 0.5)"


def test_order_of_statements_does_not_matter():
    def first(x):
        a = x.exp()
        b = x.sin()
        return a - b

    def second(x):
        b = x.sin()
        a = x.exp()
        return a - b

    assert trace(first) == trace(second) != trace(lambda x: x.sin() - x.exp())


@pytest.mark.parametrize(("a", "b"), [(1, 1.0), (1, True), (0.0, -0.0), (1, 2)])
def test_different_constants_are_different_functions(a, b):
    assert trace(lambda x: x + a) != trace(lambda x: x + b)


def test_captured_arrays_count_by_value():
    w, same, other = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])
    graphs = [trace(lambda x, c=c: x * c, shapes=[(2,)]) for c in (w, same, other, w.double())]
    assert graphs[0] == graphs[1] and len({*graphs}) == 3
    twice = trace(lambda x: x * w + same, shapes=[(2,)])
    assert len(twice.constants) == 1 and repr(twice) == "x * array0 + array0"
    w.add_(1)
    assert twice.constants[0].tolist() == [1, 2]


FORMULAS = [
    (lambda x: x**2 + 1, "x ** 2 + 1"),
    (lambda x: (x + 1) ** 2 / -x, "(x + 1) ** 2 / -x"),
    (lambda x: 2 ** (x**2) - (x**2) ** 2, "2 ** x ** 2 - (x ** 2) ** 2"),
    (lambda x: x - (x - 1) - 2, "x - (x - 1) - 2"),
    (lambda x: (-x) ** 2 - (-(x**2)), "(-x) ** 2 - -x ** 2"),
    (lambda x: x * -2.5 + float("-inf"), "x * -2.5 + -inf"),
    (lambda x: (-2) ** x, "(-2) ** x"),
    (lambda x: ~((x > 0) & (x < 1)) | (x == 2), "~((x > 0) & (x < 1)) | (x == 2)"),
    (lambda x: x[..., 1:, None], "x[..., 1:, None]"),
    (lambda x: torch.softmax(x.sum(-1, keepdim=True), 0), "softmax(sum(x, dim=(-1,), keepdim=True), 0)"),
    (lambda x: torch.cat([x, 2 * x]), "cat((x, 2 * x))"),
    (lambda x: (Gudermannian(torch.exp(x * 3.0) + 1.0)) ** 2 * Gudermannian(torch.exp(x * 3.0) + 1.0),
     "t0 = Gudermannian(Exp(x * 3.0) + 1.0); t0 ** 2 * t0"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "text"), FORMULAS)
def test_formulas_and_code_are_exact(f, text):
    graph = trace(f, shapes=[(4,)])
    assert repr(graph) == text
    x = torch.tensor([0.3, 1.0, -0.4, 2.0])
    (found,) = _run_lines(graph, x)
    torch.testing.assert_close(found, f(x), rtol=0, atol=0, equal_nan=True)


def test_code_of_composite_operations_has_no_step_twice():
    graph = trace(lambda x: If(x > 0, Sqrt(x), 0.0))
    assert graph.lines(["a"], "v") == (
        [
            "v0 = a > 0",
            "v1 = torch.where(v0, a, 1.0)",
            "v2 = torch.sqrt(v1)",
            "v3 = a.detach()",
            "v4 = torch.sqrt(v3)",
            "v5 = torch.where(v0, v2, v4)",
            "v6 = torch.where(v0, v5, 0.0)",
        ],
        ("v6",),
    )


def test_several_outputs():
    graph = trace(lambda a, b: {"sum": a + b, "same": a, "again": a + b})
    assert graph.output_names == ("sum", "same", "again") and len(graph.nodes) == 1
    assert repr(graph) == '{"sum": a + b, "same": a, "again": a + b}'
    assert {k: v.item() for k, v in graph(torch.tensor(1.0), torch.tensor(2.0)).items()} == {"sum": 3, "same": 1, "again": 3}
    assert graph.lines(["p", "q"], "v") == (["v0 = p + q"], ("v0", "p", "v0"))
    assert FunctionGraph.from_json(graph.to_json()) == graph


def test_json_is_plain_and_strict_and_comes_back():
    w = torch.arange(6.0).reshape(3, 2)
    graph = trace(lambda x: torch.clamp(x @ w, min=-float("inf"), max=1.5)[..., ::2, None].to(torch.float64), shapes=[(None, 3)])
    text = json.dumps(graph.to_json(), allow_nan=False)
    back = FunctionGraph.from_json(json.loads(text), graph.constants)
    assert back == graph and hash(back) == hash(graph)
    assert json.loads(text)["constants"] == [{"dtype": "float32", "shape": [3, 2]}]
    x = torch.ones(4, 3)
    torch.testing.assert_close(back(x), graph(x))


def _data(**changes):
    return trace(lambda x: x * 2 + 1).to_json() | changes


BAD = [
    (_data(nodes=[{"operation": "Tanhh", "operands": []}]), NetNameError,
     'there is no operation "Tanhh"; did you mean "Tanh" or "Tan" or "tanhshrink"?'),
    (_data(nodes=[{"operation": "add", "operands": [1]}]), NetValueError, "node 0 (add) has 1 operands, it needs 2"),
    (_data(nodes=[{"operation": "Tanh", "operands": [2.0]}]), NetTypeError, "node 0 (Tanh): 2.0 does not fit input, which takes array"),
    (_data(nodes=[{"operation": "Tanh", "operands": [{"input": 1}]}]), NetValueError,
     "node 0 (Tanh) refers to input 1, but there are 1 of them there"),
    (_data(nodes=[{"operation": "Tanh", "operands": [{"node": 0}]}]), NetValueError,
     "node 0 (Tanh) refers to node 0, but there are 0 of them there"),
    (_data(nodes=[{"operation": "Tanh", "operands": [{"input": -1}]}]), NetValueError,
     "node 0 (Tanh) refers to input -1, but there are 1 of them there"),
    (_data(outputs=[{"node": 7}]), NetValueError, "an output refers to node 7, but there are 2 of them there"),
    (_data(outputs=[3]), NetTypeError, "an output of a function graph is a reference, not 3"),
    (_data(outputs=[]), NetValueError, "a function graph without output names has one output, not 0"),
    (_data(inputs=["a", "a"]), NetValueError, "two inputs of a function graph have one name: ['a', 'a']"),
    (_data(inputs=[1]), NetTypeError, "a function graph's names are texts"),
    (_data(nodes=[{"operation": "Tanh", "operands": [{"python": "x"}]}]), NetTypeError,
     "{'python': 'x'} is no operand of a function graph"),
    (_data(nodes=[{"operation": ["Tanh"], "operands": []}]), NetTypeError, "a node's operation is ['Tanh']"),
    (_data(extra=1), NetTypeError, "a function graph is an object with inputs, nodes, outputs, output_names, constants, not {'inputs': "),
    (_data(nodes={}), NetTypeError, "a function graph's nodes is {}"),
    (_data(constants=[{"dtype": "float32", "shape": [3]}]), NetValueError, "a function graph's captured arrays are not those it declares"),
    (None, NetTypeError, "a function graph is an object with inputs, nodes, outputs, output_names, constants, not None"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "message"), BAD)
def test_bad_data_is_a_located_error(data, kind, message):
    with pytest.raises(NetError) as raised:
        FunctionGraph.from_json(data)
    assert type(raised.value) is kind
    assert raised.value.headline == message or (message.endswith(": ") and raised.value.headline.startswith(message))


def test_mutated_data_never_does_worse_than_a_net_error():
    base = json.dumps(trace(lambda x: torch.cat([x[1:], 2.0 * x]).sum(0)).to_json())
    words = ['"add"', "-1", "null", "{}", "[]", "1e999", '"x"', "true", "0", "99"]
    tokens = [i for i in range(len(base)) if base[i] in '0123456789"[{']
    for i in tokens:
        for word in words:
            try:
                data = json.loads(base[:i] + word + base[i + 1 :])
            except ValueError:
                continue
            with contextlib.suppress(NetError):
                FunctionGraph.from_json(data)


def test_a_graph_is_a_value():
    graph = trace(lambda x: x * torch.tensor([1.0, 2.0]), shapes=[(2,)])
    assert pickle.loads(pickle.dumps(graph)) == graph and copy.deepcopy(graph) is graph
    with pytest.raises(AttributeError, match="a function graph cannot be changed"):
        graph.nodes = ()
    with pytest.raises(NetTypeError) as raised:
        graph()
    assert str(raised.value) == "x * array0 takes 1 arrays (Input), 0 given"


def test_captured_arrays_follow_the_precision_of_the_input():
    w = torch.eye(2)
    graph = trace(lambda x: x @ w, shapes=[(2,)])
    assert graph(torch.ones(2, dtype=torch.float64)).dtype == torch.float64


def test_elementwise_is_known():
    assert trace(lambda x: torch.where(x > 0, x, 0.1 * x)).is_elementwise
    assert trace(lambda x: x - x.mean()).first_not_elementwise == "mean"
    assert trace(lambda x: x + torch.ones(3), shapes=[(3,)]).first_not_elementwise == "a captured array"
    assert trace(lambda x: x + torch.tensor(2.0)).is_elementwise


def test_long_chains_need_no_recursion_and_no_quadratic_text():
    nodes = [Node("add", (Ref("input", 0) if k == 0 else Ref("node", k - 1), k)) for k in range(5000)]
    graph = FunctionGraph(["Input"], nodes, [Ref("node", 4999)])
    assert graph(torch.zeros(())).item() == sum(range(5000))
    assert len(repr(graph)) < 100_000
    assert len(graph.lines(["a"], "v")[0]) == 5000
    doubled = [Node("add", (Ref("input", 0),) * 2)] + [Node("mul", (Ref("node", k), Ref("node", k))) for k in range(60)]
    assert len(repr(FunctionGraph(["Input"], doubled, [Ref("node", 60)]))) < 5000
