"""What is taken home from the Player is what it showed: films, one HTML file, numbers, links, a frame, paper."""

from __future__ import annotations

import base64
import io
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import drive
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from dashboard.player.take import GONE
from dashboard.scenes.gaussian import fit
from dashboard.scenes.gaussian import sample as sampling

pytestmark = pytest.mark.browser
FPS = sampling.scene(sampling.Config()).fps

VIDEO = """async (bytes) => {
  const video = document.createElement("video");
  video.muted = true;
  const film = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  video.src = URL.createObjectURL(new Blob([film], { type: "video/mp4" }));
  const when = (name) => new Promise((done, failed) => {
    video.addEventListener(name, done, { once: true });
    video.onerror = () => failed(video.error.message);
  });
  await when("loadeddata");
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
  const ctx = canvas.getContext("2d");
  const pictures = [];
  for (const time of [0.02, video.duration / 2, video.duration - 0.02]) {
    const there = when("seeked");
    video.currentTime = time;
    await there;
    ctx.drawImage(video, 0, 0);
    pictures.push(canvas.toDataURL().split(",")[1]);
  }
  const ended = when("ended");
  video.currentTime = video.duration - 0.3;
  await video.play();
  await ended;
  return { seconds: video.duration, size: [video.videoWidth, video.videoHeight], pictures };
}"""


@pytest.fixture
def sample(shared_page: Page, shared_tabs, server) -> Iterator[Page]:
    """The cue Sample of the Gaussian page, at rest; opened again only where a test has left it."""
    page, url = shared_page, drive.address(server, "gaussian", "sample")
    if page.url != url:
        drive.open_page(page, url)
    drive.uncover(page)
    drive.pause(page)
    drive.open_save(page)
    if drive.button(page, "All of it").is_visible():
        drive.button(page, "All of it").click()
    drive.press(page, "Escape")
    yield page
    shared_tabs.check()


def saved(page: Page, what: str) -> tuple[str, bytes]:
    """Name and content of what the menu hands over."""
    with page.expect_download(timeout=100_000) as file:
        drive.save(page, what)
    expect(drive.player(page).locator(".menu .cancel")).to_be_hidden()
    return file.value.suggested_filename, Path(file.value.path()).read_bytes()


def mark(page: Page, first: int, last: int) -> None:
    """A part of the run, by the keys."""
    for number, key in ((first, "["), (last, "]")):
        drive.seek(page, number)
        drive.press(page, key)


def watch(page: Page, film: bytes) -> dict:
    """A film as the browser plays it: its length, its size, and the pictures at its two ends and in the middle."""
    page.goto("about:blank")
    seen = page.evaluate(VIDEO, base64.b64encode(film).decode())
    seen["pictures"] = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(p))).convert("RGB")) for p in seen["pictures"]
    ]
    return seen


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean over pixels and colours, from 0 to 255."""
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def as_array(png: bytes, size: tuple[int, int]) -> np.ndarray:
    """A saved picture as large as a film of it: films have even sides and room for the longest words."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    sheet = Image.new("RGB", size, "white")
    sheet.paste(picture)
    return np.asarray(sheet)


# --- films --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["avc1", "vp09"])
def test_a_film_plays_and_shows_the_part_that_was_marked(sample, codec):
    if codec == "vp09":  # a browser without H.264
        sample.evaluate("""() => { const ask = VideoEncoder.isConfigSupported;
            VideoEncoder.isConfigSupported = (wanted) => wanted.codec.startsWith("avc")
              ? Promise.resolve({ supported: false }) : ask.call(VideoEncoder, wanted); }""")
    drive.seek(sample, 60)
    pngs = {60: saved(sample, "Picture")[1]}
    drive.seek(sample, 99)
    pngs[99] = saved(sample, "Picture")[1]
    mark(sample, 60, 99)
    expect(drive.player(sample).locator(".which")).to_have_text("Film and GIF show frame 60 to 99.")
    name, film = saved(sample, "Film")
    assert name == "gaussian-Sample.mp4"
    assert codec.encode() in film
    canvas = drive.player(sample).locator("canvas").first.evaluate("c => [c.width, c.height]")
    seen = watch(sample, film)
    assert seen["seconds"] == pytest.approx(40 / FPS, abs=0.05)
    width, height = seen["size"]
    assert abs(width - canvas[0]) <= 1
    assert canvas[1] < height < canvas[1] + 200, "the words stand below"
    first, middle, last = seen["pictures"]
    for picture, step in ((first, 60), (last, 99)):
        wanted = as_array(pngs[step], (width, height))
        assert difference(picture[: canvas[1] - 2], wanted[: canvas[1] - 2]) < 3, step
    assert difference(first, last) > 3 * difference(first, as_array(pngs[60], (width, height)))
    assert difference(middle, first) > 0


