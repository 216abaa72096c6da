"""net.to_torch(): names, training by hand, modes, compiling, exporting, devices, several outputs."""

import copy

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError
from tests.lower.stubs import CoupledStub, RecurrentStub


def mlp():
    return net_initialize(NetChain({"body": [8, Ramp], "drop": DropoutLayer(0.5), "norm": BatchNormalizationLayer(), "head": 1}, Input=2))


def test_names_are_paths():
    module = mlp().to_torch()
    assert set(module.state_dict()) == {
        "body.0.Weights",
        "body.0.Biases",
        "norm.Scaling",
        "norm.Biases",
        "norm.MovingMean",
        "norm.MovingVariance",
        "head.Weights",
        "head.Biases",
    }
    assert {name for name, _ in module.named_buffers()} == {"norm.MovingMean", "norm.MovingVariance"}
    assert len(list(module.parameters())) == 6


def test_it_owns_copies():
    net = net_initialize(NetChain([2], Input=2))
    module = net.to_torch()
    with torch.no_grad():
        module.get_parameter("0.Weights").zero_()
    assert net["0/Weights"].any()


def test_it_trains_in_a_hand_written_loop():
    module = net_initialize(NetChain([16, Tanh, 1], Input=1)).to_torch()
    optimizer = torch.optim.Adam(module.parameters(), 0.02)
    x = torch.linspace(-1, 1, 64).reshape(-1, 1)
    losses = []
    for _ in range(150):
        loss = ((module(x) - x.square()) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_modes():
    net = mlp()
    module = net.to_torch()
    assert module.training and not net.to_torch("Test").training
    x = torch.randn(32, 2)
    assert not torch.equal(module(x), module(x))
    mean = module.get_buffer("norm.MovingMean").clone()
    module(x)
    assert not torch.equal(module.get_buffer("norm.MovingMean"), mean)
    module.eval()
    mean = module.get_buffer("norm.MovingMean").clone()
    assert torch.equal(module(x), module(x)) and torch.equal(module.get_buffer("norm.MovingMean"), mean)
    assert module.train().source != module.eval().source
    assert np.allclose(net(x.numpy()), net.to_torch("Test")(x).detach().numpy(), atol=1e-6)


def test_given_noise():
    module = net_initialize(NetChain([DropoutLayer(0.5)], Input=4)).to_torch()
    x = torch.ones(1, 4)
    keep, drop = (module(x, noise=(torch.full((1, 4), value),)) for value in (0.99, 0.0))
    assert {float(keep.sum()), float(drop.sum())} == {8.0, 0.0}


@pytest.mark.parametrize("training", [True, False])
def test_compiled_whole_and_exported(training):
    module = mlp().to_torch().train(training)
    x, noise = torch.randn(4, 2), (torch.rand(4, 8),) if training else None
    expected = copy.deepcopy(module)(x, noise=noise)
    torch._dynamo.reset()
    assert torch.allclose(torch.compile(copy.deepcopy(module), fullgraph=True, backend="eager")(x, noise=noise), expected)
    exported = torch.export.export(copy.deepcopy(module), (x,), {"noise": noise} if training else {})
    assert torch.allclose(exported.module()(x, **({"noise": noise} if training else {})), expected)


def test_the_batch_size_may_be_left_open_in_an_export():
    module = net_initialize(NetPairEmbeddingOperator([3, Ramp], Input=2)).to_torch("Test")
    exported = torch.export.export(module, (torch.randn(4, 2, 2),), dynamic_shapes={"inputs": ({0: torch.export.Dim("batch")},)})
    assert exported.module()(torch.randn(7, 2, 2)).shape == (7,)


def test_the_source_can_be_printed():
    source = net_initialize(NetChain([3, Ramp], Input=2)).to_torch().source
    assert source.startswith("def forward(inputs, arrays, states, noise, lengths, valid):\n")
    assert "    # 0: LinearLayer(3)\n" in source and source.rstrip().splitlines()[-1].strip().startswith("return ((")


def test_it_moves_between_kinds_of_numbers():
    module = mlp().to_torch("Test").double()
    assert module(torch.randn(3, 2, dtype=torch.float64)).dtype == torch.float64
    module.train()
    assert module(torch.randn(3, 2, dtype=torch.float64)).dtype == torch.float64
    assert module.get_buffer("norm.MovingMean").dtype == torch.float64


def test_several_outputs_and_inputs():
    module = NetGraph([Ramp, Tanh], [(NetPort("x"), 0), (NetPort("x"), 1)], x=2).to_torch()
    result = module(torch.tensor([[-1.0, 1.0]]))
    assert list(result) == ["Output1", "Output2"] and result["Output1"].tolist() == [[0, 1]]
    module = MeanSquaredLossLayer(Input=2).to_torch()
    assert module(torch.ones(3, 2), torch.zeros(3, 2)).tolist() == [1, 1, 1]


def test_shared_arrays_are_one_parameter():
    tied = LinearLayer(2, Weights=NetArray("w"), Biases=None)
    module = net_initialize(NetChain([tied, tied], Input=2)).to_torch()
    assert list(module.state_dict()) == ["w"]
    module(torch.ones(1, 2)).sum().backward()
    assert module.get_parameter("w").grad is not None


def test_lengths_and_states():
    net = net_initialize(NetChain([SoftmaxLayer(0)], Input=("Varying",)))
    module = net.to_torch("Test")
    assert module(torch.zeros(2, 4), lengths=(torch.tensor([4, 2]),))[1, :2].tolist() == [0.5, 0.5]
    recurrent = net_initialize(NetChain([RecurrentStub(3)], Input=(4, 2))).to_torch("Test")
    x = torch.randn(2, 4, 2)
    assert torch.equal(recurrent(x), recurrent(x, states={"0/State": torch.zeros(2, 3)}))
    assert not torch.equal(recurrent(x), recurrent(x, states={"0/State": torch.ones(2, 3)}))


def test_a_coupled_loss_takes_the_whole_batch():
    module = net_initialize(NetChain([2, CoupledStub()], Input=3)).to_torch()
    assert module(torch.randn(5, 3)).shape == (5,)


def test_deep_nesting_is_told():
    net = NetChain([3], Input=3)
    for _ in range(300):
        net = NetChain([net, Ramp])
    with pytest.raises(NetError) as caught:
        net_initialize(net).to_torch()
    assert str(caught.value).endswith("/Weights is nested 301 deep, torch's modules can be nested 200 deep")


@pytest.mark.parametrize(
    "build, text",
    [
        (
            lambda: NetChain([3, Ramp], Input=2).to_torch(),
            "NetChain([LinearLayer(3), ElementwiseLayer(Ramp)], Input=2) is not initialised: 0/Weights, 0/Biases missing\n"
            "  try: net_initialize(net).to_torch()",
        ),
        (
            lambda: NetChain([Ramp]).to_torch(),
            "NetChain([ElementwiseLayer(Ramp)]) cannot become a module: sizes are open: "
            "0/Input is real (...), 0/Output is real (...), Input is real (...), Output is real (...)\n  try: give the net Input=<shape>",
        ),
        (lambda: mlp().to_torch("Eval"), 'net_to_torch: mode is "Train" or "Test", got \'Eval\''),
        (lambda: mlp().to_torch()(), "the module takes 1 input (Input), got 0"),
        (lambda: NetChain([Ramp], Input="Varying").to_torch()(torch.ones(1, 2)), "the module takes 1 tensor of lengths, got 0"),
    ],
)
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == text
