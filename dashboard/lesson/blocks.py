"""What turns a picture into a lesson: cues, what to notice, the formula, the source of a step."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.concepts import concepts


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


def challenge(
    page: str, title: str, task: str, measure: str, score: Callable[[], float], goal: float, unit: str
) -> None:
    """A task that checks itself, when asked: the score must fall below the goal."""
    st.header(f"Challenge: {title}", anchor=False)
    st.markdown(f"{task} Goal: {measure} below {goal:g} {unit}.")
    if st.button("How close am I?", key=f"{page}.challenge.check"):
        reached = score()
        result = f"{measure} = {reached:.3f} {unit}."
        if reached < goal:
            st.success(f"Solved! {result}")
        else:
            st.info(f"Not yet: {result}")


def recomputed(page: str, name: str, compute: Callable[[Callable], Any], label: str) -> Any:
    """What this session has computed again, with a progress bar; None before it has.

    Args:
        page: Prefix of the keys.
        name: Of what is computed.
        compute: Does the work; it is given ``progress(share, text)`` to call with a share from 0 to 1.
        label: On the button.
    """
    key = f"{page}.{name}.computed"
    place = st.empty()
    if st.button(label, key=f"{page}.{name}.compute"):
        bar = place.progress(0.0, "…")
        st.session_state[key] = compute(lambda share, text: bar.progress(min(max(share, 0.0), 1.0), text))
        place.empty()
    if key in st.session_state:
        place.caption("Computed in this session.")
    return st.session_state.get(key)


def source(code: str, *functions: Callable) -> None:
    """The code behind the picture: a text that runs by itself, if there is one, and functions as they are run."""
    with st.container(key="code"):
        st.header("The code behind the picture", anchor=False)
        if code:
            st.markdown("This makes the numbers of the picture again, by itself:")
            st.code(code, language="python")
        for function in functions:
            module = inspect.getmodule(function)
            with st.expander(f"`{module.__name__ if module else ''}.{function.__name__}`"):
                st.code(inspect.getsource(function), language="python")


def neighbours(page: str) -> None:
    """The pages before and after this one; Page Up and Page Down lead there, too."""
    listed = concepts()
    at = [concept.page for concept in listed].index(page)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for key, title, there in (("before", "Before", at - 1), ("next", "Next", at + 1)):
            if 0 <= there < len(listed):
                with st.container(key=f"{key}-page", width="content"):
                    st.page_link(listed[there].path, label=f"{title}: {listed[there].title}")


def references(*lines: str) -> None:
    """Where to read on."""
    st.header("References", anchor=False)
    st.markdown("\n".join(f"- {line}" for line in lines))
