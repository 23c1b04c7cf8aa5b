"""What happens when something goes wrong: the picture stays, one sentence says it, and there is a way on."""

from __future__ import annotations

import base64
import json
import re

import drive
import pytest
from playwright.sync_api import expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

pytestmark = pytest.mark.browser
RUNS = re.compile("/runs/")


@pytest.fixture(scope="module")
def watched(shared_tabs, server):
    """A page that shows a run."""
    page = shared_tabs.open()
    drive.open_page(page, f"{server.url}/gaussian")
    return page


@pytest.fixture(scope="module")
def run_address(watched, server):
    return f"ws://127.0.0.1:{server.port}/runs/{drive.data(watched, 'run')}"


@pytest.fixture(scope="module")
def whole_blob(server, run_address):
    with open_socket(server, run_address) as socket:
        socket.send('{"after": null}')
        return socket.recv(timeout=5)


def open_socket(server, address):
    return connect(address, origin=server.url, max_size=None, open_timeout=10)


# --- in the browser -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_lost_server(page, tabs, fresh_server):
    drive.open_page(page, f"{fresh_server.url}/gaussian")
    drive.seek(page, 60)
    before = drive.picture(page)
    fresh_server.kill()
    expect(drive.message(page)).to_be_visible(timeout=20_000)
    assert_one_sentence(drive.message(page).locator("span").inner_text())
    expect(drive.button(page, "Try again")).to_be_visible()
    assert drive.picture(page) == before
    drive.press(page, "ArrowRight")  # what is there can still be played
    drive.wait_frame(page, 61)
    tabs.check()

    # The Player finds the server again before Streamlit does, or after it: it must not matter.
    run = drive.data(page, "run")
    page.wait_for_timeout(1200)
    fresh_server.start()
    expect(drive.player(page)).not_to_have_attribute("data-run", run, timeout=30_000)
    expect(drive.message(page)).to_be_hidden()
    drive.wait_status(page, "done")
    drive.wait_frame(page, 61)


@pytest.mark.slow
def test_a_run_that_is_gone_is_made_again(page, tabs, forgetful_server):
    """The connection breaks for so long that the server drops the run; then the page makes a new one."""
    open_sockets, gap = [], []

    def between(socket):
        if gap:
            socket.close()
        else:
            open_sockets.append((socket, socket.connect_to_server()))

    page.route_web_socket(RUNS, between)
    drive.open_page(page, f"{forgetful_server.url}/gaussian")
    drive.seek(page, 40)
    run, before = drive.data(page, "run"), drive.picture(page)
    gap.append(True)
    for ours, upstream in open_sockets:
        upstream.close()
        ours.close()
    expect(drive.message(page)).to_be_visible()
    page.wait_for_timeout(1200)
    assert drive.picture(page) == before
    gap.clear()
    expect(drive.player(page)).not_to_have_attribute("data-run", run, timeout=30_000)
    expect(drive.message(page)).to_be_hidden()
    drive.wait_status(page, "done")
    drive.wait_frame(page, 40)
    tabs.check()


# --- damaged recordings -------------------------------------------------------------------------------------


