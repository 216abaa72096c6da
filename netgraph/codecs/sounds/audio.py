"""The "Audio" encoder, and what all encoders of sounds share."""

from abc import abstractmethod

import numpy as np
from torch import Tensor

from netgraph.codecs.encoder import NetEncoder
from netgraph.codecs.sounds.durations import UNITS, Duration, TargetSize, seconds
from netgraph.codecs.sounds.sound_changes import Changes, Level, changed, fitted, levelled, signals_of
from netgraph.codecs.sounds.sounds import is_sound, one_channel
from netgraph.errors import NetValueError
from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType
from netgraph.types.symbols import All

FEW = 8
"""Rows of an array that are no longer are channels, not sounds."""


FASTEST = 10_000_000
"""The highest sample rate, in Hz: no encoder takes memory without bound."""


def _rate(value):
    if not is_integer(value) or not 1 <= value <= FASTEST:
        raise wants(f"a whole number from 1 to {FASTEST}", value)
    return value


Rate = parameter(_rate, {"type": "integer", "minimum": 1, "maximum": FASTEST})


class SoundEncoder(NetEncoder):
    """An encoder of sounds. Abstract.

    One sound is a path to a file that soundfile reads (without it, to a plain WAV file); a pair (samples, rate) with samples of shape (n,)
    or (n, channels); or an array with one axis, at SampleRate. Floats have full scale 1, integers of 8, 16 or 32 bits that of their type.
    Its channels are averaged, then it is resampled (by soxr, where the rate differs), set to a level, in training augmented, and trimmed
    or padded with zeros.
    """

    SampleRate: Rate = 16000
    Normalization: Level = None
    TargetLength: TargetSize = All
    Augmentation: Changes = None
    MaximumDuration: Duration = 600.0
    files = True
    wants = "a sound (a path, (samples, rate) or an array with one axis)"

    @property
    def where(self) -> str:
        """How messages name the encoder."""
        return f'{self.family} "{self.kind}"'

    @property
    def random(self) -> bool:
        return self.Augmentation is not None

    def check(self) -> None:
        self._cache["longest"] = seconds(self.MaximumDuration)
        self._cache["signals"] = signals_of(self.Augmentation, self.SampleRate)
        self._cache["few"] = FEW
        target = self.target()
        if target is not None and target > self._cache["longest"] * self.SampleRate:
            text = f"{self.where}: TargetLength {self.TargetLength!r} is {target / self.SampleRate:g} seconds"
            raise NetValueError(f"{text}, longer than the {self._cache['longest']:g} of MaximumDuration")
        self._cache["target"] = target

    def samples_in(self, length) -> int:
        """A length in samples, or a duration, in samples."""
        return length if isinstance(length, int) else max(1, round(length[0] * UNITS[length[1]] * self.SampleRate))

    @abstractmethod
    def target(self) -> int | None:
        """How many samples TargetLength takes, None for All."""

    def __call__(self, value, source: np.random.Generator | None = None):
        # the rows of an encoded array look like sounds
        if isinstance(value, (np.ndarray, Tensor)) and value.ndim > 1 and self.is_encoded(value):
            return value
        if isinstance(value, (np.ndarray, Tensor)) and value.ndim == 2 and value.shape[1] <= self._cache["few"]:
            text = f"{self.where}: an array of shape {tuple(value.shape)} is no list of sounds, one a row"
            raise NetValueError(text, fix="(samples, rate) for a sound of several channels")
        return super().__call__(list(value) if isinstance(value, Tensor) and value.ndim == 2 else value, source)

    def is_raw(self, value) -> bool:
        return is_sound(value)

    def signal(self, value, source: np.random.Generator | None) -> np.ndarray:
        """The samples of a sound that are encoded."""
        samples, _ = one_channel(value, self.SampleRate, self._cache["longest"], self.where)
        samples = levelled(samples, self.Normalization)
        length = self._cache["target"] or len(samples)
        if source is None or self.Augmentation is None:
            return fitted(samples, length)
        return changed(samples, length, self.Augmentation, self._cache["signals"], self.SampleRate, source)


class AudioEncoder(SoundEncoder, kind="Audio"):
    """The samples of a sound, one channel.

        NetEncoder("Audio")
        NetEncoder(("Audio", {"SampleRate": 8000, "TargetLength": (2.0, "Seconds")}))

    Input: a path to a file that soundfile reads (without soundfile, plain WAV files); (samples, rate) with samples of shape (n,) or
    (n, channels); or an array with one axis, at SampleRate. Floats have full scale 1, integers of 8, 16 or 32 bits that of their type.
    Output: (n, 1), float32.

    SampleRate: in Hz; a sound of another rate is resampled (soxr, high quality). Channels are averaged before.
    Normalization: None; "Max", the largest absolute value becomes 1; ("Max", v), v; ("RMS", v), the root of the mean square becomes v. Of
    the whole sound, before anything is trimmed; silence stays silence.
    TargetLength: All; a number of samples; a duration such as (2.0, "Seconds") ("Milliseconds", "Minutes", "Hours"). What is longer is
    trimmed at its end, what is shorter padded with zeros there.
    Augmentation: None, or a dict of what is done in training only, in this order whatever the order in the dict:
    "TimeShift": a, begins a seconds later (earlier, if negative), zeros where there is no sound;
    "Convolution": an impulse response, or (share, response): (1 - share) x + share (x * response). It is a sound, a path as a `Path`; its
    file is read when the encoder is made;
    "Noise": a, white noise of standard deviation a is added; or (a, recording), a stretch of a recording times a;
    "Volume": a, times a. Each number is one, bounds (low, high), or a distribution such as ("Normal", mean, deviation), ("Uniform",
    (low, high)), "LogNormal", "Exponential", "Gamma"; it is drawn for each sound each time.
    MaximumDuration: seconds, or a duration; a longer sound is refused, so that no file takes memory without bound.

    Errors: NetFileError for a file that is not there, broken, empty or too long; NetTypeError and NetValueError for arrays.
    Source: Wolfram's NetEncoder["Audio"]. The order of the steps, and MaximumDuration, are ours.

    >>> NetEncoder(("Audio", {"TargetLength": 4}))(np.array([0.5, -0.25])).tolist()
    [[0.5], [-0.25], [0.0], [0.0]]
    >>> NetEncoder("Audio")((np.array([[16384, 0], [-32768, -32768]], dtype=np.int16), 16000)).tolist()
    [[0.25], [-1.0]]
    """

    def port_type(self) -> PortType:
        return PortType(REAL, ("Varying" if self._cache["target"] is None else self._cache["target"], 1))

    def target(self) -> int | None:
        return None if self.TargetLength is All else self.samples_in(self.TargetLength)

    def encode(self, value, source=None) -> np.ndarray:
        return self.signal(value, source)[:, None]
