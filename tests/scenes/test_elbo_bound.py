"""The page of bounds: the cues in which a Gaussian q is held over an exact posterior."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from dashboard.scenes.elbo import held, raising, reparameterise, three_ways
from dashboard.scenes.elbo.raising import Raise
from dashboard.scenes.elbo.reparameterise import Twice
from dashboard.scenes.elbo.three_ways import Ways
from genmodels.inference.bounds import elbo, kl_to_posterior
from tests.claims.shown import Shown
from tests.claims.test_captions import check, frames
from tests.scenes.reading import dragged, layer, readouts

CUES = {"raise": (raising, Raise()), "three_ways": (three_ways, Ways()), "reparameterise": (reparameterise, Twice())}


def printed(values) -> np.ndarray:
    """As whole numbers of the last digit printed."""
    return np.round(np.asarray(values) * 10**held.DIGITS).astype(int)


def random_q(rng: np.random.Generator) -> dict[str, float]:
    """Anywhere that the hand can bring it."""
    m_1, m_2 = rng.uniform(-held.REACH, held.REACH, 2).round(3)
    a, b = np.exp(rng.uniform(np.log(held.NARROWEST), np.log(held.WIDEST), 2)).round(3)
    tilt = round(float(rng.uniform(-180, 180)), 1)
    return {"held_1": float(m_1), "held_2": float(m_2), "held_a": float(a), "held_b": float(b), "held_tilt": tilt}


@pytest.mark.parametrize("x", held.XS)
@pytest.mark.parametrize("way", raising.ROUND)
def test_bound_and_gap_add_up_to_log_p_in_every_frame_to_the_digit_printed(x, way):
    rng = np.random.default_rng(0)
    for _ in range(12):
        config = Raise(x, held_round=way, **random_q(rng))
        told = readouts(raising.scene(config))
        assert (printed(told["ELBO"]) + printed(told["KL(q ‖ p)"]) == printed(told["log p(x)"])).all()
        assert np.ptp(told["log p(x)"]) == 0
        for k, q in enumerate(config.qs()):
            both = elbo(held.MODEL, config.x, q).total, kl_to_posterior(q, config.exact())
            assert sum(both) == pytest.approx(told["log p(x)"][0], abs=1e-6, rel=1e-9)
            assert both == pytest.approx((told["ELBO"][k], told["KL(q ‖ p)"][k]), abs=2.6e-5, rel=1e-9)


@pytest.mark.parametrize("x", held.XS)
def test_all_three_sums_are_the_same_in_every_frame_to_the_digit_printed(x):
    rng = np.random.default_rng(1)
    for _ in range(12):
        told = {name: printed(v) for name, v in readouts(three_ways.scene(Ways(x, **random_q(rng)))).items()}
        assert (told["energy"] + told["entropy"] == told["ELBO"]).all()
        assert (told["reconstruction"] - told["KL to the prior"] == told["ELBO"]).all()
        assert (told["log p(x)"] - told["gap"] == told["ELBO"]).all()


def test_a_sum_that_is_wrong_is_not_made_to_fit():
    one, other = held.adding_up(np.array([0.10004, 0.2]), np.array([0.20004, 0.3]), whole=np.array([0.30008, 0.6]))
    assert (printed(one) + printed(other)).tolist() == [3001, 5000]
    assert one[1] == 0.2
    assert other[1] == 0.3


@pytest.mark.parametrize("x", held.XS)
def test_the_best_gaussian_leaves_a_gap(x):
    exact, best = held.of_x(x), held.best(x)
    assert 0.3 < exact.log_evidence - best.elbo < 0.7
    assert kl_to_posterior(best.q, exact) == pytest.approx(exact.log_evidence - best.elbo, abs=1e-9)
    end = readouts(raising.scene(Raise(x)))["ELBO"][-1]
    assert end == pytest.approx(best.elbo, abs=5e-4)


def test_from_the_other_lump_it_ends_lower():
    config = Raise("lumps", held_1=-0.2, held_2=1.6, held_a=0.3, held_b=0.3)
    scene = raising.scene(config)
    assert held.best("lumps").elbo - readouts(scene)["ELBO"][-1] > 0.2
    assert "another start" in scene.captions[scene.caption[-1]]


@pytest.mark.parametrize("x", held.XS)
def test_turned_round_it_covers_and_the_bound_pays(x):
    covers, picks = (raising.scene(Raise(x, held_round=way)) for way in ("forward", "reverse"))
    of_covers, of_picks = readouts(covers), readouts(picks)
    assert (np.diff(of_covers["KL(p ‖ q)"]) < 0).all()
    assert of_covers["KL(p ‖ q)"][-1] < of_picks["KL(p ‖ q)"][-1]
    assert of_covers["ELBO"][-1] < of_picks["ELBO"][-1] - 0.3
    wide, narrow = (np.linalg.det(layer(s, "q, 1 and 2 σ").covariance[-1, 0]) for s in (covers, picks))
    assert wide > narrow


def best_by_hand(x: str) -> Raise:
    """Searched for among the places where the hand can leave q."""

    def config(v: np.ndarray) -> Raise:
        a, b = np.clip(np.exp(v[2:4]), held.NARROWEST, held.WIDEST).round(3)
        m_1, m_2 = np.clip(v[:2], -held.REACH, held.REACH).round(3)
        tilt = round(float((v[4] + 180) % 360 - 180), 1)
        return Raise(x, float(m_1), float(m_2), float(a), float(b), tilt)

    start = [0.5, -1.0, np.log(0.4), np.log(0.3), 30.0]
    return config(
        minimize(lambda v: raising.short_of_best(config(v)), start, method="Nelder-Mead", options={"maxfev": 600}).x
    )


@pytest.mark.parametrize("x", held.XS)
def test_the_challenge_can_be_solved(x):
    assert raising.short_of_best(Raise(x)) > raising.GOAL, "it is solved before anything is moved"
    assert raising.short_of_best(best_by_hand(x)) < raising.GOAL


# --- the hand -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cue", ["raise", "three_ways"])
def test_the_hand_takes_q_from_where_it_has_climbed_to(cue):
    module, config = CUES[cue]
    scene = module.scene(config)
    for frame in (0, 3, 12):
        at = {handle.name: handle.at[frame] for handle in scene.handles}
        moved = module.after_drag(config, dragged(scene, "mean", at["mean"] + [0.3, -0.2], frame))
        now = {handle.name: handle.at[0] for handle in module.scene(moved).handles}
        for name in at:
            assert now[name] == pytest.approx(at[name] + [0.3, -0.2], abs=0.005), "all of it goes along"
    assert scene.start == 0, "and what is held is shown, not where it would go"


@pytest.mark.parametrize("name", ["axis 1", "axis 2"])
def test_an_axis_is_turned_and_stretched_and_the_other_keeps_its_length(name):
    config = Raise()
    moved = raising.after_drag(
        config, dragged(raising.scene(config), name, (config.held_1 - 0.9, config.held_2 + 0.4))
    )
    kept, changed = ("held_b", "held_a") if name == "axis 1" else ("held_a", "held_b")
    assert getattr(moved, kept) == pytest.approx(getattr(config, kept), abs=1e-3)
    assert getattr(moved, changed) == pytest.approx(np.hypot(0.9, 0.4), abs=1e-3)
    assert moved.mean == config.mean


@pytest.mark.parametrize("cue", CUES)
def test_a_drag_changes_nothing_but_numbers(cue):
    module, config = CUES[cue]
    scene = module.scene(config)
    for handle in scene.handles:
        at = handle.at if handle.at.ndim == 1 else handle.at[0]
        for by in ((0.4, 0.3), (-50, 90)):
            other = module.scene(module.after_drag(config, dragged(scene, handle.name, at + by)))
            assert {k: v.shape for k, v in scene.moving()} == {k: v.shape for k, v in other.moving()}
            assert {k: v.shape for k, v in scene.still()} == {k: v.shape for k, v in other.still()}
            assert scene.layout() == other.layout()


@pytest.mark.parametrize("cue", CUES)
def test_captions_are_true_wherever_q_is_held(cue):
    module, config = CUES[cue]
    rng = np.random.default_rng(3)
    wrong = []
    for k in range(8):
        x = list(held.XS)[k % 2]
        if cue == "reparameterise":
            at = random_q(rng)
            found = Twice(x, k > 3, at["held_1"], at["held_2"], min(at["held_a"], 1.2), min(at["held_b"], 1.2), k)
        else:
            found = replace(config, held_x=x, **random_q(rng))
        scene = module.scene(found)
        wrong += [fault for frame in frames(scene) for fault in check("elbo", Shown(found, scene, frame))]
    assert not wrong


# --- reparameterise -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", held.XS)
def test_the_narrower_q_the_farther_apart_the_two_estimators(x):
    times = [
        readouts(reparameterise.scene(Twice(x, twice_a=s, twice_b=s)))["times as wide"][0] for s in (0.02, 0.1, 0.4)
    ]
    assert times[0] > 100
    assert times[0] > times[1] > times[2] > 1


@pytest.mark.parametrize("base", [False, True])
def test_both_estimators_have_the_slope_as_their_mean(base):
    """Over many seeds: the mean of all means, within three standard errors."""
    found = [reparameterise.slopes(Twice(twice_base=base, seed=seed)) for seed in range(60)]
    means = np.array([one.mean[:, -1] for one in found])
    errors = means.std(axis=0, ddof=1) / len(found) ** 0.5
    assert (np.abs(means.mean(axis=0) - found[0].exact) < 3.5 * errors).all()


def test_a_baseline_takes_spread_away():
    with_, without = (reparameterise.slopes(Twice(twice_base=base)).spread for base in (True, False))
    assert with_[0] < 0.7 * without[0]
    assert with_[1] == without[1]
