"""Sounds: what the encoders compute, and what they do to a sound before."""

import threading

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st

from netgraph import NetEncoder, NetError
from netgraph.codecs.sounds.audio_mel import hertz, mel
from netgraph.codecs.sounds.windows import NAMES, window
from tests.codecs.rows_audio import NOISE, RATE, TONE, mel_spectrogram

SECOND = np.arange(16000) / 16000


def tone(frequency, rate=16000, seconds=1.0):
    return np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)


def encoder(kind, **parameters):
    return NetEncoder((kind, parameters))


# -- spectra -----------------------------------------------------------------------------------------------------------------------------


def test_the_defaults():
    spectra = NetEncoder("AudioSTFT")
    assert (spectra["SampleRate"], spectra.size, spectra.offset) == (16000, 400, 160)
    assert spectra(tone(440)).shape == (98, 400, 2)
    assert NetEncoder("AudioSpectrogram")(tone(440)).shape == (98, 201)
    assert NetEncoder("AudioMelSpectrogram")(tone(440)).shape == (98, 40)
    assert NetEncoder("AudioMFCC")(tone(440)).shape == (98, 13)
    assert NetEncoder("Audio")(tone(440)).shape == (16000, 1)
    assert NetEncoder("AudioMFCC")(tone(440)).dtype == np.float32


@pytest.mark.parametrize("size", [400, 401])
@pytest.mark.parametrize("place", [1, 25, 99, 200])
def test_a_tone_of_a_bin_is_in_this_bin(size, place):
    frequency = place * 16000 / size
    found = encoder("AudioSpectrogram", WindowSize=size)(tone(frequency + 0.01))
    assert found.shape[1] == size // 2 + 1
    assert set(found.argmax(1)) == {place}
    if size == 400 and place == 25:  # half the sum of the window
        assert np.allclose(found[:, 25], 100, rtol=1e-3)


def test_a_tone_is_in_the_band_whose_centre_is_next():
    centres = hertz(np.linspace(mel(0), mel(8000), 42))[1:-1]
    bands = NetEncoder("AudioMelSpectrogram")
    for frequency in (300, 1000, 2500, 6000):
        assert bands(tone(frequency)).mean(0).argmax() == np.abs(centres - frequency).argmin()


def test_the_mel_scale():
    assert mel(700) == pytest.approx(2595 * np.log10(2))
    assert mel(1000) == pytest.approx(999.9855)
    assert hertz(mel(np.array([0, 123.0, 8000]))) == pytest.approx([0, 123, 8000])


def test_the_bands_add_up_to_the_spectrum_between_the_outer_centres():
    white = np.random.default_rng(0).normal(size=16000) * 0.1
    centres = hertz(np.linspace(mel(0), mel(8000), 42))[1:-1]
    bins = np.arange(201) * 40
    inside = (bins >= centres[0]) & (bins <= centres[-1])
    spectrum = NetEncoder("AudioSpectrogram")(white)
    bands = NetEncoder("AudioMelSpectrogram")(white)
    assert (bands.sum(1) >= spectrum[:, inside].sum(1) * 0.9999).all()
    assert (bands.sum(1) <= spectrum.sum(1) * 1.0001).all()


def test_the_transform_is_inverted_frame_by_frame():
    encoded = encoder("AudioSTFT", SampleRate=RATE, WindowSize=64, Offset=64, WindowFunction="Dirichlet")(NOISE)
    spectra = encoded[..., 0] + 1j * encoded[..., 1]
    back = np.fft.ifft(spectra)
    assert np.abs(back.imag).max() < 1e-6
    assert np.allclose(back.real.reshape(-1), NOISE[: len(encoded) * 64], atol=1e-6)


def test_the_transform_is_inverted_by_adding_what_overlaps():
    size, offset = 400, 100
    encoded = encoder("AudioSTFT", WindowSize=size, Offset=offset)(tone(440) + 0.1 * tone(3000))
    shape = window("Hann", size)
    total, weights = np.zeros(16000), np.zeros(16000)
    for number, frame in enumerate(np.fft.ifft(encoded[..., 0] + 1j * encoded[..., 1]).real):
        total[number * offset : number * offset + size] += frame * shape
        weights[number * offset : number * offset + size] += shape**2
    seen = weights > 1e-3
    assert seen.sum() > 15900
    assert np.allclose(total[seen] / weights[seen], (tone(440) + 0.1 * tone(3000))[seen], atol=1e-5)


