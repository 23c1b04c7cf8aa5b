"""The page's own style: the picture comes first, and larger type for the projector."""

from __future__ import annotations

import streamlit as st

_STYLE = """
<style>
  /* The picture comes first: little air above it, and no heading larger than needed. */
  .stMainBlockContainer { padding: 4.2rem 2.5rem 3rem; max-width: 110rem; }
  .stMain [data-testid="stBaseButton-primary"] { color: light-dark(#FFFFFF, #12161C); }
  .stMain h1 { font-size: 1.6rem; padding: 0 0 0.55rem; line-height: 1.25; }
  /* what nobody sees takes no tab stop */
  .stSidebar[data-collapsed="true"], .stSidebar[data-collapsed="true"] * { visibility: hidden !important; }
  .stMain .planned { opacity: 0.8; }
  .stMain h2 { font-size: 1.15rem; padding: 0.6rem 0 0.5rem; line-height: 1.3; }
  .stMain [data-testid="stVerticalBlock"] { gap: 0.6rem; }
  .stMain p, .stMain li { line-height: 1.5; }
  .stMain [data-testid="stCaptionContainer"] { opacity: 1; }
  /* prose, formulas and code: no line longer than one can read, none wider than the page */
  .stMain [data-testid="stMarkdownContainer"] :is(p, li) { max-width: 62rem; }
  .stMain .katex-display { overflow-x: auto; overflow-y: hidden; padding: 0.2rem 0; text-align: left; }
  .stMain .katex-display > .katex { text-align: left; }
</style>
"""
_PROJECTOR = "<style>html { font-size: 24px !important; } .stMain h1 { font-size: 1.35rem; }</style>"


def apply(projector: bool) -> None:
    """Put the page's own style in place; in projector mode everything is written in 24 px and more."""
    st.html(_STYLE + (_PROJECTOR if projector else ""))