def test_which_frames_a_film_shows(sample):
    """Each frame once, in its time, while there are few; of many, evenly spaced ones from the first to the end."""
    cases = [(1, 20), (40, 2), (200, 20), (200, 80), (10_000, 20), (1801, 30)]
    planned, limits = sample.evaluate(
        """async (cases) => {
          const files = performance.getEntriesByType("resource").map((entry) => entry.name);
          const { FILM, GIF, schedule } = await import(files.find((name) => name.endsWith("/film.js")));
          const kinds = [FILM, GIF];
          return [cases.map(([count, rate]) => kinds.map((kind) => schedule(count, rate, kind))), kinds];
        }""",
        cases,
    )
    for (count, rate), kinds in zip(cases, planned, strict=True):
        for shown, limit in zip(kinds, limits, strict=True):
            indices, seconds = np.array(shown["indices"]), shown["seconds"]
            gaps = np.diff(indices)
            assert indices[0] == 0
            assert count - 1 - gaps.max(initial=0) <= indices[-1] <= count - 1
            assert count == 1 or (gaps.min() >= 1 and np.ptp(gaps) <= 1)
            assert len(indices) <= limit["most"]
            assert 1 / seconds <= limit["fastest"] + 1e-9
            assert shown["thinned"] == (count > limit["most"])
            if not shown["thinned"]:
                assert len(indices) * seconds == pytest.approx(count / rate, rel=0.02, abs=seconds)
            if "unit" in limit:
                assert 100 * seconds == pytest.approx(round(100 * seconds)), "a GIF counts in hundredths of a second"


@pytest.mark.slow
def test_at_half_the_speed_a_film_takes_twice_the_time(sample):
    drive.player(sample).get_by_label("Speed").select_option("0.5")
    mark(sample, 60, 79)
    _, film = saved(sample, "Film")
    assert watch(sample, film)["seconds"] == pytest.approx(20 / (0.5 * FPS), abs=0.05)


@pytest.mark.slow
def test_a_gif_has_the_pictures_and_the_time_of_its_part(sample):
    mark(sample, 10, 79)
    name, content = saved(sample, "Moving picture")
    assert name == "gaussian-Sample.gif"
    gif = Image.open(io.BytesIO(content))
    durations = []
    for k in range(gif.n_frames):
        gif.seek(k)
        durations.append(gif.info["duration"])
    assert gif.width <= 720
    assert sum(durations) == pytest.approx(1000 * 70 / FPS, abs=80)
    assert min(durations) >= 1000 / 15
    assert 10 * 70 / FPS <= gif.n_frames <= 15 * 70 / FPS
    assert len(content) < 3_000_000
    gif.seek(0)
    drive.seek(sample, 10)
    png = Image.open(io.BytesIO(saved(sample, "Picture")[1])).convert("RGB")
    small = np.asarray(png.resize((gif.width, round(gif.width * png.height / png.width))))
    shown = np.asarray(gif.convert("RGB"))
    rows = int(0.7 * min(len(small), len(shown)))
    assert difference(small[:rows], shown[:rows]) < 4


@pytest.mark.slow
def test_a_film_goes_on_in_the_background_and_can_be_cancelled(sample):
    drive.save(sample, "Film")
    progress = drive.player(sample).get_by_role("progressbar", name="Progress")
    drive.until(lambda: float(progress.get_attribute("value") or 0) >= 2, "pictures are made")
    drive.press(sample, "Escape")
    drive.seek(sample, 5)  # the page answers meanwhile
    drive.press(sample, "ArrowRight")
    drive.wait_frame(sample, 6)
    drive.save(sample, "Numbers of this frame")
    expect(drive.note(sample)).to_have_text("One thing at a time: this one first, or cancel it.")
    drive.button(sample, "Cancel").click()
    expect(drive.note(sample)).to_have_text("Cancelled.")
    expect(progress).to_be_hidden()


