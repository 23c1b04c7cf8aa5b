"""The mixture page: step through E and M, choose a point, drag a starting mean."""

from __future__ import annotations

import time

import drive
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.scenes.mixture.setup import Config
from genmodels.mixture import iterate_em

pytestmark = pytest.mark.browser


def open_em(page: Page, server, **link: object) -> None:
    drive.open_page(page, drive.address(server, "mixture", "em", **link))
    drive.pause(page)
    drive.seek(page, 0)


def states(config: Config) -> list:
    data = config.data()
    return list(iterate_em(data, config.em()))


def caption(page: Page) -> str:
    return drive.player(page).locator(".caption").inner_text()


def test_step_through_e_and_m(tab, server):
    open_em(tab, server)
    expected = states(Config())
    for step in range(5):
        drive.wait_frame(tab, step)
        assert drive.readout(tab, "log-likelihood").startswith(
            f"{expected[step].log_likelihood:.4f}".replace("-", "−")
        )
        assert drive.readout(tab, "lower bound").startswith(f"{expected[step].lower_bound:.4f}".replace("-", "−"))
        assert caption(tab).startswith({"init": "Start", "E": "E-step", "M": "M-step"}[expected[step].phase])
        drive.press(tab, "ArrowRight")
    drive.press(tab, "ArrowLeft")
    drive.press(tab, "ArrowLeft")
    drive.wait_frame(tab, 3)


def test_click_a_point_and_read_its_responsibilities(tab, server):
    config = Config(probe_1=0.1, probe_2=0.2)
    open_em(tab, server, probe_1=0.1, probe_2=0.2)
    data, expected = config.data(), states(config)
    drive.seek(tab, 3)
    probe = drive.player(tab).locator(".handle.probe")
    before, place = probe.bounding_box(), drive.asked(tab)
    stage = drive.player(tab).locator("canvas").bounding_box()
    tab.mouse.click(stage["x"] + stage["width"] * 0.12, before["y"] + before["height"] / 2 + 40)
    drive.until(
        lambda: probe.bounding_box()["x"] < before["x"] - 20, "the probe went to the point nearest to the click"
    )
    drive.until(lambda: drive.asked(tab) != place, "the link holds the new place")
    at = [float(drive.asked(tab)[name]) for name in ("probe_1", "probe_2")]
    chosen = int(((data - at) ** 2).sum(axis=1).argmin())
    resp = np.exp(expected[3].log_resp[chosen])
    text = drive.player(tab).locator(".equation").inner_text()
    for k in range(3):
        assert f"r{'₁₂₃'[k]} = {resp[k]:.3f}" in text or resp[k] < 5e-4, (text, resp)


@pytest.mark.slow
def test_drag_a_mean_and_the_trajectory_follows(tab, server):
    open_em(tab, server)
    drive.seek(tab, 4)
    before, url = drive.readout(tab, "log-likelihood"), tab.evaluate("location.search")
    handle = drive.player(tab).locator('.handle[data-handle="start 1"]').bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    answers = int(drive.player(tab).get_attribute("data-answers") or 0)
    tab.mouse.move(x, y)
    tab.mouse.down()
    began = time.perf_counter()
    for k in range(40):
        tab.mouse.move(x + 2 * k, y - k)
        tab.wait_for_timeout(15)
    took = time.perf_counter() - began
    heard = int(drive.player(tab).get_attribute("data-answers")) - answers
    assert drive.readout(tab, "log-likelihood") != before
    tab.mouse.up()
    print(f"{heard / took:.0f} answers a second while a starting mean is dragged")
    assert heard > 0, "it answers under the hand; how fast is for benchmarks/mixture.py"
    drive.until(lambda: tab.evaluate("location.search") != url, "the link holds the new start")
    expect(drive.player(tab)).to_have_attribute("data-frame", "4")
