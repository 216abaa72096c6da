"""What surgery costs: where parts fit as they are known to, only what is new is solved, never the whole net."""

import pytest

from netgraph import *
from netgraph.errors import NetError
from netgraph.spec.typing import infer
from netgraph.surgery import window

CHAIN = net_initialize(NetChain([5, Ramp] * 20, Input=3))
CALLS = {
    "append": lambda net: net_append(net, [Tanh, 3]),
    "prepend": lambda net: net_prepend(net, [3, Ramp]),
    "join": lambda net: net | NetChain([Tanh, 4]),
    "replace a layer": lambda net: net_replace_part(net, (21, Tanh)),
    "replace an array": lambda net: net_replace_part(net, ("20/Biases", [0] * 5)),
    "replace a type": lambda net: net_replace_part(net, Input=3),
    "replace many": lambda net: net_replace(net, (Ramp, Tanh)),
    "delete": lambda net: net_delete(net, 21),
    "twice": lambda net: net_append(net_append(net, Tanh), 5),
}
IN_ROWS = {"insert": lambda net: net_insert(net, Tanh, 21), "drop": lambda net: net_drop(net, (21, 22)), "slice": lambda net: net[2:30]}


@pytest.mark.parametrize("name", [*CALLS, *IN_ROWS])
@pytest.mark.parametrize("kind", ["chain", "graph"])
def test_the_whole_is_not_solved_again(name, kind, monkeypatch):
    if kind == "graph" and name in IN_ROWS:
        return
    net = CHAIN if kind == "chain" else NetGraph(CHAIN)
    assert net.outputs  # so its types are known
    monkeypatch.setattr(window, "typed", lambda net: pytest.fail("the whole net was solved"))
    result = {**CALLS, **IN_ROWS}[name](net)
    monkeypatch.undo()
    assert dict(infer(result).outputs) == dict(result.outputs)


def test_what_does_not_fit_is_told_as_the_whole_net_tells_it():
    with pytest.raises(NetError) as windowed:
        net_replace_part(CHAIN, (21, 4))
    with pytest.raises(NetError) as whole:
        NetChain([4 if place == 21 else layer for place, layer in enumerate(CHAIN)], Input=3)
    assert str(windowed.value) == str(whole.value)


def test_a_size_that_changes_everything_behind_it():
    net = NetChain([LinearLayer(5), Ramp, Tanh, Ramp, Tanh, Ramp, Tanh, Ramp], Input=3)
    assert net_replace_part(net, (0, 7)).outputs["Output"].shape == (7,)
    longer = net_append(net_replace_part(net, (0, 7)), LinearLayer(2, Weights=[[1.0] * 7] * 2))
    assert longer.outputs["Output"].shape == (2,) and longer.inputs["Input"].shape == (3,)
