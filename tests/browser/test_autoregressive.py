"""The page of what comes one after another: a prompt goes on, cuts on the bars, an edge, half a digit, a sound."""

from __future__ import annotations

import io
import urllib.request
import wave

import drive
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.scenes.autoregressive import attention, pixels, sound, write

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def drag(page: Page, handle: str, right: float, down: float) -> None:
    """Take hold of a handle and leave it elsewhere, by so many pixels; the page has the new run then."""
    run = drive.data(page, "run")
    box = drive.player(page).locator(f'.handle[data-handle="{handle}"]').bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=6)
    page.mouse.up()
    drive.wait_new_run(page, run)


def at_rest(page: Page, server, cue: str, **link: object) -> None:
    drive.open_page(page, drive.address(server, "autoregressive", cue, **link))
    drive.pause(page)
    page.wait_for_selector(drive.IDLE)


def test_a_prompt_of_one_s_own_goes_on_and_what_is_unknown_is_said(tab, server):
    at_rest(tab, server, "write", letters=40)
    run = drive.data(tab, "run")
    prompt = tab.get_by_label("Prompt")
    prompt.fill("JULIET:↵O ")
    prompt.press("Enter")
    drive.wait_new_run(tab, run)
    drive.seek(tab, drive.last_frame(tab))
    scene = write.scene(write.Config(prompt="JULIET:↵O ", letters=40))
    told = next(r for r in scene.readouts if r.name == "Σ log p")
    drive.wait_shows(tab, told.name, float(told.values[-1]), 1)
    prompt.fill("漢")
    prompt.press("Enter")
    expect(tab.get_by_test_id("stAlert").first).to_contain_text("漢")
    assert drive.player(tab).is_visible(), "the last good run stays"


def test_the_tail_is_cut_on_the_bars(tab, server):
    at_rest(tab, server, "write", letters=40)
    assert drive.number(tab, "letters that may be drawn") == 65
    drag(tab, "k", -150, 0)
    drive.until(lambda: 1 <= int(drive.asked(tab)["cut_k"]) < 20, "the cut stands in the link")
    drive.until(lambda: drive.number(tab, "letters that may be drawn") < 20, "fewer letters may be drawn")


def test_an_edge_is_cut_and_the_next_letter_answers(tab, server):
    at_rest(tab, server, "attention")
    scene = attention.scene(attention.Config())
    change = next(r for r in scene.readouts if r.name == "change by the cut")
    drive.seek(tab, 1)
    drive.wait_shows(tab, change.name, float(change.values[-1]), 2)
    assert change.values[-1] < -1, "the copier needs this edge"
    drag(tab, "cut", 40, 0)
    drive.until(lambda: "key" in drive.asked(tab), "another edge stands in the link")
    other = attention.scene(attention.Config(key=int(drive.asked(tab)["key"])))
    drive.seek(tab, 1)
    drive.wait_shows(tab, change.name, float(next(r for r in other.readouts if r.name == change.name).values[-1]), 2)


def test_another_part_of_a_digit_is_covered(tab, server):
    at_rest(tab, server, "pixels", model="MADE, by rows")
    drag(tab, "rows given", 0, -60)
    drive.until(lambda: int(drive.asked(tab).get("rows", 14)) < 14, "fewer rows are given")
    rows = int(drive.asked(tab)["rows"])
    tab.wait_for_selector(drive.IDLE)
    drive.press(tab, "End")
    again = pixels.scene(pixels.Config(model="made", rows=rows))
    own = next(r for r in again.readouts if r.name.startswith("−log p of the first"))
    drive.wait_shows(tab, own.name, float(own.values[-1]), 1)


def test_the_sounds_are_wav_files_of_two_seconds(tab, server):
    at_rest(tab, server, "sound")
    players = tab.get_by_test_id("stAudio")
    expect(players).to_have_count(len(sound.STAGES))
    for k in range(len(sound.STAGES)):
        address = players.nth(k).evaluate("e => (e.src || e.querySelector('audio, source').src)")
        assert address.startswith(server.url), "nothing leaves the machine"
        with wave.open(io.BytesIO(urllib.request.urlopen(address).read())) as file:
            assert file.getnframes() / file.getframerate() == pytest.approx(2.0)
            heard = np.frombuffer(file.readframes(file.getnframes()), dtype=f"<i{file.getsampwidth()}")
            assert np.abs(heard).max() > 1000
