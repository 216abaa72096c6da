"""Files that are there whole or not at all: written beside, flushed, checked, and put in place by one rename."""

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from netgraph.errors import NetFileError
from netgraph.formats.strict_json import quoted


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], None], check: Callable[[Path], None] | None = None) -> Path:
    """Let `write(file)` make the file at `path`; until it is complete and on the disk, the old file stays as it was.

    `check(temporary)` looks at the written file before it takes the place of the old one. A link is followed; the mode of the old file is
    kept. Whatever goes wrong, no temporary file is left.
    Errors: NetFileError, naming the path: no such directory, something in the way that is no file, no permission, no space.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(f"{folder}/a.txt", lambda file: file.write(b"all")).read_bytes()
    b'all'
    """
    shown = os.fsdecode(path)
    try:
        target = Path(os.path.realpath(shown))
        mode = _mode(target, shown)
        temporary = target.parent / f".netgraph-{secrets.token_hex(8)}.tmp"
        try:
            with open(temporary, "xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            if mode is not None:
                os.chmod(temporary, mode)
            if check is not None:
                check(temporary)
            os.replace(temporary, target)
        except BaseException:  # also Ctrl-C: half a file is of no use to anybody
            temporary.unlink(missing_ok=True)
            raise
        _flush_directory(target.parent)
    except FileNotFoundError:
        raise NetFileError(f"{shown}: cannot be written: there is no directory {os.path.dirname(shown) or '.'}") from None
    except OSError as error:
        raise NetFileError(f"{shown}: cannot be written: {error.strerror or error}") from error
    except ValueError as error:
        if "\0" in shown:
            raise NetFileError(f"{quoted(shown)} is no file name: {error}") from None
        raise
    return Path(path)


def _mode(target: Path, shown: str) -> int | None:
    """The mode of the old file, None if there is none. Errors: NetFileError for what is there and no file."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        sort = "directory" if stat.S_ISDIR(mode) else "device, pipe or socket"
        raise NetFileError(f"{shown}: cannot be written: a {sort} is in the way")
    return stat.S_IMODE(mode)


def _flush_directory(folder: Path) -> None:
    """Put the rename itself on the disk."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a directory that may be written but not read; on Windows every one
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
