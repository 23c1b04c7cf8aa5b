"""What a person does with the dashboard, and what she sees of it: said once for all browser tests."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

from playwright.sync_api import Locator, Page, expect

from dashboard.concepts import HOME
from dashboard.scene.painted import CELLS

CONNECTED = '[data-testid="stApp"][data-test-connection-state="CONNECTED"]'
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
PATIENCE = 20.0  # seconds; a busy machine with two cores needs some
expect.set_options(timeout=1000 * PATIENCE)
HALF_CELL = 0.5 * 10 / CELLS + 1e-6  # a link rounds what is painted on a board of ±5 to the middle of a cell

FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}"""


SPY_ON_DRAG = """async () => {
  const files = performance.getEntriesByType("resource").map((entry) => entry.name);
  const { Drag } = await import(files.find((name) => name.endsWith("/drag.js")));
  const place = Drag.prototype.place;
  Drag.prototype.place = function () { window.drag = this; return place.call(this); };
}"""


def spy_on_drag(page: Page) -> None:
    """Make what is drawn known as ``window.drag``."""
    uncover(page)
    page.evaluate(SPY_ON_DRAG)
    box = player(page).locator("canvas").bounding_box()
    assert box
    for k in range(200):
        page.mouse.move(box["x"] + box["width"] / 2 + k % 2, box["y"] + 30)  # a pointer that moves has it drawn
        if page.evaluate("() => !!window.drag"):
            return
        time.sleep(0.05)
    raise AssertionError("nothing is drawn")


def address(server, page: str, cue: str, **link: object) -> str:
    """The link to a page's cue, with what it says of the controls."""
    said = {f"{page}.cue": cue} | {f"{page}.{name}": str(value) for name, value in link.items()}
    return f"{server.url}/{page.replace(HOME, '')}?{urlencode(said)}"


def link(page: Page) -> dict[str, str]:
    """What the link says."""
    said = parse_qs(page.evaluate("() => location.search.slice(1)"), keep_blank_values=True)
    return {key: values[0] for key, values in said.items()}


def asked(page: Page) -> dict[str, str]:
    """What the link says, without the page's name."""
    return {key.rpartition(".")[2]: value for key, value in link(page).items()}


def open_page(page: Page, url: str, *, asked: bool = False) -> None:
    """Go to an address and wait until the Player shows a complete recording.

    A question before the picture is closed without an answer, unless the test is about being ``asked``.
    """
    page.goto(url)
    exception = page.get_by_test_id("stException")
    expect(exception.or_(player(page)).first).to_be_visible(timeout=1000 * PATIENCE)
    page.wait_for_selector(IDLE)
    expect(exception, "the page raised").to_have_count(0)
    wait_status(page, "done")
    if not asked:
        uncover(page)


def question(page: Page) -> Locator:
    """The question that covers the picture until it is answered."""
    return player(page).get_by_role("dialog")


def uncover(page: Page) -> None:
    """Close the question before the picture without an answer, if there is one."""
    page.wait_for_selector("[data-testid=player]")
    player(page).evaluate("root => root.querySelector('.ask:not([hidden]) .later')?.click()")


