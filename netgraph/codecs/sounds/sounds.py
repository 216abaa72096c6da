"""Sounds: files, arrays and pairs of samples and rate, as one channel of float32 at a rate that is asked for.

A sound passes in blocks: however many channels, whatever rate and length a file has or claims, no more than a block of it and the result
are in memory, and the result is no longer than it may be.
"""

import os
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from netgraph.errors import NetError, NetFileError, NetTypeError, NetValueError
from netgraph.spec.described import sort_of
from netgraph.spec.parameters import is_number

BLOCK = 2**18
"""How many samples, of all channels together, are looked at together."""

HIGHEST_RATE = 10_000_000
"""The highest rate in Hz that a file is believed to have."""

LOUDEST = 1e9
"""Samples above it are taken for broken; full scale is 1."""

FULL_SCALE = {"i1": 2**7, "i2": 2**15, "i4": 2**31}


def is_sound(value) -> bool:
    """Whether it is a sound, by its sort: a path, (samples, rate), or numbers along one axis."""
    if isinstance(value, (str, os.PathLike)):
        return True
    if isinstance(value, tuple):
        return len(value) == 2 and isinstance(value[0], (np.ndarray, Tensor, list, tuple)) and is_number(_number(value[1]))
    if isinstance(value, Tensor):
        return value.ndim == 1
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "fiucb"


def one_channel(value, rate: float | None, longest: float, where: str) -> tuple[np.ndarray, float]:
    """The samples of a sound, its channels averaged, in float32 with full scale 1, and their rate.

    `rate`: what it is resampled to, and what an array without rate has; None keeps the rate of a file or pair. `longest`: the most seconds
    it may last. Errors, with `where` before them: NetFileError for a file that is not there, cannot be read, is longer or holds what is no
    sound, NetValueError and NetTypeError for arrays.
    """
    name = repr(os.fspath(value)) if isinstance(value, (str, os.PathLike)) else "the sound"
    fault = NetFileError if isinstance(value, (str, os.PathLike)) else NetValueError
    own, stream, parts, count = rate, None, [], 0
    for own, block in _blocks(value, rate or 1, where):
        count += len(block)
        if count > longest * own:
            text = f"{where}: {name} is longer than the {longest:g} seconds that MaximumDuration allows"
            raise fault(text, fix='MaximumDuration=(2, "Hours"), or as long as you allow')
        mixed = _mixed(block)
        if len(mixed) and not np.abs(mixed).max() <= LOUDEST:
            raise fault(f"{where}: {name} has samples that are no numbers, infinite or above {LOUDEST:g}; full scale is 1")
        if rate is not None and own != rate:
            stream = stream or _resampler(own, rate, where)
            mixed = stream.resample_chunk(mixed)
        parts.append(mixed)
    if stream is not None:
        parts.append(stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True))
    samples = np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
    if not len(samples):
        raise fault(f"{where}: {name} has no samples" + (f", or too few for one at {rate:g} Hz" if count else ""))
    return samples, rate or own or 1


def _mixed(block: np.ndarray) -> np.ndarray:
    """The mean of the channels."""
    channels = block.shape[1]
    if channels == 1:
        return np.ascontiguousarray(block[:, 0])
    with np.errstate(invalid="ignore", over="ignore"):
        return block @ np.full(channels, 1 / channels, dtype=np.float32)


def _resampler(own: float, rate: float, where: str) -> Any:
    try:
        import soxr
    except ImportError:
        text = f"{where}: the sound has {own:g} samples a second, {rate:g} are wanted, and soxr, which resamples, is not installed"
        raise NetError(text, fix="pip install netgraph[audio]") from None
    return soxr.ResampleStream(own, rate, 1, dtype="float32")


