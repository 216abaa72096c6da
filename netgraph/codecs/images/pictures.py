"""What the encoders of pictures share: their parameters, and the way from raw pixels to numbers."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netgraph.codecs.encoder import NetEncoder
from netgraph.codecs.images.colour_spaces import CHANNELS, SIGNED, converted, has_channels
from netgraph.codecs.images.pixel_statistics import Mean, Variance, hold, normalized
from netgraph.codecs.images.raster import WHOLE, Raster, is_path, is_picture, pillow
from netgraph.codecs.images.resampling import Conforming, Filter, Fit, filter_of, fits, shares
from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.described import sort_of
from netgraph.spec.parameters import choice, is_number, parameter, wants
from netgraph.types.symbols import Automatic


def _padding(value):
    if isinstance(value, str):
        _colour(value)
        return value
    numbers = value if isinstance(value, tuple) else (value,)
    if not numbers or not all(is_number(number) for number in numbers):
        raise wants("the name of a colour, a number, or a number for each channel", value)
    return tuple(map(float, value)) if isinstance(value, tuple) else float(value)


def _colour(name: str) -> np.ndarray:
    """The RGB values of a colour's name."""
    if name.lower() == "black":
        return np.zeros(3, dtype=np.float32)
    pillow()
    from PIL import ImageColor

    try:
        return np.divide(ImageColor.getrgb(name)[:3], 255, dtype=np.float32)
    except ValueError:
        raise wants('the name of a colour of CSS, such as "white" or "#ff8000"', name) from None


RAW = (torch.uint8, torch.uint16, torch.bool)
"""The types of the tensors that are raw images."""

ColourSpace = choice(*CHANNELS)
Fill = parameter(_padding, {"type": ["string", "number", "array"]})


def _channels_first(shape: Sequence[int]) -> bool:
    """Whether it looks like the shape of (images of) channels, height and width."""
    return len(shape) > 2 and shape[-3] in (1, 3, 4) and shape[-1] not in (1, 3, 4)


class PictureEncoder(NetEncoder):
    """An encoder of pictures with two or three spatial axes. Abstract.

    In turn: the size is made to conform, the colour space is converted, values are scaled to [0, 1], the mean is subtracted, and what is
    left is divided by the square root of the variance.
    """

    files = True

    ColorSpace: ColourSpace = "RGB"
    MeanImage: Mean = None
    VarianceImage: Variance = None
    Method: Conforming = "Stretch"
    Resampling: Filter = Automatic
    Padding: Fill = "Black"

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, ...]:
        """The spatial axes in the order of arrays: (height, width) or (height, depth, width)."""

    @property
    def channels(self) -> int:
        """How many channels the colour space has."""
        return CHANNELS[self.ColorSpace]

    def check(self) -> None:
        hold(self, len(self.sizes))
        padding = self.Padding
        if isinstance(padding, str):
            filled = converted(_colour(padding), "RGB", self.ColorSpace)
        else:
            filled = np.asarray(padding, dtype=np.float32)
            if filled.ndim and len(filled) != self.channels:
                raise NetValueError(f"{self!r}: Padding has {len(filled)} entries, {has_channels(self.ColorSpace)}")
            if self.ColorSpace not in SIGNED and not ((filled >= 0) & (filled <= 1)).all():
                raise NetValueError(f"{self!r}: Padding is from 0 to 1, got {padding!r}")
        self._cache["padding"] = filled
        before = shares(self["Alignment"], len(self.sizes))
        self._cache["shares"] = before[::-1]

    def axes(self, have: Sequence[int]) -> list[Fit]:
        """How an object of these sizes, in the order of arrays, is made to fit."""
        return fits(have, self.sizes, self.Method, self._cache["shares"])

    def of_raster(self, picture: Raster) -> np.ndarray:
        """The numbers of a picture with two axes, of shape (height, width, channels)."""
        width, height = picture.size
        rows, columns = self.axes((height, width))
        box = (columns.start, rows.start, columns.stop, rows.stop)
        whole = None if box == (0, 0, width, height) else box
        pixels = picture.resized((columns.length, rows.length), filter_of(self.Resampling), whole)
        return self.finished(pixels, picture.space, (rows, columns))

    def finished(self, pixels: np.ndarray, space: str, axes: Sequence[Fit] = ()) -> np.ndarray:
        """Resampled pixels in [0, 1], which it may write into, in the colour space, at their place, with mean and variance seen to."""
        pixels = converted(pixels, space, self.ColorSpace)
        if axes and pixels.shape[:-1] != self.sizes:
            canvas = np.empty((*self.sizes, self.channels), dtype=np.float32)
            canvas[...] = self._cache["padding"]
            canvas[tuple(slice(axis.offset, axis.offset + axis.length) for axis in axes)] = pixels
            pixels = canvas
        return normalized(self, pixels, self.sizes)

    def __call__(self, value, source: np.random.Generator | None = None) -> Any:
        if isinstance(value, Tensor) and value.dtype in RAW:
            # as is usual with tensors, and neither gray images nor a tiny one with transparency
            if _channels_first(value.shape) or tuple(value.shape[-3:]) == self.port_type().shape:
                raise self.refusal(value)
            made = self(value.numpy(force=True), source)
            return torch.as_tensor(made, device=value.device) if isinstance(made, np.ndarray) else made
        # an array is refused as a whole, not by what is wrong with its first part
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiuc" and value.dtype.name not in WHOLE and not self.is_encoded(value):
            raise self.refusal(value)
        return super().__call__(value, source)

    def is_encoded(self, value, batch: bool = True) -> bool:
        if is_picture(value) or is_path(value):
            return False
        if isinstance(value, (list, tuple)) and any(is_picture(entry) or is_path(entry) for entry in value):
            return False
        try:
            real = value.is_floating_point() if isinstance(value, Tensor) else np.asarray(value).dtype.kind == "f"
        except (ValueError, TypeError, RuntimeError):
            return False
        return real and super().is_encoded(value, batch)

    def refusal(self, value, place: str = "") -> NetTypeError:
        shaped: Any = isinstance(value, (np.ndarray, Tensor)) and value.ndim
        told = f"{sort_of(value)} of shape {tuple(value.shape)}" if shaped else sort_of(value)
        origins = [(self.port_type(), "the type of what is encoded already")] if shaped else []
        whole = shaped and len(self.sizes) == 2 and str(value.dtype).removeprefix("torch.") in WHOLE
        first = whole and (_channels_first(value.shape) or tuple(value.shape[-3:]) == self.port_type().shape)
        fix = "channels last: numpy.moveaxis(images, -3, -1)" if first else None
        return NetTypeError(f"{self!r} wants {self.wants}, or a list of these, got {told}{place}", origins=origins, fix=fix)
