"""The "Image3D" encoder and decoder."""

from typing import Any

import numpy as np

from netgraph.codecs.decoder import NetDecoder
from netgraph.codecs.encoder import NetEncoder
from netgraph.codecs.images.colour_spaces import CHANNELS, converted
from netgraph.codecs.images.image import as_bytes, channels_wanted
from netgraph.codecs.images.pictures import ColourSpace, PictureEncoder
from netgraph.codecs.images.pixel_statistics import Mean, Variance, hold
from netgraph.codecs.images.raster import LIMIT, channels_of, hold_size, is_path, is_pixels, opened, pillow, raster_of_picture
from netgraph.codecs.images.resampling import Fit, alignment, along_first, filter_of, resampled, size
from netgraph.errors import NetFileError, NetValueError
from netgraph.spec.parameters import Flag
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType


class Image3DEncoder(PictureEncoder, kind="Image3D"):
    """A volume to an array of its voxels, of shape (channels, height, depth, width).

        NetEncoder("Image3D")                          128 x 128 x 128
        NetEncoder(("Image3D", (64, 48, 32)))          (width, depth, height): the array is (3, 32, 48, 64)

    A volume is an array of uint8, uint16 or bool of shape (height, depth, width) or (height, depth, width, channels), with 1, 3 or 4
    channels, or the path of a file of several pages (TIFF), which are its slices from above: the rows of a page are the depth, from behind.
    Arrays of floats are encoded already and pass.

    The parameters are those of "Image", without DataTransposed; images as MeanImage and VarianceImage have shape (height, depth, width) or
    (height, depth, width, channels), and Alignment has three entries, across, deep and up, with "Front" and "Back" among its words.
    Interleaving: (height, depth, width, channels).
    Errors: NetFileError for a file that is missing, broken or too large, or has pages of several sizes.
    Source: Wolfram's NetEncoder["Image3D"].

    >>> NetEncoder(("Image3D", (4, 3, 2), {"ColorSpace": "Grayscale"}))(np.zeros((2, 3, 4), dtype=np.uint8)).shape
    (1, 2, 3, 4)
    """

    positional = ("ImageSize",)
    ImageSize: size(3) = (128, 128, 128)
    Interleaving: Flag = False
    Alignment: alignment(3) = "Center"
    wants = "the path of a file of pages, or an array of uint8, uint16 or bool of shape (height, depth, width), with channels or without"

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.ImageSize[::-1]

    def port_type(self) -> PortType:
        return PortType(REAL, (*self.sizes, self.channels) if self.Interleaving else (self.channels, *self.sizes))

    def is_raw(self, value) -> bool:
        return is_path(value) or is_pixels(value, 3)

    def encode(self, value, source=None) -> Any:
        if isinstance(value, np.ndarray):
            if 0 in value.shape:
                raise NetValueError(f"{self!r}: a volume of shape {value.shape}")
            voxels, space = channels_of(value, 3)
            axes = self.axes(voxels.shape[:-1])
            voxels = resampled(voxels, axes, filter_of(self.Resampling))
        else:
            voxels, space, axes = self._pages(value)
        numbers = self.finished(voxels, space, axes)
        return numbers if self.Interleaving else np.ascontiguousarray(np.moveaxis(numbers, -1, 0))

    def _pages(self, path) -> tuple[np.ndarray, str, list[Fit]]:
        slices, space, first, axes = [], "", None, []
        with opened(path) as image:
            count = getattr(image, "n_frames", 1)
            self._hold_count(count, path)
            for number in range(count):
                image.seek(number)
                hold_size(image, str(path))
                page = raster_of_picture(image)
                if first is None:
                    first, space = page.size, page.space
                    axes = self.axes((count, *first[::-1]))
                if page.size != first:
                    raise NetFileError(
                        f"{path}: page 0 has {first[0]} x {first[1]} pixels, page {number} has {page.size[0]} x {page.size[1]}"
                    )
                pixels = converted(page.resized(page.size, "Nearest"), page.space, space)
                slices.append(resampled(pixels, axes[1:], filter_of(self.Resampling)))
        return along_first(np.stack(slices), axes[0], filter_of(self.Resampling)), space, axes

    def _hold_count(self, count: int, path) -> None:
        # pages that say to be there cost a file next to nothing
        most = pillow().MAX_IMAGE_PIXELS
        if most is not None and count * self.sizes[1] * self.sizes[2] > max(most, 16 * np.prod(self.sizes)):
            raise NetFileError(f"{path}: the file has {count:,} pages", fix=LIMIT)

    def partner(self, port=None) -> NetDecoder:
        return Image3DDecoder(**{name: self[name] for name in Image3DDecoder.checks})


class Image3DDecoder(NetDecoder, kind="Image3D"):
    """An array of values in [0, 1] to a volume; values beyond are cut off.

    A volume is an array of uint8 of shape (height, depth, width) for "Grayscale", else (height, depth, width, 3), which is what the encoder
    takes: Pillow has none. `PIL.Image.fromarray` makes an image of a slice.

    ColorSpace, Interleaving, MeanImage, VarianceImage: those of the "Image3D" encoder, which are undone.
    Errors: NetShapeError for another number of channels; NetValueError for values that are not numbers.
    Source: Wolfram's NetDecoder["Image3D"], which gives an Image3D.

    >>> NetDecoder("Image3D")(np.ones((3, 2, 3, 4))).shape
    (2, 3, 4, 3)
    """

    ColorSpace: ColourSpace = "RGB"
    Interleaving: Flag = False
    MeanImage: Mean = None
    VarianceImage: Variance = None
    properties = ("Decision",)

    def check(self) -> None:
        hold(self, 3)

    def port_type(self) -> PortType:
        channels = CHANNELS[self.ColorSpace]
        return PortType(REAL, (None, None, None, channels) if self.Interleaving else (channels, None, None, None))

    def ranks(self) -> tuple[int, ...]:
        return (4,)

    def accepts(self, shape) -> str | None:
        return channels_wanted(self, shape)

    def decode(self, array, what, argument, source) -> Any:
        voxels = as_bytes(self, array if self.Interleaving else np.moveaxis(array, 0, -1))
        return voxels[..., 0] if voxels.shape[-1] == 1 else voxels

    def partner(self, port=None) -> NetEncoder:
        shape = None if port is None else port.shape
        sizes = None if shape is None else shape[:3] if self.Interleaving else shape[1:]
        if sizes is None or not all(isinstance(entry, int) for entry in sizes):
            raise NetValueError(f"{self!r} does not say the size of volumes", fix='NetEncoder(("Image3D", (width, depth, height)))')
        return Image3DEncoder(sizes[::-1], **self.parameters)
