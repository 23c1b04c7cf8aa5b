"""The diffusion page: time by keys, the noisy point under the hand, two samplers in step, a run that is scrubbed."""

from __future__ import annotations

import drive
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.scenes.diffusion import backward, forward, guess
from dashboard.scenes.diffusion.setup import learned, spaced
from genmodels.data.planar import get_dataset
from genmodels.diffusion.exact import ExactMixtureDenoiser
from genmodels.diffusion.schedules import get_schedule

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def open_at_rest(page: Page, url: str) -> None:
    """Open, pause, and go to the first frame."""
    drive.open_page(page, url)
    drive.pause(page)
    drive.press(page, "Home")


# --- forward --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_step_by_step_forward_and_back(tab, server, schedule):
    words = {"linear": "Linear β (DDPM)", "cosine": "Cosine"}[schedule]
    open_at_rest(tab, drive.address(server, "diffusion", "forward", schedule=words))
    of, times = get_schedule(schedule), spaced(forward.FRAMES).tolist()
    way = [1, 2, 3, 2, 1, 0]
    drive.wait_frame(tab, 0)
    drive.wait_shows(tab, "ᾱₜ", 1.0, 4)
    for before, at in zip([0, *way], way, strict=False):
        drive.press(tab, "ArrowRight" if at > before else "ArrowLeft")
        drive.wait_frame(tab, times[at])
        drive.wait_shows(tab, "ᾱₜ", of.alpha_bar[times[at]], 4)
    first = drive.picture(tab)
    for k in (13, 60):
        drive.scrub(tab).fill(str(k))
        drive.wait_frame(tab, times[k])
        drive.wait_shows(tab, "ᾱₜ", of.alpha_bar[times[k]], 4)
        drive.wait_shows(tab, "√ᾱₜ", of.signal[times[k]], 3)
        drive.wait_shows(tab, "√(1 − ᾱₜ)", of.noise[times[k]], 3)
    assert drive.picture(tab) != first
    drive.press(tab, "Home")
    drive.wait_frame(tab, 0)
    assert drive.picture(tab) == first, "back at the data"


# --- what to guess --------------------------------------------------------------------------------------------


def test_the_best_answer_follows_the_hand(tab, server):
    open_at_rest(tab, drive.address(server, "diffusion", "guess", source="Eight Gaussians"))
    of, exact = learned("ffjord8"), ExactMixtureDenoiser.of(get_dataset("ffjord8"), "x0")
    times = spaced(guess.FRAMES)[1:].tolist()
    drive.wait_frame(tab, times[0])
    drive.scrub(tab).fill("12")
    drive.wait_frame(tab, times[12])

    def expect_answer(x_t: tuple[float, float]) -> None:
        answer = exact(np.array([x_t]), float(of.schedule.alpha_bar[drive.frame(tab)]))[0]
        drive.wait_shows(tab, "E[x₀ | xₜ]: x₁", answer[0], 3)
        drive.wait_shows(tab, "x₂", answer[1], 3)

    expect_answer((0.5, 0.5))
    for offset in ((70, 60), (-150, -40)):
        box = drive.player(tab).locator('.handle[data-handle="x"]').bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        run, link, before = drive.data(tab, "run"), drive.asked(tab), drive.number(tab, "E[x₀ | xₜ]: x₁")
        tab.mouse.move(x, y)
        tab.mouse.down()
        tab.mouse.move(x + offset[0], y + offset[1], steps=8)
        drive.until(
            lambda before=before: drive.number(tab, "E[x₀ | xₜ]: x₁") != before, "it answers while it is held"
        )
        assert drive.data(tab, "run") == run
        tab.mouse.up()
        drive.wait_new_run(tab, run)
        drive.until(
            lambda link=link: drive.asked(tab) != link and {"x_1", "x_2"} <= drive.asked(tab).keys(),
            "it is in the link",
        )
        assert drive.frame(tab) == times[12], "the same time is shown"
        expect_answer((float(drive.asked(tab)["x_1"]), float(drive.asked(tab)["x_2"])))
    drive.scrub(tab).fill("30")
    drive.wait_frame(tab, times[30])
    expect_answer((float(drive.asked(tab)["x_1"]), float(drive.asked(tab)["x_2"])))


