"""The closed list: every operation runs, is stored, read back, and written as code that gives the same."""

import pytest
import torch

from netgraph.errors import NetNameError
from netgraph.spec.function_graph import FunctionGraph, Node
from netgraph.spec.operations import OPERATIONS, REQUIRED, Ref, operation

_A, _B, _C = Ref("input", 0), Ref("input", 1), Ref("input", 2)

# Required operands where the general rule below does not fit; the first two inputs are 4 x 4.
_REQUIRED = {
    "where": (_C, _A, 0.0), "lerp": (_A, _B, 0.3), "threshold": (_A, 0.1, -1.0), "to": (_A, "float64"), "full_like": (_A, 2.5),
    "logical_and": (_C, _C), "logical_or": (_C, _C), "logical_xor": (_C, _C), "logical_not": (_C,), "not": (_C,), "and": (_C, _C),
    "or": (_C, True), "xor": (_C, _C), "reshape": (_A, (2, 8)), "broadcast_to": (_A, (2, 4, 4)), "tile": (_A, (2, 1)),
    "transpose": (_A, 0, 1), "permute": (_A, (1, 0)), "movedim": (_A, (0,), (1,)), "unflatten": (_A, 0, (2, 2)), "pad": (_A, (1, 2)),
    "cat": ((_A, _B),), "stack": ((_A, _B),), "einsum": ("ij,jk->ki", (_A, _B)), "index": (_A, (slice(1, 3), None, Ellipsis, -1)),
    "quantile": (_A, 0.3), "roll": (_A, (1,)), "linear": (_A, _B), "cross": (_A, _B), "Clip": (_A, -0.5, 0.5, -9.0, 9.0),
    "Surd": (_A, 3), "repeat_interleave": (_A, 2), "nanquantile": (_A, 0.3), "matrix_power": (_A, 3),
    **{f"conv{rank}d": (_A, _B) for rank in (1, 2, 3)},
    **{f"{name}{rank}d": (_A, (2,) * rank) for name in ("max_pool", "avg_pool", "adaptive_avg_pool") for rank in (1, 2, 3)},
}  # fmt: skip
_OPTIONAL = {"cross": {"dim": 0}, "clamp": {"max": 0.5}, "interpolate": {"size": (2,)}}


def _operands(name):
    found = OPERATIONS[name]
    required = list(_REQUIRED.get(name, ()))
    if not required:
        arrays = iter([_A, _B, _C])
        for parameter in found.parameters:
            if parameter.default is REQUIRED:
                example = {"array": None, "value": None, "integer": 0, "integers": (0,), "number": 0.5}[parameter.kind]
                required.append(next(arrays) if example is None else example)
    rest = found.parameters[len(required) :]
    return (*required, *(_OPTIONAL.get(name, {}).get(p.name, p.default) for p in rest))


def _inputs(name):
    generator = torch.Generator().manual_seed(3)
    a, b = torch.rand(2, 4, 4, generator=generator, dtype=torch.float64) * 0.8 + 0.1
    if name == "cross":
        a, b = a[:3, :3], b[:3, :3]
    if name == "interpolate":
        a = a[None]
    if name == "outer":
        a, b = a[0], b[0]
    return a, b, a > 0.5


_SPECIAL_INPUTS = {
    "index_select": lambda a, b, c: (a, torch.tensor([2, 0]), c),
    "take_along_dim": lambda a, b, c: (a, torch.argsort(b), c),
    "one_hot": lambda a, b, c: (torch.tensor([0, 2]), b, c),
    "cholesky": lambda a, b, c: (a @ a.T + torch.eye(4), b, c),
    "gather": lambda a, b, c: (a, torch.argsort(b), c),
    "scatter": lambda a, b, c: (a, torch.argsort(b), b),
    "scatter_add": lambda a, b, c: (a, torch.argsort(b), b),
    "index_add": lambda a, b, c: (a, torch.tensor([2, 0, 1, 3]), b),
    "conv1d": lambda a, b, c: (a, b.expand(2, 4, 4)[..., :3], c),
    "conv2d": lambda a, b, c: (a.expand(2, 4, 4), b.expand(3, 2, 4, 4)[..., :3], c),
    "conv3d": lambda a, b, c: (a.expand(2, 4, 4, 4), b.expand(3, 2, 4, 4, 4)[..., :3], c),
    **{
        f"{name}{rank}d": (lambda a, b, c, rank=rank: (a.expand(*[4] * (rank + 1)), b, c))
        for name in ("max_pool", "avg_pool", "adaptive_avg_pool")
        for rank in (1, 2, 3)
    },
}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_operation_runs_is_stored_and_is_written(name):
    if name == "one_hot":
        operands = (_A, 3)
    elif name == "index_select":
        operands = (_A, 0, _B)
    else:
        operands = _operands(name)
    arrays = _inputs(name)
    if name in _SPECIAL_INPUTS:
        arrays = _SPECIAL_INPUTS[name](*arrays)
    graph = FunctionGraph(["a", "b", "c"], [Node(name, operands)], [Ref("node", 0)])
    assert FunctionGraph.from_json(graph.to_json()) == graph
    expected = graph(*arrays)
    lines, (result,) = graph.lines(["a", "b", "c"], "v", [])
    scope = {"torch": torch, "a": arrays[0], "b": arrays[1], "c": arrays[2]}
    exec("\n".join(lines), scope)
    torch.testing.assert_close(scope[result], expected, rtol=0, atol=0, equal_nan=True)
    assert name in repr(graph) or OPERATIONS[name].is_infix or name == "index"


def test_elementwise_operations_keep_the_shape():
    for name, found in OPERATIONS.items():
        if found.axes == "elementwise":
            arrays = _inputs(name)
            graph = FunctionGraph(["a", "b", "c"], [Node(name, _operands(name))], [Ref("node", 0)])
            assert graph(*arrays).shape == arrays[0].shape, name


def test_names_are_keys_and_axis_rules_are_known():
    assert all(found.name == name for name, found in OPERATIONS.items())
    assert {found.axes for found in OPERATIONS.values()} == {"elementwise", "reduces", "moves", "mixes"}


def test_unknown_operation():
    with pytest.raises(NetNameError) as raised:
        operation("tanhh")
    assert str(raised.value) == 'there is no operation "tanhh"; did you mean "Tanh" or "Tan" or "tanhshrink"?'
