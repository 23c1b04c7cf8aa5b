"""The diffusion page under AppTest."""

import shutil

import numpy as np
import pytest
import torch

from dashboard import runs
from dashboard.scenes.diffusion import CONCEPT
from dashboard.scenes.planar import BOARD, TITLES
from genmodels.store import cache, checkpoint
from tests.pages.controls import healthy, shown_config, shown_run
from tests.pages.found import cues
from tests.scenes.reading import painted
from tests.scenes.test_diffusion import POINTS

torch.set_num_threads(1)  # as in the app
OWN_CURVE = "Your own: drag the knots"
CUES = cues(CONCEPT)
NEEDS = {"guess": "moons", "backward": "moons", "copier": "moons"}
NO_NEED = ("forward", "schedule", "why")


def has_picture(app) -> bool:
    return "_runs" in app.session_state and "diffusion.player" in app.session_state["_runs"]


def test_only_one_cue_trains(open_page):
    app = open_page("diffusion")
    for cue in CUES:
        app.button(key=f"diffusion.cue.{cue}").click().run()
        assert healthy(app), (cue, app.exception)
        assert not app.warning, (cue, [w.value for w in app.warning])
        assert not app.info, (cue, [note.value for note in app.info])
        assert shown_run(app, "diffusion").live == (cue == "live")
    assert runs.workers.busy == 0, "AppTest watches nothing, so nothing trains"


IGNORED = [
    ("forward", "x_1", "nan"),
    ("guess", "x_2", "1e9"),
    ("why", "x_1", "-inf"),
    ("forward", "source", "faces"),
    ("why", "schedule", "square"),
    ("backward", "eta", "1.5"),
    ("backward", "back", "0"),
    ("copier", "n", "7"),
    ("digits", "w", "nan"),
    ("digits", "digit", "11"),
    ("live", "log_rate", "9"),
    ("nothing", "x_1", "0.5"),
]


@pytest.mark.parametrize(("cue", "name", "asked"), IGNORED)
def test_what_a_link_cannot_ask_is_said(open_page, cue, name, asked):
    app = open_page("diffusion", **{"diffusion.cue": cue, f"diffusion.{name}": asked})
    assert healthy(app)
    assert not app.warning
    told = "diffusion.cue=nothing" if cue == "nothing" else f"diffusion.{name}={asked}"
    assert [told in note.value for note in app.info].count(True) == 1, [note.value for note in app.info]
    assert has_picture(app)


@pytest.mark.parametrize("cue", ["forward", "guess", "why"])
def test_a_place_far_outside_does_no_harm(open_page, cue):
    app = open_page("diffusion", **{"diffusion.cue": cue, "diffusion.x_1": 1e6, "diffusion.x_2": -1e5})
    assert healthy(app)
    assert not app.warning
    assert not app.info
    assert shown_config(app, "diffusion").x_1 == 1e6
    numbers = shown_run(app, "diffusion").last_readouts()
    assert np.isfinite(list(numbers.values())).all(), numbers


KNOTS = {
    "garbage": "is not 7 numbers",
    "1,2,3": "is not 7 numbers",
    "inf,0.5,0.4,0.3,0.2,0.1,0": "is not 7 numbers",
    "": "is not 7 numbers",
    "1,1,1,1,1,1,1": "does not fall",
    "9,8,7,6,5,4,1e-9": "",
    "0.5,0.6,0.7,0.6,0.5,0.2,0": "",
    "-1,-1,-1,-1,-1,-1,-1": "",
}


@pytest.mark.parametrize("knots", KNOTS)
def test_a_drawn_schedule_in_a_link_is_drawn_or_gets_a_sentence(open_page, knots):
    link = {"diffusion.cue": "schedule", "diffusion.knots": knots}
    app = open_page("diffusion", **link, **{"diffusion.schedule": OWN_CURVE})
    assert healthy(app)
    assert len(app.warning) == bool(KNOTS[knots])
    assert has_picture(app) != bool(KNOTS[knots])
    if KNOTS[knots]:
        assert KNOTS[knots] in app.warning[0].value
        app.selectbox(key="diffusion.schedule").set_value("cosine").run()
        assert healthy(app)
        assert not app.warning, "another schedule asks nothing of the knots"
        assert has_picture(app)


