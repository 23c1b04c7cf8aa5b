"""The boundaries page under AppTest."""

import pytest

from dashboard.scenes.boundaries import faster
from dashboard.scenes.boundaries.setup import BOARD, DISCRIMINATIVE, GENERATIVE, TITLES
from genmodels.classifiers import learning_curves
from genmodels.store import checkpoint
from tests.pages.controls import healthy, shown_config, shown_run
from tests.scenes.reading import painted
from tests.scenes.test_boundaries import SCENES, stored_curves

LINE = [(x / 10, x / 10) for x in range(-20, 20)]
BAD = {
    "nothing painted": [],
    "one class": [(x / 5, 1.0, 0) for x in range(-9, 9)],
    "a class with one point": [(x / 5, x % 3, 0) for x in range(-9, 9)] + [(3, 3, 1)],
    "collinear": [(x, y, int(x > 0)) for x, y in LINE],
    "all at one place": [(1, 1, k % 2) for k in range(20)],
}


def as_link(rows) -> str:
    """Points (x₁, x₂, class) as a link has them."""
    return painted([row[:2] for row in rows], BOARD, [row[2] for row in rows])


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("cue", list(SCENES))
def test_bad_points_get_one_sentence(open_page, cue, bad):
    link = {"boundaries.cue": cue, "boundaries.source": TITLES["painted"], "boundaries.painted": as_link(BAD[bad])}
    app = open_page("boundaries", **link)
    assert healthy(app)
    assert not app.warning
    layout = shown_run(app, "boundaries").layout
    assert layout["brush"] is not None, "more points can be painted"
    told = layout["captions"]
    if cue == "descend" and bad in ("a class with one point", "collinear", "all at one place"):
        return  # a logistic regression takes such points
    assert len(told) >= 1
    assert told[0].endswith(".")


def test_three_labels_in_a_cue_for_two(open_page):
    app = open_page("boundaries", **{"boundaries.cue": "prior", "boundaries.classes": "Three"})
    assert healthy(app)
    assert "two classes" in app.warning[0].value


def test_a_class_that_is_not_there(open_page):
    app = open_page("boundaries", **{"boundaries.cue": "sample", "boundaries.chosen": "class 3"})
    assert healthy(app)
    assert "no class 3" in app.warning[0].value


def test_the_curves_can_be_computed_again(open_page, monkeypatch):
    told = []

    def compute(progress):
        for share in (0.0, 0.5, 1.0):
            progress(share, "independent: …")
            told.append(share)
        return stored_curves()

    monkeypatch.setattr(learning_curves, "compute", compute)
    app = open_page("boundaries", **{"boundaries.cue": "faster"})
    app.button(key="boundaries.curves.compute").click().run()
    assert healthy(app)
    assert told == [0.0, 0.5, 1.0]
    assert any("Computed in this session" in c.value for c in app.caption)


def test_missing_curves_are_named_with_their_remedy_and_can_be_computed_all_the_same(
    open_page, monkeypatch, tmp_path
):
    curves = stored_curves()
    monkeypatch.setattr(learning_curves, "compute", lambda progress: curves)
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path)
    app = open_page("boundaries", **{"boundaries.cue": "faster"})
    assert healthy(app)
    assert "python -m genmodels.train learning-curves" in app.warning[0].value
    app.button(key="boundaries.curves.compute").click().run()
    assert healthy(app)
    assert not app.warning
    assert "boundaries.player" in app.session_state["_runs"]


def test_the_challenge_checks_itself_with_the_controls_of_the_page(open_page):
    link = {"boundaries.cue": "learn", "boundaries.source": TITLES["circles"], "boundaries.mislabelled": 20}
    app = open_page("boundaries", **link)
    app.button(key="boundaries.challenge.check").click().run()
    assert healthy(app)
    assert not app.success
    solved = {"boundaries.degree": DISCRIMINATIVE[2], "boundaries.generative": GENERATIVE["qda"]}
    app = open_page("boundaries", **link, **solved, **{"boundaries.points": 400})
    app.button(key="boundaries.challenge.check").click().run()
    assert healthy(app)
    assert app.success


def test_only_the_cue_that_speaks_of_wrong_labels_has_them(open_page):
    app = open_page("boundaries", **{"boundaries.cue": "learn", "boundaries.mislabelled": 30})
    assert shown_config(app, "boundaries").mislabelled == 30
    app.button(key="boundaries.cue.knows").click().run()
    assert shown_config(app, "boundaries").mislabelled == 0


def test_the_slider_of_a_learning_rate_is_that_of_the_model_shown(open_page):
    for model, slider, other in (
        ("Logistic regression", "rate", "adam"),
        ("A network (trained live)", "adam", "rate"),
    ):
        app = open_page("boundaries", **{"boundaries.cue": "descend", "boundaries.descend": model})
        keys = {w.key for w in app.slider}
        assert f"boundaries.{slider}" in keys
        assert f"boundaries.{other}" not in keys


def test_out_of_distribution_is_defined_where_it_is_measured(open_page):
    app = open_page("boundaries", **{"boundaries.cue": "knows"})
    said = " ".join(m.value for m in app.markdown)
    assert "**Out-of-distribution points** are here 200 points uniform over the frame" in said
    assert "stranger" not in said


def test_when_the_curves_arrive_is_computed(open_page):
    app = open_page("boundaries", **{"boundaries.cue": "faster"})
    said = " ".join(m.value for m in app.markdown)
    assert "O(log D)" in said
    assert faster.arrivals(faster.Config()) in said
