"""The page on flows under AppTest."""

import pytest
import torch

from dashboard.scenes.flows import change
from tests.pages.controls import healthy, shown_config, shown_run
from tests.scenes.test_flows_one import best_of

torch.set_num_threads(1)  # as in the app


def has_picture(app) -> bool:
    return "_runs" in app.session_state and "flows.player" in app.session_state["_runs"]


def test_the_first_cue_bends_a_bell(open_page):
    app = open_page("flows")
    assert healthy(app)
    assert not app.warning
    assert shown_run(app, "flows").last_readouts()["mass in x"] == pytest.approx(19.717, abs=0.01)


BENDS = {
    "": "is not 8 numbers",
    "garbage": "is not 8 numbers",
    "1,2,3": "is not 8 numbers",
    "inf,0,1,1,2,2,3,3": "is not 8 numbers",
    "-9,-9,-1,-1,1,1,2,2": "beyond",
    "-2,-2,-1,-1,1,-1.5,2,2": "do not rise",
    "-2,-2,-1,-1,1,1,2,2": "",
}


@pytest.mark.parametrize("bend", BENDS)
def test_a_curve_in_a_link_is_drawn_or_gets_a_sentence(open_page, bend):
    app = open_page("flows", **{"flows.bend": bend})
    assert healthy(app)
    assert len(app.warning) == bool(BENDS[bend])
    assert has_picture(app) != bool(BENDS[bend])
    if BENDS[bend]:
        assert BENDS[bend] in app.warning[0].value


def test_marks_beyond_the_picture_are_ignored_with_a_note(open_page):
    app = open_page("flows", **{"flows.mark_a": "7", "flows.mark_b": "nan"})
    assert healthy(app)
    assert "flows.mark_a=7" in app.info[0].value
    assert shown_config(app, "flows").marks() == change.Config().marks()


@pytest.mark.parametrize("solved", [False, True])
def test_the_challenge_checks_itself(open_page, solved):
    bend = best_of(0).bend if solved else change.START
    app = open_page("flows", **{"flows.bend": bend, "flows.match": "true"})
    app.button(key="flows.challenge.check").click().run()
    assert healthy(app)
    assert bool(app.success) == solved
    told = (app.success or app.info)[0].value
    assert f"= {change.kl(change.Config(bend=bend)):.3f} nats" in told
    assert f"{shown_run(app, 'flows').last_readouts()['KL(dashed ‖ yours)']:.3f}" in told


def test_the_formula_has_the_numbers_under_the_hand(open_page):
    app = open_page("flows", **{"flows.mark_a": "0"})
    assert any("z=0.000" in formula.value and "0.3989" in formula.value for formula in app.latex)


@pytest.mark.parametrize("use", ["A detector of strangers", "Many dimensions"])
def test_both_uses_have_their_words(open_page, use):
    app = open_page("flows", **{"flows.cue": "used", "flows.use": use})
    assert healthy(app)
    assert not app.warning
    words = " ".join(word.value for word in app.markdown)
    assert ("Neyman" in words) == (use != "Many dimensions")
    assert ("Even grey" in words) == (use == "Many dimensions")
    boxes = {box.key for box in app.selectbox}
    assert ("flows.strangers" in boxes) == (use != "Many dimensions")
