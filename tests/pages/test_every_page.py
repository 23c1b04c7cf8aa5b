"""What holds for every cue of every page; pages and cues are found."""

import pytest

from dashboard import runs
from tests.pages.controls import healthy, shown, walk
from tests.pages.found import CONCEPTS, EVERY_CUE, cues


def values(app, page: str) -> dict[str, object]:
    """Every control of the page."""
    kinds = (app.slider, app.selectbox, app.toggle)
    return {w.key: w.value for kind in kinds for w in kind if w.key.startswith(f"{page}.")}


def what(app, page: str, cue: str) -> tuple | None:
    """By what and of which config the cue's picture was made, if it has one."""
    return shown(app, page)[0] if (page, cue) in EVERY_CUE else None


@pytest.mark.slow
@pytest.mark.parametrize(("page", "cue"), EVERY_CUE)
def test_every_control_at_both_ends_and_random_pairs(open_page, page, cue):
    walk(open_page(page, **{f"{page}.cue": cue}), page)


@pytest.mark.parametrize("concept", CONCEPTS, ids=lambda concept: concept.page)
def test_every_cue_can_be_walked_to_and_back_and_opens_what_its_link_opens(open_page, concept):
    page, names = concept.page, cues(concept)
    app = open_page(page)
    opened = {}
    for cue in (*names, *names[::-1]):
        app.button(key=f"{page}.cue.{cue}").click().run()
        assert healthy(app), (cue, app.exception)
        assert not app.warning, (cue, [w.value for w in app.warning])
        assert not app.info, (cue, [note.value for note in app.info])
        now = what(app, page, cue), values(app, page)
        assert opened.setdefault(cue, now) == now, "the second time as the first"
    assert runs.workers.busy == 0, "AppTest watches nothing, so nothing trains"
    for cue in names:
        linked = open_page(page, **{f"{page}.cue": cue})
        assert (what(linked, page, cue), values(linked, page)) == opened[cue], cue


def test_a_cue_that_was_left_is_found_as_it_was_and_its_button_restores_it(open_page):
    app = open_page("mixture", **{"mixture.cue": "em"})
    app.slider(key="mixture.k").set_value(5).run()
    app.button(key="mixture.cue.starts").click().run()
    assert app.slider(key="mixture.k").value == 4, "its preset"
    app.button(key="mixture.cue.em").click().run()
    assert app.slider(key="mixture.k").value == 5, "as it was left"
    assert app.query_params["mixture.k"] == "5", "and so says the link"
    app.button(key="mixture.cue.em").click().run()
    assert app.slider(key="mixture.k").value == 3, "its preset again"
    assert healthy(app)
