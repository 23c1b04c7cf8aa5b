"""What a page says of its checkpoints: figures; where one cannot be read, why, and a button that builds it."""

from __future__ import annotations

import streamlit as st

from dashboard import runs
from dashboard.scene.words import plain
from genmodels.store import building, cache, checkpoint
from genmodels.store.checkpoint import CheckpointError
from genmodels.store.recipe import all_recipes


def ready(page: str, *names: str) -> bool:
    """Whether these can be shown; where one cannot, the page says why and offers to build it."""
    broken = {name: why for name in names if (why := _trouble(name))}
    for name, why in broken.items():
        st.warning(plain(why))
        if st.button(f"Build {name} again", key=f"{page}.build.{name}"):
            _build(name, st.session_state["_shell"].device)
    return not broken


def _trouble(name: str) -> str:
    """What is wrong with it, in a sentence; empty if nothing is. Its hash and its config are compared each time."""
    try:
        checkpoint.load(name, config=all_recipes()[name].config, folder=checkpoint.FOLDER)
    except CheckpointError as why:
        return f"{why} (or press the button)."
    return ""


def _build(name: str, device: str) -> None:
    bar = st.progress(0.0, "…")

    def progress(done: int, total: int, text: str) -> None:
        bar.progress(min(done / max(total, 1), 1.0), f"{done:,} of {total:,}  {text}")

    try:
        checkpoint.reindex(checkpoint.FOLDER)  # a lost index costs no training; one of a newer format ends it here
        if _trouble(name):
            building.build(name, device, progress, checkpoint.FOLDER)
    except (ValueError, OSError) as why:
        bar.error(plain(f"{name} could not be built: {why}"))
        return
    runs.scenes.clear()  # what was drawn from the old one
    st.session_state.pop("_runs", None)
    st.rerun()


def figures(*names: str, words: dict[str, str]) -> None:
    """Held-out figures as ``--check`` recomputes them, one line a checkpoint; ``words`` say what a metric is."""
    st.header("Held-out figures", anchor=False)
    rows: list[dict[str, str]] = []
    for name in names:
        entry = cache.load(name).entry
        rows.append({"checkpoint": name} | {words[m]: f"{v:.4g}" for m, v in entry.metrics.items() if m in words})
    st.table(rows)
    st.caption("`python -m genmodels.train --check` computes them again from the files.")


def recorded(found: str) -> None:
    """Under a recording whose weights were not all kept: what ``--check`` finds again, and that the rest is not."""
    st.caption(f"`--check` computes {found} again; the frames between are recorded, not recomputed.")
