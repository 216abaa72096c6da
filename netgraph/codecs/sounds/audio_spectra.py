"""The "AudioSTFT" and "AudioSpectrogram" encoders, and what all encoders of sounds in frames share."""

from abc import abstractmethod

import numpy as np

from netgraph.codecs.sounds.audio import SoundEncoder
from netgraph.codecs.sounds.durations import WindowLength
from netgraph.codecs.sounds.sound_changes import fitted
from netgraph.codecs.sounds.windows import WindowName, window
from netgraph.errors import NetValueError
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType
from netgraph.types.symbols import All, Automatic

TOGETHER = 2**19
"""How many samples of frames are transformed together."""


class FramedEncoder(SoundEncoder):
    """An encoder of sounds that cuts them into overlapping frames. Abstract.

    Frame k holds WindowSize samples from k * Offset on. There are as many as fit whole: 1 + floor((n - WindowSize) / Offset) in n samples;
    what is left at the end is dropped. A sound shorter than one window is padded with zeros to one frame.
    """

    WindowSize: WindowLength = Automatic
    Offset: WindowLength = Automatic
    WindowFunction: WindowName = Automatic

    @property
    def size(self) -> int:
        """The samples of a frame."""
        return self.samples_in((25, "Milliseconds") if self.WindowSize is Automatic else self.WindowSize)

    @property
    def offset(self) -> int:
        """The samples from the start of a frame to the start of the next."""
        return self.samples_in((10, "Milliseconds") if self.Offset is Automatic else self.Offset)

    def check(self) -> None:
        super().check()
        size, longest = self.size, self._cache["longest"]
        if size > longest * self.SampleRate:
            raise NetValueError(f"{self.where}: WindowSize is {size} samples, longer than the {longest:g} seconds of MaximumDuration")
        self._cache["few"] = max(self._cache["few"], size - 1)  # shorter rows are encoded otherwise
        self._cache["window"] = window(self.WindowFunction, size).astype(np.float32)

    def target(self) -> int | None:
        if self.TargetLength is All:
            return None
        if isinstance(self.TargetLength, int):
            return self.size + (self.TargetLength - 1) * self.offset
        return max(self.size, self.samples_in(self.TargetLength))

    def count(self, length: int) -> int:
        """How many frames there are in so many samples."""
        return 1 + max(0, length - self.size) // self.offset

    def port_type(self) -> PortType:
        target = self._cache["target"]
        return PortType(REAL, ("Varying" if target is None else self.count(target), *self.frame_shape()))

    @abstractmethod
    def frame_shape(self) -> tuple[int, ...]:
        """The shape of what a frame becomes."""

    @abstractmethod
    def spectra(self, frames: np.ndarray) -> np.ndarray:
        """What windowed frames, one a row, become."""

    def encode(self, value, source=None) -> np.ndarray:
        samples = self.signal(value, source)
        size, offset = self.size, self.offset
        samples = fitted(samples, max(size, len(samples)))
        frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::offset]
        result = np.empty((len(frames), *self.frame_shape()), dtype=np.float32)
        step = max(1, TOGETHER // size)
        for start in range(0, len(frames), step):
            part = slice(start, start + step)
            result[part] = self.spectra(frames[part] * self._cache["window"])
        return result


def magnitudes(frames: np.ndarray) -> np.ndarray:
    """The absolute values of the Fourier transform of frames, frequencies from 0 to half the rate."""
    return np.abs(np.fft.rfft(frames))


class AudioSTFTEncoder(FramedEncoder, kind="AudioSTFT"):
    """The short-time Fourier transform of a sound, real and imaginary parts.

        NetEncoder("AudioSTFT")
        NetEncoder(("AudioSTFT", {"WindowSize": 512, "Offset": (5, "Milliseconds"), "WindowFunction": "Hamming"}))

        output[k, f] = sum_m w[m] x[k * Offset + m] exp(-2 pi i f m / WindowSize),    f = 0 .. WindowSize - 1

    Input: a sound, as for "Audio", whose parameters SampleRate, Normalization, Augmentation and MaximumDuration it has too.
    Output: (n, WindowSize, 2), float32: frames, all bins, real and imaginary part. Bin f is the frequency f * SampleRate / WindowSize,
    those above the half are conjugates. The inverse transform of a frame is the windowed frame: nothing is lost where no window is 0.

    WindowSize, Offset: samples, or a duration such as (25, "Milliseconds"); Automatic: 25 and 10 milliseconds.
    WindowFunction: Automatic, "Hann"; "Hamming", "Blackman", "BlackmanHarris", "BlackmanNuttall", "Nuttall", "FlatTop", "Bartlett",
    "Cosine", "Dirichlet" (all ones), ("Kaiser", beta), also as "HannWindow"; in their periodic form.
    TargetLength: All; a number of frames; a duration, in which as many frames are as fit.
    Frames: frame k holds the samples k * Offset .. k * Offset + WindowSize - 1; as many as fit whole, 1 + floor((n - WindowSize) / Offset),
    the rest at the end is dropped. A sound shorter than one window is padded with zeros to one frame.
    Errors: as for "Audio".
    Source: Wolfram's NetEncoder["AudioSTFT"]. The transform is that of signal processing (exponent -2 pi i, no factor), as in NumPy, SciPy
    and torch; Wolfram's Fourier has exponent +2 pi i and a factor 1 / sqrt(WindowSize).

    >>> NetEncoder(("AudioSTFT", {"WindowSize": 4, "Offset": 4, "WindowFunction": "Dirichlet"}))(np.array([0.0, 1, 0, -1])).tolist()
    [[[0.0, 0.0], [0.0, -2.0], [0.0, 0.0], [0.0, 2.0]]]
    """

    def frame_shape(self) -> tuple[int, ...]:
        return (self.size, 2)

    def spectra(self, frames):
        half, size = np.fft.rfft(frames), self.size
        whole = np.concatenate([half, half[:, 1 : (size + 1) // 2][:, ::-1].conj()], 1)
        return np.stack([whole.real, whole.imag], -1)


class AudioSpectrogramEncoder(FramedEncoder, kind="AudioSpectrogram"):
    """The spectrogram of a sound: magnitudes of its short-time Fourier transform.

        NetEncoder("AudioSpectrogram")
        NetEncoder(("AudioSpectrogram", {"SampleRate": 8000, "TargetLength": 100}))

        output[k, f] = |sum_m w[m] x[k * Offset + m] exp(-2 pi i f m / WindowSize)|,    f = 0 .. floor(WindowSize / 2)

    Input: a sound, as for "Audio". Output: (n, floor(WindowSize / 2) + 1), float32; bin f is the frequency f * SampleRate / WindowSize.
    Parameters and frames: those of "AudioSTFT". Errors: as for "Audio".
    Source: Wolfram's NetEncoder["AudioSpectrogram"]; the transform has no factor.

    >>> NetEncoder(("AudioSpectrogram", {"WindowSize": 4, "Offset": 4, "WindowFunction": "Dirichlet"}))(np.array([0.0, 1, 0, -1])).tolist()
    [[0.0, 2.0, 0.0]]
    """

    def frame_shape(self) -> tuple[int, ...]:
        return (self.size // 2 + 1,)

    def spectra(self, frames):
        return magnitudes(frames)