def until(check: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until ``check()`` is true; what a drag has done is drawn with the next picture only."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"waited {seconds:g} s in vain: {what}"
        time.sleep(0.02)


# --- the Player ---------------------------------------------------------------------------------------------


def player(page: Page) -> Locator:
    return page.get_by_test_id("player")


def data(page: Page, name: str) -> str:
    """What the Player's root says of itself: run, frame, frames, status or fps."""
    return player(page).get_attribute(f"data-{name}") or ""


def frame(page: Page) -> int:
    """The id of the frame shown."""
    return int(data(page, "frame"))


def frames(page: Page) -> int:
    """How many frames the Player has."""
    return int(data(page, "frames") or 0)


def answers(page: Page) -> int:
    """How many answers to drags the Player has had."""
    return int(data(page, "answers") or 0)


def last_frame(page: Page) -> int:
    """The id of the last frame, where ids are 0, 1, 2 …"""
    return int(data(page, "frames")) - 1


def wait_frame(page: Page, number: int) -> None:
    expect(player(page)).to_have_attribute("data-frame", str(number))


def wait_status(page: Page, status: str) -> None:
    expect(player(page)).to_have_attribute("data-status", status)


def wait_new_run(page: Page, old: str) -> None:
    """Wait for the recording that a changed control asks for, until its frames are drawn."""
    expect(player(page)).not_to_have_attribute("data-run", old)
    page.wait_for_selector(IDLE)
    next_picture(page, 3)


def button(page: Page, name: str) -> Locator:
    """A button of the Player by what a screen reader calls it."""
    return player(page).get_by_role("button", name=name, exact=True)


def open_layers(page: Page) -> None:
    """Show the list of layers."""
    if button(page, "Layers").get_attribute("aria-expanded") == "false":
        button(page, "Layers").click()


def open_save(page: Page) -> None:
    """Show what can be taken home."""
    if button(page, "Save").get_attribute("aria-expanded") == "false":
        button(page, "Save").click()


def save(page: Page, what: str) -> None:
    """Choose from the Save menu, by the words that begin the item."""
    open_save(page)
    player(page).locator(".menu .items button").filter(has_text=re.compile(f"^{what}")).click()


def note(page: Page) -> Locator:
    """What the Save menu says."""
    return player(page).locator(".menu .note")


def open_sidebar(page: Page) -> None:
    """Seed, device, projector mode."""
    if page.get_by_test_id("stSidebar").get_attribute("data-collapsed") == "true":
        page.get_by_role("button", name="Expand sidebar").click()


def layer(page: Page, name: str) -> Locator:
    """The switch of a layer, in the list that is opened for it."""
    open_layers(page)
    return player(page).locator(f'[data-layer="{name}"]')


def scrub(page: Page) -> Locator:
    return player(page).get_by_role("slider", name="Frame")


def readout(page: Page, name: str) -> str:
    """The number that is printed under this name."""
    return player(page).locator(f'[data-readout="{name}"] dd').inner_text()


def number(page: Page, name: str) -> float:
    """The same as a number, without its unit; NaN while there is none."""
    powers = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    box = player(page).locator(f'[data-readout="{name}"] dd')
    text = box.inner_text().replace("−", "-").replace(",", "") if box.count() else ""
    found = re.match(r"(-?[\d.]+)(?: · 10([⁰-⁹¹²³⁻]+))?", text)
    return float(f"{found[1]}e{(found[2] or '0').translate(powers)}") if found else math.nan


def shows(page: Page, name: str, value: float, digits: int) -> bool:
    """Whether the readout is this value, rounded."""
    return abs(number(page, name) - value) <= 0.51 * 10.0**-digits


def wait_shows(page: Page, name: str, value: float, digits: int) -> None:
    until(lambda: shows(page, name, value, digits), f"{name} = {value:.{digits}f}")


def is_playing(page: Page) -> bool:
    return button(page, "Pause").count() == 1


def pause(page: Page) -> None:
    if is_playing(page):
        button(page, "Pause").click()
    expect(button(page, "Play")).to_be_visible()


def seek(page: Page, number: int) -> None:
    """Pause, and drag the scrub bar to a frame."""
    pause(page)
    scrub(page).fill(str(number))
    wait_frame(page, number)


def press(page: Page, key: str) -> None:
    """Press a key while the Player has the focus."""
    if not has_focus(page):
        player(page).focus()
    page.keyboard.press(key)


def next_picture(page: Page, count: int = 1) -> None:
    """Wait until the browser has drawn again."""
    for _ in range(count):
        page.evaluate("() => new Promise(requestAnimationFrame)")


def picture(page: Page) -> str:
    """What is on the canvas, to be compared with another time."""
    next_picture(page, 2)
    return player(page).locator("canvas").evaluate("canvas => canvas.toDataURL()")


def message(page: Page) -> Locator:
    """The sentence that lies over the picture when something is wrong."""
    return player(page).get_by_role("alert")


def mark(page: Page) -> None:
    """Leave a mark on the canvas that only this very element bears."""
    player(page).locator("canvas").evaluate("canvas => { canvas.mark = true; }")


def is_marked(page: Page) -> bool:
    return player(page).locator("canvas").evaluate("canvas => canvas.mark === true")


def rewind(page: Page) -> None:
    """As it was when the page had opened: all layers on, no loop, playing from the first frame."""
    page.mouse.move(2, 300)
    pause(page)
    open_layers(page)
    for switch in player(page).locator('[data-layer][aria-pressed="false"]').all():
        switch.click()
    if button(page, "Loop").get_attribute("aria-pressed") == "true":
        button(page, "Loop").click()
    player(page).get_by_label("Speed").select_option("1")
    seek(page, 0)
    button(page, "Play").click()


# --- the keyboard -------------------------------------------------------------------------------------------


def has_focus(page: Page) -> bool:
    """Whether the keyboard's focus is on the Player or in it."""
    return page.evaluate(f"() => !!({FOCUSED})()?.closest('[data-testid=player]')")


def focused(page: Page) -> str:
    """The name of what has the focus, however deep in shadow roots."""
    return page.evaluate(
        f"() => {{ const at = ({FOCUSED})();"
        "return at.dataset.layer ?? at.getAttribute('aria-label') ?? at.textContent.trim(); }"
    )


def focus_is_visible(page: Page) -> bool:
    """Whether what has the focus shows it by an outline."""
    return page.evaluate(f"() => parseFloat(getComputedStyle(({FOCUSED})()).outlineWidth) >= 2")


# --- Streamlit ----------------------------------------------------------------------------------------------


def count_reruns(page: Page) -> Callable[[], int]:
    """From now on count how often Streamlit is asked to run the script, or does."""
    page.evaluate(
        """() => {
          const app = document.querySelector('[data-testid=stApp]');
          window.reruns = 0;
          new MutationObserver(() => { window.reruns += app.dataset.testScriptState !== 'notRunning'; })
            .observe(app, { attributes: true, attributeFilter: ['data-test-script-state'] });
        }"""
    )
    return lambda: page.evaluate("() => window.reruns")


def cue(page: Page, title: str) -> Locator:
    """The button of a cue."""
    return page.get_by_test_id("stButton").get_by_role("button", name=title)


def start_cue(page: Page, title: str) -> None:
    """Click a cue that is off and wait for its recording."""
    old = data(page, "run")
    cue(page, title).click()
    wait_new_run(page, old)
    uncover(page)


def expect_on(page: Page, title: str) -> None:
    """This cue is the one that is played."""
    expect(cue(page, title)).to_have_attribute("kind", "primary")


def expect_off(page: Page, title: str) -> None:
    expect(cue(page, title)).to_have_attribute("kind", "secondary")


def shown(page: Page, label: str) -> str:
    """The value that a slider prints over its thumb."""
    box = page.get_by_test_id("stSlider").filter(has=page.get_by_label(label, exact=True))
    return box.get_by_test_id("stSliderThumbValue").inner_text()


def nudge(page: Page, label: str, key: str = "ArrowRight") -> None:
    """Move a slider by one step with the keyboard and wait for the new recording."""
    old = data(page, "run")
    slider(page, label).press(key)
    wait_new_run(page, old)


def slider(page: Page, label: str) -> Locator:
    box = page.get_by_test_id("stSlider").filter(has=page.get_by_label(label, exact=True))
    return box.locator("input[type=range]")
