"""The hand: handles, the probe and the brush of the Gaussian page."""

from __future__ import annotations

import json
import math
import re
import time

import drive
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from websockets.sync.client import connect

from dashboard.lesson.csv_files import read_csv
from dashboard.runs.blob import unpack
from dashboard.scene.own_points import BOARD, OWN
from dashboard.scene.painted import decode_points, encode_points
from dashboard.scenes.gaussian import ellipse, evaluate, likelihood, sample

pytestmark = pytest.mark.browser

COUNT_RERUNS = """() => {
  const app = document.querySelector("[data-testid=stApp]");
  window.reruns = 0;
  new MutationObserver((changes) => { window.reruns += changes.filter((c) => c.oldValue === "notRunning").length; })
    .observe(app, { attributes: true, attributeOldValue: true, attributeFilter: ["data-test-script-state"] });
}"""
RERUN = 0x5A  # the first byte of Streamlit's BackMsg that asks for a rerun: field 11, a message


def open_cue(page: Page, server, cue: str, **link: object) -> None:
    """The page at a cue, with what the link says, at rest."""
    if not hasattr(page, "rerun_requests"):
        page.rerun_requests = []

        def keep(sent: bytes | str) -> None:
            if isinstance(sent, bytes) and sent[0] == RERUN:
                page.rerun_requests.append(sent)

        page.on("websocket", lambda socket: "_stcore" in socket.url and socket.on("framesent", keep))
    drive.open_page(page, drive.address(server, "gaussian", cue, **link))
    drive.pause(page)
    if cue != "fit":
        drive.seek(page, 0)
    page.evaluate(COUNT_RERUNS)
    page.evaluate(drive.SPY_ON_DRAG)
    page.rerun_requests.clear()
    page.mouse.move(3, 3)


def reruns(page: Page) -> int:
    """How often Streamlit was asked to run the script; what it says of itself may lag behind, never beyond."""
    seen = page.evaluate("() => window.reruns")
    assert seen <= len(page.rerun_requests)
    return len(page.rerun_requests)


def handle(page: Page, name: str):
    return drive.player(page).locator(f'.handle[data-handle="{name}"]')


def centre(page: Page, name: str) -> tuple[float, float]:
    box = handle(page, name).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def place(page: Page, name: str) -> tuple[float, float]:
    """Where a handle says that it is, in data units, to three digits."""
    said = handle(page, name).get_attribute("aria-label").replace("−", "-")
    x, y = re.search(r"at (-?[\d.]+), (-?[\d.]+);", said).groups()
    return float(x), float(y)


def drag(page: Page, name: str, by: tuple[float, float], seconds: float = 1.0) -> None:
    """Drag a handle to and fro and leave it, still held, this many pixels from its place; it must follow."""
    x, y = centre(page, name)
    page.mouse.move(x, y)
    page.mouse.down()
    before, began = drive.answers(page), time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        share = 0.5 - 0.5 * math.cos(2 * math.pi * passed)
        page.mouse.move(x + share * by[0], y + share * by[1])
    heard, passed = drive.answers(page) - before, time.monotonic() - began
    print(f"\n{name}: {heard / passed:.0f} answers a second, the last after {drive.data(page, 'answer-ms')} ms")
    page.mouse.move(x + by[0], y + by[1])
    drive.until(lambda: drive.answers(page) > before, "it answers while it is held")
    assert reruns(page) == 0


def release(page: Page) -> None:
    """Let go; the page hears of it once, and shows what it has made of it."""
    run = drive.data(page, "run")
    page.mouse.up()
    settle(page, run)
    assert reruns(page) == 1
    page.evaluate("() => { window.reruns = 0; }")
    page.rerun_requests.clear()


def settle(page: Page, run: str) -> None:
    """Wait for the recording that follows what the hand has done."""
    drive.wait_new_run(page, run)
    drive.until(lambda: page.evaluate("() => !window.drag?.player.coming"), "its first frame is drawn")


# --- the probe ----------------------------------------------------------------------------------------------


