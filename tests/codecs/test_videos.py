"""The "VideoFrames" encoder."""

import io

import numpy as np
import pytest
from PIL import Image

from netgraph import NetDecoder, NetEncoder, NetError, NetFileError

SHADES = (10, 60, 110, 160, 210)
LASTS = (100, 50, 200, 100, 50)  # milliseconds: seen from 0, 0.1, 0.15, 0.35, 0.45 s, until 0.5 s
FRAMES = [Image.new("L", (6, 4), shade) for shade in SHADES]
CLIP = np.random.default_rng(1).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
SMALL = {"RasterSize": (6, 4), "ColorSpace": "Grayscale"}


def save(path, durations=LASTS, frames=FRAMES):
    lossless = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=list(durations), **lossless)
    return path


def shades(video):
    """Which of SHADES each frame has, -1 for black."""
    assert video.dtype == np.float32
    assert (video.reshape(len(video), -1).std(1) < 1e-6).all()
    return [-1 if shade < 1 else int(np.abs(np.array(SHADES) - shade).argmin()) for shade in video.mean((1, 2, 3)) * 255]


@pytest.fixture(params=["gif", "png", "webp"])
def path(request, tmp_path):
    return save(tmp_path / f"shades.{request.param}")


def seen_at(times):
    ends = np.cumsum(LASTS) / 1000
    return [int((ends <= time + 1e-9).sum()) for time in times]


@pytest.mark.parametrize("rate", [10, 20, 24, 5.5, 100])
@pytest.mark.parametrize("start", [0, 0.12, 0.35])
def test_frames_are_taken_when_they_are_seen(path, rate, start):
    times = np.arange(start, 0.5 - 1e-9, 1 / rate)
    encoder = NetEncoder(("VideoFrames", {**SMALL, "FrameRate": rate, "StartTime": start}))
    assert shades(encoder(path)) == seen_at(times)


def test_the_rate_of_the_file(path):
    options = {**SMALL, "FrameRate": "Inherited"}
    assert shades(NetEncoder(("VideoFrames", options))(path)) == [0, 1, 2, 3, 4]
    assert shades(NetEncoder(("VideoFrames", {**options, "StartTime": 0.12}))(path)) == [1, 2, 3, 4]
    assert shades(NetEncoder(("VideoFrames", {**options, "StartTime": 0.15}))(path)) == [2, 3, 4]
    assert shades(NetEncoder(("VideoFrames", {**options, "TargetLength": (0.35, "Seconds")}))(path)) == [0, 1, 2]
    assert shades(NetEncoder(("VideoFrames", {**options, "StartTime": 0.1, "TargetLength": (0.06, "Seconds")}))(path)) == [1, 2]
    assert shades(NetEncoder(("VideoFrames", {**options, "TargetLength": 7}))(path)) == [0, 1, 2, 3, 4, -1, -1]


def test_the_target_length(path):
    options = {**SMALL, "FrameRate": 20}
    for target, length in [(4, 4), ((0.2, "Seconds"), 4), (12, 12), ((0.6, "Seconds"), 12), ((0.001, "Seconds"), 1)]:
        encoder = NetEncoder(("VideoFrames", {**options, "TargetLength": target}))
        assert encoder.port_type().shape == (length, 1, 4, 6)
        assert shades(encoder(path)) == [*seen_at(np.arange(10) / 20), -1, -1][:length]
    assert NetEncoder(("VideoFrames", options)).port_type().shape == ("Varying", 1, 4, 6)


def test_padded_frames_are_padding_less_the_mean(path):
    encoder = NetEncoder(("VideoFrames", {**SMALL, "TargetLength": 30, "Padding": "White", "MeanImage": 0.5, "VarianceImage": 0.25}))
    assert np.allclose(encoder(path)[-1], 1)
    assert np.allclose(encoder(path)[0], (SHADES[0] / 255 - 0.5) / 0.5, atol=0.01)


