"""The digits classifier in a tiny mode: it trains, stops by its measurement, measures, prints and draws."""

import importlib.util
import re
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits_classifier.py"


def example():
    """The example as a module; it is no package."""
    spec = importlib.util.spec_from_file_location("digits_classifier", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_digits_classifier(tmp_path, capsys):
    picture = tmp_path / "digits.png"
    example().main(["--rounds", "4", "--examples", "250", "--picture", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert re.search(r"^best round +\d of 4$", printed, re.MULTILINE)
    # one class of ten by chance
    for name in ("test accuracy", "straight accuracy"):
        number = re.search(rf"^{name} +(\d\.\d{{4}})  \(", printed, re.MULTILINE)
        assert number is not None and 0.4 < float(number[1]) <= 1, name
    assert "validation measurements  Accuracy 0." in printed
    assert f"picture            {picture}" in printed


def test_no_image_is_in_both_parts():
    (images, labels), (others, answers) = example().digits(100, np.random.default_rng(0))
    assert (images.shape, others.shape, len(labels), len(answers)) == ((80, 1, 8, 8), (20, 1, 8, 8), 80, 20)
    assert not {image.tobytes() for image in images} & {image.tobytes() for image in others}
    assert images.min() == 0 and images.max() == 1
