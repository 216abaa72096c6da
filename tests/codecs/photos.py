"""Pictures that the tests of images share, and how arrays of them are compared."""

import numpy as np
from PIL import Image

PIXELS = np.random.default_rng(5).integers(0, 256, (30, 50, 3), dtype=np.uint8)
PHOTO = Image.fromarray(PIXELS)
SAME = ("Image", (50, 30))
"""The encoder that leaves the size of `PHOTO` as it is."""

COLOURS = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.2, 0.4, 0.6], [0.5, 0.5, 0.5], [0.01, 0.9, 0.3]])


def first(pixels):
    """Pixels of 0 to 255 as an encoder gives them: from 0 to 1, channels first."""
    array = np.asarray(pixels, dtype=np.float64) / 255
    return np.moveaxis(array if array.ndim == 3 else array[..., None], -1, 0)


def close(got, want, tolerance=1e-6):
    """Whether an array has the type that encoders give, and these numbers."""
    return got.dtype == np.float32 and np.allclose(got, want, rtol=0, atol=tolerance)
