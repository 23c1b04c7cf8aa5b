"""Inverse problems' scenes: a line that the hand holds, three answers, and samplers beside the exact one."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.inverse import line, pairs, right
from dashboard.scenes.planar import PLANE
from tests.scenes.reading import dragged, layer, readouts

CONFIG = line.Evidence()


@pytest.mark.parametrize("place", [(-2.0, 0.1), (0.0, 0.0), (1.5, -2.5)])
def test_a_shift_keeps_the_direction(place):
    now = line.after_drag(CONFIG, dragged(line.scene(CONFIG), "shift", place))
    assert now.ends()[0] == pytest.approx(place)
    way, before = now.ends()[1] - now.ends()[0], np.subtract(*CONFIG.ends()[::-1])
    assert way[0] * before[1] - way[1] * before[0] == pytest.approx(0, abs=0.02)
    assert np.hypot(*way) >= line.APART - 0.01
    assert np.abs(now.ends()).max() <= PLANE[1]


def test_a_turn_keeps_the_other_place():
    now = line.after_drag(CONFIG, dragged(line.scene(CONFIG), "turn", (0.5, -2.0)))
    assert now.ends()[0] == pytest.approx(CONFIG.ends()[0])
    assert now.ends()[1] == pytest.approx([0.5, -2.0])
    at = now.measured()
    assert [at.measurement().a @ p for p in now.ends()] == pytest.approx([at.offset] * 2)


def test_a_turn_onto_the_other_knob_leaves_a_line():
    now = line.after_drag(CONFIG, dragged(line.scene(CONFIG), "turn", CONFIG.ends()[0] + [0.01, 0.02]))
    assert np.hypot(*np.subtract(*now.ends())) == pytest.approx(line.SHORT, abs=0.01)
    line.scene(now)


@pytest.mark.parametrize("corner", [(50.0, 50.0), (-50.0, 3.0), (3.2, -3.2)])
def test_a_shift_to_the_edge_keeps_both_knobs_in_the_picture(corner):
    now = line.after_drag(CONFIG, dragged(line.scene(CONFIG), "shift", corner))
    assert np.abs(now.ends()).max() <= PLANE[1]
    assert np.hypot(*np.subtract(*now.ends())) > 1


def test_a_link_with_both_knobs_in_one_place_is_told():
    with pytest.raises(ValueError, match="drag them apart"):
        line.scene(replace(CONFIG, q_1=CONFIG.p_1, q_2=CONFIG.p_2))


def test_the_mean_of_two_lumps_is_where_nothing_lives():
    told = {name: values[-1] for name, values in readouts(line.scene(CONFIG)).items()}
    for who in ("minimum norm", "posterior mean"):
        assert told[f"log p(x): {who}"] < told["log p(x): samples so far"] - 10
    assert told["expected error²: posterior mean"] < told["expected error²: minimum norm"]
    assert told["expected error²: a sample"] == pytest.approx(2 * told["expected error²: posterior mean"])


def test_samples_fill_the_density():
    scene = line.scene(CONFIG)
    filled, curve = layer(scene, "samples", 1), layer(scene, "p(s | y)").xy[0]
    assert filled.height[0].max() == 0
    assert filled.height[-1].sum() * line.BIN == pytest.approx(1, abs=0.02)
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(1, abs=1e-3)
    expected = [np.interp(np.linspace(x - 0.1, x + 0.1, 21), *curve.T).mean() for x in filled.x]
    error = np.sqrt(np.maximum(expected, 0.02) / (line.BIN * line.SAMPLES))
    assert (np.abs(filled.height[-1] - expected) < 4 * error).all()


def test_less_noise_means_a_narrower_posterior_across_the_line():
    wide, narrow = (replace(CONFIG, sigma=s).measured() for s in (0.5, 0.1))
    a = wide.measurement().a
    assert a @ narrow.posterior().covariance @ a < a @ wide.posterior().covariance @ a


def test_exact_guidance_closes_the_gap_that_the_common_ones_have():
    told = readouts(right.scene(right.Guided()))
    least = told["300 exact samples: mean gap"][-1]
    assert told["gap of weights: exact guidance"].max() < 3 * least, "in every frame"
    assert told["gap of weights: DPS"][-1] > 10 * least
    assert told["gap of weights: replacement"][-1] > 10 * least


@pytest.mark.parametrize("strength", [0.0, 0.1, 0.5, 1.0])
def test_no_strength_of_dps_does(strength):
    told = readouts(right.scene(right.Guided(strength=strength)))
    assert told["gap of weights: DPS"][-1] > 3 * told["300 exact samples: mean gap"][-1]


def test_who_fits_best_is_not_who_is_right():
    told = {name: values[-1] for name, values in readouts(right.scene(right.Guided())).items()}
    assert told["misses y by: replacement"] == 0
    assert told["misses y by: exact guidance"] == pytest.approx(0.2, rel=0.2), "σ, nearly"


def test_repaint_has_its_name():
    scene = right.scene(right.Guided(repeats=5, count=20))
    assert [panel.title for panel in scene.panels[:3]] == ["DPS", "RePaint", "Exact guidance"]
    assert "gap of weights: RePaint" in readouts(scene)


def test_the_cycle_closes_on_the_wrong_partners_unless_it_is_helped():
    ends = {
        (helped, partner): {k: v[-1] for k, v in readouts(pairs.scene(pairs.Rings(helped, partner=partner))).items()}
        for helped in pairs.HELP
        for partner in (0, 60)
    }
    assert all(told["cycle loss"] < 0.005 for told in ends.values())
    away = {key: told["E|G(x) − partner|²"] for key, told in ends.items()}
    assert away["none", 0] == pytest.approx(2), "a right angle off"
    assert away["identity", 0] < 0.005
    assert away["identity", 60] == pytest.approx(1, abs=0.05), "it pulls away from partners that are elsewhere"
    assert away["pairs", 0] < 0.005
    assert away["pairs", 60] < 0.005
