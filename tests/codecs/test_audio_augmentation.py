"""Augmentation of sounds: what is drawn, what it does, that it is there in training only."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import soundfile

from netgraph import NetEncoder, NetError
from netgraph.codecs.sounds.amounts import check_amount, draw_amount

SOUND = np.random.default_rng(3).normal(size=500).astype(np.float32) * 0.1
RESPONSE = np.array([1, 0, 0.5, 0, 0, -0.25], dtype=np.float32)


def encoder(change, **parameters):
    return NetEncoder(("Audio", {"SampleRate": 1000, "Augmentation": change, **parameters}))


def source(seed=0):
    return np.random.default_rng(seed)


def made(change, sound=SOUND, seed=0, **parameters):
    return encoder(change, **parameters)(sound, source(seed))[:, 0]


def test_it_is_there_in_training_only():
    change = {"Noise": 0.1, "Volume": 3, "TimeShift": 0.1, "Convolution": RESPONSE}
    assert np.array_equal(encoder(change)(SOUND)[:, 0], SOUND)
    assert not np.array_equal(made(change), SOUND)
    assert np.array_equal(made(change), made(change))
    assert not np.array_equal(made(change), made(change, seed=1))
    assert encoder(change).random
    assert not encoder(None).random and not encoder({"Noise": None}).random
    assert encoder({"Noise": None}) == encoder(None) == encoder({})


def test_each_sound_draws_anew():
    several = encoder({"Volume": (0.5, 1.5)})([SOUND, SOUND], source())
    assert not np.array_equal(several[0], several[1])


def test_volume():
    assert np.allclose(made({"Volume": 2}), 2 * SOUND)
    factors = [float(made({"Volume": (0.5, 2)}, np.ones(1), seed)[0]) for seed in range(300)]
    assert 0.5 <= min(factors) < 0.55 and 1.95 < max(factors) <= 2


def test_noise():
    added = made({"Noise": 0.1}, np.zeros(100_000))
    assert added.std() == pytest.approx(0.1, rel=0.02) and abs(added.mean()) < 0.002
    assert scipy.stats.kstest(added / 0.1, "norm").pvalue > 0.01
    assert np.allclose(made({"Noise": 0.1}) - SOUND, made({"Noise": 0.1}, np.zeros(500)), atol=1e-6)
    assert np.abs(made({"Noise": 0.1}, np.zeros(3), TargetLength=500)[400:]).max() > 0.05


def test_recorded_noise():
    recording = np.arange(1, 8, dtype=np.float32)
    starts = set()
    for seed in range(40):
        added = made({"Noise": (0.5, recording)}, np.zeros(20), seed)
        start = int(added[0] * 2) - 1
        starts.add(start)
        assert added.tolist() == [0.5 * ((start + place) % 7 + 1) for place in range(20)]
    assert starts == set(range(7))
    assert np.array_equal(made({"Noise": recording}), made({"Noise": (1, recording)}))


def test_time_shift():
    sound = np.arange(1, 6, dtype=np.float32)
    assert made({"TimeShift": 0.002}, sound).tolist() == [0, 0, 1, 2, 3]
    assert made({"TimeShift": -0.002}, sound).tolist() == [3, 4, 5, 0, 0]
    assert made({"TimeShift": 9}, sound).tolist() == [0] * 5 == made({"TimeShift": -9}, sound).tolist()
    assert made({"TimeShift": -0.002}, sound, TargetLength=3).tolist() == [3, 4, 5]  # what is there comes in
    assert made({"TimeShift": 0.002}, sound, TargetLength=8).tolist() == [0, 0, 1, 2, 3, 4, 5, 0]


def test_convolution():
    wanted = np.convolve(SOUND, RESPONSE)[:500]
    assert np.allclose(made({"Convolution": RESPONSE}), wanted, atol=1e-6)
    assert np.allclose(made({"Convolution": (0.25, RESPONSE)}), 0.75 * SOUND + 0.25 * wanted, atol=1e-6)
    assert np.allclose(made({"Convolution": (RESPONSE, 1000)}), wanted, atol=1e-6)
    longer = source().normal(size=900).astype(np.float32)
    assert np.allclose(made({"Convolution": longer}), np.convolve(SOUND, longer)[:500], atol=1e-5)
    shares = [1 - made({"Convolution": (("Normal", 0.5, 5), np.zeros(1))}, np.ones(1), seed)[0] for seed in range(50)]
    assert (min(shares), max(shares)) == (0, 1)


def test_the_response_of_a_file(tmp_path):
    path = tmp_path / "room.wav"
    soundfile.write(path, RESPONSE, 1000, subtype="FLOAT")
    by_path = encoder({"Convolution": path})
    path.unlink()
    assert by_path == encoder({"Convolution": (RESPONSE, 1000)})
    assert np.array_equal(by_path(SOUND, source()), encoder({"Convolution": RESPONSE})(SOUND, source()))
    with pytest.raises(NetError) as told:
        encoder({"Convolution": path})
    assert str(told.value) == f'NetEncoder "Audio": Augmentation "Convolution" wants a sound: there is no file {str(path)!r}'


@pytest.mark.parametrize("rate", [1000, 2000, 4400])
def test_a_response_of_another_rate_does_the_same(rate):
    tone = np.sin(2 * np.pi * 50 * np.arange(500) / 1000)
    response = np.zeros(rate // 10)
    response[rate // 50] = 0.5  # an echo after 20 milliseconds, of half the height
    heard = encoder({"Convolution": (response, rate)})(tone, source())[:, 0]
    assert np.allclose(heard[100:], 0.5 * tone[80:-20], atol=5e-3)


def test_the_order_is_fixed():
    one = {"Volume": 2, "Noise": (1, np.ones(1)), "Convolution": np.array([3.0]), "TimeShift": 0.001}
    assert encoder(one) == encoder(dict(reversed(one.items()))) == encoder(list(one.items()))
    assert made(one, np.array([1.0, 5.0])).tolist() == [2, 8]


def test_the_level_is_set_before():
    assert np.allclose(made({"Volume": 0.5}, Normalization="Max"), 0.5 * SOUND / np.abs(SOUND).max())


def test_spectra_of_augmented_sounds():
    spec = ("AudioSpectrogram", {"SampleRate": 1000, "TargetLength": 12, "Augmentation": {"Volume": 2, "TimeShift": (-0.1, 0.1)}})
    assert NetEncoder(spec)(SOUND, source()).shape == (12, 13)
    plain = ("AudioSpectrogram", {"SampleRate": 1000, "Augmentation": {"Volume": 2}})
    assert np.allclose(NetEncoder(plain)(SOUND, source()), 2 * NetEncoder(plain)(SOUND), rtol=1e-5)


def test_it_is_a_value():
    change = {"Convolution": ((0.1, 0.9), RESPONSE), "Noise": ("Exponential", 10)}
    one = encoder(change)
    assert one == encoder(change) and hash(one) == hash(encoder(change))
    assert one.replaced() == one
    assert one != encoder({**change, "Convolution": ((0.1, 0.9), RESPONSE * 2)})
    assert NetEncoder(("Audio", dict(one.parameters))) == one


@pytest.mark.parametrize(
    "amount, theirs",
    [
        ((2, 5), scipy.stats.uniform(2, 3)),
        (("Uniform", (-1, 1)), scipy.stats.uniform(-1, 2)),
        (("Normal", 3, 2), scipy.stats.norm(3, 2)),
        (("LogNormal", 0.5, 0.25), scipy.stats.lognorm(0.25, scale=np.exp(0.5))),
        (("Exponential", 4), scipy.stats.expon(scale=0.25)),
        (("Gamma", 2, 3), scipy.stats.gamma(2, scale=3)),
    ],
)
def test_distributions(amount, theirs):
    kept, numbers = check_amount(amount), source()
    assert check_amount(kept) == kept
    assert scipy.stats.kstest([draw_amount(kept, numbers) for _ in range(2000)], theirs.cdf).pvalue > 0.01


@pytest.mark.parametrize(
    "change, message",
    [
        ({"Echo": 1}, 'has no "Echo", known: "TimeShift", "Convolution", "Noise", "Volume"'),
        ([("Noise", 1), ("Noise", 2)], 'has "Noise" twice'),
        (3, 'wants a dict such as {"Noise": 0.01, "Volume": (0.5, 1.5)}, or None, got 3'),
        ({"Noise": "loud.wav"}, '"Noise" wants a path as a Path, not as text: Path(\'loud.wav\')'),
        ({"Noise": (0.1, "loud.wav")}, '"Noise" wants a path as a Path, not as text: Path(\'loud.wav\')'),
        ({"Convolution": "room.wav"}, '"Convolution" wants a path as a Path, not as text: Path(\'room.wav\')'),
        ({"Convolution": (0.1, "room.wav")}, '"Convolution" wants a path as a Path, not as text: Path(\'room.wav\')'),
        ({"Noise": Path("loud.wav")}, '"Noise" wants a sound: there is no file \'loud.wav\''),
        (
            {"Volume": True},
            '"Volume" wants a number, bounds (low, high) or a distribution such as ("Normal", mean, deviation), got True',
        ),
        ({"Volume": (2, 1)}, '"Volume" wants bounds (low, high), got (2, 1)'),
        ({"Volume": ("Uniform", (2, float("inf")))}, '"Volume" wants bounds (low, high), got (2, inf)'),
        ({"Volume": ("Norml", 2, 1)}, '"Volume" knows no distribution "Norml", did you mean "Normal"'),
        ({"Volume": ("Normal", 2, 0)}, '"Volume" wants ("Normal", mean, deviation), got (\'Normal\', 2, 0)'),
        ({"Volume": ("Normal", 2)}, '"Volume" wants ("Normal", mean, deviation), got (\'Normal\', 2)'),
        ({"Convolution": (1.5, RESPONSE)}, '"Convolution" wants a share of what is convolved from 0 to 1, got 1.5'),
        ({"Convolution": 3}, '"Convolution" wants an impulse response (a Path, (samples, rate) or an array of samples), or (share, imp'),
        ({"Convolution": np.array([np.nan])}, '"Convolution" wants a sound: the sound has samples that are no numbers'),
    ],
)  # fmt: skip
def test_wrong_augmentation(change, message):
    with pytest.raises(NetError) as told:
        encoder(change)
    assert str(told.value).startswith(f'NetEncoder "Audio": Augmentation {message}')
