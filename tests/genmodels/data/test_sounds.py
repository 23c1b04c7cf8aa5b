"""Sounds by code: their pitch, µ-law there and back, what is said of bad input."""

import numpy as np
import pytest

from genmodels.data.sounds import (
    FORMANTS,
    LOUDEST,
    NOISE,
    RATE,
    SCALE,
    SOUNDS,
    chirp,
    decode_mu_law,
    encode_mu_law,
    get_sound,
    get_sounds,
    pluck,
    vowel,
)


def spectrum(sound):
    return np.fft.rfftfreq(len(sound), 1 / RATE), np.abs(np.fft.rfft(sound * np.hanning(len(sound))))


@pytest.mark.parametrize("seed", range(4))
def test_a_string_hums_at_a_note_of_the_scale_and_loses_its_high_partials_first(seed):
    sound = pluck(RATE, np.random.default_rng(seed))
    frequency, power = spectrum(sound[2000:])
    low = (frequency > 100) & (frequency < 480)
    note = frequency[low][power[low].argmax()]
    assert min(abs(note / np.array(SCALE) - 1)) < 0.04 or min(abs(note / 2 / np.array(SCALE) - 1)) < 0.04
    early, late = (spectrum(part) for part in (sound[:2000], sound[-2000:]))
    share = [power[frequency > 1000].sum() / power.sum() for frequency, power in (early, late)]
    assert share[1] < share[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_vowel_is_a_voice_and_a_chirp_glides(seed):
    sound = vowel(RATE, np.random.default_rng(seed))
    lags = np.arange(RATE // 185, RATE // 88)  # one octave of pitches
    again = [np.corrcoef(sound[lag:4000], sound[: 4000 - lag])[0, 1] for lag in lags]
    assert max(again) > 0.6, "it repeats itself at its pitch"
    ends = [f[p.argmax()] for f, p in map(spectrum, np.split(chirp(RATE, np.random.default_rng(seed)), 8))]
    steps = np.diff(np.log(ends))
    assert (steps > -0.1).all() or (steps < 0.1).all()
    assert len(FORMANTS) == 5


def test_sounds_are_seeded_loud_and_fade():
    sounds, kinds = get_sounds(6, 4000, 7)
    np.testing.assert_array_equal(sounds, get_sounds(6, 4000, 7)[0])
    assert kinds.tolist() == [0, 1, 2, 0, 1, 2]
    np.testing.assert_allclose(np.abs(sounds).max(1), LOUDEST, atol=5 * NOISE)
    assert (np.abs(sounds[:, -5:]) < 0.02).all()


def test_mu_law_there_and_back():
    x = np.linspace(-1, 1, 20_001)
    levels = encode_mu_law(x)
    assert (levels.min(), levels.max(), levels.dtype) == (0, 255, np.uint8)
    assert (np.diff(levels.astype(int)) >= 0).all()
    np.testing.assert_array_equal(encode_mu_law(decode_mu_law(np.arange(256))), np.arange(256))
    np.testing.assert_allclose(decode_mu_law(np.arange(256)), -decode_mu_law(np.arange(256))[::-1])
    width = np.log(256) / 255 * 2 / 256 * (1 + 255 * np.abs(x)) / 2  # half a level, in amplitude
    assert (np.abs(decode_mu_law(levels) - x) < 1.05 * width).all()
    f = np.log(1 + 255 * 0.1) / np.log(256)
    assert encode_mu_law(np.array([0.1]))[0] == int((f + 1) * 128)
    assert encode_mu_law(np.array([-7.0, 7.0])).tolist() == [0, 255]


def test_what_cannot_be_is_said():
    for make, said in ((lambda: get_sounds(0, 5, 0), "n is 0"), (lambda: get_sounds(5, 0, 0), "length")):
        with pytest.raises(ValueError, match=said):
            make()
    with pytest.raises(ValueError, match=", ".join(SOUNDS)):
        get_sound("drum", 5, np.random.default_rng(0))