# --- backward -------------------------------------------------------------------------------------------------

PART = """(canvas, [from, to]) => {
  const part = document.createElement("canvas");
  part.width = canvas.width * (to - from);
  part.height = canvas.height;
  part.getContext("2d").drawImage(canvas, -canvas.width * from, 0);
  return part.toDataURL();
}"""
DDPM, DDIM = (0.05, 0.2), (0.3, 0.45)  # pieces of the first two panels, of the whole width


def parts(page: Page) -> tuple[str, str]:
    """What is on the canvas in either panel."""
    drive.next_picture(page, 2)
    canvas = drive.player(page).locator("canvas")
    return tuple(canvas.evaluate(PART, list(where)) for where in (DDPM, DDIM))  # type: ignore[return-value]


def test_ddpm_and_ddim_go_in_step(tab, server):
    open_at_rest(tab, drive.address(server, "diffusion", "backward", back="20 steps"))
    drive.wait_frame(tab, 0)
    chosen = learned("moons").schedule.choose(20)
    seen = [parts(tab)]
    drive.wait_shows(tab, "t", 1_000, 0)
    for step in range(1, 9):
        drive.press(tab, "ArrowRight")
        drive.wait_frame(tab, step)
        drive.wait_shows(tab, "t", float(chosen.times[20 - step]), 0)
        seen.append(parts(tab))
        assert all(now != then for now, then in zip(seen[-1], seen[-2], strict=True)), "both have moved"
    for step in (7, 6, 5):
        drive.press(tab, "ArrowLeft")
        drive.wait_frame(tab, step)
        drive.wait_shows(tab, "t", float(chosen.times[20 - step]), 0)
        assert parts(tab) == seen[step], "the same frame, the same picture"
    drive.press(tab, "End")
    drive.wait_frame(tab, 20)
    drive.wait_shows(tab, "t", 0, 0)
    spread = backward.true_spread("moons")
    drive.wait_shows(tab, "W₂ of true samples (n = 200)", spread.mean, 3)
    assert drive.number(tab, "DDIM: W₂ at the end (n = 200)") < spread.mean + 3 * spread.deviation


# --- live -----------------------------------------------------------------------------------------------------


def test_watch_scrub_back_and_return(tab, server):
    tab.goto(drive.address(server, "diffusion", "live"))
    expect(drive.player(tab)).to_be_visible()
    tab.wait_for_selector(drive.IDLE)
    drive.until(lambda: drive.frames(tab) >= 5, "it has got going", 30)
    live = drive.button(tab, "LIVE")
    expect(live).to_have_attribute("aria-pressed", "true")
    drive.until(lambda: drive.frame(tab) >= 120, "the newest frame is shown")
    drive.scrub(tab).fill("2")
    drive.wait_frame(tab, 80)  # every fortieth step is recorded
    expect(live).to_have_attribute("aria-pressed", "false")
    count, then, loss = drive.frames(tab), drive.picture(tab), drive.readout(tab, "loss")
    drive.until(lambda: drive.frames(tab) >= count + 5, "it goes on growing")
    assert drive.frame(tab) == 80
    assert drive.readout(tab, "loss") == loss
    assert drive.picture(tab) != "" != then
    live.click()
    expect(live).to_have_attribute("aria-pressed", "true")
    drive.until(lambda: drive.frame(tab) >= 40 * (count + 3), "back at the newest frame")
    drive.button(tab, "Pause training").click()
    drive.wait_status(tab, "paused")
    drive.next_picture(tab, 3)
    count = drive.frames(tab)
    tab.wait_for_timeout(300)
    assert drive.frames(tab) == count, "it rests"
    drive.press(tab, "Home")
    drive.wait_frame(tab, 0)
    first = drive.number(tab, "loss")
    drive.press(tab, "End")
    drive.wait_frame(tab, 40 * (count - 1))
    drive.until(lambda: drive.number(tab, "loss") < first, "it has learned")
    drive.button(tab, "Resume").click()
    drive.until(lambda: drive.frames(tab) >= count + 2, "it grows again")
    drive.button(tab, "Stop").click()
    drive.wait_status(tab, "done")
    expect(drive.message(tab)).to_be_hidden()
    expect(tab.get_by_test_id("stException")).to_have_count(0)
