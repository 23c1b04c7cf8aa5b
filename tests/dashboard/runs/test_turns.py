"""Live runs take turns, in this process or in one of their own."""

from __future__ import annotations

import json
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from dashboard.runs import LiveRun, Run, Workers, live
from dashboard.runs.growth import Orders, Recipe
from dashboard.runs.trainer import LOST, LocalTrainer, ProcessTrainer, decode, encode
from dashboard.scenes.gan.setup import Config
from tests.dashboard.runs.walks import MOVES, Walk, frame, moved, walk


def until(check, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture(scope="module")
def process():
    trainer = ProcessTrainer()
    yield trainer
    trainer.stop()


@pytest.fixture(params=["thread", "process"])
def workers(request, monkeypatch):
    """One slot, in this process or beside it."""
    trainer = LocalTrainer() if request.param == "thread" else request.getfixturevalue("process")
    one = Workers(1, lambda: trainer)
    monkeypatch.setattr(live, "workers", one)
    begun: list[LiveRun] = []

    def start(*args, **options) -> LiveRun:
        run = LiveRun("session", *args, **options)
        run.watch(wake := (lambda: None))
        run.wake = wake
        begun.append(run)
        return run

    one.start = start
    yield one
    for run in begun:
        run.unwatch(run.wake)
        run.forget()
    until(lambda: one.busy == 0)


def count(run: Run) -> int:
    return len(run.recording.frames)


def test_what_grows_elsewhere_is_what_grows_here(workers):
    run = workers.start(walk, Walk(steps=5))
    until(lambda: run.status == "done")
    here = Run("session")
    for scene in walk(Walk(steps=5)):
        here.add(scene)
    assert json.dumps(run.layout) == json.dumps(here.layout)
    assert list(run.recording.frames) == list(here.recording.frames) == [0, 1, 2, 3, 4]
    both = zip(run.recording.frames.values(), here.recording.frames.values(), strict=True)
    for ours, theirs in ((run.still, here.still), *both):
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            assert array.dtype == theirs[name].dtype
            np.testing.assert_array_equal(array, theirs[name])


def test_all_have_a_first_frame_before_any_has_a_second_turn(workers):
    runs = [workers.start(walk, Walk(seconds=0.002)) for _ in range(10)]
    until(lambda: all(count(run) for run in runs))
    counts = [count(run) for run in runs]
    assert max(counts) <= 1.5 * live.SLICE / 0.002, "no more than the short first turn, and the beginning of another"


def test_they_share_evenly(workers):
    runs = [workers.start(walk, Walk(seconds=0.002)) for _ in range(3)]
    until(lambda: min(count(run) for run in runs) > 300)
    for run in runs:
        run.order("pause")
    counts = [count(run) for run in runs]
    assert max(counts) - min(counts) <= 1.5 * live.SLICE / 0.002


def test_one_in_slow_motion_keeps_nobody_from_growing(workers):
    slow = workers.start(moved, Walk(), moves=MOVES, slow=True)
    until(lambda: count(slow) >= 1)
    other = workers.start(walk, Walk(seconds=0.001))
    until(lambda: count(slow) >= 4)
    assert count(other) > 100
    values = [float(f["readout.0"]) for f in slow.recording.frames.values()]
    assert all(a + b == 1 for a, b in pairwise(values)), "D and G in turn"


def test_slow_motion_keeps_its_time_among_busy_ones(workers):
    slow = workers.start(moved, Walk(), moves=MOVES, slow=True)
    for _ in range(3):
        workers.start(walk, Walk(seconds=0.002))
    until(lambda: count(slow) >= 2)
    began, had = time.monotonic(), count(slow)
    until(lambda: count(slow) >= had + 4)
    assert time.monotonic() - began > 1.5, "two moves a second"


def test_who_is_looked_at_goes_first(workers):
    crowd = [workers.start(walk, Walk(seconds=0.002)) for _ in range(8)]
    until(lambda: all(count(run) for run in crowd))
    had = sum(count(run) for run in crowd)
    late = workers.start(walk, Walk(seconds=0.002))
    until(lambda: count(late) > 0)
    assert sum(count(run) for run in crowd) - had <= 2.5 * live.SLICE / 0.002, "the turn that was under way"


def test_a_pause_is_heard_in_the_middle_of_a_turn(workers):
    run = workers.start(walk, Walk(seconds=0.01))
    until(lambda: count(run) > 3)
    run.order("pause")
    had = count(run)
    until(lambda: run.status == "paused")
    assert count(run) <= had + 2
    run.order("step")
    until(lambda: run.status == "paused" and not run.growing and not run.asked and count(run) > had)
    rested = count(run)
    time.sleep(0.1)
    assert count(run) == rested
    run.order("play")
    until(lambda: count(run) > rested + 20)


def test_moves_asked_for_while_it_trains_are_all_made_and_in_order(workers):
    run = workers.start(moved, Walk(seconds=0.005), moves=MOVES)
    until(lambda: count(run) > 10)
    for name in ("discriminator", "generator", "both", "discriminator"):
        run.order(f"step:{name}")
    until(lambda: run.status == "paused" and not run.growing and not run.asked)
    values = [int(f["readout.0"]) for f in run.recording.frames.values()]
    assert values[-4:] == [0, 1, 2, 0]
    assert set(values[:-4]) == {2}


def test_a_run_that_fails_says_why_and_keeps_its_frames(workers):
    run = workers.start(walk, Walk(fail_at=7))
    other = workers.start(walk, Walk(seconds=0.001))
    until(lambda: run.status == "failed")
    assert run.reason == "the walk diverged at step 7"
    assert count(run) == 7
    until(lambda: count(other) > 100)


def test_stop_ends_it(workers):
    run = workers.start(walk, Walk(seconds=0.001))
    until(lambda: count(run) > 3)
    run.order("stop")
    until(lambda: run.status == "done" and not run.growing)
    had = count(run)
    time.sleep(0.1)
    assert count(run) == had


def test_nothing_grows_and_no_thread_lives_when_nobody_watches(workers):
    run = workers.start(walk, Walk(seconds=0.001))
    until(lambda: count(run) > 3)
    run.unwatch(run.wake)
    until(lambda: run.status == "paused" and workers.busy == 0)
    had = count(run)
    time.sleep(0.1)
    assert count(run) == had
    run.watch(run.wake)
    until(lambda: count(run) > had + 10)
    assert list(run.recording.frames) == list(range(count(run)))


def test_a_process_that_dies_takes_its_runs_along_and_nothing_else(monkeypatch):
    trainer = ProcessTrainer()
    monkeypatch.setattr(live, "workers", Workers(1, lambda: trainer))
    wake = lambda: None  # noqa: E731
    good, bad = LiveRun("session", walk, Walk(seconds=0.001)), LiveRun("session", walk, Walk(die_at=5))
    try:
        good.watch(wake)
        until(lambda: count(good) > 5)
        bad.watch(wake)
        until(lambda: bad.status == "failed")
        assert bad.reason == LOST
        until(lambda: good.status == "failed")
        assert good.reason == LOST
        assert count(good) > 5, "what it showed can still be looked at"
        again = LiveRun("session", walk, Walk(steps=10))
        again.watch(wake)
        until(lambda: again.status == "done")
    finally:
        trainer.stop()


def test_what_cannot_be_kept_ends_its_run_and_no_other(workers, monkeypatch):
    bad = LiveRun("session", walk, Walk())
    received = []

    def refuse(frames) -> None:
        received.append(frames.steps)
        raise ValueError("no room")

    monkeypatch.setattr(bad, "receive", refuse)
    bad.watch(wake := (lambda: None))
    until(lambda: bad.status == "failed")
    assert bad.reason == "no room"
    assert received == [(0,)]
    good = workers.start(walk, Walk(steps=50))
    until(lambda: good.status == "done")
    assert list(good.recording.frames) == list(range(50))
    bad.unwatch(wake)


def test_a_process_that_cannot_be_started_gets_a_sentence(monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    one = Workers(1)
    monkeypatch.setattr(live, "workers", one)
    one.warm()
    run = LiveRun("session", walk, Walk())
    run.watch(wake := (lambda: None))
    until(lambda: run.status == "failed" and one.busy == 0)
    assert "/nowhere/python" in run.reason
    run.unwatch(wake)


def test_the_process_ends_with_its_input():
    trainer = ProcessTrainer()
    trainer.start()
    process = trainer.process
    process.stdin.close()
    assert process.wait(20) == 0
    trainer.stop()


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(walk, Walk(0.25, notes=((1.0, "a"), (2.5, "ü")))),
        Recipe(moved, Config(source="csv", csv=((1.0, 2.0), (3.5, float("1e-9")))), 30.0, tuple(MOVES.values())),
    ],
)
def test_a_recipe_is_the_same_after_its_journey(recipe):
    assert decode(json.loads(json.dumps(encode(recipe)))) == recipe


def test_what_cannot_travel_is_refused():
    with pytest.raises(TypeError, match="holds a ndarray"):
        encode(Recipe(walk, np.zeros(3)))


def test_frames_may_be_received_in_another_thread(process):
    got: list[int] = []
    done = threading.Event()

    def receive(frames) -> None:
        got.extend(frames.steps)
        if len(got) == 3:
            done.set()

    thread = threading.Thread(
        target=lambda: (process.next_turn(), process.grow("one", Recipe(walk, Walk(0.01)), Orders(), 60.0, receive))
    )
    thread.start()
    assert done.wait(20)
    process.halt()
    thread.join(20)
    assert not thread.is_alive(), "halted before its time"
    assert frame(0, 0.0).steps.tolist() == [got[0]]
    process.drop("one")
