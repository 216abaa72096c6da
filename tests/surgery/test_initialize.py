"""net_initialize: what it draws, when it refuses, and that the same net always starts the same."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError


def mlp(**options):
    return NetChain([50, Ramp, 10], **options)


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


def test_only_missing_arrays_are_drawn():
    net = NetChain([LinearLayer(2, Weights=[[1, 2], [3, 4]]), 3])
    ready = net_initialize(net)
    assert ready["0/Weights"].tolist() == [[1, 2], [3, 4]] and ready["0/Biases"].tolist() == [0, 0] and ready["1/Weights"].shape == (3, 2)
    assert net.arrays["0/Biases"] is Automatic
    anew = net_initialize(ready, All)
    assert anew["0/Weights"].tolist() != [[1, 2], [3, 4]] and np.array_equal(anew["1/Weights"], ready["1/Weights"])


def test_it_is_repeatable():
    assert net_initialize(mlp(Input=2)) == net_initialize(mlp(Input=2)) == net_initialize(mlp(Input=2), RandomSeeding=1234)
    assert net_initialize(mlp(Input=2), random_seeding=5) == net_initialize(mlp(Input=2), RandomSeeding=5) != net_initialize(mlp(Input=2))
    assert net_initialize(mlp(Input=2), RandomSeeding="a") != net_initialize(mlp(Input=2), RandomSeeding="b")
    assert net_initialize(mlp(Input=2), RandomSeeding=Automatic) != net_initialize(mlp(Input=2), RandomSeeding=Automatic)
    torch.manual_seed(1)
    a = net_initialize(mlp(Input=2), RandomSeeding="Inherited")
    assert a != net_initialize(mlp(Input=2), RandomSeeding="Inherited")
    torch.manual_seed(1)
    assert a == net_initialize(mlp(Input=2), RandomSeeding="Inherited")
    before = torch.get_rng_state()
    net_initialize(mlp(Input=2))
    assert torch.equal(before, torch.get_rng_state())


def test_an_array_starts_as_seed_and_path_say():
    """Whatever else the net holds, and from whichever end its sizes were inferred."""
    forwards, backwards = NetChain([LinearLayer(), 3], Input=2, Output=3), NetChain([LinearLayer(5), 3], Input=2)
    assert np.array_equal(net_initialize(mlp(Input=2))["0/Weights"], net_initialize(NetChain([50, Tanh], Input=2))["0/Weights"])
    sized = NetChain([LinearLayer(), NetChain([3], Input=5)], Input=2)
    assert np.array_equal(net_initialize(sized)["0/Weights"], net_initialize(backwards)["0/Weights"])
    assert "OutputDimensions" in repr(forwards) or message(lambda: net_initialize(forwards))
    partly = NetChain([LinearLayer(50, Biases=np.ones(50)), Ramp, 10], Input=2)
    assert np.array_equal(net_initialize(partly)["2/Weights"], net_initialize(mlp(Input=2))["2/Weights"])


@pytest.mark.parametrize(
    "method",
    [
        "Kaiming",
        "Xavier",
        "Orthogonal",
        "Random",
        "Identity",
        Automatic,
        ("Xavier", {"Distribution": "Uniform"}),
        ("Random", {"Weights": 2}),
    ],
    ids=str,
)
def test_methods(method):
    net = net_initialize(mlp(Input=20), Method=method)
    assert np.isfinite(net["0/Weights"]).all() and net["0/Weights"].std() > 0 and not net["0/Biases"].any()


def test_biases_of_a_random_method():
    net = net_initialize(mlp(Input=2), Method=("Random", {"Biases": ("Uniform", (1, 2))}))
    assert net["0/Biases"].min() >= 1 and net["0/Biases"].max() <= 2


def test_layers_with_arrays_of_their_own_kind():
    net = net_initialize(BatchNormalizationLayer(Input=3))
    assert {name: array.tolist()[0] for name, array in net.arrays.items()} == {
        "Scaling": 1,
        "Biases": 0,
        "MovingMean": 0,
        "MovingVariance": 1,
    }


@pytest.mark.parametrize(
    "build, text",
    [
        (
            lambda: net_initialize(NetChain([2, 1])),
            "net_initialize cannot draw arrays: sizes are open: 0/Input is real (...), 0/Weights is (2, ?), Input is real (...)\n"
            "  try: give the net Input=<shape>",
        ),
        (lambda: net_initialize(3), "net_initialize wants a net, got 3"),
        (lambda: net_initialize(mlp(), "all"), "net_initialize(net, All) draws every array anew; got 'all'"),
        (lambda: net_initialize(mlp(Input=2), Metod="Xavier"), 'net_initialize has no option "Metod", did you mean "Method"?'),
        (
            lambda: net_initialize(mlp(Input=2), RandomSeeding=1.5),
            'RandomSeeding wants a number, a text, Automatic or "Inherited", got 1.5',
        ),
    ],
)
def test_refused(build, text):
    assert message(build) == text


def test_wolframs_name():
    assert NetInitialize is net_initialize
