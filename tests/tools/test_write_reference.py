"""The pages of layers, operators and codecs are as their generator would write them, and leave none out."""

import subprocess
import sys

import pytest

from netgraph.codecs.codec import all_kinds
from netgraph.spec.layer import LAYERS
from tools.write_reference import CODECS_PAGE, LAYERS_PAGE, OPERATORS_PAGE, ROOT


def test_the_pages_are_as_they_would_be_written():
    done = subprocess.run([sys.executable, "tools/write_reference.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


FLOORS = [(LAYERS_PAGE, "netgraph.layers."), (OPERATORS_PAGE, "netgraph.nets.")]


@pytest.mark.parametrize("page, floor", FLOORS, ids=["layers", "operators"])
def test_a_page_describes_all_with_a_drawing_and_an_example(page, floor):
    sections = dict(part.split("\n", 1) for part in page.read_text().split("\n### ")[1:])
    names = [name for name, cls in LAYERS.items() if cls.__module__.startswith(floor)]
    assert [name for name in names if name not in sections] == []
    assert [name for name in names if "┌─" not in sections[name] or "\n>>> " not in sections[name]] == []


def test_the_page_of_codecs_has_every_kind_with_an_example():
    sections = dict(part.split("\n", 1) for part in CODECS_PAGE.read_text().split("\n### ")[1:])
    kinds = [f'Net{word}("{kind}")' for word, side in (("Encoder", "input"), ("Decoder", "output")) for kind in sorted(all_kinds(side))]
    assert list(sections) == kinds
    assert [name for name in kinds if "\n>>> " not in sections[name]] == []
