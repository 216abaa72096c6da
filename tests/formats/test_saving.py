"""Saving that fails: the old file stays as it was, no other is left, and the message names the path."""

import errno
import os
import stat
import tempfile

import pytest

from netgraph import *
from netgraph.formats import atomic, native
from netgraph.formats.atomic import write_atomically
from tests.formats.test_native import CHAIN, FILLED


class Failing:
    """A file whose n-th call of a method fails."""

    def __init__(self, file, method, number, error):
        self.file, self.method, self.left, self.error = file, method, number, error

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, data):
        return self._call("write", data)

    def flush(self):
        return self._call("flush")

    def _call(self, name, *arguments):
        if name == self.method:
            self.left -= 1
            if self.left < 0:
                raise self.error
        return getattr(self.file, name)(*arguments)


def full():
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def opening(method, number, error):
    """`open` for a file whose n-th call of a method fails."""
    return lambda *arguments: Failing(open(*arguments), method, number, error)


def untouched(folder, path, old):
    assert path.read_bytes() == old and [file.name for file in folder.iterdir()] == [path.name]


@pytest.mark.parametrize("number", range(5))
def test_a_full_disk_at_each_write(number, tmp_path, monkeypatch):
    path = net_save(CHAIN, tmp_path / "net.safetensors")
    old = path.read_bytes()
    monkeypatch.setattr(atomic, "open", opening("write", number, full()), raising=False)
    with pytest.raises(NetFileError) as error:
        net_save(FILLED, path)
    assert str(error.value) == f"{path}: cannot be written: No space left on device"
    untouched(tmp_path, path, old)


@pytest.mark.parametrize("step", ["open", "flush", "fsync", "chmod", "replace"])
@pytest.mark.parametrize("error", [full(), KeyboardInterrupt()], ids=["full", "interrupted"])
def test_failure_at_each_step(step, error, tmp_path, monkeypatch):
    path = net_save(CHAIN, tmp_path / "net.safetensors")
    old = path.read_bytes()

    def fail(*_):
        raise error

    if step == "open":
        monkeypatch.setattr(atomic, "open", fail, raising=False)
    elif step == "flush":
        monkeypatch.setattr(atomic, "open", opening("flush", 0, error), raising=False)
    else:
        monkeypatch.setattr(os, step, fail)
    with pytest.raises(NetFileError if isinstance(error, OSError) else KeyboardInterrupt):
        net_save(FILLED, path)
    untouched(tmp_path, path, old)


def test_the_directory_is_flushed_after_the_rename(tmp_path, monkeypatch):
    calls, sync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: calls.append("directory" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file") or sync(handle)
    )
    monkeypatch.setattr(os, "replace", lambda *names: calls.append("replace") or replace(*names))
    net_save(FILLED, tmp_path / "net.safetensors")
    assert calls == ["file", "replace", "directory"]


def test_places_that_cannot_be_written(tmp_path):
    for place, message in {
        tmp_path / "no" / "net": f"there is no directory {tmp_path / 'no'}",
        tmp_path: "a directory is in the way",
        "/dev/null": "a device, pipe or socket is in the way",
    }.items():
        with pytest.raises(NetFileError) as error:
            net_save(FILLED, place)
        assert str(error.value) == f"{place}: cannot be written: {message}"
    with pytest.raises(NetFileError, match=r'^"a\\u0000b" is no file name: '):
        net_save(FILLED, "a\0b")
    with pytest.raises(NetTypeError, match=r"^net_save wants a path, got 3$"):
        net_save(FILLED, 3)
    with pytest.raises(NetTypeError, match=r"^net_save wants a net, got 3$"):
        net_save(3, tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_directory():
    nobody = 65534  # the superuser may write everywhere
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(nobody)
        try:
            with pytest.raises(NetFileError) as error:
                net_save(FILLED, f"{folder}/net")
        finally:
            os.seteuid(user)
        assert str(error.value) == f"{folder}/net: cannot be written: Permission denied"
        os.chmod(folder, 0o700)


def test_a_net_that_would_not_come_back_is_not_saved(tmp_path, monkeypatch):
    path = net_save(CHAIN, tmp_path / "net.safetensors")
    old = path.read_bytes()
    monkeypatch.setattr(native, "rebuilt", lambda *_: LinearLayer(5))
    with pytest.raises(NetFileError, match=r'net.safetensors: the net has no array "a/Biases"'):
        net_save(FILLED, path)
    with pytest.raises(NetValueError, match=r"net.safetensors: the net is not saved: it would come back as another one$"):
        net_save(LinearLayer(6), path)
    untouched(tmp_path, path, old)


def test_names_that_no_file_can_hold(tmp_path):
    with pytest.raises(NetError):
        net_save(LinearLayer(2, Weights=NetArray(Name="__metadata__", Array=[[1.0]])), tmp_path / "net")
    with pytest.raises(NetError):
        net_save(TotalLayer(InputPorts=["a"], LearningRateMultipliers={"\ud800": 1}), tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_writing_what_fails_with_an_error_of_its_own(tmp_path):
    def write(file):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        write_atomically(tmp_path / "file", write)
    assert list(tmp_path.iterdir()) == []
