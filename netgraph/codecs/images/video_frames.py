"""The "VideoFrames" encoder."""

import os
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any

import numpy as np

from netgraph.codecs.images.pictures import PictureEncoder
from netgraph.codecs.images.raster import (
    Raster,
    hold_size,
    is_path,
    is_picture,
    is_pixels,
    opened,
    pillow,
    raster,
    raster_of_picture,
    reading,
)
from netgraph.codecs.images.resampling import alignment, size
from netgraph.errors import NetFileError, NetValueError
from netgraph.spec.parameters import is_integer, is_number, number, parameter, wants
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType
from netgraph.types.symbols import Automatic

LEVELS = ("Time", "Channels", "Height", "Width")
READERS = "or animation that Pillow knows; give other videos as a list of their frames"
USUAL_RATE, USUAL_DURATION = 24.0, 0.1
CLOSE = 1e-6
"""Times closer than this share of a frame are one."""


def _rate(value):
    if value != "Inherited" and (not is_number(value) or not 0 < value < float("inf")):
        raise wants('a number of frames per second, or "Inherited"', value)
    return value if value == "Inherited" else float(value)


def _length(value) -> Any:
    if value is Automatic or (is_integer(value) and value >= 1):
        return value
    if isinstance(value, tuple) and len(value) == 2 and value[1] == "Seconds" and is_number(value[0]) and 0 < value[0] < float("inf"):
        return value
    raise wants('a number of frames, (t, "Seconds") or Automatic', value)


def _levels(value):
    if value is not Automatic and (not isinstance(value, tuple) or sorted(map(str, value)) != sorted(LEVELS)):
        raise wants(f"{', '.join(LEVELS)} in some order, or Automatic", value)
    return value


