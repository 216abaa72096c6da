"""The digits in a tiny mode: four losses train, are measured and drawn. How well each does is not tested here."""

import importlib.util
import re
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits_embedding.py"


def example():
    """The example as a module; it is no package."""
    spec = importlib.util.spec_from_file_location("digits_embedding", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_digits(tmp_path, capsys):
    pictures = [tmp_path / "embedding.png", tmp_path / "neighbors.png"]
    example().main(["--rounds", "10", "--method", "PCA", "--picture", str(pictures[0]), "--neighbors", str(pictures[1])])
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    rows = dict(re.findall(r"^(.+?)  +(0\.\d{4}    [01]\.\d{4})(?:   +\d+\.\d)?$", capsys.readouterr().out, re.MULTILINE))
    scores = {name: [float(score) for score in found.split()] for name, found in rows.items()}
    assert list(scores) == ["pixels", "semi-hard triplets", "PN", "multi-similarity", "SupCon"]
    pixels = scores.pop("pixels")
    assert pixels[1] > 0.95 and all(purity > pixels[0] and first > 0.8 for purity, first in scores.values())


def test_the_hardest_lie_nearest_to_another_class():
    embeddings = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [1.0, 0.3], [-1.0, 0.0]])
    assert example().hardest(embeddings, np.array([0, 0, 1, 1, 1]), 2).tolist() == [1, 3]
