"""A link is the whole state."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from urllib.parse import urlencode, urlparse

import drive
import pytest
from conftest import Server, free_port
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def seed(page):
    drive.open_sidebar(page)
    return page.get_by_label("Seed", exact=True)


def test_first_deep_link_after_a_start(page, fresh_server):
    drive.open_page(page, f"{fresh_server.url}/gaussian?gaussian.cue=sample&gaussian.rho=-0.5&seed=7")
    expect(page.get_by_role("heading", level=1)).to_have_text("How can a bell curve generate data?")
    drive.expect_on(page, "Sample")
    assert float(drive.shown(page, "Correlation ρ").replace("−", "-")) == -0.5
    expect(seed(page)).to_have_value("7")
    assert drive.link(page) == {"gaussian.cue": "sample", "gaussian.rho": "-0.5", "seed": "7"}
    assert page.get_by_test_id("stAlert").count() == 0
    drive.press(page, "End")
    expect(drive.player(page).locator(".equation")).to_contain_text("A Aᵀ = [ 5.02, −1.12 ; −1.12")  # ρ σ₁ σ₂


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"gaussian.rho": "7", "gaussian.cue": "sample"}, ["gaussian.rho=7"]),
        ({"gaussian.cue": "xyz"}, ["gaussian.cue=xyz"]),
        (
            {"gaussian.source": "nonsense", "gaussian.points": "many", "seed": "-3"},
            ["gaussian.source=nonsense", "gaussian.points=many", "seed=-3"],
        ),
    ],
)
def test_bad_values_are_ignored_with_a_note(tab, server, bad, told):
    link = "&".join(f"{key}={value}" for key, value in bad.items())
    drive.open_page(tab, f"{server.url}/gaussian?{link}")
    note = tab.get_by_test_id("stAlert")
    expect(note).to_have_count(1)
    for part in told:
        expect(note).to_contain_text(part)
    if "gaussian.cue" in told[0]:
        drive.expect_on(tab, "Fit")
    elif "gaussian.rho" in told[0]:
        assert drive.shown(tab, "Correlation ρ") == "0.67"
    else:
        assert drive.shown(tab, "Points n") == "200"
        expect(seed(tab)).to_have_value("0")


@pytest.mark.slow
def test_infinity_in_a_link_is_named_and_the_controls_work_on(tab, server):
    drive.open_page(tab, f"{server.url}/gaussian?seed=inf&gaussian.points=1e999")
    note = tab.get_by_test_id("stAlert")
    for part in ("gaussian.points=1e999", "seed=inf"):
        expect(note).to_contain_text(part)
    drive.until(lambda: drive.link(tab) == {}, "what cannot be has left the link")
    drive.nudge(tab, "Points n")
    drive.until(lambda: drive.link(tab) == {"gaussian.points": "201"}, "the link holds the slider")
    run = drive.data(tab, "run")
    seed(tab).fill("5")
    seed(tab).press("Enter")
    drive.wait_new_run(tab, run)
    drive.until(lambda: drive.link(tab).get("seed") == "5", "the link holds the seed")
    expect(note).to_have_count(0)


def test_words_of_a_link_call_nobody(tab, server):
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    link = urlencode({"gaussian.source": "![x](https://example.org/x.png)"})
    drive.open_page(tab, f"{server.url}/gaussian?{link}")
    note = tab.get_by_test_id("stAlert")
    expect(note).to_contain_text("gaussian.source=![x](https://")
    assert note.locator("img, a").count() == 0, note.inner_html()
    assert not [url for url in asked if urlparse(url).hostname == "example.org"]


@pytest.mark.slow
def test_behind_a_proxy_with_a_path(page):
    """The Player's files and its socket are asked where the dashboard stands."""
    one = Server(free_port(), base="/class/models").start()
    try:
        drive.open_page(page, f"{one.url}/gaussian?gaussian.cue=sample")
        drive.expect_on(page, "Sample")
        files = page.evaluate("() => performance.getEntriesByType('resource').map((entry) => entry.name)")
        assert [name for name in files if name.startswith(f"{one.url}/player-files/") and name.endswith("/player.js")]
    finally:
        one.kill()


@pytest.mark.parametrize("name", ["x" * 5000, "player.py", "look.jsx"])
def test_files_of_the_player_alone_are_sent(server, name):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}/player-files/x/{name}", timeout=10)
    assert refused.value.code == 404


@pytest.mark.slow
def test_what_stands_in_a_link_outlives_a_drag(tab, tabs, server):
    """Choices made of numbers too: fresh, the link shows what one sees."""
    first = {"penalty": "C = 100", "degree": "Logistic, with squares"}
    drive.open_page(tab, drive.address(server, "boundaries", "knows", **first))
    drive.seek(tab, drive.last_frame(tab))
    box = drive.player(tab).locator(".handle").first.bounding_box()
    tab.mouse.move(box["x"] + 5, box["y"] + 5)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 60, box["y"] - 40, steps=8)
    tab.mouse.up()
    drive.until(lambda: "probe_1" in drive.asked(tab), "the link holds the probe")
    assert {name: drive.asked(tab)[name] for name in first} == first
    other = tabs.open()
    drive.open_page(other, tab.evaluate("() => location.href"))
    assert other.get_by_test_id("stAlert").count() == 0
    drive.seek(other, drive.last_frame(other))
    said = [drive.player(page).locator("[data-readout] dd").all_inner_texts() for page in (tab, other)]
    assert said[0] == said[1]


