"""A live run that can be told what to do next."""

import time
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from dashboard.runs import LiveRun
from dashboard.runs.growth import Growth, Orders, Recipe
from dashboard.scene import Move, Panel, Points, Readout, Scene

MOVES = {"One D step": "discriminator", "One G step": "generator", "One of both": "both"}


def build(moves: Iterator[Move], done: list[Move]) -> Iterator[Scene | None]:
    for step, move in enumerate(moves):
        done.append(move)
        panel = Panel("p", (Points(name="a", xy=np.zeros((1, 2, 2))),), (-1, 1), (-1, 1))
        yield Scene((panel,), "test", np.array([step]), readouts=(Readout("step", np.array([float(step)])),))


def start(slow: bool = False) -> tuple[LiveRun, list[Move]]:
    done: list[Move] = []
    run = LiveRun("session", lambda _, moves: build(moves, done), rate=200, moves=MOVES, slow=slow)
    run.playing = False
    return run, done


def until(check, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_unasked_it_is_the_last_one_and_in_slow_motion_the_others_in_turn():
    growth = Growth(Recipe(build, moves=tuple(MOVES.values())))
    assert list(islice(growth.next_moves(), 3)) == [Move("both", False)] * 3
    growth.orders = Orders(slow=True)
    assert [m.name for m in islice(growth.next_moves(), 4)] == ["discriminator", "generator"] * 2
    assert next(growth.next_moves()).single


def test_one_button_is_one_move_and_one_frame(local_workers):
    run, done = start()

    def wake() -> None:
        pass

    run.watch(wake)
    for count, name in enumerate(("generator", "discriminator", "both"), start=1):
        run.order(f"step:{name}")
        until(lambda count=count: len(run.recording.frames) == count)
    until(lambda: run.status == "paused")
    assert done == [Move("generator", True), Move("discriminator", True), Move("both", True)]
    assert run.last_readouts() == {"step": 2.0}
    run.unwatch(wake)


def test_what_was_asked_for_is_forgotten_when_it_goes_on():
    run, _ = start()
    run.order("step:generator")
    run.order("play")
    assert not run.asked


def test_what_it_cannot_be_told():
    run, _ = start()
    with pytest.raises(ValueError, match="step:generator, step:both, slow, fast"):
        run.order("step:nobody")
    plain = LiveRun("session", lambda _: iter(()))
    with pytest.raises(ValueError, match="play, pause, step, stop, not 'slow'"):
        plain.order("slow")


def test_it_says_what_it_can_be_told_and_whether_it_is_slow():
    run, _ = start(slow=True)
    assert run.extra()["moves"] == MOVES
    assert run.extra()["slow"]
    run.order("fast")
    assert not run.extra()["slow"]
