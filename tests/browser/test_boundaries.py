"""The boundaries page: the probe is asked on either side, and its numbers are those of genmodels."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

import drive
import numpy as np
import pytest
from playwright.sync_api import Page

from dashboard.scenes.boundaries.setup import Config, fit_discriminative, fit_generative

pytestmark = pytest.mark.browser


def open_knows(page: Page, server, **link: object) -> None:
    drive.open_page(page, drive.address(server, "boundaries", "knows", **link))
    drive.pause(page)


def drag(page: Page, name: str, across: float, up: float) -> None:
    box = drive.player(page).locator(f'.handle[data-handle="{name}"]').bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for k in range(1, 11):
        page.mouse.move(x + across * k / 10, y - up * k / 10)
        page.wait_for_timeout(20)
    page.mouse.up()


def place(page: Page) -> tuple[float, float]:
    """Where the link says that the probe is."""
    asked = parse_qs(page.evaluate("location.search.slice(1)"))
    return float(asked["boundaries.probe_1"][0]), float(asked["boundaries.probe_2"][0])


@pytest.mark.slow
@pytest.mark.parametrize("side", ["probe", "probe, right"])
def test_drag_the_probe_and_read_what_both_models_say(tab, server, side):
    open_knows(tab, server, probe_1=1.0, probe_2=1.5)
    before = tab.evaluate("location.search")
    answers = int(drive.player(tab).get_attribute("data-answers") or 0)
    drag(tab, side, -70, -40)
    drive.until(lambda: tab.evaluate("location.search") != before, "the link holds the new place")
    assert int(drive.player(tab).get_attribute("data-answers") or 0) > answers, "it was answered under the hand"
    tab.wait_for_selector(drive.IDLE)
    probe = np.array([place(tab)])
    config = Config()
    data = config.data()
    left, right = fit_discriminative(config, data), fit_generative(config, data)
    for told, model in (("left", left), ("right", right)):
        log_posterior = model.log_posterior(probe)[0]
        c = int(log_posterior.argmax())
        shown = lambda told=told, c=c: drive.readout(tab, f"{told}: p(class {c + 1} | x)")  # noqa: E731
        expected = f"{np.exp(log_posterior[c]):.4f}"
        drive.until(lambda shown=shown, e=expected: shown() == e, f"{told} shows {expected}")
    expected = f"{right.log_marginal(probe)[0]:.2f}".replace("-", "−")
    drive.until(lambda: drive.readout(tab, "log p(x)").startswith(expected), f"log p(x) = {expected}")


@pytest.mark.slow
def test_both_probes_are_at_one_place(tab, server):
    open_knows(tab, server, probe_1=-1.0, probe_2=2.0)
    drag(tab, "probe", 60, 30)
    one, two = (drive.player(tab).locator(f'.handle[data-handle="{n}"]') for n in ("probe", "probe, right"))
    said = lambda handle: handle.get_attribute("aria-label").split(" at ")[1]  # noqa: E731
    drive.until(lambda: said(one) == said(two), "the other probe follows")


@pytest.mark.slow
def test_paint_two_classes_and_both_models_follow(tab, server):
    drive.open_page(tab, f"{server.url}/boundaries?{urlencode({'boundaries.source': 'Painted by hand'})}")
    stage = drive.player(tab).locator("canvas").bounding_box()

    def stroke(x: float, y: float) -> None:
        tab.mouse.move(x, y)
        tab.mouse.down()
        for k in range(12):
            tab.mouse.move(x + 6 * k, y + (14 if k % 2 else -14))
            tab.wait_for_timeout(15)
        tab.mouse.up()

    before = tab.evaluate("location.search")
    drive.button(tab, "Paint class 1").click()
    stroke(stage["x"] + 0.3 * stage["width"], stage["y"] + 0.3 * stage["height"])
    drive.until(lambda: tab.evaluate("location.search") != before, "the first stroke is in the link")
    before = tab.evaluate("location.search")
    tab.wait_for_selector(drive.IDLE)
    drive.button(tab, "Paint class 2").click()
    stroke(stage["x"] + 0.3 * stage["width"], stage["y"] + 0.62 * stage["height"])
    drive.until(lambda: tab.evaluate("location.search") != before, "the second stroke too")
    drive.until(
        lambda: drive.player(tab).locator('[data-readout="disagree on"]').count() == 1, "both models are fitted"
    )