def test_parseval():
    encoded = encoder("AudioSTFT", SampleRate=RATE, WindowFunction="Dirichlet")(NOISE).astype(np.float64)
    framed = np.lib.stride_tricks.sliding_window_view(NOISE, 200)[::80]
    assert np.allclose(np.square(encoded).sum((1, 2)), 200 * np.square(framed).sum(1), rtol=1e-5)


@given(st.integers(1, 700), st.integers(1, 90), st.integers(1, 90))
def test_frames_are_those_that_fit_whole(length, size, offset):
    encoded = encoder("AudioSTFT", SampleRate=RATE, WindowSize=size, Offset=offset, WindowFunction="Dirichlet")(NOISE[:length])
    count = max(1, 1 + (length - size) // offset)
    assert encoded.shape == (count, size, 2)
    last = np.pad(NOISE[:length], (0, size))[(count - 1) * offset :][:size]
    assert np.allclose(encoded[-1, 0], [last.sum(), 0], atol=1e-5)


@given(st.integers(1, 700), st.integers(1, 12), st.integers(1, 90), st.integers(1, 90))
def test_a_number_of_frames_is_kept(length, frames, size, offset):
    made = encoder("AudioSpectrogram", SampleRate=RATE, WindowSize=size, Offset=offset, TargetLength=frames)
    assert made(NOISE[:length]).shape == (frames, size // 2 + 1) == made.port_type().shape


def test_a_duration_is_a_number_of_frames():
    made = encoder("AudioSpectrogram", TargetLength=(2.0, "Seconds"))
    assert made.port_type().shape == (198, 201)
    assert made(tone(440)).shape == (198, 201)
    assert (made(tone(440))[100:] == 0).all()
    assert encoder("AudioSpectrogram", TargetLength=(1, "Milliseconds")).port_type().shape == (1, 201)
    assert encoder("Audio", TargetLength=(0.5, "Minutes")).port_type().shape == (480000, 1)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_the_windows_are_scipys(size):
    theirs = {
        "Dirichlet": "boxcar", "Hann": "hann", "Hamming": "hamming", "Blackman": "blackman", "BlackmanNuttall": "nuttall",
        "BlackmanHarris": "blackmanharris", "FlatTop": "flattop", "Bartlett": "bartlett", "Cosine": "cosine",
    }  # fmt: skip
    for ours, name in theirs.items():
        assert np.allclose(window(ours, size), scipy.signal.get_window(name, size), atol=1e-8), ours
    assert np.allclose(window(("Kaiser", 8.6), size), scipy.signal.get_window(("kaiser", 8.6), size))
    nuttall = [0.355768, 0.487396, 0.144232, 0.012604]
    assert np.allclose(window("Nuttall", size), scipy.signal.windows.general_cosine(size, nuttall, sym=False))
    assert set(NAMES) == {*theirs, "Nuttall"}


def test_quiet_bands_have_the_floor():
    silence = NetEncoder("AudioMFCC")(np.zeros(16000))
    assert np.allclose(silence[:, 0], np.log(1e-5) * np.sqrt(40), rtol=1e-5)
    assert np.allclose(silence[:, 1:], 0, atol=1e-4)


def test_loudness_is_in_the_first_coefficient_alone():
    white = np.random.default_rng(0).normal(size=16000) * 0.1
    quiet, loud = NetEncoder("AudioMFCC")(white), NetEncoder("AudioMFCC")(2 * white)
    assert np.allclose(loud[:, 0] - quiet[:, 0], np.log(2) * np.sqrt(40), rtol=1e-4)
    assert np.allclose(loud[:, 1:], quiet[:, 1:], atol=1e-4)


def test_long_sounds_are_encoded_part_by_part():
    long = np.random.default_rng(0).normal(size=200_000) * 0.1
    assert np.allclose(encoder("AudioMelSpectrogram", SampleRate=RATE)(long), mel_spectrogram(long), rtol=1e-4, atol=1e-5)


# -- level and rate ----------------------------------------------------------------------------------------------------------------------


@given(st.floats(0.01, 10), st.floats(0.01, 3))
def test_levels(loudness, level):
    sound = loudness * NOISE
    assert np.abs(encoder("Audio", Normalization=("Max", level))(sound)).max() == pytest.approx(level, rel=1e-5)
    made = encoder("Audio", Normalization=("RMS", level))(sound).astype(np.float64)
    assert np.sqrt(np.square(made).mean()) == pytest.approx(level, rel=1e-5)
    assert np.abs(encoder("Audio", Normalization="Max")(sound)).max() == pytest.approx(1, rel=1e-5)


def test_the_level_is_that_of_the_whole_sound_and_silence_has_none():
    assert encoder("Audio", Normalization="Max", TargetLength=2)(np.array([0.25, 0.125, 0.5])).tolist() == [[0.5], [0.25]]
    for level in ("Max", ("RMS", 0.1)):
        assert (encoder("Audio", Normalization=level)(np.zeros(5)) == 0).all()
    assert encoder("Audio", Normalization=("Max", 1)) == encoder("Audio", Normalization="Max")


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 44100.5])
def test_resampling_keeps_a_tone(rate):
    made = NetEncoder("Audio")((tone(440, rate), rate))[:, 0]
    assert abs(len(made) - 16000) <= 1
    middle = slice(1000, 15000)
    assert np.abs(made[middle] - tone(440)[: len(made)][middle]).max() < 1e-3


