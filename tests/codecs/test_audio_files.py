"""Sounds in files: what is read, what is refused, what it may cost."""

import io
import sys
import tracemalloc
import wave

import numpy as np
import pytest
import soundfile
import soxr

from netgraph import NetEncoder, NetError, NetFileError

TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 16000)).astype(np.float32)
STEREO = np.stack([TONE, TONE[::-1]], 1)


def written(path, samples=TONE, rate=16000, **how):
    soundfile.write(path, samples, rate, **how)
    return path


@pytest.mark.parametrize(
    "format, subtype, tolerance",
    [
        ("WAV", "PCM_U8", 1 / 127), ("WAV", "PCM_16", 1 / 32767), ("WAV", "PCM_24", 1e-6), ("WAV", "PCM_32", 1e-7), ("WAV", "FLOAT", 0),
        ("FLAC", "PCM_16", 1 / 32767), ("AIFF", "PCM_16", 1 / 32767), ("CAF", "PCM_24", 1e-6), ("OGG", "VORBIS", 0.02),
    ],
)  # fmt: skip
def test_formats(tmp_path, format, subtype, tolerance):
    path = written(tmp_path / "tone.sound", format=format, subtype=subtype)
    for named in (path, str(path)):
        made = NetEncoder("Audio")(named)
        assert made.shape == (4000, 1)
        assert np.abs(made[:, 0] - TONE).max() <= tolerance


def test_channels_are_averaged_and_the_rate_is_changed(tmp_path):
    path = written(tmp_path / "a.wav", STEREO, 8000, subtype="FLOAT")
    assert np.array_equal(NetEncoder(("Audio", {"SampleRate": 8000}))(path)[:, 0], STEREO.mean(1))
    assert np.array_equal(NetEncoder("Audio")(path), NetEncoder("Audio")((STEREO, 8000)))
    assert len(NetEncoder("Audio")(path)) == 8000


def test_a_file_in_many_blocks_is_the_file(tmp_path):
    long = np.random.default_rng(0).normal(size=(300_000, 3)).astype(np.float32) * 0.1
    path = written(tmp_path / "a.wav", long, 44100, subtype="FLOAT")
    assert np.allclose(NetEncoder("Audio")(path)[:, 0], soxr.resample(long.mean(1), 44100, 16000), atol=1e-6)


def test_a_list_of_files(tmp_path):
    paths = [written(tmp_path / f"{number}.wav", TONE * number / 4) for number in range(4)]
    made = NetEncoder("AudioMelSpectrogram")([*paths[:2], str(paths[2]), (TONE * 0.75, 16000)])
    assert made.shape == (4, 23, 40)
    assert np.allclose(made[2], 2 * made[1], atol=1e-2)
    assert np.allclose(NetEncoder("AudioMelSpectrogram")(np.array([str(path) for path in paths])), made, atol=1e-2)


def message(spec, value):
    with pytest.raises(NetFileError) as told:
        NetEncoder(spec)(value)
    return str(told.value)


def test_files_that_are_none(tmp_path):
    path, empty = tmp_path / "a.wav", tmp_path / "empty.wav"
    assert message("Audio", path) == f'NetEncoder "Audio": there is no file {str(path)!r}'
    assert message("Audio", tmp_path) == f'NetEncoder "Audio": there is no file {str(tmp_path)!r}'
    path.write_text("no sound at all")
    assert message("AudioMFCC", path).startswith(f'NetEncoder "AudioMFCC": {str(path)!r} cannot be read as sound: ')
    path.rename(tmp_path / "a.raw")  # a name for which soundfile wants more to be said
    assert "cannot be read as sound" in message("Audio", tmp_path / "a.raw")
    assert message("Audio", written(empty, TONE[:0])) == f'NetEncoder "Audio": {str(empty)!r} has no samples'
    assert message("Audio", written(empty, TONE[:1], 10**6)).endswith("has no samples, or too few for one at 16000 Hz")


def test_files_with_numbers_that_are_no_sound(tmp_path):
    for number in (np.nan, np.inf, 1e20):
        path = written(tmp_path / "a.wav", np.array([0, number]), subtype="DOUBLE")
        assert message("Audio", path).endswith("has samples that are no numbers, infinite or above 1e+09; full scale is 1")
    path = written(tmp_path / "a.wav", np.array([[np.inf, -np.inf]]), subtype="DOUBLE")
    assert message("Audio", path).endswith("full scale is 1")


