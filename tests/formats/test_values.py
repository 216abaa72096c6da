"""The values of parameters as plain data: every form there and back, and what is none."""

import math

import pytest
import torch

from netgraph import All, Automatic, NetPort, NetValueError, Plus, Ramp, Scaled
from netgraph.errors import NetError
from netgraph.formats.strict_json import dumps, loads, untag
from netgraph.formats.values import decode, encode
from netgraph.spec.trace import trace

MATRIX = torch.tensor([[1.5, math.inf], [-0.25, 1e-40]])
CAPTURING = trace(lambda x: x @ MATRIX + torch.tensor([True, False]) + torch.tensor([2**40, -1]), shapes=[(2,)])


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        -2.5,
        0.1,
        math.inf,
        "a text",
        Automatic,
        All,
        (1, (2, Automatic), ()),
        [1, [2]],
        slice(0, 3),
        slice(None, -1, 2),
        (Scaled(0.5), Scaled(2)),
        ("$word", "Automatic"),
        {"Weights": 0.5, ("a", "b"): None, 3: All, NetPort("a", "b"): 0},
        Ramp,
        (Plus, "GELU"),
        NetPort(All, "x"),
        trace(lambda x: torch.where(x > 0, x, 0.1 * x)),
        trace(lambda a, b: {"s": a[..., 1:], "d": b.mean(-1)}, shapes=[(3,), (4,)]),
        CAPTURING,
    ],
    ids=str,
)
def test_there_and_back(value):
    back = decode(untag(loads(dumps(encode(value, "x")))))
    assert type(back) is type(value) and back == value and repr(back) == repr(value)


def test_captured_arrays_beside():
    kept = []
    data = encode((CAPTURING, CAPTURING), "x", kept.append)
    assert [tuple(array.shape) for array in kept] == [(2, 2), (2,), (2,)] * 2 and "$values" not in data[0]
    assert decode(data, lambda: kept.pop(0)) == (CAPTURING, CAPTURING) and kept == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"$word": "None"},
        {"$word": []},
        {"$span": [1, 2]},
        {"$scaled": "2"},
        {"$scaled": True},
        {"$list": 3},
        {"$dict": [[1]]},
        {"$dict": [[{"$list": []}, 1]]},
        {"x": 1},
        {"$word": "All", "more": 1},
        {"$symbol": "Rampp"},
        {"$symbol": 3},
        {"$port": []},
        {"$port": [0.5]},
        {"$function": 3},
        {"$function": {}},
        {
            "$function": {"inputs": ["x"], "nodes": [], "outputs": [{"constant": 0}], "output_names": None, "constants": [{}]},
            "$values": [[]],
        },
        {"$function": {"inputs": ["x\n"], "nodes": [], "outputs": [{"input": 0}], "output_names": None, "constants": []}},
        {
            "$function": {
                "inputs": ["x"],
                "nodes": [{"operation": "os.system", "operands": []}],
                "outputs": [{"node": 0}],
                "output_names": None,
                "constants": [],
            }
        },
    ],
    ids=str,
)
def test_what_is_no_value(data):
    with pytest.raises(NetError):
        decode(data)


@pytest.mark.parametrize(
    "dtype, shape, numbers",
    [
        ("float32", [2**62], [1.0]),
        ("float32", [-1], []),
        ("float32", [1], ["1"]),
        ("float32", [1], [True]),
        ("bool", [1], [1]),
        ("int8", [1], [1000]),
        ("int64", [1], [2**70]),
        ("int32", [1], [0.5]),
        ("complex64", [1], [1.0]),
        ("float32", [1.0], [1.0]),
        ("float32", 1, [1.0]),
        ("float32", [1], 1.0),
        ([], [1], [1.0]),
    ],
)
def test_what_is_no_captured_array(dtype, shape, numbers):
    graph = {
        "inputs": ["x"],
        "nodes": [],
        "outputs": [{"constant": 0}],
        "output_names": None,
        "constants": [{"dtype": dtype, "shape": shape}],
    }
    with pytest.raises(NetError):
        decode({"$function": graph, "$values": [numbers]})


def test_too_deep_and_too_strange():
    deep = ()
    for _ in range(20):
        deep = (deep,)
    with pytest.raises(NetValueError, match=r"^a/b cannot be saved: its tuples lie more than 16 deep in each other$"):
        encode(deep, "a/b")
    with pytest.raises(NetValueError, match=r"^lists lie more than 16 deep in each other$"):
        decode(loads("[" * 20 + "]" * 20))
    with pytest.raises(NetValueError, match=r"^a/b cannot be saved: a file has no form for \{1\}$"):
        encode({1}, "a/b")
