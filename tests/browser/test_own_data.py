"""A learner's file in the browser: its names and units on axes, handles and under the pointer; and painting."""

from __future__ import annotations

import re
from pathlib import Path

import drive
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.scene.own_points import BOARD, OWN
from dashboard.scene.painted import encode_points
from dashboard.scene.units import far_away

pytestmark = pytest.mark.browser
CASES = Path(__file__).parents[1] / "cases"
POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
LOG_LIKELIHOODS = {"rates_prices": -9.6329, "mixed_scale": 1.6845, "small1e-6": 24.7103, "big1e6": -21.3414}
NAMES = [p.stem for p in sorted(CASES.glob("*.csv")) if p.stem not in ("thousands_int", "small1e-6_lab")]
READ = NAMES


def upload(page: Page, server, name: str, to: str, cue: str, **link: object) -> None:
    """Open a page and choose the file there."""
    page.goto(drive.address(server, to, cue, source=OWN["csv"], **link))
    page.wait_for_selector(drive.IDLE)
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(CASES / f"{name}.csv")
    expect(page.get_by_text("Models see")).to_be_visible()
    page.wait_for_selector(drive.IDLE)
    expect(drive.player(page)).to_have_attribute("data-status", re.compile("done|running|paused"))
    drive.spy_on_drag(page)
    first = columns(name)[0]
    drive.until(lambda: axis(page, "x")[0] == first, "the file's points are in the picture")


def points_of(name: str) -> np.ndarray:
    rows = [line.split(",")[:2] for line in (CASES / f"{name}.csv").read_text().split()[1:]]
    return np.array(rows, dtype=float)


def columns(name: str) -> list[str]:
    return (CASES / f"{name}.csv").read_text().splitlines()[0].split(",")[:2]


def axis(page: Page, which: str, panel: int = 0) -> tuple[str, np.ndarray, np.ndarray]:
    """Label, and the ticks' values in the file's units beside the places (in the picture) where they stand."""
    said = page.evaluate(f"() => window.drag.player.views[{panel}].axis('{which}')")
    found = re.fullmatch(r"\(?(\S+?)(?: ([−+]) ([\d.]+(?: · 10\S+)?)\)?)?(?: / 10(\S+))?", said["label"])
    assert found, said["label"]
    name, sign, offset, power = found.groups()
    factor = 10.0 ** int((power or "0").translate(POWERS))
    shift = float(offset or 0) * (1 if sign == "−" else -1)
    values = [float(t["text"].replace("−", "-")) * factor + shift for t in said["ticks"]]
    return name, np.array(values), np.array([t["value"] for t in said["ticks"]])


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_axes_speak_the_file_s_names_and_units(tab, server, name):
    upload(tab, server, name, "gaussian", "fit")
    drive.pause(tab)
    drive.seek(tab, drive.last_frame(tab))
    points = points_of(name)
    if name in LOG_LIKELIHOODS:
        drive.wait_shows(tab, "log-likelihood", LOG_LIKELIHOODS[name], 3)
    for k, which in enumerate("xy"):
        label, values, places = axis(tab, which)
        assert label == columns(name)[k]
        assert len(values) >= 2
        z = (points[:, k] - np.median(points[:, k])) / np.ptp(points[:, k])
        near = points[np.abs(z) < 0.6, k]
        slope, intercept = np.polyfit(places, values, 1)
        np.testing.assert_allclose(slope * places + intercept, values, rtol=1e-6, atol=1e-9 * abs(slope))
        assert np.ptp(values) < 4 * np.ptp(near), "the axes hug the points"
        shown = tab.evaluate(
            "k => [...window.drag.player.recording.still.get('0.0.xy').data].filter((_, i) => i % 2 === k)", k
        )
        np.testing.assert_allclose(
            np.sort(slope * np.array(shown) + intercept),
            np.sort(points[:, k]),
            rtol=1e-4,
            atol=1e-3 * abs(slope),
            err_msg="what stands at the ticks is what the file says",
        )


@pytest.mark.slow
def test_handles_and_hover_speak_the_file_s_units(tab, server):
    upload(tab, server, "faithful", "mixture", "em", k=2)
    drive.pause(tab)
    drive.seek(tab, 0)
    points = points_of("faithful")
    probe = drive.player(tab).locator(".handle.probe")
    x, y = map(float, re.search(r"at ([\d.]+), ([\d.]+);", probe.get_attribute("aria-label")).groups())
    assert np.abs(points - [x, y]).max(axis=1).min() < 0.01, "the chosen point is one of the file's"
    start = drive.player(tab).locator('[data-handle="start 1"]')
    box, stage = start.bounding_box(), drive.player(tab).locator("canvas").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(stage["x"] + 0.25 * stage["width"] / 2, stage["y"] + 60, steps=4)
    tab.mouse.up()
    drive.until(lambda: "means" in drive.asked(tab), "the start is in the link")
    tab.wait_for_selector(drive.IDLE)
    at = start.get_attribute("aria-label")
    x, y = map(float, re.search(r"at ([\d.]+), ([\d.]+);", at).groups())
    assert 1 < x < 6, at
    assert y > points[:, 1].max() - 15, "it was dragged up, and is not clipped to ±5"


