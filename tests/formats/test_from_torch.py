"""net_from_torch: the same numbers as the module, in layers of ours where there are some."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from netgraph import *
from netgraph.formats import from_torch
from netgraph.spec.net import walk


def leaves(net):
    return [type(part).__name__ for _, part in walk(net) if not part.children and not isinstance(part, NetChain)]


def warmed(module, *shape):
    """The module with running statistics of its own."""
    for _ in range(3):
        module.train()(torch.randn(8, *shape))
    return module.eval()


CASES = {
    "perceptron": (nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1, bias=False)), (2,)),
    "images": (
        nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 8, (3, 2), groups=4, stride=(2, 1), dilation=(1, 2)), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Dropout(0.3), nn.Linear(8, 4), nn.Softmax(1),
        ),
        (3, 16, 16),
    ),
    "signals": (
        nn.Sequential(
            nn.Conv1d(2, 4, 3, padding="same"), nn.GroupNorm(2, 4), nn.LeakyReLU(0.2), nn.ConvTranspose1d(4, 3, 4, stride=2, padding=1),
            nn.AvgPool1d(2), nn.PReLU(3), nn.InstanceNorm1d(3, affine=True), nn.AdaptiveMaxPool1d(1),
        ),
        (2, 10),
    ),
    "volumes": (nn.Sequential(nn.Conv3d(1, 2, 2), nn.MaxPool3d(2, 1), nn.BatchNorm3d(2), nn.Flatten(2, 4)), (1, 5, 4, 6)),
    "rows of vectors": (
        nn.Sequential(
            nn.Linear(4, 6), nn.LayerNorm(6), nn.SiLU(), nn.RMSNorm(6, eps=1e-6), nn.Softplus(), nn.ELU(0.5), nn.Hardtanh(-2, 2),
            nn.PReLU(), nn.GELU("tanh"),
        ),
        (7, 4),
    ),
    "tokens": (nn.Sequential(nn.Embedding(11, 5), nn.Identity(), nn.Flatten(), nn.Unflatten(1, (5, 3))), (3, Integer(11))),
    "more": (
        nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.LocalResponseNorm(3), nn.Upsample(scale_factor=2), nn.Softmax2d(), nn.Hardswish(), nn.Hardsigmoid(),
            nn.Mish(), nn.Tanh(), nn.Softsign(), nn.SELU(), nn.ReLU6(), nn.Sigmoid(), nn.AlphaDropout(0.2),
        ),
        (3, 6, 6),
    ),
    "nested": (nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 2))), (3,)),
    "one": (nn.Linear(3, 2), (3,)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_known_modules_become_layers_with_the_same_numbers(name):
    torch.manual_seed(0)
    module, shape = CASES[name]
    if name != "tokens":
        warmed(module, *shape)
        data = torch.randn(5, *shape)
    else:
        data = torch.randint(11, (5, 3))
    net = net_from_torch(module, Input=shape)
    assert "ModuleLayer" not in leaves(net)
    with torch.no_grad():
        assert torch.allclose(net(data), module.eval()(data), atol=1e-5)
    assert net_from_json(net_to_json(net)) == net.structure
    assert sum(a.size for a in net.arrays.values()) == sum(
        t.numel() for name, t in module.state_dict().items() if not name.endswith("num_batches_tracked")
    )


def without_hidden_bias(module):
    for name, bias in module.named_parameters():
        if name.startswith("bias_hh"):
            torch.nn.init.zeros_(bias)
    return module


@pytest.mark.parametrize(
    "module",
    [
        nn.LSTM(3, 4, batch_first=True), nn.LSTM(3, 4, 2, batch_first=True, dropout=0.3, bias=False), nn.RNN(3, 4, batch_first=True),
        nn.GRU(3, 4, batch_first=True, bias=False), without_hidden_bias(nn.GRU(3, 4, 2, batch_first=True)),
    ],
    ids=str,
)  # fmt: skip
def test_recurrent_modules(module):
    net = net_from_torch(module, Input=(6, 3))
    data = torch.randn(5, 6, 3)
    with torch.no_grad():
        assert torch.allclose(net(data), module.eval()(data)[0], atol=1e-6)
    assert "ModuleLayer" not in leaves(net)


@pytest.mark.parametrize(
    "module",
    [
        nn.GRU(3, 4, batch_first=True), nn.LSTM(3, 4, batch_first=True, bidirectional=True), nn.LSTM(3, 4, batch_first=True, proj_size=2),
        nn.RNN(3, 4, batch_first=True, nonlinearity="relu"),
    ],
    ids=str,
)  # fmt: skip
def test_recurrent_modules_that_have_no_layer_give_their_sequence(module):
    net = NetChain([net_from_torch(module), NetMapOperator(2)], Input=(6, 3))
    assert leaves(net)[0] == "ModuleLayer" and "recurrence/weight_ih_l0" in net[0].arrays
    data = torch.randn(5, 6, 3)
    with torch.no_grad():
        assert torch.allclose(net_from_torch(module, Input=(6, 3))(data), module.eval()(data)[0], atol=1e-6)


UNKNOWN = [
    nn.Conv1d(2, 2, 3, padding=1, padding_mode="circular"), nn.ConvTranspose1d(2, 2, 3, stride=2, output_padding=1),
    nn.ConvTranspose1d(2, 2, 3, groups=2), nn.MaxPool1d(3, 2, ceil_mode=True), nn.AvgPool1d(3, padding=1, count_include_pad=False),
    nn.MaxPool1d(2, dilation=2), nn.AdaptiveAvgPool1d(4), nn.BatchNorm1d(2, track_running_stats=False), nn.BatchNorm1d(2, affine=False),
    nn.Softmax(0), nn.Upsample(scale_factor=1.5), nn.Upsample(scale_factor=2, mode="linear"), nn.LocalResponseNorm(2),
    nn.Softplus(beta=2), nn.Hardshrink(), nn.CELU(),
]  # fmt: skip


@pytest.mark.parametrize("module", UNKNOWN, ids=str)
def test_what_has_no_layer_stays_itself(module):
    if isinstance(module, nn.Softmax) or (isinstance(module, nn.BatchNorm1d) and not module.track_running_stats):
        with pytest.raises(NetValueError) as error:
            net_from_torch(nn.Sequential(module, nn.Tanh()), Input=(2, 9))
        what = "Sequential gives for an example in a batch what it does not give for it alone"
        assert str(error.value) == f"net_from_torch: {what}; a net treats examples apart"
        return
    net = net_from_torch(nn.Sequential(module, nn.Tanh()), Input=(2, 9))
    assert leaves(net) == ["ModuleLayer", "ElementwiseLayer"]
    data = torch.randn(4, 2, 9)
    with torch.no_grad():
        assert torch.allclose(net(data), torch.tanh(module.eval()(data)), atol=1e-6)


class Residual(nn.Module):
    """Its own way, which only it knows."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.inner = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))

    def forward(self, x):
        return x + self.inner(self.norm(x)) if x.shape[1] == 4 else x


