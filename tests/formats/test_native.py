"""net_save and net_load: every net comes back equal, also from files of older formats; nothing beside the file is touched."""

import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from netgraph import *
from netgraph.formats import native, rebuild
from netgraph.spec.function_graph import FunctionGraph, Node
from netgraph.spec.net import array_slots
from netgraph.spec.operations import Ref
from netgraph.surgery.initialize import missing_arrays
from tests.formats.test_structure import CAPTURING, SAMPLES, nest, rows

CHAIN = NetChain({"a": LinearLayer(3), "b": Ramp, "c": LinearLayer(3)}, Input=3)
FILLED = net_initialize(CHAIN)
GOLDEN = Path(__file__).with_name("golden") / "format_1.safetensors"


def golden_net():
    """What the golden file holds. The file is never written anew: it is what users have on their disks."""
    weights = np.arange(6).reshape(3, 2) / 8
    body = NetChain(
        {
            "in": LinearLayer(3, Weights=weights, Biases=[0, 0.5, -1]),
            "act": Tanh,
            "out": LinearLayer(2, Weights=NetArray(Name="w", Array=weights.T)),
        },
        LearningRateMultipliers={"in": 0.5},
    )
    scale = ElementwiseLayer(
        FunctionGraph(["Input"], [Node("mul", (Ref("input", 0), Ref("constant", 0)))], [Ref("node", 0)], None, [torch.tensor(2.5)])
    )
    return NetGraph(
        {
            "body": body,
            "scale": scale,
            "each": NetMapOperator(ElementwiseLayer(lambda x: x**2 + 1)),
            "add": Plus,
            "again": LinearLayer(2, Weights=NetArray("w"), Biases=None),
        },
        ["Input -> body -> scale", (("scale", "each"), "add"), "add -> y", (NetPort("body", "act", "Output"), "again")],
    )


def same(a, b):
    return a == b and hash(a) == hash(b) and repr(a) == repr(b) and (a.inputs, a.outputs) == (b.inputs, b.outputs)


def back(net, folder):
    return net_load(net_save(net, folder / "net.safetensors"))


@pytest.mark.parametrize("net", SAMPLES.values(), ids=SAMPLES)
def test_without_arrays(net, tmp_path):
    assert same(back(net, tmp_path), net)


def test_every_layer_with_its_arrays(tmp_path):
    for layer in rows():
        try:
            net = net_initialize(layer)
        except NetValueError:  # sizes are open
            net = layer
        assert same(back(net, tmp_path), net), layer


@pytest.mark.parametrize(
    "name", [n for n in SAMPLES if n in ("named chain", "nested", "pair", "graph of a layer", "into the deep", "extracted")]
)
def test_with_arrays(name, tmp_path):
    net = net_initialize(SAMPLES[name])
    assert missing_arrays(net) == []
    assert same(back(net, tmp_path), net)


def test_some_arrays_and_their_shapes_solve_sizes(tmp_path):
    net = NetChain([LinearLayer(Weights=np.ones((3, 2)), Biases=None), Ramp, LinearLayer(4, Weights=torch.ones(4, 3, dtype=torch.float64))])
    loaded = back(net, tmp_path)
    assert same(loaded, net) and missing_arrays(loaded) == ["2/Biases"]
    assert loaded.outputs == {"Output": net.outputs["Output"]} and loaded.tensors["2/Weights"].dtype == torch.float64


def test_a_shared_array_is_stored_once_and_stays_one(tmp_path):
    net = net_initialize(NetChain([LinearLayer(2, Weights=NetArray("w")), Ramp, LinearLayer(2, Weights=NetArray("w"))], Input=2))
    path = net_save(net, tmp_path / "net.safetensors")
    with safetensors.safe_open(path, "pt") as file:
        assert sorted(file.keys()) == ["0/Biases", "2/Biases", "w"]
    assert same(net_load(path), net)


def test_loaded_nets_evaluate_alike_and_own_their_arrays(tmp_path):
    net = net_initialize(NetChain([20, Tanh, 1], Input=2))
    loaded = back(net, tmp_path)
    assert loaded([0.3, 0.4]).tolist() == net([0.3, 0.4]).tolist()
    assert all(t.is_contiguous() and t.device.type == "cpu" and t.untyped_storage().nbytes() == t.nbytes for t in loaded.tensors.values())
    (tmp_path / "net.safetensors").unlink()
    assert loaded == net


def test_nested_a_thousand_deep(tmp_path):
    net = net_initialize(nest(1000))
    assert same(back(net, tmp_path), net)


def test_captured_arrays_are_tensors(tmp_path):
    net = NetChain({"function": NetChain([ElementwiseLayer(CAPTURING)])})
    path = net_save(net, tmp_path / "net.safetensors")
    assert list(safetensors.torch.load_file(path)) == ["function/function/0/Function/0"]
    assert same(net_load(path), net)