@pytest.mark.parametrize("name", POINTS)
def test_painted_points_are_trained_on_or_get_one_sentence(open_page, name):
    points, told = POINTS[name]
    app = open_page("diffusion", **{"diffusion.cue": "live", "diffusion.painted": painted(points, BOARD)})
    app.selectbox(key="diffusion.source").set_value("painted").run()
    assert healthy(app)
    assert not app.warning
    run = shown_run(app, "diffusion")
    assert run.live == (not told), "too few are painted on a board"
    assert bool(run.layout and run.layout["brush"]) == bool(told)


@pytest.mark.parametrize(
    ("link", "solved", "asked"),
    [({"back": "4 steps"}, True, 4), ({"back": "50 steps"}, False, 50), ({"back": "1 step"}, False, 10_000)],
)
def test_the_challenge_checks_itself(open_page, link, solved, asked):
    app = open_page("diffusion", **{"diffusion.cue": "backward"}, **{f"diffusion.{k}": v for k, v in link.items()})
    app.button(key="diffusion.challenge.check").click().run()
    assert healthy(app)
    assert bool(app.success) == solved
    assert f"= {asked:.3f} evaluations" in (app.success or app.info)[0].value


def test_the_score_is_said_to_point_where_it_points(open_page):
    app = open_page("diffusion", **{"diffusion.cue": "guess"})
    words = " ".join(word.value for word in app.markdown)
    assert "towards **√ᾱ_t E[x₀ | xₜ]**" in words
    assert "Tweedie" in words
    assert any(r"\sqrt{\bar\alpha_t}\,\mathbb E[x_0\mid x_t]-x_t}{1-\bar\alpha_t}" in f.value for f in app.latex)


@pytest.mark.parametrize(
    ("cue", "gone"),
    [("copier", "zero loss"), ("guess", "no network can have a smaller error"), ("backward", "falls half-way"),
     ("digits", "smallest thing"), ("schedule", "KL(q(x_T) ‖"), ("why", "1,000 steps: a Gaussian")],
)  # fmt: skip
def test_what_was_refuted_is_no_longer_said(open_page, cue, gone):
    app = open_page("diffusion", **{"diffusion.cue": cue})
    assert gone not in " ".join(word.value for word in app.markdown)


@pytest.fixture
def without_moons(tmp_path, monkeypatch):
    """A store that lacks diffusion-moons; nothing that was read from it outlives the test."""
    copy = tmp_path / "checkpoints"
    shutil.copytree(checkpoint.FOLDER, copy, ignore=shutil.ignore_patterns(checkpoint.PARTIAL))
    (copy / checkpoint.entries(checkpoint.FOLDER)["diffusion-moons"].file).unlink()
    monkeypatch.setattr(checkpoint, "FOLDER", copy)
    yield
    cache._load.cache_clear()
    cache._made.cache_clear()


def test_a_missing_checkpoint_takes_away_only_what_needs_it(open_page, without_moons):
    app = open_page("diffusion")
    for cue in CUES:
        app.button(key=f"diffusion.cue.{cue}").click().run()
        if cue in NEEDS:
            app.selectbox(key="diffusion.source").set_value(NEEDS[cue]).run()
        assert healthy(app), (cue, app.exception)
        assert bool(app.warning) == (cue in NEEDS), (cue, [w.value for w in app.warning])
        if cue in NEEDS:
            assert [b.label for b in app.button if b.key.startswith("diffusion.build.")] == [
                "Build diffusion-moons again"
            ]
            assert "python -m genmodels.train diffusion-moons" in app.warning[0].value
            app.selectbox(key="diffusion.source").set_value("dino").run()
            assert healthy(app), (cue, app.exception)
            assert has_picture(app)
        assert cue not in NO_NEED or has_picture(app)


def test_figures_of_others_do_not_take_the_picture_away(open_page, without_moons):
    app = open_page("diffusion", **{"diffusion.cue": "backward", "diffusion.source": TITLES["dino"]})
    assert healthy(app), app.exception
    assert len(app.warning) == 1
    assert has_picture(app)
    assert app.button(key="diffusion.build.diffusion-moons")
    told = app.table[0].value.to_numpy().astype(str).ravel().tolist()
    assert "diffusion-dino" in told
    assert "diffusion-moons" not in told
