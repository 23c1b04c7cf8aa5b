"""The map, the sidebar and what a bad link gets."""

import asyncio
import io
import itertools
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from PIL import Image

from dashboard.concepts import Concept, Model, concepts, sections
from dashboard.shell import atlas, thumbnails


def test_the_map_does_not_promise_p_of_x_of_models_that_have_none(open_page):
    """The picture beside it evaluates p(x): models of the family that gives none have to be excepted."""
    implicit = [model.name for model, concept in atlas.models("implicit") if concept]
    app = open_page(**{"map.cue": "schema"})
    said = next(m.value for m in app.markdown if "another model in the middle" in m.value)
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
    model = atlas.WITHOUT_PAGE[0]
    told = {event.name for concept in concepts() for event in concept.events}
    event = next(event for event in atlas.HISTORY if event.name not in told)
    new = Concept("kriging", "Kriging", "?", "Fields", 95, (model,), (event,))
    monkeypatch.setattr(atlas, "concepts", lambda: (*concepts(), new))
    assert [m.name for m, _ in atlas.models(model.family)].count(model.name) == 1
    assert (model, new) in atlas.models(model.family)
    assert [e.name for e in atlas.timeline()].count(event.name) == 1
    years = [e.year for e in atlas.timeline()]
    assert years == sorted(years)


# --- The tree -----------------------------------------------------------------------------------------------


def tiles() -> list[atlas.Tile]:
    return [tile for listed in atlas.tree().values() for tile in listed]


def assert_a_tree() -> None:
    by_year = sorted(tiles(), key=lambda tile: tile.model.year)
    for before, after in itertools.pairwise(by_year):
        least = 0 if before.model.year == after.model.year else 0.3
        assert after.x >= before.x + least, "later is further to the right, and two years have room for their numbers"
    for family, listed in atlas.tree().items():
        assert [tile.model for tile in listed] == [model for model, _ in atlas.models(family)]
        for row in (0, 1):
            places = sorted(tile.x for tile in listed if tile.row == row)
            assert all(b - a > 0.999 for a, b in itertools.pairwise(places)), "no tile lies on another"


def test_tiles_stand_in_the_order_of_their_years_and_apart():
    assert_a_tree()


def test_a_concept_that_comes_takes_its_place_in_the_tree(monkeypatch):
    """Five at once, three of the same year: nothing is edited."""
    models = tuple(Model(f"New {k}", "implicit", year, "?") for k, year in enumerate((1700, 2014, 2014, 2014, 2030)))
    new = Concept("gaussian", "New", "?", "New", 95, models)
    monkeypatch.setattr(atlas, "concepts", lambda: (*concepts(), new))
    assert_a_tree()
    assert min(tiles(), key=lambda tile: tile.x).model.name == "New 0"


def test_each_model_with_a_page_is_a_link_and_the_others_are_not(open_page):
    app = open_page()
    links = [link.proto.label for link in app.get("page_link")]
    drawn = " ".join(html.proto.body for html in app.get("html"))
    for tile in tiles():
        assert (f"{tile.model.name} {tile.model.year}" in links) == bool(tile.concept)
        assert (f"{tile.model.name}<br>(not yet)" in drawn) == (not tile.concept)
        assert f">{tile.model.year}</div>" in drawn, "on the axis"


def test_a_concept_without_a_picture_has_a_tile_all_the_same(open_page, monkeypatch, tmp_path):
    monkeypatch.setattr(thumbnails, "FOLDER", tmp_path)
    app = open_page()
    assert not app.exception
    assert "thumbnails/" not in " ".join(html.proto.body for html in app.get("html"))


# --- Its moving pictures ------------------------------------------------------------------------------------

SHOWN = [(concept.page, mode) for concept in concepts() if concept.models for mode in thumbnails.MODES]


@pytest.mark.parametrize(("name", "mode"), SHOWN)
def test_a_model_has_a_small_picture_that_moves(name, mode):
    path = thumbnails.path(name, mode)
    assert path.is_file(), f"missing; run `python -m dashboard.export thumbnails {name}`"
    assert path.stat().st_size <= 30_000
    with Image.open(path) as film:
        assert film.n_frames > 1
        shots = []
        for frame in range(film.n_frames):
            film.seek(frame)
            shots.append(film.convert("RGB").tobytes())
        assert len(set(shots)) > 1, "it moves"
        paper = film.convert("L").getpixel((1, 1))
        assert (paper > 200) == (mode == "light")


def asked(name: str):
    request = SimpleNamespace(path_params={"version": "1", "name": name})
    with ThreadPoolExecutor(1) as elsewhere:  # a browser of another test may have a loop here
        return elsewhere.submit(asyncio.run, thumbnails.thumbnail(request)).result()


def test_who_wants_no_motion_gets_a_still_picture():
    with Image.open(io.BytesIO(asked("gaussian-light-still.webp").body)) as still:
        assert getattr(still, "n_frames", 1) == 1
    assert asked("gaussian-light.webp").body == thumbnails.path("gaussian", "light").read_bytes()


@pytest.mark.parametrize("name", ["nope.webp", "../thumbnails.py", "gaussian-light", "-still.webp"])
def test_no_other_file_is_sent(name):
    assert asked(name).status_code == 404
