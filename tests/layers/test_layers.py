"""Every row of every layer through every check. A layer without a row fails."""

import copy
import doctest
import importlib
import itertools
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import netgraph
from netgraph import NetArray, NetChain, NetError, NetGraph, NetMapOperator, NetPort
from netgraph.run.lengths import refuse_short
from netgraph.spec.declare import State
from netgraph.spec.layer import LAYERS
from netgraph.spec.typing import infer
from netgraph.types.kinds import Kind
from netgraph.types.port_type import PortType, parse_type
from tests.layers.harness import Forward, Run, batch_of, shape_of, solved, typed_as, values

TABLES = [importlib.import_module(f"tests.layers.{path.stem}") for path in sorted(Path(__file__).parent.glob("rows_*.py"))]
EVERY_ROW = [row for table in TABLES for row in table.ROWS]
ROWS = [row for row in EVERY_ROW if row.runs]
NAMES = {name: getattr(netgraph, name) for name in netgraph.__all__}


def rows(keep=lambda row: True):
    kept = [row for row in ROWS if keep(row)]
    return pytest.mark.parametrize("row", kept, ids=[f"{i}-{row}" for i, row in enumerate(kept)])


def close(a, b, tolerance=1e-11):
    return np.allclose(np.asarray(a), np.asarray(b), rtol=tolerance, atol=tolerance)


def test_every_layer_has_a_row():
    here = {name for name, cls in LAYERS.items() if cls.__module__.startswith("netgraph.layers.")}
    assert here - {type(row.layer).__name__ for row in EVERY_ROW} == set()


@rows()
def test_a_layer_is_a_value(row):
    layer = row.layer
    assert copy.copy(layer) == layer and copy.deepcopy(layer) == layer
    assert hash(copy.deepcopy(layer)) == hash(layer)
    assert not row.inputs or layer != typed_as(layer, dict.fromkeys(row.inputs, 97))
    if row.evaluable:
        twin = eval(repr(layer), NAMES)
        assert twin == layer and hash(twin) == hash(layer) and repr(twin) == repr(layer)


@rows(lambda row: row.savable)
def test_saved(row, tmp_path):
    net = netgraph.net_initialize(typed_as(row.layer, row.inputs))
    back = netgraph.net_load(netgraph.net_save(net, tmp_path / "net.safetensors"))
    assert back == net and infer(back).outputs == infer(net).outputs


@rows()
def test_types_forwards(row):
    layer = typed_as(row.layer, row.inputs)
    typing = infer(layer, close=True)
    output = next(iter(typing.outputs.values()))
    assert output == parse_type(row.output, "Output") or (shape_of(output), output.kind) == (parse_type(row.output, "").shape, output.kind)
    found = {name: typing.store.known(run) for name, run in typing.terms[()].arrays.items()}
    assert found == {name: tuple(shape) for name, shape in row.arrays.items()}


@rows(lambda row: row.solves)
def test_types_backwards(row):
    for given_types, expected in row.solves:
        found = solved(row.layer, given_types)
        assert {name: found[name].shape for name in expected} == {name: parse_type(t, name).shape for name, t in expected.items()}


@rows()
def test_types_from_part_of_what_is_known_never_contradict(row):
    name = row.layer.output_ports()[0]
    known = {**{port: type.shape for port, type in row.types.items()}, name: parse_type(row.output, name).shape}
    kinds = {**{port: type.kind for port, type in row.types.items()}, name: None}
    for port, shape in known.items():
        for hidden in (None, *(tuple(None if i == axis else size for i, size in enumerate(shape)) for axis in range(len(shape)))):
            part = {p: PortType(kinds[p], hidden if p == port else s) for p, s in known.items()}
            found = infer(row.layer.replaced(given=part))
            for p, type in (*found.inputs.items(), *found.outputs.items()):
                wanted = known.get(p, type.shape)
                assert type.shape is None or all(got in (None, size) for got, size in zip(type.shape, wanted, strict=True))


