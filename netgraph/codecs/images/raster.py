"""Raw images: from a file, an image of Pillow or an array to pixels of a stated size."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from netgraph.errors import NetError, NetFileError, NetValueError

FILTERS = ("Nearest", "Box", "Bilinear", "Hamming", "Bicubic", "Lanczos")
ORIENTATION = 0x0112
TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90",
}  # fmt: skip
"""What makes an image upright, for each EXIF orientation but 1."""

WHOLE = {"uint8": 255, "uint16": 65535, "bool": 1}
"""The types of the arrays that are raw images, with the number that is white."""

# An image that a user opened is read from its file when first looked at, which two threads must not do at once.
_LOCKS = tuple(threading.Lock() for _ in range(64))


class Raster(NamedTuple):
    """Pixels in `space`, a colour space, from 0 to `top`; `planes` are images of Pillow of one size that hold the channels in order."""

    planes: tuple[Any, ...]
    space: str
    top: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.planes[0].size

    def resized(self, size: tuple[int, int], resampling: str, box: tuple[float, float, float, float] | None = None) -> np.ndarray:
        """Its pixels, or those within `box`, at another size (width, height): float32 of shape (height, width, channels), in [0, 1]."""
        if size != self.size or box is not None:
            which = getattr(pillow().Resampling, resampling.upper())
            arrays = [np.asarray(plane.resize(size, which, box=box)) for plane in self.planes]
        else:
            arrays = [np.asarray(plane) for plane in self.planes]
        array = arrays[0] if len(arrays) == 1 else np.stack(arrays, -1)
        if self.space == "LAB":
            # a and b are signed bytes
            whole = np.concatenate([array[..., :1].astype(np.float32), array[..., 1:].view(np.int8)], -1)
            return whole / np.array([255, 100, 100], dtype=np.float32)
        return np.divide(array if array.ndim == 3 else array[..., None], np.float32(self.top))


def pillow() -> Any:
    """Pillow's Image module. Errors: NetError where it is not installed."""
    try:
        from PIL import Image
    except ImportError:
        raise NetError("images are read by Pillow, which is not installed", fix="pip install netgraph[image]") from None
    return Image


def is_picture(value) -> bool:
    """Whether it is an image of Pillow."""
    known = sys.modules.get("PIL.Image")
    return known is not None and isinstance(value, known.Image)


def is_path(value) -> bool:
    """Whether it is the path of a file."""
    return isinstance(value, (str, os.PathLike))


def is_pixels(value, spatial: int = 2) -> bool:
    """Whether it is an array of pixels with `spatial` axes: of a type in WHOLE, without or with a last axis of 1, 3 or 4 channels."""
    if not isinstance(value, (np.ndarray, Tensor)) or str(value.dtype).removeprefix("torch.") not in WHOLE:
        return False
    return value.ndim == spatial or (value.ndim == spatial + 1 and value.shape[-1] in (1, 3, 4))


def raster(value) -> Raster:
    """One raw image: a path, an image of Pillow or an array. Errors: NetFileError, NetValueError."""
    if isinstance(value, Tensor):
        value = value.numpy(force=True)
    if isinstance(value, np.ndarray):
        return raster_of_array(value)
    if is_picture(value):
        with reading(value):
            return raster_of_picture(value)
    with opened(value) as image:
        return raster_of_picture(image)


@contextmanager
def opened(path, readers: str = "that Pillow knows") -> Iterator[Any]:
    """An image file at its first frame, not yet read; whatever goes wrong inside with the file is a NetFileError too."""
    images, name = pillow(), os.fsdecode(path)
    try:
        with images.open(name) as image:
            if image.format == "EPS":
                raise NetFileError(f"{name}: an EPS file is a program, which is not run")
            hold_size(image, name)
            yield image
    except NetError:
        raise
    except (FileNotFoundError, IsADirectoryError, PermissionError, NotADirectoryError) as fault:
        raise NetFileError(f"{name}: {(fault.strerror or str(fault)).lower()}") from None
    except images.UnidentifiedImageError:
        raise NetFileError(f"{name}: no image {readers}") from None
    except (images.DecompressionBombError, images.DecompressionBombWarning):
        raise NetFileError(f"{name}: the image has more than {images.MAX_IMAGE_PIXELS:,} pixels", fix=LIMIT) from None
    except Exception as fault:  # a broken file may fail in any way
        raise NetFileError(f"{name}: the image cannot be read: {fault}") from None


