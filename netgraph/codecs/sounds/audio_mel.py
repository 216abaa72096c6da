"""The "AudioMelSpectrogram" and "AudioMFCC" encoders."""

import math

import numpy as np

from netgraph.codecs.sounds.audio_spectra import FramedEncoder, magnitudes
from netgraph.errors import NetValueError
from netgraph.spec.parameters import Count, is_number, parameter, wants
from netgraph.types.symbols import Automatic

LOG_FLOOR = 1e-5
"""The least magnitude of which the logarithm is taken."""

MOST_WEIGHTS = 2**24
"""Filters times samples of a window, at most: no encoder takes memory without bound."""


def _frequency(value):
    if value is Automatic:
        return value
    if not is_number(value) or not 0 <= value < float("inf"):
        raise wants("a frequency in Hz from 0, or Automatic", value)
    return float(value)


Frequency = parameter(_frequency, {"type": ["number", "object"]})


def mel(frequency):
    """Hz on the mel scale."""
    return 2595 * np.log10(1 + np.asarray(frequency, dtype=np.float64) / 700)


def hertz(mels):
    """The inverse of `mel`."""
    return 700 * (10 ** (np.asarray(mels, dtype=np.float64) / 2595) - 1)


def mel_filters(edges: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Triangles (frequencies by filters) with value 1 at their centre: filter j rises from edge j to j + 1 and falls to j + 2."""
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies[:, None] - low) / (centre - low)
    falling = (high - frequencies[:, None]) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling))


class MelEncoder(FramedEncoder):
    """An encoder of sounds by their mel spectrogram. Abstract."""

    NumberOfFilters: Count = 40
    MinimumFrequency: Frequency = Automatic
    MaximumFrequency: Frequency = Automatic

    def check(self) -> None:
        super().check()
        size, count, half = self.size, self.NumberOfFilters, self.SampleRate / 2
        if count >= size // 2 + 1:
            bins = f"a window of {size} samples has {size // 2 + 1}"
            raise NetValueError(f"{self.where}: {count} filters want more bins than that, {bins}")
        if count * size > MOST_WEIGHTS:
            raise NetValueError(f"{self.where}: {count} filters of a window of {size} samples; together they are {MOST_WEIGHTS} at most")
        low = 0.0 if self.MinimumFrequency is Automatic else self.MinimumFrequency
        high = half if self.MaximumFrequency is Automatic else self.MaximumFrequency
        if not low < high <= half:
            bounds = f"from {low:g} to {high:g} Hz"
            raise NetValueError(f"{self.where}: filters {bounds}; frequencies lie below {half:g} Hz, half the SampleRate, the lower first")
        edges = hertz(np.linspace(mel(low), mel(high), count + 2))
        filters = mel_filters(edges, np.arange(size // 2 + 1) * (self.SampleRate / size))
        empty = np.flatnonzero(filters.max(0) <= 0)
        if len(empty):
            first, apart = empty[0], self.SampleRate / size
            text = f"{self.where}: filter {first}, from {edges[first]:.1f} to {edges[first + 2]:.1f} Hz, holds no bin"
            fix = "fewer filters, or a larger WindowSize"
            raise NetValueError(f"{text}; a window of {size} samples has one every {apart:g} Hz", fix=fix)
        owners, bins = np.nonzero(filters.T)
        self._cache["filters"] = (bins, filters[bins, owners].astype(np.float32), np.searchsorted(owners, np.arange(count)))

    def bands(self, frames: np.ndarray) -> np.ndarray:
        """The mel spectrogram of windowed frames."""
        # a bin lies in two filters at most, so these are few products, and none for many threads to meet at
        bins, weights, starts = self._cache["filters"]
        return np.add.reduceat(magnitudes(frames)[:, bins] * weights, starts, axis=1)


class AudioMelSpectrogramEncoder(MelEncoder, kind="AudioMelSpectrogram"):
    """The mel spectrogram of a sound: magnitudes in bands that are as wide as the ear hears them.

        NetEncoder("AudioMelSpectrogram")
        NetEncoder(("AudioMelSpectrogram", {"NumberOfFilters": 64, "MinimumFrequency": 50}))

        output[k, j] = sum_f filter[f, j] |STFT[k, f]|,    mel(frequency) = 2595 log10(1 + frequency / 700)

    Input: a sound, as for "Audio". Output: (n, NumberOfFilters), float32.

    NumberOfFilters: fewer than there are bins, floor(WindowSize / 2) + 1.
    MinimumFrequency, MaximumFrequency: in Hz; Automatic: 0 and half the SampleRate.
    Filters: triangles over frequency with value 1 at their centre, each from the centre of the one before to that of the one after; the
    NumberOfFilters + 2 edges are equally spaced in mel between the two frequencies. Areas are not normalised.
    Other parameters and frames: those of "AudioSTFT".
    Errors: as for "Audio"; NetValueError where a filter is so narrow that no bin lies in it.
    Source: Wolfram's NetEncoder["AudioMelSpectrogram"], which leaves scale and filters open; the mel scale of HTK.

    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> NetEncoder("AudioMelSpectrogram")(tone).shape
    (98, 40)
    >>> NetEncoder("AudioMelSpectrogram")(tone).mean(0).argmax()
    np.int64(13)
    """

    def frame_shape(self) -> tuple[int, ...]:
        return (self.NumberOfFilters,)

    def spectra(self, frames):
        return self.bands(frames)


class AudioMFCCEncoder(MelEncoder, kind="AudioMFCC"):
    """The mel-frequency cepstral coefficients of a sound: a discrete cosine transform of the logarithm of each mel frame.

        NetEncoder("AudioMFCC")
        NetEncoder(("AudioMFCC", {"NumberOfCoefficients": 20}))

        output[k, c] = s[c] sum_j log(max(mel[k, j], 1e-5)) cos(pi c (j + 1/2) / m),    s[0] = sqrt(1 / m), s[c] = sqrt(2 / m)

    with m = NumberOfFilters. Input: a sound, as for "Audio". Output: (n, NumberOfCoefficients), float32.

    NumberOfCoefficients: the first so many, at most NumberOfFilters. Other parameters: those of "AudioMelSpectrogram".
    Errors: as for "AudioMelSpectrogram".
    Source: Wolfram's NetEncoder["AudioMFCC"] and its FourierDCT, which has the factor sqrt(1 / m) for every coefficient: all but the first
    are smaller by sqrt(2) there. Ours is the orthonormal DCT-II, as SciPy and most libraries of sound have it. Davis and Mermelstein 1980.

    >>> silence = NetEncoder("AudioMFCC")(np.zeros(16000))
    >>> silence.shape, round(float(silence[0, 0]), 2), round(float(np.sqrt(40) * np.log(1e-5)), 2)
    ((98, 13), -72.81, -72.81)
    """

    NumberOfCoefficients: Count = 13

    def check(self) -> None:
        super().check()
        size, count = self.NumberOfFilters, self.NumberOfCoefficients
        if count > size:
            raise NetValueError(f"{self.where}: {count} coefficients of {size} filters; there are at most as many as filters")
        cosines = np.cos(np.pi / size * np.outer(np.arange(size) + 0.5, np.arange(count))) * math.sqrt(2 / size)
        cosines[:, 0] = math.sqrt(1 / size)
        self._cache["cosines"] = cosines.astype(np.float32)

    def frame_shape(self) -> tuple[int, ...]:
        return (self.NumberOfCoefficients,)

    def spectra(self, frames):
        return np.log(np.maximum(self.bands(frames), np.float32(LOG_FLOOR))) @ self._cache["cosines"]