@rows(lambda row: row.draw)
@settings(max_examples=12)
@given(st.data())
def test_the_inferred_type_is_the_shape_of_a_run(row, data):
    layer, types = row.draw(lambda low, high: data.draw(st.integers(low, high)))
    layer = typed_as(layer, types)
    source = np.random.default_rng(0)
    run = Run(layer, dtype=torch.float32, batch=2)
    typing = run.lowered.typing
    inputs = [values(typing.inputs[name], (2,), source, row.domain, torch.float32) for name in typing.inputs]
    result, _ = run(*inputs)
    output = next(iter(typing.outputs.values()))
    whole = output.kind is not None and output.kind.name == "integer"
    assert tuple(result.shape) == (2 if inputs else 1, *output.shape) and result.dtype == (torch.int64 if whole else torch.float32)


def sized(type, sizes):
    """A type with other sizes, and as many integers, in place of these."""
    kind = type.kind if type.kind is None or type.kind.count is None else Kind(type.kind.name, sizes.get(type.kind.count, type.kind.count))
    return PortType(kind, [sizes.get(size, size) for size in type.shape])


@rows(lambda row: row.inputs and row.evaluable and not row.layer.coupled)
@settings(max_examples=4)
@given(st.data())
def test_a_row_at_other_sizes_is_run_in_the_type_inferred_or_refused(row, data):
    """Equal sizes of a row stay equal, but that is all that is known of them: what does not fit must be told by inference.

    Functions of users and losses on the whole batch are not asked: they may want sizes that no type tells.
    """
    known = {n for type in row.types.values() for n in (*type.shape, *([type.kind.count] if type.kind and type.kind.count else []))}
    sizes = {size: data.draw(st.integers(1, 5), label=str(size)) for size in sorted(known)}
    types = {name: sized(type, sizes) for name, type in row.types.items()}
    try:
        layer = typed_as(row.layer, types)
        typing = infer(layer, close=True, full=True)
    except NetError:
        return
    if not typing.closed:
        return
    run, source = Run(layer, dtype=torch.float32, batch=2), np.random.default_rng(0)
    result, _ = run(*(values(type, (2,), source, row.domain, torch.float32) for type in typing.inputs.values()))
    (name, *_) = run.lowered.outputs
    assert tuple(result.shape) == (2, *typing.outputs[name].shape)


@rows(lambda row: row.reference)
def test_values_of_the_reference(row):
    run = Run(typed_as(row.layer, row.inputs))
    inputs = batch_of(row)
    result, _ = run(*inputs)
    assert tuple(result.shape) == (3 if inputs else 1, *parse_type(row.output, "").shape)
    for i in range(len(result)):
        expected = row.reference(*(x[i].numpy() for x in inputs), **{name: a.numpy() for name, a in run.arrays.items()})
        assert close(result[i], expected)


@rows(lambda row: row.trains)
def test_values_of_the_reference_in_training(row):
    run = Run(typed_as(row.layer, row.inputs), "Train")
    inputs = batch_of(row)
    result, states = run(*inputs)
    arrays = {name: a.numpy() for name, a in run.arrays.items()}
    expected, *new = row.trains(*(x.numpy() for x in inputs), *(n.numpy() for n in run.noise), **arrays)
    assert close(result, expected) and len(new) == len(states)
    assert all(close(a, b) for a, b in zip(states, new, strict=True))


@rows(lambda row: row.differentiable)
@pytest.mark.parametrize("mode", ["Test", "Train"])
def test_gradients(row, mode):
    run = Run(typed_as(row.layer, row.inputs), mode)
    inputs = batch_of(row)
    real = [i for i, x in enumerate(inputs) if x.is_floating_point()]
    names = list(run.lowered.arrays)

    def function(*free):
        given_inputs = list(inputs)
        for place, x in zip(real, free[: len(real)], strict=True):
            given_inputs[place] = x
        run.arrays.update(zip(names, free[len(real) :], strict=True))
        return run(*given_inputs)[0]

    free = [inputs[i].requires_grad_() for i in real] + [run.arrays[name].clone().requires_grad_() for name in names]
    assert torch.autograd.gradcheck(function, free, fast_mode=True)