def test_a_long_file_is_refused(tmp_path):
    path = written(tmp_path / "a.flac", np.zeros(30_000), 16000)
    refused = f'NetEncoder "Audio": {str(path)!r} is longer than the 1.5 seconds that MaximumDuration allows'
    assert message(("Audio", {"MaximumDuration": 1.5}), path).splitlines()[0] == refused
    assert len(NetEncoder(("Audio", {"MaximumDuration": (2, "Seconds")}))(path)) == 30_000
    with pytest.raises(NetError, match="the sound is longer than the 600 seconds that MaximumDuration allows"):
        NetEncoder("Audio")((np.zeros(601), 1))


def test_a_file_takes_no_memory_beyond_what_is_allowed(tmp_path):
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 48000, 8, format="FLAC") as file:
        for _ in range(60):
            file.write(np.zeros((48000, 8), dtype=np.int16))
    assert path.stat().st_size < 300_000  # 92 MB as it stands in memory, in full
    for limit, fits in ((5, False), (100, True)):
        tracemalloc.start()
        try:
            if fits:
                assert len(NetEncoder(("Audio", {"MaximumDuration": limit}))(path)) == 16000 * 60
            else:
                message(("Audio", {"MaximumDuration": limit}), path)
            assert tracemalloc.get_traced_memory()[1] < 16_000_000
        finally:
            tracemalloc.stop()


def test_a_header_that_lies_is_not_believed(tmp_path):
    path = written(tmp_path / "a.wav", TONE)
    content = bytearray(path.read_bytes())
    for size in (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"):
        content[40:44] = size
        path.write_bytes(content)
        assert NetEncoder("Audio")(path).shape == (4000, 1)
    content[24:28] = (0x7FFFFFFF).to_bytes(4, "little")  # its rate
    path.write_bytes(content)
    assert "it claims 2147483647 samples a second" in message("Audio", path)


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "AIFF", "CAF", "W64", "AU"])
@pytest.mark.parametrize("without_soundfile", [False, True])
def test_damaged_files(tmp_path, monkeypatch, format, without_soundfile):
    if without_soundfile:
        monkeypatch.setitem(sys.modules, "soundfile", None)
    content, source, refused = io.BytesIO(), np.random.default_rng(0), 0
    soundfile.write(content, STEREO, 16000, format=format)
    path, encoder = tmp_path / "a.sound", NetEncoder(("AudioSpectrogram", {"MaximumDuration": 2}))
    for number in range(60):
        damaged = bytearray(content.getvalue())
        places = 80 if number % 2 else len(damaged)
        for _ in range(source.integers(1, 6)):
            damaged[source.integers(places)] = source.integers(256)
        path.write_bytes(damaged[: source.integers(1, len(damaged))] if number % 5 == 0 else damaged)
        try:
            assert np.isfinite(encoder(path)).all()
        except NetFileError:
            refused += 1
    assert refused > 3


# -- without the extra -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32"])
def test_plain_wav_is_read_without_soundfile(tmp_path, monkeypatch, subtype):
    path = written(tmp_path / "a.wav", STEREO, subtype=subtype, format="WAV")
    wanted = NetEncoder("Audio")(path)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert np.allclose(NetEncoder("Audio")(path), wanted, atol=1e-7)


def test_a_wav_file_of_the_standard_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.array([16384, -32768], dtype="<i2").tobytes())
    assert NetEncoder("Audio")(tmp_path / "a.wav").tolist() == [[0.5], [-1.0]]


def test_the_extra_is_named(tmp_path, monkeypatch):
    path = written(tmp_path / "a.flac", TONE)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    text = f'NetEncoder "Audio": {str(path)!r} cannot be read as plain WAV: file does not start with RIFF id'
    text += "; soundfile, which reads other formats, is not installed\n  try: pip install netgraph[audio]"
    assert message("Audio", path) == text
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(NetError) as told:
        NetEncoder("Audio")((TONE, 8000))
    text = 'NetEncoder "Audio": the sound has 8000 samples a second, 16000 are wanted, and soxr, which resamples, is not installed'
    assert str(told.value) == text + "\n  try: pip install netgraph[audio]"