@pytest.mark.slow
def test_a_browser_that_makes_no_films_says_so(sample):
    sample.evaluate("() => { window.kept = window.VideoEncoder; delete window.VideoEncoder; }")
    drive.save(sample, "Film")
    expect(drive.note(sample)).to_contain_text("cannot make a film; save it as GIF")
    sample.evaluate("() => { window.VideoEncoder = window.kept; }")


# --- one file -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_one_file_plays_offline(tabs, server, tmp_path, scheme):
    page = tabs.open(color_scheme=scheme, reduced_motion="reduce")
    drive.open_page(page, drive.address(server, "gaussian", "sample"))
    name, content = saved(page, "The animation")
    assert name == "gaussian-Sample.html"
    assert len(content) < 3_000_000
    link = page.url
    drive.press(page, "Escape")
    drive.seek(page, 100)
    page.mouse.move(1, 1)
    size = drive.player(page).locator("canvas").first.evaluate("c => [c.width, c.height]")
    wanted = drive.picture(page)

    file = tmp_path / name
    file.write_bytes(content)
    alone = tabs.open(color_scheme=scheme, reduced_motion="reduce")
    alone.context.set_offline(True)
    asked: list[str] = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(file.as_uri())
    drive.wait_status(alone, "done")
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    assert alone.title() == "gaussian · Sample"
    assert link in unescape(alone.locator("footer").inner_text())
    expect(alone.locator("footer")).to_contain_text("All 179 frames")
    stage = drive.player(alone).locator(".stage")
    stage.evaluate(
        "(stage, [w, h]) => Object.assign(stage.style, { width: `${w}px`, height: `${h}px`, flex: 'none' })", size
    )
    drive.next_picture(alone, 3)
    drive.seek(alone, 100)
    assert drive.picture(alone) == wanted, "the same picture, pixel for pixel"
    drive.press(alone, "ArrowRight")
    drive.wait_frame(alone, 101)
    drive.layer(alone, "samples").click()
    expect(drive.layer(alone, "samples")).to_have_attribute("aria-pressed", "false")
    assert drive.picture(alone) != wanted
    drive.button(alone, "Play").click()
    drive.until(lambda: drive.frame(alone) > 110, "it plays")


@pytest.mark.slow
def test_of_a_live_run_the_file_has_what_was_recorded(tab, tabs, server, tmp_path):
    tab.goto(drive.address(server, "gan", "one"))
    drive.until(lambda: drive.frames(tab) > 3, "it trains", 60)
    drive.button(tab, "Pause training").click()
    drive.wait_status(tab, "paused")
    _, content = saved(tab, "The animation")
    frames = drive.frames(tab)
    file = tmp_path / "live.html"
    file.write_bytes(content)
    alone = tabs.open()
    alone.goto(file.as_uri())
    drive.wait_status(alone, "done")
    assert abs(drive.frames(alone) - frames) <= 2
    expect(alone.locator("footer")).to_contain_text("what was recorded when this file was saved")
    expect(drive.player(alone).locator(".training")).to_be_hidden()


# --- numbers ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_numbers_of_the_frame_and_of_the_run(tab, server):
    drive.open_page(tab, drive.address(server, "gaussian", "fit"))
    drive.seek(tab, 33)
    name, table = saved(tab, "Numbers of this frame")
    assert name == "gaussian-Fit-points-n-33.csv"
    scene = fit.scene(fit.Config())
    at = {readout.name: readout.values for readout in scene.readouts}
    for row in (line.split(",") for line in table.decode().splitlines()):
        if row[1] == "readout":
            assert float(row[-1]) == at[row[2]][33]
    name, archive = saved(tab, "Numbers of all frames")
    assert name == "gaussian-Fit.npz"
    with np.load(io.BytesIO(archive)) as arrays:
        np.testing.assert_array_equal(arrays["steps"], scene.steps)
        for k, readout in enumerate(scene.readouts):
            found = next(arrays[key] for key in arrays if key.startswith(f"readout.{k}."))
            np.testing.assert_array_equal(found, readout.values)


