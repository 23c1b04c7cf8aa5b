"""A dashboard of one page for the tests of live runs: random walks, one or several, slow or failing."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import streamlit as st

from dashboard import runs
from dashboard.player import run_for, session_id, show, watch
from dashboard.scenes.random_walk import Config, scenes
from dashboard.shell import theme


def walk() -> None:
    theme.apply(False)
    st.title("Random walk", anchor=False)
    asked = {
        name: int(st.query_params.get(name, default))
        for name, default in {"particles": 200, "steps": 100_000, "fail_at": 0, "rate": 60, "bytes": 0}.items()
    }
    seed = st.slider("Seed", 0, 9, 0, key="seed")
    config = Config(asked["particles"], asked["steps"], asked["fail_at"], seed)
    rate = asked["rate"] or None
    if asked["bytes"]:  # a bound of its own

        def make() -> runs.Run:
            return runs.start(runs.LiveRun(session_id(), scenes, config, rate=rate, max_bytes=asked["bytes"]))

        show(run_for(("bound", config), make, "walk"), key="walk", scene="walk")
    else:
        watch(scenes, config, key="walk", rate=rate)


def elsewhere() -> None:
    st.title("Elsewhere", anchor=False)


st.set_page_config(layout="wide")
st.navigation(
    [st.Page(walk, title="Walk", default=True), st.Page(elsewhere, title="Elsewhere")], position="top"
).run()
