"""The learner's own points in a file: the uploader that takes them in, and the button that gives points out."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.lesson import csv_files
from dashboard.scene.own_points import OwnPoints
from dashboard.scene.units import far_away
from dashboard.scene.words import number, plain

EXAMPLE = ((0.0, 0.0), (1.0, 0.5), (2.0, 0.4), (3.0, 1.6), (4.0, 1.8))
LABELLED = ((0.0, 0.2), (0.8, 0.5), (0.4, 1.1), (1.2, 0.1), (2.2, 1.9), (2.9, 1.4), (2.5, 2.6), (3.3, 2.2))
NAMED = 3
"""So many outliers are named one by one."""


def of_file(page: str, labelled: bool) -> dict[str, Any]:
    """The fields that a file sets; a faulty file gets one sentence, and the last good points stay.

    Args:
        page: Prefix of the keys.
        labelled: Whether a third column says the classes: ``labels`` from 0 and their ``names`` are set as well.
    """
    data = _last_good(page, labelled)
    st.caption("A file is not part of the link.")
    if data is None:
        st.info("These are example points, not yours: choose a file (once more, if the server has started again).")
        return {"csv": LABELLED, "labels": (0,) * 4 + (1,) * 4, "names": ("a", "b")} if labelled else {"csv": EXAMPLE}
    fields = {"csv": tuple(map(tuple, data.points.tolist())), "columns": data.columns}
    return fields | ({"labels": tuple(data.labels.tolist()), "names": data.label_names} if labelled else {})


def _last_good(page: str, labelled: bool) -> csv_files.OwnData | None:
    """The last good file of this session; what is wrong with the one that is there now, in a sentence."""
    kept = f"{page}.file.data"
    label = "CSV: two columns of numbers" + (", one of labels" if labelled else "")
    file = st.file_uploader(label, type=["csv", "tsv", "txt"], key=f"{page}.file")
    if file is not None and st.session_state.get(f"{kept}.name") != file.file_id:
        try:
            data = csv_files.read_csv(file.getvalue())
            if labelled:
                _check_labels(data)
        except ValueError as why:
            st.warning(plain(why))
        else:
            st.session_state[kept], st.session_state[f"{kept}.name"] = data, file.file_id
    return st.session_state.get(kept)


def _check_labels(data: csv_files.OwnData) -> None:
    if not data.label_names:
        raise ValueError("The file has no third column; add one that says which class each point belongs to.")
    if len(data.label_names) not in (2, 3):
        raise ValueError(f"The third column names {len(data.label_names)} classes; two or three are shown here.")


def words(config: OwnPoints) -> str:
    """What is done with a file's points, and which of them are outside the picture."""
    points, units = config.as_given(), config.units
    seen = [
        f"({name} {'−' if centre >= 0 else '+'} {number(abs(centre))}) / {number(scale, 3)}"
        for name, centre, scale in zip(units.names, units.centre, units.scale, strict=True)
    ]
    text = (
        f"{len(points):,} points. Models see {seen[0]} and {seen[1]}; the picture and its numbers are in the file's "
        "own units."
    )
    far = points[far_away(config.own())]
    if not len(far):
        return text
    named = ", ".join(f"({number(x)}, {number(y)})" for x, y in far[:NAMED].tolist())
    named += " …" if len(far) > NAMED else ""
    count = "One point lies" if len(far) == 1 else f"{len(far)} points lie"
    return f"{text} {count} outside the picture: {named}; models see {'it' if len(far) == 1 else 'them'}."


def download(config: OwnPoints) -> None:
    """Offer a config's points as CSV; one's own in the order, the units and under the names in which they came."""

    def written() -> str:
        points = config.as_given() if config.is_own else config.data()  # type: ignore[attr-defined]
        return csv_files.write_csv(points, heading=config.columns)

    st.download_button("Data as CSV", written, "points.csv", "text/csv")
