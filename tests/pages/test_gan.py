"""The GAN page under AppTest."""

import numpy as np
import pytest
import torch

from dashboard import runs
from dashboard.lesson.csv_files import read_csv
from dashboard.scenes.gan import CONCEPT, ab, live, modes
from dashboard.scenes.gan.setup import BOARD, TITLES
from genmodels.store import checkpoint
from tests.pages import controls
from tests.pages.controls import healthy, shown, shown_config, shown_run
from tests.pages.found import cues
from tests.scenes.reading import painted
from tests.scenes.test_gan import ONE, POINTS, tiny

torch.set_num_threads(1)  # as in the app
CUES = cues(CONCEPT)
NOISE = {"16": "16, Gaussian", "2": "2, Gaussian", "2u": "2, uniform", "2s": "2, on a circle", "1": "1, Gaussian"}
LIVE = {"gan.modes": "Twenty-five, live"}


def expect_nothing_trains() -> None:
    """AppTest watches nothing, so no run may have begun."""
    assert runs.workers.busy == 0
    assert all(not run.recording.frames and run.status == "queued" for run in runs.registry.all() if run.live)


@pytest.mark.slow
def test_every_control_of_the_live_modes_at_both_ends_and_random_pairs(open_page):
    app = open_page("gan", **{"gan.cue": "modes"} | LIVE)
    controls.walk(app, "gan")
    assert shown_run(app, "gan")
    expect_nothing_trains()


def test_all_cues_but_the_stored_ones_train(open_page):
    app = open_page("gan")
    for cue in CUES:
        app.button(key=f"gan.cue.{cue}").click().run()
        assert healthy(app), cue
        assert not app.warning, (cue, [w.value for w in app.warning])
        run = shown_run(app, "gan")
        assert run.live == (cue not in ("modes", "digits"))
        if run.live:
            assert run.moves == {words: move for move, words in ONE.items()}
            assert run.slow == (cue == "first")
    expect_nothing_trains()


IGNORED = [
    ("ring", "g_rate", "nan"),
    ("ring", "g_rate", "99"),
    ("ring", "d_rate", "-9"),
    ("ring", "loss", "wgan"),
    ("ring", "source", "faces"),
    ("ring", "noise", "3"),
    ("ring", "batch", "0"),
    ("ring", "packing", "x"),
    ("ring", "average", "1"),
    ("ring", "steps", "1e9"),
    ("ring", "stop", "maybe"),
    ("ring", "width", "-inf"),
    ("one", "truth", "three humps"),
    ("one", "d_steps_1", "0"),
    ("collapse", "repair", "prayer"),
    ("modes", "modes", "gan-moon"),
    ("digits", "digits", "run"),
    ("ab", "b_what", "seed"),
    ("nothing", "r1", "0.5"),
]


@pytest.mark.parametrize(("cue", "name", "asked"), IGNORED)
def test_what_a_link_cannot_ask_is_said(open_page, cue, name, asked):
    app = open_page("gan", **{"gan.cue": cue, f"gan.{name}": asked})
    assert healthy(app)
    assert not app.warning
    told = "gan.cue=nothing" if cue == "nothing" else f"gan.{name}={asked}"
    assert any(told in note.value for note in app.info), [note.value for note in app.info]


def test_a_link_reaches_the_gan(open_page):
    asked = {"g_rate": 1.0, "noise": "2, on a circle", "packing": 3, "batch": 4, "g_layers": 0, "loss": "Hinge"}
    app = open_page("gan", **{"gan.cue": "ring"} | {f"gan.{name}": value for name, value in asked.items()})
    assert healthy(app)
    gan = shown_config(app, "gan").gan()
    assert (gan.g_learning_rate, gan.loss, gan.noise, gan.n_noise) == (10.0, "hinge", "sphere", 2)
    assert (gan.packing, gan.batch, gan.g_hidden, gan.d_hidden) == (3, 3, (), (128, 128)), "a batch of whole packs"
    assert gan.device == "cpu"


@pytest.mark.parametrize("cue", ["ring", "collapse", "ab"])
@pytest.mark.parametrize("name", POINTS)
def test_painted_points_are_trained_on_or_get_a_sentence(open_page, cue, name):
    points, told = POINTS[name]
    link = {"gan.cue": cue, "gan.painted": painted(points, BOARD)}
    app = open_page("gan", **link)
    app.selectbox(key="gan.source").set_value("painted").run()
    assert healthy(app)
    assert not app.warning
    run = shown_run(app, "gan")
    assert run.live == (not told), "too few are painted on a board"
    assert bool(run.layout and run.layout["brush"]) == bool(told)
    assert app.toggle(key="gan.painting").value == bool(told)
    expect_nothing_trains()


