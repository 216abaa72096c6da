"""The time series in a tiny mode: it trains, compares, prints and draws."""

import importlib.util
import re
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "series_lstm.py"


def example():
    """The example as a module; it is no package."""
    spec = importlib.util.spec_from_file_location("series_lstm", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_series(tmp_path, capsys):
    picture = tmp_path / "series.png"
    example().main(["--time", "1", "--series", "200", "--picture", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "The time goal was reached" in printed
    errors = {}
    for name in ("root mean square", "the linear rule", "the last value"):
        number = re.search(rf"^{name} +(\d\.\d{{4}})  \(", printed, re.MULTILINE)
        assert number is not None, name
        errors[name] = float(number[1])
    assert errors["the linear rule"] < errors["the last value"]
    assert errors["root mean square"] < 1.2


def test_the_baseline_is_exact_for_one_frequency():
    module = example()
    steps = np.arange(40)
    series = [np.sin(0.7 * steps[: 12 + i] + i)[:, None] for i in range(20)]
    wanted = np.array([np.sin(0.7 * (11 + i + module.AHEAD) + i) for i in range(20)])
    assert np.allclose(module.linear((series, wanted), (series, wanted)), wanted, atol=1e-6)
    assert module.rms(wanted + 0.5, wanted) == 0.5


def test_series_differ_in_length():
    series, wanted = example().waves(50, np.random.default_rng(0))
    lengths = {len(one) for one in series}
    assert min(lengths) >= 12 and max(lengths) <= 60 and len(lengths) > 10
    assert wanted.shape == (50,) and np.abs(wanted).max() <= 1.5
