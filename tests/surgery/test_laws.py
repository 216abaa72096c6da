"""The laws of surgery, on drawn nets: chains and graphs, named and numbered, nested, trained or not."""

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netgraph import *
from netgraph.errors import NetError
from netgraph.spec.typing import infer

FEW = settings(max_examples=20)
LAYERS = st.sampled_from(
    [Ramp, Tanh, LinearLayer(2), LinearLayer(3), LinearLayer(4, Biases=None), SoftmaxLayer(), BatchNormalizationLayer(), DropoutLayer()]
)
INPUT = np.array([0.5, -1.0, 2.0])


@st.composite
def chains(draw, depth=2, least=1):
    """A chain of vectors."""
    layers = draw(st.lists(st.one_of(LAYERS, chains(depth - 1)) if depth else LAYERS, min_size=least, max_size=4))
    if draw(st.booleans()):
        return NetChain({f"n{place}": layer for place, layer in enumerate(layers)})
    return NetChain(layers)


@st.composite
def nets(draw):
    """A chain or a graph, closed, half of them trained."""
    net = NetChain([*draw(chains(least=2)), 3], Input=3)
    if draw(st.booleans()):
        net = NetChain({f"p{place}": part for place, part in enumerate(net)}, Input=3)
    if draw(st.booleans()):
        side = NetChain([draw(chains(1)), 3])
        net = NetGraph({"main": net, "side": side, "sum": Plus}, [("main", "sum"), (NetPort("main", 0, "Output"), "side"), ("side", "sum")])
    return net_initialize(net) if draw(st.booleans()) else net


def outputs(net):
    """What a net gives, bit for bit."""
    return torch.as_tensor(net(INPUT)).view(torch.int32).tolist()


def agrees(net):
    """The types that surgery took for granted are those that inference finds."""
    typing = infer(net)
    assert dict(typing.inputs) == dict(infer(net, full=True).inputs)
    return net


@FEW
@given(nets(), st.data())
def test_take_and_join_is_the_whole(net, data):
    if isinstance(net, NetGraph):
        net = net["main"]
    assume(len(net) > 1)
    cut = data.draw(st.integers(1, len(net) - 1))
    whole = net_join(net_take(net, cut - 1), net_take(net, (cut, -1)))
    assert whole == net and agrees(whole)
    assert net_take(net, cut - 1) == net[:cut] == net_drop(net, cut - len(net))
    assert net_drop(net, cut) == net[cut:]


@FEW
@given(nets(), st.data())
def test_insert_then_delete_is_identity(net, data):
    if isinstance(net, NetGraph):
        net = net["main"]
    place = data.draw(st.integers(0, len(net)))
    longer = net_insert(net, ("new", Tanh) if net.named else Tanh, place)
    assert len(agrees(longer)) == len(net) + 1
    if 0 < place < len(net):
        assert net_delete(longer, place) == net


@FEW
@given(nets())
def test_rename_is_invertible(net):
    assume(net.named)
    longer = net_rename(net, lambda name: f"{name}x")
    assert list(longer.children) == [f"{name}x" for name in net.children]
    assert net_rename(agrees(longer), lambda name: name[:-1]) == net


@FEW
@given(nets())
def test_flatten_keeps_every_output(net):
    net = net_initialize(net)
    flat = net_flatten(net)
    assert not any(isinstance(part, (NetChain, NetGraph)) for part in agrees(flat)) and flat.inputs == net.inputs
    assert outputs(flat) == outputs(net) and net_flatten(flat) == flat
    assert outputs(net_flatten(net, 1)) == outputs(net)


@FEW
@given(nets(), st.data())
def test_replace_with_itself_is_identity(net, data):
    place = data.draw(st.integers(0, len(net) - 1))
    name = list(net.children)[place]
    part = net_extract(net, name)
    assert net_replace_part(net, (name, part)).arrays.keys() == net.arrays.keys()
    assert net_replace_part(net.structure, (place, net.children[name])) == net.structure
    assert net_replace(net, (LinearLayer, lambda layer: layer)) == net
    for path, array in net.arrays.items():
        if array is not Automatic:
            assert net_replace_part(net, (path, array)) == net


def built(make):
    """What a call gives, or that it refuses."""
    try:
        return make()
    except NetError:
        return None


@FEW
@given(nets(), LAYERS, st.integers(0, 3))
def test_a_changed_chain_is_the_one_that_is_written(net, layer, place):
    """Surgery looks at what changed only; the whole, written anew, agrees, also where it refuses."""
    net = net["main"] if isinstance(net, NetGraph) else net
    place %= len(net)
    parts = dict(zip(net.children, net, strict=True)) if net.named else dict(enumerate(net))
    name = list(parts)[place]

    changed = built(lambda: net_replace_part(net, (name, layer)))
    tensors = {key: array for key, array in net.tensors.items() if not key.startswith(f"{name}/")}
    whole = built(lambda: NetChain({**parts, name: layer} if net.named else [*({**parts, name: layer}).values()], Input=3))
    assert (changed is None) == (whole is None)
    if changed is not None:
        assert changed.tensors.keys() == tensors.keys() and dict(agrees(changed).outputs) == dict(whole.outputs)


@FEW
@given(nets())
def test_shared_arrays_change_no_output(net):
    net = net_initialize(net)
    assert outputs(net_insert_shared_arrays(net)) == outputs(net)
