"""A covered digit: what the hand does to the cover, and what the answers make of it."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.inverse import mask
from tests.scenes.reading import dragged, layer, painted, readouts

CONFIG = mask.Covered()
PAINTED = mask.Covered(cover="painted")


def under(*places: tuple[float, float]) -> mask.Covered:
    """Covered where a brush was."""
    return replace(PAINTED, strokes=painted(places, mask.BOARD))


def test_a_corner_goes_where_it_is_dragged_to_whole_pixels():
    now = mask.after_drag(CONFIG, dragged(mask.scene(CONFIG), "opposite corner", (20.3, 9.6)))
    assert (now.b_1, now.b_2) == (20, 10)
    assert (now.a_1, now.a_2) == (CONFIG.a_1, CONFIG.a_2)
    assert now.box() == (3, 20, 10, 25)


def test_corners_may_cross_and_meet():
    crossed = replace(CONFIG, a_1=CONFIG.b_1, a_2=CONFIG.b_2, b_1=CONFIG.a_1, b_2=CONFIG.a_2)
    assert crossed.box() == CONFIG.box()
    for at in (0.0, 13.0, 28.0):
        met = replace(CONFIG, a_1=at, a_2=at, b_1=at, b_2=at)
        assert (~met.seen()).sum() == 1
        mask.scene(met)


def test_a_corner_dragged_out_stays_on_the_picture():
    now = mask.after_drag(CONFIG, dragged(mask.scene(CONFIG), "one corner", (-50, 90)))
    assert (now.a_1, now.a_2) == (0, 28)


def test_what_is_covered_is_not_looked_at():
    one = mask._answers(CONFIG)
    x = mask.binary_digit(CONFIG.index())
    pictures = mask.cache.made(mask._prior, "vae-conditional").pictures
    other = np.where(CONFIG.seen(), x, 1 - x)
    again = np.bincount(np.arange(4000) // 400, pictures.given(other, CONFIG.seen()))
    assert one.classes == pytest.approx(again)


def test_seen_pixels_stay_and_covered_ones_differ():
    found, seen = mask._answers(CONFIG), CONFIG.seen()
    assert np.ptp(found.x[:, seen], axis=0).max() == 0
    assert np.ptp(found.x[:, ~seen], axis=0).max() > 0.5


def test_the_upper_half_of_a_four_may_be_a_nine():
    told = {name: values[-1] for name, values in readouts(mask.scene(CONFIG)).items()}
    assert 30 < told["p(a 4 | part)"] < 90
    assert told["PSNR: their mean"] > told["PSNR: an answer"]


def test_nothing_seen_leaves_the_prior():
    found = mask._answers(replace(CONFIG, a_1=0.0, a_2=0.0, b_1=28.0, b_2=28.0))
    assert found.classes == pytest.approx(np.full(10, 0.1))
    assert np.isnan(found.missed).all()


@pytest.mark.parametrize("drawn", [False, True])
def test_the_mean_errs_least_and_the_answers_keep_more_digits_than_wiener(drawn):
    configs = [
        mask.Covered(digit, nth, drawn=drawn, a_1=0.0, a_2=28.0, b_1=28.0, b_2=14.0)
        for digit in range(10)
        for nth in range(1, 6)
    ]
    told = [{name: values[-1] for name, values in readouts(mask.scene(config)).items()} for config in configs]
    mean = {
        who: np.mean([one[name.format(config.digit)] for one, config in zip(told, configs, strict=True)])
        for who, name in {
            "answers": "CNN: answers that are right",
            "wiener": "CNN, p(a {}): Wiener",
            "truth": "CNN, p(a {}): truth",
        }.items()
    }
    assert mean["truth"] > mean["answers"] > mean["wiener"]
    assert all(one["PSNR: their mean"] >= one["PSNR: an answer"] for one in told)


def test_drawn_pixels_are_ink_or_paper():
    assert set(np.unique(mask._answers(replace(CONFIG, drawn=True)).x)) == {0, 1}


def test_answers_come_one_by_one_and_the_truth_last():
    scene = mask.scene(CONFIG)
    there = layer(scene, "answers").pixels.any(axis=(2, 3)).sum(axis=1)
    assert there.tolist() == [*range(10), 9]
    cover = layer(scene, "cover").xy
    assert np.isnan(cover[-1]).all()
    assert np.isfinite(cover[:-1]).all()
    assert layer(scene, "truth now").visible is False


def test_the_challenge_can_be_won():
    assert mask.still_seen(CONFIG) > mask.GOAL
    assert mask.still_seen(mask.Covered(6, 9, a_1=1.0, a_2=0.0, b_1=27.0, b_2=24.0)) < mask.GOAL
    assert mask.still_seen(replace(CONFIG, a_1=0.0, a_2=0.0, b_1=28.0, b_2=28.0)) == 100


# --- a painted cover ----------------------------------------------------------------------------------------


def test_a_dot_covers_the_pixels_whose_middles_it_reaches():
    seen = under((14.0, 20.0)).seen().reshape(28, 28)
    rows, columns = np.nonzero(~seen)
    assert len(rows) == 12, "four by four without its corners"
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (6, 9, 12, 15), "row 0 is on top"


def test_a_stroke_becomes_the_cover_and_more_of_it_covers_more():
    one = mask.after_drag(PAINTED, {"painted": [[10, 10, 0]]})
    both = mask.after_drag(PAINTED, {"painted": [[10, 10, 0], [20, 10, 0]]})
    assert (~both.seen()).sum() == 2 * (~one.seen()).sum() > 0
    assert (both.seen() <= one.seen()).all()
    brush = mask.scene(both).brush
    assert np.allclose(np.array(brush.points)[:, :2], [[10, 10], [20, 10]], atol=0.02)
    assert mask.scene(both).handles == ()


def test_a_brush_outside_the_picture_stays_at_its_edge():
    far = mask.after_drag(PAINTED, {"painted": [[-1, 40, 0]]})
    assert np.flatnonzero(~far.seen()).tolist() == [0, 1, 28]


def test_nothing_painted_leaves_the_digit():
    config = under()
    scene = mask.scene(config)
    found = mask._answers(config)
    assert (found.x == mask.binary_digit(config.index())).all()
    assert {scene.captions[k] for k in scene.caption} == {"Nothing is covered: every answer is the digit itself."}
    assert np.isnan(readouts(scene)["PSNR: Wiener"]).all()
    assert np.isnan(layer(scene, "cover").xy).all()
    assert mask.code(config) == ""
    assert mask.still_seen(config) == 100


def grid(left: int, right: int, lower: int, upper: int) -> mask.Covered:
    """Dots that cover a rectangle but for the pixels in its corners."""
    return under(*((x, y) for x in range(left + 2, right - 1) for y in range(lower + 2, upper - 1)))


def test_a_painted_rectangle_is_the_rectangle_without_its_corners():
    box = replace(CONFIG, a_1=6.0, a_2=4.0, b_1=18.0, b_2=16.0).seen().reshape(28, 28)
    same = grid(6, 18, 4, 16).seen().reshape(28, 28)
    assert np.argwhere(box != same).tolist() == [[12, 6], [12, 17], [23, 6], [23, 17]]


def test_the_challenge_can_be_won_with_a_brush():
    assert mask.still_seen(replace(grid(1, 27, 0, 24), digit=6, nth=9)) < mask.GOAL
