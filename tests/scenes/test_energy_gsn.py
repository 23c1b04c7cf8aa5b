"""A denoiser run for ever: where chains begin, what a round is, and what noise and walk-back do to them."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.energy import gsn
from dashboard.scenes.energy.gsn import Config
from genmodels.data.digits import load_binarised_mnist
from genmodels.store import cache
from tests.scenes.reading import layer, layers, readouts


def says(scene) -> str:
    return scene.captions[scene.caption[-1]]


def end(name: str, **options) -> float:
    return readouts(gsn.scene(Config(**options)))[name][-1]


@pytest.mark.parametrize("seed", [0, 7, 50, 123])
def test_chains_begin_at_one_test_digit_of_each_class(seed):
    test = load_binarised_mnist().test
    rows = [np.flatnonzero((test.images.reshape(-1, 784) == x).all(axis=1))[0] for x in gsn.start(seed)]
    assert test.labels[rows].tolist() == list(range(10))
    assert np.array_equal(gsn.start(seed), gsn.start(seed + 50))


def test_a_round_leads_from_one_picture_over_noise_and_p_to_the_next():
    scene = gsn.scene(Config(chain=7))
    upper, lower = (one.pixels for one in scene.panels[1].layers[:2])
    x, noisy, p, drawn = upper[:, 0], upper[:, 1], lower[:, 0], lower[:, 1]
    assert np.array_equal(x[1], x[0]), "the first round starts at the digit"
    assert np.array_equal(x[2:], drawn[1:-1]), "each round goes on where the last one ended"
    for binary in (x[1:], noisy[1:], drawn[1:]):
        assert set(np.unique(binary)) == {0, 255}
    assert len(np.unique(p)) > 100
    assert not np.any([noisy[0], p[0], drawn[0]])
    sheet = layer(scene, "P(x | x̃)").pixels
    assert np.array_equal(sheet[1:, 7], p[1:])
    changed = (noisy[1:] != x[1:]).mean() * 30**2 / 28**2  # pixels of paper around are never changed
    assert changed == pytest.approx(0.15, abs=0.005), "half of the pixels that are replaced"


def test_readouts_count_what_the_dots_show():
    scene = gsn.scene(Config(noise=0.4, seed=5))
    dots = layer(scene, "class")
    classes, shown = dots.labels.reshape(101, 10), readouts(scene)
    assert dots.count[0] == 10
    assert dots.count[-1] == 1010
    assert shown["changes in 100 rounds"][-1] == pytest.approx((classes[1:] != classes[:-1]).sum() / 10)
    assert np.isnan(shown["changes in 100 rounds"][0])
    assert shown["in their first class"][0] == shown["never left it"][0] == 10
    assert (np.diff(shown["never left it"]) <= 0).all()
    assert (shown["never left it"] <= shown["in their first class"]).all()
    assert layer(scene, "time so far").height.sum(axis=1) == pytest.approx(100)
    assert layer(scene, "time so far").height[-1] == pytest.approx(np.bincount(dots.labels, minlength=10) / 10.1)
    corners = [~np.isnan(one.at[..., 0]) for one in layers(scene, "class, by the classifier")]
    assert np.array_equal(np.argmax(corners, axis=0), classes)
    assert (np.sum(corners, axis=0) == 1).all()


def test_marking_another_chain_changes_no_number():
    one, other = (readouts(gsn.scene(Config(chain=k))) for k in (0, 9))
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


@pytest.mark.parametrize("network", gsn.NETWORKS)
def test_little_noise_keeps_a_class_for_long_and_much_noise_loses_the_ink(network):
    few, many = ({"network": network, "noise": noise} for noise in (0.1, 0.7))
    assert end("changes in 100 rounds", **few) < end("changes in 100 rounds", **many) / 2
    assert end("ink", **many) < end("ink", **few) / 2
    assert "mix slowly" in says(gsn.scene(Config("gsn-walkback", 0.1)))
    assert "ink" in says(gsn.scene(Config(network, 0.7)))


def test_walk_back_keeps_digits_where_plain_denoising_loses_them():
    for seed in range(3):
        plain, back = ({"network": name, "seed": seed} for name in ("gsn-plain", "gsn-walkback"))
        assert end("classifier's mean p", **back) > end("classifier's mean p", **plain) + 0.1
    figures = {name: cache.load(name).entry.metrics for name in gsn.NETWORKS}
    assert figures["gsn-walkback"]["sure_30"] > figures["gsn-plain"]["sure_30"] + 0.1
    assert figures["gsn-walkback"]["nats"] > figures["gsn-plain"]["nats"], "it was asked for more than to denoise"


def test_the_answer_to_the_question_is_what_is_stored():
    assert 0 < cache.load("gsn-walkback").entry.metrics["kept_30"] < 0.35
    assert gsn.kept() == "3 of 20 chains end in the class where they began"
    assert cache.load("gsn-walkback").entry.config["noise"] == gsn.TRAINED == Config().noise


def test_what_is_said_of_the_network_is_of_the_one_that_is_shown():
    one, other = (gsn.told(Config(name)) for name in gsn.NETWORKS)
    assert one != other
    assert one == gsn.told(replace(Config(), noise=0.7, seed=3))
    assert [f"ν = {noise}" in one for noise in (0.1, 0.3, 0.6)] == [True] * 3
