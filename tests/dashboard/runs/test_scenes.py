"""A complete scene is computed once for all."""

from __future__ import annotations

import threading
import time

import pytest

from dashboard import runs
from dashboard.runs.growth import Frames
from dashboard.runs.scenes import Scenes
from tests.dashboard.runs.walks import frame


def size() -> int:
    return Frames.of(frame(0, 0.0), first=True).nbytes


def test_many_who_ask_at_once_wait_for_one_computation():
    scenes, made = Scenes(), []

    def make():
        made.append(time.sleep(0.1))
        return frame(3, 0.5)

    got: list[Frames] = []
    threads = [threading.Thread(target=lambda: got.append(scenes.frames("one", make))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(got) == 30
    assert all(frames is got[0] for frames in got)


def test_one_that_takes_long_keeps_nobody_else_waiting():
    scenes, gate = Scenes(), threading.Event()

    def slow():
        assert gate.wait(20)
        return frame(0, 0.0)

    thread = threading.Thread(target=scenes.frames, args=("slow", slow))
    thread.start()
    assert scenes.frames("other", lambda: frame(1, 0.0)).steps == (1,)
    gate.set()
    thread.join()


def test_the_least_recently_used_goes_first():
    scenes = Scenes(max_bytes=3 * size())
    for key in "abc":
        scenes.frames(key, lambda: frame(0, 0.0))
    scenes.frames("a", lambda: pytest.fail("it is kept"))
    scenes.frames("d", lambda: frame(0, 0.0))
    assert list(scenes.kept) == ["c", "a", "d"]


def test_what_cannot_be_drawn_is_tried_again():
    scenes = Scenes()

    def fails():
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            scenes.frames("one", fails)
    assert scenes.frames("one", lambda: frame(2, 0.0)).steps == (2,)
    assert not scenes.under_way


def test_what_one_run_does_is_not_seen_in_another():
    frames = Frames.of(frame(7, 0.25), first=True)
    one, other = (runs.record(frames, session) for session in ("a", "b"))
    one.recording.frames.clear()
    assert other.last_readouts() == {"value": 0.25}


def test_two_sessions_at_one_config_compute_once(open_page, monkeypatch):
    from dashboard.scenes.gaussian import fit

    made = []
    of = Frames.of.__func__
    monkeypatch.setattr(Frames, "of", classmethod(lambda cls, scene, first: made.append(1) or of(cls, scene, first)))
    open_page("gaussian")
    assert len(made) == 1
    open_page("gaussian")
    assert len(made) == 1
    open_page("gaussian", **{"gaussian.points": 50})
    assert len(made) == 2
    assert fit.Config().points != 50
