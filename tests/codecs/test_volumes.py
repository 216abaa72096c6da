"""The "Image3D" encoder and decoder."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from netgraph import NetDecoder, NetEncoder, NetError, NetFileError
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType

RANDOM = np.random.default_rng(3)
VOLUME = RANDOM.integers(0, 256, (6, 9, 12, 3), dtype=np.uint8)  # height, depth, width, channels
GRAY = ("Image3D", (4, 3, 2), {"ColorSpace": "Grayscale"})


def along(values, length, resampling=Image.Resampling.BILINEAR):
    """Numbers resampled to another length by Pillow, as an image of one row."""
    row = Image.fromarray(np.asarray(values, dtype=np.float32)[None])
    return np.asarray(row.resize((length, 1), resampling))[0]


def save_pages(path, volume):
    pages = [Image.fromarray(page) for page in volume]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def test_the_default_is_128_cubed_in_rgb():
    assert NetEncoder("Image3D").port_type() == PortType(REAL, (3, 128, 128, 128))
    assert NetEncoder("Image3D")(np.zeros((2, 2, 2), dtype=np.uint8)).shape == (3, 128, 128, 128)


def test_the_size_is_width_depth_height_and_the_array_the_other_way():
    array = NetEncoder(("Image3D", (12, 9, 6)))(VOLUME)
    assert array.dtype == np.float32
    assert np.allclose(array, np.moveaxis(VOLUME, -1, 0) / 255)
    last = NetEncoder(("Image3D", (12, 9, 6), {"Interleaving": True}))
    assert last.port_type().shape == (6, 9, 12, 3)
    assert np.allclose(last(VOLUME), VOLUME / 255)


@pytest.mark.parametrize("name", ["Automatic", "Nearest", "Bicubic", "Lanczos"])
def test_resampling_is_that_of_pillow_along_each_axis(name):
    options = {} if name == "Automatic" else {"Resampling": name}
    which = Image.Resampling.BILINEAR if name == "Automatic" else Image.Resampling[name.upper()]
    encoder = NetEncoder(("Image3D", (7, 5, 4), {**options, "ColorSpace": "Grayscale"}))
    volume = VOLUME[..., 0]
    want = volume / 255
    for axis, length in ((2, 7), (1, 5), (0, 4)):
        want = np.apply_along_axis(along, axis, want, length, which)
    assert np.allclose(encoder(volume)[0], want, atol=1e-5)


@pytest.mark.parametrize(
    "alignment, place",
    [("Center", 1), ("Top", 0), ("Bottom", 2), (("Center", "Center", 1), 0), (("Center", "Center", -1), 2)],
)
def test_fit_pads_above_and_below(alignment, place):
    encoder = NetEncoder(("Image3D", (4, 4, 4), {"Method": "Fit", "Alignment": alignment, "Padding": "White"}))
    array = encoder(np.zeros((2, 4, 4), dtype=np.uint8))
    assert [slab.max() for slab in array.swapaxes(0, 1)] == [0.0 if place <= level < place + 2 else 1.0 for level in range(4)]


@pytest.mark.parametrize("alignment, rows", [("Back", [0, 1]), ("Front", [2, 3]), (("Left", "Front", "Top"), [2, 3]), ("Center", [1, 2])])
def test_fill_crops_the_depth(alignment, rows):
    volume = np.broadcast_to(np.arange(4, dtype=np.uint8)[None, :, None], (2, 4, 2))
    encoder = NetEncoder(("Image3D", 2, {"Method": "Fill", "Alignment": alignment, "ColorSpace": "Grayscale"}))
    assert np.allclose(encoder(volume)[0, 0, :, 0] * 255, rows)


def test_mean_and_variance():
    options = {"MeanImage": VOLUME, "VarianceImage": (0.25, 1, 4), "Interleaving": True}
    encoder = NetEncoder(("Image3D", (12, 9, 6), options))
    assert np.allclose(encoder(VOLUME), 0)
    assert np.allclose(encoder(np.zeros_like(VOLUME)), -(VOLUME / 255) / [0.5, 1, 2], atol=1e-6)
    message = r"MeanImage wants shape \(height, depth, width\) or \(height, depth, width, 1\), got \(3, 4\)$"
    with pytest.raises(NetError, match=message):
        NetEncoder((*GRAY[:2], {"ColorSpace": "Grayscale", "MeanImage": np.zeros((3, 4))}))


@pytest.mark.parametrize("raw", [VOLUME, VOLUME.astype(np.uint16) * 257, VOLUME[..., 0], VOLUME[..., :1], VOLUME[..., 0] > 9], ids=str)
def test_raw_arrays(raw):
    white = {"uint8": 255, "uint16": 65535, "bool": 1}[raw.dtype.name]
    voxels = np.broadcast_to(raw if raw.ndim == 4 else raw[..., None], (6, 9, 12, 3))
    assert np.allclose(NetEncoder(("Image3D", (12, 9, 6)))(raw), np.moveaxis(voxels / white, -1, 0))


def test_transparency_is_left_out():
    clear = np.concatenate([VOLUME, VOLUME[..., :1]], -1)
    assert np.array_equal(NetEncoder(("Image3D", 4))(clear), NetEncoder(("Image3D", 4))(VOLUME))


def test_an_array_of_volumes_is_a_batch():
    encoder = NetEncoder(GRAY)
    several = RANDOM.integers(0, 256, (3, 2, 3, 5), dtype=np.uint8)
    assert np.array_equal(encoder(several), np.stack([encoder(volume) for volume in several]))


@pytest.mark.parametrize("method", ["Stretch", "Fit", "Fill"])
@pytest.mark.parametrize("volume", [VOLUME, VOLUME[..., 0], VOLUME[:1]], ids=["colour", "gray", "page"])
def test_a_file_of_pages_is_their_volume(tmp_path, method, volume):
    path = save_pages(tmp_path / "a.tiff", volume)
    encoder = NetEncoder(("Image3D", (7, 5, 4), {"Method": method}))
    assert np.allclose(encoder(path), encoder(volume), atol=1e-6)
    assert np.allclose(encoder([str(path)]), encoder([volume]), atol=1e-6)


def fault(path):
    with pytest.raises(NetFileError) as told:
        NetEncoder(GRAY)(path)
    return str(told.value).replace(str(path), "FILE")


def test_files_that_are_wrong(tmp_path, monkeypatch):
    assert fault(tmp_path / "none.tiff") == "FILE: no such file or directory"
    path = save_pages(tmp_path / "sizes.tiff", [VOLUME[0], VOLUME[0, :4]])
    assert fault(path) == "FILE: page 0 has 12 x 9 pixels, page 1 has 12 x 4"
    path = save_pages(tmp_path / "cut.tiff", VOLUME)
    path.write_bytes(path.read_bytes()[:900])
    assert fault(path).startswith("FILE: the image cannot be read: ")
    path = save_pages(tmp_path / "many.tiff", np.zeros((40, 2, 2), dtype=np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    assert fault(path) == "FILE: the file has 40 pages\n  try: PIL.Image.MAX_IMAGE_PIXELS = ..., if you trust the file"


def test_what_is_no_volume_is_refused():
    for wrong in (np.zeros((2, 3, 4)), np.zeros((2, 3), dtype=np.uint8), Image.new("L", (3, 3)), [Image.new("L", (3, 3))]):
        with pytest.raises(NetError, match="wants the path of a file of pages, or an array of uint8, uint16 or bool of shape"):
            NetEncoder(GRAY)(wrong)
    with pytest.raises(NetError, match=r"a volume of shape \(0, 3, 4\)$"):
        NetEncoder(GRAY)(np.zeros((0, 3, 4), dtype=np.uint8))
    message = 'NetEncoder "Image3D": Alignment wants one of "Center", "Left", "Right", "Front", "Back", "Bottom", "Top", or 3 of them'
    with pytest.raises(NetError) as told:
        NetEncoder(("Image3D", 4, {"Alignment": ("Left", "Top")}))
    assert str(told.value).startswith(message)


@given(voxels=arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3, st.sampled_from([1, 3]))), interleaving=st.booleans())
def test_volumes_come_back(voxels, interleaving):
    height, depth, width, channels = voxels.shape
    options = {"ColorSpace": "RGB" if channels == 3 else "Grayscale", "Interleaving": interleaving, "MeanImage": 0.3, "VarianceImage": 0.1}
    encoder = NetEncoder(("Image3D", (width, depth, height), options))
    decoder = NetDecoder(encoder)
    back = decoder(encoder(voxels))
    assert back.dtype == np.uint8
    assert back.shape == (voxels.shape if channels == 3 else voxels.shape[:3])
    assert np.array_equal(back.reshape(voxels.shape), voxels)
    assert decoder.partner(encoder.port_type()) == encoder


def test_a_decoder_does_not_know_the_size():
    with pytest.raises(NetError) as told:
        NetDecoder("Image3D").partner()
    assert str(told.value) == (
        'NetDecoder("Image3D") does not say the size of volumes\n  try: NetEncoder(("Image3D", (width, depth, height)))'
    )