class VideoFramesEncoder(PictureEncoder, kind="VideoFrames"):
    """A video to an array of its frames, of shape (time, channels, height, width).

        NetEncoder("VideoFrames")                                             24 frames per second of 128 x 128 pixels
        NetEncoder(("VideoFrames", {"RasterSize": (64, 48), "TargetLength": 16}))

    A video is a list of images (of Pillow, or arrays of pixels), which are its frames; the path of an animation that Pillow reads (GIF,
    APNG, WebP), or such an image opened; or an array of uint8, uint16 or bool of shape (time, height, width, channels). A pair of a video
    and a dict of parameters sets these for the one video: `encoder(("a.gif", {"StartTime": 2}))`, as far as the type stays the same.
    Other videos need a library: read their frames with it, and give them as a list.

    FrameRate: frames per second. A file shows each of its frames as long as it says (0.1 s where it says nothing), and at each moment the
    frame is taken that is seen then. Lists and arrays are taken to have this rate already. "Inherited": each frame of the file once.
    RasterSize: (width, height) or one number for both.
    StartTime: seconds from the beginning.
    TargetLength: Automatic, all frames; n frames, or (t, "Seconds"): longer videos are cut, shorter ones get frames of Padding.
    With FrameRate "Inherited", (t, "Seconds") cuts only.
    Levels: the order of the axes, "Time", "Channels", "Height", "Width" in some order.
    ColorSpace, MeanImage, VarianceImage, Method, Resampling, Alignment, Padding: as for "Image".
    Errors: NetFileError for a file that is missing, broken or too large, also when the frames that it asks for are: more pixels than
    PIL.Image.MAX_IMAGE_PIXELS; NetValueError for a StartTime after the end.
    Source: Wolfram's NetEncoder["VideoFrames"]; how it pads is not documented.

    >>> frames = np.zeros((5, 30, 40, 3), dtype=np.uint8)
    >>> NetEncoder(("VideoFrames", {"RasterSize": (8, 6)}))(frames).shape
    (5, 3, 6, 8)
    """

    FrameRate: parameter(_rate, {"type": ["number", "string"]}) = USUAL_RATE
    RasterSize: size(2) = (128, 128)
    StartTime: number(0) = 0.0
    TargetLength: parameter(_length, {"type": ["integer", "array", "object"]}) = Automatic
    Levels: parameter(_levels, {"type": ["array", "object"]}) = Automatic
    Alignment: alignment(2) = "Center"
    wants = "a list of images, the path of an animation, or an array of shape (time, height, width, channels)"

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.RasterSize[::-1]

    @property
    def length(self) -> int | None:
        """How many frames each video has, None where that differs."""
        if isinstance(self.TargetLength, int):
            return self.TargetLength
        if self.TargetLength is Automatic or self.FrameRate == "Inherited":
            return None
        return max(1, round(self.TargetLength[0] * self.FrameRate))

    def port_type(self) -> PortType:
        shape = (self.length or "Varying", self.channels, *self.sizes)
        return PortType(REAL, [shape[axis] for axis in self._order])

    @property
    def _order(self) -> list[int]:
        return [LEVELS.index(level) for level in (LEVELS if self.Levels is Automatic else self.Levels)]

    def is_raw(self, value) -> bool:
        if isinstance(value, (list, tuple)):
            if len(value) == 2 and isinstance(value[1], Mapping):
                return not isinstance(value[0], tuple) and self.is_raw(value[0])
            return bool(value) and all(is_picture(frame) or is_pixels(frame) for frame in value)
        return is_path(value) or is_picture(value) or (is_pixels(value, 3) and value.ndim == 4)

    def encode(self, value, source=None) -> Any:
        if isinstance(value, (list, tuple)) and isinstance(value[-1], Mapping):
            own = self.replaced(**value[1])
            mine, its = self.port_type(), own.port_type()
            if self.Levels != own.Levels or not all(want in ("Varying", have) for want, have in zip(mine.shape, its.shape, strict=True)):
                raise NetValueError(f"{self!r}: the parameters of one video give the type {its}, not {mine}")
            return own.encode(value[0])
        frames = self._frames(value)
        if self.length is not None and len(frames) < self.length:
            blank = np.broadcast_to(np.float32(self._cache["padding"]), (*self.sizes, self.channels)).copy()
            frames += [self.finished(blank, self.ColorSpace)] * (self.length - len(frames))
        video = np.empty((len(frames), *self.sizes, self.channels), dtype=np.float32)
        for place, frame in enumerate(frames):
            video[place] = frame
        return np.ascontiguousarray(np.moveaxis(video, -1, 1).transpose(self._order))

    def _frames(self, value) -> list[np.ndarray]:
        """The frames to be seen, a frame that is seen several times as one array."""
        rate, start = self.FrameRate, self.StartTime
        step = 1 / (USUAL_RATE if rate == "Inherited" else rate)
        most = self._most_seconds()
        own_rate = isinstance(value, (list, tuple, np.ndarray))
        frames: list[np.ndarray] = []
        begins = 0.0
        source = zip(map(raster, value), repeat(None)) if own_rate else _shown(value)
        for count, (picture, lasts) in enumerate(source, start=1):
            ends = count * step if lasts is None else begins + lasts
            if rate == "Inherited":
                seen = int(ends > start + CLOSE * step and begins < start + most - CLOSE * step)
            else:
                seen = max(0, int(np.ceil((ends - start) / step - CLOSE))) - len(frames)
            if seen and self.length is not None:
                seen = min(seen, self.length - len(frames))
            if seen:
                self._hold_length(len(frames) + seen, value)
                frames += [self.of_raster(picture)] * seen
            begins = ends
            if len(frames) == self.length or begins >= start + most:
                break
        if not frames:
            raise NetValueError(f"{self!r}: StartTime is {start:g} s, the video ends at {begins:g} s")
        return frames

    def _most_seconds(self) -> float:
        return self.TargetLength[0] if isinstance(self.TargetLength, tuple) and self.length is None else float("inf")

    def _hold_length(self, count: int, value) -> None:
        # a frame may be said to last for minutes, so that a small file asks for any amount of memory
        most = pillow().MAX_IMAGE_PIXELS
        if self.length is None and not isinstance(value, (list, tuple, np.ndarray)) and most and count * np.prod(self.sizes) > most:
            name = value if is_path(value) else "the animation"
            raise NetFileError(
                f"{name}: {count:,} frames or more of {self.RasterSize[0]} x {self.RasterSize[1]} pixels", fix="TargetLength=..."
            )


def _shown(value) -> Iterator[tuple[Raster, float | None]]:
    """The frames of an animation, each with the seconds that it is seen, where there are several."""
    if is_path(value):
        with opened(value, READERS) as image:
            yield from _frames_of(image, os.fsdecode(value))
        return
    with reading(value) as image:
        several, name = getattr(image, "n_frames", 1) > 1, getattr(image, "filename", "")
    if several and name and os.path.exists(name):
        # a second pass over an opened APNG fails in Pillow, so the file is read anew
        with opened(name, READERS) as image:
            yield from _frames_of(image, os.fsdecode(name))
        return
    with reading(value) as image:
        before = image.tell()
        try:
            yield from _frames_of(image, "the animation")
        finally:
            image.seek(before)


def _frames_of(image, name: str) -> Iterator[tuple[Raster, float | None]]:
    count = getattr(image, "n_frames", 1)
    for place in range(count):
        image.seek(place)
        hold_size(image, name)
        image.load()  # only now the duration is known
        lasts = image.info.get("duration", 0)
        yield raster_of_picture(image), None if count == 1 else lasts / 1000 if lasts > 0 else USUAL_DURATION
