"""Images in files: what they are read as, and what is wrong with them."""

import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageOps

from netgraph import File, NetEncoder, NetError, NetFileError

RANDOM = np.random.default_rng(5)
PIXELS = RANDOM.integers(0, 256, (30, 50, 3), dtype=np.uint8)
PHOTO = Image.fromarray(PIXELS)
SAME = ("Image", (50, 30))


def first(pixels):
    array = np.asarray(pixels, dtype=np.float64) / 255
    return np.moveaxis(array if array.ndim == 3 else array[..., None], -1, 0)


def close(got, want, tolerance=1e-6):
    return got.dtype == np.float32 and np.allclose(got, want, rtol=0, atol=tolerance)


def test_files(tmp_path):
    encoder, path = NetEncoder(SAME), tmp_path / "photo.png"
    PHOTO.save(path)
    for way in (path, str(path), File(path)):
        assert np.array_equal(encoder(way), encoder(PHOTO))
    assert np.array_equal(encoder([str(path), path]), encoder([PHOTO, PHOTO]))
    assert np.array_equal(encoder(np.array([str(path)])), encoder([PHOTO]))


def test_the_first_frame_is_the_image(tmp_path):
    frames = [Image.new("L", (4, 4), shade) for shade in (50, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert close(NetEncoder(("Image", 4, {"ColorSpace": "Grayscale"}))(tmp_path / "a.gif"), np.full((1, 4, 4), 50 / 255))


@pytest.mark.parametrize("orientation", range(1, 10))
@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_images_are_turned_upright(tmp_path, orientation, suffix):
    path, exif = tmp_path / f"turned.{suffix}", Image.Exif()
    exif[0x0112] = orientation
    PHOTO.save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        assert upright.size == ((30, 50) if 5 <= orientation <= 8 else (50, 30))
        encoder = NetEncoder(("Image", upright.size))
        assert close(encoder(path), first(upright))
        assert close(encoder(image), first(upright))


def broken(path):
    with pytest.raises(NetFileError) as told:
        NetEncoder("Image")(path)
    return str(told.value).replace(str(path), "FILE")


def test_files_that_are_not_there(tmp_path):
    assert broken(tmp_path / "none.png") == "FILE: no such file or directory"
    assert broken(tmp_path) == "FILE: is a directory"


def test_files_that_are_no_images(tmp_path):
    for name, contents in [("a.png", b""), ("b.png", b"text"), ("c.mp4", b"\0\0\0\x18ftypmp42")]:
        (tmp_path / name).write_bytes(contents)
        assert broken(tmp_path / name) == "FILE: no image that Pillow knows"
    (tmp_path / "d.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    assert broken(tmp_path / "d.eps") == "FILE: an EPS file is a program, which is not run"


def test_files_that_are_cut_off(tmp_path):
    path = tmp_path / "photo.png"
    PHOTO.save(path)
    path.write_bytes(path.read_bytes()[:2000])
    assert broken(path) == "FILE: the image cannot be read: image file is truncated"
    with Image.open(path) as image, pytest.raises(NetFileError, match="the image cannot be read: image file is truncated"):
        NetEncoder("Image")(image)


@pytest.mark.parametrize("limit, message", [(1499, "the image has 1,500 pixels, the limit is 1,499"), (700, "more than 700 pixels")])
@pytest.mark.parametrize("action", ["ignore", "error"])
@pytest.mark.filterwarnings("default")
def test_files_that_are_too_large(tmp_path, monkeypatch, limit, message, action):
    path = tmp_path / "photo.png"
    PHOTO.save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        told = broken(path)
    assert told in (
        f"FILE: the image has 1,500 pixels, the limit is {limit:,}\n  try: PIL.Image.MAX_IMAGE_PIXELS = ..., if you trust the file",
        f"FILE: the image has more than {limit:,} pixels\n  try: PIL.Image.MAX_IMAGE_PIXELS = ..., if you trust the file",
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["png", "gif", "jpeg", "webp", "tiff", "bmp"])
def test_files_with_errors_are_told_or_read(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    PHOTO.save(path)
    sound, random, told = path.read_bytes(), np.random.default_rng(1), 0
    for _ in range(60):
        damaged = bytearray(sound)
        for place in random.integers(0, min(len(sound), 300), random.integers(1, 4)):
            damaged[place] = random.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            assert NetEncoder(("Image", 8))(path).shape == (3, 8, 8)
        except NetFileError as fault:
            told += str(path) in str(fault)
    assert told


def test_threads_may_share_an_encoder_and_its_images(tmp_path):
    path = tmp_path / "photo.png"
    PHOTO.resize((400, 300)).save(path)
    encoder = NetEncoder(("Image", 20, {"MeanImage": PHOTO}))
    want = encoder(path)
    for _ in range(5):
        image = Image.open(path)
        with ThreadPoolExecutor(8) as pool:
            assert all(np.array_equal(got, want) for got in pool.map(encoder, [image, path] * 8))


def test_without_pillow(monkeypatch):
    encoder = NetEncoder(("Image", 8))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(NetError) as told:
        encoder(PIXELS)
    assert str(told.value) == "images are read by Pillow, which is not installed\n  try: pip install netgraph[image]"