LIMIT = "PIL.Image.MAX_IMAGE_PIXELS = ..., if you trust the file"


def hold_size(image, name: str) -> None:
    """Hold the frame that an open file is at against Pillow's limit, for which Pillow itself only warns. Errors: NetFileError."""
    most = pillow().MAX_IMAGE_PIXELS
    if most is not None and image.width * image.height > most:
        raise NetFileError(f"{name}: the image has {image.width * image.height:,} pixels, the limit is {most:,}", fix=LIMIT)


@contextmanager
def reading(image) -> Iterator[Any]:
    """An image that a user opened, for this thread alone. Errors: NetFileError where its file is broken."""
    with _LOCKS[id(image) // 16 % len(_LOCKS)]:
        try:
            image.load()
            yield image
        except NetError:
            raise
        except Exception as fault:
            raise NetFileError(f"{getattr(image, 'filename', '') or 'an image'}: the image cannot be read: {fault}") from None


def raster_of_picture(image) -> Raster:
    """An image of Pillow, turned as its EXIF orientation says, without its transparency."""
    if not image.width or not image.height:
        raise NetValueError(f"an image of {image.width} x {image.height} pixels")
    image = _upright(image)
    mode = image.mode
    if mode in ("L", "RGB", "CMYK", "LAB"):
        return Raster((image,), {"L": "Grayscale"}.get(mode, mode), 255)
    if mode in ("1", "LA"):
        return Raster((image.convert("L"),), "Grayscale", 255)
    if mode == "La":
        return Raster((image.convert("LA").convert("L"),), "Grayscale", 255)
    if mode == "F":
        return Raster((image,), "Grayscale", 1)
    if mode[0] == "I":
        array = np.asarray(image)
        if array.min() < 0 or array.max() > 65535:
            raise NetValueError(f"an image of whole numbers from {array.min()} to {array.max()}, which are not those of 16 bits")
        return Raster((pillow().fromarray(array.astype(np.float32)),), "Grayscale", 65535)
    if mode in ("P", "PA", "RGBa"):
        image = image.convert("RGBA")
    return Raster((image.convert("RGB"),), "RGB", 255)


def raster_of_array(array: np.ndarray) -> Raster:
    """An array of shape (height, width) or (height, width, channels)."""
    if 0 in array.shape:
        raise NetValueError(f"an image of shape {array.shape}")
    if array.dtype != np.uint8:
        return raster_of_floats(*channels_of(array, 2))
    if array.ndim == 3:
        array = array[..., 0] if array.shape[-1] == 1 else array[..., :3]
    return Raster((pillow().fromarray(np.ascontiguousarray(array)),), "Grayscale" if array.ndim == 2 else "RGB", 255)


def channels_of(array: np.ndarray, rank: int) -> tuple[np.ndarray, str]:
    """Raw pixels in [0, 1] with an axis of channels behind `rank` others, and their colour space. A fourth channel, transparency, is left
    out."""
    pixels = array[..., None] if array.ndim == rank else array[..., : min(3, array.shape[-1])]
    return np.divide(pixels, np.float32(WHOLE[array.dtype.name])), "RGB" if pixels.shape[-1] == 3 else "Grayscale"


def raster_of_floats(array: np.ndarray, space: str, top: float = 1) -> Raster:
    """Numbers of shape (height, width, channels), which are resized without being rounded."""
    planes = [pillow().fromarray(np.ascontiguousarray(array[..., channel], dtype=np.float32)) for channel in range(array.shape[-1])]
    return Raster(tuple(planes), space, top)


def _upright(image) -> Any:
    image.load()  # a TIFF is turned by Pillow while it is read
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # a broken note beside good pixels
        return image
    return image if turn is None else image.transpose(getattr(pillow().Transpose, turn))