def cut(blob: bytes) -> bytes:
    return blob[: len(blob) // 2]


def cut_short(blob: bytes) -> bytes:
    return blob[:5]


def scramble_header(blob: bytes) -> bytes:
    return blob[:8] + bytes(255 - byte for byte in blob[8:200]) + blob[200:]


def claim_length(blob: bytes) -> bytes:
    return b"\xff" * 8 + blob[8:]


def empty_header(blob: bytes) -> bytes:
    return (2).to_bytes(8, "little") + b"{}"


def null_header(blob: bytes) -> bytes:
    return (4).to_bytes(8, "little") + b"null"


def unknown_type(blob: bytes) -> bytes:
    return blob.replace(b'"F64"', b'"F99"').replace(b'"F32"', b'"F99"')


DAMAGES = [cut, cut_short, scramble_header, claim_length, empty_header, null_header, unknown_type]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_what_is_said_of_a_damaged_recording(watched, whole_blob, damage):
    """Words for a person, whatever the damage is: nothing of JavaScript's own."""
    damaged = base64.b64encode(damage(whole_blob)).decode()
    said = watched.evaluate(
        """async (damaged) => {
          const modules = performance.getEntriesByType("resource").map((entry) => entry.name);
          const module = (name) => import(modules.find((address) => address.endsWith(`/${name}.js`)));
          const { Recording } = await module("recording");
          const { readBlob } = await module("safetensors");
          const recording = new Recording();
          try {
            recording.take(readBlob(Uint8Array.from(atob(damaged), (c) => c.charCodeAt(0)).buffer));
          } catch (why) {
            return [why.message, recording.length, recording.layout];
          }
        }""",
        damaged,
    )
    assert said, "it was taken for a whole one"
    assert said[0].startswith("the recording"), said[0]
    assert said[1:] == [0, None], "and nothing has changed"


@pytest.mark.slow
def test_damaged_recording_at_the_start(shared_page, shared_tabs, server):
    """The first message arrives damaged; what is asked for again is whole."""
    page, seen = shared_page, []

    def between(socket):
        upstream = socket.connect_to_server()

        def pass_on(message):
            seen.append(message)
            socket.send(cut(message) if len(seen) == 1 else message)

        upstream.on_message(pass_on)

    page.route_web_socket(RUNS, between)
    page.goto(f"{server.url}/gaussian")
    again = drive.button(page, "Try again")
    expect(again).to_be_visible(timeout=30_000)
    said = drive.message(page).locator("span").inner_text()
    assert "arrived damaged" in said
    assert_one_sentence(said)
    again.click()
    drive.wait_status(page, "done")
    expect(drive.message(page)).to_be_hidden()
    assert drive.last_frame(page) == 200
    drive.seek(page, 30)
    shared_tabs.check()


@pytest.mark.slow
def test_damaged_recording_leaves_the_picture(page, server):
    """A control is changed and the new recording arrives damaged: the old picture stays until it is mended."""
    broken = []

    def between(socket):
        upstream = socket.connect_to_server()
        upstream.on_message(lambda message: socket.send(cut(message) if broken else message))

    page.route_web_socket(RUNS, between)
    drive.open_page(page, f"{server.url}/gaussian")
    drive.seek(page, 80)
    before = drive.picture(page)
    broken.append(True)
    run = drive.data(page, "run")
    drive.slider(page, "Points n").press("ArrowRight")
    expect(drive.message(page)).to_contain_text("arrived damaged")
    assert drive.data(page, "run") != run
    assert drive.picture(page) == before
    drive.button(page, "Try again").click()
    expect(drive.message(page)).to_contain_text("arrived damaged")
    broken.clear()
    drive.button(page, "Try again").click()
    expect(drive.message(page)).to_be_hidden()
    expect(drive.player(page)).to_have_attribute("data-frames", "202")
    drive.wait_frame(page, 80)


def test_unknown_run_from_the_page(watched):
    answer = watched.evaluate(
        """() => new Promise((done) => {
          const said = [];
          const socket = new WebSocket(`${location.origin.replace("http", "ws")}/runs/nonsense`);
          socket.onmessage = ({ data }) => said.push(data);
          socket.onclose = ({ code }) => done([said, code]);
        })"""
    )
    assert answer == [['{"error": "gone"}'], 4404]


def assert_one_sentence(text: str) -> None:
    assert re.fullmatch(r"[A-Z].+(\.| …)", text), text
    assert not re.search(r"[.!?…] \S", text), text


# --- on the socket ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://evil.example", None, "null", "http://127.0.0.1:1", "http://127.0.0.1"])
def test_foreign_pages_are_refused(run_address, origin):
    with pytest.raises(InvalidStatus) as refused, connect(run_address, origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_unknown_run(server, run_address):
    with open_socket(server, run_address + "x") as socket:
        assert json.loads(socket.recv(timeout=5)) == {"error": "gone"}


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        "",
        "[]",
        "null",
        "7",
        "{}",
        '{"after": "x"}',
        '{"after": true}',
        '{"after": 1.5}',
        '{"after": NaN}',
        '{"after": [0]}',
        '{"say": 1}',
        "x" * 70_000,
        "[" * 60_000,
        b"bytes",
        b"\xff\xfe\x00",
    ],
    ids=lambda message: f"{message[:14]!r}",
)
def test_malformed_messages_are_answered_and_the_socket_lives(server, run_address, message):
    with open_socket(server, run_address) as socket:
        socket.send(message)
        answer = json.loads(socket.recv(timeout=5))
        assert list(answer) == ["error"]
        assert_explains(answer["error"])
        socket.send('{"after": null}')
        assert b'"steps"' in socket.recv(timeout=5)


def assert_explains(text: str) -> None:
    assert 10 < len(text) < 300
    assert text.endswith(".")


def test_frames_after_an_id(server, run_address, whole_blob):
    with open_socket(server, run_address) as socket:
        socket.send('{"after": 190}')
        assert len(socket.recv(timeout=5)) < len(whole_blob) / 4


@pytest.mark.parametrize("after", [200, 10**30])
def test_a_newer_question_is_answered_while_an_older_one_waits(server, run_address, whole_blob, after):
    """A complete run has nothing to say after its last frame; the socket still listens."""
    with open_socket(server, run_address) as socket:
        socket.send('{"after": null}')
        assert socket.recv(timeout=5) == whole_blob
        socket.send(f'{{"after": {after}}}')
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.3)
        socket.send('{"after": null}')
        assert socket.recv(timeout=2) == whole_blob
