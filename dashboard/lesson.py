"""What turns a picture into a lesson: cues, what to notice, the formula, the source of a step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from dashboard import controls

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


def notice(*sentences: str) -> None:
    """What to look at in the picture above."""
    st.header("What to notice", anchor=False)
    st.markdown("\n".join(f"- {s}" for s in sentences))


def formula(title: str, latex: str, words: str = "") -> None:
    """A formula with the current numbers in it."""
    st.header(title, anchor=False)
    st.latex(latex)
    if words:
        st.markdown(words)


def predict(page: str, question: str, options: Sequence[str], right: str, because: str) -> None:
    """Ask first, then reveal: one guesses, and is told whether and why."""
    st.header("Predict, then reveal", anchor=False)
    guess = st.radio(question, options, index=None, key=f"{page}.predict.{question}")
    if guess is None:
        st.caption("Make up your mind first.")
    elif guess == right:
        st.success(f"Yes. {because}")
    else:
        st.warning(f"Not quite: {right}. {because}")


def challenge(
    page: str, title: str, task: str, measure: str, score: Callable[[], float], goal: float, unit: str
) -> None:
    """A task that checks itself, when asked: the score must fall below the goal."""
    st.header(f"Challenge: {title}", anchor=False)
    st.markdown(f"{task} Goal: {measure} below {goal:g} {unit}.")
    if st.button("How close am I?", key=f"{page}.challenge.check"):
        reached = score()
        told = f"{measure} = {reached:.3f} {unit}."
        if reached < goal:
            st.success(f"Solved! {told}")
        else:
            st.info(f"Not yet: {told}")


def recomputed(
    page: str, name: str, stored: Callable[[], Any], compute: Callable[[Callable], Any], label: str
) -> Any:
    """What was computed once and stored, or what this session has computed again, with a progress bar.

    Args:
        stored: Reads it; a ValueError says why it cannot, and how to mend that.
        compute: Does the work; it is given ``progress(share, text)`` to call with a share from 0 to 1.
        label: On the button.
    """
    key = f"{page}.{name}.computed"
    told = st.empty()
    if st.button(label, key=f"{page}.{name}.compute"):
        bar = told.progress(0.0, "…")
        st.session_state[key] = compute(lambda share, text: bar.progress(min(max(share, 0.0), 1.0), text))
        told.empty()
    if key in st.session_state:
        told.caption("Computed in this session.")
        return st.session_state[key]
    try:
        return stored()
    except ValueError as why:
        told.warning(str(why))
        return None


def source(*functions: Callable) -> None:
    """The code behind the picture, as it is run."""
    st.header("The code behind the picture", anchor=False)
    for function in functions:
        module = inspect.getmodule(function)
        with st.expander(f"`{module.__name__ if module else ''}.{function.__name__}`"):
            st.code(inspect.getsource(function), language="python")


def references(*lines: str) -> None:
    """Where to read on."""
    st.header("References", anchor=False)
    st.markdown("\n".join(f"- {line}" for line in lines))
