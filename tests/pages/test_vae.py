"""The VAE page under AppTest."""

import numpy as np
import pytest

from dashboard.scenes.pictures import binary
from dashboard.scenes.vae import plane
from dashboard.scenes.vae.setup import known
from genmodels.store import checkpoint
from tests.pages.controls import healthy, shown_config

IGNORED = [
    ("plane", "z_1", "nan"),
    ("plane", "z_2", "abc"),
    ("plane", "z_1", "1e9"),
    ("plane", "z_2", "-inf"),
    ("plane", "z_1", "-1000"),
    ("plane", "z_2", "4.01"),
    ("walk", "start", "x"),
    ("walk", "start", "9999"),
    ("walk", "start", "9" * 60),
    ("walk", "end", "-3"),
    ("walk", "end", "1.5"),
    ("seven", "style_1", "inf"),
    ("seven", "style_2", "50"),
    ("seven", "digit", "an 11"),
    ("live", "source", "faces"),
    ("live", "data", "faces"),
    ("live", "latents", "3"),
    ("live", "log_beta", "99"),
    ("live", "log_rate", "nan"),
    ("yours", "drawn", "garbage"),
    ("yours", "drawn", "1garbage"),
    ("yours", "drawn", "1" + "A" * 5000),
    ("yours", "fitted", "maybe"),
    ("nothing", "z_1", "0.5"),
]


@pytest.mark.parametrize(("cue", "name", "asked"), IGNORED)
def test_what_a_link_cannot_ask_is_said(open_page, cue, name, asked):
    app = open_page("vae", **{"vae.cue": cue, f"vae.{name}": asked})
    assert healthy(app)
    assert not app.warning
    told = "vae.cue=nothing" if cue == "nothing" else f"vae.{name}={asked[:40]}"
    assert any(told in note.value for note in app.info), [note.value for note in app.info]


def test_an_empty_board_in_the_link(open_page):
    app = open_page("vae", **{"vae.cue": "yours", "vae.drawn": ""})
    assert healthy(app)
    assert shown_config(app, "vae").drawn == ""


def test_the_challenge_says_so_when_it_is_solved(open_page):
    picture, best = plane.target(0)
    index = next(k for k, image in enumerate(binary().images) if np.array_equal(255 - 255 * image, picture))
    at = known().mu[index]
    app = open_page("vae", **{"vae.z_1": at[0], "vae.z_2": at[1]})
    app.button(key="vae.challenge.check").click().run()
    assert healthy(app)
    assert "Solved!" in app.success[0].value
    assert f"{best:.3f} nats" in app.success[0].value


def test_the_page_prints_the_held_out_figures(open_page):
    shown = open_page("vae").table[0].value.to_numpy().astype(str)
    for name in ("vae-2d", "vae-16d", "vae-conditional"):
        for value in checkpoint.load(name).entry.metrics.values():
            assert f"{value:.4g}" in shown


def test_an_older_link_still_names_its_data(open_page):
    app = open_page("vae", **{"vae.cue": "live", "vae.data": "Pinwheel"})
    assert healthy(app)
    assert not app.info
    assert app.selectbox(key="vae.source").value == "pinwheel"
    assert "vae.data" not in app.query_params
