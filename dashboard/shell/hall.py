"""The lecture hall: which step of which lecture is on, its corner, and a lecture of one's own.

``?lecture=NAME&at=7`` is a link to a step; what it shows is :mod:`dashboard.lectures`' affair. A step begins once:
what is changed afterwards, by hand, stays until the next one.
"""

from __future__ import annotations

import time

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard.concepts import HOME, PAGES
from dashboard.lectures import Lecture, LectureError, Step, load, read, shipped, written
from dashboard.scene.words import plain

OWN = "own"
SETTLES = 2.0  # seconds in which the link may still be that of the step before


def attend(page: StreamlitPage) -> None:
    """Begin the step that the link asks for, go to its page, and show the corner; nothing without a lecture."""
    asked = st.query_params.get("lecture")
    if asked is None and "_lecture" in st.session_state:  # another page was opened by hand: the lecture waits
        asked, at = st.session_state["_lecture"]
    elif asked is None:
        return
    else:
        at = _number(st.query_params.get("at", "1"))
    try:
        lecture = _find(asked)
    except LectureError as why:
        _leave()
        st.warning(plain(why))
        return
    at = min(max(at, 1), len(lecture.steps))
    before, since = st.session_state.get("_step_before", (None, 0.0))
    if (asked, at) == before and time.monotonic() - since < SETTLES:  # asked for before the browser had the new link
        at = st.session_state["_lecture"][1]
    step = lecture.steps[at - 1]
    if st.session_state.get("_lecture") != (asked, at):
        st.session_state["_step_before"] = (st.session_state.get("_lecture"), time.monotonic())
        st.session_state["_lecture"] = (asked, at)
        st.session_state["_step"] = st.session_state["_begin"] = step
    if st.session_state.get("_begin") == step and _name(page) != step.page:  # also where a rerun came between
        st.switch_page(_path(step), query_params={"lecture": asked, "at": str(at)})  # the sidebar's own stay
    if (st.query_params.get("lecture"), st.query_params.get("at")) != (asked, str(at)):
        st.query_params.update({"lecture": asked, "at": str(at)})
    _corner(lecture, at)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 1


def _find(name: str) -> Lecture:
    if name == OWN:
        if "_own_lecture" not in st.session_state:
            raise LectureError("A lecture of your own lives in its file: open the file once more, on the map.")
        return st.session_state["_own_lecture"]
    return load(name)


def _name(page: StreamlitPage) -> str:
    return page.url_path or HOME


def _path(step: Step):
    return PAGES / f"{step.page}.py"


def _go(name: str, at: int) -> None:
    st.session_state.pop("_step_before", None)
    st.query_params.update({"lecture": name, "at": str(at)})


def _leave() -> None:
    for key in ("_lecture", "_step", "_begin", "_step_before"):
        st.session_state.pop(key, None)
    for key in ("lecture", "at"):
        st.query_params.pop(key, None)


def _corner(lecture: Lecture, at: int) -> None:
    """Before, 7/31, next."""
    last = len(lecture.steps)
    with st.container(key="lecture", horizontal=True, gap="xsmall", wrap=False, vertical_alignment="center"):
        step = lecture.steps[at - 1]
        st.markdown(plain(f"{step.say} {step.ask}" if step.page == HOME else step.say))
        st.button("‹", key=f"lecture-before-{at}", disabled=at == 1, on_click=_go, args=(lecture.name, at - 1))
        with st.popover(f"{at}/{last}"):
            st.markdown(f"**{plain(lecture.title)}**")
            for k, step in enumerate(lecture.steps, start=1):
                mark = "**" if k == at else ""
                where = f"{step.page}{' / ' * bool(step.cue)}{step.cue}"
                st.markdown(f"{k}. {mark}{plain(step.say or where)}{mark}")
            _skipped(lecture)
            st.button("Leave the lecture", key="lecture-leave", on_click=_leave)
        st.button("›", key=f"lecture-next-{at}", disabled=at == last, on_click=_go, args=(lecture.name, at + 1))


# --- On the map, and one's own ------------------------------------------------------------------------------


def lectures() -> None:
    """All lectures, to be started; and a file of one's own."""
    st.header("Lectures", anchor=False)
    st.markdown("A lecture leads from cue to cue by Page Down alone, a clicker's key. Each step is a link.")
    faulty: list[str] = []
    with st.container(horizontal=True):
        for name in shipped():
            try:
                lecture = load(name)
            except LectureError as why:
                faulty.append(f"{name}: {why}")
                continue
            _start(lecture)
    for sentence in faulty:
        st.warning(plain(sentence))
    with st.popover("Open one of your own"):
        file = st.file_uploader("A lecture's file (TOML)", type="toml", key="lecture-file")
    if file is None:
        return
    try:
        lecture = read(file.getvalue().decode("utf-8", errors="replace"), OWN)
    except LectureError as why:
        st.warning(plain(why))
        return
    st.session_state["_own_lecture"] = lecture
    _skipped(lecture)
    _start(lecture)


def _start(lecture: Lecture) -> None:
    label = f"{plain(lecture.title)} · {len(lecture.steps)} steps"
    st.button(label, key=f"lecture-start-{lecture.name}", on_click=_go, args=(lecture.name, 1))


def _skipped(lecture: Lecture) -> None:
    if lecture.skipped:
        st.caption(plain("Skipped. " + " ".join(lecture.skipped)))


def make(page: StreamlitPage) -> None:
    """In the sidebar: add what is shown to a lecture of one's own, and download it."""
    steps: list[Step] = st.session_state.setdefault("_made", [])
    st.markdown("**A lecture of your own**")
    say = st.text_input("What to say here", key="lecture-say", max_chars=300)
    st.button("Add this", key="lecture-add", on_click=_add, args=(_name(page), say))
    if steps:
        st.caption(f"{len(steps)} step{'s' * (len(steps) > 1)} so far.")
        st.download_button("Download it", written("My lecture", tuple(steps)), "lecture.toml", key="lecture-download")


def _add(page: str, say: str) -> None:
    prefix = f"{page}."
    link = {key.removeprefix(prefix): value for key, value in st.query_params.items() if key.startswith(prefix)}
    cue = link.pop("cue", st.session_state.get(f"{page}.cue", ""))
    st.session_state["_made"].append(Step(page, cue, say, link=link))