def test_what_is_above_half_the_rate_is_taken_away():
    assert np.abs(NetEncoder("Audio")((tone(12000, 44100), 44100))[1000:15000]).max() < 1e-3


def test_a_sound_of_the_rate_is_not_touched():
    assert (NetEncoder("Audio")((NOISE.astype(np.float32), 16000))[:, 0] == NOISE.astype(np.float32)).all()


@pytest.mark.parametrize(
    "kind, values, floats",
    [
        ("int8", [-128, 64], [-1, 0.5]),
        ("uint8", [0, 128, 192], [-1, 0, 0.5]),
        ("int16", [-32768, 16384], [-1, 0.5]),
        ("int32", [-(2**31), 2**30], [-1, 0.5]),
        ("float16", [0.5, -2], [0.5, -2]),
        ("float64", [0.5, -2], [0.5, -2]),
        (">i2", [-32768, 16384], [-1, 0.5]),
    ],
)
def test_full_scale(kind, values, floats):
    assert NetEncoder("Audio")(np.array(values, dtype=kind))[:, 0].tolist() == floats


def test_tensors_are_sounds():
    sound = torch.tensor([0.5, -0.25])
    assert NetEncoder("Audio")(sound).tolist() == [[0.5], [-0.25]]
    assert NetEncoder("Audio")(sound.bfloat16()).tolist() == [[0.5], [-0.25]]
    assert NetEncoder("Audio")((torch.stack([sound, sound], 1), 16000)).tolist() == [[0.5], [-0.25]]
    two = torch.tensor(np.stack([NOISE, TONE[:777]]))
    assert np.array_equal(NetEncoder("AudioMFCC")(two), NetEncoder("AudioMFCC")([NOISE, TONE[:777]]))


def test_the_rows_of_an_array_are_sounds():
    several = np.stack([NOISE, TONE[:777]])
    for kind in ("Audio", "AudioSTFT", "AudioMelSpectrogram"):
        made = NetEncoder(kind)(several)
        assert np.array_equal(made[0], NetEncoder(kind)(NOISE))
        assert NetEncoder(kind)(made) is made
        assert NetEncoder(kind)(made[0]) is not made and np.array_equal(NetEncoder(kind)(made[0]), made[0])
    with pytest.raises(NetError, match=r"an array of shape \(5, 39\) is no list of sounds"):
        NetEncoder("AudioMelSpectrogram")(np.zeros((5, 39)))


def test_a_list_of_sounds_of_other_lengths_and_rates():
    made = NetEncoder("Audio")([NOISE, (NOISE, 16000), (tone(440, 8000), 8000)])
    assert [len(one) for one in made] == [777, 777, 16000]


