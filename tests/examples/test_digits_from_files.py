"""The digits from files in a tiny mode: written, trained on from the disk as from memory, saved, asked."""

import importlib.util
import re
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits_from_files.py"


def test_the_digits_from_files(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("digits_from_files", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(["--rounds", "12", "--examples", "300", "--folder", str(tmp_path)])
    printed = capsys.readouterr().out
    assert re.search(r"^from memory +\d+\.\d s, the same net$", printed, re.MULTILINE)
    # one class of ten by chance
    accuracy = re.search(r"^test accuracy +(\d\.\d{4})  \(worst class: \w+, F1", printed, re.MULTILINE)
    assert accuracy is not None and 0.4 < float(accuracy[1]) <= 1
    assert re.search(r"^zero/0\.png +\w+, \[\('", printed, re.MULTILINE)
    assert (tmp_path / "digits.safetensors").exists()
    assert len(list((tmp_path / "digits").glob("*/*.png"))) == 300
