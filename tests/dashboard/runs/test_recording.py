"""Recordings keep to their bound, runs to their session's."""

import numpy as np
import pytest

from dashboard import runs
from dashboard.runs import Recording, Registry, Run, all_runs, recording
from dashboard.runs.blob import unpack
from dashboard.scene import Panel, Points, Scene


def scene(frames: int = 50, first: int = 0) -> Scene:
    xy = np.random.default_rng(0).standard_normal((frames, 3, 2))
    panel = Panel("p", (Points(name="a", xy=xy), Points(name="b", xy=xy[0])), (-1, 1), (-1, 1))
    return Scene((panel,), "test", np.arange(first, first + frames))


def frame(size: int = 100) -> dict[str, np.ndarray]:
    return {"x": np.zeros(size, np.float32)}


def test_a_recording_ten_times_over_its_bound_keeps_first_last_and_multiples():
    recording = Recording(max_bytes=50 * (400 + 64))
    for step in range(3, 503):
        recording.append(step, frame())
        assert recording.nbytes <= recording.max_bytes
        assert next(iter(recording.frames)) == 3
        assert list(recording.frames)[-1] == step
    assert recording.keep == 16
    assert all(s % recording.keep == 0 for s in list(recording.frames)[1:-1])


def test_ids_must_increase():
    recording = Recording()
    recording.append(5, frame())
    with pytest.raises(ValueError, match="ids must increase"):
        recording.append(5, frame())


def test_messages_together_hold_every_frame_once(monkeypatch):
    monkeypatch.setattr(recording, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(Recording.after, "__defaults__", (1000,))
    run = runs.record(scene(), "session")
    after, steps, xy, blobs = None, [], [], 0
    more = True
    while more:
        packed, _ = run.message(after)
        arrays, message = unpack(packed)
        assert ("layout" in message) == (after is None)
        steps += arrays["steps"].tolist()
        xy.append(arrays["0.0.xy"])
        after, more, blobs = steps[-1], message["more"], blobs + 1
    assert steps == list(range(50))
    assert blobs > 3
    np.testing.assert_array_equal(np.concatenate(xy), scene().panels[0].layers[0].xy.astype(np.float32))


def test_at_most_four_runs_a_session_the_least_recently_used_goes_first():
    registry = Registry()
    mine = [registry.add(Run("mine")) for _ in range(4)]
    other = registry.add(Run("other"))
    registry.get(mine[0].id)
    fifth = registry.add(Run("mine"))
    assert registry.get(mine[1].id) is None
    assert all(registry.get(r.id) for r in (mine[0], mine[2], mine[3], other, fifth))


def test_the_process_has_a_bound_too(monkeypatch):
    monkeypatch.setattr(all_runs, "MAX_TOTAL_BYTES", 20_000)
    registry = Registry()
    for k in range(10):
        run = Run(f"session {k}")
        run.add(scene())
        registry.add(run)
    assert sum(r.nbytes for r in registry.all()) <= 20_000
    assert registry.get(run.id) is run


def test_what_nobody_watches_is_dropped(monkeypatch):
    monkeypatch.setattr(all_runs, "SECONDS_UNWATCHED", -1.0)
    registry = Registry()
    run = Run("a")
    registry._runs[run.id] = run
    run.watchers.add(lambda: None)
    registry.sweep()
    assert registry.all() == [run]
    run.watchers.clear()
    registry.sweep()
    assert registry.all() == []


def test_ids_cannot_be_guessed():
    assert len({Run("a").id for _ in range(100)}) == 100
    assert len(Run("a").id) >= 20
