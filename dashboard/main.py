"""The shell: page settings, navigation, sidebar. Streamlit runs this file at every interaction."""

from pathlib import Path

import streamlit as st

from dashboard.lesson import controls
from dashboard.runs import warmup
from dashboard.shell import sidebar, theme
from dashboard.shell.atlas import SECTIONS

PAGES = Path(__file__).resolve().parent.parent / "pages"

st.set_page_config(
    page_title="Seeing generative models", page_icon="🔔", layout="wide", initial_sidebar_state="collapsed"
)

navigation = {"": [st.Page(PAGES / "home.py", title="Map", default=True)]}
for section, concepts in SECTIONS.items():
    pages = [st.Page(PAGES / f"{c.page}.py", title=c.title) for c in concepts if (PAGES / f"{c.page}.py").exists()]
    if pages:
        navigation[section] = pages

page = st.navigation(navigation, position="top")
shell = sidebar.sidebar()
theme.apply(shell.projector)
st.session_state["_shell"] = shell
page.run()
controls.show_ignored()
warmup.freeze()
