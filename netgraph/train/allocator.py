"""Thresholds of glibc's allocator, raised for the length of a run whose plan says so.

By default glibc gives large freed blocks back to the system, so a step that frees and takes the same activations again pays for the
zeroing of its pages each time. Raised thresholds keep them in the process.
"""

import contextlib
import ctypes
import functools

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_RAISED = 1 << 30
# glibc cannot tell the values in force; these are the bounds of its own sliding rule, which it leaves for good once a threshold is set
_AFTER_MMAP, _AFTER_TRIM = 32 << 20, 64 << 20
_holders = 0


@functools.cache
def _libc():
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version.restype = ctypes.c_char_p
        return libc if libc.gnu_get_libc_version() and libc.mallopt else None
    except (OSError, AttributeError, TypeError):
        return None


def available() -> bool:
    """Whether this process runs on glibc, the only allocator whose thresholds we know.

    >>> isinstance(available(), bool)
    True
    """
    return _libc() is not None


@contextlib.contextmanager
def large_thresholds():
    """Inside, freed blocks stay in the process; afterwards the bounds of glibc's own rule hold, and unused memory goes back.

    Without glibc it does nothing. Nested and overlapping runs count as one.
    """
    global _holders
    libc = _libc()
    if libc is None:
        yield
        return
    if not _holders:
        _set(libc, _RAISED, _RAISED)
    _holders += 1
    try:
        yield
    finally:
        _holders -= 1
        if not _holders:
            _set(libc, _AFTER_MMAP, _AFTER_TRIM)
            libc.malloc_trim(0)


def _set(libc, mmap: int, trim: int) -> None:
    if not libc.mallopt(_M_MMAP_THRESHOLD, mmap):
        # older versions refuse more than half a heap
        libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
    libc.mallopt(_M_TRIM_THRESHOLD, trim)
