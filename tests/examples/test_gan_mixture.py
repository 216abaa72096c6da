"""The mixture in a tiny mode: both sides train, and the picture is drawn. How well it is learned in many rounds is not tested here."""

import importlib.util
import re
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "gan_mixture.py"


def example():
    """The example as a module; it is no package."""
    spec = importlib.util.spec_from_file_location("gan_mixture", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_mixture(tmp_path, capsys):
    picture = tmp_path / "gan.png"
    example().main(["--rounds", "6", "--picture", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "6 rounds, 600 batches" in printed
    numbers = {}
    for name in ("loss", "near a centre", "rarest component"):
        number = re.search(rf"^{name} +(\d\.\d{{4}})  \(", printed, re.MULTILINE)
        assert number is not None, name
        numbers[name] = float(number[1])
    # of points all over the picture 0.14 are near a centre
    assert 0.5 < numbers["loss"] < 1.5 and numbers["near a centre"] > 0.16


def test_shares():
    module = example()
    rng = np.random.default_rng(0)
    assert np.allclose(module.shares(module.mixture(20_000, rng)), 0.989 / 8, atol=0.01)
    assert module.shares(np.zeros((5, 2))).tolist() == [0] * 8
    assert module.shares(np.repeat(module.centres[2:3], 4, 0)).tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
