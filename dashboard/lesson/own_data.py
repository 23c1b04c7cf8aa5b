"""The learner's own points in a file: the uploader that takes them in, and the button that gives points out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from dashboard.lesson import csv_files
from dashboard.scene.words import plain

EXAMPLE = ((0.0, 0.0), (1.0, 0.5), (2.0, 0.4), (3.0, 1.6), (4.0, 1.8))
LABELLED = ((0.0, 0.2), (0.8, 0.5), (0.4, 1.1), (1.2, 0.1), (2.2, 1.9), (2.9, 1.4), (2.5, 2.6), (3.3, 2.2))


def of_file(page: str, labelled: bool) -> dict[str, tuple]:
    """The fields that a file sets; a faulty file gets one sentence, and the last good points stay.

    Args:
        page: Prefix of the keys.
        labelled: Whether a third column says the classes: ``labels`` from 0 and their ``names`` are set as well.
    """
    if not labelled:
        data = _last_good(page, "CSV: two columns of numbers")
        return {"csv": _rows(data.points) if data else EXAMPLE}
    data = _last_good(page, "CSV: two columns of numbers, one of labels")
    if data and not data.label_names:
        st.warning("The file has no third column; add one that says which class each point belongs to.")
    elif data and len(data.label_names) not in (2, 3):
        st.warning(plain(f"The third column names {len(data.label_names)} classes; two or three are shown here."))
    elif data:
        return {"csv": _rows(data.points), "labels": tuple(data.labels.tolist()), "names": data.label_names}
    return {"csv": LABELLED, "labels": (0,) * 4 + (1,) * 4, "names": ("a", "b")}


def _last_good(page: str, label: str) -> csv_files.OwnData | None:
    """The last good file of this session."""
    kept = f"{page}.file.data"
    file = st.file_uploader(label, type=["csv", "tsv", "txt"], key=f"{page}.file")
    if file is not None and st.session_state.get(f"{kept}.name") != file.file_id:
        try:
            st.session_state[kept] = csv_files.read_csv(file.getvalue())
        except ValueError as why:
            st.warning(plain(why))
        else:
            st.session_state[f"{kept}.name"] = file.file_id
    st.caption("A file is not part of the link.")
    if kept not in st.session_state:
        st.info("These are example points, not yours: choose a file (once more, if the server has started again).")
    return st.session_state.get(kept)


def _rows(points: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple(map(tuple, points.tolist()))


def download(config: Any) -> None:
    """Offer a config's points as CSV; one's own in the order in which they came."""
    points: Callable[[], np.ndarray] = config.own if config.is_own else config.data
    st.download_button("Data as CSV", lambda: csv_files.write_csv(points()), "points.csv", "text/csv")
