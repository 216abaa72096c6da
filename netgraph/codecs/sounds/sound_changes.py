"""What is done to a sound of one channel before it is encoded: levels, lengths and, in training, augmentation."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from netgraph.codecs.codec import tidy
from netgraph.codecs.frozen import FrozenArray
from netgraph.codecs.sounds.amounts import check_amount, draw_amount
from netgraph.codecs.sounds.sounds import is_sound, one_channel
from netgraph.errors import NetError, did_you_mean
from netgraph.spec.parameters import is_number, parameter, wants

CHANGES = ("TimeShift", "Convolution", "Noise", "Volume")
"""The kinds of augmentation, in the order in which they are done."""

LONGEST = 60.0
"""The most seconds of an impulse response, or of noise."""


def _level(value):
    if value is None or value == "Max":
        return value
    if isinstance(value, tuple) and len(value) == 2 and value[0] in ("Max", "RMS") and is_number(value[1]) and 0 < value[1] < float("inf"):
        return "Max" if value == ("Max", 1) else (value[0], float(value[1]))
    raise wants('None, "Max", ("Max", level) or ("RMS", level)', value)


Level = parameter(_level, {"type": ["string", "array", "null"]})
"""None, "Max", ("Max", v) or ("RMS", v)."""


def levelled(samples: np.ndarray, level: Any) -> np.ndarray:
    """The samples times what gives them the level; silence stays silence."""
    if level is None:
        return samples
    kind, wanted = ("Max", 1.0) if level == "Max" else level
    least = float(np.finfo(np.float32).tiny)
    if kind == "Max":
        have = float(np.abs(samples).max())
    else:
        have = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return samples * np.float32(wanted / have) if have > least else samples


def fitted(samples: np.ndarray, length: int, start: int = 0) -> np.ndarray:
    """`length` samples from place `start` on, with zeros where there are none."""
    if start == 0 and len(samples) == length:
        return samples
    result = np.zeros(length, dtype=np.float32)
    first, last = min(max(start, 0), len(samples)), min(max(start + length, 0), len(samples))
    result[first - start : last - start] = samples[first:last]
    return result


def _changes(value):
    """The augmentation as pairs in the order of `CHANGES`."""
    if value is None:
        return None
    pairs = tuple(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(pairs, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise wants('a dict such as {"Noise": 0.01, "Volume": (0.5, 1.5)}, or None', value)
    kept = {}
    for name, entry in pairs:
        if name not in CHANGES:
            raise ValueError(f'has no "{name}", {did_you_mean(name, CHANGES)}')
        if name in kept:
            raise ValueError(f'has "{name}" twice')
        try:
            kept[name] = None if entry is None else _CHECKS[name](tidy(entry))
        except NetError as fault:
            raise ValueError(f'"{name}" {fault.headline}') from None
        except ValueError as fault:
            raise ValueError(f'"{name}" {fault}') from None
    return tuple((name, kept[name]) for name in CHANGES if kept.get(name) is not None) or None


def _signal(value):
    """A sound in the form that is kept: (frozen array, rate), with None for the rate of the encoder."""
    where = "wants a sound"
    samples, own = value if isinstance(value, tuple) else (value, None)
    samples = samples.array if isinstance(samples, FrozenArray) else samples
    if isinstance(value, os.PathLike) or own is not None:
        made, own = one_channel(value if own is None else (samples, own), None, LONGEST, where)
        return FrozenArray(made), own
    return FrozenArray(one_channel(samples, None, float("inf"), where)[0]), None


def _is_signal(value) -> bool:
    if isinstance(value, str):
        # text may come from the file of a net, which must not open another one
        raise ValueError(f"wants a path as a Path, not as text: Path({value!r})")
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], FrozenArray):
        return value[1] is None or is_number(value[1])
    return isinstance(value, FrozenArray) or is_sound(value)


def _share(value):
    share = check_amount(value)
    ends = share[-1] if isinstance(share, tuple) and share[0] == "Uniform" else share if isinstance(share, tuple) else (share,)
    if not isinstance(ends[0], str) and not all(0 <= end <= 1 for end in ends):
        raise wants("a share of what is convolved from 0 to 1", value)
    return share


def _convolution(value):
    if _is_signal(value):
        return (1.0, _signal(value))
    if isinstance(value, tuple) and len(value) == 2 and _is_signal(value[1]):
        return (_share(value[0]), _signal(value[1]))
    raise wants("an impulse response (a Path, (samples, rate) or an array of samples), or (share, impulse response)", value)


def _noise(value):
    if isinstance(value, tuple) and len(value) == 2 and _is_signal(value[1]):
        return (check_amount(value[0]), _signal(value[1]))
    if _is_signal(value):
        return (1.0, _signal(value))
    return check_amount(value)


_CHECKS = {"TimeShift": check_amount, "Convolution": _convolution, "Noise": _noise, "Volume": check_amount}

Changes = parameter(_changes, {"type": ["array", "null"]})
"""None, or what is done to the sound in training, by name."""


def signals_of(changes: Any, rate: int) -> dict[str, np.ndarray]:
    """The impulse response and the recorded noise of an augmentation, at a rate."""
    found = {}
    for name, value in changes or ():
        if name == "Convolution" or (name == "Noise" and _has_signal(value)):
            frozen, own = value[1]
            found[name] = one_channel((frozen.array, own or rate), rate, float("inf"), f'Augmentation: "{name}"')[0]
            if name == "Convolution" and own:
                found[name] = found[name] * np.float32(own / rate)  # its sum, not its height, is what it does to a sound
    return found


def _has_signal(value) -> bool:
    return isinstance(value, tuple) and isinstance(value[1], tuple) and isinstance(value[1][0], FrozenArray)


def changed(samples, length: int, changes: Any, signals: dict[str, np.ndarray], rate: int, source: np.random.Generator) -> np.ndarray:
    """`length` samples of the sound with the augmentation drawn from `source`."""
    amounts = dict(changes)
    shift = round(draw_amount(amounts["TimeShift"], source) * rate) if "TimeShift" in amounts else 0
    result = fitted(samples, length, -shift)
    if "Convolution" in amounts:
        share = min(max(draw_amount(amounts["Convolution"][0], source), 0.0), 1.0)
        result = np.float32(1 - share) * result + np.float32(share) * convolved(result, signals["Convolution"])
    if "Noise" in signals:
        recorded, strength = signals["Noise"], draw_amount(amounts["Noise"][0], source)
        start = int(source.integers(len(recorded)))
        result = result + np.float32(strength) * np.resize(np.roll(recorded, -start), length)
    elif "Noise" in amounts:
        strength = draw_amount(amounts["Noise"], source)
        result = result + np.float32(strength) * source.standard_normal(length, dtype=np.float32)
    if "Volume" in amounts:
        result = result * np.float32(draw_amount(amounts["Volume"], source))
    return result


def convolved(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The samples convolved with an impulse response, as many as there were: what rings on after the end is cut."""
    response = response[: len(samples)]
    size = 1 << (len(samples) + len(response) - 2).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)
