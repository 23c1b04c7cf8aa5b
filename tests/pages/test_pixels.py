"""The pixels page under AppTest."""

import numpy as np
import pytest

from dashboard.scenes.pixels import alone, looks
from genmodels.store import checkpoint
from tests.pages.controls import healthy, shown_config
from tests.scenes.test_pixels import CLASSIFIERS, train_images


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("pixel_x", "nan"),
        ("pixel_y", "left"),
        ("pixel_x", "3.7"),
        ("pixel_x", "-1"),
        ("pixel_y", "28"),
        ("pixel_x", "9" * 38),
        ("digit", "the 11s"),
        ("cue", "nothing"),
    ],
)
def test_what_a_link_cannot_ask_is_said(open_page, name, asked):
    app = open_page("pixels", **{"pixels.cue": "alone", f"pixels.{name}": asked})
    assert healthy(app)
    assert not app.warning
    assert any(f"pixels.{name}={asked}" in note.value for note in app.info)
    assert shown_config(app, "pixels") == (looks.Config() if name == "cue" else alone.Config())


@pytest.mark.parametrize("digit", range(10))
def test_the_challenge_can_be_solved_for_every_class(open_page, digit):
    x = train_images(digit)
    varies = np.flatnonzero(x.std(axis=0) > 0.02)
    lowest = np.corrcoef(x[:, varies], rowvar=False).min(axis=1)
    best, solving = varies[lowest.argmin()], int((lowest < -0.5).sum())
    print(f"\n{digit}: {solving} pixels reach −0.5, the lowest is {lowest.min():.3f} at {best % 28}, {best // 28}")
    app = open_page(
        "pixels",
        **{
            "pixels.cue": "alone",
            "pixels.digit": f"the {digit}s",
            "pixels.pixel_x": best % 28,
            "pixels.pixel_y": best // 28,
        },
    )
    app.button(key="pixels.challenge.check").click().run()
    assert healthy(app)
    assert "Solved!" in app.success[0].value
    assert f"= {lowest.min():.3f}" in app.success[0].value


def test_the_challenge_is_not_solved_at_the_start(open_page):
    app = open_page("pixels", **{"pixels.cue": "alone"})
    app.button(key="pixels.challenge.check").click().run()
    assert not app.success
    assert "Not yet" in app.info[0].value


def test_the_page_prints_the_held_out_figures(open_page):
    app = open_page("pixels", **{"pixels.cue": "bayes"})
    shown = app.table[0].value.to_numpy().astype(str)
    for name in ("cnn", CLASSIFIERS):
        for metric, value in checkpoint.load(name).entry.metrics.items():
            if metric != "valid_accuracy":
                assert f"{value:.4g}" in shown, metric


def test_lambda_is_the_shrinkage_and_nothing_else(open_page):
    with_lambda = {
        cue: [one.value for one in open_page("pixels", **{"pixels.cue": cue}).latex if "lambda" in one.value]
        for cue in ("looks", "alone", "eigen", "bayes")
    }
    assert with_lambda.pop("alone")
    assert not any(with_lambda.values()), with_lambda


def test_the_generative_models_are_not_said_to_know_no_labels(open_page):
    """They are fitted class by class, and one's λ is chosen by its accuracy."""
    words = " ".join(one.value for one in open_page("pixels", **{"pixels.cue": "bayes"}).markdown)
    assert "each to the digits of its label" in words
    assert "without ever being told" not in words
    stored = checkpoint.load(CLASSIFIERS).arrays
    assert stored["chosen"] == stored["shrinkage"][stored["valid_accuracy"].argmax()]
    assert "chosen by its accuracy" in words
