"""The map: what every generative model does, which families there are, and when they came."""

import streamlit as st

from dashboard.player import play
from dashboard.scenes.home import SchemaConfig, schema_scene
from dashboard.shell import families, hall

st.title("See generative models work", anchor=False)
st.markdown(
    "Every page about a model is this picture with another model in the middle. Not all can do everything: a GAN "
    "draws new x, but gives no p(x)."
)
play(schema_scene, SchemaConfig(st.session_state["_shell"].seed), key="home.player", height="66vh")
families.families()
families.timeline()
hall.lectures()
