"""The first and the last cue of the page on flows: a bent bell, and what p(x) is used for."""

import numpy as np
import pytest
from scipy.optimize import minimize

from dashboard.scenes.flows import change, shell, used
from tests.scenes.reading import dragged, layer, readouts

HIDDEN_SEEDS = (0, 3)


def pulled(config, handle, place):
    return change.after_drag(config, dragged(change.scene(config), handle, place))


def test_mass_stays_whatever_is_dragged():
    config = change.Config()
    for handle, place in (("knot 2", (-0.1, -2.0)), ("knot 3", (1.2, 0.1)), ("A", (-2.0, 0)), ("B", (1.9, 0))):
        config = pulled(config, handle, place)
        numbers = readouts(change.scene(config))
        assert np.allclose(numbers["mass in x"], numbers["mass in z"], rtol=3e-3)


def test_width_and_height_answer_each_other():
    scene = change.scene(change.Config())
    width, height = (layer(scene, f"{name} ×").y for name in ("width", "height"))
    assert np.allclose(width * height, 1, rtol=1e-3)
    assert width[-1] > 2


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("way", [(9.0, 9.0), (-9.0, -9.0), (9.0, 0.0), (0.0, -9.0)])
def test_a_knot_is_held_by_its_neighbours_and_the_edge(k, way):
    config = pulled(change.Config(), f"knot {k + 1}", way)
    knots = config.knots()
    assert np.diff(knots, axis=0).min() >= change.GAP - 1e-9, "a fold"
    assert np.abs(knots).max() <= change.REACH
    others = np.delete(knots, k, axis=0)
    assert np.array_equal(others, np.delete(change.Config().knots(), k, axis=0)), "another knot moved"


def test_that_a_knot_is_held_is_said():
    free, held = change.Config(), pulled(change.Config(), "knot 2", (3.0, 3.0))
    said = [change.scene(config).captions[change.scene(config).caption[-1]] for config in (free, held)]
    assert "held by its neighbour" in said[1]
    assert "held" not in said[0]


def test_a_knot_stands_where_it_is_dragged_where_it_may():
    config = pulled(change.Config(), "knot 3", (0.6, 0.2))
    assert config.knots()[2].tolist() == [0.6, 0.2]


def test_marks_pass_each_other_and_never_meet():
    config = pulled(change.Config(), "A", (1.0, 0))
    assert config.marks() == (1.0, 0.3)
    met = pulled(change.Config(), "A", (0.29, 0))
    assert abs(met.mark_a - met.mark_b) == pytest.approx(change.NARROWEST)
    at_the_edge = pulled(change.Config(mark_b=-3.0), "A", (-3.0, 0))
    assert at_the_edge.mark_a == pytest.approx(-2.9)


@pytest.mark.parametrize(
    "bend", ["", "1,2,3", "0,0,0,0,0,0,0,0", "-2,2,-1,1,1,-1,2,-2", "nan,0,1,1,2,2,3,3", "-9,-9,0,0,1,1,2,2"]
)
def test_a_curve_in_a_link_that_cannot_be_gets_a_sentence(bend):
    with pytest.raises(ValueError, match=r"\.$"):
        change.scene(change.Config(bend=bend))


def best_of(seed: int) -> change.Config:
    """Knots found by moving them one way or another as long as the score falls."""

    def config(steps: np.ndarray) -> change.Config:
        gaps = change.GAP + np.exp(steps.reshape(2, 4)[:, 1:])
        knots = np.concatenate([steps.reshape(2, 4)[:, :1], gaps], axis=1).cumsum(axis=1).T
        return change.Config(bend=",".join(f"{v:.3f}" for v in np.clip(knots, -3, 3).ravel()), match=True, seed=seed)

    def score(steps: np.ndarray) -> float:
        try:
            return change.kl(config(steps))
        except ValueError:
            return 9.0

    z, x = change.Config().knots().T
    start = np.concatenate([[v[0], *np.log(np.diff(v) - change.GAP)] for v in (z, x)])
    for _ in range(2):  # the second time from where the first one stopped, with new steps
        start = minimize(score, start, method="Nelder-Mead", options={"maxfev": 500}).x
    return config(start)


@pytest.mark.parametrize("seed", HIDDEN_SEEDS)
def test_the_challenge_can_be_solved(seed):
    assert change.kl(change.Config(seed=seed)) > change.GOAL, "it is solved before anything is moved"
    found = best_of(seed)
    assert change.kl(found) < change.GOAL
    assert readouts(change.scene(found))["KL(dashed ‖ yours)"][-1] == pytest.approx(change.kl(found))


def test_the_score_is_zero_only_for_the_density_itself():
    hidden = change.hidden(0)
    x = np.linspace(-6, 6, 20_001)
    assert np.trapezoid(np.exp(hidden.log_prob(x)), x) == pytest.approx(1, abs=1e-6)
    assert change.kl(change.Config()) > 0


# --- used -------------------------------------------------------------------------------------------------------


def test_strangers_are_the_easier_told_the_farther_they_are():
    numbers = readouts(used.scene(used.Config()))
    area = numbers["AUC, flow"]
    assert abs(area[0] - 0.5) < 0.06
    assert area[-1] > 0.9
    assert numbers["AUC, truth"][-1] == pytest.approx(area[-1], abs=0.02)


def test_a_lower_threshold_flags_fewer_of_both():
    few, many = (readouts(used.scene(used.Config(threshold=t))) for t in (-6.0, -2.0))
    for name in ("false alarms", "strangers flagged"):
        assert (few[name] < many[name]).all()


def test_the_threshold_is_dragged_along_its_axis_and_kept_within():
    config = used.Config()
    scene = used.scene(config)
    assert used.after_drag(config, dragged(scene, "threshold", (-5.0, 3.0))).threshold == -5.0
    assert used.after_drag(config, dragged(scene, "threshold", (-99.0, 0.0))).threshold == used.LOWEST
    assert used.after_drag(config, dragged(scene, "threshold", (9.0, 0.0))).threshold == used.HIGHEST


def test_every_stranger_is_either_passed_or_flagged():
    scene = used.scene(used.Config(strangers="other"))
    passed, flagged = (np.isfinite(layer(scene, f"strangers, {how}").xy[..., 0]) for how in ("passed", "flagged"))
    assert (passed ^ flagged).all()


def test_no_draw_is_as_probable_as_the_centre_and_they_move_away():
    norms, _ = shell.draws(0)
    assert (norms > 0).all()
    assert (np.diff(norms.mean(axis=1)) > 0).all()
    assert norms[-1].min() > 25
    assert np.allclose(norms[5:].std(axis=1), np.sqrt(0.5), atol=0.06), "the shell grows no thicker"


def test_pictures_have_as_many_pixels_as_there_are_dimensions():
    scene = used.scene(used.Config(use="shell"))
    for name in ("x = 0", "draw 1", "draw 3"):
        pixels = layer(scene, name).pixels
        assert ((pixels > 0).reshape(len(pixels), -1).sum(axis=1) == shell.DIMENSIONS).all()
