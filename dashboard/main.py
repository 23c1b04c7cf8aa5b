"""The shell: page settings, navigation, sidebar. Streamlit runs this file at every interaction."""

import streamlit as st

from dashboard.concepts import sections
from dashboard.lesson import controls
from dashboard.runs import warmup
from dashboard.shell import hall, sidebar, theme

st.set_page_config(
    page_title="Seeing generative models", page_icon="🔔", layout="wide", initial_sidebar_state="collapsed"
)

menu = {
    section: [st.Page(c.path, title=c.title, default=not c.address) for c in listed]
    for section, listed in sections().items()
}

page = st.navigation(menu, position="top")
shell = sidebar.sidebar()
theme.apply(shell.projector)
st.session_state["_shell"] = shell
hall.attend(page)
with st.sidebar:
    hall.make(page)
page.run()
controls.show_ignored()
warmup.freeze()