@pytest.mark.slow
def test_a_run_that_is_gone_is_said_to_be(sample):
    sample.route(re.compile(r".*/runs/[^/]+/run\.npz.*"), lambda route: route.continue_(
        url=re.sub(r"/runs/[^/]+/", "/runs/nobody/", route.request.url)))  # fmt: skip
    drive.save(sample, "Numbers of all frames")
    expect(drive.note(sample)).to_have_text(GONE)
    sample.unroute_all()


def test_who_may_ask_for_a_run_s_files(sample, server):
    """Over the wire: a page of another address, a name that is made to point here, a method, a frame that is none."""
    run = f"{server.url}/runs/{drive.data(sample, 'run')}"

    def ask(path: str, body: bytes | None = None, **headers: str) -> int:
        asked = urllib.request.Request(path, body, {key.replace("_", "-"): value for key, value in headers.items()})
        try:
            return urllib.request.urlopen(asked, timeout=20).status
        except urllib.error.HTTPError as why:
            sentence = why.read().decode()
            assert sentence.endswith("."), sentence
            return why.code

    assert ask(f"{run}/run.npz") == 200
    assert ask(f"{run}/run.npz", Origin=server.url) == 200
    assert ask(f"{run}/run.npz", Origin="https://evil.example") == 403
    assert ask(f"{run}/run.npz", Sec_Fetch_Site="cross-site") == 403
    assert ask(f"{run}/run.npz", Host="evil.example") == 403
    assert ask(f"{server.url}/runs/nobody/run.npz") == 404
    assert ask(f"{run}/film.gif", b"x") == 403, "a browser says its origin with a POST"
    assert ask(f"{run}/film.gif", b"x", Origin=server.url) == 400
    assert ask(f"{run}/film.gif") == 404
    assert ask(f"{run}/secret.txt") == 404
    for frame in ("", "x", "99999", "1e3", "9" * 40):
        assert ask(f"{run}/frame.csv?frame={frame}") == 400


# --- links, and a frame in another page ---------------------------------------------------------------------


@pytest.mark.slow
def test_copied_links_lead_here(tabs, server):
    page = tabs.open(permissions=["clipboard-read", "clipboard-write"])
    drive.open_page(page, drive.address(server, "gaussian", "fit", points=50) + "&embed_options=light_theme")
    drive.save(page, "Copy the link")
    expect(drive.note(page)).to_have_text("Copied.")
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert link == page.url.replace("&embed_options=light_theme", "")
    drive.save(page, "Copy an iframe")
    expect(drive.note(page)).to_have_text("Copied.")
    frame = page.evaluate("() => navigator.clipboard.readText()")
    page.set_content(f"<h1>A page of one's own</h1>{frame}")
    inside = page.frame_locator("iframe").get_by_test_id("player")
    expect(inside).to_have_attribute("data-status", "done")
    expect(inside).to_have_attribute("data-frames", "51")


@pytest.mark.slow
def test_where_nothing_may_be_copied_the_text_is_shown(sample):
    sample.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    drive.save(sample, "Copy the link")
    expect(drive.note(sample)).to_contain_text("copy it from here")
    expect(drive.player(sample).get_by_label("To be copied")).to_have_value(sample.url)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(480, 270), (960, 540)], ids=str)
@pytest.mark.parametrize(("name", "cue"), [("gaussian", "fit"), ("gan", "one")])
def test_embedded_it_is_the_player_alone(tabs, server, size, name, cue):
    page = tabs.open()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(drive.address(server, name, cue) + "&embed=true")
    drive.until(lambda: drive.frames(page) > 1, "it plays")
    page.wait_for_selector(drive.IDLE)
    drive.pause(page)
    box = drive.player(page).bounding_box()
    assert (box["x"], box["y"], box["width"]) == (0, 0, size[0])
    assert size[1] - 5 <= box["height"] <= size[1]
    for part, least in ((".stage", 0.55 if size[1] < 300 else 0.6), (".caption", 0), (".transport", 0)):
        rect = drive.player(page).locator(part).bounding_box()
        assert rect["y"] + rect["height"] <= size[1]
        assert rect["x"] + rect["width"] <= size[0] + 1
        assert rect["height"] >= max(10, least * size[1])
    for button in ("One frame back", "Play", "One frame forward", "Save", "Full screen"):
        rect = drive.button(page, button).bounding_box()
        assert rect["x"] + rect["width"] <= size[0]
        assert rect["y"] + rect["height"] <= size[1]
    expect(page.get_by_role("heading")).to_have_count(0)
    expect(page.get_by_test_id("stHeader")).to_be_hidden()
    for left_out in ("stSidebar", "stExpander", "stButton"):
        assert not page.get_by_test_id(left_out).locator("visible=true").count()
    scrolls = "e => [e.scrollHeight - e.clientHeight, e.scrollWidth - e.clientWidth]"
    assert page.locator("html").evaluate(scrolls) == [0, 0]
    assert max(page.get_by_test_id("stMain").evaluate(scrolls)) <= 0
    assert "embed=true" in page.url


