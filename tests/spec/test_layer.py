"""The constructor of layers: what is accepted, what is refused with which words, and layers as values."""

import copy
import inspect

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError
from netgraph.spec.declare import Array, InputPort, OutputPort, State
from netgraph.spec.initial import WEIGHT, ZEROS
from netgraph.spec.layer import LAYERS, Layer
from netgraph.spec.names import snake

WANTS_SIZE = "LinearLayer: OutputDimensions wants a size, a tuple of sizes or Automatic, got "


@pytest.mark.parametrize("value", [True, 3.0, "3", 0, -1, None, (2, True), (2, "x"), np.float32(3), np.bool_(True)], ids=repr)
def test_what_is_no_size(value):
    with pytest.raises(NetError) as caught:
        LinearLayer(value)
    assert str(caught.value).startswith(WANTS_SIZE) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value, kept",
    [
        (3, (3,)),
        (np.int64(3), (3,)),
        ([2, 3], (2, 3)),
        ((2, np.int8(3)), (2, 3)),
        ((), ()),
        (Automatic, Automatic),
        ((2, Automatic), (2, Automatic)),
    ],
    ids=repr,
)
def test_what_is_a_size(value, kept):
    layer = LinearLayer(value)
    assert layer.OutputDimensions == kept and layer.output_dimensions == kept
    assert layer == LinearLayer(OutputDimensions=value) == LinearLayer(output_dimensions=value)


REFUSED = [
    (lambda: LinearLayer(3, OutputDimensions=3), "LinearLayer: OutputDimensions is given twice, by position and as OutputDimensions="),
    (lambda: LinearLayer(3, output_dimensions=3), "LinearLayer: OutputDimensions is given twice, by position and as output_dimensions="),
    (
        lambda: LinearLayer(OutputDimensions=3, output_dimensions=3),
        "LinearLayer: OutputDimensions is given twice, as OutputDimensions= and as output_dimensions=",
    ),
    (lambda: LinearLayer(3, biases=None, Biases=None), "LinearLayer: Biases is given twice, as biases= and as Biases="),
    (lambda: LinearLayer(3, 4), "LinearLayer takes 1 positional argument, got 2"),
    (lambda: TotalLayer(3), "TotalLayer takes no positional arguments, got 1"),
    (lambda: LinearLayer(3, Weigths=None), 'LinearLayer has no option "Weigths", did you mean "Weights"?'),
    (lambda: LinearLayer(3, input=4), 'LinearLayer has no option "input", did you mean "Input" or "Output"?'),
    (lambda: TotalLayer(Inputs=4), 'TotalLayer has no option "Inputs", did you mean "InputPorts" or "Output"?'),
    (lambda: LinearLayer(3, Weights=None), "LinearLayer: Weights cannot be left out, it has no None"),
    (lambda: LinearLayer(3, Weights="w"), "LinearLayer: Weights wants an array of numbers, got 'w'"),
    (lambda: LinearLayer(3, Weights=[[1, 2], [3]]), "LinearLayer: Weights wants an array of numbers, got [[1, 2], [3]]"),
    (lambda: LinearLayer(3, Biases=[1, np.nan, 2]), "LinearLayer: Biases holds NaN or an infinite value"),
    (lambda: LinearLayer(3, Biases=[]), "LinearLayer: Biases: arrays of size zero are not allowed, got shape (0,)"),
    (lambda: LinearLayer(3, Biases=torch.ones(3, dtype=torch.complex64)), "LinearLayer: Biases wants real numbers, got torch.complex64"),
    (lambda: LinearLayer(3, Input="Vary"), None),
    (lambda: ElementwiseLayer(), "ElementwiseLayer wants Function, its argument 0"),
    (lambda: ElementwiseLayer(3), "ElementwiseLayer: Function wants a symbol such as Ramp, its name, or a function of tensors, got 3"),
    (lambda: SoftmaxLayer(1.0), "SoftmaxLayer: Level wants a level, counted from 0 or, negative, from the end, got 1.0"),
    (lambda: TotalLayer(InputPorts=["a", "a"]), "TotalLayer: InputPorts names a port twice: ['a', 'a']"),
    (
        lambda: TotalLayer(InputPorts=["Output"]),
        "TotalLayer: an input port cannot be called 'Output': a text without \"/\", no option and no other port",
    ),
    (
        lambda: CatenateLayer(InputPorts=["Level", "b"]),
        "CatenateLayer: an input port cannot be called 'Level': a text without \"/\", no option and no other port",
    ),
    (lambda: TotalLayer(InputPorts=0), "TotalLayer: InputPorts=0 gives 0 inputs, at least 1 are wanted"),
    (lambda: TotalLayer(InputPorts="a"), "TotalLayer: InputPorts wants a number, a list of names or of shapes, or a dict of both, got 'a'"),
    (
        lambda: LinearLayer(3, Weights=[[1, 2]] * 3, Input=3),
        "LinearLayer: the number of elements of (3,) is 2 on one side and 3 on the other\n"
        "  2: Weights was given an array of shape (3, 2)\n  3: LinearLayer was given Input=3",
    ),
    (
        lambda: LinearLayer(3, Weights=NetArray("Biases")),
        'LinearLayer: Weights is shared as "Biases", which is the name of another array of the layer',
    ),
]