def test_an_opened_animation_stays_where_it_is(path):
    encoder = NetEncoder(("VideoFrames", {**SMALL, "FrameRate": "Inherited"}))
    with Image.open(path) as image:
        image.seek(2)
        assert shades(encoder(image)) == shades(encoder(image)) == [0, 1, 2, 3, 4]
        assert image.tell() == 2


def test_an_animation_in_memory(path):
    encoder = NetEncoder(("VideoFrames", {**SMALL, "FrameRate": "Inherited"}))
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert shades(encoder(image)) == [0, 1, 2, 3, 4]
        assert image.tell() == 0


def test_a_file_without_durations_shows_each_frame_a_tenth_of_a_second(tmp_path):
    path = save(tmp_path / "still.gif", [0] * 5)
    assert shades(NetEncoder(("VideoFrames", {**SMALL, "FrameRate": 20}))(path)) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_one_image_is_one_frame(tmp_path):
    FRAMES[2].save(tmp_path / "one.png")
    encoder = NetEncoder(("VideoFrames", SMALL))
    assert shades(encoder(tmp_path / "one.png")) == [2]
    assert shades(encoder(FRAMES[2])) == [2]


def test_a_list_of_images_is_one_video_and_a_list_of_lists_several():
    encoder = NetEncoder(("VideoFrames", {"RasterSize": (6, 4)}))
    frames = [Image.fromarray(frame) for frame in CLIP]
    want = np.moveaxis(CLIP, -1, 1) / 255
    for video in (CLIP, frames, tuple(frames), list(CLIP), [frames[0], *CLIP[1:]]):
        assert np.allclose(encoder(video), want)
    assert np.allclose(encoder([frames, frames]), [want, want])
    assert np.allclose(encoder(np.stack([CLIP, CLIP])), [want, want])
    several = encoder([frames, CLIP[:2]])
    assert [len(video) for video in several] == [5, 2]
    assert np.allclose(encoder([CLIP[..., 0][0]])[:, 2], CLIP[:1, ..., 0] / 255)


def test_a_list_of_files_is_several_videos(tmp_path):
    encoder = NetEncoder(("VideoFrames", {**SMALL, "FrameRate": "Inherited"}))
    paths = [save(tmp_path / "a.gif"), save(tmp_path / "b.gif", LASTS[:2], FRAMES[:2])]
    assert [shades(video) for video in encoder(paths)] == [[0, 1, 2, 3, 4], [0, 1]]


@pytest.mark.parametrize("rate, start, left", [(8, 0, 5), (8, 0.25, 3), (8, 0.3, 3), ("Inherited", 2 / 24, 3), ("Inherited", 0.05, 4)])
def test_images_in_a_list_have_the_rate_of_the_encoder(rate, start, left):
    encoder = NetEncoder(("VideoFrames", {**SMALL, "FrameRate": rate, "StartTime": start}))
    assert shades(encoder(FRAMES)) == [0, 1, 2, 3, 4][5 - left :]


@pytest.mark.parametrize("levels", [("Channels", "Time", "Height", "Width"), ("Width", "Height", "Channels", "Time")])
def test_levels(levels):
    encoder = NetEncoder(("VideoFrames", {"RasterSize": (6, 4), "TargetLength": 5, "Levels": levels}))
    plain = encoder.replaced(Levels=("Time", "Channels", "Height", "Width"))(CLIP)
    order = [("Time", "Channels", "Height", "Width").index(level) for level in levels]
    assert encoder.port_type().shape == tuple(plain.shape[axis] for axis in order)
    assert np.array_equal(encoder(CLIP), plain.transpose(order))


