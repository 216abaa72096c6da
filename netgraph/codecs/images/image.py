"""The "Image" encoder and decoder."""

from typing import Any

import numpy as np

from netgraph.codecs.decoder import NetDecoder
from netgraph.codecs.encoder import NetEncoder
from netgraph.codecs.images.colour_spaces import CHANNELS, converted, has_channels
from netgraph.codecs.images.pictures import ColourSpace, PictureEncoder
from netgraph.codecs.images.pixel_statistics import Mean, Variance, hold, restored
from netgraph.codecs.images.raster import WHOLE, channels_of, is_path, is_picture, is_pixels, pillow, raster
from netgraph.codecs.images.resampling import alignment, size
from netgraph.errors import NetValueError
from netgraph.spec.parameters import Flag
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType


class ImageEncoder(PictureEncoder, kind="Image"):
    """An image to an array of its pixels, of shape (channels, height, width).

        NetEncoder("Image")                      128 x 128 pixels
        NetEncoder(("Image", 64))                64 x 64
        NetEncoder(("Image", (64, 48)))          (width, height): the array is (3, 48, 64)

    An image is one of Pillow, the path of a file that Pillow opens (its first frame), or an array of uint8, uint16 or bool of shape
    (height, width) or (height, width, channels), with 1, 3 or 4 channels. Images are turned as their EXIF orientation says; colour
    profiles and transparency are left out. Arrays of floats are encoded already and pass.

    In turn: the size is made to conform, the colour space is converted, values are scaled to [0, 1], the mean is subtracted, and what is
    left is divided by the square root of the variance.

    ColorSpace: "RGB", the default, "Grayscale" (1 channel), "HSB", "CMYK", "LAB", "XYZ" or "LUV".
    Interleaving: channels last, (height, width, channels). DataTransposed: width before height.
    MeanImage, VarianceImage: None, or in units of [0, 1] a number, one for each channel, or an image (of Pillow, or an array of shape
    (height, width) or (height, width, channels)), which is resized where its size is another.
    Method: "Stretch" takes no care of the aspect ratio, "Fit" pads the image, "Fill" crops it.
    Resampling: a filter of Pillow, "Nearest", "Box", "Bilinear" or "Linear", "Hamming", "Bicubic" or "Cubic", "Lanczos"; Automatic is
    "Bilinear". All but "Nearest" average where they shrink.
    Alignment: where the image lies for "Fit" or "Fill": "Center", "Left", "Right", "Top", "Bottom", or a pair for across and up of these or
    of numbers from -1 to 1.
    Padding: what "Fit" pads with: the name of a colour in CSS, or a number, or one for each channel of the colour space.
    Errors: NetFileError for a file that is missing, broken, or larger than PIL.Image.MAX_IMAGE_PIXELS; NetTypeError for what is no image.
    Source: Wolfram's NetEncoder["Image"]; its automatic resampling and the treatment of EXIF are not documented, so those are ours.

    >>> NetEncoder(("Image", (2, 1)))(np.array([[[255, 0, 0], [0, 51, 0]]], dtype=np.uint8)).tolist()
    [[[1.0, 0.0]], [[0.0, 0.20000000298023224]], [[0.0, 0.0]]]
    """

    positional = ("ImageSize",)
    ImageSize: size(2) = (128, 128)
    Interleaving: Flag = False
    DataTransposed: Flag = False
    Alignment: alignment(2) = "Center"
    wants = "an image of Pillow, a path, or an array of uint8, uint16 or bool of shape (height, width) or (height, width, channels)"

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.ImageSize[::-1]

    def port_type(self) -> PortType:
        return PortType(REAL, _ordered((*self.sizes, self.channels), self))

    def is_raw(self, value) -> bool:
        return is_picture(value) or is_path(value) or is_pixels(value)

    def encode(self, value, source=None) -> Any:
        return np.ascontiguousarray(self.of_raster(raster(value)).transpose(_order(self)))

    def encode_all(self, values, source=None):
        order = _order(self)
        if isinstance(values, np.ndarray) and values.shape[1:3] == self.sizes and values.dtype.name in WHOLE:
            pixels, space = channels_of(values, 3)
            return np.ascontiguousarray(self.finished(pixels, space).transpose(0, *(axis + 1 for axis in order)))
        out = np.empty((len(values), *_ordered((*self.sizes, self.channels), self)), dtype=np.float32)
        for place, value in enumerate(values):
            out[place] = self.of_raster(raster(value)).transpose(order)
        return out

    def partner(self, port=None) -> NetDecoder:
        return ImageDecoder(**{name: self[name] for name in ImageDecoder.checks})


