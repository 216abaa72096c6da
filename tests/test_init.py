"""The public face: `__all__`, Wolfram's names, and what importing netgraph does not import."""

import subprocess
import sys
from pathlib import Path

import netgraph

ROOT = Path(__file__).resolve().parent.parent
NOT_AT_IMPORT = (
    *("torch._dynamo", "torch._inductor", "torch.onnx", "matplotlib", "pandas", "tqdm.notebook"),
    *("IPython", "sklearn", "scipy", "PIL", "onnx", "jax"),
)


def test_init_is_as_it_would_be_written():
    done = subprocess.run([sys.executable, "tools/write_init.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_all_is_sorted_and_there():
    assert netgraph.__all__ == sorted(netgraph.__all__) and len(set(netgraph.__all__)) == len(netgraph.__all__)
    assert all(hasattr(netgraph, name) for name in netgraph.__all__)


def test_functions_have_wolframs_names_too():
    assert netgraph.NetTrain is netgraph.net_train and netgraph.NetExtract is netgraph.net_extract
    assert netgraph.NetInitialize is netgraph.net_initialize


def test_every_public_thing_has_a_docstring():
    bare = [name for name in netgraph.__all__ if callable(getattr(netgraph, name)) and not (getattr(netgraph, name).__doc__ or "").strip()]
    assert bare == []


def test_importing_imports_little():
    code = "import torch, sys; before = set(sys.modules); import netgraph; print('\\n'.join(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found = [name for name in loaded if any(name == heavy or name.startswith(f"{heavy}.") for heavy in NOT_AT_IMPORT)]
    assert found == []


def test_no_layer_is_built_at_import():
    """pydantic builds a class's checks when the class is first used, not while netgraph is imported."""
    code = "from netgraph.spec.layer import LAYERS; import netgraph; print([n for n, c in LAYERS.items() if c.__pydantic_complete__])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_comes_later_leaves_the_garbage_collector_as_it_is():
    code = "import gc, netgraph; gc.disable(); netgraph.net_train; assert not gc.isenabled(); assert 'net_train' in dir(netgraph)"
    subprocess.run([sys.executable, "-c", code], check=True)
