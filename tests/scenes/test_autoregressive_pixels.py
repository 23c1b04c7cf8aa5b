"""The scenes of pixels, sound and the table of the autoregressive page."""

import io
import itertools

import numpy as np
import pytest
from scipy.io import wavfile

from dashboard.scenes.autoregressive import pixels, sound, table
from genmodels.data.digits import load_binarised_mnist
from genmodels.data.sounds import decode_mu_law
from genmodels.pixel_ar.runtime import DrawConfig, complete
from genmodels.recipes.wavenet import stage
from genmodels.store import cache
from genmodels.wavenet.runtime import ForwardWaveNet, SoundConfig, draw_sound, iterate_sound


def panel(scene, title):
    return next(panel for panel in scene.panels if panel.title == title)


def answers(config):
    return panel(pixels.scene(config), "Nine answers").layers[0].pixels[-1]


# --- pixels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("y", "rows"), [(14.2, 14), (28, 0), (1e5, 0), (1, 27), (0, 27), (-1e5, 27), (20.6, 7)])
def test_the_knob_says_how_many_rows_are_given(y, rows):
    moved = pixels.after_drag(pixels.Config("made", 3), {"handles": {"rows given": [28, y]}})
    assert moved == pixels.Config("made", 3, rows)


@pytest.mark.parametrize("at", [[np.nan, 3], ["a", 1], [1], None])
def test_a_place_of_the_knob_that_is_none_is_refused(at):
    with pytest.raises(ValueError, match="handle 'rows given'"):
        pixels.after_drag(pixels.Config(), {"handles": {"rows given": at}})


@pytest.mark.parametrize("model", ["made", "made-random"])
def test_what_is_covered_is_not_looked_at(model):
    first = answers(pixels.Config(model, 3, 0))
    np.testing.assert_array_equal(first, answers(pixels.Config(model, 400, 0)))
    assert len(np.unique(first.reshape(9, -1), axis=0)) == 9
    other = answers(pixels.Config(model, 3, 0, seed=1))
    assert (other != first).any(), "another seed draws others"


def test_in_a_random_order_as_many_pixels_are_given_but_scattered():
    known = pixels.drawn(pixels.Config("made-random", 7, 14)).known[0].reshape(28, 28)
    assert known.sum() == 392
    assert 100 < known[:14].sum() < 300


def test_the_upper_half_given_the_lower_is_refused_with_the_number_that_the_question_says():
    config = pixels.Config()
    lower = np.arange(784) >= 392
    x = load_binarised_mnist().test.images[[7]].reshape(1, 784)
    with pytest.raises(ValueError, match=r"2\^392"):
        complete(pixels.model_of(config), x, lower, DrawConfig(1))


def test_the_field_of_a_corner_is_cut_and_nothing_comes_after_the_end():
    first, inside, none = pixels.reach(np.array([0, 14 * 28 + 14, -1]), 11)
    assert np.ptp(first[:3, 1]) == 0, "no rows above the first"
    assert inside.tolist() == [[3, 25], [26, 25], [26, 14], [14, 14], [14, 13], [3, 13]]
    assert np.isnan(none).all()


def test_what_the_page_says_of_a_digits_cost_is_a_part_of_the_sum():
    said = pixels.sentences(pixels.Config("made", 7, 0))[0]
    assert said.split("digit's ")[1].split(" ")[0] == said.split("cost ")[1].split(",")[0], "all, if nothing is given"


# --- sound --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "at"), [(0.5, 4000), (-1, 0), (1e4, 15760), (1.99, 15760)])
def test_the_knob_says_where_one_looks(x, at):
    moved = sound.after_drag(sound.Config(kind="chirp"), {"handles": {"look here": [x, 0]}})
    assert moved == sound.Config(kind="chirp", at=at)


@pytest.mark.parametrize("name", sound.STAGES)
def test_one_hears_what_one_sees(name):
    config = sound.Config(name, "pluck", 2)
    rate, heard = wavfile.read(io.BytesIO(sound.wav(config)))
    shown = panel(sound.scene(config), "Two seconds").layers[0].xy[0]
    assert (rate, len(heard), heard.dtype) == (8000, 16000, np.int16)
    np.testing.assert_allclose(heard / 32767, shown[:, 1], atol=1 / 32767)


def test_the_four_are_four_and_the_takes_differ():
    kinds = [sound.levels(sound.Config("end", kind, take)) for kind in sound.KINDS for take in (1, 2, 3)]
    stages = [sound.levels(sound.Config(name)) for name in sound.STAGES]
    for group in (kinds, stages):
        assert all((a != b).mean() > 0.1 for a, b in itertools.combinations(group, 2))


@pytest.mark.parametrize("name", ["start", "early", "end"])
def test_the_recording_begins_as_the_seed_draws_it(name):
    network = ForwardWaveNet(stage(cache.arrays("wavenet"), name))
    config = SoundConfig((0, 0, 0, 1, 1, 1, 2, 2, 2), 16000, every=60, seed=0)
    first = next(itertools.islice(iterate_sound(network, config), 1, None)).levels
    recorded = cache.arrays("wavenet-sounds")[name][:60].T.astype(int)
    assert (np.abs(recorded - first) <= 1).mean() > 0.99, "but where rounding decides"


def test_what_is_drawn_anew_is_the_kind_asked_for_with_the_seed(monkeypatch):
    monkeypatch.setattr(sound, "LENGTH", 500)
    told = []
    file = sound.draw_anew("chirp", 5, lambda share, text: told.append(share))
    expected = draw_sound(sound.network("end"), SoundConfig((2,), 500, seed=5)).levels[0]
    np.testing.assert_allclose(wavfile.read(io.BytesIO(file))[1] / 32767, decode_mu_law(expected), atol=1 / 32767)
    assert told == [0, 0.4, 0.8, 1]


# --- the table ----------------------------------------------------------------------------------------------


def test_the_mixture_of_one_is_what_the_store_says_of_coins():
    coins = next(entry for entry in table.entries("digits") if entry.name == "coins")
    assert coins.nats == pytest.approx(cache.load("pixel-mixture").entry.metrics["coins_test_nats"])


@pytest.mark.parametrize("what", table.WHAT)
def test_no_model_is_dearer_than_knowing_nothing(what):
    first, *others = table.entries(what)
    assert all(entry.nats < first.nats for entry in others)
    assert all(entry.bound == entry.name.startswith("VAE") for entry in others)