def expect_probed(page: Page) -> None:
    """What is printed belongs to the place of the probe."""

    def fits() -> bool:
        x = np.array([place(page, "probe")])
        gaussian = evaluate.Config().gaussian()
        log_p = float(gaussian.log_prob(x)[0])
        return (
            drive.shows(page, "p(x)", math.exp(log_p), 4)
            and drive.shows(page, "log p(x)", log_p, 3)
            and drive.shows(page, "Mahalanobis distance", float(gaussian.mahalanobis(x)[0]), 2)
        )

    drive.until(fits, "the numbers belong to the place of the probe", 5)


def expect_in_link(page: Page) -> None:
    drive.until(lambda: probe_in_link(page) == place(page, "probe"), "it is in the link")


def probe_in_link(page: Page) -> tuple[float, float]:
    """A default is left out of it."""
    link = drive.asked(page)
    return float(link.get("probe_1", 1.5)), float(link.get("probe_2", 0.5))


def test_probe_is_dragged(tab, tabs, server):
    open_cue(tab, server, "evaluate")
    assert place(tab, "probe") == (1.5, 0.5)
    expect_probed(tab)
    drag(tab, "probe", (-160, 70))
    assert place(tab, "probe") != (1.5, 0.5)
    expect_probed(tab)
    held = place(tab, "probe")
    release(tab)
    assert place(tab, "probe") == held
    expect_probed(tab)
    expect_in_link(tab)
    other = tabs.open()
    drive.open_page(other, tab.evaluate("() => location.href"))
    drive.pause(other)
    drive.press(other, "Home")
    assert place(other, "probe") == held
    expect_probed(other)


@pytest.mark.slow
def test_probe_by_keys(tab, server):
    open_cue(tab, server, "evaluate")
    handle(tab, "probe").focus()
    run = drive.data(tab, "run")
    tab.keyboard.press("ArrowRight")
    settle(tab, run)
    assert place(tab, "probe") == (1.62, 0.5)
    expect_in_link(tab)
    assert reruns(tab) == 1
    assert drive.focused(tab).startswith("Probe at"), "the focus stays on it"
    run, expected = drive.data(tab, "run"), place(tab, "probe")[1]
    step = 7.2 / 100
    tab.keyboard.down("Shift")
    for _ in range(5):  # held down, it repeats
        tab.keyboard.down("ArrowUp")
        expected += 5 * step
    drive.until(lambda: abs(place(tab, "probe")[1] - expected) < 0.011, "it moves")
    expect_probed(tab)
    assert reruns(tab) == 1
    tab.keyboard.up("ArrowUp")
    tab.keyboard.up("Shift")
    settle(tab, run)
    assert reruns(tab) == 2
    expect_in_link(tab)


def test_a_click_calls_the_probe(tab, server):
    open_cue(tab, server, "evaluate")
    x, y = centre(tab, "probe")
    run = drive.data(tab, "run")
    tab.mouse.click(x - 120, y + 60)
    settle(tab, run)
    here = centre(tab, "probe")
    assert abs(here[0] - (x - 120)) < 1.5
    assert abs(here[1] - (y + 60)) < 1.5
    expect_probed(tab)
    expect_in_link(tab)
    assert reruns(tab) == 1


@pytest.mark.slow
def test_the_probe_beyond_the_picture(tab, server):
    """It goes as far as the picture, and once more from there."""
    open_cue(tab, server, "evaluate")
    for _ in range(2):
        run = drive.data(tab, "run")
        x, y = centre(tab, "probe")
        tab.mouse.move(x, y)
        tab.mouse.down()
        tab.mouse.move(x + 20, y - 500)
        tab.mouse.move(2, y - 700)
        tab.mouse.up()
        if run == drive.data(tab, "run"):
            drive.next_picture(tab, 5)
        drive.until(lambda: place(tab, "probe") == (-6.0, 3.6), "at the corner")
        tab.wait_for_selector(drive.IDLE)
        expect_probed(tab)
        expect_in_link(tab)


# --- handles ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cue", "names"), [("sample", ("mean", "axis 1", "axis 2")), ("likelihood", ("μ", "σ", "you"))]
)
def test_handles_are_large_enough(tab, server, cue, names):
    open_cue(tab, server, cue)
    assert drive.player(tab).locator(".handle").count() == len(names)
    for name in names:
        box = handle(tab, name).bounding_box()
        assert min(box["width"], box["height"]) >= 44, name


