"""The one HTML file: what is in it, how much, and that no text gets out of its place."""

from __future__ import annotations

import base64
import gzip
import json
import re

import numpy as np
import pytest

from dashboard import runs
from dashboard.player.standalone import HERE, packed, standalone
from dashboard.runs import blob
from dashboard.scene import Handle, Points, Scene, plane

F = 1001


def run(**more) -> runs.Run:
    xy = np.random.default_rng(0).normal(size=(F, 20, 2))
    layers = (Points(name="dots", xy=xy, visible=False),)
    return runs.record(Scene((plane("", layers, (-3, 3), (-3, 3)),), "Dots.", 5 * np.arange(F), **more), "")


def test_all_frames_bit_for_bit():
    shown = run()
    zipped, said = packed(shown)
    arrays, message = blob.unpack(gzip.decompress(zipped))
    np.testing.assert_array_equal(arrays["steps"], 5 * np.arange(F))
    np.testing.assert_array_equal(arrays["0.0.xy"][500], shown.recording.frames[2500]["0.0.xy"])
    assert (message["status"], message["live"], message["more"]) == ("done", False, False)
    assert said == "All 1,001 frames, step 0 to 5,000."


def test_too_many_frames_are_thinned_evenly():
    zipped, said = packed(run(), most=40_000)
    arrays, _ = blob.unpack(gzip.decompress(zipped))
    steps = arrays["steps"]
    assert len(zipped) <= 40_000
    assert (steps[0], steps[-1]) == (0, 5000), "first and last stay"
    assert len(set(np.diff(steps[:-1]))) == 1, "as far apart as each other, but for the last"
    assert len(steps) > 150, "and no fewer than it must be"
    assert said == f"{len(steps)} of 1,001 frames, evenly spaced, step 0 to 5,000."


def test_a_run_that_grows_is_what_was_recorded():
    shown = run()
    shown.set_status("running")
    zipped, said = packed(shown)
    assert blob.unpack(gzip.decompress(zipped))[1]["status"] == "done", "nothing more comes in a file"
    assert said.endswith("what was recorded when this file was saved.")


def test_what_asks_the_server_is_left_out():
    handle = Handle("mean", np.zeros(2))
    zipped, said = packed(run(handles=(handle,)))
    assert blob.unpack(gzip.decompress(zipped))[1]["layout"]["handles"] == []
    assert said.endswith("open it in the dashboard.")


EVIL = "</script><script>alert(1)</script><!--"


def test_texts_stay_texts():
    page = standalone(run(), EVIL, EVIL, f"https://x.example/{EVIL}")
    assert "alert(1)</script" not in page
    assert "<!--" not in page
    words = re.search(r'id="words">(.*?)</script>', page, re.DOTALL)
    assert json.loads(words[1])["say"] == EVIL
    assert re.search(r"<title>(.*?)</title>", page)[1].startswith("&lt;/script&gt;")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//evil.example", ""])
def test_a_link_that_is_none_is_left_out(link):
    assert "<a " not in standalone(run(), "Dots", link=link)


def test_every_module_is_in_it_and_asks_for_no_file():
    page = standalone(run(), "Dots")
    modules = json.loads(re.search(r'type="importmap">(.*?)</script>', page, re.DOTALL)[1])["imports"]
    assert set(modules) == {f"player/{path.name}" for path in HERE.glob("*.js")} - {"player/adapter.js"}
    for address in modules.values():
        source = base64.b64decode(address.partition(",")[2]).decode()
        for name in re.findall(r'^import .*?from "([^"]+)";', source, re.MULTILINE):
            assert name in modules
    without_links = page.replace("http-equiv", "")
    assert not re.search(r'(src|href)="?https?:|url\(https?:', without_links)


def test_nothing_of_a_usual_file_is_large():
    assert len(standalone(run(), "Dots").encode()) < 3_000_000
