"""Colour spaces against colorsys, LittleCMS and the formulas of the CIE."""

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

from netgraph import NetEncoder
from netgraph.codecs.images.colour_spaces import CHANNELS, SIGNED, converted
from tests.codecs.photos import COLOURS, PHOTO, SAME, close, first


@pytest.mark.parametrize("space", list(CHANNELS))
@given(rgb=arrays(np.float64, (4, 3), elements=st.floats(0, 1)))
def test_colours_come_back(space, rgb):
    there = converted(rgb, "RGB", space)
    assert there.shape == (4, CHANNELS[space])
    assert space in SIGNED or (there.min() >= 0 and there.max() <= 1 + 1e-6)
    if space != "Grayscale":
        assert np.allclose(converted(there, space, "RGB"), rgb, rtol=0, atol=1e-6)


def test_gray_by_the_weights_of_bt_601():
    assert np.allclose(converted(COLOURS, "RGB", "Grayscale")[:, 0], COLOURS @ [0.299, 0.587, 0.114])
    assert np.abs(NetEncoder((*SAME, {"ColorSpace": "Grayscale"}))(PHOTO) - first(PHOTO.convert("L"))).max() < 0.51 / 255
    assert np.array_equal(NetEncoder(SAME)(PHOTO.convert("L"))[0], NetEncoder(SAME)(PHOTO.convert("L"))[2])


def test_hsb_is_that_of_colorsys():
    assert np.allclose(converted(COLOURS, "RGB", "HSB"), [colorsys.rgb_to_hsv(*colour) for colour in COLOURS])


def test_cmyk_takes_out_the_black():
    assert np.allclose(converted(np.array([0.6, 0.4, 0.2]), "RGB", "CMYK"), [0, 1 / 3, 2 / 3, 0.4])
    assert converted(np.zeros(3), "RGB", "CMYK").tolist() == [0, 0, 0, 1]


def test_white_is_d50():
    assert np.allclose(converted(np.ones(3), "RGB", "XYZ"), [0.9642, 1, 0.8252], atol=1e-4)
    assert np.allclose(converted(np.ones(3), "RGB", "LAB"), [1, 0, 0])
    assert np.allclose(converted(np.ones(3), "RGB", "LUV"), [1, 0, 0])
    assert np.allclose(converted(np.zeros(3), "RGB", "LUV"), 0)


def test_lab_is_that_of_littlecms():
    lab = ImageCms.profileToProfile(PHOTO, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB")
    theirs = np.asarray(lab).astype(np.float64)
    ours = np.moveaxis(NetEncoder((*SAME, {"ColorSpace": "LAB"}))(PHOTO), 0, -1)
    assert np.abs(ours[..., 0] - theirs[..., 0] / 255).max() < 0.005
    assert np.abs(ours[..., 1:] * 100 - theirs[..., 1:].astype(np.uint8).view(np.int8)).max() < 1.5
    assert np.abs(NetEncoder(SAME)(lab) - first(PHOTO)).mean() < 0.005


def luv_of(rgb):
    """CIE 1976 L*u*v*, one colour, from XYZ as the CIE writes it."""
    x, y, z = converted(np.array(rgb), "RGB", "XYZ")
    white = converted(np.ones(3), "RGB", "XYZ")
    lightness = 116 * (y / white[1]) ** (1 / 3) - 16 if y / white[1] > (6 / 29) ** 3 else (29 / 3) ** 3 * y / white[1]
    place, target = (np.array([4 * a, 9 * b]) / (a + 15 * b + 3 * c) for a, b, c in ((x, y, z), white))
    return [lightness, *(13 * lightness * (place - target))]


def test_luv_is_a_hundredth_of_the_usual_numbers():
    for colour in COLOURS[1:]:
        assert np.allclose(100 * converted(colour, "RGB", "LUV"), luv_of(colour))


def test_pictures_in_other_colour_spaces():
    lab = Image.merge("LAB", [Image.new("L", (2, 1), value) for value in (255, 128, 128)])
    assert close(NetEncoder(("Image", (2, 1)))(lab), np.ones((3, 1, 2)))
    assert close(NetEncoder(("Image", (2, 1), {"ColorSpace": "LAB"}))(lab), np.array([1.0, 0, 0])[:, None, None] * np.ones((3, 1, 2)))
    inks = np.array([[[255, 0, 51, 102]]], dtype=np.uint8)
    cmyk = Image.frombytes("CMYK", (1, 1), inks.tobytes())
    assert close(NetEncoder(("Image", 1, {"ColorSpace": "CMYK"}))(cmyk), first(inks))
    assert close(NetEncoder(("Image", 1))(cmyk), np.array([0, 0.6, 0.48])[:, None, None])
