"""The encoders of sounds, against NumPy's and SciPy's transforms in float64."""

import numpy as np
import scipy.fft
import scipy.signal

from tests.codecs.harness import Encoded

RATE = 8000
TONE = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(1000) / RATE)
NOISE = np.random.default_rng(7).normal(scale=0.1, size=777)
STEREO = np.stack([TONE, -0.5 * TONE], 1)


def frames(samples, size, offset, name="hann"):
    """Windowed frames that fit whole, by a loop; a short sound as one padded frame."""
    samples = np.pad(samples, (0, max(0, size - len(samples))))
    starts = range(0, len(samples) - size + 1, offset)
    return np.stack([samples[start : start + size] * scipy.signal.get_window(name, size) for start in starts])


def spectrogram(samples, size=200, offset=80, name="hann"):
    return np.abs(np.fft.rfft(frames(samples, size, offset, name)))


def stft(samples, size, offset, name="hann"):
    spectra = np.fft.fft(frames(samples, size, offset, name))
    return np.stack([spectra.real, spectra.imag], -1)


def mel_spectrogram(samples, count=40, size=200, offset=80, rate=RATE, low=0.0, high=None):
    """Each filter by itself, its triangle by interpolation between its edges."""
    mels = np.linspace(2595 * np.log10(1 + low / 700), 2595 * np.log10(1 + (high or rate / 2) / 700), count + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = np.arange(size // 2 + 1) * rate / size
    filters = [np.interp(bins, edges[k : k + 3], [0, 1, 0]) for k in range(count)]
    return spectrogram(samples, size, offset) @ np.stack(filters, 1)


def mfcc(samples, coefficients=13, **settings):
    bands = np.log(np.maximum(mel_spectrogram(samples, **settings), 1e-5))
    return scipy.fft.dct(bands, type=2, norm="ortho", axis=1)[:, :coefficients]


def row(kind, parameters, raw, arrays, wrong=(), tolerance=1e-4):
    return Encoded((kind, {"SampleRate": RATE, **parameters}), raw, arrays, wrong=list(wrong), tolerance=tolerance)


WRONG = [
    ({"a": 1}, "wants a sound (a path, (samples, rate) or an array with one axis), or a list of these, got a dict"),
    ([0.5, 0.25], "or a list of these, got a float at [0]"),
    (np.zeros(9, dtype=complex), "or integers of 8, 16 or 32 bits, got an array of complex128"),
    (np.zeros(0), "the sound has no samples"),
    (np.array([0.0, np.nan]), "the sound has samples that are no numbers, infinite or above 1e+09; full scale is 1"),
    (np.arange(9), "the samples of a sound are floats from -1 to 1, or integers of 8, 16 or 32 bits, got an array of int64"),
    ((np.zeros((2, 9)), RATE), "have shape (n, channels), got (2, 9), more channels than samples\n  try: (samples.T, rate)"),
    ((np.zeros((2, 2, 2)), RATE), "have shape (n,) or (n, channels), got (2, 2, 2)"),
    (STEREO[:99], "an array of shape (99, 2) is no list of sounds, one a row\n  try: (samples, rate) for a sound of several channels"),
    ((TONE, 0), "the rate of a sound is in samples a second, above 0, got 0"),
    ((["a"], RATE), "or integers of 8, 16 or 32 bits, got an array of strings"),
    ("nowhere.wav", "there is no file 'nowhere.wav'"),
]

ENCODERS = [
    row(
        "Audio",
        {},
        [TONE, NOISE.astype(np.float32), (STEREO, RATE), np.array([16384, -32768], dtype=np.int16), (TONE.tolist(), RATE)],
        [TONE[:, None], NOISE[:, None], TONE[:, None] / 4, np.array([[0.5], [-1.0]]), TONE[:, None]],
        WRONG,
        tolerance=1e-6,
    ),
    row("Audio", {"TargetLength": 900}, [TONE, NOISE], [TONE[:900, None], np.pad(NOISE, (0, 123))[:, None]], tolerance=1e-6),
    row("Audio", {"TargetLength": (10, "Milliseconds")}, [TONE], [TONE[:80, None]], tolerance=1e-6),
    row("Audio", {"Normalization": "Max"}, [NOISE], [NOISE[:, None] / np.abs(NOISE).max()], tolerance=1e-6),
    row("Audio", {"Normalization": ("RMS", 0.1)}, [TONE], [TONE[:, None] / TONE.std() * 0.1], tolerance=1e-6),
    row("Audio", {"Augmentation": {"Noise": 0.1, "Volume": (0.5, 2)}}, [TONE], [TONE[:, None]], tolerance=1e-6),
    row("Audio", {"Augmentation": {"Convolution": (0.5, np.hanning(9))}}, [TONE], [TONE[:, None]], tolerance=1e-6),
    row("AudioSTFT", {}, [TONE, NOISE, NOISE[:99]], [stft(TONE, 200, 80), stft(NOISE, 200, 80), stft(NOISE[:99], 200, 80)], WRONG),
    row("AudioSTFT", {"WindowSize": 63, "Offset": 17, "WindowFunction": "Blackman"}, [NOISE], [stft(NOISE, 63, 17, "blackman")]),
    row("AudioSpectrogram", {}, [TONE, NOISE], [spectrogram(TONE), spectrogram(NOISE)], WRONG),
    row(
        "AudioSpectrogram",
        {"WindowSize": (16, "Milliseconds"), "Offset": (4, "Milliseconds"), "TargetLength": 20, "WindowFunction": "DirichletWindow"},
        [TONE, NOISE[:300]],
        [spectrogram(TONE[: 128 + 19 * 32], 128, 32, "boxcar"), spectrogram(np.pad(NOISE[:300], (0, 436)), 128, 32, "boxcar")],
    ),
    row("AudioMelSpectrogram", {}, [TONE, NOISE], [mel_spectrogram(TONE), mel_spectrogram(NOISE)], WRONG),
    row(
        "AudioMelSpectrogram",
        {"NumberOfFilters": 20, "MinimumFrequency": 100, "MaximumFrequency": 3000.0, "WindowSize": 256},
        [NOISE],
        [mel_spectrogram(NOISE, 20, 256, low=100, high=3000)],
    ),
    row("AudioMFCC", {}, [NOISE, 0.01 * NOISE], [mfcc(NOISE), mfcc(0.01 * NOISE)], WRONG),
    row("AudioMFCC", {"NumberOfFilters": 24, "NumberOfCoefficients": 24}, [NOISE], [mfcc(NOISE, 24, count=24)]),
]

DECODERS = []