def test_threads_do_not_meet():
    made = encoder("AudioMFCC")
    sounds = [(tone(200 + 50 * number, 22050, 0.5), 22050) for number in range(12)]
    wanted, found = [made(sound) for sound in sounds], [None] * 12

    def work(number):
        found[number] = made(sounds[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(a, b) for a, b in zip(wanted, found, strict=True))


# -- parameters --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec, message",
    [
        (("Audio", {"SampleRate": 0}), 'NetEncoder "Audio": SampleRate wants a whole number from 1 to 10000000, got 0'),
        (
            ("Audio", {"Normalization": "Mean"}),
            'NetEncoder "Audio": Normalization wants None, "Max", ("Max", level) or ("RMS", level), got \'Mean\'',
        ),
        (
            ("Audio", {"Normalization": "RMS"}),
            'NetEncoder "Audio": Normalization wants None, "Max", ("Max", level) or ("RMS", level), got \'RMS\'',
        ),
        (
            ("Audio", {"TargetLength": (2, "Days")}),
            'NetEncoder "Audio": TargetLength wants a whole number from 1, a duration such as (2.0, "Seconds"), or All, got (2, \'Days\')',
        ),
        (
            ("Audio", {"MaximumDuration": 0}),
            'NetEncoder "Audio": MaximumDuration wants a number of seconds above 0, or a duration such as (2, "Minutes"), got 0',
        ),
        (
            ("Audio", {"TargetLength": (1, "Hours")}),
            'NetEncoder "Audio": TargetLength (1.0, \'Hours\') is 3600 seconds, longer than the 600 of MaximumDuration',
        ),
        (
            ("AudioSTFT", {"WindowFunction": "Han"}),
            'NetEncoder "AudioSTFT": WindowFunction knows no window "Han", did you mean "Hann" or "Hamming"?',
        ),
        (
            ("AudioSTFT", {"WindowFunction": ("Kaiser", -1)}),
            'NetEncoder "AudioSTFT": WindowFunction wants ("Kaiser", beta) with beta from 0, got (\'Kaiser\', -1)',
        ),
        (
            ("AudioSTFT", {"WindowSize": 10**7}),
            'NetEncoder "AudioSTFT": WindowSize is 10000000 samples, longer than the 600 seconds of MaximumDuration',
        ),
        (
            ("AudioMelSpectrogram", {"WindowSize": 64}),
            'NetEncoder "AudioMelSpectrogram": 40 filters want more bins than that, a window of 64 samples has 33',
        ),
        (
            ("AudioMelSpectrogram", {"NumberOfFilters": 128}),
            'NetEncoder "AudioMelSpectrogram": filter 0, from 0.0 to 27.9 Hz, holds no bin; a window of 400 samples has one every 40 Hz\n'
            "  try: fewer filters, or a larger WindowSize",
        ),
        (
            ("AudioMelSpectrogram", {"WindowSize": 2**20}),
            'NetEncoder "AudioMelSpectrogram": 40 filters of a window of 1048576 samples; together they are 16777216 at most',
        ),
        (
            ("AudioMelSpectrogram", {"MaximumFrequency": 9000}),
            'NetEncoder "AudioMelSpectrogram": filters from 0 to 9000 Hz; frequencies lie below 8000 Hz, half the SampleRate, '
            "the lower first",
        ),
        (
            ("AudioMelSpectrogram", {"MinimumFrequency": -1}),
            'NetEncoder "AudioMelSpectrogram": MinimumFrequency wants a frequency in Hz from 0, or Automatic, got -1',
        ),
        (
            ("AudioMFCC", {"NumberOfCoefficients": 41}),
            'NetEncoder "AudioMFCC": 41 coefficients of 40 filters; there are at most as many as filters',
        ),
    ],
)  # fmt: skip
def test_wrong_parameters(spec, message):
    with pytest.raises(NetError) as told:
        NetEncoder(spec)
    assert str(told.value) == message


def test_names_of_windows():
    assert encoder("AudioSTFT", WindowFunction="HannWindow") == encoder("AudioSTFT", WindowFunction="Hann")
    assert encoder("AudioSTFT", WindowFunction=("KaiserWindow", 3))["WindowFunction"] == ("Kaiser", 3.0)
    assert np.array_equal(encoder("AudioSTFT", WindowFunction="Hann")(NOISE), NetEncoder("AudioSTFT")(NOISE))


def test_there_is_no_decoder():
    from netgraph import NetDecoder

    with pytest.raises(NetError, match='there is no decoder that belongs to NetEncoder "AudioMFCC"'):
        NetDecoder(NetEncoder("AudioMFCC"))
