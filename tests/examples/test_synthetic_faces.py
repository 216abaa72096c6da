"""The faces in a tiny mode: drawn, learned, judged on people never seen. How well a longer training does is not tested here."""

import importlib.util
import re
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "synthetic_faces.py"


def example():
    """The example as a module; it is no package."""
    spec = importlib.util.spec_from_file_location("synthetic_faces", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_faces(tmp_path, capsys):
    picture = tmp_path / "faces.png"
    example().main(["--rounds", "6", "--people", "60", "--picture", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "people never seen: 12 " in printed
    rows = {
        name: [float(score) for score in scores.split()]
        for name, scores in re.findall(r"^(.+?)  +((?:[01]\.\d{4} *){4})$", printed, re.MULTILINE)
    }
    assert list(rows) == ["pixels", "the net, untrained", "the net, trained", "for comparison: people trained on"]
    trained = rows["the net, trained"]
    for before in ("pixels", "the net, untrained"):
        assert all(score > other for score, other in zip(trained, rows[before], strict=True)), before
    # area under the ROC curve and MAP@R, neither of which depends on a threshold
    assert all(known > new for known, new in zip(rows["for comparison: people trained on"][1:3], trained[1:3], strict=True))


def test_pictures_of_a_person_differ_and_resemble():
    module = example()
    images, names = module.faces(3, np.random.default_rng(0))
    assert images.shape == (24, 48, 48, 3) and images.dtype == np.uint8 and names.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert len({image.tobytes() for image in images}) == 24
    again, _ = module.faces(3, np.random.default_rng(0))
    assert np.array_equal(images, again)


def test_nobody_is_in_two_parts():
    module = example()
    names = np.repeat(np.arange(50), module.PICTURES)
    parts = module.split(names)
    assert np.array_equal(sum(part.astype(int) for part in parts), np.ones(len(names)))
    people = [set(names[part].tolist()) for part in parts]
    assert [len(part) for part in people] == [35, 5, 10] and len(set.union(*people)) == 50


def test_pairs_are_balanced():
    names = np.repeat(np.arange(5), 4)
    first, second, same = example().pairs(names, np.random.default_rng(0))
    assert same.sum() == 5 * 6 == (~same).sum() and np.array_equal(names[first] == names[second], same) and (first != second).all()


def test_the_best_threshold():
    threshold = example().best_threshold
    assert threshold(np.array([0.9, 0.3, 0.7, 0.2]), np.array([True, True, True, False])) == (0.3 + 0.2) / 2
    assert threshold(np.array([0.9, 0.8, 0.7]), np.array([True, False, True])) in (0.7, (0.9 + 0.8) / 2)
    assert threshold(np.array([0.9, 0.4]), np.array([False, False])) > 0.9
    assert threshold(np.array([0.9, 0.4]), np.array([True, True])) <= 0.4