class ImageDecoder(NetDecoder, kind="Image"):
    """An array of values in [0, 1] to an image of Pillow; values beyond are cut off.

    ColorSpace, Interleaving, DataTransposed, MeanImage, VarianceImage: those of the "Image" encoder, which are undone. The image is gray
    for "Grayscale", else RGB.
    Errors: NetShapeError for another number of channels; NetValueError for values that are not numbers.
    Source: Wolfram's NetDecoder["Image"].

    >>> NetDecoder("Image")(np.ones((3, 2, 4))).getpixel((0, 0))
    (255, 255, 255)
    """

    ColorSpace: ColourSpace = "RGB"
    Interleaving: Flag = False
    DataTransposed: Flag = False
    MeanImage: Mean = None
    VarianceImage: Variance = None
    properties = ("Decision",)

    def check(self) -> None:
        hold(self, 2)

    def port_type(self) -> PortType:
        return PortType(REAL, _ordered((None, None, CHANNELS[self.ColorSpace]), self))

    def ranks(self) -> tuple[int, ...]:
        return (3,)

    def accepts(self, shape) -> str | None:
        return channels_wanted(self, shape)

    def decode(self, array, what, argument, source) -> Any:
        pixels = as_bytes(self, array.transpose(np.argsort(_order(self))))
        return pillow().fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)

    def partner(self, port=None) -> NetEncoder:
        shape = None if port is None else port.shape
        sizes = None if shape is None else tuple(shape[place] for place in np.argsort(_order(self))[:2])
        if sizes is None or not all(isinstance(entry, int) for entry in sizes):
            raise NetValueError(f"{self!r} does not say the size of images", fix='NetEncoder(("Image", (width, height)))')
        return ImageEncoder(sizes[::-1], **self.parameters)


def as_bytes(decoder: NetDecoder, pixels: np.ndarray) -> np.ndarray:
    """Encoded values of shape (..., channels) as bytes, gray or RGB. Errors: NetValueError for what is not a number."""
    if np.isnan(pixels).any():
        raise NetValueError(f"{decoder!r}: {int(np.isnan(pixels).sum())} of the {pixels.size} values are not numbers")
    space = decoder["ColorSpace"]
    values = restored(decoder, np.asarray(pixels, dtype=np.float32))
    values = values if space == "Grayscale" else converted(values, space, "RGB")
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def channels_wanted(decoder: NetDecoder, shape: tuple) -> str | None:
    """What is wrong with the number of channels of a shape, or None."""
    wanted = decoder.port_type().shape
    axis = next(place for place, entry in enumerate(wanted) if entry is not None)
    if len(shape) != len(wanted) or shape[axis] in (None, wanted[axis]):
        return None
    return f"{has_channels(decoder['ColorSpace'])}, axis {axis} has {shape[axis]}"


def _order(codec) -> tuple[int, ...]:
    """The axes of an array, as positions in (height, width, channels)."""
    spatial = (1, 0) if codec["DataTransposed"] else (0, 1)
    return (*spatial, 2) if codec["Interleaving"] else (2, *spatial)


def _ordered(sizes: tuple, codec) -> tuple:
    return tuple(sizes[axis] for axis in _order(codec))
