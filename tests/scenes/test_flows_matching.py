"""Flow matching, and diffusion's road beside it."""

import itertools

import numpy as np
import pytest

from dashboard.scenes.flows import crowd, line, matching, place, roads
from dashboard.scenes.flows.crowd import Crowd
from dashboard.scenes.flows.roads import STEPS, STORED, VIEWS, Matching
from dashboard.scenes.planar import PLANE
from tests.scenes.reading import dragged, expect_one_shape, layer, layers, readouts


@pytest.mark.parametrize("seed", range(5))
def test_on_a_line_threads_cross_and_roads_do_not(seed):
    shown = readouts(matching.scene(Matching(seed=seed)))
    threads, along = shown["threads that have crossed"], shown["roads that have"]
    assert threads[0] == along[0] == 0
    assert (np.diff(threads) >= 0).all(), "straight threads cross once"
    assert threads[-1] > 200
    assert (along == 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_one_step_leads_to_the_mean_of_all_data(seed):
    scene = matching.scene(Matching(match_steps=1, seed=seed))
    assert np.abs(layers(scene, "xₜ")[1].xy[-1, :, 1]).max() < 1e-6
    assert "every road ends at the mean" in scene.captions[scene.caption[-1]]


@pytest.mark.parametrize(("t", "x"), [(0.0, 1.0), (0.4, 0.0), (0.5, -0.7), (0.95, 1.3), (0.95, 3.2)])
def test_the_arrow_on_the_line_is_the_mean_of_the_fan(t, x):
    scene = matching.scene(Matching(match_t=t, match_x=x))
    fan, mean = layer(scene, "where it may go"), layer(scene, "the mean: velocity").xy[0, 1, 1]
    there = np.isfinite(fan.xy[:, 1, 1])
    assert np.average(fan.xy[there, 1, 1], weights=fan.weight[there]) == pytest.approx(mean, abs=0.01)
    assert (fan.weight[~there] < 0.01).all()
    assert readouts(scene)["velocity there"][0] == pytest.approx((mean - x) / (1 - t))


def test_the_hand_stays_on_the_line_and_in_the_plane():
    on_line = Matching()
    scene = matching.scene(on_line)
    moved = matching.after_drag(on_line, dragged(scene, "x", [3.0, -9.0]))
    assert (moved.match_t, moved.match_x) == (roads.LATEST, roads.LINE[0])
    assert moved.x_1 == on_line.x_1
    in_plane = Matching(match_view="place")
    moved = matching.after_drag(in_plane, dragged(matching.scene(in_plane), "x", [9.0, -0.123]))
    assert (moved.x_1, moved.x_2, moved.match_t) == (PLANE[1], -0.12, in_plane.match_t)


@pytest.mark.parametrize("source", STORED)
def test_the_learned_velocity_is_near_the_exact_one(source):
    """In the crowd; at t = 1 points that stand for data that are no mixture pull without bound."""
    exact, learned = place._both(source, 0)
    config = Matching(source)
    x_0, x_1 = config.noise(400, 9), config.points(400, 9)
    for t in (0.1, 0.5, 0.8):
        x = (1 - t) * x_0 + t * x_1
        off = np.square(exact(x, t) - learned(x, t)).sum(axis=1).mean()
        best = np.square(exact(x, t) - (x_1 - x_0)).sum(axis=1).mean()
        assert off < (0.35 if roads.of_points(source) and t > 0.6 else 0.1) * best, t


def test_at_the_start_the_velocity_points_at_the_mean_and_at_the_end_nowhere():
    scene = matching.scene(Matching(match_view="place", x_1=1.1, x_2=-0.4))
    mean = layer(scene, "E[x₁ | xₜ]").xy[:, 0]
    np.testing.assert_allclose(mean[0], 0, atol=1e-6)
    np.testing.assert_allclose(mean[-1], [1.1, -0.4])
    assert readouts(scene)["effective number of ends"][[0, -1]] == pytest.approx([300, 1])


@pytest.mark.parametrize("source", STORED)
def test_reflow_straightens_and_one_step_is_enough(source):
    shown = readouts(matching.scene(Matching(source, match_view="reflow", match_steps=1)))
    assert shown["straightness, after reflow"][0] < 0.05 * shown["straightness, first"][0]
    spread = float(shown["W₂, true samples"][0])
    assert shown["W₂, first"][0] > 2.5 * spread
    assert shown["W₂, after reflow"][0] < 1.8 * spread


def test_both_start_from_the_same_noise():
    first, second = layers(matching.scene(Matching(match_view="reflow", match_steps=2)), "xₜ, by its start")
    np.testing.assert_array_equal(first.xy[0], second.xy[0])


@pytest.mark.parametrize("view", VIEWS)
def test_any_number_of_steps_has_the_same_frames(view):
    scenes = [matching.scene(Matching(match_view=view, match_steps=n)) for n in STEPS]
    for scene in scenes:
        assert scene.steps.tolist() == list(range(0, 101, 2))
    if view == "place":
        assert len({layers(scene, "xₜ")[0].xy.tobytes() for scene in scenes}) == 1, "the exact crowd takes no Euler"


def test_a_drag_changes_numbers_only():
    for view in ("line", "place"):
        config = Matching(match_view=view)
        other = matching.after_drag(config, dragged(matching.scene(config), "x", [0.3, 0.2]))
        assert matching.scene(other).layout() == matching.scene(config).layout() or view == "line"


# --- two roads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "seed"), itertools.product(STORED, range(2)))
def test_exact_roads_end_in_one_place(source, seed):
    scene = crowd.scene(Crowd(source, seed=seed))
    shown = readouts(scene)
    assert shown["in another lump"][0] == 0
    assert scene.captions[scene.caption[-1]].startswith("Each grain ends in the same place")
    assert layer(scene, "crowd, mean").y.max() > 0.3
    assert layer(scene, "crowd, scaled").y.max() < 0.005
    assert shown["log p, diffusion"][0] == pytest.approx(shown["log p, truth"][0], abs=0.01)
    assert shown["log p, matching"][0] == pytest.approx(shown["log p, truth"][0], abs=0.01)


@pytest.mark.parametrize("source", STORED)
def test_learned_roads_end_in_two_places(source):
    scene = crowd.scene(Crowd(source, crowd_who="learned"))
    ends = np.linalg.norm(np.subtract(*(x.xy[-1] for x in layers(scene, "xₜ, by its start"))), axis=1)
    other, says = readouts(scene)["in another lump"][0], scene.captions[scene.caption[-1]]
    assert 0.003 < ends.mean() < 0.2
    assert other < 20
    assert says.startswith(f"{other:.0f} of 200 grains" if other else "All grains end in the same lump")


def test_each_hand_moves_what_is_its_own():
    config = Crowd()
    scene = crowd.scene(config)
    start = crowd.after_drag(config, dragged(scene, "x₀", [0.3, 9.0]))
    assert (start.crowd_1, start.crowd_2, start.x_1, start.x_2) == (0.3, PLANE[1], 0.5, 0.5)
    cross = crowd.after_drag(config, dragged(scene, "x", [-1.0, 0.25]))
    assert (cross.crowd_1, cross.crowd_2, cross.x_1, cross.x_2) == (-1.1, -1.0, -1.0, 0.25)
    expect_one_shape([scene])


def test_where_there_are_no_data_the_truth_is_a_dash():
    shown = readouts(crowd.scene(Crowd("checkerboard", crowd_who="learned", x_1=3.0, x_2=3.0)))
    assert np.isnan(shown["log p, truth"][0])
    assert np.isfinite(shown["log p, matching"][0])


def test_the_line_s_data_have_mean_0():
    assert float(line.DATA.weights @ line.DATA.means[:, 0]) == 0
