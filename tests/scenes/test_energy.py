"""The page on energies: one well raised, walkers right and wrong, and a score that needs no Z."""

import dataclasses
import itertools

import numpy as np
import pytest

from dashboard.scenes.energy import landscape, score, walkers
from dashboard.scenes.energy.landscape import Landscape
from dashboard.scenes.energy.score import Scores
from dashboard.scenes.energy.walkers import Walkers
from genmodels.langevin.samplers import ula_variance
from tests.scenes.reading import dragged, expect_one_shape, layer, layers, readouts


def said(scene) -> str:
    """What stands under the last frame."""
    return scene.captions[scene.caption[-1]]


# --- landscape --------------------------------------------------------------------------------------------------


def test_raising_one_well_changes_p_where_e_stays():
    shown = readouts(landscape.scene(Landscape()))
    assert np.ptp(shown["E(x)"]) < 1e-6
    assert (np.diff(shown["Z"]) < 0).all()
    assert (np.diff(shown["p(x)"]) > 0).all()
    assert shown["p(x), times as before"] == pytest.approx(shown["Z"][0] / shown["Z"])
    assert shown["p(x), times as before"][-1] > 1.3


@pytest.mark.parametrize("at", [(-2.5, 2.0), (-1.6, -0.9), (0.2, 1.7), (-3.0, -3.0)])
def test_the_factor_is_the_same_wherever_e_stays(at):
    here, there = (
        readouts(landscape.scene(c))["p(x), times as before"]
        for c in (Landscape(), Landscape(at_1=at[0], at_2=at[1]))
    )
    assert here == pytest.approx(there, rel=1e-4)


def test_in_the_well_itself_p_falls():
    scene = landscape.scene(Landscape(at_1=1.5, at_2=-0.8))
    assert readouts(scene)["p(x)"][-1] < readouts(scene)["p(x)"][0]
    assert "in reach of C" in said(scene)


def test_what_is_drawn_sums_to_what_lies_in_the_picture():
    scene = landscape.scene(Landscape())
    cell = (6.4 / landscape.CELLS) ** 2
    mass = np.asarray(layer(scene, "density p(x)").values).sum(axis=(1, 2)) * cell
    assert (mass < 1).all()
    assert (mass > 0.85).all(), "the rest of the bowl is beyond the edge"


def test_a_coarse_grid_is_said_to_be_wrong():
    scene = landscape.scene(Landscape(cells=4))
    assert abs(readouts(scene)["error of Z"]).min() > 1
    assert "too coarse" in said(scene)
    assert abs(readouts(landscape.scene(Landscape()))["error of Z"]).max() < 0.01


def test_a_grid_in_many_dimensions_has_many_digits():
    shown = readouts(landscape.scene(Landscape(cells=100)))
    assert (shown["grid, d = 10"][0], shown["grid, d = 784"][0]) == (21, 1569)
    text = landscape.told(Landscape(cells=100))
    assert "10,000 values of E in two dimensions" in text
    assert "3,200 years" in text, "10²⁰ at 10⁹ a second are 10¹¹ seconds"
    assert "10¹⁵⁶⁸" in text
    assert "seconds;" in landscape.told(Landscape(cells=4))


@pytest.mark.parametrize("name", ["A", "B", "C", "x"])
def test_wells_and_the_probe_go_where_they_are_dragged_and_no_farther(name):
    config = Landscape()
    moved = landscape.after_drag(config, dragged(landscape.scene(config), name, [1.234, -9.0]))
    handle = next(h for h in landscape.scene(moved).handles if h.name == name)
    assert handle.at.tolist() == [1.23, -3.2]
    assert sum(a != b for a, b in zip(vars(moved).values(), vars(config).values(), strict=True)) == 2


def test_three_wells_in_one_place_can_be_drawn():
    scene = landscape.scene(Landscape(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, depth=5.0))
    assert all(np.isfinite(r.values).all() for r in scene.readouts)