@pytest.mark.slow
def test_defaults_bring_no_note(tab, server):
    drive.open_page(tab, f"{server.url}/gaussian?gaussian.cue=fit&gaussian.points=200&seed=0")
    tab.wait_for_timeout(200)
    assert tab.get_by_test_id("stAlert").count() == 0


@pytest.mark.slow
def test_a_choice_is_in_the_link_and_the_link_restores_it(tab, server):
    drive.open_page(tab, f"{server.url}/gaussian")
    run = drive.data(tab, "run")
    tab.get_by_role("combobox", name=re.compile("Data")).click()
    tab.get_by_role("option", name="Nearly singular").click()
    drive.wait_new_run(tab, run)
    drive.until(lambda: drive.link(tab) == {"gaussian.source": "Nearly singular"}, "the link holds the choice")
    drive.open_page(tab, tab.evaluate("() => location.href"))
    assert tab.get_by_test_id("stAlert").count() == 0
    expect(tab.get_by_role("combobox", name=re.compile("Data"))).to_have_value("Nearly singular")


@pytest.mark.slow
def test_moving_a_slider_puts_it_into_the_link_and_the_link_restores_it(tab, server):
    drive.open_page(tab, f"{server.url}/gaussian")
    drive.nudge(tab, "Points n")
    drive.until(lambda: drive.link(tab) == {"gaussian.points": "201"}, "the link holds the slider")
    drive.start_cue(tab, "Sample")
    drive.nudge(tab, "Correlation ρ", "ArrowLeft")
    drive.until(lambda: drive.link(tab).get("gaussian.rho") == "0.66", "the link holds the second slider")
    assert drive.link(tab)["gaussian.cue"] == "sample"
    drive.open_page(tab, tab.evaluate("() => location.href"))
    drive.expect_on(tab, "Sample")
    assert drive.shown(tab, "Correlation ρ") == "0.66"


@pytest.mark.slow
def test_a_cue_sets_its_controls(tab, server):
    drive.open_page(tab, f"{server.url}/gaussian?gaussian.cue=sample&gaussian.rho=-0.5")
    drive.start_cue(tab, "Fit")
    drive.start_cue(tab, "Sample")
    assert drive.shown(tab, "Correlation ρ") == "-0.50", "as it was left"
    drive.start_cue(tab, "Sample")
    drive.until(lambda: drive.shown(tab, "Correlation ρ") == "0.67", "pressed while it is on: its preset")
    drive.until(lambda: drive.link(tab) == {"gaussian.cue": "sample"}, "only what differs from the defaults")


@pytest.fixture
def on_the_map(tab, server):
    """From the cue Sample with ρ = 0.66 to the map by the menu."""
    drive.open_page(tab, f"{server.url}/gaussian?gaussian.cue=sample")
    drive.nudge(tab, "Correlation ρ", "ArrowLeft")
    drive.until(lambda: drive.link(tab).get("gaussian.rho") == "0.66", "the link holds the slider")
    tab.get_by_role("link", name="Map", exact=True).click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Which generative models are there?")
    drive.until(lambda: drive.link(tab) == {}, "the map's link is clean")
    return tab


def expect_sample(tab, rho: str) -> None:
    """The page shows the cue Sample with this ρ, and so says the link, defaults left out."""
    expect(tab.get_by_role("heading", level=1)).to_have_text("How can a bell curve generate data?")
    drive.wait_status(tab, "done")
    drive.expect_on(tab, "Sample")
    drive.until(lambda: drive.shown(tab, "Correlation ρ") == rho, f"ρ is {rho}")
    link = {"gaussian.cue": "sample"} | ({} if rho == "0.67" else {"gaussian.rho": rho})
    drive.until(lambda: drive.link(tab) == link, f"the link says what the page shows, {link}", 3)


def test_coming_back_by_the_menu_keeps_cue_and_controls(on_the_map):
    on_the_map.get_by_role("button", name="Foundations").click()
    on_the_map.get_by_role("link", name="Gaussian").first.click()
    expect_sample(on_the_map, "0.66")


@pytest.mark.slow
def test_coming_back_by_the_browser_keeps_the_cue(on_the_map):
    """Streamlit clears the link on Back, and with it the controls; the cue is the session's."""
    on_the_map.go_back()
    expect_sample(on_the_map, "0.67")


@pytest.mark.slow
def test_back_and_forward_lead_from_cue_to_cue_as_it_was_left(tab, server):
    tab.goto(server.url)
    drive.open_page(tab, f"{server.url}/gaussian")
    drive.start_cue(tab, "Sample")
    drive.nudge(tab, "Correlation ρ", "ArrowLeft")
    drive.until(lambda: drive.link(tab).get("gaussian.rho") == "0.66", "the link holds the slider")
    for title in ("Maximum likelihood", "Evaluate"):
        drive.start_cue(tab, title)
        drive.expect_on(tab, title)
    for by, title in [
        (-1, "Maximum likelihood"),
        (-1, "Sample"),
        (1, "Maximum likelihood"),
        (1, "Evaluate"),
        (-2, "Sample"),
    ]:
        tab.evaluate(f"() => history.go({by})")
        drive.expect_on(tab, title)
        tab.wait_for_selector(drive.IDLE)
    expect_sample(tab, "0.66")
    tab.evaluate("() => history.back()")
    drive.expect_on(tab, "Fit")
    tab.wait_for_selector(drive.IDLE)
    tab.evaluate("() => history.back()")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Which generative models are there?")
