"""The Gaussian page under AppTest."""

import numpy as np
import pytest

from dashboard.lesson import own_data
from dashboard.lesson.csv_files import read_csv
from dashboard.scene.own_points import BOARD
from dashboard.scene.painted import encode_points
from dashboard.scenes.gaussian import fit, sample
from dashboard.scenes.gaussian.sources import SOURCE_TITLES
from tests.pages.controls import healthy

LINKS = [
    ("fit", {"gaussian.points": "33"}),
    ("sample", {"gaussian.rho": "-0.5"}),
    ("likelihood", {"gaussian.few": "20"}),
    ("evaluate", {"gaussian.sigma_1": "0.5"}),
]


@pytest.mark.parametrize(("cue", "link"), LINKS)
def test_a_link_is_the_whole_state(open_page, cue, link):
    app = open_page("gaussian", seed=7, **{"gaussian.cue": cue}, **link)
    assert app.number_input(key="seed").value == 7
    (key, value), *_ = link.items()
    assert app.slider(key=key).value == float(value)


@pytest.mark.parametrize("bad", ["nan", "inf", "1e9", "a place"])
@pytest.mark.parametrize(("cue", "key"), [("evaluate", "gaussian.probe_1"), ("likelihood", "gaussian.guess_sigma_1")])
def test_what_a_link_says_of_a_handle_may_be_nonsense(open_page, cue, key, bad):
    app = open_page("gaussian", **{"gaussian.cue": cue, key: bad})
    assert healthy(app)
    assert any(key in note.value for note in app.info)


@pytest.mark.parametrize("bad", ["x", "1!!!", "1" * 5000])
def test_painted_points_in_a_link_may_be_damaged(open_page, bad):
    app = open_page(
        "gaussian", **{"gaussian.cue": "fit", "gaussian.source": SOURCE_TITLES["painted"], "gaussian.painted": bad}
    )
    assert healthy(app)
    assert any("gaussian.painted" in note.value for note in app.info)


def test_painted_points_come_back(open_page):
    points = np.random.default_rng(0).uniform(-4, 4, (40, 2))
    text = encode_points(points, np.zeros(40, int), BOARD, BOARD)
    app = open_page(
        "gaussian", **{"gaussian.cue": "fit", "gaussian.source": SOURCE_TITLES["painted"], "gaussian.painted": text}
    )
    assert healthy(app)
    assert "n=40" in app.latex[0].value


def test_cue_buttons_start_their_preset(open_page):
    app = open_page("gaussian")
    app.button(key="gaussian.cue.sample").click().run()
    assert app.slider(key="gaussian.samples").value == 300
    app.slider(key="gaussian.rho").set_value(0.1).run()
    app.button(key="gaussian.cue.sample").click().run()
    assert app.slider(key="gaussian.rho").value == 0.67


def test_the_challenge_checks_itself(open_page):
    hidden = sample.Config(seed=3).hidden()
    s1, s2 = np.sqrt(hidden.covariance.diagonal())
    app = open_page("gaussian", seed=3, **{"gaussian.cue": "sample", "gaussian.challenge": "true"})
    app.button(key="gaussian.challenge.check").click().run()
    assert not app.success
    values = {
        "mean_1": hidden.mean[0],
        "mean_2": hidden.mean[1],
        "sigma_1": s1,
        "sigma_2": s2,
        "rho": hidden.covariance[0, 1] / (s1 * s2),
    }
    for name, value in values.items():
        app.slider(key=f"gaussian.{name}").set_value(round(float(value), 2)).run()
    app.button(key="gaussian.challenge.check").click().run()
    assert app.success


def test_ones_own_points_come_back_in_their_order(monkeypatch):
    given = {}
    monkeypatch.setattr(own_data.st, "download_button", lambda label, make, *_: given.update(text=make()))
    rows = ((3.0, 1.0), (1.0, 2.0), (2.0, 5.0), (0.5, 0.25))
    own_data.download(fit.Config(source="csv", csv=rows))
    assert read_csv(given["text"]).points.tolist() == [list(row) for row in rows]
