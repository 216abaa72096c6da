"""net_transfer: by path and by order, from nets, dicts, modules; what is told of the rest."""

import numpy as np
import pytest
import torch
from torch import nn

from netgraph import *
from netgraph.errors import NetError

NET = NetChain({"conv": ConvolutionLayer(2, 3), "norm": BatchNormalizationLayer(), "flat": FlattenLayer(), "head": 3}, Input=(1, 6, 6))


class Module(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2, eps=0.001)
        self.head = nn.Linear(32, classes)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).flatten(1))


def test_from_a_module():
    module = Module().eval()
    with torch.no_grad():
        module.norm.running_mean += 0.5
    result = net_transfer(NET, module)
    assert result.complete and result.loaded["norm/Scaling"] == "norm.weight" and result.unused == () == result.missing
    x = torch.randn(4, 1, 6, 6)
    assert np.allclose(result.net(x), module(x).detach(), atol=1e-4)
    assert net_transfer(NET, module.state_dict()).net == result.net


def test_another_head():
    result = net_transfer(net_initialize(NET), Module(5))
    assert result.mismatched == {"head/Weights": ("head.weight", (5, 32), (3, 32)), "head/Biases": ("head.bias", (5,), (3,))}
    assert not result.complete and result.net["head/Weights"] is not Automatic
    assert repr(result) == (
        "TransferResult: 6 of 8 arrays loaded\n"
        "  loaded      conv/Weights         from conv.weight\n"
        "  loaded      conv/Biases          from conv.bias\n"
        "  loaded      norm/Scaling         from norm.weight\n"
        "  loaded      norm/Biases          from norm.bias\n"
        "  loaded      norm/MovingMean      from norm.running_mean\n"
        "  loaded      norm/MovingVariance  from norm.running_var\n"
        "  mismatched  head/Weights         head.weight has (5, 32), (3, 32) is wanted\n"
        "  mismatched  head/Biases          head.bias has (5,), (3,) is wanted"
    )


def test_between_nets():
    old = net_initialize(NetChain([3, Ramp, 2], Input=4))
    assert net_transfer(old.structure, old).net == old
    new = NetChain({"a": 3, "b": Ramp, "c": 2, "d": 1}, Input=4)
    assert net_transfer(new, old, By="Path").loaded == {}
    result = net_transfer(new, old)
    assert result.loaded == {"a/Weights": "0/Weights", "a/Biases": "0/Biases", "c/Weights": "2/Weights", "c/Biases": "2/Biases"}
    assert result.missing == ("d/Weights", "d/Biases") and np.array_equal(result.net["c/Weights"], old["2/Weights"])
    assert net_transfer(new, {"x": np.ones((3, 4))}, by="Order").loaded == {"a/Weights": "x"}
    assert net_transfer(NetChain([LinearLayer()], Input=4), old).net["0/Weights"].shape == (3, 4)


def test_shared_arrays():
    tied = net_insert_shared_arrays(net_initialize(NetChain([2], Input=2)), "t")
    assert net_transfer((tied.structure | tied.structure), tied).loaded == {"t:0:Weights": "t:0:Weights", "t:0:Biases": "t:0:Biases"}


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: net_transfer(3, {}), "net_transfer wants a net, got 3"),
        (lambda: net_transfer(NET, 3), "net_transfer takes arrays from a net, a dict by name, a torch module or its state_dict, got 3"),
        (lambda: net_transfer(NET, {}, By="Name"), 'net_transfer: By is "Path", "Order" or Automatic, got \'Name\''),
        (lambda: net_transfer(LinearLayer(1), {"Weights": [[np.nan]]}), "net_transfer: Weights holds NaN or an infinite value"),
    ],
)
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == text
