"""The scenes of the page of bounds that show stored numbers."""

import numpy as np
import pytest

from dashboard.scenes.elbo import how_sure, one_network, ours
from genmodels.store import cache
from tests.scenes.reading import layer, readouts

# --- one network


def test_a_climb_from_the_prior_passes_the_encoder_and_arrives():
    said = readouts(one_network.scene(one_network.Config()))
    climb, encoder, best = said["ELBO of q"], said["ELBO, encoder"][0], said["ELBO, best q of its own"][0]
    assert (np.diff(climb) >= 0).all()
    assert climb[0] < encoder - 50
    assert climb[-1] == pytest.approx(best, abs=0.01)
    assert encoder < best < said["log p(x)"][0]


@pytest.mark.parametrize("image", [0, 13, 47, 99])
def test_a_climb_from_the_encoder_begins_on_its_line(image):
    config = one_network.Config(image, "encoder")
    said = readouts(one_network.scene(config))
    assert said["ELBO of q"][0] == pytest.approx(said["ELBO, encoder"][0], abs=0.01)
    assert said["ELBO of q"][-1] <= said["ELBO, best q of its own"][0] + 0.01


def test_a_climb_that_ends_on_a_lower_top_says_so():
    scene = one_network.scene(one_network.Config(13))
    assert "lower top" in scene.captions[scene.caption[-1]]
    assert readouts(scene)["ELBO of q"][-1] < readouts(scene)["ELBO, best q of its own"][0] - 1


@pytest.mark.parametrize("image", [5, 47, 120, 199])
def test_the_posterior_and_both_q_are_in_the_picture(image):
    scene = one_network.scene(one_network.Config(image))
    panel = scene.panels[0]
    shown = layer(scene, "p(z | x)").values
    cell = (panel.x[1] - panel.x[0]) * (panel.y[1] - panel.y[0]) / shown.size
    assert shown.sum(dtype=float) * cell == pytest.approx(1, abs=0.02)
    for name in ("best q of its own", "encoder's q"):
        ellipse = layer(scene, name)
        reach = 2 * np.sqrt(np.diag(ellipse.covariance[0]))
        for at in (ellipse.mean[0] - reach, ellipse.mean[0] + reach):
            assert panel.x[0] < at[0] < panel.x[1]
            assert panel.y[0] < at[1] < panel.y[1]


def test_the_mean_gap_is_several_times_the_median():
    gaps = one_network.gaps_of_all()
    assert (gaps >= 0).all()
    assert np.median(gaps) == pytest.approx(2.28, abs=0.01)
    assert gaps.mean() == pytest.approx(11.06, abs=0.01)


def test_the_encoder_has_more_numbers_than_sixty_thousand_q():
    own, network = one_network.numbers()
    assert own == 240_000
    assert network == 744_004
    assert "more than that" in one_network.told()


# --- how sure


def test_what_is_said_of_the_images_is_what_is_stored():
    """The encoder's effective sample is the larger one in the median, and nats too low where it is small."""
    stored = cache.arrays(how_sure.STORED)
    below = stored["2d.exact"][:, None] - stored["2d.encoder.log_p"][:, :, -1]
    size = stored["2d.encoder.ess"][:, :, -1]
    assert np.median(size) > np.median(stored["2d.prior.ess"][:, :, -1])
    assert size[below > 1].max() < 12
    assert "In 12 of the 60 runs the encoder's is more than a nat too low, by up to 110" in how_sure.of_all()
    assert "0.03 nats below log p(x), its effective sample 137" in how_sure.of_all()
    assert "6.80 below, with 621" in how_sure.of_all()
    assert "on average 26.3 nats below the encoder's" in how_sure.of_all()


def test_with_sixteen_latents_a_few_draws_at_most_carry_the_priors_estimate():
    ess = cache.arrays(how_sure.STORED)["16d.prior.ess"][:, :, -1]
    assert ess.max() < 4
    assert "3.2 at most" in how_sure.because()


def test_the_digit_shown_first_is_one_where_the_encoder_is_nats_too_low():
    scene = how_sure.scene(how_sure.Config())
    said = readouts(scene)
    assert abs(said["prior, 2: log p̂"][-1] - said["log p(x), 2 latents"][-1]) < 0.1
    assert said["encoder, 2: log p̂"][-1] < said["log p(x), 2 latents"][-1] - 4
    assert said["encoder, 16: log p̂"][-1] > said["prior, 16: log p̂"][-1] + 20
    assert scene.captions[scene.caption[-1]] == (
        "2 latents: the prior's estimate is nearer to log p(x). 16 latents: the encoder's is higher."
    )


def test_the_side_of_log_p_on_which_an_estimate_lies_is_told():
    prior, sixteen = how_sure.told(how_sure.Config(7))
    assert "from the prior 0.04 nats below log p(x), with an effective sample of 96" in prior
    assert "from the encoder 0.06 nats above log p(x), with 468" in prior
    assert sixteen.startswith("*16 latents*: -101.3 nats from the prior, with an effective sample of 1.38; -82.3")


@pytest.mark.parametrize("image", range(how_sure.IMAGES))
def test_the_last_estimates_are_in_the_picture(image):
    scene = how_sure.scene(how_sure.Config(image))
    for panel in scene.panels[:2]:
        for name in ("prior", "encoder"):
            last = next(one for one in panel.layers if one.name == name).xy[:, -1, 1]
            assert (panel.y[0] < last).all()
            assert (last < panel.y[1]).all()


def test_what_k_draws_gain_is_what_it_says():
    assert how_sure.rise("2d") == "2 latents: L₁ = -157.7, L₅ = -154.8, L₅₀ = -152.5 nats"
    assert how_sure.rise("16d") == "16 latents: L₁ = -109.3, L₅ = -106.5, L₅₀ = -104.6 nats"
    for model in how_sure.LATENTS:
        gained = np.array([how_sure.gain(model, i) for i in range(how_sure.IMAGES)]).mean(axis=0)
        assert (np.diff(gained) > 0).all()


# --- ours


@pytest.mark.parametrize("by", ours.SCORES)
def test_bars_are_more_probable_than_digits_by_every_score(by):
    said = readouts(ours.scene(ours.Config(by)))
    areas = dict(zip(ours.FOREIGN, said["AUC"], strict=True))
    assert areas["bars"] < 0.35
    assert areas["inverted"] == areas["noise"] == 1


def test_the_surprise_in_figures():
    assert ours.surprise() == (
        "Exact log p(x), 2 latents: the mean digit has -147.5 nats, the mean bar -85.3, a blank page -71.3, which is "
        "more than 91 % of the digits have."
    )
    assert "in 87 of 100 pairs" in ours.because()


def test_each_frame_shows_and_names_its_kind():
    scene = ours.scene(ours.Config())
    these = layer(scene, "these", 0).pixels
    assert these.shape[:2] == (len(ours.FOREIGN), 12)
    for k, kind in enumerate(ours.FOREIGN):
        assert scene.captions[scene.caption[k]].startswith(ours.NAMES[kind])
        assert len(np.unique(these[k], axis=0)) > 1
