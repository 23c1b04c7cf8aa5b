"""What `benchmarks/startup_app.py` shows: the dashboard's own Gaussian page, and beside it a walk that trains."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import streamlit as st

from dashboard.player import watch
from dashboard.runs import warmup
from dashboard.scenes.random_walk import Config, scenes
from dashboard.shell import sidebar, theme

ROOT = Path(__file__).resolve().parent.parent


def walk() -> None:
    st.title("Random walk", anchor=False)
    watch(scenes, Config(particles=200, steps=100_000_000, every=100), key="walk", rate=None)


st.set_page_config(layout="wide", initial_sidebar_state="collapsed")
pages = [st.Page(ROOT / "pages" / "gaussian.py", title="Gaussian", default=True), st.Page(walk, title="Walk")]
page = st.navigation(pages, position="top")
shell = sidebar.sidebar()
theme.apply(shell.projector)
st.session_state["_shell"] = shell
page.run()
warmup.freeze()
