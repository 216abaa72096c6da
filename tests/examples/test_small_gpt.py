"""The small GPT in a tiny mode: it trains and writes. How well it writes in a given time is not tested here."""

import importlib.util
import re
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "small_gpt.py"


def example():
    """The example as a module; it is no package."""
    spec = importlib.util.spec_from_file_location("small_gpt", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_small_gpt(capsys):
    example().main(["--time", "0.5", "--write", "12"])
    printed = capsys.readouterr().out
    assert "The time goal was reached" in printed
    number = re.search(r"^loss +(\d\.\d{4})  \(", printed, re.MULTILINE)
    assert number is not None and 1 < float(number[1]) < 7
    assert re.search(r"^the same text +True$", printed, re.MULTILINE)
    counts = re.findall(r"^ +(\d+) characters   anew for each [\d.]+ s, in steps [\d.]+ s, speed-up [\d.]+$", printed, re.MULTILINE)
    assert counts == ["3", "6", "12"]


def test_the_text_is_the_same_each_time():
    module = example()
    text = module.library_text()
    assert text == module.library_text() and len(text) > 300_000 and text.isascii()


def test_sharper_probabilities_are_drawn_from():
    module, rng = example(), np.random.default_rng(0)
    found = [module.drawn(np.array([0.6, 0.4, 0.0], dtype=np.float32), rng, 0.5) for _ in range(2000)]
    assert set(found) == {0, 1} and abs(found.count(0) / 2000 - 0.36 / 0.52) < 0.03