# --- paper --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper(tabs, server, scheme):
    """The question, the picture as it was, what to notice, the formula; nothing to press."""
    page = tabs.open(color_scheme=scheme, reduced_motion="reduce")
    drive.open_page(page, drive.address(server, "gaussian", "sample"))
    canvas = drive.player(page).locator("canvas").first
    before = canvas.evaluate("c => [c.width, c.height]")
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print", color_scheme=scheme)
    page.set_viewport_size({"width": 720, "height": 1000})
    drive.next_picture(page, 3)
    assert canvas.evaluate("c => [c.width, c.height]") == before, "it is not drawn again for paper"
    box = canvas.bounding_box()
    assert box["width"] > 650
    assert box["height"] / box["width"] == pytest.approx(before[1] / before[0], rel=0.02)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for heading in ("What to notice", "This Gaussian in numbers", "References"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    for heading in ("The code behind the picture", "Predict, then reveal"):
        expect(page.get_by_role("heading", name=heading)).to_be_hidden()
    expect(page.locator(".katex-display").first).to_be_visible()
    seen = page.locator(":is(button, input, select, summary, [role=slider])").locator("visible=true")
    assert [one.get_attribute("aria-label") or one.inner_text() for one in seen.all()] == []
    paper = page.evaluate("() => getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert paper == "rgba(0, 0, 0, 0)"
    ink = page.get_by_text("All that is known of the data").evaluate("e => getComputedStyle(e).color")
    assert ink == "rgb(0, 0, 0)"


# --- the menu -----------------------------------------------------------------------------------------------


def test_the_menu_by_keyboard_and_for_screen_readers(sample):
    save = drive.button(sample, "Save")
    save.focus()
    sample.keyboard.press("Enter")
    expect(save).to_have_attribute("aria-expanded", "true")
    assert drive.focused(sample).startswith("Picture of this frame")
    way = []
    while drive.has_focus(sample) and len(way) < 20:
        way.append(drive.focused(sample))
        assert drive.focus_is_visible(sample), way[-1]
        sample.keyboard.press("Tab")
    assert [word for word in way if word in ("From here", "To here")] == ["From here", "To here"]
    assert len(way) == 11
    found = [v["id"] for v in Axe().run(sample).response["violations"]]
    assert not found
    drive.button(sample, "Layers").click()
    expect(save).to_have_attribute("aria-expanded", "false")
    drive.press(sample, "Escape")
    save.click()
    sample.keyboard.press("Escape")
    expect(save).to_have_attribute("aria-expanded", "false")
    assert drive.focused(sample) == "Save", "the focus is back where it was"


def test_a_part_is_marked_and_all_of_it_again(sample):
    drive.open_save(sample)
    which = drive.player(sample).locator(".which")
    drive.seek(sample, 20)
    drive.button(sample, "From here").click()
    expect(which).to_have_text("Film and GIF show frame 20 to 178.")
    drive.seek(sample, 10)
    drive.button(sample, "To here").click()  # an end before the start: the start no longer counts
    expect(which).to_have_text("Film and GIF show frame 0 to 10.")
    strip = drive.player(sample).locator(".track")
    assert strip.evaluate("e => parseFloat(getComputedStyle(e, '::after').width) / e.clientWidth") == pytest.approx(
        10 / 178, rel=0.15
    )
    drive.button(sample, "All of it").click()
    expect(which).to_have_text("Film and GIF show all of it.")
    assert strip.evaluate("e => getComputedStyle(e, '::after').content") == "none"