@rows(lambda row: not row.layer.coupled)
def test_an_example_alone_is_the_example_in_a_batch(row):
    run = Run(typed_as(row.layer, row.inputs))
    inputs = batch_of(row)
    together, _ = run(*inputs)
    for i in range(len(together)):
        alone, _ = run(*(x[i : i + 1] for x in inputs), rows=slice(i, i + 1))
        assert close(alone[0], together[i])


@rows(lambda row: row.layer.coupled)
def test_padded_items_of_a_batch_count_for_nothing(row):
    """A layer that sees the whole batch: the reduced loss and its gradients are those of the valid items, whatever fills the others."""
    run = Run(typed_as(row.layer, row.inputs))
    inputs = batch_of(row)
    valid = torch.tensor([True, True, False, True, True, False, True, True])
    padded = [torch.where(valid.reshape(-1, *[1] * (x.dim() - 1)), x, x.flip(0) if x.dim() == 1 else 1e3) for x in inputs]
    kept = [x[valid][:, valid] if x.shape == (8, 8) else x[valid] for x in inputs]
    real = [place for place, x in enumerate(inputs) if x.is_floating_point()]
    results = []
    for batch, mask in ((padded, valid), (kept, torch.ones(6, dtype=torch.bool)), (kept, None)):
        batch = [x.clone().requires_grad_(place in real) for place, x in enumerate(batch)]
        arrays = [a.clone().requires_grad_() for a in run.own_arrays]
        (losses, *_), _ = run.lowered.forward(tuple(batch), tuple(arrays), run.states, run.noise, (), mask)
        loss = losses.mean()
        found = torch.autograd.grad(loss, [*(batch[i] for i in real), *arrays], materialize_grads=True)
        if mask is valid:
            assert not losses[~valid].any() and not any(g[~valid].any() for g in found[: len(real)])
            found = [*(g[valid][:, valid] if g.shape == (8, 8) else g[valid] for g in found[: len(real)]), *found[len(real) :]]
        results.append((loss.detach(), *found))
    for other in results[1:]:
        assert all(map(close, results[0], other))


def in_a_graph(layer, types, extra=None):
    """The layer inside a chain or, with several inputs, a graph."""
    if len(types) == 1:
        return NetChain([layer], **types)
    edges = [(NetPort(f"x{i}"), NetPort("l", name)) for i, name in enumerate(types)]
    return NetGraph({"l": layer}, edges, **{f"x{i}": type for i, type in enumerate(types.values())})


@rows()
def test_inside_a_net(row):
    inputs = batch_of(row)
    alone, states = Run(typed_as(row.layer, row.inputs), "Train")(*inputs)
    inside, inner_states = Run(in_a_graph(row.layer, row.inputs), "Train")(*inputs)
    assert torch.equal(alone, inside) and all(map(torch.equal, states, inner_states))


@rows(lambda row: len(row.inputs) == 1 and not row.layer.coupled)
def test_mapped(row):
    (x,) = batch_of(row, (3, 4))
    (type,) = row.inputs.values()
    inner = parse_type(type, "Input")
    sequence = PortType(inner.kind, (4, *inner.shape))
    mapped, _ = Run(typed_as(NetMapOperator(typed_as(row.layer, {"Input": type})), {"Input": sequence}))(x)
    alone, _ = Run(typed_as(row.layer, row.inputs), batch=12)(x.flatten(0, 1))
    assert close(mapped.flatten(0, 1), alone)


@rows(
    lambda row: any(not isinstance(declared, State) for _, declared, _ in row.layer.array_places()) and row.inputs and not row.layer.coupled
)
def test_shared_arrays(row):
    names = [name for name, declared, _ in row.layer.array_places() if not isinstance(declared, State)]
    layer = row.layer.replaced(settings={**row.layer._settings, **{name: NetArray(f"shared{name.replace('/', '')}") for name in names}})
    edges = [(NetPort(f"x{i}"), NetPort(part, name)) for part in "ab" for i, name in enumerate(row.inputs)]
    types = {f"x{i}": type for i, type in enumerate(row.inputs.values())}
    net = NetGraph({"a": layer, "b": layer, "t": netgraph.TotalLayer()}, [*edges, (("a", "b"), "t")], **types)
    run = Run(net)
    assert sorted(run.lowered.arrays) == sorted(f"shared{name.replace('/', '')}" for name in names)
    inputs = batch_of(row)
    twice, _ = run(*inputs)
    assert close(twice, 2 * Run(typed_as(row.layer, row.inputs))(*inputs)[0])


