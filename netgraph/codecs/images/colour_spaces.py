"""Colour spaces, by formula: numbers in, numbers out, the channels along the last axis.

RGB is sRGB, all in [0, 1]. The CIE spaces have the white point D50; LAB and LUV are a hundredth of their usual numbers, so that lightness
is in [0, 1]. CMYK takes as much black out as there is. These are the numbers of Wolfram's ColorConvert.
"""

import numpy as np

CHANNELS = {"RGB": 3, "Grayscale": 1, "HSB": 3, "CMYK": 4, "LAB": 3, "XYZ": 3, "LUV": 3}
"""The colour spaces, and how many channels each has."""

SIGNED = ("LAB", "LUV")
"""The spaces with channels that are also negative."""

# linear sRGB to XYZ, Bradford-adapted from D65 to D50; Lindbloom, RGB/XYZ matrices
TO_XYZ = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
FROM_XYZ = np.linalg.inv(TO_XYZ)
WHITE = TO_XYZ.sum(1)
EDGE = 6 / 29
U_WHITE, V_WHITE = np.array([4 * WHITE[0], 9 * WHITE[1]]) / (WHITE @ [1, 15, 3])


def has_channels(space: str) -> str:
    """For messages: "RGB has 3 channels"."""
    return f"{space} has {CHANNELS[space]} channel{'s' if CHANNELS[space] > 1 else ''}"


def converted(pixels: np.ndarray, source: str, target: str) -> np.ndarray:
    """Pixels of one colour space in another; the same array where both are one.

    >>> converted(np.array([1.0, 0.0, 0.0]), "RGB", "HSB")
    array([0., 1., 1.])
    """
    if source == target:
        return pixels
    rgb = pixels if source == "RGB" else FROM[source](pixels).astype(pixels.dtype, copy=False)
    return rgb if target == "RGB" else TO[target](rgb).astype(pixels.dtype, copy=False)


def _to_gray(rgb):
    # ITU-R BT.601, as Pillow and Wolfram weigh
    return (rgb[..., 0:1] * 299 + rgb[..., 1:2] * 587 + rgb[..., 2:3] * 114) / 1000


def _from_gray(gray):
    return np.repeat(gray, 3, -1)


def _to_hsb(rgb):
    red, green, blue = np.moveaxis(rgb, -1, 0)
    most, least = rgb.max(-1), rgb.min(-1)
    range_ = most - least
    safe = np.where(range_ > 0, range_, 1)
    sixths = np.select([most == red, most == green], [(green - blue) / safe % 6, (blue - red) / safe + 2], (red - green) / safe + 4)
    return np.stack([np.where(range_ > 0, sixths / 6, 0), range_ / np.where(most > 0, most, 1), most], -1)


def _from_hsb(hsb):
    hue, saturation, brightness = np.moveaxis(hsb, -1, 0)
    places = (np.array([5, 3, 1], dtype=hsb.dtype) + hue[..., None] * 6) % 6
    depth = np.clip(np.minimum(places, 4 - places), 0, 1)
    return brightness[..., None] * (1 - saturation[..., None] * depth)


def _to_cmyk(rgb):
    black = 1 - rgb.max(-1, keepdims=True)
    inks = (1 - rgb - black) / np.where(black < 1, 1 - black, 1)
    return np.concatenate([inks, black], -1)


def _from_cmyk(cmyk):
    return (1 - cmyk[..., :3]) * (1 - cmyk[..., 3:])


def _to_xyz(rgb):
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0.04045) + 0.055) / 1.055) ** 2.4)
    return linear @ TO_XYZ.T.astype(rgb.dtype)


def _from_xyz(xyz):
    # what is no colour of sRGB is cut off
    linear = np.clip(xyz @ FROM_XYZ.T.astype(xyz.dtype), 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def _root(share):
    return np.where(share > EDGE**3, np.cbrt(share), share / (3 * EDGE**2) + 4 / 29)


def _cube(root):
    return np.where(root > EDGE, root**3, (root - 4 / 29) * (3 * EDGE**2))


def _to_lab(rgb):
    x, y, z = np.moveaxis(_root(_to_xyz(rgb) / WHITE), -1, 0)
    return np.stack([1.16 * y - 0.16, 5 * (x - y), 2 * (y - z)], -1)


def _from_lab(lab):
    lightness, a, b = np.moveaxis(lab, -1, 0)
    y = (lightness + 0.16) / 1.16
    return _from_xyz(_cube(np.stack([y + a / 5, y, y - b / 2], -1)) * WHITE)


def _to_luv(rgb):
    xyz = _to_xyz(rgb)
    x, y = xyz[..., 0], xyz[..., 1]
    lightness, total = 1.16 * _root(y) - 0.16, xyz @ np.array([1, 15, 3])
    safe = np.where(total > 0, total, 1)
    u, v = np.where(total > 0, 4 * x / safe, U_WHITE), np.where(total > 0, 9 * y / safe, V_WHITE)
    return np.stack([lightness, 13 * lightness * (u - U_WHITE), 13 * lightness * (v - V_WHITE)], -1)


def _from_luv(luv):
    lightness, u, v = np.moveaxis(luv, -1, 0)
    safe = np.where(lightness > 0, 13 * lightness, 1)
    u, v = u / safe + U_WHITE, v / safe + V_WHITE
    y = np.where(lightness > 0, _cube((lightness + 0.16) / 1.16), 0)
    # chromaticities that no light has would divide by zero
    v = np.maximum(v, 1e-3)
    return _from_xyz(np.stack([y * 9 * u / (4 * v), y, y * (12 - 3 * u - 20 * v) / (4 * v)], -1))


TO = {"Grayscale": _to_gray, "HSB": _to_hsb, "CMYK": _to_cmyk, "XYZ": _to_xyz, "LAB": _to_lab, "LUV": _to_luv}
FROM = {"Grayscale": _from_gray, "HSB": _from_hsb, "CMYK": _from_cmyk, "XYZ": _from_xyz, "LAB": _from_lab, "LUV": _from_luv}
