"""The autoencoder page under AppTest."""

import numpy as np
import pytest
from scipy.spatial import Delaunay

from dashboard.scenes.autoencoder import dream
from dashboard.scenes.pictures import flat
from genmodels.data.digits import load_mnist
from genmodels.store import cache
from tests.pages.controls import healthy, shown_config


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("code_1", "nan"),
        ("code_2", "inf"),
        ("code_1", "1e9"),
        ("code_2", "far"),
        ("code_1", "-1e6"),
        ("code_2", "1e6"),
        ("cue", "nothing"),
    ],
)
def test_what_a_link_cannot_ask(open_page, name, asked):
    app = open_page("autoencoder", **{"autoencoder.cue": "dream", f"autoencoder.{name}": asked})
    assert healthy(app)
    assert not app.warning
    if name != "cue":
        config = shown_config(app, "autoencoder")
        assert abs(config.code_1) <= 1e6
        assert abs(config.code_2) <= 1e6
    if "1e6" not in asked:
        assert any(f"autoencoder.{name}={asked}" in note.value for note in app.info)


def test_the_challenge_can_be_solved_among_the_codes(open_page):
    known, goal = dream.plane(), 0.84
    x, y = (np.linspace(*ends, 40) for ends in known.ends)
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    places = places[Delaunay(known.codes).find_simplex(places) >= 0].round(2)
    decoded, digits = known.network.decode(places), flat(load_mnist().train.images)
    cosine = decoded @ digits.T / np.outer(np.linalg.norm(decoded, axis=1), np.linalg.norm(digits, axis=1))
    likeness = cosine.max(axis=1)
    print(f"\n{(likeness < goal).sum()} of {len(places)} places among the codes, the least is {likeness.min():.2f}")
    best = places[likeness.argmin()]
    app = open_page(
        "autoencoder", **{"autoencoder.cue": "dream", "autoencoder.code_1": best[0], "autoencoder.code_2": best[1]}
    )
    app.button(key="autoencoder.challenge.check").click().run()
    assert healthy(app)
    assert f"below {goal:g}" in str([m.value for m in app.markdown])
    assert "Solved!" in app.success[0].value
    assert (likeness < goal).mean() < 0.1, "it is to be looked for"


def test_the_challenge_is_not_solved_at_the_start(open_page):
    app = open_page("autoencoder", **{"autoencoder.cue": "dream"})
    app.button(key="autoencoder.challenge.check").click().run()
    assert not app.success


def test_the_page_prints_the_held_out_figures(open_page):
    app = open_page("autoencoder")
    shown = app.table[0].value.to_numpy().astype(str)
    for metric, value in cache.load("autoencoder-squeeze").entry.metrics.items():
        assert f"{value:.4g}" in shown, metric
