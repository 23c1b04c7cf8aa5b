"""Everyone can use it: axe finds nothing, and the keyboard alone is enough."""

from __future__ import annotations

import drive
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from dashboard.concepts import concepts

pytestmark = pytest.mark.browser

# Faults of Streamlit's own: rule -> what the selector of its element contains, each with the reason. None today.
STREAMLITS: dict[str, tuple[str, ...]] = {}
EVERY_PAGE = ["gaussian?gaussian.cue=sample", "?map.cue=timeline", *(concept.address for concept in concepts())]


@pytest.fixture(scope="module")
def tab_in(shared_tabs):
    """One tab in each colour scheme, with the animations paused."""
    opened = {}

    def tab(scheme: str):
        if scheme not in opened:
            opened[scheme] = shared_tabs.open(color_scheme=scheme, reduced_motion="reduce")
        return opened[scheme]

    return tab


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
@pytest.mark.parametrize(
    "path", ["gaussian", *(pytest.param(p, marks=pytest.mark.slow) for p in EVERY_PAGE if p != "gaussian")]
)
def test_axe_finds_nothing(tab_in, server, scheme, path):
    page = tab_in(scheme)
    page.goto(f"{server.url}/{path}")
    page.wait_for_selector('[data-testid=player][data-frames]:not([data-frames="0"]), .st-key-tree, ol.timeline')
    page.wait_for_selector(drive.IDLE)
    found = violations(page)
    if found:  # a page that has just come, its sidebar on its way out, is looked at once more
        page.wait_for_timeout(1500)
        found = violations(page)
    assert not found, "\n".join(found)


def violations(page) -> list[str]:
    """What axe finds that is not Streamlit's own."""
    return [
        f"{violation['id']} ({violation['impact']}): {selector(node)}\n  {node['html'][:120]}\n  {reason(node)}"
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"]
        if not any(part in selector(node) for part in STREAMLITS.get(violation["id"], ()))
    ]


def selector(node: dict) -> str:
    """Where axe found it; a list in the list is a way through shadow roots."""
    return " ".join(part if isinstance(part, str) else " >>> ".join(part) for part in node["target"])


def reason(node: dict) -> str:
    return "; ".join(check["message"] for check in node["any"] + node["all"] + node["none"])


def test_axe_looks_into_the_player(tab_in, server):
    """The test above is worth something: a fault in the Player's shadow root is found."""
    page = tab_in("light")
    drive.open_page(page, f"{server.url}/gaussian")
    drive.button(page, "Loop").evaluate("button => button.removeAttribute('aria-label') ?? (button.title = '')")
    found = {v["id"] for v in Axe().run(page).response["violations"]}
    assert "button-name" in found


def test_the_keyboard_alone_is_enough(tab_in, server):
    page = tab_in("light")
    drive.open_page(page, f"{server.url}/gaussian")
    drive.player(page).focus()
    page.keyboard.press(",")
    expect(drive.button(page, "Layers")).to_have_attribute("aria-expanded", "true")
    drive.player(page).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert not drive.has_focus(page), "it is left backwards, to the controls before it"
    layers = page.locator("[data-layer]").evaluate_all("all => all.map((one) => one.dataset.layer)")
    way = []
    page.keyboard.press("Tab")
    while drive.has_focus(page):
        way.append(drive.focused(page))
        assert drive.focus_is_visible(page), way[-1]
        assert len(way) < 50, "the Player holds the focus"
        page.keyboard.press("Tab")
    transport = ["One frame back", "Play", "One frame forward", "Frame", "Speed", "Loop", "Full screen"]
    assert [name for name in way if name in transport] == transport
    assert way[-len(layers) :] == layers
    usable = drive.player(page).locator(":is(button, input, select):enabled").locator("visible=true")
    assert len(way) == usable.count(), "nothing is for the mouse alone"
    page.keyboard.press("Shift+Tab")
    assert drive.focused(page) == layers[-1]

    layer = drive.layer(page, layers[-1])
    page.keyboard.press("Space")  # on a button it presses the button, and does not play
    expect(layer).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Enter")
    expect(layer).to_have_attribute("aria-pressed", "true")
    expect(drive.button(page, "Play")).to_be_visible()

    back_to(page, "Loop")
    page.keyboard.press("Enter")
    expect(drive.button(page, "Loop")).to_have_attribute("aria-pressed", "true")
    back_to(page, "Speed")
    page.keyboard.press("ArrowDown")
    expect(drive.player(page).get_by_label("Speed")).to_have_value("2")
    assert drive.frame(page) == 0, "an arrow on the list of speeds does not move the film"
    back_to(page, "Play")
    page.keyboard.press("Enter")
    expect(drive.button(page, "Pause")).to_be_visible()
    assert drive.focused(page) == "Pause"
    page.keyboard.press("Enter")
    expect(drive.button(page, "Play")).to_be_visible()


def test_a_closed_sidebar_takes_no_tab_stop(tab_in, server):
    page = tab_in("light")
    drive.open_page(page, drive.address(server, "gaussian", "fit"))
    page.get_by_role("link", name="Skip to main content").focus()
    seen = []
    for _ in range(4):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("() => [document.activeElement.closest('[data-testid=stSidebar]') !== null, "
                                  "document.activeElement.getBoundingClientRect().x >= 0]"))  # fmt: skip
    assert seen == [[False, True]] * 4
    page.get_by_role("button", name="Expand sidebar").click()
    expect(page.get_by_text("Projector mode")).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed").focus()


def back_to(page, name: str) -> None:
    """Shift and Tab until this has the focus."""
    for _ in range(20):
        if drive.focused(page) == name:
            return
        page.keyboard.press("Shift+Tab")
    raise AssertionError(f"{name} cannot be reached")
