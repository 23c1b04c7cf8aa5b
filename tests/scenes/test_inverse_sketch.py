"""A sketch noised and led back: what the pen draws, what t does to it, and what an empty board shows."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.inverse import sketch
from dashboard.scenes.pictures import BOARD
from tests.scenes.reading import painted, readouts

CONFIG = sketch.Sketched()


def ends(**changes) -> dict[str, float]:
    """Numbers at the end."""
    return {name: values[-1] for name, values in readouts(sketch.scene(replace(CONFIG, **changes))).items()}


def test_a_dot_is_drawn_where_the_pen_was():
    pixels = replace(CONFIG, sketch=painted([(25, 3)], BOARD)).pixels().reshape(14, 14)
    rows, columns = np.nonzero(pixels)
    assert np.average(columns, weights=pixels[rows, columns]) == pytest.approx(25 / 2 - 0.5, abs=0.05)
    assert np.average(rows, weights=pixels[rows, columns]) == pytest.approx(13.5 - 3 / 2, abs=0.05), "row 0 is on top"
    assert 4 * pixels.sum() == pytest.approx(np.pi * 1.25**2, rel=0.1)


def test_neighbours_of_a_stroke_are_joined_and_strokes_are_not():
    near, far = (replace(CONFIG, sketch=painted([(5, 14), (x, 14)], BOARD)).pixels().reshape(14, 14) for x in (8, 20))
    assert near[7, 3] > 0.4
    assert far[:, 4:9].max() == 0


def test_more_noise_leaves_less_of_the_sketch():
    kept = [ends(share=share)["answers: to the sketch"] for share in (0.05, 0.3, 0.6, 0.9, 1.0)]
    assert (np.diff(kept) > 0).all()
    assert kept[0] < 0.03


def test_little_noise_leaves_the_five_of_lines_and_all_of_it_makes_digits():
    little, much = ends(share=0.05), ends(share=1.0)
    assert little["CNN: same digit as the sketch"] == 100
    assert much["CNN: same digit as the sketch"] < 50
    real = much["test digits: to theirs"]
    assert little["answers: to the nearest training digit"] > 1.3 * real
    assert much["answers: to the nearest training digit"] < 1.2 * real


def test_at_t_the_answers_know_nothing_of_the_sketch():
    other = sketch.Sketched(painted([(5, 5), (7, 7)], BOARD), 1.0)
    ours = sketch._way(replace(CONFIG, share=1.0)).x[-1]
    assert np.abs(ours - sketch._way(other).x[-1]).mean() < 0.02


@pytest.mark.parametrize("asked", [0, 3])
def test_the_class_that_is_asked_for_wins_where_the_sketch_has_lost(asked):
    config = replace(CONFIG, asked=asked, share=0.95)
    says = sketch.cache.made(sketch.ForwardCNN.of, "cnn-14")(sketch._way(config).x[-1].reshape(-1, 14, 14))
    assert (says.argmax(axis=1) == asked).sum() >= 8


def test_the_chart_passes_through_what_is_shown():
    for share, judged in zip(sketch.SHARES, sketch._over_t(replace(CONFIG, share=1.0))[1:], strict=True):
        told = ends(share=float(share))
        assert told["answers: to the sketch"] == pytest.approx(judged[0])
        assert told["answers: to the nearest training digit"] == pytest.approx(judged[1])


def test_time_goes_up_to_t_and_back_to_0():
    t = readouts(sketch.scene(replace(CONFIG, share=0.45)))["t"]
    assert t[0] == t[-1] == 0
    assert t.argmax() == sketch.UP
    assert t.max() == 450
    assert (np.diff(t[: sketch.UP + 1]) > 0).all()
    assert (np.diff(t[sketch.UP :]) < 0).all()


def test_a_stroke_becomes_the_sketch():
    drawn = sketch.after_drag(CONFIG, {"painted": [[3, 4, 0], [5, 6, 0]]})
    assert np.allclose(drawn.points(), [[3, 4], [5, 6]], atol=0.02)
    assert np.allclose(np.array(sketch.scene(drawn).brush.points)[:, :2], drawn.points())
    assert (drawn.share, drawn.asked) == (CONFIG.share, CONFIG.asked)


def test_an_empty_board_says_what_to_do():
    empty = replace(CONFIG, sketch="")
    scene = sketch.scene(empty)
    assert scene.captions[0].startswith("Draw a sketch")
    assert scene.brush is not None
    assert sketch.code(empty) == ""


def test_what_is_bought_is_said_only_where_it_is():
    assert sketch.bargain(CONFIG).startswith("*Nearness to data is bought")
    digit = sketch.digits().train[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketch, "_pixels", lambda _: digit)
        assert sketch.bargain(replace(CONFIG, seed=99)).startswith("*This sketch is as near to data")
    sketch._over_t.cache_clear()
