"""The VAE page: the digit follows the hand, one's own digit is judged, and a network is trained before one's eyes."""

from __future__ import annotations

import math
import time

import drive
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy import stats

from dashboard.scene.painted import decode_points
from dashboard.scenes.vae import yours
from dashboard.scenes.vae.setup import known

pytestmark = pytest.mark.browser

# --- the latent plane -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_digit_follows_the_hand(tab, server):
    drive.open_page(tab, drive.address(server, "vae", "plane"))
    drive.pause(tab)
    tab.wait_for_selector(drive.IDLE)
    box = drive.player(tab).locator('.handle[data-handle="z"]').bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    run, first = drive.data(tab, "run"), drive.picture(tab)
    tab.mouse.move(x, y)
    tab.mouse.down()
    before, began = drive.answers(tab), time.monotonic()
    while (passed := time.monotonic() - began) < 2:
        turn = math.pi * passed
        tab.mouse.move(x + 90 * math.sin(turn), y - 60 * math.sin(2 * turn))
    heard, passed = drive.answers(tab) - before, time.monotonic() - began
    print(f"\nlatent plane: {heard / passed:.0f} pictures a second, the last after {drive.data(tab, 'answer-ms')} ms")
    assert heard > 0, "the picture follows the hand"
    assert drive.data(tab, "run") == run, "while it is held nothing is built anew"
    tab.mouse.move(x + 70, y - 50)
    tab.mouse.up()
    drive.wait_new_run(tab, run)
    drive.until(lambda: {"z_1", "z_2"} <= drive.asked(tab).keys(), "the link holds the place")
    z = np.array([[float(drive.asked(tab)["z_1"]), float(drive.asked(tab)["z_2"])]])
    assert (z > 0.2).all()
    of = known()
    prior = stats.multivariate_normal(np.zeros(2)).pdf(z[0])
    parts = stats.norm(of.mu, of.sigma).pdf(z).prod(axis=1)
    drive.wait_shows(tab, "hand z₁", z[0, 0], 2)
    drive.wait_shows(tab, "hand z₂", z[0, 1], 2)
    drive.wait_shows(tab, "prior p(z) there", prior, 4)
    drive.wait_shows(tab, "ratio q(z) ÷ p(z)", parts.mean() / prior, 2)
    assert drive.picture(tab) != first


# --- your digit -----------------------------------------------------------------------------------------------


def stroke(page: Page, *corners: tuple[float, float]) -> None:
    """Draw a line through places of the board."""
    drive.until(lambda: page.evaluate("() => !!window.drag"), "it is drawn")
    box = drive.player(page).locator("canvas").bounding_box()
    to_window = "(all) => { const v = window.drag.player.views[0]; return all.map(([x, y]) => [v.x(x), v.y(y)]); }"
    places = [(box["x"] + x, box["y"] + y) for x, y in page.evaluate(to_window, corners)]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def points(page: Page) -> np.ndarray:
    return decode_points(drive.asked(page).get("drawn", yours.example()), yours.BOARD, yours.BOARD)[0]


def expect_judged(page: Page) -> None:
    """The numbers shown are those of what stands in the link."""
    network, x = known().network, yours.pixels(points(page), fitted=True)[None]
    reconstruction, kl = (float(part[0]) for part in network.elbo(x, 256, np.random.default_rng([0, 8])))
    drive.wait_shows(page, "KL", kl, 2)
    drive.wait_shows(page, "reconstruction", reconstruction, 1)
    drive.wait_shows(page, "ELBO", reconstruction - kl, 1)


@pytest.mark.slow
def test_draw_a_digit_and_have_it_judged(tab, tabs, server):
    drive.open_page(tab, drive.address(server, "vae", "yours"))
    tab.evaluate(drive.SPY_ON_DRAG)
    drive.player(tab).locator("canvas").hover()  # a recording of one frame is drawn again only when it is touched
    expect_judged(tab)
    run = drive.data(tab, "run")
    drive.button(tab, "Clear").click()
    drive.wait_new_run(tab, run)
    expect(drive.player(tab)).to_contain_text("Draw a digit with the mouse or a finger.")
    assert drive.asked(tab)["drawn"] == ""
    assert drive.player(tab).locator('[data-readout="ELBO"]').count() == 0

    run, before = drive.data(tab, "run"), drive.answers(tab)
    stroke(tab, (7, 23), (20, 23), (12, 4))
    drive.wait_new_run(tab, run)
    drive.until(lambda: len(points(tab)) > 10, "the stroke is in the link")
    assert drive.answers(tab) > before, "it was answered under the brush"
    expect_judged(tab)

    run, drawn = drive.data(tab, "run"), len(points(tab))
    stroke(tab, (10, 13), (21, 13))
    drive.wait_new_run(tab, run)
    drive.until(lambda: len(points(tab)) > drawn, "the second stroke is in the link too")
    expect_judged(tab)

    other = tabs.open()
    drive.open_page(other, tab.evaluate("location.href"))
    expect_judged(other)


@pytest.mark.slow
def test_an_empty_board_stays_empty_when_its_link_is_opened(tab, server):
    drive.open_page(tab, drive.address(server, "vae", "yours", drawn=""))
    expect(drive.player(tab)).to_contain_text("Draw a digit with the mouse or a finger.")


# --- live -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_train_pause_scrub_and_change_beta(tab, server):
    tab.goto(drive.address(server, "vae", "live"))
    expect(drive.player(tab)).to_be_visible()
    tab.wait_for_selector(drive.IDLE)
    drive.until(lambda: drive.frames(tab) >= 8, "it has got going", 30)
    first = drive.number(tab, "ELBO")
    assert math.isfinite(first)
    drive.button(tab, "Pause training").click()
    drive.wait_status(tab, "paused")
    drive.next_picture(tab, 3)
    count = drive.frames(tab)
    tab.wait_for_timeout(300)
    assert drive.frames(tab) == count, "it rests"
    drive.press(tab, "End")
    last, trained = drive.frame(tab), drive.number(tab, "ELBO")
    drive.press(tab, "Home")
    drive.wait_frame(tab, 0)
    assert last == 20 * (count - 1)
    drive.until(lambda: drive.number(tab, "ELBO") < trained, "before training the bound was lower")
    drive.button(tab, "Resume").click()
    drive.until(lambda: drive.frames(tab) >= count + 3, "it grows again")

    run = drive.data(tab, "run")
    drive.slider(tab, "log₁₀ β").press("ArrowRight")
    expect(drive.player(tab)).not_to_have_attribute("data-run", run)
    tab.wait_for_selector(drive.IDLE)
    drive.until(lambda: drive.frames(tab) >= 3, "another run grows")
    assert drive.asked(tab)["log_beta"] == "0.1"
    drive.button(tab, "Stop").click()
    drive.wait_status(tab, "done")
