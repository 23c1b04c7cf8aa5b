"""The page on energies: a well under the hand, walkers that play, and the way to the page on diffusion."""

from __future__ import annotations

import drive
import numpy as np
import pytest
from playwright.sync_api import expect

from dashboard.scenes.energy.landscape import Landscape
from tests.oracles.energy_landscape import energy, z

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_well_is_dragged_and_raised_and_p_is_right_at_each_place(tab, server):
    drive.open_page(tab, drive.address(server, "energy", "landscape"))
    drive.pause(tab)
    for key, share in (("Home", 0.0), ("End", 1.0)):
        drive.press(tab, key)
        drive.wait_shows(tab, "Z", z(Landscape(), share, 80), 2)
    box = drive.player(tab).locator('.handle[data-handle="A"]').bounding_box()
    run = drive.data(tab, "run")
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 60, box["y"] - 90, steps=8)
    drive.until(lambda: not drive.shows(tab, "Z", z(Landscape(), 1.0, 80), 2), "Z answers while A is held")
    tab.mouse.up()
    drive.wait_new_run(tab, run)
    drive.until(lambda: "a_1" in drive.asked(tab), "the place is in the link")
    at = drive.asked(tab)
    config = Landscape(a_1=float(at["a_1"]), a_2=float(at["a_2"]))
    drive.wait_shows(tab, "Z", z(config, 1.0, 80), 2)
    e = energy(config, np.array(config.at_1), np.array(config.at_2), 1.0)
    drive.wait_shows(tab, "p(x)", float(np.exp(-e)) / z(config, 1.0, 80), 4)


def test_the_link_to_diffusion_opens_the_same_data(tab, server):
    drive.open_page(tab, drive.address(server, "energy", "score"))
    with tab.context.expect_page() as opened:
        tab.get_by_role("link", name="the same data and noise").click()
    there = opened.value
    there.wait_for_selector(drive.IDLE)
    drive.wait_status(there, "done")
    expect(there.get_by_test_id("stException")).to_have_count(0)
    link = drive.link(there)
    assert (link["diffusion.source"], link["diffusion.cue"]) == ("Two moons", "guess")
    drive.uncover(there)
    assert drive.readout(there, "ᾱₜ")
