"""Image, Image3D and VideoFrames, with arrays computed by Pillow and NumPy alone."""

import numpy as np
from PIL import Image

from tests.codecs.harness import Decoded, Encoded

RANDOM = np.random.default_rng(11)
PHOTO = RANDOM.integers(0, 256, (6, 9, 3), dtype=np.uint8)
OTHER = RANDOM.integers(0, 256, (5, 4, 3), dtype=np.uint8)
VOLUME = RANDOM.integers(0, 256, (2, 3, 4), dtype=np.uint8)
CLIP = RANDOM.integers(0, 256, (4, 2, 3, 3), dtype=np.uint8)
MEAN, VARIANCE = (0.5, 0.4, 0.3), (0.25, 0.04, 0.01)


def first(pixels):
    """Bytes of shape (..., channels) as numbers of shape (channels, ...)."""
    return np.moveaxis(np.asarray(pixels) / 255, -1, 0)


def shrunk(pixels, size=(3, 2)):
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def standardized(array, channels_first=True):
    pixels = np.moveaxis(array, 0, -1)
    return np.moveaxis((pixels - MEAN) / np.sqrt(VARIANCE), -1, 0)


SMALL = ("Image", (3, 2))
NOT_AN_IMAGE = (
    "wants an image of Pillow, a path, or an array of uint8, uint16 or bool of shape (height, width) or (height, width, channels)"
)

ENCODERS = [
    Encoded(
        SMALL,
        [PHOTO, Image.fromarray(PHOTO), OTHER],
        [first(shrunk(PHOTO)), first(shrunk(PHOTO)), first(shrunk(OTHER))],
        wrong=[
            (3.5, NOT_AN_IMAGE),
            (np.zeros((4, 4)), "got an array of float64 of shape (4, 4)\n  real (3, 2, 3): the type of what is encoded already"),
            ("nowhere.png", "nowhere.png: no such file or directory"),
        ],
        tolerance=1e-6,
    ),
    Encoded((*SMALL, {"ColorSpace": "Grayscale"}), [PHOTO], [first(shrunk(PHOTO) @ [[0.299], [0.587], [0.114]])], tolerance=1e-6),
    Encoded((*SMALL, {"Interleaving": True}), [PHOTO, OTHER], [shrunk(PHOTO) / 255, shrunk(OTHER) / 255], tolerance=1e-6),
    Encoded((*SMALL, {"DataTransposed": True}), [PHOTO], [first(shrunk(PHOTO)).swapaxes(1, 2)], tolerance=1e-6),
    Encoded(
        (*SMALL, {"MeanImage": MEAN, "VarianceImage": VARIANCE}),
        [PHOTO, OTHER],
        [standardized(first(shrunk(PHOTO))), standardized(first(shrunk(OTHER)))],
        tolerance=1e-5,
    ),
    Encoded(
        ("Image3D", (4, 3, 2)),
        [VOLUME],
        [np.stack([VOLUME / 255] * 3)],
        wrong=[([VOLUME[0]], "wants the path of a file of pages, or an array of uint8, uint16 or bool of shape (height, depth, width)")],
        tolerance=1e-6,
    ),
    Encoded(("Image3D", (4, 3, 2), {"ColorSpace": "Grayscale", "Interleaving": True}), [VOLUME], [VOLUME[..., None] / 255], tolerance=1e-6),
    Encoded(
        ("VideoFrames", {"RasterSize": (3, 2)}),
        [CLIP, [Image.fromarray(frame) for frame in CLIP[:2]], (CLIP, {"StartTime": 2 / 24})],
        [np.moveaxis(CLIP, -1, 1) / 255, np.moveaxis(CLIP[:2], -1, 1) / 255, np.moveaxis(CLIP[2:], -1, 1) / 255],
        wrong=[(7, "wants a list of images, the path of an animation, or an array of shape (time, height, width, channels), or a list")],
        tolerance=1e-6,
    ),
    Encoded(
        ("VideoFrames", {"RasterSize": (3, 2), "TargetLength": 3, "Levels": ("Channels", "Time", "Height", "Width")}),
        [CLIP],
        [first(CLIP[:3])],
        tolerance=1e-6,
    ),
]


def picture(pixels):
    return Image.fromarray(np.asarray(pixels, dtype=np.uint8))


DECODERS = [
    Decoded(
        "Image",
        [first(PHOTO), np.stack([np.full((1, 2), 2.0), np.full((1, 2), -1.0), np.full((1, 2), 0.5)])],
        [Image.fromarray(PHOTO), picture([[[255, 0, 128]] * 2])],
        wrong=[
            (np.zeros((4, 2, 2)), "RGB has 3 channels, axis 0 has 4, got shape (4, 2, 2)"),
            (np.zeros((2, 2)), "wants an array of rank 3, or a batch of these"),
            (np.full((3, 1, 2), np.nan), "6 of the 6 values are not numbers"),
        ],
    ),
    Decoded(("Image", {"ColorSpace": "Grayscale", "Interleaving": True}), [PHOTO[..., :1] / 255], [Image.fromarray(PHOTO[..., 0])]),
    Decoded(("Image", {"MeanImage": MEAN, "VarianceImage": VARIANCE}), [standardized(first(PHOTO))], [Image.fromarray(PHOTO)]),
    Decoded(("Image", {"DataTransposed": True}), [first(PHOTO).swapaxes(1, 2)], [Image.fromarray(PHOTO)]),
    Decoded(
        ("Image3D", {"ColorSpace": "Grayscale"}),
        [VOLUME[None] / 255],
        [VOLUME],
        wrong=[(np.zeros((3, 2, 2, 2)), "Grayscale has 1 channel, axis 0 has 3")],
    ),
    Decoded(("Image3D", {"Interleaving": True}), [np.stack([VOLUME / 255] * 3, -1)], [np.stack([VOLUME] * 3, -1)]),
]