@pytest.mark.slow
@pytest.mark.parametrize(("name", "by"), [("mean", (40, -30)), ("axis 1", (20, -50)), ("axis 2", (15, 20))])
def test_handles_of_sample(tab, server, name, by):
    open_cue(tab, server, "sample")
    drive.seek(tab, 100)
    drag(tab, name, by)
    assert drive.frame(tab) == 100
    release(tab)
    drive.wait_frame(tab, 100)
    expect(drive.button(tab, "Play")).to_be_visible()
    drive.until(
        lambda: set(drive.asked(tab)) & {"mean_1", "mean_2", "sigma_1", "sigma_2", "rho"}, "the link holds it"
    )
    link = {key: float(value) for key, value in drive.asked(tab).items() if key not in ("cue", "slip", "challenge")}
    for knob in ellipse.handles(sample.Config(**link).gaussian(), 1):
        drive.until(
            lambda knob=knob: np.abs(np.array(place(tab, knob.name)) - knob.at).max() < 0.011,
            f"handle {knob.name} lies where the link says",
        )


def test_one_handle_after_another(tab, server):
    """The one that was let go keeps the focus until the next one is taken."""
    open_cue(tab, server, "sample")
    for name, by in (("mean", (40, -30)), ("axis 1", (20, -50)), ("mean", (-30, 10))):
        drag(tab, name, by)
        release(tab)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "by"), [("μ", (70, 0)), ("σ", (40, 0)), ("you", (60, 30))])
def test_handles_of_likelihood(tab, server, name, by):
    open_cue(tab, server, "likelihood")
    start = likelihood.Config()
    drag(tab, name, by)

    def expected() -> tuple[float, float]:
        x, y = place(tab, name)
        if name == "μ":
            return x, start.guess_sigma_1
        return (start.guess_mean_1, x - start.guess_mean_1) if name == "σ" else (x, y)

    def fits() -> bool:
        mean, sigma = expected()
        config = likelihood.Config(guess_mean_1=mean, guess_sigma_1=sigma)
        total = float(config.guess().log_prob(config.data()).sum())
        near = abs(drive.number(tab, "μ") - mean) < 0.011 and abs(drive.number(tab, "σ") - sigma) < 0.011
        return near and abs(drive.number(tab, "Σ log p(xᵢ)") - total) < 0.03 * abs(total)

    drive.until(fits, "the numbers belong to the handle's place", 5)
    assert expected() != (start.guess_mean_1, start.guess_sigma_1)
    release(tab)
    drive.until(lambda: len(drive.asked(tab)) > 1, "the link holds it")
    link = {key: float(value) for key, value in drive.asked(tab).items() if key != "cue"}
    config = likelihood.Config(**link)
    total = float(config.guess().log_prob(config.data()).sum())
    drive.until(lambda: drive.shows(tab, "Σ log p(xᵢ)", total, 2), "the numbers belong to the link")
    assert abs(config.guess_mean_1 - expected()[0]) < 0.011
    assert abs(config.guess_sigma_1 - expected()[1]) < 0.021
    assert drive.frame(tab) == 0


# --- the brush ----------------------------------------------------------------------------------------------


def tool(page: Page, name: str):
    return drive.player(page).get_by_role("toolbar", name="Brush").get_by_role("button", name=name)