@rows()
def test_compiles_without_a_break(row):
    run = Run(typed_as(row.layer, row.inputs), "Train")
    inputs = batch_of(row)
    arguments = (tuple(inputs), run.own_arrays, run.started(*inputs), run.noise, (), None)
    torch._dynamo.reset()
    compiled = torch.compile(run.lowered.forward, fullgraph=True, backend="eager", dynamic=False)
    for a, b in zip(compiled(*arguments), run.lowered.forward(*arguments), strict=True):
        assert all(map(close, a, b))


@rows()
@pytest.mark.parametrize("mode", ["Test", "Train"])
def test_exports(row, mode):
    run = Run(typed_as(row.layer, row.inputs), mode)
    if mode == "Train" and not (run.noise or run.lowered.states):
        return
    inputs = batch_of(row)
    arguments = (tuple(inputs), run.own_arrays, run.started(*inputs), run.noise, ())
    exported = torch.export.export(Forward(run.lowered.forward), arguments).module()
    for a, b in zip(exported(*arguments), Forward(run.lowered.forward)(*arguments), strict=True):
        assert all(map(close, a, b))


def is_legal(run, length):
    """Whether all varying axes of a lowered layer may have this length, and leave none shorter than it may be."""
    try:
        refuse_short(run.lowered, [torch.tensor([length])] * run.lowered.length_count)
    except NetError:
        return False
    (name, *_) = run.lowered.outputs
    ends = [reduce(lambda n, form: form(n), end.steps, length) for end in run.lowered.plan.lengths_at((), name).values()]
    return all(end >= min(length, 1) for end in ends)


@rows(lambda row: row.varying)
def test_an_example_alone_is_the_example_padded(row):
    """Also where padding holds anything: what a layer writes behind an end is no concern of the next one."""
    layer = typed_as(row.layer, row.varying)
    source = np.random.default_rng(5)
    run = Run(layer, "Test")
    typing, forward = run.lowered.typing, run.lowered.forward
    lengths = [source.integers(3, 7, run.lowered.length_count) for _ in range(3)]
    lengths[0][:] = next(n for n in range(row.shortest, 4) if is_legal(run, n))
    sources = {(name, axis): variable for name, axis, variable, _ in run.lowered.plan.length_sources}
    padded, alone = [], [[] for _ in range(3)]
    for name, type in typing.inputs.items():
        longest = [7 if not isinstance(size, int) else size for size in type.shape]
        whole = values(PortType(type.kind, longest), (3,), source, row.domain)
        padded.append(whole)
        for i in range(3):
            ends = [lengths[i][sources[name, axis]] if (name, axis) in sources else size for axis, size in enumerate(longest)]
            alone[i].append(whole[(i, *(slice(end) for end in ends))].clone().unsqueeze(0))
    arrays = [a.requires_grad_() for a in run.own_arrays]
    real = [x.requires_grad_() for x in padded if x.is_floating_point()]
    columns = tuple(torch.tensor([int(ls[v]) for ls in lengths]) for v in range(run.lowered.length_count))
    (together,), _ = forward(tuple(padded), tuple(arrays), run.started(*padded), (), columns, None)
    total, apart = 0.0, 0.0
    for i in range(3):
        for x in alone[i]:
            x.requires_grad_(x.is_floating_point())
        own = tuple(torch.tensor([int(n)]) for n in lengths[i])
        (single,), _ = forward(tuple(alone[i]), tuple(arrays), run.started(*alone[i]), (), own, None)
        piece = together[(i, *(slice(size) for size in single.shape[1:]))]
        assert close(piece.detach(), single[0].detach(), 1e-12)
        total, apart = total + (piece.sin()).sum(), apart + (single.sin()).sum()
    if not row.differentiable:
        return
    singles = [x for xs in alone for x in xs if x.is_floating_point()]
    whole_grads = torch.autograd.grad(total, [*real, *arrays], allow_unused=True)
    alone_grads = torch.autograd.grad(apart, [*singles, *arrays], allow_unused=True)
    assert all(map(close, whole_grads[len(real) :], alone_grads[len(singles) :]))
    count = len(real)
    for i, (x, place) in enumerate(itertools.product(range(3), range(count))):
        part = alone_grads[i]
        rest = whole_grads[place][x].clone()
        inner = tuple(slice(size) for size in part.shape[1:])
        assert close(rest[inner], part[0])
        rest[inner] = 0
        assert not rest.any()


