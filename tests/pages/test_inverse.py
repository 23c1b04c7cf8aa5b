"""The showpieces: each card opens a cue that is there, with its controls, also while a lecture is on."""

import pytest

from dashboard.concepts import PAGES, concepts, cues
from dashboard.lesson.cards import DRAWINGS
from dashboard.scenes.inverse.showpieces import SHOWPIECES
from tests.pages.controls import healthy, shown
from tests.pages.found import titles


def by_card(app, card):
    return app.button(key=f"inverse.way.{card.page}.{card.cue}").click().run()


@pytest.mark.parametrize("card", SHOWPIECES, ids=lambda card: card.title)
def test_a_card_opens_a_cue_that_is_there(open_page, card):
    assert card.cue in next(cues(concept) for concept in concepts() if concept.page == card.page)
    assert set(card.drawn) <= set(DRAWINGS)
    app = by_card(open_page("inverse", **{"inverse.cue": "showpieces"}), card)
    assert healthy(app)
    assert not app.info, "what it asks of the controls can be"
    assert app.session_state[f"{card.page}.cue"] == card.cue
    shown(app, card.page)
    for name, title in card.link.items():
        key = f"{card.page}.{name}"
        assert titles(card.page)[key][app.selectbox(key=key).value] == title


def test_a_card_leads_to_its_cue_also_where_that_page_was_left_at_another_one(open_page):
    app = open_page("vae", **{"vae.cue": "walk"})
    app.switch_page(str(PAGES / "inverse.py")).run()
    app.button(key="inverse.cue.showpieces").click().run()
    app = by_card(app, next(card for card in SHOWPIECES if card.page == "vae"))
    assert app.session_state["vae.cue"] == "plane"


def test_a_card_leads_away_from_a_lecture_s_step_and_the_lecture_waits(open_page):
    app = open_page("inverse", lecture="mixtures-to-vaes", at="26")
    assert app.session_state["inverse.cue"] == "showpieces"
    app = by_card(app, next(card for card in SHOWPIECES if card.page == "diffusion"))
    assert app.session_state["diffusion.cue"] == "digits"
    assert any(button.key.startswith("lecture-before") for button in app.button), "its corner is there"


def test_every_card_says_what_is_given_and_what_is_drawn():
    for card in SHOWPIECES:
        for p in (card.p, card.here):
            assert p.startswith("p(")
            assert p.count("|") == 1
        assert card.paper.count("*") == 2
