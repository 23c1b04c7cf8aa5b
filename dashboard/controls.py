"""Widgets that are bound to the link: each returns a value, each key is prefixed by its page.

A link is the whole state. What a link says that cannot be (out of range, of the wrong kind) is ignored by
Streamlit without a word; these controls notice it, and :func:`show_ignored` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from dashboard import own_data
from genmodels import device

MAX_SEED = 2**31 - 1


def slider(page: str, name: str, label: str, low: float, high: float, default: float, step: float, **more):
    """A number within limits; whole where all of its limits are."""
    with _Bound(page, name) as key:
        return st.slider(label, low, high, default, step, key=key, bind="query-params", **more)


def choice(page: str, name: str, label: str, options: dict[str, str], default: str, **more) -> str:
    """One of a few, by key; Streamlit writes the text, as one reads it on the page, into the link."""
    keys = list(options)
    with _Bound(page, name) as key:
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
    with _Bound(page, name) as key:
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
        own_data.decode_points(text, x, y)
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


def csv_points(page: str) -> tuple[tuple[float, float], ...]:
    """The points of a file; a faulty file gets one sentence, and the last good points stay."""
    data = _csv(page, "CSV: two columns of numbers")
    return _rows(data.points) if data else ((0.0, 0.0), (1.0, 0.5), (2.0, 0.4), (3.0, 1.6), (4.0, 1.8))


def csv_labelled(page: str) -> dict[str, tuple]:
    """Points ``csv``, their classes ``labels`` from 0 and the ``names`` of these, of a file with a third column."""
    data = _csv(page, "CSV: two columns of numbers, one of labels")
    if data and not data.label_names:
        st.warning("The file has no third column; add one that says which class each point belongs to.")
    elif data and len(data.label_names) not in (2, 3):
        st.warning(f"The third column names {len(data.label_names)} classes; two or three can be told apart here.")
    elif data:
        return {"csv": _rows(data.points), "labels": tuple(data.labels.tolist()), "names": data.label_names}
    rows = ((0.0, 0.2), (0.8, 0.5), (0.4, 1.1), (1.2, 0.1), (2.2, 1.9), (2.9, 1.4), (2.5, 2.6), (3.3, 2.2))
    return {"csv": rows, "labels": (0,) * 4 + (1,) * 4, "names": ("a", "b")}


def _csv(page: str, label: str) -> own_data.OwnData | None:
    """The last good file of this session."""
    kept = f"{page}.file.data"
    file = st.file_uploader(label, type=["csv", "tsv", "txt"], key=f"{page}.file")
    if file is not None and st.session_state.get(f"{kept}.name") != file.file_id:
        try:
            st.session_state[kept] = own_data.read_csv(file.getvalue())
        except ValueError as why:
            st.warning(str(why))
        else:
            st.session_state[f"{kept}.name"] = file.file_id
    st.caption("A file is not part of the link.")
    return st.session_state.get(kept)


def _rows(points: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple(map(tuple, points.tolist()))


def download_points(points: Callable[[], np.ndarray]) -> None:
    """Offer the points as CSV."""
    st.download_button("Data as CSV", lambda: own_data.write_csv(points()), "points.csv", "text/csv")


class _Bound:
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


@dataclass(frozen=True)
class Shell:
    """What the sidebar decides for all pages."""

    seed: int
    device: str
    projector: bool


def sidebar() -> Shell:
    """Seed, device and projector mode."""
    with st.sidebar:
        st.markdown("**For all pages**")
        with _Bound("", "projector") as key:
            projector = st.toggle(
                "Projector mode",
                key=key,
                bind="query-params",
                help="Larger type, thicker lines: for the back row.",
            )
        with _Bound("", "seed") as key:
            seed = st.number_input(
                "Seed", 0, MAX_SEED, 0, 1, key=key, bind="query-params",
                help="Same seed, same pictures. It is part of the link.",
            )  # fmt: skip
        with _Bound("", "device") as key:
            wanted = st.selectbox(
                "Device", device.CHOICES, key=key, bind="query-params",
                help="Where networks are trained. 'auto' takes a GPU if there is one.",
            )  # fmt: skip
        in_use = device.guess() if wanted == "auto" else wanted
        st.caption(f"In use: **{device.NAMES[in_use]}**")
        if wanted not in ("auto", "cpu") and device.guess() != wanted:
            st.warning(f"No {device.NAMES[wanted]} was found on this machine; choose auto or cpu.")
    return Shell(int(seed), wanted, bool(projector))
