"""The text duplicates in a tiny mode: they train and are judged. How well they are told in a given time is not tested here."""

import importlib.util
import re
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "text_duplicates.py"


def example():
    """The example as a module; it is no package."""
    spec = importlib.util.spec_from_file_location("text_duplicates", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_text_duplicates(capsys):
    example().main(["--time", "1", "--examples", "200"])
    printed = capsys.readouterr().out
    assert "The time goal was reached" in printed
    for name in ("accuracy", "precision", "recall"):
        number = re.search(rf"^{name} +(\d\.\d{{4}})  \(", printed, re.MULTILINE)
        assert number is not None and 0 <= float(number[1]) <= 1, name
    assert "taken for the same, though different:" in printed


def test_copies_and_neighbours():
    module, rng = example(), np.random.default_rng(0)
    parts = module.sentence(rng)
    near = [module.neighbour(parts, rng) for _ in range(50)]
    assert all(sum(a != b for a, b in zip(parts, other, strict=True)) == 1 for other in near)
    text = " ".join(parts)
    copies = [module.copied(parts, rng) for _ in range(200)]
    assert text in copies and len(set(copies)) > 100
    assert all(abs(len(copy) - len(text)) <= 3 and set(copy) <= set(module.CHARACTERS) for copy in copies)
    assert len(module.shown(text)) == module.LENGTH and module.shown(text).strip() == text


def test_half_of_the_pairs_are_the_same():
    module, rng = example(), np.random.default_rng(0)
    texts, differs = module.pairs([module.sentence(rng) for _ in range(10)], rng)
    assert len(texts) == len(differs) == 40 and differs.tolist() == [False, False, True, True] * 10


def test_the_best_threshold():
    threshold = example().best_threshold
    assert threshold(np.array([0.1, 0.4, 0.2, 0.9]), np.array([False, True, False, True])) == (0.2 + 0.4) / 2
    assert threshold(np.array([0.1, 0.4]), np.array([True, True])) < 0.1
    assert threshold(np.array([0.1, 0.4]), np.array([False, False])) > 0.4
