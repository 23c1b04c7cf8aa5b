"""What turns a picture into a lesson: cues, what to notice, the formula, the source of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from dashboard.lesson import controls

C = TypeVar("C")


@dataclass(frozen=True)
class Cue:
    """A preset that a lecturer walks to with one key.

    Args:
        title: On its button.
        say: One sentence that tells the class what to look at.
        show: Draws the cue's controls, picture and text; takes the seed.
        preset: Values for controls, by their names without the page's prefix.
    """

    title: str
    say: str
    show: Callable[[int], None]
    preset: Mapping[str, Any] = field(default_factory=dict)


def question(text: str) -> None:
    """The question that the page answers."""
    st.title(text, anchor=False)


def cues(page: str, all_cues: Mapping[str, Cue]) -> Cue:
    """A row of buttons, keys 1, 2, 3 …; returns the cue that is on. It is part of the link."""
    key = f"{page}.cue"
    current = _current(key, list(all_cues))
    with st.container(horizontal=True, gap="small"):
        for number, (name, cue) in enumerate(all_cues.items(), start=1):
            st.button(
                cue.title,
                key=f"{key}.{name}",
                type="primary" if name == current else "secondary",
                shortcut=str(number),
                on_click=_start,
                args=(page, name, cue),
            )
    st.markdown(all_cues[current].say)
    return all_cues[current]


def _current(key: str, names: list[str]) -> str:
    if key not in st.session_state:
        asked = st.query_params.get(key)
        if asked is not None and asked not in names:
            controls.note_ignored(key, asked)
        st.session_state[key] = asked if asked in names else names[0]
    current = st.session_state[key]
    if current != names[0] and st.query_params.get(key) != current:
        st.query_params[key] = current
    return current


def _start(page: str, name: str, cue: Cue) -> None:
    st.session_state[f"{page}.cue"] = name
    st.session_state["_focus"] = st.session_state.get("_focus", 0) + 1
    st.query_params[f"{page}.cue"] = name
    for control, value in cue.preset.items():
        st.session_state[f"{page}.{control}"] = value


def focus_token() -> str:
    """Changes when a cue was started, so that the Player takes the keyboard."""
    return str(st.session_state.get("_focus", "")) or ""


@contextmanager
def beside_controls() -> Iterator[tuple[Any, Any]]:
    """Two places side by side: the few controls, and all the room that is left for the picture."""
    with st.container(horizontal=True, gap="medium", wrap=False):
        yield st.container(width=264, key="controls"), st.container(width="stretch", key="picture")


def beside(choose: Callable[[], C], draw: Callable[[C], None]) -> C:
    """Controls on the left, and on the right the picture of what they say; returns that."""
    with beside_controls() as (left, right):
        with left:
            config = choose()
        with right:
            draw(config)
    return config
