"""The map's first screen: the whole tree, its years, and a click that leads to a model's page."""

from __future__ import annotations

import itertools

import drive
import pytest
from playwright.sync_api import expect

from dashboard.shell import atlas

pytestmark = pytest.mark.browser
SIZES = [(1280, 720), (1024, 768), (1024, 600)]
TEXTS = """() => [...document.querySelectorAll(".tree > *, .tree .planned div, .st-key-tree a")].map((e) => {
  const { left, top, right, bottom } = e.getBoundingClientRect();
  const range = document.createRange();
  range.selectNodeContents(e);
  const words = range.getBoundingClientRect();
  return { name: e.className + " " + e.textContent, box: [left, top, right, bottom],
           words: [words.left, words.top, words.right, words.bottom],
           text: !!e.textContent.trim(), size: parseFloat(getComputedStyle(e.querySelector("p") ?? e).fontSize) };
})"""


def open_map(page, server, size, more: str = "") -> None:
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    page.goto(f"{server.url}/{more}")
    for tile in (tile for tiles in atlas.tree().values() for tile in tiles if tile.concept):
        expect(page.get_by_role("link", name=f"{tile.model.name} {tile.model.year}", exact=True)).to_be_visible()
    page.wait_for_selector(drive.IDLE)


@pytest.mark.parametrize("more", ["", "?projector=true"], ids=["screen", "projector"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_tree_and_years_are_in_the_first_screen_and_can_be_read(tab, server, size, more):
    open_map(tab, server, size, more)
    parts = tab.evaluate(TEXTS)
    assert sum("st-" in p["name"] or "planned" in p["name"] for p in parts) >= sum(map(len, atlas.tree().values()))
    for part in parts:
        x0, y0, x1, y1 = part["box"]
        assert x0 >= -1, part
        assert y0 >= 0, part
        assert x1 <= size[0] + 1, part
        assert y1 <= size[1] + 1, part
        assert not part["text"] or part["size"] >= (20 if more else 13), part
    for part in parts:
        if part["text"] and "branch" not in part["name"]:
            (a0, b0, a1, b1), (x0, y0, x1, y1) = part["words"], part["box"]
            assert a0 >= x0 - 1, part
            assert a1 <= x1 + 1, part
            assert b0 >= y0 - 6, part
            assert b1 <= y1 + 6, part
    years = sorted(p["words"][::2] for p in parts if p["name"].startswith("year "))
    assert all(a[1] < b[0] for a, b in itertools.pairwise(years)), "years do not overlap"
    assert tab.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_tile_stands_over_its_year(tab, server):
    open_map(tab, server, SIZES[0])
    for tile in (tile for tiles in atlas.tree().values() for tile in tiles if tile.concept):
        box = tab.get_by_role("link", name=f"{tile.model.name} {tile.model.year}", exact=True).bounding_box()
        year = tab.locator(".tree .year", has_text=str(tile.model.year)).bounding_box()
        assert abs(box["x"] + box["width"] / 2 - year["x"] - year["width"] / 2) < 0.5 * year["width"]
        assert box["y"] + box["height"] < year["y"]


def test_a_click_and_a_key_open_a_model_s_page_in_the_same_session(tab, server):
    open_map(tab, server, SIZES[0], "?seed=7")
    tab.evaluate("() => { window.same = true; }")
    tab.get_by_role("link", name="Gaussian mixture 1894").click()
    drive.until(lambda: tab.evaluate("() => location.pathname") == "/mixture", "the page of the mixture")
    drive.until(lambda: drive.frames(tab) > 0, "its picture")
    assert tab.evaluate("() => window.same"), "the page was not loaded anew"
    tab.get_by_role("link", name="Map", exact=True).click()
    tile = tab.get_by_role("link", name="Gaussian 1809")
    tile.focus()
    tile.press("Enter")
    drive.until(lambda: tab.evaluate("() => location.pathname") == "/gaussian", "the page of the Gaussian")
    assert tab.evaluate("() => window.same")
    assert drive.link(tab)["seed"] == "7"


def test_cues_are_turned_by_keys_where_no_player_is(tab, server):
    open_map(tab, server, SIZES[0])
    expect(tab.locator(".mount[hidden]")).to_have_count(1)
    tab.keyboard.press("2")
    drive.expect_on(tab, "Timeline")
    tab.wait_for_selector(drive.IDLE)
    tab.keyboard.press("PageDown")
    drive.expect_on(tab, "A bit of Gauss")
    drive.wait_status(tab, "done")
    tab.keyboard.press("PageUp")
    drive.expect_on(tab, "Timeline")


def test_pictures_move_unless_one_wants_no_motion(tabs, server):
    for motion, ending in (("no-preference", "-light.webp"), ("reduce", "-light-still.webp")):
        page = tabs.open(color_scheme="light", reduced_motion=motion)
        open_map(page, server, SIZES[0])
        image = page.locator(".st-key-tile-gan a").evaluate("a => getComputedStyle(a, '::before').backgroundImage")
        assert f"gan{ending}" in image
        url = image.removeprefix('url("').removesuffix('")')
        assert page.request.get(url).headers["content-type"] == "image/webp"
