"""The published JSON schema: it takes what is written, refuses what is not, and is the one that the classes give."""

import copy
import json
import subprocess
import sys

import jsonschema
import pytest

from netgraph import *
from netgraph.spec.layer import LAYERS
from tests.formats.test_structure import SAMPLES, rows
from tools import write_schema

SCHEMA = jsonschema.Draft202012Validator(net_json_schema())
CHAIN = json.loads(NetChain([ConvolutionLayer(3, 2), DropoutLayer(0.2), CatenateLayer(InputPorts=1)], Input=(1, 8)).to_json())


def faults(data) -> list[str]:
    return [error.message for error in SCHEMA.iter_errors(data)]


def test_it_is_a_schema_and_knows_every_layer():
    jsonschema.Draft202012Validator.check_schema(SCHEMA.schema)
    own = {name for name, cls in LAYERS.items() if cls.__module__.startswith("netgraph.")}
    assert {*SCHEMA.schema["$defs"]} >= {*own, "NetChain", "NetGraph"}


def test_the_published_file_is_fresh():
    # in a process of its own: here layers of other tests are known too
    checked = subprocess.run([sys.executable, write_schema.__file__, "--check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", SAMPLES)
def test_it_takes_every_net(name):
    assert faults(json.loads(net_to_json(SAMPLES[name]))) == []


def test_it_takes_every_layer():
    for layer in rows():
        assert faults(json.loads(net_to_json(layer))) == [], layer


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("format",), 0, "0 is less than the minimum of 1"),
        (("parts", 1, "type"), "Linear", "'Linear' is not one of"),
        (("parts", 2, "parameters", "DropoutProbability"), 1.5, "1.5 is greater than or equal to the maximum of 1"),
        (("parts", 1, "parameters", "Colour"), 1, "Additional properties are not allowed ('Colour' was unexpected)"),
        (("parts", 0, "given", "Input", "kind"), "real", "'real' is not valid under any of the given schemas"),
        (("parts", 0, "named"), "no", "'no' is not of type 'boolean'"),
        (("parts", 3, "ports"), ["a", "a"], "['a', 'a'] has non-unique elements"),
    ],
)
def test_it_refuses(place, value, message):
    data = copy.deepcopy(CHAIN)
    assert faults(data) == []
    entry = data
    for word in place[:-1]:
        entry = entry[word]
    entry[place[-1]] = value
    (found,) = faults(data)
    assert found.startswith(message)


def test_nets_to_json_and_back():
    net = NetChain([3, Ramp], Input=2)
    assert net.to_json() == net_to_json(net) and NetChain.from_json(net.to_json()) == net
    with pytest.raises(NetTypeError) as error:
        LinearLayer.from_json(net.to_json())
    assert str(error.value) == "LinearLayer.from_json: the text holds a NetChain\n  try: net_from_json(text)"
