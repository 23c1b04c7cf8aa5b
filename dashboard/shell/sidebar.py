"""What the sidebar decides for all pages: seed, device, projector mode."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.lesson.controls import binding, is_switch, number_within
from dashboard.scene.words import plain
from genmodels import device

MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class Shell:
    """What the sidebar decides for all pages."""

    seed: int
    device: str
    projector: bool


def sidebar() -> Shell:
    """Seed, device and projector mode."""
    with st.sidebar:
        st.markdown("**For all pages**")
        projector = st.toggle(
            "Projector mode",
            key="projector",
            bind=binding("projector", is_switch),
            help="Larger type, thicker lines: for the back row.",
        )
        seed = st.number_input(
            "Seed", 0, MAX_SEED, 0, 1, key="seed", bind=binding("seed", number_within(0, MAX_SEED)),
            help="Same seed, same pictures. It is part of the link.",
        )  # fmt: skip
        wanted = st.selectbox(
            "Device", device.CHOICES, key="device", bind=binding("device", device.CHOICES.__contains__),
            help="Where networks are trained. 'auto' takes a GPU if there is one.",
        )  # fmt: skip
        in_use = device.guess() if wanted == "auto" else wanted
        st.caption(f"In use: **{device.NAMES[in_use]}**")
        if wanted not in ("auto", "cpu") and device.guess() != wanted:
            st.warning(plain(f"No {device.NAMES[wanted]} was found on this machine; choose auto or cpu."))
    return Shell(int(seed), wanted, bool(projector))