@pytest.mark.slow
def test_a_labelled_file_far_below_one_is_told_apart(tab, server):
    upload(tab, server, "small1e-6_lab", "boundaries", "learn")
    drive.press(tab, "End")
    label, values, _ = axis(tab, "x")
    assert label == "a"
    assert 1e-7 < np.abs(values).max() < 1e-5
    assert drive.number(tab, "left: error") == 0


@pytest.mark.slow
@pytest.mark.parametrize(("page", "cue"), [("gan", "ring"), ("diffusion", "live"), ("vae", "live")])
def test_a_run_learns_in_the_file_s_units(tab, server, page, cue):
    upload(tab, server, "near1e6", page, cue)
    drive.until(lambda: drive.frames(tab) > 3, "it trains")
    assert axis(tab, "x")[0] == "a"
    assert axis(tab, "x")[1].max() > 3e5
    length = {"vae": "decoder's σₓ"}.get(page, {"gan": "W₂ to the data (n = 200)"}.get(page, "W₂ to the data"))
    assert 0 < drive.number(tab, length) < 10, "in standard deviations"
    assert "standard deviations" in drive.readout(tab, length)


def test_an_outlier_is_named_and_the_others_fill_the_picture(tab, server):
    upload(tab, server, "outlier", "mixture", "em", k=2)
    expect(tab.get_by_text("One point lies outside the picture: (40, 30)")).to_be_visible()
    assert axis(tab, "x")[1].max() < 10
    points = points_of("outlier")
    assert far_away((points - np.median(points, axis=0)) / 3).sum() == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "cue"), [("gan", "ring"), ("gan", "collapse"), ("diffusion", "live"), ("flows", "live")]
)
def test_points_are_painted_and_trained_on(tab, server, page, cue):
    tab.goto(drive.address(server, page, cue, source=OWN["painted"]))
    drive.wait_status(tab, "done")
    drive.spy_on_drag(tab)
    box = drive.player(tab).locator("canvas").bounding_box()
    for place in ((-2, -2), (2, 2), (0, 1), (1, -1)):
        px, py = tab.evaluate("([x, y]) => ((v) => [v.x(x), v.y(y)])(window.drag.player.views[0])", place)
        tab.mouse.click(box["x"] + px, box["y"] + py)
    drive.until(lambda: len(drive.asked(tab).get("painted", "")) > 12, "they are in the link")
    tab.wait_for_selector(drive.IDLE)
    tab.get_by_test_id("stCheckbox").filter(has_text="Paint").locator("label").click()
    drive.until(lambda: drive.data(tab, "status") == "running" and drive.frames(tab) > 2, "it trains on them")


def test_the_keyboard_paints_and_erases(tab, server):
    tab.goto(drive.address(server, "gaussian", "fit", source=OWN["painted"]))
    drive.wait_status(tab, "done")
    drive.spy_on_drag(tab)
    pen = drive.player(tab).get_by_role("button", name="Brush at")
    pen.focus()
    assert drive.focus_is_visible(tab)
    for key in ("Enter", "ArrowRight", "ArrowRight", "ArrowUp", "Enter", "Shift+ArrowLeft", "Enter"):
        tab.keyboard.press(key)
    drive.until(lambda: len(tab.evaluate("() => window.drag.painted")) == 3, "three points are there")
    points = np.array(tab.evaluate("() => window.drag.painted"))[:, :2]
    # each is where the pen was, or, once the answer is here, in the middle of its cell of the link's grid
    assert np.abs(points - [[0, 0], [0.5, 0.25], [-0.5, 0.25]]).max() <= drive.HALF_CELL
    drive.until(lambda: drive.number(tab, "points n") == 3, "they are in the picture")
    tab.wait_for_selector(drive.IDLE)
    pen.focus()
    tab.keyboard.press("Delete")
    drive.until(lambda: drive.number(tab, "points n") == 2, "the last is erased")
    assert drive.frame(tab) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("page", "cue"), [("mixture", "em"), ("boundaries", "knows")])
def test_where_there_is_a_probe_one_can_paint_too(tab, server, page, cue):
    points = np.random.default_rng(0).uniform(-3, 3, (30, 2))
    text = encode_points(points, np.arange(30) % 2 if page == "boundaries" else np.zeros(30, int), BOARD, BOARD)
    drive.open_page(tab, drive.address(server, page, cue, source=OWN["painted"], painted=text))
    drive.spy_on_drag(tab)
    box = drive.player(tab).locator("canvas").bounding_box()
    px, py = tab.evaluate("() => ((v) => [v.x(4.2), v.y(-4.2)])(window.drag.player.views[0])")
    before = drive.asked(tab)
    tab.mouse.click(box["x"] + px, box["y"] + py)
    drive.until(lambda: drive.asked(tab)["painted"] != before["painted"], "the point is in the link")
    tab.wait_for_selector(drive.IDLE)
    probe = drive.player(tab).locator(".handle.probe").first.bounding_box()
    x, y = probe["x"] + probe["width"] / 2, probe["y"] + probe["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x - 60, y - 40, steps=4)
    tab.mouse.up()
    drive.until(lambda: "probe_1" in drive.asked(tab), "the probe is taken by itself")