def test_parameters_of_one_video(path):
    encoder = NetEncoder(("VideoFrames", {**SMALL, "FrameRate": 20}))
    assert np.array_equal(encoder((path, {"StartTime": 0.2})), encoder.replaced(StartTime=0.2)(path))
    assert shades(encoder((path, {"FrameRate": "Inherited"}))) == [0, 1, 2, 3, 4]
    assert len(encoder((path, {"TargetLength": 3}))) == 3
    assert [len(video) for video in encoder([path, (FRAMES, {"StartTime": 0.05})])] == [10, 4]
    with pytest.raises(NetError, match=r"give the type real \(Varying, 1, 2, 2\), not real \(Varying, 1, 4, 6\)$"):
        encoder((path, {"RasterSize": 2}))
    with pytest.raises(NetError, match=r"give the type real \(Varying, 1, 4, 6\), not real \(3, 1, 4, 6\)$"):
        encoder.replaced(TargetLength=3)((path, {"TargetLength": (1, "Seconds"), "FrameRate": "Inherited"}))
    with pytest.raises(NetError, match='has no parameter "Start"'):
        encoder((path, {"Start": 1}))


def test_pictures_are_made_as_by_image():
    options = {
        "ColorSpace": "HSB",
        "Method": "Fit",
        "Resampling": "Cubic",
        "Alignment": "Top",
        "Padding": "red",
        "MeanImage": (0.1, 0.2, 0.3),
    }
    image, video = NetEncoder(("Image", (9, 9), options)), NetEncoder(("VideoFrames", {"RasterSize": 9, **options}))
    assert np.array_equal(video(CLIP), image(CLIP))


def fault(video, **options):
    with pytest.raises(NetError) as told:
        NetEncoder(("VideoFrames", {**SMALL, **options}))(video)
    return told.value


def test_wrong_videos(tmp_path, path):
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    told = fault(tmp_path / "a.mp4")
    assert isinstance(told, NetFileError)
    assert str(told) == f"{tmp_path}/a.mp4: no image or animation that Pillow knows; give other videos as a list of their frames"
    assert str(fault(path, StartTime=2)).endswith(": StartTime is 2 s, the video ends at 0.5 s")
    assert "wants a list of images, the path of an animation" in str(fault(CLIP[0]))
    assert "the list of examples is empty" in str(fault([]))
    path.write_bytes(path.read_bytes()[:30])
    assert isinstance(fault(path), NetFileError)


def test_a_small_file_cannot_ask_for_any_number_of_frames(tmp_path, monkeypatch):
    path = save(tmp_path / "long.gif", [655350] * 5)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 24 * 1000)
    told = fault(path)
    assert isinstance(told, NetFileError)
    assert str(told) == f"{path}: 15,729 frames or more of 6 x 4 pixels\n  try: TargetLength=..."
    assert len(NetEncoder(("VideoFrames", {**SMALL, "TargetLength": 1200}))(path)) == 1200


@pytest.mark.parametrize(
    "options, message",
    [
        ({"FrameRate": 0}, "FrameRate wants a number of frames per second, or \"Inherited\", got 0"),
        ({"StartTime": -1}, "StartTime wants a number from 0, got -1"),
        ({"TargetLength": (3, "Frames")}, "TargetLength wants a number of frames, (t, \"Seconds\") or Automatic, got (3, 'Frames')"),
        ({"Levels": ("Time",)}, "Levels wants Time, Channels, Height, Width in some order, or Automatic, got ('Time',)"),
        ({"RasterSize": (1, 2, 3)}, "RasterSize wants a size in pixels or a tuple of 2, got (1, 2, 3)"),
    ],
)  # fmt: skip
def test_wrong_parameters(options, message):
    with pytest.raises(NetError) as told:
        NetEncoder(("VideoFrames", options))
    assert str(told.value) == f'NetEncoder "VideoFrames": {message}'


def test_there_is_no_decoder_of_videos():
    with pytest.raises(NetError, match=r'^there is no decoder that belongs to NetEncoder "VideoFrames"$'):
        NetDecoder(NetEncoder("VideoFrames"))
