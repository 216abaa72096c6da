"""The "Image" encoder and decoder against Pillow, colorsys, LittleCMS and formulas."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageOps

from netgraph import NetDecoder, NetEncoder, NetError
from netgraph.codecs.images.colour_spaces import CHANNELS
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType
from tests.codecs.photos import PHOTO, PIXELS, SAME, close, first

RANDOM = np.random.default_rng(6)
TALL = PHOTO.transpose(Image.Transpose.ROTATE_90)


# -- sizes and layouts ---------------------------------------------------------------------------------------------------------------


def test_the_default_is_128_by_128_in_rgb():
    assert NetEncoder("Image")(PHOTO).shape == (3, 128, 128)
    assert NetEncoder("Image")["ImageSize"] == (128, 128)


def test_one_number_is_both_sides():
    assert NetEncoder(("Image", 7)) == NetEncoder(("Image", (7, 7))) != NetEncoder(("Image", (7, 8)))


@pytest.mark.parametrize(
    "interleaving, transposed, shape",
    [(False, False, (3, 2, 4)), (False, True, (3, 4, 2)), (True, False, (2, 4, 3)), (True, True, (4, 2, 3))],
)
def test_layouts(interleaving, transposed, shape):
    options = {"Interleaving": interleaving, "DataTransposed": transposed}
    encoder, plain = NetEncoder(("Image", (4, 2), options)), NetEncoder(("Image", (4, 2)))(PHOTO)
    array = encoder(PHOTO)
    assert array.shape == encoder.port_type().shape == shape
    assert array.flags.c_contiguous
    upright = array if not interleaving else np.moveaxis(array, -1, 0)
    assert np.array_equal(upright.swapaxes(1, 2) if transposed else upright, plain)
    assert NetDecoder(encoder).port_type().shape == tuple(3 if size == 3 else None for size in shape)


def test_gray_has_one_channel():
    assert NetEncoder(("Image", (4, 2), {"ColorSpace": "Grayscale"}))(PHOTO).shape == (1, 2, 4)


# -- conforming the size -------------------------------------------------------------------------------------------------------------

ALIGNMENTS = [
    ("Center", (0.5, 0.5)),
    ("Left", (0, 0.5)),
    ("Right", (1, 0.5)),
    ("Top", (0.5, 0)),
    ("Bottom", (0.5, 1)),
    (("Right", "Top"), (1, 0)),
    ((-0.5, "Center"), (0.25, 0.5)),
    ((0, 0.5), (0.5, 0.25)),
]


@pytest.mark.parametrize("alignment, centering", ALIGNMENTS)
@pytest.mark.parametrize("image", [PHOTO, TALL], ids=["wide", "tall"])
@pytest.mark.parametrize("size", [(20, 10), (13, 21), (80, 80)])
def test_fit_pads_and_fill_crops_as_pillow_does(alignment, centering, image, size):
    for method, by_pillow in [("Fit", ImageOps.pad), ("Fill", ImageOps.fit)]:
        want = by_pillow(image, size, Image.Resampling.BILINEAR, centering=centering)
        got = NetEncoder(("Image", size, {"Method": method, "Alignment": alignment}))(image)
        assert close(got, first(want))


@pytest.mark.parametrize("name", ["Nearest", "Box", "Bilinear", "Hamming", "Bicubic", "Lanczos"])
def test_filters_are_those_of_pillow(name):
    want = PHOTO.resize((17, 40), Image.Resampling[name.upper()])
    assert close(NetEncoder(("Image", (17, 40), {"Resampling": name}))(PHOTO), first(want))


def test_other_names_of_filters():
    made = {name: NetEncoder(("Image", 9, {"Resampling": name})) for name in ("Linear", "Bilinear", "Cubic", "Bicubic")}
    assert made["Linear"] == made["Bilinear"] != made["Cubic"] == made["Bicubic"]
    assert np.array_equal(NetEncoder(("Image", 9))(PHOTO), made["Linear"](PHOTO))


def test_shrinking_averages():
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (64, 32))
    array = NetEncoder(("Image", 8, {"ColorSpace": "Grayscale"}))(stripes)
    assert np.abs(array[:, 1:-1, 1:-1] - 0.5).max() < 0.01


def padded_corner(padding, **options):
    encoder = NetEncoder(("Image", (4, 4), {"Method": "Fit", "Padding": padding, **options}))
    return encoder(np.full((1, 4, 3), 128, dtype=np.uint8))[:, 0, 0]


@pytest.mark.parametrize(
    "padding, options, corner",
    [
        ("Black", {}, [0, 0, 0]),
        ("white", {}, [1, 1, 1]),
        ("#ff8000", {}, [1, 128 / 255, 0]),
        (0.25, {}, [0.25] * 3),
        ((0.1, 0.2, 0.3), {}, [0.1, 0.2, 0.3]),
        ("Red", {"ColorSpace": "HSB"}, [0, 1, 1]),
        ("Red", {"ColorSpace": "Grayscale"}, [0.299]),
        ("Black", {"ColorSpace": "CMYK"}, [0, 0, 0, 1]),
        ((0.5, -0.2, 0.3), {"ColorSpace": "LAB"}, [0.5, -0.2, 0.3]),
        ("White", {"MeanImage": 0.5, "VarianceImage": 0.25}, [1, 1, 1]),
    ],
)
def test_padding(padding, options, corner):
    assert close(padded_corner(padding, **options), corner)


# -- mean and variance ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mean", [None, 0.5, (0.1, 0.2, 0.3)], ids=str)
@pytest.mark.parametrize("variance", [None, 0.04, (0.1, 0.2, 0.3)], ids=str)
def test_the_mean_is_subtracted_then_the_root_of_the_variance_divides(mean, variance):
    got = NetEncoder((*SAME, {"MeanImage": mean, "VarianceImage": variance, "Interleaving": True}))(PHOTO)
    want = (PIXELS / 255 - (0 if mean is None else mean)) / np.sqrt(1 if variance is None else variance)
    assert close(got, want, 1e-5)


@pytest.mark.parametrize(
    "image, numbers",
    [
        (PIXELS, PIXELS / 255),
        (PHOTO, PIXELS / 255),
        (PIXELS / 255, PIXELS / 255),
        (torch.from_numpy(PIXELS / 255), PIXELS / 255),
        (PHOTO.convert("L"), np.asarray(PHOTO.convert("L"))[..., None] / 255),
        (np.full((15, 25), 0.25), 0.25),
        (PHOTO.resize((25, 15)), np.asarray(PHOTO.resize((25, 15))) / 255),
    ],
    ids=["bytes", "picture", "floats", "tensor", "gray", "smaller", "resized"],
)
def test_an_image_as_mean(image, numbers):
    got = NetEncoder((*SAME, {"MeanImage": image, "VarianceImage": np.full((30, 50), 0.25), "Interleaving": True}))(PHOTO)
    if np.shape(numbers) == (15, 25, 3):
        planes = [Image.fromarray(numbers[..., c].astype(np.float32)).resize((50, 30), Image.Resampling.BILINEAR) for c in range(3)]
        numbers = np.stack([np.asarray(plane) for plane in planes], -1)
    assert close(got, (PIXELS / 255 - numbers) / 0.5, 1e-5)


def test_images_among_the_parameters_are_values():
    one, other = (NetEncoder(("Image", 8, {"MeanImage": np.full((8, 8, 3), value)})) for value in (0.5, 0.5))
    assert one == other
    assert hash(one) == hash(other)
    assert one != NetEncoder(("Image", 8, {"MeanImage": np.full((8, 8, 3), 0.25)}))
    assert repr(one) == 'NetEncoder(("Image", (8, 8), {"MeanImage": <array of shape (8, 8, 3)>}))'


# -- raw images ----------------------------------------------------------------------------------------------------------------------

GRAY = PIXELS[..., 0]


@pytest.mark.parametrize(
    "raw, pixels",
    [
        (GRAY, GRAY),
        (GRAY[..., None], GRAY),
        (PIXELS[::-1, ::2], PIXELS[::-1, ::2]),
        (np.concatenate([PIXELS, GRAY[..., None]], -1), PIXELS),
        (GRAY > 100, (GRAY > 100) * 255),
        (GRAY.astype(np.uint16) * 257, GRAY),
        (PIXELS.astype(np.uint16) * 257, PIXELS),
        (Image.fromarray(GRAY), GRAY),
        (Image.fromarray(GRAY > 100), (GRAY > 100) * 255),
        (Image.fromarray(GRAY.astype(np.uint16) * 257), GRAY),
        (Image.fromarray(GRAY.astype(np.int32) * 257), GRAY),
        (Image.fromarray(GRAY.astype(np.float32) / 255), GRAY),
        (Image.merge("LA", [Image.fromarray(GRAY)] * 2), GRAY),
        (Image.merge("RGBA", [*PHOTO.split(), Image.fromarray(GRAY)]), PIXELS),
        (PHOTO.quantize(16), np.asarray(PHOTO.quantize(16).convert("RGB"))),
        (PHOTO.convert("YCbCr"), np.asarray(PHOTO.convert("YCbCr").convert("RGB"))),
        (PHOTO.convert("HSV"), np.asarray(PHOTO.convert("HSV").convert("RGB"))),
    ],
    ids=lambda value: f"{value.mode}" if isinstance(value, Image.Image) else f"{value.dtype}{value.ndim}",
)
def test_raw_forms(raw, pixels):
    size = np.shape(pixels)[1::-1]
    want = np.broadcast_to(first(pixels), (3, *size[::-1]))
    assert NetEncoder("Image").is_raw(raw)
    assert close(NetEncoder(("Image", size))(raw), want)
    smaller = np.moveaxis(NetEncoder(("Image", (9, 7)))(raw), 0, -1)
    by_pillow = Image.fromarray(np.asarray(pixels, dtype=np.uint8)).resize((9, 7), Image.Resampling.BILINEAR).convert("RGB")
    assert np.abs(smaller - np.asarray(by_pillow) / 255).max() < 1.01 / 255


def test_sixteen_bits_are_kept():
    deep = np.array([[256, 257]], dtype=np.uint16)
    assert np.allclose(NetEncoder(("Image", (2, 1), {"ColorSpace": "Grayscale"}))(deep) * 65535, [[[256, 257]]])


def test_a_palette_with_transparency():
    image = Image.fromarray(GRAY // 16).convert("P")
    image.info["transparency"] = bytes(range(256))
    assert close(NetEncoder(SAME)(image), np.broadcast_to(first(GRAY // 16), (3, 30, 50)))


@pytest.mark.parametrize("shape", [(5, 30, 50), (5, 30, 50, 1), (5, 30, 50, 3), (5, 30, 50, 4)])
@pytest.mark.parametrize("space", ["RGB", "Grayscale", "LAB"])
def test_an_array_of_images_is_encoded_as_each_of_them(shape, space):
    raw = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    options = {"ColorSpace": space, "MeanImage": 0.5, "VarianceImage": 0.1, "DataTransposed": True}
    for size in ((50, 30), (8, 9)):
        encoder = NetEncoder(("Image", size, options))
        batch = encoder(raw)
        assert batch.shape == (5, *encoder.port_type().shape)
        assert all(close(batch[place], encoder(raw[place])) for place in range(5))


def test_what_is_no_image_is_refused():
    encoder = NetEncoder(("Image", (4, 2)))
    with pytest.raises(NetError) as told:
        encoder(torch.zeros((3, 2, 4), dtype=torch.uint8))
    assert str(told.value) == (
        'NetEncoder(("Image", (4, 2))) wants an image of Pillow, a path, or an array of uint8, uint16 or bool of shape (height, width) or '
        "(height, width, channels), or a list of these, got a tensor of uint8 of shape (3, 2, 4)\n"
        "  real (3, 2, 4): the type of what is encoded already\n"
        "  try: channels last: numpy.moveaxis(images, -3, -1)"
    )
    for wrong in (np.zeros((3, 2, 4), dtype=np.int64), np.zeros((2, 4)), [PHOTO, None], [[PHOTO]], {"a": PHOTO}, None):
        with pytest.raises(NetError, match="wants an image of Pillow"):
            encoder(wrong)
    with pytest.raises(NetError, match=r"^an image of shape \(0, 4\)$"):
        encoder(np.zeros((0, 4), dtype=np.uint8))
    with pytest.raises(NetError, match=r"^an image of whole numbers from 0 to 70000, which are not those of 16 bits$"):
        encoder(Image.fromarray(np.array([[0, 70000]], dtype=np.int32)))


def test_encoded_and_raw_in_one_list():
    encoder = NetEncoder(("Image", (4, 2)))
    array = encoder(PHOTO)
    assert np.array_equal(encoder([PHOTO, array]), np.stack([array, array]))


# -- decoding ------------------------------------------------------------------------------------------------------------------------


@given(pixels=arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3]))), layout=st.integers(0, 3))
def test_images_come_back(pixels, layout):
    height, width, channels = pixels.shape
    options = {"ColorSpace": "RGB" if channels == 3 else "Grayscale", "Interleaving": layout % 2 == 1, "DataTransposed": layout > 1}
    encoder = NetEncoder(("Image", (width, height), {**options, "MeanImage": 0.3, "VarianceImage": 0.07}))
    decoder = NetDecoder(encoder)
    back = decoder(encoder(pixels))
    assert back.mode == ("RGB" if channels == 3 else "L")
    assert np.array_equal(np.asarray(back).reshape(pixels.shape), pixels)
    assert decoder.partner(encoder.port_type()) == encoder


@pytest.mark.parametrize("space", [space for space in CHANNELS if space not in ("RGB", "Grayscale")])
def test_other_colour_spaces_come_back_as_rgb(space):
    encoder = NetEncoder((*SAME, {"ColorSpace": space, "MeanImage": 0.2}))
    assert np.array_equal(np.asarray(NetDecoder(encoder)(encoder(PHOTO))), PIXELS)
    with np.errstate(all="raise", under="ignore"):  # colours that do not exist are cut off
        assert NetDecoder(encoder)(RANDOM.uniform(-2, 2, (CHANNELS[space], 4, 4))).size == (4, 4)


def test_a_mean_image_is_undone_at_any_size():
    decoder = NetDecoder(NetEncoder((*SAME, {"MeanImage": PHOTO})))
    assert np.array_equal(np.asarray(decoder(np.zeros((3, 30, 50)))), PIXELS)
    half = decoder(torch.zeros((3, 15, 25)))
    assert np.abs(np.asarray(half) - np.asarray(PHOTO.resize((25, 15), Image.Resampling.BILINEAR)).astype(int)).max() <= 1


def test_the_encoder_of_a_decoder_has_the_size_of_the_port():
    assert NetDecoder("Image").partner(PortType(REAL, (3, 10, 20))) == NetEncoder(("Image", (20, 10)))
    message = r'^NetDecoder\("Image"\) does not say the size of images\n  try: NetEncoder\(\("Image", \(width, height\)\)\)$'
    for port in (None, PortType(REAL, None), PortType(REAL, (3, None, 20))):
        with pytest.raises(NetError) as told:
            NetDecoder("Image").partner(port)
        assert told.match(message)


# -- parameters ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, message",
    [
        ({"ImageSize": 0}, "ImageSize wants a size in pixels or a tuple of 2, got 0"),
        ({"ImageSize": (1, 2, 3)}, "ImageSize wants a size in pixels or a tuple of 2, got (1, 2, 3)"),
        (
            {"ColorSpace": "LCH"},
            'ColorSpace wants "RGB" or "Grayscale" or "HSB" or "CMYK" or "LAB" or "XYZ" or "LUV", got \'LCH\'',
        ),
        ({"Method": "Crop"}, 'Method wants "Stretch" or "Fit" or "Fill", got \'Crop\''),
        (
            {"Resampling": "Spline"},
            "Resampling wants Automatic or one of Nearest, Box, Bilinear, Hamming, Bicubic, Lanczos, Linear, Cubic, got 'Spline'",
        ),
        (
            {"Alignment": "Middle"},
            'Alignment wants one of "Center", "Left", "Right", "Bottom", "Top", or 2 of them or of numbers from -1 to 1, got \'Middle\'',
        ),
        (
            {"Alignment": ("Top", "Left")},
            'Alignment wants one of "Center", "Left", "Right", "Bottom", "Top", or 2 of them or of numbers from -1 to 1, '
            "got ('Top', 'Left')",
        ),
        ({"Padding": "blackish"}, 'Padding wants the name of a colour of CSS, such as "white" or "#ff8000", got \'blackish\''),
        ({"Padding": None}, "Padding wants the name of a colour, a number, or a number for each channel, got None"),
        ({"MeanImage": "a.png"}, "MeanImage wants a number, a number for each channel, or an image in [0, 1], got 'a.png'"),
        ({"MeanImage": float("nan")}, "MeanImage wants finite numbers, got nan"),
        ({"VarianceImage": 0}, "VarianceImage wants variances above 0, got 0"),
        ({"Interleaving": 1}, "Interleaving wants True or False, got 1"),
    ],
)
def test_wrong_parameters(options, message):
    with pytest.raises(NetError) as told:
        NetEncoder(("Image", options))
    assert str(told.value) == f'NetEncoder "Image": {message}'


@pytest.mark.parametrize(
    "options, message",
    [
        ({"MeanImage": (0.5, 0.5)}, "MeanImage has 2 entries, RGB has 3 channels"),
        ({"Padding": (0, 0)}, "Padding has 2 entries, RGB has 3 channels"),
        ({"Padding": 128}, "Padding is from 0 to 1, got 128.0"),
        ({"MeanImage": np.zeros((3, 8, 8))}, "MeanImage wants shape (height, width) or (height, width, 3), got (3, 8, 8)"),
        ({"VarianceImage": np.ones((8, 8, 4))}, "VarianceImage wants shape (height, width) or (height, width, 3), got (8, 8, 4)"),
    ],
)
def test_parameters_that_contradict_each_other(options, message):
    with pytest.raises(NetError) as told:
        NetEncoder(("Image", options))
    assert str(told.value).endswith(f": {message}")
