"""Three machines from one start: layers that belong together, dreams, and figures with their errors."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.energy import deep
from dashboard.scenes.energy.deep import Deeper, answer, figures, run, scene, start_of, told
from genmodels.store import cache
from tests.scenes.reading import layer, readouts

AS_IT_OPENS = Deeper()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_all_three_begin_with_the_same_pixels():
    for start in deep.STARTS:
        config = replace(AS_IT_OPENS, deep_start=start)
        for name in deep.MACHINES:
            assert np.array_equal(run(name, start, 0).ink[0], start_of(config))
    assert start_of(replace(AS_IT_OPENS, deep_start="white")).sum() == 0
    assert start_of(AS_IT_OPENS).mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("name", deep.BESIDE)
def test_pixels_are_drawn_from_the_layer_above_them(name):
    """p of ink is that of the shown h¹; and h¹ fits the shown h², on average."""
    went, arrays = run(name, "coins", 0), cache.arrays(name)
    below = cache.arrays("rbm-digits" if name == "dbn-digits" else name)
    w = below["rbm.weight" if name == "dbn-digits" else "lower.weight"].astype(float)
    middle, top = went.layers
    p = sigmoid(middle[1:] @ w.T + below["visible.bias"])
    assert went.ink[1:] == pytest.approx(p, abs=1e-4)
    if name == "dbn-digits":
        of_middle = sigmoid(top[1:] @ arrays["top.weight"].astype(float).T + arrays["middle.bias"])
        assert middle[1:].mean() == pytest.approx(of_middle.mean(), abs=0.01)
        assert ((middle[1:] == 1) == (of_middle > 0.5)).mean() > 0.8


def test_layers_are_those_of_the_chain_chosen():
    drawn = scene(replace(AS_IT_OPENS, deep_layers="dbm-digits", deep_chain=4))
    went = run("dbm-digits", "coins", 0)
    for name, rows, side in (("h²", went.layers[1], 16), ("h¹", went.layers[0], 16), ("x", went.ink, 28)):
        pixels = layer(drawn, name).pixels[:, 0, 1:-1, 1:-1] / 255
        assert pixels == pytest.approx(rows[:, 3].reshape(-1, side, side), abs=0.003)
    assert "DBM, chain 4" in [panel.title for panel in drawn.panels]


def test_dreams_look_like_digits_to_the_classifier_in_the_end_but_so_do_coins():
    found = readouts(scene(AS_IT_OPENS))
    for called in deep.MACHINES.values():
        sure = found[f"{called}: classifier's mean p"]
        assert sure[0] > 0.99, "it is sure of tossed coins"
        assert sure[-5:].mean() > 0.8


def test_the_second_layer_saves_less_than_2_nats_beyond_learning_on():
    """What the prediction calls right, and what stands under it."""
    found = figures()
    assert found["RBM"].nats < found["where all began"].nats - 2
    assert max(found[called].less for called in ("DBN", "DBM")) < 2
    for called in ("DBN", "DBM"):
        assert found[called].itself < found[called].nats, "the bound is above"
        assert found["RBM"].nats - found[called].itself < 2
    changed = max(abs(found[called].less) for called in ("DBN", "DBM"))
    gap = found["RBM"].nats - cache.load("rbm-further").entry.metrics["train_nats"]
    assert gap > 5 * changed, "the gap to what was learned is far more"
    assert f"{gap:.1f} less than a test digit" in answer()


def test_what_is_less_than_two_errors_is_told_as_no_difference():
    """Errors: of both log Z, and of 500 images, each compared with itself."""
    rbm, dbm = (-cache.arrays(name)["test_log_prob"].astype(float) for name in ("rbm-further", "dbm-digits"))
    errors = [cache.load(name).entry.metrics["log_z_error_nats"] for name in ("rbm-further", "dbm-digits")]
    expected = np.sqrt(np.var(rbm - dbm, ddof=1) / 500 + sum(error**2 for error in errors))
    found = figures()["DBM"]
    itself = cache.load("dbm-digits").entry.metrics["itself_nats"]
    assert found.less == pytest.approx(rbm.mean() - itself)
    assert found.less_error == pytest.approx(expected)
    for called in ("DBN", "DBM"):
        clear = abs(figures()[called].less) > 2 * figures()[called].less_error
        assert (f"The {called} has" in told()) == clear
        assert (f"The {called} and the RBM differ" in told()) != clear
        way = "less" if figures()[called].itself < figures()["RBM"].nats else "more"
        assert not clear or f"nats {way} than the RBM" in told().split(f"The {called} has")[1][:40]


def test_bounds_are_marked_and_bars_hold_their_points():
    drawn = scene(AS_IT_OPENS)
    bounds, bars = layer(drawn, "bound").xy, drawn.panels[-1].layers[0].xy
    assert bounds[:, 1].tolist() == [1, 0]
    assert (bars[:, 0, 0] < bars[:, 1, 0]).all()
    assert bars.mean(axis=1)[2:] == pytest.approx(bounds)
    words = [text for each in drawn.panels[-1].layers for text in getattr(each, "texts", ())]
    assert [text.startswith("≤") for text in words] == [False, False, True, True]
    assert drawn.panels[-1].y_names[0] == "DBM"