@pytest.mark.parametrize("build, message", REFUSED, ids=[str(message)[:60] for _, message in REFUSED])
def test_refused(build, message):
    with pytest.raises(NetError) as caught:
        build()
    assert message is None or str(caught.value) == message


def test_the_signature_shows_wolframs_names():
    LinearLayer(2)
    options = "Weights=Automatic, Biases=Automatic, LearningRateMultipliers=Automatic, Input=Automatic, Output=Automatic"
    assert str(inspect.signature(LinearLayer)) == f"(OutputDimensions=Automatic, *, {options})"
    assert str(inspect.signature(ElementwiseLayer)) == "(Function, *, LearningRateMultipliers=Automatic, Input=Automatic, Output=Automatic)"


def test_every_option_has_two_spellings_that_collide_with_nothing():
    for name, cls in LAYERS.items():
        schema = cls.schema_of()
        assert len(schema.aliases) == len(schema.options), name
        ports = cls.port_words(schema)
        assert not set(ports) & set(schema.options), name
        assert not set(ports) & set(schema.aliases), name
        for option in schema.options:
            assert snake(option).isidentifier() and snake(option) == snake(option).lower()


def test_a_port_may_not_be_named_like_an_option():
    with pytest.raises(TypeError, match="Clash: Scale is also a port, or spelt like it"):

        class Clash(Layer):
            Input = InputPort("real: *shape")
            Output = OutputPort("real: *shape")
            Scale = Array("", WEIGHT)

            @classmethod
            def port_words(cls, schema):
                return ("Input", "Scale")

            def forward(self, Input, *, Scale):
                return Input

    LAYERS.pop("Clash", None)


def test_arrays_are_copied_in():
    w = np.ones((3, 2), dtype=np.float32)
    layer = LinearLayer(3, Weights=w)
    w[:] = 7
    assert layer.arrays["Weights"].tolist() == [[1, 1]] * 3
    with pytest.raises(ValueError, match="read-only"):
        layer.arrays["Weights"][0] = 1
    tensor = torch.ones(2, 3).T
    layer = LinearLayer(3, Weights=tensor)
    assert layer.tensors["Weights"].is_contiguous() and layer.tensors["Weights"].data_ptr() != tensor.data_ptr()
    with pytest.raises(TypeError):
        layer.arrays["Weights"] = 1
    assert LinearLayer(2).arrays["Weights"] is Automatic


