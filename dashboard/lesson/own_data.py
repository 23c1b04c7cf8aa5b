"""The learner's own points: the controls that take them in and give them out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from dashboard.lesson import csv_files


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


def _csv(page: str, label: str) -> csv_files.OwnData | None:
    """The last good file of this session."""
    kept = f"{page}.file.data"
    file = st.file_uploader(label, type=["csv", "tsv", "txt"], key=f"{page}.file")
    if file is not None and st.session_state.get(f"{kept}.name") != file.file_id:
        try:
            st.session_state[kept] = csv_files.read_csv(file.getvalue())
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
    st.download_button("Data as CSV", lambda: csv_files.write_csv(points()), "points.csv", "text/csv")
