"""The page on codes: the output stands still under the hand, and jumps; a book is trained; words are swapped."""

from __future__ import annotations

import math
import time

import drive
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.scenes.codes import snap, words
from dashboard.scenes.codes.toy import decode
from tests.scenes.reading import layer

pytestmark = pytest.mark.browser


def knob(page: Page, name: str) -> tuple[float, float]:
    """The middle of a handle, in the window."""
    box = drive.player(page).locator(f'.handle[data-handle="{name}"]').bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def window(page: Page, panel: int, at: tuple[float, float]) -> tuple[float, float]:
    """Where data of a panel lie in the window."""
    box = drive.player(page).locator("canvas").bounding_box()
    x, y = drive.player(page).evaluate(
        "(root, [panel, x, y]) => { const v = root.player.views[panel]; return [v.x(x), v.y(y)]; }", [panel, *at]
    )
    return box["x"] + x, box["y"] + y


@pytest.mark.slow
def test_the_output_stands_still_and_jumps(tab, server):
    drive.open_page(tab, drive.address(server, "codes", "snap"))
    tab.wait_for_selector(drive.IDLE)
    config, run = snap.Config(), drive.data(tab, "run")
    made = config.made()
    scene = snap.scene(config)
    address = next(name for name, one in scene.layers() if one.name == "output x̂")
    tab.mouse.move(*knob(tab, "z_e"))
    tab.mouse.down()
    seen = []
    for z_1 in np.linspace(-0.4, 2.0, 49):
        before = drive.answers(tab)
        tab.mouse.move(*window(tab, 0, (float(z_1), 0.5)))
        drive.until(lambda before=before: drive.answers(tab) > before, "the hand is answered")
        out = drive.player(tab).evaluate(
            "({ player: p }, name) => [...(p.drag.answer.arrays.get(name) ?? p.recording.channel(name, 0)).data]",
            f"{address}.xy",
        )
        seen.append((drive.number(tab, "code k"), *out))
    assert drive.data(tab, "run") == run, "while it is held nothing is built anew"
    rows = np.array(seen)
    same = rows[1:, 0] == rows[:-1, 0]
    moved = np.abs(np.diff(rows[:, 1:], axis=0)).max(axis=1)
    assert (moved[same] == 0).all(), "within a cell the output does not move"
    assert (moved[~same] > 0.1).all(), "over a border it jumps"
    assert 2 <= (~same).sum() <= 4
    for k, *out in seen:
        np.testing.assert_allclose(out, decode(made.book.codes[int(k)]), atol=1e-5)
    tab.mouse.up()
    drive.wait_new_run(tab, run)
    drive.until(lambda: "z_1" in drive.asked(tab), "the link holds the place")
    k = made.book.nearest([float(drive.asked(tab)["z_1"]), float(drive.asked(tab).get("z_2", config.z_2))])
    drive.wait_shows(tab, "code k", float(k), 0)
    drive.wait_shows(tab, "true gradient", 0.0, 3)


@pytest.mark.slow
def test_the_hand_is_answered_quickly(tab, server):
    drive.open_page(tab, drive.address(server, "codes", "snap"))
    tab.wait_for_selector(drive.IDLE)
    x, y = knob(tab, "z_e")
    tab.mouse.move(x, y)
    tab.mouse.down()
    before, began = drive.answers(tab), time.monotonic()
    while (passed := time.monotonic() - began) < 2:
        tab.mouse.move(x + 90 * math.sin(3 * passed), y - 60 * math.sin(6 * passed))
    heard = drive.answers(tab) - before
    tab.mouse.up()
    print(f"\nsnap: {heard / passed:.0f} pictures a second, the last after {drive.data(tab, 'answer-ms')} ms")
    assert heard > 0


@pytest.mark.slow
def test_a_word_is_swapped_by_hand(tab, server):
    drive.open_page(tab, drive.address(server, "codes", "words"))
    tab.wait_for_selector(drive.IDLE)
    own = words.read(words.Config().digit)
    run, first = drive.data(tab, "run"), drive.picture(tab)
    tab.mouse.move(*knob(tab, "place"))
    tab.mouse.down()
    tab.mouse.move(*window(tab, 0, (2.0, 4.0)), steps=5)
    tab.mouse.up()
    drive.wait_new_run(tab, run)
    drive.wait_shows(tab, "code here", float(own.words[7 * 2 + 2]), 0)
    run = drive.data(tab, "run")
    tab.mouse.move(*knob(tab, "code"))
    tab.mouse.down()
    tab.mouse.move(*window(tab, 2, (4.0, 0.0)), steps=5)
    drive.until(lambda: drive.number(tab, "code here") == 60, "under the hand, the code is that of the book")
    tab.mouse.up()
    drive.wait_new_run(tab, run)
    drive.until(lambda: drive.asked(tab).get("swaps") == "16:60", "the link holds the swap")
    drive.wait_shows(tab, "words swapped", 1, 0)
    scene = words.scene(words.Config(column=2.0, row=4.0, swaps="16:60"))
    changed = {r.name: float(r.values[0]) for r in scene.readouts}
    drive.wait_shows(tab, "error, swapped", changed["error, swapped"], 2)
    assert drive.picture(tab) != first
    assert np.abs(layer(scene, "more or less ink").values).max() > 0.1


@pytest.mark.slow
def test_a_book_is_trained_and_scrubbed(tab, server):
    tab.goto(drive.address(server, "codes", "live"))
    expect(drive.player(tab)).to_be_visible()
    drive.uncover(tab)
    tab.wait_for_selector(drive.IDLE)
    drive.until(lambda: drive.frames(tab) >= 12, "it has got going", 30)
    drive.button(tab, "Pause training").click()
    drive.wait_status(tab, "paused")
    drive.next_picture(tab, 3)
    count = drive.frames(tab)
    drive.press(tab, "End")
    used, error = drive.number(tab, "codes used by all data"), drive.number(tab, "error of all data")
    assert drive.frame(tab) == 10 * (count - 1)
    drive.press(tab, "Home")
    drive.wait_frame(tab, 0)
    drive.until(lambda: drive.number(tab, "error of all data") > error, "before training the error was higher")
    assert drive.number(tab, "codes used by all data") < used
    drive.wait_shows(tab, "dead codes", 0, 0)
    drive.button(tab, "Resume").click()
    drive.until(lambda: drive.frames(tab) >= count + 3, "it grows again")
    run = drive.data(tab, "run")
    tab.get_by_text("Restart dead codes").click()
    expect(drive.player(tab)).not_to_have_attribute("data-run", run)
    drive.until(lambda: drive.frames(tab) >= 3, "another run grows")
    drive.button(tab, "Stop").click()
    drive.wait_status(tab, "done")


@pytest.mark.slow
def test_the_prior_s_words_are_scrubbed(tab, server):
    drive.open_page(tab, drive.address(server, "codes", "write", temperature=0.5))
    drive.pause(tab)
    drive.press(tab, "End")
    drive.wait_frame(tab, 49)
    assert 0 <= drive.number(tab, "taken for a") <= 9
    drive.press(tab, "Home")
    drive.wait_frame(tab, 0)
    drive.wait_shows(tab, "−log p so far", 0.0, 1)
