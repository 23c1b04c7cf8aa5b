"""A machine one can count: the three ways part, and without the negative phase all runs away."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.energy.count import NAMES, Counted, run, scene, turned
from tests.scenes.reading import layer, readouts

AS_IT_OPENS = Counted()


def said_last(drawn) -> str:
    return drawn.captions[drawn.caption[-1]]


def test_all_pictures_add_up_to_one_in_every_frame_whatever_the_training():
    for config in (AS_IT_OPENS, Counted("cd", 0.0), Counted("pcd", 0.5, 1.0, 3, seed=3)):
        assert readouts(scene(config))["all 512 add up to"] == pytest.approx(1)


def test_all_three_start_alike_and_the_wall_is_a_choice_of_view_only():
    drawn = {wall: scene(replace(AS_IT_OPENS, count_wall=wall)) for wall in NAMES}
    first = [readouts(one)[f"KL: {name}"][0] for one in drawn.values() for name in NAMES.values()]
    assert first == pytest.approx([first[0]] * 9)
    for name in NAMES.values():
        ways = [readouts(one)[f"KL: {name}"] for one in drawn.values()]
        assert np.array_equal(ways[0], ways[1])
        assert np.array_equal(ways[1], ways[2])
    walls = [one.panels[0].layers[0].pixels[-1] for one in drawn.values()]
    assert not np.array_equal(walls[0], walls[1])


@pytest.mark.parametrize("seed", range(3))
def test_exact_ends_nearest_and_cd_farthest_as_it_opens(seed):
    told = readouts(scene(replace(AS_IT_OPENS, seed=seed)))
    exact, cd, pcd = (told[f"KL: {NAMES[method]}"][-1] for method in ("exact", "cd", "pcd"))
    assert exact < 0.5
    assert exact < pcd < cd
    assert (np.diff(told["KL: exact gradient"]) < 0.01).all()


def test_at_a_high_rate_the_chains_are_left_behind():
    """PCD is worse than with a rate that they can follow, on average over seeds; the exact gradient is not."""
    ends = {
        rate: np.mean(
            [[run(Counted("pcd", 1.0, rate, seed=s), m).kl[20:].mean() for m in NAMES] for s in range(3)], 0
        )
        for rate in (0.5, 1.0)
    }
    exact, _, pcd = (ends[1.0] - ends[0.5]).tolist()
    assert exact < 0 < pcd


def test_cd_is_misled_most_where_the_model_has_learned():
    angle = turned(AS_IT_OPENS.training("exact"))
    assert angle[0] < 5
    assert angle[-1] > 30


@pytest.mark.parametrize("wall", list(NAMES))
def test_without_the_negative_phase_the_black_picture_takes_it_all(wall):
    drawn = scene(Counted(wall, 0.0))
    told = readouts(drawn)
    assert run(Counted(wall, 0.0), wall).p[-1, -1] > 0.99
    assert (np.diff(told["largest |w|"])[2:] > 0).all()
    assert told["KL: exact gradient"][-1] > 100 * told["KL: exact gradient"][0]
    assert said_last(drawn).startswith("Nothing pulls down")


def test_fewer_hidden_units_know_less():
    ends = [run(Counted(count_hidden=n), "exact").kl[-1] for n in (1, 4, 8)]
    assert ends[0] > ends[1] > ends[2]


def test_the_frames_are_around_the_data():
    drawn = scene(AS_IT_OPENS)
    corners = layer(drawn, "the data").xy.min(axis=1)
    wall = drawn.panels[0].layers[0].pixels[-1, 0].astype(int)
    for x, y in corners.astype(int):
        row, column = 1 + 4 * (15 - y), 1 + 4 * x
        tile = wall[row : row + 3, column : column + 3] > wall[row : row + 3, column : column + 3].max() / 2
        assert (tile == tile[:1]).all() or (tile == tile[:, :1]).all()
