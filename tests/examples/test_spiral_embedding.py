"""The demo in a tiny mode: it trains, measures, prints and draws. How well it does in a given time is not tested here."""

import importlib.util
import re
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "spiral_embedding.py"


def example():
    """The example as a module; it is no package."""
    spec = importlib.util.spec_from_file_location("spiral_embedding", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_spiral_embedding(tmp_path, capsys):
    picture = tmp_path / "spiral.png"
    example().main(["--time", "0.5", "--picture", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "The time goal was reached" in printed
    for name in ("loss", "AUC", "rank correlation"):
        number = re.search(rf"^{name} +(\d\.\d{{4}})  \(", printed, re.MULTILINE)
        assert number is not None and 0 <= float(number[1]) <= 1, name
    assert f"picture           {picture}" in printed


def test_the_measures_of_the_example():
    import numpy as np

    module = example()
    distance, apart = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])
    assert module.auc(distance, apart) == 1 and module.auc(-distance, apart) == 0
    assert round(module.rank_correlation(np.array([1.0, 4.0, 9.0]), np.array([-3.0, -2.0, 0.0])), 9) == 1