@rows(lambda row: row.varying)
def test_a_list_of_examples_gives_what_each_gives(row):
    layer = netgraph.net_initialize(typed_as(row.layer, row.varying))
    run, source = Run(layer), np.random.default_rng(6)
    sources = {(name, axis): variable for name, axis, variable, _ in run.lowered.plan.length_sources}
    start = next(n for n in range(row.shortest, 4) if is_legal(run, n))
    examples = []
    for length in (start, start + 2):
        shapes = {
            name: [length if (name, axis) in sources else size for axis, size in enumerate(type.shape)]
            for name, type in layer.inputs.items()
        }
        examples.append(
            {name: values(PortType(layer.inputs[name].kind, shape), (), source, row.domain).numpy() for name, shape in shapes.items()}
        )
    together = layer({name: [example[name] for example in examples] for name in layer.inputs}, WorkingPrecision="Real64")
    together = together["Loss"] if isinstance(together, dict) else together
    for whole, example in zip(together, examples, strict=True):
        alone = layer(example, WorkingPrecision="Real64")
        assert close(whole, alone["Loss"] if isinstance(alone, dict) else alone, 1e-12)


@rows(lambda row: row.varying)
def test_an_example_without_elements_disturbs_no_other(row):
    run = Run(typed_as(row.layer, row.varying))
    if row.shortest > 1 or not is_legal(run, 0):
        return
    source, count = np.random.default_rng(5), run.lowered.length_count
    kinds = [
        PortType(type.kind, [size if isinstance(size, int) else 5 for size in type.shape]) for type in run.lowered.typing.inputs.values()
    ]
    inputs = [values(kind, (3,), source, row.domain) for kind in kinds]
    real = [x.requires_grad_() for x in (*inputs, *run.own_arrays) if x.is_floating_point()]

    def others(first):
        """The outputs of the other examples, and their gradients."""
        lengths = tuple(torch.tensor([first, max(4 - 2 * i, 1), max(5 - 2 * i, 1)]) for i in range(count))
        (result,), _ = run.lowered.forward(tuple(inputs), run.own_arrays, run.started(*inputs), (), lengths, None)
        gradients = torch.autograd.grad(result[1:].sin().sum(), real, allow_unused=True) if row.differentiable else ()
        return [result[1:].detach(), *(gradient for gradient in gradients if gradient is not None)]

    for without, beside in zip(others(0), others(3), strict=True):
        assert without.isfinite().all() and close(without, beside)


@rows(lambda row: row.vectors)
def test_known_values(row):
    for data, expected in row.vectors:
        result = row.layer(data)
        result = result["Loss"] if isinstance(result, dict) else result
        assert np.shape(result) == np.shape(expected)
        assert np.allclose(result, expected, rtol=2e-6, atol=6e-7)


WRONG = [(f"{type(row.layer).__name__}-{i}", make, message) for row in EVERY_ROW for i, (make, message) in enumerate(row.wrong)]


@pytest.mark.parametrize("make, message", [entry[1:] for entry in WRONG], ids=[entry[0] for entry in WRONG])
def test_what_is_wrong_is_said(make, message):
    with pytest.raises(NetError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "cls", [cls for cls in LAYERS.values() if cls.__module__.startswith("netgraph.layers.")], ids=lambda cls: cls.__name__
)
def test_the_example_in_the_docstring(cls):
    examples = doctest.DocTestFinder(recurse=False).find(cls, cls.__name__, globs={**NAMES, "torch": torch, "np": np})
    assert examples and examples[0].examples
    assert doctest.DocTestRunner().run(examples[0]).failed == 0
