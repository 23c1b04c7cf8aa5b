"""Widgets that are bound to the link: each returns a value, each key is prefixed by its page.

A link is the whole state. What a link says that cannot be (out of range, of the wrong kind) is ignored by
Streamlit without a word; these controls notice it, and :func:`show_ignored` says so.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.scene.painted import decode_points


def slider(page: str, name: str, label: str, low: float, high: float, default: float, step: float, **more):
    """A number within limits; whole where all of its limits are."""
    with Bound(page, name) as key:
        return st.slider(label, low, high, default, step, key=key, bind="query-params", **more)


def choice(page: str, name: str, label: str, options: dict[str, str], default: str, **more) -> str:
    """One of a few, by key; Streamlit writes the text, as one reads it on the page, into the link."""
    keys = list(options)
    with Bound(page, name) as key:
        return st.selectbox(
            label,
            keys,
            keys.index(default),
            format_func=options.__getitem__,
            key=key,
            bind="query-params",
            **more,
        )


def switch(page: str, name: str, label: str, default: bool = False, **more) -> bool:
    """On or off."""
    with Bound(page, name) as key:
        return st.toggle(label, default, key=key, bind="query-params", **more)


def linked(page: str, name: str, default: Any) -> Any:
    """A value without a widget that still stands in the link: what was painted, where a handle was left.

    It has the type of its default; what the link says that has not, is ignored with a note.
    """
    key = f"{page}.{name}"
    if key not in st.session_state:
        asked = st.query_params.get(key)
        st.session_state[key] = default if asked is None else _read(key, asked, default)
    if st.session_state[key] == default:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != str(st.session_state[key]):
        st.query_params[key] = str(st.session_state[key])
    return st.session_state[key]


def _read(key: str, asked: str, default: Any) -> Any:
    try:
        value = type(default)(asked)
    except ValueError:
        value = None
    if value is None or (isinstance(value, float) and not abs(value) <= 1e6):
        note_ignored(key, asked)
        return default
    return value


def painted(page: str, name: str, x: tuple[float, float], y: tuple[float, float], default: str = "") -> str:
    """Painted points as they stand in the link; what cannot be read is ignored with a note."""
    text = linked(page, name, default)
    try:
        decode_points(text, x, y)
    except ValueError:
        note_ignored(f"{page}.{name}", text)
        st.session_state[f"{page}.{name}"] = default
        return linked(page, name, default)
    return text


def put(page: str, new: Any) -> None:
    """Take over a config that the hand has made: each field goes to the control of that name."""
    for name, value in vars(new).items():
        if f"{page}.{name}" in st.session_state:
            st.session_state[f"{page}.{name}"] = value


class Bound:
    """Compares the link before and after a widget, and remembers what was ignored."""

    def __init__(self, page: str, name: str) -> None:
        self.key = f"{page}.{name}" if page else name

    def __enter__(self) -> str:
        # Streamlit drops the value from the link while it makes the widget, and only on its first run
        self.asked = st.query_params.get(self.key) if self.key not in st.session_state else None
        return self.key

    def __exit__(self, *_: object) -> None:
        if self.asked is not None and self.key not in st.query_params and not _same(self.asked, self.key):
            note_ignored(self.key, self.asked)


def _same(asked: str, key: str) -> bool:
    value = st.session_state.get(key)
    try:
        return float(asked) == float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return asked.lower() == str(value).lower()


def note_ignored(key: str, asked: str) -> None:
    """Remember that the link asked for something that cannot be."""
    st.session_state.setdefault("_ignored", {})[key] = asked


def show_ignored() -> None:
    """Say once, in one sentence, what in the link was ignored."""
    ignored = st.session_state.pop("_ignored", {})
    if ignored:
        told = ", ".join(f"{key}={value[:40]}" for key, value in ignored.items())
        st.info(f"The link asks for something this page does not have ({told}); the usual value is used instead.")