def board(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the board is in the window."""
    drive.until(lambda: page.evaluate("() => !!window.drag"), "it is drawn")
    box = drive.player(page).locator("canvas").bounding_box()
    px, py = page.evaluate("([x, y]) => { const v = window.drag.player.views[0]; return [v.x(x), v.y(y)]; }", [x, y])
    return box["x"] + px, box["y"] + py


def in_link(page: Page) -> np.ndarray:
    """The points that the link holds."""
    return decode_points(drive.asked(page).get("painted", ""), BOARD, BOARD)[0]


def expect_points(page: Page, count: int) -> None:
    drive.until(lambda: len(in_link(page)) == count, f"{count} points in the link")
    page.wait_for_selector(drive.IDLE)
    drive.until(lambda: drive.readout(page, "points n") == str(count), f"{count} points are counted")


def open_board(page: Page, server, points: np.ndarray | None = None) -> None:
    text = "" if points is None else encode_points(points, [0] * len(points), BOARD, BOARD)
    open_cue(page, server, "fit", source=OWN["painted"], **({"painted": text} if text else {}))
    page.mouse.move(*drive_to_middle(page))


def drive_to_middle(page: Page) -> tuple[float, float]:
    box = drive.player(page).locator("canvas").bounding_box()
    return box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2


@pytest.mark.slow
def test_paint_by_clicks_erase_and_clear(tab, server):
    open_board(tab, server)
    places = np.array([[-3.0, 2.0], [-1.0, -2.0], [1.0, 1.0], [2.5, -3.0], [4.0, 3.0], [0.0, 0.0]])
    windows = [board(tab, x, y) for x, y in places.tolist()]
    for x, y in windows:  # as fast as they come, not waiting for the page
        tab.mouse.click(x, y)
    expect_points(tab, len(places))
    pixel = 10 / (windows[4][0] - windows[0][0]) * 0.7 + drive.HALF_CELL
    assert np.abs(in_link(tab) - places).max() < pixel
    tool(tab, "Erase").click()
    expect(tool(tab, "Erase")).to_have_attribute("aria-pressed", "true")
    tab.mouse.click(*board(tab, *places[2].tolist()))  # the window may have scrolled to the tool
    expect_points(tab, len(places) - 1)
    assert np.abs(in_link(tab) - np.delete(places, 2, axis=0)).max() < pixel
    expect(tool(tab, "Erase")).to_have_attribute("aria-pressed", "true")
    tool(tab, "Clear").click()
    expect_points(tab, 0)
    assert "painted" not in drive.asked(tab)
    tool(tab, "Paint").click()
    tab.mouse.click(*board(tab, *places[0].tolist()))
    expect_points(tab, 1)


@pytest.mark.slow
def test_what_is_beyond_the_board_is_not_painted(tab, server):
    """The panel shows more than the board; a point out there would have to be moved to its edge."""
    open_board(tab, server)
    beyond, within = board(tab, 5.2, 0.0), board(tab, 4.6, 0.0)
    tab.mouse.click(*beyond)
    tab.mouse.click(*within)
    expect_points(tab, 1)
    assert abs(in_link(tab)[0, 0] - 4.6) < 0.1


@pytest.mark.slow
def test_paint_by_dragging_and_the_link_restores_it(tab, tabs, server):
    open_board(tab, server)
    tab.mouse.move(*board(tab, -3, -3))
    tab.mouse.down()
    for way in np.linspace(0, 1, 40):
        tab.mouse.move(*board(tab, -3 + 6 * way, -3 + 6 * way**2))
    print(f"\nbrush: the last answer after {drive.data(tab, 'answer-ms')} ms")
    painted = np.array(tab.evaluate("() => window.drag.painted"))[:, :2]
    assert len(painted) >= 10
    drive.until(lambda: drive.readout(tab, "points n") == str(len(painted)), "it is counted under the brush", 5)
    release(tab)
    expect_points(tab, len(painted))
    assert np.abs(in_link(tab) - painted).max() <= drive.HALF_CELL
    other = tabs.open()
    drive.open_page(other, tab.evaluate("() => location.href"))
    other.evaluate(drive.SPY_ON_DRAG)
    drive.press(other, "End")
    expect_points(other, len(painted))
    drive.until(lambda: other.evaluate("() => !!window.drag"), "it is drawn")
    assert np.abs(np.array(other.evaluate("() => window.drag.painted"))[:, :2] - painted).max() <= drive.HALF_CELL
    other.wait_for_selector(drive.IDLE)
    with other.expect_download() as file:
        other.get_by_role("button", name="Data as CSV").click()
    points = read_csv(file.value.path().read_bytes()).points
    assert np.allclose(points[np.lexsort(points.T)], (own := in_link(other))[np.lexsort(own.T)])


@pytest.mark.slow
def test_no_more_than_500_points(tab, server):
    points = np.random.default_rng(0).uniform(-4.9, 0, (499, 2))
    open_board(tab, server, points)
    tab.mouse.click(*board(tab, 3, 3))
    expect_points(tab, 500)
    tab.mouse.click(*board(tab, 2, 3))
    expect(drive.message(tab)).to_contain_text("room for 500 points")
    tab.wait_for_selector(drive.IDLE)
    assert len(in_link(tab)) == 500


# --- on the socket ------------------------------------------------------------------------------------------

GOOD = {"handles": {"probe": [1.0, 0.0]}, "before": {"probe": [1.5, 0.5]}, "moved": "probe"}
DEEP = '{"ask": {"x": ' + "[" * 5000 + "]" * 5000 + '}, "step": 0, "n": 3}'
BAD = {
    "NaN": '{"ask": {"handles": {"probe": [NaN, 0]}}, "step": 0, "n": 3}',
    "infinite": '{"ask": {"handles": {"probe": [1e999, 0]}}, "step": 0, "n": 3}',
    "huge number": '{"ask": {"handles": {"probe": [1e300, 0]}}, "step": 0, "n": 3}',
    "missing": '{"ask": {}, "step": 0, "n": 3}',
    "no handles": '{"ask": {"handles": {}}, "step": 0, "n": 3}',
    "text": '{"ask": {"handles": {"probe": "here"}}, "step": 0, "n": 3}',
    "three": '{"ask": {"handles": {"probe": [1, 2, 3]}}, "step": 0, "n": 3}',
    "list": '{"ask": [1], "step": 0, "n": 3}',
    "step": '{"ask": {"handles": {"probe": [1, 2]}}, "step": 0.5, "n": 3}',
    "deep": DEEP,
    "huge": json.dumps({"ask": GOOD | {"more": "x" * 2_000_000}, "step": 0, "n": 3}),
}


def test_bad_questions_get_an_error_and_the_socket_lives(tab, server):
    open_cue(tab, server, "evaluate")
    run = drive.data(tab, "run")
    address = f"ws://127.0.0.1:{server.port}/runs/{run}"
    wrong = []
    for name, message in BAD.items():
        try:
            with connect(address, origin=server.url, max_size=None) as socket:
                socket.send(message)
                said = json.loads(socket.recv(timeout=5))["error"]
                socket.send(json.dumps({"ask": GOOD, "step": 0, "n": 4}))
                arrays, told = unpack(socket.recv(timeout=5))
                if not (10 < len(said) < 300 and said.endswith(".") and told == {"answer": 4, "step": 0}):
                    wrong.append((name, said, told))
                assert "readout.0" in arrays
        except Exception as why:
            wrong.append((name, repr(why)))
    assert not wrong
    with connect(address + "x", origin=server.url) as socket:  # it says so before one has asked anything
        assert json.loads(socket.recv(timeout=5)) == {"error": "gone"}
    drag(tab, "probe", (-60, 20), 0.3)
    expect_probed(tab)
    release(tab)
    assert drive.data(tab, "run") != run
    expect(drive.message(tab)).to_be_hidden()


@pytest.mark.slow
def test_after_a_lost_connection_in_a_drag_the_hand_goes_on(page, server):
    """The question that was in flight is never answered; the next one is asked all the same."""
    ends, silent = [], []

    def between(socket):
        upstream = socket.connect_to_server()
        socket.on_message(lambda message: None if silent and '"ask"' in message else upstream.send(message))
        ends.append((socket, upstream))

    page.route_web_socket(re.compile("/runs/"), between)
    open_cue(page, server, "evaluate")
    x, y = centre(page, "probe")
    page.mouse.move(x, y)
    page.mouse.down()
    silent.append(True)
    page.mouse.move(x - 30, y)
    page.wait_for_timeout(50)
    for socket, upstream in ends[-1:]:
        upstream.close()
        socket.close()
    silent.clear()
    count = len(ends)
    drive.until(lambda: page.wait_for_timeout(20) or len(ends) > count, "it is connected again")
    page.wait_for_timeout(300)
    page.mouse.move(x - 60, y)
    expect_probed(page)
    page.mouse.up()
    page.wait_for_selector(drive.IDLE)
    expect_in_link(page)


# --- files --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_save_this_picture(tab, server):
    open_cue(tab, server, "sample")
    drive.seek(tab, 42)
    with tab.expect_download() as file:
        drive.save(tab, "Picture of this frame")
    assert file.value.suggested_filename == "gaussian-Sample-frame-42.png"
    png = file.value.path().read_bytes()
    assert png.startswith(b"\x89PNG\r\n")
    canvas = drive.player(tab).locator("canvas")
    width, height = (int.from_bytes(png[k : k + 4], "big") for k in (16, 20))
    assert width == canvas.evaluate("c => c.width")
    lines = (height - canvas.evaluate("c => c.height")) / (1.5 * 16)
    assert lines > 2, "numbers, formula and name stand below"