def test_more_points_are_painted_before_they_are_trained_on(open_page):
    app = open_page("gan", **{"gan.cue": "ring", "gan.source": TITLES["painted"]})
    assert shown_run(app, "gan").layout["brush"]["points"] == ()
    app.session_state["gan.painted"] = painted([(1, 1), (-2, 3)], BOARD)
    app.run()
    assert not shown_run(app, "gan").live, "the board stays while one paints"
    assert len(shown_run(app, "gan").layout["brush"]["points"]) == 2
    app.toggle(key="gan.painting").set_value(False).run()
    assert shown_run(app, "gan").live
    assert len(shown_config(app, "gan").points()) == 2
    app.toggle(key="gan.painting").set_value(True).run()
    assert not shown_run(app, "gan").live
    assert healthy(app)


def test_bad_points_in_a_link_are_named(open_page):
    app = open_page("gan", **{"gan.cue": "ring", "gan.source": TITLES["painted"], "gan.painted": "1garbage"})
    assert healthy(app)
    assert any("gan.painted" in note.value for note in app.info)


def test_a_file_brings_its_points(open_page):
    app = open_page("gan", **{"gan.cue": "ring", "gan.source": TITLES["csv"]})
    assert healthy(app)
    assert not app.warning
    assert len(shown_config(app, "gan").csv) == 5, "an example, until there is a file"
    app.session_state["gan.file.data"] = read_csv("x,y\n1,2\n3,4\n5,1\n")
    app.run()
    assert healthy(app)
    assert shown_config(app, "gan").csv == ((1.0, 2.0), (3.0, 4.0), (5.0, 1.0))
    points, units = shown_config(app, "gan").points(), shown_config(app, "gan").units
    assert units.restore(points) == pytest.approx(np.array([[1, 2], [3, 4], [5, 1]]))
    assert units.names == ("x", "y")


def test_a_config_that_cannot_be_is_a_sentence_and_the_last_run_stays(open_page):
    app = open_page("gan", **{"gan.cue": "ab", "gan.noise": NOISE["2s"], "gan.b_what": ab.CHANGES["n_noise"]})
    assert healthy(app)
    assert not app.warning
    good = shown(app, "gan")
    app.slider(key="gan.b_noise").set_value(1).run()
    assert healthy(app)
    assert "sphere in one dimension" in app.warning[0].value
    assert shown(app, "gan") == good
    assert runs.registry.get(good[1])
    app.slider(key="gan.b_noise").set_value(3).run()
    assert not app.warning
    assert shown(app, "gan") != good


CHALLENGE = [
    ({"modes of 8": 8.0, "high quality": 95.0}, 1_400, "5.000"),
    ({"modes of 8": 8.0, "high quality": 80.0}, 1_400, ""),
    ({"modes of 8": 7.0, "high quality": 99.0}, 1_400, ""),
    ({"modes of 8": 8.0, "high quality": 95.0}, 1_600, ""),
    ({"modes of 25": 25.0, "high quality": 99.0}, 1_400, ""),
    ({"W₂ to the data (n = 200)": 0.1}, 1_400, ""),
    ({}, 1_400, ""),
]


@pytest.mark.parametrize(("numbers", "steps", "solved"), CHALLENGE)
def test_the_challenge_checks_itself(open_page, monkeypatch, numbers, steps, solved):
    monkeypatch.setattr("dashboard.player.last_readouts", lambda key: numbers if key == "gan.player" else {})
    app = open_page("gan", **{"gan.cue": "ring", "gan.steps": steps})
    app.button(key="gan.challenge.check").click().run()
    assert healthy(app)
    assert bool(app.success) == bool(solved)
    if solved:
        assert f"= {solved} %" in app.success[0].value
    elif numbers.get("high quality") == 80:
        assert "= 20.000 %" in app.info[0].value
    else:
        assert "= 100.000 %" in app.info[0].value


def test_the_challenge_reads_the_newest_frame_of_the_run(open_page):
    app = open_page("gan", **{"gan.cue": "ring", "gan.steps": 200, "gan.width": 4, "gan.batch": 4})
    run = shown_run(app, "gan")
    for scene in live.scenes(tiny(), iter(())):
        run.add(scene)
    app.button(key="gan.challenge.check").click().run()
    assert healthy(app)
    now = run.last_readouts()
    lacking = 100 - now["high quality"] if now["modes of 8"] == 8 else 100
    assert f"= {lacking:.3f} %" in app.info[0].value


def test_the_page_prints_the_held_out_figures(open_page):
    app = open_page("gan", **{"gan.cue": "modes"})
    shown = app.table[0].value.to_numpy().astype(str)
    for name in modes.WHICH:
        for value in checkpoint.load(name).entry.metrics.values():
            assert f"{value:.4g}" in shown
