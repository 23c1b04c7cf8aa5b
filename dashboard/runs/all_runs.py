"""All runs of the process: what is kept, and for how long."""

from __future__ import annotations

import asyncio
import os
import threading
import time

from dashboard.runs.growth import Frames, Recipe
from dashboard.runs.live import LiveRun
from dashboard.runs.run import GONE, Ask, Run
from dashboard.scene import Scene

MAX_TOTAL_BYTES = 2**30
MAX_RUNS_PER_SESSION = 4
SECONDS_UNWATCHED = float(os.environ.get("DASHBOARD_SECONDS_UNWATCHED", "120"))


class Registry:
    """All runs of the process."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._lock = threading.RLock()

    def add(self, run: Run) -> Run:
        """Keep a run; drop the least recently used ones where a limit is passed."""
        with self._lock:
            self.sweep()
            self._runs[run.id] = run
            mine = [r for r in self._by_use() if r.session == run.session]
            for old in mine[: max(0, len(mine) - MAX_RUNS_PER_SESSION)]:
                self.drop(old.id)
            self.keep_bound(run)
        return run

    def keep_bound(self, run: Run) -> None:
        """Where all runs together hold too much, drop those used longest ago, but not this one."""
        with self._lock:
            others = [r for r in self._by_use() if r is not run]
            while others and sum(r.nbytes for r in self._runs.values()) > MAX_TOTAL_BYTES:
                self.drop(others.pop(0).id)

    def adopt(self, browser: str, recipe: Recipe, session: str) -> LiveRun | None:
        """A live run of this recipe that this browser has left a moment ago, by a reload: it is the session's now."""
        with self._lock:
            self.sweep()
            for run in reversed(self._by_use()):
                if not isinstance(run, LiveRun) or run.watchers or run.status in ("done", "failed"):
                    continue
                if browser and run.browser == browser and run.recipe == recipe:
                    run.session, run.used = session, time.monotonic()
                    return run
        return None

    def get(self, run_id: str) -> Run | None:
        """The run of that id, or None if it never was or is gone."""
        run = self._runs.get(run_id)
        if run:
            run.used = time.monotonic()
        return run

    def drop(self, run_id: str) -> None:
        """Forget a run; those who watch it are told at their next question."""
        with self._lock:
            run = self._runs.pop(run_id, None)
        if run:
            if isinstance(run, LiveRun):
                run.forget()
            run.set_status("failed", GONE)

    def sweep(self) -> None:
        """Drop what nobody has watched for two minutes."""
        now = time.monotonic()
        for run in self._by_use():
            if not run.watchers and now - run.used > SECONDS_UNWATCHED:
                self.drop(run.id)

    def clear(self) -> None:
        """Drop everything."""
        for run_id in list(self._runs):
            self.drop(run_id)

    def all(self) -> list[Run]:
        """Every run held."""
        return list(self._runs.values())

    def _by_use(self) -> list[Run]:
        return sorted(self._runs.values(), key=lambda r: (bool(r.watchers), r.used))


registry = Registry()


def record(scene: Scene | Frames, session: str, ask: Ask | None = None) -> Run:
    """Keep a scene that is complete, or its frames, as a run that is done."""
    run = Run(session, ask)
    run.receive(Frames.of(scene, first=True) if isinstance(scene, Scene) else scene)
    run.set_status("done")
    return registry.add(run)


def start(run: LiveRun) -> LiveRun:
    """Keep a live run; it grows from the moment that somebody watches."""
    registry.add(run)
    return run


class Watch:
    """A socket's view of a run: wakes the event loop when there is something new."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Watch:
        self.run.watch(self.wake)
        return self

    def __exit__(self, *_: object) -> None:
        self.run.unwatch(self.wake)
        asyncio.get_running_loop().call_later(SECONDS_UNWATCHED + 1, registry.sweep)

    def wake(self) -> None:
        """Something is new; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._event.set)

    async def changed(self) -> None:
        """Wait until the run says that something changed."""
        await self._event.wait()
        self._event.clear()
