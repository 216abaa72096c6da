"""Values that stand for something."""

import copy
import os
from pathlib import Path

import pytest

from netgraph import File, NetTypeError, Scaled


def test_a_file_is_a_path():
    file = File(Path("folder") / "data.h5")
    assert os.fspath(file) == os.path.join("folder", "data.h5") == file.path
    assert file == File(file) == copy.deepcopy(file) and hash(file) == hash(File(file.path))
    assert file != File("data.h5") and file != file.path
    assert repr(File("data.h5")) == "File('data.h5')"


def test_a_share_can_be_copied():
    assert copy.deepcopy(Scaled(0.1)) == Scaled(0.1)


def test_it_cannot_be_changed():
    with pytest.raises(AttributeError) as caught:
        File("data.h5").path = "other.h5"
    assert str(caught.value) == "File cannot be changed"


def test_what_is_no_path():
    with pytest.raises(NetTypeError) as caught:
        File(3)
    assert str(caught.value) == "File wants a path, got 3"
