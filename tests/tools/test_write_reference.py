"""The page of all layers is as its generator would write it, and names every layer."""

import subprocess
import sys

from netgraph.spec.layer import LAYERS
from tools.write_reference import ROOT, TARGET


def test_the_page_of_layers_is_as_it_would_be_written():
    done = subprocess.run([sys.executable, "tools/write_reference.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_page_of_layers_names_every_layer():
    text = TARGET.read_text()
    layers = [name for name, cls in LAYERS.items() if cls.__module__.startswith("netgraph.layers.")]
    assert [name for name in layers if f"\n### {name}\n" not in text] == []
