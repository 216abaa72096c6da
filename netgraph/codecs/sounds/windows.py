"""The windows of short-time spectra, by name."""

from typing import Any

import numpy as np

from netgraph.errors import did_you_mean
from netgraph.spec.parameters import is_number, parameter, wants
from netgraph.types.symbols import Automatic

COSINE_SUMS = {
    "Dirichlet": (1.0,),
    "Hann": (0.5, 0.5),
    "Hamming": (0.54, 0.46),
    "Blackman": (0.42, 0.5, 0.08),
    "Nuttall": (0.355768, 0.487396, 0.144232, 0.012604),
    "BlackmanNuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "BlackmanHarris": (0.35875, 0.48829, 0.14128, 0.01168),
    "FlatTop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
"""a of the windows  w[n] = sum_k (-1)^k a[k] cos(2 pi k n / size)."""

NAMES = (*COSINE_SUMS, "Bartlett", "Cosine")


def window(name: Any, size: int) -> np.ndarray:
    """The window of `size` samples that repeats with this period, as short-time spectra want it: w[0] is its least value.

    Automatic is "Hann", ("Kaiser", beta) has the parameter of NumPy's.
    """
    places = np.arange(size)
    if size == 1:
        return np.ones(1)
    if isinstance(name, tuple):
        return np.kaiser(size + 1, name[1])[:size]
    if name == "Bartlett":
        return 1 - np.abs(2 * places / size - 1)
    if name == "Cosine":
        return np.sin(np.pi * (places + 0.5) / (size + 1))
    parts = COSINE_SUMS["Hann" if name is Automatic else name]
    return np.asarray(sum((-1) ** k * part * np.cos(2 * np.pi * k * places / size) for k, part in enumerate(parts)))


def _window_name(value):
    if value is Automatic:
        return value
    if isinstance(value, tuple) and len(value) == 2 and value[0] in ("Kaiser", "KaiserWindow"):
        if not is_number(value[1]) or not 0 <= value[1] < float("inf"):
            raise wants('("Kaiser", beta) with beta from 0', value)
        return ("Kaiser", float(value[1]))
    if not isinstance(value, str):
        raise wants('the name of a window, ("Kaiser", beta) or Automatic', value)
    short = value.removesuffix("Window")
    if short not in NAMES:
        raise ValueError(f'knows no window "{value}", {did_you_mean(value, [*NAMES, "Kaiser"])}')
    return short


WindowName = parameter(_window_name, {"type": ["string", "array", "object"]})
"""The name of a window, also with "Window" at its end; ("Kaiser", beta); Automatic."""
