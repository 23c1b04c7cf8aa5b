"""Mounts the Player: give it a scene, and it plays.

The component's code is a thin adapter; the Player itself is a set of ES modules that our own server sends
(:mod:`dashboard.player.files`) and that know nothing of Streamlit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard import runs
from dashboard.player.files import base_path, player_version
from dashboard.scene import Scene
from dashboard.scene.colours import PALETTE
from dashboard.scene.words import plain

HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "generative_models_player",
    html='<div class="mount"></div>',
    css=(HERE / "player.css").read_text("utf-8"),
    js=(HERE / "adapter.js").read_text("utf-8"),
)


AfterDrag = Callable[[Any, Mapping[str, Any]], Any]


def play(
    draw: Callable[[Any], Scene],
    config: Any,
    *,
    key: str,
    after_drag: AfterDrag | None = None,
    on_drop: Callable[[Any], None] | None = None,
    height: str = "",
    focus: str = "",
    words: Mapping[str, Any] | None = None,
    on_pin: Callable[[list[int]], None] = lambda steps: None,
) -> None:
    """Show the scene ``draw(config)``; it is computed once for each config, whoever looks.

    Args:
        draw: A module-level function from a frozen config to a scene.
        config: An equal one gives the recording that is already there.
        key: Names the Player on the page.
        after_drag: From the config and what a drag says to a new config; while something is dragged the
            Player shows that config's scene.
        on_drop: Takes the new config over, on release.
        height: CSS height; by default all the room down to the window's end.
        focus: A word; when it changes, the Player takes the keyboard's focus.
        words: What belongs to the picture: ``say``, a cue's sentence; ``name``, what a saved picture says of where
            it comes from; ``ask``, a question before it plays (:meth:`dashboard.questions.Question.words`);
            ``code``, Python that makes its numbers; ``pin``, ids of frames to keep beside the one that plays, such
            as ``1,100``.
        on_pin: Takes the ids of the frames that are pinned, when that has changed.
    """

    def ask(values: Mapping[str, Any], step: int) -> Scene:
        return draw(after_drag(config, values)) if after_drag else draw(config)

    want = (draw.__module__, draw.__qualname__, config)

    def make() -> runs.Run:
        frames = runs.scenes.frames(want, lambda: draw(config))
        return runs.record(frames, session_id(), ask if after_drag else None)

    run = run_for(want, make, key)
    if run is None:
        return

    def released() -> None:
        said = st.session_state[key].get("drop")
        if said and after_drag and on_drop:
            on_drop(after_drag(config, said))

    scene = f"{draw.__module__}.{draw.__qualname__}"
    show(run, key=key, scene=scene, height=height, focus=focus, words=words, on_pin=on_pin, released=released)


def watch(
    draw: Callable[..., Iterator[Scene | None]],
    config: Any,
    *,
    key: str,
    rate: float | None = None,
    moves: Mapping[str, str] | None = None,
    slow: bool = False,
    check: Callable[[Any], None] = lambda config: None,
    height: str = "",
    focus: str = "",
    words: Mapping[str, Any] | None = None,
    on_pin: Callable[[list[int]], None] = lambda steps: None,
) -> None:
    """Show a run that grows while it is watched: ``draw(config)`` yields its frames.

    Args:
        draw: A module-level function from a frozen config to an iterator of one-frame scenes; with moves it takes
            an iterator of :class:`dashboard.runs.Move` besides.
        config: An equal one gives the run that is already there.
        key: Names the Player on the page.
        rate: At most so many frames a second.
        moves: Buttons for single steps, by their words; see :class:`dashboard.runs.LiveRun`.
        slow: Whether it starts in slow motion.
        check: Raises a ValueError where the config cannot be: the page says why, and the last good run stays.
        height: CSS height; by default all the room down to the window's end.
        focus: A word; when it changes, the Player takes the keyboard's focus.
        words: As for :func:`play`.
        on_pin: As for :func:`play`.
    """

    def make() -> runs.Run:
        check(config)
        whose = browser()
        run = runs.LiveRun(session_id(), draw, config, rate=rate, moves=moves, slow=slow, browser=whose)
        return runs.registry.adopt(whose, run.recipe, run.session) or runs.start(run)

    run = run_for((draw.__module__, draw.__qualname__, config), make, key)
    if run is not None:
        scene = f"{draw.__module__}.{draw.__qualname__}"
        show(run, key=key, scene=scene, height=height, focus=focus, words=words, on_pin=on_pin)


def show(
    run: runs.Run,
    *,
    key: str,
    scene: str,
    height: str = "",
    focus: str = "",
    words: Mapping[str, Any] | None = None,
    on_pin: Callable[[list[int]], None] = lambda steps: None,
    released: Callable[[], None] = lambda: None,
) -> None:
    """Mount the Player on a run. While ``scene`` stays the same, a new run goes on at the frame shown."""

    def pinned() -> None:
        if said := st.session_state[key].get("pin"):
            on_pin([int(step) for step in said["steps"]])

    data = {
        "run": run.id, "scene": scene, "height": height, "focus": focus, "version": player_version(),
        "base": base_path(), "palette": PALETTE, "scale": 2 if st.session_state.get("projector") else 1,
        "embed": bool(st.context.is_embedded),
    }  # fmt: skip
    _mount(
        key=key,
        data=data | dict(words or {}),
        on_gone_change=functools.partial(_forget, key),
        on_drop_change=released,
        on_pin_change=pinned,
    )


def listen(key: str) -> None:
    """Hear the keys that turn cues and pages where no Player is on the page."""
    _mount(key=key, data={"run": ""})


def last_readouts(key: str) -> dict[str, float]:
    """The numbers of the newest frame of the run that a Player shows, by name; empty if there is none."""
    shown = st.session_state.get("_runs", {}).get(key)
    run = runs.registry.get(shown[1]) if shown else None
    return run.last_readouts() if run else {}


def session_id() -> str:
    """The session that a run belongs to."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def browser() -> str:
    """What tells one browser from another, over a reload; empty if nothing does.

    It is the secret of Streamlit's own cookie, which is masked anew each time: ``2|mask|masked|time``.
    """
    cookie = st.context.cookies.get("_streamlit_xsrf", "") if get_script_run_ctx() else ""
    try:
        _, mask, masked, _ = cookie.split("|")
        key, secret = bytes.fromhex(mask), bytes.fromhex(masked)
        return bytes(b ^ key[k % len(key)] for k, b in enumerate(secret)).hex()
    except (ValueError, ZeroDivisionError):
        return ""


def _forget(key: str) -> None:
    """The Player asks for another run: the one it had is gone, or is to start again."""
    shown = st.session_state.get("_runs", {}).get(key)
    if shown and shown[1] == st.session_state[key].get("gone"):  # it may have another one by now
        del st.session_state["_runs"][key]
        runs.registry.drop(shown[1])


def run_for(want: tuple, make: Callable[[], runs.Run], key: str) -> runs.Run | None:
    """The session's run for this config, if it is still held; else a new one.

    Where the config cannot be drawn (a ValueError), the page says why and keeps the last good run.
    """
    kept = st.session_state.setdefault("_runs", {})
    shown = kept.get(key)
    run = runs.registry.get(shown[1]) if shown else None
    if run and shown[0] == want:
        return run
    try:
        new = make()
    except ValueError as why:
        st.warning(plain(why))
        return run
    if run:
        runs.registry.drop(run.id)
    kept[key] = (want, new.id)
    return new
