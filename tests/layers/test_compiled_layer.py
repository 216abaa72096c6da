"""Functions that stay Python: how they train, compile and export; the rest is in the table."""

import numpy as np
import pytest
import torch

from netgraph import CompiledLayer, LinearLayer, NetChain, NetPortGradient, NetTypeError, net_initialize, net_to_torch, net_train

CALLS = []


def looped(x):
    """Code that no tracer can follow."""
    CALLS.append(tuple(x.shape))
    return np.array([[float(v) ** 2 if v > 0 else 0.0 for v in row] for row in x.numpy()])


def slope(x, slope, y):
    return 2 * y.sqrt() * slope


LAYERS = [
    CompiledLayer(lambda x: looped(x[None])[0], slope),
    CompiledLayer(looped, slope, Rank=2),
    CompiledLayer(lambda x: torch.relu(x) ** 2),
]
DATA = {"Input": torch.randn(64, 3, generator=torch.Generator().manual_seed(1)).numpy()}
DATA["Output"] = (np.maximum(DATA["Input"] @ [[1.0], [-1.0], [0.5]], 0) ** 2).astype(np.float32)


@pytest.mark.parametrize("layer", LAYERS, ids=["example", "batch", "torch"])
def test_it_trains(layer):
    net, plain = (net_initialize(NetChain([2, middle, 1], Input=3, Output=1)) for middle in (layer, lambda x: torch.relu(x) ** 2))
    options = {"BatchSize": 16, "MaxTrainingRounds": 3, "RandomSeeding": 1, "Plan": "Reference", "TrainingProgressReporting": None}
    trained = net_train(net, DATA, **options)
    for path, array in net_train(plain, DATA, **options).arrays.items():
        np.testing.assert_allclose(trained.arrays[path], array, rtol=1e-4, atol=1e-6)
    assert not np.array_equal(trained.arrays["0/Weights"], net.arrays["0/Weights"])


@pytest.mark.parametrize("layer", LAYERS[:2], ids=["example", "batch"])
def test_it_compiles_and_exports_whole(layer):
    module = net_to_torch(net_initialize(NetChain([LinearLayer(2), layer], Input=3)))
    x = torch.from_numpy(DATA["Input"][:5])
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager", dynamic=False)
    compiled(x).sum().backward()
    found, module.get_parameter("0.Weights").grad = module.get_parameter("0.Weights").grad, None
    module(x).sum().backward()
    torch.testing.assert_close(found, module.get_parameter("0.Weights").grad)
    torch.testing.assert_close(torch.export.export(module.eval(), (x,)).module()(x), module(x))


def test_what_the_function_sees():
    CALLS.clear()
    CompiledLayer(looped, slope, Input=(2, 3), Output=(2, 3))(np.ones((4, 2, 3)))
    assert CALLS == [(2, 3)] * 4
    CALLS.clear()
    CompiledLayer(looped, slope, Rank=2, Input=3, Output=3)(np.ones((4, 3)))
    assert CALLS == [(4, 3)]


def test_gradients():
    x = [-1.0, 2.0, 3.0]
    assert CompiledLayer(looped, slope, Rank=2, Input=3)(x, NetPortGradient("Input")).tolist() == [0, 4, 6]
    assert CompiledLayer(looped, None, Rank=2, Input=3)(x, NetPortGradient("Input")).tolist() == [0, 0, 0]


@pytest.mark.parametrize("function", [lambda x: np.sin(x.numpy()), lambda x: np.sin(x.detach().numpy())], ids=["refused", "cut off"])
def test_a_function_that_leaves_torch_has_no_automatic_gradient(function):
    layer = CompiledLayer(function, Input=3)
    np.testing.assert_allclose(layer([0, 1, 2]), np.sin([0, 1, 2]), rtol=1e-6)
    with pytest.raises(NetTypeError) as caught:
        layer([0, 1, 2], NetPortGradient("Input"))
    assert str(caught.value) == (
        "CompiledLayer: the gradient of the function is not known, since it leaves torch\n"
        "  try: CompiledLayer(f, g) with its gradient g, or CompiledLayer(f, None)"
    )