def _blocks(value, rate: float, where: str) -> Iterator[tuple[float, np.ndarray]]:
    """(rate, samples by channels) of a sound, part by part."""
    if isinstance(value, (str, os.PathLike)):
        yield from _of_file(os.fspath(value), where)
        return
    samples, own = value if isinstance(value, tuple) else (value, rate)
    own = _number(own)
    if not 0 < own < float("inf"):
        raise NetValueError(f"{where}: the rate of a sound is in samples a second, above 0, got {own!r}")
    array = _array(samples, where)
    size = max(1, BLOCK // array.shape[1])
    for start in range(0, len(array), size):
        yield own, _scaled(array[start : start + size])


def _number(value) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _array(samples, where: str) -> np.ndarray:
    """Samples by channels, of numbers that have a full scale."""
    try:
        if isinstance(samples, Tensor):
            array = (samples.float() if samples.is_floating_point() else samples).numpy(force=True)
        else:
            array = np.asarray(samples)
    except (ValueError, TypeError) as error:
        raise NetTypeError(f"{where}: the samples of a sound are an array of numbers, got {sort_of(samples)}: {error}") from None
    if array.dtype.kind != "f" and array.dtype.str[1:] not in (*FULL_SCALE, "u1"):
        raise NetTypeError(
            f"{where}: the samples of a sound are floats from -1 to 1, or integers of 8, 16 or 32 bits, got {sort_of(array)}"
        )
    if array.ndim not in (1, 2):
        raise NetTypeError(f"{where}: the samples of a sound have shape (n,) or (n, channels), got {array.shape}")
    array = array[:, None] if array.ndim == 1 else array
    if array.shape[1] > max(1, len(array)):
        text = f"{where}: the samples of a sound have shape (n, channels), got {array.shape}, more channels than samples"
        raise NetValueError(text, fix="(samples.T, rate)")
    return array if array.shape[1] else array.reshape(0, 1)


def _scaled(array: np.ndarray) -> np.ndarray:
    """Float32 with full scale 1."""
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return array.astype(np.float32)
    if array.dtype.kind == "u":
        return (array.astype(np.float32) - 128) / 128
    return array.astype(np.float32) / np.float32(FULL_SCALE[array.dtype.str[1:]])


def _of_file(path, where: str) -> Iterator[tuple[float, np.ndarray]]:
    if not os.path.isfile(path):
        raise NetFileError(f"{where}: there is no file {path!r}")
    try:
        import soundfile
    except (ImportError, OSError):  # the latter without libsndfile
        soundfile = None
    try:
        for own, block in _by_wave(path) if soundfile is None else _by_soundfile(soundfile, path):
            if not 0 < own <= HIGHEST_RATE:
                raise ValueError(f"it claims {own} samples a second")
            yield own, block
    except (RuntimeError, ValueError, TypeError, OSError, EOFError, wave.Error) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        if soundfile is not None:
            raise NetFileError(f"{where}: {path!r} cannot be read as sound: {text}") from error
        text = f"{where}: {path!r} cannot be read as plain WAV: {text}; soundfile, which reads other formats, is not installed"
        raise NetFileError(text, fix="pip install netgraph[audio]") from error


def _by_soundfile(soundfile, path) -> Iterator[tuple[float, np.ndarray]]:
    with soundfile.SoundFile(path) as file:
        size = max(1, BLOCK // file.channels)
        while len(block := file.read(size, dtype="float32", always_2d=True)):
            yield file.samplerate, block


def _by_wave(path) -> Iterator[tuple[float, np.ndarray]]:
    with wave.open(os.fsdecode(path), "rb") as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        if width > 4:
            raise ValueError(f"its samples have {8 * width} bits")
        while data := file.readframes(max(1, BLOCK // channels)):
            parts = np.frombuffer(data[: len(data) // (width * channels) * width * channels], dtype=np.uint8)
            if width == 1:
                yield file.getframerate(), _scaled(parts.reshape(-1, channels))
                continue
            # what is short of 32 bits is their upper part
            words = np.zeros((len(parts) // width, 4), dtype=np.uint8)
            words[:, 4 - width :] = parts.reshape(-1, width)
            yield file.getframerate(), _scaled(words.view("<i4").reshape(-1, channels))
