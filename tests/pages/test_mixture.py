"""The mixture page under AppTest."""

import pytest

from dashboard import runs
from dashboard.scenes.mixture import choose, collapse, em, generate, harden, kmeans, starts
from dashboard.scenes.mixture.setup import BOARD, TITLES
from tests.pages.controls import healthy, shown
from tests.scenes.reading import painted

SCENES = {
    "kmeans": kmeans.scene,
    "beside": kmeans.beside,
    "em": em.scene,
    "harden": harden.scene,
    "starts": starts.scene,
    "collapse": collapse.scene,
    "choose": choose.scene,
    "generate": generate.scene,
}


PAINTABLE = ("kmeans", "beside", "em")
BAD = {
    "nothing painted": [],
    "one point": [(1, 1)],
    "fewer points than components": [(1, 1), (2, 2)],
    "all points equal": [(1, 1)] * 30,
    "duplicates only": [(1, 1), (2, 2)] * 20,
    "one dimension constant": [(x / 10, 1.0) for x in range(-30, 30)],
}


@pytest.mark.parametrize("cue", SCENES)
@pytest.mark.parametrize("bad", BAD)
def test_bad_points_get_a_sentence(open_page, cue, bad):
    app = open_page(
        "mixture",
        **{"mixture.cue": cue, "mixture.source": TITLES["painted"], "mixture.painted": painted(BAD[bad], BOARD)},
    )
    assert healthy(app)
    run = shown(app, "mixture")[1]
    layout = runs.registry.get(run).layout
    if bad in ("nothing painted", "one point", "all points equal"):
        assert layout["captions"][0].startswith("Paint points")
        assert layout["captions"][0].endswith(".")
    assert (layout["brush"] is not None) == (cue in PAINTABLE or len(layout["panels"]) == 1)


def test_a_cue_puts_back_what_another_had_set(open_page):
    app = open_page("mixture", **{"mixture.cue": "beside"})
    assert app.selectbox(key="mixture.source").value == "elongated"
    app.button(key="mixture.cue.starts").click().run()
    assert (app.selectbox(key="mixture.source").value, app.slider(key="mixture.k").value) == ("blobs", 4)
    app.slider(key="mixture.points").set_value(50).run()
    app.button(key="mixture.cue.kmeans").click().run()
    assert (app.slider(key="mixture.points").value, app.slider(key="mixture.k").value) == (240, 3)


def test_the_challenge_checks_itself(open_page):
    good = [(-2.6, -1.2), (0.4, 2.4), (2.7, -1.4)]
    for means, solved in ((good, True), ([(-2.6, -1.2), (-2.4, -1.0), (0.0, 1.0)], None)):
        app = open_page(
            "mixture", **{"mixture.cue": "starts", "mixture.k": 3, "mixture.means": painted(means, BOARD)}
        )
        app.button(key="mixture.challenge.check").click().run()
        assert healthy(app)
        if solved:
            assert app.success