# --- walkers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("step", [0.5, 1.0, 1.5, 3.0])
def test_ula_has_its_variance_and_mala_the_true_one(step, seed):
    """In the mean over late steps; a step's own number is as far off as its standard error says."""
    shown = readouts(walkers.scene(Walkers(walk_step=step, seed=seed)))
    assert shown["ULA by its formula"][0] == pytest.approx(1 / (1 - step / 4))
    assert shown["ULA: variance"][60:].mean() == pytest.approx(ula_variance(step), rel=0.05)
    assert shown["MALA: variance"][60:].mean() == pytest.approx(1, abs=0.06)
    assert abs(shown["ULA: variance"][-1] - ula_variance(step)) < 3.5 * shown["± its standard error"][-1]


def test_a_step_of_the_variance_gives_four_thirds():
    shown = readouts(walkers.scene(Walkers()))
    assert shown["ULA by its formula"][0] == pytest.approx(4 / 3)
    assert "1.33 σ²" in said(walkers.scene(Walkers()))


def test_larger_steps_are_refused_more_often():
    rates = [readouts(walkers.scene(Walkers(walk_step=step)))["MALA: taken"][-1] for step in (0.2, 1.0, 2.0, 4.0)]
    assert (np.diff(rates) < 0).all()
    assert rates[0] > 97


@pytest.mark.parametrize("step", [4.0, 4.5])
def test_from_four_variances_on_ula_diverges_and_it_is_said(step):
    scene = walkers.scene(Walkers(walk_step=step))
    assert "diverges" in said(scene)
    assert np.isnan(readouts(scene)["ULA by its formula"]).all()
    assert readouts(scene)["ULA: lost"][-1] == (300 if step > 4 else 0)
    assert "diverges" not in said(walkers.scene(Walkers(walk_step=3.95)))


def test_both_see_the_same_noise():
    scene = walkers.scene(Walkers(walk_step=0.1))
    left, right = (np.asarray(one.xy, dtype=float) for one in layers(scene, "300 walkers"))
    same = (left[1] == right[1]).all(axis=1)
    assert same.mean() > 0.98, "what MALA does not refuse"
    assert (left[0] == right[0]).all()


@pytest.mark.parametrize("against", ["mala", "metropolis", "hmc"])
@pytest.mark.parametrize("step", [0.3, 1.0])
def test_of_two_lumps_far_apart_nobody_crosses(against, step):
    scene = walkers.scene(Walkers("far", against, step))
    shown = [values for name, values in readouts(scene).items() if "in the right lump" in name]
    assert all((values == 0).all() for values in shown)
    assert "Nobody has crossed" in said(scene)
    assert "agree in error" in walkers.told(Walkers("far", against, step))


@pytest.mark.parametrize("seed", range(3))
def test_annealing_crosses_and_misses_the_shares(seed):
    scene = walkers.scene(Walkers("far", "annealed", seed=seed))
    right = readouts(scene)["annealed: in the right lump"]
    assert right[0] == 0
    assert 20 < right[-1] < 66
    assert "not in the right shares" in said(scene)


@pytest.mark.parametrize("against", ["mala", "metropolis", "hmc"])
def test_one_walkers_proposal_is_taken_or_crossed_out(against):
    scene = walkers.scene(Walkers(against=against, walk_step=3.0))
    x = np.asarray(layer(scene, "one of them", 1).xy)[:, 0]
    way = np.asarray(layer(scene, "its way to the proposal").xy)[:, 0]
    taken, crossed = (np.isfinite(np.asarray(layer(scene, name).xy)) for name in ("taken", "refused"))
    yes, no = taken.all(axis=(1, 2)), crossed.all(axis=(1, 2, 3))
    assert (yes ^ no).all()
    assert 0.1 < yes.mean() < 0.95
    assert way[1:, 0] == pytest.approx(x[:-1]), "from where it was"
    assert x[yes] == pytest.approx(way[yes, -1])
    assert x[1:][no[1:]] == pytest.approx(x[:-1][no[1:]])
    assert way.shape[1] == (9 if against == "hmc" else 2)


