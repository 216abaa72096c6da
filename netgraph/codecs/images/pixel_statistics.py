"""The parameters MeanImage and VarianceImage, of encoders and decoders of pictures."""

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from netgraph.codecs.frozen import FrozenArray
from netgraph.codecs.images.colour_spaces import CHANNELS, has_channels
from netgraph.codecs.images.raster import WHOLE, is_picture, raster
from netgraph.codecs.images.resampling import Fit, resampled
from netgraph.errors import NetValueError
from netgraph.spec.parameters import is_number, parameter, wants

if TYPE_CHECKING:
    from netgraph.codecs.codec import Coder

FORMS = "a number, a number for each channel, or an image in [0, 1]"


def _statistic(value) -> Any:
    if value is None:
        return None
    if is_number(value):
        array: Any = np.float64(value)
    elif is_picture(value):
        picture = raster(value)
        array = picture.resized(picture.size, "Nearest")
    else:
        try:
            array = np.asarray(value.numpy(force=True) if isinstance(value, Tensor) else value)
        except ValueError:
            raise wants(FORMS, value) from None
        if array.dtype.kind not in "fiub" or array.ndim > 4 or 0 in array.shape:
            raise wants(FORMS, value)
        if array.ndim > 1 and array.dtype.name in WHOLE:
            array = array / np.float32(WHOLE[array.dtype.name])
    if not np.isfinite(array).all():
        raise wants("finite numbers", value)
    if array.ndim > 1:
        return FrozenArray(np.asarray(array, dtype=np.float32))
    return array.item() if not array.ndim else tuple(map(float, array))


def _variance(value):
    kept = _statistic(value)
    if kept is not None and not (np.asarray(kept) > 0).all():
        raise wants("variances above 0", value)
    return kept


Mean = parameter(_statistic, {"type": ["number", "array", "null"]})
"""None, a number, a number for each channel, or an image: of Pillow, or an array of shape (height, width) or (height, width, channels)."""

Variance = parameter(_variance, {"type": ["number", "array", "null"]})
"""The same, above 0."""


def hold(codec: "Coder", spatial: int) -> None:
    """Hold the two parameters against the colour space and the number of spatial axes. Errors: NetValueError."""
    channels = CHANNELS[codec["ColorSpace"]]
    for name in ("MeanImage", "VarianceImage"):
        kept = codec[name]
        if isinstance(kept, tuple) and len(kept) != channels:
            raise NetValueError(f"{codec!r}: {name} has {len(kept)} entries, {has_channels(codec['ColorSpace'])}")
        if isinstance(kept, FrozenArray):
            shape = kept.array.shape
            if len(shape) != spatial and (len(shape) != spatial + 1 or shape[-1] not in (1, channels)):
                wanted = "height, width" if spatial == 2 else "height, depth, width"
                raise NetValueError(f"{codec!r}: {name} wants shape ({wanted}) or ({wanted}, {channels}), got {shape}")


def statistics(codec: "Coder", sizes: tuple[int, ...]) -> tuple[Any, Any]:
    """What is subtracted, and what is divided by, from arrays of shape (*sizes, channels); None where nothing is."""
    known = codec._cache.get("statistics")
    if known is None or known[0] != sizes:
        root = codec["VarianceImage"]
        found = _numbers(codec["MeanImage"], sizes), None if root is None else np.sqrt(_numbers(root, sizes))
        codec._cache["statistics"] = known = (sizes, found)
    return known[1]


def normalized(codec: "Coder", pixels: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """(pixels - mean) / sqrt(variance), in place."""
    mean, root = statistics(codec, sizes)
    if mean is not None:
        pixels -= mean
    if root is not None:
        pixels /= root
    return pixels


def restored(codec: "Coder", pixels: np.ndarray) -> np.ndarray:
    """pixels * sqrt(variance) + mean."""
    mean, root = statistics(codec, pixels.shape[:-1])
    scaled = pixels if root is None else pixels * root
    return scaled if mean is None else scaled + mean


def _numbers(kept, sizes: tuple[int, ...]) -> Any:
    if kept is None or not isinstance(kept, FrozenArray):
        return None if kept is None else np.float32(kept)
    image = kept.array if kept.array.ndim == len(sizes) + 1 else kept.array[..., None]
    if image.shape[:-1] == sizes:
        return image
    return resampled(image, [Fit(0, size, 0, target) for size, target in zip(image.shape, sizes, strict=False)], "Bilinear")
