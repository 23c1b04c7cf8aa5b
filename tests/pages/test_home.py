"""Home, sidebar and what a bad link gets."""

import pytest

from dashboard.concepts import Concept, concepts, sections
from dashboard.shell import atlas


def test_home_shows_no_exception(open_page):
    assert not open_page().exception


def test_the_map_does_not_promise_p_of_x_of_models_that_have_none(open_page):
    """The picture beside it evaluates p(x): models of the family that gives none have to be excepted."""
    implicit = [model.name for model, concept in atlas.models("implicit") if concept]
    said = next(m.value for m in open_page().markdown if "another model in the middle" in m.value)
    excepted = said.partition("Not all can do everything")[2]
    assert "no p(x)" in excepted
    assert any(name.split()[0] in excepted for name in ["GAN", *implicit])


@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_seeds_at_both_ends(open_page, seed):
    app = open_page()
    app.number_input(key="seed").set_value(seed).run()
    assert not app.exception


def test_projector_and_every_device(open_page):
    app = open_page()
    app.toggle(key="projector").set_value(True).run()
    assert not app.exception
    for device in ("cpu", "cuda", "mps", "auto"):
        app.selectbox(key="device").set_value(device).run()
        assert not app.exception


@pytest.mark.parametrize("link", [{"seed": "-4"}, {"seed": "many"}, {"device": "tpu"}, {"projector": "maybe"}])
def test_what_a_link_cannot_ask_is_said(open_page, link):
    app = open_page(**link)
    assert not app.exception
    assert any(next(iter(link)) in note.value for note in app.info)


def test_every_concept_is_in_the_menu_and_on_the_map(open_page):
    assert [c for listed in sections().values() for c in listed] == list(concepts())
    shown = [
        (model.name, concept.page) for family in atlas.FAMILIES for model, concept in atlas.models(family) if concept
    ]
    assert sorted(shown) == sorted((model.name, concept.page) for concept in concepts() for model in concept.models)
    assert {event for concept in concepts() for event in concept.events} <= set(atlas.timeline())


def test_a_concept_takes_the_place_of_what_had_no_page(monkeypatch):
    """The map's own list needs no edit when a concept comes."""
    model, event = atlas.WITHOUT_PAGE[0], atlas.HISTORY[0]
    new = Concept("kriging", "Kriging", "?", "Fields", 95, (model,), (event,))
    monkeypatch.setattr(atlas, "concepts", lambda: (*concepts(), new))
    assert [m.name for m, _ in atlas.models(model.family)].count(model.name) == 1
    assert (model, new) in atlas.models(model.family)
    assert [e.name for e in atlas.timeline()].count(event.name) == 1
    years = [e.year for e in atlas.timeline()]
    assert years == sorted(years)
