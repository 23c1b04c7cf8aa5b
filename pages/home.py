"""The map: what every generative model does, which families there are, and when they came."""

import streamlit as st

from dashboard import lesson
from dashboard.player import play
from dashboard.scenes.home import SchemaConfig, schema_scene
from dashboard.shell import families as home

lesson.question("See generative models work")
st.markdown("Every page is this picture, with another model in the middle.")
play(schema_scene, SchemaConfig(st.session_state["_shell"].seed), key="home.player", height="44vh")
home.families()
home.timeline()
