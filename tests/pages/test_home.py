"""Home, sidebar and what a bad link gets."""

from pathlib import Path

import pytest

from dashboard.shell.atlas import FAMILIES, SECTIONS


def test_home_shows_no_exception(open_page):
    assert not open_page().exception


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


def test_every_page_that_exists_is_on_the_map():
    planned = {c.page for concepts in SECTIONS.values() for c in concepts}
    written = {p.stem for p in Path("pages").glob("*.py")} - {"home"}
    assert written <= planned
    assert {m.page for f in FAMILIES for m in f.models if m.page} <= planned