def test_a_banana_loses_walkers_of_ula_and_none_of_mala():
    scene = walkers.scene(Walkers("banana", walk_step=2.0))
    shown = readouts(scene)
    assert shown["ULA: lost"][-1] > 100
    assert "are lost" in said(scene)
    assert shown["MALA: variance"][-1] == pytest.approx(shown["truth"][0], abs=0.25)
    assert np.isfinite(np.asarray(layers(scene, "300 walkers")[1].xy)).all()


def test_lost_annealed_walkers_have_no_r_hat():
    assert "are lost" in walkers.told(Walkers("banana", "annealed", 3.0))


def test_walkers_that_never_move_have_no_r_hat():
    assert "hardly move" in said(walkers.scene(Walkers("far", "hmc", 4.5, 20)))
    assert "No walker of HMC has moved" in walkers.told(Walkers("far", "hmc", 4.5, 20))


def test_all_walkers_lost_leave_a_dash():
    shown = readouts(walkers.scene(Walkers("banana", walk_step=4.5)))
    assert np.isnan(shown["ULA: variance"][-1])
    assert shown["ULA: lost"][-1] == 300


def test_hmc_is_worth_more_than_a_random_walk():
    def worth(against: str) -> int:
        return int(
            walkers.told(Walkers(against=against, walk_step=0.3)).split("size ")[1].split("*")[0].replace(",", "")
        )

    assert worth("hmc") > 5 * worth("mala") > 5 * worth("metropolis")


@pytest.mark.parametrize("target", ["gaussian", "banana"])
@pytest.mark.parametrize("seed", range(3))
def test_the_challenge_can_be_solved_and_is_not_solved_yet(target, seed):
    config = Walkers(target, seed=seed)
    assert walkers.off(config) > walkers.GOAL
    tries = itertools.product((0.2, 0.4, 0.7), (200, 100, 50))
    assert any(
        walkers.off(dataclasses.replace(config, walk_step=step, walk_length=length)) < walkers.GOAL
        for step, length in tries
    )


def test_too_short_a_walk_and_lost_walkers_do_not_solve_it():
    assert walkers.off(Walkers("banana", walk_step=0.05, walk_length=20)) > 1
    assert walkers.off(Walkers("gaussian", walk_step=4.5)) > 5
    assert walkers.off(Walkers("far", walk_step=0.5)) > 1


# --- score ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", score.LEARNED)
@pytest.mark.parametrize("seed", range(2))
def test_the_learned_score_is_near_at_data_and_worst_where_there_are_none(source, seed):
    found = score.levels(source, seed)
    assert all(level.near < 2 for level in found)
    assert found[0].grid > 5 * found[0].near
    assert found[0].grid > found[1].grid > found[2].grid


@pytest.mark.parametrize("source", score.LEARNED)
def test_walkers_without_e_or_z_come_to_the_data(source):
    scene = score.scene(Scores(source))
    nearest = [np.asarray(one.xy) for one in layers(scene, "walkers, learned score")]
    data = Scores(source).points(500, 9)
    far = [np.linalg.norm(nearest[0][k][:, None] - data, axis=2).min(axis=1).mean() for k in (0, -1)]
    assert far[1] < 0.7 * far[0]


def test_arrows_point_uphill():
    at = score.cell_centres(score.EXTENT, score.GRID)
    data = score.RoundMixture.of(score.get_dataset("moons"))
    for level in score.levels("moons", 0):
        s, n = np.sqrt(level.alpha_bar), np.sqrt(1 - level.alpha_bar)
        ahead = at + 1e-4 * level.exact
        assert (data.log_prob(ahead, s, n) > data.log_prob(at, s, n)).mean() > 0.99


def test_the_bridge_opens_the_same_data_and_seed():
    assert score.bridge(Scores("ffjord8", seed=3)) == (
        "diffusion?diffusion.cue=guess&diffusion.source=Eight%20Gaussians&seed=3&diffusion.pin=100,300"
    )


@pytest.mark.parametrize(
    "scenes",
    [
        lambda: [score.scene(Scores(source)) for source in ("moons", "moons")],
        lambda: [walkers.scene(Walkers(walk_step=step)) for step in (1.0, 1.0)],
    ],
)
def test_scenes_are_functions_of_their_configs(scenes):
    expect_one_shape(scenes())