def test_the_file_is_one_that_safetensors_reads(tmp_path):
    net = net_initialize(NetChain([3, Ramp], Input=2))
    path = net_save(net, tmp_path / "net.safetensors")
    read = safetensors.torch.load_file(path)
    assert read.keys() == net.tensors.keys() and all(torch.equal(read[name], net.tensors[name]) for name in read)


def test_equal_nets_give_equal_bytes(tmp_path):
    a = net_save(net_initialize(SAMPLES["nested"]), tmp_path / "a").read_bytes()
    assert a == net_save(net_initialize(SAMPLES["nested"]), tmp_path / "b").read_bytes()


def test_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert net_save(CHAIN, "net.safetensors") == Path("net.safetensors") and net_load("net.safetensors") == CHAIN
    (tmp_path / "link").symlink_to("net.safetensors")
    net_save(FILLED, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and net_load("net.safetensors") == FILLED
    os.chmod("net.safetensors", 0o640)
    net_save(CHAIN, "net.safetensors")
    assert stat.S_IMODE(os.stat("net.safetensors").st_mode) == 0o640


def test_the_golden_file():
    assert same(net_load(GOLDEN), golden_net())


def test_older_formats_are_upgraded(monkeypatch, tmp_path):
    seen = []

    def upgrade(data):
        seen.append(data["format"])
        return {"format": 2, "netgraph": data["netgraph"], "parts": data["parts"]}

    monkeypatch.setattr(rebuild, "FORMAT", 2)
    monkeypatch.setitem(rebuild.UPGRADES, 1, upgrade)
    assert net_load(GOLDEN) == golden_net() and seen == [1]
    monkeypatch.setitem(rebuild.UPGRADES, 1, lambda data: data["gone"])
    with pytest.raises(NetFileError, match=r": cannot be brought from format 1 to 2: KeyError: 'gone'$"):
        net_load(GOLDEN)


def test_loading_opens_and_imports_nothing_else(tmp_path):
    path = net_save(golden_net(), tmp_path / "net.safetensors")
    script = f"""
        import sys
        from netgraph import *
        # a layer class is made ready when it is first used, for which pydantic looks around: that is not the file's doing
        NetGraph([NetMapOperator(ElementwiseLayer(lambda x: x + 1)), NetChain([Plus, 2])], [((NetPort("x"), NetPort("y")), 1)])
        seen = []
        path = {str(path)!r}
        watched = ("open", "import", "exec", "compile", "os.", "subprocess", "socket", "ctypes", "shutil", "pickle", "marshal", "code.")
        def hook(event, arguments):
            if event.startswith(watched):
                seen.append((event, str(arguments[:1])[:200]))
        sys.addaudithook(hook)
        net = net_load(path)
        seen, found = [], list(seen)
        for event, what in found:
            print(event, what)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()) == {f"open ({str(path)!r},)"}


def test_array_keys_never_end_in_a_number():
    for layer in rows():
        assert not any(name[-1].isdigit() for _, _, name, _, _ in array_slots(layer)), layer


def test_mapped_arrays_stay_in_the_file_until_they_are_touched(tmp_path, monkeypatch):
    net = net_initialize(NetChain([20, BatchNormalizationLayer(), 1], Input=2))
    path = net_save(net, tmp_path / "net.safetensors")
    read = []
    monkeypatch.setattr(native, "read_tensor", lambda *arguments: read.append(arguments))
    mapped = net_load(path, Mapped=True)
    assert not read and same(mapped, net) and mapped([0.3, 0.4]).tolist() == net([0.3, 0.4]).tolist()
    monkeypatch.setattr(native, "MAPPED_FROM", 8)
    assert same(net_load(path), net) and not read
    before = path.read_bytes()
    mapped.tensors["0/Weights"].zero_()  # what no user can do: the file is the same all the same
    assert path.read_bytes() == before
    path.unlink()
    assert mapped([0.3, 0.4]).tolist() == net.structure.replaced(arrays=dict(mapped.tensors))([0.3, 0.4]).tolist()


def test_what_mapped_may_be(tmp_path):
    path = net_save(NetChain([Ramp], Input=2), tmp_path / "net.safetensors")
    assert net_load(path, mapped=True) == NetChain([Ramp], Input=2)
    with pytest.raises(NetTypeError) as error:
        net_load(path, Mapped="yes")
    assert str(error.value) == "net_load: Mapped wants True, False or Automatic, got 'yes'"
    with pytest.raises(NetNameError) as error:
        net_load(path, Maped=True)
    assert str(error.value) == 'net_load has no option "Maped", did you mean "Mapped"?'
