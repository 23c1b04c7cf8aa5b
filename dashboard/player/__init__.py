"""Mounts the Player: give it a scene, and it plays.

The component's code is a thin adapter; the Player itself is a set of ES modules that our own server sends
(:mod:`dashboard.routes`) and that know nothing of Streamlit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard import runs, theme
from dashboard.routes import player_version
from dashboard.scene import Scene

HERE = Path(__file__).parent
ROOM = "calc(100vh - 20.5rem)"  # what title, cues, transport and one row of readouts leave of the first screen

_mount = st.components.v2.component(
    "generative_models_player",
    html='<div class="mount"></div>',
    css=(HERE / "player.css").read_text("utf-8"),
    js=(HERE / "adapter.js").read_text("utf-8"),
)


def play(build: Callable[..., Scene], *config: Any, key: str, height: str = ROOM, focus: str = "") -> None:
    """Show the scene ``build(*config)``; it is built once for each config in a session.

    Args:
        build: A module-level function from frozen configs to a scene.
        config: Its arguments; equal ones give the recording that is already there.
        key: Names the Player on the page.
        height: CSS height of the picture.
        focus: A word; when it changes, the Player takes the keyboard's focus.
    """
    run = _run_for((build.__module__, build.__qualname__, *config), functools.partial(build, *config), key)
    show(run, key=key, scene=build.__qualname__, height=height, focus=focus)


def show(run: runs.Run, *, key: str, scene: str, height: str = ROOM, focus: str = "") -> None:
    """Mount the Player on a run. While ``scene`` stays the same, a new run goes on at the frame shown."""
    data = {
        "run": run.id, "scene": scene, "height": height, "focus": focus, "version": player_version(),
        "palette": theme.PALETTE, "scale": 2 if st.session_state.get("projector") else 1,
    }  # fmt: skip
    _mount(key=key, data=data, on_gone_change=lambda: None)


def session_id() -> str:
    """The session that a run belongs to."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def _run_for(want: tuple, build: Callable[[], Scene], key: str) -> runs.Run:
    """The session's run for this config, if it is still held; else a new one."""
    kept = st.session_state.setdefault("_runs", {})
    had = kept.get(key)
    run = runs.registry.get(had[1]) if had and had[0] == want else None
    if run is None:
        run = runs.record(build(), session_id())
        kept[key] = (want, run.id)
    return run