def test_equality_is_bitwise_and_hash_is_of_structure():
    a, b = LinearLayer(1, Weights=[[0.0]]), LinearLayer(1, Weights=[[-0.0]])
    assert a != b and hash(a) == hash(b) and a.structure == b.structure == LinearLayer(1)
    assert a == LinearLayer(1, Weights=[[0.0]]) and a != LinearLayer(1)
    assert LinearLayer(1) != LinearLayer(1, Input=3) and LinearLayer(1) != 1 and LinearLayer(1) != None  # noqa: E711
    assert LinearLayer(1, Weights=torch.ones(1, 1)) != LinearLayer(1, Weights=torch.ones(1, 1, dtype=torch.float64))
    assert len({LinearLayer(1), LinearLayer(1), LinearLayer((1,)), LinearLayer(2)}) == 2


def test_a_layer_is_true_and_copies_to_itself():
    layer = LinearLayer(3)
    assert bool(layer) and copy.copy(layer) is layer and copy.deepcopy(layer) is layer
    assert list(layer) == [] and len(layer) == 0 and "x" not in layer


@pytest.mark.parametrize("name", ["OutputDimensions", "foo", "_arrays", "arrays"])
def test_nothing_can_be_set_or_deleted(name):
    for net in (LinearLayer(3), NetChain([3])):
        with pytest.raises(AttributeError) as caught:
            setattr(net, name, 1)
        assert str(caught.value) == f"a net is a value: {name} cannot be set, make a new net"
        with pytest.raises(AttributeError) as caught:
            delattr(net, name)
        assert str(caught.value) == f"a net is a value: {name} cannot be deleted, make a new net"


REPRS = [
    "LinearLayer()",
    "LinearLayer(3)",
    "LinearLayer(())",
    "LinearLayer((2, 3), Biases=None)",
    'LinearLayer(3, Weights=NetArray("w"), Input=2)',
    'SoftmaxLayer(Input=("Varying", 2))',
    'LinearLayer(3, Input=(2, "Real"), LearningRateMultipliers=0)',
    "ElementwiseLayer(Ramp, Input=(2, Automatic))",
    "ThreadingLayer(Plus, InputPorts=2)",
    "ThreadingLayer(Plus, -1, InputPorts=[2, (2, 3)])",
    "ThreadingLayer(Plus, (0, None), InputPorts=2)",
    'ThreadingLayer(Plus, InputPorts=["a", "b"], Output=3)',
    'ThreadingLayer(Plus, InputPorts={"a": 3, "b": Automatic})',
    "SoftmaxLayer(0)",
    "CatenateLayer(1)",
    "ConvolutionLayer(20, (5, 5), Stride=2)",
    'NetMapOperator(LinearLayer(3), Input=("Varying", 2))',
    'NetPairEmbeddingOperator(NetChain([LinearLayer(3)]), DistanceFunction="CosineDistance", Input=2)',
]


@pytest.mark.parametrize("text", REPRS)
def test_repr_is_what_would_be_written(text):
    net = eval(text)
    assert repr(net) == text and eval(repr(net)) == net


def test_a_layer_of_any_number_of_inputs_takes_its_ports_types_by_name():
    assert ThreadingLayer(Plus, InputPorts=["a", "b"], a=3).inputs["b"].shape == (3,)
    assert TotalLayer(InputPorts=2, **{"1": 3}).outputs["Output"].shape == (3,)
    with pytest.raises(NetError) as caught:
        TotalLayer(InputPorts=2, **{"3": 3})
    assert str(caught.value) == 'TotalLayer has no option "3", known: "LearningRateMultipliers", "InputPorts", "1", "2", "Output"'


def test_a_state_cannot_be_shared():
    class Counting(Layer):
        Input = InputPort("real: *shape")
        Output = OutputPort("real: *shape")
        Count = State("", ZEROS)

        def forward(self, Input, *, Count):
            return Input, Count + 1

    with pytest.raises(NetError, match=r"^Counting: Count cannot be shared: it is updated by the layer itself$"):
        Counting(Count=NetArray("n"))
    LAYERS.pop("Counting")