def test_an_opaque_module_is_extracted_trained_and_given_back():
    module = Residual()
    net = NetChain({"body": net_from_torch(module), "head": 2, "class": SoftmaxLayer()}, Input=4)
    net = net_initialize(net)
    assert net["body", "inner", "0", "weight"].shape == (8, 4) and net["body/norm/running_mean"].tolist() == [0, 0, 0, 0]
    data = {"Input": np.random.default_rng(0).normal(size=(32, 4)).astype("float32"), "Output": np.arange(32) % 2}
    trained = net_train(net, data, MaxTrainingRounds=5, TrainingProgressReporting=None)
    for name in ("body/inner/0/weight", "body/norm/running_mean"):
        assert not np.array_equal(trained.arrays[name], net.arrays[name])
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), Residual().load_state_dict(module.state_dict()) and [], strict=False))
    back = trained.to_torch("Test")
    assert "body.inner.0.weight" in back.state_dict()
    x = torch.from_numpy(data["Input"])
    assert torch.allclose(back(x), trained(x), atol=1e-6)
    fresh = net_initialize(trained["body"], All)
    assert np.array_equal(fresh.arrays["inner/0/weight"], module.inner[0].weight.detach())


def test_the_module_is_left_as_it_was():
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.random.get_rng_state()
    net_from_torch(module, Input=2)
    assert module.training and all(part.training for part in module.modules())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_net_there_and_back():
    net = net_initialize(NetChain({"a": 3, "b": BatchNormalizationLayer(), "c": LinearLayer(3, Weights=NetArray("w"))}, Input=2))
    module = net.to_torch()
    assert net_from_torch(module) == net == module.net
    module.train()(torch.randn(5, 2))
    with torch.no_grad():
        module.get_parameter("a.Weights").zero_()
    back = net_from_torch(module)
    assert back != net and back.structure == net.structure
    assert not back.arrays["a/Weights"].any() and back.arrays["b/MovingMean"].any()
    assert message(lambda: net_from_torch(module, Input=2)) == (
        "net_from_torch: a module made of a net has its types already\n  try: net_from_torch(module)"
    )


def test_names_and_sharing():
    net = net_from_torch(nn.Sequential(OrderedDict(first=nn.Linear(2, 3), second=nn.Tanh())))
    assert list(net.children) == ["first", "second"] and net["Output"] == (3,)


class Two(nn.Module):
    def forward(self, x, y):
        return {"sum": x + y, "product": x * y}


def test_several_inputs_and_outputs():
    net = net_from_torch(Two(), x=3, y=3)
    found = net({"x": [1, 2, 3], "y": [4, 5, 6]})
    assert {name: value.tolist() for name, value in found.items()} == {"sum": [5, 7, 9], "product": [4, 10, 18]}


def message(call):
    with pytest.raises(NetError) as error:
        call()
    return str(error.value)


def test_what_is_wrong_is_said():
    assert message(lambda: net_from_torch(3)) == "net_from_torch wants a torch.nn.Module, got 3"
    assert message(lambda: net_from_torch(nn.Linear(2, 2), x=3)) == "net_from_torch: Linear has no input 'x', known: \"Input\""
    assert message(lambda: net_from_torch(nn.Sequential(nn.Tanh(), nn.Flatten(0, 1)), Input=3)) == (
        "1: of a batch of 2 the module gives Output of shape (6,): the batch axis must stay in front\n  (3,): NetChain was given Input=3"
    )


def test_the_batch_axis_must_be_in_front():
    assert message(lambda: net_from_torch(nn.LSTM(3, 4), Input=(6, 3))) == (
        "net_from_torch: LSTM wants the batch axis in front\n  try: batch_first=True"
    )


def test_a_wrong_conversion_would_be_noticed(monkeypatch):
    monkeypatch.setitem(from_torch.KNOWN, nn.Tanh, lambda module, shape: ElementwiseLayer(Ramp))
    with pytest.raises(AssertionError, match=r"^net_from_torch: Output of the net is not that of Tanh$"):
        net_from_torch(nn.Tanh(), Input=3)
